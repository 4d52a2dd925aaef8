//! A query document becomes nodes; what is not understood is refused with its place.

use std::borrow::Cow;

use mongodb::bson::{Bson, Document};

use super::{
    expr,
    node::{Node, Test},
    operators,
    path::{NAMES_MAX, PLACES_MAX, Path, names},
};
use crate::{
    filter::{Fault, Part},
    record::{Field, kind_of, nearest},
};

/// How deep a query may be nested.
pub(super) const QUERY_DEPTH_MAX: usize = 100;
/// How deep documents and arrays may be nested in a query, all in all.
pub(super) const LEVELS_MAX: usize = 220;
/// The most clauses of a query, and values in its lists.
pub(super) const CLAUSES_MAX: usize = 100_000;

/// Which names stand at the top of what is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Names {
    OfRecords,
    Free,
}

impl Names {
    /// Checks the path of a field, as it is checked in a query.
    pub(in crate::filter) fn check(self, path: &str) -> Result<(), Fault> {
        let compiler = Compiler { names: self, depth: 0, n_clauses: 0, is_inside: false };
        compiler.path(path).map(drop)
    }
}

/// What is known while a query is compiled.
pub(super) struct Compiler {
    names: Names,
    depth: usize,
    n_clauses: usize,
    /// Are the items of an array looked at?
    is_inside: bool,
}

pub(in crate::filter) const AT_TOP: &[&str] = &["$and", "$or", "$nor", "$expr", "$comment"];

pub(super) fn query(query: &Document, names: Names) -> Result<Node, Fault> {
    if !query.values().all(|value| is_within(value, LEVELS_MAX)) {
        return Err(Fault::new(format!("nested deeper than {LEVELS_MAX} documents and arrays")));
    }
    Compiler { names, depth: 0, n_clauses: 0, is_inside: false }.query(query)
}

/// Is a value nested no deeper than this?
fn is_within(value: &Bson, levels: usize) -> bool {
    let inner = |value: &Bson| levels > 0 && is_within(value, levels - 1);
    match value {
        Bson::Document(document) => document.values().all(inner),
        Bson::Array(items) => items.iter().all(inner),
        Bson::JavaScriptCodeWithScope(code) => code.scope.values().all(inner),
        _ => true,
    }
}

