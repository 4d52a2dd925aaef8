//! One walk over the query of a record: writes what its shape depends on, and nothing else.

use mongodb::bson::{Bson, Document};

use super::{
    guard::guarded,
    kind::Kind,
    rules::{self, Rule},
};
use crate::record::{WatchMessage, WatcherName};

/// What the bytes of a walk begin with, node by node.
pub(super) mod tag {
    /// Keys and nodes up to [`END`].
    pub(in super::super) const DOCUMENT: u8 = 1;
    /// The same in any order.
    pub(in super::super) const FIELDS: u8 = 2;
    pub(in super::super) const ARRAY: u8 = 3;
    /// The same in any order; equal ones count once.
    pub(in super::super) const SET: u8 = 4;
    /// Conditions that must all hold.
    pub(in super::super) const ALL: u8 = 5;
    /// A value, by its kind.
    pub(in super::super) const VALUE: u8 = 6;
    pub(in super::super) const TEXT: u8 = 7;
    pub(in super::super) const INT: u8 = 8;
    pub(in super::super) const FALSE: u8 = 9;
    pub(in super::super) const TRUE: u8 = 10;
    pub(in super::super) const END: u8 = 11;
    pub(in super::super) const KEY: u8 = 12;
    /// Keys and nodes, those after the first one in any order.
    pub(in super::super) const COMMAND: u8 = 13;
}

/// What is nested deeper is a value.
const DEPTH_MAX: usize = 32;
/// What comes after so many bytes of a walk is left out.
pub(super) const LEN_MAX: usize = 8 * 1_024;
/// Stands for the keys that are left out.
const MORE: &str = "<more>";
/// An argument list with more items is one value.
const ITEMS_MAX: usize = 64;
const SETTING_MAX: usize = 32;

/// What the shape of the record depends on; none if it has no query.
pub(super) fn walk(record: &WatchMessage) -> Option<Vec<u8>> {
    let filter = record.filter.as_deref();
    let update = record.update.as_deref();
    let options = record.options.as_deref().and_then(Bson::as_document);
    let inserts = matches!(&*record.operation, "insert_one" | "insert_many" | "insert");
    if filter.is_none() && update.is_none() && !inserts {
        return None;
    }
    let mut walk = Walk { out: Vec::with_capacity(512), depth: 0 };
    walk.text(record.db.as_deref());
    walk.text(record.collection.as_deref());
    walk.text(Some(&record.operation));
    walk.open(tag::FIELDS);
    if inserts {
        walk.key("documents");
        walk.value(&Bson::Array(vec![Bson::Document(Document::new())]));
    }
    if let Some(filter) = filter {
        let (name, rule) = filter_rule(record, filter);
        walk.key(name);
        walk.rule(rule, filter);
    }
    if let Some(update) = update {
        walk.key("update");
        walk.rule(update_rule(record, filter), update);
    }
    for (name, value) in options.into_iter().flatten() {
        if let Some(rule) = rules::find(rules::OPTIONS, name) {
            walk.key(name);
            walk.rule(rule, value);
        }
    }
    walk.close();
    Some(walk.out)
}

/// What the record's filter is, and its name in the shape.
fn filter_rule(record: &WatchMessage, filter: &Bson) -> (&'static str, Rule) {
    let is_list = matches!(filter, Bson::Array(_));
    let is_raw = record.watcher == WatcherName::Command;
    match &*record.operation {
        "find"
        | "find_one"
        | "count"
        | "count_documents"
        | "distinct"
        | "update_one"
        | "update_many"
        | "replace_one"
        | "delete_one"
        | "delete_many"
        | "find_one_and_delete"
        | "find_one_and_update"
        | "find_one_and_replace"
        | "find_and_modify"
            if !is_list =>
        {
            ("filter", Rule::Match)
        }
        "update" | "delete" if is_raw && is_list => ("filter", Rule::Set(&Rule::Match)),
        "update" | "delete" if is_raw => ("filter", Rule::Match),
        "aggregate" | "watch" if is_list => ("pipeline", Rule::Pipeline),
        "bulk_write" if is_list => ("writes", rules::WRITES),
        operation if is_raw || operation.starts_with("run_") => ("command", Rule::Command),
        _ => ("filter", Rule::Typed),
    }
}

