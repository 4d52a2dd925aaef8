//! The driver's calls that are recorded: who watches them, and what each may say.

use crate::record::{WatcherName, nearest};

/// One call of the driver, as records name it.
#[derive(Debug)]
pub(crate) struct KnownCall {
    pub(crate) watcher: WatcherName,
    /// The driver's method in snake case.
    pub(crate) operation: &'static str,
    /// What the driver calls the argument that stands in `Filter`, if there is one.
    pub(crate) filter: Option<&'static str>,
    /// The same of `Update`.
    pub(crate) update: Option<&'static str>,
    /// Arguments that stand among the options, with their names there.
    pub(crate) arguments: &'static [(&'static str, &'static str)],
    /// The driver's options.
    pub(crate) options: &'static [&'static str],
}

/// What the values of an option are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionKind {
    Document,
    Array,
    Text,
    Number,
    Boolean,
    TextOrDocument,
    DocumentOrArray,
    Any,
}

/// The name of a call in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallName {
    Known,
    /// None of the calls of this watcher; perhaps this one was meant.
    Unknown(Option<&'static str>),
}

/// One line a call: operation, what `Filter` and `Update` are, arguments, options.
macro_rules! calls {
    ($(
        $watcher:ident { $(
            $operation:ident($($filter:ident)?; $($update:ident)?)
            $([$($argument:ident = $key:literal),+])? $options:ident;
        )+ }
    )+) => {
        &[$($(KnownCall {
            watcher: WatcherName::$watcher,
            operation: stringify!($operation),
            filter: calls!(@name $($filter)?),
            update: calls!(@name $($update)?),
            arguments: &[$($((stringify!($argument), $key)),+)?],
            options: $options,
        },)+)+]
    };
    (@name) => { None };
    (@name $name:ident) => { Some(stringify!($name)) };
}

const NONE: &[&str] = &[];
const AGGREGATE: &[&str] = &[
    "allow_disk_use",
    "batch_size",
    "bypass_document_validation",
    "collation",
    "comment",
    "hint",
    "max_await_time",
    "max_time",
    "read_concern",
    "selection_criteria",
    "write_concern",
    "let_vars",
];
const FIND: &[&str] = &[
    "allow_disk_use",
    "allow_partial_results",
    "batch_size",
    "comment",
    "cursor_type",
    "hint",
    "limit",
    "max",
    "max_await_time",
    "max_scan",
    "max_time",
    "min",
    "no_cursor_timeout",
    "projection",
    "read_concern",
    "return_key",
    "selection_criteria",
    "show_record_id",
    "skip",
    "sort",
    "collation",
    "let_vars",
];
const FIND_ONE: &[&str] = &[
    "allow_partial_results",
    "collation",
    "comment",
    "hint",
    "max",
    "max_scan",
    "max_time",
    "min",
    "projection",
    "read_concern",
    "return_key",
    "selection_criteria",
    "show_record_id",
    "skip",
    "sort",
    "let_vars",
];
const COUNT: &[&str] = &[
    "hint",
    "limit",
    "max_time",
    "skip",
    "collation",
    "selection_criteria",
    "read_concern",
    "comment",
];
const ESTIMATED_COUNT: &[&str] = &["max_time", "selection_criteria", "read_concern", "comment"];
const DISTINCT: &[&str] =
    &["max_time", "selection_criteria", "read_concern", "collation", "comment", "hint"];
const UPDATE: &[&str] = &[
    "array_filters",
    "bypass_document_validation",
    "upsert",
    "collation",
    "hint",
    "write_concern",
    "let_vars",
    "comment",
    "sort",
];
const REPLACE: &[&str] = UPDATE.split_at(1).1;
const DELETE: &[&str] = &["collation", "write_concern", "hint", "let_vars", "comment"];
const FIND_ONE_AND_DELETE: &[&str] = &[
    "max_time",
    "projection",
    "sort",
    "write_concern",
    "collation",
    "hint",
    "let_vars",
    "comment",
];
const FIND_ONE_AND_UPDATE: &[&str] = &[
    "array_filters",
    "bypass_document_validation",
    "max_time",
    "projection",
    "return_document",
    "sort",
    "upsert",
    "write_concern",
    "collation",
    "hint",
    "let_vars",
    "comment",
];
const FIND_ONE_AND_REPLACE: &[&str] = FIND_ONE_AND_UPDATE.split_at(1).1;
const INSERT_MANY: &[&str] = &["bypass_document_validation", "ordered", "write_concern", "comment"];
const INSERT_ONE: &[&str] = &["bypass_document_validation", "write_concern", "comment"];
const CREATE_INDEX: &[&str] = &["commit_quorum", "max_time", "write_concern", "comment"];
const DROP_INDEX: &[&str] = &["max_time", "write_concern", "comment"];
const LIST_INDEXES: &[&str] = &["max_time", "batch_size", "comment"];
const LIST_COLLECTIONS: &[&str] = &["batch_size", "comment", "filter", "authorized_collections"];
const LIST_DATABASES: &[&str] = &["authorized_databases", "comment", "filter"];
const CREATE_COLLECTION: &[&str] = &[
    "capped",
    "size",
    "max",
    "storage_engine",
    "validator",
    "validation_level",
    "validation_action",
    "view_on",
    "pipeline",
    "collation",
    "write_concern",
    "index_option_defaults",
    "timeseries",
    "expire_after_seconds",
    "change_stream_pre_and_post_images",
    "clustered_index",
    "comment",
];
const DROP: &[&str] = &["write_concern"];
const RUN_COMMAND: &[&str] = &["selection_criteria"];
const RUN_CURSOR_COMMAND: &[&str] =
    &["selection_criteria", "cursor_type", "batch_size", "max_time", "comment"];
