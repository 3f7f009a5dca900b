//! Clients from their registries, each by its ordinary installer, once, into a cache of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::catalogue::{Client, Driver, Needs, Program};
use crate::Outcome;

/// Options of every JVM: small and quick to start rather than quick when warm.
const JAVA: [&str; 4] = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true"];

/// Where clients are installed, and where their scenarios lie.
pub struct Cache {
    place: PathBuf,
    scenarios: PathBuf,
    /// Held while something is installed, so that two clients do not install the same.
    installing: Mutex<()>,
}

impl Cache {
    /// The cache of this user: `$XDG_CACHE_HOME/tailwater/clients`.
    pub fn open(root: &Path) -> Outcome<Cache> {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).ok_or("HOME is not set")?;
        let place = base.join("tailwater/clients");
        fs::create_dir_all(&place)?;
        Ok(Cache { place, scenarios: root.canonicalize()?.join("clients"), installing: Mutex::new(()) })
    }

    /// The command that runs a client's scenarios, up to `--bootstrap`.
    pub fn command(&self, client: &Client) -> Outcome<Command> {
        let mut command = Command::new("python3");
        match &client.program {
            Program::Suite(driver) => {
                command.arg(self.scenarios.join("suite/run.py")).arg("--driver").arg(self.driver(driver)?);
            }
            Program::Connect(driver) => {
                command.arg(self.scenarios.join("connect/scenarios.py")).arg("--driver").arg(self.driver(driver)?);
            }
            Program::Script(path, needs) => {
                command.arg(self.scenarios.join(path));
                match needs {
                    Needs::Program(name) => need(name)?,
                    Needs::Kafka(version) => {
                        command.arg("--java").arg(self.java(version)?);
                    }
                    Needs::GoModule(module, version) => {
                        command.arg("--module").arg(self.go_module(module, version)?);
                    }
                    Needs::Spark(version) => {
                        let (python, jars) = self.spark(version)?;
                        command = Command::new(python);
                        command.arg(self.scenarios.join(path)).arg("--jars").arg(jars);
                    }
                }
            }
        }
        Ok(command)
    }

    /// The command line of a driver, for `--driver`.
    pub fn driver(&self, driver: &Driver) -> Outcome<String> {
        let drivers = self.scenarios.join("drivers");
        Ok(match driver {
            Driver::Python(file, packages) => quoted(&[&self.python(packages)?, &drivers.join("python").join(file)]),
            Driver::Go(package) => quoted(&[&self.go(package)?]),
            Driver::Node(file) => {
                format!("node {}", quoted(&[&drivers.join("node").join(file), &self.node()?]))
            }
            Driver::Java(version) => {
                let jars = self.kafka(version)?;
                format!("{} Driver", self.java_with(&jars, version, &drivers.join("java/Driver.java"))?)
            }
            Driver::Jar(file, artifact) => {
                let name = artifact.split(':').skip(1).collect::<Vec<_>>().join("-");
                let jars = self.maven(&name, &[(*artifact).to_owned()], &[])?;
                format!("{} Driver", self.java_with(&jars, &name, &drivers.join("java").join(file))?)
            }
        })
    }

    /// The command line of a JVM with Kafka's jars of a version, up to the class.
    pub fn java(&self, version: &str) -> Outcome<String> {
        self.java_as(version, &JAVA)
    }

    /// The same with other options.
    pub fn java_as(&self, version: &str, options: &[&str]) -> Outcome<String> {
        Ok(format!("java {} -cp {}/*", options.join(" "), self.kafka(version)?.display()))
    }

    /// The command line of a JVM with a program of ours, compiled against jars.
    fn java_with(&self, jars: &Path, name: &str, source: &Path) -> Outcome<String> {
        let digest = crc(&fs::read(source)?);
        let classes = self.once(&format!("classes-{name}-{digest:08x}"), |partial| {
            let mut command = Command::new("javac");
            command
                .args(["-nowarn", "-Xlint:none", "-cp", &format!("{}/*", jars.display()), "-d"])
                .arg(partial)
                .arg(source);
            finish(&mut command)
        })?;
        Ok(format!("java {} -cp {}:{}/*", JAVA.join(" "), classes.display(), jars.display()))
    }

    /// Kafka's jars of a version, its server and its tools, from Maven Central.
    pub fn kafka(&self, version: &str) -> Outcome<PathBuf> {
        let mut wanted =
            vec![format!("org.apache.kafka:kafka_2.13:{version}"), format!("org.apache.kafka:kafka-tools:{version}")];
        if version.starts_with('4') {
            let logging = ["log4j-slf4j-impl", "log4j-core"];
            wanted.extend(logging.map(|name| format!("org.apache.logging.log4j:{name}:2.26.1")));
        } else {
            wanted.push("org.slf4j:slf4j-reload4j:1.7.36".to_owned());
        }
        self.maven(&format!("kafka-{version}"), &wanted, &[])
    }

    /// A Python with packages.
    fn python(&self, packages: &[&str]) -> Outcome<PathBuf> {
        let name = packages.join("+").replace("==", "-");
        let folder = self.once(&name, |partial| {
            finish(Command::new("python3").args(["-m", "venv"]).arg(partial))?;
            // Called by its interpreter: the scripts of an environment name the place where it was made.
            finish(Command::new(partial.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(packages))
        })?;
        Ok(folder.join("bin/python"))
    }

    /// A package of the drivers' Go module, built anew when it changed: Go itself knows.
    fn go(&self, package: &str) -> Outcome<PathBuf> {
        let _alone = self.installing.lock();
        need("go")?;
        let place = self.place.join("go-bin").join(package);
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(&place).arg(format!("./{package}"));
        finish(command.current_dir(self.scenarios.join("drivers/go")))?;
        Ok(place)
    }

    /// A copy of a Go module's source, in which its tests can run.
    fn go_module(&self, module: &str, version: &str) -> Outcome<PathBuf> {
        need("go")?;
        let name = format!("{}-{version}", module.rsplit('/').next().unwrap_or(module));
        self.once(&name, |partial| {
            let mut command = Command::new("go");
            command.args(["mod", "download", "-json", &format!("{module}@{version}")]).env("GOFLAGS", "-mod=mod");
            let output = command.current_dir(std::env::temp_dir()).stderr(Stdio::inherit()).output()?;
            let facts: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let source = facts.get("Dir").and_then(|dir| dir.as_str()).ok_or("go mod download named no folder")?;
            finish(Command::new("cp").args(["-r", "--no-preserve=mode"]).arg(format!("{source}/.")).arg(partial))
        })
    }

    /// The folder with `node_modules`.
    fn node(&self) -> Outcome<PathBuf> {
        need("npm")?;
        let wanted = self.scenarios.join("drivers/node/package.json");
        self.once(&format!("node-{:08x}", crc(&fs::read(&wanted)?)), |partial| {
            fs::copy(&wanted, partial.join("package.json"))?;
            let mut command = Command::new("npm");
            finish(command.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(partial))
        })
    }

    /// A Python with Spark, and the jars of its Kafka source, separated by commas.
    fn spark(&self, version: &str) -> Outcome<(PathBuf, String)> {
        let python = self.python(&[&format!("pyspark=={version}")])?;
        let provided = [
            "org.apache.spark:spark-sql_2.12",
            "org.apache.spark:spark-core_2.12",
            "org.apache.spark:spark-catalyst_2.12",
        ];
        let hadoop = [
            "org.apache.hadoop:hadoop-client-runtime",
            "org.apache.hadoop:hadoop-client-api",
            "org.scala-lang:scala-library",
        ];
        let wanted = [format!("org.apache.spark:spark-sql-kafka-0-10_2.12:{version}")];
        let folder = self.maven(&format!("spark-kafka-{version}"), &wanted, &[&provided[..], &hadoop[..]].concat())?;
        let mut jars = Vec::new();
        for entry in fs::read_dir(folder)? {
            jars.push(entry?.path().display().to_string());
        }
        jars.sort();
        Ok((python, jars.join(",")))
    }

    /// Jars from Maven Central with what they depend on, except what is there already.
    fn maven(&self, name: &str, wanted: &[String], provided: &[&str]) -> Outcome<PathBuf> {
        self.once(name, |partial| {
            need("mvn")?;
            let pom = partial.join("pom.xml");
            fs::write(&pom, pom_of(wanted, provided))?;
            let mut command = Command::new("mvn");
            command.args(["-q", "-B", "-f"]).arg(&pom).arg("dependency:copy-dependencies");
            finish(command.arg(format!("-DoutputDirectory={}", partial.display())).arg("-DincludeScope=runtime"))?;
            Ok(fs::remove_file(pom)?)
        })
    }

    /// A folder of the cache, made in one step: what failed half-way is not there.
    fn once(&self, name: &str, make: impl FnOnce(&Path) -> Outcome<()>) -> Outcome<PathBuf> {
        let _alone = self.installing.lock();
        let place = self.place.join(name);
        if place.exists() {
            return Ok(place);
        }
        eprintln!("installing {name}, once");
        let partial = self.place.join(format!("{name}.partial-{}", std::process::id()));
        fs::create_dir_all(&partial)?;
        let made = make(&partial).map_err(|error| format!("{name} could not be installed: {error}").into());
        let made = made.and_then(|()| Ok(fs::rename(&partial, &place)?));
        if made.is_err() {
            let _ = fs::remove_dir_all(&partial);
        }
        made.map(|()| place)
    }
}

