//! Which columns make the message key.
//!
//! As Debezium: `message.key.columns` first, then the primary key in the order of its constraint, then the first
//! unique index, else none. One difference: where the replica identity is an index, that index is the key, since old
//! rows carry nothing else; Debezium keeps the primary key there and invents values (`compatibility.mode=strict`).

use tailwater_connector::Problem;
use tailwater_connector::java_regex::Whole;
use tailwater_event::{ReplicaIdentity, TableName};

use crate::filter;

/// How keys are chosen.
#[derive(Clone, Debug, Default)]
pub struct KeyRules {
    custom: Vec<(Whole, Vec<String>)>,
    strict: bool,
}

/// What the catalog knows that may serve as a key: column names, empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCandidates {
    /// The primary key, in constraint order.
    pub primary: Vec<String>,
    /// The first unique index over plain columns of all rows, by name.
    pub unique: Vec<String>,
    /// The index of `REPLICA IDENTITY USING INDEX`.
    pub identity: Vec<String>,
}

impl KeyRules {
    /// Reads `message.key.columns`: `PATTERN:column,column;PATTERN:column…`. All problems at once.
    pub fn parse(text: &str, strict: bool) -> Result<KeyRules, Vec<Problem>> {
        let mut rules = KeyRules { custom: Vec::new(), strict };
        let mut problems = Vec::new();
        for part in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            match parse_rule(part) {
                Ok(rule) => rules.custom.push(rule),
                Err(reason) => problems.push(Problem::config(
                    "PROPERTY_INVALID",
                    format!("The 'message.key.columns' value is invalid: '{part}' {reason}"),
                    "Write it as SCHEMA.TABLE:column,column;SCHEMA.TABLE:column, tables as regular expressions.",
                )),
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// The columns that `message.key.columns` names for a table.
    pub fn custom(&self, table: &TableName) -> Option<&[String]> {
        let name = table.to_string();
        self.custom.iter().find(|(pattern, _)| pattern.is_match(&name)).map(|(_, columns)| columns.as_slice())
    }

    /// The key of a table: indices into `columns`. Of `message.key.columns` those that are there count, as in Debezium; any
    /// other candidate only when all of its columns are there. Names compare exactly.
    pub fn choose(
        &self,
        table: &TableName,
        identity: ReplicaIdentity,
        candidates: &KeyCandidates,
        columns: &[&str],
    ) -> Vec<usize> {
        let by_identity = identity == ReplicaIdentity::Index && !self.strict;
        let custom = self.custom(table).unwrap_or_default();
        let there: Vec<_> = custom.iter().filter_map(|name| columns.iter().position(|c| c == name)).collect();
        if !there.is_empty() {
            return there;
        }
        let in_order =
            [if by_identity { candidates.identity.as_slice() } else { &[] }, &candidates.primary, &candidates.unique];
        in_order.into_iter().find_map(|names| positions(names, columns)).unwrap_or_default()
    }
}

fn parse_rule(part: &str) -> Result<(Whole, Vec<String>), String> {
    let (pattern, columns) = part.rsplit_once(':').ok_or("has no ':'")?;
    let columns: Vec<_> = columns.split(',').map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
    if columns.is_empty() {
        return Err("names no column".to_owned());
    }
    let pattern = filter::compile(pattern.trim()).map_err(|reason| format!("has a pattern with: {reason}"))?;
    Ok((pattern, columns))
}

fn positions(names: &[String], columns: &[&str]) -> Option<Vec<usize>> {
    if names.is_empty() {
        return None;
    }
    names.iter().map(|name| columns.iter().position(|c| c == name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> KeyCandidates {
        let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
        KeyCandidates { primary: names(&["c", "a"]), unique: names(&["b"]), identity: names(&["d"]) }
    }

    fn key(rules: &str, strict: bool, identity: ReplicaIdentity, candidates: &KeyCandidates) -> Vec<usize> {
        let rules = KeyRules::parse(rules, strict).unwrap();
        rules.choose(&TableName::new("public", "t"), identity, candidates, &["a", "b", "c", "d"])
    }

    #[test]
    fn the_primary_key_comes_in_constraint_order_and_before_a_unique_index() {
        assert_eq!(key("", false, ReplicaIdentity::Default, &candidates()), [2, 0]);
        let without = KeyCandidates { primary: Vec::new(), ..candidates() };
        assert_eq!(key("", false, ReplicaIdentity::Full, &without), [1]);
        assert_eq!(key("", false, ReplicaIdentity::Default, &KeyCandidates::default()), Vec::<usize>::new());
    }

    #[test]
    fn an_identity_index_is_the_key_unless_strict() {
        assert_eq!(key("", false, ReplicaIdentity::Index, &candidates()), [3]);
        assert_eq!(key("", true, ReplicaIdentity::Index, &candidates()), [2, 0]);
    }

    #[test]
    fn named_columns_win_and_a_pattern_may_match_several_tables() {
        assert_eq!(key("public.(?!t).*:c;(?!x).*:b", false, ReplicaIdentity::Default, &candidates()), [1]);
        assert_eq!(key("public.x:c;(.*).T:d,a", false, ReplicaIdentity::Default, &candidates()), [3, 0]);
    }

    #[test]
    fn of_named_columns_those_that_are_there_are_the_key() {
        assert_eq!(key("public.t:gone,b", false, ReplicaIdentity::Default, &candidates()), [1]);
        assert_eq!(key("public.t:gone", false, ReplicaIdentity::Default, &candidates()), [2, 0]);
    }

    #[test]
    fn a_key_whose_columns_are_not_all_there_is_no_key() {
        let future = KeyCandidates { primary: vec!["a".into(), "later".into()], ..candidates() };
        assert_eq!(key("", false, ReplicaIdentity::Default, &future), [1]);
        assert_eq!(key("public.t:A", false, ReplicaIdentity::Default, &candidates()), [2, 0]);
    }

    #[test]
    fn every_rule_that_is_none_is_reported() {
        let problems = KeyRules::parse("public.t;a(:b;c:;d:e", false).unwrap_err();
        assert_eq!(problems.len(), 3);
        assert!(problems[1].cause.contains("a group without end"), "{}", problems[1].cause);
    }
}
