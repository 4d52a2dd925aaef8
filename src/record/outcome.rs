//! How an operation ended, and why a version of its record came out.

/// Makes an enum whose variants have fixed names in text: `ALL`, `as_str`, `Display`, `FromStr`.
macro_rules! named {
    (
        $(#[$attr:meta])*
        pub enum $name:ident as $what:literal {
            $($(#[$variant_attr:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_attr])* $variant,)+ }

        impl $name {
            /// Every value, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of the value in records and configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::watch_error::Error;

            fn from_str(text: &str) -> $crate::watch_error::Result<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    $crate::watch_error::Error::invalid(format!(
                        "{}: expected one of {}, found {text:?}", $what, known.join(", ")
                    ))
                })
            }
        }
    };
}

pub(super) use named;

named! {
    /// How an operation ended, as far as the application can know.
    pub enum Outcome as "Outcome" {
        /// The server did what was asked.
        Ok = "ok",
        /// The server, or the driver on its way to it, reported an error.
        Error = "error",
        /// Some of the writes failed and some did not.
        Partial = "partial",
        /// The future or the cursor was dropped before its end.
        Cancelled = "cancelled",
        /// Nothing was sent to any server: no server, no connection, or an invalid request.
        NotSent = "not_sent",
        /// Nobody saw the end: the process died, no acknowledgement was asked for, or no event told.
        Unknown = "unknown",
    }
}

named! {
    /// What became of a transaction, as far as its client can know.
    pub enum TxnOutcome as "TxnOutcome" {
        /// The server confirmed the commit.
        Committed = "committed",
        /// Nothing of the transaction was kept.
        Aborted = "aborted",
        /// The commit was sent, and nobody knows whether it arrived.
        Unknown = "unknown",
    }
}

named! {
    /// Why a version of a record came out of the queue.
    pub enum Phase as "Phase" {
        /// The operation began.
        First = "first",
        /// The operation goes on, and something new is known of it.
        Update = "update",
        /// The operation has ended.
        Final = "final",
        /// The operation was silent for longer than its timeout; its end is not known yet.
        Timeout = "timeout",
    }
}

named! {
    /// Which part watched the operation; the target of its `tracing` events.
    pub enum WatcherName as "WatcherName" {
        /// A call on a collection.
        Collection = "mongowatch.collection",
        /// A call that gave a cursor.
        Cursor = "mongowatch.cursor",
        /// A call on a database.
        Database = "mongowatch.database",
        /// A call on the client.
        Client = "mongowatch.client",
        /// A call on a session.
        Session = "mongowatch.session",
        /// A call on a GridFS bucket.
        Gridfs = "mongowatch.gridfs",
        /// Traffic that no mirrored call opened, seen through the driver's events or spans.
        Command = "mongowatch.command",
        /// A `rate` step, which sums up other records.
        Rate = "mongowatch.rate",
        /// The watcher itself: a change of its configuration.
        Watcher = "mongowatch.watcher",
    }
}
