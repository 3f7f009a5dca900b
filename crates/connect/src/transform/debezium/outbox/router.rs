//! One outbox row into one event.

use std::convert::Infallible;
use std::sync::Arc;

use tailwater_connector::Problem;
use tailwater_connector::java_regex::Rename;
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Field, Kind, Schema, Typed, Value};

use crate::bounded::Bounded;
use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, invalid};

use super::super::envelope::{is_envelope, no_field, not_a_struct, place};
use super::super::expand::Expand;
use super::placement::{OPTION, Place, Placement};

/// See [`super::CLASS`].
pub(super) struct EventRouter {
    pub(super) columns: Columns,
    pub(super) rename: Rename,
    pub(super) expand: Option<Expand>,
    pub(super) updates: Updates,
    /// Whether an empty payload is a tombstone.
    pub(super) tombstones: bool,
    /// By schema of values; `None` for what is no envelope.
    pub(super) plans: SchemaCache<Option<Plan>>,
    /// Schemas of values with fields beside the payload, by version and then by the payload's schema.
    pub(super) envelopes: Bounded<Option<i32>, SchemaCache<Arc<Schema>>>,
}

/// Which columns are what.
pub(super) struct Columns {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) route: String,
    pub(super) timestamp: Option<String>,
    pub(super) version: Option<String>,
    pub(super) ignore_missing: bool,
    pub(super) placements: Vec<Placement>,
}

/// What an update of an outbox row is worth.
pub(super) enum Updates {
    /// A line of the log, the first time.
    Warn,
    Error,
    Fail,
    /// The line was written.
    Told,
}

/// Places in envelopes of one schema.
pub(super) struct Plan {
    op: usize,
    ts_ms: usize,
    after: usize,
    row: Arc<Schema>,
    id: usize,
    key: usize,
    payload: usize,
    route: usize,
    /// The column and how many of its units make a millisecond.
    timestamp: Option<(usize, i64)>,
    version: Option<usize>,
    headers: Vec<(usize, Arc<str>)>,
    partition: Option<usize>,
    /// Whether the value is a struct around the payload, though it be the only field.
    wrapped: bool,
    /// Fields beside the payload.
    beside: Vec<(usize, Arc<str>)>,
}

