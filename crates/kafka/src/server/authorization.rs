//! What a client may do: by the grants of its user, or everything where nobody is asked who he is.

use std::sync::Arc;

use tailwater_journal::Bounds;
use tailwater_wire::error_code::ErrorCode;

use super::broker::Topic;
use super::dispatch::Call;
use crate::security::grants::{Grants, Right};

/// What is wanted of a topic, a group or a transactional id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To know of it.
    See,
    /// To read it; to be in the group.
    Read,
    /// To write to it; to write in the transaction.
    Write,
    /// To make, change or delete it.
    Admin,
}

/// What Kafka says, and clients show, about what is refused.
pub(super) const REFUSED: &str = "Authorization failed.";

impl Call {
    /// Whether something may be done under a name.
    pub(super) fn may(&self, access: Access, name: &str) -> bool {
        self.look(|grants| match access {
            Access::See => grants.may_see(name),
            Access::Read => grants.may(Right::Read, name),
            Access::Write => grants.may(Right::Write, name),
            Access::Admin => grants.may(Right::Admin, name),
        })
    }

    /// Refuses what may not be done with a topic.
    pub(super) fn on_topic(&self, access: Access, name: &str) -> Result<(), ErrorCode> {
        allowed(self.may(access, name), ErrorCode::TOPIC_AUTHORIZATION_FAILED)
    }

    /// Refuses records for a topic that may not be written: one of changes only by who has it named in full.
    pub(super) fn on_records_for(&self, name: &str) -> Result<(), ErrorCode> {
        let change = self.shared.broker.topic(name).is_some_and(|topic| topic.change);
        let may =
            if change { self.look(|grants| grants.may_write_changes(name)) } else { self.may(Access::Write, name) };
        allowed(may, ErrorCode::TOPIC_AUTHORIZATION_FAILED)
    }

    /// Refuses what may not be done with a group.
    pub(super) fn on_group(&self, access: Access, name: &str) -> Result<(), ErrorCode> {
        allowed(self.may(access, name), ErrorCode::GROUP_AUTHORIZATION_FAILED)
    }

    /// Refuses what may not be done with a transactional id.
    pub(super) fn on_transaction(&self, access: Access, id: &str) -> Result<(), ErrorCode> {
        allowed(self.may(access, id), ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }

    /// Refuses whoever is no administrator of everything.
    pub(super) fn on_cluster(&self) -> Result<(), ErrorCode> {
        allowed(self.look(Grants::is_administrator), ErrorCode::CLUSTER_AUTHORIZATION_FAILED)
    }

    /// Refuses a producer's id to who may not write anything.
    pub(super) fn on_producer(&self) -> Result<(), ErrorCode> {
        allowed(self.look(Grants::may_write_something), ErrorCode::CLUSTER_AUTHORIZATION_FAILED)
    }

    /// A partition of a topic with which something may be done, and where it stands.
    pub(super) fn partition(
        &self,
        access: Access,
        name: &str,
        partition: i32,
    ) -> Result<(Arc<Topic>, u32, Bounds), ErrorCode> {
        self.on_topic(access, name)?;
        self.shared.broker.partition(name, partition)
    }

    /// Of these operations of Kafka's, as bits, those that may be done under a name.
    pub(super) fn operations(&self, all: i32, name: &str) -> i32 {
        // As numbers of Kafka: read; write; describe, also the configuration; the rest is an administrator's.
        const READ: i32 = 1 << 3;
        const WRITE: i32 = 1 << 4;
        const SEE: i32 = 1 << 8 | 1 << 10;
        let part = |access, bits| if self.may(access, name) { bits } else { 0 };
        let may = part(Access::See, SEE) | part(Access::Read, READ) | part(Access::Write, WRITE);
        all & (may | part(Access::Admin, !0))
    }

    /// The same for operations on the cluster.
    pub(super) fn cluster_operations(&self, all: i32) -> i32 {
        if self.on_cluster().is_ok() { all } else { 0 }
    }

    fn look(&self, look: impl FnOnce(&Grants) -> bool) -> bool {
        // Nothing else is answered to a client that has to say who it is and has not.
        self.session.authentication.user().is_none_or(|user| self.shared.broker.users.with_grants(user, look))
    }
}

fn allowed(may: bool, refused: ErrorCode) -> Result<(), ErrorCode> {
    if may { Ok(()) } else { Err(refused) }
}
