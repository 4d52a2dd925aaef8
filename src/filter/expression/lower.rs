//! A tree becomes a query document.

use std::collections::HashSet;

use mongodb::bson::{Bson, Document, doc};

use super::{
    Malformed,
    tree::{Condition, Item, Literal, Operand, Path, Pattern, Relation, Test},
};
use crate::filter::{
    holds::Holds,
    matcher::{Matcher, Names},
};

/// Makes queries, and checks what they name.
pub(super) struct Lowering {
    pub names: Names,
}

impl Lowering {
    pub(super) fn condition(&self, condition: &Condition) -> Result<Document, Malformed> {
        match condition {
            Condition::All(_) => {
                let mut parts = Vec::new();
                self.flatten(condition, &mut parts)?;
                Ok(joined(parts))
            }
            Condition::Any(parts) => {
                let parts = parts.iter().map(|part| self.condition(part).map(Bson::Document));
                Ok(doc! { "$or": parts.collect::<Result<Vec<_>, _>>()? })
            }
            Condition::Not(inner) => self.negated(inner),
            Condition::Compare { left, relation, right, column } => {
                self.compared(left, *relation, right, *column)
            }
            Condition::Test { path, test } => self.tested(path, test),
        }
    }

    /// The parts of what must all be true, also those in brackets.
    fn flatten(&self, condition: &Condition, parts: &mut Vec<Document>) -> Result<(), Malformed> {
        match condition {
            Condition::All(inner) => inner.iter().try_for_each(|part| self.flatten(part, parts)),
            other => {
                parts.push(self.condition(other)?);
                Ok(())
            }
        }
    }

    fn negated(&self, inner: &Condition) -> Result<Document, Malformed> {
        if let Condition::Test { path, test: Test::In(items) } = inner {
            return Ok(doc! { &path.name: { "$nin": self.items(path, items)? } });
        }
        Ok(match inner {
            Condition::Any(parts) => {
                let parts = parts.iter().map(|part| self.condition(part).map(Bson::Document));
                doc! { "$nor": parts.collect::<Result<Vec<_>, _>>()? }
            }
            other => doc! { "$nor": [self.condition(other)?] },
        })
    }

    fn tested(&self, path: &Path, test: &Test) -> Result<Document, Malformed> {
        let holds = self.check(path)?;
        let name = &path.name;
        Ok(match test {
            Test::In(items) => doc! { name: { "$in": self.items(path, items)? } },
            Test::Between(low, high) => {
                self.fits(path, holds, low)?;
                self.fits(path, holds, high)?;
                doc! { name: { "$gte": low.value.clone(), "$lte": high.value.clone() } }
            }
            Test::Has { key, is_path, column } => {
                let below = Path { name: format!("{name}.{key}"), column: *column };
                self.check(&below)?;
                let exists = |path: String| doc! { path: { "$exists": true } };
                if *is_path || !key.contains('.') {
                    exists(below.name)
                } else {
                    // The names of a path, or one key, as filters have them.
                    let whole = format!("{name}.`{}`", key.replace('`', "``"));
                    doc! { "$or": [exists(below.name), exists(whole)] }
                }
            }
            Test::Exists => doc! { name: { "$exists": true } },
            Test::Missing => doc! { name: { "$exists": false } },
            Test::Matches(pattern) => {
                if !matches!(holds, Holds::Text | Holds::Anything) {
                    let message = format!("`{name}` is {}, expected a text", holds.words());
                    return Err(Malformed::new(path.column, message));
                }
                doc! { name: matching(pattern)? }
            }
        })
    }

    fn items(&self, path: &Path, items: &[Item]) -> Result<Vec<Bson>, Malformed> {
        let holds = self.check(path)?;
        let one = |item: &Item| match item {
            Item::Literal(literal) => {
                self.fits(path, holds, literal)?;
                Ok(literal.value.clone())
            }
            Item::Pattern(pattern) => {
                matching(pattern)?;
                regex(pattern).ok_or_else(|| {
                    Malformed::new(pattern.column, "no regular expression".to_owned())
                })
            }
        };
        items.iter().map(one).collect()
    }

    fn compared(
        &self,
        left: &Operand,
        relation: Relation,
        right: &Operand,
        column: usize,
    ) -> Result<Document, Malformed> {
        match (left, right) {
            (Operand::Path(path), Operand::Literal(literal)) => {
                self.valued(path, relation, literal)
            }
            (Operand::Literal(literal), Operand::Path(path)) => {
                self.valued(path, relation.turned(), literal)
            }
            _ => self.calculated(left, relation, right, column),
        }
    }

    /// A field compared with a value.
    fn valued(
        &self,
        path: &Path,
        relation: Relation,
        literal: &Literal,
    ) -> Result<Document, Malformed> {
        let holds = self.check(path)?;
        self.fits(path, holds, literal)?;
        let value = literal.value.clone();
        Ok(match relation {
            Relation::Equal => doc! { &path.name: value },
            other => doc! { &path.name: { other.operator(): value } },
        })
    }

