//! Frames that Apache Kafka's own Java client wrote (`vectors/Vectors.java`), one of each request and response in each
//! version: they are read to their last byte, and would be written byte for byte.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use tailwater_wire::api::{AnyRequest, AnyResponse, ApiKey, RequestHeader};
use tailwater_wire::batch::{Batch, Codec, HeaderMut, Marker, Producer, Record, recompress};
use tailwater_wire::codec::{Reader, Writer};

/// The lines of a kind: name or API key, version, bytes.
fn lines(kind: &str) -> impl Iterator<Item = (&'static str, i16, Bytes)> {
    include_str!("vectors/kafka-4.3.0.txt").lines().filter_map(move |line| {
        let (name, rest) = line.strip_prefix(kind)?.trim_start().split_once(' ')?;
        let (version, digits) = rest.split_once(' ')?;
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        Some((name, version.parse().unwrap(), (0..digits.len()).step_by(2).map(byte).collect()))
    })
}

fn frames(kind: &str) -> impl Iterator<Item = (ApiKey, i16, Bytes)> {
    lines(kind).map(|(key, version, frame)| (ApiKey::from_number(key.parse().unwrap()).unwrap(), version, frame))
}

fn batch(name: &str) -> Batch {
    let (_, _, mut bytes) = lines("batch").find(|(found, ..)| *found == name).unwrap();
    Batch::read(&mut bytes).unwrap()
}

fn records(batch: &Batch) -> Vec<Record> {
    batch.records().unwrap().map(Result::unwrap).collect()
}

#[test]
fn requests_of_kafkas_own_client_are_read_and_would_be_written_the_same() {
    for (key, number, frame) in frames("request") {
        let name = format!("{key} {number}");
        let mut reader = Reader::new(frame);
        let header = RequestHeader::read(&mut reader).unwrap();
        assert_eq!((header.key, header.version.number), (key, number));
        assert!(header.client_id.is_none_or(|id| id == "client-ü"), "{name}");
        let body = reader.clone().into_rest();
        let request = AnyRequest::read(header.key, &mut reader, header.version).unwrap();
        assert_eq!(reader.left(), 0, "{name}: {request:?}");
        let mut writer = Writer::default();
        request.write(&mut writer, header.version).unwrap();
        assert_eq!(writer.finish().into_bytes(), body, "{name}: {request:?}");
    }
}

#[test]
fn responses_of_kafkas_own_client_are_read_and_would_be_written_the_same() {
    for (key, number, frame) in frames("response") {
        let name = format!("{key} {number}");
        let version = key.version(number).unwrap();
        // The correlation id, and where the header is flexible the count of tagged fields.
        let header = if version.flexible && key != ApiKey::ApiVersions { 5 } else { 4 };
        let body = frame.slice(header..);
        let mut reader = Reader::new(body.clone());
        let response = AnyResponse::read(key, &mut reader, version).unwrap();
        assert_eq!(reader.left(), 0, "{name}: {response:?}");
        let mut writer = Writer::default();
        response.write(&mut writer, version).unwrap();
        assert_eq!(writer.finish().into_bytes(), body, "{name}: {response:?}");
    }
}

#[test]
fn every_version_of_every_api_has_a_vector() {
    for key in ApiKey::ALL {
        for version in key.versions() {
            for kind in ["request", "response"] {
                let found = frames(kind).any(|(found, number, _)| (found, number) == (*key, version));
                assert!(found, "{kind} {key} {version}");
            }
        }
    }
}

#[test]
fn batches_of_kafkas_own_client_are_read_in_every_codec() {
    let plain = records(&batch("none"));
    assert_eq!(plain.len(), 40);
    let record = &plain[7];
    assert_eq!((record.offset, record.timestamp), (7, 999_993));
    assert_eq!(record.key.as_deref(), Some(&b"key 7"[..]));
    assert_eq!(record.value.as_deref(), Some("value 7 ".repeat(7).as_bytes()));
    assert_eq!((&record.headers[0].name[..], record.headers[0].value.as_deref()), (&b"h"[..], None));
    for codec in Codec::ALL {
        let batch = batch(codec.name());
        assert_eq!((batch.codec(), records(&batch)), (codec, plain.clone()));
        let producer = Producer { id: 4_000, epoch: 3, base_sequence: 17, transactional: false };
        assert_eq!(batch.producer(), Some(producer));
        assert_eq!(records(&Batch::read(&mut recompress(&batch, Codec::None).unwrap().freeze()).unwrap()), plain);
    }
}

#[test]
fn the_end_of_a_transaction_is_written_as_kafka_writes_it() {
    let theirs = batch("marker");
    let marker =
        Marker { producer_id: 4_000, producer_epoch: 3, committed: true, coordinator_epoch: 9, timestamp: 1_000_000 };
    assert_eq!(Marker::of(&theirs), Ok(Some(marker)));
    let mut ours = marker.to_batch().unwrap();
    HeaderMut::new(&mut ours).unwrap().set_base_offset(500);
    assert_eq!(ours, theirs.bytes());
}
