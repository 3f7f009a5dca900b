//! The three steps of delivery: the plan is durable, the file is durable, the offset is durable.

use std::sync::Arc;

use bytes::Bytes;
use metrics::counter;
use tailwater_connector::{Problem, Transport};

use super::compression::Compression;
use super::destination::Destination;
use super::layout::Layout;
use super::partition::Partition;
use super::plan::{FilePlan, offset_entry, plan_entry};

/// The delivering end of a sink.
pub(crate) struct Output {
    pub(crate) connector: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) destination: Destination,
    pub(crate) layout: Layout,
    pub(crate) compression: Compression,
}

impl Output {
    /// Delivers what some partitions have gathered; their files share the two waits for the journal. Records that left
    /// no line are marked as delivered, too. After an error the entries alone say what was done.
    pub(crate) fn deliver(&mut self, partitions: &mut [&mut Partition]) -> Result<(), Problem> {
        let mut plans = Vec::new();
        for partition in partitions.iter() {
            if let Some(plan) = partition.plan(&self.layout, self.compression) {
                self.destination.takes(&plan.key)?;
                plans.push((plan_entry(&partition.id), json(&plan)?));
            }
        }
        put_entries(&*self.transport, &self.connector, &plans)?;
        for partition in partitions.iter_mut() {
            if let Some(plan) = partition.plan(&self.layout, self.compression) {
                self.upload(&plan, partition)?;
            }
        }
        self.commit(partitions)
    }

    /// Writes the file of a plan that is durable already; the partition has gathered exactly the plan's range.
    pub(crate) fn deliver_again(&mut self, plan: &FilePlan, partition: &mut Partition) -> Result<(), Problem> {
        self.destination.remove_staging(plan)?;
        self.upload(plan, partition)?;
        self.commit(&mut [partition])
    }

    /// Notes where new partitions begin, so that a later gap is noticed.
    pub(crate) fn note_start(&self, partitions: &[Partition]) -> Result<(), Problem> {
        let offset = |p: &Partition| (offset_entry(&p.id), p.delivered.to_string().into_bytes());
        put_entries(&*self.transport, &self.connector, &partitions.iter().map(offset).collect::<Vec<_>>())
    }

    /// Tells retention where a partition stands.
    pub(crate) fn protect(&self, partition: &Partition) {
        let id = &partition.id;
        self.transport.still_needs(&self.connector, &id.topic, id.partition, partition.delivered);
    }

    fn upload(&mut self, plan: &FilePlan, partition: &mut Partition) -> Result<(), Problem> {
        let pieces = self.compression.of_plan(plan.gzip).apply(partition.take_contents())?;
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        let Output { connector, transport, destination, .. } = self;
        // Known before its first part is there, so that whoever finds the plan can remove the parts.
        let mut begun = |upload: String| {
            let plan = FilePlan { upload: Some(upload), ..plan.clone() };
            put_entries(&**transport, connector, &[(plan_entry(&partition.id), json(&plan)?)])
        };
        destination.put(&plan.key, pieces, &mut begun)?;
        tracing::debug!(connector, key = plan.key, bytes, "file written");
        counter!("tailwater_sink_files_total", "connector" => connector.clone()).increment(1);
        counter!("tailwater_sink_bytes_total", "connector" => connector.clone()).increment(bytes as u64);
        Ok(())
    }

    fn commit(&mut self, partitions: &mut [&mut Partition]) -> Result<(), Problem> {
        let mut entries = Vec::new();
        for partition in partitions.iter() {
            entries.push((offset_entry(&partition.id), partition.next.to_string().into_bytes()));
            entries.push((plan_entry(&partition.id), Vec::new()));
        }
        put_entries(&*self.transport, &self.connector, &entries)?;
        for partition in partitions.iter_mut() {
            partition.mark_delivered();
            self.protect(partition);
        }
        Ok(())
    }
}

fn put_entries(transport: &dyn Transport, connector: &str, entries: &[(String, Vec<u8>)]) -> Result<(), Problem> {
    if entries.is_empty() {
        return Ok(());
    }
    let borrowed: Vec<_> = entries.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    transport.put_entries(connector, &borrowed)
}

fn json(plan: &FilePlan) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(plan)
        .map_err(|e| Problem::internal("SINK_PLAN_UNWRITABLE", format!("a plan cannot be written: {e}")))
}
