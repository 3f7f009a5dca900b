//! Which topic a table's changes go to (`topic.naming.strategy`), by the names of Debezium's strategies.

use tailwater_connector::java_regex::Rename;
use tailwater_connector::{Config, Problem};
use tailwater_event::TableName;
use tailwater_event::topic::{sanitize, sanitize_unicode};

/// The strategies' names are in this package.
const PACKAGE: &str = "io.debezium.schema.";
/// `topic.key.field.name` when unset.
const KEY_FIELD: &str = "__dbz__physicalTableIdentifier";

/// How topics are named.
#[derive(Clone, Debug)]
pub struct Naming {
    prefix: String,
    delimiter: String,
    /// Whether the schema is part of the name.
    schema: bool,
    /// Characters that Kafka does not allow, and `_`, as `_uXXXX` in place of `_`.
    unicode: bool,
    regex: Option<Rename>,
    /// The field that every key ends with, and what its text is made with.
    key_field: Option<(String, Option<Rename>)>,
}

impl Default for Naming {
    fn default() -> Self {
        Naming {
            prefix: String::new(),
            delimiter: ".".to_owned(),
            schema: true,
            unicode: false,
            regex: None,
            key_field: None,
        }
    }
}

impl Naming {
    /// Reads `topic.prefix`, `topic.naming.strategy` and what belongs to it. All problems at once.
    pub fn read(config: &Config) -> Result<Naming, Vec<Problem>> {
        let mut problems = Vec::new();
        let strategy = config.text("topic.naming.strategy").trim();
        let (schema, unicode, rewrites) = match strategy.strip_prefix(PACKAGE).unwrap_or(strategy) {
            "" | "SchemaTopicNamingStrategy" => (true, false, false),
            "DefaultTopicNamingStrategy" => (false, false, false),
            "SchemaRegexTopicNamingStrategy" => (true, false, true),
            "DefaultRegexTopicNamingStrategy" => (false, false, true),
            "SchemaUnicodeTopicNamingStrategy" => (true, true, false),
            "DefaultUnicodeTopicNamingStrategy" => (false, true, false),
            _ => {
                problems.push(Problem::config(
                    "PROPERTY_REFUSED",
                    format!("'topic.naming.strategy' can not be {strategy}: foreign Java classes can not run here"),
                    "Use io.debezium.schema.SchemaTopicNamingStrategy, or its Default, Regex or Unicode relatives.",
                ));
                (true, false, false)
            }
        };
        let delimiter = match config.text("topic.delimiter") {
            "" => ".".to_owned(),
            given => given.to_owned(),
        };
        if sanitize(&delimiter) != delimiter {
            problems.push(invalid("topic.delimiter", "it may have letters, digits, '.', '_' and '-' only"));
        }
        let mut naming =
            Naming { prefix: config.text("topic.prefix").to_owned(), delimiter, schema, unicode, ..Naming::default() };
        if rewrites {
            naming.regex = rewrite(config, "topic.regex", "topic.replacement", true, &mut problems);
            if !config.text("topic.key.enforce.uniqueness").trim().eq_ignore_ascii_case("false") {
                let name = match config.text("topic.key.field.name").trim() {
                    "" => KEY_FIELD,
                    given => given,
                };
                let text =
                    rewrite(config, "topic.key.field.regex", "topic.key.field.replacement", false, &mut problems);
                naming.key_field = Some((name.to_owned(), text));
            }
        }
        if problems.is_empty() { Ok(naming) } else { Err(problems) }
    }

    /// The topic of a table's changes.
    pub fn topic(&self, table: &TableName) -> String {
        let name = self.plain(table);
        if self.unicode {
            return sanitize_unicode(&name);
        }
        let name = sanitize(&name);
        match self.regex.as_ref().and_then(|regex| regex.apply(&name)) {
            Some(topic) if !topic.is_empty() => sanitize(&topic),
            _ => name,
        }
    }

    /// The constant field at the end of the table's keys: its name and text.
    pub fn key_field(&self, table: &TableName) -> Option<(String, String)> {
        let (name, rewrite) = self.key_field.as_ref()?;
        let plain = self.plain(table);
        let text = rewrite.as_ref().and_then(|rewrite| rewrite.apply(&plain)).unwrap_or(plain);
        Some((name.clone(), text))
    }

    /// Whether several tables may have one topic on purpose.
    pub fn merges(&self) -> bool {
        self.regex.is_some()
    }

    fn plain(&self, table: &TableName) -> String {
        let parts = [self.prefix.as_str(), if self.schema { &table.schema } else { "" }, &table.table];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
        parts.join(&self.delimiter)
    }
}

fn rewrite(
    config: &Config,
    regex: &str,
    replacement: &str,
    required: bool,
    problems: &mut Vec<Problem>,
) -> Option<Rename> {
    let (pattern, text) = (config.text(regex).trim(), config.text(replacement).trim());
    if pattern.is_empty() {
        if required {
            problems.push(invalid(regex, "A value is required"));
        }
        return None;
    }
    if text.is_empty() {
        problems.push(invalid(replacement, &format!("{replacement} must be non-empty if {regex} is set.")));
    }
    // Upper and lower case differ here, unlike in include lists.
    Rename::new((regex, pattern), (replacement, text)).map_err(|problem| problems.push(problem)).ok()
}

