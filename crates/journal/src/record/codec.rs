//! Frames' descriptions as bytes.
//!
//! A kind's number and form never change; new content gets a new kind. Numbers 26 to 127 are free.

use super::{BadRecord, Base, Batch, Record, Stamp};
use crate::codec::{Input, Malformed, Put};
use crate::{ProducerStamp, Run, TransactionMeta};
use bytes::Bytes;

/// Kinds with this bit may be skipped by those who do not know them.
const OPTIONAL: u8 = 0x80;

const TRANSACTIONS: u8 = 1;
const PART: u8 = 2;
const PART_COMMIT: u8 = 3;
const PART_ABORT: u8 = 4;
const PROGRESS: u8 = 5;
const ENTRIES: u8 = 6;
const ERA: u8 = 7;
const CONNECTOR: u8 = 8;
const TOPIC_CREATE: u8 = 9;
const TOPIC_DELETE: u8 = 10;
const PLAN: u8 = 11;
const PROTECT: u8 = 12;
const RETAIN: u8 = 13;
const STATE: u8 = 14;
const SEAL: u8 = 15;
const PRODUCED: u8 = 16;
const TRANSACTION_END: u8 = 17;
const PRODUCER_IDS: u8 = 18;
const TOPIC_MAKE: u8 = 19;
const TOPIC_ALTER: u8 = 20;
const TOPIC_GROW: u8 = 21;
const TRIM: u8 = 22;
const COPIES: u8 = 23;
const COMPACTED: u8 = 24;
const FORGET_ABORTED: u8 = 25;
const MARK: u8 = OPTIONAL | 1;

