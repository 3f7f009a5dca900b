//! A private PostgreSQL for the demo: made by `initdb`, on loopback and a free port, gone when the demo ends.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tailwater_connector::{Problem, Stop};

use crate::limits::{POSTGRES_ATTEMPTS, POSTGRES_START};
use crate::scratch::Scratch;

/// Waits until its standard input closes, which every end of this process does, even SIGKILL; then it ends the server
/// and removes its folder (`$1`).
const GUARDIAN: &str = r#"
read -r word
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null
tries=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
rm -rf -- "$1"
"#;

/// A running server.
pub struct PrivatePostgres {
    folder: PathBuf,
    port: u16,
    password: String,
    version: String,
    server: Option<Child>,
    guardian: Child,
    leash: Option<ChildStdin>,
}

impl PrivatePostgres {
    /// Makes a cluster and starts it; returns when it takes connections.
    pub fn start(stop: &Stop) -> Result<PrivatePostgres, Problem> {
        let programs = Programs::find()?;
        let mut folder = Scratch::new("tailwater-demo-pg-")?;
        // From here on the guardian removes it.
        folder.keep();
        let folder = folder.path().to_owned();
        let mut guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir("/")
            .spawn()
            .map_err(|error| failed("sh", &error.to_string()))?;
        let leash = guardian.stdin.take();
        let password = uuid::Uuid::now_v7().simple().to_string();
        let version = programs.version();
        let mut postgres = PrivatePostgres { folder, port: 0, password, version, server: None, guardian, leash };
        postgres.make(&programs)?;
        for _ in 0..POSTGRES_ATTEMPTS {
            if stop.is_set() || postgres.try_start(&programs, stop)? {
                return Ok(postgres);
            }
        }
        Err(failed("postgres", &postgres.log()))
    }

    /// Its address with the password of its superuser, which is good for nothing else.
    pub fn uri(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres?sslmode=disable", self.password, self.port)
    }

    /// What it is, for people.
    pub fn shown(&self) -> String {
        format!("{} on 127.0.0.1:{}", self.version, self.port)
    }

    fn make(&self, programs: &Programs) -> Result<(), Problem> {
        let secret = self.folder.join("password");
        let wrote = std::fs::File::create(&secret).and_then(|mut file| {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            writeln!(file, "{}", self.password)
        });
        wrote.map_err(|error| failed("initdb", &error.to_string()))?;
        programs.give(&self.folder)?;
        let mut initdb = programs.command("initdb");
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.args(["--no-instructions", "--pwfile"]).arg(&secret).arg("--pgdata").arg(self.folder.join("data"));
        let made = initdb.stdin(Stdio::null()).output().map_err(|error| failed("initdb", &error.to_string()))?;
        match made.status.success() {
            true => Ok(()),
            false => Err(failed("initdb", &String::from_utf8_lossy(&made.stderr))),
        }
    }

    /// Starts the server on a free port; false when it ended instead, as when somebody else took the port.
    fn try_start(&mut self, programs: &Programs, stop: &Stop) -> Result<bool, Problem> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        self.port = free.map_err(|error| failed("postgres", &error.to_string()))?.port();
        let io = |error: std::io::Error| failed("postgres", &error.to_string());
        let log = std::fs::File::create(self.folder.join("log")).map_err(io)?;
        let port = self.port.to_string();
        let mut command = programs.command("postgres");
        command.arg("-D").arg(self.folder.join("data"));
        for (name, value) in [
            ("listen_addresses", "127.0.0.1"),
            ("port", port.as_str()),
            ("unix_socket_directories", ""),
            ("wal_level", "logical"),
            ("shared_buffers", "32MB"),
        ] {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(io)?).stderr(log);
        // Ctrl-C is for us: the server ends when its guardian says so.
        let mut server = command.process_group(0).spawn().map_err(io)?;
        let deadline = Instant::now() + POSTGRES_START;
        while !self.is_ready(server.id()) {
            if matches!(server.try_wait(), Ok(Some(_))) {
                return Ok(false);
            }
            if Instant::now() > deadline {
                return Err(failed("postgres", &self.log()));
            }
            if stop.wait(Duration::from_millis(10)) {
                break;
            }
        }
        self.server = Some(server);
        Ok(true)
    }

    /// The postmaster writes its state on the eighth line of its pid file.
    fn is_ready(&self, pid: u32) -> bool {
        let text = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(pid.to_string().as_str()) && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Some(mut server) = self.server.take() {
            drop(server.wait());
        }
        drop(self.guardian.wait());
    }
}

/// Where the server's programs are, and whom they run as.
struct Programs {
    bin: PathBuf,
    /// PostgreSQL refuses to run as root.
    as_postgres: bool,
}

impl Programs {
    fn find() -> Result<Programs, Problem> {
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut places: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
        let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut versions: Vec<(u32, PathBuf)> = debian
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        versions.sort();
        places.extend(versions.into_iter().rev().map(|(_, bin)| bin));
        let bin = places.into_iter().find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
        let bin = bin.ok_or_else(|| {
            Problem::environment(
                "POSTGRES_MISSING",
                "no PostgreSQL server is installed here (initdb and postgres were looked for)",
                "sudo apt-get install postgresql   # or: tailwater demo --postgres postgres://USER@HOST/DATABASE",
            )
        })?;
        Ok(Programs { bin, as_postgres: rustix::process::geteuid().is_root() })
    }

    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if self.as_postgres {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // The server's own environment must not reach it, nor a directory that its account may not enter.
        command.current_dir("/").env_remove("PGDATA").env_remove("PGPORT").env("LC_ALL", "C");
        command
    }

    fn version(&self) -> String {
        let output = Command::new(self.bin.join("postgres")).arg("--version").output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        format!("PostgreSQL {}", number.unwrap_or("server"))
    }

    /// Makes a folder the server's own.
    fn give(&self, folder: &Path) -> Result<(), Problem> {
        if !self.as_postgres {
            return Ok(());
        }
        let given = Command::new("chown").args(["-R", "postgres:"]).arg(folder).output();
        match given {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(failed("chown", &String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(failed("chown", &error.to_string())),
        }
    }
}

fn failed(program: &str, what: &str) -> Problem {
    let end: Vec<_> = what.trim().lines().rev().take(5).collect();
    let end: Vec<_> = end.into_iter().rev().collect();
    Problem::environment(
        "POSTGRES_FAILED",
        format!("the private PostgreSQL could not be started ({program}): {}", end.join("\n")),
        "tailwater demo --postgres postgres://USER@HOST/DATABASE   # with a server of your own",
    )
}
