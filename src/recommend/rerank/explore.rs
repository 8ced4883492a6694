//! Tries items that the recommenders would not have shown, with the probability of each known exactly.
//!
//! Without it a recommender only ever learns about what it shows. At some positions the item is drawn evenly from a
//! pool, so that a log of decisions can judge what it has never favoured (inverse propensity scoring, Horvitz and
//! Thompson, 1952).

use rand::Rng;

use super::Candidate;
use crate::decision::Propensity;
use crate::hash::Symbol;

/// Where a slate explores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// The positions at which items are drawn, rising, each once.
    pub positions: Vec<usize>,
    /// From how many items at most.
    pub among: usize,
    /// Whether from the newest items, rather than from those that came next.
    pub newest: bool,
}

/// Draws an item from the pool for each position, without replacement, and notes the probability with which it was
/// drawn: one in as many as were left in the pool at that moment, exact to one part in 2^48 for pools of thousands.
///
/// A position beyond the end of the slate is its end. Where the pool is empty nothing is drawn. The pool loses what is
/// drawn; nothing in it may be in the slate.
pub fn explore(
    positions: &[usize],
    pool: &mut Vec<Candidate>,
    rng: &mut dyn Rng,
    slate: &mut Vec<Candidate>,
    drawn: &mut Vec<(Symbol, Propensity)>,
) {
    for position in positions {
        let Ok(propensity) = Propensity::new(1.0 / pool.len() as f64) else { return };
        // The high half of a product of 64 bits (Lemire, 2019, without the rejection); less than the length.
        let at = ((u128::from(rng.next_u64()) * pool.len() as u128) >> 64) as usize;
        let candidate = pool.remove(at);
        drawn.push((candidate.item, propensity));
        slate.insert((*position).min(slate.len()), candidate);
    }
}
