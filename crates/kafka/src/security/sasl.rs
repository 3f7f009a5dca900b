//! SASL as a server does it: from tokens to the name of a user.
//!
//! Who is not known costs as much time as who is, and is told the same.

use super::scram::{self, ClientFirst, Mechanism};
use super::users::Users;
use crate::limits::SASL_TOKEN_BYTES;

/// The mechanisms, as they are offered.
pub const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// What the next token is for.
pub enum Exchange {
    /// A name and a password (RFC 4616).
    Plain,
    /// The first message of SCRAM.
    Scram(Mechanism),
    /// Its proof.
    Proof(Box<scram::Exchange>),
}

/// What a token has led to.
pub enum Step {
    /// The token that answers it, and what the next is for.
    More(Exchange, Vec<u8>),
    /// Who the client is, and the last token.
    Done(String, Vec<u8>),
}

/// Why somebody is not who it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What came is no token of the mechanism.
    #[error("a token is malformed or wants what is not served")]
    Malformed,
    /// Wrong user or password; the log says which, the client never hears it.
    #[error("{}", match .user {
        Some(user) => format!("the password of {user} is wrong"),
        None => "there is no such user".to_owned(),
    })]
    Wrong {
        /// Who it says it is, where there is such a user: a name that nobody has may be a password in the wrong place.
        user: Option<String>,
    },
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandom,
}

impl Exchange {
    /// By the name of a mechanism.
    pub fn of(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Exchange::Plain),
            name => Mechanism::ALL.into_iter().find(|known| known.name() == name).map(Exchange::Scram),
        }
    }

    /// Whether a token costs a derivation of keys: milliseconds of a processor.
    pub fn is_costly(&self) -> bool {
        matches!(self, Exchange::Plain)
    }

    /// Takes a token.
    pub fn step(self, token: &[u8], users: &Users) -> Result<Step, Refused> {
        if token.len() > SASL_TOKEN_BYTES {
            return Err(Refused::Malformed);
        }
        let wrong = |user: &str| Refused::Wrong { user: users.is_known(user).then(|| user.to_owned()) };
        match self {
            Exchange::Plain => {
                let (user, password) = plain(token).ok_or(Refused::Malformed)?;
                match users.is_password_of(&user, password).ok_or(Refused::NoRandom)? {
                    true => Ok(Step::Done(user, Vec::new())),
                    false => Err(wrong(&user)),
                }
            }
            Exchange::Scram(mechanism) => {
                let first = ClientFirst::parse(token).ok_or(Refused::Malformed)?;
                let credential = users.credential(&first.user, mechanism).ok_or(Refused::NoRandom)?;
                let nonce = users.nonce().ok_or(Refused::NoRandom)?;
                let exchange = scram::Exchange::begin(mechanism, first, credential, &nonce);
                let challenge = exchange.challenge().as_bytes().to_vec();
                Ok(Step::More(Exchange::Proof(Box::new(exchange)), challenge))
            }
            Exchange::Proof(exchange) => match exchange.finish(token) {
                Some(answer) => Ok(Step::Done(exchange.user().to_owned(), answer.into_bytes())),
                None => Err(wrong(exchange.user())),
            },
        }
    }
}

/// A token of `PLAIN`: who to act as, which may only be the same, who, and the password.
fn plain(token: &[u8]) -> Option<(String, &[u8])> {
    let mut parts = token.split(|byte| *byte == 0);
    let (acts_as, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let sound = parts.next().is_none() && !user.is_empty() && !password.is_empty();
    let same = acts_as.is_empty() || acts_as == user;
    (sound && same).then(|| std::str::from_utf8(user).ok().map(|user| (user.to_owned(), password)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_plain_are_three_parts_and_the_first_is_nobody_else() {
        assert_eq!(plain(b"\0me\0pass word"), Some(("me".into(), &b"pass word"[..])));
        assert_eq!(plain(b"me\0me\0p"), Some(("me".into(), &b"p"[..])));
        for token in
            [&b""[..], b"\0", b"\0\0", b"\0me\0", b"\0\0p", b"you\0me\0p", b"\0me\0p\0", b"me\0p", b"\0\xff\0p"]
        {
            assert_eq!(plain(token), None, "{token:?}");
        }
    }

    #[test]
    fn every_mechanism_that_is_offered_can_be_begun_and_no_other() {
        assert!(MECHANISMS.iter().all(|name| Exchange::of(name).is_some()));
        for name in ["", "plain", "GSSAPI", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"] {
            assert!(Exchange::of(name).is_none(), "{name}");
        }
    }
}
