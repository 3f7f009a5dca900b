//! The SQL of a poll: what is read, from where on, up to where, and in which order.

use super::position::Cursor;
use super::settings::Mode;
use crate::sql::{ident, literal};

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A table, quoted.
    Table(String),
    /// A query.
    Query(String),
}

/// A column of the result, as far as its SQL differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    /// Name, unquoted.
    pub name: String,
    /// What has to be done with it when `db.timezone` is not UTC.
    pub zoned: Zoned,
}

/// A value's relation to the zone of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zoned {
    /// None.
    Not,
    /// A time of the zone that is wanted as a moment.
    ToMoment,
    /// A moment that is wanted as a time of the zone.
    ToLocal,
    /// A time of day of the zone that is wanted in UTC, as on the first day of 1970.
    TimeOfDay,
}

/// A column that tells a row's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeColumn {
    /// Name, unquoted.
    pub name: String,
    /// `timestamptz`.
    pub zoned: bool,
}

/// A poll's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where from.
    pub from: From,
    /// The mode.
    pub mode: Mode,
    /// The columns that rows carry.
    pub columns: Vec<Selected>,
    /// The columns that tell the time, in order of precedence.
    pub times: Vec<TimeColumn>,
    /// The column that counts.
    pub number: Option<String>,
    /// `db.timezone`; `None` = UTC.
    pub zone: Option<String>,
    /// `query.suffix`.
    pub suffix: String,
}

/// The bounds of one poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    /// Rows after it.
    pub after: &'a Cursor,
    /// Rows whose time is before it.
    pub until: &'a str,
    /// Rows whose time is not after it: where the suffix ends the poll.
    pub last: Option<&'a str>,
    /// Where only a number counts: rows whose number is not above it.
    pub highest: Option<&'a str>,
}

impl From {
    /// All that is there, for a look at its columns.
    pub(super) fn everything(&self) -> String {
        format!("SELECT * FROM {}", self.relation())
    }

    fn relation(&self) -> String {
        match self {
            From::Table(name) => name.clone(),
            // The line break ends a comment.
            From::Query(text) => format!("({text}\n) AS tailwater_query"),
        }
    }
}

impl Statement {
    /// A bulk poll of a query whose values are wanted as they are: nothing is put around it.
    pub(super) fn is_plain(&self) -> bool {
        self.mode == Mode::Bulk
            && matches!(self.from, From::Query(_))
            && self.columns.iter().all(|column| self.zone.is_none() || column.zoned == Zoned::Not)
    }

    /// Whether the rows' times are moments, so that their bound is one.
    pub(super) fn times_are_moments(&self) -> bool {
        self.times.iter().any(|time| time.zoned)
    }

    /// The highest number there is now after the last row read, as an expression; null when there is none.
    pub(super) fn highest(&self, after: &Cursor) -> Option<String> {
        let number = self.number.as_deref().filter(|_| self.times.is_empty()).map(ident)?;
        let bounds = Bounds { after, until: "", last: None, highest: None };
        let conditions = conditions(None, Some(&number), bounds).join(" AND ");
        Some(format!(
            "(SELECT pg_catalog.max({number})::pg_catalog.text FROM {} WHERE {conditions})",
            self.from.relation()
        ))
    }

    /// Whether the suffix may end a poll between two rows of one time, which no cursor could tell apart.
    pub(super) fn may_part_times(&self) -> bool {
        self.mode == Mode::Timestamp && !self.suffix.is_empty()
    }

    /// The time of the last row that the suffix lets through; null when there is none.
    pub(super) fn last_time(&self, bounds: Bounds<'_>) -> String {
        let time = self.time().unwrap_or_default();
        let conditions = conditions(Some(&time), None, bounds).join(" AND ");
        let (relation, suffix) = (self.from.relation(), &self.suffix);
        format!(
            "SELECT pg_catalog.max(at)::pg_catalog.text FROM \
             (SELECT {time} AS at FROM {relation} WHERE {conditions} ORDER BY {time}\n{suffix}\n) AS limited"
        )
    }

    /// The whole statement. Rows carry the selected columns, then time and number as far as the mode has them.
    pub(super) fn text(&self, bounds: Bounds<'_>) -> String {
        let bounded = self.suffix.is_empty() || bounds.last.is_some();
        let suffix = if bounded { String::new() } else { format!("\n{}", self.suffix) };
        if let From::Query(text) = &self.from
            && self.is_plain()
        {
            return format!("{text}{suffix}");
        }
        let (time, number) = (self.time(), self.number.as_deref().map(ident));
        let mut list: Vec<String> = self.columns.iter().map(|column| self.selected(column)).collect();
        list.extend(time.iter().cloned());
        list.extend(number.iter().cloned());
        let conditions = conditions(time.as_deref(), number.as_deref(), bounds);
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let order: Vec<_> = time.iter().chain(&number).cloned().collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        format!("SELECT {} FROM {}{filter}{order}{suffix}", list.join(", "), self.from.relation())
    }

