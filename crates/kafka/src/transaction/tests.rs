//! The rules of transactional ids, one by one.

use super::*;
use crate::group::Offset;
use crate::limits::{
    TRANSACTION_PARTITIONS_MAX, TRANSACTION_TIMEOUT_MAX_MS, TRANSACTIONAL_ID_MAX_BYTES, TRANSACTIONAL_ID_RETENTION_MS,
};
use tailwater_wire::error_code::ErrorCode;

const ID: &str = "payments";

fn request(had: Option<(i64, i16)>) -> InitRequest {
    InitRequest { timeout: 60_000, had, fresh: None }
}

/// Ids and what became of them; new producer ids are 100, 101, …
struct Bed {
    transactions: Transactions,
    next_producer: i64,
}

impl Bed {
    fn new() -> Self {
        Self { transactions: Transactions::default(), next_producer: 100 }
    }

    /// The producer that the id has then, and how a transaction ended with it.
    fn init(&mut self, had: Option<(i64, i16)>, now: u64) -> Result<((i64, i16), Option<End>), ErrorCode> {
        let mut request = request(had);
        loop {
            match self.transactions.init(ID, &request, now)? {
                Init::NeedsProducer => {
                    assert!(request.fresh.is_none());
                    request.fresh = Some(self.next_producer);
                    self.next_producer += 1;
                }
                Init::Known { producer, epoch } => return Ok(((producer, epoch), None)),
                Init::Change(change) => {
                    let is = (change.next.producer, change.next.epoch);
                    let end = change.end.clone();
                    self.transactions.apply(*change);
                    return Ok((is, end));
                }
            }
        }
    }

    fn begin(&mut self) -> (i64, i16) {
        self.init(None, 0).unwrap().0
    }

    fn apply(&mut self, change: Result<Option<Change>, ErrorCode>) -> Result<Option<End>, ErrorCode> {
        let Some(change) = change? else { return Ok(None) };
        let end = change.end.clone();
        self.transactions.apply(change);
        Ok(end)
    }

    fn add(&mut self, producer: (i64, i16), partition: i32, now: u64) -> Result<Option<End>, ErrorCode> {
        let change = self.transactions.add_partitions(ID, producer, [("t".to_owned(), partition)], now);
        self.apply(change)
    }

    fn end(&mut self, producer: (i64, i16), commit: bool, now: u64) -> Result<Option<End>, ErrorCode> {
        let change = self.transactions.end(ID, producer, commit, now);
        self.apply(change)
    }

    fn phase(&self) -> Phase {
        self.transactions.get(ID).unwrap().phase
    }
}

fn offset(offset: i64) -> Offset {
    Offset { offset, leader_epoch: -1, metadata: String::new(), committed: 0, expires: None }
}

#[test]
fn a_transaction_is_committed_in_all_its_partitions() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    assert_eq!(producer, (100, 0));
    for partition in [0, 1, 0] {
        assert_eq!(bed.add(producer, partition, 10), Ok(None));
    }
    let end = bed.end(producer, true, 20).unwrap().unwrap();
    assert_eq!((end.producer, end.epoch, end.commit), (100, 0, true));
    assert_eq!(end.partitions.into_iter().collect::<Vec<_>>(), [("t".to_owned(), 0), ("t".to_owned(), 1)]);
    assert_eq!(bed.phase(), Phase::CompleteCommit);
    // The next one has nothing of it.
    bed.add(producer, 7, 30).unwrap();
    let end = bed.end(producer, false, 40).unwrap().unwrap();
    assert_eq!((end.commit, end.partitions.len()), (false, 1));
    assert_eq!(bed.phase(), Phase::CompleteAbort);
}

#[test]
fn what_is_known_already_changes_nothing() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    bed.add(producer, 0, 10).unwrap();
    let again = bed.transactions.add_partitions(ID, producer, [("t".to_owned(), 0)], 20);
    assert_eq!(again, Ok(None));
    let change = bed.transactions.add_group(ID, producer, "g", 20);
    bed.apply(change).unwrap();
    assert_eq!(bed.transactions.add_group(ID, producer, "g", 30), Ok(None));
    assert_eq!(bed.transactions.get(ID).unwrap().started, 10);
}

#[test]
fn an_end_that_was_not_heard_is_asked_for_again() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    assert_eq!(bed.end(producer, true, 0), Err(ErrorCode::INVALID_TXN_STATE), "nothing has begun");
    bed.add(producer, 0, 0).unwrap();
    bed.end(producer, true, 0).unwrap();
    assert_eq!(bed.end(producer, true, 0), Ok(None));
    assert_eq!(bed.end(producer, false, 0), Err(ErrorCode::INVALID_TXN_STATE));
    bed.add(producer, 0, 0).unwrap();
    bed.end(producer, false, 0).unwrap();
    assert_eq!(bed.end(producer, false, 0), Ok(None));
    assert_eq!(bed.end(producer, true, 0), Err(ErrorCode::INVALID_TXN_STATE));
}

