//! A database named on the command line: a URI, completed from libpq's environment and password file.

use std::path::PathBuf;

use tailwater_connector::{Config, Problem};
use url::Url;

/// Where a database is, in libpq's terms.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUri {
    host: String,
    port: u16,
    user: String,
    password: Option<String>,
    database: String,
    /// `database.*` properties from the query part or the environment.
    tls: Vec<(&'static str, String)>,
}

/// libpq's TLS parameters, their environment variables, and the properties they become.
const TLS: [(&str, &str, &str); 4] = [
    ("sslmode", "PGSSLMODE", "database.sslmode"),
    ("sslrootcert", "PGSSLROOTCERT", "database.sslrootcert"),
    ("sslcert", "PGSSLCERT", "database.sslcert"),
    ("sslkey", "PGSSLKEY", "database.sslkey"),
];

impl SourceUri {
    /// Reads a URI; what it leaves out comes from `PG*` variables, then from libpq's defaults. The password may also
    /// come from the password file.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<SourceUri, Problem> {
        let url = Url::parse(text).map_err(|error| invalid(&format!("the URI cannot be read: {error}")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(invalid(&format!("'{}' is not a scheme of PostgreSQL", url.scheme())));
        }
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let host = url.host_str().filter(|h| !h.is_empty()).map(decoded).transpose()?;
        let host = host.map(|h| h.trim_start_matches('[').trim_end_matches(']').to_owned());
        let host = host.or_else(|| env("PGHOST")).unwrap_or_else(|| "localhost".into());
        if host.starts_with('/') {
            return Err(Problem::config(
                "URI_INVALID",
                "a Unix socket directory is not supported as a host",
                "Use the server's TCP address, such as localhost.",
            ));
        }
        let port = match (url.port(), env("PGPORT")) {
            (Some(port), _) => port,
            (None, Some(port)) => port.parse().map_err(|_| invalid("PGPORT is not a port number"))?,
            (None, None) => 5432,
        };
        let user = Some(decoded(url.username())?).filter(|u| !u.is_empty()).or_else(|| env("PGUSER"));
        let user = user.or_else(|| env("USER")).ok_or_else(|| invalid("the URI names no user"))?;
        let database = Some(decoded(url.path().trim_start_matches('/'))?).filter(|d| !d.is_empty());
        let database = database.or_else(|| env("PGDATABASE")).unwrap_or_else(|| user.clone());
        let mut tls: Vec<_> =
            TLS.iter().filter_map(|(_, variable, property)| Some((*property, env(variable)?))).collect();
        for (name, value) in url.query_pairs() {
            match TLS.iter().find(|(parameter, ..)| *parameter == name) {
                Some((.., property)) => {
                    tls.retain(|(set, _)| set != property);
                    tls.push((property, value.into_owned()));
                }
                None => {
                    let known = TLS.map(|(parameter, ..)| parameter).join(", ");
                    return Err(invalid(&format!("the parameter '{name}' is not supported; {known} are")));
                }
            }
        }
        let mut uri = SourceUri { host, port, user, password: None, database, tls };
        let given = url.password().map(decoded).transpose()?;
        uri.password = given.or_else(|| env("PGPASSWORD")).or_else(|| uri.filed_password(&env));
        Ok(uri)
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The URI without its password, for people.
    pub fn shown(&self) -> String {
        format!("postgres://{}@{}:{}/{}", self.user, self.host, self.port, self.database)
    }

    /// The connection as properties of a connector.
    pub fn properties(&self) -> Config {
        let mut config = Config::default();
        config.set("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        config.set("database.hostname", &self.host);
        config.set("database.port", &self.port.to_string());
        config.set("database.user", &self.user);
        if let Some(password) = &self.password {
            config.set("database.password", password);
        }
        config.set("database.dbname", &self.database);
        self.tls.iter().for_each(|(name, value)| config.set(name, value));
        config
    }

    /// The first line that fits in `PGPASSFILE` or `~/.pgpass`: host:port:database:user:password, `*` for any.
    fn filed_password(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let home = || env("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
        let text = std::fs::read_to_string(env("PGPASSFILE").map(PathBuf::from).or_else(home)?).ok()?;
        let wanted = [self.host.as_str(), &self.port.to_string(), &self.database, &self.user].map(str::to_owned);
        text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let fields = fields(line);
            let (password, names) = fields.split_last()?;
            let fits = names.len() == wanted.len() && names.iter().zip(&wanted).all(|(f, w)| f == "*" || f == w);
            fits.then(|| password.clone())
        })
    }
}

/// The five fields of a line of a password file; a backslash protects the character after it.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(last) = fields.last_mut() {
            last.push(c);
        }
    }
    fields
}

