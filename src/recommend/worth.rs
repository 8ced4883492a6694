//! Reads a decayed sum as an exact number, whatever its age.
//!
//! What a sum is worth today may lie outside the range of `f64`, and is rounded. What orders sums is
//! `base * 2^epoch`, which no `f64` holds either; as a binary exponent and a fraction it is exact, and two sums
//! compare by these as by [`Popularity::total_cmp`], at the cost of comparing two integers.

use crate::sketch::Popularity;
use crate::time::{Span, Timestamp};

/// A positive decayed sum as `(1 + fraction / 2^52) * 2^exponent`; greater is worth more, at any one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    exponent: i64,
    fraction: u64,
}

impl Worth {
    /// The worth of a sum, or `None` if it is not above zero.
    ///
    /// `near` is an epoch of which the sum's is probably within a few hundred half-lives; it only saves a search.
    pub(super) fn of(sum: &Popularity, near: i64) -> Option<Self> {
        if !is_positive(sum) {
            return None;
        }
        if let Some(worth) = Self::seen_from(sum, near) {
            return Some(worth);
        }
        // From too early an epoch the sum is infinite, from too late a one it vanishes.
        let (mut low, mut high) = (i64::from(i32::MIN), i64::from(i32::MAX));
        while low <= high {
            // Both fit an i32, so their sum cannot overflow.
            let middle = (low + high).div_euclid(2);
            match Self::seen_from(sum, middle) {
                Some(worth) => return Some(worth),
                None if at_epoch(sum, middle) > 1.0 => low = middle + 1,
                None => high = middle - 1,
            }
        }
        None
    }

    /// Exact, because the sum is scaled by a power of two only, unless it leaves the range of normal numbers.
    fn seen_from(sum: &Popularity, epoch: i64) -> Option<Self> {
        let value = at_epoch(sum, epoch);
        value.is_normal().then(|| {
            let bits = value.to_bits();
            // The exponent has 11 bits, so the cast is exact.
            Self { exponent: (bits >> 52) as i64 - 1023 + epoch, fraction: bits & ((1 << 52) - 1) }
        })
    }
}

/// Whether a sum is above zero. Sums of positive weights are; stored bytes may say otherwise.
pub(super) fn is_positive(sum: &Popularity) -> bool {
    sum.total_cmp(&Popularity::default()).is_gt()
}

/// A sum as it stands at the start of an epoch, that is, after so many whole half-lives since 1970.
///
/// With one millisecond for a half-life, epochs and times are the same number.
pub(super) fn at_epoch(sum: &Popularity, epoch: i64) -> f64 {
    sum.at(Timestamp::from_millis(epoch), Span::from_millis(1))
}

/// The epoch of a time: whole half-lives since 1970, kept to the range that sums keep it to.
pub(super) fn epoch_of(time: Timestamp, half_life: Span) -> i64 {
    time.millis().div_euclid(half_life.millis().max(1)).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum_of(terms: &[(f64, i64)]) -> Popularity {
        let mut sum = Popularity::default();
        for (weight, epoch) in terms {
            sum.add(*weight, Timestamp::from_millis(*epoch), Span::from_millis(1));
        }
        sum
    }

    proptest! {
        /// Epochs range over all that a sum can hold, so the search is exercised too.
        #[test]
        fn worth_orders_sums_as_they_order_themselves(
            a in (0.01..1e9, any::<i32>()), b in (0.01..1e9, any::<i32>()), near in any::<i32>(), apart in -60..60_i64,
        ) {
            let first = sum_of(&[(a.0, i64::from(a.1))]);
            for second in [sum_of(&[(b.0, i64::from(b.1))]), sum_of(&[(b.0, i64::from(a.1) + apart)])] {
                let (x, y) = (Worth::of(&first, i64::from(near)), Worth::of(&second, i64::from(near)));
                prop_assert!(x.is_some() && y.is_some());
                prop_assert_eq!(x.cmp(&y), first.total_cmp(&second));
                prop_assert_eq!(x, Worth::of(&first, i64::from(a.1)));
            }
        }
    }

    #[test]
    fn nothing_and_less_have_no_worth() {
        assert_eq!(Worth::of(&Popularity::default(), 0), None);
        assert_eq!(Worth::of(&sum_of(&[(-1.0, 7)]), 0), None);
    }
}
