//! A real S3 server for tests, MinIO, and a client of others to look into it, boto3.
//!
//! Both come by the ordinary clients of their registries, once per machine, into `$XDG_CACHE_HOME/tailwater/s3`: MinIO is
//! compiled by Go (some minutes), boto3 installed by pip.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, free_port, get, must, wait_until};

/// The last public source of MinIO.
const MINIO: &str = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c";
/// The client of others.
const BOTO3: &str = "boto3==1.44.5";
/// How long the server may take to answer.
const START: Duration = Duration::from_secs(60);
/// Writes every object of a bucket into a folder, as files 0, 1, …, and prints their names in that order as JSON.
const READ: &str = "
import boto3, json, sys
from botocore.config import Config
endpoint, bucket, key, secret, folder = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                  region_name='us-east-1', config=Config(s3={'addressing_style': 'path'}, proxies={}))
names = []
for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket):
    for entry in page.get('Contents', []):
        with open(f'{folder}/{len(names)}', 'wb') as file:
            file.write(s3.get_object(Bucket=bucket, Key=entry['Key'])['Body'].read())
        names.append(entry['Key'])
print(json.dumps(names))
";

/// Prints how many uploads in parts of one object have begun and not ended.
const UPLOADS: &str = "
import boto3, sys
from botocore.config import Config
endpoint, bucket, key, secret, name = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                  region_name='us-east-1', config=Config(s3={'addressing_style': 'path'}, proxies={}))
print(len(s3.list_multipart_uploads(Bucket=bucket, Prefix=name).get('Uploads', [])))
";

/// A running MinIO with one user, on a free port. Killed when dropped.
#[derive(Debug)]
pub struct Minio {
    /// The process, to be paused or killed.
    pub process: Process,
    port: u16,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Minio {
    /// The only user.
    pub const KEY: &str = "minio";
    /// Its secret.
    pub const SECRET: &str = "minio123";

    /// Starts a server that has these buckets, with more of its variables.
    ///
    /// # Panics
    /// When it cannot be had or does not answer.
    #[must_use]
    pub fn start(buckets: &[&str], variables: &[(&str, &str)]) -> Minio {
        let folder = must("make a folder", tempfile::Builder::new().prefix("tailwater-minio-").tempdir());
        for bucket in buckets {
            // A folder is a bucket: MinIO takes up what it finds when it starts.
            must("make a bucket", std::fs::create_dir_all(folder.path().join("data").join(bucket)));
        }
        Minio::start_in(folder, variables)
    }

    /// Starts an empty server that speaks TLS only, with a certificate that nobody trusts.
    ///
    /// # Panics
    /// When it cannot be had or does not answer.
    #[must_use]
    pub fn start_tls() -> Minio {
        let folder = must("make a folder", tempfile::Builder::new().prefix("tailwater-minio-").tempdir());
        let certificates = folder.path().join("certs");
        must("make a folder", std::fs::create_dir_all(&certificates));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
        command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        command.arg("-keyout").arg(certificates.join("private.key")).arg("-out").arg(certificates.join("public.crt"));
        finish(&mut command);
        Minio::start_in(folder, &[])
    }

    fn start_in(folder: TempDir, variables: &[(&str, &str)]) -> Minio {
        let port = free_port();
        let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let process = launch(folder.path(), port, &variables);
        Minio { process, port, folder, variables }
    }

    /// SIGKILL, and the same server again with what it had.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = launch(self.folder.path(), self.port, &self.variables);
    }

