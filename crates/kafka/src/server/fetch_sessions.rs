//! Incremental fetch sessions (KIP-227): a consumer of many partitions names those that changed, and is told of those that
//! changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tailwater_wire::api::fetch::{FetchPartition, FetchRequest, PartitionData};
use tailwater_wire::codec::Uuid;
use tailwater_wire::error_code::ErrorCode;

use crate::limits::{FETCH_SESSION_IDLE, FETCH_SESSION_PARTITIONS, FETCH_SESSIONS};

/// Epoch of a request that starts a session.
const INITIAL: i32 = 0;
/// Epoch of a request that wants none, or ends one.
const FINAL: i32 = -1;

/// The sessions of a broker.
#[derive(Default)]
pub(super) struct FetchSessions(Mutex<Table>);

#[derive(Default)]
struct Table {
    sessions: HashMap<i32, Session>,
    /// Partitions of all of them.
    partitions: usize,
}

/// A topic as a request names it: by name, or by id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TopicKey {
    pub(super) name: String,
    pub(super) id: Uuid,
}

/// One partition that is fetched.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) topic: Arc<TopicKey>,
    pub(super) partition: FetchPartition,
    /// Its place in the session's order.
    place: u64,
}

/// What one request fetches.
#[derive(Debug)]
pub(super) struct Plan {
    /// The partitions, in the order in which their bytes are wanted.
    pub(super) wanted: Vec<Wanted>,
    /// The session that the response names; 0 for none.
    pub(super) session: i32,
    /// Whether all partitions are answered, not only those that changed.
    pub(super) full: bool,
}

#[derive(Debug)]
struct Session {
    /// Epoch of the next request.
    epoch: i32,
    used: Instant,
    by_id: bool,
    next_place: u64,
    /// Partitions in the order in which they are served: who got records goes to the end.
    order: BTreeMap<u64, Slot>,
    places: HashMap<(Arc<TopicKey>, i32), u64>,
}

#[derive(Debug)]
struct Slot {
    topic: Arc<TopicKey>,
    partition: FetchPartition,
    /// High watermark, last stable offset and log start as last told; `None` when they are to be told.
    told: Option<(i64, i64, i64)>,
}

impl FetchSessions {
    /// What a request fetches, by itself or as the next one of its session.
    pub(super) fn begin(&self, request: &FetchRequest, by_id: bool, now: Instant) -> Result<Plan, ErrorCode> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, epoch) = (request.session_id, request.session_epoch);
        if epoch == FINAL || epoch == INITIAL {
            table.remove(id);
            let partitions: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
            if epoch == FINAL || partitions == 0 || !table.make_room(partitions, now) {
                return Ok(Plan { wanted: listed(request), session: 0, full: true });
            }
            let mut session = Session::new(by_id, now);
            session.update(request);
            let wanted = session.wanted();
            table.partitions += session.order.len();
            let id = table.free_id();
            table.sessions.insert(id, session);
            return Ok(Plan { wanted, session: id, full: true });
        }
        let session = table.sessions.get_mut(&id).ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.epoch != epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.by_id != by_id {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        session.epoch = epoch.checked_add(1).unwrap_or(1);
        session.used = now;
        let before = session.order.len();
        session.update(request);
        let (wanted, after) = (session.wanted(), session.order.len());
        table.partitions = table.partitions + after - before;
        if table.partitions > FETCH_SESSION_PARTITIONS {
            // The client starts over with a full request.
            table.remove(id);
            return Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        }
        Ok(Plan { wanted, session: id, full: false })
    }

    /// Notes what a response tells, and says of each partition whether it has to be told.
    pub(super) fn finish(&self, plan: &Plan, answers: &[PartitionData]) -> Vec<bool> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = table.sessions.get_mut(&plan.session) else { return vec![true; answers.len()] };
        let told =
            plan.wanted.iter().zip(answers).map(|(wanted, answer)| plan.full | session.tell(wanted.place, answer));
        told.collect()
    }
}

