//! Java's and JavaScript's regular expressions in the syntax of [`regex`], which takes time linear in the text.
//!
//! Both look alike and are not: `\d` is ASCII there, `a++` takes all it can, `[a--b]` is a range, `(?U)` is another flag. So each
//! part is read and written anew; what has no counterpart is refused with its name.

use regex::escape;

/// Whose syntax it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavor {
    Java,
    JavaScript,
}

/// What `$` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the text.
    Text,
    /// The end of the text or a line's end there.
    Line,
}

/// Groups or classes in one another.
const DEPTH: usize = 50;
/// Characters of the place where an expression is at fault.
const SHOWN: usize = 20;
const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = " \\t\\n\\x0B\\f\\r";
const LINE_ENDS: &str = "\\n\\r\\x{85}\\x{2028}\\x{2029}";
const HORIZONTAL: &str = " \\t\\xA0\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}";

/// The same expression in Rust's syntax, or what about it is not supported.
pub(super) fn translate(pattern: &str, flavor: Flavor, end: End) -> Result<String, String> {
    let mut reader = Reader {
        rest: pattern,
        flavor,
        end,
        out: String::with_capacity(pattern.len() * 2),
        insensitive: false,
        fault: None,
    };
    let read = reader.alternatives(0, false).and_then(|()| match reader.rest {
        "" => Ok(()),
        _ => Err("a closing parenthesis without an opening one".to_owned()),
    });
    read.map_err(|reason| {
        let shown = reader.fault.unwrap_or(reader.rest);
        let start: String = shown.chars().take(SHOWN).collect();
        let more = if start.len() < shown.len() { "…" } else { "" };
        format!("{reason}, at '{start}{more}'")
    })?;
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a str,
    flavor: Flavor,
    end: End,
    out: String,
    /// Whether capital and small letters are the same here.
    insensitive: bool,
    /// From where on it is at fault.
    fault: Option<&'a str>,
}

