//! The memory of one ranking, kept for the next so that deciding does not allocate.

use std::cmp::Ordering;

use super::collaborative;
use super::factor;
use super::popular::Place;
use super::{Candidate, Query, Source};
use crate::hash::Symbol;

/// Buffers that rankings share. One per thread, kept from one decision to the next; its contents mean nothing.
///
/// It grows to the largest ranking it has served: tens of kilobytes for slates of twenty.
#[derive(Debug, Default)]
pub struct Scratch {
    /// What must not be proposed, sorted.
    taken: Vec<Symbol>,
    /// One cell per item under consideration.
    cells: Vec<Cell>,
    /// Those of them that a pool has.
    kept: Vec<Cell>,
    /// Where an item's cell is: an open-addressing table of indices into `cells`, plus one; zero is free.
    slots: Vec<u32>,
    /// The latest distinct items of a history with their weights.
    pub(super) latest: Vec<(Symbol, f64)>,
    /// The places of a pool's items in the order of popularity.
    pub(super) places: Vec<Place>,
    /// Of the fitted models.
    pub(super) collaborative: collaborative::Buffers,
    pub(super) factor: factor::Buffers,
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
    because: Symbol,
    /// The first place at which it was added; breaks ties where that means something.
    place: u32,
}

impl Cell {
    /// Best first; ties by symbol.
    pub(super) fn by_score(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }

    /// Best first; ties by place.
    pub(super) fn by_score_then_place(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.place.cmp(&other.place)).then(self.item.cmp(&other.item))
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

    /// Adds a contribution. Contributions to one item are added in the order of the calls.
    pub(super) fn add(&mut self, item: Symbol, amount: f64, because: Symbol, place: usize) {
        let slot = self.slot(item);
        if let Some(cell) = self.scratch.slots[slot].checked_sub(1) {
            let cell = &mut self.scratch.cells[cell as usize];
            cell.score += amount;
            if amount > cell.most {
                (cell.most, cell.because) = (amount, because);
            }
            return;
        }
        // A history is far shorter than 2^32; a place only breaks ties.
        self.scratch.cells.push(Cell { item, score: amount, most: amount, because, place: place as u32 });
        // Cells are at most half as many as slots, of which there are fewer than 2^32.
        self.scratch.slots[slot] = self.scratch.cells.len() as u32;
        if self.scratch.cells.len() * 2 > self.scratch.slots.len() {
            self.grow();
        }
    }

    /// Appends the best that are accepted and not taken.
    pub(super) fn finish(
        mut self,
        source: Source,
        order: impl Fn(&Cell, &Cell) -> Ordering,
        slate: &mut Vec<Candidate>,
    ) {
        if let Some(pool) = self.query.pool.filter(|pool| pool.len() < SHORT_POOL) {
            self.keep(pool);
        }
        let Self { scratch, query, mut room } = self;
        let Scratch { cells, taken, .. } = scratch;
        let mut last = None;
        best_first(cells, room, order, |cell| {
            // A pool may name an item twice; both have one score and stand side by side.
            if last.replace(cell.item) == Some(cell.item) {
                return true;
            }
            // What has faded to nothing is no recommendation.
            if cell.score > 0.0 && taken.binary_search(&cell.item).is_err() && (query.accept)(cell.item) {
                let score = cell.score.min(f64::MAX);
                slate.push(Candidate { item: cell.item, score, source, because: Some(cell.because) });
                room -= 1;
            }
            room > 0
        });
    }

    /// Drops the cells of items that are not in the pool: where it is short, most are not, and need not be sorted.
    fn keep(&mut self, pool: &[Symbol]) {
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
