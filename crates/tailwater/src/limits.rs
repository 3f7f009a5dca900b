//! Bounds of the binary.

use std::time::Duration;

/// Longest request line on the control socket.
pub const CONTROL_REQUEST_BYTES: u64 = 64 * 1024;
/// Longest reply line on the control socket: heads of the records of one read.
pub const CONTROL_REPLY_BYTES: u64 = 64 * 1024 * 1024;
/// Most bytes of one key, value or header on the control socket.
pub const CONTROL_BLOB_BYTES: u32 = 1 << 30;
/// Most clients of the control socket at one time.
pub const CONTROL_CLIENTS: usize = 64;
/// How long a client of the control socket may go on reading after the server was asked to end.
pub const CONTROL_GRACE: Duration = Duration::from_millis(800);
/// How often a waiting request looks whether the server should end.
pub const CONTROL_WAIT_SLICE: Duration = Duration::from_millis(100);
/// Longest wait one request may ask for.
pub const CONTROL_WAIT_MAX: Duration = Duration::from_secs(30);

/// How much one read of a partition brings.
pub const READ_BYTES: usize = 1024 * 1024;
/// How long a follower waits for news before it looks whether it should end.
pub const FOLLOW_WAIT: Duration = Duration::from_millis(250);
/// How long to wait for a data directory that is locked but not answering: a server that starts or ends.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How often the connectors directory is looked at.
pub const SCAN_EVERY: Duration = Duration::from_secs(1);
/// How often progress is printed where there is no terminal.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Longest text of one value in a `tail` line, in characters.
pub const TAIL_VALUE_CHARS: usize = 60;
/// Largest settings file.
pub const SETTINGS_BYTES: u64 = 1024 * 1024;
/// How long connectors may take to drain: with the graces above this stays below the 5 s of design §11.
pub const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Most progress bars at one time; further tables are only counted.
pub const PROGRESS_BARS: usize = 10;
/// How often a capture in the foreground looks at its connectors.
pub const WATCH_EVERY: Duration = Duration::from_millis(50);

/// How long the demo's PostgreSQL may take to start.
pub const POSTGRES_START: Duration = Duration::from_secs(30);
/// How often a start is tried again because somebody else took the port.
pub const POSTGRES_ATTEMPTS: u32 = 5;
/// How long the demo waits for what it expects.
pub const DEMO_WAIT: Duration = Duration::from_secs(20);
/// Commits of the demo's latency measurement.
pub const LATENCY_COMMITS: u32 = 200;
/// How long one of them may take.
pub const LATENCY_WAIT: Duration = Duration::from_secs(5);
/// Most entries of the demo's tree of files.
pub const TREE_ENTRIES: usize = 60;
/// Most lines of one file that the demo shows.
pub const DEMO_FILE_LINES: usize = 30;
/// Most loggers that have a level of their own.
pub const LOGGERS: usize = 1000;
/// Log lines that are kept of a connector.
pub const LOG_LINES: usize = 500;
/// Their bytes: 1,000 connectors that never stop complaining take 64 MB.
pub const LOG_BYTES: usize = 64 << 10;
/// Longest text of one of them, all its fields together.
pub const LOG_LINE_BYTES: usize = 4 << 10;
/// Connectors of which lines are kept, those that have ended among them; who was silent for longest goes first.
pub const LOG_CONNECTORS: usize = 1000;
/// How often `connectors logs --follow` asks for more.
pub const LOG_POLL: Duration = Duration::from_millis(500);
/// Longest body of a signal.
pub const SIGNAL_BYTES: usize = 64 << 10;
/// Longest password.
pub const PASSWORD_BYTES: u64 = 1024;
/// Files that stay free for the journal, connectors and other faces, whatever Kafka's clients take.
pub const RESERVED_FILES: usize = 512;
/// Longest line that `produce` takes.
pub const PRODUCE_LINE_BYTES: u64 = 64 << 20;
/// Bytes of lines that `produce` sends together.
pub const PRODUCE_BATCH_BYTES: usize = 256 << 10;
/// How long a connection to Connect's REST may take.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long Connect's REST may take to answer: a preflight waits for a database.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Largest answer of Connect's REST that is read.
pub const ANSWER_BYTES: u64 = 64 << 20;
