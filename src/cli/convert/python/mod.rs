//! The simple ones of Python's expressions, read: comparisons, `and`, `or`, `not` and `in`.

mod tokens;

use self::tokens::{Token, tokens};
use crate::config::quoted;

/// An expression that is true or false.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Compare {
        left: Value,
        relation: Relation,
        right: Value,
    },
    /// `field in (1, 2)`
    OneOf {
        field: String,
        values: Vec<Value>,
    },
    /// `"x" in field`
    Contains {
        text: String,
        field: String,
    },
    /// `field.startswith("x")`; the word is ours.
    Test {
        field: String,
        word: &'static str,
        text: String,
    },
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
}

/// A value, or a calculation with numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A field of the record.
    Field(String),
    Text(String),
    Number(String),
    Bool(bool),
    None,
    Arithmetic {
        operator: char,
        sides: Box<(Value, Value)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// How deep brackets and `not` may be nested.
const DEPTH_MAX: usize = 30;

/// Reads an expression; what is not understood is named.
pub(super) fn parse(source: &str) -> Result<Expr, String> {
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let node = parser.any()?;
    match parser.peek() {
        Token::End => node.expr(),
        found => Err(format!("{} is not understood there", found.shown())),
    }
}

/// What stands between brackets may be either.
enum Node {
    Expr(Expr),
    Value(Value),
    Values(Vec<Value>),
}

impl Node {
    fn expr(self) -> Result<Expr, String> {
        match self {
            Self::Expr(expr) => Ok(expr),
            Self::Value(Value::Field(field)) => {
                Err(format!("{} alone, without a comparison", quoted(&field)))
            }
            Self::Value(_) | Self::Values(_) => {
                Err("a value where a condition is needed".to_owned())
            }
        }
    }

    fn value(self) -> Result<Value, String> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Expr(_) => Err("a condition where a value is needed".to_owned()),
            Self::Values(_) => Err("a list where a value is needed".to_owned()),
        }
    }
}

