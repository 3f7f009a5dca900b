//! What is put around a source: properties and their problems, and records on their way.

use std::sync::{Arc, Mutex};

use tailwater_connector::property::Form;
use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{Durable, PlanId, Transaction};
use tailwater_event::{FragmentId, Fragments, RecordWriter, SlotId};

use super::*;

/// What was written, one line a call.
type Log = Arc<Mutex<Vec<String>>>;

/// A transport's end that notes what it is told.
struct Notes {
    log: Log,
    fragments: Fragments,
    line: String,
    topics: Vec<String>,
}

impl Notes {
    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
}

impl RecordWriter for Notes {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
    }
    fn begin(&mut self, timestamp_ms: i64) {
        self.line.push_str(&format!(" @{timestamp_ms}"));
    }
    fn key(&mut self) {
        self.line.push_str(" key ");
    }
    fn value(&mut self) {
        self.line.push_str(" value ");
    }
    fn header(&mut self, name: &str) {
        self.line.push_str(&format!(" {name} "));
    }
    fn fragment(&mut self, id: FragmentId) {
        let bytes = self.fragments.get(id).to_vec();
        self.literal(SlotId(0), &bytes);
    }
    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        self.line.push_str(std::str::from_utf8(bytes).unwrap());
    }
    fn end(&mut self) {
        self.note(self.line.clone());
    }
}

impl SourceWriter for Notes {
    fn durable(&mut self) -> Result<Durable, Problem> {
        Ok(Durable::default())
    }
    fn entries(&self) -> std::collections::BTreeMap<String, bytes::Bytes> {
        Default::default()
    }
    fn put_entries(&mut self, _: &[(&str, &[u8])]) -> Result<(), Problem> {
        Ok(())
    }
    fn begin_era(&mut self, _: &[u8]) -> Result<u32, Problem> {
        Ok(1)
    }
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        self.topics.push(name.to_owned());
        Ok(TopicHandle(self.topics.len() as u32 - 1))
    }
    fn plan(&mut self, descriptor: &[u8]) -> Result<PlanId, Problem> {
        self.note(format!("plan {}", String::from_utf8_lossy(descriptor)));
        Ok(PlanId(7))
    }
    fn records(&mut self, topic: TopicHandle, _: PlanId) -> &mut dyn RecordWriter {
        self.line = self.topics[topic.0 as usize].clone();
        self
    }
    fn row_done(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn commit(&mut self, _: Transaction, _: &[u8]) -> Result<(), Problem> {
        self.note("commit".into());
        Ok(())
    }
    fn rollback(&mut self) -> Result<(), Problem> {
        self.note("rollback".into());
        Ok(())
    }
    fn progress(&mut self, _: &[u8]) -> Result<(), Problem> {
        Ok(())
    }
    fn pending_bytes(&self) -> usize {
        0
    }
    fn idle(&self) -> bool {
        true
    }
    fn flush(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn sync(&mut self) -> Result<(), Problem> {
        Ok(())
    }
}

/// A source whose form of keys and values is to be chosen; `seen` is what it was told.
struct Plain {
    seen: Arc<Mutex<Config>>,
}

struct Idle;

impl Source for Idle {
    fn preflight(&mut self) -> Vec<Problem> {
        Vec::new()
    }
    fn run(&mut self, _: &mut SourceContext) -> Result<(), Problem> {
        Ok(())
    }
    fn destroy(&mut self) -> Result<(), Problem> {
        Ok(())
    }
}

const OWN: &[Property] = &[
    Property::new("table", Form::Text, None, "").required(),
    Property::new("key.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("value.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("value.converter", Form::Text, None, ""),
    Property::new("value.converter.*", Form::Text, None, "").support(Support::NoEffect("x")),
];

impl Plugin for Plain {
    fn classes(&self) -> &'static [&'static str] {
        &["test.Plain"]
    }
    fn kind(&self) -> Kind {
        Kind::Source
    }
    fn properties(&self) -> &[Property] {
        OWN
    }
    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        *self.seen.lock().unwrap() = config.clone();
        let (_, problems) = check(config, OWN);
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        Ok((Instance::Source(Box::new(Idle)), problems))
    }
}

type Outcome = Result<(Box<dyn Source>, Vec<Problem>), Vec<Problem>>;

/// The configured source with its warnings, or the problems; and what the plugin was told.
fn configured(worker: &[(&str, &str)], properties: &[(&str, &str)]) -> (Outcome, Config) {
    let config = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<Config>();
    let seen = Arc::new(Mutex::new(Config::default()));
    let plugin = framed(Arc::new(Plain { seen: seen.clone() }), &config(worker));
    let result = plugin.configure(&config(properties)).map(|(instance, warnings)| match instance {
        Instance::Source(source) => (source, warnings),
        Instance::Sink(_) => unreachable!("a source was asked for"),
    });
    let seen = seen.lock().unwrap().clone();
    (result, seen)
}

