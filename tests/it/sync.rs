//! The blocking API keeps the driver's word, and its calls have records like any other.

macro_rules! one_body {
    ($name:ident, $api:ident) => {
        mod $name {
            use std::io::{Read, Write};

            use $api::{
                bson::{Document, doc},
                error::Result,
                options::FindOptions,
                sync::{Client, ClientSession, Collection},
            };

            /// What the calls of an application came to, as text.
            pub(super) fn work(client: &Client, name: &str) -> Result<String> {
                let mut said = String::new();
                let db = client.database(name);
                let people: Collection<Document> = db.collection("people");
                people.insert_many((0..10).map(|id| doc! { "_id": id })).run()?;
                people.insert_one(doc! { "_id": 1 }).run().unwrap_err();
                let options = FindOptions::builder().batch_size(3).build();
                let all = people.find(doc! {}).with_options(options).run()?;
                said += &format!("{} found, ", all.collect::<Result<Vec<_>>>()?.len());
                let mut cursor = people.aggregate([doc! { "$limit": 2 }]).run()?;
                assert!(cursor.advance()?);
                said += &format!("{:?}, ", cursor.deserialize_current()?);
                let n = people.count_documents(doc! {}).run()?;
                let set = doc! { "$set": { "a": 1 } };
                let done = people.update_many(doc! {}, set).run()?;
                said += &format!("{n} counted, {} changed, ", done.modified_count);
                said += &format!("{:?}, ", db.list_collection_names().run()?);
                said += &in_transactions(client, &people)?;
                said += &files(client, name)?;
                said += &changes(&people)?;
                people.drop().run()?;
                Ok(said)
            }

            fn in_transactions(client: &Client, people: &Collection<Document>) -> Result<String> {
                let mut session: ClientSession = client.start_session().run()?;
                session.start_transaction().run()?;
                people.insert_one(doc! { "_id": 100 }).session(&mut session).run()?;
                session.abort_transaction().run()?;
                session.start_transaction().and_run(|session| {
                    people.insert_one(doc! { "_id": 101 }).session(&mut *session).run()?;
                    let mut cursor =
                        people.find(doc! { "_id": 101 }).session(&mut *session).run()?;
                    let all: Result<Vec<_>> = cursor.iter(session).collect();
                    all.map(drop)
                })?;
                let mut cursor = people.find(doc! {}).batch_size(4).session(&mut session).run()?;
                let all: Result<Vec<_>> = cursor.iter(&mut session).collect();
                Ok(format!("{} after transactions, ", all?.len()))
            }

            fn files(client: &Client, name: &str) -> Result<String> {
                let bucket = client.database(name).gridfs_bucket(None);
                let mut upload = bucket.open_upload_stream("letter").run()?;
                upload.write_all(b"dear ada").unwrap();
                upload.close().unwrap();
                let mut text = String::new();
                let mut download = bucket.open_download_stream(upload.id().clone()).run()?;
                download.read_to_string(&mut text).unwrap();
                bucket.drop().run()?;
                Ok(text + ", ")
            }

            fn changes(people: &Collection<Document>) -> Result<String> {
                let mut stream = people.watch().run()?;
                assert!(stream.next_if_any()?.is_none());
                people.insert_one(doc! { "_id": 200 }).run()?;
                let event = stream.next().expect("a change stream goes on")?;
                assert!(stream.is_alive() && stream.resume_token().is_some());
                Ok(format!("{:?}", event.operation_type))
            }
        }
    };
}

one_body!(bare, mongodb);
one_body!(watched, mongowatch);

mod needs_server {
    use mongowatch::{
        Capture, Outcome, TxnOutcome, Watcher, layer::Levels, options::ClientOptions,
    };

    use crate::{
        scene::{Seen, lines},
        server::Server,
    };

    #[test]
    fn the_same_code_does_the_same_on_both_and_leaves_a_record_of_each_call() {
        let server = Server::shared();
        let options = || ClientOptions::parse(server.uri()).run().unwrap();
        let bare = mongodb::sync::Client::with_options(options()).unwrap();
        let name = server.database_name("sync");
        let expected = super::bare::work(&bare, &name).unwrap();
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            bare.database(&name).drop().run().unwrap();
            let seen = Seen::default();
            let watcher = Watcher::builder().capture(capture).levels(Levels::default());
            let watcher = watcher.foreign_layer("seen", seen.clone()).start().unwrap();
            let client = mongowatch::sync::Client::from(watcher.client(options()).unwrap());
            assert_eq!(super::watched::work(&client, &name).unwrap(), expected);
            drop(client);
            watcher.blocking_flush().unwrap();
            let stats = watcher.blocking_shutdown().unwrap();
            assert!(stats.is_balanced() && stats.open == 0, "{stats:?}");
            let mut records = seen.records();
            records.retain(|record| record.iteration.is_final());
            records.sort_by_key(|record| record.seq);
            assert_eq!(
                lines(&records),
                "mongowatch.collection insert_many people ok inserted=10\n\
                 mongowatch.collection insert_one people error code=11000 inserted=0\n\
                 mongowatch.cursor find people ok matched=10\n\
                 mongowatch.cursor aggregate people cancelled matched=1\n\
                 mongowatch.collection count_documents people ok matched=10\n\
                 mongowatch.collection update_many people ok matched=10 upserted=0 modified=10\n\
                 mongowatch.database list_collection_names - ok matched=1\n\
                 mongowatch.collection insert_one people ok inserted=1\n\
                 mongowatch.session abort_transaction - ok\n\
                 mongowatch.collection insert_one people ok inserted=1\n\
                 mongowatch.cursor find people ok matched=1\n\
                 mongowatch.session commit_transaction - ok\n\
                 mongowatch.cursor find people ok matched=11\n\
                 mongowatch.gridfs open_upload_stream fs ok inserted=1\n\
                 mongowatch.gridfs open_download_stream fs ok\n\
                 mongowatch.gridfs drop fs ok\n\
                 mongowatch.cursor watch people ok matched=1\n\
                 mongowatch.collection insert_one people ok inserted=1\n\
                 mongowatch.collection drop people ok\n"
            );
            assert_eq!(records[7].txn_outcome, Some(TxnOutcome::Aborted));
            assert_eq!(records[9].txn_outcome, Some(TxnOutcome::Committed));
            assert!(records.iter().all(|record| record.outcome != Some(Outcome::Unknown)));
        }
        bare.database(&name).drop().run().unwrap();
    }
}
