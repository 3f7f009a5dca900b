//! Which topics a connector works with, as Connect's topic tracking tells: those that got records since the last reset.

use super::store::{Change, Store, TopicMarks};
use super::{Herder, Refusal};

impl Herder {
    /// The active topics, in order; none of a connector that is not there, as in Connect.
    pub fn topics(&self, name: &str) -> Vec<String> {
        if self.known(name).is_none() {
            return Vec::new();
        }
        // What was told once is told after a restart, too.
        self.note_topics();
        let (marks, ends) = {
            let store = self.store();
            (store.topic_marks(name), self.ends(&store, name))
        };
        let active = ends.into_iter().filter(|(topic, end)| *end > marks.get(topic).copied().unwrap_or(0));
        active.map(|(topic, _)| topic).collect()
    }

    /// From now on only topics that get further records are active.
    pub fn reset_topics(&self, name: &str) -> Result<(), Refusal> {
        let mut store = self.store();
        if self.known(name).is_none() {
            return Ok(());
        }
        let marks = self.ends(&store, name);
        Ok(store.put(Change::default().topic_marks(name, &marks))?)
    }

    /// With the change that makes a connector: what another of the name worked with before is not its own, as in Connect,
    /// where a deletion ends the tracking (KIP-558).
    pub(super) fn without_topics_before(&self, store: &Store, name: &str, making: Change) -> Change {
        let marks = self.ends(store, name);
        if marks.is_empty() { making } else { making.topic_marks(name, &marks) }
    }

    /// Makes durable which topics connectors work with. Only when somebody asks: a write of ours makes room by the rules of
    /// retention, as every write does.
    fn note_topics(&self) {
        let names = self.names();
        let mut news = Vec::new();
        {
            let mut state = self.state();
            state.topics_seen.retain(|name, _| names.binary_search(name).is_ok());
            for name in names {
                // A journal without space is not filled further by what can wait.
                if self.supervisor.status(&name).is_some_and(|status| status.error.is_some()) {
                    continue;
                }
                let topics = self.transport.topics_of(&name);
                if state.topics_seen.get(&name).copied().unwrap_or_default() != topics.len() {
                    news.push((name, topics));
                }
            }
        }
        for (name, topics) in news {
            let mut store = self.store();
            let mut marks = store.topic_marks(&name);
            let count = topics.len();
            let known = marks.len();
            for topic in topics {
                marks.entry(topic).or_insert(0);
            }
            if self.known(&name).is_none() {
                continue;
            }
            if marks.len() != known
                && let Err(problem) = store.put(Change::default().topic_marks(&name, &marks))
            {
                tracing::debug!(connector = name, %problem, "active topics are not noted yet");
                continue;
            }
            drop(store);
            self.state().topics_seen.insert(name, count);
        }
    }

    /// How many records the topics of a connector have seen.
    fn ends(&self, store: &Store, name: &str) -> TopicMarks {
        let mut of_connector = self.transport.topics_of(name);
        of_connector.extend(store.topic_marks(name).into_keys());
        let topics = self.transport.reader().topics();
        let mine = topics.into_iter().filter(|topic| of_connector.contains(&topic.name));
        mine.map(|topic| (topic.name, topic.partitions.iter().map(|p| p.high_watermark).sum())).collect()
    }
}
