//! The record that a source is writing, until it is read back.

use std::sync::Arc;

use tailwater_event::FragmentId;
use tailwater_event::connect::json::JsonError;
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Typed};

use super::plans::{Opening, Plan};
use crate::limits::{KEPT_HEADERS, KEPT_RECORD_BYTES};

/// The source's record under work.
#[derive(Default)]
pub(super) struct Draft {
    /// The source's number for the topic.
    pub(super) topic: usize,
    /// The partition, where the source chooses it.
    pub(super) partition: Option<i32>,
    /// Milliseconds since 1970.
    pub(super) timestamp_ms: i64,
    part: Part,
    key: Field,
    value: Field,
    headers: Vec<(Arc<str>, Field)>,
    /// How many of the headers are this record's.
    used: usize,
}

/// A key, value or header whose buffer is used again.
#[derive(Default)]
struct Field {
    there: bool,
    /// The plan's fragment that it begins with, of which `bytes` has only the beginning of the payload.
    opening: Option<FragmentId>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    None,
    Key,
    Value,
    Header,
}

impl Draft {
    /// Starts a record.
    pub(super) fn begin(&mut self, timestamp_ms: i64) {
        self.timestamp_ms = timestamp_ms;
        self.part = Part::None;
        self.key.clear();
        self.value.clear();
        self.headers.truncate(KEPT_HEADERS);
        self.used = 0;
    }

    /// The pieces that follow belong to the value of this header, if it has one.
    pub(super) fn header(&mut self, name: &str, there: bool) {
        self.part = if there { Part::Header } else { Part::None };
        match self.headers.get_mut(self.used) {
            Some((known, value)) => {
                if **known != *name {
                    *known = name.into();
                }
                value.clear();
                value.there = there;
            }
            None => self.headers.push((name.into(), Field { there, ..Field::default() })),
        }
        self.used += 1;
    }

    /// The pieces that follow belong to the key.
    pub(super) fn key(&mut self) {
        self.part = Part::Key;
        self.key.there = true;
    }

    /// The pieces that follow belong to the value.
    pub(super) fn value(&mut self) {
        self.part = Part::Value;
        self.value.there = true;
    }

    /// A fragment of its plan. Of one that opens an envelope only the payload's beginning is kept.
    pub(super) fn fragment(&mut self, id: FragmentId, plan: &Plan) {
        let Some(field) = self.field() else { return };
        let mut bytes = plan.fragments.get(id);
        if field.bytes.is_empty()
            && let Some(opening) = plan.opening(id)
        {
            field.opening = Some(id);
            bytes = bytes.get(opening.payload..).unwrap_or_default();
        }
        field.bytes.extend_from_slice(bytes);
    }

    /// Bytes that vary.
    pub(super) fn literal(&mut self, bytes: &[u8]) {
        if let Some(field) = self.field() {
            field.bytes.extend_from_slice(bytes);
        }
    }

    /// The record that was written, on its way to `topic`.
    pub(super) fn read(&self, topic: Arc<str>, plan: &mut Plan) -> Result<ConnectRecord, JsonError> {
        let headers = self.headers.iter().take(self.used);
        let mut header = |(name, value): &(Arc<str>, Field)| {
            Ok::<_, JsonError>(ConnectHeader { name: name.clone(), value: value.read(plan, false)? })
        };
        Ok(ConnectRecord {
            topic,
            partition: self.partition,
            offset: None,
            timestamp_ms: None,
            headers: headers.map(&mut header).collect::<Result<_, _>>()?,
            key: self.key.read(plan, false)?,
            value: self.value.read(plan, true)?,
        })
    }

    /// The part whose pieces come.
    fn field(&mut self) -> Option<&mut Field> {
        match self.part {
            Part::None => None,
            Part::Key => Some(&mut self.key),
            Part::Value => Some(&mut self.value),
            Part::Header => self.headers.get_mut(self.used.checked_sub(1)?).map(|(_, value)| value),
        }
    }
}

impl Field {
    fn clear(&mut self) {
        self.there = false;
        self.opening = None;
        empty(&mut self.bytes);
    }

    /// Without the fields that need not be read, where it is a value.
    fn read(&self, plan: &mut Plan, is_value: bool) -> Result<Typed, JsonError> {
        match self.opening.and_then(|id| plan.opening(id)) {
            Some(Opening { schema, skip, .. }) => {
                let skip = if is_value { skip.as_slice() } else { &[] };
                plan.reader.read_opened(schema.as_ref(), &self.bytes, skip)
            }
            None => plan.reader.read(self.there.then_some(&self.bytes)),
        }
    }
}

/// Empties a buffer that is used again, unless it has become too large for that.
pub(super) fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_RECORD_BYTES {
        *buffer = Vec::new();
    }
    buffer.clear();
}
