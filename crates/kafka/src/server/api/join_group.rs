//! `JoinGroup` (11): a client becomes a member, or stays one in the next generation.

use bytes::Bytes;
use tailwater_wire::api::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use tailwater_wire::error_code::ErrorCode;

use crate::group::{JoinRefused, JoinRequest, Joined, JoinedMember, Protocol};
use crate::server::authorization::Access;
use crate::server::dispatch::Call;
use crate::server::request_memory::Room;

/// The first version in which new members come back with the id that they are given (KIP-394).
const ID_REQUIRED_SINCE: i16 = 4;
/// The first version in which the protocol may be null.
const NULL_PROTOCOL_SINCE: i16 = 7;
/// The first version that knows `skip_assignment` (KIP-814).
const SKIP_SINCE: i16 = 9;

/// Answers a request, when the generation begins.
pub(in crate::server) async fn answer(call: &mut Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let version = call.header.version.number;
    let session_timeout = u64::try_from(request.session_timeout_ms).unwrap_or_default();
    // Version 0 has no timeout of its own for rebalances.
    let rebalance_timeout = u64::try_from(request.rebalance_timeout_ms).unwrap_or(session_timeout);
    let protocols = request.protocols.into_iter();
    let join = JoinRequest {
        member_id: request.member_id,
        instance: request.group_instance_id,
        client_id: call.header.client_id.clone().unwrap_or_default(),
        client_host: call.session.host(),
        protocol_type: request.protocol_type,
        // A copy, because the request's memory goes while the group keeps this.
        protocols: protocols.map(|known| Protocol { name: known.name, metadata: copied(&known.metadata) }).collect(),
        session_timeout,
        rebalance_timeout,
        unique: uuid::Uuid::now_v7().to_string(),
        id_required: version >= ID_REQUIRED_SINCE,
        may_skip_assignment: version >= SKIP_SINCE,
    };
    let (group, id) = (request.group_id, join.member_id.clone());
    call.request = Room::default();
    let joined = match call.on_group(Access::Read, &group) {
        Ok(()) => call.shared.broker.coordinator.join(group.clone(), join).await,
        Err(error) => Err(JoinRefused { error, member_id: id.clone() }),
    };
    match joined {
        Ok(joined) => {
            let Joined { generation, protocol_type, protocol, leader, skip_assignment, member_id, members } = joined;
            JoinGroupResponse {
                generation_id: generation,
                protocol_type,
                protocol_name: Some(protocol.unwrap_or_default()),
                leader,
                skip_assignment,
                member_id,
                members: members.into_iter().map(member).collect(),
                ..JoinGroupResponse::default()
            }
        }
        Err(refused) => {
            if refused.error != ErrorCode::MEMBER_ID_REQUIRED {
                tracing::debug!(group, member = id, error = refused.error.name(), "a member cannot join");
            }
            JoinGroupResponse {
                error_code: refused.error,
                protocol_name: (version < NULL_PROTOCOL_SINCE).then(String::new),
                member_id: refused.member_id,
                ..JoinGroupResponse::default()
            }
        }
    }
}

/// The same bytes in memory of their own.
pub(super) fn copied(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn member(of: JoinedMember) -> JoinGroupResponseMember {
    let JoinedMember { id, instance, metadata } = of;
    JoinGroupResponseMember { member_id: id, group_instance_id: instance, metadata }
}
