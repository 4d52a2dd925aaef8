//! `truncate`: long texts and long lists are cut, and say so.

use mongodb::bson::Bson;

use super::{
    Draft, Fault, FieldPaths, Filter, Verdict,
    edit::{Change, Edit, Intent, Places},
    short::short_settings,
};
use crate::record::Value;

short_settings! {
    /// Says what a `truncate` step cuts: `truncate: Filter`, or in full.
    ///
    /// A text that is cut ends with how much is missing: `lorem ip...(+1234)`; a list that is cut has
    /// one item more that says it: `"...(+980)"`.
    pub struct TruncateSettings {
        /// What is cut.
        pub fields: FieldPaths,
        /// How many characters of a text stay. Default: 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_chars: Option<usize>,
        /// How many items of a list stay. Default: 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_items: Option<usize>,
    }
}

/// Cuts long texts and lists.
#[derive(Debug)]
pub struct Truncate {
    places: Places,
    max_chars: usize,
    max_items: usize,
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
        Ok(Truncate {
            places: Places::new(&self.fields, &[], Intent::Alter)?,
            max_chars: self.max_chars.unwrap_or(200),
            max_items: self.max_items.unwrap_or(20),
        })
    }
}

impl Filter for Truncate {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        // Lists first: texts in items that go need no cut.
        self.places.apply(draft, &mut Cutting { max: self.max_items, what: What::Lists, n: 0 });
        self.places.apply(draft, &mut Cutting { max: self.max_chars, what: What::Texts, n: 0 });
        Verdict::Pass
    }
}

struct Cutting {
    max: usize,
    what: What,
    n: u64,
}

#[derive(Clone, Copy)]
enum What {
    Lists,
    Texts,
}

impl Edit for Cutting {
    fn value(&mut self, _: Option<&str>, value: Value<'_>) -> Change {
        match (self.what, value) {
            (What::Lists, Value::Array(items)) if items.len() > self.max => {
                self.n += 1;
                let mut cut = items[..self.max].to_vec();
                cut.push(Bson::String(format!("...(+{})", items.len() - self.max)));
                Change::Put(cut.into())
            }
            (What::Texts, Value::Str(text)) => match text.char_indices().nth(self.max) {
                Some((end, _)) if !is_cut(text) => {
                    self.n += 1;
                    let n_more = text[end..].chars().count();
                    Change::Put(format!("{}...(+{n_more})", &text[..end]).into())
                }
                _ => Change::Keep,
            },
            (_, Value::Document(_) | Value::Array(_)) => Change::Enter,
            _ => Change::Keep,
        }
    }

    fn key(&mut self, _: &str) -> Option<String> {
        None
    }

    fn n_values(&mut self) -> &mut u64 {
        &mut self.n
    }
}

/// Is the text itself what says that a list was cut?
fn is_cut(text: &str) -> bool {
    let number = text.strip_prefix("...(+").and_then(|rest| rest.strip_suffix(')'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
