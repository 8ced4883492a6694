//! A sum whose terms lose half their weight with every half-life, exact whatever the order of arrival.
//!
//! Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009) weighs a term at time t by g(t − L) for a fixed
//! landmark L, so that terms can be added in any order and only reading needs the present. Here g is 2^((t − L)/h).
//! The whole half-lives of the exponent are bit shifts and the fraction is rounded once, to [`FRACTION`] bits, so
//! the sum is an integer: adding commutes to the last bit, where a floating-point sum would not.
//!
//! `SPAN` half-lives are kept. A term that is older than that, beside a newer one, weighs less than one part in
//! 2^SPAN and is dropped; a sum that holds such terms and is then shifted beyond them drops their last bits. Below
//! that, `fold(xs ++ ys) == merge(fold(xs), fold(ys))` to the bit. Cost: 12 bytes, a multiplication and a shift.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// A decayed sum for one profile: 38 half-lives, terms up to 2^15 in total.
pub type Decayed = DecayedSum<38>;

/// A decayed sum for a whole population: 20 half-lives, up to 2^33 in total.
pub type Popularity = DecayedSum<20>;

/// A sum of weights, each halved for every half-life that has passed since.
///
/// The half-life is not stored: the owner passes the same one to every call.
///
/// ```
/// use bespoke::sketch::Decayed;
/// use bespoke::time::{Span, Timestamp};
/// let (t, day) = (Timestamp::from_millis(1_700_000_000_000), Span::days(1));
/// let mut sum = Decayed::default();
/// sum.add(3.0, t, day);
/// sum.add(1.0, t + day, day);
/// assert!((sum.at(t + day, day) - 2.5).abs() < 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, packed(4))]
pub struct DecayedSum<const SPAN: u32> {
    /// In units of 2^-(SPAN + FRACTION) at the start of `epoch`.
    sum: i64,
    /// Whole half-lives since 1970 of the newest term; `i32::MIN` before the first.
    epoch: i32,
}

impl<const SPAN: u32> Default for DecayedSum<SPAN> {
    fn default() -> Self {
        Self { sum: 0, epoch: i32::MIN }
    }
}

impl<const SPAN: u32> DecayedSum<SPAN> {
    /// Adds a weight at a time. Weights that are not finite count as nothing; a sum never leaves its range.
    pub fn add(&mut self, weight: f64, time: Timestamp, half_life: Span) {
        self.merge(Self::of(weight, time, half_life));
    }

    /// The sum of one weight, for who adds it to several sums.
    pub(crate) fn of(weight: f64, time: Timestamp, half_life: Span) -> Self {
        Self::of_moment(weight, Moment::new(time, half_life))
    }

    /// The sum of one weight, for who weighs several at one time.
    pub(crate) fn of_moment(weight: f64, moment: Moment) -> Self {
        if !weight.is_finite() {
            return Self::default();
        }
        let term = libm::round(weight * moment.growth * f64::from(1_u32 << FRACTION));
        let limit = i64::MAX >> SPAN;
        // A cast from `f64` saturates, so the shift cannot overflow after the clamp.
        Self { sum: (term as i64).clamp(-limit, limit) << SPAN, epoch: moment.epoch }
    }