impl Record {
    /// The number of the kind.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Transactions { .. } => TRANSACTIONS,
            Self::Part { .. } => PART,
            Self::PartCommit { .. } => PART_COMMIT,
            Self::PartAbort { .. } => PART_ABORT,
            Self::Progress { .. } => PROGRESS,
            Self::Entries(_) => ENTRIES,
            Self::Era { .. } => ERA,
            Self::Connector { .. } => CONNECTOR,
            Self::TopicCreate { .. } => TOPIC_CREATE,
            Self::TopicDelete { .. } => TOPIC_DELETE,
            Self::Plan { .. } => PLAN,
            Self::Protect { .. } => PROTECT,
            Self::Retain { .. } => RETAIN,
            Self::State { .. } => STATE,
            Self::Seal { .. } => SEAL,
            Self::Produced { .. } => PRODUCED,
            Self::TransactionEnd { .. } => TRANSACTION_END,
            Self::ProducerIds { .. } => PRODUCER_IDS,
            Self::TopicMake { .. } => TOPIC_MAKE,
            Self::TopicAlter { .. } => TOPIC_ALTER,
            Self::TopicGrow { .. } => TOPIC_GROW,
            Self::Trim { .. } => TRIM,
            Self::Copies { .. } => COPIES,
            Self::Compacted { .. } => COMPACTED,
            Self::ForgetAborted { .. } => FORGET_ABORTED,
            Self::Mark => MARK,
            Self::Skipped => OPTIONAL,
        }
    }

    /// Appends the meta.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Transactions { position, transactions, batches } => {
                out.blob(position);
                put_list(out, transactions, put_transaction);
                put_list(out, batches, put_batch);
            }
            Self::Part { part_of, batches } => {
                out.u64(*part_of);
                put_list(out, batches, put_batch);
            }
            Self::PartCommit { part_of, position, transaction, parts, bases, batches } => {
                out.u64(*part_of);
                out.blob(position);
                put_transaction(out, transaction);
                out.u32(*parts);
                put_list(out, bases, |out, base| {
                    out.u32(base.topic);
                    out.u32(base.partition);
                    out.i64(base.offset);
                    out.u64(base.records);
                });
                put_list(out, batches, put_batch);
            }
            Self::PartAbort { part_of } => out.u64(*part_of),
            Self::Progress { position } => out.blob(position),
            Self::Entries(entries) => put_list(out, entries, put_entry),
            Self::Era { identity } => out.blob(identity),
            Self::Connector { name } => out.blob(name.as_bytes()),
            Self::TopicCreate { topic, name, partitions } => {
                out.u32(*topic);
                out.blob(name.as_bytes());
                out.u32(*partitions);
            }
            Self::TopicDelete { topic } => out.u32(*topic),
            Self::Plan { plan, descriptor } => {
                out.u32(*plan);
                out.blob(descriptor);
            }
            Self::Protect { topic, partition, needed_from } => {
                out.u32(*topic);
                out.u32(*partition);
                out.i64(*needed_from);
            }
            Self::Retain { oldest_segment, starts } => {
                out.u64(*oldest_segment);
                put_list(out, starts, put_start);
            }
            Self::State { piece, of, records } => {
                out.u32(*piece);
                out.u32(*of);
                out.blob(records);
            }
            Self::Seal { next_segment } => out.u64(*next_segment),
            Self::Produced { now_ms, batches, stamps } => {
                out.i64(*now_ms);
                put_list(out, batches, put_batch);
                put_list(out, stamps, put_stamp);
            }
            Self::TransactionEnd {
                connector,
                now_ms,
                producer,
                epoch,
                commit,
                coordinator_epoch,
                batches,
                entries,
            } => {
                out.u32(*connector);
                out.i64(*now_ms);
                out.i64(*producer);
                out.i16(*epoch);
                out.u8(u8::from(*commit));
                out.i32(*coordinator_epoch);
                put_list(out, batches, put_batch);
                put_list(out, entries, put_entry);
            }
            Self::ProducerIds { below } => out.i64(*below),
            Self::TopicMake { topic, name, partitions, change, config } => {
                out.u32(*topic);
                out.blob(name.as_bytes());
                out.u32(*partitions);
                out.u8(u8::from(*change));
                put_list(out, config, put_setting);
            }
            Self::TopicAlter { topic, change, config } => {
                out.u32(*topic);
                out.u8(u8::from(*change));
                put_list(out, config, put_setting);
            }
            Self::TopicGrow { topic, partitions } => {
                out.u32(*topic);
                out.u32(*partitions);
            }
            Self::Trim { starts } => put_list(out, starts, put_start),
            Self::Copies { transactions, batches } => {
                put_list(out, transactions, put_transaction);
                put_list(out, batches, put_batch);
            }
            Self::ForgetAborted { topic, partition, below } => {
                out.u32(*topic);
                out.u32(*partition);
                out.i64(*below);
            }
            Self::Compacted { topic, partition, generation, until } => {
                out.u32(*topic);
                out.u32(*partition);
                out.u32(*generation);
                out.i64(*until);
            }
            Self::Mark | Self::Skipped => {}
        }
    }

    /// Reads a meta whose checksum was right.
    pub(crate) fn decode(kind: u8, meta: &[u8]) -> Result<Self, BadRecord> {
        let mut input = Input::new(meta);
        let record = match kind {
            TRANSACTIONS => Self::Transactions {
                position: input.blob()?.to_vec(),
                transactions: input.list(TRANSACTION_BYTES, take_transaction)?,
                batches: input.list(BATCH_LEAST_BYTES, take_batch)?,
            },
            PART => Self::Part { part_of: input.u64()?, batches: input.list(BATCH_LEAST_BYTES, take_batch)? },
            PART_COMMIT => Self::PartCommit {
                part_of: input.u64()?,
                position: input.blob()?.to_vec(),
                transaction: take_transaction(&mut input)?,
                parts: input.u32()?,
                bases: input.list(24, |input| {
                    Ok(Base {
                        topic: input.u32()?,
                        partition: input.u32()?,
                        offset: input.i64()?,
                        records: input.u64()?,
                    })
                })?,
                batches: input.list(BATCH_LEAST_BYTES, take_batch)?,
            },
            PART_ABORT => Self::PartAbort { part_of: input.u64()? },
            PROGRESS => Self::Progress { position: input.blob()?.to_vec() },
            ENTRIES => Self::Entries(input.list(8, take_entry)?),
            ERA => Self::Era { identity: input.blob()?.to_vec() },
            CONNECTOR => Self::Connector { name: input.text()? },
            TOPIC_CREATE => Self::TopicCreate { topic: input.u32()?, name: input.text()?, partitions: input.u32()? },
            TOPIC_DELETE => Self::TopicDelete { topic: input.u32()? },
            PLAN => Self::Plan { plan: input.u32()?, descriptor: input.bytes()? },
            PROTECT => Self::Protect { topic: input.u32()?, partition: input.u32()?, needed_from: input.i64()? },
            RETAIN => Self::Retain { oldest_segment: input.u64()?, starts: input.list(16, take_start)? },
            STATE => Self::State { piece: input.u32()?, of: input.u32()?, records: input.bytes()? },
            SEAL => Self::Seal { next_segment: input.u64()? },
            PRODUCED => Self::Produced {
                now_ms: input.i64()?,
                batches: input.list(BATCH_LEAST_BYTES, take_batch)?,
                stamps: input.list(STAMP_BYTES, take_stamp)?,
            },
            TRANSACTION_END => Self::TransactionEnd {
                connector: input.u32()?,
                now_ms: input.i64()?,
                producer: input.i64()?,
                epoch: input.i16()?,
                commit: input.u8()? != 0,
                coordinator_epoch: input.i32()?,
                batches: input.list(BATCH_LEAST_BYTES, take_batch)?,
                entries: input.list(8, take_entry)?,
            },
            PRODUCER_IDS => Self::ProducerIds { below: input.i64()? },
            TOPIC_MAKE => Self::TopicMake {
                topic: input.u32()?,
                name: input.text()?,
                partitions: input.u32()?,
                change: input.u8()? != 0,
                config: input.list(8, take_setting)?,
            },
            TOPIC_ALTER => {
                Self::TopicAlter { topic: input.u32()?, change: input.u8()? != 0, config: input.list(8, take_setting)? }
            }
            TOPIC_GROW => Self::TopicGrow { topic: input.u32()?, partitions: input.u32()? },
            TRIM => Self::Trim { starts: input.list(16, take_start)? },
            COPIES => Self::Copies {
                transactions: input.list(TRANSACTION_BYTES, take_transaction)?,
                batches: input.list(BATCH_LEAST_BYTES, take_batch)?,
            },
            FORGET_ABORTED => Self::ForgetAborted { topic: input.u32()?, partition: input.u32()?, below: input.i64()? },
            COMPACTED => Self::Compacted {
                topic: input.u32()?,
                partition: input.u32()?,
                generation: input.u32()?,
                until: input.i64()?,
            },
            MARK => Self::Mark,
            kind if kind & OPTIONAL != 0 => return Ok(Self::Skipped),
            kind => return Err(BadRecord::Newer(kind)),
        };
        input.end()?;
        Ok(record)
    }
}

