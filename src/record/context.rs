//! Who did it and why: what the application says of its operations.

use std::fmt;

use mongodb::bson::{Bson, Document};

use super::outcome::named;
use crate::watch_error::{Error, Result};

/// The circumstances of an operation: who does it, for whom, and why.
///
/// Plain data; `Debug` prints the names of what is set, never the values.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Context {
    /// Who does it.
    pub actor: Option<Actor>,
    /// For whom the actor does it, as a support engineer for a customer.
    pub on_behalf_of: Option<Actor>,
    /// The tenant whose data it is.
    pub tenant: Option<String>,
    /// The id of the application's request.
    pub request_id: Option<String>,
    /// Why it is done: a ticket, a job, a sentence.
    pub reason: Option<String>,
    /// What else the application wants to find again.
    pub labels: Document,
    /// The id of the trace, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The id of the span, 16 hexadecimal digits.
    pub span_id: Option<String>,
}

named! {
    /// What kind of actor it is.
    pub enum ActorKind as "Kind" {
        /// A person.
        User = "user",
        /// Another program.
        Service = "service",
        /// The application itself: a job, a migration, a start-up.
        System = "system",
        /// Somebody who did not say who they are.
        Anonymous = "anonymous",
    }
}

/// Who did it: a kind, and an id or a name, or both.
#[derive(Clone, PartialEq)]
pub struct Actor {
    /// What is shown, in the form in which it is shown.
    document: Document,
}

impl Actor {
    /// The keys of the document, in its order.
    const KIND: &'static str = "Kind";
    const ID: &'static str = "ID";
    const NAME: &'static str = "Name";

    /// An actor of this kind and id.
    #[must_use]
    pub fn new(kind: ActorKind, id: impl Into<String>) -> Self {
        let mut document = Document::new();
        document.insert(Self::KIND, kind.as_str());
        document.insert(Self::ID, id.into());
        Self { document }
    }

    /// A person with this id.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::new(ActorKind::User, id)
    }

    /// A program with this id.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self::new(ActorKind::Service, id)
    }

    /// The application itself, in the role of this id.
    #[must_use]
    pub fn system(id: impl Into<String>) -> Self {
        Self::new(ActorKind::System, id)
    }

    /// Somebody unknown.
    #[must_use]
    pub fn anonymous() -> Self {
        let mut document = Document::new();
        document.insert(Self::KIND, ActorKind::Anonymous.as_str());
        Self { document }
    }

    /// Adds a name for people to read.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.document.insert(Self::NAME, name.into());
        self
    }

    /// The document of `Kind`, `ID` and `Name` in which the actor stands in a record.
    #[must_use]
    pub const fn as_document(&self) -> &Document {
        &self.document
    }

    /// Reads the document of a record.
    ///
    /// # Errors
    ///
    /// When there is no kind, or a value is not a string, or there are other keys.
    pub fn from_document(document: &Document) -> Result<Self> {
        for (key, value) in document {
            match (key.as_str(), value) {
                (Self::KIND, Bson::String(kind)) => drop(kind.parse::<ActorKind>()?),
                (Self::ID | Self::NAME, Bson::String(_)) => {}
                _ => return Err(Error::invalid(format!("an actor has no text `{key}`"))),
            }
        }
        if !document.contains_key(Self::KIND) {
            return Err(Error::invalid("an actor has a `Kind`"));
        }
        Ok(Self { document: document.clone() })
    }
}

impl From<&str> for Actor {
    /// A person with this id.
    fn from(id: &str) -> Self {
        Self::user(id)
    }
}

impl From<String> for Actor {
    /// A person with this id.
    fn from(id: String) -> Self {
        Self::user(id)
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.document.keys().collect();
        f.debug_tuple("Actor").field(&keys).finish()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = [
            ("actor", self.actor.is_some()),
            ("on_behalf_of", self.on_behalf_of.is_some()),
            ("tenant", self.tenant.is_some()),
            ("request_id", self.request_id.is_some()),
            ("reason", self.reason.is_some()),
            ("labels", !self.labels.is_empty()),
            ("trace_id", self.trace_id.is_some()),
            ("span_id", self.span_id.is_some()),
        ];
        f.debug_set()
            .entries(set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name))
            .finish()
    }
}
