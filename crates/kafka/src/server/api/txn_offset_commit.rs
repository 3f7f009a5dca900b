//! `TxnOffsetCommit` (28): offsets that count when the transaction is committed.

use tailwater_wire::api::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::offset_commit::check;
use crate::coordinator::Commit;
use crate::group::Caller;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
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
            partitions
                .push(TxnOffsetCommitResponsePartition { partition_index: partition.partition_index, error_code });
        }
        topics.push(TxnOffsetCommitResponseTopic { name: topic.name, partitions });
    }
    let producer = (request.producer_id, request.producer_epoch);
    let (id, instance, generation) = (request.member_id, request.group_instance_id, request.generation_id);
    let group = (request.group_id, Caller { id, instance, generation });
    let coordinator = &call.shared.broker.coordinator;
    let may = call.on_transaction(Access::Write, &request.transactional_id);
    let committed = match may.and_then(|()| call.on_group(Access::Read, &group.0)) {
        Ok(()) => coordinator.commit_with(request.transactional_id, producer, group, commits).await,
        refused => refused,
    };
    if let Err(refused) = committed {
        let partitions = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.filter(|partition| partition.error_code.is_none()).for_each(|it| it.error_code = refused);
    }
    TxnOffsetCommitResponse { topics, ..TxnOffsetCommitResponse::default() }
}
