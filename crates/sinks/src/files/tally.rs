//! What became of the records of one read, counted before it is published.

use metrics::counter;

use super::Skip;
use super::partition::Step;

/// Counts by outcome.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kept: u64,
    skipped: [u64; Skip::ALL.len()],
}

impl Tally {
    /// Counts a record.
    pub(crate) fn note(&mut self, step: &Step) {
        match step {
            Step::Kept => self.kept += 1,
            Step::Skipped(skip) => {
                let counts = Skip::ALL.iter().zip(&mut self.skipped);
                counts.filter(|(reason, _)| *reason == skip).for_each(|(_, count)| *count += 1);
            }
            Step::FileEnds => {}
        }
    }

    /// How many were left out for a reason.
    pub(crate) fn skipped(&self, reason: Skip) -> u64 {
        Skip::ALL.iter().zip(self.skipped).filter(|(skip, _)| **skip == reason).map(|(_, count)| count).sum()
    }

    /// Adds the counts to the process's metrics.
    pub(crate) fn publish(&self, connector: &str) {
        counter!("tailwater_sink_records_total", "connector" => connector.to_owned()).increment(self.kept);
        for (skip, count) in Skip::ALL.iter().zip(self.skipped).filter(|(_, count)| *count > 0) {
            let labels = [("connector", connector.to_owned()), ("reason", skip.reason().to_owned())];
            counter!("tailwater_sink_skipped_total", &labels).increment(count);
        }
    }
}
