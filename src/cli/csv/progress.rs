//! A progress bar for long inputs, when somebody is looking.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// An input is long from here on: below it the bar would only flicker.
const LONG: u64 = 64 << 20;

/// Counts the bytes that were read, and shows them once there were many.
pub(super) struct Progress {
    bar: ProgressBar,
    may_show: bool,
}

impl Progress {
    /// Of two passes over a number of bytes, if that is known.
    pub(super) fn new(n_bytes: Option<u64>) -> Self {
        let n_bytes = n_bytes.map(|n_bytes| 2 * n_bytes);
        let bar = ProgressBar::with_draw_target(n_bytes, ProgressDrawTarget::hidden());
        let template = match n_bytes {
            Some(_) => "{bar:40} {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)",
            None => "{spinner} {bytes} ({bytes_per_sec})",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, may_show: io::stderr().is_terminal() }
    }

    pub(super) fn wrap<'a, R: Read>(&'a mut self, from: R) -> Counted<'a, R> {
        Counted { from, at: 0, progress: self }
    }

    /// Makes room on the screen for what `talk` says.
    pub(super) fn suspend(&self, talk: impl FnOnce()) {
        self.bar.suspend(talk);
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn add(&mut self, n_bytes: u64) {
        self.bar.inc(n_bytes);
        if self.may_show && self.bar.position() > LONG {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.may_show = false;
        }
    }
}

/// A stream whose bytes are counted.
pub(super) struct Counted<'a, R> {
    from: R,
    at: u64,
    progress: &'a mut Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.from.read(buffer)?;
        self.progress.add(n_bytes as u64);
        self.at += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    /// What is skipped counts as read.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.from.seek(to)?;
        self.progress.add(at.saturating_sub(self.at));
        self.at = at;
        Ok(at)
    }
}
