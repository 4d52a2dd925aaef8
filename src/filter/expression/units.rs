//! Units of numbers.

use mongodb::bson::Bson;

use crate::record::nearest;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Dimension {
    /// Seconds.
    Time,
    /// Bytes.
    Size,
}

/// A unit's name, what it counts, and how many nanoseconds or bytes it has.
type Unit = (&'static str, Dimension, i64);

const UNITS: &[Unit] = &[
    ("ns", Dimension::Time, 1),
    ("us", Dimension::Time, 1_000),
    ("ms", Dimension::Time, 1_000_000),
    ("s", Dimension::Time, 1_000_000_000),
    ("min", Dimension::Time, 60_000_000_000),
    ("h", Dimension::Time, 3_600_000_000_000),
    ("d", Dimension::Time, 86_400_000_000_000),
    ("B", Dimension::Size, 1),
    ("kB", Dimension::Size, 1_000),
    ("MB", Dimension::Size, 1_000_000),
    ("GB", Dimension::Size, 1_000_000_000),
    ("KiB", Dimension::Size, 1 << 10),
    ("MiB", Dimension::Size, 1 << 20),
    ("GiB", Dimension::Size, 1 << 30),
];

/// The names of all units.
pub(super) fn all() -> String {
    let names: Vec<_> = UNITS.iter().map(|(name, ..)| *name).collect();
    names.join(", ")
}

pub(super) fn find(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|(known, ..)| *known == name)
}

/// The unit that a mistyped word most likely means.
pub(super) fn near(name: &str) -> Option<&'static str> {
    // As durations are written elsewhere; `ms` is as near, and far off.
    if name == "m" {
        return Some("min");
    }
    let same = UNITS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let near = || nearest(name, UNITS.iter().map(|(known, ..)| *known));
    same.map(|(known, ..)| *known).or_else(near)
}

/// A number of a unit in seconds or bytes, as an integer where it is one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "checked to be whole and in range; what is no integer is a double anyway"
)]
pub(super) fn convert(number: &Bson, unit: &Unit) -> Bson {
    let (_, dimension, factor) = unit;
    let one = match dimension {
        Dimension::Time => 1_000_000_000,
        Dimension::Size => 1,
    };
    let given = match number {
        Bson::Int32(int) => i64::from(*int),
        Bson::Int64(int) => *int,
        Bson::Double(double) => {
            let value = double * *factor as f64 / one as f64;
            let is_whole = value.fract() == 0.0 && value.abs() < 9.0e15;
            return if is_whole { int(value as i64) } else { Bson::Double(value) };
        }
        _ => return number.clone(),
    };
    match given.checked_mul(*factor) {
        Some(product) if product % one == 0 => int(product / one),
        Some(product) => Bson::Double(product as f64 / one as f64),
        None => Bson::Double(given as f64 * (*factor as f64 / one as f64)),
    }
}

pub(super) fn int(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}
