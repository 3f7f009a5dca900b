//! The clients, their versions and tiers. A new client is a line here and, where it is a library, a driver in `clients/drivers`.

/// Which runs a client is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Every run: one version of each family.
    Short,
    /// `--long`: other versions, whole suites of others.
    Long,
}

/// How a client is run.
#[derive(Debug)]
pub enum Program {
    /// A library: the scenarios of `clients/suite` through its driver.
    Suite(Driver),
    /// Tools with scenarios of their own: a Python program in `clients/`, and what it needs.
    Script(&'static str, Needs),
    /// A library for Kafka Connect's REST: the scenarios of `clients/connect` through its driver.
    Connect(Driver),
}

/// A driver, and what it is installed from.
#[derive(Debug)]
pub enum Driver {
    /// A program in `clients/drivers/python`, with its packages from PyPI.
    Python(&'static str, &'static [&'static str]),
    /// A package of the Go module `clients/drivers/go`.
    Go(&'static str),
    /// A program in `clients/drivers/node`.
    Node(&'static str),
    /// `clients/drivers/java/Driver.java` with the Kafka client of a version.
    Java(&'static str),
    /// A class `Driver` in a file of `clients/drivers/java` with an artifact from Maven Central.
    Jar(&'static str, &'static str),
}

/// What a script needs beside Python itself.
#[derive(Debug)]
pub enum Needs {
    /// A program that `script/setup --tests` installs.
    Program(&'static str),
    /// Kafka's jars of a version.
    Kafka(&'static str),
    /// A Go module with its tests, and its version.
    GoModule(&'static str, &'static str),
    /// Spark of a version, with its Kafka source.
    Spark(&'static str),
}

/// One version of a client.
#[derive(Debug)]
pub struct Client {
    /// What it is called, for every version.
    pub family: &'static str,
    /// Its version, as the table shows it.
    pub version: &'static str,
    /// Which runs it is part of.
    pub tier: Tier,
    /// How it is run.
    pub program: Program,
}

impl Client {
    /// `family-version`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.family, self.version)
    }

    /// Whether a name on the command line means this client.
    pub fn is(&self, name: &str) -> bool {
        name == self.family || name == self.id()
    }

    /// Whether a script has scenarios for a server that wants TLS and a login.
    pub fn is_guarded(&self) -> bool {
        matches!(self.program, Program::Script(_, Needs::Program(_) | Needs::Kafka(_)))
    }

    /// Whether it only reads changes, of which a Kafka broker has none.
    pub fn is_of_changes(&self) -> bool {
        self.family == "tutorials"
    }

    /// Whether it speaks Connect's REST and not Kafka's protocol.
    pub fn is_of_connect(&self) -> bool {
        matches!(self.program, Program::Connect(_))
    }

    /// Whether its scenarios include a restart of the server, so that no other may run beside it.
    pub fn restarts(&self) -> bool {
        matches!(self.program, Program::Script(_, Needs::Spark(_)))
    }
}

/// The Kafka broker that `--against-kafka` starts.
pub const BROKER: &str = "4.3.1";

/// The library that reads what each other library wrote, and writes what it reads.
pub const REFERENCE: Driver = Driver::Python("confluent.py", &["confluent-kafka==2.16.1"]);

/// Every client. Newest version of a family first.
pub const CATALOGUE: [Client; 22] = [
    script("kcat", "1.7.1", Tier::Short, "kcat/scenarios.py", Needs::Program("kcat")),
    suite("confluent-kafka", "2.16.1", Tier::Short, REFERENCE),
    suite("java", "4.3.1", Tier::Short, Driver::Java("4.3.1")),
    suite("java", "3.9.1", Tier::Long, Driver::Java("3.9.1")),
    suite("java", "3.4.1", Tier::Long, Driver::Java("3.4.1")),
    script("kafka-tools", "4.3.1", Tier::Short, "kafka-tools/scenarios.py", Needs::Kafka("4.3.1")),
    script("kafka-tools", "3.9.1", Tier::Long, "kafka-tools/scenarios.py", Needs::Kafka("3.9.1")),
    script("kafka-tools", "3.4.1", Tier::Long, "kafka-tools/scenarios.py", Needs::Kafka("3.4.1")),
    script("tutorials", "3.4.0", Tier::Short, "tutorials/scenarios.py", Needs::Kafka("3.4.0")),
    suite(
        "kafka-python",
        "3.0.12",
        Tier::Short,
        Driver::Python(
            "kafka_python.py",
            &["kafka-python==3.0.12", "lz4==4.4.5", "python-snappy==0.7.3", "zstandard==0.25.0"],
        ),
    ),
    suite("kafka-python", "2.0.2", Tier::Long, Driver::Python("kafka_python.py", &["kafka-python==2.0.2"])),
    suite("aiokafka", "0.14.0", Tier::Short, Driver::Python("aio.py", &["aiokafka==0.14.0", "cramjam==2.14.0"])),
    suite("franz-go", "1.22.2", Tier::Short, Driver::Go("franz")),
    script("kgo", "1.22.2", Tier::Short, "kgo/scenarios.py", Needs::GoModule("github.com/twmb/franz-go", "v1.22.2")),
    suite("sarama", "1.61.1", Tier::Short, Driver::Go("sarama")),
    suite("kafka-go", "0.4.51", Tier::Long, Driver::Go("segmentio")),
    suite("kafkajs", "2.2.4", Tier::Short, Driver::Node("kafkajs.mjs")),
    script("spark", "3.5.7", Tier::Long, "spark/scenarios.py", Needs::Spark("3.5.7")),
    connect("connect-client", "0.0.0-20240523", Driver::Go("connect")),
    connect(
        "kafka-connect-client",
        "4.0.4",
        Driver::Jar("connect/Driver.java", "org.sourcelab:kafka-connect-client:4.0.4"),
    ),
    connect("kafka-connect-py", "1.0.0", Driver::Python("connect_py.py", &["kafka-connect-py==1.0.0"])),
    connect("kafka-connect-api", "0.5.10", Driver::Python("connect_api.py", &["kafka-connect-api==0.5.10"])),
];

const fn suite(family: &'static str, version: &'static str, tier: Tier, driver: Driver) -> Client {
    Client { family, version, tier, program: Program::Suite(driver) }
}

const fn connect(family: &'static str, version: &'static str, driver: Driver) -> Client {
    Client { family, version, tier: Tier::Short, program: Program::Connect(driver) }
}

const fn script(family: &'static str, version: &'static str, tier: Tier, path: &'static str, needs: Needs) -> Client {
    Client { family, version, tier, program: Program::Script(path, needs) }
}
