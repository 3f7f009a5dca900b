//! What the pivot sink promises: the tutorial's rows, the three kinds of nothing, the same bytes after a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use tailwater_connector::PlanId;
use tailwater_event::debezium::{EncodeOptions, EventContext, FixedKind, FixedPlan, Plan, SnapshotMarker};
use tailwater_event::{
    Cell, Column, ColumnType, Declared, FragmentId, Fragments, OldRow, RecordWriter, ReplicaIdentity, SlotId,
    TableName, TableSchema,
};

use super::build;
use crate::Surroundings;
use crate::testing::{Memory, clock, config, deliver, record, tree};

const TOPIC: &str = "srv.bank.holding";
/// 2026-11-21 04:05:06.123456 UTC.
const COMMIT_US: i64 = 1_795_233_906_123_456;
const COMMIT: &str = "2026-11-21 04:05:06.123456";

fn column(name: &str, ty: ColumnType, in_identity: bool) -> Column {
    Column {
        name: name.into(),
        ty,
        type_name: String::new(),
        nullable: true,
        in_identity,
        default: None,
        declared: Declared::default(),
    }
}

/// The tutorial's table, without the columns that its exercise leaves out.
fn holding(identity: ReplicaIdentity) -> TableSchema {
    let full = identity == ReplicaIdentity::Full;
    TableSchema {
        name: TableName::new("bank", "holding"),
        columns: vec![
            column("holding_id", ColumnType::Int4, true),
            column("user_id", ColumnType::Int4, full),
            column("holding_stock", ColumnType::Text, full),
            column("holding_quantity", ColumnType::Int4, full),
        ],
        key: vec![0],
        replica_identity: identity,
    }
}

/// Writes changes of one table into a topic, as a source does.
struct Table {
    memory: Memory,
    id: PlanId,
    plan: Plan,
}

impl Table {
    fn new(memory: &Memory, id: u32, schema: &TableSchema) -> Table {
        let options = EncodeOptions { prefix: "srv".into(), database: "bank".into(), ..EncodeOptions::default() };
        let plan = Plan::compile(schema, TOPIC, &options);
        memory.add_plan(PlanId(id), plan.descriptor());
        Table { memory: memory.clone(), id: PlanId(id), plan }
    }

    fn write(&mut self, encode: impl FnOnce(&mut Plan, &EventContext<'_>, &mut dyn RecordWriter)) {
        let event = EventContext {
            snapshot: SnapshotMarker::False,
            source_time_us: COMMIT_US,
            last_commit: None,
            lsn: 1,
            xid: Some(1),
            origin: None,
            xmin: None,
            transaction: None,
            now_ns: COMMIT_US * 1000 + 5_000_000,
        };
        let mut values = Values::default();
        values.prepare(self.plan.fragments());
        encode(&mut self.plan, &event, &mut values);
        for value in values.done {
            let mut record = record(None, Some(self.id), 0);
            record.value = value.map(Bytes::from);
            self.memory.append(TOPIC, 0, record);
        }
    }

    fn read(&mut self, row: &[Cell<'_>]) {
        self.write(|plan, event, writer| assert!(plan.read(event, row, writer).is_ok()));
    }

    fn insert(&mut self, row: &[Cell<'_>]) {
        self.write(|plan, event, writer| assert!(plan.insert(event, row, writer).is_ok()));
    }

    fn update(&mut self, old: OldRow<'_>, new: &[Cell<'_>]) {
        self.write(|plan, event, writer| assert!(plan.update(event, old, new, writer).is_ok()));
    }

    fn delete(&mut self, old: OldRow<'_>) {
        self.write(|plan, event, writer| assert!(plan.delete(event, old, writer).is_ok()));
    }
}

/// Keeps the values of records.
#[derive(Default)]
struct Values {
    fragments: Fragments,
    in_value: bool,
    open: Option<Vec<u8>>,
    done: Vec<Option<Vec<u8>>>,
}

impl RecordWriter for Values {
    fn prepare(&mut self, fragments: &Fragments) {
        self.fragments = fragments.clone();
    }
    fn begin(&mut self, _: i64) {
        self.open = None;
    }
    fn key(&mut self) {
        self.in_value = false;
    }
    fn value(&mut self) {
        self.in_value = true;
        self.open = Some(Vec::new());
    }
    fn header(&mut self, _: &str) {
        self.in_value = false;
    }
    fn null_header(&mut self, _: &str) {
        self.in_value = false;
    }
    fn fragment(&mut self, id: FragmentId) {
        if let Some(open) = self.open.as_mut().filter(|_| self.in_value) {
            open.extend_from_slice(self.fragments.get(id));
        }
    }
    fn literal(&mut self, _: SlotId, bytes: &[u8]) {
        if let Some(open) = self.open.as_mut().filter(|_| self.in_value) {
            open.extend_from_slice(bytes);
        }
    }
    fn end(&mut self) {
        self.in_value = false;
        self.done.push(self.open.take());
    }
}

fn row<'a>(cells: [&'a str; 4]) -> [Cell<'a>; 4] {
    cells.map(|text| if text == "NULL" { Cell::Null } else { Cell::Text(text.as_bytes()) })
}

