//! A look at an experiment: every comparison, judged by the design, and how effects differ between segments.

use serde::{Deserialize, Serialize};

use super::analysis::{Analysis, Column, Metric};
use super::cell::{Cell, Effect};
use super::findings::{Basis, Comparison, Findings, Part, Size, Split, Tail};
use super::judge::Judge;
use super::recommend::recommend;
use super::tail::tails;
use super::{
    Arm, Balance, Design, Heterogeneity, Invalid, NonInferiority, Null, Posterior, Role, Verdict, as_lift, difference,
    fieller, log_ratio,
};
use crate::stats::{Adjustment, Evidence, Interval, Moments, Undefined, adjusted};

/// What earlier looks have found of a comparison: the smallest p of each question that a design has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Smallest {
    /// Of no difference.
    both: Option<f64>,
    /// Whether the difference was above zero then.
    is_up: bool,
    /// Of no harm.
    harm: Option<f64>,
    /// Of being worse by the margin.
    worse: Option<f64>,
}

impl Smallest {
    fn take(&mut self, now: &Self) {
        let less = |p: Option<f64>, before: Option<f64>| p.is_some_and(|p| before.is_none_or(|before| p < before));
        if less(now.both, self.both) {
            (self.both, self.is_up) = (now.both, now.is_up);
        }
        for (ours, theirs) in [(&mut self.harm, now.harm), (&mut self.worse, now.worse)] {
            if less(theirs, *ours) {
                *ours = theirs;
            }
        }
    }

    /// Whether all that is stored are p-values.
    pub(super) fn is_sound(&self) -> bool {
        [self.both, self.harm, self.worse].iter().flatten().all(|p| (0.0..=1.0).contains(p))
    }
}

/// Looks at an experiment. `looks` are the units at each look up to this one; `watched` is the p of the watched balance;
/// `past`, in the order of comparisons, takes in what this look finds.
pub(super) fn look(of: &Analysis, looks: &[u64], watched: Option<f64>, past: &mut Vec<Smallest>) -> Findings {
    let design = of.plan.as_ref().map_or(Design::AlwaysValid, |plan| plan.design());
    let planned = of.plan.as_ref().and_then(|plan| plan.units());
    let judge = Judge::new(design, of.alpha, planned, looks);
    let balance = Balance::new(&of.units, &of.weights);
    let unsound = match (watched, &balance) {
        (_, Err(reason)) => Some(Invalid::Undefined(*reason)),
        (Some(p), _) => (p < BALANCE).then_some(Invalid::SampleRatio),
        (None, Ok(balance)) => (balance.p < BALANCE).then_some(Invalid::SampleRatio),
    };
    let mut found = Vec::new();
    past.resize(of.metrics.len() * (of.arms.len() - 1), Smallest::default());
    let tails: Vec<Vec<Option<Tail>>> = (0..of.metrics.len()).map(|metric| tails_of(of, metric)).collect();
    for arm in 1..of.arms.len() {
        for (metric, tails) in tails.iter().enumerate() {
            let (comparison, now) = compare(of, metric, arm, tails[arm], &judge);
            past[found.len()].take(&now);
            found.push(comparison);
        }
    }
    for (comparison, past) in found.iter_mut().zip(&*past) {
        let metric = metric_of(of, comparison);
        comparison.p_design = match (metric.role, metric.null) {
            _ if !matches!(comparison.verdict, Verdict::Inconclusive) => None,
            (Role::Guardrail, _) => past.harm,
            (_, Null::Zero) => past.both,
            _ => past.worse,
        };
    }
    for (role, by) in [(Role::Primary, Adjustment::Holm), (Role::Secondary, Adjustment::FalseDiscovery)] {
        adjust(&mut found, role, by, |found| found.p, |found, p| found.p_adjusted = Some(p));
        adjust(&mut found, role, by, |found| found.p_design, |found, p| found.p_design_adjusted = Some(p));
    }
    // Comparisons are far fewer than 2^53.
    let deciding = found.iter().filter(|found| found.role == Role::Primary).count().max(1) as f64;
    for (comparison, past) in found.iter_mut().zip(&*past) {
        if comparison.role == Role::Guardrail {
            (comparison.p_adjusted, comparison.p_design_adjusted) = (comparison.p, comparison.p_design);
        }
        comparison.verdict = match (comparison.verdict, unsound) {
            (Verdict::Invalid(_), _) | (Verdict::TooEarly, None) => continue,
            (_, Some(reason)) => Verdict::Invalid(reason),
            _ => judged(metric_of(of, comparison), comparison, past, of.alpha.value(), deciding),
        };
    }
    let splits = splits(of);
    let mut findings = Findings {
        basis: Basis {
            design,
            plan: of.plan.as_ref().map(|plan| plan.hash()),
            alpha: of.alpha,
            units: of.units(),
            planned,
            look: looks.len() as u64,
        },
        sizes: of.arms.iter().zip(&of.units).map(|(arm, units)| Size { arm: arm.clone(), units: *units }).collect(),
        balance: balance.ok(),
        balance_watched: watched,
        comparisons: found,
        splits,
        recommendations: Vec::new(),
    };
    let recommendations = (1..of.arms.len()).map(|arm| (of.arms[arm].clone(), recommend(of, &findings, arm, &judge)));
    findings.recommendations = recommendations.collect();
    findings
}

