//! A client of Connect's REST, for `tailwater connectors`: one request, one answer, over HTTP, over TLS, or through the
//! control socket of a data directory, whose owner needs no token.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use tailwater_connector::{Problem, ProblemKind};
use tailwater_kafka::client::{Files, tls};
use url::Url;

use crate::control::client::RemoteReader;
use crate::limits::{ANSWER_BYTES, ANSWER_WITHIN, CONNECT_WITHIN};

/// First bytes of an alert of TLS, which is what a server says that was asked without (RFC 8446, 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Where a server answers, and what opens it.
pub struct ConnectClient {
    door: Door,
    /// What stands before the paths of REST.
    base: String,
    token: Option<String>,
}

/// The way in.
enum Door {
    /// HOST:PORT, the host alone, and what TLS begins with.
    Network { address: String, host: String, tls: Option<Arc<ClientConfig>> },
    /// The data directory of a server on this machine.
    Directory(PathBuf),
}

/// A connection.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// What a server says to a request that it did.
pub struct Answer {
    /// Its body; null when it has nothing to say.
    pub body: Value,
    /// What is wrong with what was asked about, and what to know although it is done.
    pub problems: Vec<Problem>,
}

impl ConnectClient {
    /// From `http://HOST:PORT`, or `https://…` with files for TLS.
    ///
    /// # Errors
    /// `CONNECT_URL_INVALID`, `TLS_FILE` and the like.
    pub fn new(url: &str, token: Option<String>, files: &Files) -> Result<ConnectClient, Vec<Problem>> {
        let invalid = |why: &str, remedy: &str| {
            vec![Problem::config("CONNECT_URL_INVALID", format!("--connect {url}: {why}"), remedy)]
        };
        let usual = "Use a form such as --connect http://127.0.0.1:8083.";
        let parsed = Url::parse(url).map_err(|error| invalid(&error.to_string(), usual))?;
        let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
            return Err(invalid("it names no host", usual));
        };
        let secure = parsed.scheme() == "https";
        if !(secure || parsed.scheme() == "http") || !parsed.username().is_empty() || parsed.query().is_some() {
            return Err(invalid("it is no address of Connect's REST", usual));
        }
        if token.as_deref().is_some_and(|token| token.chars().any(char::is_control)) {
            return Err(invalid("the token is more than one line", "Give --token-file a file of one line."));
        }
        if !secure && *files != Files::default() {
            return Err(invalid("files for TLS are given", &format!("--connect https://{host}:{port}")));
        }
        let configure = || tls::configure(files, true, &[&TLS13, &TLS12]);
        let tls = secure
            .then(configure)
            .transpose()
            .map_err(|problems| problems.into_iter().map(flags).collect::<Vec<_>>())?;
        let door =
            Door::Network { address: format!("{host}:{port}"), host: host.trim_matches(['[', ']']).to_owned(), tls };
        Ok(ConnectClient { door, base: parsed.path().trim_end_matches('/').to_owned(), token })
    }

    /// Through the control socket of a data directory.
    pub fn directory(dir: &Path) -> ConnectClient {
        ConnectClient { door: Door::Directory(dir.to_owned()), base: String::new(), token: None }
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
        let (status, head, text) = self.exchange(method, path, body).map_err(|problem| vec![problem])?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if (200..300).contains(&status) && (!value.is_null() || text.trim().is_empty()) {
            return Ok(Answer { body: value, problems: told(&head) });
        }
        let Some(message) = value.get("message").and_then(Value::as_str) else {
            return Err(vec![self.not_rest(&format!("answers {status}, and not as Connect does"))]);
        };
        if status == 401 {
            return Err(vec![self.wants_token()]);
        }
        let (said, told) = (problems(status, message), told(&head));
        // The header has codes, but not always room for all.
        let errors = told.iter().filter(|problem| problem.is_error()).count();
        Err(if errors == said.len() { told } else { said })
    }

    /// Status, head and body of an answer.
    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, String, String), Problem> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = self.token.as_ref().map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let host = match &self.door {
            Door::Network { address, .. } => address,
            Door::Directory(_) => "localhost",
        };
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\nAccept: application/json\r\n{token}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.base,
            body.len()
        );
        let mut stream = self.connect()?;
        let mut answer = Vec::new();
        let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
        // A server may close before it has read all of a body that it refuses; what it said by then counts.
        let read = stream.take(ANSWER_BYTES).read_to_end(&mut answer);
        if let Some(error) = asked.err().or(read.err()).filter(|_| answer.is_empty()) {
            return Err(self.broken(&error));
        }
        if answer.is_empty() {
            let why = "closes the connection without a word: it may be a port of Kafka's protocol, or want TLS";
            return Err(self.not_rest(why));
        }
        if answer.starts_with(&TLS_ALERT) {
            return Err(Problem::config(
                "CONNECT_WANTS_TLS",
                format!("{} speaks TLS, and was asked without", self.server()),
                format!("--connect https://{host} --tls-ca ca.pem   # its certificate, or who signed it"),
            ));
        }
        let answer = String::from_utf8_lossy(&answer);
        let parts = answer.split_once("\r\n\r\n").and_then(|(head, text)| {
            let status = head.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?;
            Some((status.parse().ok()?, head.to_owned(), text.to_owned()))
        });
        parts.ok_or_else(|| self.not_rest("does not speak HTTP"))
    }

    fn connect(&self) -> Result<Box<dyn Stream>, Problem> {
        let (address, host, tls) = match &self.door {
            Door::Network { address, host, tls } => (address, host, tls),
            Door::Directory(dir) => return through(dir),
        };
        let mut last = io::Error::other("the name has no address");
        let mut reached = None;
        for address in address.to_socket_addrs().map_err(|error| self.unreachable(&error))? {
            match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
                Ok(stream) => {
                    reached = Some(stream);
                    break;
                }
                Err(error) => last = error,
            }
        }
        let stream = reached.ok_or_else(|| self.unreachable(&last))?;
        let timeouts =
            stream.set_read_timeout(Some(ANSWER_WITHIN)).and_then(|()| stream.set_write_timeout(Some(ANSWER_WITHIN)));
        timeouts.map_err(|error| self.broken(&error))?;
        Ok(match tls {
            None => Box::new(stream),
            Some(config) => Box::new(tls::handshake(stream, host, config).map_err(|error| self.broken(&error))?),
        })
    }

    /// As problems name the server.
    fn server(&self) -> String {
        match &self.door {
            Door::Network { address, .. } => format!("Connect's REST at {address}"),
            Door::Directory(dir) => format!("Connect's REST of {}", dir.display()),
        }
    }

    fn unreachable(&self, error: &io::Error) -> Problem {
        Problem::environment(
            "CONNECT_UNREACHABLE",
            format!("{} does not answer: {error}", self.server()),
            "tailwater serve --data-dir ./data   # or name its address: --connect http://HOST:PORT",
        )
    }

    /// What the end of a connection means.
    fn broken(&self, error: &io::Error) -> Problem {
        if let Some(problem) = tls::explain(&self.server(), error) {
            return flags(problem);
        }
        let secure = matches!(&self.door, Door::Network { tls: Some(_), .. });
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset if secure => no_tls(&self.server()),
            io::ErrorKind::ConnectionReset => {
                self.not_rest("breaks the connection without a word: it may be a port of Kafka's protocol, or want TLS")
            }
            _ => self.unreachable(error),
        }
    }

    fn not_rest(&self, why: &str) -> Problem {
        Problem::config(
            "CONNECT_NOT_REST",
            format!("{} is something else: what is there {why}", self.server()),
            "Name the address that `tailwater serve` shows as REST: --connect http://127.0.0.1:8083, or https:// where it speaks TLS",
        )
    }

    fn wants_token(&self) -> Problem {
        let cause = match self.token {
            Some(_) => "does not take this token",
            None => "wants a token",
        };
        let remedy =
            "Give the one of the server: --token-file FILE. On its machine its owner needs none: --data-dir DIR";
        Problem::config("CONNECT_TOKEN", format!("{} {cause}", self.server()), remedy)
    }
}

