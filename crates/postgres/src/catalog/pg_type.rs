//! PostgreSQL's types as column types: domains down to their base, arrays to their element, enums with their labels.

use std::collections::HashMap;

use tailwater_event::{ColumnType, Declared};

use crate::client::{Client, ClientError};
use crate::sql;

/// Longest chain of domains and arrays that is followed.
const DEPTH_MAX: u32 = 32;

/// The types that some columns need, and everything they rest on. Read anew for every use: labels and domains change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(HashMap<u32, TypeFacts>);

/// One row of `pg_type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TypeFacts {
    name: String,
    /// `typtype`: b base, d domain, e enum, r range, m multirange, c composite, p pseudo.
    kind: char,
    /// Base of a domain, with its modifier.
    base: u32,
    base_modifier: i32,
    /// Element of a true array type, else 0.
    element: u32,
    labels: Vec<String>,
}

impl Types {
    /// Reads the types of these oids.
    pub fn load(client: &mut Client, oids: impl IntoIterator<Item = u32>) -> Result<Types, ClientError> {
        let mut wanted: Vec<u32> = oids.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let rows = client.query(&format!(
            "WITH RECURSIVE known AS ( \
               SELECT oid, typname, typtype, typbasetype, typtypmod, typelem FROM pg_catalog.pg_type WHERE oid IN ({}) \
             UNION \
               SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod, t.typelem FROM pg_catalog.pg_type t \
               JOIN known k ON t.oid IN (k.typbasetype, k.typelem)) \
             SELECT k.oid, k.typname, k.typtype, k.typbasetype, k.typtypmod, coalesce(e.oid, 0) FROM known k \
             LEFT JOIN pg_catalog.pg_type e ON e.oid = k.typelem AND e.typarray = k.oid",
            sql::numbers(wanted)
        ))?;
        let number = |text: &str| text.parse().unwrap_or_default();
        let mut types = Types::default();
        for row in rows {
            let facts = TypeFacts {
                name: row.text(1).to_owned(),
                kind: row.text(2).chars().next().unwrap_or('b'),
                base: number(row.text(3)),
                base_modifier: row.text(4).parse().unwrap_or(-1),
                element: number(row.text(5)),
                labels: Vec::new(),
            };
            types.0.insert(number(row.text(0)), facts);
        }
        types.load_labels(client)?;
        Ok(types)
    }

    /// The column type behind an oid and a modifier.
    pub fn resolve(&self, oid: u32, modifier: i32) -> ColumnType {
        match self.undomained(oid, modifier) {
            Some((facts, modifier)) => self.base(facts, modifier),
            None => ColumnType::Unknown,
        }
    }

    /// What a column of the type is declared as, in the words of the JDBC driver.
    pub fn declared(&self, oid: u32, modifier: i32) -> Declared {
        let Some((facts, modifier)) = self.undomained(oid, modifier) else {
            return Declared { characters: false, length: i32::MAX, scale: Some(0) };
        };
        let element = self.undomained(facts.element, modifier).filter(|_| facts.element != 0);
        let (measured, modifier) = element.unwrap_or((facts, modifier));
        let (length, scale) = measures(&measured.name, modifier);
        let known = matches!(facts.name.as_str(), "text" | "varchar" | "bpchar" | "char" | "name" | "citext");
        Declared { characters: known || facts.kind == 'e', length, scale: Some(scale) }
    }

    /// The type that domains come down to, with its modifier.
    fn undomained(&self, mut oid: u32, mut modifier: i32) -> Option<(&TypeFacts, i32)> {
        for _ in 0..DEPTH_MAX {
            match self.0.get(&oid)? {
                facts if facts.kind == 'd' => (oid, modifier) = (facts.base, facts.base_modifier),
                facts => return Some((facts, modifier)),
            }
        }
        None
    }

    /// Whether a type is a domain over another one.
    pub fn is_domain(&self, oid: u32) -> bool {
        self.0.get(&oid).is_some_and(|facts| facts.kind == 'd')
    }

    /// The name that PostgreSQL gives a type, such as `int4`; empty when it is gone.
    pub fn name(&self, oid: u32) -> &str {
        self.0.get(&oid).map_or("", |facts| &facts.name)
    }

    fn base(&self, facts: &TypeFacts, modifier: i32) -> ColumnType {
        match facts.kind {
            'e' => ColumnType::Enum(facts.labels.clone()),
            'b' if facts.element != 0 => match self.resolve(facts.element, modifier) {
                ColumnType::Array(_) => ColumnType::Unknown,
                // Boxes in an array are separated by semicolons.
                ColumnType::Geometric if facts.name == "_box" => ColumnType::Unknown,
                element => ColumnType::Array(Box::new(element)),
            },
            'b' | 'r' => named(&facts.name, modifier),
            _ => ColumnType::Unknown,
        }
    }

