//! What the file-writing sinks share: which topics are read, when a file ends, and how it is written exactly once.
//!
//! A file's range of offsets is durable in the journal as a [`plan::FilePlan`] before its first byte leaves; after the
//! upload the range's end becomes the partition's offset. A start that finds a plan writes that file again, from the
//! same records, over whatever is there: same name, same bytes.

mod compression;
mod contents;
mod delivery;
mod destination;
mod directory;
mod framing;
mod layout;
mod location;
mod output;
mod partition;
mod periods;
mod plan;
mod properties;
mod roll;
mod s3;
mod selection;
mod sink;
mod tally;
mod template;
mod zone;

use bytes::Bytes;
use tailwater_connector::{Problem, Record, TopicReader};

pub(crate) use compression::Compression;
pub(crate) use framing::Framing;
pub(crate) use layout::Layout;
pub(crate) use location::{Location, Names};
pub(crate) use partition::PartitionId;
pub(crate) use periods::PeriodRule;
pub(crate) use properties::{Checked, FILE_PROPERTIES, SELECTION, Settings, merge, settings, zone};
pub(crate) use roll::RollPolicy;
pub(crate) use selection::Selection;
pub(crate) use sink::{Clock, FileSink, system_clock};
pub(crate) use template::Template;
pub(crate) use zone::Zone;

/// Says what lines a record leaves in a file. Equal records give equal lines, whatever came before them.
pub(crate) trait Encoder: Send {
    /// Whether it takes what clients wrote into topics of theirs; that comes as plain JSON, without schemas.
    const OF_CLIENTS: bool;
    /// What is known of a record before its file is.
    type Item;
    /// Reads a record.
    fn decode(&mut self, record: &Record, topics: &dyn TopicReader) -> Result<Decision<Self::Item>, Problem>;
    /// The time that divides a kept record from others; milliseconds since 1970.
    fn time_ms(&self, record: &Record, _: &Self::Item) -> Result<i64, Problem> {
        Ok(record.timestamp_ms)
    }
    /// What stands around lines.
    fn framing(&self) -> Framing {
        Framing::LINES
    }
    /// Its lines in a file that was begun at `loaded_us` (microseconds since 1970).
    fn encode(&self, item: &Self::Item, loaded_us: i64) -> Lines;
}

/// Whether a record belongs into a file.
pub(crate) enum Decision<T> {
    /// It leaves no line.
    Skip(Skip),
    /// It may leave lines, in a file with this first line.
    Keep { header: Option<Bytes>, item: T },
}

/// Why a record left no line; counted by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// A client wrote it among the records of a source, or the sink reads back what sources write.
    Foreign,
    /// Its value is null.
    Tombstone,
    /// A snapshot row, where only changes are wanted.
    Snapshot,
    /// It changed nothing that is followed.
    Unchanged,
    /// It is no change of a row: a heartbeat, a notification, a transaction's boundary, a logical message.
    NoRow,
}

impl Skip {
    /// Every reason.
    pub(crate) const ALL: [Skip; 5] = [Skip::Foreign, Skip::Tombstone, Skip::Snapshot, Skip::Unchanged, Skip::NoRow];

    /// The label in metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Skip::Foreign => "foreign",
            Skip::Tombstone => "tombstone",
            Skip::Snapshot => "snapshot",
            Skip::Unchanged => "unchanged",
            Skip::NoRow => "no_row",
        }
    }
}

/// Whole lines, without the last line's end.
pub(crate) struct Lines {
    pub(crate) bytes: Bytes,
    pub(crate) count: u64,
}
