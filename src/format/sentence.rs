//! A record as a short sentence: `find shop.orders ok`.

use std::fmt;

use crate::record::WatchMessage;

/// Displays what was done, where, and how it ended (or, while that is not known, the phase).
///
/// Names are escaped: they come from outside.
pub(crate) struct Sentence<'a>(pub(crate) &'a WatchMessage);

impl Sentence<'_> {
    /// The word for how the operation ended or how far it is.
    pub(super) fn end(&self) -> &'static str {
        self.0.outcome.map_or(self.0.phase.as_str(), |outcome| outcome.as_str())
    }

    /// Appends operation and namespace.
    pub(super) fn start(&self, out: &mut Vec<u8>) {
        super::text::escape(&self.0.operation, out);
        let parts = [self.0.db.as_deref(), self.0.collection.as_deref()];
        for (name, separator) in parts.into_iter().flatten().zip([b' ', b'.']) {
            out.push(separator);
            super::text::escape(name, out);
        }
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = Vec::with_capacity(64);
        self.start(&mut start);
        f.write_str(&String::from_utf8_lossy(&start))?;
        f.write_str(" ")?;
        f.write_str(self.end())
    }
}
