//! The version of a record: 0, 1, 2, ... and then `final` or `final(n)`.

use std::{fmt, str::FromStr};

use crate::watch_error::{Error, Result};

/// Says which version of its record this is. A higher one replaces a lower one, and a final one
/// replaces every number.
///
/// ```
/// use mongowatch::Iteration;
///
/// assert!(Iteration::Update(7) < Iteration::Final(None));
/// assert!(Iteration::Final(Some(1)) < Iteration::Final(Some(2)));
/// assert_eq!("final(2)".parse::<Iteration>()?, Iteration::Final(Some(2)));
/// assert_eq!(Iteration::Update(0).to_string(), "0");
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Iteration {
    /// A version of an operation that is still running, counted from 0.
    Update(u64),
    /// The last version, and how many versions came before it, if that is known.
    Final(Option<u64>),
}

impl Iteration {
    /// Is nothing more to come?
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Final(_))
    }
}

impl fmt::Display for Iteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update(n) => n.fmt(f),
            Self::Final(None) => f.write_str("final"),
            Self::Final(Some(n)) => write!(f, "final({n})"),
        }
    }
}

impl FromStr for Iteration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.strip_prefix("final") {
            Some("") => Some(Self::Final(None)),
            Some(rest) => rest
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(number)
                .map(|n| Self::Final(Some(n))),
            None => number(text).map(Self::Update),
        };
        parsed.ok_or_else(|| {
            Error::invalid(format!(
                "Iteration: expected a number, `final` or `final(n)`, found {text:?}"
            ))
        })
    }
}

/// Digits only: `u64::from_str` would take a leading `+` too.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
