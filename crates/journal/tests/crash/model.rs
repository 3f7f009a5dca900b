//! The model that the crash test compares the journal with.

use bytes::Bytes;
use std::collections::BTreeMap;
use tailwater_journal::{ConnectorId, Journal, SourceState, StoredBatch};

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
}

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
    pub xid: u32,
    pub era: u32,
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
}

impl Model {
    pub fn apply(&mut self, call: &Call) {
        match call.clone() {
            Call::Connector => self.connectors.push(Connector::default()),
            Call::Topic { id, name, partitions } => {
                self.topics.insert(id, Topic { name, partitions: vec![Vec::new(); partitions as usize] });
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
        for Piece { topic, partition, content, records, tag } in pieces {
            let Some(topic) = self.topics.get_mut(&topic) else { continue };
            let row = &mut topic.partitions[partition as usize];
            let base = row.last().map_or(0, |last| last.base + i64::from(last.records));
            row.push(Kept { base, records, content, tag, xid, era });
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
            let marks = (0..topic.partitions.len()).map(|partition| self.high_watermark(*id, partition)).collect();
            (*id, (topic.name.clone(), marks))
        };
        (connectors, self.topics.iter().map(topic).collect())
    }
}

pub type Outline = (Vec<(SourceState, BTreeMap<String, Bytes>)>, BTreeMap<u32, (String, Vec<i64>)>);

pub fn connector_id(number: usize) -> ConnectorId {
    ConnectorId(number as u32 + 1)
}

pub fn outline(journal: &Journal, connectors: usize) -> Outline {
    let connectors =
        (0..connectors).map(|number| (journal.source(connector_id(number)), journal.entries(connector_id(number))));
    let topics = journal.topics().into_iter().map(|topic| {
        let marks = topic.bounds.iter().map(|bounds| bounds.high_watermark).collect();
        (topic.id.0, (topic.name, marks))
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
    let mut content = bytes::BytesMut::from(&expected.content[..]);
    content[..8].copy_from_slice(&expected.base.to_be_bytes());
    assert!(actual.bytes == content, "an offset changed its bytes");
    let runs: Vec<_> = actual.runs.iter().map(|(meta, ordinal, records)| (meta.xid, *ordinal, *records)).collect();
    assert_eq!(runs, [(expected.xid, expected.tag, expected.records)]);
}