const TRANSACTION_BYTES: usize = 4 + 8 + 8 + 8 + 8;
/// Bytes of a producer's stamp in the meta.
pub(crate) const STAMP_BYTES: usize = 4 + 8 + 2 + 4 + 1;
const BATCH_LEAST_BYTES: usize = 4 + 4 + 8 + 4 + 4 + 4 + 8 + 4 + 1 + 4;
/// Bytes of a batch in the meta, without its runs.
pub(crate) const BATCH_META_BYTES: usize = BATCH_LEAST_BYTES;
/// Bytes of a run in the meta.
pub(crate) const RUN_BYTES: usize = 4 + 8 + 4;

pub(crate) fn put_list<T>(out: &mut Vec<u8>, items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    out.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
    for item in items {
        put(out, item);
    }
}

pub(crate) fn put_transaction(out: &mut Vec<u8>, transaction: &TransactionMeta) {
    out.u32(transaction.xid);
    out.u64(transaction.commit_lsn);
    out.u64(transaction.end_lsn);
    out.i64(transaction.commit_time_us);
    out.u64(transaction.records);
}

pub(crate) fn take_transaction(input: &mut Input<'_>) -> Result<TransactionMeta, Malformed> {
    Ok(TransactionMeta {
        xid: input.u32()?,
        commit_lsn: input.u64()?,
        end_lsn: input.u64()?,
        commit_time_us: input.i64()?,
        records: input.u64()?,
    })
}

fn put_batch(out: &mut Vec<u8>, batch: &Batch) {
    out.u32(batch.topic);
    out.u32(batch.partition);
    out.i64(batch.base_offset);
    out.u32(batch.records);
    out.u32(batch.bytes);
    out.u32(batch.crc);
    out.i64(batch.max_timestamp);
    out.u32(batch.plan);
    out.u8(batch.encoding);
    put_list(out, &batch.runs, |out, run| {
        out.u32(run.transaction);
        out.u64(run.first_ordinal);
        out.u32(run.records);
    });
}