/// The updates of several statements stand in a list, which a pipeline is too: the conditions tell.
fn update_rule(record: &WatchMessage, filter: Option<&Bson>) -> Rule {
    let is_raw = record.watcher == WatcherName::Command && record.operation == "update";
    match filter {
        Some(Bson::Array(_)) if is_raw => Rule::Set(&Rule::Update),
        _ => Rule::Update,
    }
}

struct Walk {
    out: Vec<u8>,
    depth: usize,
}

impl Walk {
    fn rule(&mut self, rule: Rule, value: &Bson) {
        if self.depth >= DEPTH_MAX || self.is_full() {
            return self.value(value);
        }
        self.depth += 1;
        self.part(rule, value);
        self.depth -= 1;
    }

    /// Each rule takes what has its form; everything else is a value.
    fn part(&mut self, rule: Rule, value: &Bson) {
        match (rule, value) {
            (Rule::Or(first, _), Bson::Document(_)) => self.rule(*first, value),
            (Rule::Or(first, _), Bson::Array(_)) if matches!(first, Rule::Pipeline) => {
                self.rule(*first, value);
            }
            (Rule::Or(_, second), _) => self.rule(*second, value),
            (Rule::Flag, Bson::Boolean(flag)) => self.flag(*flag),
            (Rule::Word(words), Bson::String(word)) if words.contains(&word.as_str()) => {
                self.text(Some(word));
            }
            (Rule::Setting, _) => self.setting(value),
            (Rule::Name | Rule::Names, Bson::String(name)) if is_name(name) => {
                self.text(Some(&guarded(name)));
            }
            (Rule::Names, Bson::Array(names)) if names.len() <= ITEMS_MAX => {
                self.items(tag::ARRAY, names, |walk, name| walk.rule(Rule::Name, name));
            }
            (Rule::Match, Bson::Document(document)) => self.conditions(document),
            (Rule::Expr, _) => self.expression(value),
            (Rule::Fields, Bson::Document(fields)) => self.fields(fields, |walk, _, value| {
                walk.rule(Rule::Expr, value);
            }),
            (Rule::Pipeline, Bson::Array(stages)) => {
                self.items(tag::ARRAY, stages, Self::stage);
            }
            (Rule::Pipelines, Bson::Document(pipelines)) => {
                self.fields(pipelines, |walk, _, value| walk.rule(Rule::Pipeline, value));
            }
            (Rule::Sort, Bson::Document(sort)) => self.sort(sort),
            (Rule::Projection, Bson::Document(projection)) => self.projection(projection),
            (Rule::Update, _) => self.update(value),
            (Rule::Command, Bson::Document(command)) => self.command(command),
            (Rule::Set(rule), Bson::Array(items)) => {
                self.items(tag::SET, items, |walk, item| walk.rule(*rule, item));
            }
            (Rule::Parts(table), Bson::Document(parts)) => {
                self.fields(parts, |walk, key, value| {
                    walk.rule(rules::rule_of(table, key), value);
                });
            }
            (Rule::Typed, _) => self.typed(value),
            _ => self.value(value),
        }
    }

    /// Keys stay, values are types; a list of documents is one value.
    fn typed(&mut self, value: &Bson) {
        match value {
            Bson::Document(document) => {
                self.fields(document, |walk, _, value| walk.rule(Rule::Typed, value));
            }
            _ => self.value(value),
        }
    }

    fn conditions(&mut self, document: &Document) {
        self.open(tag::ALL);
        for (key, value) in document {
            if self.is_full() {
                self.more();
                break;
            }
            match (key.as_str(), value) {
                ("$comment", _) => {}
                ("$and", Bson::Array(items)) => {
                    for item in items {
                        if self.is_full() {
                            self.more();
                            break;
                        }
                        self.rule(Rule::Match, item);
                    }
                }
                ("$or" | "$nor", Bson::Array(items)) => self.single(key, |walk| {
                    walk.items(tag::SET, items, |walk, item| walk.rule(Rule::Match, item));
                }),
                ("$expr", _) => self.single(key, |walk| walk.rule(Rule::Expr, value)),
                ("$jsonSchema", _) => self.single(key, |walk| walk.value(value)),
                (operator, _) if operator.starts_with('$') => {
                    self.single(key, |walk| walk.rule(Rule::Typed, value));
                }
                _ => self.condition(key, value),
            }
        }
        self.close();
    }

