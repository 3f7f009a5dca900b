//! Bounds of this crate.

use std::time::Duration;

/// Longest source position.
pub const POSITION_MAX_BYTES: usize = 256;
/// Longest identity of an era.
pub const IDENTITY_MAX_BYTES: usize = 4 << 10;
/// Longest connector or topic name; Kafka's own bound.
pub const NAME_MAX_BYTES: usize = 249;
/// Longest key of an entry.
pub const KEY_MAX_BYTES: usize = 1 << 10;
/// Largest value of an entry, and largest plan descriptor: each must fit one state frame.
pub const VALUE_MAX_BYTES: usize = 8 << 20;
/// Largest description of a frame (everything but record batches).
pub const META_MAX_BYTES: usize = 16 << 20;
/// Largest sum of record batches in a frame: above any single row that the source lets through.
pub const PAYLOAD_MAX_BYTES: usize = 1 << 30;
/// Partitions of a topic.
pub const PARTITIONS_MAX: u32 = 10_000;
/// Partitions of all topics together: a frame that names them all must stay below [`META_MAX_BYTES`].
pub const PARTITIONS_TOTAL_MAX: usize = 200_000;
/// Settings of a topic, names and values together.
pub const CONFIG_MAX_BYTES: usize = 64 << 10;
/// Batches of a producer that are known again, as in Kafka: no client has more on their way.
pub const PRODUCER_BATCHES: usize = 5;
/// Idle producers are forgotten after a day, Kafka's `producer.id.expiration.ms`.
pub const PRODUCER_IDLE_MS: i64 = 24 * 60 * 60 * 1000;
/// Producers of all partitions together; beyond it those that were idle for longest are forgotten.
pub const PRODUCERS_MAX: usize = 50_000;
/// Open transactions of all partitions together; beyond it none is begun.
pub const OPEN_TRANSACTIONS_MAX: usize = PRODUCERS_MAX / 2;
/// Producer ids drawn with one fsync, as many as a Kafka broker draws from its controller.
pub const PRODUCER_ID_BLOCK: i64 = 1000;
/// Frames written before an fsync is asked for, in bytes; a single larger frame goes alone.
pub const GROUP_MAX_BYTES: usize = 16 << 20;
/// State records gathered into one state frame.
pub const STATE_FRAME_BYTES: usize = 256 << 10;
/// Bytes of a segment between two index entries of one partition.
pub const INDEX_EVERY_BYTES: u64 = 64 << 10;
/// Largest index file that is read; a larger one is rebuilt from frames.
pub const INDEX_MAX_BYTES: u64 = 256 << 20;
/// Indexes of cold segments kept in memory.
pub const INDEX_CACHE_SEGMENTS: usize = 8;
/// What a hot batch costs besides its bytes.
pub const HOT_OVERHEAD_BYTES: usize = 256;
/// Read-ahead when frames are scanned.
pub const SCAN_BUFFER_BYTES: usize = 256 << 10;
/// Read-ahead when a reader looks for batches in a cold segment; large batches are read by themselves. It doubles, up to
/// [`READ_WINDOW_BYTES`], while two thirds of what was read were wanted, so that an answer holds little else in memory.
pub const READ_BUFFER_BYTES: usize = 16 << 10;
/// See [`READ_BUFFER_BYTES`].
pub const READ_WINDOW_BYTES: usize = 256 << 10;
/// What is read behind a large batch: the next frame's header and description, mostly.
pub const READ_BEHIND_BYTES: usize = 512;
/// Index entries that a reader takes at a time.
pub const READ_ENTRIES: usize = 64;
/// Most bytes that one `read` returns, whatever is asked; a single larger batch is returned alone.
pub const READ_MAX_BYTES: usize = 64 << 20;
/// Most bytes that one `read_ready` returns: others wait meanwhile.
pub const READ_READY_BYTES: usize = 4 << 20;
/// Bytes of the disk that records leave free: what may be queued already, as much again, and room to delete and compact.
pub const SPARE_BYTES: u64 = 128 << 20;
/// Pause between attempts while the disk is full: short enough that nobody waits for us once there is room.
pub const DISK_RETRY: Duration = Duration::from_millis(250);
/// A call that waits for the disk looks this often whether there is space at all, and gives up when there is none.
pub const SPACE_PATIENCE: Duration = Duration::from_secs(1);
/// How often retention by time looks.
pub const RETENTION_CHECK: Duration = Duration::from_secs(60);
/// Keys of a partition that one pass of compaction remembers, about 40 bytes each.
pub const COMPACT_KEYS: usize = 450_000;
/// Payload and batches of a frame in a copy.
pub const COPY_FRAME_BYTES: usize = 1 << 20;
/// See [`COPY_FRAME_BYTES`].
pub const COPY_FRAME_BATCHES: usize = 4096;
/// Transactions of a frame among which the one of the next record is looked for.
pub const COPY_TRANSACTIONS_BACK: usize = 64;
/// Bytes read at a time for a copy.
pub const COPY_READ_BYTES: usize = 4 << 20;
/// A segment is not copied for less than this.
pub const COPY_SAVES_BYTES: u64 = 4 << 10;
/// How often topics' retention is looked at: Kafka's `log.retention.check.interval.ms`.
pub const RETENTION_BY_TOPIC: Duration = Duration::from_secs(300);
/// How often the keeper is woken because the size budget is exceeded.
pub const KEEPER_WAKES: Duration = Duration::from_secs(2);
/// New log starts in one frame.
pub const TEND_STARTS: usize = 10_000;
/// How often `verify` looks at a directory that seems damaged: a running journal may have changed it meanwhile.
pub const VERIFY_LOOKS: usize = 4;
/// Smallest segment that a small budget may ask for.
pub const SEGMENT_MIN_BYTES: u64 = 16 << 10;
