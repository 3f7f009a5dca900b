//! What a server's answer means to a person: code, cause and remedy for each way a session can fail.

use tailwater_connector::Problem;

use crate::client::{ClientError, ConnectionSettings, ServerError};
use crate::sql;

/// Code of a pooler in front of the server.
pub(crate) const POOLER: &str = "POOLER";
/// Code of a publication that is not there, or was not there yet at the slot's position.
pub(crate) const PUBLICATION_MISSING: &str = "PUBLICATION_MISSING";

/// The problem behind an error, in the words of the connection it happened on.
pub fn of(error: &ClientError, connection: &ConnectionSettings) -> Problem {
    match error {
        ClientError::Unreachable(why) => unreachable(why, connection),
        ClientError::Lost(why) => Problem::retry(
            "CONNECTION_LOST",
            format!("the connection to {} broke: {why}", address(connection)),
            "It is made again by itself. If it keeps breaking, look into the server's log.",
        ),
        ClientError::Tls(why) => Problem::config(
            "TLS_FAILED",
            format!("no encrypted connection to {}: {why}", address(connection)),
            "Name the authority's certificate in 'database.sslrootcert', or choose another 'database.sslmode'.",
        ),
        ClientError::Credentials(answer) => credentials(answer, connection),
        ClientError::Server(answer) => server(answer, connection),
        ClientError::TooLarge(bytes) => Problem::stop(
            "ROW_TOO_LARGE",
            format!("a row of {bytes} bytes is larger than 'max.row.bytes' allows"),
            format!("Set \"max.row.bytes\": \"{}\" and start again.", bytes.next_power_of_two()),
        ),
        ClientError::Protocol(what) => Problem::internal(
            "PROTOCOL",
            format!("{} answered in a way we do not understand: {what}", address(connection)),
        ),
        ClientError::Interrupted => {
            Problem::retry("INTERRUPTED", "the session was ended because the connector stops", "Nothing is to be done.")
        }
    }
}

/// A pooler in front of the server does not pass replication on.
pub(crate) fn pooler(connection: &ConnectionSettings) -> Problem {
    Problem::config(
        POOLER,
        format!("{} is a connection pooler, which does not pass replication on", address(connection)),
        "Give host and port of the PostgreSQL server itself in 'database.hostname' and 'database.port'.",
    )
}