fn take_batch(input: &mut Input<'_>) -> Result<Batch, Malformed> {
    Ok(Batch {
        topic: input.u32()?,
        partition: input.u32()?,
        base_offset: input.i64()?,
        records: input.u32()?,
        bytes: input.u32()?,
        crc: input.u32()?,
        max_timestamp: input.i64()?,
        plan: input.u32()?,
        encoding: input.u8()?,
        runs: input.list(RUN_BYTES, |input| {
            Ok(Run { transaction: input.u32()?, first_ordinal: input.u64()?, records: input.u32()? })
        })?,
    })
}

fn put_stamp(out: &mut Vec<u8>, stamp: &Stamp) {
    let producer = &stamp.producer;
    out.u32(stamp.batch);
    out.i64(producer.id);
    out.i16(producer.epoch);
    out.i32(producer.first_sequence);
    out.u8(u8::from(producer.transactional));
}

fn take_stamp(input: &mut Input<'_>) -> Result<Stamp, Malformed> {
    let batch = input.u32()?;
    let producer = ProducerStamp {
        id: input.i64()?,
        epoch: input.i16()?,
        first_sequence: input.i32()?,
        transactional: input.u8()? != 0,
    };
    Ok(Stamp { batch, producer })
}

fn put_entry(out: &mut Vec<u8>, (key, value): &(String, Bytes)) {
    out.blob(key.as_bytes());
    out.blob(value);
}

fn take_entry(input: &mut Input<'_>) -> Result<(String, Bytes), Malformed> {
    Ok((input.text()?, input.bytes()?))
}

pub(crate) fn put_setting(out: &mut Vec<u8>, (name, value): &(String, String)) {
    out.blob(name.as_bytes());
    out.blob(value.as_bytes());
}

pub(crate) fn take_setting(input: &mut Input<'_>) -> Result<(String, String), Malformed> {
    Ok((input.text()?, input.text()?))
}

fn put_start(out: &mut Vec<u8>, (topic, partition, start): &(u32, u32, i64)) {
    out.u32(*topic);
    out.u32(*partition);
    out.i64(*start);
}

