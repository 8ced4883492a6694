//! The memory of one ranking, kept for the next so that deciding does not allocate.

use std::cmp::Ordering;

use super::collaborative;
use super::factor;
use super::popular::Place;
use super::tally::Tally;
use super::{Candidate, Query, Source};
use crate::hash::Symbol;

/// Buffers that rankings share. One per thread, kept from one decision to the next; its contents mean nothing.
///
/// It grows to the largest ranking it has served: tens of kilobytes for slates of twenty, and four bytes for each item,
/// or visit, that the largest model has.
#[derive(Debug, Default)]
pub struct Scratch {
    /// What must not be proposed, sorted.
    taken: Vec<Symbol>,
    /// One cell per item under consideration.
    cells: Vec<Cell>,
    /// Those of them that a pool has.
    kept: Vec<Cell>,
    /// The keys by which [`best_scores`] sorts.
    pub(super) order: Vec<u64>,
    /// Where an item's cell is: an open-addressing table of indices into `cells`, plus one; zero is free.
    slots: Vec<u32>,
    /// The latest distinct items of a history with their weights.
    pub(super) latest: Vec<(Symbol, f64)>,
    /// The places of a pool's items in the order of popularity.
    pub(super) places: Vec<Place>,
    /// Of the fitted models.
    pub(super) collaborative: collaborative::Buffers,
    pub(super) factor: factor::Buffers,
    /// Proposals that are mixed: a stack, since a blend may have a blend among its voices.
    pub(super) proposals: Vec<Vec<Candidate>>,
    /// Sums by the numbers that an index gives its visits and items.
    pub(super) tally: Tally,
    /// The visits that are nearest: how near, and their numbers.
    pub(super) nearest: Vec<(f64, u32)>,
    /// The rows that are one step away, with the share of the walk that comes through each.
    pub(super) steps: Vec<(u32, f64)>,
}

impl Scratch {
    /// Notes what is in the slate, and says how many more it may hold.
    pub(super) fn begin(&mut self, query: &Query<'_>, slate: &[Candidate]) -> usize {
        self.taken.clear();
        self.taken.extend(slate.iter().map(|candidate| candidate.item));
        self.taken.sort_unstable();
        query.limit.saturating_sub(slate.len())
    }

    /// Keeps the items of the history out.
    pub(super) fn forbid_history(&mut self, query: &Query<'_>) {
        self.taken.extend(query.history.iter().map(|seen| seen.item));
        self.taken.sort_unstable();
    }

    /// How many items must not be proposed.
    pub(super) fn taken_len(&self) -> usize {
        self.taken.len()
    }

    /// Whether the item must not be proposed.
    pub(super) fn is_taken(&self, item: Symbol) -> bool {
        self.taken.binary_search(&item).is_ok()
    }
}

/// What has been added up for one item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    item: Symbol,
    score: f64,
    /// The largest single contribution, and whose it was.
    most: f64,
    by: u32,
    /// Whose the first contribution was; breaks ties where that means something.
    first: u32,
}

impl Cell {
    /// Best first; ties by symbol.
    pub(super) fn by_score(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }

    /// Best first; ties by who contributed first.
    pub(super) fn by_score_then_first(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.first.cmp(&other.first)).then(self.item.cmp(&other.item))
    }
}

/// Adds contributions up by item, then takes the best that are accepted.
pub(super) struct Ranked<'a> {
    scratch: &'a mut Scratch,
    query: &'a Query<'a>,
    room: usize,
}

impl<'a> Ranked<'a> {
    /// Starts with nothing; `None` if the slate is full.
    pub(super) fn begin(scratch: &'a mut Scratch, query: &'a Query<'a>, slate: &[Candidate]) -> Option<Self> {
        let room = scratch.begin(query, slate);
        scratch.cells.clear();
        if scratch.slots.is_empty() {
            scratch.slots.resize(SLOTS, 0);
        } else {
            scratch.slots.fill(0);
        }
        (room > 0).then_some(Self { scratch, query, room })
    }

    /// Keeps the items of the history out.
    pub(super) fn forbid_history(&mut self) {
        self.scratch.forbid_history(self.query);
    }

