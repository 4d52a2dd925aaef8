//! What is true of all that the reader reads (`config/read.rs`, `config/variables.rs`), put into the
//! schema in passes over the whole of it:
//!
//! - a duration is a text;
//! - a text may look like a number or a boolean;
//! - where a list or keys may stand that have defaults, there may be nothing;
//! - a choice whose content may be nothing can be a word alone (`- console`);
//! - in the place of a number, a boolean or a word there may be a variable.
//!
//! A schema by hand for what is read in one form alone lists its type (`"type": ["array"]`): such a list
//! is whole.

use std::collections::BTreeSet;

use schemars::{
    Schema, json_schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

const VARIABLE: &str = "#/$defs/Variable";

/// What speaks of a schema as a whole, whatever its alternatives are.
const ANNOTATIONS: [&str; 4] = ["title", "description", "default", "examples"];

pub(super) fn as_it_is_read(root: &mut Schema) {
    if let Some(duration) = root.pointer_mut("/$defs/Duration") {
        *duration = self::duration().to_value();
    }
    RecursiveTransform(types).transform(root);
    let empty = may_be_nothing(root);
    RecursiveTransform(|schema: &mut Schema| words(schema, &empty)).transform(root);
    if let Some(root) = root.as_object_mut() {
        variables(root);
        let variable = json!({
            "description": "A value of the environment: `${NAME}`, or `${NAME:-default}`.",
            "type": "string",
            "pattern": r"\$\{",
        });
        let definitions = root.entry("$defs").or_insert_with(|| json!({}));
        definitions["Variable"] = variable;
    }
    RecursiveTransform(single_types).transform(root);
}

/// Durations as `jiff` reads them, in its friendly form.
fn duration() -> Schema {
    const UNITS: &str = "h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?|ms|msecs?|millis?|\
                         milliseconds?|us|µs(?:ecs?)?|usecs?|micros?|microseconds?|ns|nsecs?|nanos?|\
                         nanoseconds?";
    let number = r"[0-9]+\s*(?:[.,][0-9]+\s*)?";
    let clock = r"[0-9]+:[0-9]+:[0-9]+(?:[.,][0-9]+)?";
    json_schema!({
        "description": "A duration: `250ms`, `10m`, `1h 30m`.",
        "type": "string",
        "pattern": format!(r"^\+?(?:(?:{number}(?:{UNITS}),?\s*)+|{clock})$"),
        "examples": ["250ms", "10s", "5m", "1h 30m"],
    })
}

fn types(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    // Those of Rust say nothing to others.
    schema.remove("format");
    let is_open = !is_bound(schema);
    let has_defaults = !schema.contains_key("required");
    let Some(types) = schema.get_mut("type") else { return };
    let more = match types.as_str() {
        Some("string") if is_open => json!(["string", "number", "boolean"]),
        Some("array") => json!(["array", "null"]),
        Some("object") if has_defaults => json!(["object", "null"]),
        None if is_open && *types == json!(["string", "null"]) => {
            json!(["string", "number", "boolean", "null"])
        }
        _ => return,
    };
    *types = more;
}

/// The definitions of what may be nothing.
fn may_be_nothing(root: &Schema) -> BTreeSet<String> {
    let definitions = root.get("$defs").and_then(Value::as_object).into_iter().flatten();
    let empty =
        definitions.filter(|(_, schema)| schema.as_object().is_some_and(|s| takes(s, "null")));
    empty.map(|(name, _)| format!("#/$defs/{name}")).collect()
}

/// Is it one of the types?
fn takes(schema: &Object, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|a_type| a_type == name),
        Some(a_type) => a_type == name,
        None => false,
    }
}

/// Adds words to a choice of maps with one key, and tells of each key what the choice is for.
fn words(schema: &mut Schema, empty: &BTreeSet<String>) {
    let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) else { return };
    let mut words = Vec::new();
    for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
        let description = choice.get("description").cloned();
        let Some((key, content)) = only_property(choice) else { continue };
        let reference = content.get("$ref").and_then(Value::as_str);
        let may_be_nothing =
            takes(content, "null") || reference.is_some_and(|name| empty.contains(name));
        let mut word = json!({ "type": "string", "const": key });
        if let Some(description) = description {
            word["description"] = description.clone();
            content.insert("description".to_owned(), description);
            choice.remove("description");
        }
        if may_be_nothing {
            words.push(word);
        }
    }
    choices.extend(words);
}

/// The key of a choice, and its content.
fn only_property(choice: &mut Object) -> Option<(String, &mut Object)> {
    let is_needed = choice.contains_key("required");
    let properties = choice.get_mut("properties")?.as_object_mut()?;
    let is_only = is_needed && properties.len() == 1;
    let (key, content) = properties.iter_mut().next().filter(|_| is_only)?;
    Some((key.clone(), content.as_object_mut()?))
}

/// Lets a variable stand wherever a scalar is expected that is not any text. Keys have none.
fn variables(schema: &mut Object) {
    below(schema);
    if takes_scalar(schema) {
        let annotations = ANNOTATIONS.into_iter();
        let whole: Object = annotations.filter_map(|key| schema.remove_entry(key)).collect();
        let inner = std::mem::replace(schema, whole);
        // Alternatives of a choice exclude each other already.
        let mut alternatives = match (inner.get("anyOf"), inner.get("oneOf"), inner.len()) {
            (Some(Value::Array(any)), _, 1) | (_, Some(Value::Array(any)), 1) => any.clone(),
            _ => vec![Value::Object(inner)],
        };
        alternatives.push(json!({ "$ref": VARIABLE }));
        schema.insert("anyOf".to_owned(), alternatives.into());
    }
}

/// The schemas below: those of alternatives are one with that of the choice.
fn below(schema: &mut Object) {
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("items" | "additionalProperties", Value::Object(schema)) => variables(schema),
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().filter_map(Value::as_object_mut).for_each(variables);
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(choices)) => {
                choices.iter_mut().filter_map(Value::as_object_mut).for_each(below);
            }
            _ => {}
        }
    }
}

/// Does it take a scalar, but not any text?
fn takes_scalar(schema: &Object) -> bool {
    let is = |name| takes(schema, name);
    if is_bound(schema) || (!is("string") && ["integer", "number", "boolean"].into_iter().any(is)) {
        return true;
    }
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    choices.flatten().filter_map(Value::as_object).any(takes_scalar)
}

/// Is only some of what has its type taken?
fn is_bound(schema: &Object) -> bool {
    ["const", "enum", "pattern"].into_iter().any(|key| schema.contains_key(key))
}

/// One type as a word, not as a list.
fn single_types(schema: &mut Schema) {
    let Some(types) = schema.get_mut("type") else { return };
    if let Some([a_type]) = types.as_array().map(Vec::as_slice) {
        *types = a_type.clone();
    }
}
