//! `/connectors` and what lies below it, offsets excepted.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tailwater_connector::Config;

use super::request::{Body, flag, values};
use super::{Face, answer, not_found, shapes};
use crate::herder::view::{Info, StateInfo};
use crate::herder::{Applied, Changed, Refusal, Target, Typed};

/// Says what a change of configuration took: `live`, `restart`, or `snapshot` with the properties that ask for one.
const APPLIED: HeaderName = HeaderName::from_static("tailwater-applied");

type Answer = Result<Response, Refusal>;

#[derive(Serialize)]
struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StateInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Info>,
}

pub(super) async fn list(State(face): State<Face>, RawQuery(query): RawQuery) -> Answer {
    let query = query.as_deref();
    let wanted: Vec<String> = values(query, "expand").collect();
    if wanted.is_empty() {
        return Ok(Json(face.herder.names()).into_response());
    }
    let wants = |what: &str| wanted.iter().any(|value| value == what);
    let (mut statuses, mut infos) = (BTreeMap::new(), BTreeMap::new());
    if wants("status") {
        statuses = face.ask(|herder| Ok(herder.statuses())).await?;
    }
    if wants("info") {
        infos = face.ask(|herder| Ok(herder.infos())).await?;
    }
    let names = face.herder.names().into_iter();
    let all: BTreeMap<String, Expanded> = names
        .map(|name| {
            let expanded = Expanded { status: statuses.remove(&name), info: infos.remove(&name) };
            (name, expanded)
        })
        .collect();
    Ok(Json(all).into_response())
}

pub(super) async fn create(State(face): State<Face>, headers: HeaderMap, Body(body): Body) -> Answer {
    let create = shapes::create(&body).map_err(Refusal::failed)?;
    let create = create.ok_or_else(|| missing("a connector", r#"{"name": "NAME", "config": {…}}"#))?;
    let config = create.config.ok_or_else(|| missing("\"config\"", r#"{"name": "NAME", "config": {…}}"#))?;
    let name = trimmed(&create.name);
    let target = create.initial_state;
    let changed = face.ask(move |herder| herder.create(&name, config, target)).await?;
    Ok(created(&face, &headers, changed))
}

pub(super) async fn info(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    Ok(Json(face.ask(move |herder| herder.info(&name)).await?).into_response())
}

pub(super) async fn delete(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    let left = face.ask(move |herder| herder.delete(&name)).await?;
    Ok((StatusCode::NO_CONTENT, answer::with_problems(&left)).into_response())
}

pub(super) async fn config(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    let config = face.ask(move |herder| herder.config(&name)).await?;
    Ok(Json(members(&config)).into_response())
}

pub(super) async fn put_config(
    State(face): State<Face>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(body): Body,
) -> Answer {
    let typed = properties(&body)?;
    let changed = face.ask(move |herder| herder.put_config(&trimmed(&name), typed)).await?;
    Ok(if changed.applied == Applied::Created { created(&face, &headers, changed) } else { updated(changed) })
}

pub(super) async fn patch_config(State(face): State<Face>, Path(name): Path<String>, Body(body): Body) -> Answer {
    let typed = properties(&body)?;
    Ok(updated(face.ask(move |herder| herder.patch_config(&name, &typed)).await?))
}

pub(super) async fn status(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    Ok(Json(face.ask(move |herder| herder.status(&name)).await?).into_response())
}

pub(super) async fn tasks(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    Ok(Json(face.ask(move |herder| herder.tasks(&name)).await?).into_response())
}

pub(super) async fn task_status(State(face): State<Face>, Path((name, task)): Path<(String, String)>) -> Answer {
    let Ok(task) = task.parse() else { return Ok(not_found().await) };
    Ok(Json(face.ask(move |herder| herder.task_status(&name, task)).await?).into_response())
}

pub(super) async fn restart_task(State(face): State<Face>, Path((name, task)): Path<(String, String)>) -> Answer {
    let Ok(task) = task.parse() else { return Ok(not_found().await) };
    face.ask(move |herder| herder.restart_task(&name, task)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn restart(State(face): State<Face>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let tasks = flag(query.as_deref(), "includeTasks", false);
    let failed = flag(query.as_deref(), "onlyFailed", false);
    let status = face.ask(move |herder| herder.restart(&name, tasks, failed)).await?;
    if !tasks && !failed {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok((StatusCode::ACCEPTED, Json(status)).into_response())
}

pub(super) async fn pause(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    target(&face, name, Target::Paused, StatusCode::ACCEPTED).await
}

pub(super) async fn resume(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    target(&face, name, Target::Running, StatusCode::ACCEPTED).await
}

pub(super) async fn stop(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    target(&face, name, Target::Stopped, StatusCode::NO_CONTENT).await
}

pub(super) async fn topics(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    let of = name.clone();
    let topics = face.ask(move |herder| Ok(herder.topics(&of))).await?;
    Ok(Json(json!({ name: { "topics": topics } })).into_response())
}

pub(super) async fn reset_topics(State(face): State<Face>, Path(name): Path<String>) -> Answer {
    face.ask(move |herder| herder.reset_topics(&name)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn target(face: &Face, name: String, target: Target, done: StatusCode) -> Answer {
    let left = face.ask(move |herder| herder.set_target(&name, target)).await?;
    Ok((done, answer::with_problems(&left)).into_response())
}

fn properties(body: &[u8]) -> Result<Typed, Refusal> {
    let typed = shapes::properties(body).map_err(Refusal::failed)?;
    typed.ok_or_else(|| missing("a configuration", r#"{"connector.class": "…", …}"#))
}

fn missing(what: &str, form: &str) -> Refusal {
    Refusal::failed(format!("The request has no body with {what} in it; send {form}"))
}

/// As Connect does, control characters included.
fn trimmed(name: &str) -> String {
    name.trim_matches(|c: char| c <= ' ').to_owned()
}

fn created(face: &Face, headers: &HeaderMap, changed: Changed) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = if face.secure { "https" } else { "http" };
    let location = format!("{scheme}://{host}/connectors/{}", encoded(&changed.info.name));
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/connectors"));
    let warnings = answer::with_problems(&changed.warnings);
    (StatusCode::CREATED, [(header::LOCATION, location)], warnings, Json(changed.info)).into_response()
}

fn updated(changed: Changed) -> Response {
    let applied = match &changed.applied {
        Applied::Created | Applied::Live => "live".to_owned(),
        Applied::Restart => "restart".to_owned(),
        Applied::Snapshot(properties) => format!("snapshot; {}", properties.join(",")),
    };
    let applied = HeaderValue::from_str(&applied).unwrap_or(HeaderValue::from_static("restart"));
    ([(APPLIED, applied)], answer::with_problems(&changed.warnings), Json(changed.info)).into_response()
}

/// A name as a segment of a path (RFC 3986).
fn encoded(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte);
    let byte = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(byte).collect()
}

fn members(config: &Config) -> Map<String, Value> {
    config.iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
