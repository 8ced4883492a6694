//! What is known of a person's taste, as the recommenders read it.

use super::Engine;
use super::facts::ProfileFacts;
use crate::catalog::Facet;
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
