//! What Kafka's clients wrote, on its way to a sink.

use super::{ROUTE, STRING, VALUE, Writers, delivered_of};

#[test]
fn what_clients_wrote_goes_through_the_converters_and_comes_as_plain_json() {
    let run = |properties: &[(&str, &str)], values: &[Option<&'static str>]| {
        delivered_of(Writers::Clients, properties, values)
    };
    let wrapped = Some("{\"schema\":{\"type\":\"int64\"},\"payload\":7}");
    let (log, outcome) = run(&[], &[wrapped, None]);
    outcome.unwrap();
    assert_eq!(log, ["schemas ", "0 as read {\"id\":1} 7 [\"h=3\"]", "1 as read {\"id\":1} - [\"h=3\"]"]);
    let (_, outcome) = run(&[], &[wrapped, Some("{\"id\":1}")]);
    let problem = outcome.unwrap_err();
    assert_eq!(problem.code, "CONVERTER_REFUSED");
    assert!(problem.cause.contains("offset 1") && problem.cause.contains("schemas.enable=false"), "{problem}");
    let plain = [("value.converter.schemas.enable", "false")];
    let (log, outcome) = run(&plain, &[Some("{ \"id\" : 1 }"), wrapped]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} {\"id\":1} [\"h=3\"]");
    assert_eq!(log[2], "1 as read {\"id\":1} {\"schema\":{\"type\":\"int64\"},\"payload\":7} [\"h=3\"]");
    let bytes = [("value.converter", "org.apache.kafka.connect.converters.ByteArrayConverter")];
    let (log, outcome) = run(&bytes, &[Some("hello")]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} hello [\"h=3\"]", "the sink reads bytes by itself");
    let (log, outcome) = run(&[STRING], &[Some("hello")]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} \"hello\" [\"h=3\"]");
}

#[test]
fn whatever_clients_wrote_no_converter_loses_its_way() {
    let deep: &'static str = Box::leak(format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into_boxed_str());
    let values = [
        "",
        " ",
        "null",
        "{",
        "{}",
        "\u{0}",
        "1e999",
        "-0",
        "123456789012345678901234567890",
        "\"\\ud800\"",
        "{\"a\":1,\"a\":2}",
        "{\"schema\":null,\"payload\":null}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"a\":1}}",
        "{\"schema\":{\"type\":\"int8\"},\"payload\":1000}",
        "{\"schema\":{\"type\":\"map\"},\"payload\":{}}",
        "{\"schema\":{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"-9999999\"}},\"payload\":\"AQ==\"}",
        "{\"schema\":{\"type\":\"int32\",\"name\":\"org.apache.kafka.connect.data.Date\"},\"payload\":2147483647}",
        deep,
    ]
    .map(Some);
    for class in ["JsonConverter", "StringConverter", "ByteArrayConverter", "LongConverter", "BooleanConverter"] {
        for schemas in ["true", "false"] {
            let mut properties = vec![("value.converter", class), ("errors.tolerance", "all")];
            if class == "JsonConverter" {
                properties.push(("value.converter.schemas.enable", schemas));
            }
            let (log, outcome) = delivered_of(Writers::Clients, &properties, &values);
            outcome.unwrap();
            let offsets: Vec<&str> = log[1..].iter().map(|line| line.split(' ').next().unwrap()).collect();
            assert!(offsets.len() >= usize::from(class == "StringConverter") * values.len(), "{class}: {offsets:?}");
            assert!(log[1..].iter().all(|line| !line.contains('\n')), "{class}");
        }
    }
}

#[test]
fn what_clients_wrote_among_changes_is_handed_on_untouched() {
    for properties in [&[][..], &ROUTE, &[STRING]] {
        let values = [Some(VALUE), Some("garbage \u{1}"), Some(VALUE)];
        let (log, outcome) = delivered_of(Writers::SourceAndClient, properties, &values);
        outcome.unwrap();
        assert_eq!(log[2], "1 as read {\"id\":1} garbage \u{1} [\"h=3\"]", "{properties:?}");
    }
}
