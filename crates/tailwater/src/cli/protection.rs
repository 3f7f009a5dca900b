//! How the Kafka face is protected: flags of `serve`, and keys of its settings file.

use std::path::PathBuf;

use clap::Args;
use tailwater_connector::Problem;
use tailwater_kafka::security::Security;
use tailwater_kafka::security::tls::TlsFiles;

use crate::settings::Settings;

/// Flags; each is also a key.
#[derive(Debug, Args)]
pub struct Protection {
    /// Kafka clients must log in, as one of `tailwater users`
    #[arg(long, env = "TAILWATER_KAFKA_AUTHENTICATION", hide_env_values = true)]
    kafka_authentication: bool,
    /// Certificate of the Kafka face, with those between it and an authority (PEM): connections are TLS
    #[arg(long, value_name = "FILE", env = "TAILWATER_KAFKA_TLS_CERTIFICATE", hide_env_values = true)]
    kafka_tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", env = "TAILWATER_KAFKA_TLS_KEY", hide_env_values = true)]
    kafka_tls_key: Option<PathBuf>,
    /// Authorities, one of which must have signed the certificates of Kafka clients (PEM) [default: clients need none]
    #[arg(long, value_name = "FILE", env = "TAILWATER_KAFKA_TLS_CLIENT_CA", hide_env_values = true)]
    kafka_tls_client_ca: Option<PathBuf>,
}

/// What to say where an address would be open.
pub const REMEDY: &str =
    "protect it with --kafka-authentication, --kafka-tls-certificate FILE and --kafka-tls-key FILE";

impl Protection {
    /// What flags and file make of it; and whether strangers on the network can neither get in nor listen.
    pub fn resolve(&self, file: &Settings) -> Result<(Security, bool), Problem> {
        let authenticate = self.kafka_authentication || file.kafka_authentication.unwrap_or(false);
        let or = |flag: &Option<PathBuf>, key: &Option<PathBuf>| flag.clone().or(key.clone());
        let client_ca = or(&self.kafka_tls_client_ca, &file.kafka_tls_client_ca);
        let pair = (
            or(&self.kafka_tls_certificate, &file.kafka_tls_certificate),
            or(&self.kafka_tls_key, &file.kafka_tls_key),
        );
        let tls = match pair {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key, client_ca: client_ca.clone() }.load()?),
            (None, None) if client_ca.is_none() => None,
            _ => {
                return Err(Problem::config(
                    "TLS_INCOMPLETE",
                    "TLS of the Kafka face needs a certificate and its key",
                    "Name both: --kafka-tls-certificate FILE --kafka-tls-key FILE",
                ));
            }
        };
        let protected = tls.is_some() && (authenticate || client_ca.is_some());
        Ok((Security { authenticate, users: None, tls }, protected))
    }
}
