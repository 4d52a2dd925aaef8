//! Lines of text by a pattern: `{StartTime} {DB}.{Collection} {Operation} in {Duration:.3}s`.

mod parse;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    format::{Sentence, text, value},
    record::{Field, Outcome, Value, WatchMessage},
    watch_error::{Error, Result},
};

/// Says how a record is written as a line of text.
///
/// Everything is taken as it stands but for what is in braces:
///
/// | pattern | gives |
/// | --- | --- |
/// | `{Operation}` | the field of that name; `-` if it is not known |
/// | `{Duration:.3}` | seconds with three decimals (six without) |
/// | `{Operation:<12}` `{:>12}` `{:^12}` | the value, filled up with spaces to twelve characters |
/// | `{message}` | operation, namespace and outcome: `find shop.orders ok` |
/// | `{watch}` | the fields that are shown by default and known, as `Name=value` |
/// | `{rest}` | of these, the ones that the template does not name otherwise |
/// | `{watch.full}` | every known field, as `Name=value` |
/// | `{{` `}}` | a brace |
///
/// Values cannot break the line or drive a terminal: control characters in them are escaped.
///
/// ```
/// use mongowatch::{Timestamp, WatchMessage, WatcherName, format::Template};
///
/// let template: Template = "{StartTime} {DB}.{Collection} {Operation}".parse()?;
/// let start = Timestamp::from_micros(1_714_564_800_060_000);
/// let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
/// record.db = Some("shop".into());
/// assert_eq!(template.line(&record), "2024-05-01T12:00:00.060000Z shop.- find");
///
/// let error = "{Operation} on {Colection}".parse::<Template>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "template, column 17: unknown field `Colection`: did you mean `Collection`?"
/// );
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
    /// The fields of `{watch}`.
    shown: Vec<Field>,
    /// The fields of `{rest}`.
    rest: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { what: What, fill: Fill },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Field(Field),
    Seconds { decimals: u8 },
    Message,
    Shown,
    Rest,
    Full,
}

/// Which side is filled up to which width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fill {
    side: Side,
    width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Right,
    Left,
    Both,
}

/// Is the text for a terminal that shows colours?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Coloured,
}

impl Template {
    /// The fields of `{watch}` unless others are asked for.
    pub const SHOWN_DEFAULT: &'static [Field] = &[
        Field::Db,
        Field::Collection,
        Field::Operation,
        Field::Filter,
        Field::Duration,
        Field::MatchedCount,
        Field::InsertedCount,
        Field::UpsertedCount,
        Field::ModifiedCount,
        Field::DeletedCount,
        Field::Outcome,
        Field::ErrorCode,
        Field::ErrorName,
        Field::ErrorMessage,
    ];

    /// The same template with other fields in `{watch}` and `{rest}`.
    #[must_use]
    pub fn with_shown(mut self, fields: impl Into<Vec<Field>>) -> Self {
        self.shown = fields.into();
        self.rest = self.shown.iter().copied().filter(|field| !self.names(*field)).collect();
        self
    }

    /// The line for a record, without a line feed.
    #[must_use]
    pub fn line(&self, record: &WatchMessage) -> String {
        let mut out = Vec::new();
        self.write(record, Paint::Plain, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends the line for a record, without a line feed.
    pub(crate) fn write(&self, record: &WatchMessage, paint: Paint, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value { what, fill } => {
                    // Colours have no width: they go around the value after it was filled up.
                    let start = out.len();
                    self.write_value(*what, record, paint, out);
                    fill.apply(start, out);
                    if let (Paint::Coloured, Some(colour)) = (paint, colour(*what, record)) {
                        out.splice(start..start, colour.bytes());
                        out.extend_from_slice(RESET);
                    }
                }
            }
        }
    }

    fn write_value(&self, what: What, record: &WatchMessage, paint: Paint, out: &mut Vec<u8>) {
        match what {
            What::Field(field) => write_text(record.get(field), out),
            What::Seconds { decimals } => match record.duration {
                Some(span) => value::write_seconds(span, decimals, out),
                None => out.push(b'-'),
            },
            What::Message => write_message(record, paint, out),
            What::Shown => write_pairs(&self.shown, record, paint, out),
            What::Rest => write_pairs(&self.rest, record, paint, out),
            What::Full => write_pairs(Field::ALL, record, paint, out),
        }
    }

    /// Does the template show the field in a place of its own?
    fn names(&self, field: Field) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Value { what: What::Field(named), .. } => *named == field,
            Piece::Value { what: What::Seconds { .. }, .. } => field == Field::Duration,
            Piece::Value { what: What::Message, .. } => {
                use Field::{Collection, Db, Operation, Outcome};
                [Db, Collection, Operation, Outcome].contains(&field)
            }
            _ => false,
        })
    }
}