    /// The expression that tells a row's time.
    fn time(&self) -> Option<String> {
        let mixed = self.times_are_moments();
        let expressions: Vec<String> = self
            .times
            .iter()
            .map(|time| match &self.zone {
                // Beside moments, a time of the zone is compared as the moment it is.
                Some(zone) if mixed && !time.zoned => at_zone(&ident(&time.name), zone),
                _ => ident(&time.name),
            })
            .collect();
        match expressions.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(format!("COALESCE({})", several.join(", "))),
        }
    }

    fn selected(&self, column: &Selected) -> String {
        let name = ident(&column.name);
        match (&self.zone, column.zoned) {
            (None, _) | (_, Zoned::Not) => name,
            (Some(zone), Zoned::ToMoment | Zoned::ToLocal) => at_zone(&name, zone),
            (Some(zone), Zoned::TimeOfDay) => {
                format!("({})::pg_catalog.time", at_zone(&format!("('1970-01-01'::pg_catalog.date + {name})"), zone))
            }
        }
    }
}

fn at_zone(expression: &str, zone: &str) -> String {
    format!("({expression} AT TIME ZONE {})", literal(zone))
}

/// Literals have no type of their own: the server reads them as the column's.
fn conditions(time: Option<&str>, number: Option<&str>, bounds: Bounds<'_>) -> Vec<String> {
    let Bounds { after, until, last, highest } = bounds;
    let number_after = after.incrementing.as_deref().map(literal);
    let mut all = Vec::new();
    if let Some(time) = time {
        all.push(format!("{time} < {}", literal(until)));
        all.extend(last.map(|last| format!("{time} <= {}", literal(last))));
        match (after.timestamp.as_deref().map(literal), number, number_after) {
            (None, ..) => {}
            (Some(at), Some(number), Some(seen)) => {
                // Rows without a number come last among those of their time.
                all.push(format!("{time} >= {at} AND ({time} > {at} OR {number} > {seen} OR {number} IS NULL)"));
            }
            (Some(at), ..) => all.push(format!("{time} > {at}")),
        }
    } else if let Some(number) = number {
        all.push(match number_after {
            Some(seen) => format!("{number} > {seen}"),
            None => format!("{number} IS NOT NULL"),
        });
        all.extend(highest.map(|highest| format!("{number} <= {}", literal(highest))));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(mode: Mode, times: &[(&str, bool)], number: Option<&str>, zone: Option<&str>) -> Statement {
        Statement {
            from: From::Table("\"s\".\"t\"".into()),
            mode,
            columns: vec![Selected { name: "id".into(), zoned: Zoned::Not }],
            times: times.iter().map(|(name, zoned)| TimeColumn { name: (*name).into(), zoned: *zoned }).collect(),
            number: number.map(str::to_owned),
            zone: zone.map(str::to_owned),
            suffix: String::new(),
        }
    }

    fn text(statement: &Statement, timestamp: Option<&str>, incrementing: Option<&str>) -> String {
        let after = Cursor { timestamp: timestamp.map(str::to_owned), incrementing: incrementing.map(str::to_owned) };
        statement.text(Bounds { after: &after, until: "now", last: None, highest: None })
    }

    #[test]
    fn each_mode_reads_what_is_new_in_its_order() {
        let bulk = statement(Mode::Bulk, &[], None, None);
        assert_eq!(text(&bulk, None, None), r#"SELECT "id" FROM "s"."t""#);
        let counted = statement(Mode::Incrementing, &[], Some("id"), None);
        let first = r#"SELECT "id", "id" FROM "s"."t" WHERE "id" IS NOT NULL ORDER BY "id""#;
        assert_eq!(text(&counted, None, None), first);
        assert_eq!(text(&counted, None, Some("7")), r#"SELECT "id", "id" FROM "s"."t" WHERE "id" > '7' ORDER BY "id""#);
        let timed = statement(Mode::Timestamp, &[("a", false), ("b", false)], None, None);
        let coalesced = r#"COALESCE("a", "b")"#;
        assert_eq!(
            text(&timed, Some("x"), None),
            format!(
                r#"SELECT "id", {coalesced} FROM "s"."t" WHERE {coalesced} < 'now' AND {coalesced} > 'x' ORDER BY {coalesced}"#
            )
        );
        let both = statement(Mode::TimestampIncrementing, &[("a", true)], Some("id"), None);
        assert!(text(&both, None, None).ends_with(r#" WHERE "a" < 'now' ORDER BY "a", "id""#));
        assert!(text(&both, Some("x"), None).contains(r#""a" > 'x' ORDER"#));
        assert!(
            text(&both, Some("x"), Some("7")).contains(r#""a" >= 'x' AND ("a" > 'x' OR "id" > '7' OR "id" IS NULL)"#)
        );
    }

    #[test]
    fn a_query_is_left_alone_in_bulk_and_is_a_subselect_otherwise() {
        let mut bulk = statement(Mode::Bulk, &[], None, None);
        bulk.from = From::Query("SELECT 1 AS id -- all".into());
        bulk.suffix = "LIMIT 3".into();
        assert_eq!(text(&bulk, None, None), "SELECT 1 AS id -- all\nLIMIT 3");
        let mut counted = statement(Mode::Incrementing, &[], Some("id"), None);
        counted.from = bulk.from.clone();
        counted.suffix = bulk.suffix;
        assert_eq!(
            text(&counted, None, Some("1")),
            "SELECT \"id\", \"id\" FROM (SELECT 1 AS id -- all\n) AS tailwater_query WHERE \"id\" > '1' ORDER BY \"id\"\nLIMIT 3"
        );
    }

    #[test]
    fn the_highest_number_is_that_of_rows_not_read_and_bounds_a_poll() {
        let counted = statement(Mode::Incrementing, &[], Some("id"), None);
        let after = Cursor { timestamp: None, incrementing: Some("7".into()) };
        assert_eq!(
            counted.highest(&after).unwrap(),
            r#"(SELECT pg_catalog.max("id")::pg_catalog.text FROM "s"."t" WHERE "id" > '7')"#
        );
        let bounds = Bounds { after: &after, until: "", last: None, highest: Some("9") };
        assert!(counted.text(bounds).ends_with(r#"WHERE "id" > '7' AND "id" <= '9' ORDER BY "id""#));
        assert_eq!(statement(Mode::TimestampIncrementing, &[("a", true)], Some("id"), None).highest(&after), None);
    }

    #[test]
    fn a_suffix_ends_a_poll_behind_all_rows_of_its_last_time() {
        let mut timed = statement(Mode::Timestamp, &[("a", false)], None, None);
        assert!(!timed.may_part_times());
        timed.suffix = "LIMIT 3".into();
        assert!(timed.may_part_times());
        let after = Cursor { timestamp: Some("x".into()), incrementing: None };
        let bounds = Bounds { after: &after, until: "now", last: None, highest: None };
        assert_eq!(
            timed.last_time(bounds),
            "SELECT pg_catalog.max(at)::pg_catalog.text FROM (SELECT \"a\" AS at FROM \"s\".\"t\" \
             WHERE \"a\" < 'now' AND \"a\" > 'x' ORDER BY \"a\"\nLIMIT 3\n) AS limited"
        );
        assert!(
            timed
                .text(Bounds { last: Some("y"), ..bounds })
                .ends_with("WHERE \"a\" < 'now' AND \"a\" <= 'y' AND \"a\" > 'x' ORDER BY \"a\"")
        );
    }

    #[test]
    fn quotes_in_names_and_cursors_cannot_end_them() {
        let counted = statement(Mode::Incrementing, &[], Some("i\"d"), None);
        assert!(text(&counted, None, Some("1' OR '1'='1")).contains(r#""i""d" > '1'' OR ''1''=''1'"#));
    }

    #[test]
    fn a_zone_is_applied_where_it_counts() {
        let mut timed = statement(Mode::Timestamp, &[("a", false), ("b", true)], None, Some("Europe/Berlin"));
        timed.columns = vec![
            Selected { name: "a".into(), zoned: Zoned::ToMoment },
            Selected { name: "c".into(), zoned: Zoned::TimeOfDay },
        ];
        let sql = text(&timed, None, None);
        assert!(
            sql.starts_with(
                "SELECT (\"a\" AT TIME ZONE 'Europe/Berlin'), ((('1970-01-01'::pg_catalog.date + \"c\") AT TIME ZONE"
            ),
            "{sql}"
        );
        assert!(sql.contains("COALESCE((\"a\" AT TIME ZONE 'Europe/Berlin'), \"b\") < 'now'"), "{sql}");
    }
}
