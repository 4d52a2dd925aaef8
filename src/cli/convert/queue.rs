//! The queues before handlers, of which there is one here, and the timeout of all records.

use super::{
    graph::Route,
    remark::Remark,
    source::Spot,
    watchers::duration,
    yaml::{Block, Yaml},
};
use crate::config::{Fault, quoted};

/// The key `queue`.
pub(super) fn queue(root: &Spot<'_>, routes: &[Route<'_>]) -> Result<Block, Fault> {
    let mut block = Block::new();
    timeout(root, &mut block)?;
    let mut queues: Vec<&Spot<'_>> = Vec::new();
    for queue in routes.iter().flat_map(|route| &route.queues) {
        if !queues.iter().any(|known| known.is(queue)) {
            queues.push(queue);
        }
    }
    block.append(delay(&queues)?);
    block.append(capacity(&queues)?);
    for queue in queues {
        others(queue, &mut block)?;
    }
    Ok(block)
}

/// How long all records may be silent.
fn timeout(root: &Spot<'_>, block: &mut Block) -> Result<(), Fault> {
    if let Some(watchers) = root.get("watchers")?
        && let Some(global) = watchers.get("global")?
        && let Some(spot) = global.get("timeout_sec")?
    {
        seconds(&spot, "timeout", block)?;
    }
    Ok(())
}

/// A duration for the key, from a number of seconds.
pub(super) fn seconds(spot: &Spot<'_>, key: &str, block: &mut Block) -> Result<(), Fault> {
    match duration(spot.number()?) {
        Some(duration) => block.entry(key, Yaml::word(duration)),
        None => {
            let message = "expected a time between a millisecond and a century: the default here";
            block.remark(Remark::lost(spot, message));
        }
    }
    Ok(())
}

/// The delay of the first queue that has one.
fn delay(queues: &[&Spot<'_>]) -> Result<Block, Fault> {
    let mut block = Block::new();
    let mut first = None;
    for queue in queues {
        let Some(spot) = queue.get("forced_delay_sec")? else { continue };
        let delay = spot.number()?;
        if delay <= 0.0 {
            continue;
        }
        match first {
            None => seconds(&spot, "forced_delay", &mut block)?,
            Some(first) if first == delay => continue,
            Some(_) => {
                let message = "another delay: there is one queue here, with the first one";
                block.remark(Remark::lost(&spot, message));
                continue;
            }
        }
        first = Some(delay);
    }
    Ok(block)
}

/// The longest of the bounds: one queue holds what several held.
fn capacity(queues: &[&Spot<'_>]) -> Result<Block, Fault> {
    let mut block = Block::new();
    let mut largest: Option<(u64, Spot<'_>)> = None;
    for queue in queues {
        let Some(spot) = queue.get("maxsize")? else { continue };
        let size = spot.whole()?;
        if size > largest.as_ref().map_or(0, |(size, _)| *size) {
            largest = Some((size, spot));
        }
    }
    let Some((size, spot)) = largest else { return Ok(block) };
    match usize::try_from(size) {
        Ok(size) => {
            let message = "a full queue lost records there: here those that wait longest come out \
                           early";
            block.remark(Remark::changed(&spot, message));
            block.entry("capacity", Yaml::word(size));
        }
        Err(_) => block.remark(Remark::lost(&spot, "more than can be counted here")),
    }
    Ok(block)
}

/// The other keys of a queue handler.
fn others(queue: &Spot<'_>, block: &mut Block) -> Result<(), Fault> {
    const KNOWN: &[&str] =
        &["()", "class", "backend", "filters", "forced_delay_sec", "maxsize", "level"];
    for entry in queue.entries()? {
        match entry.name {
            name if KNOWN.contains(&name) => {}
            "enable_multiprocessing" => {
                if entry.raw.followed()?.flag()? {
                    let message = "each process has a queue and files of its own here; `mongowatch \
                                   csv aggregate` merges the versions of records afterwards";
                    block.remark(Remark::lost(&entry.raw, message));
                }
            }
            name => {
                let message = format!("the key {} of a queue", quoted(name));
                block.remark(Remark::lost(&entry.raw, message));
            }
        }
    }
    Ok(())
}
