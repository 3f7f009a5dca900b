//! Clients that must say who they are, over the socket: the mechanisms, wrong passwords, hostile tokens, and what is
//! answered before.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_pki_types::pem::PemObject;
use tailwater_kafka::security::Security;
use tailwater_kafka::security::tls::TlsFiles;
use tailwater_kafka::security::users::{UserRequest, Users, credentials};
use tailwater_kafka::server::Settings;
use tailwater_wire::api::api_versions::ApiVersionsRequest;
use tailwater_wire::api::metadata::MetadataRequest;
use tailwater_wire::api::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use tailwater_wire::api::sasl_handshake::SaslHandshakeRequest;
use tailwater_wire::api::{ApiKey, request_frame};
use tailwater_wire::codec::Segments;
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client};

/// A broker whose clients must authenticate, with one user.
pub fn guarded() -> (Broker, Users) {
    let security = Security { authenticate: true, ..Security::default() };
    let broker = Broker::with(Settings { security, ..Settings::default() });
    let users = broker.users().clone();
    add(&users, "alice", "secret");
    (broker, users)
}

pub fn add(users: &Users, name: &str, password: &str) {
    let credentials = credentials(password.as_bytes()).unwrap();
    users.apply(UserRequest::Add { name: name.into(), credentials }).unwrap();
}

fn handshake(client: &mut Client, version: i16, mechanism: &str) -> ErrorCode {
    client.call(version, &SaslHandshakeRequest { mechanism: mechanism.into() }).error_code
}

fn token(client: &mut Client, token: impl AsRef<[u8]>) -> SaslAuthenticateResponse {
    client.call(2, &SaslAuthenticateRequest { auth_bytes: Bytes::copy_from_slice(token.as_ref()) })
}

/// Logs in by PLAIN.
pub fn log_in(client: &mut Client, user: &str, password: &str) -> ErrorCode {
    assert_eq!(handshake(client, 1, "PLAIN"), ErrorCode::NONE);
    token(client, format!("\0{user}\0{password}")).error_code
}

fn is_served(client: &mut Client) -> bool {
    !client.call(9, &MetadataRequest::default()).brokers.is_empty()
}

fn is_closed(client: &mut Client) -> bool {
    client.frame().is_none()
}

/// A mechanism of SCRAM and its parts.
struct Digest(&'static str, ring::hmac::Algorithm, ring::pbkdf2::Algorithm, &'static ring::digest::Algorithm);

const SCRAM: [fn() -> Digest; 2] = [
    || Digest("SCRAM-SHA-256", ring::hmac::HMAC_SHA256, ring::pbkdf2::PBKDF2_HMAC_SHA256, &ring::digest::SHA256),
    || Digest("SCRAM-SHA-512", ring::hmac::HMAC_SHA512, ring::pbkdf2::PBKDF2_HMAC_SHA512, &ring::digest::SHA512),
];

/// The client's side of SCRAM: its proof, and what the server must answer.
fn proof(digest: &Digest, first: &str, challenge: &str, password: &str) -> (String, String) {
    let Digest(_, mac, derivation, hash) = *digest;
    let field = |name: &str| challenge.split(',').find_map(|field| field.strip_prefix(name)).unwrap();
    let salt = BASE64.decode(field("s=")).unwrap();
    let mut salted = vec![0; hash.output_len()];
    ring::pbkdf2::derive(derivation, field("i=").parse().unwrap(), &salt, password.as_bytes(), &mut salted);
    let keyed = |key: &[u8], text: &str| ring::hmac::sign(&ring::hmac::Key::new(mac, key), text.as_bytes());
    let client_key = keyed(&salted, "Client Key");
    let unproven = format!("c=biws,r={}", field("r="));
    let signed = format!("{first},{challenge},{unproven}");
    let signature = keyed(ring::digest::digest(hash, client_key.as_ref()).as_ref(), &signed);
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(one, other)| one ^ other).collect();
    let answer = keyed(keyed(&salted, "Server Key").as_ref(), &signed);
    (format!("{unproven},p={}", BASE64.encode(proof)), format!("v={}", BASE64.encode(answer.as_ref())))
}

