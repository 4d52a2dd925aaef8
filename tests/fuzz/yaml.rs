//! Configurations.

use mongowatch::{
    Settings,
    filter::{Draft, NamedFilters, StepSettings, Steps},
};

use crate::{choices::Choices, expression::filled, growth::assert_linear, odd, place, short_run};

const SEEDS: &[&str] = &[
    include_str!("../../config/reference.yaml"),
    include_str!("../../config/deletes.yaml"),
    include_str!("../../config/insert_rates.yaml"),
    include_str!("../../config/pci_masking.yaml"),
    include_str!("../../config/percona_audit_filter.yaml"),
    include_str!("../../config/slow_queries.yaml"),
    "",
    "capture: commands\nqueue: {timeout: 15m, capacity: \"${CAPACITY:-1000}\"}\nlayers:\n- console\n- csv: {path: a.csv}\n",
    "layers: &a\n- console: &b\n    steps:\n    - when: 'Duration > 1s'\n    - match: {Collection: {$in: [a, b]}}\n- file: {<<: *b, path: x}\n",
    "layers:\n- console:\n    steps:\n    - mask: [Filter.**.email]\n    - rate: {every: 60s, by: [DB]}\n    - drop: [Update]\n    - limit: {every: 1s, first: 2}\n",
    "layers:\n- json:\n    path: >-\n      a\n      b\n    levels: {first: off}\n  csv: 1\n- nothing\nqueue: 5\nqueue: 6\nprivacy: ful\n",
];
const TOKENS: &[&str] = &[
    "layers",
    "console",
    "csv",
    "file",
    "path",
    "steps",
    "match",
    "when",
    "mask",
    "rate",
    "queue",
    "timeout",
    "levels",
    "off",
    ":",
    ": ",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "|",
    ">-",
    "&a",
    "*a",
    "<<: *a",
    "!!str",
    "!x",
    "? ",
    "'",
    "\"",
    "\\",
    "#",
    "%YAML 1.2",
    "---",
    "...",
    "${A}",
    "${A:-1}",
    "$${",
    "${",
    "~",
    "null",
    "yes",
    "1e9",
    "0x1f",
    ".inf",
    "10m",
    "\t",
    "{$gt: 1}",
    "Collection",
    "'Duration > 1'",
    "é",
];

fn target(choices: &mut Choices<'_>) {
    let text = if choices.one_in(3) { lines(choices) } else { choices.text(SEEDS, TOKENS) };
    match Settings::from_yaml_str(&text, "name") {
        Ok(settings) => {
            let written = settings.to_yaml_string().unwrap();
            let again = Settings::from_yaml_str(&written, "name");
            assert_eq!(
                again.unwrap_or_else(|error| panic!("{error}\n{written}")),
                settings,
                "{text}"
            );
            settings.layers.iter().for_each(|layer| apply(layer.steps(), choices));
        }
        Err(error) => {
            let error = error.to_string();
            place::assert_harmless(&error);
            let line = place::number_behind(&error, "name:");
            let line = line.unwrap_or_else(|| panic!("no line: {error}\n{text}"));
            let column = place::number_behind(&error, &format!("name:{line}:"));
            let column = column.unwrap_or_else(|| panic!("no column: {error}\n{text}"));
            // The mark at the beginning is no part of the first line.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            place::assert_within(
                &text.replace("\r\n", "\n").replace('\r', "\n"),
                line,
                column,
                &error,
            );
        }
    }
}

/// The steps are made, but for those that may read files, and see odd records.
fn apply(steps: &[StepSettings], choices: &mut Choices<'_>) {
    let of_text = |step: &&StepSettings| {
        !matches!(step, StepSettings::Hash(_) | StepSettings::Mask(_) | StepSettings::Set(_))
    };
    let steps: Vec<_> = steps.iter().filter(of_text).cloned().collect();
    let Ok(mut steps) = Steps::build(&steps, &NamedFilters::default()) else { return };
    for _ in 0..3 {
        let record = odd::record(choices);
        let now = record.start_time;
        let mut draft = Draft::new(record.into(), now);
        let _ = steps.apply(&mut draft);
        odd::read_all(draft.record());
    }
}

/// One of the seeds, changed line by line: what people do with an editor.
fn lines(choices: &mut Choices<'_>) -> String {
    const VALUES: &[&str] = &[
        "1",
        "'1'",
        "-1",
        "[a]",
        "{a: 1}",
        "",
        "true",
        "10m",
        "${HOME}",
        "a: b",
        "*",
        "Filter.*",
        "99999999999999999999",
    ];
    let mut lines: Vec<String> = choices
        .pick(SEEDS)
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(str::to_owned)
        .collect();
    let n_changes = 1 + choices.below(8);
    for _ in 0..n_changes {
        let at = choices.below(lines.len());
        let Some(line) = lines.get(at).cloned() else { break };
        match choices.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => lines[at] = format!("  {line}"),
            3 => lines[at] = line.strip_prefix(' ').unwrap_or(&line).to_owned(),
            4 => {
                lines[at] = format!(
                    "{}: {}",
                    line.split(':').next().unwrap_or_default(),
                    choices.pick(VALUES)
                )
            }
            _ => {
                let other = choices.below(lines.len());
                lines.swap(at, other);
            }
        }
    }
    lines.join("\n")
}

