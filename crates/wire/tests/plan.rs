//! Batches from pieces, against plain batches of the same records: equal byte for byte once another implementation has
//! decompressed them, whatever was taken back or split off on the way.

#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use lz4_flex::frame::FrameDecoder;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tailwater_wire::batch::{
    self, Batch, BatchBuilder, BuildError, Codec, Fragments, HEADER_BYTES, Mark, PlanBuilder, PlanMark,
};
use tailwater_wire::limits::{COMPRESSED_PLAIN_BYTES, PASSAGES, PIECED_RECORD_BYTES};

const BLOCK_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
enum Piece {
    Fragment(u16),
    /// What stands in a slot: as it is, or with the record's number behind it.
    Literal(u16, Vec<u8>, bool),
    /// Several of these two under a number; what is numbered changes with every fourth record.
    Passage(u16, Vec<Piece>),
}

/// What the records of a kind have in common.
#[derive(Clone, Debug)]
struct Shape {
    timestamp: i64,
    key: Option<Vec<Piece>>,
    value: Option<Vec<Piece>>,
    headers: Vec<(String, Option<Vec<Piece>>)>,
}

#[derive(Clone, Debug)]
enum Step {
    /// So many records of a shape.
    Records(prop::sample::Index, usize),
    Mark,
    Truncate,
    /// Into an empty batch, or behind a record.
    Split(bool),
    Finish,
}

#[derive(Clone, Debug)]
struct Table {
    fragments: Vec<Vec<u8>>,
    shapes: Vec<Shape>,
}

const FRAGMENTS: u16 = 9;

