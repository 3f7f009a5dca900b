//! `OffsetForLeaderEpoch` (23): where an epoch ended. There is one, and it has not ended (KIP-320).

use tailwater_wire::api::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::broker::{EPOCH, check_epoch};
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let one = |wanted: &OffsetForLeaderPartition| {
            let partition = wanted.partition;
            match end_of(call, &topic.topic, wanted) {
                Ok(Some(end_offset)) => {
                    EpochEndOffset { partition, leader_epoch: EPOCH, end_offset, ..EpochEndOffset::default() }
                }
                Ok(None) => EpochEndOffset { partition, ..EpochEndOffset::default() },
                Err(error_code) => EpochEndOffset { error_code, partition, ..EpochEndOffset::default() },
            }
        };
        let partitions = topic.partitions.iter().map(one).collect();
        OffsetForLeaderTopicResult { topic: topic.topic, partitions }
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..OffsetForLeaderEpochResponse::default() }
}

/// The end of the epoch, if it is the one that there is.
fn end_of(call: &Call, topic: &str, wanted: &OffsetForLeaderPartition) -> Result<Option<i64>, ErrorCode> {
    let (_, _, bounds) = call.partition(Access::See, topic, wanted.partition)?;
    check_epoch(wanted.current_leader_epoch)?;
    Ok((wanted.leader_epoch == EPOCH).then_some(bounds.high_watermark))
}
