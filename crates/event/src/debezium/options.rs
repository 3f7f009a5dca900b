//! How values and envelopes look: the connector's handling modes and the converter's settings.

use super::NameAdjustment;

/// Everything an encode plan depends on besides the table. Names follow Debezium's and Kafka Connect's properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// `source.version`.
    pub version: String,
    /// `topic.prefix`; `source.name`.
    pub prefix: String,
    /// `source.db`.
    pub database: String,
    /// `key.converter.schemas.enable`.
    pub key_schemas: bool,
    /// `value.converter.schemas.enable`.
    pub value_schemas: bool,
    /// `header.converter.schemas.enable` (a header converter that is not JSON counts as false).
    pub header_schemas: bool,
    /// `value.converter.replace.null.with.default`.
    pub value_replace_null: bool,
    /// `key.converter.replace.null.with.default`.
    pub key_replace_null: bool,
    /// `value.converter.decimal.format`.
    pub json_decimal: JsonDecimal,
    /// `key.converter.decimal.format`.
    pub key_json_decimal: JsonDecimal,
    /// `decimal.handling.mode`.
    pub decimal: DecimalMode,
    /// `time.precision.mode`.
    pub time: TimeMode,
    /// `binary.handling.mode`.
    pub binary: BinaryMode,
    /// `interval.handling.mode`.
    pub interval: IntervalMode,
    /// `hstore.handling.mode`.
    pub hstore: HStoreMode,
    /// `money.fraction.digits`.
    pub money_scale: u16,
    /// `include.unknown.datatypes`.
    pub include_unknown: bool,
    /// Columns of types without a form as text; Debezium leaves them out.
    pub unknown_as_text: bool,
    /// `unavailable.value.placeholder`.
    pub unavailable: UnavailableValue,
    /// `tombstones.on.delete`.
    pub tombstones: bool,
    /// `skipped.operations` has `c`: of a changed key no create is left.
    pub skip_creates: bool,
    /// `skipped.operations` has `d`: of a changed key no delete and tombstone are left.
    pub skip_deletes: bool,
    /// `schema.name.adjustment.mode`.
    pub schema_names: NameAdjustment,
    /// `field.name.adjustment.mode`.
    pub field_names: NameAdjustment,
    /// `skip.messages.without.change`: an update whose old row came whole and looks like the new one makes no event.
    pub skip_unchanged: bool,
    /// Strict compatibility: what the original's snapshot makes of values, since it reads through JDBC.
    pub jdbc_snapshot: bool,
    /// The context headers of `extended.headers.enabled`: (name, value) pairs on every record; empty = off.
    pub context_headers: Vec<(String, String)>,
    /// `compatibility.mode=strict`: the original's mistakes, too.
    pub strict: bool,
}

/// `decimal.handling.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMode {
    /// Bytes of the unscaled value.
    Precise,
    /// Text.
    String,
    /// A double.
    Double,
}

/// `decimal.format` of the JSON converter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonDecimal {
    /// Base64 of the unscaled value's bytes.
    Base64,
    /// A JSON number.
    Numeric,
}

/// `time.precision.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeMode {
    /// By the column's precision.
    Adaptive,
    /// As adaptive, times always in microseconds.
    AdaptiveTimeMicroseconds,
    /// Kafka Connect's own types, milliseconds.
    Connect,
    /// ISO text.
    IsoString,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

/// `binary.handling.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryMode {
    /// Bytes (base64 in JSON).
    Bytes,
    /// Base64 text.
    Base64,
    /// Base64 text for URLs.
    Base64UrlSafe,
    /// Hexadecimal text.
    Hex,
}

/// `interval.handling.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalMode {
    /// Microseconds; a month counts 30.4375 days.
    Numeric,
    /// ISO 8601 text.
    String,
}

/// `hstore.handling.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HStoreMode {
    /// JSON text.
    Json,
    /// A map.
    Map,
}

/// `unavailable.value.placeholder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnavailableValue(pub Vec<u8>);

impl Default for UnavailableValue {
    fn default() -> Self {
        UnavailableValue(b"__debezium_unavailable_value".to_vec())
    }
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions {
            version: String::new(),
            prefix: String::new(),
            database: String::new(),
            key_schemas: true,
            value_schemas: true,
            header_schemas: true,
            value_replace_null: true,
            key_replace_null: true,
            json_decimal: JsonDecimal::Base64,
            key_json_decimal: JsonDecimal::Base64,
            decimal: DecimalMode::Precise,
            time: TimeMode::Adaptive,
            binary: BinaryMode::Bytes,
            interval: IntervalMode::Numeric,
            hstore: HStoreMode::Json,
            money_scale: 2,
            include_unknown: false,
            unknown_as_text: false,
            unavailable: UnavailableValue::default(),
            tombstones: true,
            skip_creates: false,
            skip_deletes: false,
            schema_names: NameAdjustment::None,
            field_names: NameAdjustment::None,
            skip_unchanged: false,
            jdbc_snapshot: false,
            context_headers: Vec::new(),
            strict: false,
        }
    }
}
