//! The APIs of Kafka that are spoken here, one file each; their numbers, versions and bounds in one table.
//!
//! Structures and fields have the names of Kafka's message schemas, so that what is known of those holds here.

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod alter_configs;
pub mod alter_user_scram_credentials;
pub mod api_versions;
pub mod consumer;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
mod header;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leader;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod sync_group;
pub mod txn_offset_commit;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

pub use header::{
    HeaderError, RequestHeader, read_response, request_frame, response_frame, unsupported_api_versions_frame,
};

use crate::codec::{Malformed, Reader, Unencodable, Version, Wire, Writer};
use crate::limits::{FRAME_MAX_BYTES, PRODUCE_FRAME_MAX_BYTES, SMALL_FRAME_MAX_BYTES};

/// A request.
pub trait Request: Wire {
    /// The API it belongs to.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Response;
}

/// A response.
pub trait Response: Wire {
    /// The API it belongs to.
    const KEY: ApiKey;
}

/// What the table says of an API.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: &'static str,
    /// The versions that are read and written.
    versions: (i16, i16),
    /// The first flexible version (KIP-482).
    flexible: i16,
    /// Most bytes of a request.
    frame: usize,
}

/// No version is flexible.
const NEVER: i16 = i16::MAX;

macro_rules! apis {
    ($(
        $Key:ident = $number:literal, $module:ident :: $Request:ident / $Response:ident,
        $from:literal - $to:literal, flexible $flexible:expr, $frame:expr;
    )*) => {
        /// An API, by the number that requests carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!(
                    "Number ", stringify!($number), ", versions ", stringify!($from), " to ", stringify!($to), "."
                )]
                $Key = $number,
            )*
        }

        impl ApiKey {
            /// All of them, by number.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$Key),*];

            const fn entry(self) -> Entry {
                match self {
                    $(ApiKey::$Key => Entry {
                        name: stringify!($Key),
                        versions: ($from, $to),
                        flexible: $flexible,
                        frame: $frame,
                    },)*
                }
            }
        }

        $(
            impl Request for $module::$Request {
                const KEY: ApiKey = ApiKey::$Key;
                type Response = $module::$Response;
            }

            impl Response for $module::$Response {
                const KEY: ApiKey = ApiKey::$Key;
            }
        )*

        /// A request of whichever API.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyRequest {
            $(
                #[doc = concat!("Of [`ApiKey::", stringify!($Key), "`].")]
                $Key($module::$Request),
            )*
        }

        impl AnyRequest {
            /// Reads the body of a request, which follows its header.
            ///
            /// # Errors
            /// The bytes are not such a request.
            pub fn read(key: ApiKey, reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
                match key {
                    $(ApiKey::$Key => Wire::read(reader, version).map(AnyRequest::$Key),)*
                }
            }

            /// Appends the body.
            ///
            /// # Errors
            /// The version cannot express it.
            pub fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
                match self {
                    $(AnyRequest::$Key(request) => request.write(writer, version),)*
                }
            }

            #[cfg(test)]
            fn random(key: ApiKey, source: &mut crate::codec::random::Source, version: Version) -> Self {
                match key {
                    $(ApiKey::$Key => AnyRequest::$Key(Wire::random(source, version)),)*
                }
            }
        }

        /// A response of whichever API.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyResponse {
            $(
                #[doc = concat!("Of [`ApiKey::", stringify!($Key), "`].")]
                $Key($module::$Response),
            )*
        }

        impl AnyResponse {
            /// Reads the body of a response, which follows its header.
            ///
            /// # Errors
            /// The bytes are not such a response.
            pub fn read(key: ApiKey, reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
                match key {
                    $(ApiKey::$Key => Wire::read(reader, version).map(AnyResponse::$Key),)*
                }
            }

            /// Appends the body.
            ///
            /// # Errors
            /// The version cannot express it.
            pub fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
                match self {
                    $(AnyResponse::$Key(response) => response.write(writer, version),)*
                }
            }

            #[cfg(test)]
            fn random(key: ApiKey, source: &mut crate::codec::random::Source, version: Version) -> Self {
                match key {
                    $(ApiKey::$Key => AnyResponse::$Key(Wire::random(source, version)),)*
                }
            }

            #[cfg(test)]
            fn default_of(key: ApiKey) -> Self {
                match key {
                    $(ApiKey::$Key => AnyResponse::$Key($module::$Response::default()),)*
                }
            }
        }
    };
}

