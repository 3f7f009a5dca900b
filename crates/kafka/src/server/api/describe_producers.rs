//! `DescribeProducers` (61): who produces idempotently to partitions (KIP-664).

use tailwater_journal::ProducerInfo;
use tailwater_wire::api::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

use super::distinct;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let broker = &call.shared.broker;
    let topics = distinct(request.topics, |topic| topic.name.clone()).map(|topic| {
        let one = |partition_index: i32| match call.partition(Access::Read, &topic.name, partition_index) {
            Ok((found, partition, _)) => {
                let producers = broker.journal.producers(found.id, partition);
                let active_producers = producers.iter().map(state).collect();
                PartitionResponse { partition_index, active_producers, ..PartitionResponse::default() }
            }
            Err(error_code) => PartitionResponse { partition_index, error_code, ..PartitionResponse::default() },
        };
        let partitions = distinct(topic.partition_indexes, |number| *number).map(one).collect();
        TopicResponse { name: topic.name, partitions }
    });
    DescribeProducersResponse { topics: topics.collect(), ..DescribeProducersResponse::default() }
}

fn state(producer: &ProducerInfo) -> ProducerState {
    ProducerState {
        producer_id: producer.id,
        producer_epoch: producer.epoch.into(),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_ms,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.open_from.unwrap_or(-1),
    }
}