impl Transform for EventRouter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if record.value.value.is_null() {
            return Ok(None);
        }
        let Some(schema) = record.value.schema.clone() else { return Ok(Some(record)) };
        let EventRouter { columns, plans, .. } = self;
        let derive = |schema: &Arc<Schema>| is_envelope(schema).then(|| Plan::new(schema, columns)).transpose();
        let plan = match plans.get(&schema, derive) {
            Ok(Some(plan)) => plan,
            Ok(None) => return Ok(Some(record)),
            // What is wrong with the columns is of no matter to changes that are left out.
            Err(problem) => {
                return match operation(&schema, &record.value.value) {
                    Some("c" | "r") | None => Err(problem),
                    Some("u") => self.updates.met().map(|()| None),
                    Some(_) => Ok(None),
                };
            }
        };
        let Value::Struct(mut envelope) = std::mem::replace(&mut record.value.value, Value::Null) else {
            return Err(not_a_struct(&schema));
        };
        match envelope.get(plan.op).and_then(Value::as_text) {
            Some("c" | "r") => {}
            Some("u") => return self.updates.met().map(|()| None),
            _ => return Ok(None),
        }
        let Some(Value::Struct(mut row)) = envelope.get_mut(plan.after).map(take) else {
            return Err(not_a_struct(&plan.row));
        };
        let Some(routed) = row.get(plan.route).and_then(Value::as_text).map(str::to_owned) else {
            return Err(no_route(&self.columns.route));
        };
        for (field, value) in plan.row.fields().iter().zip(&mut row) {
            if let (Value::Null, Some(default)) = (&*value, &field.schema.default) {
                *value = default.clone();
            }
        }
        let time = plan.timestamp.and_then(|(at, unit)| Some(row.get(at).and_then(integer)?.div_euclid(unit)));
        record.timestamp_ms = time.or_else(|| envelope.get(plan.ts_ms).and_then(integer)).or(record.timestamp_ms);
        let small =
            |at: Option<usize>| at.and_then(|at| integer(row.get(at)?)).and_then(|number| i32::try_from(number).ok());
        (record.partition, record.key) = (small(plan.partition), plan.cell(&row, plan.key));
        record.headers.push(ConnectHeader { name: "id".into(), value: plan.cell(&row, plan.id) });
        for (at, name) in &plan.headers {
            record.headers.push(ConnectHeader { name: Arc::clone(name), value: plan.cell(&row, *at) });
        }
        record.topic = self.rename.apply(&routed).unwrap_or_else(|| routed.clone()).into();
        let version = small(plan.version);
        let beside: Vec<Value> = plan.beside.iter().map(|(at, _)| plan.cell(&row, *at).value).collect();
        let payload = row.get_mut(plan.payload).map_or(Value::Null, take);
        let mut payload = Typed { schema: plan.schema(plan.payload), value: payload };
        let empty = match &payload.value {
            Value::Null => true,
            Value::Text(text) => text.trim().is_empty(),
            _ => false,
        };
        if empty && self.tombstones {
            record.value = Typed::NULL;
            return Ok(Some(record));
        }
        if let (Some(expand), false) = (&mut self.expand, empty) {
            expand.apply(&mut payload);
        }
        if !plan.wrapped {
            record.value = payload;
            return Ok(Some(record));
        }
        let inner = payload.schema.unwrap_or_else(|| Arc::clone(&plan.row));
        let Ok::<_, Infallible>(envelopes) = self.envelopes.get_or_make(version, || Ok(SchemaCache::default()));
        let Ok::<_, Infallible>(schema) = envelopes.get(&inner, |inner| Ok(plan.envelope(inner, &routed, version)));
        let values = std::iter::once(payload.value).chain(beside).collect();
        record.value = Typed { schema: Some(Arc::clone(schema)), value: Value::Struct(values) };
        Ok(Some(record))
    }
}

impl Plan {
    fn new(envelope: &Schema, columns: &Columns) -> Result<Plan, Problem> {
        let after = place(envelope, "after")?;
        let row = envelope.fields().get(after).map(|field| Arc::clone(&field.schema));
        let row = row.ok_or_else(|| no_field(envelope, "after"))?;
        let timestamp = columns.timestamp.as_deref().map(|column| timestamp(&row, column)).transpose()?;
        let mut plan = Plan {
            op: place(envelope, "op")?,
            ts_ms: place(envelope, "ts_ms")?,
            after,
            id: place(&row, &columns.id)?,
            key: place(&row, &columns.key)?,
            payload: place(&row, &columns.payload)?,
            route: of_kind(&row, "route.by.field", &columns.route, &[Kind::Text])?,
            timestamp,
            version: None,
            headers: Vec::new(),
            partition: None,
            wrapped: columns.placements.iter().any(|placement| placement.place == Place::Envelope),
            beside: Vec::new(),
            row: Arc::clone(&row),
        };
        let numbers = [Kind::Int8, Kind::Int16, Kind::Int32];
        if let Some(column) = &columns.version {
            plan.version = Some(of_kind(&row, "table.field.event.schema.version", column, &numbers)?);
        }
        for placement in &columns.placements {
            let alias = Arc::clone(&placement.alias);
            match place(&row, &placement.column) {
                Err(_) if columns.ignore_missing => {}
                Err(problem) => return Err(problem),
                Ok(at) => match placement.place {
                    Place::Header => plan.headers.push((at, alias)),
                    Place::Envelope => plan.beside.push((at, alias)),
                    Place::Partition => plan.partition = Some(of_kind(&row, OPTION, &placement.column, &numbers)?),
                },
            }
        }
        Ok(plan)
    }

    fn schema(&self, at: usize) -> Option<Arc<Schema>> {
        self.row.fields().get(at).map(|field| Arc::clone(&field.schema))
    }

    fn cell(&self, row: &[Value], at: usize) -> Typed {
        Typed { schema: self.schema(at), value: row.get(at).cloned().unwrap_or(Value::Null) }
    }

