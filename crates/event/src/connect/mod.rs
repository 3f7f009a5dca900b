//! Rows as Kafka Connect structs: the form of the JDBC source connector, as Connect's JSON converter writes it.
//!
//! A value is one flat struct: a field per column, named as the column, optional where NULL is allowed, without
//! defaults. There is no key, no envelope and no tombstone. [`RowPlan`] is compiled once per shape of rows.

mod field;
mod options;
mod plan;

pub use options::{NumericMapping, RowOptions, TimestampForm};
pub use plan::{RowPlan, RowSchema, is_row_descriptor};
