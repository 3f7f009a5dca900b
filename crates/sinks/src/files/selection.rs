//! Which topics a sink reads: `topics` or `topics.regex`, as in Connect.

use regex::Regex;
use tailwater_connector::{Config, Problem};

/// A sink's choice of topics.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// By name.
    Named(Vec<String>),
    /// By a pattern that matches the whole name.
    Matching(Matching),
}

/// A pattern for the whole name, as Java has it.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    pattern: Regex,
    /// What names must not begin with.
    except: Vec<Regex>,
}

impl Matching {
    /// Reads a pattern. Of look-around, which cannot be read in linear time in general, it takes what people write to leave
    /// topics out: `(?!PATTERN)` before all the rest, once or more often, behind flags such as `(?i)`.
    fn parse(text: &str) -> Result<Matching, regex::Error> {
        let mut rest = text.strip_prefix('^').unwrap_or(text);
        let flags = rest.strip_prefix("(?").and_then(|inside| inside.split_once(')')).map(|(flags, _)| flags);
        let flags = flags.filter(|flags| !flags.is_empty() && flags.chars().all(|c| "imsux-".contains(c)));
        let flags = flags.map_or(String::new(), |flags| format!("(?{flags})"));
        rest = rest.strip_prefix(flags.as_str()).unwrap_or(rest);
        rest = rest.strip_prefix('^').unwrap_or(rest);
        let mut except = Vec::new();
        while let Some((inside, behind)) = rest.strip_prefix("(?!").and_then(group) {
            except.push(Regex::new(&format!("{flags}^(?:{inside})"))?);
            rest = behind;
        }
        // Alternatives beside the first group would not have it before them.
        let whole = except.is_empty() || alternatives(rest) > 0;
        let (rest, except) = if whole { (text, Vec::new()) } else { (rest, except) };
        let flags = if whole { "" } else { flags.as_str() };
        Ok(Matching { pattern: Regex::new(&format!("{flags}^(?:{rest})$"))?, except })
    }

    fn takes(&self, topic: &str) -> bool {
        self.pattern.is_match(topic) && !self.except.iter().any(|except| except.is_match(topic))
    }
}

/// A group whose first parenthesis is read, and what stands behind its last.
fn group(text: &str) -> Option<(&str, &str)> {
    let mut ends = parentheses(text).filter(|(depth, c, _)| *depth < 0 && *c == ')');
    let (_, _, at) = ends.next()?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// How many bars stand outside of all groups.
fn alternatives(text: &str) -> usize {
    parentheses(text).filter(|(depth, c, _)| *depth == 0 && *c == '|').count()
}

/// The characters of a pattern that are no literals or of a class, each with how many groups are open behind it, and its place.
fn parentheses(text: &str) -> impl Iterator<Item = (i32, char, usize)> {
    let (mut depth, mut escaped, mut class) = (0, false, false);
    text.char_indices().filter_map(move |(at, c)| {
        let literal = escaped || class && c != ']';
        escaped = !escaped && c == '\\';
        if literal || c == '\\' {
            return None;
        }
        class = c == '[';
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        Some((depth, c, at))
    })
}

impl Selection {
    /// From the properties; exactly one of the two must be there.
    pub(crate) fn from_config(config: &Config) -> Result<Selection, Problem> {
        let names = config.list("topics");
        let pattern = config.text("topics.regex");
        match (names.is_empty(), pattern.is_empty()) {
            (false, true) => Ok(Selection::Named(names)),
            (true, false) => Matching::parse(pattern).map(Selection::Matching).map_err(|error| {
                let fault = error.to_string();
                let fault = fault.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Problem::config(
                    "PROPERTY_INVALID",
                    format!("The 'topics.regex' value is invalid: {fault}"),
                    r#"Use a pattern such as "topics.regex": "server\\.public\\..*""#,
                )
            }),
            (true, true) => Err(Problem::config(
                "PROPERTY_MISSING",
                "Must configure one of topics or topics.regex",
                r#"Add "topics": "TOPIC,TOPIC" or "topics.regex": "PATTERN"."#,
            )),
            (false, false) => Err(Problem::config(
                "PROPERTY_INVALID",
                "topics and topics.regex are mutually exclusive options, but both are set.",
                "Remove 'topics' or 'topics.regex'.",
            )),
        }
    }

    /// Whether a topic is read.
    pub(crate) fn takes(&self, topic: &str) -> bool {
        match self {
            Selection::Named(names) => names.iter().any(|name| name == topic),
            Selection::Matching(pattern) => pattern.takes(topic),
        }
    }

    /// The topics that must exist.
    pub(crate) fn named(&self) -> &[String] {
        match self {
            Selection::Named(names) => names,
            Selection::Matching(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(pairs: &[(&str, &str)]) -> Result<Selection, String> {
        let config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Selection::from_config(&config).map_err(|p| p.cause)
    }

    #[test]
    fn topics_are_chosen_by_name_or_by_a_pattern_for_the_whole_name() {
        let named = selection(&[("topics", "a.b, c")]).unwrap();
        assert!(named.takes("a.b") && named.takes("c") && !named.takes("axb"));
        let matching = selection(&[("topics.regex", "s\\.(a|b)")]).unwrap();
        assert!(matching.takes("s.a") && !matching.takes("s.ab") && !matching.takes("xs.a"));
    }

    #[test]
    fn topics_are_left_out_as_people_write_it_in_java() {
        for (pattern, taken, left_out) in [
            ("^(?!.*amazon_msk).*", &["shop.orders", "msk"][..], &["__amazon_msk_canary", "x.amazon_msk"][..]),
            (
                "^(?i)(?!(__.*|_schemas|connect-.*|public..*)$).*",
                &["shop", "_schemas2"],
                &["__x", "_SCHEMAS", "Connect-a"],
            ),
            ("(?!a\\.)(?!b[)])[ab].*", &["ax", "bx"], &["a.x", "b)x", "cx"]),
        ] {
            let selection = selection(&[("topics.regex", pattern)]).unwrap();
            taken.iter().for_each(|topic| assert!(selection.takes(topic), "{pattern}: {topic}"));
            left_out.iter().for_each(|topic| assert!(!selection.takes(topic), "{pattern}: {topic}"));
        }
        for pattern in ["a(?!b).*", "(?=a).*", "(?!a)b|c", "(?!a"] {
            assert!(selection(&[("topics.regex", pattern)]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn none_both_and_a_broken_pattern_are_refused() {
        assert!(selection(&[]).unwrap_err().contains("Must configure one"));
        assert!(selection(&[("topics", "a"), ("topics.regex", "a")]).unwrap_err().contains("mutually exclusive"));
        assert!(selection(&[("topics.regex", "a(")]).unwrap_err().contains("unclosed group"));
    }
}
