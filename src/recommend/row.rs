//! The neighbours of one item.
//!
//! Items are the small numbers of [`Rows`](super::rows::Rows). Neighbours stand in the order in which they came, which
//! shows nowhere: what is told of a row depends on what it holds alone. The numbers stand apart from the sums, so that
//! finding a neighbour, and ranking, read a third of the row.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::settings::{NeighborSettings, RecommendError};
use super::tally::total;
use super::worth::epoch_of;
use crate::hash::Symbol;
use crate::sketch::Popularity;
use crate::time::Timestamp;

/// An item's neighbours, and how much the item was seen itself.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The decayed weight of the item's own events that start a pair.
    seen: Popularity,
    /// The decayed weight of the item's own events that end one.
    reached: Popularity,
    /// The newest event that touched the row; no sum in it is newer.
    touched: Timestamp,
    links: Vec<Link>,
    /// One for each link, above zero.
    sums: Vec<Popularity>,
}

/// One neighbour.
#[derive(Clone, Copy, Debug)]
struct Link {
    number: u32,
    /// Its sum at the start of the row's epoch, so that ranking multiplies instead of raising to powers.
    strength: f32,
}

impl Default for Row {
    fn default() -> Self {
        let none = Popularity::default();
        Self { seen: none, reached: none, touched: Timestamp::MIN, links: Vec::new(), sums: Vec::new() }
    }
}

impl Row {
    /// Counts events of the item itself: those that start pairs, and those that end them.
    pub(super) fn see(
        &mut self,
        (seen, reached): (Popularity, Popularity),
        time: Timestamp,
        settings: &NeighborSettings,
    ) {
        self.touch(time, settings);
        self.seen.merge(seen);
        self.reached.merge(reached);
    }

    /// Adds a weight above zero to a neighbour's, at a time up to which the row was touched, and tells whether the
    /// neighbour is new.
    ///
    /// A full row drops its weaker quarter for a newcomer, so that newcomers have the room of that quarter to prove
    /// themselves in.
    pub(super) fn link(
        &mut self,
        number: u32,
        weight: Popularity,
        settings: &NeighborSettings,
        symbol: impl Fn(u32) -> Symbol,
        dropped: &mut Vec<u32>,
    ) -> bool {
        let found = self.find(number);
        let place = found.unwrap_or_else(|| {
            let most = settings.neighbors as usize;
            if self.links.len() >= most {
                self.trim(most - most / 4, symbol, dropped);
            }
            self.push(number, Popularity::default());
            self.links.len() - 1
        });
        self.sums[place].merge(weight);
        self.links[place].strength = strength(&self.sums[place], epoch_of(self.touched, settings.half_life));
        found.is_none()
    }

    /// Adds the neighbours of another row of the same item, by the numbers that they have here, and tells each that is
    /// new. O(l²).
    pub(super) fn merge(
        &mut self,
        others: impl Iterator<Item = (u32, Popularity)>,
        settings: &NeighborSettings,
        symbol: impl Fn(u32) -> Symbol,
        mut added: impl FnMut(u32),
        dropped: &mut Vec<u32>,
    ) {
        for (number, sum) in others {
            match self.find(number) {
                Some(place) => self.sums[place].merge(sum),
                None => {
                    self.push(number, sum);
                    added(number);
                }
            }
        }
        self.derive(settings);
        let most = settings.neighbors as usize;
        if self.links.len() > most {
            self.trim(most - most / 4, symbol, dropped);
            self.links.shrink_to(most);
            self.sums.shrink_to(most);
        }
    }

    /// Moves the row on in time, and tells whether that begins a new epoch: strengths are kept as of the row's, so they
    /// are derived again.
    pub(super) fn touch(&mut self, time: Timestamp, settings: &NeighborSettings) -> bool {
        if time <= self.touched {
            return false;
        }
        let before = epoch_of(self.touched, settings.half_life);
        self.touched = time;
        let is_new = before != epoch_of(time, settings.half_life);
        if is_new {
            self.derive(settings);
        }
        is_new
    }

