//! The properties of the log source as typed settings: every text is looked at here, and only here.

mod reader;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tailwater_connector::property::check;
use tailwater_connector::{Config, Problem};
use tailwater_event::TableName;
use tailwater_event::debezium::EncodeOptions;

use crate::catalog::Partitions;
use crate::client::ConnectionSettings;
use crate::filter::{Filters, Patterns, Rule};
use crate::keys::KeyRules;
use crate::limits::IDENTIFIER_BYTES;
use crate::naming::Naming;
use crate::properties::PROPERTIES;
use crate::shape::ShapeRules;
use crate::sql;
use reader::Reader;

/// Everything a log source is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The connector's name.
    pub name: String,
    /// Where the database is.
    pub connection: ConnectionSettings,
    /// Which tables are captured.
    pub filters: Filters,
    /// Whether an include pattern that matches no table is an error (`run --table`) or a warning.
    pub require_tables: bool,
    /// The replication slot.
    pub slot: SlotSettings,
    /// The publications.
    pub publication: PublicationSettings,
    /// What is read before changes are followed.
    pub snapshot_mode: SnapshotMode,
    /// `snapshot.include.collection.list`; `None` = all captured tables.
    pub snapshot_tables: Option<Patterns>,
    /// `snapshot.select.statement.overrides`: statements that select the rows of some tables.
    pub selects: HashMap<TableName, String>,
    /// `snapshot.max.threads`.
    pub snapshot_threads: SnapshotThreads,
    /// `snapshot.tables.order.by.row.count`.
    pub snapshot_order: TableOrder,
    /// `snapshot.delay.ms`: pause before the first snapshot.
    pub snapshot_delay: Duration,
    /// `streaming.delay.ms`: pause after it.
    pub streaming_delay: Duration,
    /// Where signals come from.
    pub signals: SignalSettings,
    /// Incremental snapshots.
    pub incremental: IncrementalSettings,
    /// How message keys are chosen.
    pub keys: KeyRules,
    /// What is left out of rows, masked or described.
    pub shapes: ShapeRules,
    /// Which topics changes go to.
    pub naming: Naming,
    /// `skipped.operations`.
    pub skipped: SkippedOperations,
    /// Where a snapshot's progress is told.
    pub notifications: NotificationSettings,
    /// `provide.transaction.metadata`: the topic of transactions' boundaries.
    pub transaction_topic: Option<String>,
    /// Tell of every transaction, also of those that change no captured table: the other tables are published, too, as
    /// the original does by default. Off when `publication.autocreate.mode` is given.
    pub tell_all_transactions: bool,
    /// Which logical messages are captured, by prefix.
    pub message_filter: Rule,
    /// Their topic.
    pub message_topic: String,
    /// Signs of life.
    pub heartbeat: Option<HeartbeatSettings>,
    /// `xmin.fetch.interval.ms`: how often `source.xmin` is looked up; `None` leaves it null.
    pub xmin_interval: Option<Duration>,
    /// The form of events.
    pub encode: EncodeOptions,
    /// `status.update.interval.ms`: how often the server is told what is durable.
    pub status_interval: Duration,
    /// `max.row.bytes`: the largest message of the server that is accepted.
    pub max_row_bytes: usize,
}

/// The replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSettings {
    /// `slot.name`.
    pub name: String,
    /// `slot.drop.on.stop`.
    pub drop_on_stop: bool,
    /// `slot.failover`: asked for at creation on servers from 17 on.
    pub failover: bool,
}

/// `notification.*`: where a snapshot's progress is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationSettings {
    /// Channel `sink`: the topic of `notification.sink.topic.name`.
    pub topic: Option<String>,
    /// Channel `log`.
    pub log: bool,
}

/// `heartbeat.*`: signs of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// `heartbeat.interval.ms`.
    pub interval: Duration,
    /// `topic.heartbeat.name`, else `topic.heartbeat.prefix` and `topic.prefix`.
    pub topic: String,
    /// `heartbeat.action.query`.
    pub query: Option<String>,
}

/// The publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationSettings {
    /// `publication.name`.
    pub name: String,
    /// `publication.autocreate.mode`.
    pub mode: Autocreate,
    /// `publish.via.partition.root`.
    pub via_root: bool,
    /// What `skipped.operations` names, when it was given: the server need not send it.
    pub unwanted: SkippedOperations,
}

