//! The operations of the format over the driver itself.

#[path = "drive/mod.rs"]
pub(crate) mod drive;

/// What the operations are compiled over.
mod api {
    pub(super) use mongodb::{
        Client, ClientSession, Collection, Cursor, Database, SessionCursor,
        change_stream::{ChangeStream, session::SessionChangeStream},
        gridfs::GridFsBucket,
    };
    use mongodb::{error::Result, options::ClientOptions};

    /// Nothing is needed to make a client.
    pub(crate) type Maker = ();

    pub(super) fn client(_: &Maker, options: ClientOptions) -> Result<Client> {
        Client::with_options(options)
    }

    /// What the driver's session says of itself: its state is not public.
    pub(super) fn state(session: &mut ClientSession) -> String {
        format!("{session:?}")
    }
}

pub(crate) mod trial {
    //! Runs tests over the driver.

    crate::trial::trial!(super::drive);
}
