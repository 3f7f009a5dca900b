//! A connector that is wanted again before it has ended.

use tailwater_connect::herder::Target;
use tailwater_connector::ConnectorState;

use crate::fake::{eventually, herder, reaches};

#[test]
fn a_connector_that_is_resumed_before_its_pause_came_true_runs_again() {
    let (herder, supervisor, journal) = herder();
    let typed = [("connector.class", "test.Source"), ("script", "stream")];
    let typed = typed.map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
    herder.create("a", typed.to_vec(), Target::Running).unwrap();
    reaches(&supervisor, "a", ConnectorState::Streaming);
    for round in 1..=50 {
        let pause = if round % 2 == 0 { Target::Paused } else { Target::Stopped };
        herder.set_target("a", pause).unwrap();
        herder.set_target("a", Target::Running).unwrap();
        let begun = || journal.lock().unwrap().iter().filter(|line| *line == "a begins").count();
        eventually("another beginning", || begun() == round + 1);
    }
}