impl Table {
    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.partitions -= session.order.len();
        }
    }

    /// Whether there is room for another session, if need be in place of the one that was not used for longest.
    fn make_room(&mut self, partitions: usize, now: Instant) -> bool {
        if partitions > FETCH_SESSION_PARTITIONS {
            return false;
        }
        while self.sessions.len() >= FETCH_SESSIONS || self.partitions + partitions > FETCH_SESSION_PARTITIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.used);
            match oldest {
                Some((id, session)) if now.saturating_duration_since(session.used) >= FETCH_SESSION_IDLE => {
                    let id = *id;
                    self.remove(id);
                }
                _ => return false,
            }
        }
        true
    }

    fn free_id(&self) -> i32 {
        loop {
            let random = uuid::Uuid::now_v7().into_bytes();
            let id = i32::from_be_bytes([random[12] & 0x7F, random[13], random[14], random[15]]);
            if id != 0 && !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Session {
    fn new(by_id: bool, now: Instant) -> Self {
        Session { epoch: 1, used: now, by_id, next_place: 0, order: BTreeMap::new(), places: HashMap::new() }
    }

    /// Adds, changes and forgets what the request says.
    fn update(&mut self, request: &FetchRequest) {
        for forgotten in &request.forgotten_topics_data {
            let key = Arc::new(TopicKey { name: forgotten.topic.clone(), id: forgotten.topic_id });
            for partition in &forgotten.partitions {
                if let Some(place) = self.places.remove(&(Arc::clone(&key), *partition)) {
                    self.order.remove(&place);
                }
            }
        }
        for topic in &request.topics {
            let key = Arc::new(TopicKey { name: topic.topic.clone(), id: topic.topic_id });
            for partition in &topic.partitions {
                let known =
                    self.places.get(&(Arc::clone(&key), partition.partition)).and_then(|at| self.order.get_mut(at));
                match known {
                    Some(slot) => slot.partition = partition.clone(),
                    None => self.add(Slot { topic: Arc::clone(&key), partition: partition.clone(), told: None }),
                }
            }
        }
    }

    /// Puts a partition at the end.
    fn add(&mut self, slot: Slot) {
        self.places.insert((Arc::clone(&slot.topic), slot.partition.partition), self.next_place);
        self.order.insert(self.next_place, slot);
        self.next_place += 1;
    }

    fn wanted(&self) -> Vec<Wanted> {
        let wanted = |(place, slot): (&u64, &Slot)| Wanted {
            topic: Arc::clone(&slot.topic),
            partition: slot.partition.clone(),
            place: *place,
        };
        self.order.iter().map(wanted).collect()
    }

    /// Notes what is told of a partition; whether that is anything new.
    fn tell(&mut self, place: u64, answer: &PartitionData) -> bool {
        let Some(slot) = self.order.get_mut(&place) else { return true };
        let failed = !answer.error_code.is_none();
        let has_records = answer.records.as_ref().is_some_and(|records| !records.is_empty());
        let ends = (answer.high_watermark, answer.last_stable_offset, answer.log_start_offset);
        let changed = failed || has_records || slot.told != Some(ends);
        // An error is told again as long as it lasts.
        slot.told = (!failed).then_some(ends);
        if has_records && let Some(slot) = self.order.remove(&place) {
            self.add(slot);
        }
        changed
    }
}

/// The partitions that a request lists.
fn listed(request: &FetchRequest) -> Vec<Wanted> {
    let topics = request.topics.iter().map(|topic| {
        let key = Arc::new(TopicKey { name: topic.topic.clone(), id: topic.topic_id });
        topic.partitions.iter().map(move |partition| Wanted {
            topic: Arc::clone(&key),
            partition: partition.clone(),
            place: 0,
        })
    });
    topics.flatten().collect()
}

#[cfg(test)]
mod tests {
    use tailwater_wire::api::fetch::{FetchTopic, ForgottenTopic};
    use tailwater_wire::codec::Records;

    use super::*;

    fn request(session: (i32, i32), partitions: &[i32], forgotten: &[i32]) -> FetchRequest {
        let partition = |number: &i32| FetchPartition { partition: *number, ..FetchPartition::default() };
        let topic = FetchTopic {
            topic: "t".into(),
            partitions: partitions.iter().map(partition).collect(),
            ..FetchTopic::default()
        };
        let gone = ForgottenTopic { topic: "t".into(), partitions: forgotten.to_vec(), ..ForgottenTopic::default() };
        FetchRequest {
            session_id: session.0,
            session_epoch: session.1,
            topics: if partitions.is_empty() { vec![] } else { vec![topic] },
            forgotten_topics_data: if forgotten.is_empty() { vec![] } else { vec![gone] },
            ..FetchRequest::default()
        }
    }

    fn numbers(plan: &Plan) -> Vec<i32> {
        plan.wanted.iter().map(|wanted| wanted.partition.partition).collect()
    }

    fn answer(high_watermark: i64, records: bool) -> PartitionData {
        let records = records.then(|| Records::from(bytes::Bytes::from_static(b"batch")));
        PartitionData { high_watermark, records, ..PartitionData::default() }
    }

    #[test]
    fn a_session_remembers_partitions_and_tells_what_changed() {
        let (sessions, now) = (FetchSessions::default(), Instant::now());
        let first = sessions.begin(&request((0, INITIAL), &[0, 1, 2], &[]), false, now).unwrap();
        assert_eq!((numbers(&first), first.full), (vec![0, 1, 2], true));
        let answers = [answer(5, false), answer(5, true), answer(5, false)];
        assert_eq!(sessions.finish(&first, &answers), [true; 3]);

        let next = sessions.begin(&request((first.session, 1), &[], &[]), false, now).unwrap();
        assert_eq!((numbers(&next), next.full), (vec![0, 2, 1], false), "who got records goes to the end");
        let answers = [answer(5, false), answer(6, false), answer(5, true)];
        assert_eq!(sessions.finish(&next, &answers), [false, true, true]);

        let next = sessions.begin(&request((first.session, 2), &[7], &[0]), false, now).unwrap();
        assert_eq!(numbers(&next), [2, 1, 7]);
        let failed = PartitionData { error_code: ErrorCode::OFFSET_OUT_OF_RANGE, ..answer(6, false) };
        assert_eq!(sessions.finish(&next, &[failed.clone(), answer(5, false), answer(0, false)]), [true, false, true]);
        let next = sessions.begin(&request((first.session, 3), &[], &[]), false, now).unwrap();
        assert_eq!(sessions.finish(&next, &[failed, answer(5, false), answer(0, false)]), [true, false, false]);
    }

    #[test]
    fn a_session_that_is_not_there_or_not_in_step_is_refused() {
        let (sessions, now) = (FetchSessions::default(), Instant::now());
        let id = sessions.begin(&request((0, INITIAL), &[0], &[]), false, now).unwrap().session;
        let code = |session, by_id| sessions.begin(&request(session, &[], &[]), by_id, now).unwrap_err();
        assert_eq!(code((id ^ 1, 1), false), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        assert_eq!(code((id, 2), false), ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        assert_eq!(code((id, 1), true), ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        let last = sessions.begin(&request((id, FINAL), &[3], &[]), false, now).unwrap();
        assert_eq!((last.session, numbers(&last)), (0, vec![3]));
        assert_eq!(code((id, 1), false), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        assert_eq!(sessions.0.lock().unwrap().partitions, 0);
    }

    #[test]
    fn a_full_house_serves_without_sessions_until_one_falls_idle() {
        let (sessions, now) = (FetchSessions::default(), Instant::now());
        let begin = |now| sessions.begin(&request((0, INITIAL), &[0], &[]), false, now).unwrap().session;
        assert!((0..FETCH_SESSIONS).all(|_| begin(now) != 0));
        assert_eq!(begin(now), 0);
        assert_ne!(begin(now + FETCH_SESSION_IDLE), 0);
    }
}