apis! {
    Produce = 0, produce::ProduceRequest / ProduceResponse, 3-11, flexible 9, PRODUCE_FRAME_MAX_BYTES;
    Fetch = 1, fetch::FetchRequest / FetchResponse, 4-16, flexible 12, FRAME_MAX_BYTES;
    ListOffsets = 2, list_offsets::ListOffsetsRequest / ListOffsetsResponse, 1-10, flexible 6, FRAME_MAX_BYTES;
    Metadata = 3, metadata::MetadataRequest / MetadataResponse, 0-13, flexible 9, FRAME_MAX_BYTES;
    OffsetCommit = 8, offset_commit::OffsetCommitRequest / OffsetCommitResponse, 2-9, flexible 8, FRAME_MAX_BYTES;
    OffsetFetch = 9, offset_fetch::OffsetFetchRequest / OffsetFetchResponse, 1-9, flexible 6, FRAME_MAX_BYTES;
    FindCoordinator = 10, find_coordinator::FindCoordinatorRequest
        / FindCoordinatorResponse, 0-6, flexible 3, FRAME_MAX_BYTES;
    JoinGroup = 11, join_group::JoinGroupRequest / JoinGroupResponse, 0-9, flexible 6, FRAME_MAX_BYTES;
    Heartbeat = 12, heartbeat::HeartbeatRequest / HeartbeatResponse, 0-4, flexible 4, SMALL_FRAME_MAX_BYTES;
    LeaveGroup = 13, leave_group::LeaveGroupRequest / LeaveGroupResponse, 0-5, flexible 4, FRAME_MAX_BYTES;
    SyncGroup = 14, sync_group::SyncGroupRequest / SyncGroupResponse, 0-5, flexible 4, FRAME_MAX_BYTES;
    DescribeGroups = 15, describe_groups::DescribeGroupsRequest
        / DescribeGroupsResponse, 0-6, flexible 5, FRAME_MAX_BYTES;
    ListGroups = 16, list_groups::ListGroupsRequest / ListGroupsResponse, 0-5, flexible 3, SMALL_FRAME_MAX_BYTES;
    SaslHandshake = 17, sasl_handshake::SaslHandshakeRequest
        / SaslHandshakeResponse, 0-1, flexible NEVER, SMALL_FRAME_MAX_BYTES;
    ApiVersions = 18, api_versions::ApiVersionsRequest / ApiVersionsResponse, 0-4, flexible 3, SMALL_FRAME_MAX_BYTES;
    CreateTopics = 19, create_topics::CreateTopicsRequest / CreateTopicsResponse, 2-7, flexible 5, FRAME_MAX_BYTES;
    DeleteTopics = 20, delete_topics::DeleteTopicsRequest / DeleteTopicsResponse, 1-6, flexible 4, FRAME_MAX_BYTES;
    DeleteRecords = 21, delete_records::DeleteRecordsRequest / DeleteRecordsResponse, 0-2, flexible 2, FRAME_MAX_BYTES;
    InitProducerId = 22, init_producer_id::InitProducerIdRequest
        / InitProducerIdResponse, 0-5, flexible 2, SMALL_FRAME_MAX_BYTES;
    OffsetForLeaderEpoch = 23, offset_for_leader_epoch::OffsetForLeaderEpochRequest
        / OffsetForLeaderEpochResponse, 2-4, flexible 4, FRAME_MAX_BYTES;
    AddPartitionsToTxn = 24, add_partitions_to_txn::AddPartitionsToTxnRequest
        / AddPartitionsToTxnResponse, 0-3, flexible 3, FRAME_MAX_BYTES;
    AddOffsetsToTxn = 25, add_offsets_to_txn::AddOffsetsToTxnRequest
        / AddOffsetsToTxnResponse, 0-4, flexible 3, SMALL_FRAME_MAX_BYTES;
    EndTxn = 26, end_txn::EndTxnRequest / EndTxnResponse, 0-4, flexible 3, SMALL_FRAME_MAX_BYTES;
    TxnOffsetCommit = 28, txn_offset_commit::TxnOffsetCommitRequest
        / TxnOffsetCommitResponse, 0-4, flexible 3, FRAME_MAX_BYTES;
    DescribeAcls = 29, describe_acls::DescribeAclsRequest
        / DescribeAclsResponse, 1-3, flexible 2, SMALL_FRAME_MAX_BYTES;
    DescribeConfigs = 32, describe_configs::DescribeConfigsRequest
        / DescribeConfigsResponse, 1-4, flexible 4, FRAME_MAX_BYTES;
    AlterConfigs = 33, alter_configs::AlterConfigsRequest / AlterConfigsResponse, 0-2, flexible 2, FRAME_MAX_BYTES;
    DescribeLogDirs = 35, describe_log_dirs::DescribeLogDirsRequest
        / DescribeLogDirsResponse, 1-4, flexible 2, FRAME_MAX_BYTES;
    SaslAuthenticate = 36, sasl_authenticate::SaslAuthenticateRequest
        / SaslAuthenticateResponse, 0-2, flexible 2, SMALL_FRAME_MAX_BYTES;
    CreatePartitions = 37, create_partitions::CreatePartitionsRequest
        / CreatePartitionsResponse, 0-3, flexible 2, FRAME_MAX_BYTES;
    DeleteGroups = 42, delete_groups::DeleteGroupsRequest / DeleteGroupsResponse, 0-2, flexible 2, FRAME_MAX_BYTES;
    IncrementalAlterConfigs = 44, incremental_alter_configs::IncrementalAlterConfigsRequest
        / IncrementalAlterConfigsResponse, 0-1, flexible 1, FRAME_MAX_BYTES;
    ListPartitionReassignments = 46, list_partition_reassignments::ListPartitionReassignmentsRequest
        / ListPartitionReassignmentsResponse, 0-0, flexible 0, FRAME_MAX_BYTES;
    OffsetDelete = 47, offset_delete::OffsetDeleteRequest / OffsetDeleteResponse, 0-0, flexible NEVER, FRAME_MAX_BYTES;
    DescribeClientQuotas = 48, describe_client_quotas::DescribeClientQuotasRequest
        / DescribeClientQuotasResponse, 0-1, flexible 1, SMALL_FRAME_MAX_BYTES;
    DescribeUserScramCredentials = 50, describe_user_scram_credentials::DescribeUserScramCredentialsRequest
        / DescribeUserScramCredentialsResponse, 0-0, flexible 0, FRAME_MAX_BYTES;
    AlterUserScramCredentials = 51, alter_user_scram_credentials::AlterUserScramCredentialsRequest
        / AlterUserScramCredentialsResponse, 0-0, flexible 0, FRAME_MAX_BYTES;
    DescribeCluster = 60, describe_cluster::DescribeClusterRequest
        / DescribeClusterResponse, 0-2, flexible 0, SMALL_FRAME_MAX_BYTES;
    DescribeProducers = 61, describe_producers::DescribeProducersRequest
        / DescribeProducersResponse, 0-0, flexible 0, FRAME_MAX_BYTES;
    DescribeTransactions = 65, describe_transactions::DescribeTransactionsRequest
        / DescribeTransactionsResponse, 0-0, flexible 0, FRAME_MAX_BYTES;
    ListTransactions = 66, list_transactions::ListTransactionsRequest
        / ListTransactionsResponse, 0-2, flexible 0, SMALL_FRAME_MAX_BYTES;
}

