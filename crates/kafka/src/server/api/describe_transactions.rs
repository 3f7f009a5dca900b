//! `DescribeTransactions` (65): what transactional ids are at (KIP-664).

use tailwater_wire::api::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};
use tailwater_wire::error_code::ErrorCode;

use super::distinct;
use crate::server::authorization::Access;
use crate::server::dispatch::Call;
use crate::transaction::Transaction;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let one = |id: String| match call.shared.broker.coordinator.transaction(&id) {
        _ if let Err(error_code) = call.on_transaction(Access::See, &id) => {
            TransactionState { error_code, transactional_id: id, ..TransactionState::default() }
        }
        Some(known) => {
            let state = describe(id, &known);
            let topics = state.topics.into_iter().filter(|topic| call.may(Access::See, &topic.topic)).collect();
            TransactionState { topics, ..state }
        }
        None => {
            let error_code =
                if id.is_empty() { ErrorCode::INVALID_REQUEST } else { ErrorCode::TRANSACTIONAL_ID_NOT_FOUND };
            TransactionState { error_code, transactional_id: id, ..TransactionState::default() }
        }
    };
    let transaction_states = distinct(request.transactional_ids, String::clone).map(one).collect();
    DescribeTransactionsResponse { transaction_states, ..DescribeTransactionsResponse::default() }
}

fn describe(transactional_id: String, known: &Transaction) -> TransactionState {
    let mut topics: Vec<TopicData> = Vec::new();
    for (topic, partition) in &known.partitions {
        match topics.last_mut().filter(|last| last.topic == *topic) {
            Some(last) => last.partitions.push(*partition),
            None => topics.push(TopicData { topic: topic.clone(), partitions: vec![*partition] }),
        }
    }
    let started = i64::try_from(known.started).unwrap_or(i64::MAX);
    TransactionState {
        error_code: ErrorCode::NONE,
        transactional_id,
        transaction_state: known.phase.name().to_owned(),
        transaction_timeout_ms: i32::try_from(known.timeout).unwrap_or(i32::MAX),
        transaction_start_time_ms: if started == 0 { -1 } else { started },
        producer_id: known.producer,
        producer_epoch: known.epoch,
        topics,
    }
}
