//! Names of files by time and by number, and which of them are old.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tracing_appender::rolling::{self, RollingFileAppender};

use crate::{
    layer::{Rotation, output::TARGET},
    record::Timestamp,
};

/// A path, taken apart as `tracing-appender` wants it.
pub(super) struct FileName {
    pub(super) directory: PathBuf,
    prefix: String,
    suffix: Option<String>,
}

impl FileName {
    pub(super) fn new(path: &Path) -> Option<Self> {
        let text = |part: &std::ffi::OsStr| part.to_str().map(str::to_owned);
        Some(Self {
            directory: path.parent()?.to_path_buf(),
            prefix: text(path.file_stem()?)?,
            suffix: match path.extension() {
                Some(extension) => Some(text(extension)?),
                None => None,
            },
        })
    }

    /// The path of a period's file.
    pub(super) fn path(&self, rotation: Rotation, period: i64) -> PathBuf {
        let mut name = self.prefix.clone();
        let date = date_of(rotation, period);
        for part in date.iter().chain(&self.suffix) {
            name.push('.');
            name.push_str(part);
        }
        self.directory.join(name)
    }

    pub(super) fn appender(&self, rotation: Rotation) -> io::Result<RollingFileAppender> {
        let rotation = match rotation {
            Rotation::Minutely => rolling::Rotation::MINUTELY,
            Rotation::Hourly => rolling::Rotation::HOURLY,
            Rotation::Daily => rolling::Rotation::DAILY,
            Rotation::Weekly => rolling::Rotation::WEEKLY,
            Rotation::Never | Rotation::Size(_) => rolling::Rotation::NEVER,
        };
        let builder = RollingFileAppender::builder().rotation(rotation);
        let builder = builder.filename_prefix(&self.prefix);
        let builder = match &self.suffix {
            Some(suffix) => builder.filename_suffix(suffix),
            None => builder,
        };
        builder.build(&self.directory).map_err(io::Error::other)
    }

    /// Removes the files of old periods, but for the newest `keep`.
    pub(super) fn prune(&self, rotation: Rotation, path: &Path, keep: usize) {
        let Some(date) = date_of(rotation, 0) else { return };
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        let result = fs::read_dir(directory.unwrap_or(Path::new("."))).and_then(|entries| {
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let mut dated: Vec<_> = names.filter(|name| self.is_of(name, &date)).collect();
            dated.sort_unstable_by(|left, right| right.cmp(left));
            dated.iter().skip(keep).try_for_each(|name| fs::remove_file(path.with_file_name(name)))
        });
        if let Err(error) = result {
            let (path, error) = (path.display(), &error as &dyn std::error::Error);
            tracing::warn!(target: TARGET, %path, error, "could not remove old files");
        }
    }

    /// Is it the name of one of our files, with a date of this form?
    fn is_of(&self, name: &str, date: &str) -> bool {
        let strip = |name: &str| -> Option<String> {
            let middle = name.strip_prefix(&self.prefix)?.strip_prefix('.')?;
            let middle = match &self.suffix {
                Some(suffix) => middle.strip_suffix(suffix)?.strip_suffix('.')?,
                None => middle,
            };
            Some(form(middle))
        };
        strip(name).is_some_and(|middle| middle == form(date))
    }
}

/// A date with each digit a zero.
fn form(date: &str) -> String {
    date.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect()
}

/// Seconds in a period, and how far the beginning of a period lies before 1970: that was a
/// Thursday, and weeks begin on Sunday.
const fn length(rotation: Rotation) -> Option<(i64, i64)> {
    const DAY: i64 = 86_400;
    match rotation {
        Rotation::Minutely => Some((60, 0)),
        Rotation::Hourly => Some((3_600, 0)),
        Rotation::Daily => Some((DAY, 0)),
        Rotation::Weekly => Some((7 * DAY, 4 * DAY)),
        Rotation::Never | Rotation::Size(_) => None,
    }
}

/// The number of the period in which a moment lies; always the same without rotation by time.
pub(super) fn period_of(rotation: Rotation, now: Timestamp) -> i64 {
    length(rotation).map_or(0, |(length, before)| {
        (now.as_micros().div_euclid(1_000_000) + before).div_euclid(length)
    })
}

/// The date in the name of a period's file, as `tracing-appender` writes it.
pub(super) fn date_of(rotation: Rotation, period: i64) -> Option<String> {
    let (length, before) = length(rotation)?;
    let form = match rotation {
        Rotation::Minutely => "%Y-%m-%d-%H-%M",
        Rotation::Hourly => "%Y-%m-%d-%H",
        _ => "%Y-%m-%d",
    };
    let start = jiff::Timestamp::from_second(period * length - before).ok()?;
    Some(start.strftime(form).to_string())
}

/// Renames `file` to `file.1`, that to `file.2` and so on, so that at most `keep - 1` are left.
pub(super) fn shift(path: &Path, keep: usize) -> io::Result<()> {
    let numbered = |number: usize| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let n_old = (1..).take_while(|number| numbered(*number).exists()).count();
    for number in (0..=n_old).rev() {
        let from = if number == 0 { path.to_path_buf() } else { numbered(number) };
        if number + 1 < keep {
            fs::rename(from, numbered(number + 1))?;
        } else {
            fs::remove_file(from)?;
        }
    }
    Ok(())
}
