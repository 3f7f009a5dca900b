//! What follows a record that a transform or a converter refuses (KIP-298).

use metrics::{Counter, counter, describe_counter};
use tailwater_connector::{Config, Problem};

use super::properties::{LOG_ERRORS, TOLERANCE};

/// `errors.tolerance` and what goes with it.
pub(super) struct Tolerance {
    connector: String,
    all: bool,
    log: bool,
    skipped: Counter,
}

impl Tolerance {
    /// From properties that were checked.
    pub(super) fn parse(config: &Config, connector: &str) -> Tolerance {
        const SKIPPED: &str = "tailwater_connector_records_skipped_total";
        describe_counter!(
            SKIPPED,
            "records that a transform or converter refused and that errors.tolerance=all left out"
        );
        Tolerance {
            connector: connector.to_owned(),
            all: config.text(TOLERANCE).trim().eq_ignore_ascii_case("all"),
            log: config.flag(LOG_ERRORS),
            skipped: counter!(SKIPPED, "connector" => connector.to_owned()),
        }
    }

    /// A record of this place was refused by a transform or a converter: it is left out and counted, or the connector ends.
    pub(super) fn refused(&self, place: &str, by: &str, problem: Problem) -> Result<(), Problem> {
        if !self.all {
            let cause = format!("{place}: {by}: {}", problem.cause);
            let remedy = format!(
                "{}{}Or leave such records out: set 'errors.tolerance' to all.",
                problem.remedy,
                if problem.remedy.is_empty() { "" } else { " " }
            );
            return Err(Problem::stop(&problem.code, cause, remedy));
        }
        self.skipped.increment(1);
        if self.log {
            let (connector, code) = (self.connector.as_str(), problem.code.as_str());
            tracing::warn!(connector, place, by, code, cause = problem.cause, "record left out");
        }
        Ok(())
    }
}
