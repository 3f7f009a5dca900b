//! Query capture: tables or a query, read again and again, as the JDBC source connector does.
//!
//! # What a poll is
//!
//! One `REPEATABLE READ` transaction and one `COPY (SELECT …) TO STDOUT`, in the order of the columns that tell what is
//! new ([`statement`]). A poll is therefore one view of the table, of any size, with bounded memory. What was read and
//! where the next poll goes on lie in one frame of the journal ([`position`]), so that a crash neither loses nor repeats
//! a row.
//!
//! # When is a row read
//!
//! Rows that could still be overtaken wait: a poll reads up to its [`horizon`], behind which no open transaction can put
//! a row any more.
//!
//! - `incrementing`: once, when its number is above all that were read.
//! - `timestamp`: at each change that moves its time. Rows whose time is not yet `timestamp.delay.interval.ms` old wait
//!   for a later poll; a transaction that commits within the delay is not missed. Rows of one time are never parted by
//!   a commit of ours, so that none is lost or repeated at the border of a batch.
//! - `timestamp+incrementing`: the same, and the number tells rows of one time apart.
//! - `bulk`: at each poll; a poll is one transaction in the topic.
//!
//! # Identity
//!
//! A record is known by connector and sequence: the connector's era is drawn once, and every commit takes the next
//! number, kept in the position.
//!
//! | question | module |
//! |---|---|
//! | which properties exist | [`properties`], [`settings`] |
//! | which tables are read | [`tables`] |
//! | what is wrong with one of them | [`shape`] |

mod horizon;
mod metrics;
pub mod plugin;
mod poll;
mod position;
pub mod preflight;
mod problem;
pub mod properties;
pub mod settings;
mod shape;
pub mod source;
mod statement;
pub mod tables;
mod url;

pub use plugin::QueryPlugin;
pub use settings::QuerySettings;
pub use source::QuerySource;
