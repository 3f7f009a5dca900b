//! What a source counts. Names follow Debezium's and PostgreSQL's terms; the only label is the connector.

use metrics::{Counter, Gauge, counter, gauge};

/// The instruments of one connector.
pub(crate) struct Metrics {
    events: Counter,
    transactions: Counter,
    dropped: Counter,
    unchanged: Counter,
    received: Counter,
    snapshot_rows: Counter,
    lag_bytes: Gauge,
    behind_ms: Gauge,
    confirmed: Gauge,
}

impl Metrics {
    /// For a connector.
    pub fn new(connector: &str) -> Self {
        let label = || connector.to_owned();
        Metrics {
            events: counter!("tailwater_source_events_total", "connector" => label()),
            transactions: counter!("tailwater_source_transactions_total", "connector" => label()),
            dropped: counter!("tailwater_source_duplicates_dropped_total", "connector" => label()),
            unchanged: counter!("tailwater_source_unchanged_events_skipped_total", "connector" => label()),
            received: counter!("tailwater_source_received_bytes_total", "connector" => label()),
            snapshot_rows: counter!("tailwater_source_snapshot_rows_total", "connector" => label()),
            lag_bytes: gauge!("tailwater_source_lag_bytes", "connector" => label()),
            behind_ms: gauge!("tailwater_source_milliseconds_behind", "connector" => label()),
            confirmed: gauge!("tailwater_source_confirmed_flush_lsn", "connector" => label()),
        }
    }

    /// Records of streamed changes.
    pub fn events(&self, records: u64) {
        self.events.increment(records);
    }

    /// Records of snapshot rows.
    pub fn rows(&self, records: u64) {
        self.snapshot_rows.increment(records);
    }

    /// A transaction was handed on, so long after it committed.
    pub fn transaction(&self, behind_ms: i64) {
        self.transactions.increment(1);
        self.behind_ms.set(behind_ms as f64);
    }

    /// A transaction that the journal has already came again.
    pub fn dropped(&self) {
        self.dropped.increment(1);
    }

    /// An update that changed nothing events show made no event (`skip.messages.without.change`).
    pub fn unchanged(&self) {
        self.unchanged.increment(1);
    }

    /// Bytes came from the server.
    pub fn received(&self, bytes: usize) {
        self.received.increment(bytes as u64);
    }

    /// What the server was told.
    pub fn confirmed(&self, lsn: u64, lag_bytes: u64) {
        self.confirmed.set(lsn as f64);
        self.lag_bytes.set(lag_bytes as f64);
    }
}
