//! The functions of expressions.

use mongodb::bson::Bson;

use super::{Expr, Failure, Operand, arithmetic};
use crate::filter::matcher::{
    node::element_type,
    number::Number,
    operators::type_name,
    path::Source,
    view::{Class, View},
};

/// What an operator of an expression does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter::matcher) enum Function {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    Cmp,
    And,
    Or,
    Not,
    Add,
    Subtract,
    Multiply,
    Divide,
    Mod,
    Abs,
    Ceil,
    Floor,
    IfNull,
    Cond,
    In,
    Size,
    ArrayElemAt,
    IsArray,
    Type,
    IsNumber,
    Concat,
    ToLower,
    ToUpper,
    StrLenCp,
    StrLenBytes,
}

const ANY: usize = usize::MAX;

/// Name, function, least and most arguments.
pub(super) const TABLE: &[(&str, Function, usize, usize)] = &[
    ("$eq", Function::Eq, 2, 2),
    ("$ne", Function::Ne, 2, 2),
    ("$gt", Function::Gt, 2, 2),
    ("$gte", Function::Gte, 2, 2),
    ("$lt", Function::Lt, 2, 2),
    ("$lte", Function::Lte, 2, 2),
    ("$cmp", Function::Cmp, 2, 2),
    ("$and", Function::And, 0, ANY),
    ("$or", Function::Or, 0, ANY),
    ("$not", Function::Not, 1, 1),
    ("$add", Function::Add, 0, ANY),
    ("$subtract", Function::Subtract, 2, 2),
    ("$multiply", Function::Multiply, 0, ANY),
    ("$divide", Function::Divide, 2, 2),
    ("$mod", Function::Mod, 2, 2),
    ("$abs", Function::Abs, 1, 1),
    ("$ceil", Function::Ceil, 1, 1),
    ("$floor", Function::Floor, 1, 1),
    ("$ifNull", Function::IfNull, 2, ANY),
    ("$in", Function::In, 2, 2),
    ("$size", Function::Size, 1, 1),
    ("$arrayElemAt", Function::ArrayElemAt, 2, 2),
    ("$isArray", Function::IsArray, 1, 1),
    ("$type", Function::Type, 1, 1),
    ("$isNumber", Function::IsNumber, 1, 1),
    ("$concat", Function::Concat, 0, ANY),
    ("$toLower", Function::ToLower, 1, 1),
    ("$toUpper", Function::ToUpper, 1, 1),
    ("$strLenCP", Function::StrLenCp, 1, 1),
    ("$strLenBytes", Function::StrLenBytes, 1, 1),
];

/// The longest text that `$concat` makes, in bytes.
const TEXT_MAX: usize = 16 << 20;