#[test]
fn every_mechanism_lets_a_user_in() {
    let (broker, _) = guarded();
    let mut client = broker.client();
    assert_eq!(log_in(&mut client, "alice", "secret"), ErrorCode::NONE);
    assert!(is_served(&mut client));
    for digest in SCRAM.map(|digest| digest()) {
        let mut client = broker.client();
        assert_eq!(handshake(&mut client, 1, digest.0), ErrorCode::NONE);
        let first = "n=alice,r=fyko+d2lbbFgONRv9qkxdawL";
        let challenge = token(&mut client, format!("n,,{first}"));
        let challenge = String::from_utf8(challenge.auth_bytes.to_vec()).unwrap();
        let (proof, answer) = proof(&digest, first, &challenge, "secret");
        let last = token(&mut client, proof);
        assert_eq!((last.error_code, last.auth_bytes.as_ref()), (ErrorCode::NONE, answer.as_bytes()));
        assert!(is_served(&mut client));
    }
}

#[test]
fn tokens_may_be_bare_frames_as_old_clients_send_them() {
    let (broker, users) = guarded();
    add(&users, "b", "p");
    let bare = |client: &mut Client, token: &[u8]| {
        client.socket.write_all(&(token.len() as u32).to_be_bytes()).unwrap();
        client.socket.write_all(token).unwrap();
        client.frame()
    };
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 0, "PLAIN"), ErrorCode::NONE);
    assert_eq!(bare(&mut client, b"\0b\0p"), Some(Bytes::new()));
    assert!(is_served(&mut client));
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 0, "SCRAM-SHA-256"), ErrorCode::NONE);
    let challenge = bare(&mut client, b"n,,n=alice,r=abc").unwrap();
    let (proof, answer) = proof(&SCRAM[0](), "n=alice,r=abc", std::str::from_utf8(&challenge).unwrap(), "secret");
    assert_eq!(bare(&mut client, proof.as_bytes()), Some(Bytes::from(answer)));
    assert!(is_served(&mut client));
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 0, "PLAIN"), ErrorCode::NONE);
    assert_eq!(bare(&mut client, b"\0alice\0wrong"), None);
}

#[test]
fn a_wrong_password_is_answered_late_and_as_that_of_nobody() {
    let (broker, _) = guarded();
    let refused = |user: &str, password: &str| {
        let mut client = broker.client();
        assert_eq!(handshake(&mut client, 1, "PLAIN"), ErrorCode::NONE);
        let asked = Instant::now();
        let answer = token(&mut client, format!("\0{user}\0{password}"));
        assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
        assert!(is_closed(&mut client));
        (answer.error_code, answer.error_message)
    };
    let wrong = refused("alice", "Secret");
    assert_eq!(wrong.0, ErrorCode::SASL_AUTHENTICATION_FAILED);
    assert_eq!(wrong, refused("nobody", "secret"));
}

#[test]
fn asking_for_a_salt_does_not_tell_who_is_a_user() {
    let (broker, _) = guarded();
    let challenge = |user: &str| {
        let mut client = broker.client();
        assert_eq!(handshake(&mut client, 1, "SCRAM-SHA-512"), ErrorCode::NONE);
        let answer = token(&mut client, format!("n,,n={user},r=abc"));
        assert_eq!(answer.error_code, ErrorCode::NONE);
        let text = String::from_utf8(answer.auth_bytes.to_vec()).unwrap();
        let (nonce, rest) = text.split_once(",s=").unwrap();
        let proof = format!("c=biws,{nonce},p={}", BASE64.encode([7; 64]));
        assert_eq!(token(&mut client, proof).error_code, ErrorCode::SASL_AUTHENTICATION_FAILED);
        (nonce.to_owned(), rest.to_owned())
    };
    let (alice, first, again, other) = (challenge("alice"), challenge("eve"), challenge("eve"), challenge("mallory"));
    assert_eq!(first.1, again.1, "a salt stays the same");
    assert_ne!(first.0, again.0, "a nonce does not");
    assert_ne!(first.1, other.1);
    assert_eq!(first.1.len(), alice.1.len());
    assert_eq!(first.1.split(',').nth(1), alice.1.split(',').nth(1), "as many rounds");
}

