//! Distinct values: exact up to 64 of them, a sketch per bucket of time beyond.

use serde::{Deserialize, Serialize};

use super::{Estimate, Grid};
use crate::profile::Frame;
use crate::time::{Span, Timestamp};

/// The values seen last, each with its last time; those that left go into a HyperLogLog (Flajolet, Fusy, Gandouet and
/// Meunier, 2007) of 128 registers for each bucket of time, with a standard error of 9.2 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Distinct {
    /// From when on all events are in.
    pub(super) since: Timestamp,
    grid: Grid,
    /// Sorted by time and value, at most [`SLOTS`], each value once.
    slots: Vec<Seen>,
    /// The newest time that left the slots.
    floor: Timestamp,
    buckets: Vec<Bucket>,
    lost: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Seen {
    time: Timestamp,
    value: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bucket {
    index: i64,
    registers: Registers,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
struct Registers(Box<[u8; REGISTERS]>);

impl TryFrom<Vec<u8>> for Registers {
    type Error = &'static str;
    fn try_from(bytes: Vec<u8>) -> Result<Self, &'static str> {
        let bytes: Box<[u8; REGISTERS]> =
            bytes.into_boxed_slice().try_into().map_err(|_| "registers of another size")?;
        if bytes.iter().any(|register| *register > 58) {
            return Err("a register beyond what 57 bits give");
        }
        Ok(Self(bytes))
    }
}

impl From<Registers> for Vec<u8> {
    fn from(registers: Registers) -> Self {
        registers.0.to_vec()
    }
}

impl Registers {
    fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    fn add(&mut self, value: u64) {
        // The values are hashes, but those of numbers are their own bits.
        let hash = crate::hash::combine(&[value]);
        let register = &mut self.0[(hash >> 57) as usize];
        // Of the 57 bits after the index: one more than the zeros that lead.
        let rank = ((hash << 7) | (1 << 6)).leading_zeros() as u8 + 1;
        *register = (*register).max(rank);
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = (*mine).max(*theirs);
        }
    }

    fn estimate(&self) -> f64 {
        let m = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|register| libm::exp2(-f64::from(*register))).sum();
        let raw = ALPHA * m * m / sum;
        let empty = self.0.iter().filter(|register| **register == 0).count();
        // Linear counting below 5/2 m, as in the paper.
        if raw <= 2.5 * m && empty > 0 { m * libm::log(m / empty as f64) } else { raw }
    }
}

impl Distinct {
    pub(super) const SLOT_BYTES: usize = size_of::<Seen>();

    pub(super) fn new(grid: Grid, since: Timestamp) -> Self {
        let (slots, buckets) = (Vec::new(), Vec::new());
        Self { since, grid, slots, floor: Timestamp::MIN, buckets, lost: Timestamp::MIN }
    }

    pub(super) fn observe(&mut self, time: Timestamp, value: u64) {
        if let Some(at) = self.slots.iter().position(|seen| seen.value == value) {
            if self.slots[at].time >= time {
                return;
            }
            self.slots.remove(at);
        }
        let seen = Seen { time, value };
        let place = self.slots.partition_point(|other| *other < seen);
        if self.slots.len() < SLOTS {
            super::reserve(&mut self.slots);
            self.slots.insert(place, seen);
            return;
        }
        let leaves = match place.checked_sub(1) {
            None => seen,
            Some(before) => {
                let oldest = self.slots[0];
                self.slots.copy_within(1..place, 0);
                self.slots[before] = seen;
                oldest
            }
        };
        self.floor = self.floor.max(leaves.time);
        let index = if self.grid.width.is_zero() { 0 } else { self.grid.index(leaves.time) };
        if let Some(bucket) = self.bucket(index) {
            bucket.registers.add(leaves.value);
        }
    }

