//! The verbs that speak to brokers, where those want TLS, a login, both or neither: what works, and what is said when it
//! does not.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tailwater_testkit::Process;

use crate::support::{DEADLINE, Ended, Place, command, finish};

/// A server with a certificate for this machine, and a user with a password.
struct Protected {
    _serve: Process,
    place: Place,
    address: String,
}

/// A certificate that signs itself, and its key; that of the server is an authority's, too, as openssl makes them.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let authority = if name == "server" { "TRUE" } else { "FALSE" };
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", &format!("basicConstraints=critical,CA:{authority}"), "-keyout"])
        .args([&key, Path::new("-out"), &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

fn serve(flags: &[&str], tls: bool) -> Protected {
    let place = Place::new();
    let (certificate, key) = certificate(place.dir.path(), "server");
    let mut serve = command(["serve", "--http", "off", "--kafka", "127.0.0.1:0", "--json"]);
    serve.args(flags).arg("--data-dir").arg(place.data());
    if tls {
        serve.arg("--kafka-tls-certificate").arg(certificate).arg("--kafka-tls-key").arg(key);
    }
    let process = Process::spawn(&mut serve);
    let ready: Value = serde_json::from_str(&process.wait_line(DEADLINE, |_| true).unwrap()).unwrap();
    let address = ready["kafka"].as_str().unwrap().replace("127.0.0.1", "localhost");
    for words in
        [&["add", "etl"][..], &["grant", "etl", "admin", ""], &["add", "reader"], &["grant", "reader", "read", "t"]]
    {
        let mut users = command(["users"].iter().chain(words));
        users.env("TAILWATER_PASSWORD", "s3cret").arg("--data-dir").arg(place.data());
        assert_eq!(finish(users).code, Some(0));
    }
    Protected { _serve: process, place, address }
}

impl Protected {
    /// A verb with properties of a client, a line each.
    fn run(&self, verb: &[&str], properties: &str) -> Ended {
        let mut verb = command(verb.iter().chain(&["-b", &self.address]));
        let ca = self.place.dir.path().join("server.pem").display().to_string();
        verb.args(properties.split_whitespace().flat_map(|property| ["-X".to_owned(), property.replace("CA", &ca)]));
        verb.env("PASSWORD", "s3cret");
        let ended = finish(verb);
        assert!(!ended.err.contains("s3cret") && !ended.err.contains("wr0ng"), "a password is told: {}", ended.err);
        ended
    }

    /// The code of the problem that a verb ends with, and what is said.
    fn refused(&self, verb: &[&str], properties: &str) -> (String, String) {
        let ended = self.run(verb, properties);
        assert_ne!(ended.code, Some(0), "{ended:?}");
        let code =
            ended.err.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(code, _)| code.to_owned());
        (code.unwrap_or_default(), ended.err)
    }
}

const PLAIN: &str =
    "security.protocol=SASL_SSL ssl.ca.location=CA sasl.mechanism=PLAIN sasl.username=etl sasl.password=s3cret";
const SCRAM: &str = "security.protocol=sasl_ssl ssl.ca.location=CA sasl.mechanisms=SCRAM-SHA-512 sasl.username=etl sasl.password=${env:PASSWORD}";

#[test]
fn verbs_log_in_over_tls_and_say_what_is_in_the_way() {
    let server = serve(&["--kafka-authentication"], true);
    // As Kafka's tools have it, in a file; one record through each mechanism.
    let ca = server.place.dir.path().join("server.pem");
    let file = server.place.dir.path().join("client.properties");
    let written = format!(
        "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         sasl.mechanism=SCRAM-SHA-256\nacks=all\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  username=\"etl\" password=\"s3cret\";\n",
        server.address,
        ca.display()
    );
    std::fs::write(&file, written).unwrap();
    let config = file.to_str().unwrap();
    let ended = crate::kafka::produce(&server.place, "1\n2\n", &["t", "--command-config", config]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("warning[PROPERTY_WITHOUT_EFFECT]") && ended.err.contains("'acks'"), "{}", ended.err);
    for properties in [PLAIN, SCRAM] {
        let ended = server.run(&["consume", "t", "--from-beginning", "--exit"], properties);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "1\n2\n"), "{ended:?}");
    }
    assert!(server.run(&["topics"], SCRAM).out.contains("\nt "));
    assert_eq!(server.run(&["groups"], PLAIN).err, "no groups yet\n");
    assert_eq!(server.run(&["tail", "t", "--from-beginning", "--exit"], SCRAM).code, Some(0));

    let refused = |properties: &str| server.refused(&["topics"], properties);
    let (code, told) = refused(&PLAIN.replace("s3cret", "wr0ng"));
    assert!(code == "LOGIN_REFUSED" && told.contains("'etl'") && told.contains("users passwd"), "{told}");
    assert_eq!(refused(&SCRAM.replace("${env:PASSWORD}", "wr0ng")).0, "LOGIN_REFUSED");
    assert_eq!(refused(&SCRAM.replace("PASSWORD", "NONE")).0, "PLACEHOLDER_UNRESOLVED");
    let stranger = certificate(server.place.dir.path(), "stranger").0;
    let (code, told) = refused(&PLAIN.replace("CA", stranger.to_str().unwrap()));
    assert!(code == "TLS_UNTRUSTED" && told.contains("ssl.ca.location"), "{told}");
    assert_eq!(refused("security.protocol=SSL").0, "TLS_UNTRUSTED", "the machine's authorities do not know it");
    let (code, told) = refused("");
    assert!(code == "BROKER_WANTS_TLS" && told.contains("security.protocol=SSL"), "{told}");
    let (code, told) = refused("security.protocol=SSL ssl.ca.location=CA");
    assert!(code == "LOGIN_MISSING" && told.contains("sasl.mechanism"), "{told}");
    let (code, told) = refused("security.protocol=SASL_SSL sasl.mechanism=GSSAPI ssl.truststore.location=t.jks");
    assert!(code == "PROPERTY_UNSUPPORTED" && told.contains("GSSAPI") && told.contains("keytool"), "{told}");

    // A user who may only read is told so.
    let reader = PLAIN.replace("etl", "reader");
    let own = crate::kafka::produce(
        &server.place,
        "3\n",
        &[
            "t",
            "--command-config",
            config,
            "-X",
            "sasl.username=reader",
            "-X",
            "sasl.mechanism=PLAIN",
            "-X",
            "sasl.password=s3cret",
        ],
    );
    assert!(own.err.contains("[TOPIC_AUTHORIZATION_FAILED]") && own.err.contains("users grant"), "{own:?}");
    assert_eq!(server.run(&["consume", "t", "--from-beginning", "--exit"], &reader).out, "1\n2\n");
}

