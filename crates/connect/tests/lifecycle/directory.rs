//! Connector files that appear, change, break and go.

use std::fs;
use std::path::PathBuf;

use std::sync::Arc;

use tailwater_connect::directory::Directory;
use tailwater_connect::{Herder, Supervisor};
use tailwater_connector::ConnectorState;

use crate::fake::{Journal, eventually, herder, reaches};

const STREAM: &str = r#"{"name":"c","config":{"connector.class":"test.Source","script":"stream"}}"#;

struct Rig {
    dir: tempfile::TempDir,
    directory: Directory,
    herder: Arc<Herder>,
    supervisor: Arc<Supervisor>,
    journal: Journal,
}

impl Rig {
    fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let (herder, supervisor, journal) = herder();
        Rig { directory: Directory::new(dir.path()), dir, herder, supervisor, journal }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    fn scan(&mut self) {
        self.directory.rescan(&self.herder).unwrap();
    }

    fn scan_until(&mut self, what: &str, condition: impl Fn(&Rig) -> bool) {
        eventually(what, || {
            self.scan();
            condition(self)
        });
    }

    fn begun(&self) -> usize {
        self.journal.lock().unwrap().iter().filter(|n| n.ends_with("begins")).count()
    }

    fn error(&self, name: &str) -> Option<tailwater_connector::Problem> {
        self.supervisor.statuses().remove(name)?.error
    }
}

#[test]
fn a_file_is_applied_once_and_again_only_when_its_content_differs() {
    let mut rig = Rig::new();
    rig.write("c.json", STREAM);
    rig.scan();
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
    rig.write("c.json", STREAM);
    rig.scan();
    rig.scan();
    eventually("the only begin", || rig.begun() == 1);
    rig.write("c.json", &format!("{STREAM}\n"));
    rig.scan_until("a second begin", |rig| rig.begun() == 2);
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
}

#[test]
fn a_removed_file_stops_its_connector() {
    let mut rig = Rig::new();
    rig.write("c.json", STREAM);
    rig.scan();
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
    fs::remove_file(rig.path("c.json")).unwrap();
    rig.scan_until("the end", |rig| !rig.supervisor.contains("c"));
    assert_eq!(*rig.journal.lock().unwrap(), ["c begins", "c ends"]);
}

#[test]
fn a_renamed_file_goes_on_under_its_connectors_name() {
    let mut rig = Rig::new();
    rig.write("a.json", STREAM);
    rig.scan();
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
    fs::rename(rig.path("a.json"), rig.path("b.json")).unwrap();
    rig.scan_until("a second begin", |rig| rig.begun() == 2);
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
    assert_eq!(rig.supervisor.statuses().len(), 1);
}

#[test]
fn a_bad_file_shows_as_a_failed_connector_until_it_is_mended() {
    let mut rig = Rig::new();
    rig.write("c.json", "{\"name\": \"other\",\n oops}");
    rig.write("d.properties", "connector.class=test.Sauce\n");
    rig.scan();
    let broken = rig.error("c").unwrap();
    assert_eq!(broken.code, "CONNECTOR_JSON_INVALID");
    assert!(broken.cause.starts_with("c.json: ") && broken.cause.contains("line 2"), "{broken}");
    assert_eq!(rig.error("d").unwrap().code, "CONNECTOR_CLASS_UNKNOWN");
    assert!(!rig.supervisor.readiness().ready);
    rig.write("c.json", STREAM);
    rig.scan();
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
}

#[test]
fn two_files_with_one_name_run_the_first_and_show_the_second_until_the_first_goes() {
    let mut rig = Rig::new();
    rig.write("a.json", STREAM);
    rig.write("b.json", STREAM);
    rig.scan();
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
    assert_eq!(rig.error("b.json").unwrap().code, "CONNECTOR_EXISTS");
    fs::remove_file(rig.path("a.json")).unwrap();
    rig.scan_until("the second in its place", |rig| rig.begun() == 2 && rig.error("b.json").is_none());
    reaches(&rig.supervisor, "c", ConnectorState::Streaming);
}

#[test]
fn a_directory_that_is_not_there_says_so() {
    let (herder, _, _) = herder();
    let dir = tempfile::tempdir().unwrap();
    let problem = Directory::new(dir.path().join("no")).rescan(&herder).unwrap_err();
    assert_eq!(problem.code, "CONNECTORS_DIR_UNREADABLE");
}
