//! The shapes of requests, and what Connect says of other shapes.

use serde_json::{Map, Value};

use super::json::{Fault, Reader, Token};
use crate::herder::{Target, Typed};
use crate::limits::PROPERTIES_MAX;

const ENTITIES: &str = "org.apache.kafka.connect.runtime.rest.entities.";
const MAP: &str = "java.util.LinkedHashMap";
const STRING_MAP: &str = "java.util.LinkedHashMap<java.lang.String,java.lang.String>";

/// `POST /connectors`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Create {
    pub name: String,
    pub config: Option<Typed>,
    pub initial_state: Target,
}

/// One pair of `PATCH /connectors/NAME/offsets`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawOffset {
    pub partition: Option<Map<String, Value>>,
    pub offset: Option<Map<String, Value>>,
}

/// A request to make a connector; `None` for null and for nothing.
pub(super) fn create(bytes: &[u8]) -> Result<Option<Create>, Fault> {
    let mut reader = Reader::new(bytes);
    let class = format!("{ENTITIES}CreateConnectorRequest");
    let mut create = Create::default();
    let mut unknown = None;
    match reader.next()? {
        Token::End | Token::Null => return Ok(None),
        Token::ObjectStart => {}
        other => return Err(reader.fault_at_token(&no_object(&class, &other))),
    }
    while let Token::Name(member) = reader.next()? {
        let chain = chain(&[field(&class, &member)]);
        match member.as_str() {
            "name" => create.name = text(&mut reader, &chain)?.unwrap_or_default(),
            "config" => {
                let token = reader.next()?;
                create.config = string_map(&mut reader, token, &[field(&class, "config")])?;
            }
            "initial_state" => create.initial_state = initial_state(&mut reader, &class, &chain)?,
            _ => {
                let token = reader.next()?;
                reader.skip(&token)?;
                unknown.get_or_insert(member);
            }
        }
    }
    // Told only once the whole object is read.
    if let Some(member) = unknown {
        let known = "(3 known properties: \"config\", \"name\", \"initial_state\")";
        return Err(unrecognized(&reader, &member, &class, known, &[field(&class, &member)]));
    }
    end(&mut reader, &class)?;
    Ok(Some(create))
}

/// Properties, null for those that are null; `None` for null and for nothing.
pub(super) fn properties(bytes: &[u8]) -> Result<Option<Typed>, Fault> {
    let mut reader = Reader::new(bytes);
    let token = reader.next()?;
    if token == Token::End {
        return Ok(None);
    }
    let map = string_map(&mut reader, token, &[])?;
    end(&mut reader, "java.util.Map")?;
    Ok(map)
}

/// Offsets to alter; `None` for null and for nothing.
pub(super) fn offsets(bytes: &[u8]) -> Result<Option<Vec<Option<RawOffset>>>, Fault> {
    let mut reader = Reader::new(bytes);
    let class = format!("{ENTITIES}ConnectorOffsets");
    let mut offsets = Vec::new();
    match reader.next()? {
        Token::End | Token::Null => return Ok(None),
        Token::ObjectStart => {}
        other => return Err(reader.fault_at_token(&no_object(&class, &other))),
    }
    let mut unknown = None;
    while let Token::Name(member) = reader.next()? {
        if member != "offsets" {
            let token = reader.next()?;
            reader.skip(&token)?;
            unknown.get_or_insert(member);
            continue;
        }
        match reader.next()? {
            Token::Null => {}
            Token::ArrayStart => loop {
                match reader.next()? {
                    Token::ArrayEnd => break,
                    Token::Null => offsets.push(None),
                    token => offsets.push(Some(offset(&mut reader, &token, &class, offsets.len())?)),
                }
            },
            other => {
                let list = format!("java.util.ArrayList<{ENTITIES}ConnectorOffset>");
                let text = mismatch(&list, &other);
                return Err(reader.fault_at_token(&text) + &chain(&[field(&class, "offsets")]));
            }
        }
    }
    if let Some(member) = unknown {
        let known = "(one known property: \"offsets\")";
        return Err(unrecognized(&reader, &member, &class, known, &[field(&class, &member)]));
    }
    end(&mut reader, &class)?;
    Ok(Some(offsets))
}

