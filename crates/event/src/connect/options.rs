//! What the form of rows depends on, under the connector's and the converter's property names.

use crate::debezium::JsonDecimal;

/// Everything a row plan depends on besides the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOptions {
    /// `value.converter.schemas.enable`.
    pub schemas: bool,
    /// `value.converter.decimal.format`.
    pub json_decimal: JsonDecimal,
    /// `numeric.mapping`.
    pub numeric: NumericMapping,
    /// `timestamp.granularity`.
    pub timestamp: TimestampForm,
}

impl Default for RowOptions {
    fn default() -> Self {
        RowOptions {
            schemas: true,
            json_decimal: JsonDecimal::Base64,
            numeric: NumericMapping::None,
            timestamp: TimestampForm::Connect,
        }
    }
}

/// `numeric.mapping`: which `numeric` columns become plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericMapping {
    /// None; all are Connect's Decimal.
    None,
    /// Those without fraction and up to 18 digits, as integers.
    PrecisionOnly,
    /// Up to 18 digits: integers without fraction, doubles with one.
    BestFit,
    /// The same, and doubles for every column with a fraction.
    BestFitEagerDouble,
}

/// `timestamp.granularity`: the form of `timestamp` and `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampForm {
    /// Connect's Timestamp: milliseconds since 1970.
    Connect,
    /// Microseconds since 1970.
    MicrosLong,
    /// The same as text.
    MicrosString,
    /// `2024-02-29T10:11:12.123456`.
    MicrosIso,
    /// Nanoseconds since 1970.
    NanosLong,
    /// The same as text.
    NanosString,
    /// `2024-02-29T10:11:12.123456000`.
    NanosIso,
}
