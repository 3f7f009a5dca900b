//! Operators as Groovy has them: Java's numbers, decimals that are exact, and texts.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use tailwater_event::connect::{Schema, Value, number};

use crate::limits::EXPRESSION_TEXT_BYTES;

use super::Operator;
use super::decimal::Decimal;
use super::operand::{Operand, text_order};

/// Why an operator cannot be applied.
type Reason = String;

/// A number with the class that decides how it is counted with.
#[derive(Clone, Copy)]
enum Number {
    Int(i32),
    Long(i64),
    Decimal(Decimal),
    Double(f64),
}

/// Whether it counts as true: not null, not zero, not empty.
pub(super) fn truth(operand: &Operand<'_>) -> bool {
    match operand {
        Operand::Null | Operand::Undefined | Operand::Skipped => false,
        Operand::Boolean(value) => *value,
        Operand::Text(text) => !text.is_empty(),
        Operand::List(elements) => !elements.is_empty(),
        Operand::Array(_, elements) => !elements.is_empty(),
        Operand::Map(_, entries) => !entries.is_empty(),
        Operand::Headers(headers) => !headers.is_empty(),
        other => match number(other) {
            Some(Number::Int(value)) => value != 0,
            Some(Number::Long(value)) => value != 0,
            Some(Number::Decimal(value)) => !value.is_zero(),
            Some(Number::Double(value)) => value != 0.0,
            None => true,
        },
    }
}

/// `==`: numbers by their value; what is of two kinds is not equal.
pub(super) fn equal(left: &Operand<'_>, right: &Operand<'_>) -> Result<bool, Reason> {
    if let Some(order) = numbers_order(left, right) {
        return Ok(order == Ordering::Equal);
    }
    if let (Some(left), Some(right)) = (left.elements(), right.elements()) {
        if left.len() != right.len() {
            return Ok(false);
        }
        let mut pairs = left.iter().zip(&right);
        return pairs.try_fold(true, |same, (left, right)| Ok(same && equal(left, right)?));
    }
    match (left, right) {
        (Operand::Huge, other) | (other, Operand::Huge) if !other.is_null() => Err(huge()),
        _ => Ok(left.identical(right)),
    }
}

/// `<`, `>` and so on: null is before all.
pub(super) fn order(left: &Operand<'_>, right: &Operand<'_>) -> Result<Ordering, Reason> {
    if let Some(order) = numbers_order(left, right) {
        return Ok(order);
    }
    Ok(match (left, right) {
        (Operand::Null, Operand::Null) => Ordering::Equal,
        (Operand::Null, _) => Ordering::Less,
        (_, Operand::Null) => Ordering::Greater,
        (Operand::Text(left), Operand::Text(right)) => text_order(left, right),
        (Operand::Boolean(left), Operand::Boolean(right)) => left.cmp(right),
        (Operand::Moment(left), Operand::Moment(right)) => left.cmp(right),
        _ => return Err(format!("{} and {} have no order", left.kind(), right.kind())),
    })
}

/// `a in b`.
pub(super) fn is_in(left: &Operand<'_>, right: &Operand<'_>) -> Result<bool, Reason> {
    match right {
        Operand::List(_) | Operand::Array(..) => {
            Ok(right.elements().is_some_and(|elements| elements.iter().any(|element| left.identical(element))))
        }
        Operand::Map(..) => match left {
            Operand::Text(key) => Ok(right.entry(key).is_some_and(|value| truth(&value))),
            _ => Err(format!("{} is no key of a map", left.kind())),
        },
        Operand::Null | Operand::Text(_) => Ok(left.identical(right)),
        _ if number(right).is_some() => equal(left, right),
        _ => Err(format!("{} has no elements for 'in'", right.kind())),
    }
}

