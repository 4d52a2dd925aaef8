//! What `rate` and `limit` group records by: fields, and parts of them.

use mongodb::bson::Bson;
use sha2::{Digest as _, Sha256};

use super::{Fault, FieldPath, FieldPaths, mark::cut_text, rate::is_sum, target::Target};
use crate::{
    format::value,
    record::{Field, Value, WatchMessage},
};

/// Records are grouped by so many places at most.
const PATHS_MAX: usize = 32;

/// A value whose text is longer than this, in bytes, stands in a key as its SHA-256, and is told cut.
const VALUE_LENGTH_MAX: usize = 1_024;

/// So many characters of a value that is cut are told.
const TOLD_MAX: usize = 200;

/// The memory for a key that is kept between records, in bytes.
const CAPACITY_MAX: usize = 64 * 1_024;

/// What the record of a rate says in Extra; a group's value does not take its place.
const OWN_KEYS: [&str; 5] = ["Count", "Rate", "Rates", "Duration", "Overflow"];

/// DB, Collection and Operation.
pub(super) fn by_default() -> FieldPaths {
    [Field::Db, Field::Collection, Field::Operation].into_iter().map(FieldPath::of).collect()
}

/// Can records be grouped by this?
pub(super) fn check(by: &[FieldPath]) -> Result<(), Fault> {
    if by.len() > PATHS_MAX {
        let message = format!("found {} paths, expected at most {PATHS_MAX}", by.len());
        return Err(Fault::new(message).within("by".into()));
    }
    for (place, path) in by.iter().enumerate() {
        let within = |message| Err(Fault::new(message).within(place.into()).within("by".into()));
        if !path.is_exact() {
            return within(format!("`{path}` may name several places, expected one"));
        }
        if !path.fields().iter().copied().all(is_group) {
            return within(format!("{path} is another one for each operation"));
        }
    }
    Ok(())
}

/// Does it make sense to group by the field, or by what is in it?
const fn is_group(field: Field) -> bool {
    !is_sum(field)
        && !matches!(
            field,
            Field::WatchId
                | Field::Iteration
                | Field::StartTime
                | Field::EndTime
                | Field::Duration
                | Field::Seq
                | Field::RequestIds
                | Field::InsertedIds
                | Field::ResumeToken
        )
}

/// Writes what the group of a record is told by. What is missing is another group than what is empty
/// or null.
pub(super) fn write_key(record: &WatchMessage, by: &[FieldPath], key: &mut Vec<u8>) {
    key.clear();
    for path in by {
        // A length before each, so that no two lists of values have one key; none has this one.
        let start = key.len();
        key.extend_from_slice(&u32::MAX.to_le_bytes());
        let value = path.get(record);
        if value.is_missing() {
            continue;
        }
        let text = key.len();
        value::write(value, key);
        let length = key.len() - text;
        let shown = u32::try_from(length).unwrap_or(u32::MAX - 1).min(u32::MAX - 1);
        key[start..text].copy_from_slice(&shown.to_le_bytes());
        if length > VALUE_LENGTH_MAX {
            let hash = Sha256::digest(&key[text..]);
            key.truncate(text);
            key.extend_from_slice(&hash);
            key.shrink_to(CAPACITY_MAX);
        }
    }
}

/// The values by which records are in a group, where they are not missing.
pub(super) type Values = Vec<Option<Bson>>;

/// The values by which a record is in its group; long ones are cut texts.
pub(super) fn values(record: &WatchMessage, by: &[FieldPath]) -> Values {
    let there = |path: &FieldPath| Some(path.get(record)).filter(|value| !value.is_missing());
    by.iter().map(|path| there(path).map(told)).collect()
}

fn told(value: Value<'_>) -> Bson {
    let mut text = Vec::new();
    value::write(value, &mut text);
    if text.len() <= VALUE_LENGTH_MAX {
        return value.into();
    }
    let text = String::from_utf8_lossy(&text);
    let cut = cut_text(&text, TOLD_MAX);
    cut.unwrap_or_else(|| text.chars().take(TOLD_MAX).collect()).into()
}

/// Puts the values of a group into its record, where they came from: below Extra, under the names of
/// their places, if they cannot stand there.
pub(super) fn put(record: &mut WatchMessage, by: &[FieldPath], values: Values) {
    let there = by.iter().zip(values);
    let targets = there.filter_map(|(path, value)| Some((Target::of(path).ok()?, value?)));
    let mut left: Vec<_> = targets.collect();
    // Twice: an actor takes its parts when it has a kind.
    for _ in 0..2 {
        left.retain(|(target, value)| is_own(target) || target.put(record, value.clone()).is_err());
    }
    for (target, value) in left {
        target.below_extra().put_or_tell(record, value);
    }
}

/// Does the record of a rate say something of its own there?
fn is_own(target: &Target) -> bool {
    match target.field() {
        // The watcher of the group would hide that this is a sum.
        Field::WatcherName => true,
        Field::Extra => target.keys().first().is_none_or(|key| OWN_KEYS.contains(&key.as_str())),
        _ => false,
    }
}
