//! Two arms compared: absolutely, where decisions are made, and relative to the control, for display.
//!
//! **p-values and decisions belong on the absolute scale** (or that of the log-ratio). The delta method for a relative
//! lift takes the control's value for known where it divides by it; near a lift of -1 its variance shrinks with the
//! estimate, so that repeated looks at no effect find one far too often: 16 % at a conversion of one percent, 37 % on
//! revenue, where 5 % was meant.

use serde::{Deserialize, Serialize};

use super::Arm;
use crate::stats::evidence::welch_freedom;
use crate::stats::undefined::finite;
use crate::stats::{Alpha, Evidence, Interval, Undefined, normal_upper_quantile, normal_upper_tail};

/// The treatment's value less the control's, with the degrees of freedom of Welch and Satterthwaite.
///
/// # Errors
/// [`Undefined::EmptyArm`], [`Undefined::OneUnit`], or [`Undefined::ZeroVariance`] if neither arm varies.
///
/// ```
/// use bespoke::experiment::{Arm, difference};
/// let effect = difference(&Arm::new(10, 10.0, 0.25)?, &Arm::new(10, 10.5, 1.0)?)?;
/// assert!((effect.p() - 0.180_390_133_645).abs() < 1e-11); // scipy: ttest_ind_from_stats
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn difference(control: &Arm, treatment: &Arm) -> Result<Evidence, Undefined> {
    let freedom = freedom(control, treatment)?;
    let squared = control.squared_error() + treatment.squared_error();
    evidence(treatment.value() - control.value(), squared, control, treatment)?.freed(freedom)
}

/// The lift relative to the control's value, `(b - a) / |a|`, by the delta method, with Welch's degrees of freedom: the
/// convention of GrowthBook, for display.
///
/// # Errors
/// As [`difference`], and [`Undefined::ZeroBaseline`].
///
/// ```
/// use bespoke::experiment::{Arm, relative_lift};
/// let lift = relative_lift(&Arm::new(200, 2.0, 9.0)?, &Arm::new(200, 2.5, 16.0)?)?;
/// assert!((lift.estimate() - 0.25).abs() < 1e-15 && (lift.error() - 0.193_850_78).abs() < 1e-8);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn relative_lift(control: &Arm, treatment: &Arm) -> Result<Evidence, Undefined> {
    let freedom = freedom(control, treatment)?;
    let (a, b) = (control.value(), treatment.value());
    if a.abs() <= 0.0 {
        return Err(Undefined::ZeroBaseline);
    }
    let ratio = b / a;
    let squared = (treatment.squared_error() + control.squared_error() * ratio * ratio) / (a * a);
    evidence((b - a) / a.abs(), squared, control, treatment)?.freed(freedom)
}

/// The log of the treatment's value over the control's: a scale on which decisions are as good as on the absolute one.
///
/// # Errors
/// As [`difference`], and [`Undefined::NotPositive`] unless both values are above zero.
///
/// ```
/// use bespoke::{experiment::{Arm, as_lift, log_ratio}, stats::Alpha};
/// let ratio = log_ratio(&Arm::new(200, 2.0, 9.0)?, &Arm::new(200, 2.5, 16.0)?)?;
/// let lift = as_lift(ratio.interval(Alpha::new(0.1)?)); // where the lift lies
/// assert!(lift.low < 0.0 && (lift.high - 0.613_214).abs() < 1e-6);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn log_ratio(control: &Arm, treatment: &Arm) -> Result<Evidence, Undefined> {
    freedom(control, treatment)?;
    let (a, b) = (control.value(), treatment.value());
    if !(a > 0.0 && b > 0.0) {
        return Err(Undefined::NotPositive);
    }
    let squared = control.squared_error() / (a * a) + treatment.squared_error() / (b * b);
    evidence(libm::log(b / a), squared, control, treatment)
}

/// An interval of the log-ratio as one of the lift: `e^x - 1` at both ends.
#[must_use]
pub fn as_lift(interval: Interval) -> Interval {
    Interval { low: libm::expm1(interval.low), high: libm::expm1(interval.high) }
}

/// Where the lift lies by Fieller (1954), exact for normal values; `None` where the control's value cannot be told from
/// zero, so that the interval has no bounds.
///
/// # Errors
/// As [`relative_lift`].
///
/// ```
/// use bespoke::{experiment::{Arm, fieller}, stats::Alpha};
/// let lift = fieller(&Arm::new(200, 2.0, 9.0)?, &Arm::new(200, 2.5, 16.0)?, Alpha::new(0.1)?)?.unwrap();
/// assert!((lift.low + 0.036_950_26).abs() < 1e-8 && (lift.high - 0.615_432_46).abs() < 1e-8);
/// assert_eq!(fieller(&Arm::new(9, 0.1, 1.0)?, &Arm::new(9, 0.2, 1.0)?, Alpha::USUAL)?, None);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn fieller(control: &Arm, treatment: &Arm, alpha: Alpha) -> Result<Option<Interval>, Undefined> {
    relative_lift(control, treatment)?;
    let (z, a) = (alpha.z(), control.value());
    let (of_a, of_b) = (control.squared_error(), treatment.squared_error());
    let g = z * z * of_a / (a * a);
    if g >= 1.0 {
        return Ok(None);
    }
    let ratio = treatment.value() / a;
    let reach = z / a.abs() * libm::sqrt((of_b * (1.0 - g) + ratio * ratio * of_a).max(0.0)) / (1.0 - g);
    let center = (ratio - 1.0 + g) / (1.0 - g);
    Ok(Some(Interval::around(center, reach)))
}

