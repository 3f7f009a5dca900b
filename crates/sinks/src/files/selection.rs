//! Which topics a sink reads: `topics` or `topics.regex`, as in Connect.

use tailwater_connector::java_regex::{self, Whole};
use tailwater_connector::{Config, Problem};

/// A sink's choice of topics.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// By name.
    Named(Vec<String>),
    /// By a pattern of Java that matches the whole name.
    Matching(Whole),
}

impl Selection {
    /// From the properties; exactly one of the two must be there.
    pub(crate) fn from_config(config: &Config) -> Result<Selection, Problem> {
        let names = config.list("topics");
        let pattern = config.text("topics.regex");
        match (names.is_empty(), pattern.is_empty()) {
            (false, true) => Ok(Selection::Named(names)),
            (true, false) => java_regex::whole(("topics.regex", pattern)).map(Selection::Matching),
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
            Selection::Matching(pattern) => pattern.is_match(topic),
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
            (r"s\.public\.(?!tmp_)\w+", &["s.public.t1"], &["s.public.tmp_t", "s.public.tä", "s.other.t"]),
            ("(?!a\\.)(?!b[)])[ab].*", &["ax", "bx"], &["a.x", "b)x", "cx"]),
        ] {
            let selection = selection(&[("topics.regex", pattern)]).unwrap();
            taken.iter().for_each(|topic| assert!(selection.takes(topic), "{pattern}: {topic}"));
            left_out.iter().for_each(|topic| assert!(!selection.takes(topic), "{pattern}: {topic}"));
        }
        for pattern in ["a*(?!b).*", "(?<!a).*", "(?!a)b|c", "(?!a"] {
            assert!(selection(&[("topics.regex", pattern)]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn none_both_and_a_broken_pattern_are_refused() {
        assert!(selection(&[]).unwrap_err().contains("Must configure one"));
        assert!(selection(&[("topics", "a"), ("topics.regex", "a")]).unwrap_err().contains("mutually exclusive"));
        assert!(
            selection(&[("topics.regex", "a(")])
                .unwrap_err()
                .contains("'a(' is no regular expression here: a group without end")
        );
    }
}
