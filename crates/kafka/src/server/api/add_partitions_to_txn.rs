//! `AddPartitionsToTxn` (24): a transaction will write into these partitions.

use tailwater_wire::api::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
};
use tailwater_wire::error_code::ErrorCode;

use super::end_txn::{FENCED_SINCE, fenced};
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request: all partitions are added, or none.
pub(in crate::server) async fn answer(call: &Call, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    let broker = &call.shared.broker;
    let mut partitions = Vec::new();
    let mut unknown = false;
    let mut topics = Vec::with_capacity(request.v3_and_below_topics.len());
    for topic in request.v3_and_below_topics {
        let mut results = Vec::with_capacity(topic.partitions.len());
        for partition_index in topic.partitions {
            let found = call.on_records_for(&topic.name).and_then(|()| broker.partition(&topic.name, partition_index));
            let partition_error_code = found.err().unwrap_or(ErrorCode::NONE);
            unknown |= !partition_error_code.is_none();
            results.push(AddPartitionsToTxnPartitionResult { partition_index, partition_error_code });
            partitions.push((topic.name.clone(), partition_index));
        }
        topics.push(AddPartitionsToTxnTopicResult { name: topic.name, results_by_partition: results });
    }
    let producer = (request.v3_and_below_producer_id, request.v3_and_below_producer_epoch);
    let outcome = match unknown {
        _ if let Err(refused) = call.on_transaction(Access::Write, &request.v3_and_below_transactional_id) => {
            Err(refused)
        }
        true => Err(ErrorCode::OPERATION_NOT_ATTEMPTED),
        false => broker.coordinator.add_partitions(request.v3_and_below_transactional_id, producer, partitions).await,
    };
    if let Err(error) = outcome {
        let error = fenced(error, call, FENCED_SINCE);
        let results = topics.iter_mut().flat_map(|topic| &mut topic.results_by_partition);
        results.filter(|it| it.partition_error_code.is_none()).for_each(|it| it.partition_error_code = error);
    }
    AddPartitionsToTxnResponse { results_by_topic_v3_and_below: topics, ..AddPartitionsToTxnResponse::default() }
}
