//! A file that is begun anew by time or by size, and found again when somebody moved it away.
//!
//! The file is opened, and kept from being written past its time, by `tracing-appender`. Around it
//! we do what it leaves open: the file is made first, with mode 0600 (it holds data of others);
//! whether it is empty is known before the first record, so that a header can be written; rotation
//! by size; and old files are removed by their exact names only, not by prefix and suffix, since
//! another layer's `audit-slow.csv` is not an old `audit.csv`.

mod name;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tracing_appender::rolling::RollingFileAppender;
use tracing_subscriber::fmt::MakeWriter as _;

use self::name::{FileName, period_of, shift};
use crate::{
    layer::{
        Rotation,
        destination::{Destination, Place, Wrote},
        output::TARGET,
    },
    record::Timestamp,
    watch_error::{Error, Result},
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
        File::open(path).and_then(last_byte).is_ok_and(|byte| byte != b'\n')
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
