//! What of the driver is left out, and why: all that the comparison does not find out by itself.

use crate::compare::{Exception, Of};

pub(crate) const EXCEPTIONS: &[Exception] = &[Exception {
    of: Of::Feature("in-use-encryption"),
    reason: "needs the system library libmongocrypt; reached by the feature of `mongodb` itself",
}];
