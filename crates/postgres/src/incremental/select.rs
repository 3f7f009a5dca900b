//! The statements that read a table chunk by chunk, in the order of some columns.
//!
//! The order is ascending with NULLs last, as the server's own, so that an index serves it. Where a column may be NULL
//! (a unique index, a surrogate key) comparisons spell that out: `>` alone would leave such rows out.

use crate::sql;

/// A row's values in the columns of an [`Order`].
pub(super) type Key = Vec<Option<String>>;

/// The columns that order a table's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Name, and whether it may be NULL.
    pub columns: Vec<(String, bool)>,
    /// Whether several rows may be equal in them: then a chunk ends after the last of them.
    pub ties: bool,
}

/// What narrows a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds<'a> {
    pub after: Option<&'a Key>,
    pub up_to: Option<&'a Key>,
    pub filter: Option<&'a str>,
}

impl Order {
    /// The columns, comma-separated.
    pub fn list(&self) -> String {
        self.columns.iter().map(|(name, _)| sql::ident(name)).collect::<Vec<_>>().join(", ")
    }

    /// The greatest key.
    pub fn max(&self, from: &str, filter: Option<&str>) -> String {
        let order: Vec<_> = self.columns.iter().map(|(name, _)| format!("{} DESC", sql::ident(name))).collect();
        let clause = where_clause(filter.map(|filter| format!("({filter})")).into_iter());
        format!("SELECT {} FROM {from}{clause} ORDER BY {} LIMIT 1", self.list(), order.join(", "))
    }

    /// A chunk of about `rows` rows.
    pub fn chunk(&self, columns: &str, from: &str, bounds: Bounds<'_>, rows: usize) -> String {
        let conditions = [
            bounds.after.map(|key| self.after(key)),
            bounds.up_to.map(|key| self.up_to(key)),
            bounds.filter.map(|filter| format!("({filter})")),
        ];
        let clause = where_clause(conditions.into_iter().flatten());
        let limit = if self.ties { format!("FETCH FIRST {rows} ROWS WITH TIES") } else { format!("LIMIT {rows}") };
        format!("SELECT {columns} FROM {from}{clause} ORDER BY {} {limit}", self.list())
    }

    fn after(&self, key: &Key) -> String {
        self.compare(key, ">", |name, value, nullable| match value {
            None => "false".to_owned(),
            Some(value) if nullable => format!("({name} > {value} OR {name} IS NULL)"),
            Some(value) => format!("{name} > {value}"),
        })
    }

    fn up_to(&self, key: &Key) -> String {
        let before = self.compare(key, "<=", |name, value, _| match value {
            None => format!("{name} IS NOT NULL"),
            Some(value) => format!("{name} < {value}"),
        });
        if self.nullable() { format!("({before} OR ({}))", self.equal(key, self.columns.len())) } else { before }
    }

    /// Rows are compared as a whole where no column can be NULL, which an index serves best; else column by column.
    fn compare(&self, key: &Key, operator: &str, differs: impl Fn(&str, Option<&str>, bool) -> String) -> String {
        if !self.nullable() {
            let values: Vec<_> = key.iter().map(|v| sql::literal(v.as_deref().unwrap_or_default())).collect();
            return match self.columns.len() {
                1 => format!("{} {operator} {}", self.list(), values.join(", ")),
                _ => format!("({}) {operator} ({})", self.list(), values.join(", ")),
            };
        }
        let alternatives: Vec<_> = self
            .columns
            .iter()
            .zip(key)
            .enumerate()
            .map(|(at, ((name, nullable), value))| {
                let value = value.as_deref().map(sql::literal);
                let differs = differs(&sql::ident(name), value.as_deref(), *nullable);
                if at == 0 { differs } else { format!("({} AND {differs})", self.equal(key, at)) }
            })
            .collect();
        format!("({})", alternatives.join(" OR "))
    }

    /// The first `count` columns have the key's values.
    fn equal(&self, key: &Key, count: usize) -> String {
        let equal = |((name, _), value): (&(String, bool), &Option<String>)| match value {
            None => format!("{} IS NULL", sql::ident(name)),
            Some(value) => format!("{} = {}", sql::ident(name), sql::literal(value)),
        };
        self.columns.iter().zip(key).take(count).map(equal).collect::<Vec<_>>().join(" AND ")
    }

    fn nullable(&self) -> bool {
        self.columns.iter().any(|(_, nullable)| *nullable)
    }
}

/// Some rows by their identity.
pub(super) fn rows(
    columns: &str,
    from: &str,
    identity: &[String],
    keys: &[Vec<String>],
    filter: Option<&str>,
) -> String {
    let names: Vec<_> = identity.iter().map(|name| sql::ident(name)).collect();
    let keys: Vec<_> = keys
        .iter()
        .map(|key| format!("({})", key.iter().map(|v| sql::literal(v)).collect::<Vec<_>>().join(", ")))
        .collect();
    let wanted = format!("({}) IN ({})", names.join(", "), keys.join(", "));
    let clause = where_clause([Some(wanted), filter.map(|filter| format!("({filter})"))].into_iter().flatten());
    format!("SELECT {columns} FROM {from}{clause}")
}

fn where_clause(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<_> = conditions.collect();
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(columns: &[(&str, bool)], ties: bool) -> Order {
        Order { columns: columns.iter().map(|(name, nullable)| (name.to_string(), *nullable)).collect(), ties }
    }

    fn key(values: &[Option<&str>]) -> Key {
        values.iter().map(|v| v.map(str::to_owned)).collect()
    }

    #[test]
    fn columns_that_are_never_null_compare_as_rows() {
        let order = order(&[("x", false), ("y", false)], false);
        let (after, up_to) = (key(&[Some("1"), Some("it's")]), key(&[Some("9"), Some("z")]));
        let bounds = Bounds { after: Some(&after), up_to: Some(&up_to), filter: Some("v > 0 OR true") };
        assert_eq!(
            order.chunk("*", "t", bounds, 5),
            "SELECT * FROM t WHERE (\"x\", \"y\") > ('1', 'it''s') AND (\"x\", \"y\") <= ('9', 'z') AND (v > 0 OR true) \
             ORDER BY \"x\", \"y\" LIMIT 5"
        );
        assert_eq!(order.max("t", None), "SELECT \"x\", \"y\" FROM t ORDER BY \"x\" DESC, \"y\" DESC LIMIT 1");
    }

    #[test]
    fn columns_that_may_be_null_lose_no_row() {
        let order = order(&[("x", true), ("y", true)], true);
        let (after, up_to) = (key(&[Some("1"), None]), key(&[None, Some("3")]));
        assert_eq!(
            order.chunk("*", "t", Bounds { after: Some(&after), ..Bounds::default() }, 5),
            "SELECT * FROM t WHERE ((\"x\" > '1' OR \"x\" IS NULL) OR (\"x\" = '1' AND false)) ORDER BY \"x\", \"y\" \
             FETCH FIRST 5 ROWS WITH TIES"
        );
        assert_eq!(
            order.up_to(&up_to),
            "((\"x\" IS NOT NULL OR (\"x\" IS NULL AND \"y\" < '3')) OR (\"x\" IS NULL AND \"y\" = '3'))"
        );
    }

    #[test]
    fn rows_are_found_again_by_their_identity() {
        let (identity, keys) = (vec!["a".to_owned()], vec![vec!["1".to_owned()], vec!["2".to_owned()]]);
        assert_eq!(rows("*", "t", &identity, &keys, None), "SELECT * FROM t WHERE (\"a\") IN (('1'), ('2'))");
    }
}
