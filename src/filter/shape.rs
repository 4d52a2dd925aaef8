//! The step `shape`: says what shape a record's query has, beside the query or instead of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Draft, Fault, Filter, Verdict};
use crate::record::{Privacy, Shaper};

/// What a `shape` step does: `shape: {}`, or `shape: {replace: true}`.
///
/// ```
/// use std::sync::Arc;
///
/// use mongowatch::{
///     Field, Timestamp, Value, WatchMessage, WatcherName,
///     bson::doc,
///     filter::{Draft, Filter, ShapeSettings, Verdict},
/// };
///
/// let mut step = ShapeSettings { replace: true }.build()?;
/// let start = Timestamp::from_micros(0);
/// let mut record = WatchMessage::new(WatcherName::Cursor, "find", start);
/// record.set(Field::Filter, doc! { "year": 1999 }.into())?;
/// let mut draft = Draft::new(Arc::new(record), start);
/// assert_eq!(step.apply(&mut draft), Verdict::Pass);
/// assert_eq!(draft.record().get(Field::ShapeLabel), Value::Str("find year"));
/// assert_eq!(draft.record().get(Field::Filter), Value::Missing);
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShapeSettings {
    /// Does the shape stand instead of the query? Then Filter and Update go, and so do all values
    /// that the privacy mode `shape` takes: those of Options, ids, texts of errors. Default: false.
    pub replace: bool,
}

/// The step `shape`; made by [`ShapeSettings::build`].
#[derive(Debug)]
pub struct Shape {
    replace: bool,
    shaper: Shaper,
}

impl ShapeSettings {
    /// Makes the step.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn build(&self) -> Result<Shape, Fault> {
        Ok(Shape { replace: self.replace, shaper: Shaper::default() })
    }
}

impl Filter for Shape {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        if draft.record().shape.is_none()
            && let Some(shape) = self.shaper.shape(draft.record())
        {
            draft.to_mut().shape = Some(Arc::clone(&shape));
        }
        if self.replace {
            Privacy::Shape.apply(draft.to_mut(), &self.shaper);
        }
        Verdict::Pass
    }
}
