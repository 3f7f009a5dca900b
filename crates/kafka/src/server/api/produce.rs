//! `Produce` (0): batches of clients. Placing them is one step, waiting until they are durable another, so that requests
//! that follow each other share an fsync.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use tailwater_journal::{ClientBatch, Placed, Produced, ProducerStamp, Refusal, Sequence};
use tailwater_wire::api::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceResponse,
};
use tailwater_wire::batch::{self, Batch, HeaderMut, ProduceRules, check_produced, check_records};
use tailwater_wire::error_code::ErrorCode;
use tokio::time::timeout;

use crate::limits::{LOOK_INLINE_BYTES, PRODUCE_WAIT_LEAST, READ_EXPANSION};
use crate::server::authorization::Access;
use crate::server::broker::{Topic, error_code};
use crate::server::dispatch::{Answer, Call, Refused, encode};
use crate::server::memory::Held;

/// A request whose batches have their places.
pub(in crate::server) struct Pending {
    acks: i16,
    wait: Duration,
    /// What must be durable before the answer; `None` when nothing was taken.
    sequence: Option<Sequence>,
    responses: Vec<TopicProduceResponse>,
}

/// A batch that was refused: the code, the words, and the records that are at fault.
struct Fault {
    code: ErrorCode,
    why: Option<String>,
    records: Vec<BatchIndexAndErrorMessage>,
}

/// Checks the batches of a request and gives them their places in the journal.
pub(in crate::server) async fn place(call: &Call, request: ProduceRequest) -> Pending {
    let wait = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).max(PRODUCE_WAIT_LEAST);
    let mut pending = Pending { acks: request.acks, wait, sequence: None, responses: Vec::new() };
    let now_ms = now_ms();
    let mut batches = Vec::new();
    // Where the answers of the batches go.
    let mut answered = Vec::new();
    let id = request.transactional_id.as_deref();
    let in_transaction = id.map_or(Ok(()), |id| call.on_transaction(Access::Write, id));
    for topic in request.topic_data {
        let may = in_transaction.and_then(|()| call.on_records_for(&topic.name));
        let known = call.shared.broker.topic(&topic.name);
        let mut responses = Vec::with_capacity(topic.partition_data.len());
        for partition in topic.partition_data {
            let mut response = PartitionProduceResponse { index: partition.index, ..refused(ErrorCode::NONE) };
            let checked = match &known {
                _ if !(-1..=1).contains(&request.acks) => Err(Fault::of(ErrorCode::INVALID_REQUIRED_ACKS)),
                _ if let Err(refused) = may => Err(Fault::of(refused)),
                None => Err(Fault::of(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)),
                Some(topic) => check(call, topic, partition, id, now_ms).await,
            };
            match checked {
                Ok(batch) => {
                    answered.push((pending.responses.len(), responses.len()));
                    batches.push(batch);
                }
                Err(fault) => {
                    response.error_code = fault.code;
                    response.error_message = fault.why;
                    response.record_errors = fault.records;
                }
            }
            responses.push(response);
        }
        pending.responses.push(TopicProduceResponse { name: topic.name, partition_responses: responses });
    }
    if batches.is_empty() {
        return pending;
    }
    let appended: Vec<bool> = batches.iter().map(|batch| batch.appended).collect();
    let (records, bytes) = batches.iter().fold((0, 0), |(records, bytes), batch| {
        (records + u64::from(batch.batch.records), bytes + batch.batch.bytes.len())
    });
    metrics::counter!("tailwater_kafka_produced_records_total").increment(records);
    metrics::counter!("tailwater_kafka_produced_bytes_total").increment(bytes as u64);
    let name = |(topic, _): &(usize, usize)| pending.responses.get(*topic).map(|topic| topic.name.clone());
    let names = answered.iter().map(|at| name(at).unwrap_or_default());
    let batches = names.zip(batches.into_iter().map(|checked| checked.batch)).collect();
    let (sequence, placed) = match append(call, batches).await {
        Ok((sequence, placed)) => (Some(sequence), placed),
        Err(code) => (None, vec![Err(code); answered.len()]),
    };
    pending.sequence = sequence;
    for (((topic, partition), placed), appended) in answered.into_iter().zip(placed).zip(appended) {
        let response = pending.responses.get_mut(topic).and_then(|topic| topic.partition_responses.get_mut(partition));
        let Some(response) = response else { continue };
        match placed {
            Ok(Placed { base_offset, log_start, max_timestamp, .. }) => {
                response.base_offset = base_offset;
                response.log_start_offset = log_start;
                response.log_append_time_ms = if appended { max_timestamp } else { -1 };
            }
            Err(code) => response.error_code = code,
        }
    }
    pending
}

