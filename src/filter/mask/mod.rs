//! `mask`: values are replaced, keys and structure stay.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use mongodb::bson::Bson;
use serde::{Deserialize, Serialize};

use crate::{
    filter::{
        Draft, Fault, FieldPaths, Filter, KeySource, Part, PatternSettings, Secret, ValueHasher,
        Verdict,
        edit::{Change, Edit, Intent, Places, Under},
        hash::count,
        memo::Memo,
        patterns::{Found, Patterns},
        short::short_settings,
    },
    record::{Value, is_placeholder},
};

short_settings! {
    /// Says which values a `mask` step replaces, and by what.
    ///
    /// ```yaml
    /// - mask: Filter
    /// - mask: [Filter, Update.$set, ErrorMessage]
    /// - mask: { fields: [Filter, Update], mode: partial, keep: [Filter.status] }
    /// - mask: { fields: [ErrorMessage, Filter], patterns: [card, email, { regex: 'AB-\d{6}' }] }
    /// ```
    ///
    /// Values below operators are values as others are: those of `$regex`, `$where`, `$text`, `$in`,
    /// and the code, pattern or bytes that a value consists of. Keys stay, but for those in which
    /// one of the `patterns` is found. A field that cannot be worked through (nested by more than
    /// 200 levels) is removed.
    pub struct MaskSettings {
        /// What is masked.
        pub fields: FieldPaths,
        /// What takes the place of a value. Default: `type`.
        #[serde(default)]
        pub mode: MaskMode,
        /// What of it stays as it is.
        #[serde(default, skip_serializing_if = "FieldPaths::is_none")]
        pub keep: FieldPaths,
        /// Only what has one of these forms is replaced, be it a part of a text. Default: each
        /// value is replaced.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub patterns: Vec<PatternSettings>,
        /// The text of the modes `fixed` (default: `?`) and `partial` (default: `***`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub text: Option<String>,
        /// How many characters of the end the mode `partial` leaves. Never more than a quarter is
        /// left. Default: 4.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last: Option<usize>,
        /// Where the key of the mode `hash` is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub key: Option<KeySource>,
        /// Whether the number of replaced values is added to the record's `Redacted`. Default:
        /// `false`.
        #[serde(default)]
        pub count: bool,
    }
}

/// Says what takes the place of a masked value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MaskMode {
    /// The name of its type, as in a query's shape: `?string`, `?number`, `?objectId`.
    #[default]
    Type,
    /// Always the same text.
    Fixed,
    /// A fixed text and the last characters of the value, if it is a text; else the name of its type.
    Partial,
    /// Its keyed hash, as the step `hash` gives it.
    Hash,
}

/// Replaces values.
#[derive(Debug)]
pub struct Mask {
    places: Places,
    cover: Cover,
    patterns: Option<Patterns>,
    /// Where what a value becomes depends on its structure alone.
    memo: Option<Memo>,
    count: bool,
}

/// What is put over a value.
#[derive(Debug)]
enum Cover {
    Type,
    Fixed(String),
    Partial { text: String, last: usize },
    Hash(ValueHasher),
}

impl MaskSettings {
    /// No text that stands for a value is longer, in bytes.
    pub const TEXT_MAX: usize = 256;

    /// Masks what these paths name by its type.
    #[must_use]
    pub fn new(fields: impl Into<FieldPaths>) -> Self {
        Self {
            fields: fields.into(),
            mode: MaskMode::default(),
            keep: FieldPaths::default(),
            patterns: Vec::new(),
            text: None,
            last: None,
            key: None,
            count: false,
        }
    }

    /// Makes the step, and reads the key of the mode `hash`.
    ///
    /// # Errors
    ///
    /// When a field cannot be masked, a pattern cannot be read, or keys do not fit together.
    pub fn build(&self) -> Result<Mask, Fault> {
        self.build_with(KeySource::read)
    }

    /// Makes the step, with a key that `read` gives.
    ///
    /// # Errors
    ///
    /// Those of `read` and of [`MaskSettings::build`].
    pub fn build_with(
        &self,
        read: impl FnOnce(&KeySource) -> Result<Secret, Fault>,
    ) -> Result<Mask, Fault> {
        let places = Places::new(&self.fields, &self.keep, Intent::Alter)?;
        let patterns = match &self.patterns[..] {
            [] => None,
            patterns => Some(Patterns::new(patterns)?),
        };
        let cover = self.cover(read)?;
        let is_by_structure = patterns.is_none() && matches!(cover, Cover::Type | Cover::Fixed(_));
        let memo = is_by_structure.then(Memo::default);
        Ok(Mask { places, cover, patterns, memo, count: self.count })
    }

    fn cover(
        &self,
        read: impl FnOnce(&KeySource) -> Result<Secret, Fault>,
    ) -> Result<Cover, Fault> {
        let beside = |key: &str, is_given: bool, modes: &str| match is_given {
            true => Err(Fault::new(format!("`{key}` is for {modes} only")).within(key.into())),
            false => Ok(()),
        };
        if !matches!(self.mode, MaskMode::Fixed | MaskMode::Partial) {
            beside("text", self.text.is_some(), "`mode: fixed` and `mode: partial`")?;
        }
        if self.mode != MaskMode::Partial {
            beside("last", self.last.is_some(), "`mode: partial`")?;
        }
        if self.mode != MaskMode::Hash {
            beside("key", self.key.is_some(), "`mode: hash`")?;
        }
        let text = |default: &str| match &self.text {
            Some(text) if text.len() > Self::TEXT_MAX => {
                let message = format!("expected at most {} bytes", Self::TEXT_MAX);
                Err(Fault::new(message).within("text".into()))
            }
            Some(text) => Ok(text.clone()),
            None => Ok(default.to_owned()),
        };
        Ok(match self.mode {
            MaskMode::Type => Cover::Type,
            MaskMode::Fixed => Cover::Fixed(text("?")?),
            MaskMode::Partial => {
                Cover::Partial { text: text("***")?, last: self.last.unwrap_or(4) }
            }
            MaskMode::Hash => {
                let within = |fault: Fault| fault.within(Part::from("key"));
                let key = self.key.as_ref().ok_or_else(|| {
                    within(Fault::new("`mode: hash` needs a key: `{env: NAME}` or `{file: PATH}`"))
                })?;
                Cover::Hash(ValueHasher::new(&read(key).map_err(within)?))
            }
        })
    }
}

