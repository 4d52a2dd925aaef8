//! A file that is begun anew by time or by size, and found again when somebody moved it away.
//!
//! The file is opened, and kept from being written past its time, by `tracing-appender`. Around it
//! we do what it leaves open: the file is made first, with mode 0600 (it holds data of others);
//! whether it is empty is known before the first record, so that a header can be written; rotation
//! by size; and old files are removed by their exact names only, not by prefix and suffix, since
//! another layer's `audit-slow.csv` is not an old `audit.csv`.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tracing_appender::rolling::{self, RollingFileAppender};
use tracing_subscriber::fmt::MakeWriter as _;

use crate::{
    error::{Error, Result},
    layer::{
        Rotation,
        output::{Destination, Place, TARGET, Wrote},
    },
    record::Timestamp,
};

/// Writes to the file of the present period.
pub(super) struct RollingFile {
    name: FileName,
    rotation: Rotation,
    keep: Option<usize>,
    open: Option<Open>,
    /// A failed rotation by size is told once.
    is_stuck: bool,
}

/// A path, taken apart as `tracing-appender` wants it.
struct FileName {
    directory: PathBuf,
    prefix: String,
    suffix: Option<String>,
}

/// The file in use.
struct Open {
    appender: RollingFileAppender,
    path: PathBuf,
    /// Number of the minute, hour, day or week.
    period: i64,
    identity: Identity,
    n_bytes: u64,
    /// What the output does not know yet.
    found: Option<Place>,
}

/// What makes a file this file and no other of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl RollingFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// When that does not work, or the path is not that of a file.
    pub(super) fn open(path: &Path, rotation: Rotation, keep: Option<usize>) -> Result<Self> {
        let name = FileName::new(path).ok_or_else(|| {
            Error::config(format!("expected the path of a file, found {}", path.display()))
        })?;
        let mut file = Self { name, rotation, keep, open: None, is_stuck: false };
        file.reopen().map_err(|source| Error::io("open", path, source))?;
        Ok(file)
    }

    /// Opens the file of the present period.
    fn reopen(&mut self) -> io::Result<&mut Open> {
        let mut before = self.open.take().map(|open| open.period);
        if !self.name.directory.as_os_str().is_empty() {
            fs::create_dir_all(&self.name.directory)?;
        }
        loop {
            let period = period_of(self.rotation, Timestamp::now());
            let path = self.name.path(self.rotation, period);
            // Held until the appender has it too: the reader of a FIFO must not see an end.
            let made = open_private(&path)?;
            let appender = self.name.appender(self.rotation)?;
            if period_of(self.rotation, Timestamp::now()) != period {
                // The appender may have opened the file of the next period.
                before = Some(period);
                continue;
            }
            let metadata = made.metadata()?;
            if metadata.is_file() && metadata.len() == 0 && before.is_some_and(|old| old != period)
            {
                // The appender may have made it a moment ago, when the period began.
                make_private(&made)?;
            }
            if let Some(keep) = self.keep {
                self.name.prune(self.rotation, &path, keep);
            }
            let found = Some(found(&path, &metadata)?);
            let (identity, n_bytes) = (Identity::of(&metadata), metadata.len());
            return Ok(self.open.insert(Open { appender, path, period, identity, n_bytes, found }));
        }
    }

    /// Renames the file in use to `.1`, that to `.2` and so on.
    fn shift(&mut self, path: &Path) {
        // Some systems do not rename what is open.
        self.open = None;
        match shift(path, self.keep.unwrap_or(usize::MAX)) {
            Ok(()) => self.is_stuck = false,
            Err(error) if !std::mem::replace(&mut self.is_stuck, true) => {
                let (path, error) = (path.display(), &error as &dyn std::error::Error);
                tracing::warn!(
                    target: TARGET, %path, error,
                    "could not rotate a file: it is written to beyond its size"
                );
            }
            Err(_) => {}
        }
    }
}

impl Destination for RollingFile {
    fn prepare(&mut self, n_bytes: usize, is_torn: bool) -> io::Result<Place> {
        let is_here = self.open.as_ref().is_some_and(|open| {
            period_of(self.rotation, Timestamp::now()) <= open.period && open.is_in_place()
        });
        if let (true, Some(open), Rotation::Size(most)) = (is_here, &self.open, self.rotation)
            && !is_torn
            && open.n_bytes > 0
            && open.n_bytes.saturating_add(n_bytes as u64) > most.bytes()
        {
            let path = open.path.clone();
            self.shift(&path);
        }
        let open = match &mut self.open {
            Some(open) if is_here => open,
            _ => self.reopen()?,
        };
        Ok(open.found.take().unwrap_or(Place::Same))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Wrote> {
        let Some(open) = &mut self.open else { return Ok(Wrote::Moved) };
        // From here to the write the appender cannot roll, so what holds now holds for the write.
        let mut writer = open.appender.make_writer();
        if period_of(self.rotation, Timestamp::now()) > open.period {
            return Ok(Wrote::Moved);
        }
        let n_bytes = writer.write(bytes)?;
        open.n_bytes += n_bytes as u64;
        Ok(Wrote::Bytes(n_bytes))
    }
}

impl Open {
    /// Does the path still lead to this file?
    fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| Identity::of(&metadata) == self.identity)
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(metadata.dev(), metadata.ino())
    }

    /// Where files have no number that std shows: the same as long as there is one.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

impl FileName {
    fn new(path: &Path) -> Option<Self> {
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
    fn path(&self, rotation: Rotation, period: i64) -> PathBuf {
        let mut name = self.prefix.clone();
        let date = date_of(rotation, period);
        for part in date.iter().chain(&self.suffix) {
            name.push('.');
            name.push_str(part);
        }
        self.directory.join(name)
    }

    fn appender(&self, rotation: Rotation) -> io::Result<RollingFileAppender> {
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
    fn prune(&self, rotation: Rotation, path: &Path, keep: usize) {
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
fn shift(path: &Path, keep: usize) -> io::Result<()> {
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

/// Opens a file for appending; makes it, for its owner only, if it is not there.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(permissions)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

/// What the file holds already.
fn found(path: &Path, metadata: &Metadata) -> io::Result<Place> {
    if metadata.len() == 0 {
        return Ok(Place::Empty);
    }
    let ends_torn = if metadata.is_file() {
        // A file that we may write but not read is taken to be whole.
        File::open(path).and_then(|file| last_byte(file)).is_ok_and(|byte| byte != b'\n')
    } else {
        false
    };
    Ok(Place::Used { ends_torn })
}

fn last_byte(mut file: File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}