/// The files' text after what is visible was delivered.
fn pivot(memory: &Memory, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), &[&[("topics", TOPIC)], more].concat());
    let now_us = Arc::new(AtomicI64::new(0));
    let (mut sink, warnings) =
        build(&config, &Surroundings::default(), clock(&now_us)).map_err(|p| format!("{p:?}")).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    deliver(&mut sink, memory).1.unwrap();
    tree(dir.path()).into_iter().collect()
}

/// Rows of the only file without its first line, without the times and with one blank for each comma.
fn rows(memory: &Memory, more: &[(&str, &str)]) -> Vec<String> {
    let files = pivot(memory, more);
    assert!(files.len() <= 1, "{files:?}");
    let text = files.into_iter().next().unwrap_or_default().1;
    let short = |line: &str| line.replace(COMMIT, "*").replace("1970-01-01 00:00:00.000000", "now").replace(',', " ");
    text.lines().skip(1).map(short).collect()
}

/// The exercise of the tutorial: one row from the snapshot, three inserts, two changes of a quantity, two deletes.
fn exercise(memory: &Memory) {
    let mut table = Table::new(memory, 1, &holding(ReplicaIdentity::Full));
    let first = row(["1000", "1", "VFIAX", "10"]);
    let second = row(["1001", "2", "SP500", "1"]);
    let third = row(["1002", "3", "SP500", "1"]);
    let fourth = row(["1003", "3", "VTSAX", "100"]);
    table.read(&first);
    table.insert(&second);
    table.insert(&third);
    table.update(OldRow::Full(&first), &row(["1000", "1", "VFIAX", "100"]));
    table.delete(OldRow::Full(&third));
    table.delete(OldRow::Full(&second));
    table.insert(&fourth);
    table.update(OldRow::Full(&fourth), &row(["1003", "3", "VTSAX", "10"]));
}

#[test]
fn the_tutorials_exercise_leaves_its_twelve_rows() {
    let memory = Memory::default();
    exercise(&memory);
    let found = rows(&memory, &[("pivot.carry", "user_id")]);
    let expected = [
        "1001 2 holding_stock  SP500 *   now c",
        "1001 2 holding_quantity  1 *   now c",
        "1002 3 holding_stock  SP500 *   now c",
        "1002 3 holding_quantity  1 *   now c",
        "1000 1 holding_quantity 10 100  *  now u",
        "1002 3 holding_stock SP500    * now d",
        "1002 3 holding_quantity 1    * now d",
        "1001 2 holding_stock SP500    * now d",
        "1001 2 holding_quantity 1    * now d",
        "1003 3 holding_stock  VTSAX *   now c",
        "1003 3 holding_quantity  100 *   now c",
        "1003 3 holding_quantity 100 10  *  now u",
    ];
    assert_eq!(found, expected);
}

