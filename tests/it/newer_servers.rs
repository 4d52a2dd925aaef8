//! Calls that a server of version 6.0 does not know still have one record each, which says so.

mod needs_server {
    use mongodb::options::{AggregateOptions, DeleteOneModel, UpdateManyModel, WriteModel};
    use mongowatch::{
        Capture, Namespace, Outcome, SearchIndexModel, WatchMessage, WatcherName,
        bson::{Document, doc},
    };

    use crate::scene::{Scene, lines};

    const MODES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    fn name_of_error(record: &WatchMessage) -> &str {
        record.error.as_ref().unwrap().name.as_deref().unwrap()
    }

    #[tokio::test]
    async fn each_call_on_search_indexes_is_one_record_with_its_error() {
        for capture in MODES {
            let scene = Scene::with(&format!("search-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            people.insert_one(doc! {}).await.unwrap();
            let model = || {
                let definition = doc! { "mappings": { "dynamic": true } };
                SearchIndexModel::builder().definition(definition).name("words".to_owned()).build()
            };
            people.create_search_index(model()).await.unwrap_err();
            people.create_search_indexes([model(), model()]).await.unwrap_err();
            people.update_search_index("words", doc! { "a": 1 }).await.unwrap_err();
            people.drop_search_index("words").await.unwrap_err();
            let options = AggregateOptions::builder().batch_size(7).build();
            let list = people.list_search_indexes().aggregate_options(options).name("words");
            list.await.err().unwrap();
            let records = scene.finish().await;
            let told: Vec<_> = records[1..]
                .iter()
                .map(|record| {
                    assert_eq!(record.outcome, Some(Outcome::Error), "{capture:?}");
                    assert!(record.error.as_ref().unwrap().code.is_some());
                    (&*record.operation, record.collection.as_deref().unwrap())
                })
                .collect();
            assert_eq!(
                told,
                [
                    ("create_search_index", "people"),
                    ("create_search_indexes", "people"),
                    ("update_search_index", "people"),
                    ("drop_search_index", "people"),
                    ("list_search_indexes", "people"),
                ]
            );
            let model = doc! { "definition": { "mappings": { "dynamic": true } }, "name": "words" };
            assert_eq!(records[1].filter.as_deref(), Some(&model.clone().into()));
            assert_eq!(records[2].filter.as_deref(), Some(&vec![model.clone(), model].into()));
            let name = || Some(doc! { "name": "words" }.into());
            for record in &records[3..] {
                assert_eq!(record.filter.as_deref(), name().as_ref());
            }
            assert_eq!(records[3].update.as_deref(), Some(&doc! { "a": 1 }.into()));
            let options = records[5].options.as_deref().and_then(|options| options.as_document());
            assert!(options.unwrap().get("batchSize").is_some(), "{options:?}");
        }
    }

    #[tokio::test]
    async fn a_bulk_write_that_the_server_cannot_do_is_one_record_and_not_sent() {
        for capture in MODES {
            let scene = Scene::with(&format!("bulk-{capture:?}"), |b| b.capture(capture));
            let client = scene.client().await;
            let db = client.database("shop");
            let articles = db.collection::<Document>("articles");
            let secret = doc! { "_id": 1, "secret": "s3cret" };
            let insert = WriteModel::from(articles.insert_one_model(secret).unwrap());
            let update: WriteModel = UpdateManyModel::builder()
                .namespace(articles.namespace())
                .filter(doc! { "price": { "$lt": 3 } })
                .update(doc! { "$inc": { "price": 1 } })
                .build()
                .into();
            let delete = |db: &str| -> WriteModel {
                let namespace = Namespace::new(db, "orders");
                DeleteOneModel::builder().namespace(namespace).filter(doc! {}).build().into()
            };
            client.bulk_write([insert.clone(), update]).ordered(false).await.unwrap_err();
            client.bulk_write([insert.clone(), delete("shop")]).await.unwrap_err();
            client.bulk_write([insert, delete("other")]).verbose_results().await.unwrap_err();
            client.bulk_write(vec![delete("shop"); 250]).await.unwrap_err();
            client.bulk_write(Vec::<WriteModel>::new()).await.unwrap_err();
            let records = scene.finish().await;
            assert_eq!(records.len(), 5, "{}", lines(&records));
            let told: Vec<_> = records
                .iter()
                .map(|record| {
                    assert_eq!(record.operation, "bulk_write");
                    assert_eq!(record.watcher, WatcherName::Client);
                    assert_eq!(record.outcome, Some(Outcome::NotSent), "{capture:?}");
                    (record.db.as_deref(), record.collection.as_deref(), name_of_error(record))
                })
                .collect();
            assert_eq!(
                told,
                [
                    (Some("shop"), Some("articles"), "IncompatibleServer"),
                    (Some("shop"), None, "IncompatibleServer"),
                    (None, None, "IncompatibleServer"),
                    (Some("shop"), Some("orders"), "IncompatibleServer"),
                    (None, None, "InvalidArgument"),
                ]
            );
            let update = doc! {
                "update": "shop.articles", "multi": true, "filter": { "price": { "$lt": 3 } },
                "updateMods": { "$inc": { "price": 1 } },
            };
            let both = vec![doc! { "insert": "shop.articles" }, update];
            assert_eq!(records[0].filter.as_deref(), Some(&both.into()));
            let options = doc! { "ordered": false, "nOps": 2_i64 };
            assert_eq!(records[0].options.as_deref(), Some(&options.into()));
            let ops = records[3].filter.as_deref().and_then(|filter| filter.as_array()).unwrap();
            assert_eq!(ops.len(), 100);
            assert_eq!(records[3].options.as_deref(), Some(&doc! { "nOps": 250_i64 }.into()));
        }
    }
}