impl Filter for Mask {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        let mut edit =
            Masking { cover: &self.cover, patterns: self.patterns.as_ref(), n_values: 0 };
        let n_failed = match &mut self.memo {
            Some(memo) => self.places.apply_by_structure(draft, &mut edit, memo),
            None => self.places.apply(draft, &mut edit),
        };
        if self.count {
            count(draft, edit.n_values + n_failed);
        }
        Verdict::Pass
    }
}

struct Masking<'a> {
    cover: &'a Cover,
    patterns: Option<&'a Patterns>,
    n_values: u64,
}

impl Edit for Masking<'_> {
    fn n_values(&mut self) -> &mut u64 {
        &mut self.n_values
    }

    fn value(&mut self, under: Under, value: Value<'_>) -> Change {
        if matches!(value, Value::Document(_) | Value::Array(_)) {
            return Change::Enter;
        }
        let Some(patterns) = self.patterns else {
            self.n_values += 1;
            return Change::Put(self.cover.over(value));
        };
        match patterns.find(under, value) {
            Found::Nothing => Change::Keep,
            Found::Whole => {
                self.n_values += 1;
                Change::Put(self.cover.over(value))
            }
            Found::Parts(parts) => {
                let Value::Str(text) = value else { return Change::Put(self.cover.over(value)) };
                self.n_values += 1;
                Change::Put(self.cover.over_parts(text, &parts).into())
            }
        }
    }

    fn below(&mut self, under: Under, key: &str, value: &Bson) -> Under {
        match self.patterns {
            Some(patterns) => patterns.below(under, key, value),
            None => under,
        }
    }

    fn key(&mut self, key: &str) -> Option<String> {
        let covered = match self.patterns?.find(Under::default(), Value::Str(key)) {
            Found::Nothing => return None,
            Found::Whole => self.cover.over_text(key),
            Found::Parts(parts) => self.cover.over_parts(key, &parts),
        };
        self.n_values += 1;
        Some(covered)
    }
}

impl Cover {
    fn over(&self, value: Value<'_>) -> Bson {
        match (self, value) {
            (Self::Hash(hasher), value) => hasher.value(value).into(),
            (Self::Fixed(text), _) => text.as_str().into(),
            (Self::Partial { .. }, Value::Str(text)) => self.over_text(text).into(),
            (Self::Type | Self::Partial { .. }, value) => type_name(&value).into(),
        }
    }

    fn over_text(&self, covered: &str) -> String {
        match self {
            Self::Type => type_name(&Value::Str(covered)).to_owned(),
            Self::Fixed(text) => text.clone(),
            Self::Partial { text, last } => {
                let n_chars = covered.chars().count();
                let n_left = (*last).min(n_chars / 4);
                let rest: String = covered.chars().skip(n_chars - n_left).collect();
                format!("{text}{rest}")
            }
            Self::Hash(hasher) => hasher.text(covered),
        }
    }

    /// Covers parts of a text; they are in order and do not overlap.
    fn over_parts(&self, text: &str, parts: &[std::ops::Range<usize>]) -> String {
        let mut covered = String::with_capacity(text.len());
        let mut at = 0;
        for part in parts {
            covered.push_str(&text[at..part.start]);
            covered.push_str(&self.over_text(&text[part.clone()]));
            at = part.end;
        }
        covered.push_str(&text[at..]);
        covered
    }
}

/// What the type of a value is called in the shape of a query. A text that is such a name stands for
/// what it names: what was masked before stays as it is.
pub(super) fn type_name<'a>(value: &Value<'a>) -> &'a str {
    let bson = match *value {
        Value::Str(text) if is_placeholder(text) => return text,
        Value::Bson(Bson::String(text)) if is_placeholder(text) => return text,
        Value::Str(_) => return "?string",
        Value::Bson(bson) => bson,
        _ => return "?object",
    };
    match bson {
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => "?number",
        Bson::String(_) | Bson::Symbol(_) => "?string",
        Bson::Boolean(_) => "?bool",
        Bson::Null => "?null",
        Bson::DateTime(_) => "?date",
        Bson::ObjectId(_) => "?objectId",
        Bson::Binary(_) => "?binData",
        Bson::RegularExpression(_) => "?regex",
        Bson::Timestamp(_) => "?timestamp",
        Bson::JavaScriptCode(_) => "?javascript",
        Bson::JavaScriptCodeWithScope(_) => "?javascriptWithScope",
        Bson::DbPointer(_) => "?dbPointer",
        Bson::MinKey => "?minKey",
        Bson::MaxKey => "?maxKey",
        Bson::Undefined => "?undefined",
        Bson::Array(_) => "?array",
        Bson::Document(_) => "?object",
    }
}
