//! Keeps the house as ARCHITECTURE.md draws it: which room may import which, and what stays out of where.
//!
//! It reads the source as tokens, not as lines, so that comments, strings and nested `use` lists neither hide
//! an import nor fake one. It does not expand macros and does not resolve re-exports.

use std::{
    fs,
    path::{Path, PathBuf},
};

use expect_test::{Expect, expect};

/// The rooms of `src/`, each with the rooms it may import. All may import `watch_error`, and nobody `cli`.
///
/// A new arrow is a decision: change it here, and write down why in `docs/decisions/`.
const ARROWS: &[(&str, &[&str])] = &[
    ("watch_error", &[]),
    ("record", &[]),
    ("context", &["record"]),
    ("format", &["record"]),
    ("filter", &["record", "format"]),
    ("queue", &["record"]),
    ("layer", &["record", "context", "format", "filter"]),
    ("trail", &["record", "format"]),
    ("pipeline", &["record", "filter", "queue", "layer", "trail"]),
    // `config`, for the watcher of the process: docs/decisions/0009-drop-in.md.
    ("driver", &["record", "context", "pipeline", "config"]),
    // Not `driver`: what to capture is a setting of the pipeline, which the driver reads.
    ("config", &["record", "format", "filter", "queue", "layer", "trail", "pipeline"]),
    ("cli", &["record", "format", "filter", "trail", "config"]),
];

/// May import every room: it only re-exports.
const ROOT: &str = "lib";

/// What an application holds to reach a server. Only `driver` may hold it too.
const CLIENT_ROOM: &str = "driver";
const CLIENT_NAMES: &[&str] = &[
    "Client",
    "ClientSession",
    "Collection",
    "Cursor",
    "Database",
    "SessionCursor",
    "action",
    "change_stream",
    "gridfs",
    "sync",
];

/// Rooms without clock, thread and async: what they do depends on their arguments alone. Their tests may.
const PURE_ROOMS: &[&str] = &["record", "format", "filter", "queue"];
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["std", "thread"],
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["Timestamp", "now"],
    &["Uuid", "now_v7"],
];
const IMPURE_FILES: &[(&str, &str)] = &[
    ("src/record/time.rs", "the one place that reads the clock"),
    ("src/filter/script/clock.rs", "how long a script runs cannot be an argument: decision 0011"),
    ("src/record/id.rs", "a new id carries the time at which it is made"),
];

#[test]
fn rooms_import_along_the_arrows_only() {
    assert_tidy(&["src"], arrows);
}

#[test]
fn client_types_of_the_driver_stay_in_one_room() {
    assert_tidy(&["src"], client_types);
}

#[test]
fn pure_rooms_have_no_clock_no_thread_and_no_async() {
    assert_tidy(&["src"], purity);
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_tidy(&["src", "tests", "examples", "benches"], door_sign);
}

#[test]
fn nothing_is_switched_off_or_left_to_do() {
    assert_tidy(&["src", "tests", "examples", "benches"], unfinished);
}

