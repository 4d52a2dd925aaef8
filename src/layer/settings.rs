//! What may be said of a layer in the configuration and in `Watcher::builder()`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    filter::StepSettings,
    format::Template,
    layer::{Columns, FileSize, Levels, Shown},
    record::Privacy,
    watch_error::{Error, Result},
};

/// Names a place where released records go.
///
/// In YAML a map with one key, such as `csv: {path: audit.csv}`. Every kind knows `name`, the name
/// of the route in the books and in warnings (default: the kind, with a number from the second on),
/// `levels`, `versions`, `privacy` and `steps`.
///
/// A relative `path` is relative to the working directory of the process.
///
/// ```
/// use mongowatch::layer::{CsvSettings, LayerSettings, Rotation};
///
/// let mut csv = CsvSettings::new("logs/audit.csv");
/// csv.rotation = Rotation::Daily;
/// csv.keep = Some(30);
/// let layer = LayerSettings::Csv(csv);
/// assert_eq!(layer.kind(), "csv");
/// layer.check()?;
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum LayerSettings {
    /// Lines for people, on a standard stream.
    Console(ConsoleSettings),
    /// Lines of text in a file.
    File(FileSettings),
    /// Rows in a CSV file.
    Csv(CsvSettings),
    /// JSON objects, one a line, in a file or on a standard stream.
    Json(JsonSettings),
    /// Events for the subscriber that the application has set.
    Application(ApplicationSettings),
}

/// Lines for people, on a standard stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ConsoleSettings {
    /// The name of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The level by phase; the watcher's if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Which versions of a record come here.
    pub versions: Versions,
    /// What of the application's data comes here, if that is less than the watcher lets through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// Which stream.
    pub stream: Stream,
    /// Whether lines are coloured.
    pub color: Color,
    /// The line.
    pub template: LineTemplate,
    /// The fields of `{watch}` and `{rest}`; the watcher's if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Shown>,
    /// What a record goes through on its way here, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSettings>,
}

/// Lines of text in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FileSettings {
    /// The name of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The level by phase; the watcher's if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Which versions of a record come here.
    #[serde(default)]
    pub versions: Versions,
    /// What of the application's data comes here, if that is less than the watcher lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// The file; missing directories are made.
    pub path: PathBuf,
    /// When a new file is begun.
    #[serde(default)]
    pub rotation: Rotation,
    /// How many files are kept, with the one in use; all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub keep: Option<usize>,
    /// The line.
    #[serde(default)]
    pub template: LineTemplate,
    /// The fields of `{watch}` and `{rest}`; the watcher's if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Shown>,
    /// What a record goes through on its way here, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSettings>,
}

/// Rows in a CSV file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CsvSettings {
    /// The name of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The level by phase; the watcher's if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Which versions of a record come here.
    #[serde(default)]
    pub versions: Versions,
    /// What of the application's data comes here, if that is less than the watcher lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// The file; missing directories are made.
    pub path: PathBuf,
    /// When a new file is begun.
    #[serde(default)]
    pub rotation: Rotation,
    /// How many files are kept, with the one in use; all if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub keep: Option<usize>,
    /// The columns: `default`, `all`, or a list of fields.
    #[serde(default)]
    pub columns: Columns,
    /// Whether a new file begins with the names of the columns.
    #[serde(default)]
    pub header: Header,
    /// What a record goes through on its way here, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSettings>,
}

/// JSON objects, one a line, in a file or on a standard stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct JsonSettings {
    /// The name of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The level by phase; the watcher's if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Which versions of a record come here.
    pub versions: Versions,
    /// What of the application's data comes here, if that is less than the watcher lets through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// The file; missing directories are made. Either this or `stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The standard stream. Either this or `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// When a new file is begun.
    pub rotation: Rotation,
    /// How many files are kept, with the one in use; all if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub keep: Option<usize>,
    /// What a record goes through on its way here, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSettings>,
}

