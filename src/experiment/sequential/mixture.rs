//! The normal mixture (Robbins, 1970; Johari, Koomen, Pekelis and Walsh, "Always valid inference", 2022; Waudby-Smith,
//! Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory", 2021).
//!
//! The e-value is the likelihood of the estimate under effects spread normally by τ over its likelihood under none. With
//! `r = τ²/se²`, its log is `r z² / (2 (1 + r)) - ln(1 + r) / 2`. Under no effect it exceeds `1/alpha` at any time with
//! probability at most alpha, so that one may look after every unit. mSPRT, GrowthBook's sequential test and the
//! asymptotic confidence sequence are this same boundary and differ in the tuning of `r` alone. **Asymptotic**: it
//! takes the estimate for normal and its error for known, which needs some units before the first look.

use serde::{Deserialize, Serialize};

use crate::stats::functions::above_log;
use crate::stats::undefined::positive;
use crate::stats::{Alpha, Evidence, Interval, Undefined};

/// Always-valid p-values and intervals, by the normal mixture. Read them on the absolute scale or that of the log-ratio.
///
/// ```
/// use bespoke::{experiment::AlwaysValid, stats::{Alpha, Evidence}};
/// let watch = AlwaysValid::planned(62_000, Alpha::USUAL)?; // units of both arms
/// let effect = Evidence::new(0.009, 0.002, 50_000)?;
/// assert!(watch.p(&effect) < 0.001 && watch.p(&effect) > effect.p());
/// assert!(watch.interval(&effect, Alpha::USUAL).low > 0.0);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlwaysValid(Tuning);

/// How `r` comes from an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tuning {
    /// τ on the scale of the estimate.
    Spread(f64),
    /// `r` per unit: the effects that are thought of shrink as the estimate's own scale does.
    PerUnit(f64),
}

impl AlwaysValid {
    /// Tuned for a plan of so many units in all arms: at half of it, which has the same power at the plan as tuning at
    /// the plan itself, and stops earlier on larger effects.
    ///
    /// # Errors
    /// [`Undefined::NoUnits`] for a plan of nobody.
    pub fn planned(units: u64, alpha: Alpha) -> Result<Self, Undefined> {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        Self::at(0.5 * units as f64, optimal_ratio(alpha))
    }

    /// Tuned where there is no plan: at 10,000 units in all arms.
    #[must_use]
    pub fn unplanned(alpha: Alpha) -> Self {
        Self(Tuning::PerUnit(optimal_ratio(alpha) / UNPLANNED))
    }

    /// Tuned so that the boundary is lowest after so many units, with the ratio that is wanted there:
    /// [`optimal_ratio`], or [`approximate_ratio`] for what GrowthBook and confseq use.
    ///
    /// # Errors
    /// [`Undefined::NoUnits`] unless there are some, and [`Undefined::Parameter`] for a ratio not above zero.
    pub fn at(units: f64, ratio: f64) -> Result<Self, Undefined> {
        if !(units > 0.0 && units.is_finite()) {
            return Err(Undefined::NoUnits);
        }
        Ok(Self(Tuning::PerUnit(positive(ratio)? / units)))
    }

    /// With effects spread by τ, on the scale of the estimate: the mixture sequential probability ratio test.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless τ is finite and above zero.
    pub fn spread(tau: f64) -> Result<Self, Undefined> {
        Ok(Self(Tuning::Spread(positive(tau)?)))
    }

    /// `r`, the variance of the effects thought of over that of the estimate.
    #[must_use]
    pub fn ratio(&self, effect: &Evidence) -> f64 {
        match self.0 {
            Tuning::Spread(tau) => {
                let root = tau / effect.error();
                root * root
            }
            // Even nobody counts as one, so that the boundary is finite.
            Tuning::PerUnit(share) => effect.units().max(1) as f64 * share,
        }
    }

    /// The root of [`AlwaysValid::ratio`] per unit, which GrowthBook and Waudby-Smith et al. call ρ.
    #[must_use]
    pub fn root_per_unit(&self, effect: &Evidence) -> f64 {
        libm::sqrt(self.ratio(effect) / effect.units().max(1) as f64)
    }

