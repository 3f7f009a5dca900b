//! `SaslHandshake` (17): a client says how it will prove who it is.

use tailwater_wire::api::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::security::sasl::MECHANISMS;
use crate::server::dispatch::Call;

/// The version after which tokens are frames of their own.
const BARE: i16 = 0;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: SaslHandshakeRequest) -> SaslHandshakeResponse {
    let begun = call.session.authentication.begin(&request.mechanism, call.header.version.number == BARE);
    let error_code = begun.err().unwrap_or(ErrorCode::NONE);
    let mechanisms = match error_code {
        // Who needs no authentication is offered none.
        ErrorCode::ILLEGAL_SASL_STATE => Vec::new(),
        _ => MECHANISMS.map(str::to_owned).to_vec(),
    };
    SaslHandshakeResponse { error_code, mechanisms }
}
