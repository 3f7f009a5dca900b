//! What the object sink says of configurations.

use std::path::Path;

use tailwater_connector::Plugin;

use super::super::ObjectSinkPlugin;
use crate::Surroundings;
use crate::testing::config;

#[test]
fn every_problem_of_a_configuration_is_named_at_once() {
    /// Names and values, or codes and words.
    type Pairs = &'static [(&'static str, &'static str)];
    let table: &[(Pairs, Pairs)] = &[
        (
            &[("topics", "t"), ("store.url", "s3://b/x")],
            &[("PROPERTY_INVALID", "'store.url' value is invalid: a bucket is not named by an address")],
        ),
        (
            &[("topics", "t"), ("format.class", "x.ParquetFormat"), ("flush.size", "0"), ("s3.acl.canned", "private")],
            &[
                ("PROPERTY_INVALID", "'flush.size'"),
                ("PROPERTY_REFUSED", "'s3.acl.canned'"),
                ("PROPERTY_REFUSED", "'format.class' with x.ParquetFormat"),
                ("PROPERTY_MISSING", "'store.url'"),
            ],
        ),
        (
            &[
                ("topics", "t"),
                ("store.url", "http://minio:9000"),
                ("s3.bucket.name", "a/b"),
                ("aws.access.key.id", "KEY"),
                ("s3.proxy.url", "http://p"),
                ("partitioner.class", "x.FieldPartitioner"),
            ],
            &[
                ("PROPERTY_REFUSED", "'s3.proxy.url'"),
                ("PROPERTY_INVALID", "'s3.bucket.name'"),
                ("PROPERTY_MISSING", "without 'aws.secret.access.key'"),
                ("PROPERTY_REFUSED", "'partitioner.class'"),
            ],
        ),
        (
            &[("store.url", "file:///x"), ("fulsh.size", "3")],
            &[("PROPERTY_UNKNOWN", "'fulsh.size'"), ("PROPERTY_MISSING", "topics or topics.regex")],
        ),
        (
            &[("topics", "t"), ("store.url", "file:///x"), ("value.converter", "x.AvroConverter")],
            &[("PROPERTY_INVALID", "'value.converter'")],
        ),
    ];
    for (properties, expected) in table {
        let config = properties.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let problems = ObjectSinkPlugin::new(&Surroundings::default()).configure(&config).err().unwrap();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, (code, word)) in problems.iter().zip(*expected) {
            assert!(problem.code == *code && problem.cause.contains(word), "{problem}");
            assert!(!problem.remedy.is_empty());
        }
    }
}

#[test]
fn a_posted_configuration_of_confluents_sink_is_taken_with_a_directory_in_place_of_the_bucket() {
    let config = config(
        Path::new("/x"),
        &[
            ("name", "sink"),
            ("connector.class", "io.confluent.connect.s3.S3SinkConnector"),
            ("tasks.max", "1"),
            ("topics", "t"),
            ("flush.size", "1000"),
            ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
            ("format.class", "io.confluent.connect.s3.format.json.JsonFormat"),
            ("partitioner.class", "io.confluent.connect.storage.partitioner.DefaultPartitioner"),
            ("schema.compatibility", "NONE"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter.schemas.enable", "false"),
        ],
    );
    let (_, warnings) =
        ObjectSinkPlugin::new(&Surroundings::default()).configure(&config).map_err(|p| format!("{p:?}")).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
}
