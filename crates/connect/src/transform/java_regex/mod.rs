//! Java's regular expressions, and names rewritten by them as Java's `Matcher` does: `$1` and `${name}` in the replacement.
//!
//! A name is rewritten in two steps: the expression must match the whole name, then its first match within the name is replaced.
//! Both are usually the same; they differ when an earlier alternative matches less (`a|ab` on `ab`).

mod syntax;

use regex::{Captures, Regex};
use tailwater_connector::Problem;

use self::syntax::{End, Flavor, translate};
use super::invalid;

/// An expression for whole names, and what takes the place of a match.
pub(super) struct Rename {
    /// The expression for the whole name.
    whole: Whole,
    /// The same for any part of it.
    part: Regex,
    replacement: Vec<Piece>,
}

/// An expression for whole names. Look-ahead at its very beginning, which people keep topics out with, is asked before.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    guards: Guards,
    rest: Regex,
}

/// What a name must begin with, or must not.
type Guards = Vec<(Regex, bool)>;

/// A part of the replacement.
#[derive(Debug, PartialEq)]
enum Piece {
    Literal(String),
    Group(usize),
}

/// An option's name and its value.
pub(crate) type Opt<'a> = (&'a str, &'a str);

impl Rename {
    /// The problem names the option that cannot be.
    pub(super) fn new(regex: Opt<'_>, replacement: Opt<'_>) -> Result<Rename, Problem> {
        let read = || {
            let (guards, rest) = guards(regex.1)?;
            let whole = matched(rest)?;
            Ok((Whole { guards, rest: whole }, compiled(&translate(rest, Flavor::Java, End::Text)?)?))
        };
        let (whole, part) = read().map_err(|reason: String| wrong(regex, &reason))?;
        let replacement = parse(replacement.1, &part).map_err(|reason| {
            invalid(replacement.0, reason, format!("Use $1 for a group of '{}', \\$ for a dollar sign.", regex.0))
        })?;
        Ok(Rename { whole, part, replacement })
    }

    /// The new name; `None` when the expression does not match.
    pub(super) fn apply(&self, name: &str) -> Option<String> {
        if !self.whole.is_match(name) {
            return None;
        }
        let expanded = |found: &Captures<'_>| -> String { expand(&self.replacement, found) };
        Some(self.part.replace(name, expanded).into_owned())
    }
}

impl Whole {
    /// Whether it is the whole name that matches.
    pub(crate) fn is_match(&self, name: &str) -> bool {
        self.guards.iter().all(|(guard, wanted)| guard.is_match(name) == *wanted) && self.rest.is_match(name)
    }
}

/// An expression that is to match whole names.
pub(crate) fn whole(option: Opt<'_>) -> Result<Whole, Problem> {
    let read = || {
        let (guards, rest) = guards(option.1)?;
        Ok(Whole { guards, rest: matched(rest)? })
    };
    read().map_err(|reason: String| wrong(option, &reason))
}

/// An expression that all of a text must match; or what about it is not supported.
pub(super) fn matched(pattern: &str) -> Result<Regex, String> {
    compiled(&format!("\\A(?:{})\\z", translate(pattern, Flavor::Java, End::Text)?))
}

/// An expression that is to be found in a text.
pub(super) fn found(pattern: &str) -> Result<Regex, String> {
    compiled(&translate(pattern, Flavor::Java, End::Line)?)
}

/// The same as JavaScript has it.
pub(super) fn found_as_in_javascript(pattern: &str) -> Result<Regex, String> {
    compiled(&translate(pattern, Flavor::JavaScript, End::Text)?)
}

fn compiled(translated: &str) -> Result<Regex, String> {
    Regex::new(translated).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it becomes too large".into(),
        _ => "its syntax".into(),
    })
}

fn wrong((option, shown): Opt<'_>, reason: &str) -> Problem {
    invalid(
        option,
        format!("'{shown}' is no regular expression here: {reason}"),
        "Write it without that. Look-ahead is possible at the very beginning, as in (?!.*heartbeat).*; look-behind, \
         back-references and possessive repetitions are not, as they can take unbounded time.",
    )
}

/// Look-ahead at the beginning, and what is left. `((?!x).)*`, no x anywhere, is such an expression, too.
fn guards(pattern: &str) -> Result<(Guards, &str), String> {
    let mut guards = Vec::new();
    let bare = pattern.strip_prefix('^').unwrap_or(pattern);
    for open in ["((?!", "(?:(?!"] {
        let without =
            bare.strip_prefix(open).and_then(|rest| rest.strip_suffix(").)*$").or_else(|| rest.strip_suffix(").)*")));
        // One group only, which cannot be empty at the end.
        if let Some(without) =
            without.filter(|without| closing(without).is_none() && !without.contains(['|', '$', '?', '*']))
        {
            guards.push((found(without)?, false));
            return Ok((guards, ".*"));
        }
    }
    let mut rest = bare;
    let look_ahead = |rest: &'_ str| -> Option<(bool, usize)> {
        let wanted = [("(?!", false), ("(?=", true)].into_iter().find(|(open, _)| rest.starts_with(open));
        wanted.and_then(|(_, wanted)| Some((wanted, closing(&rest[3..])?)))
    };
    while let Some((wanted, end)) = look_ahead(rest) {
        let inner = &rest[3..];
        let guard = translate(&inner[..end], Flavor::Java, End::Line)?;
        guards.push((compiled(&format!("\\A(?:{guard})"))?, wanted));
        rest = &inner[end + 1..];
    }
    if guards.is_empty() {
        return Ok((guards, pattern));
    }
    if has_alternatives(rest) {
        return Err("look-ahead before alternatives; put them into a group".into());
    }
    Ok((guards, rest))
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
