//! How many units a plan needs, how long that takes, and what fewer can show.

use serde::{Deserialize, Serialize};

use super::{Design, Expected, ExperimentPlan, MetricKind, Null, PlanBuilder, PlanError, PlannedMetric, Role};
use crate::experiment::{GroupSequential, Learned, boundary_z, optimal_ratio};
use crate::stats::undefined::positive;
use crate::stats::{Alpha, Sizing, Undefined, normal_upper_quantile, normal_upper_tail};

/// What past results make of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What they make one expect of the lift.
    pub learned: Learned,
    /// How likely the lift is at least the smallest effect of interest.
    pub worthwhile: f64,
    /// How likely the plan shows that the metric is better.
    pub assurance: f64,
}

impl ExperimentPlan {
    /// The plan with its size, as written or as computed.
    pub(super) fn sized(written: PlanBuilder, alpha: Alpha) -> Result<Self, PlanError> {
        let plan = Self { units: written.units, written, alpha };
        if plan.units.is_some() {
            return Ok(plan);
        }
        match plan.size() {
            Ok(units) => Ok(Self { units: Some(units), ..plan }),
            Err(PlanError::NoUnits { .. }) if plan.design() == Design::AlwaysValid => Ok(plan),
            Err(error) => Err(error),
        }
    }

    /// How many days it takes until the planned units are there, when so many new people come each day, those of the
    /// holdout included: rounded up.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless somebody comes, and [`Undefined::NoUnits`] where none are planned.
    pub fn days(&self, daily: f64) -> Result<f64, Undefined> {
        let units = self.units.ok_or(Undefined::NoUnits)?;
        // Counts beyond 2^53 are rounded by a part in 10^16.
        Ok(libm::ceil(units as f64 / (positive(daily)? * (1.0 - self.holdout()))))
    }

    /// How many units so many days bring, when so many new people come each day, those of the holdout included.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless both are finite and above zero.
    pub fn units_within(&self, days: f64, daily: f64) -> Result<u64, Undefined> {
        // Casts from `f64` saturate.
        Ok((positive(days)? * positive(daily)? * (1.0 - self.holdout())) as u64)
    }

    /// The smallest effect that so many units in all arms show with the planned power, as a part of what is expected of
    /// the metric; of a metric with a margin, the smallest margin. The arm with the fewest units decides. The variance
    /// is the control's in both arms, where [`ExperimentPlan::units`] takes that of a rate which has moved.
    ///
    /// # Errors
    /// [`Undefined::NoEffect`] for a metric there is not, or of which nothing is expected; [`Undefined::NoUnits`] for
    /// fewer units than arms.
    ///
    /// ```
    /// use bespoke::experiment::{Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};
    /// let spend = PlannedMetric::primary("spend", MetricKind::Mean).expected(20.0, 50.0);
    /// let plan = ExperimentPlan::builder("more is spent")
    ///     .arm(PlannedArm::new("a")).arm(PlannedArm::new("b")).metric(spend).design(Design::Fixed).build()?;
    /// let found = plan.detectable("spend", plan.units_within(14.0, 1_000.0)?)?;
    /// assert!((found - 2.801_582 * 2.5 * (2.0_f64 / 7_000.0).sqrt()).abs() < 1e-6); // z(.975) + z(.8) errors
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detectable(&self, metric: &str, units: u64) -> Result<f64, Undefined> {
        let metric = self.metrics().iter().find(|of| of.name == metric).ok_or(Undefined::NoEffect)?;
        let expected = metric.expected.ok_or(Undefined::NoEffect)?;
        let sizing = self.sizing(metric, 1.0)?;
        let usable = units as f64 / self.inflation(&sizing)?;
        let total: f64 = self.arms().iter().map(|arm| arm.weight).sum();
        let of = |weight: f64| usable * weight / total;
        let [control, others @ ..] = self.arms() else { return Err(Undefined::OneArm) };
        let least = others.iter().map(|arm| arm.weight).fold(f64::INFINITY, f64::min);
        if of(control.weight).min(of(least)) < 1.0 {
            return Err(Undefined::NoUnits);
        }
        let error = deviation(metric.kind, &expected) * libm::sqrt(1.0 / of(control.weight) + 1.0 / of(least));
        sizing.detectable(error / expected.value.abs())
    }

