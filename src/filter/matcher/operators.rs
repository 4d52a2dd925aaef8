//! What stands at a field of a query: a value to be equal to, or operators.

use mongodb::bson::{Bson, Document, spec::ElementType};

use super::{
    compile::{Compiler, all, not_all, unknown, wanted},
    node::{Bits, Constant, ItemTest, Node, Relation, Test, Types, Wanted},
    number::Number,
    path::Path,
    pattern::Pattern,
    view::{View, compare},
};
use crate::{
    filter::{Fault, Part},
    record::kind_of,
};

pub(in crate::filter) const AT_FIELD: &[&str] = &[
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$not",
    "$exists",
    "$type",
    "$regex",
    "$options",
    "$all",
    "$elemMatch",
    "$size",
    "$mod",
    "$bitsAllSet",
    "$bitsAllClear",
    "$bitsAnySet",
    "$bitsAnyClear",
    "$comment",
];

/// Compiles what stands at a path.
pub(super) fn field(
    compiler: &mut Compiler,
    path: &Path,
    value: &Bson,
    nodes: &mut Vec<Node>,
) -> Result<(), Fault> {
    match value {
        Bson::Document(document) if is_operators(document) => {
            operators(compiler, path, document, nodes)
        }
        Bson::RegularExpression(regex) => {
            let pattern = Pattern::new(regex.pattern.as_str(), regex.options.as_str())?;
            nodes.push(Node::Has(path.clone(), Test::Pattern(pattern)));
            Ok(())
        }
        _ => {
            nodes.push(Node::Has(path.clone(), relation(Relation::Equal, value)?));
            Ok(())
        }
    }
}

/// Does the first key make it operators? A reference to a document is a value.
fn is_operators(document: &Document) -> bool {
    document
        .keys()
        .next()
        .is_some_and(|key| key.starts_with('$') && !matches!(&**key, "$ref" | "$id" | "$db"))
}

