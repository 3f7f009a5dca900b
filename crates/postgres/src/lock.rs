//! Tables that were waited for in vain, and who holds them.

use tailwater_connector::Problem;
use tailwater_event::TableName;

use crate::client::{Client, ClientError};

/// The code of a table that somebody holds.
pub(crate) const TABLE_LOCKED: &str = "TABLE_LOCKED";

/// What somebody wants to do with tables, and what keeps it from them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// As in "cannot be …".
    pub done: &'static str,
    /// Modes of locks that keep it from being done (PostgreSQL docs, Table-Level Locks).
    modes: &'static str,
    /// Who waits with them.
    pub others: &'static str,
}

/// To read rows.
pub(crate) const READ: Wanted =
    Wanted { done: "read", modes: "'AccessExclusiveLock'", others: "; the connector's other tables wait with it" };

/// To be polled: then the others have their turn.
pub(crate) const POLLED: Wanted = Wanted { others: "; it is tried again at the next poll", ..READ };

/// To be put into a publication.
pub(crate) const PUBLISHED: Wanted = Wanted {
    done: "published",
    modes: "'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'",
    others: "",
};

/// Says which of the tables are held, and by whom. To be asked for with a session whose own wait is over.
pub(crate) fn held(client: &mut Client, wanted: Wanted, tables: &[(u32, &TableName)]) -> Result<Problem, ClientError> {
    if tables.is_empty() {
        return Ok(unnamed(wanted));
    }
    let oids: Vec<_> = tables.iter().map(|(oid, _)| oid.to_string()).collect();
    let (oids, modes) = (oids.join(", "), wanted.modes);
    // One who waits for such a lock holds up those who come later, too. A partition stands for its root.
    let rows = client.query(&format!(
        "SELECT CASE WHEN l.relation IN ({oids}) THEN l.relation ELSE i.inhparent END, l.pid, \
         coalesce(a.application_name, ''), coalesce(a.usename, a.backend_type, ''), \
         coalesce(date_trunc('second', a.xact_start)::pg_catalog.text, '') \
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = l.relation \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'relation' AND l.mode IN ({modes}) AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() \
         AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) \
         AND (l.relation IN ({oids}) OR i.inhparent IN ({oids})) ORDER BY l.granted DESC, l.pid"
    ))?;
    let is_in = |oid: &u32| rows.iter().any(|row| row.text(0) == oid.to_string());
    let names: Vec<_> = tables.iter().filter(|(oid, _)| is_in(oid)).map(|(_, name)| name.to_string()).collect();
    let Some(first) = rows.first() else { return Ok(unnamed(wanted)) };
    let (names, Wanted { done, others, .. }) = (names.join(", "), wanted);
    // Transactions that were prepared for a two-phase commit have no process.
    let Some(pid) = first.get(1) else {
        return Ok(Problem::retry(
            TABLE_LOCKED,
            format!("{names} cannot be {done} because a prepared transaction holds it{others}"),
            "End it with COMMIT PREPARED or ROLLBACK PREPARED; its name: SELECT gid, prepared, owner FROM pg_prepared_xacts;",
        ));
    };
    let who = match (first.text(2), first.text(3)) {
        ("", user) => user.to_owned(),
        (name, user) => format!("{name} of user {user}"),
    };
    Ok(Problem::retry(
        TABLE_LOCKED,
        format!(
            "{names} cannot be {done} because the transaction of process {pid} ({who}, since {}) locks it{others}",
            first.text(4)
        ),
        format!("Let that transaction end; it is tried again. To end it: SELECT pg_terminate_backend({pid});"),
    ))
}

/// Whoever held it has let go, or the table is none of these.
fn unnamed(Wanted { done, modes, .. }: Wanted) -> Problem {
    Problem::retry(
        TABLE_LOCKED,
        format!("a table could not be {done} because another transaction locked it"),
        format!(
            "It is tried again. To see who locks tables: SELECT pid, relation::regclass, mode FROM pg_locks WHERE mode \
             IN ({modes});"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tailwater_testkit::{Postgres, Session, wait_until};

    use super::*;
    use crate::client::{ConnectionSettings, TlsSettings};
    use tailwater_connector::HostAliases;

    #[test]
    fn who_holds_a_table_is_named_and_who_waits_before_us_too() {
        let server = Postgres::start();
        server.psql(
            "postgres",
            "create table t (id int) partition by range (id); create table p partition of t for values from (0) to (9);
             create table u (id int);",
        );
        let mut client = Client::connect(
            &ConnectionSettings {
                host: "127.0.0.1".into(),
                port: server.port(),
                user: "postgres".into(),
                password: None,
                database: "postgres".into(),
                tls: TlsSettings::default(),
                application_name: String::new(),
                connect_timeout: Duration::from_secs(5),
                aliases: HostAliases::default(),
            },
            false,
        )
        .unwrap();
        let oid = |table: &str| server.psql("postgres", &format!("select '{table}'::regclass::oid;")).parse().unwrap();
        let (t, u) = (TableName::new("public", "t"), TableName::new("public", "u"));
        let tables = [(oid("t"), &t), (oid("u"), &u)];
        let mut found = |wanted| held(&mut client, wanted, &tables).unwrap();
        assert!(found(READ).remedy.contains("pg_locks"));

        let mut reader = Session::open(&server, "postgres");
        reader.run("begin; select count(*) from p;").unwrap();
        assert!(found(READ).remedy.contains("pg_locks"), "a reader keeps nobody from reading");
        std::thread::scope(|scope| {
            let change =
                scope.spawn(|| Session::open(&server, "postgres").run("begin; lock table p in access exclusive mode;"));
            let waits = "select pid from pg_locks where not granted;";
            assert!(wait_until(Duration::from_secs(20), || !server.psql("postgres", waits).is_empty()));
            let (pid, problem) = (server.psql("postgres", waits), found(READ));
            assert_eq!(problem.code, TABLE_LOCKED);
            assert!(
                problem.cause.starts_with("public.t cannot be read because") && problem.cause.contains("other tables")
            );
            assert!(problem.remedy.contains(&format!("pg_terminate_backend({pid})")), "{problem:?}");
            reader.run("commit;").unwrap();
            drop(change.join().unwrap());
        });

        let mut upkeep = Session::open(&server, "postgres");
        upkeep.run("begin; lock table u in share update exclusive mode;").unwrap();
        assert!(found(READ).remedy.contains("pg_locks"), "upkeep keeps nobody from reading");
        assert!(found(PUBLISHED).cause.starts_with("public.u cannot be published because"));
    }
}
