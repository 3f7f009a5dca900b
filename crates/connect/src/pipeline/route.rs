//! Transforms that only route: topics get their names as they are opened, records stay as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tailwater_connector::transport::{TopicHandle, TopicRules};
use tailwater_connector::{Durable, PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::RecordWriter;
use tailwater_event::connect::{ConnectRecord, Typed};

use super::chain::Chain;

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
    fn make_topics_by(&mut self, rules: TopicRules) {
        self.inner.make_topics_by(rules);
    }

    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        let name = route(&mut self.chain, name)?;
        self.inner.topic(&name)
    }

    fn durable(&mut self) -> Result<Durable, Problem> {
        self.inner.durable()
    }

    fn entries(&self) -> BTreeMap<String, Bytes> {
        self.inner.entries()
    }

    fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        self.inner.put_entries(entries)
    }

    fn begin_era(&mut self, identity: &[u8]) -> Result<u32, Problem> {
        self.inner.begin_era(identity)
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

    fn progress(&mut self, position: &[u8]) -> Result<(), Problem> {
        self.inner.progress(position)
    }

    fn pending_bytes(&self) -> usize {
        self.inner.pending_bytes()
    }

    fn idle(&self) -> bool {
        self.inner.idle()
    }

    fn flush(&mut self) -> Result<(), Problem> {
        self.inner.flush()
    }

    fn sync(&mut self) -> Result<(), Problem> {
        self.inner.sync()
    }
}
