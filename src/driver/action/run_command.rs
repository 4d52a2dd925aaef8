//! Running any command: `run_command` and `run_cursor_command`.

use std::time::Duration;

use mongodb::options::{CursorType, RunCursorCommandOptions, SelectionCriteria};

use super::*;
use crate::{
    driver::{Cursor, SessionCursor, body, reply::Reply},
    record::{Outcome, WatchMessage},
};

action! {
    /// Runs a command; made by [`Database::run_command`](crate::Database::run_command) and
    /// [`Database::run_raw_command`](crate::Database::run_raw_command).
    RunCommand<'a> = mongodb::action::RunCommand<'a>,
    RunCommandOptions {
        selection_criteria: SelectionCriteria,
    } => Document,
    session,
    |record, result| if let Ok(reply) = result { learn(record, reply); }
}

/// Reads the counts out of a reply, and the failed writes: the driver gives a reply that says
/// `ok: 1` as a success, whatever else it says.
fn learn(record: &mut WatchMessage, reply: &Document) {
    let command = record.filter.as_deref().and_then(Bson::as_document);
    if command.is_some_and(body::is_unacknowledged) {
        record.outcome = Some(Outcome::Unknown);
        return;
    }
    let name = command.and_then(|command| command.keys().next());
    let reply = Reply::read(name.map_or("", String::as_str), reply);
    record.counts = reply.counts;
    if let Some(error) = reply.error {
        let partial = !error.write_errors.is_empty() && record.counts.any_written();
        record.outcome = Some(if partial { Outcome::Partial } else { Outcome::Error });
        record.error = Some(Arc::new(error));
    }
}

/// Runs a command that gives a cursor; made by
/// [`Database::run_cursor_command`](crate::Database::run_cursor_command) and
/// [`Database::run_raw_cursor_command`](crate::Database::run_raw_cursor_command).
#[must_use = "an action does nothing until it is awaited"]
pub struct RunCursorCommand<'a, Session = ImplicitSession> {
    pub(in crate::driver) action: mongodb::action::RunCursorCommand<'a, Session>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<RunCursorCommandOptions>,
}

impl<'a, Session> RunCursorCommand<'a, Session> {
    setters!(RunCursorCommandOptions {
        selection_criteria: SelectionCriteria,
        cursor_type: CursorType,
        batch_size: u32,
        max_time: Duration,
        comment: into Bson,
    });
}

impl<'a> RunCursorCommand<'a, ImplicitSession> {
    /// Runs the operation in this session.
    pub fn session(
        mut self,
        value: impl Into<&'a mut ClientSession>,
    ) -> RunCursorCommand<'a, ExplicitSession<'a>> {
        RunCursorCommand {
            action: self.action.session(self.call.in_session(value)),
            call: self.call,
            options: self.options,
        }
    }
}

cursor_future!([] RunCursorCommand<'a, ImplicitSession> => Cursor<Document>; RawBatchCursor);
cursor_future!([] RunCursorCommand<'a, ExplicitSession<'a>> => SessionCursor<Document>; SessionRawBatchCursor);
