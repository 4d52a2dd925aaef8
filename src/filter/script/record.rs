//! What a script can do with `record` itself.

use rhai::{Array, Dynamic, Engine, INT, ImmutableString};

use super::{
    desk::{Asked, Desk, Work},
    failure::{Failed, refuse, refuse_fault},
    node::{Node, size},
    place::{Place, plain},
    value::{Given, is_same, kind, write},
};
use crate::{
    filter::{
        Fault, FieldPath, FieldPaths, Filter, MaskMode, MaskSettings, ShapeSettings,
        TruncateSettings,
        edit::{Intent, check},
        fields::Drop,
    },
    record::{EventLevel, Field, Value, nearest},
};

/// The record, as scripts hold it.
#[derive(Clone)]
pub(super) struct Record(pub(super) Desk);

/// The name of the record in scripts.
pub(super) const NAME: &str = "record";

/// What can be called on the record, apart from the functions of the script itself.
pub(super) const METHODS: &[&str] = &[
    "mask", "truncate", "shape", "drop", "remove", "level", "has", "contains", "kind", "keys",
    "len",
];

/// Makes the record known to the language.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Record>("record")
        .register_indexer_get(|record: &mut Record, name: ImmutableString| record.get(&name))
        .register_indexer_set(|record: &mut Record, name: ImmutableString, value: Dynamic| {
            record.set(&name, &value)
        })
        .register_fn("has", |record: &mut Record, path: ImmutableString| record.has(&path))
        .register_fn("contains", |record: &mut Record, path: ImmutableString| record.has(&path))
        .register_fn("kind", |record: &mut Record, path: ImmutableString| record.kind(&path))
        .register_fn("keys", |record: &mut Record| record.keys())
        .register_fn("len", |record: &mut Record| record.len())
        .register_fn("remove", |record: &mut Record, paths: Dynamic| record.remove(&paths))
        .register_fn("drop", |record: &mut Record, paths: Dynamic| record.remove(&paths))
        .register_fn("mask", |record: &mut Record, paths: Dynamic| record.mask(&paths, "type"))
        .register_fn("mask", |record: &mut Record, paths: Dynamic, mode: ImmutableString| {
            record.mask(&paths, &mode)
        })
        .register_fn("truncate", |record: &mut Record, paths: Dynamic| {
            record.truncate(&paths, None)
        })
        .register_fn("truncate", |record: &mut Record, paths: Dynamic, max_chars: INT| {
            record.truncate(&paths, Some(max_chars))
        })
        .register_fn("shape", |record: &mut Record| record.shape())
        .register_fn("level", |record: &mut Record, level: ImmutableString| record.level(&level));
}

impl Record {
    fn get(&self, name: &str) -> Result<Dynamic, Failed> {
        let field = field(name)?;
        let place = Place::of(field);
        let work = &mut *self.0.lock();
        let value = plain(work.draft.record().get(field));
        let given = match value {
            Value::Missing if place.may_begin() => Given::InPlace,
            value => Given::of(value)?,
        };
        given.hand_over(&self.0, work, || place)
    }

    fn set(&self, name: &str, value: &Dynamic) -> Result<(), Failed> {
        let field = field(name)?;
        let place = Place::of(field);
        // What a script has changed within a value comes back to where it was.
        if value.read_lock::<Node>().is_some_and(|node| node.is_at(&self.0, &place)) {
            return Ok(());
        }
        let work = &mut *self.0.lock();
        if is_same(place.get(work.draft.record()), value) {
            return Ok(());
        }
        let intent = if value.is_unit() { Intent::Remove } else { Intent::Alter };
        check(&FieldPath::of(field), intent).map_err(|fault| refuse_fault(&fault))?;
        let value = write(work, value, false, 0)?;
        let set = work.draft.to_mut().set(field, value);
        set.map_err(|error| refuse(error.to_string()))
    }

    fn has(&self, path: &str) -> Result<bool, Failed> {
        let path = exact(path)?;
        Ok(!path.get(self.0.lock().draft.record()).is_missing())
    }

    fn kind(&self, path: &str) -> Result<ImmutableString, Failed> {
        let path = exact(path)?;
        Ok(kind(path.get(self.0.lock().draft.record())).into())
    }

    fn keys(&self) -> Array {
        let work = self.0.lock();
        let is_there = |field: &&Field| !work.draft.record().get(**field).is_missing();
        Field::ALL.iter().filter(is_there).map(|field| field.name().into()).collect()
    }

    fn len(&self) -> INT {
        INT::try_from(self.keys().len()).unwrap_or(INT::MAX)
    }

