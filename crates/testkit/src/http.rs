//! One request, enough to ask our own HTTP face.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Status code and body of `GET path` at `address` (HOST:PORT).
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    ask(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// The same of a `POST` of JSON; `headers` are lines of their own, each ended.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub fn post(address: &str, path: &str, headers: &str, json: &str) -> std::io::Result<(u16, String)> {
    let length = json.len();
    ask(
        address,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{headers}\r\n{json}"
        ),
    )
}

fn ask(address: &str, request: &str) -> std::io::Result<(u16, String)> {
    exchange(address, request).map(|(status, _, body)| (status, body))
}

fn exchange(address: &str, request: &str) -> std::io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let bad = || std::io::Error::other("not an HTTP answer");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(bad)?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
    Ok((status, head.to_owned(), body.to_owned()))
}

/// One request with any method; `headers` are lines of their own, each ended. Status code, head and body.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<(u16, String, String)> {
    let length = body.len();
    exchange(
        address,
        &format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ),
    )
}