    /// Fields compared with each other, or calculated with.
    fn calculated(
        &self,
        left: &Operand,
        relation: Relation,
        right: &Operand,
        column: usize,
    ) -> Result<Document, Malformed> {
        let mut paths = Vec::new();
        left.paths(&mut paths);
        let n_left = paths.len();
        right.paths(&mut paths);
        if paths.is_empty() {
            return Err(Malformed::new(column, "expected a field on one side".to_owned()));
        }
        let mut held = Vec::with_capacity(paths.len());
        for (place, path) in paths.iter().enumerate() {
            let is_word = place >= n_left && matches!(right, Operand::Path(_));
            held.push(self.check(path).map_err(|fault| fault.or_text(path, is_word))?);
        }
        // A few kinds, of perhaps thousands of paths.
        let mut kinds = held.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let mut guards = Vec::new();
        match (left, right) {
            (Operand::Path(first), Operand::Path(second)) => {
                comparable(first, held[0], second, held[1])?;
                for path in [first, second] {
                    guards.push(doc! { "$gt": [format!("${}", path.name), Bson::Null] });
                }
            }
            _ => {
                let mut guarded = HashSet::new();
                for (path, holds) in paths.iter().zip(&held) {
                    if matches!(holds, Holds::Text | Holds::Moment) {
                        let (name, words) = (&path.name, holds.words());
                        let message = format!("`{name}` is {words}, expected a number");
                        return Err(Malformed::new(path.column, message));
                    }
                    if guarded.insert(&path.name) {
                        guards.push(doc! { "$isNumber": format!("${}", path.name) });
                    }
                }
            }
        }
        let left = value(left, &kinds, &mut guards)?;
        let right = value(right, &kinds, &mut guards)?;
        guards.push(doc! { relation.operator(): [left, right] });
        Ok(doc! { "$expr": { "$and": guards } })
    }

    /// Checks the name of a field, and says what it holds.
    fn check(&self, path: &Path) -> Result<Holds, Malformed> {
        let checked = self.names.check(&path.name);
        checked.map_err(|fault| Malformed::new(path.column, fault.message().to_owned()))?;
        Ok(match self.names {
            Names::OfRecords => Holds::of(&path.name),
            Names::Free => Holds::Anything,
        })
    }

    /// Checks that a value is of the type that the field has: another one would never match.
    fn fits(&self, path: &Path, holds: Holds, literal: &Literal) -> Result<(), Malformed> {
        if let Some(dimension) = literal.dimension
            && !holds.takes(dimension)
        {
            let message = format!("the unit does not fit: `{}` is {}", path.name, holds.words());
            return Err(Malformed::new(literal.column, message));
        }
        if holds.fits(&literal.value) {
            return Ok(());
        }
        let example = match holds {
            Holds::Text => "in quotes",
            Holds::Moment => "such as `2026-01-31` or `2026-01-31T12:00:00Z`, without quotes",
            Holds::Document => "or name what is in it: `A.b`",
            _ => "without quotes",
        };
        let message = format!("`{}` is {}: expected one, {example}", path.name, holds.words());
        Err(Malformed::new(literal.column, message))
    }
}

/// Checks that two fields can be more or less than each other.
fn comparable(
    first: &Path,
    first_holds: Holds,
    second: &Path,
    second_holds: Holds,
) -> Result<(), Malformed> {
    let class = |holds| match holds {
        Holds::Number | Holds::Seconds | Holds::Bytes => Holds::Number,
        other => other,
    };
    let (one, other) = (class(first_holds), class(second_holds));
    if one == other || one == Holds::Anything || other == Holds::Anything {
        return Ok(());
    }
    let (one, other) = (first_holds.words(), second_holds.words());
    let message = format!("`{}` is {one}, `{}` is {other}", first.name, second.name);
    Err(Malformed::new(second.column, message))
}

/// An operand in the aggregation language. What could fail for a record is guarded.
fn value(operand: &Operand, held: &[Holds], guards: &mut Vec<Document>) -> Result<Bson, Malformed> {
    Ok(match operand {
        Operand::Path(path) => format!("${}", path.name).into(),
        Operand::Literal(literal) => {
            let is_fit =
                literal.dimension.is_none_or(|unit| held.iter().any(|holds| holds.takes(unit)));
            if !is_fit {
                let message = "the unit fits none of the fields".to_owned();
                return Err(Malformed::new(literal.column, message));
            }
            match &literal.value {
                number @ (Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_)) => number.clone(),
                _ => {
                    let message = "expected a number to calculate with".to_owned();
                    return Err(Malformed::new(literal.column, message));
                }
            }
        }
        Operand::Arithmetic { operator, sides, .. } => {
            let left = value(&sides.0, held, guards)?;
            let right = value(&sides.1, held, guards)?;
            if matches!(*operator, "$divide" | "$mod") {
                guards.push(doc! { "$ne": [right.clone(), 0] });
            }
            doc! { *operator: [left, right] }.into()
        }
    })
}

/// Queries that must all match, as one.
fn joined(parts: Vec<Document>) -> Document {
    let mut whole = Document::new();
    for part in &parts {
        for (key, value) in part {
            if whole.contains_key(key) {
                return doc! { "$and": parts };
            }
            whole.insert(key, value.clone());
        }
    }
    whole
}

fn matching(pattern: &Pattern) -> Result<Document, Malformed> {
    let mut query = doc! { "$regex": &pattern.source };
    if !pattern.options.is_empty() {
        query.insert("$options", &pattern.options);
    }
    let compiled = Matcher::for_documents(&doc! { "x": query.clone() });
    compiled.map_err(|fault| Malformed::new(pattern.column, fault.message().to_owned()))?;
    Ok(query)
}

/// The type of a regular expression is another in each version of `bson`; its conversion is not.
fn regex(pattern: &Pattern) -> Option<Bson> {
    let json = serde_json::json!({
        "$regularExpression": { "pattern": pattern.source, "options": pattern.options }
    });
    Bson::try_from(json).ok()
}
