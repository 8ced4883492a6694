//! The newest few times of events, each with a short hash of the event.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Windowed;
use crate::state::packed::{self, Packed, take};
use crate::time::{Span, Timestamp};

/// Slots are sorted by time and event, oldest first, without repetition, and at most `keep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    /// Most counters hold few events for life; three need no allocation.
    #[serde(with = "packed")]
    pub(super) slots: SmallVec<[Slot; 3]>,
    /// What is known of events that are no longer in a slot.
    pub(super) evicted: Option<Box<Evicted>>,
    pub(super) total: u32,
    pub(super) keep: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Evicted {
    /// The oldest of their times.
    pub(super) first: Timestamp,
    /// The newest of their times; up to there the slots may miss events.
    pub(super) floor: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(C, packed(4))]
pub(super) struct Slot {
    pub(super) time: Timestamp,
    /// The hash of the event's id in 32 bits, which tells events of the same millisecond apart.
    pub(super) event: u32,
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
        let evicted = self.evicted.get_or_insert_with(|| Box::new(more));
        evicted.first = evicted.first.min(more.first);
        evicted.floor = evicted.floor.max(more.floor);
    }

    /// How many events there ever were, of which so many are in reached slots and the next comes then.
    pub(super) fn ever(&self, reached: u32, next: Timestamp, now: Timestamp) -> Windowed<u32> {
        let gone = self.total.saturating_sub(self.slots.len() as u32); // at most 51
        match &self.evicted {
            Some(evicted) if evicted.floor > now => {
                // Of those that left, at least the oldest counts if it has been reached.
                let value = reached.saturating_add(gone.min(u32::from(evicted.first <= now)));
                Windowed { value, exact: false, until: next.min(evicted.floor).min(after(evicted.first, now)) }
            }
            _ => Windowed { value: gone.saturating_add(reached), exact: true, until: next },
        }
    }

    pub(super) fn first_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<Option<Timestamp>> {
        let (inside, next) = self.inside(window, now);
        let oldest = inside.first().map(|slot| slot.time);
        let start = window.map_or(Timestamp::MIN, |window| now - window);
        match &self.evicted {
            Some(evicted) if evicted.floor > start => {
                // The oldest that left is the first, if it is inside.
                let left = Some(evicted.first).filter(|first| *first > start && *first <= now);
                let exact = left.is_some() || evicted.first > now;
                let value = left.or(oldest);
                let ends = window.map_or(Timestamp::MAX, |window| value.unwrap_or(evicted.floor) + window);
                let until = next.min(ends).min(after(evicted.first, now)).min(after(evicted.floor, now));
                Windowed { value, exact, until }
            }
            _ => {
                let ends = oldest.zip(window).map_or(Timestamp::MAX, |(oldest, window)| oldest + window);
                // Until there is a first one, the next that comes is it.
                let until = if oldest.is_some() { ends } else { next };
                Windowed { value: oldest, exact: true, until }
            }
        }
    }

    pub(super) fn last_within(&self, window: Option<Span>, now: Timestamp) -> Windowed<Option<Timestamp>> {
        let (inside, next) = self.inside(window, now);
        let start = window.map_or(Timestamp::MIN, |window| now - window);
        let ends = |time: Timestamp| window.map_or(Timestamp::MAX, |window| time + window);
        if let Some(newest) = inside.last().map(|slot| slot.time) {
            return Windowed { value: Some(newest), exact: true, until: next.min(ends(newest)) };
        }
        match &self.evicted {
            // With every slot in the future, the newest event behind them is the one that left last.
            Some(evicted) if evicted.floor > start => {
                let reached = evicted.floor <= now;
                let until = next.min(ends(evicted.floor)).min(after(evicted.floor, now)).min(after(evicted.first, now));
                let nothing = evicted.first > now;
                Windowed { value: reached.then_some(evicted.floor), exact: reached || nothing, until }
            }
            _ => Windowed { value: None, exact: true, until: next },
        }
    }

    /// The time up to which the slots may miss events.
    pub(super) fn floor(&self) -> Timestamp {
        self.evicted.as_ref().map_or(Timestamp::MIN, |evicted| evicted.floor)
    }

    /// The slots inside the window, and the first time after it.
    pub(super) fn inside(&self, window: Option<Span>, now: Timestamp) -> (&[Slot], Timestamp) {
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

/// The time, if it lies ahead; else never.
fn after(time: Timestamp, now: Timestamp) -> Timestamp {
    if time > now { time } else { Timestamp::MAX }
}

pub(super) const KEEP_STEPS: [u8; 5] = [4, 8, 16, 32, MOST_KEPT];
pub(super) const MOST_KEPT: u8 = 51;
