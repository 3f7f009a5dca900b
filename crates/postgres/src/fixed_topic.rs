//! A topic of records that have one fixed schema: transaction boundaries, heartbeats, notifications, messages.

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, SourceWriter};
use tailwater_event::RecordWriter;
use tailwater_event::debezium::{EncodeOptions, FixedKind, FixedPlan};

/// An open topic with its plan.
pub(crate) struct FixedTopic {
    plan: FixedPlan,
    plan_id: PlanId,
    topic: TopicHandle,
}

impl FixedTopic {
    /// Opens the topic, making it when it is not there.
    pub fn open(
        writer: &mut dyn SourceWriter,
        name: &str,
        kind: FixedKind,
        options: &EncodeOptions,
    ) -> Result<FixedTopic, Problem> {
        let plan = FixedPlan::compile(kind, options);
        Ok(FixedTopic { plan_id: writer.plan(&plan.descriptor())?, topic: writer.topic(name)?, plan })
    }

    /// Writes one record into the open transaction.
    pub fn write(
        &mut self,
        writer: &mut dyn SourceWriter,
        write: impl FnOnce(&mut FixedPlan, &mut dyn RecordWriter),
    ) -> Result<(), Problem> {
        let records = writer.records(self.topic, self.plan_id);
        records.prepare(self.plan.fragments());
        write(&mut self.plan, records);
        writer.row_done()
    }
}
