//! The worker itself: `/` and `/health`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use super::Face;
use crate::herder::view;

/// The version of Connect's REST that is spoken here: clients choose by it what they ask.
const CONNECT_VERSION: &str = "4.3.1";

pub(super) async fn root(State(face): State<Face>) -> impl IntoResponse {
    let commit = format!("tailwater-{}", view::VERSION);
    Json(json!({"version": CONNECT_VERSION, "commit": commit, "kafka_cluster_id": face.cluster_id}))
}

pub(super) async fn health() -> impl IntoResponse {
    let message = "Worker has completed startup and is ready to handle requests.";
    Json(json!({"status": "healthy", "message": message}))
}
