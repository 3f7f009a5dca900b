//! The outcome of parts.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;
use tailwater_event::connect::{ConnectRecord, Schema, Typed};

use super::methods::{Method, substring};
use super::operand::Operand;
use super::{Dialect, Fault, Matching, Node, Part, Variable, groovy, javascript};

/// What variables stand for.
pub(super) struct Scope<'a> {
    pub(super) record: &'a ConnectRecord,
    pub(super) dialect: Dialect,
    /// Whether Debezium's mistakes are repeated.
    pub(super) strict: bool,
}

type Evaluated<'a> = Result<Operand<'a>, Fault>;

impl<'a> Scope<'a> {
    pub(super) fn eval(&self, node: &'a Node) -> Evaluated<'a> {
        Ok(match self.link(node)? {
            Operand::Skipped => Operand::Undefined,
            Operand::Huge => return Err(Fault::new(node.at, "a decimal of more than 38 digits")),
            operand => operand,
        })
    }

    /// The same for what a field or method is taken of: there a chain that was left is known.
    fn link(&self, node: &'a Node) -> Evaluated<'a> {
        let groovy = self.dialect == Dialect::Groovy;
        let fault = |reason: String| Fault::new(node.at, reason);
        Ok(match &node.part {
            Part::Null => Operand::Null,
            Part::Undefined => Operand::Undefined,
            Part::Boolean(value) => Operand::Boolean(*value),
            Part::Integer(value) => i32::try_from(*value).map_or(Operand::Long(*value), Operand::Int),
            Part::Long(value) => Operand::Long(*value),
            Part::Decimal(value) => Operand::Decimal(*value),
            Part::Single(value) => Operand::Float(*value),
            Part::Float(value) => Operand::Double(*value),
            Part::Text(text) | Part::Pattern(text) => Operand::Text(Cow::Borrowed(text)),
            Part::Variable(variable) => self.variable(*variable, node.at)?,
            Part::List(nodes) => Operand::List(nodes.iter().map(|node| self.eval(node)).collect::<Result<_, _>>()?),
            Part::Group(inner) => self.eval(inner)?,
            Part::Field { of, name, safe } => {
                let of = self.link(of)?;
                match self.skipped(&of, *safe) {
                    Some(skipped) => skipped,
                    None => self.field(&of, name, node.at)?,
                }
            }
            Part::Index { of, index } => {
                let of = self.link(of)?;
                match self.skipped(&of, false) {
                    Some(skipped) => skipped,
                    None => match self.eval(index)? {
                        Operand::Text(name) => self.field(&of, &name, node.at)?,
                        Operand::Int(at) => self.element(&of, at, node.at)?,
                        // Each number of JavaScript is one.
                        Operand::Double(at) if at.fract() == 0.0 && (0.0..1e9).contains(&at) => {
                            self.element(&of, at as i32, node.at)?
                        }
                        index => return Err(fault(format!("{} is no index", index.kind()))),
                    },
                }
            }
            Part::Call { of, method, arguments, safe } => self.call(node.at, of, *method, arguments, *safe)?,
            Part::Match { of, regex, how } => self.matched(node.at, of, regex, *how)?,
            Part::Not(inner) => Operand::Boolean(!self.truth(inner)?),
            Part::Negative(inner) => {
                let inner = self.eval(inner)?;
                if groovy { groovy::negative(&inner) } else { javascript::negative(&inner) }.map_err(fault)?
            }
            Part::All(nodes) => self.chain(nodes, false)?,
            Part::Any(nodes) => self.chain(nodes, true)?,
            Part::Equal { left, right, negated, strictly } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                let equal = match self.dialect {
                    Dialect::Groovy => groovy::equal(&left, &right),
                    Dialect::JavaScript => javascript::equal(&left, &right, *strictly),
                };
                Operand::Boolean(equal.map_err(fault)? != *negated)
            }
            Part::Order { left, right, wanted } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                let order: Option<Ordering> = match self.dialect {
                    Dialect::Groovy => Some(groovy::order(&left, &right).map_err(fault)?),
                    Dialect::JavaScript => javascript::order(&left, &right).map_err(fault)?,
                };
                Operand::Boolean(order.is_some_and(wanted))
            }
            Part::In { left, right } => {
                Operand::Boolean(groovy::is_in(&self.eval(left)?, &self.eval(right)?).map_err(fault)?)
            }
            Part::Arithmetic { left, right, operator } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                let calculated = match self.dialect {
                    Dialect::Groovy => groovy::arithmetic(*operator, &left, &right),
                    Dialect::JavaScript => javascript::arithmetic(*operator, &left, &right),
                };
                calculated.map_err(fault)?
            }
            Part::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.eval(if self.truth(condition)? { then } else { otherwise })?
            }
            Part::Otherwise { first, second, null } => {
                let evaluated = self.eval(first)?;
                let taken = if *null { !evaluated.is_null() } else { self.counts(&evaluated, first.at)? };
                if taken { evaluated } else { self.eval(second)? }
            }
        })
    }

    fn truth(&self, node: &'a Node) -> Result<bool, Fault> {
        self.counts(&self.eval(node)?, node.at)
    }

    fn counts(&self, operand: &Operand<'a>, at: usize) -> Result<bool, Fault> {
        match self.dialect {
            Dialect::Groovy => Ok(groovy::truth(operand)),
            Dialect::JavaScript => javascript::truth(operand).map_err(|reason| Fault::new(at, reason)),
        }
    }

    /// What takes the place of a step from null: null in Groovy, in JavaScript nothing of what follows.
    fn skipped(&self, of: &Operand<'a>, safe: bool) -> Option<Operand<'a>> {
        match (of, self.dialect) {
            (Operand::Skipped, _) => Some(Operand::Skipped),
            (of, Dialect::Groovy) if safe && of.is_null() => Some(Operand::Null),
            (of, Dialect::JavaScript) if safe && of.is_null() => Some(Operand::Skipped),
            _ => None,
        }
    }

    fn variable(&self, variable: Variable, at: usize) -> Evaluated<'a> {
        let record = self.record;
        let value = |typed: &'a Typed| Operand::new(typed.schema.as_deref(), &typed.value);
        let schema = |typed: &'a Typed| typed.schema.as_deref().map_or(Operand::Null, Operand::Schema);
        Ok(match variable {
            // There they are objects without fields, no null.
            Variable::Key if self.dialect == Dialect::JavaScript && record.key.value.is_null() => {
                return Err(Fault::new(at, "the record has no key; jsr223.groovy can ask for that;"));
            }
            Variable::Key => value(&record.key),
            Variable::Value => value(&record.value),
            Variable::KeySchema => schema(&record.key),
            Variable::ValueSchema => schema(&record.value),
            Variable::Topic => Operand::Text(Cow::Borrowed(&record.topic)),
            Variable::Headers => Operand::Headers(&record.headers),
        })
    }

    /// `&&` and `||`: up to the first that decides. Groovy makes a boolean of it.
    fn chain(&self, nodes: &'a [Node], deciding: bool) -> Evaluated<'a> {
        let mut last = Operand::Boolean(!deciding);
        for node in nodes {
            last = self.eval(node)?;
            let counts = self.counts(&last, node.at)?;
            if self.dialect == Dialect::Groovy {
                last = Operand::Boolean(counts);
            }
            if counts == deciding {
                break;
            }
        }
        Ok(last)
    }

    fn call(&self, at: usize, of: &'a Node, method: Method, arguments: &'a [Node], safe: bool) -> Evaluated<'a> {
        let of = self.link(of)?;
        if let Some(skipped) = self.skipped(&of, safe) {
            return Ok(skipped);
        }
        let arguments: Vec<_> = arguments.iter().map(|argument| self.eval(argument)).collect::<Result<_, _>>()?;
        let wrong = |reason: &str| Err(Fault::new(at, format!("this method is not for {}{reason}", of.kind())));
        match (method, &of, arguments.first()) {
            (Method::Get, Operand::Struct(..) | Operand::Map(..) | Operand::Headers(_), Some(Operand::Text(name))) => {
                self.property(&of, name, at)
            }
            (Method::Get, of, Some(Operand::Int(place))) if *place >= 0 => {
                let beyond = || Fault::new(at, "the list has no such element");
                let elements = of.elements().ok_or_else(|| Fault::new(at, format!("{} has no elements", of.kind())))?;
                usize::try_from(*place).ok().and_then(|place| elements.into_iter().nth(place)).ok_or_else(beyond)
            }
            (Method::GetTyped(wanted), Operand::Struct(schema, _), Some(Operand::Text(name))) => {
                match schema.field(name) {
                    Some((_, field)) if kind(&field.schema) == wanted => self.property(&of, name, at),
                    Some((_, field)) => {
                        Err(Fault::new(at, format!("field '{name}' is {}, not {wanted}", kind(&field.schema))))
                    }
                    None => Err(missing(&of, name, at)),
                }
            }
            _ => match method.call(&of, &arguments, self.dialect) {
                Some(outcome) => Ok(outcome),
                None if of.is_null() => wrong("; write ?. where it may be null;"),
                None => wrong(", or not with such arguments,"),
            },
        }
    }

    fn matched(&self, at: usize, of: &'a Node, regex: &Regex, how: Matching) -> Evaluated<'a> {
        let of = if matches!(how, Matching::Method { .. }) { self.link(of)? } else { self.eval(of)? };
        let no_text = || Fault::new(at, format!("{} has no regular expressions", of.kind()));
        let text = match (how, &of) {
            (Matching::Method { safe }, of) => match (self.skipped(of, safe), of) {
                (Some(skipped), _) => return Ok(skipped),
                (None, Operand::Text(text)) => text.clone(),
                (None, _) => return Err(no_text()),
            },
            (Matching::Whole, Operand::Null) => return Ok(Operand::Boolean(false)),
            (Matching::Find | Matching::Whole, of) => groovy::text(of).ok_or_else(no_text)?,
            (Matching::Test, of) => {
                javascript::text(of).map_err(|reason| Fault::new(at, reason))?.ok_or_else(no_text)?
            }
        };
        Ok(Operand::Boolean(regex.is_match(&text)))
    }

    /// `of.name` and `of['name']`.
    fn field(&self, of: &Operand<'a>, name: &str, at: usize) -> Evaluated<'a> {
        match of {
            // Groovy finds what the Java object itself has under these names.
            Operand::Struct(schema, _) if self.strict && self.dialect == Dialect::Groovy => match name {
                "schema" => Ok(Operand::Schema(schema)),
                "class" | "values" => Err(Fault::new(at, format!("'{name}' is of the Java object"))),
                _ => self.property(of, name, at),
            },
            _ => self.property(of, name, at),
        }
    }

    fn property(&self, of: &Operand<'a>, name: &str, at: usize) -> Evaluated<'a> {
        let javascript = self.dialect == Dialect::JavaScript;
        let nothing = if javascript { Operand::Undefined } else { Operand::Null };
        let text = |text: Option<&'a str>| text.map_or(Operand::Null, |text| Operand::Text(Cow::Borrowed(text)));
        Ok(match of {
            Operand::Struct(schema, values) => match schema.field(name) {
                Some((place, field)) => {
                    let value = values.get(place).filter(|value| !value.is_null());
                    let value = value.or(field.schema.default.as_ref().filter(|_| self.strict));
                    value.map_or(Operand::Null, |value| Operand::new(Some(&field.schema), value))
                }
                None if javascript => nothing,
                None => return Err(missing(of, name, at)),
            },
            Operand::Map(..) => of.entry(name).unwrap_or(nothing),
            // The last of a name counts.
            Operand::Headers(headers) => {
                headers.iter().rfind(|header| *header.name == *name).map_or(nothing, Operand::Header)
            }
            Operand::Header(header) => match name {
                "value" => Operand::new(header.value.schema.as_deref(), &header.value.value),
                "schema" => header.value.schema.as_deref().map_or(Operand::Null, Operand::Schema),
                _ => return Err(missing(of, name, at)),
            },
            Operand::Schema(_) if javascript => {
                return Err(Fault::new(at, format!("'{name}' of a schema is a method, write {name}()")));
            }
            Operand::Schema(schema) => match name {
                "name" => text(schema.name.as_deref()),
                "doc" => text(schema.doc.as_deref()),
                "version" => schema.version.map_or(Operand::Null, Operand::Int),
                "type" => Operand::Type(kind(schema)),
                _ => return Err(missing(of, name, at)),
            },
            Operand::Field(field) if !javascript => match name {
                "name" => text(Some(&field.name)),
                "schema" => Operand::Schema(&field.schema),
                _ => return Err(missing(of, name, at)),
            },
            Operand::Text(text) if javascript && name == "length" => {
                Operand::Double(text.encode_utf16().count() as f64)
            }
            Operand::List(_) | Operand::Array(..) if javascript && name == "length" => {
                Operand::Double(of.elements().map_or(0, |elements| elements.len()) as f64)
            }
            of if of.is_null() => {
                return Err(Fault::new(
                    at,
                    format!("there is no '{name}' of null; write ?.{name} where it may be null;"),
                ));
            }
            _ => return Err(missing(of, name, at)),
        })
    }

    /// `of[place]`: in Groovy from the end when it is negative; nothing beyond the last.
    fn element(&self, of: &Operand<'a>, place: i32, at: usize) -> Evaluated<'a> {
        let beyond = || Fault::new(at, "there is no such element");
        let nothing = if self.dialect == Dialect::Groovy { Operand::Null } else { Operand::Undefined };
        if let Operand::Text(text) = of {
            let length = text.encode_utf16().count();
            let place = self.place(place, length).ok_or_else(beyond)?;
            if place >= length {
                return if self.dialect == Dialect::Groovy { Err(beyond()) } else { Ok(nothing) };
            }
            let one = substring(text, place, place + 1).ok_or_else(|| Fault::new(at, "half of a character"))?;
            return Ok(Operand::Text(Cow::Owned(one)));
        }
        let elements = of.elements().ok_or_else(|| Fault::new(at, format!("{} has no elements", of.kind())))?;
        let place = self.place(place, elements.len()).ok_or_else(beyond)?;
        Ok(elements.into_iter().nth(place).unwrap_or(nothing))
    }

    fn place(&self, place: i32, length: usize) -> Option<usize> {
        let from_end = if place < 0 && self.dialect == Dialect::Groovy { i64::try_from(length).ok()? } else { 0 };
        usize::try_from(i64::from(place) + from_end).ok()
    }
}

fn missing(of: &Operand<'_>, name: &str, at: usize) -> Fault {
    Fault::new(at, format!("{} has no field '{name}'", of.kind()))
}

/// As `org.apache.kafka.connect.data.Schema.Type` says it.
pub(super) fn kind(schema: &Schema) -> &'static str {
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
