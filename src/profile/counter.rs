//! The per-profile state that a rule asks for: how often, how much, first and last.
//!
//! A counter of events keeps the newest few times with a short hash of each event. "At least k within W" holds
//! exactly when the k-th newest time lies inside the window, so there is no bucket error, a window of a minute costs
//! what one of a year costs, and any order of late and repeated events ends in the same state. A counter of amounts
//! keeps the lifetime sum and, for windows, sums per bucket of time.
//!
//! Windows are half open, `(now - W, now]`. Observing costs a binary search and a move of at most 51 slots.

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use crate::sketch::ExactSum;
use crate::state::packed::{self, Packed, take};
use crate::time::{Span, Timestamp};

/// The stable name of a counter: a hash of what it counts, the same in every process and release.
///
/// Two rules that ask the same question share one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterId(u64);

impl CounterId {
    /// The id of whatever this canonical text describes.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        Self(crate::hash::Symbol::new(canonical).to_bits())
    }

    /// The 64 bits of the hash.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

/// What a counter says about a window, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windowed<T> {
    /// The count or the sum. A count that is not exact is a lower bound.
    pub value: T,
    /// Whether the value is exactly that of the window.
    pub exact: bool,
    /// The earliest time after `now` at which the value changes although nothing happens; [`Timestamp::MAX`] if
    /// there is none.
    pub until: Timestamp,
}

/// How often or how much, for one question of the rules, on one profile.
///
/// ```
/// use bespoke::profile::{Counter, CounterId};
/// use bespoke::time::{Span, Timestamp};
/// let mut views = Counter::count(CounterId::of("item_viewed"));
/// let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
/// views.observe(noon, 1, 0.0, 2);
/// views.observe(noon, 1, 0.0, 2); // delivered twice, counted once
/// let hour = Some(Span::hours(1));
/// assert_eq!(views.count_within(hour, noon).value, 1);
/// assert_eq!(views.count_within(hour, noon).until, noon + Span::hours(1));
/// assert_eq!(views.count_within(hour, noon + Span::hours(1)).value, 0);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Counter {
    id: CounterId,
    state: State,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Count(Count),
    /// Boxed, so that the common counter of events stays small.
    Sum(Box<Sum>),
}

/// Slots are sorted by time and event, oldest first, without repetition, and at most `keep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Count {
    /// Most counters hold few events for life; three need no allocation.
    #[serde(with = "packed")]
    slots: SmallVec<[Slot; 3]>,
    /// What is known of events that are no longer in a slot.
    evicted: Option<Box<Evicted>>,
    total: u32,
    keep: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Evicted {
    /// The oldest of their times.
    first: Timestamp,
    /// The newest of their times; up to there the slots may miss events.
    floor: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(C, packed(4))]
struct Slot {
    time: Timestamp,
    /// The hash of the event's id in 32 bits, which tells events of the same millisecond apart.
    event: u32,
}

impl Packed for Slot {
    const WIDTH: usize = 12;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&{ self.time }.millis().to_le_bytes());
        bytes[8..].copy_from_slice(&{ self.event }.to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        let time = Timestamp::from_millis(i64::from_le_bytes(take(bytes, 0)));
        Self { time, event: u32::from_le_bytes(take(bytes, 8)) }
    }
}

/// Buckets are sorted by index, without repetition, and lie within `BUCKETS` of the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sum {
    total: ExactSum,
    /// The width of a bucket; zero if only the lifetime sum is asked for.
    width: Span,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    /// The time divided by the width, rounded down.
    index: i64,
    /// Millionths, saturating.
    sum: i64,
}

impl Counter {
    /// A counter of events, with nothing counted yet.
    #[must_use]
    pub fn count(id: CounterId) -> Self {
        let count = Count { slots: SmallVec::new(), evicted: None, total: 0, keep: KEEP_STEPS[0] };
        Self { id, state: State::Count(count) }
    }

    /// A counter of amounts, with nothing added yet: for the lifetime alone, or also for windows in buckets of this
    /// width (see [`Counter::bucket_width`]).
    #[must_use]
    pub fn sum(id: CounterId, width: Option<Span>) -> Self {
        let sum = Sum { total: ExactSum::default(), width: width.unwrap_or(Span::ZERO), buckets: Vec::new() };
        Self { id, state: State::Sum(Box::new(sum)) }
    }