    /// What is asked of one field: each operator is a condition of its own.
    fn condition(&mut self, path: &str, value: &Bson) {
        let Some(operators) = operators(value) else {
            return self.single(path, |walk| match value {
                Bson::RegularExpression(_) => walk.regex(value, None),
                _ => walk.single("$eq", |walk| walk.value(value)),
            });
        };
        for (operator, argument) in operators {
            if self.is_full() {
                return self.more();
            }
            match operator.as_str() {
                "$options" if operators.contains_key("$regex") => {}
                "$regex" => {
                    let options = operators.get("$options");
                    self.single(path, |walk| walk.regex(argument, options));
                }
                _ => self.single(path, |walk| {
                    walk.single(operator, |walk| walk.argument(operator, argument));
                }),
            }
        }
    }

    fn regex(&mut self, pattern: &Bson, options: Option<&Bson>) {
        // A `String` in one version of `bson`, a text of C in the other.
        let given: &str = match pattern {
            Bson::RegularExpression(regex) => regex.options.as_str(),
            _ => "",
        };
        let inside = !given.is_empty();
        self.open(tag::DOCUMENT);
        self.key("$regex");
        self.value(&Bson::String(String::new()));
        if inside || options.is_some() {
            self.key("$options");
            self.value(&Bson::String(String::new()));
        }
        self.close();
    }

    /// The argument of a condition's operator.
    fn argument(&mut self, operator: &str, argument: &Bson) {
        if self.depth >= DEPTH_MAX {
            return self.value(argument);
        }
        self.depth += 1;
        match (operator, argument) {
            ("$not", Bson::RegularExpression(_)) => self.regex(argument, None),
            ("$not" | "$elemMatch", Bson::Document(document)) => match operators(argument) {
                Some(operators) => self.operators(operators),
                None => self.conditions(document),
            },
            ("$all", Bson::Array(items))
                if items.iter().any(|item| matches!(operators(item), Some(operators) if operators.contains_key("$elemMatch"))) =>
            {
                self.items(tag::SET, items, |walk, item| match operators(item) {
                    Some(operators) => walk.operators(operators),
                    None => walk.value(item),
                });
            }
            ("$type", _) => self.type_name(argument),
            ("$mod", Bson::Array(items)) if items.len() <= ITEMS_MAX => {
                self.items(tag::ARRAY, items, Self::value);
            }
            (
                "$geoWithin" | "$geoIntersects" | "$near" | "$nearSphere" | "$maxDistance"
                | "$minDistance",
                _,
            ) => self.rule(Rule::Typed, argument),
            (
                "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$in" | "$nin" | "$exists"
                | "$size" | "$all" | "$bitsAllSet" | "$bitsAllClear" | "$bitsAnySet"
                | "$bitsAnyClear",
                _,
            ) => self.value(argument),
            _ => self.rule(Rule::Typed, argument),
        }
        self.depth -= 1;
    }

    /// Operators on something that has no name: `{$gt: 1, $lt: 5}`.
    fn operators(&mut self, document: &Document) {
        self.fields(document, |walk, operator, argument| walk.argument(operator, argument));
    }

    fn type_name(&mut self, argument: &Bson) {
        match argument {
            Bson::String(name) if rules::TYPES.contains(&name.as_str()) => self.text(Some(name)),
            Bson::Array(names) if names.len() <= rules::TYPES.len() => {
                self.items(tag::SET, names, Self::type_name);
            }
            _ => match small(argument) {
                Some(number) => self.int(number),
                None => self.value(argument),
            },
        }
    }

    fn expression(&mut self, value: &Bson) {
        match value {
            Bson::String(path) if path.starts_with('$') && is_name(path) => {
                self.text(Some(&guarded(path)));
            }
            Bson::Array(items) if items.len() <= ITEMS_MAX && items.iter().any(is_computed) => {
                self.items(tag::ARRAY, items, |walk, item| walk.rule(Rule::Expr, item));
            }
            Bson::Document(document) => match operator(document) {
                Some("$literal") => self.single("$literal", |walk| {
                    document.values().for_each(|value| walk.value(value));
                }),
                Some(operator) => self.single(operator, |walk| {
                    document.values().for_each(|argument| walk.operation(operator, argument));
                }),
                None => self.ordered(document, |walk, _, value| walk.rule(Rule::Expr, value)),
            },
            _ => self.value(value),
        }
    }

