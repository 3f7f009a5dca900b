//! Kafka Connect's data: schemas, values and records for what is not on the hot path (transforms, converters); and rows as
//! Connect structs, the form of the JDBC source connector, as Connect's JSON converter writes it.
//!
//! A row's value is one flat struct: a field per column, named as the column, optional where NULL is allowed, without
//! defaults. There is no key, no envelope and no tombstone. [`RowPlan`] is compiled once per shape of rows.

mod field;
pub mod json;
pub mod number;
mod options;
mod plan;
mod schema;
mod simple;
pub mod text;
mod value;

pub use options::{NumericMapping, RowOptions, TimestampForm};
pub use plan::{RowPlan, RowSchema, converted_descriptor, is_converted_descriptor, is_row_descriptor};
pub use schema::{Field, Kind, Schema};
pub use simple::read_simple_text;
pub use value::{ConnectHeader, ConnectRecord, Typed, Value};
