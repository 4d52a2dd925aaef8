//! Runs MongoDB's own tests, in the unified test format, over the driver and over the mirror.
//!
//! Each test runs on the bare driver first, so that a failure is known to be ours or not, and then
//! through the mirror in each capture mode. Through the mirror it is audited too: the records that
//! it leaves must be those of its operations, and none besides.
//!
//! The files are all `*.json` below `MONGOWATCH_SPEC_DIR` (`../shared/spec` by default). Arguments
//! are parts of names: only tests whose file or description has one of them are run.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod arguments;
mod audit;
mod bare;
mod deviations;
mod events;
mod failure;
mod file;
mod host;
mod ledger;
mod matching;
#[allow(clippy::duplicate_mod, reason = "the same operations over the driver and the mirror")]
mod mirror;
mod report;
mod requirements;
#[path = "../support/scene.rs"]
mod scene;
mod self_check;
mod serial;
#[path = "../support/server.rs"]
mod server;
mod trial;
mod verdict;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use self::{
    audit::Mode,
    file::{Test, TestFile},
    host::Host,
    report::Report,
    verdict::Stop,
};

/// A test that takes longer hangs.
const TEST_WITHIN: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    let wanted = Wanted::from_arguments(env::args().skip(1));
    let mut report = Report::default();
    if let Err(why) = self_check::run() {
        report.fail("the audit", "reports what is wrong", "self-check", &why);
        return report.close();
    }
    let (folder, is_named) = folder();
    let shown = folder.display().to_string();
    let paths = files_below(&folder);
    if paths.is_empty() {
        if is_named || folder.exists() {
            let why = "there is no such folder, or no test in it: see MONGOWATCH_SPEC_DIR";
            report.fail(&shown, "*", "all", why);
        } else {
            let why = "there is no such folder; MONGOWATCH_SPEC_DIR names another";
            report.skip(&shown, "*", why);
        }
        return report.close();
    }
    if wanted.without_server {
        report.skip(&shown, "*", "it needs the server");
        return report.close();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let server = server::Server::shared();
    local.block_on(&runtime, async {
        let host = Rc::new(Host::reach(server.uri()).await.unwrap());
        for path in paths {
            let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
            run_file(&host, &path, &name, &wanted, &mut report).await;
        }
    });
    report.close()
}

/// What of the tests is to be run.
#[derive(Default)]
struct Wanted {
    parts: Vec<String>,
    without_server: bool,
}

impl Wanted {
    /// Reads the arguments that `cargo test` passes to all of its targets.
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Self {
        const WITH_VALUE: &[&str] = &[
            "--skip",
            "--test-threads",
            "--color",
            "--format",
            "--logfile",
            "--shuffle-seed",
            "-Z",
        ];
        let mut wanted = Self::default();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            if argument == "--skip" && arguments.peek().is_some_and(|part| part == "needs_server") {
                wanted.without_server = true;
            }
            if WITH_VALUE.contains(&argument.as_str()) {
                arguments.next();
            } else if !argument.starts_with('-') {
                wanted.parts.push(argument);
            }
        }
        wanted
    }

    fn has(&self, file: &str, test: &Test) -> bool {
        let is_named = |part: &String| file.contains(part) || test.description.contains(part);
        self.parts.is_empty() || self.parts.iter().any(is_named)
    }
}

/// The folder of the tests, and whether it was named: only the default one may be absent.
fn folder() -> (PathBuf, bool) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match env::var_os("MONGOWATCH_SPEC_DIR") {
        // Joined, it would be the crate's own folder.
        Some(folder) if folder.is_empty() => (PathBuf::new(), true),
        Some(folder) => (here.join(folder), true),
        None => (here.join("../shared/spec"), false),
    }
}

/// The JSON files below a folder, in the order of their paths.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

