//! `ListTransactions` (66): the transactional ids that there are (KIP-664).

use regex::Regex;
use tailwater_wire::api::list_transactions::{ListTransactionsRequest, ListTransactionsResponse, TransactionState};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::Access;
use crate::server::dispatch::Call;
use crate::transaction::Transaction;

/// Kafka's states. Those that are not among [`crate::transaction::Phase`] are never seen here.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: ListTransactionsRequest) -> ListTransactionsResponse {
    // An expression names whole ids.
    let pattern = request.transactional_id_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    let pattern = match pattern.map(|pattern| Regex::new(&format!("^(?:{pattern})$"))).transpose() {
        Ok(pattern) => pattern,
        Err(_) => {
            let error_code = ErrorCode::INVALID_REGULAR_EXPRESSION;
            return ListTransactionsResponse { error_code, ..ListTransactionsResponse::default() };
        }
    };
    let wanted = |id: &str, known: &Transaction, now: u64| {
        let open_for = i64::try_from(now.saturating_sub(known.started)).unwrap_or(i64::MAX);
        let (states, producers) = (&request.state_filters, &request.producer_id_filters);
        (states.is_empty() || states.iter().any(|state| state == known.phase.name()))
            && (producers.is_empty() || producers.contains(&known.producer))
            && (request.duration_filter < 0 || (known.is_open() && open_for > request.duration_filter))
            && pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
    };
    let known = call.shared.broker.coordinator.transactions(wanted).into_iter();
    let known = known.filter(|(id, _)| call.may(Access::See, id));
    let transaction_states = known.map(|(id, known)| TransactionState {
        transactional_id: id,
        producer_id: known.producer,
        transaction_state: known.phase.name().to_owned(),
    });
    let unknown = request.state_filters.iter().filter(|state| !STATES.contains(&state.as_str()));
    ListTransactionsResponse {
        unknown_state_filters: unknown.cloned().collect(),
        transaction_states: transaction_states.collect(),
        ..ListTransactionsResponse::default()
    }
}
