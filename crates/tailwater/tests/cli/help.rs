//! Help: every verb teaches by example, and its text does not change by accident.

use crate::support::run;

const VERBS: [&str; 13] = [
    "connectors",
    "config",
    "demo",
    "run",
    "serve",
    "doctor",
    "tail",
    "consume",
    "topics",
    "produce",
    "groups",
    "users",
    "journal",
];

#[test]
fn every_verb_has_examples_and_the_overview_names_the_exit_codes() {
    let overview = run(["--help"]);
    assert_eq!(overview.code, Some(0));
    assert!(overview.out.contains("Exit codes: 0 ok, 1 failed, 2 usage"), "{}", overview.out);
    for verb in VERBS {
        assert!(overview.out.contains(&format!("\n  {verb} ")), "{verb} is not in the overview");
        let help = run([verb, "--help"]);
        let examples = help.out.matches(&format!("\n  tailwater {verb}")).count();
        assert!(help.code == Some(0) && help.err.is_empty() && examples >= 2, "{verb}: {}", help.out);
    }
}

/// To write it anew after a wanted change: `UPDATE_GOLDEN=1 cargo test -p tailwater --test cli help`.
#[test]
fn the_help_is_the_one_on_record() {
    let mut text = run(["--help"]).out;
    for verb in VERBS {
        text.push_str(&format!("\n===== {verb}\n{}", run([verb, "--help"]).out));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/help.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, recorded);
}

#[test]
fn what_is_no_command_line_is_a_usage_error_on_stderr() {
    for args in [&["nonsense"][..], &["consume"], &["consume", "t", "--offset", "x"], &["journal", "verify"], &[]] {
        let ended = run(args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.err.contains("Usage:") || ended.err.contains("@MILLISECONDS"), "{args:?}: {}", ended.err);
    }
}
