//! What callers hand to the journal: one [`Body`] becomes one frame.

use bytes::{Bytes, BytesMut};

/// Place of an append in the order of appends of this journal; grows by one with each, across restarts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// A connector's number, drawn once by [`Journal::connector`](crate::Journal::connector) and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnectorId(pub u32);

/// A topic's number. A deleted and recreated name has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId(pub u32);

/// The number of an encode plan; starts at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PlanId(pub u32);

/// One source transaction, as the source reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionMeta {
    /// Transaction id in the source database.
    pub xid: u32,
    /// LSN of the commit record.
    pub commit_lsn: u64,
    /// LSN behind the commit record: with the era and the ordinal it is the identity of an event.
    pub end_lsn: u64,
    /// Time of the commit, microseconds since 1970.
    pub commit_time_us: i64,
    /// Records of the transaction over all topics.
    pub records: u64,
}

/// Which records of a batch belong to which transaction; kept so that identity survives transforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Index into the frame's transactions. In parts of a big transaction it is 0, the transaction itself.
    pub transaction: u32,
    /// Ordinal of the first record's event in its transaction.
    pub first_ordinal: u64,
    /// Records of the batch in this run.
    pub records: u32,
}

/// One Kafka record batch (magic 2) on its way into a partition.
#[derive(Debug, Clone)]
pub struct BatchIn {
    /// Topic that receives it.
    pub topic: TopicId,
    /// Partition of that topic.
    pub partition: u32,
    /// The batch. The journal writes the base offset into its first eight bytes, which Kafka's CRC does not cover.
    /// The memory behind it stays in the hot tail, so its capacity should be about its length.
    pub bytes: BytesMut,
    /// Offsets that the batch uses: the records in it.
    pub records: u32,
    /// Largest record timestamp, milliseconds since 1970.
    pub max_timestamp: i64,
    /// Encode plan of the records, for readers that invert it.
    pub plan: Option<PlanId>,
    /// Transactions of the records, in order; may be empty for records without a transaction.
    pub runs: Vec<Run>,
    /// How the bytes are stored: 0 plain.
    pub encoding: u8,
}

/// The content of one frame.
#[derive(Debug, Clone)]
pub enum Body {
    /// Whole transactions with their records, and the source position behind them.
    Transactions {
        /// Where the source continues; opaque, at most [`POSITION_MAX_BYTES`](crate::limits::POSITION_MAX_BYTES).
        position: Vec<u8>,
        /// The transactions, in commit order.
        transactions: Vec<TransactionMeta>,
        /// Their records.
        batches: Vec<BatchIn>,
    },
    /// A piece of a transaction too big for memory: durable, but invisible until its commit.
    Part {
        /// Id of the big transaction, unique per connector and process run.
        part_of: u64,
        /// The piece's records.
        batches: Vec<BatchIn>,
    },
    /// Commits a big transaction: all its parts, of which there must be one, become visible in one step.
    PartCommit {
        /// Id of the big transaction.
        part_of: u64,
        /// Where the source continues.
        position: Vec<u8>,
        /// The transaction.
        transaction: TransactionMeta,
        /// Its last piece; may be empty.
        batches: Vec<BatchIn>,
    },
    /// Forgets a big transaction; it uses no offsets.
    PartAbort {
        /// Id of the big transaction.
        part_of: u64,
    },
    /// The source position moved without records.
    Progress {
        /// Where the source continues.
        position: Vec<u8>,
    },
    /// Sets keys of the connector (configuration, sink plans, group offsets), all or none; an empty value removes.
    Entries(Vec<(String, Bytes)>),
    /// Starts an era, and forgets the connector's open big transactions. Only [`Journal::begin_era`](crate::Journal::begin_era) makes it: it draws the number.
    Era {
        /// What the era is bound to (system id, timeline history), opaque.
        identity: Vec<u8>,
    },
}

/// What the journal durably knows of a connector's source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceState {
    /// Current era; 0 before the first.
    pub era: u32,
    /// What the era is bound to, as given to `begin_era`.
    pub identity: Vec<u8>,
    /// Position behind the last whole transaction or progress of this era; empty when there is none.
    pub position: Vec<u8>,
}
