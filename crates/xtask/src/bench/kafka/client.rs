//! The cheapest client there can be: a batch that is made once and sent again and again, answers that are looked at and
//! thrown away. What it measures is the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tailwater_testkit::wait_until;
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use tailwater_wire::api::fetch::{FetchPartition, FetchRequest, FetchTopic};
use tailwater_wire::api::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic};
use tailwater_wire::api::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use tailwater_wire::api::{Request, read_response, request_frame};
use tailwater_wire::batch::{Batch, BatchBuilder};
use tailwater_wire::codec::Records;

use super::super::report::Percentiles;
use crate::Outcome;

/// Longest wait for an answer, and for a topic's leader.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a batch, about.
const BATCH_BYTES: usize = 128 << 10;
/// Requests on their way, as many as clients have.
const IN_FLIGHT: u64 = 5;
/// Bytes of a partition in one answer: the default of Kafka's consumer.
const PARTITION_BYTES: i32 = 1 << 20;
/// How long an answer without records may be held back: the same.
const FETCH_WAIT_MS: i32 = 500;
/// `SET` of a topic's setting (KIP-339).
const SET: i8 = 0;
const TOPIC_RESOURCE: i8 = 2;
/// Probes before those that count: they warm the server up.
const WARM_UP: u32 = 50;

/// One connection.
pub struct Client {
    socket: TcpStream,
    correlation: i32,
    /// Memory of the last answer: fresh memory for each would cost more than what is read into it.
    last: Bytes,
}

/// What a fetch brought, or all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetched {
    /// Offset behind the last record.
    pub next: i64,
    /// Bytes of batches.
    pub bytes: u64,
}

