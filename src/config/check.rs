//! What the types of the settings do not say: limits, and what must fit together.

use std::time::Duration;

use super::{
    fault::{Fault, Step, quoted},
    tree::Node,
};
use crate::{layer::LayerSettings, pipeline::Settings};

/// Checks settings that were read from `root`. Opens nothing.
pub(super) fn check(settings: &Settings, root: &Node) -> Result<(), Fault> {
    let checked = limits(settings)
        .and_then(|()| requirements(settings))
        .and_then(|()| layers(&settings.layers, root));
    checked.map_err(|fault| {
        let node = root.nearest(fault.path());
        fault.at(node)
    })
}

fn limits(settings: &Settings) -> Result<(), Fault> {
    let queue = |fault: Fault| fault.within(Step::key("queue"));
    at_least_one(settings.buffer, "buffer")?;
    at_least_one(settings.queue.capacity, "capacity").map_err(queue)?;
    some_time(Some(settings.queue.timeout), "timeout").map_err(queue)?;
    some_time(settings.queue.cursor_timeout, "cursor_timeout").map_err(queue)?;
    some_time(Some(settings.shutdown_timeout), "shutdown_timeout")
}

fn at_least_one(number: usize, key: &str) -> Result<(), Fault> {
    match number {
        0 => Err(Fault::expected("at least 1").within(Step::key(key))),
        _ => Ok(()),
    }
}

fn some_time(time: Option<Duration>, key: &str) -> Result<(), Fault> {
    match time {
        Some(Duration::ZERO) => {
            Err(Fault::expected("a duration longer than 0").within(Step::key(key)))
        }
        _ => Ok(()),
    }
}

/// A rule that asks for nothing is one whose list was forgotten.
fn requirements(settings: &Settings) -> Result<(), Fault> {
    match settings.require_context.iter().position(|rule| rule.fields.is_empty()) {
        Some(index) => Err(Fault::expected("at least one part of the context, such as `actor`")
            .within(Step::key("fields"))
            .within(Step::Index(index))
            .within(Step::key("require_context"))),
        None => Ok(()),
    }
}

fn layers(layers: &[LayerSettings], root: &Node) -> Result<(), Fault> {
    for (index, layer) in layers.iter().enumerate() {
        let before = &layers[..index];
        let fault = together(layer, root, index)
            .or_else(|| same_name(layer, before))
            .or_else(|| same_file(layer, before));
        if let Some(fault) = fault {
            let list = Step::key("layers");
            return Err(fault
                .within(Step::key(layer.kind()))
                .within(Step::Index(index))
                .within(list));
        }
    }
    Ok(())
}

/// The layer's own check; its message names the kind and the keys.
fn together(layer: &LayerSettings, root: &Node, index: usize) -> Option<Fault> {
    let message = layer.check().err()?.to_string();
    let kind = layer.kind();
    let message = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": "));
    let message = message.unwrap_or_default().to_owned();
    let way = |key| [Step::key("layers"), Step::Index(index), Step::key(kind), Step::key(key)];
    let mut keys = message.split('`').skip(1).step_by(2);
    let key = keys.find(|key| root.find(&way(key)).is_some()).map(Step::key);
    let fault = Fault::new(message);
    Some(match key {
        Some(key) => fault.within(key),
        None => fault,
    })
}

fn same_name(layer: &LayerSettings, before: &[LayerSettings]) -> Option<Fault> {
    let name = layer.route(before);
    let is_taken = |place: usize| before[place].route(&before[..place]) == name;
    let other = (0..before.len()).find(|place| is_taken(*place))?;
    let fault = Fault::new(format!("the name {} is that of layers[{other}] too", quoted(&name)));
    Some(if layer.name().is_some() { fault.within(Step::key("name")) } else { fault })
}

/// Two writers of one file would write into each other's lines and rotate each other's files.
fn same_file(layer: &LayerSettings, before: &[LayerSettings]) -> Option<Fault> {
    let path = layer.path()?;
    let at_path = |fault: Fault| fault.within(Step::key("path"));
    if path.as_os_str().is_empty() {
        return Some(at_path(Fault::new("found an empty path, expected that of a file")));
    }
    let other = before.iter().position(|before| before.path() == Some(path))?;
    let path = path.display().to_string();
    Some(at_path(Fault::new(format!("{} is the file of layers[{other}] too", quoted(&path)))))
}