    /// The struct of a payload and what stands beside it. Its name has the route of the first event, as in the original: one
    /// schema serves all events whose payloads share one.
    fn envelope(&self, payload: &Arc<Schema>, routed: &str, version: Option<i32>) -> Arc<Schema> {
        let beside =
            self.beside.iter().filter_map(|(at, alias)| Some(Field::new(Arc::clone(alias), self.schema(*at)?)));
        let fields = std::iter::once(Field::new("payload", Arc::clone(payload))).chain(beside).collect();
        let name = match self.row.name.as_deref().map(|name| name.rsplit_once('.').ok_or(name)) {
            Some(Ok((outer, last))) => format!("{outer}.{routed}.{last}"),
            Some(Err(name)) => format!("{routed}.{name}"),
            None => routed.to_owned(),
        };
        Arc::new(Schema { version, ..Schema::new(Kind::Struct(fields)).named(name) })
    }
}

impl Updates {
    /// An update was met.
    fn met(&mut self) -> Result<(), Problem> {
        const TEXT: &str = "a row of the outbox table was updated; the update is left out, and so are later ones";
        match std::mem::replace(self, Updates::Told) {
            Updates::Warn => tracing::warn!("{TEXT}"),
            Updates::Error => tracing::error!("{TEXT}"),
            Updates::Told => {}
            Updates::Fail => {
                *self = Updates::Fail;
                return Err(Problem::config(
                    "OUTBOX_UPDATED",
                    "A row of the outbox table was updated, and 'table.op.invalid.behavior' is 'fatal'",
                    "Only insert into and delete from an outbox table, or set 'table.op.invalid.behavior' to 'warn'.",
                ));
            }
        }
        Ok(())
    }
}

/// The column of the record's time, and how many of its units make a millisecond.
fn timestamp(row: &Schema, column: &str) -> Result<(usize, i64), Problem> {
    let (at, field) = row.field(column).ok_or_else(|| no_field(row, column))?;
    let unit = match field.schema.name.as_deref() {
        Some("io.debezium.time.Timestamp" | "org.apache.kafka.connect.data.Timestamp") => 1,
        Some("io.debezium.time.MicroTimestamp") => 1_000,
        Some("io.debezium.time.NanoTimestamp") => 1_000_000,
        other => {
            return Err(invalid(
                "table.field.event.timestamp",
                format!("Unsupported field type {} for event timestamp", other.unwrap_or(field.schema.kind.name())),
                "Name a column of type timestamp (without time zone).",
            ));
        }
    };
    Ok((at, unit))
}

/// The place of a column that must have one of these kinds.
fn of_kind(row: &Schema, option: &str, column: &str, kinds: &[Kind]) -> Result<usize, Problem> {
    let (at, field) = row.field(column).ok_or_else(|| no_field(row, column))?;
    if kinds.contains(&field.schema.kind) {
        return Ok(at);
    }
    let names: Vec<&str> = kinds.iter().map(Kind::name).collect();
    let reason = format!("Field '{column}' is {}, not {}", field.schema.kind.name(), names.join(" or "));
    Err(invalid(option, reason, format!("Name another column in '{option}', or give this one another type.")))
}

fn operation<'a>(envelope: &Schema, value: &'a Value) -> Option<&'a str> {
    value.as_struct()?.get(place(envelope, "op").ok()?)?.as_text()
}

fn no_route(column: &str) -> Problem {
    Problem::config(
        "OUTBOX_NO_ROUTE",
        format!("A row of the outbox table has NULL in '{column}', which 'route.by.field' says the topic is made of"),
        format!("Declare the column NOT NULL: ALTER TABLE … ALTER COLUMN {column} SET NOT NULL;"),
    )
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int8(number) => Some(i64::from(*number)),
        Value::Int16(number) => Some(i64::from(*number)),
        Value::Int32(number) => Some(i64::from(*number)),
        Value::Int64(number) => Some(*number),
        _ => None,
    }
}

fn take(value: &mut Value) -> Value {
    std::mem::replace(value, Value::Null)
}
