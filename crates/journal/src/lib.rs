//! The durable log on local disk and the topics over it.
//!
//! One physical journal per data directory: segment files of frames, written by one thread, made durable by group
//! commit. Topics and partitions are indexes over it. Start reading at [`Journal`].

mod append;
mod clock;
mod error;
pub mod fs;
pub mod inspect;
mod journal;
pub mod limits;
mod topic;

pub use append::{BatchIn, Body, ConnectorId, PlanId, Run, Sequence, SourceState, TopicId, TransactionMeta};
pub use clock::{Clock, SystemClock};
pub use error::JournalError;
pub use journal::{Journal, Options};
pub use topic::{Bounds, StoredBatch, TopicMeta};