impl ApiKey {
    /// The API of this number, if it is spoken here.
    pub fn from_number(number: i16) -> Option<Self> {
        ApiKey::ALL.iter().copied().find(|key| key.number() == number)
    }

    /// Its number.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Its name in Kafka's schemas, without `Request`.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The versions that are read and written.
    pub const fn versions(self) -> RangeInclusive<i16> {
        let (from, to) = self.entry().versions;
        from..=to
    }

    /// The versions that `ApiVersions` shows. Produce starts at 0 although 0 to 2 are refused, as Kafka itself has it
    /// (KAFKA-18659): librdkafka up to 2.11 silently stops compressing otherwise.
    pub const fn advertised(self) -> RangeInclusive<i16> {
        let (from, to) = self.entry().versions;
        match self {
            ApiKey::Produce => 0..=to,
            _ => from..=to,
        }
    }

    /// A version, if it is among [`versions`](Self::versions).
    pub fn version(self, number: i16) -> Option<Version> {
        self.versions().contains(&number).then(|| Version { number, flexible: number >= self.entry().flexible })
    }

    /// The greatest version in a range that a peer speaks.
    pub fn common_version(self, peer: RangeInclusive<i16>) -> Option<Version> {
        let greatest = *self.versions().end().min(peer.end());
        if greatest < *peer.start() { None } else { self.version(greatest) }
    }

    /// Most bytes of a request behind its length.
    pub const fn max_frame_bytes(self) -> usize {
        self.entry().frame
    }

    /// Whether a request may come before its sender is authenticated.
    pub const fn precedes_authentication(self) -> bool {
        matches!(self, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
