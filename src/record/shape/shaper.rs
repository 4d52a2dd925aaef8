//! Shapes that were seen before are found, not made again.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::{Shape, tree, walk};
use crate::record::WatchMessage;

/// Gives the shapes of records, and remembers those it has made.
///
/// It is shared by threads. The table is bounded: when it is full, shapes that were not asked for lately
/// go.
///
/// ```
/// use mongowatch::{Field, Shaper, Timestamp, WatchMessage, WatcherName, bson::doc};
///
/// let shaper = Shaper::new(1_000);
/// let start = Timestamp::from_micros(0);
/// let mut record = WatchMessage::new(WatcherName::Cursor, "find", start);
/// record.set(Field::Filter, doc! { "year": { "$lt": 2000 }, "active": true }.into())?;
/// let shape = shaper.shape(&record).unwrap();
/// assert_eq!(
///     shape.query.to_string(),
///     r#"{ "filter": { "$and": [{ "active": { "$eq": "?bool" } }, { "year": { "$lt": "?number" } }] } }"#,
/// );
/// assert_eq!(shape.label, "find active,year");
/// # Ok::<(), mongowatch::Error>(())
/// ```
pub struct Shaper {
    generations: RwLock<Generations>,
    /// So many shapes are in one generation.
    half: usize,
}

type Table = HashMap<Box<[u8]>, Arc<Shape>>;

/// What was asked for since the younger generation began, and what was asked for before.
#[derive(Default)]
struct Generations {
    young: Table,
    old: Table,
}

impl Shaper {
    /// So many shapes are remembered unless another number is said. Each takes up to some 30 KiB,
    /// usually 2.
    pub const CAPACITY: usize = 2_048;

    /// A shaper that remembers `capacity` shapes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { generations: RwLock::default(), half: capacity.div_ceil(2).max(1) }
    }

    /// The shape of a record's query; none if it has no query.
    #[must_use]
    pub fn shape(&self, record: &WatchMessage) -> Option<Arc<Shape>> {
        let bytes = walk::walk(record)?;
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = generations.young.get(&*bytes) {
            return Some(Arc::clone(shape));
        }
        let old = generations.old.get(&*bytes).cloned();
        drop(generations);
        let shape = old.unwrap_or_else(|| Arc::new(tree::finish(&bytes)));
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(bytes.into(), Arc::clone(&shape));
        Some(shape)
    }

    /// How many shapes are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Is none remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Shaper {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

impl fmt::Debug for Shaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shaper").field("len", &self.len()).finish_non_exhaustive()
    }
}
