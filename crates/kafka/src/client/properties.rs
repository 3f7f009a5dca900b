//! How a client gets in, from properties that people know: those of librdkafka (`kcat -X`) and of Kafka's Java clients
//! (`--command-config`).
//!
//! Those about security are honoured, or refused by name; others have no effect on the command line, and the caller is told
//! which. A password is never part of a problem.

use std::path::PathBuf;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tailwater_connector::Problem;
use tailwater_connector::property::nearest;

use super::access::{Access, Files, Login, LoginBy};
use super::tls;

/// What properties have led to.
#[derive(Debug, Default)]
pub struct Settled {
    /// How to get in.
    pub access: Access,
    /// `bootstrap.servers`, if it was there.
    pub bootstrap: Option<String>,
    /// Names of properties that have nothing to do here.
    pub without_effect: Vec<String>,
}

/// Properties that say something here.
const HONOURED: [&str; 18] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.jaas.config",
    "ssl.ca.location",
    "ssl.truststore.location",
    "ssl.truststore.type",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.keystore.type",
    "ssl.endpoint.identification.algorithm",
    "ssl.enabled.protocols",
    "enable.ssl.certificate.verification",
];
/// What is about security begins so; an unknown name among it is refused, not passed over.
const SECURITY: [&str; 5] = ["security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl."];

const JAVA_STORE: &str = "Java's stores are not read. As PEM: keytool -exportcert -rfc -keystore STORE -alias NAME > ca.pem; \
                          then ssl.truststore.type=PEM and ssl.truststore.location=ca.pem";
const JAVA_KEYS: &str = "Java's stores are not read. As PEM: openssl pkcs12 -in STORE -nodes -out client.pem; \
                         then ssl.keystore.type=PEM and ssl.keystore.location=client.pem";
const JAAS: &str = "Write it as: org.apache.kafka.common.security.scram.ScramLoginModule required username=\"NAME\" password=\"PASSWORD\";";

/// Reads properties; later ones of the same name win.
///
/// # Errors
/// Everything that is wrong with them, at once: `PROPERTY_INVALID`, `PROPERTY_UNSUPPORTED`, `PROPERTY_MISSING`, and what files
/// of TLS say.
pub fn settle(properties: &[(String, String)]) -> Result<Settled, Vec<Problem>> {
    let mut reading = Reading { properties, problems: Vec::new(), without_effect: Vec::new() };
    reading.names();
    let (encrypted, named) = reading.protocol();
    let login = if named { reading.login() } else { reading.nobody() };
    let tls = if encrypted { reading.tls() } else { None };
    let bootstrap = reading.value(&["bootstrap.servers", "metadata.broker.list"]).map(str::to_owned);
    match reading.problems.is_empty() {
        true => Ok(Settled {
            access: Access { tls, login, ..Access::default() },
            bootstrap,
            without_effect: reading.without_effect,
        }),
        false => Err(reading.problems),
    }
}

struct Reading<'a> {
    properties: &'a [(String, String)],
    problems: Vec<Problem>,
    without_effect: Vec<String>,
}

impl<'a> Reading<'a> {
    /// The value that was given last under one of these names; empty ones are none.
    fn value(&self, names: &[&str]) -> Option<&'a str> {
        let found = self.properties.iter().rev().find(|(name, _)| names.contains(&name.as_str()));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    fn problem(&mut self, code: &str, cause: String, remedy: &str) {
        self.problems.push(Problem::config(code, cause, remedy));
    }

    fn unsupported(&mut self, name: &str, why: &str, remedy: &str) {
        self.problem("PROPERTY_UNSUPPORTED", format!("'{name}' cannot be used: {why}"), remedy);
    }

