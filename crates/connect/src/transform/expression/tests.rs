//! One-liners that people have in their configurations.

use tailwater_event::connect::{ConnectHeader, Field, Kind, Schema, Typed, Value};

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// An update of `id = 7, name = 'Anna', price = 19.99, tags = ['a','b']` with the header `idh`.
fn record() -> ConnectRecord {
    let price = Schema { parameters: vec![("scale".into(), "2".into())], ..Schema::new(Kind::Bytes) };
    let tags = Kind::Array(Schema::new(Kind::Text).into());
    let row = Schema::new(Kind::Struct(vec![
        Field::new("id", Schema::new(Kind::Int32)),
        Field::new("name", Schema::new(Kind::Text).optional()),
        Field::new("price", price.named("org.apache.kafka.connect.data.Decimal")),
        Field::new("tags", Schema::new(tags)),
    ]))
    .optional();
    let source = Schema::new(Kind::Struct(vec![Field::new("table", Schema::new(Kind::Text))]));
    let envelope = Schema::new(Kind::Struct(vec![
        Field::new("before", row.clone()),
        Field::new("after", row),
        Field::new("source", source),
        Field::new("op", Schema::new(Kind::Text)),
    ]));
    let price = Value::Bytes(vec![0x07, 0xcf].into());
    let after = vec![Value::Int32(7), text("Anna"), price, Value::Array(vec![text("a"), text("b")])];
    let value = vec![Value::Null, Value::Struct(after), Value::Struct(vec![text("x")]), text("u")];
    let key = Schema::new(Kind::Struct(vec![Field::new("id", Schema::new(Kind::Int64))]));
    ConnectRecord {
        topic: "srv.public.x".into(),
        partition: None,
        offset: None,
        timestamp_ms: None,
        key: Typed::new(key, Value::Struct(vec![Value::Int64(7)])),
        value: Typed::new(envelope.named("srv.public.x.Envelope"), Value::Struct(value)),
        headers: vec![ConnectHeader {
            name: "idh".into(),
            value: Typed::new(Schema::new(Kind::Int32), Value::Int32(10)),
        }],
    }
}

fn outcome(expression: &str, dialect: Dialect) -> Result<Outcome, Fault> {
    Expression::compile(expression, dialect, false)?.evaluate(&record())
}

#[test]
fn conditions_in_groovy() {
    for (expression, expected) in [
        ("value.op == 'u' && value.after.id > 5", true),
        ("value.op == 'u' && value.before != null", false),
        ("value.op in ['c','u']", true),
        ("!(value.op in ['c', 'd'])", true),
        ("key.id == 7", true),
        ("value.before?.name == null", true),
        ("value.after.name =~ /^An+/", true),
        ("value.after.name ==~ /An/", false),
        ("value.after.name ==~ 'A.*'", true),
        ("value.after.name.startsWith('An') && value.after.name.endsWith(\"na\")", true),
        ("value.after.name.toUpperCase().contains('NN')", true),
        ("value.after.name.size() + 1 == 5 && value.after.name.length() == 4", true),
        ("value.after.id.toString() == '7'", true),
        ("value.after.id * 2 - 4 == 10 && value.after.id % 2 == 1 && value.after.id / 2 == 3.5", true),
        ("-value.after.id < 0", true),
        ("'t-' + value.after.id + '-' + value.source.table == 't-7-x'", true),
        ("value.after.price == 19.99 && value.after.price > 19", true),
        ("'b' in value.after.tags && value.after.tags[0] == 'a' && value.after.tags.contains('b')", true),
        ("value['after']['id'] == 7 && value.get('op').equals('u')", true),
        ("valueSchema.name == 'srv.public.x.Envelope' && valueSchema.name().endsWith('Envelope')", true),
        ("keySchema.type.toString() == 'STRUCT' && keySchema.name == null", true),
        ("headers.idh.value == 10 && header['idh'].value >= 10 && header.no == null", true),
        ("topic == 'srv.public.x' && topic.matches('srv.*')", true),
        ("value.before ?: value.after.id == 7", true),
        ("value.before ? false : true", true),
        ("null < 1 && !(null > 1) && null == null", true),
        ("'1' == 1", false),
        ("return value.op.equalsIgnoreCase('U');", true),
        ("true || value.before.id == 1", true),
        ("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && !false == true", true),
        ("value.after.name && value.after.id", true),
    ] {
        assert_eq!(outcome(expression, Dialect::Groovy), Ok(Outcome::Boolean(expected)), "{expression}");
    }
}

#[test]
fn topics_in_groovy() {
    for (expression, expected) in [
        ("value.source.table == 'x' ? 'a' : null", Outcome::Text("a".into())),
        ("value.source.table == 'y' ? 'a' : null", Outcome::Null),
        ("value.op == 'd' ? 'd' : value.op == 'u' ? 'u' : 'c'", Outcome::Text("u".into())),
        ("value.before?.name ?: 'none'", Outcome::Text("none".into())),
        ("value.after.id", Outcome::Other("a number")),
    ] {
        assert_eq!(outcome(expression, Dialect::Groovy), Ok(expected), "{expression}");
    }
}

