//! What the keys above a value say of it: that it is a secret, or code.

use mongodb::bson::Bson;

use super::names;
use crate::filter::{edit::Under, references};

/// What counts below a key.
pub(super) fn below(mut under: Under, key: &str, value: &Bson) -> Under {
    if under.is_secret || names::is_secret(key) {
        under.is_secret = true;
        return under;
    }
    under.is_code = under.is_code || references::is_code(key);
    if !under.is_searched && references::is_together(key, value) {
        // Once only: what lies deeper is a part of what was searched.
        under.is_searched = true;
        under.is_secret = references::refers(key, value, &names::is_secret);
    }
    under
}
