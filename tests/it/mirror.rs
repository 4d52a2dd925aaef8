//! The mirror keeps the driver's word: the same code compiles with both and sees the same results.
//!
//! [`one_body!`] holds the code of an application, with every method and every setter of the
//! mirror. It is expanded twice, over the driver and over the mirror.

macro_rules! one_body {
    ($name:ident, $api:ident, $action:path) => {
        mod $name {
            use std::{fmt::Debug, marker::PhantomData, time::Duration};

            use action::{
                Action, Aggregate, BulkWrite, CreateSearchIndex, ExplicitSession, Find, FindOne,
                ImplicitSession, Multiple, Single, gridfs,
            };
            use api::{
                Client, ClientSession, Collection, Cursor, Database, SessionCursor,
                SessionCursorStream,
                gridfs::{
                    FilesCollectionDocument, GridFsBucket, GridFsDownloadStream, GridFsUploadStream,
                },
                raw_batch_cursor::{
                    RawBatch, RawBatchCursor, SessionRawBatchCursor, SessionRawBatchCursorStream,
                },
            };
            use futures_util::{
                Stream, StreamExt, TryStreamExt,
                io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
            };
            use mongodb::{
                IndexModel, SearchIndexModel,
                bson::{Bson, Document, RawDocumentBuf, doc, rawdoc},
                error::Result,
                options::*,
                results::{
                    CollectionSpecification, SummaryBulkWriteResult, VerboseBulkWriteResult,
                },
            };
            use serde::{Deserialize, Serialize, de::DeserializeOwned};
            use $action as action;
            use $api as api;

            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            struct Number {
                #[serde(rename = "_id")]
                id: i32,
                name: Option<String>,
            }

            /// Borrows from the cursor.
            #[derive(Debug, Deserialize)]
            struct Name<'a> {
                #[serde(borrow)]
                name: Option<&'a str>,
            }

            /// Stays on its thread.
            #[derive(Debug, Deserialize)]
            struct Local {
                #[serde(rename = "_id")]
                id: i32,
                #[serde(skip)]
                _stays: PhantomData<*const ()>,
            }

            // What is generic in an application stays so.

            async fn all<T>(numbers: &Collection<T>) -> Result<Vec<T>>
            where
                T: DeserializeOwned + Send + Sync + Unpin,
            {
                numbers.find(doc! {}).sort(doc! { "_id": 1 }).await?.try_collect().await
            }

            async fn first<T>(numbers: &Collection<T>, skip: Option<u64>) -> Result<Option<T>>
            where
                T: DeserializeOwned + Send + Sync + Unpin,
            {
                let found = sorted(numbers.find_one(doc! {}));
                found.optional(skip, |found, skip| found.skip(skip)).await
            }

            async fn put<T: Serialize + Send + Sync>(
                to: &Collection<T>,
                all: &[T],
            ) -> Result<usize> {
                Ok(to.insert_many(all).await?.inserted_ids.len())
            }

            async fn any<T: Send + Sync>(numbers: &Collection<T>) -> Result<Cursor<T>> {
                numbers.find(doc! {}).await
            }

            async fn swap<T>(numbers: &Collection<T>, by: T) -> Result<Option<T>>
            where
                T: Serialize + DeserializeOwned + Send + Sync,
            {
                numbers.find_one_and_replace(doc! { "_id": 4 }, by).await
            }

            /// Nothing is asked of the type before it is awaited.
            fn sorted<T: Send + Sync>(action: FindOne<'_, T>) -> FindOne<'_, T> {
                action.sort(doc! { "_id": 1 })
            }

            fn small<S, T: Send + Sync>(action: Find<'_, T, S>) -> Find<'_, T, S> {
                action.batch_size(2)
            }

            /// The type of the documents may be any, and live as short as it likes.
            async fn of_type<T>(action: Aggregate<'_, ImplicitSession, T>) -> Result<Cursor<T>> {
                action.await
            }

            async fn of_type_in_session<'a, T>(
                action: Aggregate<'a, ExplicitSession<'a>, T>,
            ) -> Result<SessionCursor<T>> {
                action.await
            }

            fn shorter<'long: 'short, 'short>(cursor: Cursor<&'long str>) -> Cursor<&'short str> {
                cursor
            }

            async fn drain<S, T>(stream: S) -> Result<usize>
            where
                S: Stream<Item = Result<T>> + Unpin + Send,
            {
                stream.try_fold(0, async |n, _| Ok(n + 1)).await
            }

            async fn rest<'cursor, 'session: 'cursor, T: DeserializeOwned>(
                stream: SessionCursorStream<'cursor, 'session, T>,
            ) -> Result<Vec<T>> {
                stream.try_collect().await
            }

            /// An action can be awaited on any thread, and is not awaited here.
            fn ready<A: Action>(action: A)
            where
                A::IntoFuture: Send,
            {
                drop(action.optional(Some(()), |action, ()| action).into_future());
            }

            fn shared<T: Clone + Debug + Send + Sync + Unpin + 'static>(handle: &T) -> T {
                handle.clone()
            }

            async fn batches(stream: impl Stream<Item = Result<RawBatch>>) -> Result<Vec<usize>> {
                let n = async |batch: RawBatch| Ok(batch.doc_slices()?.into_iter().count());
                stream.and_then(n).try_collect().await
            }

            async fn batches_in_session(
                mut cursor: SessionRawBatchCursor,
                session: &mut ClientSession,
            ) -> Result<Vec<usize>> {
                let stream: SessionRawBatchCursorStream<'_, '_> = cursor.stream(session);
                batches(stream).await
            }

            async fn write(mut to: impl AsyncWrite + Unpin + Send, n: usize) {
                to.write_all(&vec![1; n]).await.unwrap();
                to.close().await.unwrap();
            }

            async fn read(mut from: impl AsyncRead + Unpin + Send) -> usize {
                from.read_to_end(&mut Vec::new()).await.unwrap()
            }

            /// What the handles say of themselves.
            pub(super) fn handles(client: &Client, name: &str) -> String {
                let client = shared(client);
                let concern = ReadConcern::majority();
                let options = DatabaseOptions::builder().read_concern(concern.clone()).build();
                let db: Database = client.database_with_options(name, options);
                let options = CollectionOptions::builder().read_concern(concern).build();
                let numbers = shared(&db).collection_with_options::<Number>("numbers", options);
                let names = shared(&numbers).clone_with_type::<Document>();
                let about = DriverInfo::builder().name("mirror").build();
                client.append_metadata(about).unwrap();
                let concern = WriteConcern::majority();
                let options = GridFsBucketOptions::builder().write_concern(concern).build();
                let bucket: GridFsBucket = shared(&db.gridfs_bucket(options));
                drop(db.gridfs_bucket(Some(GridFsBucketOptions::default())));
                drop(client.warm_connection_pool().into_future());
                assert!(client.default_database().is_none());
                assert_eq!(db.client().read_concern(), numbers.client().read_concern());
                assert_eq!(
                    db.client().database(name).name(),
                    numbers.client().database(name).name()
                );
                format!(
                    "{:?}",
                    (
                        (
                            client.selection_criteria(),
                            client.read_concern(),
                            client.write_concern()
                        ),
                        (db.selection_criteria(), db.read_concern(), db.write_concern()),
                        (numbers.selection_criteria(), numbers.read_concern()),
                        (numbers.write_concern(), db.name(), numbers.name(), names.namespace()),
                        (
                            bucket.selection_criteria(),
                            bucket.read_concern(),
                            bucket.write_concern()
                        ),
                    )
                )
            }

            /// Every setter of every action, with and without a session; none is awaited.
            #[allow(deprecated, reason = "what the driver still offers is still mirrored")]
            pub(super) async fn setters(client: &Client) -> Result<()> {
                let mut session: ClientSession = client.start_session().await?;
                let db = client.database("unused");
                let c = db.collection::<Number>("unused");
                let second = Duration::from_secs(1);
                let collation = || Collation::builder().locale("en").build();
                let hint = || Hint::Name("_id_".to_owned());
                let criteria = || SelectionCriteria::from(ReadPreference::Primary);
                let read = ReadConcern::local;
                let write = WriteConcern::majority;

                let find = || {
                    c.find(doc! {})
                        .with_options(FindOptions::default())
                        .with_options(Some(FindOptions::default()))
                        .with_options(None)
                        .allow_disk_use(true)
                        .allow_partial_results(true)
                        .batch_size(2)
                        .comment("why")
                        .cursor_type(CursorType::NonTailable)
                        .hint(hint())
                        .limit(3)
                        .max(doc! { "_id": 9 })
                        .max_await_time(second)
                        .max_scan(9)
                        .max_time(second)
                        .min(doc! { "_id": 0 })
                        .no_cursor_timeout(true)
                        .projection(doc! { "_id": 1 })
                        .read_concern(read())
                        .return_key(true)
                        .selection_criteria(criteria())
                        .show_record_id(true)
                        .skip(1)
                        .sort(doc! { "_id": 1 })
                        .collation(collation())
                        .let_vars(doc! { "x": 1 })
                };
                ready(find());
                ready(find().session(&mut session).limit(1));

                let find_one = || {
                    c.find_one(doc! {})
                        .with_options(Some(FindOneOptions::default()))
                        .with_options(None)
                        .allow_partial_results(true)
                        .collation(collation())
                        .comment("why")
                        .hint(hint())
                        .max(doc! { "_id": 9 })
                        .max_scan(9)
                        .max_time(second)
                        .min(doc! { "_id": 0 })
                        .projection(doc! { "_id": 1 })
                        .read_concern(read())
                        .return_key(true)
                        .selection_criteria(criteria())
                        .show_record_id(true)
                        .skip(1)
                        .sort(doc! { "_id": 1 })
                        .let_vars(doc! { "x": 1 })
                };
                ready(find_one());
                ready(find_one().session(&mut session));

                fn aggregated<S, T>(action: Aggregate<'_, S, T>) -> Aggregate<'_, S, T> {
                    action
                        .with_options(Some(AggregateOptions::default()))
                        .with_options(None)
                        .allow_disk_use(true)
                        .batch_size(2)
                        .bypass_document_validation(true)
                        .collation(Collation::builder().locale("en").build())
                        .comment(Bson::Int32(1))
                        .hint(Hint::Keys(doc! { "_id": 1 }))
                        .max_await_time(Duration::from_secs(1))
                        .max_time(Duration::from_secs(1))
                        .read_concern(ReadConcern::local())
                        .selection_criteria(ReadPreference::Primary.into())
                        .write_concern(WriteConcern::majority())
                        .let_vars(doc! { "x": 1 })
                }
                ready(aggregated(c.aggregate([])));
                ready(aggregated(c.aggregate(vec![doc! {}])).with_type::<Local>());
                ready(aggregated(db.aggregate([])).session(&mut session).with_type::<Name<'_>>());
                ready(aggregated(db.aggregate([]).with_type::<Local>().session(&mut session)));

                let count = || {
                    c.count_documents(doc! {})
                        .with_options(Some(CountOptions::default()))
                        .with_options(None)
                        .hint(hint())
                        .limit(3)
                        .max_time(second)
                        .skip(1)
                        .collation(collation())
                        .selection_criteria(criteria())
                        .read_concern(read())
                        .comment("why")
                };
                ready(count());
                ready(count().session(&mut session));
                ready(
                    c.estimated_document_count()
                        .with_options(Some(EstimatedDocumentCountOptions::default()))
                        .with_options(None)
                        .max_time(second)
                        .selection_criteria(criteria())
                        .read_concern(read())
                        .comment("why"),
                );
                let distinct = || {
                    c.distinct(String::from("name"), doc! {})
                        .with_options(Some(DistinctOptions::default()))
                        .with_options(None)
                        .max_time(second)
                        .selection_criteria(criteria())
                        .read_concern(read())
                        .collation(collation())
                        .comment("why")
                        .hint(hint())
                };
                ready(distinct());
                ready(distinct().session(&mut session));

                let delete = || {
                    c.delete_one(doc! {})
                        .with_options(Some(DeleteOptions::default()))
                        .with_options(None)
                        .collation(collation())
                        .write_concern(write())
                        .hint(hint())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                };
                ready(delete());
                ready(delete().session(&mut session));
                ready(c.delete_many(doc! {}).session(&mut session));

                let update = || {
                    c.update_one(doc! {}, doc! { "$set": { "a": 1 } })
                        .with_options(Some(UpdateOptions::default()))
                        .with_options(None)
                        .array_filters([doc! {}])
                        .bypass_document_validation(true)
                        .upsert(true)
                        .collation(collation())
                        .hint(hint())
                        .write_concern(write())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                        .sort(doc! { "_id": 1 })
                };
                ready(update());
                ready(update().session(&mut session));
                ready(c.update_many(doc! {}, vec![doc! {}]).session(&mut session));
                let replace = || {
                    c.replace_one(doc! {}, Number { id: 1, name: None })
                        .with_options(Some(ReplaceOptions::default()))
                        .with_options(None)
                        .bypass_document_validation(true)
                        .upsert(true)
                        .collation(collation())
                        .hint(hint())
                        .write_concern(write())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                        .sort(doc! { "_id": 1 })
                };
                ready(replace());
                ready(replace().session(&mut session));

                let insert_one = || {
                    c.insert_one(&Number { id: 1, name: None })
                        .with_options(Some(InsertOneOptions::default()))
                        .with_options(None)
                        .bypass_document_validation(true)
                        .write_concern(write())
                        .comment("why")
                };
                ready(insert_one());
                ready(insert_one().session(&mut session));
                let insert_many = || {
                    c.insert_many(&[Number { id: 1, name: None }])
                        .with_options(Some(InsertManyOptions::default()))
                        .with_options(None)
                        .bypass_document_validation(true)
                        .ordered(false)
                        .write_concern(write())
                        .comment("why")
                };
                ready(insert_many());
                ready(insert_many().session(&mut session));

                let find_and_delete = || {
                    c.find_one_and_delete(doc! {})
                        .with_options(Some(FindOneAndDeleteOptions::default()))
                        .with_options(None)
                        .max_time(second)
                        .projection(doc! { "_id": 1 })
                        .sort(doc! { "_id": 1 })
                        .write_concern(write())
                        .collation(collation())
                        .hint(hint())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                };
                ready(find_and_delete());
                ready(find_and_delete().session(&mut session));
                let find_and_update = || {
                    c.find_one_and_update(doc! {}, doc! { "$set": { "a": 1 } })
                        .with_options(Some(FindOneAndUpdateOptions::default()))
                        .with_options(None)
                        .array_filters(vec![doc! {}])
                        .bypass_document_validation(true)
                        .max_time(second)
                        .projection(doc! { "_id": 1 })
                        .return_document(ReturnDocument::After)
                        .sort(doc! { "_id": 1 })
                        .upsert(true)
                        .write_concern(write())
                        .collation(collation())
                        .hint(hint())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                };
                ready(find_and_update());
                ready(find_and_update().session(&mut session));
                let find_and_replace = || {
                    c.find_one_and_replace(doc! {}, Number { id: 1, name: None })
                        .with_options(Some(FindOneAndReplaceOptions::default()))
                        .with_options(None)
                        .bypass_document_validation(true)
                        .max_time(second)
                        .projection(doc! { "_id": 1 })
                        .return_document(ReturnDocument::After)
                        .sort(doc! { "_id": 1 })
                        .upsert(true)
                        .write_concern(write())
                        .collation(collation())
                        .hint(hint())
                        .let_vars(doc! { "x": 1 })
                        .comment("why")
                };
                ready(find_and_replace());
                ready(find_and_replace().session(&mut session));

                let index = || IndexModel::builder().keys(doc! { "name": 1 }).build();
                let create_index = || {
                    c.create_index(index())
                        .with_options(Some(CreateIndexOptions::default()))
                        .with_options(None)
                        .commit_quorum(CommitQuorum::Majority)
                        .max_time(second)
                        .write_concern(write())
                        .comment("why")
                };
                ready(create_index());
                ready(create_index().session(&mut session));
                ready(c.create_indexes([index()]).max_time(second));
                ready(c.create_indexes(vec![index()]).session(&mut session));
                let drop_index = || {
                    c.drop_index("name_1")
                        .with_options(Some(DropIndexOptions::default()))
                        .with_options(None)
                        .max_time(second)
                        .write_concern(write())
                        .comment("why")
                };
                ready(drop_index());
                ready(drop_index().session(&mut session));
                ready(c.drop_indexes().session(&mut session));
                let list_indexes = || {
                    c.list_indexes()
                        .with_options(Some(ListIndexesOptions::default()))
                        .with_options(None)
                        .max_time(second)
                        .batch_size(2)
                        .comment("why")
                };
                ready(list_indexes());
                ready(list_indexes().session(&mut session));
                ready(c.list_index_names().batch_size(2));
                ready(c.list_index_names().session(&mut session));

                let list_collections = || {
                    db.list_collections()
                        .with_options(Some(ListCollectionsOptions::default()))
                        .with_options(None)
                        .batch_size(2)
                        .comment("why")
                        .filter(doc! {})
                        .authorized_collections(true)
                };
                ready(list_collections());
                ready(list_collections().session(&mut session));
                ready(db.list_collection_names().filter(doc! {}));
                ready(db.list_collection_names().session(&mut session));
                let list_databases = || {
                    client
                        .list_databases()
                        .with_options(Some(ListDatabasesOptions::default()))
                        .with_options(None)
                        .authorized_databases(true)
                        .comment("why")
                        .filter(doc! {})
                };
                ready(list_databases());
                ready(list_databases().session(&mut session));
                ready(client.list_database_names().filter(doc! {}));
                ready(client.list_database_names().session(&mut session));

                let images = ChangeStreamPreAndPostImages::builder().enabled(true).build();
                let defaults = IndexOptionDefaults::builder().storage_engine(doc! {}).build();
                let timeseries = TimeseriesOptions::builder().time_field("at").build();
                let create = || {
                    db.create_collection("unused")
                        .with_options(Some(CreateCollectionOptions::default()))
                        .with_options(None)
                        .capped(true)
                        .size(9)
                        .max(9)
                        .storage_engine(doc! {})
                        .validator(doc! {})
                        .validation_level(ValidationLevel::Off)
                        .validation_action(ValidationAction::Warn)
                        .view_on("other")
                        .pipeline([doc! {}])
                        .collation(collation())
                        .write_concern(write())
                        .index_option_defaults(defaults.clone())
                        .timeseries(timeseries.clone())
                        .expire_after_seconds(second)
                        .change_stream_pre_and_post_images(images.clone())
                        .clustered_index(ClusteredIndex::default())
                        .comment("why")
                };
                ready(create());
                ready(create().session(&mut session));
                let drop_collection = || {
                    c.drop()
                        .with_options(Some(DropCollectionOptions::default()))
                        .with_options(None)
                        .write_concern(write())
                };
                ready(drop_collection());
                ready(drop_collection().session(&mut session));
                let drop_database = || {
                    db.drop()
                        .with_options(Some(DropDatabaseOptions::default()))
                        .with_options(None)
                        .write_concern(write())
                };
                ready(drop_database());
                ready(drop_database().session(&mut session));

                let run = || {
                    db.run_command(doc! { "ping": 1 })
                        .with_options(Some(RunCommandOptions::default()))
                        .with_options(None)
                        .selection_criteria(criteria())
                };
                ready(run());
                ready(run().session(&mut session));
                ready(db.run_raw_command(rawdoc! { "ping": 1 }).session(&mut session));
                let run_cursor = || {
                    db.run_cursor_command(doc! { "find": "unused" })
                        .with_options(Some(RunCursorCommandOptions::default()))
                        .with_options(None)
                        .selection_criteria(criteria())
                        .cursor_type(CursorType::NonTailable)
                        .batch_size(2)
                        .max_time(second)
                        .comment(Bson::Null)
                };
                ready(run_cursor());
                ready(run_cursor().session(&mut session));
                ready(db.run_raw_cursor_command(rawdoc! { "find": "unused" }));
                let raw: RawDocumentBuf = rawdoc! { "find": "unused" };
                ready(db.run_raw_cursor_command(raw).session(&mut session));

                fn created<M>(action: CreateSearchIndex<'_, M>) -> CreateSearchIndex<'_, M> {
                    action.with_options(Some(CreateSearchIndexOptions::default()))
                }
                let search_index = SearchIndexModel::default;
                let one: CreateSearchIndex<'_, Single> = c.create_search_index(search_index());
                ready(created(one));
                let all: CreateSearchIndex<'_, Multiple> =
                    c.create_search_indexes([search_index()]);
                ready(created(all));
                let options = UpdateSearchIndexOptions::default();
                ready(c.update_search_index("name", doc! {}).with_options(options));
                let options = DropSearchIndexOptions::default();
                ready(c.drop_search_index("name").with_options(options));
                ready(
                    c.list_search_indexes()
                        .with_options(ListSearchIndexOptions::default())
                        .aggregate_options(AggregateOptions::default())
                        .name("name"),
                );

                fn bulk<R>(action: BulkWrite<'_, R>) -> BulkWrite<'_, R> {
                    action
                }
                let insert = || c.insert_one_model(Number { id: 1, name: None }).unwrap();
                let write_all = || {
                    client
                        .bulk_write([insert()])
                        .with_options(Some(BulkWriteOptions::default()))
                        .ordered(false)
                        .bypass_document_validation(true)
                        .comment("why")
                        .let_vars(doc! { "x": 1 })
                        .write_concern(write())
                };
                ready(bulk::<SummaryBulkWriteResult>(write_all()));
                ready(write_all().session(&mut session));
                let verbose = write_all().session(&mut session).verbose_results().ordered(true);
                ready(bulk::<VerboseBulkWriteResult>(verbose));
                ready(write_all().verbose_results().session(&mut session));

                let bucket = db.gridfs_bucket(None);
                let upload: gridfs::OpenUploadStream<'_> = bucket.open_upload_stream("name");
                ready(
                    upload
                        .with_options(GridFsUploadOptions::default())
                        .chunk_size_bytes(1)
                        .metadata(doc! {})
                        .id(Bson::Int32(1)),
                );
                ready(bucket.open_download_stream(Bson::Int32(1)));
                ready(
                    bucket
                        .open_download_stream_by_name("name")
                        .with_options(GridFsDownloadByNameOptions::default())
                        .revision(-2),
                );
                ready(
                    bucket
                        .find(doc! {})
                        .with_options(GridFsFindOptions::default())
                        .allow_disk_use(true)
                        .batch_size(2)
                        .limit(3)
                        .max_time(second)
                        .skip(1)
                        .sort(doc! { "_id": 1 }),
                );
                ready(
                    bucket
                        .find_one(doc! {})
                        .with_options(GridFsFindOneOptions::default())
                        .max_time(second)
                        .skip(1)
                        .sort(doc! { "_id": 1 }),
                );
                ready(bucket.rename(Bson::Int32(1), "name"));
                ready(bucket.rename_by_name("name", String::from("other")));
                ready(bucket.delete(Bson::Int32(1)));
                ready(bucket.delete_by_name("name"));
                ready(bucket.drop());
                Ok(())
            }

            /// Awaits each method once, and tells what it saw: a line for each.
            pub(super) async fn run(client: &Client, name: &str) -> Result<Vec<String>> {
                let mut seen = Vec::new();
                let mut see = |what: &dyn Debug| seen.push(format!("{what:?}"));
                let mut session = client.start_session().await?;
                let db = client.database(name);
                let numbers = db.collection::<Number>("numbers");
                let number = |id, name: &str| Number { id, name: Some(name.to_owned()) };

                see(&db.create_collection("numbers").await);
                see(&numbers.insert_one(number(0, "zero")).await?);
                see(&numbers.insert_one(&number(1, "one")).session(&mut session).await?);
                see(&put(&numbers, &[number(2, "two"), number(3, "three")]).await?);
                let borrowed = [number(4, "four"), number(5, "five")];
                let done = numbers.insert_many(borrowed.iter()).session(&mut session).await?;
                see(&done.inserted_ids.len());
                let error = numbers.insert_many([number(6, "six"), number(6, "again")]).await;
                see(&error.unwrap_err().to_string());

                // Futures of both kinds of actions go to other threads.
                let spawned = numbers.clone();
                see(&tokio::spawn(async move { all(&spawned).await }).await.unwrap()?);
                let spawned = numbers.clone_with_type::<Document>();
                see(&tokio::spawn(async move { first(&spawned, Some(2)).await }).await.unwrap()?);
                see(&first(&numbers, None).await?);
                see(&numbers.find_one(doc! { "_id": 1 }).session(&mut session).await?);

                see(&numbers.count_documents(doc! {}).skip(1).await?);
                see(&numbers.count_documents(doc! {}).session(&mut session).await?);
                see(&numbers.estimated_document_count().await?);
                see(&numbers.distinct("_id", doc! { "_id": { "$lt": 3 } }).await?);
                see(&numbers.distinct("_id", doc! {}).session(&mut session).await?);

                let set = doc! { "$set": { "name": "set" } };
                see(&numbers.update_one(doc! { "_id": 2 }, set.clone()).await?);
                see(&numbers.update_many(doc! {}, [set.clone()].to_vec()).await?);
                see(&numbers
                    .update_one(doc! { "_id": 9 }, set.clone())
                    .session(&mut session)
                    .await?);
                let upsert =
                    numbers.replace_one(doc! { "_id": 7 }, number(7, "seven")).upsert(true);
                see(&upsert.await?);
                let replace = numbers.replace_one(doc! { "_id": 7 }, &number(7, "7"));
                see(&replace.session(&mut session).await?);
                let update = numbers.find_one_and_update(doc! { "_id": 3 }, set.clone());
                see(&update.return_document(ReturnDocument::After).await?);
                let update = numbers.find_one_and_update(doc! { "_id": 99 }, set.clone());
                see(&update.session(&mut session).await?);
                see(&swap(&numbers, number(4, "swapped")).await?);
                let replace = numbers.find_one_and_replace(doc! { "_id": 4 }, &number(4, "again"));
                see(&replace.session(&mut session).await?);
                see(&numbers.find_one_and_delete(doc! { "_id": 5 }).await?);
                let delete = numbers.find_one_and_delete(doc! { "_id": 5 });
                see(&delete.session(&mut session).await?);
                see(&numbers.delete_one(doc! { "_id": 6 }).await?);
                see(&numbers.delete_one(doc! { "_id": 6 }).session(&mut session).await?);
                see(&numbers.delete_many(doc! { "_id": { "$gt": 6 } }).await?);

                // Cursors: 0, 1, 2, 3 and 4 are left.
                let mut cursor = small(numbers.find(doc! {})).sort(doc! { "_id": 1 }).await?;
                assert!(cursor.has_next() && cursor.advance().await?);
                assert_eq!(cursor.deserialize_current()?.id, 0);
                see(&cursor.current().to_owned());
                assert_eq!(cursor.with_type::<Document>().count().await, 4);
                let names = numbers.clone_with_type::<Name<'_>>();
                let mut cursor = any(&names).await?;
                assert!(cursor.advance().await?);
                see(&cursor.deserialize_current()?.name);
                let cursor = small(numbers.find(doc! {})).session(&mut session).await?;
                let mut cursor = cursor.with_type::<Document>();
                assert!(cursor.advance(&mut session).await?);
                assert_eq!(cursor.current().get_i32("_id")?, 0);
                assert_eq!(cursor.deserialize_current()?.len(), 2);
                let next = cursor.next(&mut session).await.transpose()?;
                assert!(cursor.stream(&mut session).try_next().await?.is_some());
                see(&(next, rest(cursor.stream(&mut session)).await?));
                see(&drain(of_type(numbers.aggregate([])).await?).await?);
                let locals =
                    of_type(numbers.aggregate([doc! { "$sort": { "_id": 1 } }]).with_type());
                let locals: Vec<Local> = locals.await?.try_collect().await?;
                see(&locals.iter().map(|local| local.id).collect::<Vec<_>>());
                let action = numbers.aggregate(vec![]).with_type::<Number>().session(&mut session);
                let mut cursor = of_type_in_session(action).await?;
                see(&drain(cursor.stream(&mut session)).await?);
                let documents = db.aggregate([doc! { "$documents": [{ "a": 1 }] }]);
                see(&documents.await?.try_collect::<Vec<_>>().await?);
                see(&shorter(db.collection("numbers").find(doc! {}).await?).has_next());

                let index = |key: &str| IndexModel::builder().keys(doc! { key: 1 }).build();
                see(&numbers.create_index(index("name")).await?.index_name);
                see(&numbers.create_indexes([index("a"), index("b")]).await?.index_names);
                let index = numbers.create_index(index("c")).session(&mut session);
                see(&index.await?.index_name);
                see(&numbers.list_index_names().await?);
                see(&numbers.list_index_names().session(&mut session).await?);
                let keys = async |index: IndexModel| Ok(index.keys);
                see(&numbers.list_indexes().await?.and_then(keys).try_collect::<Vec<_>>().await?);
                let mut cursor = numbers.list_indexes().session(&mut session).await?;
                see(&drain(cursor.stream(&mut session)).await?);
                see(&numbers.drop_index("a_1").await?);
                see(&numbers.drop_index("b_1").session(&mut session).await?);
                see(&numbers.drop_indexes().await?);

                let only = doc! { "name": name };
                see(&client.list_database_names().filter(only.clone()).await?);
                see(&client
                    .list_database_names()
                    .filter(only.clone())
                    .session(&mut session)
                    .await?);
                let filter = Some(only);
                see(&client
                    .list_databases()
                    .optional(filter, |action, filter| action.filter(filter))
                    .await?
                    .len());
                see(&db.list_collection_names().await?);
                see(&db.list_collection_names().session(&mut session).await?);
                let name = async |collection: CollectionSpecification| Ok(collection.name);
                see(&db.list_collections().await?.and_then(name).try_collect::<Vec<_>>().await?);
                let mut cursor = db.list_collections().session(&mut session).await?;
                see(&drain(cursor.stream(&mut session)).await?);

                see(&db.run_command(doc! { "ping": 1 }).await?.get("ok"));
                see(&db.run_command(doc! { "ping": 1 }).session(&mut session).await?.get("ok"));
                see(&db.run_raw_command(rawdoc! { "ping": 1 }).await?.get("ok"));
                let error = db.run_command(doc! { "noSuchCommand": 1 }).await.unwrap_err();
                see(&error.kind.to_string());
                let find = doc! { "find": "numbers", "batchSize": 2 };
                see(&drain(db.run_cursor_command(find.clone()).await?).await?);
                let mut cursor = db.run_cursor_command(find).session(&mut session).await?;
                see(&drain(cursor.stream(&mut session)).await?);
                see(&drain(db.run_raw_cursor_command(rawdoc! { "find": "numbers" }).await?).await?);

                // Raw batches.
                let raw: RawBatchCursor = small(numbers.find(doc! {})).batch().await?;
                see(&batches(raw).await?);
                let raw = small(numbers.find(doc! {})).session(&mut session).batch().await?;
                see(&batches_in_session(raw, &mut session).await?);
                see(&batches(numbers.aggregate([]).batch_size(3).batch().await?).await?);
                let raw = numbers.aggregate([]).with_type::<Local>();
                let raw = raw.session(&mut session).batch().await?;
                see(&batches_in_session(raw, &mut session).await?);
                see(&batches(db.list_collections().batch().await?).await?);
                let raw = db.list_collections().session(&mut session).batch().await?;
                see(&batches_in_session(raw, &mut session).await?);
                see(&batches(numbers.list_indexes().batch().await?).await?);
                let raw = numbers.list_indexes().session(&mut session).batch().await?;
                see(&batches_in_session(raw, &mut session).await?);
                let find = || doc! { "find": "numbers", "batchSize": 2 };
                see(&batches(db.run_cursor_command(find()).batch().await?).await?);
                let raw = db.run_cursor_command(find()).session(&mut session).batch().await?;
                see(&batches_in_session(raw, &mut session).await?);
                let bad = numbers.find(doc! { "$no": 1 }).batch().await;
                see(&bad.err().unwrap().kind.to_string());

                // What this server does not know.
                let error = numbers.create_search_index(SearchIndexModel::default()).await;
                see(&error.unwrap_err().kind.to_string());
                let error = numbers.create_search_indexes([SearchIndexModel::default()]).await;
                see(&error.unwrap_err().kind.to_string());
                let error = numbers.update_search_index("name", doc! {}).await;
                see(&error.unwrap_err().kind.to_string());
                let error = numbers.drop_search_index("name").await;
                see(&error.unwrap_err().kind.to_string());
                let options = AggregateOptions::builder().batch_size(2).build();
                let error = numbers.list_search_indexes().name("name").aggregate_options(options);
                see(&error.await.err().unwrap().kind.to_string());
                let insert = numbers.insert_one_model(number(30, "thirty"))?;
                let replace = numbers.replace_one_model(doc! { "_id": 1 }, number(1, "one"))?;
                assert_eq!((insert.document.len(), replace.replacement.len()), (2, 2));
                let models = [WriteModel::from(insert), replace.into()];
                see(&client.bulk_write(models.clone()).await.unwrap_err().kind.to_string());
                let verbose = client.bulk_write(models).verbose_results().session(&mut session);
                see(&verbose.await.unwrap_err().kind.to_string());
                let none = client.bulk_write(Vec::<WriteModel>::new()).await;
                see(&none.unwrap_err().kind.to_string());

                // Files.
                let options = GridFsBucketOptions::builder().chunk_size_bytes(10_u32).build();
                let bucket = db.gridfs_bucket(options);
                let file = async |id: i32| -> Result<GridFsUploadStream> {
                    bucket.open_upload_stream("file").id(id.into()).await
                };
                let upload = file(1).await?;
                see(upload.id());
                write(upload, 25).await;
                see(&write(file(2).await?, 5).await);
                let mut upload = file(3).await?;
                upload.write_all(&[1; 25]).await.unwrap();
                upload.flush().await.unwrap();
                see(&upload.abort().await);
                assert!(upload.abort().await.is_err());
                let download: GridFsDownloadStream = bucket.open_download_stream(1.into()).await?;
                see(&read(download).await);
                see(&read(bucket.open_download_stream_by_name("file").revision(1).await?).await);
                let error = bucket.open_download_stream(9.into()).await.err().unwrap();
                see(&error.kind.to_string());
                let one: Option<FilesCollectionDocument> = bucket.find_one(doc! {}).await?;
                see(&one.map(|file| (file.id, file.length, file.chunk_size_bytes, file.filename)));
                let files = bucket.find(doc! {}).batch_size(1).sort(doc! { "_id": 1 });
                let id = async |file: FilesCollectionDocument| Ok(file.id);
                see(&files.await?.and_then(id).try_collect::<Vec<_>>().await?);
                see(&bucket.rename(1.into(), "other").await);
                see(&bucket.rename_by_name("file", "others").await);
                see(&bucket.rename_by_name("file", "others").await.unwrap_err().kind.to_string());
                see(&bucket.delete(1.into()).await);
                see(&bucket.delete_by_name("others").await);
                see(&bucket.delete_by_name("others").await.unwrap_err().kind.to_string());
                see(&bucket.drop().await);

                see(&numbers.drop().await?);
                see(&numbers.drop().session(&mut session).await?);
                see(&db.drop().session(&mut session).await?);
                Ok(seen)
            }
        }
    };
}

one_body!(over_driver, mongodb, mongodb::action);
one_body!(over_mirror, mongowatch, mongowatch::driver::action);

mod needs_server {
    use crate::scene::{Scene, lines};

    use super::{over_driver, over_mirror};

    /// The driver's errors end with where they were made, if its feature `error-backtrace` is on.
    fn without_backtrace(text: &str) -> &str {
        text.split_once(", backtrace:").map_or(text, |(text, _)| text)
    }

    #[tokio::test]
    async fn the_same_code_sees_the_same_and_each_call_has_its_record() {
        let scene = Scene::new("mirror");
        let driver = scene.bare().await.client().clone();
        let client = scene.client().await;
        let name = scene.database();
        assert_eq!(over_driver::handles(&driver, name), over_mirror::handles(&client, name));
        over_driver::setters(&driver).await.unwrap();
        over_mirror::setters(&client).await.unwrap();
        let of_driver = over_driver::run(&driver, name).await.unwrap();
        let of_mirror = over_mirror::run(&client, name).await.unwrap();
        for (of_driver, of_mirror) in of_driver.iter().zip(&of_mirror) {
            assert_eq!(without_backtrace(of_driver), without_backtrace(of_mirror));
        }
        assert_eq!(of_driver.len(), of_mirror.len());
        let records = scene.finish().await;
        assert_eq!(records.len(), of_mirror.len(), "{}", lines(&records));
    }
}
