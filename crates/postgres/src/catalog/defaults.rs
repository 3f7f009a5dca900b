//! Column defaults: `pg_get_expr` text as the value that events show.

use tailwater_event::DefaultValue;

/// Reads a default. `None` when it is NULL or computed by operators: events show none then. Which types show theirs
/// is the encoder's choice.
pub(super) fn parse(expression: &str) -> Option<DefaultValue> {
    let inner = without_parentheses(expression.trim());
    if let Some((text, rest)) = quoted(inner) {
        return is_casts(rest).then_some(DefaultValue::Literal(text));
    }
    let (word, rest) = inner.split_at(inner.find("::").unwrap_or(inner.len()));
    let word = without_parentheses(word.trim());
    if word.eq_ignore_ascii_case("null") || !is_casts(rest) {
        return None;
    }
    if is_number(word) || matches!(word, "true" | "false") {
        return Some(DefaultValue::Literal(word.to_owned()));
    }
    match call(inner)? {
        Call::Bare(word) => Some(DefaultValue::Keyword(word.to_owned())),
        Call::Other => Some(DefaultValue::Expression),
    }
}

/// A function call.
enum Call<'a> {
    /// One that SQL writes without parentheses.
    Bare(&'a str),
    Other,
}

/// `(…)` around the whole text, taken off.
fn without_parentheses(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    inner.filter(|t| !t.contains(['(', ')', '\''])).unwrap_or(text)
}

/// A text constant at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

/// Nothing, or `::type` casts; a type's name has letters, digits, spaces, quotes, brackets, and a modifier.
fn is_casts(text: &str) -> bool {
    let allowed =
        |c: char| c.is_alphanumeric() || matches!(c, ':' | ' ' | '_' | '"' | '[' | ']' | '(' | ')' | ',' | '.');
    text.is_empty() || (text.starts_with("::") && text.chars().all(allowed))
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) && word.parse::<f64>().is_ok()
}

fn call(text: &str) -> Option<Call<'_>> {
    const BARE: [&str; 8] = [
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "CURRENT_USER",
        "SESSION_USER",
        "CURRENT_ROLE",
    ];
    let name = text.trim_start_matches('(');
    let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"'))).unwrap_or(name.len());
    let (name, rest) = name.split_at(end);
    match name {
        "" => None,
        _ if rest.starts_with('(') => Some(Call::Other),
        bare => BARE.contains(&bare).then_some(Call::Bare(bare)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_lose_quotes_and_casts() {
        let cases = [
            ("42", "42"),
            ("'-1'::integer", "-1"),
            ("(-1)", "-1"),
            ("1.50", "1.50"),
            ("true", "true"),
            ("'it''s :: here'::text", "it's :: here"),
            ("''::text", ""),
            ("'x'::character varying(3)", "x"),
            ("'2020-01-01 00:00:00'::timestamp without time zone", "2020-01-01 00:00:00"),
            ("'101'::\"bit\"", "101"),
            ("'{\"k\": 1}'::jsonb", "{\"k\": 1}"),
            ("(0)::numeric", "0"),
            ("'NaN'::double precision", "NaN"),
            ("'{1,2}'::integer[]", "{1,2}"),
        ];
        for (expression, value) in cases {
            assert_eq!(parse(expression), Some(DefaultValue::Literal(value.to_owned())), "{expression}");
        }
    }

    #[test]
    fn functions_are_expressions_and_operators_are_nothing() {
        assert_eq!(parse("CURRENT_USER"), Some(DefaultValue::Keyword("CURRENT_USER".into())));
        let calls = ["now()", "nextval('a_seq'::regclass)", "upper('x'::text)", "(now())::date", "s.f(1)"];
        for call in calls {
            assert_eq!(parse(call), Some(DefaultValue::Expression), "{call}");
        }
        for other in ["(1 + 2)", "NULL::text", "NULL", "('a'::text || 'b'::text)", "ARRAY[1, 2]", "", "'open"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
