//! Gains that are none: what a plan's metrics show together and no metric shows alone.
//!
//! Where a plan says what metrics measure ([`Measure`]), two things are asked of every arm without being asked for:
//! whether more convert and each of them brings less, and whether people do more of what is free and buy no more. Both
//! are warnings: by the plan's design, on one side, and not adjusted, as those of guardrails.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::analysis::Analysis;
use super::cell::{Cell, Kind};
use super::findings::Comparison;
use super::judge::Judge;
use super::look::along;
use super::text::signed;
use super::{Arm, Direction, Measure, Verdict, difference};
use crate::stats::{Interval, Undefined};

/// A gain that may be none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flag {
    /// Conversions are up, and the value per converter is down.
    ValuePerConverterDown {
        /// The arm.
        arm: String,
        /// The metric that converts.
        conversion: String,
        /// The metric of value.
        value: String,
        /// The value per converter, of the control and of the arm.
        per_converter: [f64; 2],
        /// Where their difference lies, at one look.
        interval: Interval,
        /// Of the arm's not being lower, valid at the looks of the design.
        p: f64,
        /// The difference of the value per unit: whether it pays after all.
        per_unit: f64,
    },
    /// Engagement is up, and conversion is not up by the smallest effect of interest.
    ConversionFlat {
        /// The arm.
        arm: String,
        /// The metric of engagement.
        engagement: String,
        /// The metric that converts.
        conversion: String,
        /// Where the lift of conversion lies, at the looks of the design.
        lift: Interval,
    },
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValuePerConverterDown { arm, conversion, value, per_converter: [a, b], per_unit, .. } => {
                let each = signed(*per_unit);
                write!(f, "{arm}: {conversion} is up, and {value} per converter is down from {a:.3} to {b:.3} ")?;
                write!(f, "({each} per unit)")
            }
            Self::ConversionFlat { arm, engagement, conversion, lift } => {
                let most = 100.0 * lift.high;
                write!(f, "{arm}: {engagement} is up, and {conversion} is not: its lift is at most {most:+.2}%")
            }
        }
    }
}

/// What stands out in the comparisons of all arms.
pub(super) fn flags(of: &Analysis, found: &[Comparison], judge: &Judge) -> Vec<Flag> {
    let Some(plan) = &of.plan else { return Vec::new() };
    let measuring = |measure: Measure| {
        let metrics = plan.metrics().iter().enumerate();
        metrics.filter(move |(_, metric)| metric.measures == Some(measure)).map(|(i, _)| i).collect::<Vec<_>>()
    };
    let [values, engaged, converted] = [Measure::Value, Measure::Engagement, Measure::Conversion].map(measuring);
    let mut flags = Vec::new();
    for arm in 1..of.arms.len() {
        let at = |metric: usize| found.get((arm - 1) * of.metrics.len() + metric);
        let is_up = |metric: &usize| at(*metric).is_some_and(|found| found.verdict == Verdict::Superior);
        for conversion in &converted {
            if is_up(conversion) {
                flags.extend(values.iter().filter_map(|value| cheaper(of, arm, *conversion, *value, judge)));
            } else if let Some(lift) = at(*conversion).and_then(|found| flat(of, found)) {
                flags.extend(engaged.iter().filter(|metric| is_up(metric)).map(|metric| Flag::ConversionFlat {
                    arm: of.arms[arm].clone(),
                    engagement: of.metrics[*metric].name.clone(),
                    conversion: of.metrics[*conversion].name.clone(),
                    lift,
                }));
            }
        }
    }
    flags
}

/// Where the lift of a conversion lies if that is below the smallest effect of interest.
fn flat(of: &Analysis, found: &Comparison) -> Option<Interval> {
    let (at, base) = (found.interval_design?, found.base.abs());
    let is_told = !matches!(found.verdict, Verdict::Invalid(_) | Verdict::TooEarly) && base > 0.0;
    (is_told && at.high < of.smallest * base).then(|| Interval { low: at.low / base, high: at.high / base })
}

fn cheaper(of: &Analysis, arm: usize, conversion: usize, value: usize, judge: &Judge) -> Option<Flag> {
    if of.metrics[value].direction == Direction::Down || of.is_beside(conversion, value) {
        return None;
    }
    let per = |arm: usize| per_converter(&of.cells_of(value)[arm], &of.cells_of(conversion)[arm]);
    let sure = |arm: usize| of.cells_of(value)[arm].is_enough(Kind::Mean);
    let (a, b) = (per(0).ok()?, per(arm).ok()?);
    let effect = difference(&a, &b).ok()?;
    let p = judge.p_above(&along(&effect, -1.0, 0.0).ok()?, of.share(arm))?;
    let mean = |arm: usize| of.cells_of(value)[arm].moments.mean();
    (p <= of.alpha.value() && sure(0) && sure(arm)).then(|| Flag::ValuePerConverterDown {
        arm: of.arms[arm].clone(),
        conversion: of.metrics[conversion].name.clone(),
        value: of.metrics[value].name.clone(),
        per_converter: [a.value(), b.value()],
        interval: effect.interval(of.alpha),
        p,
        per_unit: mean(arm) - mean(0),
    })
}

