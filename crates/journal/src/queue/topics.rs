//! Topics: made, changed, and removed. Every call is durable when it returns.

use super::{next, refused};
use crate::limits::{CONFIG_MAX_BYTES, NAME_MAX_BYTES, PARTITIONS_MAX, PARTITIONS_TOTAL_MAX};
use crate::record::Record;
use crate::shared::Shared;
use crate::state::State;
use crate::{JournalError, TopicId};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

impl Shared {
    /// Finds or makes a connector's topic. One that clients made is the connector's from now on.
    pub(crate) fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        config: BTreeMap<String, String>,
    ) -> Result<TopicId, JournalError> {
        check_topic_name(name)?;
        check_config(&config)?;
        let mut queue = self.usable_queue()?;
        let topic = match queue.state.topic_named(name) {
            Some(topic) => {
                let known = queue.state.topics.get(&topic).filter(|known| known.of_clients);
                if let Some(known) = known {
                    let config = known.config.clone().into_iter().collect();
                    queue.push(0, 0, Record::TopicAlter { topic, change: true, config }, Vec::new())?;
                }
                topic
            }
            None => {
                let topic = next(queue.state.last_topic)?;
                check_partitions(&queue.state, 0, partitions)?;
                let (name, config) = (name.to_owned(), Vec::from_iter(config));
                let record = match config.is_empty() {
                    true => Record::TopicCreate { topic, name, partitions },
                    false => Record::TopicMake { topic, name, partitions, change: true, config },
                };
                queue.push(0, 0, record, Vec::new())?;
                topic
            }
        };
        self.settle(queue)?;
        Ok(TopicId(topic))
    }

    /// Makes a client's topic.
    pub(crate) fn create_topic_with(
        &self,
        name: &str,
        partitions: u32,
        config: BTreeMap<String, String>,
    ) -> Result<TopicId, JournalError> {
        check_topic_name(name)?;
        check_config(&config)?;
        let mut queue = self.usable_queue()?;
        if queue.state.topic_named(name).is_some() {
            return Err(JournalError::TopicExists { topic: name.into() });
        }
        let topic = next(queue.state.last_topic)?;
        check_partitions(&queue.state, 0, partitions)?;
        let config = config.into_iter().collect();
        let record = Record::TopicMake { topic, name: name.into(), partitions, change: false, config };
        queue.push(0, 0, record, Vec::new())?;
        self.settle(queue)?;
        Ok(TopicId(topic))
    }

    /// Replaces the settings of a topic.
    pub(crate) fn alter_topic(&self, topic: TopicId, config: BTreeMap<String, String>) -> Result<(), JournalError> {
        check_config(&config)?;
        let mut queue = self.usable_queue()?;
        let known = queue.state.topics.get(&topic.0).ok_or_else(|| unknown(topic))?;
        let config = config.into_iter().collect();
        let record = Record::TopicAlter { topic: topic.0, change: !known.of_clients, config };
        queue.push(0, 0, record, Vec::new())?;
        self.settle(queue)
    }

    /// Gives a topic more partitions.
    pub(crate) fn add_partitions(&self, topic: TopicId, partitions: u32) -> Result<(), JournalError> {
        let mut queue = self.usable_queue()?;
        let known = queue.state.topics.get(&topic.0).ok_or_else(|| unknown(topic))?.partitions.len();
        if partitions as usize <= known {
            return Err(refused(format!("{partitions} partitions, where the topic has {known}")));
        }
        check_partitions(&queue.state, known, partitions)?;
        queue.push(0, 0, Record::TopicGrow { topic: topic.0, partitions }, Vec::new())?;
        self.settle(queue)?;
        self.growths.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Removes a topic.
    pub(crate) fn delete_topic(&self, name: &str) -> Result<(), JournalError> {
        let mut queue = self.usable_queue()?;
        let topic =
            queue.state.topic_named(name).ok_or_else(|| JournalError::TopicUnknown { topic: name.to_string() })?;
        queue.push(0, 0, Record::TopicDelete { topic }, Vec::new())?;
        self.settle(queue)
    }

    /// Makes a partition begin at an offset; the answer is where it begins then.
    pub(crate) fn delete_records(&self, topic: TopicId, partition: u32, before: i64) -> Result<i64, JournalError> {
        let mut queue = self.usable_queue()?;
        let known = *queue.state.partition(topic.0, partition).ok_or_else(|| JournalError::TopicUnknown {
            topic: format!("number {}, partition {partition}", topic.0),
        })?;
        let (log_start, high_watermark) = (known.log_start, known.high_watermark);
        if before < 0 || before > high_watermark {
            return Err(JournalError::OffsetOutOfRange { offset: before, log_start, high_watermark });
        }
        if before > log_start {
            queue.push(0, 0, Record::Trim { starts: vec![(topic.0, partition, before)] }, Vec::new())?;
        }
        self.settle(queue)?;
        Ok(log_start.max(before))
    }
}

fn unknown(topic: TopicId) -> JournalError {
    JournalError::TopicUnknown { topic: format!("number {}", topic.0) }
}

/// A topic of `known` partitions is to have `partitions`.
fn check_partitions(state: &State, known: usize, partitions: u32) -> Result<(), JournalError> {
    if partitions == 0 || partitions > PARTITIONS_MAX {
        return Err(refused(format!("{partitions} partitions, where 1 to {PARTITIONS_MAX} are possible")));
    }
    let all: usize = state.topics.values().map(|topic| topic.partitions.len()).sum();
    if all - known + partitions as usize > PARTITIONS_TOTAL_MAX {
        return Err(refused(format!("more than {PARTITIONS_TOTAL_MAX} partitions in all")));
    }
    Ok(())
}

fn check_config(config: &BTreeMap<String, String>) -> Result<(), JournalError> {
    if config.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>() > CONFIG_MAX_BYTES {
        return Err(refused(format!("settings of more than {CONFIG_MAX_BYTES} bytes")));
    }
    Ok(())
}

/// Refuses a name that no topic can have.
pub fn check_topic_name(name: &str) -> Result<(), JournalError> {
    let invalid = |why| Err(JournalError::NameInvalid { name: name.chars().take(NAME_MAX_BYTES).collect(), why });
    // Kafka's own rules.
    if name.is_empty() || name.len() > NAME_MAX_BYTES {
        return invalid("its length");
    }
    if name == "." || name == ".." {
        return invalid("it is a directory");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        return invalid("its characters");
    }
    Ok(())
}
