//! The durable log on local disk and the topics over it.
//!
//! One physical journal per data directory: segment files of frames, written by one thread, made durable by group
//! commit. Topics and partitions are indexes over it. Start reading at [`Journal`].

mod append;
mod client;
mod clock;
mod codec;
mod compact;
mod copies;
mod error;
mod failpoint;
mod files;
mod frame;
pub mod fs;
mod hot;
mod index;
pub mod inspect;
mod journal;
mod keeper;
pub mod limits;
mod metrics;
mod open;
mod policy;
mod queue;
mod read;
mod record;
mod recovery;
mod retention;
mod scan;
mod segment;
mod shared;
mod state;
mod topic;
mod view;
mod writer;

use failpoint::failpoint;

pub use append::{BatchIn, Body, ConnectorId, PlanId, Run, Sequence, SourceState, TopicId, TransactionMeta};
pub use client::{Aborted, ClientBatch, Placed, Produced, ProducerInfo, ProducerStamp, Refusal, TransactionEnd};
pub use clock::{Clock, SystemClock};
pub use error::JournalError;
pub use journal::{Journal, Options};
pub use queue::check_topic_name;
pub use topic::{Bounds, StoredBatch, TopicMeta};
