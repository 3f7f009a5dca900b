//! The constant bytes of a plan's records, merged into as few fragments as possible, and the order in which they
//! alternate with what varies.

use crate::{FragmentId, Fragments, RecordWriter, SlotId, TableSchema};

use super::columns::{Image, PlanColumn, PlanColumns};
use super::message::push_id;
use super::schema_block::{Field, envelope_schema, key_schema, string_header};
use super::source_block::{self, Cached, Kept, Stamp, push_last_commit, push_lsn, push_or_null, push_xid};
use super::value::json::push_str;
use super::value::number::push_i64;
use super::{EncodeOptions, EventContext, SnapshotMarker};

/// The envelope's `op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Read,
    Create,
    Update,
    Delete,
    Truncate,
}

/// The row images of an envelope.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows<'a> {
    pub(super) before: Option<&'a Image>,
    pub(super) after: Option<&'a Image>,
}

const OPS: [(Op, char); 5] =
    [(Op::Read, 'r'), (Op::Create, 'c'), (Op::Update, 'u'), (Op::Delete, 'd'), (Op::Truncate, 't')];
const MARKERS: [(SnapshotMarker, &str); 7] = [
    (SnapshotMarker::False, source_block::SNAPSHOT_DEFAULT),
    (SnapshotMarker::First, "first"),
    (SnapshotMarker::FirstInTable, "first_in_data_collection"),
    (SnapshotMarker::True, "true"),
    (SnapshotMarker::LastInTable, "last_in_data_collection"),
    (SnapshotMarker::Last, "last"),
    (SnapshotMarker::Incremental, "incremental"),
];

/// Slots of the envelope, counted from the first one after the columns.
const SOURCE_MS: u16 = 0;
const LAST_COMMIT: u16 = 1;
const SEQUENCE_LSN: u16 = 2;
const SOURCE_US: u16 = 3;
const SOURCE_NS: u16 = 4;
const XID: u16 = 5;
const LSN: u16 = 6;
const ORIGIN: u16 = 7;
const NOW_MS: u16 = 8;
const NOW_US: u16 = 9;
const NOW_NS: u16 = 10;
const ORIGIN_LSN: u16 = 11;
const XMIN: u16 = 12;
const TRANSACTION_ID: u16 = 13;
const TOTAL_ORDER: u16 = 14;
const COLLECTION_ORDER: u16 = 15;

/// A struct of columns: what stands before the first, between and after them, and the first one's slot.
#[derive(Clone, Debug)]
struct Struct {
    open: FragmentId,
    separators: Vec<FragmentId>,
    close: FragmentId,
    slot: u16,
}

/// What is constant.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) fragments: Fragments,
    /// `{"schema":…,"payload":` of values; empty without schemas.
    pub(super) value_prefix: Vec<u8>,
    key: Option<Struct>,
    key_header: Option<Struct>,
    value_head: FragmentId,
    before: Struct,
    after: Struct,
    before_only_close: FragmentId,
    before_to_after: FragmentId,
    no_images: FragmentId,
    snapshot: [FragmentId; 7],
    sequence_middle: FragmentId,
    sequence_to_us: FragmentId,
    us: FragmentId,
    ns: FragmentId,
    table_to_xid: FragmentId,
    lsn: FragmentId,
    xmin: FragmentId,
    origin: FragmentId,
    origin_lsn: FragmentId,
    transaction_id: FragmentId,
    total_order: FragmentId,
    collection_order: FragmentId,
    /// From the position to the clocks, where all between is null.
    after_lsn: [FragmentId; 5],
    after_origin: [FragmentId; 5],
    after_transaction: [FragmentId; 5],
    close: FragmentId,
    headers: Vec<(String, FragmentId)>,
    slot: u16,
    /// How many of the columns rows have.
    row: usize,
}

/// Collects fragments; equal bytes get one id.
#[derive(Default)]
struct Builder(Vec<Vec<u8>>);

impl Builder {
    fn add(&mut self, bytes: Vec<u8>) -> FragmentId {
        let at = self.0.iter().rposition(|known| *known == bytes).unwrap_or_else(|| {
            self.0.push(bytes);
            self.0.len() - 1
        });
        // PostgreSQL allows 1,600 columns and a plan needs some fragments per column: far below 65,536.
        FragmentId(u16::try_from(at).unwrap_or(u16::MAX))
    }