/// Where signals come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSettings {
    /// `signal.data.collection`: its rows are signals, and it takes the marks of incremental snapshots.
    pub table: Option<TableName>,
    /// Whether its rows count (`signal.enabled.channels` has `source`).
    pub source: bool,
    /// `signal.file`, when `signal.enabled.channels` has `file`.
    pub file: Option<PathBuf>,
    /// `signal.poll.interval.ms`: how often the file is looked at.
    pub poll: Duration,
}

/// Incremental snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncrementalSettings {
    /// `incremental.snapshot.chunk.size`, in rows.
    pub chunk_rows: usize,
    /// `incremental.snapshot.watermarking.strategy` is `insert_delete`: the opening mark is deleted again.
    pub insert_delete: bool,
    /// `read.only`: no marks are written.
    pub read_only: bool,
}

/// `publication.autocreate.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autocreate {
    /// The publication must exist.
    Disabled,
    /// Made for all tables when missing.
    AllTables,
    /// Made for, and kept to, exactly the captured tables. Ours when unset.
    Filtered,
    /// Made without tables when missing.
    NoTables,
}

/// `snapshot.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMode {
    /// At the first start, then changes.
    Initial,
    /// At every start, then changes.
    Always,
    /// Existing rows only, then done.
    InitialOnly,
    /// Changes only.
    NoData,
    /// At the first start, and again when the slot can not go on from the position.
    WhenNeeded,
}

/// `snapshot.max.threads`: how many readers a snapshot has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotThreads {
    /// Readers; with one, tables come one after the other.
    pub readers: usize,
    /// Ranges that a large table is split into: readers times `snapshot.max.threads.multiplier`.
    ranges: usize,
    /// The same for single tables, by `SCHEMA.TABLE`.
    by_table: HashMap<String, usize>,
}

impl SnapshotThreads {
    /// Ranges that a large table is split into.
    pub fn ranges(&self, table: &TableName) -> usize {
        self.by_table.get(&table.to_string()).copied().unwrap_or(self.ranges)
    }
}

/// `snapshot.tables.order.by.row.count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableOrder {
    /// In alphabetical order.
    Name,
    /// Small tables first, by the planner's estimate.
    Ascending,
    /// Large tables first.
    Descending,
}

/// `skipped.operations`: which kinds of events are not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkippedOperations {
    /// `r`.
    pub read: bool,
    /// `c`.
    pub create: bool,
    /// `u`.
    pub update: bool,
    /// `d`.
    pub delete: bool,
    /// `t`.
    pub truncate: bool,
}

impl SignalSettings {
    /// The statements that make the signal table and open it to the connector.
    pub(crate) fn remedy(&self, name: &TableName, settings: &Settings) -> String {
        let (table, user) = (sql::table(name), sql::ident(&settings.connection.user));
        format!(
            "CREATE TABLE IF NOT EXISTS {table} (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data \
             varchar(2048)); GRANT SELECT, INSERT, DELETE ON {table} TO {user};"
        )
    }
}

impl PublicationSettings {
    /// The second publication, for captured tables without usable identity: inserts and truncates only.
    pub fn inserts_name(&self) -> String {
        const SUFFIX: &str = "_inserts";
        let mut name = self.name.clone();
        while name.len() + SUFFIX.len() > IDENTIFIER_BYTES {
            name.pop();
        }
        name + SUFFIX
    }
}

impl Settings {
    /// Under which names rows of partitioned tables come.
    pub fn partitions(&self) -> Partitions {
        match (self.publication.via_root, self.encode.strict) {
            (_, true) => Partitions::OwnAndRoot,
            (true, false) => Partitions::Root,
            (false, false) => Partitions::Own,
        }
    }

    /// Settings from properties, with the warnings; else every problem at once, warnings among them.
    pub fn parse(config: &Config) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
        let (config, dropped) = without_old_names(config);
        let config = &config;
        let (checked, mut problems) = check(config, PROPERTIES);
        problems.extend(dropped);
        let (settings, mut found) = Reader::read(config, &checked);
        // A value that already failed its form needs no second complaint.
        let failed: Vec<_> = problems.iter().filter(|p| p.is_error()).filter_map(property_of).collect();
        found.retain(|p| !property_of(p).is_some_and(|name| failed.contains(&name)));
        problems.extend(found);
        if problems.iter().any(Problem::is_error) { Err(problems) } else { Ok((settings, problems)) }
    }
}

