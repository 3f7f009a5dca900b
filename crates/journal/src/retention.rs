//! Which segments may go: the oldest, as far as size or age ask for it and nobody still needs them, or nothing in them
//! can be read any more.

use crate::view::{COMPACTED, Key, Place, View};

/// What retention asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of all segments.
    pub(crate) budget: u64,
    /// Segments whose records are all older than this go, milliseconds since 1970.
    pub(crate) older_than: Option<i64>,
}

/// What can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Decision {
    /// Segments up to this one go.
    pub(crate) through: Option<u64>,
    /// New log starts: topic, partition, offset.
    pub(crate) starts: Vec<(u32, u32, i64)>,
    /// The budget is exceeded, and what would have to go is still needed by a consumer.
    pub(crate) blocked: bool,
    /// A topic must be compacted before more can go.
    pub(crate) compact: bool,
}

/// Decides over the sealed segments.
pub(crate) fn decide(view: &View, limits: Limits) -> Decision {
    let mut excess = view.segment_bytes().saturating_sub(limits.budget);
    let mut decision = Decision::default();
    let first_open = view.state.open.values().flat_map(|open| &open.parts).map(|part| part.at.segment).min();
    // A segment with parts of a big transaction goes together with the segment of its commit, or not at all.
    let mut pinned = 0;
    let mut group_over = false;
    for (&number, segment) in &view.sealed {
        let known = view.state.segments.get(&number).copied().unwrap_or_default();
        let over = excess > 0;
        let old = limits.older_than.is_some_and(|time| known.max_timestamp < time);
        let completes_group = group_over && pinned >= number;
        if !over && !old && !completes_group && !view.is_dead(number) {
            break;
        }
        if first_open.is_some_and(|open| open <= number) {
            break;
        }
        if is_needed(view, number) {
            decision.blocked = over;
            break;
        }
        if view.is_to_compact(number) {
            decision.compact = true;
            break;
        }
        excess = excess.saturating_sub(segment.bytes);
        pinned = pinned.max(known.pinned_through);
        group_over |= over;
        if pinned <= number {
            decision.through = Some(number);
            group_over = false;
        }
    }
    if let Some(through) = decision.through {
        let touched = |key: &&Key| {
            view.places.get(*key).and_then(|places| first_written(places)).is_some_and(|segment| segment <= through)
        };
        let mut keys: Vec<Key> = view.places.keys().filter(touched).copied().collect();
        keys.sort_unstable();
        decision.starts = keys.into_iter().map(|key| (key.0, key.1, view.start_after(key, through))).collect();
    }
    decision
}

/// The first segment of a partition; its compacted file is none.
fn first_written(places: &[Place]) -> Option<u64> {
    places.iter().map(|place| place.segment).find(|segment| *segment != COMPACTED)
}

/// Whether a consumer still needs offsets that lie in segments up to `number`.
fn is_needed(view: &View, number: u64) -> bool {
    view.state.protections.iter().any(|(&(_, topic, partition), &needed_from)| {
        let key = (topic, partition);
        let present =
            view.places.get(&key).and_then(|places| first_written(places)).is_some_and(|segment| segment <= number);
        present && needed_from < view.start_after(key, number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransactionMeta;
    use crate::record::{Batch, Record};
    use crate::segment::Link;
    use crate::state::{At, State};
    use crate::view::Written;

    const NONE: Option<i64> = None;

    fn batch(base_offset: i64, time: i64) -> Batch {
        Batch {
            topic: 1,
            partition: 0,
            base_offset,
            records: 10,
            bytes: 100,
            crc: 0,
            max_timestamp: time,
            plan: 0,
            encoding: 0,
            runs: Vec::new(),
        }
    }

    fn publish(view: &mut View, record: Record) {
        let at = At { segment: view.active, position: 64 };
        let payload = vec![bytes::Bytes::new(); record.batches().len()];
        view.publish(Written { connector: 1, era: 0, record, payload, at }).unwrap();
    }

    fn roll(view: &mut View) {
        view.active_bytes = 100;
        let next = view.active + 1;
        view.roll(Link::default(), next, 100);
    }

    fn data(view: &mut View, base: i64) {
        publish(
            view,
            Record::Transactions { position: vec![], transactions: vec![], batches: vec![batch(base, base)] },
        );
    }

    fn start() -> View {
        let mut view = View::new(State { oldest_segment: 1, ..State::default() }, 1);
        publish(&mut view, Record::Connector { name: "c".into() });
        publish(&mut view, Record::TopicCreate { topic: 1, name: "t".into(), partitions: 1 });
        view
    }

    /// Segments 1 to 4 sealed, 5 active, 100 bytes and ten offsets each, timestamps like offsets.
    fn five() -> View {
        let mut view = start();
        for step in 0..4 {
            data(&mut view, step * 10);
            roll(&mut view);
        }
        data(&mut view, 40);
        view
    }

    fn needs(view: &mut View, needed_from: i64) {
        publish(view, Record::Protect { topic: 1, partition: 0, needed_from });
    }

    #[test]
    fn the_oldest_go_until_the_budget_is_kept() {
        let view = five();
        let decision = decide(&view, Limits { budget: 300, older_than: NONE });
        assert_eq!(decision, Decision { through: Some(2), starts: vec![(1, 0, 20)], ..Decision::default() });
        assert_eq!(decide(&view, Limits { budget: 500, older_than: NONE }), Decision::default());
    }

    #[test]
    fn what_a_consumer_needs_stays_and_is_reported() {
        let mut view = five();
        needs(&mut view, 15);
        let decision = decide(&view, Limits { budget: 300, older_than: NONE });
        assert_eq!(decision, Decision { through: Some(1), starts: vec![(1, 0, 10)], blocked: true, compact: false });
        needs(&mut view, i64::MAX);
        assert!(!decide(&view, Limits { budget: 300, older_than: NONE }).blocked);
    }

    #[test]
    fn age_takes_what_is_old_but_not_what_is_needed() {
        let mut view = five();
        let limits = Limits { budget: u64::MAX, older_than: Some(15) };
        assert_eq!(decide(&view, limits).through, Some(2));
        needs(&mut view, 0);
        assert_eq!(decide(&view, limits), Decision::default(), "needed, and the budget is not exceeded");
    }

    #[test]
    fn parts_keep_their_segment_until_their_commit_may_go() {
        let mut view = start();
        publish(&mut view, Record::Part { part_of: 7, batches: vec![batch(0, 0)] });
        data(&mut view, 0);
        roll(&mut view);
        data(&mut view, 10);
        roll(&mut view);
        assert_eq!(decide(&view, Limits { budget: 0, older_than: NONE }).through, None, "an open transaction pins");
        let (parts, bases) = view.state.bases(1, 7);
        let transaction = TransactionMeta::default();
        publish(
            &mut view,
            Record::PartCommit { part_of: 7, position: vec![], transaction, parts, bases, batches: vec![] },
        );
        roll(&mut view);
        data(&mut view, 30);
        roll(&mut view);
        let decision = decide(&view, Limits { budget: 400, older_than: NONE });
        assert_eq!(decision.through, Some(3), "one segment too much, but the group goes as a whole");
        assert_eq!(decision.starts, vec![(1, 0, 30)]);
    }
}