fn decoded(text: &str) -> Result<String, Problem> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let digits = text.get(at + 1..at + 3).and_then(|d| u8::from_str_radix(d, 16).ok());
                out.push(digits.ok_or_else(|| invalid("a '%' must be followed by two hexadecimal digits"))?);
                at += 3;
            }
            byte => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| invalid("the URI is not UTF-8"))
}

fn invalid(cause: &str) -> Problem {
    Problem::config(
        "URI_INVALID",
        cause,
        "Use postgres://USER@HOST:PORT/DATABASE, with the password in PGPASSWORD and special characters as %XX.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn pairs(uri: &SourceUri) -> Vec<(String, String)> {
        uri.properties()
            .iter()
            .skip(1)
            .map(|(k, v)| (k.trim_start_matches("database.").to_owned(), v.to_owned()))
            .collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_part_of_a_uri_becomes_a_property() {
        let text = "postgresql://al%40ice:p%3Aw@[::1]:5433/my%2Fdb?sslmode=require&sslrootcert=/ca.pem";
        let uri = SourceUri::parse(text, &none).unwrap();
        let expected = [
            ("hostname", "::1"),
            ("port", "5433"),
            ("user", "al@ice"),
            ("password", "p:w"),
            ("dbname", "my/db"),
            ("sslmode", "require"),
            ("sslrootcert", "/ca.pem"),
        ];
        assert_eq!(pairs(&uri), owned(&expected));
        assert!(!uri.shown().contains("p:w"));
    }

    #[test]
    fn the_environment_fills_in_what_the_uri_leaves_out() {
        let env = |name: &str| {
            let value = match name {
                "PGHOST" => "db",
                "PGPORT" => "6000",
                "PGUSER" => "u",
                "PGPASSWORD" => "secret",
                "PGSSLMODE" => "disable",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let uri = SourceUri::parse("postgres:///", &env).unwrap();
        let all = [("hostname", "db"), ("port", "6000"), ("user", "u"), ("password", "secret"), ("dbname", "u")];
        assert_eq!(pairs(&uri), owned(&[&all[..], &[("sslmode", "disable")]].concat()));
        let uri = SourceUri::parse("postgres://x@y/z?sslmode=require", &env).unwrap();
        assert!(pairs(&uri).contains(&("sslmode".into(), "require".into())));
        assert!(!pairs(&uri).contains(&("sslmode".into(), "disable".into())));
    }

    #[test]
    fn the_password_file_is_read_as_libpq_reads_it() {
        let file = tempfile::tempdir().unwrap();
        let path = file.path().join("pgpass");
        std::fs::write(&path, "# a:1:b:c:no\nh:5432:d:other:no\n*:*:d:u:p\\:w:x\\\\\n*:*:*:*:late\n").unwrap();
        let env = |name: &str| (name == "PGPASSFILE").then(|| path.display().to_string());
        let uri = SourceUri::parse("postgres://u@h/d", &env).unwrap();
        assert!(pairs(&uri).contains(&("password".into(), "p:w:x\\".into())));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "localhost:5432/x",
            "mysql://u@h/d",
            "postgres://u@h/d?application_name=x",
            "postgres://u@h:99999/d",
            "postgres://u%zz@h/d",
            "postgres://u@%2Fvar%2Frun/d",
        ] {
            let code = SourceUri::parse(text, &none).err().map(|p| p.code);
            assert_eq!(code.as_deref(), Some("URI_INVALID"), "{text}");
        }
    }
}
