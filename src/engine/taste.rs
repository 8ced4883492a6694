//! What is known of a person's taste, as the recommenders read it.

use smallvec::SmallVec;

use super::Engine;
use super::facts::ProfileFacts;
use crate::catalog::{Catalog, Facet};
use crate::hash::Symbol;
use crate::recommend::Tastes;

impl Engine {
    /// The categories that the person likes most with their shares, strongest first, ties by symbol.
    pub(super) fn liked_categories(
        &self,
        facts: &ProfileFacts<'_>,
        weights: &mut Vec<(Symbol, f64)>,
        liked: &mut Vec<(Symbol, f64)>,
    ) {
        liked.clear();
        let category = Symbol::new("category");
        let Some(dimension) = self.upkeep.dimensions.iter().find(|of| of.attribute == category) else { return };
        facts.profile.weights(dimension, facts.now, weights);
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        liked
            .extend(weights.iter().filter(|(_, weight)| *weight > 0.0).map(|(value, weight)| (*value, weight / total)));
        liked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        liked.truncate(LIKED);
    }

    /// The first of the segments within which popularity is counted that the person is in.
    pub(super) fn popular_segment(&self, facts: &ProfileFacts<'_>) -> Option<Symbol> {
        let is_in = |(index, _): &&(u32, Symbol)| self.answer(facts.flips, *index).is_yes();
        self.asked.segments.iter().find(is_in).map(|(_, name)| *name)
    }

    /// The person's interest in values of an attribute: of categories those that have no other below them, since each
    /// counts for all above it too.
    pub(super) fn own_mix(
        &self,
        attribute: Symbol,
        facts: &ProfileFacts<'_>,
        catalog: &Catalog,
        weights: &mut Vec<(Symbol, f64)>,
    ) {
        weights.clear();
        let Some(dimension) = self.upkeep.dimensions.iter().find(|of| of.attribute == attribute) else { return };
        facts.profile.weights(dimension, facts.now, weights);
        weights.retain(|(_, weight)| *weight > 0.0);
        if attribute != Symbol::new("category") {
            return;
        }
        let texts: SmallVec<[&str; 64]> =
            weights.iter().map(|(value, _)| catalog.text(*value).unwrap_or_default()).collect();
        let is_above = |path: &str, other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let mut paths = texts.iter();
        weights.retain(|_| paths.next().is_some_and(|path| !texts.iter().any(|other| is_above(path, other))));
    }

    /// The person's affinities as tastes: each value by its share of its dimension.
    pub(super) fn tastes(&self, facts: &ProfileFacts<'_>, weights: &mut Vec<(Symbol, f64)>, tastes: &mut Tastes) {
        tastes.clear();
        for dimension in &self.upkeep.dimensions {
            facts.profile.weights(dimension, facts.now, weights);
            let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
            for (value, weight) in weights.iter() {
                tastes.add(Facet { dimension: dimension.attribute, value: *value }, weight / total);
            }
        }
    }
}

/// In how many categories what is popular is asked for.
const LIKED: usize = 4;
