//! `ListOffsets` (2): the offset at a time, to the record; and the ends of the log.

use tailwater_journal::{Bounds, Journal, JournalError, TopicId};
use tailwater_wire::api::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use tailwater_wire::batch::Batch;
use tailwater_wire::error_code::ErrorCode;

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

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let committed = request.isolation_level != 0;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let answer = one(call, &topic.name, &partition, committed).await;
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

async fn one(call: &Call, topic: &str, wanted: &ListOffsetsPartition, committed: bool) -> Result<Found, ErrorCode> {
    let broker = &call.shared.broker;
    let (topic, partition, bounds) = call.partition(Access::See, topic, wanted.partition_index)?;
    check_epoch(wanted.current_leader_epoch)?;
    let end = if committed { bounds.last_stable } else { bounds.high_watermark };
    let id = topic.id;
    match wanted.timestamp {
        LATEST => Ok((-1, end)),
        EARLIEST | EARLIEST_LOCAL => Ok((-1, bounds.log_start)),
        LATEST_TIERED => Ok(NOTHING),
        MAX_TIMESTAMP => {
            let search = move |journal: &Journal| match journal.max_timestamp(id, partition) {
                Some(timestamp) => first_at(journal, id, partition, timestamp),
                None => Ok(None),
            };
            let found = broker.blocking(search).await.map_err(|error| error_code(&error))?;
            Ok(below(found, bounds, end))
        }
        timestamp if timestamp < 0 => Err(ErrorCode::UNSUPPORTED_VERSION),
        timestamp => {
            let search = move |journal: &Journal| first_at(journal, id, partition, timestamp);
            let found = broker.blocking(search).await.map_err(|error| error_code(&error))?;
            Ok(below(found, bounds, end))
        }
    }
}

/// What was found, if the reader may see it.
fn below(found: Option<Found>, bounds: Bounds, end: i64) -> Found {
    found.filter(|(_, offset)| (bounds.log_start..end).contains(offset)).unwrap_or(NOTHING)
}

/// The first record at or after a time. The journal knows the batch; the record is in it, or in a later one where the
/// batch is a transaction's marker.
fn first_at(journal: &Journal, topic: TopicId, partition: u32, timestamp: i64) -> Result<Option<Found>, JournalError> {
    let mut from = journal.offset_at(topic, partition, timestamp)?;
    loop {
        let batches = journal.read(topic, partition, from, 1)?;
        if batches.is_empty() {
            return Ok(None);
        }
        for stored in batches {
            let damaged = |error| JournalError::Refused { why: format!("the batch at {from} is unreadable: {error}") };
            let batch = Batch::read_unverified(&stored.bytes).map_err(damaged)?;
            if !batch.is_control() && batch.max_timestamp >= timestamp {
                for record in batch.records().map_err(damaged)? {
                    let record = record.map_err(damaged)?;
                    if record.timestamp >= timestamp && record.offset >= from {
                        return Ok(Some((record.timestamp, record.offset)));
                    }
                }
            }
            from = stored.base_offset + i64::from(stored.records);
        }
    }
}
