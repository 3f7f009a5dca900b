//! Records as readers see them.

use std::sync::Arc;

use bytes::Bytes;

use crate::transport::PlanId;

/// One record of a topic partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic that transforms of a sink gave it; `None` for the one it was read from.
    pub topic: Option<Arc<str>>,
    /// Offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970, type CreateTime.
    pub timestamp_ms: i64,
    /// Key bytes; `None` is null.
    pub key: Option<Bytes>,
    /// Value bytes; `None` is null, a tombstone.
    pub value: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<Header>,
    /// The encode plan that wrote the record; `None` for records of clients.
    pub plan: Option<PlanId>,
    /// Where the record comes from; `None` for records of clients.
    pub origin: Option<Arc<Origin>>,
    /// The record's place in its transaction or snapshot attempt, from 0.
    pub ordinal: u64,
}

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
}

/// The source transaction (or snapshot attempt) of a record; shared by all its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Drawn from one counter of the journal, so it belongs to one connector.
    pub era: u32,
    /// End LSN of the commit; the hand-over LSN for snapshot rows.
    pub commit_end: u64,
    /// Commit time in microseconds since 1970; 0 for snapshot rows.
    pub commit_time_us: i64,
    /// Transaction id on the source; 0 for snapshot rows.
    pub xid: u32,
}
