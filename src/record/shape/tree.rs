//! From the bytes of a walk to the finished shape: sorted, hashed, named.

use std::cmp::Ordering;

use mongodb::bson::{Bson, Document};
use sha2::{Digest, Sha256};

use super::{Shape, kind::Kind, label, walk::tag};

/// Begins what is hashed: another way to hash has another name here, and another prefix.
const VERSION: &str = "mongowatch shape v1";
const PREFIX: &str = "v1:";
const HASH_BYTES: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The shape of what these bytes tell.
pub(super) fn finish(bytes: &[u8]) -> Shape {
    let mut reader = Reader { bytes, at: 0 };
    let [db, collection, operation] = [(); 3].map(|()| match reader.node() {
        Bson::String(text) => Some(text),
        _ => None,
    });
    let query = reader.node();
    // What is not known stands as such: see `Walk::text`.
    let [db, collection] = [db, collection].map(|name| name.filter(|name| name != ANY));
    let operation = operation.unwrap_or_default();
    let mut canonical = Vec::with_capacity(1_024);
    canonical.extend_from_slice(VERSION.as_bytes());
    for name in [db.as_deref(), collection.as_deref(), Some(command_of(&operation))] {
        canonical.push(u8::from(name.is_some()));
        text(&mut canonical, name.unwrap_or_default());
    }
    write(&mut canonical, &query);
    let digest = Sha256::digest(&canonical);
    let mut hash = String::with_capacity(PREFIX.len() + 2 * HASH_BYTES);
    hash.push_str(PREFIX);
    for byte in digest.iter().take(HASH_BYTES) {
        hash.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hash.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    let label = label::label(&operation, db.as_deref(), collection.as_deref(), &query);
    Shape { query, hash, label }
}

/// What [`Kind::ANY`] is as a text.
const ANY: &str = "?any";

/// The server's command behind an operation: those of the mirrored calls and of raw commands group.
fn command_of(operation: &str) -> &str {
    match operation {
        "find" | "find_one" => "find",
        "count" | "count_documents" => "count",
        "insert" | "insert_one" | "insert_many" => "insert",
        "update" | "update_one" | "update_many" | "replace_one" => "update",
        "delete" | "delete_one" | "delete_many" => "delete",
        "find_one_and_delete"
        | "find_one_and_update"
        | "find_one_and_replace"
        | "find_and_modify" => "findAndModify",
        "aggregate" | "watch" => "aggregate",
        "bulk_write" => "bulkWrite",
        "run_command" | "run_cursor_command" => "command",
        _ => operation,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The bytes are those of a walk, which are whole; what is not there is an end.
    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(tag::END);
        self.at += 1;
        byte
    }

    fn is_end(&mut self) -> bool {
        let is_end = self.bytes.get(self.at).is_none_or(|byte| *byte == tag::END);
        self.at += usize::from(is_end);
        is_end
    }

    fn text(&mut self) -> String {
        let len = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        let text = self.bytes.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        // A text that is cut may end within a letter.
        match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(text).into_owned(),
        }
    }

    fn node(&mut self) -> Bson {
        match self.byte() {
            tag::DOCUMENT => Bson::Document(self.document()),
            tag::FIELDS => Bson::Document(sorted(self.document())),
            tag::COMMAND => {
                let mut entries = self.document().into_iter();
                let name = entries.next();
                Bson::Document(name.into_iter().chain(sorted(entries.collect())).collect())
            }
            tag::ARRAY => Bson::Array(self.list()),
            tag::SET => Bson::Array(set(self.list())),
            tag::ALL => Bson::Document(self.all()),
            tag::VALUE => Kind::from_byte(self.byte()).to_bson(),
            tag::TEXT => Bson::String(self.text()),
            tag::INT => Bson::Int32(i32::from(i8::from_le_bytes([self.byte()]))),
            tag::TRUE => Bson::Boolean(true),
            _ => Bson::Boolean(false),
        }
    }

    fn document(&mut self) -> Document {
        let mut document = Document::new();
        while !self.is_end() {
            // The tag of the key.
            self.byte();
            let key = self.text();
            let value = self.node();
            insert_merged(&mut document, key, value);
        }
        document
    }

    fn list(&mut self) -> Vec<Bson> {
        let mut items = Vec::new();
        while !self.is_end() {
            items.push(self.node());
        }
        items
    }

    fn all(&mut self) -> Document {
        let mut conditions = Vec::new();
        while !self.is_end() {
            match self.node() {
                Bson::Document(condition) if condition.is_empty() => {}
                // Conditions have one key.
                Bson::Document(mut inner) if first_is(&inner, "$and") => {
                    if let Some(Bson::Array(items)) = inner.remove("$and") {
                        conditions.extend(items);
                    }
                }
                condition => conditions.push(condition),
            }
        }
        let mut conditions = set(conditions);
        match conditions.len() {
            0 => Document::new(),
            1 if matches!(conditions[0], Bson::Document(_)) => match conditions.pop() {
                Some(Bson::Document(condition)) => condition,
                _ => Document::new(),
            },
            _ => Document::from_iter([("$and".to_owned(), Bson::Array(conditions))]),
        }
    }
}

