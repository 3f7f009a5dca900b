//! Expressions that Java and Rust read differently.

use super::*;

fn is_whole(pattern: &str, text: &str) -> bool {
    whole(("regex", pattern)).unwrap().is_match(text)
}

#[test]
fn an_expression_matches_what_it_matches_in_java() {
    for (pattern, text, wanted) in [
        (r"\d+", "12", true),
        (r"\d", "\u{663}", false),
        (r"\w", "ä", false),
        (r"\W", "ä", true),
        (r"\s", "\u{a0}", false),
        (r"[\w-]+", "a-b", true),
        (r"[a\-z]", "b", false),
        (r"[+--]", ",", true),
        ("[a&&[b]]", "a", false),
        ("[a-z&&[^b]]", "a", true),
        ("[[:alpha:]]", ":", true),
        ("[[a-c][x-z]]", "y", true),
        ("[a-c~~b]", "~", true),
        (r"\<a\>", "<a>", true),
        (r"a\-b\#c", "a-b#c", true),
        ("(?i)ab[c-e]", "AbD", true),
        ("(?i)k", "\u{212a}", false),
        ("(?i)aä[ö-ü]", "Aäö", true),
        ("(?i)ä", "Ä", false),
        ("(?i)[ä]", "Ä", false),
        (r"(?i)\p{Lower}\p{Lu}", "Aa", true),
        (r"(?i)\P{Lower}", "A", false),
        (r"(?i)[^a]", "A", false),
        ("(?s).", "\n", true),
        (".", "\r", false),
        (".", "\u{85}", false),
        (r"\Qa.b\E+", "a.bb", true),
        (r"\Qa.b\E", "axb", false),
        (r"\p{Lower}", "ä", false),
        (r"\p{Ll}\pL", "äÄ", true),
        (r"\P{Punct}", "+", false),
        (r"\x41\x{42}\u0043", "ABC", true),
        ("a]}", "a]}", true),
        ("a$", "a", true),
        ("a|ab", "ab", true),
        ("(?<x>a)b", "ab", true),
        (r"srv\.public\.(orders|users)", "srv.public.users", true),
    ] {
        assert_eq!(is_whole(pattern, text), wanted, "{pattern} on {text:?}");
    }
    assert!(found("a$").unwrap().is_match("a\n") && !found("a$").unwrap().is_match("a\nb"));
    assert!(found_as_in_javascript(r"^\s$").unwrap().is_match("\u{feff}"));
    assert!(!found_as_in_javascript("a$").unwrap().is_match("a\n"));
}

#[test]
fn look_ahead_at_the_beginning_keeps_names_out() {
    for (pattern, text, wanted) in [
        ("(?!.*(__debezium-heartbeat)).*", "__debezium-heartbeat.srv", false),
        ("(?!.*(__debezium-heartbeat)).*", "srv.public.t", true),
        ("^(?!__debezium-heartbeat).*$", "__debezium-heartbeat.srv", false),
        ("^(?!a)(?=.*c$)[a-c]+", "bc", true),
        ("^(?!a)(?=.*c$)[a-c]+", "ac", false),
        ("^(?!a)(?=.*c$)[a-c]+", "bb", false),
        ("^((?!heartbeat).)*$", "my-heartbeat.x", false),
        ("^((?!heartbeat).)*$", "srv.public.t", true),
        (r"(?![()\)]).*", ")x", false),
        ("^(?i)(?!A).*", "ab", false),
        ("(?i)(?s)^(?!A).*", "b\n", true),
        ("(?i)((?!AB).)*", "xaby", false),
    ] {
        assert_eq!(is_whole(pattern, text), wanted, "{pattern} on {text:?}");
    }
    let rename = Rename::new(("regex", r"(?!.*\.audit)srv\.(.*)"), ("replacement", "$1")).unwrap();
    assert_eq!((rename.apply("srv.public.t").as_deref(), rename.apply("srv.audit")), (Some("public.t"), None));
}

