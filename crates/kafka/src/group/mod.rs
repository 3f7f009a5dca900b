//! Consumer groups: who reads what, and how far they are.
//!
//! [`Group`] is the classic protocol as one state machine without a clock or a socket: time is an argument, in
//! milliseconds since 1970, and never goes back. Who waits for an answer is a value of the caller's, which comes back
//! with the answer. [`Registry`] has all groups by name, and how far they have read.

mod exchange;
mod machine;
mod member;
mod offsets;
mod rebalance;
mod registry;
mod session;
mod snapshot;
mod subscription;
#[cfg(test)]
mod tests;

pub use exchange::{Answer, Caller, JoinRefused, JoinRequest, Joined, JoinedMember, Protocol, SyncRequest, Synced};
pub use machine::{Group, Settings, State};
pub use member::Member;
pub use offsets::{Offset, Offsets};
pub use registry::{Answers, Expired, Known, Registry};
pub use snapshot::Snapshot;
pub use tailwater_wire::error_code::ErrorCode;

/// How long a member that has never been in a generation may wait for its first: it has no id to speak under, so this is
/// what tells one that waits from one that is gone. Kafka's.
const NEW_MEMBER_TIMEOUT: u64 = 300_000;
