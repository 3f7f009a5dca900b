//! Bounds of this crate.

use std::time::Duration;

/// A batch takes no more rows beyond this size: half of what Kafka's consumers fetch from a partition at once.
pub const BATCH_BYTES: usize = 512 << 10;

/// Committed bytes beyond which a frame goes to the journal without being asked.
pub const PENDING_BYTES: usize = 4 << 20;

/// Bytes of an open transaction beyond which it goes to the journal in parts.
pub const OPEN_TRANSACTION_BYTES: usize = 8 << 20;

/// Builders kept with their buffers for the batches of the next frame.
pub const SPARE_BUILDERS: usize = 8;

/// How long a waiting `sync` sleeps before it looks whether the journal has run out of space.
pub const PAUSE_CHECK: Duration = Duration::from_millis(250);
