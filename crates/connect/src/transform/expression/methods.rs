//! The methods that expressions may call.

use std::borrow::Cow;

use super::operand::Operand;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    StartsWith,
    EndsWith,
    Contains,
    Equals,
    EqualsIgnoreCase,
    Get,
    IsEmpty,
    Size,
    ToLower,
    ToText,
    ToUpper,
    Trim,
}

impl Method {
    /// For messages.
    pub(super) const NAMES: &'static str = "startsWith, endsWith, contains, includes, equals, equalsIgnoreCase, matches, get, \
                                            isEmpty, size, length, toLowerCase, toUpperCase, toString, trim";

    /// The method of a name with so many arguments.
    pub(super) fn find(name: &str, arguments: usize) -> Option<Method> {
        Some(match (name, arguments) {
            ("startsWith", 1) => Method::StartsWith,
            ("endsWith", 1) => Method::EndsWith,
            ("contains" | "includes" | "containsKey", 1) => Method::Contains,
            ("equals", 1) => Method::Equals,
            ("equalsIgnoreCase", 1) => Method::EqualsIgnoreCase,
            ("get" | "getString" | "getStruct" | "getInt32" | "getInt64", 1) => Method::Get,
            ("isEmpty", 0) => Method::IsEmpty,
            ("size" | "length", 0) => Method::Size,
            ("toLowerCase", 0) => Method::ToLower,
            ("toString", 0) => Method::ToText,
            ("toUpperCase", 0) => Method::ToUpper,
            ("trim", 0) => Method::Trim,
            _ => return None,
        })
    }

    /// The outcome; `None` when it is not for values of this kind. [`Method::Get`] is the caller's.
    pub(super) fn call<'a>(self, of: &Operand<'a>, argument: &Operand<'a>) -> Option<Operand<'a>> {
        use Operand::{Boolean, Text};
        Some(match (self, of, argument) {
            (Method::StartsWith, Text(text), Text(part)) => Boolean(text.starts_with(&**part)),
            (Method::EndsWith, Text(text), Text(part)) => Boolean(text.ends_with(&**part)),
            (Method::Contains, Text(text), Text(part)) => Boolean(text.contains(&**part)),
            (Method::Contains, Operand::Headers(headers), Text(name)) => {
                Boolean(headers.iter().any(|header| *header.name == **name))
            }
            (Method::Contains, Operand::Map(entries), Text(name)) => {
                Boolean(entries.iter().any(|(key, _)| key.as_text() == Some(name)))
            }
            (Method::Contains, _, sought) => Boolean(of.elements()?.iter().any(|element| element.equals(sought))),
            (Method::Equals, _, other) => Boolean(of.equals(other)),
            (Method::EqualsIgnoreCase, Text(text), Text(other)) => Boolean(text.to_lowercase() == other.to_lowercase()),
            (Method::EqualsIgnoreCase, Text(_), Operand::Null) => Boolean(false),
            (Method::IsEmpty, _, _) => Boolean(size(of)? == 0),
            (Method::Size, _, _) => Operand::Integer(i64::try_from(size(of)?).ok()?),
            (Method::ToLower, Text(text), _) => Text(Cow::Owned(text.to_lowercase())),
            (Method::ToUpper, Text(text), _) => Text(Cow::Owned(text.to_uppercase())),
            (Method::ToText, _, _) => Text(of.text()?),
            (Method::Trim, Text(text), _) => Text(Cow::Owned(text.trim().to_owned())),
            _ => return None,
        })
    }
}

/// Characters as Java counts them, elements, or bytes.
fn size(of: &Operand<'_>) -> Option<usize> {
    match of {
        Operand::Text(text) => Some(text.encode_utf16().count()),
        Operand::Bytes(bytes) => Some(bytes.len()),
        Operand::Map(entries) => Some(entries.len()),
        Operand::Headers(headers) => Some(headers.len()),
        _ => of.elements().map(|elements| elements.len()),
    }
}