/// Waits until the batches are durable, and answers, if an answer is wanted.
pub(in crate::server) async fn finish(call: Call, mut pending: Pending) -> Result<Answer, Refused> {
    if pending.acks == 0 {
        let fault = pending.partitions().map(|response| response.error_code).find(|code| !code.is_none());
        // The client hears of errors by the end of its connection, and looks again where its topics are.
        return fault.map_or(Ok(Answer::default()), |code| Err(Refused::Unacknowledged(code)));
    }
    if let Some(sequence) = pending.sequence {
        let failed = match timeout(pending.wait, call.shared.broker.durable(sequence)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error_code(&error)),
            Err(_) => Some(ErrorCode::REQUEST_TIMED_OUT),
        };
        if let Some(code) = failed {
            let taken = pending.partitions().filter(|response| response.error_code.is_none());
            taken.for_each(|response| {
                *response = PartitionProduceResponse { index: response.index, ..refused(code) };
            });
        }
    }
    let response = ProduceResponse { responses: pending.responses, ..ProduceResponse::default() };
    encode(call, response).await
}

impl Pending {
    fn partitions(&mut self) -> impl Iterator<Item = &mut PartitionProduceResponse> {
        self.responses.iter_mut().flat_map(|topic| &mut topic.partition_responses)
    }
}

impl Fault {
    fn of(code: ErrorCode) -> Self {
        Fault { code, why: None, records: Vec::new() }
    }
}

impl From<batch::Refusal> for Fault {
    fn from(refusal: batch::Refusal) -> Self {
        let record = |index: u32| BatchIndexAndErrorMessage {
            batch_index: index.cast_signed(),
            batch_index_error_message: Some(refusal.message.clone()),
        };
        let records = refusal.records.into_iter().map(record).collect();
        Fault { code: refusal.code, why: Some(refusal.message), records }
    }
}

/// A batch that may be taken.
struct Checked {
    batch: ClientBatch,
    /// Whether its records have the log's time.
    appended: bool,
}