#[test]
fn unchanged_fields_and_snapshot_rows_come_when_asked_for() {
    let memory = Memory::default();
    exercise(&memory);
    let carry = ("pivot.carry", "user_id");
    assert_eq!(rows(&memory, &[carry, ("pivot.unchanged", "emit")]).len(), 14);
    let memory = Memory::default();
    exercise(&memory);
    let with_snapshot = rows(&memory, &[carry, ("pivot.snapshot", "emit")]);
    assert_eq!(with_snapshot.len(), 14);
    assert_eq!(with_snapshot[0], "1000 1 holding_stock  VFIAX    now r");
    let memory = Memory::default();
    exercise(&memory);
    assert_eq!(rows(&memory, &[carry, ("pivot.fields", "holding_quantity")]).len(), 7);
}

#[test]
fn the_first_line_names_key_carried_and_fixed_columns_and_the_file_lies_below_its_topic() {
    let memory = Memory::default();
    exercise(&memory);
    let files = pivot(&memory, &[("pivot.carry", "user_id")]);
    assert_eq!(files[0].0, "pivot/srv.bank.holding/partition=0/srv.bank.holding+0+0000000001.csv");
    let header = "holding_id,user_id,change_field,old_value,new_value,datetime_created,datetime_updated,\
                  datetime_deleted,datetime_inserted,op";
    assert_eq!(files[0].1.lines().next(), Some(header));
}

#[test]
fn null_empty_text_unchanged_and_unknown_are_four_things() {
    let memory = Memory::default();
    let mut table = Table::new(&memory, 1, &holding(ReplicaIdentity::Full));
    let (null, empty) = (row(["1", "1", "NULL", "5"]), row(["1", "1", "", "5"]));
    table.update(OldRow::Full(&null), &empty);
    table.update(OldRow::Full(&empty), &null);
    let mut untouched = row(["1", "1", "", "6"]);
    untouched[2] = Cell::Unchanged;
    table.update(OldRow::Full(&null), &untouched);
    let mut table = Table::new(&memory, 2, &holding(ReplicaIdentity::Default));
    table.update(OldRow::None, &untouched);
    table.delete(OldRow::Key(&row(["1", "NULL", "NULL", "NULL"])));
    let expected = [
        "1 1 holding_stock  \"\"  *  now u",
        "1 1 holding_stock \"\"   *  now u",
        "1 1 holding_quantity 5 6  *  now u",
        "1 1 holding_quantity ? 6  *  now u",
        "1 ? holding_stock ?    * now d",
        "1 ? holding_quantity ?    * now d",
    ];
    assert_eq!(rows(&memory, &[("pivot.carry", "user_id")]), expected);
}

#[test]
fn a_changed_owner_and_a_changed_key_are_not_lost() {
    let memory = Memory::default();
    let mut table = Table::new(&memory, 1, &holding(ReplicaIdentity::Full));
    let old = row(["1", "7", "A", "5"]);
    table.update(OldRow::Full(&old), &row(["1", "8", "A", "5"]));
    table.update(OldRow::Full(&row(["1", "8", "A", "5"])), &row(["2", "8", "A", "5"]));
    let expected = [
        "1 8 user_id 7 8  *  now u",
        "1 8 holding_stock A    * now d",
        "1 8 holding_quantity 5    * now d",
        "2 8 holding_stock  A *   now c",
        "2 8 holding_quantity  5 *   now c",
    ];
    assert_eq!(rows(&memory, &[("pivot.carry", "user_id")]), expected);
}

#[test]
fn a_truncate_and_a_table_of_keys_leave_one_row_a_change() {
    let memory = Memory::default();
    let mut keys = holding(ReplicaIdentity::Full);
    keys.columns.truncate(1);
    let mut table = Table::new(&memory, 1, &keys);
    table.insert(&[Cell::Text(b"5")]);
    table.write(|plan, event, writer| assert!(plan.truncate(event, writer).is_ok()));
    assert_eq!(rows(&memory, &[]), ["5    *   now c", "      * now t"]);
}

#[test]
fn a_table_with_new_columns_begins_a_new_file() {
    let memory = Memory::default();
    Table::new(&memory, 1, &holding(ReplicaIdentity::Full)).insert(&row(["1", "1", "A", "5"]));
    let mut two_keys = holding(ReplicaIdentity::Full);
    two_keys.key = vec![0, 1];
    Table::new(&memory, 2, &two_keys).insert(&row(["2", "1", "A", "5"]));
    let files = pivot(&memory, &[]);
    let first_lines: Vec<_> = files.iter().map(|(_, text)| text.split(",change_field").next().unwrap()).collect();
    assert_eq!(first_lines, ["holding_id", "holding_id,user_id"]);
}

