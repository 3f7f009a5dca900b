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

/// A partition was compacted, or a segment copied without what is dead, into so many bytes.
pub(crate) fn copied(compacted: bool, bytes: u64) {
    let what = if compacted { "compacted" } else { "segment" };
    counter!("tailwater_journal_copies_total", "of" => what).increment(1);
    counter!("tailwater_journal_copied_bytes_total", "of" => what).increment(bytes);
}

/// Whether the journal waits for space.
pub(crate) fn paused(paused: bool) {
    gauge!("tailwater_journal_paused").set(f64::from(u8::from(paused)));
}
