//! The state as bytes: a list of small records, cut into the state frames at the head of a segment.

use super::clients::{Producer, Recent};
use super::{At, Connector, Part, Partition, SegmentState, Slice, State, Topic};
use crate::codec::{Input, Malformed, Put};
use crate::limits::STATE_FRAME_BYTES;
use crate::record::{put_list, put_setting, take_setting};
use crate::{Aborted, SourceState};
use bytes::Bytes;

/// What is said of a record that only a newer version can have written.
pub(crate) const UNKNOWN_RECORD: Malformed = "the state has a record of an unknown kind";

const NUMBERS: u8 = 1;
const CONNECTOR: u8 = 2;
const ENTRY: u8 = 3;
const TOPIC: u8 = 4;
const PLAN: u8 = 5;
const PART: u8 = 6;
const PROTECTION: u8 = 7;
const SEGMENT: u8 = 8;
const OPEN: u8 = 9;
const PRODUCER_IDS: u8 = 10;
const TOPIC_SETTINGS: u8 = 11;
const PRODUCER: u8 = 12;
const ABORTED: u8 = 13;
const COMPACTED: u8 = 14;

impl State {
    /// The state in pieces of about [`STATE_FRAME_BYTES`], at least one.
    pub(crate) fn encode(&self) -> Vec<Bytes> {
        let mut pieces = Pieces::default();
        let out = pieces.next();
        out.u8(NUMBERS);
        out.u64(self.budget);
        out.u64(self.oldest_segment);
        for number in [self.last_connector, self.last_topic, self.last_era, self.last_plan] {
            out.u32(number);
        }
        out.u8(PRODUCER_IDS);
        out.i64(self.producer_ids);
        for (id, connector) in &self.connectors {
            let out = pieces.next();
            out.u8(CONNECTOR);
            out.u32(*id);
            out.blob(connector.name.as_bytes());
            out.u32(connector.source.era);
            out.blob(&connector.source.identity);
            out.blob(&connector.source.position);
            for (key, value) in &connector.entries {
                let out = pieces.next();
                out.u8(ENTRY);
                out.u32(*id);
                out.blob(key.as_bytes());
                out.blob(value);
            }
        }
        for (id, topic) in &self.topics {
            let out = pieces.next();
            out.u8(TOPIC);
            out.u32(*id);
            out.blob(topic.name.as_bytes());
            out.u32(u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX));
            for partition in &topic.partitions {
                out.i64(partition.log_start);
                out.i64(partition.high_watermark);
            }
            if topic.of_clients || !topic.config.is_empty() {
                let out = pieces.next();
                out.u8(TOPIC_SETTINGS);
                out.u32(*id);
                out.u8(u8::from(topic.of_clients));
                let config: Vec<_> = topic.config.clone().into_iter().collect();
                put_list(out, &config, put_setting);
            }
        }
        for (key, writers) in self.clients.partitions() {
            for (id, producer) in &writers.producers {
                put_producer(pieces.next(), *key, *id, producer);
            }
            for aborted in &writers.aborted {
                let out = pieces.next();
                out.u8(ABORTED);
                out.u32(key.0);
                out.u32(key.1);
                for number in [aborted.producer, aborted.first_offset, aborted.last_offset, aborted.last_stable] {
                    out.i64(number);
                }
            }
        }
        for (id, descriptor) in &self.plans {
            let out = pieces.next();
            out.u8(PLAN);
            out.u32(*id);
            out.blob(descriptor);
        }
        for ((connector, part_of), open) in &self.open {
            let out = pieces.next();
            out.u8(OPEN);
            out.u32(*connector);
            out.u64(*part_of);
            for part in &open.parts {
                put_part(pieces.next(), *connector, *part_of, part);
            }
        }
        for ((connector, topic, partition), needed_from) in &self.protections {
            let out = pieces.next();
            out.u8(PROTECTION);
            for number in [*connector, *topic, *partition] {
                out.u32(number);
            }
            out.i64(*needed_from);
        }
        for ((topic, partition), (generation, until)) in &self.compacted {
            let out = pieces.next();
            out.u8(COMPACTED);
            for number in [*topic, *partition, *generation] {
                out.u32(number);
            }
            out.i64(*until);
        }
        for (number, segment) in &self.segments {
            let out = pieces.next();
            out.u8(SEGMENT);
            out.u64(*number);
            out.i64(segment.max_timestamp);
            out.u64(segment.pinned_through);
        }
        pieces.done()
    }

    /// Takes the records of one piece.
    pub(crate) fn decode_piece(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let input = &mut Input::new(bytes);
        while !input.is_empty() {
            self.decode_record(input)?;
        }
        Ok(())
    }

    fn decode_record(&mut self, input: &mut Input<'_>) -> Result<(), Malformed> {
        match input.u8()? {
            NUMBERS => {
                self.budget = input.u64()?;
                self.oldest_segment = input.u64()?;
                self.last_connector = input.u32()?;
                self.last_topic = input.u32()?;
                self.last_era = input.u32()?;
                self.last_plan = input.u32()?;
            }
            CONNECTOR => {
                let id = input.u32()?;
                let name = input.text()?;
                let era = input.u32()?;
                let source = SourceState { era, identity: input.blob()?.to_vec(), position: input.blob()?.to_vec() };
                self.connectors.insert(id, Connector { name, source, ..Connector::default() });
            }
            ENTRY => {
                let connector = self.connectors.get_mut(&input.u32()?).ok_or("an entry without its connector")?;
                connector.entries.insert(input.text()?, input.bytes()?);
            }
            TOPIC => {
                let id = input.u32()?;
                let name = input.text()?;
                let partitions =
                    input.list(16, |input| Ok(Partition { log_start: input.i64()?, high_watermark: input.i64()? }))?;
                self.names.insert(name.clone(), id);
                self.topics.insert(id, Topic { name, partitions, ..Topic::default() });
            }
            PRODUCER_IDS => self.producer_ids = input.i64()?,
            TOPIC_SETTINGS => {
                let topic = self.topics.get_mut(&input.u32()?).ok_or("settings without their topic")?;
                topic.of_clients = input.u8()? != 0;
                topic.config = input.list(8, take_setting)?.into_iter().collect();
            }
            PRODUCER => {
                let key = (input.u32()?, input.u32()?);
                let id = input.i64()?;
                let producer = take_producer(input)?;
                self.clients.restore(key, id, producer);
            }
            ABORTED => {
                let key = (input.u32()?, input.u32()?);
                let aborted = Aborted {
                    producer: input.i64()?,
                    first_offset: input.i64()?,
                    last_offset: input.i64()?,
                    last_stable: input.i64()?,
                };
                self.clients.restore_aborted(key, aborted);
            }
            PLAN => {
                self.plans.insert(input.u32()?, input.bytes()?);
            }
            OPEN => {
                self.open.entry((input.u32()?, input.u64()?)).or_default();
            }
            PART => {
                let key = (input.u32()?, input.u64()?);
                let part = take_part(input)?;
                self.open.entry(key).or_default().push(part);
            }
            PROTECTION => {
                let key = (input.u32()?, input.u32()?, input.u32()?);
                self.protections.insert(key, input.i64()?);
            }
            SEGMENT => {
                let number = input.u64()?;
                let segment = SegmentState { max_timestamp: input.i64()?, pinned_through: input.u64()? };
                self.segments.insert(number, segment);
            }
            COMPACTED => {
                let key = (input.u32()?, input.u32()?);
                self.compacted.insert(key, (input.u32()?, input.i64()?));
            }
            _ => return Err(UNKNOWN_RECORD),
        }
        Ok(())
    }
}

