//! Groups and transactions over a journal whose disk loses power: what a client was told is so afterwards.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tailwater_journal::fs::SimFs;
use tailwater_journal::{ClientBatch, Journal, Options, ProducerStamp, SystemClock, TopicId};
use tailwater_kafka::coordinator::{Commit, Coordinator};
use tailwater_kafka::group::{
    Caller, ErrorCode, JoinRefused, JoinRequest, Joined, Protocol, Settings, State, SyncRequest,
};
use tailwater_kafka::transaction::Phase;

const TX: &str = "payments";

struct Bed {
    disk: SimFs,
    journal: Journal,
    coordinator: Coordinator,
    topic: TopicId,
}

impl Bed {
    fn new() -> Self {
        Self::on(SimFs::new(1), Settings::default())
    }

    fn on(disk: SimFs, settings: Settings) -> Self {
        let options = Options { segment_bytes: 64 << 10, ..Options::default() };
        let journal =
            Journal::open(Arc::new(disk.clone()), Path::new("/data"), options, Arc::new(SystemClock)).unwrap();
        let topic = match journal.topic("orders") {
            Some(meta) => meta.id,
            None => journal.create_topic_with("orders", 4, BTreeMap::new()).unwrap(),
        };
        let connector = journal.connector("\u{1}kafka").unwrap();
        let coordinator = Coordinator::open(journal.clone(), connector, settings);
        Self { disk, journal, coordinator, topic }
    }

    /// The power goes, and comes back.
    fn crash(self) -> Self {
        self.disk.power_off();
        let disk = self.disk.clone();
        // It has lost its disk; that is how it ends.
        let _ = self.journal.close();
        drop(self);
        disk.reboot();
        Self::on(disk, Settings::default())
    }

    /// A member by itself in a group.
    async fn alone(&self, group: &str) -> Caller {
        let joined = join(&self.coordinator, group, "").await.unwrap();
        self.sync(group, &joined).await.unwrap();
        Caller { id: joined.member_id, instance: None, generation: joined.generation }
    }

    async fn sync(&self, group: &str, joined: &Joined) -> Result<Bytes, ErrorCode> {
        sync(&self.coordinator, group, joined).await
    }

    async fn committed(&self, group: &str, partition: i32, stable: bool) -> Result<Option<i64>, ErrorCode> {
        let partitions = Some(vec![("orders".to_owned(), partition)]);
        let fetched = self.coordinator.offsets(group, partitions, stable).await.unwrap();
        fetched[0].offset.clone().map(|offset| offset.map(|offset| offset.offset))
    }

    /// One batch of a transaction, in a partition.
    async fn produce(&self, (id, epoch): (i64, i16), first_sequence: i32, partition: u32) -> Result<(), ErrorCode> {
        let producer = Some(ProducerStamp { id, epoch, first_sequence, transactional: true });
        let bytes = BytesMut::zeroed(61).freeze();
        let batch = ClientBatch { topic: self.topic, partition, bytes, records: 1, max_timestamp: 0, producer };
        let (may, produced) = self.coordinator.produce(vec![("orders".to_owned(), batch)]).await.unwrap();
        for placed in produced.unwrap().placed {
            placed.unwrap();
        }
        may[0]
    }

    /// End, and stable end, of a partition.
    fn ends(&self, partition: u32) -> (i64, i64) {
        let bounds = self.journal.bounds(self.topic, partition).unwrap();
        (bounds.high_watermark, bounds.last_stable)
    }
}

async fn join(coordinator: &Coordinator, group: &str, id: &str) -> Result<Joined, JoinRefused> {
    let request = JoinRequest {
        member_id: id.to_owned(),
        instance: None,
        client_id: "c".into(),
        client_host: "127.0.0.1".into(),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from_static(b"topics") }],
        session_timeout: 10_000,
        rebalance_timeout: 30_000,
        unique: unique(),
        id_required: true,
        may_skip_assignment: true,
    };
    match coordinator.join(group.into(), request.clone()).await {
        Err(JoinRefused { error: ErrorCode::MEMBER_ID_REQUIRED, member_id }) => {
            coordinator.join(group.into(), JoinRequest { member_id, ..request }).await
        }
        answer => answer,
    }
}

async fn sync(coordinator: &Coordinator, group: &str, joined: &Joined) -> Result<Bytes, ErrorCode> {
    let parts = joined.members.iter().map(|member| (member.id.clone(), Bytes::from(format!("part of {}", member.id))));
    let member = Caller { id: joined.member_id.clone(), instance: None, generation: joined.generation };
    let request = SyncRequest { member, protocol_type: None, protocol: None, assignments: parts.collect() };
    coordinator.sync(group.into(), request).await.map(|synced| synced.assignment)
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).to_string()
}

