//! Connector properties, each declared once.

use crate::config::Config;
use crate::problem::Problem;

/// How far a property is supported. Nothing is silently ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Does what the original does.
    Honoured,
    /// Accepted and without effect here; the reason is shown as a warning when the value is not the default.
    NoEffect(&'static str),
    /// Refused when the value is not the default, with the reason and what to do instead.
    Refused(&'static str),
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Integer(i64, i64),
    /// One of these words, case ignored.
    OneOf(&'static [&'static str]),
    /// A comma-separated list of names.
    List,
    /// A comma-separated list of regular expressions.
    Patterns,
    /// A text that is never shown.
    Secret,
}

/// One property's declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Today's name; a trailing `*` declares a prefix.
    pub name: &'static str,
    /// Names of older versions, accepted with a warning.
    pub old_names: &'static [&'static str],
    /// The form of its value.
    pub form: Form,
    /// The default as text; `None` when there is none.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// How far it is supported.
    pub support: Support,
    /// One line for people.
    pub help: &'static str,
}

/// How user interfaces present a property, in Kafka Connect's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The property.
    pub name: &'static str,
    /// `BOOLEAN`, `STRING`, `INT`, `SHORT`, `LONG`, `DOUBLE`, `LIST`, `CLASS` or `PASSWORD`.
    pub kind: &'static str,
    /// `HIGH`, `MEDIUM` or `LOW`.
    pub importance: &'static str,
    /// The heading that it stands under.
    pub group: &'static str,
    /// `NONE`, `SHORT`, `MEDIUM` or `LONG`.
    pub width: &'static str,
    /// What stands beside the field.
    pub label: &'static str,
}

impl Look {
    /// All of it, in the order of the fields.
    pub const fn new(
        name: &'static str,
        kind: &'static str,
        importance: &'static str,
        group: &'static str,
        width: &'static str,
        label: &'static str,
    ) -> Self {
        Look { name, kind, importance, group, width, label }
    }
}

impl Property {
    /// An honoured optional property.
    pub const fn new(name: &'static str, form: Form, default: Option<&'static str>, help: &'static str) -> Self {
        Property { name, old_names: &[], form, default, required: false, support: Support::Honoured, help }
    }

    /// The same, required.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same with names of older versions.
    pub const fn old(mut self, names: &'static [&'static str]) -> Self {
        self.old_names = names;
        self
    }

    /// The same with less than full support.
    pub const fn support(mut self, support: Support) -> Self {
        self.support = support;
        self
    }

    /// Whether it declares a name, which may be one of those that its prefix stands for.
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }
}

/// Checks a whole configuration against its declarations and gives it back under today's names with defaults
/// filled in. Second: every problem found, errors and warnings.
pub fn check(config: &Config, properties: &[Property]) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut out = Config::default();
    for (name, value) in config.iter() {
        let by_old_name = || properties.iter().find(|p| p.old_names.contains(&name));
        if let Some(property) = properties.iter().find(|p| p.matches(name)) {
            out.set(name, value);
            check_value(property, name, value, &mut problems);
        } else if let Some(property) = by_old_name() {
            let taken = config.get(property.name).is_some();
            problems.push(
                Problem::config(
                    "PROPERTY_RENAMED",
                    format!(
                        "'{name}' is an old name of '{}'{}",
                        property.name,
                        if taken { ", which is also set and wins" } else { "" }
                    ),
                    format!("Rename '{name}' to '{}'.", property.name),
                )
                .warning(),
            );
            if !taken {
                out.set(property.name, value);
                check_value(property, property.name, value, &mut problems);
            }
        } else {
            let nearest = nearest(name, properties.iter().map(|p| p.name.trim_end_matches('*')));
            let remedy = match nearest {
                Some(near) => format!("Did you mean '{near}'?"),
                None => format!("Remove '{name}'."),
            };
            problems.push(
                Problem::config(
                    "PROPERTY_UNKNOWN",
                    format!("'{name}' is not a property of this connector; it has no effect"),
                    remedy,
                )
                .warning(),
            );
        }
    }
    for property in properties.iter().filter(|p| !p.name.ends_with('*')) {
        if out.get(property.name).is_some() {
            continue;
        }
        if let Some(default) = property.default {
            out.set(property.name, default);
        } else if property.required {
            problems.push(Problem::config(
                "PROPERTY_MISSING",
                format!("The '{}' value is invalid: A value is required", property.name),
                format!("Add \"{}\": {}", property.name, property.help),
            ));
        }
    }
    (out, problems)
}

