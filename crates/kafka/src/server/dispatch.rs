//! From the bytes of a request to its answer: which APIs are served, and by which file.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tailwater_wire::api::{
    ApiKey, HeaderError, RequestHeader, Response, response_frame, unsupported_api_versions_frame,
};
use tailwater_wire::codec::{Malformed, Reader, Unencodable, Wire};
use tailwater_wire::error_code::ErrorCode;
use tailwater_wire::frame::FrameKind;

use super::authentication::{Failed, bare_answer};
pub(super) use super::connection::Answer;
use super::connection::Work;
use super::frames::Frame;
use super::memory::Held;
use super::request_memory::Room;
use super::session::Session;
use super::{Shared, api};
use crate::limits::SMALL_ANSWER_BYTES;

/// A request, for the file that answers it.
pub(super) struct Call {
    /// What all connections have in common.
    pub(super) shared: Arc<Shared>,
    /// The connection.
    pub(super) session: Arc<Session>,
    /// Version and client.
    pub(super) header: RequestHeader,
    /// What the request counts; an answer that waits for others, and has taken what it needs, gives it back.
    pub(super) request: Room,
    /// What the answer counts until it has gone.
    pub(super) held: Held,
}

/// A request that has been looked at.
pub(super) struct Begun {
    /// Becomes its answer.
    pub(super) work: Work,
    /// Whether the work begins with its turn; else it has begun.
    pub(super) in_turn: bool,
}

/// Why a connection is closed instead of an answer.
#[derive(Debug)]
pub(super) enum Refused {
    /// No request of Kafka's, or of a version that is not served; Kafka closes the connection, too.
    Header(HeaderError),
    /// An API that is not served.
    NotServed(ApiKey),
    /// The client did not prove who it is.
    Authentication(Failed),
    /// The body is not what the header says.
    Malformed(ApiKey, Malformed),
    /// Batches that were to be taken without an answer were not.
    Unacknowledged(ErrorCode),
    /// An answer that the version cannot express: a fault of ours.
    Unencodable(ApiKey, Unencodable),
}

macro_rules! serve {
    ($( $Key:ident => $module:ident, )*) => {
        /// The APIs that are served, besides Produce.
        const SERVED: &[ApiKey] = &[$(ApiKey::$Key),*];

        /// Answers a request of any API but Produce.
        async fn answer(mut call: Call, mut reader: Reader) -> Result<Answer, Refused> {
            let (key, version) = (call.header.key, call.header.version);
            match key {
                $(ApiKey::$Key => {
                    let request = Wire::read(&mut reader, version).map_err(|error| Refused::Malformed(key, error))?;
                    // What the request does not share goes.
                    drop(reader);
                    if LARGE.contains(&key) {
                        call.shared.answers.turn().await;
                    }
                    let response = api::$module::answer(&mut call, request).await;
                    encode(call, response).await
                })*
                _ => Err(Refused::NotServed(key)),
            }
        }
    };
}

serve! {
    Fetch => fetch,
    ListOffsets => list_offsets,
    Metadata => metadata,
    OffsetCommit => offset_commit,
    OffsetFetch => offset_fetch,
    FindCoordinator => find_coordinator,
    JoinGroup => join_group,
    Heartbeat => heartbeat,
    LeaveGroup => leave_group,
    SyncGroup => sync_group,
    DescribeGroups => describe_groups,
    ListGroups => list_groups,
    ApiVersions => api_versions,
    CreateTopics => create_topics,
    DeleteTopics => delete_topics,
    DeleteRecords => delete_records,
    InitProducerId => init_producer_id,
    SaslAuthenticate => sasl_authenticate,
    SaslHandshake => sasl_handshake,
    OffsetForLeaderEpoch => offset_for_leader_epoch,
    AddPartitionsToTxn => add_partitions_to_txn,
    AddOffsetsToTxn => add_offsets_to_txn,
    EndTxn => end_txn,
    TxnOffsetCommit => txn_offset_commit,
    DescribeAcls => describe_acls,
    DescribeConfigs => describe_configs,
    AlterConfigs => alter_configs,
    DescribeLogDirs => describe_log_dirs,
    CreatePartitions => create_partitions,
    DeleteGroups => delete_groups,
    IncrementalAlterConfigs => incremental_alter_configs,
    ListPartitionReassignments => list_partition_reassignments,
    OffsetDelete => offset_delete,
    DescribeCluster => describe_cluster,
    DescribeClientQuotas => describe_client_quotas,
    DescribeUserScramCredentials => describe_user_scram_credentials,
    AlterUserScramCredentials => alter_user_scram_credentials,
    DescribeProducers => describe_producers,
    DescribeTransactions => describe_transactions,
    ListTransactions => list_transactions,
}

