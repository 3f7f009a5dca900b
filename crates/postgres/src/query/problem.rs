//! A server's errors in the words of this connector's properties.

use tailwater_connector::Problem;

use crate::client::{ClientError, ConnectionSettings};
use crate::problem;

/// Names in the problems of the log source, and what they are called here.
const NAMES: [(&str, &str); 6] = [
    ("'database.hostname'", "'connection.url'"),
    ("'database.dbname'", "the database in 'connection.url'"),
    ("'database.user'", "'connection.user'"),
    ("'database.password'", "'connection.password'"),
    ("'database.sslrootcert'", "'connection.sslrootcert'"),
    ("database.sslmode", "connection.sslmode"),
];

/// The problem behind an error.
pub(super) fn of(error: &ClientError, connection: &ConnectionSettings) -> Problem {
    let mut found = problem::of(error, connection);
    for (theirs, ours) in NAMES {
        found.remedy = found.remedy.replace(theirs, ours);
    }
    if found.code == problem::POOLER {
        found.cause = format!(
            "{}:{} is a connection pooler, which does not let us choose the settings of a session",
            connection.host, connection.port
        );
        "Give host and port of the PostgreSQL server itself in 'connection.url'.".clone_into(&mut found.remedy);
    }
    match error.sqlstate() {
        Some("42501") => {
            "Grant what is missing: GRANT SELECT ON TABLE … TO …; GRANT USAGE ON SCHEMA … TO …;"
                .clone_into(&mut found.remedy);
            found
        }
        // A standby had to apply changes, or a query's own writes met others.
        Some(state) if state.starts_with("40") => Problem::retry(
            "POLL_CANCELLED",
            "the server cancelled a poll because of a conflict with other work",
            "Nothing is to be done: it is tried again. On a standby, hot_standby_feedback = on makes it rarer.",
        ),
        Some("55P03") => Problem::retry(
            "TABLE_LOCKED",
            "a table can not be read because a running change of its shape holds it",
            "Let that change end; the table is tried again at the next poll.",
        ),
        _ => found,
    }
}

/// The same for an error of the statement made from the properties `query` and `query.suffix`.
pub(super) fn of_query(error: &ClientError, connection: &ConnectionSettings) -> Problem {
    match error {
        // Syntax, names and types; classes 22 and 23 would quote values.
        ClientError::Server(answer) if answer.sqlstate.starts_with("42") && answer.sqlstate != "42501" => {
            Problem::config(
                "QUERY_INVALID",
                format!("the server does not understand the query: {} (SQLSTATE {})", answer.message, answer.sqlstate),
                "Correct 'query' and 'query.suffix'. In all modes but bulk the query becomes a subselect, \
                 to which conditions are added: it must be one SELECT with distinct column names.",
            )
        }
        _ => of(error, connection),
    }
}

/// A problem of the transport, whose remedy is in the words of the log source.
pub(super) fn of_writing(problem: Problem) -> Problem {
    match problem.code.as_str() {
        "RECORD_TOO_LARGE" => Problem {
            remedy: "Leave the large column out: set 'query' to a SELECT of the other columns, or of left(COLUMN, LENGTH) AS \
                     COLUMN."
                .to_owned(),
            ..problem
        },
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tailwater_connector::{HostAliases, ProblemKind};

    use super::*;
    use crate::client::{ServerError, TlsSettings};

    #[test]
    fn remedies_name_this_connectors_properties() {
        let connection = ConnectionSettings {
            host: "db".into(),
            port: 5432,
            user: "ann".into(),
            password: None,
            database: "shop".into(),
            tls: TlsSettings::default(),
            application_name: String::new(),
            connect_timeout: Duration::ZERO,
            aliases: HostAliases::default(),
        };
        let answer = |state: &str| ServerError { sqlstate: state.into(), message: "m".into(), hint: String::new() };
        for error in [
            ClientError::Unreachable("x: failed to lookup address information".into()),
            ClientError::Tls("expired".into()),
            ClientError::Credentials(answer("28P01")),
            ClientError::Server(answer("3D000")),
            ClientError::Server(answer("42501")),
        ] {
            let remedy = of(&error, &connection).remedy;
            assert!(!remedy.contains("database.") && !remedy.contains("REPLICATION"), "{remedy}");
        }
        let written = |code: &str| of_writing(Problem::stop(code, "c", "column.exclude.list")).remedy;
        assert!(written("RECORD_TOO_LARGE").contains("'query'") && written("JOURNAL_FULL") == "column.exclude.list");
        for (state, code) in [("40001", "POLL_CANCELLED"), ("55P03", "TABLE_LOCKED")] {
            let found = of(&ClientError::Server(answer(state)), &connection);
            assert_eq!((found.code.as_str(), found.kind), (code, ProblemKind::Retry));
        }
        assert_eq!(of_query(&ClientError::Server(answer("42601")), &connection).code, "QUERY_INVALID");
        assert_eq!(of_query(&ClientError::Server(answer("57P01")), &connection).code, "SERVER_RESTARTING");
    }
}
