//! `Fetch` (1): whole batches of some partitions, as soon as there are enough of them or the wait is over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tailwater_journal::{Aborted, Bounds, Journal};
use tailwater_wire::Buffers;
use tailwater_wire::api::fetch::{
    AbortedTransaction, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use tailwater_wire::batch::{Batch, BatchError, Codec, expand};
use tailwater_wire::codec::{Records, Uuid};
use tailwater_wire::error_code::ErrorCode;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::limits::{FETCH_BYTES, FETCH_LEAST_BYTES, FETCH_PAUSE, FETCH_WAIT, PRESSED_STALL_TIMEOUT};
use crate::server::authorization::Access;
use crate::server::broker::{Topic, check_epoch, error_code};
use crate::server::dispatch::Call;
use crate::server::fetch_counts::{Counts, Found};
use crate::server::fetch_sessions::{Plan, Wanted};
use crate::server::memory::Held;

/// The first version that names topics by id (KIP-516).
const BY_ID_SINCE: i16 = 13;

/// A partition, found.
struct Place {
    topic: Arc<Topic>,
    partition: u32,
    bounds: Bounds,
    /// First offset that this reader may not see yet.
    end: i64,
}

/// Why a partition is not read, and where its log is.
struct Unread {
    code: ErrorCode,
    high_watermark: i64,
    log_start: i64,
}

/// What a look at the partitions has brought.
struct Look {
    answers: Vec<PartitionData>,
    found: Vec<Found>,
    bytes: usize,
    failed: bool,
}

/// Answers a request.
pub(in crate::server) async fn answer(call: &mut Call, request: FetchRequest) -> FetchResponse {
    let by_id = call.header.version.number >= BY_ID_SINCE;
    let broker = &call.shared.broker;
    let plan = match broker.fetch_sessions.begin(&request, by_id, std::time::Instant::now()) {
        Ok(plan) => plan,
        Err(error_code) => return FetchResponse { error_code, ..FetchResponse::default() },
    };
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(FETCH_WAIT);
    let until = Instant::now() + wait;
    let enough = usize::try_from(request.min_bytes).unwrap_or(0);
    let mut counts = Counts::new(plan.wanted.len());
    let mut ready = false;
    let look = loop {
        // Who waits for long gives a large request's memory back when others need it.
        let large = !call.request.is_empty();
        let over = Instant::now() >= until || (large && call.shared.requests.is_pressed());
        let last = ready || over;
        if last {
            counts = Counts::new(plan.wanted.len());
        }
        let places: Vec<_> = plan.wanted.iter().map(|wanted| find(call, wanted, &request)).collect();
        let is_idle =
            |(n, (place, offset)): (usize, &(Place, i64))| counts.is_full(n) || counts.begin(n, *offset) >= place.end;
        let idle = places.iter().enumerate().all(|(n, place)| place.as_ref().is_ok_and(|found| is_idle((n, found))));
        if idle && !last && enough > 0 && !places.is_empty() {
            let news = Arc::new(Notify::new());
            for (place, _) in places.iter().flatten() {
                broker.news.watch((place.topic.id, place.partition), Some(place.bounds), &news);
            }
            // What moved between the look and the watch.
            let moved =
                |place: &Place| broker.journal.bounds(place.topic.id, place.partition).ok() != Some(place.bounds);
            if !places.iter().flatten().any(|(place, _)| moved(place)) {
                drop(places);
                let look = if large { until.min(Instant::now() + PRESSED_STALL_TIMEOUT) } else { until };
                let _ = timeout_at(look, news.notified()).await;
            }
            continue;
        }
        let mut held = Held::default();
        let look = read(call, &plan, places, &request, &counts, &mut held).await;
        let before = counts.bytes();
        ready = before + look.bytes >= enough || look.failed;
        if last || plan.wanted.is_empty() || (ready && before == 0) {
            call.held = held;
            break look;
        }
        if ready {
            // What was counted before is read now, too.
            continue;
        }
        // Fewer bytes than are wanted. More come in groups, so not every one of them is looked at.
        counts.add(&look.found);
        drop((look, held));
        tokio::time::sleep_until(until.min(Instant::now() + FETCH_PAUSE)).await;
    };
    metrics::counter!("tailwater_kafka_fetched_bytes_total").increment(look.bytes as u64);
    let told = broker.fetch_sessions.finish(&plan, &look.answers);
    respond(&plan, look.answers, &told)
}

/// The partition that is wanted, and the offset; or what is answered instead.
fn find(call: &Call, wanted: &Wanted, request: &FetchRequest) -> Result<(Place, i64), Unread> {
    let broker = &call.shared.broker;
    let refuse = |code| Err(Unread { code, high_watermark: -1, log_start: -1 });
    let name = match wanted.topic.id {
        Uuid::ZERO => Some(wanted.topic.name.clone()),
        id => broker.topic_by_id(id).map(|topic| topic.name.clone()),
    };
    let Some(name) = name else { return refuse(ErrorCode::UNKNOWN_TOPIC_ID) };
    if let Err(refused) = call.on_topic(Access::Read, &name) {
        return refuse(refused);
    }
    let (topic, partition, bounds) = match broker.partition(&name, wanted.partition.partition) {
        Ok(found) => found,
        Err(_) if wanted.topic.id != Uuid::ZERO && broker.topic(&name).is_none() => {
            return refuse(ErrorCode::UNKNOWN_TOPIC_ID);
        }
        Err(error_code) => return refuse(error_code),
    };
    if wanted.topic.id != Uuid::ZERO && wanted.topic.id != topic.uuid {
        return refuse(ErrorCode::UNKNOWN_TOPIC_ID);
    }
    if let Err(error_code) = check_epoch(wanted.partition.current_leader_epoch) {
        return refuse(error_code);
    }
    let offset = wanted.partition.fetch_offset;
    if !(bounds.log_start..=bounds.high_watermark).contains(&offset) {
        let (high_watermark, log_start) = (bounds.high_watermark, bounds.log_start);
        return Err(Unread { code: ErrorCode::OFFSET_OUT_OF_RANGE, high_watermark, log_start });
    }
    let end = if request.isolation_level == 0 { bounds.high_watermark } else { bounds.last_stable };
    Ok((Place { topic, partition, bounds, end }, offset))
}

/// Reads what there is and was not counted yet, within the bounds of request, broker and memory.
async fn read(
    call: &Call,
    plan: &Plan,
    places: Vec<Result<(Place, i64), Unread>>,
    request: &FetchRequest,
    counts: &Counts,
    held: &mut Held,
) -> Look {
    let asked = usize::try_from(request.max_bytes).unwrap_or(0).min(FETCH_BYTES);
    let memory = &call.shared.answers;
    // Of what is free nobody takes more than a part, so that there is some for the next.
    let most = asked.min((memory.free() / 4).max(FETCH_LEAST_BYTES));
    memory.grow(held, most).await;
    let counted = counts.bytes();
    let (answers, found) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
    let mut look = Look { answers, found, bytes: 0, failed: false };
    for (n, (wanted, place)) in plan.wanted.iter().zip(places).enumerate() {
        let (place, offset) = match place {
            Ok(found) => found,
            Err(Unread { code, high_watermark, log_start }) => {
                look.failed = true;
                look.found.push(Found::NONE);
                look.answers.push(PartitionData {
                    partition_index: wanted.partition.partition,
                    error_code: code,
                    high_watermark,
                    log_start_offset: log_start,
                    ..PartitionData::default()
                });
                continue;
            }
        };
        let offset = counts.begin(n, offset);
        let left = most.saturating_sub(counted + look.bytes);
        let asked_here = usize::try_from(wanted.partition.partition_max_bytes).unwrap_or(0);
        let most_here = asked_here.saturating_sub(counts.bytes_of(n)).min(left);
        // The first batch of all comes whole, however large (KIP-74).
        let first = counted + look.bytes == 0;
        let mut found = Found { behind: offset, bytes: 0, more: offset < place.end };
        let mut data = PartitionData {
            partition_index: wanted.partition.partition,
            high_watermark: place.bounds.high_watermark,
            last_stable_offset: place.bounds.last_stable,
            log_start_offset: place.bounds.log_start,
            aborted_transactions: None,
            ..PartitionData::default()
        };
        if found.more && !counts.is_full(n) && (first || most_here > 0) {
            match batches(call, &place, offset, most_here, first).await {
                Ok((records, end)) => {
                    look.bytes += records.len();
                    found = Found { behind: end, bytes: records.len(), more: end < place.end };
                    if request.isolation_level != 0 {
                        data.aborted_transactions = Some(aborted(&call.shared.broker.journal, &place, offset, end));
                    }
                    data.records = Some(records);
                }
                Err(error_code) => {
                    look.failed = true;
                    data.error_code = error_code;
                }
            }
        } else if request.isolation_level != 0 {
            data.aborted_transactions = Some(Vec::new());
        }
        look.found.push(found);
        look.answers.push(data);
    }
    held.shrink(look.bytes);
    look
}

/// Batches from the one that holds `offset`, as this client reads them; and the offset behind the last.
async fn batches(
    call: &Call,
    place: &Place,
    offset: i64,
    most: usize,
    first: bool,
) -> Result<(Records, i64), ErrorCode> {
    let broker = &call.shared.broker;
    let (id, partition) = (place.topic.id, place.partition);
    let ready = broker.journal.read_ready(id, partition, offset, most);
    let stored = match ready {
        Ok(Some(batches)) => Ok(batches),
        Ok(None) => broker.blocking(move |journal| journal.read(id, partition, offset, most)).await,
        Err(error) => Err(error),
    };
    let stored = match stored {
        Ok(batches) => batches,
        // The log start has moved since the bounds were looked at.
        Err(error) => return Err(error_code(&error)),
    };
    let plain = place.topic.is_plain_for(&call.session);
    let (mut records, mut behind, mut bytes) = (Records::new(), offset, 0);
    for batch in stored {
        if batch.base_offset >= place.end {
            break;
        }
        let piece = match plain {
            true => expanded(&batch.bytes, &call.shared.buffers).map_err(|_| ErrorCode::CORRUPT_MESSAGE)?,
            false => batch.bytes.clone(),
        };
        if bytes + piece.len() > most && !(first && bytes == 0) {
            break;
        }
        bytes += piece.len();
        behind = batch.base_offset + i64::from(batch.records);
        records.push(piece);
    }
    Ok((records, behind))
}

/// A batch as clients read it that do not read LZ4; other codecs are their producers' choice.
fn expanded(stored: &Bytes, buffers: &Buffers) -> Result<Bytes, BatchError> {
    let batch = Batch::read_unverified(stored)?;
    match batch.codec() {
        Codec::Lz4 => expand(&batch, buffers),
        _ => Ok(stored.clone()),
    }
}

/// The aborted transactions that a reader of committed data meets in these offsets.
fn aborted(journal: &Journal, place: &Place, from: i64, to: i64) -> Vec<AbortedTransaction> {
    let aborted = journal.aborted(place.topic.id, place.partition, from, to);
    let told =
        |aborted: &Aborted| AbortedTransaction { producer_id: aborted.producer, first_offset: aborted.first_offset };
    aborted.iter().map(told).collect()
}

/// The response with what has to be told; partitions that follow each other in a topic are told together.
fn respond(plan: &Plan, answers: Vec<PartitionData>, told: &[bool]) -> FetchResponse {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut last = None;
    for ((wanted, data), told) in plan.wanted.iter().zip(answers).zip(told) {
        if !told {
            continue;
        }
        if last != Some(&wanted.topic) {
            last = Some(&wanted.topic);
            responses.push(FetchableTopicResponse {
                topic: wanted.topic.name.clone(),
                topic_id: wanted.topic.id,
                partitions: Vec::new(),
            });
        }
        if let Some(topic) = responses.last_mut() {
            topic.partitions.push(data);
        }
    }
    FetchResponse { session_id: plan.session, responses, ..FetchResponse::default() }
}
