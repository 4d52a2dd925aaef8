//! A compiled query: nodes that say yes or no.

use mongodb::bson::{Bson, spec::BinarySubtype, spec::ElementType};

use super::{
    expr::{Expr, Failure},
    number::Number,
    path::{AtEnd, Path, Source},
    pattern::Pattern,
    view::{Class, View, compare, compare_within_class},
};

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Every one matches; none is left to say no.
    All(Vec<Node>),
    /// One at least matches.
    Any(Vec<Node>),
    Not(Box<Node>),
    /// A value at the path passes the test.
    Has(Path, Test),
    /// An expression is true.
    Expr(Expr),
}

/// A question to one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Compare(Relation, Constant),
    /// One of the constants, in BSON's order, or one of the patterns.
    In(Vec<Constant>, Vec<Pattern>),
    Pattern(Pattern),
    Exists,
    Types(Types),
    Mod {
        divisor: i64,
        remainder: i64,
    },
    Size(usize),
    Bits(Bits),
    /// An array with a document in it that the query matches.
    ElementMatches(Box<Node>),
    /// An array with an item that passes every test.
    ItemPasses(Vec<ItemTest>),
}

/// A test of an item of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemTest {
    Is(Test),
    Not(Vec<ItemTest>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of the query. Two are equal if no value could tell them apart.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) value: Bson,
    pub(super) class: Class,
    is_nan: bool,
}

/// A set of BSON types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Types {
    pub(super) any_number: bool,
    pub(super) types: Vec<ElementType>,
}

/// Which bits are looked at, and what they have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) positions: Vec<u32>,
    pub(super) wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    AllSet,
    AllClear,
    AnySet,
    AnyClear,
}

