//! Formatters, levels and handlers become layers.

use super::*;

#[test]
fn formats_of_each_style_become_templates() {
    let check = |formatter: &str, expected: Expect| {
        let handler = "class: logging.StreamHandler\nformatter: f";
        let rest = format!("formatters:\n  f: {formatter}\n");
        let shown = shown(&with_handler(handler, &rest));
        let wanted = |line: &&str| {
            ["template:", "not carried over", "changed"].iter().any(|w| line.contains(w))
        };
        let is_refused = !shown.contains("layers:");
        let lines = shown.lines().filter(|line| !line.contains("# ") && wanted(line) || is_refused);
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    };
    check(
        "{format: '%(asctime)s %(name)-30s: 100%% {%(message)s}'}",
        expect![[r#"
            template: '{StartTime} {WatcherName:<30}: 100% {{{watch}}}'
        source.yaml:9:15: formatters.f.format: changed: `asctime` was when the line was made: here it is when the operation began"#]],
    );
    check(
        "{format: '$name ${asctime} $$5 ${watch}', style: $}",
        expect![[r#"
            template: '{WatcherName} {StartTime} $5 {watch}'
        source.yaml:9:15: formatters.f.format: changed: `asctime` was when the line was made: here it is when the operation began"#]],
    );
    check(
        "{format: '{{{watch.full}}} {process} {levelname}', style: '{'}",
        expect![[r#"
            template: '{{{watch.full}}} {PID} '
        source.yaml:9:15: formatters.f.format: not carried over: `levelname`: templates do not show the level"#]],
    );
    check(
        "{format: '{watch.MatchedCount:6} {watch.DB:*^6} {watch.Filter!r}', style: '{'}",
        expect![[r#"
                template: '{MatchedCount:>6} {DB} {Filter}'
            source.yaml:9:15: formatters.f.format: not carried over: `*^6` of `watch.DB`
            source.yaml:9:15: formatters.f.format: not carried over: `!r` of `watch.Filter`"#]],
    );
    check(
        "{format: '{watch.Query} {thread} {watch.csv}', style: '{'}",
        expect![[r#"
            template: '  {WatchID},{Iteration},{StartTime},{EndTime},{DB},{Collection},{Operation},{Filter},{Duration},{MatchedCount},{InsertedCount},{UpsertedCount},{ModifiedCount},{DeletedCount}'
        source.yaml:9:15: formatters.f.format: not carried over: there is no field `Query`
        source.yaml:9:15: formatters.f.format: not carried over: `thread`: not an attribute that is here
        source.yaml:9:15: formatters.f.format: changed: rows on a stream: values are not quoted here"#]],
    );
    check(
        "{style: '{', class: my.Formatter}",
        expect![[r#"
            template: '{watch}'
        source.yaml:9:26: formatters.f.class: not carried over: the key `class` of a formatter"#]],
    );
    check(
        "{format: \"a\\nb '${X}' {watch}\", style: '{'}",
        expect![[r#"
            template: "a\nb '$' {watch}"
        source.yaml:9:15: formatters.f.format: not carried over: `X`: not an attribute that is here"#]],
    );
    check(
        "{format: '{name', style: '{'}",
        expect!["source.yaml:9:15: formatters.f.format: found a single brace in `{name`"],
    );
    check(
        "{format: '%(name', style: '%'}",
        expect!["source.yaml:9:15: formatters.f.format: found a `%` without `(name)s` in `%(name`"],
    );
    check(
        "{format: '$', style: '$'}",
        expect!["source.yaml:9:15: formatters.f.format: found a `$` without a name in `$`"],
    );
    check(
        "{format: a, style: '#'}",
        expect!["source.yaml:9:6: formatters.f: expected the `style` `%`, `{` or `$`"],
    );
}

#[test]
fn levels_decide_which_phases_come_to_a_layer() {
    check(
        "
version: 1
watchers:
  global: {log_level: {final: 20, timeout: ERROR}}
  cursor: {log_level: {final: ext://logging.WARNING}}
handlers:
  both: {class: logging.StreamHandler, level: INFO}
  cursors: {class: logging.StreamHandler, level: 25, stream: ext://my.stream}
  nothing: {class: logging.FileHandler, filename: x.log, level: CRITICAL, mode: w, encoding: utf-8}
  everything: {class: logging.NullHandler}
root: {level: 5, handlers: [everything]}
loggers:
  pymongo: {handlers: [both, nothing], propagate: no}
  pymongo.watcher.cursor: {level: DEBUG, handlers: [cursors]}
",
        expect![[r##"
            # Made by `mongowatch config convert` of source.yaml.
            watchers:
              collection:
                levels: {first: off, update: off, final: info, timeout: error}
              cursor:
                levels: {first: off, update: off, final: warn, timeout: error}
            layers:
            - console:
                name: both
                versions: all
                template: '{watch}'
            - console:
                name: cursors
                levels: {first: off, update: off, final: warn, timeout: error}
                versions: all
                # not carried over: handlers.cursors.stream (line 8): the stream `my.stream`: here it is stderr
                template: '{watch}'
                steps:
                - when: 'WatcherName == "mongowatch.cursor"'
            - file:
                name: nothing
                # changed: handlers.nothing (line 9): no record comes to this handler: the levels keep all of
                #   them back
                levels: {first: off, update: off, final: off, timeout: off}
                versions: all
                # not carried over: handlers.nothing.mode (line 9): files are always appended to
                path: x.log
                template: '{watch}'
            --- told
            source.yaml:8:62: handlers.cursors.stream: not carried over: the stream `my.stream`: here it is stderr
            source.yaml:9:12: handlers.nothing: changed: no record comes to this handler: the levels keep all of them back
            source.yaml:9:81: handlers.nothing.mode: not carried over: files are always appended to
        "##]],
    );
}

#[test]
fn handlers_that_are_reached_twice_write_once() {
    check(
        "
version: 1
handlers:
  file: {class: logging.FileHandler, filename: x.log}
  same: {class: logging.handlers.RotatingFileHandler, filename: y.log, maxBytes: 10, backupCount: 1}
  queue: {(): pkg.setup_queue_handler, backend: file, level: INFO, x: 1}
  unused: {class: logging.StreamHandler}
loggers:
  pymongo.watcher: {level: DEBUG, handlers: [file, queue, same], filters: [f]}
  pymongo.watcher.collection: {handlers: [queue], filters: [f]}
filters:
  f: {name: pymongo.watcher.cursor}
incremental: true
more: 1
",
        expect![[r#"
            # Made by `mongowatch config convert` of source.yaml.
            # not carried over: incremental (line 13): a file that changes another one: here each file says all
            # not carried over: more (line 14): the key `more`
            # not carried over: loggers.pymongo.watcher.handlers[0] (line 9): a handler that records reach in
            #   two ways: here in one
            # not carried over: loggers.pymongo.watcher.handlers[1] (line 9): a handler that records reach in
            #   two ways: here in one
            # not carried over: handlers.unused (line 7): no record of pymongowatch comes to this handler
            # changed: loggers.pymongo.watcher (line 9): Python asks filters of a logger only for what it logs
            #   itself: these were never asked
            queue:
              # not carried over: handlers.queue.x (line 6): the key `x` of a queue
            watchers:
              collection:
                levels: {first: off, update: off, final: info, timeout: info}
              cursor:
                levels: {first: debug, update: debug, final: info, timeout: info}
            layers:
            - file:
                name: file
                path: x.log
                template: '{watch}'
                steps:
                  # not carried over: loggers.pymongo.watcher.collection.filters[0] (line 10): a filter of one
                  #   logger, where the handler has records of both
            - file:
                name: same
                levels: {first: debug, update: debug, final: info, timeout: info}
                versions: all
                path: y.log
                # not carried over: handlers.same.maxBytes (line 5): files are rotated at 1000 bytes or more:
                #   here never
                template: '{watch}'
                steps:
                  # not carried over: loggers.pymongo.watcher.collection.filters[0] (line 10): a filter of one
                  #   logger, where the handler has records of both
            --- told
            source.yaml:5:82: handlers.same.maxBytes: not carried over: files are rotated at 1000 bytes or more: here never
            source.yaml:6:71: handlers.queue.x: not carried over: the key `x` of a queue
            source.yaml:7:11: handlers.unused: not carried over: no record of pymongowatch comes to this handler
            source.yaml:9:20: loggers.pymongo.watcher: changed: Python asks filters of a logger only for what it logs itself: these were never asked
            source.yaml:9:46: loggers.pymongo.watcher.handlers[0]: not carried over: a handler that records reach in two ways: here in one
            source.yaml:9:52: loggers.pymongo.watcher.handlers[1]: not carried over: a handler that records reach in two ways: here in one
            source.yaml:10:61: loggers.pymongo.watcher.collection.filters[0]: not carried over: a filter of one logger, where the handler has records of both
            source.yaml:13:14: incremental: not carried over: a file that changes another one: here each file says all
            source.yaml:14:7: more: not carried over: the key `more`
        "#]],
    );
}

#[test]
fn one_file_has_one_writer_however_it_is_named() {
    check(
        "version: 1\nhandlers:\n  one: {class: logging.FileHandler, filename: x.log}\n  \
         two: {class: logging.FileHandler, filename: ./x.log}\n\
         loggers: {pymongo.watcher: {level: INFO, handlers: [one, two]}}\n",
        expect![[r#"
            # Made by `mongowatch config convert` of source.yaml.
            layers:
            - file:
                name: one
                levels: {first: off, update: off, final: info, timeout: info}
                versions: all
                path: x.log
                template: '{watch}'
            # not carried over: handlers.two (line 4): the file `./x.log` is that of handlers.one too
            --- told
            source.yaml:4:8: handlers.two: not carried over: the file `./x.log` is that of handlers.one too
        "#]],
    );
}

/// The second queue is on a way of records too.
#[test]
fn a_queue_on_a_second_way_is_not_said_to_be_unused() {
    check(
        "version: 1\nhandlers:\n  file: {class: logging.FileHandler, filename: x.log}\n  \
         one: {(): pymongo_watch.handlers.setup_queue_handler, backend: cfg://handlers.file}\n  \
         two: {(): pymongo_watch.handlers.setup_queue_handler, backend: cfg://handlers.file}\n\
         loggers: {pymongo.watcher: {level: INFO, handlers: [one, two]}}\n",
        expect![[r#"
            # Made by `mongowatch config convert` of source.yaml.
            # not carried over: loggers.pymongo.watcher.handlers[1] (line 6): a handler that records reach in
            #   two ways: here in one
            layers:
            - file:
                name: file
                levels: {first: off, update: off, final: info, timeout: info}
                path: x.log
                template: '{watch}'
            --- told
            source.yaml:6:58: loggers.pymongo.watcher.handlers[1]: not carried over: a handler that records reach in two ways: here in one
        "#]],
    );
}

#[test]
fn a_file_without_handlers_says_so() {
    check(
        "version: 1",
        expect![[r#"
            # Made by `mongowatch config convert` of source.yaml.
            # not carried over: the file (line 1): no handler is left that writes: here it is the console
            --- told
            source.yaml:1:1: the file: not carried over: no handler is left that writes: here it is the console
        "#]],
    );
}
