//! A record as the audit events that a server would write of it.

use mongodb::bson::{Array, Bson, DateTime, Document, doc};

use super::command;
use crate::record::{Outcome, WatchMessage, WatcherName};

/// The events of a record: the check of permissions, and what a command is besides. The sums of a
/// `rate` step are no events.
pub(super) fn of(record: &WatchMessage, with_args: bool) -> impl Iterator<Item = Document> {
    let told = Told::of(record);
    let check = told.as_ref().map(|told| told.event("authCheck", told.check(with_args)));
    let own = told.as_ref().and_then(|told| {
        let kind = command::event(told.command)?;
        Some(told.event(kind, told.param(kind)))
    });
    check.into_iter().chain(own)
}

/// What a record tells of its command.
struct Told<'a> {
    record: &'a WatchMessage,
    command: &'a str,
    /// The command's body, where the application wrote it itself.
    body: Option<&'a Document>,
    collection: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(record: &'a WatchMessage) -> Option<Self> {
        let collection = record.collection.as_deref();
        let operation = record.operation.as_ref();
        let told = |command| Self { record, command, body: None, collection };
        match (record.watcher, operation) {
            (WatcherName::Rate | WatcherName::Watcher, _) => None,
            (WatcherName::Gridfs, _) => Some(told(command::of_files(operation))),
            (_, "run_command" | "run_cursor_command") => {
                let body = record.filter.as_deref().and_then(Bson::as_document);
                let first = body.and_then(|body| body.iter().next());
                let command = first.map_or(operation, |(name, _)| name);
                // `{dropDatabase: 1}` names none.
                let named = first.and_then(|(_, value)| value.as_str());
                let named = named.filter(|_| command::is_on_collection(command));
                Some(Self { record, command, body, collection: collection.or(named) })
            }
            _ => Some(told(command::of_operation(operation, collection.is_some()))),
        }
    }

    fn event(&self, atype: &str, param: Document) -> Document {
        let origin = &self.record.origin;
        let mut event = doc! {
            "atype": atype,
            "ts": DateTime::from_millis(self.record.start_time.as_micros().div_euclid(1_000)),
        };
        if let Some(server) = &self.record.traffic.server {
            event.insert("local", endpoint(server));
        }
        if let Some(host) = &origin.host {
            event.insert("remote", doc! { "ip": host });
        }
        let user = origin.user.as_ref().map(|user| match &origin.auth_source {
            Some(source) => doc! { "user": user, "db": source },
            None => doc! { "user": user },
        });
        event.insert("users", user.into_iter().map(Bson::Document).collect::<Array>());
        event.insert("roles", Array::new());
        event.insert("param", param);
        if let Some(result) = self.result() {
            event.insert("result", result);
        }
        event
    }

    /// 0 for success, and as long as nothing is wrong; nothing for an error without a code.
    fn result(&self) -> Option<i32> {
        let error = self.record.error.as_deref();
        let code = error.and_then(|error| {
            let first = error.write_errors.first().map(|error| error.code);
            error.code.or(first)
        });
        match self.record.outcome {
            None | Some(Outcome::Ok) => Some(code.unwrap_or(0)),
            Some(_) => code,
        }
    }

    fn ns(&self) -> Option<String> {
        let db = self.record.db.as_deref()?;
        Some(
            self.collection
                .map_or_else(|| db.to_owned(), |collection| format!("{db}.{collection}")),
        )
    }

    /// `param` of an `authCheck`.
    fn check(&self, with_args: bool) -> Document {
        let mut param = doc! { "command": self.command };
        param.extend(self.ns().map(|ns| ("ns".to_owned(), ns.into())));
        if with_args {
            param.insert("args", self.args());
        }
        param
    }

    /// The command as far as the record knows it.
    fn args(&self) -> Document {
        let db = self.record.db.as_deref();
        let database = db.map(|db| ("$db".to_owned(), Bson::from(db)));
        if let Some(body) = self.body {
            let mut args = body.clone();
            args.extend(database);
            return args;
        }
        let mut args = Document::new();
        args.insert(self.command, self.collection.map_or(Bson::Int32(1), Bson::from));
        let filter = self.record.filter.as_deref();
        let update = self.record.update.as_deref();
        let query = filter.cloned().unwrap_or_else(|| Document::new().into());
        match self.command {
            "update" => {
                let mut one = doc! { "q": query };
                one.extend(update.map(|update| ("u".to_owned(), update.clone())));
                args.insert("updates", vec![Bson::Document(one)]);
            }
            "delete" => {
                let limit = i32::from(self.record.operation == "delete_one");
                args.insert("deletes", vec![Bson::from(doc! { "q": query, "limit": limit })]);
            }
            "createIndexes" => {
                let indexes = match query {
                    Bson::Array(specs) => specs,
                    spec => vec![spec],
                };
                args.insert("indexes", indexes);
            }
            "dropIndexes" => args.extend(query.as_document().cloned().unwrap_or_default()),
            "insert" => {}
            _ => {
                let name = match (self.command, filter) {
                    ("aggregate", _) | (_, Some(Bson::Array(_))) if self.command != "bulkWrite" => {
                        "pipeline"
                    }
                    ("bulkWrite", _) => "ops",
                    ("find", _) => "filter",
                    _ => "query",
                };
                args.extend(filter.map(|filter| (name.to_owned(), filter.clone())));
                args.extend(update.map(|update| ("update".to_owned(), update.clone())));
            }
        }
        if let Some(Bson::Document(options)) = self.record.options.as_deref() {
            for (key, value) in options {
                args.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        args.extend(database);
        args
    }

    /// `param` of an event of its own.
    fn param(&self, kind: &str) -> Document {
        let mut param = Document::new();
        let body = |key: &str| self.body.and_then(|body| body.get(key)).cloned();
        match kind {
            "renameCollection" => {
                param.extend(body("renameCollection").map(|name| ("old".to_owned(), name)));
                param.extend(body("to").map(|name| ("new".to_owned(), name)));
            }
            "createUser"
            | "dropUser"
            | "updateUser"
            | "grantRolesToUser"
            | "revokeRolesFromUser" => {
                param.extend(body(kind).map(|name| ("user".to_owned(), name)));
                param.extend(self.record.db.as_deref().map(|db| ("db".to_owned(), db.into())));
            }
            "createRole"
            | "dropRole"
            | "updateRole"
            | "grantRolesToRole"
            | "revokeRolesFromRole" => {
                param.extend(body(kind).map(|name| ("role".to_owned(), name)));
                param.extend(self.record.db.as_deref().map(|db| ("db".to_owned(), db.into())));
            }
            "shardCollection" | "refineCollectionShardKey" => {
                param.extend(body(kind).map(|ns| ("ns".to_owned(), ns)));
            }
            "applicationMessage" => {
                param.extend(body("logApplicationMessage").map(|text| ("msg".to_owned(), text)));
            }
            "createIndex" | "dropIndex" => {
                param.extend(self.ns().map(|ns| ("ns".to_owned(), ns.into())));
                param.extend(self.index());
            }
            _ => param.extend(self.ns().map(|ns| ("ns".to_owned(), ns.into()))),
        }
        param
    }

    /// The index that is made or dropped; the first one of several.
    fn index(&self) -> Vec<(String, Bson)> {
        let spec = match (self.body, self.record.filter.as_deref()) {
            (Some(body), _) => match body.get("indexes") {
                Some(Bson::Array(specs)) => specs.first(),
                _ => body.get("index"),
            },
            (None, Some(Bson::Array(specs))) => specs.first(),
            (None, Some(Bson::Document(document))) if document.contains_key("index") => {
                document.get("index")
            }
            (None, filter) => filter,
        };
        match spec {
            Some(Bson::Document(spec)) => {
                let name = spec.get("name").cloned().map(|name| ("indexName".to_owned(), name));
                let spec = ("indexSpec".to_owned(), Bson::Document(spec.clone()));
                name.into_iter().chain([spec]).collect()
            }
            Some(name @ Bson::String(_)) => vec![("indexName".to_owned(), name.clone())],
            _ => Vec::new(),
        }
    }
}

/// `host:port` in two parts.
fn endpoint(address: &str) -> Document {
    match address.rsplit_once(':') {
        Some((host, port)) => match port.parse::<u16>() {
            Ok(port) => doc! { "ip": host, "port": i32::from(port) },
            Err(_) => doc! { "unix": address },
        },
        None => doc! { "unix": address },
    }
}
