//! What the driver has, and how it is here: `docs/parity.md` is written by this test, out of the
//! driver's source and our own (`UPDATE_EXPECT=1 cargo test --test parity`). It needs no server.

mod compare;
mod document;
mod exceptions;
mod expand;
mod features;
mod locate;
mod members;
mod paths;
mod source;

use std::{collections::BTreeSet, fs, path::Path};

use compare::{Comparison, Exception, Of, compare};
use exceptions::EXCEPTIONS;
use expect_test::{expect, expect_file};
use members::members;
use source::{Source, Target};

const HOME: &str = env!("CARGO_MANIFEST_DIR");

fn ours(path: &str) -> String {
    fs::read_to_string(Path::new(HOME).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The lines from the one that has `first` to the one that is `last`.
fn lines(text: &str, first: &str, last: &str) -> String {
    let start = text.find(first).unwrap_or_else(|| panic!("no line {first:?}"));
    let start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[start..].find(&format!("\n{last}\n")).expect("an end") + start;
    text[start..end + 1 + last.len()].to_owned()
}

/// The table of `Database::drop`.
fn shown_action() -> String {
    let name = "    DropDatabase<'a> =";
    let text = ours("src/driver/action/manage.rs");
    let table = text.find(name).expect("the table of `drop`");
    let start = text[..table].rfind("action! {").expect("the start of the table");
    lines(&text[start..], "action! {", "}")
}

#[test]
fn everything_of_the_driver_is_here_or_is_left_out_for_a_reason() {
    let (root, version) = locate::driver();
    let driver = Source::read(&root);
    let mirror = Source::read(&Path::new(HOME).join("src").join("lib.rs"));
    let comparison = compare(&driver, &mirror, EXCEPTIONS);

    let unknown = comparison.unknown();
    assert!(
        unknown.is_empty(),
        "the driver has what is neither here nor among `tests/parity/exceptions.rs`:\n{}",
        unknown.join("\n")
    );
    assert_eq!(comparison.unneeded, [""; 0], "exceptions that except nothing");
    let call = lines(&ours("src/driver/database.rs"), "/// Drops the database.", "    }");
    let text = document::document(&comparison, &version, &shown_action(), &call);
    expect_file!["../../docs/parity.md"].assert_eq(&text);
    expect_file!["paths.rs"].assert_eq(&document::paths(&comparison));
}

#[test]
fn one_more_line_in_the_table_of_an_action_is_one_more_setter() {
    let table = shown_action();
    let (before, after) = table.split_once("DropDatabaseOptions {").expect("a table of options");
    let longer = format!("{before}DropDatabaseOptions {{ brand_new: into Bson, {after}");
    let with = |table: &str| {
        let text = format!("{}\npub mod action {{ {table} }}", ours("src/driver/action/macros.rs"));
        names(&text, "action::DropDatabase")
    };
    let added: Vec<_> = with(&longer).difference(&with(&table)).cloned().collect();
    assert_eq!(added, ["brand_new"]);
}

/// The members of one type in a crate of this text.
fn names(text: &str, of: &str) -> BTreeSet<String> {
    let source = Source::parse(text, None);
    let members = members(&source);
    let path: Vec<_> = of.split("::").map(ToOwned::to_owned).collect();
    let members = members.get(&path).unwrap_or_else(|| panic!("no {of}"));
    let name = |member: &members::Member| match member.needs.is_empty() {
        true => member.name.clone(),
        false => format!("{} with {:?}", member.name, member.needs),
    };
    members.iter().map(name).collect()
}

/// A small driver, and a mirror of all of it.
const DRIVER: &str = "
    pub use inside::Client;
    mod inside {
        use crate::options::*;
        use futures_core::Stream as AsyncStream;

        #[derive(Clone, Debug)]
        pub struct Client;
        impl Client {
            pub fn find(&self) {}
            pub(crate) fn not_public(&self) {}
            #[cfg(test)]
            pub fn for_tests(&self) {}
            #[doc(hidden)]
            pub fn hidden(&self) {}
            #[cfg(feature = \"sync\")]
            pub fn blocking(&self) {}
        }

        pub struct Find;
        #[option_setters(crate::options::FindOptions, skip = [left])]
        impl Find {
            pub fn session(self) -> Self { self }
        }
        #[action_impl(sync = crate::sync::Cursor)]
        impl Action for Find {
            type Future = FindFuture;
            async fn execute(self) -> Result<()> { Ok(()) }
        }
        impl Stream for Find {}
        impl Private for Find {}
    }
    pub mod action { pub use super::inside::Find; }
    pub mod options {
        pub struct FindOptions { pub limit: Option<i64>, pub left: Option<i64>, own: Option<i64> }
    }
";

/// A mirror of the small driver but for what is asked for.
fn check(driver: &str, ours: &str, exceptions: &[Exception]) -> Comparison {
    compare(&Source::parse(driver, None), &Source::parse(ours, None), exceptions)
}

const MIRROR: &str = "
    pub use mongodb::options;
    macro_rules! setters {
        ($($name:ident: $type:ty),* $(,)?) => {
            pub fn with_options(self, value: Options) -> Self { self }
            $(pub fn $name(self, value: $type) -> Self { self })*
        };
    }
    macro_rules! future {
        ($name:ident) => {
            impl Mirrored for $name {}
            impl IntoFuture for $name {}
        };
    }
    #[derive(Clone, Debug)]
    pub struct Client;
    impl Client { pub fn find(&self) {} }
    pub mod action {
        pub struct Find;
        impl Find {
            setters!(limit: i64);
            pub fn session(self) -> Self { self }
        }
        future!(Find);
        impl futures_core::Stream for Find {}
        impl<A: Mirrored + IntoFuture> Action for A {}
    }
";

const SYNC: Exception = Exception { of: Of::Feature("sync"), reason: "later" };

#[test]
fn a_mirror_of_everything_leaves_nothing_unknown() {
    let comparison = check(DRIVER, MIRROR, &[SYNC]);
    assert_eq!(comparison.unknown(), [""; 0]);
    assert_eq!(comparison.unneeded, [""; 0]);
}

#[test]
fn what_the_driver_gains_is_unknown() {
    let driver = DRIVER
        .replace("pub fn find(&self) {}", "pub fn find(&self) {} pub fn brand_new(&self) {}")
        .replace("pub limit:", "pub fresh: Option<i64>, pub limit:")
        .replace("derive(Clone", "derive(Default, Clone")
        .replace("pub mod action {", "pub struct Whole; pub mod action {");
    expect![[r#"
        Client: brand_new(&self, 0)
        Client: impl Default
        Whole
        action::Find: fresh(self, 1)"#]]
    .assert_eq(&check(&driver, MIRROR, &[SYNC]).unknown().join("\n"));
}

#[test]
fn a_method_that_is_called_in_another_way_is_unknown() {
    let mirror = MIRROR.replace("pub fn find(&self)", "pub async fn find(&self, filter: Document)");
    assert_eq!(check(DRIVER, &mirror, &[SYNC]).unknown(), ["Client: find(&self, 0)"]);
}

#[test]
fn an_exception_that_excepts_nothing_is_found() {
    let gone = Exception { of: Of::Member("Client", "gone"), reason: "it was there once" };
    let comparison = check(DRIVER, MIRROR, &[SYNC, gone]);
    assert_eq!(comparison.unneeded, [r#"Member("Client", "gone")"#]);
}

#[test]
fn an_exception_excepts_one_method_or_all_below_a_path() {
    let mirror =
        MIRROR.replace("pub fn find(&self) {}", "").replace("pub mod action", "mod action");
    let find = Exception { of: Of::Member("Client", "find"), reason: "on purpose" };
    let action = Exception { of: Of::Path("action"), reason: "on purpose" };
    let comparison = check(DRIVER, &mirror, &[SYNC, find, action]);
    assert_eq!(comparison.unknown(), [""; 0]);
    // The mirror of `Find` is out of reach, and `run` with it.
    assert_eq!(comparison.unneeded, [""; 0]);
}

#[test]
fn setters_and_features_are_seen_and_what_only_tests_have_is_not() {
    let client = names(DRIVER, "inside::Client");
    expect![[r#"blocking with {"sync"}, find, impl Clone, impl Debug"#]]
        .assert_eq(&client.into_iter().collect::<Vec<_>>().join(", "));
    let find = names(DRIVER, "inside::Find");
    expect![[r#"impl Action, impl IntoFuture, impl Stream, limit, run with {"sync"}, session, with_options"#]]
        .assert_eq(&find.into_iter().collect::<Vec<_>>().join(", "));
}

#[test]
fn names_are_resolved_through_imports_and_renames() {
    let source = Source::parse(
        "pub use crate::a::{b as c, *}; mod a { pub mod b { pub struct T; } pub use self::b::T; }",
        None,
    );
    let surface: Vec<_> = source.surface().into_keys().map(|path| path.join("::")).collect();
    assert_eq!(surface, ["T", "b", "b::T", "c", "c::T"]);
    let path = ["c", "T"].map(ToOwned::to_owned);
    let item = ["a", "b", "T"].map(ToOwned::to_owned).to_vec();
    assert_eq!(source.resolve(&[], &path), Target::Item(item));
}
