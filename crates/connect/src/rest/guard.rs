//! Who may ask at all, before anything is read.
//!
//! On loopback a web page must not reach us through its visitor's browser: by a name that suddenly means 127.0.0.1 (the
//! `Host` tells) or across origins (the `Origin` tells). With a token, whoever has it may ask, from wherever.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::answer;

/// The rules of one port.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// What must stand behind `Authorization: Bearer`.
    pub token: Option<String>,
    /// Whether only names of this machine may be asked for: the port is on loopback.
    pub loopback: bool,
}

pub(super) async fn check(guard: Arc<Guard>, request: Request, next: Next) -> Response {
    match guard.refuse(request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

/// The same where only the name that is asked for counts.
pub(super) async fn check_host(guard: Arc<Guard>, request: Request, next: Next) -> Response {
    match guard.refuse_host(request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

impl Guard {
    fn refuse_host(&self, headers: &HeaderMap) -> Option<Response> {
        let host = headers.get(header::HOST).map(|value| value.to_str().unwrap_or("?"));
        let message = "HTTP 403 Forbidden: this port answers only as localhost; use http://127.0.0.1 or, to be reached by \
                       other names, give it another address";
        let bent = self.loopback && host.is_some_and(|host| !is_loopback(host));
        bent.then(|| answer::error(StatusCode::FORBIDDEN, message))
    }

    fn refuse(&self, headers: &HeaderMap) -> Option<Response> {
        let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST);
        if let Some(refusal) = self.refuse_host(headers) {
            return Some(refusal);
        }
        let foreign = |origin: &str| origin.split_once("://").map(|(_, host)| host) != host;
        if text(header::ORIGIN).is_some_and(foreign) {
            let message = "HTTP 403 Forbidden: a web page of another origin may not ask here";
            return Some(answer::error(StatusCode::FORBIDDEN, message));
        }
        if let Some(token) = &self.token {
            let given = text(header::AUTHORIZATION).and_then(|value| value.split_once(' '));
            let given =
                given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            if !given.is_some_and(|given| same(given, token)) {
                let answer =
                    answer::error(StatusCode::UNAUTHORIZED, "HTTP 401 Unauthorized: send Authorization: Bearer TOKEN");
                return Some(([(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response());
            }
        }
        let accepts = |value: &str| {
            let kind = |part: &str| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            value.split(',').map(kind).any(|k| matches!(k.as_str(), "*/*" | "application/*" | "application/json" | ""))
        };
        if text(header::ACCEPT).is_some_and(|value| !accepts(value)) {
            return Some(answer::error(StatusCode::NOT_ACCEPTABLE, "HTTP 406 Not Acceptable"));
        }
        None
    }
}

/// Compares digests, so that the time taken tells nothing of where two tokens differ.
fn same(given: &str, token: &str) -> bool {
    Sha256::digest(given.as_bytes()) == Sha256::digest(token.as_bytes())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(guard: &Guard, pairs: &[(&'static str, &str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        guard.refuse(&headers).map(|response| response.status().as_u16())
    }

    #[test]
    fn pages_of_other_origins_and_names_that_were_bent_do_not_get_in() {
        let guard = Guard { token: None, loopback: true };
        for host in ["localhost:8083", "127.0.0.1:8083", "127.9.9.9", "[::1]:8083", "LOCALHOST"] {
            assert_eq!(refused(&guard, &[("host", host)]), None, "{host}");
        }
        for host in ["evil.example:8083", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"] {
            assert_eq!(refused(&guard, &[("host", host)]), Some(403), "{host}");
        }
        let with = |origin| refused(&guard, &[("host", "localhost:8083"), ("origin", origin)]);
        assert_eq!(with("http://localhost:8083"), None);
        for origin in ["http://evil.example", "null", "http://localhost:9000"] {
            assert_eq!(with(origin), Some(403), "{origin}");
        }
        assert_eq!(refused(&Guard::default(), &[("host", "connect:8083")]), None);
    }

    #[test]
    fn with_a_token_only_who_has_it_gets_in() {
        let guard = Guard { token: Some("s3cret".into()), loopback: false };
        assert_eq!(refused(&guard, &[]), Some(401));
        for (value, expected) in
            [("Bearer s3cret", None), ("bearer s3cret", None), ("Bearer s3cre", Some(401)), ("Basic s3cret", Some(401))]
        {
            assert_eq!(refused(&guard, &[("authorization", value)]), expected, "{value}");
        }
    }

    #[test]
    fn only_json_is_answered() {
        let guard = Guard::default();
        for (value, expected) in [
            ("text/html", Some(406)),
            ("text/html, */*;q=0.8", None),
            ("application/json", None),
            ("application/vnd.x+json", Some(406)),
        ] {
            assert_eq!(refused(&guard, &[("accept", value)]), expected, "{value}");
        }
    }
}
