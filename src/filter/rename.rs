//! `rename`: moves values to other places.

use mongodb::bson::Bson;

use super::{
    Draft, Fault, FieldPath, Filter, Part, Query, Verdict,
    edit::{self, Intent},
    set::scratch,
    target::Target,
};

/// Moves values to other places.
#[derive(Debug)]
pub(super) struct Rename(Vec<Move>);

#[derive(Debug)]
struct Move {
    from: Target,
    to: Target,
}

impl Rename {
    /// Of a map from paths to paths.
    ///
    /// # Errors
    ///
    /// When there is none, a path does not name one place, or what is at one place never fits into the
    /// other.
    pub(super) fn build(names: &Query) -> Result<Self, Fault> {
        if names.as_document().is_empty() {
            return Err(Fault::new("expected at least one path with its new one"));
        }
        let within = |(from, to): (&String, &Bson)| {
            Move::build(from, to).map_err(|fault| fault.within(Part::from(from.as_str())))
        };
        names.as_document().iter().map(within).collect::<Result<_, _>>().map(Self)
    }
}

impl Move {
    fn build(from: &str, to: &Bson) -> Result<Self, Fault> {
        let Bson::String(to) = to else {
            return Err(Fault::new("expected a path, such as `Extra.Team`"));
        };
        let path: FieldPath = from.parse().map_err(Fault::of_text)?;
        let from = Target::of(&path).map_err(Fault::of_text)?;
        edit::check(&path, Intent::Remove)?;
        let to = Target::parse(to)?;
        let put = |sample| to.put(&mut scratch(), sample);
        let tried: Vec<_> = from.samples().into_iter().flatten().map(put).collect();
        if !tried.iter().any(Result::is_ok)
            && let Some(Err(error)) = tried.into_iter().next()
        {
            let message = format!("nothing of `{path}` fits there: {error}");
            return Err(Fault::new(message));
        }
        Ok(Self { from, to })
    }
}

impl Filter for Rename {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        for Move { from, to } in &self.0 {
            if from.get(draft.record()).is_missing() {
                continue;
            }
            let record = draft.to_mut();
            // What does not fit its new place is gone, rather than left under the old name.
            if let Some(value) = from.take(record) {
                to.put_or_tell(record, value);
            }
        }
        Verdict::Pass
    }
}
