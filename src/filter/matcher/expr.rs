//! The expressions of `$expr`.

use std::fmt;

use super::path::Source;

/// A compiled expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {}

/// Why an expression has no value for one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub(super) &'static str);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failure {}

impl Expr {
    pub(super) fn is_true(&self, _source: Source<'_>) -> Result<bool, Failure> {
        match *self {}
    }
}
