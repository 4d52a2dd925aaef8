//! `hash`: values become keyed hashes, so that one can search for a value without storing it.

use hmac::{Hmac, KeyInit as _, Mac as _};
mod number;
#[cfg(test)]
mod tests;

use mongodb::bson::Bson;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    filter::{
        Draft, Fault, FieldPaths, Filter, KeySource, Part, Secret, Verdict,
        edit::{Change, Edit, Intent, Places, Under},
    },
    format::value,
    record::Value,
};

/// Says which values a `hash` step replaces by their hashes.
///
/// ```yaml
/// - hash: { fields: [Filter.email, Actor.ID], key: { env: AUDIT_KEY } }
/// ```
///
/// Keys and structure stay. Each value becomes a text such as
/// `hmac:v1:b4f9c3...` (32 hexadecimal digits): see [`ValueHasher`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HashSettings {
    /// What is hashed.
    pub fields: FieldPaths,
    /// Where the key is.
    pub key: KeySource,
    /// What of it stays as it is.
    #[serde(default, skip_serializing_if = "FieldPaths::is_none")]
    pub keep: FieldPaths,
    /// Whether the number of hashed values is added to the record's `Redacted`. Default: `false`.
    #[serde(default)]
    pub count: bool,
}

/// Replaces values by their hashes.
#[derive(Debug)]
pub struct Hash {
    places: Places,
    hasher: ValueHasher,
    count: bool,
}

impl HashSettings {
    /// Hashes what these paths name, with this key.
    #[must_use]
    pub fn new(fields: impl Into<FieldPaths>, key: KeySource) -> Self {
        Self { fields: fields.into(), key, keep: FieldPaths::default(), count: false }
    }

    /// Reads the key and makes the step.
    ///
    /// # Errors
    ///
    /// When the key cannot be read, or a field cannot be hashed.
    pub fn build(&self) -> Result<Hash, Fault> {
        self.build_with(KeySource::read)
    }

    /// Makes the step, with a key that `read` gives.
    ///
    /// # Errors
    ///
    /// Those of `read`, and when a field cannot be hashed.
    pub fn build_with(
        &self,
        read: impl FnOnce(&KeySource) -> Result<Secret, Fault>,
    ) -> Result<Hash, Fault> {
        let places = Places::new(&self.fields, &self.keep, Intent::Alter)?;
        let secret = read(&self.key).map_err(|fault| fault.within(Part::from("key")))?;
        Ok(Hash { places, hasher: ValueHasher::new(&secret), count: self.count })
    }
}

impl Filter for Hash {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        let mut edit = Hashing { hasher: &self.hasher, n_values: 0 };
        let n_failed = self.places.apply(draft, &mut edit);
        if self.count {
            count(draft, edit.n_values + n_failed);
        }
        Verdict::Pass
    }
}

/// Adds to the number of values that were replaced.
pub(super) fn count(draft: &mut Draft, n_values: u64) {
    if n_values > 0 {
        let redacted = &mut draft.to_mut().redacted;
        *redacted = Some(redacted.unwrap_or(0).saturating_add(n_values));
    }
}

struct Hashing<'a> {
    hasher: &'a ValueHasher,
    n_values: u64,
}

impl Edit for Hashing<'_> {
    fn n_values(&mut self) -> &mut u64 {
        &mut self.n_values
    }

    fn value(&mut self, _: Under, value: Value<'_>) -> Change {
        match value {
            Value::Document(_) | Value::Array(_) => Change::Enter,
            leaf => {
                self.n_values += 1;
                Change::Put(self.hasher.value(leaf).into())
            }
        }
    }

    fn below(&mut self, under: Under, _: &str, _: &Bson) -> Under {
        under
    }

    fn key(&mut self, _: &str) -> Option<String> {
        None
    }
}

