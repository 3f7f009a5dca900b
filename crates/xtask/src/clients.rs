//! `cargo xtask clients`: real Kafka clients against our listener, or, to prove the scenarios themselves, against a real
//! Kafka broker.
//!
//! What a client must be able to do stands in `clients/` (its README has the parts); here it is chosen, installed, run beside a
//! server on a free port, and told in lines that `script/test` counts, or as the table of `docs/compatibility/kafka.md`.

pub mod broker;
pub mod catalogue;
pub mod install;
mod report;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::broker::{Broker, Guarded};
use self::catalogue::{CATALOGUE, Client, Program, Tier};
use self::install::Cache;
use self::report::{Row, Verdict};
use crate::{Outcome, conformance};

/// Clients that run at the same time where nothing else is said: they wait more than they work.
const JOBS: usize = 2;

/// What the arguments ask for.
struct Options {
    wanted: Vec<String>,
    scenarios: Vec<String>,
    bootstrap: Option<String>,
    kafka: bool,
    long: bool,
    write: bool,
    jobs: usize,
    binary: Option<PathBuf>,
}

/// Runs the clients that the arguments name; true when none failed.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<bool> {
    let options = parse(arguments)?;
    let chosen = choose(&options)?;
    let cache = Cache::open(root)?;
    let (mut broker, guarded) = match (&options.bootstrap, options.kafka) {
        (Some(address), _) => (Broker::of_others(address), None),
        (None, true) => (Broker::kafka(&cache, false)?, None),
        (None, false) => {
            let binary = options.binary.clone().map_or_else(|| conformance::build(root), Ok)?;
            let broker = Broker::ours(binary.clone())?;
            let guarded = broker.guarded(&binary)?;
            (broker, guarded)
        }
    };
    let reference = cache.driver(&catalogue::REFERENCE)?;
    let servers = Servers {
        address: broker.address().to_owned(),
        changes: broker.changes(),
        guarded: guarded.as_ref().map(Guarded::reached),
        reference,
        connect: broker.connect(),
    };
    let (together, alone): (Vec<&Client>, Vec<&Client>) = chosen.into_iter().partition(|client| !client.restarts());

    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some(client) = together.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = play(&cache, client, &servers, &options);
                    report::print(&row);
                    if let Ok(mut rows) = rows.lock() {
                        rows.push(row);
                    }
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_default();
    for client in alone {
        let row = play_phases(&cache, client, &mut broker);
        report::print(&row);
        rows.push(row);
    }
    let well = rows.iter().all(Row::is_well);
    if !well && let Some(place) = broker.keep_log(&crate::target_directory(root)?) {
        println!("the server's log: {}", place.display());
    }
    if options.write {
        let (connect, kafka): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(Row::is_of_connect);
        report::write(&root.join("docs/compatibility/kafka.md"), &kafka)?;
        report::write(&root.join("docs/compatibility/connect.md"), &connect)?;
    }
    Ok(well)
}