/// A connection to the REST of the server of a data directory.
fn through(dir: &Path) -> Result<Box<dyn Stream>, Problem> {
    let unreachable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Problem::environment(
            "SERVER_NOT_RUNNING",
            format!("no server runs on the data directory {}", dir.display()),
            format!(
                "tailwater serve --data-dir '{}'   # or name an address: --connect http://HOST:PORT",
                dir.display()
            ),
        ),
        _ => Problem::environment(
            "CONTROL_SOCKET",
            format!("the control socket of {} does not answer: {error}", dir.display()),
            "Use the account that the server runs as.",
        ),
    };
    let stream = RemoteReader::connect(dir).map_err(unreachable)?.into_connect()?;
    let timeouts =
        stream.set_read_timeout(Some(ANSWER_WITHIN)).and_then(|()| stream.set_write_timeout(Some(ANSWER_WITHIN)));
    timeouts.map_err(unreachable)?;
    Ok(Box::new(stream))
}

fn no_tls(server: &str) -> Problem {
    let cause = format!("{server} does not speak TLS as this client does");
    Problem::config("TLS_MISSING", cause, "Where it speaks none: --connect http://HOST:PORT")
}

/// The same problem, with what to do said in the flags of this verb.
fn flags(problem: Problem) -> Problem {
    let mut remedy = problem.remedy.clone();
    for (property, flag) in [
        ("-X ssl.ca.location=", "--tls-ca "),
        ("-X ssl.certificate.location=", "--tls-certificate "),
        ("-X ssl.key.location=", "--tls-key "),
        ("broker.pem", "server.pem"),
    ] {
        remedy = remedy.replace(property, flag);
    }
    // What is left has no flag here: whose certificate is for other names is reached by one that it has.
    let kept = remedy.split(", or, if").next().unwrap_or_default().to_owned();
    match problem.code.as_str() {
        "TLS_MISSING" => Problem { remedy: no_tls("").remedy, ..problem },
        _ => Problem { remedy: kept, ..problem },
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
        403 => (ProblemKind::Config, "CONNECT_FORBIDDEN", "Ask by its address: --connect http://127.0.0.1:8083"),
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
        let new = |url: &str, token: Option<&str>| ConnectClient::new(url, token.map(str::to_owned), &Files::default());
        for url in ["", "127.0.0.1:8083", "ftp://h", "http://u@h", "http://h/?x=1"] {
            let code = new(url, None).err().map(|mut problems| problems.remove(0).code);
            assert_eq!(code.as_deref(), Some("CONNECT_URL_INVALID"), "{url}");
        }
        assert!(new("http://h", Some("a\r\nX: y")).is_err());
        let authorities = Files { authorities: Some("ca.pem".into()), ..Files::default() };
        assert!(ConnectClient::new("http://h", None, &authorities).is_err(), "nothing would be encrypted");
        let client = new("http://[::1]:8083/connect/", None).unwrap();
        assert_eq!((client.server().as_str(), client.base.as_str()), ("Connect's REST at [::1]:8083", "/connect"));
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
