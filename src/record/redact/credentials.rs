//! Credentials: in connection strings that texts quote, and in commands that an application writes by
//! hand.

use std::{borrow::Cow, sync::Arc};

use mongodb::bson::{Bson, Document, JavaScriptCodeWithScope};

use super::{REDACTED, is_sensitive_command};
use crate::record::{WatchMessage, WatcherName, with_pattern};

/// Nothing that a server takes is nested deeper; what is goes as a whole.
const DEPTH_MAX: usize = 128;

/// Takes credentials out of a record, wherever the application or the driver may have put them.
pub(super) fn remove(record: &mut WatchMessage) {
    if let Some(error) = &mut record.error
        && let Some(message) = &error.message
        && let Cow::Owned(clean) = without_userinfo(message)
    {
        Arc::make_mut(error).message = Some(clean);
    }
    let body = if is_command(record) { Body::Command } else { Body::Data };
    clean(&mut record.filter, body);
    clean(&mut record.update, Body::Data);
    clean(&mut record.options, Body::Data);
    if let Some(ids) = &mut record.inserted_ids
        && ids.iter().any(|id| has_credentials(id, Body::Data, 0))
    {
        *ids = Arc::new(ids.iter().map(|id| cleaned(id, Body::Data, 0)).collect());
    }
}

/// What a part of a record holds.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// A command, which may be one that carries credentials, or hold one.
    Command,
    /// The application's data, which may quote connection strings.
    Data,
}

fn clean(part: &mut Option<Arc<Bson>>, body: Body) {
    if let Some(value) = part
        && has_credentials(value, body, 0)
    {
        *part = Some(Arc::new(cleaned(value, body, 0)));
    }
}

/// Is the record's filter the body of a command?
fn is_command(record: &WatchMessage) -> bool {
    const QUERIES: &[&str] = &[
        "find",
        "count",
        "distinct",
        "aggregate",
        "find_and_modify",
        "update",
        "delete",
        "insert",
    ];
    record.operation.starts_with("run_")
        || record.watcher == WatcherName::Command && !QUERIES.contains(&&*record.operation)
}

fn has_credentials(value: &Bson, body: Body, depth: usize) -> bool {
    match value {
        Bson::Document(_) | Bson::Array(_) if depth >= DEPTH_MAX => true,
        Bson::Array(items) => items.iter().any(|item| has_credentials(item, body, depth + 1)),
        Bson::Document(document) => {
            body == Body::Command
                && (sensitive(document).is_some() || document.keys().any(|key| is_secret(key)))
                || document.values().any(|value| has_credentials(value, body, depth + 1))
        }
        leaf => clean_leaf(leaf, depth).is_some(),
    }
}

fn cleaned(value: &Bson, body: Body, depth: usize) -> Bson {
    match value {
        Bson::Document(_) | Bson::Array(_) if depth >= DEPTH_MAX => REDACTED.into(),
        Bson::Array(items) => {
            Bson::Array(items.iter().map(|item| cleaned(item, body, depth + 1)).collect())
        }
        Bson::Document(document) => match sensitive(document) {
            Some(name) if body == Body::Command => {
                Bson::Document(Document::from_iter([(name.to_owned(), REDACTED.into())]))
            }
            _ => {
                let entry = |(key, value): (&String, &Bson)| {
                    let is_secret = body == Body::Command && is_secret(key);
                    let value =
                        if is_secret { REDACTED.into() } else { cleaned(value, body, depth + 1) };
                    (key.clone(), value)
                };
                Bson::Document(document.iter().map(entry).collect())
            }
        },
        leaf => clean_leaf(leaf, depth).unwrap_or_else(|| leaf.clone()),
    }
}

/// What becomes of a text, or of what holds one, if it quotes credentials.
fn clean_leaf(value: &Bson, depth: usize) -> Option<Bson> {
    let clean = |text: &str| match without_userinfo(text) {
        Cow::Owned(clean) => Some(clean),
        Cow::Borrowed(_) => None,
    };
    match value {
        Bson::String(text) => clean(text).map(Bson::String),
        Bson::Symbol(text) => clean(text).map(Bson::Symbol),
        Bson::JavaScriptCode(code) => clean(code).map(Bson::JavaScriptCode),
        Bson::JavaScriptCodeWithScope(code) => {
            let scope = Bson::Document(code.scope.clone());
            let is_scope = has_credentials(&scope, Body::Data, depth + 1);
            let text = clean(&code.code);
            if !is_scope && text.is_none() {
                return None;
            }
            let scope = match cleaned(&scope, Body::Data, depth + 1) {
                Bson::Document(scope) => scope,
                _ => Document::new(),
            };
            let code = text.unwrap_or_else(|| code.code.clone());
            Some(JavaScriptCodeWithScope { code, scope }.into())
        }
        Bson::RegularExpression(regex) => {
            let pattern = clean(&regex.pattern.to_string())?;
            with_pattern(regex, pattern).map(Bson::RegularExpression)
        }
        _ => None,
    }
}

/// The command that carries credentials, wherever among the keys its name stands. `hello` is a word of
/// other meanings too, and counts only where commands have their names.
fn sensitive(document: &Document) -> Option<&str> {
    let mut names = document.keys().enumerate();
    let found = names.find(|(index, name)| {
        let is_handshake = ["hello", "ismaster"].iter().any(|word| word.eq_ignore_ascii_case(name));
        is_sensitive_command(name) && (*index == 0 || !is_handshake)
    });
    found.map(|(_, name)| name.as_str())
}

/// The keys of commands that hold secrets, in any command.
fn is_secret(key: &str) -> bool {
    const SECRETS: &[&str] = &[
        "pwd",
        "password",
        "passwd",
        "passphrase",
        "speculativeauthenticate",
        "ldapquerypassword",
        "secretaccesskey",
        "sessiontoken",
        "accesstoken",
        "kmsproviders",
    ];
    SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(key))
}

/// The text without what stands between `://` and the last `@` of the same word, where connection
/// strings have their user and password.
fn without_userinfo(text: &str) -> Cow<'_, str> {
    // What most texts have not.
    if !text.contains('@') || !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        clean.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
            .unwrap_or(after.len());
        // What was looked through is not looked through again: many `://` in one word take no longer.
        if let Some(at) = after[..end].rfind('@') {
            clean.push_str(REDACTED);
            rest = &after[at..];
        } else {
            clean.push_str(&after[..end]);
            rest = &after[end..];
        }
    }
    clean.push_str(rest);
    if clean == text { Cow::Borrowed(text) } else { Cow::Owned(clean) }
}
