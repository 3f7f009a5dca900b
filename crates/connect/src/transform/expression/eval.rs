//! The outcome of parts.

use std::borrow::Cow;

use tailwater_event::connect::{ConnectRecord, Schema, Typed};

use super::methods::Method;
use super::operand::Operand;
use super::{Dialect, Fault, Node, Operator, Part, Variable};

/// What variables stand for.
pub(super) struct Scope<'a> {
    pub(super) record: &'a ConnectRecord,
    pub(super) dialect: Dialect,
}

type Evaluated<'a> = Result<Operand<'a>, Fault>;

impl<'a> Scope<'a> {
    pub(super) fn eval(&self, node: &'a Node) -> Evaluated<'a> {
        let truth = |node: &'a Node| self.eval(node).map(|operand| operand.truth());
        Ok(match &node.part {
            Part::Null => Operand::Null,
            Part::Boolean(value) => Operand::Boolean(*value),
            Part::Integer(value) => Operand::Integer(*value),
            Part::Float(value) => Operand::Float(*value),
            Part::Text(text) => Operand::Text(Cow::Borrowed(text)),
            Part::Variable(variable) => self.variable(*variable),
            Part::List(nodes) => Operand::List(nodes.iter().map(|node| self.eval(node)).collect::<Result<_, _>>()?),
            Part::Field { of, name, safe } => match self.eval(of)? {
                Operand::Null if *safe => Operand::Null,
                of => field(&of, name, node.at)?,
            },
            Part::Index { of, index } => match (self.eval(of)?, self.eval(index)?) {
                (of, Operand::Text(name)) => field(&of, &name, node.at)?,
                (of, Operand::Integer(at)) => element(&of, at, node.at)?,
                (_, index) => return Err(Fault::new(node.at, format!("{} is no index", index.kind()))),
            },
            Part::Call { of, method, arguments, safe } => self.call(node.at, of, *method, arguments, *safe)?,
            Part::Match { of, regex } => match self.eval(of)? {
                Operand::Text(text) => Operand::Boolean(regex.is_match(&text)),
                Operand::Null => Operand::Boolean(false),
                other => return Err(Fault::new(node.at, format!("{} has no regular expressions", other.kind()))),
            },
            Part::Not(inner) => Operand::Boolean(!truth(inner)?),
            Part::Negative(inner) => match self.eval(inner)? {
                Operand::Integer(value) => Operand::Integer(value.checked_neg().ok_or_else(|| overflow(node.at))?),
                Operand::Float(value) => Operand::Float(-value),
                other => return Err(Fault::new(node.at, format!("{} has no sign", other.kind()))),
            },
            Part::All(nodes) => self.chain(nodes, false)?,
            Part::Any(nodes) => self.chain(nodes, true)?,
            Part::Equal { left, right, negated } => {
                Operand::Boolean(self.eval(left)?.equals(&self.eval(right)?) != *negated)
            }
            Part::Order { left, right, wanted } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                match left.order(&right) {
                    Some(order) => Operand::Boolean(wanted(order)),
                    // NaN is neither less nor greater.
                    None if left.float().is_some() && right.float().is_some() => Operand::Boolean(false),
                    None => {
                        let reason = format!("{} and {} have no order", left.kind(), right.kind());
                        return Err(Fault::new(node.at, reason));
                    }
                }
            }
            Part::In { left, right } => {
                let left = self.eval(left)?;
                match self.eval(right)? {
                    Operand::Null => Operand::Boolean(false),
                    right => Method::Contains
                        .call(&right, &left)
                        .filter(|_| !matches!(right, Operand::Text(_)))
                        .ok_or_else(|| Fault::new(node.at, format!("{} has no elements for 'in'", right.kind())))?,
                }
            }
            Part::Arithmetic { left, right, operator } => {
                arithmetic(*operator, &self.eval(left)?, &self.eval(right)?, node.at)?
            }
            Part::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.eval(if truth(condition)? { then } else { otherwise })?
            }
            Part::Otherwise { first, second, null } => {
                let first = self.eval(first)?;
                let taken = if *null { !matches!(first, Operand::Null) } else { first.truth() };
                if taken { first } else { self.eval(second)? }
            }
        })
    }

    fn variable(&self, variable: Variable) -> Operand<'a> {
        let record = self.record;
        let value = |typed: &'a Typed| Operand::new(typed.schema.as_deref(), &typed.value);
        let schema = |typed: &'a Typed| typed.schema.as_deref().map_or(Operand::Null, Operand::Schema);
        match variable {
            Variable::Key => value(&record.key),
            Variable::Value => value(&record.value),
            Variable::KeySchema => schema(&record.key),
            Variable::ValueSchema => schema(&record.value),
            Variable::Topic => Operand::Text(Cow::Borrowed(&record.topic)),
            Variable::Headers => Operand::Headers(&record.headers),
        }
    }

    /// `&&` and `||`: up to the first that decides. Groovy makes a boolean of it.
    fn chain(&self, nodes: &'a [Node], deciding: bool) -> Evaluated<'a> {
        let mut last = Operand::Boolean(!deciding);
        for node in nodes {
            last = self.eval(node)?;
            if last.truth() == deciding {
                break;
            }
        }
        Ok(if self.dialect == Dialect::Groovy { Operand::Boolean(last.truth()) } else { last })
    }

    fn call(&self, at: usize, of: &'a Node, method: Method, arguments: &'a [Node], safe: bool) -> Evaluated<'a> {
        let of = self.eval(of)?;
        if safe && matches!(of, Operand::Null) {
            return Ok(Operand::Null);
        }
        let argument = arguments.first().map_or(Ok(Operand::Null), |argument| self.eval(argument))?;
        match (method, &argument) {
            (Method::Get, Operand::Text(name)) => field(&of, name, at),
            (Method::Get, Operand::Integer(place)) => element(&of, *place, at),
            _ => method.call(&of, &argument).ok_or_else(|| {
                let remedy = if matches!(of, Operand::Null) { "; write ?. where it may be null;" } else { "" };
                Fault::new(at, format!("this method is not for {}{remedy}", of.kind()))
            }),
        }
    }
}

