//! What consumers tell each other through their group: opaque to the broker, read by tools that show groups.
//!
//! A version comes first. Later versions only append, so what is newer than known is read as the newest that is.

use bytes::Bytes;

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::codec::{Malformed, Reader, Unencodable, Version, Wire, Writer};

/// The protocol type of groups whose members say this.
pub const PROTOCOL_TYPE: &str = "consumer";

/// The newest version that is known.
const NEWEST: i16 = 3;

message! {
    /// What a member wants and has: the metadata of `JoinGroup`.
    struct ConsumerProtocolSubscription {
        topics: Vec<String>;
        user_data: Option<Bytes>;
        owned_partitions: Vec<TopicPartition>, since(1).ignorable();
        generation_id: i32 = -1, since(2).ignorable();
        rack_id: Option<String>, since(3).ignorable();
    }

    /// What a member gets: the assignment of `SyncGroup`.
    struct ConsumerProtocolAssignment {
        assigned_partitions: Vec<TopicPartition>;
        user_data: Option<Bytes>;
    }

    /// Partitions of one topic.
    struct TopicPartition {
        topic: String;
        partitions: Vec<i32>;
    }
}

/// Reads what a member of a group of consumers said: a subscription or an assignment.
///
/// # Errors
/// It is neither; groups of other [types](PROTOCOL_TYPE) have forms of their own.
pub fn read_member<T: Wire>(bytes: Bytes) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes);
    let rigid = |number| Version { number, flexible: false };
    let number = i16::read(&mut reader, rigid(0)).map_err(|error| error.within("version"))?;
    T::read(&mut reader, rigid(number.clamp(0, NEWEST)))
}

/// Writes what a member says, in the first version: all readers know that.
///
/// # Errors
/// A name is too long.
pub fn write_member<T: Wire>(value: &T) -> Result<Bytes, Unencodable> {
    let version = Version { number: 0, flexible: false };
    let mut writer = Writer::default();
    version.number.write(&mut writer, version)?;
    value.write(&mut writer, version)?;
    Ok(writer.finish().into_bytes())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages;
    use kafka_protocol::protocol::{Decodable, Encodable};

    use super::*;
    use crate::codec::Flaw;
    use crate::codec::random::Source;

    /// Writes ours, has theirs read it and write it again.
    fn rewritten<Ours: Wire, Theirs: Decodable + Encodable>(seed: u64, number: i16) -> (Bytes, Bytes) {
        let version = Version { number, flexible: false };
        let mut writer = Writer::default();
        Ours::random(&mut Source(seed), version).write(&mut writer, version).unwrap();
        let bytes = writer.finish().into_bytes();
        let mut again = bytes::BytesMut::new();
        Theirs::decode(&mut bytes.clone(), number).unwrap().encode(&mut again, number).unwrap();
        (bytes, again.freeze())
    }

    #[test]
    fn another_implementation_reads_each_version_and_writes_the_same_bytes() {
        for (seed, number) in (0..200).zip((0..=NEWEST).cycle()) {
            let (ours, theirs) =
                rewritten::<ConsumerProtocolSubscription, messages::ConsumerProtocolSubscription>(seed, number);
            assert_eq!(ours, theirs, "{seed} {number}");
            let (ours, theirs) =
                rewritten::<ConsumerProtocolAssignment, messages::ConsumerProtocolAssignment>(seed, number);
            assert_eq!(ours, theirs, "{seed} {number}");
        }
    }

    #[test]
    fn what_is_written_reads_back_and_newer_versions_are_read_as_far_as_known() {
        let partitions = TopicPartition { topic: "orders".into(), partitions: vec![0, 2] };
        let assignment = ConsumerProtocolAssignment { assigned_partitions: vec![partitions], user_data: None };
        let mut bytes = write_member(&assignment).unwrap().to_vec();
        assert_eq!(read_member(Bytes::from(bytes.clone())), Ok(assignment.clone()));
        bytes[1] = 9;
        bytes.extend_from_slice(b"something new");
        assert_eq!(read_member(Bytes::from(bytes)), Ok(assignment));
    }

    #[test]
    fn other_bytes_are_refused() {
        let refused = read_member::<ConsumerProtocolAssignment>(Bytes::from_static(b"\0\0\x7F\xFF\xFF\xFF"));
        assert_eq!(refused.map_err(|error| error.flaw), Err(Flaw::Count(0x7FFF_FFFF)));
        assert!(read_member::<ConsumerProtocolSubscription>(Bytes::new()).is_err());
    }
}
