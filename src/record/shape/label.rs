//! The shape in a few words: `find shop.orders active,year sort:date`.

use mongodb::bson::{Bson, Document};

/// A label has no more characters than this.
const LEN_MAX: usize = 120;
/// A list of names in a label has no more than these.
const NAMES_MAX: usize = 8;

/// The label of a shape.
pub(super) fn label(
    operation: &str,
    db: Option<&str>,
    collection: Option<&str>,
    query: &Bson,
) -> String {
    let mut words = vec![operation.to_owned()];
    match (db, collection) {
        (Some(db), Some(collection)) => words.push(format!("{db}.{collection}")),
        (Some(name), None) | (None, Some(name)) => words.push(name.to_owned()),
        (None, None) => {}
    }
    let part = |name: &str| query.as_document().and_then(|query| query.get(name));
    if let Some(Bson::Document(filter)) = part("filter") {
        words.extend(fields(filter));
    }
    if let Some(Bson::Array(stages)) = part("pipeline") {
        words.extend(stages.iter().take(NAMES_MAX).filter_map(Bson::as_document).map(stage));
    }
    if let Some(Bson::Document(command)) = part("command") {
        words.extend(command.keys().next().cloned());
        for name in ["filter", "query"] {
            if let Some(Bson::Document(filter)) = command.get(name) {
                words.extend(fields(filter));
            }
        }
    }
    match part("update") {
        Some(Bson::Document(update)) => {
            words.extend(update.iter().take(NAMES_MAX).map(|(operator, fields)| {
                let operator = operator.trim_start_matches('$');
                match fields {
                    Bson::Document(fields) => format!("{operator}:{}", list(fields.keys())),
                    _ => operator.to_owned(),
                }
            }));
        }
        Some(Bson::String(_)) => words.push("replacement".to_owned()),
        // The updates of several statements are a list too.
        Some(Bson::Array(_)) if !matches!(part("filter"), Some(Bson::Array(_))) => {
            words.push("update:pipeline".to_owned());
        }
        _ => {}
    }
    if let Some(Bson::Document(sort)) = part("sort") {
        words.push(format!("sort:{}", list(sort.keys())));
    }
    shortened(words.join(" "))
}

fn stage(stage: &Document) -> String {
    match stage.iter().next() {
        Some((name, Bson::Document(filter))) if name == "$match" => match fields(filter) {
            Some(fields) => format!("$match({fields})"),
            None => "$match".to_owned(),
        },
        Some((name, _)) => name.clone(),
        None => String::new(),
    }
}

/// The fields that a condition asks for, each once.
fn fields(filter: &Document) -> Option<String> {
    let mut names = Vec::new();
    collect(filter, &mut names);
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| list(names))
}

fn collect<'a>(filter: &'a Document, names: &mut Vec<&'a str>) {
    for (key, value) in filter {
        match value {
            Bson::Array(items) if key.starts_with('$') => {
                items.iter().filter_map(Bson::as_document).for_each(|item| collect(item, names));
            }
            _ => names.push(key),
        }
    }
}

fn list(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut list = String::new();
    for (index, name) in names.into_iter().enumerate() {
        if index == NAMES_MAX {
            list.push_str(",...");
            break;
        }
        if index > 0 {
            list.push(',');
        }
        list.push_str(name.as_ref());
    }
    list
}

fn shortened(label: String) -> String {
    if label.len() <= LEN_MAX {
        return label;
    }
    match label.char_indices().nth(LEN_MAX) {
        Some(_) => label.chars().take(LEN_MAX - 3).chain("...".chars()).collect(),
        None => label,
    }
}