    fn remove(&self, paths: &Dynamic) -> Result<(), Failed> {
        self.ask("drop", "", paths, |paths| Ok(Box::new(Drop::build(&paths)?)))
    }

    fn mask(&self, paths: &Dynamic, mode: &str) -> Result<(), Failed> {
        let mode = match mode {
            "type" => MaskMode::Type,
            "fixed" => MaskMode::Fixed,
            "partial" => MaskMode::Partial,
            _ => return Err(refuse("expected the mode `type`, `fixed` or `partial`")),
        };
        self.ask("mask", &format!("{mode:?}"), paths, |paths| {
            Ok(Box::new(MaskSettings { mode, ..MaskSettings::new(paths) }.build()?))
        })
    }

    fn truncate(&self, paths: &Dynamic, max_chars: Option<INT>) -> Result<(), Failed> {
        let max_chars = max_chars.map(usize::try_from).transpose();
        let max_chars = max_chars.map_err(|_| refuse("expected a number of characters"))?;
        self.ask("truncate", &format!("{max_chars:?}"), paths, |paths| {
            Ok(Box::new(TruncateSettings { max_chars, ..TruncateSettings::new(paths) }.build()?))
        })
    }

    fn shape(&self) -> Result<(), Failed> {
        let paths = [Field::Filter, Field::Update].map(|field| field.name().into());
        self.ask("shape", "", &Dynamic::from_array(paths.into()), |_| {
            Ok(Box::new(ShapeSettings { replace: false }.build()?))
        })
    }

    /// Sends the draft through a step, which is made if it is the first time that it is asked for.
    fn ask(
        &self,
        what: &str,
        how: &str,
        paths: &Dynamic,
        make: impl FnOnce(FieldPaths) -> Result<Box<dyn Filter>, Fault>,
    ) -> Result<(), Failed> {
        /// So many steps are remembered; then all are forgotten.
        const STEPS_MAX: usize = 32;

        let texts = texts(paths)?;
        let key = format!("{what}\n{how}\n{}", texts.join("\n"));
        let work = &mut *self.0.lock();
        if work.steps.len() >= STEPS_MAX {
            work.steps.clear();
        }
        if !work.steps.contains_key(&key) {
            let paths: Vec<_> = texts.iter().map(|text| path(text)).collect::<Result<_, _>>()?;
            let fields = paths.iter().flat_map(|path| path.fields().to_vec()).collect();
            // The fault may quote a path, which may be made of values.
            let step = make(paths.into_iter().collect());
            let step = step.map_err(|_| refuse(format!("`{what}` does not take such a path")))?;
            work.steps.insert(key.clone(), Asked { step, fields });
        }
        let Some(Asked { fields, .. }) = work.steps.get(&key) else { return Ok(()) };
        let record = work.draft.record();
        let n_bytes = fields.iter().map(|field| size(plain(record.get(*field))).bytes).sum();
        work.charge_bytes(n_bytes)?;
        let Work { draft, steps, .. } = work;
        if let Some(asked) = steps.get_mut(&key) {
            // None of these steps drops a record.
            let _passes = asked.step.apply(draft);
        }
        Ok(())
    }

    fn level(&self, level: &str) -> Result<(), Failed> {
        match level.parse() {
            Ok(EventLevel::Off) => Err(refuse("a script drops a record by the value `false`")),
            Ok(level) => {
                self.0.lock().draft.set_level(level);
                Ok(())
            }
            Err(_) => Err(refuse("expected a level: error, warn, info, debug or trace")),
        }
    }
}

/// The field of a name. A name may be made of values: it is not told.
fn field(name: &str) -> Result<Field, Failed> {
    name.parse().map_err(|_| {
        let near = nearest(name, Field::ALL.iter().map(|field| field.name()));
        let hint = near.map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
        refuse(format!("unknown field{hint}"))
    })
}

fn path(text: &str) -> Result<FieldPath, Failed> {
    let path = text.parse();
    path.map_err(|_| refuse("expected a path into the record, such as `Filter.email`"))
}

fn exact(text: &str) -> Result<FieldPath, Failed> {
    let path = path(text)?;
    if path.is_exact() { Ok(path) } else { Err(refuse("expected a path without wildcards")) }
}

/// A text, or a list of texts.
fn texts(paths: &Dynamic) -> Result<Vec<String>, Failed> {
    let text = |value: &Dynamic| value.read_lock::<ImmutableString>().map(|text| text.to_string());
    let texts = match paths.read_lock::<Array>() {
        Some(paths) => paths.iter().map(text).collect::<Option<Vec<_>>>(),
        None => text(paths).map(|text| vec![text]),
    };
    texts
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| refuse("expected a path, or a list of paths"))
}
