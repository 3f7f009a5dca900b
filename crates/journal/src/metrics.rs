//! The figures of the journal, by the names under which they are exported.

use metrics::{counter, gauge, histogram};
use std::time::Duration;

/// A group of frames became durable.
pub(crate) fn synced(frames: u64, bytes: u64, fsync: Duration) {
    counter!("tailwater_journal_frames_total").increment(frames);
    counter!("tailwater_journal_written_bytes_total").increment(bytes);
    histogram!("tailwater_journal_fsync_seconds").record(fsync.as_secs_f64());
}

/// What the directory and the hot tail hold now.
pub(crate) fn holds(segments: usize, bytes: u64, hot_bytes: usize) {
    gauge!("tailwater_journal_segments").set(segments as f64);
    gauge!("tailwater_journal_bytes").set(bytes as f64);
    gauge!("tailwater_journal_hot_tail_bytes").set(hot_bytes as f64);
}

/// Whether the journal waits for space.
pub(crate) fn paused(paused: bool) {
    gauge!("tailwater_journal_paused").set(f64::from(u8::from(paused)));
}
