//! What the object sink promises of buckets, on a real S3 server, read by a client of others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, HostAliases, Plugin, Problem, ProblemKind, Sink};
use tailwater_testkit::{Minio, free_port};

use super::super::{AivenSinkPlugin, ObjectSinkPlugin, like_aivens, like_confluents};
use super::aiven::{NOW_US, tutorial};
use super::lines;
use crate::Surroundings;
use crate::limits::S3_REQUEST;
use crate::testing::{Memory, clock, deliver};

/// Names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Confluent's sink for MinIO as tutorials post it.
fn confluent(endpoint: &str, more: &[(&str, &str)]) -> Config {
    let json: serde_json::Value = serde_json::from_str(include_str!("confluent-tutorial.json")).unwrap();
    let posted = json["config"].as_object().unwrap();
    let mut config: Config =
        posted.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    config.set("store.url", endpoint);
    more.iter().for_each(|(name, value)| config.set(name, value));
    config
}

fn run(config: &Config, memory: &Memory) -> Result<(), Problem> {
    let surroundings = Surroundings::default();
    let (mut sink, _) =
        like_confluents(config, &surroundings, clock(&Arc::default())).map_err(|p| format!("{p:?}")).unwrap();
    deliver(&mut sink, memory).1
}

fn text(objects: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    objects.into_iter().map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap())).collect()
}

#[test]
fn a_kill_at_any_step_leaves_the_bucket_of_an_undisturbed_run() {
    let minio = Minio::start(&["calm", "killed"], &[]);
    let memory = || {
        let memory = Memory::default();
        lines("s.public.t", 0, &memory, 9);
        lines("s.public.t", 1, &memory, 3);
        memory
    };
    let properties = |bucket| [("s3.bucket.name", bucket), ("flush.size", "4")];
    run(&confluent(&minio.endpoint(), &properties("calm")), &memory()).unwrap();
    let expected = text(minio.objects("calm"));
    let names: Vec<_> = expected.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "topics/s.public.t/partition=0/s.public.t+0+0000000000.json",
            "topics/s.public.t/partition=0/s.public.t+0+0000000004.json",
            "topics/s.public.t/partition=0/s.public.t+0+0000000008.json",
            "topics/s.public.t/partition=1/s.public.t+1+0000000000.json",
        ]
    );
    assert_eq!(expected[names[0]], "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");

    let config = confluent(&minio.endpoint(), &properties("killed"));
    let mut kills = 0;
    for after in [false, true] {
        for writes in 0.. {
            let memory = memory();
            memory.kill_at(writes, after);
            if run(&config, &memory).is_ok() {
                break;
            }
            kills += 1;
            memory.revive();
            run(&config, &memory).unwrap();
        }
    }
    assert!(kills > 10, "{kills}");
    assert_eq!(text(minio.objects("killed")), expected);
}

#[test]
fn a_large_object_goes_up_in_parts_and_arrives_whole() {
    let minio = Minio::start(&["lake"], &[]);
    let memory = Memory::default();
    let megabyte = "x".repeat(1 << 20);
    for n in 0..12 {
        memory.append_value("s.public.t", 0, &format!("\"{n:02}{megabyte}\""));
    }
    let more =
        [("s3.bucket.name", "lake"), ("s3.part.size", "5242880"), ("flush.size", "12"), ("rotate.bytes", "134217728")];
    run(&confluent(&minio.endpoint(), &more), &memory).unwrap();
    let found = text(minio.objects("lake"));
    let expected: String = (0..12).map(|n| format!("\"{n:02}{megabyte}\"\n")).collect();
    assert_eq!(found.len(), 1, "{:?}", found.keys());
    assert!(found.into_values().next() == Some(expected), "the object is not what was written");
}

