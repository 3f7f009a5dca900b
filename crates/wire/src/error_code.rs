//! The codes that responses carry, with the names that Kafka gives them.

#[cfg(test)]
use crate::codec::random::Source;
use crate::codec::{Malformed, Reader, Unencodable, Version, Wire, Writer};

/// A code of success or failure. Numbers without a name here are kept as they are.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

macro_rules! codes {
    ($( $(#[$doc:meta])* $NAME:ident = $number:literal $(, $retriable:ident)?; )*) => {
        impl ErrorCode {
            $( $(#[$doc])* pub const $NAME: ErrorCode = ErrorCode($number); )*

            /// Kafka's name.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $( $number => stringify!($NAME), )*
                    _ => "UNKNOWN",
                }
            }

            /// Whether clients try again by themselves.
            pub const fn is_retriable(self) -> bool {
                match self.0 {
                    $( $number => !stringify!($($retriable)?).is_empty(), )*
                    _ => false,
                }
            }

            /// Those with a name.
            #[cfg(test)]
            const ALL: &[ErrorCode] = &[$(ErrorCode::$NAME),*];
        }
    };
}

codes! {
    /// Something failed here that the client cannot help.
    UNKNOWN_SERVER_ERROR = -1;
    /// No error.
    NONE = 0;
    /// The log does not reach from there: before its start or beyond its end.
    OFFSET_OUT_OF_RANGE = 1;
    /// The batch's CRC or form is wrong.
    CORRUPT_MESSAGE = 2, retriable;
    /// There is no such topic, or it has no such partition.
    UNKNOWN_TOPIC_OR_PARTITION = 3, retriable;
    /// Nobody leads the partition for the moment.
    LEADER_NOT_AVAILABLE = 5, retriable;
    /// Another broker has the partition.
    NOT_LEADER_OR_FOLLOWER = 6, retriable;
    /// It took longer than the request allows.
    REQUEST_TIMED_OUT = 7, retriable;
    /// There is no such broker.
    BROKER_NOT_AVAILABLE = 8;
    /// The replica is not here.
    REPLICA_NOT_AVAILABLE = 9, retriable;
    /// The batch is larger than the topic's `max.message.bytes`.
    MESSAGE_TOO_LARGE = 10;
    /// The text beside a committed offset is too long.
    OFFSET_METADATA_TOO_LARGE = 12;
    /// The connection broke; only clients make this one.
    NETWORK_EXCEPTION = 13, retriable;
    /// The coordinator is reading its state.
    COORDINATOR_LOAD_IN_PROGRESS = 14, retriable;
    /// There is no coordinator for the moment.
    COORDINATOR_NOT_AVAILABLE = 15, retriable;
    /// Another broker coordinates this.
    NOT_COORDINATOR = 16, retriable;
    /// The name cannot be a topic's, or the topic is not for clients to change.
    INVALID_TOPIC_EXCEPTION = 17;
    /// The batch is larger than a segment.
    RECORD_LIST_TOO_LARGE = 18;
    /// Too few replicas are in sync.
    NOT_ENOUGH_REPLICAS = 19, retriable;
    /// Written, but to too few replicas.
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20, retriable;
    /// `acks` is neither -1, 0 nor 1.
    INVALID_REQUIRED_ACKS = 21;
    /// The group is at another generation.
    ILLEGAL_GENERATION = 22;
    /// The member shares no protocol with the others.
    INCONSISTENT_GROUP_PROTOCOL = 23;
    /// The name cannot be a group's.
    INVALID_GROUP_ID = 24;
    /// The group has no such member.
    UNKNOWN_MEMBER_ID = 25;
    /// The session timeout is out of the allowed range.
    INVALID_SESSION_TIMEOUT = 26;
    /// The group is about to change; join again.
    REBALANCE_IN_PROGRESS = 27;
    /// The committed offsets take too much space.
    INVALID_COMMIT_OFFSET_SIZE = 28;
    /// The user may not do this with the topic.
    TOPIC_AUTHORIZATION_FAILED = 29;
    /// The user may not use the group.
    GROUP_AUTHORIZATION_FAILED = 30;
    /// The user may not do this at all.
    CLUSTER_AUTHORIZATION_FAILED = 31;
    /// A timestamp is further from now than the topic allows.
    INVALID_TIMESTAMP = 32;
    /// The response names the mechanisms that there are.
    UNSUPPORTED_SASL_MECHANISM = 33;
    /// The request is out of order in the handshake.
    ILLEGAL_SASL_STATE = 34;
    /// That version of the API is not spoken here.
    UNSUPPORTED_VERSION = 35;
    /// There is a topic of this name.
    TOPIC_ALREADY_EXISTS = 36;
    /// The count of partitions is not possible.
    INVALID_PARTITIONS = 37;
    /// There are fewer brokers than replicas.
    INVALID_REPLICATION_FACTOR = 38;
    /// Replicas cannot be placed so.
    INVALID_REPLICA_ASSIGNMENT = 39;
    /// A configuration has no such key or value.
    INVALID_CONFIG = 40;
    /// Another broker is the controller.
    NOT_CONTROLLER = 41, retriable;
    /// The request contradicts itself.
    INVALID_REQUEST = 42;
    /// The records' format does not allow it.
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43;
    /// It is not allowed here.
    POLICY_VIOLATION = 44;
    /// A batch before this one is missing.
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45;
    /// The batch was written before, too long ago to know where.
    DUPLICATE_SEQUENCE_NUMBER = 46;
    /// A newer instance of the producer has taken over.
    INVALID_PRODUCER_EPOCH = 47;
    /// The transaction is not in a state for this.
    INVALID_TXN_STATE = 48;
    /// The transactional id has another producer id.
    INVALID_PRODUCER_ID_MAPPING = 49;
    /// The timeout is longer than `transaction.max.timeout.ms`.
    INVALID_TRANSACTION_TIMEOUT = 50;
    /// The last transaction is not finished yet.
    CONCURRENT_TRANSACTIONS = 51, retriable;
    /// The user may not use the transactional id.
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53;
    /// There are no users or rights here.
    SECURITY_DISABLED = 54;
    /// Given up because another part of the request failed.
    OPERATION_NOT_ATTEMPTED = 55;
    /// The disk fails.
    KAFKA_STORAGE_ERROR = 56, retriable;
    /// There is no such directory.
    LOG_DIR_NOT_FOUND = 57;
    /// Unknown user or wrong password.
    SASL_AUTHENTICATION_FAILED = 58;
    /// Nothing is known of the producer any more.
    UNKNOWN_PRODUCER_ID = 59;
    /// Replicas are being moved.
    REASSIGNMENT_IN_PROGRESS = 60;
    /// The group has members.
    NON_EMPTY_GROUP = 68;
    /// There is no such group.
    GROUP_ID_NOT_FOUND = 69;
    /// There is no such fetch session.
    FETCH_SESSION_ID_NOT_FOUND = 70, retriable;
    /// The fetch session is at another epoch.
    INVALID_FETCH_SESSION_EPOCH = 71, retriable;
    /// The leader has no such listener.
    LISTENER_NOT_FOUND = 72, retriable;
    /// Topics cannot be deleted.
    TOPIC_DELETION_DISABLED = 73;
    /// The client knows an older epoch.
    FENCED_LEADER_EPOCH = 74, retriable;
    /// The client knows a newer epoch.
    UNKNOWN_LEADER_EPOCH = 75, retriable;
    /// The version of the request does not know the batch's codec.
    UNSUPPORTED_COMPRESSION_TYPE = 76;
    /// The high watermark is not known again yet.
    OFFSET_NOT_AVAILABLE = 78, retriable;
    /// Join again with the member id of the response.
    MEMBER_ID_REQUIRED = 79;
    /// The group is full.
    GROUP_MAX_SIZE_REACHED = 81;
    /// Another consumer has taken over the `group.instance.id`.
    FENCED_INSTANCE_ID = 82;
    /// No replicas are being moved.
    NO_REASSIGNMENT_IN_PROGRESS = 85;
    /// Members of the group read the topic.
    GROUP_SUBSCRIBED_TO_TOPIC = 86;
    /// A record is not as the topic wants it.
    INVALID_RECORD = 87;
    /// A transaction with offsets is not decided yet.
    UNSTABLE_OFFSET_COMMIT = 88, retriable;
    /// Too many changes for now.
    THROTTLING_QUOTA_EXCEEDED = 89, retriable;
    /// A newer instance of the transactional producer has taken over.
    PRODUCER_FENCED = 90;
    /// There is no such resource.
    RESOURCE_NOT_FOUND = 91;
    /// The request names something twice.
    DUPLICATE_RESOURCE = 92;
    /// The password or its iterations are not acceptable.
    UNACCEPTABLE_CREDENTIAL = 93;
    /// There is no topic of this id.
    UNKNOWN_TOPIC_ID = 100, retriable;
    /// The topic has another id.
    INCONSISTENT_TOPIC_ID = 103, retriable;
    /// There is no such transactional id.
    TRANSACTIONAL_ID_NOT_FOUND = 105;
    /// The session's requests mix names and ids.
    FETCH_SESSION_TOPIC_ID_ERROR = 106, retriable;
    /// The request is for a controller, or for a broker.
    MISMATCHED_ENDPOINT_TYPE = 114;
    /// There are no such endpoints.
    UNSUPPORTED_ENDPOINT_TYPE = 115;
    /// The pattern is not one.
    INVALID_REGULAR_EXPRESSION = 128;
    /// The client is to start over from its bootstrap servers.
    REBOOTSTRAP_REQUIRED = 129;
}

impl ErrorCode {
    /// Whether it stands for success.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl Wire for ErrorCode {
    const MIN_BYTES: usize = 2;

    fn read(reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
        i16::read(reader, version).map(ErrorCode)
    }

    fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
        self.0.write(writer, version)
    }

    #[cfg(test)]
    fn random(source: &mut Source, version: Version) -> Self {
        ErrorCode(i16::random(source, version))
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::ResponseError;

    use super::*;

    #[test]
    fn numbers_names_and_retries_are_those_of_another_implementation() {
        for code in ErrorCode::ALL {
            let Some(theirs) = ResponseError::try_from_code(code.0) else {
                assert_eq!(*code, ErrorCode::NONE);
                continue;
            };
            let name = code.name().replace('_', "").trim_end_matches("EXCEPTION").to_lowercase();
            let their_name = format!("{theirs:?}").trim_end_matches("Exception").to_lowercase();
            assert_eq!(name, their_name);
            // It became retriable in Kafka after theirs.
            let expected = theirs.is_retriable() || *code == ErrorCode::CONCURRENT_TRANSACTIONS;
            assert_eq!(code.is_retriable(), expected, "{code}");
        }
    }
}
