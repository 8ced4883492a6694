//! What a plan's arms show together: a trend where they are steps of one thing, and the effects of factors where they
//! are combinations of levels.
//!
//! Both are asked of every metric with enough units in all arms, at one look, and adjusted by Benjamini and Hochberg.
//! They read the arms' own values, without covariates.

use serde::{Deserialize, Serialize};

use super::analysis::Analysis;
use super::factorial::factor_effect;
use super::plan::Layout;
use super::{Arm, PlannedArm, Step, Trend};
use crate::stats::{Adjustment, Evidence, adjusted};

/// How a metric goes with the intensity of arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntensityTrend {
    /// The metric.
    pub metric: String,
    /// Whether it is told in money, less what the arms cost: where the plan says what the metric is worth.
    pub is_net: bool,
    /// By how much it rises with each step of intensity.
    pub slope: f64,
    /// Its standard error.
    pub error: f64,
    /// Of no trend, at one look.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over metrics.
    pub p_adjusted: f64,
    /// How likely so much distance from a line is by chance: small where the best is in the middle.
    pub misfit_p: f64,
    /// Whether there is a trend.
    pub is_flagged: bool,
    /// The arms with an intensity, by that: name, intensity and value.
    pub arms: Vec<(String, f64, f64)>,
}

/// What a level of a factor does, over all levels of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorEffect {
    /// The metric.
    pub metric: String,
    /// The factor.
    pub factor: String,
    /// Its level, against that of the control.
    pub level: String,
    /// Of an interaction, the other factor and its level: by how much the effect is larger there.
    pub with: Option<(String, String)>,
    /// The effect.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Of no effect, at one look.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over metrics and effects.
    pub p_adjusted: f64,
    /// Whether there is an effect.
    pub is_flagged: bool,
}

/// The trends of all metrics, where three arms or more have an intensity.
pub(super) fn trends(of: &Analysis) -> Vec<IntensityTrend> {
    let Some(plan) = &of.plan else { return Vec::new() };
    let steps = plan.arms().iter().enumerate().filter_map(|(i, arm)| Some((i, arm, arm.intensity?)));
    let mut steps: Vec<(usize, &PlannedArm, f64)> = steps.collect();
    steps.sort_by(|a, b| a.2.total_cmp(&b.2));
    if steps.len() < 3 {
        return Vec::new();
    }
    let trend = |metric: usize| {
        let worth = plan.metrics()[metric].worth;
        let step = |(i, arm, intensity): &(usize, &PlannedArm, f64)| {
            let cost = if worth.is_some() { arm.cost } else { 0.0 };
            Some(Step { intensity: *intensity, cost, arm: sure(of, metric, *i)? })
        };
        let found: Vec<Step> = steps.iter().map(step).collect::<Option<_>>()?;
        let line = Trend::new(&found, worth.unwrap_or(1.0)).ok()?;
        let named = steps.iter().zip(&found);
        Some(IntensityTrend {
            metric: of.metrics[metric].name.clone(),
            is_net: worth.is_some(),
            slope: line.slope.estimate(),
            error: line.slope.error(),
            p: line.slope.p(),
            p_adjusted: 1.0,
            misfit_p: line.misfit_p,
            is_flagged: false,
            arms: named.map(|((_, arm, at), step)| (arm.name.clone(), *at, step.arm.value())).collect(),
        })
    };
    let mut found: Vec<IntensityTrend> = (0..of.metrics.len()).filter_map(trend).collect();
    let many = discovery(found.iter().map(|of| of.p).collect());
    found.iter_mut().zip(many).for_each(|(trend, p)| {
        (trend.p_adjusted, trend.is_flagged) = (p, p <= of.alpha.value());
    });
    found
}

