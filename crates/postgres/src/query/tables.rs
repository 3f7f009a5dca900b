//! Which tables a query source reads: the original's lists, patterns and types, over the catalog of now.

use tailwater_connector::Problem;
use tailwater_connector::property::nearest;
use tailwater_event::TableName;

use crate::catalog::{CatalogTable, Kind};
use crate::filter::{Patterns, plain};

/// The tables' filter.
#[derive(Clone, Debug)]
pub struct TableFilter {
    rule: Rule,
    schema: Option<String>,
    kinds: Vec<Kind>,
    database: String,
}

/// At most one kind of list is given.
#[derive(Clone, Debug)]
enum Rule {
    All,
    /// `table.whitelist`: plain names.
    Named(Vec<String>),
    /// `table.blacklist`: plain names.
    Unnamed(Vec<String>),
    /// `table.include.list`, less `table.exclude.list`.
    Matched {
        include: Patterns,
        exclude: Patterns,
    },
}

impl Default for TableFilter {
    fn default() -> Self {
        TableFilter { rule: Rule::All, schema: None, kinds: vec![Kind::Table], database: String::new() }
    }
}

impl TableFilter {
    /// From the lists; `Err` is a type that PostgreSQL has no relations of.
    pub fn new(
        white: Vec<String>,
        black: Vec<String>,
        include: Patterns,
        exclude: Patterns,
        schema: Option<&str>,
        types: &[String],
        database: &str,
    ) -> Result<TableFilter, String> {
        let rule = match (white.is_empty(), black.is_empty(), include.is_empty()) {
            (false, ..) => Rule::Named(white),
            (_, false, _) => Rule::Unnamed(black),
            (_, _, false) => Rule::Matched { include, exclude },
            _ => Rule::All,
        };
        let kind = |name: &String| match name.to_ascii_uppercase().as_str() {
            "TABLE" => Ok(Kind::Table),
            "PARTITIONED TABLE" => Ok(Kind::Partitioned),
            "VIEW" => Ok(Kind::View),
            "MATERIALIZED VIEW" => Ok(Kind::MaterializedView),
            "FOREIGN TABLE" => Ok(Kind::Foreign),
            _ => Err(name.clone()),
        };
        let kinds = types.iter().map(kind).collect::<Result<_, _>>()?;
        let schema = schema.filter(|pattern| !pattern.is_empty()).map(str::to_owned);
        Ok(TableFilter { rule, schema, kinds, database: database.to_owned() })
    }

    /// Whether each table was asked for by its name.
    pub fn is_by_name(&self) -> bool {
        matches!(self.rule, Rule::Named(_))
    }

    /// The tables that are read, in their order.
    pub fn choose(&self, all: &[CatalogTable]) -> Vec<CatalogTable> {
        all.iter().filter(|table| self.takes(table)).cloned().collect()
    }

    /// Whether a pattern of `table.include.list` or of a column mapping matches a table, with or without its database.
    pub fn matches(&self, patterns: &Patterns, table: &TableName) -> bool {
        patterns.matches(&table.to_string()) || patterns.matches(&format!("{}.{table}", self.database))
    }

    /// What is named and not there, each with the nearest name; it is read when it appears.
    pub fn missing(&self, all: &[CatalogTable]) -> Vec<Problem> {
        let names: Vec<String> = all.iter().map(|t| t.name.to_string()).collect();
        let unmet: Vec<String> = match &self.rule {
            Rule::Named(list) => list
                .iter()
                .filter(|name| !all.iter().any(|t| is_named(&t.name, name) && self.in_reach(t)))
                .cloned()
                .collect(),
            Rule::Matched { include, .. } => {
                let qualified = names.iter().map(|name| format!("{}.{name}", self.database));
                let both: Vec<String> = names.iter().cloned().chain(qualified).collect();
                include.unmatched(&both).into_iter().map(str::to_owned).collect()
            }
            Rule::All | Rule::Unnamed(_) => Vec::new(),
        };
        unmet.iter().map(|name| missing(name, all, self)).collect()
    }

    fn takes(&self, table: &CatalogTable) -> bool {
        self.in_reach(table)
            && match &self.rule {
                Rule::All => true,
                Rule::Named(list) => list.iter().any(|name| is_named(&table.name, name)),
                Rule::Unnamed(list) => !list.iter().any(|name| is_named(&table.name, name)),
                Rule::Matched { include, exclude } => {
                    self.matches(include, &table.name) && !self.matches(exclude, &table.name)
                }
            }
    }

    fn in_reach(&self, table: &CatalogTable) -> bool {
        self.kinds.contains(&table.kind) && self.schema.as_ref().is_none_or(|pattern| like(pattern, &table.name.schema))
    }
}

/// Whether a list's entry names a table: by its name, or with its schema, quoted or not.
fn is_named(table: &TableName, entry: &str) -> bool {
    entry == table.table || entry == table.to_string() || entry == crate::sql::table(table)
}

