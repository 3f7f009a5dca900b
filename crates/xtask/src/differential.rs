//! `cargo xtask differential` and `cargo xtask batches`: hand over to `conformance/player`; both need Java 17 and, once, PyPI.

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

/// Has stored batches read by Kafka's Java classes; true when they take every one and see the records that we show.
pub fn batches(root: &Path, arguments: &[String]) -> Outcome<bool> {
    let binary = conformance::build(root)?;
    let tool = ["build", "--quiet", "--package", "tailwater-journal", "--example", "segments"];
    if !Command::new("cargo").args(tool).current_dir(root).status()?.success() {
        return Err("the journal's example does not build".into());
    }
    let mut command = Command::new("python3");
    command.arg(root.join("conformance/player/batches.py")).arg("--tailwater").arg(binary);
    command.arg("--segments").arg(crate::target_directory(root)?.join("debug/examples/segments"));
    Ok(command.args(arguments).status()?.success())
}
