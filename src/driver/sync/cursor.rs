//! Cursors of the blocking API.

use futures_util::StreamExt;
use mongodb::{
    bson::{Document, RawDocument},
    error::Result,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{ClientSession, block_on};
use crate::driver;

/// Iterates over the result of a query, as the driver's [`mongodb::sync::Cursor`] does, and watches
/// it as [`crate::Cursor`] does.
#[derive(Debug)]
pub struct Cursor<T> {
    async_cursor: driver::Cursor<T>,
}

/// Iterates over the result of a query in a session, as the driver's
/// [`mongodb::sync::SessionCursor`] does, and watches it.
#[derive(Debug)]
pub struct SessionCursor<T> {
    async_cursor: driver::SessionCursor<T>,
}

/// Iterates over a [`SessionCursor`]; made by [`SessionCursor::iter`].
pub struct SessionCursorIter<'cursor, 'session, T = Document>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    async_stream: driver::SessionCursorStream<'cursor, 'session, T>,
}

impl<T> Cursor<T> {
    pub(in crate::driver) const fn new(async_cursor: driver::Cursor<T>) -> Self {
        Self { async_cursor }
    }

    /// Moves the cursor forward.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn advance(&mut self) -> Result<bool> {
        block_on(self.async_cursor.advance())
    }

    /// The document at which the cursor stands.
    ///
    /// # Panics
    ///
    /// When [`Cursor::advance`] did not return `Ok(true)` before.
    pub fn current(&self) -> &RawDocument {
        self.async_cursor.current()
    }

    /// Can there be more documents?
    pub fn has_next(&self) -> bool {
        self.async_cursor.has_next()
    }

    /// The document at which the cursor stands, as a `T`.
    ///
    /// # Errors
    ///
    /// When the document is not a `T`.
    pub fn deserialize_current<'a>(&'a self) -> Result<T>
    where
        T: Deserialize<'a>,
    {
        self.async_cursor.deserialize_current()
    }

    /// The cursor with another type of documents.
    pub fn with_type<'a, D>(self) -> Cursor<D>
    where
        D: Deserialize<'a>,
    {
        Cursor { async_cursor: self.async_cursor.with_type() }
    }
}

impl<T> Iterator for Cursor<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.async_cursor.next())
    }
}

impl<T> SessionCursor<T> {
    pub(in crate::driver) const fn new(async_cursor: driver::SessionCursor<T>) -> Self {
        Self { async_cursor }
    }

    /// Moves the cursor forward.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn advance(&mut self, session: &mut ClientSession) -> Result<bool> {
        block_on(self.async_cursor.advance(session.into()))
    }

    /// The document at which the cursor stands.
    ///
    /// # Panics
    ///
    /// When [`SessionCursor::advance`] did not return `Ok(true)` before.
    pub fn current(&self) -> &RawDocument {
        self.async_cursor.current()
    }

    /// The document at which the cursor stands, as a `T`.
    ///
    /// # Errors
    ///
    /// When the document is not a `T`.
    pub fn deserialize_current<'a>(&'a self) -> Result<T>
    where
        T: Deserialize<'a>,
    {
        self.async_cursor.deserialize_current()
    }

    /// The cursor with another type of documents.
    pub fn with_type<'a, D>(self) -> SessionCursor<D>
    where
        D: Deserialize<'a>,
    {
        SessionCursor { async_cursor: self.async_cursor.with_type() }
    }
}

impl<T> SessionCursor<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    /// Iterates over the documents to come. As long as it lives the session is its own:
    /// [`SessionCursor::next`] gives it back after each document.
    pub fn iter<'session>(
        &mut self,
        session: &'session mut ClientSession,
    ) -> SessionCursorIter<'_, 'session, T> {
        SessionCursorIter { async_stream: self.async_cursor.stream(session.into()) }
    }

    /// The next document, if there is one.
    pub fn next(&mut self, session: &mut ClientSession) -> Option<Result<T>> {
        block_on(self.async_cursor.next(session.into()))
    }
}

impl<'cursor, 'session, T> Iterator for SessionCursorIter<'cursor, 'session, T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
    'session: 'cursor,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.async_stream.next())
    }
}
