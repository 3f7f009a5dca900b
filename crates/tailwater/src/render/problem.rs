//! Problems as people and programs read them.

use std::fmt::Write as _;

use serde_json::json;
use tailwater_connector::{Problem, Severity};

use super::style::{BAD, HELP, WARN, paint};

/// A problem for people: `error[CODE]: cause`, and below it the remedy.
pub fn text(problem: &Problem) -> String {
    let head = match problem.severity {
        Severity::Error => paint(BAD, format_args!("error[{}]", problem.code)),
        Severity::Warning => paint(WARN, format_args!("warning[{}]", problem.code)),
    };
    let mut out = format!("{head}: {}\n", indent(&problem.cause, "  "));
    if !problem.remedy.is_empty() {
        let _ = writeln!(out, "  {} {}", paint(HELP, "help:"), indent(&problem.remedy, "        "));
    }
    out
}

/// All problems for programs: one line of JSON.
pub fn json(problems: &[Problem]) -> String {
    json!({ "problems": problems }).to_string()
}

fn indent(text: &str, margin: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{margin}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cause_and_every_line_of_the_remedy_are_shown() {
        let problem = Problem::environment("WAL_LEVEL", "wal_level is replica", "ALTER SYSTEM …;\nthen restart");
        let plain = anstream::adapter::strip_str(&text(&problem)).to_string();
        assert_eq!(plain, "error[WAL_LEVEL]: wal_level is replica\n  help: ALTER SYSTEM …;\n        then restart\n");
        let warned = anstream::adapter::strip_str(&text(&problem.warning())).to_string();
        assert!(warned.starts_with("warning[WAL_LEVEL]"));
    }

    #[test]
    fn the_json_form_has_every_field() {
        let line = json(&[Problem::config("A", "b", "c")]);
        assert_eq!(line, r#"{"problems":[{"kind":"config","severity":"error","code":"A","cause":"b","remedy":"c"}]}"#);
    }
}