#[test]
fn the_same_in_javascript() {
    for (expression, expected) in [
        ("value.op === 'u' && value.after.id !== 5", Outcome::Boolean(true)),
        ("['c','u'].includes(value.op) && value.after.name.length === 4", Outcome::Boolean(true)),
        ("/^An/.test(value.after.name)", Outcome::Boolean(true)),
        ("value.before?.name ?? 'none'", Outcome::Text("none".into())),
        ("value.before || \"${x}\"", Outcome::Text("${x}".into())),
        ("value.before == undefined", Outcome::Boolean(true)),
    ] {
        assert_eq!(outcome(expression, Dialect::JavaScript), Ok(expected), "{expression}");
    }
}

#[test]
fn everything_else_is_refused_with_its_place() {
    for (expression, at) in [
        ("value.op == 'u' && System.exit(0)", 20),
        ("value.op.execute()", 10),
        ("def x = 1", 7),
        ("value.op == 'u'; true", 18),
        ("value.after.tags.any { it == 'a' }", 22),
        ("value.op = 'u'", 10),
        ("value.op ==", 12),
        ("(value.op", 10),
        ("value.op =~ topic", 13),
        ("value.op =~ /(?=x)/", 13),
        ("value instanceof String", 7),
        ("value.op === 'u'", 10),
        ("value.op\n== 'u'", 10),
        ("value.name() == 1 && 010 == 8", 22),
        ("valueSchema.fields", 13),
        ("value.op =~ /a$b/", 15),
        ("", 1),
    ] {
        let fault = Expression::compile(expression, Dialect::Groovy, false).unwrap_err();
        assert_eq!(fault.at, at, "{expression}: {fault}");
    }
}

#[test]
fn what_a_record_does_not_have_is_named_and_its_values_are_not() {
    for (expression, reason) in [
        ("value.before.id == 1", "there is no 'id' of null; write ?.id where it may be null; at character 14"),
        ("value.nope", "a struct has no field 'nope' at character 7"),
        ("value.after.name > 5", "a text and a number have no order at character 18"),
        ("value.after.name * 1", "there is no arithmetic with a text and a number at character 18"),
        ("value.after.id / 0", "a division by zero at character 16"),
        ("value.after.id.trim()", "this method is not for a number, or not with such arguments, at character 16"),
        ("1234567890123456789.5 * 12345678901234567890.5", "a number beyond 38 digits at character 23"),
    ] {
        assert_eq!(outcome(expression, Dialect::Groovy).unwrap_err().to_string(), reason);
    }
}

#[test]
fn texts_do_not_grow_without_end() {
    let mut record = record();
    if let Value::Struct(parts) = &mut record.value.value
        && let Some(Value::Struct(row)) = parts.get_mut(1)
    {
        row[1] = text(&"a".repeat(1 << 20));
    }
    let long = vec!["value.after.name"; 40].join(" + ");
    let replaced = format!("value.after.name.replace('a', '{}')", "b".repeat(100));
    for (expression, dialect) in
        [(long.clone(), Dialect::Groovy), (long, Dialect::JavaScript), (replaced, Dialect::Groovy)]
    {
        assert!(Expression::compile(&expression, dialect, false).unwrap().evaluate(&record).is_err());
    }
}

#[test]
fn depth_and_length_are_bounded_and_long_chains_are_not_deep() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::compile(&nested(50), Dialect::Groovy, false).is_ok());
    for expression in [
        nested(10_000),
        "!".repeat(5000),
        nested(2000),
        "1+".repeat(1000) + "1",
        "value".to_owned() + &".a".repeat(500),
    ] {
        assert!(Expression::compile(&expression, Dialect::Groovy, false).is_err());
    }
    let chain = vec!["value.source.table == 'x'"; 200].join(" && ");
    assert_eq!(outcome(&chain, Dialect::Groovy), Ok(Outcome::Boolean(true)));
}

#[test]
fn no_text_makes_it_panic() {
    const OPERANDS: &[&str] = &[
        "value.after.id",
        "value.after.name",
        "value?.before?.id",
        "value.after.tags",
        "value.after.price",
        "key",
        "topic",
        "headers",
        "header.idh.value",
        "valueSchema.type",
        "'a'",
        "['a', 1]",
        "-9223372036854775807",
        "0",
        "2.5",
        "null",
        "true",
        "'1'.size()",
        "value.after.name.contains('n')",
        "value.after.tags[1]",
        "value['op']",
        "!value",
        "(1)",
        "/x/",
    ];
    const SIGNS: &[&str] =
        &["==", "!=", "<", ">=", "&&", "||", "+", "-", "*", "/", "%", "?:", "in", "=~", "==~", "??", "===", " ? 1 :"];
    const NOISE: &[&str] =
        &["(", ")", "[", "]", ".", "?.", "?", ":", ",", "!", "-", "'", "\"", "/", "\\", "$", "ä", ";", "="];
    let (mut state, record) = (6u64, record());
    let mut compiled = 0;
    for _ in 0..20_000 {
        let mut pick = |parts: &[&'static str]| -> &'static str {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            parts[usize::try_from(state >> 33).unwrap() % parts.len()]
        };
        let mut text = pick(OPERANDS).to_owned();
        for _ in 0..3 {
            let noise = if pick(&["", "", "", "", "x"]).is_empty() { "" } else { pick(NOISE) };
            text = format!("{text} {} {noise} {}", pick(SIGNS), pick(OPERANDS));
        }
        for dialect in [Dialect::Groovy, Dialect::JavaScript] {
            if let Ok(expression) = Expression::compile(&text, dialect, false) {
                compiled += 1;
                let _ = expression.evaluate(&record);
            }
        }
    }
    assert!(compiled > 5_000, "{compiled}");
}
