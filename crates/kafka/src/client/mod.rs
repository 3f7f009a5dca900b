//! A small client of Kafka brokers, for the command line: blocking, one request at a time.
//!
//! It finds brokers and leaders as every client does, so it works on this listener and on a real cluster alike.

mod access;
mod connection;
mod groups;
mod login;
pub mod properties;
mod reader;
mod scram;
pub mod tls;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use bytes::Bytes;
use tailwater_connector::Problem;
use tailwater_wire::api::Request;
use tailwater_wire::api::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic};
use tailwater_wire::api::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use tailwater_wire::codec::Records;
use tailwater_wire::error_code::ErrorCode;

use crate::limits::{CLIENT_POLL, CLIENT_TIMEOUT, CLIENT_TOPIC_WAIT};
use connection::{Connection, Failure};

pub use access::{Access, Files};
pub use groups::{GroupInfo, GroupOffset};
pub use reader::BrokerReader;

/// The newest version of Metadata that names topics by name alone.
const METADATA: i16 = 12;
/// The newest version of Produce without a part in transactions.
const PRODUCE: i16 = 11;

/// Brokers, found from the address of one.
pub struct Client {
    bootstrap: String,
    way: Way,
    seed: Connection,
    /// Connections to leaders and coordinators, by address.
    others: HashMap<String, Connection>,
    /// Addresses of leaders, by topic and partition, as of when they were asked for.
    leaders: HashMap<String, BTreeMap<i32, String>>,
}

/// How connections are made.
enum Way {
    /// Over the network.
    Network(Access),
    /// By somebody who has a way of his own, whatever the address.
    Own(Box<dyn Fn() -> io::Result<UnixStream> + Send>),
}

impl Way {
    fn open(&self, address: &str) -> Result<Connection, Failure> {
        match self {
            Way::Network(access) => Connection::open(address, access),
            Way::Own(connect) => Connection::inside(connect()?, address),
        }
    }
}

impl Client {
    /// Over connections that `connect` makes to a listener of ours; `name` says in problems whose it is.
    ///
    /// # Errors
    /// `BROKER_UNREACHABLE`
    pub fn inside(
        name: &str,
        connect: impl Fn() -> io::Result<UnixStream> + Send + 'static,
    ) -> Result<Client, Problem> {
        Client::by(name, Way::Own(Box::new(connect)))
    }

    /// Connects to the first of some addresses (HOST:PORT, with commas) that answers.
    ///
    /// # Errors
    /// `BROKER_UNREACHABLE` with what each of them said; a broker that is there and does not let us in ends the search.
    pub fn connect(bootstrap: &str, access: Access) -> Result<Client, Problem> {
        Client::by(bootstrap, Way::Network(access))
    }

    fn by(bootstrap: &str, way: Way) -> Result<Client, Problem> {
        let mut said = Vec::new();
        for address in bootstrap.split(',').map(str::trim).filter(|address| !address.is_empty()) {
            match way.open(address).and_then(Client::asked) {
                Ok(seed) => {
                    let bootstrap = bootstrap.to_owned();
                    return Ok(Client { bootstrap, way, seed, others: HashMap::new(), leaders: HashMap::new() });
                }
                Err(Failure::Refused(problem)) => return Err(problem),
                Err(Failure::Lost(error)) => said.push(format!("{address}: {error}")),
            }
        }
        Err(Problem::environment(
            "BROKER_UNREACHABLE",
            format!("no Kafka broker answers at {bootstrap} ({})", said.join("; ")),
            match bootstrap.split(',').find_map(|address| alias(address.trim())) {
                Some(alias) => format!("Start it, or say where a name of a container network is from here: {alias}"),
                None => "Start `tailwater serve`, or name another broker with --bootstrap HOST:PORT.".to_owned(),
            },
        ))
    }

    /// A connection that answers: a broker that wants a login first closes it at the first question, not before.
    fn asked(mut connection: Connection) -> Result<Connection, Failure> {
        let nothing = MetadataRequest { topics: Some(Vec::new()), ..MetadataRequest::default() };
        connection.call(METADATA, &nothing)?;
        Ok(connection)
    }

