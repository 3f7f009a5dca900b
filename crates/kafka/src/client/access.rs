//! How a client gets in: TLS, and who it says it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use tailwater_connector::HostAliases;

use crate::security::scram::Mechanism;

/// What connections begin with; by default nothing, as on a broker without configuration.
#[derive(Clone, Default)]
pub struct Access {
    /// TLS, where brokers speak it.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Who the client is, where brokers ask.
    pub(super) login: Option<Login>,
    /// Names of hosts that lead elsewhere.
    pub(super) aliases: HostAliases,
}

impl Access {
    /// The same with aliases of hosts, also of those that brokers name.
    #[must_use]
    pub fn with_aliases(mut self, aliases: HostAliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// Where an address (HOST:PORT) leads.
    pub(super) fn leads_to(&self, address: &str) -> String {
        let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = split else { return address.to_owned() };
        let (host, port) = self.aliases.resolve(host.trim_matches(['[', ']']), port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// A user and what proves it.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) mechanism: LoginBy,
    pub(super) user: String,
    pub(super) password: String,
}

/// The mechanisms of SASL that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginBy {
    /// The password itself (RFC 4616).
    Plain,
    /// A proof of it (RFC 5802).
    Scram(Mechanism),
}

/// Files for TLS, all of them PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Authorities; the machine's own when there is none.
    pub authorities: Option<PathBuf>,
    /// The client's own certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl LoginBy {
    /// All of them.
    pub(super) const ALL: [LoginBy; 3] =
        [LoginBy::Plain, LoginBy::Scram(Mechanism::Sha256), LoginBy::Scram(Mechanism::Sha512)];

    /// SASL's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            LoginBy::Plain => "PLAIN",
            LoginBy::Scram(mechanism) => mechanism.name(),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("tls", &self.tls.is_some()).field("login", &self.login).finish()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("mechanism", &self.mechanism).field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_leads_elsewhere_and_addresses_without_one_stay() {
        let access = Access::default().with_aliases(HostAliases::parse(["kafka=[::1]:9093", "b=127.0.0.1"]).unwrap());
        for (address, leads_to) in [
            ("Kafka:9092", "[::1]:9093"),
            ("b:1", "127.0.0.1:1"),
            ("c:1", "c:1"),
            ("[::1]:9092", "[::1]:9092"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(access.leads_to(address), leads_to);
        }
    }
}
