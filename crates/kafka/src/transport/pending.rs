//! The frame under work: batches of committed transactions, and of the open one behind them.
//!
//! Records of all transactions of a frame share batches, so that a thousand one-row transactions make one batch. Each
//! batch marks where the open transaction starts in it: there it is cut when the transaction is rolled back, or when the
//! committed part must go while the rest is still arriving.

use tailwater_event::RecordWriter;
use tailwater_journal::{BatchIn, PlanId, TopicId, TransactionMeta};
use tailwater_wire::batch::{BuildError, PlanBuilder};

use super::batch::Batch;
use crate::limits::SPARE_BUILDERS;

/// Committed transactions on their way to the journal.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) position: Vec<u8>,
    pub(super) transactions: Vec<TransactionMeta>,
    pub(super) batches: Vec<BatchIn>,
}

/// What was written and not handed over.
#[derive(Default)]
pub(super) struct Pending {
    lanes: Vec<Lane>,
    /// In order of their first records; those of one lane therefore in order of offsets.
    batches: Vec<Batch>,
    /// The batch that `records` returned last.
    current: Option<usize>,
    /// Committed transactions with records.
    transactions: Vec<TransactionMeta>,
    /// Behind the last commit or progress.
    position: Option<Vec<u8>>,
    committed_bytes: usize,
    /// Batches with records of the open transaction.
    touched: Vec<usize>,
    open_bytes: usize,
    /// Records of the open transaction, those in parts included.
    ordinal: u64,
    fault: Option<BuildError>,
    spare: Vec<PlanBuilder>,
}

/// A partition of a topic.
struct Lane {
    topic: TopicId,
    partition: u32,
    /// The batch that takes its records; always its newest.
    latest: Option<usize>,
}

impl Pending {
    /// Adds a partition of a topic; its number counts from 0.
    pub(super) fn add_lane(&mut self, topic: TopicId, partition: u32) -> usize {
        self.lanes.push(Lane { topic, partition, latest: None });
        self.lanes.len() - 1
    }