fn nobody() -> Caller {
    Caller { id: String::new(), instance: None, generation: -1 }
}

fn commits(partition: i32, offset: i64) -> Vec<Commit> {
    vec![Commit { topic: "orders".into(), partition, offset, leader_epoch: 3, metadata: "mine".into() }]
}

fn partition(partition: i32) -> Vec<(String, i32)> {
    vec![("orders".to_owned(), partition)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_offset_survives_a_power_failure() {
    let bed = Bed::new();
    bed.coordinator.commit("g/1".into(), nobody(), commits(0, 7), None).await.unwrap();
    bed.coordinator.commit("g/1".into(), nobody(), commits(1, 8), None).await.unwrap();
    bed.coordinator.commit("g/1".into(), nobody(), commits(0, 9), None).await.unwrap();
    let bed = bed.crash();
    let fetched = bed.coordinator.offsets("g/1", None, false).await.unwrap();
    let offsets: Vec<_> = fetched.iter().map(|fetched| fetched.offset.clone().unwrap().unwrap()).collect();
    assert_eq!(offsets.iter().map(|offset| offset.offset).collect::<Vec<_>>(), [9, 8]);
    assert_eq!((offsets[0].leader_epoch, offsets[0].metadata.as_str()), (3, "mine"));
    assert_eq!(bed.committed("g/1", 2, false).await, Ok(None));
    assert_eq!(bed.committed("other", 0, false).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_go_on_after_a_power_failure() {
    let bed = Bed::new();
    let caller = bed.alone("g").await;
    let bed = bed.crash();
    bed.coordinator.heartbeat("g".into(), caller.clone()).await.unwrap();
    bed.coordinator.commit("g".into(), caller.clone(), commits(0, 7), None).await.unwrap();
    let described = bed.coordinator.describe("g").unwrap();
    assert_eq!((described.state, described.protocol.as_str()), (State::Stable, "range"));
    assert_eq!(described.members[0].assignment, format!("part of {}", caller.id));
    assert_eq!(bed.coordinator.leave("g".into(), vec![(caller.id.clone(), None)]).await.unwrap(), [Ok(())]);
    let again = bed.alone("g").await;
    assert_eq!(again.generation, caller.generation + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_members_come_to_one_generation() {
    let bed = Bed::new();
    let members: Vec<_> = (0..20)
        .map(|_| {
            let coordinator = bed.coordinator.clone();
            tokio::spawn(async move {
                let mut id = String::new();
                loop {
                    let joined = join(&coordinator, "g", &id).await.unwrap();
                    id.clone_from(&joined.member_id);
                    match sync(&coordinator, "g", &joined).await {
                        Ok(part) => {
                            assert_eq!(part, format!("part of {id}"));
                            let caller = Caller { id: id.clone(), instance: None, generation: joined.generation };
                            // Until all have come, another rebalance is on its way.
                            while coordinator.describe("g").unwrap().members.len() < 20 {
                                if coordinator.heartbeat("g".into(), caller.clone()).await.is_err() {
                                    break;
                                }
                                tokio::task::yield_now().await;
                            }
                            match coordinator.heartbeat("g".into(), caller).await {
                                Ok(()) => return joined.generation,
                                Err(error) => assert_eq!(error, ErrorCode::REBALANCE_IN_PROGRESS),
                            }
                        }
                        Err(error) => assert_eq!(error, ErrorCode::REBALANCE_IN_PROGRESS),
                    }
                }
            })
        })
        .collect();
    let mut generations = Vec::new();
    for member in members {
        generations.push(member.await.unwrap());
    }
    assert!(generations.iter().all(|generation| *generation == generations[0]), "{generations:?}");
    assert_eq!(bed.coordinator.describe("g").unwrap().state, State::Stable);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_membership_without_anybody_asking() {
    let settings = Settings { session_timeout_min: 1, ..Settings::default() };
    let bed = Bed::on(SimFs::new(1), settings);
    tokio::spawn(bed.coordinator.clone().run());
    let request = JoinRequest {
        member_id: String::new(),
        instance: None,
        client_id: "c".into(),
        client_host: String::new(),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::new() }],
        session_timeout: 20,
        rebalance_timeout: 20,
        unique: unique(),
        id_required: false,
        may_skip_assignment: false,
    };
    bed.coordinator.join("g".into(), request).await.unwrap();
    while bed.coordinator.describe("g").unwrap().state != State::Empty {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_offsets_are_deleted_for_good() {
    let bed = Bed::new();
    let caller = bed.alone("busy").await;
    bed.coordinator.commit("busy".into(), caller, commits(0, 1), None).await.unwrap();
    for group in ["idle", "other"] {
        bed.coordinator.commit(group.into(), nobody(), commits(0, 1), None).await.unwrap();
        bed.coordinator.commit(group.into(), nobody(), commits(1, 1), None).await.unwrap();
    }
    assert_eq!(bed.coordinator.delete_group("busy".into()).await, Err(ErrorCode::NON_EMPTY_GROUP));
    assert_eq!(bed.coordinator.delete_group("none".into()).await, Err(ErrorCode::GROUP_ID_NOT_FOUND));
    assert_eq!(bed.coordinator.delete_group("idle".into()).await, Ok(()));
    let results = bed.coordinator.delete_offsets("other".into(), partition(1)).await.unwrap();
    assert_eq!(results, [Ok(())]);
    // What the member told of its topics cannot be read, so it may read this one.
    let results = bed.coordinator.delete_offsets("busy".into(), partition(0)).await.unwrap();
    assert_eq!(results, [Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC)]);
    let bed = bed.crash();
    let mut names: Vec<_> = bed.coordinator.groups().into_iter().map(|listed| listed.name).collect();
    names.sort();
    assert_eq!(names, ["busy", "other"]);
    assert_eq!(bed.committed("other", 1, false).await, Ok(None));
    assert_eq!(bed.committed("other", 0, false).await, Ok(Some(1)));
    bed.coordinator.forget_topic("orders".into()).await.unwrap();
    assert_eq!(bed.committed("other", 0, false).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_ends_in_one_step_with_its_offsets() {
    let bed = Bed::new();
    let producer = bed.coordinator.init_producer(Some(TX.into()), 60_000, None).await.unwrap();
    bed.coordinator.add_partitions(TX.into(), producer, partition(0)).await.unwrap();
    bed.produce(producer, 0, 0).await.unwrap();
    assert_eq!(
        bed.produce(producer, 1, 1).await,
        Err(ErrorCode::INVALID_TXN_STATE),
        "that partition is not part of it"
    );
    let in_group = |group: &str| (group.to_owned(), nobody());
    let early = bed.coordinator.commit_with(TX.into(), producer, in_group("g"), commits(2, 5)).await;
    assert_eq!(early, Err(ErrorCode::INVALID_TXN_STATE));
    bed.coordinator.add_group(TX.into(), producer, "g".into()).await.unwrap();
    bed.coordinator.commit_with(TX.into(), producer, in_group("g"), commits(2, 5)).await.unwrap();
    // It is open across a power failure.
    let bed = bed.crash();
    assert_eq!(bed.committed("g", 2, true).await, Err(ErrorCode::UNSTABLE_OFFSET_COMMIT));
    assert_eq!(bed.committed("g", 2, false).await, Ok(None));
    assert_eq!(bed.coordinator.transaction(TX).unwrap().phase, Phase::Ongoing);
    assert_eq!(bed.ends(0), (1, 0), "the record came before what was told, and is open");
    bed.produce(producer, 0, 0).await.unwrap();
    bed.coordinator.end_transaction(TX.into(), producer, true).await.unwrap();
    assert_eq!(bed.ends(0), (2, 2), "a record, known by its sequence, and a marker");
    let bed = bed.crash();
    assert_eq!(bed.committed("g", 2, true).await, Ok(Some(5)));
    assert_eq!(bed.ends(0), (2, 2));
    bed.coordinator.end_transaction(TX.into(), producer, true).await.unwrap();
    assert_eq!(bed.ends(0), (2, 2), "it asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_producer_aborts_and_fences_the_one_before() {
    let bed = Bed::new();
    let old = bed.coordinator.init_producer(Some(TX.into()), 60_000, None).await.unwrap();
    bed.coordinator.add_partitions(TX.into(), old, partition(0)).await.unwrap();
    bed.produce(old, 0, 0).await.unwrap();
    bed.coordinator.add_group(TX.into(), old, "g".into()).await.unwrap();
    bed.coordinator.commit_with(TX.into(), old, ("g".into(), nobody()), commits(2, 5)).await.unwrap();
    let bed = bed.crash();
    let (topic, open) =
        (bed.topic, |bed: &Bed| bed.journal.producers(bed.topic, 0).iter().any(|p| p.open_from.is_some()));
    let new = bed.coordinator.init_producer(Some(TX.into()), 60_000, None).await.unwrap();
    assert_eq!(new, (old.0, old.1 + 2));
    assert!(!open(&bed));
    assert_eq!(bed.committed("g", 2, true).await, Ok(None));
    assert_eq!(bed.produce(old, 1, 0).await, Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    let late = bed.coordinator.end_transaction(TX.into(), old, true).await;
    assert_eq!(late, Err(ErrorCode::PRODUCER_FENCED));
    let aborted = bed.journal.aborted(topic, 0, 0, i64::MAX);
    bed.coordinator.add_partitions(TX.into(), new, partition(0)).await.unwrap();
    bed.produce(new, 0, 0).await.unwrap();
    bed.coordinator.end_transaction(TX.into(), new, true).await.unwrap();
    let (high_watermark, last_stable) = bed.ends(0);
    assert_eq!(high_watermark, last_stable);
    assert_eq!(bed.journal.aborted(topic, 0, 0, i64::MAX), aborted, "only what was open is aborted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_lasts_too_long_is_aborted_without_anybody_asking() {
    let bed = Bed::new();
    tokio::spawn(bed.coordinator.clone().run());
    let producer = bed.coordinator.init_producer(Some(TX.into()), 1, None).await.unwrap();
    bed.coordinator.add_partitions(TX.into(), producer, partition(0)).await.unwrap();
    while bed.coordinator.transaction(TX).unwrap().is_open() {
        tokio::task::yield_now().await;
    }
    let late = bed.coordinator.end_transaction(TX.into(), producer, true).await;
    assert_eq!(late, Err(ErrorCode::PRODUCER_FENCED));
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_without_a_name_are_all_different() {
    let bed = Bed::new();
    let one = bed.coordinator.init_producer(None, 0, None).await.unwrap();
    let bed = bed.crash();
    let other = bed.coordinator.init_producer(None, 0, Some(one)).await.unwrap();
    assert!(one.0 != other.0 && one.1 == 0 && other.1 == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_confirms_nothing() {
    let bed = Bed::new();
    bed.coordinator.commit("g".into(), nobody(), commits(0, 7), None).await.unwrap();
    bed.disk.fail_syncs(1);
    let failed = bed.coordinator.commit("g".into(), nobody(), commits(0, 8), None).await;
    assert_eq!(failed, Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    let bed = bed.crash();
    let kept = bed.committed("g", 0, false).await.unwrap();
    assert!(kept == Some(7) || kept == Some(8), "{kept:?}: a commit that was not confirmed may have happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_transaction_can_be_ended() {
    let bed = Bed::new();
    let producer = bed.coordinator.init_producer(Some(TX.into()), 60_000, None).await.unwrap();
    let half = u32::try_from(tailwater_kafka::limits::TRANSACTION_PARTITIONS_MAX / 2).unwrap();
    for topic in ["left", "right"] {
        bed.journal.create_topic_with(topic, half, BTreeMap::new()).unwrap();
        let partitions = (0..half.cast_signed()).map(|partition| (topic.to_owned(), partition)).collect();
        bed.coordinator.add_partitions(TX.into(), producer, partitions).await.unwrap();
    }
    bed.coordinator.end_transaction(TX.into(), producer, true).await.unwrap();
    let right = bed.journal.topic("right").unwrap().id;
    assert_eq!(bed.journal.bounds(right, half - 1).unwrap().high_watermark, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_groups_go_on_and_commits_are_refused_at_once() {
    let bed = Bed::new();
    let caller = bed.alone("g").await;
    bed.disk.set_capacity(bed.disk.used());
    let refused = bed.coordinator.commit("g".into(), caller.clone(), commits(0, 7), None).await;
    assert_eq!(refused, Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    assert!(bed.journal.paused().is_some());
    bed.coordinator.heartbeat("g".into(), caller.clone()).await.unwrap();
    assert_eq!(bed.coordinator.leave("g".into(), vec![(caller.id, None)]).await.unwrap(), [Ok(())]);
    let caller = bed.alone("g").await;
    assert_eq!(caller.generation, 3);
    bed.disk.set_capacity(u64::MAX);
    while bed.coordinator.commit("g".into(), caller.clone(), commits(0, 9), None).await.is_err() {
        tokio::task::yield_now().await;
    }
    let bed = bed.crash();
    assert_eq!(bed.committed("g", 0, false).await, Ok(Some(9)));
    bed.coordinator.heartbeat("g".into(), caller).await.unwrap();
}
