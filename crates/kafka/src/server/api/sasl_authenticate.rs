//! `SaslAuthenticate` (36): the tokens by which a client proves who it is.

use bytes::Bytes;
use tailwater_wire::api::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authentication::Failed;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse {
    let refuse = |error_code: ErrorCode, why: &str| SaslAuthenticateResponse {
        error_code,
        error_message: Some(why.to_owned()),
        ..SaslAuthenticateResponse::default()
    };
    let authentication = &call.session.authentication;
    if authentication.is_done() {
        return refuse(ErrorCode::ILLEGAL_SASL_STATE, "There is nothing to authenticate any more");
    }
    let broker = &call.shared.broker;
    match authentication.token(request.auth_bytes, &broker.users, &broker.password_checks).await {
        // Whoever is known stays so until the connection ends.
        Ok(token) => SaslAuthenticateResponse {
            error_message: None,
            auth_bytes: Bytes::from(token),
            ..SaslAuthenticateResponse::default()
        },
        Err(Failed::Token(_)) => {
            refuse(ErrorCode::SASL_AUTHENTICATION_FAILED, "Authentication failed: invalid user or password")
        }
        Err(_) => refuse(ErrorCode::ILLEGAL_SASL_STATE, "A handshake comes first"),
    }
}
