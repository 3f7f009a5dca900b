//! Records of fixed schemas beside the events of tables: transaction boundaries, heartbeats, notifications and logical
//! messages, as Debezium 3.6 writes them. They carry no context headers.
//!
//! A plan holds the schema blocks; what varies is written as one JSON text per key and value.

use crate::{FragmentId, Fragments, RecordWriter, SlotId};

use super::message;
use super::options::EncodeOptions;
use super::value::json::push_str;
use super::value::number::push_i64;

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedKind {
    /// BEGIN and END of a transaction (`provide.transaction.metadata`).
    Transaction,
    /// A sign of life (`heartbeat.interval.ms`).
    Heartbeat,
    /// What a snapshot does (`notification.enabled.channels`).
    Notification,
    /// A message of `pg_logical_emit_message`.
    Message,
}

/// The plan of one kind of record.
#[derive(Clone, Debug)]
pub struct FixedPlan {
    kind: FixedKind,
    fragments: Fragments,
    key_schema: bool,
    value_schema: bool,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What a transaction's END tells.
#[derive(Clone, Copy, Debug)]
pub struct TransactionCounts<'a> {
    /// Events of the transaction.
    pub events: u64,
    /// The same by table, as `schema.table`.
    pub collections: &'a [(String, u64)],
}

/// A notification.
#[derive(Clone, Copy, Debug)]
pub struct NotificationRecord<'a> {
    /// Also the key.
    pub id: &'a str,
    /// What is notified about, such as `Initial Snapshot`.
    pub aggregate_type: &'a str,
    /// What happened, such as `STARTED`.
    pub kind: &'a str,
    /// Details, by name.
    pub additional_data: &'a [(&'a str, &'a str)],
}

const KEY: FragmentId = FragmentId(0);
const VALUE: FragmentId = FragmentId(1);
const CLOSE: FragmentId = FragmentId(2);
const KEY_SLOT: SlotId = SlotId(0);
const VALUE_SLOT: SlotId = SlotId(1);

impl FixedKind {
    /// The kind's name in a descriptor.
    fn name(self) -> &'static str {
        match self {
            FixedKind::Transaction => "transaction",
            FixedKind::Heartbeat => "heartbeat",
            FixedKind::Notification => "notification",
            FixedKind::Message => "message",
        }
    }
}

/// Whether a descriptor is that of a [`FixedPlan`]: its records are no changes of rows.
pub fn is_fixed(descriptor: &[u8]) -> bool {
    descriptor.starts_with(DESCRIPTOR.as_bytes())
}

const DESCRIPTOR: &str = "{\"fixed\":";

