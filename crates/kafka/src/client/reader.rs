//! The topics of brokers, as readers of this house see topics: committed records only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tailwater_connector::transport::{PartitionInfo, TopicInfo};
use tailwater_connector::{Header, PlanId, Problem, Record, TopicReader};
use tailwater_wire::api::describe_log_dirs::DescribeLogDirsRequest;
use tailwater_wire::api::fetch::{AbortedTransaction, FetchPartition, FetchRequest, FetchTopic, PartitionData};
use tailwater_wire::api::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use tailwater_wire::batch::{self, Batch, BatchError, Marker};
use tailwater_wire::error_code::ErrorCode;

use super::{Client, refused};
use crate::limits::CLIENT_POLL;

/// The newest version of Fetch that names topics.
const FETCH: i16 = 12;
/// The newest version of ListOffsets that asks for no more than is used here.
const LIST_OFFSETS: i16 = 7;
const DESCRIBE_LOG_DIRS: i16 = 4;
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;
/// Readers see what is committed.
const READ_COMMITTED: i8 = 1;

/// A reader of brokers.
pub struct BrokerReader {
    client: Mutex<Client>,
    /// What was seen last, for when the broker does not answer any more.
    known: Mutex<Vec<TopicInfo>>,
    lost: AtomicBool,
}

impl BrokerReader {
    /// Over a client.
    pub fn new(client: Client) -> Self {
        BrokerReader { client: Mutex::new(client), known: Mutex::default(), lost: AtomicBool::new(false) }
    }

