//! `when`: conditions as people write them, which become queries of the matcher.

mod lexer;
mod lower;
mod parser;
#[cfg(test)]
mod tests;
mod tree;
mod units;

use std::{fmt, str::FromStr};

use mongodb::bson::Document;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::lower::Lowering;
pub(super) use self::units::Dimension;
use super::{Fault, Matcher, matcher::Names};
use crate::watch_error::Error;

/// How deep brackets, `not` and calculations may be nested.
const DEPTH_MAX: usize = 50;

/// A condition on one line, which becomes a query of MongoDB's language.
///
/// ```
/// use mongodb::bson::doc;
/// use mongowatch::filter::Expression;
///
/// let slow: Expression = r#"Collection == "news" and Duration > 500ms"#.parse()?;
/// assert_eq!(*slow.query(), doc! { "Collection": "news", "Duration": { "$gt": 0.5 } });
///
/// let error = "Colection == 'news'".parse::<Expression>().unwrap_err();
/// assert_eq!(error.to_string(), "column 1: unknown field `Colection`: did you mean `Collection`?");
/// # Ok::<(), mongowatch::filter::Malformed>(())
/// ```
///
/// | form | means |
/// | --- | --- |
/// | `A == 1`, `!=`, `>`, `>=`, `<`, `<=` | compared with a value; `!=` is true of what is missing too |
/// | `A in ["x", /^y/]`, `A not in [..]` | one of these values |
/// | `A between 1s and 5s` | both bounds included |
/// | `A exists`, `A missing` | is it there at all? |
/// | `Filter has "email"` | is there such a key? A dot leads further down, or is in the key |
/// | `A =~ /^x/i`, `A !~ /x/`, `A matches "^x"` | a regular expression, as the server understands it |
/// | `A starts with "x"`, `ends with`, `contains` | a text, as it stands |
/// | `A > B`, `A - B > 100`, `A / B < 0.5` | fields compared, and calculated with: `+ - * / %` |
/// | `not x`, `x and y`, `x or y`, `(x)` | also `!`, `&&` and <code>&#124;&#124;</code> |
///
/// From the loosest to the tightest: `or`, `and`, `not`, comparisons, `+ -`, `* / %`.
///
/// Values are texts in single or double quotes, numbers, `true`, `false`, `null`, and moments
/// (`2026-01-31`, `2026-01-31T12:00:00Z`; in UTC unless they say otherwise). Units of time (`ns us ms s
/// min h d`) become seconds, units of size (`B kB MB GB KiB MiB GiB`) bytes. A name with other letters
/// stands in backticks: ``Filter.`first-name` ``; so does a key with a dot in it, as filters have them:
/// ``Filter.`address.city` ``. Two backticks in it stand for one.
///
/// Where fields are compared or calculated with, what is missing (or is no number in a calculation, or
/// would divide by zero) does not match; values of different types are then in the order in which the
/// server sorts them. `not` turns the whole around: ``not (A > B)`` is true of what has no `A`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    query: Document,
    matcher: Matcher,
}

impl Expression {
    /// No expression is longer than this, in bytes.
    pub const LENGTH_MAX: usize = 64 * 1024;

    /// Reads a condition on records: their fields are known.
    ///
    /// # Errors
    ///
    /// What is not understood, with its column.
    pub fn for_records(text: &str) -> Result<Self, Malformed> {
        Self::new(text, Names::OfRecords)
    }

    /// Reads a condition on any documents.
    ///
    /// # Errors
    ///
    /// What is not understood, with its column.
    pub fn for_documents(text: &str) -> Result<Self, Malformed> {
        Self::new(text, Names::Free)
    }

    fn new(text: &str, names: Names) -> Result<Self, Malformed> {
        if text.len() > Self::LENGTH_MAX {
            let (found, max) = (text.len(), Self::LENGTH_MAX);
            return Err(Malformed::new(1, format!("found {found} bytes, expected at most {max}")));
        }
        let condition = parser::parse(&lexer::tokens(text)?)?;
        let query = Lowering { names }.condition(&condition)?;
        let matcher = match names {
            Names::OfRecords => Matcher::for_records(&query),
            Names::Free => Matcher::for_documents(&query),
        };
        let matcher = matcher.map_err(|fault| Malformed::new(1, fault.to_string()))?;
        Ok(Self { text: text.to_owned(), query, matcher })
    }

    /// The query that it became.
    #[must_use]
    pub const fn query(&self) -> &Document {
        &self.query
    }

    /// The query, compiled.
    #[must_use]
    pub const fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Expression {
    type Err = Malformed;

    /// As [`Expression::for_records`].
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::for_records(text)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What is wrong in an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    column: usize,
    message: String,
}

impl Malformed {
    fn new(column: usize, message: String) -> Self {
        Self { column, message }
    }

    /// Where it is, in characters from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What was found, and what is expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Perhaps the name was meant as a text.
    fn or_text(mut self, path: &tree::Path, is_word: bool) -> Self {
        if is_word && !path.name.contains('.') && path.column == self.column {
            self.message =
                format!("unknown field `{0}`: a text stands in quotes, `\"{0}\"`", path.name);
        }
        self
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::new(malformed.to_string())
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::config(malformed.to_string())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Expression {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A condition on one line: `== != > >= < <=`, `in [..]`, `between A and B`, \
                            `exists`, `missing`, `has`, `=~ /../`, `starts with`, `ends with`, \
                            `contains`, `and`, `or`, `not`; fields on both sides, `+ - * / %`, units \
                            (`ms s min h`, `kB MB`...) and dates.",
            "examples": [
                "Collection == 'news' and Duration > 500ms",
                "Operation in ['delete_one', 'delete_many'] and not (Actor.ID == 'batch')",
                "MatchedCount > ModifiedCount",
            ],
        })
    }
}
