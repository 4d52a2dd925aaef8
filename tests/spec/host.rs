//! The server of the tests, reached past the clients that are tested: fail points, the documents
//! before and after a test.

use std::{cell::RefCell, collections::BTreeSet};

use mongodb::{
    Client, Namespace,
    bson::{Bson, Document, doc},
    error::Result,
    options::{
        ClientOptions, CollectionOptions, CreateCollectionOptions, ReadConcern, ReadPreference,
        SelectionCriteria, WriteConcern,
    },
};

use crate::{
    failure,
    file::CollectionData,
    matching::{self, Level, Lookup},
    requirements::Deployment,
    serial,
    verdict::{Run, Stop},
};

/// The server and a client of our own to it.
pub(crate) struct Host {
    uri: String,
    client: Client,
    pub(crate) deployment: Deployment,
    /// Those that may be on: a test that ends badly leaves them to the next.
    fail_points: RefCell<BTreeSet<String>>,
}

impl Host {
    /// Reaches the server.
    pub(crate) async fn reach(uri: &str) -> Result<Self> {
        let options = ClientOptions::parse(uri).await?;
        let has_auth = options.credential.is_some();
        let client = Client::with_options(options)?;
        let deployment = Deployment::ask(&client, has_auth).await?;
        Ok(Self { uri: uri.to_owned(), client, deployment, fail_points: RefCell::default() })
    }

    /// The connection string with these options added.
    pub(crate) fn uri_with(&self, options: &Document) -> String {
        let mut uri = self.uri.clone();
        if !uri.contains('?') {
            let authority = uri.split_once("://").map_or("", |(_, rest)| rest);
            if !authority.contains('/') {
                uri.push('/');
            }
            uri.push('?');
        }
        for (key, value) in options {
            // Each of the alternatives is an option of its own.
            let values = match value {
                Bson::Array(values) => values.iter().map(uri_value).collect(),
                value => vec![uri_value(value)],
            };
            for value in values {
                if !uri.ends_with(['?', '&']) {
                    uri.push('&');
                }
                uri += &format!("{key}={value}");
            }
        }
        uri
    }

    /// Ends what earlier tests may have left open.
    pub(crate) async fn kill_sessions(&self) {
        // It ends the session of the very command too, which then fails as interrupted.
        let _ = self.client.database("admin").run_command(doc! { "killAllSessions": [] }).await;
    }

    /// Switches a fail point; it is on until [`Host::fail_points_off`].
    pub(crate) async fn fail_point(&self, command: Document) -> Run<()> {
        if let Ok(name) = command.get_str("configureFailPoint") {
            self.fail_points.borrow_mut().insert(name.to_owned());
        }
        self.configure(command).await
    }

    /// Switches off what tests have switched on.
    pub(crate) async fn fail_points_off(&self) -> Run<()> {
        let names = self.fail_points.borrow().clone();
        for name in names {
            self.configure(doc! { "configureFailPoint": &name, "mode": "off" }).await?;
            self.fail_points.borrow_mut().remove(&name);
        }
        Ok(())
    }

    async fn configure(&self, command: Document) -> Run<()> {
        let done = self.client.database("admin").run_command(command).await;
        done.map(drop).map_err(|error| Stop::Fail(format!("cannot set the fail point: {error}")))
    }

    /// Makes the collections what they must be before a test.
    pub(crate) async fn prepare(&self, data: &[CollectionData]) -> Run<()> {
        for collection in data {
            self.prepare_one(collection)
                .await
                .map_err(|error| Stop::Fail(format!("cannot write the initial data: {error}")))?;
        }
        Ok(())
    }

    async fn prepare_one(&self, data: &CollectionData) -> Result<()> {
        let db = self.client.database(&data.database_name);
        let options = CollectionOptions::builder().write_concern(WriteConcern::majority()).build();
        let collection = db.collection_with_options::<Document>(&data.collection_name, options);
        collection.drop().await?;
        if data.documents.is_empty() || data.create_options.is_some() {
            let options = data.create_options.clone().unwrap_or_default();
            let mut options: CreateCollectionOptions =
                serial::read_document(options).map_err(mongodb::error::Error::custom)?;
            options.write_concern = Some(WriteConcern::majority());
            db.create_collection(&data.collection_name).with_options(options).await?;
        }
        if !data.documents.is_empty() {
            collection.insert_many(&data.documents).await?;
        }
        Ok(())
    }

    /// The collections of a database.
    pub(crate) async fn collection_names(&self, db: &str) -> Run<Vec<String>> {
        let names = self.client.database(db).list_collection_names().await;
        names.map_err(|error| Stop::Fail(format!("cannot list the collections: {error}")))
    }

    /// The indexes of a collection; none when it does not exist.
    pub(crate) async fn index_names(&self, db: &str, collection: &str) -> Run<Vec<String>> {
        let collection = self.client.database(db).collection::<Document>(collection);
        match collection.list_index_names().await {
            Ok(names) => Ok(names),
            Err(error) if failure::code(&error) == Some(26) => Ok(Vec::new()),
            Err(error) => Err(Stop::Fail(format!("cannot list the indexes: {error}"))),
        }
    }

    /// Compares a collection with what a test leaves behind.
    pub(crate) async fn check_outcome(
        &self,
        data: &CollectionData,
        lookup: &dyn Lookup,
    ) -> Run<()> {
        let Namespace { db, coll, .. } = Namespace::new(&data.database_name, &data.collection_name);
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let options = CollectionOptions::builder()
            .selection_criteria(primary)
            .read_concern(ReadConcern::local())
            .build();
        let collection = self.client.database(&db).collection_with_options::<Bson>(&coll, options);
        let found = async {
            let mut cursor = collection.find(doc! {}).sort(doc! { "_id": 1 }).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Result::Ok(found)
        };
        let found = found.await.map_err(|error| Stop::Fail(format!("outcome: {error}")))?;
        let expected = Bson::Array(data.documents.iter().cloned().map(Bson::Document).collect());
        matching::check(&expected, Some(&Bson::Array(found)), Level::Embedded, lookup)
            .map_err(|why| Stop::Fail(format!("outcome: {db}.{coll}: {why}")))
    }
}

/// An option's value as a connection string has it.
fn uri_value(value: &Bson) -> String {
    match value {
        Bson::String(text) => text.replace('%', "%25").replace('&', "%26"),
        Bson::Document(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{key}:{}", uri_value(value)));
            pairs.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
