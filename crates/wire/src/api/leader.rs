//! Who leads a partition now, told along with an error (KIP-951): part of the responses to `Produce` and `Fetch`.

use crate::codec::message::message;

message! {
    /// The leader of a partition.
    struct LeaderIdAndEpoch {
        /// -1: unknown.
        leader_id: i32 = -1;
        /// -1: unknown.
        leader_epoch: i32 = -1;
    }

    /// Where a leader listens.
    struct NodeEndpoint {
        node_id: i32;
        host: String;
        port: i32;
        rack: Option<String>;
    }
}