    /// The bucket with this index; `None` if it is out of reach.
    fn bucket(&mut self, index: i64) -> Option<&mut Bucket> {
        let newest = self.buckets.last().map_or(index, |last| last.index.max(index));
        let oldest = self.grid.oldest(newest);
        if self.buckets.first().is_some_and(|first| first.index < oldest) || index < oldest {
            self.lost = self.lost.max(self.grid.begins(oldest));
            self.buckets.retain(|kept| kept.index >= oldest);
        }
        if index < oldest {
            return None;
        }
        let place = match self.buckets.binary_search_by_key(&index, |kept| kept.index) {
            Ok(place) => place,
            Err(place) => {
                self.buckets.reserve_exact(1);
                self.buckets.insert(place, Bucket { index, registers: Registers::new() });
                place
            }
        };
        self.buckets.get_mut(place)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.since = self.since.max(other.since);
        self.floor = self.floor.max(other.floor);
        self.lost = self.lost.max(other.lost);
        for seen in &other.slots {
            self.observe(seen.time, seen.value);
        }
        for theirs in &other.buckets {
            if let Some(bucket) = self.bucket(theirs.index) {
                bucket.registers.merge(&theirs.registers);
            }
        }
    }

    pub(super) fn read(&self, frame: &Frame) -> Estimate {
        let inside = self.slots.iter().filter(|seen| frame.contains(seen.time));
        let oldest = inside.clone().next().map_or(Timestamp::MAX, |seen| frame.leaves(seen.time));
        let next = self.slots.iter().find(|seen| seen.time > frame.end);
        let next = next.map_or(Timestamp::MAX, |seen| frame.enters(seen.time));
        let mut until = frame.until.min(oldest).min(next);
        let missing = self.since.max(if self.floor > frame.start { self.lost } else { Timestamp::MIN });
        let known = missing == Timestamp::MIN || missing <= frame.start + Span::from_millis(1);
        let (value, error) = if self.floor <= frame.start {
            (inside.count() as f64, 0.0)
        } else {
            let mut union = Registers::new();
            for bucket in &self.buckets {
                let begins = if self.grid.width.is_zero() { Timestamp::MIN } else { self.grid.begins(bucket.index) };
                if self.grid.width.is_zero() || (begins > frame.start && begins <= frame.end) {
                    union.merge(&bucket.registers);
                    until = until.min(frame.leaves(begins));
                } else if begins > frame.end {
                    until = until.min(frame.enters(begins));
                }
            }
            inside.clone().for_each(|seen| union.add(seen.value));
            // What is in slots is certain, whatever the sketch says.
            let value = libm::round(union.estimate()).max(inside.count() as f64);
            until = until.min(frame.leaves(self.floor));
            (value, 2.0 * ERROR * value)
        };
        // A value that is seen again ahead of the present hides its earlier time.
        let hidden = self.slots.iter().rev().take_while(|seen| seen.time > frame.end).count() as f64;
        let high = if known { value + error + hidden } else { f64::INFINITY };
        Estimate { value: Some(value), low: value - error, high, known, until }
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.slots.last().map(|seen| seen.time)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let bucket = size_of::<Bucket>() + REGISTERS;
        size_of::<Self>() + self.slots.capacity() * size_of::<Seen>() + self.buckets.capacity() * bucket
    }

    pub(super) fn worst_bytes(grid: Grid) -> usize {
        let bucket = size_of::<Bucket>() + REGISTERS;
        size_of::<Self>() + SLOTS * size_of::<Seen>() + usize::from(grid.most.max(1)) * bucket
    }

    pub(super) fn is_sound(&self) -> bool {
        let mut values: Vec<u64> = self.slots.iter().map(|seen| seen.value).collect();
        values.sort_unstable();
        let reach = match (self.buckets.first(), self.buckets.last()) {
            (Some(first), Some(last)) => last.index.saturating_sub(first.index),
            _ => 0,
        };
        self.slots.len() <= SLOTS
            && self.slots.is_sorted()
            && values.windows(2).all(|pair| pair[0] != pair[1])
            && self.buckets.is_sorted_by(|a, b| a.index < b.index)
            && reach < i64::from(self.grid.most.max(1))
    }
}

/// How many values are kept one by one.
const SLOTS: usize = 64;
const REGISTERS: usize = 128;
/// The constant of the paper for 128 registers.
const ALPHA: f64 = 0.7213 / (1.0 + 1.079 / 128.0);
/// 1.04 / √128.
const ERROR: f64 = 0.092;