    /// The bytes of the stored form: the sum, then the epoch, little endian.
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&{ self.sum }.to_le_bytes());
        bytes[8..].copy_from_slice(&{ self.epoch }.to_le_bytes());
        bytes
    }

    /// The sum with this stored form; any twelve bytes are one.
    pub(crate) fn from_bytes(bytes: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, epoch @ ..] = bytes;
        Self { sum: i64::from_le_bytes([a, b, c, d, e, f, g, h]), epoch: i32::from_le_bytes(epoch) }
    }

    /// Adds another sum that was kept with the same half-life.
    pub fn merge(&mut self, other: Self) {
        let (newer, older) = if self.epoch >= other.epoch { (*self, other) } else { (other, *self) };
        let behind = i64::from(newer.epoch) - i64::from(older.epoch);
        let faded = if behind < 63 { older.sum >> behind } else { 0 };
        *self = Self { sum: newer.sum.saturating_add(faded), epoch: newer.epoch };
    }

    /// The sum as it stands at a time.
    #[must_use]
    pub fn at(&self, now: Timestamp, half_life: Span) -> f64 {
        let h = half_life.millis().max(1);
        let ahead = (now.millis() as f64 / h as f64) - f64::from(self.epoch);
        self.base() * libm::exp2(-ahead)
    }

    /// The first time after `now` at which [`DecayedSum::at`] has faded to a threshold, to the millisecond, or below it
    /// where it is exactly there now; `None` if it is below already, or never comes there. Cost: some ten powers of two.
    #[must_use]
    pub fn fades_to(&self, threshold: f64, now: Timestamp, half_life: Span) -> Option<Timestamp> {
        let base = self.base();
        if threshold * base < 0.0 || threshold.is_nan() {
            return None;
        }
        let h = half_life.millis().max(1);
        let order = |millis: i64| self.at(Timestamp::from_millis(millis), half_life).abs().total_cmp(&threshold.abs());
        let is_equal = order(now.millis()).is_eq();
        let is_there = |millis: i64| if is_equal { order(millis).is_lt() } else { order(millis).is_le() };
        // After so many half-lives the largest sum is less than the smallest number.
        let end = self.newest(half_life).max(now).millis().saturating_add(h.saturating_mul(1200));
        let (mut before, mut after) = (now.millis(), end);
        if is_there(before) || !is_there(after) {
            return None;
        }
        // Solving the formula misses by its rounding; the search that follows does not. A cast saturates.
        let solved = (f64::from(self.epoch) + libm::log2(base / threshold)) * h as f64;
        let slack = 2 + h / 1_000_000_000;
        for near in [(solved as i64).saturating_sub(slack), (solved as i64).saturating_add(slack)] {
            if near > before && near < after {
                *(if is_there(near) { &mut after } else { &mut before }) = near;
            }
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            *(if is_there(middle) { &mut after } else { &mut before }) = middle;
        }
        Some(Timestamp::from_millis(after))
    }

    /// The start of the half-life in which the newest term lies; the earliest time there is before the first.
    #[must_use]
    pub fn newest(&self, half_life: Span) -> Timestamp {
        Timestamp::from_millis(i64::from(self.epoch).saturating_mul(half_life.millis().max(1)))
    }

    /// Whole half-lives since 1970 of the newest term.
    pub(crate) const fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The sum as it stands at the start of an epoch that is not before its own: [`DecayedSum::at`] to the bit, but
    /// whole half-lives need no powers.
    pub(crate) fn at_epoch(&self, epoch: i32) -> f64 {
        let behind = i64::from(epoch) - i64::from(self.epoch);
        match u64::try_from(behind) {
            // The power of two is a normal number.
            Ok(behind) if behind <= 1022 => self.base() * f64::from_bits((1023 - behind) << 52),
            _ => self.base() * libm::exp2(-(behind as f64)),
        }
    }

    /// A sum above zero as `(1 + fraction / 2^52) * 2^exponent`, at the start of epoch zero.
    pub(crate) fn binary(self) -> Option<(i64, u64)> {
        if self.sum <= 0 {
            return None;
        }
        // From 1 to 2^63: a normal number. The exponent has 11 bits, so the cast is exact.
        let bits = (self.sum as f64).to_bits();
        let exponent = (bits >> 52) as i64 - 1023 - i64::from(SPAN + FRACTION) + i64::from(self.epoch);
        Some((exponent, bits & ((1 << 52) - 1)))
    }

    /// Whether nothing has been added, or all of it has faded.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.sum == 0
    }

    /// Whether it is worth anything, and not against.
    pub(crate) const fn is_above_zero(&self) -> bool {
        let sum = self.sum;
        sum > 0
    }

    /// Orders two sums of the same half-life by what they are worth at any one time.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        let behind = (i64::from(self.epoch) - i64::from(other.epoch)).clamp(-2000, 2000);
        // A sum in its own epoch is 2^-48 at least, and so a normal number after so many half-lives more: the product is
        // exact.
        if (0..=900).contains(&behind) {
            return self.base().total_cmp(&(other.base() * f64::from_bits(((1023 - behind) as u64) << 52)));
        }
        // The difference fits an i32 by the clamp; beyond 1,074 half-lives the smaller one is zero anyway.
        if behind >= 0 {
            self.base().total_cmp(&libm::scalbn(other.base(), -(behind as i32)))
        } else {
            libm::scalbn(self.base(), behind as i32).total_cmp(&other.base())
        }
    }

    /// The sum at the start of its epoch.
    fn base(self) -> f64 {
        // An i64 loses its last 11 bits here: 52 leading ones remain, far finer than FRACTION.
        // The factor is 2^-(SPAN + FRACTION), so the product is exact.
        self.sum as f64 * f64::from_bits((1023 - (SPAN + FRACTION) as u64) << 52)
    }
}

/// A time in half-lives since 1970: what every weight of that time is decayed by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    epoch: i32,
    /// Two to the power of the part of a half-life since the epoch began.
    growth: f64,
}

impl Moment {
    pub(crate) fn new(time: Timestamp, half_life: Span) -> Self {
        let h = half_life.millis().max(1);
        let fraction = time.millis().rem_euclid(h) as f64 / h as f64;
        Self { epoch: epoch_of(time, h), growth: libm::exp2(fraction) }
    }
}

/// Bits that a term keeps below one: weights are exact to 0.05 %.
pub const FRACTION: u32 = 10;