/// The main effects of all levels, and the interactions of every two factors.
pub(super) fn factors(of: &Analysis) -> Vec<FactorEffect> {
    let Some(Layout { factors, arms }) = of.plan.as_ref().and_then(|plan| Layout::new(plan.arms()).ok().flatten())
    else {
        return Vec::new();
    };
    let levels: Vec<usize> = factors.iter().map(|(_, levels)| levels.len()).collect();
    let others = |factor: usize| (1..levels[factor]).map(move |level| (factor, level));
    let main = (0..factors.len()).flat_map(others).map(|of| vec![of]);
    let pairs = (0..factors.len()).flat_map(|a| (a + 1..factors.len()).map(move |b| (a, b)));
    let both = pairs.flat_map(|(a, b)| others(a).flat_map(move |of| others(b).map(move |with| vec![of, with])));
    let asked: Vec<Vec<(usize, usize)>> = main.chain(both).collect();
    let name = |(factor, level): (usize, usize)| (factors[factor].0.clone(), factors[factor].1[level].clone());
    let mut found = Vec::new();
    for metric in 0..of.metrics.len() {
        let all: Option<Vec<Arm>> = arms.iter().map(|arm| sure(of, metric, *arm)).collect();
        let Some(all) = all else { continue };
        found.extend(asked.iter().filter_map(|asked| {
            let effect: Evidence = factor_effect(&levels, asked, &all).ok()?;
            let (factor, level) = name(*asked.first()?);
            Some(FactorEffect {
                metric: of.metrics[metric].name.clone(),
                factor,
                level,
                with: asked.get(1).map(|with| name(*with)),
                difference: effect.estimate(),
                error: effect.error(),
                p: effect.p(),
                p_adjusted: 1.0,
                is_flagged: false,
            })
        }));
    }
    let many = discovery(found.iter().map(|of| of.p).collect());
    found.iter_mut().zip(many).for_each(|(effect, p)| {
        (effect.p_adjusted, effect.is_flagged) = (p, p <= of.alpha.value());
    });
    found
}

/// An arm with enough units.
fn sure(of: &Analysis, metric: usize, arm: usize) -> Option<Arm> {
    let (cell, kind) = (&of.cells_of(metric)[arm], of.kind(metric));
    cell.is_enough(kind).then(|| cell.arm(kind).ok()).flatten()
}

