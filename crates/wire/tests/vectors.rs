//! Frames that Apache Kafka's own Java client wrote (`vectors/Vectors.java`), one of each request and response in each
//! version: they are read to their last byte, and would be written byte for byte. And requests that clients sent to a
//! listener of ours on their own account (`vectors/clients.txt`: client, API key, version, frame without its length).

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use tailwater_wire::api::{AnyRequest, AnyResponse, ApiKey, HeaderError, RequestHeader};
use tailwater_wire::batch::{
    Batch, BatchBuilder, Codec, HeaderMut, Marker, ProduceRules, Producer, Record, check_produced, check_records,
    recompress,
};
use tailwater_wire::codec::{Reader, Writer};

const KAFKA: &str = include_str!("vectors/kafka-4.3.0.txt");
const CLIENTS: &str = include_str!("vectors/clients.txt");

/// The lines of a file: kind or client, API key or codec, version, bytes.
fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, i16, Bytes)> {
    text.lines().map(|line| {
        let parts: Vec<_> = line.split(' ').collect();
        let byte = |at| u8::from_str_radix(&parts[3][at..at + 2], 16).unwrap();
        let bytes = (0..parts[3].len()).step_by(2).map(byte).collect();
        (parts[0], parts[1], parts[2].parse().unwrap(), bytes)
    })
}

/// What Kafka's own client wrote: requests or responses.
fn frames(kind: &str) -> impl Iterator<Item = (ApiKey, i16, Bytes)> {
    let ours = lines(KAFKA).filter(move |(found, ..)| *found == kind);
    ours.map(|(_, key, version, frame)| (ApiKey::from_number(key.parse().unwrap()).unwrap(), version, frame))
}

fn batch(name: &str) -> Batch {
    let (.., mut bytes) = lines(KAFKA).find(|(kind, found, ..)| (*kind, *found) == ("batch", name)).unwrap();
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
fn requests_of_real_clients_are_read_to_their_last_byte_and_would_be_written_the_same() {
    for (client, _, number, frame) in lines(CLIENTS) {
        let mut reader = Reader::new(frame);
        let header = match RequestHeader::read(&mut reader) {
            // They start with the newest version that they know, and go on from the answer (KIP-511).
            Err(HeaderError::UnsupportedVersion { key: ApiKey::ApiVersions, version: 5.., .. }) => continue,
            header => header.unwrap(),
        };
        let name = format!("{client}: {} {number}", header.key);
        assert_eq!(header.version.number, number, "{name}");
        let body = reader.clone().into_rest();
        let request = AnyRequest::read(header.key, &mut reader, header.version).unwrap();
        assert_eq!(reader.left(), 0, "{name}: {request:?}");
        let mut writer = Writer::default();
        request.write(&mut writer, header.version).unwrap();
        assert_eq!(writer.finish().into_bytes(), body, "{name}: {request:?}");
        if let AnyRequest::Produce(request) = request {
            let timestamps = (i64::MIN, i64::MAX);
            let rules = ProduceRules { version: number, max_bytes: 1 << 20, keys_required: false, timestamps };
            for data in request.topic_data.into_iter().flat_map(|topic| topic.partition_data) {
                let batch = check_produced(&data.records.unwrap().into_bytes(), &rules).unwrap();
                assert_eq!(check_records(&batch, &rules), Ok(batch.max_timestamp), "{name}");
            }
        }
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

/// Also their null headers.
#[test]
fn records_of_kafkas_own_client_would_be_written_byte_for_byte() {
    let theirs = batch("none");
    let mut builder = BatchBuilder::default();
    for record in records(&theirs) {
        builder.begin(record.timestamp);
        if let Some(key) = &record.key {
            builder.key();
            builder.push(key);
        }
        if let Some(value) = &record.value {
            builder.value();
            builder.push(value);
        }
        for header in &record.headers {
            let name = std::str::from_utf8(&header.name).unwrap();
            match &header.value {
                Some(value) => {
                    builder.header(name);
                    builder.push(value);
                }
                None => builder.null_header(name),
            }
        }
        builder.end().unwrap();
    }
    let mut ours = builder.finish().unwrap().bytes;
    let mut header = HeaderMut::new(&mut ours).unwrap();
    header.set_producer(theirs.producer().unwrap());
    header.seal();
    // All but the leader's epoch, which is a broker's to set.
    assert_eq!((&ours[..12], &ours[16..]), (&theirs.bytes()[..12], &theirs.bytes()[16..]));
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
