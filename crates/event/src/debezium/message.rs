//! Logical messages (`pg_logical_emit_message`): their schema and their value.

use super::options::EncodeOptions;
use super::schema_block::{SOURCE_SCHEMA, TRANSACTION_SCHEMA};
use super::source_block::{self, SNAPSHOT_DEFAULT, push_last_commit, push_lsn, push_or_null, push_xid};
use super::value::json::push_str;
use super::value::number::push_i64;
use super::value::push_binary;
use super::{BinaryMode, TransactionPlace};

/// A message and where it stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct LogicalMessage<'a> {
    /// Its prefix.
    pub prefix: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
    /// `source.ts_*`: commit time of its transaction, or of the last one before; microseconds since 1970.
    pub source_time_us: i64,
    /// First part of `source.sequence`.
    pub last_commit: Option<u64>,
    /// End of the message's record: `source.lsn` and the second part of `source.sequence`.
    pub lsn: u64,
    /// `source.txId`; none when the message is not part of a transaction.
    pub xid: Option<u32>,
    /// `source.xmin`.
    pub xmin: Option<i64>,
    /// `source.origin` and `origin_lsn`.
    pub origin: Option<(&'a str, u64)>,
    /// Its place in a transaction whose boundaries are written, too.
    pub transaction: Option<TransactionPlace>,
    /// The connector's clock, milliseconds since 1970.
    pub now_ms: i64,
}

/// Schema of the key.
pub(super) const KEY_SCHEMA: &str = concat!(
    r#"{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"}],"optional":false,"#,
    r#""name":"io.debezium.connector.postgresql.MessageKey","version":1}"#
);

/// Schema of the value; the content's type follows `binary.handling.mode`.
pub(super) fn value_schema(binary: BinaryMode) -> String {
    let content = if binary == BinaryMode::Bytes { "bytes" } else { "string" };
    format!(
        concat!(
            r#"{{"type":"struct","fields":[{{"type":"string","optional":false,"field":"op"}},"#,
            r#"{{"type":"int64","optional":true,"field":"ts_ms"}},{},{},"#,
            r#"{{"type":"struct","fields":[{{"type":"string","optional":true,"field":"prefix"}},"#,
            r#"{{"type":"{}","optional":true,"field":"content"}}],"optional":false,"#,
            r#""name":"io.debezium.connector.postgresql.Message","version":1,"field":"message"}}],"optional":false,"#,
            r#""name":"io.debezium.connector.postgresql.MessageValue","version":1}}"#
        ),
        SOURCE_SCHEMA, TRANSACTION_SCHEMA, content
    )
}

impl LogicalMessage<'_> {
    /// Appends the value.
    pub(super) fn push(&self, options: &EncodeOptions, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"op\":\"m\",\"ts_ms\":");
        push_i64(self.now_ms, out);
        out.push(b',');
        out.extend(source_block::head(&options.version, &options.prefix));
        push_i64(self.source_time_us.div_euclid(1000), out);
        out.extend(source_block::snapshot_to_sequence(SNAPSHOT_DEFAULT, options));
        push_last_commit(self.last_commit, out);
        out.extend_from_slice(b",\\\"");
        push_lsn(self.lsn, out);
        out.extend_from_slice(b"\\\"]\",\"ts_us\":");
        push_i64(self.source_time_us, out);
        out.extend_from_slice(b",\"ts_ns\":");
        push_i64(self.source_time_us.saturating_mul(1000), out);
        out.extend(source_block::table_to_xid("", ""));
        push_xid(self.xid, out);
        out.extend_from_slice(b",\"lsn\":");
        push_lsn(self.lsn, out);
        out.extend_from_slice(b",\"xmin\":");
        push_or_null(self.xmin, push_i64, out);
        let (origin, origin_lsn) = self.origin.unzip();
        out.extend_from_slice(b",\"origin\":");
        push_or_null(origin, push_str, out);
        out.extend_from_slice(b",\"origin_lsn\":");
        push_or_null(origin_lsn, push_lsn, out);
        out.extend_from_slice(b"},\"transaction\":");
        match self.transaction {
            Some(place) => {
                out.extend_from_slice(b"{\"id\":\"");
                push_id(self.xid, self.lsn, out);
                out.extend_from_slice(b"\",\"total_order\":");
                push_lsn(place.total_order, out);
                out.extend_from_slice(b",\"data_collection_order\":");
                push_lsn(place.collection_order, out);
                out.push(b'}');
            }
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"message\":{\"prefix\":");
        push_str(self.prefix, out);
        out.extend_from_slice(b",\"content\":");
        push_binary(self.content, options.binary, out);
        out.extend_from_slice(b"}}");
    }
}

/// A transaction's id at a position: each record of it has its own.
pub(super) fn push_id(xid: Option<u32>, lsn: u64, out: &mut Vec<u8>) {
    push_i64(i64::from(xid.unwrap_or_default()), out);
    out.push(b':');
    push_lsn(lsn, out);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::debezium) const MESSAGE: LogicalMessage<'static> = LogicalMessage {
        prefix: "p\"x",
        content: b"\xde\xad",
        source_time_us: 1_234_567,
        last_commit: Some(7),
        lsn: 9,
        xid: Some(3),
        xmin: None,
        origin: None,
        transaction: Some(TransactionPlace { total_order: 2, collection_order: 1 }),
        now_ms: 5,
    };

    #[test]
    fn content_follows_the_binary_mode() {
        for (binary, content) in [
            (BinaryMode::Bytes, "3q0="),
            (BinaryMode::Base64, "3q0="),
            (BinaryMode::Base64UrlSafe, "3q0="),
            (BinaryMode::Hex, "dead"),
        ] {
            let mut out = Vec::new();
            MESSAGE.push(&EncodeOptions { binary, ..EncodeOptions::default() }, &mut out);
            let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(json["message"]["content"], content);
            assert_eq!(json["message"]["prefix"], "p\"x");
            assert_eq!(json["transaction"]["id"], "3:9");
            assert_eq!(json["source"]["sequence"], "[\"7\",\"9\"]");
        }
    }
}