fn offset(reader: &mut Reader<'_>, token: &Token, outer: &str, index: usize) -> Result<RawOffset, Fault> {
    let class = format!("{ENTITIES}ConnectorOffset");
    let place = [field(outer, "offsets"), format!("java.util.ArrayList[{index}]")];
    if *token != Token::ObjectStart {
        return Err(reader.fault_at_token(&no_object(&class, token)) + &chain(&place));
    }
    let mut raw = RawOffset::default();
    let mut unknown = None;
    while let Token::Name(member) = reader.next()? {
        let token = reader.next()?;
        if !matches!(member.as_str(), "partition" | "offset") {
            reader.skip(&token)?;
            unknown.get_or_insert(member);
            continue;
        }
        let map = match token {
            Token::Null => None,
            Token::ObjectStart => Some(object(reader)?),
            other => {
                let mut place = place.to_vec();
                place.push(field(&class, &member));
                return Err(reader.fault_at_token(&no_map(&other, MAP)) + &chain(&place));
            }
        };
        if member == "partition" { raw.partition = map } else { raw.offset = map }
    }
    match unknown {
        None => Ok(raw),
        Some(member) => {
            let known = "(2 known properties: \"partition\", \"offset\")";
            let [first, second] = place;
            Err(unrecognized(reader, &member, &class, known, &[first, second, field(&class, &member)]))
        }
    }
}

fn object(reader: &mut Reader<'_>) -> Result<Map<String, Value>, Fault> {
    let mut members = Map::new();
    while let Token::Name(member) = reader.next()? {
        let token = reader.next()?;
        let value = value(reader, token)?;
        members.insert(member, value);
    }
    Ok(members)
}

/// The reader bounds the depth, so that this cannot exhaust the stack.
fn value(reader: &mut Reader<'_>, token: Token) -> Result<Value, Fault> {
    Ok(match token {
        Token::ObjectStart => Value::Object(object(reader)?),
        Token::ArrayStart => {
            let mut elements = Vec::new();
            loop {
                match reader.next()? {
                    Token::ArrayEnd => break Value::Array(elements),
                    token => elements.push(value(reader, token)?),
                }
            }
        }
        Token::Text(text) => Value::String(text),
        Token::Integer(text) => text.parse::<i64>().map_or_else(|_| Value::String(text), Value::from),
        Token::Float(text) => text.parse::<f64>().map_or_else(|_| Value::String(text), Value::from),
        Token::Bool(bool) => Value::Bool(bool),
        Token::Null | Token::End | Token::Name(_) | Token::ObjectEnd | Token::ArrayEnd => Value::Null,
    })
}

fn string_map(reader: &mut Reader<'_>, token: Token, place: &[String]) -> Result<Option<Typed>, Fault> {
    match token {
        Token::Null => return Ok(None),
        Token::ObjectStart => {}
        other => return Err(reader.fault_at_token(&no_map(&other, STRING_MAP)) + &chain(place)),
    }
    let mut typed: Typed = Vec::new();
    while let Token::Name(member) = reader.next()? {
        let mut place = place.to_vec();
        place.push(field(MAP, &member));
        let value = text(reader, &chain(&place))?;
        if let Some((_, former)) = typed.iter_mut().find(|(name, _)| *name == member) {
            *former = value;
            continue;
        }
        if typed.len() == PROPERTIES_MAX {
            return Err(reader.fault_here(&format!("A configuration has at most {PROPERTIES_MAX} properties")));
        }
        typed.push((member, value));
    }
    Ok(Some(typed))
}

/// A text; numbers and booleans become one, as they are typed.
fn text(reader: &mut Reader<'_>, chain: &str) -> Result<Option<String>, Fault> {
    match reader.next()? {
        Token::Text(text) | Token::Integer(text) | Token::Float(text) => Ok(Some(text)),
        Token::Bool(bool) => Ok(Some(bool.to_string())),
        Token::Null => Ok(None),
        other => Err(reader.fault_at_token(&mismatch("java.lang.String", &other)) + chain),
    }
}

