//! Opening change streams: `watch`.

use std::{marker::PhantomData, time::Duration};

use mongodb::{
    bson::Timestamp,
    options::{
        ChangeStreamOptions, Collation, FullDocumentBeforeChangeType, FullDocumentType,
        ReadConcern, SelectionCriteria,
    },
};
use serde::de::DeserializeOwned;

use super::*;
use crate::driver::{
    ChangeStream, SessionChangeStream,
    change_stream::event::{ChangeStreamEvent, ResumeToken},
};

/// Opens a change stream; made by [`Collection::watch`](crate::Collection::watch),
/// [`Database::watch`](crate::Database::watch) and [`Client::watch`](crate::Client::watch).
#[must_use = "an action does nothing until it is awaited"]
pub struct Watch<'a, T = Document, S = ImplicitSession> {
    pub(in crate::driver) action: mongodb::action::Watch<'a, T>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<ChangeStreamOptions>,
    /// Given to the driver's action at last: with a session, that one takes no more options.
    pub(in crate::driver) session: Option<&'a mut mongodb::ClientSession>,
    pub(in crate::driver) mode: PhantomData<fn() -> S>,
}

impl<T, S> Watch<'_, T, S> {
    setters!(ChangeStreamOptions {
        full_document: FullDocumentType,
        full_document_before_change: FullDocumentBeforeChangeType,
        resume_after: optional ResumeToken,
        start_at_operation_time: Timestamp,
        start_after: ResumeToken,
        max_await_time: Duration,
        batch_size: u32,
        collation: Collation,
        read_concern: ReadConcern,
        selection_criteria: SelectionCriteria,
        show_expanded_events: bool,
        comment: into Bson,
    });
}

impl<'a, T, S> Watch<'a, T, S> {
    /// Puts the events through this pipeline. What it leaves out of `_id`, `operationType` and
    /// `ns` makes the driver fail; another form of the events needs
    /// [`ChangeStream::with_type`](crate::ChangeStream::with_type).
    pub fn pipeline(mut self, value: impl IntoIterator<Item = Document>) -> Self {
        let pipeline: Vec<_> = value.into_iter().collect();
        self.call.filter = documents(&pipeline);
        self.action = self.action.pipeline(pipeline);
        self
    }
}

impl<'a, T> Watch<'a, T, ImplicitSession> {
    /// Runs the change stream in this session.
    pub fn session(
        mut self,
        session: impl Into<&'a mut ClientSession>,
    ) -> Watch<'a, T, ExplicitSession<'a>> {
        let session = Some(self.call.in_session(session));
        let Self { action, call, options, .. } = self;
        Watch { action, call, options, session, mode: PhantomData }
    }
}

/// Writes what happens when a `watch` is awaited, with and without a session.
macro_rules! watch_future {
    ($mode:ty => $stream:ident, |$action:ident, $session:ident| $opening:expr) => {
        run!(
            [T: DeserializeOwned + Unpin + Send + Sync + 'a] Watch<'a, T, $mode> =>
                crate::driver::sync::$stream<ChangeStreamEvent<T>>,
            crate::driver::sync::$stream::new
        );

        impl<'a, T> Mirrored for Watch<'a, T, $mode> {}

        impl<'a, T> IntoFuture for Watch<'a, T, $mode>
        where
            T: DeserializeOwned + Unpin + Send + Sync + 'a,
        {
            type Output = mongodb::error::Result<$stream<ChangeStreamEvent<T>>>;
            type IntoFuture = BoxFuture<'a, Self::Output>;

            fn into_future(mut self) -> Self::IntoFuture {
                let described = self.described();
                let Self { action, call, options, session: $session, .. } = self;
                Box::pin(async move {
                    let operation = Operation::open(call, described)?;
                    let $action = action.with_options(options);
                    keep_open(operation, $opening.into_future(), $stream::new).await
                })
            }
        }
    };
}

watch_future!(ImplicitSession => ChangeStream, |action, _session| action);
watch_future!(ExplicitSession<'a> => SessionChangeStream, |action, session| {
    action.session(session.expect("the setter of the session gives one"))
});