fn missing(name: &str, all: &[CatalogTable], filter: &TableFilter) -> Problem {
    let same = all.iter().find(|t| is_named(&t.name, name));
    let remedy = match same {
        Some(table) if !filter.kinds.contains(&table.kind) => {
            let kind = match table.kind {
                Kind::Table => "TABLE",
                Kind::Partitioned => "PARTITIONED TABLE",
                Kind::View => "VIEW",
                Kind::MaterializedView => "MATERIALIZED VIEW",
                Kind::Foreign => "FOREIGN TABLE",
            };
            format!("It is of another type; add \"table.types\": \"TABLE,{kind}\".")
        }
        Some(table) => format!("It is in the schema '{}', which 'schema.pattern' leaves out.", table.name.schema),
        None => {
            let plain = plain(name);
            let full: Vec<String> = all.iter().map(|t| t.name.to_string()).collect();
            let short = all.iter().map(|t| t.name.table.as_str());
            match nearest(&plain, full.iter().map(String::as_str).chain(short)) {
                Some(near) => format!("Did you mean '{near}'?"),
                None => "Correct the name, or make the table.".to_owned(),
            }
        }
    };
    let cause = format!("there is no table '{name}' that is read; it is when it appears");
    Problem::environment("TABLE_MISSING", cause, remedy).warning()
}

/// SQL's `LIKE`: `%` is any text, `_` any character, a backslash takes the next one as it is.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // `reach[i]`: whether the pattern so far matches the first i characters.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    let mut at = 0;
    while let Some(&wanted) = pattern.get(at) {
        let mut next = vec![false; text.len() + 1];
        let literal = if wanted == '\\' { pattern.get(at + 1).copied() } else { None };
        match (wanted, literal) {
            ('%', _) => {
                let mut any = false;
                for (here, before) in next.iter_mut().zip(&reach) {
                    any |= before;
                    *here = any;
                }
            }
            _ => {
                let wanted = literal.unwrap_or(wanted);
                let any = wanted == '_' && literal.is_none();
                for (i, found) in text.iter().enumerate() {
                    next[i + 1] = reach[i] && (any || *found == wanted);
                }
            }
        }
        at += if literal.is_some() { 2 } else { 1 };
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use tailwater_event::ReplicaIdentity;

    use super::*;

    fn table(schema: &str, name: &str, kind: Kind) -> CatalogTable {
        CatalogTable {
            oid: 1,
            name: TableName::new(schema, name),
            kind,
            logged: true,
            parent: None,
            identity: ReplicaIdentity::Default,
            usable_identity: true,
            row_security: false,
            owner: String::new(),
            owned: true,
            schema_usage: true,
            can_select: true,
            estimated_rows: 0,
        }
    }

    fn catalog() -> Vec<CatalogTable> {
        vec![
            table("public", "orders", Kind::Table),
            table("public", "items", Kind::Table),
            table("s1", "orders", Kind::Table),
            table("public", "recent", Kind::View),
        ]
    }

    fn filter(
        white: &str,
        black: &str,
        include: &str,
        exclude: &str,
        schema: Option<&str>,
        types: &str,
    ) -> TableFilter {
        let list = tailwater_connector::config::split_list;
        let patterns = |text| Patterns::parse("p", text).unwrap();
        TableFilter::new(list(white), list(black), patterns(include), patterns(exclude), schema, &list(types), "shop")
            .unwrap()
    }

    fn chosen(filter: &TableFilter) -> Vec<String> {
        filter.choose(&catalog()).iter().map(|t| t.name.to_string()).collect()
    }

    #[test]
    fn lists_types_and_schemas_choose_as_in_the_original() {
        let all = ["public.orders", "public.items", "s1.orders"];
        assert_eq!(chosen(&filter("", "", "", "", None, "TABLE")), all);
        assert_eq!(chosen(&filter("orders", "", "", "", None, "TABLE")), ["public.orders", "s1.orders"]);
        assert_eq!(chosen(&filter("public.orders", "", "", "", None, "TABLE")), ["public.orders"]);
        assert_eq!(chosen(&filter(r#""s1"."orders""#, "", "", "", None, "TABLE")), ["s1.orders"]);
        assert_eq!(chosen(&filter("", "orders", "", "", None, "TABLE")), ["public.items"]);
        assert_eq!(chosen(&filter("", "", "public.*", ".*items", None, "TABLE")), ["public.orders"]);
        assert_eq!(chosen(&filter("", "", r"shop\.s1\..*", "", None, "TABLE")), ["s1.orders"]);
        assert_eq!(chosen(&filter("", "", "", "", Some("s_"), "TABLE")), ["s1.orders"]);
        assert_eq!(chosen(&filter("", "", "", "", Some(""), "VIEW")), ["public.recent"]);
    }

    #[test]
    fn what_is_named_and_missing_is_answered_with_what_there_is() {
        let remedies = |filter: &TableFilter| -> Vec<String> {
            filter.missing(&catalog()).into_iter().map(|p| p.remedy).collect()
        };
        assert_eq!(remedies(&filter("ordres,items", "", "", "", None, "TABLE")), ["Did you mean 'orders'?"]);
        assert!(remedies(&filter("recent", "", "", "", None, "TABLE"))[0].contains("TABLE,VIEW"));
        assert!(remedies(&filter("items", "", "", "", Some("s1"), "TABLE"))[0].contains("'public'"));
        assert_eq!(remedies(&filter("", "", r"public\.itmes,public\.orders", "", None, "TABLE")).len(), 1);
        assert!(remedies(&filter("", "orders", "", "", None, "TABLE")).is_empty());
    }

    #[test]
    fn like_knows_its_three_signs() {
        for (pattern, text, expected) in [
            ("%", "", true),
            ("a%c", "abbbc", true),
            ("a%c", "abbb", false),
            ("_b", "ab", true),
            ("_", "ab", false),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("", "", true),
            ("%a%a%", "banana", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
