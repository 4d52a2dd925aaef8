//! What is wrong in the source.

use super::*;

#[test]
fn faults_of_the_source_have_their_place() {
    check(
        "",
        expect![[r#"
        source.yaml:1:1: found nothing, expected the keys of Python's `logging.config`, such as `version`
    "#]],
    );
    check(
        "- version: 1",
        expect![[r#"
        source.yaml:1:1: found a list, expected the keys of Python's `logging.config`, such as `version`
    "#]],
    );
    check(
        "version: 1\n  a: b: c",
        expect![[r#"
        source.yaml:2:4: mapping values are not allowed in this context
    "#]],
    );
    check(
        "version: 2",
        expect![[r#"
        source.yaml:1:10: version: found `2`, expected version 1
    "#]],
    );
    check(
        "handlers: {}",
        expect![[r#"
        source.yaml:1:1: expected the key `version`, which is 1 for Python's logging
    "#]],
    );
    check(
        "version: 1\nhandlers: 5",
        expect![[r#"
        source.yaml:2:11: handlers: found `5`, expected keys with values
    "#]],
    );
    check(
        "version: 1\nversion: 1",
        expect![[r#"
        source.yaml:2:1: the key `version` is there twice, first in line 1
    "#]],
    );
    check(
        "version: 1\nloggers: {pymongo.watcher: {handlers: [nobody]}}",
        expect![[r#"
        source.yaml:2:40: loggers.pymongo.watcher.handlers[0]: there is no `nobody` in `handlers`
    "#]],
    );
    check(
        "version: 1\nloggers: {pymongo.watcher: {level: LOUD}}",
        expect![[r#"
        source.yaml:2:36: loggers.pymongo.watcher.level: unknown level `LOUD`, expected `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` or a number
    "#]],
    );
    check(
        "version: 1\nhandlers: {a: cfg://b, b: 1}\nb: cfg://handlers.a",
        expect![[r#"
        source.yaml:2:15: handlers.a: the reference `cfg://b` leads back to itself
    "#]],
    );
    check(
        "version: cfg://a.b[0].c\na:\n  b:\n  - cfg://a.b[1]\n  - c: 2",
        expect![[r#"
            source.yaml:5:8: a.b[1].c: found `2`, expected version 1
        "#]],
    );
    check(
        "version: cfg://nothing.here",
        expect![[r#"
        source.yaml:1:10: version: the reference `cfg://nothing.here` leads to nothing
    "#]],
    );
    check(
        "version: cfg://[",
        expect![[r#"
        source.yaml:1:10: version: found `cfg://[`, expected a reference such as `cfg://handlers.file.filename`
    "#]],
    );
    check(
        "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d]",
        expect![[r#"
            source.yaml:1:17: found more than a configuration can need
        "#]],
    );
    check(
        &with_handler("filename: a", ""),
        expect![[r#"
        source.yaml:6:5: handlers.h: expected the key `class` or `()`
    "#]],
    );
    check(
        &with_handler("class: logging.FileHandler", ""),
        expect![[r#"
        source.yaml:6:5: handlers.h: expected the key `filename`
    "#]],
    );
    check(
        &with_handler("class: logging.FileHandler\nfilename: []", ""),
        expect![[r#"
        source.yaml:7:15: handlers.h.filename: found an empty list, expected a text
    "#]],
    );
    check(
        &with_handler("class: logging.StreamHandler\nformatter: f", ""),
        expect![[r#"
        source.yaml:7:16: handlers.h.formatter: there is no `f` in `formatters`
    "#]],
    );
    check(
        &with_handler("class: logging.StreamHandler\nfilters: [f]", ""),
        expect![[r#"
        source.yaml:7:15: handlers.h.filters[0]: there is no `f` in `filters`
    "#]],
    );
    check(
        &with_handler("(): a.setup_queue_handler", ""),
        expect![[r#"
        source.yaml:6:5: handlers.h: expected the key `backend`, the handler behind the queue
    "#]],
    );
    check(
        &with_handler("(): a.setup_queue_handler\nbackend: cfg://handlers.h", ""),
        expect![[r#"
        source.yaml:6:5: handlers.h: the queue leads back to itself
    "#]],
    );
    check(
        &with_handler("(): a.setup_queue_handler\nbackend: 5", ""),
        expect![[r#"
        source.yaml:7:14: handlers.h.backend: found `5`, expected a handler, such as `cfg://handlers.file`
    "#]],
    );
    let filter = |filter: &str| {
        with_handler(
            "class: logging.StreamHandler\nfilters: [f]",
            &format!("filters:\n  f: {filter}\n"),
        )
    };
    check(
        &filter("{(): a.ExpressionFilter}"),
        expect![[r#"
        source.yaml:9:6: filters.f: expected the key `expression`
    "#]],
    );
    check(
        &filter("{(): a.ExecuteFilter}"),
        expect![[r#"
        source.yaml:9:6: filters.f: expected the key `execute`
    "#]],
    );
    check(
        &filter("{(): a.RateFilter, output_rate_sec: fast}"),
        expect![[r#"
        source.yaml:9:42: filters.f.output_rate_sec: found `fast`, expected a number
    "#]],
    );
    check(
        &filter("5"),
        expect![[r#"
        source.yaml:9:6: filters.f: found `5`, expected a filter, with keys such as `()`
    "#]],
    );
}

#[test]
fn references_go_no_further_than_needed() {
    let mut yaml = "version: cfg://a0\n".to_owned();
    for number in 0..40 {
        yaml.push_str(&format!("a{number}: cfg://a{}\n", number + 1));
    }
    check(
        &yaml,
        expect![[r#"
        source.yaml:33:6: a31: more than 32 references behind one another
    "#]],
    );
}

#[test]
fn a_file_made_to_be_slow_is_refused_soon() {
    let many = |n, item: &str| vec![item; n].join(", ");
    // As many handlers and filters as there can be values, each asked for by all others.
    let handlers = format!("[{}]", many(9_000, "h"));
    let filters = format!("[{}]", many(9_000, "f"));
    check(
        &format!(
            "version: 1\nhandlers: {{h: {{class: logging.StreamHandler}}}}\nfilters: {{f: {{name: a}}}}\n\
             loggers: {{pymongo.watcher.cursor: {{level: 1, handlers: {handlers}, filters: {filters}}}}}"
        ),
        expect![[r#"
            source.yaml:4:33068: loggers.pymongo.watcher.cursor.filters[2000]: more than 2000 filters in all
        "#]],
    );
    let names: Vec<_> = (0..300).map(|number| format!("h{number}")).collect();
    let handler = |name: &String| format!("  {name}: {{class: logging.StreamHandler}}\n");
    let handlers: String = names.iter().map(handler).collect();
    check(
        &format!(
            "version: 1\nhandlers:\n{handlers}loggers: {{pymongo.watcher: {{handlers: [{}]}}}}",
            names.join(", ")
        ),
        expect![[r#"
            source.yaml:303:1130: loggers.pymongo.watcher.handlers[200]: more than 200 handlers
        "#]],
    );
    // Remarks without end.
    let keys: String = (0..9_000).map(|number| format!("k{number}: 1\n")).collect();
    check(
        &format!("version: 1\n{keys}"),
        expect![[r#"
        source.yaml:1:1: becomes more than a configuration can need
    "#]],
    );
}
