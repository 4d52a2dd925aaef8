//! The formats of Python's log lines, in its three styles, and our templates and columns.

mod styles;

use self::styles::{Piece, Spec, braces, dollars, percents};
use super::{level::python_name, remark::Remark, source::Spot, watchers::Fields};
use crate::{
    config::{Fault, quoted},
    record::{EventLevel, Field},
};

/// A format, read.
#[derive(Clone, Debug)]
pub(super) struct Format<'a> {
    spot: Spot<'a>,
    pieces: Vec<Piece>,
    remarks: Vec<Remark>,
}

/// What a layer with lines needs.
#[derive(Debug)]
pub(super) struct Lines {
    pub template: String,
    pub remarks: Vec<Remark>,
}

/// What a layer with rows needs.
#[derive(Debug)]
pub(super) struct Columns {
    pub fields: Vec<Field>,
    pub remarks: Vec<Remark>,
}

impl<'a> Format<'a> {
    /// The format of a handler; Python's own, if it names none.
    pub(super) fn of(handler: &Spot<'a>) -> Result<Self, Fault> {
        let Some(named) = handler.get("formatter")? else {
            let pieces = vec![Piece::plain("message")];
            return Ok(Self { spot: handler.clone(), pieces, remarks: Vec::new() });
        };
        Self::read(&named.named("formatters")?)
    }

    fn read(formatter: &Spot<'a>) -> Result<Self, Fault> {
        let mut remarks = Vec::new();
        for entry in formatter.entries()? {
            match entry.name {
                "format" | "style" | "validate" | "datefmt" => {}
                name => {
                    let message = format!("the key {} of a formatter", quoted(name));
                    remarks.push(Remark::lost(&entry.raw, message));
                }
            }
        }
        let style = formatter.get("style")?;
        let style = style.as_ref().map_or(Ok("%"), Spot::text)?;
        let Some(spot) = formatter.get("format")? else {
            let pieces = vec![Piece::plain("message")];
            return Ok(Self { spot: formatter.clone(), pieces, remarks });
        };
        let text = spot.text()?;
        let pieces = match style {
            "{" => braces(text),
            "%" => percents(text),
            "$" => dollars(text),
            _ => return Err(formatter.fault("expected the `style` `%`, `{` or `$`")),
        };
        let pieces = pieces.map_err(|message| spot.fault(message))?;
        let uses_time = pieces.iter().any(|piece| piece.is("asctime"));
        if let Some(format) = formatter.get("datefmt")?.filter(|_| uses_time) {
            let message = "the form of times: here they are RFC 3339 in UTC";
            remarks.push(Remark::lost(&format, message));
        }
        Ok(Self { spot, pieces, remarks })
    }

    /// Does it make rows of a CSV file?
    pub(super) fn is_csv(&self) -> bool {
        self.pieces.iter().any(|piece| piece.is("watch.csv"))
    }

    /// The line; `level` is that of all records of the layer, if they have one.
    pub(super) fn lines(self, level: Option<EventLevel>, fields: &Fields) -> Lines {
        let Self { spot, pieces, mut remarks } = self;
        let mut template = String::new();
        for piece in &pieces {
            match piece {
                Piece::Text(text) => {
                    template.push_str(&text.replace('{', "{{").replace('}', "}}"));
                }
                Piece::Value { name, .. } if name == "watch.csv" => {
                    let fields = Field::CSV_DEFAULT.iter().skip(1);
                    let fields: Vec<_> = fields.map(|field| format!("{{{field}}}")).collect();
                    template.push_str(&fields.join(","));
                    let message = "rows on a stream: values are not quoted here";
                    remarks.push(Remark::changed(&spot, message));
                }
                Piece::Value { name, spec } => {
                    if let Some(lost) = &spec.lost {
                        let message = format!("{} of {}", quoted(lost), quoted(name));
                        remarks.push(Remark::lost(&spot, message));
                    }
                    match attribute(name, level, fields) {
                        Ok((ours, changed)) => {
                            template.push_str(&spec.applied(&ours));
                            remarks.extend(changed.map(|text| Remark::changed(&spot, text)));
                        }
                        Err(message) => remarks.push(Remark::lost(&spot, message)),
                    }
                }
            }
        }
        Lines { template, remarks }
    }

