//! `truncate`: long texts and long lists are cut, and say so.

use mongodb::bson::{Bson, Document, JavaScriptCodeWithScope};

use super::{
    Draft, Fault, FieldPaths, Filter, Verdict,
    edit::{Change, DEPTH_MAX, Edit, Intent, Places, Under},
    mark::{cut_bytes, cut_items, cut_text},
    short::short_settings,
};
use crate::record::{Value, with_pattern};

short_settings! {
    /// Says what a `truncate` step cuts: `truncate: Filter`, or in full.
    ///
    /// A text that is cut ends with how many characters are missing: `lorem ip...(+1234)`. So do symbols,
    /// code and the patterns of regular expressions. A list that is cut has one item more that says how
    /// many are missing: `"...(+980 items)"`. Bytes that are cut become a text: the first ones in Base64, and
    /// `...(+1234 bytes)`.
    ///
    /// Nothing becomes longer by a cut: what would not become shorter stays, such as a text of a few
    /// characters too many. What was cut before is cut further if it is still too long, and then says
    /// how much is missing in all; a mark itself counts for nothing.
    pub struct TruncateSettings {
        /// What is cut.
        pub fields: FieldPaths,
        /// How many characters of a text stay, before the mark; bytes of which there are more are cut
        /// to as many letters of Base64. Default: 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_chars: Option<usize>,
        /// How many items of a list stay, before the mark. Default: 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_items: Option<usize>,
    }
}

/// Cuts long texts and lists.
#[derive(Debug)]
pub struct Truncate {
    places: Places,
    limits: Limits,
}

impl TruncateSettings {
    /// Cuts what these paths name, by the default lengths.
    #[must_use]
    pub fn new(fields: impl Into<FieldPaths>) -> Self {
        Self { fields: fields.into(), max_chars: None, max_items: None }
    }

    /// Makes the step.
    ///
    /// # Errors
    ///
    /// When a field cannot be cut.
    pub fn build(&self) -> Result<Truncate, Fault> {
        let limits = Limits {
            max_chars: self.max_chars.unwrap_or(200),
            max_items: self.max_items.unwrap_or(20),
        };
        Ok(Truncate { places: Places::new(&self.fields, &[], Intent::Alter)?, limits })
    }
}

impl Filter for Truncate {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        self.places.apply(draft, &mut Cutting { limits: self.limits, n_values: 0 });
        Verdict::Pass
    }
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_chars: usize,
    max_items: usize,
}

/// The scope of code is nested more deeply than [`DEPTH_MAX`].
struct TooDeep;

impl Limits {
    /// A copy of what stands in the scope of code, with all that is in it cut.
    fn copy(self, value: &Bson, depth: usize) -> Result<Bson, TooDeep> {
        if depth > DEPTH_MAX {
            return Err(TooDeep);
        }
        match value {
            Bson::Document(document) => self.document(document, depth).map(Bson::from),
            Bson::Array(items) => self.items(items, depth).map(Bson::from),
            leaf => Ok(self.leaf(leaf, depth)?.unwrap_or_else(|| leaf.clone())),
        }
    }

    fn document(self, document: &Document, depth: usize) -> Result<Document, TooDeep> {
        let one = |(key, value): (&String, _)| Ok((key.clone(), self.copy(value, depth + 1)?));
        document.iter().map(one).collect()
    }

    fn items(self, items: &[Bson], depth: usize) -> Result<Vec<Bson>, TooDeep> {
        let cut = cut_items(items, self.max_items);
        let left = cut.as_ref().map_or(items, |(left, _)| *left);
        let left = left.iter().map(|item| self.copy(item, depth + 1));
        left.chain(cut.map(|(_, mark)| Ok(mark))).collect()
    }

    /// What becomes of a value that is no document and no list, if it is too long.
    fn leaf(self, value: &Bson, depth: usize) -> Result<Option<Bson>, TooDeep> {
        let text = |text: &str| cut_text(text, self.max_chars);
        Ok(match value {
            Bson::String(content) => text(content).map(Bson::String),
            Bson::Symbol(symbol) => text(symbol).map(Bson::Symbol),
            Bson::JavaScriptCode(code) => text(code).map(Bson::JavaScriptCode),
            Bson::JavaScriptCodeWithScope(code) => {
                let (cut, scope) = (text(&code.code), self.document(&code.scope, depth)?);
                let is_cut = cut.is_some() || scope != code.scope;
                let code = cut.unwrap_or_else(|| code.code.clone());
                is_cut.then(|| JavaScriptCodeWithScope { code, scope }.into())
            }
            Bson::RegularExpression(regex) => text(&regex.pattern.to_string())
                .and_then(|pattern| with_pattern(regex, pattern))
                .map(Bson::RegularExpression),
            Bson::Binary(data) => cut_bytes(&data.bytes, self.max_chars).map(Bson::String),
            _ => None,
        })
    }
}

fn put(cut: Option<Bson>) -> Change {
    cut.map_or(Change::Keep, Change::Put)
}

struct Cutting {
    limits: Limits,
    n_values: u64,
}

impl Edit for Cutting {
    fn value(&mut self, _: Under, value: Value<'_>) -> Change {
        let change = match value {
            Value::Document(_) => return Change::Enter,
            Value::Array(items) => match cut_items(items, self.limits.max_items) {
                Some((left, mark)) => Change::Shorten(left.len(), mark),
                None => return Change::Enter,
            },
            Value::Str(text) => put(cut_text(text, self.limits.max_chars).map(Bson::String)),
            // No path leads below the scope of code: what is too deep there goes.
            Value::Bson(leaf) => self.limits.leaf(leaf, 0).map_or(Change::Remove, put),
            _ => Change::Keep,
        };
        self.n_values += u64::from(!matches!(change, Change::Keep));
        change
    }

    fn below(&mut self, under: Under, _: &str, _: &Bson) -> Under {
        under
    }

    fn key(&mut self, _: &str) -> Option<String> {
        None
    }

    fn n_values(&mut self) -> &mut u64 {
        &mut self.n_values
    }
}
