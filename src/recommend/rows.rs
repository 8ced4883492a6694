//! The rows of all items, by small numbers: what [`Neighbors`](super::Neighbors) looks up by its symbol once for each
//! event, and not for each of the hundreds of links that a ranking follows.
//!
//! A number is an item's as long as the item has a row or is a neighbour in one, and may be another's after that. Which
//! item has which number shows nowhere.

use crate::hash::{Map, Symbol};
use crate::sketch::Popularity;
use crate::time::Timestamp;

use super::row::{Row, StoredRow};
use super::settings::{NeighborSettings, RecommendError};

/// Rows by number, and whose the numbers are.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    numbers: Map<Symbol, u32>,
    items: Vec<Item>,
    /// One for each number; an item may be a neighbour of others and have no row of its own.
    rows: Vec<Option<Row>>,
    /// One for each number: what the item's score as a proposal is multiplied with, `(1 + seen)^-evenness`, of what was
    /// seen as it stood at the start of the row's epoch.
    levels: Vec<f32>,
    /// Numbers that are nobody's.
    free: Vec<u32>,
    /// How many rows there are.
    len: usize,
    /// Whose links were dropped since the last [`Rows::settle`].
    dropped: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    symbol: Symbol,
    /// How many links lead to it, those that were dropped since the last [`Rows::settle`] included.
    links: u32,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What all numbers are below.
    pub(super) fn numbers(&self) -> usize {
        self.items.len()
    }

    pub(super) fn number(&self, item: Symbol) -> Option<u32> {
        self.numbers.get(&item).copied()
    }

    pub(super) fn symbol(&self, number: u32) -> Symbol {
        self.items[number as usize].symbol
    }

    pub(super) fn row(&self, number: u32) -> Option<&Row> {
        self.rows[number as usize].as_ref()
    }

    /// What the item's score as a proposal is multiplied with.
    pub(super) fn level(&self, number: u32) -> f64 {
        f64::from(self.levels[number as usize])
    }

    /// The number of an item; one that is new is given up again by [`Rows::settle`] only if a link to it was dropped.
    pub(super) fn intern(&mut self, item: Symbol) -> u32 {
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let new = Item { symbol: item, links: 0 };
        let number = match self.free.pop() {
            Some(number) => {
                self.items[number as usize] = new;
                number
            }
            None => {
                self.items.push(new);
                self.rows.push(None);
                self.levels.push(1.0);
                // Long before there are 2^32 items, memory ends.
                (self.items.len() - 1) as u32
            }
        };
        self.numbers.insert(item, number);
        number
    }

    /// Counts events of an item, as [`Row::see`].
    pub(super) fn see(
        &mut self,
        number: u32,
        sums: (Popularity, Popularity),
        time: Timestamp,
        settings: &NeighborSettings,
    ) {
        self.open(number).see(sums, time, settings);
        self.even(number, settings);
    }

    /// Adds to the weight that an item has as a neighbour of another; weights that are not above zero do not.
    pub(super) fn link(
        &mut self,
        (from, to): (u32, u32),
        weight: Popularity,
        time: Timestamp,
        settings: &NeighborSettings,
    ) {
        let is_new_epoch = self.open(from).touch(time, settings);
        if let Some(row) = self.rows[from as usize].as_mut().filter(|_| weight.is_above_zero()) {
            let items = &mut self.items;
            if row.link(to, weight, settings, |number| items[number as usize].symbol, &mut self.dropped) {
                items[to as usize].links += 1;
            }
        }
        if is_new_epoch {
            self.even(from, settings);
        }
    }

    /// Takes in a row of others.
    pub(super) fn adopt(&mut self, item: Symbol, row: &Row, others: &Self, settings: &NeighborSettings) {
        let number = self.intern(item);
        self.see(number, row.own(), row.touched(), settings);
        let links: Vec<_> = row.sums().map(|(number, sum)| (self.intern(others.symbol(number)), sum)).collect();
        let mut added = Vec::new();
        if let Some(row) = self.rows[number as usize].as_mut() {
            let symbol = |number: u32| self.items[number as usize].symbol;
            row.merge(links.into_iter(), settings, symbol, |number| added.push(number), &mut self.dropped);
        }
        added.iter().for_each(|number| self.items[*number as usize].links += 1);
        self.even(number, settings);
    }

    /// Reads of rows, so that the processor fetches them all at one time; what comes out means nothing.
    pub(super) fn fetch(&self, numbers: impl Iterator<Item = u32>) -> u32 {
        numbers.filter_map(|number| self.row(number)).fold(0, |all, row| all | row.fetch())
    }

    /// Lets the sixteenth of the rows go that was touched least recently, ties by the lower symbol, if there are more
    /// than `capacity`; and gives up the numbers that nothing has any more.
    pub(super) fn settle(&mut self, capacity: usize) {
        if self.len > capacity {
            let age = |(number, row): (usize, &Option<Row>)| {
                Some((row.as_ref()?.touched(), self.items[number].symbol, number as u32))
            };
            let mut ages: Vec<_> = self.rows.iter().enumerate().filter_map(age).collect();
            let excess = ages.len() - (capacity - capacity / 16);
            if excess < ages.len() {
                ages.select_nth_unstable(excess);
            }
            ages[..excess].iter().for_each(|(_, _, number)| self.remove(*number));
        }
        while let Some(number) = self.dropped.pop() {
            let item = &mut self.items[number as usize];
            item.links -= 1;
            self.give_up(number);
        }
    }

    /// The rows with their items, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Symbol, &Row)> {
        self.items.iter().zip(&self.rows).filter_map(|(item, row)| Some((item.symbol, row.as_ref()?)))
    }

    /// All rows, by symbol.
    pub(super) fn store(&self) -> Vec<StoredRow> {
        let mut rows: Vec<_> = self.iter().map(|(item, row)| row.store(item, |number| self.symbol(number))).collect();
        rows.sort_unstable_by_key(|row| row.item);
        rows
    }

    /// Takes in a row as it was stored, of an item that has none.
    pub(super) fn restore(&mut self, stored: &StoredRow, settings: &NeighborSettings) -> Result<(), RecommendError> {
        stored.check(settings)?;
        let number = self.intern(stored.item);
        let links: Vec<u32> = stored.items().map(|item| self.intern(item)).collect();
        let row = Row::read(stored, settings, links.iter().copied())?;
        links.iter().for_each(|link| self.items[*link as usize].links += 1);
        self.rows[number as usize] = Some(row);
        self.len += 1;
        self.even(number, settings);
        Ok(())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let links: usize = self.rows.iter().flatten().map(Row::heap_bytes).sum();
        // A table has a control byte per slot.
        self.numbers.capacity() * (size_of::<(Symbol, u32)>() + 1)
            + self.rows.capacity() * size_of::<Option<Row>>()
            + self.items.capacity() * size_of::<Item>()
            + self.levels.capacity() * size_of::<f32>()
            + (self.free.capacity() + self.dropped.capacity()) * size_of::<u32>()
            + links
    }

    /// The row of a number; one that is not there begins.
    fn open(&mut self, number: u32) -> &mut Row {
        self.rows[number as usize].get_or_insert_with(|| {
            self.len += 1;
            Row::default()
        })
    }

    /// Notes how far an item is held down.
    fn even(&mut self, number: u32, settings: &NeighborSettings) {
        // One power for each event, and none where nothing is held down.
        if let Some(row) = self.rows[number as usize].as_ref().filter(|_| settings.evenness > 0.0) {
            let level = libm::pow(1.0 + row.seen(settings), -f64::from(settings.evenness));
            self.levels[number as usize] = level as f32;
        }
    }

    fn remove(&mut self, number: u32) {
        if let Some(row) = self.rows[number as usize].take() {
            self.len -= 1;
            self.levels[number as usize] = 1.0;
            self.dropped.extend(row.sums().map(|(number, _)| number));
            self.give_up(number);
        }
    }

    /// Lets a number be another item's if nothing has it.
    fn give_up(&mut self, number: u32) {
        let Item { symbol, links } = self.items[number as usize];
        if links == 0 && self.rows[number as usize].is_none() {
            self.numbers.remove(&symbol);
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    /// Of 4 rows with 4 links each at most 20 items are known, and while one event is learned a few more.
    #[test]
    fn numbers_are_given_up_with_what_had_them() {
        let settings = NeighborSettings { neighbors: 4, capacity: 4, evenness: 0.5, ..NeighborSettings::default() };
        let (mut rows, half_life) = (Rows::default(), settings.half_life);
        for step in 0..1000_u64 {
            let time = Timestamp::from_millis(step as i64);
            let weight = Popularity::of(1.0, time, half_life);
            let [item, other] = [step, step / 2].map(|of| rows.intern(Symbol::from_bits(of)));
            rows.see(item, (weight, weight), time, &settings);
            rows.link((item, other), weight, time, &settings);
            rows.link((other, item), weight, time + Span::from_millis(1), &settings);
            rows.settle(settings.capacity as usize);
            assert!(rows.len() <= 4 && rows.numbers() <= 24, "{} {}", rows.len(), rows.numbers());
            let known: Vec<_> = rows.iter().flat_map(|(_, row)| row.sums().map(|(number, _)| number)).collect();
            for (number, item) in rows.items.iter().enumerate() {
                let links = known.iter().filter(|link| **link as usize == number).count();
                assert_eq!(item.links as usize, links);
                let is_known = links > 0 || rows.rows[number].is_some();
                assert_eq!(rows.number(item.symbol) == Some(number as u32), is_known);
            }
        }
    }
}
