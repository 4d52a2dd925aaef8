//! Arithmetic of expressions: 32 bits grow to 64, 64 bits to a double; dates and numbers add up.
//!
//! A Decimal128 is compared, but not calculated with: no field of a record is one.

use mongodb::bson::{Bson, DateTime};

use super::{Failure, Operand};
use crate::filter::matcher::{
    number::Number,
    view::{Class, View},
};

const DECIMAL: Failure = Failure("a Decimal128 is not calculated with");

/// A number, and how wide its type is.
#[derive(Clone, Copy, Debug)]
enum Amount {
    Int(i32),
    Long(i64),
    Double(f64),
}

impl Amount {
    const fn long(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int as i64),
            Self::Long(long) => Some(long),
            Self::Double(_) => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as the server does")]
    const fn double(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Long(long) => long as f64,
            Self::Double(double) => double,
        }
    }

    const fn is_int(self) -> bool {
        matches!(self, Self::Int(_))
    }
}

/// None for null and nothing.
fn amount(value: &Operand<'_>) -> Result<Option<Amount>, Failure> {
    if value.is_nullish() {
        return Ok(None);
    }
    match value.view() {
        Some(View::Int32(int)) => Ok(Some(Amount::Int(int))),
        Some(View::Int64(long)) => Ok(Some(Amount::Long(long))),
        Some(View::Double(double)) => Ok(Some(Amount::Double(double))),
        Some(view) if view.class() == Class::Number => Err(DECIMAL),
        _ => Err(Failure("arithmetic with what is not a number")),
    }
}

fn date(value: &Operand<'_>) -> Option<i64> {
    match value.view()? {
        View::Micros(micros) => Some(micros.div_euclid(1_000)),
        View::Other(Bson::DateTime(date)) => Some(date.timestamp_millis()),
        _ => None,
    }
}

fn null<'a>() -> Operand<'a> {
    Operand::Owned(Bson::Null)
}

fn double<'a>(double: f64) -> Operand<'a> {
    Operand::Owned(Bson::Double(double))
}

/// A whole number, as narrow as it may be.
#[expect(clippy::cast_precision_loss, reason = "what does not fit in 64 bits becomes a double")]
fn whole<'a>(exact: i128, may_be_int: bool) -> Operand<'a> {
    Operand::Owned(match (i32::try_from(exact), i64::try_from(exact)) {
        (Ok(int), _) if may_be_int => Bson::Int32(int),
        (_, Ok(long)) => Bson::Int64(long),
        _ => Bson::Double(exact as f64),
    })
}

fn moment<'a>(millis: i128) -> Result<Operand<'a>, Failure> {
    let millis = i64::try_from(millis).map_err(|_| Failure("a date beyond all dates"))?;
    Ok(Operand::Owned(Bson::DateTime(DateTime::from_millis(millis))))
}

/// A sum of doubles that keeps what rounding loses.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    high: f64,
    low: f64,
    plain: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.plain += value;
        let high = self.high + value;
        let part = high - self.high;
        self.low += (self.high - (high - part)) + (value - part);
        self.high = high;
    }

    fn total(self) -> f64 {
        let total = self.high + self.low;
        // Infinities and NaN leave nothing to correct.
        if total.is_finite() { total } else { self.plain }
    }
}

pub(super) fn sum<'a>(values: &[Operand<'_>]) -> Result<Operand<'a>, Failure> {
    let (mut exact, mut doubles, mut any_double, mut all_ints) =
        (0_i128, Sum::default(), false, true);
    let (mut moment_of, mut any_null) = (None, false);
    for value in values {
        if let Some(date) = date(value) {
            if moment_of.replace(date).is_some() {
                return Err(Failure("the sum of two dates"));
            }
            continue;
        }
        match amount(value)? {
            None => any_null = true,
            Some(Amount::Double(value)) => {
                doubles.add(value);
                any_double = true;
            }
            Some(other) => {
                exact += i128::from(other.long().unwrap_or(0));
                all_ints &= other.is_int();
            }
        }
    }
    if any_null {
        return Ok(null());
    }
    if any_double {
        // Both halves are exact.
        let halves = [exact >> 32 << 32, exact & 0xffff_ffff];
        #[expect(clippy::cast_precision_loss, reason = "the halves are short")]
        halves.into_iter().for_each(|half| doubles.add(half as f64));
    }
    match moment_of {
        Some(date) if any_double => {
            let millis = Number::Double(doubles.total().round()).truncated();
            moment(i128::from(date) + i128::from(millis.ok_or(Failure("a date beyond all dates"))?))
        }
        Some(date) => moment(i128::from(date) + exact),
        None if any_double => Ok(double(doubles.total())),
        None => Ok(whole(exact, all_ints)),
    }
}

