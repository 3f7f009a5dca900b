//! The one list of connectors that this program knows.

use std::sync::Arc;

use tailwater_connect::Registry;
use tailwater_postgres::{PostgresPlugin, QueryPlugin};
use tailwater_sinks::{AWS_VARIABLES, Surroundings};

/// All plugins.
pub fn registry() -> Registry {
    let mut plugins = tailwater_sinks::plugins(&surroundings());
    plugins.push(Arc::new(PostgresPlugin));
    plugins.push(Arc::new(QueryPlugin));
    Registry::new(plugins)
}

/// What sinks may know of the process: who we are for AWS, as its own tools are told.
fn surroundings() -> Surroundings {
    let given = AWS_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    Surroundings::default().with_aws(given)
}
