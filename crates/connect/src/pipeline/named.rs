//! Classes of transforms, predicates and converters by the names that people use, and problems by a property's full name.

use tailwater_connector::property::nearest;
use tailwater_connector::{Problem, Property};

/// The full name that one as typed stands for: itself, or the same without its package.
pub(super) fn resolve(typed: &str, names: impl Iterator<Item = &'static str> + Clone) -> Option<&'static str> {
    let simple = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    names.clone().find(|name| *name == typed).or_else(|| {
        let mut found = names.filter(|name| simple(name) == typed);
        let first = found.next();
        first.filter(|_| found.next().is_none())
    })
}

/// No such class: the nearest, and all there are.
pub(super) fn unknown(property: &str, typed: &str, names: impl Iterator<Item = &'static str> + Clone) -> Problem {
    let simple = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let means = |name: &&str| {
        simple(name) == typed || name.split_once('$').is_some_and(|(outer, _)| outer == typed || simple(outer) == typed)
    };
    let meant: Vec<&str> = names.clone().filter(means).collect();
    if !meant.is_empty() {
        return Problem::config(
            "CLASS_AMBIGUOUS",
            format!("'{property}': '{typed}' may be one of several classes"),
            format!("Use one of: {}.", meant.join(", ")),
        );
    }
    let near = nearest(typed, names.clone()).map_or_else(String::new, |near| format!("Did you mean '{near}'? "));
    Problem::config(
        "CLASS_UNKNOWN",
        format!("'{property}': there is no class '{typed}' here"),
        format!("{near}Known classes: {}.", names.collect::<Vec<_>>().join(", ")),
    )
}

/// Problems of options whose names lack a prefix, with it.
pub(super) fn with_prefix(prefix: &str, properties: &[Property], problems: Vec<Problem>) -> Vec<Problem> {
    let full = |mut text: String| {
        for property in properties {
            for quote in ['\'', '"'] {
                let name = property.name.trim_end_matches('*');
                text = text.replace(&format!("{quote}{name}{quote}"), &format!("{quote}{prefix}{name}{quote}"));
            }
        }
        text
    };
    let prefixed = |problem: Problem| Problem { cause: full(problem.cause), remedy: full(problem.remedy), ..problem };
    problems.into_iter().map(prefixed).collect()
}
