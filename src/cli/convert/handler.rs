//! Handlers become layers.

use std::path::Path;

use super::{
    filter::{of_watcher, steps},
    format::Format,
    graph::{Route, Watcher, list},
    remark::Remark,
    source::Spot,
    watchers::{HeaderOf, Watchers, levels_map},
    yaml::{Block, Yaml},
};
use crate::{
    config::{Fault, is_one_file, quoted},
    record::{self, EventLevel, Field},
};

/// The handlers of Python that have a counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Stream,
    File,
    Rotating,
}

/// The layers, as far as they are made.
pub(super) struct Layers<'w, 'a> {
    watchers: &'w Watchers<'a>,
    /// The list.
    pub block: Block,
    /// The files that have a writer, each with its handler.
    files: Vec<(String, Spot<'a>)>,
    /// The headers, by their place among those of the watchers, that were used.
    headers: Vec<usize>,
    /// The levels of collections and of cursors, of the first handler where they differ.
    pub shared: Option<[[EventLevel; 4]; 2]>,
    /// How many filters were looked at.
    n_filters: usize,
}

/// The levels of a layer.
struct Levels {
    phases: [EventLevel; 4],
    /// Does each watcher say its own?
    is_shared: bool,
    remarks: Vec<Remark>,
}

impl<'w, 'a> Layers<'w, 'a> {
    pub(super) fn new(watchers: &'w Watchers<'a>, routes: &[Route<'a>]) -> Self {
        Self {
            watchers,
            block: Block::new(),
            files: Vec::new(),
            headers: Vec::new(),
            shared: routes.iter().find_map(|route| differing(watchers, route)),
            n_filters: 0,
        }
    }

    /// Adds the layer of a handler, or says that there is none.
    pub(super) fn add(&mut self, route: &Route<'a>) -> Result<(), Fault> {
        let handler = &route.handler;
        let Some(class) = class(handler, &mut self.block)? else { return Ok(()) };
        let levels = self.levels(route);
        let format = Format::of(handler)?;
        let mut layer = Block::new();
        if !route.name.is_empty() {
            layer.entry("name", Yaml::text(&route.name));
        }
        self.say_levels(&levels, &mut layer);
        if route.queues.is_empty() {
            // Without a queue each version was written as it came.
            layer.entry("versions", Yaml::word("all"));
        }
        layer.append(unknown_keys(handler, class)?);
        let kind = match class {
            Class::Stream => {
                stream(handler, &mut layer)?;
                self.lines(format, &levels, &mut layer);
                "console"
            }
            Class::File | Class::Rotating => {
                let Some(path) = self.file(handler)? else { return Ok(()) };
                layer.entry("path", Yaml::text(&path));
                if class == Class::Rotating {
                    rotation(handler, &mut layer)?;
                }
                if format.is_csv() {
                    self.rows(format, &path, &mut layer);
                    "csv"
                } else {
                    self.lines(format, &levels, &mut layer);
                    "file"
                }
            }
        };
        layer.block("steps", self.steps(route)?);
        self.block.keyed(kind, Yaml::Block(layer));
        Ok(())
    }

    /// What is said of headers for files that are not written as CSV.
    pub(super) fn unused_headers(&self) -> Vec<Remark> {
        let headers = self.watchers.headers.iter().enumerate();
        let unused = headers.filter(|(index, _)| !self.headers.contains(index));
        let message = "a header for a file that no handler here writes as CSV";
        unused.map(|(_, header)| Remark::lost(&header.spot, message)).collect()
    }

    /// The level of each phase; off, where it does not reach the handler.
    fn levels(&self, route: &Route<'_>) -> Levels {
        let [collection, cursor] =
            Watcher::ALL.map(|watcher| phases(self.watchers, route, watcher));
        let is_shared = self.shared.is_some() && differing(self.watchers, route) == self.shared;
        let mut remarks = Vec::new();
        let phases = match (collection, cursor) {
            (Some(one), Some(other)) if one != other => {
                let message = "collections and cursors differ in their levels, in another way than at \
                               the handler before: here both have the more urgent one of each phase";
                if !is_shared {
                    remarks.push(Remark::lost(&route.handler, message));
                }
                std::array::from_fn(|phase| match (one[phase], other[phase]) {
                    (EventLevel::Off, level) | (level, EventLevel::Off) => level,
                    (one, other) => one.min(other),
                })
            }
            (Some(phases), _) | (None, Some(phases)) => phases,
            (None, None) => [EventLevel::Off; 4],
        };
        if phases == [EventLevel::Off; 4] {
            let message = "no record comes to this handler: the levels keep all of them back";
            remarks.push(Remark::changed(&route.handler, message));
        }
        Levels { phases, is_shared, remarks }
    }

    fn say_levels(&self, levels: &Levels, layer: &mut Block) {
        layer.remarks(levels.remarks.iter().cloned());
        let default = record::Levels::default();
        let default = [default.first, default.update, default.final_, default.timeout];
        if !levels.is_shared && (levels.phases != default || self.shared.is_some()) {
            layer.entry("levels", levels_map(&levels.phases));
        }
    }

    fn lines(&self, format: Format<'_>, levels: &Levels, layer: &mut Block) {
        let lines = format.lines(levels.only(), &self.watchers.fields);
        layer.remarks(lines.remarks);
        layer.entry("template", Yaml::text(&lines.template));
    }

    fn rows(&mut self, format: Format<'_>, path: &str, layer: &mut Block) {
        let columns = format.columns(&self.watchers.fields);
        layer.remarks(columns.remarks);
        let fields = columns.fields;
        if fields != Field::CSV_DEFAULT {
            layer.entry("columns", Yaml::list(fields.iter().map(ToString::to_string)));
        }
        let headers = self.watchers.headers.iter().enumerate();
        let Some((index, header)) = headers.into_iter().find(|(_, header)| header.file == path)
        else {
            layer.entry("header", Yaml::word(false));
            return;
        };
        self.headers.push(index);
        if let Some(remark) = another_line(header, &fields) {
            layer.remark(remark);
        }
    }

    /// The file of a handler, unless another one writes it.
    fn file(&mut self, handler: &Spot<'a>) -> Result<Option<String>, Fault> {
        let Some(spot) = handler.get("filename")? else {
            return Err(handler.fault("expected the key `filename`"));
        };
        let path = spot.text()?;
        if path.is_empty() {
            return Err(spot.expected("the path of a file"));
        }
        let is_same = |(other, _): &&(String, _)| is_one_file(Path::new(other), Path::new(path));
        if let Some((_, other)) = self.files.iter().find(is_same) {
            let message = format!("the file {} is that of {} too", quoted(path), other.way());
            self.block.remark(Remark::lost(handler, message));
            return Ok(None);
        }
        self.files.push((path.to_owned(), handler.clone()));
        Ok(Some(path.to_owned()))
    }

    /// What a record goes through: the filters of the logger, of the queues and of the handler.
    fn steps(&mut self, route: &Route<'a>) -> Result<Block, Fault> {
        let mut block = Block::new();
        let comes = |watcher: &Watcher| phases(self.watchers, route, *watcher).is_some();
        let reached: Vec<_> = Watcher::ALL.into_iter().filter(comes).collect();
        if let [watcher] = reached[..] {
            block.keyed("when", of_watcher(watcher));
        }
        let filters = reached.iter().map(|watcher| match route.of(*watcher) {
            Some(reach) => &reach.filters[..],
            None => &[],
        });
        let filters: Vec<_> = filters.collect();
        match filters[..] {
            [filters] => self.append(filters, &mut block)?,
            [one, other] if same(one, other)? => self.append(one, &mut block)?,
            _ => {
                for filter in filters.into_iter().flatten() {
                    let message = "a filter of one logger, where the handler has records of both";
                    block.remark(Remark::lost(filter, message));
                }
            }
        }
        for handler in route.queues.iter().chain([&route.handler]) {
            self.append(&list(handler, "filters")?, &mut block)?;
        }
        Ok(block)
    }

    fn append(&mut self, filters: &[Spot<'_>], block: &mut Block) -> Result<(), Fault> {
        /// So many steps a route may have; one is needed for the watcher.
        const STEPS_MAX: usize = 99;
        /// So many filters all handlers may have.
        const FILTERS_MAX: usize = 2_000;
        for filter in filters {
            self.n_filters += 1;
            if self.n_filters > FILTERS_MAX {
                return Err(filter.fault(format!("more than {FILTERS_MAX} filters in all")));
            }
            if block.n_values() >= STEPS_MAX {
                return Err(filter.fault(format!("more than {STEPS_MAX} filters before a handler")));
            }
            block.append(steps(filter, &self.watchers.fields)?);
        }
        Ok(())
    }
}

impl Levels {
    /// The level that all records have that come, if they have one.
    fn only(&self) -> Option<EventLevel> {
        if self.is_shared {
            return None;
        }
        let mut shown = self.phases.into_iter().filter(|level| *level != EventLevel::Off);
        let first = shown.next()?;
        shown.all(|level| level == first).then_some(first)
    }
}

/// The level of each phase of one watcher, if any of them reaches the handler.
fn phases(watchers: &Watchers<'_>, route: &Route<'_>, watcher: Watcher) -> Option<[EventLevel; 4]> {
    let reach = route.of(watcher)?;
    let levels = watchers.levels[watcher as usize].map(|level| match level >= reach.level {
        true => level.ours(),
        false => EventLevel::Off,
    });
    (levels != [EventLevel::Off; 4]).then_some(levels)
}

/// The levels of both watchers, if they are not the same.
fn differing(watchers: &Watchers<'_>, route: &Route<'_>) -> Option<[[EventLevel; 4]; 2]> {
    let [collection, cursor] = Watcher::ALL.map(|watcher| phases(watchers, route, watcher));
    let both = [collection?, cursor?];
    (both[0] != both[1]).then_some(both)
}

/// Are the filters of both loggers the same?
fn same(one: &[Spot<'_>], other: &[Spot<'_>]) -> Result<bool, Fault> {
    for (one, other) in one.iter().zip(other) {
        if !one.named("filters")?.is(&other.named("filters")?) {
            return Ok(false);
        }
    }
    Ok(one.len() == other.len())
}

/// The kind of a handler; none, with a remark, if there is nothing like it.
fn class(handler: &Spot<'_>, block: &mut Block) -> Result<Option<Class>, Fault> {
    let (key, spot) = match (handler.get("class")?, handler.get("()")?) {
        (_, Some(factory)) => ("handler", factory),
        (Some(class), None) => ("class", class),
        (None, None) => return Err(handler.fault("expected the key `class` or `()`")),
    };
    Ok(match spot.object()? {
        "logging.StreamHandler" => Some(Class::Stream),
        "logging.FileHandler" => Some(Class::File),
        "logging.handlers.RotatingFileHandler" => Some(Class::Rotating),
        // It wrote nothing.
        "logging.NullHandler" => None,
        other => {
            let known = "StreamHandler, FileHandler and RotatingFileHandler have a counterpart";
            let message = format!("the {key} {}: {known}", quoted(other));
            block.remark(Remark::lost(handler, message));
            None
        }
    })
}

/// What is said of the other keys of a handler.
fn unknown_keys(handler: &Spot<'_>, class: Class) -> Result<Block, Fault> {
    let own: &[&str] = match class {
        Class::Stream => &["stream"],
        Class::File => &["filename", "delay"],
        Class::Rotating => &["filename", "delay", "maxBytes", "backupCount"],
    };
    const ALL: &[&str] = &["class", "()", "level", "formatter", "filters"];
    let mut block = Block::new();
    for entry in handler.entries()? {
        let value = entry.raw.followed()?;
        let message = match (entry.name, value.text().unwrap_or_default()) {
            (name, _) if own.contains(&name) || ALL.contains(&name) => continue,
            (_, _) if value.is_nothing() => continue,
            ("mode", "a") => continue,
            ("mode", _) => "files are always appended to".to_owned(),
            ("encoding", text)
                if text.eq_ignore_ascii_case("utf-8") || text.eq_ignore_ascii_case("utf8") =>
            {
                continue;
            }
            ("encoding", _) => "files are always UTF-8".to_owned(),
            (name, _) => format!("the key {} of a handler", quoted(name)),
        };
        block.remark(Remark::lost(&entry.raw, message));
    }
    Ok(block)
}

fn stream(handler: &Spot<'_>, layer: &mut Block) -> Result<(), Fault> {
    let Some(spot) = handler.get("stream")? else { return Ok(()) };
    match spot.object()? {
        "sys.stdout" => layer.entry("stream", Yaml::word("stdout")),
        "sys.stderr" => {}
        other => {
            let message = format!("the stream {}: here it is stderr", quoted(other));
            layer.remark(Remark::lost(&spot, message));
        }
    }
    Ok(())
}

fn rotation(handler: &Spot<'_>, layer: &mut Block) -> Result<(), Fault> {
    /// No file of ours is rotated before it has so many bytes, nor later.
    const BYTES: std::ops::RangeInclusive<u64> = 1_000..=u64::MAX >> 1;
    let bytes = handler.get("maxBytes")?;
    let count = handler.get("backupCount")?.map(|count| count.whole()).transpose()?.unwrap_or(0);
    let size = bytes.as_ref().map(Spot::whole).transpose()?.unwrap_or(0);
    let Some(spot) = bytes.filter(|_| size > 0 && count > 0) else {
        let message = "without both `maxBytes` and `backupCount` Python never begins a new file";
        layer.remark(Remark::changed(handler, message));
        return Ok(());
    };
    if !BYTES.contains(&size) {
        let message = "files are rotated at 1000 bytes or more: here never";
        layer.remark(Remark::lost(&spot, message));
        return Ok(());
    }
    let mut rotation = Block::new();
    rotation.entry("size", Yaml::word(size));
    layer.entry("rotation", Yaml::Block(rotation));
    // Python counts the older files alone.
    match usize::try_from(count).ok().and_then(|count| count.checked_add(1)) {
        Some(keep) => layer.entry("keep", Yaml::word(keep)),
        None => layer.remark(Remark::changed(handler, "all files are kept")),
    }
    Ok(())
}

/// Says so, if a header line is another one than ours.
fn another_line(header: &HeaderOf<'_>, fields: &[Field]) -> Option<Remark> {
    let names =
        |fields: &[Field]| fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(",");
    let line = header.line.as_ref()?.replace("{watch.csv}", &names(&Field::CSV_DEFAULT[1..]));
    let is_same = line.trim() == names(fields);
    let message = "the header line: here it has the names of the columns";
    (!is_same).then(|| Remark::changed(&header.spot, message))
}