fn metric_of<'a>(of: &'a Analysis, found: &Comparison) -> &'a Metric {
    // Every comparison is of one of the metrics; there is one at least where there is a comparison.
    of.metrics.iter().find(|metric| metric.name == found.metric).unwrap_or(&of.metrics[0])
}

/// Adjusts the p-values of one role among each other.
fn adjust(
    found: &mut [Comparison],
    role: Role,
    by: Adjustment,
    of: impl Fn(&Comparison) -> Option<f64>,
    put: impl Fn(&mut Comparison, f64),
) {
    let mut asked: Vec<&mut Comparison> =
        found.iter_mut().filter(|found| found.role == role && of(found).is_some()).collect();
    let p: Vec<f64> = asked.iter().filter_map(|found| of(found)).collect();
    let all = adjusted(&p, by).unwrap_or_default();
    asked.iter_mut().zip(all).for_each(|(found, p)| put(found, p));
}

/// The verdict of a comparison with enough units.
fn judged(metric: &Metric, found: &Comparison, past: &Smallest, alpha: f64, deciding: f64) -> Verdict {
    let Some(p) = found.p_design_adjusted else { return Verdict::TooEarly };
    let is_better = past.is_up == (metric.direction.sign() > 0.0);
    let is_shown = |p: Option<f64>| p.is_some_and(|p| p <= alpha);
    // Beside the question that was planned, a difference is held to Bonferroni's bound.
    let is_different = is_shown(past.both.map(|p| p * if metric.role == Role::Primary { deciding } else { 1.0 }));
    match (metric.role, metric.null) {
        (Role::Guardrail, _) if p <= alpha => Verdict::Inferior,
        (Role::Guardrail, Null::Zero) => Verdict::Inconclusive,
        (Role::Guardrail, _) => {
            if is_shown(past.worse) {
                Verdict::NonInferior
            } else {
                Verdict::Inconclusive
            }
        }
        (_, Null::Zero) if p > alpha => Verdict::Inconclusive,
        (_, Null::Zero) => {
            if is_better {
                Verdict::Superior
            } else {
                Verdict::Inferior
            }
        }
        _ if p <= alpha && is_different && is_better => Verdict::Superior,
        _ if p <= alpha => Verdict::NonInferior,
        _ if is_different && !is_better => Verdict::Inferior,
        _ => Verdict::Inconclusive,
    }
}

/// An arm against the control, with what the design says of it now; where that can be asked, the verdict is left open.
fn compare(of: &Analysis, index: usize, arm: usize, tail: Option<Tail>, judge: &Judge) -> (Comparison, Smallest) {
    let metric = &of.metrics[index];
    let (a, b) = (of.cells_of(index)[0], of.cells_of(index)[arm]);
    let is_proportion = of.is_proportion(index);
    let effect = Effect::new(&a, &b, is_proportion, of.alpha);
    let (base, value) = (a.moments.mean(), b.moments.mean());
    let verdict = match &effect {
        Err(reason) => Verdict::Invalid(Invalid::Undefined(*reason)),
        Ok(_) if !(a.is_enough(is_proportion) && b.is_enough(is_proportion)) => Verdict::TooEarly,
        Ok(_) => Verdict::Inconclusive,
    };
    let effect = effect.ok();
    let sign = metric.direction.sign();
    let posterior = effect.as_ref().and_then(|effect| along(&effect.evidence, sign, 0.0).ok());
    let posterior = posterior.map(|evidence| Posterior::new(&evidence, None));
    let (of_a, of_b) = (a.arm(is_proportion), b.arm(is_proportion));
    let lift_interval = log_ratio(&of_a, &of_b)
        .map(|ratio| as_lift(ratio.interval(of.alpha)))
        .ok()
        .or_else(|| fieller(&of_a, &of_b, of.alpha).ok().flatten());
    let asked = effect.as_ref().filter(|_| verdict == Verdict::Inconclusive);
    let above = asked.and_then(|effect| above_margin(metric, effect, is_proportion, [&of_a, &of_b]).ok());
    let share = of.share(arm);
    let is_guardrail = metric.role == Role::Guardrail;
    let now = Smallest {
        both: asked.filter(|_| !is_guardrail).and_then(|effect| judge.p(&effect.test, share)),
        is_up: value > base,
        harm: asked
            .filter(|_| is_guardrail)
            .and_then(|effect| judge.p_above(&along(&effect.test, -sign, 0.0).ok()?, share)),
        worse: above.as_ref().and_then(|above| judge.p_above(above, share)),
    };
    let comparison = Comparison {
        arm: of.arms[arm].clone(),
        metric: metric.name.clone(),
        role: metric.role,
        direction: metric.direction,
        is_proportion,
        base,
        value,
        difference: value - base,
        interval: effect.as_ref().map(|effect| effect.interval),
        interval_design: asked.and_then(|effect| judge.interval(&effect.evidence, share)),
        lift: (base.abs() > 0.0).then(|| (value - base) / base.abs()),
        lift_interval,
        error: effect.as_ref().map(|effect| effect.evidence.error()),
        p: asked.map(|effect| effect.test.p()),
        p_adjusted: None,
        p_design: None,
        p_design_adjusted: None,
        not_worse: above.and_then(|above| NonInferiority::new(&above, 0.0, of.alpha).ok()),
        chance_to_win: posterior.map(|posterior| posterior.chance_to_win()),
        expected_loss: posterior.map(|posterior| posterior.loss_of_treatment()),
        tail,
        verdict,
    };
    (comparison, now)
}

