//! `/metrics` in Prometheus' text form.
//!
//! What the connectors count comes through the `metrics` facade. What is a state, not a count, is read when somebody
//! asks. Names follow Debezium's agent rules (`debezium_metrics_*`, labels `plugin`, `name`, `context`), Kafka's and
//! Prometheus' own; labels are bounded by the number of connectors.

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tailwater_connect::Supervisor;
use tailwater_connector::{ConnectorState, Status, TopicReader};

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder; once per process.
    pub fn install() -> Result<Metrics, BuildError> {
        PrometheusBuilder::new().install_recorder().map(Metrics)
    }

    /// The page.
    pub fn render(&self, supervisor: &Supervisor, reader: &dyn TopicReader) -> String {
        tailwater_connect::metrics::record(supervisor);
        let statuses = supervisor.statuses();
        statuses.iter().filter(|(name, _)| supervisor.is_source(name)).for_each(|(name, status)| source(name, status));
        topics(reader);
        process();
        self.0.run_upkeep();
        self.0.render()
    }
}

fn source(name: &str, status: &Status) {
    let set = |metric: &'static str, context: &'static str, value: f64| {
        gauge!(metric, "plugin" => "postgres", "name" => name.to_owned(), "context" => context).set(value);
    };
    let running = status.state == ConnectorState::Snapshot;
    let following = status.state == ConnectorState::Streaming;
    let done = status.tables.values().filter(|t| t.done).count();
    let rows: u64 = status.tables.values().map(|t| t.rows).sum();
    set("debezium_metrics_Connected", "streaming", f64::from(u8::from(following)));
    set("debezium_metrics_SnapshotRunning", "snapshot", f64::from(u8::from(running)));
    let complete = done == status.tables.len() && (following || status.state == ConnectorState::Done);
    set("debezium_metrics_SnapshotCompleted", "snapshot", f64::from(u8::from(complete)));
    set("debezium_metrics_TotalTableCount", "snapshot", status.tables.len() as f64);
    set("debezium_metrics_RemainingTableCount", "snapshot", (status.tables.len() - done) as f64);
    set("debezium_metrics_RowsScanned", "snapshot", rows as f64);
}

fn topics(reader: &dyn TopicReader) {
    describe_gauge!("tailwater_topics", "topics of the data directory");
    describe_gauge!("tailwater_topic_bytes", "bytes of record batches kept, all topics together");
    describe_gauge!("tailwater_topic_records", "records ever written, all topics together");
    let topics = reader.topics();
    let partitions = || topics.iter().flat_map(|t| &t.partitions);
    gauge!("tailwater_topics").set(topics.len() as f64);
    gauge!("tailwater_topic_bytes").set(partitions().map(|p| p.bytes as f64).sum::<f64>());
    gauge!("tailwater_topic_records").set(partitions().map(|p| p.high_watermark as f64).sum::<f64>());
}

fn process() {
    describe_gauge!("process_resident_memory_bytes", "memory of this process");
    if let Some(bytes) = memory("VmRSS") {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
}

/// A line of `/proc/self/status` in bytes: `VmRSS` (now) or `VmHWM` (the most there was).
pub fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