    /// Topics by name, or all of them; those that are asked for may come into being by that where `create` says so.
    pub(crate) fn metadata(&mut self, topics: Option<&[&str]>, create: bool) -> Result<MetadataResponse, Problem> {
        let topic =
            |name: &&str| MetadataRequestTopic { name: Some((*name).to_owned()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: topics.map(|names| names.iter().map(topic).collect()),
            allow_auto_topic_creation: create,
            ..MetadataRequest::default()
        };
        let metadata = self.call_seed(METADATA, &request)?;
        let address = |node: i32| {
            let broker = metadata.brokers.iter().find(|broker| broker.node_id == node)?;
            Some(format!("{}:{}", bracketed(&broker.host), broker.port))
        };
        for topic in &metadata.topics {
            let Some(name) = &topic.name else { continue };
            let leaders =
                topic.partitions.iter().filter_map(|one| Some((one.partition_index, address(one.leader_id)?)));
            self.leaders.insert(name.clone(), leaders.collect());
        }
        Ok(metadata)
    }

    /// What is known of who leads a topic's partitions: addresses by partition.
    pub(crate) fn leaders(&self, topic: &str) -> impl Iterator<Item = (i32, &String)> {
        self.leaders.get(topic).into_iter().flatten().map(|(partition, address)| (*partition, address))
    }

    /// One topic, made if need be and allowed there.
    ///
    /// # Errors
    /// `TOPIC_UNKNOWN` and what else the broker says.
    pub fn partitions(&mut self, topic: &str) -> Result<i32, Problem> {
        let found = self.topic(topic)?;
        Ok(i32::try_from(found.partitions.len()).unwrap_or(i32::MAX))
    }

    fn topic(&mut self, topic: &str) -> Result<MetadataResponseTopic, Problem> {
        let deadline = Instant::now() + CLIENT_TOPIC_WAIT;
        loop {
            let found = self.metadata(Some(&[topic]), true)?.topics.pop();
            let code = found.as_ref().map_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, |found| found.error_code);
            match (code, found) {
                (ErrorCode::NONE, Some(found)) => return Ok(found),
                // A broker of Kafka makes the topic, and only then knows of it.
                (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::LEADER_NOT_AVAILABLE, _)
                    if Instant::now() < deadline =>
                {
                    std::thread::sleep(CLIENT_POLL);
                }
                (code, _) => return Err(refused(topic, code)),
            }
        }
    }

