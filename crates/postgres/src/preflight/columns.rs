//! The columns: what is left out, which rules have no effect, names that would collide.

use tailwater_connector::Problem;
use tailwater_event::{ColumnType, TableSchema};

use super::Check;
use crate::catalog::{TableFacts, Types};
use crate::client::{Client, ClientError};
use crate::settings::Settings;
use crate::shape;

const TITLE: &str = "columns";
/// How many columns one finding names.
const NAMED: usize = 10;

/// Looks at the columns of the captured tables.
pub(super) fn look(
    client: &mut Client,
    settings: &Settings,
    facts: &[TableFacts],
    checks: &mut Vec<Check>,
) -> Result<(), ClientError> {
    if facts.is_empty() {
        return Ok(());
    }
    let types = Types::load(client, facts.iter().flat_map(|t| t.columns.iter().map(|c| c.type_oid)))?;
    let schemas: Vec<_> = facts.iter().map(|table| table.schema(&types, &settings.keys)).collect();
    let before = checks.len();
    left_out(settings, &schemas, checks);
    rules(settings, &schemas, checks);
    names(settings, &schemas, checks);
    if checks.len() == before {
        let columns: usize = schemas.iter().map(|schema| schema.columns.len()).sum();
        checks.push(Check::ok("columns", TITLE, format!("{columns} columns")));
    }
    Ok(())
}

/// Every column whose type has no form in events is named.
fn left_out(settings: &Settings, schemas: &[TableSchema], checks: &mut Vec<Check>) {
    if settings.encode.include_unknown || settings.encode.unknown_as_text {
        return;
    }
    let unknown = schemas.iter().flat_map(|schema| {
        let without_form = |ty: &ColumnType| match ty {
            ColumnType::Array(element) => matches!(**element, ColumnType::Unknown | ColumnType::Geometric),
            ty => matches!(ty, ColumnType::Unknown | ColumnType::Geometric),
        };
        let columns = schema.columns.iter().filter(move |c| without_form(&c.ty));
        columns.map(|c| format!("{}.{} ({})", schema.name, c.name, c.type_name))
    });
    let names = list(unknown);
    if !names.is_empty() {
        let cause = format!("events leave out {names}: Debezium has no form for the type");
        let remedy = "Set \"include.unknown.datatypes\": \"true\" for the bytes of their text.";
        let problem = Problem::config("COLUMNS_LEFT_OUT", cause, remedy);
        checks.push(Check::found("columns", TITLE, names, problem.warning()));
    }
}

/// Every column rule matches a column, and every mask one that it can mask.
fn rules(settings: &Settings, schemas: &[TableSchema], checks: &mut Vec<Check>) {
    for (property, pattern) in settings.shapes.unmatched(schemas) {
        let cause = format!("'{property}': no column matches '{pattern}'");
        let remedy = "Check the spelling; a column is named SCHEMA.TABLE.COLUMN.";
        let problem = Problem::config("COLUMN_MISSING", cause, remedy);
        checks.push(Check::found("columns", TITLE, pattern, problem.warning()));
    }
    let mut bare: Vec<(&str, Vec<String>)> = Vec::new();
    for schema in schemas {
        for (property, column) in settings.shapes.without_effect(schema) {
            let name = format!("{}.{} ({})", schema.name, column.name, column.type_name);
            match bare.iter_mut().find(|(known, _)| *known == property) {
                Some((_, names)) => names.push(name),
                None => bare.push((property, vec![name])),
            }
        }
    }
    for (property, names) in bare {
        let names = list(names.into_iter());
        let cause =
            format!("'{property}' does not hide the values of {names}: only types that hold characters have masks");
        let remedy = "Leave such columns out with \"column.exclude.list\", or do not match them.";
        let problem = Problem::config("MASK_WITHOUT_EFFECT", cause, remedy);
        checks.push(Check::found("columns", TITLE, names, problem.warning()));
    }
}

/// No two columns of a table get one name.
fn names(settings: &Settings, schemas: &[TableSchema], checks: &mut Vec<Check>) {
    for schema in schemas {
        if let Some(pair) = shape::colliding(schema, &settings.encode) {
            let problem = shape::collision(schema, pair);
            checks.push(Check::found("columns", TITLE, schema.name.to_string(), problem));
        }
    }
}

fn list(mut names: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<_> = names.by_ref().take(NAMED).collect();
    let more = names.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}
