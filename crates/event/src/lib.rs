//! What a change is, and its forms: Debezium's, and Kafka Connect's flat rows.
//!
//! Everything here is pure: bytes and values in, bytes and values out; no runtime, no files, no sockets, no clock.
//! A row is a slice of cells in PostgreSQL's text form until an encode [plan](debezium) writes final bytes through a
//! [`RecordWriter`]. Snapshot and stream share that one path, so one datum has one value.

pub mod connect;
pub mod debezium;
pub mod position;
pub mod row;
pub mod table;
pub mod topic;
pub mod writer;

pub use position::Lsn;
pub use row::{Cell, OldRow};
pub use table::{Column, ColumnType, Declared, DefaultValue, ReplicaIdentity, TableName, TableSchema};
pub use writer::{FragmentId, Fragments, Passage, PassagePiece, RecordWriter, SlotId};
