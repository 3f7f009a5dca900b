//! Bounds of this crate.

use std::time::Duration;

/// Largest connector file; tutorials' files have 1 to 4 KB.
pub const FILE_MAX_BYTES: u64 = 1024 * 1024;
/// Most connectors of one process: each has a thread, and a label in metrics.
pub const CONNECTORS_MAX: usize = 1000;
/// How often a wait for a thread's end looks again.
pub const JOIN_POLL: Duration = Duration::from_millis(5);
/// Schemas for which a transform keeps what it made of them; a database of 1,000 tables has 2,000, each key and value.
pub const SCHEMA_CACHE_ENTRIES: usize = 4096;
/// Lists of fields to drop (of a header) for which schemas are kept.
pub const DROPPED_LISTS: usize = 256;
/// Schemas of expanded outbox payloads that are kept; each kind of event has one.
pub const EXPANDED_SCHEMAS: usize = 64;
/// Versions of outbox events for which schemas are kept.
pub const SCHEMA_VERSIONS: usize = 64;
/// Topics for which a router keeps where they go.
pub const ROUTED_TOPICS: usize = 4096;
/// Longest expression of a filter or router.
pub const EXPRESSION_BYTES: usize = 8 * 1024;
/// Parts of an expression that stand in one another.
pub const EXPRESSION_DEPTH: usize = 64;
