//! The shape of a query: its values replaced by their types, so that like queries are alike.
//!
//! A shape is written in MongoDB's own notation for query shapes (manual, "Query Shapes"): a value is
//! `?number`, `?string`, `?date`..., a list of values is `?array<?string>`, `?array<>` if their types
//! differ and `[]` if it is empty; an equality is an explicit `$eq`, and several conditions are an
//! explicit `$and`. Sort directions, projections, collations, the names of operators and fields, and
//! `"$field"` paths in expressions stay.
//!
//! The hash is **not** the server's `queryShapeHash`. It differs on purpose:
//!
//! - The parts of a condition that commute (`$and`, `$or`, `$nor`, the operators on a field, and `$add`,
//!   `$multiply`, `$and`, `$or` in expressions) are sorted, nested `$and` are flattened, and equal
//!   ones count once: `{a: 1, b: 2}` and `{b: 2, a: 1}` are one shape.
//! - All numbers are one type, in lists too: `[1, 2.5]` is `?array<?number>`. `$all` without
//!   `$elemMatch` is one list.
//! - The argument of `$type` stays if it is the name or the number of a type.
//! - Keys that look like data are replaced: numbers by `<n>`, ids by `<id>`, dates by `<date>`, UUIDs by
//!   `<uuid>`, e-mail addresses by `<email>`, and what is very long, or has many digits, by `<key>`.
//! - Equal statements of a bulk write count once, and their order does not matter. The many conditions
//!   and updates of one `update` command are two sets.
//! - Of the options `hint`, `arrayFilters` and `upsert` belong to the shape too.
//! - Stages and operators that are not known keep their keys, and all of their values are types.
//! - What is nested deeper than 32 levels is one value; what comes after the first 8 KiB of a shape is
//!   `<more>`.
//!
//! How it is made: one walk over the query writes what the shape depends on, and nothing else, into
//! bytes (`walk`). The shape is a function of these bytes alone (`tree`), and they are the key under
//! which a shape that was seen before is found (`shaper`). So two queries can only share an entry if
//! their shapes are equal.

mod guard;
mod kind;
mod label;
mod rules;
mod shaper;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use mongodb::bson::Bson;

pub(crate) use self::kind::is_placeholder;
pub use self::shaper::Shaper;
pub(super) use self::{guard::guarded, kind::Kind, tree::insert_merged};

/// What queries that differ only in their values have in common.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shape {
    /// The query with each value replaced by its type; null if it is not known.
    pub query: Bson,
    /// The same for the same shape, in every process: `v1:` and 32 hex digits.
    pub hash: String,
    /// The shape in a few words, for people.
    pub label: String,
}

impl Default for Shape {
    fn default() -> Self {
        Self { query: Bson::Null, hash: String::new(), label: String::new() }
    }
}