/// Checks a batch by Kafka's rules and the topic's, to its last record, and puts the time into its header that the topic
/// wants there, or that its records have.
async fn check(
    call: &Call,
    topic: &Topic,
    data: PartitionProduceData,
    transactional_id: Option<&str>,
    now_ms: i64,
) -> Result<Checked, Fault> {
    let partition = u32::try_from(data.index).ok().filter(|partition| *partition < topic.partitions);
    let partition = partition.ok_or_else(|| Fault::of(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?;
    let bytes = data.records.map(|records| records.into_bytes()).unwrap_or_default();
    let rules = ProduceRules {
        version: call.header.version.number,
        max_bytes: topic.config.max_message_bytes,
        keys_required: topic.config.compacted,
        timestamps: topic.config.timestamps(now_ms),
    };
    let batch = check_produced(&bytes, &rules)?;
    let producer = batch.producer().map(|producer| ProducerStamp {
        id: producer.id,
        epoch: producer.epoch,
        first_sequence: producer.base_sequence,
        transactional: producer.transactional,
    });
    if producer.is_some_and(|producer| producer.transactional) && transactional_id.is_none() {
        let why = "a transactional batch in a request without a transactional id";
        return Err(Fault { why: Some(why.to_owned()), ..Fault::of(ErrorCode::INVALID_RECORD) });
    }
    let found = look_through(call, &batch, &rules).await?;
    let (records, stated) = (batch.count, batch.max_timestamp);
    // Whoever holds the bytes alone writes into them without a copy.
    drop(batch);
    let appended = topic.config.log_append_time;
    let (bytes, max_timestamp) = match appended {
        true => (with_header(bytes, |header| header.set_log_append_time(now_ms))?, now_ms),
        // Retention and lookups by time go by the header.
        false if found != stated => (with_header(bytes, |header| header.set_max_timestamp(found))?, found),
        false => (bytes, stated),
    };
    let batch = ClientBatch { topic: topic.id, partition, bytes, records, max_timestamp, producer };
    Ok(Checked { batch, appended })
}

/// Checks all records of a batch, within the memory that there is for compressed ones; their greatest timestamp.
async fn look_through(call: &Call, batch: &Batch, rules: &ProduceRules) -> Result<i64, Fault> {
    let mut held = Held::default();
    let (stored, most) = (batch.bytes().len(), batch.plain_max_bytes());
    let expected = if most == 0 { stored } else { stored.saturating_mul(READ_EXPANSION) };
    if most > 0 {
        call.shared.unpacked.grow(&mut held, most).await;
    }
    Ok(match expected > LOOK_INLINE_BYTES {
        true => tokio::task::block_in_place(|| check_records(batch, rules))?,
        false => check_records(batch, rules)?,
    })
}

/// A batch with another header.
fn with_header(batch: Bytes, change: impl FnOnce(&mut HeaderMut<'_>)) -> Result<Bytes, Fault> {
    let mut bytes = batch.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    let mut header = HeaderMut::new(&mut bytes).map_err(batch::Refusal::from)?;
    change(&mut header);
    header.seal();
    Ok(bytes.freeze())
}

/// Appends batches, each with its topic's name, to the journal, beside the threads that serve connections when that may
/// wait; those of transactions by way of who knows what a transaction may write.
async fn append(
    call: &Call,
    batches: Vec<(String, ClientBatch)>,
) -> Result<(Sequence, Vec<Result<Placed, ErrorCode>>), ErrorCode> {
    let broker = &call.shared.broker;
    let in_transaction = |(_, batch): &(String, ClientBatch)| batch.producer.is_some_and(|stamp| stamp.transactional);
    if batches.iter().any(in_transaction) {
        let (may, produced) = broker.coordinator.produce(batches).await?;
        let Produced { sequence, placed } = produced.map_err(|error| error_code(&error))?;
        let mut placed = placed.into_iter().map(|placed| placed.map_err(refusal));
        let unknown = Err(ErrorCode::UNKNOWN_SERVER_ERROR);
        let one = |may: Result<(), ErrorCode>| may.and_then(|()| placed.next().unwrap_or(unknown));
        return Ok((sequence, may.into_iter().map(one).collect()));
    }
    let batches: Vec<_> = batches.into_iter().map(|(_, batch)| batch).collect();
    let produced = match broker.journal.is_full() {
        false => broker.journal.produce(batches),
        true => broker.blocking(move |journal| journal.produce(batches)).await,
    };
    let Produced { sequence, placed } = produced.map_err(|error| error_code(&error))?;
    Ok((sequence, placed.into_iter().map(|placed| placed.map_err(refusal)).collect()))
}

fn refusal(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::UnknownPartition => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Refusal::OutOfOrderSequence => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        Refusal::InvalidProducerEpoch => ErrorCode::INVALID_PRODUCER_EPOCH,
        Refusal::InvalidTransactionState | Refusal::TooManyTransactions => ErrorCode::INVALID_TXN_STATE,
    }
}

/// A response without an offset.
fn refused(error_code: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse { error_code, base_offset: -1, ..PartitionProduceResponse::default() }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
