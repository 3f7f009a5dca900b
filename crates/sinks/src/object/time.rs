//! The time of a record in a field of its value (`timestamp.extractor` `RecordField` of Confluent's storage connectors).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;
use tailwater_connector::Problem;

/// The property that names the field.
pub(super) const TIME_FIELD: &str = "timestamp.field";

/// A field, and those around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeField(Vec<String>);

impl TimeField {
    /// From a path such as `ts_ms` or `source.ts_ms`.
    pub(super) fn new(path: &str) -> Self {
        TimeField(path.split('.').map(str::to_owned).collect())
    }

    /// The time of a value: a number is milliseconds since 1970, a text a date or a time as ISO 8601 has them, in UTC where it
    /// names no zone.
    pub(super) fn of(&self, value: &[u8]) -> Result<i64, Problem> {
        let parsed: Value = serde_json::from_slice(value).map_err(|_| self.refused("the value is no JSON"))?;
        let field = self.0.iter().try_fold(&parsed, |value, name| value.get(name));
        match field.unwrap_or(&Value::Null) {
            Value::Number(number) => number
                .as_i64()
                .or_else(|| number.as_f64().map(|number| number as i64))
                .ok_or_else(|| self.refused("the number is none of milliseconds")),
            Value::String(text) => moment(text).ok_or_else(|| self.refused("the text is no time of ISO 8601")),
            Value::Null => Err(self.refused("it is null, or not there")),
            _ => Err(self.refused("it is neither a number nor a text")),
        }
    }

    fn refused(&self, why: &str) -> Problem {
        let name = self.0.join(".");
        Problem::stop(
            "SINK_TIME_MISSING",
            format!("the field '{name}' has no time: {why}"),
            format!(
                r#"Name a field of every value in '{TIME_FIELD}' (of change events: "ts_ms"), or set "timestamp.extractor" to "Record"."#
            ),
        )
    }
}

fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let date_time = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    date_time.ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_or_texts_at_the_end_of_a_path() {
        const MS: i64 = 1_795_233_906_000;
        for (path, value, expected) in [
            ("ts_ms", r#"{"ts_ms":1795233906000}"#, MS),
            ("source.ts_ms", r#"{"source":{"ts_ms":1795233906000}}"#, MS),
            ("t", r#"{"t":"2026-11-21T04:05:06Z"}"#, MS),
            ("t", r#"{"t":"2026-11-21T13:05:06.000+09:00"}"#, MS),
            ("t", r#"{"t":"2026-11-21T04:05:06"}"#, MS),
            ("t", r#"{"t":"2026-11-21 04:05:06"}"#, MS),
            ("t", r#"{"t":"1970-01-02"}"#, 86_400_000),
        ] {
            assert_eq!(TimeField::new(path).of(value.as_bytes()).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn what_has_no_time_says_which_field_and_shows_no_value() {
        for value in [r#"{"t":null}"#, "{}", r#"{"t":"HIDDEN"}"#, r#"{"t":{"HIDDEN":1}}"#, "HIDDEN"] {
            let problem = TimeField::new("t").of(value.as_bytes()).unwrap_err();
            assert!(problem.cause.contains("'t'") && !problem.cause.contains("HIDDEN"), "{problem}");
        }
    }
}
