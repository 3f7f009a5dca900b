//! What a poll of one table, or of the query, will give: columns, types, the columns that tell what is new. Asked of the
//! server before each poll, because tables change; worked out again only when the answer is another one.

use tailwater_connector::Problem;
use tailwater_connector::property::nearest;
use tailwater_event::connect::{RowPlan, RowSchema, TimestampForm};
use tailwater_event::{Column, ColumnType, TableName};

use super::settings::{Choice, Mode, QuerySettings};
use super::statement::{From, Selected, Statement, TimeColumn, Zoned};
use crate::catalog::Types;
use crate::client::{Client, ClientError, ResultColumn};
use crate::sql;

/// What is polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The table; `None` = the query.
    pub table: Option<TableName>,
    /// Whether the server's locks show who writes into it.
    pub shows_writers: bool,
    /// Where its rows go.
    pub topic: String,
}

/// A target that can be polled.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    seen: Seen,
    /// Its statement.
    pub statement: Statement,
    /// What its rows are.
    pub plan: RowPlan,
    /// Cells of a row before those of time and number.
    pub columns: usize,
    /// Columns that rows leave out.
    pub warnings: Vec<Problem>,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    columns: Vec<ResultColumn>,
    attributes: Vec<Attribute>,
}

/// What the catalog knows of a result's column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Attribute {
    table_oid: u32,
    number: i16,
    not_null: bool,
    /// An identity column, or one with a sequence as its default.
    generated: bool,
}

impl Target {
    /// The name of its entry in the position.
    pub(super) fn key(&self) -> String {
        self.table.as_ref().map_or_else(|| "query".to_owned(), sql::table)
    }

    /// For people.
    pub(super) fn label(&self) -> String {
        self.table.as_ref().map_or_else(|| "the query".to_owned(), TableName::to_string)
    }

    fn from(&self, settings: &QuerySettings) -> From {
        match (&self.table, &settings.query) {
            (Some(table), _) => From::Table(sql::table(table)),
            (None, query) => From::Query(query.clone().unwrap_or_default()),
        }
    }
}

impl Shape {
    /// Asks the server. `Ok(None)`: as `known`. The inner error: why it cannot be polled, all problems at once.
    pub(super) fn ask(
        client: &mut Client,
        settings: &QuerySettings,
        target: &Target,
        known: Option<&Shape>,
    ) -> Result<Result<Option<Shape>, Vec<Problem>>, ClientError> {
        let from = target.from(settings);
        let plain = settings.mode == Mode::Bulk && settings.zone.is_none() && target.table.is_none();
        let look = match &from {
            From::Query(text) if plain => format!("{text}\n{}", settings.suffix),
            _ => from.everything(),
        };
        let columns = client.describe(&look)?;
        let attributes = attributes(client, &columns)?;
        let seen = Seen { columns, attributes };
        if known.is_some_and(|shape| shape.seen == seen) {
            return Ok(Ok(None));
        }
        let types = Types::load(client, seen.columns.iter().map(|c| c.type_oid))?;
        Ok(Shape::resolve(settings, target, from, seen, &types).map(Some))
    }

    fn resolve(
        settings: &QuerySettings,
        target: &Target,
        from: From,
        seen: Seen,
        types: &Types,
    ) -> Result<Shape, Vec<Problem>> {
        let mut columns: Vec<Column> = seen.columns.iter().map(|c| seen.column(c, types)).collect();
        let mut problems = duplicates(target, &columns);
        let wanted = Wanted { settings, target, columns: &columns, seen: &seen };
        let number = if settings.mode.counts() { wanted.number(&mut problems) } else { None };
        let times = if settings.mode.times() { wanted.times(&mut problems) } else { Vec::new() };
        if !problems.is_empty() {
            return Err(problems);
        }
        let name = target.table.as_ref().map(|table| table.table.clone());
        let left_out = RowPlan::compile(&RowSchema { name: name.clone(), columns: columns.clone() }, &settings.rows);
        let left_out: Vec<usize> = left_out.left_out().to_vec();
        let mut warnings: Vec<Problem> =
            left_out.iter().filter_map(|&at| columns.get(at)).map(|c| column_left_out(target, c)).collect();
        let unconstrained = columns.iter().filter(|column| column.ty == ColumnType::Numeric(None));
        warnings.extend(unconstrained.map(|column| numeric_unconstrained(target, column)));
        let mut statement = Statement {
            from,
            mode: settings.mode,
            columns: columns.iter().map(|c| selected(c, settings)).collect(),
            times,
            number,
            zone: settings.zone.clone(),
            suffix: settings.suffix.clone(),
        };
        if !statement.is_plain() {
            // What has no form is not read at all.
            let kept = |at: &usize| !left_out.contains(at);
            statement.columns = keep(statement.columns, kept);
            columns = keep(columns, kept);
            for (column, selected) in columns.iter_mut().zip(&statement.columns) {
                column.ty = converted(&column.ty, selected.zoned, settings.zone.is_some());
            }
        }
        let plan = RowPlan::compile(&RowSchema { name, columns }, &settings.rows);
        Ok(Shape { seen, columns: statement.columns.len(), statement, plan, warnings })
    }
}