    /// Sorts out names that are refused and those without effect.
    fn names(&mut self) {
        for (name, _) in self.properties {
            if HONOURED.contains(&name.as_str()) {
                continue;
            }
            if !SECURITY.iter().any(|area| name.starts_with(area)) {
                self.without_effect.push(name.clone());
                continue;
            }
            let known = match name.as_str() {
                "ssl.truststore.password" => Some(("files of PEM form have none", JAVA_STORE)),
                "ssl.keystore.password" => Some(("files of PEM form have none", JAVA_KEYS)),
                "ssl.key.password" => {
                    Some(("encrypted keys are not read", "openssl pkey -in client.key -out plain.key"))
                }
                "ssl.ca.pem" | "ssl.truststore.certificates" => {
                    Some(("certificates are read from files", "Put it into a file: ssl.ca.location=ca.pem"))
                }
                "ssl.certificate.pem" | "ssl.keystore.certificate.chain" => Some((
                    "certificates are read from files",
                    "Put it into a file: ssl.certificate.location=client.pem",
                )),
                "ssl.key.pem" | "ssl.keystore.key" => {
                    Some(("keys are read from files", "Put it into a file: ssl.key.location=client.key"))
                }
                _ => None,
            };
            match (known, nearest(name, HONOURED.into_iter())) {
                (Some((why, remedy)), _) => self.unsupported(name, why, remedy),
                (None, Some(near)) => {
                    self.unsupported(
                        name,
                        "this client does not do that",
                        &format!("Leave it out. Did you mean '{near}'?"),
                    );
                }
                (None, None) => self.unsupported(name, "this client does not do that", "Leave it out."),
            }
        }
    }

    /// Whether connections are TLS, and whether the client says who it is.
    fn protocol(&mut self) -> (bool, bool) {
        const REMEDY: &str = "Use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.";
        match self.value(&["security.protocol"]).map(str::to_uppercase).as_deref() {
            None | Some("PLAINTEXT") => (false, false),
            Some("SSL") => (true, false),
            Some("SASL_PLAINTEXT") => (false, true),
            Some("SASL_SSL") => (true, true),
            Some(other) => {
                self.problem("PROPERTY_INVALID", format!("'security.protocol' cannot be {other}"), REMEDY);
                (true, true)
            }
        }
    }

    /// What is said of a login where `security.protocol` has none would be passed over: it is refused.
    fn nobody(&mut self) -> Option<Login> {
        let given = ["sasl.username", "sasl.password", "sasl.jaas.config"].map(|name| self.value(&[name]).is_some());
        if given.contains(&true) {
            let cause = "a login is given, and 'security.protocol' has none".to_owned();
            self.problem("PROPERTY_INVALID", cause, "Use security.protocol=SASL_SSL, or SASL_PLAINTEXT without TLS.");
        }
        None
    }

    fn login(&mut self) -> Option<Login> {
        let jaas = self.value(&["sasl.jaas.config"]).and_then(|text| self.jaas(text));
        let named = self.value(&["sasl.mechanism", "sasl.mechanisms"]);
        let names = || LoginBy::ALL.map(LoginBy::name).join(", ");
        let mechanism = match named {
            Some(name) => LoginBy::ALL.into_iter().find(|one| one.name() == name),
            None => None,
        };
        match (named, mechanism) {
            (None, _) => self.problem(
                "PROPERTY_MISSING",
                "'sasl.mechanism' says how to log in, and is not given".to_owned(),
                &format!("Use sasl.mechanism=SCRAM-SHA-512, or one of {}.", names()),
            ),
            (Some(name), None) => {
                self.unsupported(
                    "sasl.mechanism",
                    &format!("{name} is not spoken"),
                    &format!("Use one of {}.", names()),
                );
            }
            _ => {}
        }
        let (by_user, by_password) = jaas.unwrap_or_default();
        let user = self.value(&["sasl.username"]).map(str::to_owned).or(by_user);
        let given = self.properties.iter().rev().find(|(name, _)| name == "sasl.password");
        let password = given.map(|(_, password)| password.clone()).filter(|text| !text.is_empty()).or(by_password);
        if user.is_none() || password.is_none() {
            let cause = "a login needs 'sasl.username' and 'sasl.password' (or 'sasl.jaas.config')".to_owned();
            self.problem("PROPERTY_MISSING", cause, "-X sasl.username=NAME -X 'sasl.password=${env:PASSWORD}'");
        }
        Some(Login { mechanism: mechanism?, user: user?, password: password? })
    }

