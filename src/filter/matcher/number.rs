//! Numbers of different types, compared exactly.

use std::cmp::Ordering;

/// A number as BSON has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i64),
    Double(f64),
    /// The bits of a Decimal128 (IEEE 754, binary integer significand).
    Decimal(u128),
}

/// A Decimal128, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Decimal {
    Nan,
    Infinite { is_negative: bool },
    Finite { is_negative: bool, coefficient: u128, exponent: i32 },
}

/// The most digits that a Decimal128 holds.
const DIGITS_MAX: u32 = 34;
/// The most digits that a double has, written in full.
const DOUBLE_DIGITS_MAX: usize = 767;
const EXPONENT_BIAS: i32 = 6176;
const COEFFICIENT_MAX: u128 = 10_u128.pow(DIGITS_MAX) - 1;

impl Decimal {
    pub(in crate::filter) fn from_bits(bits: u128) -> Self {
        let is_negative = bits >> 127 == 1;
        let combination = (bits >> 122) & 0b1_1111;
        if combination == 0b1_1111 {
            return Self::Nan;
        }
        if combination == 0b1_1110 {
            return Self::Infinite { is_negative };
        }
        // The other form of the significand would be larger than 34 digits: it counts as zero.
        let is_large = combination >> 3 == 0b11;
        let exponent = if is_large { bits >> 111 } else { bits >> 113 } & 0x3fff;
        let coefficient = bits & ((1 << 113) - 1);
        let coefficient = if is_large || coefficient > COEFFICIENT_MAX { 0 } else { coefficient };
        let exponent = i32::try_from(exponent).unwrap_or(0) - EXPONENT_BIAS;
        Self::Finite { is_negative, coefficient, exponent }
    }

    /// A double's first 34 digits, and whether others follow: they are never rounded away, since a
    /// comparison is exact.
    fn from_double(double: f64) -> (Self, Rest) {
        let is_negative = double.is_sign_negative();
        if double.is_nan() {
            return (Self::Nan, Rest::Nothing);
        }
        if double.is_infinite() {
            return (Self::Infinite { is_negative }, Rest::Nothing);
        }
        let text = format!("{:.*e}", DOUBLE_DIGITS_MAX - 1, double.abs());
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut digits = digits.bytes().filter(u8::is_ascii_digit);
        let first = digits.by_ref().take(DIGITS_MAX as usize);
        let coefficient = first.fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let rest = if digits.any(|digit| digit != b'0') { Rest::Something } else { Rest::Nothing };
        let exponent = exponent.parse::<i32>().unwrap_or(0) - (DIGITS_MAX as i32 - 1);
        (Self::Finite { is_negative, coefficient, exponent }, rest)
    }
}

/// What follows the digits that a [`Decimal`] holds of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rest {
    Nothing,
    Something,
}

impl From<i64> for Decimal {
    fn from(int: i64) -> Self {
        Self::Finite { is_negative: int < 0, coefficient: int.unsigned_abs().into(), exponent: 0 }
    }
}

impl Number {
    pub(super) fn is_nan(self) -> bool {
        match self {
            Self::Int(_) => false,
            Self::Double(double) => double.is_nan(),
            Self::Decimal(bits) => Decimal::from_bits(bits) == Decimal::Nan,
        }
    }

    pub(super) fn to_decimal(self) -> Decimal {
        match self {
            Self::Int(int) => int.into(),
            Self::Double(double) => Decimal::from_double(double).0,
            Self::Decimal(bits) => Decimal::from_bits(bits),
        }
    }

    fn rest(self) -> Rest {
        match self {
            Self::Double(double) => Decimal::from_double(double).1,
            _ => Rest::Nothing,
        }
    }

    /// The number whose bits are looked at. A double must be a whole number within 64 bits; a decimal
    /// is rounded, and one beyond has the lowest bit pattern, as the server has it.
    pub(super) fn bits(self) -> Option<i64> {
        match self {
            Self::Decimal(bits) => Some(match Decimal::from_bits(bits) {
                Decimal::Finite { is_negative, coefficient, exponent } => {
                    rounded_decimal(is_negative, coefficient, exponent).unwrap_or(i64::MIN)
                }
                _ => i64::MIN,
            }),
            other => other.whole(),
        }
    }

    /// The whole number towards zero, if it has one within 64 bits.
    pub(super) fn truncated(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Double(double) => truncated_double(double),
            Self::Decimal(bits) => match Decimal::from_bits(bits) {
                Decimal::Finite { is_negative, coefficient, exponent } => {
                    truncated_decimal(is_negative, coefficient, exponent)
                }
                _ => None,
            },
        }
    }

    /// The whole number, if it is exactly one within 64 bits.
    pub(super) fn whole(self) -> Option<i64> {
        let int = self.truncated()?;
        compare(self, Self::Int(int)).is_eq().then_some(int)
    }

    pub(super) fn is_zero(self) -> bool {
        compare(self, Self::Int(0)).is_eq()
    }
}