/// Strict compatibility knows old names as little as the original does.
fn without_old_names(config: &Config) -> (Config, Vec<Problem>) {
    let mut kept = config.clone();
    let mut problems = Vec::new();
    if config.text("compatibility.mode").trim().eq_ignore_ascii_case("strict") {
        for (name, _) in config.iter() {
            let Some(today) = PROPERTIES.iter().find(|p| p.old_names.contains(&name)) else { continue };
            kept.remove(name);
            let cause = format!("'{name}' has no effect in strict compatibility: Debezium 3 calls it '{}'", today.name);
            let remedy = format!("Rename '{name}' to '{}'.", today.name);
            problems.push(Problem::config("PROPERTY_UNKNOWN", cause, remedy).warning());
        }
    }
    (kept, problems)
}

/// The property that a problem is about: the first name in quotes.
fn property_of(problem: &Problem) -> Option<String> {
    problem.cause.split('\'').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tailwater_event::debezium::UnavailableValue;

    use super::*;

    const REQUIRED: [(&str, &str); 4] =
        [("topic.prefix", "srv"), ("database.hostname", "h"), ("database.user", "u"), ("database.dbname", "d")];

    fn config(extra: &[(&str, &str)]) -> Config {
        REQUIRED.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    fn parse(extra: &[(&str, &str)]) -> Settings {
        Settings::parse(&config(extra)).unwrap().0
    }

    fn codes(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|p| p.code.as_str()).collect()
    }

    #[test]
    fn defaults_are_debeziums_except_for_the_publication() {
        let settings = parse(&[]);
        assert_eq!((settings.slot.name.as_str(), settings.publication.name.as_str()), ("debezium", "dbz_publication"));
        assert_eq!(settings.publication.mode, Autocreate::Filtered);
        assert_eq!(settings.snapshot_mode, SnapshotMode::Initial);
        assert_eq!(settings.skipped, SkippedOperations { truncate: true, ..Default::default() });
        assert_eq!(settings.connection.port, 5432);
        assert!(settings.encode.key_schemas && settings.encode.value_schemas && !settings.encode.header_schemas);
        assert_eq!(settings.encode.context_headers.len(), 4);
        assert_eq!(settings.encode.unavailable, UnavailableValue::default());
        assert_eq!(parse(&[("compatibility.mode", "strict")]).publication.mode, Autocreate::AllTables);
    }

    #[test]
    fn each_bad_value_has_its_code() {
        let cases: [(&[(&str, &str)], &str); 24] = [
            (&[("slot.name", "My-Slot")], "PROPERTY_INVALID"),
            (&[("slot.name", &"x".repeat(64))], "PROPERTY_INVALID"),
            (&[("topic.prefix", "a/b")], "PROPERTY_INVALID"),
            (&[("topic.prefix", "..")], "PROPERTY_INVALID"),
            (&[("topic.prefix", "")], "PROPERTY_INVALID"),
            (&[("database.hostname", "a,b")], "PROPERTY_INVALID"),
            (&[("database.port", "70000")], "PROPERTY_INVALID"),
            (&[("database.port", "abc")], "PROPERTY_INVALID"),
            (&[("tombstones.on.delete", "yes")], "PROPERTY_INVALID"),
            (&[("snapshot.mode", "inital")], "PROPERTY_INVALID"),
            (&[("snapshot.mode", "custom")], "PROPERTY_REFUSED"),
            (&[("skipped.operations", "c,x")], "PROPERTY_INVALID"),
            (&[("table.include.list", "a"), ("table.exclude.list", "b")], "FILTERS_CONFLICT"),
            (&[("table.include.list", "a(")], "PATTERN_INVALID"),
            (&[("snapshot.include.collection.list", "a[")], "PATTERN_INVALID"),
            (&[("message.key.columns", "a")], "PROPERTY_INVALID"),
            (&[("unavailable.value.placeholder", "hex:abc")], "PROPERTY_INVALID"),
            (&[("offset.mismatch.strategy", "trust_slot")], "PROPERTY_REFUSED"),
            (&[("flush.lsn.source", "false")], "PROPERTY_REFUSED"),
            (&[("column.mask.hash.MD2.with.salt.x", "a")], "PROPERTY_INVALID"),
            (&[("column.include.list", "a"), ("column.exclude.list", "b")], "FILTERS_CONFLICT"),
            (&[("topic.naming.strategy", "com.example.Mine")], "PROPERTY_REFUSED"),
            (&[("topic.delimiter", "/")], "PROPERTY_INVALID"),
            (&[("database.sslcert", "c.pem")], "PROPERTY_INVALID"),
        ];
        for (input, code) in cases {
            let problems = Settings::parse(&config(input)).unwrap_err();
            let errors: Vec<_> = problems.iter().filter(|p| p.is_error()).map(|p| p.code.as_str()).collect();
            assert_eq!(errors, [code], "{input:?}: {problems:?}");
            assert!(problems.iter().all(|p| !p.remedy.is_empty()), "{input:?}");
        }
    }

    #[test]
    fn signals_and_choices_of_snapshots_are_read_or_answered_by_name() {
        let settings = parse(&[
            ("signal.data.collection", "public.dbz_signal"),
            ("signal.enabled.channels", "source,file"),
            ("snapshot.max.threads", "3"),
            ("snapshot.max.threads.multiplier", "2"),
            ("snapshot.max.threads.multiplier.public.large", "5"),
            ("snapshot.select.statement.overrides", "public.t"),
            ("snapshot.select.statement.overrides.public.t", "select 1;"),
        ]);
        let signals = TableName::new("public", "dbz_signal");
        assert!(settings.filters.captures(&signals) && settings.signals.table == Some(signals));
        assert_eq!(settings.signals.file, Some("file-signals.txt".into()));
        let ranges = |table| settings.snapshot_threads.ranges(&TableName::new("public", table));
        assert_eq!((settings.snapshot_threads.readers, ranges("t"), ranges("large")), (3, 6, 15));
        assert_eq!(settings.selects[&TableName::new("public", "t")], "select 1");
        let by_flags = |data, stream| {
            let flag = "snapshot.mode.configuration.based";
            let (data_flag, stream_flag) = (format!("{flag}.snapshot.data"), format!("{flag}.start.stream"));
            let mode = ("snapshot.mode", "configuration_based");
            Settings::parse(&config(&[mode, (&data_flag, data), (&stream_flag, stream)])).map(|(s, _)| s.snapshot_mode)
        };
        assert_eq!(by_flags("true", "true"), Ok(SnapshotMode::Initial));
        assert_eq!(by_flags("true", "false"), Ok(SnapshotMode::InitialOnly));
        assert_eq!(by_flags("false", "true"), Ok(SnapshotMode::NoData));
        assert!(by_flags("false", "false").is_err());
        for (name, value, code) in [
            ("signal.enabled.channels", "kafka", "PROPERTY_REFUSED"),
            ("signal.enabled.channels", "jmx", "PROPERTY_REFUSED"),
            ("signal.data.collection", "nowhere", "PROPERTY_INVALID"),
            ("snapshot.max.threads.multiplier.large", "5", "PROPERTY_INVALID"),
            ("snapshot.max.threads.multiplier.public.large", "none", "PROPERTY_INVALID"),
            ("snapshot.select.statement.overrides", "public.t", "PROPERTY_INVALID"),
        ] {
            let problems = Settings::parse(&config(&[(name, value)])).unwrap_err();
            assert_eq!(codes(&problems), [code], "{name}");
        }
    }

    #[test]
    fn an_empty_configuration_lists_everything_that_is_missing() {
        let problems = Settings::parse(&Config::default()).unwrap_err();
        let named: Vec<_> = problems.iter().filter_map(|p| p.cause.split('\'').nth(1)).collect();
        assert_eq!(named, ["topic.prefix", "database.hostname", "database.user", "database.dbname"]);
        assert!(problems.iter().all(|p| p.code == "PROPERTY_MISSING"));
    }

    #[test]
    fn several_problems_come_together() {
        let problems = Settings::parse(&config(&[
            ("slot.name", "A"),
            ("database.port", "0"),
            ("table.include.list", "x(,y["),
            ("tabel.include.list", "x"),
        ]))
        .unwrap_err();
        assert_eq!(
            codes(&problems),
            ["PROPERTY_INVALID", "PROPERTY_UNKNOWN", "PATTERN_INVALID", "PATTERN_INVALID", "PROPERTY_INVALID"]
        );
    }

    #[test]
    fn topics_beside_those_of_tables_are_named_as_the_original_names_them() {
        let settings = parse(&[("provide.transaction.metadata", "true"), ("heartbeat.interval.ms", "5")]);
        assert_eq!(settings.transaction_topic.as_deref(), Some("srv.transaction"));
        assert_eq!(settings.message_topic, "srv.message");
        assert_eq!(settings.heartbeat.unwrap().topic, "__debezium-heartbeat.srv");
        let settings = parse(&[
            ("provide.transaction.metadata", "true"),
            ("topic.transaction", "tx"),
            ("topic.delimiter", "_"),
            ("heartbeat.interval.ms", "5"),
            ("heartbeat.topics.prefix", "beat"),
            ("notification.enabled.channels", "log, sink"),
            ("notification.sink.topic.name", "notes"),
        ]);
        assert_eq!(settings.transaction_topic.as_deref(), Some("srv_tx"));
        assert_eq!(settings.heartbeat.unwrap().topic, "beat_srv");
        assert_eq!(settings.notifications, NotificationSettings { topic: Some("notes".into()), log: true });
        let name = ("topic.heartbeat.name", "pulse");
        assert_eq!(parse(&[("heartbeat.interval.ms", "5"), name]).heartbeat.unwrap().topic, "pulse");
        assert_eq!((parse(&[]).heartbeat, parse(&[]).transaction_topic), (None, None));
    }

    #[test]
    fn what_has_no_effect_or_no_place_is_said() {
        let said = |extra: &[(&str, &str)]| match Settings::parse(&config(extra)) {
            Ok((_, warnings)) => codes(&warnings).join(" "),
            Err(problems) => codes(&problems).join(" "),
        };
        assert_eq!(said(&[("heartbeat.action.query", "select 1")]), "PROPERTY_NO_EFFECT");
        assert_eq!(said(&[("notification.enabled.channels", "jmx")]), "PROPERTY_NO_EFFECT");
        assert_eq!(said(&[("notification.enabled.channels", "sink")]), "PROPERTY_INVALID");
        assert_eq!(said(&[("notification.enabled.channels", "mail")]), "PROPERTY_REFUSED");
        let both = [("message.prefix.include.list", "a"), ("message.prefix.exclude.list", "b")];
        assert!(!said(&both).is_empty());
    }

    #[test]
    fn all_transactions_are_told_of_unless_the_publication_is_the_users_choice() {
        let tells = |extra: &[(&str, &str)]| parse(extra).tell_all_transactions;
        assert!(tells(&[("provide.transaction.metadata", "true")]));
        assert!(!tells(&[("provide.transaction.metadata", "true"), ("publication.autocreate.mode", "filtered")]));
        assert!(!tells(&[]));
    }

    #[test]
    fn old_tutorials_are_understood_with_warnings() {
        let old = [
            ("database.hostname", "h"),
            ("database.user", "u"),
            ("database.dbname", "d"),
            ("database.server.name", "srv"),
            ("table.whitelist", "public.t"),
            ("plugin.name", "wal2json"),
            ("snapshot.mode", "never"),
            ("truncate.handling.mode", "include"),
        ];
        let config: Config = old.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let (settings, warnings) = Settings::parse(&config).unwrap();
        assert_eq!(settings.encode.prefix, "srv");
        assert_eq!(settings.snapshot_mode, SnapshotMode::NoData);
        assert!(!settings.skipped.truncate);
        let strict = [("compatibility.mode".to_owned(), "strict".to_owned())];
        let refused =
            Settings::parse(&config.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).chain(strict).collect());
        assert!(refused.unwrap_err().iter().any(|p| p.code == "PROPERTY_MISSING" && p.cause.contains("topic.prefix")));
        let renamed = warnings.iter().filter(|p| p.code == "PROPERTY_RENAMED").count();
        assert_eq!((renamed, warnings.len()), (4, 5));
    }

    #[test]
    fn headers_have_a_schema_only_with_the_json_converter() {
        let json = ("header.converter", "org.apache.kafka.connect.json.JsonConverter");
        assert!(parse(&[json]).encode.header_schemas);
        assert!(!parse(&[json, ("header.converter.schemas.enable", "false")]).encode.header_schemas);
        assert!(parse(&[("extended.headers.enabled", "false")]).encode.context_headers.is_empty());
    }

    #[test]
    fn the_second_publications_name_fits_and_differs() {
        for length in [1, 55, 63] {
            let name = "é".repeat(length).chars().take(length / 2 + 1).collect::<String>();
            let settings = PublicationSettings {
                name: name.clone(),
                mode: Autocreate::Filtered,
                via_root: false,
                unwanted: SkippedOperations::default(),
            };
            let second = settings.inserts_name();
            assert!(second.len() <= 63 && second.ends_with("_inserts") && second != name);
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = parse(&[("database.password", "hunter2")]);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