fn initial_state(reader: &mut Reader<'_>, class: &str, chain: &str) -> Result<Target, Fault> {
    let Some(text) = text(reader, chain)? else { return Ok(Target::Running) };
    match text.to_ascii_uppercase().as_str() {
        "RUNNING" => Ok(Target::Running),
        "PAUSED" => Ok(Target::Paused),
        "STOPPED" => Ok(Target::Stopped),
        other => {
            let text = format!(
                "Cannot construct instance of `{class}$InitialState`, problem: No enum constant {class}.InitialState.{other}"
            );
            Err(reader.fault_at_token(&text) + chain)
        }
    }
}

/// Nothing may follow.
fn end(reader: &mut Reader<'_>, class: &str) -> Result<(), Fault> {
    match reader.next()? {
        Token::End => Ok(()),
        token => Err(reader.fault_at_token(&format!(
            "Trailing token (of type {}) found after value (bound as `{class}`): not allowed as per \
             `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`",
            kind_and_name(&token).1
        ))),
    }
}

fn no_object(class: &str, token: &Token) -> String {
    match token {
        Token::Integer(number) => format!(
            "Cannot construct instance of `{class}` (although at least one Creator exists): no int/Int-argument \
             constructor/factory method to deserialize from Number value ({number})"
        ),
        Token::Text(text) => format!(
            "Cannot construct instance of `{class}` (although at least one Creator exists): no String-argument \
             constructor/factory method to deserialize from String value ('{text}')"
        ),
        other => mismatch(class, other),
    }
}

fn no_map(token: &Token, map: &str) -> String {
    match token {
        Token::Text(text) => no_object(MAP, &Token::Text(text.clone())),
        other => mismatch(map, other),
    }
}

fn mismatch(wanted: &str, token: &Token) -> String {
    let (kind, name) = kind_and_name(token);
    format!("Cannot deserialize value of type `{wanted}` from {kind} (token `JsonToken.{name}`)")
}

/// A token in Jackson's words.
fn kind_and_name(token: &Token) -> (&'static str, &'static str) {
    match token {
        Token::ObjectStart | Token::ObjectEnd | Token::Name(_) => ("Object value", "START_OBJECT"),
        Token::ArrayStart | Token::ArrayEnd => ("Array value", "START_ARRAY"),
        Token::Integer(_) => ("Integer value", "VALUE_NUMBER_INT"),
        Token::Float(_) => ("Floating-point value", "VALUE_NUMBER_FLOAT"),
        Token::Bool(true) => ("Boolean value", "VALUE_TRUE"),
        Token::Bool(false) => ("Boolean value", "VALUE_FALSE"),
        Token::Text(_) => ("String value", "VALUE_STRING"),
        Token::Null | Token::End => ("Null value", "VALUE_NULL"),
    }
}

fn unrecognized(reader: &Reader<'_>, member: &str, class: &str, known: &str, place: &[String]) -> Fault {
    let text = format!("Unrecognized field \"{member}\" (class {class}), not marked as ignorable {known}");
    reader.fault_here(&text) + &chain(place)
}

fn field(class: &str, member: &str) -> String {
    format!("{class}[\"{member}\"]")
}

