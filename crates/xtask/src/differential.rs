//! `cargo xtask differential`: hands over to `conformance/player/differential.py`, which needs Java 17 and, once, PyPI.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, conformance};

/// Plays random rounds against the real Debezium; true when none differs.
pub fn run(root: &Path, arguments: &[String]) -> Outcome<bool> {
    let mut command = Command::new("python3");
    command.arg(root.join("conformance/player/differential.py"));
    command.arg("--keep").arg(crate::target_directory(root)?.join("differential"));
    if !arguments.iter().any(|argument| argument == "--tailwater") {
        command.arg("--tailwater").arg(conformance::build(root)?);
    }
    Ok(command.args(arguments).status()?.success())
}