impl Node {
    /// Does it match? An expression may fail.
    pub(super) fn matches(&self, source: Source<'_>) -> Result<bool, Failure> {
        match self {
            Self::All(nodes) => {
                for node in nodes {
                    if !node.matches(source)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(nodes) => {
                for node in nodes {
                    if node.matches(source)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(node) => node.matches(source).map(|matches| !matches),
            Self::Has(path, test) => {
                Ok(path.any(source, test.at_end(), &mut |value| test.passes(value)))
            }
            Self::Expr(expr) => expr.is_true(source),
        }
    }

    /// Without expressions nothing fails: they are not taken inside of arrays.
    fn matches_element(&self, element: View<'_>) -> bool {
        self.matches(Source::Element(element)).unwrap_or(false)
    }
}

impl Test {
    /// Is an array at the end of a path looked into?
    const fn at_end(&self) -> AtEnd {
        match self {
            Self::Size(_) | Self::ElementMatches(_) | Self::ItemPasses(_) | Self::Exists => {
                AtEnd::Array
            }
            _ => AtEnd::ItemsThenArray,
        }
    }

    fn passes(&self, value: Option<View<'_>>) -> bool {
        match self {
            Self::Compare(relation, constant) => relation.holds(value, constant),
            Self::In(constants, patterns) => {
                is_in(value, constants)
                    || value.is_some_and(|value| patterns.iter().any(|p| p.matches(value)))
            }
            Self::Exists => value.is_some(),
            _ => value.is_some_and(|value| self.passes_value(value)),
        }
    }

    fn passes_value(&self, value: View<'_>) -> bool {
        match (self, value) {
            (Self::Pattern(pattern), _) => pattern.matches(value),
            (Self::Types(types), _) => types.contain(value),
            (Self::Mod { divisor, remainder }, _) => value
                .number()
                .and_then(Number::truncated)
                .is_some_and(|int| int.checked_rem(*divisor).unwrap_or(0) == *remainder),
            (Self::Bits(bits), _) => bits.hold(value),
            (Self::Size(size), View::Array(items)) => items.len() == *size,
            (Self::ElementMatches(node), View::Array(items)) => {
                items.iter().any(|item| match item {
                    Bson::Document(_) | Bson::Array(_) => node.matches_element(item.into()),
                    _ => false,
                })
            }
            (Self::ItemPasses(tests), View::Array(items)) => {
                items.iter().any(|item| tests.iter().all(|test| test.passes(item.into())))
            }
            _ => false,
        }
    }
}

impl ItemTest {
    fn passes(&self, item: View<'_>) -> bool {
        match self {
            Self::Is(test) => test.passes(Some(item)),
            Self::Not(tests) => !tests.iter().all(|test| test.passes(item)),
        }
    }
}

impl Relation {
    fn holds(self, value: Option<View<'_>>, constant: &Constant) -> bool {
        let takes_equal = !matches!(self, Self::Less | Self::Greater);
        // What is missing is null.
        let class = match value.map(View::class) {
            None | Some(Class::Undefined) => Class::Null,
            Some(class) => class,
        };
        if class != constant.class {
            // Only the two ends of the order are compared with everything.
            return match constant.class {
                Class::MaxKey => matches!(self, Self::Less | Self::LessOrEqual),
                Class::MinKey => matches!(self, Self::Greater | Self::GreaterOrEqual),
                _ => false,
            };
        }
        let (Some(value), false) = (value, class == Class::Null) else { return takes_equal };
        let order = compare_within_class(value, View::from(&constant.value));
        if class == Class::Number && (constant.is_nan || value.number().is_some_and(Number::is_nan))
        {
            return takes_equal && order.is_eq();
        }
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Lists up to this length are looked through from the start.
const SEARCHED_FROM: usize = 8;

fn is_in(value: Option<View<'_>>, constants: &[Constant]) -> bool {
    let Some(value) = value else {
        return constants.iter().any(|constant| constant.class == Class::Null);
    };
    let class = value.class();
    if constants.len() <= SEARCHED_FROM || class == Class::Undefined {
        return constants.iter().any(|constant| Relation::Equal.holds(Some(value), constant));
    }
    constants.binary_search_by(|constant| compare(View::from(&constant.value), value)).is_ok()
}

impl Constant {
    pub(super) fn new(value: Bson) -> Self {
        let view = View::from(&value);
        let class = view.class();
        let is_nan = view.number().is_some_and(Number::is_nan);
        Self { value, class, is_nan }
    }
}

impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        compare(View::from(&self.value), View::from(&other.value)).is_eq()
    }
}

impl Types {
    fn contain(&self, value: View<'_>) -> bool {
        (self.any_number && value.class() == Class::Number)
            || self.types.contains(&element_type(value))
    }
}

/// The BSON type of a value.
pub(super) fn element_type(value: View<'_>) -> ElementType {
    match value {
        View::Document(_) => ElementType::EmbeddedDocument,
        View::Array(_) => ElementType::Array,
        View::Str(_) => ElementType::String,
        View::Int32(_) => ElementType::Int32,
        View::Int64(_) => ElementType::Int64,
        View::Double(_) => ElementType::Double,
        View::Micros(_) => ElementType::DateTime,
        View::Other(other) => other.element_type(),
    }
}

impl Bits {
    fn hold(&self, value: View<'_>) -> bool {
        let is_set: Box<dyn Fn(u32) -> bool> = match value {
            View::Other(Bson::Binary(binary))
                if binary.subtype != BinarySubtype::Reserved(0xff) =>
            {
                Box::new(move |bit| {
                    let byte = binary.bytes.get((bit / 8) as usize);
                    byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
                })
            }
            _ => match value.number().and_then(Number::bits) {
                // The sign goes on for ever.
                Some(int) => Box::new(move |bit| int >> bit.min(63) & 1 == 1),
                None => return false,
            },
        };
        let mut positions = self.positions.iter().copied();
        match self.wanted {
            Wanted::AllSet => positions.all(is_set),
            Wanted::AllClear => !positions.any(is_set),
            Wanted::AnySet => positions.any(is_set),
            Wanted::AnyClear => !positions.all(is_set),
        }
    }
}
