//! Connectors as people configure them, and their lives.
//!
//! A connector file ([`file`]) names a class; the [`Registry`] knows which plugin answers to it; the [`Supervisor`] gives
//! the connector a thread, retries what may pass by itself, and shows everyone its state. This crate knows the
//! contracts of `tailwater-connector` and no concrete connector.

mod bounded;
pub mod debezium_server;
pub mod directory;
pub mod file;
pub mod herder;
pub mod java_properties;
mod json;
pub mod limits;
pub mod metrics;
mod pipeline;
pub mod placeholder;
pub mod registry;
pub mod rest;
pub mod supervisor;
mod task;
pub mod transform;
pub mod worker;

pub use file::ConnectorFile;
pub use herder::Herder;
pub use pipeline::TopicCreation;
pub use placeholder::Secrets;
pub use registry::Registry;
pub use rest::Rest;
pub use supervisor::{Health, Readiness, Supervisor};
