//! The PostgreSQL sources: log capture with a snapshot before it, and query capture ([`query`]).
//!
//! # What happens, in order
//!
//! 1. [`settings`] turns a connector's properties ([`properties`] declares each once) into typed settings, and tells
//!    every problem at once.
//! 2. [`preflight`] looks at the server and changes nothing: version, log level, rights, room, tables, keys,
//!    publications, slot. Each finding is a [`Problem`](tailwater_connector::Problem) with the SQL that mends it.
//!    `tailwater doctor` shows the same checks.
//! 3. `session` connects and `startup` compares the slot with what is durable. Only "slot at or before it, same
//!    system, same timeline or a descendant" goes on; anything else stops with a code, never with a jump.
//! 4. [`publication`] makes the publications first, then `snapshot` makes the slot with its exported view and reads
//!    existing rows through `COPY … TO STDOUT`, all in that view. The stream starts where the view ends, so there is
//!    neither gap nor overlap. A table that appears later joins by `join`.
//! 5. `stream` reads the log: [`pgoutput`] messages borrow from the receive buffer, [`catalog`] completes each
//!    relation's schema, `capture` compiles an encode plan per table and writes whole transactions to the journal.
//! 6. `signal` hears what is asked of a running source; `incremental` reads rows chunk by chunk while the stream goes on.
//! 7. `progress` is the only place in the program that tells the server a flush position, and what it tells is the end
//!    of a whole transaction, or a progress mark, that the journal has made durable.
//!
//! # What holds
//!
//! - Values are text in a session of pinned settings (UTC, ISO dates, hex bytea, `extra_float_digits=3`), in snapshot
//!   and stream alike: one datum has one value.
//! - Cells are slices until the encode plan makes bytes of them; null, unchanged and unknown stay apart.
//! - No row value reaches a log line or an error. Names in SQL pass through [`sql`].
//! - Every buffer and wait has its bound in [`limits`].
//! - One connector is one thread with blocking sockets ([`client`]); there is no runtime here.
//!
//! # Where to look
//!
//! | question | module |
//! |---|---|
//! | which properties exist, what is refused and why | [`properties`], [`settings`] |
//! | which tables are captured | [`filter`], [`catalog`] |
//! | what becomes the message key | [`keys`] |
//! | which columns are left out, masked or described | [`shape`] |
//! | which topic a table has | [`naming`] |
//! | what an error of the server means to a person | [`problem`] |
//! | how the connector is found by its class name | [`plugin`] |
//! | what is remembered between runs | `state`, `position` |
//! | records that are no changes of rows | `fixed_topic`, `notify`, `stream::{boundaries, message, heartbeat}` |

mod capture;
pub mod catalog;
pub mod client;
pub mod filter;
mod fixed_topic;
mod incremental;
mod join;
pub mod keys;
pub mod limits;
mod lock;
mod looks;
mod metrics;
pub mod naming;
mod notify;
mod offsets;
pub mod pgoutput;
pub mod plugin;
mod position;
pub mod preflight;
pub mod problem;
mod progress;
pub mod properties;
pub mod publication;
pub mod query;
mod session;
pub mod settings;
pub mod shape;
mod signal;
pub mod slot;
mod snapshot;
pub mod source;
pub mod sql;
mod startup;
mod state;
mod stream;

pub use plugin::PostgresPlugin;
pub use position::resume_lsn;
pub use query::QueryPlugin;
pub use source::PostgresSource;
