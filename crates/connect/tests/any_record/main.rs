//! Every transform with random options over random records, some of which do not fit their schema: each gives a record, drops it
//! or refuses it, and what it gives can be written or is refused by the converter. Nothing panics, also where numbers are at the
//! ends of their types (the tests' profile checks overflows).

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use tailwater_connect::transform::{TransformClass, classes};
use tailwater_connector::Config;
use tailwater_connector::property::Form;
use tailwater_event::connect::json::{JsonOptions, JsonWriter};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Field, Kind, Schema, Typed, Value};

/// Records that each configuration sees.
const RECORDS: usize = 24;
/// Configurations per class that are accepted.
const CONFIGURATIONS: usize = 30;

const NAMES: &[&str] =
    &["id", "a", "b", "before", "after", "source", "op", "ts_ms", "transaction", "payload", "x.y", "", "ä", "message"];
const SCHEMAS: &[&str] = &[
    "org.apache.kafka.connect.data.Decimal",
    "org.apache.kafka.connect.data.Date",
    "org.apache.kafka.connect.data.Time",
    "org.apache.kafka.connect.data.Timestamp",
    "io.debezium.time.Timestamp",
    "io.debezium.time.MicroTimestamp",
    "io.debezium.time.NanoTimestamp",
    "io.debezium.time.Date",
    "io.debezium.time.ZonedTimestamp",
    "io.debezium.time.ZonedTime",
    "io.debezium.data.Json",
    "io.debezium.data.FloatVector",
    "io.debezium.data.SparseDoubleVector",
    "io.debezium.data.geometry.Geometry",
    "io.debezium.data.geometry.Point",
    "io.debezium.data.VariableScaleDecimal",
    "io.debezium.connector.postgresql.Source",
    "io.debezium.connector.postgresql.MessageValue",
    "srv.public.t.Value",
    "srv.public.t.Envelope",
];
const TEXTS: &[&str] = &[
    "",
    "u",
    "c",
    "d",
    "12",
    "-1.5e3",
    "NaN",
    "true",
    "2020-02-30T25:61:61Z",
    "2020-01-31T10:11:12.123456Z",
    "-infinity",
    "{\"a\":[1,{\"b\":null}]}",
    "[1,2]",
    "\u{0}",
    "😀ß",
    "srv.public.t",
    "9999999999999999999999999999999999999999",
    "10:00:00Z",
    "+262143-12-31T23:59:59Z",
];
const OPTIONS: &[&str] = &[
    "a",
    "id",
    "a,b",
    "after.a",
    "op:o,source.ts_ms",
    "a:b,b:a",
    "a:int32,b:string,id:float64",
    "string",
    "int8",
    "boolean",
    "(.*)",
    "$1",
    "${x}",
    "srv.(?<x>.*)",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyyMMdd",
    "value.after.a == 'u'",
    "value.op + key.id",
    "valueSchema.field('op') != null",
    "value?.a > 1.5",
    "value.before?.b ?: topic",
    "!(value.a in [1, 2L, 3.0])",
    "change.a,id",
    "7",
    "a:header,b:envelope:c,id:partition",
    "2",
    "UTC",
    "America/New_York",
    "+05:30",
    "source:t:a",
    "topic:srv.public.t",
    "_",
    ".",
    "a!",
    "b?",
    "12:00",
    "[1,2]",
    "h",
    "h,g",
    "${topic}-${timestamp}",
    "before",
    "-3.25",
    "1970-01-02",
    "X",
    "4326",
];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> i64 {
        match self.below(8) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => i64::from(i32::MIN),
            3 => i64::from(i32::MAX),
            4 => -1,
            5 => 1_577_872_800_000_001,
            _ => self.below(300) as i64,
        }
    }

    fn float(&mut self) -> f64 {
        [f64::NAN, f64::INFINITY, f64::MIN, f64::MIN_POSITIVE, -0.0, 1e20, 0.1, 7.0][self.below(8)]
    }

    fn schema(&mut self, depth: usize) -> Schema {
        let kind = match self.below(if depth == 0 { 9 } else { 14 }) {
            0 => Kind::Int8,
            1 => Kind::Int16,
            2 => Kind::Int32,
            3 => Kind::Int64,
            4 => Kind::Float32,
            5 => Kind::Float64,
            6 => Kind::Boolean,
            7 => Kind::Text,
            8 => Kind::Bytes,
            9 => Kind::Array(self.schema(depth - 1).into()),
            10 => Kind::Map(Schema::new(Kind::Text).into(), self.schema(depth - 1).into()),
            _ => self.structure(depth),
        };
        let mut schema = Schema::new(kind);
        schema.optional = self.one_in(2);
        if self.one_in(3) {
            schema.name = Some(self.pick(SCHEMAS).into());
        }
        if self.one_in(3) {
            schema.parameters =
                vec![("scale".into(), self.pick(&["0", "2", "-3", "x", "2147483647", "-2147483648"]).into())];
        }
        if self.one_in(6) {
            schema.default = Some(self.fitting(&schema));
        }
        schema
    }

    fn structure(&mut self, depth: usize) -> Kind {
        let mut names = NAMES.to_vec();
        let count = self.below(6);
        let fields = (0..count).map(|_| {
            let name = names.remove(self.below(names.len()));
            Field::new(name, self.schema(depth - 1))
        });
        Kind::Struct(fields.collect())
    }

    /// A change event of a table of random columns.
    fn envelope(&mut self) -> Schema {
        let row = Arc::new(Schema {
            kind: self.structure(3),
            ..Schema::new(Kind::Int8).named("srv.public.t.Value").optional()
        });
        let source = Schema::new(Kind::Struct(vec![
            Field::new("table", Schema::new(Kind::Text)),
            Field::new("ts_ms", Schema::new(Kind::Int64)),
        ]));
        let mut fields = vec![
            Field::new("before", Arc::clone(&row)),
            Field::new("after", row),
            Field::new("source", source.named("io.debezium.connector.postgresql.Source")),
            Field::new("op", Schema::new(Kind::Text)),
            Field::new("ts_ms", Schema::new(Kind::Int64).optional()),
        ];
        if self.one_in(8) {
            fields.remove(self.below(5));
        }
        Schema::new(Kind::Struct(fields)).named("srv.public.t.Envelope")
    }

    /// A value of a schema; of another one, rarely.
    fn value(&mut self, schema: &Schema) -> Value {
        if self.one_in(25) {
            let other = self.schema(2);
            return self.fitting(&other);
        }
        self.fitting(schema)
    }

    fn fitting(&mut self, schema: &Schema) -> Value {
        if self.one_in(6) {
            return Value::Null;
        }
        match &schema.kind {
            Kind::Int8 => Value::Int8(self.number() as i8),
            Kind::Int16 => Value::Int16(self.number() as i16),
            Kind::Int32 => Value::Int32(self.number() as i32),
            Kind::Int64 => Value::Int64(self.number()),
            Kind::Float32 => Value::Float32(self.float() as f32),
            Kind::Float64 => Value::Float64(self.float()),
            Kind::Boolean => Value::Boolean(self.one_in(2)),
            Kind::Text => Value::Text(self.pick(TEXTS).into()),
            Kind::Bytes => {
                let length = [0, 1, 3, 16, 17, 40][self.below(6)];
                Value::Bytes((0..length).map(|_| self.below(256) as u8).collect::<Vec<u8>>().into())
            }
            Kind::Array(element) => Value::Array((0..self.below(4)).map(|_| self.value(element)).collect()),
            Kind::Map(_, of) => {
                let mut names = NAMES.to_vec();
                let count = self.below(3);
                let entry = |_| (Value::Text(names.remove(self.below(names.len())).to_owned()), self.value(of));
                Value::Map((0..count).map(entry).collect())
            }
            Kind::Struct(fields) => {
                let mut values: Vec<Value> = fields.iter().map(|field| self.value(&field.schema)).collect();
                if self.one_in(30) {
                    values.pop();
                }
                Value::Struct(values)
            }
        }
    }

    fn typed(&mut self) -> Typed {
        if self.one_in(10) {
            return Typed::NULL;
        }
        let schema = Arc::new(if self.one_in(2) { self.envelope() } else { self.schema(4) });
        let value = self.value(&schema);
        // Without a schema structs are maps.
        let schema = Some(schema).filter(|_| !self.one_in(6) || matches!(value, Value::Struct(_)));
        Typed { schema, value }
    }

    fn record(&mut self) -> ConnectRecord {
        let headers =
            (0..self.below(3)).map(|_| ConnectHeader { name: self.pick(&["h", "g", "a"]).into(), value: self.typed() });
        ConnectRecord {
            headers: headers.collect(),
            topic: self.pick(&["srv.public.t", "", "__debezium-heartbeat.srv", "ä\n"]).into(),
            partition: Some(self.number() as i32).filter(|_| self.one_in(2)),
            offset: Some(self.number()).filter(|_| self.one_in(2)),
            timestamp_ms: Some(self.number()).filter(|_| !self.one_in(4)),
            key: self.typed(),
            value: self.typed(),
        }
    }

    fn options(&mut self, class: &TransformClass) -> Config {
        let mut options = Config::default();
        for property in class.properties.iter().filter(|property| property.name != "*") {
            if !property.required && !self.one_in(3) {
                continue;
            }
            let value = match property.form {
                Form::OneOf(words) => self.pick(words).to_owned(),
                Form::Bool => self.pick(&["true", "false"]).to_owned(),
                _ => self.pick(OPTIONS).to_owned(),
            };
            options.set(property.name, &value);
        }
        if class.repeats_mistakes && self.one_in(2) {
            options.set(tailwater_connect::transform::STRICT, "strict");
        }
        options
    }
}