fn parse(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options {
        wanted: Vec::new(),
        scenarios: Vec::new(),
        bootstrap: None,
        kafka: false,
        long: false,
        write: false,
        jobs: JOBS,
        binary: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bootstrap" => options.bootstrap = Some(value()?),
            "--tailwater" => options.binary = Some(PathBuf::from(value()?)),
            "--scenario" => options.scenarios.push(value()?),
            "--jobs" => options.jobs = value()?.parse()?,
            "--against-kafka" => options.kafka = true,
            "--long" => options.long = true,
            "--write" => options.write = true,
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`").into()),
            name => options.wanted.push(name.to_owned()),
        }
    }
    if options.write && (options.kafka || options.bootstrap.is_some() || !options.scenarios.is_empty()) {
        return Err("--write is for whole runs against our own server: the table says what works with it".into());
    }
    Ok(options)
}

/// The clients that are named, of whatever tier, or else those of the tier.
fn choose(options: &Options) -> Outcome<Vec<&'static Client>> {
    for name in &options.wanted {
        if !CATALOGUE.iter().any(|client| client.is(name)) {
            let known: Vec<String> = CATALOGUE.iter().map(Client::id).collect();
            return Err(format!("no client is called `{name}`; there are {}", known.join(", ")).into());
        }
    }
    let named = |client: &Client| options.wanted.iter().any(|name| client.is(name));
    let tier = |client: &Client| options.long || client.tier == Tier::Short;
    let possible = |client: &Client| !(options.kafka && client.is_of_changes());
    let chosen =
        |client: &&Client| possible(client) && if options.wanted.is_empty() { tier(client) } else { named(client) };
    Ok(CATALOGUE.iter().filter(chosen).collect())
}

/// What clients run against.
struct Servers {
    address: String,
    /// What is in the topics of changes.
    changes: Option<PathBuf>,
    /// A second server, which wants TLS and a login, and its certificate.
    guarded: Option<(String, PathBuf)>,
    /// The command of the client that others are compared with.
    reference: String,
    /// Connect's REST, and what makes a sink there.
    connect: Option<(String, String)>,
}

/// Installs a client and runs its scenarios.
fn play(cache: &Cache, client: &Client, servers: &Servers, options: &Options) -> Row {
    let command = cache.command(client).map(|mut command| {
        match (&servers.connect, client.is_of_connect()) {
            (Some((rest, sink)), true) => command.arg("--rest").arg(rest).arg("--sink").arg(sink),
            // It starts a Connect worker of its own.
            (None, true) => &mut command,
            (_, false) => command.arg("--bootstrap").arg(&servers.address),
        };
        let suite = matches!(client.program, Program::Suite(_));
        if let Some((address, certificate)) = servers.guarded.as_ref().filter(|_| suite || client.is_guarded()) {
            command.arg("--guarded").arg(address).arg("--ca").arg(certificate);
        }
        if suite {
            command.arg("--reference").arg(&servers.reference);
            if let Some(changes) = &servers.changes {
                command.arg("--changes").arg(changes);
            }
        }
        if options.long {
            command.arg("--long");
        }
        command.args(&options.scenarios);
        command
    });
    Row::of(
        client,
        vec![command.map_or_else(|error| vec![Verdict::lost(&error.to_string())], |mut one| watch(&mut one))],
    )
}

/// Runs a client that lives through a restart of the server: one phase before it, one after.
fn play_phases(cache: &Cache, client: &Client, broker: &mut Broker) -> Row {
    let Ok(state) = tempfile::tempdir() else {
        return Row::of(client, vec![vec![Verdict::lost("no folder for its state")]]);
    };
    let mut phases = Vec::new();
    for phase in ["before", "after"] {
        if phase == "after"
            && let Err(error) = broker.restart()
        {
            phases.push(vec![Verdict::lost(&error.to_string())]);
            break;
        }
        let results = cache.command(client).map_or_else(
            |error| vec![Verdict::lost(&error.to_string())],
            |mut command| {
                command.arg("--bootstrap").arg(broker.address()).arg("--phase").arg(phase);
                if let Some(changes) = broker.changes() {
                    command.arg("--changes").arg(changes);
                }
                watch(command.arg("--state").arg(state.path()))
            },
        );
        phases.push(results);
    }
    Row::of(client, phases)
}

/// Runs a program of scenarios to its end; what it said of each.
fn watch(command: &mut Command) -> Vec<Verdict> {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return vec![Verdict::lost(&format!("did not start: {error}"))],
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut results: Vec<Verdict> = text.lines().filter_map(Verdict::parse).collect();
    let silent = !results.iter().any(Verdict::is_failure);
    if silent && !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        results.push(Verdict::lost(errors.lines().next_back().unwrap_or("ended without a word")));
    }
    if results.is_empty() {
        results.push(Verdict::lost("ran no scenario"));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Outcome<Options> {
        parse(&arguments.iter().map(|&one| one.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_short_tier_has_one_version_of_each_family() {
        let short = choose(&options(&[]).unwrap()).unwrap();
        let long = choose(&options(&["--long"]).unwrap()).unwrap();
        assert!(short.len() < long.len());
        for client in &short {
            assert_eq!(short.iter().filter(|other| other.family == client.family).count(), 1, "{}", client.id());
        }
    }

    #[test]
    fn a_client_is_chosen_by_family_or_by_version() {
        let ids = |names: &[&str]| -> Vec<String> {
            choose(&options(names).unwrap()).unwrap().iter().map(|client| client.id()).collect()
        };
        assert_eq!(ids(&["kafka-python-2.0.2"]), ["kafka-python-2.0.2"]);
        assert!(ids(&["kafka-python"]).len() > 1);
        let refused = choose(&options(&["kafka-pyhton"]).unwrap()).unwrap_err().to_string();
        assert!(refused.contains("kafka-pyhton") && refused.contains("kcat"), "{refused}");
    }

    #[test]
    fn the_table_is_not_written_from_a_run_against_another_server() {
        assert!(options(&["--write", "--against-kafka"]).is_err());
    }
}
