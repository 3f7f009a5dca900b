//! One gauge per connector and state, 1 for the state it is in: alerts need no mapping of numbers to states.

use metrics::{describe_gauge, gauge};
use tailwater_connector::ConnectorState;

use crate::supervisor::Supervisor;

const STATE: &str = "tailwater_connector_state";

const STATES: [(ConnectorState, &str); 6] = [
    (ConnectorState::Starting, "starting"),
    (ConnectorState::Snapshot, "snapshot"),
    (ConnectorState::Streaming, "streaming"),
    (ConnectorState::Done, "done"),
    (ConnectorState::Paused, "paused"),
    (ConnectorState::Failed, "failed"),
];

/// Sets the gauges from the statuses as they are now. Labels are bounded by
/// [`CONNECTORS_MAX`](crate::limits::CONNECTORS_MAX) names.
pub fn record(supervisor: &Supervisor) {
    describe_gauge!(STATE, "1 for the state that the connector is in, else 0");
    for (name, status) in supervisor.statuses() {
        set(&name, Some(status.state));
    }
}

/// A connector that is gone is in no state.
pub(crate) fn clear(connector: &str) {
    set(connector, None);
}

fn set(connector: &str, current: Option<ConnectorState>) {
    for (state, label) in STATES {
        let value = if current == Some(state) { 1.0 } else { 0.0 };
        gauge!(STATE, "connector" => connector.to_owned(), "state" => label).set(value);
    }
}
