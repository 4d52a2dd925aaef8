//! Where the draft lies while a script runs, with what the run has used up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mongodb::bson::{Bson, Document};

use super::failure::{Failed, refuse, too_much};
use crate::{
    filter::{Draft, Filter, edit::DEPTH_MAX},
    record::Field,
};

/// The place where the draft lies: all handles of a step share it.
#[derive(Clone)]
pub(super) struct Desk(Arc<Mutex<Work>>);

/// The draft, and the limits of what is done to it.
pub(super) struct Work {
    pub(super) draft: Draft,
    /// Beside Rhai's own operations: what our functions have done, in the like of them.
    n_operations: u64,
    n_operations_max: u64,
    /// How much was written into the record, in bytes.
    n_written: usize,
    /// Steps that the script asks for, made once.
    pub(super) steps: HashMap<String, Asked>,
}

/// A step that a script asks for.
pub(super) struct Asked {
    pub(super) step: Box<dyn Filter>,
    /// The fields that it looks at.
    pub(super) fields: Vec<Field>,
}

/// How large a value is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) bytes: usize,
    /// How deep it is nested.
    pub(super) depth: usize,
}

impl Desk {
    pub(super) fn new(blank: Draft, n_operations_max: u64) -> Self {
        Self(Arc::new(Mutex::new(Work {
            draft: blank,
            n_operations: 0,
            n_operations_max,
            n_written: 0,
            steps: HashMap::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Work> {
        // A panic loses the record that was at hand; the next one is put there as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exchanges the draft on the desk for another one; a new run begins.
    pub(super) fn exchange(&self, draft: &mut Draft) {
        let mut work = self.lock();
        std::mem::swap(&mut work.draft, draft);
        (work.n_operations, work.n_written) = (0, 0);
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Work {
    /// A run writes at most so much: the longest document of a server.
    const WRITTEN_MAX: usize = 16 << 20;

    /// Texts and parts of documents are worked through at about this rate.
    const BYTES_AN_OPERATION: usize = 512;

    /// Counts work that Rhai does not see.
    pub(super) fn charge(&mut self, n_operations: usize) -> Result<(), Failed> {
        self.n_operations = self.n_operations.saturating_add(n_operations as u64);
        if self.n_operations > self.n_operations_max { Err(too_much()) } else { Ok(()) }
    }

    /// Counts work on so many bytes.
    pub(super) fn charge_bytes(&mut self, n_bytes: usize) -> Result<(), Failed> {
        self.charge(n_bytes / Self::BYTES_AN_OPERATION)
    }

    /// Counts what is to be written, `depth` levels below the record.
    pub(super) fn charge_write(&mut self, size: Size, depth: usize) -> Result<(), Failed> {
        if size.depth + depth > DEPTH_MAX {
            return Err(refuse(format!("values are nested by at most {DEPTH_MAX} levels")));
        }
        self.n_written = self.n_written.saturating_add(size.bytes);
        if self.n_written > Self::WRITTEN_MAX {
            return Err(refuse("a script writes at most 16 MiB into a record"));
        }
        self.charge_bytes(size.bytes)
    }
}

impl Size {
    /// The size of a value; what lies deeper than a record may be is not looked at.
    pub(super) fn of(value: &Bson) -> Self {
        Self::at(value, 0)
    }

    pub(super) fn of_document(document: &Document) -> Self {
        Self::sum(document.iter().map(|(key, value)| (key.len(), value)), 0)
    }

    pub(super) fn of_items(items: &[Bson]) -> Self {
        Self::sum(items.iter().map(|item| (0, item)), 0)
    }

    fn at(value: &Bson, depth: usize) -> Self {
        match value {
            _ if depth > DEPTH_MAX => Self::default(),
            Bson::Document(document) => {
                Self::sum(document.iter().map(|(key, value)| (key.len(), value)), depth)
            }
            Bson::Array(items) => Self::sum(items.iter().map(|item| (0, item)), depth),
            Bson::JavaScriptCodeWithScope(code) => {
                let scope = code.scope.iter().map(|(key, value)| (key.len(), value));
                let scope = Self::sum(scope, depth);
                Self { bytes: scope.bytes.saturating_add(code.code.len()), ..scope }
            }
            leaf => Self { bytes: 16 + leaf_bytes(leaf), depth: 0 },
        }
    }

    fn sum<'a>(values: impl Iterator<Item = (usize, &'a Bson)>, depth: usize) -> Self {
        let mut all = Self { bytes: 16, depth: 1 };
        for (key, value) in values {
            let size = Self::at(value, depth + 1);
            all.bytes = all.bytes.saturating_add(size.bytes + key);
            all.depth = all.depth.max(size.depth + 1);
        }
        all
    }
}

fn leaf_bytes(leaf: &Bson) -> usize {
    match leaf {
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => text.len(),
        Bson::Binary(binary) => binary.bytes.len(),
        Bson::RegularExpression(regex) => {
            regex.pattern.as_str().len() + regex.options.as_str().len()
        }
        _ => 0,
    }
}
