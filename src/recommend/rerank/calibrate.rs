//! Keeps a slate in proportion to what a person is interested in: who watches 70 % romance and 30 % action is shown
//! both (Steck, "Calibrated recommendations", RecSys 2018).
//!
//! With p(g) the person's share of value g and q(g) that of the slate, where those of an item's values that are part of
//! the mix share it equally,
//!
//! ```text
//! KL(p, q̃) = Σ_g p(g) · ln(p(g) / q̃(g))        q̃(g) = (1 − α) · q(g) + α · p(g),  α = 0.01
//! ```
//!
//! is zero where they agree, and large where the slate leaves out what the person wants.

use crate::catalog::Facet;
use crate::hash::Symbol;

/// The mix of values that a slate should have.
#[derive(Clone, Copy, Debug)]
pub struct Mix<'a> {
    /// The attribute: `category`, `brand`, `tag` or one of the catalog's own.
    pub dimension: Symbol,
    /// The values with their weights, of which those that are not finite or not above zero count as nothing.
    pub weights: &'a [(Symbol, f64)],
    /// How much the mix counts against relevance and variety, from 0 to 1.
    pub weight: f64,
}

/// The mix that is wanted, and that of the items taken so far.
#[derive(Debug, Default)]
pub(super) struct Calibration {
    dimension: Symbol,
    values: Vec<Share>,
    /// How many items were taken.
    taken: f64,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    value: Symbol,
    /// p(g).
    wanted: f64,
    /// The sum over the items taken of the value's share of each.
    had: f64,
    /// ln q̃(g), if the next item does not have the value.
    without: f64,
}

impl Calibration {
    pub(super) fn begin(&mut self, mix: Option<&Mix<'_>>) {
        self.values.clear();
        self.taken = 0.0;
        let Some(mix) = mix else { return };
        self.dimension = mix.dimension;
        let sound = mix.weights.iter().filter(|(_, weight)| weight.is_finite() && *weight > 0.0);
        let share = |(value, wanted): &(Symbol, f64)| Share { value: *value, wanted: *wanted, had: 0.0, without: 0.0 };
        self.values.extend(sound.map(share));
        let total: f64 = self.values.iter().map(|share| share.wanted).sum();
        self.values.iter_mut().for_each(|share| share.wanted /= total);
        self.weigh();
    }

    /// How much less the divergence is with an item of these facets than with one that has nothing of the mix.
    pub(super) fn gain(&self, facets: &[Facet]) -> f64 {
        let part = self.part(facets);
        let gain = |share: &Share| share.wanted * (self.ln_mixed(share, share.had + part) - share.without);
        facets.iter().filter_map(|facet| Some(&self.values[self.place(facet)?])).map(gain).sum()
    }

    pub(super) fn add(&mut self, facets: &[Facet]) {
        let part = self.part(facets);
        for facet in facets {
            if let Some(at) = self.place(facet) {
                self.values[at].had += part;
            }
        }
        self.taken += 1.0;
        self.weigh();
    }

    /// What each of an item's values counts.
    fn part(&self, facets: &[Facet]) -> f64 {
        1.0 / facets.iter().filter(|facet| self.place(facet).is_some()).count().max(1) as f64
    }

    fn place(&self, facet: &Facet) -> Option<usize> {
        if facet.dimension != self.dimension {
            return None;
        }
        self.values.iter().position(|share| share.value == facet.value)
    }

    fn weigh(&mut self) {
        for at in 0..self.values.len() {
            let share = self.values[at];
            self.values[at].without = self.ln_mixed(&share, share.had);
        }
    }

    /// ln q̃(g) of the slate with one more item.
    fn ln_mixed(&self, share: &Share, had: f64) -> f64 {
        libm::log((1.0 - ALPHA) * had / (self.taken + 1.0) + ALPHA * share.wanted)
    }
}

/// Keeps the logarithm finite where the slate has nothing of a value; as in the paper.
const ALPHA: f64 = 0.01;
