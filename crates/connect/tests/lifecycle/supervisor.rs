//! Start, retry, fail, stop.

use std::time::Duration;

use tailwater_connector::ConnectorState;
use tailwater_connector::plugin::Instance;

use crate::fake::{config, eventually, reaches, supervisor};

const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn a_connector_runs_until_it_is_stopped_and_comes_back_to_be_destroyed() {
    let (supervisor, journal) = supervisor();
    supervisor.start("s", &config("s", "Source", &[("script", "stream")])).unwrap();
    reaches(&supervisor, "s", ConnectorState::Streaming);
    let Ok(Some(Instance::Source(mut source))) = supervisor.stop("s", WITHIN) else { panic!("no source") };
    source.destroy().unwrap();
    assert!(!supervisor.contains("s"));
    eventually("all notes", || journal.lock().unwrap().len() == 3);
    assert_eq!(*journal.lock().unwrap(), ["s begins", "s ends", "s destroyed"]);
}

#[test]
fn what_may_pass_is_retried_and_shown_while_it_lasts() {
    let (supervisor, journal) = supervisor();
    let properties = [("preflight", "unreachable,warn"), ("script", "retry,pause,stream")];
    supervisor.start("s", &config("s", "Source", &properties)).unwrap();
    let status = reaches(&supervisor, "s", ConnectorState::Streaming);
    let expected = [
        "s retries after Starting HOST_UNREACHABLE",
        "s retries after Starting CONNECTION_LOST",
        "s retries after Paused PAUSED_DISK",
    ];
    assert_eq!(journal.lock().unwrap()[..3], expected);
    let warnings: Vec<_> = status.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(warnings, ["CONFIG_WARNING", "PREFLIGHT_WARNING"]);
    assert!(status.error.is_none());
}

#[test]
fn what_does_not_pass_ends_the_connector_with_its_problem() {
    for (script, code) in [("refuse", "AUTH_FAILED"), ("panic", "INTERNAL")] {
        let (supervisor, _) = supervisor();
        supervisor.start("s", &config("s", "Sink", &[("script", script)])).unwrap();
        let error = reaches(&supervisor, "s", ConnectorState::Failed).error.unwrap();
        assert_eq!(error.code, code);
        assert!(!error.cause.contains("row value"), "{error}");
        eventually("the end of the thread", || supervisor.remove("s"));
    }
}

#[test]
fn every_problem_of_a_preflight_is_shown_at_once() {
    let (supervisor, journal) = supervisor();
    supervisor.start("s", &config("s", "Source", &[("script", "stream"), ("preflight", "two")])).unwrap();
    let error = reaches(&supervisor, "s", ConnectorState::Failed).error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.cause.as_str(), error.remedy.as_str()),
        ("A", "first; second", "do a\ndo b")
    );
    assert!(journal.lock().unwrap().is_empty());
}

#[test]
fn a_bad_configuration_starts_nothing_and_names_every_problem() {
    let (supervisor, _) = supervisor();
    let mut bad = config("s", "Source", &[]);
    bad.remove("name");
    let codes: Vec<_> = supervisor.start("s", &bad).unwrap_err().into_iter().map(|p| p.code).collect();
    assert_eq!(codes, ["PROPERTY_MISSING", "PROPERTY_MISSING"]);
    let unknown = supervisor.start("s", &config("s", "Sauce", &[])).unwrap_err();
    assert!(unknown[0].remedy.contains("'test.Source'"), "{}", unknown[0].remedy);
    assert!(supervisor.statuses().is_empty());
}

#[test]
fn a_name_is_given_once() {
    let (supervisor, _) = supervisor();
    let stream = config("s", "Source", &[("script", "stream")]);
    supervisor.start("s", &stream).unwrap();
    assert_eq!(supervisor.start("s", &stream).unwrap_err()[0].code, "CONNECTOR_EXISTS");
}

#[test]
fn at_the_end_sources_end_before_the_sinks_that_deliver_what_they_wrote() {
    let (supervisor, journal) = supervisor();
    for (name, class) in [("a", "Sink"), ("b", "Source"), ("c", "Sink"), ("d", "Source")] {
        supervisor.start(name, &config(name, class, &[("script", "stream")])).unwrap();
        reaches(&supervisor, name, ConnectorState::Streaming);
    }
    eventually("all begun", || journal.lock().unwrap().len() == 4);
    assert!(supervisor.stop_all(WITHIN).is_empty());
    let mut ends = journal.lock().unwrap().split_off(4);
    ends[..2].sort();
    ends[2..].sort();
    assert_eq!(ends, ["b ends", "d ends", "a ends", "c ends"]);
}

#[test]
fn readiness_is_that_every_connector_streams_or_is_done() {
    let (supervisor, _) = supervisor();
    supervisor.start("a", &config("a", "Source", &[("script", "done")])).unwrap();
    supervisor.start("b", &config("b", "Sink", &[("script", "stream")])).unwrap();
    reaches(&supervisor, "a", ConnectorState::Done);
    reaches(&supervisor, "b", ConnectorState::Streaming);
    assert!(supervisor.readiness().ready);
    supervisor.start("c", &config("c", "Source", &[("script", "refuse")])).unwrap();
    reaches(&supervisor, "c", ConnectorState::Failed);
    let shown = serde_json::to_value(supervisor.readiness()).unwrap();
    assert_eq!(shown["ready"], false);
    let warned = serde_json::json!({"code": "CONFIG_WARNING", "cause": "from configure", "remedy": ""});
    assert_eq!(shown["connectors"]["b"], serde_json::json!({"state": "streaming", "warnings": [warned]}));
    let failed = serde_json::json!({
        "state": "failed",
        "error": {"code": "AUTH_FAILED", "cause": "the password is wrong", "remedy": "ALTER ROLE …"},
        "warnings": [warned],
    });
    assert_eq!(shown["connectors"]["c"], failed);
}