    fn operation(&mut self, operator: &str, argument: &Bson) {
        match (operator, argument) {
            ("$meta", _) => self.rule(Rule::Word(rules::META), argument),
            ("$and" | "$or" | "$add" | "$multiply", Bson::Array(items))
                if items.len() <= ITEMS_MAX && items.iter().any(is_computed) =>
            {
                self.items(tag::SET, items, |walk, item| walk.rule(Rule::Expr, item));
            }
            _ if rules::EXPRESSIONS.binary_search(&operator).is_ok() => {
                self.rule(Rule::Expr, argument);
            }
            _ => self.rule(Rule::Typed, argument),
        }
    }

    fn stage(&mut self, stage: &Bson) {
        match stage {
            Bson::Document(stage) => self.ordered(stage, |walk, name, argument| {
                walk.rule(rules::rule_of(rules::STAGES, name), argument);
            }),
            _ => self.value(stage),
        }
    }

    fn sort(&mut self, sort: &Document) {
        self.ordered(sort, |walk, _, direction| match small(direction) {
            Some(direction @ (1 | -1)) => walk.int(direction),
            _ => walk.rule(Rule::Expr, direction),
        });
    }

    fn projection(&mut self, projection: &Document) {
        self.fields(projection, |walk, key, value| match value {
            Bson::Boolean(flag) => walk.flag(*flag),
            Bson::Int32(number) => walk.flag(*number != 0),
            Bson::Int64(number) => walk.flag(*number != 0),
            Bson::Double(number) => walk.flag(*number != 0.0),
            Bson::Document(document) => match operator(document) {
                Some("$elemMatch") => walk.single("$elemMatch", |walk| {
                    document.values().for_each(|value| walk.argument("$elemMatch", value));
                }),
                None if !key.starts_with('$') => walk.rule(Rule::Projection, value),
                _ => walk.rule(Rule::Expr, value),
            },
            _ => walk.rule(Rule::Expr, value),
        });
    }

    fn update(&mut self, update: &Bson) {
        match update {
            Bson::Array(_) => self.rule(Rule::Pipeline, update),
            Bson::Document(document) if operator_like(document) => {
                self.fields(document, |walk, operator, fields| match fields {
                    Bson::Document(fields) => walk.fields(fields, |walk, _, value| {
                        walk.modifier(operator, value);
                    }),
                    _ => walk.value(fields),
                });
            }
            _ => self.value(update),
        }
    }

    /// The value of one field under an operator of an update.
    fn modifier(&mut self, operator: &str, value: &Bson) {
        match (operator, value) {
            ("$push" | "$addToSet", Bson::Document(document)) if operator_like(document) => {
                self.fields(document, |walk, modifier, value| match modifier {
                    "$sort" => walk.sort_modifier(value),
                    _ => walk.value(value),
                });
            }
            ("$pull", Bson::Document(document)) => match operators(value) {
                Some(operators) => self.operators(operators),
                None => self.rule(Rule::Match, &Bson::Document(document.clone())),
            },
            ("$bit" | "$currentDate", Bson::Document(_)) => self.rule(Rule::Typed, value),
            _ => self.value(value),
        }
    }

    fn sort_modifier(&mut self, value: &Bson) {
        match small(value) {
            Some(direction @ (1 | -1)) => self.int(direction),
            _ => self.rule(Rule::Sort, value),
        }
    }

    fn command(&mut self, command: &Document) {
        let name = command.keys().next().map(String::as_str).unwrap_or_default();
        let is_known = rules::KNOWN_COMMANDS.contains(&name);
        self.open(tag::COMMAND);
        for (index, (key, value)) in command.iter().enumerate() {
            if index > 0 && rules::NOT_OF_SHAPE.contains(&key.as_str()) {
                continue;
            }
            if self.is_full() {
                self.key(MORE);
                self.kind(Kind::ANY);
                break;
            }
            self.key(key);
            match value {
                // A collection; what other commands have there may be data.
                Bson::String(_) if index == 0 && is_known && name != "explain" => {
                    self.rule(Rule::Name, value);
                }
                _ if index == 0 && name != "explain" => self.rule(Rule::Typed, value),
                _ if is_known => self.rule(rules::rule_of(rules::COMMAND, key), value),
                _ => self.rule(Rule::Typed, value),
            }
        }
        self.close();
    }

