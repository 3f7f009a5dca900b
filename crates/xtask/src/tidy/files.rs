//! Rules about a file as such: size, name, header, run bit.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Lines beyond which a source file has become too big to keep in mind.
const MOST_LINES: usize = 700;
/// Names that say nothing: whatever is in them belongs somewhere else.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "types", "manager", "misc"];
/// Programs of the repository that are called by their path.
const PROGRAMS: [&str; 5] = [
    "script/",
    ".ci/",
    "conformance/player/run_cases.py",
    "conformance/player/compare.py",
    "conformance/player/selftest.py",
];

/// Findings about one Rust file.
pub fn check(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !name.ends_with(".rs") {
        return findings;
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{name}: has {lines} lines; {MOST_LINES} is the most"));
    }
    if !text.starts_with("//!") {
        findings.push(format!("{name}: does not start with a `//!` header that says what it is for"));
    }
    for part in name.split('/').map(|part| part.trim_end_matches(".rs")) {
        if EMPTY_NAMES.contains(&part) {
            findings.push(format!("{name}: `{part}` says nothing; name it after what it does"));
        }
    }
    findings
}

/// A program that cannot be run.
pub fn run_bit(name: &str, path: &Path) -> Option<String> {
    let program =
        PROGRAMS.iter().any(|known| if known.ends_with('/') { name.starts_with(known) } else { name == *known });
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (program && mode & 0o111 == 0).then(|| format!("{name}: has no run bit: chmod +x {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_header_and_name_are_checked() {
        let long = format!("//! Header\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(check("a/src/x.rs", &long).len(), 1);
        assert_eq!(check("a/src/x.rs", "use std::fs;\n").len(), 1);
        assert_eq!(check("a/src/utils/x.rs", "//! Header\n").len(), 1);
        assert_eq!(check("a/src/helpers.rs", "//! Header\n").len(), 1);
        assert!(check("a/src/table.rs", "//! Header\n").is_empty());
        assert!(check("a/helpers.md", "text").is_empty());
    }

    #[test]
    fn a_script_without_run_bit_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(run_bit("script/test", file.path()).is_some());
        assert!(run_bit("README.md", file.path()).is_none());
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o755)).unwrap();
        assert!(run_bit("script/test", file.path()).is_none());
    }
}
