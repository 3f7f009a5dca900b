//! The ways of `connectors` to a server: its port, TLS, tokens, its data directory; and what is said before the wrong door.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tailwater_testkit::Process;

use crate::support::{DEADLINE, Ended, Place, command, finish};

/// A server with all faces, and its ready line.
fn serve(place: &Place, more: &[&str]) -> (Process, Value) {
    let mut serve = command(["serve", "--http", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--json", "--data-dir"]);
    serve.env("TAILWATER_CONNECT", "127.0.0.1:0");
    let process = Process::spawn(serve.arg(place.data()).args(more));
    let line = process.wait_line(DEADLINE, |_| true).unwrap_or_else(|| panic!("{}", process.errors()));
    let ready = serde_json::from_str(&line).unwrap();
    (process, ready)
}

fn ls(args: &[&str]) -> Ended {
    finish(command(["connectors", "ls"].iter().chain(args)))
}

/// What is said when it does not work.
fn refused(code: &str, exit: i32, args: &[&str]) -> String {
    let ended = ls(args);
    assert!(ended.code == Some(exit) && ended.err.contains(&format!("[{code}]")), "{args:?}: {ended:?}");
    ended.err
}

fn welcome(args: &[&str]) {
    let ended = ls(args);
    assert!(ended.code == Some(0) && ended.err.contains("no connectors yet"), "{args:?}: {ended:?}");
}

/// A certificate that signs itself, and its key.
fn certificate(folder: &Path, name: &str) -> [String; 2] {
    let files = ["pem", "key"].map(|kind| folder.join(format!("{name}.{kind}")).display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &files[1], "-out", &files[0]])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    files
}

#[test]
fn over_tls_with_a_certificate_of_the_client_where_one_is_wanted() {
    let place = Place::new();
    let [server, server_key] = certificate(place.dir.path(), "server");
    let [client, client_key] = certificate(place.dir.path(), "client");
    let flags =
        ["--connect-tls-certificate", &server, "--connect-tls-key", &server_key, "--connect-tls-client-ca", &client];
    let (_serve, ready) = serve(&place, &flags);
    let address = ready["connect"].as_str().unwrap();
    let (https, http) = (format!("https://{address}"), format!("http://{address}"));
    let own = ["--tls-certificate", &client, "--tls-key", &client_key];
    welcome(&[&["--connect", &https, "--tls-ca", &server][..], &own].concat());
    let said = refused("TLS_UNTRUSTED", 2, &[&["--connect", &https][..], &own].concat());
    assert!(said.contains("--tls-ca "), "{said}");
    let said = refused("TLS_CLIENT_CERTIFICATE", 2, &["--connect", &https, "--tls-ca", &server]);
    assert!(said.contains("--tls-certificate client.pem --tls-key client.key"), "{said}");
    assert!(refused("CONNECT_WANTS_TLS", 2, &["--connect", &http]).contains(&format!("--connect {https}")));
    refused("TLS_FILE", 2, &["--connect", &https, "--tls-ca", "/no/such/file"]);
    // Whoever holds the data directory is in.
    welcome(&["--data-dir", &place.data().display().to_string()]);
}

#[test]
fn a_token_is_wanted_at_the_port_and_not_from_the_owner_of_the_directory() {
    let place = Place::new();
    let token = place.dir.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let token = token.display().to_string();
    let (_serve, ready) = serve(&place, &["--connect-token-file", &token]);
    let url = format!("http://{}", ready["connect"].as_str().unwrap());
    welcome(&["--connect", &url, "--token-file", &token]);
    assert!(refused("CONNECT_TOKEN", 2, &["--connect", &url]).contains("wants a token"));
    let wrong = place.dir.path().join("wrong");
    std::fs::write(&wrong, "wr0ng").unwrap();
    let said = refused("CONNECT_TOKEN", 2, &["--connect", &url, "--token-file", &wrong.display().to_string()]);
    assert!(said.contains("does not take this token") && said.contains("--data-dir DIR"), "{said}");
    assert!(!said.contains("wr0ng"), "{said}");
    let data = place.data().display().to_string();
    welcome(&["--data-dir", &data]);
    let mut by_variable = command(["connectors", "ls"]);
    by_variable.env("TAILWATER_DATA_DIR", &data);
    assert_eq!(finish(by_variable).code, Some(0));
    // Without one, an address that others can reach is not opened; with it, it is.
    let mut wide =
        command(["serve", "--http", "off", "--kafka", "off", "--connect", "0.0.0.0:0", "--json", "--data-dir"]);
    wide.arg(place.dir.path().join("wide"));
    let ended = finish(wide);
    assert!(ended.code == Some(2) && ended.err.contains("ADDRESS_OPEN"), "{ended:?}");
    assert!(ended.err.contains("--connect-token-file FILE"), "{ended:?}");
    let second = Place::new();
    let (_wide, ready) = serve(&second, &["--connect", "0.0.0.0:0", "--connect-token-file", &token]);
    let wide = ready["connect"].as_str().unwrap().replace("0.0.0.0", "http://127.0.0.1");
    welcome(&["--connect", &wide, "--token-file", &token]);
    // An address that is named goes first.
    refused("CONNECT_TOKEN", 2, &["--data-dir", &data, "--connect", &url]);
}

#[test]
fn the_port_of_another_face_and_https_where_none_is_spoken_are_told_apart() {
    let place = Place::new();
    let (_serve, ready) = serve(&place, &[]);
    let address = |face: &str, scheme: &str| format!("{scheme}://{}", ready[face].as_str().unwrap());
    let said = refused("CONNECT_NOT_REST", 2, &["--connect", &address("kafka", "http")]);
    assert!(said.contains("Kafka's protocol") && said.contains("--connect http://127.0.0.1:8083"), "{said}");
    assert!(refused("CONNECT_NOT_REST", 2, &["--connect", &address("http", "http")]).contains("answers 404"));
    for face in ["connect", "http", "kafka"] {
        let said = refused("TLS_MISSING", 2, &["--connect", &address(face, "https")]);
        assert!(said.contains("--connect http://HOST:PORT"), "{said}");
    }
}

#[test]
fn a_directory_that_nobody_serves_or_without_rest_says_so() {
    let place = Place::new();
    let data = place.data().display().to_string();
    assert!(refused("SERVER_NOT_RUNNING", 3, &["--data-dir", &data]).contains("tailwater serve --data-dir"));
    let (_serve, ready) = serve(&place, &["--connect", "off"]);
    assert!(ready["connect"].is_null());
    assert!(refused("CONNECT_OFF", 2, &["--data-dir", &data]).contains("--connect off"));
}
