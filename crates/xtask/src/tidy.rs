//! `cargo xtask tidy`: the rules of the house that a machine can check. Each rule is a function from what it reads to
//! findings, so that its test can feed it a violation.

mod cases;
mod edges;
mod files;
mod manifest;
mod traps;
mod words;

use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Files that a visitor of the repository looks for.
const PAGES: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"];

/// Every finding, one line each, sorted.
pub fn run(root: &Path) -> Outcome<Vec<String>> {
    let mut findings = Vec::new();
    for page in PAGES {
        if !root.join(page).is_file() {
            findings.push(format!("{page}: is missing"));
        }
    }
    let tracked = tracked_files(root)?;
    let mut sources = String::new();
    for name in &tracked {
        let path = root.join(name);
        // A file deleted but not committed yet is no file.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        findings.extend(files::run_bit(name, &path));
        let Ok(text) = String::from_utf8(bytes) else { continue };
        findings.extend(files::check(name, &text));
        findings.extend(words::check(name, &text));
        if name.ends_with(".rs") {
            sources.push_str(&text);
        }
        if name.ends_with("Cargo.toml") {
            findings.extend(manifest::check(name, &text));
        }
    }
    // A folder deleted but not committed yet is no case.
    findings.extend(cases::check(tracked.iter().filter(|name| root.join(name).exists())));
    for page in traps::PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap_or_default();
        findings.extend(traps::check(page, &text, &sources));
    }
    findings.extend(edges::check(&edges::read(root)?));
    findings.sort();
    Ok(findings)
}

/// The files of the repository, relative to its root.
fn tracked_files(root: &Path) -> Outcome<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    if !output.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