impl Function {
    pub(super) fn call<'a>(
        self,
        arguments: &'a [Expr],
        source: Source<'a>,
    ) -> Result<Operand<'a>, Failure> {
        match (self, arguments) {
            // These look at an argument only if they need it.
            (Self::And | Self::Or, _) => {
                let ends_with = self == Self::Or;
                for argument in arguments {
                    if argument.is_true(source)? == ends_with {
                        return Ok(bool(ends_with));
                    }
                }
                Ok(bool(!ends_with))
            }
            (Self::Cond, [condition, then, other]) => {
                if condition.is_true(source)? {
                    then.value(source)
                } else {
                    other.value(source)
                }
            }
            (Self::IfNull, [first @ .., last]) => {
                for argument in first {
                    let value = argument.value(source)?;
                    if !value.is_nullish() {
                        return Ok(value);
                    }
                }
                last.value(source)
            }
            (_, [argument]) if !matches!(self, Self::Add | Self::Multiply | Self::Concat) => {
                self.of_one(argument.value(source)?)
            }
            (_, [left, right]) if !matches!(self, Self::Add | Self::Multiply | Self::Concat) => {
                let left = left.value(source)?;
                self.of_two(left, right.value(source)?)
            }
            _ => {
                let values = arguments.iter().map(|argument| argument.value(source));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                match self {
                    Self::Add => arithmetic::sum(&values),
                    Self::Multiply => arithmetic::product(&values),
                    _ => concat(&values),
                }
            }
        }
    }

    fn of_one(self, value: Operand<'_>) -> Result<Operand<'_>, Failure> {
        Ok(match self {
            Self::Not => bool(!value.is_true()),
            Self::IsArray => bool(matches!(value.view(), Some(View::Array(_)))),
            Self::IsNumber => bool(value.view().is_some_and(|view| view.class() == Class::Number)),
            Self::Type => {
                let name = value.view().map_or("missing", |view| type_name(element_type(view)));
                Operand::Owned(name.into())
            }
            Self::Size => match value.view() {
                Some(View::Array(items)) => int(items.len()),
                _ => return Err(Failure("`$size` of what is not an array")),
            },
            Self::StrLenCp | Self::StrLenBytes => match value.view().and_then(View::text) {
                Some(text) if self == Self::StrLenCp => int(text.chars().count()),
                Some(text) => int(text.len()),
                None => return Err(Failure("the length of what is not a string")),
            },
            Self::ToLower => Operand::Owned(text(&value)?.to_ascii_lowercase().into()),
            Self::ToUpper => Operand::Owned(text(&value)?.to_ascii_uppercase().into()),
            Self::Abs => return arithmetic::absolute(&value),
            Self::Ceil => return arithmetic::rounded(value, f64::ceil),
            Self::Floor => return arithmetic::rounded(value, f64::floor),
            _ => return Err(Failure("one argument is too few")),
        })
    }

    fn of_two<'a>(self, left: Operand<'a>, right: Operand<'a>) -> Result<Operand<'a>, Failure> {
        let order = || left.compare(&right);
        Ok(match self {
            Self::Eq => bool(order().is_eq()),
            Self::Ne => bool(order().is_ne()),
            Self::Gt => bool(order().is_gt()),
            Self::Gte => bool(order().is_ge()),
            Self::Lt => bool(order().is_lt()),
            Self::Lte => bool(order().is_le()),
            Self::Cmp => Operand::Owned(Bson::Int32(order() as i32)),
            Self::In => match right.view() {
                Some(View::Array(items)) => bool(
                    items.iter().any(|item| left.compare(&Operand::Borrowed(item.into())).is_eq()),
                ),
                _ => return Err(Failure("`$in` what is not an array")),
            },
            Self::ArrayElemAt => return element(&left, &right),
            Self::Subtract => return arithmetic::difference(&left, &right),
            Self::Divide => return arithmetic::quotient(&left, &right),
            Self::Mod => return arithmetic::remainder(&left, &right),
            _ => return Err(Failure("two arguments are too many")),
        })
    }
}

fn bool<'a>(is_true: bool) -> Operand<'a> {
    Operand::Owned(Bson::Boolean(is_true))
}

fn int<'a>(length: usize) -> Operand<'a> {
    Operand::Owned(Bson::Int32(i32::try_from(length).unwrap_or(i32::MAX)))
}

fn element<'a>(array: &Operand<'_>, place: &Operand<'_>) -> Result<Operand<'a>, Failure> {
    if array.is_nullish() || place.is_nullish() {
        return Ok(Operand::Owned(Bson::Null));
    }
    let Some(View::Array(items)) = array.view() else {
        return Err(Failure("`$arrayElemAt` of what is not an array"));
    };
    let place = place.view().and_then(View::number).and_then(Number::whole);
    let place = place.and_then(|place| i32::try_from(place).ok());
    let place =
        place.ok_or(Failure("a place in an array that is not a whole number of 32 bits"))?;
    let place = if place < 0 {
        items.len().checked_sub(place.unsigned_abs() as usize)
    } else {
        usize::try_from(place).ok()
    };
    let item = place.and_then(|place| items.get(place));
    Ok(item.map_or(Operand::Missing, |item| Operand::Owned(item.clone())))
}

fn concat<'a>(values: &[Operand<'_>]) -> Result<Operand<'a>, Failure> {
    let mut all = String::new();
    for value in values {
        if value.is_nullish() {
            return Ok(Operand::Owned(Bson::Null));
        }
        let text = value.view().and_then(View::text);
        all.push_str(text.ok_or(Failure("`$concat` of what is not a string"))?);
        if all.len() > TEXT_MAX {
            return Err(Failure("the text is too long"));
        }
    }
    Ok(Operand::Owned(all.into()))
}

/// A value as text, for the change of case.
fn text(value: &Operand<'_>) -> Result<String, Failure> {
    if value.is_nullish() {
        return Ok(String::new());
    }
    match value.view() {
        Some(View::Int32(int)) => Ok(int.to_string()),
        Some(View::Int64(int)) => Ok(int.to_string()),
        Some(view) => {
            view.text().map(str::to_owned).ok_or(Failure("a value of this type is not made a text"))
        }
        None => Ok(String::new()),
    }
}
