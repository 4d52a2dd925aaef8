//! What becomes of files of pymongowatch, part by part.

use expect_test::{Expect, expect};

use super::{Refusal, convert};

mod expressions;
mod faults;
mod filters;
mod layers;
mod properties;

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
