//! The chain of a connector's transforms, each with what it applies to.

use std::collections::BTreeMap;

use tailwater_connector::config::split_list;
use tailwater_connector::{Config, Problem};
use tailwater_event::connect::{ConnectRecord, Schema};

use super::named;
use super::predicate::Predicate;
use super::properties::{CONVERTERS, PREDICATES, TRANSFORMS, below};
use crate::transform::{STRICT, Transform, TransformClass, classes};

/// Transforms in their order.
#[derive(Default)]
pub(super) struct Chain(Vec<Step>);

struct Step {
    name: String,
    class: &'static str,
    transform: Box<dyn Transform>,
    /// The predicate, and whether it must not hold.
    on: Option<(Predicate, bool)>,
}

/// A transform or converter that did not take a record.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Connect's word for where a record was.
    pub(super) stage: &'static str,
    /// The class.
    pub(super) class: &'static str,
    /// Its name and class, for people.
    pub(super) by: String,
    /// Why.
    pub(super) problem: Problem,
}

impl Refusal {
    /// By the converter of keys (0), values (1) or headers.
    pub(super) fn of_converter(part: usize, class: &'static str, problem: Problem) -> Refusal {
        let [key, value, header] = CONVERTERS;
        let (side, stage) = match part {
            0 => (key, "KEY_CONVERTER"),
            1 => (value, "VALUE_CONVERTER"),
            _ => (header, "HEADER_CONVERTER"),
        };
        Refusal { stage, class, by: format!("{side} ({class})"), problem }
    }
}

impl Chain {
    /// From `transforms` and `predicates`. All problems at once; an error leaves transforms out. Strict chains repeat Debezium's
    /// mistakes.
    pub(super) fn parse(config: &Config, strict: bool) -> (Chain, Vec<Problem>) {
        let mut problems = Vec::new();
        let predicates = parse_predicates(config, &mut problems);
        let names = names(config, TRANSFORMS, &mut problems);
        let mut used = Vec::new();
        let mut steps = Vec::new();
        for name in names {
            let prefix = format!("{TRANSFORMS}.{name}.");
            let mut options = below(config, &prefix);
            let on = options.get("predicate").map(str::to_owned);
            let negate = options.text("negate").trim().to_owned();
            let class = options.text("type").trim().to_owned();
            for taken in ["type", "predicate", "negate"] {
                options.remove(taken);
            }
            if !["", "true", "false"].iter().any(|word| negate.eq_ignore_ascii_case(word)) {
                problems.push(Problem::config(
                    "PROPERTY_INVALID",
                    format!("The '{prefix}negate' value is invalid: Value must be one of true, false"),
                    format!("Set '{prefix}negate' to true or false."),
                ));
            }
            let negate = negate.eq_ignore_ascii_case("true");
            let on = on.and_then(|on| match predicates.get(&on) {
                Some(predicate) => {
                    used.push(on);
                    predicate.clone().map(|predicate| (predicate, negate))
                }
                None => {
                    problems.push(Problem::config(
                        "PREDICATE_UNKNOWN",
                        format!("'{prefix}predicate' is '{on}', which is not in '{PREDICATES}'"),
                        format!("Add '{on}' to '{PREDICATES}' and set '{PREDICATES}.{on}.type'."),
                    ));
                    None
                }
            });
            let mode = if strict { "strict" } else { "" };
            steps.extend(step(name, &prefix, &class, (options, mode), on, &mut problems));
        }
        for name in predicates.keys().filter(|name| !used.contains(name)) {
            problems.push(without_effect(&format!("{PREDICATES}.{name}"), "no transform uses this predicate"));
        }
        (Chain(steps), problems)
    }

    /// Whether it leaves every record as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it looks at nothing but the topic and changes nothing else.
    pub(super) fn only_routes(&self) -> bool {
        let sees_topics = |step: &Step| step.on.as_ref().is_none_or(|(predicate, _)| predicate.only_sees_topics());
        self.0.iter().all(|step| step.transform.only_routes() && sees_topics(step))
    }

    /// Fields of values of this schema that need not be read, by their places.
    pub(super) fn unused(&self, value: &Schema) -> Vec<usize> {
        let first = self.0.first().filter(|step| step.on.is_none());
        first.map_or_else(Vec::new, |step| step.transform.unused(value))
    }