fn address(connection: &ConnectionSettings) -> String {
    let ConnectionSettings { host, port, .. } = connection;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn unreachable(why: &str, connection: &ConnectionSettings) -> Problem {
    let host = &connection.host;
    if why.contains("lookup address") || why.contains("no address") {
        let (reached, _) = connection.aliases.resolve(host, connection.port);
        // Names without a dot are mostly those of a compose network, which only containers know.
        let alias = match host.contains('.') {
            true => String::new(),
            false => {
                format!(". If it is a name inside a container network: --alias {host}=127.0.0.1:{}", connection.port)
            }
        };
        return Problem::retry(
            "HOST_UNKNOWN",
            format!("no address is known for the host name \"{reached}\""),
            format!("Correct 'database.hostname', or check the name service: getent hosts {reached}{alias}"),
        );
    }
    let reason = why.rsplit(": ").next().unwrap_or(why);
    let (reached, port) = connection.aliases.resolve(host, connection.port);
    let alias = if (reached, port) == (host, connection.port) { "" } else { ", which is an alias" };
    Problem::retry(
        "SERVER_UNREACHABLE",
        format!("no PostgreSQL answers at {}{alias}: {reason}", address(connection)),
        format!("Start the server, or correct host and port. To check: pg_isready -h {reached} -p {port}"),
    )
}

/// Class 28: the server, or `pg_hba.conf`, turned us away.
fn credentials(answer: &ServerError, connection: &ConnectionSettings) -> Problem {
    let ConnectionSettings { user, database, .. } = connection;
    let message = &answer.message;
    if message.contains("pg_hba.conf") {
        if message.contains("no encryption") && message.contains("no pg_hba.conf entry") {
            return Problem::config(
                "TLS_REQUIRED",
                format!(
                    "the server takes no unencrypted connection of user \"{user}\" to database \"{database}\": {message}"
                ),
                "Set \"database.sslmode\": \"require\" (or verify-full), or let the server's pg_hba.conf allow it.",
            );
        }
        return Problem::environment(
            "HBA_REFUSED",
            format!("the server's pg_hba.conf keeps user \"{user}\" out of database \"{database}\": {message}"),
            format!(
                "Add to pg_hba.conf: host {database} {user} ADDRESS/32 scram-sha-256 -- then: SELECT pg_reload_conf();"
            ),
        );
    }
    if answer.sqlstate == "28000" && message.contains("not permitted to log in") {
        return Problem::config(
            "AUTH_FAILED",
            format!("user \"{user}\" may not log in"),
            format!("ALTER ROLE {} LOGIN;", sql::ident(user)),
        );
    }
    let cause = if connection.password.is_none() && message.contains("no password") {
        format!("the server asks for the password of user \"{user}\", and none was given")
    } else {
        format!("the server refuses user \"{user}\": {message}")
    };
    Problem::config("AUTH_FAILED", cause, "Correct 'database.user' and 'database.password'.")
}

fn server(answer: &ServerError, connection: &ConnectionSettings) -> Problem {
    let ConnectionSettings { user, database, .. } = connection;
    let message = &answer.message;
    let retry = |code: &str, cause: &str, remedy: &str| {
        Problem::retry(code, format!("{} {cause}: {message}", address(connection)), remedy)
    };
    match answer.sqlstate.as_str() {
        "3D000" => Problem::config(
            "DATABASE_MISSING",
            format!("there is no database \"{database}\" at {}", address(connection)),
            format!("Correct 'database.dbname', or: CREATE DATABASE {};", sql::ident(database)),
        ),
        "42501" => Problem::environment(
            "PERMISSION_DENIED",
            format!("user \"{user}\" lacks a right: {message}"),
            format!("Run `tailwater doctor` for the exact GRANT, or: ALTER ROLE {} REPLICATION;", sql::ident(user)),
        ),
        "42704" if message.contains("publication") => Problem::stop(
            PUBLICATION_MISSING,
            format!("{message} at the slot's position; it was made after the slot, or dropped since"),
            "Drop the slot and start with a new snapshot; the publication is then made first.",
        ),
        "53300" => {
            retry("TOO_MANY_CONNECTIONS", "has no free connection", "Raise max_connections, or end idle sessions.")
        }
        "53400" => no_free_slot(message),
        "55006" => retry("SLOT_IN_USE", "says the slot is in use", "Stop the other reader of the slot."),
        "57P01" | "57P02" | "57P03" => {
            retry("SERVER_RESTARTING", "is starting or stopping", "Wait; it is tried again.")
        }
        "58P01" | "55000"
            if message.contains("removed") || message.contains("invalidat") || message.contains("no longer") =>
        {
            Problem::stop(
                "SLOT_LOST",
                format!("the server no longer has the log that the slot needs: {message}"),
                "Drop the slot and start with a new snapshot; raise max_slot_wal_keep_size to keep more log.",
            )
        }
        "55000" if message.contains("wal_level") => wal_level("lower"),
        "08P01" | "0A000" if message.contains("replication") || message.contains("startup parameter") => {
            pooler(connection)
        }
        state if state.starts_with("08") => {
            retry("CONNECTION_LOST", "broke the connection", "It is made again by itself.")
        }
        "42P01" => retry("TABLE_GONE", "no longer has a table", "The tables are looked up again by themselves."),
        "57014" => retry("CANCELLED", "cancelled a statement", "It is tried again."),
        // Classes 22 and 23 quote values of rows.
        state if state.starts_with("22") || state.starts_with("23") => Problem::environment(
            "SERVER_REFUSED",
            format!("the server refused a statement (SQLSTATE {state})"),
            "The server's log names the statement.",
        ),
        state => Problem::environment(
            "SERVER_REFUSED",
            format!("the server refused a statement: {message} (SQLSTATE {state})"),
            if answer.hint.is_empty() {
                "The server's log names the statement.".to_owned()
            } else {
                answer.hint.clone()
            },
        ),
    }
}

/// The server decodes no changes.
pub(crate) fn wal_level(found: &str) -> Problem {
    Problem::environment(
        "WAL_LEVEL",
        format!("the server's wal_level is {found}; logical is needed"),
        "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server",
    )
}

/// No replication slot is left.
pub(crate) fn no_free_slot(detail: &str) -> Problem {
    Problem::environment(
        "NO_FREE_SLOT",
        format!("the server has no free replication slot: {detail}"),
        "ALTER SYSTEM SET max_replication_slots = 20; -- then restart the server, or drop a slot that nobody uses",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tailwater_connector::{HostAliases, ProblemKind};

    use super::*;
    use crate::client::TlsSettings;

    fn connection() -> ConnectionSettings {
        ConnectionSettings {
            host: "db".into(),
            port: 5432,
            user: "al\"ice".into(),
            password: None,
            database: "shop".into(),
            tls: TlsSettings::default(),
            application_name: String::new(),
            connect_timeout: Duration::ZERO,
            aliases: HostAliases::default(),
        }
    }

    fn answer(sqlstate: &str, message: &str) -> ServerError {
        ServerError { sqlstate: sqlstate.into(), message: message.into(), hint: String::new() }
    }

    #[test]
    fn every_failure_has_code_kind_and_remedy() {
        use ProblemKind::{Config, Environment, Retry, Stop};
        let server = |state: &str, message: &str| ClientError::Server(answer(state, message));
        let credentials = |state: &str, message: &str| ClientError::Credentials(answer(state, message));
        let cases = [
            (ClientError::Unreachable("cannot reach db:1: Connection refused".into()), "SERVER_UNREACHABLE", Retry),
            (
                ClientError::Unreachable("cannot reach db:1: failed to lookup address information: x".into()),
                "HOST_UNKNOWN",
                Retry,
            ),
            (ClientError::Lost("reset".into()), "CONNECTION_LOST", Retry),
            (ClientError::Tls("expired".into()), "TLS_FAILED", Config),
            (credentials("28P01", "password authentication failed"), "AUTH_FAILED", Config),
            (credentials("28000", "no pg_hba.conf entry for host \"::1\", no encryption"), "TLS_REQUIRED", Config),
            (credentials("28000", "pg_hba.conf rejects connection for host \"::1\""), "HBA_REFUSED", Environment),
            (server("3D000", "database does not exist"), "DATABASE_MISSING", Config),
            (server("42501", "permission denied"), "PERMISSION_DENIED", Environment),
            (server("42704", "publication \"p\" does not exist"), "PUBLICATION_MISSING", Stop),
            (server("42P01", "relation \"t\" does not exist"), "TABLE_GONE", Retry),
            (server("53300", "sorry, too many clients already"), "TOO_MANY_CONNECTIONS", Retry),
            (server("53400", "all replication slots are in use"), "NO_FREE_SLOT", Environment),
            (server("55006", "replication slot \"s\" is active for PID 1"), "SLOT_IN_USE", Retry),
            (server("57P03", "the database system is starting up"), "SERVER_RESTARTING", Retry),
            (server("58P01", "requested WAL segment 00 has already been removed"), "SLOT_LOST", Stop),
            (server("55000", "logical decoding requires wal_level >= logical"), "WAL_LEVEL", Environment),
            (server("08P01", "unsupported startup parameter: replication"), "POOLER", Config),
            (server("XX000", "odd"), "SERVER_REFUSED", Environment),
            (ClientError::TooLarge(200), "ROW_TOO_LARGE", Stop),
        ];
        for (error, code, kind) in cases {
            let problem = of(&error, &connection());
            assert_eq!((problem.code.as_str(), problem.kind), (code, kind), "{error:?}");
            assert!(!problem.remedy.is_empty(), "{code}");
        }
    }

    #[test]
    fn a_bare_name_without_address_is_told_how_to_be_an_alias() {
        let error = ClientError::Unreachable("cannot reach x: failed to lookup address information: x".into());
        let remedy = |host: &str| of(&error, &ConnectionSettings { host: host.into(), ..connection() }).remedy;
        assert!(remedy("postgres").ends_with("--alias postgres=127.0.0.1:5432"), "{}", remedy("postgres"));
        assert!(!remedy("db.example.com").contains("--alias"));
        let refused = ClientError::Unreachable("cannot reach db:5432: Connection refused".into());
        let aliases = HostAliases::parse(["db=127.0.0.1:1"]).unwrap();
        let problem = of(&refused, &ConnectionSettings { aliases, ..connection() });
        assert!(problem.cause.contains("db:5432, which is an alias: Connection refused"), "{problem}");
        assert!(problem.remedy.ends_with("-h 127.0.0.1 -p 1"), "{}", problem.remedy);
    }

    #[test]
    fn values_of_rows_are_not_repeated() {
        let error = ClientError::Server(answer("22P02", "invalid input syntax for type integer: \"4111 1111\""));
        assert!(!of(&error, &connection()).cause.contains("4111"));
    }

    #[test]
    fn names_in_remedies_are_quoted() {
        let error = ClientError::Server(answer("42501", "must be superuser"));
        assert!(of(&error, &connection()).remedy.contains("\"al\"\"ice\""));
    }
}
