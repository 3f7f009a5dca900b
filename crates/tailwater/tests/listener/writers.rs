//! What clients write while the server is killed, and what they were told of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tailwater_testkit::Random;
use tailwater_wire::api::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use tailwater_wire::api::end_txn::EndTxnRequest;
use tailwater_wire::api::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use tailwater_wire::api::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use tailwater_wire::batch::Producer;
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Client, TOPIC, batch};

/// What a client knows of what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged; outside of transactions with the offset of its first record.
    Done(Option<i64>),
    /// Aborted: nobody may read it as committed.
    Aborted,
    /// The answer never came.
    Unknown,
}

/// Values written in one go: a batch, or those of a transaction in one partition.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub partition: i32,
    pub values: Vec<String>,
    pub outcome: Outcome,
    /// Number of the transaction, whose attempts are visible together or not at all.
    pub transaction: Option<(String, u64)>,
}

/// A stop sign, and the port of the server.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    pub port: u16,
    pub over: &'a AtomicBool,
}

impl Stage<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Makes values that say who wrote them, and which in a row they are.
struct Numbers {
    name: String,
    next: u64,
}

impl Numbers {
    fn some(&mut self, random: &mut Random) -> Vec<String> {
        let from = self.next;
        self.next += 1 + random.below(20);
        (from..self.next)
            .map(|number| format!("{}:{number}:{}", self.name, "x".repeat((number % 40) as usize)))
            .collect()
    }
}

/// The tries of one thing; a pause between each two.
#[derive(Default)]
struct Tries(u32);

impl Tries {
    fn again(&mut self) {
        self.0 += 1;
        assert!(self.0 < 20_000, "no answer for a minute");
        pause();
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(3));
}

/// An idempotent producer: repeats each batch until it is acknowledged, across every kill.
pub fn idempotent(stage: Stage<'_>, name: &str, partition: i32, mut random: Random) -> Vec<Attempt> {
    let mut client = Client::new(stage.port);
    let mut attempts = Vec::new();
    let mut numbers = Numbers { name: name.to_owned(), next: 0 };
    let mut producer = loop {
        match client.producer(None) {
            Some(Ok(producer)) => break producer,
            Some(Err(code)) => panic!("{name}: no producer id: {code:?}"),
            None => pause(),
        }
    };
    while !stage.is_over() {
        let values = numbers.some(&mut random);
        let records = batch(&values, Some(producer));
        let mut tries = Tries::default();
        let base = loop {
            match client.produce(None, partition, records.clone()) {
                Some(response) if response.error_code.is_none() => break response.base_offset,
                Some(response) => panic!("{name}: refused with {:?} at {producer:?}", response.error_code),
                None => tries.again(),
            }
        };
        producer.base_sequence += i32::try_from(values.len()).unwrap();
        attempts.push(Attempt { partition, values, outcome: Outcome::Done(Some(base)), transaction: None });
    }
    attempts
}

/// A producer without an id: sends each batch once.
pub fn plain(stage: Stage<'_>, name: &str, partition: i32, mut random: Random) -> Vec<Attempt> {
    let mut client = Client::new(stage.port);
    let mut attempts = Vec::new();
    let mut numbers = Numbers { name: name.to_owned(), next: 0 };
    while !stage.is_over() {
        let values = numbers.some(&mut random);
        let outcome = match client.produce(None, partition, batch(&values, None)) {
            Some(response) if response.error_code.is_none() => Outcome::Done(Some(response.base_offset)),
            Some(response) => panic!("{name}: refused with {:?}", response.error_code),
            None => {
                pause();
                Outcome::Unknown
            }
        };
        attempts.push(Attempt { partition, values, outcome, transaction: None });
    }
    attempts
}

