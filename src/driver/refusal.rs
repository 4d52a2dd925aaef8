//! Operations that are refused before anything is sent, because the configuration asks for it.

use mongodb::error::Error;

use crate::record::{ContextField, ErrorInfo, WatchMessage};

/// The driver shows the text of a custom error only if that is a `String`: a type of ours would
/// leave everybody who prints the error without its reason. So this is what it is known by.
const REFUSED: &str = "mongowatch refused the operation: ";

/// Was the error made by mongowatch, which refused the operation, so that nothing was sent?
///
/// That happens to operations without the context that
/// [`require_context`](crate::WatcherBuilder::require_context) asks for.
///
/// ```no_run
/// # async fn example(orders: mongowatch::Collection<mongowatch::bson::Document>) {
/// if let Err(error) = orders.insert_one(mongowatch::bson::doc! {}).await
///     && mongowatch::is_refused(&error)
/// {
///     eprintln!("nobody said who did it: {error}");
/// }
/// # }
/// ```
#[must_use]
pub fn is_refused(error: &Error) -> bool {
    error.get_custom::<String>().is_some_and(|text| text.starts_with(REFUSED))
}

/// Why an operation is refused.
pub(super) struct Refusal(String);

impl Refusal {
    /// The context lacks what is required.
    pub(super) fn of_context(record: &WatchMessage, missing: &[ContextField]) -> Self {
        let operation = &record.operation;
        let place = match (record.db.as_deref(), record.collection.as_deref()) {
            (Some(db), Some(collection)) => format!("`{db}.{collection}`"),
            (Some(db), None) => format!("database `{db}`"),
            _ => "the deployment".to_owned(),
        };
        let words: Vec<_> = missing.iter().map(|field| format!("`{field}`")).collect();
        let calls: String = missing.iter().map(|field| format!(".{field}(..)")).collect();
        Self(format!(
            "{REFUSED}`{operation}` on {place} requires {} of its context; run it in \
             `Context::new(){calls}.scope(..)`, or change `require_context`",
            words.join(" and ")
        ))
    }

    /// The error as it stands in the record.
    pub(super) fn info(&self) -> ErrorInfo {
        let name = Some("ContextRequired".to_owned());
        ErrorInfo { name, message: Some(self.0.clone()), ..ErrorInfo::default() }
    }

    /// The error for the application.
    pub(super) fn into_error(self) -> Error {
        Error::custom(self.0)
    }
}
