//! `RegexRouter`: another topic by a regular expression.
//!
//! Java's two steps: the expression must match the whole topic, then its first match within the topic is replaced. Both are
//! usually the same; they differ when an earlier alternative matches less (`a|ab` on `ab`).

use std::sync::Arc;

use regex::{Captures, Regex};
use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::ConnectRecord;

use super::super::{Transform, TransformClass};
use super::{Configured, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass =
    TransformClass { names: &["org.apache.kafka.connect.transforms.RegexRouter"], properties: PROPERTIES, configure };

const PROPERTIES: &[Property] = &[
    Property::new("regex", Form::Text, None, "the regular expression that a whole topic name is to match").required(),
    Property::new("replacement", Form::Text, None, "the new topic name, $1 is the first group of the expression")
        .required(),
];

struct RegexRouter {
    /// The expression for the whole name.
    whole: Regex,
    /// The same for any part of it.
    part: Regex,
    replacement: Vec<Piece>,
    /// The last topic and what became of it: records come in rows of one topic.
    last: Option<(Arc<str>, Arc<str>)>,
}

/// A part of the replacement.
#[derive(Debug, PartialEq)]
enum Piece {
    Literal(String),
    Group(usize),
}

impl Transform for RegexRouter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if let Some((from, to)) = self.last.as_ref().filter(|(from, _)| *from == record.topic) {
            if !Arc::ptr_eq(from, to) {
                record.topic = Arc::clone(to);
            }
            return Ok(Some(record));
        }
        let to = self.route(&record.topic).map_or_else(|| Arc::clone(&record.topic), Arc::from);
        self.last = Some((std::mem::replace(&mut record.topic, Arc::clone(&to)), to));
        Ok(Some(record))
    }
}

impl RegexRouter {
    fn route(&self, topic: &str) -> Option<String> {
        if !self.whole.is_match(topic) {
            return None;
        }
        Some(
            self.part
                .replace(topic, |found: &Captures<'_>| -> String { expand(&self.replacement, found) })
                .into_owned(),
        )
    }
}

fn expand(replacement: &[Piece], found: &Captures<'_>) -> String {
    replacement
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Group(number) => found.get(*number).map_or("", |group| group.as_str()),
        })
        .collect()
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = check(config, PROPERTIES);
    let pattern = config.text("regex");
    let compiled = Regex::new(pattern).and_then(|part| Ok((Regex::new(&format!("\\A(?:{pattern})\\z"))?, part)));
    let router = match compiled {
        Ok((whole, part)) => match parse(config.text("replacement"), &part) {
            Ok(replacement) => Some(RegexRouter { whole, part, replacement, last: None }),
            Err(reason) => {
                problems.push(invalid("replacement", reason, "Use $1 for a group of 'regex', \\$ for a dollar sign."));
                None
            }
        },
        Err(_) => {
            problems.push(invalid(
                "regex",
                format!("'{pattern}' is no regular expression here"),
                "Correct it; look-around ((?=…), (?<!…)) and back-references (\\1) do not exist, \\Q…\\E is written with backslashes.",
            ));
            None
        }
    };
    finish(router, problems)
}

/// Java's replacement text: `$1`, `${name}`, and a backslash before what stands for itself. A group's number goes on as long as
/// such a group exists.
fn parse(text: &str, regex: &Regex) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => literal.push(chars.next().ok_or("character to be escaped is missing")?),
            '$' => {
                let group = match chars.next() {
                    Some('{') => {
                        let name: String = chars.by_ref().take_while(|&c| c != '}').collect();
                        let place = regex.capture_names().position(|known| known == Some(name.as_str()));
                        place.ok_or_else(|| format!("No group with name {{{name}}}"))?
                    }
                    Some(first) => {
                        let digit = |c: char| c.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                        let mut number = digit(first).ok_or("Illegal group reference")?;
                        if number >= regex.captures_len() {
                            return Err(format!("No group {number}"));
                        }
                        while let Some(next) = chars.peek().copied().and_then(digit) {
                            let longer = number.saturating_mul(10).saturating_add(next);
                            if longer >= regex.captures_len() {
                                break;
                            }
                            number = longer;
                            chars.next();
                        }
                        number
                    }
                    None => return Err("Illegal group reference: group index is missing".into()),
                };
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Group(group));
            }
            other => literal.push(other),
        }
    }
    pieces.push(Piece::Literal(literal));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use tailwater_event::connect::Typed;

    use super::*;

    fn configured(regex: &str, replacement: &str) -> Configured {
        let options = [("regex", regex), ("replacement", replacement)];
        configure("", &options.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect())
    }

    fn routed(regex: &str, replacement: &str, topic: &str) -> String {
        let (mut router, warnings) = configured(regex, replacement).unwrap();
        assert_eq!(warnings, []);
        let record = ConnectRecord {
            topic: topic.into(),
            partition: None,
            offset: None,
            timestamp_ms: None,
            key: Typed::NULL,
            value: Typed::NULL,
            headers: Vec::new(),
        };
        let first = router.apply(record.clone()).unwrap().unwrap();
        assert_eq!(router.apply(record).unwrap().unwrap(), first);
        first.topic.to_string()
    }

    #[test]
    fn a_topic_that_matches_as_a_whole_gets_the_new_name() {
        assert_eq!(routed(r"([^.]+)\.([^.]+)\.([^.]+)", "$3", "srv.public.t"), "t");
        assert_eq!(routed(r"(?<server>.*)\.t", r"${server}-\$1x$1_$10", "srv.t"), "srv-$1xsrv_srv0");
        assert_eq!(routed("public", "x", "srv.public.t"), "srv.public.t");
        assert_eq!(routed("(a)|(b)", "[$1$2]", "b"), "[b]");
    }

    #[test]
    fn what_is_replaced_is_the_first_match_within_the_topic() {
        assert_eq!(routed("a|ab", "x", "ab"), "xb");
    }

    #[test]
    fn a_replacement_without_such_a_group_is_refused_and_so_is_what_is_no_expression() {
        for (regex, replacement, option) in [
            ("(a)", "$2", "replacement"),
            ("a", "${n}", "replacement"),
            ("a", "x$", "replacement"),
            ("(", "x", "regex"),
        ] {
            let problems = configured(regex, replacement).err().unwrap();
            assert!(problems[0].cause.starts_with(&format!("The '{option}' value is invalid")), "{problems:?}");
        }
        let missing: Vec<_> = configure("", &Config::default()).err().unwrap();
        assert_eq!(missing.iter().filter(|p| p.code == "PROPERTY_MISSING").count(), 2);
    }
}