    /// What past results make of the plan, for a metric; none where nothing was learned of it, nothing is
    /// expected, or it has a margin.
    ///
    /// The assurance is the power at each lift, averaged over what is believed of it, in closed form (O'Hagan, Stevens
    /// and Campbell, "Assurance in clinical trial design", 2005): how likely the plan's units show that the metric is
    /// better.
    #[must_use]
    pub fn outlook(&self, metric: &str) -> Option<Outlook> {
        let of = self.metrics().iter().find(|of| of.name == metric && of.null == Null::Zero)?;
        let learned = of.learned?;
        let (mean, deviation) = (of.direction.sign() * learned.mean, learned.deviation);
        let sizing = self.sizing(of, 1.0).ok()?;
        let reach = sizing.alpha.z();
        // The error that makes this lift detectable with the planned power.
        let error = self.detectable(metric, self.units?).ok()? / (reach + normal_upper_quantile(1.0 - self.power()));
        let spread = libm::sqrt(error * error + deviation * deviation);
        Some(Outlook {
            learned,
            worthwhile: normal_upper_tail((self.smallest() - mean) / deviation),
            assurance: normal_upper_tail((reach * error - mean) / spread),
        })
    }

    /// The units that the plan needs in all arms together.
    fn size(&self) -> Result<u64, PlanError> {
        let mut most: f64 = 2.0;
        for metric in self.metrics().iter().filter(|metric| metric.role == Role::Primary) {
            let unknown = || PlanError::NoUnits { design: self.design().name(), metric: metric.name.clone() };
            let expected = metric.expected.ok_or_else(unknown)?;
            let needed = self.needed(metric, &expected);
            most = most.max(needed.map_err(|reason| PlanError::Size { metric: metric.name.clone(), reason })?);
        }
        // Casts from `f64` saturate.
        Ok(most as u64)
    }

    fn needed(&self, metric: &PlannedMetric, expected: &Expected) -> Result<f64, Undefined> {
        let [control, others @ ..] = self.arms() else { return Err(Undefined::OneArm) };
        let inflation = self.inflation(&self.sizing(metric, 1.0)?)?;
        let mut most: f64 = 0.0;
        for arm in others {
            let ratio = arm.weight / control.weight;
            let sizing = self.sizing(metric, ratio)?;
            let sign = metric.direction.sign();
            let deviation = deviation(metric.kind, expected);
            // Against a margin that is a part of the control's value, the control counts with the rest of it.
            let against = |margin: f64, rest: f64| {
                let shrink = libm::sqrt((1.0 + 1.0 / ratio) / (rest * rest + 1.0 / ratio));
                sizing.means(margin / deviation * shrink)
            };
            let units = match (metric.null, metric.kind) {
                (Null::Absolute(margin), _) => against(margin, 1.0)?,
                (Null::Relative(margin), _) => against(margin * expected.value.abs(), 1.0 - sign * margin)?,
                (Null::Zero, MetricKind::Rate) => {
                    sizing.pooled(expected.value, expected.value * (1.0 + sign * self.smallest()))?
                }
                (Null::Zero, _) => sizing.means(self.smallest() * expected.value / deviation)?,
            };
            // Whole units in every arm.
            let whole = self.arms().iter().map(|of| libm::ceil(units * inflation * of.weight / control.weight - 1e-9));
            most = most.max(whole.sum());
        }
        Ok(most)
    }

    /// The errors of both kinds of one comparison: alpha over the number of those that decide, on one side where there
    /// is a margin.
    fn sizing(&self, metric: &PlannedMetric, ratio: f64) -> Result<Sizing, Undefined> {
        let sides = if metric.null == Null::Zero { 1.0 } else { 2.0 };
        // Comparisons are far fewer than 2^53.
        let share = if metric.role == Role::Primary { self.comparisons() as f64 } else { 1.0 };
        Ok(Sizing { alpha: Alpha::new(sides * self.alpha.value() / share)?, power: self.power(), ratio })
    }

    /// By how much more units the design needs than a single look at the same errors.
    fn inflation(&self, sizing: &Sizing) -> Result<f64, Undefined> {
        let Sizing { alpha, power, .. } = *sizing;
        let of_power = normal_upper_quantile(1.0 - power);
        let plain = alpha.z() + of_power;
        let squared = |reach: f64| (reach + of_power) / plain * ((reach + of_power) / plain);
        match self.design() {
            Design::Fixed => Ok(1.0),
            // What crosses at the end only; who looks before has more power than asked.
            Design::AlwaysValid => Ok(squared(boundary_z(2.0 * optimal_ratio(self.alpha), alpha))),
            Design::GroupSequential { looks, spending } => {
                let looks: Vec<f64> = (1..=looks).map(|look| f64::from(look) / f64::from(looks)).collect();
                GroupSequential::spending(&looks, spending, alpha)?.inflation(power, alpha)
            }
            Design::Hybrid { always_valid } => Ok(squared(Alpha::new((1.0 - always_valid) * alpha.value())?.z())),
        }
    }
}

/// The deviation of a unit.
fn deviation(kind: MetricKind, expected: &Expected) -> f64 {
    match kind {
        MetricKind::Rate => libm::sqrt(expected.value * (1.0 - expected.value)),
        // A plan that was built has it.
        MetricKind::Mean | MetricKind::Ratio | MetricKind::Quantile => expected.deviation.unwrap_or(0.0),
    }
}
