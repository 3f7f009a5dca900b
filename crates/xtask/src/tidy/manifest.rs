//! Rules about manifests: every dependency has a reason beside it, every crate the lints of the workspace.

/// Findings about one `Cargo.toml`.
pub fn check(name: &str, text: &str) -> Vec<String> {
    if name == "Cargo.toml" { without_reason(text) } else { without_lints(name, text) }
}

/// Dependencies of the workspace that no comment above explains; crates of the workspace explain themselves.
fn without_reason(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let (mut inside, mut explained) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let entry = if line.starts_with('#') { None } else { line.split_once(" = ") };
        if let Some((dependency, rest)) = entry
            && inside
            && !explained
            && !rest.contains("path = ")
        {
            findings.push(format!("Cargo.toml: {dependency} has no comment above it that says what it is for"));
        }
        explained = line.starts_with('#');
    }
    findings
}

fn without_lints(name: &str, text: &str) -> Vec<String> {
    // A workspace of its own, as `cargo fuzz` wants one, cannot have the lints of this one.
    let found = text.contains("[lints]\nworkspace = true") || text.lines().any(|line| line == "[workspace]");
    if found { Vec::new() } else { vec![format!("{name}: does not use the lints of the workspace")] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_reason_is_found() {
        let text = "[workspace.dependencies]\nours = { path = \"x\" }\n# Why.\none = \"1\"\ntwo = \"2\"\n[profile.dev]\ndebug = 1\n";
        let findings = check("Cargo.toml", text);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("two"));
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        assert_eq!(check("crates/x/Cargo.toml", "[package]\n").len(), 1);
        assert!(check("crates/x/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n").is_empty());
        assert!(check("crates/x/fuzz/Cargo.toml", "[package]\n\n[workspace]\n").is_empty());
    }
}
