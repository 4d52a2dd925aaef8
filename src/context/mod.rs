//! Who does it and why: what the application says once for each request, and every operation that
//! begins in it carries.
//!
//! A [`Context`] is plain data; [`Context::scope`] says it of a future, [`Context::sync_scope`] of a
//! closure. An operation takes the context of the moment at which it begins: when its action is
//! awaited, not when it is built. Its cursor keeps it.
//!
//! ```no_run
//! # async fn example(orders: mongowatch::Collection<mongowatch::bson::Document>)
//! # -> mongodb::error::Result<()> {
//! use mongowatch::{Context, ContextExt, bson::doc};
//!
//! Context::new()
//!     .actor("alice")
//!     .tenant("acme")
//!     .request_id("r-1")
//!     .scope(async {
//!         orders.insert_one(doc! { "article": 17 }).await?; // Actor alice, Tenant acme, RequestID r-1
//!
//!         // Inner contexts add and override.
//!         let clean_up = async { orders.delete_many(doc! { "article": 0 }).await };
//!         Context::new().reason("ticket 4711").scope(clean_up).await?;
//!
//!         // A spawned task has a context of its own: none, unless it is carried along.
//!         let orders = orders.clone();
//!         let task = async move { orders.find_one(doc! {}).await };
//!         tokio::spawn(task.in_current_context()).await.expect("the task does not panic")?;
//!         Ok(())
//!     })
//!     .await
//! # }
//! ```
//!
//! What stands in a record, from the strongest to the weakest, field by field:
//!
//! 1. the scopes around the operation, from the inside out;
//! 2. the fields of the `tracing` spans around it, if the application has added the
//!    [`ContextLayer`](crate::layer::ContextLayer) to its subscriber, from the inside out;
//! 3. for `TraceID` and `SpanID`, the span of `opentelemetry` that is active.
//!
//! With none of these, the beginning of an operation costs two looks at thread-locals.
//!
//! [`Context`]: crate::Context
//! [`Context::scope`]: crate::Context::scope
//! [`Context::sync_scope`]: crate::Context::sync_scope

mod builder;
mod moment;
mod scope;
#[cfg(test)]
mod tests;
mod trace;

pub(crate) use self::moment::{SpanFields, at_start, enter_span, exit_span};
pub use self::scope::{ContextExt, InContext, Scope};
