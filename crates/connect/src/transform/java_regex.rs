//! Names rewritten by a regular expression as Java's `Matcher` does: `$1` and `${name}` in the replacement.
//!
//! Two steps: the expression must match the whole name, then its first match within the name is replaced. Both are usually the
//! same; they differ when an earlier alternative matches less (`a|ab` on `ab`).

use regex::{Captures, Regex};
use tailwater_connector::Problem;

use super::invalid;

/// An expression for whole names, and what takes the place of a match.
pub(super) struct Rename {
    /// The expression for the whole name.
    whole: Regex,
    /// The same for any part of it.
    part: Regex,
    replacement: Vec<Piece>,
}

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
        let (whole, part) = (whole(regex)?, compiled(regex, regex.1)?);
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

/// An expression that is to match whole names.
pub(crate) fn whole(option: Opt<'_>) -> Result<Regex, Problem> {
    compiled(option, &format!("\\A(?:{})\\z", option.1))
}

fn compiled((option, shown): Opt<'_>, pattern: &str) -> Result<Regex, Problem> {
    Regex::new(pattern).map_err(|_| {
        invalid(
            option,
            format!("'{shown}' is no regular expression here"),
            "Correct it; look-around ((?=…), (?<!…)) and back-references (\\1) do not exist, \\Q…\\E is written with backslashes.",
        )
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