    /// How many of the newest times are kept to answer counts up to `most`: one more, rounded up to 4, 8, 16, 32 or
    /// 51, so that a small change of a threshold keeps its history.
    #[must_use]
    pub fn keep_for(most: u32) -> u8 {
        KEEP_STEPS.into_iter().find(|keep| u32::from(*keep) > most).unwrap_or(MOST_KEPT)
    }

    /// The width of the buckets that answer sums within this window: a 24th of it, rounded up to a whole minute,
    /// or where that is less than a minute to a whole second.
    #[must_use]
    pub const fn bucket_width(window: Span) -> Span {
        let part = window.millis() / 24;
        let unit = if part < Span::minutes(1).millis() { 1000 } else { Span::minutes(1).millis() };
        let units = part.saturating_add(unit - 1) / unit;
        Span::from_millis(if units > 1 { units * unit } else { unit })
    }

    /// Takes in one event: when it was, a hash of its id, and the amount for a sum (ignored by a count).
    ///
    /// `keep` is how many of the newest times to hold, as [`Counter::keep_for`] gives it; a count never goes back to
    /// fewer. A count takes an event that is still in its slots once, however often it comes; a sum, and a count of
    /// an event older than its slots, rely on the caller to recognise repetitions.
    pub fn observe(&mut self, time: Timestamp, event: u64, amount: f64, keep: u8) {
        match &mut self.state {
            State::Count(count) => {
                count.keep = count.keep.max(Self::keep_for(u32::from(keep).saturating_sub(1)));
                if count.insert(Slot { time, event: crate::hash::fold(event) }) {
                    count.total = count.total.saturating_add(1);
                }
            }
            State::Sum(sum) => {
                sum.total.add(amount);
                if !sum.width.is_zero() {
                    sum.add(Bucket { index: time.millis().div_euclid(sum.width.millis()), sum: micros(amount) });
                }
            }
        }
    }

    /// Takes in what another counter of the same id has seen of other events. Counters of different kinds of
    /// question do not mix: this one then stays as it is.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.state, &other.state) {
            (State::Count(mine), State::Count(theirs)) => {
                mine.keep = mine.keep.max(theirs.keep);
                if let Some(evicted) = &theirs.evicted {
                    mine.evict(**evicted);
                }
                mine.total = mine.total.saturating_add(theirs.total);
                for slot in &theirs.slots {
                    mine.insert(*slot);
                }
            }
            (State::Sum(mine), State::Sum(theirs)) if mine.width == theirs.width => {
                mine.total.merge(theirs.total);
                for bucket in &theirs.buckets {
                    mine.add(*bucket);
                }
            }
            _ => {}
        }
    }

    /// Which counter this is.
    #[must_use]
    pub const fn id(&self) -> CounterId {
        self.id
    }

    /// How many events there were within the window, or ever. Events after `now` count when `now` reaches them.
    ///
    /// Exact as long as the window holds fewer events than are kept; a lower bound beyond. For a sum it is zero.
    #[must_use]
    pub fn count_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<u32> {
        let State::Count(count) = &self.state else {
            return Windowed { value: 0, exact: false, until: Timestamp::MAX };
        };
        let (inside, next) = count.inside(window, now);
        let Some(window) = window else {
            let ahead = (count.slots.len() - inside.len()) as u32; // at most 51
            let value = count.total.saturating_sub(ahead);
            return Windowed { value, exact: count.floor() <= now, until: next };
        };
        let leaves = inside.first().map_or(Timestamp::MAX, |oldest| oldest.time + window);
        Windowed { value: inside.len() as u32, exact: count.floor() <= now - window, until: next.min(leaves) }
    }

    /// Whether there were at least `least` events within the window, or ever, and until when this stays so although
    /// nothing happens. Right for any `least` below the number of times kept, and for any at all without a window.
    #[must_use]
    pub fn at_least(&self, least: u32, window: Option<Span>, now: Timestamp) -> (bool, Timestamp) {
        let State::Count(count) = &self.state else { return (least == 0, Timestamp::MAX) };
        let Some(length) = window else {
            let ever = self.count_within(None, now);
            return (ever.value >= least, if ever.value >= least { Timestamp::MAX } else { ever.until });
        };
        if least == 0 {
            return (true, Timestamp::MAX);
        }
        let (inside, next) = count.inside(window, now);
        // Events still to come can only postpone the end of "at least", and only they can begin it.
        match inside.len().checked_sub(least as usize).and_then(|index| inside.get(index)) {
            Some(decisive) => (true, decisive.time + length),
            None => (false, next),
        }
    }

    /// The time of the first event, if `now` has reached it.
    #[must_use]
    pub fn first(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.state {
            State::Count(count) => count.first().filter(|first| *first <= now),
            State::Sum(_) => None,
        }
    }

    /// The time of the last event that `now` has reached.
    #[must_use]
    pub fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let State::Count(count) = &self.state else { return None };
        let newest = count.slots.iter().rev().map(|slot| slot.time).find(|time| *time <= now);
        // With every slot in the future, the newest event behind them is the one that was evicted last.
        newest.or(count.evicted.as_ref().map(|evicted| evicted.floor).filter(|floor| *floor <= now))
    }

    /// The earliest time after `now` of an event that is already known.
    #[must_use]
    pub fn next_arrival(&self, now: Timestamp) -> Timestamp {
        match &self.state {
            State::Count(count) => count.inside(None, now).1,
            State::Sum(_) => Timestamp::MAX,
        }
    }

    /// How much there was within the window, or ever.
    ///
    /// A window is read in whole buckets: those that begin inside it. It thereby reaches back between W minus one
    /// bucket and W, and is exact when nothing lies in the bucket that straddles its beginning. Amounts up to five
    /// minutes ahead of `now`, in the bucket of `now` or in a lifetime sum, count at once. For a count it is zero.
    #[must_use]
    pub fn sum_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<f64> {
        let State::Sum(sum) = &self.state else {
            return Windowed { value: 0.0, exact: false, until: Timestamp::MAX };
        };
        match window {
            None => Windowed { value: sum.total.value(), exact: true, until: Timestamp::MAX },
            Some(window) => sum.within(window, now),
        }
    }

    /// The bytes that the counter holds outside itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.state {
            State::Count(count) => {
                let evicted = count.evicted.as_ref().map_or(0, |_| size_of::<Evicted>());
                let spilled = if count.slots.spilled() { count.slots.capacity() * size_of::<Slot>() } else { 0 };
                spilled + evicted
            }
            State::Sum(sum) => size_of::<Sum>() + sum.buckets.capacity() * size_of::<Bucket>(),
        }
    }
}