#[test]
fn nothing_makes_a_transform_panic() {
    let mut random = Random(20_261_121);
    let mut outcomes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for class in classes() {
        for name in class.names {
            let mut accepted = 0;
            for _ in 0..2_000 {
                let Ok((mut transform, _)) = (class.configure)(name, &random.options(class)) else { continue };
                accepted += 1;
                for _ in 0..RECORDS {
                    let record = random.record();
                    // Twice: what was kept of the first one fits the second.
                    for record in [record.clone(), record] {
                        let outcome = transform.apply(record);
                        outcomes.entry(name).or_default()[match &outcome {
                            Ok(Some(_)) => 0,
                            Ok(None) => 1,
                            Err(_) => 2,
                        }] += 1;
                        match outcome {
                            Ok(Some(after)) => written(&after),
                            Ok(None) => {}
                            Err(problem) => {
                                assert!(!problem.cause.is_empty() && !problem.remedy.is_empty(), "{problem:?}")
                            }
                        }
                    }
                }
                if accepted == CONFIGURATIONS {
                    break;
                }
            }
            assert!(accepted >= 3 || class.properties.iter().any(|p| p.name == "*"), "{name}: {accepted}");
        }
    }
    let passed: usize = outcomes.values().map(|counts| counts[0]).sum();
    let refused: usize = outcomes.values().map(|counts| counts[2]).sum();
    assert!(passed > 10_000 && refused > 2_000, "{outcomes:#?}");
}

fn written(record: &ConnectRecord) {
    let mut writer = JsonWriter::new(JsonOptions::default());
    let headers = record.headers.iter().map(|header| &header.value);
    for typed in [&record.key, &record.value].into_iter().chain(headers) {
        let _ = writer.write(typed, &mut Vec::new());
    }
}
