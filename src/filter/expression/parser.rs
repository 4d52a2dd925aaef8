//! Tokens become a tree.
//!
//! From the loosest to the tightest: `or`; `and`; `not`; comparisons and tests, which do not chain; `+`
//! and `-`; `*`, `/` and `%`; a `-` before an operand.

use mongodb::bson::Bson;

use super::{
    DEPTH_MAX, Malformed,
    lexer::{Kind, Token},
    tree::{Condition, Item, Literal, Operand, Path, Pattern, Relation, Test},
    units,
};
use crate::record::nearest;

/// The words that stand behind a field.
const TESTS: &[&str] =
    &["in", "not", "between", "has", "exists", "missing", "matches", "starts", "ends", "contains"];
/// The words that are no fields, unless they stand in backticks.
const WORDS: &[&str] = &[
    "and", "or", "not", "in", "between", "has", "exists", "missing", "matches", "starts", "ends",
    "contains", "with",
];

pub(super) fn parse(tokens: &[Token]) -> Result<Condition, Malformed> {
    let mut parser = Parser { tokens, next: 0, depth: 0 };
    let node = parser.disjunction()?;
    let condition = parser.condition(node)?;
    match parser.kind() {
        Kind::End => Ok(condition),
        Kind::Sign(sign) if Relation::of(sign).is_some() => {
            Err(parser.fault("comparisons do not chain: join them with `and`, or use `between`"))
        }
        found => {
            let hint = hint(found, &["and", "or"]);
            Err(parser.expected("`and`, `or` or the end", &hint))
        }
    }
}

/// What stands between brackets may be either.
enum Node {
    Condition(Condition),
    Operand(Operand),
}

