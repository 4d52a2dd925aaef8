//! The files of `config/` do what they say, on the real server.

mod needs_server {
    use std::{fs, path::PathBuf};

    use mongodb::options::ClientOptions;
    use mongowatch::{
        Context, Database, Settings, Stats, Watcher,
        bson::{Document, doc},
    };

    use crate::server::Server;

    /// A watcher that an example file describes, and where its files are.
    struct Example {
        watcher: Watcher,
        directory: tempfile::TempDir,
        database: String,
    }

    impl Example {
        /// Changes the example so that its files lie in a directory of their own, and that it watches
        /// the test's database instead of `database`.
        async fn start(file: &str, database: &str) -> (Self, Database) {
            let server = Server::shared();
            let name = server.database_name(database);
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(file);
            let directory = tempfile::tempdir().unwrap();
            let logs = format!("path: {}/", directory.path().display());
            let yaml = fs::read_to_string(path).unwrap().replace("path: logs/", &logs);
            let yaml = yaml.replace(&format!("DB: {database}"), &format!("DB: {name}"));
            let yaml = yaml.replace(&format!("$regex: ^{database}"), &format!("$regex: ^{name}"));
            let settings = Settings::from_yaml_str(&yaml, file).unwrap();
            let watcher = Watcher::with_settings(settings).start().unwrap();
            let options = ClientOptions::parse(server.uri()).await.unwrap();
            let database = watcher.client(options).unwrap().database(&name);
            (Self { watcher, directory, database: name }, database)
        }

        /// The lines of the example's only file.
        async fn end(self) -> (Vec<String>, Stats) {
            let bare = mongodb::Client::with_uri_str(Server::shared().uri()).await.unwrap();
            bare.database(&self.database).drop().await.unwrap();
            let stats = self.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            let files: Vec<_> = fs::read_dir(self.directory.path()).unwrap().collect();
            assert_eq!(files.len(), 1, "{files:?}");
            let text = fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
            let text = text.replace(&self.database, "TEST");
            (text.lines().map(str::to_owned).collect(), stats)
        }
    }