/// Those whose answers may be large and have their size only when they are made. While others wait for memory none is
/// begun, so that few of them are ready and wait.
const LARGE: &[ApiKey] = &[
    ApiKey::Metadata,
    ApiKey::ListOffsets,
    ApiKey::OffsetFetch,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::CreateTopics,
    ApiKey::DescribeConfigs,
    ApiKey::DescribeLogDirs,
    ApiKey::DescribeProducers,
    ApiKey::DescribeTransactions,
    ApiKey::ListTransactions,
];

/// The APIs that are served.
pub(super) fn served() -> impl Iterator<Item = ApiKey> {
    ApiKey::ALL.iter().copied().filter(|key| *key == ApiKey::Produce || SERVED.contains(key))
}

/// Answers a frame of a client that has not proved yet who it is.
pub(super) async fn answer_early(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    frame: Frame,
) -> Result<Answer, Refused> {
    let authentication = &session.authentication;
    authentication.count().map_err(Refused::Authentication)?;
    if authentication.frames() != FrameKind::SaslToken {
        return begin(shared, session, frame, false).await?.work.await;
    }
    let answer = authentication.token(frame.bytes, &shared.broker.users, &shared.broker.password_checks).await;
    // A refusal has no form among bare tokens.
    answer.map(|token| bare_answer(&token)).map_err(Refused::Authentication)
}

/// Looks at a request; `early` says whether Produce may begin before its turn.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    frame: Frame,
    early: bool,
) -> Result<Begun, Refused> {
    let length = frame.bytes.len();
    let mut reader = Reader::new(frame.bytes);
    let header = match RequestHeader::read(&mut reader) {
        Ok(header) => header,
        Err(HeaderError::UnsupportedVersion { key: ApiKey::ApiVersions, correlation_id, .. }) => {
            return unsupported_api_versions(correlation_id);
        }
        Err(error) => return Err(Refused::Header(error)),
    };
    let key = header.key;
    if !served().any(|served| served == key) {
        return Err(Refused::NotServed(key));
    }
    metrics::counter!("tailwater_kafka_requests_total", "api" => key.name()).increment(1);
    metrics::counter!("tailwater_kafka_received_bytes_total").increment(length as u64);
    let (shared, session) = (Arc::clone(shared), Arc::clone(session));
    let call = Call { shared, session, header, request: frame.room, held: Held::default() };
    let begun = Instant::now();
    let timed =
        move || metrics::histogram!("tailwater_kafka_request_seconds", "api" => key.name()).record(begun.elapsed());
    if key != ApiKey::Produce {
        let work = async move { answer(call, reader).await.inspect(|_| timed()) };
        return Ok(Begun { work: Box::pin(work), in_turn: true });
    }
    let request = Wire::read(&mut reader, call.header.version).map_err(|error| Refused::Malformed(key, error))?;
    // The batches are the only ones that share the frame now.
    drop(reader);
    if early {
        let pending = api::produce::place(&call, request).await;
        let work = async move { api::produce::finish(call, pending).await.inspect(|_| timed()) };
        return Ok(Begun { work: Box::pin(work), in_turn: false });
    }
    let work = async move {
        let pending = api::produce::place(&call, request).await;
        api::produce::finish(call, pending).await.inspect(|_| timed())
    };
    Ok(Begun { work: Box::pin(work), in_turn: true })
}

/// The frame of a response, counted among the answers.
pub(super) async fn encode<R: Response>(call: Call, response: R) -> Result<Answer, Refused> {
    let segments = response_frame(&call.header, &response).map_err(|error| Refused::Unencodable(R::KEY, error))?;
    drop(response);
    let Call { shared, mut held, request, .. } = call;
    drop(request);
    if segments.length > held.bytes() + SMALL_ANSWER_BYTES {
        // Nobody holds some of it and waits for more.
        held = Held::default();
        shared.answers.grow(&mut held, segments.length).await;
    }
    Ok(Answer { segments: Some(segments), held })
}

fn unsupported_api_versions(correlation_id: i32) -> Result<Begun, Refused> {
    let segments = unsupported_api_versions_frame(correlation_id)
        .map_err(|error| Refused::Unencodable(ApiKey::ApiVersions, error))?;
    let answer = Answer { segments: Some(segments), held: Held::default() };
    Ok(Begun { work: Box::pin(std::future::ready(Ok(answer))), in_turn: false })
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Header(error) => write!(f, "{error}"),
            Refused::NotServed(key) => write!(f, "{key} is not served"),
            Refused::Authentication(failed) => write!(f, "{failed}"),
            Refused::Malformed(key, error) => write!(f, "a request of {key} is malformed: {error}"),
            Refused::Unacknowledged(code) => write!(f, "records without acknowledgement were refused: {code}"),
            Refused::Unencodable(key, error) => write!(f, "an answer of {key} cannot be written: {error}"),
        }
    }
}
