//! Puts candidates in the order in which they are shown: varied, in proportion, by the rules of the house.
//!
//! Recommenders propose more items than are wanted, best first; [`Rerank`] chooses among them one by one. What a
//! candidate is worth depends on its place `p` among the candidates, since scores of different recommenders do not
//! compare: its relevance is `1 / log2(2 + p)`, the discount of DCG (Järvelin and Kekäläinen, 2002), times what the
//! house rules say. At each position the candidate is taken for which this is greatest:
//!
//! ```text
//! (1 − c) · [ (1 − d) · relevance − d · likeness to the nearest that was taken ]  −  c · KL(own mix, mix of the slate)
//! ```
//!
//! With c = 0 that is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998, λ = 1 − d), with d = 0 the
//! greedy calibration of Steck (RecSys 2018, λ = c). Quotas and burying come before it: an item that breaks a quota is
//! taken only where no other is left. So a slate is never shorter for any of this: it has as many items as there are
//! candidates, up to the limit.
//!
//! Cost: O(n · k · facets of an item) for n candidates and k positions.

mod calibrate;
mod diversity;
mod explore;
mod quota;
mod rules;
#[cfg(test)]
mod tests;

pub use calibrate::Mix;
pub use explore::{Exploration, explore};
pub use quota::Quota;
pub use rules::{House, HouseRule, Which};

use super::Candidate;
use crate::catalog::{Catalog, Facet};
use calibrate::Calibration;
use diversity::likeness;
use quota::Counts;

/// How candidates become a slate.
///
/// ```
/// use bespoke::catalog::{Catalog, Item};
/// use bespoke::recommend::{Candidate, Quota, Rerank, RerankScratch, Source};
/// let mut catalog = Catalog::new();
/// for (id, brand) in [("a1", "acme"), ("a2", "acme"), ("b1", "best")] {
///     catalog.upsert(Item::new(id).brand(brand))?;
/// }
/// let candidate = |id: &str| {
///     Candidate { item: id.into(), score: 1.0, source: Source::Popular, because: None, contribution: 0.0 }
/// };
/// let mut candidates = ["a1", "a2", "b1"].map(candidate).to_vec();
/// let quotas = [Quota { most: Some(1), ..Quota::of("brand") }];
/// let rerank = Rerank { quotas: &quotas, ..Rerank::new(&catalog) };
/// rerank.arrange(2, &mut RerankScratch::default(), &mut candidates);
/// assert_eq!([candidates[0].item, candidates[1].item], ["a1".into(), "b1".into()]);
/// # Ok::<(), bespoke::catalog::CatalogError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rerank<'a> {
    /// How much variety counts against relevance, from 0 to 1.
    pub diversity: f64,
    /// How many items of a kind there may or must be.
    pub quotas: &'a [Quota],
    /// The mix of values that the slate should have.
    pub mix: Option<Mix<'a>>,
    /// What the house wants.
    pub rules: &'a [HouseRule],
    /// What the items are.
    pub catalog: &'a Catalog,
}

/// Memory of [`Rerank::arrange`], kept from one call to the next; its contents mean nothing.
#[derive(Debug, Default)]
pub struct RerankScratch {
    lines: Vec<Line>,
    /// The lines that were taken, in order.
    taken: Vec<u32>,
    moved: Vec<Candidate>,
    counts: Counts,
    calibration: Calibration,
}

/// A candidate while it waits.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Beyond the last slot if the catalog does not have it.
    slot: u32,
    relevance: f64,
    /// The greatest likeness to any that was taken.
    nearest: f64,
    buried: bool,
    pinned: Option<usize>,
    is_taken: bool,
}

impl<'a> Rerank<'a> {
    /// Keeps the order as it is.
    #[must_use]
    pub const fn new(catalog: &'a Catalog) -> Self {
        Self { diversity: 0.0, quotas: &[], mix: None, rules: &[], catalog }
    }