#[test]
fn a_kill_in_the_middle_of_an_upload_in_parts_leaves_no_parts_behind() {
    let minio = Minio::start(&["lake"], &[]);
    let memory = Memory::default();
    let megabyte = "x".repeat(1 << 20);
    (0..6).for_each(|n| memory.append_value("s.public.t", 0, &format!("\"{n}{megabyte}\"")));
    let config = confluent(&minio.endpoint(), &[("s3.bucket.name", "lake"), ("s3.part.size", "5242880")]);
    let key = "topics/s.public.t/partition=0/s.public.t+0+0000000000.json";
    // The start, the plan, and then that the upload was begun: there the process dies.
    memory.kill_at(2, true);
    run(&config, &memory).unwrap_err();
    assert!(memory.entry("plan/s.public.t/0").unwrap().contains("\"upload\":"));
    assert_eq!((minio.open_uploads("lake", key), minio.objects("lake").len()), (1, 0));
    memory.revive();
    run(&config, &memory).unwrap();
    assert_eq!((minio.open_uploads("lake", key), minio.objects("lake")[key].len()), (0, 6 * ((1 << 20) + 4)));
    assert_eq!(memory.entry("plan/s.public.t/0"), None);
}

#[test]
fn names_with_signs_and_letters_of_all_kinds_stay_as_they_are() {
    let minio = Minio::start(&["lake"], &[]);
    let memory = Memory::default();
    memory.append_value("tüne_1", 0, "{}");
    let properties = [
        ("s3.bucket.name", "lake"),
        ("topics.regex", "tü.*"),
        ("topics.dir", "a b/%41+c/ü&=?#*~'(!)/日本"),
        ("file.delim", "~"),
    ];
    run(&confluent(&minio.endpoint(), &properties), &memory).unwrap();
    let names: Vec<_> = minio.objects("lake").into_keys().collect();
    assert_eq!(names, ["a b/%41+c/ü&=?#*~'(!)/日本/tüne_1/partition=0/tüne_1~0~0000000000.json"]);
}

#[test]
fn the_tutorials_sink_writes_to_its_bucket_through_an_alias_of_its_host() {
    let minio = Minio::start(&["commerce"], &[]);
    let alias = format!("minio=127.0.0.1:{}", minio.port());
    let aliases = HostAliases::parse([alias.as_str()]).unwrap();
    let surroundings = Surroundings::default().with_aliases(aliases);
    let memory = Memory::default();
    lines("debezium.commerce.users", 0, &memory, 2);
    let now_us = Arc::new(AtomicI64::new(NOW_US));
    let (mut sink, _) = like_aivens(&tutorial(), &surroundings, clock(&now_us)).unwrap();
    assert_eq!(sink.preflight(), []);
    deliver(&mut sink, &memory).1.unwrap();
    let expected = "debezium.commerce.users/2026-11-21/04/0000000000-00000000000000000000.json".to_owned();
    let lines = "{\"value\":{\"n\":0}}\n{\"value\":{\"n\":1}}".to_owned();
    assert_eq!(text(minio.objects("commerce")), BTreeMap::from([(expected, lines)]));
}

