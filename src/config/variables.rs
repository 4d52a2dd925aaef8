//! Variables in values: `${NAME}` and `${NAME:-default}`, and `$${` for what only looks like one.
//!
//! They are put in after the text was parsed, scalar by scalar, so that a value cannot add keys or
//! items. Keys have none. What else begins with `$` (`$or`, `$$ROOT`) is left as it is.

use std::{env::VarError, ops::ControlFlow};

use super::{
    fault::{Fault, quoted},
    tree::{Kind, Node, Resolved, ValueFrom},
};
use crate::filter::Part;

/// Gives the value of a variable, as [`std::env::var`] does.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

/// So many bytes all values together may have: a configuration is not longer.
const BYTES_MAX: usize = 1 << 20;

/// Puts in the values of all variables. What cannot be put in is cut out of the tree.
pub(super) fn resolve(root: &mut Node, lookup: Lookup<'_>) -> Vec<Fault> {
    let mut walk = Walk { lookup, n_bytes: 0, way: Vec::new(), faults: Vec::new() };
    let _ = walk.node(root);
    walk.faults
}

/// Writes a text so that nothing in it is taken for a variable.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

struct Walk<'a> {
    lookup: Lookup<'a>,
    n_bytes: usize,
    way: Vec<Part>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) -> ControlFlow<()> {
        match &mut node.kind {
            Kind::Text(text) if text.contains("${") => {
                match substitute(text, self.lookup) {
                    Ok(resolved) => {
                        self.n_bytes += resolved.text.len();
                        node.resolve(resolved);
                    }
                    Err(fault) => self.fault(node, fault),
                }
                if self.n_bytes > BYTES_MAX {
                    let message = "the values of variables have more than 1 MiB together";
                    self.fault(node, Fault::new(message));
                    return ControlFlow::Break(());
                }
            }
            Kind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.way.push(index.into());
                    self.node(item)?;
                    self.way.pop();
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.way.push(key.name.as_str().into());
                    self.node(value)?;
                    self.way.pop();
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn fault(&mut self, node: &mut Node, fault: Fault) {
        let way = self.way.iter().rev().cloned();
        self.faults.push(way.fold(fault.at_place(node.place), Fault::within));
        node.kind = Kind::Cut;
    }
}

/// Puts in the variables of a text.
fn substitute(text: &str, lookup: Lookup<'_>) -> Result<Resolved, Fault> {
    let mut resolved = Resolved::default();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            resolved.text.push_str(before);
            resolved.text.push_str("${");
            rest = after;
            continue;
        }
        resolved.text.push_str(before);
        let Some((variable, after)) = after.split_once('}') else {
            return Err(Fault::new("`${` without its `}`: write `$${` for these two letters"));
        };
        let (of_variable, its_from) = value_of(variable, lookup)?;
        resolved.text.push_str(&of_variable);
        if its_from == ValueFrom::Environment {
            resolved.values.push(of_variable);
        }
        if resolved.from != Some(ValueFrom::Environment) {
            resolved.from = Some(its_from);
        }
        rest = after;
    }
    resolved.text.push_str(rest);
    Ok(resolved)
}

/// The value of what stands between the braces.
fn value_of(variable: &str, lookup: Lookup<'_>) -> Result<(String, ValueFrom), Fault> {
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (variable, None),
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.is_empty()
        || !name.chars().all(is_letter)
        || name.starts_with(|l: char| l.is_ascii_digit())
    {
        let found = quoted(&format!("${{{variable}}}"));
        return Err(Fault::new(format!(
            "found {found}, expected `${{NAME}}` or `${{NAME:-default}}`; write `$${{` for a text \
             with `${{`"
        )));
    }
    if default.is_some_and(|default| default.contains("${")) {
        let found = quoted(&format!("${{{variable}}}"));
        return Err(Fault::new(format!(
            "found {found}, expected a default without `${{`: a default has no variables, write its \
             text, or give {} its value in the environment",
            quoted(name)
        )));
    }
    match (lookup(name), default) {
        (Ok(value), Some(default)) if value.is_empty() => {
            Ok((default.to_owned(), ValueFrom::Defaults))
        }
        (Ok(value), _) => Ok((value, ValueFrom::Environment)),
        (Err(VarError::NotPresent), Some(default)) => Ok((default.to_owned(), ValueFrom::Defaults)),
        (Err(VarError::NotPresent), None) => {
            let default = format!("`${{{name}:-...}}`");
            Err(Fault::new(format!(
                "the environment variable {} is not set: set it, or give it a default: {default}",
                quoted(name)
            )))
        }
        (Err(VarError::NotUnicode(_)), _) => Err(Fault::new(format!(
            "the value of the environment variable {} is not UTF-8",
            quoted(name)
        ))),
    }
}
