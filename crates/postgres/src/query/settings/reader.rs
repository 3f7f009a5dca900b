//! Reads a checked configuration of the query source: one function per group, problems collected on the way.

use std::path::PathBuf;
use std::time::Duration;

use tailwater_connector::config::split_list;
use tailwater_connector::{Config, HostAliases, Problem};
use tailwater_event::connect::{NumericMapping, RowOptions, TimestampForm};
use tailwater_event::debezium::JsonDecimal;

use super::super::tables::{TableFilter, like};
use super::super::url::JdbcUrl;
use super::{Choice, Initial, Mode, QuerySettings};
use crate::client::{ConnectionSettings, Secret, SslMode, TlsSettings};
use crate::filter::Patterns;
use crate::limits::{CONNECT_TIMEOUT, TOPIC_BYTES, WRITER_PATIENCE};

/// `connection.` properties that are no parameters of the driver.
const OWN: [&str; 5] = ["url", "user", "password", "attempts", "backoff.ms"];
/// Names of UTC in Java.
const UTC: [&str; 6] = ["UTC", "Z", "GMT", "Etc/UTC", "Etc/GMT", "Universal"];

/// Reads one checked configuration and collects what is wrong with it.
pub(super) struct Reader<'a> {
    config: &'a Config,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The settings, usable only when no problem is an error. `checked` has the defaults.
    pub(super) fn read(checked: &Config) -> (QuerySettings, Vec<Problem>) {
        let mut reader = Reader { config: checked, problems: Vec::new() };
        let settings = reader.settings();
        (settings, reader.problems)
    }

    fn settings(&mut self) -> QuerySettings {
        let (connection, search_path) = self.connection();
        let mode = match self.word("mode").as_str() {
            "incrementing" => Mode::Incrementing,
            "timestamp" => Mode::Timestamp,
            "timestamp+incrementing" => Mode::TimestampIncrementing,
            _ => Mode::Bulk,
        };
        let query = Some(self.config.text("query").trim().trim_end_matches(';').trim_end().to_owned());
        let query = query.filter(|query| !query.is_empty());
        let tables = self.tables(&connection.database, query.is_some());
        let (incrementing, timestamp) = self.columns(mode, query.is_some());
        self.dialect();
        QuerySettings {
            mode,
            suffix: self.config.text("query.suffix").trim().trim_end_matches(';').trim_end().to_owned(),
            tables,
            incrementing,
            timestamp,
            initial: match self.config.get("timestamp.initial").and_then(|text| text.trim().parse().ok()) {
                None => Initial::All,
                Some(-1) => Initial::Now,
                Some(ms) => Initial::After(ms),
            },
            delay_ms: u64::try_from(self.config.integer("timestamp.delay.interval.ms", 0)).unwrap_or(0),
            writer_patience: WRITER_PATIENCE,
            validate_non_null: self.config.flag("validate.non.null"),
            fold_names: self.word("quote.sql.identifiers") == "never",
            zone: self.zone(),
            poll_interval: self.millis("poll.interval.ms", 5_000),
            table_poll_interval: self.millis("table.poll.interval.ms", 60_000),
            batch_rows: u64::try_from(self.config.integer("batch.max.rows", 100)).unwrap_or(100),
            prefix: self.prefix(query.is_some()),
            rows: self.rows(),
            max_row_bytes: usize::try_from(self.config.integer("max.row.bytes", 1 << 27)).unwrap_or(1 << 27),
            connection,
            search_path,
            query,
        }
    }

    /// Address, role and encryption; the search path. A `connection.X` property wins over the URL's parameter `X`.
    fn connection(&mut self) -> (ConnectionSettings, Option<String>) {
        let text = self.config.text("connection.url").to_owned();
        let parsed = JdbcUrl::parse(&text);
        let usable = parsed.is_ok();
        let mut url = parsed.unwrap_or_else(|problem| {
            self.problems.push(problem);
            JdbcUrl::default()
        });
        for (name, value) in self.config.iter() {
            if let Some(name) = name.strip_prefix("connection.").filter(|name| !OWN.contains(name)) {
                url.parameters.retain(|(known, _)| known != name);
                url.parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        let mut tls = TlsSettings::default();
        let (mut user, mut search_path, mut application_name) = (String::new(), None, "tailwater".to_owned());
        for (name, value) in &url.parameters {
            match name.as_str() {
                "user" => value.clone_into(&mut user),
                "sslmode" => tls.mode = self.ssl_mode(value),
                // As the driver has it: true is the strictest mode, where no other is named.
                "ssl" if value.is_empty() || value.eq_ignore_ascii_case("true") => {
                    if !url.parameters.iter().any(|(name, _)| name == "sslmode") {
                        tls.mode = SslMode::VerifyFull;
                    }
                }
                "ssl" => {}
                "sslrootcert" => tls.root_certificate = Some(PathBuf::from(value)),
                "sslcert" => tls.certificate = Some(PathBuf::from(value)),
                "sslkey" => tls.key = Some(PathBuf::from(value)),
                "currentSchema" => search_path = Some(value.clone()),
                "ApplicationName" => value.clone_into(&mut application_name),
                "tcpKeepAlive" => {}
                "options" => self.refused("connection.options", "sessions are pinned to settings on which the values' form depends; set what is needed with ALTER ROLE … SET"),
                name => self.no_effect(&format!("connection.{name}")),
            }
        }
        if tls.certificate.is_some() != tls.key.is_some() {
            self.invalid("connection.sslcert", "'sslcert' and 'sslkey' belong together", "Give both, or neither.");
        }
        let given = self.config.text("connection.user").trim().to_owned();
        let user = if given.is_empty() { user } else { given };
        if user.is_empty() && usable {
            self.missing("connection.user", "Add \"connection.user\": the role to log in as.");
        }
        let password = self.config.get("connection.password").filter(|p| !p.is_empty()).map(Secret::new);
        let connection = ConnectionSettings {
            host: url.host,
            port: url.port,
            database: if url.database.is_empty() { user.clone() } else { url.database },
            user,
            password: password.or(url.password),
            tls,
            application_name,
            connect_timeout: CONNECT_TIMEOUT,
            aliases: HostAliases::default(),
        };
        (connection, search_path)
    }

    fn ssl_mode(&mut self, value: &str) -> SslMode {
        match value.to_ascii_lowercase().as_str() {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => {
                let remedy = "Use one of disable, allow, prefer, require, verify-ca, verify-full.";
                self.invalid("connection.sslmode", "it is none of the driver's modes", remedy);
                SslMode::Prefer
            }
        }
    }

    fn tables(&mut self, database: &str, query: bool) -> TableFilter {
        let list = |name: &str| self.config.list(name);
        let (white, black) = (list("table.whitelist"), list("table.blacklist"));
        let (include, exclude) = (self.patterns("table.include.list"), self.patterns("table.exclude.list"));
        let names = ["table.whitelist", "table.blacklist", "table.include.list", "table.exclude.list"];
        let given: Vec<_> = names.into_iter().filter(|name| !self.config.text(name).trim().is_empty()).collect();
        match given.as_slice() {
            [] | ["table.whitelist" | "table.blacklist" | "table.include.list"] if !query => {}
            ["table.include.list", "table.exclude.list"] if !query => {}
            [] => {}
            [only @ "table.exclude.list"] if !query => {
                let why = "it is about tables that 'table.include.list' matches, which is not set";
                self.conflict(only, why, "Add \"table.include.list\": \".*\".");
            }
            [first, ..] if query => {
                self.conflict(first, "'query' is set, and then no tables are read", "Remove it, or remove 'query'.");
            }
            [first, second, ..] => {
                let why = format!("'{second}' is set as well");
                self.conflict(first, &why, &format!("Keep one of {}.", given.join(", ")));
            }
            [_] => {}
        }
        if let Some(pattern) = self.config.get("catalog.pattern").filter(|p| !p.is_empty())
            && !like(pattern, database)
        {
            let why = format!("the URL's database is '{database}', and no other can be read from there");
            self.invalid("catalog.pattern", &why, "Remove 'catalog.pattern'.");
        }
        let kinds = list("table.types");
        match TableFilter::new(white, black, include, exclude, self.config.get("schema.pattern"), &kinds, database) {
            Ok(filter) => filter,
            Err(kind) => {
                let why = format!("PostgreSQL has no relations of type {kind}");
                let remedy = "Use some of TABLE, PARTITIONED TABLE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE.";
                self.invalid("table.types", &why, remedy);
                TableFilter::default()
            }
        }
    }

    fn columns(&mut self, mode: Mode, query: bool) -> (Choice, Choice) {
        let incrementing = self.choice("incrementing.column.name", "incrementing.column.mapping", query);
        let timestamp = self.choice("timestamp.column.name", "timestamp.columns.mapping", query);
        if mode.counts() && query && !matches!(incrementing, Choice::Named(_)) {
            let remedy = "Add \"incrementing.column.name\": the column of the query's result that only grows.";
            self.missing("incrementing.column.name", remedy);
        }
        if mode.times() && matches!(timestamp, Choice::Auto) {
            let remedy = "Add \"timestamp.column.name\": the column that each change of a row moves forward.";
            self.missing("timestamp.column.name", remedy);
        }
        if let Choice::Named(names) = &incrementing
            && names.len() > 1
        {
            self.invalid("incrementing.column.name", "it names several columns", "Name one column.");
        }
        (incrementing, timestamp)
    }

    fn choice(&mut self, name: &str, mapping: &str, query: bool) -> Choice {
        let (names, mapped) = (self.config.list(name), split_list(self.config.text(mapping)));
        match (names.is_empty(), mapped.is_empty()) {
            (true, true) => Choice::Auto,
            (false, true) => Choice::Named(names),
            (false, false) => {
                self.conflict(name, &format!("'{mapping}' is set as well"), &format!("Keep one of {name}, {mapping}."));
                Choice::Named(names)
            }
            (true, false) if query => {
                self.conflict(mapping, "'query' is set, and has no table to match", &format!("Set '{name}' instead."));
                Choice::Named(Vec::new())
            }
            (true, false) => Choice::Mapped(mapped.iter().filter_map(|entry| self.mapped(mapping, entry)).collect()),
        }
    }

    /// `PATTERN:column`, `PATTERN:[column|column]`.
    fn mapped(&mut self, property: &str, entry: &str) -> Option<(Patterns, Vec<String>)> {
        let Some((pattern, columns)) = entry.rsplit_once(':') else {
            self.invalid(property, &format!("'{entry}' has no ':'"), "Write PATTERN:[column|column], comma-separated.");
            return None;
        };
        let columns = columns.trim().trim_start_matches('[').trim_end_matches(']');
        let columns: Vec<_> = columns.split('|').map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
        if columns.is_empty() {
            self.invalid(property, &format!("'{entry}' names no column"), "Name one after the ':'.");
            return None;
        }
        match Patterns::parse(property, &pattern.replace(',', "\\,")) {
            Ok(patterns) => Some((patterns, columns)),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn dialect(&mut self) {
        let dialect = self.config.text("dialect.name").trim();
        if !matches!(dialect, "" | "PostgreSqlDatabaseDialect") {
            self.refused("dialect.name", "only PostgreSQL is read here");
        }
    }

    /// The zone's name in PostgreSQL, where names such as `GMT+2` mean the contrary of what they mean in Java.
    fn zone(&mut self) -> Option<String> {
        let zone = self.config.text("db.timezone").trim().to_owned();
        if zone.is_empty() || UTC.iter().any(|utc| utc.eq_ignore_ascii_case(&zone)) {
            return None;
        }
        let region = zone.contains('/') || zone.chars().all(|c| c.is_ascii_alphabetic());
        if !region || zone.contains(['\'', '+']) || zone.starts_with("Etc/") {
            self.invalid("db.timezone", "it is not the name of a region", "Use a name such as Europe/Berlin, or UTC.");
            return None;
        }
        Some(zone)
    }

    fn prefix(&mut self, query: bool) -> String {
        let prefix = self.config.text("topic.prefix").trim().to_owned();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if matches!(prefix.as_str(), "." | "..") || prefix.len() > TOPIC_BYTES || !prefix.chars().all(allowed) {
            let remedy = format!("Use \"topic.prefix\": \"{}\".", tailwater_event::topic::sanitize(&prefix));
            self.invalid("topic.prefix", "it may have letters, digits, '.', '_' and '-' only, 249 at most", &remedy);
        } else if prefix.is_empty() && query {
            self.missing("topic.prefix", "Add \"topic.prefix\": with 'query' it is the topic's whole name.");
        }
        prefix
    }

    fn rows(&mut self) -> RowOptions {
        let numeric = match self.word("numeric.mapping").as_str() {
            "none" => NumericMapping::None,
            "precision_only" => NumericMapping::PrecisionOnly,
            "best_fit" => NumericMapping::BestFit,
            "best_fit_eager_double" => NumericMapping::BestFitEagerDouble,
            _ if self.config.flag("numeric.precision.mapping") => NumericMapping::PrecisionOnly,
            _ => NumericMapping::None,
        };
        let timestamp = match self.word("timestamp.granularity").as_str() {
            "micros_long" => TimestampForm::MicrosLong,
            "micros_string" => TimestampForm::MicrosString,
            "micros_iso_datetime_string" => TimestampForm::MicrosIso,
            "nanos_long" => TimestampForm::NanosLong,
            "nanos_string" => TimestampForm::NanosString,
            "nanos_iso_datetime_string" => TimestampForm::NanosIso,
            _ => TimestampForm::Connect,
        };
        let json_decimal = match self.word("value.converter.decimal.format").as_str() {
            "numeric" => JsonDecimal::Numeric,
            _ => JsonDecimal::Base64,
        };
        RowOptions { schemas: self.config.flag("value.converter.schemas.enable"), json_decimal, numeric, timestamp }
    }

    fn patterns(&mut self, name: &str) -> Patterns {
        Patterns::parse(name, self.config.text(name)).unwrap_or_else(|problems| {
            self.problems.extend(problems);
            Patterns::default()
        })
    }

    fn millis(&self, name: &str, fallback: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.config.integer(name, fallback)).unwrap_or_default())
    }

    fn word(&self, name: &str) -> String {
        self.config.text(name).trim().to_ascii_lowercase()
    }

    fn invalid(&mut self, name: &str, reason: &str, remedy: &str) {
        let cause = format!("The '{name}' value is invalid: {reason}");
        self.problems.push(Problem::config("PROPERTY_INVALID", cause, remedy));
    }

    fn missing(&mut self, name: &str, remedy: &str) {
        let cause = format!("The '{name}' value is invalid: A value is required");
        self.problems.push(Problem::config("PROPERTY_MISSING", cause, remedy));
    }

    fn conflict(&mut self, name: &str, reason: &str, remedy: &str) {
        let cause = format!("The '{name}' value is invalid: {reason}");
        self.problems.push(Problem::config("FILTERS_CONFLICT", cause, remedy));
    }

    fn refused(&mut self, name: &str, reason: &str) {
        let cause = format!("'{name}' is not supported: {reason}");
        self.problems.push(Problem::config("PROPERTY_REFUSED", cause, format!("Remove '{name}'.")));
    }

    fn no_effect(&mut self, name: &str) {
        let cause = format!("'{name}' has no effect: there is no JDBC driver here");
        let problem = Problem::config("PROPERTY_NO_EFFECT", cause, format!("Remove '{name}', here or from the URL."));
        self.problems.push(problem.warning());
    }
}
