//! Values of records as scripts see them, and back.
//!
//! A script gets its own kinds of values (texts, numbers, truth values, `()`) as such. Documents, lists
//! and what is long and strange to it (bytes, code, patterns) stay where they are: it gets a handle.
//! What is short and strange (dates, ids, decimals) it gets as a [`Scalar`].

use mongodb::bson::{Bson, DateTime, Document, oid::ObjectId};
use rhai::{Array, Dynamic, Engine, FLOAT, INT, ImmutableString, Map};

use super::{
    desk::{Desk, Size, Work},
    engine::{ITEMS_MAX, TEXT_MAX},
    failure::{Failed, refuse},
    node::Node,
    place::Place,
};
use crate::{filter::edit::DEPTH_MAX, format::value, record::Value};

/// A value of a type that scripts do not have: a date, an id, a decimal...
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar(pub(super) Bson);

impl Scalar {
    /// The moment of a text such as `2026-01-31T12:00:00Z`.
    pub(super) fn date(text: &str) -> Result<Self, Failed> {
        let time = text.parse::<jiff::Timestamp>();
        let time = time.map_err(|_| refuse("expected a date such as `2026-01-31T12:00:00Z`"))?;
        Ok(Self(DateTime::from_millis(time.as_millisecond()).into()))
    }

    /// The id of 24 hexadecimal digits.
    pub(super) fn object_id(text: &str) -> Result<Self, Failed> {
        let id = ObjectId::parse_str(text);
        let id = id.map_err(|_| refuse("expected an ObjectId of 24 hexadecimal digits"))?;
        Ok(Self(id.into()))
    }

    pub(super) fn to_text(&self) -> String {
        match &self.0 {
            Bson::ObjectId(id) => id.to_hex(),
            Bson::Decimal128(decimal) => decimal.to_string(),
            Bson::DateTime(time) => match time.try_to_rfc3339_string() {
                Ok(text) => text,
                Err(_) => json(Value::Bson(&self.0)),
            },
            other => json(Value::Bson(other)),
        }
    }
}

