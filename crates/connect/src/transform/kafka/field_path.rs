//! Field paths of KIP-821: one name in `V1`; names with dots between them in `V2`, backticks around a name with dots.

use super::invalid;
use tailwater_connector::Problem;

/// The names of a path, from outside to inside. `V1` takes the whole text for one name.
pub(super) fn parse(option: &str, text: &str, nested: bool) -> Result<Vec<String>, Problem> {
    if !nested {
        return Ok(vec![text.to_owned()]);
    }
    let mut steps = Vec::new();
    let mut rest = Some(text);
    while let Some(path) = rest {
        let (step, after) = match path.strip_prefix('`') {
            Some(quoted) => unquote(quoted).ok_or_else(|| {
                let at = text.len() - path.len();
                invalid(
                    option,
                    format!(
                        "Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick at \
                         position {at} to escape it"
                    ),
                    "Close the name with a backtick: `name.with.dots`.field",
                )
            })?,
            None => match path.split_once('.') {
                Some((step, after)) => (step.to_owned(), Some(after)),
                None => (path.to_owned(), None),
            },
        };
        steps.push(step);
        rest = after;
    }
    Ok(steps)
}

/// A name up to its backtick, and what follows the dot behind it. A backtick ends the name only before a dot or at the end;
/// there a backslash before it makes it a part of the name.
fn unquote(quoted: &str) -> Option<(String, Option<&str>)> {
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('`')?;
        let escaped = before.strip_suffix('\\');
        match (after.strip_prefix('.'), escaped) {
            (Some(next), None) => {
                name.push_str(before);
                return Some((name, Some(next)));
            }
            (Some(_), Some(before)) => {
                name.push_str(before);
                name.push('`');
            }
            (None, None) if after.is_empty() => {
                name.push_str(before);
                return Some((name, None));
            }
            (None, Some(_)) if after.is_empty() => return None,
            (None, _) => {
                name.push_str(before);
                name.push('`');
            }
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_part_names_and_backticks_keep_them_together() {
        for (text, steps) in [
            ("a", vec!["a"]),
            ("a.b.c", vec!["a", "b", "c"]),
            ("`a.b`.c", vec!["a.b", "c"]),
            ("a.`b.c`", vec!["a", "b.c"]),
            ("`a`b`.c", vec!["a`b", "c"]),
            ("`a\\`.b`.c", vec!["a`.b", "c"]),
            ("a.", vec!["a", ""]),
        ] {
            assert_eq!(parse("field", text, true).unwrap(), steps, "{text}");
        }
        assert_eq!(parse("field", "a.b", false).unwrap(), ["a.b"]);
        assert!(parse("field", "a.`b", true).unwrap_err().cause.contains("position 2"));
    }
}
