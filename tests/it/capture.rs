//! Which fields each capture mode fills, for each kind of operation: the table in `docs/capture.md`
//! is written by this test (`UPDATE_EXPECT=1 cargo test`).

mod needs_server {
    use std::{collections::BTreeSet, fmt::Write, time::Duration};

    use expect_test::expect_file;
    use futures_util::{
        TryStreamExt,
        io::{AsyncReadExt, AsyncWriteExt},
    };
    use mongowatch::{
        Capture, Field, WatchMessage,
        bson::{Document, doc},
    };

    use crate::scene::Scene;

    /// The kinds, in the order in which `work` runs them.
    const KINDS: &[&str] = &[
        "`insert_one`",
        "`insert_many`",
        "`update_one`",
        "`delete_one`",
        "`find_one_and_update`",
        "`find`, several batches",
        "`find_one`",
        "`count_documents`",
        "`run_command`",
        "`open_upload_stream`",
        "`open_download_stream`",
        "GridFS `delete`",
        "duplicate key",
        "`find_one`, cancelled",
        "raw `insert`",
        "raw `update`",
        "raw `find`, several batches",
        "raw duplicate key",
        "never sent",
    ];

    async fn work(scene: &Scene) {
        let db = scene.db().await;
        let people = db.collection::<Document>("people");
        people.insert_one(doc! { "_id": -1 }).await.unwrap();
        people.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
        let older = || doc! { "$inc": { "age": 1 } };
        people.update_one(doc! { "_id": 1 }, older()).await.unwrap();
        people.delete_one(doc! { "_id": -1 }).await.unwrap();
        people.find_one_and_update(doc! { "_id": 1 }, older()).await.unwrap();
        let found = people.find(doc! {}).batch_size(20).await.unwrap();
        assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 30);
        people.find_one(doc! {}).await.unwrap();
        people.count_documents(doc! {}).await.unwrap();
        db.run_command(doc! { "ping": 1 }).await.unwrap();
        let files = db.gridfs_bucket(None);
        let mut upload = files.open_upload_stream("file").await.unwrap();
        upload.write_all(&[1; 300_000]).await.unwrap();
        upload.close().await.unwrap();
        let id = upload.id().clone();
        let mut download = files.open_download_stream(id.clone()).await.unwrap();
        assert_eq!(download.read_to_end(&mut Vec::new()).await.unwrap(), 300_000);
        files.delete(id).await.unwrap();
        people.insert_one(doc! { "_id": 1 }).await.unwrap_err();
        let slow = people.find_one(doc! { "$where": "sleep(300) || true" }).into_future();
        tokio::time::timeout(Duration::from_millis(50), slow).await.unwrap_err();
        let raw = people.unwatched();
        raw.insert_one(doc! { "_id": -2 }).await.unwrap();
        raw.update_one(doc! { "_id": 1 }, older()).await.unwrap();
        let found = raw.find(doc! {}).batch_size(20).await.unwrap();
        assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 31);
        raw.insert_one(doc! { "_id": 1 }).await.unwrap_err();
        people.insert_many(Vec::<Document>::new()).await.unwrap_err();
    }

    fn filled(record: &WatchMessage) -> BTreeSet<Field> {
        Field::ALL.iter().copied().filter(|field| !record.get(*field).is_missing()).collect()
    }

    fn is_raw(kind: &str) -> bool {
        kind.starts_with("raw")
    }

    #[tokio::test]
    async fn the_table_in_the_documentation_is_true() {
        let modes = [Capture::Operations, Capture::Spans, Capture::Commands];
        let mut columns = Vec::new();
        for capture in modes {
            let scene = Scene::with(&format!("table-{capture:?}"), |b| b.capture(capture));
            work(&scene).await;
            // A raw cursor whose exhaustion the spans do not show is open until its client goes.
            scene.drop_database().await;
            let stats = scene.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            let mut records = scene.seen.records();
            records.sort_by_key(|record| record.seq);
            let mut records = records.iter().map(filled);
            let column: Vec<_> = KINDS
                .iter()
                .map(|kind| match capture {
                    Capture::Operations if is_raw(kind) => None,
                    _ => records.next(),
                })
                .collect();
            assert_eq!(records.next(), None, "{capture:?}: more records than kinds");
            columns.push(column);
        }
        expect_file!["../../docs/capture.md"].assert_eq(&document(&columns));
    }

    fn document(columns: &[Vec<Option<BTreeSet<Field>>>]) -> String {
        let all = columns.iter().flatten().flatten();
        let always = all.clone().fold(None, |always: Option<BTreeSet<Field>>, filled| {
            Some(always.map_or_else(|| filled.clone(), |always| &always & filled))
        });
        let always = always.unwrap_or_default();
        let ever = all.fold(BTreeSet::new(), |ever, filled| &ever | filled);
        let mut text = String::from(INTRODUCTION);
        writeln!(text, "Always filled: {}.\n", names(&always)).unwrap();
        text.push_str("| operation | `operations` | `spans` adds | `commands` adds to that |\n");
        text.push_str("| --- | --- | --- | --- |\n");
        for (row, kind) in KINDS.iter().enumerate() {
            let [operations, spans, commands] =
                [0, 1, 2].map(|mode| columns[mode][row].clone().unwrap_or_default());
            let first = match &columns[0][row] {
                Some(_) => names(&(&operations - &always)),
                None => "no record".to_owned(),
            };
            let spans_add = &(&spans - &operations) - &always;
            let commands_add = &(&commands - &spans) - &(&operations | &always);
            let lost = &spans - &commands;
            assert!(lost.is_empty(), "{kind}: `commands` does not fill {lost:?}");
            writeln!(
                text,
                "| {kind} | {first} | {} | {} |",
                names(&spans_add),
                names(&commands_add)
            )
            .unwrap();
        }
        let never: BTreeSet<Field> =
            Field::ALL.iter().copied().filter(|field| !ever.contains(field)).collect();
        writeln!(
            text,
            "\nFilled only when the application says so, or by other calls: {}.",
            names(&never)
        )
        .unwrap();
        text
    }

    fn names(fields: &BTreeSet<Field>) -> String {
        if fields.is_empty() {
            return "-".to_owned();
        }
        fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
    }

    const INTRODUCTION: &str = "\
# What each capture mode fills