/// Whether a treatment is not worse than the control by more than a margin (Schumi and Wittes, "Through the looking
/// glass: understanding non-inferiority", 2011). Higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonInferiority {
    /// How many standard errors the effect is above the lowest that is allowed.
    pub z: f64,
    /// How likely so high an effect is if the treatment is worse by the whole margin.
    pub p: f64,
    /// The effect is above this with confidence 1 - alpha, on one side.
    pub lower: f64,
    /// Whether that excludes the margin.
    pub holds: bool,
}

impl NonInferiority {
    /// Judges an effect against a margin, which is absolute, fixed before, and not negative; alpha is one-sided.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] for the margin.
    ///
    /// ```
    /// use bespoke::{experiment::NonInferiority, stats::{Alpha, Evidence}};
    /// let found = NonInferiority::new(&Evidence::new(-0.001, 0.003, 40_000)?, 0.01, Alpha::USUAL)?;
    /// assert!(found.holds && (found.z - 3.0).abs() < 1e-12);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn new(effect: &Evidence, margin: f64, alpha: Alpha) -> Result<Self, Undefined> {
        if !(margin >= 0.0 && margin.is_finite()) {
            return Err(Undefined::Parameter);
        }
        let z = (effect.estimate() + margin) / effect.error();
        let lower = effect.estimate() - normal_upper_quantile(alpha.value()) * effect.error();
        Ok(Self { z, p: normal_upper_tail(z), lower, holds: lower > -margin })
    }
}

/// A difference within strata, each weighted by its share of all units (Miratrix, Sekhon and Yu, "Adjusting treatment
/// effect estimates by post-stratification in randomized experiments", 2013): pairs of control and treatment.
///
/// # Errors
/// [`Undefined::NoUnits`] without strata, and as [`difference`] for each of them.
///
/// ```
/// use bespoke::experiment::{Arm, post_stratified};
/// let effect = post_stratified(&[
///     (Arm::new(1_000, 0.1, 0.09)?, Arm::new(1_000, 0.11, 0.0979)?),
///     (Arm::new(200, 0.3, 0.21)?, Arm::new(260, 0.33, 0.2211)?),
/// ])?;
/// assert!((effect.estimate() - (2_000.0 * 0.01 + 460.0 * 0.03) / 2_460.0).abs() < 1e-15);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn post_stratified(strata: &[(Arm, Arm)]) -> Result<Evidence, Undefined> {
    let units: u64 = strata.iter().map(|(a, b)| a.units() + b.units()).sum();
    if units == 0 {
        return Err(Undefined::NoUnits);
    }
    let (mut estimate, mut squared) = (0.0, 0.0);
    for (a, b) in strata {
        sizes(a, b)?;
        let weight = (a.units() + b.units()) as f64 / units as f64;
        estimate += weight * (b.value() - a.value());
        squared += weight * weight * (a.squared_error() + b.squared_error());
    }
    Evidence::new(estimate, libm::sqrt(squared), units)
}

/// A weighted sum of arms, such as a difference of differences: weights that sum to zero ask how they differ.
///
/// # Errors
/// [`Undefined::OneArm`] for fewer than two arms, [`Undefined::NotFinite`] for a weight, [`Undefined::EmptyArm`], and
/// [`Undefined::ZeroVariance`] if none varies.
///
/// ```
/// use bespoke::experiment::{Arm, contrast};
/// let arm = |value: f64| Arm::new(100, value, 1.0);
/// let effect = contrast(&[(1.0, arm(3.0)?), (-0.5, arm(1.0)?), (-0.5, arm(2.0)?)])?; // against the mean of two
/// assert!((effect.estimate() - 1.5).abs() < 1e-12 && (effect.error() - 0.015_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn contrast(arms: &[(f64, Arm)]) -> Result<Evidence, Undefined> {
    if arms.len() < 2 {
        return Err(Undefined::OneArm);
    }
    let (mut estimate, mut squared) = (0.0, 0.0);
    let mut units: u64 = 0;
    for (weight, arm) in arms {
        if arm.units() == 0 {
            return Err(Undefined::EmptyArm);
        }
        estimate += finite(*weight)? * arm.value();
        squared += weight * weight * arm.squared_error();
        units = units.saturating_add(arm.units());
    }
    Evidence::new(estimate, libm::sqrt(finite(squared)?), units)
}

pub(super) fn evidence(estimate: f64, squared: f64, control: &Arm, treatment: &Arm) -> Result<Evidence, Undefined> {
    Evidence::new(estimate, libm::sqrt(finite(squared)?), control.units().saturating_add(treatment.units()))
}

pub(super) fn freedom(control: &Arm, treatment: &Arm) -> Result<f64, Undefined> {
    sizes(control, treatment)?;
    if control.variance() <= 0.0 && treatment.variance() <= 0.0 {
        return Err(Undefined::ZeroVariance);
    }
    Ok(welch_freedom([(control.squared_error(), control.units()), (treatment.squared_error(), treatment.units())]))
}

fn sizes(control: &Arm, treatment: &Arm) -> Result<(), Undefined> {
    match control.units().min(treatment.units()) {
        0 => Err(Undefined::EmptyArm),
        1 => Err(Undefined::OneUnit),
        _ => Ok(()),
    }
}