/// What Java 17 says of them, too.
#[test]
fn look_ahead_behind_plain_text_is_asked_at_its_place() {
    for (pattern, text, wanted) in [
        (r"public\.(?!tmp_).*", "public.orders", true),
        (r"public\.(?!tmp_).*", "public.tmp_orders", false),
        (r"public\.(?!tmp_).*", "public.", true),
        (r"public\.(?!tmp_).*", "publicxorders", false),
        (r"public.(?!tmp$).*", "public.tmp", false),
        (r"public.(?!tmp$).*", "public.tmp2", true),
        (r"^public\.(?!a|b).*$", "public.b1", false),
        (r"^public\.(?!a|b).*$", "public.cb", true),
        (r"a(?=b)b(?!c).", "abd", true),
        (r"a(?=b)b(?!c).", "abc", false),
        (r"a(?=b)b(?!c).", "acd", false),
        (r"s\.(?!.*_(?:tmp|bak)$)(?!audit\.)[a-z]+\.(a|b).*", "s.public.b_tmp", false),
        (r"s\.(?!.*_(?:tmp|bak)$)(?!audit\.)[a-z]+\.(a|b).*", "s.audit.b", false),
        (r"s\.(?!.*_(?:tmp|bak)$)(?!audit\.)[a-z]+\.(a|b).*", "s.public.b", true),
        (r"(?i)public\.(?!tmp_).*", "PUBLIC.TMP_x", false),
    ] {
        assert_eq!(is_whole(pattern, text), wanted, "{pattern} on {text:?}");
    }
    let any_case = Whole::ignoring_case(r"public\.(?!tmp_).*").unwrap();
    assert!(any_case.is_match("Public.orders") && !any_case.is_match("public.TMP_orders"));
    let rename = Rename::new(("regex", r"srv\.(?!audit)(.*)"), ("replacement", "$1")).unwrap();
    assert_eq!((rename.apply("srv.public.t").as_deref(), rename.apply("srv.audit")), (Some("public.t"), None));
}

#[test]
fn what_has_no_counterpart_is_refused_by_its_name() {
    for (pattern, reason) in [
        ("a*(?!b)", "look-ahead (?!…), at '(?!b)'"),
        ("[ab](?!b)", "look-ahead (?!…), at '(?!b)'"),
        ("(a|b)(?!b).*", "look-ahead (?!…), at '(?!b).*'"),
        (r"\Qa\E(?!b)", "look-ahead (?!…), at '(?!b)'"),
        ("ab?(?!b).*", "look-ahead (?!…)"),
        ("a(?!b)*c", "a repetition of look-ahead"),
        ("a(?!b)b|c", "look-ahead before alternatives"),
        ("a|b(?!c).*", "look-ahead (?!…)"),
        ("(?<!a)b", "look-behind (?<!…)"),
        ("(?!a)b|c", "look-ahead before alternatives"),
        (r"(a)\1", r"a back-reference \1"),
        (r"(?<x>a)\k<x>", r"a back-reference \k"),
        ("a++", "a possessive repetition (a++)"),
        ("a**", "a '*' behind a repetition"),
        ("(?>a)", "a group (?>a…)"),
        ("(?P<n>a)", "a group (?P<…)"),
        ("(?U)a", "the flags (?U)"),
        ("(?m)^a", "the flags (?m)"),
        ("(?<a_b>x)", "the group's name 'a_b'"),
        (r"\p{javaLowerCase}", r"the class \p{javaLowerCase}"),
        (r"\R", r"\R"),
        (r"\y", r"\y"),
        ("a{,3}", "the repetition {,3}"),
        ("a{", "a '{' without end"),
        ("{", "a '{' that stands for itself; write \\{"),
        ("*a", "a '*' with nothing before it"),
        ("[]a]", "a class without members; write \\] for a bracket"),
        ("[b-a]", "the range b-a"),
        ("[a", "a class without end"),
        ("(a", "a group without end"),
        ("a$b", "a $ that something follows"),
        (r"\Z+", "a $ that something follows"),
        ("a)", "a closing parenthesis without an opening one"),
        ("a\\", "a backslash at the end"),
        ("[a-z&&b]", "&& other than before a class in brackets"),
    ] {
        let problem = whole(("regex", pattern)).unwrap_err();
        assert!(problem.cause.contains(&format!("here: {reason}")), "{pattern}: {}", problem.cause);
    }
    for pattern in [
        "(a{1000}){1000}".to_owned(),
        "(".repeat(10_000),
        "[".repeat(10_000),
        "(?=".repeat(5_000),
        "a(?!b)".repeat(5_000),
    ] {
        assert!(whole(("regex", &pattern)).is_err());
    }
}

#[test]
fn no_text_makes_it_panic() {
    const PARTS: &[&str] = &[
        "a",
        "ä",
        "[",
        "]",
        "(",
        ")",
        "(?",
        "<",
        ">",
        "!",
        "=",
        ":",
        "\\",
        "{",
        "}",
        "1",
        ",",
        "-",
        "&&",
        "^",
        "$",
        "|",
        "*",
        "+",
        "?",
        "\\Q",
        "\\E",
        "\\p",
        "\\x",
        "\\u",
        "i",
        ".",
        "\u{1f600}",
    ];
    let mut state = 6u64;
    let mut read = 0;
    for _ in 0..5_000 {
        let mut pattern = String::new();
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pattern.push_str(PARTS[usize::try_from(state >> 33).unwrap() % PARTS.len()]);
        }
        read += usize::from(whole(("regex", &pattern)).is_ok());
        let _ = Rename::new(("regex", &pattern), ("replacement", &pattern));
        let _ = found_as_in_javascript(&pattern);
    }
    assert!(read > 50, "{read}");
}
