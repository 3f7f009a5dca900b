//! The model that the crash test compares the journal with.

use bytes::Bytes;
use std::collections::BTreeMap;
use tailwater_journal::{ConnectorId, Journal, ProducerStamp, SourceState, StoredBatch, TopicId};

/// What the journal must contain.
#[derive(Clone, Default)]
pub struct Model {
    pub connectors: Vec<Connector>,
    pub topics: BTreeMap<u32, Topic>,
    pub plans: BTreeMap<u32, Bytes>,
    pub eras: u32,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Connector {
    pub source: SourceState,
    pub entries: BTreeMap<String, Bytes>,
    pub open: BTreeMap<u64, Vec<Piece>>,
}

#[derive(Clone)]
pub struct Topic {
    pub name: String,
    pub partitions: Vec<Vec<Kept>>,
    pub config: BTreeMap<String, String>,
    pub change: bool,
    pub producers: BTreeMap<(u32, i64), Producer>,
    pub aborted: Vec<(u32, Gone)>,
    pub trimmed: BTreeMap<u32, i64>,
}

/// A producer in a partition.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Producer {
    pub epoch: i16,
    /// First sequence, base offset and records of its batches in this epoch.
    pub batches: Vec<(i32, i64, u32)>,
    pub open_from: Option<i64>,
}

/// An aborted transaction: producer, first offset, marker.
pub type Gone = (i64, i64, i64);

#[derive(Clone, PartialEq, Debug)]
pub struct Piece {
    pub topic: u32,
    pub partition: u32,
    pub content: Bytes,
    pub records: u32,
    pub tag: u64,
}

/// A visible batch.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    pub base: i64,
    pub records: u32,
    pub content: Bytes,
    pub tag: u64,
    /// 0 for what clients wrote.
    pub xid: u32,
    pub era: u32,
}

impl Kept {
    pub fn is_commit(&self) -> bool {
        self.content.is_empty() && self.tag == 1
    }
}

/// A marker, in the model's words: producer, its epoch, whether it commits.
#[derive(Clone, PartialEq, Debug)]
pub struct End {
    pub producer: i64,
    pub epoch: i16,
    pub commit: bool,
    pub partitions: Vec<(u32, u32)>,
    pub connector: usize,
    pub entries: Vec<(String, Bytes)>,
}

/// A call, in the model's words.
#[derive(Clone)]
pub enum Call {
    Connector,
    Topic { id: u32, name: String, partitions: u32 },
    DeleteTopic(u32),
    Plan { id: u32, descriptor: Bytes },
    Era { connector: usize, identity: Vec<u8> },
    Transactions { connector: usize, position: Vec<u8>, xid: u32, pieces: Vec<Piece> },
    Part { connector: usize, part_of: u64, pieces: Vec<Piece> },
    PartCommit { connector: usize, part_of: u64, position: Vec<u8>, xid: u32, pieces: Vec<Piece> },
    PartAbort { connector: usize, part_of: u64 },
    Progress { connector: usize, position: Vec<u8> },
    Entries { connector: usize, entries: Vec<(String, Bytes)> },
    Produced { pieces: Vec<(Piece, Option<ProducerStamp>)> },
    Ended(End),
    ClientTopic { id: u32, name: String, partitions: u32, config: BTreeMap<String, String> },
    Alter { topic: u32, config: BTreeMap<String, String> },
    Grow { topic: u32, partitions: u32 },
    Trim { topic: u32, partition: u32, before: i64 },
}

