//! What a request carries: a JSON body, bounded in size and time, and flags in its query.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::answer;
use crate::limits::{BODY_BYTES, BODY_TIME};

/// A body that says it is JSON; not read yet.
pub(super) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type"));
        }
        match tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => Ok(Body(bytes)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(answer::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("HTTP 413 Content Too Large: a request has at most {BODY_BYTES} bytes"),
            )),
            Ok(Err(_)) => Err(answer::error(StatusCode::BAD_REQUEST, "HTTP 400 Bad Request: the body ends too early")),
            Err(_) => Err(answer::error(
                StatusCode::REQUEST_TIMEOUT,
                &format!("HTTP 408 Request Timeout: a request has to arrive within {} s", BODY_TIME.as_secs()),
            )),
        }
    }
}

/// The values of a parameter, in order; empty for one that stands alone.
pub(super) fn values(query: Option<&str>, name: &str) -> impl Iterator<Item = String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.filter(move |(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Whether a parameter says `true`, as Java reads it.
pub(super) fn flag(query: Option<&str>, name: &str, default: bool) -> bool {
    values(query, name).next().map_or(default, |value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_browsers_and_curl_write_them() {
        let all = |query: &str| values(Some(query), "expand").collect::<Vec<_>>();
        assert_eq!(all("expand=info&x=y&expand=%73tatus&&Expand=no"), ["info", "status"]);
        assert_eq!(all("expand"), [""]);
        assert_eq!(values(None, "expand").count(), 0);
        assert!(flag(Some("includeTasks=TRUE"), "includeTasks", false));
        assert!(!flag(Some("includeTasks=1"), "includeTasks", true), "another word is false, as in Java");
        assert!(flag(Some("onlyFailed=true"), "includeTasks", true), "the default");
    }
}