impl FixedPlan {
    /// Compiles a plan.
    pub fn compile(kind: FixedKind, options: &EncodeOptions) -> FixedPlan {
        let (key, value) = match kind {
            FixedKind::Transaction => (TRANSACTION_KEY.to_owned(), TRANSACTION_VALUE.to_owned()),
            FixedKind::Heartbeat => (HEARTBEAT_KEY.to_owned(), HEARTBEAT_VALUE.to_owned()),
            FixedKind::Notification => (NOTIFICATION_KEY.to_owned(), NOTIFICATION_VALUE.to_owned()),
            FixedKind::Message => (message::KEY_SCHEMA.to_owned(), message::value_schema(options.binary)),
        };
        let open = |schema: String| format!("{{\"schema\":{schema},\"payload\":").into_bytes();
        FixedPlan {
            kind,
            fragments: Fragments::new(vec![open(key), open(value), b"}".to_vec()]),
            key_schema: options.key_schemas,
            value_schema: options.value_schemas,
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// The repeating bytes, for [`RecordWriter::prepare`].
    pub fn fragments(&self) -> &Fragments {
        &self.fragments
    }

    /// Says to readers what the records are; see [`is_fixed`].
    pub fn descriptor(&self) -> Vec<u8> {
        format!("{DESCRIPTOR}\"{}\",\"version\":1}}", self.kind.name()).into_bytes()
    }

    /// A heartbeat of a server (`topic.prefix`).
    pub fn heartbeat(&mut self, server: &str, now_ms: i64, writer: &mut dyn RecordWriter) {
        self.text_key("serverName", server);
        self.value.clear();
        self.value.extend_from_slice(b"{\"ts_ms\":");
        push_i64(now_ms, &mut self.value);
        self.value.push(b'}');
        self.write(now_ms, writer);
    }

    /// A transaction's BEGIN, or with counts its END.
    pub fn boundary(
        &mut self,
        id: &str,
        end: Option<TransactionCounts<'_>>,
        now_ms: i64,
        writer: &mut dyn RecordWriter,
    ) {
        self.text_key("id", id);
        let out = &mut self.value;
        out.clear();
        out.extend_from_slice(b"{\"status\":");
        push_str(if end.is_some() { "END" } else { "BEGIN" }, out);
        out.extend_from_slice(b",\"id\":");
        push_str(id, out);
        match end {
            None => out.extend_from_slice(b",\"event_count\":null,\"data_collections\":null"),
            Some(counts) => {
                out.extend_from_slice(b",\"event_count\":");
                push_count(counts.events, out);
                out.extend_from_slice(b",\"data_collections\":[");
                for (at, (name, events)) in counts.collections.iter().enumerate() {
                    out.extend_from_slice(if at == 0 { b"" } else { b"," });
                    out.extend_from_slice(b"{\"data_collection\":");
                    push_str(name, out);
                    out.extend_from_slice(b",\"event_count\":");
                    push_count(*events, out);
                    out.push(b'}');
                }
                out.push(b']');
            }
        }
        out.extend_from_slice(b",\"ts_ms\":");
        push_i64(now_ms, out);
        out.push(b'}');
        self.write(now_ms, writer);
    }

    /// A notification.
    pub fn notification(&mut self, notification: &NotificationRecord<'_>, now_ms: i64, writer: &mut dyn RecordWriter) {
        self.text_key("id", notification.id);
        let out = &mut self.value;
        out.clear();
        out.extend_from_slice(b"{\"id\":");
        push_str(notification.id, out);
        out.extend_from_slice(b",\"type\":");
        push_str(notification.kind, out);
        out.extend_from_slice(b",\"aggregate_type\":");
        push_str(notification.aggregate_type, out);
        out.extend_from_slice(b",\"additional_data\":{");
        for (at, (name, value)) in notification.additional_data.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"" } else { b"," });
            push_str(name, out);
            out.push(b':');
            push_str(value, out);
        }
        out.extend_from_slice(b"},\"timestamp\":");
        push_i64(now_ms, out);
        out.push(b'}');
        self.write(now_ms, writer);
    }

    /// A logical message.
    pub fn message(
        &mut self,
        message: &message::LogicalMessage<'_>,
        options: &EncodeOptions,
        writer: &mut dyn RecordWriter,
    ) {
        self.text_key("prefix", message.prefix);
        self.value.clear();
        message.push(options, &mut self.value);
        self.write(message.now_ms, writer);
    }

    /// `{"name":"text"}`.
    fn text_key(&mut self, name: &str, text: &str) {
        self.key.clear();
        self.key.push(b'{');
        push_str(name, &mut self.key);
        self.key.push(b':');
        push_str(text, &mut self.key);
        self.key.push(b'}');
    }

    fn write(&mut self, now_ms: i64, writer: &mut dyn RecordWriter) {
        writer.begin(now_ms);
        writer.key();
        piece(self.key_schema.then_some(KEY), KEY_SLOT, &self.key, writer);
        writer.value();
        piece(self.value_schema.then_some(VALUE), VALUE_SLOT, &self.value, writer);
        writer.end();
    }
}

fn piece(schema: Option<FragmentId>, slot: SlotId, json: &[u8], writer: &mut dyn RecordWriter) {
    if let Some(schema) = schema {
        writer.fragment(schema);
    }
    writer.literal(slot, json);
    if schema.is_some() {
        writer.fragment(CLOSE);
    }
}

fn push_count(count: u64, out: &mut Vec<u8>) {
    push_i64(i64::try_from(count).unwrap_or(i64::MAX), out);
}

