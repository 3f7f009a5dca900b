//! What a frame says. Its form as bytes is in `record/codec.rs`.

mod codec;

#[cfg(test)]
pub(crate) use codec::tests;
pub(crate) use codec::{
    BATCH_META_BYTES, RUN_BYTES, STAMP_BYTES, put_list, put_setting, put_transaction, take_setting, take_transaction,
};

use crate::codec::Malformed;
use crate::{ProducerStamp, Run, TransactionMeta};
use bytes::Bytes;

/// One record batch of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) topic: u32,
    pub(crate) partition: u32,
    /// Absolute, or relative to the transaction's base in parts.
    pub(crate) base_offset: i64,
    pub(crate) records: u32,
    pub(crate) bytes: u32,
    pub(crate) crc: u32,
    pub(crate) max_timestamp: i64,
    /// 0 is none.
    pub(crate) plan: u32,
    pub(crate) encoding: u8,
    pub(crate) runs: Vec<Run>,
}

/// Where the parts of a big transaction begin in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) topic: u32,
    pub(crate) partition: u32,
    pub(crate) offset: i64,
    /// Records in the parts, without the commit frame's own.
    pub(crate) records: u64,
}

/// Who wrote a batch of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The batch's place among the frame's.
    pub(crate) batch: u32,
    pub(crate) producer: ProducerStamp,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Transactions {
        position: Vec<u8>,
        transactions: Vec<TransactionMeta>,
        batches: Vec<Batch>,
    },
    Part {
        part_of: u64,
        batches: Vec<Batch>,
    },
    PartCommit {
        part_of: u64,
        position: Vec<u8>,
        transaction: TransactionMeta,
        parts: u32,
        bases: Vec<Base>,
        batches: Vec<Batch>,
    },
    PartAbort {
        part_of: u64,
    },
    Progress {
        position: Vec<u8>,
    },
    Entries(Vec<(String, Bytes)>),
    /// The number is the header's era.
    Era {
        identity: Vec<u8>,
    },
    /// The number is the header's connector.
    Connector {
        name: String,
    },
    TopicCreate {
        topic: u32,
        name: String,
        partitions: u32,
    },
    TopicDelete {
        topic: u32,
    },
    Plan {
        plan: u32,
        descriptor: Bytes,
    },
    Protect {
        topic: u32,
        partition: u32,
        needed_from: i64,
    },
    /// Segments before `oldest_segment` go; `starts` are the new log starts (topic, partition, offset).
    Retain {
        oldest_segment: u64,
        starts: Vec<(u32, u32, i64)>,
    },
    /// One piece of the state at the head of a segment.
    State {
        piece: u32,
        of: u32,
        records: Bytes,
    },
    /// The segment is complete, its successor durable.
    Seal {
        next_segment: u64,
    },
    /// Batches of clients; the time is when they arrived.
    Produced {
        now_ms: i64,
        batches: Vec<Batch>,
        stamps: Vec<Stamp>,
    },
    /// The end of a client's transaction; the batches are its markers, and the entries are of `connector`.
    TransactionEnd {
        connector: u32,
        now_ms: i64,
        producer: i64,
        epoch: i16,
        commit: bool,
        coordinator_epoch: i32,
        batches: Vec<Batch>,
        entries: Vec<(String, Bytes)>,
    },
    /// Producer ids below this one are drawn.
    ProducerIds {
        below: i64,
    },
    /// A topic with settings. Topics without any, of connectors, are made by [`Record::TopicCreate`].
    TopicMake {
        topic: u32,
        name: String,
        partitions: u32,
        change: bool,
        config: Vec<(String, String)>,
    },
    /// Settings of a topic, all of them.
    TopicAlter {
        topic: u32,
        change: bool,
        config: Vec<(String, String)>,
    },
    /// The topic has this many partitions from now on.
    TopicGrow {
        topic: u32,
        partitions: u32,
    },
    /// Batches as another file had them, of one connector and era; only in copies.
    Copies {
        transactions: Vec<TransactionMeta>,
        batches: Vec<Batch>,
    },
    /// What is left of a partition up to an offset lies in a file of its own, of this generation or a newer one.
    Compacted {
        topic: u32,
        partition: u32,
        generation: u32,
        until: i64,
    },
    /// Of aborted transactions that end before an offset, compacting has taken all records.
    ForgetAborted {
        topic: u32,
        partition: u32,
        below: i64,
    },
    /// New log starts (topic, partition, offset), whatever becomes of the segments.
    Trim {
        starts: Vec<(u32, u32, i64)>,
    },
    /// Says nothing but the header's `synced_through`; written at a clean end.
    Mark,
    /// An optional kind that is not known here.
    Skipped,
}

/// Why a valid frame cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadRecord {
    Invalid(Malformed),
    /// A kind that is neither known nor optional.
    Newer(u8),
}

impl From<Malformed> for BadRecord {
    fn from(what: Malformed) -> Self {
        Self::Invalid(what)
    }
}

impl Record {
    /// The kind in words, for `inspect`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Transactions { .. } => "transactions",
            Self::Part { .. } => "part",
            Self::PartCommit { .. } => "part commit",
            Self::PartAbort { .. } => "part abort",
            Self::Progress { .. } => "progress",
            Self::Entries(_) => "entries",
            Self::Era { .. } => "era",
            Self::Connector { .. } => "connector",
            Self::TopicCreate { .. } => "topic create",
            Self::TopicDelete { .. } => "topic delete",
            Self::Plan { .. } => "plan",
            Self::Protect { .. } => "protect",
            Self::Retain { .. } => "retain",
            Self::State { .. } => "state",
            Self::Seal { .. } => "seal",
            Self::Produced { .. } => "produced",
            Self::TransactionEnd { commit: true, .. } => "transaction commit",
            Self::TransactionEnd { commit: false, .. } => "transaction abort",
            Self::ProducerIds { .. } => "producer ids",
            Self::TopicMake { .. } => "topic make",
            Self::TopicAlter { .. } => "topic alter",
            Self::TopicGrow { .. } => "topic grow",
            Self::Trim { .. } => "trim",
            Self::Copies { .. } => "copies",
            Self::Compacted { .. } => "compacted",
            Self::ForgetAborted { .. } => "forget aborted",
            Self::Mark => "mark",
            Self::Skipped => "skipped",
        }
    }

    /// The record batches, whose bytes are the payload.
    pub(crate) fn batches(&self) -> &[Batch] {
        match self {
            Self::Transactions { batches, .. }
            | Self::Part { batches, .. }
            | Self::PartCommit { batches, .. }
            | Self::Produced { batches, .. }
            | Self::TransactionEnd { batches, .. }
            | Self::Copies { batches, .. } => batches,
            _ => &[],
        }
    }

    /// The same, to fill in what only the writer knows.
    pub(crate) fn batches_mut(&mut self) -> &mut [Batch] {
        match self {
            Self::Transactions { batches, .. }
            | Self::Part { batches, .. }
            | Self::PartCommit { batches, .. }
            | Self::Produced { batches, .. }
            | Self::TransactionEnd { batches, .. }
            | Self::Copies { batches, .. } => batches,
            _ => &mut [],
        }
    }

    /// Transactions that become visible with this frame.
    pub(crate) fn transactions(&self) -> &[TransactionMeta] {
        match self {
            Self::Transactions { transactions, .. } | Self::Copies { transactions, .. } => transactions,
            Self::PartCommit { transaction, .. } => std::slice::from_ref(transaction),
            _ => &[],
        }
    }
}