impl Client {
    /// Connects to HOST:PORT.
    pub fn connect(address: &str) -> Outcome<Client> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { socket, correlation: 0, last: Bytes::new() })
    }

    /// The same, and says which software it is (KIP-511).
    pub fn connect_as(address: &str, software: &str) -> Outcome<Client> {
        let mut client = Client::connect(address)?;
        let (client_software_name, client_software_version) = (software.to_owned(), "1.0".to_owned());
        client.call(3, &ApiVersionsRequest { client_software_name, client_software_version })?;
        Ok(client)
    }

    /// Makes a topic of one partition by asking for it, and waits until it can be written.
    pub fn make_topic(&mut self, topic: &str) -> Outcome<()> {
        let wanted = MetadataRequestTopic { name: Some(topic.to_owned()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest { topics: Some(vec![wanted]), ..MetadataRequest::default() };
        let mut failed = None;
        let ready = wait_until(PATIENCE, || match self.call(9, &request) {
            Ok(answer) => {
                let led = answer.topics.iter().any(|topic| {
                    let led = topic.partitions.iter().all(|partition| partition.error_code.is_none());
                    topic.error_code.is_none() && led && !topic.partitions.is_empty()
                });
                // A broker names a leader a little before the leader knows of it.
                led && self.fetch(topic, 0, 0).is_ok()
            }
            Err(error) => failed.replace(error).is_none(),
        });
        match failed {
            Some(error) => Err(error),
            None if ready => Ok(()),
            None => Err(format!("{topic} has no leader").into()),
        }
    }

    /// Deletes a topic.
    pub fn delete_topic(&mut self, topic: &str) -> Outcome<()> {
        let topics = vec![DeleteTopicState { name: Some(topic.to_owned()), ..DeleteTopicState::default() }];
        let request = DeleteTopicsRequest { topics, timeout_ms: 30_000, ..DeleteTopicsRequest::default() };
        let answer = self.call(6, &request)?;
        let refused = answer.responses.iter().find(|response| !response.error_code.is_none());
        refused.map_or(Ok(()), |response| Err(format!("{topic} was not deleted: {}", response.error_code).into()))
    }

    /// Sets a topic's setting.
    pub fn configure(&mut self, topic: &str, name: &str, value: &str) -> Outcome<()> {
        let config = AlterableConfig { name: name.to_owned(), config_operation: SET, value: Some(value.to_owned()) };
        let resource = AlterConfigsResource {
            resource_type: TOPIC_RESOURCE,
            resource_name: topic.to_owned(),
            configs: vec![config],
        };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        let answer = self.call(1, &request)?;
        let refused = answer.responses.iter().find(|response| !response.error_code.is_none());
        refused.map_or(Ok(()), |response| Err(format!("{name} was not set: {}", response.error_code).into()))
    }

    /// Writes so many records of this size in order, with `acks=all`; the seconds it took.
    pub fn produce(&mut self, topic: &str, records: u64, size: usize) -> Outcome<f64> {
        let per_batch = (BATCH_BYTES / size).max(1) as u64;
        let request = produce_request(topic, batch(per_batch, size)?);
        let rest = records % per_batch;
        let last = (rest > 0).then(|| batch(rest, size).map(|batch| produce_request(topic, batch))).transpose()?;
        let (whole, begin) = (records / per_batch, Instant::now());
        let (mut sent, mut answered) = (0, 0);
        let all = whole + u64::from(rest > 0);
        while answered < all {
            while sent < all && sent - answered < IN_FLIGHT {
                self.send(9, last.as_ref().filter(|_| sent == whole).unwrap_or(&request))?;
                sent += 1;
            }
            self.acknowledged()?;
            answered += 1;
        }
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Reads a topic from its beginning until it has so many records; what came, and the seconds it took.
    pub fn consume(&mut self, topic: &str, records: u64) -> Outcome<(Fetched, f64)> {
        let begin = Instant::now();
        Ok((self.read(topic, 0, records.cast_signed())?, begin.elapsed().as_secs_f64()))
    }

    /// Readers at one time, each of which reads a topic again and again from one offset to another; the seconds it took.
    pub fn consume_again(address: &str, topic: &str, span: (i64, i64), readers: u64, times: u64) -> Outcome<f64> {
        let clients: Vec<_> = (0..readers).map(|_| Client::connect(address)).collect::<Outcome<_>>()?;
        let begin = Instant::now();
        let all = |mut client: Client| -> Result<(), String> {
            let once = |_| client.read(topic, span.0, span.1).map(drop);
            (0..times).try_for_each(once).map_err(|error| error.to_string())
        };
        std::thread::scope(|scope| {
            let reading: Vec<_> = clients.into_iter().map(|client| scope.spawn(move || all(client))).collect();
            reading.into_iter().try_for_each(|reading| reading.join().map_err(|_| "a reader panicked")?)
        })?;
        Ok(begin.elapsed().as_secs_f64())
    }

    fn read(&mut self, topic: &str, from: i64, to: i64) -> Outcome<Fetched> {
        let mut all = Fetched { next: from, bytes: 0 };
        while all.next < to {
            let Fetched { next, bytes } = self.fetch(topic, all.next, FETCH_WAIT_MS)?;
            all = Fetched { next, bytes: all.bytes + bytes };
        }
        Ok(all)
    }

    /// One record at a time: from the moment when it is sent until another connection, which waits for it, has it.
    pub fn probe(&mut self, address: &str, topic: &str, probes: u32) -> Outcome<Percentiles> {
        self.make_topic(topic)?;
        let mut reader = Client::connect(address)?;
        let (sender, arrivals) = mpsc::channel();
        let name = topic.to_owned();
        let reading = std::thread::spawn(move || -> Result<(), String> {
            let mut next = 0;
            while next < i64::from(probes + WARM_UP) {
                next = reader.fetch(&name, next, FETCH_WAIT_MS).map_err(|error| error.to_string())?.next;
                if sender.send((next, Instant::now())).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let request = produce_request(topic, batch(1, 100)?);
        let mut times = Vec::new();
        'probes: for probe in 1..=i64::from(probes + WARM_UP) {
            let sent = Instant::now();
            self.send(9, &request)?;
            self.acknowledged()?;
            loop {
                // A reader that also saw nothing says so, too.
                let Ok((next, when)) = arrivals.recv_timeout(PATIENCE) else { break 'probes };
                if next >= probe {
                    if probe > i64::from(WARM_UP) {
                        times.push(when - sent);
                    }
                    break;
                }
            }
        }
        reading.join().map_err(|_| "the reader panicked")??;
        if times.len() == probes as usize { Ok(Percentiles::of(times)) } else { Err("records did not arrive".into()) }
    }

    fn fetch(&mut self, topic: &str, from: i64, max_wait_ms: i32) -> Outcome<Fetched> {
        let partition =
            FetchPartition { fetch_offset: from, partition_max_bytes: PARTITION_BYTES, ..FetchPartition::default() };
        let topic = FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..FetchTopic::default() };
        let request = FetchRequest { max_wait_ms, min_bytes: 1, topics: vec![topic], ..FetchRequest::default() };
        let answer = self.call(11, &request)?;
        let mut fetched = Fetched { next: from, bytes: 0 };
        for data in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
            if !data.error_code.is_none() {
                return Err(format!("nothing can be read: {}", data.error_code).into());
            }
            let mut bytes = data.records.unwrap_or_default().into_bytes();
            // The last batch may be cut off.
            while let Ok(batch) = Batch::read_unverified(&bytes) {
                fetched.next = batch.base_offset + i64::from(batch.last_offset_delta) + 1;
                fetched.bytes += batch.bytes().len() as u64;
                bytes = bytes.slice(batch.bytes().len()..);
            }
        }
        Ok(fetched)
    }

    fn acknowledged(&mut self) -> Outcome<()> {
        let (_, answer) = self.receive::<ProduceRequest>(9)?;
        let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        let refused = partitions.find(|partition| !partition.error_code.is_none());
        refused.map_or(Ok(()), |partition| Err(format!("a batch was refused: {}", partition.error_code).into()))
    }

    fn call<R: Request>(&mut self, version: i16, request: &R) -> Outcome<R::Response> {
        let sent = self.send(version, request)?;
        let (received, response) = self.receive::<R>(version)?;
        if sent == received { Ok(response) } else { Err("an answer is to another request".into()) }
    }

    fn send<R: Request>(&mut self, version: i16, request: &R) -> Outcome<i32> {
        self.correlation += 1;
        let version = R::KEY.version(version).ok_or("the codec does not know the version")?;
        let frame = request_frame(version, self.correlation, "bench", request)?;
        self.socket.write_all(&frame.into_bytes())?;
        Ok(self.correlation)
    }

    fn receive<R: Request>(&mut self, version: i16) -> Outcome<(i32, R::Response)> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        let mut frame = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        if frame.len() < length {
            frame.resize(length, 0);
        }
        self.socket.read_exact(&mut frame[..length])?;
        self.last = frame.freeze();
        let version = R::KEY.version(version).ok_or("the codec does not know the version")?;
        Ok(read_response::<R>(self.last.slice(..length), version)?)
    }
}

fn produce_request(topic: &str, batch: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { index: 0, records: Some(Records::from(batch)) };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![data] };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..ProduceRequest::default() }
}

/// A batch of values of one size, of now.
fn batch(records: u64, size: usize) -> Outcome<Bytes> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    let value: Vec<u8> = (b'A'..=b'Z').cycle().take(size).collect();
    let mut builder = BatchBuilder::default();
    for _ in 0..records {
        builder.begin(now);
        builder.value();
        builder.push(&value);
        builder.end()?;
    }
    Ok(builder.finish().ok_or("a batch without records")?.bytes.freeze())
}
