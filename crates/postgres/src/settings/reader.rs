//! Reads a checked configuration: one function per group of settings, problems collected on the way.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tailwater_connector::{Config, HostAliases, Problem};
use tailwater_event::TableName;
use tailwater_event::debezium::{
    BinaryMode, DecimalMode, EncodeOptions, HStoreMode, IntervalMode, JsonDecimal, NameAdjustment, TimeMode,
    UnavailableValue,
};

use super::{
    Autocreate, HeartbeatSettings, IncrementalSettings, NotificationSettings, PublicationSettings, Settings,
    SignalSettings, SkippedOperations, SlotSettings, SnapshotMode, SnapshotThreads, TableOrder,
};
use crate::client::{ConnectionSettings, Secret, SslMode, TlsSettings};
use crate::filter::{Filters, Patterns, Rule};
use crate::keys::KeyRules;
use crate::limits::{CONNECT_TIMEOUT, IDENTIFIER_BYTES, TOPIC_BYTES, TOPIC_PREFIX_BYTES};
use crate::naming::Naming;
use crate::shape::ShapeRules;

/// Reads one checked configuration and collects what is wrong with it.
pub(super) struct Reader<'a> {
    /// As typed, without defaults.
    given: &'a Config,
    config: &'a Config,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The settings, usable only when no problem is an error. `checked` has today's names and the defaults.
    pub(super) fn read(given: &Config, checked: &Config) -> (Settings, Vec<Problem>) {
        let mut reader = Reader { given, config: checked, problems: Vec::new() };
        let settings = reader.settings();
        (settings, reader.problems)
    }

    fn settings(&mut self) -> Settings {
        let strict = self.is("compatibility.mode", "strict");
        self.refuse_values();
        let skipped = self.skipped();
        let filters = Filters::read(self.config);
        let mut filters = self.or_default(filters);
        let signals = self.signals();
        filters.signals.clone_from(&signals.table);
        let message_filter = Rule::read(self.config, "message.prefix");
        let message_filter = self.or_default(message_filter);
        let keys = KeyRules::parse(self.config.text("message.key.columns"), strict);
        let keys = self.or_default(keys);
        let shapes = ShapeRules::read(self.config);
        let shapes = self.or_default(shapes);
        let naming = Naming::read(self.config);
        let naming = self.or_default(naming);
        let snapshot_list = self.config.text("snapshot.include.collection.list");
        let snapshot_tables = Patterns::parse("snapshot.include.collection.list", snapshot_list);
        let snapshot_tables = Some(self.or_default(snapshot_tables)).filter(|list| !list.is_empty());
        Settings {
            name: self.config.text("name").to_owned(),
            connection: self.connection(),
            filters,
            require_tables: self.config.flag("table.include.required"),
            slot: self.slot(),
            publication: self.publication(strict, skipped),
            snapshot_mode: self.snapshot_mode(),
            snapshot_tables,
            selects: self.selects(),
            snapshot_threads: self.snapshot_threads(),
            snapshot_order: self.snapshot_order(strict),
            snapshot_delay: Duration::from_millis(self.millis("snapshot.delay.ms", 0)),
            streaming_delay: Duration::from_millis(self.millis("streaming.delay.ms", 0)),
            signals,
            incremental: self.incremental(),
            keys,
            shapes,
            naming,
            skipped,
            notifications: self.notifications(),
            transaction_topic: self
                .config
                .flag("provide.transaction.metadata")
                .then(|| self.joined_topic(self.config.text("topic.prefix"), self.config.text("topic.transaction"))),
            tell_all_transactions: self.config.flag("provide.transaction.metadata")
                && self.word("publication.autocreate.mode").is_empty(),
            message_filter,
            message_topic: tailwater_event::topic::sanitize(&format!("{}.message", self.config.text("topic.prefix"))),
            heartbeat: self.heartbeat(),
            xmin_interval: self.interval("xmin.fetch.interval.ms"),
            encode: self.encode(strict, skipped),
            status_interval: Duration::from_millis(
                u64::try_from(self.config.integer("status.update.interval.ms", 10_000)).unwrap_or(10_000),
            ),
            max_row_bytes: usize::try_from(self.config.integer("max.row.bytes", 1 << 27)).unwrap_or(1 << 27),
        }
    }

    fn connection(&mut self) -> ConnectionSettings {
        let host = self.config.text("database.hostname").trim().to_owned();
        if !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%' | '[' | ']')) {
            self.invalid("database.hostname", "it is not a host name or an address", "Give one host name or address.");
        }
        let file = |name: &str| Some(self.config.text(name).trim()).filter(|t| !t.is_empty()).map(PathBuf::from);
        let (certificate, key) = (file("database.sslcert"), file("database.sslkey"));
        let root_certificate = file("database.sslrootcert");
        if certificate.is_some() != key.is_some() {
            let (given, missing) = match certificate {
                Some(_) => ("database.sslcert", "database.sslkey"),
                None => ("database.sslkey", "database.sslcert"),
            };
            self.invalid(given, &format!("'{missing}' belongs to it"), &format!("Set '{missing}' as well."));
        }
        let mode = match self.word("database.sslmode").as_str() {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        ConnectionSettings {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: u16::try_from(self.config.integer("database.port", 5432)).unwrap_or(5432),
            user: self.config.text("database.user").to_owned(),
            password: self.config.get("database.password").filter(|p| !p.is_empty()).map(Secret::new),
            database: self.config.text("database.dbname").to_owned(),
            tls: TlsSettings { mode, root_certificate, certificate, key },
            application_name: "tailwater".to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            aliases: HostAliases::default(),
        }
    }

    fn slot(&mut self) -> SlotSettings {
        let name = self.config.text("slot.name").trim().to_owned();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > IDENTIFIER_BYTES || !name.chars().all(allowed) {
            let suggestion: String =
                name.to_lowercase().chars().map(|c| if allowed(c) { c } else { '_' }).take(IDENTIFIER_BYTES).collect();
            let suggestion = if suggestion.is_empty() { "tailwater".to_owned() } else { suggestion };
            self.invalid(
                "slot.name",
                "Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63",
                &format!("Use \"slot.name\": \"{suggestion}\"."),
            );
        }
        SlotSettings {
            name,
            drop_on_stop: self.config.flag("slot.drop.on.stop"),
            failover: self.config.flag("slot.failover"),
        }
    }

    fn publication(&mut self, strict: bool, skipped: SkippedOperations) -> PublicationSettings {
        let name = self.config.text("publication.name").to_owned();
        if name.is_empty() || name.len() > IDENTIFIER_BYTES {
            self.invalid("publication.name", "a name of 1 to 63 bytes is expected", "Choose a shorter name.");
        }
        let mode = match self.word("publication.autocreate.mode").as_str() {
            "all_tables" => Autocreate::AllTables,
            "disabled" => Autocreate::Disabled,
            "no_tables" => Autocreate::NoTables,
            "filtered" => Autocreate::Filtered,
            _ if strict => Autocreate::AllTables,
            _ => Autocreate::Filtered,
        };
        // As Debezium: its own default, truncates, is sent and skipped here. Signals arrive as inserts.
        let given = self.given.get("skipped.operations").is_some();
        let signals = !self.config.text("signal.data.collection").is_empty();
        let unwanted = if given && !signals { skipped } else { SkippedOperations::default() };
        PublicationSettings { name, mode, via_root: self.config.flag("publish.via.partition.root"), unwanted }
    }

    fn snapshot_mode(&mut self) -> SnapshotMode {
        let word = self.word("snapshot.mode");
        match word.as_str() {
            "always" => SnapshotMode::Always,
            "initial_only" => SnapshotMode::InitialOnly,
            "when_needed" => SnapshotMode::WhenNeeded,
            "no_data" => SnapshotMode::NoData,
            "never" => self.renamed("snapshot.mode", "never", "no_data", SnapshotMode::NoData),
            "exported" => self.renamed("snapshot.mode", "exported", "initial", SnapshotMode::Initial),
            "configuration_based" => self.snapshot_by_configuration(),
            "custom" => {
                let remedy = "Use one of the built-in modes, or configuration_based.";
                self.refused("snapshot.mode", &word, "foreign Java classes can not run here", remedy);
                SnapshotMode::Initial
            }
            _ => SnapshotMode::Initial,
        }
    }

    /// The built-in mode that does what the flags say.
    fn snapshot_by_configuration(&mut self) -> SnapshotMode {
        let flag = |name: &str| self.config.flag(&format!("snapshot.mode.configuration.based.{name}"));
        match (flag("snapshot.data"), flag("start.stream"), flag("snapshot.on.data.error")) {
            (true, true, false) => SnapshotMode::Initial,
            (true, true, true) => SnapshotMode::WhenNeeded,
            (false, true, false) => SnapshotMode::NoData,
            (true, false, _) => SnapshotMode::InitialOnly,
            (false, true, true) => {
                let why = "a snapshot after an error needs one at the start, too";
                let remedy = "Set \"snapshot.mode.configuration.based.snapshot.data\": \"true\", or use when_needed.";
                self.refused("snapshot.mode.configuration.based.snapshot.on.data.error", "true", why, remedy);
                SnapshotMode::NoData
            }
            (false, false, _) => {
                let remedy = "Set \"snapshot.mode.configuration.based.snapshot.data\": \"true\",                      \"snapshot.mode.configuration.based.start.stream\": \"true\", or one of them.";
                self.refused(
                    "snapshot.mode",
                    "configuration_based",
                    "its flags ask for neither rows nor changes",
                    remedy,
                );
                SnapshotMode::NoData
            }
        }
    }

    fn selects(&mut self) -> HashMap<TableName, String> {
        const LIST: &str = "snapshot.select.statement.overrides";
        let mut selects = HashMap::new();
        for name in self.config.list(LIST) {
            let plain = name.replace('"', "");
            let select = self.config.text(&format!("{LIST}.{name}")).trim().trim_end_matches(';').to_owned();
            match plain.split_once('.') {
                Some((schema, table)) if !select.is_empty() => {
                    selects.insert(TableName::new(schema, table), select);
                }
                _ => self.invalid(
                    LIST,
                    &format!("{name} has no statement, or is not SCHEMA.TABLE"),
                    &format!("Set \"{LIST}.public.t\": \"SELECT * FROM public.t WHERE …\" for each table of the list."),
                ),
            }
        }
        selects
    }

    /// The old mode reads whole tables in parallel.
    fn snapshot_threads(&mut self) -> SnapshotThreads {
        const MULTIPLIER: &str = "snapshot.max.threads.multiplier";
        let config = self.config;
        let number = |name: &str| usize::try_from(config.integer(name, 1)).unwrap_or(1).max(1);
        let readers = number("snapshot.max.threads");
        let whole = config.flag("legacy.snapshot.max.threads");
        let ranges = |multiplier: &str| if whole { 1 } else { readers * number(multiplier) };
        let mut by_table = HashMap::new();
        for (name, _) in config.iter() {
            let table = name.strip_prefix(MULTIPLIER).and_then(|rest| rest.strip_prefix('.'));
            match table.map(|table| table.replace('"', "")) {
                None => {}
                Some(table) if table.contains('.') => {
                    by_table.insert(table, ranges(name));
                }
                Some(_) => self.invalid(
                    name,
                    "it does not name a table with its schema",
                    &format!("Write it as {MULTIPLIER}.SCHEMA.TABLE."),
                ),
            }
        }
        SnapshotThreads { readers, ranges: ranges(MULTIPLIER), by_table }
    }

    /// Debezium 3.6 reads PostgreSQL's tables in alphabetical order whatever this says.
    fn snapshot_order(&self, strict: bool) -> TableOrder {
        match self.word("snapshot.tables.order.by.row.count").as_str() {
            "ascending" if !strict => TableOrder::Ascending,
            "descending" if !strict => TableOrder::Descending,
            _ => TableOrder::Name,
        }
    }

    fn signal_table(&mut self) -> Option<TableName> {
        let name = self.config.text("signal.data.collection").trim().replace('"', "");
        if name.is_empty() {
            return None;
        }
        let parts = name.split_once('.').filter(|(schema, table)| !schema.is_empty() && !table.is_empty());
        if parts.is_none() {
            self.invalid("signal.data.collection", "it is not SCHEMA.TABLE", "Write it as public.dbz_signal.");
        }
        parts.map(|(schema, table)| TableName::new(schema, table))
    }

    fn signals(&mut self) -> SignalSettings {
        let (mut source, mut file) = (false, false);
        for channel in self.config.list("signal.enabled.channels") {
            match channel.to_ascii_lowercase().as_str() {
                "source" => source = true,
                "file" => file = true,
                // The process's own faces can always send signals.
                "in-process" => {}
                "kafka" => {
                    let why = "no Kafka cluster is contacted for signals";
                    self.refused("signal.enabled.channels", "kafka", why, "Use source or file.");
                }
                "jmx" => self.refused("signal.enabled.channels", "jmx", "there is no JVM here", "Use source or file."),
                other => {
                    let why = "foreign channels can not run here";
                    self.refused("signal.enabled.channels", other, why, "Use source or file.");
                }
            }
        }
        let path = Some(self.config.text("signal.file").trim()).filter(|path| !path.is_empty() && file);
        SignalSettings {
            table: self.signal_table(),
            source,
            file: path.map(PathBuf::from),
            poll: Duration::from_millis(self.millis("signal.poll.interval.ms", 5000)),
        }
    }

    fn incremental(&self) -> IncrementalSettings {
        IncrementalSettings {
            chunk_rows: usize::try_from(self.config.integer("incremental.snapshot.chunk.size", 1024)).unwrap_or(1024),
            insert_delete: self.is("incremental.snapshot.watermarking.strategy", "insert_delete"),
            read_only: self.config.flag("read.only"),
        }
    }

    fn millis(&self, name: &str, default: i64) -> u64 {
        u64::try_from(self.config.integer(name, default)).unwrap_or_default()
    }

    fn skipped(&mut self) -> SkippedOperations {
        let mut skipped = SkippedOperations::default();
        for word in self.config.list("skipped.operations") {
            match word.to_ascii_lowercase().as_str() {
                "c" => skipped.create = true,
                "u" => skipped.update = true,
                "d" => skipped.delete = true,
                "r" => skipped.read = true,
                // `skip` and `include` are the words of the old truncate.handling.mode.
                "t" | "skip" => skipped.truncate = true,
                "none" | "include" => {}
                _ => self.invalid("skipped.operations", "Invalid operation", "Use some of c, u, d, t, r, or none."),
            }
        }
        skipped
    }

    fn notifications(&mut self) -> NotificationSettings {
        let mut settings = NotificationSettings::default();
        for channel in self.config.list("notification.enabled.channels") {
            match channel.to_ascii_lowercase().as_str() {
                "sink" => settings.topic = Some(self.topic("notification.sink.topic.name")),
                "log" => settings.log = true,
                "jmx" => self.problems.push(
                    Problem::config(
                        "PROPERTY_NO_EFFECT",
                        "'notification.enabled.channels' has no effect with jmx: there is no JVM here",
                        "Use sink or log; /readyz and /metrics show the same progress.",
                    )
                    .warning(),
                ),
                other => {
                    let remedy = "Use some of sink and log.";
                    self.refused("notification.enabled.channels", other, "there is no such channel", remedy);
                }
            }
        }
        settings
    }

    fn heartbeat(&mut self) -> Option<HeartbeatSettings> {
        let query = Some(self.config.text("heartbeat.action.query").trim().to_owned()).filter(|sql| !sql.is_empty());
        let Some(interval) = self.interval("heartbeat.interval.ms") else {
            if query.is_some() {
                let cause = "'heartbeat.action.query' has no effect: 'heartbeat.interval.ms' is 0";
                let remedy =
                    "Set 'heartbeat.interval.ms', or remove the query: the slot follows an idle table without it.";
                self.problems.push(Problem::config("PROPERTY_NO_EFFECT", cause, remedy).warning());
            }
            return None;
        };
        let topic = if self.config.text("topic.heartbeat.name").trim().is_empty() {
            let prefix = self.config.text("topic.heartbeat.prefix");
            self.joined_topic(prefix, self.config.text("topic.prefix"))
        } else {
            self.topic("topic.heartbeat.name")
        };
        Some(HeartbeatSettings { interval, topic, query })
    }

    /// Milliseconds, of which 0 means never.
    fn interval(&self, property: &str) -> Option<Duration> {
        u64::try_from(self.config.integer(property, 0)).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    /// The name of a topic beside those of the tables.
    fn joined_topic(&self, first: &str, second: &str) -> String {
        tailwater_event::topic::sanitize(&format!("{first}{}{second}", self.config.text("topic.delimiter")))
    }

    /// A property that names a topic.
    fn topic(&mut self, property: &str) -> String {
        let name = self.config.text(property).trim().to_owned();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > TOPIC_BYTES || !name.chars().all(allowed) || name == "." || name == ".." {
            let reason = "it is not a topic's name: 1 to 249 letters, digits, '.', '_' and '-'";
            self.invalid(property, reason, &format!("Set '{property}' to the name of a topic."));
        }
        name
    }

    fn encode(&mut self, strict: bool, skipped: SkippedOperations) -> EncodeOptions {
        let prefix = self.config.text("topic.prefix").to_owned();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_path = matches!(prefix.as_str(), "." | "..");
        if is_path || prefix.len() > TOPIC_PREFIX_BYTES || !prefix.chars().all(allowed) {
            let suggestion = tailwater_event::topic::sanitize(&prefix);
            self.invalid(
                "topic.prefix",
                "it may have letters, digits, '.', '_' and '-' only, 200 at most",
                &format!("Use \"topic.prefix\": \"{suggestion}\"."),
            );
        }
        let is_json = self.config.text("header.converter").ends_with("JsonConverter");
        EncodeOptions {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: self.config.text("database.dbname").to_owned(),
            key_schemas: self.config.flag("key.converter.schemas.enable"),
            value_schemas: self.config.flag("value.converter.schemas.enable"),
            header_schemas: is_json && self.config.flag("header.converter.schemas.enable"),
            value_replace_null: self.config.flag("value.converter.replace.null.with.default"),
            key_replace_null: self.config.flag("key.converter.replace.null.with.default"),
            json_decimal: self.json_decimal("value.converter.decimal.format"),
            key_json_decimal: self.json_decimal("key.converter.decimal.format"),
            decimal: match self.word("decimal.handling.mode").as_str() {
                "string" => DecimalMode::String,
                "double" => DecimalMode::Double,
                _ => DecimalMode::Precise,
            },
            time: match self.word("time.precision.mode").as_str() {
                "adaptive_time_microseconds" => TimeMode::AdaptiveTimeMicroseconds,
                "connect" => TimeMode::Connect,
                "isostring" => TimeMode::IsoString,
                "microseconds" => TimeMode::Microseconds,
                "nanoseconds" => TimeMode::Nanoseconds,
                _ => TimeMode::Adaptive,
            },
            binary: match self.word("binary.handling.mode").as_str() {
                "base64" => BinaryMode::Base64,
                "base64-url-safe" => BinaryMode::Base64UrlSafe,
                "hex" => BinaryMode::Hex,
                _ => BinaryMode::Bytes,
            },
            interval: if self.is("interval.handling.mode", "string") {
                IntervalMode::String
            } else {
                IntervalMode::Numeric
            },
            hstore: if self.is("hstore.handling.mode", "map") { HStoreMode::Map } else { HStoreMode::Json },
            money_scale: u16::try_from(self.config.integer("money.fraction.digits", 2)).unwrap_or(2),
            include_unknown: self.config.flag("include.unknown.datatypes"),
            // Unset: the values are there as text; the original and whoever says `false` leave the columns out.
            unknown_as_text: !strict && self.given.get("include.unknown.datatypes").is_none(),
            unavailable: self.unavailable(),
            tombstones: self.config.flag("tombstones.on.delete"),
            skip_creates: skipped.create,
            skip_deletes: skipped.delete,
            schema_names: self.names("schema.name.adjustment.mode"),
            field_names: self.names("field.name.adjustment.mode"),
            skip_unchanged: self.config.flag("skip.messages.without.change"),
            jdbc_snapshot: false,
            context_headers: self.context_headers(&prefix),
            prefix,
            strict,
        }
    }

    fn json_decimal(&self, property: &str) -> JsonDecimal {
        if self.is(property, "numeric") { JsonDecimal::Numeric } else { JsonDecimal::Base64 }
    }

    fn names(&self, property: &str) -> NameAdjustment {
        match self.word(property).as_str() {
            "avro" => NameAdjustment::Avro,
            "avro_unicode" => NameAdjustment::AvroUnicode,
            _ => NameAdjustment::None,
        }
    }

    fn unavailable(&mut self) -> UnavailableValue {
        let text = self.config.text("unavailable.value.placeholder");
        let Some(digits) = text.strip_prefix("hex:") else { return UnavailableValue(text.as_bytes().to_vec()) };
        let pairs: Option<Vec<u8>> = (0..digits.len().div_ceil(2))
            .map(|i| digits.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        match pairs {
            Some(bytes) => UnavailableValue(bytes),
            None => {
                let remedy = "Write pairs of hexadecimal digits after 'hex:'.";
                self.invalid("unavailable.value.placeholder", "it is not hexadecimal", remedy);
                UnavailableValue::default()
            }
        }
    }

    /// The four headers that Debezium 3.2.1 and later put on every record.
    fn context_headers(&self, prefix: &str) -> Vec<(String, String)> {
        if !self.config.flag("extended.headers.enabled") {
            return Vec::new();
        }
        let run = uuid::Uuid::now_v7().to_string();
        [("connectorLogicalName", prefix), ("taskId", "0"), ("connectorName", "postgresql"), ("runId", run.as_str())]
            .map(|(name, value)| (format!("__debezium.context.{name}"), value.to_owned()))
            .to_vec()
    }

    /// Values that are declared, but not every one of them can be had.
    fn refuse_values(&mut self) {
        let conversion = "event.converting.failure.handling.mode";
        if let Some(mode) = self.given.get(conversion).filter(|mode| !mode.trim().eq_ignore_ascii_case("fail")) {
            let cause = format!(
                "'{conversion}' can not be {mode}: every value has a form, and one that had none would stop the connector \
                 rather than become null"
            );
            let remedy = format!("Set \"{conversion}\": \"fail\", or remove it.");
            self.problems.push(Problem::config("PROPERTY_NO_EFFECT", cause, remedy).warning());
        }
        if let Some(plugin) = self.given.get("plugin.name").filter(|p| !p.eq_ignore_ascii_case("pgoutput")) {
            self.problems.push(
                Problem::config(
                    "PLUGIN_REPLACED",
                    format!("'plugin.name' says {plugin}; pgoutput is used, which every server has"),
                    "Set \"plugin.name\": \"pgoutput\".",
                )
                .warning(),
            );
        }
        let skips = "it would skip changes without a trace";
        for strategy in ["trust_slot", "trust_greater_lsn"] {
            if self.is("offset.mismatch.strategy", strategy) {
                self.refused("offset.mismatch.strategy", strategy, skips, "Remove it.");
            }
        }
        if self.is("lsn.flush.mode", "manual") || self.is("flush.lsn.source", "false") {
            let cause = "somebody else would have to acknowledge, and the server would keep its log for ever meanwhile";
            self.refused("lsn.flush.mode", "manual", cause, "Remove 'lsn.flush.mode' and 'flush.lsn.source'.");
        }
    }

    fn word(&self, name: &str) -> String {
        self.config.text(name).trim().to_ascii_lowercase()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.config.text(name).trim().eq_ignore_ascii_case(value)
    }

    fn or_default<T: Default>(&mut self, result: Result<T, Vec<Problem>>) -> T {
        result.unwrap_or_else(|problems| {
            self.problems.extend(problems);
            T::default()
        })
    }

    fn invalid(&mut self, name: &str, reason: &str, remedy: &str) {
        self.problems.push(Problem::config(
            "PROPERTY_INVALID",
            format!("The '{name}' value is invalid: {reason}"),
            remedy,
        ));
    }

    fn refused(&mut self, name: &str, value: &str, reason: &str, remedy: &str) {
        self.problems.push(Problem::config(
            "PROPERTY_REFUSED",
            format!("'{name}' can not be {value}: {reason}"),
            remedy,
        ));
    }

    fn renamed<T>(&mut self, name: &str, old: &str, new: &str, value: T) -> T {
        let cause = format!("'{name}' says {old}, which is called {new} today");
        self.problems.push(Problem::config("PROPERTY_RENAMED", cause, format!("Set \"{name}\": \"{new}\".")).warning());
        value
    }
}
