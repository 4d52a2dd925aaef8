//! Filters become steps.

use super::{
    condition::condition,
    graph::{Watcher, last, list},
    python,
    remark::Remark,
    source::Spot,
    watchers::{Fields, duration},
    yaml::{Block, Yaml, scalar},
};
use crate::{
    config::{Fault, Kind, quoted},
    record::Field,
};

/// The steps for a filter, which is named by its key or by a reference.
pub(super) fn steps(named: &Spot<'_>, fields: &Fields) -> Result<Block, Fault> {
    let filter = named.named("filters")?;
    if !filter.is_map() {
        return Err(filter.expected("a filter, with keys such as `()`"));
    }
    let Some(factory) = filter.get("()")? else { return by_name(&filter) };
    let factory = factory.object()?;
    match last(factory) {
        "ExpressionFilter" => expression(&filter, fields),
        "ExecuteFilter" => execute(&filter),
        "AddFieldAttributes" => attributes(&filter),
        "RateFilter" => rate(&filter, fields),
        "AddPymongoResults" => {
            let message = "results of the driver as they are: what is known of them is in fields, \
                           such as InsertedIds, Outcome and ErrorName";
            Ok(lost(&filter, message))
        }
        "RestoreOriginalWatcher" => {
            let mut block = Block::new();
            let message = "not needed: a step changes the record of its own layer only";
            block.remark(Remark::changed(&filter, message));
            Ok(block)
        }
        _ => {
            let message = format!("the filter {}: its code is not known here", quoted(factory));
            Ok(lost(&filter, message))
        }
    }
}

fn lost(filter: &Spot<'_>, message: impl Into<String>) -> Block {
    let mut block = Block::new();
    block.remark(Remark::lost(filter, message));
    block
}

