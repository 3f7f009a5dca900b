//! Values in and out of zones.

use tailwater_event::connect::{Field, Kind, Typed};

use super::super::sample::{Table, built, configured, named};
use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A change of a row with one field of each kind of time.
fn record() -> ConnectRecord {
    let column = |name: &str, kind: Kind, logical: &str| Field::new(name, Schema::new(kind).optional().named(logical));
    let row = Schema::new(Kind::Struct(vec![
        column("tz", Kind::Text, "io.debezium.time.ZonedTimestamp"),
        column("us", Kind::Int64, "io.debezium.time.MicroTimestamp"),
        column("ms", Kind::Int64, "io.debezium.time.Timestamp"),
        column("t", Kind::Text, "io.debezium.time.ZonedTime"),
        column("d", Kind::Int32, "io.debezium.time.Date"),
    ]));
    let source = Schema::new(Kind::Struct(vec![
        Field::new("ts_ms", Schema::new(Kind::Int64)),
        Field::new("table", Schema::new(Kind::Text)),
    ]));
    let envelope = vec![Field::new("after", row), Field::new("source", source)];
    let values = vec![
        text("2020-01-01T00:00:00.120000Z"),
        Value::Int64(1_577_836_800_000_001),
        Value::Int64(1_577_836_800_000),
        text("10:00:00Z"),
        Value::Int32(18_262),
    ];
    let source = Value::Struct(vec![Value::Int64(1_000), text("t")]);
    let schema = Schema::new(Kind::Struct(envelope)).named("srv.public.t.Envelope");
    let value = Typed::new(schema, Value::Struct(vec![Value::Struct(values), source]));
    ConnectRecord { value, ..Table::new().tombstone(1) }
}

fn converted(options: &[(&str, &str)], record: ConnectRecord) -> Vec<Value> {
    let record = built(&CLASS, options).apply(record).unwrap().unwrap();
    let row = record.value.field("after").unwrap().1.as_struct().unwrap().to_vec();
    let ts_ms = record.value.field("source").unwrap().1.as_struct().unwrap()[0].clone();
    row.into_iter().chain([ts_ms]).collect()
}

#[test]
fn zoned_times_keep_their_moment_and_zoneless_ones_are_taken_for_the_zones() {
    let tokyo = [
        text("2020-01-01T09:00:00.12+09:00"),
        Value::Int64(1_577_804_400_000_001),
        Value::Int64(1_577_804_400_000),
        text("19:00:00+09:00"),
        Value::Int32(18_262),
        Value::Int64(1_000),
    ];
    assert_eq!(converted(&[(ZONE, "Asia/Tokyo")], record()), tokyo);
    assert_eq!(converted(&[(ZONE, "+09:00")], record()), tokyo);
    let west = converted(&[(ZONE, "-09:30:15")], record());
    assert_eq!((&west[0], &west[3]), (&text("2019-12-31T14:29:45.12-09:30:15"), &text("00:29:45-09:30:15")));
    assert_eq!(converted(&[(ZONE, "UTC")], record())[0], text("2020-01-01T00:00:00.12Z"));
}

#[test]
fn summer_time_is_that_of_the_value() {
    let mut converter = built(&CLASS, &[(ZONE, "Europe/Berlin")]);
    for (moment, expected) in [("2020-07-01T00:00:00Z", "2020-07-01T02:00:00+02:00"), ("infinity", "infinity")] {
        let mut record = record();
        if let Value::Struct(envelope) = &mut record.value.value
            && let Value::Struct(row) = &mut envelope[0]
        {
            row[0] = text(moment);
            // A time that the change to summer time leaves out, and one beyond all dates.
            row[1] = Value::Int64(1_585_449_000_000_000);
            row[2] = Value::Int64(i64::MAX);
        }
        let record = converter.apply(record).unwrap().unwrap();
        let row = named(&record.value)[0].1.as_struct().unwrap();
        assert_eq!(row[..3], [text(expected), Value::Int64(1_585_445_400_000_000), Value::Int64(i64::MAX)]);
    }
}

#[test]
fn lists_say_what_is_converted() {
    let untouched = converted(&[(ZONE, "+09:00"), (INCLUDE, "source:other")], record());
    assert_eq!(untouched[0], text("2020-01-01T00:00:00.120000Z"));
    let some = converted(&[(ZONE, "+09:00"), (INCLUDE, "source:t:after.tz,t:source.ts_ms")], record());
    assert_eq!((&some[0], &some[2]), (&text("2020-01-01T09:00:00.12+09:00"), &Value::Int64(1_577_836_800_000)));
    assert_eq!(some[5], Value::Int64(1_000 + 9 * 3_600_000));
}

#[test]
fn what_is_no_zone_or_no_rule_is_refused() {
    for options in
        [[(ZONE, "Mars/Olympus"), (INCLUDE, "")], [(ZONE, "+9:00"), (INCLUDE, "")], [(ZONE, "+09:00"), (INCLUDE, "t")]]
    {
        assert_eq!(configured(&CLASS, &options).err().unwrap()[0].code, "PROPERTY_INVALID", "{options:?}");
    }
    let both = [(ZONE, "UTC"), (INCLUDE, "a:b"), (EXCLUDE, "a:b")];
    assert_eq!(configured(&CLASS, &both).err().unwrap().len(), 1);
}
