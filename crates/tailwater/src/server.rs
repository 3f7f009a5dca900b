//! The composition root: data directory, connectors, HTTP, Kafka, control socket; opened in this order, closed in
//! reverse, except that the connectors end first, and that who reads by the control socket may go on when Kafka has ended.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tailwater_connect::herder::Keeper;
use tailwater_connect::rest::{Face, Guard};
use tailwater_connect::{Herder, Registry, Rest, Secrets, Supervisor};
use tailwater_connector::{Problem, TopicReader, Transport};
use tailwater_kafka::server::{self as kafka, Listener};

use crate::cli::Protected;
use crate::control::server::ControlServer;
use crate::engine::Engine;
use crate::http::{self, Pages};
use crate::loggers;
use crate::metrics::Metrics;
use crate::plugins::Plugins;

/// Everything that runs in one process.
pub struct Server {
    engine: Engine,
    registry: Registry,
    supervisor: Arc<Supervisor>,
    control: ControlServer,
    http: Option<Rest>,
    kafka: Option<Listener>,
    connect: Option<Rest>,
    connect_scheme: &'static str,
}

impl Server {
    /// Opens a data directory without connectors; `http` and `kafka` are bound, if there are to be those faces.
    pub fn open(
        dir: &Path,
        plugins: Plugins,
        http: Option<TcpListener>,
        kafka: Option<(TcpListener, kafka::Settings)>,
    ) -> Result<Server, Problem> {
        let engine = Engine::open(dir)?;
        let registry = plugins.registry();
        let supervisor = Arc::new(Supervisor::new(registry.clone(), engine.transport()));
        let users = engine.users()?;
        let http = http.map(|listener| face(listener, &supervisor, engine.reader())).transpose()?;
        let serve = |(socket, mut settings): (TcpListener, kafka::Settings)| {
            if settings.security.authenticate && users.is_empty() {
                tracing::warn!("Kafka clients must log in, and there are no users yet: tailwater users add NAME");
            }
            settings.security.users = Some(users.clone());
            engine.serve_kafka(Some(socket), settings)
        };
        let kafka = kafka.map(serve).transpose()?;
        let control = ControlServer::start(dir, engine.reader(), users, kafka.as_ref().map(Listener::insider))
            .map_err(|error| {
                Problem::environment(
                    "CONTROL_SOCKET",
                    format!("the control socket in {} cannot be made: {error}", dir.display()),
                    "Use a data directory on a local file system.",
                )
            })?;
        Ok(Server { engine, registry, supervisor, control, http, kafka, connect: None, connect_scheme: "http" })
    }

    /// The connectors that this data directory remembers; none of them runs yet.
    pub fn herder(&self, secrets: Secrets) -> (Arc<Herder>, Keeper) {
        Herder::open(self.registry.clone(), Arc::clone(&self.supervisor), self.engine.transport(), secrets)
    }

    /// Serves Connect's REST on a bound socket, if there is to be one.
    pub fn serve_connect(
        &mut self,
        herder: &Arc<Herder>,
        connect: Option<(TcpListener, Protected)>,
    ) -> Result<(), Problem> {
        let Some((listener, protected)) = connect else { return Ok(()) };
        let failed = |error: std::io::Error| {
            let cause = format!("Connect's REST cannot start: {error}");
            Problem::environment("CONNECT", cause, "ulimit -n; ulimit -u   # or use --connect off")
        };
        let address = listener.local_addr().map_err(failed)?;
        herder.set_worker(address.to_string());
        let guard = Guard { token: protected.token, loopback: address.ip().is_loopback() };
        let face = Face {
            herder: Arc::clone(herder),
            cluster_id: self.engine.cluster_id()?,
            loggers: loggers::get(),
            secure: protected.tls.is_some(),
        };
        self.connect_scheme = if face.secure { "https" } else { "http" };
        let rest = Rest::start(listener, face, guard, protected.tls).map_err(failed)?;
        self.control.open_connect(rest.insider());
        self.connect = Some(rest);
        Ok(())
    }

    /// The connectors.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// The topics.
    pub fn reader(&self) -> Arc<dyn TopicReader> {
        self.engine.reader()
    }

    /// The writing and the reading end of the topics.
    pub fn transport(&self) -> Arc<dyn Transport> {
        self.engine.transport()
    }

    /// Why the process must end; `None` while all is well.
    pub fn failure(&self) -> Option<Problem> {
        self.engine.failure()
    }

    /// Where the HTTP face listens.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Rest::address)
    }

    /// Where the Kafka face listens.
    pub fn kafka_address(&self) -> Option<SocketAddr> {
        self.kafka.as_ref().and_then(Listener::address)
    }

    /// How Connect's REST is reached.
    pub fn connect_scheme(&self) -> &'static str {
        self.connect_scheme
    }

    /// Where Connect's REST listens.
    pub fn connect_address(&self) -> Option<SocketAddr> {
        self.connect.as_ref().map(Rest::address)
    }

    /// Ends the connectors, lets readers have what they wrote, makes everything durable. `Err` when that failed.
    pub fn close(self, within: Duration) -> Result<(), Problem> {
        // First, so that nobody starts what is just ending.
        if let Some(connect) = self.connect {
            connect.close();
        }
        for name in self.supervisor.stop_all(within) {
            tracing::warn!(connector = name, "did not end in time; what it had not made durable comes again");
        }
        if let Some(kafka) = self.kafka {
            kafka.close();
        }
        self.control.close();
        if let Some(http) = self.http {
            http.close();
        }
        self.engine.close()
    }
}

fn face(listener: TcpListener, supervisor: &Arc<Supervisor>, reader: Arc<dyn TopicReader>) -> Result<Rest, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        Problem::environment("HTTP", format!("the HTTP face cannot start: {error}"), "Use --http off.")
    };
    let metrics = Metrics::install().map_err(|error| failed(&error))?;
    let pages = Pages { supervisor: Arc::clone(supervisor), reader, metrics };
    http::start(listener, pages).map_err(|error| failed(&error))
}

/// Binds an address, saying who is in the way.
pub fn bind(face: &str, address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).map_err(|error| {
        let port = address.port();
        match error.kind() {
            std::io::ErrorKind::AddrInUse => Problem::environment(
                "PORT_IN_USE",
                format!("another process listens on {address} (--{face})"),
                format!("ss -ltnp 'sport = :{port}'   # who it is; or use --{face} {}:0", address.ip()),
            ),
            std::io::ErrorKind::PermissionDenied => Problem::environment(
                "PORT_FORBIDDEN",
                format!("this account may not listen on {address} (--{face})"),
                format!("Use a port from 1024 on, such as --{face} {}:8080.", address.ip()),
            ),
            _ => Problem::environment(
                "ADDRESS_UNUSABLE",
                format!("{address} cannot be bound (--{face}): {error}"),
                format!("Use an address of this machine, such as --{face} 127.0.0.1:{port}."),
            ),
        }
    })
}
