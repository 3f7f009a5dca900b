//! Which plugin answers to which class name.

use std::sync::Arc;

use tailwater_connector::property::nearest;
use tailwater_connector::{Config, Plugin, Problem};

use crate::pipeline::{TopicCreation, framed};

/// The plugins of a process.
#[derive(Clone, Default)]
pub struct Registry(Vec<Arc<dyn Plugin>>);

impl Registry {
    /// From the plugins that the composition root knows. What Kafka Connect does around every connector (transforms,
    /// converters) is put around them.
    pub fn new(plugins: Vec<Arc<dyn Plugin>>) -> Self {
        Registry::with_worker(plugins, &Config::default(), TopicCreation::default())
    }

    /// The same under a worker's settings: its converters, for connectors that have none of their own, and how topics may be
    /// made.
    pub fn with_worker(plugins: Vec<Arc<dyn Plugin>>, converters: &Config, topics: TopicCreation) -> Self {
        Registry(plugins.into_iter().map(|plugin| framed(plugin, converters, topics)).collect())
    }

    /// The plugin for `connector.class`: the full class name, or as in Connect the name without its package, with or
    /// without `Connector` at its end.
    pub fn find(&self, class: &str) -> Result<Arc<dyn Plugin>, Problem> {
        let class = class.trim();
        if class.is_empty() {
            return Err(Problem::config(
                "CONNECTOR_CLASS_MISSING",
                "'connector.class' is not set, so it is not known what to run",
                format!("Set 'connector.class' to one of: {}.", self.classes().join(", ")),
            ));
        }
        let found = self.0.iter().find(|p| p.classes().iter().any(|c| names(c).contains(&class)));
        found.map(Arc::clone).ok_or_else(|| self.unknown(class))
    }

    /// Every class name and alias, in order of registration.
    pub fn classes(&self) -> Vec<&'static str> {
        self.0.iter().flat_map(|p| p.classes().iter().copied()).collect()
    }

    /// The plugins, for documentation of their properties.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<dyn Plugin>> {
        self.0.iter()
    }

    fn unknown(&self, class: &str) -> Problem {
        let classes = self.classes();
        let near = nearest(class, classes.iter().flat_map(|c| names(c)))
            .map_or_else(String::new, |near| format!("Did you mean '{near}'? "));
        Problem::config(
            "CONNECTOR_CLASS_UNKNOWN",
            format!("there is no connector of class '{class}' here"),
            format!("{near}Known classes: {}.", classes.join(", ")),
        )
    }
}

/// The names one class goes by.
fn names(class: &'static str) -> [&'static str; 3] {
    let simple = class.rsplit('.').next().unwrap_or(class);
    [class, simple, simple.strip_suffix("Connector").unwrap_or(simple)]
}

#[cfg(test)]
mod tests {
    use tailwater_connector::plugin::Instance;
    use tailwater_connector::{Kind, Property};

    use super::*;

    struct Postgres;

    impl Plugin for Postgres {
        fn classes(&self) -> &'static [&'static str] {
            &["io.debezium.connector.postgresql.PostgresConnector", "tailwater.PostgresSource"]
        }
        fn kind(&self) -> Kind {
            Kind::Source
        }
        fn properties(&self) -> &'static [Property] {
            &[]
        }
        fn configure(&self, _: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
            Err(Vec::new())
        }
    }

    fn code_and_remedy(class: &str) -> (String, String) {
        let problem = Registry::new(vec![Arc::new(Postgres)]).find(class).err().unwrap();
        (problem.code, problem.remedy)
    }

    #[test]
    fn a_class_is_found_by_its_full_its_short_and_its_shortest_name() {
        let registry = Registry::new(vec![Arc::new(Postgres)]);
        for class in [
            "io.debezium.connector.postgresql.PostgresConnector",
            "PostgresConnector",
            "Postgres",
            "tailwater.PostgresSource",
            " PostgresSource ",
        ] {
            assert!(registry.find(class).is_ok(), "{class}");
        }
    }

    #[test]
    fn an_unknown_class_is_answered_with_the_nearest_and_the_list() {
        let (code, remedy) = code_and_remedy("io.debezium.connector.postgres.PostgresConnector");
        assert_eq!(code, "CONNECTOR_CLASS_UNKNOWN");
        assert!(remedy.starts_with("Did you mean 'io.debezium.connector.postgresql.PostgresConnector'?"), "{remedy}");
        assert!(remedy.contains("tailwater.PostgresSource"), "{remedy}");
        assert!(code_and_remedy("com.example.Mongo").1.starts_with("Known classes: "));
        assert_eq!(code_and_remedy(" ").0, "CONNECTOR_CLASS_MISSING");
    }
}
