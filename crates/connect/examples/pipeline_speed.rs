//! What transforms cost: events per second of processor time, from a source's plan to the bytes of its records, of a narrow
//! row (bigint, int, text) with schemas.
//!
//! `cargo run --release -p tailwater-connect --example pipeline_speed`

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use tailwater_connect::Registry;
use tailwater_connector::plugin::Instance;
use tailwater_connector::property::Form;
use tailwater_connector::transport::{TopicHandle, TopicRules};
use tailwater_connector::{
    Config, Durable, Kind, PlanId, Plugin, Problem, Property, Source, SourceContext, SourceWriter, Transaction,
};
use tailwater_event::debezium::{EncodeOptions, EventContext, Plan, SnapshotMarker};
use tailwater_event::{
    Cell, Column, ColumnType, Declared, FragmentId, Fragments, RecordWriter, ReplicaIdentity, SlotId, TableName,
    TableSchema,
};

const EVENTS: u64 = 300_000;

/// Copies records into a buffer that is emptied when it is full.
#[derive(Default)]
struct Topics {
    fragments: Fragments,
    buffer: Vec<u8>,
}

impl RecordWriter for Topics {
    fn prepare(&mut self, fragments: &Fragments) {
        if !self.fragments.same(fragments) {
            self.fragments = fragments.clone();
        }
    }
    fn begin(&mut self, _: i64) {
        if self.buffer.len() > 1 << 20 {
            self.buffer.clear();
        }
    }
    fn key(&mut self) {}
    fn value(&mut self) {}
    fn header(&mut self, _: &str) {}
    fn null_header(&mut self, _: &str) {}
    fn fragment(&mut self, id: FragmentId) {
        self.buffer.extend_from_slice(self.fragments.get(id));
    }
    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }
    fn end(&mut self) {}
}

impl SourceWriter for Topics {
    fn durable(&mut self) -> Result<Durable, Problem> {
        Ok(Durable::default())
    }
    fn entries(&self) -> BTreeMap<String, Bytes> {
        BTreeMap::new()
    }
    fn put_entries(&mut self, _: &[(&str, &[u8])]) -> Result<(), Problem> {
        Ok(())
    }
    fn begin_era(&mut self, _: &[u8]) -> Result<u32, Problem> {
        Ok(1)
    }
    fn make_topics_by(&mut self, _: TopicRules) {}
    fn topic(&mut self, _: &str) -> Result<TopicHandle, Problem> {
        Ok(TopicHandle(0))
    }
    fn plan(&mut self, _: &[u8]) -> Result<PlanId, Problem> {
        Ok(PlanId(0))
    }
    fn records(&mut self, _: TopicHandle, _: PlanId) -> &mut dyn RecordWriter {
        self
    }
    fn records_in(&mut self, _: TopicHandle, _: i32, _: PlanId) -> Result<&mut dyn RecordWriter, Problem> {
        Ok(self)
    }
    fn row_done(&mut self) -> Result<(), Problem> {
        Ok(())
    }
    fn commit(&mut self, _: Transaction, _: &[u8]) -> Result<(), Problem> {
        Ok(())
    }
    fn rollback(&mut self) -> Result<(), Problem> {
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

/// A source of nothing, whose form of keys and values is JSON.
struct Json;

impl Plugin for Json {
    fn classes(&self) -> &'static [&'static str] {
        &["speed.Json"]
    }
    fn kind(&self) -> Kind {
        Kind::Source
    }
    fn properties(&self) -> &[Property] {
        const {
            &[
                Property::new("key.converter.schemas.enable", Form::Bool, Some("true"), ""),
                Property::new("value.converter.schemas.enable", Form::Bool, Some("true"), ""),
            ]
        }
    }
    fn configure(&self, _: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        Ok((Instance::Source(Box::new(Json)), Vec::new()))
    }
}

impl Source for Json {
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

const UNWRAP: &[(&str, &str)] =
    &[("transforms", "u"), ("transforms.u.type", "io.debezium.transforms.ExtractNewRecordState")];
const ROUTE: &[(&str, &str)] = &[
    ("transforms.r.type", "RegexRouter"),
    ("transforms.r.regex", "([^.]+)[.]([^.]+)[.]([^.]+)"),
    ("transforms.r.replacement", "$3"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    for (what, properties) in [
        ("no transforms", Vec::new()),
        ("RegexRouter", [&[("transforms", "r")], ROUTE].concat()),
        ("StringConverter", vec![("value.converter", "StringConverter")]),
        ("ExtractNewRecordState", UNWRAP.to_vec()),
        ("ExtractNewRecordState, RegexRouter", [&[("transforms", "u,r")], &UNWRAP[1..], ROUTE].concat()),
    ] {
        let class = [("connector.class", "speed.Json")];
        let config: Config = class.iter().chain(&properties).map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let registry = Registry::new(vec![Arc::new(Json)]);
        let configured = registry.find("speed.Json")?.configure(&config);
        let (instance, _) = configured.map_err(|problems| format!("{problems:?}"))?;
        let Instance::Source(mut source) = instance else { return Err("no source".into()) };
        let mut writer = source.around(Box::new(Topics::default()));
        round(writer.as_mut())?;
        let before = processor_ns()?;
        round(writer.as_mut())?;
        let per_event = (processor_ns()? - before) as f64 / EVENTS as f64;
        writeln!(out, "{what}: {per_event:.0} ns/event, {:.0} events per second", 1e9 / per_event)?;
    }
    Ok(())
}

/// Nanoseconds of processor time of this process.
fn processor_ns() -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Inserts, in transactions of 100 rows.
fn round(writer: &mut dyn SourceWriter) -> Result<(), Problem> {
    let column = |name: &str, ty, type_name: &str, key: bool| Column {
        name: name.into(),
        ty,
        type_name: type_name.into(),
        nullable: !key,
        in_identity: key,
        default: None,
        declared: Declared::default(),
    };
    let table = TableSchema {
        name: TableName::new("public", "narrow"),
        columns: vec![
            column("id", ColumnType::Int8, "int8", true),
            column("quantity", ColumnType::Int4, "int4", false),
            column("note", ColumnType::Text, "text", false),
        ],
        key: vec![0],
        replica_identity: ReplicaIdentity::Default,
    };
    let options = EncodeOptions { prefix: "srv".into(), database: "db".into(), ..EncodeOptions::default() };
    let mut plan = Plan::compile(&table, "srv.public.narrow", &options);
    let (topic, id) = (writer.topic("srv.public.narrow")?, writer.plan(&plan.descriptor())?);
    for n in 0..EVENTS {
        let event = EventContext {
            snapshot: SnapshotMarker::False,
            source_time_us: 1_795_211_133_976_558 + (n / 100) as i64 * 1000,
            last_commit: Some(26_389_088 + n / 100 * 10_000),
            lsn: 26_389_144 + n * 96,
            xid: Some(732 + (n / 100) as u32),
            origin: None,
            xmin: None,
            transaction: None,
            now_ns: 1_795_211_134_000_123_456 + n as i64 * 1000,
        };
        let (key, quantity) = (n.to_string(), (n % 977).to_string());
        let row = [
            Cell::Text(key.as_bytes()),
            Cell::Text(quantity.as_bytes()),
            Cell::Text(b"a note of some thirty characters"),
        ];
        let records = writer.records(topic, id);
        records.prepare(plan.fragments());
        let written = plan.insert(&event, &row, records);
        written.map_err(|error| Problem::internal("ROW", error.to_string()))?;
        writer.row_done()?;
        if n % 100 == 99 {
            writer.commit(Transaction::default(), b"")?;
        }
    }
    Ok(())
}
