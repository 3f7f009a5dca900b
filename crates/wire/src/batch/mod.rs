//! Kafka's record batch, version 2 (KIP-98): a header of 61 bytes and records.
//!
//! | bytes | field | bytes | field |
//! |---|---|---|---|
//! | 0..8 | base offset | 27..35 | base timestamp |
//! | 8..12 | length of what follows | 35..43 | greatest timestamp |
//! | 12..16 | leader epoch | 43..51 | producer id |
//! | 16 | magic, 2 | 51..53 | producer epoch |
//! | 17..21 | CRC-32C of what follows | 53..57 | base sequence |
//! | 21..23 | attributes | 57..61 | count |
//! | 23..27 | last offset delta | 61.. | records |
//!
//! The CRC starts behind the base offset and the leader epoch, so a log can set both without computing it again.

mod build;
mod compression;
mod control;
mod draft;
mod lz4;
mod passage;
mod patch;
mod plan;
mod produced;
mod read;
mod records;
mod rewrite;

pub use build::{BatchBuilder, BuildError, Finished, Mark};
pub use compression::Codec;
pub use control::Marker;
pub use passage::Piece;
pub use patch::{HeaderMut, Producer};
pub use plan::{Fragments, PlanBuilder, PlanMark};
pub use produced::{ProduceRules, Refusal, check_produced, check_records};
pub use read::{Batch, BatchError};
pub use records::{Header, RawRecord, RawRecords, Record, Records};
pub use rewrite::{Retained, expand, recompress, retain};

/// Bytes of a batch's header.
pub const HEADER_BYTES: usize = 61;