impl Model {
    pub fn apply(&mut self, call: &Call) {
        match call.clone() {
            Call::Connector => self.connectors.push(Connector::default()),
            Call::Topic { id, name, partitions } => {
                self.topics.insert(id, Topic::new(name, partitions, BTreeMap::new(), true));
            }
            Call::ClientTopic { id, name, partitions, config } => {
                self.topics.insert(id, Topic::new(name, partitions, config, false));
            }
            Call::Alter { topic, config } => self.topics.get_mut(&topic).unwrap().config = config,
            Call::Grow { topic, partitions } => {
                self.topics.get_mut(&topic).unwrap().partitions.resize(partitions as usize, Vec::new());
            }
            Call::Trim { topic, partition, before } => {
                self.topics.get_mut(&topic).unwrap().trimmed.insert(partition, before);
            }
            Call::Produced { pieces } => {
                for (piece, stamp) in pieces {
                    let topic = self.topics.get_mut(&piece.topic).unwrap();
                    let base = topic.push(piece.clone(), 0, 0);
                    let Some(stamp) = stamp else { continue };
                    let known = topic.producers.entry((piece.partition, stamp.id)).or_default();
                    if known.epoch != stamp.epoch {
                        known.epoch = stamp.epoch;
                        known.batches.clear();
                    }
                    known.batches.push((stamp.first_sequence, base, piece.records));
                    if stamp.transactional {
                        known.open_from.get_or_insert(base);
                    }
                }
            }
            Call::Ended(end) => {
                for (topic, partition) in end.partitions {
                    let Some(topic) = self.topics.get_mut(&topic) else { continue };
                    let tag = u64::from(end.commit);
                    let marker = Piece { topic: 0, partition, content: Bytes::new(), records: 1, tag };
                    let base = topic.push(marker, 0, 0);
                    let known = topic.producers.entry((partition, end.producer)).or_default();
                    if known.epoch != end.epoch {
                        known.epoch = end.epoch;
                        known.batches.clear();
                    }
                    if let Some(first) = known.open_from.take().filter(|_| !end.commit) {
                        topic.aborted.push((partition, (end.producer, first, base)));
                    }
                }
                self.apply(&Call::Entries { connector: end.connector, entries: end.entries });
            }
            Call::DeleteTopic(id) => {
                self.topics.remove(&id);
            }
            Call::Plan { id, descriptor } => {
                self.plans.insert(id, descriptor);
            }
            Call::Era { connector, identity } => {
                self.eras += 1;
                self.connectors[connector].open.clear();
                self.connectors[connector].source = SourceState { era: self.eras, identity, position: Vec::new() };
            }
            Call::Transactions { connector, position, xid, pieces } => {
                self.connectors[connector].source.position = position;
                self.show(connector, xid, pieces);
            }
            Call::Part { connector, part_of, pieces } => {
                self.connectors[connector].open.entry(part_of).or_default().extend(pieces);
            }
            Call::PartCommit { connector, part_of, position, xid, pieces } => {
                self.connectors[connector].source.position = position;
                let mut all = self.connectors[connector].open.remove(&part_of).unwrap_or_default();
                all.extend(pieces);
                self.show(connector, xid, all);
            }
            Call::PartAbort { connector, part_of } => {
                self.connectors[connector].open.remove(&part_of);
            }
            Call::Progress { connector, position } => self.connectors[connector].source.position = position,
            Call::Entries { connector, entries } => {
                let known = &mut self.connectors[connector].entries;
                for (key, value) in entries {
                    if value.is_empty() {
                        known.remove(&key);
                    } else {
                        known.insert(key, value);
                    }
                }
            }
        }
    }

    fn show(&mut self, connector: usize, xid: u32, pieces: Vec<Piece>) {
        let era = self.connectors[connector].source.era;
        for piece in pieces {
            if let Some(topic) = self.topics.get_mut(&piece.topic) {
                topic.push(piece, xid, era);
            }
        }
    }

    pub fn high_watermark(&self, topic: u32, partition: usize) -> i64 {
        let row = &self.topics[&topic].partitions[partition];
        row.last().map_or(0, |last| last.base + i64::from(last.records))
    }

    /// What can be compared at a glance: everything but the content of batches.
    pub fn outline(&self) -> Outline {
        let connectors = self.connectors.iter().map(|known| (known.source.clone(), known.entries.clone())).collect();
        let topic = |(id, topic): (&u32, &Topic)| {
            let partition = |partition: usize| {
                let known = |((of, id), producer): (&(u32, i64), &Producer)| {
                    let last = producer.batches.last().map_or(-1, |(first, _, records)| after(*first, records - 1));
                    (*of as usize == partition).then_some((*id, producer.epoch, last, producer.open_from))
                };
                (self.high_watermark(*id, partition), topic.producers.iter().filter_map(known).collect())
            };
            let partitions = (0..topic.partitions.len()).map(partition).collect();
            (*id, (topic.name.clone(), topic.config.clone(), topic.change, partitions))
        };
        (connectors, self.topics.iter().map(topic).collect())
    }
}