    /// Adds somebody's contribution. Contributions to one item are added in the order of the calls.
    pub(super) fn add(&mut self, item: Symbol, amount: f64, by: usize) {
        // A history is far shorter than 2^32, and so are the proposals that a blend mixes.
        let (slot, by) = (self.slot(item), by as u32);
        if let Some(cell) = self.scratch.slots[slot].checked_sub(1) {
            let cell = &mut self.scratch.cells[cell as usize];
            cell.score += amount;
            if amount > cell.most {
                (cell.most, cell.by) = (amount, by);
            }
            return;
        }
        self.scratch.cells.push(Cell { item, score: amount, most: amount, by, first: by });
        // Cells are at most half as many as slots, of which there are fewer than 2^32.
        self.scratch.slots[slot] = self.scratch.cells.len() as u32;
        if self.scratch.cells.len() * 2 > self.scratch.slots.len() {
            self.grow();
        }
    }

    /// Whether something was added for the item.
    pub(super) fn knows(&self, item: Symbol) -> bool {
        self.scratch.slots[self.slot(item)] > 0
    }

    /// Whether an item is accepted and not taken.
    pub(super) fn may_show(&self, item: Symbol) -> bool {
        !self.scratch.is_taken(item) && (self.query.accept)(item)
    }

    /// Appends the best that are accepted and not taken; `reason` says what it means that somebody contributed most:
    /// the source, the item of the history behind it, and its share of that contribution.
    pub(super) fn finish(
        mut self,
        order: impl Fn(&Cell, &Cell) -> Ordering,
        reason: impl Fn(usize) -> (Source, Option<Symbol>, f64),
        slate: &mut Vec<Candidate>,
    ) {
        self.narrow();
        let Self { scratch, query, mut room, .. } = self;
        let Scratch { cells, taken, order: keys, .. } = scratch;
        let mut last = None;
        // What has faded to nothing is no recommendation.
        let scores = cells.iter().map(|cell| cell.score);
        let order = |a, b| order(&cells[a as usize], &cells[b as usize]);
        best_scores(keys, scores, room, order, |at| {
            let cell = &cells[at as usize];
            // A pool may name an item twice; both have one score and stand side by side.
            if last.replace(cell.item) == Some(cell.item) {
                return true;
            }
            if taken.binary_search(&cell.item).is_err() && (query.accept)(cell.item) {
                let (score, (source, because, share)) = (cell.score.min(f64::MAX), reason(cell.by as usize));
                let contribution = because.map_or(0.0, |_| (cell.most * share).clamp(0.0, score));
                slate.push(Candidate { item: cell.item, score, source, because, contribution });
                room -= 1;
            }
            room > 0
        });
    }

    /// Drops the cells of items that are not in the pool: where it is short, most are not, and need not be sorted.
    /// The slots mean nothing after that.
    fn narrow(&mut self) {
        let Some(pool) = self.query.pool.filter(|pool| pool.len() < SHORT_POOL) else { return };
        let mut kept = std::mem::take(&mut self.scratch.kept);
        kept.clear();
        let cell = |item: &Symbol| self.scratch.slots[self.slot(*item)].checked_sub(1);
        kept.extend(pool.iter().filter_map(cell).map(|cell| self.scratch.cells[cell as usize]));
        // Copied, not swapped: each buffer keeps the size that its own use has given it.
        self.scratch.cells.clear();
        self.scratch.cells.extend_from_slice(&kept);
        self.scratch.kept = kept;
    }

