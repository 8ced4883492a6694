//! Affinities of a profile to values of item attributes: how much of a person's interest goes to each category,
//! brand or tag.
//!
//! Each event with items adds its kind's weight to every value that the items have, parents of category paths
//! included, and the weight is halved with every half-life ([`Decayed`]). Within one dimension all weights fade
//! alike, so a value's *share* does not change by time passing alone.

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;
use crate::sketch::Decayed;
use crate::state::packed::{self, Packed, take};
use crate::time::{Span, Timestamp};

/// The decayed interest in one value of one item attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affinity {
    /// The dimension, as [`Dimension::code`] gives it.
    pub(crate) dimension: u32,
    /// The symbol of the value.
    pub value: Symbol,
    /// The decayed weight of the events.
    pub(crate) weight: Decayed,
}

/// An item attribute to which profiles keep affinities: a name and a half-life, compiled from the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The symbol of the item attribute.
    pub attribute: Symbol,
    /// After how long a weight is halved.
    pub half_life: Span,
}

impl Dimension {
    /// The code under which profiles store the dimension: the high half of its symbol. Two dimensions of one schema
    /// that share a code are refused when the schema is compiled.
    #[must_use]
    pub const fn code(&self) -> u32 {
        Self::code_of(self.attribute)
    }

    pub(crate) const fn code_of(attribute: Symbol) -> u32 {
        (attribute.to_bits() >> 32) as u32
    }
}

/// The affinities of one profile, by dimension and value.
///
/// At most [`Affinities::LIMIT`] values are kept in a dimension. Beyond that the weakest leaves, ties by the lower
/// symbol; from then on the weights that left are missing, and the order of arrival can matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Affinities(#[serde(with = "packed")] Vec<Affinity>);

#[derive(Deserialize)]
struct Stored(#[serde(with = "packed")] Vec<Affinity>);

impl Packed for Affinity {
    const WIDTH: usize = 24;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..4].copy_from_slice(&self.dimension.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.value.to_bits().to_le_bytes());
        bytes[12..].copy_from_slice(&self.weight.to_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        Self {
            dimension: u32::from_le_bytes(take(bytes, 0)),
            value: Symbol::from_bits(u64::from_le_bytes(take(bytes, 4))),
            weight: Decayed::from_bytes(take(bytes, 12)),
        }
    }
}

impl Affinities {
    /// The most values that a profile keeps in one dimension.
    pub const LIMIT: usize = 32;

    /// Adds the weight of an event to a value; gives the value that had to leave for it.
    pub(crate) fn add(&mut self, dimension: &Dimension, value: Symbol, weight: Decayed) -> Option<Symbol> {
        let at = self.slot(dimension.code(), value);
        self.0[at].weight.merge(weight);
        self.evict(dimension.code())
    }

    /// The share of a dimension's interest that goes to a value, from 0 to 1. Values that a person turned away from
    /// (a negative weight) have no share.
    #[must_use]
    pub fn share(&self, dimension: &Dimension, value: Symbol) -> f64 {
        let of = self.dimension(dimension.code());
        let Some(newest) = of.iter().map(|affinity| affinity.weight.epoch()).max() else { return 0.0 };
        let worth = |affinity: &Affinity| affinity.weight.at_epoch(newest).max(0.0);
        let total: f64 = of.iter().map(worth).sum();
        match of.binary_search_by_key(&value, |affinity| affinity.value) {
            Ok(at) if total > 0.0 => worth(&of[at]) / total,
            _ => 0.0,
        }
    }

    /// The decayed weight of a value, if there is one.
    #[must_use]
    pub fn weight(&self, dimension: &Dimension, value: Symbol) -> Option<Decayed> {
        let of = self.dimension(dimension.code());
        let at = of.binary_search_by_key(&value, |affinity| affinity.value).ok()?;
        Some(of[at].weight)
    }

    /// The place of a value among those with a weight above zero, from one on, the strongest first, ties by the
    /// lower symbol; `None` if it has no such weight. Time alone does not change it.
    #[must_use]
    pub fn rank(&self, dimension: &Dimension, value: Symbol) -> Option<u32> {
        let of = self.dimension(dimension.code());
        let own = &of[of.binary_search_by_key(&value, |affinity| affinity.value).ok()?];
        let is_before = |other: &&Affinity| stronger(other, own).is_lt();
        // At most 32 are kept.
        own.weight.is_above_zero().then(|| 1 + of.iter().filter(is_before).count() as u32)
    }

    /// The value of rank one.
    #[must_use]
    pub fn top(&self, dimension: &Dimension) -> Option<Symbol> {
        let of = self.dimension(dimension.code()).iter().filter(|affinity| affinity.weight.is_above_zero());
        of.min_by(|a, b| stronger(a, b)).map(|affinity| affinity.value)
    }

    /// The values of a dimension with their decayed weights at a time, strongest first, ties by the lower symbol.
    #[must_use]
    pub fn ranked(&self, dimension: &Dimension, now: Timestamp) -> Vec<(Symbol, f64)> {
        let mut ranked: Vec<_> = self.dimension(dimension.code()).to_vec();
        ranked.sort_by(stronger);
        ranked.iter().map(|affinity| (affinity.value, affinity.weight.at(now, dimension.half_life))).collect()
    }

