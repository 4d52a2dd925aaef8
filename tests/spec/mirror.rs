//! The operations of the format over the mirror.

#[path = "drive/mod.rs"]
pub(crate) mod drive;

pub(crate) mod trial {
    //! Runs tests over the mirror.

    crate::trial::trial!(super::drive);
}

/// What the operations are compiled over.
mod api {
    use mongodb::{error::Result, options::ClientOptions};
    use mongowatch::Watcher;
    pub(super) use mongowatch::{
        Client, ClientSession, Collection, Cursor, Database, SessionCursor,
        change_stream::{ChangeStream, session::SessionChangeStream},
        gridfs::GridFsBucket,
    };

    /// Watched clients are made by a watcher.
    pub(crate) type Maker = std::rc::Rc<Watcher>;

    pub(super) fn client(watcher: &Maker, options: ClientOptions) -> Result<Client> {
        watcher.client(options)
    }

    /// What the driver's session says of itself: its state is not public.
    pub(super) fn state(session: &mut ClientSession) -> String {
        format!("{:?}", session.unwatched())
    }
}
