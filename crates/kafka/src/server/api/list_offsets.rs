//! `ListOffsets` (2): the offset at a time, to the record; and the ends of the log.

use std::collections::HashSet;
use std::ops::ControlFlow;

use tailwater_journal::{Bounds, Journal, JournalError, TopicId};
use tailwater_wire::api::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use tailwater_wire::batch::Batch;
use tailwater_wire::error_code::ErrorCode;

use crate::limits::LOOKUP_BATCHES;
use crate::server::authorization::Access;
use crate::server::broker::{EPOCH, check_epoch, error_code};
use crate::server::dispatch::Call;

/// The end of the log.
const LATEST: i64 = -1;
/// Its start.
const EARLIEST: i64 = -2;
/// The record with the greatest timestamp (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// The start of what is kept here (KIP-405): all of it is.
const EARLIEST_LOCAL: i64 = -4;
/// The end of what was moved elsewhere (KIP-1005): nothing was.
const LATEST_TIERED: i64 = -5;

/// A timestamp and an offset.
type Found = (i64, i64);
/// What is answered when no record is as late.
const NOTHING: Found = (-1, -1);

/// A partition in the journal.
type Place = (TopicId, u32);

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let committed = request.isolation_level != 0;
    let repeated = repeated(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let answer = match repeated.contains(&(topic.name.clone(), partition.partition_index)) {
                true => Err(ErrorCode::INVALID_REQUEST),
                false => one(call, &topic.name, &partition, committed).await,
            };
            let ((timestamp, offset), error_code) = match answer {
                Ok(found) => (found, ErrorCode::NONE),
                Err(error_code) => (NOTHING, error_code),
            };
            // Before version 4 there is no place for an epoch.
            let has_epoch = offset >= 0 && call.header.version.number >= 4;
            partitions.push(ListOffsetsPartitionResponse {
                partition_index: partition.partition_index,
                error_code,
                timestamp,
                offset,
                leader_epoch: if has_epoch { EPOCH } else { -1 },
            });
        }
        topics.push(ListOffsetsTopicResponse { name: topic.name, partitions });
    }
    ListOffsetsResponse { topics, ..ListOffsetsResponse::default() }
}

/// The partitions that a request names more than once; Kafka refuses these.
fn repeated(request: &ListOffsetsRequest) -> HashSet<(String, i32)> {
    let mut seen = HashSet::new();
    let named = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(move |partition| (topic.name.as_str(), partition.partition_index))
    });
    let again = named.filter(|named| !seen.insert(*named));
    again.map(|(name, partition)| (name.to_owned(), partition)).collect()
}

async fn one(call: &Call, topic: &str, wanted: &ListOffsetsPartition, committed: bool) -> Result<Found, ErrorCode> {
    let (topic, partition, bounds) = call.partition(Access::See, topic, wanted.partition_index)?;
    check_epoch(wanted.current_leader_epoch)?;
    let end = if committed { bounds.last_stable } else { bounds.high_watermark };
    let place = (topic.id, partition);
    match wanted.timestamp {
        LATEST => Ok((-1, end)),
        EARLIEST | EARLIEST_LOCAL => Ok((-1, bounds.log_start)),
        LATEST_TIERED => Ok(NOTHING),
        MAX_TIMESTAMP => Ok(below(latest(call, place).await?, bounds, end)),
        timestamp if timestamp < 0 => Err(ErrorCode::UNSUPPORTED_VERSION),
        timestamp => Ok(below(first_at(call, place, timestamp).await?, bounds, end)),
    }
}

/// What was found, if the reader may see it.
fn below(found: Option<Found>, bounds: Bounds, end: i64) -> Found {
    found.filter(|(_, offset)| (bounds.log_start..end).contains(offset)).unwrap_or(NOTHING)
}

/// The first of the records with the greatest timestamp. The journal knows one that is as great or greater: that of a
/// marker may be, or of a record below the log start. Then it is approached, in steps that double and then halve.
async fn latest(call: &Call, place: Place) -> Result<Option<Found>, ErrorCode> {
    let Some(most) = call.shared.broker.journal.max_timestamp(place.0, place.1) else { return Ok(None) };
    // There is no record at `late` or after it.
    let (mut late, mut step) = (most, 0i64);
    let mut found = loop {
        let at = most.saturating_sub(step).max(0);
        match first_at(call, place, at).await? {
            Some(found) => break found,
            None if at == 0 => return Ok(None),
            None => (late, step) = (at, step.saturating_mul(2).max(1)),
        }
    };
    while late - found.0 > 1 {
        let at = found.0 + (late - found.0) / 2;
        match first_at(call, place, at).await? {
            Some(later) => found = later,
            None => late = at,
        }
    }
    Ok(Some(found))
}

/// The first record at or after a time.
async fn first_at(call: &Call, place: Place, timestamp: i64) -> Result<Option<Found>, ErrorCode> {
    let broker = &call.shared.broker;
    let mut from = 0;
    loop {
        // Whoever asks for much takes turns with the others. The semaphore is never closed.
        let _turn = broker.lookups.acquire().await;
        let looked = broker.blocking(move |journal| look(journal, place, timestamp, from)).await;
        match looked.map_err(|error| error_code(&error))? {
            ControlFlow::Break(found) => return Ok(found),
            ControlFlow::Continue(next) => from = next,
        }
    }
}

/// Looks for the first record at or after a time, from an offset on, in some batches; where to go on. The journal knows
/// the batch; the record is in it, or in a later one where the batch is a transaction's marker, or the record is dead.
fn look(
    journal: &Journal,
    (topic, partition): Place,
    timestamp: i64,
    mut from: i64,
) -> Result<ControlFlow<Option<Found>, i64>, JournalError> {
    for _ in 0..LOOKUP_BATCHES {
        from = journal.offset_at_from(topic, partition, timestamp, from)?;
        let Some(stored) = journal.read(topic, partition, from, 1)?.into_iter().next() else {
            return Ok(ControlFlow::Break(None));
        };
        let damaged = |error| JournalError::Refused { why: format!("the batch at {from} is unreadable: {error}") };
        let batch = Batch::read_unverified(&stored.bytes).map_err(damaged)?;
        if !batch.is_control() && batch.max_timestamp >= timestamp {
            let plain = batch.plain().map_err(damaged)?;
            for record in batch.raw_records(&plain).map_err(damaged)? {
                let record = record.map_err(damaged)?;
                if record.timestamp >= timestamp && record.offset >= from {
                    return Ok(ControlFlow::Break(Some((record.timestamp, record.offset))));
                }
            }
        }
        from = stored.base_offset + i64::from(stored.records);
    }
    Ok(ControlFlow::Continue(from))
}
