//! The text form of `java.util.Properties`, as Connect's standalone files have it.
//!
//! Rules (Java SE, `Properties.load`): `#` and `!` start comments; an odd number of backslashes at a line's end joins the
//! next line without its leading blanks; the key ends at the first `=`, `:` or blank that no backslash precedes;
//! escapes are `\t`, `\n`, `\r`, `\f` and `\uXXXX`, and before any other character the backslash falls away. A key
//! that stands twice is refused in files of connectors; Java takes the last, and so do files of other programs.

use std::iter::Peekable;
use std::str::Chars;

use tailwater_connector::Problem;

/// Keys and values in their order.
pub type Properties = Vec<(String, String)>;

/// All properties in their order.
///
/// # Errors
/// `CONNECTOR_FILE_INVALID` with the line that is wrong.
pub fn parse(text: &str) -> Result<Properties, Problem> {
    let mut properties = Properties::new();
    for (number, line) in logical_lines(text) {
        let (key, value) = split(&line).map_err(|fault| invalid(number, fault))?;
        if properties.iter().any(|(known, _)| *known == key) {
            return Err(invalid(number, &format!("the key '{key}' stands there twice")));
        }
        properties.push((key, value));
    }
    Ok(properties)
}

/// The same as Java reads them: of a key that stands more than once the last value counts, at the place of the first. Second:
/// such keys.
///
/// # Errors
/// As [`parse`], but for these keys.
pub fn parse_as_java(text: &str) -> Result<(Properties, Vec<String>), Problem> {
    let mut properties = Properties::new();
    let mut repeated = Vec::new();
    for (number, line) in logical_lines(text) {
        let (key, value) = split(&line).map_err(|fault| invalid(number, fault))?;
        match properties.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => {
                *before = value;
                if !repeated.contains(&key) {
                    repeated.push(key);
                }
            }
            None => properties.push((key, value)),
        }
    }
    Ok((properties, repeated))
}

/// Lines with their continuations, without comments and empty lines; each with the number of its first line from 1.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    // A mark of its encoding, which editors of Windows leave, is no part of the first key.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, natural) in text.split('\n').enumerate() {
        let line = natural.trim_start_matches(is_blank);
        let (number, mut logical) = match open.take() {
            Some(started) => started,
            None if line.is_empty() || line.starts_with(['#', '!']) => continue,
            None => (index + 1, String::new()),
        };
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            logical.push_str(line.strip_suffix('\\').unwrap_or(line));
            open = Some((number, logical));
        } else {
            logical.push_str(line);
            lines.push((number, logical));
        }
    }
    lines.extend(open);
    lines
}

fn split(line: &str) -> Result<(String, String), &'static str> {
    let mut chars = line.chars().peekable();
    let mut key = String::new();
    while let Some(&c) = chars.peek() {
        if is_blank(c) || c == '=' || c == ':' {
            break;
        }
        chars.next();
        push_unescaped(&mut key, c, &mut chars)?;
    }
    skip_blanks(&mut chars);
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        skip_blanks(&mut chars);
    }
    let mut value = String::new();
    while let Some(c) = chars.next() {
        push_unescaped(&mut value, c, &mut chars)?;
    }
    Ok((key, value))
}

/// Appends `c`, or what the escape that it begins stands for.
fn push_unescaped(out: &mut String, c: char, rest: &mut Peekable<Chars<'_>>) -> Result<(), &'static str> {
    if c != '\\' {
        out.push(c);
        return Ok(());
    }
    match rest.next() {
        Some('t') => out.push('\t'),
        Some('n') => out.push('\n'),
        Some('r') => out.push('\r'),
        Some('f') => out.push('\u{c}'),
        Some('u') => {
            let unit = code_unit(rest)?;
            let second = if (0xD800..0xDC00).contains(&unit) { second_unit(rest)? } else { None };
            let units: Vec<u16> = std::iter::once(unit).chain(second).collect();
            out.push_str(&String::from_utf16(&units).map_err(|_| "a \\u escape is half of a character")?);
        }
        Some(other) => out.push(other),
        None => {}
    }
    Ok(())
}

/// The second escape of a surrogate pair, if one follows.
fn second_unit(rest: &mut Peekable<Chars<'_>>) -> Result<Option<u16>, &'static str> {
    if rest.next_if_eq(&'\\').is_none() {
        return Ok(None);
    }
    match rest.next() {
        Some('u') => code_unit(rest).map(Some),
        _ => Err("a \\u escape is half of a character"),
    }
}

fn code_unit(rest: &mut Peekable<Chars<'_>>) -> Result<u16, &'static str> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = rest.next().and_then(|c| c.to_digit(16)).ok_or("a \\u escape needs four hexadecimal digits")?;
        unit = unit * 16 + digit as u16;
    }
    Ok(unit)
}

fn skip_blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| is_blank(*c)).is_some() {}
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

fn invalid(line: usize, fault: &str) -> Problem {
    Problem::config("CONNECTOR_FILE_INVALID", format!("line {line}: {fault}"), format!("Mend line {line}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, String) {
        let mut all = parse(text).unwrap();
        assert_eq!(all.len(), 1, "{text:?}");
        all.remove(0)
    }

    #[test]
    fn lines_are_read_as_java_reads_them() {
        // Examples of the documentation of java.util.Properties, and traps around them.
        for (text, key, value) in [
            ("Truth = Beauty", "Truth", "Beauty"),
            (" Truth:Beauty", "Truth", "Beauty"),
            ("Truth                    :Beauty", "Truth", "Beauty"),
            (
                "fruits  apple, banana, pear, \\\n        cantaloupe, \\\n  mango",
                "fruits",
                "apple, banana, pear, cantaloupe, mango",
            ),
            ("cheeses", "cheeses", ""),
            ("a\\:\\=\\ b=c", "a:= b", "c"),
            ("a = b ", "a", "b "),
            ("a==b", "a", "=b"),
            ("a=b#c", "a", "b#c"),
            ("a=\\u00e9\\t\\q", "a", "é\tq"),
            ("a=\\uD83D\\uDE00", "a", "😀"),
            ("a=b\\\\\r\n#c", "a", "b\\"),
            ("a=b\\\r\n  #c", "a", "b#c"),
            ("# comment \\\na=b", "a", "b"),
            ("! comment\n\n\ta=b", "a", "b"),
            ("a=b\\", "a", "b"),
        ] {
            assert_eq!(one(text), (key.to_owned(), value.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn as_java_reads_it_the_last_value_of_a_key_counts() {
        let (properties, repeated) = parse_as_java("\u{feff}a=1\nb=2\na=3\na=4\n").unwrap();
        assert_eq!(properties, [("a".to_owned(), "4".to_owned()), ("b".to_owned(), "2".to_owned())]);
        assert_eq!(repeated, ["a"]);
    }

    #[test]
    fn faults_are_located_by_the_line_where_they_start() {
        for (text, place) in [
            ("a=1\nb=\\u12", "line 2"),
            ("a=\\uD800x", "line 1"),
            ("a=\\uD800\\n", "line 1"),
            ("a=1\\\n2\nb=3\na=4", "line 4"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.cause.starts_with(place), "{text:?}: {problem}");
        }
    }
}
