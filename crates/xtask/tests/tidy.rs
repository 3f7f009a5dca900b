//! The house is tidy: a change that breaks a rule of `cargo xtask tidy` fails the tests.

use std::process::Command;

#[test]
fn the_repository_follows_its_own_rules() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("tidy").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unknown_verb_is_refused_with_the_known_ones() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("tity").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tidy"));
}