fn discovery(p: Vec<f64>) -> Vec<f64> {
    adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Design, ExperimentPlan, MetricKind, PlannedMetric, Verdict};

    fn analysed(arms: Vec<PlannedArm>, metric: PlannedMetric, did: &[usize]) -> Analysis {
        let mut plan = ExperimentPlan::builder("it helps").metric(metric).design(Design::Fixed).units(8_000);
        plan = arms.into_iter().fold(plan, |plan, arm| plan.arm(arm));
        let mut analysis = Analysis::planned(&plan.build().unwrap(), &[]);
        for (arm, did) in did.iter().enumerate() {
            (0..2_000).for_each(|i| analysis.observe(arm, &[f64::from(u8::from(i < *did))], &[]).unwrap());
        }
        analysis
    }

    #[track_caller]
    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-9 * wanted.abs(), "{found} is not {wanted}");
    }

    /// statsmodels 0.15: `WLS(40 p - cost, …, weights=1 / (1600 p (1 - p) / n)).fit(cov_type="fixed scale")`; scipy for
    /// p.
    #[test]
    fn intensity_is_a_line_net_of_costs() {
        let arm = |name: &str, intensity, cost| PlannedArm::new(name).intensity(intensity).cost(cost);
        let arms = || vec![arm("none", 0.0, 0.0), arm("some", 1.0, 0.5), arm("more", 2.0, 1.0), arm("most", 4.0, 2.5)];
        let metric = PlannedMetric::primary("bought", MetricKind::Rate);
        let did = [200, 230, 236, 262];
        let findings = analysed(arms(), metric.clone().worth(40.0), &did).findings();
        let [trend] = &findings.trends[..] else { unreachable!() };
        assert!(trend.is_net && trend.is_flagged && trend.arms[3] == ("most".to_owned(), 4.0, 0.131));
        close(trend.slope, -0.3309185163844665);
        close(trend.error, 0.09754538117974067);
        close(trend.p, 0.0006926878984973413);
        close(trend.misfit_p, 0.40649612775318755);
        // More buy, and it does not pay: 40 × 0.031 of a purchase costs 2.50.
        assert_eq!(findings.comparisons[2].verdict, Verdict::Superior);
        close(findings.comparisons[2].net.unwrap().difference, 40.0 * 0.031 - 2.5);
        let text = findings.to_string();
        assert!(text.contains("bought by intensity, net of costs: -0.33092 a step, p 6.93e-4"), "{text}");
        let plain = analysed(arms(), metric.clone(), &did).findings();
        assert!(plain.trends[0].slope > 0.0 && !plain.trends[0].is_net && plain.comparisons[0].net.is_none());
        // Two intensities are the comparison itself, and few units say nothing.
        assert!(analysed(arms()[..2].to_vec(), metric.clone(), &did[..2]).findings().trends.is_empty());
        assert!(analysed(arms(), metric, &[200, 2, 236, 262]).findings().trends.is_empty());
    }

    /// By hand: each level's mean over the other factor's levels, with the errors of the four rates.
    #[test]
    fn factors_have_main_effects_and_interactions() {
        let arm = |color: &str, size: &str| {
            PlannedArm::new(format!("{color} {size}")).level("color", color).level("size", size)
        };
        let arms = vec![arm("red", "small"), arm("blue", "large"), arm("red", "large"), arm("blue", "small")];
        let metric = PlannedMetric::primary("bought", MetricKind::Rate);
        let findings = analysed(arms, metric, &[200, 320, 230, 220]).findings();
        let [blue, large, both] = &findings.factors[..] else { unreachable!() };
        assert_eq!((blue.factor.as_str(), blue.level.as_str(), large.level.as_str()), ("color", "blue", "large"));
        close(blue.difference, 0.0275);
        close(blue.error, 0.007280753738453183);
        close(large.difference, 0.0325);
        assert_eq!(both.with, Some(("size".to_owned(), "large".to_owned())));
        close(both.difference, 0.035);
        close(both.error, 0.014561507476906366);
        close(both.p, 0.016234646193544606);
        assert!(both.is_flagged && findings.to_string().contains("color = blue, more where size = large: +0.03500"));
    }

    #[test]
    fn combinations_are_there_once_each() {
        let build = |levels: &[&[(&str, &str)]]| {
            let metric = PlannedMetric::primary("m", MetricKind::Rate);
            let plan = ExperimentPlan::builder("x").design(Design::AlwaysValid).metric(metric);
            let arm = |(i, of): (usize, &&[(&str, &str)])| {
                of.iter().fold(PlannedArm::new(i.to_string()), |arm, (factor, level)| arm.level(*factor, *level))
            };
            levels.iter().enumerate().map(arm).fold(plan, |plan, arm| plan.arm(arm)).build()
        };
        assert!(build(&[&[("a", "0"), ("b", "0")], &[("a", "1"), ("b", "0")]]).is_ok());
        for (levels, wrong) in [
            (&[&[("a", "0")][..], &[("b", "0")]][..], "`arms[1].levels` has other factors"),
            (&[&[("a", "0")], &[("a", "0")]], "`arms[1].levels` leaves combinations without an arm"),
            (&[&[("a", "0"), ("b", "0")], &[("a", "1"), ("b", "1")]], "leaves combinations without an arm"),
            (
                &[
                    &[("a", "0"), ("b", "0")],
                    &[("a", "1"), ("b", "1")],
                    &[("a", "1"), ("b", "1")],
                    &[("a", "0"), ("b", "1")],
                ],
                "`arms[2].levels` is a combination that another arm has",
            ),
            (&[&[("a", "")], &[("a", "1")]], "`arms[0].levels` has 0 bytes"),
        ] {
            let errors = build(levels).unwrap_err().to_string();
            assert!(errors.contains(wrong), "{errors}");
        }
    }
}