impl Compiler {
    /// Compiles what lies one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        compile: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == QUERY_DEPTH_MAX {
            return Err(Fault::new(format!("nested deeper than {QUERY_DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let compiled = compile(self);
        self.depth -= 1;
        compiled
    }

    pub(super) const fn names(&self) -> Names {
        self.names
    }

    /// Counts so many clauses.
    pub(super) fn count(&mut self, n: usize) -> Result<(), Fault> {
        self.n_clauses = self.n_clauses.saturating_add(n);
        if self.n_clauses > CLAUSES_MAX {
            return Err(Fault::new(format!("the query has more than {CLAUSES_MAX} clauses")));
        }
        Ok(())
    }

    /// Compiles what stands in an array: any names.
    pub(super) fn inside(&mut self, query: &Document) -> Result<Node, Fault> {
        let names = std::mem::replace(&mut self.names, Names::Free);
        let was_inside = std::mem::replace(&mut self.is_inside, true);
        let node = self.query(query);
        self.is_inside = was_inside;
        self.names = names;
        node
    }

    pub(super) fn query(&mut self, query: &Document) -> Result<Node, Fault> {
        self.deeper(|compiler| {
            let mut nodes = Vec::with_capacity(query.len());
            for (key, value) in query {
                compiler.count(1)?;
                let compiled = compiler.entry(key, value, &mut nodes);
                compiled.map_err(|fault| fault.within(Part::from(key.as_str())))?;
            }
            Ok(all(nodes))
        })
    }

    fn entry(&mut self, key: &str, value: &Bson, nodes: &mut Vec<Node>) -> Result<(), Fault> {
        match key {
            "$and" => nodes.push(Node::All(self.queries(value)?)),
            "$or" => nodes.push(Node::Any(self.queries(value)?)),
            "$nor" => nodes.push(Node::Not(Box::new(Node::Any(self.queries(value)?)))),
            "$expr" if self.is_inside => {
                return Err(Fault::new("`$expr` stands at the top only, not in an array's items"));
            }
            "$expr" => nodes.push(Node::Expr(expr::expression(self, value)?)),
            "$comment" => {}
            _ if key.starts_with('$') => return Err(unknown("operator", key, AT_TOP)),
            _ => {
                let path = self.path(key)?;
                operators::field(self, &path, value, nodes)?;
            }
        }
        Ok(())
    }

    fn queries(&mut self, value: &Bson) -> Result<Vec<Node>, Fault> {
        let Bson::Array(items) = value else { return Err(wanted("an array of queries", value)) };
        if items.is_empty() {
            return Err(Fault::new("expected at least one query"));
        }
        let one = |(place, item): (usize, &Bson)| {
            let Bson::Document(query) = item else {
                return Err(wanted("a query", item).within(Part::from(place)));
            };
            self.query(query).map_err(|fault| fault.within(Part::from(place)))
        };
        items.iter().enumerate().map(one).collect()
    }

    pub(super) fn path(&self, path: &str) -> Result<Path, Fault> {
        let names: Vec<_> = names(path).take(NAMES_MAX + 1).collect();
        if names.len() > NAMES_MAX {
            return Err(Fault::new(format!("a path of more than {NAMES_MAX} names")));
        }
        let is_place = |name: &&Cow<'_, str>| name.bytes().all(|byte| byte.is_ascii_digit());
        if names.iter().filter(is_place).count() > PLACES_MAX {
            return Err(Fault::new(format!("more than {PLACES_MAX} numbers in a path")));
        }
        match self.names {
            Names::Free => Ok(Path::of_document(path)),
            Names::OfRecords => record_path(path),
        }
    }
}

/// Finds the field of a record that a path begins with.
fn record_path(path: &str) -> Result<Path, Fault> {
    let (name, below) = match path.split_once('.') {
        Some((name, below)) => (name, Some(below)),
        None => (path, None),
    };
    let field = field_of(name)?;
    if let Some(below) = below {
        check_below(field, &names(below).next().unwrap_or_default())?;
    }
    Ok(Path::of_record(field, below))
}

/// Checks the first name below a field, where it is known what may stand there.
pub(super) fn check_below(field: Field, name: &str) -> Result<(), Fault> {
    let known: &[&str] = match field {
        Field::Filter
        | Field::Update
        | Field::Options
        | Field::Labels
        | Field::Extra
        | Field::QueryShape
        | Field::ResumeToken
        | Field::InsertedIds => return Ok(()),
        // Lists: a number is a place in them.
        Field::RequestIds | Field::MissingContext | Field::WriteErrors
            if name.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            return Ok(());
        }
        Field::WriteErrors => &["index", "code"],
        Field::Actor | Field::OnBehalfOf => &["Kind", "ID", "Name"],
        _ => &[],
    };
    if known.contains(&name) {
        return Ok(());
    }
    if known.is_empty() {
        return Err(Fault::new(format!("`{field}` has no fields below it, found `{name}`")));
    }
    let hint = nearest(name, known.iter().copied()).map_or_else(
        || format!("expected one of `{}`", known.join("`, `")),
        |near| format!("did you mean `{near}`?"),
    );
    Err(Fault::new(format!("unknown field `{name}` of `{field}`: {hint}")))
}

/// The field of a record of this name.
pub(super) fn field_of(name: &str) -> Result<Field, Fault> {
    let Some(field) = Field::ALL.iter().find(|field| field.name() == name) else {
        let hint = match nearest(name, Field::ALL.iter().map(|field| field.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("fields of your own are under `Extra`: `Extra.{name}`"),
        };
        return Err(Fault::new(format!("unknown field `{name}`: {hint}")));
    };
    Ok(*field)
}

/// Several nodes as one.
pub(super) fn all(mut nodes: Vec<Node>) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            Node::All(nodes)
        }
        None => Node::All(nodes),
    }
}

pub(super) fn not_all(path: &Path, test: Test) -> Node {
    Node::Not(Box::new(Node::Has(path.clone(), test)))
}

/// The fault of an argument of the wrong kind.
pub(super) fn wanted(expected: &str, found: &Bson) -> Fault {
    Fault::new(format!("expected {expected}, found {}", kind_of(found)))
}

/// The fault of a name that nobody knows.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> Fault {
    let reason = match name {
        "$where" | "$function" | "$accumulator" => "it runs JavaScript",
        "$text" => "it needs an index of the server",
        "$near" | "$nearSphere" | "$geoWithin" | "$geoIntersects" | "$within" | "$geometry" => {
            "there is no geometry here"
        }
        "$jsonSchema" | "$sampleRate" | "$rand" | "$let" | "$map" | "$filter" | "$reduce" => {
            "it is no part of what a filter understands"
        }
        _ => {
            let hint = nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            return Fault::new(format!("unknown {what} `{name}`{hint}"));
        }
    };
    Fault::new(format!("`{name}` is not taken: {reason}"))
}