This file is written by a test (`tests/it/capture.rs`) out of the records of real operations.

- `capture: operations` sees the mirrored calls alone (door A).
- `capture: spans`, the default, adds the driver's spans (doors A and C): where a command went and
  how often it was sent, and a record for raw traffic, which no mirrored call opened.
- `capture: commands` adds the driver's command events instead (doors A and B): bytes, request ids,
  documents returned, and the counts of raw traffic.

What stays unseen, and in which mode:

| | `operations` | `spans` | `commands` |
| --- | --- | --- | --- |
| raw traffic (`unwatched()`, a plain driver client) | unseen | seen, without counts | seen, with counts |
| end of a raw cursor of several batches | - | unseen: its record expires (`timeout`), and is closed as `unknown` when its client goes | seen |
| a raw call whose future was dropped | - | `cancelled` | no event tells: `cancelled` as soon as the driver uses its session again, which is at the next operation or soon after; till then, or till its client goes, it is open |
| a raw call that never reached a server | - | `not_sent` | no event tells: no record |
| a raw command that asks for no acknowledgement (`w: 0`) | - | `ok`: its body is not seen | `unknown` |
| chunks of a GridFS file that is read or deleted, and how many files a call by name deleted or renamed | unseen | unseen | seen |
| the removal of the chunks of an upload that was dropped | unseen | belongs to the upload | belongs to the upload |
| how often the driver resumed a change stream | unseen | seen | seen |
| number of the transaction (`TxnNumber`) | unseen | seen | seen |
| the abort of a transaction whose session was dropped | unseen; its operations are `aborted` | a raw record | a raw record |
| the error code of a raw write error | - | unseen: the driver gives it for command errors only | seen |

Every call of the driver is mirrored, but for those of in-use encryption: docs/parity.md has the list.

";
}
