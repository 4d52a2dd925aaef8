//! The language: what a script can call, and how much of anything it can have.

use std::sync::{Arc, LazyLock};

use rhai::{
    Dynamic, Engine, ImmutableString, Module, Shared,
    module_resolvers::DummyModuleResolver,
    packages::{
        ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage,
        BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package as _,
    },
};

use super::{
    clock::Stopwatch,
    compare,
    failure::{Failed, refuse, too_long},
    node, record,
    value::{self, Scalar},
};

/// No text is longer, in bytes.
pub(super) const TEXT_MAX: usize = 256 << 10;

/// No list and no map has more items, with all that is in it.
pub(super) const ITEMS_MAX: usize = 1_000;

/// Each function of a script that calls another one takes some of the stack of the queue thread, and
/// so does each bracket.
const CALLS_MAX: usize = 16;
const DEPTH_MAX: usize = 48;

/// Lists and maps of a script are nested by at most so many levels. Rhai has no such limit, but copies
/// and frees them level by level on the stack.
const NESTED_MAX: usize = 32;

/// The clock is looked at once in so many operations.
const OPERATIONS_A_LOOK: u64 = 64;

/// What the language is not to have. Closures share what they capture: a chain of them, or a circle,
/// outlives or overflows any limit; so there are no functions as values. `this` and `::` lead to values
/// past [`check_nesting`]. The others reach the outside, or run what was never read.
const DISABLED: &[&str] =
    &["import", "export", "eval", "print", "debug", "Fn", "call", "curry", "sleep", "this", "::"];

/// What a script can call without our doing: calculations, texts, lists and maps. The rest of the
/// standard library has the clock, `sleep`, `exit` and bytes.
static PACKAGES: LazyLock<[Shared<Module>; 8]> = LazyLock::new(|| {
    [
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
    ]
});

/// Makes the language, with these limits for each run.
pub(super) fn engine(n_operations_max: u64, stopwatch: Arc<Stopwatch>) -> Engine {
    let mut engine = Engine::new_raw();
    for package in &*PACKAGES {
        engine.register_global_module(Shared::clone(package));
    }
    engine
        .set_max_operations(n_operations_max)
        .set_max_call_levels(CALLS_MAX)
        .set_max_expr_depths(DEPTH_MAX, DEPTH_MAX / 2)
        .set_max_string_size(TEXT_MAX)
        .set_max_array_size(ITEMS_MAX)
        .set_max_map_size(ITEMS_MAX)
        .set_max_variables(100)
        .set_max_functions(50)
        .set_max_modules(0)
        .set_strict_variables(true)
        .set_allow_anonymous_fn(false)
        .set_module_resolver(DummyModuleResolver::new());
    for symbol in DISABLED {
        engine.disable_symbol(*symbol);
    }
    engine.on_progress(move |n_operations| {
        let is_look = n_operations % OPERATIONS_A_LOOK == 0;
        (is_look && stopwatch.is_over()).then_some(Dynamic::UNIT)
    });
    check_nesting(&mut engine);
    register(&mut engine);
    engine
}

/// Looks at each variable when it is used: to nest values further, a script must use one, and one
/// expression adds no more levels than expressions have.
#[expect(deprecated, reason = "it is not: the attribute says that its signature may change")]
fn check_nesting(engine: &mut Engine) {
    engine.on_var(|name, _, context| match context.scope().get(name) {
        Some(value) if is_nested(value, NESTED_MAX) => {
            Err(refuse(format!("lists and maps are nested by at most {NESTED_MAX} levels")))
        }
        _ => Ok(None),
    });
}

/// Is the value nested by more than so many levels?
fn is_nested(value: &Dynamic, n_levels: usize) -> bool {
    let below = |value: &Dynamic| match n_levels.checked_sub(1) {
        Some(n_levels) => is_nested(value, n_levels),
        None => true,
    };
    if let Ok(items) = value.as_array_ref() {
        return n_levels == 0 || items.iter().any(below);
    }
    match value.as_map_ref() {
        Ok(map) => n_levels == 0 || map.values().any(below),
        Err(_) => false,
    }
}

/// Replaces a part of a text wherever it is, if the text does not become too long.
fn replace(text: &mut ImmutableString, old: &str, new: &str) -> Result<(), Failed> {
    let n_parts = text.matches(old).count();
    let length = text.len().saturating_add(n_parts.saturating_mul(new.len()));
    if length.saturating_sub(n_parts * old.len()) > TEXT_MAX {
        return Err(too_long());
    }
    if n_parts > 0 {
        *text = text.replace(old, new).into();
    }
    Ok(())
}

fn register(engine: &mut Engine) {
    record::register(engine);
    node::register(engine);
    compare::register(engine);
    // In the place of those of the package, which look at the length of a text when it is made.
    engine
        .register_fn("replace", |text: &mut ImmutableString, old: &str, new: &str| {
            replace(text, old, new)
        })
        .register_fn("replace", |text: &mut ImmutableString, old: &str, new: char| {
            replace(text, old, new.encode_utf8(&mut [0; 4]))
        })
        .register_fn("replace", |text: &mut ImmutableString, old: char, new: &str| {
            replace(text, old.encode_utf8(&mut [0; 4]), new)
        })
        .register_fn("replace", |text: &mut ImmutableString, old: char, new: char| {
            replace(text, old.encode_utf8(&mut [0; 4]), new.encode_utf8(&mut [0; 4]))
        });
    engine
        .register_type_with_name::<Scalar>("value")
        .register_fn("to_string", |scalar: &mut Scalar| scalar.to_text())
        .register_fn("date", |text: &str| Scalar::date(text))
        .register_fn("object_id", |text: &str| Scalar::object_id(text));
    value::register_nothing(engine);
}
