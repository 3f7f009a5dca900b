//! Start-up of a session: parameters, authentication, and what the server says of itself.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::Client;
use super::error::{ClientError, ServerError};
use super::settings::{ConnectionSettings, Secret};

/// What text output and waiting depend on, pinned in every session: snapshot and stream then write a value alike, and
/// no server default can cut a long read short. `row_security=off` turns silently hidden rows into an error.
const PINNED: &[(&str, &str)] = &[
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("xmlbinary", "base64"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("row_security", "off"),
];

/// Sends the start-up packet and follows the server until it is ready.
pub(super) fn start(client: &mut Client, settings: &ConnectionSettings, replication: bool) -> Result<(), ClientError> {
    let mut parameters = vec![
        ("user", settings.user.as_str()),
        ("database", settings.database.as_str()),
        ("application_name", settings.application_name.as_str()),
    ];
    if replication {
        parameters.push(("replication", "database"));
    }
    parameters.extend(PINNED);
    client.send(|out| frontend::startup_message(parameters, out))?;
    authenticate(client, settings)?;
    loop {
        match client.message()? {
            Message::ParameterStatus(status) if matches!(status.name(), Ok("server_version")) => {
                client.server_version_num = status.value().ok().map(version_num).unwrap_or_default();
            }
            Message::ErrorResponse(error) => return Err(ClientError::from_fields(error.fields())),
            Message::ReadyForQuery(_) => return Ok(()),
            _ => {}
        }
    }
}

fn authenticate(client: &mut Client, settings: &ConnectionSettings) -> Result<(), ClientError> {
    loop {
        match client.message()? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword => {
                let password = password(settings)?.reveal().as_bytes();
                client.send(|out| frontend::password_message(password, out))?;
            }
            Message::AuthenticationMd5Password(body) => {
                let password = password(settings)?.reveal().as_bytes();
                let hash = md5_hash(settings.user.as_bytes(), password, body.salt());
                client.send(|out| frontend::password_message(hash.as_bytes(), out))?;
            }
            Message::AuthenticationSasl(body) => {
                let mut mechanisms = body.mechanisms();
                let mut offered = false;
                while let Some(mechanism) = mechanisms.next().map_err(invalid)? {
                    offered |= mechanism == SCRAM_SHA_256;
                }
                if !offered {
                    return Err(refused("the server offers no authentication mechanism that is known here"));
                }
                scram(client, password(settings)?)?;
            }
            Message::ErrorResponse(error) => return Err(ClientError::from_fields(error.fields())),
            Message::NoticeResponse(_) => {}
            _ => return Err(refused("the server asks for an authentication method that is not supported here")),
        }
    }
}

/// SCRAM-SHA-256; returns once the server has proved that it knows the password, too.
fn scram(client: &mut Client, password: &Secret) -> Result<(), ClientError> {
    let mut scram = ScramSha256::new(password.reveal().as_bytes(), ChannelBinding::unsupported());
    let first = scram.message().to_vec();
    client.send(|out| frontend::sasl_initial_response(SCRAM_SHA_256, &first, out))?;
    match client.message()? {
        Message::AuthenticationSaslContinue(body) => scram.update(body.data()).map_err(invalid)?,
        Message::ErrorResponse(error) => return Err(ClientError::from_fields(error.fields())),
        _ => return Err(ClientError::protocol("unexpected message in authentication")),
    }
    let second = scram.message().to_vec();
    client.send(|out| frontend::sasl_response(&second, out))?;
    match client.message()? {
        Message::AuthenticationSaslFinal(body) => scram.finish(body.data()).map_err(invalid),
        Message::ErrorResponse(error) => Err(ClientError::from_fields(error.fields())),
        _ => Err(ClientError::protocol("unexpected message in authentication")),
    }
}

fn password(settings: &ConnectionSettings) -> Result<&Secret, ClientError> {
    settings.password.as_ref().ok_or_else(|| refused("the server asks for a password and none is given"))
}

fn refused(message: &str) -> ClientError {
    ClientError::Credentials(ServerError { sqlstate: "28000".into(), message: message.into(), hint: String::new() })
}

fn invalid(error: std::io::Error) -> ClientError {
    ClientError::protocol(format!("authentication: {error}"))
}

/// `server_version_num` from the text of `server_version`: `15.18 (Debian …)` is 150018, `9.6.24` is 90624,
/// `19beta1` is 190000.
fn version_num(text: &str) -> u32 {
    let head: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let mut parts = head.split('.').map(|part| part.parse::<u32>().unwrap_or_default().min(9999));
    let (major, minor, patch) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if major >= 10 { major * 10_000 + minor } else { major * 10_000 + minor * 100 + patch }
}

/// One message of the server, parsed from its own copy: for the control path only.
pub(super) fn parse(tag: u8, body: &[u8]) -> Result<Message, ClientError> {
    let length = i32::try_from(body.len() + 4).map_err(|_| ClientError::protocol("message too long"))?;
    let mut bytes = BytesMut::with_capacity(body.len() + 5);
    bytes.extend_from_slice(&[tag]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    match Message::parse(&mut bytes) {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(ClientError::protocol("incomplete message")),
        Err(e) => Err(ClientError::protocol(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn version_texts_become_numbers() {
        let cases = [
            ("15.18 (Debian 15.18-0+deb12u1)", 150_018),
            ("9.6.24", 90_624),
            ("19beta1", 190_000),
            ("18.0", 180_000),
            ("", 0),
        ];
        for (text, number) in cases {
            assert_eq!(version_num(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_messages_never_panic(tag: u8, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Message::ErrorResponse(error)) = parse(tag, &body) {
                let _ = ClientError::from_fields(error.fields());
            }
        }

        #[test]
        fn arbitrary_scram_challenges_never_panic(challenge in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut scram = ScramSha256::new(b"secret", ChannelBinding::unsupported());
            prop_assert!(scram.update(&challenge).is_err());
        }
    }
}
