//! Settings of `serve`: flags, then environment, then `tailwater.toml`, then defaults.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tailwater_connector::Problem;
use tailwater_connector::property::nearest;

use crate::limits::SETTINGS_BYTES;

/// The data directory where none is named.
pub const DATA_DIR: &str = "tailwater-data";
/// The settings file where none is named; it need not be there.
pub const FILE: &str = "tailwater.toml";
/// The HTTP address where none is named.
pub const HTTP: &str = "127.0.0.1:8080";
/// The Kafka address where none is named: where every Kafka client looks first.
pub const KAFKA: &str = "127.0.0.1:9092";
/// The address of Connect's REST where none is named: where every tutorial posts to.
pub const CONNECT: &str = "127.0.0.1:8083";
/// The flag that lifts the rule of [`Address::resolve`].
pub const OPEN_FLAG: &str = "--allow-unprotected-address";

const KEYS: [&str; 21] = [
    "data-dir",
    "connectors",
    "http",
    "kafka",
    "kafka-advertised",
    "kafka-partitions",
    "kafka-auto-create-topics",
    "kafka-authentication",
    "kafka-tls-certificate",
    "kafka-tls-key",
    "kafka-tls-client-ca",
    "kafka-broker",
    "connect",
    "connect-token-file",
    "connect-tls-certificate",
    "connect-tls-key",
    "connect-tls-client-ca",
    "connect-files-allowed",
    "connect-worker",
    "pg",
    "aliases",
];

/// What a settings file may say. Paths are relative to the file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The data directory.
    pub data_dir: Option<PathBuf>,
    /// The directory of connector files.
    pub connectors: Option<PathBuf>,
    /// Address of the HTTP face.
    pub http: Option<String>,
    /// Address of the Kafka face.
    pub kafka: Option<String>,
    /// Address that Kafka clients beyond loopback are told to connect to.
    pub kafka_advertised: Option<String>,
    /// Partitions of topics that Kafka clients make without a number.
    pub kafka_partitions: Option<u32>,
    /// Whether Kafka clients make topics by naming them.
    pub kafka_auto_create_topics: Option<bool>,
    /// Whether Kafka clients must log in.
    pub kafka_authentication: Option<bool>,
    /// Certificate of the Kafka face.
    pub kafka_tls_certificate: Option<PathBuf>,
    /// Its key.
    pub kafka_tls_key: Option<PathBuf>,
    /// Authorities for certificates of Kafka clients.
    pub kafka_tls_client_ca: Option<PathBuf>,
    /// Settings of the Kafka face under a broker's names.
    pub kafka_broker: Option<toml::Table>,
    /// Address of Connect's REST.
    pub connect: Option<String>,
    /// File with the token that its clients send.
    pub connect_token_file: Option<PathBuf>,
    /// Certificate of Connect's REST.
    pub connect_tls_certificate: Option<PathBuf>,
    /// Its key.
    pub connect_tls_key: Option<PathBuf>,
    /// Authorities for certificates of its clients.
    pub connect_tls_client_ca: Option<PathBuf>,
    /// Directories whose files placeholders of connectors may read.
    pub connect_files_allowed: Option<Vec<PathBuf>>,
    /// Settings of Connect under a worker's names.
    pub connect_worker: Option<toml::Table>,
    /// Address of the SQL face.
    pub pg: Option<String>,
    /// Names of hosts that lead elsewhere, in any connector.
    pub aliases: Option<BTreeMap<String, String>>,
}

impl Settings {
    /// Reads the named file, or the usual one if it is there.
    pub fn load(named: Option<&Path>) -> Result<Settings, Problem> {
        let path = named.unwrap_or(Path::new(FILE));
        let mut text = String::new();
        match File::open(path).and_then(|file| file.take(SETTINGS_BYTES).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Settings::default());
            }
            Err(error) => {
                return Err(Problem::config(
                    "SETTINGS_UNREADABLE",
                    format!("{} cannot be read: {error}", path.display()),
                    "Name the settings file with --config.",
                ));
            }
        }
        let mut settings = Settings::parse(&text, path)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut settings.data_dir,
            &mut settings.connectors,
            &mut settings.kafka_tls_certificate,
            &mut settings.kafka_tls_key,
            &mut settings.kafka_tls_client_ca,
            &mut settings.connect_token_file,
            &mut settings.connect_tls_certificate,
            &mut settings.connect_tls_key,
            &mut settings.connect_tls_client_ca,
        ];
        for relative in paths.into_iter().flatten() {
            *relative = base.join(&*relative);
        }
        for relative in settings.connect_files_allowed.iter_mut().flatten() {
            *relative = base.join(&*relative);
        }
        Ok(settings)
    }

    fn parse(text: &str, path: &Path) -> Result<Settings, Problem> {
        toml::from_str(text).map_err(|error| {
            let message = error.message();
            let unknown = message.split('`').nth(1).filter(|_| message.starts_with("unknown field"));
            let near = unknown.and_then(|key| nearest(key, KEYS.into_iter()));
            let line = error
                .span()
                .map_or(1, |span| 1 + text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count());
            let remedy = match near {
                Some(near) => format!("Did you mean '{near}'?"),
                None => format!("The keys are: {}.", KEYS.join(", ")),
            };
            Problem::config("SETTINGS_INVALID", format!("{}, line {line}: {message}", path.display()), remedy)
        })
    }
}

