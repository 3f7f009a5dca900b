//! Who may ask.

use serde_json::json;

use crate::support::Server;

#[test]
fn web_pages_do_not_get_in_and_with_a_token_only_who_has_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("open"));
    let origin = server.ask_with("GET", "/connectors", "Origin: http://evil.example\r\n", "");
    assert_eq!((origin.status, &origin.body["error_code"]), (403, &json!(403)));
    let token = dir.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let guarded = Server::with(&dir.path().join("guarded"), &["--connect-token-file".as_ref(), token.as_os_str()]);
    let with = |header: &str| guarded.ask_with("GET", "/connectors", header, "").status;
    assert_eq!(
        (with(""), with("Authorization: Bearer s3cret\r\n"), with("Authorization: Bearer x\r\n")),
        (401, 200, 401)
    );
}

#[test]
fn the_log_is_turned_up_and_down() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let set = server.ask("PUT", "/admin/loggers/io.debezium.connector.postgresql", r#"{"level":"DEBUG"}"#);
    assert_eq!((set.status, set.body), (200, json!(["io.debezium.connector.postgresql"])));
    let one = server.get("/admin/loggers/io.debezium.connector.postgresql");
    assert_eq!(one["level"], "DEBUG");
    assert!(one["last_modified"].is_i64());
    assert_eq!(server.ask("PUT", "/admin/loggers/root", r#"{"level":"loud"}"#).status, 404);
    assert_eq!(server.ask("PUT", "/admin/loggers/root", "{}").status, 400);
    assert_eq!(server.ask("PUT", "/admin/loggers/root?scope=cluster", r#"{"level":"warn"}"#).status, 204);
    assert_eq!(server.get("/admin/loggers/root")["level"], "WARN");
}
