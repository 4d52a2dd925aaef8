//! A counted, buffered way to a file or stream that may fail at any time.
//!
//! Constraints: one write per batch, not per record; every record is on the books as written,
//! failed or held; a row that was torn by a short write is completed before anything else, so that
//! a file never holds a broken line followed by another; trouble is reported once and never stops
//! the application.
//!
//! Data: one buffer of lines and the length of each. What the operating system has taken leaves the
//! buffer; what it has not taken stays and is tried again with the next batch. So a torn row is
//! nothing special: its rest is at the front. When the buffer is full during an outage, new records
//! are lost and counted.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::layer::{
    Tally,
    destination::{Destination, Place, Wrote},
};

/// A buffer of this size is written without waiting for the end of the batch.
const FLUSH_AT: usize = 256 << 10;

/// No more than this is kept during an outage.
const HELD_MAX: usize = 1 << 20;

/// Trouble that comes and goes is not reported more often than this.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Lines on their way to a destination.
pub(crate) struct Output {
    route: String,
    to: Box<dyn Destination>,
    /// What every new file begins with.
    header: Vec<u8>,
    buffer: Vec<u8>,
    /// The lines in the buffer.
    rows: VecDeque<Row>,
    tally: Arc<Tally>,
    outage: Outage,
}

/// A line in the buffer.
struct Row {
    /// How much of it is to be written yet.
    n_bytes: usize,
    kind: RowKind,
    is_torn: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum RowKind {
    Record,
    /// A header, or the end of somebody else's torn line.
    Frame,
}

/// Whether writing works, and when it was last said that it does not.
#[derive(Default)]
struct Outage {
    is_on: bool,
    is_reported: bool,
    n_lost: u64,
    reported: Option<Instant>,
}

impl Output {
    pub(super) fn new(route: impl Into<String>, to: Box<dyn Destination>, header: Vec<u8>) -> Self {
        Self {
            route: route.into(),
            to,
            header,
            buffer: Vec::new(),
            rows: VecDeque::new(),
            tally: Arc::default(),
            outage: Outage::default(),
        }
    }

    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Takes a record: `write` appends its line.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.tally.take();
        if self.buffer.len() >= HELD_MAX {
            return self.lose(1);
        }
        let start = self.buffer.len();
        write(&mut self.buffer);
        let n_bytes = self.buffer.len() - start;
        self.rows.push_back(Row { n_bytes, kind: RowKind::Record, is_torn: false });
        // During an outage once per batch is often enough.
        if self.buffer.len() >= FLUSH_AT && !self.outage.is_on {
            self.flush();
        }
    }

    /// Writes what is in the buffer; keeps what could not be written.
    pub(super) fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        match self.drain() {
            Ok(()) => self.end_outage(),
            Err(error) => {
                self.begin_outage(&error);
                if error.kind() == io::ErrorKind::BrokenPipe {
                    // Nobody will read this any more.
                    self.lose_all();
                }
            }
        }
    }

    /// Writes what is in the buffer; loses what could not be written.
    pub(super) fn close(&mut self) {
        self.flush();
        let n_lost = self.lose_all();
        if n_lost > 0 {
            let route = &*self.route;
            tracing::error!(target: TARGET, route, n_lost, "records could not be written");
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        while !self.buffer.is_empty() {
            let is_torn = self.rows.front().is_some_and(|row| row.is_torn);
            let place = self.to.prepare(self.buffer.len(), is_torn)?;
            self.settle(place);
            let mut sent = 0;
            let result = write_all(&mut *self.to, &self.buffer, &mut sent);
            self.account(sent);
            result?;
        }
        Ok(())
    }

    /// Puts in front what a new place needs, and takes away what belonged to the old one.
    fn settle(&mut self, place: Place) {
        if place == Place::Same {
            return;
        }
        while let Some(front) = self.rows.front()
            && (front.is_torn || front.kind == RowKind::Frame)
        {
            self.buffer.drain(..front.n_bytes);
            if front.kind == RowKind::Record {
                // Its first half ends the old file.
                self.lose(1);
            }
            self.rows.pop_front();
        }
        let frame: &[u8] = match place {
            Place::Empty => &self.header,
            Place::Used { ends_torn: true } => b"\n",
            _ => b"",
        };
        if !frame.is_empty() {
            let n_bytes = frame.len();
            self.buffer.splice(..0, frame.iter().copied());
            self.rows.push_front(Row { n_bytes, kind: RowKind::Frame, is_torn: false });
        }
    }

    /// Takes the first bytes off the buffer and counts the records that are out with them.
    fn account(&mut self, sent: usize) {
        let mut rest = sent;
        let mut n_written = 0;
        while let Some(front) = self.rows.front_mut()
            && rest > 0
        {
            if rest < front.n_bytes {
                front.n_bytes -= rest;
                front.is_torn = true;
                break;
            }
            rest -= front.n_bytes;
            n_written += u64::from(front.kind == RowKind::Record);
            self.rows.pop_front();
        }
        self.buffer.drain(..sent);
        self.tally.write(n_written);
    }

    fn lose(&mut self, n_records: u64) {
        self.tally.fail(n_records);
        self.outage.n_lost += n_records;
    }

    /// Empties the buffer; says how many records were in it.
    fn lose_all(&mut self) -> u64 {
        let is_record = |row: &&Row| row.kind == RowKind::Record;
        let n_records = self.rows.iter().filter(is_record).count() as u64;
        self.lose(n_records);
        self.rows.clear();
        self.buffer.clear();
        n_records
    }

    fn begin_outage(&mut self, error: &io::Error) {
        let outage = &mut self.outage;
        if outage.is_on {
            return;
        }
        let is_due = outage.reported.is_none_or(|last| last.elapsed() >= REPORT_EVERY);
        *outage = Outage { is_on: true, is_reported: is_due, n_lost: 0, ..*outage };
        if is_due {
            outage.reported = Some(Instant::now());
            let (route, error) = (&*self.route, error as &dyn std::error::Error);
            tracing::warn!(
                target: TARGET, route, error,
                "could not write records: they are kept as long as there is room, then lost"
            );
        }
    }

    fn end_outage(&mut self) {
        let outage = std::mem::take(&mut self.outage);
        self.outage.reported = outage.reported;
        if outage.is_reported {
            let (route, n_lost) = (&*self.route, outage.n_lost);
            tracing::warn!(target: TARGET, route, n_lost, "records are written again");
        }
    }
}

/// The target of our own reports.
pub(super) const TARGET: &str = "mongowatch::layer";

/// Writes the bytes from `sent` on, and moves `sent`; ends early when the place has changed.
fn write_all(to: &mut dyn Destination, bytes: &[u8], sent: &mut usize) -> io::Result<()> {
    while *sent < bytes.len() {
        match to.write(&bytes[*sent..]) {
            Ok(Wrote::Bytes(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Wrote::Bytes(n_bytes)) => *sent += n_bytes,
            Ok(Wrote::Moved) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Drop for Output {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Output");
        debug.field("route", &self.route).field("n_rows", &self.rows.len());
        debug.field("n_bytes", &self.buffer.len()).finish_non_exhaustive()
    }
}