fn operators(
    compiler: &mut Compiler,
    path: &Path,
    document: &Document,
    nodes: &mut Vec<Node>,
) -> Result<(), Fault> {
    for (key, value) in document {
        compiler.count(1)?;
        let compiled = operator(compiler, path, document, (key, value));
        match compiled {
            Ok(Some(node)) => nodes.push(node),
            Ok(None) => {}
            Err(fault) if AT_FIELD.contains(&key.as_str()) => {
                return Err(fault.within(Part::from(key.as_str())));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn operator(
    compiler: &mut Compiler,
    path: &Path,
    document: &Document,
    (key, value): (&str, &Bson),
) -> Result<Option<Node>, Fault> {
    let has = |test| Node::Has(path.clone(), test);
    Ok(Some(match key {
        "$eq" => has(relation(Relation::Equal, value)?),
        "$ne" => {
            no_regex(value)?;
            not_all(path, relation(Relation::Equal, value)?)
        }
        "$gt" => has(order(Relation::Greater, value)?),
        "$gte" => has(order(Relation::GreaterOrEqual, value)?),
        "$lt" => has(order(Relation::Less, value)?),
        "$lte" => has(order(Relation::LessOrEqual, value)?),
        "$in" => has(list(compiler, value)?),
        "$nin" => not_all(path, list(compiler, value)?),
        "$not" => not(compiler, path, value)?,
        "$exists" if is_true(value) => has(Test::Exists),
        "$exists" => not_all(path, Test::Exists),
        "$type" => has(Test::Types(types(value)?)),
        "$regex" => has(Test::Pattern(pattern(value, document.get("$options"))?)),
        "$options" if document.contains_key("$regex") => return Ok(None),
        "$options" => return Err(Fault::new("needs a `$regex` beside it")),
        "$all" => every(compiler, path, value)?,
        "$elemMatch" => has(element(compiler, value)?),
        "$size" => has(Test::Size(size(value)?)),
        "$mod" => has(modulo(value)?),
        "$bitsAllSet" => has(bits(value, Wanted::AllSet)?),
        "$bitsAllClear" => has(bits(value, Wanted::AllClear)?),
        "$bitsAnySet" => has(bits(value, Wanted::AnySet)?),
        "$bitsAnyClear" => has(bits(value, Wanted::AnyClear)?),
        "$comment" => return Ok(None),
        _ => return Err(unknown("operator", key, AT_FIELD)),
    }))
}

/// Is the argument of `$exists` a yes?
fn is_true(value: &Bson) -> bool {
    match value {
        Bson::Null | Bson::Undefined => false,
        Bson::Boolean(is_true) => *is_true,
        _ => View::from(value).number().is_none_or(|number| !number.is_zero()),
    }
}

fn no_regex(value: &Bson) -> Result<(), Fault> {
    match value {
        Bson::RegularExpression(_) => Err(wanted("a value", value)),
        _ => Ok(()),
    }
}

fn relation(relation: Relation, value: &Bson) -> Result<Test, Fault> {
    if matches!(value, Bson::Undefined) {
        return Err(Fault::new("cannot compare to undefined"));
    }
    Ok(Test::Compare(relation, Constant::new(value.clone())))
}

fn order(order: Relation, value: &Bson) -> Result<Test, Fault> {
    no_regex(value)?;
    relation(order, value)
}

fn list(compiler: &mut Compiler, value: &Bson) -> Result<Test, Fault> {
    let Bson::Array(items) = value else { return Err(wanted("an array", value)) };
    compiler.count(items.len())?;
    let (mut constants, mut patterns) = (Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        let fault = |fault: Fault| fault.within(Part::from(place));
        match item {
            Bson::Document(document) if is_operators(document) => {
                return Err(fault(Fault::new("expected a value, found operators")));
            }
            Bson::Undefined => return Err(fault(Fault::new("cannot compare to undefined"))),
            Bson::RegularExpression(regex) => {
                let pattern = Pattern::new(regex.pattern.as_str(), regex.options.as_str());
                patterns.push(pattern.map_err(fault)?);
            }
            _ => constants.push(Constant::new(item.clone())),
        }
    }
    constants.sort_by(|left, right| compare((&left.value).into(), (&right.value).into()));
    Ok(Test::In(constants, patterns))
}

fn not(compiler: &mut Compiler, path: &Path, value: &Bson) -> Result<Node, Fault> {
    match value {
        Bson::RegularExpression(_) => Ok(not_all(path, Test::Pattern(pattern(value, None)?))),
        Bson::Document(document) if document.is_empty() => {
            Err(Fault::new("expected operators, found an empty document"))
        }
        Bson::Document(document) => compiler.deeper(|compiler| {
            let mut nodes = Vec::new();
            operators(compiler, path, document, &mut nodes)?;
            Ok(Node::Not(Box::new(all(nodes))))
        }),
        _ => Err(wanted("operators or a regular expression", value)),
    }
}

fn types(value: &Bson) -> Result<Types, Fault> {
    let mut types = Types::default();
    match value {
        Bson::Array(items) if items.is_empty() => {
            return Err(Fault::new("expected at least one type"));
        }
        Bson::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                add_type(&mut types, item).map_err(|fault| fault.within(Part::from(place)))?;
            }
        }
        _ => add_type(&mut types, value)?,
    }
    Ok(types)
}

const TYPES: &[(&str, i64, ElementType)] = &[
    ("double", 1, ElementType::Double),
    ("string", 2, ElementType::String),
    ("object", 3, ElementType::EmbeddedDocument),
    ("array", 4, ElementType::Array),
    ("binData", 5, ElementType::Binary),
    ("undefined", 6, ElementType::Undefined),
    ("objectId", 7, ElementType::ObjectId),
    ("bool", 8, ElementType::Boolean),
    ("date", 9, ElementType::DateTime),
    ("null", 10, ElementType::Null),
    ("regex", 11, ElementType::RegularExpression),
    ("dbPointer", 12, ElementType::DbPointer),
    ("javascript", 13, ElementType::JavaScriptCode),
    ("symbol", 14, ElementType::Symbol),
    ("javascriptWithScope", 15, ElementType::JavaScriptCodeWithScope),
    ("int", 16, ElementType::Int32),
    ("timestamp", 17, ElementType::Timestamp),
    ("long", 18, ElementType::Int64),
    ("decimal", 19, ElementType::Decimal128),
    ("minKey", -1, ElementType::MinKey),
    ("maxKey", 127, ElementType::MaxKey),
];

/// The name that `$type` has for a BSON type.
pub(super) fn type_name(element_type: ElementType) -> &'static str {
    TYPES.iter().find(|(_, _, known)| *known == element_type).map_or("missing", |(name, ..)| name)
}

fn add_type(types: &mut Types, value: &Bson) -> Result<(), Fault> {
    let found = match value {
        Bson::String(name) if name == "number" => {
            types.any_number = true;
            return Ok(());
        }
        Bson::String(name) => {
            let found = TYPES.iter().find(|(known, ..)| known == name);
            let names: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).chain(["number"]).collect();
            found.ok_or_else(|| unknown("type", name, &names))?
        }
        _ => {
            let number = View::from(value).number();
            let number = number.ok_or_else(|| wanted("the name or the number of a type", value))?;
            let code = number.whole();
            let found = TYPES.iter().find(|(_, known, _)| Some(*known) == code);
            found.ok_or_else(|| Fault::new(format!("there is no type of number {value}")))?
        }
    };
    types.types.push(found.2);
    Ok(())
}

