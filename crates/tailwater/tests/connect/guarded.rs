//! Who may ask.

use std::path::Path;
use std::process::Command;

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
fn what_placeholders_stand_for_is_quoted_in_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    // Cargo gives it to tests, and tests to the server.
    let secret = env!("CARGO_MANIFEST_DIR");
    let placeholder = "${env:CARGO_MANIFEST_DIR}";
    let faulty = [
        "database.port",
        "plugin.name",
        "slot.name",
        "snapshot.mode",
        "transforms",
        "transforms.t.type",
        "key.converter",
        "message.key.columns",
        "column.include.list",
        "database.sslrootcert",
    ];
    for property in faulty {
        let mut config = json!({
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "127.0.0.1", "database.port": "1", "database.user": "u", "database.password": secret,
            "database.dbname": "d", "topic.prefix": "p", "transforms": "t", "transforms.t.regex": "(",
            "transforms.t.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.t.replacement": "x",
        });
        config[property] = json!(placeholder);
        let post = json!({"name": "c", "config": config}).to_string();
        let posted = server.ask("POST", "/connectors", &post);
        assert_eq!(posted.status, 400, "{property}");
        let validated = server.ask("PUT", "/connector-plugins/PostgresConnector/config/validate", &config.to_string());
        for answer in [posted, validated] {
            let said = format!("{answer:?}");
            assert!(!said.contains(secret), "{property}: {said}");
        }
    }
    assert!(!server.process.errors().contains(secret));
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

#[test]
fn over_tls_only_who_shows_a_certificate_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let (certificate, key) = (dir.path().join(format!("{name}.pem")), dir.path().join(format!("{name}.key")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
            .args([&key, Path::new("-out"), &certificate])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        [certificate, key].map(|path| path.display().to_string())
    };
    let ([server_pem, server_key], [client_pem, client_key]) = (make("server"), make("client"));
    let flags = ["--connect-tls-certificate", &server_pem, "--connect-tls-key", &server_key];
    let server =
        Server::with(&dir.path().join("data"), &[&flags[..], &["--connect-tls-client-ca", &client_pem]].concat());
    let curl = |more: &[&str]| {
        let url = format!("https://{}/connectors", server.rest);
        let out = Command::new("curl").args(["-s", "-m", "20", "--cacert", &server_pem]).args(more).arg(&url).output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    };
    assert_eq!(curl(&["--cert", &client_pem, "--key", &client_key]), "[]");
    assert_eq!(curl(&[]), "");
    assert_eq!(curl(&["--cert", &server_pem, "--key", &server_key]), "");
}
