//! What all requests work on: the journal, its topics by name and id, and who this broker is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use bytes::Bytes;
use tailwater_journal::{Body, Bounds, ConnectorId, Journal, JournalError, Sequence, TopicId, TopicMeta};
use tailwater_wire::codec::Uuid;
use tailwater_wire::error_code::ErrorCode;
use tokio::sync::Semaphore;

use super::Settings;
use super::fetch_sessions::FetchSessions;
use super::news::News;
use super::session::Session;
use super::topic_config::{Served, TopicConfig};
use crate::ENTRIES_OF;
use crate::coordinator::Coordinator;
use crate::limits::{LOOKUPS, PASSWORD_CHECKS, TOPICS_FRESH};
use crate::security::users::Users;

/// The number of the one broker, which leads every partition and is its only replica.
pub(super) const NODE: i32 = 1;
/// The epoch of every leader: the high watermark is durable, so no log is ever cut behind what a client saw.
pub(super) const EPOCH: i32 = 0;

/// The entry with the cluster's id.
const CLUSTER: &str = "cluster";

/// The one broker.
pub(super) struct Broker {
    /// Where everything lies.
    pub(super) journal: Journal,
    /// The cluster's id, drawn once for the data directory.
    pub(super) cluster: Uuid,
    /// How it behaves.
    pub(super) settings: Settings,
    /// Who may log in.
    pub(super) users: Users,
    /// Bounds the passwords that are checked at one time.
    pub(super) password_checks: Semaphore,
    /// Bounds the lookups by time that go on at one time.
    pub(super) lookups: Semaphore,
    /// Groups and transactions.
    pub(super) coordinator: Coordinator,
    /// Who waits for records.
    pub(super) news: News,
    /// Incremental fetch sessions.
    pub(super) fetch_sessions: FetchSessions,
    topics: RwLock<Topics>,
}

/// Topics as of some moment.
#[derive(Default)]
pub(super) struct Topics {
    by_name: HashMap<String, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
    read: Option<Instant>,
}

/// A topic as requests see it.
#[derive(Debug)]
pub(super) struct Topic {
    /// Its number in the journal.
    pub(super) id: TopicId,
    /// Its id in Kafka's protocol.
    pub(super) uuid: Uuid,
    /// Its name.
    pub(super) name: String,
    /// Whether a connector writes changes to it.
    pub(super) change: bool,
    /// How many partitions it has.
    pub(super) partitions: u32,
    /// What its configuration makes of it.
    pub(super) config: TopicConfig,
}

impl Topic {
    /// Whether this client gets its batches plain, not as they are stored.
    pub(super) fn is_plain_for(&self, session: &Session) -> bool {
        match self.config.served {
            Served::AsStored => false,
            Served::Plain => true,
            Served::ByClient => !session.reads_lz4(),
        }
    }
}

/// The id of the cluster that a data directory is, as Kafka's clients and Connect's see it.
pub fn cluster_id(journal: &Journal) -> Result<String, JournalError> {
    Ok(cluster(journal, journal.connector(ENTRIES_OF)?)?.to_string())
}

/// Drawn once, and kept.
fn cluster(journal: &Journal, connector: ConnectorId) -> Result<Uuid, JournalError> {
    if let Some(id) = journal.entries(connector).get(CLUSTER).and_then(|id| id.as_ref().try_into().ok()) {
        return Ok(Uuid(id));
    }
    let id = uuid::Uuid::now_v7().into_bytes();
    let entry = (CLUSTER.to_owned(), Bytes::copy_from_slice(&id));
    journal.append(connector, 0, Body::Entries(vec![entry]))?;
    Ok(Uuid(id))
}

impl Broker {
    /// Over a journal; draws what is not there yet.
    pub(super) fn open(journal: Journal, settings: Settings) -> Result<Broker, JournalError> {
        let connector = journal.connector(ENTRIES_OF)?;
        let cluster = cluster(&journal, connector)?;
        let coordinator = Coordinator::open(journal.clone(), connector, settings.groups);
        let users = match &settings.security.users {
            Some(users) => users.clone(),
            None => Users::open(journal.clone())?,
        };
        if settings.security.authenticate {
            users.draw_decoy()?;
        }
        Ok(Broker {
            users,
            password_checks: Semaphore::new(PASSWORD_CHECKS),
            lookups: Semaphore::new(LOOKUPS),
            coordinator,
            journal,
            cluster,
            settings,
            news: News::default(),
            fetch_sessions: FetchSessions::default(),
            topics: RwLock::default(),
        })
    }

