//! What must hold for any bytes in any column.

use crate::support::{collect, column, event, id, plan, table};
use proptest::prelude::*;
use tailwater_event::debezium::{
    BinaryMode, DecimalMode, EncodeOptions, HStoreMode, IntervalMode, JsonDecimal, Reader, TimeMode,
};
use tailwater_event::{Cell, ColumnType};

fn scalar() -> impl Strategy<Value = ColumnType> {
    prop_oneof![
        Just(ColumnType::Bool),
        Just(ColumnType::Int2),
        Just(ColumnType::Int4),
        Just(ColumnType::Int8),
        Just(ColumnType::Oid),
        Just(ColumnType::Float4),
        Just(ColumnType::Float8),
        Just(ColumnType::Numeric(None)),
        (1u16..1000, -10i16..1000).prop_map(|(p, s)| ColumnType::Numeric(Some((p, s)))),
        Just(ColumnType::Money),
        Just(ColumnType::Text),
        Just(ColumnType::Bytea),
        (1u32..100).prop_map(ColumnType::Bit),
        proptest::option::of(1u32..100).prop_map(ColumnType::VarBit),
        Just(ColumnType::Date),
        any::<u8>().prop_map(ColumnType::Time),
        any::<u8>().prop_map(ColumnType::TimeTz),
        any::<u8>().prop_map(ColumnType::Timestamp),
        any::<u8>().prop_map(ColumnType::TimestampTz),
        Just(ColumnType::Interval),
        Just(ColumnType::Json),
        Just(ColumnType::Xml),
        Just(ColumnType::Uuid),
        Just(ColumnType::Point),
        Just(ColumnType::Geometry),
        Just(ColumnType::Geography),
        Just(ColumnType::TsVector),
        Just(ColumnType::Ltree),
        Just(ColumnType::HStore),
        Just(ColumnType::Enum(vec!["a".into(), "b\"".into()])),
        Just(ColumnType::Unknown),
    ]
}

fn any_type() -> impl Strategy<Value = ColumnType> {
    (scalar(), any::<bool>()).prop_map(|(ty, array)| if array { ColumnType::Array(Box::new(ty)) } else { ty })
}

fn any_options() -> impl Strategy<Value = EncodeOptions> {
    let modes = (0..3usize, 0..6usize, 0..4usize, any::<[bool; 6]>());
    modes.prop_map(|(decimal, time, binary, [strict, schemas, numeric, text, map, unknown])| EncodeOptions {
        decimal: [DecimalMode::Precise, DecimalMode::String, DecimalMode::Double][decimal],
        time: [
            TimeMode::Adaptive,
            TimeMode::AdaptiveTimeMicroseconds,
            TimeMode::Connect,
            TimeMode::IsoString,
            TimeMode::Microseconds,
            TimeMode::Nanoseconds,
        ][time],
        binary: [BinaryMode::Bytes, BinaryMode::Base64, BinaryMode::Base64UrlSafe, BinaryMode::Hex][binary],
        json_decimal: if numeric { JsonDecimal::Numeric } else { JsonDecimal::Base64 },
        interval: if text { IntervalMode::String } else { IntervalMode::Numeric },
        hstore: if map { HStoreMode::Map } else { HStoreMode::Json },
        include_unknown: unknown,
        value_schemas: schemas,
        strict,
        ..EncodeOptions::default()
    })
}

