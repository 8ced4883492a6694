//! The per-profile state that a rule asks for: how often, how much, first and last.
//!
//! A counter of events keeps the newest few times with a short hash of each event. "At least k within W" holds
//! exactly when the k-th newest time lies inside the window, so there is no bucket error, a window of a minute costs
//! what one of a year costs, and any order of late and repeated events ends in the same state. A counter of amounts
//! keeps the lifetime sum and, for windows, sums per bucket of time.
//!
//! Windows are half open, `(now - W, now]`. Observing costs a binary search and a move of at most 51 slots.

mod amounts;
mod count;

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use crate::sketch::ExactSum;
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use amounts::{BUCKETS, Bucket, Sum, micros};
use count::{Count, Evicted, KEEP_STEPS, MOST_KEPT, Slot};

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
            return count.ever(inside.len() as u32, next, now); // at most 51
        };
        let leaves = inside.first().map_or(Timestamp::MAX, |oldest| oldest.time + window);
        let exact = count.floor() <= now - window;
        let known = if exact { Timestamp::MAX } else { count.floor() + window };
        Windowed { value: inside.len() as u32, exact, until: next.min(leaves).min(known) }
    }

    /// Whether there were at least `least` events within the window, or ever, and until when this stays so although
    /// nothing happens.
    ///
    /// Yes is always right. Where too few are there, but events that left the slots may lie inside the window, it is
    /// unknown: for a `least` below the number of times kept only while events ahead of `now` take up slots.
    #[must_use]
    pub fn at_least(&self, least: u32, window: Option<Span>, now: Timestamp) -> Truth {
        let State::Count(count) = &self.state else { return Truth::always(least == 0) };
        let Some(length) = window else {
            let ever = self.count_within(None, now);
            return match ever.value >= least {
                true => Truth::always(true),
                false => Truth { answer: no_unless(!ever.exact), until: ever.until },
            };
        };
        if least == 0 {
            return Truth::always(true);
        }
        let (inside, next) = count.inside(window, now);
        // Events still to come can only postpone the end of "at least", and only they can begin it.
        if let Some(decisive) = inside.len().checked_sub(least as usize).and_then(|index| inside.get(index)) {
            return Truth { answer: Answer::Yes, until: decisive.time + length };
        }
        let floor = count.floor();
        if floor > now - length {
            return Truth { answer: Answer::Unknown, until: next.min(floor + length) };
        }
        Truth { answer: Answer::No, until: next }
    }

    /// The time of the first event within the window, or ever, that `now` has reached. One that is not exact is known
    /// to be no later.
    #[must_use]
    pub fn first_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<Option<Timestamp>> {
        match &self.state {
            State::Count(count) => count.first_within(window, now),
            State::Sum(_) => Windowed { value: None, exact: false, until: Timestamp::MAX },
        }
    }

    /// The time of the last event within the window, or ever, that `now` has reached.
    #[must_use]
    pub fn last_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<Option<Timestamp>> {
        match &self.state {
            State::Count(count) => count.last_within(window, now),
            State::Sum(_) => Windowed { value: None, exact: false, until: Timestamp::MAX },
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

    /// The times that are kept of the events within the window, or ever, up to `now`, oldest first: what a count is
    /// based on. Empty for a sum.
    #[must_use]
    pub fn times(&self, window: Option<Span>, now: Timestamp) -> Vec<Timestamp> {
        match &self.state {
            State::Count(count) => count.inside(window, now).0.iter().map(|slot| slot.time).collect(),
            State::Sum(_) => Vec::new(),
        }
    }

    /// The time up to which events have left the counter's slots, if any have.
    #[must_use]
    pub fn missing(&self) -> Option<Timestamp> {
        match &self.state {
            State::Count(count) => count.evicted.as_ref().map(|evicted| evicted.floor),
            State::Sum(_) => None,
        }
    }

    /// The bytes of a counter of amounts, or of one that keeps so many times, without the allocator's overhead; of no
    /// times where few fit into the counter itself.
    pub(crate) const fn bytes(amounts: bool, keep: u8) -> usize {
        let slots = if keep == 0 { 0 } else { keep as usize * size_of::<Slot>() + size_of::<Evicted>() };
        let buckets = if keep == 0 { 4 } else { BUCKETS as usize };
        let sum = size_of::<Sum>() + buckets * size_of::<Bucket>();
        size_of::<Self>() + if amounts { sum } else { slots }
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

const fn no_unless(unknown: bool) -> Answer {
    if unknown { Answer::Unknown } else { Answer::No }
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

#[cfg(test)]
mod tests;
