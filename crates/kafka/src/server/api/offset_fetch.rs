//! `OffsetFetch` (9): how far groups have read.

use tailwater_journal::limits::PARTITIONS_TOTAL_MAX;
use tailwater_wire::api::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use tailwater_wire::error_code::ErrorCode;

use super::distinct;
use crate::coordinator::Fetched;
use crate::group::Offset;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// The first version with several groups in one request (KIP-709).
const SEVERAL_SINCE: i16 = 8;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let stable = request.require_stable;
    let mut response = OffsetFetchResponse::default();
    if call.header.version.number < SEVERAL_SINCE {
        let named = |topic: OffsetFetchRequestTopic| (topic.name, topic.partition_indexes);
        let wanted = request.topics.map(|topics| topics.into_iter().map(named).collect());
        let (error_code, topics) = of_group(call, &request.group_id, wanted, stable).await;
        response.error_code = error_code;
        response.topics = topics.into_iter().map(old_form).collect();
        return response;
    }
    for group in distinct(request.groups, |group| group.group_id.clone()) {
        let named = |topic: OffsetFetchRequestTopics| (topic.name, topic.partition_indexes);
        let wanted = group.topics.map(|topics| topics.into_iter().map(named).collect());
        let (error_code, topics) = of_group(call, &group.group_id, wanted, stable).await;
        response.groups.push(OffsetFetchResponseGroup { group_id: group.group_id, topics, error_code });
    }
    response
}

/// The offsets of one group: of these partitions, or of all that have one.
async fn of_group(
    call: &Call,
    group: &str,
    wanted: Option<Vec<(String, Vec<i32>)>>,
    stable: bool,
) -> (ErrorCode, Vec<OffsetFetchResponseTopics>) {
    let partitions = wanted.map(|wanted| {
        let of_topic = |(name, partitions): (String, Vec<i32>)| {
            distinct(partitions, |number| *number).map(move |partition| (name.clone(), partition))
        };
        // One more than there can be tells that it is too much.
        let wanted = distinct(wanted, |(name, _)| name.clone()).flat_map(of_topic);
        wanted.take(PARTITIONS_TOTAL_MAX + 1).collect::<Vec<_>>()
    });
    if partitions.as_ref().is_some_and(|partitions| partitions.len() > PARTITIONS_TOTAL_MAX) {
        return (ErrorCode::INVALID_REQUEST, Vec::new());
    }
    let all = partitions.is_none();
    let asked = partitions.clone().unwrap_or_default();
    let read = match call.on_group(Access::See, group) {
        Ok(()) => call.shared.broker.coordinator.offsets(group, partitions, stable).await,
        Err(refused) => Err(refused),
    };
    let (error_code, fetched) = match read {
        Ok(fetched) => {
            (ErrorCode::NONE, fetched.into_iter().filter_map(|one| seen(call, one, all)).collect::<Vec<_>>())
        }
        // Version 1 has a place for it at the partitions only.
        Err(error) => {
            let refused = |(topic, partition)| Fetched { topic, partition, offset: Err(error) };
            (error, asked.into_iter().map(refused).collect())
        }
    };
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for Fetched { topic, partition, offset } in fetched {
        let partition = partition_of(partition, offset);
        match topics.last_mut().filter(|last| last.name == topic) {
            Some(last) => last.partitions.push(partition),
            None => topics.push(OffsetFetchResponseTopics { name: topic, partitions: vec![partition] }),
        }
    }
    (error_code, topics)
}

/// An offset of a topic that may be seen; where all offsets are wanted, others are left out.
fn seen(call: &Call, fetched: Fetched, all: bool) -> Option<Fetched> {
    match call.on_topic(Access::See, &fetched.topic) {
        Ok(()) => Some(fetched),
        Err(_) if all => None,
        Err(refused) => Some(Fetched { offset: Err(refused), ..fetched }),
    }
}

fn partition_of(partition_index: i32, offset: Result<Option<Offset>, ErrorCode>) -> OffsetFetchResponsePartitions {
    let (offset, error_code) = match offset {
        Ok(offset) => (offset, ErrorCode::NONE),
        Err(error) => (None, error),
    };
    let (committed_offset, committed_leader_epoch, metadata) =
        offset.map_or((-1, -1, String::new()), |known| (known.offset, known.leader_epoch, known.metadata));
    let metadata = Some(metadata);
    OffsetFetchResponsePartitions { partition_index, committed_offset, committed_leader_epoch, metadata, error_code }
}

fn old_form(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |of: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: of.partition_index,
        committed_offset: of.committed_offset,
        committed_leader_epoch: of.committed_leader_epoch,
        metadata: of.metadata,
        error_code: of.error_code,
    };
    OffsetFetchResponseTopic { name: topic.name, partitions: topic.partitions.into_iter().map(partition).collect() }
}
