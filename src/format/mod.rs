//! Record to text: values, CSV rows, JSON lines, templates.
//!
//! Everything here writes into a buffer that the caller keeps: a record costs no allocation. There
//! is no I/O and no clock.

pub(crate) mod csv;
pub(crate) mod extjson;
pub(crate) mod json;
mod number;
mod sentence;
#[cfg(feature = "cli")]
pub(crate) mod stored;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod value;

pub use self::template::Template;
pub(crate) use self::{csv::CsvRows, sentence::Sentence, template::Paint};
