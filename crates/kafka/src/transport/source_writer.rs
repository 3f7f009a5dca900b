//! The writing end of a source over the journal.
//!
//! Committed transactions gather in one pending frame until they are flushed or too many. A transaction that outgrows
//! memory goes ahead in parts, which stay invisible until its commit; everything committed before it goes first, so the
//! order of frames is the order of commits.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use tailwater_connector::transport::{NewTopic, TopicHandle, TopicRules};
use tailwater_connector::{Durable, PlanId, Problem, SourceWriter, Transaction};
use tailwater_event::RecordWriter;
use tailwater_journal::{self as journal, Body, ConnectorId, Journal, JournalError, Sequence, TopicId};
use tailwater_wire::batch::BuildError;

use super::embedded::{self, Lease};
use super::identity::Attempt;
use super::lanes::Lanes;
use super::problem::journal_problem;
use crate::limits::{OPEN_TRANSACTION_BYTES, PENDING_BYTES};

/// A source's frames, in order.
pub(super) struct EmbeddedWriter {
    lease: Lease,
    id: ConnectorId,
    era: u32,
    topics: HashMap<String, TopicHandle>,
    /// How topics are made.
    rules: Option<TopicRules>,
    lanes: Lanes,
    /// How often topics had grown when their partitions were looked up.
    growths: u64,
    attempt: Attempt,
    /// The open transaction's number, once it goes to disk in parts.
    part_of: Option<u64>,
    /// What each frame with a position makes durable, in order of frames.
    in_flight: VecDeque<(Sequence, Durable)>,
    /// The last frame handed over.
    last: Sequence,
    durable: Durable,
    /// Whoever asks what is durable is about to read the database again from there.
    restarting: bool,
}

impl EmbeddedWriter {
    pub(super) fn open(lease: Lease) -> Result<Self, Problem> {
        let id = lease.shared.journal.connector(&lease.connector).map_err(journal_problem)?;
        let last = lease.last();
        Ok(EmbeddedWriter {
            era: lease.shared.journal.source(id).era,
            growths: lease.shared.journal.growths(),
            lease,
            id,
            topics: HashMap::new(),
            rules: None,
            lanes: Lanes::default(),
            attempt: Attempt::default(),
            part_of: None,
            in_flight: VecDeque::new(),
            last,
            durable: Durable::default(),
            restarting: true,
        })
    }

    fn journal(&self) -> &Journal {
        &self.lease.shared.journal
    }

    /// Takes era and position from the journal, when nothing is on its way any more.
    fn load(&mut self) {
        let state = self.journal().source(self.id);
        self.era = state.era;
        self.durable = Durable { era: state.era, position: state.position };
        self.in_flight.clear();
        self.restarting = false;
    }

    /// Hands a frame over; `position` is what it makes durable. May wait for the disk.
    fn append(&mut self, body: Body, position: Option<Vec<u8>>) -> Result<(), Problem> {
        self.settle()?;
        let sequence = match self.journal().append(self.id, self.era, body) {
            Err(JournalError::TopicUnknown { .. }) => return Err(self.make_topics_again()),
            appended => appended.map_err(journal_problem)?,
        };
        self.last = sequence;
        self.lease.handed_over(sequence);
        if let Some(position) = position {
            self.in_flight.push_back((sequence, Durable { era: self.era, position }));
        }
        Ok(())
    }

    /// A client has deleted a topic: it is made again, and what did not get into it is read again.
    fn make_topics_again(&mut self) -> Problem {
        self.lanes.pending.rollback();
        self.restarting = true;
        for (name, handle) in &self.topics {
            match make_topic(&self.lease, self.rules.as_ref(), name) {
                Ok((id, partitions)) => self.lanes.set_topic(handle.0 as usize, id, partitions),
                Err(problem) => return problem,
            }
        }
        Problem::retry(
            "TOPIC_DELETED",
            format!("A topic of the connector '{}' was deleted by a client", self.lease.connector),
            "Nothing: it is made again for the changes that follow. For the rows that are there, take a snapshot.",
        )
    }

