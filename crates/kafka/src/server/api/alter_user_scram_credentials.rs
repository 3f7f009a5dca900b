//! `AlterUserScramCredentials` (51): what users log in by is set and removed (KIP-554). The client has made a salted
//! password; the password itself is not sent.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use tailwater_wire::api::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, AlterUserScramCredentialsResult,
    ScramCredentialUpsertion,
};
use tailwater_wire::error_code::ErrorCode;

use crate::limits::{ITERATIONS_LEAST, ITERATIONS_MOST};
use crate::security::scram::{Credential, Mechanism};
use crate::security::users::Users;
use crate::server::authorization::REFUSED;
use crate::server::dispatch::Call;

/// A code, and the words for whoever asked.
type Fault = (ErrorCode, String);
/// What is to become of a user: for each mechanism what it logs in by, or nothing.
type Changes = Vec<(Mechanism, Option<Credential>)>;

/// Answers a request: all changes of a user are made, or none.
pub(in crate::server) async fn answer(
    call: &Call,
    request: AlterUserScramCredentialsRequest,
) -> AlterUserScramCredentialsResponse {
    let mut changes: BTreeMap<String, Result<Changes, Fault>> = BTreeMap::new();
    let deletions = request.deletions.into_iter().map(|gone| {
        let change = mechanism(gone.mechanism).map(|mechanism| (mechanism, None));
        (gone.name, change)
    });
    let upsertions = request.upsertions.into_iter().map(|set| {
        let change = credential(&set).map(|(mechanism, credential)| (mechanism, Some(credential)));
        (set.name, change)
    });
    for (name, change) in deletions.chain(upsertions) {
        let all = changes.entry(name).or_insert_with(|| Ok(Vec::new()));
        let Ok(known) = all else { continue };
        match change {
            Ok((mechanism, _)) if known.iter().any(|(other, _)| *other == mechanism) => {
                let why = "A user credential cannot be altered twice in the same request";
                *all = Err((ErrorCode::DUPLICATE_RESOURCE, why.to_owned()));
            }
            Ok(change) => known.push(change),
            Err(fault) => *all = Err(fault),
        }
    }
    let allowed = call.on_cluster();
    let mut results = Vec::with_capacity(changes.len());
    for (user, changes) in changes {
        let altered = match (allowed, changes) {
            (Err(code), _) => Err((code, REFUSED.to_owned())),
            (Ok(()), Err(fault)) => Err(fault),
            (Ok(()), Ok(changes)) => alter(call, user.clone(), changes).await,
        };
        let (error_code, error_message) = match altered {
            Ok(()) => (ErrorCode::NONE, None),
            Err((code, why)) => (code, Some(why)),
        };
        results.push(AlterUserScramCredentialsResult { user, error_code, error_message });
    }
    AlterUserScramCredentialsResponse { results, ..AlterUserScramCredentialsResponse::default() }
}

async fn alter(call: &Call, user: String, changes: Changes) -> Result<(), Fault> {
    if user.is_empty() {
        return Err((ErrorCode::UNACCEPTABLE_CREDENTIAL, "Username must not be empty".to_owned()));
    }
    let users: Users = call.shared.broker.users.clone();
    let (name, peer) = (user.clone(), call.session.peer);
    let altered = tokio::task::spawn_blocking(move || users.set_credentials(&name, changes)).await;
    match altered {
        Ok(Ok(())) => {
            tracing::info!(user, %peer, "a client changed what a user logs in by");
            Ok(())
        }
        Ok(Err(problem)) if problem.code == "USER_UNKNOWN" => {
            let why = "Attempt to delete a user credential that does not exist";
            Err((ErrorCode::RESOURCE_NOT_FOUND, why.to_owned()))
        }
        Ok(Err(problem)) if problem.code == "USER_INVALID" => Err((ErrorCode::UNACCEPTABLE_CREDENTIAL, problem.cause)),
        Ok(Err(problem)) => Err((ErrorCode::KAFKA_STORAGE_ERROR, problem.cause)),
        // It is given up only when the process ends.
        Err(_) => Err((ErrorCode::UNKNOWN_SERVER_ERROR, "the process ends".to_owned())),
    }
}

fn mechanism(number: i8) -> Result<Mechanism, Fault> {
    let unknown = || (ErrorCode::UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism".to_owned());
    Mechanism::of_number(number).ok_or_else(unknown)
}

fn credential(set: &ScramCredentialUpsertion) -> Result<(Mechanism, Credential), Fault> {
    let mechanism = mechanism(set.mechanism)?;
    let refuse = |why: &str| Err((ErrorCode::UNACCEPTABLE_CREDENTIAL, why.to_owned()));
    let iterations = u32::try_from(set.iterations).ok().and_then(NonZeroU32::new);
    let iterations = match iterations {
        Some(iterations) if iterations > ITERATIONS_MOST => return refuse("Too many iterations"),
        Some(iterations) if iterations >= ITERATIONS_LEAST => iterations,
        _ => return refuse("Too few iterations"),
    };
    if set.salted_password.len() != mechanism.bytes() {
        return refuse("The salted password is not as long as the digest");
    }
    Ok((mechanism, Credential::of_salted(mechanism, &set.salted_password, set.salt.to_vec(), iterations)))
}
