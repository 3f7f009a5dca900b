//! `FindCoordinator` (10): who coordinates a group or a transactional id. There is one broker, so it does.

use tailwater_wire::api::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::NODE;
use crate::server::dispatch::Call;

/// The first version with several keys in one request (KIP-699).
const SEVERAL_SINCE: i16 = 4;
/// The kinds of keys: groups and transactional ids. Share groups have none here.
const KEY_TYPES: std::ops::RangeInclusive<i8> = 0..=1;

/// A group.
const GROUP: i8 = 0;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let one = |key: String| match KEY_TYPES.contains(&request.key_type) {
        true if let Err(error_code) = may(call, request.key_type, &key) => {
            let error_message = Some(REFUSED.to_owned());
            Coordinator { key, node_id: -1, host: String::new(), port: -1, error_code, error_message }
        }
        true => {
            let (host, port) = call.session.advertised(call.shared.broker.settings.advertised.as_ref());
            let (error_code, error_message) = (ErrorCode::NONE, None);
            Coordinator { key, node_id: NODE, host, port: port.into(), error_code, error_message }
        }
        false => {
            let why = format!("There are no coordinators of type {}", request.key_type);
            let (error_code, error_message) = (ErrorCode::INVALID_REQUEST, Some(why));
            Coordinator { key, node_id: -1, host: String::new(), port: -1, error_code, error_message }
        }
    };
    if call.header.version.number >= SEVERAL_SINCE {
        let coordinators = request.coordinator_keys.into_iter().map(one).collect();
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    }
    let Coordinator { node_id, host, port, error_code, error_message, .. } = one(request.key);
    FindCoordinatorResponse { node_id, host, port, error_code, error_message, ..FindCoordinatorResponse::default() }
}

/// Whether the client may know of the group or the transactional id.
fn may(call: &Call, key_type: i8, key: &str) -> Result<(), ErrorCode> {
    match key_type {
        GROUP => call.on_group(Access::See, key),
        _ => call.on_transaction(Access::See, key),
    }
}
