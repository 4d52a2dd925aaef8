//! One form for all numbers that are equal, whatever their type.
//!
//! A double is the number that it is, to the last digit, as MongoDB compares it: `2^60` is the same as a
//! long and as a double. One with more than the 34 digits of a Decimal128 is equal to no number of
//! another type that has a fraction, or is beyond a long: its shortest form tells it from other doubles.

use mongodb::bson::Decimal128;

use crate::filter::matcher::Decimal;

/// No Decimal128 has more digits than this number.
const DIGITS_END: u128 = 10_u128.pow(34);

pub(super) fn of_int(int: i64) -> String {
    form(int < 0, int.unsigned_abs().into(), 0)
}

pub(super) fn of_double(double: f64) -> String {
    let is_negative = double.is_sign_negative();
    if double.is_nan() {
        return nan();
    }
    if double.is_infinite() {
        return infinity(is_negative);
    }
    let (digits, exponent) = exact(double.abs()).unwrap_or_else(|| shortest(double.abs()));
    form(is_negative, digits, exponent)
}

pub(super) fn of_decimal(decimal: Decimal128) -> String {
    match Decimal::from_bits(u128::from_le_bytes(decimal.bytes())) {
        Decimal::Nan => nan(),
        Decimal::Infinite { is_negative } => infinity(is_negative),
        Decimal::Finite { is_negative, coefficient, exponent } => {
            form(is_negative, coefficient, exponent)
        }
    }
}

/// Sign, digits without zeros around them, `e`, and the exponent of ten.
fn form(is_negative: bool, mut digits: u128, mut exponent: i32) -> String {
    if digits == 0 {
        return "0".to_owned();
    }
    while digits.is_multiple_of(10) {
        digits /= 10;
        exponent += 1;
    }
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{digits}e{exponent}")
}

fn nan() -> String {
    "nan".to_owned()
}

fn infinity(is_negative: bool) -> String {
    if is_negative { "-inf" } else { "inf" }.to_owned()
}

/// All digits of a positive double, and their exponent of ten, unless there are too many.
fn exact(double: f64) -> Option<(u128, i32)> {
    let bits = double.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), i32::try_from(bits >> 52).ok()?);
    // The smallest numbers have no leading bit, and the exponent of the next ones.
    let is_normal = exponent != 0;
    let mut mantissa = u128::from(if is_normal { fraction | (1 << 52) } else { fraction });
    if mantissa == 0 {
        return Some((0, 0));
    }
    let mut twos = exponent.max(1) - 1_075;
    twos += i32::try_from(mantissa.trailing_zeros()).ok()?;
    mantissa >>= mantissa.trailing_zeros();
    let mut tens = 0;
    let digits = if twos < 0 {
        // A half is five tenths.
        tens = twos;
        mantissa.checked_mul(5_u128.checked_pow(twos.unsigned_abs())?)?
    } else {
        while twos > 0 && mantissa.is_multiple_of(5) {
            (mantissa, twos, tens) = (mantissa / 5, twos - 1, tens + 1);
        }
        mantissa.checked_mul(2_u128.checked_pow(twos.unsigned_abs())?)?
    };
    (digits < DIGITS_END).then_some((digits, tens))
}

/// The fewest digits that tell a positive double from all others.
fn shortest(double: f64) -> (u128, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(double);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (_, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let digits = digits.fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let exponent = exponent.parse::<i32>().expect("ryu writes an exponent of three digits");
    (digits, exponent - fraction.len() as i32)
}
