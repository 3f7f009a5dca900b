//! How to write a connector.
//!
//! A **source** reads a database and writes whole transactions through a [`SourceWriter`]; a **sink** reads records
//! through a [`TopicReader`] and keeps its progress beside them. Both run on a thread of their own, are handed what
//! they need in a context, report through a [`StatusCell`], and end when their [`Stop`] is set. Data goes right,
//! acknowledgement goes left: the only thing that comes back to a source is [`SourceWriter::durable`].
//!
//! Errors are [`Problem`]s: a kind that says what to do next, a code, a cause in the user's words, a remedy.

pub mod config;
pub mod hosts;
pub mod java_regex;
pub mod limits;
pub mod offset;
pub mod plugin;
pub mod problem;
pub mod property;
pub mod record;
pub mod retry;
pub mod signal;
pub mod sink;
pub mod source;
pub mod status;
pub mod stop;
pub mod transport;
pub mod trust;

pub use config::Config;
pub use hosts::HostAliases;
pub use offset::Offset;
pub use plugin::{Kind, Plugin};
pub use problem::{Problem, ProblemKind, Severity};
pub use property::{Look, Property, Support};
pub use record::{Header, Origin, Record};
pub use signal::{Signal, Signals};
pub use sink::{Sink, SinkContext};
pub use source::{Source, SourceContext};
pub use status::{ConnectorState, Status, StatusCell};
pub use stop::Stop;
pub use transport::{Durable, PlanId, SourceWriter, TopicReader, Transaction, Transport};
pub use trust::ServerTrust;
