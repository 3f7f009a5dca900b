//! `table.fields.additional.placement`: further columns of an event.

use std::sync::Arc;

use tailwater_connector::Problem;

use crate::transform::invalid;

/// The option.
pub(super) const OPTION: &str = "table.fields.additional.placement";

/// Where a column goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Header,
    /// A field beside the payload.
    Envelope,
    /// The number of the partition.
    Partition,
}

/// One column.
#[derive(Debug, PartialEq)]
pub(super) struct Placement {
    pub(super) column: String,
    pub(super) place: Place,
    pub(super) alias: Arc<str>,
}

/// `column:place` or `column:place:alias`, each.
pub(super) fn parse(list: &[String]) -> (Vec<Placement>, Vec<Problem>) {
    let (mut placements, mut problems) = (Vec::new(), Vec::new());
    for entry in list {
        match one(entry) {
            Some(placement) => placements.push(placement),
            None => problems.push(invalid(
                OPTION,
                format!(
                    "'{entry}' is not column:header, column:envelope or column:partition, each with :alias or without"
                ),
                "Write it as in type:header:eventType,tenant:envelope,shard:partition",
            )),
        }
    }
    (placements, problems)
}

fn one(entry: &str) -> Option<Placement> {
    let mut parts = entry.split(':').map(str::trim);
    let column = parts.next().filter(|name| !name.is_empty())?;
    let place = match parts.next()?.to_ascii_lowercase().as_str() {
        "header" => Place::Header,
        "envelope" => Place::Envelope,
        "partition" => Place::Partition,
        _ => return None,
    };
    let alias = parts.next().unwrap_or(column);
    if alias.is_empty() || parts.next().is_some() {
        return None;
    }
    Some(Placement { column: column.to_owned(), place, alias: alias.into() })
}
