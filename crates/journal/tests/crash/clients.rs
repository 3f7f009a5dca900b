//! What clients do in the crash test, and what they must find.

use crate::World;
use crate::model::{Call, End, Producer, Topic, after, connector_id};
use bytes::Bytes;
use std::collections::BTreeMap;
use tailwater_journal::limits::PRODUCER_BATCHES;
use tailwater_journal::{ClientBatch, Journal, JournalError, ProducerStamp, Refusal, TopicId, TransactionEnd};

impl World {
    pub(super) fn client_topic(
        &mut self,
        journal: &Journal,
        name: String,
        partitions: u32,
    ) -> Result<(), JournalError> {
        let config = self.config();
        let made = journal.create_topic_with(&name, partitions, config.clone());
        let id = made.as_ref().map_or(self.topics_ever() + 1, |topic| topic.0);
        self.settled(Call::ClientTopic { id, name, partitions, config }, made.map(|_| ()))
    }

    /// Settings that the journal only keeps, and sometimes one that it honours.
    pub(super) fn config(&mut self) -> BTreeMap<String, String> {
        let value = self.fresh().to_string();
        let mut config: BTreeMap<_, _> =
            (0..self.random.below(3)).map(|number| (format!("setting.{number}"), value.clone())).collect();
        match self.random.below(6) {
            0 => config.insert("retention.ms".into(), self.random.below(400).to_string()),
            1 => config.insert("retention.bytes".into(), self.random.below(20_000).to_string()),
            2..=3 => {
                config.insert("min.cleanable.dirty.ratio".into(), "0.1".into());
                let both = if self.random.one_in(3) { "compact,delete" } else { "compact" };
                config.insert("cleanup.policy".into(), both.into())
            }
            _ => None,
        };
        config
    }

