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
    record::WatchMessage,
    watch_error::Result,
};

/// Writes each record as a line; other events are not its business.
pub(super) struct Lines {
    format: Mutex<Format>,
    output: Arc<Mutex<Output>>,
}

/// How a record becomes a line.
pub(super) enum Format {
    Text(Template, Paint),
    Csv(CsvRows),
    Json,
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
            Self::Text(template, paint) => {
                template.write(record, *paint, out);
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
    let text = |template: &Template, fields: &Option<Shown>, paint| {
        let shown = fields.as_ref().unwrap_or(&defaults.fields);
        Format::Text(template.clone().with_shown(shown.0.clone()), paint)
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
