//! `/connectors/NAME/offsets`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tailwater_connector::Offset;

use super::request::Body;
use super::{Face, shapes};
use crate::herder::Refusal;

type Answer = Result<Response, Refusal>;

pub(super) async fn get(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    let offsets = face.ask(move |herder| herder.offsets(&name)).await?;
    Ok(Json(json!({ "offsets": offsets })).into_response())
}

pub(super) async fn alter(State(face): State<Face>, Path(name): Path<String>, Body(body): Body) -> Answer {
    let none = || Refusal::bad("Partitions / offsets need to be provided for an alter offsets request");
    let missing =
        || Refusal::failed(r#"The request has no body; send {"offsets": [{"partition": {…}, "offset": {…}}]}"#);
    let raw = shapes::offsets(&body).map_err(Refusal::failed)?.ok_or_else(missing)?;
    let offsets: Option<Vec<Offset>> = raw
        .into_iter()
        .map(|raw| raw.map(|raw| Offset { partition: raw.partition.unwrap_or_default(), offset: raw.offset }))
        .collect();
    let offsets = offsets.ok_or_else(|| Refusal::failed("One of the offsets is null"))?;
    if offsets.is_empty() {
        return Err(none());
    }
    face.ask(move |herder| herder.alter_offsets(&name, &offsets)).await?;
    Ok(Json(json!({"message": "The offsets for this connector have been altered successfully"})).into_response())
}

pub(super) async fn reset(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    face.ask(move |herder| herder.reset_offsets(&name)).await?;
    Ok(Json(json!({"message": "The offsets for this connector have been reset successfully"})).into_response())
}
