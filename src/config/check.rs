//! What the types of the settings do not say: limits, and what must fit together.

#[cfg(feature = "cli")]
use std::path::Path;
use std::{collections::HashMap, path::PathBuf, time::Duration};

use super::{
    fault::{Fault, quoted},
    step::step_fault,
    tree::{Kind, Node},
};
use crate::{
    filter::Part,
    layer::{LayerSettings, absolute},
    pipeline::Settings,
};

/// Checks settings that were read from `root`, of which faulty parts may have been cut out: what
/// would only follow from that is not told. Opens nothing.
pub(super) fn check(settings: &Settings, root: &Node) -> Vec<Fault> {
    let mut faults = limits(settings);
    faults.extend(requirements(settings, root));
    faults.extend(watchers(settings, root));
    faults.extend(layers(settings, root));
    let placed = |fault: Fault| {
        let node = root.nearest(fault.path());
        fault.at(node)
    };
    faults.into_iter().map(placed).collect()
}

fn limits(settings: &Settings) -> Vec<Fault> {
    let queue = |fault: Fault| fault.within("queue");
    let checked = [
        at_least_one(settings.buffer, "buffer"),
        at_least_one(settings.queue.capacity, "capacity").map_err(queue),
        some_time(Some(settings.queue.timeout), "timeout").map_err(queue),
        some_time(Some(settings.shutdown_timeout), "shutdown_timeout"),
    ];
    checked.into_iter().filter_map(Result::err).collect()
}

fn at_least_one(number: usize, key: &str) -> Result<(), Fault> {
    match number {
        0 => Err(Fault::expected("at least 1").within(key)),
        _ => Ok(()),
    }
}

fn some_time(time: Option<Duration>, key: &str) -> Result<(), Fault> {
    match time {
        Some(Duration::ZERO) => Err(Fault::expected("a duration longer than 0").within(key)),
        _ => Ok(()),
    }
}

/// What is said of the kinds of operations.
fn watchers(settings: &Settings, root: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, watcher, kind) in settings.watchers.kinds() {
        let within = |fault: Fault| fault.within(name).within("watchers");
        faults.extend(some_time(kind.timeout, "timeout").err().map(within));
        let way = ["watchers".into(), name.into(), Part::from("operations")];
        let own = kind.operations.check(watcher);
        faults.extend(own.iter().map(|fault| step_fault(fault, &way, None, root)));
    }
    faults
}

/// A rule that asks for nothing is one whose list was forgotten.
fn requirements(settings: &Settings, root: &Node) -> Vec<Fault> {
    let rules = settings.require_context.iter().zip(indexes(root, &["require_context".into()]));
    let is_whole = |index: usize| {
        let way = ["require_context".into(), index.into(), "fields".into()];
        root.find(&way).is_none_or(|node: &Node| !node.has_cut())
    };
    let empty = rules.filter(|(rule, index)| rule.fields.is_empty() && is_whole(*index));
    let fault = |(_, index)| {
        Fault::expected("at least one part of the context, such as `actor`")
            .within("fields")
            .within(index)
            .within("require_context")
    };
    empty.map(fault).collect()
}

/// The indexes in the file of those items of a list that were not cut out.
fn indexes(root: &Node, way: &[Part]) -> Vec<usize> {
    match root.find(way).map(|node| &node.kind) {
        Some(Kind::List(items)) => {
            let left = items.iter().enumerate().filter(|(_, item)| !item.is_cut());
            left.map(|(index, _)| index).collect()
        }
        _ => Vec::new(),
    }
}

fn layers(settings: &Settings, root: &Node) -> Vec<Fault> {
    let layers = &settings.layers;
    let indexes = indexes(root, &["layers".into()]);
    let is_whole = root.find(&[Part::from("layers")]).is_none_or(|node| !node.has_cut());
    let mut faults = Vec::new();
    let (mut names, mut files) = (HashMap::new(), HashMap::new());
    for ((layer, name), index) in layers.iter().zip(LayerSettings::routes(layers)).zip(indexes) {
        let at = [Part::from("layers"), Part::from(index)];
        let is_layer_whole = root.find(&at).is_some_and(|node| !node.has_cut());
        let together = is_layer_whole.then(|| together(layer, settings, root, index));
        // A default name has a number, which depends on those before.
        let name = is_whole.then(|| same_name(layer, name, index, &mut names)).flatten();
        faults.extend(steps(layer, root, index));
        let found = [together.flatten(), name, same_file(layer, index, &mut files)];
        let within = |fault: Fault| fault.within(layer.kind()).within(index).within("layers");
        faults.extend(found.into_iter().flatten().map(within));
    }
    faults
}

/// The faults of a layer's steps, each at its place.
fn steps(layer: &LayerSettings, root: &Node, index: usize) -> Vec<Fault> {
    let list = ["layers".into(), index.into(), layer.kind().into(), Part::from("steps")];
    let faults = layer.steps().iter().zip(indexes(root, &list)).filter_map(|(step, place)| {
        let way: Vec<_> = list.iter().cloned().chain([place.into()]).collect();
        // Where a part was cut out, others have moved, and what is missing is no fault of its own.
        let is_whole = root.find(&way).is_none_or(|node| !node.has_cut());
        let checked = if is_whole { step.check() } else { Ok(()) };
        checked.err().map(|fault| step_fault(&fault, &way, fault.column(), root))
    });
    faults.collect()
}

/// The layer's own checks; a message names the kind and the keys.
fn together(
    layer: &LayerSettings,
    settings: &Settings,
    root: &Node,
    index: usize,
) -> Option<Fault> {
    let checked = layer.check().and_then(|()| layer.check_privacy(settings.privacy));
    let message = checked.err()?.to_string();
    let kind = layer.kind();
    let message = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": "));
    let message = message.unwrap_or_default().to_owned();
    let way = |key: &str| ["layers".into(), Part::from(index), kind.into(), key.into()];
    let mut keys = message.split('`').skip(1).step_by(2);
    let key = keys.find(|key| root.find(&way(key)).is_some());
    let key = key.map(Part::from);
    let fault = Fault::new(message);
    Some(match key {
        Some(key) => fault.within(key),
        None => fault,
    })
}

/// Is the name that of a layer before, by its index in the file?
fn same_name(
    layer: &LayerSettings,
    name: String,
    index: usize,
    names: &mut HashMap<String, usize>,
) -> Option<Fault> {
    let Some(other) = names.get(&name) else {
        names.insert(name, index);
        return None;
    };
    let fault = Fault::new(format!("the name {} is that of layers[{other}] too", quoted(&name)));
    Some(if layer.name().is_some() { fault.within("name") } else { fault })
}

/// Two writers of one file would write into each other's lines and rotate each other's files.
/// Are these paths of one file, however they are written?
#[cfg(feature = "cli")]
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    absolute(one) == absolute(other)
}

fn same_file(
    layer: &LayerSettings,
    index: usize,
    files: &mut HashMap<PathBuf, usize>,
) -> Option<Fault> {
    let path = layer.path()?;
    let at_path = |fault: Fault| fault.within("path");
    if path.as_os_str().is_empty() {
        return Some(at_path(Fault::new("found an empty path, expected that of a file")));
    }
    let absolute = absolute(path);
    let Some(other) = files.get(&absolute) else {
        files.insert(absolute, index);
        return None;
    };
    let path = path.display().to_string();
    Some(at_path(Fault::new(format!("{} is the file of layers[{other}] too", quoted(&path)))))
}
