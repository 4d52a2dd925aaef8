//! `mongowatch config convert`: a configuration of pymongowatch becomes one of ours.
//!
//! A file of pymongowatch is one for Python's `logging.config.dictConfig`, with one key more,
//! `watchers`. [`source`] reads values with their places and follows references between them,
//! [`graph`] finds out what reaches which handler, and from there each part has its file: [`handler`]
//! makes layers, [`format`](self::format) templates and columns, [`filter`] steps (its expressions are
//! read by [`python`] and become conditions in [`condition`]), [`queue`], [`watchers`] and [`operations`]
//! the rest.
//! [`yaml`] writes it down, with a [`remark`] for all that is not there or not as it was.

mod args;
mod condition;
mod filter;
mod format;
mod graph;
mod handler;
mod level;
mod operations;
mod python;
mod queue;
mod remark;
mod source;
#[cfg(test)]
mod tests;
mod watchers;
mod yaml;

pub(super) use self::args::Args;
use self::{
    graph::Graph, handler::Layers, remark::Remark, source::Spot, watchers::Watchers, yaml::Block,
};
use crate::config::{Fault, Node, check_yaml_text, quoted};

/// A file of ours, and what is to be said of it.
#[derive(Debug)]
pub(super) struct Converted {
    pub yaml: String,
    remarks: Vec<Remark>,
}

/// Why there is none.
#[derive(Debug)]
enum Refusal {
    /// The source is at fault.
    Source(Fault),
    /// What came out cannot be used: a mistake of ours.
    Result(String),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Source(fault)
    }
}

impl Converted {
    /// What is to be said, in the order of the source.
    fn lines(&self, name: &str) -> Vec<String> {
        self.remarks.iter().map(|remark| remark.line(name)).collect()
    }

    /// Is there more than our reader takes, or anybody wants to read?
    fn is_too_long(&self) -> bool {
        const REMARKS_MAX: usize = 1_000;
        self.remarks.len() > REMARKS_MAX || self.yaml.len() > 1 << 20
    }

    fn n_losses(&self) -> usize {
        self.remarks.iter().filter(|remark| remark.is_loss()).count()
    }
}

/// Converts a text; what comes out is what our own reader takes.
fn convert(text: &str, name: &str) -> Result<Converted, Refusal> {
    let node = Node::parse(text)?;
    let root = Spot::root(&node)?;
    version(&root)?;
    let graph = Graph::read(&root)?;
    let watchers = Watchers::read(&root)?;
    let mut layers = Layers::new(&watchers, &graph.routes);
    for route in &graph.routes {
        layers.add(route)?;
    }
    let mut file = Block::new();
    file.comment(format!("Made by `mongowatch config convert` of {name}."));
    let mut top = other_keys(&root)?;
    top.extend(graph.remarks);
    top.extend(layers.unused_headers());
    if layers.block.n_values() == 0 {
        top.push(Remark::lost(&root, "no handler is left that writes: here it is the console"));
    }
    file.remarks(top);
    file.block("queue", queue::queue(&root, &graph.routes)?);
    file.append(watchers.settings(&root, layers.shared.as_ref())?);
    file.block("layers", layers.block);
    let converted = Converted { yaml: file.written(), remarks: in_order(&file) };
    if file.is_too_long() || converted.is_too_long() {
        return Err(root.fault("becomes more than a configuration can need").into());
    }
    match check_yaml_text(&converted.yaml, "the result").into_iter().next() {
        None => Ok(converted),
        Some(error) => Err(Refusal::Result(error.to_string())),
    }
}

/// The remarks in the order of the source, each once.
fn in_order(file: &Block) -> Vec<Remark> {
    let mut found = Vec::new();
    file.all_remarks(&mut found);
    let mut remarks: Vec<Remark> = Vec::new();
    for remark in found {
        if !remarks.contains(remark) {
            remarks.push(remark.clone());
        }
    }
    remarks.sort_by_key(Remark::place);
    remarks
}

fn version(root: &Spot<'_>) -> Result<(), Fault> {
    let Some(version) = root.get("version")? else {
        return Err(root.fault("expected the key `version`, which is 1 for Python's logging"));
    };
    match version.whole() {
        Ok(1) => Ok(()),
        _ => Err(version.expected("version 1")),
    }
}

/// The keys of the file that are not looked at elsewhere.
fn other_keys(root: &Spot<'_>) -> Result<Vec<Remark>, Fault> {
    const KNOWN: &[&str] = &[
        "version",
        "disable_existing_loggers",
        "formatters",
        "filters",
        "handlers",
        "loggers",
        "root",
        "watchers",
    ];
    let mut remarks = Vec::new();
    for entry in root.entries()? {
        match entry.name {
            name if KNOWN.contains(&name) => {}
            "incremental" if !entry.raw.followed()?.flag()? => {}
            "incremental" => {
                let message = "a file that changes another one: here each file says all";
                remarks.push(Remark::lost(&entry.raw, message));
            }
            name => {
                let message = format!("the key {}", quoted(name));
                remarks.push(Remark::lost(&entry.raw, message));
            }
        }
    }
    Ok(remarks)
}