struct Parser {
    /// The last one is the end.
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn took_sign(&mut self, sign: &str) -> bool {
        let is_there = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn took_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Token::Name(found) if found == word);
        self.next += usize::from(is_there);
        is_there
    }

    fn need(&mut self, sign: &'static str) -> Result<(), String> {
        match self.took_sign(sign) {
            true => Ok(()),
            false => Err(format!("{} where {} is needed", self.peek().shown(), quoted(sign))),
        }
    }

    fn deeper<T>(&mut self, parse: fn(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} brackets within one another"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn any(&mut self) -> Result<Node, String> {
        self.joined("or", Self::all, Expr::Any)
    }

    fn all(&mut self) -> Result<Node, String> {
        self.joined("and", Self::not, Expr::All)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Node, String>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Node, String> {
        let first = part(self)?;
        if !matches!(self.peek(), Token::Name(found) if found == word) {
            return Ok(first);
        }
        let mut parts = vec![first.expr()?];
        while self.took_word(word) {
            parts.push(part(self)?.expr()?);
        }
        Ok(Node::Expr(join(parts)))
    }

    fn not(&mut self) -> Result<Node, String> {
        if !self.took_word("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?.expr()?;
        Ok(Node::Expr(Expr::Not(Box::new(inner))))
    }

    /// Comparisons may be chained: `1 < a < 5`.
    fn comparison(&mut self) -> Result<Node, String> {
        let mut left = self.sum()?;
        let mut parts = Vec::new();
        while let Some((relation, is_negated)) = self.relation() {
            let right = self.sum()?;
            let again = match &right {
                Node::Value(value) => Node::Value(value.clone()),
                _ => Node::Values(Vec::new()),
            };
            let part = match relation {
                Some(relation) => {
                    Expr::Compare { left: left.value()?, relation, right: right.value()? }
                }
                None => contained(left, right)?,
            };
            parts.push(if is_negated { Expr::Not(Box::new(part)) } else { part });
            left = again;
        }
        Ok(match parts.len() {
            0 => left,
            1 => Node::Expr(parts.remove(0)),
            _ => Node::Expr(Expr::All(parts)),
        })
    }

    /// A relation, or none for `in`; and whether it is negated.
    fn relation(&mut self) -> Option<(Option<Relation>, bool)> {
        let signs = [
            ("==", Relation::Equal),
            ("!=", Relation::Unequal),
            ("<=", Relation::AtMost),
            (">=", Relation::AtLeast),
            ("<", Relation::Less),
            (">", Relation::More),
        ];
        if let Some((_, relation)) = signs.into_iter().find(|(sign, _)| self.took_sign(sign)) {
            return Some((Some(relation), false));
        }
        if self.took_word("is") {
            let relation = if self.took_word("not") { Relation::Unequal } else { Relation::Equal };
            return Some((Some(relation), false));
        }
        if self.took_word("in") {
            return Some((None, false));
        }
        let is_not_in = matches!(self.peek(), Token::Name(word) if word == "not")
            && matches!(self.tokens.get(self.next + 1), Some(Token::Name(word)) if word == "in");
        self.next += if is_not_in { 2 } else { 0 };
        is_not_in.then_some((None, true))
    }

    fn sum(&mut self) -> Result<Node, String> {
        self.calculated(&[("+", '+'), ("-", '-')], Self::product)
    }

    fn product(&mut self) -> Result<Node, String> {
        self.calculated(&[("*", '*'), ("/", '/')], Self::operand)
    }

    fn calculated(
        &mut self,
        signs: &[(&str, char)],
        part: fn(&mut Self) -> Result<Node, String>,
    ) -> Result<Node, String> {
        let mut left = part(self)?;
        let mut n_signs = 0;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.took_sign(sign)) {
            n_signs += 1;
            if n_signs > DEPTH_MAX {
                return Err(format!("a calculation with more than {DEPTH_MAX} signs"));
            }
            let sides = Box::new((left.value()?, part(self)?.value()?));
            left = Node::Value(Value::Arithmetic { operator: *operator, sides });
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Node, String> {
        match self.take() {
            Token::Text(text) => Ok(Node::Value(Value::Text(text))),
            Token::Number(number) => Ok(Node::Value(Value::Number(number))),
            Token::Sign("-") => match self.take() {
                Token::Number(number) => Ok(Node::Value(Value::Number(format!("-{number}")))),
                found => Err(format!("a minus before {}", found.shown())),
            },
            Token::Sign("(") => self.deeper(Self::bracket),
            Token::Sign("[") => self.values("]", Vec::new()),
            Token::Sign("{") => self.values("}", Vec::new()),
            Token::Name(name) => match name.as_str() {
                "True" => Ok(Node::Value(Value::Bool(true))),
                "False" => Ok(Node::Value(Value::Bool(false))),
                "None" => Ok(Node::Value(Value::None)),
                _ => self.field(&name),
            },
            found => Err(format!("{} is not understood there", found.shown())),
        }
    }

    /// A condition or a value in brackets, or a tuple.
    fn bracket(&mut self) -> Result<Node, String> {
        if self.took_sign(")") {
            return Ok(Node::Values(Vec::new()));
        }
        let inner = self.any()?;
        if self.took_sign(",") {
            return self.values(")", vec![inner.value()?]);
        }
        self.need(")")?;
        Ok(inner)
    }

    /// The rest of a list.
    fn values(&mut self, end: &'static str, mut values: Vec<Value>) -> Result<Node, String> {
        while !self.took_sign(end) {
            values.push(self.sum()?.value()?);
            if !self.took_sign(",") {
                self.need(end)?;
                break;
            }
        }
        Ok(Node::Values(values))
    }

    /// `record.watch.Filter`, `record.name`, and what is asked of a field.
    fn field(&mut self, first: &str) -> Result<Node, String> {
        let mut path = vec![first.to_owned()];
        loop {
            if self.took_sign(".") {
                match self.take() {
                    Token::Name(name) => path.push(name),
                    found => return Err(format!("{} after a point", found.shown())),
                }
            } else {
                break;
            }
        }
        if !self.took_sign("(") {
            return field_of(&path).map(|field| Node::Value(Value::Field(field)));
        }
        let method = path.pop().unwrap_or_default();
        let word = match method.as_str() {
            "startswith" => "starts with",
            "endswith" => "ends with",
            _ => return Err(format!("the call of {}", quoted(&method))),
        };
        let Token::Text(text) = self.take() else {
            return Err(format!("what {} asks for", quoted(&method)));
        };
        self.need(")")?;
        Ok(Node::Expr(Expr::Test { field: field_of(&path)?, word, text }))
    }
}

fn contained(left: Node, right: Node) -> Result<Expr, String> {
    match (left, right) {
        (Node::Value(Value::Field(field)), Node::Values(values)) => {
            Ok(Expr::OneOf { field, values })
        }
        (Node::Value(Value::Text(text)), Node::Value(Value::Field(field))) => {
            Ok(Expr::Contains { text, field })
        }
        _ => Err("this form of `in`".to_owned()),
    }
}

/// The field that Python reaches from the log record.
fn field_of(path: &[String]) -> Result<String, String> {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let of_watch = match path[..] {
        ["record", "name"] => return Ok("WatcherName".to_owned()),
        ["record", "watch", ref rest @ ..] | ["watch", ref rest @ ..] => rest,
        _ => return Err(quoted(&path.join("."))),
    };
    match of_watch {
        [] => Err("the record as a whole".to_owned()),
        [field] => Ok((*field).to_owned()),
        _ => Err(quoted(&path.join("."))),
    }
}
