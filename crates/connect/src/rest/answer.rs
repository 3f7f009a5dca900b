//! Answers in Connect's form.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::herder::Refusal;

#[derive(Serialize)]
struct ErrorMessage<'a> {
    error_code: u16,
    message: &'a str,
}

/// `{"error_code", "message"}` with the same status.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(ErrorMessage { error_code: status.as_u16(), message })).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        error(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &self.message)
    }
}
