//! Which tables are captured: Debezium's include and exclude lists.
//!
//! Each list is a comma-separated row of Java's regular expressions (`\,` is a comma) that must match the whole name, case
//! ignored. Schemas are matched by name, tables as `schema.table`.

use std::cmp::Ordering;

use tailwater_connector::config::split_list;
use tailwater_connector::java_regex::{REMEDY, Whole};
use tailwater_connector::{Config, Problem};
use tailwater_event::TableName;

/// A list of patterns, as typed and as compiled.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    regex: Whole,
}

/// One kind of filter. Debezium allows an include list or an exclude list, not both.
#[derive(Clone, Debug, Default)]
pub enum Rule {
    /// No list was given.
    #[default]
    All,
    /// Only what matches.
    Include(Patterns),
    /// Everything but what matches.
    Exclude(Patterns),
}

/// The filters of a connector.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// `schema.include.list`, `schema.exclude.list`.
    pub schemas: Rule,
    /// `table.include.list`, `table.exclude.list`.
    pub tables: Rule,
    /// `table.ignore.builtin`: leave out what PostgreSQL and PostGIS bring along.
    pub ignore_builtin: bool,
    /// `signal.data.collection`, captured whatever the lists say.
    pub signals: Option<TableName>,
}

impl Patterns {
    /// Compiles the list in a property; one problem per pattern that is no regular expression.
    pub fn parse(property: &str, list: &str) -> Result<Patterns, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut patterns = Vec::new();
        for text in split_list(list) {
            match compile(&text) {
                Ok(regex) => patterns.push(Pattern { text, regex }),
                Err(reason) => problems.push(invalid(property, &text, &reason)),
            }
        }
        if problems.is_empty() { Ok(Patterns(patterns)) } else { Err(problems) }
    }

    /// Whether one of the patterns matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|p| p.regex.is_match(name))
    }

    /// The patterns, as typed, that match none of these names.
    pub fn unmatched(&self, names: &[String]) -> Vec<&str> {
        self.0.iter().filter(|p| !names.iter().any(|n| p.regex.is_match(n))).map(|p| p.text.as_str()).collect()
    }

    /// The place of the first pattern that matches the whole name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|p| p.regex.is_match(name))
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rule {
    /// Reads the pair of lists of one kind (`schema`, `table`, `message.prefix`). All problems at once.
    pub fn read(config: &Config, kind: &str) -> Result<Rule, Vec<Problem>> {
        let (include, exclude) = (format!("{kind}.include.list"), format!("{kind}.exclude.list"));
        let given = |name: &str| !config.text(name).trim().is_empty();
        match (given(&include), given(&exclude)) {
            (false, false) => Ok(Rule::All),
            (true, false) => Patterns::parse(&include, config.text(&include)).map(Rule::Include),
            (false, true) => Patterns::parse(&exclude, config.text(&exclude)).map(Rule::Exclude),
            (true, true) => {
                let mut problems = vec![Problem::config(
                    "FILTERS_CONFLICT",
                    format!("The '{exclude}' value is invalid: \"{include}\" is already specified"),
                    format!("Keep one of '{include}' and '{exclude}'."),
                )];
                for name in [include, exclude] {
                    problems.extend(Patterns::parse(&name, config.text(&name)).err().unwrap_or_default());
                }
                Err(problems)
            }
        }
    }

    /// Whether the lists let a name through.
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Rule::All => true,
            Rule::Include(patterns) => patterns.matches(name),
            Rule::Exclude(patterns) => !patterns.matches(name),
        }
    }
}

impl Filters {
    /// Reads all filters. All problems at once.
    pub fn read(config: &Config) -> Result<Filters, Vec<Problem>> {
        let ignore_builtin = !config.text("table.ignore.builtin").eq_ignore_ascii_case("false");
        match (Rule::read(config, "schema"), Rule::read(config, "table")) {
            (Ok(schemas), Ok(tables)) => Ok(Filters { schemas, tables, ignore_builtin, signals: None }),
            (schemas, tables) => Err([schemas.err(), tables.err()].into_iter().flatten().flatten().collect()),
        }
    }

    /// The order in which tables are read: as `table.include.list` names them, then by name, as in Debezium.
    pub fn order(&self, one: &TableName, other: &TableName) -> Ordering {
        let place = |table: &TableName| match &self.tables {
            Rule::Include(patterns) => patterns.place(&table.to_string()),
            Rule::All | Rule::Exclude(_) => None,
        };
        place(one).cmp(&place(other)).then_with(|| one.cmp(other))
    }

    /// Whether the changes of a table are captured.
    pub fn captures(&self, table: &TableName) -> bool {
        if self.signals.as_ref() == Some(table) {
            return true;
        }
        !(self.ignore_builtin && is_builtin(table))
            && self.schemas.allows(&table.schema)
            && self.tables.allows(&table.to_string())
    }

    /// Whether every table of the database is wanted: no list narrows the choice.
    pub fn is_everything(&self) -> bool {
        matches!((&self.schemas, &self.tables), (Rule::All, Rule::All))
    }

    /// The include patterns, as typed, that match none of these tables.
    pub fn unmatched(&self, tables: &[TableName]) -> Vec<String> {
        let mut unmatched = Vec::new();
        if let Rule::Include(patterns) = &self.schemas {
            let names: Vec<_> = tables.iter().map(|t| t.schema.clone()).collect();
            unmatched.extend(patterns.unmatched(&names).into_iter().map(str::to_owned));
        }
        if let Rule::Include(patterns) = &self.tables {
            let names: Vec<_> = tables.iter().map(TableName::to_string).collect();
            unmatched.extend(patterns.unmatched(&names).into_iter().map(str::to_owned));
        }
        unmatched
    }
}

