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
use crate::herder::view::not_found;

/// A logger's level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggerLevel {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// When it was changed; milliseconds since 1970.
    pub last_modified: Option<i64>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Grows from line to line of a process.
    pub number: u64,
    /// When it was written, as RFC 3339 has it.
    pub time: String,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: &'static str,
    /// Its text.
    pub message: String,
    /// What it tells besides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<&'static str, String>,
}

/// The log of the process, which only the binary can turn up and down.
pub trait Loggers: Send + Sync {
    /// All loggers that have a level of their own; `root` is among them.
    fn all(&self) -> BTreeMap<String, LoggerLevel>;
    /// Gives a logger a level, one of those of [`LoggerLevel::level`]. The loggers that it concerns.
    fn set(&self, logger: &str, level: &str) -> Vec<String>;
    /// The newest lines that concern a connector, at most so many, after the one of a number.
    fn lines(&self, connector: &str, after: u64, most: usize) -> Vec<LogLine>;
}

/// Most lines of one answer, when nobody says how many.
const LINES: usize = 100;

const LEVELS: [&str; 7] = ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

pub(super) async fn list(State(face): State<Face>) -> Response {
    Json(face.loggers.all()).into_response()
}

/// Not Connect's: what the log has of a connector, which may have been deleted since.
pub(super) async fn lines(
    State(face): State<Face>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let number = |parameter| {
        let typed = values(query.as_deref(), parameter).next();
        let bad = |_| Refusal::bad(format!("'{parameter}' has to be a whole number"));
        typed.map(|typed| typed.parse::<u64>().map_err(bad)).transpose()
    };
    let (after, tail) = (number("after")?.unwrap_or(0), number("tail")?);
    let most = tail.map_or(LINES, |tail| usize::try_from(tail).unwrap_or(usize::MAX));
    let lines = face.loggers.lines(&name, after, most);
    if lines.is_empty() && !face.herder.names().contains(&name) {
        return Err(not_found(&name));
    }
    Ok(Json(lines).into_response())
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
