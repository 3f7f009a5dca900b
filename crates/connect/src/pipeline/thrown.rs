//! What Connect would have thrown where a record is refused: class and message of its exception.

use std::borrow::Cow;

use super::JSON;
use super::chain::Refusal;
use super::converter::deserialized;
use crate::transform::exception::{DATA, exception_of};

/// The class of the exception, and its message; ours where Connect's holds a value or says less.
pub(super) fn thrown(refusal: &Refusal) -> (&'static str, Cow<'_, str>) {
    let cause = refusal.problem.cause.as_str();
    match refusal.stage {
        "TRANSFORMATION" => (exception_of(refusal.class, cause), cause.into()),
        _ if refusal.class == JSON => (DATA, json(cause)),
        _ => (
            DATA,
            deserialized(refusal.class).map_or(cause.into(), |what| format!("Failed to deserialize {what}: ").into()),
        ),
    }
}

/// Connect's words for JSON that is not read.
fn json(cause: &str) -> Cow<'_, str> {
    const NO_ENVELOPE: &str = "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain \
                               additional fields. If you are trying to deserialize plain JSON data, set \
                               schemas.enable=false in your converter configuration.";
    const NO_JSON: &str = "Converting byte[] to Kafka Connect data failed due to serialization error: ";
    let reason =
        cause.rsplit_once(": ").filter(|(path, _)| path.starts_with("field ")).map_or(cause, |(_, reason)| reason);
    let no_json = [
        "not JSON",
        "more after",
        "a control character",
        "a member without",
        "an escape",
        "half a",
        "not four",
        "text that",
    ];
    match reason {
        _ if reason.contains("which the JSON converter reads with") => NO_ENVELOPE.into(),
        "not base64" => "Invalid bytes field".into(),
        "an array's schema without `items`" => "Array schema did not specify the element type".into(),
        "a schema without `type`" => "Schema must contain 'type' field".into(),
        _ if no_json.iter().any(|start| reason.starts_with(start)) => NO_JSON.into(),
        _ if reason.ends_with("without end") || reason.ends_with("is not closed") => NO_JSON.into(),
        _ => cause.into(),
    }
}
