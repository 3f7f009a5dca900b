//! Which topics a connector works with, as Connect's topic tracking tells: those that got records since the last reset.

use std::collections::BTreeMap;

use super::store::{Change, TopicMarks};
use super::{Herder, Refusal};

impl Herder {
    /// The active topics, in order; none of a connector that is not there, as in Connect.
    pub fn topics(&self, name: &str) -> Vec<String> {
        if self.known(name).is_none() {
            return Vec::new();
        }
        let marks = self.store().topic_marks(name);
        let ends = self.ends(name);
        let active = ends.into_iter().filter(|(topic, end)| *end > marks.get(topic).copied().unwrap_or(0));
        active.map(|(topic, _)| topic).collect()
    }

    /// From now on only topics that get further records are active.
    pub fn reset_topics(&self, name: &str) -> Result<(), Refusal> {
        if self.known(name).is_none() {
            return Ok(());
        }
        let marks: TopicMarks = self.ends(name);
        Ok(self.store().put(Change::default().topic_marks(name, &marks))?)
    }

    /// How many records the topics of a connector have seen.
    fn ends(&self, name: &str) -> BTreeMap<String, i64> {
        let of_connector = self.transport.topics_of(name);
        let topics = self.transport.reader().topics();
        let mine = topics.into_iter().filter(|topic| of_connector.contains(&topic.name));
        mine.map(|topic| (topic.name, topic.partitions.iter().map(|p| p.high_watermark).sum())).collect()
    }
}