/// Inserts what a key says. Of keys that are the same once they are guarded, the values are one if they
/// are equal, and of any type else.
pub(in crate::record) fn insert_merged(document: &mut Document, key: String, value: Bson) {
    // Most documents of a shape have one key.
    let before = if document.is_empty() { None } else { document.get(&key) };
    let value = match before {
        Some(before) if *before != value => Kind::ANY.to_bson(),
        _ => value,
    };
    document.insert(key, value);
}

fn first_is(document: &Document, name: &str) -> bool {
    document.keys().next().is_some_and(|key| key == name)
}

fn sorted(document: Document) -> Document {
    if document.keys().is_sorted() {
        return document;
    }
    let mut entries: Vec<_> = document.into_iter().collect();
    entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    entries.into_iter().collect()
}

fn set(mut items: Vec<Bson>) -> Vec<Bson> {
    items.sort_unstable_by(order);
    items.dedup();
    items
}

/// An order of shapes, the same everywhere.
fn order(left: &Bson, right: &Bson) -> Ordering {
    let rank = |value: &Bson| match value {
        Bson::Document(_) => 0,
        Bson::Array(_) => 1,
        Bson::String(_) => 2,
        Bson::Int32(_) => 3,
        _ => 4,
    };
    match (left, right) {
        (Bson::Document(left), Bson::Document(right)) => {
            for ((left, a), (right, b)) in left.iter().zip(right) {
                let ordering = left.cmp(right).then_with(|| order(a, b));
                if ordering != Ordering::Equal {
                    return ordering;
                }
            }
            left.len().cmp(&right.len())
        }
        (Bson::Array(left), Bson::Array(right)) => {
            let mut pairs = left.iter().zip(right).map(|(a, b)| order(a, b));
            let differing = pairs.find(|ordering| *ordering != Ordering::Equal);
            differing.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Bson::String(left), Bson::String(right)) => left.cmp(right),
        (Bson::Int32(left), Bson::Int32(right)) => left.cmp(right),
        (Bson::Boolean(left), Bson::Boolean(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Writes a shape for the hash: each value begins with its type and its length.
fn write(out: &mut Vec<u8>, value: &Bson) {
    match value {
        Bson::Document(document) => {
            out.push(b'd');
            length(out, document.len());
            for (key, value) in document {
                text(out, key);
                write(out, value);
            }
        }
        Bson::Array(items) => {
            out.push(b'a');
            length(out, items.len());
            items.iter().for_each(|item| write(out, item));
        }
        Bson::String(value) => {
            out.push(b's');
            text(out, value);
        }
        Bson::Int32(number) => {
            out.push(b'i');
            out.extend_from_slice(&number.to_le_bytes());
        }
        Bson::Boolean(flag) => out.extend_from_slice(&[b'b', u8::from(*flag)]),
        // There are no others in a shape.
        _ => out.push(b'?'),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}
