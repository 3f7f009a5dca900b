//! `TimestampConverter`: a time as text, as a number, or as one of Connect's types, for a field or the whole key or value.

use std::sync::Arc;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Field, Kind, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::date_format::{DAY_MS, Pattern};
use super::shape::{
    DATE, Part, REPLACE_NULL, TIME, TIMESTAMP, basics, class_name, entry, failed, fill, logical, put, take_map,
    take_struct, text, type_name,
};
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.TimestampConverter$Value",
        "org.apache.kafka.connect.transforms.TimestampConverter$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("field", Form::Text, Some(""), "the field with the time; empty for the whole key or value"),
    Property::new(
        "target.type",
        Form::OneOf(&["string", "unix", "Date", "Time", "Timestamp"]),
        None,
        "what the time becomes: string, unix, Date, Time or Timestamp",
    )
    .required(),
    Property::new("format", Form::Text, Some(""), "a pattern of SimpleDateFormat for times as text"),
    Property::new(
        "unix.precision",
        Form::OneOf(&["nanoseconds", "microseconds", "milliseconds", "seconds"]),
        Some("milliseconds"),
        "the unit of times as numbers",
    ),
    REPLACE_NULL,
];

const PURPOSE: &str = "converting timestamp formats";

struct TimestampConverter {
    part: Part,
    /// `None` for the whole key or value.
    field: Option<String>,
    forms: Forms,
    replace_null: bool,
    plans: SchemaCache<Plan>,
}

/// How times are read and written.
struct Forms {
    target: TimeForm,
    format: Option<Pattern>,
    unit: Unit,
}

/// The forms of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeForm {
    Text,
    Unix,
    Date,
    /// A time of day.
    OfDay,
    Timestamp,
}

/// Units of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

struct Plan {
    schema: Arc<Schema>,
    /// The place of the field (0 for a whole value), and its form; what has no form is refused when it is read.
    source: Option<(usize, Result<TimeForm, Problem>)>,
}

impl Transform for TimestampConverter {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        let value = std::mem::replace(&mut data.value, Value::Null);
        let forms = &self.forms;
        data.value = match (data.schema.clone(), &self.field, value) {
            (None, _, Value::Null) => Value::Null,
            (None, None, value) => forms.convert(forms.infer(&value)?, value)?,
            (None, Some(field), value) => {
                data.value = value;
                let mut map = take_map(data, PURPOSE)?;
                let value = entry(&map, field).clone();
                if !value.is_null() {
                    put(&mut map, field, forms.convert(forms.infer(&value)?, value)?);
                } else {
                    put(&mut map, field, Value::Null);
                }
                Value::Map(map)
            }
            (Some(schema), field, value) => {
                let plan = self.plans.get(&schema, |schema| forms.plan(schema, field.as_deref()))?;
                data.schema = Some(Arc::clone(&plan.schema));
                match (field, value, &plan.source) {
                    (None, value, Some((_, form))) => forms.convert(form.clone()?, value)?,
                    (_, Value::Null, _) => Value::Null,
                    (_, Value::Struct(mut values), source) => {
                        if self.replace_null {
                            fill(&schema, &mut values);
                        }
                        forms.convert_field(&mut values, source.as_ref())?;
                        Value::Struct(values)
                    }
                    (_, other, _) => {
                        data.value = other;
                        data.schema = Some(schema);
                        Value::Struct(take_struct(data, PURPOSE)?)
                    }
                }
            }
        };
        Ok(Some(record))
    }
}

impl Forms {
    fn plan(&self, schema: &Schema, field: Option<&str>) -> Result<Plan, Problem> {
        let Some(name) = field else {
            return Ok(Plan { schema: self.schema(schema.optional), source: Some((0, TimeForm::of(schema))) });
        };
        let Some((place, _)) = schema.field(name) else {
            return Ok(Plan { schema: Arc::new(schema.clone()), source: None });
        };
        let mut source = None;
        let mut fields = schema.fields().to_vec();
        if let Some(Field { schema, .. }) = fields.get_mut(place) {
            source = Some((place, TimeForm::of(schema)));
            *schema = self.schema(schema.optional);
        }
        let mut default = schema.default.clone();
        if let Some(Value::Struct(values)) = &mut default {
            self.convert_field(values, source.as_ref())?;
        }
        let basics = basics(schema, Kind::Struct(fields));
        Ok(Plan { schema: Arc::new(Schema { optional: schema.optional, default, ..basics }), source })
    }

    fn convert_field(
        &self,
        values: &mut [Value],
        source: Option<&(usize, Result<TimeForm, Problem>)>,
    ) -> Result<(), Problem> {
        if let Some((place, form)) = source
            && let Some(value) = values.get_mut(*place)
        {
            *value = self.convert(form.clone()?, std::mem::replace(value, Value::Null))?;
        }
        Ok(())
    }

    /// The target's schema.
    fn schema(&self, optional: bool) -> Arc<Schema> {
        match self.target {
            TimeForm::Text => text(optional),
            TimeForm::Unix => Arc::new(Schema { optional, ..Schema::new(Kind::Int64) }),
            TimeForm::Date => logical(Kind::Int32, DATE, optional),
            TimeForm::OfDay => logical(Kind::Int32, TIME, optional),
            TimeForm::Timestamp => logical(Kind::Int64, TIMESTAMP, optional),
        }
    }

