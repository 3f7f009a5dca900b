//! How to reach a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tailwater_connector::HostAliases;

/// A text that is never shown: `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// Everything a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Password, when the server may ask for one.
    pub password: Option<Secret>,
    /// Database.
    pub database: String,
    /// Encryption.
    pub tls: TlsSettings,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// Bound on name look-up answers, TCP, TLS and authentication together; per address.
    pub connect_timeout: Duration,
    /// Names that lead elsewhere; certificates are still those of the name.
    pub aliases: HostAliases,
}

/// Encryption of a connection, in libpq's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// `sslmode`.
    pub mode: SslMode,
    /// `sslrootcert`: PEM file of trusted certificates; the machine's store when absent.
    pub root_certificate: Option<PathBuf>,
    /// `sslcert`: PEM file of the client's certificate chain.
    pub certificate: Option<PathBuf>,
    /// `sslkey`: PEM file of the client's private key.
    pub key: Option<PathBuf>,
}

/// `sslmode`, as libpq defines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypt.
    Disable,
    /// Encrypt when the server refuses plain connections.
    Allow,
    /// Encrypt when the server can.
    #[default]
    Prefer,
    /// Encrypt; verify the certificate only when a root certificate file is given.
    Require,
    /// Encrypt and verify the certificate's chain.
    VerifyCa,
    /// Encrypt and verify the certificate's chain and the host name.
    VerifyFull,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
