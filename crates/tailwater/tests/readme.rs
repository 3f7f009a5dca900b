//! The commands of the README and of the pages in `docs`, run as they stand there against a private PostgreSQL.
//!
//! Every command of a `sh` block (in the README from "Capture your own database" up to "What stands today") has its place
//! in [`Readme::play`]; one that has none fails the test.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tailwater_testkit::{Postgres, Process, free_port, get, wait_until};
use tempfile::TempDir;

/// How long one promise may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// The database address of the README.
const ADDRESS: &str = "127.0.0.1:5432";
/// The same in a connector file.
const PORT: &str = "\"database.port\": \"5432\"";
/// The HTTP face of the README, which is the default of `serve`.
const HTTP: &str = "127.0.0.1:8080";
/// The same of its REST.
const CONNECT: &str = "127.0.0.1:8083";

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, section) = text.split_once("\n## Capture your own database\n").unwrap();
    let (section, _) = section.split_once("\n## What stands today\n").unwrap();
    let mut readme = Readme::new();
    for statement in blocks(section, "sql").iter().flat_map(|block| block.lines()) {
        readme.server.psql("postgres", statement);
    }
    let commands: Vec<_> = blocks(section, "sh").iter().flat_map(|block| commands(block)).collect();
    assert!(commands.len() >= 8, "the README has only these commands: {commands:#?}");
    for command in commands {
        readme.play(&command);
    }
    // A command inside a sentence.
    assert!(section.contains("`tailwater journal verify ./data`"));
    readme.finish("tailwater journal verify ./data");
    assert!(readme.serve.as_mut().is_some_and(Process::is_running), "serve has ended");
}

#[test]
fn the_commands_of_the_page_on_query_capture_do_what_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/query-capture.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut readme = Readme::new();
    for statement in blocks(&text, "sql").iter().flat_map(|block| block.lines()) {
        readme.server.psql("postgres", statement);
    }
    let commands: Vec<_> = blocks(&text, "sh").iter().flat_map(|block| commands(block)).collect();
    assert!(commands.len() >= 6, "the page has only these commands: {commands:#?}");
    for command in commands {
        readme.play(&command);
    }
    let rows = readme.finish("tailwater consume pg-orders --data-dir ./data --from-beginning --exit");
    let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let rows: Vec<_> = rows.lines().map(row).collect();
    assert_eq!(rows.len(), 2);
    let shown = text.split('`').find(|part| part.starts_with("{\"id\":1,")).unwrap();
    let names = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&rows[0]), names(&row(shown)));
    assert_eq!((&rows[1]["item"], &rows[1]["price"]), (&"ink".into(), &7.5.into()));
}

/// The reader's machine: a server with a table, an empty directory to work in, and the `serve` of the first terminal.
struct Readme {
    server: Postgres,
    dir: TempDir,
    http: String,
    connect: String,
    serve: Option<Process>,
    customers: u32,
}

impl Readme {
    fn new() -> Readme {
        let server = Postgres::start();
        server.psql(
            "postgres",
            "create table public.customers (id int primary key, email text not null);
             insert into customers values (1, 'ada@example.com'), (2, 'bob@example.com');",
        );
        let [http, connect] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        Readme { server, dir: tempfile::tempdir().unwrap(), http, connect, serve: None, customers: 2 }
    }

    /// Runs one command and checks what the README says of it.
    fn play(&mut self, command: &str) {
        let words: Vec<_> = command.split_whitespace().collect();
        match words.as_slice() {
            ["tailwater", "doctor", ..] | ["mkdir", ..] => {
                self.finish(command);
            }
            ["cat", ">", file, ..] => {
                assert!(command.contains(PORT) || command.contains(ADDRESS), "{command}");
                self.finish(command);
                let connector = std::fs::read(self.dir.path().join(file)).unwrap();
                assert!(serde_json::from_slice::<Value>(&connector).is_ok(), "{file} is not JSON");
            }
            ["tailwater", "run", .., "--to", lake] => self.play_run(command, Path::new(lake)),
            ["tailwater", "serve", ..] => {
                let serve = self.start(command);
                let http = self.http.clone();
                let ready = wait_until(DEADLINE, || {
                    get(&http, "/readyz").is_ok_and(|(status, body)| status == 200 && body.contains("streaming"))
                });
                assert!(ready, "serve is not ready: {}", serve.errors());
                self.serve = Some(serve);
            }
            ["tailwater", "topics", ..] => {
                let out = self.finish(command);
                assert!(out.contains("dbserver1.public.customers"), "{out}");
            }
            ["tailwater", "consume", .., "|", "jq", ".payload.op"] => {
                let out = if has("jq") {
                    self.finish(command).replace('"', "")
                } else {
                    // What jq would do.
                    let events = self.finish(command.split_once('|').unwrap().0);
                    let op = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"]["op"].clone();
                    events.lines().map(|line| op(line).as_str().unwrap().to_owned() + "\n").collect()
                };
                assert_eq!(out, "r\n".repeat(self.customers as usize), "one row of the snapshot for each customer");
            }
            ["tailwater", "consume", .., "--max-messages", number] => {
                assert_eq!(self.finish(command).lines().count().to_string(), *number);
            }
            ["tailwater", "tail", ..] => {
                let tail = self.start(command);
                self.add_customer_until_shown(&tail);
            }
            ["curl", "-s", address] if address.contains(CONNECT) => {
                let answer: Value = serde_json::from_str(&self.get(command, address)).unwrap();
                assert_eq!(answer["inventory"]["status"]["tasks"][0]["state"], "RUNNING", "{answer}");
            }
            ["curl", "-s", address] => {
                let body = self.get(command, address);
                let ready: Value = serde_json::from_str(&body).unwrap();
                let connectors = ready["connectors"].as_object().unwrap();
                assert!(!connectors.is_empty() && connectors.values().all(|c| c["state"] == "streaming"), "{body}");
            }
            _ => panic!("this test does not know what the README promises of: {command}"),
        }
    }

