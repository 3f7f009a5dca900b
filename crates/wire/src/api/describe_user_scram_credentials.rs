//! `DescribeUserScramCredentials` (50): who can log in by SCRAM, without their secrets (KIP-554).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for users.
    struct DescribeUserScramCredentialsRequest {
        /// Null or empty: all.
        users: Option<Vec<UserName>> = Some(Vec::new());
    }

    /// A user.
    struct UserName {
        name: String;
    }

    /// The users.
    struct DescribeUserScramCredentialsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        results: Vec<DescribeUserScramCredentialsResult>;
    }

    /// One user.
    struct DescribeUserScramCredentialsResult {
        user: String;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        credential_infos: Vec<CredentialInfo>;
    }

    /// A mechanism that the user can log in by.
    struct CredentialInfo {
        /// 1: SCRAM-SHA-256; 2: SCRAM-SHA-512.
        mechanism: i8;
        iterations: i32;
    }
}
