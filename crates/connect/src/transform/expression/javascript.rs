//! Operators as JavaScript has them. What a Java object would become there is refused where it is not plain.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::limits::EXPRESSION_TEXT_BYTES;

use super::Operator;
use super::operand::{Operand, text_order};

/// Why an operator cannot be applied.
type Reason = String;

/// The largest whole number that is one in JavaScript.
const WHOLE: i64 = 1 << 53;

/// Whether it counts as true: not null, not undefined, not zero, no empty text.
pub(super) fn truth(operand: &Operand<'_>) -> Result<bool, Reason> {
    Ok(match operand {
        Operand::Null | Operand::Undefined | Operand::Skipped => false,
        Operand::Boolean(value) => *value,
        Operand::Text(text) => !text.is_empty(),
        Operand::Decimal(_) | Operand::Huge => return Err(object(operand)),
        other => match number(other)? {
            Some(value) => value != 0.0 && !value.is_nan(),
            None => true,
        },
    })
}

/// `==`, which makes numbers of texts and booleans; `===` does not.
pub(super) fn equal(left: &Operand<'_>, right: &Operand<'_>, strictly: bool) -> Result<bool, Reason> {
    if left.is_null() || right.is_null() {
        let null = |operand: &Operand<'_>| matches!(operand, Operand::Null);
        return Ok(left.is_null() && right.is_null() && (!strictly || null(left) == null(right)));
    }
    match (left, right) {
        (Operand::Text(left), Operand::Text(right)) => return Ok(left == right),
        (Operand::Boolean(left), Operand::Boolean(right)) => return Ok(left == right),
        // Each is another object.
        (Operand::Struct(..), Operand::Struct(..)) => return Ok(false),
        _ => {}
    }
    if strictly && !matches!(left, Operand::Decimal(_)) && !matches!(right, Operand::Decimal(_)) {
        return match (number(left)?, number(right)?) {
            (Some(left), Some(right)) => Ok(left == right),
            _ if primitive(left) || primitive(right) => Ok(false),
            _ => Err(object(left)),
        };
    }
    if strictly {
        return Err("a decimal is no number to ===; write == here".to_owned());
    }
    Ok(compared(left)? == compared(right)?)
}

/// `<`, `>` and so on; `None` when there is no order, as with NaN.
pub(super) fn order(left: &Operand<'_>, right: &Operand<'_>) -> Result<Option<Ordering>, Reason> {
    if let (Operand::Text(left), Operand::Text(right)) = (left, right) {
        return Ok(Some(text_order(left, right)));
    }
    Ok(compared(left)?.partial_cmp(&compared(right)?))
}

pub(super) fn arithmetic<'a>(
    operator: Operator,
    left: &Operand<'a>,
    right: &Operand<'a>,
) -> Result<Operand<'a>, Reason> {
    if operator == Operator::Plus && [left, right].iter().any(|side| matches!(side, Operand::Text(_))) {
        let (Some(left), Some(right)) = (text(left)?, text(right)?) else {
            return Err(format!("{} and {} make no text", left.kind(), right.kind()));
        };
        if left.len().saturating_add(right.len()) > EXPRESSION_TEXT_BYTES {
            return Err(super::groovy::long());
        }
        return Ok(Operand::Text(left + right));
    }
    let (first, second) = (counted(left)?, counted(right)?);
    Ok(Operand::Double(match operator {
        Operator::Plus => first + second,
        Operator::Minus => first - second,
        Operator::Times => first * second,
        Operator::Divided => first / second,
        Operator::Remainder => first % second,
    }))
}

pub(super) fn negative<'a>(operand: &Operand<'_>) -> Result<Operand<'a>, Reason> {
    Ok(Operand::Double(-counted(operand)?))
}

/// What `+` with a text makes of it; `None` for what has no text of its own.
pub(super) fn text<'a>(operand: &Operand<'a>) -> Result<Option<Cow<'a, str>>, Reason> {
    Ok(Some(match operand {
        Operand::Text(text) => text.clone(),
        Operand::Null => Cow::Borrowed("null"),
        Operand::Undefined | Operand::Skipped => Cow::Borrowed("undefined"),
        Operand::Boolean(value) => Cow::Owned(value.to_string()),
        Operand::Decimal(value) => Cow::Owned(value.to_string()),
        other => match number(other)? {
            Some(value) => Cow::Owned(number_text(value)),
            None => return Ok(None),
        },
    }))
}

/// `Number.toString`.
fn number_text(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    if (1e-6..1e21).contains(&value.abs()) || value.is_nan() {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

/// A number of a record or of the expression.
fn number(operand: &Operand<'_>) -> Result<Option<f64>, Reason> {
    Ok(match operand {
        Operand::Small(_, value) => Some(f64::from(*value)),
        Operand::Int(value) => Some(f64::from(*value)),
        Operand::Long(value) if value.unsigned_abs() > WHOLE.unsigned_abs() => {
            return Err("a whole number beyond 53 bits; use jsr223.groovy".to_owned());
        }
        Operand::Long(value) => Some(*value as f64),
        Operand::Float(value) => Some(f64::from(*value)),
        Operand::Double(value) => Some(*value),
        _ => None,
    })
}

/// What comparisons make of it; decimals are numbers there.
fn compared(operand: &Operand<'_>) -> Result<f64, Reason> {
    match operand {
        Operand::Decimal(value) => Ok(value.double()),
        other => counted(other),
    }
}

/// What is counted with.
fn counted(operand: &Operand<'_>) -> Result<f64, Reason> {
    Ok(match operand {
        Operand::Null => 0.0,
        Operand::Undefined | Operand::Skipped => f64::NAN,
        Operand::Boolean(value) => f64::from(u8::from(*value)),
        Operand::Text(text) => of_text(text)?,
        other => number(other)?.ok_or_else(|| object(other))?,
    })
}

/// `Number(text)`, of decimal digits.
fn of_text(text: &str) -> Result<f64, Reason> {
    let digits = super::methods::javascript_trim(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match digits.parse::<f64>() {
        _ if digits.is_empty() => Ok(0.0),
        Ok(value) if plain => Ok(value),
        _ if digits.starts_with('0') && digits.len() > 1 || digits.ends_with("Infinity") => {
            Err("a text that may be a number of another form".to_owned())
        }
        _ => Ok(f64::NAN),
    }
}

fn primitive(operand: &Operand<'_>) -> bool {
    matches!(operand, Operand::Text(_) | Operand::Boolean(_)) || matches!(number(operand), Ok(Some(_)))
}

fn object(operand: &Operand<'_>) -> Reason {
    format!("{} is no plain value in JavaScript; use jsr223.groovy", operand.kind())
}
