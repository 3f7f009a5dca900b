//! Bounds of this crate.

use std::time::Duration;

/// Network buffer while messages are small; it grows for one large message and shrinks again.
pub const BUFFER_BYTES: usize = 256 * 1024;
/// Default of `max.row.bytes`: the largest single message received.
pub const MAX_ROW_BYTES: usize = 128 * 1024 * 1024;
/// How often a waiting read looks whether it should end.
pub const STOP_POLL: Duration = Duration::from_millis(200);
/// Idle time before TCP asks whether the server still lives.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Pause between two such questions.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Unanswered questions before the connection counts as lost.
pub const KEEPALIVE_RETRIES: u32 = 3;
/// Unacknowledged sent data for this long counts as a lost connection.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Bound on name look-up, TCP, TLS and authentication of one address: validation answers within 5 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest name PostgreSQL keeps, in bytes.
pub const IDENTIFIER_BYTES: usize = 63;
/// Longest `topic.prefix`: Kafka's 249 for a topic, less room for a table's name.
pub const TOPIC_PREFIX_BYTES: usize = 200;
