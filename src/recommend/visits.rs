//! Visits, and which of them have an item: the index that [`Sessions`](super::Sessions) ranks by.
//!
//! Visits stand in one arena, their clicks inline where they are few, and items are small numbers inside, so that the
//! walk over an item's visits touches a cache line or two for each. Every list is kept in an order that depends on the
//! visits alone: what an index answers, and what is stored of it, does not show how it came about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::settings::{RecommendError, SessionSettings};
use crate::hash::{Map, Symbol};
use crate::time::Timestamp;

/// Visits by number, and by item.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    /// Those that are in use have clicks.
    arena: Vec<Visit>,
    free: Vec<u32>,
    /// All visits by visitor and start, of which no two have both in common.
    starts: BTreeMap<(Symbol, Timestamp), u32>,
    /// All visits in the order in which they leave.
    ages: BTreeSet<(Timestamp, Symbol, u32)>,
    numbers: Map<Symbol, u32>,
    items: Vec<Item>,
    free_items: Vec<u32>,
}

/// What somebody clicked without a long pause.
#[derive(Clone, Debug, Default)]
pub(super) struct Visit {
    /// The numbers of the items, by time and then by symbol.
    items: SmallVec<[u32; 8]>,
    visitor: Symbol,
    /// The earliest click ever, which may be kept no more.
    start: Timestamp,
    last: Timestamp,
    times: SmallVec<[Timestamp; 4]>,
}

/// An item that some visit has.
#[derive(Clone, Debug, Default)]
struct Item {
    symbol: Symbol,
    /// The visits that have it, by their start and then by visitor.
    visits: VecDeque<u32>,
}

impl Visit {
    /// The numbers of the items clicked, by time.
    pub(super) fn items(&self) -> &[u32] {
        &self.items
    }

    /// The time of the last click.
    pub(super) const fn last(&self) -> Timestamp {
        self.last
    }

    /// Tells visits apart, and orders them by their beginning.
    pub(super) const fn key(&self) -> (Timestamp, Symbol) {
        (self.start, self.visitor)
    }
}

impl Visits {
    /// Takes in a click: of the visitor's visit that it is not too far from, else the first of a new one.
    pub(super) fn click(&mut self, visitor: Symbol, item: Symbol, time: Timestamp, settings: &SessionSettings) {
        let number = self.at(visitor, time, time, settings).unwrap_or_else(|| self.begin(visitor, time));
        self.put(number, item, time, settings);
        self.evict(settings);
    }

    /// Takes in a visit of another index, which may continue one of this.
    pub(super) fn adopt(&mut self, visit: &StoredVisit, settings: &SessionSettings) {
        let Some((_, last)) = visit.clicks.last() else { return };
        let there = self.at(visit.visitor, visit.start, *last, settings);
        let number = there.unwrap_or_else(|| self.begin(visit.visitor, visit.start));
        self.fill(number, visit, settings);
    }

    /// Takes in a visit as it was stored, which no other has both the visitor and the start of.
    pub(super) fn restore(&mut self, visit: &StoredVisit, settings: &SessionSettings) {
        let number = self.begin(visit.visitor, visit.start);
        self.fill(number, visit, settings);
    }

    fn fill(&mut self, number: u32, visit: &StoredVisit, settings: &SessionSettings) {
        for (item, time) in &visit.clicks {
            self.put(number, *item, *time, settings);
        }
        self.start(number, visit.start);
        self.evict(settings);
    }

    pub(super) fn len(&self) -> usize {
        self.ages.len()
    }

    /// How many items the visits have.
    pub(super) fn items(&self) -> usize {
        self.numbers.len()
    }

    /// What the numbers of all visits are below.
    pub(super) fn visit_numbers(&self) -> usize {
        self.arena.len()
    }

    /// What the numbers of all items are below.
    pub(super) fn item_numbers(&self) -> usize {
        self.items.len()
    }

    /// The number of an item that some visit has.
    pub(super) fn number(&self, item: Symbol) -> Option<u32> {
        self.numbers.get(&item).copied()
    }

    /// The item of a number.
    pub(super) fn symbol(&self, number: u32) -> Symbol {
        self.items[number as usize].symbol
    }

    /// The numbers of the visits that have the item, those that began last first.
    pub(super) fn having(&self, item: u32) -> impl Iterator<Item = u32> {
        self.items[item as usize].visits.iter().rev().copied()
    }

    pub(super) fn visit(&self, number: u32) -> &Visit {
        &self.arena[number as usize]
    }

