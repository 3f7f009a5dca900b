//! What readers get: topics, their bounds, and stored batches.

use crate::{PlanId, TopicId, TransactionMeta};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A topic and where its partitions stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMeta {
    /// Its number.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Bounds of each partition, by number.
    pub bounds: Vec<Bounds>,
    /// What was set, by the names that clients use; the journal itself honours `retention.*` and `cleanup.policy`.
    pub config: BTreeMap<String, String>,
    /// Whether a connector writes it; otherwise it is of clients.
    pub change: bool,
}

/// Which offsets of a partition can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// First offset that is still kept.
    pub log_start: i64,
    /// Offset that the next visible record will get; everything below is durable.
    pub high_watermark: i64,
    /// First offset that an open transaction of a client holds back; the high watermark when there is none.
    pub last_stable: i64,
    /// Bytes of the partition's kept record batches.
    pub bytes: u64,
}

/// A batch as readers see it.
#[derive(Debug, Clone)]
pub struct StoredBatch {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offsets that it covers: the records in it, of which compaction may have taken some.
    pub records: u32,
    /// The record batch, base offset filled in.
    pub bytes: Bytes,
    /// Encode plan of the records.
    pub plan: Option<PlanId>,
    /// How the bytes are stored: 0 plain.
    pub encoding: u8,
    /// Era of the records.
    pub era: u32,
    /// Connector that wrote them; 0 for clients.
    pub connector: crate::ConnectorId,
    /// Largest record timestamp, milliseconds since 1970.
    pub max_timestamp: i64,
    /// Transaction, ordinal of the first record's event in it, and number of records, in order. Empty for what clients
    /// wrote.
    pub runs: Arc<[(Arc<TransactionMeta>, u64, u32)]>,
}
