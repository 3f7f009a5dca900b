//! What an event costs: nanoseconds per narrow row (bigint, int, text), plan to bytes, schema block on and off.
//!
//! `cargo run --release -p tailwater-event --example encode_speed`

use std::io::Write;
use std::time::Instant;

use tailwater_event::debezium::{EncodeOptions, EventContext, Plan, SnapshotMarker};
use tailwater_event::{
    Cell, Column, ColumnType, Declared, FragmentId, Fragments, RecordWriter, ReplicaIdentity, SlotId, TableName,
    TableSchema,
};

const EVENTS: u64 = 2_000_000;
const ROUNDS: usize = 7;

/// Counts pieces, or copies them into a buffer that is emptied when it is full.
struct Sink {
    fragments: Fragments,
    copy: bool,
    buffer: Vec<u8>,
    bytes: u64,
}

impl RecordWriter for Sink {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
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
        let bytes = self.fragments.get(id);
        self.bytes += bytes.len() as u64;
        if self.copy {
            self.buffer.extend_from_slice(bytes);
        }
    }
    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.copy {
            self.buffer.extend_from_slice(bytes);
        }
    }
    fn end(&mut self) {}
}

fn main() -> std::io::Result<()> {
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
    let mut out = std::io::stdout();
    for schemas in [false, true] {
        for copy in [false, true] {
            let options = EncodeOptions {
                key_schemas: schemas,
                value_schemas: schemas,
                version: "0.1.0".into(),
                prefix: "srv".into(),
                database: "db".into(),
                ..EncodeOptions::default()
            };
            let mut plan = Plan::compile(&table, "srv.public.narrow", &options);
            let mut sink = Sink { fragments: plan.fragments().clone(), copy, buffer: Vec::new(), bytes: 0 };
            let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(&mut plan, &mut sink)).collect();
            rounds.sort_by(f64::total_cmp);
            let per_event = sink.bytes / (EVENTS * ROUNDS as u64);
            writeln!(
                out,
                "schema block {}, fragments {}: {:.0} ns/event (median of {ROUNDS}), {per_event} B/event",
                if schemas { "on" } else { "off" },
                if copy { "copied" } else { "named" },
                rounds[ROUNDS / 2],
            )?;
        }
    }
    Ok(())
}

/// One event each of transactions of 100 rows; returns nanoseconds per event.
fn round(plan: &mut Plan, sink: &mut Sink) -> f64 {
    let start = Instant::now();
    let mut id = itoa::Buffer::new();
    let mut quantity = itoa::Buffer::new();
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
        let row = [
            Cell::Text(id.format(n).as_bytes()),
            Cell::Text(quantity.format(n % 977).as_bytes()),
            Cell::Text(b"a note of some thirty characters"),
        ];
        let _ = plan.insert(&event, &row, sink);
    }
    start.elapsed().as_nanos() as f64 / EVENTS as f64
}