/// Fields before the one that [`LENGTH_AT`] counts from.
const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAGIC: u8 = 2;
/// Attributes of a batch whose records lie in an LZ4 frame.
const LZ4: i16 = 3;

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::indexmap::IndexMap;
    use kafka_protocol::protocol::StrBytes;
    use kafka_protocol::records as theirs;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    /// A record before it has bytes.
    #[derive(Clone, Debug)]
    struct Draft {
        timestamp: i64,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Vec<(String, Option<Vec<u8>>)>,
    }

    fn drafts() -> impl Strategy<Value = Vec<Draft>> {
        let bytes = || prop_oneof![9 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 8_150..8_250)];
        let draft = (
            0..1i64 << 50,
            option::of(bytes()),
            option::of(bytes()),
            vec(("[a-z]{0,70}", option::weighted(0.8, bytes())), 0..3),
        );
        let draft = draft.prop_map(|(timestamp, key, value, headers)| Draft { timestamp, key, value, headers });
        vec(draft, 1..20)
    }

    /// Writes a record in pieces of `step` bytes.
    fn write(builder: &mut BatchBuilder, draft: &Draft, step: usize) {
        let pieces = |builder: &mut BatchBuilder, bytes: &[u8]| bytes.chunks(step).for_each(|c| builder.push(c));
        builder.begin(draft.timestamp);
        if let Some(key) = &draft.key {
            builder.key();
            pieces(builder, key);
        }
        if let Some(value) = &draft.value {
            builder.value();
            pieces(builder, value);
        }
        for (name, value) in &draft.headers {
            match value {
                Some(value) => {
                    builder.header(name);
                    pieces(builder, value);
                }
                None => builder.null_header(name),
            }
        }
        builder.end().unwrap();
    }

    fn build(drafts: &[Draft], step: usize) -> Bytes {
        let mut builder = BatchBuilder::default();
        drafts.iter().for_each(|draft| write(&mut builder, draft, step));
        builder.finish().unwrap().bytes.freeze()
    }

    fn read(bytes: &Bytes) -> Vec<Draft> {
        let mut rest = bytes.clone();
        let batch = Batch::read(&mut rest).unwrap();
        assert!(rest.is_empty());
        let records = batch.records().unwrap().map(|record| {
            let record = record.unwrap();
            let headers = record
                .headers
                .iter()
                .map(|h| (String::from_utf8(h.name.to_vec()).unwrap(), h.value.clone().map(Into::into)));
            Draft {
                timestamp: record.timestamp,
                key: record.key.map(Into::into),
                value: record.value.map(Into::into),
                headers: headers.collect(),
            }
        });
        records.collect()
    }

    fn same(left: &[Draft], right: &[Draft]) -> Result<(), TestCaseError> {
        prop_assert_eq!(format!("{left:?}"), format!("{right:?}"));
        Ok(())
    }

    fn their_record(offset: usize, draft: &Draft) -> theirs::Record {
        let headers = draft
            .headers
            .iter()
            .map(|(name, value)| (StrBytes::from_string(name.clone()), value.clone().map(Bytes::from)));
        theirs::Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: 0,
            producer_id: theirs::NO_PRODUCER_ID,
            producer_epoch: theirs::NO_PRODUCER_EPOCH,
            timestamp_type: theirs::TimestampType::Creation,
            offset: offset as i64,
            // One batch is what their encoder makes of records whose sequences follow their offsets.
            sequence: offset as i32 - 1,
            timestamp: draft.timestamp,
            key: draft.key.clone().map(Bytes::from),
            value: draft.value.clone().map(Bytes::from),
            headers: headers.collect::<IndexMap<_, _>>(),
        }
    }

    /// Their records keep headers in a map: a name comes once.
    fn with_distinct_header_names(mut drafts: Vec<Draft>) -> Vec<Draft> {
        for draft in &mut drafts {
            draft.headers.iter_mut().enumerate().for_each(|(n, (name, _))| name.push_str(&n.to_string()));
        }
        drafts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_in_pieces_reads_back(drafts in drafts(), step in 1usize..100) {
            same(&read(&build(&drafts, step)), &drafts)?;
        }

        #[test]
        fn another_implementation_reads_what_we_write(drafts in drafts()) {
            let drafts = with_distinct_header_names(drafts);
            let mut bytes = build(&drafts, 50);
            let set = theirs::RecordBatchDecoder::decode(&mut bytes).unwrap();
            prop_assert_eq!(bytes.len(), 0);
            let expected: Vec<_> = drafts.iter().enumerate().map(|(n, d)| their_record(n, d)).collect();
            prop_assert_eq!(set.records, expected);
        }

        #[test]
        fn what_another_implementation_writes_we_read_and_would_write_byte_for_byte(drafts in drafts()) {
            let mut drafts = with_distinct_header_names(drafts);
            // Theirs takes the least timestamp as the base, ours (as Java) the first.
            drafts.sort_by_key(|d| d.timestamp);
            let records: Vec<_> = drafts.iter().enumerate().map(|(n, d)| their_record(n, d)).collect();
            let mut bytes = BytesMut::new();
            let options = theirs::RecordEncodeOptions { version: 2, compression: theirs::Compression::None };
            theirs::RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
            let bytes = bytes.freeze();
            same(&read(&bytes), &drafts)?;
            prop_assert_eq!(build(&drafts, 9), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
            if let Ok(batch) = Batch::read(&mut Bytes::from(bytes)) {
                batch.records().into_iter().flatten().for_each(drop);
            }
        }

        #[test]
        fn damaged_batches_with_a_right_crc_never_panic(
            drafts in drafts(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = build(&drafts, 80).to_vec();
            let at = ATTRIBUTES_AT + at.index(bytes.len() - ATTRIBUTES_AT);
            bytes[at] = byte;
            bytes.truncate(HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES + 1));
            let length = (bytes.len() - LENGTH_END) as i32;
            bytes[LENGTH_AT..LENGTH_END].copy_from_slice(&length.to_be_bytes());
            let crc = crc32c::crc32c(&bytes[ATTRIBUTES_AT..]);
            bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
            if let Ok(batch) = Batch::read(&mut Bytes::from(bytes)) {
                batch.records().into_iter().flatten().for_each(drop);
            }
        }

        #[test]
        fn any_flipped_bit_behind_the_epoch_is_noticed(drafts in drafts(), bit in any::<prop::sample::Index>()) {
            let mut bytes = build(&drafts, 80).to_vec();
            let bit = MAGIC_AT * 8 + bit.index((bytes.len() - MAGIC_AT) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Batch::read(&mut Bytes::from(bytes)).is_err());
        }

        #[test]
        fn a_split_batch_is_two_batches_with_the_same_records(drafts in drafts(), at in any::<prop::sample::Index>()) {
            let at = at.index(drafts.len());
            let (mut head, mut tail) = (BatchBuilder::default(), BatchBuilder::default());
            // Only a tail that has records already is never swapped in whole; it is told apart by its first record.
            let first = Draft { timestamp: 3, key: None, value: None, headers: vec![] };
            let mut joined = vec![];
            if at % 2 == 0 {
                write(&mut tail, &first, 64);
                joined.push(first);
            }
            joined.extend_from_slice(&drafts[at..]);
            drafts[..at].iter().for_each(|draft| write(&mut head, draft, 64));
            let mark = head.mark();
            drafts[at..].iter().for_each(|draft| write(&mut head, draft, 64));
            head.split_off(mark, &mut tail);
            prop_assert_eq!(tail.finish().unwrap().bytes.freeze(), build(&joined, 64));
            match head.finish() {
                None => prop_assert_eq!(at, 0),
                Some(head) => prop_assert_eq!(head.bytes.freeze(), build(&drafts[..at], 64)),
            }
        }
    }

    #[test]
    fn pieces_of_a_null_header_are_refused() {
        let mut builder = BatchBuilder::default();
        builder.begin(1);
        builder.null_header("h");
        builder.push(b"x");
        assert_eq!(builder.end(), Err(BuildError::Order));
    }

    #[test]
    fn null_header_values_and_gaps_between_offsets_are_read() {
        let headers = || vec![("h".into(), Some(vec![]))];
        let draft = |timestamp| Draft { timestamp, key: None, value: None, headers: headers() };
        let mut records = [their_record(10, &draft(1)), their_record(17, &draft(2))];
        records[1].headers.insert(StrBytes::from_static_str("h"), None);
        let mut bytes = BytesMut::new();
        let options = theirs::RecordEncodeOptions { version: 2, compression: theirs::Compression::None };
        theirs::RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        let batch = Batch::read(&mut bytes.freeze()).unwrap();
        let read: Vec<_> = batch.records().unwrap().map(Result::unwrap).collect();
        assert_eq!((read[0].offset, read[0].headers[0].value.as_deref()), (10, Some(&b""[..])));
        assert_eq!((read[1].offset, read[1].headers[0].value.as_deref()), (17, None));
    }
}
