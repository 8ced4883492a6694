//! The neighbours of one item.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::settings::{NeighborSettings, RecommendError};
use super::worth::epoch_of;
use crate::hash::Symbol;
use crate::sketch::Popularity;
use crate::time::Timestamp;

/// An item's neighbours, and how much the item was seen itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The decayed weight of the item's own events that start a pair.
    seen: Popularity,
    /// The decayed weight of the item's own events that end one.
    reached: Popularity,
    /// The newest event that touched the row; no sum in it is newer.
    touched: Timestamp,
    /// Sorted by item.
    links: Vec<Link>,
    /// What the item's own score is multiplied with, as a proposal: `(1 + seen)^-evenness`, of what was seen as it
    /// stood at the start of the row's epoch.
    level: f32,
}

/// One neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Link {
    item: Symbol,
    /// Above zero.
    sum: Popularity,
    /// `sum` at the start of the row's epoch, so that ranking multiplies instead of raising to powers.
    strength: f32,
}

impl Default for Row {
    fn default() -> Self {
        let none = Popularity::default();
        Self { seen: none, reached: none, touched: Timestamp::MIN, links: Vec::new(), level: 1.0 }
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
        self.level(settings);
    }

    /// Adds to a neighbour's weight.
    ///
    /// A full row drops its weaker quarter for a newcomer, so that newcomers have the room of that quarter to prove
    /// themselves in.
    pub(super) fn link(&mut self, item: Symbol, weight: Popularity, time: Timestamp, settings: &NeighborSettings) {
        self.touch(time, settings);
        if !weight.is_above_zero() {
            return;
        }
        let epoch = epoch_of(self.touched, settings.half_life);
        match self.links.binary_search_by_key(&item, |link| link.item) {
            Ok(place) => {
                let link = &mut self.links[place];
                link.sum.merge(weight);
                link.strength = strength(&link.sum, epoch);
            }
            Err(mut place) => {
                let most = settings.neighbors as usize;
                if self.links.len() >= most {
                    self.trim(most - most / 4);
                    place = self.links.partition_point(|link| link.item < item);
                }
                self.links.insert(place, Link { item, sum: weight, strength: strength(&weight, epoch) });
            }
        }
    }

    /// Adds another row of the same item. O(l log l).
    pub(super) fn merge(&mut self, other: &Self, settings: &NeighborSettings) {
        self.see((other.seen, other.reached), other.touched, settings);
        for link in &other.links {
            match self.links.binary_search_by_key(&link.item, |link| link.item) {
                Ok(place) => self.links[place].sum.merge(link.sum),
                Err(place) => self.links.insert(place, *link),
            }
        }
        self.derive(settings);
        let most = settings.neighbors as usize;
        if self.links.len() > most {
            self.trim(most - most / 4);
            self.links.shrink_to(most);
        }
    }

    /// How much the item was seen, as it stood at the start of the row's epoch.
    pub(super) fn seen(&self, settings: &NeighborSettings) -> f64 {
        self.seen.at_epoch(epoch_of(self.touched, settings.half_life)).max(0.0)
    }

    /// How much the item was reached from others, as it stood at the start of the row's epoch.
    pub(super) fn reached(&self, settings: &NeighborSettings) -> f64 {
        self.reached.at_epoch(epoch_of(self.touched, settings.half_life)).max(0.0)
    }

    /// The neighbours by symbol, with their weights as they stood at the start of the row's epoch.
    pub(super) fn links(&self) -> impl Iterator<Item = (Symbol, f64)> {
        self.links.iter().map(|link| (link.item, f64::from(link.strength)))
    }

    /// What the item's score as a proposal is multiplied with.
    pub(super) fn evened(&self) -> f64 {
        f64::from(self.level)
    }

    /// The sum of the links, but for that to the item itself.
    pub(super) fn total(&self, item: Symbol) -> f64 {
        // One sum would wait for each addition before the next.
        let mut sums = [0.0; 4];
        for links in self.links.chunks(sums.len()) {
            for (sum, link) in sums.iter_mut().zip(links) {
                *sum += if link.item == item { 0.0 } else { f64::from(link.strength) };
            }
        }
        sums.iter().sum()
    }

