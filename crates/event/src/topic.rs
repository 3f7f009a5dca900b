//! Topic names: `<topic.prefix>.<schema>.<table>`, as Debezium's SchemaTopicNamingStrategy makes them.

use crate::TableName;

/// The topic of a table's changes. Characters Kafka does not allow become `_`.
pub fn table_topic(prefix: &str, table: &TableName) -> String {
    sanitize(&format!("{prefix}.{}.{}", table.schema, table.table))
}

/// Replaces every character outside `[A-Za-z0-9._-]` by `_`.
pub fn sanitize(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_kafka_refuses_become_underscores() {
        assert_eq!(table_topic("srv", &TableName::new("We ird", "Ta-ble $x")), "srv.We_ird.Ta-ble__x");
    }
}
