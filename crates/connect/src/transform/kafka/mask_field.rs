//! `MaskField`: zero, the empty text or a replacement in place of a field's value.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::number::decimal_bytes;
use tailwater_event::connect::{ConnectRecord, Schema, Value};

use super::super::schema_cache::SchemaCache;
use super::super::{Transform, TransformClass};
use super::number::Number;
use super::shape::{
    DATE, DECIMAL, Part, REPLACE_NULL, TIME, TIMESTAMP, class_name, entry, failed, fill, list, put, take_map,
    take_struct,
};
use super::{Configured, checked, finish, invalid};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &[
        "org.apache.kafka.connect.transforms.MaskField$Value",
        "org.apache.kafka.connect.transforms.MaskField$Key",
    ],
    properties: PROPERTIES,
    repeats_mistakes: false,
    configure,
};

const PROPERTIES: &[Property] = &[
    Property::new("fields", Form::List, None, "names of the fields to mask, with commas between them").required(),
    Property::new("replacement", Form::Text, None, "what numbers and texts become; 0 and the empty text without it"),
    REPLACE_NULL,
];

const PURPOSE: &str = "mask fields";

struct MaskField {
    part: Part,
    fields: Vec<String>,
    mask: Mask,
    replace_null: bool,
    /// Places of the masked fields.
    places: SchemaCache<Vec<usize>>,
}

struct Mask {
    replacement: Option<String>,
    /// The replacement as a number, when it is one.
    number: Option<Number>,
}

impl Transform for MaskField {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        let data = self.part.in_record(&mut record);
        let Some(schema) = data.schema.clone() else {
            let mut map = take_map(data, PURPOSE)?;
            for field in &self.fields {
                let masked = self.mask.of(None, entry(&map, field))?;
                put(&mut map, field, masked);
            }
            data.value = Value::Map(map);
            return Ok(Some(record));
        };
        let mut values = take_struct(data, PURPOSE)?;
        if self.replace_null {
            fill(&schema, &mut values);
        }
        let fields = &self.fields;
        let Ok(places) = self.places.get(&schema, |schema| {
            let found = fields.iter().filter_map(|field| schema.field(field).map(|(place, _)| place));
            Ok::<_, std::convert::Infallible>(found.collect())
        });
        for &place in places {
            if let (Some(value), Some(field)) = (values.get_mut(place), schema.fields().get(place)) {
                *value = self.mask.of(Some(&field.schema), value)?;
            }
        }
        data.value = Value::Struct(values);
        Ok(Some(record))
    }
}

impl Mask {
    fn of(&self, schema: Option<&Schema>, value: &Value) -> Result<Value, Problem> {
        let name = schema.and_then(|schema| schema.name.as_deref());
        let Some(replacement) = &self.replacement else {
            return Ok(match (value, name) {
                (Value::Null, _) => Value::Null,
                (Value::Boolean(_), _) => Value::Boolean(false),
                (Value::Int8(_), _) => Value::Int8(0),
                (Value::Int16(_), _) => Value::Int16(0),
                (Value::Int32(_), _) => Value::Int32(0),
                (Value::Int64(_), _) => Value::Int64(0),
                (Value::Float32(_), _) => Value::Float32(0.0),
                (Value::Float64(_), _) => Value::Float64(0.0),
                (Value::Text(_), _) => Value::Text(String::new()),
                // Zero at the field's own scale; Kafka has it at the scale 0, which its converters then refuse.
                (Value::Bytes(_), Some(DECIMAL)) => Value::Bytes(vec![0].into()),
                (Value::Array(_), _) => Value::Array(Vec::new()),
                (Value::Map(_), _) => Value::Map(Vec::new()),
                (Value::Bytes(_) | Value::Struct(_), _) => {
                    let class = class_name(schema, value);
                    return Err(failed(
                        format!("Cannot mask value of type: class {class}"),
                        "Leave the field out with org.apache.kafka.connect.transforms.ReplaceField instead.",
                    ));
                }
            });
        };
        let number = || {
            self.number.as_ref().ok_or_else(|| {
                failed(
                    format!("Unable to convert {replacement} (class java.lang.String) to a number"),
                    "Set 'replacement' to a number, or name only fields with text in 'fields'.",
                )
            })
        };
        // Java's narrowing of a long.
        #[allow(clippy::cast_possible_truncation)]
        Ok(match (value, name) {
            (Value::Null, _) => Value::Null,
            (Value::Int32(_), Some(DATE | TIME)) | (Value::Int64(_), Some(TIMESTAMP)) => {
                return Err(no_replacement(schema, value));
            }
            (Value::Int8(_), _) => Value::Int8(number()?.long() as i8),
            (Value::Int16(_), _) => Value::Int16(number()?.long() as i16),
            (Value::Int32(_), _) => Value::Int32(number()?.long() as i32),
            (Value::Int64(_), _) => Value::Int64(number()?.long()),
            (Value::Float32(_), _) => Value::Float32(number()?.double() as f32),
            (Value::Float64(_), _) => Value::Float64(number()?.double()),
            (Value::Text(_), _) => Value::Text(replacement.clone()),
            (Value::Bytes(_), Some(DECIMAL)) => {
                let scale = schema.and_then(|schema| schema.parameter("scale")).and_then(|scale| scale.parse().ok());
                let bytes = decimal_bytes(number()?.text(), scale.unwrap_or(0));
                Value::Bytes(
                    bytes
                        .map_err(|reason| {
                            failed(
                                format!("The replacement does not fit a Decimal field: {reason}"),
                                "Set 'replacement' to a number with fewer digits.",
                            )
                        })?
                        .into(),
                )
            }
            _ => return Err(no_replacement(schema, value)),
        })
    }
}

fn no_replacement(schema: Option<&Schema>, value: &Value) -> Problem {
    failed(
        format!("Cannot mask value of type class {} with custom replacement.", class_name(schema, value)),
        "Mask this field with a transform of its own, without 'replacement'.",
    )
}

fn configure(class: &str, config: &Config) -> Configured {
    let (config, mut problems) = checked(config, PROPERTIES);
    let fields = list(&config, "fields", &mut problems);
    let replacement = config.get("replacement").map(str::to_owned);
    if replacement.as_deref() == Some("") {
        problems.push(invalid(
            "replacement",
            "String must be non-empty",
            "Remove 'replacement': texts become empty without it.",
        ));
    }
    let number = replacement.as_deref().and_then(|text| Number::parse(text.trim()));
    let transform = MaskField {
        part: Part::of(class),
        fields,
        mask: Mask { replacement, number },
        replace_null: config.flag("replace.null.with.default"),
        places: SchemaCache::default(),
    };
    finish(Some(transform), problems)
}
