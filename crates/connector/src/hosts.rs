//! Names of hosts that stand for other addresses, so that a file written for one network works in another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::problem::Problem;

/// The aliases of a process; cheap to clone. Without any, every name stands for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostAliases(Arc<BTreeMap<String, Target>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    host: String,
    port: Option<u16>,
}

impl HostAliases {
    /// From lines of the form `NAME=HOST[:PORT]`; a later line of the same name wins. Every faulty line is a problem.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<HostAliases, Vec<Problem>> {
        let mut aliases = BTreeMap::new();
        let mut problems = Vec::new();
        for line in lines {
            match parse_line(line) {
                Some((name, target)) => {
                    aliases.insert(name, target);
                }
                None => problems.push(Problem::config(
                    "ALIAS_INVALID",
                    format!("'{line}' is no alias of a host"),
                    "Write NAME=HOST or NAME=HOST:PORT, such as postgres=127.0.0.1:5432.",
                )),
            }
        }
        if problems.is_empty() { Ok(HostAliases(Arc::new(aliases))) } else { Err(problems) }
    }

    /// Where a host and port lead. An alias without a port leaves the port as it is.
    pub fn resolve<'a>(&'a self, host: &'a str, port: u16) -> (&'a str, u16) {
        match self.0.get(&host.to_ascii_lowercase()) {
            Some(target) => (&target.host, target.port.unwrap_or(port)),
            None => (host, port),
        }
    }
}

/// `NAME=HOST[:PORT]`; an IPv6 address stands in brackets, which fall.
fn parse_line(line: &str) -> Option<(String, Target)> {
    let (name, target) = line.trim().split_once('=')?;
    let (name, target) = (name.trim(), target.trim());
    let (host, port) = match target.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => target.split_once(':').map_or((target, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0)).map_or(Some(None), |p| p.map(Some))?;
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/' || c == '=');
    (plain(name) && !name.contains(':') && plain(host))
        .then(|| (name.to_ascii_lowercase(), Target { host: host.to_owned(), port }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_leads_elsewhere_and_other_names_stand_for_themselves() {
        let aliases = HostAliases::parse(["Postgres=127.0.0.1:5433", "minio=localhost", "six=[::1]:9000"]).unwrap();
        assert_eq!(aliases.resolve("postgres", 5432), ("127.0.0.1", 5433));
        assert_eq!(aliases.resolve("MINIO", 9000), ("localhost", 9000));
        assert_eq!(aliases.resolve("six", 1), ("::1", 9000));
        assert_eq!(aliases.resolve("db.example.com", 5432), ("db.example.com", 5432));
    }

    #[test]
    fn every_faulty_line_is_named() {
        let lines =
            ["", "a", "a=", "=b", "a=b:", "a=b:0", "a=b:70000", "a=[::1", "a=[::1]9", "a:1=b", "a=b/c", "a=b=c"];
        let problems = HostAliases::parse(lines).unwrap_err();
        assert_eq!(problems.len(), lines.len(), "{problems:?}");
        assert!(problems.iter().zip(lines).all(|(p, line)| p.cause.contains(&format!("'{line}'"))));
    }
}