    /// Records of this lane go to another topic of the same name from now on.
    pub(super) fn replace_topic(&mut self, lane: usize, topic: TopicId) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.topic = topic;
        }
    }

    /// Where the next records of a lane go.
    pub(super) fn records(&mut self, lane: usize, plan: PlanId) -> &mut Batch {
        self.settle();
        let index = match self.lanes[lane].latest {
            Some(index) if self.batches[index].plan() == plan => index,
            _ => {
                let builder = self.spare.pop().unwrap_or_default();
                self.batches.push(Batch::new(lane, plan, builder));
                self.lanes[lane].latest = Some(self.batches.len() - 1);
                self.batches.len() - 1
            }
        };
        let batch = &mut self.batches[index];
        // At most one transaction per record, and the records of a frame are bounded by its bytes.
        if batch.enter(self.transactions.len() as u32, self.ordinal) {
            self.touched.push(index);
        }
        self.current = Some(index);
        batch
    }

    /// The batch whose records are being written.
    pub(super) fn writing(&mut self) -> Option<&mut dyn RecordWriter> {
        self.current.map(|index| &mut self.batches[index] as &mut dyn RecordWriter)
    }

    /// Counts a row's records and closes a batch that is full.
    pub(super) fn row_done(&mut self) -> Result<(), BuildError> {
        self.close_full();
        self.fault.map_or(Ok(()), Err)
    }

    /// Closes the batch that was written last, if it is full.
    pub(super) fn close_full(&mut self) {
        let current = self.current;
        self.settle();
        if let Some(batch) = current.map(|index| &self.batches[index])
            && batch.is_full()
        {
            self.lanes[batch.lane()].latest = None;
        }
    }

    /// Records of the open transaction so far. An error when one of them could not be written: then nothing but a
    /// rollback is possible.
    pub(super) fn open_records(&mut self) -> Result<u64, BuildError> {
        self.settle();
        self.fault.map_or(Ok(self.ordinal), Err)
    }

    /// Ends the open transaction.
    pub(super) fn commit(&mut self, transaction: TransactionMeta, position: &[u8]) {
        self.settle();
        if self.ordinal > 0 {
            self.transactions.push(transaction);
        }
        self.position = Some(position.to_vec());
        self.committed_bytes += self.open_bytes;
        self.close_open();
    }

    /// Forgets the records of the open transaction.
    pub(super) fn rollback(&mut self) {
        self.settle();
        self.touched.iter().for_each(|&index| self.batches[index].cut_open());
        self.close_open();
    }

    /// Sets a position behind everything committed.
    pub(super) fn progress(&mut self, position: &[u8]) {
        self.position = Some(position.to_vec());
    }

    /// Whether a transaction is open.
    pub(super) fn is_open(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Bytes of committed records and of a position without records.
    pub(super) fn committed_bytes(&self) -> usize {
        self.committed_bytes + self.position.as_ref().map_or(0, |position| position.len().max(1))
    }

    /// Bytes of the open transaction's records as of the last `row_done`.
    pub(super) fn open_bytes(&self) -> usize {
        self.open_bytes
    }

    /// Takes all that is committed and leaves the open transaction.
    pub(super) fn take_committed(&mut self) -> Option<Committed> {
        let position = self.position.take()?;
        self.settle();
        let tails = self.split_open();
        let batches = self.finish_batches();
        for (index, tail) in tails.into_iter().enumerate() {
            self.lanes[tail.lane()].latest = Some(index);
            self.touched.push(index);
            self.batches.push(tail);
        }
        self.committed_bytes = 0;
        self.open_bytes = self.batches.iter().map(Batch::len).sum();
        Some(Committed { position, transactions: std::mem::take(&mut self.transactions), batches })
    }

    /// Takes the records of the open transaction, which goes on. Nothing committed may be left.
    pub(super) fn take_open(&mut self) -> Vec<BatchIn> {
        debug_assert!(self.position.is_none(), "committed transactions go before parts of the next");
        self.settle();
        self.touched.clear();
        self.open_bytes = 0;
        self.finish_batches()
    }

    /// Takes the last records of the open transaction, which ends.
    pub(super) fn take_last(&mut self) -> Vec<BatchIn> {
        let batches = self.take_open();
        self.close_open();
        batches
    }

    /// Brings ordinal and sums up to what the batch that was written last says.
    fn settle(&mut self) {
        let Some(index) = self.current.take() else { return };
        let batch = &mut self.batches[index];
        self.ordinal = batch.ordinal();
        self.open_bytes += batch.grown();
        self.fault = batch.take_fault().or(self.fault);
    }

    fn close_open(&mut self) {
        for index in self.touched.drain(..) {
            self.batches[index].leave();
        }
        self.open_bytes = 0;
        self.ordinal = 0;
        self.fault = None;
    }

    /// Cuts the open transaction's records out of all batches into batches of their own.
    fn split_open(&mut self) -> Vec<Batch> {
        let mut tails = Vec::with_capacity(self.touched.len());
        for index in self.touched.drain(..) {
            let builder = self.spare.pop().unwrap_or_default();
            tails.extend(self.batches[index].split_open(builder));
        }
        tails
    }

    fn finish_batches(&mut self) -> Vec<BatchIn> {
        let mut finished = Vec::with_capacity(self.batches.len());
        for mut batch in self.batches.drain(..) {
            let lane = &mut self.lanes[batch.lane()];
            lane.latest = None;
            finished.extend(batch.finish(lane.topic, lane.partition));
            if self.spare.len() < SPARE_BUILDERS {
                self.spare.push(batch.into_builder());
            }
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use bytes::Bytes;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tailwater_event::{FragmentId, Fragments, SlotId};
    use tailwater_wire::batch;

    use super::*;
    use crate::limits::BATCH_BYTES;

    const TOPICS: usize = 3;
    const REPEATS: &str = "{\"what\":\"every record has\",\"value\":";

    static FRAGMENTS: LazyLock<Fragments> = LazyLock::new(|| Fragments::new(vec![REPEATS.into()]));

    #[derive(Clone, Debug)]
    enum Step {
        Row { topic: usize, plan: u32, size: usize },
        Commit,
        Rollback,
        Flush,
        Part,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let size = prop_oneof![20 => 0..200usize, 1 => BATCH_BYTES..BATCH_BYTES + 9];
        let row = (0..TOPICS, 1..3u32, size).prop_map(|(topic, plan, size)| Step::Row { topic, plan, size });
        let others = prop_oneof![Just(Step::Commit), Just(Step::Rollback), Just(Step::Flush), Just(Step::Part)];
        vec(prop_oneof![5 => row, 3 => others], 1..120)
    }

    /// A record as the model keeps it, per topic.
    type Rows = BTreeMap<usize, Vec<(Vec<u8>, u32, u32, u64)>>;

    fn pending() -> Pending {
        let mut pending = Pending::default();
        (0..TOPICS as u32).for_each(|topic| {
            pending.add_lane(TopicId(topic), 0);
        });
        pending
    }

    fn row(pending: &mut Pending, topic: usize, plan: u32, value: &[u8]) {
        let writer = pending.records(topic, PlanId(plan));
        writer.prepare(&FRAGMENTS);
        writer.begin(5);
        writer.value();
        writer.fragment(FragmentId(0));
        writer.literal(SlotId(0), value);
        writer.end();
        pending.row_done().unwrap();
    }

    fn meta(xid: u32) -> TransactionMeta {
        TransactionMeta { xid, ..TransactionMeta::default() }
    }

    /// What a reader would see of some batches whose transactions are these.
    fn read(batches: Vec<BatchIn>, xids: &[u32], into: &mut Rows) {
        for stored in batches {
            let batch = batch::Batch::read(&mut stored.bytes.freeze()).unwrap();
            assert_eq!(stored.encoding == 1, batch.codec() == batch::Codec::Lz4);
            assert_eq!((batch.count, batch.max_timestamp), (stored.records, stored.max_timestamp));
            let mut owners = stored.runs.iter().flat_map(|run| {
                (0..u64::from(run.records)).map(|n| (xids[run.transaction as usize], run.first_ordinal + n))
            });
            for record in batch.records().unwrap() {
                let (xid, ordinal) = owners.next().unwrap();
                let value: Bytes = record.unwrap().value.unwrap();
                let rows = into.entry(stored.topic.0 as usize).or_default();
                rows.push((value.to_vec(), stored.plan.unwrap().0, xid, ordinal));
            }
            assert_eq!(owners.next(), None);
        }
    }

    fn take_committed(pending: &mut Pending, into: &mut Rows) {
        if let Some(committed) = pending.take_committed() {
            let xids: Vec<_> = committed.transactions.iter().map(|t| t.xid).collect();
            read(committed.batches, &xids, into);
        }
        assert_eq!(pending.committed_bytes(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_handed_over_is_what_was_committed_in_order(steps in steps()) {
            let mut pending = pending();
            let (mut expected, mut seen) = (Rows::new(), Rows::new());
            let (mut open, mut open_seen) = (Rows::new(), Rows::new());
            let (mut xid, mut ordinal, mut in_parts) = (1, 0, false);
            let append = |to: &mut Rows, from: &mut Rows| {
                std::mem::take(from).into_iter().for_each(|(topic, rows)| to.entry(topic).or_default().extend(rows));
            };
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Row { topic, plan, size } => {
                        let value = number.to_string().repeat(size / 2 + 1);
                        row(&mut pending, topic, plan, value.as_bytes());
                        let rows = open.entry(topic).or_default();
                        rows.push((format!("{REPEATS}{value}").into_bytes(), plan, xid, ordinal));
                        ordinal += 1;
                    }
                    Step::Part => {
                        take_committed(&mut pending, &mut seen);
                        read(pending.take_open(), &[xid], &mut open_seen);
                        in_parts = true;
                    }
                    Step::Commit => {
                        prop_assert_eq!(pending.open_records().unwrap(), ordinal);
                        if in_parts {
                            read(pending.take_last(), &[xid], &mut open_seen);
                            append(&mut seen, &mut open_seen);
                        } else {
                            pending.commit(meta(xid), b"p");
                        }
                        append(&mut expected, &mut open);
                        (xid, ordinal, in_parts) = (xid + 1, 0, false);
                    }
                    Step::Rollback => {
                        pending.rollback();
                        open.clear();
                        open_seen.clear();
                        (xid, ordinal, in_parts) = (xid + 1, 0, false);
                    }
                    Step::Flush => take_committed(&mut pending, &mut seen),
                }
            }
            take_committed(&mut pending, &mut seen);
            prop_assert_eq!(seen, expected);
            pending.rollback();
            prop_assert_eq!(pending.open_bytes(), 0);
        }
    }

    #[test]
    fn many_small_transactions_make_one_batch_per_topic() {
        let mut pending = pending();
        for xid in 0..1_000 {
            row(&mut pending, (xid % 2) as usize, 1, b"x");
            pending.commit(meta(xid), &xid.to_be_bytes());
        }
        let committed = pending.take_committed().unwrap();
        assert_eq!(committed.position, 999u32.to_be_bytes());
        assert_eq!(committed.transactions.len(), 1_000);
        let batches: Vec<_> = committed.batches.iter().map(|batch| (batch.records, batch.encoding)).collect();
        assert_eq!(batches, [(500, 1), (500, 1)]);
        assert!(committed.batches.iter().all(|batch| batch.bytes.len() < 500 * (REPEATS.len() - 10)));
    }

    #[test]
    fn a_transaction_without_records_moves_the_position_only() {
        let mut pending = pending();
        pending.commit(meta(1), b"here");
        let committed = pending.take_committed().unwrap();
        assert_eq!(committed.position, b"here");
        assert!(committed.transactions.is_empty() && committed.batches.is_empty());
        assert!(pending.take_committed().is_none());
    }

    #[test]
    fn a_record_that_could_not_be_written_lets_only_a_rollback_through() {
        let mut pending = pending();
        let writer = pending.records(0, PlanId(1));
        writer.begin(1);
        writer.literal(SlotId(0), b"outside of key and value");
        writer.end();
        assert_eq!(pending.row_done(), Err(BuildError::Order));
        assert_eq!(pending.open_records(), Err(BuildError::Order));
        pending.rollback();
        assert_eq!(pending.open_records(), Ok(0));
    }
}