    /// Appends a batch to a partition, acknowledged when it is durable there; the offset of its first record.
    ///
    /// # Errors
    /// What the broker says.
    pub fn produce(&mut self, topic: &str, partition: i32, batch: Bytes) -> Result<i64, Problem> {
        let data = PartitionProduceData { index: partition, records: Some(Records::from(batch)) };
        let data = TopicProduceData { name: topic.to_owned(), partition_data: vec![data] };
        let timeout_ms = i32::try_from(CLIENT_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
        let request = ProduceRequest { acks: -1, timeout_ms, topic_data: vec![data], ..ProduceRequest::default() };
        let response = self.call_leader(topic, partition, PRODUCE, &request)?;
        let answered = response.responses.into_iter().flat_map(|topic| topic.partition_responses).next();
        match answered {
            Some(one) if one.error_code.is_none() => Ok(one.base_offset),
            Some(one) => Err(match one.error_message {
                Some(why) => Problem::stop(one.error_code.name(), format!("{topic}: {why}"), LOOK),
                None => refused(topic, one.error_code),
            }),
            None => Err(refused(topic, ErrorCode::UNKNOWN_SERVER_ERROR)),
        }
    }

    /// Asks the leader of a partition.
    pub(crate) fn call_leader<R: Request>(
        &mut self,
        topic: &str,
        partition: i32,
        most: i16,
        request: &R,
    ) -> Result<R::Response, Problem> {
        let known = self.leaders.get(topic).and_then(|leaders| leaders.get(&partition)).cloned();
        let leader = match known {
            Some(leader) => leader,
            None => {
                let metadata = self.metadata(Some(&[topic]), false)?;
                if let Some(failed) = metadata.topics.iter().find(|one| !one.error_code.is_none()) {
                    return Err(refused(topic, failed.error_code));
                }
                let found = self.leaders.get(topic).and_then(|leaders| leaders.get(&partition)).cloned();
                found.ok_or_else(|| refused(topic, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?
            }
        };
        self.call_at(&leader, most, request)
    }

    /// Asks the broker at an address.
    pub(crate) fn call_at<R: Request>(
        &mut self,
        address: &str,
        most: i16,
        request: &R,
    ) -> Result<R::Response, Problem> {
        let connection = match self.others.entry(address.to_owned()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => match self.way.open(address) {
                Ok(connection) => place.insert(connection),
                Err(Failure::Refused(problem)) => return Err(problem),
                Err(Failure::Lost(error)) => return Err(leads_nowhere(&self.bootstrap, address, &error)),
            },
        };
        connection.call(most, request).map_err(|failure| {
            self.others.remove(address);
            self.lost(failure)
        })
    }

    /// Asks the broker that was found first.
    pub(crate) fn call_seed<R: Request>(&mut self, most: i16, request: &R) -> Result<R::Response, Problem> {
        self.seed.call(most, request).map_err(|failure| self.lost(failure))
    }

    fn lost(&self, failure: Failure) -> Problem {
        let error = match failure {
            Failure::Refused(problem) => return problem,
            Failure::Lost(error) => error,
        };
        Problem::environment(
            "BROKER_LOST",
            format!("the Kafka broker at {} does not answer any more: {error}", self.bootstrap),
            "Look whether it runs, then try again.",
        )
    }
}

/// A broker that another one names, and that is not there.
fn leads_nowhere(bootstrap: &str, address: &str, error: &io::Error) -> Problem {
    let remedy = match alias(address) {
        Some(alias) => format!("Say where that name of a container network is from here: {alias}"),
        None => "Correct advertised.listeners of that broker: it must be an address that clients reach.".to_owned(),
    };
    let cause = format!("the Kafka broker at {bootstrap} names {address}, where none answers: {error}");
    Problem::environment("BROKER_UNREACHABLE", cause, remedy)
}

/// The flag for a host's name without a dot: most of the time it is one of a container network.
fn alias(address: &str) -> Option<String> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "9092"));
    let bare = !host.is_empty() && host != "localhost" && !host.contains(['.', ':', '[']);
    bare.then(|| format!("--alias {host}=127.0.0.1:{port}"))
}

/// Where to look when a broker refuses.
const LOOK: &str = "List the topics with `tailwater topics --bootstrap HOST:PORT`.";

/// What a broker says of a topic, as a problem.
pub(crate) fn refused(topic: &str, code: ErrorCode) -> Problem {
    match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            Problem::config("TOPIC_UNKNOWN", format!("there is no topic '{topic}', or no such partition of it"), LOOK)
        }
        ErrorCode::TOPIC_AUTHORIZATION_FAILED => Problem::stop(
            code.name(),
            format!("the user may not do that with '{topic}': {}", code.name()),
            "Ask for the right; on Tailwater: tailwater users grant NAME read|write PREFIX",
        ),
        code => Problem::stop(code.name(), format!("the broker refuses '{topic}': {}", code.name()), LOOK),
    }
}

/// A host as it stands in front of a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_another_names_and_nobody_reaches_is_named_with_what_would_help() {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        let problem = leads_nowhere("127.0.0.1:9092", "kafka:29092", &error);
        assert!(problem.cause.contains("127.0.0.1:9092 names kafka:29092"), "{problem}");
        assert!(problem.remedy.ends_with("--alias kafka=127.0.0.1:29092"), "{problem}");
        for address in ["broker.example.com:9092", "10.0.0.1:9092", "[::1]:9092", "localhost:9092"] {
            assert!(leads_nowhere("x:1", address, &error).remedy.contains("advertised.listeners"), "{address}");
        }
    }
}
