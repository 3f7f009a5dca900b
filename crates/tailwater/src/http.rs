//! The HTTP face: `/livez`, `/readyz` (design §11), `/metrics`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tailwater_connect::Supervisor;
use tailwater_connector::TopicReader;
use tokio::sync::oneshot;

use crate::limits::HTTP_GRACE;
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

/// A listening HTTP face, on a thread of its own.
pub struct Http {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    /// Serves on a bound listener.
    pub fn start(listener: TcpListener, pages: Pages) -> io::Result<Http> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(async move {
                let (stop, stopped) = oneshot::channel::<()>();
                let graceful = async {
                    drop(stopped.await);
                };
                let server = axum::serve(listener, router(pages)).with_graceful_shutdown(graceful);
                tokio::select! {
                    result = server => {
                        if let Err(error) = result {
                            tracing::error!(%error, "the HTTP face ended");
                        }
                    }
                    // Open connections get a grace; idle ones are not waited for.
                    () = async {
                        drop(ended.await);
                        drop(stop);
                        tokio::time::sleep(HTTP_GRACE).await;
                    } => {}
                }
            });
        })?;
        Ok(Http { address, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn close(mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
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