#[test]
fn arrows_follow_every_way_to_name_a_room() {
    check(
        arrows,
        "src/queue/heap.rs",
        "//! Sign.
use crate::{
    watch_error::Error,
    record::{self, WatchId},
    pipeline::{Books, route::Route},
};
use super::super::layer::{csv};
use {crate::config, std::fmt};
fn f() -> crate::driver::Client { super::state::g(); self::h(); super::super::format::i() }
macro_rules! m { () => { $crate::cli::run() } }
mod inner { use super::super::Queue; use super::super::super::context::Actor; }
pub(crate) mod j {}
",
        expect![[r#"
            src/queue/heap.rs:5: `queue` must not import `pipeline`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:7: `queue` must not import `layer`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:8: `queue` must not import `config`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:9: `queue` must not import `driver`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:9: `queue` must not import `format`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:10: `queue` must not import `cli`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
            src/queue/heap.rs:11: `queue` must not import `context`, only `watch_error` and `record`; move the code, or decide on a new arrow (ARROWS in tests/tidy.rs, docs/decisions/)
        "#]],
    );
}

#[test]
fn arrows_do_not_see_comments_strings_and_other_crates() {
    check(
        arrows,
        "src/record/mod.rs",
        r####"//! crate::cli
/* crate::cli /* crate::cli */ crate::cli */
use std::{fmt, path};
use mongodb::bson::doc;
use self::{field::Field, id::WatchId};
const A: &str = "crate::cli \" crate::cli";
const B: &str = r#"" crate::cli"#;
const C: (char, &[u8], char) = ('"', b"crate::cli", '\'');
fn f<'a>(x: &'a str) -> fmt::Result { queue::pipeline(x) }
mod tests { use super::*; }
"####,
        expect![""],
    );
}

#[test]
fn arrows_lead_to_rooms_not_through_the_root() {
    check(
        arrows,
        "src/layer/csv.rs",
        "//! Sign.
use crate::WatchMessage;
use crate::*;
use super::super::{WatchId, record::Field};
",
        expect![[r#"
            src/layer/csv.rs:2: `layer` imports `WatchMessage` through the crate root; name the room it comes from
            src/layer/csv.rs:3: `layer` imports `*` through the crate root; name the room it comes from
            src/layer/csv.rs:4: `layer` imports `WatchId` through the crate root; name the room it comes from
        "#]],
    );
}

#[test]
fn arrows_know_every_room_and_spare_the_root() {
    check(
        arrows,
        "src/attic/mod.rs",
        "//! Sign.\n",
        expect![[r#"
            src/attic/mod.rs:1: `attic` is no room; give it its place in ARROWS in tests/tidy.rs
        "#]],
    );
    check(arrows, "src/lib.rs", "//! Sign.\npub use crate::{cli, driver::Client};\n", expect![""]);
    check(
        arrows,
        "src/watch_error.rs",
        "//! Sign.\nuse crate::watch_error::Result;\n",
        expect![""],
    );
    check(
        arrows,
        "src/main.rs",
        "//! Sign.\nuse mongowatch::{cli::run, record};\n",
        expect![[r#"
            src/main.rs:2: the program must not use `mongowatch::record`, only `mongowatch::cli`
        "#]],
    );
}

#[test]
fn client_types_are_seen_outside_of_their_room() {
    let source = "//! Sign.
use mongodb::{Client, bson::Document, options::{ClientOptions, FindOptions}};
fn f(_: mongodb::Collection<Document>) -> mongodb::error::Result<()> { todo() }
use mongodb::*;
";
    check(
        client_types,
        "src/pipeline/mod.rs",
        source,
        expect![[r#"
            src/pipeline/mod.rs:2: `mongodb::Client` is for `driver` only; pass what is needed of it instead
            src/pipeline/mod.rs:3: `mongodb::Collection` is for `driver` only; pass what is needed of it instead
            src/pipeline/mod.rs:4: `mongodb::*` is for `driver` only; pass what is needed of it instead
        "#]],
    );
    check(client_types, "src/driver/client.rs", source, expect![""]);
    check(client_types, "src/lib.rs", source, expect![""]);
}

#[test]
fn clocks_threads_and_async_are_seen_in_pure_rooms() {
    let source = "//! Sign.
use std::{fmt, thread, time::{Duration, Instant}};
async fn f() { tokio::task::yield_now().await; Instant::now(); std::time::SystemTime::now(); }
fn g(now: Instant, instant: fn() -> Instant) { h(instant::now(), Timestamp::from_micros(0)) }
";
    check(
        purity,
        "src/queue/state.rs",
        source,
        expect![[r#"
            src/queue/state.rs:2: `queue` must not use `std::thread`; take what it gives as an argument
            src/queue/state.rs:3: `queue` must not use `tokio`; take what it gives as an argument
            src/queue/state.rs:3: `queue` must not use `Instant::now`; take what it gives as an argument
            src/queue/state.rs:3: `queue` must not use `SystemTime::now`; take what it gives as an argument
        "#]],
    );
    check(purity, "src/queue/tests.rs", source, expect![""]);
    check(purity, "src/record/time.rs", source, expect![""]);
    check(purity, "src/pipeline/worker.rs", source, expect![""]);
}

#[test]
fn missing_door_signs_are_seen() {
    check(
        door_sign,
        "src/queue/heap.rs",
        "use std::fmt;\n//! Too late.\n",
        expect![[r#"
            src/queue/heap.rs:1: begin the file with `//!` and one sentence on what it is for
        "#]],
    );
    check(door_sign, "src/queue/heap.rs", "//! A heap.\n", expect![""]);
    check(door_sign, "src/queue/tests.rs", "use super::*;\n", expect![""]);
}

#[test]
fn switched_off_tests_and_gaps_are_seen() {
    check(
        unfinished,
        "tests/it/queue.rs",
        "//! Sign.
#[test] #[ignore = \"slow\"] fn f() { todo!(\"later\") }
#[cfg_attr(miri, ignore)] fn g() { unimplemented!() }
fn ignore() { let todo = !ignore; } // todo!() #[ignore]
",
        expect![[r#"
            tests/it/queue.rs:2: no `#[ignore]`: assert what happens today, with a FIXME
            tests/it/queue.rs:2: no `todo!`: do it, or leave it out
            tests/it/queue.rs:3: no `#[ignore]`: assert what happens today, with a FIXME
            tests/it/queue.rs:3: no `unimplemented!`: do it, or leave it out
        "#]],
    );
}

/// What is wrong in one line, and what to do about it.
struct Complaint {
    line: usize,
    what: String,
}

type Rule = fn(&Source) -> Vec<Complaint>;

/// A source file, read far enough for the rules.
struct Source {
    /// From the root of the package, with `/`.
    path: String,
    begins_with_door_sign: bool,
    tokens: Vec<Token>,
    uses: Vec<Use>,
}

#[derive(Debug, PartialEq)]
struct Token {
    line: usize,
    /// An identifier, `::`, or one other character. Literals and comments are left out.
    text: String,
}

/// A path with `::` in it, in a `use` or anywhere else; each leaf of a nested list is one.
#[derive(Clone)]
struct Use {
    line: usize,
    segments: Vec<String>,
    /// How many inline modules are around it.
    depth: usize,
}

fn arrows(source: &Source) -> Vec<Complaint> {
    let room = source.room();
    if room == ROOT {
        return Vec::new();
    }
    if room == "main" {
        return source.complain(|used| match used.segments.as_slice() {
            [first, room, ..] if first == "mongowatch" && room != "cli" => Some(format!(
                "the program must not use `mongowatch::{room}`, only `mongowatch::cli`"
            )),
            _ => None,
        });
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        let what = format!("`{room}` is no room; give it its place in ARROWS in tests/tidy.rs");
        return vec![Complaint { line: 1, what }];
    };
    source.complain(|used| {
        let target = source.name_at_root(used)?;
        if target == room || target == "watch_error" || allowed.contains(&target) {
            return None;
        }
        if !ARROWS.iter().any(|(name, _)| *name == target) {
            return Some(format!(
                "`{room}` imports `{target}` through the crate root; name the room it comes from"
            ));
        }
        let allowed: Vec<String> =
            ["watch_error"].iter().chain(*allowed).map(|name| format!("`{name}`")).collect();
        Some(format!(
            "`{room}` must not import `{target}`, only {}; move the code, or decide on a new arrow \
             (ARROWS in tests/tidy.rs, docs/decisions/)",
            allowed.join(" and ")
        ))
    })
}

fn client_types(source: &Source) -> Vec<Complaint> {
    if [CLIENT_ROOM, ROOT].contains(&source.room()) {
        return Vec::new();
    }
    source.complain(|used| match used.segments.as_slice() {
        [first, name, ..]
            if first == "mongodb" && (name == "*" || CLIENT_NAMES.contains(&name.as_str())) =>
        {
            Some(format!(
                "`mongodb::{name}` is for `{CLIENT_ROOM}` only; pass what is needed of it instead"
            ))
        }
        _ => None,
    })
}

fn purity(source: &Source) -> Vec<Complaint> {
    let is_excepted = IMPURE_FILES.iter().any(|(path, _)| *path == source.path);
    if !PURE_ROOMS.contains(&source.room()) || is_excepted || source.is_tests() {
        return Vec::new();
    }
    source.complain(|used| {
        let impure = IMPURE.iter().find(|impure| match impure {
            // A crate, which begins a path; a local name in the middle of one is something else.
            [name] => used.segments.first().is_some_and(|first| first == name),
            names => used.segments.windows(names.len()).any(|window| window == **names),
        })?;
        Some(format!(
            "`{}` must not use `{}`; take what it gives as an argument",
            source.room(),
            impure.join("::")
        ))
    })
}

fn door_sign(source: &Source) -> Vec<Complaint> {
    // `tests.rs` and the folder `tests` are for the tests of the file that they stand beside.
    if source.begins_with_door_sign || source.is_tests() {
        return Vec::new();
    }
    let what = "begin the file with `//!` and one sentence on what it is for".to_owned();
    vec![Complaint { line: 1, what }]
}

fn unfinished(source: &Source) -> Vec<Complaint> {
    let around = |i: usize| {
        let at = |i: usize| source.tokens.get(i).map_or("", |token| token.text.as_str());
        (at(i.wrapping_sub(1)), at(i), at(i + 1))
    };
    (0..source.tokens.len())
        .filter_map(|i| {
            let what = match around(i) {
                (_, name @ ("todo" | "unimplemented"), "!") => {
                    format!("no `{name}!`: do it, or leave it out")
                }
                ("[", "ignore", "]" | "=") | (",", "ignore", ")") => {
                    "no `#[ignore]`: assert what happens today, with a FIXME".to_owned()
                }
                _ => return None,
            };
            Some(Complaint { line: source.tokens[i].line, what })
        })
        .collect()
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let tokens = tokens(text);
        Self {
            path: path.to_owned(),
            begins_with_door_sign: text.starts_with("//!"),
            uses: uses(&tokens),
            tokens,
        }
    }

    /// The first name below `src/`: a room, or a file at the root such as `lib`.
    fn room(&self) -> &str {
        self.modules().first().map_or("", |name| name)
    }

    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The names of the modules from the root of the crate to this file.
    fn modules(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.trim_end_matches("/mod").split('/').collect()
    }

    /// The name that a path takes from the root of the crate, if it goes there at all.
    fn name_at_root<'a>(&self, used: &'a Use) -> Option<&'a str> {
        let is_up = |name: &&String| *name == "super" || *name == "self";
        let first = used.segments.first()?;
        let n_before = match first.as_str() {
            "crate" => 1,
            "super" | "self" => {
                let up = used.segments.iter().take_while(is_up);
                let n_up = up.clone().filter(|name| *name == "super").count();
                if n_up < self.modules().len() + used.depth {
                    return None;
                }
                up.count()
            }
            _ => return None,
        };
        used.segments.get(n_before).map(String::as_str)
    }

    fn complain(&self, check: impl Fn(&Use) -> Option<String>) -> Vec<Complaint> {
        self.uses
            .iter()
            .filter_map(|used| Some(Complaint { line: used.line, what: check(used)? }))
            .collect()
    }
}

/// The tokens of Rust source that matter here.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut i = 0;
    while i < chars.len() {
        let begin = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => i = find(&chars, i, &['\n']),
            ('/', '*') => i = end_of_block_comment(&chars, i),
            ('"', _) => i = end_of_string(&chars, i),
            ('\'', '\\') => i = find(&chars, i + 3, &['\'']) + 1,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            // A lifetime: its name is none.
            ('\'', _) => i = (i + 1..).find(|&i| !is_name(at(i))).unwrap_or(i),
            (':', ':') => {
                tokens.push(Token { line, text: "::".to_owned() });
                i += 2;
            }
            (c, _) if is_name(c) => {
                i = (i..).find(|&i| !is_name(at(i))).unwrap_or(i);
                let name: String = chars[begin..i].iter().collect();
                match end_of_prefixed_string(&chars, &name, i) {
                    Some(end) => i = end,
                    None => tokens.push(Token { line, text: name }),
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(Token { line, text: c.to_string() });
                }
                i += 1;
            }
        }
        i = i.min(chars.len());
        line += chars[begin..i].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

/// Where `what` begins at or after `from`, or the end.
fn find(chars: &[char], from: usize, what: &[char]) -> usize {
    let found = chars.get(from..).and_then(|rest| rest.windows(what.len()).position(|w| w == what));
    found.map_or(chars.len(), |n| from + n)
}

fn end_of_block_comment(chars: &[char], begin: usize) -> usize {
    let mut depth = 0;
    let mut i = begin;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], begin: usize) -> usize {
    let mut i = begin + 1;
    while i < chars.len() {
        match chars[i] {
            '"' => return i + 1,
            '\\' => i += 2,
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of a string that begins with `b`, `r#` and the like, when the name before `i` is such a prefix.
fn end_of_prefixed_string(chars: &[char], prefix: &str, i: usize) -> Option<usize> {
    let n_hashes = chars[i..].iter().take_while(|&&c| c == '#').count();
    let quote = chars.get(i + n_hashes).copied();
    match (prefix, quote) {
        ("b" | "c", Some('"')) if n_hashes == 0 => Some(end_of_string(chars, i)),
        ("b", Some('\'')) if n_hashes == 0 => {
            let closing = if chars.get(i + 1) == Some(&'\\') { i + 3 } else { i + 2 };
            Some(find(chars, closing, &['\'']) + 1)
        }
        ("r" | "br" | "cr", Some('"')) => {
            let mut end = vec!['"'];
            end.extend(vec!['#'; n_hashes]);
            Some(find(chars, i + n_hashes + 1, &end) + end.len())
        }
        _ => None,
    }
}

/// All paths with more than one name.
fn uses(tokens: &[Token]) -> Vec<Use> {
    let at = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut uses = Vec::new();
    let mut braces = 0;
    let mut inline_modules = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match at(i) {
            "{" => {
                braces += 1;
                if i >= 2 && at(i - 2) == "mod" {
                    inline_modules.push(braces);
                }
            }
            "}" => {
                inline_modules.pop_if(|begin| *begin == braces);
                braces -= 1;
            }
            _ if is_name(at(i)) && at(i + 1) == "::" => {
                let start = Use { line: 0, segments: Vec::new(), depth: inline_modules.len() };
                i = read_tree(tokens, i, start, &mut uses);
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    uses
}

/// Reads one path, with the lists in it, from `i` on; returns where it ends.
fn read_tree(tokens: &[Token], mut i: usize, mut path: Use, uses: &mut Vec<Use>) -> usize {
    let at = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    loop {
        match at(i) {
            "{" => {
                i += 1;
                while i < tokens.len() && at(i) != "}" {
                    i = match at(i) {
                        name if is_name(name) || name == "*" || name == "{" => {
                            read_tree(tokens, i, path.clone(), uses)
                        }
                        _ => i + 1,
                    };
                }
                return i + 1;
            }
            name if is_name(name) || name == "*" => {
                path.line = tokens[i].line;
                path.segments.push(name.to_owned());
                i += 1;
            }
            // `::<` of a generic argument, whose own paths are read next.
            _ => break,
        }
        if at(i) != "::" {
            break;
        }
        i += 1;
    }
    // `a::b as c` in a list: the new name is no path of its own.
    if at(i) == "as" {
        i += 2;
    }
    uses.push(path);
    i
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[track_caller]
fn check(rule: Rule, path: &str, text: &str, expected: Expect) {
    expected.assert_eq(&complaints(rule, &Source::new(path, text)));
}

#[track_caller]
fn assert_tidy(folders: &[&str], rule: Rule) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files);
    }
    assert!(!files.is_empty(), "no source in {folders:?}");
    let found: String = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root).expect("files are below the root");
            let path = path.to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
            complaints(rule, &Source::new(&path, &text))
        })
        .collect();
    assert!(found.is_empty(), "\n{found}");
}

fn complaints(rule: Rule, source: &Source) -> String {
    let mut lines: Vec<String> = rule(source)
        .iter()
        .map(|complaint| format!("{}:{}: {}\n", source.path, complaint.line, complaint.what))
        .collect();
    // A list such as `{Books, route::Route}` names its room more than once.
    lines.dedup();
    lines.concat()
}

/// All Rust files below a folder, in order; none when there is no such folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