fn pattern(value: &Bson, options: Option<&Bson>) -> Result<Pattern, Fault> {
    let options = match options {
        None => None,
        Some(Bson::String(options)) => Some(options.as_str()),
        Some(other) => {
            return Err(Fault::new(format!(
                "expected `$options` to be a string, found {}",
                kind_of(other)
            )));
        }
    };
    match value {
        Bson::String(source) => Pattern::new(source, options.unwrap_or("")),
        Bson::RegularExpression(regex) => {
            let own = regex.options.as_str();
            if options.is_some() && !own.is_empty() {
                return Err(Fault::new("options stand in both `$regex` and `$options`"));
            }
            Pattern::new(regex.pattern.as_str(), options.unwrap_or(own))
        }
        _ => Err(wanted("a string or a regular expression", value)),
    }
}

fn every(compiler: &mut Compiler, path: &Path, value: &Bson) -> Result<Node, Fault> {
    let Bson::Array(items) = value else { return Err(wanted("an array", value)) };
    if items.is_empty() {
        return Ok(Node::Any(Vec::new()));
    }
    compiler.count(items.len())?;
    let is_element =
        |item: &Bson| matches!(item, Bson::Document(document) if first_is(document, "$elemMatch"));
    let has_elements = items.first().is_some_and(is_element);
    let mut nodes = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let node = match item {
            Bson::Document(document) if has_elements && is_element(item) => {
                let mut element = Vec::new();
                operators(compiler, path, document, &mut element).map(|()| all(element))
            }
            _ if has_elements => Err(wanted("an `$elemMatch` as the others are", item)),
            Bson::Document(document) if is_known(document) => {
                Err(Fault::new("expected a value, found operators"))
            }
            Bson::RegularExpression(_) => {
                pattern(item, None).map(|pattern| Node::Has(path.clone(), Test::Pattern(pattern)))
            }
            _ => relation(Relation::Equal, item).map(|test| Node::Has(path.clone(), test)),
        };
        nodes.push(node.map_err(|fault| fault.within(Part::from(place)))?);
    }
    Ok(all(nodes))
}

/// Is the first key an operator of fields? In `$all`, any other name is one of a value.
fn is_known(document: &Document) -> bool {
    document.keys().next().is_some_and(|key| AT_FIELD.contains(&key.as_str()))
}

