//! Notifications: what a snapshot does, told on the channels of `notification.enabled.channels` (Debezium 3.6):
//! `sink` is a topic, `log` the program's log.
//!
//! A notification on the sink is a record of the open transaction: it becomes visible in order with the rows around it,
//! once the caller commits.

use tailwater_connector::{Problem, SourceWriter};
use tailwater_event::debezium::{FixedKind, NotificationRecord};

use crate::capture::now_ns;
use crate::fixed_topic::FixedTopic;
use crate::settings::Settings;

/// What is notified about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// Rows that are read before changes are followed; also what the original says of a blocking snapshot.
    InitialSnapshot,
    /// Rows that are read while changes are followed.
    IncrementalSnapshot,
}

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification<'a> {
    /// What it is about.
    pub aggregate: Aggregate,
    /// What happened: `STARTED`, `COMPLETED`, ….
    pub kind: &'a str,
    /// The id of the signal that asked; none gives a random one.
    pub id: Option<&'a str>,
    /// Details besides `connector_name`, by name.
    pub additional_data: &'a [(&'a str, &'a str)],
}

/// The channels of one connector.
#[derive(Default)]
pub(crate) struct Notifier {
    connector: String,
    sink: Option<FixedTopic>,
    log: bool,
}

impl Aggregate {
    fn name(self) -> &'static str {
        match self {
            Aggregate::InitialSnapshot => "Initial Snapshot",
            Aggregate::IncrementalSnapshot => "Incremental Snapshot",
        }
    }
}

impl Notifier {
    /// Opens the channels that are asked for.
    pub fn open(settings: &Settings, writer: &mut dyn SourceWriter) -> Result<Notifier, Problem> {
        let asked = &settings.notifications;
        let open = |topic: &String| FixedTopic::open(writer, topic, FixedKind::Notification, &settings.encode);
        Ok(Notifier {
            connector: settings.encode.prefix.clone(),
            sink: asked.topic.as_ref().map(open).transpose()?,
            log: asked.log,
        })
    }

    /// Whether anybody listens; when not, nothing needs to be prepared.
    pub fn is_on(&self) -> bool {
        self.log || self.sink.is_some()
    }

    /// Tells it. Returns whether a record was written into the open transaction, which the caller has to commit.
    pub fn tell(&mut self, writer: &mut dyn SourceWriter, notification: &Notification<'_>) -> Result<bool, Problem> {
        if !self.is_on() {
            return Ok(false);
        }
        let Notification { aggregate, kind, id, additional_data } = notification;
        let id = id.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        if self.log {
            let details = for_log(additional_data);
            tracing::info!(connector = %self.connector, id, details, "{}: {kind}", aggregate.name());
        }
        let Some(sink) = &mut self.sink else { return Ok(false) };
        let data: Vec<_> =
            [("connector_name", self.connector.as_str())].into_iter().chain(additional_data.iter().copied()).collect();
        let record = NotificationRecord { id: &id, aggregate_type: aggregate.name(), kind, additional_data: &data };
        let now_ms = now_ns().div_euclid(1_000_000);
        sink.write(writer, |plan, records| plan.notification(&record, now_ms, records))?;
        Ok(true)
    }
}

/// Details as the log shows them: without keys, which are values of rows.
fn for_log(additional_data: &[(&str, &str)]) -> String {
    let shown = additional_data.iter().filter(|(name, _)| !matches!(*name, "last_processed_key" | "maximum_key"));
    shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_keys_do_not_reach_the_log() {
        let details = [("data_collections", "public.t"), ("last_processed_key", "4111"), ("maximum_key", "4112")];
        assert_eq!(for_log(&details), "data_collections=public.t");
    }
}
