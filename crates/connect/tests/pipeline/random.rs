//! Random records through random chains and every converter: nothing is lost, and what is read is what was written.

use std::collections::BTreeSet;

use tailwater_connector::{Config, Record};
use tailwater_event::connect::json::{JsonOptions, JsonWriter};
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Field, Kind, Schema, Typed, Value};

use crate::log::logged;
use crate::memory::Memory;
use crate::sink::deliver;
use crate::source::{around, write};

/// Numbers by SplitMix64: the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn in_ten(&mut self, times: u64) -> bool {
        self.below(10) < times
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 8] = ["a", "7", "\"", "\\", " ", "ü漢", "\n", "{}"];
        (0..self.below(6)).map(|_| PARTS[self.below(8) as usize]).collect()
    }

    fn schema(&mut self, depth: u64) -> Schema {
        let kind = match self.below(if depth == 0 { 9 } else { 12 }) {
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
            _ => return self.fields(depth - 1),
        };
        Schema { optional: self.in_ten(3), ..Schema::new(kind) }
    }

    fn fields(&mut self, depth: u64) -> Schema {
        let field = |at: u64, random: &mut Random| Field::new(format!("f{at}"), random.schema(depth));
        let fields = (0..self.below(5)).map(|at| field(at, self)).collect();
        Schema {
            optional: self.in_ten(2),
            name: self.in_ten(5).then(|| "row".into()),
            ..Schema::new(Kind::Struct(fields))
        }
    }

    fn value(&mut self, schema: &Schema) -> Value {
        if schema.optional && self.in_ten(2) {
            return Value::Null;
        }
        let number = self.next();
        match &schema.kind {
            Kind::Int8 => Value::Int8(number as i8),
            Kind::Int16 => Value::Int16(number as i16),
            Kind::Int32 => Value::Int32(number as i32),
            Kind::Int64 => Value::Int64(number as i64),
            Kind::Float32 => Value::Float32((number % 100_000) as f32 / 8.0),
            Kind::Float64 => Value::Float64((number >> 12) as f64 / 1024.0),
            Kind::Boolean => Value::Boolean(number.is_multiple_of(2)),
            Kind::Text => Value::Text(self.text()),
            Kind::Bytes => Value::Bytes(self.text().into_bytes().into()),
            Kind::Array(items) => Value::Array((0..number % 4).map(|_| self.value(items)).collect()),
            Kind::Map(_, values) => {
                let entry = |at: u64, random: &mut Random| (Value::Text(format!("k{at}")), random.value(values));
                Value::Map((0..number % 4).map(|at| entry(at, self)).collect())
            }
            Kind::Struct(fields) => Value::Struct(fields.iter().map(|field| self.value(&field.schema)).collect()),
        }
    }

    fn typed(&mut self, schema: Schema) -> Typed {
        let value = self.value(&schema);
        Typed::new(schema, value)
    }

    /// The records' timestamps are their numbers.
    fn records(&mut self, count: i64, values: impl Fn(&mut Random) -> Typed) -> Vec<ConnectRecord> {
        let record = |number: i64, random: &mut Random| {
            let mut headers = Vec::new();
            for name in ["drop", "h", "h"] {
                if random.in_ten(2) {
                    let schema = random.schema(1);
                    let value = if random.in_ten(2) { Typed::NULL } else { random.typed(schema) };
                    headers.push(ConnectHeader { name: name.into(), value });
                }
            }
            ConnectRecord {
                topic: format!("srv.t{}", random.below(3)).into(),
                partition: None,
                offset: None,
                timestamp_ms: Some(number),
                key: if random.in_ten(1) { Typed::NULL } else { random.typed(Schema::new(Kind::Int32)) },
                value: if random.in_ten(1) { Typed::NULL } else { values(random) },
                headers,
            }
        };
        (0..count).map(|number| record(number, self)).collect()
    }
}

const STEPS: &[&[(&str, &str)]] = &[
    &[("type", "RegexRouter"), ("regex", "srv[.](.*)"), ("replacement", "$1")],
    &[("type", "InsertHeader"), ("header", "i"), ("value.literal", "[1,2]")],
    &[("type", "HoistField$Value"), ("field", "f0")],
    &[("type", "InsertField$Value"), ("static.field", "f9"), ("static.value", "x")],
    &[("type", "Cast$Value"), ("spec", "f0:string")],
    &[("type", "ReplaceField$Value"), ("exclude", "f1")],
    &[("type", "ReplaceField$Value"), ("renames", "f0:f2")],
    &[("type", "ExtractField$Value"), ("field", "f0")],
    &[("type", "MaskField$Value"), ("fields", "f0")],
    &[("type", "Flatten$Value"), ("delimiter", "_")],
    &[("type", "ValueToKey"), ("fields", "f0")],
    &[("type", "HeaderFrom$Value"), ("fields", "f0"), ("headers", "g"), ("operation", "copy")],
    &[("type", "DropHeaders"), ("headers", "h")],
];