    /// What a command that asks for a page brings, also where there is no such command.
    fn get(&self, command: &str, address: &str) -> String {
        if has("curl") {
            return self.finish(command);
        }
        let (_, rest) = address.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let server = if host == CONNECT { &self.connect } else { &self.http };
        get(server, &format!("/{path}")).unwrap().1
    }

    /// Rows, changes and files while it runs; nothing left on the server when it is interrupted.
    fn play_run(&mut self, command: &str, lake: &Path) {
        let mut run = self.start(command);
        let rows = format!("snapshot: {} rows", self.customers);
        assert!(wait_until(DEADLINE, || run.errors().contains(&rows)), "no {rows}: {}", run.errors());
        self.add_customer_until_shown(&run);
        run.interrupt();
        let status = run.wait(DEADLINE);
        // 128 and the signal's number, as shells have it.
        assert_eq!(status.and_then(|status| status.code()), Some(130), "{}", run.errors());
        let left = "select (select count(*) from pg_replication_slots) + (select count(*) from pg_publication);";
        assert_eq!(self.server.psql("postgres", left), "0", "a slot or publication is left");
        // What was there, and the first customer that came while it ran: an event each, and a change of one field.
        let events = written(&self.dir.path().join(lake), "json");
        let emails = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["after"]["email"].clone());
        let emails: Vec<_> = emails.take(3).collect();
        assert_eq!(emails, ["ada@example.com", "bob@example.com", "customer3@example.com"], "{events}");
        let changes = written(&self.dir.path().join(lake), "csv");
        assert!(changes.contains("\n3,email,,customer3@example.com,"), "{changes}");
    }

    /// One customer after another until a following command shows one: it starts at the end of what there is, and nobody
    /// outside sees when that was.
    fn add_customer_until_shown(&mut self, follower: &Process) {
        let end = Instant::now() + DEADLINE;
        loop {
            self.customers += 1;
            let email = format!("customer{}@example.com", self.customers);
            self.server.psql("postgres", &format!("insert into customers values ({}, '{email}');", self.customers));
            if follower.wait_line(Duration::from_millis(500), |line| line.contains("@example.com")).is_some() {
                return;
            }
            assert!(Instant::now() < end, "no change is shown: {}", follower.errors());
        }
    }

    /// Runs a command to its end, which must be a good one; its output.
    fn finish(&self, command: &str) -> String {
        let output = self.shell(command).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{command}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Starts a command that goes on until it is stopped, and that is the only one of its line.
    fn start(&self, command: &str) -> Process {
        Process::spawn(&mut self.shell(&format!("exec {command}")))
    }

    /// The command as the reader's shell gets it, with the private server's and a free address for the README's.
    fn shell(&self, command: &str) -> Command {
        let rest = command.replace(ADDRESS, "").replace(PORT, "").replace(HTTP, "").replace(CONNECT, "");
        let elsewhere = rest.contains("5432") || rest.contains("8080") || rest.contains("8083");
        assert!(!elsewhere, "this test does not know an address in: {command}");
        let port = self.server.port();
        let command = command
            .replace(ADDRESS, &format!("127.0.0.1:{port}"))
            .replace(PORT, &format!("\"database.port\": \"{port}\""))
            .replace(HTTP, &self.http)
            .replace(CONNECT, &self.connect);
        let bin = Path::new(env!("CARGO_BIN_EXE_tailwater")).parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
        let mut shell = Command::new("sh");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name.starts_with("TAILWATER")) {
            shell.env_remove(name);
        }
        shell
            .env("PATH", path)
            .env("TAILWATER_CONNECT", &self.connect)
            .env("TAILWATER_HTTP", &self.http)
            .env("TAILWATER_KAFKA", "127.0.0.1:0")
            .current_dir(self.dir.path())
            .args(["-c", &command]);
        shell
    }
}

/// The contents of the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.map(|part| part.split_once("```").unwrap().0.to_owned()).collect()
}

/// The commands of a block: one a line, with its here-document and the lines it is continued on.
fn commands(block: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        let mut command = line.to_owned();
        while command.ends_with('\\') {
            command.pop();
            command.push_str(lines.next().unwrap());
        }
        if let Some((_, word)) = command.clone().split_once("<<") {
            let word = word.trim_matches('\'');
            for line in lines.by_ref() {
                command.push('\n');
                command.push_str(line);
                if line == word {
                    break;
                }
            }
        }
        if !command.trim().is_empty() && !command.starts_with('#') {
            commands.push(command);
        }
    }
    commands
}

/// Whether a program is on the path.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What the files with an extension below a directory hold.
fn written(dir: &Path, extension: &str) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &written(&path, extension);
        } else if path.extension().is_some_and(|found| found == extension) {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}
