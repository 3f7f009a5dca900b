//! A client of Connect's REST, for `tailwater connectors`: one request, one answer, over plain HTTP.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

use serde_json::{Value, json};
use tailwater_connector::{Problem, ProblemKind};
use url::Url;

use crate::limits::{ANSWER_BYTES, ANSWER_WITHIN, CONNECT_WITHIN};

/// Where a server answers, and what opens it.
pub struct ConnectClient {
    /// HOST:PORT.
    address: String,
    /// What stands before the paths of REST.
    base: String,
    token: Option<String>,
}

/// What a server says to a request that it did.
pub struct Answer {
    /// Its body; null when it has nothing to say.
    pub body: Value,
    /// What is wrong with what was asked about, and what to know although it is done.
    pub problems: Vec<Problem>,
}

impl ConnectClient {
    /// From `http://HOST:PORT`.
    ///
    /// # Errors
    /// `CONNECT_URL_INVALID`
    pub fn new(url: &str, token: Option<String>) -> Result<ConnectClient, Problem> {
        let invalid =
            |why: &str, remedy: &str| Problem::config("CONNECT_URL_INVALID", format!("--connect {url}: {why}"), remedy);
        let usual = "Use a form such as --connect http://127.0.0.1:8083.";
        let parsed = Url::parse(url).map_err(|error| invalid(&error.to_string(), usual))?;
        if parsed.scheme() == "https" {
            return Err(invalid(
                "TLS is not spoken by this client",
                "curl --cacert CA.pem https://HOST:8083/connectors",
            ));
        }
        let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
            return Err(invalid("it names no host", usual));
        };
        if parsed.scheme() != "http" || !parsed.username().is_empty() || parsed.query().is_some() {
            return Err(invalid("it is no address of Connect's REST", usual));
        }
        if token.as_deref().is_some_and(|token| token.chars().any(char::is_control)) {
            return Err(invalid("the token is more than one line", "Give --token-file a file of one line."));
        }
        Ok(ConnectClient {
            address: format!("{host}:{port}"),
            base: parsed.path().trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// What `GET path` answers.
    pub fn get(&self, path: &str) -> Result<Value, Vec<Problem>> {
        self.ask("GET", path, None).map(|answer| answer.body)
    }

    /// What a request answers.
    ///
    /// # Errors
    /// Nobody answers, or what the answer says is wrong.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Vec<Problem>> {
        let (status, head, text) = self.exchange(method, path, body).map_err(|error| {
            vec![Problem::environment(
                "CONNECT_UNREACHABLE",
                format!("Connect's REST does not answer at {}: {error}", self.address),
                "tailwater serve --data-dir ./data   # or name its address: --connect http://HOST:PORT",
            )]
        })?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            if value.is_null() && !text.trim().is_empty() {
                return Err(vec![refusal(502, "what answers there does not speak Connect's REST")]);
            }
            return Ok(Answer { body: value, problems: told(&head) });
        }
        let message = value.get("message").and_then(Value::as_str).unwrap_or("it gave no reason");
        let (said, told) = (problems(status, message), told(&head));
        // The header has codes, but not always room for all.
        let errors = told.iter().filter(|problem| problem.is_error()).count();
        Err(if errors == said.len() { told } else { said })
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<(u16, String, String)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = self.token.as_ref().map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\nAccept: application/json\r\n{token}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.base,
            self.address,
            body.len()
        );
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        // A server may close before it has read all of a body that it refuses; what it said by then counts.
        match stream.take(ANSWER_BYTES).read_to_end(&mut answer) {
            Err(error) if answer.is_empty() => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let answer = String::from_utf8_lossy(&answer);
        let bad = || io::Error::other("what answers there does not speak HTTP");
        let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(bad)?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split_whitespace().nth(1)).ok_or_else(bad)?;
        Ok((status.parse().map_err(|_| bad())?, head.to_owned(), text.to_owned()))
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::other("the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A name as it stands in a path.
pub fn segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The problems that stand in the head of an answer.
fn told(head: &str) -> Vec<Problem> {
    let of = |line: &str| -> Option<Vec<Problem>> {
        let (name, value) = line.split_once(':')?;
        serde_json::from_str(value).ok().filter(|_| name.eq_ignore_ascii_case("tailwater-problems"))
    };
    head.lines().find_map(of).unwrap_or_default()
}

/// A message of Connect as problems: those of a faulty configuration one by one.
fn problems(status: u16, message: &str) -> Vec<Problem> {
    const FAULTY: &str = "Connector configuration is invalid";
    let (cause, remedies) = message.split_once("\nTo do:").unwrap_or((message, ""));
    let remedy = remedies.trim().trim_start_matches("- ").to_owned();
    match cause.strip_prefix(FAULTY).and_then(|rest| rest.split_once('\n')) {
        Some((_, causes)) => {
            let causes = causes.lines().filter(|line| !line.starts_with("You can also find the above"));
            let mut found: Vec<Problem> = causes.map(|cause| refusal(status, cause)).collect();
            if let Some(last) = found.last_mut() {
                last.remedy = remedy;
            }
            found
        }
        None if remedy.is_empty() => vec![refusal(status, cause)],
        None => vec![Problem { remedy, ..refusal(status, cause) }],
    }
}

fn refusal(status: u16, cause: &str) -> Problem {
    let (kind, code, remedy) = match status {
        401 | 403 => (ProblemKind::Config, "CONNECT_FORBIDDEN", "Give the token of the server: --token-file FILE"),
        404 => (ProblemKind::Config, "CONNECT_NOT_FOUND", "tailwater connectors ls"),
        409 => (ProblemKind::Stop, "CONNECT_CONFLICT", ""),
        400..500 => (ProblemKind::Config, "CONNECT_REFUSED", ""),
        _ => (ProblemKind::Environment, "CONNECT_FAILED", "Look into the log of tailwater serve."),
    };
    Problem::new(kind, code, cause, remedy)
}

/// A body of `POST /connectors`.
pub fn posted(name: &str, config: &tailwater_connector::Config) -> Value {
    json!({"name": name, "config": properties(config)})
}

/// Properties as JSON.
pub fn properties(config: &tailwater_connector::Config) -> Value {
    config.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_refused() {
        for url in ["", "127.0.0.1:8083", "ftp://h", "https://h:8083", "http://u@h", "http://h/?x=1"] {
            assert_eq!(
                ConnectClient::new(url, None).err().map(|p| p.code),
                Some("CONNECT_URL_INVALID".into()),
                "{url}"
            );
        }
        assert!(ConnectClient::new("http://h", Some("a\r\nX: y".into())).is_err());
        let client = ConnectClient::new("http://[::1]:8083/connect/", None).unwrap();
        assert_eq!((client.address.as_str(), client.base.as_str()), ("[::1]:8083", "/connect"));
    }

    #[test]
    fn names_stand_in_paths_as_they_are() {
        assert_eq!(segment("a b/ü%"), "a%20b%2F%C3%BC%25");
    }

    #[test]
    fn faults_of_a_configuration_come_one_by_one_with_what_to_do() {
        let message = "Connector configuration is invalid and contains the following 2 error(s):\nfirst\nsecond\nYou can also \
                       find the above list of errors at the endpoint `/x`\nTo do:\n- Add it.\n- Correct it.";
        let found = problems(400, message);
        assert_eq!(found.iter().map(|p| p.cause.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!(found[1].remedy, "Add it.\n- Correct it.");
        let gone = problems(404, "Connector x not found");
        assert_eq!((gone[0].code.as_str(), gone[0].cause.as_str()), ("CONNECT_NOT_FOUND", "Connector x not found"));
        assert_eq!(problems(409, "m")[0].exit_code(), 1);
        let head = "HTTP/1.0 400 Bad Request\r\ntailwater-problems: [{\"kind\":\"config\",\"severity\":\"error\",\"code\":\"A\",\
                    \"cause\":\"b\",\"remedy\":\"c\"}]\r\ndate: today";
        assert_eq!(told(head), [Problem::config("A", "b", "c")]);
        assert_eq!(told("HTTP/1.0 200 OK\r\ntailwater-problems: [nonsense"), []);
    }
}