impl Topic {
    fn new(name: String, partitions: u32, config: BTreeMap<String, String>, change: bool) -> Self {
        let partitions = vec![Vec::new(); partitions as usize];
        Topic {
            name,
            partitions,
            config,
            change,
            producers: BTreeMap::new(),
            aborted: Vec::new(),
            trimmed: BTreeMap::new(),
        }
    }

    fn push(&mut self, piece: Piece, xid: u32, era: u32) -> i64 {
        let Piece { partition, content, records, tag, .. } = piece;
        let row = &mut self.partitions[partition as usize];
        let base = row.last().map_or(0, |last| last.base + i64::from(last.records));
        row.push(Kept { base, records, content, tag, xid, era });
        base
    }

    /// What holds a reader of committed data back.
    pub fn first_open(&self, partition: u32) -> Option<i64> {
        self.producers.iter().filter(|((of, _), _)| *of == partition).filter_map(|(_, known)| known.open_from).min()
    }
}

/// The sequence some records behind another.
pub fn after(sequence: i32, records: u32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) % (1 << 31)) as i32
}

/// Producer, epoch, last sequence, first offset of the open transaction.
pub type KnownProducer = (i64, i16, i32, Option<i64>);
/// High watermark and producers.
pub type PartitionOutline = (i64, Vec<KnownProducer>);
pub type TopicOutline = (String, BTreeMap<String, String>, bool, Vec<PartitionOutline>);
pub type Outline = (Vec<(SourceState, BTreeMap<String, Bytes>)>, BTreeMap<u32, TopicOutline>);

pub fn connector_id(number: usize) -> ConnectorId {
    ConnectorId(number as u32 + 1)
}

pub fn outline(journal: &Journal, connectors: usize) -> Outline {
    let connectors =
        (0..connectors).map(|number| (journal.source(connector_id(number)), journal.entries(connector_id(number))));
    let topics = journal.topics().into_iter().map(|topic| {
        let partitions = (0..).zip(&topic.bounds).map(|(partition, bounds)| {
            let producers = journal.producers(TopicId(topic.id.0), partition).into_iter();
            let known = producers.map(|known| (known.id, known.epoch, known.last_sequence, known.open_from));
            (bounds.high_watermark, known.collect())
        });
        (topic.id.0, (topic.name, topic.config, topic.change, partitions.collect()))
    });
    (connectors.collect(), topics.collect())
}

/// A connector that the crash forgot looks like one that has done nothing.
pub fn same(model: &Outline, actual: &Outline) -> bool {
    let nothing = (SourceState::default(), BTreeMap::new());
    let rest_is_new = actual.0.iter().skip(model.0.len()).all(|connector| *connector == nothing);
    model.1 == actual.1 && actual.0.starts_with(&model.0) && rest_is_new
}

pub fn same_batch(actual: &StoredBatch, expected: &Kept) {
    assert_eq!((actual.base_offset, actual.records, actual.era), (expected.base, expected.records, expected.era));
    if expected.xid == 0 {
        assert!(actual.runs.is_empty());
        let control = actual.bytes[22] & 0x20 != 0;
        if expected.content.is_empty() {
            assert!(control && actual.bytes[..8] == expected.base.to_be_bytes(), "a marker");
            return;
        }
    }
    let mut content = bytes::BytesMut::from(&expected.content[..]);
    content[..8].copy_from_slice(&expected.base.to_be_bytes());
    if expected.xid == 0 {
        content[12..16].copy_from_slice(&[0; 4]);
        assert!(actual.bytes == content, "an offset changed its bytes");
        return;
    }
    assert!(actual.bytes == content, "an offset changed its bytes");
    let runs: Vec<_> = actual.runs.iter().map(|(meta, ordinal, records)| (meta.xid, *ordinal, *records)).collect();
    assert_eq!(runs, [(expected.xid, expected.tag, expected.records)]);
}
