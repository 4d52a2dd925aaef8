//! The table language of the mirrored actions.

/// Writes the setters of an action, `with_options`, and `described`, which gives the options that
/// were set as the record shows them.
///
/// An option is `name: Type`; `name: into Type` takes what can be turned into it, `name: each Type`
/// a list, and `name: optional Type` perhaps nothing, as the driver's own setters do.
macro_rules! setters {
    ($options:ident {}) => {
        setters!(@with_options $options);

        /// The driver has no such options yet.
        fn described(&mut self) -> Option<std::sync::Arc<mongodb::bson::Bson>> {
            None
        }
    };
    ($options:ident { $($name:ident : $($kind:ident)+),* $(,)? }) => {
        setters!(@with_options $options);

        /// Their names.
        #[cfg(test)]
        pub(in crate::driver) const OPTIONS: &'static [&'static str] = &[$(stringify!($name)),*];

        $(setters!(@setter $options $name $($kind)+);)*

        /// The options that were set, under the names of the server's command.
        ///
        /// After it nothing is set but the comment by which the server's logs know the record, if
        /// that is wanted and the application has set none. It is not shown: it is the record's id.
        #[allow(deprecated, reason = "what the driver still offers is still mirrored")]
        fn described(&mut self) -> Option<std::sync::Arc<mongodb::bson::Bson>> {
            let document = self.options.as_ref().map(Self::describe).unwrap_or_default();
            $(setters!(@comment self $name);)*
            (!document.is_empty()).then(|| std::sync::Arc::new(document.into()))
        }

        #[allow(deprecated, reason = "what the driver still offers is still mirrored")]
        pub(super) fn describe(options: &mongodb::options::$options) -> mongodb::bson::Document {
            let mut document = mongodb::bson::Document::new();
            $(
                if let Some(value) = &options.$name {
                    crate::driver::describe::option(&mut document, stringify!($name), value);
                }
            )*
            document
        }
    };
    (@comment $this:ident comment) => {
        if let Some(comment) = $this.call.comment() {
            $this.options.get_or_insert_default().comment.get_or_insert(comment);
        }
    };
    (@comment $this:ident $other:ident) => {};
    (@with_options $options:ident) => {
        #[doc = concat!("Sets all options; this replaces those set before. See [`mongodb::options::", stringify!($options), "`].")]
        #[must_use = "an action does nothing until it is awaited"]
        pub fn with_options(
            mut self,
            value: impl Into<Option<mongodb::options::$options>>,
        ) -> Self {
            self.options = value.into();
            self
        }
    };
    (@setter $options:ident $name:ident into $type:ident) => {
        setters!(@fn $options $name (impl Into<$type>) |value| value.into());
    };
    (@setter $options:ident $name:ident each $type:ident) => {
        setters!(@fn $options $name (impl IntoIterator<Item = $type>) |value| value.into_iter().collect());
    };
    (@setter $options:ident $name:ident optional $type:ident) => {
        #[doc = concat!("Sets the option of this name of [`mongodb::options::", stringify!($options), "`].")]
        #[must_use = "an action does nothing until it is awaited"]
        pub fn $name(mut self, value: impl Into<Option<$type>>) -> Self {
            self.options.get_or_insert_default().$name = value.into();
            self
        }
    };
    (@setter $options:ident $name:ident $type:ident) => {
        setters!(@fn $options $name ($type) |value| value);
    };
    (@fn $options:ident $name:ident ($type:ty) |$value:ident| $set:expr) => {
        #[doc = concat!("Sets the option of this name of [`mongodb::options::", stringify!($options), "`].")]
        #[must_use = "an action does nothing until it is awaited"]
        #[allow(deprecated, reason = "what the driver still offers is still mirrored")]
        pub fn $name(mut self, $value: $type) -> Self {
            self.options.get_or_insert_default().$name = Some($set);
            self
        }
    };
}

