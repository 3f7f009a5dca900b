//! Kafka Connect's REST over the [`Herder`]: the endpoints, codes, shapes and texts of Connect 4.3.
//!
//! One file per resource; each handler reads its request, asks the herder on a thread that may wait, and answers. What is
//! wanted differently is listed in `docs/compatibility/connect.md`.

mod answer;
mod connectors;
mod guard;
mod json;
mod loggers;
mod offsets;
mod patience;
mod plugins;
mod request;
mod server;
mod shapes;
mod worker;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post, put};
use axum::{Router, response::Response};

pub use guard::Guard;
pub use loggers::{LogLine, LoggerLevel, Loggers};
pub use server::{Insider, Rest, RestError};

use crate::herder::{Herder, Refusal};
use crate::limits::BODY_BYTES;

/// What the handlers share.
#[derive(Clone)]
pub struct Face {
    /// The connectors.
    pub herder: Arc<Herder>,
    /// Kafka's id of this cluster, as clients of its protocol see it.
    pub cluster_id: String,
    /// The log.
    pub loggers: Arc<dyn Loggers>,
    /// Whether it is served over TLS, which the addresses in its answers tell.
    pub secure: bool,
}

impl Face {
    /// Asks the herder where waiting for the disk or for a database stops nobody.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Herder) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let herder = Arc::clone(&self.herder);
        let asked = tokio::task::spawn_blocking(move || ask(&herder)).await;
        asked.unwrap_or_else(|_| Err(Refusal::failed("The request met a fault in Tailwater itself")))
    }
}

/// All endpoints.
fn router(face: Face, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    Router::new()
        .route("/", get(worker::root))
        .route("/health", get(worker::health))
        .route("/connectors", get(connectors::list).post(connectors::create))
        .route("/connectors/{name}", get(connectors::info).delete(connectors::delete))
        .route(
            "/connectors/{name}/config",
            get(connectors::config).put(connectors::put_config).patch(connectors::patch_config),
        )
        .route("/connectors/{name}/status", get(connectors::status))
        .route("/connectors/{name}/tasks", get(connectors::tasks))
        .route("/connectors/{name}/tasks/{task}/status", get(connectors::task_status))
        .route("/connectors/{name}/tasks/{task}/restart", post(connectors::restart_task))
        .route("/connectors/{name}/restart", post(connectors::restart))
        .route("/connectors/{name}/pause", put(connectors::pause))
        .route("/connectors/{name}/resume", put(connectors::resume))
        .route("/connectors/{name}/stop", put(connectors::stop))
        .route("/connectors/{name}/topics", get(connectors::topics))
        .route("/connectors/{name}/topics/reset", put(connectors::reset_topics))
        .route("/connectors/{name}/offsets", get(offsets::get).patch(offsets::alter).delete(offsets::reset))
        .route("/connector-plugins", get(plugins::list))
        .route("/connector-plugins/{plugin}/config", get(plugins::config))
        .route("/connector-plugins/{plugin}/config/validate", put(plugins::validate))
        .route("/admin/logs/{connector}", get(loggers::lines))
        .route("/admin/loggers", get(loggers::list))
        .route("/admin/loggers/{logger}", get(loggers::one).put(loggers::set))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(move |request, next| guard::check(Arc::clone(&guard), request, next)))
        .with_state(face)
}

async fn not_found() -> Response {
    answer::error(StatusCode::NOT_FOUND, "HTTP 404 Not Found")
}

async fn not_allowed() -> Response {
    answer::error(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")
}