/// Bytes that get past the first check of one parser or another, and bytes that do not.
fn any_cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[-+0-9.,:eE]{0,30}".prop_map(String::into_bytes),
        r#"[{}\[\]"\\,a1N =:-]{0,30}"#.prop_map(String::into_bytes),
        r#"(\{|\()[-0-9.,"a{}]{0,20}(\}|\))"#.prop_map(String::into_bytes),
        r#"("[a"\\]{0,4}"=>("[a\\]{0,3}"|NULL)(, )?){0,3}"#.prop_map(String::into_bytes),
        r"\\x([0-9a-f]{2}){0,8}".prop_map(String::into_bytes),
        "[0-9]{4,6}-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?)?)?( BC)?"
            .prop_map(String::into_bytes),
        "-?[0-9]{1,9} (years|mons|days)( -?[0-9]{1,9} days)?( [-+]?[0-9]{2,9}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?)?"
            .prop_map(String::into_bytes),
        "(00|01)[0-9a-f]{0,60}".prop_map(String::into_bytes),
        "-?[0-9]{1,400}(\\.[0-9]{1,40})?".prop_map(String::into_bytes),
        "(-?\\$[0-9,]{1,20}\\.[0-9]{2}|NaN|-?Infinity|-?infinity|t|f)".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// Any cell is refused or becomes JSON, and what became JSON is read back or refused; nothing panics.
    #[test]
    fn any_bytes_become_json_or_an_error(ty in any_type(), options in any_options(), cell in any_cell()) {
        let schema = table("t", vec![id(), column("c", ty, "c")]);
        let mut plan = plan(&schema, options);
        let reader = Reader::new(&plan.descriptor()).unwrap();
        let row = [Cell::Text(b"1"), Cell::Text(&cell)];
        let mut refused = false;
        let records = collect(&mut plan, |plan, w| refused = plan.insert(&event(), &row, w).is_err());
        prop_assert_eq!(records.len(), usize::from(!refused));
        for record in &records {
            // Grammar only: a decimal as a JSON number may be beyond any double.
            serde_json::from_slice::<serde::de::IgnoredAny>(record.value.as_deref().unwrap()).unwrap();
            let _ = reader.decode(record.value.as_deref());
        }
    }

    /// Text columns return byte for byte.
    #[test]
    fn any_text_returns(text in any::<String>()) {
        let schema = table("t", vec![id(), column("c", ColumnType::Text, "text")]);
        let mut plan = plan(&schema, EncodeOptions::default());
        let reader = Reader::new(&plan.descriptor()).unwrap();
        let records = collect(&mut plan, |plan, w| {
            plan.insert(&event(), &[Cell::Text(b"1"), Cell::Text(text.as_bytes())], w).unwrap();
        });
        let decoded = reader.decode(records[0].value.as_deref()).unwrap().unwrap();
        prop_assert_eq!(&decoded.after.unwrap()[1], &tailwater_event::debezium::Field::Text(text));
    }

    /// Numerics of any size return digit for digit.
    #[test]
    fn any_numeric_returns(whole in "(0|[1-9][0-9]{0,60})", fraction in "[0-9]{4}", negative in any::<bool>()) {
        let zero = whole == "0" && fraction == "0000";
        let text = format!("{}{whole}.{fraction}", if negative && !zero { "-" } else { "" });
        let schema = table("t", vec![id(), column("c", ColumnType::Numeric(Some((100, 4))), "numeric")]);
        let mut plan = plan(&schema, EncodeOptions::default());
        let reader = Reader::new(&plan.descriptor()).unwrap();
        let records = collect(&mut plan, |plan, w| {
            plan.insert(&event(), &[Cell::Text(b"1"), Cell::Text(text.as_bytes())], w).unwrap();
        });
        let decoded = reader.decode(records[0].value.as_deref()).unwrap().unwrap();
        prop_assert_eq!(&decoded.after.unwrap()[1], &tailwater_event::debezium::Field::Text(text));
    }

    /// Any bytes are a record or an error to the reader.
    #[test]
    fn a_reader_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let schema = table("t", vec![id(), column("c", ColumnType::HStore, "hstore")]);
        let options = EncodeOptions { value_schemas: false, ..EncodeOptions::default() };
        let reader = Reader::new(&plan(&schema, options).descriptor()).unwrap();
        let _ = reader.decode(Some(&bytes));
        let _ = Reader::new(&bytes);
    }
}
