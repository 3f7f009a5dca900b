//! Which columns are left out, masked, hashed, cut or described further: the column rules of the properties, and what
//! they come to for one table.
//!
//! As Debezium 3.6: patterns match `schema.table.column`, whole and without regard to case; of several rules on a
//! column one counts, in the order cut, mask, hash, hash version 2, description (there the description comes before the
//! hashes, and so shows what was to be hidden: strict compatibility). Masks are for types that hold
//! characters; other matched columns are marked in their schema and keep their values.

use tailwater_connector::{Config, Problem};
use tailwater_event::debezium::{Algorithm, ColumnShape, EncodeOptions, Hash, HashVersion, Masking, TableShape};
use tailwater_event::{Column, ColumnType, DefaultValue, TableSchema};

use crate::filter::{Patterns, Rule};
use crate::naming::Naming;

/// The column rules of a connector.
#[derive(Clone, Debug, Default)]
pub struct ShapeRules {
    /// `column.include.list`, `column.exclude.list`.
    columns: Rule,
    /// In the order in which they count.
    masks: Vec<Mask>,
    /// `column.propagate.source.type`.
    described: Patterns,
    /// `datatype.propagate.source.type`, matched by `schema.table.type`.
    described_types: Patterns,
    /// The original marks `citext` as masked and shows its values, and does not hash columns that it describes.
    strict: bool,
}

/// One rule that changes values.
#[derive(Clone, Debug)]
struct Mask {
    property: String,
    patterns: Patterns,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Truncate(usize),
    Stars(usize),
    Hash(Hash),
}

impl ShapeRules {
    /// Reads all column rules. All problems at once.
    pub fn read(config: &Config) -> Result<ShapeRules, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut masks = Vec::new();
        for (property, list) in config.iter() {
            if !property.starts_with("column.mask.") && !property.starts_with("column.truncate.") {
                continue;
            }
            match (action(property), Patterns::parse(property, list)) {
                (Ok(action), Ok(patterns)) => masks.push(Mask { property: property.to_owned(), patterns, action }),
                (action, patterns) => {
                    problems.extend(action.err());
                    problems.extend(patterns.err().unwrap_or_default());
                }
            }
        }
        // A stable sort: of two rules of one kind the first one given counts.
        masks.sort_by_key(|mask| mask.action.rank());
        let mut patterns = |property: &str| {
            Patterns::parse(property, config.text(property)).unwrap_or_else(|found| {
                problems.extend(found);
                Patterns::default()
            })
        };
        let described = patterns("column.propagate.source.type");
        let described_types = patterns("datatype.propagate.source.type");
        let columns = Rule::read(config, "column").unwrap_or_else(|found| {
            problems.extend(found);
            Rule::All
        });
        let strict = config.text("compatibility.mode").trim().eq_ignore_ascii_case("strict");
        let rules = ShapeRules { columns, masks, described, described_types, strict };
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// The shape of a table's events.
    pub fn shape(&self, schema: &TableSchema, naming: &Naming) -> TableShape {
        TableShape {
            columns: schema.columns.iter().map(|column| self.column(schema, column)).collect(),
            key_field: naming.key_field(&schema.name),
        }
    }

    /// A table as the stream describes it. Of columns that rows leave out the original then knows nothing from the
    /// catalog, so that a key has them as optional and without default.
    pub fn streamed(&self, mut schema: TableSchema) -> TableSchema {
        let table = schema.name.clone();
        let hidden = |column: &&mut Column| !self.columns.allows(&format!("{table}.{}", column.name));
        for column in schema.columns.iter_mut().filter(hidden) {
            (column.nullable, column.default) = (true, None);
        }
        schema
    }

    /// A table as the JDBC driver describes it to the original's snapshot: a column fed by a sequence has a type of its
    /// own, and a numeric without precision no length.
    pub fn through_jdbc(mut schema: TableSchema) -> TableSchema {
        for column in &mut schema.columns {
            match (&column.ty, &column.default) {
                (ColumnType::Numeric(None), _) => (column.declared.length, column.declared.scale) = (0, None),
                (ColumnType::Int2, Some(DefaultValue::Expression)) => column.type_name = "smallserial".to_owned(),
                (ColumnType::Int4, Some(DefaultValue::Expression)) => column.type_name = "serial".to_owned(),
                (ColumnType::Int8, Some(DefaultValue::Expression)) => column.type_name = "bigserial".to_owned(),
                _ => {}
            }
        }
        schema
    }

