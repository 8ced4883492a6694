//! How many units it takes to tell an effect from chance, and how small an effect so many units tell.
//!
//! Sizes are real numbers, to be rounded up, and of the control arm; the treatment's is `ratio` times that.

use serde::{Deserialize, Serialize};

use super::undefined::{finite, positive};
use super::{
    Alpha, Undefined, noncentral_student_both_tails, normal_upper_quantile, normal_upper_tail, student_upper_quantile,
};

/// How surely an effect is to be told: errors of both kinds, and how the arms compare in size.
///
/// ```
/// use bespoke::stats::Sizing;
/// let sizing = Sizing::default(); // alpha 0.05 on both sides, power 0.8, equal arms
/// // Fleiss, Levin and Paik; R's power.prop.test gives the same.
/// assert!((sizing.pooled(0.1, 0.12)? - 3_840.847).abs() < 1e-3);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizing {
    /// How often no effect is taken for one, on both sides together.
    pub alpha: Alpha,
    /// How likely the effect is found if it is there, between alpha and 1.
    pub power: f64,
    /// Units in the treatment arm for each in the control arm, above 0.
    pub ratio: f64,
}

impl Default for Sizing {
    fn default() -> Self {
        Self { alpha: Alpha::USUAL, power: 0.8, ratio: 1.0 }
    }
}

impl Sizing {
    /// To tell two rates apart, each with its own variance: `(z_a + z_b)² (p₁q₁ + p₂q₂/k) / (p₂ - p₁)²`.
    ///
    /// # Errors
    /// [`Undefined::Rate`], [`Undefined::Power`], [`Undefined::Parameter`] for the ratio, and [`Undefined::NoEffect`].
    pub fn unpooled(&self, base: f64, other: f64) -> Result<f64, Undefined> {
        let (z_a, z_b) = self.quantiles()?;
        let (root, gap) = (z_a + z_b, gap(base, other)?);
        Ok(root * root * self.spread(base, other) / (gap * gap))
    }

    /// To tell two rates apart by the pooled test (Fleiss, Levin and Paik, "Statistical Methods for Rates and
    /// Proportions", third edition, 2003, equation 4.14, without correction for continuity).
    ///
    /// # Errors
    /// As [`Sizing::unpooled`].
    pub fn pooled(&self, base: f64, other: f64) -> Result<f64, Undefined> {
        let (z_a, z_b) = self.quantiles()?;
        let gap = gap(base, other)?;
        let mean = (base + self.ratio * other) / (1.0 + self.ratio);
        let of_alpha = z_a * libm::sqrt(mean * (1.0 - mean) * (1.0 + 1.0 / self.ratio));
        let root = (of_alpha + z_b * libm::sqrt(self.spread(base, other))) / gap;
        Ok(root * root)
    }

    /// To tell two rates apart on the scale of arcsines (Cohen's h).
    ///
    /// # Errors
    /// As [`Sizing::unpooled`].
    pub fn arcsine(&self, base: f64, other: f64) -> Result<f64, Undefined> {
        gap(base, other)?;
        let h = 2.0 * (libm::asin(libm::sqrt(other)) - libm::asin(libm::sqrt(base)));
        self.means(h)
    }

    /// To tell two means apart that differ by so many standard deviations, as if the deviation were known.
    ///
    /// # Errors
    /// As [`Sizing::unpooled`], and [`Undefined::NotFinite`].
    pub fn means(&self, effect: f64) -> Result<f64, Undefined> {
        let (z_a, z_b) = self.quantiles()?;
        if finite(effect)?.abs() <= 0.0 {
            return Err(Undefined::NoEffect);
        }
        let root = (z_a + z_b) / effect;
        Ok(root * root * (1.0 + 1.0 / self.ratio))
    }

