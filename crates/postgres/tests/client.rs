//! The client against a real server: ways to authenticate, TLS, rows, copies, errors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use support::tls;
use tailwater_connector::{HostAliases, Stop};
use tailwater_postgres::client::{Client, ClientError, ConnectionSettings, Secret, SslMode, TlsSettings};
use tailwater_testkit::{Postgres, free_port};

fn settings(port: u16, user: &str, password: Option<&str>) -> ConnectionSettings {
    ConnectionSettings {
        host: "127.0.0.1".into(),
        port,
        user: user.into(),
        password: password.map(Secret::new),
        database: "postgres".into(),
        tls: TlsSettings { mode: SslMode::Disable, ..TlsSettings::default() },
        application_name: "test".into(),
        connect_timeout: Duration::from_secs(10),
        aliases: HostAliases::default(),
    }
}

#[test]
fn every_password_method_lets_the_right_password_in_and_the_wrong_one_out() {
    let server = Postgres::builder()
        .hba("host all scram 127.0.0.1/32 scram-sha-256")
        .hba("host all md5 127.0.0.1/32 md5")
        .hba("host all plain 127.0.0.1/32 password")
        .hba("host all nobody 127.0.0.1/32 reject")
        .start();
    server.psql(
        "postgres",
        "create role scram login password 'pässword'; create role plain login password 'pässword';
         set password_encryption = md5; create role md5 login password 'pässword'; create role nobody login;",
    );
    for user in ["scram", "md5", "plain"] {
        let mut client = Client::connect(&settings(server.port(), user, Some("pässword")), false).unwrap();
        assert_eq!(client.query("select current_user").unwrap()[0].get(0), Some(user));
        for wrong in [Some("password"), Some(""), None] {
            let refused = Client::connect(&settings(server.port(), user, wrong), false).err().unwrap();
            assert!(matches!(refused, ClientError::Credentials(_)), "{user} {refused:?}");
            assert!(!refused.to_string().contains("pässword"));
        }
    }
    let refused = Client::connect(&settings(server.port(), "nobody", None), false).err().unwrap();
    assert_eq!(refused.sqlstate(), Some("28000"));
}

#[test]
fn a_port_where_nobody_listens_is_unreachable_and_so_is_a_name_nobody_knows() {
    let nobody = Client::connect(&settings(free_port(), "postgres", None), false).err().unwrap();
    assert!(matches!(nobody, ClientError::Unreachable(_)), "{nobody:?}");
    let unknown = ConnectionSettings { host: "no-such-host.invalid".into(), ..settings(5432, "postgres", None) };
    assert!(matches!(Client::connect(&unknown, false).err().unwrap(), ClientError::Unreachable(_)));
}

#[test]
fn a_peer_that_says_nothing_is_given_up_in_time() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = ConnectionSettings { connect_timeout: Duration::from_millis(200), ..settings(port, "postgres", None) };
    let begun = std::time::Instant::now();
    assert!(Client::connect(&silent, false).is_err());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_error_that_comes_with_the_beginning_of_a_stream_is_seen_at_once() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Both in one packet, as a walsender of a fast machine sends them.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut message = |tag: bool, answer: &[u8]| {
            let mut head = vec![0; if tag { 5 } else { 4 }];
            stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
            stream.read_exact(&mut vec![0; length as usize - 4]).unwrap();
            stream.write_all(answer).unwrap();
        };
        message(false, b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0013.9\0Z\0\0\0\x05I");
        message(true, b"W\0\0\0\x07\0\0\0E\0\0\0\x15C42704\0Mno such\0\0Z\0\0\0\x05I");
        // Nothing more comes, and the connection stays.
        drop(stream.read(&mut [0]));
    });
    let client = Client::connect(&settings(port, "postgres", None), true).unwrap();
    let mut stream = client.start_replication("START_REPLICATION SLOT s LOGICAL 0/0").unwrap();
    assert!(stream.receive(Duration::from_millis(10)).unwrap() > 0);
    assert_eq!(stream.next_message().unwrap_err().sqlstate(), Some("42704"));
}

#[test]
fn a_query_gives_rows_and_an_error_leaves_the_session_usable() {
    let server = Postgres::start();
    let mut client = Client::connect(&settings(server.port(), "postgres", None), false).unwrap();
    assert_eq!(client.server_version_num() / 10_000, server.major());
    let rows = client.query("select 1, null, 'ä', ''; select 2").unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].get(0), rows[0].get(1), rows[0].get(2)), (Some("1"), None, Some("ä")));
    assert_eq!((rows[0].get(3), rows[0].get(4)), (Some(""), None));
    let error = client.query("select * from nothing_here").unwrap_err();
    assert_eq!(error.sqlstate(), Some("42P01"));
    let error = client.copy_out("copy nothing_here to stdout").err().unwrap();
    assert_eq!(error.sqlstate(), Some("42P01"));
    assert_eq!(client.query("select 3").unwrap()[0].get(0), Some("3"));
}

