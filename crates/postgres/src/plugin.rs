//! The log source under the class names that people use for it.

use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, HostAliases, Kind, Look, Plugin, Problem, Property};

use crate::looks::LOOKS;
use crate::properties::PROPERTIES;
use crate::settings::{Settings, SnapshotMode};
use crate::source::PostgresSource;
use crate::sql;

/// Makes log sources.
#[derive(Clone, Debug, Default)]
pub struct PostgresPlugin {
    aliases: HostAliases,
}

impl PostgresPlugin {
    /// One whose sources follow aliases of hosts.
    pub fn new(aliases: HostAliases) -> Self {
        PostgresPlugin { aliases }
    }
}

impl Plugin for PostgresPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["io.debezium.connector.postgresql.PostgresConnector", "tailwater.PostgresSource"]
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn properties(&self) -> &'static [Property] {
        PROPERTIES
    }

    fn looks(&self) -> &'static [Look] {
        LOOKS
    }

    fn property_of(&self, code: &str) -> Option<&'static str> {
        match code {
            "ROLE_NOT_REPLICATION" | "SELECT_DENIED" | "PERMISSION_DENIED" | "ROW_SECURITY" => Some("database.user"),
            "NO_TABLES" | "TABLE_MISSING" | "TABLE_NOT_CAPTURABLE" => Some("table.include.list"),
            "SIGNAL_TABLE" => Some("signal.data.collection"),
            code if code.starts_with("PUBLICATION") => Some("publication.name"),
            code if code.starts_with("SLOT") => Some("slot.name"),
            code if code.starts_with("TLS") => Some("database.sslmode"),
            _ => None,
        }
    }

    fn needs_snapshot(&self, property: &str) -> bool {
        // What says which topic a row is in, under which key, and in which form.
        const FORMS: [&str; 18] = [
            "compatibility.mode",
            "topic.prefix",
            "topic.naming.strategy",
            "topic.delimiter",
            "topic.regex",
            "topic.replacement",
            "publish.via.partition.root",
            "schema.name.adjustment.mode",
            "field.name.adjustment.mode",
            "include.schema.comments",
            "message.key.columns",
            "decimal.handling.mode",
            "time.precision.mode",
            "binary.handling.mode",
            "hstore.handling.mode",
            "interval.handling.mode",
            "money.fraction.digits",
            "include.unknown.datatypes",
        ];
        // The last: which rows of a table there are at all.
        let starts = ["column.", "datatype.", "topic.key.", "snapshot.select.statement.overrides"];
        FORMS.contains(&property) || starts.iter().any(|start| property.starts_with(start))
    }

    fn leaves(&self, config: &Config) -> Option<Problem> {
        let (settings, _) = Settings::parse(config).ok()?;
        let slot = &settings.slot.name;
        let makes_one = settings.snapshot_mode != SnapshotMode::InitialOnly && !settings.slot.drop_on_stop;
        makes_one.then(|| {
            let publications = [settings.publication.name.clone(), settings.publication.inserts_name()];
            Problem::config(
                "SLOT_STAYS",
                format!(
                    "slot \"{slot}\" stays on the server, which keeps all changes for it from now on and may fill its disk"
                ),
                format!(
                    "Let the connector go on, or give up its position: SELECT pg_drop_replication_slot({}); \
                     DROP PUBLICATION IF EXISTS {};",
                    sql::literal(slot),
                    publications.map(|name| sql::ident(&name)).join(", "),
                ),
            )
            .warning()
        })
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (mut settings, warnings) = Settings::parse(config)?;
        settings.connection.aliases = self.aliases.clone();
        Ok((Instance::Source(Box::new(PostgresSource::new(settings))), warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_posted_in_a_tutorial_is_configured_with_its_warnings() {
        let posted = [
            ("connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
            ("tasks.max", "1"),
            ("database.hostname", "postgres"),
            ("database.port", "5432"),
            ("database.user", "postgres"),
            ("database.password", "postgres"),
            ("database.dbname", "postgres"),
            ("database.server.name", "dbserver1"),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("key.converter.schemas.enable", "false"),
        ];
        let config = posted.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let Ok((instance, warnings)) = PostgresPlugin::default().configure(&config) else {
            unreachable!("it is refused")
        };
        assert!(matches!(instance, Instance::Source(_)));
        assert_eq!(warnings.iter().map(|p| p.code.as_str()).collect::<Vec<_>>(), ["PROPERTY_RENAMED"]);
    }

    #[test]
    fn what_gives_rows_another_form_or_place_asks_for_a_snapshot_and_is_declared() {
        let plugin = PostgresPlugin::default();
        for name in ["topic.delimiter", "topic.key.field.name", "column.mask.*", "field.name.adjustment.mode"] {
            assert!(plugin.needs_snapshot(name) && PROPERTIES.iter().any(|property| property.name == name), "{name}");
        }
        for name in ["database.password", "heartbeat.interval.ms", "topic.transaction", "table.include.list"] {
            assert!(!plugin.needs_snapshot(name) && PROPERTIES.iter().any(|property| property.name == name), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_comes_at_once() {
        let config = [("slot.name".to_owned(), "A".to_owned())].into_iter().collect();
        let problems = PostgresPlugin::default().configure(&config).err().unwrap_or_default();
        assert_eq!(problems.len(), 5, "{problems:?}");
    }
}