    /// Makes a bucket, as somebody else would while it runs.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn make_bucket(&self, name: &str) {
        // A folder is one.
        must("make a bucket", std::fs::create_dir(self.folder.path().join("data").join(name)));
    }

    /// Its address, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every object of a bucket, as another client reads it.
    ///
    /// # Panics
    /// When the client fails.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = must("make a folder", TempDir::new());
        let answer = self.ask(READ, bucket, folder.path());
        let names: Vec<String> = must("read boto3's answer", serde_json::from_slice(&answer));
        let content = |n: usize| must("read an object", std::fs::read(folder.path().join(n.to_string())));
        names.into_iter().enumerate().map(|(n, name)| (name, content(n))).collect()
    }

    /// How many uploads in parts of an object have begun and not ended.
    ///
    /// # Panics
    /// When the client fails.
    #[must_use]
    pub fn open_uploads(&self, bucket: &str, name: &str) -> usize {
        let answer = self.ask(UPLOADS, bucket, Path::new(name));
        must("read boto3's answer", String::from_utf8_lossy(&answer).trim().parse())
    }

    fn ask(&self, script: &str, bucket: &str, last: &Path) -> Vec<u8> {
        let output = Command::new(boto3())
            .args(["-c", script, &self.endpoint(), bucket, Minio::KEY, Minio::SECRET])
            .arg(last)
            .stdin(Stdio::null())
            .output();
        let output = must("run boto3", output);
        assert!(output.status.success(), "boto3 failed: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

fn launch(folder: &Path, port: u16, variables: &[(String, String)]) -> Process {
    let mut command = Command::new(minio());
    let console = free_port();
    command.arg("server").arg(folder.join("data")).arg("--quiet").arg("--certs-dir").arg(folder.join("certs"));
    command.args(["--address", &format!("127.0.0.1:{port}"), "--console-address", &format!("127.0.0.1:{console}")]);
    command.env("MINIO_ROOT_USER", Minio::KEY).env("MINIO_ROOT_PASSWORD", Minio::SECRET).env("MINIO_BROWSER", "off");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let mut process = Process::spawn(&mut command);
    let address = format!("127.0.0.1:{port}");
    // 400 is what a server that wants TLS says to a question without it.
    // It is ready for a moment before it knows its buckets: then it says 503 to everybody, and later 403 to strangers.
    let answers = || {
        let status = |path: &str| get(&address, path).map_or(0, |(status, _)| status);
        matches!(status("/minio/health/ready"), 200 | 400) && matches!(status("/"), 403 | 400)
    };
    let ready = wait_until(START, || !process.is_running() || answers());
    assert!(ready && process.is_running(), "MinIO does not answer: {}", process.errors());
    process
}

/// The server's program.
fn minio() -> PathBuf {
    let version = MINIO.rsplit('-').next().unwrap_or(MINIO);
    once(&format!("minio-{version}"), |partial| {
        finish(Command::new("go").args(["install", MINIO]).env("GOBIN", partial).env("CGO_ENABLED", "0"));
    })
    .join("minio")
}

/// A Python that has the client.
fn boto3() -> PathBuf {
    once(&BOTO3.replace("==", "-"), |partial| {
        finish(Command::new("python3").args(["-m", "venv"]).arg(partial));
        finish(Command::new(partial.join("bin/python")).args(["-m", "pip", "install", "--quiet", BOTO3]));
    })
    .join("bin/python")
}

/// A folder of the cache, made in one step: what failed half-way is not there. Two processes may make it at the same
/// time; one of them is kept.
fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let base = cache.unwrap_or_else(home).join("tailwater/s3");
    let place = base.join(name);
    if !place.exists() {
        must("make the cache", std::fs::create_dir_all(&base));
        let partial = must("make a folder", tempfile::Builder::new().prefix("partial-").tempdir_in(&base));
        let made = partial.path().join("made");
        must("make a folder", std::fs::create_dir(&made));
        make(&made);
        if let Err(error) = std::fs::rename(&made, &place) {
            assert!(place.exists(), "testkit could not keep {name}: {error}");
        }
    }
    place
}

/// Runs an installer to its end.
fn finish(command: &mut Command) {
    let output = must("run an installer", command.stdin(Stdio::null()).output());
    let program = command.get_program().to_string_lossy();
    assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
}