    /// How much the item was seen, as it stood at the start of the row's epoch.
    pub(super) fn seen(&self, settings: &NeighborSettings) -> f64 {
        self.seen.at_epoch(epoch_of(self.touched, settings.half_life)).max(0.0)
    }

    /// How much the item was reached from others, as it stood at the start of the row's epoch.
    pub(super) fn reached(&self, settings: &NeighborSettings) -> f64 {
        self.reached.at_epoch(epoch_of(self.touched, settings.half_life)).max(0.0)
    }

    /// What was seen and reached of the item, as sums.
    pub(super) const fn own(&self) -> (Popularity, Popularity) {
        (self.seen, self.reached)
    }

    /// The neighbours with their weights as they stood at the start of the row's epoch.
    pub(super) fn links(&self) -> impl Iterator<Item = (u32, f64)> + Clone {
        self.links.iter().map(|link| (link.number, f64::from(link.strength)))
    }

    /// The neighbours with their sums.
    pub(super) fn sums(&self) -> impl Iterator<Item = (u32, Popularity)> {
        self.links.iter().map(|link| link.number).zip(self.sums.iter().copied())
    }

    /// The sum of the links, but for that to the item itself.
    pub(super) fn total(&self, item: u32) -> f64 {
        total(self.links().map(|(number, strength)| if number == item { 0.0 } else { strength }))
    }

    /// Reads of every eighth link, so that the processor fetches them all; what comes out means nothing.
    pub(super) fn fetch(&self) -> u32 {
        self.links.iter().step_by(8).fold(0, |all, link| all | link.number)
    }

    /// What is left of a weight at a time, as a share of what it was at the start of the row's epoch.
    pub(super) fn left(&self, now: Timestamp, settings: &NeighborSettings) -> f64 {
        let half_life = settings.half_life.millis() as f64;
        let epoch = f64::from(epoch_of(self.touched, settings.half_life));
        // Asked about a time before it was learned, it answers as of its epoch.
        libm::exp2(-(now.millis() as f64 / half_life - epoch).max(0.0))
    }

    pub(super) const fn touched(&self) -> Timestamp {
        self.touched
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.links.capacity() * size_of::<Link>() + self.sums.capacity() * size_of::<Popularity>()
    }

    pub(super) fn store(&self, item: Symbol, symbol: impl Fn(u32) -> Symbol) -> StoredRow {
        let mut links: Vec<_> = self.sums().map(|(number, sum)| (symbol(number), sum)).collect();
        links.sort_unstable_by_key(|(item, _)| *item);
        StoredRow { item, seen: self.seen, reached: self.reached, touched: self.touched, links }
    }

    /// A stored row, with the number of each of its links.
    pub(super) fn read(
        stored: &StoredRow,
        settings: &NeighborSettings,
        numbers: impl Iterator<Item = u32>,
    ) -> Result<Self, RecommendError> {
        let StoredRow { seen, reached, touched, .. } = *stored;
        let mut row = Self { seen, reached, touched, ..Self::default() };
        row.links.reserve_exact(stored.links.len());
        row.sums.reserve_exact(stored.links.len());
        numbers.zip(&stored.links).for_each(|(number, (_, sum))| row.push(number, *sum));
        row.derive(settings);
        // A sum that is newer than the row says it was touched would have no finite strength, or one beyond what
        // sums can hold.
        let sound = |sum: &Popularity, strength: f64| sum.is_above_zero() && strength <= MOST;
        let epoch = epoch_of(touched, settings.half_life);
        let own = |sum: &Popularity| sum.is_zero() || sound(sum, sum.at_epoch(epoch));
        let links = || row.links().zip(&row.sums).all(|((_, strength), sum)| sound(sum, strength));
        if !(own(&seen) && own(&reached) && links()) {
            return Err(RecommendError::Weight);
        }
        Ok(row)
    }

