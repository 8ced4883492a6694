//! Proposes what everybody likes, lately more than long ago.
//!
//! An item's score is the decayed sum of its events' weights. By forward decay (Cormode, Shkapenyuk, Srivastava and
//! Xu, ICDE 2009) all scores fade at one rate, so the order of items changes only where an event touches one: it is
//! kept in a B-tree, and a ranking is a walk from its top.
//!
//! Cost: learning O(log n) of integer comparisons; ranking O(k / share of items accepted), or O(p log p) for a pool
//! of p < 1,024 items.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize, Serializer};

use super::scratch::{SHORT_POOL, best_first};
use super::settings::{PopularSettings, RecommendError};
use super::worth::Worth;
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::hash::{Map, Symbol};
use crate::sketch::Popularity;
use crate::state::State;
use crate::time::Timestamp;

/// An item in the order of popularity: best first, ties by symbol.
pub(super) type Place = (Reverse<Worth>, Symbol);

/// Ranks items by decayed popularity.
///
/// A late event counts with what is left of its weight, so up to `capacity` items the state does not depend on the
/// order of events, to the bit, as long as they span at most twenty half-lives ([`Popularity`]); and merging is
/// exact. When there are more items, the sixteenth that is worth least leaves at once, ties by the higher symbol
/// first: which leave depends on the state alone, but what they were worth is forgotten, so the order of events then
/// matters a little. Merging takes in nothing from a state with another half-life, whose sums mean something else.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::Popular;
/// use bespoke::time::{Span, Timestamp};
/// let (now, hat) = (Timestamp::from_millis(1_700_000_000_000), Symbol::new("hat"));
/// let mut popular = Popular::default();
/// popular.learn(hat, 2.0, now);
/// assert!((popular.score(hat, now + Span::days(7)) - 1.0).abs() < 0.01);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Popular {
    settings: PopularSettings,
    /// Every sum is above zero.
    sums: Map<Symbol, Popularity>,
    /// Holds each item of `sums` once, at the worth of its sum.
    order: BTreeSet<Place>,
}

impl Popular {
    /// Knows nothing yet.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn new(settings: PopularSettings) -> Result<Self, RecommendError> {
        settings.check()?;
        Ok(Self { settings, ..Self::default() })
    }

    /// Takes in that somebody showed interest in an item. O(log n).
    ///
    /// Weights that are not finite, or below 1/2048 of an event, count as nothing.
    pub fn learn(&mut self, item: Symbol, weight: f32, time: Timestamp) {
        if !counts(weight) {
            return;
        }
        let mut term = Popularity::default();
        term.add(f64::from(weight), time, self.settings.half_life);
        self.absorb(item, term);
        self.evict();
    }

    /// What an item is worth at a time, in events of weight one; zero for an item that is not known.
    #[must_use]
    pub fn score(&self, item: Symbol, now: Timestamp) -> f64 {
        // Before the events themselves a sum may be too large for an `f64`.
        self.sums.get(&item).map_or(0.0, |sum| sum.at(now, self.settings.half_life).min(f64::MAX))
    }

    /// How many items are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether no item is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &PopularSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // A table has a control byte per slot. B-tree nodes are about two thirds full.
        self.sums.capacity() * (size_of::<(Symbol, Popularity)>() + 1) + self.order.len() * size_of::<Place>() * 3 / 2
    }

    /// The items with what they are worth, best first.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.order.iter()
    }

    /// What an item is worth beside others.
    pub(super) fn worth(&self, item: Symbol) -> Option<Worth> {
        Worth::of(self.sums.get(&item)?)
    }

    /// Adds a sum to an item's and moves the item to its new place.
    fn absorb(&mut self, item: Symbol, term: Popularity) {
        let Some(worth) = Worth::of(&term) else { return };
        let worth = match self.sums.entry(item) {
            Entry::Vacant(entry) => {
                entry.insert(term);
                worth
            }
            Entry::Occupied(mut entry) => {
                let Some(before) = Worth::of(entry.get()) else { return };
                entry.get_mut().merge(term);
                let Some(after) = Worth::of(entry.get()) else { return };
                if before == after {
                    return;
                }
                self.order.remove(&(Reverse(before), item));
                after
            }
        };
        self.order.insert((Reverse(worth), item));
    }

    /// Lets the lowest sixteenth go if there are too many.
    fn evict(&mut self) {
        let capacity = self.settings.capacity as usize;
        if self.sums.len() <= capacity {
            return;
        }
        while self.sums.len() > capacity - capacity / 16 {
            let Some((_, item)) = self.order.pop_last() else { return };
            self.sums.remove(&item);
        }
    }
}

impl Recommender for Popular {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let mut room = scratch.begin(query, slate);
        if room == 0 {
            return;
        }
        let mut places = std::mem::take(&mut scratch.places);
        let mut last = None;
        let mut visit = |&(_, item): &Place| {
            // A pool may name an item twice; both have one place.
            if last != Some(item) && !scratch.is_taken(item) && (query.accept)(item) {
                let score = self.score(item, query.now);
                let source = Source::Popular;
                slate.push(Candidate { item, score, source, because: None, contribution: 0.0 });
                room -= 1;
            }
            last = Some(item);
            room > 0
        };
        if let Some(pool) = query.pool.filter(|pool| pool.len() < SHORT_POOL) {
            places.clear();
            places.extend(pool.iter().filter_map(|item| {
                let worth = Worth::of(self.sums.get(item)?)?;
                Some((Reverse(worth), *item))
            }));
            best_first(&mut places, query.limit, Ord::cmp, visit);
        } else {
            let _ = self.order.iter().all(&mut visit);
        }
        scratch.places = places;
    }
}

impl State for Popular {
    const KIND: &'static str = "popular";
    const VERSION: u16 = 1;

    fn merge(&mut self, other: &Self) {
        if self.settings.half_life != other.settings.half_life {
            return;
        }
        for (Reverse(_), item) in &other.order {
            if let Some(sum) = other.sums.get(item) {
                self.absorb(*item, *sum);
            }
        }
        self.evict();
    }
}

/// The stored form: items in the order of their symbols, without what can be derived.
#[derive(Serialize, Deserialize)]
struct Stored {
    settings: PopularSettings,
    sums: Vec<(Symbol, Popularity)>,
}

impl Serialize for Popular {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sums: Vec<_> = self.sums.iter().map(|(item, sum)| (*item, *sum)).collect();
        sums.sort_unstable_by_key(|(item, _)| *item);
        Stored { settings: self.settings, sums }.serialize(serializer)
    }
}

impl TryFrom<Stored> for Popular {
    type Error = RecommendError;

    fn try_from(stored: Stored) -> Result<Self, RecommendError> {
        let mut popular = Self::new(stored.settings)?;
        if stored.sums.len() > stored.settings.capacity as usize {
            return Err(RecommendError::TooMany { found: stored.sums.len(), most: stored.settings.capacity });
        }
        if !stored.sums.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(RecommendError::Disorder);
        }
        let mut places = Vec::with_capacity(stored.sums.len());
        for (item, sum) in &stored.sums {
            places.push((Reverse(Worth::of(sum).ok_or(RecommendError::Weight)?), *item));
        }
        // A B-tree is built faster from what is sorted.
        places.sort_unstable();
        popular.order = places.into_iter().collect();
        popular.sums = stored.sums.into_iter().collect();
        Ok(popular)
    }
}