fn field<'a>(of: &Operand<'a>, name: &str, at: usize) -> Evaluated<'a> {
    let text = |text: Option<&'a str>| text.map_or(Operand::Null, |text| Operand::Text(Cow::Borrowed(text)));
    let missing = || Fault::new(at, format!("{} has no field '{name}'", of.kind()));
    Ok(match of {
        Operand::Struct(schema, values) => {
            let (place, field) = schema.field(name).ok_or_else(missing)?;
            values.get(place).map_or(Operand::Null, |value| Operand::new(Some(&field.schema), value))
        }
        Operand::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.as_text() == Some(name))
            .map_or(Operand::Null, |(_, value)| Operand::new(None, value)),
        // The last of a name counts.
        Operand::Headers(headers) => {
            headers.iter().rfind(|header| *header.name == *name).map_or(Operand::Null, Operand::Header)
        }
        Operand::Header(header) => match name {
            "value" => Operand::new(header.value.schema.as_deref(), &header.value.value),
            "schema" => header.value.schema.as_deref().map_or(Operand::Null, Operand::Schema),
            _ => return Err(missing()),
        },
        Operand::Schema(schema) => match name {
            "name" => text(schema.name.as_deref()),
            "doc" => text(schema.doc.as_deref()),
            "version" => schema.version.map_or(Operand::Null, |version| Operand::Integer(i64::from(version))),
            "type" => text(Some(kind(schema))),
            _ => return Err(missing()),
        },
        Operand::Null => {
            return Err(Fault::new(at, format!("there is no '{name}' of null; write ?.{name} where it may be null;")));
        }
        _ => return Err(missing()),
    })
}

/// As `org.apache.kafka.connect.data.Schema.Type` says it.
fn kind(schema: &Schema) -> &'static str {
    match schema.kind.name() {
        "int8" => "INT8",
        "int16" => "INT16",
        "int32" => "INT32",
        "int64" => "INT64",
        "float" => "FLOAT32",
        "double" => "FLOAT64",
        "boolean" => "BOOLEAN",
        "string" => "STRING",
        "bytes" => "BYTES",
        "array" => "ARRAY",
        "map" => "MAP",
        _ => "STRUCT",
    }
}

/// An element, from the end when the place is negative; null beyond the last.
fn element<'a>(of: &Operand<'a>, place: i64, at: usize) -> Evaluated<'a> {
    let elements = of.elements().ok_or_else(|| Fault::new(at, format!("{} has no elements", of.kind())))?;
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let place = usize::try_from(if place < 0 { place.saturating_add(length) } else { place }).ok();
    Ok(place.and_then(|place| elements.into_iter().nth(place)).unwrap_or(Operand::Null))
}

fn arithmetic<'a>(operator: Operator, left: &Operand<'a>, right: &Operand<'a>, at: usize) -> Evaluated<'a> {
    if operator == Operator::Plus && (matches!(left, Operand::Text(_)) || matches!(right, Operand::Text(_))) {
        let (Some(left), Some(right)) = (left.text(), right.text()) else {
            return Err(Fault::new(at, format!("{} and {} make no text", left.kind(), right.kind())));
        };
        return Ok(Operand::Text(left + right));
    }
    if let (Operand::Integer(left), Operand::Integer(right)) = (left, right) {
        let whole = match operator {
            Operator::Plus => left.checked_add(*right),
            Operator::Minus => left.checked_sub(*right),
            Operator::Times => left.checked_mul(*right),
            Operator::Remainder | Operator::Divided if *right == 0 => return Err(Fault::new(at, "a division by zero")),
            Operator::Remainder => left.checked_rem(*right),
            // As in Groovy, 5 / 2 is 2.5.
            Operator::Divided if left.checked_rem(*right) != Some(0) => {
                return Ok(Operand::Float(*left as f64 / *right as f64));
            }
            Operator::Divided => left.checked_div(*right),
        };
        return whole.map(Operand::Integer).ok_or_else(|| overflow(at));
    }
    let (Some(first), Some(second)) = (left.float(), right.float()) else {
        return Err(Fault::new(at, format!("there is no arithmetic with {} and {}", left.kind(), right.kind())));
    };
    Ok(Operand::Float(match operator {
        Operator::Plus => first + second,
        Operator::Minus => first - second,
        Operator::Times => first * second,
        Operator::Divided => first / second,
        Operator::Remainder => first % second,
    }))
}

fn overflow(at: usize) -> Fault {
    Fault::new(at, "a number beyond 64 bits")
}