    /// The slot that holds the item, or the free one where it belongs.
    fn slot(&self, item: Symbol) -> usize {
        let mask = self.scratch.slots.len() - 1;
        // Symbols are hashes, but a host may bring its own bits; the multiplication (Knuth's, by the golden ratio)
        // spreads those too. Only the high bits are well mixed.
        let mut slot = (item.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        loop {
            match self.scratch.slots[slot].checked_sub(1) {
                Some(cell) if self.scratch.cells[cell as usize].item != item => slot = (slot + 1) & mask,
                _ => return slot,
            }
        }
    }

    fn grow(&mut self) {
        let slots = self.scratch.slots.len() * 2;
        self.scratch.slots.clear();
        self.scratch.slots.resize(slots, 0);
        for index in 0..self.scratch.cells.len() {
            let slot = self.slot(self.scratch.cells[index].item);
            self.scratch.slots[slot] = index as u32 + 1;
        }
    }
}

/// Visits the places of scores above zero until the visitor has had enough, in an order by which the highest score comes
/// first.
///
/// Sorted are whole numbers, half of each the leading bits of a score, which are far faster to move and to compare than
/// what they stand for; only where these are equal the order is asked.
pub(super) fn best_scores(
    keys: &mut Vec<u64>,
    scores: impl Iterator<Item = f64> + Clone,
    wanted: usize,
    order: impl Fn(u32, u32) -> Ordering,
    mut visit: impl FnMut(u32) -> bool,
) {
    // Above zero, the bits of floats rise as the floats do, and the sign is none. There are fewer than 2^32.
    let key = |(at, score): (usize, f64)| (score > 0.0).then(|| !(score.to_bits() >> 31) << 32 | at as u64);
    keys.clear();
    keys.extend(scores.enumerate().filter_map(key));
    let place = |key: u64| key as u32;
    let (mut rest, mut chunk) = (keys.as_mut_slice(), wanted.saturating_add(SPARE));
    while !rest.is_empty() {
        let mut cut = chunk.min(rest.len());
        if cut < rest.len() {
            let tie = *rest.select_nth_unstable(cut).1 >> 32;
            rest[..cut].sort_unstable();
            // Of those that look like the first of the others, some of the others may be better.
            cut = rest[..cut].partition_point(|key| key >> 32 < tie);
        } else {
            rest.sort_unstable();
        }
        let (best, others) = rest.split_at_mut(cut);
        for equal in best.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|equal| equal.len() > 1) {
            equal.sort_unstable_by(|a, b| order(place(*a), place(*b)));
        }
        if !best.iter().all(|key| visit(place(*key))) {
            return;
        }
        (rest, chunk) = (others, chunk.saturating_mul(4));
    }
}

/// Visits entries best first until the visitor has had enough.
///
/// Only about as many are sorted as are visited: somewhat more than are wanted, then four times as many, and so on.
pub(super) fn best_first<T>(
    entries: &mut [T],
    wanted: usize,
    order: impl Fn(&T, &T) -> Ordering,
    mut visit: impl FnMut(&T) -> bool,
) {
    let (mut rest, mut chunk) = (entries, wanted.saturating_add(SPARE));
    while !rest.is_empty() {
        let cut = chunk.min(rest.len());
        if cut < rest.len() {
            rest.select_nth_unstable_by(cut, &order);
        }
        let (best, others) = rest.split_at_mut(cut);
        best.sort_unstable_by(&order);
        if !best.iter().all(&mut visit) {
            return;
        }
        (rest, chunk) = (others, chunk.saturating_mul(4));
    }
}

/// A pool shorter than this is looked up item by item; a longer one is rarely more selective than the walk can bear.
pub(crate) const SHORT_POOL: usize = 1024;
/// Slots at first: enough for 16 rows of 64 neighbours.
const SLOTS: usize = 2048;
/// How many more than asked for are sorted at first, since some will not be accepted.
const SPARE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Many scores are equal, or differ by less than a key tells.
        #[test]
        fn the_best_scores_come_in_order(
            picks in prop::collection::vec((0..4_u8, 0..3_u8), 0..300), wanted in 0..40_usize, visits in 0..300_usize,
        ) {
            let score = |(whole, part): &(u8, u8)| f64::from(*whole) + f64::from(*part) * 1e-12 - 1.0;
            let scores: Vec<f64> = picks.iter().map(score).collect();
            let order = |a: u32, b: u32| scores[b as usize].total_cmp(&scores[a as usize]).then(b.cmp(&a));
            let (mut keys, mut seen) = (vec![7], Vec::new());
            best_scores(&mut keys, scores.iter().copied(), wanted, order, |at| {
                seen.push(at);
                seen.len() < visits
            });
            let mut plain: Vec<u32> = (0..scores.len() as u32).filter(|at| scores[*at as usize] > 0.0).collect();
            plain.sort_by(|a, b| order(*a, *b));
            plain.truncate(visits.max(1));
            prop_assert_eq!(seen, plain);
        }
    }
}
