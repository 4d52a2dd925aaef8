//! Our own layers: console, file, CSV and JSON differ only in how a record becomes a line.

use std::{
    ffi::OsStr,
    fmt,
    io::IsTerminal as _,
    sync::{Arc, Mutex},
};

use tracing_core::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

use crate::{
    format::{CsvRows, Paint, Template, json},
    layer::{
        Color, Defaults, Header, LayerSettings, Shown, Stream,
        destination::{Destination, Standard},
        file::RollingFile,
        outlet::lock,
        output::Output,
        record_of,
    },
    record::{ByWatcher, WatchMessage},
    watch_error::Result,
};

/// Writes each record as a line; other events are not its business.
pub(super) struct Lines {
    format: Mutex<Format>,
    output: Arc<Mutex<Output>>,
}

/// How a record becomes a line.
pub(super) enum Format {
    Text(Texts, Paint),
    Csv(CsvRows),
    Json,
}

/// The template of a line, with the fields that it shows of the records of each watcher.
pub(super) enum Texts {
    /// The same fields of all.
    Same(Template),
    ByWatcher(Box<ByWatcher<Template>>),
}

impl Texts {
    fn new(template: &Template, own: Option<&Shown>, defaults: &ByWatcher<Shown>) -> Self {
        let shown = |fields: &Shown| template.clone().with_shown(fields.0.clone());
        match own {
            Some(own) => Self::Same(shown(own)),
            None => match defaults.the_same() {
                Some(same) => Self::Same(shown(same)),
                None => {
                    let of = |watcher| shown(defaults.of(watcher));
                    Self::ByWatcher(Box::new(ByWatcher::from_fn(of)))
                }
            },
        }
    }

    fn of(&self, record: &WatchMessage) -> &Template {
        match self {
            Self::Same(template) => template,
            Self::ByWatcher(templates) => templates.of(record.watcher),
        }
    }
}

impl Lines {
    pub(super) fn new(format: Format, output: Arc<Mutex<Output>>) -> Self {
        Self { format: Mutex::new(format), output }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(record) = record_of(event) else { return };
        let mut format = self.format.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lock(&self.output).line(|out| format.write(&record, out));
    }
}

impl Format {
    fn write(&mut self, record: &WatchMessage, out: &mut Vec<u8>) {
        match self {
            Self::Text(texts, paint) => {
                texts.of(record).write(record, *paint, out);
                out.push(b'\n');
            }
            Self::Csv(rows) => rows.row(record, out),
            Self::Json => json::line(record, out),
        }
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(..) => "Text",
            Self::Csv(_) => "Csv",
            Self::Json => "Json",
        })
    }
}

/// Opens what a layer of ours writes to; `None` for a layer that is not ours.
pub(super) fn open(
    route: &str,
    layer: &LayerSettings,
    defaults: &Defaults,
) -> Result<Option<(Format, Output)>> {
    let text = |template: &Template, own: &Option<Shown>, paint| {
        Format::Text(Texts::new(template, own.as_ref(), &defaults.fields), paint)
    };
    let mut header = Vec::new();
    let (format, to): (_, Box<dyn Destination>) = match layer {
        LayerSettings::Console(console) => {
            let paint = paint(console.color, console.stream);
            let format = text(&console.template.0, &console.fields, paint);
            (format, Box::new(Standard::open(console.stream)?))
        }
        LayerSettings::File(file) => {
            let format = text(&file.template.0, &file.fields, Paint::Plain);
            (format, Box::new(RollingFile::open(&file.path, file.rotation, file.keep)?))
        }
        LayerSettings::Csv(csv) => {
            let mut rows = CsvRows::new(csv.columns.fields());
            if csv.header == Header::EveryFile {
                rows.header(&mut header);
            }
            let to = RollingFile::open(&csv.path, csv.rotation, csv.keep)?;
            (Format::Csv(rows), Box::new(to))
        }
        LayerSettings::Json(json) => match &json.path {
            Some(path) => {
                (Format::Json, Box::new(RollingFile::open(path, json.rotation, json.keep)?))
            }
            None => {
                (Format::Json, Box::new(Standard::open(json.stream.unwrap_or(Stream::Stdout))?))
            }
        },
        LayerSettings::Application(_) => return Ok(None),
    };
    Ok(Some((format, Output::new(route, to, header))))
}

fn paint(color: Color, stream: Stream) -> Paint {
    let is_terminal = match stream {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr => std::io::stderr().is_terminal(),
    };
    choose_paint(color, is_terminal, std::env::var_os("NO_COLOR").as_deref())
}

/// An empty `NO_COLOR` says nothing: <https://no-color.org>.
pub(super) fn choose_paint(color: Color, is_terminal: bool, no_color: Option<&OsStr>) -> Paint {
    let is_forbidden = no_color.is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => Paint::Coloured,
        Color::Auto if is_terminal && !is_forbidden => Paint::Coloured,
        Color::Auto | Color::Never => Paint::Plain,
    }
}
