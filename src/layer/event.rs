//! The `tracing` side of a record: its callsites, and its fields as values.
//!
//! There is one callsite for each watcher and level, made at compile time and registered as those of
//! `tracing`'s macros are, so that filters of a subscriber or a layer work as for any other event.

use std::fmt;

use tracing_core::{
    Kind, Level, Metadata,
    callsite::{Callsite as _, DefaultCallsite},
    field::{DisplayValue, FieldSet, Value as TracingValue, ValueSet, display},
    identify_callsite,
};

use crate::{
    format::{Sentence, value},
    record::{Field, Value, WatchMessage, WatcherName},
};

/// The name of every event that carries a record.
const NAME: &str = "mongowatch.record";

const N_FIELDS: usize = Field::ALL.len() + 1;

/// The message first, then the fields of the record.
static FIELDS: [&str; N_FIELDS] = {
    let mut names = ["message"; N_FIELDS];
    let mut place = 1;
    while place < N_FIELDS {
        names[place] = Field::ALL[place - 1].name();
        place += 1;
    }
    names
};

macro_rules! callsite {
    ($watcher:expr, $level:expr) => {{
        static METADATA: Metadata<'static> = Metadata::new(
            NAME,
            $watcher.as_str(),
            $level,
            None,
            None,
            Some("mongowatch"),
            FieldSet::new(&FIELDS, identify_callsite!(&CALLSITE)),
            Kind::EVENT,
        );
        static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
        &CALLSITE
    }};
}

/// The callsite of the events of this watcher at this level.
pub(super) fn callsite(watcher: WatcherName, level: Level) -> &'static DefaultCallsite {
    macro_rules! by_level {
        ($watcher:expr) => {
            match level {
                Level::ERROR => callsite!($watcher, Level::ERROR),
                Level::WARN => callsite!($watcher, Level::WARN),
                Level::INFO => callsite!($watcher, Level::INFO),
                Level::DEBUG => callsite!($watcher, Level::DEBUG),
                Level::TRACE => callsite!($watcher, Level::TRACE),
            }
        };
    }
    match watcher {
        WatcherName::Collection => by_level!(WatcherName::Collection),
        WatcherName::Cursor => by_level!(WatcherName::Cursor),
        WatcherName::Database => by_level!(WatcherName::Database),
        WatcherName::Client => by_level!(WatcherName::Client),
        WatcherName::Session => by_level!(WatcherName::Session),
        WatcherName::Gridfs => by_level!(WatcherName::Gridfs),
        WatcherName::Command => by_level!(WatcherName::Command),
        WatcherName::Rate => by_level!(WatcherName::Rate),
        WatcherName::Watcher => by_level!(WatcherName::Watcher),
    }
}

/// Makes all callsites known, so that a subscriber that is made afterwards is asked about each.
pub(super) fn register_all() {
    for watcher in WatcherName::ALL {
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
            callsite(*watcher, level).interest();
        }
    }
}

/// Is this the metadata of a record's event?
pub(super) fn is_record(metadata: &Metadata<'_>) -> bool {
    metadata.name() == NAME
        && metadata.target().parse().is_ok_and(|watcher| {
            // Names can be chosen by anyone; a callsite has one place in memory.
            callsite(watcher, *metadata.level()).metadata().callsite() == metadata.callsite()
        })
}

/// Gives the record as the values of an event; a missing field has none.
pub(super) fn with_values<R>(
    record: &WatchMessage,
    metadata: &'static Metadata<'static>,
    take: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let message = display(Sentence(record));
    let mut held = [const { Held::Missing }; Field::ALL.len()];
    for (place, field) in held.iter_mut().zip(Field::ALL) {
        *place = Held::from(record.get(*field));
    }
    let mut values: [Option<&dyn TracingValue>; N_FIELDS] = [None; N_FIELDS];
    values[0] = Some(&message);
    for (place, held) in values[1..].iter_mut().zip(&held) {
        *place = held.as_value();
    }
    take(&metadata.fields().value_set_all(&values))
}

/// An event without values, for layers that read the record itself.
pub(super) fn without_values<R>(
    metadata: &'static Metadata<'static>,
    take: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let none: [(&tracing_core::Field, Option<&dyn TracingValue>); 0] = [];
    take(&metadata.fields().value_set(&none))
}

/// A value in the form in which `tracing` takes it: a number, a text, or what becomes a text when
/// somebody looks.
enum Held<'a> {
    Missing,
    Int(i64),
    Float(f64),
    Str(&'a str),
    Text(DisplayValue<Text<'a>>),
}

impl<'a> From<Value<'a>> for Held<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Missing => Self::Missing,
            Value::Int(int) => Self::Int(int),
            Value::Duration(span) => Self::Float(span.as_secs_f64()),
            Value::Str(text) => Self::Str(text),
            value => Self::Text(display(Text(value))),
        }
    }
}

impl Held<'_> {
    fn as_value(&self) -> Option<&dyn TracingValue> {
        match self {
            Self::Missing => None,
            Self::Int(int) => Some(int),
            Self::Float(float) => Some(float),
            Self::Str(text) => Some(text),
            Self::Text(text) => Some(text),
        }
    }
}

/// Displays a value as it stands in a CSV cell.
struct Text<'a>(Value<'a>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(64);
        value::write(self.0, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}
