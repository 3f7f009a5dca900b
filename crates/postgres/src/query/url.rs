//! JDBC URLs of PostgreSQL: `jdbc:postgresql://HOST:PORT/DATABASE?PARAMETER=VALUE&…`, as its driver reads them.

use tailwater_connector::Problem;

use crate::client::Secret;

const URL: &str = "connection.url";
const FORM: &str = "Use \"connection.url\": \"jdbc:postgresql://HOST:5432/DATABASE\".";

/// A URL, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JdbcUrl {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database; empty when it is not named.
    pub database: String,
    /// Parameters in the order in which they stand there; the password is not among them.
    pub parameters: Vec<(String, String)>,
    /// `password=`.
    pub password: Option<Secret>,
}

impl JdbcUrl {
    /// Takes a URL apart. The problem says nothing of its parameters, which may hold a password.
    pub fn parse(text: &str) -> Result<JdbcUrl, Problem> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix("jdbc:postgresql:") else { return Err(foreign(text)) };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = JdbcUrl { host: "localhost".into(), port: 5432, ..JdbcUrl::default() };
        let database = match place.strip_prefix("//") {
            Some(place) => {
                let (server, database) = place.split_once('/').unwrap_or((place, ""));
                url.read_server(server)?;
                database
            }
            // Without slashes it is only a database, on this machine.
            None => place.trim_start_matches('/'),
        };
        url.database = decode(database).ok_or_else(|| invalid("the name of the database is not encoded well"))?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| invalid("a parameter's name is not encoded well"))?;
            let value = decode(value).ok_or_else(|| invalid(&format!("the value of '{name}' is not encoded well")))?;
            if name == "password" {
                url.password = Some(Secret::new(value));
            } else {
                url.parameters.push((name, value));
            }
        }
        Ok(url)
    }

    fn read_server(&mut self, server: &str) -> Result<(), Problem> {
        if server.contains(',') {
            return Err(invalid("it names several servers; one is read from"));
        }
        let (host, port) = match server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => (address, rest.strip_prefix(':').unwrap_or("")),
            None => server.split_once(':').unwrap_or((server, "")),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
        if !host.chars().all(allowed) {
            return Err(invalid("its host is neither a name nor an address"));
        }
        if !host.is_empty() {
            host.clone_into(&mut self.host);
        }
        if !port.is_empty() {
            self.port = port.parse().ok().filter(|&port| port > 0).ok_or_else(|| invalid("its port is not one"))?;
        }
        Ok(())
    }
}

/// Another database's URL, answered by name.
fn foreign(text: &str) -> Problem {
    let named = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    if let Some(rest) = named {
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let place = place.split_once('?').map_or(place, |(place, _)| place);
        return Problem::config(
            "URL_UNSUPPORTED",
            format!("'{URL}' is a libpq URI; this connector takes JDBC URLs"),
            format!(
                "Set \"{URL}\": \"jdbc:postgresql://{place}\", and user and password in 'connection.user' and 'connection.password'."
            ),
        );
    }
    let Some(rest) = text.strip_prefix("jdbc:") else { return invalid("it does not start with jdbc:postgresql:") };
    let kind: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).take(30).collect();
    Problem::config(
        "URL_UNSUPPORTED",
        format!("'{URL}' names a database of kind '{kind}'; only PostgreSQL is read here"),
        format!("{FORM} For other databases run the original connector."),
    )
}

fn invalid(why: &str) -> Problem {
    Problem::config("PROPERTY_INVALID", format!("The '{URL}' value is invalid: {why}"), FORM)
}

/// `%XX` and `+` resolved; `None` when that is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = rest.get(2..)?;
                u8::from_str_radix(digits, 16).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> JdbcUrl {
        JdbcUrl::parse(text).unwrap()
    }

    #[test]
    fn the_forms_of_the_driver_are_read() {
        for (text, host, port, database) in [
            ("jdbc:postgresql://db:6432/shop", "db", 6432, "shop"),
            ("jdbc:postgresql://db/shop", "db", 5432, "shop"),
            ("jdbc:postgresql://[::1]:6432/shop", "::1", 6432, "shop"),
            ("jdbc:postgresql://[::1]/shop", "::1", 5432, "shop"),
            ("jdbc:postgresql:shop", "localhost", 5432, "shop"),
            ("jdbc:postgresql:/", "localhost", 5432, ""),
            ("jdbc:postgresql://db:6432/", "db", 6432, ""),
            (" jdbc:postgresql://db/my%20shop?ssl=true ", "db", 5432, "my shop"),
        ] {
            let url = parse(text);
            assert_eq!((url.host.as_str(), url.port, url.database.as_str()), (host, port, database), "{text}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_the_password_is_kept_apart() {
        let url = parse("jdbc:postgresql://h/d?user=al%40ice&password=a%26b&sslmode=require&flag");
        assert_eq!(url.password, Some(Secret::new("a&b")));
        let pairs: Vec<_> = url.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("user", "al@ice"), ("sslmode", "require"), ("flag", "")]);
        assert!(!format!("{url:?}").contains("a&b"));
    }

    #[test]
    fn other_urls_are_answered_by_name_and_without_their_secrets() {
        for (text, code, word) in [
            ("jdbc:mysql://h/d?password=x1x", "URL_UNSUPPORTED", "'mysql'"),
            ("jdbc:oracle:thin:u/x1x@h:1521", "URL_UNSUPPORTED", "'oracle'"),
            ("postgres://u:x1x@h:6432/d", "URL_UNSUPPORTED", "libpq"),
            ("", "PROPERTY_INVALID", "jdbc:postgresql:"),
            ("jdbc:postgresql://a,b/d", "PROPERTY_INVALID", "several"),
            ("jdbc:postgresql://h:x/d", "PROPERTY_INVALID", "port"),
            ("jdbc:postgresql://h/d?password=%zz", "PROPERTY_INVALID", "'password'"),
            ("jdbc:postgresql://h /d", "PROPERTY_INVALID", "host"),
        ] {
            let problem = JdbcUrl::parse(text).unwrap_err();
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.cause.contains(word), "{text}: {problem}");
            assert!(!format!("{problem:?}").contains("x1x"), "{problem:?}");
        }
    }
}