impl Seen {
    fn attribute(&self, column: &ResultColumn) -> Attribute {
        let is = |a: &&Attribute| (a.table_oid, a.number) == (column.table_oid, column.attribute);
        self.attributes.iter().find(is).copied().unwrap_or_default()
    }

    fn column(&self, column: &ResultColumn, types: &Types) -> Column {
        Column {
            name: column.name.clone(),
            ty: types.resolve(column.type_oid, column.type_modifier),
            type_name: types.name(column.type_oid).to_owned(),
            nullable: !self.attribute(column).not_null,
            in_identity: false,
            default: None,
            declared: types.declared(column.type_oid, column.type_modifier),
        }
    }
}

/// Looks for the columns that tell what is new.
struct Wanted<'a> {
    settings: &'a QuerySettings,
    target: &'a Target,
    columns: &'a [Column],
    seen: &'a Seen,
}

impl Wanted<'_> {
    fn number(&self, problems: &mut Vec<Problem>) -> Option<String> {
        let name = match self.named(&self.settings.incrementing, "incrementing.column.mapping", problems)? {
            Some(names) => names.into_iter().next()?,
            None => {
                let generated = self.seen.columns.iter().find(|c| self.seen.attribute(c).generated);
                let Some(column) = generated else {
                    problems.push(Problem::config(
                        "COLUMN_MISSING",
                        format!("{} has no generated column that could tell new rows", self.target.label()),
                        "Set \"incrementing.column.name\" to a column that only grows.",
                    ));
                    return None;
                };
                column.name.clone()
            }
        };
        let column = self.find(&name, "incrementing.column.name", problems)?;
        let counts = match &column.ty {
            ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8 | ColumnType::Oid | ColumnType::Numeric(None) => {
                true
            }
            ColumnType::Numeric(Some((_, scale))) => *scale <= 0,
            _ => false,
        };
        if !counts {
            let remedy = "Name a column of type smallint, integer, bigint or numeric(n,0).";
            problems.push(self.wrong_type(column, "an integer", remedy));
        }
        if self.validates() && column.nullable {
            problems.push(self.nullable(&column.name, &column.name));
        }
        Some(column.name.clone())
    }

    fn times(&self, problems: &mut Vec<Problem>) -> Vec<TimeColumn> {
        let Some(Some(names)) = self.named(&self.settings.timestamp, "timestamp.columns.mapping", problems) else {
            return Vec::new();
        };
        let columns: Vec<&Column> =
            names.iter().filter_map(|name| self.find(name, "timestamp.column.name", problems)).collect();
        for column in &columns {
            if !matches!(column.ty, ColumnType::Timestamp(_) | ColumnType::TimestampTz(_)) {
                let remedy = "Name columns of type timestamp or timestamptz.";
                problems.push(self.wrong_type(column, "a timestamp", remedy));
            }
        }
        if let Some(first) = columns.first()
            && self.validates()
            && columns.len() == names.len()
            && columns.iter().all(|column| column.nullable)
        {
            problems.push(self.nullable(&names.join(", "), &first.name));
        }
        let time = |c: &&Column| TimeColumn { name: c.name.clone(), zoned: matches!(c.ty, ColumnType::TimestampTz(_)) };
        columns.iter().map(time).collect()
    }

    /// The chosen names; the inner `None` = look for one. `None` when a problem was found.
    fn named(&self, choice: &Choice, mapping: &str, problems: &mut Vec<Problem>) -> Option<Option<Vec<String>>> {
        let fold = |names: &Vec<String>| match self.settings.fold_names {
            true => names.iter().map(|name| name.to_lowercase()).collect(),
            false => names.clone(),
        };
        match (choice, &self.target.table) {
            (Choice::Auto, _) => Some(None),
            (Choice::Named(names), _) => Some(Some(fold(names))),
            (Choice::Mapped(mapped), Some(table)) => {
                let found = mapped.iter().find(|(patterns, _)| self.settings.tables.matches(patterns, table));
                if found.is_none() {
                    problems.push(Problem::config(
                        "COLUMN_MISSING",
                        format!("no pattern of '{mapping}' matches {table}"),
                        format!("Add an entry for {table} to '{mapping}', or leave the table out."),
                    ));
                }
                found.map(|(_, names)| Some(fold(names)))
            }
            (Choice::Mapped(_), None) => None,
        }
    }

    fn find(&self, name: &str, property: &str, problems: &mut Vec<Problem>) -> Option<&Column> {
        let found = self.columns.iter().find(|column| column.name == name);
        if found.is_none() {
            let near = nearest(name, self.columns.iter().map(|c| c.name.as_str()));
            let remedy = match near {
                Some(near) => format!("Did you mean '{near}'?"),
                None => format!("Correct '{property}', or leave the table out."),
            };
            let cause = format!("{} has no column '{name}', which '{property}' names", self.target.label());
            problems.push(Problem::config("COLUMN_MISSING", cause, remedy));
        }
        found
    }

    /// Only tables say whether a column allows NULL.
    fn validates(&self) -> bool {
        self.settings.validate_non_null && self.target.table.is_some()
    }

    fn nullable(&self, names: &str, first: &str) -> Problem {
        let table = self.target.table.as_ref().map(sql::table).unwrap_or_default();
        Problem::config(
            "COLUMN_NULLABLE",
            format!("{names} of {} allows NULL, and rows with NULL there would never be read", self.target.label()),
            format!(
                "ALTER TABLE {table} ALTER COLUMN {} SET NOT NULL; -- or set \"validate.non.null\": \"false\"",
                sql::ident(first)
            ),
        )
    }

    fn wrong_type(&self, column: &Column, wanted: &str, remedy: &str) -> Problem {
        let cause = format!(
            "column '{}' of {} is of type {}, and {wanted} is needed to tell what is new",
            column.name,
            self.target.label(),
            column.type_name
        );
        Problem::config("COLUMN_TYPE", cause, remedy)
    }
}

