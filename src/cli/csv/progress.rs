//! A progress bar for long inputs, when somebody is looking.

use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// An input is long from here on: below it the bar would only flicker.
const LONG: u64 = 64 << 20;

/// Counts the bytes that were read, and shows them once there were many.
pub(super) struct Progress {
    bar: ProgressBar,
    may_show: bool,
}

impl Progress {
    /// Of a total number of bytes, if it is known.
    pub(super) fn new(n_bytes: Option<u64>) -> Self {
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
        Counted { from, progress: self }
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn add(&mut self, n_bytes: usize) {
        self.bar.inc(n_bytes as u64);
        if self.may_show && self.bar.position() > LONG {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.may_show = false;
        }
    }
}

/// A stream whose bytes are counted.
pub(super) struct Counted<'a, R> {
    from: R,
    progress: &'a mut Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.from.read(buffer)?;
        self.progress.add(n_bytes);
        Ok(n_bytes)
    }
}
