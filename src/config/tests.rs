//! Tests of what the outside does not see: variables of a lookup, places of steps.

use std::env::VarError;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{faults, step::step_fault, tree::Node};
#[cfg(feature = "cli")]
use super::{variables::Lookup, write};
use crate::filter;

fn lookup(name: &str) -> Result<String, VarError> {
    match name {
        "PORT" => Ok("1234".to_owned()),
        "TOKEN" => Ok("hunter2-secret".to_owned()),
        "TREE" => Ok("a\nbuffer: 7".to_owned()),
        "EMPTY" => Ok(String::new()),
        "FIELD" => Ok("DB".to_owned()),
        "LETTER" => Ok("h".to_owned()),
        "WORD" => Ok("zxqv".to_owned()),
        "TWO" => Ok("xy\" and Tenat == \"z".to_owned()),
        "REGEX" => Ok("hunter2-secret(".to_owned()),
        _ => Err(VarError::NotPresent),
    }
}

/// Checks the faults of a text, or what `config print` shows of it without its defaults.
#[track_caller]
fn check(yaml: &str, expected: Expect) {
    let told = match faults::read(yaml, &lookup) {
        Ok(read) => {
            let settings = &read.settings;
            let service = settings.service.as_deref().unwrap_or("-");
            format!(
                "service={service:?} buffer={} capacity={}\n",
                settings.buffer, settings.queue.capacity
            )
        }
        Err(faults) => {
            faults.into_iter().map(|fault| fault.into_error("a").to_string() + "\n").collect()
        }
    };
    expected.assert_eq(&told);
}

