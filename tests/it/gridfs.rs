//! GridFS: one record for each file that is written or read, and for each other call.

mod needs_server {
    use std::time::Duration;

    use futures_util::{
        TryStreamExt,
        future::join_all,
        io::{AsyncReadExt, AsyncWriteExt},
    };
    use mongodb::options::GridFsBucketOptions;
    use mongowatch::{
        Capture, GridFsBucket, Outcome, Phase, Value, WatchMessage, WatcherName,
        bson::{Bson, DateTime, Document, doc},
        layer::Versions,
    };

    use crate::scene::{Scene, Seen, lines, only};

    const MODES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];
    const CHUNK: u32 = 1_000;

    fn scene(name: &str, capture: Capture) -> Scene {
        Scene::with(&format!("gridfs-{name}-{capture:?}"), |b| b.capture(capture))
    }

    async fn bucket(scene: &Scene) -> GridFsBucket {
        scene.db().await.gridfs_bucket(options())
    }

    fn options() -> GridFsBucketOptions {
        GridFsBucketOptions::builder()
            .bucket_name("pictures".to_owned())
            .chunk_size_bytes(CHUNK)
            .build()
    }

    /// The same bucket, through a driver that knows nothing of the watcher.
    async fn bare(scene: &Scene) -> mongodb::gridfs::GridFsBucket {
        scene.bare().await.gridfs_bucket(options())
    }

    /// A file that is there already.
    async fn stored(scene: &Scene, name: &str, n_bytes: usize) -> Bson {
        let mut upload = bare(scene).await.open_upload_stream(name).await.unwrap();
        upload.write_all(&vec![7; n_bytes]).await.unwrap();
        upload.close().await.unwrap();
        upload.id().clone()
    }

    async fn n_chunks(scene: &Scene) -> u64 {
        let chunks = scene.bare().await.collection::<Document>("pictures.chunks");
        chunks.count_documents(doc! {}).await.unwrap()
    }

    fn summary(record: &WatchMessage) -> String {
        let counts = &record.counts;
        format!(
            "{} {} {} bytes={:?} chunks={:?}",
            record.operation,
            record.collection.as_deref().unwrap_or("-"),
            record.outcome.unwrap(),
            counts.file_bytes,
            counts.file_chunks
        )
    }

    fn error_of(record: &WatchMessage) -> (Option<i32>, &str, &str) {
        let error = record.error.as_ref().unwrap();
        (error.code, error.name.as_deref().unwrap(), error.message.as_deref().unwrap())
    }

    #[tokio::test]
    async fn an_upload_and_a_download_of_several_chunks_are_one_record_each() {
        for capture in MODES {
            let scene = scene("both", capture);
            let bucket = bucket(&scene).await;
            let content: Vec<u8> = (0..3_500_u32).map(|n| n as u8).collect();
            let upload = bucket.open_upload_stream("ada.png").metadata(doc! { "by": "ada" });
            let mut upload = upload.await.unwrap();
            for part in content.chunks(700) {
                upload.write_all(part).await.unwrap();
            }
            upload.flush().await.unwrap();
            upload.close().await.unwrap();
            let id = upload.id().clone();
            drop(upload);
            let mut read = Vec::new();
            let mut download = bucket.open_download_stream(id.clone()).await.unwrap();
            assert_eq!(download.read_to_end(&mut read).await.unwrap(), 3_500);
            assert!(read == content);
            drop(download);

            let records = scene.finish().await;
            assert_eq!(records.len(), 2, "{capture:?}: {}", lines(&records));
            let (upload, download) = (&records[0], &records[1]);
            assert!(records.iter().all(|record| record.watcher == WatcherName::Gridfs));
            assert_eq!(
                summary(upload),
                "open_upload_stream pictures ok bytes=Some(3500) chunks=Some(4)"
            );
            assert_eq!(
                upload.filter.as_deref(),
                Some(&doc! { "_id": id.clone(), "filename": "ada.png" }.into())
            );
            assert_eq!(upload.options, None, "the metadata is a part of what is inserted");
            // One file, whatever documents it is made of.
            assert_eq!(upload.counts.inserted, Some(1));
            assert_eq!(upload.counts.matched, None);
            assert_eq!(upload.inserted_ids.as_deref(), Some(&vec![id.clone()]));
            // The driver tells the size of a file's chunks to nobody.
            let chunks = if capture == Capture::Commands { "Some(4)" } else { "None" };
            assert_eq!(
                summary(download),
                format!("open_download_stream pictures ok bytes=Some(3500) chunks={chunks}")
            );
            assert_eq!(download.filter.as_deref(), Some(&doc! { "_id": id }.into()));
            assert_eq!(download.counts.inserted, None);
            for record in &records {
                assert!(record.duration.unwrap() > Duration::ZERO);
                assert_eq!(record.traffic.attempts.is_some(), capture != Capture::Operations);
            }
            if capture != Capture::Operations {
                // The file's document, and the chunks in one batch.
                assert_eq!(download.traffic.attempts, Some(2), "{capture:?}");
                assert!(upload.traffic.attempts.unwrap() >= 5, "{capture:?}");
            }
        }
    }

    #[tokio::test]
    async fn updates_come_out_while_a_file_is_written() {
        let all = Seen::default();
        let layer = all.clone();
        let scene =
            Scene::with("gridfs-updates", |b| b.foreign_layer_of("all", Versions::All, layer));
        let mut upload = bucket(&scene).await.open_upload_stream("long").await.unwrap();
        for _ in 0..3 {
            upload.write_all(&[1; 1_500]).await.unwrap();
        }
        upload.close().await.unwrap();
        scene.finish().await;
        let versions: Vec<_> = all
            .records()
            .iter()
            .map(|version| (version.phase, version.counts.file_bytes, version.counts.file_chunks))
            .collect();
        assert_eq!(
            versions,
            [
                (Phase::First, None, None),
                (Phase::Update, Some(1_500), Some(1)),
                (Phase::Update, Some(3_000), Some(3)),
                (Phase::Update, Some(4_500), Some(4)),
                (Phase::Final, Some(4_500), Some(5)),
            ]
        );
    }

    #[tokio::test]
    async fn an_aborted_upload_is_cancelled_and_leaves_no_chunks() {
        for capture in MODES {
            let scene = scene("abort", capture);
            let mut upload = bucket(&scene).await.open_upload_stream("half").await.unwrap();
            upload.write_all(&[1; 2_500]).await.unwrap();
            upload.abort().await.unwrap();
            // The stream is closed: its record is final, and this belongs to none.
            upload.abort().await.unwrap_err();
            upload.write_all(&[1]).await.unwrap_err();
            upload.close().await.unwrap_err();
            drop(upload);
            assert_eq!(n_chunks(&scene).await, 0);
            let record = only(scene.finish().await);
            assert_eq!(
                summary(&record),
                "open_upload_stream pictures cancelled bytes=Some(2500) chunks=Some(2)"
            );
            assert_eq!(record.counts.inserted, None);
            assert_eq!(record.inserted_ids, None);
            assert_eq!(record.error, None);
        }
    }

    #[tokio::test]
    async fn a_dropped_upload_is_cancelled_and_the_removal_of_its_chunks_belongs_to_it() {
        for capture in MODES {
            let scene = scene("drop", capture);
            let client = scene.client().await;
            let bucket = client.database(scene.database()).gridfs_bucket(options());
            let mut upload = bucket.open_upload_stream("half").await.unwrap();
            upload.write_all(&[1; 2_500]).await.unwrap();
            drop(upload);
            // Waits for what dropped streams leave to be done, as the driver's does.
            client.shutdown().await;
            assert_eq!(n_chunks(&scene).await, 0);
            let record = only(scene.finish().await);
            assert_eq!(
                summary(&record),
                "open_upload_stream pictures cancelled bytes=Some(2500) chunks=Some(2)"
            );
        }
    }

    /// The stream may be dropped on a thread that knows no runtime.
    #[tokio::test]
    async fn an_upload_that_is_dropped_elsewhere_is_cleaned_up_too() {
        let scene = scene("elsewhere", Capture::Spans);
        let client = scene.client().await;
        let bucket = client.database(scene.database()).gridfs_bucket(options());
        let mut upload = bucket.open_upload_stream("half").await.unwrap();
        upload.write_all(&[1; 2_500]).await.unwrap();
        std::thread::spawn(move || drop(upload)).join().unwrap();
        client.shutdown().await;
        assert_eq!(n_chunks(&scene).await, 0);
        assert_eq!(only(scene.finish().await).outcome, Some(Outcome::Cancelled));
    }

    #[tokio::test]
    async fn an_upload_that_fails_is_an_error_with_its_code() {
        for capture in MODES {
            let scene = scene("fails", capture);
            let bucket = bucket(&scene).await;
            stored(&scene, "first", 10).await;
            let mut upload = bucket.open_upload_stream("bad").await.unwrap();
            let fail = doc! { "failCommands": ["insert"], "errorCode": 11601 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            let error = upload.write_all(&[1; 2_500]).await.unwrap_err();
            assert!(error.to_string().contains("failCommand"), "{error}");
            fail_point.off().await.unwrap();
            drop(upload);
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Error));
            assert_eq!(error_of(&record).0, Some(11601), "{capture:?}");
            assert_eq!(record.counts.inserted, None);
        }
    }

    #[tokio::test]
    async fn a_file_of_a_given_id_cannot_be_written_twice() {
        let scene = scene("twice", Capture::Spans);
        let bucket = bucket(&scene).await;
        for _ in 0..2 {
            let mut upload = bucket.open_upload_stream("same").id("one".into()).await.unwrap();
            upload.write_all(&[1; 10]).await.unwrap();
            // The chunk is there, as the index of the chunks tells.
            drop(upload.close().await);
        }
        let records = scene.finish().await;
        assert_eq!(
            records.iter().map(|record| record.outcome.unwrap()).collect::<Vec<_>>(),
            [Outcome::Ok, Outcome::Error]
        );
        assert_eq!(error_of(&records[1]).0, Some(11000));
        assert_eq!(records[1].inserted_ids, None);
    }

    #[tokio::test]
    async fn a_download_that_is_not_read_to_its_end_is_cancelled() {
        for capture in MODES {
            let scene = scene("part", capture);
            let id = stored(&scene, "long", 3_500).await;
            let client = scene.client().await;
            let bucket = client.database(scene.database()).gridfs_bucket(options());
            let mut download = bucket.open_download_stream(id.clone()).await.unwrap();
            let mut part = [0; 1_200];
            assert_eq!(download.read(&mut []).await.unwrap(), 0);
            download.read_exact(&mut part).await.unwrap();
            drop(download);
            drop(bucket.open_download_stream(id).await.unwrap());
            client.shutdown().await;
            let records = scene.finish().await;
            assert_eq!(records.len(), 2, "{}", lines(&records));
            for (record, n) in records.iter().zip([1_200, 0]) {
                assert_eq!(record.outcome, Some(Outcome::Cancelled));
                assert_eq!(record.counts.file_bytes, Some(n));
            }
        }
    }

    /// More chunks than fit into a batch: the driver kills the cursor by itself.
    #[tokio::test]
    async fn a_download_that_is_dropped_between_two_batches_stays_one_record() {
        for capture in MODES {
            let scene = scene("batches", capture);
            let there = bare(&scene).await;
            let upload = there.open_upload_stream("large").chunk_size_bytes(1 << 20);
            let mut upload = upload.await.unwrap();
            upload.write_all(&vec![7; 20 << 20]).await.unwrap();
            upload.close().await.unwrap();
            let client = scene.client().await;
            let bucket = client.database(scene.database()).gridfs_bucket(options());
            for missing in [false, true] {
                if missing {
                    let chunks = scene.bare().await.collection::<Document>("pictures.chunks");
                    chunks.delete_one(doc! { "n": 3 }).await.unwrap();
                }
                let mut download = bucket.open_download_stream_by_name("large").await.unwrap();
                let mut part = [0; 100];
                let read = download.read_exact(&mut part).await;
                assert_eq!(read.is_err(), missing);
            }
            client.shutdown().await;
            let records = scene.finish().await;
            assert_eq!(records.len(), 2, "{capture:?}: {}", lines(&records));
            assert_eq!(records[0].outcome, Some(Outcome::Cancelled));
            assert_eq!(records[1].outcome, Some(Outcome::Error));
        }
    }

    #[tokio::test]
    async fn a_missing_file_revision_or_chunk_is_an_error_of_the_driver() {
        for capture in MODES {
            let scene = scene("missing", capture);
            let id = stored(&scene, "torn", 3_500).await;
            let chunks = scene.bare().await.collection::<Document>("pictures.chunks");
            chunks.delete_one(doc! { "n": 1 }).await.unwrap();
            let bucket = bucket(&scene).await;
            bucket.open_download_stream(Bson::Int32(9)).await.err().unwrap();
            bucket.open_download_stream_by_name("none").await.err().unwrap();
            let second = bucket.open_download_stream_by_name("torn").revision(1);
            second.await.err().unwrap();
            let mut download = bucket.open_download_stream(id).await.unwrap();
            download.read_to_end(&mut Vec::new()).await.unwrap_err();
            // After its error the driver's stream is at its end.
            assert_eq!(download.read(&mut [0; 8]).await.unwrap(), 0);
            bucket.rename(Bson::Int32(9), "other").await.unwrap_err();
            bucket.rename_by_name("none", "other").await.unwrap_err();
            bucket.delete(Bson::Int32(9)).await.unwrap_err();
            bucket.delete_by_name("none").await.unwrap_err();
            let records = scene.finish().await;
            let told: Vec<_> = records
                .iter()
                .map(|record| {
                    let (code, name, message) = error_of(record);
                    assert_eq!((code, name), (None, "GridFs"), "{message}");
                    assert_eq!(record.outcome, Some(Outcome::Error));
                    let kinds = ["FileNotFound", "RevisionNotFound", "MissingChunk"];
                    kinds.into_iter().find(|kind| message.contains(kind)).unwrap_or(message)
                })
                .collect();
            assert_eq!(
                told,
                [
                    "FileNotFound",
                    "FileNotFound",
                    "RevisionNotFound",
                    "MissingChunk",
                    "FileNotFound",
                    "FileNotFound",
                    "FileNotFound",
                    "FileNotFound",
                ],
                "{capture:?}"
            );
            assert_eq!(records[2].options.as_deref(), Some(&doc! { "revision": 1 }.into()));
            let counts = |n: usize| (records[n].counts.matched, records[n].counts.deleted);
            assert_eq!(counts(4), (Some(0), None));
            assert_eq!(counts(6), (None, Some(0)));
        }
    }

    #[tokio::test]
    async fn revisions_are_read_by_name() {
        let scene = scene("revisions", Capture::Spans);
        let files = scene.bare().await.collection::<Document>("pictures.files");
        for n in 1..=3 {
            let id = stored(&scene, "note", n).await;
            // Revisions are told apart by their dates, which have milliseconds only.
            let date = DateTime::from_millis(n as i64);
            let dated = doc! { "$set": { "uploadDate": date } };
            files.update_one(doc! { "_id": id }, dated).await.unwrap();
        }
        let bucket = bucket(&scene).await;
        for (revision, n) in [(0, 1), (1, 2), (-1, 3), (-3, 1)] {
            let download = bucket.open_download_stream_by_name("note").revision(revision);
            let mut read = Vec::new();
            download.await.unwrap().read_to_end(&mut read).await.unwrap();
            assert_eq!(read.len(), n);
        }
        let records = scene.finish().await;
        let bytes: Vec<_> = records.iter().map(|record| record.counts.file_bytes).collect();
        assert_eq!(bytes, [Some(1), Some(2), Some(3), Some(1)]);
        assert!(records.iter().all(|record| record.operation == "open_download_stream_by_name"));
        assert_eq!(records[0].filter.as_deref(), Some(&doc! { "filename": "note" }.into()));
    }

    #[tokio::test]
    async fn finding_renaming_deleting_and_dropping_are_one_record_each() {
        for capture in MODES {
            let scene = scene("others", capture);
            let mut ids = Vec::new();
            for name in ["a", "b", "b", "c"] {
                ids.push(stored(&scene, name, 2_500).await);
            }
            let bucket = bucket(&scene).await;
            let found = bucket.find(doc! {}).batch_size(3).await.unwrap();
            assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 4);
            assert!(bucket.find_one(doc! { "filename": "c" }).await.unwrap().is_some());
            bucket.rename(ids[0].clone(), "d").await.unwrap();
            bucket.rename_by_name("b", "e").await.unwrap();
            bucket.delete(ids[3].clone()).await.unwrap();
            bucket.delete_by_name("e").await.unwrap();
            bucket.drop().await.unwrap();
            let records = scene.finish().await;
            let commands = capture == Capture::Commands;
            let only_there = |n: u64| commands.then_some(n);
            let expected = [
                ("find", Some(4), None, None),
                ("find_one", Some(1), None, None),
                ("rename", Some(1), None, None),
                ("rename_by_name", only_there(2), None, None),
                ("delete", None, Some(1), only_there(3)),
                ("delete_by_name", None, only_there(2), only_there(6)),
                ("drop", None, None, None),
            ];
            let told: Vec<_> = records
                .iter()
                .map(|record| {
                    assert_eq!(record.outcome, Some(Outcome::Ok));
                    assert_eq!(record.watcher, WatcherName::Gridfs);
                    assert_eq!(record.collection.as_deref(), Some("pictures"));
                    let counts = &record.counts;
                    (&*record.operation, counts.matched, counts.deleted, counts.file_chunks)
                })
                .collect();
            assert_eq!(told, expected, "{capture:?}");
            assert_eq!(
                records[3].update.as_deref(),
                Some(&doc! { "$set": { "filename": "e" } }.into())
            );
        }
    }

    #[tokio::test]
    async fn files_that_are_written_and_read_at_the_same_time_keep_their_own_counts() {
        for capture in MODES {
            let scene = scene("many", capture);
            let bucket = bucket(&scene).await;
            let tasks = (1..=20_usize).map(|n| {
                let bucket = bucket.clone();
                tokio::spawn(async move {
                    let upload = bucket.open_upload_stream("file").id(Bson::Int64(n as i64));
                    let mut upload = upload.await.unwrap();
                    upload.write_all(&vec![1; n * 300]).await.unwrap();
                    upload.close().await.unwrap();
                    let download = bucket.open_download_stream(upload.id().clone());
                    let mut read = Vec::new();
                    download.await.unwrap().read_to_end(&mut read).await.unwrap();
                    assert_eq!(read.len(), n * 300);
                })
            });
            for task in join_all(tasks).await {
                task.unwrap();
            }
            let records = scene.finish().await;
            assert_eq!(records.len(), 40, "{}", lines(&records));
            for record in &records {
                assert_eq!(record.outcome, Some(Outcome::Ok));
                let filter = record.filter.as_deref().and_then(Bson::as_document).unwrap();
                let n = filter.get_i64("_id").unwrap() as u64;
                assert_eq!(record.counts.file_bytes, Some(n * 300), "{capture:?}");
                if record.operation == "open_upload_stream" || capture == Capture::Commands {
                    assert_eq!(record.counts.file_chunks, Some((n * 300).div_ceil(1_000)));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_file_without_bytes_is_a_file() {
        let scene = scene("empty", Capture::Commands);
        let bucket = bucket(&scene).await;
        let mut upload = bucket.open_upload_stream("nothing").await.unwrap();
        upload.close().await.unwrap();
        let mut download = bucket.open_download_stream(upload.id().clone()).await.unwrap();
        assert_eq!(download.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        let records = scene.finish().await;
        assert_eq!(
            records.iter().map(summary).collect::<Vec<_>>(),
            [
                "open_upload_stream pictures ok bytes=Some(0) chunks=Some(0)",
                "open_download_stream pictures ok bytes=Some(0) chunks=Some(0)",
            ]
        );
    }

    /// The record of what is still open is not lost with its watcher: its last version is.
    #[tokio::test]
    async fn a_watcher_that_ends_in_the_middle_of_a_file_breaks_nothing() {
        for capture in MODES {
            let scene = scene("middle", capture);
            let id = stored(&scene, "long", 5_500).await;
            let bucket = bucket(&scene).await;
            let mut upload = bucket.open_upload_stream("half").await.unwrap();
            upload.write_all(&[1; 1_500]).await.unwrap();
            let mut download = bucket.open_download_stream(id).await.unwrap();
            download.read_exact(&mut [0; 10]).await.unwrap();
            let there = scene.bare().await;
            let stats = scene.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            upload.write_all(&[1; 1_500]).await.unwrap();
            upload.close().await.unwrap();
            let mut rest = Vec::new();
            assert_eq!(download.read_to_end(&mut rest).await.unwrap(), 5_490);
            assert!(bucket.find_one(doc! { "filename": "half" }).await.unwrap().is_some());
            there.drop().await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_upload_that_reaches_no_server_is_not_sent() {
        for capture in MODES {
            let scene = scene("nowhere", capture);
            let mut options = scene.options().await;
            // Nobody listens on the discard port.
            options.hosts = vec![mongodb::options::ServerAddress::parse("127.0.0.1:9").unwrap()];
            options.server_selection_timeout = Some(Duration::from_millis(100));
            let nowhere = scene.watcher.client(options).unwrap().database("any");
            let mut upload = nowhere.gridfs_bucket(None).open_upload_stream("a").await.unwrap();
            upload.write_all(&[1; 10]).await.unwrap();
            upload.close().await.unwrap_err();
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::NotSent), "{capture:?}");
            assert_eq!(record.collection.as_deref(), Some("fs"));
            assert!(matches!(record.get(mongowatch::Field::InsertedCount), Value::Missing));
        }
    }
}