    /// The names of the transforms, for people.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|step| step.name.as_str()).collect()
    }

    /// A record through all transforms; `None` when one of them drops it.
    pub(super) fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Box<Refusal>> {
        for step in &mut self.0 {
            if step.on.as_ref().is_some_and(|(predicate, negate)| predicate.holds(&record) == *negate) {
                continue;
            }
            let refused = |problem| {
                let by = format!("transform '{}' ({})", step.name, step.class);
                Box::new(Refusal { stage: "TRANSFORMATION", class: step.class, by, problem })
            };
            match step.transform.apply(record).map_err(refused)? {
                Some(changed) => record = changed,
                None => return Ok(None),
            }
        }
        Ok(Some(record))
    }
}

fn parse_predicates(config: &Config, problems: &mut Vec<Problem>) -> BTreeMap<String, Option<Predicate>> {
    let mut predicates = BTreeMap::new();
    for name in names(config, PREDICATES, problems) {
        let prefix = format!("{PREDICATES}.{name}.");
        let mut options = below(config, &prefix);
        let class = options.text("type").trim().to_owned();
        options.remove("type");
        let predicate = if class.is_empty() {
            problems.push(missing_type(&prefix));
            None
        } else {
            let (predicate, found) = Predicate::parse(&class, &prefix, &options);
            problems.extend(found);
            predicate
        };
        predicates.insert(name, predicate);
    }
    predicates
}

/// The names in a list; warns of settings below others.
fn names(config: &Config, list: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in split_list(config.text(list)) {
        if names.contains(&name) {
            problems.push(Problem::config(
                "PROPERTY_INVALID",
                format!("The '{list}' value is invalid: '{name}' is there twice"),
                format!("Give each of '{list}' a name of its own."),
            ));
        } else {
            names.push(name);
        }
    }
    let below_list = format!("{list}.");
    for (property, _) in config.iter() {
        let Some(rest) = property.strip_prefix(&below_list) else { continue };
        if !names.iter().any(|name| rest.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))) {
            problems.push(without_effect(property, &format!("'{list}' does not name it")));
        }
    }
    names
}

fn step(
    name: String,
    prefix: &str,
    class: &str,
    (mut options, mode): (Config, &str),
    on: Option<(Predicate, bool)>,
    problems: &mut Vec<Problem>,
) -> Option<Step> {
    if class.is_empty() {
        problems.push(missing_type(prefix));
        return None;
    }
    let names = classes().flat_map(|class| class.names.iter().copied()).collect::<Vec<_>>();
    let Some(full) = named::resolve(class, names.iter().copied()) else {
        problems.push(named::unknown(&format!("{prefix}type"), class, names.iter().copied()));
        return None;
    };
    let of: &TransformClass = classes().find(|class| class.names.contains(&full))?;
    if of.repeats_mistakes && !mode.is_empty() {
        options.set(STRICT, mode);
    }
    // What is said of the class is said of the option that names it.
    let named = |found: Vec<Problem>| {
        named::with_prefix(prefix, of.properties, found).into_iter().map(|problem| match problem.code.as_str() {
            "TRANSFORM_REFUSED" | "TRANSFORM_NO_EFFECT" => {
                Problem { cause: format!("'{prefix}type': {}", problem.cause), ..problem }
            }
            _ => problem,
        })
    };
    match (of.configure)(full, &options) {
        Ok((transform, warnings)) => {
            problems.extend(named(warnings));
            Some(Step { name, class: full, transform, on })
        }
        Err(found) => {
            problems.extend(named(found));
            None
        }
    }
}

fn missing_type(prefix: &str) -> Problem {
    Problem::config(
        "PROPERTY_MISSING",
        format!("The '{prefix}type' value is invalid: A value is required"),
        format!("Add \"{prefix}type\": the class."),
    )
}

fn without_effect(property: &str, why: &str) -> Problem {
    Problem::config("PROPERTY_NO_EFFECT", format!("'{property}' has no effect: {why}"), format!("Remove '{property}'."))
        .warning()
}

#[cfg(test)]
mod tests;