    fn columns(&mut self, open: Vec<u8>, columns: &[&PlanColumn], close: &[u8], slot: u16) -> Struct {
        let mut open = open;
        if let Some(first) = columns.first() {
            open.extend(first.label());
        }
        Struct {
            open: self.add(open),
            separators: columns.iter().skip(1).map(|c| self.add([b",", c.label().as_slice()].concat())).collect(),
            close: self.add(close.to_vec()),
            slot,
        }
    }
}

impl Layout {
    /// Merges everything that does not vary between the records of a table.
    pub(super) fn compile(
        schema: &TableSchema,
        topic: &str,
        columns: &PlanColumns,
        key_field: Option<&(String, String)>,
        options: &EncodeOptions,
    ) -> Layout {
        let mut build = Builder::default();
        let table = &schema.name;
        let keys: Vec<&PlanColumn> = columns.key.iter().filter_map(|&at| columns.all.get(at)).collect();
        let all: Vec<&PlanColumn> = columns.all.iter().take(columns.row).collect();
        let slots = |n: usize| u16::try_from(n).unwrap_or(0);
        let (key_slot, header_slot) = (0, slots(keys.len()));
        let (before_slot, after_slot) = (slots(2 * keys.len()), slots(2 * keys.len() + all.len()));
        let slot = slots(2 * keys.len() + 2 * all.len());

        // A key of which no column has a form is the same for every row and so none; the original writes it, without fields.
        let keyed = !keys.is_empty() || key_field.is_some() || (options.strict && !schema.key.is_empty());
        let key_form = |schemas: bool, slot: u16, build: &mut Builder| {
            let name = options.schema_names.schema(&format!("{topic}.Key"));
            let schema = key_schema(&name, &fields(&keys, false), key_field.map(|(name, _)| name.as_str()));
            let mut open = prefix(&schema, schemas);
            open.push(b'{');
            let mut close = Vec::new();
            if let Some((name, text)) = key_field {
                close.extend_from_slice(if keys.is_empty() { b"" } else { b"," });
                push_str(name, &mut close);
                close.push(b':');
                push_str(text, &mut close);
            }
            close.extend_from_slice(if schemas { b"}}" } else { b"}" });
            keyed.then(|| build.columns(open, &keys, &close, slot))
        };
        let key_struct = key_form(options.key_schemas, key_slot, &mut build);
        let key_header = key_form(options.header_schemas, header_slot, &mut build);

        let value_prefix =
            prefix(&envelope_schema(topic, &fields(&all, true), options.schema_names), options.value_schemas);
        let value_head = build.add([&value_prefix, &b"{\"before\":"[..]].concat());
        let source = source_block::head(&options.version, &options.prefix);
        let to_source = [&b"},"[..], &source].concat();
        let before = build.columns(b"{".to_vec(), &all, b"", before_slot);
        let after = build.columns(b"null,\"after\":{".to_vec(), &all, &to_source, after_slot);
        let before_to_after = build.columns(b"},\"after\":{".to_vec(), &all, b"", after_slot).open;
        let end = if options.value_schemas { b"}}".to_vec() } else { b"}".to_vec() };
        let ops = |lead: &str| {
            OPS.map(|(_, op)| format!("{lead}}},\"transaction\":null,\"op\":\"{op}\",\"ts_ms\":").into_bytes())
        };
        Layout {
            key: key_struct,
            key_header,
            value_head,
            before,
            after,
            before_only_close: build.add([&b"},\"after\":null,"[..], &source].concat()),
            before_to_after,
            no_images: build.add([&b"null,\"after\":null,"[..], &source].concat()),
            snapshot: MARKERS.map(|(_, text)| build.add(source_block::snapshot_to_sequence(text, options))),
            sequence_middle: build.add(b",\\\"".to_vec()),
            sequence_to_us: build.add(b"\\\"]\",\"ts_us\":".to_vec()),
            us: build.add(b",\"ts_us\":".to_vec()),
            ns: build.add(b",\"ts_ns\":".to_vec()),
            table_to_xid: build.add(source_block::table_to_xid(&table.schema, &table.table)),
            lsn: build.add(b",\"lsn\":".to_vec()),
            xmin: build.add(b",\"xmin\":".to_vec()),
            origin: build.add(b",\"origin\":".to_vec()),
            origin_lsn: build.add(b",\"origin_lsn\":".to_vec()),
            after_lsn: ops(",\"xmin\":null,\"origin\":null,\"origin_lsn\":null").map(|bytes| build.add(bytes)),
            after_origin: ops("").map(|bytes| build.add(bytes)),
            transaction_id: build.add(b"},\"transaction\":{\"id\":\"".to_vec()),
            total_order: build.add(b"\",\"total_order\":".to_vec()),
            collection_order: build.add(b",\"data_collection_order\":".to_vec()),
            after_transaction: OPS.map(|(_, op)| build.add(format!("}},\"op\":\"{op}\",\"ts_ms\":").into_bytes())),
            close: build.add(end),
            headers: options
                .context_headers
                .iter()
                .map(|(name, text)| (name.clone(), build.add(string_header(text, options.header_schemas))))
                .collect(),
            slot,
            row: columns.row,
            value_prefix,
            fragments: Fragments::new(build.0),
        }
    }

