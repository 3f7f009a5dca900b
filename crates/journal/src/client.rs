//! What clients of the Kafka protocol hand in, and what they are told: batches, transactions' ends, producers.

use crate::{ConnectorId, Sequence, TopicId};
use bytes::Bytes;

/// One record batch of a client, checked by who received it: magic 2, its CRC right, as many records as offsets.
#[derive(Debug, Clone)]
pub struct ClientBatch {
    /// Topic that receives it.
    pub topic: TopicId,
    /// Partition of that topic.
    pub partition: u32,
    /// The batch. The journal writes base offset and leader epoch, which Kafka's CRC does not cover; without a copy when
    /// nobody else holds these bytes.
    pub bytes: Bytes,
    /// Records in it.
    pub records: u32,
    /// Largest record timestamp, milliseconds since 1970.
    pub max_timestamp: i64,
    /// Who wrote it, for producers with an id.
    pub producer: Option<ProducerStamp>,
}

/// The identity that an idempotent producer gives a batch (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Producer id.
    pub id: i64,
    /// Producer epoch.
    pub epoch: i16,
    /// Sequence of the first record; behind 2^31-1 comes 0.
    pub first_sequence: i32,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
}

/// What became of the batches of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// When this is durable, everything that `placed` says is.
    pub sequence: Sequence,
    /// For each batch of the call, in order.
    pub placed: Vec<Result<Placed, Refusal>>,
}

/// Where a batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Offset of its first record.
    pub base_offset: i64,
    /// First offset that the partition keeps.
    pub log_start: i64,
    /// The producer had sent it before; the offset is that of the first time.
    pub duplicate: bool,
    /// Largest record timestamp of the batch as it is stored.
    pub max_timestamp: i64,
}

/// Why one batch was not taken, while others of its call may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The topic or partition is gone.
    #[error("there is no such topic or partition")]
    UnknownPartition,
    /// Batches between the producer's last one and this one are missing, or a new epoch does not begin at 0.
    #[error("the sequence does not follow the producer's last one")]
    OutOfOrderSequence,
    /// A producer with the same id and a later epoch has taken over.
    #[error("a later epoch of the producer has taken over")]
    InvalidProducerEpoch,
    /// A batch without transaction inside the producer's open transaction.
    #[error("the producer has an open transaction, and the batch does not belong to it")]
    InvalidTransactionState,
    /// More transactions are open than the journal keeps track of.
    #[error("too many transactions are open")]
    TooManyTransactions,
}

/// The end of a client's transaction: markers in its partitions, and entries such as group offsets, in one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionEnd {
    /// Producer id.
    pub producer: i64,
    /// Its epoch; batches with an earlier one are refused from here on.
    pub epoch: i16,
    /// Commit, or abort.
    pub commit: bool,
    /// Written into the markers.
    pub coordinator_epoch: i32,
    /// Partitions that get a marker; those that are gone are passed over.
    pub partitions: Vec<(TopicId, u32)>,
    /// Whose the entries are.
    pub connector: ConnectorId,
    /// Keys to set, as [`Body::Entries`](crate::Body::Entries) does.
    pub entries: Vec<(String, Bytes)>,
}

/// A producer as a partition knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerInfo {
    /// Producer id.
    pub id: i64,
    /// Its latest epoch.
    pub epoch: i16,
    /// Sequence of its last record in this epoch, -1 without one.
    pub last_sequence: i32,
    /// Time of its last batch or marker by the journal's clock, milliseconds since 1970.
    pub last_ms: i64,
    /// Coordinator epoch of its last marker, -1 without one.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub open_from: Option<i64>,
}

/// A transaction whose records a reader of committed data passes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// Producer id.
    pub producer: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of its marker.
    pub last_offset: i64,
    /// Last stable offset behind the marker: transactions that end later begin at or after it.
    pub last_stable: i64,
}