/// A configuration with these steps, filter first.
fn chain(random: &mut Random) -> Config {
    let mut config = Config::default();
    let mut set = |name: &str, value: &str| config.set(name, value);
    let mut names = vec!["filter".to_owned()];
    set("transforms.filter.type", "org.apache.kafka.connect.transforms.Filter");
    set("transforms.filter.predicate", "p");
    set("predicates", "p");
    set("predicates.p.type", "HasHeaderKey");
    set("predicates.p.name", "drop");
    for at in 0..random.below(4) {
        let name = format!("s{at}");
        for (option, value) in STEPS[random.below(STEPS.len() as u64) as usize] {
            set(&format!("transforms.{name}.{option}"), value);
        }
        names.push(name);
    }
    set("transforms", &names.join(","));
    for side in ["key", "value"] {
        let classes = ["JsonConverter", "JsonConverter", "StringConverter"];
        set(&format!("{side}.converter"), classes[random.below(3) as usize]);
    }
    for (name, value) in [("name", "c"), ("errors.tolerance", "all"), ("errors.log.enable", "true")] {
        set(name, value);
    }
    config
}

#[test]
fn of_records_through_any_chain_none_is_lost_and_none_comes_twice() {
    let mut random = Random(1);
    let (mut written, mut left_out, mut dropped) = (0, 0, 0);
    for _ in 0..150 {
        let config = chain(&mut random);
        let records = random.records(40, |random| {
            let schema = if random.in_ten(8) { random.fields(2) } else { random.schema(1) };
            random.typed(schema)
        });
        let memory = Memory::default();
        let (outcome, log) = logged(|| write(&memory, &config, &records));
        outcome.unwrap();
        let arrived = memory.with(|state| std::mem::take(&mut state.topics));
        let mut numbers = BTreeSet::new();
        for (topic, records) in &arrived {
            assert!(records.is_sorted_by_key(|record| record.timestamp_ms), "{topic}: {config:?}");
            numbers.extend(records.iter().map(|record| record.timestamp_ms));
        }
        let count: usize = arrived.values().map(Vec::len).sum();
        assert_eq!(numbers.len(), count, "a record came twice: {config:?}");
        let to_drop: BTreeSet<i64> = records
            .iter()
            .filter(|record| record.headers.iter().any(|header| &*header.name == "drop"))
            .filter_map(|record| record.timestamp_ms)
            .collect();
        assert!(numbers.is_disjoint(&to_drop), "{config:?}");
        let tolerated = log.iter().filter(|line| line.contains("record left out")).count();
        assert_eq!(count + tolerated + to_drop.len(), records.len(), "{config:?}\n{log:?}");
        (written, left_out, dropped) = (written + count, left_out + tolerated, dropped + to_drop.len());
    }
    assert!(written > 1000 && left_out > 500 && dropped > 500, "{written} {left_out} {dropped}");
}

/// JSON as sinks get it.
fn plain(typed: &Typed) -> Option<String> {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(JsonOptions { schemas: false, ..JsonOptions::default() });
    writer.write(typed, &mut out).unwrap().then(|| String::from_utf8(out).unwrap())
}

