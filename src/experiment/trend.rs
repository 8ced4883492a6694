//! Whether more of a change does more: the trend of a metric across arms of rising intensity, net of what they cost.
//!
//! Weighted least squares of the arms' values on their intensities, each arm weighted by the inverse of its squared
//! error (a linear contrast; Bretz, Pinheiro and Branson's MCP-Mod, 2005, with one model). Its error is that of the
//! arms' values, not of how well a line fits; whether a line fits is asked by Cochran's Q of what is left.

use serde::{Deserialize, Serialize};

use super::Arm;
use crate::stats::undefined::finite;
use crate::stats::{Evidence, Undefined, regularized_gamma};

/// An arm at its intensity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// How far it goes, on any scale; that of the control is often 0.
    pub intensity: f64,
    /// What a unit costs to deliver, in the units of the metric times its worth: from 0.
    pub cost: f64,
    /// What the arm did.
    pub arm: Arm,
}

/// A line through the arms.
///
/// ```
/// use bespoke::experiment::{Arm, Step, Trend};
/// let step = |intensity: f64, value: f64| Ok(Step { intensity, cost: 0.0, arm: Arm::new(400, value, 4.0)? });
/// let trend = Trend::new(&[step(0.0, 1.0)?, step(1.0, 1.3)?, step(2.0, 1.6)?], 1.0)?;
/// assert!((trend.slope.estimate() - 0.3).abs() < 1e-12 && trend.slope.p() < 0.001);
/// assert!((trend.slope.error() - 0.1 / 2.0_f64.sqrt()).abs() < 1e-12 && trend.misfit_p > 0.999);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// By how much the value of a unit, less its cost, rises with each step of intensity.
    pub slope: Evidence,
    /// The value at intensity 0, on the line.
    pub start: f64,
    /// Cochran's Q of the arms' distances from the line.
    pub misfit: f64,
    /// How likely so much of it is if they lie on a line: small where the best is in the middle. 1 for two intensities.
    pub misfit_p: f64,
}

impl Trend {
    /// From two arms on; `worth` is what one of the metric is worth in the money of the costs, such as 1 for revenue.
    /// `O(arms)`.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two; [`Undefined::NotFinite`]; [`Undefined::EmptyArm`];
    /// [`Undefined::ZeroVariance`] for an arm that does not vary; [`Undefined::Parameter`] where all have one intensity.
    pub fn new(arms: &[Step], worth: f64) -> Result<Self, Undefined> {
        if arms.len() < 2 {
            return Err(Undefined::OneArm);
        }
        finite(worth)?;
        let mut points = Vec::with_capacity(arms.len());
        for Step { intensity, cost, arm } in arms {
            let value = finite(finite(arm.value() * worth)? - finite(*cost)?)?;
            if arm.units() == 0 {
                return Err(Undefined::EmptyArm);
            }
            let weight = 1.0 / (arm.squared_error() * worth * worth);
            points.push((finite(*intensity)?, value, weight));
        }
        let units = arms.iter().map(|of| of.arm.units()).fold(0, u64::saturating_add);
        Self::through(&points, units)
    }

    /// A line through points, each with its value and the inverse of the squared error of that.
    pub(super) fn through(points: &[(f64, f64, f64)], units: u64) -> Result<Self, Undefined> {
        if points.iter().any(|(_, _, weight)| !(weight.is_finite() && *weight > 0.0)) {
            return Err(Undefined::ZeroVariance);
        }
        let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y, w)| w * of(*x, *y)).sum::<f64>();
        let total = sum(&|_, _| 1.0);
        let (x, y) = (sum(&|x, _| x) / total, sum(&|_, y| y) / total);
        let spread = sum(&|of, _| (of - x) * (of - x));
        if !(spread > 0.0 && spread.is_finite()) {
            return Err(Undefined::Parameter);
        }
        let slope = sum(&|at, of| (at - x) * (of - y)) / spread;
        let start = y - slope * x;
        let misfit = sum(&|x, y| (y - start - slope * x) * (y - start - slope * x));
        let freedom = points.len().saturating_sub(2) as f64;
        let misfit_p = if freedom > 0.0 { regularized_gamma(0.5 * freedom, 0.5 * misfit).upper } else { 1.0 };
        Ok(Self { slope: Evidence::new(slope, libm::sqrt(1.0 / spread), units)?, start, misfit, misfit_p })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels: WLS(y, add_constant(x), weights=1 / se²) with scale 1, and scipy's chi2.sf of its weighted
    /// residuals.
    #[test]
    fn it_is_the_weighted_line() {
        let step = |(intensity, value, units, variance, cost)| Step {
            intensity,
            cost,
            arm: Arm::new(units, value, variance).unwrap(),
        };
        let arms = [
            (0.0, 2.0, 900, 9.0, 0.0),
            (1.0, 2.4, 800, 9.5, 0.1),
            (2.0, 2.3, 700, 10.0, 0.15),
            (4.0, 3.1, 500, 12.0, 0.2),
        ];
        let trend = Trend::new(&arms.map(step), 1.5).unwrap();
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        close(trend.slope.estimate(), 0.31601648035035174);
        close(trend.slope.error(), 0.06613016907900572);
        close(trend.start, 2.9999942376397364);
        close(trend.misfit, 5.336982828166415);
        close(trend.misfit_p, 0.06935677708399306);
        let same = [step(arms[0]), step(arms[0])];
        assert_eq!(Trend::new(&same, 1.0), Err(Undefined::Parameter));
        assert_eq!(Trend::new(&same[..1], 1.0), Err(Undefined::OneArm));
        assert_eq!(Trend::new(&arms.map(step), f64::NAN), Err(Undefined::NotFinite));
        assert_eq!(Trend::new(&arms.map(step), 0.0), Err(Undefined::ZeroVariance));
    }
}
