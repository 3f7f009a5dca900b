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

/// Longest name of a group: with a topic and a partition it is a key of an entry in the journal.
pub const GROUP_NAME_MAX_BYTES: usize = 700;

/// Groups, those without members included as long as they have offsets.
pub const GROUPS_MAX: usize = 10_000;

/// Longest transactional id: it is part of a key of an entry in the journal.
pub const TRANSACTIONAL_ID_MAX_BYTES: usize = 700;

/// Transactional ids.
pub const TRANSACTIONS_MAX: usize = 50_000;

/// What an open transaction has touched, as the entry that remembers it; with the offsets that it commits it goes into
/// one frame of the journal.
pub const TRANSACTION_BYTES_MAX: usize = 2 << 20;

/// `transaction.max.timeout.ms`, Kafka's default.
pub const TRANSACTION_TIMEOUT_MAX_MS: u64 = 900_000;

/// `transactional.id.expiration.ms`, Kafka's default.
pub const TRANSACTIONAL_ID_RETENTION_MS: u64 = 7 * 86_400_000;

/// `offsets.retention.minutes`, Kafka's default.
pub const OFFSETS_RETENTION_MS: u64 = 7 * 86_400_000;

/// How often offsets and transactional ids are looked at that may have expired.
pub const EXPIRY_CHECK: Duration = Duration::from_secs(600);

/// How often transactions are looked at that may have been open for too long.
pub const TRANSACTION_CHECK: Duration = Duration::from_secs(1);