    /// Looks up partitions that clients have added to topics.
    fn look_at_growth(&mut self) {
        let growths = self.journal().growths();
        if growths == self.growths {
            return;
        }
        self.growths = growths;
        for (name, handle) in &self.topics {
            if let Some(topic) = self.lease.shared.journal.topic(name) {
                self.lanes.grow_topic(handle.0 as usize, topic.id, topic.partitions);
            }
        }
    }

    /// Moves what has become durable out of the queue.
    fn settle(&mut self) -> Result<(), Problem> {
        let reached = self.journal().durable().map_err(journal_problem)?;
        while let Some((_, durable)) = self.in_flight.pop_front_if(|(sequence, _)| *sequence <= reached) {
            self.durable = durable;
        }
        Ok(())
    }

    /// Hands over the open transaction as it is so far, and what was committed before it.
    fn ship_part(&mut self) -> Result<(), Problem> {
        self.flush()?;
        let part_of = match self.part_of {
            Some(part_of) => part_of,
            None => {
                let part_of = self.lease.big_transaction();
                tracing::debug!(connector = %self.lease.connector, part_of, "a large transaction goes to disk in parts");
                *self.part_of.insert(part_of)
            }
        };
        let batches = self.lanes.pending.take_open();
        self.append(Body::Part { part_of, batches }, None)
    }

    fn inside_transaction(&self) -> bool {
        self.part_of.is_some() || self.lanes.pending.is_open()
    }
}

impl SourceWriter for EmbeddedWriter {
    fn durable(&mut self) -> Result<Durable, Problem> {
        if self.restarting {
            // A frame that is still on its way would be written again by a source that starts before it.
            self.flush()?;
            embedded::wait_durable(self.journal(), self.last)?;
            self.load();
        }
        self.settle()?;
        match self.journal().paused() {
            Some(paused) => Err(journal_problem(paused)),
            None => Ok(self.durable.clone()),
        }
    }

    fn entries(&self) -> BTreeMap<String, Bytes> {
        self.journal().entries(self.id)
    }

    fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), Problem> {
        self.flush()?;
        embedded::put_entries(self.journal(), self.id, self.era, entries)
    }

    fn begin_era(&mut self, identity: &[u8]) -> Result<u32, Problem> {
        self.rollback()?;
        self.flush()?;
        self.journal().begin_era(self.id, identity).map_err(journal_problem)?;
        self.load();
        Ok(self.era)
    }

    fn make_topics_by(&mut self, rules: TopicRules) {
        self.rules = Some(rules);
    }

    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        if let Some(handle) = self.topics.get(name) {
            return Ok(*handle);
        }
        let (id, partitions) = make_topic(&self.lease, self.rules.as_ref(), name)?;
        // Topics are as many as tables.
        let handle = TopicHandle(self.topics.len() as u32);
        self.lease.shared.uses(&self.lease.connector, name);
        self.lanes.add_topic(id, partitions);
        self.topics.insert(name.to_owned(), handle);
        Ok(handle)
    }

    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        let id = self.journal().plan(descriptor).map_err(journal_problem)?;
        Ok(PlanId(id.0))
    }

    fn records(&mut self, topic: TopicHandle, plan: PlanId) -> &mut dyn RecordWriter {
        self.lanes.records(topic.0 as usize, journal::PlanId(plan.0))
    }

    fn records_in(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem> {
        self.look_at_growth();
        let EmbeddedWriter { lanes, topics, .. } = self;
        let missing = || {
            let name = topics.iter().find(|(_, handle)| **handle == topic).map_or("", |(name, _)| name);
            partition_missing(name, partition)
        };
        lanes.records_in(topic.0 as usize, partition, journal::PlanId(plan.0)).ok_or_else(missing)
    }

    fn row_done(&mut self) -> Result<(), Problem> {
        self.lanes.pending.row_done().map_err(|error| record_problem(error, &self.lease.connector))?;
        let bound = if self.part_of.is_some() { PENDING_BYTES } else { OPEN_TRANSACTION_BYTES };
        if self.lanes.pending.open_bytes() > bound { self.ship_part() } else { Ok(()) }
    }

    fn commit(&mut self, transaction: Transaction, position: &[u8]) -> Result<(), Problem> {
        let records =
            self.lanes.pending.open_records().map_err(|error| record_problem(error, &self.lease.connector))?;
        let transaction = self.attempt.meta(self.era, transaction, records);
        if let Some(part_of) = self.part_of {
            let (position, batches) = (position.to_vec(), self.lanes.pending.take_last());
            let durable = position.clone();
            self.append(Body::PartCommit { part_of, position, transaction, batches }, Some(durable))?;
            // Not before: after a failure the rollback has parts to abort.
            self.part_of = None;
            return Ok(());
        }
        self.lanes.pending.commit(transaction, position);
        if self.lanes.pending.committed_bytes() > PENDING_BYTES { self.flush() } else { Ok(()) }
    }

    fn rollback(&mut self) -> Result<(), Problem> {
        self.lanes.pending.rollback();
        self.restarting = true;
        match self.part_of.take() {
            Some(part_of) => self.append(Body::PartAbort { part_of }, None),
            None => Ok(()),
        }
    }

    fn progress(&mut self, position: &[u8]) -> Result<(), Problem> {
        if self.inside_transaction() {
            return Err(Problem::internal("PROGRESS_INSIDE_TRANSACTION", "A position came inside of a transaction"));
        }
        self.lanes.pending.progress(position);
        Ok(())
    }

    fn pending_bytes(&self) -> usize {
        self.lanes.pending.committed_bytes()
    }

    fn idle(&self) -> bool {
        // After a failure a flush returns at once too, with the reason.
        self.journal().durable().map_or(true, |reached| self.last <= reached)
    }

    fn flush(&mut self) -> Result<(), Problem> {
        self.look_at_growth();
        let Some(committed) = self.lanes.pending.take_committed() else { return Ok(()) };
        let position = committed.position.clone();
        let body = match committed.transactions.is_empty() {
            true => Body::Progress { position: committed.position },
            false => Body::Transactions {
                position: committed.position,
                transactions: committed.transactions,
                batches: committed.batches,
            },
        };
        self.append(body, Some(position))
    }

    fn sync(&mut self) -> Result<(), Problem> {
        self.flush()?;
        embedded::wait_durable(self.journal(), self.last)?;
        self.settle()
    }
}