/// A transactional producer: two partitions at a time, one transaction in three aborted.
pub fn transactional(stage: Stage<'_>, name: &str, partitions: [i32; 2], mut random: Random) -> Vec<Attempt> {
    let mut client = Client::new(stage.port);
    let mut attempts = Vec::new();
    let mut numbers = Numbers { name: name.to_owned(), next: 0 };
    let (mut producer, mut sequences) = (None, [0, 0]);
    let mut transaction = 0;
    while !stage.is_over() {
        let Some(who) = producer else {
            match client.producer(Some(name)) {
                Some(Ok(fresh)) => (producer, sequences) = (Some(fresh), [0, 0]),
                // What an earlier one left open is being ended.
                Some(Err(ErrorCode::CONCURRENT_TRANSACTIONS)) | None => pause(),
                Some(Err(code)) => panic!("{name}: no producer id: {code:?}"),
            }
            continue;
        };
        transaction += 1;
        let (commit, first) = (!random.once_in(3), attempts.len());
        let known = Some((name.to_owned(), transaction));
        let mut whole = added(&mut client, name, who, partitions);
        for (place, sequence) in partitions.iter().zip(&mut sequences) {
            let values = numbers.some(&mut random);
            if whole {
                let stamp = Producer { base_sequence: *sequence, ..who };
                let response = client.produce(Some(name), *place, batch(&values, Some(stamp)));
                whole = response.is_some_and(|response| {
                    assert!(response.error_code.is_none(), "{name}: refused with {:?}", response.error_code);
                    true
                });
                *sequence += i32::try_from(values.len()).unwrap();
            }
            attempts.push(Attempt { partition: *place, values, outcome: Outcome::Aborted, transaction: known.clone() });
        }
        // What was not written whole is aborted by the next instance.
        let outcome = match whole.then(|| ended(&mut client, name, who, commit)) {
            Some(Some(())) if commit => Outcome::Done(None),
            Some(None) if commit => Outcome::Unknown,
            _ => Outcome::Aborted,
        };
        attempts.iter_mut().skip(first).for_each(|attempt| attempt.outcome = outcome);
        if !whole || outcome == Outcome::Unknown || client.is_lost() {
            producer = None;
        }
    }
    attempts
}

fn added(client: &mut Client, name: &str, who: Producer, partitions: [i32; 2]) -> bool {
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: name.to_owned(),
        v3_and_below_producer_id: who.id,
        v3_and_below_producer_epoch: who.epoch,
        v3_and_below_topics: vec![AddPartitionsToTxnTopic { name: TOPIC.into(), partitions: partitions.to_vec() }],
    };
    let Some(response) = client.call(3, &request) else { return false };
    for result in &response.results_by_topic_v3_and_below[0].results_by_partition {
        let code = result.partition_error_code;
        assert!(code.is_none(), "{name}: a partition was refused with {code:?}");
    }
    true
}

fn ended(client: &mut Client, name: &str, who: Producer, committed: bool) -> Option<()> {
    let transactional_id = name.to_owned();
    let request = EndTxnRequest { transactional_id, producer_id: who.id, producer_epoch: who.epoch, committed };
    let code = client.call(3, &request)?.error_code;
    assert!(code.is_none(), "{name}: the end was refused with {code:?}");
    Some(())
}

/// A consumer that only commits: 1, 2, 3, …; what was acknowledged is what it finds after every kill.
pub fn committer(stage: Stage<'_>, group: &str) {
    let mut client = Client::new(stage.port);
    let (mut committed, mut sure) = (0, true);
    while !stage.is_over() {
        if !sure {
            let Some(found) = kept(&mut client, group) else {
                pause();
                continue;
            };
            let found = found.max(0);
            assert!(found == committed || found == committed + 1, "{committed} was committed, and {found} is kept");
            committed = found;
        }
        let partition = OffsetCommitRequestPartition { committed_offset: committed + 1, ..Default::default() };
        let topics = vec![OffsetCommitRequestTopic { name: TOPIC.into(), partitions: vec![partition] }];
        let request = OffsetCommitRequest { group_id: group.to_owned(), topics, ..OffsetCommitRequest::default() };
        sure = client.call(8, &request).is_some_and(|response| {
            let code = response.topics[0].partitions[0].error_code;
            assert!(code.is_none(), "a commit was refused with {code:?}");
            true
        });
        committed += i64::from(sure);
    }
}

fn kept(client: &mut Client, group: &str) -> Option<i64> {
    let topics = vec![OffsetFetchRequestTopics { name: TOPIC.into(), partition_indexes: vec![0] }];
    let group = OffsetFetchRequestGroup { group_id: group.to_owned(), topics: Some(topics), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..OffsetFetchRequest::default() };
    let response = client.call(8, &request)?;
    Some(response.groups[0].topics[0].partitions[0].committed_offset)
}