/// The last plain part of a pattern: what a misspelt name looks like, for "did you mean".
pub fn plain(pattern: &str) -> String {
    pattern.chars().filter(|c| !matches!(c, '\\' | '^' | '$' | '(' | ')' | '*' | '+' | '?' | '[' | ']')).collect()
}

/// Compiles one whole-name pattern of Java, case ignored; the error says what is wrong and where.
pub fn compile(text: &str) -> Result<Whole, String> {
    Whole::ignoring_case(text)
}

fn invalid(property: &str, pattern: &str, reason: &str) -> Problem {
    let mut remedy = format!("Correct '{pattern}' in '{property}'; a comma inside a pattern is written \\,");
    if reason.contains("look-") {
        remedy = match property.strip_suffix("include.list") {
            Some(kind) => {
                format!("Name what is to be left out in '{kind}exclude.list' in place of '{property}'. {REMEDY}")
            }
            None => REMEDY.to_owned(),
        };
    }
    Problem::config(
        "PATTERN_INVALID",
        format!(
            "The '{property}' value is invalid: A comma-separated list of valid regular expressions is expected, but '{pattern}' has: {reason}"
        ),
        remedy,
    )
}

/// What Debezium's `table.ignore.builtin` leaves out.
fn is_builtin(table: &TableName) -> bool {
    matches!(table.schema.as_str(), "pg_catalog" | "information_schema" | "pg_toast")
        || table.schema.starts_with("pg_temp")
        || table.schema.starts_with("pg_toast_temp")
        || table.table == "spatial_ref_sys"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(pairs: &[(&str, &str)]) -> Result<Filters, Vec<Problem>> {
        Filters::read(&pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    fn captured(pairs: &[(&str, &str)], name: &str) -> bool {
        let (schema, table) = name.split_once('.').unwrap();
        filters(pairs).unwrap().captures(&TableName::new(schema, table))
    }

    #[test]
    fn patterns_match_the_whole_name_and_ignore_case() {
        let include = [("table.include.list", r"public.ORDERS, s2\..*")];
        assert!(captured(&include, "public.orders"));
        assert!(captured(&include, "s2.other"));
        assert!(!captured(&include, "public.orders_archive"));
        assert!(!captured(&include, "s2x.other"));
    }

    #[test]
    fn an_exclude_list_keeps_the_rest_and_both_kinds_apply() {
        let both = [("schema.include.list", "s2"), ("table.exclude.list", "s2.other")];
        assert!(captured(&both, "s2.orders"));
        assert!(!captured(&both, "s2.other"));
        assert!(!captured(&both, "public.orders"));
        assert!(!captured(&[("schema.exclude.list", "publi.")], "public.orders"));
    }

    #[test]
    fn an_escaped_comma_belongs_to_the_pattern() {
        let list = [("table.include.list", r"public.a{1\,2}")];
        assert!(captured(&list, "public.aa"));
        assert!(!captured(&list, "public.aaa"));
    }

    #[test]
    fn builtin_tables_are_left_out_unless_asked_for() {
        assert!(!captured(&[], "pg_catalog.pg_class"));
        assert!(!captured(&[], "public.spatial_ref_sys"));
        assert!(captured(&[("table.ignore.builtin", "false")], "public.spatial_ref_sys"));
        assert!(captured(&[], "public.pg_temperature"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_its_position() {
        let problems =
            filters(&[("table.include.list", "public.a(b,s2.*"), ("schema.exclude.list", "x[")]).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[1].cause.contains("has: a group without end, at '(b'"), "{}", problems[1].cause);
        assert!(compile("a)|(b").unwrap_err().contains("at ')|(b'"));
    }

    #[test]
    fn patterns_mean_what_they_mean_in_java() {
        for (pattern, name, expected) in [
            (r"public\.(?!tmp_).*", "public.Orders", true),
            (r"public\.(?!tmp_).*", "PUBLIC.TMP_ORDERS", false),
            (r"public.(?!tmp_).*", "public.tmp_orders", false),
            (r"(?!public\.audit).*", "public.AUDIT_log", false),
            (r"public\.t\d", "public.t\u{663}", false),
            (r"public\.B\p{Lower}+", "public.bar", true),
            (r"public\.bücher", "public.BüCHER", true),
            (r"public\.bücher", "public.BÜCHER", false),
            (r"public\.k", "public.\u{212a}", false),
            (r"public\.[a&&[b]]", "public.a", false),
        ] {
            assert_eq!(captured(&[("table.include.list", pattern)], name), expected, "{pattern} on {name}");
            assert_eq!(captured(&[("table.exclude.list", pattern)], name), !expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn look_ahead_that_cannot_be_is_refused_with_the_list_to_use_in_its_place() {
        let remedy = |property: &str| filters(&[(property, ".*_(?!tmp).*")]).unwrap_err().remove(0).remedy;
        assert!(remedy("table.include.list").contains("in 'table.exclude.list' in place of 'table.include.list'"));
        assert!(remedy("schema.exclude.list").contains("behind plain text"));
    }

    #[test]
    fn include_and_exclude_of_one_kind_exclude_each_other() {
        let problems = filters(&[("table.include.list", "a"), ("table.exclude.list", "b(")]).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|p| p.code.as_str()).collect();
        assert_eq!(codes, ["FILTERS_CONFLICT", "PATTERN_INVALID"]);
    }

    #[test]
    fn patterns_without_a_match_are_named_as_typed() {
        let filters = filters(&[("table.include.list", "public.a,public.nope")]).unwrap();
        assert_eq!(filters.unmatched(&[TableName::new("public", "a")]), ["public.nope"]);
    }
}