    /// The form of a value without a schema.
    fn infer(&self, value: &Value) -> Result<TimeForm, Problem> {
        match value {
            Value::Text(_) => Ok(TimeForm::Text),
            Value::Int64(_) => Ok(TimeForm::Unix),
            other => Err(failed(
                format!("TimestampConverter does not support class {} objects as timestamps", class_name(None, other)),
                "Name a field with text or whole numbers in 'field'.",
            )),
        }
    }

    fn convert(&self, source: TimeForm, value: Value) -> Result<Value, Problem> {
        let millis = match (source, value) {
            (_, Value::Null) => return Ok(Value::Null),
            (TimeForm::Text, Value::Text(text)) => self.read(&text)?,
            (TimeForm::Unix, Value::Int64(number)) => self.unit.to_millis(number),
            (TimeForm::Date, Value::Int32(days)) => i64::from(days) * DAY_MS,
            (TimeForm::OfDay, Value::Int32(millis)) => i64::from(millis),
            (TimeForm::Timestamp, Value::Int64(millis)) => millis,
            (source, other) => {
                return Err(failed(
                    format!("Expected {source:?} timestamp, but found class {}", class_name(None, &other)),
                    "Check the transforms before this one: the value does not fit its schema.",
                ));
            }
        };
        let out_of_range = || {
            failed(
                "The time lies outside of the days that Connect's Date can hold",
                "Use \"target.type\": \"Timestamp\" for this field.",
            )
        };
        Ok(match self.target {
            TimeForm::Text => {
                Value::Text(self.format.as_ref().map_or_else(String::new, |format| format.format(millis)))
            }
            TimeForm::Unix => Value::Int64(self.unit.of_millis(millis)),
            TimeForm::Date => Value::Int32(i32::try_from(millis.div_euclid(DAY_MS)).map_err(|_| out_of_range())?),
            TimeForm::OfDay => Value::Int32(i32::try_from(millis.rem_euclid(DAY_MS)).map_err(|_| out_of_range())?),
            TimeForm::Timestamp => Value::Int64(millis),
        })
    }

    fn read(&self, text: &str) -> Result<i64, Problem> {
        let Some(format) = &self.format else {
            return Err(failed(
                "TimestampConverter requires format option to be specified when using string timestamps",
                "Add \"format\": \"yyyy-MM-dd'T'HH:mm:ss.SSSX\" or the pattern of the field's text.",
            ));
        };
        format.read(text).ok_or_else(|| {
            failed(
                format!("Could not parse timestamp: value does not match pattern ({})", format.text()),
                "Correct 'format', or give the transform a predicate for records that match it.",
            )
        })
    }
}

impl TimeForm {
    /// The form of values of a schema.
    fn of(schema: &Schema) -> Result<TimeForm, Problem> {
        Ok(match (schema.name.as_deref(), &schema.kind) {
            (Some(TIMESTAMP), _) => TimeForm::Timestamp,
            (Some(DATE), _) => TimeForm::Date,
            (Some(TIME), _) => TimeForm::OfDay,
            (_, Kind::Text) => TimeForm::Text,
            (_, Kind::Int64) => TimeForm::Unix,
            (name, kind) => {
                let name = name.map_or_else(String::new, |name| format!("{name}:"));
                let kind = type_name(kind);
                return Err(failed(
                    format!("Schema Schema{{{name}{kind}}} does not correspond to a known timestamp type format"),
                    "Name a field of text, int64, Date, Time or Timestamp in 'field'; time.precision.mode=connect gives Connect's types.",
                ));
            }
        })
    }
}

impl Unit {
    /// Fractions are cut off; what exceeds 64 bits stops at their limit, as Java's `TimeUnit` has it.
    fn to_millis(self, number: i64) -> i64 {
        match self {
            Unit::Seconds => number.saturating_mul(1000),
            Unit::Millis => number,
            Unit::Micros => number / 1000,
            Unit::Nanos => number / 1_000_000,
        }
    }

    fn of_millis(self, millis: i64) -> i64 {
        match self {
            Unit::Seconds => millis / 1000,
            Unit::Millis => millis,
            Unit::Micros => millis.saturating_mul(1000),
            Unit::Nanos => millis.saturating_mul(1_000_000),
        }
    }
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let target = match config.text("target.type").trim().to_ascii_lowercase().as_str() {
        "unix" => TimeForm::Unix,
        "date" => TimeForm::Date,
        "time" => TimeForm::OfDay,
        "timestamp" => TimeForm::Timestamp,
        _ => TimeForm::Text,
    };
    let example = "Add \"format\": \"yyyy-MM-dd'T'HH:mm:ss.SSSX\"";
    let mut format = None;
    if !config.text("format").trim().is_empty() {
        match Pattern::parse(config.text("format")) {
            Ok(pattern) => format = Some(pattern),
            Err(reason) => problems.push(invalid(
                "format",
                format!(
                    "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: {reason}"
                ),
                example,
            )),
        }
    } else if config.text("target.type").trim().eq_ignore_ascii_case("string") {
        let reason = "TimestampConverter requires format option to be specified when using string timestamps";
        problems.push(invalid("format", reason, example));
    }
    let unit = match config.text("unix.precision").trim().to_ascii_lowercase().as_str() {
        "nanoseconds" => Unit::Nanos,
        "microseconds" => Unit::Micros,
        "seconds" => Unit::Seconds,
        _ => Unit::Millis,
    };
    let transform = TimestampConverter {
        part: Part::of(class),
        field: config.get("field").filter(|field| !field.is_empty()).map(str::to_owned),
        forms: Forms { target, format, unit },
        replace_null: config.flag("replace.null.with.default"),
        plans: SchemaCache::default(),
    };
    finish(Some(transform), problems)
}
