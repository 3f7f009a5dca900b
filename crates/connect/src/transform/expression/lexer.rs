//! Text into tokens.

use super::decimal::Decimal;
use super::{Dialect, Fault};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Integer(i64),
    /// `1L`
    Long(i64),
    Decimal(Decimal),
    /// `1.5f`
    Single(f32),
    Float(f64),
    Text(String),
    /// `/…/`
    Pattern(String),
    Name(String),
    Sign(&'static str),
    End,
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "===", "!==", "==~", "==", "!=", "=~", "<=", ">=", "&&", "||", "?.", "?:", "??", "<", ">", "?", ":", "!", "+", "-",
    "*", "/", "%", "(", ")", "[", "]", ",", ".", ";",
];

/// The tokens with the characters that they begin at, the first being 1; the last is [`Token::End`].
pub(super) fn tokens(text: &str, dialect: Dialect) -> Result<Vec<(usize, Token)>, Fault> {
    let mut lexer = Lexer { rest: text, at: 1, dialect };
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    loop {
        let space = lexer.take_while(char::is_whitespace);
        // In Groovy an expression that could have ended ends with its line.
        let open = matches!(tokens.last(), None | Some((_, Token::Sign(_))));
        let closed = matches!(tokens.last(), Some((_, Token::Sign(")" | "]"))));
        if space.contains(['\n', '\r']) && (!open || closed) && !lexer.rest.is_empty() && dialect == Dialect::Groovy {
            return Err(
                lexer.fault("a line ends before the expression does; write it in one line, or operators at its end;")
            );
        }
        let at = lexer.at;
        // After an operand a slash divides.
        let divides = matches!(
            tokens.last(),
            Some((
                _,
                Token::Integer(_)
                    | Token::Long(_)
                    | Token::Decimal(_)
                    | Token::Single(_)
                    | Token::Float(_)
                    | Token::Text(_)
                    | Token::Name(_)
                    | Token::Sign(")" | "]")
            ))
        );
        let token = lexer.token(divides)?;
        let ended = token == Token::End;
        tokens.push((at, token));
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    /// The next character's number.
    at: usize,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    fn token(&mut self, divides: bool) -> Result<Token, Fault> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        match first {
            '\'' | '"' => {
                self.bump();
                self.text(first).map(Token::Text)
            }
            '/' if !divides => {
                self.bump();
                self.pattern().map(Token::Pattern)
            }
            '0'..='9' => self.number(),
            _ if first.is_alphabetic() || first == '_' || first == '$' => {
                let name = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '$');
                Ok(Token::Name(name.to_owned()))
            }
            '`' => Err(self.fault("template texts are not supported, use +,")),
            '=' if !self.rest.starts_with("==") && !self.rest.starts_with("=~") => {
                Err(self.fault("assignments are not supported, use == to compare,"))
            }
            '{' | '}' => Err(self.fault("blocks and closures are not supported")),
            _ => match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                Some(sign) => {
                    (0..sign.len()).for_each(|_| self.bump());
                    Ok(Token::Sign(sign))
                }
                None => Err(self.fault(&format!("'{first}' is not supported"))),
            },
        }
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let wrong = || Fault::new(start, "a number that is too large, or of a form that is not supported,");
        let whole = self.take_while(|c| c.is_ascii_digit() || c == '_').replace('_', "");
        let mut digits = self.rest.strip_prefix('.').map(|rest| rest.chars().take_while(char::is_ascii_digit));
        let fraction = digits.as_mut().is_some_and(|digits| digits.next().is_some());
        let mut number = whole;
        if fraction {
            self.bump();
            number.push('.');
            number.push_str(self.take_while(|c| c.is_ascii_digit()));
        }
        let suffix = self.take_while(char::is_alphanumeric);
        // A leading zero makes it octal.
        if number.len() > 1 && number.starts_with('0') && !fraction {
            return Err(wrong());
        }
        let double = |number: &str| number.parse().map_err(|_| wrong());
        match (self.dialect, suffix) {
            (Dialect::Groovy, "L" | "l") | (_, "") if !fraction => {
                let value: i64 = number.parse().map_err(|_| wrong())?;
                match (self.dialect, suffix) {
                    (Dialect::Groovy, "") => Ok(Token::Integer(value)),
                    (Dialect::Groovy, _) => Ok(Token::Long(value)),
                    (Dialect::JavaScript, _) => double(&number).map(Token::Float),
                }
            }
            (Dialect::Groovy, "i" | "I") if !fraction => {
                number.parse::<i32>().map(|value| Token::Integer(value.into())).map_err(|_| wrong())
            }
            (Dialect::Groovy, "") | (Dialect::Groovy, "g" | "G") if fraction => {
                Decimal::parse(&number).map(Token::Decimal).ok_or_else(wrong)
            }
            (Dialect::Groovy, "f" | "F") => number.parse().map(Token::Single).map_err(|_| wrong()),
            (Dialect::Groovy, "d" | "D") | (Dialect::JavaScript, "") => double(&number).map(Token::Float),
            _ => Err(wrong()),
        }
    }

    fn text(&mut self, quote: char) -> Result<String, Fault> {
        let start = self.at - 1;
        let mut text = String::new();
        while let Some(c) = self.rest.chars().next() {
            if c == '$' && quote == '"' && self.dialect == Dialect::Groovy {
                return Err(self.fault("values inside a text (\"${…}\") are not supported, use + or '…',"));
            }
            self.bump();
            match c {
                '\\' => text.push(self.escaped()?),
                _ if c == quote => return Ok(text),
                _ => text.push(c),
            }
        }
        Err(Fault::new(start, "a text without end"))
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let fault = self.fault("an escape that is not supported");
        let c = self.rest.chars().next().ok_or_else(|| self.fault("a text without end"))?;
        self.bump();
        match c {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            '\\' | '\'' | '"' | '$' | '/' => Ok(c),
            'u' => {
                let digits: String = self.rest.chars().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                digits.chars().for_each(|_| self.bump());
                code.and_then(char::from_u32).ok_or(fault)
            }
            _ => Err(fault),
        }
    }

    /// What stands between slashes; only the slash is escaped there.
    fn pattern(&mut self) -> Result<String, Fault> {
        let start = self.at - 1;
        let mut pattern = String::new();
        while let Some(c) = self.rest.chars().next() {
            let after = self.rest.chars().nth(1);
            if c == '$'
                && after.is_some_and(|c| c == '{' || c == '_' || c.is_alphabetic())
                && self.dialect == Dialect::Groovy
            {
                return Err(self.fault("values inside a pattern (${…}, $name) are not supported"));
            }
            self.bump();
            match c {
                '/' => return Ok(pattern),
                '\\' if self.rest.starts_with('/') => {
                    self.bump();
                    pattern.push('/');
                }
                '\\' => {
                    pattern.push('\\');
                    if let Some(next) = self.rest.chars().next() {
                        self.bump();
                        pattern.push(next);
                    }
                }
                _ => pattern.push(c),
            }
        }
        Err(Fault::new(start, "a pattern without end"))
    }

    fn take_while(&mut self, takes: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !takes(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.at += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        if chars.next().is_some() {
            self.at += 1;
            self.rest = chars.as_str();
        }
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault::new(self.at, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexed(text: &str) -> Vec<Token> {
        tokens(text, Dialect::Groovy).unwrap().into_iter().map(|(_, token)| token).collect()
    }

    #[test]
    fn a_slash_divides_after_an_operand_and_begins_a_pattern_elsewhere() {
        let name = |name: &str| Token::Name(name.into());
        let expected = [name("a"), Token::Sign("/"), Token::Integer(2), Token::Sign("/"), name("b"), Token::End];
        assert_eq!(lexed("a /2/ b"), expected);
        assert_eq!(lexed(r"a =~ /x\/\d/")[2], Token::Pattern(r"x/\d".into()));
    }

    #[test]
    fn texts_have_escapes_and_numbers_have_suffixes() {
        assert_eq!(lexed(r#"'it\'s' "\u00e4""#)[..2], [Token::Text("it's".into()), Token::Text("ä".into())]);
        assert_eq!(
            lexed("1_000L 1.5f 2.")[..4],
            [Token::Long(1000), Token::Single(1.5), Token::Integer(2), Token::Sign(".")]
        );
    }

    #[test]
    fn what_is_refused_has_its_place() {
        for (text, at) in
            [("'a", 1), ("a + \"${b}\"", 6), ("a = 1", 3), ("ä { }", 3), ("99999999999999999999", 1), ("a ~ b", 3)]
        {
            assert_eq!(tokens(text, Dialect::Groovy).unwrap_err().at, at, "{text}");
        }
    }
}
