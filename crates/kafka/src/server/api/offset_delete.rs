//! `OffsetDelete` (47): offsets that a group has no use for any more go (KIP-496).

use tailwater_wire::api::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let of_topic = |topic: &tailwater_wire::api::offset_delete::OffsetDeleteRequestTopic| {
        let name = topic.name.clone();
        let indexes: Vec<_> = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        indexes.into_iter().map(move |index| (name.clone(), index))
    };
    let partitions: Vec<(String, i32)> = request.topics.iter().flat_map(of_topic).collect();
    let deleted = match call.on_group(Access::Admin, &request.group_id) {
        Ok(()) => call.shared.broker.coordinator.delete_offsets(request.group_id, partitions.clone()).await,
        Err(refused) => Err(refused),
    };
    let results = match deleted {
        Ok(results) => results,
        Err(error_code) => return OffsetDeleteResponse { error_code, ..OffsetDeleteResponse::default() },
    };
    let mut topics: Vec<OffsetDeleteResponseTopic> = Vec::new();
    for ((name, partition_index), result) in partitions.into_iter().zip(results) {
        let error_code = result.err().unwrap_or(ErrorCode::NONE);
        let partition = OffsetDeleteResponsePartition { partition_index, error_code };
        match topics.last_mut().filter(|last| last.name == name) {
            Some(last) => last.partitions.push(partition),
            None => topics.push(OffsetDeleteResponseTopic { name, partitions: vec![partition] }),
        }
    }
    OffsetDeleteResponse { topics, ..OffsetDeleteResponse::default() }
}
