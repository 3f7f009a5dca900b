//! `DescribeUserScramCredentials` (50): who can log in, and by which mechanism of SCRAM (KIP-554).

use std::collections::BTreeSet;

use tailwater_wire::api::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
};
use tailwater_wire::error_code::ErrorCode;

use crate::security::users::UserInfo;
use crate::server::authorization::REFUSED;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    request: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    if let Err(error_code) = call.on_cluster() {
        let error_message = Some(REFUSED.to_owned());
        return DescribeUserScramCredentialsResponse { error_code, error_message, ..Default::default() };
    }
    let mut known = call.shared.broker.users.list();
    known.retain(|user| !user.mechanisms.is_empty());
    let wanted: Vec<String> = request.users.unwrap_or_default().into_iter().map(|user| user.name).collect();
    let results = match wanted.is_empty() {
        true => known.iter().map(found).collect(),
        false => {
            let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
            twice.extend(wanted.iter().filter(|name| !seen.insert(*name)));
            seen.into_iter().map(|name| one(&known, name, twice.contains(name))).collect()
        }
    };
    DescribeUserScramCredentialsResponse { error_message: None, results, ..Default::default() }
}

fn one(known: &[UserInfo], name: &str, twice: bool) -> DescribeUserScramCredentialsResult {
    let refuse = |error_code, why: String| DescribeUserScramCredentialsResult {
        user: name.to_owned(),
        error_code,
        error_message: Some(why),
        ..DescribeUserScramCredentialsResult::default()
    };
    match known.iter().find(|user| user.name == name) {
        _ if twice => refuse(
            ErrorCode::DUPLICATE_RESOURCE,
            format!("Cannot describe SCRAM credentials for the same user twice in a single request: {name}"),
        ),
        None => refuse(
            ErrorCode::RESOURCE_NOT_FOUND,
            format!("Attempt to describe a user credential that does not exist: {name}"),
        ),
        Some(user) => found(user),
    }
}

fn found(user: &UserInfo) -> DescribeUserScramCredentialsResult {
    let info = |(mechanism, iterations): (&crate::security::scram::Mechanism, &std::num::NonZeroU32)| CredentialInfo {
        mechanism: mechanism.number(),
        iterations: iterations.get().cast_signed(),
    };
    DescribeUserScramCredentialsResult {
        user: user.name.clone(),
        error_message: None,
        credential_infos: user.mechanisms.iter().map(info).collect(),
        ..DescribeUserScramCredentialsResult::default()
    }
}
