//! Tokens into parts, by the strength of operators as Groovy and JavaScript have it.

use std::cmp::Ordering;

use regex::Regex;
use tailwater_connector::java_regex;

use crate::limits::{EXPRESSION_BYTES, EXPRESSION_DEPTH};

use super::lexer::{Token, tokens};
use super::methods::Method;
use super::{Dialect, Fault, Matching, Node, Operator, Part, Variable};

/// Strengths of operators; a stronger one takes its operands first.
const CHOICE: u8 = 1;
const EQUALITY: u8 = 4;
const ORDER: u8 = 5;
const UNARY: u8 = 8;
/// One more than the largest of 32 bits.
const LARGEST: i64 = 1 << 31;

/// The whole text as one part, and the first field whose name a Java object has, too. A trailing `;` does not count, nor does a
/// leading `return` in Groovy.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<(Node, Option<(usize, String)>), Fault> {
    if text.len() > EXPRESSION_BYTES {
        return Err(Fault::new(EXPRESSION_BYTES, format!("an expression of more than {EXPRESSION_BYTES} bytes ends")));
    }
    let mut parser = Parser { tokens: tokens(text, dialect)?, next: 0, depth: 0, dialect, hidden: None };
    if parser.peek() == &Token::Name("return".into()) && dialect == Dialect::Groovy {
        parser.advance();
    }
    let root = parser.expression(CHOICE)?;
    parser.takes(";");
    match parser.peek() {
        Token::End => Ok((root, parser.hidden)),
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
    hidden: Option<(usize, String)>,
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
            if sign == "!in" {
                self.advance();
            }
            left = self.binary(left, sign, strength, at)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// The operator that comes next, and its strength.
    fn operator(&self) -> Option<(&'static str, u8)> {
        let sign = match self.peek() {
            Token::Sign("!")
                if self.tokens.get(self.next + 1).is_some_and(|(_, next)| *next == Token::Name("in".into())) =>
            {
                "!in"
            }
            Token::Sign(sign) => *sign,
            Token::Name(name) if name == "in" => "in",
            _ => return None,
        };
        let strength = match sign {
            "?" | "?:" => CHOICE,
            "||" | "??" => 2,
            "&&" => 3,
            "==" | "!=" | "===" | "!==" | "=~" | "==~" => EQUALITY,
            "<" | "<=" | ">" | ">=" | "in" | "!in" => ORDER,
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
        let javascript = self.dialect == Dialect::JavaScript;
        if if javascript { matches!(sign, "=~" | "==~" | "?:") } else { matches!(sign, "===" | "!==" | "??") } {
            let language = if javascript { "JavaScript" } else { "Groovy" };
            return Err(Fault::new(at, format!("'{sign}' is not of {language} and")));
        }
        if matches!(sign, "=~" | "==~") {
            let how = if sign == "=~" { Matching::Find } else { Matching::Whole };
            let regex = regex(&right, how)?;
            return self.node(at, depth, Part::Match { of: Box::new(left), regex, how });
        }
        for side in [&left, &right] {
            if javascript && matches!(side.part, Part::Pattern(_)) {
                return Err(Fault::new(side.at, "a pattern that no /…/.test(…) is asked of"));
            }
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
            "==" | "===" => Part::Equal { left, right, negated: false, strictly: sign == "===" },
            "!=" | "!==" => Part::Equal { left, right, negated: true, strictly: sign == "!==" },
            "<" => order(left, right, Ordering::is_lt),
            "<=" => order(left, right, Ordering::is_le),
            ">" => order(left, right, Ordering::is_gt),
            ">=" => order(left, right, Ordering::is_ge),
            "in" | "!in" if self.dialect == Dialect::JavaScript => {
                return Err(Fault::new(at, "'in' is not supported, use ['a','b'].includes(…),"));
            }
            "in" => Part::In { left, right },
            "!in" => Part::Not(Box::new(self.node(at, depth, Part::In { left, right })?)),
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
                // The smallest of 32 bits is one number, not a greater one with a sign.
                if let ("-", Part::Integer(LARGEST), Dialect::Groovy) = (sign, &inner.part, self.dialect) {
                    return self.node(at, 0, Part::Integer(-LARGEST));
                }
                let depth = inner.depth;
                let part = if sign == "!" { Part::Not(Box::new(inner)) } else { Part::Negative(Box::new(inner)) };
                return self.node(at, depth, part);
            }
            Token::Sign("(") => {
                let inner = self.expression(CHOICE)?;
                self.expect(")")?;
                let depth = inner.depth;
                self.node(at, depth, Part::Group(Box::new(inner)))?
            }
            Token::Sign("[") => {
                let nodes = self.list("]")?;
                let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
                self.node(at, depth, Part::List(nodes))?
            }
            Token::Integer(number) => self.node(at, 0, Part::Integer(number))?,
            Token::Long(number) => self.node(at, 0, Part::Long(number))?,
            Token::Decimal(number) => self.node(at, 0, Part::Decimal(number))?,
            Token::Single(number) => self.node(at, 0, Part::Single(number))?,
            Token::Float(number) => self.node(at, 0, Part::Float(number))?,
            Token::Text(text) => self.node(at, 0, Part::Text(text))?,
            Token::Pattern(text) => self.node(at, 0, Part::Pattern(text))?,
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
            "undefined" if self.dialect == Dialect::JavaScript => Part::Undefined,
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
                    if let Part::Text(name) = &index.part {
                        self.note_hidden(&node, at, name);
                    }
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

    fn field(&mut self, of: Node, at: usize, name: String, safe: bool) -> Result<Node, Fault> {
        let depth = of.depth;
        if let Part::Variable(Variable::KeySchema | Variable::ValueSchema) = of.part {
            if self.dialect == Dialect::JavaScript {
                return Err(Fault::new(at, format!("'{name}' of a schema is a method; write {name}(), without ()")));
            }
            if !["name", "version", "doc", "type"].contains(&name.as_str()) {
                return Err(Fault::new(at, "a schema has name, version, doc, type and field('…'); something else"));
            }
        }
        self.note_hidden(&of, at, &name);
        self.node(at, depth, Part::Field { of: Box::new(of), name, safe })
    }

    /// Notes a field that Groovy does not see, as the Java object of its row has something else under this name.
    fn note_hidden(&mut self, of: &Node, at: usize, name: &str) {
        let of_a_row = matches!(root(of), Part::Variable(Variable::Key | Variable::Value));
        let hides = self.dialect == Dialect::Groovy && ["schema", "values", "class"].contains(&name);
        if of_a_row && hides && self.hidden.is_none() {
            self.hidden = Some((at, name.to_owned()));
        }
    }

    fn call(&mut self, of: Node, at: usize, name: &str, safe: bool) -> Result<Node, Fault> {
        let mut arguments = self.list(")")?;
        let depth = arguments.iter().map(|node| node.depth).max().unwrap_or(0).max(of.depth);
        match (name, arguments.as_slice(), self.dialect) {
            ("matches", [pattern], Dialect::Groovy) => {
                let how = Matching::Method { safe };
                let regex = regex(pattern, how)?;
                return self.node(at, depth, Part::Match { of: Box::new(of), regex, how });
            }
            ("test", [_], Dialect::JavaScript) => {
                let regex = regex(&of, Matching::Test)?;
                let tested = arguments.pop().map_or(of, |tested| tested);
                return self.node(at, depth, Part::Match { of: Box::new(tested), regex, how: Matching::Test });
            }
            _ => {}
        }
        let method = Method::find(name, arguments.len(), self.dialect).ok_or_else(|| {
            let known = Method::names(self.dialect);
            Fault::new(at, format!("'{name}' with {} arguments is not supported; there are {known};", arguments.len()))
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

/// What a chain of fields begins with.
fn root(node: &Node) -> &Part {
    let mut node = node;
    while let Part::Field { of, .. } | Part::Index { of, .. } | Part::Call { of, .. } | Part::Group(of) = &node.part {
        node = of;
    }
    &node.part
}

/// A pattern that stands in the expression, compiled once.
fn regex(node: &Node, how: Matching) -> Result<Box<Regex>, Fault> {
    if let Part::Group(inner) = &node.part {
        return regex(inner, how);
    }
    let pattern = match (&node.part, how) {
        (Part::Pattern(pattern), _) => pattern,
        (Part::Text(pattern), Matching::Find | Matching::Whole | Matching::Method { .. }) => pattern,
        _ => {
            return Err(Fault::new(
                node.at,
                "a regular expression must be a text or /…/ that stands here; it does not",
            ));
        }
    };
    let compiled = match how {
        Matching::Find => java_regex::found(pattern),
        Matching::Test => java_regex::found_as_in_javascript(pattern),
        Matching::Whole | Matching::Method { .. } => java_regex::matched(pattern),
    };
    compiled.map(Box::new).map_err(|reason| Fault::new(node.at, format!("no regular expression here ({reason})")))
}
