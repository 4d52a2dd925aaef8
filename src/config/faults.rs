//! All faults of a text at once: what is faulty is cut out of the tree, and the rest is read again.

use serde::Deserialize;

use super::{
    Settings,
    check::check,
    fault::Fault,
    tree::{Kind, Node},
    variables::{self, Lookup},
};

/// So many faults are told at most.
const FAULTS_MAX: usize = 100;

/// A text that was read: what it comes to, and the tree that it came from.
pub(super) struct Read {
    pub(super) settings: Settings,
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "for `config print`"))]
    pub(super) root: Node,
}

/// Reads settings, or gives what is wrong with the text, in its order; at least one fault, at most
/// [`FAULTS_MAX`].
pub(super) fn read(text: &str, lookup: Lookup<'_>) -> Result<Read, Vec<Fault>> {
    let mut root = Node::parse(text).map_err(|fault| vec![fault])?;
    let mut faults = variables::resolve(&mut root, lookup);
    let settings = loop {
        match Settings::deserialize(&root) {
            Ok(settings) => break Some(settings),
            Err(fault) => {
                let is_cut = cut(&mut root, &fault);
                if is_cut != Cut::Again {
                    faults.push(fault);
                }
                if is_cut == Cut::Nothing || faults.len() >= FAULTS_MAX {
                    break None;
                }
            }
        }
    };
    if let Some(settings) = &settings {
        faults.extend(check(settings, &root));
    }
    match settings {
        Some(settings) if faults.is_empty() => Ok(Read { settings, root }),
        _ => Err(in_order(faults)),
    }
}

/// What became of a faulty node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It was cut out.
    Once,
    /// It was cut out, but it is faulty only because something else was cut out before.
    Again,
    /// It is the whole text.
    Nothing,
}

/// Cuts out what has this fault.
fn cut(root: &mut Node, fault: &Fault) -> Cut {
    let path: Vec<_> = fault.path().cloned().collect();
    let node = root.nearest_mut(&path);
    if fault.is_of_key()
        && let Kind::Map(entries) = &mut node.kind
        && let Some((_, value)) = entries
            .iter_mut()
            .find(|(key, value)| Some(key.place) == fault.place() && !value.is_cut())
    {
        value.kind = Kind::Cut;
        return Cut::Once;
    }
    let is_whole = path.is_empty() || node.is_cut();
    let mut is_again = node.has_cut();
    if !is_whole {
        node.kind = Kind::Cut;
    }
    if let [before @ .., _] = &path[..] {
        // Where what was needed has been cut out beside it: `csv`, and a `path` not indented.
        let parent = root.nearest(before);
        let n_cut = match &parent.kind {
            Kind::Map(entries) => entries.iter().filter(|(_, value)| value.is_cut()).count(),
            _ => 0,
        };
        is_again |= fault.is_missing() && n_cut > 1;
    }
    match (is_whole, is_again) {
        (true, _) => Cut::Nothing,
        (false, true) => Cut::Again,
        (false, false) => Cut::Once,
    }
}

/// The faults in the order of the text; one that is met twice, behind an alias, is told once.
fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(Fault::place);
    faults.dedup_by(|next, before| next.place() == before.place() && next.says_as(before));
    faults.truncate(FAULTS_MAX);
    faults
}
