//! Filters of Python, and what watchers say, in which they differ.

use super::*;

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
