//! Variance removed by what was known of each unit before (CUPED; Deng, Xu, Kohavi and Walker, "Improving the
//! sensitivity of online controlled experiments by utilizing pre-experiment data", 2013).
//!
//! The slope comes from both arms together; where the covariate does not vary it is zero, and nothing changes. How much
//! variance goes is reported, never promised: on data whose past says little it is a percent or less.

use serde::{Deserialize, Serialize};

use super::compare::{evidence, freedom};
use super::{Arm, difference};
use crate::stats::{Evidence, JointMoments, Undefined};

/// A comparison adjusted for a covariate.
///
/// ```
/// use bespoke::experiment::Adjusted;
/// use bespoke::stats::JointMoments;
/// let arm = |shift: f64| {
///     let mut arm = JointMoments::default();
///     (0..100).for_each(|i| {
///         let before = f64::from(i % 10);
///         arm.observe([2.0 * before + f64::from(i % 3) + shift, before]); // metric, covariate
///     });
///     arm
/// };
/// let found = Adjusted::mean(&arm(0.0), &arm(0.5))?;
/// assert!((found.difference.estimate() - 0.5).abs() < 1e-12 && found.variance_reduction > 0.9);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    /// By how much the metric rises with the covariate, in both arms together.
    pub theta: f64,
    /// The control, adjusted. Only differences between adjusted values mean something.
    pub control: Arm,
    /// The treatment, adjusted.
    pub treatment: Arm,
    /// The difference of the adjusted values.
    pub difference: Evidence,
    /// That relative to the control's unadjusted value; `None` where this is zero. For display.
    pub lift: Option<Evidence>,
    /// Which share of the squared error the covariate removed; negative where it added some.
    pub variance_reduction: f64,
}

impl Adjusted {
    /// A mean: number 0 is the metric, number 1 the covariate.
    ///
    /// # Errors
    /// As [`difference`].
    pub fn mean(control: &JointMoments<2>, treatment: &JointMoments<2>) -> Result<Self, Undefined> {
        let mut stacked = *control;
        stacked.merge(treatment);
        let theta = slope(stacked.covariance(0, 1), stacked.variance(1));
        let part = |of: &JointMoments<2>| Part {
            units: of.count(),
            value: of.mean(0),
            before: of.mean(1),
            variance: of.variance(0),
            variance_before: of.variance(1),
            covariance: of.covariance(0, 1),
        };
        let (a, b) = (part(control), part(treatment));
        // GrowthBook's error of the lift leaves the covariates' own gap out of the slope by the control's value.
        Self::new(theta, &a, &b, |a, b, _| b.value / a.value)
    }

    /// A ratio of sums with the same ratio before as its covariate, by the delta method (GrowthBook's
    /// regression-adjusted ratio): numbers 0 and 1 are its numerator and denominator, 2 and 3 those before.
    ///
    /// # Errors
    /// As [`difference`], and [`Undefined::ZeroBaseline`] for a denominator of zero.
    pub fn ratio(control: &JointMoments<4>, treatment: &JointMoments<4>) -> Result<Self, Undefined> {
        let part = |of: &JointMoments<4>| {
            let (m, d, n, e) = (of.mean(0), of.mean(1), of.mean(2), of.mean(3));
            if of.count() == 0 {
                return Err(Undefined::EmptyArm);
            }
            if d.abs() <= 0.0 || e.abs() <= 0.0 {
                return Err(Undefined::ZeroBaseline);
            }
            let now = [1.0 / d, -m / (d * d), 0.0, 0.0];
            let before = [0.0, 0.0, 1.0 / e, -n / (e * e)];
            Ok(Part {
                units: of.count(),
                value: m / d,
                before: n / e,
                variance: of.variance_along(&now).max(0.0),
                variance_before: of.variance_along(&before).max(0.0),
                covariance: of.covariance_along(&now, &before),
            })
        };
        let (a, b) = (part(control)?, part(treatment)?);
        let theta = slope(a.covariance + b.covariance, a.variance_before + b.variance_before);
        Self::new(theta, &a, &b, |_, _, lift| 1.0 + lift)
    }

    /// `slope` is by how much the lift falls as the control's value rises, in parts of that.
    fn new(theta: f64, a: &Part, b: &Part, slope: fn(&Part, &Part, f64) -> f64) -> Result<Self, Undefined> {
        let plain = difference(&Arm::new(a.units, a.value, a.variance)?, &Arm::new(b.units, b.value, b.variance)?)?;
        let (control, treatment) = (a.adjusted(theta)?, b.adjusted(theta)?);
        let difference = difference(&control, &treatment)?;
        let shrink = difference.error() / plain.error();
        Ok(Self {
            theta,
            control,
            treatment,
            difference,
            lift: if a.value.abs() > 0.0 {
                Some(lift(theta, a, &control, &treatment, |lift| slope(a, b, lift))?)
            } else {
                None
            },
            variance_reduction: 1.0 - shrink * shrink,
        })
    }
}

/// What one arm contributes: its value now and before, and how the two vary together per unit.
struct Part {
    units: u64,
    value: f64,
    before: f64,
    variance: f64,
    variance_before: f64,
    covariance: f64,
}

impl Part {
    fn adjusted(&self, theta: f64) -> Result<Arm, Undefined> {
        let variance = self.variance + theta * theta * self.variance_before - 2.0 * theta * self.covariance;
        // Rounding may take what is fully explained below zero.
        Arm::new(self.units, self.value - theta * self.before, variance.max(0.0))
    }
}

/// The relative lift, whose error knows that the control's value and its covariate vary together.
fn lift(
    theta: f64,
    a: &Part,
    control: &Arm,
    treatment: &Arm,
    slope: impl Fn(f64) -> f64,
) -> Result<Evidence, Undefined> {
    let estimate = (treatment.value() - control.value()) / a.value.abs();
    // Relative to a control below zero the value and its slope change sign together.
    let slope = slope((treatment.value() - control.value()) / a.value);
    let of_control =
        a.variance * slope * slope - 2.0 * theta * a.covariance * slope + theta * theta * a.variance_before;
    let squared = (treatment.squared_error() + of_control.max(0.0) / a.units as f64) / (a.value * a.value);
    evidence(estimate, squared, control, treatment)?.freed(freedom(control, treatment)?)
}

fn slope(covariance: f64, variance: f64) -> f64 {
    if variance > 0.0 { covariance / variance } else { 0.0 }
}
