//! `cargo xtask conformance`: chooses cases and hands them to `conformance/player/run_cases.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// Plays the cases that the arguments name; true when all pass.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<bool> {
    let (mut binary, mut options, mut wanted) = (None, Vec::new(), Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--tailwater" => binary = Some(PathBuf::from(rest.next().ok_or("--tailwater needs a path")?)),
            "--jobs" | "--server" => {
                let value = rest.next().ok_or_else(|| format!("{argument} needs a value"))?;
                options.extend([argument.clone(), value.clone()]);
            }
            "--strict" => options.push(argument.clone()),
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`").into()),
            case => wanted.push(case.to_owned()),
        }
    }
    if wanted.is_empty() {
        let list = std::fs::read_to_string(root.join("conformance/expected-now.txt"))?;
        wanted = listed(&list);
    }
    let folders = choose(&root.join("conformance/cases"), &wanted)?;
    let binary = match binary {
        Some(binary) => binary,
        None => build(root)?,
    };
    let status = Command::new("python3")
        .arg(root.join("conformance/player/run_cases.py"))
        .arg("--tailwater")
        .arg(binary)
        .args(options)
        .args(folders)
        .status()?;
    Ok(status.success())
}

/// Plays the script of REST requests that a real Connect worker answered; true when we answer alike, or as wanted.
pub fn rest(root: &Path, arguments: &[String]) -> Outcome<bool> {
    let mut command = Command::new("python3");
    command.arg(root.join("conformance/rest/play.py")).args(arguments);
    command.arg("--write").arg(root.join("docs/compatibility/connect.md"));
    if !arguments.iter().any(|argument| argument == "--tailwater" || argument == "--record") {
        command.arg("--tailwater").arg(build(root)?);
    }
    Ok(command.status()?.success())
}

/// The entries of a list: one a line, `#` starts a comment.
fn listed(text: &str) -> Vec<String> {
    let entries = text.lines().filter_map(|line| line.split('#').next().map(str::trim));
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// The folders of the wanted cases, in order of their numbers, each once.
fn choose(cases: &Path, wanted: &[String]) -> Outcome<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(cases)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut chosen = vec![false; names.len()];
    for text in wanted {
        let mut matched = false;
        for (name, set) in names.iter().zip(&mut chosen) {
            if matches(text, name) {
                (*set, matched) = (true, true);
            }
        }
        if !matched {
            return Err(format!("no case is called `{text}`").into());
        }
    }
    Ok(names.iter().zip(chosen).filter(|(_, set)| *set).map(|(name, _)| cases.join(name)).collect())
}

/// Whether `wanted` (a number, a range, a name) means the case `name` (`001-snapshot-then-stream`).
fn matches(wanted: &str, name: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let own = name.split('-').next().and_then(number);
    match wanted.split_once('-').map(|(from, to)| (number(from), number(to))) {
        Some((Some(from), Some(to))) => own.is_some_and(|own| (from..=to).contains(&own)),
        _ => name == wanted || (own.is_some() && own == number(wanted)),
    }
}

/// Builds the binary of this workspace and tells where cargo put it.
pub fn build(root: &Path) -> Outcome<PathBuf> {
    let build =
        Command::new("cargo").args(["build", "--quiet", "--package", "tailwater"]).current_dir(root).status()?;
    if !build.success() {
        return Err("the binary does not build".into());
    }
    Ok(crate::target_directory(root)?.join("debug/tailwater"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_meant_by_number_range_or_name() {
        let name = "007-pk-update";
        assert!(["007", "7", "001-025", "007-pk-update"].iter().all(|wanted| matches(wanted, name)));
        assert!(!["008", "008-025", "007-pk", "pk"].iter().any(|wanted| matches(wanted, name)));
    }

    #[test]
    fn a_name_that_means_no_case_is_refused() {
        let cases = tempfile::tempdir().unwrap();
        std::fs::create_dir(cases.path().join("001-one")).unwrap();
        assert_eq!(choose(cases.path(), &["001".to_owned(), "1-9".to_owned()]).unwrap().len(), 1);
        assert!(choose(cases.path(), &["2".to_owned()]).unwrap_err().to_string().contains("`2`"));
    }

    #[test]
    fn comments_and_empty_lines_of_a_list_are_skipped() {
        assert_eq!(listed("# now\n001-025\n\n101 # why\n"), ["001-025", "101"]);
    }
}