/// Events for the subscriber that the application has set.
///
/// That is the one that is the default where the watcher is started; if there is none yet, the
/// global default of the moment, so that it may be set later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ApplicationSettings {
    /// The name of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The level by phase; the watcher's if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Which versions of a record come here.
    pub versions: Versions,
    /// What of the application's data comes here, if that is less than the watcher lets through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// What a record goes through on its way here, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSettings>,
}

/// Says which versions of a record a layer sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Versions {
    /// Those that the queue releases: the newest one, when it is final or has expired.
    #[default]
    Released,
    /// Every version, as soon as it comes; the levels of the phases decide which are shown.
    All,
}

/// Names a standard stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    #[default]
    Stderr,
}

/// Says when lines are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Color {
    /// When the stream is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Says when a new file is begun: `never`, `daily`, `{size: 100MB}`...
///
/// By time, the name of the file carries the date in UTC: `audit.2024-05-01.csv`. By size, the file
/// in use keeps its name and older ones are numbered: `audit.csv.1` is the last but one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Rotation {
    /// One file for ever.
    #[default]
    Never,
    /// A file a minute.
    Minutely,
    /// A file an hour.
    Hourly,
    /// A file a day.
    Daily,
    /// A file a week, from Sunday.
    Weekly,
    /// A new file before this one grows beyond the size.
    Size(FileSize),
}

/// Says whether a new CSV file begins with the names of its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Header {
    /// It does, after a rotation too.
    #[default]
    EveryFile,
    /// It does not.
    None,
}

impl From<bool> for Header {
    fn from(wanted: bool) -> Self {
        if wanted { Self::EveryFile } else { Self::None }
    }
}

impl From<Header> for bool {
    fn from(header: Header) -> Self {
        header == Header::EveryFile
    }
}

/// The [`Template`] of a line; by default `{StartTime} {message} {rest}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineTemplate(pub Template);

impl Default for LineTemplate {
    fn default() -> Self {
        Self("{StartTime} {message} {rest}".parse().expect("the default template is valid"))
    }
}

impl FileSettings {
    /// Lines of the default form in this file, which is never rotated.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            name: None,
            levels: None,
            versions: Versions::default(),
            privacy: None,
            path: path.into(),
            rotation: Rotation::default(),
            keep: None,
            template: LineTemplate::default(),
            fields: None,
            steps: Vec::new(),
        }
    }
}

impl CsvSettings {
    /// Rows of the default columns in this file, which is never rotated.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            name: None,
            levels: None,
            versions: Versions::default(),
            privacy: None,
            path: path.into(),
            rotation: Rotation::default(),
            keep: None,
            columns: Columns::default(),
            header: Header::default(),
            steps: Vec::new(),
        }
    }
}