/// An effect along a direction, and shifted.
pub(super) fn along(effect: &Evidence, sign: f64, shift: f64) -> Result<Evidence, Undefined> {
    Evidence::new(sign * effect.estimate() + shift, effect.error(), effect.units())?.freed(effect.freedom())
}

/// How far a metric is above the worst that its margin allows, in its direction.
fn above_margin(
    metric: &Metric,
    effect: &Effect,
    is_proportion: bool,
    [a, b]: [&Arm; 2],
) -> Result<Evidence, Undefined> {
    let sign = metric.direction.sign();
    match metric.null {
        Null::Zero => Err(Undefined::NoEffect),
        Null::Absolute(margin) => along(&effect.evidence, sign, margin),
        Null::Relative(margin) => {
            // The control's value is an estimate too, also where the margin is a part of it.
            let rest = 1.0 - sign * margin * if a.value() < 0.0 { -1.0 } else { 1.0 };
            let worst = Arm::new(a.units(), rest * a.value(), rest * rest * a.variance())?;
            let above = along(&difference(&worst, b)?, sign, 0.0)?;
            Ok(if is_proportion { above.normal() } else { above })
        }
    }
}

/// What the largest values of a metric do in each arm, if it is a mean of which all values are there.
fn tails_of(of: &Analysis, metric: usize) -> Vec<Option<Tail>> {
    let arms = of.arms.len();
    if of.is_told || of.is_proportion(metric) {
        return vec![None; arms];
    }
    let all: Vec<Moments> = of.cells_of(metric).iter().map(|cell| cell.moments).collect();
    tails(&of.values[metric * arms..(metric + 1) * arms], &all, of.cap, of.alpha)
}

fn splits(of: &Analysis) -> Vec<Split> {
    let mut splits = Vec::new();
    for arm in 1..of.arms.len() {
        for metric in 0..of.metrics.len() {
            let is_proportion = of.is_proportion(metric);
            splits.extend(of.columns.iter().filter_map(|column| split(of, arm, metric, is_proportion, column)));
        }
    }
    let discovery = |p: Vec<f64>| adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default();
    let by_split = discovery(splits.iter().map(|split| split.p).collect());
    splits.iter_mut().zip(by_split).for_each(|(split, p)| {
        split.p_adjusted = p;
        split.is_flagged = p <= of.alpha.value();
    });
    let by_part = discovery(splits.iter().flat_map(|split| split.parts.iter().map(|part| part.p)).collect());
    splits.iter_mut().flat_map(|split| &mut split.parts).zip(by_part).for_each(|(part, p)| part.p_adjusted = p);
    splits
}

fn split(of: &Analysis, arm: usize, metric: usize, is_proportion: bool, column: &Column) -> Option<Split> {
    let arms = of.arms.len();
    let effect = |(value, cells): (&String, &Vec<Cell>)| {
        let (a, b) = (cells[metric * arms], cells[metric * arms + arm]);
        let effect = difference(&a.arm(is_proportion), &b.arm(is_proportion)).ok()?.normal();
        Some((value.clone(), effect))
    };
    let (values, effects): (Vec<_>, Vec<_>) = column.values.iter().filter_map(effect).unzip();
    let found = Heterogeneity::new(&effects).ok()?;
    let z = of.alpha.z();
    let part = |((segment, effect), shrunk): ((String, &Evidence), &f64)| Part {
        segment,
        units: effect.units(),
        difference: effect.estimate(),
        error: effect.error(),
        interval: Interval::around(effect.estimate(), z * effect.error()),
        p: effect.p(),
        p_adjusted: 1.0,
        shrunk: *shrunk,
    };
    Some(Split {
        arm: of.arms[arm].clone(),
        metric: of.metrics[metric].name.clone(),
        column: column.name.clone(),
        q: found.q,
        freedom: found.freedom,
        p: found.p,
        p_adjusted: 1.0,
        i_squared: found.i_squared,
        between: found.between,
        is_flagged: false,
        parts: values.into_iter().zip(&effects).zip(&found.shrunk).map(part).collect(),
    })
}

/// Below this p of the sample ratio the verdicts are blocked (Fabijan et al., 2019, warn below 0.0005; this is the
/// usual round one).
const BALANCE: f64 = 0.001;