#[test]
fn any_text_is_a_configuration_or_an_error_with_a_place() {
    short_run!(1_500, target);
}

#[test]
fn the_time_for_a_configuration_grows_with_its_length() {
    const LENGTH: usize = 24_000;
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        assert_linear(name, LENGTH, text, |text| Settings::from_yaml_str(text, "name").is_ok());
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    let steps = "layers:\n- console:\n    steps:\n";
    check("many layers", &|n| filled("layers:\n", same("- console\n"), "", n));
    check("many layers with names", &|n| {
        filled("layers:\n", |i| format!("- console: {{name: n{i}}}\n"), "", n)
    });
    check("many files", &|n| {
        filled("layers:\n", |i| format!("- csv: {{path: logs/{i}.csv}}\n"), "", n)
    });
    check("many equal files", &|n| filled("layers:\n", same("- csv: {path: a.csv}\n"), "", n));
    check("many keys", &|n| {
        filled("context:\n  span_fields:\n", |i| format!("    k{i}: actor\n"), "", n)
    });
    check("many faulty keys", &|n| filled("", |i| format!("k{i}: 1\n"), "", n));
    check("many equal keys", &|n| filled("", same("buffer: 1\n"), "", n));
    check("many rules", &|n| {
        filled(
            "require_context:\n",
            |i| format!("- {{namespace: d{i}.*, fields: [actor]}}\n"),
            "",
            n,
        )
    });
    check("many faulty rules", &|n| {
        filled("require_context:\n", same("- {namespace: a.*, fields: []}\n"), "", n)
    });
    check("faults within each other", &|n| {
        filled("layers:\n", same("- csv:\n    pth: 1\n"), "", n)
    });
    check("many steps", &|n| filled(steps, same("    - match: {Collection: a}\n"), "", n));
    check("many faulty steps", &|n| filled(steps, same("    - match: {Colection: a}\n"), "", n));
    check("many clauses", &|n| {
        filled(&format!("{steps}    - match: {{$or: ["), same("{Filter.a: {$gt: 1}},"), "]}", n)
    });
    check("many values", &|n| {
        filled(&format!("{steps}    - match: {{DB: {{$in: ["), same("a,"), "]}}", n)
    });
    check("a long expression", &|n| {
        filled(&format!("{steps}    - when: '"), same("DB == \"a\" or "), "DB == \"b\"'", n)
    });
    check("many fields of a mask", &|n| {
        filled(&format!("{steps}    - mask: ["), |i| format!("Filter.a{i},"), "]", n)
    });
    check("many variables", &|n| filled("service: \"", same("${NO_SUCH_VARIABLE:-a}"), "\"", n));
    check("many variables that are none", &|n| filled("service: \"", same("$${"), "\"", n));
    check("many variables without end", &|n| filled("service: \"", same("${"), "\"", n));
    check("a long text", &|n| format!("service: {}", "a".repeat(n)));
    check("a long text in lines", &|n| filled("service: >-\n", same("  a\n\n"), "", n));
    check("a long text with escapes", &|n| format!("service: \"{}\"", "\\u00e9".repeat(n / 6)));
    check("a long key", &|n| format!("{}: 1", "a".repeat(n)));
    check("many levels", &|n| "[".repeat(n));
    check("many levels of indentation", &|n| {
        (0..)
            .map(|i| " ".repeat(i) + "a:\n")
            .scan(0, |length, line| {
                *length += line.len();
                (*length < n).then_some(line)
            })
            .collect()
    });
    check("comments", &|n| filled("", same("# a\n"), "", n));
    check("many aliases", &|n| filled("service: &a x\nfields: [", same("*a, "), "]", n));
    check("aliases of a long text", &|n| {
        filled(&format!("service: &a {}\nfields: [", "x".repeat(n / 2)), same("*a, "), "]", n)
    });
    check("aliases of aliases", &|n| {
        filled("a0: &a0 [x, x]\n", |i| format!("a{}: &a{} [*a{i}, *a{i}]\n", i + 1, i + 1), "", n)
    });
    check("merged maps", &|n| filled("a: &a {b: 1}\n", |i| format!("c{i}: {{<<: *a}}\n"), "", n));
    check("many documents", &|n| filled("", same("---\n"), "", n));
}
