//! How long a change takes from the commit in PostgreSQL to a durable, readable record.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tailwater_connector::{Problem, Stop, TopicReader};
use tailwater_postgres::client::Client;

use super::script::PULSE;
use crate::limits::{LATENCY_COMMITS, LATENCY_WAIT};

/// Percentiles over one-row transactions, one after the other.
pub struct Latency {
    /// Half were faster.
    pub p50: Duration,
    /// One in a hundred was slower.
    pub p99: Duration,
    /// How many there were.
    pub commits: u64,
}

/// Commits one-row transactions and times each from the answer to its COMMIT to its record in the topic of
/// [`PULSE`], which the journal shows only once it is fsynced. `Ok(None)` when `stop` was set.
pub fn measure(
    client: &mut Client,
    reader: &dyn TopicReader,
    prefix: &str,
    stop: &Stop,
) -> Result<Option<Latency>, Problem> {
    let topic = format!("{prefix}.{PULSE}");
    let statement = format!("UPDATE {PULSE} SET beat = beat + 1 WHERE id = 1");
    let failed = |cause: String| Problem::environment("DEMO_FAILED", cause, "tailwater demo --keep -v");
    let mut histogram = Histogram::<u64>::new(3).map_err(|error| failed(error.to_string()))?;
    let mut visible = end(reader, &topic);
    for _ in 0..LATENCY_COMMITS {
        client.execute(&statement).map_err(|error| failed(error.to_string()))?;
        let committed = Instant::now();
        let mut seen = 0;
        loop {
            seen = reader.wait(seen, Duration::from_millis(20));
            let now = end(reader, &topic);
            if now > visible {
                visible = now;
                break;
            }
            if stop.is_set() {
                return Ok(None);
            }
            if committed.elapsed() > LATENCY_WAIT {
                return Err(failed("a committed change did not arrive".into()));
            }
        }
        let micros = u64::try_from(committed.elapsed().as_micros()).unwrap_or(u64::MAX);
        histogram.saturating_record(micros);
    }
    let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
    Ok(Some(Latency { p50: at(0.5), p99: at(0.99), commits: histogram.len() }))
}

fn end(reader: &dyn TopicReader, topic: &str) -> i64 {
    let topics = reader.topics();
    let found = topics.iter().find(|t| t.name == topic);
    found.map_or(0, |t| t.partitions.iter().map(|p| p.high_watermark).sum())
}
