//! Conditions over a record: what people write as one line of Groovy or JavaScript, and no more.
//!
//! `value.op == 'u' && value.after.id > 5`: variables, fields, comparisons, arithmetic, texts, lists, regular expressions,
//! `?:` and `?.`, and the methods of [`methods`]. There are no loops, no assignments, no other calls: an expression costs at
//! most a step for each of its parts. Everything else is refused when it is compiled, with its place.

mod decimal;
mod eval;
mod groovy;
mod javascript;
mod lexer;
mod methods;
mod operand;
mod parser;

use regex::Regex;
use tailwater_event::connect::ConnectRecord;

use decimal::Decimal;
use methods::Method;

/// Whose syntax it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `jsr223.groovy`.
    Groovy,
    /// `jsr223.graal.js`: `===`, `??`, `/x/.test(…)`; `||` gives its operand.
    JavaScript,
}

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    root: Node,
    dialect: Dialect,
    strict: bool,
    /// A field whose name the Java object has, too, and its place.
    hidden: Option<(usize, String)>,
}

/// Why there is no outcome; never holds values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which character of the expression, from 1.
    pub(super) at: usize,
    /// What about it.
    pub(super) reason: String,
}

/// What an expression gives.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    Null,
    Boolean(bool),
    Text(String),
    /// Neither; what it is.
    Other(&'static str),
}

impl Expression {
    /// A fault names what is not supported. Strict ones repeat Debezium's mistakes.
    pub(super) fn compile(text: &str, dialect: Dialect, strict: bool) -> Result<Expression, Fault> {
        let (root, hidden) = parser::parse(text, dialect)?;
        Ok(Expression { root, dialect, strict, hidden })
    }

    /// A field that Debezium does not see with Groovy, as the Java object has something else under its name.
    pub(super) fn hidden_field(&self) -> Option<&(usize, String)> {
        self.hidden.as_ref().filter(|_| !self.strict)
    }

    /// The outcome for a record.
    pub(super) fn evaluate(&self, record: &ConnectRecord) -> Result<Outcome, Fault> {
        let scope = eval::Scope { record, dialect: self.dialect, strict: self.strict };
        Ok(scope.eval(&self.root)?.outcome())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at character {}", self.reason, self.at)
    }
}

impl Fault {
    fn new(at: usize, reason: impl Into<String>) -> Fault {
        Fault { at, reason: reason.into() }
    }
}

/// A part of an expression and its place.
#[derive(Debug)]
struct Node {
    at: usize,
    /// How many parts stand in one another.
    depth: usize,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Null,
    Undefined,
    Boolean(bool),
    Integer(i64),
    /// `1L`
    Long(i64),
    Decimal(Decimal),
    /// `1.5f`
    Single(f32),
    /// `1.5d`, and each number of JavaScript with a fraction.
    Float(f64),
    Text(String),
    /// `/…/`
    Pattern(String),
    Variable(Variable),
    List(Vec<Node>),
    /// `(…)`, which ends a chain of `?.` in JavaScript.
    Group(Box<Node>),
    /// `a.b`; with `?.` null stays null.
    Field {
        of: Box<Node>,
        name: String,
        safe: bool,
    },
    /// `a[b]`
    Index {
        of: Box<Node>,
        index: Box<Node>,
    },
    Call {
        of: Box<Node>,
        method: Method,
        arguments: Vec<Node>,
        safe: bool,
    },
    Match {
        of: Box<Node>,
        regex: Box<Regex>,
        how: Matching,
    },
    Not(Box<Node>),
    Negative(Box<Node>),
    /// `&&`
    All(Vec<Node>),
    /// `||`
    Any(Vec<Node>),
    Equal {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
        /// `===`
        strictly: bool,
    },
    Order {
        left: Box<Node>,
        right: Box<Node>,
        wanted: fn(std::cmp::Ordering) -> bool,
    },
    In {
        left: Box<Node>,
        right: Box<Node>,
    },
    Arithmetic {
        left: Box<Node>,
        right: Box<Node>,
        operator: Operator,
    },
    /// `a ? b : c`
    Choice(Box<[Node; 3]>),
    /// `?:` goes on when the first is false, `??` when it is null.
    Otherwise {
        first: Box<Node>,
        second: Box<Node>,
        null: bool,
    },
}

/// How a regular expression is applied; where all of the text counts, the expression was made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    /// `a =~ b`: anywhere.
    Find,
    /// `a ==~ b`: all of it.
    Whole,
    /// `a.matches(b)`: all of it.
    Method { safe: bool },
    /// `/b/.test(a)`: anywhere.
    Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Divided,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Key,
    Value,
    KeySchema,
    ValueSchema,
    Topic,
    Headers,
}

#[cfg(test)]
mod tests;
