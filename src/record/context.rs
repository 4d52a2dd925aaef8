//! Who did it and why: what the application says of its operations.

use std::fmt;

use mongodb::bson::{Bson, Document};
use serde::{Deserialize, Serialize};

use super::{field::Field, outcome::named};
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
    /// Names one part of a [`Context`] in the configuration.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum ContextField as "a part of the context" {
        /// Who does it.
        Actor = "actor",
        /// For whom the actor does it.
        OnBehalfOf = "on_behalf_of",
        /// The tenant whose data it is.
        Tenant = "tenant",
        /// The id of the application's request.
        RequestId = "request_id",
        /// Why it is done.
        Reason = "reason",
        /// What else is said.
        Labels = "labels",
        /// The id of the trace.
        TraceId = "trace_id",
        /// The id of the span.
        SpanId = "span_id",
    }
}

impl ContextField {
    /// The field of a record in which it stands.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::Actor => Field::Actor,
            Self::OnBehalfOf => Field::OnBehalfOf,
            Self::Tenant => Field::Tenant,
            Self::RequestId => Field::RequestId,
            Self::Reason => Field::Reason,
            Self::Labels => Field::Labels,
            Self::TraceId => Field::TraceId,
            Self::SpanId => Field::SpanId,
        }
    }

    /// Does the context say it?
    #[must_use]
    pub fn is_in(self, context: &Context) -> bool {
        match self {
            Self::Actor => context.actor.is_some(),
            Self::OnBehalfOf => context.on_behalf_of.is_some(),
            Self::Tenant => context.tenant.is_some(),
            Self::RequestId => context.request_id.is_some(),
            Self::Reason => context.reason.is_some(),
            Self::Labels => !context.labels.is_empty(),
            Self::TraceId => context.trace_id.is_some(),
            Self::SpanId => context.span_id.is_some(),
        }
    }
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
        let set = ContextField::ALL.iter().filter(|field| field.is_in(self));
        f.debug_set().entries(set.map(|field| field.as_str())).finish()
    }
}
