//! When the record of a cursor or a change stream comes out anew.

use std::sync::Arc;

use super::{operation::Operation, wire::Wire};
use crate::pipeline::CursorUpdates;

/// When an update comes out.
pub(super) enum Updates {
    /// With each document.
    Document,
    /// When there are more batches than the last time; `has_waited` as in the next.
    Batch { wire: Arc<Wire>, n_seen: u64, has_waited: bool },
    /// The driver's traffic is not seen: when the application has waited for the driver since the last
    /// step. A batch that is there at the first poll is not noticed.
    Wait { has_waited: bool },
}

impl Updates {
    pub(super) fn of(operation: &Operation) -> Self {
        match (operation.cursor_updates(), operation.wire()) {
            (CursorUpdates::EveryDocument, _) => Self::Document,
            (CursorUpdates::EveryBatch, Some(wire)) => Self::every_batch(wire),
            (CursorUpdates::EveryBatch, None) => Self::Wait { has_waited: false },
        }
    }

    /// With each batch of this operation, but for those that have come already.
    pub(super) fn every_batch(wire: Arc<Wire>) -> Self {
        let n_seen = wire.n_batches();
        Self::Batch { wire, n_seen, has_waited: false }
    }

    pub(super) const fn wait(&mut self) {
        match self {
            Self::Batch { has_waited, .. } | Self::Wait { has_waited } => {
                *has_waited = true;
            }
            Self::Document => {}
        }
    }

    /// Is what has just come worth an update?
    pub(super) fn is_due(&self) -> bool {
        match self {
            Self::Document => true,
            // One load for each document; the lock of the wire is not taken.
            Self::Batch { wire, n_seen, has_waited } => match wire.n_batches() {
                // The doors have not noticed one yet, and so may miss the next ones too.
                0 => *has_waited,
                n_batches => n_batches > *n_seen,
            },
            Self::Wait { has_waited } => *has_waited,
        }
    }

    /// The step is made.
    pub(super) fn begin_anew(&mut self) {
        match self {
            Self::Batch { wire, n_seen, has_waited } => {
                (*n_seen, *has_waited) = (wire.n_batches(), false);
            }
            Self::Wait { has_waited } => *has_waited = false,
            Self::Document => {}
        }
    }
}
