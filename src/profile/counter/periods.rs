//! In which days or weeks something happened: a bit for each.

use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::profile::Frame;
use crate::profile::window::{day_of, monday_of, start_of};
use crate::time::{Span, Timestamp};

/// A calendar day or week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
}

/// The days or weeks with an event, as bits by their number since 1970; the newest 2,048 or so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Periods {
    /// From when on all events are in.
    pub(super) since: Timestamp,
    period: Period,
    offset: i32,
    /// Sorted by the number of the word, none empty.
    words: Vec<(i32, u64)>,
    /// What lies before this word has left.
    lost: i32,
}

impl Periods {
    pub(super) const WORD_BYTES: usize = size_of::<(i32, u64)>();

    pub(super) const fn new(period: Period, offset: i32, since: Timestamp) -> Self {
        Self { since, period, offset, words: Vec::new(), lost: i32::MIN }
    }

    fn index(&self, time: Timestamp) -> i64 {
        let day = day_of(time, self.offset);
        match self.period {
            Period::Day => day,
            Period::Week => (monday_of(day) + 3).div_euclid(7),
        }
    }

    fn begins(&self, index: i64) -> Timestamp {
        match self.period {
            Period::Day => start_of(index, self.offset),
            Period::Week => start_of(index.saturating_mul(7).saturating_sub(3), self.offset),
        }
    }

    pub(super) fn observe(&mut self, time: Timestamp) {
        let index = self.index(time);
        // Plausible times have far fewer than 2^31 words.
        self.set(index.div_euclid(64) as i32, 1 << index.rem_euclid(64));
    }

    fn set(&mut self, word: i32, bits: u64) {
        let newest = self.words.last().map_or(word, |last| last.0.max(word));
        let oldest = newest.saturating_sub(WORDS - 1);
        if self.words.first().is_some_and(|first| first.0 < oldest) || word < oldest {
            self.lost = self.lost.max(oldest);
            self.words.retain(|kept| kept.0 >= oldest);
        }
        if word < oldest {
            return;
        }
        match self.words.binary_search_by_key(&word, |kept| kept.0) {
            Ok(place) => self.words[place].1 |= bits,
            Err(place) => {
                self.words.reserve_exact(1);
                self.words.insert(place, (word, bits));
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.since = self.since.max(other.since);
        self.lost = self.lost.max(other.lost);
        for (word, bits) in &other.words {
            self.set(*word, *bits);
        }
    }

    /// How many periods with an event overlap the frame.
    pub(super) fn read(&self, frame: &Frame) -> Estimate {
        let (low, high) =
            (if frame.is_ever() { i64::MIN } else { self.index(frame.start + MILLISECOND) }, self.index(frame.end));
        let mut count = 0_u32;
        let mut next = Timestamp::MAX;
        for (word, bits) in &self.words {
            for bit in 0..64 {
                if bits >> bit & 1 == 0 {
                    continue;
                }
                let index = i64::from(*word) * 64 + bit;
                if index > high {
                    next = next.min(self.begins(index));
                } else if index >= low {
                    count += 1;
                }
            }
        }
        let lost = if self.lost == i32::MIN { Timestamp::MIN } else { self.begins(i64::from(self.lost) * 64) };
        let missing = self.since.max(lost);
        let known = missing == Timestamp::MIN || missing <= frame.start + MILLISECOND;
        let value = f64::from(count);
        let high = if known { value } else { f64::INFINITY };
        Estimate { value: Some(value), low: value, high, known, until: frame.until.min(next) }
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        let (word, bits) = self.words.last()?;
        Some(self.begins(i64::from(*word) * 64 + 63 - i64::from(bits.leading_zeros())))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.words.capacity() * size_of::<(i32, u64)>()
    }

    pub(super) const fn worst_bytes() -> usize {
        size_of::<Self>() + WORDS as usize * size_of::<(i32, u64)>()
    }

    pub(super) fn is_sound(&self) -> bool {
        let reach = match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => last.0.saturating_sub(first.0),
            _ => 0,
        };
        self.words.is_sorted_by(|a, b| a.0 < b.0)
            && (0..WORDS).contains(&reach)
            && self.words.iter().all(|word| word.1 != 0)
    }
}

const MILLISECOND: Span = Span::from_millis(1);
/// 33 words of 64 days cover five years.
const WORDS: i32 = 33;