fn duplicates(target: &Target, columns: &[Column]) -> Vec<Problem> {
    let twice =
        columns.iter().enumerate().filter(|(at, c)| columns.iter().take(*at).any(|before| before.name == c.name));
    twice
        .map(|(_, column)| {
            Problem::config(
                "COLUMN_DUPLICATE",
                format!("{} has several columns named '{}'", target.label(), column.name),
                "Give each column of the query a name of its own: SELECT … AS name.",
            )
        })
        .collect()
}

fn column_left_out(target: &Target, column: &Column) -> Problem {
    let cause = format!(
        "column '{}' of {} is left out: rows have no form for {}",
        column.name,
        target.label(),
        column.type_name
    );
    let remedy = format!("To have it as text, read a view or a 'query' with {}::text.", sql::ident(&column.name));
    Problem::config("COLUMN_LEFT_OUT", cause, remedy).warning()
}

/// The original takes such a column for one of scale 0 (with `numeric.mapping=best_fit`: for a byte), and so do we.
fn numeric_unconstrained(target: &Target, column: &Column) -> Problem {
    let name = sql::ident(&column.name);
    let cause = format!(
        "column '{}' of {} is a numeric without precision: rows have it without a fraction, and a value with one stops the \
         connector",
        column.name,
        target.label()
    );
    let remedy =
        format!("Give it a precision, or read a view or a 'query' with {name}::numeric(38,6) or {name}::float8.");
    Problem::config("NUMERIC_UNCONSTRAINED", cause, remedy).warning()
}

fn selected(column: &Column, settings: &QuerySettings) -> Selected {
    let local = matches!(settings.rows.timestamp, TimestampForm::MicrosIso | TimestampForm::NanosIso);
    let zoned = match column.ty {
        ColumnType::Timestamp(_) if !local => Zoned::ToMoment,
        ColumnType::TimestampTz(_) if local => Zoned::ToLocal,
        ColumnType::Time(_) => Zoned::TimeOfDay,
        _ => Zoned::Not,
    };
    Selected { name: column.name.clone(), zoned }
}

/// The type that a column has after the conversion of its zone.
fn converted(ty: &ColumnType, zoned: Zoned, has_zone: bool) -> ColumnType {
    match (ty, zoned) {
        (ColumnType::Timestamp(digits), Zoned::ToMoment) if has_zone => ColumnType::TimestampTz(*digits),
        (ColumnType::TimestampTz(digits), Zoned::ToLocal) if has_zone => ColumnType::Timestamp(*digits),
        (ty, _) => ty.clone(),
    }
}

fn keep<T>(list: Vec<T>, kept: impl Fn(&usize) -> bool) -> Vec<T> {
    list.into_iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, item)| item).collect()
}

/// Nullability as JDBC tells it: of the column that a result's column is, domains included.
fn attributes(client: &mut Client, columns: &[ResultColumn]) -> Result<Vec<Attribute>, ClientError> {
    let mut oids: Vec<u32> = columns.iter().map(|c| c.table_oid).filter(|&oid| oid != 0).collect();
    oids.sort_unstable();
    oids.dedup();
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client.query(&format!(
        "SELECT a.attrelid, a.attnum, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), a.attidentity <> '' OR \
           coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attrelid IN ({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum",
        sql::numbers(oids)
    ))?;
    let attribute = |row: &crate::client::Row| Attribute {
        table_oid: row.text(0).parse().unwrap_or_default(),
        number: row.text(1).parse().unwrap_or_default(),
        not_null: row.flag(2),
        generated: row.flag(3),
    };
    Ok(rows.iter().map(attribute).collect())
}
