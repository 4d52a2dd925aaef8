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
//! The way of a file: `tree` keeps the place of each key and value, `variables` puts in what comes
//! from the environment, `read` makes settings of it, `check` looks at what the types do not say, and
//! a `fault` becomes one line with file, line, column and key. `mongowatch config check` goes the same
//! way, shows all faults of a file at once (`faults`) and opens nothing; `mongowatch config print`
//! shows what a file resolves to.
//!
//! In values, `${NAME}` is the environment variable of that name, and `${NAME:-default}` has a
//! default for one that is not set or empty; `$${` stands for `${` itself. A value is put in after the
//! file was read: it cannot add keys. Without quotes the result is what it looks like
//! (`capacity: ${CAPACITY:-1000}` is a number), in quotes it is a text. `mongowatch config print`
//! shows variables, not what came from the environment, and no message about what stands in the file
//! shows it; the names of layers, filters, files and variables that a watcher cannot use are told.
//!
//! Relative paths of layers are relative to the working directory of the process, not to the file
//! that names them. There is no `~`, and no other files are included.

#[cfg(feature = "yaml")]
mod check;
#[cfg(feature = "yaml")]
mod fault;
#[cfg(feature = "yaml")]
mod faults;
#[cfg(feature = "yaml")]
mod hidden;
#[cfg(feature = "yaml")]
mod letters;
#[cfg(feature = "yaml")]
mod read;
#[cfg(feature = "schema")]
mod schema;
#[cfg(all(feature = "yaml", feature = "cli"))]
mod snippet;
#[cfg(feature = "yaml")]
mod step;
#[cfg(all(test, feature = "yaml"))]
mod tests;
#[cfg(feature = "yaml")]
mod tree;
#[cfg(feature = "yaml")]
mod variables;
#[cfg(feature = "yaml")]
mod write;
#[cfg(feature = "yaml")]
mod yaml;

#[cfg(feature = "schema")]
pub use self::schema::json_schema;
#[cfg(all(feature = "yaml", feature = "cli"))]
pub(crate) use self::{
    check::is_one_file,
    fault::{Fault, quoted},
    tree::{Key, Kind, Node, Place},
    yaml::{
        check_yaml_file, check_yaml_text, print_yaml_env, print_yaml_file, read_text,
        read_text_file,
    },
};
pub use crate::pipeline::Settings;
#[cfg(feature = "cli")]
use crate::{filter::StepSettings, layer, record::Privacy};
use crate::{
    layer::{ConsoleSettings, LayerSettings},
    pipeline::Watcher,
    watch_error::Result,
};

/// The environment variable that names the YAML file of the process.
pub const CONFIG_VARIABLE: &str = "MONGOWATCH_CONFIG";

/// What becomes of a record on its route before it is written.
#[cfg(feature = "cli")]
pub(crate) struct RouteSettings {
    pub(crate) name: String,
    pub(crate) privacy: Option<Privacy>,
    pub(crate) steps: Vec<StepSettings>,
}

impl Settings {
    /// Reads the file that `MONGOWATCH_CONFIG` names; the defaults, if the variable is not set.
    ///
    /// # Errors
    ///
    /// When the variable is set (be it to nothing), and the file cannot be used. The message begins
    /// with the variable. Without the feature `yaml` no file can be.
    pub fn from_env() -> Result<Self> {
        match std::env::var_os(CONFIG_VARIABLE) {
            #[cfg(feature = "yaml")]
            Some(path) => yaml::from_variable(path.into(), Self::from_yaml_file),
            #[cfg(not(feature = "yaml"))]
            Some(path) => Err(crate::watch_error::Error::config(format!(
                "{CONFIG_VARIABLE}: {} cannot be read: mongowatch was built without its feature `yaml`",
                std::path::Path::new(&path).display()
            ))),
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

    /// What a watcher with these settings does on each route before it writes.
    #[cfg(feature = "cli")]
    pub(crate) fn routes(self) -> Result<Vec<RouteSettings>> {
        let layers = self.resolved().layers;
        let names = layer::names(&layers)?;
        let route = |(name, layer): (String, LayerSettings)| {
            let (privacy, steps) = (layer.privacy(), layer.steps().to_vec());
            RouteSettings { name, privacy, steps }
        };
        Ok(names.into_iter().zip(layers).map(route).collect())
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
            Some(path) => builder.reload_from(path, |_| Settings::from_env()),
            None => builder,
        }
        .start()
    }
}