fn chain(place: &[String]) -> String {
    if place.is_empty() { String::new() } else { format!(" (through reference chain: {})", place.join("->")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(fault: &str) -> String {
        fault
            .replace("[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ", "@")
            .replace("\n at ", " ")
            .replace(ENTITIES, "")
            .replace("java.util.LinkedHashMap", "LHM")
            .replace("java.lang.String", "S")
    }

    #[test]
    fn other_shapes_are_refused_as_connect_refuses_them() {
        // Recorded from Kafka Connect 4.3.1.
        let create = |text: &str| short(&create(text.as_bytes()).unwrap_err());
        for (text, expected) in [
            (
                "[]",
                "Cannot deserialize value of type `CreateConnectorRequest` from Array value (token `JsonToken.START_ARRAY`) @1, column: 1]",
            ),
            (
                "3",
                "Cannot construct instance of `CreateConnectorRequest` (although at least one Creator exists): no int/Int-argument constructor/factory method to deserialize from Number value (3) @1, column: 1]",
            ),
            (
                r#"{"name":"x","config":[]}"#,
                r#"Cannot deserialize value of type `LHM<S,S>` from Array value (token `JsonToken.START_ARRAY`) @1, column: 22] (through reference chain: CreateConnectorRequest["config"])"#,
            ),
            (
                r#"{"name":"x","config":"s"}"#,
                r#"Cannot construct instance of `LHM` (although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('s') @1, column: 22] (through reference chain: CreateConnectorRequest["config"])"#,
            ),
            (
                r#"{"name":"x","config":{"a":{"b":1}}}"#,
                r#"Cannot deserialize value of type `S` from Object value (token `JsonToken.START_OBJECT`) @1, column: 27] (through reference chain: CreateConnectorRequest["config"]->LHM["a"])"#,
            ),
            (
                r#"{"name":"x","configs":{"a":1}}"#,
                r#"Unrecognized field "configs" (class CreateConnectorRequest), not marked as ignorable (3 known properties: "config", "name", "initial_state") @1, column: 31] (through reference chain: CreateConnectorRequest["configs"])"#,
            ),
            (
                r#"{"name":["x"],"config":{"a":1}}"#,
                r#"Cannot deserialize value of type `S` from Array value (token `JsonToken.START_ARRAY`) @1, column: 9] (through reference chain: CreateConnectorRequest["name"])"#,
            ),
            (
                r#"{"name":"x","initial_state":"bogus","config":{}}"#,
                r#"Cannot construct instance of `CreateConnectorRequest$InitialState`, problem: No enum constant CreateConnectorRequest.InitialState.BOGUS @1, column: 29] (through reference chain: CreateConnectorRequest["initial_state"])"#,
            ),
        ] {
            assert_eq!(create(text), expected, "{text}");
        }
        let offsets = |text: &str| short(&offsets(text.as_bytes()).unwrap_err());
        for (text, expected) in [
            (
                r#"{"offsets":3}"#,
                r#"Cannot deserialize value of type `java.util.ArrayList<ConnectorOffset>` from Integer value (token `JsonToken.VALUE_NUMBER_INT`) @1, column: 12] (through reference chain: ConnectorOffsets["offsets"])"#,
            ),
            (
                r#"{"offsets":[{"x":3}]}"#,
                r#"Unrecognized field "x" (class ConnectorOffset), not marked as ignorable (2 known properties: "partition", "offset") @1, column: 20] (through reference chain: ConnectorOffsets["offsets"]->java.util.ArrayList[0]->ConnectorOffset["x"])"#,
            ),
            (
                r#"{"offsets":[{"partition":"x","offset":{"lsn":1}}]}"#,
                r#"Cannot construct instance of `LHM` (although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('x') @1, column: 26] (through reference chain: ConnectorOffsets["offsets"]->java.util.ArrayList[0]->ConnectorOffset["partition"])"#,
            ),
        ] {
            assert_eq!(offsets(text), expected, "{text}");
        }
    }

    #[test]
    fn scalars_become_text_as_typed_and_a_later_member_wins() {
        let typed = properties(br#"{"a":1.50,"b":true,"c":null,"a":"x"}"#).unwrap().unwrap();
        let text = |value: &str| Some(value.to_owned());
        assert_eq!(typed, [("a".to_owned(), text("x")), ("b".to_owned(), text("true")), ("c".to_owned(), None)]);
        let create = create(br#"{"name":7,"initial_state":"stopped"}"#).unwrap().unwrap();
        assert_eq!(create, Create { name: "7".into(), config: None, initial_state: Target::Stopped });
        assert_eq!(super::create(b" null ").unwrap(), None);
        assert_eq!(properties(b"").unwrap(), None);
    }
}