impl Count {
    /// Puts a slot in its place, evicting the oldest; `false` if it was there already.
    fn insert(&mut self, slot: Slot) -> bool {
        let Err(place) = self.slots.binary_search(&slot) else { return false };
        if self.slots.len() >= usize::from(self.keep) {
            let Some(before) = place.checked_sub(1) else {
                self.evict(Evicted { first: slot.time, floor: slot.time });
                return true;
            };
            let oldest = self.slots[0].time;
            self.evict(Evicted { first: oldest, floor: oldest });
            self.slots.copy_within(1..place, 0);
            self.slots[before] = slot;
            return true;
        }
        if self.slots.len() == self.slots.capacity() {
            // Doubling would waste a good part of a profile.
            let step = (self.slots.len() / 2).clamp(1, 8);
            self.slots.reserve_exact(step.min(usize::from(self.keep) - self.slots.len()));
        }
        self.slots.insert(place, slot);
        true
    }

    fn evict(&mut self, more: Evicted) {
        let evicted = self.evicted.get_or_insert_with(|| Box::new(more));
        evicted.first = evicted.first.min(more.first);
        evicted.floor = evicted.floor.max(more.floor);
    }

    fn first(&self) -> Option<Timestamp> {
        let evicted = self.evicted.as_ref().map(|evicted| evicted.first);
        [evicted, self.slots.first().map(|oldest| oldest.time)].into_iter().flatten().min()
    }

    /// The time up to which the slots may miss events.
    fn floor(&self) -> Timestamp {
        self.evicted.as_ref().map_or(Timestamp::MIN, |evicted| evicted.floor)
    }

    /// The slots inside the window, and the first time after it.
    fn inside(&self, window: Option<Span>, now: Timestamp) -> (&[Slot], Timestamp) {
        // A walk from the newest beats a binary search: mostly few slots are there, and fewer are inside.
        let ahead = self.slots.iter().rev().take_while(|slot| { slot.time } > now).count();
        let (reached, coming) = self.slots.split_at(self.slots.len() - ahead);
        let next = coming.first().map_or(Timestamp::MAX, |slot| slot.time);
        let Some(window) = window else { return (reached, next) };
        let start = now - window;
        let inside = reached.iter().rev().take_while(|slot| { slot.time } > start).count();
        (&reached[reached.len() - inside..], next)
    }
}

