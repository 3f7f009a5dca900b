//! `DescribeClientQuotas` (48): how much clients may send and receive. There are no quotas here, and whoever asks is told
//! so: Kafka's tools ask before they show a user.

use std::collections::BTreeSet;

use tailwater_wire::api::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::REFUSED;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(
    call: &Call,
    request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let checked =
        call.on_cluster().map_err(|code| (code, REFUSED.to_owned())).and_then(|()| check(&request.components));
    match checked {
        Ok(()) => DescribeClientQuotasResponse { error_message: None, ..Default::default() },
        Err((error_code, why)) => DescribeClientQuotasResponse {
            error_code,
            error_message: Some(why),
            entries: None,
            ..DescribeClientQuotasResponse::default()
        },
    }
}

/// What Kafka refuses: kinds that it does not know or that stand there twice, and contradictions.
fn check(components: &[ComponentData]) -> Result<(), (ErrorCode, String)> {
    const EXACT: i8 = 0;
    const DEFAULT: i8 = 1;
    const ANY: i8 = 2;
    let mut seen = BTreeSet::new();
    for ComponentData { entity_type, match_type, r#match: name } in components {
        let invalid = |why: &str| Err((ErrorCode::INVALID_REQUEST, format!("{entity_type}: {why}")));
        match (*match_type, name) {
            (EXACT, None) => return invalid("a name is to match, and there is none"),
            (DEFAULT | ANY, Some(_)) => return invalid("a name is given, and none is to match"),
            (EXACT | DEFAULT | ANY, _) => {}
            (other, _) => return invalid(&format!("there is no match type {other}")),
        }
        if !seen.insert(entity_type.as_str()) {
            return invalid("it stands there twice");
        }
        if !["user", "client-id", "ip"].contains(&entity_type.as_str()) {
            return Err((ErrorCode::UNSUPPORTED_VERSION, format!("there is no kind of entity '{entity_type}'")));
        }
    }
    match seen.contains("ip") && seen.len() > 1 {
        true => Err((ErrorCode::INVALID_REQUEST, "ip does not go with user or client-id".to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(components: &[(&str, i8, Option<&str>)]) -> Result<(), ErrorCode> {
        let component = |(entity_type, match_type, name): &(&str, i8, Option<&str>)| ComponentData {
            entity_type: (*entity_type).to_owned(),
            match_type: *match_type,
            r#match: name.map(str::to_owned),
        };
        check(&components.iter().map(component).collect::<Vec<_>>()).map_err(|(code, _)| code)
    }

    #[test]
    fn questions_are_checked_as_kafka_checks_them() {
        assert_eq!(code(&[]), Ok(()));
        assert_eq!(code(&[("user", 0, Some("a")), ("client-id", 2, None)]), Ok(()));
        assert_eq!(code(&[("ip", 1, None)]), Ok(()));
        for wrong in [("user", 0, None), ("user", 1, Some("a")), ("user", 2, Some("a")), ("user", 3, None)] {
            assert_eq!(code(&[wrong]), Err(ErrorCode::INVALID_REQUEST), "{wrong:?}");
        }
        assert_eq!(code(&[("user", 2, None), ("user", 2, None)]), Err(ErrorCode::INVALID_REQUEST));
        assert_eq!(code(&[("ip", 2, None), ("user", 2, None)]), Err(ErrorCode::INVALID_REQUEST));
        assert_eq!(code(&[("planet", 2, None)]), Err(ErrorCode::UNSUPPORTED_VERSION));
    }
}
