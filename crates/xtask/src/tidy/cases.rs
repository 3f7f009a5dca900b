//! Every conformance case has a number of its own: lists and command lines name cases by it.

use std::collections::{BTreeMap, BTreeSet};

/// Where the cases are, a folder each, called `NUMBER-NAME`.
const CASES: &str = "conformance/cases/";

/// Findings about the names of all files.
pub fn check<'a>(files: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut cases: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in files.filter_map(|name| name.strip_prefix(CASES)?.split_once('/')).map(|(case, _)| case) {
        let number = case.split('-').next().unwrap_or(case);
        cases.entry(number).or_default().insert(case);
    }
    let mut findings = Vec::new();
    for (number, names) in &cases {
        let all: Vec<&str> = names.iter().copied().collect();
        if !number.chars().all(|c| c.is_ascii_digit()) {
            findings.push(format!("{CASES}{}: has no number", all.join(", ")));
        } else if all.len() > 1 {
            findings.push(format!("{CASES}: one number for {}", all.join(" and ")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cases_with_one_number_and_one_without_are_found() {
        let files = ["001-a/case.toml", "001-a/steps.sql", "002-b/case.toml", "002-c/case.toml", "later/case.toml"];
        let files: Vec<String> = files.iter().map(|file| format!("{CASES}{file}")).collect();
        let found = check(files.iter());
        assert_eq!(
            found,
            ["conformance/cases/: one number for 002-b and 002-c", "conformance/cases/later: has no number"]
        );
    }
}
