//! Every message in every version: against another implementation, against itself, and against hostile bytes.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::api_versions::ApiVersionsRequest;
use super::metadata::{MetadataRequest, MetadataRequestTopic};
use super::*;
use crate::codec::random::Source;
use crate::codec::{Flaw, Unfit};

/// Random values of each message in each version.
const VALUES: u64 = 64;

/// Calls with every version of every API.
fn every_version(mut visit: impl FnMut(ApiKey, Version, &mut Source)) {
    for key in ApiKey::ALL {
        for number in key.versions() {
            let version = key.version(number).unwrap();
            for seed in 0..VALUES {
                visit(*key, version, &mut Source(seed << 32 | u64::from(number as u16) << 16 | key.number() as u64));
            }
        }
    }
}

/// The bytes of what `write` writes.
fn written(write: impl FnOnce(&mut Writer) -> Result<(), Unencodable>) -> Result<Bytes, Unencodable> {
    let mut writer = Writer::default();
    write(&mut writer)?;
    Ok(writer.finish().into_bytes())
}

fn their_key(key: ApiKey) -> TheirKey {
    TheirKey::try_from(key.number()).unwrap()
}

#[test]
fn another_implementation_reads_each_request_and_writes_the_same_bytes() {
    every_version(|key, version, source| {
        let value = AnyRequest::random(key, source, version);
        let bytes = written(|writer| value.write(writer, version)).unwrap();
        let mut left = bytes.clone();
        let theirs = RequestKind::decode(their_key(key), &mut left, version.number)
            .map_err(|error| format!("{error}: {version:?} {value:?}"))
            .unwrap();
        assert!(left.is_empty(), "{left:?} is left: {version:?} {value:?}");
        let mut again = BytesMut::new();
        theirs.encode(&mut again, version.number).unwrap();
        assert_eq!(again, bytes, "{version:?} {value:?}");
    });
}

#[test]
fn another_implementation_reads_each_response_and_writes_the_same_bytes() {
    every_version(|key, version, source| {
        let value = AnyResponse::random(key, source, version);
        let bytes = written(|writer| value.write(writer, version)).unwrap();
        let mut left = bytes.clone();
        let theirs = ResponseKind::decode(their_key(key), &mut left, version.number)
            .map_err(|error| format!("{error}: {version:?} {value:?}"))
            .unwrap();
        assert!(left.is_empty(), "{left:?} is left: {version:?} {value:?}");
        let mut again = BytesMut::new();
        theirs.encode(&mut again, version.number).unwrap();
        assert_eq!(again, bytes, "{version:?} {value:?}");
    });
}

#[test]
fn each_message_reads_back_as_it_was_written() {
    every_version(|key, version, source| {
        let request = AnyRequest::random(key, source, version);
        let mut reader = Reader::new(written(|writer| request.write(writer, version)).unwrap());
        assert_eq!(AnyRequest::read(key, &mut reader, version).as_ref(), Ok(&request), "{version:?}");
        assert_eq!(reader.left(), 0);
        let response = AnyResponse::random(key, source, version);
        let mut reader = Reader::new(written(|writer| response.write(writer, version)).unwrap());
        assert_eq!(AnyResponse::read(key, &mut reader, version).as_ref(), Ok(&response), "{version:?}");
        assert_eq!(reader.left(), 0);
    });
}

#[test]
fn the_advertised_versions_are_those_that_another_implementation_knows() {
    for key in ApiKey::ALL {
        let theirs = their_key(*key).valid_versions();
        let ours = key.versions();
        assert!(theirs.min <= *ours.start() && *ours.end() <= theirs.max, "{key}: {ours:?}, {theirs}");
        assert_eq!(format!("{:?}", their_key(*key)), key.name());
        for number in ours {
            let version = key.version(number).unwrap();
            assert_eq!(version.flexible, their_key(*key).request_header_version(number) == 2, "{key} {number}");
            let tagged = version.flexible && *key != ApiKey::ApiVersions;
            assert_eq!(tagged, their_key(*key).response_header_version(number) == 1, "{key} {number}");
        }
    }
}

