//! The faults of a route's steps, at their places in the file.

use super::{fault::Fault, tree::Node};
use crate::filter::{self, Part};

/// Makes a fault of the configuration of one of a step: `way` leads from the root to the settings of
/// the step, such as `layers[1].file.steps[0]`, and the fault's own way goes on from there.
///
/// An unknown word and a malformed path are shown at their key, if they are one. `column` counts the
/// letters of a scalar from 1, of an expression for example; it counts as far as each letter has a place
/// in the file.
pub(super) fn step_fault(
    fault: &filter::Fault,
    way: &[Part],
    column: Option<usize>,
    root: &Node,
) -> Fault {
    let mut path: Vec<_> = way.iter().chain(fault.path()).cloned().collect();
    let node = root.nearest(&path);
    // What is not in the file may be a part of a text with values of the environment.
    if !node.of_environment().is_empty() {
        let is_there = |n_steps: &usize| root.find(&path[..*n_steps]).is_some();
        let n_there = (0..=path.len()).rev().find(is_there).unwrap_or_default();
        path.truncate(n_there);
    }
    let placed = |placed: Fault| path.iter().rev().cloned().fold(placed, Fault::within);
    let message = fault.message();
    let is_of_word = ["unknown ", "path "].iter().any(|start| message.starts_with(start));
    let word = message.split('`').nth(1).filter(|_| is_of_word);
    let key = word.and_then(|word| {
        let above = root.nearest(&path[..path.len().saturating_sub(1)]);
        let is_last = matches!(path.last(), Some(Part::Key(last)) if last == word);
        node.place_of_key(word).or_else(|| above.place_of_key(word).filter(|_| is_last))
    });
    let made = Fault::of_text(message);
    let letter = column.and_then(|column| node.place_of(column.saturating_sub(1)));
    placed(match (key, letter) {
        (Some(place), _) => made.at_key(place),
        (None, Some(place)) => made.at_place(place),
        // A message may quote what stands beside: the options of a regular expression.
        (None, None) if node.written().is_none() => made.at_shown(root.nearest(way)).at(node),
        (None, None) => made.at(node),
    })
}
