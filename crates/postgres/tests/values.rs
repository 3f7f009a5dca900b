//! One datum has one value: every type of the server, read by the snapshot and followed in the stream, in every mode.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{Memory, start, wait_for};
use tailwater_testkit::Postgres;

/// Types with values whose forms differ, the awkward ones among them.
const CORPUS: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int2", &["-32768", "32767"]),
    ("int4", &["-2147483648", "2147483647"]),
    ("int8", &["-9223372036854775808", "9223372036854775807"]),
    ("oid", &["0", "4294967295"]),
    ("float4", &["3.4028235e38", "-0", "NaN", "Infinity", "-Infinity", "1e-45"]),
    ("float8", &["1.7976931348623157e308", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "0.1"]),
    ("numeric", &["0", "-0.000001", "12345.678900", "1e30", "NaN", "Infinity", "-Infinity"]),
    ("numeric(38,10)", &["1234567890123456789012345678.0123456789", "-0.0000000001", "NaN"]),
    ("money", &["$1,234.56", "-0.01", "-92233720368547758.08"]),
    ("text", &["", "a\"b\\c\n\t\u{1}", "😀 ä中", "NULL"]),
    ("varchar(20)", &["x", " two words "]),
    ("char(5)", &["ab", "abcde"]),
    ("\"char\"", &["x"]),
    ("name", &["a_name"]),
    ("bytea", &["\\x", "\\xdeadbeef00ff"]),
    ("bit(1)", &["0", "1"]),
    ("bit(12)", &["000000000001", "101010101111"]),
    ("varbit", &["", "0001", "1"]),
    ("varbit(7)", &["0101"]),
    ("date", &["2020-02-29", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31", "4714-11-24 BC"]),
    ("time", &["00:00:00", "24:00:00", "13:14:15.123456"]),
    ("time(2)", &["13:14:15.12"]),
    ("timetz", &["24:00:00+00", "23:59:59.999999-15:59", "12:00:00.5+05:30"]),
    (
        "timestamp",
        &[
            "1969-12-31 23:59:59.999999",
            "infinity",
            "-infinity",
            "0044-03-15 01:02:03 BC",
            "294276-12-31 23:59:59.999999",
        ],
    ),
    ("timestamp(3)", &["2020-03-04 05:06:07.891", "infinity"]),
    ("timestamptz", &["2020-03-04 05:06:07.89+02", "infinity", "-infinity", "4713-01-01 00:00:00+00 BC"]),
    ("timestamptz(0)", &["2020-03-04 05:06:07+00"]),
    ("interval", &["1 year 2 mons 3 days 04:05:06.789", "-1 day +02:03:04", "00:00:00", "178000000 years"]),
    ("json", &["{\"a\":  1, \"a\": 2}", "null"]),
    ("jsonb", &["{\"a\": [1, \"ü\"]}"]),
    ("xml", &["<a b=\"c\">&lt;</a>"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("inet", &["192.168.0.1/24", "192.168.0.1/32", "::1"]),
    ("cidr", &["10.1.0.0/16", "2001:db8::/32"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("point", &["(1.5,-2.5)", "(NaN,Infinity)"]),
    ("line", &["{1,2,3}"]),
    ("lseg", &["[(0,0),(1,1)]"]),
    ("box", &["(1,1),(0,0)"]),
    ("path", &["((0,0),(1,1))", "[(0,0),(1,1)]"]),
    ("polygon", &["((0,0),(1,1),(2,0))"]),
    ("circle", &["<(1,2),3>"]),
    ("tsvector", &["'cat':2A 'fat':1"]),
    ("tsquery", &["'fat' & 'cat'"]),
    ("int4range", &["[1,5)", "empty", "(,5)"]),
    ("int8range", &["[1,5)"]),
    ("numrange", &["(1.5,2.5]"]),
    ("tsrange", &["[\"2020-01-01 00:00:00\",\"2020-01-02 00:00:00\")"]),
    ("tstzrange", &["[\"2020-01-01 00:00:00+00\",infinity]"]),
    ("daterange", &["[2020-01-01,2020-01-05)"]),
    ("int4multirange", &["{[1,3),[5,7)}", "{}"]),
    ("int8multirange", &["{[1,3)}"]),
    ("nummultirange", &["{[1.5,3.5)}"]),
    ("tsmultirange", &["{}"]),
    ("tstzmultirange", &["{}"]),
    ("datemultirange", &["{[2020-01-01,2020-01-05)}"]),
    ("pg_lsn", &["16/B374D848"]),
    ("pg_snapshot", &["10:20:10,14"]),
    ("txid_snapshot", &["10:20:10,14"]),
    ("tid", &["(1,2)"]),
    ("xid", &["100"]),
    ("xid8", &["18446744073709551615"]),
    ("cid", &["7"]),
    ("regclass", &["pg_class"]),
    ("regtype", &["integer"]),
    ("regrole", &["postgres"]),
    ("regnamespace", &["pg_catalog"]),
    ("regproc", &["now"]),
    ("regprocedure", &["lower(text)"]),
    ("regoper", &["||/"]),
    ("regoperator", &["+(integer,integer)"]),
    ("regcollation", &["\"C\""]),
    ("regconfig", &["simple"]),
    ("regdictionary", &["simple"]),
    ("jsonpath", &["$.\"a\"[*]"]),
    ("aclitem", &["postgres=r/postgres"]),
    ("int2vector", &["1 2"]),
    ("oidvector", &["1 2"]),
    ("refcursor", &["c"]),
    // Made by the test.
    ("mood", &["sad", "it's, \"so\" so"]),
    ("posint", &["7"]),
    ("moods", &["{sad,NULL}"]),
    ("dmood", &["sad"]),
    ("pair", &["(1,\"a b\")"]),
    ("floatrange", &["[1.5,2.5)"]),
    ("hstore", &["\"k\"=>\"v\", \"n\"=>NULL"]),
    ("citext", &["CaSe"]),
    ("ltree", &["Top.Science"]),
];

/// Types that columns can not have, or that only the server itself fills.
const INTERNAL: &[&str] = &[
    "pg_node_tree",
    "pg_ndistinct",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "gtsvector",
];

const MODES: &[&[(&str, &str)]] = &[
    &[],
    &[("time.precision.mode", "adaptive_time_microseconds"), ("decimal.handling.mode", "string")],
    &[("time.precision.mode", "connect"), ("decimal.handling.mode", "double")],
    &[("time.precision.mode", "isostring"), ("interval.handling.mode", "string"), ("binary.handling.mode", "hex")],
    &[("time.precision.mode", "microseconds"), ("hstore.handling.mode", "map"), ("binary.handling.mode", "base64")],
    &[("time.precision.mode", "nanoseconds"), ("binary.handling.mode", "base64-url-safe")],
    &[("include.unknown.datatypes", "true"), ("value.converter.decimal.format", "numeric")],
    &[("include.unknown.datatypes", "false"), ("value.converter.replace.null.with.default", "false")],
];

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table with a column per type and one per array of it; rows for every value, and one of NULLs.
fn create(server: &Postgres) {
    server.psql(
        "postgres",
        "create extension hstore; create extension citext; create extension ltree;
         create type mood as enum ('sad', 'it''s, \"so\" so'); create domain posint as int check (value > 0);
         create domain moods as mood[]; create domain dmood as mood; create type pair as (x int, y text);
         create type floatrange as range (subtype = float8);",
    );
    let columns: Vec<_> = CORPUS
        .iter()
        .enumerate()
        .map(|(at, (ty, _))| format!("c{at} {ty}, a{at} {ty}[], n{at} {ty} not null"))
        .collect();
    let rows = CORPUS.iter().map(|(_, values)| values.len()).max().unwrap();
    let mut script = format!("create table v (id int primary key, {});", columns.join(", "));
    for row in 0..=rows {
        let cells: Vec<_> = CORPUS
            .iter()
            .map(|(ty, values)| {
                let value = values.get(row).map_or("null".to_owned(), |value| format!("{}::{ty}", literal(value)));
                let some = literal(values[0]);
                let array = match row {
                    0 => format!("array[{value}, null, {value}]::{ty}[]"),
                    1 => format!("array[array[{some}::{ty}], array[null]]::{ty}[]"),
                    2 => format!("array[]::{ty}[]"),
                    _ => format!("array[{value}]::{ty}[]"),
                };
                // An array of a domain over an array would be one of two dimensions.
                let array = if *ty == "moods" { "null".to_owned() } else { array };
                format!("{value}, {array}, {some}::{ty}")
            })
            .collect();
        script += &format!("insert into v values ({row}, {});", cells.join(", "));
    }
    server.psql("postgres", &script);
}

fn rows() -> usize {
    CORPUS.iter().map(|(_, values)| values.len()).max().unwrap() + 1
}

/// Rows by id, without it.
fn afters(records: &[support::Record]) -> Vec<Value> {
    records
        .iter()
        .map(|record| {
            let mut after = record.value()["after"].take();
            after.as_object_mut().unwrap().remove("id");
            after
        })
        .collect()
}

#[test]
fn snapshot_and_stream_give_one_value_for_every_type_in_every_mode() {
    let server = Postgres::start();
    create(&server);
    for modes in MODES {
        for strict in [false, true] {
            let mut properties = modes.to_vec();
            if strict {
                // The original differs between the phases on purpose there; what must hold is that every row passes.
                properties.push(("compatibility.mode", "strict"));
            }
            server.psql("postgres", "delete from v where id >= 100");
            let memory = Memory::default();
            let running = start(&server, &memory, &properties);
            let snapshot = wait_for(&memory, &running, rows());
            running.streams();
            let columns: Vec<_> = (0..CORPUS.len()).map(|at| format!("c{at}, a{at}, n{at}")).collect();
            let columns = columns.join(", ");
            server.psql(
                "postgres",
                &format!("insert into v (id, {columns}) select id + 100, {columns} from v order by id"),
            );
            let all = wait_for(&memory, &running, 2 * rows());
            let (read, streamed) = (afters(&snapshot), afters(&all[rows()..]));
            running.stop().unwrap();
            server
                .psql("postgres", "select pg_drop_replication_slot('tw'); drop publication if exists dbz_publication;");
            if strict {
                continue;
            }
            for (row, (read, streamed)) in read.iter().zip(&streamed).enumerate() {
                for (name, value) in read.as_object().unwrap() {
                    assert_eq!(value, &streamed[name], "{modes:?} row {row} {}", type_of(name));
                }
                assert_eq!(read.as_object().unwrap().len(), streamed.as_object().unwrap().len());
            }
            // A value is never shown as null, and every type is there unless it was asked to be left out.
            let left_out = modes.contains(&("include.unknown.datatypes", "false"));
            for (at, (ty, _)) in CORPUS.iter().enumerate() {
                match read[0].get(format!("n{at}")) {
                    Some(value) => assert!(!value.is_null(), "{ty} is null in {modes:?}"),
                    None => assert!(left_out, "{ty} is missing in {modes:?}"),
                }
            }
        }
    }
}

fn type_of(column: &str) -> String {
    column[1..].parse::<usize>().map(|at| CORPUS[at].0.to_owned()).unwrap_or_default()
}

#[test]
fn the_corpus_has_every_type_that_a_column_can_have() {
    let server = Postgres::start();
    let there = server.psql(
        "postgres",
        "select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
         and typelem = 0 order by 1",
    );
    let known: BTreeSet<String> = CORPUS
        .iter()
        .map(|(ty, _)| ty.split('(').next().unwrap().trim_matches('"').to_owned())
        .chain(["bpchar".to_owned()])
        .chain(INTERNAL.iter().map(|name| (*name).to_owned()))
        .collect();
    let missing: Vec<_> =
        there.lines().map(str::trim).filter(|name| !name.is_empty() && !known.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
