//! The key `watchers`: timeouts, levels by phase, fields, and what becomes of arguments.

use super::{
    graph::{Watcher, list},
    level::Level,
    operations::{Operations, own_names},
    queue::seconds,
    remark::Remark,
    source::Spot,
    yaml::{Block, Yaml},
};
use crate::{
    config::{Fault, Kind, quoted},
    record::{EventLevel, Field, nearest},
};

/// What the file says of the watchers.
#[derive(Debug)]
pub(super) struct Watchers<'a> {
    /// The level of each phase, by watcher.
    pub levels: [Phases; 2],
    pub fields: Fields,
    /// The files with a header line, and that line; none if it stands for the columns.
    pub headers: Vec<HeaderOf<'a>>,
}

/// The levels of the phases `first`, `update`, `final` and `timeout`.
pub(super) type Phases = [Level; 4];

pub(super) const PHASES: [&str; 4] = ["first", "update", "final", "timeout"];

/// The header line of a CSV file.
#[derive(Debug)]
pub(super) struct HeaderOf<'a> {
    pub spot: Spot<'a>,
    pub file: String,
    pub line: Option<String>,
}

/// The fields that a record of the file may have: ours, and those that the file makes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    own: Vec<String>,
}

impl Fields {
    /// The fields that are numbers of documents.
    pub(super) const COUNTS: &'static [Field] = &[
        Field::MatchedCount,
        Field::InsertedCount,
        Field::UpsertedCount,
        Field::ModifiedCount,
        Field::DeletedCount,
    ];

    /// The field that shows what pymongowatch calls so, and in which way it is another thing.
    pub(super) fn named(&self, name: &str) -> Result<(Field, Option<String>), String> {
        if let Some(field) = Field::ALL.iter().find(|field| field.name() == name) {
            return Ok((*field, None));
        }
        if self.own.iter().any(|own| own == name) {
            let message = format!("{} is under Extra, all of which is shown", quoted(name));
            return Ok((Field::Extra, Some(message)));
        }
        let hint = nearest(name, Field::ALL.iter().map(|field| field.name()))
            .map_or_else(String::new, |name| format!(": perhaps `{name}`"));
        Err(format!("there is no field {}{hint}", quoted(name)))
    }

    /// The path of a field that the file makes.
    pub(super) fn own_path(&self, name: &str) -> String {
        match Field::ALL.iter().any(|field| field.name() == name) {
            true => name.to_owned(),
            false => format!("Extra.{name}"),
        }
    }

    /// The path of what pymongowatch calls so.
    pub(super) fn path(&self, name: &str) -> String {
        let is_known = Field::ALL.iter().any(|field| field.name() == name);
        match self.own.iter().any(|own| own == name) && !is_known {
            true => format!("Extra.{name}"),
            false => name.to_owned(),
        }
    }
}

impl<'a> Watchers<'a> {
    pub(super) fn read(root: &Spot<'a>) -> Result<Self, Fault> {
        let default = [Level::DEBUG, Level::DEBUG, Level::INFO, Level::INFO];
        let mut watchers =
            Self { levels: [default; 2], fields: Fields::default(), headers: Vec::new() };
        let Some(spot) = root.get("watchers")? else { return Ok(watchers) };
        let global = spot.get("global")?;
        for watcher in Watcher::ALL {
            let own = spot.get(watcher.key())?;
            for map in global.iter().chain(&own) {
                read_levels(map, &mut watchers.levels[watcher as usize])?;
            }
            if let Some(own) = own {
                watchers.headers.extend(headers(&own)?);
                watchers.fields.own.extend(own_names(&own)?);
            }
        }
        if let Some(global) = global {
            watchers.headers.extend(headers(&global)?);
        }
        Ok(watchers)
    }
}

