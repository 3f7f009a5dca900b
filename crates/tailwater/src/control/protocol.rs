//! What is said on the control socket.
//!
//! A request is one line of JSON. A reply is one line of JSON, followed by the bytes that its lengths announce: per
//! record key, value and header values in this order, null ones left out.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tailwater_connector::transport::{PartitionInfo, TopicInfo};
use tailwater_connector::{Header, Origin, PlanId, Problem, Record};
use tailwater_kafka::security::users::{UserInfo, UserRequest};

use crate::limits::CONTROL_BLOB_BYTES;

/// What a client asks: the methods of [`TopicReader`](tailwater_connector::TopicReader), and changes of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// All topics.
    Topics,
    /// Records of one partition.
    Read {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// First offset.
        offset: i64,
        /// About how many bytes.
        max_bytes: usize,
    },
    /// The first offset at or after a time.
    OffsetAt {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Milliseconds since 1970.
        timestamp_ms: i64,
    },
    /// A plan's descriptor.
    Plan {
        /// Its id.
        id: u32,
    },
    /// Waits for news.
    Wait {
        /// The value seen before.
        seen: u64,
        /// How long, in milliseconds.
        timeout_ms: u64,
    },
    /// Kafka's protocol on this connection from now on.
    Kafka,
    /// Connect's REST, which is HTTP, on this connection from now on.
    Connect,
    /// Something with the users of the Kafka listener.
    Users {
        /// What.
        request: UserRequest,
    },
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Topics`].
    Topics(Vec<TopicForm>),
    /// To [`Request::Read`]; the bytes follow.
    Records(Vec<RecordHead>),
    /// To [`Request::OffsetAt`].
    Offset(i64),
    /// To [`Request::Plan`]: the length of the descriptor, which follows.
    Plan(Option<u32>),
    /// To [`Request::Wait`].
    Changed(u64),
    /// To [`Request::Kafka`]: what follows is Kafka's protocol, both ways.
    Kafka,
    /// To [`Request::Connect`]: what follows is HTTP.
    Connect,
    /// To [`Request::Users`].
    Users(Vec<UserInfo>),
    /// The request could not be done.
    Problem(Problem),
}

/// A [`TopicInfo`]: name, and per partition log start, high watermark, bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicForm {
    name: String,
    partitions: Vec<(i64, i64, u64)>,
    #[serde(default)]
    change: bool,
}

/// A [`Record`] without its bytes; lengths stand in their place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHead {
    offset: i64,
    timestamp_ms: i64,
    key: Option<u32>,
    value: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, Option<u32>)>,
    plan: Option<u32>,
    /// Era, commit end, commit time, transaction id.
    origin: Option<(u32, u64, i64, u32)>,
    ordinal: u64,
}

impl From<&TopicInfo> for TopicForm {
    fn from(topic: &TopicInfo) -> Self {
        let partitions = topic.partitions.iter().map(|p| (p.log_start, p.high_watermark, p.bytes)).collect();
        TopicForm { name: topic.name.clone(), partitions, change: topic.change }
    }
}

impl From<TopicForm> for TopicInfo {
    fn from(form: TopicForm) -> Self {
        let partition = |(log_start, high_watermark, bytes)| PartitionInfo { log_start, high_watermark, bytes };
        let partitions = form.partitions.into_iter().map(partition).collect();
        TopicInfo { name: form.name, partitions, change: form.change }
    }
}

/// Writes one message line.
pub fn write_line<T: Serialize>(out: &mut impl Write, message: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.write_all(b"\n")
}

/// Reads one message line of at most `limit` bytes; `None` at the end of the stream.
pub fn read_line<T: DeserializeOwned>(input: &mut impl BufRead, limit: u64) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(invalid("a message was cut short or is too long"));
    }
    serde_json::from_slice(&line).map(Some).map_err(|e| invalid(&e.to_string()))
}

/// Writes the reply to a read: heads, then bytes.
pub fn write_records(out: &mut impl Write, records: &[Record]) -> io::Result<()> {
    let heads = records.iter().map(head).collect::<io::Result<Vec<_>>>()?;
    write_line(out, &Reply::Records(heads))?;
    for record in records {
        let values = record.headers.iter().map(|h| &h.value);
        for part in [&record.key, &record.value].into_iter().chain(values).flatten() {
            out.write_all(part)?;
        }
    }
    Ok(())
}

/// Reads the bytes that belong to a record's head.
pub fn read_record(input: &mut impl Read, head: RecordHead) -> io::Result<Record> {
    let key = read_part(input, head.key)?;
    let value = read_part(input, head.value)?;
    let mut headers = Vec::with_capacity(head.headers.len());
    for (name, length) in head.headers {
        headers.push(Header { name, value: read_part(input, length)? });
    }
    let origin = head
        .origin
        .map(|(era, commit_end, commit_time_us, xid)| Arc::new(Origin { era, commit_end, commit_time_us, xid }));
    let plan = head.plan.map(PlanId);
    Ok(Record {
        topic: None,
        offset: head.offset,
        timestamp_ms: head.timestamp_ms,
        key,
        value,
        headers,
        plan,
        origin,
        ordinal: head.ordinal,
    })
}

/// Reads bytes of an announced length.
pub fn read_part(input: &mut impl Read, length: Option<u32>) -> io::Result<Option<Bytes>> {
    let Some(length) = length else { return Ok(None) };
    if length > CONTROL_BLOB_BYTES {
        return Err(invalid("a value is too long"));
    }
    let mut bytes = Vec::new();
    input.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Bytes::from(bytes)))
}

fn head(record: &Record) -> io::Result<RecordHead> {
    let length = |part: &Option<Bytes>| part.as_ref().map(|b| u32::try_from(b.len())).transpose();
    let too_long = |_| invalid("a value is too long");
    let mut headers = Vec::with_capacity(record.headers.len());
    for header in &record.headers {
        headers.push((header.name.clone(), length(&header.value).map_err(too_long)?));
    }
    Ok(RecordHead {
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: length(&record.key).map_err(too_long)?,
        value: length(&record.value).map_err(too_long)?,
        headers,
        plan: record.plan.map(|p| p.0),
        origin: record.origin.as_ref().map(|o| (o.era, o.commit_end, o.commit_time_us, o.xid)),
        ordinal: record.ordinal,
    })
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            topic: None,
            offset: 7,
            timestamp_ms: 1_700_000_000_123,
            key: None,
            value: Some(Bytes::from_static(b"line one\nline two\0")),
            headers: vec![
                Header { name: "a\n".into(), value: Some(Bytes::new()) },
                Header { name: "b".into(), value: None },
            ],
            plan: Some(PlanId(3)),
            origin: Some(Arc::new(Origin { era: 1, commit_end: u64::MAX, commit_time_us: -1, xid: 9 })),
            ordinal: 2,
        }
    }

    #[test]
    fn records_arrive_as_they_left() {
        let sent = vec![record(), Record { value: None, origin: None, plan: None, ..record() }];
        let mut wire = Vec::new();
        write_records(&mut wire, &sent).unwrap();
        let mut input = wire.as_slice();
        let heads = match read_line(&mut input, 1 << 20).unwrap() {
            Some(Reply::Records(heads)) => heads,
            _ => Vec::new(),
        };
        let received: Vec<_> = heads.into_iter().map(|h| read_record(&mut input, h).unwrap()).collect();
        assert_eq!(received, sent);
        assert!(input.is_empty());
    }

    #[test]
    fn a_cut_or_endless_message_is_an_error_and_never_a_value() {
        let mut wire = Vec::new();
        write_records(&mut wire, &[record()]).unwrap();
        for cut in 1..wire.len() {
            let mut input = &wire[..cut];
            let Ok(Some(Reply::Records(heads))) = read_line(&mut input, 1 << 20) else { continue };
            assert!(heads.into_iter().any(|h| read_record(&mut input, h).is_err()), "cut at {cut}");
        }
        assert!(read_line::<Request>(&mut [b'x'; 100].as_slice(), 50).is_err());
    }
}
