//! Sums of amounts: for the lifetime, and per bucket of time for windows.

use serde::{Deserialize, Serialize};

use super::Windowed;
use crate::sketch::ExactSum;
use crate::time::{Span, Timestamp};

/// Buckets are sorted by index, without repetition, and lie within `BUCKETS` of the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) total: ExactSum,
    /// The width of a bucket; zero if only the lifetime sum is asked for.
    pub(super) width: Span,
    pub(super) buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// The time divided by the width, rounded down.
    pub(super) index: i64,
    /// Millionths, saturating.
    pub(super) sum: i64,
}

impl Sum {
    pub(super) fn add(&mut self, bucket: Bucket) {
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

    pub(super) fn within(&self, window: Span, now: Timestamp) -> Windowed<f64> {
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

pub(super) fn micros(amount: f64) -> i64 {
    // A cast from `f64` saturates, and takes NaN for zero.
    libm::round(amount * MICROS) as i64
}

const MICROS: f64 = 1e6;
pub(super) const BUCKETS: i64 = 32;
