//! `DeleteRecords` (21): the front of partitions goes.

use tailwater_wire::api::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::broker::error_code;
use crate::server::dispatch::Call;

/// Everything up to the high watermark.
const ALL: i64 = -1;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let (low_watermark, error_code) = match delete(call, &topic.name, &partition).await {
                Ok(start) => (start, ErrorCode::NONE),
                Err(code) => (-1, code),
            };
            let partition_index = partition.partition_index;
            partitions.push(DeleteRecordsPartitionResult { partition_index, low_watermark, error_code });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() }
}

async fn delete(call: &Call, topic: &str, wanted: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let broker = &call.shared.broker;
    let (topic, partition, bounds) = call.partition(Access::Admin, topic, wanted.partition_index)?;
    if topic.config.compacted && !topic.config.deleted {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    let before = if wanted.offset == ALL { bounds.high_watermark } else { wanted.offset };
    if !(0..=bounds.high_watermark).contains(&before) {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    let id = topic.id;
    let start = broker.blocking(move |journal| journal.delete_records(id, partition, before)).await;
    start.map_err(|error| error_code(&error))
}