    /// A call of clients: batches in sequence, again, out of sequence, of an old epoch, and without a producer.
    pub(super) fn produce(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let mut after_all = self.now.clone();
        let (mut calls, mut expected, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for (piece, made) in self.pieces(true) {
            let topic = &after_all.topics[&piece.topic];
            let high_watermark = after_all.high_watermark(piece.topic, piece.partition as usize);
            let id = self.random.below(4) as i64;
            let known = topic.producers.get(&(piece.partition, id)).cloned();
            let mut records = piece.records;
            let fresh = Producer { epoch: self.random.below(3) as i16, ..Producer::default() };
            // Near the end of the numbers, so that they begin again.
            let first = known.is_none().then(|| i32::MAX - self.random.below(40) as i32);
            let now = known.clone().unwrap_or(fresh);
            let next = now.batches.last().map_or(0, |(first, _, records)| after(*first, *records));
            let (mut epoch, mut first_sequence) = (now.epoch, first.unwrap_or(next));
            let mut answer = Ok((high_watermark, false));
            match self.random.below(8) {
                0 if now.batches.len() > 1 => {
                    let back = 1 + self.random.below(now.batches.len().min(PRODUCER_BATCHES) as u64) as usize;
                    let (sequence, base, count) = now.batches[now.batches.len() - back];
                    (first_sequence, records, answer) = (sequence, count, Ok((base, true)));
                }
                1 if known.is_some() => {
                    first_sequence = after(next, 1 + self.random.below(9) as u32);
                    answer = Err(Refusal::OutOfOrderSequence);
                }
                2 if now.epoch > 0 && known.is_some() => {
                    epoch -= 1;
                    answer = Err(Refusal::InvalidProducerEpoch);
                }
                3 => (epoch, first_sequence) = (now.epoch + 1, 0),
                _ => {}
            }
            // Producers 2 and 3 write in transactions.
            let stamp = ProducerStamp { id, epoch, first_sequence, transactional: id >= 2 };
            let stamp = (!self.random.one_in(4)).then_some(stamp);
            if stamp.is_none() {
                (records, answer) = (piece.records, Ok((high_watermark, false)));
            }
            calls.push(ClientBatch {
                topic: made.topic,
                partition: made.partition,
                bytes: made.bytes.freeze(),
                records,
                max_timestamp: made.max_timestamp,
                producer: stamp,
            });
            self.seen.repeated += u64::from(matches!(answer, Ok((_, true))));
            self.seen.refused += u64::from(answer.is_err());
            if let Ok((_, false)) = answer {
                let piece = (piece, stamp);
                after_all.apply(&Call::Produced { pieces: vec![piece.clone()] });
                taken.push(piece);
            }
            expected.push(answer);
        }
        let produced = journal.produce(calls)?;
        let placed: Vec<_> =
            produced.placed.iter().map(|placed| placed.map(|placed| (placed.base_offset, placed.duplicate))).collect();
        assert_eq!(placed, expected);
        if !taken.is_empty() {
            self.called(Call::Produced { pieces: taken }, Some(produced.sequence));
        }
        Ok(())
    }

    pub(super) fn end_transaction(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let producer = 2 + self.random.below(2) as i64;
        let open = self.now.topics.iter().flat_map(|(id, topic)| {
            let of = topic.producers.iter().filter(|((_, id), known)| *id == producer && known.open_from.is_some());
            of.map(|((partition, _), known)| (*id, *partition, known.epoch))
        });
        let open: Vec<(u32, u32, i16)> = open.collect();
        let Some(epoch) = open.iter().map(|(_, _, epoch)| *epoch).max() else { return Ok(()) };
        let end = End {
            producer,
            epoch: epoch + i16::from(self.random.one_in(3)),
            commit: self.random.one_in(2),
            partitions: open.iter().map(|(topic, partition, _)| (*topic, *partition)).collect(),
            connector: 0,
            entries: vec![("group/offset".into(), Bytes::from(self.fresh().to_string()))],
        };
        let sequence = journal.end_transaction(TransactionEnd {
            producer,
            epoch: end.epoch,
            commit: end.commit,
            coordinator_epoch: 0,
            partitions: end.partitions.iter().map(|(topic, partition)| (TopicId(*topic), *partition)).collect(),
            connector: connector_id(end.connector),
            entries: end.entries.clone(),
        })?;
        self.called(Call::Ended(end), Some(sequence));
        Ok(())
    }

    /// Deletes the records of a client before some batch.
    pub(super) fn trim(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let (id, topic) = self.now.topics.iter().next_back().unwrap();
        let (id, row) = (*id, topic.partitions[0].clone());
        let protected = self.protected.contains_key(&(id, 0));
        let bounds = journal.bounds(TopicId(id), 0)?;
        let later: Vec<_> = row.iter().filter(|kept| kept.base > bounds.log_start).collect();
        if later.is_empty() || protected {
            return Ok(());
        }
        let before = later[self.random.below(later.len() as u64) as usize].base;
        self.tended.insert(id);
        let trimmed = journal.delete_records(TopicId(id), 0, before);
        if let Ok(log_start) = trimmed {
            assert!(log_start >= before);
        }
        self.settled(Call::Trim { topic: id, partition: 0, before }, trimmed.map(|_| ()))
    }
}

/// Last stable offset and aborted transactions equal the model's.
pub(super) fn check_stable(journal: &Journal, id: u32, topic: &Topic, partition: u32) {
    loop {
        let bounds = journal.bounds(TopicId(id), partition).unwrap();
        let stable = topic.first_open(partition).unwrap_or(bounds.high_watermark);
        let spans = [(bounds.log_start, bounds.high_watermark), (bounds.log_start + 7, bounds.log_start + 20)];
        let actual = spans.map(|(from, to)| {
            let gone = journal.aborted(TopicId(id), partition, from, to).into_iter();
            gone.map(|gone| (gone.producer, gone.first_offset, gone.last_offset)).collect::<Vec<_>>()
        });
        let expected = spans.map(|(from, to)| {
            let here =
                topic.aborted.iter().filter(|(of, (_, first, last))| *of == partition && *last >= from && *first < to);
            here.map(|(_, gone)| *gone).collect::<Vec<_>>()
        });
        // Retention may move the log start meanwhile.
        if journal.bounds(TopicId(id), partition).unwrap() == bounds {
            assert_eq!(bounds.last_stable, stable.max(bounds.log_start), "topic {id} partition {partition}");
            assert_eq!(actual, expected);
            return;
        }
    }
}
