//! The methods that expressions may call.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::limits::EXPRESSION_TEXT_BYTES;

use super::operand::Operand;
use super::{Dialect, groovy, javascript};

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Contains,
    ContainsKey,
    Doc,
    EndsWith,
    Equals,
    EqualsIgnoreCase,
    Field,
    Get,
    /// `getInt32` and so on: a field of this type.
    GetTyped(&'static str),
    IsEmpty,
    Length,
    Name,
    Replace,
    Schema,
    Size,
    StartsWith,
    Substring,
    ToLower,
    ToText,
    ToUpper,
    Trim,
    Type,
    Version,
}

impl Method {
    /// The names in a dialect, for messages.
    pub(super) fn names(dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Groovy => {
                "startsWith, endsWith, contains, containsKey, equals, equalsIgnoreCase, matches, get, isEmpty, size, length, \
                 substring, replace, toLowerCase, toUpperCase, toString, trim"
            }
            Dialect::JavaScript => "startsWith, endsWith, includes, test, toLowerCase, toUpperCase, toString, trim",
        }
    }

    /// The method of a name with so many arguments.
    pub(super) fn find(name: &str, arguments: usize, dialect: Dialect) -> Option<Method> {
        Some(match (name, arguments, dialect) {
            ("startsWith", 1, _) => Method::StartsWith,
            ("endsWith", 1, _) => Method::EndsWith,
            ("contains", 1, Dialect::Groovy) | ("includes", 1, Dialect::JavaScript) => Method::Contains,
            ("field", 1, _) => Method::Field,
            ("name", 0, _) => Method::Name,
            ("type", 0, _) => Method::Type,
            ("version", 0, _) => Method::Version,
            ("doc", 0, _) => Method::Doc,
            ("toLowerCase", 0, _) => Method::ToLower,
            ("toString", 0, _) => Method::ToText,
            ("toUpperCase", 0, _) => Method::ToUpper,
            ("trim", 0, _) => Method::Trim,
            ("schema", 0, Dialect::Groovy) => Method::Schema,
            ("containsKey", 1, Dialect::Groovy) => Method::ContainsKey,
            ("equals", 1, Dialect::Groovy) => Method::Equals,
            ("equalsIgnoreCase", 1, Dialect::Groovy) => Method::EqualsIgnoreCase,
            ("get", 1, Dialect::Groovy) => Method::Get,
            ("isEmpty", 0, Dialect::Groovy) => Method::IsEmpty,
            ("length", 0, Dialect::Groovy) => Method::Length,
            ("size", 0, Dialect::Groovy) => Method::Size,
            ("substring", 1 | 2, Dialect::Groovy) => Method::Substring,
            ("replace", 2, Dialect::Groovy) => Method::Replace,
            (name, 1, Dialect::Groovy) => Method::GetTyped(match name {
                "getInt8" => "INT8",
                "getInt16" => "INT16",
                "getInt32" => "INT32",
                "getInt64" => "INT64",
                "getFloat32" => "FLOAT32",
                "getFloat64" => "FLOAT64",
                "getBoolean" => "BOOLEAN",
                "getString" => "STRING",
                "getStruct" => "STRUCT",
                "getArray" => "ARRAY",
                "getMap" => "MAP",
                _ => return None,
            }),
            _ => return None,
        })
    }

    /// The outcome; `None` when it is not for values of these kinds. [`Method::Get`] and the like are the caller's.
    pub(super) fn call<'a>(self, of: &Operand<'a>, arguments: &[Operand<'a>], dialect: Dialect) -> Option<Operand<'a>> {
        use Operand::{Boolean, Text};
        let argument = arguments.first().unwrap_or(&Operand::Null);
        Some(match (self, of, argument) {
            (Method::StartsWith, Text(text), Text(part)) => Boolean(text.starts_with(&**part)),
            (Method::EndsWith, Text(text), Text(part)) => Boolean(text.ends_with(&**part)),
            (Method::Contains, Text(text), Text(part)) => Boolean(text.contains(&**part)),
            (Method::Contains, _, sought) => {
                let elements = of.elements()?;
                Boolean(match dialect {
                    Dialect::Groovy => elements.iter().any(|element| element.identical(sought)),
                    Dialect::JavaScript => {
                        let mut found = false;
                        for element in &elements {
                            found |= javascript::equal(element, sought, true).ok()?;
                        }
                        found
                    }
                })
            }
            (Method::ContainsKey, Operand::Headers(headers), Text(name)) => {
                Boolean(headers.iter().any(|header| *header.name == **name))
            }
            (Method::ContainsKey, Operand::Map(..), Text(name)) => Boolean(of.entry(name).is_some()),
            (Method::Equals, Operand::List(_) | Operand::Array(..), _) => Boolean(groovy::equal(of, argument).ok()?),
            (Method::Equals, _, other) => Boolean(of.identical(other)),
            (Method::EqualsIgnoreCase, Text(text), Text(other)) => Boolean(equal_without_case(text, other)),
            (Method::EqualsIgnoreCase, Text(_), Operand::Null) => Boolean(false),
            (Method::Field, Operand::Schema(schema), Text(name)) => {
                schema.field(name).map_or(Operand::Null, |(_, field)| Operand::Field(field))
            }
            (Method::IsEmpty, _, _) => Boolean(size(of)? == 0),
            (Method::Length, Text(_), _) | (Method::Size, _, _) => Operand::Int(i32::try_from(size(of)?).ok()?),
            (Method::Name, Operand::Field(field), _) => Text(Cow::Borrowed(&field.name)),
            (Method::Name, Operand::Type(name), _) => Text(Cow::Borrowed(name)),
            (Method::Name, Operand::Schema(schema), _) => optional_text(schema.name.as_deref()),
            (Method::Doc, Operand::Schema(schema), _) => optional_text(schema.doc.as_deref()),
            (Method::Version, Operand::Schema(schema), _) => schema.version.map_or(Operand::Null, Operand::Int),
            (Method::Type, Operand::Schema(schema), _) => Operand::Type(super::eval::kind(schema)),
            (Method::Schema, Operand::Field(field), _) => Operand::Schema(&field.schema),
            (Method::Schema, Operand::Struct(schema, _), _) => Operand::Schema(schema),
            (Method::Replace, Text(text), Text(part)) => match arguments.get(1)? {
                Text(new) => {
                    let grown = text.matches(&**part).count().saturating_mul(new.len()).saturating_add(text.len());
                    if grown > EXPRESSION_TEXT_BYTES {
                        return None;
                    }
                    Text(Cow::Owned(text.replace(&**part, new)))
                }
                _ => return None,
            },
            (Method::Substring, Text(text), Operand::Int(from)) => {
                let to = match arguments.get(1) {
                    None => usize::MAX,
                    Some(Operand::Int(to)) => usize::try_from(*to).ok()?,
                    Some(_) => return None,
                };
                Text(Cow::Owned(substring(text, usize::try_from(*from).ok()?, to)?))
            }
            (Method::ToLower, Text(text), _) => Text(Cow::Owned(text.to_lowercase())),
            (Method::ToUpper, Text(text), _) => Text(Cow::Owned(text.to_uppercase())),
            (Method::ToText, _, _) => Text(match dialect {
                Dialect::Groovy => groovy::text(of)?,
                Dialect::JavaScript if of.is_null() => return None,
                Dialect::JavaScript => match of {
                    Operand::Type(name) => Cow::Borrowed(name),
                    of => javascript::text(of).ok()??,
                },
            }),
            (Method::Trim, Text(text), _) => Text(Cow::Owned(match dialect {
                Dialect::Groovy => text.trim_matches(|c: char| c <= ' ').to_owned(),
                Dialect::JavaScript => javascript_trim(text).to_owned(),
            })),
            _ => return None,
        })
    }
}

