//! The settings of a `script` step: they are known in every build, so that one without scripts can say
//! what it lacks.

use std::{fmt, fs::File, io::Read as _, path::PathBuf, time::Duration};

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Script;
use crate::filter::Fault;

/// What a `script` step does: code in [Rhai](https://rhai.rs/book), for what the other steps cannot say.
/// It needs the feature `script`.
///
/// ```yaml
/// - script: 'record.DB != "admin"'
/// - script:
///     code: |
///       if record.Duration > 1.0 && record.Collection == "news" {
///           record.Extra.Slow = true;
///       }
///       record.mask("Filter.email");
///     on_error: pass
/// ```
///
/// `record` is the record: `record.Duration`, `record.Filter.email`, `record.Filter.tags[0]`. What is
/// missing is `()`, and so is what is below it. If the last value, or that of a `return`, is `false`,
/// the record is dropped (a semicolon behind it changes nothing); with anything else, or nothing, it
/// passes. Nothing is left of a run for the
/// next one.
///
/// | form | means |
/// | --- | --- |
/// | `record.Filter.a = 1`, `record.Filter["a.b"] = 1` | sets a value; `Extra` and `Labels` need not be there |
/// | `record.Tenant = ()` | empties a field |
/// | `record.has("Tenant")`, `"a" in record.Filter` | is it there? |
/// | `record.Filter.remove("a")`, `record.remove("Tenant")` | removes it |
/// | `keys()`, `values()`, `len()` | of a record, a document or a list |
/// | `for tag in record.Filter.tags { .. }` | the items of a list, or the keys of a document |
/// | `record.Filter.tags.push("x")` | appends to a list |
/// | `record.kind("Filter.a")` | the name of the value's BSON type: `objectId`, `int`, `missing`... |
/// | `record.mask("Filter.email")`, `record.mask(["Filter"], "fixed")` | as the step `mask`: `type`, `fixed` or `partial` |
/// | `record.truncate("Filter")`, `record.drop("Filter.**.card")`, `record.shape()` | as the steps of these names |
/// | `record.level("warn")` | as the step `level`, but for `off` |
///
/// Values that Rhai does not have (dates, ObjectIds, decimals, bytes...) can be compared, also with
/// numbers, be put elsewhere, and be shown by `to_string()`; they stay what they are. So does all that
/// a script does not touch: a record is never translated, and copied only when something changes.
/// Fields that tell a record from others, such as WatchID, and what was measured, such as Duration,
/// are read only; what was measured can be emptied.
///
/// What a script can use up is limited: operations, time, depth, sizes. It reaches no files, no
/// environment, no clock, no output and no other code. When it fails, the record is dropped unless
/// `on_error` says otherwise; that is counted ([`StepStats::errors`](crate::pipeline::StepStats::errors)).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScriptSettings {
    /// The code. Either this or `file` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The file with the code. It is read when the configuration is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What becomes of a record at which the script fails. Default: `drop`.
    pub on_error: OnError,
    /// How many operations a run may have, up to 100 million. Default: 100000.
    pub max_operations: u64,
    /// How long a run may take, a duration between `1ms` and `10s`. Default: `50ms`.
    #[serde(with = "compact::required")]
    pub timeout: Duration,
}

/// Says what becomes of a record at which a script fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnError {
    /// It is dropped: what the script was to hide does not get out.
    #[default]
    Drop,
    /// It goes on, with what the script had done so far.
    Pass,
}

impl ScriptSettings {
    /// No script is longer than this, in bytes.
    pub const LENGTH_MAX: usize = 64 * 1024;

    /// No run may have more operations.
    pub const OPERATIONS_MAX: u64 = 100_000_000;

    /// Runs this code.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: Some(code.into()),
            file: None,
            on_error: OnError::default(),
            max_operations: max_operations(),
            timeout: timeout(),
        }
    }

    /// Reads the file, if there is one, and makes the step.
    ///
    /// # Errors
    ///
    /// When the build has no scripts, the file cannot be read, the code is not understood (with its
    /// line and column), or a limit is out of its range.
    pub fn build(&self) -> Result<Script, Fault> {
        Script::check_present()?;
        self.check_limits()?;
        let code = self.source()?;
        Script::new(&code, self).map_err(|fault| match &self.file {
            None => fault.within("code".into()),
            // The column counts in the file, not in the configuration.
            Some(path) => {
                let message = format!("{}: {}", path.display(), fault.message());
                Fault::new(message).within("file".into())
            }
        })
    }

    /// The code, wherever it stands.
    ///
    /// # Errors
    ///
    /// When there is not one code, the file cannot be read, or the code is too long.
    pub(crate) fn source(&self) -> Result<String, Fault> {
        let (code, key) = match (&self.code, &self.file) {
            (Some(code), None) => (code.clone(), "code"),
            (None, Some(path)) => {
                let failed = |error: std::io::Error| {
                    let message = format!("could not read the script {}: {error}", path.display());
                    Fault::new(message).within("file".into())
                };
                let mut code = String::new();
                let file = File::open(path).map_err(failed)?;
                let length_max = Self::LENGTH_MAX as u64 + 1;
                file.take(length_max).read_to_string(&mut code).map_err(failed)?;
                (code, "file")
            }
            (Some(_), Some(_)) => {
                return Err(Fault::new("found `code` and `file`, expected one of them"));
            }
            (None, None) => return Err(Fault::new("expected `code` or `file`")),
        };
        if code.len() > Self::LENGTH_MAX {
            let message = format!("expected a script of at most {} bytes", Self::LENGTH_MAX);
            return Err(Fault::new(message).within(key.into()));
        }
        Ok(code)
    }

    fn check_limits(&self) -> Result<(), Fault> {
        if !(1..=Self::OPERATIONS_MAX).contains(&self.max_operations) {
            let message = format!("expected between 1 and {}", Self::OPERATIONS_MAX);
            return Err(Fault::new(message).within("max_operations".into()));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(10)).contains(&self.timeout) {
            let fault = Fault::new("expected a duration between 1ms and 10s");
            return Err(fault.within("timeout".into()));
        }
        Ok(())
    }
}

const fn max_operations() -> u64 {
    100_000
}

const fn timeout() -> Duration {
    Duration::from_millis(50)
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Full {
    /// The code. Either this or `file` is given.
    code: Option<String>,
    /// The file with the code.
    file: Option<PathBuf>,
    /// What becomes of a record at which the script fails. Default: `drop`.
    #[serde(default)]
    on_error: OnError,
    /// How many operations a run may have. Default: 100000.
    #[serde(default = "max_operations")]
    max_operations: u64,
    /// How long a run may take, a duration between `1ms` and `10s`. Default: `50ms`.
    #[serde(default = "timeout", with = "compact::required")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    timeout: Duration,
}

impl<'de> Deserialize<'de> for ScriptSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScriptVisitor)
    }
}

struct ScriptVisitor;

impl<'de> de::Visitor<'de> for ScriptVisitor {
    type Value = ScriptSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a script, or keys with values")
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<ScriptSettings, E> {
        Ok(ScriptSettings::new(code))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<ScriptSettings, A::Error> {
        let full = Full::deserialize(de::value::MapAccessDeserializer::new(entries))?;
        let Full { code, file, on_error, max_operations, timeout } = full;
        Ok(ScriptSettings { code, file, on_error, max_operations, timeout })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ScriptSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScriptSettings".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let full = Full::json_schema(generator);
        schemars::json_schema!({
            "description": "Code in Rhai, in a build with the feature `script`.",
            "anyOf": [{ "type": "string", "maxLength": Self::LENGTH_MAX }, full],
        })
    }
}