pub(super) fn product<'a>(values: &[Operand<'_>]) -> Result<Operand<'a>, Failure> {
    let (mut exact, mut in_double, mut any_double, mut all_ints) = (Some(1_i64), 1.0, false, true);
    let mut any_null = false;
    for value in values {
        let Some(value) = amount(value)? else {
            any_null = true;
            continue;
        };
        in_double *= value.double();
        all_ints &= value.is_int();
        match value.long() {
            Some(long) => exact = exact.and_then(|exact| exact.checked_mul(long)),
            None => any_double = true,
        }
    }
    Ok(match exact {
        _ if any_null => null(),
        Some(exact) if !any_double => whole(exact.into(), all_ints),
        _ => double(in_double),
    })
}

pub(super) fn difference<'a>(
    left: &Operand<'_>,
    right: &Operand<'_>,
) -> Result<Operand<'a>, Failure> {
    if left.is_nullish() || right.is_nullish() {
        return Ok(null());
    }
    if let Some(from) = date(left) {
        if let Some(to) = date(right) {
            return Ok(whole(i128::from(from) - i128::from(to), false));
        }
        return match amount(right)? {
            Some(Amount::Double(value)) => {
                let millis = Number::Double(value.round()).truncated();
                moment(
                    i128::from(from)
                        - i128::from(millis.ok_or(Failure("a date beyond all dates"))?),
                )
            }
            Some(value) => moment(i128::from(from) - i128::from(value.long().unwrap_or(0))),
            None => Ok(null()),
        };
    }
    let (Some(left), Some(right)) = (amount(left)?, amount(right)?) else { return Ok(null()) };
    Ok(match (left.long(), right.long()) {
        (Some(from), Some(to)) => {
            whole(i128::from(from) - i128::from(to), left.is_int() && right.is_int())
        }
        _ => double(left.double() - right.double()),
    })
}

pub(super) fn quotient<'a>(
    left: &Operand<'_>,
    right: &Operand<'_>,
) -> Result<Operand<'a>, Failure> {
    if left.is_nullish() || right.is_nullish() {
        return Ok(null());
    }
    let (Some(left), Some(right)) = (amount(left)?, amount(right)?) else { return Ok(null()) };
    if right.double() == 0.0 {
        return Err(Failure("a division by zero"));
    }
    Ok(double(left.double() / right.double()))
}

pub(super) fn remainder<'a>(
    left: &Operand<'_>,
    right: &Operand<'_>,
) -> Result<Operand<'a>, Failure> {
    if left.is_nullish() || right.is_nullish() {
        return Ok(null());
    }
    let (Some(left), Some(right)) = (amount(left)?, amount(right)?) else { return Ok(null()) };
    if right.double() == 0.0 {
        return Err(Failure("a remainder by zero"));
    }
    Ok(match (left.long(), right.long()) {
        (Some(of), Some(by)) => {
            whole(of.checked_rem(by).unwrap_or(0).into(), left.is_int() && right.is_int())
        }
        _ => double(left.double() % right.double()),
    })
}

pub(super) fn absolute<'a>(value: &Operand<'_>) -> Result<Operand<'a>, Failure> {
    Ok(match amount(value)? {
        None => null(),
        Some(Amount::Double(value)) => double(value.abs()),
        Some(Amount::Long(i64::MIN)) => {
            return Err(Failure("the absolute value is beyond 64 bits"));
        }
        Some(value) => whole(i128::from(value.long().unwrap_or(0)).abs(), value.is_int()),
    })
}

pub(super) fn rounded(value: Operand<'_>, round: fn(f64) -> f64) -> Result<Operand<'_>, Failure> {
    Ok(match amount(&value)? {
        None => null(),
        Some(Amount::Double(value)) => double(round(value)),
        Some(_) => value,
    })
}
