//! The newest few times of events, each with a short hash of the event.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Windowed, no_unless};
use crate::profile::Frame;
use crate::state::packed::{self, Packed, take};
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};

/// Slots are sorted by time and event, oldest first, without repetition, and at most `keep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Most counters hold few events for life; four need no allocation.
    #[serde(with = "packed")]
    pub(crate) slots: SmallVec<[Slot; 4]>,
    /// What is known of events that are in no slot.
    pub(crate) evicted: Option<Evicted>,
    pub(crate) total: u32,
    pub(crate) keep: u8,
}

/// A count as it is read, whatever form it is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Times<'a> {
    #[serde(with = "packed")]
    pub(crate) slots: &'a [Slot],
    pub(crate) evicted: Option<Evicted>,
    pub(crate) total: u32,
    pub(crate) keep: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evicted {
    /// The oldest of their times; [`Timestamp::MIN`] if some may have happened that were never counted.
    pub(crate) first: Timestamp,
    /// The newest of their times; up to there the slots may miss events.
    pub(crate) floor: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(C, packed(4))]
pub(crate) struct Slot {
    pub(crate) time: Timestamp,
    /// The hash of the event's id in 32 bits, which tells events of the same millisecond apart.
    pub(crate) event: u32,
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

impl Count {
    pub(crate) fn new(complete_since: Timestamp) -> Self {
        let floor = complete_since - Span::from_millis(1);
        let evicted = (complete_since > Timestamp::MIN).then_some(Evicted { first: Timestamp::MIN, floor });
        Self { slots: SmallVec::new(), evicted, total: 0, keep: KEEP_STEPS[0] }
    }

    /// Takes in an event, as [`Counter::observe`](super::Counter::observe) does.
    pub(crate) fn observe(&mut self, slot: Slot, keep: u8) {
        self.keep = self.keep.max(step_for(keep));
        if self.insert(slot) {
            self.total = self.total.saturating_add(1);
        }
    }

    pub(super) fn merge(&mut self, other: Times<'_>) {
        self.keep = self.keep.max(other.keep);
        if let Some(evicted) = other.evicted {
            self.evict(evicted);
        }
        self.total = self.total.saturating_add(other.total);
        for slot in other.slots {
            self.insert(*slot);
        }
    }

    /// Puts a slot in its place, evicting the oldest; `false` if it was there already.
    pub(super) fn insert(&mut self, slot: Slot) -> bool {
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

    pub(super) fn evict(&mut self, more: Evicted) {
        let evicted = self.evicted.get_or_insert(more);
        evicted.first = evicted.first.min(more.first);
        evicted.floor = evicted.floor.max(more.floor);
    }

    pub(crate) fn read(&self) -> Times<'_> {
        Times { slots: &self.slots, evicted: self.evicted, total: self.total, keep: self.keep }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        if self.slots.spilled() { self.slots.capacity() * size_of::<Slot>() } else { 0 }
    }

    pub(super) fn worst_bytes(keep: u8) -> usize {
        let inline = size_of::<[Slot; 4]>();
        let slots = usize::from(keep) * size_of::<Slot>();
        size_of::<Self>() + if slots > inline { slots } else { 0 }
    }

    pub(crate) fn is_sound(&self) -> bool {
        let sorted = self.slots.is_sorted_by(|a, b| a < b);
        let bounded = KEEP_STEPS.contains(&self.keep) && self.slots.len() <= usize::from(self.keep);
        // What left was older than what stayed, and not older than the oldest that left.
        let left = self.evicted.is_none_or(|evicted| evicted.first <= evicted.floor);
        let counted = self.total as usize >= self.slots.len() && (self.total == 0) == self.slots.is_empty();
        sorted && bounded && left && counted
    }
}

impl From<Times<'_>> for Count {
    fn from(Times { slots, evicted, total, keep }: Times<'_>) -> Self {
        Self { slots: SmallVec::from_slice(slots), evicted, total, keep }
    }
}

impl<'a> Times<'a> {
    fn is_incomplete(&self) -> bool {
        self.evicted.is_some_and(|evicted| evicted.first == Timestamp::MIN)
    }

    pub(super) fn complete_since(&self) -> Timestamp {
        if self.is_incomplete() { self.floor() + Span::from_millis(1) } else { Timestamp::MIN }
    }

    /// The time up to which the slots may miss events.
    pub(super) fn floor(&self) -> Timestamp {
        self.evicted.map_or(Timestamp::MIN, |evicted| evicted.floor)
    }

    /// The slots inside the frame, and when the first one after it comes inside.
    fn inside(&self, frame: &Frame) -> (&'a [Slot], Timestamp) {
        // A walk from the newest beats a binary search: mostly few slots are there, and fewer are inside.
        let ahead = self.slots.iter().rev().take_while(|slot| { slot.time } > frame.end).count();
        let (reached, coming) = self.slots.split_at(self.slots.len() - ahead);
        let next = coming.first().map_or(Timestamp::MAX, |slot| frame.enters(slot.time));
        if frame.is_ever() {
            return (reached, next);
        }
        let inside = reached.iter().rev().take_while(|slot| { slot.time } > frame.start).count();
        (&reached[reached.len() - inside..], next.min(frame.until))
    }

