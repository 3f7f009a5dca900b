//! A listener over a journal in a directory of its own, and a client that speaks through the codec.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tailwater_journal::fs::RealFs;
use tailwater_journal::{Journal, Options, SystemClock};
use tailwater_kafka::security::users::Users;
use tailwater_kafka::server::{Listener, Settings};
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use tailwater_wire::api::produce::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData};
use tailwater_wire::api::{Request, read_response, request_frame};
use tailwater_wire::batch::{Batch, BatchBuilder};
use tailwater_wire::codec::Records;
use tempfile::TempDir;

/// How long an answer may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running listener.
pub struct Broker {
    listener: Option<Listener>,
    pub journal: Journal,
    users: Users,
    settings: Settings,
    dir: TempDir,
}

impl Broker {
    pub fn start() -> Broker {
        Broker::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Broker {
        Broker::over(tempfile::tempdir().unwrap(), settings)
    }

    fn over(dir: TempDir, settings: Settings) -> Broker {
        let options = Options::default();
        let journal = Journal::open(Arc::new(RealFs), &dir.path().join("d"), options, Arc::new(SystemClock)).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let users = Users::open(journal.clone()).unwrap();
        let mut served = settings.clone();
        served.security.users = Some(users.clone());
        let listener = Listener::start(Some(socket), journal.clone(), served).unwrap();
        Broker { listener: Some(listener), journal, users, settings, dir }
    }

    /// Ends it, and starts another on the same data.
    pub fn restart(mut self) -> Broker {
        self.listener.take().unwrap().close();
        self.journal.close().unwrap();
        let Broker { journal, users, settings, dir, .. } = self;
        drop((journal, users));
        Broker::over(dir, settings)
    }

    /// Ends it; its journal stays open.
    pub fn close(&mut self) {
        self.listener.take().unwrap().close();
    }

    pub fn users(&self) -> &Users {
        &self.users
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.as_ref().unwrap().address().unwrap()
    }

    pub fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
    }

    /// A client that has said nothing yet.
    pub fn client(&self) -> Client {
        Client { socket: self.socket(), correlation: 0 }
    }

    /// A client that says that it reads LZ4.
    pub fn named_client(&self, name: &str) -> Client {
        let mut client = self.client();
        let named = ApiVersionsRequest { client_software_name: name.into(), client_software_version: "1.0".into() };
        assert!(client.call(3, &named).error_code.is_none());
        client
    }
}

/// One connection.
pub struct Client {
    pub socket: TcpStream,
    correlation: i32,
}

impl Client {
    /// Sends a request and does not wait; the number of its answer.
    pub fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        self.correlation += 1;
        let version = R::KEY.version(version).unwrap();
        let frame = request_frame(version, self.correlation, "test", request).unwrap();
        self.socket.write_all(&frame.into_bytes()).unwrap();
        self.correlation
    }

    /// The next answer.
    pub fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.frame().unwrap();
        read_response::<R>(frame, R::KEY.version(version).unwrap()).unwrap()
    }

    /// The next frame; `None` at the end of the connection.
    pub fn frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.socket.read_exact(&mut frame).ok()?;
        Some(Bytes::from(frame))
    }

    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let sent = self.send(version, request);
        let (received, response) = self.receive::<R>(version);
        assert_eq!(sent, received);
        response
    }

    /// Produces one batch.
    pub fn produce(&mut self, topic: &str, partition: i32, batch: Bytes) -> PartitionProduceResponse {
        let mut response = self.call(9, &produce(topic, partition, batch, -1));
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches one partition.
    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let mut response = self.call(11, &fetch(topic, &[(partition, offset)]));
        response.responses.remove(0).partitions.remove(0)
    }
}

pub fn produce(topic: &str, partition: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(Records::from(batch)) };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data] };
    ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![topic], ..ProduceRequest::default() }
}

pub fn fetch(topic: &str, partitions: &[(i32, i64)]) -> FetchRequest {
    let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    let partitions = partitions.iter().map(partition).collect();
    let topic = FetchTopic { topic: topic.into(), partitions, ..FetchTopic::default() };
    FetchRequest { max_wait_ms: 100, min_bytes: 1, topics: vec![topic], ..FetchRequest::default() }
}

/// A batch of records with these timestamps, keys and values.
pub fn batch(records: &[(i64, Option<&str>, &str)]) -> Bytes {
    let mut builder = BatchBuilder::default();
    for (timestamp, key, value) in records {
        builder.begin(*timestamp);
        if let Some(key) = key {
            builder.key();
            builder.push(key.as_bytes());
        }
        builder.value();
        builder.push(value.as_bytes());
        builder.end().unwrap();
    }
    builder.finish().unwrap().bytes.freeze()
}

/// Changes bytes of a batch behind its CRC, and the CRC with them.
pub fn forged(batch: Bytes, at: usize, with: &[u8]) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(bytes)
}

/// Offsets and values of what a fetch brought.
pub fn values(data: &PartitionData) -> Vec<(i64, String)> {
    let mut bytes = data.records.clone().unwrap_or_default().into_bytes();
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::read(&mut bytes).unwrap();
        for record in batch.records().unwrap() {
            let record = record.unwrap();
            out.push((record.offset, String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap()));
        }
    }
    out
}