fn table() -> impl Strategy<Value = Table> {
    let bytes = |length: std::ops::Range<usize>| vec(any::<u8>(), length);
    let fragment = prop_oneof![
        6 => bytes(0..24),
        3 => bytes(24..400),
        2 => (any::<u8>(), 400usize..4_000).prop_map(|(byte, length)| vec![byte; length]),
        1 => (any::<u8>(), 20_000usize..70_000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let literal = prop_oneof![8 => bytes(0..12), 2 => bytes(30..60), 1 => bytes(200..900)];
    let single = prop_oneof![
        3 => (0..FRAGMENTS + 1).prop_map(Piece::Fragment),
        2 => (0..6u16, literal, any::<bool>()).prop_map(|(slot, bytes, numbered)| Piece::Literal(slot, bytes, numbered)),
    ];
    // One number more than are kept.
    let passage =
        (0..PASSAGES as u16 + 1, vec(single.clone(), 0..8)).prop_map(|(id, pieces)| Piece::Passage(id, pieces));
    let few = (0..3u16, vec(single.clone(), 0..8)).prop_map(|(id, pieces)| Piece::Passage(id, pieces));
    let piece = prop_oneof![4 => single, 1 => passage, 1 => few];
    let pieces = || vec(piece.clone(), 0..12);
    let headers = vec(("[a-z]{0,20}", option::weighted(0.8, pieces())), 0..3);
    let shape = (0..1i64 << 42, option::weighted(0.8, pieces()), option::weighted(0.9, pieces()), headers)
        .prop_map(|(timestamp, key, value, headers)| Shape { timestamp, key, value, headers });
    (vec(fragment, usize::from(FRAGMENTS)), vec(shape, 1..4))
        .prop_map(|(fragments, shapes)| Table { fragments, shapes })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (any::<prop::sample::Index>(), prop_oneof![3 => 1usize..4, 1 => 4usize..60]).prop_map(|(s, n)| Step::Records(s, n)),
        2 => Just(Step::Mark),
        2 => Just(Step::Truncate),
        1 => any::<bool>().prop_map(Step::Split),
        1 => Just(Step::Finish),
    ];
    vec(step, 1..24)
}

/// Both forms of the same batch.
#[derive(Default)]
struct Pair {
    plan: PlanBuilder,
    plain: BatchBuilder,
}

impl Pair {
    fn record(&mut self, table: &Table, shape: &Shape, number: usize) {
        let mut literal = Vec::new();
        let timestamp = shape.timestamp + number as i64 % 3;
        self.plan.begin(timestamp);
        self.plain.begin(timestamp);
        let mut pieces = |plan: &mut PlanBuilder, plain: &mut BatchBuilder, pieces: &[Piece]| {
            for piece in pieces {
                match piece {
                    Piece::Fragment(id) => {
                        plan.fragment(*id);
                        plain.push(table.fragments.get(usize::from(*id)).map_or(&[][..], |f| f));
                    }
                    Piece::Literal(slot, bytes, numbered) => {
                        literal.clone_from(bytes);
                        if *numbered {
                            literal.extend_from_slice(number.to_string().as_bytes());
                        }
                        plan.literal(*slot, &literal);
                        plain.push(&literal);
                    }
                    Piece::Passage(id, pieces) => {
                        let (bytes, pieces) = passage(table, pieces, number / 4);
                        plan.passage(*id, &bytes, || pieces.iter().copied());
                        plain.push(&bytes);
                    }
                }
            }
        };
        if let Some(key) = &shape.key {
            self.plan.key();
            self.plain.key();
            pieces(&mut self.plan, &mut self.plain, key);
        }
        if let Some(value) = &shape.value {
            self.plan.value();
            self.plain.value();
            pieces(&mut self.plan, &mut self.plain, value);
        }
        for (name, value) in &shape.headers {
            let Some(value) = value else {
                self.plan.null_header(name);
                self.plain.null_header(name);
                continue;
            };
            self.plan.header(name);
            self.plain.header(name);
            pieces(&mut self.plan, &mut self.plain, value);
        }
        self.plan.end().unwrap();
        self.plain.end().unwrap();
    }

    fn mark(&self) -> (PlanMark, Mark) {
        (self.plan.mark(), self.plain.mark())
    }

    fn truncate(&mut self, mark: (PlanMark, Mark)) {
        self.plan.truncate(mark.0);
        self.plain.truncate(mark.1);
    }

    fn check(mut self) -> Option<Codec> {
        let records = self.plan.records();
        let foretold = self.plan.len();
        assert_eq!(records, self.plain.records());
        assert_eq!(self.plan.plain_len(), self.plain.len().saturating_sub(HEADER_BYTES));
        let (plan, plain) = match (self.plan.finish(), self.plain.finish()) {
            (None, None) => return None,
            (plan, plain) => (plan.unwrap(), plain.unwrap()),
        };
        assert!(plan.bytes.len() <= foretold && plan.bytes.len() <= plain.bytes.len());
        assert_eq!((plan.records, plan.max_timestamp), (records, plain.max_timestamp));
        let (bytes, plain) = (plan.bytes.freeze(), plain.bytes.freeze());
        let batch = Batch::read(&mut bytes.clone()).unwrap();
        assert_eq!(plan.compressed, batch.codec() == Codec::Lz4);
        assert!(expanded(&batch) == plain, "another implementation gives the plain batch");
        let expected = Batch::read(&mut plain.clone()).unwrap();
        assert!(batch.records().unwrap().eq(expected.records().unwrap()), "our reader gives the same records");
        assert!(self.plan.finish().is_none());
        Some(batch.codec())
    }
}

/// The bytes of a passage, and its pieces with their lengths.
fn passage(table: &Table, pieces: &[Piece], number: usize) -> (Vec<u8>, Vec<(batch::Piece, usize)>) {
    let mut bytes = Vec::new();
    let mut lengths = Vec::new();
    for piece in pieces {
        let before = bytes.len();
        let piece = match piece {
            Piece::Fragment(id) => {
                bytes.extend_from_slice(table.fragments.get(usize::from(*id)).map_or(&[][..], |f| f));
                batch::Piece::Fragment(*id)
            }
            Piece::Literal(slot, literal, numbered) => {
                bytes.extend_from_slice(literal);
                if *numbered {
                    bytes.extend_from_slice(number.to_string().as_bytes());
                }
                batch::Piece::Literal(*slot)
            }
            Piece::Passage(..) => continue,
        };
        lengths.push((piece, bytes.len() - before));
    }
    (bytes, lengths)
}

/// The batch as it were plain, by means of another implementation.
fn expanded(batch: &Batch) -> Bytes {
    let bytes = batch.bytes();
    if batch.codec() == Codec::None {
        return bytes.clone();
    }
    let mut plain = bytes[..HEADER_BYTES].to_vec();
    FrameDecoder::new(&bytes[HEADER_BYTES..]).read_to_end(&mut plain).unwrap();
    ends_are_as_the_format_wants(&bytes[HEADER_BYTES..]);
    let length = (plain.len() - 12) as i32;
    plain[8..12].copy_from_slice(&length.to_be_bytes());
    plain[22] = 0;
    let crc = crc32c::crc32c(&plain[21..]);
    plain[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(plain)
}

/// The last five bytes of a block are literals, its last match starts at least twelve bytes before its end, and no block
/// is larger than the frame says.
fn ends_are_as_the_format_wants(frame: &[u8]) {
    let mut at = 7;
    loop {
        let length = u32::from_le_bytes(frame[at..at + 4].try_into().unwrap()) as usize;
        at += 4;
        if length == 0 {
            return assert_eq!(at, frame.len());
        }
        let (mut plain, mut last_match, mut last_literals) = (0, None, 0);
        let end = at + length;
        let rest = |at: &mut usize, start: usize| {
            let mut length = start;
            let mut more = start == 15;
            while more {
                length += usize::from(frame[*at]);
                more = frame[*at] == 255;
                *at += 1;
            }
            length
        };
        while at < end {
            let token = usize::from(frame[at]);
            at += 1;
            last_literals = rest(&mut at, token >> 4);
            at += last_literals;
            plain += last_literals;
            if at < end {
                at += 2;
                last_match = Some(plain);
                plain += rest(&mut at, token & 15) + 4;
            }
        }
        assert_eq!(at, end);
        assert!(length <= BLOCK_BYTES && plain <= BLOCK_BYTES);
        if let Some(start) = last_match {
            assert!(last_literals >= 5 && plain - start >= 12, "{last_literals} {}", plain - start);
        }
    }
}

fn registered(table: &Table) -> Fragments {
    table.fragments.iter().map(|bytes| Arc::from(&bytes[..])).collect()
}

fn play(table: &Table, steps: &[Step]) {
    let fragments = registered(table);
    let fresh = || {
        let mut pair = Pair::default();
        pair.plan.prepare(&fragments);
        pair
    };
    let mut pair = fresh();
    let mut mark = pair.mark();
    let mut number = 0;
    for step in steps {
        match step {
            Step::Records(shape, times) => {
                let shape = &table.shapes[shape.index(table.shapes.len())];
                for _ in 0..*times {
                    number += 1;
                    pair.record(table, shape, number);
                }
            }
            Step::Mark => mark = pair.mark(),
            Step::Truncate => pair.truncate(mark),
            Step::Split(behind) => {
                let mut tail = fresh();
                if *behind {
                    tail.record(table, &table.shapes[0], 7);
                }
                pair.plan.split_off(mark.0, &mut tail.plan);
                pair.plain.split_off(mark.1, &mut tail.plain);
                pair.check();
                pair = tail;
                // Which fragments it was built with came along.
                pair.plan.prepare(&fragments);
                mark = pair.mark();
            }
            Step::Finish => {
                // A builder that was used before.
                let (plan, plain) = (pair.plan.finish(), pair.plain.finish());
                assert_eq!(plan.map(|p| p.records), plain.map(|p| p.records));
                mark = pair.mark();
            }
        }
    }
    pair.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn batches_from_pieces_are_the_plain_ones(table in table(), steps in steps()) {
        play(&table, &steps);
    }

    #[test]
    fn short_records_keep_the_rules_for_the_end_of_a_block(
        fragment in vec(any::<u8>(), 8..20), ends in vec(vec(any::<u8>(), 0..9), 1..30),
    ) {
        let table = Table { fragments: vec![fragment], shapes: vec![] };
        let mut pair = Pair::default();
        pair.plan.prepare(&registered(&table));
        for end in ends {
            let value = vec![Piece::Fragment(0), Piece::Literal(0, end, false)];
            let shape = Shape { timestamp: 1, key: None, value: Some(value), headers: vec![] };
            pair.record(&table, &shape, 0);
        }
        pair.check();
    }

    #[test]
    fn damaged_compressed_batches_never_panic(
        table in table(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
    ) {
        let mut pair = Pair::default();
        pair.plan.prepare(&registered(&table));
        (0..20).for_each(|number| pair.record(&table, &table.shapes[0], number));
        let mut bytes = pair.plan.finish().unwrap().bytes;
        let at = 21 + at.index(bytes.len() - 21);
        bytes[at] = byte;
        bytes.truncate(HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES + 1));
        let length = (bytes.len() - 12) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        if let Ok(batch) = Batch::read(&mut bytes.freeze()) {
            batch.records().into_iter().flatten().for_each(drop);
        }
    }
}

/// A table as most are: a schema block, names of columns, numbers that count.
fn narrow() -> Table {
    let fragments = vec![
        [b"{\"schema\":".repeat(40), b"\"payload\":{\"id\":".to_vec()].concat(),
        b"}}".to_vec(),
        [b"{\"schema\":{\"type\"".repeat(120), b"\"after\":{\"id\":".to_vec()].concat(),
        b",\"text\":".to_vec(),
        b"},\"source\":{\"version\":\"3.6\",\"ts_ms\":".to_vec(),
    ];
    let id = || Piece::Literal(0, b"10000".to_vec(), true);
    let value = vec![
        Piece::Fragment(2),
        id(),
        Piece::Fragment(3),
        Piece::Literal(1, b"\"some text \"".to_vec(), true),
        Piece::Fragment(4),
        Piece::Literal(2, b"1732164456".to_vec(), true),
        Piece::Fragment(1),
    ];
    let key = vec![Piece::Fragment(0), id(), Piece::Fragment(1)];
    Table { fragments, shapes: vec![Shape { timestamp: 9, key: Some(key), value: Some(value), headers: vec![] }] }
}

fn batch_of(table: &Table, records: usize) -> Pair {
    let mut pair = Pair::default();
    pair.plan.prepare(&registered(table));
    (0..records).for_each(|number| pair.record(table, &table.shapes[0], number));
    pair
}

#[test]
fn what_repeats_costs_next_to_nothing() {
    let table = narrow();
    let pair = batch_of(&table, 300);
    let (compressed, plain) = (pair.plan.len(), pair.plain.len());
    assert!(compressed * 30 < plain, "{compressed} of {plain}");
    assert_eq!(pair.check(), Some(Codec::Lz4));
}

#[test]
fn several_blocks_and_their_first_and_last_records_are_right() {
    let table = narrow();
    let mut pair = batch_of(&table, 1_500);
    assert!(pair.plan.plain_len() > 3 * BLOCK_BYTES);
    let mark = pair.mark();
    (0..400).for_each(|number| pair.record(&table, &table.shapes[0], number));
    pair.truncate(mark);
    assert_eq!(pair.check(), Some(Codec::Lz4));
}

/// The mark may be the last record before a block closes, which takes the block's last sequence back.
#[test]
fn every_record_of_a_block_can_be_gone_back_to() {
    let mut table = narrow();
    // The records end in a match that must be cut.
    table.fragments[1] = b",\"end\":\"of the record\"}".to_vec();
    for records in [300usize, 450, 451, 452, 453, 454, 455, 456, 457, 458, 459, 460] {
        let mut pair = batch_of(&table, records);
        let mark = pair.mark();
        (0..480).for_each(|number| pair.record(&table, &table.shapes[0], number + 7));
        pair.truncate(mark);
        (0..3).for_each(|number| pair.record(&table, &table.shapes[0], number));
        assert_eq!(pair.check(), Some(Codec::Lz4));
    }
}

#[test]
fn fragments_beyond_the_window_are_literals() {
    let mut table = narrow();
    table.fragments[2] = (0..70_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // They compress to nothing smaller, so the batch is plain.
    assert_eq!(batch_of(&table, 9).check(), Some(Codec::None));
}

#[test]
fn ends_that_values_share_across_more_than_the_window_are_literals() {
    let mut table = narrow();
    let long = |length: usize| [vec![b'-'; length], b"the same end of both".to_vec()].concat();
    for (length, other) in [(0, 70_000), (70_000, 0), (3, 7), (65_000, 65_500), (0, 65_500)] {
        let shape =
            |length| Shape { value: Some(vec![Piece::Literal(3, long(length), false)]), ..narrow().shapes.remove(0) };
        table.shapes = vec![shape(length), shape(other)];
        let mut pair = batch_of(&table, 40);
        (0..6).for_each(|number| pair.record(&table, &table.shapes[number % 2], number));
        // A batch that is mostly such values goes plain, by way of the compressed form.
        let plain = length > 65_535;
        assert_eq!(pair.check(), Some(if plain { Codec::None } else { Codec::Lz4 }));
    }
}

#[test]
fn a_passage_costs_nothing_while_it_repeats_and_what_changed_where_it_does_not() {
    let mut table = narrow();
    let passage = |text: &str| {
        Piece::Passage(0, vec![Piece::Fragment(4), Piece::Literal(5, text.into(), false), Piece::Fragment(0)])
    };
    let [first, second] = ["1790000000000", "1790000000777"].map(|text| {
        let value =
            vec![Piece::Fragment(2), Piece::Literal(1, b"7".to_vec(), false), passage(text), Piece::Fragment(1)];
        Shape { key: None, value: Some(value), ..narrow().shapes.remove(0) }
    });
    table.shapes = vec![first, second];
    let mut pair = batch_of(&table, 0);
    let mut step = |shape: usize, times: usize| {
        let before = pair.plan.len();
        (0..times).for_each(|_| pair.record(&table, &table.shapes[shape], 1));
        pair.plan.len() - before
    };
    step(0, 2);
    assert!(step(0, 50) < 50 * 30, "the record's head, and a match up to the next");
    // Where its pieces were is known, although they were not looked at singly since.
    assert!(step(1, 1) < 60 && step(0, 1) < 60, "the digits that differ, too");
    pair.check();
}

#[test]
fn a_single_record_stays_plain_when_nothing_repeats_in_it() {
    assert_eq!(batch_of(&narrow(), 1).check(), Some(Codec::None));
    assert_eq!(batch_of(&narrow(), 2).check(), Some(Codec::Lz4));
}

#[test]
fn a_record_too_large_for_pieces_makes_its_batch_plain_and_the_next_is_compressed_again() {
    let table = narrow();
    let large = Shape {
        timestamp: 12,
        key: Some(vec![Piece::Fragment(0)]),
        value: Some(vec![
            Piece::Fragment(2),
            Piece::Literal(0, vec![b'x'; PIECED_RECORD_BYTES - 5], false),
            Piece::Literal(1, vec![b'y'; 9], false),
            Piece::Fragment(3),
        ]),
        headers: vec![("header".to_owned(), Some(vec![Piece::Fragment(4)]))],
    };
    let mut pair = batch_of(&table, 20);
    let early = pair.mark();
    pair.record(&table, &table.shapes[0], 3);
    pair.record(&table, &large, 4);
    pair.record(&table, &table.shapes[0], 5);
    pair.truncate(early);
    pair.record(&table, &large, 6);
    let late = pair.mark();
    pair.record(&table, &large, 7);
    let mut tail = batch_of(&table, 2);
    pair.plan.split_off(late.0, &mut tail.plan);
    pair.plain.split_off(late.1, &mut tail.plain);
    assert_eq!(tail.check(), Some(Codec::None));
    let (plan, plain) = (pair.plan.finish().unwrap(), pair.plain.finish().unwrap());
    assert!(!plan.compressed && plan.bytes == plain.bytes);
    (0..9).for_each(|number| pair.record(&table, &table.shapes[0], number));
    assert_eq!(pair.check(), Some(Codec::Lz4));
}

#[test]
fn a_record_of_many_fragments_is_too_large_as_well() {
    let mut table = narrow();
    table.shapes[0].value = Some(vec![Piece::Fragment(2); PIECED_RECORD_BYTES / 2_000 + 9]);
    assert_eq!(batch_of(&table, 3).check(), Some(Codec::None));
}

#[test]
fn more_than_readers_take_goes_plain() {
    let table = narrow();
    let each = batch_of(&table, 1).plain.len();
    let pair = batch_of(&table, COMPRESSED_PLAIN_BYTES / each + 200);
    assert!(pair.plain.len() > COMPRESSED_PLAIN_BYTES);
    assert_eq!(pair.check(), Some(Codec::None));
}

#[test]
fn other_fragments_under_the_same_numbers_are_other_bytes() {
    let (first, mut second) = (narrow(), narrow());
    second.fragments[2].reverse();
    let mut pair = batch_of(&first, 5);
    pair.plan.prepare(&registered(&second));
    (0..5).for_each(|number| pair.record(&second, &second.shapes[0], number));
    assert_eq!(pair.check(), Some(Codec::Lz4));
}

#[test]
fn parts_out_of_order_leave_the_batch_as_it_was() {
    let table = narrow();
    let faults: [fn(&mut PlanBuilder); 7] = [
        |b| b.prepare(&Fragments::from(vec![])),
        |b| b.literal(0, b"nowhere"),
        |b| b.fragment(1),
        |b| {
            b.value();
            b.key();
            b.literal(0, &[7; PIECED_RECORD_BYTES + 1]);
        },
        |b| {
            b.header("x");
            b.value();
        },
        |b| b.begin(7),
        |b| {
            b.key();
            b.literal(0, &[7; PIECED_RECORD_BYTES + 1]);
            b.key();
        },
    ];
    let mut pair = batch_of(&table, 5);
    for fault in faults {
        pair.plan.begin(6);
        fault(&mut pair.plan);
        assert_eq!(pair.plan.end(), Err(BuildError::Order));
        pair.record(&table, &table.shapes[0], 4);
    }
    assert_eq!(pair.plan.end(), Err(BuildError::Order));
    pair.check();
}

#[test]
fn an_unfinished_record_is_not_part_of_the_batch() {
    let mut pair = batch_of(&narrow(), 4);
    pair.plan.begin(6);
    pair.plan.value();
    pair.plan.literal(0, b"half");
    assert_eq!(pair.check(), Some(Codec::Lz4));
}