#[test]
fn a_file_that_is_written_again_has_the_time_of_its_first_attempt() {
    let files = |kill: Option<(usize, bool)>| {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        exercise(&memory);
        let config = config(dir.path(), &[("topics", TOPIC)]);
        let now_us = Arc::new(AtomicI64::new(7));
        let run = || deliver(&mut build(&config, &Surroundings::default(), clock(&now_us)).ok().unwrap().0, &memory).1;
        if let Some((writes, after)) = kill {
            memory.kill_at(writes, after);
            assert!(run().is_err());
            memory.revive();
            now_us.store(1_000_000, Ordering::SeqCst);
        }
        run().unwrap();
        tree(dir.path())
    };
    let undisturbed = files(None);
    assert!(undisturbed.values().all(|text| text.contains("1970-01-01 00:00:00.000007")));
    // The writes of entries are: where the partition begins, the plan, the offset.
    for kill in [(1, true), (2, false)] {
        assert_eq!(files(Some(kill)), undisturbed, "{kill:?}");
    }
}

#[test]
fn properties_that_would_change_the_columns_of_a_planned_file_wait_until_it_is_written() {
    let memory = Memory::default();
    let mut before = holding(ReplicaIdentity::Full);
    before.columns.remove(1);
    Table::new(&memory, 1, &before).insert(&[Cell::Text(b"1"), Cell::Text(b"A"), Cell::Text(b"5")]);
    Table::new(&memory, 2, &holding(ReplicaIdentity::Full)).insert(&row(["2", "1", "A", "5"]));
    let dir = tempfile::tempdir().unwrap();
    let run = |carry: &str| {
        let config = config(dir.path(), &[("topics", TOPIC), ("pivot.carry", carry)]);
        deliver(&mut build(&config, &Surroundings::default(), clock(&Arc::default())).ok().unwrap().0, &memory).1
    };
    memory.kill_at(1, true);
    assert_eq!(run("").unwrap_err().code, "KILLED");
    memory.revive();
    assert_eq!(run("user_id").unwrap_err().code, "SINK_PLAN_CHANGED");
    run("").unwrap();
    assert_eq!(tree(dir.path()).len(), 1);
    run("user_id").unwrap();
}

#[test]
fn a_record_that_its_plan_did_not_write_stops_the_sink_without_showing_it() {
    let memory = Memory::default();
    Table::new(&memory, 1, &holding(ReplicaIdentity::Full)).insert(&row(["1", "1", "A", "5"]));
    memory.append(TOPIC, 0, record(Some("{\"secret\":1}"), Some(PlanId(1)), 0));
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), &[("topics", TOPIC)]);
    let now_us = Arc::new(AtomicI64::new(0));
    let problem =
        deliver(&mut build(&config, &Surroundings::default(), clock(&now_us)).ok().unwrap().0, &memory).1.unwrap_err();
    assert_eq!(problem.code, "SINK_RECORD_UNREADABLE");
    assert!(problem.cause.contains("offset 1") && !problem.cause.contains("secret"), "{problem}");
}

#[test]
fn records_that_are_no_changes_of_rows_are_left_out() {
    let memory = Memory::default();
    memory.add_plan(PlanId(7), FixedPlan::compile(FixedKind::Heartbeat, &EncodeOptions::default()).descriptor());
    memory.append(TOPIC, 0, record(Some("{\"ts_ms\":1}"), Some(PlanId(7)), 0));
    Table::new(&memory, 1, &holding(ReplicaIdentity::Full)).insert(&row(["1", "1", "A", "5"]));
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), &[("topics", TOPIC)]);
    deliver(&mut build(&config, &Surroundings::default(), clock(&Arc::default())).ok().unwrap().0, &memory).1.unwrap();
    assert_eq!(tree(dir.path()).len(), 1);
}