    /// Whether the brokers have stopped answering.
    pub fn ended(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The client itself, for what is not reading.
    pub fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All topics.
    ///
    /// # Errors
    /// What the brokers say, or that they do not answer any more.
    pub fn list(&self) -> Result<Vec<TopicInfo>, Problem> {
        let mut client = self.client();
        let metadata = client.metadata(None, false)?;
        let names =
            metadata.topics.into_iter().filter(|topic| topic.error_code.is_none()).filter_map(|topic| topic.name);
        let names: Vec<String> = names.collect();
        let starts = all_offsets(&mut client, &names, EARLIEST)?;
        let ends = all_offsets(&mut client, &names, LATEST)?;
        let sizes = sizes(&mut client)?;
        let topic = |name: String| {
            let of = |all: &Offsets| all.get(&name).cloned().unwrap_or_default();
            let (sizes, bounds) = (of(&sizes), of(&starts).into_iter().zip(of(&ends).into_values()));
            let partition = |((number, log_start), high_watermark)| {
                let bytes = sizes.get(&number).and_then(|bytes| u64::try_from(*bytes).ok()).unwrap_or(0);
                PartitionInfo { log_start, high_watermark, bytes }
            };
            TopicInfo { partitions: bounds.map(partition).collect(), name, change: false }
        };
        let mut topics: Vec<_> = names.into_iter().map(topic).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    fn noting<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        if result.is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl TopicReader for BrokerReader {
    fn topics(&self) -> Vec<TopicInfo> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(topics) = self.noting(self.list()) {
            *known = topics;
        }
        known.clone()
    }

    fn read(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<Record>, Problem> {
        let mut from = offset;
        loop {
            let data = self.noting(fetch(&mut self.client(), topic, partition, from, max_bytes))?;
            let (records, next) = committed(&data, from).map_err(|error| unreadable(topic, partition, from, error))?;
            // Only markers and what was aborted: what is wanted lies behind them.
            match next {
                Some(next) if records.is_empty() => from = next,
                _ => return Ok(records),
            }
        }
    }

    fn offset_at(&self, topic: &str, partition: i32, timestamp_ms: i64) -> Result<i64, Problem> {
        let mut client = self.client();
        match offset(&mut client, topic, partition, timestamp_ms)? {
            -1 => offset(&mut client, topic, partition, LATEST),
            found => Ok(found),
        }
    }

    fn plan(&self, _: PlanId) -> Option<Bytes> {
        None
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        // A broker tells of news by Fetch alone; asking again is as good for a reader of any number of topics.
        std::thread::sleep(timeout.min(CLIENT_POLL));
        seen + 1
    }
}

/// Offsets by topic and partition.
type Offsets = HashMap<String, BTreeMap<i32, i64>>;

/// The offsets of all partitions of some topics at a time, in one question to each leader.
fn all_offsets(client: &mut Client, names: &[String], timestamp: i64) -> Result<Offsets, Problem> {
    let mut by_leader: BTreeMap<String, Vec<ListOffsetsTopic>> = BTreeMap::new();
    for name in names {
        for (partition_index, leader) in client.leaders(name) {
            let topics = by_leader.entry(leader.clone()).or_default();
            if topics.last().is_none_or(|last| last.name != *name) {
                topics.push(ListOffsetsTopic { name: name.clone(), partitions: Vec::new() });
            }
            let one = ListOffsetsPartition { partition_index, timestamp, ..ListOffsetsPartition::default() };
            if let Some(last) = topics.last_mut() {
                last.partitions.push(one);
            }
        }
    }
    let mut offsets = Offsets::new();
    for (leader, topics) in by_leader {
        let response = client.call_at(&leader, LIST_OFFSETS, &question(topics))?;
        for topic in response.topics {
            for one in topic.partitions.iter().filter(|one| one.error_code.is_none()) {
                offsets.entry(topic.name.clone()).or_default().insert(one.partition_index, one.offset);
            }
        }
    }
    Ok(offsets)
}

/// Bytes of partitions by topic, as far as the broker that was found first has them.
fn sizes(client: &mut Client) -> Result<Offsets, Problem> {
    let request = DescribeLogDirsRequest { topics: None };
    let mut sizes = Offsets::new();
    for topic in client.call_seed(DESCRIBE_LOG_DIRS, &request)?.results.into_iter().flat_map(|dir| dir.topics) {
        let partitions = topic.partitions.iter().map(|one| (one.partition_index, one.partition_size));
        sizes.entry(topic.name).or_default().extend(partitions);
    }
    Ok(sizes)
}

/// The offset of one partition at a time, from its leader.
fn offset(client: &mut Client, topic: &str, partition_index: i32, timestamp: i64) -> Result<i64, Problem> {
    let one = ListOffsetsPartition { partition_index, timestamp, ..ListOffsetsPartition::default() };
    let request = question(vec![ListOffsetsTopic { name: topic.to_owned(), partitions: vec![one] }]);
    let response = client.call_leader(topic, partition_index, LIST_OFFSETS, &request)?;
    let answered = response.topics.into_iter().flat_map(|topic| topic.partitions).next();
    match answered {
        Some(one) if one.error_code.is_none() => Ok(one.offset),
        Some(one) => Err(refused(topic, one.error_code)),
        None => Err(refused(topic, ErrorCode::UNKNOWN_SERVER_ERROR)),
    }
}

fn question(topics: Vec<ListOffsetsTopic>) -> ListOffsetsRequest {
    ListOffsetsRequest { replica_id: -1, isolation_level: READ_COMMITTED, topics, ..ListOffsetsRequest::default() }
}

fn fetch(
    client: &mut Client,
    topic: &str,
    partition: i32,
    offset: i64,
    max_bytes: usize,
) -> Result<PartitionData, Problem> {
    let most = i32::try_from(max_bytes).unwrap_or(i32::MAX);
    let wanted =
        FetchPartition { partition, fetch_offset: offset, partition_max_bytes: most, ..FetchPartition::default() };
    let topics = vec![FetchTopic { topic: topic.to_owned(), partitions: vec![wanted], ..FetchTopic::default() }];
    let request = FetchRequest { max_bytes: most, isolation_level: READ_COMMITTED, topics, ..FetchRequest::default() };
    let response = client.call_leader(topic, partition, FETCH, &request)?;
    let data = response.responses.into_iter().flat_map(|topic| topic.partitions).next();
    match data {
        Some(data) if data.error_code.is_none() => Ok(data),
        Some(data) => Err(refused(topic, data.error_code)),
        None => Err(refused(topic, response.error_code)),
    }
}

/// The committed records of an answer from `from` on, and the offset behind its last batch.
fn committed(data: &PartitionData, from: i64) -> Result<(Vec<Record>, Option<i64>), BatchError> {
    let mut bytes = data.records.clone().unwrap_or_default().into_bytes();
    let mut coming: Vec<&AbortedTransaction> = data.aborted_transactions.iter().flatten().collect();
    coming.sort_by_key(|aborted| std::cmp::Reverse(aborted.first_offset));
    let (mut aborted, mut records, mut next) = (HashSet::new(), Vec::new(), None);
    while !bytes.is_empty() {
        let batch = match Batch::read(&mut bytes) {
            Ok(batch) => batch,
            // A broker may cut the last batch short.
            Err(BatchError::Short) if next.is_some() => break,
            Err(error) => return Err(error),
        };
        let behind = batch.base_offset + i64::from(batch.last_offset_delta) + 1;
        next = Some(behind);
        while let Some(one) = coming.pop_if(|one| one.first_offset < behind) {
            aborted.insert(one.producer_id);
        }
        if batch.is_control() {
            if let Some(Marker { producer_id, committed: false, .. }) = Marker::of(&batch)? {
                aborted.remove(&producer_id);
            }
            continue;
        }
        if batch.is_transactional() && batch.producer().is_some_and(|producer| aborted.contains(&producer.id)) {
            continue;
        }
        for record in batch.records()? {
            let record = record?;
            if record.offset >= from {
                records.push(as_record(record));
            }
        }
    }
    Ok((records, next))
}

fn as_record(record: batch::Record) -> Record {
    let header = |header: batch::Header| Header {
        name: String::from_utf8_lossy(&header.name).into_owned(),
        value: header.value,
    };
    Record {
        topic: None,
        offset: record.offset,
        timestamp_ms: record.timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers.into_iter().map(header).collect(),
        plan: None,
        origin: None,
        ordinal: 0,
    }
}

fn unreadable(topic: &str, partition: i32, offset: i64, error: BatchError) -> Problem {
    Problem::stop(
        "BATCH_UNREADABLE",
        format!("{topic}, partition {partition}, from offset {offset}: {error}"),
        "Read on behind it with --offset.",
    )
}