    fn load_labels(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let enums: Vec<u32> = self.0.iter().filter(|(_, facts)| facts.kind == 'e').map(|(oid, _)| *oid).collect();
        if enums.is_empty() {
            return Ok(());
        }
        let rows = client.query(&format!(
            "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum WHERE enumtypid IN ({}) ORDER BY enumtypid, enumsortorder",
            sql::numbers(enums)
        ))?;
        for row in rows {
            if let Some(facts) = row.text(0).parse().ok().and_then(|oid: u32| self.0.get_mut(&oid)) {
                facts.labels.push(row.text(1).to_owned());
            }
        }
        Ok(())
    }
}

/// Base types by name: those of extensions have no fixed oid. What is not here has no form in Debezium's events.
fn named(name: &str, modifier: i32) -> ColumnType {
    let digits = u8::try_from(modifier).unwrap_or(6).min(6);
    match name {
        "bool" => ColumnType::Bool,
        "int2" => ColumnType::Int2,
        "int4" => ColumnType::Int4,
        "int8" => ColumnType::Int8,
        "oid" => ColumnType::Oid,
        "float4" => ColumnType::Float4,
        "float8" => ColumnType::Float8,
        "numeric" => ColumnType::Numeric(numeric(modifier)),
        "money" => ColumnType::Money,
        "bytea" => ColumnType::Bytea,
        "bit" => ColumnType::Bit(u32::try_from(modifier).unwrap_or(1)),
        "varbit" => ColumnType::VarBit(u32::try_from(modifier).ok()),
        "date" => ColumnType::Date,
        "time" => ColumnType::Time(digits),
        "timetz" => ColumnType::TimeTz(digits),
        "timestamp" => ColumnType::Timestamp(digits),
        "timestamptz" => ColumnType::TimestampTz(digits),
        "interval" => ColumnType::Interval,
        "json" | "jsonb" => ColumnType::Json,
        "xml" => ColumnType::Xml,
        "uuid" => ColumnType::Uuid,
        "point" => ColumnType::Point,
        "geometry" => ColumnType::Geometry,
        "geography" => ColumnType::Geography,
        "tsvector" => ColumnType::TsVector,
        "ltree" => ColumnType::Ltree,
        "hstore" => ColumnType::HStore,
        "line" | "lseg" | "box" | "path" | "polygon" | "circle" => ColumnType::Geometric,
        "vector" => ColumnType::Vector,
        "halfvec" => ColumnType::HalfVec,
        "sparsevec" => ColumnType::SparseVec,
        "text" | "varchar" | "bpchar" | "char" | "name" | "citext" | "isbn" => ColumnType::Text,
        "inet" | "cidr" | "macaddr" | "macaddr8" => ColumnType::Text,
        "int4range" | "int8range" | "numrange" | "tsrange" | "tstzrange" | "daterange" => ColumnType::Text,
        _ => ColumnType::Unknown,
    }
}

/// Length (characters, bits, digits or width when shown) and scale of a type as the JDBC driver tells Debezium.
fn measures(name: &str, modifier: i32) -> (i32, i32) {
    const UNLIMITED: i32 = i32::MAX;
    /// What Debezium takes for a numeric without precision: the most digits before the point.
    const NUMERIC_DIGITS: i32 = 131_089;
    let given = (modifier >= 0).then_some(modifier);
    let digits = given.unwrap_or(6);
    // The point and the digits of the second; for one digit the driver counts one too many.
    let fraction = match digits {
        0 => 0,
        1 => 3,
        digits => digits + 1,
    };
    match name {
        "bool" | "char" => (1, 0),
        "int2" => (5, 0),
        "int4" | "oid" => (10, 0),
        "int8" => (19, 0),
        "float4" => (8, 8),
        "float8" => (17, 17),
        "numeric" => match numeric(modifier) {
            Some((precision, scale)) => (i32::from(precision), i32::from(scale)),
            None => (NUMERIC_DIGITS, 0),
        },
        "varchar" | "bpchar" => (given.map_or(UNLIMITED, |n| n.saturating_sub(4)), 0),
        "bit" | "varbit" => (given.unwrap_or(UNLIMITED), 0),
        "date" => (13, 0),
        "time" => (8 + fraction, digits),
        "timetz" => (14 + fraction, digits),
        "timestamp" => (22 + fraction, digits),
        "timestamptz" => (28 + fraction, digits),
        "interval" => (49, given.map_or(6, |n| n & 0xFFFF)),
        _ => (UNLIMITED, 0),
    }
}