    /// The columns of a row.
    pub(super) fn columns(self, fields: &Fields) -> Columns {
        let Self { spot, pieces, mut remarks } = self;
        let mut columns = Vec::new();
        for piece in pieces {
            let name = match piece {
                Piece::Text(text) if text.trim() == "," => continue,
                Piece::Text(text) => {
                    let message = format!("{}: rows have columns only", quoted(&text));
                    remarks.push(Remark::lost(&spot, message));
                    continue;
                }
                Piece::Value { name, .. } => name,
            };
            if name == "watch.csv" {
                columns.extend(Field::CSV_DEFAULT.iter().skip(1).copied());
                continue;
            }
            match column(&name, fields) {
                Some(field) => columns.push(field),
                None => {
                    let message = format!("{} as a column", quoted(&name));
                    remarks.push(Remark::lost(&spot, message));
                }
            }
        }
        let mut seen = Vec::new();
        columns.retain(|field| {
            !seen.contains(field) && {
                seen.push(*field);
                true
            }
        });
        Columns { fields: columns, remarks }
    }
}

impl Spec {
    /// Our template for a value, or a text that is always the same.
    fn applied(&self, ours: &Ours) -> String {
        match ours {
            Ours::Text(text) => match self.align {
                Some('>') => format!("{text:>width$}", width = self.width),
                Some('^') => format!("{text:^width$}", width = self.width),
                _ => format!("{text:<width$}", width = self.width),
            },
            Ours::Value { name, is_number } => {
                let mut spec = String::new();
                if self.width > 0 {
                    spec.push(self.align.unwrap_or(if *is_number { '>' } else { '<' }));
                    spec.push_str(&self.width.to_string());
                }
                if let Some(decimals) = self.decimals.filter(|_| *name == "Duration") {
                    spec.push_str(&format!(".{decimals}"));
                }
                let colon = if spec.is_empty() { "" } else { ":" };
                format!("{{{name}{colon}{spec}}}")
            }
        }
    }
}

/// What takes the place of an attribute.
enum Ours {
    Text(String),
    Value { name: &'static str, is_number: bool },
}

/// What takes the place of an attribute of a log record, and in which way it is another thing.
fn attribute(
    name: &str,
    level: Option<EventLevel>,
    fields: &Fields,
) -> Result<(Ours, Option<String>), String> {
    let value = |name| Ours::Value { name, is_number: false };
    Ok(match name {
        "watch" | "message" => (value("watch"), None),
        "watch.full" => (value("watch.full"), None),
        "name" => (value("WatcherName"), None),
        "asctime" => {
            let message =
                "`asctime` was when the line was made: here it is when the operation began";
            (value("StartTime"), Some(message.to_owned()))
        }
        "process" => (value("PID"), None),
        "levelname" => match level {
            Some(level) => (Ours::Text(python_name(level).to_owned()), None),
            None => return Err("`levelname`: templates do not show the level".to_owned()),
        },
        _ => match name.strip_prefix("watch.") {
            Some(field) => {
                let (found, changed) = fields.named(field)?;
                let is_number = Fields::COUNTS.contains(&found) || found == Field::Duration;
                (Ours::Value { name: found.name(), is_number }, changed)
            }
            None => return Err(format!("{}: not an attribute that is here", quoted(name))),
        },
    })
}

fn column(name: &str, fields: &Fields) -> Option<Field> {
    match name {
        "name" => Some(Field::WatcherName),
        "asctime" => Some(Field::StartTime),
        "process" => Some(Field::Pid),
        _ => fields.named(name.strip_prefix("watch.")?).ok().map(|(field, _)| field),
    }
}