const TRANSACTION_KEY: &str = concat!(
    r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.TransactionMetadataKey","version":1}"#
);
const TRANSACTION_VALUE: &str = concat!(
    r#"{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"status"},"#,
    r#"{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"int64","optional":true,"field":"event_count"},"#,
    r#"{"type":"array","items":{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"data_collection"},"#,
    r#"{"type":"int64","optional":false,"field":"event_count"}],"#,
    r#""optional":true,"name":"event.collection","version":1},"optional":true,"field":"data_collections"},"#,
    r#"{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.TransactionMetadataValue","version":1}"#
);
const HEARTBEAT_KEY: &str = concat!(
    r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.ServerNameKey","version":1}"#
);
const HEARTBEAT_VALUE: &str = concat!(
    r#"{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.Heartbeat","version":1}"#
);
const NOTIFICATION_KEY: &str = concat!(
    r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.NotificationKey","version":1}"#
);
const NOTIFICATION_VALUE: &str = concat!(
    r#"{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"string","optional":false,"field":"type"},"#,
    r#"{"type":"string","optional":false,"field":"aggregate_type"},"#,
    r#"{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"string","optional":false},"#,
    r#""optional":true,"field":"additional_data"},"#,
    r#"{"type":"int64","optional":false,"field":"timestamp"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.Notification","version":1}"#
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and value as text.
    #[derive(Default)]
    struct Texts {
        fragments: Fragments,
        parts: [String; 2],
        at: usize,
    }

    impl RecordWriter for Texts {
        fn prepare(&mut self, fragments: &Fragments) {
            self.fragments = fragments.clone();
        }
        fn begin(&mut self, _: i64) {
            self.parts = [String::new(), String::new()];
        }
        fn key(&mut self) {
            self.at = 0;
        }
        fn value(&mut self) {
            self.at = 1;
        }
        fn header(&mut self, _: &str) {}
        fn null_header(&mut self, _: &str) {}
        fn fragment(&mut self, id: FragmentId) {
            self.parts[self.at] += std::str::from_utf8(self.fragments.get(id)).unwrap();
        }
        fn literal(&mut self, _: SlotId, bytes: &[u8]) {
            self.parts[self.at] += std::str::from_utf8(bytes).unwrap();
        }
        fn end(&mut self) {}
    }

    fn options(schemas: bool) -> EncodeOptions {
        EncodeOptions { key_schemas: schemas, value_schemas: schemas, ..EncodeOptions::default() }
    }

    #[test]
    fn boundaries_have_the_form_of_the_recorded_ones() {
        let mut plan = FixedPlan::compile(FixedKind::Transaction, &options(false));
        let mut texts = Texts::default();
        texts.prepare(plan.fragments());
        plan.boundary("7:9", None, 5, &mut texts);
        assert_eq!(texts.parts[0], r#"{"id":"7:9"}"#);
        assert_eq!(
            texts.parts[1],
            r#"{"status":"BEGIN","id":"7:9","event_count":null,"data_collections":null,"ts_ms":5}"#
        );
        let collections = [("public.a".to_owned(), 2), ("public.\"b".to_owned(), 1)];
        plan.boundary("7:10", Some(TransactionCounts { events: 3, collections: &collections }), 6, &mut texts);
        assert_eq!(
            texts.parts[1],
            r#"{"status":"END","id":"7:10","event_count":3,"data_collections":[{"data_collection":"public.a","event_count":2},{"data_collection":"public.\"b","event_count":1}],"ts_ms":6}"#
        );
    }

    #[test]
    fn every_schema_block_is_json_and_names_every_field_of_its_payload() {
        let data = [("connector_name", "srv")];
        for kind in [FixedKind::Transaction, FixedKind::Heartbeat, FixedKind::Notification, FixedKind::Message] {
            let mut plan = FixedPlan::compile(kind, &options(true));
            let mut texts = Texts::default();
            texts.prepare(plan.fragments());
            match kind {
                FixedKind::Transaction => plan.boundary("1:2", None, 3, &mut texts),
                FixedKind::Heartbeat => plan.heartbeat("srv", 3, &mut texts),
                FixedKind::Notification => {
                    let n = NotificationRecord {
                        id: "i",
                        aggregate_type: "Initial Snapshot",
                        kind: "STARTED",
                        additional_data: &data,
                    };
                    plan.notification(&n, 3, &mut texts);
                }
                FixedKind::Message => plan.message(&message::tests::MESSAGE, &options(true), &mut texts),
            }
            for part in &texts.parts {
                let json: serde_json::Value = serde_json::from_str(part).unwrap();
                let fields: Vec<_> =
                    json["schema"]["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
                let members: Vec<_> = json["payload"].as_object().unwrap().keys().map(String::as_str).collect();
                let (mut sorted, mut named) = (fields.clone(), members);
                sorted.sort_unstable();
                named.sort_unstable();
                assert_eq!(sorted, named, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_descriptor_tells_these_records_from_those_of_tables() {
        assert!(is_fixed(&FixedPlan::compile(FixedKind::Heartbeat, &options(true)).descriptor()));
        assert!(!is_fixed(b"{\"version\":1,\"topic\":\"t\"}"));
    }
}
