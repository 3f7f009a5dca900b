//! Names and values as SQL text. Everything that goes into a statement passes through here.

use tailwater_event::TableName;

pub use postgres_protocol::escape::{escape_identifier as ident, escape_literal as literal};

/// `"schema"."table"`.
pub fn table(name: &TableName) -> String {
    format!("{}.{}", ident(&name.schema), ident(&name.table))
}

/// Several tables, comma-separated.
pub fn tables<'a>(names: impl IntoIterator<Item = &'a TableName>) -> String {
    names.into_iter().map(table).collect::<Vec<_>>().join(", ")
}

/// Numbers, comma-separated; `0` when there are none, so that `IN (…)` stays valid.
pub fn numbers(values: impl IntoIterator<Item = u32>) -> String {
    let list: Vec<_> = values.into_iter().map(|v| v.to_string()).collect();
    if list.is_empty() { "0".to_owned() } else { list.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_names_cannot_end_them() {
        let odd = TableName::new("We \"ird", "t;--");
        assert_eq!(tables([&odd, &TableName::new("a", "b")]), r#""We ""ird"."t;--", "a"."b""#);
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        assert_eq!(numbers([]), "0");
        assert_eq!(numbers([7, 8]), "7,8");
    }
}
