//! Extended JSON: BSON as text, and text as BSON.
//!
//! [`write`] gives the relaxed form. [`read`] takes both forms, as it comes: a tree of JSON or YAML is
//! read in its order, and each document that is a wrapper, such as `{"$oid": "..."}`, is [`fold`]ed
//! into what it stands for. [`loose`] takes what shells and configurations write instead of JSON.

mod fold;
mod loose;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use self::{
    loose::parse_loose,
    read::{Tree, parse},
    write::{array, document, string, value},
};
