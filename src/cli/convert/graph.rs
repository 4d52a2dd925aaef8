//! Which handlers the records of each watcher reach, and from which level on.
//!
//! As in Python: a record is logged by the logger of its watcher, if its level is at least that of the
//! nearest logger above that has one. It goes to the handlers of that logger and of all above it, whose
//! own levels are not asked; filters of a logger see only what is logged by that very one.

use std::rc::Rc;

use super::{level::Level, remark::Remark, source::Spot};
use crate::config::Fault;

/// Who logs records in pymongowatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    Collection,
    Cursor,
}

impl Watcher {
    pub(super) const ALL: [Self; 2] = [Self::Collection, Self::Cursor];

    /// Its key below `watchers`, there and here.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Cursor => "cursor",
        }
    }

    /// Its logger.
    pub(super) const fn logger(self) -> &'static str {
        match self {
            Self::Collection => "pymongo.watcher.collection",
            Self::Cursor => "pymongo.watcher.cursor",
        }
    }

    /// What stands in WatcherName here.
    pub(super) const fn ours(self) -> &'static str {
        match self {
            Self::Collection => "mongowatch.collection",
            Self::Cursor => "mongowatch.cursor",
        }
    }
}

/// A handler that writes, and how records come to it.
#[derive(Debug)]
pub(super) struct Route<'a> {
    /// The name of the handler that writes.
    pub name: String,
    pub handler: Spot<'a>,
    /// The queues before it, from the logger on.
    pub queues: Vec<Spot<'a>>,
    /// What reaches it of each watcher, in the order of [`Watcher::ALL`].
    pub reach: [Option<Reach<'a>>; 2],
}

impl<'a> Route<'a> {
    /// What reaches it of a watcher.
    pub(super) const fn of(&self, watcher: Watcher) -> Option<&Reach<'a>> {
        self.reach[watcher as usize].as_ref()
    }
}

/// What reaches a handler of one watcher.
#[derive(Clone, Debug)]
pub(super) struct Reach<'a> {
    /// From this level on.
    pub level: Level,
    /// The filters of the watcher's logger.
    pub filters: Rc<[Spot<'a>]>,
}

/// The handlers of a file.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub routes: Vec<Route<'a>>,
    /// The queues on second ways to a handler, of which the first one counts.
    merged: Vec<Spot<'a>>,
    pub remarks: Vec<Remark>,
}

/// No file has more handlers.
const ROUTES_MAX: usize = 200;

/// What reaches the handlers of the loggers above a watcher.
struct Logged<'a> {
    watcher: Watcher,
    reach: Reach<'a>,
    /// The handlers, each as it is named there.
    handlers: Vec<Spot<'a>>,
}

impl<'a> Graph<'a> {
    pub(super) fn read(root: &Spot<'a>) -> Result<Self, Fault> {
        let mut graph = Self::default();
        let mut logged = Vec::new();
        for watcher in Watcher::ALL {
            logged.push(graph.logged(root, watcher)?);
        }
        for one in &logged {
            for handler in &one.handlers {
                graph.add(root, handler, one)?;
            }
        }
        graph.routes.sort_by_key(|route| route.handler.place());
        graph.remarks.extend(graph.unused(root)?);
        Ok(graph)
    }

