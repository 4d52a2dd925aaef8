//! The helper that finds or starts the real server.

mod needs_server {
    use std::{
        env, fs,
        io::{self, BufRead, BufReader, Read},
        net::TcpStream,
        path::Path,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use mongodb::{
        Client, Collection,
        bson::{Document, doc},
        error::{ErrorKind, Result},
        options::ClientOptions,
    };

    use crate::server::Server;

    /// Set in the child process of `no_server_outlives_a_killed_process`.
    const HOLD: &str = "MONGOWATCH_TEST_HOLD_A_SERVER";

    async fn client(server: &Server, app_name: &str) -> Result<Client> {
        let mut options = ClientOptions::parse(server.uri()).await?;
        options.app_name = Some(app_name.to_owned());
        Client::with_options(options)
    }

    async fn people(server: &Server, test: &str) -> Result<Collection<Document>> {
        let database = client(server, test).await?.database(&server.database_name(test));
        // Outside of transactions: inside, older servers do not create collections.
        database.create_collection("people").await?;
        Ok(database.collection("people"))
    }

    #[tokio::test]
    async fn the_shared_server_is_the_primary_of_a_replica_set() -> Result<()> {
        let client = client(Server::shared(), "primary").await?;
        let hello = client.database("admin").run_command(doc! { "hello": 1 }).await?;
        assert!(hello.get_bool("isWritablePrimary").unwrap(), "{hello}");
        assert!(hello.get_str("setName").is_ok(), "{hello}");
        Ok(())
    }

    #[test]
    fn the_shared_server_can_be_had_without_a_runtime_and_is_one() {
        assert!(std::ptr::eq(Server::shared(), Server::shared()));
    }

    #[test]
    fn database_names_are_unique_and_valid() {
        let server = Server::shared();
        let name = server.database_name("a test with: a very / long $name, longer than allowed");
        assert_ne!(
            name,
            server.database_name("a test with: a very / long $name, longer than allowed")
        );
        assert!(name.len() <= 63, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}");
    }

    #[tokio::test]
    async fn a_transaction_works() -> Result<()> {
        let people = people(Server::shared(), "transaction").await?;
        let mut session = people.client().start_session().await?;
        for (name, commits) in [("ada", true), ("bob", false)] {
            session.start_transaction().await?;
            people.insert_one(doc! { "name": name }).session(&mut session).await?;
            match commits {
                true => session.commit_transaction().await?,
                false => session.abort_transaction().await?,
            }
        }
        assert_eq!(people.count_documents(doc! {}).await?, 1);
        people.drop().await
    }

    #[tokio::test]
    async fn a_fail_point_fails_the_commands_of_its_client_until_it_is_off() -> Result<()> {
        let server = Server::shared();
        let (hit, spared) = (people(server, "hit").await?, people(server, "spared").await?);
        let no_find = || {
            doc! {
                "mode": "alwaysOn",
                "data": { "failCommands": ["find"], "errorCode": 2, "appName": "hit" },
            }
        };

        let fail_point = server.fail_point(no_find()).await.unwrap();
        let error = hit.find_one(doc! {}).await.unwrap_err();
        assert!(matches!(*error.kind, ErrorKind::Command(ref why) if why.code == 2), "{error}");
        spared.find_one(doc! {}).await?;
        fail_point.off().await.unwrap();
        hit.find_one(doc! {}).await?;

        let fail_point = server.fail_point(no_find()).await.unwrap();
        assert!(hit.find_one(doc! {}).await.is_err());
        drop(fail_point);
        hit.find_one(doc! {}).await?;
        hit.drop().await?;
        spared.drop().await
    }

    #[tokio::test]
    async fn a_fail_point_for_every_client_is_refused() {
        let everyone =
            doc! { "mode": "alwaysOn", "data": { "failCommands": ["find"], "errorCode": 2 } };
        let refused = Server::shared().fail_point(everyone).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("appName"), "{refused}");
    }

    #[tokio::test]
    async fn an_own_server_comes_back_with_its_data_after_a_kill_and_after_a_stop() -> Result<()> {
        let mut server = Server::start().unwrap();
        let people = people(&server, "restart").await?;
        people.insert_one(doc! { "name": "ada" }).await?;
        let uri = server.uri().to_owned();

        server.kill().unwrap();
        assert!(is_refused(&uri));
        server.restart().unwrap();
        assert_eq!(people.count_documents(doc! {}).await?, 1);

        people.insert_one(doc! { "name": "bob" }).await?;
        server.stop().unwrap();
        assert!(is_refused(&uri));
        server.restart().unwrap();
        assert_eq!(people.count_documents(doc! {}).await?, 2);

        assert_eq!(server.uri(), uri);
        let directory = server.directory().unwrap().to_owned();
        drop(server);
        assert!(is_refused(&uri));
        assert!(!directory.exists());
        Ok(())
    }

    #[test]
    fn no_server_outlives_a_killed_process() {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["holds_a_server_when_asked", "--nocapture"])
            .env(HOLD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let held = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .find_map(|line| Some(line.unwrap().split_once("holds: ")?.1.to_owned()))
            .expect("the child starts a server and says which");
        let [uri, pid, directory] = held.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert!(!is_refused(uri) && Path::new(directory).exists());

        child.kill().unwrap();
        child.wait().unwrap();

        // Its supervisor needs a moment; there is nobody left to tell us when it is done.
        let deadline = Instant::now() + Duration::from_secs(30);
        while Path::new(directory).exists() {
            assert!(Instant::now() < deadline, "{directory} was left behind");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(is_refused(uri));
        assert!(fs::metadata(format!("/proc/{pid}")).is_err(), "mongod {pid} was left behind");
    }

    /// The child process of `no_server_outlives_a_killed_process`; by itself it has nothing to do.
    #[test]
    fn holds_a_server_when_asked() {
        if env::var_os(HOLD).is_none() {
            return;
        }
        let server = Server::start().unwrap();
        let (pid, directory) = (server.pid().unwrap(), server.directory().unwrap().display());
        println!("holds: {} {pid} {directory}", server.uri());
        // Until the parent kills this process, or dies itself.
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    fn is_refused(uri: &str) -> bool {
        let address = uri.trim_start_matches("mongodb://").split('/').next().unwrap_or_default();
        TcpStream::connect(address).is_err()
    }
}
