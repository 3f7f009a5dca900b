//! The one list of connectors that this program knows.

use std::sync::Arc;

use tailwater_connect::Registry;
use tailwater_postgres::{PostgresPlugin, QueryPlugin};

/// All plugins.
pub fn registry() -> Registry {
    let mut plugins = tailwater_sinks::plugins();
    plugins.push(Arc::new(PostgresPlugin));
    plugins.push(Arc::new(QueryPlugin));
    Registry::new(plugins)
}