pub(super) fn arithmetic<'a>(
    operator: Operator,
    left: &Operand<'a>,
    right: &Operand<'a>,
) -> Result<Operand<'a>, Reason> {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return calculated(operator, left, right);
    }
    let texts = match (operator, left, right) {
        (Operator::Plus, Operand::Text(_), _) => true,
        (Operator::Plus, Operand::Null, Operand::Text(_)) => true,
        (Operator::Plus, _, Operand::Text(_)) => number(left).is_some(),
        (Operator::Minus, Operand::Text(_), _) => true,
        _ => false,
    };
    if !texts {
        return Err(format!("there is no arithmetic with {} and {}", left.kind(), right.kind()));
    }
    let (Some(left), Some(right)) = (text(left), text(right)) else {
        return Err(format!("{} and {} make no text", left.kind(), right.kind()));
    };
    Ok(Operand::Text(match operator {
        Operator::Plus if left.len().saturating_add(right.len()) > EXPRESSION_TEXT_BYTES => return Err(long()),
        Operator::Plus => left + right,
        _ => Cow::Owned(left.replacen(&*right, "", 1)),
    }))
}

pub(super) fn negative<'a>(operand: &Operand<'a>) -> Result<Operand<'a>, Reason> {
    Ok(match (operand, number(operand)) {
        (Operand::Float(value), _) => Operand::Float(-value),
        (_, Some(Number::Int(value))) => Operand::Int(value.wrapping_neg()),
        (_, Some(Number::Long(value))) => Operand::Long(value.wrapping_neg()),
        (_, Some(Number::Decimal(value))) => Operand::Decimal(value.negated().ok_or_else(huge)?),
        (_, Some(Number::Double(value))) => Operand::Double(-value),
        (other, None) => return Err(format!("{} has no sign", other.kind())),
    })
}

/// What `+` and `toString()` make of it; `None` for what has no text of its own.
pub(super) fn text<'a>(operand: &Operand<'a>) -> Option<Cow<'a, str>> {
    Some(Cow::Owned(match operand {
        Operand::Text(text) => return Some(text.clone()),
        Operand::Null => return Some(Cow::Borrowed("null")),
        Operand::Type(name) => return Some(Cow::Borrowed(name)),
        Operand::Boolean(value) => value.to_string(),
        Operand::Float(value) => number::float_text(*value),
        Operand::Struct(schema, values) => struct_text(schema, values)?,
        Operand::Map(_, []) => "[:]".to_owned(),
        Operand::Map(schema, entries) => {
            let mut out = String::new();
            for (key, value) in *entries {
                let (key, value) = (text(&Operand::new(None, key))?, text(&Operand::new(*schema, value))?);
                let _ = write!(out, "{}{key}:{value}", if out.is_empty() { "[" } else { ", " });
            }
            out + "]"
        }
        other => match (number(other), other.elements()) {
            (Some(Number::Int(value)), _) => value.to_string(),
            (Some(Number::Long(value)), _) => value.to_string(),
            (Some(Number::Decimal(value)), _) => value.to_string(),
            (Some(Number::Double(value)), _) => number::double_text(value),
            (None, Some(elements)) => {
                let texts: Option<Vec<_>> = elements.iter().map(text).collect();
                format!("[{}]", texts?.join(", "))
            }
            (None, None) => return None,
        },
    }))
}

/// As `Struct.toString`.
fn struct_text(schema: &Schema, values: &[Value]) -> Option<String> {
    let mut out = String::new();
    for (field, value) in schema.fields().iter().zip(values).filter(|(_, value)| !value.is_null()) {
        let value = text(&Operand::new(Some(&field.schema), value))?;
        let _ = write!(out, "{}{}={value}", if out.is_empty() { "" } else { "," }, field.name);
    }
    Some(format!("Struct{{{out}}}"))
}

fn number(operand: &Operand<'_>) -> Option<Number> {
    Some(match operand {
        Operand::Small(_, value) => Number::Int(i32::from(*value)),
        Operand::Int(value) => Number::Int(*value),
        Operand::Long(value) => Number::Long(*value),
        Operand::Decimal(value) => Number::Decimal(*value),
        Operand::Float(value) => Number::Double(f64::from(*value)),
        Operand::Double(value) => Number::Double(*value),
        _ => return None,
    })
}