    /// Writes the key, if the table has one.
    pub(super) fn write_key(
        &self,
        key: &[usize],
        columns: &[PlanColumn],
        image: &Image,
        writer: &mut dyn RecordWriter,
    ) {
        if let Some(form) = &self.key {
            writer.key();
            form.write(form.open, key_values(key, columns, image), writer);
            writer.fragment(form.close);
        }
    }

    /// Writes a header that holds a key (`__debezium.newkey`, `__debezium.oldkey`).
    pub(super) fn write_key_header(
        &self,
        name: &str,
        key: &[usize],
        columns: &[PlanColumn],
        image: &Image,
        writer: &mut dyn RecordWriter,
    ) {
        if let Some(form) = &self.key_header {
            writer.header(name);
            form.write(form.open, key_values(key, columns, image), writer);
            writer.fragment(form.close);
        }
    }

    /// Writes the context headers.
    pub(super) fn write_headers(&self, writer: &mut dyn RecordWriter) {
        for (name, value) in &self.headers {
            writer.header(name);
            writer.fragment(*value);
        }
    }

    /// Writes the envelope.
    pub(super) fn write_value(
        &self,
        op: Op,
        columns: &[PlanColumn],
        rows: Rows<'_>,
        clock: &mut Clock,
        event: &EventContext<'_>,
        writer: &mut dyn RecordWriter,
    ) {
        let columns = columns.get(..self.row).unwrap_or(columns);
        let row = |image| columns.iter().enumerate().map(move |(at, c)| Image::value(image, at, c));
        writer.value();
        writer.fragment(self.value_head);
        match (rows.before, rows.after) {
            (None, None) => writer.fragment(self.no_images),
            (None, Some(after)) => {
                self.after.write(self.after.open, row(after), writer);
                writer.fragment(self.after.close);
            }
            (Some(before), None) => {
                self.before.write(self.before.open, row(before), writer);
                writer.fragment(self.before_only_close);
            }
            (Some(before), Some(after)) => {
                self.before.write(self.before.open, row(before), writer);
                self.after.write(self.before_to_after, row(after), writer);
                writer.fragment(self.after.close);
            }
        }
        self.write_source_to_end(op, clock, event, writer);
    }

    fn write_source_to_end(&self, op: Op, clock: &mut Clock, event: &EventContext<'_>, writer: &mut dyn RecordWriter) {
        let slot = |n: u16| SlotId(self.slot + n);
        let fragments = &self.fragments;
        let Clock { source, now, lsn, text, to_sequence, to_lsn, end } = clock;
        let lsn = lsn.text(event.lsn, push_lsn);
        let EventContext { snapshot, source_time_us, last_commit, xid, now_ns, .. } = *event;
        let op = OPS.iter().position(|(known, _)| *known == op).unwrap_or(0);

        source.set(source_time_us.saturating_mul(1000));
        writer.passage(to_sequence.passage((source_time_us, snapshot, last_commit), |passage| {
            let marker = MARKERS.iter().position(|(marker, _)| *marker == snapshot).unwrap_or(0);
            passage.literal(slot(SOURCE_MS), source.millis());
            passage.fragment(fragments, self.snapshot[marker]);
            passage.literal(slot(LAST_COMMIT), written(text, |out| push_last_commit(last_commit, out)));
            passage.fragment(fragments, self.sequence_middle);
        }));
        writer.literal(slot(SEQUENCE_LSN), lsn);
        writer.passage(to_lsn.passage((source_time_us, xid), |passage| {
            passage.fragment(fragments, self.sequence_to_us);
            passage.literal(slot(SOURCE_US), source.micros());
            passage.fragment(fragments, self.ns);
            passage.literal(slot(SOURCE_NS), source.nanos());
            passage.fragment(fragments, self.table_to_xid);
            passage.literal(slot(XID), written(text, |out| push_xid(xid, out)));
            passage.fragment(fragments, self.lsn);
        }));
        writer.literal(slot(LSN), if snapshot == SnapshotMarker::Incremental { b"null" } else { lsn });
        if event.origin.is_none() && event.xmin.is_none() && event.transaction.is_none() {
            writer.fragment(self.after_lsn[op]);
        } else {
            self.write_xmin_to_op(op, text, event, writer);
        }
        writer.passage(end.passage(now_ns, |passage| {
            now.set(now_ns);
            passage.literal(slot(NOW_MS), now.millis());
            passage.fragment(fragments, self.us);
            passage.literal(slot(NOW_US), now.micros());
            passage.fragment(fragments, self.ns);
            passage.literal(slot(NOW_NS), now.nanos());
            passage.fragment(fragments, self.close);
        }));
    }
}

