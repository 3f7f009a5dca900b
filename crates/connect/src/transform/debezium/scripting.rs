//! `Filter` and `ContentBasedRouter`: an expression decides whether a record goes on, or to which topic.

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property, java_regex};
use tailwater_event::connect::ConnectRecord;

use crate::transform::expression::{Dialect, Expression, Fault, Outcome};
use crate::transform::{Transform, TransformClass};

use super::{Configured, finish, invalid, strict};

/// Drops records for which the condition is false.
pub(super) const FILTER: TransformClass = TransformClass {
    names: &["io.debezium.transforms.Filter"],
    properties: &[LANGUAGE, CONDITION, NULL_HANDLING, TOPIC_REGEX],
    repeats_mistakes: true,
    configure: |_, config| configure(config, CONDITION),
};

/// Sends records to the topic that the expression gives.
pub(super) const ROUTER: TransformClass = TransformClass {
    names: &["io.debezium.transforms.ContentBasedRouter"],
    properties: &[LANGUAGE, TOPIC_EXPRESSION, NULL_HANDLING, TOPIC_REGEX],
    repeats_mistakes: true,
    configure: |_, config| configure(config, TOPIC_EXPRESSION),
};

const LANGUAGE: Property = Property::new(
    "language",
    Form::Text,
    Some("jsr223.groovy"),
    "whose syntax it is: jsr223.groovy or jsr223.graal.js",
);
const CONDITION: Property =
    Property::new("condition", Form::Text, None, "records go on for which it is true: value.op == 'u'").required();
const TOPIC_EXPRESSION: Property = Property::new(
    "topic.expression",
    Form::Text,
    None,
    "the topic, null for the old one: value.op == 'd' ? 'gone' : null",
)
.required();
const NULL_HANDLING: Property = Property::new(
    "null.handling.mode",
    Form::OneOf(&["keep", "drop", "evaluate"]),
    Some("keep"),
    "what becomes of records without a value",
);
const TOPIC_REGEX: Property = Property::new("topic.regex", Form::Text, None, "topics whose records are looked at");

struct Script {
    expression: Expression,
    /// The option that it stands in.
    option: &'static str,
    routes: bool,
    nulls: Nulls,
    topics: Option<java_regex::Whole>,
}

/// Records without a value.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    Keep,
    Drop,
    Evaluate,
}

impl Transform for Script {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if self.topics.as_ref().is_some_and(|topics| !topics.is_match(&record.topic)) {
            return Ok(Some(record));
        }
        if record.value.value.is_null() && self.nulls != Nulls::Evaluate {
            return Ok(Some(record).filter(|_| self.nulls == Nulls::Keep));
        }
        match (self.expression.evaluate(&record).map_err(|fault| self.failed(&fault))?, self.routes) {
            (Outcome::Boolean(kept), false) => Ok(Some(record).filter(|_| kept)),
            (Outcome::Null, true) => Ok(Some(record)),
            (Outcome::Text(topic), true) => {
                record.topic = topic.into();
                Ok(Some(record))
            }
            (outcome, routes) => {
                let found = match outcome {
                    Outcome::Null => "null",
                    Outcome::Boolean(_) => "a boolean",
                    Outcome::Text(_) => "a text",
                    Outcome::Other(kind) => kind,
                };
                let wanted = if routes { "a text or null" } else { "a boolean" };
                Err(self.failed(&Fault { at: 1, reason: format!("it gives {found} where {wanted} is wanted") }))
            }
        }
    }
}

impl Script {
    fn failed(&self, fault: &Fault) -> Problem {
        Problem::config(
            "EXPRESSION_FAILED",
            format!("'{}' cannot be evaluated for a record: {fault}", self.option),
            "Look at records as they come: tailwater tail TOPIC; keep others away by 'topic.regex' or a predicate.",
        )
    }
}