const RESET: &[u8] = b"\x1b[0m";
const DIM: &str = "\x1b[2m";

/// The colour of a whole value.
fn colour(what: What, record: &WatchMessage) -> Option<&'static str> {
    match what {
        What::Field(Field::StartTime | Field::EndTime) => Some(DIM),
        What::Field(Field::Operation) => Some("\x1b[1m"),
        What::Field(Field::Outcome) => Some(outcome_colour(record.outcome)),
        _ => None,
    }
}

fn outcome_colour(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Ok) => "\x1b[32m",
        Some(Outcome::Error | Outcome::NotSent) => "\x1b[31m",
        _ => "\x1b[33m",
    }
}

/// Appends a value for a line of text: harmless, and `-` if it is not known.
fn write_text(known: Value<'_>, out: &mut Vec<u8>) {
    match known {
        Value::Missing => out.push(b'-'),
        Value::Str(text) => text::escape(text, out),
        _ => value::write(known, out),
    }
}

fn write_message(record: &WatchMessage, paint: Paint, out: &mut Vec<u8>) {
    let sentence = Sentence(record);
    sentence.start(out);
    out.push(b' ');
    if paint == Paint::Coloured {
        out.extend_from_slice(outcome_colour(record.outcome).as_bytes());
    }
    out.extend_from_slice(sentence.end().as_bytes());
    if paint == Paint::Coloured {
        out.extend_from_slice(RESET);
    }
}

/// Appends the known ones of the fields as `Name=value`, with spaces between.
fn write_pairs(fields: &[Field], record: &WatchMessage, paint: Paint, out: &mut Vec<u8>) {
    let start = out.len();
    for field in fields {
        let known = record.get(*field);
        if known.is_missing() {
            continue;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if paint == Paint::Coloured {
            out.extend_from_slice(DIM.as_bytes());
        }
        out.extend_from_slice(field.name().as_bytes());
        out.push(b'=');
        if paint == Paint::Coloured {
            out.extend_from_slice(RESET);
        }
        write_text(known, out);
    }
}

impl Fill {
    const NONE: Self = Self { side: Side::Right, width: 0 };

    /// Fills up what was written since `start`.
    fn apply(self, start: usize, out: &mut Vec<u8>) {
        if self.width == 0 {
            return;
        }
        let is_start = |byte: &&u8| **byte & 0xc0 != 0x80;
        let missing = self.width.saturating_sub(out[start..].iter().filter(is_start).count());
        let left = match self.side {
            Side::Right => 0,
            Side::Left => missing,
            Side::Both => missing / 2,
        };
        out.splice(start..start, std::iter::repeat_n(b' ', left));
        out.resize(out.len() + missing - left, b' ');
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(source: &str) -> Result<Self> {
        let pieces = parse::pieces(source)?;
        let template = Self { source: source.to_owned(), pieces, shown: vec![], rest: vec![] };
        Ok(template.with_shown(Self::SHOWN_DEFAULT))
    }
}

impl TryFrom<String> for Template {
    type Error = Error;

    fn try_from(source: String) -> Result<Self> {
        source.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A line of text. In braces stand fields of the record, and `{message}` \
                            (operation, namespace and outcome), `{watch}` (the fields that are shown \
                            and known), `{rest}` (those of them that stand nowhere else in the line) \
                            and `{watch.full}` (all that are known). `{Duration:.3}` has three \
                            decimals, `{Operation:<12}` twelve characters; `{{` is a brace.",
            "examples": [
                "{StartTime} {message} {rest}",
                "{StartTime} {DB}.{Collection} {Operation:<12} {Outcome} in {Duration:.3}s",
            ],
        })
    }
}
