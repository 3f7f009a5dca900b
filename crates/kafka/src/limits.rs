//! Bounds of this crate.

use std::time::Duration;

/// A batch takes no more rows beyond this size: half of what Kafka's consumers fetch from a partition at once.
pub const BATCH_BYTES: usize = 512 << 10;

/// A batch takes no more rows beyond this size of its records, uncompressed: what a reader has in memory at least. With
/// the largest record that is compressed it stays within one block of an LZ4 frame, so nothing starts from scratch in it.
pub const BATCH_PLAIN_BYTES: usize = 760 << 10;

/// Uncompressed bytes that a read expects of one stored byte when it asks the journal for batches.
pub const READ_EXPANSION: usize = 8;

/// Committed bytes beyond which a frame goes to the journal without being asked.
pub const PENDING_BYTES: usize = 4 << 20;

/// Bytes of an open transaction beyond which it goes to the journal in parts.
pub const OPEN_TRANSACTION_BYTES: usize = 8 << 20;

/// Builders kept with their buffers for the batches of the next frame.
pub const SPARE_BUILDERS: usize = 8;

/// How long a waiting `sync` sleeps before it looks whether the journal has run out of space.
pub const PAUSE_CHECK: Duration = Duration::from_millis(250);

/// Members of a group, and ids given to clients that have not come back with them.
pub const GROUP_MEMBERS_MAX: usize = 2_000;

/// What the members of a group tell and are told, together: subscriptions and assignments. It goes to the leader in one
/// answer, and into one entry of the journal.
pub const GROUP_BYTES_MAX: usize = 4 << 20;