const BULK_WRITE: &[&str] =
    &["ordered", "bypass_document_validation", "comment", "let_vars", "write_concern"];
const WATCH: &[&str] = &[
    "full_document",
    "full_document_before_change",
    "resume_after",
    "start_at_operation_time",
    "start_after",
    "max_await_time",
    "batch_size",
    "collation",
    "read_concern",
    "selection_criteria",
    "show_expanded_events",
    "comment",
];
const TRANSACTION: &[&str] =
    &["read_concern", "write_concern", "selection_criteria", "max_commit_time"];
/// The metadata of a file is not recorded.
const UPLOAD: &[&str] = &["chunk_size_bytes"];
const DOWNLOAD_BY_NAME: &[&str] = &["revision"];
const FIND_FILES: &[&str] = &["allow_disk_use", "batch_size", "limit", "max_time", "skip", "sort"];
const FIND_FILE: &[&str] = &["max_time", "skip", "sort"];

const CALLS: &[KnownCall] = calls! {
    Collection {
        insert_one(;) INSERT_ONE;
        insert_many(;) INSERT_MANY;
        update_one(query; update) UPDATE;
        update_many(query; update) UPDATE;
        replace_one(query; replacement) REPLACE;
        delete_one(query;) DELETE;
        delete_many(query;) DELETE;
        find_one(filter;) FIND_ONE;
        find_one_and_delete(filter;) FIND_ONE_AND_DELETE;
        find_one_and_update(filter; update) FIND_ONE_AND_UPDATE;
        find_one_and_replace(filter; replacement) FIND_ONE_AND_REPLACE;
        count_documents(filter;) COUNT;
        estimated_document_count(;) ESTIMATED_COUNT;
        distinct(filter;) [key = "key", field_name = "key"] DISTINCT;
        create_index(index;) CREATE_INDEX;
        create_indexes(indexes;) CREATE_INDEX;
        drop_index(name;) DROP_INDEX;
        drop_indexes(;) DROP_INDEX;
        list_index_names(;) LIST_INDEXES;
        create_search_index(model;) NONE;
        create_search_indexes(models;) NONE;
        update_search_index(name; definition) NONE;
        drop_search_index(name;) NONE;
        drop(;) DROP;
    }
    Cursor {
        find(filter;) FIND;
        aggregate(pipeline;) AGGREGATE;
        list_indexes(;) LIST_INDEXES;
        list_search_indexes(name;) AGGREGATE;
        list_collections(;) LIST_COLLECTIONS;
        run_cursor_command(command;) RUN_CURSOR_COMMAND;
        watch(pipeline;) WATCH;
    }
    Database {
        run_command(command;) RUN_COMMAND;
        create_collection(;) CREATE_COLLECTION;
        list_collection_names(;) LIST_COLLECTIONS;
        drop(;) DROP;
    }
    Client {
        list_databases(;) LIST_DATABASES;
        list_database_names(;) LIST_DATABASES;
        bulk_write(models;) [n_ops = "nOps"] BULK_WRITE;
    }
    Session {
        commit_transaction(;) TRANSACTION;
        abort_transaction(;) TRANSACTION;
    }
    Gridfs {
        open_upload_stream(filename;) UPLOAD;
        open_download_stream(id;) NONE;
        open_download_stream_by_name(filename;) DOWNLOAD_BY_NAME;
        find(filter;) FIND_FILES;
        find_one(filter;) FIND_FILE;
        rename(id; new_filename) NONE;
        rename_by_name(filename; new_filename) NONE;
        delete(id;) NONE;
        delete_by_name(filename;) NONE;
        drop(;) NONE;
    }
};

