//! Which doors to the driver's traffic a client has: command events (B), spans (C), or none.

use std::sync::Arc;

use mongodb::options::ClientOptions;

use super::{command, probe::Probe, span};
use crate::pipeline::{Capture, Watcher};

/// Opens the door that the probe's capture asks for.
pub(super) fn open(probe: &Arc<Probe>, options: &mut ClientOptions) {
    match probe.capture {
        Capture::Commands => command::open(probe, options),
        Capture::Spans => span::open(probe, options),
        Capture::Operations => {}
    }
}

impl Watcher {
    /// Watches any plain driver client that is made from these options, through the driver's
    /// command events (door B), with no other change to the application.
    ///
    /// Each logical operation has one record, with counts, bytes and request ids; what it costs is
    /// in the README's table. The handler that the application has set keeps working.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use mongodb::{Client, options::ClientOptions};
    /// use mongowatch::Watcher;
    ///
    /// let watcher = Watcher::builder().start()?;
    /// let mut options = ClientOptions::parse("mongodb://localhost:27017").await?;
    /// watcher.attach(&mut options);
    /// let client = Client::with_options(options)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach(&self, options: &mut ClientOptions) {
        self.attach_as(Capture::Commands, options);
    }

    /// Watches any plain driver client that is made from these options, through the driver's spans
    /// (door C): cheaper than command events, but without counts and bytes.
    ///
    /// The tracer provider that the application has set keeps working behind ours.
    pub fn attach_spans(&self, options: &mut ClientOptions) {
        self.attach_as(Capture::Spans, options);
    }

    fn attach_as(&self, capture: Capture, options: &mut ClientOptions) {
        let probe = Arc::new(Probe::new(self, options, capture));
        open(&probe, options);
    }
}