    /// The names of the columns of a table that a mask or hash matches without effect, with the property.
    pub fn without_effect<'a>(&'a self, schema: &'a TableSchema) -> impl Iterator<Item = (&'a str, &'a Column)> {
        schema.columns.iter().filter(|column| !self.can_mask(column)).filter_map(move |column| {
            let mask = self.mask(&name(schema, &column.name))?;
            (!matches!(mask.action, Action::Truncate(_))).then_some((mask.property.as_str(), column))
        })
    }

    /// The patterns, as typed, that match no column of these tables, with their property.
    pub fn unmatched<'a>(&'a self, schemas: &[TableSchema]) -> Vec<(&'a str, &'a str)> {
        let of = |part: fn(&Column) -> &str| -> Vec<String> {
            schemas.iter().flat_map(|s| s.columns.iter().map(move |c| name(s, part(c)))).collect()
        };
        let (names, types) = (of(|c| &c.name), of(|c| &c.type_name));
        let mut unmatched = Vec::new();
        let lists = match &self.columns {
            Rule::All => None,
            Rule::Include(patterns) => Some(("column.include.list", patterns)),
            Rule::Exclude(patterns) => Some(("column.exclude.list", patterns)),
        };
        let masks = self.masks.iter().map(|mask| (mask.property.as_str(), &mask.patterns));
        let by_name = lists.into_iter().chain(masks).chain([("column.propagate.source.type", &self.described)]);
        for (property, patterns) in by_name {
            unmatched.extend(patterns.unmatched(&names).into_iter().map(|pattern| (property, pattern)));
        }
        let property = "datatype.propagate.source.type";
        unmatched.extend(self.described_types.unmatched(&types).into_iter().map(|pattern| (property, pattern)));
        unmatched
    }

    fn can_mask(&self, column: &Column) -> bool {
        column.declared.characters && !(self.strict && column.type_name == "citext")
    }

    fn mask(&self, name: &str) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.patterns.matches(name))
    }

    fn column(&self, schema: &TableSchema, column: &Column) -> ColumnShape {
        let full = name(schema, &column.name);
        let mut shape = ColumnShape { hidden: !self.columns.allows(&full), ..ColumnShape::default() };
        let declared = &column.declared;
        let limit = usize::try_from(declared.length).unwrap_or(usize::MAX);
        let marked = |name: &str, value: String| (name.to_owned(), value);
        let described = self.described.matches(&full) || self.described_types.matches(&name(schema, &column.type_name));
        let action = self.mask(&full).map(|mask| &mask.action);
        match action.filter(|action| !(self.strict && described && matches!(action, Action::Hash(_)))) {
            Some(Action::Truncate(length)) if limit > *length => {
                shape.masking = Some(Masking::Truncate(*length));
                shape.parameters.push(marked("truncateLength", length.to_string()));
            }
            // What can not be longer is not cut.
            Some(Action::Truncate(_)) => {}
            Some(action) => {
                shape.parameters.push(marked("masked", "true".to_owned()));
                if self.can_mask(column) {
                    shape.masking = Some(match action {
                        Action::Hash(hash) => Masking::Hash { hash: hash.clone(), length: limit },
                        Action::Stars(count) | Action::Truncate(count) => Masking::Stars(*count),
                    });
                }
            }
            None if described => {
                let parameter = |part: &str, value: String| marked(&format!("__debezium.source.column.{part}"), value);
                shape.parameters.push(parameter("type", column.type_name.to_uppercase()));
                shape.parameters.push(parameter("length", declared.length.to_string()));
                shape.parameters.extend(declared.scale.map(|scale| parameter("scale", scale.to_string())));
                shape.parameters.push(parameter("name", column.name.clone()));
            }
            None => {}
        }
        shape
    }
}

impl Action {
    fn rank(&self) -> u8 {
        match self {
            Action::Truncate(_) => 0,
            Action::Stars(_) => 1,
            Action::Hash(Hash { version: HashVersion::One, .. }) => 2,
            Action::Hash(Hash { version: HashVersion::Two, .. }) => 3,
        }
    }
}