/// Python's own filter: the records of a logger and those below it.
fn by_name(filter: &Spot<'_>) -> Result<Block, Fault> {
    let name = filter.get("name")?;
    let name = name.as_ref().map_or(Ok(""), Spot::text)?;
    let is_at_or_below = |logger: &str| {
        name.is_empty()
            || logger
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let passed: Vec<_> =
        Watcher::ALL.into_iter().filter(|watcher| is_at_or_below(watcher.logger())).collect();
    let mut block = Block::new();
    match passed[..] {
        [] => block.remark(Remark::lost(filter, "a filter that lets nothing of pymongowatch pass")),
        [one] => block.keyed("when", of_watcher(one)),
        _ => {}
    }
    Ok(block)
}

/// The condition that a record is one of this watcher.
pub(super) fn of_watcher(watcher: Watcher) -> Yaml {
    Yaml::text(&format!("{} == \"{}\"", Field::WatcherName, watcher.ours()))
}

fn expression(filter: &Spot<'_>, fields: &Fields) -> Result<Block, Fault> {
    let Some(spot) = filter.get("expression")? else {
        return Err(filter.fault("expected the key `expression`"));
    };
    let text = spot.text()?;
    let on_error = filter.get("exception_result")?.map(|flag| flag.flag()).transpose()?;
    let on_error = on_error.unwrap_or(false);
    let mut block = unknown_keys(filter, &["expression", "exception_result"])?;
    match python::parse(text).and_then(|expr| condition(&expr, on_error, fields)) {
        Ok(condition) => {
            let changed = condition.changed.into_iter();
            block.remarks(changed.map(|message| Remark::changed(&spot, message)));
            block.keyed("when", Yaml::text(&condition.text));
        }
        Err(message) => {
            let message = format!("an expression of Python: {message}");
            block.remark(Remark::lost(&spot, message).with_text(text));
        }
    }
    Ok(block)
}

fn execute(filter: &Spot<'_>) -> Result<Block, Fault> {
    let Some(spot) = filter.get("execute")? else {
        return Err(filter.fault("expected the key `execute`"));
    };
    let mut block = unknown_keys(filter, &["execute", "exception_result"])?;
    let message = "code of Python; if it masks values, the step `mask: Filter` does so too";
    block.remark(Remark::lost(&spot, message).with_text(spot.text()?));
    block.comment("- mask: Filter");
    Ok(block)
}

/// Constants become fields; what Python would have to be asked for is lost.
fn attributes(filter: &Spot<'_>) -> Result<Block, Fault> {
    let mut block = unknown_keys(filter, &["field_name", "attributes"])?;
    let Some(name) = filter.get("field_name")? else {
        return Err(filter.fault("expected the key `field_name`"));
    };
    let path = format!("Extra.{}", name.text()?);
    let value = match filter.get("attributes")? {
        Some(map) if map.is_map() => {
            let entries = map.entries()?.into_iter().map(|entry| {
                let value = entry.raw.followed()?;
                // Other keys may mean something in Extended JSON.
                let is_plain = is_path(&format!("Extra.{}", entry.name));
                Ok((scalar(entry.name), constant(&value).filter(|_| is_plain)))
            });
            let entries = entries.collect::<Result<Vec<_>, Fault>>()?;
            let all = entries.into_iter().map(|(key, value)| Some((key, value?)));
            all.collect::<Option<Vec<_>>>().map(Yaml::map)
        }
        Some(value) => constant(&value).map(Yaml::Line),
        None => None,
    };
    // A map with one of these keys would be taken for what it is here.
    let Some(value) = value.filter(|value| !is_source(value) && is_path(&path)) else {
        let message = format!(
            "the attributes of log records for the field {}; constants can be put into a record, \
             such as: - set: {{Extra.Team: payments}}",
            quoted(name.text()?)
        );
        block.remark(Remark::lost(filter, message));
        return Ok(block);
    };
    let mut set = Block::new();
    set.entry(&path, value);
    block.keyed("set", Yaml::Block(set));
    Ok(block)
}

fn is_source(value: &Yaml) -> bool {
    let Yaml::Line(line) = value else { return false };
    ["{env:", "{template:"].iter().any(|start| line.starts_with(start))
}

/// Is it a path that needs no thought: letters, digits and one point?
pub(super) fn is_path(path: &str) -> bool {
    path.strip_prefix("Extra.").is_some_and(|name| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// A scalar, as it is written in a flow map.
pub(super) fn constant(value: &Spot<'_>) -> Option<String> {
    match value.kind() {
        Kind::Text(text) => Some(scalar(text)),
        Kind::Bool(value) => Some(value.to_string()),
        Kind::Unsigned(number) if i64::try_from(*number).is_ok() => Some(number.to_string()),
        Kind::Signed(number) => Some(number.to_string()),
        Kind::Float(number) if number.is_finite() => Some(format!("{number:?}")),
        _ => None,
    }
}

fn rate(filter: &Spot<'_>, fields: &Fields) -> Result<Block, Fault> {
    const KEYS: &[&str] = &[
        "attributes",
        "output_rate_sec",
        "suffix",
        "ignore_nones",
        "ignore_intermediates",
        "drop_records",
        "extra_timeout_sec",
        "clone_watch",
        "enable_multiprocessing",
    ];
    let mut block = unknown_keys(filter, KEYS)?;
    let mut rate = Vec::new();
    rate.extend(period(filter, &mut block)?.map(|every| ("every", every)));
    // One sum for all of them, as it was.
    rate.push(("by", "[]".to_owned()));
    let sums = sums(filter, fields, &mut block)?;
    rate.push(("sum", format!("[{}]", sums.join(", "))));
    if filter.get("drop_records")?.map(|flag| flag.flag()).transpose()? == Some(true) {
        rate.push(("originals", "drop".to_owned()));
    }
    if let Some(suffix) = filter.get("suffix")? {
        let message = format!(
            "the suffix {}: rates are in `Extra.Rates`, under the name of the field",
            quoted(suffix.text()?)
        );
        block.remark(Remark::lost(&suffix, message));
    }
    block.append(rate_flags(filter)?);
    block.keyed("rate", Yaml::map(rate));
    Ok(block)
}

/// The length of a period.
fn period(filter: &Spot<'_>, block: &mut Block) -> Result<Option<String>, Fault> {
    let Some(spot) = filter.get("output_rate_sec")? else { return Ok(Some("60s".to_owned())) };
    let seconds = spot.number()?;
    let every = duration(seconds).filter(|_| (1.0..=86_400.0).contains(&seconds));
    if every.is_none() {
        block.remark(Remark::lost(&spot, "a period is between 1s and 24h: 60s here"));
    }
    Ok(every)
}

/// What is said of flags that are not as they usually are.
fn rate_flags(filter: &Spot<'_>) -> Result<Block, Fault> {
    let mut block = Block::new();
    for (key, usual, message) in RATE_FLAGS {
        if let Some(flag) = filter.get(key)?.filter(|flag| flag.flag().ok() != Some(*usual)) {
            flag.flag()?;
            block.remark(Remark::lost(&flag, *message));
        }
    }
    if let Some(spot) = filter.get("extra_timeout_sec")? {
        let message = "not needed: a period ends with the clock, whether records come or not";
        block.remark(Remark::changed(&spot, message));
    }
    Ok(block)
}

/// The flags of a rate that have one meaning here: the usual one, and what is said of the other.
const RATE_FLAGS: &[(&str, bool, &str)] = &[
    ("ignore_nones", true, "what is not known is not counted here"),
    ("ignore_intermediates", true, "only final versions are summed up here"),
    ("clone_watch", true, "sums are records of their own here"),
    (
        "enable_multiprocessing",
        false,
        "each process has sums of its own here; they can be added up afterwards",
    ),
];

/// The fields that are summed up; of what is no number, records were counted.
fn sums(filter: &Spot<'_>, fields: &Fields, block: &mut Block) -> Result<Vec<&'static str>, Fault> {
    let mut sums: Vec<&'static str> = Vec::new();
    for item in list(filter, "attributes")? {
        let item = item.followed()?;
        let name = item.text()?;
        match fields.named(name) {
            Ok((field, _)) if Fields::COUNTS.contains(&field) => {
                if !sums.contains(&field.name()) {
                    sums.push(field.name());
                }
            }
            Ok((Field::Duration, _)) => {
                let message = "the sum of Duration is in `Extra.Duration.Sum`";
                block.remark(Remark::changed(&item, message));
            }
            Ok((Field::Extra, Some(_))) | Err(_) => {
                let message = format!("a sum of {}", quoted(name));
                block.remark(Remark::lost(&item, message));
            }
            Ok((field, _)) => {
                let message = format!(
                    "{field} is no number: how many records there were is in `Extra.Count`, for \
                     each second in `Extra.Rate`"
                );
                block.remark(Remark::changed(&item, message));
            }
        }
    }
    Ok(sums)
}

/// The keys of a filter that mean nothing there.
fn unknown_keys(filter: &Spot<'_>, known: &[&str]) -> Result<Block, Fault> {
    let mut block = Block::new();
    for entry in filter.entries()? {
        if entry.name != "()" && entry.name != "." && !known.contains(&entry.name) {
            let message = format!("the key {} of this filter", quoted(entry.name));
            block.remark(Remark::lost(&entry.raw, message));
        }
    }
    Ok(block)
}