fn take_start(input: &mut Input<'_>) -> Result<(u32, u32, i64), Malformed> {
    Ok((input.u32()?, input.u32()?, input.i64()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn transaction() -> impl Strategy<Value = TransactionMeta> {
        any::<(u32, u64, u64, i64, u64)>().prop_map(|(xid, commit_lsn, end_lsn, commit_time_us, records)| {
            TransactionMeta { xid, commit_lsn, end_lsn, commit_time_us, records }
        })
    }

    fn batch() -> impl Strategy<Value = Batch> {
        let run = any::<(u32, u64, u32)>().prop_map(|(transaction, first_ordinal, records)| Run {
            transaction,
            first_ordinal,
            records,
        });
        (any::<(u32, u32, i64, u32, u32, u32, i64, u32, u8)>(), prop::collection::vec(run, 0..4)).prop_map(
            |((topic, partition, base_offset, records, bytes, crc, max_timestamp, plan, encoding), runs)| Batch {
                topic,
                partition,
                base_offset,
                records,
                bytes: bytes % 4096,
                crc,
                max_timestamp,
                plan,
                encoding,
                runs,
            },
        )
    }

    /// Any record, for tests of whole frames too.
    pub(crate) fn record() -> impl Strategy<Value = Record> {
        let position = || prop::collection::vec(any::<u8>(), 0..40);
        let batches = || prop::collection::vec(batch(), 0..4);
        let bytes = || prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        let base = any::<(u32, u32, i64, u64)>().prop_map(|(topic, partition, offset, records)| Base {
            topic,
            partition,
            offset,
            records,
        });
        let entries = || {
            let bytes = prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
            prop::collection::vec((".{0,8}", bytes), 0..4)
        };
        let config = || prop::collection::vec((".{0,8}", ".{0,8}"), 0..4);
        let stamp =
            any::<(u32, i64, i16, i32, bool)>().prop_map(|(batch, id, epoch, first_sequence, transactional)| Stamp {
                batch,
                producer: ProducerStamp { id, epoch, first_sequence, transactional },
            });
        let stamps = prop::collection::vec(stamp, 0..4);
        prop_oneof![
            (position(), prop::collection::vec(transaction(), 0..4), batches())
                .prop_map(|(position, transactions, batches)| Record::Transactions { position, transactions, batches }),
            (any::<u64>(), batches()).prop_map(|(part_of, batches)| Record::Part { part_of, batches }),
            (any::<u64>(), position(), transaction(), any::<u32>(), prop::collection::vec(base, 0..4), batches())
                .prop_map(|(part_of, position, transaction, parts, bases, batches)| Record::PartCommit {
                    part_of,
                    position,
                    transaction,
                    parts,
                    bases,
                    batches
                }),
            any::<u64>().prop_map(|part_of| Record::PartAbort { part_of }),
            position().prop_map(|position| Record::Progress { position }),
            entries().prop_map(Record::Entries),
            position().prop_map(|identity| Record::Era { identity }),
            ".{0,8}".prop_map(|name| Record::Connector { name }),
            (any::<u32>(), ".{0,8}", any::<u32>()).prop_map(|(topic, name, partitions)| Record::TopicCreate {
                topic,
                name,
                partitions
            }),
            (any::<u32>(), bytes()).prop_map(|(plan, descriptor)| Record::Plan { plan, descriptor }),
            any::<(u32, u32, i64)>().prop_map(|(topic, partition, needed_from)| Record::Protect {
                topic,
                partition,
                needed_from
            }),
            (any::<u64>(), prop::collection::vec(any::<(u32, u32, i64)>(), 0..4))
                .prop_map(|(oldest_segment, starts)| Record::Retain { oldest_segment, starts }),
            (any::<u32>(), any::<u32>(), bytes()).prop_map(|(piece, of, records)| Record::State { piece, of, records }),
            any::<u64>().prop_map(|next_segment| Record::Seal { next_segment }),
            (any::<i64>(), batches(), stamps).prop_map(|(now_ms, batches, stamps)| Record::Produced {
                now_ms,
                batches,
                stamps
            }),
            (any::<(u32, i64, i64, i16, bool, i32)>(), batches(), entries()).prop_map(
                |((connector, now_ms, producer, epoch, commit, coordinator_epoch), batches, entries)| {
                    Record::TransactionEnd {
                        connector,
                        now_ms,
                        producer,
                        epoch,
                        commit,
                        coordinator_epoch,
                        batches,
                        entries,
                    }
                }
            ),
            any::<i64>().prop_map(|below| Record::ProducerIds { below }),
            (any::<(u32, u32, bool)>(), ".{0,8}", config()).prop_map(|((topic, partitions, change), name, config)| {
                Record::TopicMake { topic, name, partitions, change, config }
            }),
            (any::<(u32, bool)>(), config()).prop_map(|((topic, change), config)| Record::TopicAlter {
                topic,
                change,
                config
            }),
            any::<(u32, u32)>().prop_map(|(topic, partitions)| Record::TopicGrow { topic, partitions }),
            prop::collection::vec(any::<(u32, u32, i64)>(), 0..4).prop_map(|starts| Record::Trim { starts }),
            (prop::collection::vec(transaction(), 0..4), batches())
                .prop_map(|(transactions, batches)| Record::Copies { transactions, batches }),
            any::<(u32, u32, u32, i64)>().prop_map(|(topic, partition, generation, until)| Record::Compacted {
                topic,
                partition,
                generation,
                until
            }),
            any::<(u32, u32, i64)>().prop_map(|(topic, partition, below)| Record::ForgetAborted {
                topic,
                partition,
                below
            }),
            Just(Record::Mark),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(kind: u8, meta in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(kind, &meta);
        }
    }

    #[test]
    fn unknown_kinds_are_skipped_when_optional_and_refused_otherwise() {
        assert_eq!(Record::decode(OPTIONAL | 77, b"anything"), Ok(Record::Skipped));
        assert_eq!(Record::decode(77, b"anything"), Err(BadRecord::Newer(77)));
    }
}