/// Gives the keyed hash of a value: the same as a `hash` step with the same key.
///
/// The hash is HMAC-SHA-256 over `mongowatch hash v1`, a zero byte, a letter for the type, and the
/// value:
///
/// | values | letter | form |
/// | --- | --- | --- |
/// | texts and symbols | `s` | UTF-8 |
/// | int, long, double, decimal | `n` | sign, digits without zeros around them, `e`, exponent; `0`, `nan`, `inf`, `-inf` |
/// | booleans | `b` | one byte, 0 or 1 |
/// | null | `z` | nothing |
/// | ObjectIds | `o` | 12 bytes |
/// | dates | `d` | milliseconds since 1970, 8 bytes, the highest first |
/// | binary | `x` | one byte of subtype, and the bytes |
/// | all others | `j` | relaxed Extended JSON |
///
/// Numbers that are equal for MongoDB have the same hash, whatever their types. A double counts with
/// all of its digits, or, if it has more than the 34 of a Decimal128, with the fewest that tell it from
/// other doubles: so the double `0.1`, which is not quite a tenth, has the hash of the decimal `0.1`.
///
/// It is shown as `hmac:v1:` and the first 16 bytes in hexadecimal digits. The form of a version
/// does not change.
///
/// ```
/// use mongowatch::{bson::Bson, filter::{Secret, ValueHasher}};
///
/// let hasher = ValueHasher::new(&Secret::new("0123456789abcdef")?);
/// let hash = hasher.hash(&Bson::from("ada@example.com"));
/// assert_eq!(hash, "hmac:v1:ae6fd465536f721353e6719188c89e6d");
/// assert_eq!(hasher.hash(&Bson::Int32(5)), hasher.hash(&Bson::Double(5.0)));
/// assert_ne!(hasher.hash(&Bson::Int32(5)), hasher.hash(&Bson::from("5")));
/// # Ok::<(), mongowatch::filter::Fault>(())
/// ```
#[derive(Clone)]
pub struct ValueHasher {
    /// Has taken the key and the version.
    begun: Hmac<Sha256>,
}

impl ValueHasher {
    /// Hashes with this key.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let mut begun =
            Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes keys of any length");
        begun.update(b"mongowatch hash v1\0");
        Self { begun }
    }

    /// The hash of a value, as text.
    #[must_use]
    pub fn hash(&self, value: &Bson) -> String {
        self.value(super::edit::view(value))
    }

    /// The hash of a text.
    pub(super) fn text(&self, text: &str) -> String {
        self.tagged(b's', text.as_bytes())
    }

    pub(super) fn value(&self, value: Value<'_>) -> String {
        let bson = match value {
            Value::Str(text) => return self.text(text),
            Value::Bson(bson) => bson,
            other => return self.shown(other),
        };
        match bson {
            Bson::String(text) | Bson::Symbol(text) => self.text(text),
            Bson::Int32(int) => self.number(&number::of_int((*int).into())),
            Bson::Int64(int) => self.number(&number::of_int(*int)),
            Bson::Double(double) => self.number(&number::of_double(*double)),
            Bson::Decimal128(decimal) => self.number(&number::of_decimal(*decimal)),
            Bson::Boolean(boolean) => self.tagged(b'b', &[u8::from(*boolean)]),
            Bson::Null => self.tagged(b'z', &[]),
            Bson::ObjectId(id) => self.tagged(b'o', &id.bytes()),
            Bson::DateTime(date) => self.tagged(b'd', &date.timestamp_millis().to_be_bytes()),
            Bson::Binary(binary) => {
                let mut mac = self.begun.clone();
                mac.update(&[b'x', u8::from(binary.subtype)]);
                mac.update(&binary.bytes);
                show(mac)
            }
            _ => self.shown(value),
        }
    }

    fn shown(&self, value: Value<'_>) -> String {
        let mut text = Vec::new();
        value::write(value, &mut text);
        self.tagged(b'j', &text)
    }

    fn number(&self, form: &str) -> String {
        self.tagged(b'n', form.as_bytes())
    }

    fn tagged(&self, tag: u8, content: &[u8]) -> String {
        let mut mac = self.begun.clone();
        mac.update(&[tag]);
        mac.update(content);
        show(mac)
    }
}

impl std::fmt::Debug for ValueHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueHasher(<redacted>)")
    }
}

fn show(mac: Hmac<Sha256>) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digest = mac.finalize().into_bytes();
    let mut text = String::with_capacity(40);
    text.push_str("hmac:v1:");
    for byte in digest.iter().take(16) {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}
