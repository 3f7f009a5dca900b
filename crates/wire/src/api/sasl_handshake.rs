//! `SaslHandshake` (17): which SASL mechanism is to be used.

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Names a mechanism. After version 0 bare tokens follow, after version 1 `SaslAuthenticate` requests (KIP-152).
    struct SaslHandshakeRequest {
        /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        mechanism: String;
    }

    /// Whether the mechanism is known, and which are.
    struct SaslHandshakeResponse {
        error_code: ErrorCode;
        mechanisms: Vec<String>;
    }
}