/// Writes an action whose result is not a cursor: its type, its setters, and what happens when it
/// is awaited.
///
/// The parts: documentation, name, type parameters with what the result asks of them; the driver's
/// action; its options; its result; how a session is passed on (`session`, or nothing); the
/// options' table; and `learn`, which writes into the record what the driver's result says. An
/// action that has no options has `=> result` right after the driver's action.
///
/// The lifetime is `'a` in all of them.
macro_rules! action {
    (
        $(#[$doc:meta])*
        $name:ident<'a $(, $param:ident: $bound:path)*> = $driver:ty,
        $options:ident { $($setters:tt)* } => $output:ty,
        $($session:ident,)?
        |$record:ident, $result:ident| $learn:expr
    ) => {
        $(#[$doc])*
        #[must_use = "an action does nothing until it is awaited"]
        pub struct $name<'a $(, $param: Send + Sync)*> {
            pub(in crate::driver) action: $driver,
            pub(in crate::driver) call: crate::driver::operation::Call,
            pub(in crate::driver) options: Option<mongodb::options::$options>,
        }

        impl<'a $(, $param: Send + Sync)*> $name<'a $(, $param)*> {
            setters!($options { $($setters)* });
            $(action!(@$session);)?
        }

        result_future!(
            [$($param: $bound + Send + Sync),*] $name<'a $(, $param)*> => $output,
            |$record, $result| $learn
        );
    };
    (
        $(#[$doc:meta])*
        $name:ident<'a> = $driver:ty => $output:ty,
        |$record:ident, $result:ident| $learn:expr
    ) => {
        $(#[$doc])*
        #[must_use = "an action does nothing until it is awaited"]
        pub struct $name<'a> {
            pub(in crate::driver) action: $driver,
            pub(in crate::driver) call: crate::driver::operation::Call,
        }

        run!([] $name<'a> => $output);

        impl crate::driver::action::Mirrored for $name<'_> {}

        impl<'a> IntoFuture for $name<'a> {
            type Output = mongodb::error::Result<$output>;
            type IntoFuture = mongodb::BoxFuture<'a, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                let future = self.action.into_future();
                Box::pin(self.call.run(None, future, |$record, $result| $learn))
            }
        }
    };
    (@session) => {
        /// Runs the operation in this session.
        pub fn session(mut self, value: impl Into<&'a mut crate::driver::ClientSession>) -> Self {
            self.action = self.action.session(self.call.in_session(value));
            self
        }
    };
}

/// Writes `run`, by which the blocking API does what `await` does; the result goes through `wrap`.
macro_rules! run {
    ([$($generics:tt)*] $name:ty => $output:ty $(, $wrap:path)?) => {
        #[cfg(feature = "sync")]
        impl<'a, $($generics)*> $name {
            /// Runs the action and waits for it: what the blocking API does instead of `await`.
            ///
            /// # Errors
            ///
            /// Those of the action.
            ///
            /// # Panics
            ///
            /// In async code, which must not be blocked.
            pub fn run(self) -> mongodb::error::Result<$output> {
                crate::driver::sync::block_on(self.into_future())$(.map($wrap))?
            }
        }
    };
}

/// Writes what happens when an action is awaited that is over with its result: `learn` writes into
/// the record what that says.
macro_rules! result_future {
    (
        [$($generics:tt)*] $name:ty => $output:ty,
        |$record:ident, $result:ident| $learn:expr
    ) => {
        run!([$($generics)*] $name => $output);

        impl<'a, $($generics)*> crate::driver::action::Mirrored for $name {}

        impl<'a, $($generics)*> IntoFuture for $name {
            type Output = mongodb::error::Result<$output>;
            type IntoFuture = mongodb::BoxFuture<'a, Self::Output>;

            fn into_future(mut self) -> Self::IntoFuture {
                let described = self.described();
                let future = self.action.with_options(self.options).into_future();
                Box::pin(self.call.run(described, future, |$record, $result| $learn))
            }
        }
    };
}

/// Writes what happens when an action that gives a cursor is awaited: the record stays open, and
/// the cursor closes it.
///
/// `with_type`, if it is there, is called on the driver's action at last: nothing that the future
/// holds before it runs has the type of the documents, which may live shorter than the action.
///
/// The cursor of raw batches after the semicolon, if it is there, is what `batch` gives.
macro_rules! cursor_future {
    (
        $generics:tt $name:ty => $cursor:ident<$item:ty> $(, $with_type:ident)?; $raw:ident
    ) => {
        cursor_future!($generics $name => $cursor<$item> $(, $with_type)?);
        cursor_future!(@batch $generics $name => $raw);
    };
    (@batch [$($generics:tt)*] $name:ty => $raw:ident) => {
        impl<'a, $($generics)*> $name {
            #[doc = concat!(
                "Runs the call and gives its result in the server's batches; see [`",
                stringify!($raw), "`](crate::raw_batch_cursor::", stringify!($raw), ")."
            )]
            ///
            /// # Errors
            ///
            /// Those of the driver.
            pub async fn batch(
                mut self,
            ) -> mongodb::error::Result<crate::driver::raw_batch_cursor::$raw> {
                let described = self.described();
                let Self { action, call, options, .. } = self;
                let operation = Operation::open(call, described)?;
                let future = Box::pin(action.with_options(options).batch());
                let watch = crate::driver::raw_batch_cursor::$raw::new;
                crate::driver::action::keep_open(operation, future, watch).await
            }
        }
    };
    ([$($generics:tt)*] $name:ty => $cursor:ident<$item:ty> $(, $with_type:ident)?) => {
        run!(
            [$($generics)*] $name => crate::driver::sync::$cursor<$item>,
            crate::driver::sync::$cursor::new
        );

        impl<'a, $($generics)*> crate::driver::action::Mirrored for $name {}

        impl<'a, $($generics)*> IntoFuture for $name {
            type Output = mongodb::error::Result<$cursor<$item>>;
            type IntoFuture = mongodb::BoxFuture<'a, Self::Output>;

            fn into_future(mut self) -> Self::IntoFuture {
                let described = self.described();
                let Self { action, call, options, .. } = self;
                Box::pin(async move {
                    let operation = Operation::open(call, described)?;
                    let action = action.with_options(options)$(.$with_type())?;
                    let future = action.into_future();
                    crate::driver::action::keep_open(operation, future, $cursor::new).await
                })
            }
        }
    };
}