    /// Puts `limit` of the candidates in front, in the order in which they are shown; the others follow in the order
    /// in which they came.
    ///
    /// Numbers that are not finite count as zero.
    pub fn arrange(&self, limit: usize, scratch: &mut RerankScratch, candidates: &mut Vec<Candidate>) {
        let RerankScratch { lines, taken, moved, counts, calibration } = scratch;
        lines.clear();
        taken.clear();
        counts.clear();
        let line = |(place, candidate): (usize, &Candidate)| Line {
            slot: self.catalog.slot(candidate.item).unwrap_or(u32::MAX),
            relevance: 1.0 / libm::log2(2.0 + place as f64),
            nearest: 0.0,
            buried: false,
            pinned: None,
            is_taken: false,
        };
        lines.extend(candidates.iter().enumerate().map(line));
        for (line, candidate) in lines.iter_mut().zip(candidates.iter()) {
            rules::apply(self.rules, candidate.item, self.facets(line), line);
        }
        calibration.begin(self.mix.as_ref());
        // What is pinned takes part in the mix before all else.
        let mut pins = 0;
        while let Some(at) = next_pin(lines).filter(|_| pins < limit) {
            self.take(at, lines, counts, calibration);
            pins += 1;
        }
        let limit = limit.min(lines.len());
        while taken.len() + pins < limit {
            let room = limit - pins - taken.len();
            let Some(at) = self.best(room, lines, counts, calibration) else { break };
            self.take(at, lines, counts, calibration);
            // Candidates are hundreds.
            taken.push(at as u32);
        }
        insert_pins(lines, taken);
        let rest = (0..lines.len() as u32).filter(|at| !lines[*at as usize].is_taken);
        moved.clear();
        moved.extend(taken.iter().copied().chain(rest).map(|at| candidates[at as usize]));
        candidates.clear();
        candidates.extend_from_slice(moved);
    }

    /// The candidate for the next position, of which `room` are left.
    fn best(&self, room: usize, lines: &[Line], counts: &Counts, calibration: &Calibration) -> Option<usize> {
        let (diversity, weight) = (share(self.diversity), self.mix.as_ref().map_or(0.0, |mix| share(mix.weight)));
        let is_pressing = counts.missing(self.quotas) >= room;
        let mut best: Option<(u8, f64, usize)> = None;
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_taken) {
            let facets = self.facets(line);
            let helps = !is_pressing || counts.helps(self.quotas, facets);
            let breaks = counts.breaks(self.quotas, facets);
            let tier = 4 * u8::from(!helps) + 2 * u8::from(breaks) + u8::from(line.buried);
            if best.is_some_and(|(least, ..)| tier > least) {
                continue;
            }
            let relevance = (1.0 - diversity) * line.relevance - diversity * line.nearest;
            let mut worth = (1.0 - weight) * relevance;
            if weight > 0.0 {
                worth += weight * calibration.gain(facets);
            }
            if best.is_none_or(|(least, most, _)| tier < least || worth > most) {
                best = Some((tier, worth, at));
            }
        }
        best.map(|(_, _, at)| at)
    }

    fn take(&self, at: usize, lines: &mut [Line], counts: &mut Counts, calibration: &mut Calibration) {
        lines[at].is_taken = true;
        let facets = self.catalog.facets(lines[at].slot);
        counts.add(self.quotas, facets);
        calibration.add(facets);
        if share(self.diversity) > 0.0 {
            for line in lines.iter_mut().filter(|line| !line.is_taken) {
                line.nearest = line.nearest.max(likeness(facets, self.catalog.facets(line.slot)));
            }
        }
    }

    fn facets(&self, line: &Line) -> &'a [Facet] {
        self.catalog.facets(line.slot)
    }
}

/// The next line that is pinned and not taken: by position, then by place.
fn next_pin(lines: &[Line]) -> Option<usize> {
    let pinned = lines.iter().enumerate().filter(|(_, line)| !line.is_taken);
    pinned.filter_map(|(at, line)| Some((line.pinned?, at))).min().map(|(_, at)| at)
}

/// Puts the pinned lines that were taken where they belong; of two for one position the second comes after the first.
fn insert_pins(lines: &[Line], taken: &mut Vec<u32>) {
    let mut last: Option<(usize, usize)> = None;
    let mut free = 0;
    let pins =
        || lines.iter().enumerate().filter(|(_, line)| line.is_taken).filter_map(|(at, l)| Some((l.pinned?, at)));
    while let Some(pin) = pins().filter(|pin| last.is_none_or(|last| *pin > last)).min() {
        let position = pin.0.max(free).min(taken.len());
        taken.insert(position, pin.1 as u32);
        (last, free) = (Some(pin), position + 1);
    }
}

/// A weight that may be anything as a share.
fn share(weight: f64) -> f64 {
    if weight.is_finite() { weight.clamp(0.0, 1.0) } else { 0.0 }
}