/// The value as relaxed Extended JSON, texts as they are.
pub(super) fn json(value: Value<'_>) -> String {
    let mut text = Vec::new();
    value::write(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// A value on its way to a script.
pub(super) enum Given {
    Value(Dynamic),
    Text(ImmutableString),
    /// It stays where it is.
    InPlace,
}

impl Given {
    pub(super) fn of(value: Value<'_>) -> Result<Self, Failed> {
        Ok(match value {
            Value::Missing => Self::Value(Dynamic::UNIT),
            Value::Str(text) if text.len() > TEXT_MAX => {
                return Err(refuse(format!("a script reads texts of at most {TEXT_MAX} bytes")));
            }
            Value::Str(text) => Self::Text(text.into()),
            Value::Int(int) => Self::Value(int.into()),
            Value::Duration(duration) => Self::Value(duration.as_secs_f64().into()),
            Value::Document(_) | Value::Array(_) => Self::InPlace,
            Value::Bson(bson) => Self::of_leaf(bson),
            Value::Time(_) => Self::scalar(value.into()),
            Value::Uuid(_) | Value::Iteration(_) => Self::Text(json(value).into()),
            Value::Ints(_) | Value::WriteErrors(_) => Self::Value(list(value)?),
        })
    }

    fn of_leaf(leaf: &Bson) -> Self {
        match leaf {
            Bson::Null => Self::Value(Dynamic::UNIT),
            Bson::Boolean(value) => Self::Value((*value).into()),
            Bson::Int32(int) => Self::Value(INT::from(*int).into()),
            Bson::Int64(int) => Self::Value((*int).into()),
            Bson::Double(double) => Self::Value((*double).into()),
            Bson::Decimal128(_)
            | Bson::ObjectId(_)
            | Bson::DateTime(_)
            | Bson::Timestamp(_)
            | Bson::MinKey
            | Bson::MaxKey
            | Bson::Undefined => Self::scalar(leaf.clone()),
            _ => Self::InPlace,
        }
    }

    fn scalar(value: Bson) -> Self {
        Self::Value(Dynamic::from(Scalar(value)))
    }

    /// The value for the script; `place` is where a handle of it leads.
    pub(super) fn hand_over(
        self,
        desk: &Desk,
        work: &mut Work,
        place: impl FnOnce() -> Place,
    ) -> Result<Dynamic, Failed> {
        Ok(match self {
            Self::Value(value) => value,
            Self::Text(text) => {
                work.charge_bytes(text.len())?;
                text.into()
            }
            Self::InPlace => Dynamic::from(Node { desk: desk.clone(), place: place() }),
        })
    }
}

/// The lists that a record does not hold as BSON: they are short, or refused.
fn list(value: Value<'_>) -> Result<Dynamic, Failed> {
    let Bson::Array(items) = Bson::from(value) else { return Ok(Dynamic::UNIT) };
    if items.len() > ITEMS_MAX {
        return Err(refuse(format!("a script reads lists of at most {ITEMS_MAX} items")));
    }
    let number = |value: &Bson| match value {
        Bson::Int32(int) => INT::from(*int),
        Bson::Int64(int) => *int,
        _ => 0,
    };
    let item = |item: Bson| match item {
        Bson::Document(parts) => {
            let parts = parts.iter().map(|(key, value)| (key.into(), number(value).into()));
            parts.collect::<Map>().into()
        }
        other => Dynamic::from(number(&other)),
    };
    Ok(items.into_iter().map(item).collect::<Array>().into())
}

/// Is what a script gives the same that it would read?
pub(super) fn is_same(present: Value<'_>, given: &Dynamic) -> bool {
    let present = match Given::of(present) {
        Ok(Given::Value(value)) => value,
        Ok(Given::Text(text)) => {
            return given.read_lock::<ImmutableString>().is_some_and(|given| text == *given);
        }
        _ => return false,
    };
    if let (Some(left), Some(right)) = (present.read_lock::<Scalar>(), given.read_lock::<Scalar>())
    {
        return *left == *right;
    }
    match (present.as_float(), given.as_float()) {
        (Ok(left), Ok(right)) => return left.to_bits() == right.to_bits(),
        (Err(_), Err(_)) => {}
        _ => return false,
    }
    (present.is_unit() && given.is_unit())
        || matches!((present.as_int(), given.as_int()), (Ok(left), Ok(right)) if left == right)
        || matches!((present.as_bool(), given.as_bool()), (Ok(left), Ok(right)) if left == right)
        || is_same_list(&present, given)
}

fn is_same_list(present: &Dynamic, given: &Dynamic) -> bool {
    let (Some(left), Some(right)) = (present.read_lock::<Array>(), given.read_lock::<Array>())
    else {
        return false;
    };
    // Numbers, or documents of numbers.
    let number = |value: &Dynamic| value.as_int().ok();
    let is_same = |left: &Dynamic, right: &Dynamic| match (left.as_map_ref(), right.as_map_ref()) {
        (Ok(left), Ok(right)) => {
            left.len() == right.len()
                && left.iter().zip(right.iter()).all(|((key, value), (other, given))| {
                    key == other && number(value) == number(given)
                })
        }
        (Err(_), Err(_)) => number(left).is_some() && number(left) == number(right),
        _ => false,
    };
    left.len() == right.len() && left.iter().zip(right.iter()).all(|(l, r)| is_same(l, r))
}

/// The BSON of what a script puts `depth` levels below a field. A number takes 32 bits where one of 32
/// bits stood, if it fits.
pub(super) fn write(
    work: &mut Work,
    given: &Dynamic,
    is_int32: bool,
    depth: usize,
) -> Result<Bson, Failed> {
    Ok(match plain(work, given, depth)? {
        Bson::Int64(int) if is_int32 => i32::try_from(int).map_or(Bson::Int64(int), Bson::Int32),
        value => value,
    })
}

fn plain(work: &mut Work, given: &Dynamic, depth: usize) -> Result<Bson, Failed> {
    if depth > DEPTH_MAX {
        return Err(refuse(format!("values are nested by at most {DEPTH_MAX} levels")));
    }
    if let Some(node) = given.read_lock::<Node>() {
        return node.copy(work, depth);
    }
    let value = leaf(given);
    if let Some(value) = value {
        work.charge_write(Size::of(&value), depth)?;
        return Ok(value);
    }
    work.charge_write(Size { bytes: 16, depth: 1 }, depth)?;
    if let Some(items) = given.read_lock::<Array>() {
        let items = items.iter().map(|item| plain(work, item, depth + 1));
        return items.collect::<Result<Vec<_>, _>>().map(Bson::Array);
    }
    if let Some(map) = given.read_lock::<Map>() {
        let mut document = Document::new();
        for (key, value) in map.iter() {
            work.charge_write(Size { bytes: key.len(), depth: 0 }, depth)?;
            document.insert(key.as_str(), plain(work, value, depth + 1)?);
        }
        return Ok(document.into());
    }
    Err(refuse(format!("a value of the type `{}` has no place in a record", given.type_name())))
}

pub(super) fn leaf(given: &Dynamic) -> Option<Bson> {
    if given.is_unit() {
        return Some(Bson::Null);
    }
    if let Ok(int) = given.as_int() {
        return Some(Bson::Int64(int));
    }
    if let Ok(value) = given.as_bool() {
        return Some(value.into());
    }
    if let Some(float) = given.read_lock::<FLOAT>() {
        return Some(Bson::Double(*float));
    }
    if let Some(text) = given.read_lock::<ImmutableString>() {
        return Some(Bson::String(text.to_string()));
    }
    if let Ok(letter) = given.as_char() {
        return Some(Bson::String(letter.into()));
    }
    given.read_lock::<Scalar>().map(|scalar| scalar.0.clone())
}

/// The name of a value's BSON type, as `$type` has it; `missing` for none.
pub(super) fn kind(value: Value<'_>) -> &'static str {
    let bson = match value {
        Value::Missing => return "missing",
        Value::Str(_) | Value::Uuid(_) | Value::Iteration(_) => return "string",
        Value::Int(_) => return "long",
        Value::Duration(_) => return "double",
        Value::Time(_) => return "date",
        Value::Document(_) => return "object",
        Value::Array(_) | Value::Ints(_) | Value::WriteErrors(_) => return "array",
        Value::Bson(bson) => bson,
    };
    match bson {
        Bson::Double(_) => "double",
        Bson::String(_) => "string",
        Bson::Document(_) => "object",
        Bson::Array(_) => "array",
        Bson::Binary(_) => "binData",
        Bson::Undefined => "undefined",
        Bson::ObjectId(_) => "objectId",
        Bson::Boolean(_) => "bool",
        Bson::DateTime(_) => "date",
        Bson::Null => "null",
        Bson::RegularExpression(_) => "regex",
        Bson::DbPointer(_) => "dbPointer",
        Bson::JavaScriptCode(_) => "javascript",
        Bson::Symbol(_) => "symbol",
        Bson::JavaScriptCodeWithScope(_) => "javascriptWithScope",
        Bson::Int32(_) => "int",
        Bson::Timestamp(_) => "timestamp",
        Bson::Int64(_) => "long",
        Bson::Decimal128(_) => "decimal",
        Bson::MinKey => "minKey",
        Bson::MaxKey => "maxKey",
    }
}

/// What is below something that is missing is missing too, as in the paths of queries.
pub(super) fn register_nothing(engine: &mut Engine) {
    engine
        .register_indexer_get(|_: &mut (), _: ImmutableString| ())
        .register_indexer_get(|_: &mut (), _: INT| ());
}