impl Sum {
    fn add(&mut self, bucket: Bucket) {
        let newest = self.buckets.last().map_or(bucket.index, |last| last.index.max(bucket.index));
        let oldest = newest.saturating_sub(BUCKETS - 1);
        self.buckets.retain(|kept| kept.index >= oldest);
        if bucket.index < oldest {
            return;
        }
        match self.buckets.binary_search_by_key(&bucket.index, |kept| kept.index) {
            Ok(place) => self.buckets[place].sum = self.buckets[place].sum.saturating_add(bucket.sum),
            Err(place) => {
                if self.buckets.len() == self.buckets.capacity() {
                    self.buckets.reserve_exact((self.buckets.len() / 2).clamp(1, 8));
                }
                self.buckets.insert(place, bucket);
            }
        }
    }

    fn within(&self, window: Span, now: Timestamp) -> Windowed<f64> {
        let start = now - window;
        let (mut sum, mut exact, mut until) = (0_i64, true, Timestamp::MAX);
        for bucket in &self.buckets {
            let begins = Timestamp::from_millis(bucket.index.saturating_mul(self.width.millis()));
            if begins > now {
                until = until.min(begins);
            } else if begins >= start {
                sum = sum.saturating_add(bucket.sum);
                until = until.min(begins + window + Span::from_millis(1));
            } else if begins + self.width > start {
                exact = false;
            }
        }
        // Buckets older than the ring's reach are gone; a window longer than that cannot know.
        let reach = self.width.millis().saturating_mul(BUCKETS - 1);
        exact &= window.millis() <= reach || (self.buckets.len() as i64) < BUCKETS;
        Windowed { value: sum as f64 / MICROS, exact, until }
    }
}

/// The stored form, checked before it is believed.
#[derive(Deserialize)]
enum Stored {
    Count(CounterId, Count),
    Sum(CounterId, Sum),
}

/// The stored form as it is written, without a copy.
#[derive(Serialize)]
enum Storing<'a> {
    Count(CounterId, &'a Count),
    Sum(CounterId, &'a Sum),
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.state {
            State::Count(count) => Storing::Count(self.id, count),
            State::Sum(sum) => Storing::Sum(self.id, sum),
        }
        .serialize(serializer)
    }
}

impl TryFrom<Stored> for Counter {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        match stored {
            Stored::Count(id, count) => {
                let sorted = count.slots.is_sorted_by(|a, b| a < b);
                let bounded = KEEP_STEPS.contains(&count.keep) && count.slots.len() <= usize::from(count.keep);
                // What left was older than what stayed, and not older than the oldest that left.
                let left = count.evicted.as_ref().is_none_or(|evicted| evicted.first <= evicted.floor);
                let counted = count.total as usize >= count.slots.len() && (count.total == 0) == count.slots.is_empty();
                if sorted && bounded && left && counted {
                    Ok(Self { id, state: State::Count(count) })
                } else {
                    Err("a counter of events whose slots are not the newest, in order")
                }
            }
            Stored::Sum(id, sum) => {
                let sorted = sum.buckets.is_sorted_by(|a, b| a.index < b.index);
                let reach = match (sum.buckets.first(), sum.buckets.last()) {
                    (Some(first), Some(last)) => last.index.saturating_sub(first.index),
                    _ => 0,
                };
                if sorted && reach < BUCKETS && (!sum.width.is_zero() || sum.buckets.is_empty()) {
                    Ok(Self { id, state: State::Sum(Box::new(sum)) })
                } else {
                    Err("a counter of amounts whose buckets are not in order")
                }
            }
        }
    }
}

fn micros(amount: f64) -> i64 {
    // A cast from `f64` saturates, and takes NaN for zero.
    libm::round(amount * MICROS) as i64
}

const MICROS: f64 = 1e6;
const KEEP_STEPS: [u8; 5] = [4, 8, 16, 32, MOST_KEPT];
const MOST_KEPT: u8 = 51;
const BUCKETS: i64 = 32;

#[cfg(test)]
mod tests;