#[test]
fn sessions_are_pinned_whatever_the_server_says() {
    let server = Postgres::start();
    server.psql(
        "postgres",
        "alter role postgres set datestyle = 'SQL, DMY'; alter role postgres set timezone = 'Asia/Tokyo';
         alter role postgres set statement_timeout = '1s'; alter role postgres set bytea_output = 'escape';
         alter role postgres set extra_float_digits = 0; alter role postgres set intervalstyle = 'iso_8601';",
    );
    for replication in [false, true] {
        let mut client = Client::connect(&settings(server.port(), "postgres", None), replication).unwrap();
        let mut show = |name: &str| client.query(&format!("show {name}")).unwrap()[0].text(0).to_owned();
        assert!(show("datestyle").starts_with("ISO"));
        assert_eq!(show("timezone"), "UTC");
        assert_eq!(show("statement_timeout"), "0");
        assert_eq!(show("bytea_output"), "hex");
        assert_eq!(show("extra_float_digits"), "3");
        assert_eq!(show("intervalstyle"), "postgres");
    }
}

#[test]
fn a_copy_says_which_row_is_the_last_and_ends_clean() {
    let server = Postgres::start();
    let mut client = Client::connect(&settings(server.port(), "postgres", None), false).unwrap();
    for (count, size) in [(0, 1), (1, 1), (3, 10), (500, 5000), (3, 3_000_000)] {
        let sql = format!("copy (select repeat('x', {size}) from generate_series(1, {count})) to stdout");
        let mut copy = client.copy_out(&sql).unwrap();
        let (mut rows, mut last) = (0, 0);
        while let Some(row) = copy.next_row().unwrap() {
            assert_eq!(row.line.len(), size + 1);
            rows += 1;
            last += usize::from(row.last);
            assert_eq!(row.last, rows == count);
        }
        assert_eq!((rows, last), (count, usize::from(count > 0)));
        assert_eq!(client.query("select 1").unwrap().len(), 1);
    }
    let mut failing = client.copy_out("copy (select 10 / (3 - g) from generate_series(1, 5) g) to stdout").unwrap();
    let error = loop {
        match failing.next_row() {
            Ok(row) => assert!(!row.unwrap().last),
            Err(error) => break error,
        }
    };
    assert_eq!(error.sqlstate(), Some("22012"));
    assert_eq!(client.query("select 1").unwrap().len(), 1);
}

#[test]
fn a_set_stop_ends_a_wait() {
    let server = Postgres::start();
    let mut client = Client::connect(&settings(server.port(), "postgres", None), false).unwrap();
    let stop = Stop::default();
    client.interrupt_with(stop.clone());
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        stop.set();
    });
    assert_eq!(client.query("select pg_sleep(30)").unwrap_err(), ClientError::Interrupted);
}

#[test]
fn each_sslmode_trusts_what_libpq_would_trust() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, other) = (tls::self_signed(folder.path(), "server"), tls::self_signed(folder.path(), "other"));
    let (root, wrong) = (Some(certificate.as_path()), Some(other.as_path()));
    let mut server = Postgres::builder()
        .hba("hostssl all secure 127.0.0.1/32 trust")
        .hba("host all secure 127.0.0.1/32 reject")
        .start();
    server.psql("postgres", "create role secure login;");
    let port = server.port();
    let tls = |mode, root: Option<&Path>, host: &str| ConnectionSettings {
        host: host.into(),
        tls: TlsSettings { mode, root_certificate: root.map(Path::to_path_buf), ..TlsSettings::default() },
        ..settings(port, "secure", None)
    };
    let without = Client::connect(&tls(SslMode::Require, None, "127.0.0.1"), false).err().unwrap();
    assert!(matches!(without, ClientError::Tls(_)), "{without:?}");
    tls::enable(&mut server, &certificate);
    let connects = |settings: ConnectionSettings| match Client::connect(&settings, false) {
        Ok(mut client) => {
            let used = client.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()").unwrap();
            assert!(used[0].flag(0));
            Ok(())
        }
        Err(error) => Err(error),
    };
    assert!(connects(tls(SslMode::Disable, None, "127.0.0.1")).is_err());
    for mode in [SslMode::Allow, SslMode::Prefer, SslMode::Require] {
        connects(tls(mode, None, "127.0.0.1")).unwrap();
    }
    for mode in [SslMode::Require, SslMode::VerifyCa] {
        connects(tls(mode, root, "127.0.0.1")).unwrap();
        assert!(matches!(connects(tls(mode, wrong, "127.0.0.1")), Err(ClientError::Tls(_))), "{mode:?}");
    }
    connects(tls(SslMode::VerifyFull, root, "localhost")).unwrap();
    assert!(
        connects(tls(SslMode::VerifyFull, root, "127.0.0.1")).is_err(),
        "the certificate does not name the address"
    );
    assert!(connects(tls(SslMode::VerifyFull, None, "localhost")).is_err(), "no authority of the machine signed it");
}