/// Finished pieces and the one that grows.
#[derive(Default)]
struct Pieces {
    full: Vec<Bytes>,
    growing: Vec<u8>,
}

impl Pieces {
    /// Where the next record goes.
    fn next(&mut self) -> &mut Vec<u8> {
        if self.growing.len() >= STATE_FRAME_BYTES {
            self.full.push(std::mem::take(&mut self.growing).into());
        }
        &mut self.growing
    }

    fn done(mut self) -> Vec<Bytes> {
        self.full.push(self.growing.into());
        self.full
    }
}

fn put_part(out: &mut Vec<u8>, connector: u32, part_of: u64, part: &Part) {
    out.u8(PART);
    out.u32(connector);
    out.u64(part_of);
    out.u64(part.at.segment);
    out.u64(part.at.position);
    out.u32(u32::try_from(part.slices.len()).unwrap_or(u32::MAX));
    for slice in &part.slices {
        out.u32(slice.topic);
        out.u32(slice.partition);
        out.i64(slice.relative);
        out.u64(slice.records);
        out.u64(slice.bytes);
        out.i64(slice.max_timestamp);
    }
}

fn take_part(input: &mut Input<'_>) -> Result<Part, Malformed> {
    let at = At { segment: input.u64()?, position: input.u64()? };
    let slices = input.list(40, |input| {
        Ok(Slice {
            topic: input.u32()?,
            partition: input.u32()?,
            relative: input.i64()?,
            records: input.u64()?,
            bytes: input.u64()?,
            max_timestamp: input.i64()?,
        })
    })?;
    Ok(Part { at, slices })
}

