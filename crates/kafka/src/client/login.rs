//! Saying who the client is, on a connection that has just begun (SASL in Kafka's frames, KIP-152).

use std::time::{Duration, Instant};

use bytes::Bytes;
use tailwater_connector::Problem;
use tailwater_wire::api::sasl_authenticate::SaslAuthenticateRequest;
use tailwater_wire::api::sasl_handshake::SaslHandshakeRequest;
use tailwater_wire::error_code::ErrorCode;

use super::access::{Login, LoginBy};
use super::connection::{Connection, Failure};
use super::scram::Proving;

/// The versions of which the second part is framed.
const HANDSHAKE: i16 = 1;
const AUTHENTICATE: i16 = 2;

impl Connection {
    /// Logs in; when that has to be done again, if ever (KIP-368).
    pub(super) fn log_in(&mut self, login: &Login) -> Result<Option<Instant>, Failure> {
        let begin = Instant::now();
        let refuse = |code, cause: String, remedy: String| Failure::Refused(Problem::config(code, cause, remedy));
        let request = SaslHandshakeRequest { mechanism: login.mechanism.name().to_owned() };
        let answer = self.call(HANDSHAKE, &request)?;
        let address = self.address().to_owned();
        match answer.error_code {
            ErrorCode::NONE => {}
            ErrorCode::UNSUPPORTED_SASL_MECHANISM => {
                return Err(refuse(
                    "LOGIN_MECHANISM",
                    format!("the broker at {address} does not offer {}", login.mechanism.name()),
                    format!("It offers: -X sasl.mechanism={}", answer.mechanisms.join(" or ")),
                ));
            }
            ErrorCode::ILLEGAL_SASL_STATE => {
                return Err(refuse(
                    "LOGIN_NOT_WANTED",
                    format!("the broker at {address} asks nobody to log in"),
                    "Use -X security.protocol=PLAINTEXT, or SSL with TLS.".to_owned(),
                ));
            }
            other => return Err(self.refused(login, other.name())),
        }
        let lifetime = match login.mechanism {
            LoginBy::Plain => {
                let token = [b"\0", login.user.as_bytes(), b"\0", login.password.as_bytes()].concat();
                self.token(login, token.into())?.1
            }
            LoginBy::Scram(mechanism) => {
                let none = || Problem::environment("RANDOM", "the system has no random bytes", "ls -l /dev/urandom");
                let proving = Proving::begin(mechanism, &login.user, &login.password);
                let proving = proving.ok_or_else(|| Failure::Refused(none()))?;
                let challenge = self.token(login, proving.first().into())?.0;
                let (proof, expected) = proving.prove(&challenge).map_err(|why| self.unproven(why))?;
                let (last, lifetime) = self.token(login, proof.into())?;
                if !expected.is_met(&last) {
                    return Err(self.unproven("it does not know what is kept of the password"));
                }
                lifetime
            }
        };
        // Before the broker would close the connection, with time for the requests that are on their way.
        Ok((lifetime > Duration::ZERO).then(|| begin + lifetime * 4 / 5))
    }

    /// One token and what answers it, and how long a login lasts.
    fn token(&mut self, login: &Login, auth_bytes: Bytes) -> Result<(Bytes, Duration), Failure> {
        let answer = self.call(AUTHENTICATE, &SaslAuthenticateRequest { auth_bytes })?;
        match answer.error_code {
            ErrorCode::NONE => {
                let lifetime = u64::try_from(answer.session_lifetime_ms).unwrap_or_default();
                Ok((answer.auth_bytes, Duration::from_millis(lifetime)))
            }
            other => {
                let why = answer.error_message.filter(|why| !why.is_empty());
                Err(self.refused(login, why.as_deref().unwrap_or(other.name())))
            }
        }
    }

    fn refused(&self, login: &Login, why: &str) -> Failure {
        Failure::Refused(Problem::config(
            "LOGIN_REFUSED",
            format!("the broker at {} refuses the login of '{}': {why}", self.address(), login.user),
            format!(
                "Look at name and password; on Tailwater: tailwater users ls, tailwater users passwd '{}'",
                login.user
            ),
        ))
    }

    fn unproven(&self, why: &str) -> Failure {
        Failure::Refused(Problem::stop(
            "LOGIN_UNPROVEN",
            format!("the broker at {} does not prove that it knows the user: {why}", self.address()),
            "Look whether it is the broker that you mean.",
        ))
    }
}
