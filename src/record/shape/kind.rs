//! The placeholders that stand for values: `?number`, `?array<?string>`.

use mongodb::bson::Bson;

/// The placeholders of types. Their places are part of the walk's bytes.
const NAMES: [&str; 18] = [
    "?number",
    "?string",
    "?bool",
    "?date",
    "?null",
    "?objectId",
    "?binData",
    "?regex",
    "?timestamp",
    "?object",
    "?array",
    "?javascript",
    "?javascriptWithScope",
    "?dbPointer",
    "?minKey",
    "?maxKey",
    "?undefined",
    // Not a type of MongoDB's: different values under one guarded key, or more than fits.
    "?any",
];

const STRING: u8 = 1;
const ARRAY: u8 = 10;

/// Does the text stand for a value by its type, as one of `?string` and `?array<?number>`?
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.starts_with('?') && Kind::named(text).is_some()
}

/// What is said of a value: its type, and of a list the type of its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::record) enum Kind {
    /// One value, by the place of its type among the names.
    One(u8),
    /// A list without items.
    Empty,
    /// A list of items of one type.
    ArrayOf(u8),
    /// A list of items of several types.
    Mixed,
}

impl Kind {
    /// So many items of a list are looked at; those after them are taken to be alike.
    const ITEMS_MAX: usize = 1_000;
    /// What is not one type.
    pub(super) const ANY: Self = Self::One(17);

    /// The kind of a value. A text that is a placeholder stands for what it names, so that a record
    /// that is masked already has the same shape.
    pub(in crate::record) fn of(value: &Bson) -> Self {
        match value {
            Bson::Array(items) => Self::of_items(items),
            Bson::String(text) if text.starts_with('?') => {
                Self::named(text).unwrap_or(Self::One(STRING))
            }
            _ => Self::One(plain(value)),
        }
    }

    fn of_items(items: &[Bson]) -> Self {
        let item = |item: &Bson| match item {
            Bson::Array(_) => ARRAY,
            _ => match Self::of(item) {
                Self::One(name) => name,
                _ => ARRAY,
            },
        };
        let mut items = items.iter().take(Self::ITEMS_MAX).map(item);
        let Some(first) = items.next() else { return Self::Empty };
        if items.all(|item| item == first) { Self::ArrayOf(first) } else { Self::Mixed }
    }

    /// The kind that a placeholder names.
    fn named(text: &str) -> Option<Self> {
        let place = |name: &str| {
            NAMES.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok())
        };
        match text.strip_prefix("?array<").and_then(|rest| rest.strip_suffix('>')) {
            Some("") => Some(Self::Mixed),
            Some(item) => place(item).map(Self::ArrayOf),
            None => place(text).map(Self::One),
        }
    }

    /// The placeholder.
    pub(in crate::record) fn to_bson(self) -> Bson {
        match self {
            Self::One(name) => Bson::String(NAMES[usize::from(name)].to_owned()),
            Self::Empty => Bson::Array(Vec::new()),
            Self::ArrayOf(name) => {
                Bson::String(["?array<", NAMES[usize::from(name)], ">"].concat())
            }
            Self::Mixed => Bson::String("?array<>".to_owned()),
        }
    }

    pub(super) const fn to_byte(self) -> u8 {
        match self {
            Self::One(name) => name,
            Self::Empty => 0x80,
            Self::Mixed => 0x81,
            Self::ArrayOf(name) => 0x40 | name,
        }
    }

    pub(super) const fn from_byte(byte: u8) -> Self {
        match byte {
            0x80 => Self::Empty,
            0x81 => Self::Mixed,
            _ if byte & 0x40 != 0 => Self::ArrayOf(byte & 0x3f),
            _ => Self::One(byte),
        }
    }
}

fn plain(value: &Bson) -> u8 {
    match value {
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 0,
        Bson::String(_) | Bson::Symbol(_) => STRING,
        Bson::Boolean(_) => 2,
        Bson::DateTime(_) => 3,
        Bson::Null => 4,
        Bson::ObjectId(_) => 5,
        Bson::Binary(_) => 6,
        Bson::RegularExpression(_) => 7,
        Bson::Timestamp(_) => 8,
        Bson::Document(_) => 9,
        Bson::Array(_) => ARRAY,
        Bson::JavaScriptCode(_) => 11,
        Bson::JavaScriptCodeWithScope(_) => 12,
        Bson::DbPointer(_) => 13,
        Bson::MinKey => 14,
        Bson::MaxKey => 15,
        Bson::Undefined => 16,
    }
}
