//! `/admin/loggers`: how much is logged, while it runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::request::{Body, values};
use super::{Face, shapes};
use crate::herder::Refusal;

/// A logger's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggerLevel {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// When it was changed; milliseconds since 1970.
    pub last_modified: Option<i64>,
}

/// The log of the process, which only the binary can turn up and down.
pub trait Loggers: Send + Sync {
    /// All loggers that have a level of their own; `root` is among them.
    fn all(&self) -> BTreeMap<String, LoggerLevel>;
    /// Gives a logger a level, one of those of [`LoggerLevel::level`]. The loggers that it concerns.
    fn set(&self, logger: &str, level: &str) -> Vec<String>;
}

const LEVELS: [&str; 7] = ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

pub(super) async fn list(State(face): State<Face>) -> Response {
    Json(face.loggers.all()).into_response()
}

pub(super) async fn one(State(face): State<Face>, Path(logger): Path<String>) -> Result<Response, Refusal> {
    let level = face.loggers.all().remove(&logger);
    let level = level.ok_or_else(|| Refusal::not_found(format!("Logger {logger} not found.")))?;
    Ok(Json(level).into_response())
}

pub(super) async fn set(
    State(face): State<Face>,
    Path(logger): Path<String>,
    RawQuery(query): RawQuery,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let missing = || Refusal::bad("Desired 'level' parameter was not specified in request.");
    let typed = shapes::properties(&body).map_err(Refusal::failed)?.unwrap_or_default();
    let level = typed.into_iter().find(|(name, _)| name == "level").and_then(|(_, level)| level).ok_or_else(missing)?;
    let upper = level.to_ascii_uppercase();
    if !LEVELS.contains(&upper.as_str()) {
        return Err(Refusal::not_found(format!("invalid log level '{level}'.")));
    }
    let upper = if upper == "FATAL" { "ERROR" } else { &upper };
    let concerned = face.loggers.set(&logger, upper);
    // The cluster is this worker, which in that case names no loggers.
    if values(query.as_deref(), "scope").next().is_some_and(|scope| scope.eq_ignore_ascii_case("cluster")) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(concerned).into_response())
}