    /// The place of a neighbour.
    fn find(&self, number: u32) -> Option<usize> {
        let is = |link: &Link| link.number == number;
        // Eight are compared at one time, without a branch for each.
        let eights = self.links.chunks_exact(8);
        let rest = self.links.len() - eights.remainder().len();
        for (at, eight) in eights.enumerate() {
            if eight.iter().fold(false, |any, link| any | is(link)) {
                return eight.iter().position(is).map(|place| at * 8 + place);
            }
        }
        self.links[rest..].iter().position(is).map(|place| rest + place)
    }

    fn push(&mut self, number: u32, sum: Popularity) {
        self.links.push(Link { number, strength: 0.0 });
        self.sums.push(sum);
    }

    fn derive(&mut self, settings: &NeighborSettings) {
        let epoch = epoch_of(self.touched, settings.half_life);
        for (link, sum) in self.links.iter_mut().zip(&self.sums) {
            link.strength = strength(sum, epoch);
        }
    }

    /// Keeps the strongest so many of more neighbours, of which there is one at least; of equal ones the higher symbol
    /// leaves.
    fn trim(&mut self, keep: usize, symbol: impl Fn(u32) -> Symbol, dropped: &mut Vec<u32>) {
        // At the start of one epoch, which is not before any sum's, sums above zero order as the bits do.
        let epoch = self.sums.iter().map(Popularity::epoch).max().unwrap_or(i32::MIN);
        let worths: SmallVec<[u64; 128]> = self.sums.iter().map(|sum| sum.at_epoch(epoch).to_bits()).collect();
        let mut order = worths.clone();
        let (_, least, _) = order.select_nth_unstable_by(keep - 1, |a, b| b.cmp(a));
        let least = *least;
        let (above, equal) = worths.iter().fold((0, 0), |(above, equal), worth| {
            (above + usize::from(*worth > least), equal + usize::from(*worth == least))
        });
        let mut last = None;
        if above + equal > keep {
            let of = |(link, worth): (&Link, &u64)| (*worth == least).then(|| symbol(link.number));
            let mut symbols: SmallVec<[Symbol; 16]> = self.links.iter().zip(&worths).filter_map(of).collect();
            last = Some(*symbols.select_nth_unstable(keep - above - 1).1);
        }
        let mut kept = 0;
        for (place, worth) in worths.iter().enumerate() {
            let number = self.links[place].number;
            if *worth > least || *worth == least && last.is_none_or(|last| symbol(number) <= last) {
                self.links[kept] = self.links[place];
                self.sums[kept] = self.sums[place];
                kept += 1;
            } else {
                dropped.push(number);
            }
        }
        self.links.truncate(kept);
        self.sums.truncate(kept);
    }
}

/// The stored form of a row, without what can be derived.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct StoredRow {
    pub(super) item: Symbol,
    seen: Popularity,
    reached: Popularity,
    touched: Timestamp,
    /// By symbol.
    links: Vec<(Symbol, Popularity)>,
}

impl StoredRow {
    /// The items of its links.
    pub(super) fn items(&self) -> impl Iterator<Item = Symbol> {
        self.links.iter().map(|(item, _)| *item)
    }

    pub(super) fn check(&self, settings: &NeighborSettings) -> Result<(), RecommendError> {
        if self.links.len() > settings.neighbors as usize {
            return Err(RecommendError::TooMany { found: self.links.len(), most: settings.neighbors });
        }
        if !self.links.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(RecommendError::Disorder);
        }
        Ok(())
    }
}

/// Rounded to 24 bits: ranking needs no more, and the sum keeps the rest.
fn strength(sum: &Popularity, epoch: i32) -> f32 {
    sum.at_epoch(epoch) as f32
}

/// The most that a [`Popularity`] can be in its own epoch.
const MOST: f64 = 8_589_934_592.0;