fn configure(config: &Config, option: Property) -> Configured {
    let (config, strict) = strict(config);
    let (config, mut problems) = check(&config, &[LANGUAGE, option, NULL_HANDLING, TOPIC_REGEX]);
    let routes = option.name == TOPIC_EXPRESSION.name;
    let dialect = match config.text(LANGUAGE.name).trim() {
        "jsr223.groovy" | "jsr223.Groovy" => Dialect::Groovy,
        "jsr223.graal.js" | "jsr223.Graal.js" | "jsr223.js" | "jsr223.JavaScript" | "jsr223.javascript" => {
            Dialect::JavaScript
        }
        other => {
            problems.push(invalid(
                LANGUAGE.name,
                format!(
                    "there is no engine for '{other}'; one-line expressions of Groovy and JavaScript are evaluated"
                ),
                "Set 'language' to jsr223.groovy and write the expression as in value.op == 'u' && value.after.id > 5",
            ));
            Dialect::Groovy
        }
    };
    let text = config.text(option.name).trim();
    let expression = match Expression::compile(text, dialect, strict) {
        Ok(expression) => {
            problems.extend(expression.hidden_field().map(|(at, name)| hidden(option.name, *at, name)));
            Some(expression)
        }
        // That it is missing is said already.
        Err(_) if text.is_empty() => None,
        Err(fault) => {
            problems.push(invalid(
                option.name,
                fault,
                match routes {
                    true => "Write one expression, as in value.source.table == 'orders' ? 'orders-' + value.op : null",
                    false => "Write one expression, as in value.op in ['c','u'] && value.after.name =~ /^A/",
                },
            ));
            None
        }
    };
    let pattern = config.text(TOPIC_REGEX.name);
    let topics = Some(pattern).filter(|pattern| !pattern.is_empty());
    let topics = topics.and_then(|pattern| {
        java_regex::whole((TOPIC_REGEX.name, pattern)).map_err(|problem| problems.push(problem)).ok()
    });
    let nulls = match config.text(NULL_HANDLING.name).trim().to_ascii_lowercase().as_str() {
        "drop" => Nulls::Drop,
        "evaluate" => Nulls::Evaluate,
        _ => Nulls::Keep,
    };
    if nulls == Nulls::Evaluate && dialect == Dialect::JavaScript {
        problems.push(invalid(
            NULL_HANDLING.name,
            "in JavaScript the null of a tombstone is an object, so value == null is false",
            "Set 'language' to jsr223.groovy, or 'null.handling.mode' to keep or drop.",
        ));
    }
    let script = expression.map(|expression| Script { expression, option: option.name, routes, nulls, topics });
    finish(script, problems)
}

/// A field that Debezium does not see.
fn hidden(option: &str, at: usize, name: &str) -> Problem {
    Problem::config(
        "EXPRESSION_DIFFERS",
        format!(
            "'{name}' at character {at} of '{option}' is the field; in Debezium, Groovy finds something else of the Java object \
             under this name, which never equals a text"
        ),
        format!("Write .get('{name}'), which is the field in both; or set 'compatibility.mode' to strict for Debezium's outcome."),
    )
    .warning()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built, configured};
    use super::*;

    #[test]
    fn a_filter_keeps_what_its_condition_is_true_for() {
        let table = Table::new();
        let mut filter = built(&FILTER, &[("condition", "value.op == 'u' && value.after.id > 5")]);
        for (op, id, kept) in [("u", 6, true), ("u", 5, false), ("c", 6, false)] {
            let change = table.change(op, None, Some((id, None, None)));
            assert_eq!(filter.apply(change).unwrap().is_some(), kept);
        }
        let delete = table.change("u", None, None);
        let problem = filter.apply(delete).unwrap_err();
        assert_eq!(problem.code, "EXPRESSION_FAILED");
        assert!(problem.cause.contains("write ?.id"), "{problem}");
    }

    #[test]
    fn a_router_gives_the_topic_or_leaves_it() {
        let table = Table::new();
        let expression = "value.after?.id == 1 ? 'one-' + value.op : null";
        let mut router = built(&ROUTER, &[("topic.expression", expression), ("language", "jsr223.groovy")]);
        let mut topic = |id| router.apply(table.change("c", None, Some((id, None, None)))).unwrap().unwrap().topic;
        assert_eq!((&*topic(1), &*topic(2)), ("one-c", "srv.public.t"));
        let change = table.change("c", None, Some((1, None, None)));
        let problem = built(&ROUTER, &[("topic.expression", "value.after.id")]).apply(change).unwrap_err();
        assert!(problem.cause.contains("a number where a text or null is wanted"), "{problem}");
    }

    #[test]
    fn records_without_a_value_and_other_topics_have_their_own_way() {
        let table = Table::new();
        for (mode, condition, kept) in
            [("keep", "false", true), ("drop", "true", false), ("evaluate", "value == null && key.id == 3", true)]
        {
            let mut filter = built(&FILTER, &[("condition", condition), ("null.handling.mode", mode)]);
            assert_eq!(filter.apply(table.tombstone(3)).unwrap().is_some(), kept, "{mode}");
        }
        let mut filter = built(&FILTER, &[("condition", "false"), ("topic.regex", "srv")]);
        assert!(filter.apply(table.change("c", None, None)).unwrap().is_some());
    }

    #[test]
    fn what_is_not_supported_is_refused_with_an_example() {
        for (name, value) in [
            ("condition", "value.after.tags.any { it == 'a' }"),
            ("language", "wasm.chicory"),
            ("topic.regex", "x(?<!y)"),
        ] {
            let options = [("condition", "true"), (name, value)];
            let problems = configured(&FILTER, &options[usize::from(name == "condition")..]).err().unwrap();
            assert_eq!((problems.len(), problems[0].code.as_str()), (1, "PROPERTY_INVALID"), "{name}");
        }
        assert_eq!(configured(&ROUTER, &[]).err().unwrap()[0].code, "PROPERTY_MISSING");
    }
}
