//! TLS as libpq's `sslmode` defines it, over rustls with the ring provider.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use tailwater_connector::ServerTrust;

use super::error::ClientError;
use super::settings::{ConnectionSettings, SslMode, TlsSettings};

/// Performs the handshake over a connected socket.
pub(super) fn handshake(
    mut tcp: TcpStream,
    settings: &ConnectionSettings,
) -> Result<StreamOwned<ClientConnection, TcpStream>, ClientError> {
    let host = settings.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|_| tls("the host is not a valid server name"))?;
    let config = client_config(&settings.tls)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|e| tls(e.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp).map_err(|e| tls(e.to_string()))?;
    }
    Ok(StreamOwned::new(connection, tcp))
}

fn client_config(settings: &TlsSettings) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = trust(settings, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust));
    match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| tls(format!("{}: {e}", key.display())))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| tls(e.to_string()))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(tls("a client certificate needs both sslcert and sslkey")),
    }
}

/// What the mode asks for: nothing, the chain, or the chain and the name.
fn trust(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<ServerTrust, ClientError> {
    let wanted = matches!(settings.mode, SslMode::VerifyCa | SslMode::VerifyFull)
        || (settings.mode == SslMode::Require && settings.root_certificate.is_some());
    if !wanted {
        return Ok(ServerTrust::anyone(provider));
    }
    let named = settings.root_certificate.as_deref().map(certificates).transpose()?;
    ServerTrust::authorities(named, settings.mode == SslMode::VerifyFull, provider)
        .map_err(|e| tls(format!("no usable root certificate: {e}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let bad = |e: rustls_pki_types::pem::Error| tls(format!("{}: {e}", path.display()));
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(bad)?.collect::<Result<_, _>>().map_err(bad)?;
    if found.is_empty() {
        return Err(tls(format!("{}: no certificate in it", path.display())));
    }
    Ok(found)
}

fn tls(what: impl Into<String>) -> ClientError {
    ClientError::Tls(what.into())
}
