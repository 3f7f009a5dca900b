//! `/connector-plugins`: what connectors can be made of.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::{Body, flag};
use super::{Face, answer, shapes};
use crate::herder::Refusal;
use crate::herder::view::{VERSION, kind_word};
use crate::{pipeline, transform};

pub(super) async fn list(State(face): State<Face>, RawQuery(query): RawQuery) -> Response {
    let entry = |class: &str, kind: &str| json!({"class": class, "type": kind, "version": VERSION});
    let plugins = face.herder.registry().plugins();
    let classes = plugins.flat_map(|p| p.classes().iter().map(|class| (*class, kind_word(p.kind()))));
    let mut all: Vec<Value> = classes.map(|(class, kind)| entry(class, kind)).collect();
    if !flag(query.as_deref(), "connectorsOnly", true) {
        let names = transform::classes().flat_map(|class| class.names.iter());
        all.extend(names.map(|name| entry(name, "transformation")));
        all.extend(pipeline::classes().map(|(class, kind)| entry(class, kind)));
    }
    Json(all).into_response()
}

pub(super) async fn config(State(face): State<Face>, Path(plugin): Path<String>) -> Result<Response, Refusal> {
    Ok(Json(face.herder.definitions(&plugin)?).into_response())
}

pub(super) async fn validate(
    State(face): State<Face>,
    Path(plugin): Path<String>,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let typed = shapes::properties(&body).map_err(Refusal::failed)?.unwrap_or_default();
    let config = typed.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let validation = face.ask(move |herder| herder.validate(&plugin, &config)).await?;
    let problems = answer::with_problems(&validation.problems);
    Ok((problems, Json(validation)).into_response())
}
