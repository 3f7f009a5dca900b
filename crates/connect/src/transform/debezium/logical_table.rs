//! `ByLogicalTableRouter`: tables with one schema go to one topic.
//!
//! The key gets a field that says which table it is of, and schemas are named after the new topic.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::java_regex::Rename;
use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property, Support};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Typed, Value};
use tailwater_event::debezium::NameAdjustment;

use crate::bounded::Bounded;
use crate::limits::ROUTED_TOPICS;
use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::{is_envelope, not_a_struct};
use super::{Configured, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.ByLogicalTableRouter", "io.debezium.transforms.ToLogicalTopicRouter"],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const ADJUSTMENTS: &[&str] = &["none", "avro", "avro_unicode"];

const PROPERTIES: &[Property] = &[
    Property::new("topic.regex", Form::Text, None, "the expression that topics of physical tables match").required(),
    Property::new("topic.replacement", Form::Text, None, "the topic of the logical table, $1 is the first group")
        .required(),
    Property::new("key.enforce.uniqueness", Form::Bool, Some("true"), "whether the key says which table it is of"),
    Property::new("key.field.name", Form::Text, Some("__dbz__physicalTableIdentifier"), "the key's field for that"),
    Property::new("key.field.regex", Form::Text, None, "the expression that finds the table's name in the topic"),
    Property::new("key.field.replacement", Form::Text, None, "the table's name, $1 is the first group"),
    Property::new("schema.name.adjustment.mode", Form::OneOf(ADJUSTMENTS), Some("none"), "names of schemas for Avro"),
    Property::new("logical.table.cache.size", Form::Integer(1, 1 << 20), Some("16"), "schemas that are kept")
        .support(Support::NoEffect("schemas of all tables are kept")),
];

struct Router {
    rename: Rename,
    /// The key's field; `None` when keys stay as they are.
    field: Option<Arc<str>>,
    identifier: Option<Rename>,
    adjustment: NameAdjustment,
    /// By the record's topic; `None` for one that stays.
    routes: Bounded<Arc<str>, Option<Route>>,
}

struct Route {
    topic: Arc<str>,
    /// The physical table's name.
    identifier: String,
    keys: SchemaCache<Arc<Schema>>,
    /// `None` for what is no envelope.
    values: SchemaCache<Option<Arc<Schema>>>,
}

impl Transform for Router {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if self.routes.get(&record.topic).is_none() {
            self.routes.insert(Arc::clone(&record.topic), self.route(&record.topic));
        }
        let Some(Some(route)) = self.routes.get_mut(&record.topic) else { return Ok(Some(record)) };
        let (field, adjustment) = (self.field.as_ref(), self.adjustment);
        if !record.key.value.is_null() {
            let (Some(schema), Value::Struct(key)) = (&record.key.schema, &mut record.key.value) else {
                return Err(not_a_struct(record.key.schema.as_deref().unwrap_or(&Schema::new(Kind::Text))));
            };
            let derive =
                |schema: &Arc<Schema>| Ok::<_, Infallible>(key_schema(schema, &route.topic, field, adjustment));
            let Ok(schema) = route.keys.get(schema, derive);
            let schema = Arc::clone(schema);
            if field.is_some() {
                key.push(Value::Text(route.identifier.clone()));
            }
            record.key.schema = Some(schema);
        }
        if let Typed { schema: Some(schema), value: Value::Struct(_) } = &mut record.value {
            let derive = |schema: &Arc<Schema>| {
                Ok::<_, Infallible>(is_envelope(schema).then(|| value_schema(schema, &route.topic, adjustment)))
            };
            if let Ok(Some(renamed)) = route.values.get(schema, derive) {
                *schema = Arc::clone(renamed);
            }
        }
        record.topic = Arc::clone(&route.topic);
        Ok(Some(record))
    }
}

impl Router {
    /// `None` when the topic stays.
    fn route(&self, topic: &str) -> Option<Route> {
        let to = self.rename.apply(topic).filter(|to| !to.is_empty())?;
        let identifier = self.identifier.as_ref().and_then(|identifier| identifier.apply(topic));
        Some(Route {
            topic: to.into(),
            identifier: identifier.unwrap_or_else(|| topic.to_owned()),
            keys: SchemaCache::default(),
            values: SchemaCache::default(),
        })
    }
}

fn key_schema(key: &Schema, topic: &str, field: Option<&Arc<str>>, adjustment: NameAdjustment) -> Arc<Schema> {
    let added = field.map(|name| Field::new(Arc::clone(name), Schema::new(Kind::Text)));
    let fields = key.fields().iter().cloned().chain(added).collect();
    let schema = Schema { kind: Kind::Struct(fields), default: None, ..key.clone() };
    Arc::new(schema.named(adjustment.schema(&format!("{topic}.Key"))))
}

