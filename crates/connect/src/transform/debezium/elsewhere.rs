//! Classes that are known but do nothing here, and those that are refused, each with what to do instead.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::ConnectRecord;

use crate::transform::{Configured, Transform, TransformClass};

/// Records pass as they are.
pub(super) const PASSED: TransformClass = TransformClass {
    names: &[
        "io.debezium.transforms.SchemaChangeEventFilter",
        "io.debezium.transforms.tracing.ActivateTracingSpan",
        "io.debezium.transforms.openlineage.OpenLineage",
    ],
    properties: ANY,
    repeats_mistakes: false,
    configure: pass,
};

/// A configuration with one of them does not start.
pub(super) const REFUSED: TransformClass = TransformClass {
    names: &[
        "io.debezium.transforms.EnforceRecordSize",
        "io.debezium.transforms.GeometryFormatTransformer",
        "io.debezium.connector.postgresql.transforms.timescaledb.TimescaleDb",
        "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState",
        "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter",
    ],
    properties: ANY,
    repeats_mistakes: false,
    configure: refuse,
};

const ANY: &[Property] = &[Property::new("*", Form::Text, None, "any option")];

struct Pass;

impl Transform for Pass {
    fn apply(&mut self, record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        Ok(Some(record))
    }
}

fn pass(class: &str, _: &Config) -> Configured {
    let why = match simple(class) {
        "SchemaChangeEventFilter" => "there are no schema change events of PostgreSQL",
        "ActivateTracingSpan" => "there is no OpenTelemetry agent in the process; latency is in the metrics",
        _ => "lineage is not reported; GET /connectors lists what is captured and where it goes",
    };
    let problem = Problem::config(
        "TRANSFORM_NO_EFFECT",
        format!("The transform {class} has no effect: {why}"),
        "Remove it from 'transforms'.",
    );
    Ok((Box::new(Pass), vec![problem.warning()]))
}

fn refuse(class: &str, _: &Config) -> Configured {
    let (why, remedy) = match simple(class) {
        "EnforceRecordSize" => (
            "it cuts texts to a length that nobody can tell from the record",
            "Cut columns by name instead: \"column.truncate.to.1000.chars\": \"public.t.body\", or leave them out with \
             'column.exclude.list'.",
        ),
        "GeometryFormatTransformer" => (
            "geometries stay well-known binary",
            "Let the server write the other form into a generated column, for example: ALTER TABLE t ADD COLUMN gml text \
             GENERATED ALWAYS AS (ST_AsGML(g)) STORED;",
        ),
        "TimescaleDb" => (
            "changes of chunks are not given their hypertable's name",
            "Give chunks one topic with RegexRouter: regex (.*)\\._timescaledb_internal\\._hyper_1_\\d+_chunk, replacement \
             $1.public.t",
        ),
        _ => (
            "it is for MongoDB",
            "Use io.debezium.transforms.ExtractNewRecordState or io.debezium.transforms.outbox.EventRouter.",
        ),
    };
    Err(vec![Problem::config("TRANSFORM_REFUSED", format!("The transform {class} is not supported: {why}"), remedy)])
}

fn simple(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::super::sample::Table;
    use super::*;

    #[test]
    fn every_class_says_why_and_what_instead() {
        let config: Config = [("any".to_owned(), "option".to_owned())].into_iter().collect();
        let record = Table::new().tombstone(1);
        for class in PASSED.names {
            let (mut transform, warnings) = (PASSED.configure)(class, &config).unwrap();
            assert!(warnings[0].cause.contains(class) && !warnings[0].is_error());
            assert_eq!(transform.apply(record.clone()).unwrap(), Some(record.clone()));
        }
        for class in REFUSED.names {
            let problems = (REFUSED.configure)(class, &config).err().unwrap();
            assert!(problems[0].cause.contains(class) && problems[0].is_error());
        }
    }
}