/// Two columns of rows or of the key that `field.name.adjustment.mode` gives one name.
pub fn colliding<'a>(schema: &'a TableSchema, options: &EncodeOptions) -> Option<(&'a str, &'a str)> {
    let names: Vec<_> = schema.columns.iter().map(|c| (options.field_names.field(&c.name), c.name.as_str())).collect();
    names.iter().enumerate().find_map(|(at, (field, name))| {
        let earlier = names.get(..at)?.iter().find(|(known, _)| known == field)?;
        Some((earlier.1, *name))
    })
}

/// What is wrong when [`colliding`] finds two columns.
pub fn collision(schema: &TableSchema, (one, other): (&str, &str)) -> Problem {
    Problem::stop(
        "FIELD_NAMES_COLLIDE",
        format!("'field.name.adjustment.mode' gives columns {one} and {other} of {} one name", schema.name),
        "Use \"field.name.adjustment.mode\": \"avro_unicode\", or rename one of them.",
    )
}

/// Whether two columns have names that differ only by case, which the original refuses.
pub fn differ_by_case(schema: &TableSchema) -> bool {
    let mut names: Vec<_> = schema.columns.iter().map(|c| c.name.to_lowercase()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

fn name(schema: &TableSchema, last: &str) -> String {
    format!("{}.{last}", schema.name)
}

/// What a property's name says is done.
fn action(property: &str) -> Result<Action, Problem> {
    let between = |start: &str, end: &str| {
        let number = property.strip_prefix(start)?.strip_suffix(end)?;
        number.parse::<u32>().ok().and_then(|n| usize::try_from(n).ok())
    };
    if let Some(length) = between("column.truncate.to.", ".chars") {
        return Ok(Action::Truncate(length));
    }
    if let Some(count) = between("column.mask.with.", ".chars") {
        return Ok(Action::Stars(count));
    }
    let invalid = |reason: &str, remedy: &str| {
        Problem::config("PROPERTY_INVALID", format!("The '{property}' name is invalid: {reason}"), remedy)
    };
    let Some(hash) = property.strip_prefix("column.mask.hash.") else {
        let known = "column.mask.with.N.chars, column.mask.hash.ALGORITHM.with.salt.SALT or column.truncate.to.N.chars";
        return Err(invalid("it says not what is to be done", &format!("Write {known}.")));
    };
    let (version, rest) = match hash.strip_prefix("v2.") {
        Some(rest) => (HashVersion::Two, rest),
        None => (HashVersion::One, hash),
    };
    let Some((algorithm, salt)) = rest.split_once(".with.salt.").filter(|(_, salt)| !salt.is_empty()) else {
        let remedy = "Write column.mask.hash.v2.SHA-256.with.salt.SALT.";
        return Err(invalid("algorithm and salt are expected", remedy));
    };
    match Algorithm::by_name(algorithm) {
        Some(algorithm) => Ok(Action::Hash(Hash { algorithm, version, salt: salt.as_bytes().to_vec() })),
        None => Err(invalid(
            &format!("{algorithm} is no hash that is known here"),
            "Use MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512, SHA-512/256 or SHA3-256.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use tailwater_event::{ColumnType, Declared, ReplicaIdentity, TableName};

    use super::*;

    fn table() -> TableSchema {
        let column = |name: &str, type_name: &str, characters, length, scale| Column {
            name: name.into(),
            ty: if characters { ColumnType::Text } else { ColumnType::Int4 },
            type_name: type_name.into(),
            nullable: true,
            in_identity: false,
            default: None,
            declared: Declared { characters, length, scale: Some(scale) },
        };
        TableSchema {
            name: TableName::new("public", "c"),
            columns: vec![
                column("name", "varchar", true, 20, 0),
                column("Code", "bpchar", true, 3, 0),
                column("age", "int4", false, 10, 0),
            ],
            key: Vec::new(),
            replica_identity: ReplicaIdentity::Default,
        }
    }

    fn rules(pairs: &[(&str, &str)]) -> Result<ShapeRules, Vec<Problem>> {
        ShapeRules::read(&pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    fn shape(pairs: &[(&str, &str)]) -> Vec<ColumnShape> {
        rules(pairs).unwrap().shape(&table(), &Naming::default()).columns
    }

    fn parameters(shape: &ColumnShape) -> String {
        shape.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists_leave_columns_out_whatever_their_case() {
        let hidden = |list: &str, value: &str| shape(&[(list, value)]).iter().map(|c| c.hidden).collect::<Vec<_>>();
        assert_eq!(hidden("column.exclude.list", "PUBLIC.C.CODE,other.c.name"), [false, true, false]);
        assert_eq!(hidden("column.include.list", r"public\.c\.(name|age)"), [false, true, false]);
        assert_eq!(hidden("column.include.list", r"public\.c\.(?!CODE$).*"), [false, true, false]);
        assert_eq!(hidden("column.include.list", "c.name"), [true, true, true]);
    }

    #[test]
    fn of_several_rules_one_counts_and_masks_are_for_characters() {
        let shapes = shape(&[
            ("column.mask.hash.v2.MD5.with.salt.x", "public.c.*"),
            ("column.mask.with.5.chars", "public.c.(age|code)"),
            ("column.propagate.source.type", "public.c.*"),
            ("column.truncate.to.7.chars", "public.c.(code|name)"),
            ("column.truncate.to.2.chars", "public.c.name"),
        ]);
        assert_eq!(shapes[0].masking, Some(Masking::Truncate(7)));
        // Cut at more than it can hold: nothing happens, and no other rule counts.
        assert_eq!((&shapes[1].masking, shapes[1].parameters.len()), (&None, 0));
        assert_eq!((&shapes[2].masking, parameters(&shapes[2])), (&None, "masked=true".into()));
    }

    #[test]
    fn a_described_column_is_hashed_unless_strict() {
        let pairs = [("column.mask.hash.MD5.with.salt.x", ".*name"), ("column.propagate.source.type", ".*name")];
        let (ours, strict) = (shape(&pairs), shape(&[pairs[0], pairs[1], ("compatibility.mode", "strict")]));
        assert!(matches!(ours[0].masking, Some(Masking::Hash { .. })), "{ours:?}");
        assert_eq!((&strict[0].masking, strict[0].parameters.len()), (&None, 4));
    }

    #[test]
    fn a_hash_is_cut_to_the_columns_length() {
        let shapes = shape(&[("column.mask.hash.SHA-256.with.salt.a.b", ".*")]);
        let Some(Masking::Hash { hash, length }) = &shapes[0].masking else { unreachable!("{shapes:?}") };
        assert_eq!((*length, hash.salt.as_slice(), hash.version), (20, &b"a.b"[..], HashVersion::One));
    }

    #[test]
    fn types_are_described_by_column_or_by_type() {
        let described = "__debezium.source.column.type=VARCHAR __debezium.source.column.length=20 __debezium.source.column.scale=0 __debezium.source.column.name=name";
        assert_eq!(parameters(&shape(&[("column.propagate.source.type", ".*name")])[0]), described);
        let by_type = shape(&[("datatype.propagate.source.type", r".+\.varchar,bpchar")]);
        assert_eq!((parameters(&by_type[0]), by_type[1].parameters.len()), (described.into(), 0));
    }

    #[test]
    fn every_name_and_pattern_that_is_wrong_is_reported() {
        let problems = rules(&[
            ("column.mask.with.x.chars", "a"),
            ("column.mask.hash.MD2.with.salt.x", "a"),
            ("column.mask.hash.MD5.with.salt.", "a"),
            ("column.truncate.5", "a"),
            ("column.truncate.to.5.chars", "a("),
            ("column.include.list", "a"),
            ("column.exclude.list", "b"),
        ])
        .unwrap_err();
        let codes: Vec<_> = problems.iter().map(|p| p.code.as_str()).collect();
        assert_eq!(codes[..4], ["PROPERTY_INVALID"; 4]);
        assert_eq!(codes[4..], ["PATTERN_INVALID", "FILTERS_CONFLICT"]);
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let rules = rules(&[("column.mask.with.3.chars", "public.c.age,public.c.nme")]).unwrap();
        let schema = table();
        let named: Vec<_> = rules.without_effect(&schema).map(|(property, column)| (property, &column.name)).collect();
        assert_eq!(named, [("column.mask.with.3.chars", &"age".to_owned())]);
        assert_eq!(rules.unmatched(&[schema]), [("column.mask.with.3.chars", "public.c.nme")]);
    }
}
