//! Following topics: which, from where, until when.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tailwater_connector::java_regex::Whole;
use tailwater_connector::transport::{PartitionInfo, TopicInfo};
use tailwater_connector::{Problem, Record, TopicReader};

use crate::limits::READ_BYTES;
use crate::offsets::{Point, Range};

/// Which topics.
#[derive(Clone, Debug)]
pub enum Selection {
    /// These.
    Names(Vec<String>),
    /// Those whose whole name matches.
    Pattern(Whole),
    /// All.
    All,
}

impl Selection {
    /// Whether a topic is meant.
    pub fn takes(&self, topic: &str) -> bool {
        match self {
            Selection::Names(names) => names.iter().any(|n| n == topic),
            Selection::Pattern(pattern) => pattern.is_match(topic),
            Selection::All => true,
        }
    }
}

/// Reads topics as their records arrive: one read of each partition in turn, so that none waits for another's end.
pub struct Follower {
    reader: Arc<dyn TopicReader>,
    selection: Selection,
    range: Range,
    now_ms: i64,
    started: bool,
    cursors: BTreeMap<(String, i32), Cursor>,
    /// Where the group is, for [`Point::Stored`].
    stored: BTreeMap<(String, i32), i64>,
    seen: u64,
}

struct Cursor {
    next: i64,
    /// The first offset left out; `None` goes on for ever.
    end: Option<i64>,
}

impl Follower {
    /// A follower; `now_ms` is what `@-1h` counts from. With an end in the range, only topics that are there at the
    /// first [`poll`](Follower::poll) belong to it; without one, later topics join at their beginning.
    pub fn new(reader: Arc<dyn TopicReader>, selection: Selection, range: Range, now_ms: i64) -> Follower {
        let (cursors, stored) = (BTreeMap::new(), BTreeMap::new());
        Follower { reader, selection, range, now_ms, started: false, cursors, stored, seen: 0 }
    }

    /// The same, with where a group is in its partitions.
    pub fn with_stored(self, stored: BTreeMap<(String, i32), i64>) -> Follower {
        Follower { stored, ..self }
    }

    /// Gives what has arrived to `take`, which may break off. Says whether there was anything.
    pub fn poll(&mut self, take: &mut dyn FnMut(&str, i32, Record) -> ControlFlow<()>) -> Result<bool, Problem> {
        let topics = self.reader.topics();
        self.join(&topics)?;
        let mut any = false;
        for ((topic, partition), cursor) in &mut self.cursors {
            let bounds = topics.iter().find(|t| t.name == *topic).and_then(|t| part(t, *partition));
            let Some(bounds) = bounds else { continue };
            let end = cursor.end.map_or(bounds.high_watermark, |end| end.min(bounds.high_watermark));
            if cursor.next >= end {
                continue;
            }
            let records = self.reader.read(topic, *partition, cursor.next, READ_BYTES)?;
            let (from, to) = (cursor.next, cursor.end.unwrap_or(i64::MAX));
            // Offsets without records up to the end: there is nothing left to read.
            cursor.next = records.last().map_or(end, |last| last.offset.saturating_add(1));
            for record in records.into_iter().filter(|r| (from..to).contains(&r.offset)) {
                any = true;
                if take(topic, *partition, record).is_break() {
                    return Ok(true);
                }
            }
        }
        Ok(any)
    }

    /// Whether everything in a range with an end has been read.
    pub fn finished(&self) -> bool {
        self.started && self.range.to.is_some() && self.cursors.values().all(|c| c.end.is_some_and(|end| c.next >= end))
    }

    /// Waits for news.
    pub fn wait(&mut self, timeout: Duration) {
        self.seen = self.reader.wait(self.seen, timeout);
    }

    /// Makes cursors for topics that have none yet.
    fn join(&mut self, topics: &[TopicInfo]) -> Result<(), Problem> {
        let late = self.started;
        self.started = true;
        if late && self.range.to.is_some() {
            return Ok(());
        }
        for topic in topics.iter().filter(|t| self.selection.takes(&t.name)) {
            for (partition, bounds) in (0..).zip(&topic.partitions) {
                let key = (topic.name.clone(), partition);
                if self.cursors.contains_key(&key) {
                    continue;
                }
                let resolve =
                    |point: Point| point.resolve(self.reader.as_ref(), &topic.name, partition, bounds, self.now_ms);
                let from = if late { Point::Beginning } else { self.range.from.unwrap_or(Point::End) };
                let from = match (from, self.stored.get(&key)) {
                    (Point::Stored, Some(offset)) => Point::At(*offset),
                    _ => from,
                };
                let cursor = Cursor { next: resolve(from)?, end: self.range.to.map(resolve).transpose()? };
                self.cursors.insert(key, cursor);
            }
        }
        Ok(())
    }
}

