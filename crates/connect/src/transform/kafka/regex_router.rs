//! `RegexRouter`: another topic by a regular expression.

use std::sync::Arc;

use tailwater_connector::java_regex::Rename;
use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::ConnectRecord;

use super::super::{Transform, TransformClass};
use super::{Configured, checked, finish};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["org.apache.kafka.connect.transforms.RegexRouter"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("regex", Form::Text, None, "the regular expression that a whole topic name is to match").required(),
    Property::new("replacement", Form::Text, None, "the new topic name, $1 is the first group of the expression")
        .required(),
];

struct RegexRouter {
    rename: Rename,
    /// The last topic and what became of it: records come in rows of one topic.
    last: Option<(Arc<str>, Arc<str>)>,
}

impl Transform for RegexRouter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if let Some((from, to)) = self.last.as_ref().filter(|(from, _)| *from == record.topic) {
            if !Arc::ptr_eq(from, to) {
                record.topic = Arc::clone(to);
            }
            return Ok(Some(record));
        }
        let to = self.rename.apply(&record.topic).map_or_else(|| Arc::clone(&record.topic), Arc::from);
        self.last = Some((std::mem::replace(&mut record.topic, Arc::clone(&to)), to));
        Ok(Some(record))
    }

    fn only_routes(&self) -> bool {
        true
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let rename = Rename::new(("regex", config.text("regex")), ("replacement", config.text("replacement")));
    let router = rename.map(|rename| RegexRouter { rename, last: None });
    finish(router.map_err(|problem| problems.push(problem)).ok(), problems)
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
