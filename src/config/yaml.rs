//! Settings from YAML, and back.

#[cfg(feature = "cli")]
use std::env::VarError;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

#[cfg(feature = "cli")]
use super::snippet::snippet;
use super::{CONFIG_VARIABLE, Settings, fault::Fault, faults::read, tree::Place, write};
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
    /// expected and, for a slip of the pen, what may have been meant. Of several faults it tells the
    /// first, and how many more there are: `mongowatch config check` shows all.
    pub fn from_yaml_str(text: &str, name: &str) -> Result<Self> {
        let read = read(without_mark(text), &|name| std::env::var(name));
        read.map(|read| read.settings).map_err(|faults| first(faults, name))
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
        Self::from_yaml_str(&read_text_file(path)?, &path.display().to_string())
    }

    /// Writes all settings as YAML that [`Settings::from_yaml_str`] reads again.
    ///
    /// Keys that have no value, and none by default, are left out.
    ///
    /// # Errors
    ///
    /// When a path is not UTF-8: YAML cannot hold it.
    pub fn to_yaml_string(&self) -> Result<String> {
        write::to_string(self).map_err(|source| {
            Error::config("the settings cannot be written as YAML").with_source(source.to_string())
        })
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

/// The errors of a faulty file, each with the line that it is about; none if the file is right.
///
/// # Errors
///
/// When the file cannot be read.
#[cfg(feature = "cli")]
pub(crate) fn check_yaml_file(path: &Path) -> Result<Vec<(Error, String)>> {
    let (text, name) = (read_text_file(path)?, path.display().to_string());
    let faults = read(&text, &|name| std::env::var(name)).err().unwrap_or_default();
    let shown = |fault: Fault| {
        let snippet = fault.place().map_or_else(String::new, |place| snippet(&text, place));
        (fault.into_error(&name), snippet)
    };
    Ok(faults.into_iter().map(shown).collect())
}

/// The errors of a text that has no variables; none if it is right. Opens nothing.
#[cfg(feature = "cli")]
pub(crate) fn check_yaml_text(text: &str, name: &str) -> Vec<Error> {
    let faults = read(text, &|_| Err(VarError::NotPresent)).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.into_error(name)).collect()
}

/// What a file comes to, as YAML: with all defaults, and variables where values came from them.
///
/// # Errors
///
/// Those of [`Settings::from_yaml_file`].
#[cfg(feature = "cli")]
pub(crate) fn print_yaml_file(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    let read = read(&read_text_file(path)?, &|name| std::env::var(name));
    let read = read.map_err(|faults| first(faults, &name))?;
    write::to_string_with(&read.settings.resolved(), &read.root).map_err(|source| {
        Error::config("the settings cannot be written as YAML").with_source(source.to_string())
    })
}

/// The same of the file that `MONGOWATCH_CONFIG` names; the defaults, if there is none.
///
/// # Errors
///
/// Those of [`Settings::from_env`].
#[cfg(feature = "cli")]
pub(crate) fn print_yaml_env() -> Result<String> {
    match std::env::var_os(CONFIG_VARIABLE) {
        Some(path) => from_variable(path.into(), |path| print_yaml_file(&path)),
        None => Settings::default().resolved().to_yaml_string(),
    }
}

/// Uses the file that the variable names; errors begin with the variable.
pub(super) fn from_variable<T>(path: PathBuf, act: impl FnOnce(PathBuf) -> Result<T>) -> Result<T> {
    use std::error::Error as _;

    if path.as_os_str().is_empty() {
        let message = format!("{CONFIG_VARIABLE}: found nothing, expected the path of a file");
        return Err(Error::config(message));
    }
    act(path).map_err(|error| {
        let named = Error::config(format!("{CONFIG_VARIABLE}: {error}"));
        match error.source() {
            Some(source) => named.with_source(source.to_string()),
            None => named,
        }
    })
}

/// The mark is no part of the first line.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn first(faults: Vec<Fault>, name: &str) -> Error {
    let n_more = faults.len().saturating_sub(1);
    match faults.into_iter().next() {
        Some(fault) => fault.into_error_of(name, n_more),
        None => Error::config(format!("{name}: cannot be used")),
    }
}

/// Reads the text of a configuration file, without the mark before it.
///
/// # Errors
///
/// When the file cannot be read, is longer than 1 MiB or not UTF-8.
pub(crate) fn read_text_file(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    if path.is_dir() {
        return Err(Error::config(format!("{name}: found a directory, expected a file")));
    }
    let file = File::open(path).map_err(|source| unreadable(&name, source))?;
    read_text(file, &name)
}

/// Reads the text of a configuration, without the mark before it; errors name it `name`.
///
/// # Errors
///
/// When it cannot be read, is longer than 1 MiB or not UTF-8.
pub(crate) fn read_text(input: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let read = input.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| unreadable(name, source))?;
    if bytes.len() as u64 > BYTES_MAX {
        let message = format!("{name}: found more than 1 MiB, expected a configuration");
        return Err(Error::config(message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let n_valid = error.utf8_error().valid_up_to();
        not_utf8(&error.as_bytes()[..n_valid]).into_error(name)
    })?;
    Ok(without_mark(&text).to_owned())
}

fn unreadable(name: &str, source: io::Error) -> Error {
    Error::config(format!("{name}: cannot be read")).with_source(source)
}

/// The fault of a byte after these.
fn not_utf8(before: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(before);
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u64 + 1;
    Fault::new("found a byte that is not UTF-8, expected text in UTF-8")
        .at_place(Place { line, column })
}
