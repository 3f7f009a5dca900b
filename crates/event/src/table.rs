//! Tables as the source describes them.

use std::fmt;

/// A table's schema-qualified name, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Schema, such as `public`.
    pub schema: String,
    /// Table.
    pub table: String,
}

impl TableName {
    /// A name from its two parts.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        TableName { schema: schema.into(), table: table.into() }
    }
}

/// `schema.table`, the form that include lists match.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A table at one moment: what a row's cells mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Name.
    pub name: TableName,
    /// The columns that rows carry, in table order.
    pub columns: Vec<Column>,
    /// The message key: indices into `columns`, in the order of the constraint or index; empty when there is none.
    pub key: Vec<usize>,
    /// What the server ships of old rows.
    pub replica_identity: ReplicaIdentity,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, unquoted.
    pub name: String,
    /// Type, domains resolved to their base type.
    pub ty: ColumnType,
    /// The name PostgreSQL gives the type (`int4`, `varchar`, `mood`), for propagation and messages.
    pub type_name: String,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Whether the column is part of the replica identity (old-key tuples carry it).
    pub in_identity: bool,
    /// The column default as far as events show it.
    pub default: Option<DefaultValue>,
    /// What only shaping looks at.
    pub declared: Declared,
}

/// A column's declaration beyond its type's form in events, as the JDBC driver reports it to Debezium.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Whether the type holds characters (text, varchar, char, name, enums, domains over them): masks apply to it.
    pub characters: bool,
    /// Length in characters or bits, decimal digits, or display size; `i32::MAX` without limit.
    pub length: i32,
    /// Digits after the point.
    pub scale: Option<i32>,
}

/// A column default, as Debezium shows it in field schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// A literal, in PostgreSQL's text output form.
    Literal(String),
    /// A function that SQL writes without parentheses, such as `CURRENT_USER`.
    Keyword(String),
    /// Another function, or a sequence: shown as the type's zero.
    Expression,
}

/// PostgreSQL's `REPLICA IDENTITY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// The whole row.
    Full,
    /// Nothing.
    Nothing,
    /// The columns of one unique index.
    Index,
}

/// A column's type, as far as its event form differs. Modifiers are part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `oid`.
    Oid,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric`; `None` without a declared precision, else (precision, scale).
    Numeric(Option<(u16, i16)>),
    /// `money`.
    Money,
    /// Anything that is plain text in events: text, varchar, char(n), name, citext, inet, ranges …
    Text,
    /// `bytea`.
    Bytea,
    /// `bit(n)`; length in bits.
    Bit(u32),
    /// `bit varying(n)`; `None` = without limit.
    VarBit(Option<u32>),
    /// `date`.
    Date,
    /// `time(p)`; fractional digits, 6 when not declared.
    Time(u8),
    /// `time(p) with time zone`.
    TimeTz(u8),
    /// `timestamp(p)`.
    Timestamp(u8),
    /// `timestamp(p) with time zone`.
    TimestampTz(u8),
    /// `interval`.
    Interval,
    /// `json` and `jsonb`.
    Json,
    /// `xml`.
    Xml,
    /// `uuid`.
    Uuid,
    /// `point`.
    Point,
    /// PostGIS `geometry`, in hexadecimal EWKB.
    Geometry,
    /// PostGIS `geography`, in hexadecimal EWKB.
    Geography,
    /// `tsvector`.
    TsVector,
    /// `ltree`.
    Ltree,
    /// `hstore`.
    HStore,
    /// pgvector's `vector`.
    Vector,
    /// pgvector's `halfvec`.
    HalfVec,
    /// pgvector's `sparsevec`.
    SparseVec,
    /// `line`, `lseg`, `box`, `path`, `polygon` and `circle`, for which Debezium has no mapping either.
    Geometric,
    /// An enum type with its labels in sort order.
    Enum(Vec<String>),
    /// An array of the element type; the number of dimensions is not part of PostgreSQL's type.
    Array(Box<ColumnType>),
    /// A type Debezium has no mapping for; dropped from events unless `include.unknown.datatypes` is set.
    Unknown,
}