impl Watchers<'_> {
    /// The keys of our file: what differs by watcher, and the fields of texts. `levels` are those of
    /// the watchers, for layers that do not say their own.
    pub(super) fn settings(
        &self,
        root: &Spot<'_>,
        levels: Option<&[[EventLevel; 4]; 2]>,
    ) -> Result<Block, Fault> {
        let mut block = Block::new();
        let watchers = root.get("watchers")?;
        let mut kinds = [Block::new(), Block::new()];
        if let Some(spot) = &watchers {
            self.own(spot, &mut kinds)?;
        }
        let mut by_watcher = Block::new();
        for (watcher, mut kind) in Watcher::ALL.into_iter().zip(kinds) {
            if let Some(levels) = levels {
                kind.entry("levels", levels_map(&levels[watcher as usize]));
            }
            by_watcher.block(watcher.key(), kind);
        }
        for entry in watchers.iter().map(Spot::entries).collect::<Result<Vec<_>, _>>()?.concat() {
            if !["global", "collection", "cursor"].contains(&entry.name) {
                let message = format!("the watcher {}", quoted(entry.name));
                by_watcher.remark(Remark::lost(&entry.raw, message));
            }
        }
        block.block("watchers", by_watcher);
        if let Some(global) = watchers.map(|spot| spot.get("global")).transpose()?.flatten() {
            let fields = global.get("default_fields")?;
            block.append(fields.map_or_else(|| Ok(Block::new()), |spot| self.fields(&spot))?);
            block.append(unknown_keys(&global, &[])?);
        }
        Ok(block)
    }

    /// What the watchers say of their own.
    fn own(&self, spot: &Spot<'_>, kinds: &mut [Block; 2]) -> Result<(), Fault> {
        let mut operations = Operations::default();
        for watcher in Watcher::ALL {
            let (Some(own), kind) = (spot.get(watcher.key())?, &mut kinds[watcher as usize]) else {
                continue;
            };
            if let Some(timeout) = own.get("timeout_sec")? {
                seconds(&timeout, "timeout", kind)?;
            }
            if let Some(fields) = own.get("default_fields")? {
                kind.append(self.fields(&fields)?);
            }
            if let Some(emit) = own.get("emit_on_new_retrieves")? {
                match watcher {
                    Watcher::Cursor => {
                        kind.entry("emit_on_new_retrieves", Yaml::word(emit.flag()?))
                    }
                    Watcher::Collection => {
                        kind.remark(Remark::lost(&emit, "only cursors have updates"));
                    }
                }
            }
            operations.read(&own, watcher, &self.fields, kind)?;
            kind.append(unknown_keys(&own, &["emit_on_new_retrieves", "operations"])?);
        }
        for (kind, made) in kinds.iter_mut().zip(operations.blocks()) {
            kind.block("operations", made);
        }
        Ok(())
    }

    /// The key `fields`.
    fn fields(&self, named: &Spot<'_>) -> Result<Block, Fault> {
        let mut block = Block::new();
        let mut fields: Vec<&str> = Vec::new();
        for item in named.items()? {
            let item = item.followed()?;
            match self.fields.named(item.text()?) {
                Ok((field, _)) if fields.contains(&field.name()) => {}
                Ok((field, _)) => fields.push(field.name()),
                Err(message) => block.remark(Remark::lost(&item, message)),
            }
        }
        match fields.is_empty() {
            true => block
                .remark(Remark::lost(named, "no field is left: here the default ones are shown")),
            false => block.entry("fields", Yaml::list(fields.into_iter().map(str::to_owned))),
        }
        Ok(block)
    }
}

/// The levels of the four phases.
pub(super) fn levels_map(phases: &[EventLevel; 4]) -> Yaml {
    Yaml::map(PHASES.iter().zip(phases.iter().map(ToString::to_string)))
}

/// The keys of a watcher that mean nothing here; what becomes of results and of arguments without an
/// entry of their own cannot be said at once.
fn unknown_keys(watcher: &Spot<'_>, own: &[&str]) -> Result<Block, Fault> {
    const ALL: &[&str] = &["timeout_sec", "log_level", "default_fields", "csv"];
    let mut block = Block::new();
    for entry in watcher.entries()? {
        let message = match entry.name {
            name if ALL.contains(&name) || own.contains(&name) || entry.raw.is_nothing() => {
                continue;
            }
            "result" => "what is known of results is in fields of their own, such as MatchedCount \
                         and InsertedIds"
                .to_owned(),
            "undefined_arguments" => {
                "arguments without an entry are in Options; `drop` is a step that removes them"
                    .to_owned()
            }
            name => format!("the key {} of a watcher", quoted(name)),
        };
        block.remark(Remark::lost(&entry.raw, message));
    }
    Ok(block)
}

fn read_levels(map: &Spot<'_>, levels: &mut Phases) -> Result<(), Fault> {
    let Some(said) = map.get("log_level")? else { return Ok(()) };
    for (phase, level) in PHASES.iter().zip(levels) {
        if let Some(said) = said.get(phase)? {
            *level = Level::read(&said)?;
        }
    }
    Ok(())
}

fn headers<'a>(map: &Spot<'a>) -> Result<Vec<HeaderOf<'a>>, Fault> {
    let mut headers = Vec::new();
    for item in list(map, "csv")? {
        let item = item.followed()?;
        let Some(file) = item.get("file")? else {
            return Err(item.fault("expected the key `file`"));
        };
        let file = file.text()?.to_owned();
        let Some(spot) = item.get("add_headers_if_empty")? else { continue };
        let line = match spot.kind() {
            Kind::Bool(false) => continue,
            Kind::Bool(true) => None,
            _ => Some(spot.text()?.to_owned()),
        };
        headers.push(HeaderOf { spot, file, line });
    }
    Ok(headers)
}

/// So many seconds as a duration of ours; none, if that is nothing or longer than a century.
pub(super) fn duration(seconds: f64) -> Option<String> {
    const SECONDS_MAX: f64 = 100.0 * 366.0 * 86_400.0;
    if !(0.001..=SECONDS_MAX).contains(&seconds) {
        return None;
    }
    let ms = (seconds * 1_000.0).round() as u64;
    let units = [("h", 3_600_000, u64::MAX), ("m", 60_000, 60), ("s", 1_000, 60), ("ms", 1, 1_000)];
    let parts = units.into_iter().filter_map(|(unit, length, next)| {
        let number = ms / length % next;
        (number > 0).then(|| format!("{number}{unit}"))
    });
    Some(parts.collect::<Vec<_>>().join(" "))
}
