//! The properties of the query source as typed settings.

mod reader;

use std::time::Duration;

use tailwater_connector::property::check;
use tailwater_connector::{Config, Problem};
use tailwater_event::connect::RowOptions;

use super::properties::PROPERTIES;
use super::tables::TableFilter;
use crate::client::ConnectionSettings;
use crate::filter::Patterns;
use reader::Reader;

/// Everything a query source is told.
#[derive(Clone, Debug)]
pub struct QuerySettings {
    /// Where the database is.
    pub connection: ConnectionSettings,
    /// `currentSchema` of the URL: the search path.
    pub search_path: Option<String>,
    /// `mode`.
    pub mode: Mode,
    /// `query`; `None` = whole tables.
    pub query: Option<String>,
    /// `query.suffix`.
    pub suffix: String,
    /// Which tables are read.
    pub tables: TableFilter,
    /// Which column counts.
    pub incrementing: Choice,
    /// Which columns tell the time.
    pub timestamp: Choice,
    /// `timestamp.initial`.
    pub initial: Initial,
    /// `timestamp.delay.interval.ms`.
    pub delay_ms: u64,
    /// How long rows wait for transactions that may still add rows before them.
    pub writer_patience: Duration,
    /// `validate.non.null`.
    pub validate_non_null: bool,
    /// `quote.sql.identifiers=never`.
    pub fold_names: bool,
    /// `db.timezone` as PostgreSQL names it; `None` = UTC.
    pub zone: Option<String>,
    /// `poll.interval.ms`.
    pub poll_interval: Duration,
    /// `table.poll.interval.ms`.
    pub table_poll_interval: Duration,
    /// `batch.max.rows`.
    pub batch_rows: u64,
    /// `topic.prefix`.
    pub prefix: String,
    /// The form of rows.
    pub rows: RowOptions,
    /// `max.row.bytes`.
    pub max_row_bytes: usize,
}

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything, at each poll.
    Bulk,
    /// Rows above the highest number seen.
    Incrementing,
    /// Rows after the latest time seen.
    Timestamp,
    /// Rows after the latest time seen, the number telling rows of one time apart.
    TimestampIncrementing,
}

impl Mode {
    /// Whether a number tells what is new.
    pub fn counts(self) -> bool {
        matches!(self, Mode::Incrementing | Mode::TimestampIncrementing)
    }

    /// Whether a time tells what is new.
    pub fn times(self) -> bool {
        matches!(self, Mode::Timestamp | Mode::TimestampIncrementing)
    }
}

/// How the columns that tell what is new are chosen.
#[derive(Clone, Debug, Default)]
pub enum Choice {
    /// By looking for a generated column.
    #[default]
    Auto,
    /// The same in every table.
    Named(Vec<String>),
    /// By table; the first pattern that matches.
    Mapped(Vec<(Patterns, Vec<String>)>),
}

/// `timestamp.initial`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initial {
    /// All rows.
    #[default]
    All,
    /// Those after the moment in which a table is first polled.
    Now,
    /// Those after so many milliseconds since 1970.
    After(i64),
}

impl QuerySettings {
    /// Settings from properties, with the warnings; else every problem at once, warnings among them.
    pub fn parse(config: &Config) -> Result<(QuerySettings, Vec<Problem>), Vec<Problem>> {
        let (checked, mut problems) = check(config, PROPERTIES);
        let (settings, found) = Reader::read(&checked);
        // A value that already failed its form needs no second complaint.
        let failed: Vec<_> = problems.iter().filter(|p| p.is_error()).filter_map(property_of).collect();
        problems.extend(found.into_iter().filter(|p| !property_of(p).is_some_and(|name| failed.contains(&name))));
        if problems.iter().any(Problem::is_error) { Err(problems) } else { Ok((settings, problems)) }
    }
}