#[test]
fn nothing_else_is_answered_before() {
    let (broker, _) = guarded();
    let mut client = broker.named_client("early");
    client.send(9, &MetadataRequest::default());
    assert!(is_closed(&mut client));
    let mut client = broker.client();
    assert_eq!(token(&mut client, "\0alice\0secret").error_code, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(is_closed(&mut client));
    let mut client = broker.client();
    let refused = client.call(1, &SaslHandshakeRequest { mechanism: "GSSAPI".into() });
    assert_eq!(refused.error_code, ErrorCode::UNSUPPORTED_SASL_MECHANISM);
    assert_eq!(refused.mechanisms, ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
    assert!(is_closed(&mut client));
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 1, "PLAIN"), ErrorCode::NONE);
    assert_eq!(handshake(&mut client, 1, "PLAIN"), ErrorCode::ILLEGAL_SASL_STATE);
    assert!(is_closed(&mut client));
    // Requests that ask for nothing are bounded in number.
    let mut client = broker.client();
    let named = ApiVersionsRequest { client_software_name: "a".into(), client_software_version: "1".into() };
    for _ in 0..17 {
        client.send(3, &named);
    }
    let mut answers = Vec::new();
    client.socket.read_to_end(&mut answers).unwrap();
    // A request behind a login that has failed is not answered either.
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 1, "PLAIN"), ErrorCode::NONE);
    client.send(2, &SaslAuthenticateRequest { auth_bytes: Bytes::from_static(b"\0alice\0no") });
    client.send(1, &MetadataRequest::default());
    assert!(client.frame().is_some() && is_closed(&mut client));
}

#[test]
fn hostile_tokens_end_their_connection_and_no_other() {
    let (broker, _) = guarded();
    std::thread::scope(|scope| {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            for hostile in
                [&b""[..], b"\0", b"\0\0\0\0", b"n,,n=,r=", b"p=x,,n=alice,r=a", &[0xFF; 300], &[b'a'; 60_000]]
            {
                let mut client = broker.client();
                scope.spawn(move || {
                    assert_eq!(handshake(&mut client, 1, mechanism), ErrorCode::NONE);
                    assert_eq!(token(&mut client, hostile).error_code, ErrorCode::SASL_AUTHENTICATION_FAILED);
                    assert!(is_closed(&mut client));
                });
            }
        }
    });
    let mut client = broker.client();
    assert_eq!(log_in(&mut client, "alice", "secret"), ErrorCode::NONE);
}

