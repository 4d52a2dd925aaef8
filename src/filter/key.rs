//! Where the keys of hashes come from. This is the one file of the room that reads from outside, and
//! it does so only while steps are built, never while records go through them.

use std::{env, fmt, fs::File, io::Read as _, path::PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::{filter::Fault, record::redact::REDACTED};

/// Says where the key of a hash is.
///
/// A key never stands in the configuration itself. A file is taken as it is, but for one line end
/// after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeySource {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file.
    File(PathBuf),
}

/// The key of a hash. It is not shown, by `Debug` or otherwise.
///
/// ```
/// use mongowatch::filter::Secret;
///
/// let secret = Secret::new("sixteen bytes or more")?;
/// assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
/// assert!(Secret::new("too short").is_err());
/// # Ok::<(), mongowatch::filter::Fault>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl KeySource {
    /// Reads the key.
    ///
    /// # Errors
    ///
    /// When it is not there, or is not of the length that a [`Secret`] has.
    pub fn read(&self) -> Result<Secret, Fault> {
        let bytes = match self {
            Self::Env(name) => env::var_os(name)
                .ok_or_else(|| Fault::new(format!("the environment variable `{name}` is not set")))?
                .into_encoded_bytes(),
            Self::File(path) => {
                let failed = |error: std::io::Error| {
                    Fault::new(format!("could not read the key {}: {error}", path.display()))
                };
                let mut bytes = Vec::new();
                let length_max = Secret::LENGTH_MAX as u64 + 2;
                let file = File::open(path).map_err(failed)?;
                file.take(length_max + 1).read_to_end(&mut bytes).map_err(failed)?;
                let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                line.strip_suffix(b"\r").unwrap_or(line).to_vec()
            }
        };
        Secret::new(bytes).map_err(|fault| Fault::new(format!("{self}: {}", fault.message())))
    }
}

impl Secret {
    /// A shorter key can be guessed.
    pub const LENGTH_MIN: usize = 16;

    /// A longer key is none, but a wrong file.
    pub const LENGTH_MAX: usize = 4_096;

    /// A key of these bytes.
    ///
    /// # Errors
    ///
    /// When it has less than [`Secret::LENGTH_MIN`] bytes, or more than [`Secret::LENGTH_MAX`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Fault> {
        let bytes = bytes.into();
        match bytes.len() {
            Self::LENGTH_MIN..=Self::LENGTH_MAX => Ok(Self(bytes)),
            n_bytes => Err(Fault::new(format!(
                "expected a key of {} to {} bytes, found {n_bytes}",
                Self::LENGTH_MIN,
                Self::LENGTH_MAX
            ))),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({REDACTED})")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// The value of an environment variable, for `set` steps.
pub(super) fn variable(name: &str) -> Result<String, Fault> {
    match env::var(name) {
        Ok(value) => Ok(value),
        Err(env::VarError::NotPresent) => {
            Err(Fault::new(format!("the environment variable `{name}` is not set")))
        }
        Err(env::VarError::NotUnicode(_)) => {
            Err(Fault::new(format!("the environment variable `{name}` is no text")))
        }
    }
}
