//! The output: standard output, a device or pipe, or a file that appears whole or not at all.
//!
//! A file is written beside its place under another name, synced, and renamed: whatever happens, the
//! old or the new content is there. The other name belongs to a lock, so that what a killed run left
//! behind is known as such and swept by the next one.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;

const BUFFER: usize = 256 << 10;
const PREFIX: &str = ".mongowatch-";
const SUFFIX: &str = ".tmp";

/// Where the output goes.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Target {
    Stdout,
    /// Something that is written to but never replaced, such as `/dev/null`.
    Stream(PathBuf),
    /// A file, links resolved, that is replaced or made.
    File(PathBuf),
}

impl Target {
    /// Finds out what stands at `path`.
    pub(in crate::cli) fn at(path: &Path) -> anyhow::Result<Self> {
        let look = || -> io::Result<Self> {
            match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Ok(Self::File(path.to_owned()))
                }
                Err(error) => Err(error),
                Ok(_) if fs::metadata(path)?.is_file() => Ok(Self::File(fs::canonicalize(path)?)),
                Ok(_) => Ok(Self::Stream(path.to_owned())),
            }
        };
        look().with_context(|| format!("could not look at {}", path.display()))
    }

    /// Opens the way to it.
    pub(in crate::cli) fn open(&self) -> io::Result<Output> {
        Ok(match self {
            Self::Stdout => Output::Stdout(BufWriter::with_capacity(BUFFER, io::stdout())),
            Self::Stream(path) => {
                let file = OpenOptions::new().write(true).open(path)?;
                Output::Stream(BufWriter::with_capacity(BUFFER, file))
            }
            Self::File(path) => Output::File(Box::new(NewFile::beside(path)?)),
        })
    }
}

/// An output that is being written.
pub(in crate::cli) enum Output {
    // Standard output of the library flushes at each line end; a large buffer before it hands over
    // many lines at once.
    Stdout(BufWriter<io::Stdout>),
    Stream(BufWriter<File>),
    File(Box<NewFile>),
}

impl Output {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::Stream(out) => out,
            Self::File(file) => &mut file.out,
        }
    }

    /// Makes what was written count; `check` is asked last, before a file is replaced.
    pub(in crate::cli) fn finish(
        mut self,
        check: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.writer().flush()?;
        match self {
            Self::Stdout(_) | Self::Stream(_) => Ok(()),
            Self::File(file) => file.replace(check),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

/// A file on its way to a place.
pub(in crate::cli) struct NewFile {
    out: BufWriter<NamedTempFile>,
    place: PathBuf,
    dir: PathBuf,
    old: Option<Metadata>,
}

impl NewFile {
    fn beside(place: &Path) -> io::Result<Self> {
        let dir = match place.parent() {
            Some(dir) if dir != Path::new("") => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        sweep(&dir);
        let old = match fs::metadata(place) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        // What replaces a file is private until it has that file's permissions; a file of its own
        // gets what the user's mask allows.
        #[cfg(unix)]
        if old.is_none() {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(&dir)?;
        // Where locks are not to be had, nothing is swept either.
        let _ = file.as_file().try_lock();
        let out = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { out, place: place.to_owned(), dir, old })
    }

    fn replace(self, check: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Self { out, place, dir, old } = self;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Some(old) = old {
            take_after(file.as_file(), &old)?;
        }
        file.as_file().sync_all()?;
        check()?;
        file.persist(&place).map_err(|error| error.error)?;
        // The rename itself is only on disk once its directory is. Not every system can open one.
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        #[cfg(not(unix))]
        drop(dir);
        Ok(())
    }
}

/// Gives a new file the owner and the permissions of the old one.
fn take_after(new: &File, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let now = new.metadata()?;
        if (now.uid(), now.gid()) != (old.uid(), old.gid()) {
            // Only root may give files away, and others only to a group of theirs: what cannot be
            // kept is left, as `sed -i` does. The owner comes first, as a change of owner takes
            // permissions back.
            let _ = fchown(new, Some(old.uid()), Some(old.gid()))
                .or_else(|_| fchown(new, None, Some(old.gid())));
        }
    }
    new.set_permissions(old.permissions())
}

/// Removes what killed runs left behind: files with our names that nobody holds a lock on.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| {
            name.strip_prefix(PREFIX).is_some_and(|name| name.ends_with(SUFFIX))
        });
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let abandoned = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if abandoned {
            // A leftover that cannot be removed harms nobody; this run does not depend on it.
            let _ = fs::remove_file(entry.path());
        }
    }
}
