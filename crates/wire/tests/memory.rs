//! How much memory a hostile message takes: what an array claims, where it claims it, and what follows, are tried out on
//! messages that Kafka's own client wrote.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use tailwater_wire::api::{AnyRequest, ApiKey, RequestHeader};
use tailwater_wire::codec::Reader;
use tailwater_wire::limits::DECODED_MAX_BYTES;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of a hostile message.
const BYTES: usize = 1 << 20;

/// A valid request in its newest version, with its header.
fn request(key: ApiKey) -> Vec<u8> {
    let start = format!("request {} {} ", key.number(), key.versions().end());
    let line = include_str!("vectors/kafka-4.3.0.txt").lines().find_map(|line| line.strip_prefix(&start));
    let digits = line.unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The greatest count of elements, as flexible and as other versions write it, then bytes that may be elements.
fn claims() -> Vec<Vec<u8>> {
    let mut claims = vec![];
    for fill in [0, 1, 2] {
        // Some elements take one byte, some several: what is claimed has to be what is there, or it is refused at once.
        for share in [1, 2, 3, 5, 8, 12] {
            let count = (BYTES / share) as u32;
            let varint: Vec<u8> = [count, count >> 7, count >> 14].iter().map(|part| *part as u8 | 0x80).collect();
            for mut claim in [[&varint[..2], &[(count >> 14) as u8 & 0x7F]].concat(), count.to_be_bytes().to_vec()] {
                claim.resize(BYTES, fill);
                claims.push(claim);
            }
        }
    }
    claims
}

#[test]
fn whatever_a_message_claims_the_memory_it_takes_is_bounded() {
    let claims = claims();
    let mut most = 0;
    for key in [ApiKey::Produce, ApiKey::Fetch, ApiKey::OffsetFetch, ApiKey::CreateTopics, ApiKey::DescribeAcls] {
        let valid = request(key);
        for at in 12..valid.len().min(48) {
            for claim in &claims {
                let frame = Bytes::from([&valid[..at], claim].concat());
                let before = MEMORY.current_usage();
                MEMORY.reset_peak_usage();
                let mut reader = Reader::new(frame);
                if let Ok(header) = RequestHeader::read(&mut reader) {
                    let _ = AnyRequest::read(header.key, &mut reader, header.version);
                }
                most = most.max(MEMORY.peak_usage() - before);
            }
        }
    }
    // Elements beyond what is allowed were asked for, so the bound was what held.
    assert!(most > DECODED_MAX_BYTES / 2, "{most}");
    assert!(most < 2 * DECODED_MAX_BYTES + BYTES, "{most}");
}
