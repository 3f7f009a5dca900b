//! `SaslAuthenticate` (36): one step of SASL's exchange.

use bytes::Bytes;

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// A token of the client.
    struct SaslAuthenticateRequest {
        auth_bytes: Bytes;
    }

    /// The token that answers it.
    struct SaslAuthenticateResponse {
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        auth_bytes: Bytes;
        /// Milliseconds until the client has to authenticate again (KIP-368); 0: never.
        session_lifetime_ms: i64, since(1).ignorable();
    }
}