    /// All visits, by start and visitor.
    pub(super) fn store(&self) -> Vec<StoredVisit> {
        let mut visits: Vec<_> = self
            .ages
            .iter()
            .map(|(_, _, number)| {
                let visit = self.visit(*number);
                let items = visit.items.iter().map(|item| self.symbol(*item));
                let clicks = items.zip(visit.times.iter().copied()).collect();
                StoredVisit { visitor: visit.visitor, start: visit.start, clicks }
            })
            .collect();
        visits.sort_unstable_by_key(|visit| (visit.start, visit.visitor));
        visits
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let spilled = |visit: &Visit| {
            let items = if visit.items.spilled() { visit.items.capacity() * size_of::<u32>() } else { 0 };
            items + if visit.times.spilled() { visit.times.capacity() * size_of::<Timestamp>() } else { 0 }
        };
        let clicks: usize = self.arena.iter().map(spilled).sum();
        let lists: usize = self.items.iter().map(|item| item.visits.capacity() * size_of::<u32>()).sum();
        // A table has a control byte per slot. B-tree nodes are about two thirds full.
        let tables = self.numbers.capacity() * (size_of::<(Symbol, u32)>() + 1);
        self.arena.capacity() * size_of::<Visit>()
            + self.items.capacity() * size_of::<Item>()
            + self.ages.len() * size_of::<(Timestamp, Symbol, u32)>() * 3
            + (self.free.capacity() + self.free_items.capacity()) * size_of::<u32>()
            + clicks
            + lists
            + tables
    }

    /// The visitor's visit that is no further than a gap from this stretch of time: of two the earlier.
    fn at(&self, visitor: Symbol, first: Timestamp, last: Timestamp, settings: &SessionSettings) -> Option<u32> {
        let own = |(key, number): (&(Symbol, Timestamp), &u32)| (key.0 == visitor).then_some(*number);
        // Where one time is later than another, `since` is zero the other way round.
        let before = self.starts.range(..=(visitor, first)).next_back().and_then(own);
        if let Some(number) = before.filter(|number| first.since(self.visit(*number).last) <= settings.gap) {
            return Some(number);
        }
        let after = self.starts.range((visitor, first)..).next().and_then(own);
        after.filter(|number| self.visit(*number).start.since(last) <= settings.gap)
    }

    /// A visit without clicks yet; the caller puts one in.
    fn begin(&mut self, visitor: Symbol, start: Timestamp) -> u32 {
        let visit = Visit { visitor, start, last: Timestamp::MIN, ..Visit::default() };
        let number = match self.free.pop() {
            Some(number) => {
                self.arena[number as usize] = visit;
                number
            }
            None => {
                self.arena.push(visit);
                // There are fewer visits than `capacity`, a `u32`.
                (self.arena.len() - 1) as u32
            }
        };
        self.ages.insert((Timestamp::MIN, visitor, number));
        self.starts.insert((visitor, start), number);
        number
    }

    /// Puts a click where it belongs; the oldest leaves a visit that is too long.
    fn put(&mut self, number: u32, item: Symbol, time: Timestamp, settings: &SessionSettings) {
        let id = self.intern(item);
        self.start(number, self.visit(number).start.min(time));
        let visit = self.visit(number);
        let (visitor, before) = (visit.visitor, visit.last);
        let is_new = !visit.items.contains(&id);
        // Clicks mostly arrive in order.
        let mut place = visit.items.len();
        while place > 0 && (visit.times[place - 1], self.symbol(visit.items[place - 1])) > (time, item) {
            place -= 1;
        }
        let visit = &mut self.arena[number as usize];
        visit.items.insert(place, id);
        visit.times.insert(place, time);
        if time > before {
            visit.last = time;
            self.ages.remove(&(before, visitor, number));
            self.ages.insert((time, visitor, number));
        }
        if is_new {
            self.post(id, number);
        }
        let visit = &mut self.arena[number as usize];
        if visit.items.len() > settings.length as usize {
            let left = visit.items.remove(0);
            visit.times.remove(0);
            if !visit.items.contains(&left) {
                self.unpost(left, number);
            }
        }
    }

    /// Moves the beginning of a visit to an earlier time.
    fn start(&mut self, number: u32, start: Timestamp) {
        let (before, visitor) = self.visit(number).key();
        if start >= before {
            return;
        }
        let items = self.distinct(number);
        items.iter().for_each(|item| self.unlist(*item, number));
        self.arena[number as usize].start = start;
        self.starts.remove(&(visitor, before));
        self.starts.insert((visitor, start), number);
        items.iter().for_each(|item| self.post(*item, number));
    }

