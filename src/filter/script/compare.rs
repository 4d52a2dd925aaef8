//! How values of records compare with each other and with those of scripts: as the server compares
//! them, within one kind of types.

use std::cmp::Ordering;

use mongodb::bson::Bson;
use rhai::{Dynamic, Engine};

use super::{
    desk::Work,
    failure::Failed,
    node::{Node, size},
    value::{Scalar, leaf},
};
use crate::{filter::matcher, record::Value};

/// Something that is compared.
enum Operand {
    Own(Bson),
    At(Node),
}

impl Operand {
    fn of(value: &Dynamic) -> Option<Self> {
        if let Some(node) = value.read_lock::<Node>() {
            return Some(Self::At(node.clone()));
        }
        leaf(value).map(Self::Own)
    }

    fn see<'a>(&'a self, work: &'a Work) -> Value<'a> {
        match self {
            Self::Own(Bson::Null) => Value::Missing,
            Self::Own(bson) => Value::Bson(bson),
            Self::At(node) => node.place.get(work.draft.record()),
        }
    }
}

/// Compares values of which one at least is a [`Node`] or a [`Scalar`].
fn compare(left: &Dynamic, right: &Dynamic) -> Result<Compared, Failed> {
    let (Some(left), Some(right)) = (Operand::of(left), Operand::of(right)) else {
        return Ok(Compared { is_equal: false, order: None });
    };
    let desk = match (&left, &right) {
        (Operand::At(node), _) | (_, Operand::At(node)) => node.desk.clone(),
        (Operand::Own(left), Operand::Own(right)) => {
            return Ok(Compared::of(Value::Bson(left), Value::Bson(right)));
        }
    };
    let work = &mut *desk.lock();
    let (compared, n_bytes) = {
        let (left, right) = (left.see(work), right.see(work));
        (Compared::of(left, right), size(left).bytes.min(size(right).bytes))
    };
    work.charge_bytes(n_bytes)?;
    Ok(compared)
}

type Says = fn(&Compared) -> bool;

struct Compared {
    is_equal: bool,
    order: Option<Ordering>,
}

impl Compared {
    fn of(left: Value<'_>, right: Value<'_>) -> Self {
        Self { is_equal: is_equal(left, right), order: matcher::compare(left, right) }
    }
}

pub(super) fn is_equal(left: Value<'_>, right: Value<'_>) -> bool {
    let is_nothing = |value: Value<'_>| matches!(value, Value::Missing | Value::Bson(Bson::Null));
    match (is_nothing(left), is_nothing(right)) {
        (true, true) => true,
        (false, false) => matcher::compare(left, right) == Some(Ordering::Equal),
        _ => false,
    }
}

/// Makes comparisons known to the language: of handles and scalars with each other and with all else.
pub(super) fn register(engine: &mut Engine) {
    fn both<T: Clone + Send + Sync + 'static>(engine: &mut Engine, name: &str, says: Says) {
        engine
            .register_fn(name, move |left: T, right: Dynamic| {
                compare(&Dynamic::from(left), &right).map(|compared| says(&compared))
            })
            .register_fn(name, move |left: Dynamic, right: T| {
                compare(&left, &Dynamic::from(right)).map(|compared| says(&compared))
            })
            .register_fn(name, move |left: T, right: T| {
                let (left, right) = (Dynamic::from(left), Dynamic::from(right));
                compare(&left, &right).map(|compared| says(&compared))
            });
    }
    let operators: [(&str, Says); 6] = [
        ("==", |compared| compared.is_equal),
        ("!=", |compared| !compared.is_equal),
        ("<", |compared| compared.order.is_some_and(Ordering::is_lt)),
        ("<=", |compared| compared.order.is_some_and(Ordering::is_le)),
        (">", |compared| compared.order.is_some_and(Ordering::is_gt)),
        (">=", |compared| compared.order.is_some_and(Ordering::is_ge)),
    ];
    for (name, says) in operators {
        both::<Node>(engine, name, says);
        both::<Scalar>(engine, name, says);
    }
}
