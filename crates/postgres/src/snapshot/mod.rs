//! Reading the rows that exist: exported snapshots, `COPY`, and where each table is handed over to the stream.

mod export;
mod files;
mod line;
mod parallel;
mod place;
mod read;

pub(crate) use export::{Exported, make_slot, temporary};
pub(crate) use files::Files;
pub(crate) use line::LineReader;
pub(crate) use place::Placed;
pub(crate) use read::{Reading, SELECT_REFUSED, commit, read, relation};
