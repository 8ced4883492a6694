//! Amounts: sums, averages, extremes and large counts; exact from the newest times, in buckets of time beyond.

use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::profile::Frame;
use crate::sketch::ExactSum;
use crate::time::{Span, Timestamp};

/// The newest amounts one by one, and those that left these slots in buckets, so that a window is exact as long as
/// it holds no more events than there are slots, and to a part of a bucket beyond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Amounts {
    /// From when on all events are in; the earliest time there is if all ever are.
    pub(super) since: Timestamp,
    pub(super) grid: Grid,
    total: ExactSum,
    ever: Tally,
    /// Sorted by time and event, at most [`SLOTS`]; none if only the lifetime is asked for.
    slots: Vec<Slot>,
    /// None before any leaves the slots.
    older: Option<Box<Older>>,
}

/// What has left the slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Older {
    /// The newest time that left.
    floor: Timestamp,
    /// Sorted by index, within the grid's reach of the newest.
    buckets: Vec<Bucket>,
    /// What lies before this has left the buckets too.
    lost: Timestamp,
}

/// How buckets divide time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grid {
    /// The width of a bucket; zero if only the lifetime is asked for.
    pub width: Span,
    /// How many buckets the newest reaches back, itself included.
    pub most: u16,
    /// By how many minutes the buckets begin before those of UTC.
    pub offset: i32,
}

impl Grid {
    pub(super) fn index(&self, time: Timestamp) -> i64 {
        let local = time.millis().saturating_add(i64::from(self.offset) * 60_000);
        local.div_euclid(self.width.millis().max(1))
    }

    pub(super) fn begins(&self, index: i64) -> Timestamp {
        let local = index.saturating_mul(self.width.millis());
        Timestamp::from_millis(local.saturating_sub(i64::from(self.offset) * 60_000))
    }

    pub(super) fn oldest(&self, newest: i64) -> i64 {
        newest.saturating_sub(i64::from(self.most.max(1)) - 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(C, packed(4))]
struct Slot {
    time: Timestamp,
    event: u32,
    /// In millionths, saturating.
    amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, packed(4))]
struct Bucket {
    index: i64,
    tally: Tally,
}

/// What is known of some amounts, in millionths, saturating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, packed(4))]
struct Tally {
    count: u32,
    sum: i64,
    min: i64,
    max: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { count: 0, sum: 0, min: i64::MAX, max: i64::MIN }
    }
}

impl Tally {
    const fn of(amount: i64) -> Self {
        Self { count: 1, sum: amount, min: amount, max: amount }
    }

    fn add(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        self.sum = self.sum.saturating_add(more.sum);
        self.min = self.min.min(more.min);
        self.max = self.max.max(more.max);
    }
}

/// What of some amounts is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// How many there are.
    Count,
    /// What they add up to; zero for none.
    Sum,
    /// Their mean; nothing for none.
    Mean,
    /// The smallest; nothing for none.
    Min,
    /// The largest; nothing for none.
    Max,
}

impl Amounts {
    pub(super) const SLOT_BYTES: usize = size_of::<Slot>();

    pub(super) fn new(grid: Grid, since: Timestamp) -> Self {
        Self { since, grid, total: ExactSum::default(), ever: Tally::default(), slots: Vec::new(), older: None }
    }

    pub(super) fn observe(&mut self, time: Timestamp, event: u32, amount: f64) {
        let slot = Slot { time, event, amount: micros(amount) };
        if !self.grid.width.is_zero() && !self.insert(slot) {
            return;
        }
        self.total.add(amount);
        self.ever.add(Tally::of(slot.amount));
    }

    /// Puts a slot in its place; `false` if it was there already.
    fn insert(&mut self, slot: Slot) -> bool {
        let place = self.slots.binary_search_by_key(&(slot.time, slot.event), |slot| (slot.time, slot.event));
        let Err(place) = place else { return false };
        if self.slots.len() < SLOTS {
            super::reserve(&mut self.slots);
            self.slots.insert(place, slot);
            return true;
        }
        let leaves = match place.checked_sub(1) {
            None => slot,
            Some(before) => {
                let oldest = self.slots[0];
                self.slots.copy_within(1..place, 0);
                self.slots[before] = slot;
                oldest
            }
        };
        let tally = Tally::of(leaves.amount);
        let older = self.older.get_or_insert_default();
        older.floor = older.floor.max(leaves.time);
        older.fill(Bucket { index: self.grid.index(leaves.time), tally }, &self.grid);
        true
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.since = self.since.max(other.since);
        self.total.merge(other.total);
        self.ever.add(other.ever);
        for slot in &other.slots {
            if !self.insert(*slot) {
                // Both have seen it: it was added twice.
                self.total.merge_negated(slot.amount);
                self.ever.count = self.ever.count.saturating_sub(1);
                self.ever.sum = self.ever.sum.saturating_sub(slot.amount);
            }
        }
        if let Some(theirs) = &other.older {
            let older = self.older.get_or_insert_default();
            older.floor = older.floor.max(theirs.floor);
            older.lost = older.lost.max(theirs.lost);
            for bucket in &theirs.buckets {
                older.fill(*bucket, &self.grid);
            }
        }
    }