/// The envelope's schema and that of its rows under new names.
fn value_schema(envelope: &Schema, topic: &str, adjustment: NameAdjustment) -> Arc<Schema> {
    let named = |schema: &Schema, last: &str| schema.clone().named(adjustment.schema(&format!("{topic}.{last}")));
    let mut rows: Vec<(Arc<Schema>, Arc<Schema>)> = Vec::new();
    let mut row = |old: &Arc<Schema>| {
        if let Some((_, new)) = rows.iter().find(|(seen, _)| seen == old) {
            return Arc::clone(new);
        }
        let new = Arc::new(named(old, "Value"));
        rows.push((Arc::clone(old), Arc::clone(&new)));
        new
    };
    let fields = envelope.fields().iter().map(|field| match &*field.name {
        "before" | "after" => Field::new(Arc::clone(&field.name), row(&field.schema)),
        _ => field.clone(),
    });
    let kind = Kind::Struct(fields.collect());
    Arc::new(Schema { kind, ..named(envelope, "Envelope") })
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, mut problems) = check(config, PROPERTIES);
    let option = |name: &'static str| (name, config.text(name).trim());
    let mut rename = |regex, replacement| {
        Rename::new(option(regex), option(replacement)).map_err(|problem| problems.push(problem)).ok()
    };
    let topics = rename("topic.regex", "topic.replacement");
    let by_key = !config.text("key.field.regex").trim().is_empty();
    let identifier = by_key.then(|| rename("key.field.regex", "key.field.replacement")).flatten();
    if by_key && config.text("key.field.replacement").trim().is_empty() {
        problems.push(invalid(
            "key.field.replacement",
            "key.field.replacement must be non-empty if key.field.regex is set.",
            "Set 'key.field.replacement', such as $1 for the first group of 'key.field.regex'.",
        ));
    }
    let router = topics.map(|rename| Router {
        rename,
        field: config.flag("key.enforce.uniqueness").then(|| config.text("key.field.name").trim().into()),
        identifier,
        adjustment: match config.text("schema.name.adjustment.mode").trim().to_ascii_lowercase().as_str() {
            "avro" => NameAdjustment::Avro,
            "avro_unicode" => NameAdjustment::AvroUnicode,
            _ => NameAdjustment::None,
        },
        routes: Bounded::new(ROUTED_TOPICS),
    });
    finish(router, problems)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Table, built, configured, named};
    use super::*;

    #[test]
    fn tables_of_one_shape_go_to_one_topic_and_their_keys_differ() {
        let options = [
            ("topic.regex", r"(.*)\.t\d*"),
            ("topic.replacement", "$1.all-t"),
            ("key.field.name", "from"),
            ("key.field.regex", r".*\.(.*)"),
            ("key.field.replacement", "$1"),
            ("schema.name.adjustment.mode", "avro"),
        ];
        let (table, mut router) = (Table::new(), built(&CLASS, &options));
        let change = table.change("u", Some((1, None, None)), Some((1, Some("x"), None)));
        let record = router.apply(change.clone()).unwrap().unwrap();
        assert_eq!(&*record.topic, "srv.public.all-t");
        assert_eq!(named(&record.key), [("id", &Value::Int32(1)), ("from", &Value::Text("t".into()))]);
        let name = |schema: &Schema| schema.name.clone().unwrap().to_string();
        let envelope = record.value.schema.clone().unwrap();
        assert_eq!(name(record.key.schema.as_ref().unwrap()), "srv.public.all_t.Key");
        assert_eq!(name(&envelope), "srv.public.all_t.Envelope");
        for row in ["before", "after"] {
            let row = &envelope.field(row).unwrap().1.schema;
            assert_eq!((name(row), row.optional), ("srv.public.all_t.Value".into(), true));
        }
        assert_eq!(record.value.value, change.value.value);
        let again = router.apply(change).unwrap().unwrap();
        assert!(Arc::ptr_eq(&again.value.schema.unwrap(), &envelope));
        assert!(Arc::ptr_eq(&again.key.schema.unwrap(), &record.key.schema.unwrap()));
        assert_eq!(router.apply(table.tombstone(1)).unwrap().unwrap().value, Typed::NULL);
    }

    #[test]
    fn other_topics_stay_and_so_do_keys_that_need_not_be_unique() {
        let table = Table::new();
        let change = table.change("c", None, Some((1, None, None)));
        let mut other = built(&CLASS, &[("topic.regex", "x"), ("topic.replacement", "y")]);
        assert_eq!(other.apply(change.clone()).unwrap(), Some(change.clone()));
        let options = [("topic.regex", ".*"), ("topic.replacement", "y"), ("key.enforce.uniqueness", "false")];
        let record = built(&CLASS, &options).apply(change).unwrap().unwrap();
        assert_eq!((named(&record.key).len(), &*record.topic), (1, "y"));
    }

    #[test]
    fn an_expression_for_keys_wants_a_replacement() {
        let options = [("topic.regex", ".*"), ("topic.replacement", "y"), ("key.field.regex", ".*")];
        assert_eq!(configured(&CLASS, &options).err().unwrap()[0].code, "PROPERTY_INVALID");
    }
}