    /// A topic by name.
    pub(super) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.find(|topics| topics.by_name.get(name).cloned()).or_else(|| self.renew(name))
    }

    /// A topic by id.
    pub(super) fn topic_by_id(&self, uuid: Uuid) -> Option<Arc<Topic>> {
        let id = self.number(uuid)?;
        let find = |topics: &Topics| topics.by_id.get(&id).cloned();
        // It may be new.
        self.find(find).or_else(|| self.journal.bounds(id, 0).ok().and_then(|_| find(&self.refresh())))
    }

    /// Looks among the topics that are known; when it was long ago that they were read, among those that there are now.
    fn find(&self, find: impl Fn(&Topics) -> Option<Arc<Topic>>) -> Option<Arc<Topic>> {
        {
            let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
            if topics.read.is_some_and(|read| read.elapsed() < TOPICS_FRESH) {
                return find(&topics);
            }
        }
        find(&self.refresh())
    }

    /// One topic as it is now, without a look at all the others: names of topics that are not there cost little.
    pub(super) fn renew(&self, name: &str) -> Option<Arc<Topic>> {
        let topic = self.journal.topic(name).map(|meta| Arc::new(self.topic_of(meta)));
        let known = |topics: &Topics| topics.by_name.contains_key(name);
        if topic.is_none() && !known(&self.topics.read().unwrap_or_else(PoisonError::into_inner)) {
            return None;
        }
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = topics.by_name.remove(name) {
            topics.by_id.remove(&old.id);
        }
        if let Some(topic) = &topic {
            topics.by_name.insert(topic.name.clone(), Arc::clone(topic));
            topics.by_id.insert(topic.id, Arc::clone(topic));
        }
        topic
    }

    /// A partition of a topic, and where it stands.
    pub(super) fn partition(&self, name: &str, partition: i32) -> Result<(Arc<Topic>, u32, Bounds), ErrorCode> {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let partition = u32::try_from(partition).map_err(|_| unknown)?;
        let topic = self.topic(name).ok_or(unknown)?;
        match self.journal.bounds(topic.id, partition) {
            Ok(bounds) => Ok((topic, partition, bounds)),
            Err(_) => {
                // It may have been deleted, and made again under the same name.
                let topic = self.renew(name).ok_or(unknown)?;
                let bounds = self.journal.bounds(topic.id, partition).map_err(|error| error_code(&error))?;
                Ok((topic, partition, bounds))
            }
        }
    }

    /// All topics, by name.
    pub(super) fn all_topics(&self) -> Vec<Arc<Topic>> {
        let mut topics: Vec<_> = self.refresh().by_name.values().cloned().collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }

    /// A topic whose name differs from this one by dots and underscores only: they would share the names of metrics, so
    /// Kafka lets clients make one of them.
    pub(super) fn collides(&self, name: &str) -> Option<Arc<Topic>> {
        let alike = |(a, b): (u8, u8)| a == b || matches!((a, b), (b'.', b'_') | (b'_', b'.'));
        let collides =
            |known: &str| known.len() == name.len() && known != name && known.bytes().zip(name.bytes()).all(alike);
        let other = |topics: &Topics| topics.by_name.values().find(|known| collides(&known.name)).cloned();
        name.contains(['.', '_']).then(|| self.find(other)).flatten()
    }

    /// Makes a topic; one that has been made meanwhile is as good. Durable when it returns.
    pub(super) async fn create_topic(&self, name: &str, partitions: u32) -> Result<Arc<Topic>, JournalError> {
        let wanted = name.to_owned();
        let made = self.blocking(move |journal| journal.create_topic_with(&wanted, partitions, BTreeMap::new())).await;
        match made {
            Ok(_) | Err(JournalError::TopicExists { .. }) => {}
            Err(error) => return Err(error),
        }
        self.topic(name).ok_or_else(|| JournalError::TopicUnknown { topic: name.to_owned() })
    }

    /// Waits until a frame is durable.
    pub(super) async fn durable(&self, sequence: Sequence) -> Result<(), JournalError> {
        loop {
            let news = self.journal.change_listener();
            if self.journal.durable()? >= sequence {
                return Ok(());
            }
            news.await;
        }
    }

    /// Does what may wait for the disk, beside the threads that serve connections.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let journal = self.journal.clone();
        // It is given up only when the process ends.
        tokio::task::spawn_blocking(move || work(&journal)).await.unwrap_or(Err(JournalError::Closed))
    }

    /// The topics as they are now.
    pub(super) fn refresh(&self) -> RwLockReadGuard<'_, Topics> {
        let read = Instant::now();
        let all: Vec<_> = self.journal.topics().into_iter().map(|meta| Arc::new(self.topic_of(meta))).collect();
        let topics = Topics {
            by_name: all.iter().map(|topic| (topic.name.clone(), Arc::clone(topic))).collect(),
            by_id: all.iter().map(|topic| (topic.id, Arc::clone(topic))).collect(),
            read: Some(read),
        };
        *self.topics.write().unwrap_or_else(PoisonError::into_inner) = topics;
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn topic_of(&self, meta: TopicMeta) -> Topic {
        Topic {
            id: meta.id,
            uuid: self.uuid(meta.id),
            name: meta.name,
            change: meta.change,
            partitions: meta.partitions,
            config: TopicConfig::of(&meta.config, meta.change),
        }
    }

    /// A topic's id: the cluster's with the topic's number in it, so that no two are the same anywhere.
    fn uuid(&self, id: TopicId) -> Uuid {
        let mut uuid = self.cluster.0;
        uuid[12..].iter_mut().zip(id.0.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
        Uuid(uuid)
    }

    /// The number that an id stands for, if it is one of ours.
    fn number(&self, uuid: Uuid) -> Option<TopicId> {
        let bits = u128::from_be_bytes(uuid.0) ^ u128::from_be_bytes(self.cluster.0);
        u32::try_from(bits).ok().map(TopicId)
    }
}

/// Whether the epoch that a client knows (-1: none) is the one that there is (KIP-320).
pub(super) fn check_epoch(known: i32) -> Result<(), ErrorCode> {
    match known {
        -1 | EPOCH => Ok(()),
        older if older < EPOCH => Err(ErrorCode::FENCED_LEADER_EPOCH),
        _ => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
    }
}

/// What a client is told when the journal refuses.
pub(super) fn error_code(error: &JournalError) -> ErrorCode {
    match error {
        JournalError::TopicUnknown { .. } => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        JournalError::TopicExists { .. } => ErrorCode::TOPIC_ALREADY_EXISTS,
        JournalError::OffsetOutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
        JournalError::NameInvalid { .. } => ErrorCode::INVALID_TOPIC_EXCEPTION,
        JournalError::Refused { .. } => ErrorCode::INVALID_REQUEST,
        _ => ErrorCode::KAFKA_STORAGE_ERROR,
    }
}