/// Without what JavaScript calls white space.
pub(super) fn javascript_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}')
}

/// From one unit of UTF-16 up to another; `None` beyond the text, or in the middle of a character.
pub(super) fn substring(text: &str, from: usize, to: usize) -> Option<String> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let to = if to == usize::MAX { units.len() } else { to };
    String::from_utf16(units.get(from..to)?).ok()
}

/// As `String.equalsIgnoreCase`: unit by unit, in capital letters or in small ones.
fn equal_without_case(left: &str, right: &str) -> bool {
    let upper = |c: char| {
        let mut mapped = c.to_uppercase();
        let first = mapped.next();
        first.filter(|_| mapped.next().is_none()).unwrap_or(c)
    };
    let lower = |c: char| {
        let mut mapped = c.to_lowercase();
        let first = mapped.next();
        first.filter(|_| mapped.next().is_none()).unwrap_or(c)
    };
    let mut pairs = left.chars().zip(right.chars());
    left.chars().count() == right.chars().count()
        && pairs.all(|(a, b)| a == b || upper(a) == upper(b) || lower(upper(a)) == lower(upper(b)))
}

fn optional_text(text: Option<&str>) -> Operand<'_> {
    text.map_or(Operand::Null, |text| Operand::Text(Cow::Borrowed(text)))
}

/// Characters as Java counts them, elements, or names.
fn size(of: &Operand<'_>) -> Option<usize> {
    match of {
        Operand::Text(text) => Some(text.encode_utf16().count()),
        Operand::Map(_, entries) => Some(entries.len()),
        Operand::Headers(headers) => Some(headers.iter().map(|header| &header.name).collect::<HashSet<_>>().len()),
        _ => of.elements().map(|elements| elements.len()),
    }
}
