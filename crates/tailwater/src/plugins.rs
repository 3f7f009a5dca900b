//! The one list of connectors that this program knows.

use std::sync::Arc;

use tailwater_connect::{Registry, TopicCreation};
use tailwater_connector::{Config, HostAliases};
use tailwater_journal::limits::PARTITIONS_MAX;
use tailwater_kafka::server::check_topic_setting;
use tailwater_postgres::{PostgresPlugin, QueryPlugin};
use tailwater_sinks::{AWS_VARIABLES, Surroundings};

use crate::aws_profile;

/// What plugins are told of the process around them.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    /// Names of hosts that lead elsewhere.
    pub aliases: HostAliases,
    /// Converters for connectors that have none of their own.
    pub converters: Config,
    /// Whether connectors do not say how their topics are made.
    pub topic_creation_off: bool,
}

impl Plugins {
    /// All plugins.
    pub fn registry(&self) -> Registry {
        let mut plugins = tailwater_sinks::plugins(&self.surroundings());
        plugins.push(Arc::new(PostgresPlugin::new(self.aliases.clone())));
        plugins.push(Arc::new(QueryPlugin::new(self.aliases.clone())));
        let topics = TopicCreation {
            enabled: !self.topic_creation_off,
            partitions_max: PARTITIONS_MAX,
            check: check_topic_setting,
        };
        Registry::with_worker(plugins, &self.converters, topics)
    }

    /// What sinks may know, too: who we are for AWS, as its own tools are told.
    fn surroundings(&self) -> Surroundings {
        let variable = |name: &str| std::env::var(name).ok();
        let given = AWS_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
        Surroundings::default()
            .with_aws(given.chain(aws_profile::variables(variable)))
            .with_aliases(self.aliases.clone())
    }
}
