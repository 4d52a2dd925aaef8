//! The value of `$expr` becomes an expression.

use std::borrow::Cow;

use mongodb::bson::{Bson, Document};

use super::{
    Expr, Operand, Start,
    functions::{Function, TABLE},
};
use crate::filter::{
    Fault, Part,
    matcher::{
        compile::{Compiler, Names, check_below, field_of, unknown},
        path::{NAMES_MAX, Source, names},
    },
};

/// The names of all functions and forms.
fn known() -> Vec<&'static str> {
    TABLE.iter().map(|(name, ..)| *name).chain(["$literal", "$cond"]).collect()
}

/// Compiles an expression, or refuses it with its place.
pub(in crate::filter::matcher) fn expression(
    compiler: &mut Compiler,
    value: &Bson,
) -> Result<Expr, Fault> {
    compiler.count(1)?;
    compiler.deeper(|compiler| match value {
        Bson::String(text) if text.starts_with('$') => path(compiler, text),
        Bson::Array(items) => {
            expressions(compiler, items).and_then(|items| folded(Expr::Array(items)))
        }
        Bson::Document(document) => match document.keys().next() {
            Some(name) if name.starts_with('$') => call(compiler, document, name),
            _ => object(compiler, document),
        },
        _ => Ok(Expr::Constant(value.clone())),
    })
}

fn expressions(compiler: &mut Compiler, items: &[Bson]) -> Result<Vec<Expr>, Fault> {
    let one = |(place, item)| {
        expression(compiler, item).map_err(|fault| fault.within(Part::Index(place)))
    };
    items.iter().enumerate().map(one).collect()
}

fn object(compiler: &mut Compiler, document: &Document) -> Result<Expr, Fault> {
    let mut fields = Vec::with_capacity(document.len());
    for (name, value) in document {
        if name.is_empty() || name.contains('.') || name.starts_with('$') {
            return Err(Fault::new(format!("`{name}` cannot be a name of a field here")));
        }
        let field = expression(compiler, value);
        fields.push((name.clone(), field.map_err(|fault| fault.within(name.as_str().into()))?));
    }
    Ok(Expr::Object(fields))
}

fn path(compiler: &Compiler, text: &str) -> Result<Expr, Fault> {
    let (start, names) = match text.strip_prefix("$$") {
        Some(rest) => {
            let (variable, names) = match rest.split_once('.') {
                Some((variable, names)) => (variable, Some(names)),
                None => (rest, None),
            };
            if !matches!(variable, "ROOT" | "CURRENT") {
                return Err(unknown(
                    "variable",
                    &format!("$${variable}"),
                    &["$$ROOT", "$$CURRENT"],
                ));
            }
            match names {
                None => return Ok(Expr::Path(Start::Root, Vec::new())),
                Some(names) => split(names),
            }
        }
        None => split(text.get(1..).unwrap_or_default()),
    };
    if std::iter::once(&start).chain(&names).any(|name| name.is_empty() || name.starts_with('$')) {
        return Err(Fault::new(format!(
            "expected the path of a field, found `{text}`: a name in it is empty or begins with `$`"
        )));
    }
    if names.len() >= NAMES_MAX {
        return Err(Fault::new(format!("a path of more than {NAMES_MAX} names")));
    }
    let start = match compiler.names() {
        Names::Free => Start::Name(start),
        Names::OfRecords => {
            let field = field_of(&start)?;
            if let Some(name) = names.first() {
                check_below(field, name)?;
            }
            Start::Field(field)
        }
    };
    Ok(Expr::Path(start, names))
}

fn split(path: &str) -> (String, Vec<String>) {
    let mut names = names(path).map(Cow::into_owned);
    (names.next().unwrap_or_default(), names.collect())
}

fn call(compiler: &mut Compiler, document: &Document, name: &str) -> Result<Expr, Fault> {
    if document.len() > 1 {
        let found = document.len();
        return Err(Fault::new(format!("expected one operator, found {found} fields")));
    }
    let value = document.get(name).unwrap_or(&Bson::Null);
    let compiled = match (name, value) {
        ("$literal", _) => Ok(Expr::Constant(value.clone())),
        ("$cond", Bson::Document(fields)) => condition(compiler, fields),
        ("$cond", _) => function(compiler, (Function::Cond, 3, 3), value),
        _ => {
            let found = TABLE.iter().find(|(known, ..)| *known == name);
            let Some((_, found, least, most)) = found else {
                return Err(unknown("operator", name, &known()));
            };
            function(compiler, (*found, *least, *most), value)
        }
    };
    compiled.map_err(|fault| fault.within(name.into()))
}

fn function(
    compiler: &mut Compiler,
    (function, least, most): (Function, usize, usize),
    value: &Bson,
) -> Result<Expr, Fault> {
    let arguments = match value {
        Bson::Array(items) => expressions(compiler, items)?,
        _ => vec![expression(compiler, value)?],
    };
    let found = arguments.len();
    if found < least || found > most {
        let expected = if least == most { least.to_string() } else { format!("at least {least}") };
        return Err(Fault::new(format!("expected {expected} arguments, found {found}")));
    }
    folded(Expr::Call(function, arguments))
}

/// What is constant is calculated once. If it fails, it would for every record: it is refused.
fn folded(expr: Expr) -> Result<Expr, Fault> {
    let (Expr::Call(_, arguments) | Expr::Array(arguments)) = &expr else { return Ok(expr) };
    if !arguments.iter().all(|argument| matches!(argument, Expr::Constant(_))) {
        return Ok(expr);
    }
    let value = expr.value(Source::Document(&Document::new())).map(Operand::into_bson);
    match value.map_err(|failure| Fault::new(format!("it has no value: {failure}")))? {
        Some(constant) => Ok(Expr::Constant(constant)),
        None => Ok(expr),
    }
}

/// `{$cond: {if: .., then: .., else: ..}}`.
fn condition(compiler: &mut Compiler, fields: &Document) -> Result<Expr, Fault> {
    if let Some(name) = fields.keys().find(|name| !matches!(name.as_str(), "if" | "then" | "else"))
    {
        return Err(unknown("field", name, &["if", "then", "else"]));
    }
    let arguments = ["if", "then", "else"].into_iter().map(|name| {
        let value = fields.get(name);
        let value = value.ok_or_else(|| Fault::new(format!("expected a field `{name}`")))?;
        expression(compiler, value).map_err(|fault| fault.within(name.into()))
    });
    folded(Expr::Call(Function::Cond, arguments.collect::<Result<_, _>>()?))
}