/// The order when one is a number, and the other a number or a text of one character, which then counts as its code.
fn numbers_order(left: &Operand<'_>, right: &Operand<'_>) -> Option<Ordering> {
    let code = |operand: &Operand<'_>| match operand {
        Operand::Text(text) => {
            let mut units = text.encode_utf16();
            let first = units.next()?;
            units.next().is_none().then_some(Number::Int(i32::from(first)))
        }
        _ => None,
    };
    let (left, right) = match (number(left), number(right)) {
        (Some(left), Some(right)) => (left, right),
        (Some(left), None) => (left, code(right)?),
        (None, Some(right)) => (code(left)?, right),
        (None, None) => return None,
    };
    Some(match (left, right) {
        (Number::Double(_), _) | (_, Number::Double(_)) => java_order(left.double(), right.double()),
        (Number::Decimal(_), _) | (_, Number::Decimal(_)) => left.decimal()?.order(right.decimal()?),
        _ => left.long().cmp(&right.long()),
    })
}

/// The order of doubles: NaN is NaN, and after all.
fn java_order(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

fn calculated<'a>(operator: Operator, left: Number, right: Number) -> Result<Operand<'a>, Reason> {
    use Operator::{Divided, Minus, Plus, Remainder, Times};
    let zero = || "a division by zero".to_owned();
    Ok(match (left, right) {
        (Number::Double(_), _) | (_, Number::Double(_)) => {
            let (left, right) = (left.double(), right.double());
            Operand::Double(match operator {
                Plus => left + right,
                Minus => left - right,
                Times => left * right,
                Divided => left / right,
                Remainder => left % right,
            })
        }
        // As in Java, whole numbers begin anew at the other end.
        (Number::Int(left), Number::Int(right)) if operator != Divided => Operand::Int(match operator {
            Plus => left.wrapping_add(right),
            Minus => left.wrapping_sub(right),
            Times => left.wrapping_mul(right),
            Remainder | Divided if right == 0 => return Err(zero()),
            Remainder | Divided => left.wrapping_rem(right),
        }),
        (Number::Int(_) | Number::Long(_), Number::Int(_) | Number::Long(_)) if operator != Divided => {
            let (left, right) = (left.long(), right.long());
            Operand::Long(match operator {
                Plus => left.wrapping_add(right),
                Minus => left.wrapping_sub(right),
                Times => left.wrapping_mul(right),
                Remainder | Divided if right == 0 => return Err(zero()),
                Remainder | Divided => left.wrapping_rem(right),
            })
        }
        _ => {
            let (left, right) = (left.decimal().ok_or_else(huge)?, right.decimal().ok_or_else(huge)?);
            if matches!(operator, Divided | Remainder) && right.is_zero() {
                return Err(zero());
            }
            let outcome = match operator {
                Plus => left.plus(right),
                Minus => left.minus(right),
                Times => left.times(right),
                Divided => left.divided(right),
                Remainder => left.remainder(right),
            };
            Operand::Decimal(outcome.ok_or_else(huge)?)
        }
    })
}

impl Number {
    fn double(self) -> f64 {
        match self {
            Number::Int(value) => f64::from(value),
            Number::Long(value) => value as f64,
            Number::Decimal(value) => value.double(),
            Number::Double(value) => value,
        }
    }

    fn decimal(self) -> Option<Decimal> {
        match self {
            Number::Int(value) => Some(Decimal::new(i128::from(value), 0)),
            Number::Long(value) => Some(Decimal::new(i128::from(value), 0)),
            Number::Decimal(value) => Some(value),
            Number::Double(_) => None,
        }
    }

    /// Of a whole number.
    fn long(self) -> i64 {
        match self {
            Number::Int(value) => i64::from(value),
            Number::Long(value) => value,
            Number::Decimal(_) | Number::Double(_) => 0,
        }
    }
}

pub(super) fn long() -> Reason {
    format!("a text of more than {} MiB", EXPRESSION_TEXT_BYTES >> 20)
}

fn huge() -> Reason {
    "a number beyond 38 digits".to_owned()
}