fn part(topic: &TopicInfo, partition: i32) -> Option<PartitionInfo> {
    topic.partitions.get(usize::try_from(partition).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use tailwater_connector::PlanId;

    use super::*;

    /// Topics of records without values; one read brings at most two records.
    #[derive(Default)]
    struct Topics(Mutex<BTreeMap<String, i64>>);

    impl Topics {
        fn grow(&self, topic: &str, count: i64) {
            *self.0.lock().unwrap().entry(topic.to_owned()).or_default() += count;
        }
    }

    impl TopicReader for Topics {
        fn topics(&self) -> Vec<TopicInfo> {
            let info = |(name, end): (&String, &i64)| TopicInfo {
                name: name.clone(),
                partitions: vec![PartitionInfo { log_start: 0, high_watermark: *end, bytes: 0 }],
                change: true,
            };
            self.0.lock().unwrap().iter().map(info).collect()
        }

        fn read(&self, topic: &str, _: i32, offset: i64, _: usize) -> Result<Vec<Record>, Problem> {
            // Whole batches of two, as the contract allows: the first record may lie before the offset asked for.
            let end = self.0.lock().unwrap()[topic];
            let first = offset - offset % 2;
            Ok((first..(first + 2).min(end))
                .map(|offset| Record {
                    topic: None,
                    offset,
                    timestamp_ms: 0,
                    key: None,
                    value: None,
                    headers: vec![],
                    plan: None,
                    origin: None,
                    ordinal: 0,
                })
                .collect())
        }

        fn offset_at(&self, _: &str, _: i32, timestamp_ms: i64) -> Result<i64, Problem> {
            Ok(timestamp_ms)
        }

        fn plan(&self, _: PlanId) -> Option<Bytes> {
            None
        }

        fn wait(&self, seen: u64, _: Duration) -> u64 {
            seen
        }
    }

    fn read_all(follower: &mut Follower) -> Vec<(String, i64)> {
        let mut seen = Vec::new();
        let mut take = |topic: &str, _: i32, record: Record| {
            seen.push((topic.to_owned(), record.offset));
            ControlFlow::Continue(())
        };
        while follower.poll(&mut take).unwrap() {}
        seen
    }

    fn offsets(range: &str) -> Vec<i64> {
        let topics = Arc::new(Topics::default());
        topics.grow("a", 7);
        let mut follower = Follower::new(topics, Selection::All, range.parse().unwrap(), 0);
        read_all(&mut follower).into_iter().map(|(_, offset)| offset).collect()
    }

    #[test]
    fn ranges_start_and_end_where_they_say() {
        assert_eq!(offsets("beginning"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(offsets("end"), [] as [i64; 0]);
        assert_eq!(offsets("3"), [3, 4, 5, 6]);
        assert_eq!(offsets("-3"), [4, 5, 6]);
        assert_eq!(offsets("+5"), [5, 6]);
        assert_eq!(offsets("@2:5"), [2, 3, 4]);
        assert_eq!(offsets(":3"), [0, 1, 2]);
        assert_eq!(offsets("-100"), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_topic_that_appears_later_is_read_from_its_beginning() {
        let topics = Arc::new(Topics::default());
        topics.grow("a", 2);
        let mut follower = Follower::new(topics.clone(), Selection::All, "end".parse().unwrap(), 0);
        assert_eq!(read_all(&mut follower), []);
        topics.grow("a", 1);
        topics.grow("b", 1);
        assert_eq!(read_all(&mut follower), [("a".to_owned(), 2), ("b".to_owned(), 0)]);
    }

    #[test]
    fn a_range_to_the_end_ends_at_what_was_there_at_the_start() {
        let topics = Arc::new(Topics::default());
        topics.grow("a", 3);
        let mut follower = Follower::new(topics.clone(), Selection::All, ":end".parse().unwrap(), 0);
        assert!(!follower.finished());
        assert_eq!(read_all(&mut follower).len(), 3);
        topics.grow("a", 1);
        topics.grow("b", 1);
        assert_eq!(read_all(&mut follower), []);
        assert!(follower.finished());
    }

    #[test]
    fn only_the_topics_that_were_asked_for_are_read() {
        let topics = Arc::new(Topics::default());
        topics.grow("a", 1);
        topics.grow("ab", 1);
        for selection in [Selection::Names(vec!["ab".into()]), Selection::Pattern(Whole::new("(?!a$)a.*").unwrap())] {
            let mut follower = Follower::new(topics.clone(), selection, "start".parse().unwrap(), 0);
            assert_eq!(read_all(&mut follower), [("ab".to_owned(), 0)]);
        }
    }
}