#[test]
fn keys_of_the_environment_serve_where_the_properties_have_none() {
    let minio = Minio::start(&["lake"], &[]);
    let mut config = confluent(&minio.endpoint(), &[("s3.bucket.name", "lake"), ("s3.compression.type", "gzip")]);
    config.remove("aws.access.key.id");
    config.remove("aws.secret.access.key");
    let keys = [("AWS_ACCESS_KEY_ID", Minio::KEY), ("AWS_SECRET_ACCESS_KEY", Minio::SECRET)];
    let surroundings = Surroundings::default().with_aws(keys.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let memory = Memory::default();
    lines("s.public.t", 0, &memory, 2);
    let (mut sink, _) = like_confluents(&config, &surroundings, clock(&Arc::default())).unwrap();
    deliver(&mut sink, &memory).1.unwrap();
    let found = minio.objects("lake");
    let (name, packed) = found.into_iter().next().unwrap();
    assert!(name.ends_with("+0000000000.json.gz"), "{name}");
    assert!(packed.starts_with(&[0x1f, 0x8b]), "{packed:?}");
}

#[test]
fn a_server_that_goes_and_comes_again_costs_nothing() {
    let mut minio = Minio::start(&["lake"], &[]);
    let config =
        confluent(&minio.endpoint(), &[("s3.bucket.name", "lake"), ("flush.size", "2"), ("s3.part.retries", "0")]);
    let memory = Memory::default();
    lines("s.public.t", 0, &memory, 3);
    minio.process.kill();
    let problem = run(&config, &memory).unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("S3_UNREACHABLE", ProblemKind::Retry), "{problem:?}");
    minio.restart();
    // It answers before it is done with its start.
    let mut config = config;
    config.set("s3.part.retries", "20");
    run(&config, &memory).unwrap();
    run(&config, &memory).unwrap();
    let all: String = text(minio.objects("lake")).into_values().collect();
    assert_eq!(all, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
}

#[test]
fn a_server_that_hangs_holds_up_neither_the_stop_nor_what_is_there_afterwards() {
    let minio = Minio::start(&["lake"], &[]);
    let config = confluent(&minio.endpoint(), &[("s3.bucket.name", "lake")]);
    let memory = Memory::default();
    lines("s.public.t", 0, &memory, 3);
    minio.process.pause();
    let began = Instant::now();
    let problem = run(&config, &memory).unwrap_err();
    assert_eq!((problem.code.as_str(), problem.kind), ("S3_NO_ANSWER", ProblemKind::Retry), "{problem:?}");
    assert!(began.elapsed() < S3_REQUEST / 2, "{:?}", began.elapsed());
    assert!(memory.entry("plan/s.public.t/0").is_some(), "the file is planned");
    minio.process.resume();
    run(&config, &memory).unwrap();
    let all: String = text(minio.objects("lake")).into_values().collect();
    assert_eq!(all, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
}

#[test]
fn every_mistake_about_a_bucket_has_its_own_code_and_remedy_and_nothing_is_written_to_find_it() {
    let minio = Minio::start(&["lake"], &[]);
    let elsewhere = Minio::start(&["lake"], &[("MINIO_SITE_REGION", "eu-central-1")]);
    let tls = Minio::start_tls();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let endpoint = minio.endpoint();
    let table: &[(&str, Pairs<'_>, &str, &str)] = &[
        (&endpoint, &[("aws.access.key.id", "nobody")], "S3_KEY_UNKNOWN", "'aws.access.key.id'"),
        (&endpoint, &[("aws.secret.access.key", "HIDDEN-SECRET")], "S3_SECRET_WRONG", "'aws.secret.access.key'"),
        (&endpoint, &[("s3.bucket.name", "lakes")], "S3_BUCKET_MISSING", "s3 mb s3://lakes"),
        (&endpoint, &[("s3.bucket.name", "L")], "S3_BUCKET_INVALID", "'s3.bucket.name'"),
        (&nobody, &[], "S3_UNREACHABLE", "curl"),
        ("http://minio.invalid:9000", &[], "S3_UNREACHABLE", "store.url"),
        ("http://tailwater-minio:9000", &[], "S3_UNREACHABLE", "--alias tailwater-minio=127.0.0.1:9000"),
        (&elsewhere.endpoint(), &[], "S3_REGION_WRONG", r#""s3.region": "eu-central-1""#),
        (&endpoint.replace("http:", "https:"), &[], "S3_TLS_MISMATCH", "http:// instead of https://"),
        (&tls.endpoint(), &[], "S3_TLS_MISMATCH", "https:// instead of http://"),
        (&tls.endpoint().replace("http:", "https:"), &[], "S3_TLS_FAILED", "ca-certificates"),
    ];
    for (endpoint, more, code, remedy) in table {
        let mut config = confluent(endpoint, &[("s3.bucket.name", "lake"), ("s3.part.retries", "0")]);
        more.iter().for_each(|(name, value)| config.set(name, value));
        let plugin = ObjectSinkPlugin::new(&Surroundings::default());
        let (instance, _) = plugin.configure(&config).map_err(|p| format!("{p:?}")).unwrap();
        let Instance::Sink(mut sink) = instance else { unreachable!() };
        let problems = sink.preflight();
        assert_eq!(problems.len(), 1, "{code}: {problems:?}");
        assert_eq!(problems[0].code, *code, "{problems:?}");
        assert!(problems[0].remedy.contains(remedy), "{problems:?}");
        assert!(!format!("{problems:?}").contains("HIDDEN-SECRET"), "{problems:?}");
    }
    assert_eq!(minio.objects("lake").len(), 0);
    let plugin = AivenSinkPlugin::new(&Surroundings::default());
    let (instance, _) = plugin.configure(&tutorial()).map_err(|p| format!("{p:?}")).unwrap();
    let Instance::Sink(mut sink) = instance else { unreachable!() };
    let problems = sink.preflight();
    assert!(problems[0].remedy.contains("--alias minio="), "a compose file's name outside of compose: {problems:?}");
}
