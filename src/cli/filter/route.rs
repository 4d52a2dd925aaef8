//! One route of a configuration, to which recorded records are sent.

use std::{fmt::Write as _, sync::Arc};

use anyhow::Context;

use super::trying::Shows;
use crate::{
    config::RouteSettings,
    filter::{Draft, Filter, NamedFilters, StepSettings, Steps, Verdict},
    format::value,
    record::{Field, Timestamp, Value, WatchMessage, WatcherName},
};

/// A route and its books.
pub(super) struct Route {
    name: String,
    steps: Steps,
    books: Vec<Books>,
    n_sent: u64,
    n_out: u64,
}

/// What a step did.
#[derive(Clone, Debug, Default)]
struct Books {
    name: String,
    n_passed: u64,
    n_dropped: u64,
    n_changed: u64,
    n_made: u64,
    n_failed: u64,
}

/// Stands for a filter that only the application has.
struct Unknown;

impl Filter for Unknown {
    fn apply(&mut self, _: &mut Draft) -> Verdict {
        Verdict::Pass
    }
}

impl Route {
    /// Makes the steps of a route, and adds the names of the application's filters among them.
    pub(super) fn new(settings: RouteSettings, unknown: &mut Vec<String>) -> anyhow::Result<Self> {
        let RouteSettings { name, privacy, steps: settings } = settings;
        let mut filters = NamedFilters::default();
        for step in &settings {
            if let StepSettings::Filter(filter) = step {
                filters.add(filter, || Box::new(Unknown));
                if !unknown.contains(filter) {
                    unknown.push(filter.clone());
                }
            }
        }
        let steps = Steps::build(&settings, &filters);
        let steps = steps.with_context(|| format!("the steps of route `{name}` cannot be made"))?;
        let steps = steps.behind(privacy);
        let books = steps.names().map(|name| Books { name: name.to_owned(), ..Books::default() });
        Ok(Self { name, books: books.collect(), steps, n_sent: 0, n_out: 0 })
    }

    /// Sends a record, and appends what each step did to it.
    pub(super) fn send(&mut self, record: &Arc<WatchMessage>, now: Timestamp, told: &mut String) {
        self.n_sent += 1;
        let _infallible = writeln!(told, "  {}", self.name);
        let mut draft = Draft::new(Arc::clone(record), now);
        self.steps.admit(&mut draft);
        let mut changed = String::new();
        if changes(&Draft::new(Arc::clone(record), now), &draft, &mut changed) {
            told.push_str("    privacy\n");
            told.push_str(&changed);
        }
        self.send_from(0, draft, told);
    }

    /// Lets the steps tell what they have to tell by now; appends it.
    pub(super) fn tick(&mut self, now: Timestamp, told: &mut String) {
        if self.steps.due().is_some_and(|due| due <= now) {
            let made = self.steps.collect(now);
            self.send_made(made, now, told);
        }
    }

    /// Lets the steps tell what they still have to tell.
    pub(super) fn finish(&mut self, now: Timestamp, told: &mut String) {
        let made = self.steps.finish(now);
        self.send_made(made, now, told);
    }

    fn send_made(&mut self, made: Vec<(usize, WatchMessage)>, now: Timestamp, told: &mut String) {
        for (place, record) in made {
            let books = &mut self.books[place];
            books.n_made += 1;
            let _infallible =
                writeln!(told, "made by {} of {}: {}", books.name, self.name, title(&record));
            fields(&record, told);
            self.send_from(place + 1, Draft::new(Arc::new(record), now), told);
        }
    }

    fn send_from(&mut self, first: usize, mut draft: Draft, told: &mut String) {
        let is_own = draft.record().watcher == WatcherName::Watcher;
        for place in first..self.books.len() {
            if is_own {
                // What a watcher tells of itself goes past its steps.
                break;
            }
            let before = draft.clone();
            let verdict = self.steps.apply_one(place, &mut draft);
            let books = &mut self.books[place];
            if let Some(failure) = self.steps.take_failure() {
                books.n_failed += 1;
                let _infallible = writeln!(told, "    {}: failed: {}", books.name, failure.message);
            }
            if verdict == Verdict::Drop {
                books.n_dropped += 1;
                let _infallible = writeln!(told, "    {}: dropped", books.name);
                return;
            }
            books.n_passed += 1;
            let _infallible = writeln!(told, "    {}: passed", books.name);
            books.n_changed += u64::from(changes(&before, &draft, told));
        }
        self.n_out += 1;
        told.push_str("    out\n");
    }

    /// Appends the books.
    pub(super) fn sum_up(&self, told: &mut String) {
        let (name, n_sent, n_out) = (&self.name, self.n_sent, self.n_out);
        let _infallible = writeln!(told, "{name}: {n_sent} records in, {n_out} out");
        let width = self.books.iter().map(|books| books.name.len()).max().unwrap_or(0);
        for books in &self.books {
            let Books { name, n_passed, n_dropped, n_changed, n_made, n_failed } = books;
            let _infallible =
                write!(told, "  {name:width$}  {n_passed} passed, {n_dropped} dropped");
            for (n, what) in [(n_changed, "changed"), (n_made, "made"), (n_failed, "failed")] {
                if *n > 0 {
                    let _infallible = write!(told, ", {n} {what}");
                }
            }
            told.push('\n');
        }
    }
}

/// What a record is, in a few words.
pub(super) fn title(record: &WatchMessage) -> String {
    let mut title = String::new();
    for field in [Field::Operation, Field::Db, Field::Collection, Field::WatchId, Field::Iteration]
    {
        if !record.get(field).is_missing() {
            let _infallible = write!(title, "{} ", shown(record.get(field)));
        }
    }
    title.trim_end().to_owned()
}

/// Appends the fields of a record that nobody has seen yet.
fn fields(record: &WatchMessage, told: &mut String) {
    for field in Field::ALL {
        let value = record.get(*field);
        if !value.is_missing() {
            let _infallible = writeln!(told, "    {field}: {}", shown(value));
        }
    }
}

/// Appends what a step changed, and says whether it did.
fn changes(before: &Draft, after: &Draft, told: &mut String) -> bool {
    let start = told.len();
    for field in Field::ALL {
        let (old, new) = (before.record().get(*field), after.record().get(*field));
        if old != new {
            let _infallible = writeln!(told, "      {field}: {} -> {}", shown(old), shown(new));
        }
    }
    if before.level() != after.level()
        && let Some(level) = after.level()
    {
        let _infallible = writeln!(told, "      level: {level}");
    }
    told.len() > start
}

/// A value as JSON, cut where it is long.
fn shown(value: Value<'_>) -> String {
    if value.is_missing() {
        return "nothing".to_owned();
    }
    let mut json = Vec::new();
    value::write_json(value, &mut json);
    let json = String::from_utf8_lossy(&json);
    match json.char_indices().nth(Shows::VALUE_MAX) {
        None => json.into_owned(),
        Some((cut, _)) => format!("{}... ({} characters)", &json[..cut], json.chars().count()),
    }
}
