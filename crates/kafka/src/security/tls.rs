//! TLS of the listener, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use tailwater_connector::Problem;

/// The files, all of them PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and an authority that clients know.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities that must have signed the certificates of clients; without them clients need none.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// What connections begin with: TLS 1.2 or 1.3.
    ///
    /// # Errors
    /// `TLS_FILE` for a file that cannot be read, `TLS_INVALID` for what does not fit together.
    pub fn load(&self) -> Result<Arc<ServerConfig>, Problem> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unreadable(&self.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| self.invalid(&error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unreadable(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| unreadable(path, &error))?)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| self.invalid(&error))?;
        Ok(Arc::new(config))
    }

    fn invalid(&self, error: &rustls::Error) -> Problem {
        Problem::config(
            "TLS_INVALID",
            format!("{} and {} cannot be used for TLS: {error}", self.certificate.display(), self.key.display()),
            format!(
                "Both must have the same public key: openssl x509 -noout -pubkey -in '{}'; openssl pkey -pubout -in '{}'",
                self.certificate.display(),
                self.key.display()
            ),
        )
    }
}

/// The certificates of a file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(unreadable(path, &"there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A file that is not what it should be.
pub(crate) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::config(
        "TLS_FILE",
        format!("{} cannot be used for TLS: {error}", path.display()),
        format!("Name files in PEM form that this account may read: ls -l '{}'", path.display()),
    )
}
