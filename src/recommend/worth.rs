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
    pub(super) fn of(sum: &Popularity) -> Option<Self> {
        let (exponent, fraction) = sum.binary()?;
        Some(Self { exponent, fraction })
    }

    /// How much it is of another one that is not less: from 0 to 1.
    pub(super) fn ratio(&self, most: &Self) -> f64 {
        let mantissa = |of: &Self| f64::from_bits((1023 << 52) | of.fraction);
        let behind = most.exponent.saturating_sub(self.exponent);
        // The power of two is a normal number; what is less is nothing beside the other.
        let power =
            u64::try_from(behind).map_or(1.0, |b| if b <= 1022 { f64::from_bits((1023 - b) << 52) } else { 0.0 });
        mantissa(self) / mantissa(most) * power
    }
}

/// The epoch of a time: whole half-lives since 1970, kept to the range that sums keep it to.
pub(super) fn epoch_of(time: Timestamp, half_life: Span) -> i32 {
    let epoch = time.millis().div_euclid(half_life.millis().max(1));
    i32::try_from(epoch).unwrap_or(if epoch < 0 { i32::MIN } else { i32::MAX })
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
        /// Epochs range over all that a sum can hold.
        #[test]
        fn worth_orders_sums_as_they_order_themselves(
            a in (0.01..1e9, any::<i32>()), b in (0.01..1e9, any::<i32>()), apart in -60..60_i64,
        ) {
            let first = sum_of(&[(a.0, i64::from(a.1))]);
            for second in [sum_of(&[(b.0, i64::from(b.1))]), sum_of(&[(b.0, i64::from(a.1) + apart)])] {
                let (x, y) = (Worth::of(&first), Worth::of(&second));
                prop_assert!(x.is_some() && y.is_some());
                prop_assert_eq!(x.cmp(&y), first.total_cmp(&second));
            }
        }
    }

    #[test]
    fn ratios_are_those_of_the_sums() {
        let [most, less, far] = [(6.0, 9), (1.5, 7), (1.5, -2000)].map(|term| Worth::of(&sum_of(&[term])).unwrap());
        let whole = |ratio: f64| (ratio * 65_536.0).to_bits();
        assert_eq!(whole(less.ratio(&most)), whole(0.0625));
        assert_eq!(whole(most.ratio(&most)), whole(1.0));
        assert_eq!(whole(far.ratio(&most)), whole(0.0));
    }

    #[test]
    fn nothing_and_less_have_no_worth() {
        assert_eq!(Worth::of(&Popularity::default()), None);
        assert_eq!(Worth::of(&sum_of(&[(-1.0, 7)])), None);
    }
}
