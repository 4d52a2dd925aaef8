//! What an expression says, as a tree.

use mongodb::bson::Bson;

use super::units::Dimension;

/// What is true of a record, or not.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare { left: Operand, relation: Relation, right: Operand, column: usize },
    Test { path: Path, test: Test },
}

/// A question to one field.
#[derive(Clone, Debug)]
pub(super) enum Test {
    In(Vec<Item>),
    Between(Literal, Literal),
    /// A key in quotes may have dots in it; a path has them between names.
    Has {
        key: String,
        is_path: bool,
        column: usize,
    },
    Exists,
    Missing,
    Matches(Pattern),
}

/// A field, or what is below one.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub name: String,
    pub column: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub source: String,
    pub options: String,
    pub column: usize,
}

/// An item of a list.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Literal(Literal),
    Pattern(Pattern),
}

#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub value: Bson,
    /// Of a number with a unit.
    pub dimension: Option<Dimension>,
    pub column: usize,
}

/// What is compared.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Path(Path),
    Literal(Literal),
    Arithmetic {
        /// The operator of the aggregation language.
        operator: &'static str,
        sides: Box<(Self, Self)>,
        /// How deep the tree is from here.
        depth: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Relation {
    pub(super) fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            _ => return None,
        })
    }

    pub(super) const fn operator(self) -> &'static str {
        match self {
            Self::Equal => "$eq",
            Self::NotEqual => "$ne",
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
        }
    }

    /// The same with its sides exchanged.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            same => same,
        }
    }
}

impl Operand {
    pub(super) const fn depth(&self) -> usize {
        match self {
            Self::Arithmetic { depth, .. } => *depth,
            _ => 0,
        }
    }

    /// Adds the paths in it.
    pub(super) fn paths<'a>(&'a self, found: &mut Vec<&'a Path>) {
        match self {
            Self::Path(path) => found.push(path),
            Self::Literal(_) => {}
            Self::Arithmetic { sides, .. } => {
                sides.0.paths(found);
                sides.1.paths(found);
            }
        }
    }
}
