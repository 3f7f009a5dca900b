//! `ReplaceField`: leaves out, keeps and renames fields.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::shape::{Part, REPLACE_NULL, basics, fill, last_of_each, struct_of, take_map, take_struct};
use super::{Configured, checked, finish, invalid, strict};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.ReplaceField$Value",
        "org.apache.kafka.connect.transforms.ReplaceField$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("exclude", Form::List, Some(""), "fields to leave out; wins over include").old(&["blacklist"]),
    Property::new("include", Form::List, Some(""), "fields to keep; all when empty").old(&["whitelist"]),
    Property::new("renames", Form::List, Some(""), "old:new names, with commas between the pairs"),
    REPLACE_NULL,
];

const PURPOSE: &str = "field replacement";

struct ReplaceField {
    part: Part,
    names: Names,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

struct Names {
    exclude: Vec<String>,
    include: Vec<String>,
    renames: Vec<(String, String)>,
}

struct Plan {
    schema: Arc<Schema>,
    /// For each field of the input whether it stays.
    stays: Vec<bool>,
}

impl Transform for ReplaceField {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        if data.value.is_null() {
            return Ok(Some(record));
        }
        let Some(schema) = data.schema.clone() else {
            let mut out = Vec::new();
            for (key, value) in take_map(data, PURPOSE)? {
                let name = key.as_text().unwrap_or_default();
                if self.names.stays(name) {
                    let name = self.names.renamed(name).unwrap_or(name).to_owned();
                    out.push((Value::Text(name), value));
                }
            }
            data.value = Value::Map(last_of_each(out));
            return Ok(Some(record));
        };
        let mut values = take_struct(data, PURPOSE)?;
        let plan = self.plans.get(&schema, |schema| Plan::new(schema, &self.names))?;
        if self.replace_null {
            fill(&schema, &mut values);
        }
        let mut stays = plan.stays.iter();
        values.retain(|_| stays.next().is_none_or(|stays| *stays));
        data.schema = Some(Arc::clone(&plan.schema));
        data.value = Value::Struct(values);
        Ok(Some(record))
    }
}

impl Names {
    fn stays(&self, name: &str) -> bool {
        let among = |list: &[String]| list.iter().any(|listed| listed == name);
        !among(&self.exclude) && (self.include.is_empty() || among(&self.include))
    }

    fn renamed(&self, name: &str) -> Option<&str> {
        // The last pair for a name wins.
        self.renames.iter().rev().find(|(old, _)| old == name).map(|(_, new)| new.as_str())
    }
}

impl Plan {
    fn new(schema: &Schema, names: &Names) -> Result<Plan, Problem> {
        let stays: Vec<bool> = schema.fields().iter().map(|field| names.stays(&field.name)).collect();
        let staying = schema.fields().iter().zip(&stays).filter(|(_, stays)| **stays);
        let fields = staying.map(|(field, _)| match names.renamed(&field.name) {
            Some(new) => Field::new(new, Arc::clone(&field.schema)),
            None => field.clone(),
        });
        let kind = struct_of(fields.collect())?;
        Ok(Plan { schema: Arc::new(basics(schema, kind)), stays })
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (mut config, strict) = strict(config);
    let mut problems = Vec::new();
    for old in ["blacklist", "whitelist"].into_iter().filter(|_| strict) {
        if config.get(old).is_some() {
            config.remove(old);
            problems.push(
                Problem::config(
                    "PROPERTY_NO_EFFECT",
                    format!("'{old}' has no effect in strict compatibility, as in Kafka since 4.0"),
                    "Write 'exclude' for 'blacklist', 'include' for 'whitelist'.",
                )
                .warning(),
            );
        }
    }
    let (config, found) = checked(&config, PROPERTIES);
    problems.extend(found);
    let mut renames = Vec::new();
    for pair in config.list("renames") {
        match pair.split_once(':') {
            Some((old, new)) if !new.is_empty() && !new.contains(':') => renames.push((old.to_owned(), new.to_owned())),
            _ => problems.push(invalid(
                "renames",
                format!("Invalid rename mapping: {pair}"),
                "Write pairs as old:new, with commas between them: \"renames\": \"id:order_id,ts:created_at\"",
            )),
        }
    }
    let transform = ReplaceField {
        part: Part::of(class),
        names: Names { exclude: config.list("exclude"), include: config.list("include"), renames },
        replace_null: config.flag("replace.null.with.default"),
        plans: SchemaCache::default(),
    };
    finish(Some(transform), problems)
}
