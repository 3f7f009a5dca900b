//! Debezium 3.6 envelopes and keys, written and read back.
//!
//! [`Plan::compile`] turns a table, a topic and [`EncodeOptions`] into an encode plan: field-name fragments, the
//! constant parts of `source`, the schema blocks, one codec per column. The plan writes records through a
//! [`RecordWriter`](crate::RecordWriter). [`Reader`] inverts it from the plan's descriptor.

mod columns;
mod decode;
mod descriptor;
mod envelope;
mod fixed;
mod hash;
mod message;
mod names;
mod options;
mod plan;
mod schema_block;
mod shape;
mod source_block;
pub(crate) mod value;

pub use decode::{DecodeError, Decoded, Field, Reader};
pub use fixed::{FixedKind, FixedPlan, NotificationRecord, TransactionCounts, is_fixed};
pub use hash::Algorithm;
pub use message::LogicalMessage;
pub use names::NameAdjustment;
pub(crate) use names::push_unicode;
pub use options::{
    BinaryMode, DecimalMode, EncodeOptions, HStoreMode, IntervalMode, JsonDecimal, TimeMode, UnavailableValue,
};
pub use plan::{EncodeError, EventContext, Plan, SnapshotMarker, TransactionPlace};
pub use shape::{ColumnShape, Hash, HashVersion, Masking, TableShape};