/// The value of an arm over its conversions, by the delta method. Only who converts has a value, so that the product of
/// both is the value itself, and their covariance follows from their means.
fn per_converter(value: &Cell, conversion: &Cell) -> Result<Arm, Undefined> {
    let (m, d) = (&value.moments, &conversion.moments);
    if d.mean() <= 0.0 {
        return Err(Undefined::ZeroBaseline);
    }
    let many = m.count() as f64;
    let covariance = (m.mean() - m.mean() * d.mean()) * many / (many - 1.0).max(1.0);
    let ratio = m.mean() / d.mean();
    let variance = m.variance() + ratio * ratio * d.variance() - 2.0 * ratio * covariance;
    Arm::new(m.count(), ratio, variance.max(0.0) / (d.mean() * d.mean()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};
    use crate::stats::JointMoments;

    fn plan() -> ExperimentPlan {
        ExperimentPlan::builder("coupons sell more")
            .arm(PlannedArm::new("none"))
            .arm(PlannedArm::new("coupon"))
            .metric(PlannedMetric::primary("bought", MetricKind::Rate).measures(Measure::Conversion))
            .metric(PlannedMetric::secondary("spend", MetricKind::Mean).measures(Measure::Value))
            .metric(PlannedMetric::secondary("views", MetricKind::Mean).measures(Measure::Engagement))
            .smallest(0.1)
            .design(Design::Fixed)
            .units(20_000)
            .build()
            .unwrap()
    }

    /// 10,000 units in each arm: which share buys, for how much more or less than 20 to 29, and how many more pages.
    fn analysed(bought: [usize; 2], off: f64, pages: f64) -> Analysis {
        let mut analysis = Analysis::planned(&plan(), &[]);
        for i in 0..20_000 {
            let (arm, turn) = (i % 2, i / 2);
            let is_buyer = turn % 1_000 < bought[arm];
            let spend = if is_buyer { 20.0 + (turn % 10) as f64 + off * arm as f64 } else { 0.0 };
            let views = (turn % 7) as f64 + pages * arm as f64;
            analysis.observe(arm, &[f64::from(u8::from(is_buyer)), spend, views], &[]).unwrap();
        }
        analysis
    }

    #[test]
    fn more_buyers_of_less_are_told() {
        let findings = analysed([100, 130], -5.0, 0.0).findings();
        let [flag] = &findings.flags[..] else { unreachable!("{:?}", findings.flags) };
        let Flag::ValuePerConverterDown { per_converter, p, per_unit, .. } = flag else { unreachable!() };
        assert!((per_converter[0] - 24.5).abs() < 1e-9 && (per_converter[1] - 19.5).abs() < 1e-9 && *p < 1e-9);
        // 0.13 × 19.5 - 0.1 × 24.5: it pays a little.
        assert!((per_unit - 0.085).abs() < 1e-9);
        let text = findings.to_string();
        assert!(text.contains("coupon: bought is up, and spend per converter is down from 24.500 to 19.500"), "{text}");
        // As much from each is fine, and fewer buyers are no gain.
        assert!(analysed([100, 130], 0.0, 0.0).findings().flags.is_empty());
        assert!(analysed([130, 100], -5.0, 0.0).findings().flags.is_empty());
        // Where others have a value too, that is not one per converter.
        let mut analysis = analysed([100, 130], -5.0, 0.0);
        analysis.observe(0, &[0.0, 7.0, 1.0], &[]).unwrap();
        assert!(analysis.findings().flags.is_empty());
    }

    /// The error is that of the delta method over the pairs themselves.
    #[test]
    fn means_tell_the_covariance_of_converters() {
        let (mut joint, mut value, mut conversion) =
            (JointMoments::default(), Cell::new(Kind::Mean), Cell::new(Kind::Rate));
        for i in 0..700_u32 {
            let did = f64::from(u8::from(i % 5 == 0));
            let spend = did * f64::from(i * i % 83);
            joint.observe([spend, did]);
            value.observe(&[spend]);
            conversion.observe(&[did]);
        }
        let (wanted, found) = (Arm::ratio(&joint).unwrap(), per_converter(&value, &conversion).unwrap());
        assert!((found.value() / wanted.value() - 1.0).abs() < 1e-12);
        assert!((found.variance() / wanted.variance() - 1.0).abs() < 1e-10, "{found:?} {wanted:?}");
    }

    /// Conversion is flat where its lift is shown to be below a tenth, and not where that is open.
    #[test]
    fn clicks_that_sell_nothing_are_told() {
        let findings = analysed([500, 500], 0.0, 0.5).findings();
        let [Flag::ConversionFlat { engagement, lift, .. }] = &findings.flags[..] else {
            unreachable!("{:?}", findings.flags)
        };
        assert!(engagement == "views" && lift.high < 0.1 && lift.low > -0.1);
        assert!(findings.to_string().contains("coupon: views is up, and bought is not: its lift is at most +2.77%"));
        assert!(analysed([20, 20], 0.0, 0.5).findings().flags.is_empty());
        assert!(analysed([500, 500], 0.0, 0.0).findings().flags.is_empty());
    }
}