#[test]
fn without_authentication_there_is_nothing_to_shake_hands_for() {
    let broker = Broker::start();
    let mut client = broker.client();
    let answer = client.call(1, &SaslHandshakeRequest { mechanism: "PLAIN".into() });
    assert_eq!((answer.error_code, answer.mechanisms.len()), (ErrorCode::ILLEGAL_SASL_STATE, 0));
    assert_eq!(token(&mut client, "\0a\0b").error_code, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(is_served(&mut client));
}

#[test]
fn users_are_there_after_a_restart_and_removed_ones_are_not() {
    let (broker, users) = guarded();
    add(&users, "bob", "b");
    users.apply(UserRequest::Remove { name: "alice".into() }).unwrap();
    drop(users);
    let broker = broker.restart();
    let mut client = broker.client();
    assert_eq!(log_in(&mut client, "bob", "b"), ErrorCode::NONE);
    let mut client = broker.client();
    assert_eq!(log_in(&mut client, "alice", "secret"), ErrorCode::SASL_AUTHENTICATION_FAILED);
}

/// A certificate that signs itself, for `localhost`, and its key.
fn self_signed(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([&key, Path::new("-out"), &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// The code of a handshake that failed, or what came of a login by PLAIN and a request behind it.
fn over_tls(broker: &Broker, trusted: &Path, own: Option<&(PathBuf, PathBuf)>) -> std::io::Result<usize> {
    let certificates =
        |path: &Path| CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(certificates(trusted));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            builder.with_client_auth_cert(certificates(certificate), key).unwrap()
        }
    };
    let connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, broker.socket());
    let mut correlation = 0;
    let mut ask = |frame: Segments| {
        stream.write_all(&frame.into_bytes())?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer.len())
    };
    let mut version = |key: ApiKey, number| {
        correlation += 1;
        (key.version(number).unwrap(), correlation)
    };
    let (at, id) = version(ApiKey::SaslHandshake, 1);
    ask(request_frame(at, id, "t", &SaslHandshakeRequest { mechanism: "PLAIN".into() }).unwrap())?;
    let (at, id) = version(ApiKey::SaslAuthenticate, 2);
    let auth_bytes = Bytes::from_static(b"\0alice\0secret");
    ask(request_frame(at, id, "t", &SaslAuthenticateRequest { auth_bytes }).unwrap())?;
    let (at, id) = version(ApiKey::Metadata, 9);
    ask(request_frame(at, id, "t", &MetadataRequest::default()).unwrap())
}

#[test]
fn connections_are_tls_and_clients_have_certificates_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let server = self_signed(folder.path(), "server");
    let (client, stranger) = (self_signed(folder.path(), "client"), self_signed(folder.path(), "stranger"));
    let start = |client_ca: Option<PathBuf>| {
        let files = TlsFiles { certificate: server.0.clone(), key: server.1.clone(), client_ca };
        let security = Security { authenticate: true, tls: Some(files.load().unwrap()), ..Security::default() };
        let broker = Broker::with(Settings { security, ..Settings::default() });
        add(broker.users(), "alice", "secret");
        broker
    };
    let broker = start(None);
    assert!(over_tls(&broker, &server.0, None).unwrap() > 20);
    assert!(over_tls(&broker, &stranger.0, None).is_err(), "a server that is not trusted");
    // Kafka's protocol in the clear is none.
    let mut plain = broker.client();
    plain.send(9, &MetadataRequest::default());
    let mut rest = Vec::new();
    plain.socket.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.first(), Some(&0x15), "an alert of TLS");
    let broker = start(Some(client.0.clone()));
    assert!(over_tls(&broker, &server.0, Some(&client)).unwrap() > 20);
    assert!(over_tls(&broker, &server.0, None).is_err());
    assert!(over_tls(&broker, &server.0, Some(&stranger)).is_err());
}

#[test]
fn files_that_do_not_fit_together_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (self_signed(folder.path(), "one"), self_signed(folder.path(), "other"));
    let code = |certificate: &Path, key: &Path, client_ca: Option<PathBuf>| {
        let files = TlsFiles { certificate: certificate.into(), key: key.into(), client_ca };
        files.load().map(|_| ()).map_err(|problem| problem.code)
    };
    assert_eq!(code(&one.0, &one.1, Some(other.0.clone())), Ok(()));
    assert_eq!(code(&one.0, &other.1, None), Err("TLS_INVALID".into()));
    let none = folder.path().join("none");
    assert_eq!(code(&none, &one.1, None), Err("TLS_FILE".into()));
    assert_eq!(code(&one.0, &none, None), Err("TLS_FILE".into()));
    assert_eq!(code(&one.1, &one.1, None), Err("TLS_FILE".into()), "a key is no certificate");
    assert_eq!(code(&one.0, &one.0, None), Err("TLS_FILE".into()), "a certificate is no key");
    assert_eq!(code(&one.0, &one.1, Some(none)), Err("TLS_FILE".into()));
}