struct Parser<'a> {
    /// The last one is the end.
    tokens: &'a [Token],
    next: usize,
    /// How many brackets and prefixes are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn token(&self) -> &'a Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &'a Kind {
        &self.token().kind
    }

    fn column(&self) -> usize {
        self.token().column
    }

    fn fault(&self, message: impl Into<String>) -> Malformed {
        Malformed::new(self.column(), message.into())
    }

    fn expected(&self, what: &str, hint: &str) -> Malformed {
        self.fault(format!("found {}, expected {what}{hint}", self.kind()))
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is_there = matches!(self.kind(), Kind::Sign(found) if *found == sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.kind().is_word(word);
        self.next += usize::from(is_there);
        is_there
    }

    fn deeper<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        if self.depth == DEPTH_MAX {
            return Err(self.fault(too_deep()));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// A node that must be true or false.
    fn condition(&self, node: Node) -> Result<Condition, Malformed> {
        let operand = match node {
            Node::Condition(condition) => return Ok(condition),
            Node::Operand(operand) => operand,
        };
        let after = match &operand {
            Operand::Path(path) => format!(" after `{}`", path.name),
            _ => String::new(),
        };
        let hint = hint(self.kind(), TESTS);
        Err(self.expected(&format!("a comparison{after}, such as `==`, `>` or `in`"), &hint))
    }

    fn operand(&self, node: Node, column: usize) -> Result<Operand, Malformed> {
        match node {
            Node::Operand(operand) => Ok(operand),
            Node::Condition(_) => {
                let message = "found a condition, expected a value or a field".to_owned();
                Err(Malformed::new(column, message))
            }
        }
    }

    fn disjunction(&mut self) -> Result<Node, Malformed> {
        let first = self.conjunction()?;
        let mut parts = Vec::new();
        let mut last = first;
        loop {
            let is_more = self.kind().is_word("or") || *self.kind() == Kind::Sign("||");
            if !is_more && parts.is_empty() {
                return Ok(last);
            }
            parts.push(self.condition(last)?);
            if !is_more {
                return Ok(Node::Condition(Condition::Any(parts)));
            }
            self.next += 1;
            last = self.conjunction()?;
        }
    }

    fn conjunction(&mut self) -> Result<Node, Malformed> {
        let mut parts = Vec::new();
        let mut last = self.negation()?;
        loop {
            let is_more = self.kind().is_word("and") || *self.kind() == Kind::Sign("&&");
            if !is_more && parts.is_empty() {
                return Ok(last);
            }
            parts.push(self.condition(last)?);
            if !is_more {
                return Ok(Node::Condition(Condition::All(parts)));
            }
            self.next += 1;
            last = self.negation()?;
        }
    }

    fn negation(&mut self) -> Result<Node, Malformed> {
        if !self.take_word("not") && !self.take_sign("!") {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        let condition = self.condition(inner)?;
        Ok(Node::Condition(Condition::Not(Box::new(condition))))
    }

    fn comparison(&mut self) -> Result<Node, Malformed> {
        let start = self.column();
        let left = self.sum()?;
        let column = self.column();
        if let Kind::Sign(sign) = self.kind()
            && let Some(relation) = Relation::of(sign)
        {
            let left = self.operand(left, start)?;
            self.next += 1;
            let start = self.column();
            if let Kind::Regex { .. } = self.kind() {
                return Err(self.expected("a value or a field", ": compare with `=~`"));
            }
            let right = self.sum()?;
            let right = self.operand(right, start)?;
            return Ok(Node::Condition(Condition::Compare { left, relation, right, column }));
        }
        let is_test = matches!(self.kind(), Kind::Sign("=~" | "!~"))
            || TESTS.iter().any(|word| self.kind().is_word(word));
        if !is_test {
            return Ok(left);
        }
        let Node::Operand(Operand::Path(path)) = left else {
            return Err(self.fault(format!("expected a field before {}", self.kind())));
        };
        self.tested(path).map(Node::Condition)
    }

    /// A field with a word behind it.
    fn tested(&mut self, path: Path) -> Result<Condition, Malformed> {
        let is_negated = self.kind().is_word("not") || *self.kind() == Kind::Sign("!~");
        if self.kind().is_word("not") {
            self.next += 1;
        }
        let test = self.test()?;
        let condition = Condition::Test { path, test };
        Ok(if is_negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn test(&mut self) -> Result<Test, Malformed> {
        let Kind::Name { path: word, is_plain: true } = self.kind() else {
            if self.take_sign("=~") || self.take_sign("!~") {
                return self.pattern().map(Test::Matches);
            }
            return Err(self.expected("`in`, `between`, `matches` or another test", ""));
        };
        if !TESTS.contains(&word.as_str()) || word == "not" {
            let hint = hint(self.kind(), TESTS);
            return Err(self.expected("`in`, `between`, `matches` or another test", &hint));
        }
        self.next += 1;
        match word.as_str() {
            "in" => self.list().map(Test::In),
            "between" => {
                let low = self.literal()?;
                if !self.take_word("and") {
                    return Err(self.expected("`and` and the upper bound", ""));
                }
                Ok(Test::Between(low, self.literal()?))
            }
            "has" => self.key(),
            "exists" => Ok(Test::Exists),
            "missing" => Ok(Test::Missing),
            "matches" => self.pattern().map(Test::Matches),
            "contains" => self.part("", "").map(Test::Matches),
            _ => {
                if !self.take_word("with") {
                    return Err(self.expected("`with`", ""));
                }
                let (before, after) = if word == "starts" { (r"\A", "") } else { ("", r"\z") };
                self.part(before, after).map(Test::Matches)
            }
        }
    }

    fn key(&mut self) -> Result<Test, Malformed> {
        let column = self.column();
        let (key, is_path) = match self.kind() {
            Kind::Text(key) if !key.is_empty() => (key.clone(), false),
            Kind::Name { path, .. } => (path.clone(), true),
            _ => return Err(self.expected("a key, such as `\"email\"`", "")),
        };
        self.next += 1;
        Ok(Test::Has { key, is_path, column })
    }

    fn pattern(&mut self) -> Result<Pattern, Malformed> {
        let column = self.column();
        let (source, options) = match self.kind() {
            Kind::Text(source) => (source.clone(), String::new()),
            Kind::Regex { pattern, options } => (pattern.clone(), options.clone()),
            _ => return Err(self.expected("a regular expression, such as `/^ab/i`", "")),
        };
        self.next += 1;
        Ok(Pattern { source, options, column })
    }

    /// A text that is looked for as it is.
    fn part(&mut self, before: &str, after: &str) -> Result<Pattern, Malformed> {
        let column = self.column();
        let Kind::Text(text) = self.kind() else {
            return Err(self.expected("a text in quotes", ""));
        };
        self.next += 1;
        let source = format!("{before}{}{after}", regex::escape(text));
        Ok(Pattern { source, options: String::new(), column })
    }

    fn list(&mut self) -> Result<Vec<Item>, Malformed> {
        if !self.take_sign("[") {
            return Err(self.expected("a list such as `[\"a\", \"b\"]`", ""));
        }
        let mut items = Vec::new();
        while !self.take_sign("]") {
            if !items.is_empty() && !self.take_sign(",") {
                return Err(self.expected("`,` or `]`", ""));
            }
            items.push(match self.kind() {
                Kind::Regex { .. } => Item::Pattern(self.pattern()?),
                _ => Item::Literal(self.literal()?),
            });
        }
        Ok(items)
    }

    fn literal(&mut self) -> Result<Literal, Malformed> {
        let token = self.token();
        match self.product_part()? {
            Node::Operand(Operand::Literal(literal)) => Ok(literal),
            _ => {
                let found = &token.kind;
                let message = format!("found {found}, expected a text, a number or another value");
                Err(Malformed::new(token.column, message))
            }
        }
    }

    fn sum(&mut self) -> Result<Node, Malformed> {
        self.chain(&[("+", "$add"), ("-", "$subtract")], Self::product)
    }

    fn product(&mut self) -> Result<Node, Malformed> {
        let operators = &[("*", "$multiply"), ("/", "$divide"), ("%", "$mod")];
        self.chain(operators, Self::product_part)
    }

    /// Operands with operators of one rank between them, from the left to the right.
    fn chain(
        &mut self,
        operators: &[(&str, &'static str)],
        part: impl Fn(&mut Self) -> Result<Node, Malformed>,
    ) -> Result<Node, Malformed> {
        let start = self.column();
        let mut left = part(self)?;
        loop {
            let found = operators
                .iter()
                .find(|(sign, _)| matches!(self.kind(), Kind::Sign(found) if found == sign));
            let Some((_, operator)) = found else { return Ok(left) };
            let left_operand = self.operand(left, start)?;
            self.next += 1;
            let start = self.column();
            let right = part(self)?;
            let right = self.operand(right, start)?;
            left = Node::Operand(self.arithmetic(operator, left_operand, right)?);
        }
    }

    fn arithmetic(
        &self,
        operator: &'static str,
        left: Operand,
        right: Operand,
    ) -> Result<Operand, Malformed> {
        let depth = left.depth().max(right.depth()) + 1;
        if depth > DEPTH_MAX {
            return Err(self.fault(too_deep()));
        }
        Ok(Operand::Arithmetic { operator, sides: Box::new((left, right)), depth })
    }

    /// An operand, with its sign.
    fn product_part(&mut self) -> Result<Node, Malformed> {
        let column = self.column();
        if !self.take_sign("-") {
            return self.primary();
        }
        let inner = self.deeper(Self::product_part)?;
        let inner = self.operand(inner, column)?;
        let negated = match inner {
            Operand::Literal(Literal { value, dimension, .. }) if is_number(&value) => {
                Operand::Literal(Literal { value: negated(&value), dimension, column })
            }
            inner => {
                let zero = Literal { value: Bson::Int32(0), dimension: None, column };
                self.arithmetic("$subtract", Operand::Literal(zero), inner)?
            }
        };
        Ok(Node::Operand(negated))
    }

    fn primary(&mut self) -> Result<Node, Malformed> {
        let column = self.column();
        let value = match self.kind() {
            Kind::Sign("(") => return self.deeper(Self::bracketed),
            Kind::Int(int) => return self.number(units::int(*int)),
            Kind::Double(double) => return self.number(Bson::Double(*double)),
            Kind::Text(text) => Bson::String(text.clone()),
            Kind::Moment(moment) => Bson::DateTime(*moment),
            Kind::Name { path, is_plain: true } if path == "true" => true.into(),
            Kind::Name { path, is_plain: true } if path == "false" => false.into(),
            Kind::Name { path, is_plain: true } if path == "null" => Bson::Null,
            Kind::Name { path, is_plain } if !is_plain || !WORDS.contains(&path.as_str()) => {
                self.next += 1;
                return Ok(Node::Operand(Operand::Path(Path { name: path.clone(), column })));
            }
            Kind::Regex { .. } => {
                return Err(
                    self.expected("a value or a field", ": regular expressions stand after `=~`")
                );
            }
            _ => return Err(self.expected("a value or a field", "")),
        };
        self.next += 1;
        Ok(Node::Operand(Operand::Literal(Literal { value, dimension: None, column })))
    }

    fn bracketed(&mut self) -> Result<Node, Malformed> {
        self.next += 1;
        let inner = self.disjunction()?;
        if self.take_sign(")") {
            return Ok(inner);
        }
        Err(self.expected("`)`", &hint(self.kind(), &["and", "or"])))
    }

    /// A number, and a unit if one follows.
    fn number(&mut self, value: Bson) -> Result<Node, Malformed> {
        let column = self.column();
        self.next += 1;
        let (value, dimension) = match self.kind() {
            Kind::Name { path, is_plain: true } => match units::find(path) {
                Some(unit) => {
                    self.next += 1;
                    (units::convert(&value, unit), Some(unit.1))
                }
                None if self.token().is_apart => (value, None),
                None => {
                    let hint = match units::near(path) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("expected one of {}", units::all()),
                    };
                    return Err(self.fault(format!("unknown unit {}: {hint}", self.kind())));
                }
            },
            _ => (value, None),
        };
        Ok(Node::Operand(Operand::Literal(Literal { value, dimension, column })))
    }
}

fn too_deep() -> String {
    format!("it is too deep: there are more than {DEPTH_MAX} levels")
}

/// The word that a mistyped one most likely means.
fn hint(found: &Kind, known: &[&str]) -> String {
    let near = match found {
        Kind::Name { path, is_plain: true } => nearest(path, known.iter().copied()),
        _ => None,
    };
    near.map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

const fn is_number(value: &Bson) -> bool {
    matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))
}

fn negated(value: &Bson) -> Bson {
    match value {
        Bson::Int32(int) => units::int(-i64::from(*int)),
        Bson::Int64(int) => units::int(int.saturating_neg()),
        Bson::Double(double) => Bson::Double(-double),
        other => other.clone(),
    }
}
