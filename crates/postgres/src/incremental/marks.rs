//! The marks of a window in the signal table: where it opens and where it closes.

use std::time::{SystemTime, UNIX_EPOCH};

use tailwater_connector::Problem;

use crate::client::{Client, ClientError};
use crate::settings::Settings;
use crate::{problem, sql};

/// The signal table refuses marks.
pub(crate) const SIGNAL_TABLE: &str = "SIGNAL_TABLE";

/// The statements that mark a window.
pub(super) struct Marks {
    table: String,
    window: String,
    opened: String,
    /// Opens it.
    pub open: String,
    by_delete: bool,
}

impl Marks {
    /// Of a window; none where the log's own positions stand for them.
    pub fn of(settings: &Settings, window: &str) -> Option<Marks> {
        let table = settings.signals.table.as_ref().filter(|_| !settings.incremental.read_only).map(sql::table)?;
        let opened = timestamp(SystemTime::now());
        let id = sql::literal(&format!("{window}-open"));
        let data = sql::literal(&format!("{{\"openWindowTimestamp\": \"{opened}\"}}"));
        let open = format!("INSERT INTO {table} VALUES ({id}, 'snapshot-window-open', {data})");
        let by_delete = settings.incremental.insert_delete;
        Some(Marks { table, window: window.to_owned(), opened, open, by_delete })
    }

    /// Closes it.
    pub fn close(&self, client: &mut Client) -> Result<(), ClientError> {
        let Marks { table, window, opened, .. } = self;
        if self.by_delete {
            // Names of columns are free; the first one is the id.
            let rows = client.query(&format!(
                "SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = {}::pg_catalog.regclass \
                 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 1",
                sql::literal(table)
            ))?;
            let column = rows.first().map(|row| sql::ident(row.text(0))).unwrap_or_default();
            let id = sql::literal(&format!("{window}-open"));
            if !client.query(&format!("DELETE FROM {table} WHERE {column} = {id} RETURNING 1"))?.is_empty() {
                return Ok(());
            }
            // Somebody cleaned the table.
        }
        let id = sql::literal(&format!("{window}-close"));
        let closed = timestamp(SystemTime::now());
        let data = format!("{{\"openWindowTimestamp\": \"{opened}\", \"closeWindowTimestamp\": \"{closed}\"}}");
        let data = sql::literal(&data);
        client.execute(&format!("INSERT INTO {table} VALUES ({id}, 'snapshot-window-close', {data})"))
    }

    /// The problem behind an error of these statements.
    pub fn refused(&self, error: ClientError, settings: &Settings) -> Problem {
        match error {
            // No table, no right, other columns, a value that does not fit, a standby.
            ClientError::Server(answer) if ["22", "23", "25", "42"].iter().any(|c| answer.sqlstate.starts_with(c)) => {
                let remedy = settings.signals.table.as_ref().map(|name| settings.signals.remedy(name, settings));
                Problem::environment(
                    SIGNAL_TABLE,
                    format!(
                        "an incremental snapshot is paused: it can not write its marks into {}: {}",
                        self.table, answer.message
                    ),
                    remedy.unwrap_or_default(),
                )
            }
            error => problem::of(&error, &settings.connection),
        }
    }
}

/// An instant as `2026-11-21T06:45:06.123456Z`.
fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to a civil date, by the method of eras of 400 years.
    let z = days + 719_468;
    let (era, day) = (z / 146_097, z % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_are_written_as_java_does() {
        let at = |micros: u64| timestamp(UNIX_EPOCH + Duration::from_micros(micros));
        assert_eq!(at(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_827_696_123_456), "2000-02-29T12:34:56.123456Z");
        assert_eq!(at(1_795_243_506_000_001), "2026-11-21T06:45:06.000001Z");
    }
}