fn text(bytes: Option<&bytes::Bytes>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// A header that every record gets, so that records are taken apart on both sides.
const TOUCH: [(&str, &str); 4] = [
    ("transforms", "touch"),
    ("transforms.touch.type", "InsertHeader"),
    ("transforms.touch.header", "touched"),
    ("transforms.touch.value.literal", "1"),
];

#[test]
fn what_a_converter_wrote_it_reads() {
    let mut random = Random(2);
    let of = |kind: Kind| move |random: &mut Random| random.typed(Schema::new(kind.clone()));
    let any = |random: &mut Random| {
        let schema = random.schema(3);
        random.typed(schema)
    };
    type Values = Box<dyn Fn(&mut Random) -> Typed>;
    let cases: Vec<(&str, Values)> = vec![
        ("JsonConverter", Box::new(any)),
        ("StringConverter", Box::new(of(Kind::Text))),
        ("ByteArrayConverter", Box::new(of(Kind::Bytes))),
        ("ShortConverter", Box::new(of(Kind::Int16))),
        ("IntegerConverter", Box::new(of(Kind::Int32))),
        ("LongConverter", Box::new(of(Kind::Int64))),
        ("FloatConverter", Box::new(of(Kind::Float32))),
        ("DoubleConverter", Box::new(of(Kind::Float64))),
        ("BooleanConverter", Box::new(of(Kind::Boolean))),
    ];
    for (class, values) in cases {
        let own = [("value.converter", class), ("header.converter", "JsonConverter"), ("name", "c"), ("topics", "t")];
        let config: Config =
            TOUCH.iter().chain(&own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for _ in 0..20 {
            let mut records = random.records(20, &values);
            records.iter_mut().for_each(|record| record.topic = "t".into());
            let memory = Memory::default();
            write(&memory, &config, &records).unwrap();
            let (seen, outcome) = deliver(&memory, "t", &config).unwrap();
            outcome.unwrap();
            assert_eq!(seen.len(), records.len());
            for (seen, record) in seen.iter().zip(&records) {
                compare(class, seen, record);
            }
        }
    }
}

fn compare(class: &str, seen: &Record, record: &ConnectRecord) {
    assert_eq!(text(seen.key.as_ref()), plain(&record.key), "{class}");
    // JSON has a word for null, other converters have no bytes.
    let null = |text: Option<String>| text.filter(|text| text != "null");
    assert_eq!(null(text(seen.value.as_ref())), null(plain(&record.value)), "{class}: {:?}", record.value);
    let headers = seen.headers.iter().filter(|header| header.name != "touched");
    let headers: Vec<_> = headers.map(|header| (header.name.clone(), text(header.value.as_ref()))).collect();
    let written = record.headers.iter().map(|header| (header.name.to_string(), plain(&header.value)));
    assert_eq!(headers, written.collect::<Vec<_>>(), "{class}");
}

#[test]
fn a_source_has_a_bounded_number_of_topics_and_records_may_go_to_any() {
    let config: Config =
        [("name", "c"), ("transforms", "r"), ("transforms.r.type", "HoistField$Value"), ("transforms.r.field", "f")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
    let memory = Memory::default();
    let mut writer = around(&memory, &config);
    let bound = tailwater_connect::limits::SOURCE_TOPICS;
    (0..bound).for_each(|n| assert_eq!(writer.topic(&n.to_string()).unwrap().0 as usize, n));
    assert_eq!(writer.topic("0").unwrap().0, 0);
    assert_eq!(writer.topic("one more").unwrap_err().code, "TOPICS_TOO_MANY");
    // Each record has a topic of its own, more of them than are kept open.
    let count = tailwater_connect::limits::CONVERTED_TOPICS + 100;
    let mut records = Random(3).records(count as i64, |random| random.typed(Schema::new(Kind::Int8)));
    (0..).zip(&mut records).for_each(|(number, record)| record.topic = format!("t{number}").into());
    write(&memory, &config, &records).unwrap();
    let topics = memory.with(|state| std::mem::take(&mut state.topics));
    assert_eq!((topics.len(), topics.values().map(Vec::len).sum::<usize>()), (count, count));
}

#[test]
fn a_row_out_of_its_envelope_is_the_same_whether_the_rest_is_read_or_not() {
    const UNWRAP: [(&str, &str); 6] = [
        ("name", "c"),
        ("transforms", "u"),
        ("transforms.u.type", "io.debezium.transforms.ExtractNewRecordState"),
        ("transforms.u.delete.tombstone.handling.mode", "rewrite"),
        ("transforms.u.add.fields", "op,source.lsn"),
        ("transforms.u.add.headers", "ts_ms,schema"),
    ];
    // A transform with a predicate does not apply to every record, which therefore are read whole.
    const ALWAYS: [(&str, &str); 5] = [
        ("transforms.u.predicate", "none"),
        ("transforms.u.negate", "true"),
        ("predicates", "none"),
        ("predicates.none.type", "TopicNameMatches"),
        ("predicates.none.pattern", "none"),
    ];
    let config = |pairs: &[(&str, &str)]| -> Config {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut random = Random(4);
    for _ in 0..20 {
        let row = Schema { optional: true, ..random.fields(2) };
        let text = |name: &str| Field::new(name, Schema::new(Kind::Text));
        let source = vec![text("schema"), Field::new("lsn", Schema::new(Kind::Int64).optional()), text("table")];
        let envelope = Schema::new(Kind::Struct(vec![
            Field::new("before", row.clone()),
            Field::new("after", row),
            Field::new("source", Schema::new(Kind::Struct(source))),
            text("op"),
            Field::new("ts_ms", Schema::new(Kind::Int64).optional()),
            Field::new("ts_ns", Schema::new(Kind::Int64).optional()),
        ]));
        let envelope = envelope.named("srv.t.Envelope");
        let records = random.records(30, |random| random.typed(envelope.clone()));
        let outcomes = [config(&UNWRAP), config(&[&UNWRAP[..], &ALWAYS].concat())].map(|config| {
            let memory = Memory::default();
            write(&memory, &config, &records).unwrap();
            memory.with(|state| std::mem::take(&mut state.topics))
        });
        assert_eq!(outcomes[0], outcomes[1]);
        assert!(outcomes[0].values().map(Vec::len).sum::<usize>() > 5);
    }
}
