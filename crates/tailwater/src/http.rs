//! The HTTP face: `/livez`, `/readyz` (design §11), `/metrics`, and signals to sources.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use tailwater_connect::supervisor::HealthError;
use tailwater_connect::{Rest, Supervisor};
use tailwater_connector::{Problem, ProblemKind, Signal, TopicReader};
use uuid::Uuid;

use crate::limits::SIGNAL_BYTES;
use crate::metrics::Metrics;

/// What the pages show.
#[derive(Clone)]
pub struct Pages {
    /// How the connectors are.
    pub supervisor: Arc<Supervisor>,
    /// The topics.
    pub reader: Arc<dyn TopicReader>,
    /// Counters and gauges.
    pub metrics: Metrics,
}

/// A signal as Debezium's signal files have it; a name is given to one that has none.
#[derive(Deserialize)]
struct Sent {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Option<Box<RawValue>>,
}

/// Serves on a bound listener, until it is closed.
pub fn start(listener: TcpListener, pages: Pages) -> io::Result<Rest> {
    Rest::pages("http", listener, router(pages))
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/connectors/{name}/signals", post(signal).layer(DefaultBodyLimit::max(SIGNAL_BYTES)))
        .with_state(pages)
}

async fn ready(State(pages): State<Pages>) -> impl IntoResponse {
    let readiness = pages.supervisor.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    let text = pages.metrics.render(&pages.supervisor, pages.reader.as_ref());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Hands a signal to a source: 202 once it has it, 404 when none of that name runs. What comes of it is told by the
/// source's notifications and status.
async fn signal(
    State(pages): State<Pages>,
    Path(name): Path<String>,
    headers: HeaderMap,
    sent: Result<Json<Sent>, JsonRejection>,
) -> Response {
    if headers.contains_key(header::ORIGIN) {
        let cause = "a page in a browser must not send signals";
        return refused(StatusCode::FORBIDDEN, Problem::config("ORIGIN", cause, "Send it with curl, without Origin."));
    }
    let sent = match sent {
        Ok(Json(sent)) => sent,
        Err(rejection) => return refused(rejection.status(), not_a_signal(&rejection.body_text())),
    };
    let Sent { id, kind, data } = sent;
    let id = id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let data = data.map_or_else(String::new, |data| data.get().to_owned());
    match pages.supervisor.signal(&name, Signal { id: id.clone(), kind, data }) {
        Ok(()) => (StatusCode::ACCEPTED, Json(serde_json::json!({ "id": id }))).into_response(),
        Err(problem) if problem.kind == ProblemKind::Retry => refused(StatusCode::TOO_MANY_REQUESTS, problem),
        Err(problem) => refused(StatusCode::NOT_FOUND, problem),
    }
}

fn not_a_signal(why: &str) -> Problem {
    Problem::config(
        "SIGNAL_INVALID",
        format!("this is no signal: {why}"),
        "curl -H 'Content-Type: application/json' --data \
         '{\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"public.t\"]}}' \
         http://127.0.0.1:8080/connectors/NAME/signals",
    )
}

fn refused(status: StatusCode, problem: Problem) -> Response {
    (status, Json(HealthError::from(problem))).into_response()
}