impl KnownCall {
    /// The calls of a watcher. None, if it may watch anything: the server's commands.
    pub(crate) fn all_of(watcher: WatcherName) -> impl Iterator<Item = &'static Self> {
        CALLS.iter().filter(move |call| call.watcher == watcher)
    }

    /// Looks for a call by its name.
    pub(crate) fn find(watcher: WatcherName, operation: &str) -> Option<&'static Self> {
        Self::all_of(watcher).find(|call| call.operation == operation)
    }

    /// The first watcher that has a call of this name.
    pub(crate) fn watcher_of(operation: &str) -> Option<WatcherName> {
        CALLS.iter().find(|call| call.operation == operation).map(|call| call.watcher)
    }

    /// Is it the name of a call of this watcher? Raw traffic may be any command, in snake case.
    pub(crate) fn is_named(watcher: WatcherName, operation: &str) -> CallName {
        let is_word = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_');
        let is_command = watcher == WatcherName::Command && operation.chars().all(is_word);
        if Self::find(watcher, operation).is_some() || (is_command && !operation.is_empty()) {
            return CallName::Known;
        }
        CallName::Unknown(nearest(operation, Self::all_of(watcher).map(|call| call.operation)))
    }

    /// Where an argument or an option of this name stands in a record: the field, and the key below
    /// it.
    pub(crate) fn place_of(&self, name: &str) -> Option<(&'static str, Option<String>)> {
        // An option `filter` is what the driver has instead of an argument.
        if self.options.contains(&name) {
            return Some(("Options", Some(server_name(name))));
        }
        if let Some((_, key)) = self.arguments.iter().find(|(argument, _)| *argument == name) {
            return Some(("Options", Some((*key).to_owned())));
        }
        let is = |argument: Option<&str>, short: &str| {
            argument.is_some_and(|argument| argument == name || short == name)
        };
        match name {
            _ if is(self.filter, "filter") => Some(("Filter", None)),
            _ if is(self.update, "update") => Some(("Update", None)),
            _ => None,
        }
    }

    /// Every name that [`KnownCall::place_of`] knows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let short = [self.filter.map(|_| "filter"), self.update.map(|_| "update")];
        let arguments = self.arguments.iter().map(|(argument, _)| *argument);
        let own = [self.filter, self.update].into_iter().chain(short).flatten();
        own.chain(arguments).chain(self.options.iter().copied())
    }

    /// What the values of an option or argument of this name are.
    pub(crate) fn kind_of(&self, name: &str) -> OptionKind {
        if self.options.contains(&name) {
            return match name {
                "max" if self.operation == "create_collection" => OptionKind::Number,
                _ => kind_of(name),
            };
        }
        let argument = match name {
            "filter" => self.filter,
            "update" => self.update,
            _ => None,
        };
        match argument.unwrap_or(name) {
            "update" => OptionKind::DocumentOrArray,
            "pipeline" | "indexes" | "models" => OptionKind::Array,
            name if [self.filter, self.update].contains(&Some(name)) => OptionKind::Document,
            name => kind_of(name),
        }
    }
}

fn kind_of(name: &str) -> OptionKind {
    match name {
        "collation"
        | "min"
        | "max"
        | "projection"
        | "sort"
        | "let_vars"
        | "storage_engine"
        | "validator"
        | "index_option_defaults"
        | "timeseries"
        | "resume_after"
        | "start_after"
        | "change_stream_pre_and_post_images"
        | "clustered_index"
        | "read_concern"
        | "write_concern" => OptionKind::Document,
        "array_filters" | "pipeline" => OptionKind::Array,
        "key"
        | "field_name"
        | "view_on"
        | "cursor_type"
        | "return_document"
        | "full_document"
        | "full_document_before_change"
        | "validation_level"
        | "validation_action" => OptionKind::Text,
        "hint" | "selection_criteria" => OptionKind::TextOrDocument,
        "batch_size"
        | "limit"
        | "skip"
        | "max_scan"
        | "max_time"
        | "max_await_time"
        | "max_commit_time"
        | "size"
        | "expire_after_seconds"
        | "chunk_size_bytes"
        | "revision"
        | "n_ops" => OptionKind::Number,
        "allow_disk_use"
        | "allow_partial_results"
        | "bypass_document_validation"
        | "no_cursor_timeout"
        | "return_key"
        | "show_record_id"
        | "upsert"
        | "ordered"
        | "authorized_collections"
        | "authorized_databases"
        | "capped"
        | "show_expanded_events" => OptionKind::Boolean,
        _ => OptionKind::Any,
    }
}

/// What the server calls an option of the driver.
///
/// Source: MongoDB manual, "Database Commands".
pub(crate) fn server_name(name: &str) -> String {
    match name {
        "let_vars" => "let".to_owned(),
        "max_time" => "maxTimeMS".to_owned(),
        "max_await_time" => "maxAwaitTimeMS".to_owned(),
        "selection_criteria" => "readPreference".to_owned(),
        _ => camel_case(name),
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_uppercase());
        camel.push_str(rest);
    }
    camel
}
