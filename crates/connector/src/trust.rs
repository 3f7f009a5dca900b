//! Whom a client of TLS trusts, as OpenSSL, libpq and Java do it: what an authority has signed, for the name if that is
//! wanted, and a certificate that stands among the authorities itself, which rustls alone refuses.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Verifies certificates of servers.
#[derive(Debug)]
pub struct ServerTrust {
    /// `None`: whoever answers is believed.
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    check_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerTrust {
    /// Trusts whoever answers: the connection is encrypted, and no more.
    pub fn anyone(provider: &CryptoProvider) -> ServerTrust {
        let algorithms = provider.signature_verification_algorithms;
        ServerTrust { chain: None, pinned: Vec::new(), check_name: false, algorithms }
    }

    /// Trusts these authorities, or without them those of the machine; whatever the certificate's names are unless
    /// `check_name`.
    ///
    /// # Errors
    /// When no authority is usable.
    pub fn authorities(
        named: Option<Vec<CertificateDer<'static>>>,
        check_name: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ServerTrust, VerifierBuilderError> {
        let pinned = named.clone().unwrap_or_default();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(named.unwrap_or_else(|| rustls_native_certs::load_native_certs().certs));
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build()?;
        let algorithms = provider.signature_verification_algorithms;
        Ok(ServerTrust { chain: Some(chain), pinned, check_name, algorithms })
    }
}

impl ServerCertVerifier for ServerTrust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.pinned.iter().any(|root| root == certificate) {
            if self.check_name {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
