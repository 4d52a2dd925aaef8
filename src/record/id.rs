//! The identity of an operation: a UUIDv7, ordered by time and unique across processes.

use std::{fmt, str::FromStr};

use uuid::{ContextV7, Timestamp as UuidTime, Uuid};

use crate::{
    record::Timestamp,
    watch_error::{Error, Result},
};

/// Names one logical operation; every version of its record carries the same id.
///
/// The text form is the hyphenated UUID ([RFC 9562], version 7): its first 48 bits are the
/// milliseconds since 1970, so ids sort by the start of their operations.
///
/// ```
/// use mongowatch::WatchId;
///
/// let id = WatchId::new();
/// assert_eq!(id.to_string().parse::<WatchId>()?, id);
/// assert_eq!(id.as_uuid().get_version_num(), 7);
/// # Ok::<(), mongowatch::Error>(())
/// ```
///
/// [RFC 9562]: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(Uuid);

impl WatchId {
    /// Makes a new id out of the present time and randomness.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each call gives another value")]
    pub fn new() -> Self {
        Self::at(Timestamp::now())
    }

    /// Makes a new id for an operation that started at `start`.
    ///
    /// Ids made on one thread in one millisecond still sort in the order in which they were made.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        thread_local! {
            // One context a thread: the shared context of `uuid` is a lock on the caller's path.
            static CONTEXT: ContextV7 = const { ContextV7::new() };
        }
        let micros = start.as_micros().max(0).unsigned_abs();
        let nanos = (micros % 1_000_000) as u32 * 1_000;
        CONTEXT.with(|context| {
            Self(Uuid::new_v7(UuidTime::from_unix(context, micros / 1_000_000, nanos)))
        })
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl From<Uuid> for WatchId {
    /// Takes any UUID: records of other tools need not have version 7.
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for WatchId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::try_parse(text).map(Self).map_err(|source| {
            Error::invalid(format!("WatchID: expected a UUID, found {text:?}")).with_source(source)
        })
    }
}

impl fmt::Display for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchId({})", self.0)
    }
}
