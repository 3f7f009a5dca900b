//! Connect's JSON: `{"name", "config": {…}}` as posted to REST, or the flat map of properties.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tailwater_connector::Problem;

/// The name beside `config`, when there is one, and the properties in their order.
pub(crate) type Parsed = (Option<String>, Vec<(String, String)>);

/// What Connect's own answers carry beside name and config; it says nothing about what to run.
const DESCRIPTIVE: [&str; 2] = ["tasks", "type"];

/// Reads either form.
pub(crate) fn parse(text: &str) -> Result<Parsed, Problem> {
    let root: Node = serde_json::from_str(text).map_err(|error| {
        // serde_json's text ends in " at line L column C", which the user needs.
        Problem::config(
            "CONNECTOR_JSON_INVALID",
            format!("the file is not valid JSON: {error}"),
            format!("Mend line {}, column {}.", error.line(), error.column()),
        )
    })?;
    let Node::Object(members) = root else {
        return Err(invalid("the file holds no JSON object"));
    };
    if members.iter().any(|(name, value)| name == "config" && matches!(value, Node::Object(_))) {
        posted_form(members)
    } else {
        Ok((None, flat_form(members)?))
    }
}

fn posted_form(members: Vec<(String, Node)>) -> Result<Parsed, Problem> {
    let mut outer_name = None;
    let mut properties = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("config", Node::Object(config)) => properties = flat_form(config)?,
            ("name", Node::Text(text)) => outer_name = Some(text),
            (name, _) if DESCRIPTIVE.contains(&name) => {}
            (name, _) => {
                return Err(invalid(&format!(
                    "'{name}' stands beside \"config\", where only \"name\" (a text) is known"
                )));
            }
        }
    }
    Ok((outer_name, properties))
}

fn flat_form(members: Vec<(String, Node)>) -> Result<Vec<(String, String)>, Problem> {
    let mut properties = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Node::Text(text) => properties.push((name, text)),
            // As in Connect, null is a property that is not set.
            Node::Null => {}
            Node::Array | Node::Object(_) => {
                return Err(invalid(&format!("the value of '{name}' is not a text, a number or a boolean")));
            }
        }
    }
    Ok(properties)
}

fn invalid(cause: &str) -> Problem {
    Problem::config(
        "CONNECTOR_FILE_INVALID",
        cause,
        r#"Use {"name": "NAME", "config": {"connector.class": "…", …}} with texts as values."#,
    )
}

/// A JSON value as far as connector files need it: scalars are text already.
enum Node {
    Null,
    Text(String),
    Array,
    Object(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("the key '{name}' stands there twice")));
            }
            let value = entries.next_value()?;
            members.push((name, value));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_located_by_line_and_column() {
        for (text, place) in [
            ("{\n  \"a\": \"b\"\n  \"c\": 1}", "line 3 column 3"),
            ("", "line 1 column 0"),
            ("{\"a\": NaN}", "line 1 column 7"),
            ("{\"a\": 1} x", "line 1 column 10"),
            ("{\"a\": \"1\",\n\"a\": \"2\"}", "line 2 column 3"),
            ("{\"config\": {\"a\": 1, \"a\": 1}}", "line 1 column 23"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, "CONNECTOR_JSON_INVALID", "{text}");
            assert!(problem.cause.ends_with(place), "{text}: {problem}");
        }
    }

    #[test]
    fn a_form_that_is_no_connector_is_refused_with_the_form_to_use() {
        for (text, word) in [
            ("[]", "no JSON object"),
            ("\"x\"", "no JSON object"),
            ("{\"a\": {\"b\": 1}}", "'a'"),
            ("{\"a\": [1]}", "'a'"),
            ("{\"config\": {\"a\": {}}}", "'a'"),
            ("{\"nmae\": \"x\", \"config\": {}}", "'nmae'"),
            ("{\"name\": 1, \"config\": []}", "'config'"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, "CONNECTOR_FILE_INVALID", "{text}");
            assert!(problem.cause.contains(word), "{text}: {problem}");
        }
    }

    #[test]
    fn scalars_become_text_and_null_is_not_set() {
        let (_, properties) = parse(r#"{"a": 1, "b": -2.5, "c": true, "d": null, "e": "x"}"#).unwrap();
        let expected = [("a", "1"), ("b", "-2.5"), ("c", "true"), ("e", "x")];
        assert_eq!(properties, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_rest_answers_can_be_used_as_a_file() {
        let (name, properties) =
            parse(r#"{"name":"c","config":{"a":"b"},"tasks":[{"task":0}],"type":"source"}"#).unwrap();
        assert_eq!((name.as_deref(), properties.len()), (Some("c"), 1));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        assert_eq!(parse(&"[".repeat(100_000)).unwrap_err().code, "CONNECTOR_JSON_INVALID");
    }
}
