//! `DescribeCluster` (60): the brokers (KIP-700).

use crate::codec::message::message;
use crate::codec::rules::since;
use crate::error_code::ErrorCode;

message! {
    /// Asks for the brokers, or the controllers (KIP-919).
    struct DescribeClusterRequest {
        include_cluster_authorized_operations: bool;
        /// 1: brokers; 2: controllers.
        endpoint_type: i8 = 1, since(1);
        include_fenced_brokers: bool, since(2);
    }

    /// The cluster.
    struct DescribeClusterResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<String>;
        endpoint_type: i8 = 1, since(1);
        cluster_id: String;
        controller_id: i32 = -1;
        brokers: Vec<DescribeClusterBroker>;
        /// A bit for each operation; `i32::MIN`: not asked for.
        cluster_authorized_operations: i32 = i32::MIN;
    }

    /// A broker, at the address that it advertises.
    struct DescribeClusterBroker {
        broker_id: i32;
        host: String;
        port: i32;
        rack: Option<String>;
        is_fenced: bool, since(2);
    }
}
