//! What the scenarios said: a line each for people and `script/test`, and the tables of `docs/compatibility/kafka.md` and `connect.md`.

use std::collections::BTreeMap;
use std::path::Path;

use super::catalogue::{CATALOGUE, Client};
use crate::Outcome;

const BEGIN: &str = "<!-- the table: written by `cargo xtask clients --long --write` -->";
const END: &str = "<!-- end of the table -->";

/// How one scenario went.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It came out as it must; what of it the client lacks.
    Passed { scenario: String, without: Option<String> },
    /// It did not.
    Failed { scenario: String, why: String },
    /// The client has no such thing.
    Lacks { scenario: String, why: String },
    /// We do not do it, and say so as the scenario wants.
    Refused { scenario: String, why: String },
}

impl Verdict {
    /// A line of a program of scenarios; None for lines that are not about one.
    pub fn parse(line: &str) -> Option<Verdict> {
        let (verdict, rest) = line.split_once(' ')?;
        let (scenario, why) = rest.split_once(": ").unwrap_or((rest, ""));
        let (scenario, why) = (scenario.to_owned(), why.to_owned());
        match verdict {
            "ok" => {
                let (scenario, without) = match rest.split_once(" (without: ") {
                    Some((name, lacks)) => (name, Some(lacks.trim_end_matches(')').to_owned())),
                    None => (rest, None),
                };
                Some(Verdict::Passed { scenario: scenario.to_owned(), without })
            }
            "FAIL" => Some(Verdict::Failed { scenario, why }),
            "lacks" => Some(Verdict::Lacks { scenario, why }),
            "refused" => Some(Verdict::Refused { scenario, why }),
            _ => None,
        }
    }

    /// Everything failed, for a reason outside the scenarios.
    pub fn lost(why: &str) -> Verdict {
        Verdict::Failed { scenario: "all".to_owned(), why: why.to_owned() }
    }

    pub fn is_failure(&self) -> bool {
        matches!(self, Verdict::Failed { .. })
    }
}

/// How one client fared.
pub struct Row {
    family: &'static str,
    version: &'static str,
    results: Vec<Verdict>,
    of_connect: bool,
}

impl Row {
    /// Results of a client, phase by phase.
    pub fn of(client: &Client, phases: Vec<Vec<Verdict>>) -> Row {
        Row {
            family: client.family,
            version: client.version,
            results: phases.into_iter().flatten().collect(),
            of_connect: client.is_of_connect(),
        }
    }

    /// Whether the client speaks Connect's REST.
    pub fn is_of_connect(&self) -> bool {
        self.of_connect
    }

    /// Whether nothing failed.
    pub fn is_well(&self) -> bool {
        !self.results.iter().any(Verdict::is_failure)
    }

    /// Its line in the table.
    fn line(&self) -> String {
        let (mut passed, mut not) = (Vec::new(), Vec::new());
        for result in &self.results {
            match result {
                Verdict::Passed { scenario, without: None } => passed.push(scenario.clone()),
                Verdict::Passed { scenario, without: Some(lacks) } => {
                    passed.push(format!("{scenario} (without {lacks})"))
                }
                Verdict::Lacks { scenario, why } => not.push(format!("{scenario}: the client has none ({why})")),
                Verdict::Refused { scenario, why } => not.push(format!("{scenario}: refused ({why})")),
                Verdict::Failed { scenario, why } => not.push(format!("**{scenario}: fails ({why})**")),
            }
        }
        let cell = |all: &[String], glue: &str| all.join(glue).replace('|', "\\|");
        format!("| {} | {} | {} | {} |", self.family, self.version, cell(&passed, ", "), cell(&not, "; "))
    }
}

/// Prints a line for each scenario, all of a client together.
pub fn print(row: &Row) {
    let id = format!("{} {}", row.family, row.version);
    let lines: Vec<String> = row
        .results
        .iter()
        .map(|result| match result {
            Verdict::Passed { scenario, without: None } => format!("ok    {id} {scenario}\n"),
            Verdict::Passed { scenario, without: Some(lacks) } => format!("ok    {id} {scenario} (without {lacks})\n"),
            Verdict::Failed { scenario, why } => format!("FAIL  {id} {scenario}: {why}\n"),
            Verdict::Lacks { scenario, why } => format!("lacks {id} {scenario}: {why}\n"),
            Verdict::Refused { scenario, why } => format!("refused {id} {scenario}: {why}\n"),
        })
        .collect();
    print!("{}", lines.concat());
}

/// Writes the rows into the table of a page; the rows of clients that did not run stay.
pub fn write(page: &Path, rows: &[Row]) -> Outcome<()> {
    let text = std::fs::read_to_string(page)?;
    Ok(std::fs::write(page, with_rows(&text, rows)?)?)
}

fn with_rows(text: &str, rows: &[Row]) -> Outcome<String> {
    let (before, rest) = text.split_once(BEGIN).ok_or("the page has no mark where the table begins")?;
    let (table, after) = rest.split_once(END).ok_or("the page has no mark where the table ends")?;
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let mut cells = line.split(" | ").map(|cell| cell.trim_start_matches("| "));
        if let (Some(family), Some(version)) = (cells.next(), cells.next()) {
            lines.insert(format!("{family}-{version}"), line.to_owned());
        }
    }
    lines.extend(rows.iter().map(|row| (format!("{}-{}", row.family, row.version), row.line())));
    let mut body = String::from("| client | version | passed | not |\n|---|---|---|---|\n");
    for client in &CATALOGUE {
        if let Some(line) = lines.get(&client.id()) {
            body.push_str(line);
            body.push('\n');
        }
    }
    Ok(format!("{before}{BEGIN}\n\n{body}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_scenario_went() {
        let without = Some("x".to_owned());
        assert_eq!(
            Verdict::parse("ok acks (without: x)"),
            Some(Verdict::Passed { scenario: "acks".to_owned(), without })
        );
        let failed = Verdict::Failed { scenario: "acks".to_owned(), why: "1: 2".to_owned() };
        assert_eq!(Verdict::parse("FAIL acks: 1: 2"), Some(failed));
        assert_eq!(Verdict::parse("client java 4"), None);
    }

    #[test]
    fn rows_of_clients_that_did_not_run_stay() {
        let row = |version, scenario: &str| Row {
            family: "java",
            version,
            of_connect: false,
            results: vec![Verdict::Passed { scenario: scenario.to_owned(), without: None }],
        };
        let page = format!("a\n{BEGIN}\n{END}\nz\n");
        let first = with_rows(&page, &[row("4.3.1", "one"), row("3.9.1", "two")]).unwrap();
        let second = with_rows(&first, &[row("3.9.1", "three")]).unwrap();
        assert!(second.contains("| java | 4.3.1 | one |  |\n| java | 3.9.1 | three |  |"), "{second}");
        assert!(second.starts_with("a\n") && second.ends_with("\nz\n"));
        assert_eq!(with_rows(&second, &[]).unwrap(), second);
    }
}
