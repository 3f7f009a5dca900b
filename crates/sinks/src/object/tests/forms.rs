//! Forms of values, and times that are in them.

use super::run;
use crate::testing::{Memory, tree};

#[test]
fn the_time_of_a_field_divides_files_and_a_kill_leaves_the_same_ones() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    for ms in [0, 1, 7_200_000, 7_200_001] {
        memory.append_value("t", 0, &format!(r#"{{"ts_ms":{ms}}}"#));
    }
    let properties = [
        ("topics", "t"),
        ("partitioner.class", "io.confluent.connect.storage.partitioner.HourlyPartitioner"),
        ("timestamp.extractor", "RecordField"),
        ("timestamp.field", "ts_ms"),
        ("timezone", "Asia/Seoul"),
        ("file.delim", "-"),
    ];
    memory.kill_at(1, true);
    run(dir.path(), &memory, &properties).unwrap_err();
    memory.revive();
    run(dir.path(), &memory, &properties).unwrap();
    let files: Vec<_> = tree(dir.path()).into_iter().collect();
    let expected = [
        ("topics/t/year=1970/month=01/day=01/hour=09/t-0-0000000000.json", "{\"ts_ms\":0}\n{\"ts_ms\":1}\n"),
        (
            "topics/t/year=1970/month=01/day=01/hour=11/t-0-0000000002.json",
            "{\"ts_ms\":7200000}\n{\"ts_ms\":7200001}\n",
        ),
    ];
    assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    memory.append_value("t", 0, "{}");
    let problem = run(dir.path(), &memory, &properties).unwrap_err();
    assert!(problem.code == "SINK_TIME_MISSING" && problem.cause.contains("offset 4"), "{problem}");
}

#[test]
fn values_of_bytes_become_files_of_bytes_or_base64_in_json() {
    let bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";
    let files = |format: &str| {
        let dir = tempfile::tempdir().unwrap();
        let properties = [("topics", "t"), ("value.converter", bytes), ("format.class", format)];
        let memory = Memory::default();
        memory.append_value("t", 0, r#"{"schema":1,"payload":2}"#);
        run(dir.path(), &memory, &properties).unwrap();
        tree(dir.path()).into_iter().next().unwrap()
    };
    let (name, text) = files("io.confluent.connect.s3.format.bytearray.ByteArrayFormat");
    assert!(name.ends_with("+0000000000.bin") && text == "{\"schema\":1,\"payload\":2}\n", "{name}: {text}");
    let (name, text) = files("io.confluent.connect.s3.format.json.JsonFormat");
    assert!(name.ends_with("+0000000000.json") && text == "\"eyJzY2hlbWEiOjEsInBheWxvYWQiOjJ9\"\n", "{name}: {text}");
}
