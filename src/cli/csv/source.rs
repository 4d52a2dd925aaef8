//! The input: files, and streams that are kept in an unnamed temporary file for the second pass.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;

/// One input. The first pass reads it, the second one looks rows up in it.
pub(super) struct Source {
    /// How messages call it.
    pub(super) name: String,
    /// The file itself, or what was read of the stream.
    file: File,
    /// Where in `file` the input starts.
    origin: u64,
    stream: Option<Box<dyn Read>>,
    /// Links resolved; `None` for standard input and what else has no path.
    path: Option<PathBuf>,
    opened_as: State,
}

/// What tells that a file was changed or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    len: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Self::stdin().context("could not open standard input");
        }
        let open = || -> io::Result<Self> {
            // A pipe under a name, such as `/dev/stdin`, has no path to resolve, and needs none.
            Self::of(File::open(path)?, path.display().to_string(), fs::canonicalize(path).ok())
        };
        open().with_context(|| format!("could not open {}", path.display()))
    }

    fn stdin() -> io::Result<Self> {
        #[cfg(unix)]
        let file = File::from(std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?);
        #[cfg(windows)]
        let file = File::from(
            std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?,
        );
        Self::of(file, "<stdin>".to_owned(), None)
    }

    fn of(mut file: File, name: String, path: Option<PathBuf>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let opened_as = State::of(&metadata);
        if metadata.is_file() {
            let origin = file.stream_position()?;
            return Ok(Self { name, file, origin, stream: None, path, opened_as });
        }
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let stream: Option<Box<dyn Read>> = Some(Box::new(file));
        Ok(Self { name, file: tempfile::tempfile()?, origin: 0, stream, path, opened_as })
    }

    /// The number of bytes to read, if that is known.
    pub(super) fn len(&self) -> Option<u64> {
        self.stream.is_none().then(|| self.opened_as.len.saturating_sub(self.origin))
    }

    /// Is it a file that can be replaced by another one?
    pub(super) fn is_file(&self) -> bool {
        self.stream.is_none() && self.path.is_some()
    }

    /// Is it the file at `path`, whose links are resolved?
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path.as_deref() == Some(path)
    }

    /// Fails if the file is not what was opened: it grew, was changed, or was replaced.
    pub(super) fn check_unchanged(&self) -> anyhow::Result<()> {
        let name = &self.name;
        let mut states = vec![self.file.metadata()];
        states.extend(self.path.as_ref().map(fs::metadata));
        for state in states {
            let state = state.with_context(|| format!("could not look at {name} again"))?;
            if State::of(&state) != self.opened_as {
                return Err(crate::cli::Hinted::error(
                    format!("{name} was changed by somebody else in the meantime"),
                    "the file is left as it is; stop or rotate what writes to it, then try again",
                ));
            }
        }
        Ok(())
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return self.file.read(buffer) };
        let n_bytes = stream.read(buffer)?;
        let keep = self.file.write_all(&buffer[..n_bytes]);
        keep.map_err(|error| {
            let dir = std::env::temp_dir();
            let what = format!("could not keep the stream in {}: {error}", dir.display());
            io::Error::new(error.kind(), what)
        })?;
        Ok(n_bytes)
    }
}

impl Seek for Source {
    /// Seeks in what was read; only positions from the start are asked for.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.stream = None;
        Ok(self.file.seek(SeekFrom::Start(self.origin + at))? - self.origin)
    }
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let identity = None;
        Self { len: metadata.len(), modified: metadata.modified().ok(), identity }
    }
}
