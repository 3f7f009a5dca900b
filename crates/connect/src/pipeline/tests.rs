//! What is put around a source: properties and their problems, and records on their way.

mod clients;
mod partitions;

use std::sync::{Arc, Mutex};

use tailwater_connector::property::Form;
use tailwater_connector::transport::{TopicHandle, TopicInfo, TopicRules};
use tailwater_connector::{
    Durable, Header, PlanId, Record, Sink, SinkContext, StatusCell, Stop, TopicReader, Transaction, Transport,
};
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
    rules: Option<TopicRules>,
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
    fn null_header(&mut self, name: &str) {
        self.line.push_str(&format!(" {name} null"));
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
    fn make_topics_by(&mut self, rules: TopicRules) {
        self.rules = Some(rules);
    }
    fn topic(&mut self, name: &str) -> Result<TopicHandle, Problem> {
        if let Some(rules) = &self.rules {
            self.note(format!("{name} {:?}", rules(name)));
        }
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
    fn records_in(
        &mut self,
        topic: TopicHandle,
        partition: i32,
        plan: PlanId,
    ) -> Result<&mut dyn RecordWriter, Problem> {
        self.records(topic, plan);
        self.line.push_str(&format!(" partition {partition}"));
        Ok(self)
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
    let plugin = framed(Arc::new(Plain { seen: seen.clone() }), &config(worker), TopicCreation::default());
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
    let notes = Notes {
        log: log.clone(),
        fragments: Fragments::default(),
        line: String::new(),
        topics: Vec::new(),
        rules: None,
    };
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
        } else {
            records.null_header("n");
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
fn records_are_converted_part_by_part_and_a_tombstone_stays_one() {
    let (log, outcome) = arriving(&[&ROUTE[..], &[STRING, ("key.converter.schemas.enable", "false")]].concat());
    outcome.unwrap();
    assert!(log[0].starts_with("plan {\"version\":1,\"form\":\"converted\",\"transforms\":[\"r\"]"), "{log:?}");
    assert_eq!(log[1..], ["new-t @5 key {\"id\":1} value v h 3", "new-t @5 key {\"id\":1} n null", "commit"]);
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
fn a_name_of_several_classes_is_answered_with_all_of_them() {
    for (typed, classes) in [
        ("Filter", "io.debezium.transforms.Filter"),
        ("org.apache.kafka.connect.transforms.Cast", "org.apache.kafka.connect.transforms.Cast$Value"),
        ("Cast", "org.apache.kafka.connect.transforms.Cast$Key"),
    ] {
        let found = problems(&[("table", "t"), ("transforms", "a"), ("transforms.a.type", typed)]);
        let [(code, _, remedy)] = &found[..] else { unreachable!("{found:?}") };
        assert!(code == "CLASS_AMBIGUOUS" && remedy.contains(classes), "{typed}: {remedy}");
    }
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

/// A topic `srv.t` of these values, whose records are read two at a time; what sources write is noted.
struct Topic(Vec<Option<&'static str>>, Log, Writers);

/// Who writes a topic, and who wrote its second record.
#[derive(Clone, Copy, PartialEq)]
enum Writers {
    Source,
    SourceAndClient,
    Clients,
}

impl TopicReader for Topic {
    fn topics(&self) -> Vec<TopicInfo> {
        vec![TopicInfo { name: "srv.t".into(), partitions: Vec::new(), change: self.2 != Writers::Clients }]
    }
    fn read(&self, _: &str, _: i32, offset: i64, _: usize) -> Result<Vec<Record>, Problem> {
        let record = |(offset, value): (i64, &Option<&'static str>)| Record {
            topic: None,
            offset,
            timestamp_ms: 5,
            key: Some("{\"id\":1}".into()),
            value: value.map(Into::into),
            headers: vec![Header { name: "h".into(), value: Some("3".into()) }],
            plan: match self.2 {
                Writers::Source => Some(PlanId(1)),
                Writers::SourceAndClient => (offset != 1).then_some(PlanId(1)),
                Writers::Clients => None,
            },
            origin: None,
            ordinal: 0,
        };
        let all = (0..).zip(&self.0).map(record);
        Ok(all.filter(|record| record.offset >= offset).take(2).collect())
    }
    fn offset_at(&self, _: &str, _: i32, _: i64) -> Result<i64, Problem> {
        Ok(0)
    }
    fn plan(&self, _: PlanId) -> Option<bytes::Bytes> {
        None
    }
    fn wait(&self, seen: u64, _: std::time::Duration) -> u64 {
        seen
    }
}

impl Transport for Topic {
    fn open_source(&self, _: &str) -> Result<Box<dyn SourceWriter>, Problem> {
        Ok(Box::new(Notes {
            log: self.1.clone(),
            fragments: Fragments::default(),
            line: String::new(),
            topics: Vec::new(),
            rules: None,
        }))
    }
    fn reader(&self) -> Arc<dyn TopicReader> {
        Arc::new(Topic(self.0.clone(), self.1.clone(), self.2))
    }
    fn entries(&self, _: &str) -> std::collections::BTreeMap<String, bytes::Bytes> {
        Default::default()
    }
    fn put_entries(&self, _: &str, _: &[(&str, &[u8])]) -> Result<(), Problem> {
        Ok(())
    }
}

/// A sink that reads all of `srv.t` and notes `OFFSET TOPIC KEY VALUE HEADERS`.
struct Reads(Log);

impl Sink for Reads {
    fn preflight(&mut self) -> Vec<Problem> {
        Vec::new()
    }
    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem> {
        let (topics, mut next) = (context.transport.reader(), 0);
        loop {
            let records = topics.read("srv.t", 0, next, 100)?;
            let Some(last) = records.last() else { return Ok(()) };
            next = last.offset + 1;
            for record in &records {
                let text = |bytes: &Option<bytes::Bytes>| {
                    bytes.as_ref().map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
                };
                let headers: Vec<_> = record.headers.iter().map(|h| format!("{}={}", h.name, text(&h.value))).collect();
                let topic = record.topic.as_deref().unwrap_or("as read");
                let line =
                    format!("{} {topic} {} {} {headers:?}", record.offset, text(&record.key), text(&record.value));
                self.0.lock().unwrap().push(line);
            }
        }
    }
}

/// A converter that the sink below knows.
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";

struct SinkPlugin(Log);

impl Plugin for SinkPlugin {
    fn classes(&self) -> &'static [&'static str] {
        &["test.Sink"]
    }
    fn kind(&self) -> Kind {
        Kind::Sink
    }
    fn properties(&self) -> &[Property] {
        const OF_SINK: &[Property] = &[
            Property::new("value.converter.schemas.enable", Form::Bool, Some("true"), ""),
            Property::new("value.converter", Form::OneOf(&[JSON, BYTES]), None, ""),
            Property::new("key.converter.schemas.enable", Form::Bool, Some("true"), ""),
        ];
        OF_SINK
    }
    fn configure(&self, config: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        self.0.lock().unwrap().push(format!("schemas {}", config.text("value.converter.schemas.enable")));
        Ok((Instance::Sink(Box::new(Reads(self.0.clone()))), Vec::new()))
    }
}

/// What a sink so configured was told, and sees of a topic with these values.
fn delivered(properties: &[(&str, &str)], values: &[Option<&'static str>]) -> (Vec<String>, Result<(), Problem>) {
    delivered_of(Writers::Source, properties, values)
}

fn delivered_of(
    writers: Writers,
    properties: &[(&str, &str)],
    values: &[Option<&'static str>],
) -> (Vec<String>, Result<(), Problem>) {
    let log = Log::default();
    let plugin = framed(Arc::new(SinkPlugin(log.clone())), &Config::default(), TopicCreation::default());
    let keys = [("key.converter.schemas.enable", "false"), ("name", "c")];
    let config = keys.iter().chain(properties).map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let (instance, _) = plugin.configure(&config).map_err(|p| format!("{p:?}")).unwrap();
    let Instance::Sink(mut sink) = instance else { unreachable!("a sink was asked for") };
    let mut context = SinkContext {
        name: "c".into(),
        transport: Arc::new(Topic(values.to_vec(), log.clone(), writers)),
        status: Arc::new(StatusCell::new("c")),
        stop: Stop::default(),
    };
    let outcome = sink.run(&mut context);
    let log = log.lock().unwrap().clone();
    (log, outcome)
}

#[test]
fn a_sink_without_transforms_reads_topics_as_they_are() {
    let (log, outcome) = delivered(&[("value.converter.schemas.enable", "true")], &[Some(VALUE), Some("no JSON")]);
    outcome.unwrap();
    assert_eq!(log[0], "schemas true");
    assert_eq!(log[1], format!("0 as read {{\"id\":1}} {VALUE} [\"h=3\"]"));
    assert_eq!(log[2], "1 as read {\"id\":1} no JSON [\"h=3\"]");
}

#[test]
fn a_sink_that_knows_the_form_of_values_reads_them_by_itself_until_a_transform_changes_them() {
    let (log, outcome) = delivered(&[("value.converter", BYTES)], &[Some("no JSON")]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} no JSON [\"h=3\"]");
    let hoist = [
        ("value.converter", BYTES),
        ("transforms", "h"),
        ("transforms.h.type", "org.apache.kafka.connect.transforms.HoistField$Value"),
        ("transforms.h.field", "f"),
    ];
    let (log, outcome) = delivered(&hoist, &[Some("no JSON")]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} {\"f\":\"bm8gSlNPTg==\"} [\"h=3\"]");
}

#[test]
fn a_sink_gets_what_converters_and_transforms_make_of_records_under_their_offsets() {
    let drop = [
        ("transforms", "r,d"),
        ("transforms.d.type", "org.apache.kafka.connect.transforms.Filter"),
        ("transforms.d.predicate", "null"),
        ("predicates", "null"),
        ("predicates.null.type", "RecordIsTombstone"),
    ];
    let values = [None, None, None, Some(VALUE), None, Some(VALUE)];
    let (log, outcome) = delivered(&[&ROUTE[1..], &drop].concat(), &values);
    outcome.unwrap();
    assert_eq!(log, ["schemas false", "3 new-t {\"id\":1} \"v\" [\"h=3\"]", "5 new-t {\"id\":1} \"v\" [\"h=3\"]"]);
    let (log, outcome) = delivered(&[STRING], &[Some("plain \"text\"")]);
    outcome.unwrap();
    assert_eq!(log[1], "0 as read {\"id\":1} \"plain \\\"text\\\"\" [\"h=3\"]");
}

#[test]
fn a_bad_record_ends_a_sink_where_it_stands_or_is_left_out() {
    let filter = [
        ("transforms", "d"),
        ("transforms.d.type", "org.apache.kafka.connect.transforms.Filter"),
        ("transforms.d.predicate", "p"),
        ("predicates", "p"),
        ("predicates.p.type", "HasHeaderKey"),
        ("predicates.p.name", "none"),
    ];
    let values = [Some(VALUE), Some("{}"), Some(VALUE)];
    let problem = delivered(&filter, &values).1.unwrap_err();
    assert_eq!(problem.code, "CONVERTER_REFUSED");
    assert!(problem.cause.starts_with("topic 'srv.t' partition 0 offset 1: value.converter (org.apache"), "{problem}");
    let (log, outcome) = delivered(&[&filter[..], &[("errors.tolerance", "all")]].concat(), &values);
    outcome.unwrap();
    let offsets: Vec<_> = log[1..].iter().map(|line| &line[..1]).collect();
    assert_eq!(offsets, ["0", "2"]);
}

#[test]
fn a_workers_options_are_those_of_its_own_converter() {
    let worker = [("key.converter", JSON), ("key.converter.schemas.enable", "false")];
    let told = |properties: &[(&str, &str)]| {
        let (_, seen) = configured(&worker, &[&[("table", "t")], properties].concat());
        seen.get("key.converter.schemas.enable").map(str::to_owned)
    };
    assert_eq!(told(&[]).as_deref(), Some("false"));
    assert_eq!(told(&[("key.converter.schemas.enable", "true")]).as_deref(), Some("true"));
    assert_eq!(told(&[("key.converter", JSON)]), None, "the converter's own default");
}

#[test]
fn a_tolerated_record_goes_to_the_dead_letter_queue_as_it_was_read() {
    let queue = [
        ("value.converter", "IntegerConverter"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "dlq"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    let (log, outcome) = delivered(&queue, &[Some("\0\0\0\u{7}"), Some("bad"), Some("\0\0\0\u{8}")]);
    outcome.unwrap();
    assert!(log[1].starts_with("plan "), "{log:?}");
    let context = " __connect.errors.topic srv.t __connect.errors.partition 0 __connect.errors.offset 1 \
                   __connect.errors.connector.name c __connect.errors.task.id 0 __connect.errors.stage VALUE_CONVERTER \
                   __connect.errors.class.name org.apache.kafka.connect.converters.IntegerConverter \
                   __connect.errors.exception.class.name org.apache.kafka.connect.errors.DataException \
                   __connect.errors.exception.message Failed to deserialize integer:  \
                   __connect.errors.exception.stacktrace org.apache.kafka.connect.errors.DataException: Failed to deserialize integer: \nCaused by: 3 bytes are no int32";
    assert_eq!(
        log[2..],
        [
            format!("dlq @5 key {{\"id\":1}} value bad h 3{context}"),
            "commit".to_owned(),
            "0 as read {\"id\":1} 7 [\"h=3\"]".to_owned(),
            "2 as read {\"id\":1} 8 [\"h=3\"]".to_owned(),
        ]
    );
    let warned = problems(&[("table", "t"), queue[2]]);
    assert!(warned[0].1.contains("only sinks have a dead letter queue"), "{warned:?}");
}
