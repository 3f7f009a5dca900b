//! Rules about what a file may say: who may print, read the environment, acknowledge; no paths of one machine.

/// Crates that may print and read arguments and environment: the binary and the tools for development.
const FRONT: [&str; 3] = ["crates/tailwater/", "crates/testkit/", "crates/xtask/"];
/// What only those may say.
const FRONT_ONLY: [&str; 7] = ["std::env::", "env::var", "env::args", "println!(", "print!(", "eprintln!(", "eprint!("];
/// The one file that tells PostgreSQL how far we are (the second law).
const ACKNOWLEDGES: &str = "crates/postgres/src/progress.rs";
/// How a status update is sent: the one method that writes into a replication stream, and the names libraries give it.
const STATUS_UPDATE: [&str; 3] = ["send_status(", "standby_status_update", "StandbyStatusUpdate"];

/// Findings about one text file.
pub fn check(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    // Written so that this file does not contain them itself.
    for (first, second) in [("/wo", "rk/"), ("/ro", "ot/"), ("../sha", "red"), ("/ho", "me/")] {
        let place = format!("{first}{second}");
        if let Some(line) = text.lines().position(|line| line.contains(&place)) {
            findings.push(format!("{name}:{}: names a place of one machine: {place}", line + 1));
        }
    }
    if !name.starts_with("crates/") || !name.contains("/src/") || !name.ends_with(".rs") {
        return findings;
    }
    let front = FRONT.iter().any(|front| name.starts_with(front));
    let silent = name.starts_with("crates/postgres/") && name != ACKNOWLEDGES;
    for (number, line) in product_lines(text) {
        if !front && let Some(word) = FRONT_ONLY.iter().find(|word| says(line, word)) {
            findings.push(format!("{name}:{number}: `{word}` belongs to the binary crate"));
        }
        let sends = silent && !line.contains("fn send_status(");
        if sends && let Some(word) = STATUS_UPDATE.iter().find(|word| says(line, word)) {
            findings.push(format!("{name}:{number}: `{word}`: only {ACKNOWLEDGES} sends a position"));
        }
    }
    findings
}

/// The numbered lines of code that are in the product: no comments, nothing after the tests begin.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]").filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line contains the word, not as the end of a longer one (`eprintln!` is not `println!`).
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_prints_or_reads_the_environment_is_found() {
        let text = "//! Header\nfn f() {\n    println!(\"x\");\n}\n";
        assert_eq!(
            check("crates/sinks/src/x.rs", text),
            ["crates/sinks/src/x.rs:3: `println!(` belongs to the binary crate"]
        );
        assert_eq!(check("crates/event/src/x.rs", "let x = std::env::var(\"X\");").len(), 1);
        assert!(check("crates/tailwater/src/x.rs", text).is_empty());
        assert!(check("crates/sinks/src/x.rs", "//! println!()\n#[cfg(test)]\nmod tests { println!() }").is_empty());
    }

    #[test]
    fn a_second_place_that_acknowledges_is_found() {
        assert_eq!(check("crates/postgres/src/stream.rs", "stream.send_status(&bytes)").len(), 1);
        assert!(check(ACKNOWLEDGES, "stream.send_status(&bytes)").is_empty());
        assert!(check("crates/postgres/src/stream.rs", "pub(crate) fn send_status(&mut self)").is_empty());
    }

    #[test]
    fn a_place_of_one_machine_is_found() {
        let text = format!("see {}", ["/wo", "rk/main"].concat());
        assert_eq!(check("docs/x.md", &text).len(), 1);
        assert!(check("docs/x.md", "see crates/event").is_empty());
    }
}