    pub(super) fn read(&self, asked: Asked, frame: &Frame) -> Estimate {
        if self.grid.width.is_zero() || frame.is_ever() {
            let known = self.since == Timestamp::MIN;
            let value = match asked {
                Asked::Sum => Some(self.total.value()),
                Asked::Mean => (self.ever.count > 0).then(|| self.total.value() / f64::from(self.ever.count)),
                asked => of(&self.ever, asked),
            };
            return self.estimate(asked, value, value, known, Timestamp::MAX);
        }
        let mut until = frame.until;
        let mut tally = Tally::default();
        for slot in &self.slots {
            if { slot.time } > frame.end {
                until = until.min(frame.enters(slot.time));
                break;
            }
            if { slot.time } > frame.start {
                until = until.min(frame.leaves(slot.time));
                tally.add(Tally::of(slot.amount));
            }
        }
        let mut all = tally;
        for bucket in self.buckets() {
            let (begins, ends) = (self.grid.begins(bucket.index), self.grid.begins(bucket.index + 1));
            if begins > frame.end {
                until = until.min(frame.enters(begins));
            } else if begins > frame.start {
                until = until.min(frame.leaves(begins));
                tally.add(bucket.tally);
                all.add(bucket.tally);
            } else if ends > frame.start + Span::from_millis(1) {
                until = until.min(frame.leaves(ends - Span::from_millis(1)));
                all.add(bucket.tally);
            }
        }
        // Nothing that left the slots lies inside unless the newest of it does.
        let lost =
            self.older.as_ref().filter(|older| older.floor > frame.start).map_or(Timestamp::MIN, |older| older.lost);
        let missing = self.since.max(lost);
        let known = missing <= frame.start + Span::from_millis(1);
        if !known {
            until = until.min(frame.leaves(missing - Span::from_millis(1)));
        }
        self.estimate(asked, of(&tally, asked), of(&all, asked), known, until)
    }

    /// The value, and the one with all that may be inside.
    #[expect(clippy::unused_self, reason = "reads as what it is: an estimate of this counter")]
    fn estimate(
        &self,
        asked: Asked,
        value: Option<f64>,
        other: Option<f64>,
        known: bool,
        until: Timestamp,
    ) -> Estimate {
        let (a, b) = (value.unwrap_or(0.0), other.or(value).unwrap_or(0.0));
        let (mut low, mut high) = (a.min(b), a.max(b));
        if !known {
            // More events can only raise a count; amounts may have either sign.
            high = f64::INFINITY;
            low = if asked == Asked::Count { low } else { f64::NEG_INFINITY };
        }
        Estimate { value, low, high, known, until }
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.slots.last().map(|slot| slot.time)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let older = |older: &Older| size_of::<Older>() + older.buckets.capacity() * size_of::<Bucket>();
        size_of::<Self>() + self.slots.capacity() * size_of::<Slot>() + self.older.as_deref().map_or(0, older)
    }

    fn buckets(&self) -> &[Bucket] {
        self.older.as_ref().map_or(&[], |older| &older.buckets)
    }

    pub(super) fn worst_bytes(grid: Grid) -> usize {
        let buckets = size_of::<Older>() + usize::from(grid.most) * size_of::<Bucket>();
        let windowed = SLOTS * size_of::<Slot>() + buckets;
        size_of::<Self>() + if grid.width.is_zero() { 0 } else { windowed }
    }

    pub(super) fn is_sound(&self) -> bool {
        let buckets = self.buckets();
        let reach = match (buckets.first(), buckets.last()) {
            (Some(first), Some(last)) => last.index.saturating_sub(first.index),
            _ => 0,
        };
        let sorted = self.slots.is_sorted_by(|a, b| (a.time, a.event) < (b.time, b.event))
            && buckets.is_sorted_by(|a, b| a.index < b.index);
        let windowed = !self.grid.width.is_zero() || (self.slots.is_empty() && self.older.is_none());
        let evicted = self.older.is_none() || self.slots.len() == SLOTS;
        sorted && windowed && evicted && self.slots.len() <= SLOTS && reach < i64::from(self.grid.most.max(1))
    }
}

impl Default for Older {
    fn default() -> Self {
        Self { floor: Timestamp::MIN, buckets: Vec::new(), lost: Timestamp::MIN }
    }
}

impl Older {
    fn fill(&mut self, bucket: Bucket, grid: &Grid) {
        let newest = self.buckets.last().map_or(bucket.index, |last| last.index.max(bucket.index));
        let oldest = grid.oldest(newest);
        if self.buckets.first().is_some_and(|first| first.index < oldest) || bucket.index < oldest {
            self.lost = self.lost.max(grid.begins(oldest));
            self.buckets.retain(|kept| kept.index >= oldest);
        }
        if bucket.index < oldest {
            return;
        }
        match self.buckets.binary_search_by_key(&{ bucket.index }, |kept| kept.index) {
            Ok(place) => self.buckets[place].tally.add(bucket.tally),
            Err(place) => {
                super::reserve(&mut self.buckets);
                self.buckets.insert(place, bucket);
            }
        }
    }
}

fn of(tally: &Tally, asked: Asked) -> Option<f64> {
    // Sums of amounts below 9 * 10^12 are exact; the casts round in the last of 53 bits.
    let number = |micros: i64| micros as f64 / MICROS;
    let some = tally.count > 0;
    match asked {
        Asked::Count => Some(f64::from(tally.count)),
        Asked::Sum => Some(number(tally.sum)),
        Asked::Mean => some.then(|| number(tally.sum) / f64::from(tally.count)),
        Asked::Min => some.then(|| number(tally.min)),
        Asked::Max => some.then(|| number(tally.max)),
    }
}

fn micros(amount: f64) -> i64 {
    // A cast from `f64` saturates, and takes NaN for zero.
    libm::round(amount * MICROS) as i64
}

const MICROS: f64 = 1e6;
/// How many of the newest amounts are kept one by one.
pub(super) const SLOTS: usize = 51;