#[test]
fn a_new_producer_fences_the_one_before() {
    let mut bed = Bed::new();
    let old = bed.begin();
    let new = bed.begin();
    assert_eq!((old, new), ((100, 0), (100, 1)));
    assert_eq!(bed.add(old, 0, 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.end(old, true, 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.transactions.add_group(ID, old, "g", 0), Err(ErrorCode::PRODUCER_FENCED));
    let offsets = bed.transactions.add_offsets(ID, old, "g", Vec::new(), 0);
    assert_eq!(offsets, Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    assert_eq!(bed.transactions.may_write(old, "t", 0), Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    bed.add(new, 0, 0).unwrap();
    assert_eq!(bed.transactions.may_write(new, "t", 0), Ok(()));
    assert_eq!(bed.transactions.may_write(new, "t", 1), Err(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(bed.transactions.may_write((77, 0), "t", 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
}

#[test]
fn a_new_producer_aborts_what_the_one_before_left_open() {
    let mut bed = Bed::new();
    let old = bed.begin();
    bed.add(old, 3, 0).unwrap();
    let (new, end) = bed.init(None, 10).unwrap();
    let end = end.unwrap();
    assert_eq!((end.producer, end.epoch, end.commit, end.partitions.len()), (100, 1, false, 1));
    assert_eq!(new, (100, 2), "the marker has an epoch of its own");
    assert_eq!(bed.phase(), Phase::Empty);
    assert_eq!(bed.end(old, true, 0), Err(ErrorCode::PRODUCER_FENCED));
}

#[test]
fn ids_that_nobody_has_are_said_so() {
    let mut bed = Bed::new();
    assert_eq!(bed.add((100, 0), 0, 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    bed.begin();
    assert_eq!(bed.add((99, 0), 0, 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    assert_eq!(bed.transactions.end("", (100, 0), true, 0), Err(ErrorCode::INVALID_REQUEST));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let bed = Bed::new();
    let init = |id: &str, timeout| bed.transactions.init(id, &InitRequest { timeout, ..request(None) }, 0);
    assert_eq!(init("", 1), Err(ErrorCode::INVALID_REQUEST));
    assert_eq!(init(&"x".repeat(TRANSACTIONAL_ID_MAX_BYTES + 1), 1), Err(ErrorCode::INVALID_REQUEST));
    for timeout in [-1, 0, i64::try_from(TRANSACTION_TIMEOUT_MAX_MS).unwrap() + 1] {
        assert_eq!(init(ID, timeout), Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT));
    }
    assert_eq!(init(ID, 1), Ok(Init::NeedsProducer));
}

#[test]
fn a_producer_goes_on_after_an_error_under_a_new_epoch() {
    let mut bed = Bed::new();
    let first = bed.begin();
    let second = bed.init(Some(first), 0).unwrap().0;
    assert_eq!(second, (100, 1));
    assert_eq!(bed.init(Some(first), 0).unwrap().0, second, "it has not heard, and asks again");
    let third = bed.init(Some(second), 0).unwrap().0;
    assert_eq!(third, (100, 2));
    assert_eq!(bed.init(Some(first), 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.init(Some((55, 2)), 0), Err(ErrorCode::PRODUCER_FENCED));
    let stranger = bed.begin();
    assert_eq!(stranger, (100, 3));
    assert_eq!(bed.init(Some(third), 0), Err(ErrorCode::PRODUCER_FENCED), "another has taken over");
}

#[test]
fn a_producer_that_was_fenced_does_not_abort_its_successors_transaction() {
    let mut bed = Bed::new();
    let old = bed.begin();
    let new = bed.begin();
    bed.add(new, 0, 0).unwrap();
    assert_eq!(bed.init(Some(old), 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.phase(), Phase::Ongoing);
    let (next, end) = bed.init(Some(new), 0).unwrap();
    assert_eq!((next, end.map(|end| end.epoch)), ((100, 3), Some(2)));
    assert_eq!(bed.init(Some(new), 0).unwrap().0, next, "it has not heard, and asks again");
}

#[test]
fn a_producer_id_whose_epochs_are_used_up_is_replaced() {
    let mut bed = Bed::new();
    bed.begin();
    let mut used = bed.transactions.get(ID).unwrap().clone();
    used.epoch = i16::MAX - 2;
    bed.transactions.set(ID.into(), used);
    let last = bed.begin();
    assert_eq!(last, (100, i16::MAX - 1));
    bed.add(last, 0, 0).unwrap();
    let (next, end) = bed.init(Some(last), 0).unwrap();
    assert_eq!((next, end.map(|end| (end.producer, end.epoch))), ((101, 0), Some((100, i16::MAX))));
    assert_eq!(bed.init(Some(last), 0).unwrap().0, next, "it has not heard, and asks again");
    assert_eq!(bed.transactions.may_write(last, "t", 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    assert_eq!(bed.add(last, 0, 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
}

#[test]
fn a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_fenced() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    bed.add(producer, 0, 1_000).unwrap();
    bed.add(producer, 1, 50_000).unwrap();
    assert!(bed.transactions.overdue(60_999).is_empty());
    assert!(bed.transactions.abort_overdue(ID, 60_999).is_none());
    assert_eq!(bed.transactions.overdue(61_000), [ID]);
    let change = bed.transactions.abort_overdue(ID, 61_000);
    let end = bed.apply(Ok(change)).unwrap().unwrap();
    assert_eq!((end.epoch, end.commit, end.partitions.len()), (1, false, 2));
    assert_eq!(bed.end(producer, true, 61_001), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.end(producer, false, 61_001), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.init(Some(producer), 61_001), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(bed.init(None, 61_001).unwrap().0, (100, 2));
}

#[test]
fn offsets_count_when_the_transaction_is_committed() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    let one = vec![("in".to_owned(), 0, offset(5))];
    let early = bed.transactions.add_offsets(ID, producer, "g", one.clone(), 0);
    assert_eq!(early, Err(ErrorCode::INVALID_TXN_STATE), "the group is not part of it");
    let change = bed.transactions.add_group(ID, producer, "g", 0);
    bed.apply(change).unwrap();
    for offsets in [one, vec![("in".to_owned(), 1, offset(6)), ("in".to_owned(), 0, offset(9))]] {
        let change = bed.transactions.add_offsets(ID, producer, "g", offsets, 0);
        bed.apply(change).unwrap();
    }
    let end = bed.end(producer, true, 0).unwrap().unwrap();
    let of = |partition, at| ("g".to_owned(), "in".to_owned(), partition, offset(at));
    assert_eq!(end.offsets, [of(0, 9), of(1, 6)], "the last word counts");
    assert_eq!(end.groups.into_iter().collect::<Vec<_>>(), ["g"]);
}

#[test]
fn offsets_of_an_aborted_transaction_never_count() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    let change = bed.transactions.add_group(ID, producer, "g", 0);
    bed.apply(change).unwrap();
    let change = bed.transactions.add_offsets(ID, producer, "g", vec![("in".to_owned(), 0, offset(5))], 0);
    bed.apply(change).unwrap();
    let end = bed.end(producer, false, 0).unwrap().unwrap();
    assert!(end.offsets.is_empty());
    assert_eq!(end.groups.len(), 1, "what the group holds is released");
    bed.add(producer, 0, 0).unwrap();
    assert!(bed.end(producer, true, 0).unwrap().unwrap().offsets.is_empty());
}

#[test]
fn what_a_transaction_touches_is_bounded() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    let first = |count: i32| (0..count).map(|partition| ("t".to_owned(), partition));
    let most = i32::try_from(TRANSACTION_PARTITIONS_MAX).unwrap();
    assert!(bed.transactions.add_partitions(ID, producer, first(most), 0).is_ok());
    let refused = bed.transactions.add_partitions(ID, producer, first(most + 1), 0);
    assert_eq!(refused, Err(ErrorCode::INVALID_REQUEST));
    assert_eq!(bed.phase(), Phase::Empty);
}

#[test]
fn an_id_that_nobody_uses_is_forgotten() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    bed.add(producer, 0, 10).unwrap();
    assert!(bed.transactions.expired(TRANSACTIONAL_ID_RETENTION_MS * 2).is_empty(), "its transaction is open");
    bed.end(producer, true, 20).unwrap();
    assert!(bed.transactions.expired(TRANSACTIONAL_ID_RETENTION_MS + 19).is_empty());
    assert_eq!(bed.transactions.expired(TRANSACTIONAL_ID_RETENTION_MS + 20), [ID]);
    bed.transactions.remove(ID);
    assert_eq!(bed.transactions.may_write(producer, "t", 0), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    assert_eq!(bed.begin(), (101, 0));
}

#[test]
fn an_open_transaction_survives_a_restart() {
    let mut bed = Bed::new();
    let producer = bed.begin();
    bed.add(producer, 4, 10).unwrap();
    let change = bed.transactions.add_group(ID, producer, "g", 0);
    bed.apply(change).unwrap();
    let change = bed.transactions.add_offsets(ID, producer, "g", vec![("in".to_owned(), 0, offset(5))], 0);
    bed.apply(change).unwrap();
    let text = serde_json::to_vec(bed.transactions.get(ID).unwrap()).unwrap();
    bed.transactions = Transactions::default();
    bed.transactions.set(ID.into(), serde_json::from_slice(&text).unwrap());
    assert_eq!(bed.transactions.may_write(producer, "t", 4), Ok(()));
    let end = bed.end(producer, true, 20).unwrap().unwrap();
    assert_eq!((end.partitions.len(), end.offsets.len()), (1, 1));
}