fn first_is(document: &Document, name: &str) -> bool {
    document.keys().next().is_some_and(|key| key == name)
}

fn element(compiler: &mut Compiler, value: &Bson) -> Result<Test, Fault> {
    let Bson::Document(document) = value else { return Err(wanted("a document", value)) };
    let is_query = ["$and", "$or", "$nor"].iter().any(|name| first_is(document, name));
    if is_operators(document) && !is_query {
        return compiler.deeper(|compiler| item_tests(compiler, document)).map(Test::ItemPasses);
    }
    compiler.inside(document).map(|node| Test::ElementMatches(Box::new(node)))
}

/// The tests of one item. They are compiled as those of a field, and the field is left out.
fn item_tests(compiler: &mut Compiler, document: &Document) -> Result<Vec<ItemTest>, Fault> {
    let mut nodes = Vec::new();
    operators(compiler, &Path::of_document(""), document, &mut nodes)?;
    Ok(nodes.into_iter().flat_map(item_test).collect())
}

fn item_test(node: Node) -> Vec<ItemTest> {
    match node {
        Node::Has(_, test) => vec![ItemTest::Is(test)],
        Node::Not(node) => vec![ItemTest::Not(item_test(*node))],
        Node::All(nodes) => nodes.into_iter().flat_map(item_test).collect(),
        // Only the `$all` of an empty list is one.
        Node::Any(_) | Node::Expr(_) => vec![ItemTest::Not(Vec::new())],
    }
}

fn size(value: &Bson) -> Result<usize, Fault> {
    let number = View::from(value).number().ok_or_else(|| wanted("a number", value))?;
    let size = number.whole().and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| Fault::new(format!("expected a whole number from 0, found {value}")))
}

fn modulo(value: &Bson) -> Result<Test, Fault> {
    let Bson::Array(items) = value else {
        return Err(wanted("an array of divisor and remainder", value));
    };
    let [divisor, remainder] = items.as_slice() else {
        return Err(Fault::new(format!(
            "expected an array of divisor and remainder, found {} items",
            items.len()
        )));
    };
    let int = |(place, value): (usize, &Bson)| {
        let int = View::from(value).number().and_then(Number::truncated);
        int.ok_or_else(|| wanted("a number of 64 bits", value).within(Part::from(place)))
    };
    let (divisor, remainder) = (int((0, divisor))?, int((1, remainder))?);
    if divisor == 0 {
        return Err(Fault::new("the divisor cannot be 0").within(Part::from(0)));
    }
    Ok(Test::Mod { divisor, remainder })
}

fn bits(value: &Bson, wanted_bits: Wanted) -> Result<Test, Fault> {
    let mut positions: Vec<u32> = match value {
        Bson::Array(items) => {
            let mut positions = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                let position = View::from(item).number().and_then(Number::whole);
                let position = position.and_then(|int| u32::try_from(int).ok());
                let position = position.filter(|int| i32::try_from(*int).is_ok());
                positions.push(position.ok_or_else(|| {
                    wanted("the place of a bit, from 0", item).within(Part::from(place))
                })?);
            }
            positions
        }
        Bson::Binary(binary) => set_bits(&binary.bytes),
        _ => {
            let number = View::from(value).number();
            let number = number
                .ok_or_else(|| wanted("a number, binary data or an array of places", value))?;
            let mask = number.whole().and_then(|mask| u64::try_from(mask).ok());
            let mask =
                mask.ok_or_else(|| Fault::new(format!("expected a mask from 0, found {value}")))?;
            set_bits(&mask.to_le_bytes())
        }
    };
    positions.sort_unstable();
    positions.dedup();
    Ok(Test::Bits(Bits { positions, wanted: wanted_bits }))
}

fn set_bits(bytes: &[u8]) -> Vec<u32> {
    let bits = (0_u32..).zip(bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)));
    bits.filter(|(_, bit)| *bit == 1).map(|(place, _)| place).collect()
}
