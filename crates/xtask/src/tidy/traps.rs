//! Every test that a page names exists.

/// The pages that say which test guards against what.
pub const PAGES: [&str; 2] = ["docs/traps.md", "docs/troubleshooting.md"];

/// Findings about the text of such a page, given the text of all Rust files together.
pub fn check(page: &str, text: &str, sources: &str) -> Vec<String> {
    let missing = |name: &&str| !sources.contains(&format!("fn {name}("));
    names(text).filter(missing).map(|name| format!("{page}: there is no test `{name}`")).collect()
}

/// Names of tests: what stands between backticks and has the form of a sentence.
fn names(page: &str) -> impl Iterator<Item = &str> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        text.matches('_').count() >= 3 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_not_there_is_found_and_other_words_are_no_tests() {
        let page = "| B1 | x | `rows_come_once_each` |\nsee `cargo xtask tidy` and `flush_lsn`, `gone_with_the_wind`";
        let found = check("docs/traps.md", page, "fn rows_come_once_each() {}");
        assert_eq!(found, ["docs/traps.md: there is no test `gone_with_the_wind`"]);
    }
}