impl JsonSettings {
    /// JSON lines in this file, which is never rotated.
    #[must_use]
    pub fn to_file(path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// JSON lines on a standard stream.
    #[must_use]
    pub fn to_stream(stream: Stream) -> Self {
        Self { stream: Some(stream), ..Self::default() }
    }
}

impl LayerSettings {
    /// The kind of the layer, as it stands in YAML.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Console(_) => "console",
            Self::File(_) => "file",
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Application(_) => "application",
        }
    }

    /// The name of the route, if one was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Console(settings) => settings.name.as_deref(),
            Self::File(settings) => settings.name.as_deref(),
            Self::Csv(settings) => settings.name.as_deref(),
            Self::Json(settings) => settings.name.as_deref(),
            Self::Application(settings) => settings.name.as_deref(),
        }
    }

    /// The names of the routes of layers: a layer's own, or its kind, from the second on with a
    /// number.
    pub(crate) fn routes(layers: &[Self]) -> Vec<String> {
        let mut numbers = HashMap::new();
        let name = |layer: &Self| {
            let kind = layer.kind();
            let number = numbers.entry(kind).and_modify(|number| *number += 1).or_insert(1);
            match (layer.name(), *number) {
                (Some(name), _) => name.to_owned(),
                (None, 1) => kind.to_owned(),
                (None, number) => format!("{kind}-{number}"),
            }
        };
        layers.iter().map(name).collect()
    }

    /// The file that the layer writes, if it does.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(&file.path),
            Self::Csv(csv) => Some(&csv.path),
            Self::Json(json) => json.path.as_deref(),
            Self::Console(_) | Self::Application(_) => None,
        }
    }

    /// The levels, if they were given.
    #[must_use]
    pub const fn levels(&self) -> Option<Levels> {
        match self {
            Self::Console(settings) => settings.levels,
            Self::File(settings) => settings.levels,
            Self::Csv(settings) => settings.levels,
            Self::Json(settings) => settings.levels,
            Self::Application(settings) => settings.levels,
        }
    }

    /// Which versions of a record the layer sees.
    #[must_use]
    pub const fn versions(&self) -> Versions {
        match self {
            Self::Console(settings) => settings.versions,
            Self::File(settings) => settings.versions,
            Self::Csv(settings) => settings.versions,
            Self::Json(settings) => settings.versions,
            Self::Application(settings) => settings.versions,
        }
    }

    /// What of the application's data comes to the layer, if less than the watcher lets through.
    #[must_use]
    pub const fn privacy(&self) -> Option<Privacy> {
        match self {
            Self::Console(settings) => settings.privacy,
            Self::File(settings) => settings.privacy,
            Self::Csv(settings) => settings.privacy,
            Self::Json(settings) => settings.privacy,
            Self::Application(settings) => settings.privacy,
        }
    }

    /// Looks whether the layer asks for no more than the watcher lets through.
    pub(crate) fn check_privacy(&self, of_watcher: Privacy) -> Result<()> {
        match self.privacy() {
            Some(own) if own < of_watcher => Err(Error::config(format!(
                "{}: `privacy` is `{own}`, which is milder than `{of_watcher}`, that of the watcher: a \
                 layer can only be stricter",
                self.kind()
            ))),
            _ => Ok(()),
        }
    }

    /// What a record goes through on its way to the layer.
    #[must_use]
    pub fn steps(&self) -> &[StepSettings] {
        match self {
            Self::Console(settings) => &settings.steps,
            Self::File(settings) => &settings.steps,
            Self::Csv(settings) => &settings.steps,
            Self::Json(settings) => &settings.steps,
            Self::Application(settings) => &settings.steps,
        }
    }

    /// Checks what the types do not: that the settings fit together. Opens nothing.
    ///
    /// # Errors
    ///
    /// When they do not; the message names the kind and the keys.
    pub fn check(&self) -> Result<()> {
        let kind = self.kind();
        let (rotation, keep) = match self {
            Self::File(file) => (file.rotation, file.keep),
            Self::Csv(csv) => (csv.rotation, csv.keep),
            Self::Json(json) => {
                match (&json.path, json.stream) {
                    (Some(_), None) => {}
                    (None, Some(_)) if json.rotation == Rotation::Never => {}
                    (None, Some(_)) => {
                        return Err(Error::config("json: a `stream` has no `rotation`"));
                    }
                    (None, None) => {
                        return Err(Error::config("json: expected `path` or `stream`"));
                    }
                    (Some(_), Some(_)) => {
                        return Err(Error::config("json: `path` and `stream` exclude each other"));
                    }
                }
                (json.rotation, json.keep)
            }
            Self::Console(_) | Self::Application(_) => return Ok(()),
        };
        match keep {
            Some(0) => Err(Error::config(format!("{kind}: `keep` must be at least 1"))),
            Some(_) if rotation == Rotation::Never => {
                Err(Error::config(format!("{kind}: `keep` needs a `rotation`")))
            }
            _ => Ok(()),
        }
    }
}