fn put_producer(out: &mut Vec<u8>, key: (u32, u32), id: i64, producer: &Producer) {
    out.u8(PRODUCER);
    out.u32(key.0);
    out.u32(key.1);
    out.i64(id);
    out.i16(producer.epoch);
    out.i32(producer.coordinator_epoch);
    out.i64(producer.last_ms);
    out.i64(producer.open_from.unwrap_or(-1));
    put_list(out, &producer.recent, |out, recent| {
        out.i32(recent.first_sequence);
        out.i32(recent.last_sequence);
        out.i64(recent.base_offset);
        out.i64(recent.max_timestamp);
    });
}

fn take_producer(input: &mut Input<'_>) -> Result<Producer, Malformed> {
    Ok(Producer {
        epoch: input.i16()?,
        coordinator_epoch: input.i32()?,
        last_ms: input.i64()?,
        open_from: Some(input.i64()?).filter(|offset| *offset >= 0),
        recent: input.list(24, |input| {
            Ok(Recent {
                first_sequence: input.i32()?,
                last_sequence: input.i32()?,
                base_offset: input.i64()?,
                max_timestamp: input.i64()?,
            })
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> State {
        let mut state = State {
            budget: 7,
            oldest_segment: 2,
            last_connector: 3,
            last_topic: 4,
            last_era: 5,
            last_plan: 6,
            ..State::default()
        };
        let source = SourceState { era: 5, identity: vec![1, 2], position: vec![3] };
        let entries = [("key".to_string(), Bytes::from_static(b"value"))].into();
        state.connectors.insert(3, Connector { name: "c".into(), source, entries });
        let partitions = vec![Partition { log_start: 1, high_watermark: 9 }, Partition::default()];
        let config = [("retention.ms".to_string(), "1".to_string())].into();
        state.names.insert("t".into(), 4);
        state.topics.insert(4, Topic { name: "t".into(), partitions, of_clients: true, config });
        state.producer_ids = 1000;
        let mut producer = Producer::new(2, 77);
        producer.open_from = Some(4);
        producer.recent = vec![Recent { first_sequence: 0, last_sequence: 3, base_offset: 4, max_timestamp: 5 }];
        state.clients.restore((4, 0), 9, producer);
        let aborted = Aborted { producer: 9, first_offset: 1, last_offset: 3, last_stable: 4 };
        state.clients.restore_aborted((4, 0), aborted);
        state.plans.insert(6, Bytes::from(vec![8; STATE_FRAME_BYTES]));
        let slice = Slice { topic: 4, partition: 1, relative: 0, records: 5, bytes: 60, max_timestamp: -1 };
        state.open.entry((3, 11)).or_default().push(Part { at: At { segment: 2, position: 64 }, slices: vec![slice] });
        state.open.entry((3, 12)).or_default();
        state.protections.insert((3, 4, 1), 2);
        state.compacted.insert((4, 1), (7, 8));
        state.segments.insert(2, SegmentState { max_timestamp: 3, pinned_through: 4 });
        state
    }

    #[test]
    fn the_state_reads_back_from_its_pieces() {
        let state = sample();
        let pieces = state.encode();
        assert!(pieces.len() > 1, "the plan fills a piece of its own");
        let mut read = State::default();
        for piece in pieces {
            read.decode_piece(&piece).unwrap();
        }
        assert_eq!(read, state);
    }

    #[test]
    fn a_record_of_a_newer_version_is_told_from_damage() {
        assert_eq!(State::default().decode_piece(&[200, 1, 2, 3]), Err(UNKNOWN_RECORD));
        assert_ne!(State::default().decode_piece(&[TOPIC]), Err(UNKNOWN_RECORD));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = State::default().decode_piece(&bytes);
        }

        #[test]
        fn a_cut_piece_is_an_error_or_a_prefix(cut in 1usize..200) {
            let mut state = sample();
            state.plans.clear();
            let piece = state.encode().remove(0);
            let mut read = State::default();
            if read.decode_piece(&piece[..piece.len().saturating_sub(cut)]).is_ok() {
                prop_assert_ne!(read, state);
            }
        }
    }
}
