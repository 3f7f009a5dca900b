//! What follows a record that a transform or a converter refuses (KIP-298).

use std::fmt;

use metrics::{Counter, counter, describe_counter};
use tailwater_connector::{Config, Problem};

use super::chain::Refusal;
use super::properties::{LOG_ERRORS, LOG_MESSAGES, TOLERANCE};

/// `errors.tolerance` and what goes with it.
pub(super) struct Tolerance {
    connector: String,
    all: bool,
    log: bool,
    /// Whether the log says when the record is of.
    messages: bool,
    skipped: Counter,
}

/// Where a record is.
pub(super) struct Place<'a> {
    pub(super) topic: &'a str,
    /// Partition and offset, where it has them.
    pub(super) at: Option<(i32, i64)>,
    pub(super) timestamp_ms: i64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic '{}'", self.topic)?;
        self.at.map_or(Ok(()), |(partition, offset)| write!(f, " partition {partition} offset {offset}"))
    }
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
            messages: config.flag(LOG_MESSAGES),
            skipped: counter!(SKIPPED, "connector" => connector.to_owned()),
        }
    }

    /// A transform or a converter refused the record of this place: it is left out and counted, or the connector ends.
    pub(super) fn refused(&self, place: &Place<'_>, refusal: Refusal) -> Result<(), Problem> {
        let Refusal { stage, class, by, problem } = refusal;
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
            let (connector, code, cause) = (self.connector.as_str(), problem.code.as_str(), problem.cause.as_str());
            let timestamp_ms = self.messages.then_some(place.timestamp_ms);
            tracing::warn!(connector, %place, timestamp_ms, stage, class, by, code, cause, "record left out");
        }
        Ok(())
    }
}
