//! How Connect's REST is protected: flags of `serve`, and keys of its settings file.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rustls::ServerConfig;
use tailwater_connector::Problem;
use tailwater_kafka::security::tls::TlsFiles;

use crate::limits::PASSWORD_BYTES;
use crate::settings::Settings;

/// Flags; each is also a key.
#[derive(Debug, Args)]
pub struct ConnectProtection {
    /// File with the token that clients of Connect's REST send as Authorization: Bearer (or TAILWATER_CONNECT_TOKEN)
    #[arg(long, value_name = "FILE", env = "TAILWATER_CONNECT_TOKEN_FILE", hide_env_values = true)]
    connect_token_file: Option<PathBuf>,
    /// Certificate of Connect's REST, with those between it and an authority (PEM): connections are TLS
    #[arg(long, value_name = "FILE", env = "TAILWATER_CONNECT_TLS_CERTIFICATE", hide_env_values = true)]
    connect_tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", env = "TAILWATER_CONNECT_TLS_KEY", hide_env_values = true)]
    connect_tls_key: Option<PathBuf>,
    /// Authorities, one of which must have signed the certificates of clients (PEM) [default: clients need none]
    #[arg(long, value_name = "FILE", env = "TAILWATER_CONNECT_TLS_CLIENT_CA", hide_env_values = true)]
    connect_tls_client_ca: Option<PathBuf>,
}

/// What to say where the address would be open.
pub const REMEDY: &str = "protect it with --connect-token-file FILE, or with --connect-tls-certificate FILE, \
                          --connect-tls-key FILE and --connect-tls-client-ca FILE";

/// How the port is protected.
#[derive(Clone, Default)]
pub struct Protected {
    /// What clients must send.
    pub token: Option<String>,
    /// Certificate and key, when connections are to be TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether strangers on the network cannot get in.
    pub closed: bool,
}

impl ConnectProtection {
    /// What flags, environment and file make of it.
    pub fn resolve(&self, file: &Settings) -> Result<Protected, Problem> {
        let or = |flag: &Option<PathBuf>, key: &Option<PathBuf>| flag.clone().or(key.clone());
        let token = match or(&self.connect_token_file, &file.connect_token_file) {
            Some(path) => Some(read_token(&path)?),
            None => std::env::var("TAILWATER_CONNECT_TOKEN").ok().filter(|token| !token.is_empty()),
        };
        let client_ca = or(&self.connect_tls_client_ca, &file.connect_tls_client_ca);
        let mutual = client_ca.is_some();
        let pair = (
            or(&self.connect_tls_certificate, &file.connect_tls_certificate),
            or(&self.connect_tls_key, &file.connect_tls_key),
        );
        let tls = match pair {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key, client_ca }.load()?),
            (None, None) if !mutual => None,
            _ => {
                return Err(Problem::config(
                    "TLS_INCOMPLETE",
                    "TLS of Connect's REST needs a certificate and its key",
                    "Name both: --connect-tls-certificate FILE --connect-tls-key FILE",
                ));
            }
        };
        let closed = token.is_some() || mutual;
        Ok(Protected { token, tls, closed })
    }
}

fn read_token(path: &PathBuf) -> Result<String, Problem> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(PASSWORD_BYTES).read_to_string(&mut text));
    let problem = |why: String| {
        let cause = format!("the token of Connect's REST cannot be taken from {}: {why}", path.display());
        Problem::config("TOKEN_UNREADABLE", cause, format!("openssl rand -hex 32 > '{}'", path.display()))
    };
    read.map_err(|error| problem(error.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(problem("it is empty".into()));
    }
    Ok(token.to_owned())
}