#[test]
fn variables_are_put_in_by_scalar() {
    check(
        "service: ${TOKEN}\nbuffer: ${PORT}",
        expect![[r#"
        service="hunter2-secret" buffer=1234 capacity=100000
    "#]],
    );
    check(
        "service: ${NONE:-a b}\nbuffer: ${NONE:-12}\nqueue: {capacity: \"${PORT}\"}",
        expect![[r#"
            a:3:19: queue.capacity: found `${PORT}`, whose value cannot be used here, expected a whole number
        "#]],
    );
    check(
        "service: '${PORT}'\nbuffer: ${EMPTY:-5}",
        expect![[r#"
        service="1234" buffer=5 capacity=100000
    "#]],
    );
    check(
        "service: x${PORT}y$${PORT}$$ROOT$z",
        expect![[r#"
        service="x1234y${PORT}$$ROOT$z" buffer=65536 capacity=100000
    "#]],
    );
    check(
        "service: ${TREE}",
        expect![[r#"
        service="a\nbuffer: 7" buffer=65536 capacity=100000
    "#]],
    );
    check(
        "service: ${EMPTY}",
        expect![[r#"
        service="-" buffer=65536 capacity=100000
    "#]],
    );
}

#[test]
fn faults_of_variables_never_show_their_values() {
    check(
        "capture: ${TOKEN}\nbuffer: ${TOKEN}\nlevels: {final: \"${TOKEN}\"}\nfields: [\"${TOKEN}\"]\nshutdown_timeout: ${TOKEN}\nlayers:\n- file: {path: a, template: \"{${TOKEN}}\"}\n- ${TOKEN}\n- csv: {path: a.csv, name: \"${TOKEN}\"}\n- csv: {path: b.csv, name: \"${TOKEN}\"}\n- json: {path: b.csv}",
        expect![[r#"
            a:1:10: capture: found `${TOKEN}`, whose value is unknown here, expected `spans`, `commands` or `operations`
            a:2:9: buffer: found `${TOKEN}`, whose value cannot be used here, expected a whole number
            a:3:17: levels.final: found `${TOKEN}`, whose value is unknown here, expected off, error, warn, info, debug or trace
            a:4:10: fields[0]: found `${TOKEN}`, whose value cannot be used here
            a:5:19: shutdown_timeout: found `${TOKEN}`, whose value cannot be used here, expected a duration such as `250ms`, `10m` or `1h 30m`
            a:7:29: layers[0].file.template: found `{${TOKEN}}`, whose value cannot be used here
            a:8:3: layers[1]: found `${TOKEN}`, whose value is unknown here, expected `console`, `file`, `csv`, `json` or `application`
            a:11:16: layers[4].json.path: `b.csv` is the file of layers[3] too
        "#]],
    );
    check(
        "service: ${NONE}\nbuffer: ${}\nqueue: {capacity: \"${A\"}\ncapture: ${A:b}",
        expect![[r#"
            a:1:10: service: the environment variable `NONE` is not set: set it, or give it a default: `${NONE:-...}`
            a:2:9: buffer: found `${}`, expected `${NAME}` or `${NAME:-default}`; write `$${` for a text with `${`
            a:3:19: queue.capacity: `${` without its `}`: write `$${` for these two letters
            a:4:10: capture: found `${A:b}`, expected `${NAME}` or `${NAME:-default}`; write `$${` for a text with `${`
        "#]],
    );
}

#[test]
fn defaults_of_variables_have_no_variables() {
    check(
        "service: ${NONE:-${PORT:-q}}\nbuffer: ${NONE:-$${a}}",
        expect![[r#"
        a:1:10: service: found `${NONE:-${PORT:-q}`, expected a default without `${`: a default has no variables, write its text, or give `NONE` its value in the environment
        a:2:9: buffer: found `${NONE:-$${a}`, expected a default without `${`: a default has no variables, write its text, or give `NONE` its value in the environment
    "#]],
    );
    check(
        "service: ${PORT:-${NONE}}",
        expect![[r#"
        a:1:10: service: found `${PORT:-${NONE}`, expected a default without `${`: a default has no variables, write its text, or give `PORT` its value in the environment
    "#]],
    );
}

/// As `config/reference.yaml` says at its top.
#[test]
fn keys_with_nothing_behind_them_are_refused_unless_that_is_their_default() {
    check(
        "service:\ncontext:\nrequire_context:\nqueue:\nwatchers:\n  cursor:\n    timeout:\nlevels:\nreload:\nlayers:",
        expect![[r#"
            service="-" buffer=65536 capacity=100000
        "#]],
    );
    check(
        "capture:\nprivacy:\ncomment:\nbuffer:\nqueue:\n  timeout:\n  capacity:\n  when_full:\nlevels:\n  final:\nfields:\nshutdown_timeout:",
        expect![[r#"
            a:1:8: capture: found nothing, expected `spans`, `commands` or `operations`
            a:2:8: privacy: found nothing, expected `full`, `masked` or `shape`
            a:3:8: comment: found nothing, expected `none` or `watch_id`
            a:4:7: buffer: found nothing, expected a whole number
            a:6:10: queue.timeout: found nothing, expected a text
            a:7:11: queue.capacity: found nothing, expected a whole number
            a:8:12: queue.when_full: found nothing, expected `block`, `drop_updates` or `drop_newest`
            a:10:8: levels.final: found nothing, expected a text
            a:11:7: fields: found nothing, expected `default`, `all` or a list of fields
            a:12:17: shutdown_timeout: found nothing, expected a text
        "#]],
    );
}

/// The parser sees a map where the variable has its braces.
#[test]
fn variables_without_quotes_within_braces_are_told_so() {
    check(
        "queue: {capacity: ${PORT:-5}}",
        expect![[r#"
            a:1:20: while parsing a flow mapping, did not find expected ',' or '}': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "queue: {capacity: ${PORT}, timeout: 1m}",
        expect![[r#"
            a:1:20: while parsing a flow mapping, did not find expected ',' or '}': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "fields: [DB, ${FIELD}]",
        expect![[r#"
            a:1:15: while parsing a flow sequence, expected ',' or ']': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "fields: [${FIELD}]",
        expect![[r#"
            a:1:11: while parsing a flow sequence, expected ',' or ']': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "fields: [a${FIELD}, DB]",
        expect![[r#"
            a:1:12: while parsing a flow sequence, expected ',' or ']': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "queue: {\n  capacity: ${PORT},\n  timeout: 1m\n}",
        expect![[r#"
            a:2:14: while parsing a flow mapping, did not find expected ',' or '}': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "queue: {\n  capacity: ${PORT}\n}",
        expect![[r#"
            a:2:14: while parsing a flow mapping, did not find expected ',' or '}': within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a number, `true` or `false`, write the map or list on lines of its own
        "#]],
    );
    check(
        "queue: {timeout: '${NONE:-1m}', capacity: 5 {}}",
        expect![[r#"
        a:1:45: while parsing a flow mapping, did not find expected ',' or '}'
    "#]],
    );
}

/// The fault is that of the list or the map, and the message would quote what is in it.
#[test]
fn faults_of_what_stands_around_a_variable_do_not_show_its_value() {
    let steps = |steps: &str| format!("layers:\n- console:\n    steps:\n    - {steps}");
    check(
        "fields: [DB, \"${FIELD}\"]",
        expect![[r#"
        a:1:14: fields: found `${FIELD}`, whose value cannot be used here
    "#]],
    );
    check(
        "fields: [DB, DB, \"${TOKEN}\"]",
        expect![[r#"
        a:1:9: fields: the field `DB` is there twice
    "#]],
    );
    check(
        &steps("sample: {ratio: 1, always: [\"${TOKEN}\"]}"),
        expect![[r#"
        a:4:35: layers[0].console.steps[0].sample.always: found `${TOKEN}`, whose value cannot be used here
    "#]],
    );
    check(
        &steps("match: [{DB: \"${TOKEN}\"}]"),
        expect![[r#"
        a:4:20: layers[0].console.steps[0].match: found `${TOKEN}`, whose value cannot be used here
    "#]],
    );
    check(
        &steps("mask: {fields: Filter, patterns: [regex: \"${REGEX}\"]}"),
        expect![[r#"
            a:4:48: layers[0].console.steps[0].mask.patterns[0].regex: not a regular expression that runs in linear time: unclosed group
        "#]],
    );
    check(
        &steps("match: {DB: {$regex: \"${REGEX}\"}}"),
        expect![[r#"
            a:4:28: layers[0].console.steps[0].match.DB.$regex: bad regular expression: unclosed group
        "#]],
    );
    check(
        &steps("set: {DB: {a: \"${TOKEN}\"}}"),
        expect![[r#"
        a:4:17: layers[0].console.steps[0].set.DB: DB: expected a string, found a document
    "#]],
    );
    check(
        &steps("audit_filter: [\"${TOKEN}\"]"),
        expect![[r#"
        a:4:21: layers[0].console.steps[0].audit_filter: expected a query document, or a text that holds one
    "#]],
    );
    check(
        &steps("match: {DB: {$regex: a, $options: \"${LETTER}\"}}"),
        expect![[r#"
            a:4:41: layers[0].console.steps[0].match.DB.$regex: found `${LETTER}`, whose value cannot be used here
        "#]],
    );
    check(
        &steps("audit_filter: '{ \"${TOKEN}\": 1 }'"),
        expect![[r#"
        a:4:21: layers[0].console.steps[0].audit_filter: found `{ "${TOKEN}": 1 }`, whose value cannot be used here
    "#]],
    );
    check(
        &steps(
            "audit_filter: '{ $or: [{ atype: \"${TOKEN}\" }, { \"param.x${TOKEN}\": { $gtt: 1 } }] }'",
        ),
        expect![[r#"
            a:4:21: layers[0].console.steps[0].audit_filter: unknown operator `$gtt`: did you mean `$gt`?
        "#]],
    );
    check(
        &steps("set: {\"Extra.a\": {template: \"{${TOKEN}}\"}}"),
        expect![[r#"
        a:4:35: layers[0].console.steps[0].set.Extra.a.template: found `{${TOKEN}}`, whose value cannot be used here
    "#]],
    );
    // A value that is not in the message leaves it as it is.
    check(
        &steps("sample: {ratio: 1, always: {Tenant: \"${TOKEN}\", Outcome: {$gtt: 1}}}"),
        expect![[r#"
            a:4:65: layers[0].console.steps[0].sample.always.Outcome: unknown operator `$gtt`: did you mean `$gt`?
        "#]],
    );
}

/// What is wrong in the text around a variable is told, but not where: its letters are others.
#[test]
fn faults_that_do_not_show_a_value_are_told() {
    let steps = |steps: &str| format!("layers:\n- console:\n    steps:\n    - {steps}");
    check(
        &steps("when: 'DB == \"${TOKEN}\" and Foo == 1'"),
        expect![[r#"
            a:4:13: layers[0].console.steps[0].when: unknown field `Foo`: fields of your own are under `Extra`: `Extra.Foo`
        "#]],
    );
    check(
        &steps("when: 'DB == \"${TOKEN}\" andd Foo'"),
        expect![[r#"
            a:4:13: layers[0].console.steps[0].when: found `andd`, expected `and`, `or` or the end: did you mean `and`?
        "#]],
    );
    check(
        &steps("audit_filter: '{ atype: \"${WORD}\", Foo: 1 }'"),
        expect![[r#"
            a:4:21: layers[0].console.steps[0].audit_filter: unknown field `Foo` of audit events: expected one of `atype`, `ts`, `uuid`, `local`, `remote`, `intermediates`, `users`, `roles`, `param`, `result`
        "#]],
    );
    check(
        "layers: [console: {template: \"${TOKEN} {Foo}\"}]",
        expect![[r#"
            a:1:30: layers[0].console.template: unknown field `Foo`
        "#]],
    );
    // It may be a part of the value: in quotes, cut, or in another form.
    check(
        &steps("when: 'DB == \"${TWO}\" and Operation == 1'"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: found `DB == "${TWO}" and Operation == 1`, whose value cannot be used here
    "#]],
    );
    check(
        &steps("when: 'DB == \"${LETTER}\" and Foo == 1'"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: found `DB == "${LETTER}" and Foo == 1`, whose value cannot be used here
    "#]],
    );
    check(
        &steps("when: '${TOKEN} == 1'"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: found `${TOKEN} == 1`, whose value cannot be used here
    "#]],
    );
    check(
        &steps("when: 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffx${TOKEN} == 1'"),
        expect![[r#"
            a:4:13: layers[0].console.steps[0].when: found `aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffx${...`, whose value cannot be used here
        "#]],
    );
    check(
        &steps("when: 'DB == \"${TOKEN}\" and Duration > 1x'"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: found `DB == "${TOKEN}" and Duration > 1x`, whose value cannot be used here
    "#]],
    );
}

/// Where a value may stand, for `@`.
const PLACES: &[&str] = &[
    "match: @",
    "match: {DB: {$regex: @, $options: @}}",
    "match: {DB: {@: 1}, $or: [@]}",
    "match: {StartTime: {$gt: {$date: @}}, Filter.a: {$oid: @}, Filter.b: {$numberLong: @}}",
    "match: {$text: @, Duration: {$gt: @, $mod: [@, 1]}, Collection: {$type: @}}",
    "when: @",
    "when: 'DB == @'",
    "when: 'DB =~ /@/ and Duration > @'",
    "audit_filter: @",
    "audit_filter: '{ \"@\": 1 }'",
    "audit_filter: '{ atype: { $regex: \"(@\" } }'",
    "mask: {fields: [@, DB], mode: @, keep: @, patterns: [@, {regex: '(@'}], text: @, last: @}",
    "hash: {fields: Filter, key: @}",
    "hash: {fields: Filter, key: {file: @}, keep: @}",
    "truncate: {fields: @, max_chars: @, max_items: 0}",
    "drop: [@, DB]",
    "rename: {DB: @, Filter.a: 'Extra.@'}",
    "set: {DB: {template: '{@}'}, Filter: @, Extra.a: {env: @}}",
    "set: {Duration: @, Extra.a: {template: @}}",
    "sample: {ratio: @, always: @}",
    "sample: @",
    "limit: {first: @, per: @, by: [@], always: {DB: {$regex: @}}}",
    "rate: {every: @, by: @, sum: [@], quantiles: [@], originals: @}",
    "script: '@'",
    "script: {code: 'record.@ = \"@\"', on_error: @, timeout: @}",
    "script: {file: @}",
    "level: @",
    "@: 1",
    "@",
];

proptest! {
    /// Of letters that no message has of its own.
    #[test]
    fn no_message_shows_a_letter_of_a_value(
        place in prop::sample::select(PLACES),
        value in "[ßøþ(){}\\[\\]:$/\\\\'\", .\n]{0,3}[ßøþ]{1,70}[ßøþ(){}\\[\\]:$/\\\\'\", .\n]{0,9}",
        scalar in "(\"(\\$\\{A\\}|x\\$\\{A\\}y|\\$\\{A\\} \\$\\{A\\})\"|\\$\\{A\\})",
    ) {
        let lookup = |name: &str| match name {
            "A" => Ok(value.clone()),
            _ => Err(VarError::NotPresent),
        };
        let inner = scalar.trim_matches('"');
        let step = place.replace(" @", &format!(" {scalar}")).replace("[@", &format!("[{scalar}")).replace('@', inner);
        let step = step.replace("[$", "[ $").replace(" ${A}", " '${A}'");
        let yaml = format!("layers:\n- console:\n    steps:\n    - {step}");
        for fault in faults::read(&yaml, &lookup).err().into_iter().flatten() {
            let message = fault.to_string();
            prop_assert!(!message.contains(['ß', 'ø', 'þ']), "{message}\n{yaml}");
        }
    }
}

/// Of a scalar on one line or several, in any form.
#[test]
fn faults_in_a_text_are_shown_at_their_letter() {
    let when = |scalar: &str| format!("layers:\n- console:\n    steps:\n    - when: {scalar}\n");
    check(
        &when("Duration >> 3"),
        expect![[r#"
        a:4:23: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("'Duration >> 3'"),
        expect![[r#"
        a:4:24: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("\"Duration >> 3\""),
        expect![[r#"
        a:4:24: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("'DB == ''é'' and Duration >> 3'"),
        expect![[r#"
        a:4:40: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("\"DB == \\\"\\u00e9\\\" and\\tDuration >> 3\""),
        expect![[r#"
        a:4:46: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when(">-\n        DB == 'a'\n        and Duration >> 3"),
        expect![[r#"
        a:6:23: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when(">\n        DB == 'a'\n\n        and\n          Duration >> 3"),
        expect![[r#"
        a:8:21: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("|\n        DB == 'a'\n          and Duration >> 3\n"),
        expect![[r#"
        a:6:25: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("DB == 'a' and\n        Duration >> 3"),
        expect![[r#"
        a:5:19: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("\"DB == 'a' \\\n        and Duration >> 3\""),
        expect![[r#"
        a:5:23: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("'Duration >'"),
        expect![[r#"
        a:4:24: layers[0].console.steps[0].when: found the end, expected a value or a field
    "#]],
    );
    check(
        &when("&slow Duration >> 3"),
        expect![[r#"
        a:4:29: layers[0].console.steps[0].when: found `>`, expected a value or a field
    "#]],
    );
    // Each kind of line break is one.
    for line_break in ["\n", "\r\n", "\r"] {
        check(
            &when(&format!("'DB == ''a'' and{line_break}        Duration >> 3'")),
            expect![[r#"
                a:5:19: layers[0].console.steps[0].when: found `>`, expected a value or a field
            "#]],
        );
    }
    let step = |step: &str| format!("layers:\n- console:\n    steps:\n    - {step}\n");
    check(
        &step("set: {Extra.a: {template: '{DB} {Dratoin}'}}"),
        expect![[r#"
        a:4:40: layers[0].console.steps[0].set.Extra.a.template: unknown field `Dratoin`: did you mean `Duration`?
    "#]],
    );
    check(
        &step("set: {Extra..a: 1}"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].set.Extra..a: path `Extra..a`, column 7: expected a name
    "#]],
    );
    check(
        &step("rename: {Tenant: Extra..a}"),
        expect![[r#"
        a:4:30: layers[0].console.steps[0].rename.Tenant: path `Extra..a`: expected a name
    "#]],
    );
    check(
        &step("rename: {Extra..a: Tenant}"),
        expect![[r#"
        a:4:16: layers[0].console.steps[0].rename.Extra..a: path `Extra..a`, column 7: expected a name
    "#]],
    );
    check(
        &step("audit_filter: {a: 1}"),
        expect![[r#"
        a:4:22: layers[0].console.steps[0].audit_filter.a: unknown field `a` of audit events: expected one of `atype`, `ts`, `uuid`, `local`, `remote`, `intermediates`, `users`, `roles`, `param`, `result`
    "#]],
    );
    check(
        "watchers:\n  collection:\n    operations:\n      find: {filter: {to: Extra..a}}\n",
        expect![[r#"
            a:4:7: watchers.collection.operations.find: unknown operation `find` here: it belongs to `cursor`
            a:4:33: watchers.collection.operations.find.filter.to: path `Extra..a`: expected a name
        "#]],
    );
    check(
        "layers:\n- csv: {path: a.csv}\n- json: {path: ./a.csv}\n",
        expect![[r#"
        a:3:16: layers[1].json.path: `./a.csv` is the file of layers[0] too
    "#]],
    );
    check(
        &when("Duration > 5m"),
        expect![[r#"
        a:4:25: layers[0].console.steps[0].when: unknown unit `m`: did you mean `min`?
    "#]],
    );
    // What has variables has other letters in the file.
    check(
        &when("Duration >> ${NONE:-3}"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: column 11: found `>`, expected a value or a field
    "#]],
    );
    check(
        &when("DB == '$${a}' and Duration >> 3"),
        expect![[r#"
        a:4:13: layers[0].console.steps[0].when: column 28: found `>`, expected a value or a field
    "#]],
    );
    check(
        "layers:\n- console: {template: \"{DB} {Dratoin}\"}",
        expect![[r#"
            a:2:30: layers[0].console.template: unknown field `Dratoin`: did you mean `Duration`?
        "#]],
    );
    check(
        "layers:\n- console: {steps: [drop: [Filter, Fliter.a]]}",
        expect![[r#"
        a:2:36: layers[0].console.steps[0].drop[1]: path `Fliter.a`: unknown field `Fliter`: did you mean `Filter`?
    "#]],
    );
}

proptest! {
    /// Whatever a text looks like, its fault is told, and in a line that is there.
    #[test]
    fn a_fault_in_a_text_stands_in_the_file(
        text in "('|\"|\\|\n        |>-?\n        |)[DB=x>\\\\'\" \n\té]{1,20}(\n {8}|\r\n {8})?[DB=x'\" ]{0,9}['\"]?"
    ) {
        let yaml = format!("layers:\n- console:\n    steps:\n    - when: {text}\n");
        for fault in faults::read(&yaml, &lookup).err().into_iter().flatten() {
            let place = fault.place().expect("each fault has a place");
            prop_assert!(place.line as usize <= yaml.lines().count() + 1, "{place:?} {yaml:?}");
        }
    }
}

#[cfg(feature = "cli")]
#[test]
fn what_is_printed_has_variables_for_their_values() {
    let yaml = "service: ${TOKEN}\nservice_version: $${X}\nbuffer: ${PORT}\nlayers:\n- csv: {path: \"/tmp/${TOKEN}.csv\"}";
    let read = faults::read(yaml, &lookup).unwrap_or_else(|_| panic!("it is right"));
    let printed = write::to_string_with(&read.settings, &read.root).unwrap();
    let lines = printed.lines().filter(|line| line.contains('$'));
    let lines: String = lines.map(|line| line.to_owned() + "\n").collect();
    expect![[r#"
        service: ${TOKEN}
        service_version: $${X}
        buffer: ${PORT}
            path: "/tmp/${TOKEN}.csv"
    "#]]
    .assert_eq(&lines);
    let again = faults::read(&printed, &lookup).unwrap_or_else(|_| panic!("it is right"));
    assert_eq!(again.settings, read.settings);
}

/// Checks that what is printed of a text comes to the same, and gives it.
#[cfg(feature = "cli")]
#[track_caller]
fn printed(yaml: &str, lookup: Lookup<'_>) -> Option<String> {
    let read = faults::read(yaml, lookup).ok()?;
    let printed = write::to_string_with(&read.settings, &read.root).expect("it can be written");
    let again = faults::read(&printed, lookup).unwrap_or_else(|faults| {
        panic!("{:?} of what is printed:\n{printed}", faults.first().map(ToString::to_string))
    });
    assert_eq!(again.settings, read.settings, "{printed}");
    Some(printed)
}

#[cfg(feature = "cli")]
#[test]
fn what_is_printed_has_its_variables_as_they_were_written() {
    let lookup = |name: &str| match name {
        "T" => Ok("true".to_owned()),
        "N" => Ok("5".to_owned()),
        "F" => Ok("Filter".to_owned()),
        "U" => Ok("6d1b1b3e-1a2b-4c3d-8e9f-001122334455".to_owned()),
        "EMPTY" => Ok(String::new()),
        _ => Err(VarError::NotPresent),
    };
    let yaml = "
service: ${EMPTY}
buffer: ${N:-[1, 2]}
fields: [DB, \"${F}\"]
layers:
- console:
    fields: ['DB', '${F}']
    steps:
    - set: {Extra.a: \"${T}\", Extra.b: 'a ${N} $${N}'}
    - set:
        Extra.a: ${T}
        Extra.b: -${N}
        Extra.c: ${N}, x
        Extra.d: { e: [1.50, '${N}', a: 'true'] }
        Extra.e: {$numberLong: '70000000000${N}'}
        Extra.f: {$uuid: '${U}'}
        Extra.g: \"${N}\\n\\t\\e ${T}\"
    - match: {Collection: \"${N}\", DB: {$in: ['${N}', \"5\"]}}
    - mask: [\"${F}\", Update]
    - drop: ${F}
";
    let printed = printed(yaml, &lookup).expect("it is right");
    let is_shown = |line: &&str| line.contains('$') || line.contains("1.5");
    let lines: String = printed.lines().filter(is_shown).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        buffer: ${N:-[1, 2]}
        - "${F}"
            - "${F}"
                Extra.a: "${T}"
                Extra.b: "a ${N} $${N}"
                Extra.a: ${T}
                Extra.b: -${N}
                Extra.c: ${N}, x
                  - 1.50
                  - "${N}"
                  $numberLong: "70000000000${N}"
                  $uuid: "${U}"
                Extra.g: "${N}\n\t\e ${T}"
                Collection: "${N}"
                  $in:
                  - "${N}"
              - "${F}"
            - drop: ${F}
        service: ${EMPTY}
    "#]]
    .assert_eq(&lines);
}

/// A scalar with variables, and what may stand before one in a list of steps.
#[cfg(feature = "cli")]
const WITH_VARIABLES: &str = "(\\$\\{A\\}|-\\$\\{A\\}|\\$\\{A\\}\\$\\{B\\}|\\$\\{B\\}\\.\\$\\{A\\}|\\$\\$\\{A\\}\\$\\{B\\}\
    |\\$\\{C:-[0-9a-z, ]{0,3}\\}|[+.0-9a-z]{0,2}\\$\\{A:-[0-9a-z,{\\[' ]{0,3}\\})";
#[cfg(feature = "cli")]
const STEPS: &str = "(set:\n        Extra.a:|match:\n        Collection:|drop:|level:|mask:\n        fields:|filter:|when:\
    |mask:|keep:\n        -|match:\n        Extra.a:\n          \\$in:\n          - '1'\n          -|audit_filter:)";

#[cfg(feature = "cli")]
proptest! {
    /// Whatever a variable is, and however it is written.
    #[test]
    fn what_is_printed_comes_to_the_same(
        values in prop::array::uniform2(
            "(true|5|-3|1.50|0x1|null|~|x|Filter|off||a: b|- a|\\$\\{A\\}|[a-z#:'\"\\[{&*!|>%@`, \n]{0,4})"
        ),
        scalar in WITH_VARIABLES,
        quote in "['\"]?",
        step in STEPS,
    ) {
        let [a, b] = values;
        let lookup = |name: &str| match name {
            "A" => Ok(a.clone()),
            "B" => Ok(b.clone()),
            _ => Err(VarError::NotPresent),
        };
        let scalar = if quote == "'" { scalar.replace('\'', "''") } else { scalar };
        let scalar = format!("{quote}{scalar}{quote}");
        printed(&format!("service: {scalar}\n"), &lookup);
        printed(&format!("layers:\n- console:\n    steps:\n    - {step} {scalar}\n"), &lookup);
        printed(&format!("layers:\n- console:\n    name: {scalar}\n    template: {scalar}\n"), &lookup);
    }
}

#[test]
fn faults_of_steps_are_shown_in_the_file() {
    #[track_caller]
    fn check(fault: filter::Fault, column: Option<usize>, expected: Expect) {
        let yaml = "layers:\n- file:\n    steps:\n    - match:\n        $or:\n        - {a: 1}\n        - {Duration: {$gtt: 3}}\n    - when: 'Duration >> 3'\n";
        let root = Node::parse(yaml).unwrap_or_else(|_| panic!("it is YAML"));
        let index = usize::from(column.is_some());
        let way = ["layers".into(), 0.into(), "file".into(), "steps".into(), index.into()];
        let fault = step_fault(&fault, &way, column, &root);
        expected.assert_eq(&fault.into_error("a").to_string());
    }
    let fault = |message: &str| {
        filter::Fault::new(message).within("Duration".into()).within(1.into()).within("$or".into())
    };
    check(
        fault("unknown operator `$gtt`").within("match".into()),
        None,
        expect!["a:7:23: layers[0].file.steps[0].match.$or[1].Duration: unknown operator `$gtt`"],
    );
    let deeper = filter::Fault::new("unknown operator `$gtt`").within("$gtt".into());
    let deeper = deeper.within("Duration".into()).within(1.into()).within("$or".into());
    check(
        deeper.within("match".into()),
        None,
        expect![
            "a:7:23: layers[0].file.steps[0].match.$or[1].Duration.$gtt: unknown operator `$gtt`"
        ],
    );
    check(
        fault("expected a text").within("match".into()),
        None,
        expect!["a:7:22: layers[0].file.steps[0].match.$or[1].Duration: expected a text"],
    );
    let when = filter::Fault::new("expected a value").within("when".into());
    check(when, Some(11), expect!["a:8:24: layers[0].file.steps[1].when: expected a value"]);
}

#[cfg(feature = "script")]
#[test]
fn faults_of_scripts_are_shown_in_the_file() {
    check(
        "layers:\n- file:\n    path: a\n    steps:\n    - script: 'record.Colection == 1'\n    - script:\n        code: |\n          // \u{e9}\n\n          if record.Filter.a {\n            let x = recrod.DB;\n          }\n        on_error: pass\n    - script: |-\n        let x = 1;\n        x +\n    - script: >\n        record.DB ==\n        record.Fliter\n    - script: {code: 'true', timeout: 1h}\n    - script: {file: /nowhere/a.rhai}\n    - script: {}\n",
        expect![[r#"
            a:5:23: layers[0].file.steps[0].script.code: line 1, column 8: unknown field `Colection`: did you mean `Collection`?
            a:11:21: layers[0].file.steps[1].script.code: line 4, column 11: unknown variable `recrod`: did you mean `record`?
            a:16:12: layers[0].file.steps[2].script.code: line 2, column 4: script is incomplete
            a:19:16: layers[0].file.steps[3].script.code: line 1, column 21: unknown field `Fliter`: did you mean `Filter`?
            a:20:39: layers[0].file.steps[4].script.timeout: expected a duration between 1ms and 10s
            a:21:22: layers[0].file.steps[5].script.file: could not read the script /nowhere/a.rhai: No such file or directory (os error 2)
            a:22:15: layers[0].file.steps[6].script: expected `code` or `file`
        "#]],
    );
}

#[test]
fn faults_of_steps_stand_at_their_places() {
    check(
        "layers:
- console:
    steps:
    - sample: {ratio: {ratio: 0.1, always: {DB: a}}}
    - sample: {ratio: 1.5}
    - set: {Tenant: acme, InsertedIds.x: 1}
    - set: {Filter: {template: '{DB}'}}
    - set: {}
    - rename: {DB: Reason, Duration: Tenant}
    - rate: {by: [DB, Actor.Id]}
    - rate: {by: [DB, Filter.*]}
    - limit: {first: 1, by: Labels.team}
    - limit: {first: 1, by: [Extra.Team, Filter.status, InsertedIds.0]}
    - limit: {first: 1, by: {DB: 1}}
",
        expect![[r#"
            a:4:23: layers[0].console.steps[0].sample.ratio: found a map, expected a number between 0 and 1
            a:5:23: layers[0].console.steps[1].sample.ratio: found 1.5, expected a ratio between 0 and 1
            a:6:42: layers[0].console.steps[2].set.InsertedIds.x: `InsertedIds` is a list: nothing can be put below it
            a:7:21: layers[0].console.steps[3].set.Filter: Filter: expected a document or an array, found a string
            a:8:12: layers[0].console.steps[4].set: expected at least one path with its value
            a:9:38: layers[0].console.steps[5].rename.Duration: nothing of `Duration` fits there: Tenant: expected a string, found a double
            a:10:29: layers[0].console.steps[6].rate.by[1]: path `Actor.Id`: `Actor` has `Kind`, `ID` and `Name`, not `Id`: did you mean `ID`?
            a:11:23: layers[0].console.steps[7].rate.by[1]: `Filter.*` may name several places, expected one
            a:13:57: layers[0].console.steps[9].limit.by[2]: InsertedIds.0 is another one for each operation
            a:14:29: layers[0].console.steps[10].limit.by: found a map, expected a path, or a list of paths
        "#]],
    );
}
