//! One file for each API, named by it: how its requests are answered.

use std::collections::HashSet;
use std::hash::Hash;

pub(super) mod add_offsets_to_txn;
pub(super) mod add_partitions_to_txn;
pub(super) mod alter_configs;
pub(super) mod alter_user_scram_credentials;
pub(super) mod api_versions;
pub(super) mod create_partitions;
pub(super) mod create_topics;
pub(super) mod delete_groups;
pub(super) mod delete_records;
pub(super) mod delete_topics;
pub(super) mod describe_acls;
pub(super) mod describe_client_quotas;
pub(super) mod describe_cluster;
pub(super) mod describe_configs;
pub(super) mod describe_groups;
pub(super) mod describe_log_dirs;
pub(super) mod describe_producers;
pub(super) mod describe_transactions;
pub(super) mod describe_user_scram_credentials;
pub(super) mod end_txn;
pub(super) mod fetch;
pub(super) mod find_coordinator;
pub(super) mod heartbeat;
pub(super) mod incremental_alter_configs;
pub(super) mod init_producer_id;
pub(super) mod join_group;
pub(super) mod leave_group;
pub(super) mod list_groups;
pub(super) mod list_offsets;
pub(super) mod list_partition_reassignments;
pub(super) mod list_transactions;
pub(super) mod metadata;
pub(super) mod offset_commit;
pub(super) mod offset_delete;
pub(super) mod offset_fetch;
pub(super) mod offset_for_leader_epoch;
pub(super) mod produce;
pub(super) mod sasl_authenticate;
pub(super) mod sasl_handshake;
pub(super) mod sync_group;
pub(super) mod txn_offset_commit;

/// Each of these once, in their order. Who names something a thousand times is told of it once, so that an answer is
/// bounded by what there is; Kafka makes sets of names, too.
fn distinct<T, K: Eq + Hash>(of: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> impl Iterator<Item = T> {
    let mut seen = HashSet::new();
    of.into_iter().filter(move |one| seen.insert(key(one)))
}