/// Precision and scale of a numeric's modifier: 16 bits and, since PostgreSQL 15, 11 bits with sign.
fn numeric(modifier: i32) -> Option<(u16, i16)> {
    let packed = u32::try_from(modifier.checked_sub(4)?).ok()?;
    let precision = u16::try_from(packed >> 16).ok()?;
    let scale = i16::try_from(packed & 0x7FF).ok()?;
    Some((precision, if scale >= 1024 { scale - 2048 } else { scale }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(rows: &[(u32, &str, char, u32, i32, u32)]) -> Types {
        let facts = |row: &(u32, &str, char, u32, i32, u32)| TypeFacts {
            name: row.1.to_owned(),
            kind: row.2,
            base: row.3,
            base_modifier: row.4,
            element: row.5,
            labels: if row.2 == 'e' { vec!["sad".into(), "ok".into()] } else { Vec::new() },
        };
        Types(rows.iter().map(|row| (row.0, facts(row))).collect())
    }

    #[test]
    fn a_numerics_modifier_holds_precision_and_signed_scale() {
        assert_eq!(numeric(-1), None);
        assert_eq!(numeric(4 + (6 << 16) + 2), Some((6, 2)));
        assert_eq!(numeric(4 + (5 << 16) + 0x7FD), Some((5, -3)));
        assert_eq!(numeric(i32::MIN), None);
    }

    #[test]
    fn lengths_and_scales_are_those_of_the_recorded_case() {
        for (name, modifier, length, scale) in [
            ("int4", -1, 10, 0),
            ("varchar", 14, 10, 0),
            ("text", -1, i32::MAX, 0),
            ("bpchar", 5, 1, 0),
            ("numeric", 4 + (5 << 16) + 2, 5, 2),
            ("numeric", -1, 131_089, 0),
            ("time", -1, 15, 6),
            ("time", 0, 8, 0),
            ("time", 1, 11, 1),
            ("timetz", -1, 21, 6),
            ("timestamp", 3, 26, 3),
            ("timestamptz", 2, 31, 2),
            ("interval", (0x0006 << 16) + 0xFFFF, 49, 65_535),
            ("bit", 3, 3, 0),
            ("varbit", -1, i32::MAX, 0),
        ] {
            assert_eq!(measures(name, modifier), (length, scale), "{name} {modifier}");
        }
        let types =
            types(&[(1043, "varchar", 'b', 0, -1, 0), (100, "code", 'd', 1043, 12, 0), (7, "_code", 'b', 0, -1, 100)]);
        assert_eq!(types.declared(100, -1), Declared { characters: true, length: 8, scale: Some(0) });
        assert_eq!(types.declared(7, -1), Declared { characters: false, length: 8, scale: Some(0) });
    }

    #[test]
    fn domains_resolve_to_their_base_with_its_modifier() {
        let types = types(&[
            (1700, "numeric", 'b', 0, -1, 0),
            (100, "amount", 'd', 1700, 4 + (6 << 16) + 2, 0),
            (101, "nested", 'd', 100, -1, 0),
            (102, "mood", 'e', 0, -1, 0),
            (103, "dmood", 'd', 102, -1, 0),
        ]);
        assert_eq!(types.resolve(101, -1), ColumnType::Numeric(Some((6, 2))));
        assert_eq!(types.resolve(103, -1), ColumnType::Enum(vec!["sad".into(), "ok".into()]));
        assert_eq!(types.name(101), "nested");
    }

    #[test]
    fn a_domain_over_itself_ends() {
        assert_eq!(types(&[(1, "loop", 'd', 1, -1, 0)]).resolve(1, -1), ColumnType::Unknown);
    }

    #[test]
    fn an_array_takes_the_modifier_of_its_element() {
        let types = types(&[(1231, "_numeric", 'b', 0, -1, 1700), (1700, "numeric", 'b', 0, -1, 0)]);
        let element = ColumnType::Numeric(Some((5, 1)));
        assert_eq!(types.resolve(1231, 4 + (5 << 16) + 1), ColumnType::Array(Box::new(element)));
    }

    #[test]
    fn what_is_not_known_is_unknown() {
        let types = types(&[
            (1, "box", 'b', 0, -1, 0),
            (2, "pair", 'c', 0, -1, 0),
            (3, "_box", 'b', 0, -1, 1),
            (4, "_pair", 'b', 0, -1, 2),
        ]);
        for oid in [2, 3, 5] {
            assert_eq!(types.resolve(oid, -1), ColumnType::Unknown, "{oid}");
        }
        assert_eq!(types.resolve(4, -1), ColumnType::Array(Box::new(ColumnType::Unknown)));
        assert_eq!(types.resolve(1, -1), ColumnType::Geometric);
    }
}