    pub(super) fn times(&self, frame: &Frame) -> Vec<Timestamp> {
        self.inside(frame).0.iter().map(|slot| slot.time).collect()
    }

    pub(super) fn count(&self, frame: &Frame) -> Windowed<u32> {
        let (inside, next) = self.inside(frame);
        if frame.is_ever() {
            return self.ever(inside.len() as u32, next, frame.end); // at most 51
        }
        let leaves = inside.first().map_or(Timestamp::MAX, |oldest| frame.leaves(oldest.time));
        let exact = self.floor() <= frame.start;
        let known = if exact { Timestamp::MAX } else { frame.leaves(self.floor()) };
        Windowed { value: inside.len() as u32, exact, until: next.min(leaves).min(known) }
    }

    pub(super) fn at_least(&self, least: u32, frame: &Frame) -> Truth {
        if least == 0 {
            return Truth::always(true);
        }
        let (inside, next) = self.inside(frame);
        if frame.is_ever() {
            let ever = self.ever(inside.len() as u32, next, frame.end);
            return match ever.value >= least {
                true => Truth::always(true),
                false => Truth { answer: no_unless(!ever.exact), until: ever.until },
            };
        }
        // Events still to come can only postpone the end of "at least", and only they can begin it.
        if let Some(decisive) = inside.len().checked_sub(least as usize).and_then(|index| inside.get(index)) {
            // Where the frame ends before the present, later events push none out; they only come inside.
            return Truth { answer: Answer::Yes, until: frame.leaves(decisive.time).min(frame.until) };
        }
        let floor = self.floor();
        if floor > frame.start {
            return Truth { answer: Answer::Unknown, until: next.min(frame.leaves(floor)) };
        }
        Truth { answer: Answer::No, until: next }
    }

    /// How many events there ever were, of which so many are in reached slots and the next comes then.
    fn ever(&self, reached: u32, next: Timestamp, now: Timestamp) -> Windowed<u32> {
        let gone = self.total.saturating_sub(self.slots.len() as u32); // at most 51
        match self.evicted {
            Some(evicted) if evicted.floor > now => {
                // Of those that left, at least the oldest counts if it has been reached.
                let least = gone.min(u32::from(evicted.first > Timestamp::MIN && evicted.first <= now));
                let until = next.min(evicted.floor).min(after(evicted.first, now));
                Windowed { value: reached.saturating_add(least), exact: false, until }
            }
            _ => Windowed { value: gone.saturating_add(reached), exact: !self.is_incomplete(), until: next },
        }
    }

    pub(super) fn first(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        let (inside, next) = self.inside(frame);
        let oldest = inside.first().map(|slot| slot.time);
        match self.evicted {
            Some(evicted) if evicted.floor > frame.start => {
                // The oldest that left is the first, if it is inside.
                let left = Some(evicted.first).filter(|first| *first > Timestamp::MIN && frame.contains(*first));
                let exact = left.is_some() || evicted.first > frame.end;
                let value = left.or(oldest);
                let ends = frame.leaves(value.unwrap_or(evicted.floor)).min(frame.leaves(evicted.floor));
                let comes =
                    frame.enters(after(evicted.first, frame.end)).min(frame.enters(after(evicted.floor, frame.end)));
                Windowed { value, exact, until: next.min(ends).min(comes) }
            }
            _ => {
                let ends = oldest.map_or(Timestamp::MAX, |oldest| frame.leaves(oldest));
                // Until there is a first one, the next that comes is it.
                let until = if oldest.is_some() { ends.min(frame.until) } else { next };
                Windowed { value: oldest, exact: true, until }
            }
        }
    }

    pub(super) fn last(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        let (inside, next) = self.inside(frame);
        if let Some(newest) = inside.last().map(|slot| slot.time) {
            return Windowed { value: Some(newest), exact: true, until: next.min(frame.leaves(newest)) };
        }
        match self.evicted {
            // With every slot in the future, the newest event behind them is the one that left last.
            Some(evicted) if evicted.floor > frame.start => {
                let (first, floor) = (evicted.first, evicted.floor);
                let reached = floor <= frame.end && first > Timestamp::MIN;
                let comes = frame.enters(after(floor, frame.end)).min(frame.enters(after(first, frame.end)));
                let until = next.min(frame.leaves(floor)).min(comes);
                Windowed { value: reached.then_some(floor), exact: reached || first > frame.end, until }
            }
            _ => Windowed { value: None, exact: true, until: next },
        }
    }
}

/// The time, if it lies ahead; else never.
fn after(time: Timestamp, now: Timestamp) -> Timestamp {
    if time > now { time } else { Timestamp::MAX }
}

/// How many times are kept where `keep` are asked for.
pub(crate) fn step_for(keep: u8) -> u8 {
    KEEP_STEPS.into_iter().find(|step| *step >= keep).unwrap_or(MOST_KEPT)
}

pub(crate) const KEEP_STEPS: [u8; 5] = [4, 8, 16, 32, MOST_KEPT];
pub(super) const MOST_KEPT: u8 = 51;