/// Whether a program is there.
fn need(program: &str) -> Outcome<()> {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status()?;
    if found.success() { Ok(()) } else { Err(format!("{program} is not installed: script/setup --tests").into()) }
}

/// Runs a program to its end, with its output among our errors.
fn finish(command: &mut Command) -> Outcome<()> {
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{} failed", command.get_program().to_string_lossy()).into()) }
}

/// A project that depends on `wanted` (group:artifact:version) without `provided` (group:artifact).
fn pom_of(wanted: &[String], provided: &[&str]) -> String {
    let named = |coordinates: &str| -> String {
        let tags = ["groupId", "artifactId", "version"];
        tags.iter().zip(coordinates.split(':')).map(|(tag, value)| format!("<{tag}>{value}</{tag}>")).collect()
    };
    let exclusions: String = provided.iter().map(|one| format!("<exclusion>{}</exclusion>", named(one))).collect();
    let dependencies: String = wanted
        .iter()
        .map(|one| format!("<dependency>{}<exclusions>{exclusions}</exclusions></dependency>", named(one)))
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>{}<dependencies>{dependencies}</dependencies></project>",
        named("tailwater:clients:1")
    )
}

/// Paths as words of a command line.
fn quoted(paths: &[&Path]) -> String {
    let words: Vec<String> = paths.iter().map(|path| format!("'{}'", path.display())).collect();
    words.join(" ")
}

/// A short name for the contents of a file (CRC-32, bit by bit: the files are small).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_have_the_usual_checksum() {
        assert_eq!(crc(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn what_is_provided_is_left_out_of_every_dependency() {
        let pom = pom_of(&["g:a:1".to_owned(), "g:b:2".to_owned()], &["h:c"]);
        assert_eq!(pom.matches("<exclusion><groupId>h</groupId><artifactId>c</artifactId></exclusion>").count(), 2);
        assert!(pom.contains("<groupId>g</groupId><artifactId>b</artifactId><version>2</version>"));
    }

    #[test]
    fn what_could_not_be_installed_is_not_there() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache { place: place.path().to_owned(), scenarios: PathBuf::new(), installing: Mutex::new(()) };
        assert!(cache.once("x", |_| Err("no".into())).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(cache.once("x", |partial| Ok(fs::write(partial.join("y"), "z")?)).unwrap().join("y").exists());
    }
}
