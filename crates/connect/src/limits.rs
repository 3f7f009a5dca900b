//! Bounds of this crate.

use std::time::Duration;

/// Largest connector file; tutorials' files have 1 to 4 KB.
pub const FILE_MAX_BYTES: u64 = 1024 * 1024;
/// Largest file that a placeholder reads.
pub const SECRET_FILE_BYTES: u64 = 64 * 1024;
/// Most connectors of one process: each has a thread, and a label in metrics.
pub const CONNECTORS_MAX: usize = 1000;
/// How often a wait for a thread's end looks again.
pub const JOIN_POLL: Duration = Duration::from_millis(5);
/// Schemas for which a transform keeps what it made of them; a database of 1,000 tables has 2,000, each key and value.
pub const SCHEMA_CACHE_ENTRIES: usize = 4096;
/// Fields of all schemas for which a transform keeps what it made of them: 1,000 tables of 100 columns have 200,000, before and
/// after.
pub const SCHEMA_CACHE_FIELDS: usize = 250_000;
/// Lists of fields to drop (of a header) for which schemas are kept.
pub const DROPPED_LISTS: usize = 256;
/// Schemas of expanded outbox payloads that are kept; each kind of event has one.
pub const EXPANDED_SCHEMAS: usize = 64;
/// Objects and arrays in one another of an expanded payload; converters write 64, with what is around them.
pub const EXPANDED_DEPTH: usize = 60;
/// Versions of outbox events for which schemas are kept.
pub const SCHEMA_VERSIONS: usize = 64;
/// Topics for which a router keeps where they go.
pub const ROUTED_TOPICS: usize = 4096;
/// Longest expression of a filter or router.
pub const EXPRESSION_BYTES: usize = 8 * 1024;
/// Longest text that an expression makes: a record has 1 MiB, and an expression may name its fields often.
pub const EXPRESSION_TEXT_BYTES: usize = 16 << 20;
/// Parts of an expression that stand in one another.
pub const EXPRESSION_DEPTH: usize = 64;
/// How often a change is made again of a configuration that others change at the same time.
pub const CHANGE_ATTEMPTS: usize = 5;
/// Configurations that are looked at from outside at one time: each may wait for a database for seconds.
pub const CHECKS_AT_ONCE: usize = 32;
/// How often connectors that are on their way are looked at.
pub const KEEP_AGAIN: Duration = Duration::from_millis(20);
/// How often all connectors are looked at, when nobody asked for anything.
pub const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Deepest nesting of JSON in a request, as Jackson's.
pub const JSON_DEPTH: usize = 1000;
/// Longest name in JSON, as Jackson's.
pub const JSON_NAME_BYTES: usize = 50_000;
/// Longest number in JSON, as Jackson's.
pub const JSON_NUMBER_BYTES: usize = 1000;
/// Most properties of a configuration that is posted; they are looked up one by one. Debezium's connector has some 150.
pub const PROPERTIES_MAX: usize = 5_000;
/// Largest body of a request: as a connector file.
pub const BODY_BYTES: usize = FILE_MAX_BYTES as usize;
/// Bytes of problems in a header of an answer: with the other headers below the 8 KiB that proxies take.
pub const PROBLEMS_BYTES: usize = 6 << 10;
/// How long a body may take to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(20);
/// How long an answer may take to be read.
pub const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How long the head of a request, or the beginning of TLS, may take.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// Most connections to REST, and to other pages, at one time; further ones wait.
pub const CONNECTIONS: usize = 256;
/// How long requests under way may take when the process ends.
pub const REST_GRACE: Duration = Duration::from_millis(500);
/// How long a change of offsets waits for the end of a connector that was asked to stop.
pub const OFFSETS_WAIT: Duration = Duration::from_secs(5);
/// Plans of a source for which readers of its records are kept, topics for which what they are opened as is, and partitions
/// for which the last bad record is.
pub const CONVERTED_TOPICS: usize = 10_000;
/// Topics that a source names itself: as many as a journal has partitions.
pub const SOURCE_TOPICS: usize = 200_000;
/// Headers of a record whose buffers are used again.
pub const KEPT_HEADERS: usize = 64;
/// The pause before the second attempt at what may pass by itself, doubled with each further one, as Connect's.
pub const RETRY_FIRST: Duration = Duration::from_millis(300);
/// A record's buffer of more bytes than this is given back after the record that needed it.
pub const KEPT_RECORD_BYTES: usize = 1 << 20;
/// Geometries in one another, of collections.
pub const GEOMETRY_DEPTH: usize = 32;
