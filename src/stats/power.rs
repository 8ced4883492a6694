//! How many people it takes to tell two rates apart.
//!
//! The size of each group is that of Fleiss, Levin and Paik ("Statistical Methods for Rates and Proportions", third
//! edition, 2003, equation 4.14, without correction for continuity), which R's `power.prop.test` gives too:
//!
//! `n = (z_{α/2} √(2 p̄ q̄) + z_β √(p₁ q₁ + p₂ q₂))² / (p₂ - p₁)²`, with `p̄` the mean of the two rates.

use serde::{Deserialize, Serialize};

use super::{Level, normal_upper_quantile};

/// What an experiment is to tell: by how much a rate rises, and how surely.
///
/// ```
/// use bespoke::stats::Effect;
/// // From 5 % to 6 %, with the usual confidence and power.
/// let effect = Effect { base: 0.05, lift: 0.2, ..Effect::default() };
/// assert_eq!(effect.people(), Some(8_158)); // in each of two groups
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The share of people who do it anyway, between 0 and 1.
    pub base: f64,
    /// By which part of itself the share rises or falls: 0.2 is from 5 % to 6 %.
    pub lift: f64,
    /// How seldom no effect is taken for one: 0.95 is once in twenty tests.
    pub level: Level,
    /// How likely the effect is found if it is there, between 0 and 1.
    pub power: f64,
}

impl Default for Effect {
    /// A rise by a fifth from 5 %, at a level of 95 % and with a power of 80 %.
    fn default() -> Self {
        Self { base: 0.05, lift: 0.2, level: Level::USUAL, power: 0.8 }
    }
}

impl Effect {
    /// How many people each of two equal groups needs. `None` if one of the rates or the power does not lie between
    /// 0 and 1, or the lift is zero: no number of people finds that.
    #[must_use]
    pub fn people(&self) -> Option<u64> {
        let (p1, p2) = (self.base, self.base * (1.0 + self.lift));
        let inside = |share: f64| share > 0.0 && share < 1.0;
        if !(inside(p1) && inside(p2) && inside(self.power)) || self.lift == 0.0 {
            return None;
        }
        let mean = 0.5 * (p1 + p2);
        let of_level = normal_upper_quantile(self.level.tail()) * libm::sqrt(2.0 * mean * (1.0 - mean));
        let of_power = normal_upper_quantile(1.0 - self.power) * libm::sqrt(p1 * (1.0 - p1) + p2 * (1.0 - p2));
        let root = (of_level + of_power) / (p2 - p1);
        // A cast from `f64` saturates.
        Some(libm::ceil(root * root) as u64)
    }

    /// The smallest rise that two groups of this many people each tell, as a part of the base rate; `None` if they
    /// are too small for any, or the settings are such as [`Effect::people`] refuses.
    ///
    /// ```
    /// use bespoke::stats::Effect;
    /// let lift = Effect::default().detectable(8_158).unwrap();
    /// assert!((lift - 0.2).abs() < 1e-4);
    /// ```
    #[must_use]
    pub fn detectable(&self, people: u64) -> Option<f64> {
        let enough = |lift: f64| Self { lift, ..*self }.people().map(|needed| needed <= people);
        // Up to a rate of nearly one; what a group needs falls as the lift rises.
        let mut high = (1.0 - 1e-9) / self.base - 1.0;
        if enough(high) != Some(true) {
            return None;
        }
        let mut low = 0.0;
        for _ in 0..60 {
            let lift = 0.5 * (low + high);
            if enough(lift) == Some(true) { high = lift } else { low = lift }
        }
        Some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first from the manual of R's `power.prop.test` (n = 76.7), the others by the formula in 40 digits.
    #[test]
    fn sizes_are_those_of_r() {
        let people = |base: f64, other: f64, power: f64| {
            Effect { base, lift: other / base - 1.0, power, ..Effect::default() }.people()
        };
        assert_eq!(people(0.5, 0.75, 0.9), Some(77));
        assert_eq!(people(0.05, 0.06, 0.8), Some(8_158));
        // A fall is told from as many people as the rise that it undoes.
        assert_eq!(people(0.06, 0.05, 0.8), Some(8_158));
    }

    #[test]
    fn what_no_number_of_people_finds_is_none() {
        for effect in [
            Effect { lift: 0.0, ..Effect::default() },
            Effect { base: 0.0, ..Effect::default() },
            Effect { base: 0.9, lift: 0.2, ..Effect::default() },
            Effect { power: 1.0, ..Effect::default() },
            Effect { base: f64::NAN, ..Effect::default() },
        ] {
            assert_eq!(effect.people(), None, "{effect:?}");
        }
        assert_eq!(Effect::default().detectable(2), None);
    }

    #[test]
    fn smaller_groups_tell_only_larger_effects() {
        let mut last = 0.0;
        for people in [1_000_000, 10_000, 1_000, 100, 30] {
            let lift = Effect::default().detectable(people).unwrap();
            assert!(lift > last, "{people} {lift}");
            assert!(Effect { lift, ..Effect::default() }.people().unwrap() <= people);
            last = lift;
        }
    }
}