/// Parts of a transaction that nobody will end would pin their segments until the next start.
impl Drop for EmbeddedWriter {
    fn drop(&mut self) {
        if let Err(problem) = self.rollback() {
            tracing::debug!(connector = %self.lease.connector, %problem, "parts of a transaction are left to recovery");
        }
    }
}

/// Makes a topic by the rules, or finds it; and how many partitions it has.
fn make_topic(lease: &Lease, rules: Option<&TopicRules>, name: &str) -> Result<(TopicId, u32), Problem> {
    let journal = &lease.shared.journal;
    let NewTopic { partitions, config } = rules.map_or_else(NewTopic::default, |rules| rules(name));
    let partitions = partitions.unwrap_or_else(|| lease.shared.default_partitions());
    let id = journal.create_topic_for(name, partitions, config).map_err(journal_problem)?;
    Ok((id, journal.topic(name).filter(|topic| topic.id == id).map_or(1, |topic| topic.partitions)))
}

fn partition_missing(topic: &str, partition: i32) -> Problem {
    let wanted = i64::from(partition) + 1;
    Problem::stop(
        "PARTITION_MISSING",
        format!("a transform sends a record to partition {partition} of topic '{topic}', which has no such partition"),
        format!(
            "kafka-topics.sh --bootstrap-server HOST:PORT --alter --topic {topic} --partitions {wanted}   # or, before the topic is \
             made: 'topic.creation.default.partitions'={wanted} and 'topic.creation.default.replication.factor'=1"
        ),
    )
}

fn record_problem(error: BuildError, connector: &str) -> Problem {
    match error {
        BuildError::TooLarge => Problem::stop(
            "RECORD_TOO_LARGE",
            format!("A row of the connector '{connector}' gives an event of more than 960 MiB"),
            "Leave the large column out with column.exclude.list, or shorten it with column.truncate.to.*.chars.",
        ),
        BuildError::Order => Problem::internal("RECORD_ORDER", "The parts of a record came in the wrong order"),
    }
}
