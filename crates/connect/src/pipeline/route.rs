//! Transforms that only route: topics get their names as they are opened, records stay as they are.

use std::sync::Arc;

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::RecordWriter;
use tailwater_event::connect::{ConnectRecord, Typed};

use super::chain::Chain;
use super::hand_on::hand_on;

/// A source's writer whose topics have other names.
pub(super) struct RoutingWriter {
    inner: Box<dyn SourceWriter>,
    chain: Chain,
}

impl RoutingWriter {
    pub(super) fn new(inner: Box<dyn SourceWriter>, chain: Chain) -> Self {
        RoutingWriter { inner, chain }
    }
}

/// The topic that records of this one go to.
fn route(chain: &mut Chain, topic: &str) -> Result<Arc<str>, Problem> {
    let record = ConnectRecord {
        topic: topic.into(),
        partition: None,
        offset: None,
        timestamp_ms: None,
        key: Typed::NULL,
        value: Typed::NULL,
        headers: Vec::new(),
    };
    let routed = chain.apply(record).map_err(|refusal| refusal.problem)?;
    Ok(routed.map_or_else(|| topic.into(), |record| record.topic))
}

impl SourceWriter for RoutingWriter {
    hand_on!();

    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        let name = route(&mut self.chain, name)?;
        self.inner.topic(&name)
    }

    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        self.inner.plan(descriptor)
    }

    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter {
        self.inner.records(topic, plan)
    }

    fn records_in(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem> {
        self.inner.records_in(topic, partition, plan)
    }

    fn row_done(&mut self) -> Result<(), Problem> {
        self.inner.row_done()
    }

    fn commit(&mut self, transaction: Transaction, position: &[u8]) -> Result<(), Problem> {
        self.inner.commit(transaction, position)
    }

    fn rollback(&mut self) -> Result<(), Problem> {
        self.inner.rollback()
    }
}
