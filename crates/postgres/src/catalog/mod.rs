//! Tables as the server's catalog describes them, and as events need them.
//!
//! A snapshot takes everything from the catalog. The stream takes names, types and identity from the server's
//! `Relation` message, which is true for that point of the log, and adds what only the catalog knows: nullability,
//! key order, defaults, enum labels. The catalog is read now, the log was written then, so the catalog only adds.

mod defaults;
mod pg_type;
mod query;

use std::collections::{HashMap, HashSet};

use tailwater_event::{Column, ReplicaIdentity, TableName, TableSchema};

use crate::client::{Client, ClientError};
use crate::filter::Filters;
use crate::keys::{KeyCandidates, KeyRules};
use crate::pgoutput::Relation;

pub use pg_type::Types;
pub use query::{describe, list};

/// What kind of relation a name stands for (`pg_class.relkind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary table, or a leaf partition.
    Table,
    /// A partitioned table; it holds no rows itself.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
}

/// One entry of `pg_class`, as the current role sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogTable {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Name.
    pub name: TableName,
    /// What it is.
    pub kind: Kind,
    /// Whether its changes go to the write-ahead log: neither unlogged nor temporary.
    pub logged: bool,
    /// The partitioned table that it is a partition of.
    pub parent: Option<u32>,
    /// `REPLICA IDENTITY`.
    pub identity: ReplicaIdentity,
    /// Whether the server can tell old rows apart, so that the application may update and delete while the table is
    /// in a publication.
    pub usable_identity: bool,
    /// Whether row-level security hides rows from the current role.
    pub row_security: bool,
    /// Role that owns it.
    pub owner: String,
    /// Whether the current role may act as its owner.
    pub owned: bool,
    /// Whether the current role may use its schema.
    pub schema_usage: bool,
    /// Whether the current role may read it.
    pub can_select: bool,
    /// The planner's estimate of its rows.
    pub estimated_rows: u64,
}

/// A table with its columns and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Its entry.
    pub table: CatalogTable,
    /// The columns that rows carry: without dropped and generated ones, in table order.
    pub columns: Vec<ColumnFacts>,
    /// What may serve as a key.
    pub keys: KeyCandidates,
}

/// One column of `pg_attribute`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Name.
    pub name: String,
    /// Type.
    pub type_oid: u32,
    /// Type modifier; -1 = none.
    pub type_modifier: i32,
    /// `NOT NULL`.
    pub not_null: bool,
    /// The default as SQL.
    pub default: Option<String>,
}

/// Under which names rows of partitioned tables come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// Under those of the partitions.
    Own,
    /// Under that of the topmost captured partitioned table.
    Root,
    /// As Debezium: existing rows under both, changes under that which the publication chooses.
    OwnAndRoot,
}

/// The tables of a list whose rows are captured, in the order in which they are read.
pub fn captured(tables: &[CatalogTable], filters: &Filters, partitions: Partitions) -> Vec<CatalogTable> {
    let wanted = |t: &&CatalogTable| {
        let kind = t.kind == Kind::Table || (partitions != Partitions::Own && t.kind == Kind::Partitioned);
        kind && t.logged && filters.captures(&t.name)
    };
    let candidates: Vec<&CatalogTable> = tables.iter().filter(wanted).collect();
    let published: HashSet<u32> = candidates.iter().map(|t| t.oid).collect();
    let parents: HashMap<u32, u32> = tables.iter().filter_map(|t| Some((t.oid, t.parent?))).collect();
    let covered = |table: &CatalogTable| {
        let mut ancestor = table.parent.filter(|_| partitions == Partitions::Root);
        while let Some(oid) = ancestor {
            if published.contains(&oid) {
                return true;
            }
            ancestor = parents.get(&oid).copied();
        }
        false
    };
    let mut captured: Vec<_> = candidates.iter().filter(|t| !covered(t)).map(|t| (*t).clone()).collect();
    captured.sort_by(|a, b| filters.order(&a.name, &b.name));
    captured
}

/// The tables besides the captured ones that transactions can be told of: those that the current role may publish.
pub fn others(tables: &[CatalogTable], captured: &[CatalogTable]) -> Vec<CatalogTable> {
    let parents: HashMap<u32, u32> = tables.iter().filter_map(|t| Some((t.oid, t.parent?))).collect();
    let is_captured = |table: &CatalogTable| {
        let mut at = Some(table.oid);
        while let Some(oid) = at {
            if captured.iter().any(|c| c.oid == oid) {
                return true;
            }
            at = parents.get(&oid).copied();
        }
        false
    };
    let other = |t: &&CatalogTable| t.kind == Kind::Table && t.logged && t.owned && !is_captured(t);
    tables.iter().filter(other).cloned().collect()
}