    /// User and password of a JAAS entry.
    fn jaas(&mut self, text: &str) -> Option<(Option<String>, Option<String>)> {
        let words = words(text);
        let class = words.as_ref().and_then(|words| words.first()).map(String::as_str).unwrap_or_default();
        let Some(words) = words.as_ref().filter(|words| words.len() >= 2 && words[1].eq_ignore_ascii_case("required"))
        else {
            self.problem("PROPERTY_INVALID", "'sasl.jaas.config' is not of JAAS's form".to_owned(), JAAS);
            return None;
        };
        if !class.ends_with(".PlainLoginModule") && !class.ends_with(".ScramLoginModule") {
            self.unsupported("sasl.jaas.config", &format!("the login module {class} is not known"), JAAS);
            return None;
        }
        let option = |wanted: &str| {
            let mut options = words.iter().filter_map(|word| word.split_once('='));
            options.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
        };
        Some((option("username"), option("password")))
    }

    fn tls(&mut self) -> Option<std::sync::Arc<rustls::ClientConfig>> {
        let before = self.problems.len();
        let path = |value: Option<&str>| value.map(PathBuf::from);
        let truststore = path(self.value(&["ssl.truststore.location"]));
        if truststore.is_some() {
            self.pem("ssl.truststore.type", JAVA_STORE);
        }
        let keystore = path(self.value(&["ssl.keystore.location"]));
        if keystore.is_some() {
            self.pem("ssl.keystore.type", JAVA_KEYS);
        }
        let files = Files {
            authorities: path(self.value(&["ssl.ca.location"])).or(truststore),
            certificate: path(self.value(&["ssl.certificate.location"])).or(keystore.clone()),
            key: path(self.value(&["ssl.key.location"])).or(keystore),
        };
        if self.value(&["enable.ssl.certificate.verification"]).is_some_and(|value| !value.eq_ignore_ascii_case("true"))
        {
            let why = "a broker that is not verified gets the password all the same";
            self.unsupported(
                "enable.ssl.certificate.verification",
                why,
                "Name the authority of the broker's certificate, or that certificate itself: ssl.ca.location=broker.pem",
            );
        }
        // Given empty it is Java's way to say no.
        let algorithm = "ssl.endpoint.identification.algorithm";
        let given = self.properties.iter().rev().find(|(name, _)| name == algorithm).map(|(_, value)| value.trim());
        let check_name = match given.map(str::to_lowercase).as_deref() {
            None | Some("https") => true,
            Some("none" | "") => false,
            Some(other) => {
                self.problem("PROPERTY_INVALID", format!("'{algorithm}' cannot be {other}"), "Use https or none.");
                true
            }
        };
        let versions = self.versions();
        if self.problems.len() > before {
            return None;
        }
        tls::configure(&files, check_name, &versions).map_err(|problems| self.problems.extend(problems)).ok()
    }

    /// Wants a store to be of PEM form, which is not Java's default.
    fn pem(&mut self, name: &str, remedy: &str) {
        match self.value(&[name]) {
            Some(form) if form.eq_ignore_ascii_case("PEM") => {}
            form => {
                self.unsupported(name, &format!("it is {}, and PEM is read", form.unwrap_or("JKS by default")), remedy)
            }
        }
    }

    fn versions(&mut self) -> Vec<&'static SupportedProtocolVersion> {
        let known: [(&str, &'static SupportedProtocolVersion); 2] = [("TLSv1.2", &TLS12), ("TLSv1.3", &TLS13)];
        let Some(wanted) = self.value(&["ssl.enabled.protocols"]) else { return vec![&TLS12, &TLS13] };
        let named = |name: &str| wanted.split(',').any(|one| one.trim() == name);
        let found: Vec<_> = known.iter().filter(|(name, _)| named(name)).map(|(_, version)| *version).collect();
        if found.is_empty() {
            self.unsupported(
                "ssl.enabled.protocols",
                "older TLS is not spoken",
                "Use TLSv1.2,TLSv1.3, or leave it out.",
            );
        }
        found
    }
}

/// The words of a JAAS entry, without quotes and without the semicolon at its end; `None` when a quote stays open.
fn words(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let text = text.strip_suffix(';').unwrap_or(text);
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some(_)) => word.push(chars.next()?),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            (c, _) => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::scram::Mechanism;

