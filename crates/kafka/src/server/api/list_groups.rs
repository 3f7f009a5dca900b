//! `ListGroups` (16): the groups that there are.

use tailwater_wire::api::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::server::authorization::Access;
use crate::server::dispatch::Call;

/// The type of all groups: their members assign partitions among themselves.
const TYPE: &str = "classic";

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: ListGroupsRequest) -> ListGroupsResponse {
    let wanted = |filter: &[String], name: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let of_type = wanted(&request.types_filter, TYPE);
    let known = call.shared.broker.coordinator.groups().into_iter();
    let groups = known.filter(|known| {
        call.may(Access::See, &known.name) && of_type && wanted(&request.states_filter, known.state.name())
    });
    let listed = groups.map(|known| ListedGroup {
        group_id: known.name,
        protocol_type: known.protocol_type,
        group_state: known.state.name().to_owned(),
        group_type: TYPE.to_owned(),
    });
    ListGroupsResponse { groups: listed.collect(), ..ListGroupsResponse::default() }
}
