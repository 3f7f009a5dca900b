//! What a statement's rows will be, asked without running it.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::{Client, ClientError};

/// One column of a result (PostgreSQL docs, `RowDescription`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name.
    pub name: String,
    /// `pg_class.oid` of the table that it is a column of; 0 for an expression.
    pub table_oid: u32,
    /// `pg_attribute.attnum` in that table.
    pub attribute: i16,
    /// Type, domains resolved to their base.
    pub type_oid: u32,
    /// Type modifier; -1 = none.
    pub type_modifier: i32,
}

impl Client {
    /// The columns that a statement would give; none for one without a result. Inside a transaction its tables stay
    /// locked against changes of their shape.
    pub fn describe(&mut self, sql: &str) -> Result<Vec<ResultColumn>, ClientError> {
        self.send(|out| {
            frontend::parse("", sql, std::iter::empty(), out)?;
            frontend::describe(b'S', "", out)?;
            frontend::sync(out);
            Ok(())
        })?;
        let mut columns = Vec::new();
        let mut failure = None;
        loop {
            match self.message()? {
                Message::RowDescription(body) => {
                    let mut fields = body.fields();
                    while let Some(field) = fields.next().map_err(|e| ClientError::protocol(e.to_string()))? {
                        columns.push(ResultColumn {
                            name: field.name().to_owned(),
                            table_oid: field.table_oid(),
                            attribute: field.column_id(),
                            type_oid: field.type_oid(),
                            type_modifier: field.type_modifier(),
                        });
                    }
                }
                Message::ErrorResponse(error) => {
                    failure.get_or_insert(ClientError::from_fields(error.fields()));
                }
                Message::ReadyForQuery(_) => return failure.map_or(Ok(columns), Err),
                _ => {}
            }
        }
    }
}