    /// To tell two means apart by the t test with a pooled variance, from the noncentral t distribution.
    ///
    /// # Errors
    /// As [`Sizing::means`].
    ///
    /// ```
    /// // R: power.t.test(delta = 0.5, power = 0.8)
    /// let n = bespoke::stats::Sizing::default().means_exact(0.5)?;
    /// assert!((n - 63.765_61).abs() < 1e-4);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn means_exact(&self, effect: f64) -> Result<f64, Undefined> {
        let rough = self.means(effect)?;
        let power = |n: f64| {
            let freedom = n * (1.0 + self.ratio) - 2.0;
            let critical = student_upper_quantile(self.alpha.tail(), freedom);
            let shift = effect.abs() * libm::sqrt(n * self.ratio / (1.0 + self.ratio));
            noncentral_student_both_tails(critical, freedom, shift)
        };
        // At least a sliver of freedom, and never fewer than the normal form asks.
        let mut low = rough.max(2.0 / (1.0 + self.ratio) * (1.0 + 1e-6));
        let mut high = 2.0 * low + 10.0;
        while power(high) < self.power && high < 1e15 {
            (low, high) = (high, 2.0 * high);
        }
        while high - low > 1e-12 * high {
            let n = 0.5 * (low + high);
            if n <= low || n >= high {
                break;
            }
            if power(n) < self.power { low = n } else { high = n }
        }
        Ok(high)
    }

    /// The smallest effect, on either side, that an estimate with this standard error finds with the power asked.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] for the error, and [`Undefined::Power`].
    ///
    /// ```
    /// let effect = bespoke::stats::Sizing::default().detectable(0.2)?;
    /// assert!((effect - 0.560_316_36).abs() < 1e-8);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn detectable(&self, error: f64) -> Result<f64, Undefined> {
        let error = positive(error)?;
        let (z_a, z_b) = self.quantiles()?;
        // The far tail adds power, so that the effect is at most that of one side.
        let (mut low, mut high) = (0.0, (z_a + z_b).max(0.0));
        for _ in 0..200 {
            let shift = 0.5 * (low + high);
            if shift <= low || shift >= high {
                break;
            }
            if power_at(shift, self.alpha) < self.power { low = shift } else { high = shift }
        }
        Ok(high * error)
    }

    fn quantiles(&self) -> Result<(f64, f64), Undefined> {
        positive(self.ratio)?;
        if !(self.power > self.alpha.value() && self.power < 1.0) {
            return Err(Undefined::Power);
        }
        Ok((self.alpha.z(), normal_upper_quantile(1.0 - self.power)))
    }

    fn spread(&self, base: f64, other: f64) -> f64 {
        base * (1.0 - base) + other * (1.0 - other) / self.ratio
    }
}

/// How likely a two-sided z test finds an effect of so many standard errors: both tails.
///
/// ```
/// use bespoke::stats::{Alpha, power_at};
/// assert!((power_at(2.5, Alpha::USUAL) - 0.705_418_001).abs() < 1e-9);
/// ```
#[must_use]
pub fn power_at(shift: f64, alpha: Alpha) -> f64 {
    normal_upper_tail(alpha.z() - shift) + normal_upper_tail(alpha.z() + shift)
}

fn gap(base: f64, other: f64) -> Result<f64, Undefined> {
    if ![base, other].iter().all(|rate| *rate > 0.0 && *rate < 1.0) {
        return Err(Undefined::Rate);
    }
    let gap = other - base;
    if gap.abs() <= 0.0 { Err(Undefined::NoEffect) } else { Ok(gap) }
}

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
    /// How often no effect is taken for one.
    pub alpha: Alpha,
    /// How likely the effect is found if it is there, between 0 and 1.
    pub power: f64,
}

impl Default for Effect {
    /// A rise by a fifth from 5 %, at 95 % confidence and with a power of 80 %.
    fn default() -> Self {
        Self { base: 0.05, lift: 0.2, alpha: Alpha::USUAL, power: 0.8 }
    }
}

impl Effect {
    /// How many people each of two equal groups needs. `None` if one of the rates or the power does not lie between
    /// 0 and 1, or the lift is zero: no number of people finds that.
    #[must_use]
    pub fn people(&self) -> Option<u64> {
        let sizing = Sizing { alpha: self.alpha, power: self.power, ratio: 1.0 };
        // A cast from `f64` saturates.
        sizing.pooled(self.base, self.base * (1.0 + self.lift)).ok().map(|people| libm::ceil(people) as u64)
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
