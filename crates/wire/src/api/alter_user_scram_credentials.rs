//! `AlterUserScramCredentials` (51): users that log in by SCRAM (KIP-554).

use bytes::Bytes;

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Adds, changes and removes users.
    struct AlterUserScramCredentialsRequest {
        deletions: Vec<ScramCredentialDeletion>;
        upsertions: Vec<ScramCredentialUpsertion>;
    }

    /// A mechanism that a user cannot log in by any more.
    struct ScramCredentialDeletion {
        name: String;
        /// 1: SCRAM-SHA-256; 2: SCRAM-SHA-512.
        mechanism: i8;
    }

    /// A mechanism that a user can log in by.
    struct ScramCredentialUpsertion {
        name: String;
        /// 1: SCRAM-SHA-256; 2: SCRAM-SHA-512.
        mechanism: i8;
        iterations: i32;
        salt: Bytes;
        /// What PBKDF2 makes of the password, the salt and the iterations: the password itself is not sent.
        salted_password: Bytes;
    }

    /// What became of each.
    struct AlterUserScramCredentialsResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        results: Vec<AlterUserScramCredentialsResult>;
    }

    /// One user.
    struct AlterUserScramCredentialsResult {
        user: String;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
    }
}