async fn run_file(host: &Rc<Host>, path: &Path, name: &str, wanted: &Wanted, report: &mut Report) {
    if is_below(name, "invalid") {
        let why = "a test of the format's JSON schema, which this runner does not apply";
        return report.skip(name, "*", why);
    }
    let file = match TestFile::read(path) {
        Ok(Some(file)) => Rc::new(file),
        Ok(None) => return report.skip(name, "*", "it is not in the unified test format"),
        Err(_) if must_fail(name) => return report.pass(),
        Err(why) => {
            return report.fail(name, "*", "all", &format!("the file cannot be read: {why}"));
        }
    };
    for (index, test) in file.tests.iter().enumerate() {
        if wanted.has(name, test) {
            run_test(host, &file, index, name, report).await;
        }
    }
}

async fn run_test(
    host: &Rc<Host>,
    file: &Rc<TestFile>,
    index: usize,
    name: &str,
    report: &mut Report,
) {
    let test = &file.tests[index];
    let description = &test.description;
    let reason = why_not(host, file, test);
    if let Some(reason) = reason {
        report.skip(name, description, &reason);
        return;
    }
    if test.has_log_messages() {
        report.note(name, description, "what the driver logs is not compared");
    }
    match run_in(host, file, index, Mode::Bare).await {
        Ok(()) if must_fail(name) => {
            return report.fail(name, description, "bare", "it passes, and must not");
        }
        Err(Stop::Fail(_)) if must_fail(name) => return report.pass(),
        Ok(()) => {}
        Err(Stop::Skip(reason)) => return report.skip(name, description, &reason),
        Err(Stop::Fail(why)) => {
            return match deviations::known(name, description, &why) {
                Some(reason) => {
                    report.skip(name, description, &format!("the driver deviates: {reason}"));
                }
                None => report.fail(name, description, "bare driver too", &why),
            };
        }
    }
    let mut failures = Vec::new();
    for mode in Mode::MIRRORED {
        match run_in(host, file, index, *mode).await {
            Ok(()) => {}
            Err(Stop::Skip(reason)) => {
                failures.push((mode, format!("the bare driver can, the mirror cannot: {reason}")));
            }
            Err(Stop::Fail(why)) => failures.push((mode, why)),
        }
    }
    if failures.is_empty() {
        report.pass();
    } else {
        report.fail_in_modes(name, description, &failures);
    }
}

fn is_below(name: &str, folder: &str) -> bool {
    Path::new(name).iter().any(|part| part == folder)
}

/// Is it one of the format's own tests of runners, which no runner may let pass?
fn must_fail(name: &str) -> bool {
    is_below(name, "valid-fail")
}

/// Why a test is not run, as far as that is known before.
fn why_not(host: &Host, file: &TestFile, test: &Test) -> Option<String> {
    if let Some(reason) = &test.skip_reason {
        return Some(format!("the test says: {reason}"));
    }
    let lacks = |requirements| host.deployment.lacks(requirements);
    file.unknown_version()
        .or_else(|| lacks(file.run_on_requirements.as_ref()))
        .or_else(|| lacks(test.run_on_requirements.as_ref()))
        .or_else(|| {
            let is_timed = test.sets_timeout() || file.sets_timeout();
            (test.expects_timeout() && is_timed)
                .then(|| "the driver has no timeouts of operations".to_owned())
        })
}

/// Runs a test in one mode, in a task of its own: a panic ends the test alone.
async fn run_in(
    host: &Rc<Host>,
    file: &Rc<TestFile>,
    index: usize,
    mode: Mode,
) -> Result<(), Stop> {
    let (host, file) = (Rc::clone(host), Rc::clone(file));
    let task = tokio::task::spawn_local(async move {
        let test = &file.tests[index];
        match mode {
            Mode::Bare => {
                let ledger = Arc::default();
                bare::trial::run(&host, (), &file, test, &ledger).await
            }
            Mode::Mirror(capture) => audit::run(&host, &file, test, capture).await,
        }
    });
    let abort = task.abort_handle();
    match tokio::time::timeout(TEST_WITHIN, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(Stop::Fail(format!("it does not end well: {error}"))),
        Err(_) => {
            abort.abort();
            Err(Stop::Fail(format!("it does not end within {TEST_WITHIN:?}")))
        }
    }
}
