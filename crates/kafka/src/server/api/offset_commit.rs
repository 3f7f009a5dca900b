//! `OffsetCommit` (8): how far a group has read, kept when it is answered.

use tailwater_wire::api::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use tailwater_wire::error_code::ErrorCode;

use crate::coordinator::Commit;
use crate::group::Caller;
use crate::limits::OFFSET_METADATA_MAX_BYTES;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut commits = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let commit = Commit {
                topic: topic.name.clone(),
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.committed_metadata.unwrap_or_default(),
            };
            let error_code = check(call, &commit);
            if error_code.is_none() {
                commits.push(commit);
            }
            partitions.push(OffsetCommitResponsePartition { partition_index: partition.partition_index, error_code });
        }
        topics.push(OffsetCommitResponseTopic { name: topic.name, partitions });
    }
    let (id, instance, generation) =
        (request.member_id, request.group_instance_id, request.generation_id_or_member_epoch);
    let (caller, retention) = (Caller { id, instance, generation }, u64::try_from(request.retention_time_ms).ok());
    let committed = match call.on_group(Access::Read, &request.group_id) {
        Ok(()) => call.shared.broker.coordinator.commit(request.group_id, caller, commits, retention).await,
        refused => refused,
    };
    if let Err(refused) = committed {
        let partitions = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.filter(|partition| partition.error_code.is_none()).for_each(|it| it.error_code = refused);
    }
    OffsetCommitResponse { topics, ..OffsetCommitResponse::default() }
}

/// Whether an offset may be committed at all: of a partition that there is, with no more beside it than is kept.
pub(super) fn check(call: &Call, commit: &Commit) -> ErrorCode {
    if commit.metadata.len() > OFFSET_METADATA_MAX_BYTES {
        return ErrorCode::OFFSET_METADATA_TOO_LARGE;
    }
    call.partition(Access::Read, &commit.topic, commit.partition).err().unwrap_or(ErrorCode::NONE)
}
