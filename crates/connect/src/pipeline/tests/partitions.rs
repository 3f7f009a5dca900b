//! Which topics there are, how they are made, and which partition records go to.

use super::*;

const TWO_PARTITIONS: [(&str, &str); 2] =
    [("topic.creation.default.partitions", "2"), ("topic.creation.default.replication.factor", "1")];

#[test]
fn topics_are_made_by_the_connectors_rules_under_the_names_that_they_have_then() {
    let (lines, outcome) = arriving(&TWO_PARTITIONS);
    assert_eq!(outcome, Ok(()));
    assert_eq!(lines[0], "srv.t NewTopic { partitions: Some(2), config: {} }");
    assert!(lines.iter().all(|line| !line.contains("partition ")), "{lines:?}");
    let mut renamed = TWO_PARTITIONS.to_vec();
    renamed.extend([
        ("transforms", "r"),
        ("transforms.r.type", "org.apache.kafka.connect.transforms.RegexRouter"),
        ("transforms.r.regex", "srv\\.(.*)"),
        ("transforms.r.replacement", "lake.$1"),
    ]);
    for extra in [None, Some(("value.converter", "org.apache.kafka.connect.storage.StringConverter"))] {
        renamed.extend(extra);
        let (lines, _) = arriving(&renamed);
        assert!(lines.contains(&"lake.t NewTopic { partitions: Some(2), config: {} }".to_owned()), "{lines:?}");
    }
}

#[test]
fn a_partition_that_a_transform_chooses_is_the_records_and_one_that_it_does_not_is_left_to_the_key() {
    let route = [
        ("transforms", "p"),
        ("transforms.p.type", "io.debezium.transforms.partitions.PartitionRouting"),
        ("transforms.p.partition.payload.fields", "change.id"),
        ("transforms.p.partition.topic.num", "2"),
    ];
    let (lines, outcome) = arriving(&route);
    assert_eq!(outcome, Ok(()));
    // Neither is a change event.
    assert!(lines.iter().all(|line| !line.contains("partition ")), "{lines:?}");
    let (mut source, _) = configured(&[], &[&[("table", "t"), ("name", "c")][..], &route].concat()).0.unwrap();
    let log = Log::default();
    let notes = Notes {
        log: log.clone(),
        fragments: Fragments::default(),
        line: String::new(),
        topics: Vec::new(),
        rules: None,
    };
    let mut writer = source.around(Box::new(notes));
    let (topic, plan) = (writer.topic("srv.t").unwrap(), writer.plan(b"p").unwrap());
    let value = |id: i32| {
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"field":"op","type":"string","optional":false}},{{"field":"source","type":"struct","fields":[],"optional":false}},{{"field":"after","type":"struct","optional":true,"fields":[{{"field":"id","type":"int32","optional":false}}]}}],"optional":false,"name":"srv.t.Envelope"}},"payload":{{"op":"c","source":{{}},"after":{{"id":{id}}}}}}}"#
        )
    };
    let write = |writer: &mut dyn RecordWriter, id| {
        writer.begin(5);
        writer.value();
        writer.literal(SlotId(0), value(id).as_bytes());
        writer.end();
    };
    (1..=4).for_each(|id| write(writer.records(topic, plan), id));
    // The source's own choice stays where no transform has another.
    let records = writer.records_in(topic, 7, plan).unwrap();
    records.begin(5);
    records.value();
    records.literal(SlotId(0), VALUE.as_bytes());
    records.end();
    writer.row_done().unwrap();
    let lines = log.lock().unwrap();
    let partitions: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("srv.t partition ")).map(|rest| &rest[..1]).collect();
    assert_eq!(partitions, ["1", "0", "1", "0", "7"], "{lines:?}");
}

#[test]
fn transforms_that_only_route_rename_topics_and_leave_plans_alone() {
    let (log, _) = arriving(&ROUTE);
    assert_eq!(log[0], "plan p");
    assert!(log[1].starts_with("new-t @5 key {\"schema\""), "{log:?}");
}

#[test]
fn transforms_of_a_sink_that_only_route_leave_records_as_they_are() {
    let (log, outcome) = delivered(&ROUTE, &[Some("no JSON")]);
    outcome.unwrap();
    assert_eq!(log, ["schemas ", "0 new-t {\"id\":1} no JSON [\"h=3\"]"]);
}
