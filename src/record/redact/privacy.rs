//! The policy that each version of a record passes before anybody else sees it.

use std::{fmt, sync::Arc};

use mongodb::bson::Bson;
use serde::{Deserialize, Serialize};

use super::{REDACTED, credentials, mask};
use crate::record::{Shaper, WatchMessage, shape::Kind};

/// Says how much of the application's data is in records.
///
/// What the application says of an operation in its [`Context`](crate::Context) is said for the audit,
/// and stays in each mode; and so do the names of databases, collections and fields. Credentials, and
/// documents that are inserted, are in none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Privacy {
    /// Filters, updates, options and texts of errors as they are.
    #[default]
    Full,
    /// Keys and types of filters, updates and options; no values, and no texts of errors. The fields
    /// `QueryShape`, `ShapeHash` and `ShapeLabel` are filled.
    Masked,
    /// The same without filters and updates: the shape tells what there is to know.
    Shape,
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Masked => "masked",
            Self::Shape => "shape",
        })
    }
}

impl Privacy {
    /// Takes out of a record what the policy does not let through.
    ///
    /// It may be applied again, and a stricter one after a milder one: what is masked stays as it is.
    /// The shape is that of the first time, when the query was known in full.
    ///
    /// ```
    /// use mongowatch::{Field, Privacy, Shaper, Timestamp, Value, WatchMessage, WatcherName, bson::doc};
    ///
    /// let start = Timestamp::from_micros(0);
    /// let mut record = WatchMessage::new(WatcherName::Cursor, "find", start);
    /// record.set(Field::Filter, doc! { "email": "alice@example.com" }.into())?;
    /// Privacy::Masked.apply(&mut record, &Shaper::default());
    /// assert_eq!(record.get(Field::Filter), Value::Bson(&doc! { "email": "?string" }.into()));
    /// assert_eq!(record.get(Field::ShapeLabel), Value::Str("find email"));
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    pub fn apply(self, record: &mut WatchMessage, shaper: &Shaper) {
        credentials::remove(record);
        if self == Self::Full {
            return;
        }
        if record.shape.is_none() {
            record.shape = shaper.shape(record);
        }
        match self {
            Self::Masked => {
                record.filter = record.filter.take().map(|filter| Arc::new(mask::values(&filter)));
                record.update = record.update.take().map(|update| Arc::new(mask::values(&update)));
            }
            // A policy that is not known here is the strictest.
            _ => (record.filter, record.update) = (None, None),
        }
        record.options = record.options.take().map(|options| Arc::new(mask::options(&options)));
        record.inserted_ids = record.inserted_ids.take().map(|ids| {
            let types: Vec<Bson> = ids.iter().map(|id| Kind::of(id).to_bson()).collect();
            Arc::new(types)
        });
        record.resume_token = None;
        if let Some(error) = &mut record.error
            && error.message.as_deref().is_some_and(|message| message != REDACTED)
        {
            Arc::make_mut(error).message = Some(REDACTED.to_owned());
        }
    }
}
