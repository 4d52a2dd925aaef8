//! YAML to a running watcher.
//!
//! The keys are the fields of [`Settings`] and of what it holds, under the same names; each has its
//! meaning and its default there, and `config/reference.yaml` shows all of them in one file. Keys
//! that are left out have their defaults: an empty file is a valid configuration.
//!
#![cfg_attr(feature = "yaml", doc = "```")]
#![cfg_attr(not(feature = "yaml"), doc = "```ignore")]
//! use mongowatch::{Capture, Settings, layer::LayerSettings};
//!
//! let yaml = "
//! capture: commands
//! queue:
//!   timeout: 15m
//! layers:
//! - csv:
//!     path: logs/audit.csv
//!     rotation: daily
//!     keep: 30
//! ";
//! let settings = Settings::from_yaml_str(yaml, "audit.yaml")?;
//! assert_eq!(settings.capture, Capture::Commands);
//! assert!(matches!(settings.layers[..], [LayerSettings::Csv(_)]));
//!
//! let error = Settings::from_yaml_str("capture: span", "audit.yaml").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "audit.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or \
//!      `operations`: did you mean `spans`?"
//! );
//! # Ok::<(), mongowatch::Error>(())
//! ```
//!
//! The way of a file: `tree` keeps the place of each key and value, `read` makes settings of it,
//! `check` looks at what the types do not say, and a `fault` becomes one line with file, line,
//! column and key. `mongowatch config check` goes the same way and opens nothing; `mongowatch config
//! print` shows what a file resolves to.
//!
//! Relative paths of layers are relative to the working directory of the process, not to the file
//! that names them. Values are taken as they stand: there are no variables (`${HOME}`), no `~`, and
//! no other files are included.

#[cfg(feature = "yaml")]
mod check;
#[cfg(feature = "yaml")]
mod fault;
#[cfg(feature = "yaml")]
mod read;
#[cfg(feature = "yaml")]
mod tree;
#[cfg(feature = "yaml")]
mod yaml;

use std::path::PathBuf;

pub use crate::pipeline::Settings;
use crate::{
    layer::{ConsoleSettings, LayerSettings},
    pipeline::Watcher,
    watch_error::{Error, Result},
};

/// The environment variable that names the YAML file of the process.
pub const CONFIG_VARIABLE: &str = "MONGOWATCH_CONFIG";

impl Settings {
    /// Reads the file that `MONGOWATCH_CONFIG` names; the defaults, if the variable is not set.
    ///
    /// # Errors
    ///
    /// When the variable is set (be it to nothing), and the file cannot be used. The message begins
    /// with the variable. Without the feature `yaml` no file can be.
    pub fn from_env() -> Result<Self> {
        match std::env::var_os(CONFIG_VARIABLE) {
            Some(path) => Self::from_variable(path.into()),
            None => Ok(Self::default()),
        }
    }

    /// What a watcher makes of the settings: without layers, it writes to the console.
    #[must_use]
    pub fn resolved(mut self) -> Self {
        if self.layers.is_empty() {
            self.layers.push(LayerSettings::Console(ConsoleSettings::default()));
        }
        self
    }

    #[cfg(feature = "yaml")]
    fn from_variable(path: PathBuf) -> Result<Self> {
        use std::error::Error as _;

        if path.as_os_str().is_empty() {
            let message = format!("{CONFIG_VARIABLE}: found nothing, expected the path of a file");
            return Err(Error::config(message));
        }
        Self::from_yaml_file(path).map_err(|error| {
            let named = Error::config(format!("{CONFIG_VARIABLE}: {error}"));
            match error.source() {
                Some(source) => named.with_source(source.to_string()),
                None => named,
            }
        })
    }

    #[cfg(not(feature = "yaml"))]
    fn from_variable(path: PathBuf) -> Result<Self> {
        Err(Error::config(format!(
            "{CONFIG_VARIABLE}: {} cannot be read: mongowatch was built without its feature `yaml`",
            path.display()
        )))
    }
}

impl Watcher {
    /// Starts a watcher with the settings of the file that `MONGOWATCH_CONFIG` names; with the
    /// defaults, if the variable is not set.
    ///
    /// ```
    /// let watcher = mongowatch::Watcher::from_env()?;
    /// assert!(watcher.stats().is_balanced());
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Settings::from_env`] and [`WatcherBuilder::start`](crate::WatcherBuilder::start).
    pub fn from_env() -> Result<Self> {
        let builder = Self::with_settings(Settings::from_env()?);
        match std::env::var_os(CONFIG_VARIABLE) {
            Some(path) => builder.reload_from(path, |path| Settings::from_variable(path.into())),
            None => builder,
        }
        .start()
    }
}
