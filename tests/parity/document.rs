//! The comparison as text: `docs/parity.md`, and the file of `use` lines that proves it.

use crate::{
    compare::{Comparison, Here, Row},
    features::Needs,
};

/// Writes `docs/parity.md`. `action` and `call` are the mirrored action that its introduction
/// shows, out of our source.
pub(crate) fn document(comparison: &Comparison, version: &str, action: &str, call: &str) -> String {
    let mut text = format!(
        "# Parity with the driver\n\n\
         This file is written by a test (`tests/parity`; `UPDATE_EXPECT=1 cargo test --test \
         parity`) out of the source of `mongodb` {version} and our own, macros expanded. The test \
         fails when the driver has a public item, method, setter or trait that is neither here nor \
         among `tests/parity/exceptions.rs`. A method is here if it has the driver's name, kind of \
         `self`, number of arguments and `async`; the types of its arguments are not compared.\n\n{}",
        adding(action, call)
    );
    counts(&mut text, comparison);
    text.push_str("\n## The client types and their methods\n");
    for row in comparison.rows.iter().filter(|row| !row.members.is_empty() && is_client(row)) {
        text += &format!("\n### `{}`\n\n", row.path.join("::"));
        let whole = here(&row.here);
        text += &format!("The type{}: {whole}.\n\n", asking(&row.needs));
        if matches!(row.here, Here::LeftOut(_)) {
            let names = row.members.iter().map(|(member, _)| format!("`{}`", member.name));
            let names: Vec<_> = names.collect();
            text += &format!("Left out with it: {}.\n", names.join(", "));
            continue;
        }
        text.push_str("| `mongodb` | here |\n| --- | --- |\n");
        for (member, is) in &row.members {
            // The type has said it for all of them.
            let needs = member.needs.difference(&row.needs).cloned().collect();
            let (name, is) = (&member.name, here(is));
            text += &format!("| `{name}`{} | {is} |\n", asking(&needs));
        }
    }
    text.push_str(
        "\n## All public paths\n\n\
         What is re-exported is the driver's own, with all its methods. `tests/parity/paths.rs` \
         names each path that is here, so that the compiler knows them too.\n\n\
         | `mongodb` | here |\n| --- | --- |\n",
    );
    for row in &comparison.rows {
        let (path, is) = (row.path.join("::"), here(&row.here));
        let kind = if row.is_module { ", module" } else { "" };
        text += &format!("| `{path}`{kind}{} | {is} |\n", asking(&row.needs));
    }
    text
}

/// The types that do something: those that are mirrored, and those beside them. The others are
/// values.
fn is_client(row: &Row) -> bool {
    let modules = ["action", "client_encryption", "gridfs", "raw_batch_cursor", "sync"];
    row.here == Here::Mirrored || modules.contains(&row.path[0].as_str())
}

fn here(is: &Here) -> String {
    match is {
        Here::Mirrored => "mirrored".to_owned(),
        Here::ReExported => "re-exported".to_owned(),
        Here::LeftOut(reason) => format!("left out: {reason}"),
        Here::Unknown => "**unknown**".to_owned(),
    }
}

fn asking(needs: &Needs) -> String {
    if needs.is_empty() {
        return String::new();
    }
    let features: Vec<_> = needs.iter().map(|feature| format!("`{feature}`")).collect();
    format!(" (with {})", features.join(" and "))
}

fn counts(text: &mut String, comparison: &Comparison) {
    text.push_str(
        "## In numbers\n\n| | mirrored | re-exported | left out |\n| --- | --- | --- | --- |\n",
    );
    let paths: Vec<_> = comparison.rows.iter().map(|row| &row.here).collect();
    let rows = comparison.rows.iter().filter(|row| is_client(row));
    let members = rows.flat_map(|row| &row.members);
    let (mut methods, mut traits) = (Vec::new(), Vec::new());
    for (member, here) in members {
        let list = if member.name.starts_with("impl ") { &mut traits } else { &mut methods };
        list.push(here);
    }
    for (name, list) in [
        ("public paths", paths),
        ("methods of the client types", methods),
        ("traits of the client types", traits),
    ] {
        let count = |is: fn(&Here) -> bool| list.iter().filter(|here| is(here)).count();
        let mirrored = count(|here| *here == Here::Mirrored);
        let re_exported = count(|here| *here == Here::ReExported);
        let left_out = count(|here| matches!(here, Here::LeftOut(_)));
        *text += &format!("| {name} | {mirrored} | {re_exported} | {left_out} |\n");
    }
}

fn adding(action: &str, call: &str) -> String {
    format!(
        "## Adding the next method\n\n\
         A setter is one line in the options' table of its action, in the words of the driver's \
         options: `name: Type`, `name: into Type`, `name: each Type` or `name: optional Type`. The \
         line makes the setter, and shows the option in the record.\n\n\
         An action is one such table, and one method of the type that it begins at. This is all of \
         `Database::drop`, as it stands in `src/driver/action/manage.rs`:\n\n\
         ```rust\n{action}\n```\n\n\
         and in `src/driver/database.rs`:\n\n\
         ```rust\n{call}\n```\n\n\
         The parts of the table are explained in `src/driver/action/macros.rs`. An option whose type \
         is new to the mirror has its name in one of the two lists of `src/driver/describe.rs` too. \
         Then run the test again: it writes the rows below.\n\n"
    )
}

/// Writes `tests/parity/paths.rs`.
pub(crate) fn paths(comparison: &Comparison) -> String {
    let mut text = String::from(PATHS);
    // What the driver has only with a feature that is not asked for here is not in this build.
    let is_here = |row: &&Row| match row.here {
        Here::Mirrored => true,
        Here::ReExported => row.needs.is_subset(&row.our_needs),
        Here::LeftOut(_) | Here::Unknown => false,
    };
    for row in comparison.rows.iter().filter(is_here) {
        for feature in &row.our_needs {
            text += &format!("#[cfg(feature = \"{feature}\")]\n");
        }
        text += &format!("use mongowatch::{} as _;\n", row.path.join("::"));
    }
    text
}

const PATHS: &str = "\
//! Written by the test beside it: the public paths of the driver that are here in any build. One that
//! is missing does not compile.

#![allow(unused_imports, deprecated, reason = \"the names are all that matters\")]
#![cfg_attr(rustfmt, rustfmt::skip)]

";