#[test]
fn tls_or_a_login_where_there_is_none_are_told_apart() {
    let open = serve(&[], false);
    let (code, told) = open.refused(&["topics"], "security.protocol=SSL ssl.ca.location=CA");
    assert!(code == "TLS_MISSING" && told.contains("PLAINTEXT"), "{told}");
    let login = "security.protocol=SASL_PLAINTEXT sasl.mechanism=PLAIN sasl.username=etl sasl.password=s3cret";
    assert_eq!(open.refused(&["topics"], login).0, "LOGIN_NOT_WANTED");
    assert_eq!(open.refused(&["topics"], "sasl.password=s3cret").0, "PROPERTY_INVALID");
    let guarded = serve(&["--kafka-authentication"], false);
    assert_eq!(guarded.run(&["topics"], login).code, Some(0));
    assert_eq!(guarded.refused(&["groups"], "").0, "LOGIN_MISSING");
    let bare = finish(command(["topics", "-X", "security.protocol=SSL"]));
    assert!(bare.err.contains("[BOOTSTRAP_MISSING]"), "{bare:?}");
    let broken = finish(command(["topics", "-X", "sasl.password s3cret"]));
    assert!(broken.err.contains("[PROPERTY_INVALID]") && !broken.err.contains("s3cret"), "{broken:?}");
}

#[test]
fn a_certificate_of_the_client_is_shown_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (own, key) = certificate(folder.path(), "client");
    let server = serve(&["--kafka-tls-client-ca", own.to_str().unwrap()], true);
    let open = "security.protocol=SSL ssl.ca.location=CA";
    let shown = format!("{open} ssl.certificate.location={} ssl.key.location={}", own.display(), key.display());
    assert_eq!(server.run(&["topics"], &shown).err, "no topics yet\n");
    let (code, told) = server.refused(&["topics"], open);
    assert!(code == "TLS_CLIENT_CERTIFICATE" && told.contains("ssl.certificate.location"), "{told}");
    let (stranger, its_key) = certificate(folder.path(), "stranger");
    let other =
        format!("{open} ssl.certificate.location={} ssl.key.location={}", stranger.display(), its_key.display());
    assert_eq!(server.refused(&["topics"], &other).0, "TLS_CLIENT_CERTIFICATE");
    // As Java has it: certificate and key in one file.
    let both = folder.path().join("both.pem");
    std::fs::write(&both, [std::fs::read(&key).unwrap(), std::fs::read(&own).unwrap()].concat()).unwrap();
    let java = format!("{open} ssl.keystore.type=PEM ssl.keystore.location={}", both.display());
    assert_eq!(server.run(&["topics"], &java).code, Some(0));
    assert_eq!(server.refused(&["topics"], &java.replace("=PEM", "=JKS")).0, "PROPERTY_UNSUPPORTED");
}
