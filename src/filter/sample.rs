//! `sample`: a part of all operations, and all versions of each.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Draft, Fault, Filter, Matcher, Query, Verdict};
use crate::record::WatchId;

/// Says which part of the operations a `sample` step lets through: `sample: 0.1`, or in full.
///
/// Whether an operation is among them depends on its WatchID alone: all of its versions go together,
/// on all routes, in all processes, and in what reads the records later.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, transform = or_ratio_alone))]
#[non_exhaustive]
pub struct SampleSettings {
    /// The part of the operations that goes through, between 0 and 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub ratio: f64,
    /// What goes through in any case: a query document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always: Option<Query>,
}

/// Lets a part of the operations through.
#[derive(Debug)]
pub struct Sample {
    /// Of the 2^64 places at which an operation may be, so many go through.
    limit: u128,
    always: Option<Matcher>,
}

impl SampleSettings {
    /// Lets this part through.
    #[must_use]
    pub const fn new(ratio: f64) -> Self {
        Self { ratio, always: None }
    }

    /// Makes the step.
    ///
    /// # Errors
    ///
    /// When the ratio is not between 0 and 1, or the query cannot be matched.
    pub fn build(&self) -> Result<Sample, Fault> {
        if !(0.0..=1.0).contains(&self.ratio) {
            let fault = format!("found {}, expected a ratio between 0 and 1", self.ratio);
            return Err(Fault::new(fault).within("ratio".into()));
        }
        let always = self.always.as_ref().map(Query::for_records);
        let always = always.transpose().map_err(|fault| fault.within("always".into()))?;
        #[expect(clippy::cast_possible_truncation, reason = "a ratio times 2^64 is in range")]
        #[expect(clippy::cast_sign_loss, reason = "checked to be 0 or more")]
        let limit = (self.ratio * 2.0_f64.powi(64)) as u128;
        Ok(Sample { limit, always })
    }
}

impl Filter for Sample {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        let record = draft.record();
        let is_among = u128::from(place(record.id)) < self.limit;
        Verdict::pass_if(
            is_among || self.always.as_ref().is_some_and(|always| always.matches(record)),
        )
    }
}

/// Where among 2^64 places an operation is: the two halves of its id, mixed by the finalizer of
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn place(id: WatchId) -> u64 {
    let (high, low) = id.as_uuid().as_u64_pair();
    mix(low ^ mix(high))
}

const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(feature = "schema")]
fn or_ratio_alone(full: &mut schemars::Schema) {
    let description = full.remove("description");
    let ratio = full.pointer("/properties/ratio").cloned();
    *full = schemars::json_schema!({ "description": description, "anyOf": [ratio, full] });
}

impl<'de> Deserialize<'de> for SampleSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SampleVisitor)
    }
}

/// The full form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    ratio: Ratio,
    #[serde(default)]
    always: Option<Query>,
}

/// A number, with or without a fraction.
struct Ratio(f64);

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RatioVisitor).map(Self)
    }
}

struct RatioVisitor;

impl de::Visitor<'_> for RatioVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number between 0 and 1")
    }

    fn visit_f64<E: de::Error>(self, ratio: f64) -> Result<f64, E> {
        Ok(ratio)
    }

    #[expect(clippy::cast_precision_loss, reason = "what is not 0 or 1 is refused later")]
    fn visit_u64<E: de::Error>(self, ratio: u64) -> Result<f64, E> {
        Ok(ratio as f64)
    }
}

struct SampleVisitor;

impl<'de> de::Visitor<'de> for SampleVisitor {
    type Value = SampleSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ratio between 0 and 1, or `ratio` and `always`")
    }

    fn visit_f64<E: de::Error>(self, ratio: f64) -> Result<SampleSettings, E> {
        RatioVisitor.visit_f64(ratio).map(SampleSettings::new)
    }

    fn visit_u64<E: de::Error>(self, ratio: u64) -> Result<SampleSettings, E> {
        RatioVisitor.visit_u64(ratio).map(SampleSettings::new)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<SampleSettings, A::Error> {
        let full = Full::deserialize(de::value::MapAccessDeserializer::new(entries))?;
        Ok(SampleSettings { ratio: full.ratio.0, always: full.always })
    }
}
