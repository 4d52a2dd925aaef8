//! Change streams of the blocking API.

use futures_util::StreamExt;
use mongodb::{change_stream::event::ResumeToken, error::Result};
use serde::de::DeserializeOwned;

use super::{ClientSession, block_on};
use crate::driver;

/// Iterates over changes, as the driver's [`mongodb::sync::ChangeStream`] does, and watches them as
/// [`crate::ChangeStream`] does.
#[derive(Debug)]
pub struct ChangeStream<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    async_stream: driver::ChangeStream<T>,
}

/// Gives changes in a session, as the driver's [`mongodb::sync::SessionChangeStream`] does, and
/// watches them.
#[derive(Debug)]
pub struct SessionChangeStream<T>
where
    T: DeserializeOwned + Unpin,
{
    async_stream: driver::SessionChangeStream<T>,
}

impl<T> ChangeStream<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    pub(in crate::driver) const fn new(async_stream: driver::ChangeStream<T>) -> Self {
        Self { async_stream }
    }

    /// The token to resume after the last event.
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.async_stream.resume_token()
    }

    /// The stream with another type of events.
    pub fn with_type<D>(self) -> ChangeStream<D>
    where
        D: DeserializeOwned + Unpin + Send + Sync,
    {
        ChangeStream { async_stream: self.async_stream.with_type() }
    }

    /// Can there be more events?
    pub fn is_alive(&self) -> bool {
        self.async_stream.is_alive()
    }

    /// The next event, if there is one after one request at most.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn next_if_any(&mut self) -> Result<Option<T>> {
        block_on(self.async_stream.next_if_any())
    }
}

impl<T> Iterator for ChangeStream<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.async_stream.next())
    }
}

impl<T> SessionChangeStream<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    pub(in crate::driver) const fn new(async_stream: driver::SessionChangeStream<T>) -> Self {
        Self { async_stream }
    }

    /// The token to resume after the last event.
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.async_stream.resume_token()
    }

    /// The stream with another type of events.
    pub fn with_type<D>(self) -> SessionChangeStream<D>
    where
        D: DeserializeOwned + Unpin + Send + Sync,
    {
        SessionChangeStream { async_stream: self.async_stream.with_type() }
    }

    /// Waits for the next event, in the session that the stream was made with.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn next(&mut self, session: &mut ClientSession) -> Result<Option<T>> {
        block_on(self.async_stream.next(session.into()))
    }

    /// Can there be more events?
    pub fn is_alive(&self) -> bool {
        self.async_stream.is_alive()
    }

    /// The next event, if there is one after one request at most.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn next_if_any(&mut self, session: &mut ClientSession) -> Result<Option<T>> {
        block_on(self.async_stream.next_if_any(session.into()))
    }
}
