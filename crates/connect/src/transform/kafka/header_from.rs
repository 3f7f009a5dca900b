//! `HeaderFrom`: fields of the key or value copied or moved into headers.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Kind, Schema, Typed, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{Part, REPLACE_NULL, basics, entry, list, no_map, no_struct, unknown_field};
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.HeaderFrom$Value",
        "org.apache.kafka.connect.transforms.HeaderFrom$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("fields", Form::List, None, "names of fields, with commas between them").required(),
    Property::new("headers", Form::List, None, "names of the headers, in the order of the fields").required(),
    Property::new(
        "operation",
        Form::OneOf(&["move", "copy"]),
        None,
        "move takes the fields out of the record, copy leaves them",
    )
    .required(),
    REPLACE_NULL,
];

struct HeaderFrom {
    part: Part,
    /// Fields, and the headers that they become.
    names: Vec<(String, Arc<str>)>,
    moves: bool,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    /// For each header the place of its field.
    places: Vec<usize>,
    /// Without the moved fields.
    schema: Arc<Schema>,
    /// For each field whether it stays.
    stays: Vec<bool>,
}

impl Transform for HeaderFrom {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let purpose = if self.moves { "header move" } else { "header copy" };
        let data = self.part.in_record(&mut record);
        let mut headers = Vec::with_capacity(self.names.len());
        match (&data.schema, &mut data.value) {
            (None, Value::Map(map)) => {
                for (field, header) in &self.names {
                    let value = Typed { schema: None, value: entry(map, field).clone() };
                    headers.push(ConnectHeader { name: Arc::clone(header), value });
                }
                if self.moves {
                    map.retain(|(key, _)| !self.names.iter().any(|(field, _)| key.as_text() == Some(field)));
                }
            }
            (None, other) => return Err(no_map(other, purpose)),
            (Some(schema), Value::Struct(values)) => {
                let plan = self.plans.get(schema, |schema| Plan::new(schema, &self.names, self.moves))?;
                for ((_, header), &place) in self.names.iter().zip(&plan.places) {
                    let Some(field) = schema.fields().get(place) else { continue };
                    let value = match (values.get(place), &field.schema.default) {
                        (None | Some(Value::Null), Some(default)) if self.replace_null => default.clone(),
                        (value, _) => value.cloned().unwrap_or(Value::Null),
                    };
                    let value = Typed { schema: Some(Arc::clone(&field.schema)), value };
                    headers.push(ConnectHeader { name: Arc::clone(header), value });
                }
                if self.moves {
                    if self.replace_null {
                        super::shape::fill(schema, values);
                    }
                    let mut stays = plan.stays.iter();
                    values.retain(|_| stays.next().is_none_or(|stays| *stays));
                    data.schema = Some(Arc::clone(&plan.schema));
                }
            }
            (schema, other) => return Err(no_struct(schema.as_deref(), other, purpose)),
        }
        record.headers.extend(headers);
        Ok(Some(record))
    }
}

impl Plan {
    fn new(schema: &Arc<Schema>, names: &[(String, Arc<str>)], moves: bool) -> Result<Plan, Problem> {
        let place = |(field, _): &(String, Arc<str>)| {
            schema.field(field).map(|(place, _)| place).ok_or_else(|| unknown_field(field))
        };
        let places = names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let stays: Vec<bool> = (0..schema.fields().len()).map(|at| !moves || !places.contains(&at)).collect();
        let staying = schema.fields().iter().zip(&stays).filter(|(_, stays)| **stays).map(|(field, _)| field.clone());
        let schema = Arc::new(basics(schema, Kind::Struct(staying.collect())));
        Ok(Plan { places, schema, stays })
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let fields = list(&config, "fields", &mut problems);
    let headers = list(&config, "headers", &mut problems);
    if fields.len() != headers.len() && !fields.is_empty() && !headers.is_empty() {
        problems.push(invalid(
            "headers",
            "'fields' config must have the same number of elements as 'headers' config.",
            format!("Name one header for each field; there are {} fields and {} headers.", fields.len(), headers.len()),
        ));
    }
    let transform = HeaderFrom {
        part: Part::of(class),
        names: fields.into_iter().zip(headers.into_iter().map(Arc::from)).collect(),
        moves: config.text("operation").trim().eq_ignore_ascii_case("move"),
        replace_null: config.flag("replace.null.with.default"),
        plans: SchemaCache::default(),
    };
    finish(Some(transform), problems)
}