/// A host and a port, as clients are told them.
pub fn advertised(text: &str) -> Result<(String, u16), Problem> {
    let parts = text.rsplit_once(':').map(|(host, port)| (host.trim_matches(['[', ']']), port.parse::<u16>()));
    match parts {
        Some((host, Ok(port))) if !host.is_empty() && port != 0 => Ok((host.to_owned(), port)),
        _ => Err(Problem::config(
            "ADDRESS_INVALID",
            format!("'{text}' is no address for --kafka-advertised"),
            "Use the HOST:PORT that clients reach this machine at, such as --kafka-advertised db1.example.com:9092.",
        )),
    }
}

/// Where a face listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Nowhere.
    Off,
    /// At HOST:PORT.
    At(String),
}

impl Address {
    /// From the text of a flag or a key.
    pub fn parse(face: &str, text: &str) -> Result<Address, Problem> {
        if text == "off" {
            return Ok(Address::Off);
        }
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Address::At(text.to_owned())),
            _ => Err(Problem::config(
                "ADDRESS_INVALID",
                format!("'{text}' is no address for --{face}"),
                format!("Use HOST:PORT (port 0 for a free one) or off, such as --{face} {HTTP}."),
            )),
        }
    }

    /// The address of a face that this version does not have: only `off` will do.
    pub fn not_built(face: &str, text: Option<&str>) -> Result<(), Problem> {
        match text.map(|text| Address::parse(face, text)).transpose()? {
            None | Some(Address::Off) => Ok(()),
            Some(Address::At(_)) => Err(Problem::config(
                "FACE_NOT_BUILT",
                format!("--{face} is not in this version yet"),
                format!("Use --{face} off, or leave it out."),
            )),
        }
    }

    /// The socket address; one beyond loopback only when `open` says so, because nothing protects it. `protect` says how
    /// it could be protected, where that is possible.
    pub fn resolve(&self, face: &str, open: bool, protect: Option<&str>) -> Result<Option<SocketAddr>, Problem> {
        let Address::At(text) = self else { return Ok(None) };
        let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = found.ok_or_else(|| {
            Problem::config(
                "ADDRESS_INVALID",
                format!("'{text}' is not an address of this machine (--{face})"),
                format!("Use an address such as --{face} {HTTP}."),
            )
        })?;
        if !address.ip().is_loopback() && !open {
            let protect = protect.map(|how| format!("{how}; ")).unwrap_or_default();
            return Err(Problem::config(
                "ADDRESS_OPEN",
                format!("--{face} {text} can be reached from outside, and nothing protects it"),
                format!("Use 127.0.0.1:{}; {protect}or add {OPEN_FLAG} behind a firewall.", address.port()),
            ));
        }
        Ok(Some(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_its_paths_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.toml");
        std::fs::write(&path, "data-dir = \"data\"\nconnectors = \"/abs\"\nhttp = \"off\"\n").unwrap();
        let settings = Settings::load(Some(&path)).unwrap();
        assert_eq!(settings.data_dir, Some(dir.path().join("data")));
        assert_eq!(settings.connectors, Some("/abs".into()));
        assert_eq!(settings.http.as_deref(), Some("off"));
    }

    #[test]
    fn a_misspelt_key_is_answered_with_the_right_one_and_its_line() {
        let problem = Settings::parse("http = \"off\"\nconectors = \"x\"\n", Path::new("t.toml")).unwrap_err();
        assert_eq!(
            (problem.code.as_str(), problem.remedy.as_str()),
            ("SETTINGS_INVALID", "Did you mean 'connectors'?")
        );
        assert!(problem.cause.contains("line 2"), "{problem}");
        let broken = Settings::parse("http = ", Path::new("t.toml")).unwrap_err();
        assert_eq!(broken.code, "SETTINGS_INVALID");
        assert_eq!(Settings::load(Some(Path::new("/no/such.toml"))).unwrap_err().code, "SETTINGS_UNREADABLE");
    }

    #[test]
    fn addresses_are_loopback_unless_the_flag_says_otherwise() {
        let code = |text: &str, open| {
            Address::parse("http", text)
                .and_then(|a| a.resolve("http", open, None))
                .map(|a| a.is_some())
                .map_err(|p| p.code)
        };
        assert_eq!(code("off", false), Ok(false));
        for text in ["127.0.0.1:0", "localhost:0", "[::1]:80"] {
            assert_eq!(code(text, false), Ok(true), "{text}");
        }
        assert_eq!(code("0.0.0.0:80", false), Err("ADDRESS_OPEN".into()));
        assert_eq!(code("0.0.0.0:80", true), Ok(true));
        for text in ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:99999", "OFF"] {
            assert_eq!(code(text, false), Err("ADDRESS_INVALID".into()), "{text}");
        }
    }

    #[test]
    fn an_advertised_address_has_a_host_and_a_port() {
        assert_eq!(advertised("db1.example.com:9092"), Ok(("db1.example.com".to_owned(), 9092)));
        assert_eq!(advertised("[2001:db8::1]:19092"), Ok(("2001:db8::1".to_owned(), 19092)));
        for text in ["", "db1", ":9092", "db1:", "db1:0", "db1:99999"] {
            assert_eq!(advertised(text).unwrap_err().code, "ADDRESS_INVALID", "{text}");
        }
    }

    #[test]
    fn a_face_that_is_not_there_yet_takes_only_off() {
        assert_eq!(Address::not_built("pg", None), Ok(()));
        assert_eq!(Address::not_built("pg", Some("off")), Ok(()));
        assert_eq!(Address::not_built("pg", Some("127.0.0.1:0")).unwrap_err().code, "FACE_NOT_BUILT");
    }
}
