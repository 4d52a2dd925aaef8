//! Another configuration while the watcher runs.

mod needs_server {
    use std::{
        fs,
        path::{Path, PathBuf},
        time::{Duration, Instant},
    };

    use futures_util::future::join_all;
    use mongowatch::{
        Comment, Field, Outcome, Privacy, Settings, WatchMessage, WatcherName,
        bson::{Document, doc},
        filter::{Draft, FieldPath, RateSettings, StepSettings, Verdict},
        layer::{ConsoleSettings, CsvSettings, JsonSettings, LayerSettings, Versions},
    };

    use crate::scene::Scene;

    fn csv(path: &Path) -> CsvSettings {
        CsvSettings::new(path)
    }

    fn settings(layers: Vec<LayerSettings>) -> Settings {
        let mut settings = Settings::default();
        settings.layers = layers;
        settings
    }

    /// The rows of a CSV file, without its header.
    fn rows(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().skip(1).map(str::to_owned).collect()
    }

    fn changes(scene: &Scene) -> Vec<WatchMessage> {
        let records = scene.seen.records().into_iter();
        records.filter(|record| record.watcher == WatcherName::Watcher).collect()
    }

    /// Waits for what another thread will do, a minute at most.
    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_record_is_lost_or_written_twice_while_the_layers_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = |n: usize| directory.path().join(format!("{n}.csv"));
        let scene =
            Scene::with("reload", |builder| builder.layer(LayerSettings::Csv(csv(&file(0)))));
        let db = scene.db().await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let things = db.collection::<Document>("things");
                tokio::spawn(async move {
                    for _ in 0..100 {
                        things.insert_one(doc! {}).await.unwrap();
                    }
                })
            })
            .collect();
        let mut n_reloads = 0;
        while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
            n_reloads += 1;
            let layer = LayerSettings::Csv(csv(&file(n_reloads % 3)));
            scene.watcher.reload(settings(vec![layer])).await.unwrap();
            let stats = scene.watcher.stats();
            assert_eq!(stats.routes.len(), 2, "{stats:#?}");
        }
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        assert!(n_reloads > 2, "{n_reloads}");
        let (records, stats) = scene.finish_with_stats().await;
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(stats.operations, 800 + n_reloads as u64);
        let mut all: Vec<_> = (0..3).flat_map(|n| rows(&file(n))).collect();
        all.sort_unstable();
        let n_rows = all.len();
        all.dedup();
        assert_eq!((n_rows, all.len()), (800 + n_reloads, 800 + n_reloads));
        assert_eq!(records.len(), 800 + n_reloads);
    }

    #[tokio::test]
    async fn a_layer_that_stays_the_same_keeps_its_counts_and_a_new_one_begins() {
        let directory = tempfile::tempdir().unwrap();
        let [kept, gone, new] = ["kept", "gone", "new"].map(|name| directory.path().join(name));
        let named = |path: &PathBuf, name: &str| {
            let mut csv = csv(path);
            csv.name = Some(name.to_owned());
            LayerSettings::Csv(csv)
        };
        let scene = Scene::with("kept", |builder| {
            builder.layer(named(&kept, "kept")).layer(named(&gone, "gone"))
        });
        let things = scene.db().await.collection::<Document>("things");
        things.insert_one(doc! {}).await.unwrap();
        let next = settings(vec![named(&new, "new"), named(&kept, "kept")]);
        scene.watcher.reload(next).await.unwrap();
        things.insert_one(doc! {}).await.unwrap();
        scene.watcher.flush().await.unwrap();
        let stats = scene.watcher.stats();
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(stats.route("gone"), None);
        assert_eq!(stats.route("kept").unwrap().before, 0);
        // Two operations in two versions each, and the record of the change.
        assert_eq!(stats.emitted, 5);
        assert_eq!(stats.route("new").unwrap().before, 2);
        let counts = [&kept, &gone, &new].map(|path| rows(path).len());
        assert_eq!(counts, [3, 1, 2]);
        let change = &changes(&scene)[0];
        assert_eq!(change.operation, "audit_configure");
        assert_eq!(change.outcome, Some(Outcome::Ok));
        let extra = change.extra.as_deref().unwrap();
        assert_eq!(extra.get_str("AskedBy").unwrap(), "call");
        assert_ne!(extra.get_str("From").unwrap(), extra.get_str("To").unwrap());
    }

    #[tokio::test]
    async fn settings_that_cannot_be_used_change_nothing_and_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let scene = Scene::with("refused", |builder| builder.layer(LayerSettings::Csv(csv(&path))));
        let things = scene.db().await.collection::<Document>("things");
        let new = LayerSettings::Csv(csv(&directory.path().join("new.csv")));
        // A directory is no file.
        let no_file = LayerSettings::Csv(csv(directory.path()));
        let mut other_buffer = settings(vec![new.clone()]);
        other_buffer.buffer = 7;
        let mut full = csv(&directory.path().join("full.csv"));
        full.privacy = Some(Privacy::Full);
        let mut milder = settings(vec![LayerSettings::Csv(full)]);
        milder.privacy = Privacy::Masked;
        let mut rate = csv(&directory.path().join("rate.csv"));
        let mut step = RateSettings::default();
        step.max_keys = 0;
        rate.steps = vec![StepSettings::Rate(step)];
        for (settings, expected) in [
            (settings(vec![new.clone(), no_file]), "could not open"),
            (other_buffer, "buffer cannot change while the watcher runs"),
            (milder, "csv: `privacy` is `full`, which is milder than `masked`"),
            (settings(vec![new.clone(), new]), "another layer writes to"),
            (settings(vec![LayerSettings::Csv(rate)]), "csv.steps[0].rate.max_keys: expected"),
        ] {
            let error = scene.watcher.reload(settings).await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            things.insert_one(doc! {}).await.unwrap();
        }
        scene.watcher.flush().await.unwrap();
        assert_eq!(rows(&path).len(), 10);
        let refused = changes(&scene);
        assert_eq!(refused.len(), 5);
        assert!(refused.iter().all(|record| record.outcome == Some(Outcome::Error)));
        let error = refused[1].error.as_deref().unwrap();
        assert_eq!(error.message.as_deref(), Some("buffer cannot change while the watcher runs"));
        let stats = scene.watcher.stats();
        assert!(stats.is_balanced(), "{stats:#?}");
    }

    #[tokio::test]
    async fn what_the_context_must_say_changes_for_clients_that_are_there() {
        let scene = Scene::new("rules");
        let things = scene.db().await.collection::<Document>("things");
        things.insert_one(doc! {}).await.unwrap();
        let mut next = Settings::default();
        next.comment = Comment::WatchId;
        next.require_context = vec![
            serde_json::from_value(serde_json::json!({
                "namespace": "*", "fields": ["actor"], "otherwise": "refuse"
            }))
            .unwrap(),
        ];
        scene.watcher.reload(next).await.unwrap();
        let error = things.insert_one(doc! {}).await.unwrap_err();
        assert!(mongowatch::is_refused(&error), "{error}");
        scene.watcher.reload(Settings::default()).await.unwrap();
        things.insert_one(doc! {}).await.unwrap();
    }

    #[tokio::test]
    async fn a_step_that_drops_is_counted_by_its_name_and_a_rate_is_told_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let (rates, every) = (directory.path().join("rates"), directory.path().join("every"));
        let mut layer = csv(&rates);
        let mut rate = RateSettings::default();
        rate.every = Duration::from_secs(3_600);
        rate.originals = mongowatch::filter::Originals::Drop;
        layer.steps = vec![StepSettings::Rate(rate)];
        layer.columns = mongowatch::layer::Columns::Fields(vec![
            Field::WatcherName,
            Field::Operation,
            Field::InsertedCount,
        ]);
        let mut all = csv(&every);
        all.name = Some("every".into());
        all.versions = Versions::All;
        all.steps = vec![StepSettings::Filter("third".into())];
        let scene = Scene::with("steps", |builder| {
            let third = || {
                let mut n = 0;
                Box::new(Third(Box::new(move || {
                    n += 1;
                    n % 3 == 1
                }))) as Box<dyn mongowatch::filter::Filter>
            };
            builder
                .filter("third", third)
                .layer(LayerSettings::Csv(layer))
                .layer(LayerSettings::Csv(all))
        });
        let things = scene.db().await.collection::<Document>("things");
        for _ in 0..6 {
            things.insert_many([doc! {}, doc! {}]).await.unwrap();
        }
        let (_, stats) = scene.finish_with_stats().await;
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(rows(&rates), ["mongowatch.rate,insert_many,12"]);
        let route = stats.route("csv").unwrap();
        assert_eq!((route.made, route.filtered, route.written), (1, 6, 1));
        assert_eq!(route.filtered_by[0].name, "1-rate");
        assert_eq!(route.filtered_by[0].filtered, 6);
        let route = stats.route("every").unwrap();
        assert_eq!((route.filtered_by[0].filtered, route.written), (8, 4));
    }

    fn named(name: &str) -> Vec<StepSettings> {
        vec![StepSettings::Filter(name.into())]
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reload_that_was_given_up_does_not_happen_later() {
        let directory = tempfile::tempdir().unwrap();
        let [before, after] = ["before", "after"].map(|name| directory.path().join(name));
        let mut held = csv(&before);
        held.steps = named("held");
        let (hold, released) = crossbeam_channel::bounded::<()>(0);
        let scene = Scene::with("given_up", |builder| {
            builder
                .filter("held", move || {
                    let released = released.clone();
                    // Until the other end is dropped.
                    Box::new(move |_: &mut Draft| {
                        let _ = released.recv();
                        Verdict::Pass
                    })
                })
                .layer(LayerSettings::Csv(held))
                .shutdown_timeout(Duration::from_millis(300))
        });
        let things = scene.db().await.collection::<Document>("things");
        things.insert_one(doc! {}).await.unwrap();
        let next = settings(vec![LayerSettings::Csv(csv(&after))]);
        let error = scene.watcher.reload(next.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "the queue thread does not answer");
        drop(hold);
        things.insert_one(doc! {}).await.unwrap();
        scene.watcher.flush().await.unwrap();
        assert!(!after.exists());
        assert_eq!(changes(&scene).len(), 1);
        // Two inserts and the record of the refusal.
        assert_eq!(rows(&before).len(), 3);
        scene.watcher.reload(next).await.unwrap();
        assert!(after.exists());
        let (_, stats) = scene.finish_with_stats().await;
        assert!(stats.is_balanced(), "{stats:#?}");
    }

    #[tokio::test]
    async fn what_was_summed_up_is_told_before_a_stricter_policy_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rates.json");
        let mut rate = RateSettings::default();
        rate.every = Duration::from_secs(3_600);
        rate.by = "Filter.email".parse::<FieldPath>().unwrap().into();
        rate.originals = mongowatch::filter::Originals::Drop;
        let mut json = JsonSettings::to_file(&path);
        json.steps = vec![StepSettings::Rate(rate)];
        let layers = vec![LayerSettings::Json(json)];
        let scene = Scene::with("stricter", |builder| builder.layer(layers[0].clone()));
        let things = scene.db().await.collection::<Document>("things");
        let find = async |email: &str| {
            things.find_one(doc! { "email": email }).await.unwrap();
            scene.watcher.flush().await.unwrap();
        };
        find("ada@example.com").await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        let mut stricter = settings(layers);
        stricter.privacy = Privacy::Shape;
        scene.watcher.reload(stricter).await.unwrap();
        let told = || fs::read_to_string(&path).unwrap().matches("ada@example.com").count();
        assert_eq!(told(), 1);
        find("ada@example.com").await;
        let (_, stats) = scene.finish_with_stats().await;
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(told(), 1);
        let route = stats.route("json").unwrap();
        // One of each policy; the record of the change passes as it is.
        assert_eq!((route.made, route.filtered), (2, 2));
    }

    #[tokio::test]
    async fn a_filter_that_cannot_be_made_in_a_reload_leaves_all_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let [before, after] = ["before", "after"].map(|name| directory.path().join(name));
        let scene = Scene::with("unmade", |builder| {
            let layer = LayerSettings::Csv(csv(&before));
            builder.layer(layer).filter("broken", || panic!("this filter is never made"))
        });
        let things = scene.db().await.collection::<Document>("things");
        let mut broken = csv(&after);
        broken.steps = named("broken");
        let next = settings(vec![LayerSettings::Csv(broken)]);
        let error = scene.watcher.reload(next).await.unwrap_err();
        assert_eq!(error.to_string(), "a filter of the application panicked");
        things.insert_one(doc! {}).await.unwrap();
        let (_, stats) = scene.finish_with_stats().await;
        assert!(stats.is_balanced(), "{stats:#?}");
        assert!(!after.exists());
        // The refusal and the insert.
        assert_eq!(rows(&before).len(), 2);
    }

    /// A watcher made from a file that says its privacy and that of code, and what happens at a reload.
    #[cfg(feature = "yaml")]
    async fn reloaded(name: &str, of_file: &str, of_code: Privacy) -> [String; 2] {
        let directory = tempfile::tempdir().unwrap();
        let [file, rates] = ["audit.yaml", "rates.json"].map(|name| directory.path().join(name));
        let write = |more: &str| {
            let yaml = format!(
                "reload: [file]\nprivacy: {of_file}\nlayers:\n- json:\n    path: {}\n    steps:\n    - \
                 rate: {{every: 1h, by: Filter.email, originals: drop}}\n{more}",
                rates.display()
            );
            fs::write(&file, yaml).unwrap();
        };
        write("");
        let builder = mongowatch::WatcherBuilder::from_yaml_file(&file).unwrap();
        let scene = Scene::of(name, builder.privacy(of_code));
        let things = scene.db().await.collection::<Document>("things");
        let find = async || {
            things.find_one(doc! { "email": "ada@example.com" }).await.unwrap();
            scene.watcher.flush().await.unwrap();
            format!("{:?}", scene.seen.records().last().unwrap().filter)
        };
        find().await;
        write("# changed\n");
        until("the reload", || changes(&scene).len() == 1);
        assert_eq!(changes(&scene)[0].outcome, Some(Outcome::Ok));
        let told = fs::read_to_string(&rates).unwrap();
        let after = find().await;
        assert!(scene.finish_with_stats().await.1.is_balanced());
        [told, after]
    }

    #[cfg(feature = "yaml")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_does_not_make_milder_what_code_made_stricter() {
        let [told, after] = reloaded("code_stricter", "full", Privacy::Masked).await;
        assert_eq!(told.matches('\n').count(), 1, "the record of the change alone: {told}");
        assert!(!told.contains("ada@") && !after.contains("ada@"), "{told} {after}");
        // The other way round, what was summed up so far is told before the file's policy counts.
        let [told, after] = reloaded("file_stricter", "masked", Privacy::Full).await;
        assert!(told.contains("ada@example.com"), "{told}");
        assert!(!after.contains("ada@"), "{after}");
    }

    struct Third(Box<dyn FnMut() -> bool + Send>);

    impl mongowatch::filter::Filter for Third {
        fn apply(&mut self, _: &mut mongowatch::filter::Draft) -> mongowatch::filter::Verdict {
            mongowatch::filter::Verdict::pass_if((self.0)())
        }
    }

    #[test]
    fn reload_without_a_file_is_refused() {
        let mut settings = Settings::default();
        settings.reload = vec![mongowatch::pipeline::ReloadOn::File];
        settings.layers = vec![LayerSettings::Console(ConsoleSettings::default())];
        let error = mongowatch::Watcher::with_settings(settings).start().unwrap_err();
        assert_eq!(
            error.to_string(),
            "reload: settings that did not come from a file cannot be read again"
        );
    }

    #[cfg(feature = "yaml")]
    #[tokio::test]
    async fn a_file_is_read_again_when_it_changes_and_at_sighup() {
        use mongowatch::WatcherBuilder;

        use crate::scene::Seen;

        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("audit.yaml");
        let write = |name: &str, reload: &str| {
            let path = directory.path().join(name);
            let yaml = format!("reload: {reload}\nlayers:\n- csv:\n    path: {}\n", path.display());
            fs::write(&file, yaml).unwrap();
        };
        write("a.csv", "[file, sighup]");
        let seen = Seen::default();
        let builder = WatcherBuilder::from_yaml_file(&file).unwrap();
        let watcher = builder.foreign_layer("seen", seen.clone()).start().unwrap();
        let changes = |outcome: Outcome| {
            let told = |record: &&WatchMessage| record.outcome == Some(outcome);
            seen.records().iter().filter(told).count()
        };

        write("b.csv", "[file, sighup]");
        until("the change of the file", || directory.path().join("b.csv").exists());
        until("the record of it", || changes(Outcome::Ok) == 1);

        fs::write(&file, "reload: [file, sighup]\nlayers:\n- cvs: {}\n").unwrap();
        until("the refusal", || changes(Outcome::Error) == 1);
        let refused = seen.records().into_iter().last().unwrap();
        let message = refused.error.as_deref().unwrap().message.clone().unwrap();
        assert!(message.contains("unknown key `cvs`"), "{message}");
        assert!(message.contains(":3:3:"), "{message}");
        assert_eq!(watcher.stats().routes.len(), 2);

        // As it stands it is refused again, now because of the signal.
        #[cfg(unix)]
        {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)
                .unwrap();
            until("the signal", || changes(Outcome::Error) == 2);
            let refused = seen.records().into_iter().last().unwrap();
            let extra = refused.extra.clone().unwrap();
            assert!(extra.get_str("AskedBy").unwrap().starts_with("SIGHUP: "), "{extra}");
        }
        let stats = watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
    }
}
