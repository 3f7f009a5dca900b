//! Finding out who a client is, before anything else is answered (KIP-43, KIP-152).
//!
//! Until then requests are small, few, of three APIs, and answered one at a time while the next is not even read: a
//! handshake names a mechanism, tokens follow, in `SaslAuthenticate` or, after version 0 of the handshake, bare. Whoever
//! fails hears of it after a while, and its connection ends.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use tailwater_wire::codec::Segments;
use tailwater_wire::error_code::ErrorCode;
use tailwater_wire::frame::FrameKind;
use tokio::sync::Semaphore;

use super::dispatch::Answer;
use super::memory::Held;
use crate::limits::{EARLY_REQUESTS, WRONG_PASSWORD_DELAY};
use crate::security::sasl::{Exchange, Refused, Step};
use crate::security::users::Users;

/// How far a connection has come.
pub(super) struct Authentication {
    is_wanted: bool,
    user: OnceLock<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the next token is for; `None` before a handshake.
    exchange: Option<Exchange>,
    /// Whether tokens are frames of their own.
    bare: bool,
    requests: usize,
    failed: Option<Failed>,
}

/// Why a connection ends before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failed {
    /// By its tokens.
    #[error("authentication failed: {0}")]
    Token(#[from] Refused),
    /// A mechanism that is not offered.
    #[error("authentication by a mechanism that is not offered")]
    Mechanism,
    /// Steps in the wrong order.
    #[error("the steps of authentication came in the wrong order")]
    Order,
    /// Too many requests.
    #[error("{EARLY_REQUESTS} requests came before authentication")]
    TooMany,
}

impl Authentication {
    /// Of a new connection.
    pub(super) fn new(is_wanted: bool) -> Self {
        Authentication { is_wanted, user: OnceLock::new(), state: Mutex::default() }
    }

    /// Whether everything else may be asked.
    pub(super) fn is_done(&self) -> bool {
        !self.is_wanted || self.user.get().is_some()
    }

    /// Who the client is; `None` where nobody asks.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.get().map(String::as_str)
    }

    /// Why the connection must end.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.state().failed.clone()
    }

    /// What the next frame is.
    pub(super) fn frames(&self) -> FrameKind {
        match (self.is_done(), self.state().bare) {
            (true, _) => FrameKind::Request,
            (false, true) => FrameKind::SaslToken,
            (false, false) => FrameKind::EarlyRequest,
        }
    }

    /// Counts a request.
    pub(super) fn count(&self) -> Result<(), Failed> {
        let mut state = self.state();
        state.requests += 1;
        if state.requests > EARLY_REQUESTS { Err(Failed::TooMany) } else { Ok(()) }
    }

    /// The client names a mechanism; `bare`: its tokens will be frames of their own.
    pub(super) fn begin(&self, mechanism: &str, bare: bool) -> Result<(), ErrorCode> {
        let mut state = self.state();
        if self.is_done() {
            return Err(ErrorCode::ILLEGAL_SASL_STATE);
        }
        let exchange = Exchange::of(mechanism).filter(|_| state.exchange.is_none());
        match exchange {
            Some(exchange) => {
                state.exchange = Some(exchange);
                state.bare = bare;
                Ok(())
            }
            None => {
                let (code, failed) = match state.exchange {
                    Some(_) => (ErrorCode::ILLEGAL_SASL_STATE, Failed::Order),
                    None => (ErrorCode::UNSUPPORTED_SASL_MECHANISM, Failed::Mechanism),
                };
                state.failed = Some(failed);
                Err(code)
            }
        }
    }

    /// The client sends a token; the one that answers it. Who fails waits for it.
    pub(super) async fn token(&self, token: Bytes, users: &Users, checks: &Semaphore) -> Result<Vec<u8>, Failed> {
        let exchange = self.state().exchange.take();
        let stepped = match exchange {
            None => Err(Failed::Order),
            Some(exchange) if exchange.is_costly() => {
                // The semaphore is never closed, and the check ends early only when the process does.
                let _turn = checks.acquire().await;
                let users = users.clone();
                let checked = tokio::task::spawn_blocking(move || exchange.step(&token, &users)).await;
                checked.unwrap_or(Err(Refused::Malformed)).map_err(Failed::Token)
            }
            Some(exchange) => exchange.step(&token, users).map_err(Failed::Token),
        };
        match stepped {
            Ok(Step::More(exchange, answer)) => {
                self.state().exchange = Some(exchange);
                Ok(answer)
            }
            Ok(Step::Done(user, answer)) => {
                metrics::counter!("tailwater_kafka_authentications_total", "outcome" => "ok").increment(1);
                // Nobody becomes another: this is the first time.
                let _ = self.user.set(user);
                Ok(answer)
            }
            Err(failed) => {
                metrics::counter!("tailwater_kafka_authentications_total", "outcome" => "failed").increment(1);
                self.state().failed = Some(failed.clone());
                tokio::time::sleep(WRONG_PASSWORD_DELAY).await;
                Err(failed)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bare token as an answer.
pub(super) fn bare_answer(token: &[u8]) -> Answer {
    let mut frame = BytesMut::with_capacity(4 + token.len());
    // Ours are a few hundred bytes.
    frame.put_u32(token.len() as u32);
    frame.put_slice(token);
    let length = frame.len();
    Answer { segments: Some(Segments { parts: vec![frame.freeze()], length }), held: Held::default() }
}