/// The nearest of some names, when one is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::jaro_winkler(name, c), c))
        .filter(|(score, _)| *score > 0.88)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

fn check_value(property: &Property, name: &str, value: &str, problems: &mut Vec<Problem>) {
    let bad = |reason: String, remedy: String| {
        Problem::config("PROPERTY_INVALID", format!("The '{name}' value is invalid: {reason}"), remedy)
    };
    match property.form {
        Form::Text | Form::Secret | Form::List | Form::Patterns => {
            if property.required && value.trim().is_empty() {
                problems.push(bad("A value is required".into(), format!("Set '{name}': {}", property.help)));
            }
        }
        Form::Bool => {
            if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") {
                problems
                    .push(bad("Value must be one of true, false".into(), format!("Set '{name}' to true or false.")));
            }
        }
        Form::Integer(low, high) => match value.trim().parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => {}
            _ => problems.push(bad(
                format!("a whole number from {low} to {high} is expected"),
                format!("Set '{name}' to a whole number from {low} to {high}."),
            )),
        },
        Form::OneOf(words) => {
            if !words.iter().any(|w| w.eq_ignore_ascii_case(value.trim())) {
                let near = nearest(value, words.iter().copied());
                let remedy = near
                    .map_or_else(|| format!("Use one of: {}.", words.join(", ")), |n| format!("Did you mean '{n}'?"));
                problems.push(bad(format!("Value must be one of {}", words.join(", ")), remedy));
            }
        }
    }
    let is_default = property.default.is_some_and(|d| d.eq_ignore_ascii_case(value.trim()));
    match property.support {
        Support::Honoured => {}
        _ if is_default => {}
        Support::NoEffect(why) => {
            problems.push(
                Problem::config(
                    "PROPERTY_NO_EFFECT",
                    format!("'{name}' has no effect: {why}"),
                    format!("Remove '{name}'."),
                )
                .warning(),
            );
        }
        Support::Refused(why) => {
            problems.push(Problem::config(
                "PROPERTY_REFUSED",
                format!("'{name}' is not supported: {why}"),
                format!("Remove '{name}'."),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: &[Property] = &[
        Property::new("topic.prefix", Form::Text, None, "the logical name").required().old(&["database.server.name"]),
        Property::new("snapshot.mode", Form::OneOf(&["initial", "no_data"]), Some("initial"), "what to read first"),
        Property::new("database.port", Form::Integer(1, 65535), Some("5432"), "the port"),
        Property::new("driver.*", Form::Text, None, "driver settings")
            .support(Support::NoEffect("there is no JDBC driver")),
        Property::new("publication.name", Form::Text, Some("p"), "").support(Support::Refused("no")),
    ];

    fn codes(pairs: &[(&str, &str)]) -> Vec<(String, bool)> {
        let config: Config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        check(&config, PROPERTIES).1.into_iter().map(|p| (p.code.clone(), p.is_error())).collect()
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let found = codes(&[("snapshot.mode", "inital"), ("database.port", "0"), ("tabel.include.list", "x")]);
        let names: Vec<_> = found.iter().map(|(c, _)| c.as_str()).collect();
        assert_eq!(names, ["PROPERTY_INVALID", "PROPERTY_INVALID", "PROPERTY_UNKNOWN", "PROPERTY_MISSING"]);
    }

    #[test]
    fn an_old_name_is_accepted_with_a_warning_and_todays_name_wins() {
        let old: Config = [("database.server.name".to_string(), "a".to_string())].into_iter().collect();
        let (checked, problems) = check(&old, PROPERTIES);
        assert_eq!(checked.get("topic.prefix"), Some("a"));
        assert!(problems.iter().all(|p| !p.is_error()));
        let both: Config = [("database.server.name", "a"), ("topic.prefix", "b")]
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .into_iter()
            .collect();
        assert_eq!(check(&both, PROPERTIES).0.get("topic.prefix"), Some("b"));
    }

    #[test]
    fn a_property_without_effect_warns_and_a_refused_one_is_an_error_unless_it_is_the_default() {
        assert_eq!(codes(&[("topic.prefix", "a"), ("driver.x", "1")]), [("PROPERTY_NO_EFFECT".to_string(), false)]);
        assert_eq!(
            codes(&[("topic.prefix", "a"), ("publication.name", "q")]),
            [("PROPERTY_REFUSED".to_string(), true)]
        );
        assert_eq!(codes(&[("topic.prefix", "a"), ("publication.name", "p")]), []);
    }
}
