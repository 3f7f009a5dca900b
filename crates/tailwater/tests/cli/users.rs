//! `users`, of a directory that is served and of one that is not; and the address of Kafka that only they make open.

use std::path::Path;

use serde_json::Value;
use tailwater_testkit::Process;

use crate::support::{DEADLINE, Ended, Place, command, finish};

/// `users` with arguments and a password.
fn users(data: &Path, args: &[&str]) -> Ended {
    let mut command = command(["users"].iter().chain(args));
    command.env("TAILWATER_PASSWORD", "secret").arg("--data-dir").arg(data);
    finish(command)
}

fn listed(data: &Path) -> Value {
    serde_json::from_str(&users(data, &["ls", "--json"]).out).unwrap()
}

/// Adds, grants, revokes and removes.
fn lives(data: &Path) {
    assert_eq!(users(data, &["add", "alice"]).code, Some(0));
    let again = users(data, &["add", "alice"]);
    assert!(again.code == Some(2) && again.err.contains("[USER_EXISTS]"), "{again:?}");
    assert_eq!(users(data, &["grant", "alice", "read", "shop."]).code, Some(0));
    assert_eq!(users(data, &["grant", "alice", "admin", ""]).code, Some(0));
    assert_eq!(users(data, &["revoke", "alice", "admin", ""]).code, Some(0));
    assert!(users(data, &["revoke", "alice", "admin", ""]).err.contains("[GRANT_UNKNOWN]"));
    assert!(users(data, &["grant", "alice", "read", "shop.*"]).err.contains("[GRANT_INVALID]"));
    assert_eq!(users(data, &["passwd", "alice"]).code, Some(0));
    let all = listed(data);
    assert_eq!(all[0]["name"], "alice");
    assert_eq!(all[0]["grants"], serde_json::json!([{"right": "read", "prefix": "shop."}]));
    assert!(users(data, &["ls"]).out.contains("read 'shop.'"));
    assert_eq!(users(data, &["rm", "alice"]).code, Some(0));
    assert!(users(data, &["rm", "alice"]).err.contains("[USER_UNKNOWN]"));
    assert!(users(data, &["passwd", "alice"]).err.contains("[USER_UNKNOWN]"));
    assert_eq!(listed(data), serde_json::json!([]));
}

#[test]
fn users_live_in_a_directory_that_nobody_serves() {
    let place = Place::new();
    assert!(users(&place.data(), &["ls"]).err.contains("[DATA_DIR_MISSING]"));
    lives(&place.data());
    // The directory may stand before the verb, too.
    let mut before = command(["users", "--data-dir"]);
    before.arg(place.data()).args(["ls", "--json"]);
    assert_eq!(finish(before).out, "[]\n");
}

#[test]
fn users_live_in_a_directory_that_is_served() {
    let place = Place::new();
    let mut serve = command(["serve", "--http", "off", "--kafka", "127.0.0.1:0", "--kafka-authentication", "--json"]);
    serve.arg("--data-dir").arg(place.data());
    let mut process = Process::spawn(&mut serve);
    assert!(process.wait_line(DEADLINE, |_| true).is_some());
    lives(&place.data());
    process.interrupt();
    assert!(process.wait(DEADLINE).is_some_and(|status| status.success()));
}

#[test]
fn no_password_is_an_argument_and_an_empty_one_is_refused() {
    let place = Place::new();
    let mut empty = command(["users", "add", "alice", "--data-dir"]);
    empty.arg(place.data());
    let ended = finish(empty);
    assert!(ended.code == Some(2) && ended.err.contains("[PASSWORD_INVALID]"), "{ended:?}");
    assert_eq!(users(&place.data(), &["add", "alice", "secret"]).code, Some(2), "a usage error");
    let mut missing = command(["users", "add", "alice", "--password-file", "/no/such/file", "--data-dir"]);
    missing.arg(place.data());
    assert!(finish(missing).err.contains("[PASSWORD_UNREADABLE]"));
    std::fs::write(place.dir.path().join("password"), "from a file\n").unwrap();
    let mut file = command(["users", "add", "alice", "--password-file"]);
    file.arg(place.dir.path().join("password")).arg("--data-dir").arg(place.data());
    assert_eq!(finish(file).code, Some(0));
}

#[test]
fn an_address_beyond_loopback_wants_users_and_tls() {
    let place = Place::new();
    let problem = |args: &[&str]| {
        let mut serve = command(["serve", "--http", "off"].iter().chain(args));
        serve.arg("--data-dir").arg(place.data());
        let ended = finish(serve);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.err
    };
    let open = problem(&["--kafka", "0.0.0.0:0"]);
    assert!(open.contains("[ADDRESS_OPEN]") && open.contains("--kafka-tls-certificate"), "{open}");
    assert!(problem(&["--kafka", "0.0.0.0:0", "--kafka-authentication"]).contains("[ADDRESS_OPEN]"));
    assert!(problem(&["--kafka-tls-key", "x"]).contains("[TLS_INCOMPLETE]"));
    assert!(problem(&["--kafka-tls-client-ca", "x"]).contains("[TLS_INCOMPLETE]"));
    let missing = problem(&["--kafka-tls-certificate", "/no/such.pem", "--kafka-tls-key", "/no/such.key"]);
    assert!(missing.contains("[TLS_FILE]") && missing.contains("/no/such.pem"), "{missing}");
}
