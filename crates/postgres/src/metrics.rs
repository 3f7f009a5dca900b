//! What a source counts (`docs/metrics.md`). Names follow Debezium's and PostgreSQL's terms; the only label that differs is
//! the connector's name.

use metrics::{Counter, Gauge, counter, gauge};

use crate::incremental::Progress;
use crate::slot::Held;

/// The instruments of one connector.
pub(crate) struct Metrics {
    events: Counter,
    transactions: Counter,
    dropped: Counter,
    unchanged: Counter,
    received: Counter,
    snapshot_rows: Counter,
    chunks: Counter,
    chunk_rows: Gauge,
    incremental_tables: Gauge,
    incremental_rows: Gauge,
    incremental_paused: Gauge,
    lag_bytes: Gauge,
    behind_ms: Gauge,
    confirmed: Gauge,
    slot_retained: Gauge,
    slot_unconfirmed: Gauge,
    slot_safe: Gauge,
    slot_seconds_to_limit: Gauge,
    slot_xmin_age: Gauge,
    slot_spilled: Gauge,
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
            chunks: counter!("tailwater_source_incremental_chunks_total", "connector" => label()),
            chunk_rows: gauge!("tailwater_source_incremental_chunk_rows", "connector" => label()),
            incremental_tables: gauge!("tailwater_source_incremental_tables", "connector" => label()),
            incremental_rows: gauge!("tailwater_source_incremental_table_rows", "connector" => label()),
            incremental_paused: gauge!(
                "debezium_metrics_SnapshotPaused",
                "plugin" => "postgres", "name" => label(), "context" => "snapshot"
            ),
            lag_bytes: gauge!("tailwater_source_lag_bytes", "connector" => label()),
            behind_ms: gauge!("tailwater_source_milliseconds_behind", "connector" => label()),
            confirmed: gauge!("tailwater_source_confirmed_flush_lsn", "connector" => label()),
            slot_retained: gauge!("tailwater_slot_retained_wal_bytes", "connector" => label()),
            slot_unconfirmed: gauge!("tailwater_slot_confirmed_lag_bytes", "connector" => label()),
            slot_safe: gauge!("tailwater_slot_safe_wal_bytes", "connector" => label()),
            slot_seconds_to_limit: gauge!("tailwater_slot_seconds_to_limit", "connector" => label()),
            slot_xmin_age: gauge!("tailwater_slot_catalog_xmin_age", "connector" => label()),
            slot_spilled: gauge!("tailwater_slot_spilled_bytes", "connector" => label()),
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

    /// A chunk of so many rows of an incremental snapshot was read and its window is closed.
    pub fn chunk(&self, rows: usize) {
        self.chunks.increment(1);
        self.chunk_rows.set(rows as f64);
    }

    /// Where an incremental snapshot is; none when there is none. Keys are values of rows and not told.
    pub fn incremental(&self, progress: Option<&Progress>) {
        self.incremental_tables.set(progress.map_or(0.0, |progress| progress.tables.len() as f64));
        self.incremental_rows.set(progress.map_or(0.0, |progress| progress.table.rows as f64));
        self.incremental_paused.set(progress.map_or(0.0, |progress| f64::from(u8::from(progress.paused))));
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

    /// What the slot holds back, and in how many seconds it would be lost if nothing were acknowledged any more.
    /// Without `max_slot_wal_keep_size` there is no limit, and room and time are infinite.
    pub fn slot(&self, held: &Held, seconds_to_limit: f64) {
        self.slot_retained.set(held.retained_bytes as f64);
        self.slot_unconfirmed.set(held.unconfirmed_bytes as f64);
        self.slot_safe.set(held.safe_wal_bytes.map_or(f64::INFINITY, |bytes| bytes as f64));
        self.slot_seconds_to_limit.set(seconds_to_limit);
        self.slot_xmin_age.set(held.catalog_xmin_age as f64);
        if let Some(bytes) = held.spilled_bytes {
            self.slot_spilled.set(bytes as f64);
        }
    }

    /// What the server was told.
    pub fn confirmed(&self, lsn: u64, lag_bytes: u64) {
        self.confirmed.set(lsn as f64);
        self.lag_bytes.set(lag_bytes as f64);
    }
}