    /// The log of the e-value: how much likelier the estimate is under some effect than under none.
    #[must_use]
    pub fn ln_e_value(&self, effect: &Evidence) -> f64 {
        let (r, z) = (self.ratio(effect), effect.z());
        0.5 * (r / (1.0 + r) * z * z - libm::log1p(r))
    }

    /// The always-valid p-value of this look alone; what is reported is the smallest so far ([`SmallestP`]).
    #[must_use]
    pub fn p(&self, effect: &Evidence) -> f64 {
        libm::exp(-self.ln_e_value(effect)).min(1.0)
    }

    /// The always-valid p-value of this look alone where only an effect above zero was asked, before the first look
    /// (Waudby-Smith et al., 2021): the smallest alpha at which [`AlwaysValid::one_sided_half_width`] excludes zero.
    /// Tune it with twice alpha.
    #[must_use]
    pub fn p_above(&self, effect: &Evidence) -> f64 {
        let (r, z) = (self.ratio(effect), effect.z());
        if z <= 0.0 {
            return 1.0;
        }
        (0.5 * libm::sqrt(1.0 + r) / libm::expm1(0.5 * r / (1.0 + r) * z * z)).min(1.0)
    }

    /// By how much the estimate may be off on either side, at all looks together.
    #[must_use]
    pub fn half_width(&self, effect: &Evidence, alpha: Alpha) -> f64 {
        boundary_z(self.ratio(effect), alpha) * effect.error()
    }

    /// Where the effect lies, at all looks together.
    #[must_use]
    pub fn interval(&self, effect: &Evidence, alpha: Alpha) -> Interval {
        Interval::around(effect.estimate(), self.half_width(effect, alpha))
    }

    /// By how much the estimate may be off on one side that was chosen before, at all looks together
    /// (Waudby-Smith et al., 2021). Tune it with twice alpha.
    #[must_use]
    pub fn one_sided_half_width(&self, effect: &Evidence, alpha: Alpha) -> f64 {
        let r = self.ratio(effect);
        let inside = libm::log1p(0.5 * libm::sqrt(1.0 + r) / alpha.value());
        effect.error() * libm::sqrt(2.0 * (1.0 + 1.0 / r) * inside)
    }
}

/// By how many standard errors the mixture with ratio `r` lets an estimate be off:
/// `√((1 + 1/r) (2 ln(1/alpha) + ln(1 + r)))`.
///
/// ```
/// use bespoke::{experiment::{boundary_z, optimal_ratio}, stats::Alpha};
/// assert!((boundary_z(optimal_ratio(Alpha::USUAL), Alpha::USUAL) - 3.035).abs() < 1e-3);
/// ```
#[must_use]
pub fn boundary_z(r: f64, alpha: Alpha) -> f64 {
    libm::sqrt((1.0 + 1.0 / r) * (libm::log1p(r) - 2.0 * libm::log(alpha.value())))
}

/// The ratio at which the boundary is lowest, `-W₋₁(-alpha²/e) - 1` (Howard, Ramdas, McAuliffe and Sekhon, 2021).
///
/// ```
/// use bespoke::{experiment::optimal_ratio, stats::Alpha};
/// assert!((optimal_ratio(Alpha::USUAL) - 8.212).abs() < 1e-3);
/// ```
#[must_use]
pub fn optimal_ratio(alpha: Alpha) -> f64 {
    // With W = -1 - u it is the u of u - ln(1 + u) = -2 ln alpha.
    above_log(-2.0 * libm::log(alpha.value()))
}

/// The approximation of [`optimal_ratio`] that GrowthBook and confseq use, `-2 ln alpha + ln(1 - 2 ln alpha)`.
#[must_use]
pub fn approximate_ratio(alpha: Alpha) -> f64 {
    let y = -2.0 * libm::log(alpha.value());
    y + libm::log1p(y)
}

/// The smallest p-value of all looks so far, which always-valid inference may report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmallestP(f64);

impl Default for SmallestP {
    fn default() -> Self {
        Self(1.0)
    }
}

impl SmallestP {
    /// Takes in the p-value of a look, and gives the smallest so far.
    pub fn observe(&mut self, p: f64) -> f64 {
        // A NaN is never the smaller.
        self.0 = self.0.min(p).max(0.0);
        self.0
    }

    /// The smallest so far; one before the first look.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// Units in all arms where nothing is planned.
const UNPLANNED: f64 = 10_000.0;