/// The property that a problem is about: the first name in quotes.
fn property_of(problem: &Problem) -> Option<String> {
    problem.cause.split('\'').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tailwater_event::connect::{NumericMapping, TimestampForm};

    use super::*;

    const URL: (&str, &str) = ("connection.url", "jdbc:postgresql://db:6432/shop?user=ann");

    fn config(extra: &[(&str, &str)]) -> Config {
        [URL, ("mode", "bulk")].iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    fn parse(extra: &[(&str, &str)]) -> QuerySettings {
        QuerySettings::parse(&config(extra)).unwrap().0
    }

    #[test]
    fn defaults_are_the_originals() {
        let settings = parse(&[]);
        assert_eq!((settings.connection.host.as_str(), settings.connection.port), ("db", 6432));
        assert_eq!((settings.connection.database.as_str(), settings.connection.user.as_str()), ("shop", "ann"));
        assert_eq!((settings.mode, settings.initial, settings.delay_ms), (Mode::Bulk, Initial::All, 0));
        assert_eq!(settings.poll_interval, Duration::from_secs(5));
        assert_eq!(settings.table_poll_interval, Duration::from_secs(60));
        assert_eq!((settings.batch_rows, settings.rows), (100, RowOptions::default()));
        assert!(settings.validate_non_null && settings.zone.is_none() && settings.query.is_none());
    }

    #[test]
    fn properties_win_over_the_urls_parameters() {
        let settings = parse(&[("connection.user", "bob"), ("connection.password", "hunter2")]);
        assert_eq!(settings.connection.user, "bob");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(parse(&[("connection.currentSchema", "s1,s2")]).search_path.as_deref(), Some("s1,s2"));
    }

    #[test]
    fn numbers_and_times_have_the_forms_that_are_asked_for() {
        assert_eq!(parse(&[("numeric.precision.mapping", "true")]).rows.numeric, NumericMapping::PrecisionOnly);
        let both = parse(&[("numeric.precision.mapping", "true"), ("numeric.mapping", "best_fit")]);
        assert_eq!(both.rows.numeric, NumericMapping::BestFit);
        assert_eq!(parse(&[("timestamp.granularity", "NANOS_LONG")]).rows.timestamp, TimestampForm::NanosLong);
    }

    #[test]
    fn each_bad_value_has_its_code() {
        let cases: [(&[(&str, &str)], &str); 20] = [
            (&[("mode", "increment")], "PROPERTY_INVALID"),
            (&[("connection.url", "jdbc:mysql://h/d")], "URL_UNSUPPORTED"),
            (&[("connection.url", "jdbc:postgresql://h/d")], "PROPERTY_MISSING"),
            (&[("connection.options", "-c x=y")], "PROPERTY_REFUSED"),
            (&[("connection.sslmode", "maybe")], "PROPERTY_INVALID"),
            (&[("dialect.name", "OracleDatabaseDialect")], "PROPERTY_REFUSED"),
            (&[("table.whitelist", "a"), ("table.blacklist", "b")], "FILTERS_CONFLICT"),
            (&[("table.whitelist", "a"), ("table.include.list", "b")], "FILTERS_CONFLICT"),
            (&[("table.exclude.list", "b")], "FILTERS_CONFLICT"),
            (&[("table.include.list", "a(")], "PATTERN_INVALID"),
            (&[("query", "select 1"), ("topic.prefix", "t"), ("table.whitelist", "a")], "FILTERS_CONFLICT"),
            (&[("query", "select 1")], "PROPERTY_MISSING"),
            (&[("query", "select 1"), ("topic.prefix", "t"), ("mode", "incrementing")], "PROPERTY_MISSING"),
            (&[("mode", "timestamp")], "PROPERTY_MISSING"),
            (&[("mode", "timestamp"), ("timestamp.columns.mapping", "a")], "PROPERTY_INVALID"),
            (&[("topic.prefix", "a/b")], "PROPERTY_INVALID"),
            (&[("table.types", "TABEL")], "PROPERTY_INVALID"),
            (&[("catalog.pattern", "other")], "PROPERTY_INVALID"),
            (&[("timestamp.initial", "-2")], "PROPERTY_INVALID"),
            (&[("db.timezone", "GMT+2")], "PROPERTY_INVALID"),
        ];
        for (input, code) in cases {
            let problems = QuerySettings::parse(&config(input)).unwrap_err();
            let errors: Vec<_> = problems.iter().filter(|p| p.is_error()).map(|p| p.code.as_str()).collect();
            assert_eq!(errors, [code], "{input:?}: {problems:?}");
            assert!(problems.iter().all(|p| !p.remedy.is_empty()), "{input:?}");
        }
    }

    #[test]
    fn an_empty_configuration_lists_everything_that_is_missing() {
        let problems = QuerySettings::parse(&Config::default()).unwrap_err();
        let named: Vec<_> = problems.iter().filter_map(|p| p.cause.split('\'').nth(1)).collect();
        assert_eq!(named, ["connection.url", "mode"]);
    }

    #[test]
    fn parameters_of_the_driver_without_effect_are_named() {
        let (_, warnings) =
            QuerySettings::parse(&config(&[("connection.prepareThreshold", "5"), ("connection.attempts", "9")]))
                .unwrap();
        let named: Vec<_> = warnings.iter().filter_map(|p| p.cause.split('\'').nth(1)).collect();
        assert_eq!(named, ["connection.attempts", "connection.prepareThreshold"]);
    }

    #[test]
    fn columns_by_table_are_read_in_both_forms() {
        let settings = parse(&[
            ("mode", "timestamp+incrementing"),
            ("timestamp.columns.mapping", r".*orders:[updated|created], public\..*:[at]"),
            ("incrementing.column.mapping", ".*orders:id"),
        ]);
        let Choice::Mapped(mapped) = &settings.timestamp else { unreachable!("{:?}", settings.timestamp) };
        assert!(mapped[0].0.matches("public.orders") && !mapped[0].0.matches("public.items"));
        assert_eq!(
            (&mapped[0].1, &mapped[1].1),
            (&vec!["updated".to_owned(), "created".into()], &vec!["at".to_owned()])
        );
        let Choice::Mapped(mapped) = &settings.incrementing else { unreachable!("{:?}", settings.incrementing) };
        assert_eq!(mapped[0].1, ["id"]);
    }
}
