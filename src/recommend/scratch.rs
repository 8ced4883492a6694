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
    /// The places of cells, each with a number that falls as the score rises.
    order: Vec<(u64, u32)>,
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
    pub(super) steps: Vec<(Symbol, f64)>,
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
    /// Whether only cells of the pool are left.
    is_narrow: bool,
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
        (room > 0).then_some(Self { scratch, query, room, is_narrow: false })
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

    /// The sum of all contributions so far.
    pub(super) fn total(&self) -> f64 {
        self.scratch.cells.iter().map(|cell| cell.score).sum()
    }

    /// Multiplies what was added up for each item; nothing may be added after that.
    pub(super) fn scale(&mut self, factor: impl Fn(Symbol) -> f64) {
        self.narrow();
        for cell in &mut self.scratch.cells {
            let factor = factor(cell.item);
            cell.score *= factor;
            cell.most *= factor;
        }
    }

    /// Puts an item before all others that have contributions; nothing may be added after that.
    pub(super) fn put_first(&mut self, item: Symbol, by: usize) {
        self.narrow();
        let more = 1.0 + self.total();
        let cells = &mut self.scratch.cells;
        // A pool may name an item twice.
        let mut is_there = false;
        for cell in cells.iter_mut().filter(|cell| cell.item == item) {
            cell.score += more;
            if more > cell.most {
                (cell.most, cell.by) = (more, by as u32);
            }
            is_there = true;
        }
        if !is_there {
            cells.push(Cell { item, score: more, most: more, by: by as u32, first: by as u32 });
        }
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
        let Scratch { cells, taken, order: places, .. } = scratch;
        let mut last = None;
        // A number and a place are faster to move and to compare than cells. What has faded to nothing is no
        // recommendation. There are fewer cells than 2^32.
        let place = |(at, cell): (usize, &Cell)| (cell.score > 0.0).then_some((falling(cell.score), at as u32));
        places.clear();
        places.extend(cells.iter().enumerate().filter_map(place));
        let cell = |place: &(u64, u32)| &cells[place.1 as usize];
        let order = |a: &(u64, u32), b: &(u64, u32)| a.0.cmp(&b.0).then_with(|| order(cell(a), cell(b)));
        best_first(places, room, order, |place| {
            let cell = cell(place);
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
        if std::mem::replace(&mut self.is_narrow, true) {
            return;
        }
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

/// A number that is the lower, the higher a score above zero is.
const fn falling(score: f64) -> u64 {
    // Above zero, the bits of floats rise as the floats do.
    !score.to_bits()
}

/// Sums by small numbers, in the order in which they are first met.
///
/// Open addressing over a table of half as many entries as slots, so that its size depends on how much one ranking
/// adds up, not on how much is indexed.
#[derive(Debug, Default)]
pub(super) struct Tally {
    slots: Vec<u32>,
    entries: Vec<Entry>,
}

/// What has been added up for one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    /// Who contributed most.
    pub(super) by: u32,
    pub(super) sum: f64,
    most: f64,
}

impl Tally {
    /// Forgets everything but its memory.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, 0);
        } else {
            self.slots.fill(0);
        }
    }

    /// Adds somebody's contribution. There are slots once it has been cleared.
    pub(super) fn add(&mut self, number: u32, amount: f64, by: u32) {
        let slot = self.slot(number);
        if let Some(entry) = self.slots[slot].checked_sub(1) {
            let entry = &mut self.entries[entry as usize];
            entry.sum += amount;
            if amount > entry.most {
                (entry.most, entry.by) = (amount, by);
            }
            return;
        }
        self.entries.push(Entry { number, by, sum: amount, most: amount });
        self.slots[slot] = self.entries.len() as u32;
        if self.entries.len() * 2 > self.slots.len() {
            let slots = self.slots.len() * 2;
            self.slots.clear();
            self.slots.resize(slots, 0);
            for index in 0..self.entries.len() {
                let slot = self.slot(self.entries[index].number);
                self.slots[slot] = index as u32 + 1;
            }
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The slot that holds the number, or the free one where it belongs.
    fn slot(&self, number: u32) -> usize {
        let mask = self.slots.len() - 1;
        // By the golden ratio (Knuth); numbers that follow each other spread best.
        let mut slot = (u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        loop {
            match self.slots[slot].checked_sub(1) {
                Some(entry) if self.entries[entry as usize].number != number => slot = (slot + 1) & mask,
                _ => return slot,
            }
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