fn problems(properties: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let (result, _) = configured(&[], properties);
    let found = match result {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    found.into_iter().map(|p| (p.code, p.cause, p.remedy)).collect()
}

const KEY: &str = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false},"payload":{"id":1}}"#;
const VALUE: &str = r#"{"schema":{"type":"string","optional":true},"payload":"v"}"#;

/// What arrives of a record and a tombstone of topic `srv.t` written to a source so configured.
fn arriving(properties: &[(&str, &str)]) -> (Vec<String>, Result<(), Problem>) {
    let all: Vec<_> = [("table", "t"), ("name", "c")].iter().chain(properties).copied().collect();
    let (mut source, _) = configured(&[], &all).0.map_err(|p| format!("{p:?}")).unwrap();
    let log = Log::default();
    let notes = Notes { log: log.clone(), fragments: Fragments::default(), line: String::new(), topics: Vec::new() };
    let mut writer = source.around(Box::new(notes));
    let (topic, plan) = (writer.topic("srv.t").unwrap(), writer.plan(b"p").unwrap());
    let fragments = Fragments::new(vec![KEY.as_bytes().to_vec()]);
    let mut outcome = Ok(());
    for value in [Some(VALUE), None] {
        let records = writer.records(topic, plan);
        records.prepare(&fragments);
        records.begin(5);
        records.key();
        records.fragment(FragmentId(0));
        if let Some(value) = value {
            records.value();
            records.literal(SlotId(0), value.as_bytes());
            records.header("h");
            records.literal(SlotId(1), br#"{"schema":{"type":"int32","optional":false},"payload":3}"#);
        }
        records.end();
        outcome = outcome.and_then(|()| writer.row_done());
    }
    outcome = outcome.and_then(|()| writer.commit(Transaction::default(), b""));
    if outcome.is_err() {
        writer.rollback().unwrap();
    }
    (log.lock().unwrap().clone(), outcome)
}

const STRING: (&str, &str) = ("value.converter", "StringConverter");
const ROUTE: [(&str, &str); 4] = [
    ("transforms", "r"),
    ("transforms.r.type", "RegexRouter"),
    ("transforms.r.regex", "srv[.](.*)"),
    ("transforms.r.replacement", "new-$1"),
];

#[test]
fn without_transforms_and_with_json_nothing_is_between_source_and_topics() {
    let (log, _) = arriving(&[("value.converter", "org.apache.kafka.connect.json.JsonConverter")]);
    assert_eq!(log[0], "plan p");
    assert_eq!(
        log[1],
        format!(
            "srv.t @5 key {KEY} value {VALUE} h {{\"schema\":{{\"type\":\"int32\",\"optional\":false}},\"payload\":3}}"
        )
    );
    let json = ("value.converter.schemas.enable", "false");
    let (result, seen) = configured(&[], &[("table", "t"), json]);
    assert!(result.is_ok() && seen.get(json.0) == Some(json.1) && seen.get("key.converter.schemas.enable").is_none());
}

#[test]
fn transforms_that_only_route_rename_topics_and_leave_plans_alone() {
    let (log, _) = arriving(&ROUTE);
    assert_eq!(log[0], "plan p");
    assert!(log[1].starts_with("new-t @5 key {\"schema\""), "{log:?}");
}

#[test]
fn records_are_converted_part_by_part_and_a_tombstone_stays_one() {
    let (log, outcome) = arriving(&[&ROUTE[..], &[STRING, ("key.converter.schemas.enable", "false")]].concat());
    outcome.unwrap();
    assert!(log[0].starts_with("plan {\"version\":1,\"form\":\"converted\",\"transforms\":[\"r\"]"), "{log:?}");
    assert_eq!(log[1..], ["new-t @5 key {\"id\":1} value v h 3", "new-t @5 key {\"id\":1}", "commit"]);
}

#[test]
fn where_records_are_read_back_the_source_writes_all_there_is() {
    let properties = [("table", "t"), STRING, ("value.converter.converter.encoding", "UTF-8")];
    let (result, seen) = configured(&[], &properties);
    assert_eq!(result.map(|(_, warnings)| warnings).map_err(|p| format!("{p:?}")).unwrap(), []);
    let told: Vec<_> = seen.iter().collect();
    assert_eq!(
        told,
        [
            ("table", "t"),
            ("key.converter.schemas.enable", "true"),
            ("value.converter", JSON),
            ("value.converter.schemas.enable", "true")
        ]
    );
}

#[test]
fn a_predicate_says_what_a_transform_applies_to() {
    let on = |class: &'static str, negate: &'static str| {
        let more = [
            ("transforms.r.predicate", "p"),
            ("transforms.r.negate", negate),
            ("predicates", "p"),
            ("predicates.p.type", class),
            ("predicates.p.pattern", "srv.*"),
            ("predicates.p.name", "h"),
        ];
        let (log, _) = arriving(&[&ROUTE[..], &more].concat());
        log.iter().filter(|line| line.contains('@')).map(|line| line.starts_with("new")).collect::<Vec<_>>()
    };
    let package = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches";
    assert_eq!(on(package, "false"), [true, true]);
    assert_eq!(on("TopicNameMatches", "TRUE"), [false, false]);
    assert_eq!(on("RecordIsTombstone", "false"), [false, true]);
    assert_eq!(on("RecordIsTombstone", "true"), [true, false]);
    assert_eq!(on("HasHeaderKey", "false"), [true, false]);
}

#[test]
fn a_record_that_a_converter_refuses_ends_the_transaction_or_is_left_out() {
    let integer = ("value.converter", "org.apache.kafka.connect.converters.IntegerConverter");
    let (log, outcome) = arriving(&[integer]);
    let problem = outcome.unwrap_err();
    assert_eq!(problem.code, "CONVERTER_REFUSED");
    assert_eq!(
        problem.cause,
        "topic 'srv.t': value.converter (org.apache.kafka.connect.converters.IntegerConverter): a string is nothing that it writes"
    );
    assert_eq!(log.last().unwrap(), "rollback");
    let (log, outcome) = arriving(&[integer, ("errors.tolerance", "ALL")]);
    outcome.unwrap();
    assert_eq!(log.iter().filter(|line| line.contains('@')).count(), 1, "{log:?}");
}

#[test]
fn every_problem_comes_at_once_under_the_propertys_full_name() {
    let found = problems(&[
        ("transforms", "a,b,c,a"),
        ("transforms.a.type", "org.apache.kafka.connect.transforms.RegexRoutr"),
        ("transforms.b.type", "RegexRouter"),
        ("transforms.b.regex", "("),
        ("transforms.b.replacement", "x"),
        ("transforms.b.predicate", "none"),
        ("transforms.b.negate", "maybe"),
        ("predicates", "p"),
        ("predicates.p.type", "TopicNameMatches"),
        ("transforms.x.type", "RegexRouter"),
        ("errors.tolerance", "some"),
        ("value.converter", "io.confluent.connect.avro.AvroConverter"),
    ]);
    for expected in [
        "'transforms.a.type': there is no class",
        "The 'transforms.b.regex' value is invalid",
        "The 'transforms.b.negate' value is invalid",
        "'transforms.b.predicate' is 'none'",
        "The 'transforms.c.type' value is invalid",
        "The 'transforms' value is invalid: 'a' is there twice",
        "The 'predicates.p.pattern' value is invalid",
        "'transforms.x.type' has no effect",
        "The 'errors.tolerance' value is invalid",
        "'value.converter': there is no class 'io.confluent.connect.avro.AvroConverter'",
        "The 'table' value is invalid: A value is required",
    ] {
        assert!(found.iter().any(|(_, cause, _)| cause.starts_with(expected)), "{expected}: {found:#?}");
    }
    let (_, _, remedy) = found.iter().find(|(_, cause, _)| cause.contains("RegexRoutr")).unwrap();
    assert!(remedy.starts_with("Did you mean 'org.apache.kafka.connect.transforms.RegexRouter'?"), "{remedy}");
}

#[test]
fn a_worker_gives_converters_to_connectors_that_have_none() {
    let worker = [("value.converter", "StringConverter"), ("plugin.path", "/x")];
    let (_, seen) = configured(&worker, &[("table", "t")]);
    assert_eq!(seen.get("value.converter"), Some(JSON));
    let (_, seen) = configured(&worker, &[("table", "t"), ("value.converter", "JsonConverter")]);
    assert_eq!(seen.get("value.converter"), Some("JsonConverter"));
    assert_eq!(seen.get("plugin.path"), None);
}

#[test]
fn every_property_stands_once_and_every_default_is_valid() {
    let all = properties::all(OWN);
    let mut names: Vec<_> = all.iter().map(|property| property.name).collect();
    assert!(names.contains(&"transforms") && names.contains(&"table"));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
    for property in &all {
        let Some(default) = property.default else { continue };
        let config =
            [("table", "t"), (property.name, default)].iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(check(&config, &all).1, [], "{}", property.name);
    }
}
