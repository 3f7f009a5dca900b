//! Requests that nobody sends who means well.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::Server;

#[test]
fn malformed_huge_and_deep_bodies_get_connects_codes_and_harm_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let deep = format!("{{\"name\":\"x\",\"unknown\":{}", "[".repeat(200_000));
    for (body, status) in [
        ("{", 500),
        ("", 500),
        ("null", 500),
        ("[]", 500),
        ("{\"name\":\"x\",\"config\":{\"a\":{}}}", 500),
        ("{\"name\":\"x\"}", 500),
        ("{\"name\":\"x\",\"config\":{}}", 400),
        ("{\"name\":\"x\",\"config\":{\"connector.class\":\"nope\"}}", 400),
        ("{\"name\":\"a/b\",\"config\":{\"connector.class\":\"PostgresConnector\"}}", 400),
        ("\u{0}\u{1}", 500),
        (deep.as_str(), 500),
    ] {
        let answer = server.ask("POST", "/connectors", body);
        let shown = body.chars().take(60).collect::<String>();
        assert_eq!((answer.status, &answer.body["error_code"]), (status, &json!(status)), "{shown}");
    }
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(2 << 20));
    let refused =
        tailwater_testkit::send(&server.rest, "POST", "/connectors", "Content-Type: application/json\r\n", &huge);
    // A server that has seen enough may close before it has read everything.
    if let Ok((status, _, _)) = refused {
        assert_eq!(status, 413);
    }
    for (method, path, status) in [
        ("GET", "/nope", 404),
        ("PATCH", "/connectors", 405),
        ("GET", "/connectors/a/tasks/x/status", 404),
        ("GET", "/connectors/%ff", 400),
        ("PUT", "/connectors/zz/pause", 404),
    ] {
        assert_eq!(server.ask(method, path, "").status, status, "{method} {path}");
    }
    assert_eq!(server.ask_with("POST", "/connectors", "Content-Type: text/plain\r\n", "{}").status, 415);
    assert_eq!(server.ask_with("POST", "/connectors", "", "{}").status, 415);
    assert_eq!(server.get("/health")["status"], "healthy");
    assert_eq!(server.get("/connectors"), json!([]));
}

#[test]
fn who_sends_slowly_or_nothing_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let mut idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&server.rest).unwrap()).collect();
    for (n, stream) in idle.iter_mut().enumerate() {
        // Half a head, or half a body.
        let part: &[u8] = match n % 2 {
            0 => b"POST /connectors HTTP/1.1\r\nHost: local",
            _ => b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        };
        stream.write_all(part).unwrap();
    }
    assert_eq!(server.get("/connectors"), json!([]));
    // Half heads are given up, and half bodies are told so.
    let mut answer = Vec::new();
    idle[0].set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    idle[0].read_to_end(&mut answer).unwrap();
    let mut answer = [0; 12];
    idle[1].set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    idle[1].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
