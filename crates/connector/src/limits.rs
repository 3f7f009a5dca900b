//! Bounds of this crate.

use std::time::Duration;

/// First pause before a retry; doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: Duration = Duration::from_millis(200);
/// Longest pause between retries: short enough that a restarted server is found before anyone looks.
pub const RETRY_MAX: Duration = Duration::from_secs(5);
/// Longest connector name.
pub const NAME_MAX_BYTES: usize = 249;
/// Look-aheads in one regular expression; each is compiled with what stands before it.
pub const LOOK_AHEADS: usize = 20;
/// Signals that may wait for a source.
pub const SIGNALS_WAITING: usize = 1000;
/// How often a wait for records that nothing interrupts looks whether it should stop.
pub const STOP_LOOK: Duration = Duration::from_millis(100);
