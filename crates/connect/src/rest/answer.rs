//! Answers in Connect's form.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tailwater_connector::Problem;

use crate::herder::Refusal;
use crate::limits::PROBLEMS_BYTES;

/// What is wrong or worth knowing, as a JSON list of problems with codes and remedies: Connect's bodies have no place for
/// them.
const PROBLEMS: HeaderName = HeaderName::from_static("tailwater-problems");

#[derive(Serialize)]
struct ErrorMessage<'a> {
    error_code: u16,
    message: &'a str,
}

/// `{"error_code", "message"}` with the same status.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(ErrorMessage { error_code: status.as_u16(), message })).into_response()
}

/// The header that tells problems, as many of them as have room in it; none without problems.
pub(super) fn with_problems(problems: &[Problem]) -> HeaderMap {
    let mut list = String::new();
    for text in problems.iter().filter_map(|problem| serde_json::to_string(problem).ok()) {
        let text = ascii(&text);
        if list.len() + text.len() <= PROBLEMS_BYTES {
            list.push(if list.is_empty() { '[' } else { ',' });
            list.push_str(&text);
        }
    }
    let value = HeaderValue::try_from(list + "]").ok().filter(|value| value.len() > 1);
    value.map(|value| (PROBLEMS, value)).into_iter().collect()
}

/// JSON of the same meaning in which every character is one of a header.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            out.push(character);
        } else {
            let mut units = [0; 2];
            out.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// Gives Connect's form to what is answered before a handler is reached: the methods that there are, for `OPTIONS`, and
/// addresses that are no text.
pub(super) fn in_form(method: &Method, response: Response) -> Response {
    let allowed = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok());
    if let (&Method::OPTIONS, StatusCode::METHOD_NOT_ALLOWED, Some(allowed)) = (method, response.status(), allowed) {
        let (header, body) = (format!("{allowed},OPTIONS"), format!("{},OPTIONS", allowed).replace(',', ", "));
        let header = HeaderValue::from_str(&header).unwrap_or(HeaderValue::from_static("OPTIONS"));
        return ([(header::ALLOW, header), (header::CONTENT_TYPE, PLAIN)], body).into_response();
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    if response.status() == StatusCode::BAD_REQUEST && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/")) {
        return error(
            StatusCode::BAD_REQUEST,
            "HTTP 400 Bad Request: the address is no text in UTF-8, percent-encoded",
        );
    }
    response
}

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (with_problems(&self.problems), error(status, &self.message)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_in_a_header_are_what_they_were_and_bounded() {
        let problem = Problem::config("CODE", "tab\t, \u{1}, \u{7f}, é, 🦀", "do \"this\"\nand that");
        let told = |problems: &[Problem]| -> Vec<Problem> {
            let headers = with_problems(problems);
            headers.get(PROBLEMS).map_or_else(Vec::new, |v| serde_json::from_str(v.to_str().unwrap()).unwrap())
        };
        assert_eq!(told(&[]), []);
        assert_eq!(told(&[problem.clone(), problem.clone().warning()]), [problem.clone(), problem.clone().warning()]);
        let long = Problem::config("LONG", "x".repeat(PROBLEMS_BYTES), "");
        assert_eq!(told(&[long, problem.clone()]), std::slice::from_ref(&problem));
        assert!(told(&vec![problem; 1000]).len() < 100);
    }
}