    fn setting(&mut self, value: &Bson) {
        let is_word = |text: &str| {
            text.len() <= SETTING_MAX
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'@' | b'='))
        };
        match value {
            Bson::String(text) if is_word(text) => self.text(Some(text)),
            Bson::Boolean(flag) => self.flag(*flag),
            _ => match small(value) {
                Some(number) => self.int(number),
                None => self.value(value),
            },
        }
    }

    fn fields(&mut self, document: &Document, each: impl FnMut(&mut Self, &str, &Bson)) {
        self.entries(tag::FIELDS, document, each);
    }

    fn ordered(&mut self, document: &Document, each: impl FnMut(&mut Self, &str, &Bson)) {
        self.entries(tag::DOCUMENT, document, each);
    }

    fn entries(
        &mut self,
        form: u8,
        document: &Document,
        mut each: impl FnMut(&mut Self, &str, &Bson),
    ) {
        self.open(form);
        for (key, value) in document {
            if self.is_full() {
                self.key(MORE);
                self.kind(Kind::ANY);
                break;
            }
            self.key(key);
            each(self, key, value);
        }
        self.close();
    }

    /// The items of a list; those of a set that are equal stand once.
    fn items(&mut self, form: u8, items: &[Bson], mut each: impl FnMut(&mut Self, &Bson)) {
        self.open(form);
        let first = self.out.len();
        let mut newest = first..first;
        for item in items {
            if self.is_full() {
                self.more();
                break;
            }
            let start = self.out.len();
            each(self, item);
            // Like writes of one call stand beside each other; the rest is for `tree`.
            if form == tag::SET && self.out[newest.clone()] == self.out[start..] {
                self.out.truncate(start);
            } else {
                newest = start..self.out.len();
            }
        }
        self.close();
    }

    /// A document of one key.
    fn single(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        self.open(tag::DOCUMENT);
        self.key(key);
        value(self);
        self.close();
    }

    fn more(&mut self) {
        self.single(MORE, |walk| walk.kind(Kind::ANY));
    }

    const fn is_full(&self) -> bool {
        self.out.len() >= LEN_MAX
    }

    fn value(&mut self, value: &Bson) {
        self.kind(Kind::of(value));
    }

    fn kind(&mut self, kind: Kind) {
        self.out.extend([tag::VALUE, kind.to_byte()]);
    }

    fn flag(&mut self, flag: bool) {
        self.out.push(if flag { tag::TRUE } else { tag::FALSE });
    }

    fn int(&mut self, number: i8) {
        self.out.extend([tag::INT, number.to_le_bytes()[0]]);
    }

    fn key(&mut self, key: &str) {
        self.out.push(tag::KEY);
        self.bytes(guarded(key).as_bytes());
    }

    /// A text that stays; nothing is another text than an empty one.
    fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                self.out.push(tag::TEXT);
                self.bytes(text.as_bytes());
            }
            None => self.kind(Kind::ANY),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // Names of databases and collections are short, and keys are guarded.
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.out.extend(len.to_le_bytes());
        self.out.extend(bytes);
    }

    fn open(&mut self, tag: u8) {
        self.out.push(tag);
    }

    fn close(&mut self) {
        self.out.push(tag::END);
    }
}

/// Names of fields and collections have no blanks, as a rule; a text that has is taken for a value.
fn is_name(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Operators on a field, if the value is a document of them. A reference to a document is a value.
fn operators(value: &Bson) -> Option<&Document> {
    let document = value.as_document()?;
    let first = document.keys().next()?;
    let is_operator = first.starts_with('$')
        && !matches!(first.as_str(), "$ref" | "$id" | "$db" | "$and" | "$or" | "$nor" | "$expr");
    is_operator.then_some(document)
}

/// The operator of an expression that is one.
fn operator(document: &Document) -> Option<&str> {
    let first = document.keys().next()?;
    (document.len() == 1 && first.starts_with('$')).then_some(first)
}

fn operator_like(document: &Document) -> bool {
    document.keys().next().is_some_and(|key| key.starts_with('$'))
}

/// Is anything in the value computed, so that it is no constant?
fn is_computed(value: &Bson) -> bool {
    match value {
        Bson::String(text) => text.starts_with('$'),
        Bson::Document(_) => true,
        Bson::Array(items) => items.iter().take(ITEMS_MAX).any(|item| match item {
            Bson::String(text) => text.starts_with('$'),
            Bson::Document(_) | Bson::Array(_) => true,
            _ => false,
        }),
        _ => false,
    }
}

/// A small whole number: a direction, a type, a strength.
fn small(value: &Bson) -> Option<i8> {
    match value {
        Bson::Int32(number) => i8::try_from(*number).ok(),
        Bson::Int64(number) => i8::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 128.0 => {
            Some(*number as i8)
        }
        _ => None,
    }
}
