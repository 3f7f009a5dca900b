//! Names that Kafka allows for topics, and the common one: `<topic.prefix>.<schema>.<table>`.

use crate::TableName;
use crate::debezium::push_unicode;

/// The topic of a table's changes. Characters Kafka does not allow become `_`.
pub fn table_topic(prefix: &str, table: &TableName) -> String {
    sanitize(&format!("{prefix}.{}.{}", table.schema, table.table))
}

/// Replaces every character outside `[A-Za-z0-9._-]` by `_`; one beyond the basic plane by two, as Debezium does.
pub fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            out.push(c);
        } else {
            out.extend(std::iter::repeat_n('_', c.len_utf16()));
        }
    }
    out
}

/// Replaces every character outside `[A-Za-z0-9.-]` by `_uXXXX`, so that different names stay different.
pub fn sanitize_unicode(name: &str) -> String {
    let mut out = String::with_capacity(name.len() * 2);
    for unit in name.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') => out.push(c),
            _ => push_unicode(unit, &mut out),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_kafka_refuses_become_underscores() {
        assert_eq!(table_topic("srv", &TableName::new("We ird", "Ta-ble $x")), "srv.We_ird.Ta-ble__x");
    }
}