    /// All of them, by dimension and value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Affinity> {
        self.0.iter()
    }

    /// How many affinities there are in all dimensions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for affinity in &other.0 {
            let at = self.slot(affinity.dimension, affinity.value);
            self.0[at].weight.merge(affinity.weight);
            self.evict(affinity.dimension);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Affinity>()
    }

    pub(super) fn dimension(&self, code: u32) -> &[Affinity] {
        let start = self.0.partition_point(|affinity| affinity.dimension < code);
        let len = self.0[start..].partition_point(|affinity| affinity.dimension == code);
        &self.0[start..start + len]
    }

    fn slot(&mut self, dimension: u32, value: Symbol) -> usize {
        let key = |affinity: &Affinity| (affinity.dimension, affinity.value);
        match self.0.binary_search_by_key(&(dimension, value), key) {
            Ok(at) => at,
            Err(at) => {
                super::reserve(&mut self.0);
                self.0.insert(at, Affinity { dimension, value, weight: Decayed::default() });
                at
            }
        }
    }

    fn evict(&mut self, dimension: u32) -> Option<Symbol> {
        if self.dimension(dimension).len() > Self::LIMIT { self.leave_weakest(dimension) } else { None }
    }

    /// Takes out the weakest value of the dimension that has most, of equals the first; `false` if there is none.
    pub(super) fn give_up_weakest(&mut self) -> bool {
        let runs = self.0.chunk_by(|a, b| a.dimension == b.dimension);
        // Of equals the last is given, so the dimensions are walked backwards.
        let most = runs.rev().max_by_key(|of| of.len()).and_then(|of| of.first()).map(|of| of.dimension);
        most.and_then(|dimension| self.leave_weakest(dimension)).is_some()
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    fn leave_weakest(&mut self, dimension: u32) -> Option<Symbol> {
        let start = self.0.partition_point(|affinity| affinity.dimension < dimension);
        let of = self.dimension(dimension);
        let weakest = of.iter().enumerate().min_by(|(_, a), (_, b)| a.weight.total_cmp(&b.weight));
        weakest.map(|(at, _)| at).map(|at| self.0.remove(start + at).value)
    }
}

/// The order of strength, the strongest first, ties by the lower symbol.
fn stronger(a: &Affinity, b: &Affinity) -> std::cmp::Ordering {
    b.weight.total_cmp(&a.weight).then(a.value.cmp(&b.value))
}

impl TryFrom<Stored> for Affinities {
    type Error = &'static str;
    fn try_from(Stored(affinities): Stored) -> Result<Self, &'static str> {
        let key = |affinity: &Affinity| (affinity.dimension, affinity.value);
        if !affinities.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
            return Err("affinities out of order");
        }
        let mut run = affinities.chunk_by(|a, b| a.dimension == b.dimension);
        if run.any(|of| of.len() > Self::LIMIT) {
            return Err("too many affinities in a dimension");
        }
        Ok(Self(affinities))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension() -> Dimension {
        Dimension { attribute: Symbol::new("category"), half_life: Span::days(30) }
    }

    #[test]
    fn shares_do_not_change_as_time_passes_and_sum_to_one() {
        let (mut affinities, of) = (Affinities::default(), dimension());
        let at = |day: i64| Timestamp::from_millis(1_700_000_000_000 + day * 86_400_000);
        affinities.add(&of, Symbol::new("shoes"), Decayed::of(3.0, at(0), of.half_life));
        affinities.add(&of, Symbol::new("hats"), Decayed::of(1.0, at(0), of.half_life));
        affinities.add(&of, Symbol::new("socks"), Decayed::of(-2.0, at(0), of.half_life));
        assert!((affinities.share(&of, Symbol::new("shoes")) - 0.75).abs() < 1e-3);
        assert!(affinities.share(&of, Symbol::new("socks")).abs() < 1e-12);
        assert!((affinities.ranked(&of, at(30))[0].1 - 1.5).abs() < 1e-2);
        affinities.add(&of, Symbol::new("hats"), Decayed::of(3.5, at(30), of.half_life));
        assert!((affinities.share(&of, Symbol::new("shoes")) - 1.5 / 5.5).abs() < 1e-3);
    }

    #[test]
    fn the_weakest_leave_beyond_the_limit() {
        let (mut affinities, of) = (Affinities::default(), dimension());
        for i in 0..100 {
            affinities.add(
                &of,
                Symbol::new(&i.to_string()),
                Decayed::of(1.0 + f64::from(i), Timestamp::from_millis(0), of.half_life),
            );
        }
        assert_eq!(affinities.len(), Affinities::LIMIT);
        assert!(affinities.share(&of, Symbol::new("99")) > 0.0);
        assert!(affinities.share(&of, Symbol::new("0")).abs() < 1e-12);
        assert_eq!(size_of::<Affinity>(), 24);
    }
}
