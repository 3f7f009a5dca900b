//! Where the installed PostgreSQL is, whom its server runs as, and a cluster fresh from `initdb` to copy from.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::must;

/// Oldest major version of the server that the tests accept.
const OLDEST: u32 = 14;

/// The installed server: its programs and the user it must run as.
#[derive(Debug)]
pub(crate) struct Install {
    /// The folder with `initdb`, `postgres`, `psql` and `pg_recvlogical`.
    pub bin: PathBuf,
    /// Major version.
    pub major: u32,
    /// User and group of the server when we are root, which PostgreSQL refuses to run as.
    owner: Option<(u32, u32)>,
}

/// The newest installation of 14 or later, or the one that `TAILWATER_PG_BIN` names; looked up once.
pub(crate) fn install() -> &'static Install {
    static FOUND: OnceLock<Install> = OnceLock::new();
    FOUND.get_or_init(|| {
        let (major, bin) = match std::env::var_os("TAILWATER_PG_BIN") {
            Some(folder) => (major_of(Path::new(&folder)).unwrap_or(0), PathBuf::from(folder)),
            None => newest(),
        };
        assert!(
            major >= OLDEST,
            "no PostgreSQL {OLDEST} or later with initdb in /usr/lib/postgresql/*/bin (found {major}, in {}): apt-get install postgresql, or set TAILWATER_PG_BIN",
            bin.display()
        );
        let owner = rustix::process::geteuid().is_root().then(|| (id("-u"), id("-g")));
        Install { bin, major, owner }
    })
}

impl Install {
    /// A command of the installation by name, run as the server's user, with neither input nor surroundings.
    pub(crate) fn server_command(&self, name: &str) -> Command {
        let mut command = self.command(name);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    /// A client program of the installation, run as ourselves.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir("/").stdin(Stdio::null());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        command
    }

    /// Copies a cluster fresh from `initdb` to `data`, which must not exist.
    pub(crate) fn copy_cluster(&self, data: &Path) {
        let status = Command::new("cp").arg("-a").arg(self.template()).arg(data).status();
        assert!(must("run cp", status).success(), "testkit could not copy its cluster to {}", data.display());
    }

    /// The cluster to copy from: made once per machine, user and version, and put in place in one step.
    fn template(&self) -> PathBuf {
        let name = format!("tailwater-testkit-{}-pg{}", rustix::process::geteuid().as_raw(), self.major);
        let place = std::env::temp_dir().join(name);
        if place.join("PG_VERSION").exists() {
            return place;
        }
        let work = must("make a folder", tempfile::Builder::new().prefix("tailwater-initdb-").tempdir());
        self.give(work.path());
        let made = work.path().join("data");
        let output = self
            .server_command("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"])
            .arg(&made)
            .output();
        let output = must("run initdb", output);
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        if let Err(error) = std::fs::rename(&made, &place) {
            assert!(place.join("PG_VERSION").exists(), "testkit could not keep its cluster: {error}");
        }
        place
    }

    /// Makes a folder readable for all and owned by the server's user.
    pub(crate) fn give(&self, folder: &Path) {
        must("open a folder to the server", std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)));
        if let Some((user, group)) = self.owner {
            must("give a folder to the server", std::os::unix::fs::chown(folder, Some(user), Some(group)));
        }
    }
}

/// The newest version under Debian's folder; version 0 when there is none.
fn newest() -> (u32, PathBuf) {
    let root = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(root).into_iter().flatten().flatten();
    let found = versions.filter_map(|entry| {
        let bin = entry.path().join("bin");
        Some((major_of(&bin)?, bin))
    });
    found.max().unwrap_or((0, root.to_path_buf()))
}

/// The major version of the server in `bin`, asked of `postgres --version`.
fn major_of(bin: &Path) -> Option<u32> {
    if !bin.join("initdb").exists() {
        return None;
    }
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The number that `id` prints for the user `postgres`.
fn id(which: &str) -> u32 {
    let output = must("run id", Command::new("id").args([which, "postgres"]).output());
    must("find the user `postgres`", String::from_utf8_lossy(&output.stdout).trim().parse())
}