    /// Goes up from the logger of a watcher.
    fn logged(&mut self, root: &Spot<'a>, watcher: Watcher) -> Result<Logged<'a>, Fault> {
        let (mut level, mut filters, mut handlers) = (None, Vec::new(), Vec::new());
        let (mut nearest, mut is_above) = (None, false);
        let loggers = root.get("loggers")?;
        for name in [watcher.logger(), "pymongo.watcher", "pymongo", "root"] {
            let logger = match (name, &loggers) {
                ("root", _) => root.get("root")?,
                (_, Some(loggers)) => loggers.get(name)?,
                (_, None) => None,
            };
            let Some(logger) = logger else { continue };
            let own = logger.get("level")?.map(|level| Level::read(&level)).transpose()?;
            level = level.or(own.filter(|level| *level != Level::NOT_SET));
            if !is_above {
                handlers.extend(list(&logger, "handlers")?);
            }
            if name == watcher.logger() {
                filters = list(&logger, "filters")?;
            }
            let propagates = logger.get("propagate")?.map(|flag| flag.flag()).transpose()?;
            is_above |= propagates == Some(false);
            nearest = nearest.or(Some(logger));
        }
        if level.is_none()
            && let Some(logger) = nearest.filter(|_| !handlers.is_empty())
        {
            let message = format!(
                "no logger on the way of `{}` has a level: by Python's default only WARNING and \
                 above came out",
                watcher.logger()
            );
            self.remark(Remark::changed(&logger, message));
        }
        let reach = Reach { level: level.unwrap_or(Level::WARNING), filters: filters.into() };
        Ok(Logged { watcher, reach, handlers })
    }

    /// Adds a handler to which a logger of a watcher sends.
    fn add(&mut self, root: &Spot<'a>, named: &Spot<'a>, by: &Logged<'a>) -> Result<(), Fault> {
        let mut route = route(root, named)?;
        let mut level = by.reach.level;
        for handler in route.queues.iter().chain([&route.handler]) {
            if let Some(own) = handler.get("level")? {
                level = level.max(Level::read(&own)?);
            }
        }
        let reach = Reach { level, filters: Rc::clone(&by.reach.filters) };
        let index = by.watcher as usize;
        let Some(known) = self.routes.iter_mut().find(|known| known.handler.is(&route.handler))
        else {
            if self.routes.len() == ROUTES_MAX {
                return Err(named.fault(format!("more than {ROUTES_MAX} handlers")));
            }
            route.reach[index] = Some(reach);
            self.routes.push(route);
            return Ok(());
        };
        let is_same = known.queues.len() == route.queues.len()
            && known.queues.iter().zip(&route.queues).all(|(one, other)| one.is(other));
        let is_new = known.reach[index].is_none();
        known.reach[index].get_or_insert(reach);
        if !is_same || !is_new {
            let message = "a handler that records reach in two ways: here in one";
            self.remark(Remark::lost(named, message));
            self.merged.extend(route.queues);
        }
        Ok(())
    }

    /// What is defined, and not used by the loggers that matter here.
    fn unused(&self, root: &Spot<'_>) -> Result<Vec<Remark>, Fault> {
        let mut remarks = Vec::new();
        let is_used = |handler: &Spot<'_>| {
            let of_route = |route: &Route<'_>| {
                route.handler.is(handler) || route.queues.iter().any(|queue| queue.is(handler))
            };
            self.routes.iter().any(of_route) || self.merged.iter().any(|queue| queue.is(handler))
        };
        if let Some(handlers) = root.get("handlers")? {
            for entry in handlers.entries()? {
                let handler = entry.raw.followed()?;
                if !handler.is_map() {
                    return Err(handler.expected("a handler, with keys such as `class`"));
                }
                let writes = handler
                    .get("class")?
                    .is_none_or(|class| class.text().ok() != Some("logging.NullHandler"));
                if writes && !is_used(&handler) {
                    let message = "no record of pymongowatch comes to this handler";
                    remarks.push(Remark::lost(&entry.raw, message));
                }
            }
        }
        let ours = [Watcher::Collection.logger(), Watcher::Cursor.logger(), "pymongo.watcher"];
        if let Some(loggers) = root.get("loggers")? {
            for entry in loggers.entries()? {
                let logger = entry.raw.followed()?;
                if !ours.contains(&entry.name) && entry.name != "pymongo" {
                    remarks
                        .push(Remark::lost(&entry.raw, "a logger that is not one of pymongowatch"));
                } else if entry.name.len() <= "pymongo.watcher".len()
                    && !list(&logger, "filters")?.is_empty()
                {
                    let message = "Python asks filters of a logger only for what it logs itself: these \
                                   were never asked";
                    remarks.push(Remark::changed(&logger, message));
                }
            }
        }
        Ok(remarks)
    }

    /// Adds what is not there yet: loggers are looked at once for each watcher.
    fn remark(&mut self, remark: Remark) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

/// The way from a handler's name through queues to the one that writes.
fn route<'a>(root: &Spot<'a>, named: &Spot<'a>) -> Result<Route<'a>, Fault> {
    let mut queues: Vec<Spot<'a>> = Vec::new();
    let mut handler = named.named("handlers")?;
    while is_queue(&handler)? {
        if queues.iter().any(|before| before.is(&handler)) {
            return Err(handler.fault("the queue leads back to itself"));
        }
        let Some(backend) = handler.raw("backend")? else {
            return Err(handler.fault("expected the key `backend`, the handler behind the queue"));
        };
        queues.push(handler);
        handler = backend.named("handlers")?;
        if !handler.is_map() {
            return Err(backend.expected("a handler, such as `cfg://handlers.file`"));
        }
    }
    let name = name_of(root, &handler)?;
    Ok(Route { name, handler, queues, reach: [None, None] })
}

/// The key of a handler in `handlers`, or the end of the way to it.
fn name_of(root: &Spot<'_>, handler: &Spot<'_>) -> Result<String, Fault> {
    let handlers = root.get("handlers")?.map(|map| map.entries()).transpose()?;
    let own = handlers.iter().flatten().find(|entry| entry.raw.is(handler));
    let way = || handler.way().rsplit('.').next().unwrap_or_default();
    Ok(own.map_or_else(way, |entry| entry.name).to_owned())
}

fn is_queue(handler: &Spot<'_>) -> Result<bool, Fault> {
    let factory = handler.get("()")?.map(|factory| factory.object()).transpose()?;
    Ok(factory.is_some_and(|name| last(name) == "setup_queue_handler"))
}

/// The last part of a name of Python.
pub(super) fn last(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

/// The items of a list, as they stand there.
pub(super) fn list<'a>(map: &Spot<'a>, key: &str) -> Result<Vec<Spot<'a>>, Fault> {
    map.get(key)?.map_or_else(|| Ok(Vec::new()), |list| list.items())
}