impl Layout {
    /// What is null in most events.
    fn write_xmin_to_op(&self, op: usize, text: &mut Vec<u8>, event: &EventContext<'_>, writer: &mut dyn RecordWriter) {
        let mut literal = |slot: u16, writer: &mut dyn RecordWriter, push: &dyn Fn(&mut Vec<u8>)| {
            writer.literal(SlotId(self.slot + slot), written(text, push));
        };
        let (name, origin_lsn) = event.origin.unzip();
        writer.fragment(self.xmin);
        literal(XMIN, writer, &|out| push_or_null(event.xmin, push_i64, out));
        writer.fragment(self.origin);
        literal(ORIGIN, writer, &|out| push_or_null(name, push_str, out));
        writer.fragment(self.origin_lsn);
        literal(ORIGIN_LSN, writer, &|out| push_or_null(origin_lsn, push_lsn, out));
        let Some(place) = event.transaction else {
            writer.fragment(self.after_origin[op]);
            return;
        };
        writer.fragment(self.transaction_id);
        literal(TRANSACTION_ID, writer, &|out| push_id(event.xid, event.lsn, out));
        writer.fragment(self.total_order);
        literal(TOTAL_ORDER, writer, &|out| push_lsn(place.total_order, out));
        writer.fragment(self.collection_order);
        literal(COLLECTION_ORDER, writer, &|out| push_lsn(place.collection_order, out));
        writer.fragment(self.after_transaction[op]);
    }
}

impl Struct {
    /// Everything but the close.
    fn write<'a>(&self, open: FragmentId, values: impl Iterator<Item = &'a [u8]>, writer: &mut dyn RecordWriter) {
        writer.fragment(open);
        let mut separators = self.separators.iter();
        for (slot, value) in (self.slot..).zip(values) {
            if slot > self.slot
                && let Some(separator) = separators.next()
            {
                writer.fragment(*separator);
            }
            writer.literal(SlotId(slot), value);
        }
    }
}

/// Formatted parts of `source` and the clocks, kept from event to event.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    source: Stamp,
    now: Stamp,
    lsn: Cached<u64>,
    /// For what is rare.
    text: Vec<u8>,
    /// From `ts_ms` into `sequence`.
    to_sequence: Kept<(i64, SnapshotMarker, Option<u64>)>,
    /// From there to `lsn`.
    to_lsn: Kept<(i64, Option<u32>)>,
    /// The envelope's clocks.
    end: Kept<i64>,
}

impl Default for Clock {
    fn default() -> Self {
        Clock {
            source: Stamp::default(),
            now: Stamp::default(),
            lsn: Cached::default(),
            text: Vec::new(),
            to_sequence: Kept::new(0),
            to_lsn: Kept::new(1),
            end: Kept::new(2),
        }
    }
}

/// What `push` writes.
fn written(text: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
    text.clear();
    push(text);
    text
}

fn key_values<'a>(key: &'a [usize], columns: &'a [PlanColumn], image: &'a Image) -> impl Iterator<Item = &'a [u8]> {
    key.iter().filter_map(move |&at| columns.get(at).map(|column| image.key_value(at, column)))
}

/// The fields of a row's schema, or of a key's, which has no parameters of a shape.
fn fields<'a>(columns: &[&'a PlanColumn], of_row: bool) -> Vec<Field<'a>> {
    columns
        .iter()
        .map(|c| Field {
            name: &c.field,
            codec: &c.codec,
            optional: c.optional,
            default: c.default.as_deref(),
            parameters: if of_row { &c.parameters } else { &[] },
        })
        .collect()
}

/// `{"schema":…,"payload":`, or nothing.
fn prefix(schema: &[u8], schemas: bool) -> Vec<u8> {
    if schemas { [b"{\"schema\":", schema, b",\"payload\":"].concat() } else { Vec::new() }
}
