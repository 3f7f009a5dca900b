//! One batch of the pending frame: what an encode plan writes its records into.

use tailwater_event::{FragmentId, Fragments, Passage, PassagePiece, RecordWriter, SlotId};
use tailwater_journal::{BatchIn, PlanId, Run, TopicId};
use tailwater_wire::batch::{self, BuildError, PlanBuilder, PlanMark};

use crate::limits::{BATCH_BYTES, BATCH_PLAIN_BYTES};

/// Storage encodings of the journal's batches: a record batch as it is.
const PLAIN: u8 = 0;
/// A record batch compressed with LZ4 from its encode plan.
const PLAN_LZ4: u8 = 1;

/// A batch that grows; the [`RecordWriter`] of the plan whose records it takes.
pub(super) struct Batch {
    /// Its lane in the pending frame.
    lane: usize,
    plan: PlanId,
    builder: PlanBuilder,
    runs: Vec<Run>,
    /// Where the open transaction starts in builder and runs.
    open_from: Option<(PlanMark, usize)>,
    /// Index of the open transaction in its frame.
    transaction: u32,
    /// Ordinal of the next record in it.
    ordinal: u64,
    /// Length when `grown` was asked last.
    counted: usize,
    fault: Option<BuildError>,
}

impl Batch {
    pub(super) fn new(lane: usize, plan: PlanId, builder: PlanBuilder) -> Self {
        Batch {
            lane,
            plan,
            builder,
            runs: Vec::new(),
            open_from: None,
            transaction: 0,
            ordinal: 0,
            counted: 0,
            fault: None,
        }
    }

    pub(super) fn lane(&self) -> usize {
        self.lane
    }

    pub(super) fn plan(&self) -> PlanId {
        self.plan
    }

    /// Bytes so far, as they are stored.
    pub(super) fn len(&self) -> usize {
        self.builder.len()
    }

    /// Whether it takes no more rows.
    pub(super) fn is_full(&self) -> bool {
        self.builder.len() >= BATCH_BYTES || self.builder.plain_len() >= BATCH_PLAIN_BYTES
    }

    /// The records that follow are the open transaction's, from this ordinal on. Says whether they are its first here.
    pub(super) fn enter(&mut self, transaction: u32, ordinal: u64) -> bool {
        self.ordinal = ordinal;
        if self.open_from.is_some() {
            return false;
        }
        self.open_from = Some((self.builder.mark(), self.runs.len()));
        self.transaction = transaction;
        true
    }

    /// The open transaction has ended.
    pub(super) fn leave(&mut self) {
        self.open_from = None;
    }

    /// Forgets the records of the open transaction.
    pub(super) fn cut_open(&mut self) {
        if let Some((mark, runs)) = self.open_from {
            self.builder.truncate(mark);
            self.runs.truncate(runs);
            self.counted = self.builder.len();
        }
    }

    /// Moves the records of the open transaction into a batch of their own, where it is the frame's first.
    pub(super) fn split_open(&mut self, builder: PlanBuilder) -> Option<Batch> {
        let (mark, runs) = self.open_from.take()?;
        let mut tail = Batch::new(self.lane, self.plan, builder);
        tail.enter(0, self.ordinal);
        self.builder.split_off(mark, &mut tail.builder);
        tail.runs = self.runs.split_off(runs);
        tail.runs.iter_mut().for_each(|run| run.transaction = 0);
        tail.counted = tail.builder.len();
        Some(tail)
    }

    /// The finished batch, unless it has no records.
    pub(super) fn finish(&mut self, topic: TopicId, partition: u32) -> Option<BatchIn> {
        let done = self.builder.finish()?;
        Some(BatchIn {
            topic,
            partition,
            bytes: done.bytes,
            records: done.records,
            max_timestamp: done.max_timestamp,
            plan: Some(self.plan),
            runs: std::mem::take(&mut self.runs),
            encoding: if done.compressed { PLAN_LZ4 } else { PLAIN },
        })
    }

    /// The builder, to be used again after `finish`.
    pub(super) fn into_builder(self) -> PlanBuilder {
        self.builder
    }

    /// Ordinal of the open transaction's next record.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Bytes added since this was asked last.
    pub(super) fn grown(&mut self) -> usize {
        let before = std::mem::replace(&mut self.counted, self.builder.len());
        self.counted.saturating_sub(before)
    }

    /// The last error of `end`, which has no way to return it.
    pub(super) fn take_fault(&mut self) -> Option<BuildError> {
        self.fault.take()
    }

    /// Adds a record to the run of the open transaction; other lanes' records between them start another.
    fn count(&mut self) {
        let (transaction, ordinal) = (self.transaction, self.ordinal);
        self.ordinal += 1;
        if let Some(run) = self.runs.last_mut()
            && run.transaction == transaction
            && run.first_ordinal + u64::from(run.records) == ordinal
        {
            run.records += 1;
        } else {
            self.runs.push(Run { transaction, first_ordinal: ordinal, records: 1 });
        }
    }
}

impl RecordWriter for Batch {
    #[inline]
    fn prepare(&mut self, fragments: &Fragments) {
        self.builder.prepare(fragments.shared());
    }

    #[inline]
    fn begin(&mut self, timestamp_ms: i64) {
        self.builder.begin(timestamp_ms);
    }

    #[inline]
    fn key(&mut self) {
        self.builder.key();
    }

    #[inline]
    fn value(&mut self) {
        self.builder.value();
    }

    #[inline]
    fn header(&mut self, name: &str) {
        self.builder.header(name);
    }

    #[inline]
    fn null_header(&mut self, name: &str) {
        self.builder.null_header(name);
    }

    #[inline]
    fn fragment(&mut self, id: FragmentId) {
        self.builder.fragment(id.0);
    }

    #[inline]
    fn literal(&mut self, slot: SlotId, bytes: &[u8]) {
        self.builder.literal(slot.0, bytes);
    }

    #[inline]
    fn passage(&mut self, passage: &Passage) {
        self.builder.passage(passage.id(), passage.bytes(), || {
            passage.pieces().iter().map(|piece| match *piece {
                PassagePiece::Fragment(FragmentId(id), length) => (batch::Piece::Fragment(id), length),
                PassagePiece::Literal(SlotId(slot), length) => (batch::Piece::Literal(slot), length),
            })
        });
    }

    #[inline]
    fn end(&mut self) {
        match self.builder.end() {
            Ok(()) => self.count(),
            Err(fault) => self.fault = Some(fault),
        }
    }
}
