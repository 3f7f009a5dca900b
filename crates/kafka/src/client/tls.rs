//! TLS of the client: files, whom it trusts, and what went wrong in a handshake.

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use tailwater_connector::{Problem, ServerTrust};

use super::access::Files;
use crate::security::tls::{certificates, unreadable};

/// A stream of TLS.
pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// What connections begin with.
///
/// # Errors
/// `TLS_FILE` for a file that cannot be read, `TLS_INVALID` for what does not fit together; all at once.
pub fn configure(
    files: &Files,
    check_name: bool,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ClientConfig>, Vec<Problem>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut problems = Vec::new();
    let named = files.authorities.as_deref().map(certificates).transpose().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let own = own(files).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let invalid = |error: &dyn std::fmt::Display| {
        let remedy = "Name the authority of the broker's certificate: -X ssl.ca.location=ca.pem";
        vec![Problem::config("TLS_INVALID", format!("TLS cannot be used: {error}"), remedy)]
    };
    let trust = ServerTrust::authorities(named, check_name, &provider).map_err(|error| invalid(&error))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| invalid(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust));
    let config = match own {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| invalid(&error))?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// The client's own certificate, with those behind it, and its key.
type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own(files: &Files) -> Result<Option<Own>, Problem> {
    match (&files.certificate, &files.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificates(certificate)?, private_key(key)?))),
        _ => Err(Problem::config(
            "TLS_INCOMPLETE",
            "a client's certificate needs its key, and a key its certificate",
            "Name both: -X ssl.certificate.location=client.pem -X ssl.key.location=client.key",
        )),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        let encrypted = std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("ENCRYPTED"));
        match encrypted {
            true => Problem::config(
                "TLS_FILE",
                format!("the key in {} is encrypted, and encrypted keys are not read", path.display()),
                format!("openssl pkey -in '{0}' -out '{0}.plain'; chmod 600 '{0}.plain'", path.display()),
            ),
            false => unreadable(path, &error),
        }
    })
}

/// Makes a connection one of TLS.
///
/// # Errors
/// Those of rustls, within errors of I/O; [`explain`] has words for them.
pub fn handshake(mut socket: TcpStream, host: &str, config: &Arc<ClientConfig>) -> io::Result<TlsStream> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// What an error of TLS means to who connects to a server, such as "the broker at HOST:PORT"; `None` when it is none. What to do is
/// said in properties of librdkafka.
pub fn explain(server: &str, error: &io::Error) -> Option<Problem> {
    let problem = |code, cause: String, remedy: &str| Some(Problem::config(code, cause, remedy));
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match fault {
        Some(Error::InvalidCertificate(fault)) => {
            let (why, remedy) = match fault {
                // The last: by one of the same name with a key of another kind.
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
                    "no authority that is trusted here has signed it".to_owned(),
                    "Name its authority: -X ssl.ca.location=ca.pem",
                ),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                    "it is for other names".to_owned(),
                    "Connect by a name that it has, or, if the authority signs for this broker only: \
                     -X ssl.endpoint.identification.algorithm=none",
                ),
                other if other.to_string().contains("CaUsedAsEndEntity") => (
                    "it has signed itself, and is not trusted here".to_owned(),
                    "Name the certificate itself, if it is the right one: -X ssl.ca.location=broker.pem",
                ),
                other => (other.to_string(), "Look at it: openssl s_client -connect HOST:PORT -showcerts </dev/null"),
            };
            problem("TLS_UNTRUSTED", format!("the certificate of {server} is refused: {why}"), remedy)
        }
        Some(Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        )) => problem(
            "TLS_CLIENT_CERTIFICATE",
            format!("{server} wants a certificate of the client that it trusts: {error}"),
            "Name one: -X ssl.certificate.location=client.pem -X ssl.key.location=client.key",
        ),
        Some(Error::AlertReceived(alert)) => problem(
            "TLS_REFUSED",
            format!("{server} refuses TLS: {alert:?}"),
            "Look at what it speaks: openssl s_client -connect HOST:PORT </dev/null",
        ),
        Some(fault) => problem(
            "TLS_MISSING",
            format!("{server} does not speak TLS as this client does: {fault}"),
            "Where it speaks none: -X security.protocol=PLAINTEXT, or SASL_PLAINTEXT with a login.",
        ),
        None => None,
    }
}
