//! Who runs the server, which decides how one of its settings is changed and how it is started again.

use crate::client::{Client, ClientError};

/// Who runs a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// Amazon RDS and Aurora: parameter groups.
    Rds,
    /// Google Cloud SQL: flags of the instance.
    CloudSql,
    /// Azure's flexible server: server parameters.
    Azure,
    /// People like the reader; the line that starts it again, where its place tells.
    Own(Option<String>),
}

/// Looks at the roles that services make, and at the place of the data, which only some roles may see.
pub(super) fn look(client: &mut Client) -> Result<Platform, ClientError> {
    let rows = client.query(
        "SELECT (SELECT string_agg(rolname, ' ') FROM pg_catalog.pg_roles \
           WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')), \
         (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')",
    )?;
    let roles = rows.first().and_then(|row| row.get(0)).unwrap_or_default();
    Ok(if roles.contains("rds_superuser") {
        Platform::Rds
    } else if roles.contains("cloudsqlsuperuser") {
        Platform::CloudSql
    } else if roles.contains("azure_pg_admin") {
        Platform::Azure
    } else {
        Platform::Own(rows.first().and_then(|row| row.get(1)).and_then(restart))
    })
}

impl Platform {
    /// How a setting gets a value that counts from the next start on.
    pub(super) fn set(&self, name: &str, value: &str) -> String {
        match self {
            // Their own names of `wal_level = logical` (AWS and Google Cloud, documentation of logical replication).
            Platform::Rds if name == "wal_level" => self.set("rds.logical_replication", "1"),
            Platform::CloudSql if name == "wal_level" => self.set("cloudsql.logical_decoding", "on"),
            Platform::Rds => {
                format!("Set {name} = {value} in the parameter group of the instance, then reboot the instance.")
            }
            Platform::CloudSql => format!(
                "gcloud sql instances patch INSTANCE --database-flags={name}={value} # with the flags it has; it restarts"
            ),
            Platform::Azure => format!(
                "az postgres flexible-server parameter set -g GROUP -s SERVER -n {name} -v {value} && \
                 az postgres flexible-server restart -g GROUP -n SERVER"
            ),
            Platform::Own(restart) => {
                let value = if value.parse::<u64>().is_ok() { value.to_owned() } else { format!("'{value}'") };
                let how = restart.as_ref().map_or_else(String::new, |line| format!(": {line}"));
                format!("ALTER SYSTEM SET {name} = {value}; -- then restart the server{how}")
            }
        }
    }

    /// How a role gets the right to replicate; `role` is quoted.
    pub(super) fn let_replicate(&self, role: &str) -> String {
        match self {
            Platform::Rds => format!("GRANT rds_replication TO {role};"),
            _ => format!("ALTER ROLE {role} REPLICATION;"),
        }
    }
}

/// The line that starts the server of a data directory again, as Debian, Red Hat and the container image lay them out.
fn restart(data_directory: &str) -> Option<String> {
    let parts: Vec<&str> = data_directory.trim_matches('/').split('/').collect();
    let version = |text: &str| text.parse::<u32>().is_ok();
    match parts.as_slice() {
        ["var", "lib", "postgresql", "data"] | ["var", "lib", "postgresql", _, "docker"] => {
            Some("docker restart CONTAINER".to_owned())
        }
        ["var", "lib", "postgresql", major, cluster] if version(major) => {
            Some(format!("sudo systemctl restart postgresql@{major}-{cluster}"))
        }
        ["var", "lib", "pgsql", major, "data"] if version(major) => {
            Some(format!("sudo systemctl restart postgresql-{major}"))
        }
        ["var", "lib", "pgsql", "data"] => Some("sudo systemctl restart postgresql".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_changed_where_the_server_runs() {
        let own = |place: &str| Platform::Own(restart(place)).set("wal_level", "logical");
        assert_eq!(own("/srv/pg"), "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server");
        for (place, line) in [
            ("/var/lib/postgresql/15/main", "sudo systemctl restart postgresql@15-main"),
            ("/var/lib/pgsql/16/data", "sudo systemctl restart postgresql-16"),
            ("/var/lib/postgresql/data", "docker restart CONTAINER"),
            ("/var/lib/postgresql/18/docker", "docker restart CONTAINER"),
        ] {
            assert!(own(place).ends_with(&format!("restart the server: {line}")), "{place}: {}", own(place));
        }
        assert!(Platform::Rds.set("wal_level", "logical").contains("rds.logical_replication = 1"));
        assert!(Platform::CloudSql.set("wal_level", "logical").contains("cloudsql.logical_decoding=on"));
        assert!(Platform::Azure.set("wal_level", "logical").contains("-n wal_level -v logical"));
        assert!(Platform::Rds.set("max_wal_senders", "30").contains("max_wal_senders = 30"));
        let number = Platform::Own(None).set("max_wal_senders", "30");
        assert!(number.starts_with("ALTER SYSTEM SET max_wal_senders = 30; "), "{number}");
        assert_eq!(Platform::Rds.let_replicate("a"), "GRANT rds_replication TO a;");
    }
}