impl TableFacts {
    /// The table as the snapshot's rows are: select exactly these columns in this order.
    pub fn schema(&self, types: &Types, rules: &KeyRules) -> TableSchema {
        let in_identity = |name: &String| match self.table.identity {
            ReplicaIdentity::Full => true,
            ReplicaIdentity::Nothing => false,
            ReplicaIdentity::Default => self.keys.primary.contains(name),
            ReplicaIdentity::Index => self.keys.identity.contains(name),
        };
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|c| column(&c.name, c.type_oid, c.type_modifier, in_identity(&c.name), Some(c), types))
            .collect();
        let names: Vec<_> = columns.iter().map(|c| c.name.as_str()).collect();
        let key = rules.choose(&self.table.name, self.table.identity, &self.keys, &names);
        TableSchema { name: self.table.name.clone(), columns, key, replica_identity: self.table.identity }
    }
}

/// Reads tables with their columns, keys and types, for a snapshot.
pub fn schemas(
    client: &mut Client,
    tables: &[CatalogTable],
    rules: &KeyRules,
) -> Result<Vec<TableSchema>, ClientError> {
    let facts = describe(client, tables)?;
    let types = Types::load(client, facts.iter().flat_map(|t| t.columns.iter().map(|c| c.type_oid)))?;
    Ok(facts.iter().map(|t| t.schema(&types, rules)).collect())
}

/// The table that a `Relation` message announces, completed from the catalog; a table that is gone from the catalog
/// is taken as the message tells it.
pub fn of_relation(client: &mut Client, relation: &Relation, rules: &KeyRules) -> Result<TableSchema, ClientError> {
    let facts = query::describe_one(client, relation.oid)?;
    let types = Types::load(client, relation.columns.iter().map(|c| c.type_oid))?;
    Ok(merge(relation, facts.as_ref(), &types, rules))
}

fn merge(relation: &Relation, facts: Option<&TableFacts>, types: &Types, rules: &KeyRules) -> TableSchema {
    let name = TableName::new(&relation.schema, &relation.table);
    let identity = replica_identity(char::from(relation.replica_identity));
    let columns: Vec<_> = relation
        .columns
        .iter()
        .map(|c| {
            let known = facts.and_then(|f| f.columns.iter().find(|k| k.name == c.name));
            let mut column = column(&c.name, c.type_oid, c.type_modifier, c.in_identity, known, types);
            // Flagged under DEFAULT means primary key, which allows no NULL, whether or not the catalog remembers it.
            column.nullable &= !(c.in_identity && identity == ReplicaIdentity::Default);
            column
        })
        .collect();
    let names: Vec<_> = columns.iter().map(|c| c.name.as_str()).collect();
    let candidates = facts.map(|f| f.keys.clone()).unwrap_or_default();
    let mut key = rules.choose(&name, identity, &candidates, &names);
    // A key that was dropped since, or a table that was: old rows are still told apart by what the message flags.
    if key.is_empty() && matches!(identity, ReplicaIdentity::Default | ReplicaIdentity::Index) {
        key = columns.iter().enumerate().filter(|(_, c)| c.in_identity).map(|(i, _)| i).collect();
    }
    TableSchema { name, columns, key, replica_identity: identity }
}

fn column(
    name: &str,
    type_oid: u32,
    type_modifier: i32,
    in_identity: bool,
    known: Option<&ColumnFacts>,
    types: &Types,
) -> Column {
    // As Debezium: a column of a domain shows no default.
    let shown = known.filter(|k| k.type_oid == type_oid && !types.is_domain(type_oid));
    let default = shown.and_then(|k| k.default.as_deref());
    Column {
        name: name.to_owned(),
        ty: types.resolve(type_oid, type_modifier),
        type_name: types.name(type_oid).to_owned(),
        nullable: known.is_none_or(|k| !k.not_null),
        in_identity,
        default: default.and_then(defaults::parse),
        declared: types.declared(type_oid, type_modifier),
    }
}

/// `pg_class.relreplident`.
fn replica_identity(letter: char) -> ReplicaIdentity {
    match letter {
        'f' => ReplicaIdentity::Full,
        'n' => ReplicaIdentity::Nothing,
        'i' => ReplicaIdentity::Index,
        _ => ReplicaIdentity::Default,
    }
}