fn invalid(property: &str, reason: &str) -> Problem {
    Problem::config(
        "PROPERTY_INVALID",
        format!("The '{property}' value is invalid: {reason}"),
        format!("Correct '{property}'."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(strategy: &str, more: &[(&str, &str)]) -> Result<Naming, Vec<Problem>> {
        let given = [("topic.prefix", "srv"), ("topic.naming.strategy", strategy)];
        Naming::read(&given.iter().chain(more).map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    fn topic(strategy: &str, more: &[(&str, &str)], table: &str) -> String {
        let strategy = format!("{PACKAGE}{strategy}");
        naming(&strategy, more).unwrap().topic(&TableName::new("s-1", table))
    }

    const REGEX: [(&str, &str); 2] = [("topic.regex", "(.*)orders_([0-9]+)(.*)"), ("topic.replacement", "$1orders$3")];

    #[test]
    fn each_strategy_names_topics_as_recorded() {
        let table = "1st täble 😀";
        for (strategy, expected) in [
            ("SchemaTopicNamingStrategy", "srv_-_s-1_-_1st_t_ble__"),
            ("DefaultTopicNamingStrategy", "srv_-_1st_t_ble__"),
            (
                "SchemaUnicodeTopicNamingStrategy",
                "srv_u005f-_u005fs-1_u005f-_u005f1st_u0020t_u00e4ble_u0020_ud83d_ude00",
            ),
            ("DefaultUnicodeTopicNamingStrategy", "srv_u005f-_u005f1st_u0020t_u00e4ble_u0020_ud83d_ude00"),
        ] {
            // The original writes one `_` for each half of a character beyond the basic plane.
            let expected = expected.replace("ble__", "ble___");
            assert_eq!(topic(strategy, &[("topic.delimiter", "_-_")], table), expected);
        }
    }

    #[test]
    fn a_pattern_merges_tables_and_the_key_says_which_one_it_was() {
        assert_eq!(topic("SchemaRegexTopicNamingStrategy", &REGEX, "orders_2023"), "srv.s-1.orders");
        assert_eq!(topic("DefaultRegexTopicNamingStrategy", &REGEX, "orders_2023"), "srv.orders");
        assert_eq!(topic("SchemaRegexTopicNamingStrategy", &REGEX, "Orders_2023"), "srv.s-1.Orders_2023");
        let ahead = [("topic.regex", r"srv\..(?!-2)(.*)\.(?<t>\w+)"), ("topic.replacement", "$1.${t}\\$")];
        assert_eq!(topic("SchemaRegexTopicNamingStrategy", &ahead, "orders"), "-1.orders_");
        let key = |more: &[(&str, &str)], table: &str| {
            let more: Vec<_> = REGEX.iter().chain(more).copied().collect();
            let naming = naming("io.debezium.schema.SchemaRegexTopicNamingStrategy", &more).unwrap();
            naming.key_field(&TableName::new("public", table))
        };
        let field = |name: &str, text: &str| Some((name.to_owned(), text.to_owned()));
        assert_eq!(key(&[], "orders_2023"), field(KEY_FIELD, "srv.public.orders_2023"));
        assert_eq!(key(&[("topic.key.enforce.uniqueness", "false")], "orders_2023"), None);
        let shard = [
            ("topic.key.field.name", "shard"),
            ("topic.key.field.regex", "(.*)orders_([0-9]+)"),
            ("topic.key.field.replacement", "$2"),
        ];
        assert_eq!(key(&shard, "orders_2023"), field("shard", "2023"));
        assert_eq!(key(&shard, "ä b"), field("shard", "srv.public.ä b"));
    }

    #[test]
    fn what_can_not_be_is_refused_by_name() {
        for (strategy, more, named) in [
            ("com.example.Mine", &[][..], "topic.naming.strategy"),
            ("io.debezium.schema.SchemaRegexTopicNamingStrategy", &[], "topic.regex"),
            ("io.debezium.schema.SchemaRegexTopicNamingStrategy", &REGEX[..1], "topic.replacement"),
            (
                "io.debezium.schema.SchemaRegexTopicNamingStrategy",
                &[("topic.regex", "a(?<!b)"), ("topic.replacement", "a")],
                "look-behind",
            ),
            (
                "io.debezium.schema.SchemaRegexTopicNamingStrategy",
                &[("topic.regex", "(a)"), ("topic.replacement", "$2")],
                "No group 2",
            ),
            ("io.debezium.schema.SchemaTopicNamingStrategy", &[("topic.delimiter", "/")], "topic.delimiter"),
        ] {
            let problems = naming(strategy, more).unwrap_err();
            assert!(problems.iter().any(|p| p.cause.contains(named)), "{problems:?}");
        }
    }
}
