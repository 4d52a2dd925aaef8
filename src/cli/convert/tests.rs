//! What becomes of files of pymongowatch, part by part.

use expect_test::{Expect, expect};
use proptest::{
    prelude::{
        ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_assume, prop_oneof,
        proptest,
    },
    test_runner::TestCaseError,
};

use super::{Refusal, convert};
use crate::config::check_yaml_text;

/// The result, and what is told of it.
fn shown(source: &str) -> String {
    match convert(source, "source.yaml") {
        Ok(converted) => {
            let told = converted.lines("source.yaml").join("\n");
            format!("{}--- told\n{told}\n", converted.yaml)
        }
        Err(Refusal::Source(fault)) => fault.into_error("source.yaml").to_string() + "\n",
        Err(Refusal::Result(message)) => panic!("{message}"),
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check(source: &str, expected: Expect) {
    expected.assert_eq(&shown(source));
}

/// A logger with one handler, `h`, and what else the file says.
fn with_handler(handler: &str, rest: &str) -> String {
    format!(
        "version: 1\nloggers:\n  pymongo.watcher: {{level: DEBUG, handlers: [h]}}\nhandlers:\n  h:\n    {}\n{rest}",
        handler.replace('\n', "\n    ")
    )
}

/// What becomes of an expression: the condition, or why there is none.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check_expression(source: &str, on_error: bool, expected: Expect) {
    let expr = super::python::parse(source);
    let fields = super::watchers::Fields::default();
    let condition = expr.and_then(|expr| super::condition::condition(&expr, on_error, &fields));
    expected.assert_eq(&match condition {
        Ok(condition) => condition.text,
        Err(message) => format!("lost: {message}"),
    });
}

/// A file with a part of everything.
const BIG: &str = r#"
version: 1
disable_existing_loggers: false

watchers:
  global:
    timeout_sec: 300
    log_level: {first: DEBUG, update: DEBUG, final: INFO, timeout: WARNING}
    default_fields: [DB, Collection, Operation, Filter, Duration]
    csv:
    - file: cfg://handlers.rows.filename
      add_headers_if_empty: "WatcherName,{watch.csv}"
  collection:
    operations:
      find_one:
        sort: {to: Sort}
        hint: {to: null}
        projection: {to: Projection, cast: ext://builtins.str}
      insert_one:
        Team: {value: payments}
        _result: {to: Result}
  cursor:
    timeout_sec: 3600
    emit_on_new_retrieves: true

formatters:
  line:
    style: "{"
    format: "{asctime} {levelname:<8} {name} {watch.Operation:>12} took {watch.Duration:.3f} {watch}"
    datefmt: "%H:%M"
  rows:
    style: "{"
    format: "{name},{watch.csv}"

filters:
  slow:
    (): pymongo_watch.filters.ExpressionFilter
    expression: record.watch.Duration > 0.5 or record.watch.Operation == "get_more"
  clever:
    (): pymongo_watch.filters.ExpressionFilter
    expression: len(record.watch.Filter) > 3
    exception_result: true
  mask:
    (): pymongo_watch.filters.ExecuteFilter
    execute: |
      def mask(value):
          return "x" * len(value)
      record.watch.Filter = mask(record.watch.Filter)
  rates:
    (): pymongo_watch.filters.RateFilter
    attributes: [InsertedCount, DeletedCount, Operation]
    output_rate_sec: 300
    drop_records: true
    suffix: /min
  results:
    (): pymongo_watch.filters.AddPymongoResults
  restored:
    (): pymongo_watch.filters.RestoreOriginalWatcher
  team:
    (): pymongo_watch.filters.AddFieldAttributes
    field_name: Team
    attributes: {Name: payments, Size: 4}

handlers:
  console:
    class: logging.StreamHandler
    stream: ext://sys.stdout
    level: WARNING
    formatter: line
    filters: [slow, clever, mask]
  console_queue:
    (): pymongo_watch.handlers.setup_queue_handler
    backend: cfg://handlers.console
    forced_delay_sec: 2.5
    maxsize: 5000
    enable_multiprocessing: true
    filters: [results]
  rows:
    class: logging.handlers.RotatingFileHandler
    filename: logs/watch.csv
    maxBytes: 1000000
    backupCount: 5
    formatter: rows
    filters: [restored, team]
  rows_queue:
    (): pymongo_watch.handlers.setup_queue_handler
    backend: cfg://handlers.rows
  rates:
    class: logging.FileHandler
    filename: logs/rates.log
    filters: [rates]
  mails:
    class: logging.handlers.SMTPHandler
    mailhost: localhost

loggers:
  pymongo.watcher:
    level: INFO
    handlers: [console_queue, rows_queue]
  pymongo.watcher.collection:
    handlers: [rates, mails]
  myapp:
    level: DEBUG
"#;

#[test]
fn a_file_with_everything_becomes_one_of_ours() {
    check(
        BIG,
        expect![[r##"
            # Made by `mongowatch config convert` of source.yaml.
            # not carried over: loggers.myapp (line 103): a logger that is not one of pymongowatch
            queue:
              timeout: 5m
              forced_delay: 2s 500ms
              # changed: handlers.console_queue.maxsize (line 75): a full queue lost records there: here those
              #   that wait longest come out early
              capacity: 5000
              # not carried over: handlers.console_queue.enable_multiprocessing (line 76): each process has a
              #   queue and files of its own here; `mongowatch csv aggregate` merges the versions of records
              #   afterwards
            watchers:
              collection:
                # not carried over: watchers.collection.operations.find_one.projection.cast (line 18): a
                #   function of Python: values are as they are in the driver's call
                # not carried over: watchers.collection.operations.insert_one._result (line 21): what is known
                #   of results is in fields of their own, such as MatchedCount and InsertedIds
                operations:
                  find_one:
                    sort: {to: Extra.Sort}
                    hint: {to: null}
                    projection: {to: Extra.Projection}
                  insert_one:
                    Extra.Team: {value: payments}
              cursor:
                timeout: 1h
                emit_on_new_retrieves: true
            fields: [DB, Collection, Operation, Filter, Duration]
            layers:
            - console:
                name: console
                levels: {first: off, update: off, final: off, timeout: warn}
                stream: stdout
                # not carried over: formatters.line.datefmt (line 30): the form of times: here they are RFC 3339
                #   in UTC
                # changed: formatters.line.format (line 29): `asctime` was when the line was made: here it is
                #   when the operation began
                template: '{StartTime} WARNING  {WatcherName} {Operation:>12} took {Duration:.3} {watch}'
                steps:
                # not carried over: filters.results (line 56): results of the driver as they are: what is known
                #   of them is in fields, such as InsertedIds, Outcome and ErrorName
                # changed: filters.slow.expression (line 38): `get_more` was the name of every `find`: here it
                #   is `find`
                - when: 'Duration > 0.5 or Duration <= 0.5 and Operation == "find"'
                # not carried over: filters.clever.expression (line 41): an expression of Python: the call of
                #   `len`
                #   len(record.watch.Filter) > 3
                # not carried over: filters.mask.execute (line 46): code of Python; if it masks values, the step
                #   `mask: Filter` does so too
                #   def mask(value):
                #       return "x" * len(value)
                #   record.watch.Filter = mask(record.watch.Filter)
                # - mask: Filter
            - csv:
                name: rows
                levels: {first: off, update: off, final: info, timeout: warn}
                path: logs/watch.csv
                rotation:
                  size: 1000000
                keep: 6
                steps:
                # changed: filters.restored (line 58): not needed: a step changes the record of its own layer
                #   only
                - set:
                    Extra.Team: {Name: payments, Size: 4}
            - file:
                name: rates
                levels: {first: off, update: off, final: info, timeout: warn}
                versions: all
                path: logs/rates.log
                template: '{watch}'
                steps:
                - when: 'WatcherName == "mongowatch.collection"'
                # changed: filters.rates.attributes[2] (line 51): Operation is no number: how many records there
                #   were is in `Extra.Count`, for each second in `Extra.Rate`
                # not carried over: filters.rates.suffix (line 54): the suffix `/min`: rates are in
                #   `Extra.Rates`, under the name of the field
                - rate: {every: 5m, by: [], sum: [InsertedCount, DeletedCount], originals: drop}
            # not carried over: handlers.mails (line 93): the class `logging.handlers.SMTPHandler`:
            #   StreamHandler, FileHandler and RotatingFileHandler have a counterpart
            --- told
            source.yaml:18:44: watchers.collection.operations.find_one.projection.cast: not carried over: a function of Python: values are as they are in the driver's call
            source.yaml:21:18: watchers.collection.operations.insert_one._result: not carried over: what is known of results is in fields of their own, such as MatchedCount and InsertedIds
            source.yaml:29:13: formatters.line.format: changed: `asctime` was when the line was made: here it is when the operation began
            source.yaml:30:14: formatters.line.datefmt: not carried over: the form of times: here they are RFC 3339 in UTC
            source.yaml:38:17: filters.slow.expression: changed: `get_more` was the name of every `find`: here it is `find`
            source.yaml:41:17: filters.clever.expression: not carried over: an expression of Python: the call of `len`
            source.yaml:46:7: filters.mask.execute: not carried over: code of Python; if it masks values, the step `mask: Filter` does so too
            source.yaml:51:47: filters.rates.attributes[2]: changed: Operation is no number: how many records there were is in `Extra.Count`, for each second in `Extra.Rate`
            source.yaml:54:13: filters.rates.suffix: not carried over: the suffix `/min`: rates are in `Extra.Rates`, under the name of the field
            source.yaml:56:5: filters.results: not carried over: results of the driver as they are: what is known of them is in fields, such as InsertedIds, Outcome and ErrorName
            source.yaml:58:5: filters.restored: changed: not needed: a step changes the record of its own layer only
            source.yaml:75:14: handlers.console_queue.maxsize: changed: a full queue lost records there: here those that wait longest come out early
            source.yaml:76:29: handlers.console_queue.enable_multiprocessing: not carried over: each process has a queue and files of its own here; `mongowatch csv aggregate` merges the versions of records afterwards
            source.yaml:93:5: handlers.mails: not carried over: the class `logging.handlers.SMTPHandler`: StreamHandler, FileHandler and RotatingFileHandler have a counterpart
            source.yaml:103:5: loggers.myapp: not carried over: a logger that is not one of pymongowatch
        "##]],
    );
}

#[test]
fn a_small_file_needs_no_remark() {
    check(
        "
version: 1
watchers:
  global:
    csv: [{file: watch.csv, add_headers_if_empty: 'WatcherName,{watch.csv}'}]
handlers:
  file: {class: logging.FileHandler, filename: watch.csv, formatter: csv}
  queue: {(): pkg.setup_queue_handler, backend: cfg://handlers.file}
formatters:
  csv: {format: '{name},{watch.csv}', style: '{'}
loggers:
  pymongo.watcher: {level: INFO, handlers: [queue]}
",
        expect![[r#"
            # Made by `mongowatch config convert` of source.yaml.
            layers:
            - csv:
                name: file
                levels: {first: off, update: off, final: info, timeout: info}
                path: watch.csv
            --- told

        "#]],
    );
}

#[test]
fn what_is_not_known_is_asked_for_as_python_does() {
    let ok = |source: &str, expected| check_expression(source, false, expected);
    ok("record.watch.Duration > 1", expect!["Duration > 1"]);
    ok("not record.watch.Duration > 1", expect!["Duration <= 1"]);
    ok(
        "watch.Duration > 1 or watch.Collection == 'a'",
        expect![[r#"Duration > 1 or Duration <= 1 and Collection == "a""#]],
    );
    ok(
        "watch.Collection == 'a' or watch.Duration > 1",
        expect![[r#"Collection == "a" or Duration > 1"#]],
    );
    ok(
        "not (watch.Duration > 1 and watch.MatchedCount > 2)",
        expect!["Duration <= 1 or Duration > 1 and MatchedCount <= 2"],
    );
    ok(
        "(watch.DB == 'a' or watch.DB == 'b') and not watch.Operation in ('find', \"x\")",
        expect![[r#"(DB == "a" or DB == "b") and Operation not in ["find", "x"]"#]],
    );
    ok(
        "watch.Operation not in ['find_one', 'get_more']",
        expect![[r#"Operation not in ["find_one", "find"]"#]],
    );
    ok("1 < watch.Duration <= 5.5", expect!["1 < Duration and Duration <= 5.5"]);
    ok(
        "watch.EndTime is None and watch.ErrorCode is not None",
        expect!["EndTime == null and ErrorCode != null"],
    );
    ok(
        "'email' in watch.Filter and 'x' not in watch.Collection",
        expect![[r#"Filter has "email" and Collection != null and not (Collection contains "x")"#]],
    );
    ok(
        "not record.watch.Collection.startswith('sys\\\\')",
        expect![[r#"Collection != null and not (Collection starts with "sys\\")"#]],
    );
    ok(
        "record.name == 'pymongo.watcher.cursor'",
        expect![[r#"WatcherName == "mongowatch.cursor""#]],
    );
    ok(
        "watch.MatchedCount - watch.ModifiedCount > 1_000 * 2",
        expect!["(MatchedCount - ModifiedCount) > (1000 * 2)"],
    );
    ok("watch.MatchedCount > watch.ModifiedCount", expect!["MatchedCount > ModifiedCount"]);
}

#[test]
fn the_result_of_an_error_is_kept() {
    let ok = |source: &str, expected| check_expression(source, true, expected);
    ok("watch.Collection == 'a'", expect![[r#"Collection == "a""#]]);
    ok("watch.Duration > 1", expect!["not (Duration <= 1)"]);
    ok(
        "watch.Duration > 1 and watch.Collection == 'a'",
        expect![[r#"not (Duration <= 1 or Duration > 1 and Collection != "a")"#]],
    );
}

#[test]
fn expressions_that_say_more_are_not_guessed_at() {
    let lost = |source: &str, expected| check_expression(source, false, expected);
    lost(
        "record.watch.Query == 'a'",
        expect!["lost: unknown field `Query`: fields of your own are under `Extra`: `Extra.Query`"],
    );
    lost("watch.DB", expect!["lost: `DB` alone, without a comparison"]);
    lost("True", expect!["lost: a value where a condition is needed"]);
    lost("len(watch.Filter) > 3", expect!["lost: the call of `len`"]);
    lost("watch.Filter['a'] == 1", expect!["lost: `[` is not understood there"]);
    lost("watch.Filter.a == 1", expect!["lost: `watch.Filter.a`"]);
    lost("watch.MatchedCount == watch.ModifiedCount", expect!["lost: `==` of two fields"]);
    lost(
        "watch.Duration == 'a'",
        expect!["lost: `Duration` is a number of seconds: expected one, without quotes"],
    );
    lost("watch.Duration // 2 > 1", expect!["lost: `//` is not understood there"]);
    lost("watch.DB == f'a'", expect!["lost: a text with `f` before it"]);
    lost("watch.DB == \"\"\"a\"\"\"", expect!["lost: a text in three quotes"]);
    lost("watch.DB == 'a' if x else y", expect!["lost: `if` is not understood there"]);
    lost("watch.Duration > 0x10", expect!["lost: the number `0x10`"]);
    lost("record.levelno >= 30", expect!["lost: `record.levelno`"]);
    lost("lambda: 1", expect!["lost: `:`"]);
    lost("watch.DB == 'a' and", expect!["lost: the end is not understood there"]);
    lost("", expect!["lost: the end is not understood there"]);
    lost("watch.DB == 'a", expect!["lost: a text without its end"]);
    lost("watch.DB == 'a' @ 2", expect!["lost: `@`"]);
    lost(
        &format!("{}watch.DB == 'a'", "not ".repeat(40)),
        expect!["lost: more than 30 brackets within one another"],
    );
    lost(&vec!["watch.Duration > 1"; 30].join(" or "), expect!["lost: more than 200 comparisons"]);
}

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
  same: {class: logging.handlers.RotatingFileHandler, filename: ./x.log, maxBytes: 10, backupCount: 1}
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
                path: './x.log'
                # not carried over: handlers.same.maxBytes (line 5): files are rotated at 1000 bytes or more:
                #   here never
                template: '{watch}'
                steps:
                  # not carried over: loggers.pymongo.watcher.collection.filters[0] (line 10): a filter of one
                  #   logger, where the handler has records of both
            --- told
            source.yaml:5:84: handlers.same.maxBytes: not carried over: files are rotated at 1000 bytes or more: here never
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
fn filters_of_python_that_are_not_known_are_named() {
    let filter = |filter: &str, expected: Expect| {
        let source = with_handler(
            "class: logging.StreamHandler\nfilters: [f]",
            &format!("filters:\n  f: {filter}\n"),
        );
        let shown = shown(&source);
        let steps = shown.split_once("steps:\n").map_or(&shown[..], |(_, steps)| steps);
        expected.assert_eq(steps);
    };
    filter(
        "{(): my.Filter, a: 1}",
        expect![[r#"
              # not carried over: filters.f (line 9): the filter `my.Filter`: its code is not known here
        --- told
        source.yaml:9:6: filters.f: not carried over: the filter `my.Filter`: its code is not known here
    "#]],
    );
    filter(
        "{name: pymongo.watcher}",
        expect![[r#"
        # Made by `mongowatch config convert` of source.yaml.
        layers:
        - console:
            name: h
            versions: all
            template: '{watch}'
        --- told

    "#]],
    );
    filter(
        "{name: pymongo.watcher.cursor}",
        expect![[r#"
            - when: 'WatcherName == "mongowatch.cursor"'
        --- told

    "#]],
    );
    filter(
        "{name: other}",
        expect![[r#"
              # not carried over: filters.f (line 9): a filter that lets nothing of pymongowatch pass
        --- told
        source.yaml:9:6: filters.f: not carried over: a filter that lets nothing of pymongowatch pass
    "#]],
    );
    filter(
        "{(): p.AddFieldAttributes, field_name: Who, attributes: [process, thread]}",
        expect![[r#"
                  # not carried over: filters.f (line 9): the attributes of log records for the field `Who`;
                  #   constants can be put into a record, such as: - set: {Extra.Team: payments}
            --- told
            source.yaml:9:6: filters.f: not carried over: the attributes of log records for the field `Who`; constants can be put into a record, such as: - set: {Extra.Team: payments}
        "#]],
    );
    filter(
        "{(): p.AddFieldAttributes, field_name: a.b, attributes: {a: 1}}",
        expect![[r#"
              # not carried over: filters.f (line 9): the attributes of log records for the field `a.b`;
              #   constants can be put into a record, such as: - set: {Extra.Team: payments}
        --- told
        source.yaml:9:6: filters.f: not carried over: the attributes of log records for the field `a.b`; constants can be put into a record, such as: - set: {Extra.Team: payments}
    "#]],
    );
    filter(
        "{(): p.AddFieldAttributes, field_name: Who, attributes: {$oid: 1}}",
        expect![[r#"
              # not carried over: filters.f (line 9): the attributes of log records for the field `Who`;
              #   constants can be put into a record, such as: - set: {Extra.Team: payments}
        --- told
        source.yaml:9:6: filters.f: not carried over: the attributes of log records for the field `Who`; constants can be put into a record, such as: - set: {Extra.Team: payments}
    "#]],
    );
    filter(
        "{(): p.AddFieldAttributes, field_name: Who, attributes: {env: HOME}}",
        expect![[r#"
              # not carried over: filters.f (line 9): the attributes of log records for the field `Who`;
              #   constants can be put into a record, such as: - set: {Extra.Team: payments}
        --- told
        source.yaml:9:6: filters.f: not carried over: the attributes of log records for the field `Who`; constants can be put into a record, such as: - set: {Extra.Team: payments}
    "#]],
    );
    filter(
        "{(): p.AddFieldAttributes, field_name: Who, attributes: '${HOME}: yes'}",
        expect![[r#"
                - set:
                    Extra.Who: '$${HOME}: yes'
            --- told

        "#]],
    );
    filter(
        "{(): p.RateFilter, attributes: [Duration, DB, Query, MatchedCount], output_rate_sec: 0.5, ignore_nones: false, extra_timeout_sec: 5, clone_watch: true, other: 1}",
        expect![[r#"
                # not carried over: filters.f.other (line 9): the key `other` of this filter
                # not carried over: filters.f.output_rate_sec (line 9): a period is between 1s and 24h: 60s here
                # changed: filters.f.attributes[0] (line 9): the sum of Duration is in `Extra.Duration.Sum`
                # changed: filters.f.attributes[1] (line 9): DB is no number: how many records there were is in
                #   `Extra.Count`, for each second in `Extra.Rate`
                # not carried over: filters.f.attributes[2] (line 9): a sum of `Query`
                # not carried over: filters.f.ignore_nones (line 9): what is not known is not counted here
                # changed: filters.f.extra_timeout_sec (line 9): not needed: a period ends with the clock,
                #   whether records come or not
                - rate: {by: [], sum: [MatchedCount]}
            --- told
            source.yaml:9:38: filters.f.attributes[0]: changed: the sum of Duration is in `Extra.Duration.Sum`
            source.yaml:9:48: filters.f.attributes[1]: changed: DB is no number: how many records there were is in `Extra.Count`, for each second in `Extra.Rate`
            source.yaml:9:52: filters.f.attributes[2]: not carried over: a sum of `Query`
            source.yaml:9:91: filters.f.output_rate_sec: not carried over: a period is between 1s and 24h: 60s here
            source.yaml:9:110: filters.f.ignore_nones: not carried over: what is not known is not counted here
            source.yaml:9:136: filters.f.extra_timeout_sec: changed: not needed: a period ends with the clock, whether records come or not
            source.yaml:9:165: filters.f.other: not carried over: the key `other` of this filter
        "#]],
    );
    filter(
        "{(): p.ExpressionFilter, expression: 'import os  # \"', other: 1}",
        expect![[r#"
              # not carried over: filters.f.other (line 9): the key `other` of this filter
              # not carried over: filters.f.expression (line 9): an expression of Python: `#`
              #   import os  # "
        --- told
        source.yaml:9:43: filters.f.expression: not carried over: an expression of Python: `#`
        source.yaml:9:68: filters.f.other: not carried over: the key `other` of this filter
    "#]],
    );
}

#[test]
fn watchers_that_differ_say_so() {
    check(
        "
version: 1
watchers:
  global: {timeout_sec: 0, default_fields: [DB, Collection, Query, Sort], log_level: {first: INFO}}
  collection:
    timeout_sec: 1.5
    default_fields: DB
    emit_on_new_retrieves: true
    result: {to: Result}
    undefined_arguments: {to: null}
    operations:
      find:
        filter: {to: Filter}
        sort: {to: Sort}
        max_time_ms: {to: Limit}
        hint: {to: null}
      insert_one:
        Team: {value: 'a, b'}
        DB: {value: 5}
        document: {to: Document}
        _result: {to: X}
        comment: {to: a.b, cast: ext://x, more: 1}
      explode: {a: {to: A}}
  cursor:
    timeout_sec: 86400
    log_level: {final: WARNING}
    emit_on_new_retrieves: off
    operations: {find_one: {sort: {to: Sort}}}
  change_stream: {timeout_sec: 5}
handlers:
  one: {class: logging.StreamHandler, level: INFO, formatter: f}
  two: {class: logging.StreamHandler}
  three: {class: logging.StreamHandler, level: WARNING}
formatters:
  f: {format: '{levelname} {watch.Sort}', style: '{'}
loggers:
  pymongo.watcher: {level: DEBUG, handlers: [two, one, three]}
",
        expect![[r##"
            # Made by `mongowatch config convert` of source.yaml.
            queue:
              # not carried over: watchers.global.timeout_sec (line 4): expected a time between a millisecond
              #   and a century: the default here
            watchers:
              collection:
                timeout: 1s 500ms
                fields: [DB]
                # not carried over: watchers.collection.emit_on_new_retrieves (line 8): only cursors have
                #   updates
                # not carried over: watchers.collection.operations.insert_one.DB (line 19): DB: expected a
                #   string, found an integer
                # not carried over: watchers.collection.operations.insert_one.document (line 20): inserted
                #   documents are in no record, only their ids: `InsertedIds`
                # not carried over: watchers.collection.operations.insert_one._result (line 21): what is known
                #   of results is in fields of their own, such as MatchedCount and InsertedIds
                # not carried over: watchers.collection.operations.insert_one.comment.cast (line 22): a function
                #   of Python: values are as they are in the driver's call
                # not carried over: watchers.collection.operations.insert_one.comment.more (line 22): the key
                #   `more` of an argument
                # not carried over: watchers.collection.operations.insert_one.comment (line 22): the field `a.b`
                # not carried over: watchers.collection.operations.explode.a (line 23): unknown operation
                #   `explode`
                # not carried over: watchers.collection.result (line 9): what is known of results is in fields
                #   of their own, such as MatchedCount and InsertedIds
                # not carried over: watchers.collection.undefined_arguments (line 10): arguments without an
                #   entry are in Options; `drop` is a step that removes them
                operations:
                  insert_one:
                    Extra.Team: {value: 'a, b'}
                levels: {first: info, update: off, final: info, timeout: info}
              cursor:
                timeout: 24h
                emit_on_new_retrieves: false
                # not carried over: watchers.cursor.operations.find_one.sort (line 28): unknown operation
                #   `find_one` here: it belongs to `collection`
                operations:
                  find:
                    sort: {to: Extra.Sort}
                    max_time: {to: Extra.Limit}
                    hint: {to: null}
                levels: {first: info, update: off, final: warn, timeout: info}
              # not carried over: watchers.change_stream (line 29): the watcher `change_stream`
            # not carried over: watchers.global.default_fields[2] (line 4): there is no field `Query`
            fields: [DB, Collection, Extra]
            layers:
            - console:
                name: one
                versions: all
                # not carried over: formatters.f.format (line 35): `levelname`: templates do not show the level
                # changed: formatters.f.format (line 35): `Sort` is under Extra, all of which is shown
                template: ' {Extra}'
            - console:
                name: two
                # not carried over: handlers.two (line 32): collections and cursors differ in their levels, in
                #   another way than at the handler before: here both have the more urgent one of each phase
                levels: {first: info, update: debug, final: warn, timeout: info}
                versions: all
                template: '{watch}'
            - console:
                name: three
                levels: {first: off, update: off, final: warn, timeout: off}
                versions: all
                template: '{watch}'
                steps:
                - when: 'WatcherName == "mongowatch.cursor"'
            --- told
            source.yaml:4:25: watchers.global.timeout_sec: not carried over: expected a time between a millisecond and a century: the default here
            source.yaml:4:61: watchers.global.default_fields[2]: not carried over: there is no field `Query`
            source.yaml:8:28: watchers.collection.emit_on_new_retrieves: not carried over: only cursors have updates
            source.yaml:9:13: watchers.collection.result: not carried over: what is known of results is in fields of their own, such as MatchedCount and InsertedIds
            source.yaml:10:26: watchers.collection.undefined_arguments: not carried over: arguments without an entry are in Options; `drop` is a step that removes them
            source.yaml:19:13: watchers.collection.operations.insert_one.DB: not carried over: DB: expected a string, found an integer
            source.yaml:20:19: watchers.collection.operations.insert_one.document: not carried over: inserted documents are in no record, only their ids: `InsertedIds`
            source.yaml:21:18: watchers.collection.operations.insert_one._result: not carried over: what is known of results is in fields of their own, such as MatchedCount and InsertedIds
            source.yaml:22:18: watchers.collection.operations.insert_one.comment: not carried over: the field `a.b`
            source.yaml:22:34: watchers.collection.operations.insert_one.comment.cast: not carried over: a function of Python: values are as they are in the driver's call
            source.yaml:22:49: watchers.collection.operations.insert_one.comment.more: not carried over: the key `more` of an argument
            source.yaml:23:20: watchers.collection.operations.explode.a: not carried over: unknown operation `explode`
            source.yaml:28:35: watchers.cursor.operations.find_one.sort: not carried over: unknown operation `find_one` here: it belongs to `collection`
            source.yaml:29:18: watchers.change_stream: not carried over: the watcher `change_stream`
            source.yaml:32:8: handlers.two: not carried over: collections and cursors differ in their levels, in another way than at the handler before: here both have the more urgent one of each phase
            source.yaml:35:15: formatters.f.format: not carried over: `levelname`: templates do not show the level
            source.yaml:35:15: formatters.f.format: changed: `Sort` is under Extra, all of which is shown
        "##]],
    );
}

/// A part of a file at random: what stands where it belongs, and what does not.
fn part() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "version",
        "watchers",
        "global",
        "collection",
        "cursor",
        "handlers",
        "loggers",
        "root",
        "formatters",
        "filters",
        "pymongo.watcher",
        "pymongo.watcher.cursor",
        "level",
        "DEBUG",
        "class",
        "logging.StreamHandler",
        "logging.FileHandler",
        "filename",
        "a.log",
        "format",
        "style",
        "'{'",
        "'{watch} {levelname:<9}'",
        "'%(asctime)s'",
        "stream",
        "ext://sys.stdout",
        "cfg://handlers.a",
        "cfg://root",
        "cfg://a[0].b",
        "'()'",
        "p.setup_queue_handler",
        "backend",
        "p.ExpressionFilter",
        "p.ExecuteFilter",
        "p.RateFilter",
        "p.AddFieldAttributes",
        "expression",
        "execute",
        "attributes",
        "field_name",
        "timeout_sec",
        "log_level",
        "default_fields",
        "csv",
        "file",
        "operations",
        "find",
        "to",
        "value",
        "a",
        "b",
        "1",
        "-5",
        "2.5e300",
        "0.001",
        "null",
        "true",
        "~",
        "'${A}'",
        "\"\\u2028\\n\"",
        "'watch.Duration > 1 or not watch.DB == \"a\"'",
        "MatchedCount",
        "DB",
        "&x",
        "*x",
        "!!str",
        "'",
        "é",
        "maxBytes",
        "backupCount",
        "1000000",
        "logging.handlers.RotatingFileHandler",
        "maxsize",
        "forced_delay_sec",
        "output_rate_sec",
    ];
    proptest::sample::select(WORDS).prop_map(str::to_owned)
}

/// YAML of such parts, indented at random.
fn yaml() -> impl Strategy<Value = String> {
    let value = part().prop_recursive(4, 60, 6, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..5);
        let map = proptest::collection::vec((part(), inner), 0..6);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(", "))),
            map.prop_map(|entries| {
                let entries = entries.iter().map(|(key, value)| format!("{key}: {value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    let entries = proptest::collection::vec((part(), value), 0..8);
    entries.prop_map(|entries| {
        let lines = entries.into_iter().map(|(key, value)| format!("{key}: {value}\n"));
        format!("version: 1\n{}", lines.collect::<String>())
    })
}

/// A file that is right but for some values.
fn nearly_right() -> impl Strategy<Value = String> {
    let n_parts = BIG.matches(':').count();
    proptest::collection::vec((0..n_parts, part()), 0..6).prop_map(|changes| {
        let mut lines: Vec<String> = BIG.lines().map(str::to_owned).collect();
        for (index, part) in changes {
            let place = index % lines.len();
            if let Some((key, _)) = lines[place].clone().split_once(": ") {
                lines[place] = format!("{key}: {part}");
            }
        }
        lines.join("\n")
    })
}

/// Either what comes out is right, or the source is at fault.
fn is_right_or_refused(source: &str) -> Result<(), TestCaseError> {
    match convert(source, "source.yaml") {
        Ok(converted) => {
            let errors = check_yaml_text(&converted.yaml, "result");
            prop_assert!(errors.is_empty(), "{errors:?}\n{}", converted.yaml);
        }
        Err(Refusal::Source(_)) => {}
        Err(Refusal::Result(message)) => prop_assert!(false, "{message}"),
    }
    Ok(())
}

proptest! {
    // Each case converts and checks a whole file.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_given_is_refused_or_becomes_right(source in yaml()) {
        is_right_or_refused(&source)?;
    }

    #[test]
    fn what_is_nearly_right_is_refused_or_becomes_right(source in nearly_right()) {
        is_right_or_refused(&source)?;
    }

    #[test]
    fn any_text_stays_what_it_was_in_yaml(text in any::<String>()) {
        let source = with_handler("class: logging.FileHandler", "");
        let name: String = text.chars().filter(|letter| *letter != '\0').collect();
        prop_assume!(!name.is_empty());
        let quoted = serde_json::to_string(&name).unwrap();
        let source = source.replace("class: logging.FileHandler", &format!("class: logging.FileHandler\n    filename: {quoted}"));
        if let Ok(converted) = convert(&source, "source.yaml") {
            let settings = crate::config::Settings::from_yaml_str(&converted.yaml, "result").unwrap();
            let mut paths = settings.layers.iter().filter_map(|layer| layer.path());
            prop_assert_eq!(paths.next(), Some(std::path::Path::new(&name)));
        }
    }
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
