//! What a step has made of a value, found again by the structure of the value.
//!
//! A mask by types, or by a fixed text, depends on keys, nesting and types alone. Applications ask
//! like questions over and over: what one of them became is shared with all that are alike. The key
//! is the structure itself, not a hash of it, so that two values share an entry only if they are
//! alike.

use std::{collections::HashMap, sync::Arc};

use mongodb::bson::Bson;

use super::{edit::DEPTH_MAX, mask::type_name};
use crate::record::{Field, Value};

/// Remembers what values became.
#[derive(Debug, Default)]
pub(super) struct Memo {
    made: HashMap<Box<[u8]>, Made>,
    /// The structure of the value at hand; used again for each.
    key: Vec<u8>,
}

/// What a value became, and how many values in it were replaced.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) value: Arc<Bson>,
    pub(super) n_values: u64,
}

impl Memo {
    /// So many structures are remembered; then all are forgotten.
    const N_MAX: usize = 1_024;

    /// What has a longer structure, in bytes, is not remembered.
    const LENGTH_MAX: usize = 4_096;

    /// Finds what a field's value of this structure became. What is not found can be
    /// [kept](Memo::keep) next.
    pub(super) fn find(&mut self, field: Field, value: &Bson) -> Option<&Made> {
        self.key.clear();
        self.key.push(field as u8);
        if !write(value, &mut self.key, 0) {
            self.key.clear();
        }
        self.made.get(&*self.key)
    }

    /// Remembers what the value that was looked for became.
    pub(super) fn keep(&mut self, made: Made) {
        // Without a key, the value was too long or too deep.
        if self.key.is_empty() {
            return;
        }
        if self.made.len() >= Self::N_MAX {
            self.made.clear();
        }
        self.made.insert(self.key.as_slice().into(), made);
    }
}

/// Writes what the value is like, without its values; says whether that is short enough.
fn write(value: &Bson, key: &mut Vec<u8>, depth: usize) -> bool {
    if key.len() > Memo::LENGTH_MAX || depth >= DEPTH_MAX {
        return false;
    }
    match value {
        Bson::Document(document) => {
            key.push(b'{');
            let is_short = document.iter().all(|(name, value)| {
                // The length before the name: no name can be taken for another part.
                key.push(b',');
                let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
                key.extend_from_slice(&length.to_le_bytes());
                key.extend_from_slice(name.as_bytes());
                write(value, key, depth + 1)
            });
            key.push(b'}');
            is_short
        }
        Bson::Array(items) => {
            key.push(b'[');
            let is_short = items.iter().all(|item| write(item, key, depth + 1));
            key.push(b']');
            is_short
        }
        leaf => {
            let name = type_name(&Value::Bson(leaf));
            key.extend_from_slice(name.as_bytes());
            true
        }
    }
}
