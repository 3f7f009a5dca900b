//! Running the binary, and a PostgreSQL that the tests share.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tailwater_testkit::{Postgres, wait_until};

/// How long one call of the binary may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The binary.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailwater"))
}

/// How a call ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The binary with arguments, in a directory of its own and without what the caller's environment says.
pub fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name.starts_with("TAILWATER")) {
        command.env_remove(name);
    }
    // One port for all tests would be one too few; who wants REST names its address.
    command.env("TAILWATER_CONNECT", "off");
    command.current_dir(std::env::temp_dir()).args(args);
    command
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| File::create(dir.path().join(name)).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
    let mut status = None;
    let ended = wait_until(DEADLINE, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    if !ended {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let read = |name: &str| String::from_utf8(std::fs::read(dir.path().join(name)).unwrap()).unwrap();
    let (out, err) = (read("out"), read("err"));
    assert!(ended, "{command:?} did not end; {out}{err}");
    Ended { code: status.and_then(|s| s.code()), out, err }
}

/// Runs the binary to its end.
pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ended {
    finish(command(args))
}

/// A PostgreSQL for all tests of this binary; each makes a database of its own.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::builder().hba("host all alice 127.0.0.1/32 scram-sha-256").start())
}

/// A database with what the script makes in it; its URI.
pub fn database(name: &str, script: &str) -> String {
    postgres().create_database(name);
    postgres().psql(name, script);
    postgres().uri(name)
}

/// Directories of one test, and a connector file for a database of [`postgres`].
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.connectors()).unwrap();
        place
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn connectors(&self) -> PathBuf {
        self.dir.path().join("connectors")
    }

    /// Writes a connector file; later properties win.
    pub fn connector(&self, database: &str, more: &[(&str, &str)]) -> PathBuf {
        let port = postgres().port().to_string();
        let slot = format!("slot_{database}");
        let mut config = serde_json::Map::new();
        let all = [
            ("connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
            ("plugin.name", "pgoutput"),
            ("topic.prefix", "srv"),
            ("database.hostname", "127.0.0.1"),
            ("database.port", &port),
            ("database.user", "postgres"),
            ("database.dbname", database),
            ("slot.name", &slot),
            ("publication.name", &slot),
        ];
        for (name, value) in all.iter().chain(more) {
            config.insert((*name).to_owned(), (*value).into());
        }
        let path = self.connectors().join("shop.json");
        std::fs::write(&path, serde_json::json!({"name": "shop", "config": config}).to_string()).unwrap();
        path
    }
}
