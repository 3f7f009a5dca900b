//! The query source under the class names that people use for it.

use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, HostAliases, Kind, Plugin, Problem, Property};

use super::properties::PROPERTIES;
use super::settings::QuerySettings;
use super::source::QuerySource;

/// Makes query sources.
#[derive(Clone, Debug, Default)]
pub struct QueryPlugin {
    aliases: HostAliases,
}

impl QueryPlugin {
    /// One whose sources follow aliases of hosts.
    pub fn new(aliases: HostAliases) -> Self {
        QueryPlugin { aliases }
    }
}

impl Plugin for QueryPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["io.confluent.connect.jdbc.JdbcSourceConnector", "io.aiven.connect.jdbc.JdbcSourceConnector"]
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn properties(&self) -> &'static [Property] {
        PROPERTIES
    }

    fn needs_snapshot(&self, property: &str) -> bool {
        const FORMS: [&str; 5] =
            ["topic.prefix", "numeric.mapping", "numeric.precision.mapping", "timestamp.granularity", "db.timezone"];
        FORMS.contains(&property)
    }

    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        let (mut settings, warnings) = QuerySettings::parse(config)?;
        settings.connection.aliases = self.aliases.clone();
        Ok((Instance::Source(Box::new(QuerySource::new(settings))), warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_posted_in_a_tutorial_is_configured() {
        let posted = [
            ("connector.class", "io.confluent.connect.jdbc.JdbcSourceConnector"),
            ("tasks.max", "4"),
            ("connection.url", "jdbc:postgresql://postgres:5432/demo"),
            ("connection.user", "connect_user"),
            ("connection.password", "asgard"),
            ("topic.prefix", "postgres-01-"),
            ("poll.interval.ms", "3600000"),
            ("table.whitelist", "demo.accounts"),
            ("mode", "bulk"),
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ];
        let config = posted.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let Ok((instance, warnings)) = QueryPlugin::default().configure(&config) else { unreachable!("it is refused") };
        assert!(matches!(instance, Instance::Source(_)));
        let warned: Vec<_> = warnings.iter().map(|p| (p.code.as_str(), p.cause.contains("tasks.max"))).collect();
        assert_eq!(warned, [("PROPERTY_NO_EFFECT", true)]);
    }
}
