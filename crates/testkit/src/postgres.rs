//! A private PostgreSQL server in a temporary folder on a free port.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::install::{Install, install};
use crate::{free_port, must, wait_until};

/// How long the server may take to start or to stop.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a start is tried again because somebody else took the port.
const ATTEMPTS: u32 = 5;

/// What every server is told. Slots and senders for all tests of a binary that share one: who finds none waits.
const DEFAULTS: [(&str, &str); 9] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("wal_level", "logical"),
    ("max_wal_senders", "100"),
    ("max_replication_slots", "100"),
    ("fsync", "off"),
    ("autovacuum", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// Ends the server and removes its folder (`$1`) as soon as its standard input closes: when the fixture is dropped, and
/// also when the test process is killed or ends with the fixture in a `static`.
const GUARDIAN: &str = r#"
read -r _
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$pid" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
fi
rm -rf -- "$1"
"#;

/// What a server is told before it starts.
#[derive(Debug, Default)]
pub struct Builder {
    settings: Vec<(String, String)>,
    hba: String,
}

impl Builder {
    /// Sets a server setting, over the defaults of [`Postgres`].
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a line in front of `pg_hba.conf`, for example `host all alice 127.0.0.1/32 scram-sha-256`.
    #[must_use]
    pub fn hba(mut self, line: &str) -> Self {
        self.hba.push_str(line);
        self.hba.push('\n');
        self
    }

    /// Makes the cluster and starts the server; returns when it accepts connections.
    #[must_use]
    pub fn start(self) -> Postgres {
        let install = install();
        let folder = tempfile::Builder::new().prefix("tailwater-pg-").tempdir();
        // The guardian removes it, under every end of this process.
        let folder = must("make a folder", folder.map(TempDir::keep));
        install.give(&folder);
        let data = folder.join("data");
        install.copy_cluster(&data);
        let hba = data.join("pg_hba.conf");
        let rest = must("read pg_hba.conf", std::fs::read_to_string(&hba));
        must("write pg_hba.conf", std::fs::write(&hba, self.hba + &rest));
        let told = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let line = |(name, value): (&str, &str)| format!("{name} = '{}'\n", value.replace('\'', "''"));
        let lines: String = DEFAULTS.into_iter().chain(told).map(line).collect();
        // A file, and not the command line, over which `ALTER SYSTEM` would not win.
        let conf = data.join("postgresql.conf");
        let rest = must("read postgresql.conf", std::fs::read_to_string(&conf));
        must("write postgresql.conf", std::fs::write(&conf, rest + "\n" + &lines));
        let mut guardian = must(
            "start the guardian",
            Command::new("sh")
                .args(["-c", GUARDIAN, "sh"])
                .arg(&folder)
                .stdin(Stdio::piped())
                .process_group(0)
                .current_dir("/")
                .spawn(),
        );
        let leash = guardian.stdin.take();
        let mut server = Postgres { install, folder, port: 0, server: None, guardian, leash };
        server.first_start();
        server
    }
}

/// How the server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Sessions are ended and a checkpoint is written.
    Fast,
    /// As if the machine had stopped: recovery at the next start.
    Immediate,
}

/// A private server on loopback with the superuser `postgres`, who needs no password.
///
/// `wal_level` is `logical`, there is room for 20 slots and senders, `fsync` and autovacuum are off (so that nothing
/// but the test writes), the time zone is UTC, the locale C.UTF-8. It ends with this value.
#[derive(Debug)]
pub struct Postgres {
    install: &'static Install,
    folder: PathBuf,
    port: u16,
    server: Option<Child>,
    guardian: Child,
    leash: Option<ChildStdin>,
}

impl Postgres {
    /// A server with the defaults.
    #[must_use]
    pub fn start() -> Postgres {
        Builder::default().start()
    }

    /// A server that is told more.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address of a database as a URI, for the superuser.
    pub fn uri(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Major version of the server.
    pub fn major(&self) -> u32 {
        self.install.major
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        match &self.server {
            Some(child) => child.id(),
            None => panic!("the PostgreSQL of this test is stopped"),
        }
    }

    /// The folder with the cluster; `pg_wal` is in it.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server logged so far.
    pub fn log(&self) -> String {
        std::fs::read(self.folder.join("postgres.log"))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// Runs a script with `psql`, each statement for itself; the rows as text, columns separated by `|`.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        match self.try_psql(database, sql) {
            Ok(text) => text,
            Err(text) => panic!("psql failed: {text}"),
        }
    }

    /// As [`Self::psql`].
    ///
    /// # Errors
    /// What psql printed about the first statement that failed.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        crate::session::run_script(self.client("psql", database), sql)
    }

    /// A client program of the same installation, told where the server is.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = self.install.command(program);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]).arg(self.port.to_string()).args(["-d", database]);
        command
    }

    /// Creates an empty database.
    pub fn create_database(&self, name: &str) {
        self.psql("postgres", &format!("create database \"{name}\";"));
    }

    /// Stops the server and waits until it is gone; nothing happens when it is stopped.
    pub fn stop(&mut self, mode: StopMode) {
        let Some(mut child) = self.server.take() else { return };
        let signal = match mode {
            StopMode::Fast => Signal::INT,
            StopMode::Immediate => Signal::QUIT,
        };
        must("signal the server", kill_process(pid_of(&child), signal));
        let ended = wait_until(DEADLINE, || matches!(child.try_wait(), Ok(Some(_))));
        assert!(ended, "PostgreSQL did not stop: {}", self.log());
    }

    /// Starts the stopped server again, on the same port.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "PostgreSQL is running already");
        assert!(self.try_start(), "PostgreSQL did not start again: {}", self.log());
    }

    /// Stops and starts.
    pub fn restart(&mut self, mode: StopMode) {
        self.stop(mode);
        self.start_again();
    }

    fn first_start(&mut self) {
        for _ in 0..ATTEMPTS {
            self.port = free_port();
            if self.try_start() {
                return;
            }
        }
        panic!("PostgreSQL did not start: {}", self.log());
    }

    /// Starts the postmaster; false when it ended instead of becoming ready.
    fn try_start(&mut self) -> bool {
        let mut command = self.install.server_command("postgres");
        command.arg("-D").arg(self.data_dir());
        let port = self.port.to_string();
        command.args(["-p", &port]);
        let log = File::options().create(true).append(true).open(self.folder.join("postgres.log"));
        let log = must("open the server's log", log);
        let copy = must("share the server's log", log.try_clone());
        let mut child = must("start postgres", command.process_group(0).stdout(log).stderr(copy).spawn());
        let pid_file = self.data_dir().join("postmaster.pid");
        let mut ended = false;
        let ready = wait_until(DEADLINE, || {
            ended = matches!(child.try_wait(), Ok(Some(_)));
            ended || is_ready(&pid_file, child.id())
        });
        assert!(ready, "PostgreSQL did not become ready: {}", self.log());
        if !ended {
            self.server = Some(child);
        }
        !ended
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.server.take() {
            let _ = kill_process(pid_of(&child), Signal::QUIT);
            let _ = child.wait();
        }
        drop(self.leash.take());
        let _ = self.guardian.wait();
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// The postmaster writes its state on the eighth line of its pid file.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(pid_file).unwrap_or_default();
    let mut lines = text.lines();
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6).map(str::trim) == Some("ready")
}
