//! `TimezoneConverter`: times of rows in another time zone.
//!
//! Times with a zone say the same moment with another offset. Timestamps without one are taken for times in the zone, which moves
//! the number to the moment in UTC.

mod convert;
mod rules;

use std::sync::Arc;

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Schema, Value};

use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::is_envelope;
use super::{Configured, finish, invalid, strict};

use convert::{Converter, Time};
use rules::{Rules, Side};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.TimezoneConverter"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const ZONE: &str = "converted.timezone";
const INCLUDE: &str = "include.list";
const EXCLUDE: &str = "exclude.list";

const PROPERTIES: &[Property] = &[
    Property::new(ZONE, Form::Text, None, "a zone such as Asia/Tokyo, or an offset such as +08:00").required(),
    Property::new(INCLUDE, Form::Text, Some(""), "what is converted: source:TABLE, topic:TOPIC, NAME:FIELD"),
    Property::new(EXCLUDE, Form::Text, Some(""), "what is not converted: source:TABLE, topic:TOPIC, NAME:FIELD"),
];

struct TimezoneConverter {
    converter: Converter,
    rules: Rules,
    plans: SchemaCache<Plan>,
}

/// Which fields of envelopes are converted.
struct Plan {
    /// The topic and table for which it holds.
    topic: Arc<str>,
    table: Option<String>,
    /// Structs of the envelope, each with fields.
    structs: Vec<(usize, Vec<(usize, Time)>)>,
}

impl Transform for TimezoneConverter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let source = record.value.field("source").and_then(|(schema, value)| {
            let (at, _) = schema.field("table")?;
            value.as_struct()?.get(at)?.as_text()
        });
        let table = source.map(str::to_owned);
        let (Some(schema), Value::Struct(envelope)) = (&record.value.schema, &mut record.value.value) else {
            return Ok(Some(record));
        };
        let fits = |plan: &Plan| plan.topic == record.topic && plan.table == table;
        let rules = &self.rules;
        let derive =
            |schema: &Arc<Schema>| Ok::<_, Problem>(Plan::new(schema, rules, Arc::clone(&record.topic), table.clone()));
        let plan = self.plans.get_fit(schema, fits, derive)?;
        for (at, fields) in &plan.structs {
            if let Some(Value::Struct(row)) = envelope.get_mut(*at) {
                for (at, time) in fields {
                    if let Some(value) = row.get_mut(*at) {
                        self.converter.convert(*time, value);
                    }
                }
            }
        }
        Ok(Some(record))
    }
}

impl Plan {
    fn new(envelope: &Schema, rules: &Rules, topic: Arc<str>, table: Option<String>) -> Plan {
        let mut structs = Vec::new();
        if is_envelope(envelope)
            && let Some(choice) = rules.choice(&topic, table.as_deref())
        {
            for (name, side) in [("before", Side::Before), ("after", Side::After), ("source", Side::Source)] {
                let Some((at, inner)) = envelope.field(name) else { continue };
                let fields = inner.schema.fields().iter().enumerate().filter_map(|(at, field)| {
                    let time = Time::of(field, side == Side::Source)?;
                    choice.takes(side, &field.name).then_some((at, time))
                });
                structs.push((at, fields.collect()));
            }
        }
        Plan { topic, table, structs }
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let (config, mut problems) = check(&config, PROPERTIES);
    let converter = Converter::new(config.text(ZONE).trim(), strict);
    if converter.is_none() && config.get(ZONE).is_some() {
        problems.push(invalid(
            ZONE,
            "there is no such time zone",
            "Set a zone such as America/Los_Angeles or an offset of the form +/-hh:mm, such as +08:00.",
        ));
    }
    let (included, excluded) = (config.list(INCLUDE), config.list(EXCLUDE));
    if !included.is_empty() && !excluded.is_empty() {
        problems.push(invalid(
            EXCLUDE,
            "Both include and exclude lists are specified. Please specify only one.",
            format!("Remove '{INCLUDE}' or '{EXCLUDE}'."),
        ));
    }
    let (option, list) = if included.is_empty() { (EXCLUDE, excluded) } else { (INCLUDE, included) };
    let (rules, wrong) = Rules::new(&list, option == INCLUDE && !list.is_empty());
    problems.extend(wrong.iter().map(|entry| {
        invalid(
            option,
            format!("'{entry}' is not source:table, topic:name, name:field, or one of the former with :field"),
            "Write it as in source:customers,topic:srv.public.orders:created_at,orders:updated_at",
        )
    }));
    finish(converter.map(|converter| TimezoneConverter { converter, rules, plans: SchemaCache::default() }), problems)
}

#[cfg(test)]
mod tests;
