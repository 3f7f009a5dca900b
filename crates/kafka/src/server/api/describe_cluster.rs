//! `DescribeCluster` (60): the one broker (KIP-700).

use tailwater_wire::api::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};
use tailwater_wire::error_code::ErrorCode;

use super::metadata::CLUSTER_OPERATIONS;
use crate::server::broker::NODE;
use crate::server::dispatch::Call;

/// What is asked for: brokers.
const BROKERS: i8 = 1;
/// What is asked for: controllers, which clients do not reach here.
const CONTROLLERS: i8 = 2;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let broker = &call.shared.broker;
    let refuse = |error_code| DescribeClusterResponse {
        error_code,
        endpoint_type: request.endpoint_type,
        ..DescribeClusterResponse::default()
    };
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => return refuse(ErrorCode::MISMATCHED_ENDPOINT_TYPE),
        _ => return refuse(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE),
    }
    let (host, port) = call.session.advertised(broker.settings.advertised.as_ref());
    let node = DescribeClusterBroker { broker_id: NODE, host, port: port.into(), ..DescribeClusterBroker::default() };
    DescribeClusterResponse {
        cluster_id: broker.cluster.to_string(),
        controller_id: NODE,
        brokers: vec![node],
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => call.cluster_operations(CLUSTER_OPERATIONS),
            false => i32::MIN,
        },
        ..DescribeClusterResponse::default()
    }
}