impl Reader<'_> {
    /// Up to the end, or up to the parenthesis that closes a group. With `all` a dot stands for line ends, too.
    fn alternatives(&mut self, depth: usize, mut all: bool) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("more than {DEPTH} groups in one another"));
        }
        let before = self.insensitive;
        while let Some(c) = self.rest.chars().next() {
            match c {
                ')' => break,
                '|' => {
                    self.advance(1);
                    self.out.push('|');
                    continue;
                }
                '(' if self.rest.starts_with("(?") && self.flags(&mut all)? => continue,
                _ => {}
            }
            let start = self.rest;
            if let Err(reason) = self.atom(depth, all).and_then(|()| self.quantifier()) {
                self.fault.get_or_insert(start);
                return Err(reason);
            }
        }
        self.insensitive = before;
        Ok(())
    }

    fn atom(&mut self, depth: usize, all: bool) -> Result<(), String> {
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            '(' => {
                self.group()?;
                self.alternatives(depth + 1, all)?;
                if self.next() != Some(')') {
                    return Err("a group without end".into());
                }
                self.out.push(')');
            }
            '[' => self.class(0)?,
            '.' if all => self.out.push_str("(?s:.)"),
            '.' => {
                let ends = if self.flavor == Flavor::Java { LINE_ENDS } else { "\\n\\r\\x{2028}\\x{2029}" };
                self.out.push_str(&format!("[^{ends}]"));
            }
            '^' => self.out.push_str("\\A"),
            '$' => self.dollar()?,
            '\\' => self.escaped()?,
            '*' | '+' | '?' => return Err(format!("a '{c}' with nothing before it")),
            '{' => return Err("a '{' that stands for itself; write \\{".into()),
            _ => self.literal(c),
        }
        Ok(())
    }

    /// The end. As it takes the line's end with it, nothing may follow.
    fn dollar(&mut self) -> Result<(), String> {
        if self.flavor == Flavor::Java && !self.rest.is_empty() && !self.rest.starts_with([')', '|']) {
            return Err("a $ that something follows".into());
        }
        self.out.push_str(match (self.end, self.flavor) {
            (End::Line, Flavor::Java) => "(?:(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])?\\z)",
            _ => "\\z",
        });
        Ok(())
    }

    /// With `insensitive`, letters beyond ASCII stand for themselves, as in Java.
    fn literal(&mut self, c: char) {
        if self.insensitive && c.is_ascii_alphabetic() {
            self.out.push_str(&format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase()));
        } else {
            self.out.push_str(&escape(c.encode_utf8(&mut [0; 4])));
        }
    }

    /// A flag that holds from here on, `(?i)` or `(?s)`; whether there was one.
    fn flags(&mut self, all: &mut bool) -> Result<bool, String> {
        let Some((flags, rest)) = self.rest[2..].split_once(')') else { return Ok(false) };
        if flags.is_empty() || !flags.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
            return Ok(false);
        }
        if self.flavor == Flavor::JavaScript {
            return Err("flags".into());
        }
        for flag in flags.chars() {
            match flag {
                'i' => self.insensitive = true,
                's' => *all = true,
                _ => return Err(format!("the flags (?{flags})")),
            }
        }
        self.rest = rest;
        Ok(true)
    }

    /// What follows the parenthesis that opens a group.
    fn group(&mut self) -> Result<(), String> {
        let Some(rest) = self.rest.strip_prefix('?') else {
            self.out.push('(');
            return Ok(());
        };
        for (start, name) in [("=", "look-ahead"), ("!", "look-ahead"), ("<=", "look-behind"), ("<!", "look-behind")] {
            if rest.starts_with(start) {
                return Err(format!("{name} (?{start}…)"));
            }
        }
        if let Some(rest) = rest.strip_prefix(':') {
            self.rest = rest;
            self.out.push_str("(?:");
            return Ok(());
        }
        if let Some((name, rest)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            let plain =
                name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
            if !plain {
                return Err(format!("the group's name '{name}'"));
            }
            self.rest = rest;
            self.out.push_str(&format!("(?<{name}>"));
            return Ok(());
        }
        let shown: String = rest.chars().take(2).collect();
        Err(format!("a group (?{shown}…)"))
    }

    fn quantifier(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else { return Ok(()) };
        match c {
            '*' | '+' | '?' => {
                self.advance(1);
                self.out.push(c);
            }
            '{' => {
                let (times, rest) = self.rest[1..].split_once('}').ok_or("a '{' without end")?;
                let (least, most) = times.split_once(',').unwrap_or((times, times));
                let digits =
                    |text: &str| !text.is_empty() && text.len() < 6 && text.bytes().all(|b| b.is_ascii_digit());
                if !digits(least) || !most.is_empty() && !digits(most) {
                    return Err(format!("the repetition {{{times}}}"));
                }
                self.rest = rest;
                self.out.push_str(&format!("{{{times}}}"));
            }
            _ => return Ok(()),
        }
        match self.rest.chars().next() {
            Some('?') => {
                self.advance(1);
                self.out.push('?');
            }
            Some('+') => return Err("a possessive repetition (a++)".into()),
            _ => {}
        }
        match self.rest.chars().next() {
            Some(c @ ('*' | '+' | '?' | '{')) => Err(format!("a '{c}' behind a repetition")),
            _ => Ok(()),
        }
    }

    /// What follows a backslash outside of a class.
    fn escaped(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else { return Err("a backslash at the end".into()) };
        let java = self.flavor == Flavor::Java;
        let anchor = match c {
            'b' => "(?-u:\\b)",
            'A' if java => "\\A",
            'z' if java => "\\z",
            'Z' if java => {
                self.advance(1);
                return self.dollar();
            }
            'Q' if java => {
                let (quoted, rest) = self.rest[1..].split_once("\\E").unwrap_or((&self.rest[1..], ""));
                // A repetition behind it is of its last character.
                let (quoted, rest) = (quoted.to_owned(), rest.len());
                for c in quoted.chars() {
                    self.literal(c);
                }
                self.rest = &self.rest[self.rest.len() - rest..];
                return Ok(());
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    self.out.push_str(&class);
                    return Ok(());
                }
                let c = self.character_escape()?;
                self.literal(c);
                return Ok(());
            }
        };
        self.advance(1);
        self.out.push_str(anchor);
        Ok(())
    }

    /// `\d`, `\p{L}` and the like as a class in brackets.
    fn class_escape(&mut self) -> Result<Option<String>, String> {
        let java = self.flavor == Flavor::Java;
        let Some(c) = self.rest.chars().next() else { return Ok(None) };
        let class = match c {
            'd' => format!("[{DIGIT}]"),
            'D' => format!("[^{DIGIT}]"),
            'w' => format!("[{WORD}]"),
            'W' => format!("[^{WORD}]"),
            's' if java => format!("[{SPACE}]"),
            'S' if java => format!("[^{SPACE}]"),
            's' => "[[\\s\\x{feff}]--\\x{85}]".to_owned(),
            'S' => "[^[\\s\\x{feff}]--\\x{85}]".to_owned(),
            'h' if java => format!("[{HORIZONTAL}]"),
            'v' if java => format!("[\\x0B\\f{LINE_ENDS}]"),
            'p' | 'P' if java => {
                let rest = &self.rest[1..];
                let (name, used) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                    Some((name, _)) => (name, name.len() + 2),
                    None => rest.char_indices().nth(1).map_or((rest, rest.len()), |(at, _)| (&rest[..at], at)),
                };
                let class = property(name, self.insensitive).ok_or_else(|| format!("the class \\{c}{{{name}}}"))?;
                self.rest = &self.rest[1 + used..];
                return Ok(Some(if c == 'p' { format!("[{class}]") } else { format!("[^{class}]") }));
            }
            _ => return Ok(None),
        };
        self.advance(1);
        Ok(Some(class))
    }

    /// A character that is written with a backslash.
    fn character_escape(&mut self) -> Result<char, String> {
        let java = self.flavor == Flavor::Java;
        let Some(c) = self.next() else { return Err("a backslash at the end".into()) };
        let code = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'a' if java => '\u{7}',
            'e' if java => '\u{1b}',
            'x' | 'u' => {
                let braced =
                    self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).filter(|_| java && c == 'x');
                let (digits, used) = match braced {
                    Some((digits, _)) => (digits, digits.len() + 2),
                    None => {
                        let count = if c == 'x' { 2 } else { 4 };
                        (self.rest.get(..count).unwrap_or_default(), count)
                    }
                };
                let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let read =
                    code(digits).filter(|_| hexadecimal).ok_or_else(|| format!("the character \\{c}{digits}"))?;
                self.rest = &self.rest[used..];
                read
            }
            '1'..='9' | 'k' => return Err(format!("a back-reference \\{c}")),
            c if c.is_ascii_alphanumeric() => return Err(format!("\\{c}")),
            c => c,
        })
    }

    /// What stands in brackets, from behind the first one.
    fn class(&mut self, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("more than {DEPTH} classes in one another"));
        }
        let java = self.flavor == Flavor::Java;
        let negated = self.rest.starts_with('^');
        self.out.push_str(if negated { "[^" } else { "[" });
        self.advance(usize::from(negated));
        if self.rest.starts_with(']') {
            return Err("a class without members; write \\] for a bracket".into());
        }
        loop {
            let Some(c) = self.next() else { return Err("a class without end".into()) };
            let first = match c {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if java => {
                    self.class(depth + 1)?;
                    continue;
                }
                '&' if java && self.rest.starts_with('&') => {
                    if negated || !self.rest.starts_with("&[") {
                        return Err("&& other than before a class in brackets".into());
                    }
                    self.advance(1);
                    self.out.push_str("&&");
                    continue;
                }
                '\\' => match self.class_escape()? {
                    Some(class) => {
                        self.out.push_str(&class);
                        continue;
                    }
                    None => self.character_escape()?,
                },
                c => c,
            };
            let mut last = first;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.advance(1);
                last = match self.next() {
                    Some('\\') if self.class_escape()?.is_none() => self.character_escape()?,
                    Some('\\' | '[') | None => return Err("a range in a class whose end is no character".into()),
                    Some(c) => c,
                };
            }
            self.range(first, last)?;
        }
    }

    fn range(&mut self, first: char, last: char) -> Result<(), String> {
        if last < first {
            return Err(format!("the range {first}-{last}"));
        }
        let mut push = |first: char, last: char| {
            self.out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(first), u32::from(last)));
        };
        push(first, last);
        // Letters beyond ASCII stand for themselves.
        if self.insensitive {
            for (from, to, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
                let (low, high) = (first.max(from), last.min(to));
                if low <= high {
                    let moved = |c: char| char::from(other as u8 + (c as u8 - from as u8));
                    push(moved(low), moved(high));
                }
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Over so many characters of one byte.
    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

/// The members of a class by its name in Java; those of POSIX are of ASCII. With `insensitive`, letters of either case are in
/// those of one case.
fn property(name: &str, insensitive: bool) -> Option<String> {
    match name.strip_prefix("Is").unwrap_or(name) {
        "Lu" | "Ll" | "Lt" if insensitive => return Some("\\p{Lu}\\p{Ll}\\p{Lt}".to_owned()),
        _ => {}
    }
    let posix = match name {
        "Lower" | "Upper" if insensitive => "A-Za-z",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => "\\x00-\\x7F",
        "Alpha" => "A-Za-z",
        "Digit" => DIGIT,
        "Alnum" => "0-9A-Za-z",
        "Punct" => "!-/:-@\\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => " \\t",
        "Cntrl" => "\\x00-\\x1F\\x7F",
        "XDigit" => "0-9A-Fa-f",
        "Space" => SPACE,
        _ => "",
    };
    if !posix.is_empty() {
        return Some(posix.to_owned());
    }
    let bare = name.strip_prefix("Is").unwrap_or(name);
    let category = ["L", "M", "N", "P", "S", "Z"].iter().any(|group| {
        bare.strip_prefix(group)
            .is_some_and(|rest| rest.len() < 2 && rest.bytes().all(|byte| byte.is_ascii_lowercase()))
    });
    let scripts = ["Latin", "Greek", "Cyrillic", "Han", "Hiragana", "Katakana", "Arabic", "Hebrew", "Alphabetic"];
    (category || name.starts_with("Is") && scripts.contains(&bare)).then(|| format!("\\p{{{bare}}}"))
}
