//! The JSON Schema of query documents, and of maps that are read as such.
//!
//! The names of fields are open, since paths lead into documents; what is known is named, so that an
//! editor can offer it. Whether a query can be matched is seen when it is read.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    FieldPath, Query,
    matcher::{AT_FIELD, AT_TOP},
};
use crate::record::Field;

/// What stands at a field of a query.
struct Condition;

/// The map of a `rename` step.
pub(super) enum Renames {}

/// The map of a `set` step.
pub(super) enum Values {}

impl JsonSchema for Query {
    fn schema_name() -> Cow<'static, str> {
        "Query".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let condition = generator.subschema_for::<Condition>();
        let mut properties = BTreeMap::new();
        for field in Field::ALL {
            let mut described = condition.clone();
            described.insert("description".to_owned(), field.doc().into());
            properties.insert(field.name(), described);
        }
        properties.extend(AT_TOP.iter().map(|name| (*name, operator(name, generator))));
        json_schema!({
            "description": "A query document of MongoDB: `{Collection: news, Duration: {$gt: 10}}`. The \
                            fields are those of the record, and paths such as `Filter.email`; \
                            Extended JSON is read: `{$date: \"2026-01-31T12:00:00Z\"}`.",
            "type": ["object"],
            "properties": properties,
            "additionalProperties": condition,
        })
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let named = |name: &&'static str| (*name, operator(name, generator));
        let properties: BTreeMap<_, _> = AT_FIELD.iter().map(named).collect();
        json_schema!({
            "description": "A value that the field is equal to, or operators.",
            "properties": properties,
        })
    }
}

impl JsonSchema for Renames {
    fn schema_name() -> Cow<'static, str> {
        "Renames".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let path = generator.subschema_for::<FieldPath>();
        json_schema!({
            "type": ["object"],
            "propertyNames": path,
            "additionalProperties": path,
            "examples": [{ "Filter.user": "Extra.User" }],
        })
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let path = generator.subschema_for::<FieldPath>();
        json_schema!({
            "type": ["object"],
            "propertyNames": path,
            "additionalProperties": {
                "description": "A constant, `{env: NAME}` or `{template: '{DB}.{Collection}'}`.",
                "properties": {
                    "env": { "description": "The environment variable that has the value." },
                    "template": { "description": "A text with fields of the record in braces." },
                },
            },
            "examples": [{ "Extra.Team": "payments" }],
        })
    }
}

/// The operand of an operator.
fn operator(name: &str, generator: &mut SchemaGenerator) -> Schema {
    let mut operand = match name {
        "$and" | "$or" | "$nor" => {
            let query = generator.subschema_for::<Query>();
            json_schema!({ "type": ["array"], "items": query })
        }
        "$in" | "$nin" | "$all" => json_schema!({ "type": ["array"] }),
        "$not" => generator.subschema_for::<Condition>(),
        _ => json_schema!({}),
    };
    operand.insert("description".to_owned(), meaning(name).into());
    operand
}

fn meaning(operator: &str) -> &'static str {
    match operator {
        "$and" => "All of these queries match.",
        "$or" => "One of these queries matches.",
        "$nor" => "None of these queries matches.",
        "$expr" => "An expression that is true: `{$gt: [$MatchedCount, $ModifiedCount]}`.",
        "$comment" => "Says something to the reader, and nothing to the matcher.",
        "$eq" => "Equal to this value.",
        "$ne" => "Not equal to this value; true of what is missing too.",
        "$gt" => "Greater than this value.",
        "$gte" => "Greater than this value, or equal to it.",
        "$lt" => "Less than this value.",
        "$lte" => "Less than this value, or equal to it.",
        "$in" => "One of these values.",
        "$nin" => "None of these values; true of what is missing too.",
        "$not" => "What these operators are not true of.",
        "$exists" => "Whether it is there at all: true or false.",
        "$type" => "Of this BSON type, by name or number, or of one of these.",
        "$regex" => "Matched by this regular expression, as the server understands it.",
        "$options" => "The options of the `$regex` beside it: `i`, `m`, `s`, `x`.",
        "$all" => "A list with all of these values.",
        "$elemMatch" => "A list with an item that all of this is true of.",
        "$size" => "A list of so many items.",
        "$mod" => "A number that leaves a remainder: [divisor, remainder].",
        "$bitsAllSet" => "All of these bits are 1: their places, or a mask.",
        "$bitsAllClear" => "All of these bits are 0: their places, or a mask.",
        "$bitsAnySet" => "One of these bits is 1: their places, or a mask.",
        "$bitsAnyClear" => "One of these bits is 0: their places, or a mask.",
        _ => "",
    }
}