/// What a server answers when it has nothing but an error to say.
#[test]
fn every_version_can_express_the_default_of_each_response() {
    for key in ApiKey::ALL {
        for number in key.versions() {
            let version = key.version(number).unwrap();
            let written = written(|writer| AnyResponse::default_of(*key).write(writer, version));
            assert!(written.is_ok(), "{written:?}");
        }
    }
}

#[test]
fn a_value_that_the_version_lacks_is_refused_by_the_name_of_its_field() {
    let version = ApiKey::Metadata.version(3).unwrap();
    let request = MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
    let refused = written(|writer| request.write(writer, version));
    let field = "MetadataRequest.allow_auto_topic_creation";
    assert_eq!(refused, Err(Unencodable { field, version: 3, unfit: Unfit::Absent }));
    let topic = MetadataRequestTopic { name: None, ..MetadataRequestTopic::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() };
    let refused = written(|writer| request.write(writer, ApiKey::Metadata.version(9).unwrap()));
    let field = "MetadataRequestTopic.name";
    assert_eq!(refused, Err(Unencodable { field, version: 9, unfit: Unfit::Null }));
}

#[test]
fn a_value_that_the_version_lacks_is_left_out_where_the_schema_says_that_it_may_be() {
    let version = ApiKey::ApiVersions.version(0).unwrap();
    let request = ApiVersionsRequest { client_software_name: "kcat".into(), ..ApiVersionsRequest::default() };
    assert_eq!(written(|writer| request.write(writer, version)), Ok(Bytes::new()));
}

#[test]
fn a_malformed_message_is_refused_by_the_name_of_its_field() {
    let version = ApiKey::Metadata.version(9).unwrap();
    let mut reader = Reader::new(Bytes::from_static(&[2, 0, 0]));
    let refused = MetadataRequest::read(&mut reader, version).map_err(|error| (error.field, error.flaw));
    // The name is null, which version 9 does not have; as `None` it does no harm. Then the message ends.
    assert_eq!(refused, Err(("MetadataRequest.allow_auto_topic_creation", Flaw::Short)));
}

#[test]
fn peers_agree_on_the_greatest_version_that_both_speak() {
    let common = |key: ApiKey, peer| key.common_version(peer).map(|version| version.number);
    assert_eq!(common(ApiKey::Fetch, 4..=18), Some(16));
    assert_eq!(common(ApiKey::Fetch, 0..=11), Some(11));
    assert_eq!(common(ApiKey::Fetch, 17..=18), None);
    assert_eq!(common(ApiKey::Fetch, 0..=3), None);
}

/// librdkafka up to 2.11 stops compressing when version 0 is not offered (KAFKA-18659).
#[test]
fn produce_is_advertised_from_version_0_and_spoken_from_3() {
    assert_eq!((ApiKey::Produce.advertised(), ApiKey::Produce.versions()), (0..=11, 3..=11));
    assert_eq!(ApiKey::Produce.version(0), None);
}

fn any_version() -> impl Strategy<Value = (ApiKey, Version)> {
    let versions = ApiKey::ALL.iter().flat_map(|key| key.versions().map(|n| (*key, key.version(n).unwrap())));
    select(versions.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn arbitrary_bytes_never_panic((key, version) in any_version(), bytes in vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = AnyRequest::read(key, &mut Reader::new(bytes.clone()), version);
        let _ = AnyResponse::read(key, &mut Reader::new(bytes.clone()), version);
        let _ = RequestHeader::read(&mut Reader::new(bytes));
    }

    #[test]
    fn damaged_messages_never_panic(
        (key, version) in any_version(), seed: u64, at: Index, byte: u8, cut in any::<Index>(),
    ) {
        let mut source = Source(seed);
        for is_request in [true, false] {
            let bytes = if is_request {
                let request = AnyRequest::random(key, &mut source, version);
                written(|writer| request.write(writer, version))
            } else {
                let response = AnyResponse::random(key, &mut source, version);
                written(|writer| response.write(writer, version))
            };
            let mut bytes = bytes.unwrap().to_vec();
            if bytes.is_empty() {
                continue;
            }
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let mut reader = Reader::new(Bytes::from(bytes));
            if is_request {
                let _ = AnyRequest::read(key, &mut reader, version);
            } else {
                let _ = AnyResponse::read(key, &mut reader, version);
            }
        }
    }
}
