//! Each everyday call of the mirrored API has one record, which says what the call did.

mod needs_server {
    use expect_test::{Expect, expect};
    use futures_util::TryStreamExt;
    use mongodb::{
        IndexModel,
        options::{ReturnDocument, UpdateOptions},
    };
    use mongowatch::{
        Capture, Database, Field, Value,
        bson::{Bson, Document, doc},
    };

    use crate::scene::{Scene, lines};

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// Runs `act` in each capture mode: the records must be the same in all of them.
    async fn check(name: &str, act: impl AsyncFn(&Database), expected: Expect) {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("{name}-{capture:?}"), |b| b.capture(capture));
            let bare = scene.bare().await;
            let people = bare.collection::<Document>("people");
            people.insert_many((0..5).map(|n| doc! { "_id": n, "age": n * 10 })).await.unwrap();
            act(&scene.db().await).await;
            let records = scene.finish().await;
            expected.assert_eq(&lines(&records));
            for record in &records {
                assert!(record.duration.is_some() && record.end_time.is_some());
                assert!(record.error.is_none());
            }
        }
    }

    #[tokio::test]
    async fn reading() {
        check(
            "reading",
            async |db| {
                let people = db.collection::<Document>("people");
                let old = || doc! { "age": { "$gte": 20 } };
                let found: Vec<_> = people
                    .find(old())
                    .sort(doc! { "_id": 1 })
                    .await
                    .unwrap()
                    .try_collect()
                    .await
                    .unwrap();
                assert_eq!(found.len(), 3);
                assert!(people.find_one(doc! { "_id": 3 }).await.unwrap().is_some());
                assert!(people.find_one(doc! { "_id": 33 }).await.unwrap().is_none());
                assert_eq!(people.count_documents(old()).await.unwrap(), 3);
                assert_eq!(people.estimated_document_count().await.unwrap(), 5);
                assert_eq!(people.distinct("age", old()).await.unwrap().len(), 3);
                let sum = people.aggregate([doc! { "$group": { "_id": 0 } }]).await.unwrap();
                assert_eq!(sum.try_collect::<Vec<_>>().await.unwrap().len(), 1);
                db.run_command(doc! { "ping": 1 }).await.unwrap();
                let cursor = db.run_cursor_command(doc! { "find": "people" }).await.unwrap();
                assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), 5);
            },
            expect![[r#"
                mongowatch.cursor find people ok matched=3
                mongowatch.collection find_one people ok matched=1
                mongowatch.collection find_one people ok matched=0
                mongowatch.collection count_documents people ok matched=3
                mongowatch.collection estimated_document_count people ok matched=5
                mongowatch.collection distinct people ok matched=3
                mongowatch.cursor aggregate people ok matched=1
                mongowatch.database run_command - ok
                mongowatch.cursor run_cursor_command people ok matched=5
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn writing() {
        check(
            "writing",
            async |db| {
                let people = db.collection::<Document>("people");
                people.insert_one(doc! { "_id": 10 }).await.unwrap();
                people.insert_many([doc! { "_id": 11 }, doc! { "_id": 12 }]).await.unwrap();
                let older = doc! { "$inc": { "age": 1 } };
                people.update_one(doc! { "_id": 1 }, older.clone()).await.unwrap();
                people.update_many(doc! { "age": { "$gt": 0 } }, older.clone()).await.unwrap();
                people.update_one(doc! { "_id": 99 }, older.clone()).await.unwrap();
                let upsert = UpdateOptions::builder().upsert(true).build();
                people.update_one(doc! { "_id": 20 }, older).with_options(upsert).await.unwrap();
                people.replace_one(doc! { "_id": 2 }, doc! { "age": 0 }).await.unwrap();
                people.delete_one(doc! { "_id": 10 }).await.unwrap();
                people.delete_many(doc! { "_id": { "$gte": 11 } }).await.unwrap();
            },
            expect![[r#"
                mongowatch.collection insert_one people ok inserted=1
                mongowatch.collection insert_many people ok inserted=2
                mongowatch.collection update_one people ok matched=1 upserted=0 modified=1
                mongowatch.collection update_many people ok matched=4 upserted=0 modified=4
                mongowatch.collection update_one people ok matched=0 upserted=0 modified=0
                mongowatch.collection update_one people ok matched=0 upserted=1 modified=0
                mongowatch.collection replace_one people ok matched=1 upserted=0 modified=1
                mongowatch.collection delete_one people ok deleted=1
                mongowatch.collection delete_many people ok deleted=3
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn managing() {
        check(
            "managing",
            async |db| {
                db.create_collection("log").capped(true).size(4096_u64).await.unwrap();
                let people = db.collection::<Document>("people");
                let index = |key: &str| IndexModel::builder().keys(doc! { key: 1 }).build();
                people.create_index(index("age")).await.unwrap();
                people.create_indexes([index("a"), index("b")]).await.unwrap();
                let listed = people.list_indexes().await.unwrap();
                assert_eq!(listed.try_collect::<Vec<_>>().await.unwrap().len(), 4);
                assert_eq!(people.list_index_names().await.unwrap().len(), 4);
                people.drop_index("age_1").await.unwrap();
                people.drop_indexes().await.unwrap();
                let listed = db.list_collections().await.unwrap();
                assert_eq!(listed.try_collect::<Vec<_>>().await.unwrap().len(), 2);
                assert_eq!(db.list_collection_names().await.unwrap().len(), 2);
                people.drop().await.unwrap();
                db.drop().await.unwrap();
            },
            expect![[r#"
                mongowatch.database create_collection log ok
                mongowatch.collection create_index people ok
                mongowatch.collection create_indexes people ok
                mongowatch.cursor list_indexes people ok matched=4
                mongowatch.collection list_index_names people ok matched=4
                mongowatch.collection drop_index people ok
                mongowatch.collection drop_indexes people ok
                mongowatch.cursor list_collections - ok matched=2
                mongowatch.database list_collection_names - ok matched=2
                mongowatch.collection drop people ok
                mongowatch.database drop - ok
            "#]],
        )
        .await;
    }

    /// What a `find_one_and_update` changed is in the server's reply only, and so only door B tells.
    #[tokio::test]
    async fn finding_and_modifying() {
        let act = async |db: &Database| {
            let people = db.collection::<Document>("people");
            let older = || doc! { "$inc": { "age": 1 } };
            people.find_one_and_update(doc! { "_id": 1 }, older()).await.unwrap();
            people.find_one_and_replace(doc! { "_id": 2 }, doc! { "age": 0 }).await.unwrap();
            people.find_one_and_delete(doc! { "_id": 3 }).await.unwrap();
            people
                .find_one_and_update(doc! { "_id": 30 }, older())
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await
                .unwrap();
        };
        let run = async |capture| {
            let scene = Scene::with(&format!("modifying-{capture:?}"), |b| b.capture(capture));
            let people = scene.bare().await.collection::<Document>("people");
            people.insert_many((0..5).map(|n| doc! { "_id": n, "age": n })).await.unwrap();
            act(&scene.db().await).await;
            lines(&scene.finish().await)
        };
        let without_replies = expect![[r#"
            mongowatch.collection find_one_and_update people ok matched=1
            mongowatch.collection find_one_and_replace people ok matched=1
            mongowatch.collection find_one_and_delete people ok matched=1 deleted=1
            mongowatch.collection find_one_and_update people ok
        "#]];
        without_replies.assert_eq(&run(Capture::Operations).await);
        without_replies.assert_eq(&run(Capture::Spans).await);
        expect![[r#"
            mongowatch.collection find_one_and_update people ok matched=1
            mongowatch.collection find_one_and_replace people ok matched=1
            mongowatch.collection find_one_and_delete people ok matched=1 deleted=1
            mongowatch.collection find_one_and_update people ok matched=0 upserted=1
        "#]]
        .assert_eq(&run(Capture::Commands).await);
    }

    #[tokio::test]
    async fn listing_databases_is_an_operation_of_the_client() {
        let scene = Scene::new("list-databases");
        let client = scene.client().await;
        let specifications = client.list_databases().await.unwrap();
        let names = client.list_database_names().await.unwrap();
        let (specifications, names) = (specifications.len(), names.len());
        let records = scene.finish().await;
        assert!(records.iter().all(|record| record.watcher.as_str() == "mongowatch.client"));
        let matched: Vec<_> = records.iter().map(|record| record.counts.matched).collect();
        assert_eq!(matched, [Some(specifications as u64), Some(names as u64)]);
    }

    #[tokio::test]
    async fn a_record_tells_filter_update_options_ids_and_origin() {
        let scene = Scene::with("tells", |b| b.service("shop", "1.2"));
        let people = scene.db().await.collection::<Document>("people");
        let older = doc! { "$inc": { "age": 1 } };
        people
            .update_many(doc! { "age": { "$lt": 3 } }, older.clone())
            .upsert(true)
            .comment("why")
            .let_vars(doc! { "x": 1 })
            .await
            .unwrap();
        people
            .insert_many([doc! { "_id": 7 }, doc! { "_id": "eight" }])
            .ordered(false)
            .await
            .unwrap();
        let records = scene.finish().await;
        let get = |record: usize, field| Bson::from(records[record].get(field));
        assert_eq!(get(0, Field::Filter), doc! { "age": { "$lt": 3 } }.into());
        assert_eq!(get(0, Field::Update), older.into());
        assert_eq!(
            get(0, Field::Options),
            doc! { "upsert": true, "let": { "x": 1 }, "comment": "why" }.into()
        );
        assert!(matches!(records[0].get(Field::InsertedIds), Value::Array([Bson::ObjectId(_)])));
        assert_eq!(get(1, Field::InsertedIds), vec![Bson::Int32(7), "eight".into()].into());
        assert_eq!(get(1, Field::Options), doc! { "ordered": false }.into());
        assert_eq!(get(0, Field::AppName), "tells".into());
        assert_eq!(get(0, Field::Service), "shop".into());
        assert_eq!(get(0, Field::ServiceVersion), "1.2".into());
        assert_eq!(get(0, Field::Pid), Bson::Int64(std::process::id().into()));
        assert_eq!((records[0].seq, records[1].seq), (1, 2));
    }

    #[tokio::test]
    async fn inserted_documents_are_in_no_record() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("documents-{capture:?}"), |b| b.capture(capture));
            let db = scene.db().await;
            let person = || doc! { "name": "s3cr3t" };
            let insert = doc! { "insert": "people", "documents": [person()], "ordered": false };
            db.run_command(insert.clone()).await.unwrap();
            db.unwatched().run_command(insert).await.unwrap();
            db.collection::<Document>("people").insert_one(person()).await.unwrap();
            let records = scene.finish().await;
            let filter = doc! { "insert": "people", "ordered": false };
            assert_eq!(Bson::from(records[0].get(Field::Filter)), filter.into());
            for record in &records {
                for field in Field::ALL {
                    let value = Bson::from(record.get(*field)).to_string();
                    assert!(!value.contains("s3cr3t"), "{field}: {value}");
                }
            }
        }
    }

    /// The spans do not show a sensitive command: none seen does not mean none sent.
    #[tokio::test]
    async fn a_sensitive_command_whose_connection_broke_was_sent() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("broke-{capture:?}"), |b| b.capture(capture));
            let close = doc! { "failCommands": ["createUser"], "closeConnection": true };
            let fail_point = scene.fail(doc! { "times": 1 }, close).await;
            let create = doc! { "createUser": "eve", "pwd": "s3cr3t", "roles": [] };
            scene.db().await.run_command(create).await.unwrap_err();
            fail_point.off().await.unwrap();
            let records = scene.finish().await;
            assert_eq!(lines(&records), "mongowatch.database run_command - error\n", "{capture:?}");
        }
    }

    #[tokio::test]
    async fn credentials_are_in_no_record() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("secret-{capture:?}"), |b| b.capture(capture));
            let create = doc! { "createUser": "eve", "pwd": "s3cr3t", "roles": [] };
            scene.db().await.run_command(create.clone()).await.unwrap();
            scene.db().await.run_command(create).await.unwrap_err();
            scene.bare().await.run_command(doc! { "dropUser": "eve" }).await.unwrap();
            let records = scene.finish().await;
            assert_eq!(records.len(), 2, "{}", lines(&records));
            for record in &records {
                for field in Field::ALL {
                    let value = Bson::from(record.get(*field)).to_string();
                    assert!(
                        !value.contains("s3cr3t") && !value.contains("eve"),
                        "{field}: {value}"
                    );
                }
            }
            assert_eq!(records[1].error.as_ref().unwrap().code, Some(51003));
        }
    }
}
