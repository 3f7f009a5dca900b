//! Whether a table was rewritten while its snapshot was being made.
//!
//! A rewrite (`ALTER COLUMN … TYPE`, `TRUNCATE`) is not transactional for older snapshots: to a snapshot exported before
//! it, the table looks empty, and the stream does not carry its rows either (PostgreSQL docs, MVCC Caveats). So the
//! tables' files are noted before the slot is made and compared once the reader holds its locks.

use std::collections::HashMap;

use tailwater_event::TableName;

use crate::catalog::CatalogTable;
use crate::client::{Client, ClientError};
use crate::sql;

/// The tables' files at one moment, by the table's number.
#[derive(Debug, Default)]
pub(crate) struct Files(HashMap<String, String>);

impl Files {
    /// Looks at them now.
    pub fn of(client: &mut Client, tables: &[CatalogTable]) -> Result<Files, ClientError> {
        let rows = client.query(&format!(
            "SELECT oid, pg_catalog.pg_relation_filenode(oid) FROM pg_catalog.pg_class WHERE oid IN ({})",
            sql::numbers(tables.iter().map(|t| t.oid))
        ))?;
        Ok(Files(rows.iter().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect()))
    }

    /// A table of these that has another file now.
    pub fn rewritten<'t>(
        &self,
        client: &mut Client,
        tables: &'t [CatalogTable],
    ) -> Result<Option<&'t TableName>, ClientError> {
        let now = Files::of(client, tables)?;
        let changed = |t: &&CatalogTable| {
            let oid = t.oid.to_string();
            self.0.get(&oid) != now.0.get(&oid)
        };
        Ok(tables.iter().find(changed).map(|t| &t.name))
    }
}
