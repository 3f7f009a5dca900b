//! Column defaults: `pg_get_expr` text as the value that events show.

use tailwater_event::{ColumnType, DefaultValue};

/// Reads a default. `None` when events show none: NULL, operators, and types whose defaults the original leaves out
/// (`base_name` is the type's name under its domains).
pub(super) fn parse(expression: &str, ty: &ColumnType, base_name: &str) -> Option<DefaultValue> {
    if !is_shown(ty, base_name) {
        return None;
    }
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
    is_call(inner).then_some(DefaultValue::Expression)
}

/// The types for which Debezium has a default mapper.
fn is_shown(ty: &ColumnType, base_name: &str) -> bool {
    match ty {
        ColumnType::Text => matches!(base_name, "text" | "varchar" | "bpchar" | "char"),
        ColumnType::Bool
        | ColumnType::Int2
        | ColumnType::Int4
        | ColumnType::Int8
        | ColumnType::Float4
        | ColumnType::Float8
        | ColumnType::Numeric(_)
        | ColumnType::Bit(_)
        | ColumnType::VarBit(_)
        | ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::TimeTz(_)
        | ColumnType::Timestamp(_)
        | ColumnType::TimestampTz(_)
        | ColumnType::Interval
        | ColumnType::Json
        | ColumnType::Uuid => true,
        _ => false,
    }
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

/// A function call, or one of the functions that SQL writes without parentheses.
fn is_call(text: &str) -> bool {
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
    !name.is_empty() && (rest.starts_with('(') || BARE.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(expression: &str, ty: ColumnType) -> Option<String> {
        match parse(expression, &ty, "text") {
            Some(DefaultValue::Literal(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn constants_lose_quotes_and_casts() {
        let cases = [
            ("42", ColumnType::Int4, "42"),
            ("'-1'::integer", ColumnType::Int4, "-1"),
            ("(-1)", ColumnType::Int4, "-1"),
            ("1.50", ColumnType::Numeric(Some((6, 2))), "1.50"),
            ("true", ColumnType::Bool, "true"),
            ("'it''s :: here'::text", ColumnType::Text, "it's :: here"),
            ("''::text", ColumnType::Text, ""),
            ("'x'::character varying(3)", ColumnType::Text, "x"),
            ("'2020-01-01 00:00:00'::timestamp without time zone", ColumnType::Timestamp(6), "2020-01-01 00:00:00"),
            ("'101'::\"bit\"", ColumnType::Bit(3), "101"),
            ("'{\"k\": 1}'::jsonb", ColumnType::Json, "{\"k\": 1}"),
            ("(0)::numeric", ColumnType::Numeric(None), "0"),
            ("'NaN'::double precision", ColumnType::Float8, "NaN"),
        ];
        for (expression, ty, value) in cases {
            assert_eq!(literal(expression, ty).as_deref(), Some(value), "{expression}");
        }
    }

    #[test]
    fn functions_are_expressions_and_operators_are_nothing() {
        let calls =
            ["now()", "nextval('a_seq'::regclass)", "CURRENT_DATE", "upper('x'::text)", "(now())::date", "s.f(1)"];
        for call in calls {
            assert_eq!(parse(call, &ColumnType::Text, "text"), Some(DefaultValue::Expression), "{call}");
        }
        for other in ["(1 + 2)", "NULL::text", "NULL", "('a'::text || 'b'::text)", "ARRAY[1, 2]", "", "'open"] {
            assert_eq!(parse(other, &ColumnType::Text, "text"), None, "{other}");
        }
    }

    #[test]
    fn types_without_a_mapper_show_no_default() {
        assert_eq!(parse("'\\x01'::bytea", &ColumnType::Bytea, "bytea"), None);
        assert_eq!(parse("'1.2.3.4'::inet", &ColumnType::Text, "inet"), None);
        assert_eq!(parse("'{1}'::integer[]", &ColumnType::Array(Box::new(ColumnType::Int4)), "_int4"), None);
        assert_eq!(parse("1.5", &ColumnType::Money, "money"), None);
    }
}
