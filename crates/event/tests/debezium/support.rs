//! A writer that keeps records, and short ways to tables and rows.

use serde_json::Value;
use tailwater_event::debezium::{EncodeOptions, EventContext, Plan, SnapshotMarker};
use tailwater_event::{
    Cell, Column, ColumnType, Declared, FragmentId, Fragments, RecordWriter, ReplicaIdentity, SlotId, TableName,
    TableSchema,
};

/// A record as a reader would see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    pub fn key(&self) -> Value {
        json(self.key.as_deref())
    }

    pub fn value(&self) -> Value {
        json(self.value.as_deref())
    }

    pub fn header(&self, name: &str) -> Value {
        json(self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice()))
    }
}

fn json(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |b| serde_json::from_slice(b).unwrap())
}

/// Collects records; refuses pieces out of order.
#[derive(Default)]
pub struct Collector {
    fragments: Fragments,
    open: Option<(Record, Part)>,
    pub records: Vec<Record>,
    /// Fragments and literals of the last record.
    pub pieces: usize,
}

#[derive(Clone, Copy)]
enum Part {
    Nothing,
    Key,
    Value,
    Header,
}

impl Collector {
    fn push(&mut self, bytes: &[u8]) {
        self.pieces += 1;
        let (record, part) = self.open.as_mut().unwrap();
        match part {
            Part::Nothing => unreachable!("a piece before key, value or header"),
            Part::Key => record.key.as_mut().unwrap(),
            Part::Value => record.value.as_mut().unwrap(),
            Part::Header => &mut record.headers.last_mut().unwrap().1,
        }
        .extend_from_slice(bytes);
    }
}

impl RecordWriter for Collector {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
    }

    fn begin(&mut self, timestamp_ms: i64) {
        assert!(self.open.is_none());
        self.pieces = 0;
        self.open = Some((Record { timestamp: timestamp_ms, ..Record::default() }, Part::Nothing));
    }

    fn key(&mut self) {
        let (record, part) = self.open.as_mut().unwrap();
        assert!(record.key.is_none() && record.value.is_none());
        (record.key, *part) = (Some(Vec::new()), Part::Key);
    }

    fn value(&mut self) {
        let (record, part) = self.open.as_mut().unwrap();
        assert!(record.value.is_none() && record.headers.is_empty());
        (record.value, *part) = (Some(Vec::new()), Part::Value);
    }

    fn header(&mut self, name: &str) {
        let (record, part) = self.open.as_mut().unwrap();
        record.headers.push((name.to_owned(), Vec::new()));
        *part = Part::Header;
    }
    fn null_header(&mut self, name: &str) {
        unreachable!("no plan writes null headers: {name}");
    }

    fn fragment(&mut self, id: FragmentId) {
        assert!(usize::from(id.0) < self.fragments.len());
        let bytes = self.fragments.get(id).to_vec();
        self.push(&bytes);
    }

    fn literal(&mut self, _slot: SlotId, bytes: &[u8]) {
        self.push(bytes);
    }

    fn end(&mut self) {
        self.records.extend(self.open.take().map(|(record, _)| record));
    }
}

/// A nullable column outside the key.
pub fn column(name: &str, ty: ColumnType, type_name: &str) -> Column {
    Column {
        name: name.into(),
        ty,
        type_name: type_name.into(),
        nullable: true,
        in_identity: false,
        default: None,
        declared: Declared::default(),
    }
}

/// An `int4` primary key column.
pub fn id() -> Column {
    Column { nullable: false, in_identity: true, ..column("id", ColumnType::Int4, "int4") }
}

/// `public.NAME` with its first column as key.
pub fn table(name: &str, columns: Vec<Column>) -> TableSchema {
    TableSchema {
        name: TableName::new("public", name),
        columns,
        key: vec![0],
        replica_identity: ReplicaIdentity::Default,
    }
}

/// A plan of `public.NAME` under prefix `srv` and database `db`.
pub fn plan(schema: &TableSchema, options: EncodeOptions) -> Plan {
    let options = EncodeOptions { version: "0.1".into(), prefix: "srv".into(), database: "db".into(), ..options };
    Plan::compile(schema, &tailwater_event::topic::table_topic("srv", &schema.name), &options)
}

/// A streamed event at fixed clocks.
pub fn event() -> EventContext<'static> {
    EventContext {
        snapshot: SnapshotMarker::False,
        source_time_us: 1_795_211_133_976_558,
        last_commit: Some(26_389_088),
        lsn: 26_389_144,
        xid: Some(732),
        origin: None,
        xmin: None,
        transaction: None,
        now_ns: 1_795_211_134_000_123_456,
    }
}

/// Cells from text; `None` is NULL.
pub fn cells<'a>(texts: &[Option<&'a str>]) -> Vec<Cell<'a>> {
    texts.iter().map(|text| text.map_or(Cell::Null, |t| Cell::Text(t.as_bytes()))).collect()
}

/// Runs `write` with a prepared collector.
pub fn collect(plan: &mut Plan, write: impl FnOnce(&mut Plan, &mut Collector)) -> Vec<Record> {
    let mut collector = Collector::default();
    collector.prepare(plan.fragments());
    write(plan, &mut collector);
    collector.records
}
