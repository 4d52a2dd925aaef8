//! Units of numbers, and what the fields of a record are measured in.

use mongodb::bson::Bson;

use crate::record::{Field, nearest};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
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

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    Text,
    Number,
    Seconds,
    Bytes,
    Moment,
    /// Anything: what is checked is the record, not the expression.
    Anything,
}

impl Holds {
    /// What the field of this path holds.
    pub(super) fn of(path: &str) -> Self {
        let field = Field::ALL.iter().find(|field| field.name() == path);
        match field {
            Some(Field::StartTime | Field::EndTime) => Self::Moment,
            Some(Field::Duration) => Self::Seconds,
            Some(Field::RequestBytes | Field::ReplyBytes | Field::FileBytes) => Self::Bytes,
            Some(
                Field::MatchedCount
                | Field::InsertedCount
                | Field::UpsertedCount
                | Field::ModifiedCount
                | Field::DeletedCount
                | Field::ErrorCode
                | Field::ReturnedCount
                | Field::FileChunks
                | Field::Batches
                | Field::Attempts
                | Field::Resumes
                | Field::TxnNumber
                | Field::ConnectionId
                | Field::ServerConnectionId
                | Field::RequestIds
                | Field::Redacted
                | Field::Pid
                | Field::Seq,
            ) => Self::Number,
            None
            | Some(
                Field::Iteration
                | Field::Filter
                | Field::Update
                | Field::Options
                | Field::WriteErrors
                | Field::QueryShape
                | Field::InsertedIds
                | Field::ResumeToken
                | Field::Actor
                | Field::OnBehalfOf
                | Field::Labels
                | Field::MissingContext
                | Field::Extra,
            ) => Self::Anything,
            Some(_) => Self::Text,
        }
    }

    /// May a number of this unit be compared with it?
    pub(super) const fn takes(self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::Time => matches!(self, Self::Seconds | Self::Anything),
            Dimension::Size => matches!(self, Self::Bytes | Self::Anything),
        }
    }

    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Seconds => "a number of seconds",
            Self::Bytes => "a number of bytes",
            Self::Moment => "a moment",
            Self::Anything => "anything",
        }
    }
}
