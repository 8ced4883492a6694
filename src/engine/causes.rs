//! All memberships of a person at once, at the cost of those segments that concern the person.
//!
//! A segment answers for a profile as for an empty one unless one of its causes is there (see
//! [`Cause`](crate::rule::Cause)). The segments are indexed by their causes, so that a walk over what the profile has
//! finds those to evaluate: an attribute's value costs a look-up, a number a walk over the ranges that begin below it.

use smallvec::SmallVec;

use super::{Engine, Touched};
use crate::hash::{Map, Symbol};
use crate::profile::{CounterId, Dimension, Flip, Profile};
use crate::rule::{Cause, Scalar};
use crate::time::Timestamp;
use crate::value::Value;

/// The segments by what makes them answer otherwise than for an empty profile.
#[derive(Clone, Debug, Default)]
pub(super) struct Causes {
    /// Those that have other causes than are indexed here: they are always evaluated.
    always: Vec<u32>,
    attributes: Map<Symbol, OfAttribute>,
    counters: Map<CounterId, Vec<u32>>,
    /// By [`Dimension::code`] and value.
    affinities: Map<(u32, Symbol), Vec<u32>>,
}

/// The segments that the values of one attribute can concern.
#[derive(Clone, Debug, Default)]
struct OfAttribute {
    /// Those that any value concerns.
    any: Vec<u32>,
    /// By [`Scalar::key`].
    values: Map<u64, Vec<u32>>,
    /// By the length of the start, and the start.
    starts: Vec<(usize, Map<Symbol, Vec<u32>>)>,
    /// Ranges by their lower end, those without one at the front by their upper end.
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    low: f64,
    high: f64,
    segment: u32,
}

impl Causes {
    /// Adds a segment by its causes; `None` for one that is always to be evaluated.
    pub(super) fn add(&mut self, segment: u32, causes: Option<Vec<Cause>>) {
        let Some(causes) = causes else { return self.always.push(segment) };
        for cause in causes {
            match cause {
                Cause::Attribute(name) => self.attributes.entry(name).or_default().any.push(segment),
                Cause::Value(name, key) => {
                    self.attributes.entry(name).or_default().values.entry(key).or_default().push(segment);
                }
                Cause::Start(name, bytes, start) => {
                    let starts = &mut self.attributes.entry(name).or_default().starts;
                    let at = starts.iter().position(|(of, _)| *of == bytes).unwrap_or_else(|| {
                        starts.push((bytes, Map::default()));
                        starts.len() - 1
                    });
                    starts[at].1.entry(start).or_default().push(segment);
                }
                Cause::Number(name, low, high) => {
                    self.attributes.entry(name).or_default().ranges.push(Range { low, high, segment });
                }
                Cause::Counter(id) => self.counters.entry(id).or_default().push(segment),
                Cause::Affinity(dimension, value) => {
                    let code = Dimension::code_of(dimension);
                    self.affinities.entry((code, value)).or_default().push(segment);
                }
            }
        }
    }

    /// Puts what was added in order.
    #[expect(clippy::iter_over_hash_type, reason = "each list is put in order by itself")]
    pub(super) fn finish(&mut self) {
        for of in self.attributes.values_mut() {
            of.ranges.sort_by(|a, b| a.low.total_cmp(&b.low).then(b.high.total_cmp(&a.high)));
        }
    }

    /// Calls `take` with the lists of segments that this profile can concern.
    fn each(&self, profile: &Profile, mut take: impl FnMut(u32)) {
        self.always.iter().copied().for_each(&mut take);
        for attribute in profile.attributes().as_slice() {
            // A removed attribute is as one that never was.
            let Some(of) = self.attributes.get(&attribute.name).filter(|_| !attribute.value.is_null()) else {
                continue;
            };
            of.any.iter().copied().for_each(&mut take);
            match &attribute.value {
                Value::List(values) => {
                    values.iter().for_each(|value| of.each(value, &mut take));
                    // One element may lie in one range of a rule, and another in another.
                    if values.iter().any(|value| value.as_number().is_some()) {
                        of.ranges.iter().for_each(|range| take(range.segment));
                    }
                }
                value => of.each(value, &mut take),
            }
        }
        for whole in profile.attributes().wholes_there() {
            let of = self.attributes.get(&whole);
            of.into_iter().flat_map(|of| of.any.iter().copied()).for_each(&mut take);
        }
        if !self.counters.is_empty() {
            for counter in profile.counters.iter() {
                self.counters.get(&counter.id()).into_iter().flatten().copied().for_each(&mut take);
            }
        }
        if !self.affinities.is_empty() {
            let said = profile.extra.iter().flat_map(|extra| extra.preferences.iter());
            let weighed = profile.affinities().iter().map(|of| (of.dimension, of.value));
            for key in weighed.chain(said.map(|of| (of.dimension, of.value))) {
                self.affinities.get(&key).into_iter().flatten().copied().for_each(&mut take);
            }
        }
    }
}

impl OfAttribute {
    fn each(&self, value: &Value, take: &mut impl FnMut(u32)) {
        let Some(scalar) = Scalar::from_value(value) else { return };
        if !self.values.is_empty() {
            self.values.get(&scalar.key()).into_iter().flatten().copied().for_each(&mut *take);
        }
        match scalar {
            Scalar::Bool(_) => {}
            Scalar::Number(number) => {
                let reached = self.ranges.iter().take_while(|range| range.low <= number);
                reached.filter(|range| number <= range.high).for_each(|range| take(range.segment));
            }
            Scalar::Text(text) => {
                for (bytes, starts) in &self.starts {
                    // No start ends within a character, so such a part of the text equals none.
                    let start = text.get(..*bytes).and_then(|start| starts.get(&Symbol::new(start)));
                    start.into_iter().flatten().copied().for_each(&mut *take);
                }
            }
        }
    }
}

impl Engine {
    /// Notes the segments that can answer otherwise than for an empty profile, or than these flips say: of all others
    /// the answer is known, and no time changes it.
    pub(super) fn touch_concerned(&self, profile: &Profile, flips: &[Flip], touched: &mut Touched) {
        if profile.events() == 0 {
            return self.touch_all(profile, touched);
        }
        let mut concerned = Concerned::new(self.segments.len());
        self.causes.each(profile, |segment| concerned.add(segment));
        for flip in flips {
            concerned.add(flip.segment());
            // What is noted changes no more, so that these are not reached by a change.
            self.reach.of_segment(flip.segment()).iter().for_each(|referring| concerned.add(*referring));
        }
        let all_unknown = profile.counters.has_dropped();
        if all_unknown || !profile.gaps.is_empty() || self.is_foreign(profile) {
            // Counters that are not there may be unknown, where those of an empty profile have counted nothing.
            for index in 0..self.plan.len() {
                if all_unknown || self.planned_absent_since(profile, index) > Timestamp::MIN {
                    // They are counted in u32.
                    self.reach.of_planned(index as u32).iter().for_each(|segment| concerned.add(*segment));
                }
            }
        }
        touched.reserve(concerned.len());
        touched.extend(concerned.iter());
    }
}

/// A set of segments.
struct Concerned(SmallVec<[u64; 32]>);

impl Concerned {
    fn new(segments: usize) -> Self {
        Self(SmallVec::from_elem(0, segments.div_ceil(64)))
    }
    fn add(&mut self, segment: u32) {
        self.0[segment as usize / 64] |= 1 << (segment % 64);
    }
    fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }
    /// In their order.
    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.0).flat_map(|(word, bits)| {
            let mut left = *bits;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(word * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests;
