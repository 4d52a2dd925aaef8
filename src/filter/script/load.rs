//! Reads a script, and finds what is wrong with it before it runs.
//!
//! Names of fields, paths and functions that stand in the script as such are looked at: a slip is told
//! with its place, instead of dropping records later. What a script puts together while it runs is
//! looked at then.

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, ParseErrorType, Position, Scope, Stmt};

use super::record::{METHODS, NAME, Record};
use crate::{
    filter::{
        Fault, FieldPath,
        edit::{Intent, check},
    },
    record::{Field, nearest},
};

/// What was found, and where.
type Found = (String, Position);

/// Reads a script; a fault has the line and column in its message, and the letter as its column.
pub(super) fn load(engine: &Engine, code: &str, record: &Record) -> Result<AST, Fault> {
    let mut scope = Scope::new();
    scope.push(NAME, record.clone());
    let ast = engine
        .compile_with_scope(&scope, code)
        .map_err(|error| place((syntax(error.err_type()), error.position()), code))?;
    match look(&ast) {
        Some(found) => Err(place(found, code)),
        None => Ok(ast),
    }
}

fn place((message, position): Found, code: &str) -> Fault {
    let (Some(line), Some(column)) = (position.line(), position.position()) else {
        return Fault::new(message);
    };
    let before = code.split('\n').take(line - 1).map(|line| line.chars().count() + 1);
    let letter = before.sum::<usize>() + column.max(1);
    Fault::new(format!("line {line}, column {column}: {message}")).at_column(letter)
}

fn syntax(error: &ParseErrorType) -> String {
    match error {
        ParseErrorType::VariableUndefined(name) => {
            let near = nearest(name, [NAME]);
            let hint = near.map_or_else(
                || format!(": fields are those of `{NAME}`, texts stand in quotes"),
                |name| format!(": did you mean `{name}`?"),
            );
            format!("unknown variable `{name}`{hint}")
        }
        ParseErrorType::ExprTooDeep => "brackets and blocks are nested too deeply".to_owned(),
        ParseErrorType::TooManyFunctions => "too many functions".to_owned(),
        ParseErrorType::LiteralTooLarge(what, max) => {
            format!("{what} is too large, expected at most {max}")
        }
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

/// The first thing that is wrong.
fn look(ast: &AST) -> Option<Found> {
    let mut own: Vec<_> = ast.iter_functions().map(|function| function.name.to_owned()).collect();
    own.extend(METHODS.iter().map(|name| (*name).to_owned()));
    let mut found = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        found = match path.last() {
            Some(ASTNode::Expr(expr)) => look_at(expr, &own),
            Some(ASTNode::Stmt(stmt)) => look_at_statement(stmt),
            _ => None,
        };
        found.is_none()
    });
    found
}

fn look_at_statement(stmt: &Stmt) -> Option<Found> {
    let hidden = |name: &str, position: Position| {
        let message = format!("`{NAME}` is the record: another variable needs another name");
        (name == NAME).then_some((message, position))
    };
    match stmt {
        Stmt::Var(parts, ..) => hidden(&parts.0.name, parts.0.pos),
        Stmt::For(parts, ..) => hidden(&parts.0.name, parts.0.pos),
        Stmt::Assignment(parts) => {
            let (member, position) = member(&parts.1.lhs)?;
            let is_clearing = matches!(parts.1.rhs, Expr::Unit(_));
            let intent = if is_clearing { Intent::Remove } else { Intent::Alter };
            // A name that is unknown is told where it is read.
            let path = FieldPath::of(member.parse().ok()?);
            check(&path, intent).err().map(|fault| (fault.message().to_owned(), position))
        }
        _ => None,
    }
}

/// The field that `record.Field` or `record["Field"]` names, when it is that and nothing below.
fn member(expr: &Expr) -> Option<(&str, Position)> {
    match expr {
        Expr::Dot(parts, ..) if is_record(&parts.lhs) => match &parts.rhs {
            Expr::Property(property, position) => Some((&property.2, *position)),
            _ => None,
        },
        Expr::Index(parts, ..) if is_record(&parts.lhs) => match &parts.rhs {
            Expr::StringConstant(name, position) => Some((name, *position)),
            _ => None,
        },
        _ => None,
    }
}

fn look_at(expr: &Expr, methods: &[String]) -> Option<Found> {
    let (Expr::Dot(parts, ..) | Expr::Index(parts, ..)) = expr else { return None };
    if !is_record(&parts.lhs) {
        return None;
    }
    // What stands behind the first dot or bracket; the rest of a chain is below it.
    let first = match &parts.rhs {
        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
        first => first,
    };
    match (expr, first) {
        (Expr::Dot(..), Expr::Property(property, position)) => field(&property.2, *position),
        (Expr::Dot(..), Expr::MethodCall(call, position)) => method(call, *position, methods),
        (Expr::Index(..), Expr::StringConstant(name, position)) => field(name, *position),
        _ => None,
    }
}

fn is_record(expr: &Expr) -> bool {
    matches!(expr, Expr::Variable(variable, ..) if variable.1 == NAME)
}

fn field(name: &str, position: Position) -> Option<Found> {
    name.parse::<Field>().err().map(|error| (error.to_string(), position))
}

fn method(call: &FnCallExpr, position: Position, methods: &[String]) -> Option<Found> {
    if !methods.iter().any(|method| *method == *call.name) {
        let near = nearest(&call.name, methods.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
        return Some((format!("unknown function `{}` of the record{hint}", call.name), position));
    }
    let intent = match &*call.name {
        "mask" | "truncate" => Some(Intent::Alter),
        "remove" | "drop" => Some(Intent::Remove),
        "has" | "kind" | "contains" => None,
        _ => return None,
    };
    let fault = |text: &str, position: &Position| {
        path_fault(text, intent).map(|message| (message, *position))
    };
    match call.args.first()? {
        Expr::StringConstant(text, position) => fault(text, position),
        // A list of which all is known.
        Expr::DynamicConstant(value, position) => {
            let items = value.as_array_ref().ok()?;
            let texts = items.iter().filter_map(|item| item.as_immutable_string_ref().ok());
            texts.filter_map(|text| fault(&text, position)).next()
        }
        _ => None,
    }
}

fn path_fault(text: &str, intent: Option<Intent>) -> Option<String> {
    let path: FieldPath = match text.parse() {
        Ok(path) => path,
        Err(error) => return Some(error.to_string()),
    };
    check(&path, intent?).err().map(|fault| fault.message().to_owned())
}