    /// Reads of every other link, so that the processor fetches them all; what comes out means nothing.
    pub(super) fn fetch(&self) -> u64 {
        self.links.iter().step_by(2).fold(0, |all, link| all | link.item.to_bits())
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
        self.links.capacity() * size_of::<Link>()
    }

    pub(super) fn store(&self, item: Symbol) -> StoredRow {
        let links = self.links.iter().map(|link| (link.item, link.sum)).collect();
        StoredRow { item, seen: self.seen, reached: self.reached, touched: self.touched, links }
    }

    pub(super) fn read(stored: StoredRow, settings: &NeighborSettings) -> Result<Self, RecommendError> {
        if stored.links.len() > settings.neighbors as usize {
            return Err(RecommendError::TooMany { found: stored.links.len(), most: settings.neighbors });
        }
        if !stored.links.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(RecommendError::Disorder);
        }
        let links = stored.links.iter().copied().map(|(item, sum)| Link { item, sum, strength: 0.0 }).collect();
        let StoredRow { seen, reached, touched, .. } = stored;
        let mut row = Self { seen, reached, touched, links, level: 1.0 };
        row.derive(settings);
        // A sum that is newer than the row says it was touched would have no finite strength, or one beyond what
        // sums can hold.
        let sound = |sum: &Popularity, strength: f64| sum.is_above_zero() && strength <= MOST;
        let epoch = epoch_of(row.touched, settings.half_life);
        let own = |sum: &Popularity| sum.is_zero() || sound(sum, sum.at_epoch(epoch));
        let links = || row.links.iter().all(|link| sound(&link.sum, f64::from(link.strength)));
        if !(own(&row.seen) && own(&row.reached) && links()) {
            return Err(RecommendError::Weight);
        }
        Ok(row)
    }

    /// Moves the row on in time; strengths are kept as of its epoch, so a new epoch means to derive them again.
    fn touch(&mut self, time: Timestamp, settings: &NeighborSettings) {
        if time > self.touched {
            let before = epoch_of(self.touched, settings.half_life);
            self.touched = time;
            if before != epoch_of(time, settings.half_life) {
                self.derive(settings);
            }
        }
    }

    fn derive(&mut self, settings: &NeighborSettings) {
        let epoch = epoch_of(self.touched, settings.half_life);
        for link in &mut self.links {
            link.strength = strength(&link.sum, epoch);
        }
        self.level(settings);
    }

    fn level(&mut self, settings: &NeighborSettings) {
        // One power for each event, and none where nothing is held down.
        if settings.evenness > 0.0 {
            self.level = libm::pow(1.0 + self.seen(settings), -f64::from(settings.evenness)) as f32;
        }
    }

    /// Keeps the strongest so many of more neighbours; of equal ones the higher symbol leaves.
    fn trim(&mut self, keep: usize) {
        if keep < self.links.len() {
            let order = |a: &Link, b: &Link| b.sum.total_cmp(&a.sum).then(a.item.cmp(&b.item));
            // Sorting again would cost more than the copy does.
            let mut links: SmallVec<[Link; 128]> = self.links.iter().copied().collect();
            let (_, first_out, _) = links.select_nth_unstable_by(keep, order);
            self.links.retain(|link| order(link, first_out).is_lt());
        }
    }
}

/// The stored form of a row, without what can be derived.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRow {
    pub(super) item: Symbol,
    seen: Popularity,
    reached: Popularity,
    touched: Timestamp,
    links: Vec<(Symbol, Popularity)>,
}

/// Rounded to 24 bits: ranking needs no more, and the sum keeps the rest.
fn strength(sum: &Popularity, epoch: i32) -> f32 {
    sum.at_epoch(epoch) as f32
}

/// The most that a [`Popularity`] can be in its own epoch.
const MOST: f64 = 8_589_934_592.0;
