//! How often the prediction was right.

use std::collections::BTreeMap;

use bespoke::decision::{Decision, Source};
use bespoke::event::Event;

use crate::measure::share;

/// Predictions and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) predictions: usize,
    pub(crate) hits: usize,
    /// The sum of 1 / rank over the hits.
    reciprocal: f64,
    /// How many items each source brought, and how many of them were hits.
    pub(crate) sources: BTreeMap<Source, (usize, usize)>,
    /// Predictions of an event about an item that the catalog did not have, so that it could only fail.
    pub(crate) unknown: usize,
    /// Predictions of an event about an item that the person had seen.
    pub(crate) repeats: usize,
}

impl Score {
    /// Compares a slate with what happened. Of an event about several items, the best ranked counts.
    pub(crate) fn add(&mut self, decision: &Decision, event: &Event) {
        self.predictions += 1;
        for ranked in &decision.slate {
            self.sources.entry(ranked.source).or_default().0 += 1;
        }
        let is_hit = |id: &str| event.items.iter().any(|item| item.id == id);
        if let Some(at) = decision.slate.iter().position(|ranked| is_hit(&ranked.item)) {
            self.hits += 1;
            // A slate has at most 200 items.
            self.reciprocal += 1.0 / (at + 1) as f64;
            self.sources.entry(decision.slate[at].source).or_default().1 += 1;
        }
    }

    /// The share of predictions that named the item.
    pub(crate) fn hit_rate(&self) -> f64 {
        share(self.hits, self.predictions)
    }

    /// The mean over all predictions of 1 / rank, zero where the item was not named.
    pub(crate) fn mrr(&self) -> f64 {
        if self.predictions == 0 { 0.0 } else { self.reciprocal / self.predictions as f64 }
    }
}
