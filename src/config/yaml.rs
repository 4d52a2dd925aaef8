//! Settings from YAML, and back.

use std::{fs::File, io::Read, path::Path};

use serde::Deserialize;

use super::{
    Settings,
    check::check,
    fault::Fault,
    tree::{Node, Place},
};
use crate::{
    pipeline::{Watcher, WatcherBuilder},
    watch_error::{Error, Result},
};

/// No configuration is longer: what is, was named by mistake.
const BYTES_MAX: u64 = 1 << 20;

impl Settings {
    /// Reads settings from YAML; errors name the text `name`, as if it were a file.
    ///
    /// An empty text gives the defaults. See [`config`](crate::config) for the keys.
    ///
    /// ```
    /// use mongowatch::Settings;
    ///
    /// assert_eq!(Settings::from_yaml_str("", "audit.yaml")?, Settings::default());
    ///
    /// let error = Settings::from_yaml_str("queue:\n  capacity: 0", "audit.yaml").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "audit.yaml:2:13: queue.capacity: found `0`, expected at least 1"
    /// );
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is not YAML, when a key or a value is not one of ours, and when settings do not fit
    /// together. The message is one line: name, line, column, key, what was found, what was
    /// expected and, for a slip of the pen, what may have been meant.
    pub fn from_yaml_str(text: &str, name: &str) -> Result<Self> {
        // The mark is no part of the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        read(text).map_err(|fault| fault.into_error(name))
    }

    /// Reads settings from a YAML file.
    ///
    /// Relative paths in it are relative to the working directory.
    ///
    /// # Errors
    ///
    /// When the file cannot be read (the cause is the error's source) or is longer than 1 MiB, and
    /// those of [`Settings::from_yaml_str`].
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = bytes(path, &name)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::from_yaml_str(text, &name),
            Err(error) => Err(not_utf8(&bytes[..error.valid_up_to()]).into_error(&name)),
        }
    }

    /// Writes all settings as YAML that [`Settings::from_yaml_str`] reads again.
    ///
    /// Keys that have no value, and none by default, are left out.
    ///
    /// # Errors
    ///
    /// When a path is not UTF-8: YAML cannot hold it.
    pub fn to_yaml_string(&self) -> Result<String> {
        // Templates stay in one line, as they will be in the output.
        let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
        let mut yaml = serde_saphyr::to_string_with_options(self, options).map_err(|source| {
            Error::config("the settings cannot be written as YAML").with_source(source.to_string())
        })?;
        if !yaml.ends_with('\n') {
            yaml.push('\n');
        }
        Ok(yaml)
    }
}

impl Watcher {
    /// Starts a watcher with the settings of a YAML file.
    ///
    /// ```
    /// use mongowatch::Watcher;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("mongowatch.yaml");
    /// # let csv = directory.path().join("audit.csv");
    /// # std::fs::write(&path, format!("layers:\n- csv: {{path: {csv:?}}}\n"))?;
    /// let watcher = Watcher::from_yaml_file(&path)?;
    /// assert!(watcher.stats().is_balanced());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Settings::from_yaml_file`] and
    /// [`WatcherBuilder::start`](crate::WatcherBuilder::start).
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<Self> {
        WatcherBuilder::from_yaml_file(path)?.start()
    }
}

impl WatcherBuilder {
    /// Starts to build a watcher with the settings of a YAML file, to say more in code: layers of the
    /// application, filters that the file names.
    ///
    /// If the file asks for it, it is read again: [`WatcherBuilder::reload_from`].
    ///
    /// # Errors
    ///
    /// Those of [`Settings::from_yaml_file`].
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let settings = Settings::from_yaml_file(path)?;
        Ok(Watcher::with_settings(settings)
            .reload_from(path, |path| Settings::from_yaml_file(path)))
    }
}

fn read(text: &str) -> Result<Settings, Fault> {
    let root = Node::parse(text)?;
    let settings = Settings::deserialize(&root)?;
    check(&settings, &root)?;
    Ok(settings)
}

fn bytes(path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.is_dir() {
        return Err(Error::config(format!("{name}: found a directory, expected a file")));
    }
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| Error::config(format!("{name}: cannot be read")).with_source(source))?;
    if bytes.len() as u64 > BYTES_MAX {
        let message = format!("{name}: found more than 1 MiB, expected a configuration");
        return Err(Error::config(message));
    }
    Ok(bytes)
}

/// The fault of a byte after these.
fn not_utf8(before: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(before);
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u64 + 1;
    Fault::new("found a byte that is not UTF-8, expected text in UTF-8")
        .at_place(Place { line, column })
}
