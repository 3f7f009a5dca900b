//! Tokens into parts, by the strength of operators as Groovy and JavaScript have it.

use std::cmp::Ordering;

use regex::Regex;

use crate::limits::{EXPRESSION_BYTES, EXPRESSION_DEPTH};

use super::lexer::{Token, tokens};
use super::methods::Method;
use super::{Dialect, Fault, Node, Operator, Part, Variable};

/// Strengths of operators; a stronger one takes its operands first.
const CHOICE: u8 = 1;
const EQUALITY: u8 = 4;
const ORDER: u8 = 5;
const UNARY: u8 = 8;

/// The whole text as one part; a leading `return` and a trailing `;` do not count.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Node, Fault> {
    if text.len() > EXPRESSION_BYTES {
        return Err(Fault::new(EXPRESSION_BYTES, format!("an expression of more than {EXPRESSION_BYTES} bytes ends")));
    }
    let mut parser = Parser { tokens: tokens(text, dialect)?, next: 0, depth: 0, dialect };
    if parser.peek() == &Token::Name("return".into()) {
        parser.advance();
    }
    let root = parser.expression(CHOICE)?;
    parser.takes(";");
    match parser.peek() {
        Token::End => Ok(root),
        Token::Name(_) => Err(parser.fault("a second statement, or an operator that is not supported,")),
        _ => Err(parser.fault("an expression should have ended")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// Expressions in one another.
    depth: usize,
    dialect: Dialect,
}

impl Parser {
    fn expression(&mut self, weakest: u8) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        let mut left = self.operand()?;
        loop {
            let at = self.at();
            let Some((sign, strength)) = self.operator().filter(|(_, strength)| *strength >= weakest) else { break };
            self.advance();
            left = self.binary(left, sign, strength, at)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// The operator that comes next, and its strength.
    fn operator(&self) -> Option<(&'static str, u8)> {
        let sign = match self.peek() {
            Token::Sign(sign) => *sign,
            Token::Name(name) if name == "in" => "in",
            _ => return None,
        };
        let strength = match sign {
            "?" | "?:" => CHOICE,
            "||" | "??" => 2,
            "&&" => 3,
            "==" | "!=" | "===" | "!==" | "=~" | "==~" => EQUALITY,
            "<" | "<=" | ">" | ">=" | "in" => ORDER,
            "+" | "-" => 6,
            "*" | "/" | "%" => 7,
            _ => return None,
        };
        Some((sign, strength))
    }

    fn binary(&mut self, left: Node, sign: &'static str, strength: u8, at: usize) -> Result<Node, Fault> {
        if sign == "?" {
            let then = self.expression(CHOICE)?;
            self.expect(":")?;
            let otherwise = self.expression(CHOICE)?;
            let depth = left.depth.max(then.depth).max(otherwise.depth);
            return self.node(at, depth, Part::Choice(Box::new([left, then, otherwise])));
        }
        // The weakest one takes what follows from the right.
        let right = self.expression(if sign == "?:" { strength } else { strength + 1 })?;
        let depth = left.depth.max(right.depth);
        if matches!(sign, "=~" | "==~") {
            let regex = regex(&right, sign == "==~")?;
            return self.node(at, depth, Part::Match { of: Box::new(left), regex });
        }
        // Long chains of conditions are no deeper than short ones.
        if matches!(sign, "&&" | "||") {
            let mut nodes = match (left.part, sign) {
                (Part::All(nodes), "&&") | (Part::Any(nodes), "||") => nodes,
                (part, _) => vec![Node { part, ..left }],
            };
            nodes.push(right);
            let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(depth);
            return self.node(at, depth, if sign == "&&" { Part::All(nodes) } else { Part::Any(nodes) });
        }
        let (left, right) = (Box::new(left), Box::new(right));
        let order = |left, right, wanted| Part::Order { left, right, wanted };
        let arithmetic = |left, right, operator| Part::Arithmetic { left, right, operator };
        let part = match sign {
            "==" | "===" => Part::Equal { left, right, negated: false },
            "!=" | "!==" => Part::Equal { left, right, negated: true },
            "<" => order(left, right, Ordering::is_lt),
            "<=" => order(left, right, Ordering::is_le),
            ">" => order(left, right, Ordering::is_gt),
            ">=" => order(left, right, Ordering::is_ge),
            "in" if self.dialect == Dialect::JavaScript => {
                return Err(Fault::new(at, "'in' is not supported, use ['a','b'].includes(…),"));
            }
            "in" => Part::In { left, right },
            "+" => arithmetic(left, right, Operator::Plus),
            "-" => arithmetic(left, right, Operator::Minus),
            "*" => arithmetic(left, right, Operator::Times),
            "/" => arithmetic(left, right, Operator::Divided),
            "%" => arithmetic(left, right, Operator::Remainder),
            _ => Part::Otherwise { first: left, second: right, null: sign == "??" },
        };
        self.node(at, depth, part)
    }

    fn operand(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let token = self.advance();
        let node = match token {
            Token::Sign(sign @ ("!" | "-")) => {
                let inner = self.expression(UNARY)?;
                let depth = inner.depth;
                let part = if sign == "!" { Part::Not(Box::new(inner)) } else { Part::Negative(Box::new(inner)) };
                return self.node(at, depth, part);
            }
            Token::Sign("(") => {
                let inner = self.expression(CHOICE)?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => {
                let nodes = self.list("]")?;
                let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
                self.node(at, depth, Part::List(nodes))?
            }
            Token::Integer(number) => self.node(at, 0, Part::Integer(number))?,
            Token::Float(number) => self.node(at, 0, Part::Float(number))?,
            Token::Text(text) | Token::Pattern(text) => self.node(at, 0, Part::Text(text))?,
            Token::Name(name) => self.name(at, &name)?,
            Token::Sign(sign) => return Err(Fault::new(at, format!("'{sign}' where a value should be"))),
            Token::End => return Err(Fault::new(at, "the expression ends where a value should be")),
        };
        self.postfix(node)
    }

    fn name(&self, at: usize, name: &str) -> Result<Node, Fault> {
        let part = match name {
            "true" => Part::Boolean(true),
            "false" => Part::Boolean(false),
            "null" => Part::Null,
            "undefined" if self.dialect == Dialect::JavaScript => Part::Null,
            "key" => Part::Variable(Variable::Key),
            "value" => Part::Variable(Variable::Value),
            "keySchema" => Part::Variable(Variable::KeySchema),
            "valueSchema" => Part::Variable(Variable::ValueSchema),
            "topic" => Part::Variable(Variable::Topic),
            "header" | "headers" => Part::Variable(Variable::Headers),
            _ => {
                let known = "key, value, keySchema, valueSchema, topic and header";
                return Err(Fault::new(at, format!("'{name}' is not supported; there are {known};")));
            }
        };
        self.node(at, 0, part)
    }

    fn postfix(&mut self, mut node: Node) -> Result<Node, Fault> {
        loop {
            let at = self.at();
            let safe = match self.peek() {
                Token::Sign("?.") => true,
                Token::Sign(".") => false,
                Token::Sign("[") => {
                    self.advance();
                    let index = self.expression(CHOICE)?;
                    self.expect("]")?;
                    let depth = node.depth.max(index.depth);
                    node = self.node(at, depth, Part::Index { of: Box::new(node), index: Box::new(index) })?;
                    continue;
                }
                _ => return Ok(node),
            };
            self.advance();
            let at = self.at();
            let name = match self.advance() {
                Token::Name(name) | Token::Text(name) => name,
                _ => return Err(Fault::new(at, "a field's name should be")),
            };
            node = if self.takes("(") { self.call(node, at, &name, safe)? } else { self.field(node, at, name, safe)? };
        }
    }

    fn field(&self, of: Node, at: usize, name: String, safe: bool) -> Result<Node, Fault> {
        let depth = of.depth;
        if name == "length" && self.dialect == Dialect::JavaScript {
            let part = Part::Call { of: Box::new(of), method: Method::Size, arguments: Vec::new(), safe };
            return self.node(at, depth, part);
        }
        self.node(at, depth, Part::Field { of: Box::new(of), name, safe })
    }

    fn call(&mut self, of: Node, at: usize, name: &str, safe: bool) -> Result<Node, Fault> {
        let mut arguments = self.list(")")?;
        let depth = arguments.iter().map(|node| node.depth).max().unwrap_or(0).max(of.depth);
        match (name, arguments.as_slice()) {
            ("matches", [pattern]) => {
                let regex = regex(pattern, true)?;
                return self.node(at, depth, Part::Match { of: Box::new(of), regex });
            }
            ("test", [_]) if self.dialect == Dialect::JavaScript => {
                let regex = regex(&of, false)?;
                let tested = arguments.pop().map_or(of, |tested| tested);
                return self.node(at, depth, Part::Match { of: Box::new(tested), regex });
            }
            ("name" | "version" | "doc" | "type" | "value" | "schema", []) => {
                return self.field(of, at, name.to_owned(), safe);
            }
            _ => {}
        }
        let method = Method::find(name, arguments.len()).ok_or_else(|| {
            Fault::new(
                at,
                format!("'{name}' with {} arguments is not supported; there are {};", arguments.len(), Method::NAMES),
            )
        })?;
        self.node(at, depth, Part::Call { of: Box::new(of), method, arguments, safe })
    }

    /// Expressions between commas, up to a sign.
    fn list(&mut self, end: &'static str) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        if self.takes(end) {
            return Ok(nodes);
        }
        loop {
            nodes.push(self.expression(CHOICE)?);
            if self.takes(end) {
                return Ok(nodes);
            }
            self.expect(",")?;
        }
    }

    fn node(&self, at: usize, depth: usize, part: Part) -> Result<Node, Fault> {
        if depth >= EXPRESSION_DEPTH { Err(self.too_deep()) } else { Ok(Node { at, depth: depth + 1, part }) }
    }

    fn too_deep(&self) -> Fault {
        self.fault(&format!("more than {EXPRESSION_DEPTH} expressions in one another"))
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(1, |(at, _)| *at)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let taken = self.peek() == &Token::Sign(sign);
        self.next += usize::from(taken);
        taken
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.takes(sign) { Ok(()) } else { Err(self.fault(&format!("'{sign}' is missing"))) }
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault::new(self.at(), reason)
    }
}

/// A pattern that stands in the expression, compiled once.
fn regex(node: &Node, whole: bool) -> Result<Box<Regex>, Fault> {
    let Part::Text(pattern) = &node.part else {
        return Err(Fault::new(node.at, "a regular expression must be a text or /…/ that stands here; it does not"));
    };
    let compiled = if whole { Regex::new(&format!("\\A(?:{pattern})\\z")) } else { Regex::new(pattern) };
    let wrong = |_| Fault::new(node.at, "no regular expression (look-around and back-references do not exist)");
    compiled.map(Box::new).map_err(wrong)
}