fn truncated_double(double: f64) -> Option<i64> {
    // 2^63 itself is out of range; -2^63 is in.
    let limit = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (double >= -limit && double < limit).then_some(double as i64)
}

fn truncated_decimal(is_negative: bool, coefficient: u128, exponent: i32) -> Option<i64> {
    let magnitude = if coefficient == 0 {
        0
    } else if exponent >= 0 {
        let factor = 10_u128.checked_pow(exponent.unsigned_abs())?;
        coefficient.checked_mul(factor)?
    } else {
        10_u128.checked_pow(exponent.unsigned_abs()).map_or(0, |divisor| coefficient / divisor)
    };
    let magnitude = i128::try_from(magnitude).ok()?;
    i64::try_from(if is_negative { -magnitude } else { magnitude }).ok()
}

/// The nearest whole number; of two, the even one.
fn rounded_decimal(is_negative: bool, coefficient: u128, exponent: i32) -> Option<i64> {
    let whole = truncated_decimal(is_negative, coefficient, exponent)?;
    let divisor = match u32::try_from(-exponent) {
        Ok(places) => 10_u128.checked_pow(places),
        Err(_) => return Some(whole),
    };
    // With a divisor beyond all numbers, the part behind the point is less than a half.
    let Some(divisor) = divisor else { return Some(whole) };
    let twice = coefficient % divisor * 2;
    let is_up = twice > divisor || (twice == divisor && whole % 2 != 0);
    match (is_up, is_negative) {
        (false, _) => Some(whole),
        (true, false) => whole.checked_add(1),
        (true, true) => whole.checked_sub(1),
    }
}

/// The order of two numbers: NaN comes before all others, the two zeros are one.
pub(super) fn compare(left: Number, right: Number) -> Ordering {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => left.cmp(&right),
        (Number::Double(left), Number::Double(right)) => doubles(left, right),
        (Number::Int(left), Number::Double(right)) => int_and_double(left, right),
        (Number::Double(left), Number::Int(right)) => int_and_double(right, left).reverse(),
        _ => {
            let (first, second) = (left.to_decimal(), right.to_decimal());
            decimals(first, second).then_with(|| {
                let order = left.rest().cmp(&right.rest());
                if sign(first) < 0 { order.reverse() } else { order }
            })
        }
    }
}

fn doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

fn int_and_double(int: i64, double: f64) -> Ordering {
    if double.is_nan() {
        return Ordering::Greater;
    }
    match truncated_double(double) {
        // Equal so far: the part behind the point decides.
        #[expect(clippy::cast_precision_loss, reason = "it came from this double")]
        Some(whole) => int.cmp(&whole).then_with(|| doubles(whole as f64, double)),
        None if double > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

fn decimals(left: Decimal, right: Decimal) -> Ordering {
    match (left, right) {
        (Decimal::Nan, Decimal::Nan) => Ordering::Equal,
        (Decimal::Nan, _) => Ordering::Less,
        (_, Decimal::Nan) => Ordering::Greater,
        _ => sign(left).cmp(&sign(right)).then_with(|| {
            let order = magnitudes(left, right);
            if sign(left) < 0 { order.reverse() } else { order }
        }),
    }
}

const fn sign(decimal: Decimal) -> i8 {
    match decimal {
        Decimal::Finite { coefficient: 0, .. } | Decimal::Nan => 0,
        Decimal::Finite { is_negative: true, .. } | Decimal::Infinite { is_negative: true } => -1,
        _ => 1,
    }
}

/// The order of two magnitudes of the same sign.
fn magnitudes(left: Decimal, right: Decimal) -> Ordering {
    match (left, right) {
        (
            Decimal::Finite { coefficient: left, exponent: left_exponent, .. },
            Decimal::Finite { coefficient: right, exponent: right_exponent, .. },
        ) => {
            if left == 0 || right == 0 {
                return left.cmp(&right);
            }
            let (left, left_first) = normalized(left, left_exponent);
            let (right, right_first) = normalized(right, right_exponent);
            left_first.cmp(&right_first).then(left.cmp(&right))
        }
        (Decimal::Finite { .. }, _) => Ordering::Less,
        (_, Decimal::Finite { .. }) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// The coefficient with exactly 34 digits, and the exponent that goes with it.
const fn normalized(coefficient: u128, exponent: i32) -> (u128, i32) {
    let missing = DIGITS_MAX - 1 - coefficient.ilog10();
    (coefficient * 10_u128.pow(missing), exponent - missing as i32)
}