    /// Lets the visits go that ended first, if there are too many.
    fn evict(&mut self, settings: &SessionSettings) {
        while self.len() > settings.capacity as usize {
            let Some((_, _, number)) = self.ages.first().copied() else { return };
            self.remove(number);
        }
    }

    /// Lets the visits of a visitor go that began up to a time, and tells how many.
    pub(super) fn forget(&mut self, visitor: Symbol, until: Timestamp) -> usize {
        let of = self.starts.range((visitor, Timestamp::MIN)..=(visitor, until));
        let numbers: Vec<u32> = of.map(|(_, number)| *number).collect();
        numbers.iter().for_each(|number| self.remove(*number));
        numbers.len()
    }

    /// Lets the visits go that ended before a time, and tells how many.
    pub(super) fn expire(&mut self, before: Timestamp) -> usize {
        let kept = self.len();
        while let Some((_, _, number)) = self.ages.first().copied().filter(|(last, ..)| *last < before) {
            self.remove(number);
        }
        kept - self.len()
    }

    fn remove(&mut self, number: u32) {
        let Visit { visitor, start, last, .. } = *self.visit(number);
        self.ages.remove(&(last, visitor, number));
        self.starts.remove(&(visitor, start));
        self.distinct(number).iter().for_each(|item| self.unpost(*item, number));
        self.arena[number as usize] = Visit::default();
        self.free.push(number);
    }

    /// The items of a visit, each once.
    fn distinct(&self, number: u32) -> SmallVec<[u32; 16]> {
        let mut items: SmallVec<[u32; 16]> = self.visit(number).items.as_slice().into();
        items.sort_unstable();
        items.dedup();
        items
    }

    fn intern(&mut self, item: Symbol) -> u32 {
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let new = Item { symbol: item, visits: VecDeque::new() };
        let number = match self.free_items.pop() {
            Some(number) => {
                self.items[number as usize] = new;
                number
            }
            None => {
                self.items.push(new);
                // There are at most `capacity` visits of 256 clicks; long before there are 2^32 items, memory ends.
                (self.items.len() - 1) as u32
            }
        };
        self.numbers.insert(item, number);
        number
    }

    /// Lists a visit under an item.
    fn post(&mut self, item: u32, number: u32) {
        let key = self.visit(number).key();
        let (arena, visits) = (&self.arena, &mut self.items[item as usize].visits);
        match visits.back() {
            Some(last) if arena[*last as usize].key() > key => {
                let place = visits.partition_point(|other| arena[*other as usize].key() < key);
                visits.insert(place, number);
            }
            _ => visits.push_back(number),
        }
    }

    /// Takes a visit off the list of an item.
    fn unlist(&mut self, item: u32, number: u32) {
        let key = self.visit(number).key();
        let (arena, visits) = (&self.arena, &mut self.items[item as usize].visits);
        let from = visits.partition_point(|other| arena[*other as usize].key() < key);
        if let Some(place) = (from..visits.len()).find(|place| visits[*place] == number) {
            visits.remove(place);
        }
    }

    /// Takes a visit off the list of an item, and lets an item go that no visit has.
    fn unpost(&mut self, item: u32, number: u32) {
        self.unlist(item, number);
        let entry = &mut self.items[item as usize];
        if entry.visits.is_empty() {
            let symbol = entry.symbol;
            *entry = Item::default();
            self.numbers.remove(&symbol);
            self.free_items.push(item);
        }
    }
}

/// The stored form of a visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredVisit {
    visitor: Symbol,
    start: Timestamp,
    clicks: Vec<(Symbol, Timestamp)>,
}

impl StoredVisit {
    /// Checks a list of stored visits.
    pub(super) fn check(visits: &[Self], settings: &SessionSettings) -> Result<(), RecommendError> {
        if visits.len() > settings.capacity as usize {
            return Err(RecommendError::TooMany { found: visits.len(), most: settings.capacity });
        }
        if !visits.is_sorted_by(|a, b| (a.start, a.visitor) < (b.start, b.visitor)) {
            return Err(RecommendError::Disorder);
        }
        for Self { start, clicks, .. } in visits {
            if clicks.len() > settings.length as usize {
                return Err(RecommendError::TooMany { found: clicks.len(), most: settings.length });
            }
            let in_order = clicks.is_sorted_by_key(|(item, time)| (*time, *item));
            if !in_order || clicks.first().is_none_or(|(_, first)| first < start) {
                return Err(RecommendError::Visit);
            }
        }
        Ok(())
    }
}