fn epoch_of(time: Timestamp, half_life: i64) -> i32 {
    let epoch = time.millis().div_euclid(half_life);
    // Half-lives shorter than about half a second would overflow at present times; they stop at the last epoch.
    i32::try_from(epoch).unwrap_or(if epoch < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: Span = Span::days(1);

    fn sum_of(terms: &[(f64, i64)]) -> Decayed {
        let mut sum = Decayed::default();
        for (weight, time) in terms {
            sum.add(*weight, Timestamp::from_millis(*time), DAY);
        }
        sum
    }

    proptest! {
        /// Over thirty half-lives no order of arrival and no grouping changes a bit.
        #[test]
        fn order_and_grouping_do_not_matter(
            mut terms in prop::collection::vec((-9.0..9.0, 0..30 * 86_400_000_i64), 0..40),
            cut in 0..40_usize,
        ) {
            let whole = sum_of(&terms);
            let (left, right) = terms.split_at(cut.min(terms.len()));
            let mut merged = sum_of(left);
            merged.merge(sum_of(right));
            prop_assert_eq!(whole, merged);
            terms.reverse();
            prop_assert_eq!(whole, sum_of(&terms));
        }

        /// Each weight is rounded to 2^-11 of a unit at most, and doubles at most once by its fraction.
        #[test]
        fn it_equals_the_plain_formula(
            terms in prop::collection::vec((0.0..9.0, 0..30 * 86_400_000_i64), 0..40),
        ) {
            let now = 31 * 86_400_000;
            let plain: f64 = terms.iter().map(|(w, t)| w * libm::exp2((t - now) as f64 / 86_400_000.0)).sum();
            let bound: f64 = terms.iter().map(|(_, t)| libm::exp2((t - now) as f64 / 86_400_000.0) / 2048.0).sum();
            let kept = sum_of(&terms).at(Timestamp::from_millis(now), DAY);
            prop_assert!((plain - kept).abs() <= bound * 1.001 + 1e-12, "{} {}", plain, kept);
        }

        #[test]
        fn the_order_of_sums_is_the_order_of_their_worth(
            a in prop::collection::vec((0.0..9.0, 0..30 * 86_400_000_i64), 0..5),
            b in prop::collection::vec((0.0..9.0, 0..30 * 86_400_000_i64), 0..5),
        ) {
            let (a, b) = (sum_of(&a), sum_of(&b));
            let now = Timestamp::from_millis(31 * 86_400_000);
            prop_assert_eq!(a.total_cmp(&b), a.at(now, DAY).total_cmp(&b.at(now, DAY)));
        }
    }

    /// A weight of 8 is worth 1 after three half-lives, and less a millisecond later.
    #[test]
    fn the_time_at_which_a_sum_has_faded_is_found_to_the_millisecond() {
        let (mut sum, mut below, t) = (Decayed::default(), Decayed::default(), Timestamp::from_millis(0));
        sum.add(8.0, t, DAY);
        assert_eq!(sum.fades_to(1.0, t, DAY), Some(t + Span::days(3)));
        assert_eq!(sum.fades_to(8.0, t, DAY), Some(t + Span::from_millis(1)), "it is there, and falls below it");
        assert_eq!(sum.fades_to(8.1, t, DAY), None);
        assert_eq!(sum.fades_to(-1.0, t, DAY), None);
        below.add(-8.0, t, DAY);
        assert_eq!(below.fades_to(-1.0, t, DAY), Some(t + Span::days(3)));
        assert_eq!(Decayed::default().fades_to(1.0, t, DAY), None);
        // A power of two below 2^-1075 is zero.
        let gone = sum.fades_to(0.0, t, DAY).unwrap();
        assert!(gone > t + Span::days(1074) && gone < t + Span::days(1079));
        assert!(sum.at(gone, DAY).to_bits() == 0 && sum.at(gone - Span::from_millis(1), DAY) > 0.0);
    }

    proptest! {
        #[test]
        fn a_sum_is_above_the_threshold_until_it_has_faded_to_it(
            terms in prop::collection::vec((0.01..9.0, 0..30 * 86_400_000_i64), 1..9),
            threshold in 0.000_001..20.0,
            half_life in 60_000..100_000_000_000_i64,
        ) {
            let (h, mut sum) = (Span::from_millis(half_life), Decayed::default());
            for (weight, time) in &terms {
                sum.add(*weight, Timestamp::from_millis(*time), h);
            }
            let now = Timestamp::from_millis(30 * 86_400_000);
            match sum.fades_to(threshold, now, h) {
                None => prop_assert!(sum.at(now, h) <= threshold),
                Some(time) => {
                    prop_assert!(sum.at(time, h) <= threshold);
                    prop_assert!(sum.at(time - Span::from_millis(1), h) > threshold);
                    prop_assert!(time > now);
                }
            }
        }
    }

    #[test]
    fn extremes_neither_panic_nor_wrap() {
        let mut sum = Decayed::default();
        for weight in [f64::NAN, f64::INFINITY, f64::MAX, f64::MAX, -1.0] {
            for time in [i64::MIN, 0, i64::MAX] {
                sum.add(weight, Timestamp::from_millis(time), Span::from_millis(1));
                assert!(sum.at(Timestamp::MAX, Span::ZERO).is_finite());
            }
        }
        assert_eq!(size_of::<Decayed>(), 12);
    }
}