    #[tokio::test]
    async fn slow_queries_shows_those_of_one_collection() {
        let (example, db) = Example::start("slow_queries.yaml", "shop").await;
        let orders = db.collection::<Document>("orders");
        let slow = doc! { "$where": "sleep(150) || true" };
        for collection in [&orders, &db.collection("others")] {
            collection.insert_one(doc! { "_id": 1 }).await.unwrap();
            collection.find_one(doc! {}).await.unwrap();
            collection.find_one(slow.clone()).await.unwrap();
        }
        orders.update_one(slow, doc! { "$set": { "a": 1 } }).await.unwrap();
        let (lines, stats) = example.end().await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].contains(r#""Collection":"orders","Operation":"find_one""#),
            "{}",
            lines[0]
        );
        let route = stats.route("json").unwrap();
        assert_eq!((route.written, route.filtered_by[0].filtered), (1, 6));
    }

    #[tokio::test]
    async fn deletes_shows_those_of_others_than_the_batch_user() {
        let (example, db) = Example::start("deletes.yaml", "shop").await;
        let orders = db.collection::<Document>("orders");
        let delete = || orders.delete_many(doc! { "a": 1 });
        Context::new().actor("batch").scope(async { delete().await.unwrap() }).await;
        Context::new().actor("alice").scope(async { delete().await.unwrap() }).await;
        delete().await.unwrap();
        orders.insert_one(doc! {}).await.unwrap();
        orders.drop().await.unwrap();
        let (lines, _) = example.end().await;
        let without_time = |line: &String| line.split_once(',').unwrap().1.to_owned();
        let lines: Vec<_> = lines.iter().map(without_time).collect();
        assert_eq!(
            lines,
            [
                "Actor,Tenant,Operation,DB,Collection,Filter,DeletedCount,Outcome",
                r#""{""Kind"":""user"",""ID"":""alice""}",,delete_many,TEST,orders,"{""a"":1}",0,ok"#,
                r#",,delete_many,TEST,orders,"{""a"":1}",0,ok"#,
                ",,drop,TEST,orders,,,ok",
            ]
        );
    }

    #[tokio::test]
    async fn pci_masking_leaves_no_card_number() {
        let (example, db) = Example::start("pci_masking.yaml", "payments").await;
        let cards = db.collection::<Document>("cards");
        // Numbers that card networks publish for tests.
        let (card, other) = ("4111 1111 1111 1111", 5_555_555_555_554_444_i64);
        cards.insert_one(doc! { "_id": card }).await.unwrap();
        cards.insert_one(doc! { "_id": card }).await.unwrap_err();
        cards
            .update_one(
                doc! { "$or": [{ "card": other }, { "note": format!("pay {card} now") }] },
                doc! { "$set": { "owner": "alice@example.com", "amount": 4_111 } },
            )
            .await
            .unwrap();
        let (lines, _) = example.end().await;
        assert_eq!(lines.len(), 3, "{lines:#?}");
        let text = lines.join("\n");
        for secret in [card, "5555555555554444", "1111 1111", "alice@", "example.com"] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
        for kept in [r#""amount":4111"#, "***1111", "pay ", r#""ErrorCode":11000"#, "Redacted"] {
            assert!(text.contains(kept), "no {kept} in\n{text}");
        }
    }

    #[tokio::test]
    async fn insert_rates_sums_up_by_collection() {
        let (example, db) = Example::start("insert_rates.yaml", "shop").await;
        for (collection, n_inserts) in [("orders", 3), ("people", 2)] {
            let collection = db.collection::<Document>(collection);
            for _ in 0..n_inserts {
                collection.insert_many([doc! {}, doc! {}]).await.unwrap();
            }
            collection.find_one(doc! {}).await.unwrap();
        }
        let (lines, stats) = example.end().await;
        // A minute may have ended meanwhile: what counts are the sums.
        let mut sums = std::collections::BTreeMap::new();
        for line in &lines[1..] {
            let cells: Vec<_> = line.split(',').collect();
            *sums.entry(cells[3].to_owned()).or_insert(0) += cells[4].parse::<i32>().unwrap();
        }
        assert_eq!(sums, [("orders".to_owned(), 6), ("people".to_owned(), 4)].into());
        let route = stats.route("csv").unwrap();
        assert_eq!(route.filtered_by[0].filtered, 2);
        assert_eq!(route.filtered_by[1].filtered, 5);
    }

    #[tokio::test]
    async fn percona_audit_filter_shows_what_one_account_does() {
        let (example, db) = Example::start("percona_audit_filter.yaml", "shop").await;
        let bare = mongodb::Client::with_uri_str(Server::shared().uri()).await.unwrap();
        let own = bare.database(db.name());
        let create = doc! {
            "createUser": "tim", "pwd": "of the test", "roles": ["readWrite"],
            "mechanisms": ["SCRAM-SHA-256"],
        };
        own.run_command(create).await.unwrap();
        let mut options = ClientOptions::parse(Server::shared().uri()).await.unwrap();
        let credential = mongodb::options::Credential::builder()
            .username("tim".to_owned())
            .password("of the test".to_owned())
            .source(db.name().to_owned())
            .build();
        options.credential = Some(credential);
        let tim = example.watcher.client(options).unwrap().database(db.name());
        for db in [&tim, &db] {
            db.collection::<Document>("orders").insert_one(doc! { "a": 1 }).await.unwrap();
        }
        tim.collection::<Document>("orders").find_one(doc! { "a": 1 }).await.unwrap();
        own.run_command(doc! { "dropUser": "tim" }).await.unwrap();
        let (lines, _) = example.end().await;
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines.iter().all(|line| line.contains(r#""User":"tim""#)), "{lines:#?}");
        assert!(!lines.join("").contains("of the test"), "{lines:#?}");
    }
}
