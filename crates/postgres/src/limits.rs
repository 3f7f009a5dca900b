//! Bounds of this crate.

use std::ops::Range;
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
/// Longest topic name that Kafka allows, in bytes.
pub const TOPIC_BYTES: usize = 249;
/// Longest `topic.prefix`: Kafka's 249 for a topic, less room for a table's name.
pub const TOPIC_PREFIX_BYTES: usize = 200;
/// A durable position is told to the server at the latest after this.
pub const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(500);
/// Pause between two progress frames of an idle source.
pub const PROGRESS_IDLE: Duration = Duration::from_secs(10);
/// The same when the server asks for an answer.
pub const PROGRESS_ON_REQUEST: Duration = Duration::from_secs(1);
/// Rows of a snapshot are committed after about so many bytes received.
pub const SNAPSHOT_CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Tables that were read are marked done together, at most so late.
pub const SNAPSHOT_MARK_DONE: Duration = Duration::from_millis(200);
/// While so many bytes come at once, the stream is busy: with less, a pause would only delay; with more, the socket's
/// buffer could fill up during it and hold back the server.
pub const BUSY_BYTES: Range<usize> = 4 * 1024..64 * 1024;
/// Pause between two reads of a busy stream: the server then wakes us once for many rows, which costs both sides less.
pub const BUSY_PAUSE: Duration = Duration::from_millis(1);
/// Committed bytes that are handed to the disk although it is busy.
pub const FLUSH_BYTES: usize = 256 * 1024;
/// Committed bytes wait at most so long for a busy disk before they are handed over.
pub const FLUSH_AFTER: Duration = Duration::from_millis(2);
/// How long the stream waits for the server while committed bytes wait for the disk.
pub const FLUSH_POLL: Duration = Duration::from_millis(1);
/// How often a running connector looks for tables that match its filters and were not there before.
pub const NEW_TABLES_POLL: Duration = Duration::from_secs(2);
/// Longest single statement of the preflight, in milliseconds: a locked catalog must not hold validation up.
pub const PREFLIGHT_STATEMENT_MS: u32 = 4_000;
/// Age from which an open transaction is mentioned, in seconds: a new slot waits for it.
pub const LONG_TRANSACTION_S: u32 = 60;
/// How often a full disk is looked at again.
pub const DISK_RETRY: Duration = Duration::from_millis(500);
/// A slot that is not made after this waits for open transactions, which are then named.
pub const SLOT_PATIENCE: Duration = Duration::from_secs(2);
/// How often a running connector looks whether the server still keeps the log it needs.
pub const SLOT_POLL: Duration = Duration::from_secs(10);
/// How long a snapshot waits for a table that a running change holds; shorter than the server waits for a silent stream.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How long a starting run waits for the walsender of the one before.
pub const SLOT_RELEASE: Duration = Duration::from_secs(1);
/// Transaction ids that are looked at for commits of other tables before the first commit.
pub const OTHERS_LOOKED_AT: u64 = 1000;
/// Longest run of the heartbeat's statement, in milliseconds.
pub const HEARTBEAT_STATEMENT_MS: u32 = 10_000;
/// How long an ending run waits for the server to close the stream.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Largest part of a signal file that is read at once; signals are short lines.
pub const SIGNAL_FILE_BYTES: u64 = 1 << 20;
/// How often signals of the process's faces are looked for.
pub const SIGNALS_POLL: Duration = Duration::from_millis(100);
/// Bytes of one chunk of an incremental snapshot, beyond which the rest of it becomes the next one.
pub const INCREMENTAL_CHUNK_BYTES: usize = 32 * 1024 * 1024;
/// The same where a chunk must end after the last of rows that are equal in the columns that order it.
pub const INCREMENTAL_TIES_BYTES: usize = 256 * 1024 * 1024;
/// Bytes of changes remembered until a chunk is known; beyond it the chunk is read again.
pub const INCREMENTAL_TOUCH_BYTES: usize = 16 * 1024 * 1024;
/// Pause before a chunk is read again because what changed meanwhile could not be told apart; it grows with each time.
pub const INCREMENTAL_PAUSE: Duration = Duration::from_millis(20);
/// After so many times the pause grows no more, and the log tells.
pub const INCREMENTAL_SPOILS: u32 = 20;
/// How long the defaults of a table's columns wait for whoever holds the table, while the stream waits with them.
pub const DEFAULTS_PATIENCE: Duration = Duration::from_millis(500);
/// How long a publication waits for a table that it should take on, while the stream waits with it; longer than the
/// server's `deadlock_timeout`, after which an automatic vacuum lets go.
pub const PUBLISH_PATIENCE: Duration = Duration::from_secs(2);
/// Transactions remembered as streamed, to find those that a snapshot does not show yet.
pub const RECENT_TRANSACTIONS: usize = 8192;
/// Rows of an incremental snapshot that are read again one by one; with more, their table is read from its beginning.
pub const INCREMENTAL_AGAIN_ROWS: usize = 10_000;
/// How long rows of a polled table wait for transactions that write into it and may still add rows before them.
pub const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether such transactions have ended.
pub const WRITER_POLL: Duration = Duration::from_millis(100);
/// Blocks of rows, of [`BUFFER_BYTES`] each, that parallel readers of a snapshot may be ahead of the writer.
pub const SNAPSHOT_BLOCKS: usize = 16;
/// Most readers of a snapshot, and most ranges of one table.
pub const SNAPSHOT_THREADS: i64 = 64;
/// A table is read in ranges of at least so many pages.
pub const SNAPSHOT_RANGE_PAGES: u64 = 128;
/// How often the writer of a parallel snapshot looks around while no rows come.
pub const SNAPSHOT_POLL: Duration = Duration::from_secs(1);
