//! What a query source counts besides its records.

use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};

/// The instruments of one connector.
pub(super) struct PollMetrics {
    polls: Counter,
    rows: Counter,
    seconds: Gauge,
    tables: Gauge,
}

impl PollMetrics {
    /// For a connector.
    pub(super) fn new(connector: &str) -> Self {
        let label = || connector.to_owned();
        PollMetrics {
            polls: counter!("tailwater_query_polls_total", "connector" => label()),
            rows: counter!("tailwater_source_events_total", "connector" => label()),
            seconds: gauge!("tailwater_query_last_poll_seconds", "connector" => label()),
            tables: gauge!("tailwater_query_tables", "connector" => label()),
        }
    }

    /// A poll of one table ended.
    pub(super) fn polled(&self, rows: u64, took: Duration) {
        self.polls.increment(1);
        self.rows.increment(rows);
        self.seconds.set(took.as_secs_f64());
    }

    /// So many tables are polled.
    pub(super) fn tables(&self, count: usize) {
        self.tables.set(count as f64);
    }
}