    fn settled(text: &str) -> Result<Settled, Vec<Problem>> {
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        settle(&text.lines().filter_map(|line| pair(line.trim())).collect::<Vec<_>>())
    }

    fn login(text: &str) -> (&'static str, String, String) {
        let login = settled(text).unwrap().access.login.unwrap();
        (login.mechanism.name(), login.user, login.password)
    }

    fn codes(text: &str) -> Vec<String> {
        let problems = settled(text).unwrap_err();
        assert!(problems.iter().all(|problem| !format!("{problem:?}").contains("s3cret")), "{problems:?}");
        problems.into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn a_login_is_read_as_librdkafka_and_as_java_have_it() {
        let rdkafka =
            "security.protocol=sasl_plaintext\nsasl.mechanisms=SCRAM-SHA-512\nsasl.username=etl\nsasl.password=s=1";
        assert_eq!(login(rdkafka), ("SCRAM-SHA-512", "etl".into(), "s=1".into()));
        let java = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
            sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"e t\" password='a\\\"b;c';";
        assert_eq!(login(java), ("PLAIN", "e t".into(), "a\"b;c".into()));
        let settled = settled(&format!("{rdkafka}\nsasl.username=later\nbootstrap.servers=h:1\nacks=all")).unwrap();
        assert_eq!(settled.access.login.as_ref().map(|login| login.user.as_str()), Some("later"));
        assert_eq!(settled.access.login.as_ref().map(|one| one.mechanism), Some(LoginBy::Scram(Mechanism::Sha512)));
        assert_eq!((settled.bootstrap.as_deref(), settled.without_effect), (Some("h:1"), vec!["acks".to_owned()]));
        assert!(!format!("{:?}", settled.access).contains("s=1"), "a password is not shown");
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name_and_all_at_once() {
        let sasl = "security.protocol=SASL_PLAINTEXT\n";
        for (text, expected) in [
            ("security.protocol=TLS", vec!["PROPERTY_INVALID", "PROPERTY_MISSING", "PROPERTY_MISSING"]),
            ("sasl.username=me\nsasl.password=s3cret", vec!["PROPERTY_INVALID"]),
            (
                &*format!("{sasl}sasl.mechanism=GSSAPI\nsasl.username=a\nsasl.password=s3cret"),
                vec!["PROPERTY_UNSUPPORTED"],
            ),
            (&format!("{sasl}sasl.mechanism=PLAIN\nsasl.username=a"), vec!["PROPERTY_MISSING"]),
            (
                &format!("{sasl}sasl.mechanism=PLAIN\nsasl.jaas.config=x.KerberosLoginModule required;"),
                vec!["PROPERTY_UNSUPPORTED", "PROPERTY_MISSING"],
            ),
            (
                &format!("{sasl}sasl.mechanism=PLAIN\nsasl.jaas.config=password=\"s3cret"),
                vec!["PROPERTY_INVALID", "PROPERTY_MISSING"],
            ),
            (
                "sasl.kerberos.service.name=kafka\nssl.key.password=s3cret",
                vec!["PROPERTY_UNSUPPORTED", "PROPERTY_UNSUPPORTED"],
            ),
            (
                "security.protocol=SSL\nssl.truststore.location=t.jks\nenable.ssl.certificate.verification=false",
                vec!["PROPERTY_UNSUPPORTED", "PROPERTY_UNSUPPORTED"],
            ),
            (
                "security.protocol=SSL\nssl.ca.location=/no/such.pem\nssl.key.location=/no/such.key",
                vec!["TLS_FILE", "TLS_INCOMPLETE"],
            ),
            (
                "security.protocol=SSL\nssl.enabled.protocols=TLSv1.1\nssl.endpoint.identification.algorithm=x",
                vec!["PROPERTY_INVALID", "PROPERTY_UNSUPPORTED"],
            ),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        let near = settled("sasl.usrname=me").unwrap_err();
        assert!(near[0].remedy.contains("'sasl.username'"), "{near:?}");
    }
}
