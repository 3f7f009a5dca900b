//! The port: connections, bounded in number and in time, on a thread of their own.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::http::Uri;
use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use super::patience::Patience;
use super::{Face, Guard, answer, guard, router};
use crate::limits::{ANSWER_TIME, CONNECTIONS, HEAD_TIME, REST_GRACE};

/// Why the port could not be opened.
pub type RestError = io::Error;

/// Hands connections that are no sockets of the network to REST: of whoever holds the data directory, who needs no token.
#[derive(Clone)]
pub struct Insider(mpsc::Sender<UnixStream>);

impl Insider {
    /// Serves a connection, without TLS.
    ///
    /// # Errors
    /// REST has ended, or many connections wait.
    pub fn adopt(&self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        self.0.try_send(stream).map_err(|_| io::Error::other("Connect's REST takes no connection now"))
    }
}

/// Connect's REST, or other pages, on a port.
pub struct Rest {
    address: SocketAddr,
    insider: Insider,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rest {
    /// Serves on a bound listener; with certificate and key, only over TLS.
    pub fn start(
        listener: TcpListener,
        face: Face,
        guard: Guard,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Rest, RestError> {
        let doors = Doors {
            face: "connect",
            port: router(face.clone(), guard),
            inside: router(face, Guard::default()),
            tls: tls.map(TlsAcceptor::from),
        };
        Rest::open(listener, doors)
    }

    /// Serves other pages under the same bounds, on loopback only to who asks for a name of this machine; `face` names them
    /// in logs.
    pub fn pages(face: &'static str, listener: TcpListener, pages: Router) -> Result<Rest, RestError> {
        let guard = Arc::new(Guard { token: None, loopback: listener.local_addr()?.ip().is_loopback() });
        let check = middleware::from_fn(move |request, next| guard::check_host(Arc::clone(&guard), request, next));
        Rest::open(listener, Doors { face, port: pages.layer(check), inside: Router::new(), tls: None })
    }

    fn open(listener: TcpListener, doors: Doors) -> Result<Rest, RestError> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // One for each connection, so that nobody who asks how things are waits for those whose database is slow.
            .max_blocking_threads(CONNECTIONS)
            .thread_name(format!("{}-ask", doors.face))
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (end, ended) = oneshot::channel::<()>();
        let (insider, inside) = mpsc::channel(CONNECTIONS);
        let thread = std::thread::Builder::new().name(doors.face.into()).spawn(move || {
            runtime.block_on(async {
                let connections = Arc::new(Semaphore::new(CONNECTIONS));
                tokio::select! {
                    () = accept(listener, inside, Arc::clone(&connections), doors) => {}
                    // The sender never sends; it goes.
                    _ = ended => {}
                }
                let all = connections.acquire_many(CONNECTIONS as u32);
                drop(tokio::time::timeout(REST_GRACE, all).await);
            });
            // A preflight that still waits for a database is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Rest { address, insider: Insider(insider), end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections of insiders, as long as it lives.
    pub fn insider(&self) -> Insider {
        self.insider.clone()
    }

    /// Ends it; requests under way get a moment.
    pub fn close(mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Who may come in how.
struct Doors {
    /// What it is, for logs.
    face: &'static str,
    port: Router,
    inside: Router,
    tls: Option<TlsAcceptor>,
}

async fn accept(
    listener: tokio::net::TcpListener,
    mut inside: mpsc::Receiver<UnixStream>,
    connections: Arc<Semaphore>,
    doors: Doors,
) {
    loop {
        // Who comes when all places are taken waits in the system's queue.
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(stream) = inside.recv() => {
                let router = doors.inside.clone();
                match tokio::net::UnixStream::from_std(stream) {
                    Ok(stream) => drop(tokio::spawn(async move {
                        serve(stream, router).await;
                        drop(place);
                    })),
                    Err(error) => tracing::debug!(%error, "a connection from inside could not be taken"),
                }
                continue;
            }
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, face = doors.face, "a connection could not be taken");
                tokio::time::sleep(HEAD_TIME / 100).await;
                continue;
            }
        };
        drop(stream.set_nodelay(true));
        let (router, tls) = (doors.port.clone(), doors.tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, router).await,
                Some(tls) => match tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, router).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client of Connect's REST"),
                    Err(_) => {}
                },
            }
            drop(place);
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        if let Some(uri) = without_slash(request.uri()) {
            *request.uri_mut() = uri;
        }
        let method = request.method().clone();
        let answer = router.call(request);
        async move {
            let answer = answer.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(answer::in_form(&method, answer))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).keep_alive(true);
    if let Err(error) = builder.serve_connection(TokioIo::new(Patience::new(stream, ANSWER_TIME)), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The same address without the slash at its end, which tutorials like and Connect takes.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return None;
    }
    let path = path.strip_suffix('/')?;
    let text = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_of_a_path_does_not_count() {
        let without = |uri: &str| without_slash(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(without("/connectors/"), Some("/connectors".into()));
        assert_eq!(without("/connectors/?expand=status"), Some("/connectors?expand=status".into()));
        assert_eq!(without("/connectors"), None);
        assert_eq!(without("/"), None);
    }
}
