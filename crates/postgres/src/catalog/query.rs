//! The catalog's queries. Everything is read in a few round trips, however many tables there are.

use std::collections::{HashMap, HashSet};

use tailwater_event::TableName;

use super::{CatalogTable, ColumnFacts, Kind, TableFacts, replica_identity};
use crate::client::{Client, ClientError, Row};
use crate::keys::KeyCandidates;
use crate::limits::DEFAULTS_PATIENCE;
use crate::sql;

/// Every table, view and foreign table of the database but the system's own, in alphabetical order.
pub fn list(client: &mut Client) -> Result<Vec<CatalogTable>, ClientError> {
    entries(
        client,
        "c.relkind IN ('r','p','v','m','f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
         AND n.nspname !~ '^pg_(toast|temp)'",
    )
}

/// Columns and keys of these tables, in their order; tables that are gone meanwhile are left out.
pub fn describe(client: &mut Client, tables: &[CatalogTable]) -> Result<Vec<TableFacts>, ClientError> {
    let oids = sql::numbers(tables.iter().map(|t| t.oid));
    let there = client.query(&format!("SELECT oid FROM pg_catalog.pg_class WHERE oid IN ({oids})"))?;
    let there: HashSet<u32> = there.iter().filter_map(|row| row.text(0).parse().ok()).collect();
    let mut columns = columns(client, &oids)?;
    let mut indexes = indexes(client, &oids)?;
    let described = tables.iter().filter(|t| there.contains(&t.oid)).map(|table| {
        let columns = columns.remove(&table.oid).unwrap_or_default();
        let indexes = indexes.remove(&table.oid).unwrap_or_default();
        facts(table.clone(), columns, indexes)
    });
    Ok(described.collect())
}

/// The table of one oid; `None` when it is gone.
pub(super) fn describe_one(client: &mut Client, oid: u32) -> Result<Option<TableFacts>, ClientError> {
    let entry = entries(client, &format!("c.oid = {oid}"))?;
    Ok(describe(client, &entry)?.pop())
}

#[derive(Default)]
struct Index {
    name: String,
    primary: bool,
    identity: bool,
    columns: Vec<String>,
}

fn entries(client: &mut Client, filter: &str) -> Result<Vec<CatalogTable>, ClientError> {
    let rows = client.query(&format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 'p', c.relreplident, \
           (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE c.relispartition AND i.inhrelid = c.oid LIMIT 1), \
           pg_catalog.row_security_active(c.oid), pg_catalog.pg_get_userbyid(c.relowner), \
           pg_catalog.pg_has_role(c.relowner, 'USAGE'), pg_catalog.has_schema_privilege(n.oid, 'USAGE'), \
           pg_catalog.has_table_privilege(c.oid, 'SELECT'), greatest(c.reltuples, 0)::pg_catalog.int8, \
           CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS ( \
             SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate \
             AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END) END \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {filter}"
    ))?;
    let mut tables: Vec<_> = rows.iter().map(entry).collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

fn entry(row: &Row) -> CatalogTable {
    CatalogTable {
        oid: row.text(0).parse().unwrap_or_default(),
        name: TableName::new(row.text(1), row.text(2)),
        kind: match row.text(3) {
            "p" => Kind::Partitioned,
            "v" => Kind::View,
            "m" => Kind::MaterializedView,
            "f" => Kind::Foreign,
            _ => Kind::Table,
        },
        logged: row.flag(4),
        identity: replica_identity(row.text(5).chars().next().unwrap_or('d')),
        parent: row.get(6).and_then(|oid| oid.parse().ok()),
        row_security: row.flag(7),
        owner: row.text(8).to_owned(),
        owned: row.flag(9),
        schema_usage: row.flag(10),
        can_select: row.flag(11),
        estimated_rows: row.text(12).parse().unwrap_or_default(),
        usable_identity: row.flag(13),
    }
}

fn columns(client: &mut Client, oids: &str) -> Result<HashMap<u32, Vec<ColumnFacts>>, ClientError> {
    // Generated columns came with 12; the server publishes none of them before 18, and then only when asked.
    let stored = if client.server_version_num() >= 120_000 { "a.attgenerated = ''" } else { "true" };
    let select = |default: &str| {
        format!(
            "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, {default} \
         FROM pg_catalog.pg_attribute a \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attrelid IN ({oids}) AND a.attnum > 0 AND NOT a.attisdropped AND {stored} \
         ORDER BY a.attrelid, a.attnum"
        )
    };
    // To show an expression the server locks its table, which somebody may hold for long. All changes would wait: rather
    // the schema lacks the defaults until the table is announced anew, which the end of such a change brings about.
    let (patience, shown) = (DEFAULTS_PATIENCE.as_millis(), select("pg_catalog.pg_get_expr(d.adbin, d.adrelid)"));
    let rows = match client.query(&format!("SET LOCAL lock_timeout = {patience}; {shown}")) {
        Err(error) if error.sqlstate() == Some("55P03") => client.query(&select("NULL"))?,
        rows => rows?,
    };
    let mut columns: HashMap<u32, Vec<ColumnFacts>> = HashMap::new();
    for row in &rows {
        columns.entry(row.text(0).parse().unwrap_or_default()).or_default().push(ColumnFacts {
            name: row.text(1).to_owned(),
            type_oid: row.text(2).parse().unwrap_or_default(),
            type_modifier: row.text(3).parse().unwrap_or(-1),
            not_null: row.flag(4),
            default: row.get(5).map(str::to_owned),
        });
    }
    Ok(columns)
}

/// Unique indexes over plain columns of all rows, in the order in which one of them is taken as key.
fn indexes(client: &mut Client, oids: &str) -> Result<HashMap<u32, Vec<Index>>, ClientError> {
    // INCLUDE columns came with 11.
    let key_columns = if client.server_version_num() >= 110_000 { "i.indnkeyatts" } else { "i.indnatts" };
    let rows = client.query(&format!(
        "SELECT i.indrelid, x.relname, i.indisprimary, i.indisreplident, a.attname \
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
         CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, position) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         WHERE i.indrelid IN ({oids}) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
           AND i.indexprs IS NULL AND k.position <= {key_columns} \
         ORDER BY i.indrelid, x.relname, k.position"
    ))?;
    let mut indexes: HashMap<u32, Vec<Index>> = HashMap::new();
    for row in &rows {
        let list = indexes.entry(row.text(0).parse().unwrap_or_default()).or_default();
        if list.last().is_none_or(|index| index.name != row.text(1)) {
            list.push(Index {
                name: row.text(1).to_owned(),
                primary: row.flag(2),
                identity: row.flag(3),
                columns: Vec::new(),
            });
        }
        list.last_mut().into_iter().for_each(|index| index.columns.push(row.text(4).to_owned()));
    }
    Ok(indexes)
}

fn facts(table: CatalogTable, columns: Vec<ColumnFacts>, indexes: Vec<Index>) -> TableFacts {
    let first = |wanted: &dyn Fn(&Index) -> bool| {
        indexes.iter().find(|i| wanted(i)).map(|i| i.columns.clone()).unwrap_or_default()
    };
    let keys = KeyCandidates {
        primary: first(&|i| i.primary),
        unique: first(&|i| !i.primary),
        identity: first(&|i| i.identity),
    };
    TableFacts { table, columns, keys }
}
