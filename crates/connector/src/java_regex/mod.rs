//! Java's regular expressions, in which people write lists of tables, topics and columns, and names rewritten by them as Java's
//! `Matcher` does: `$1` and `${name}` in the replacement.
//!
//! What has no counterpart in time linear in the text is refused by name. Look-ahead is possible where its place in the name is
//! certain: at the beginning, and behind characters of which each stands for just one, as in `public\.(?!tmp_).*`.
//!
//! A name is rewritten in two steps: the expression must match the whole name, then its first match within the name is replaced.
//! Both are usually the same; they differ when an earlier alternative matches less (`a|ab` on `ab`).

mod syntax;

use regex::{Captures, Regex};

use self::syntax::{End, Flavor, translate};
use crate::Problem;
use crate::limits::LOOK_AHEADS;

/// What to do about an expression that is refused.
pub const REMEDY: &str = "Write it without that. Look-ahead is possible at the very beginning, as in (?!.*heartbeat).*, and \
                          behind plain text, as in public\\.(?!tmp_).*; look-behind, back-references and possessive repetitions \
                          are not, as they can take unbounded time.";

/// An expression for whole names, and what takes the place of a match.
#[derive(Clone, Debug)]
pub struct Rename {
    /// The expression for the whole name.
    whole: Whole,
    /// The same for any part of it.
    part: Regex,
    replacement: Vec<Piece>,
}

/// An expression for whole names. Look-ahead at its beginning, which people keep names out with, is asked before.
#[derive(Clone, Debug)]
pub struct Whole {
    guards: Guards,
    rest: Regex,
}

/// What a name must begin with, or must not.
type Guards = Vec<(Regex, bool)>;

/// A part of the replacement.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    Group(usize),
}

/// An option's name and its value.
pub type Opt<'a> = (&'a str, &'a str);

impl Rename {
    /// The problem names the option that cannot be.
    pub fn new(regex: Opt<'_>, replacement: Opt<'_>) -> Result<Rename, Problem> {
        let read = || {
            let (guards, rest) = guards(regex.1)?;
            let part = compiled(&translate(&rest, Flavor::Java, End::Text)?)?;
            Ok((Whole { guards, rest: matched(&rest)? }, part))
        };
        let (whole, part) = read().map_err(|reason: String| wrong(regex, &reason))?;
        let replacement = parse(replacement.1, &part).map_err(|reason| {
            invalid(replacement.0, reason, format!("Use $1 for a group of '{}', \\$ for a dollar sign.", regex.0))
        })?;
        Ok(Rename { whole, part, replacement })
    }

    /// The new name; `None` when the expression does not match.
    pub fn apply(&self, name: &str) -> Option<String> {
        if !self.whole.is_match(name) {
            return None;
        }
        let expanded = |found: &Captures<'_>| -> String { expand(&self.replacement, found) };
        Some(self.part.replace(name, expanded).into_owned())
    }
}

impl Whole {
    /// Reads an expression; the error says what about it is not supported.
    pub fn new(pattern: &str) -> Result<Whole, String> {
        let (guards, rest) = guards(pattern)?;
        Ok(Whole { guards, rest: matched(&rest)? })
    }

    /// The same for small and capital letters alike, those of ASCII, as with Java's `CASE_INSENSITIVE`.
    pub fn ignoring_case(pattern: &str) -> Result<Whole, String> {
        Whole::new(&format!("(?i){pattern}"))
    }

    /// Whether it is the whole name that matches.
    pub fn is_match(&self, name: &str) -> bool {
        self.guards.iter().all(|(guard, wanted)| guard.is_match(name) == *wanted) && self.rest.is_match(name)
    }
}

/// An option that is an expression for whole names. The problem, `PROPERTY_INVALID`, names the option.
pub fn whole(option: Opt<'_>) -> Result<Whole, Problem> {
    Whole::new(option.1).map_err(|reason| wrong(option, &reason))
}

/// An expression that all of a text must match; or what about it is not supported.
pub fn matched(pattern: &str) -> Result<Regex, String> {
    compiled(&format!("\\A(?:{})\\z", translate(pattern, Flavor::Java, End::Text)?))
}

/// An expression that is to be found in a text; or what about it is not supported.
pub fn found(pattern: &str) -> Result<Regex, String> {
    compiled(&translate(pattern, Flavor::Java, End::Line)?)
}

/// The same as JavaScript has it.
pub fn found_as_in_javascript(pattern: &str) -> Result<Regex, String> {
    compiled(&translate(pattern, Flavor::JavaScript, End::Text)?)
}

fn compiled(translated: &str) -> Result<Regex, String> {
    Regex::new(translated).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it becomes too large".into(),
        _ => "its syntax".into(),
    })
}

fn wrong((option, shown): Opt<'_>, reason: &str) -> Problem {
    invalid(option, format!("'{shown}' is no regular expression here: {reason}"), REMEDY)
}

fn invalid(option: &str, reason: impl std::fmt::Display, remedy: impl Into<String>) -> Problem {
    Problem::config("PROPERTY_INVALID", format!("The '{option}' value is invalid: {reason}"), remedy)
}

