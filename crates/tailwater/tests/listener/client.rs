//! A client that speaks through the codec and lives with a server that is killed: a call says `None` when the connection
//! was lost, so that nobody knows what became of the request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use tailwater_wire::api::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use tailwater_wire::api::init_producer_id::InitProducerIdRequest;
use tailwater_wire::api::produce::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData};
use tailwater_wire::api::{Request, read_response, request_frame};
use tailwater_wire::batch::{BatchBuilder, HeaderMut, Producer};
use tailwater_wire::codec::Records;
use tailwater_wire::error_code::ErrorCode;

/// The topic that everything goes to.
pub const TOPIC: &str = "torture";
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A connection that is made again when it is needed.
pub struct Client {
    port: u16,
    socket: Option<TcpStream>,
    correlation: i32,
}

impl Client {
    pub fn new(port: u16) -> Client {
        Client { port, socket: None, correlation: 0 }
    }

    /// Sends a request and waits for its answer.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Option<R::Response> {
        let frame = self.exchange(version, request);
        if frame.is_none() {
            self.socket = None;
        }
        let (correlation, response) = read_response::<R>(frame?, R::KEY.version(version).unwrap()).unwrap();
        assert_eq!(correlation, self.correlation, "the answer is to another request");
        Some(response)
    }

    /// Whether the last call was without an answer.
    pub fn is_lost(&self) -> bool {
        self.socket.is_none()
    }

    fn exchange<R: Request>(&mut self, version: i16, request: &R) -> Option<Bytes> {
        if self.socket.is_none() {
            let socket = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket.set_nodelay(true).unwrap();
            self.socket = Some(socket);
        }
        self.correlation += 1;
        let frame = request_frame(R::KEY.version(version).unwrap(), self.correlation, "torture", request).unwrap();
        let socket = self.socket.as_mut()?;
        socket.write_all(&frame.into_bytes()).ok()?;
        let mut length = [0; 4];
        socket.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut frame).ok()?;
        Some(Bytes::from(frame))
    }

    /// A producer's id: its next one for a transactional id, else a new one.
    pub fn producer(&mut self, transactional_id: Option<&str>) -> Option<Result<Producer, ErrorCode>> {
        let request = InitProducerIdRequest {
            transactional_id: transactional_id.map(str::to_owned),
            transaction_timeout_ms: 60_000,
            ..InitProducerIdRequest::default()
        };
        let response = self.call(4, &request)?;
        let (id, epoch) = (response.producer_id, response.producer_epoch);
        let producer = Producer { id, epoch, base_sequence: 0, transactional: transactional_id.is_some() };
        Some(if response.error_code.is_none() { Ok(producer) } else { Err(response.error_code) })
    }

    /// Produces one batch.
    pub fn produce(&mut self, id: Option<&str>, partition: i32, records: Bytes) -> Option<PartitionProduceResponse> {
        let data = PartitionProduceData { index: partition, records: Some(Records::from(records)) };
        let topic = TopicProduceData { name: TOPIC.into(), partition_data: vec![data] };
        let transactional_id = id.map(str::to_owned);
        let request = ProduceRequest { transactional_id, acks: -1, timeout_ms: 10_000, topic_data: vec![topic] };
        self.call(9, &request).map(|mut response| response.responses.remove(0).partition_responses.remove(0))
    }

    /// Fetches from some partitions, waiting a little when there is nothing.
    pub fn fetch(&mut self, from: &[(i32, i64)], committed: bool) -> Option<Vec<PartitionData>> {
        let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            partition_max_bytes: 1 << 20,
            ..FetchPartition::default()
        };
        let topic = FetchTopic {
            topic: TOPIC.into(),
            partitions: from.iter().map(partition).collect(),
            ..FetchTopic::default()
        };
        let request = FetchRequest {
            max_wait_ms: 50,
            min_bytes: 1,
            isolation_level: i8::from(committed),
            topics: vec![topic],
            ..FetchRequest::default()
        };
        self.call(11, &request).map(|mut response| response.responses.remove(0).partitions)
    }
}

/// A batch of values, by a producer that says who it is or by one that does not.
pub fn batch(values: &[String], producer: Option<Producer>) -> Bytes {
    let mut builder = BatchBuilder::default();
    for value in values {
        builder.begin(1);
        builder.value();
        builder.push(value.as_bytes());
        builder.end().unwrap();
    }
    let mut bytes = builder.finish().unwrap().bytes;
    if let Some(producer) = producer {
        let mut header = HeaderMut::new(&mut bytes).unwrap();
        header.set_producer(producer);
        header.seal();
    }
    bytes.freeze()
}