/// Look-ahead at the beginning, and the expression without it. `((?!x).)*`, no x anywhere, is such an expression, too.
fn guards(pattern: &str) -> Result<(Guards, String), String> {
    let mut guards = Vec::new();
    let (flags, bare) = flags(pattern.strip_prefix('^').unwrap_or(pattern));
    let bare = bare.strip_prefix('^').unwrap_or(bare);
    for open in ["((?!", "(?:(?!"] {
        let without =
            bare.strip_prefix(open).and_then(|rest| rest.strip_suffix(").)*$").or_else(|| rest.strip_suffix(").)*")));
        // One group only, which cannot be empty at the end.
        if let Some(without) =
            without.filter(|without| closing(without).is_none() && !without.contains(['|', '$', '?', '*']))
        {
            guards.push((found(&format!("{flags}{without}"))?, false));
            return Ok((guards, format!("{flags}.*")));
        }
    }
    // What is read stands for one character each, so the place where a guard is asked is the same in every name. All of it is
    // asked with the guard, from the beginning on; where it does not fit, neither does the rest.
    let (mut head, mut rest) = (String::new(), bare);
    loop {
        let look_ahead = [("(?!", false), ("(?=", true)].into_iter().find(|(open, _)| rest.starts_with(open));
        if let Some((wanted, (inner, behind))) = look_ahead.and_then(|(_, wanted)| Some((wanted, group(&rest[3..])?))) {
            if behind.starts_with(['*', '+', '?', '{']) {
                return Err("a repetition of look-ahead".into());
            }
            let head = translate(&format!("{flags}{head}"), Flavor::Java, End::Line)?;
            let guard = translate(&format!("{flags}{inner}"), Flavor::Java, End::Line)?;
            guards.push((compiled(&format!("\\A{head}(?:{guard})"))?, wanted));
            if guards.len() > LOOK_AHEADS {
                return Err(format!("more than {LOOK_AHEADS} times look-ahead"));
            }
            rest = behind;
        } else if let Some(one) = one(rest) {
            head.push_str(&rest[..one]);
            rest = &rest[one..];
        } else {
            break;
        }
    }
    if guards.is_empty() {
        return Ok((guards, pattern.to_owned()));
    }
    if has_alternatives(rest) {
        return Err("look-ahead before alternatives; put them into a group".into());
    }
    Ok((guards, format!("{flags}{head}{rest}")))
}

/// Flags that an expression begins with, as `(?i)`, and what follows them.
fn flags(pattern: &str) -> (&str, &str) {
    let mut rest = pattern;
    while let Some((flags, behind)) = rest.strip_prefix("(?").and_then(|inside| inside.split_once(')')) {
        if flags.is_empty() || !flags.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            break;
        }
        rest = behind;
    }
    pattern.split_at(pattern.len() - rest.len())
}

/// How long that is which stands for one character, whichever it is, and once, at the beginning of an expression.
fn one(pattern: &str) -> Option<usize> {
    let mut chars = pattern.chars();
    let length = match chars.next()? {
        '\\' => 1 + chars.next().filter(|c| !c.is_ascii_alphanumeric())?.len_utf8(),
        '^' | '$' | '|' | '*' | '+' | '?' | '(' | ')' | '[' | '{' => return None,
        c => c.len_utf8(),
    };
    (!pattern[length..].starts_with(['*', '+', '?', '{'])).then_some(length)
}

/// The inside of a group, whose opening is read, and what stands behind the group.
fn group(inner: &str) -> Option<(&str, &str)> {
    let end = closing(inner)?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Where the group ends whose inside this is.
fn closing(inner: &str) -> Option<usize> {
    outside(inner).find(|(_, c, depth)| *c == ')' && *depth < 0).map(|(at, _, _)| at)
}

fn has_alternatives(pattern: &str) -> bool {
    outside(pattern).any(|(_, c, depth)| c == '|' && depth == 0)
}

/// What is neither escaped nor in a class, with how deep in groups it stands.
fn outside(pattern: &str) -> impl Iterator<Item = (usize, char, i32)> + '_ {
    let (mut depth, mut classes, mut escaped, mut quoted) = (0i32, 0i32, false, false);
    pattern.char_indices().filter_map(move |(at, c)| {
        let was = std::mem::replace(&mut escaped, false);
        match c {
            'Q' if was && !quoted => quoted = true,
            'E' if was => quoted = false,
            '\\' if !was => escaped = true,
            _ if was || quoted => {}
            '[' => classes += 1,
            ']' if classes > 0 => classes -= 1,
            _ if classes > 0 => {}
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                return Some((at, c, depth));
            }
            c => return Some((at, c, depth)),
        }
        None
    })
}

fn expand(replacement: &[Piece], found: &Captures<'_>) -> String {
    replacement
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Group(number) => found.get(*number).map_or("", |group| group.as_str()),
        })
        .collect()
}

/// Java's replacement text: `$1`, `${name}`, and a backslash before what stands for itself. A group's number goes on as long as
/// such a group exists.
fn parse(text: &str, regex: &Regex) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => literal.push(chars.next().ok_or("character to be escaped is missing")?),
            '$' => {
                let group = match chars.next() {
                    Some('{') => {
                        let name: String = chars.by_ref().take_while(|&c| c != '}').collect();
                        let place = regex.capture_names().position(|known| known == Some(name.as_str()));
                        place.ok_or_else(|| format!("No group with name {{{name}}}"))?
                    }
                    Some(first) => {
                        let digit = |c: char| c.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                        let mut number = digit(first).ok_or("Illegal group reference")?;
                        if number >= regex.captures_len() {
                            return Err(format!("No group {number}"));
                        }
                        while let Some(next) = chars.peek().copied().and_then(digit) {
                            let longer = number.saturating_mul(10).saturating_add(next);
                            if longer >= regex.captures_len() {
                                break;
                            }
                            number = longer;
                            chars.next();
                        }
                        number
                    }
                    None => return Err("Illegal group reference: group index is missing".into()),
                };
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Group(group));
            }
            other => literal.push(other),
        }
    }
    pieces.push(Piece::Literal(literal));
    Ok(pieces)
}

#[cfg(test)]
mod tests;
