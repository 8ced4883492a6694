//! A look at an experiment: every comparison, judged by the design, and how effects differ between segments.

use serde::{Deserialize, Serialize};

use super::across::{factors, trends};
use super::analysis::Analysis;
use super::cell::{Cell, Effect, Kind};
use super::days::days;
use super::findings::{Basis, Belief, Capped, Comparison, Covariate, Findings, Net, Size, Tail};
use super::flags::flags;
use super::judge::Judge;
use super::metric::Metric;
use super::recommend::recommend;
use super::split::splits;
use super::tail::tails;
use super::tier::tiers;
use super::{Balance, Design, Invalid, NonInferiority, Null, Posterior, Role, Verdict};
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
    let (splits, days, flags) = (splits(of), days(of), flags(of, &found, &judge));
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
        days,
        tiers: tiers(of),
        trends: trends(of),
        factors: factors(of),
        flags,
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
    let (a, b) = (&of.cells_of(index)[0], &of.cells_of(index)[arm]);
    let kind = of.kind(index);
    let effect = Effect::new(kind, a, b, of.alpha);
    let value_of = |cell: &Cell| cell.arm(kind).map_or(cell.moments.mean(), |arm| arm.value());
    let (base, value) = (value_of(a), value_of(b));
    let verdict = match &effect {
        Err(reason) => Verdict::Invalid(Invalid::Undefined(*reason)),
        Ok(_) if !(a.is_enough(kind) && b.is_enough(kind)) => Verdict::TooEarly,
        Ok(_) => Verdict::Inconclusive,
    };
    let effect = effect.ok();
    let difference = effect.as_ref().map_or(value - base, |effect| effect.evidence.estimate());
    let sign = metric.direction.sign();
    let posterior = effect.as_ref().and_then(|effect| along(&effect.evidence, sign, 0.0).ok());
    let posterior = posterior.map(|evidence| Posterior::new(&evidence, None));
    let asked = effect.as_ref().filter(|_| verdict == Verdict::Inconclusive);
    let above = asked.and_then(|effect| above_margin(metric, effect, kind).ok());
    let share = of.share(arm);
    let is_guardrail = metric.role == Role::Guardrail;
    let now = Smallest {
        both: asked.filter(|_| !is_guardrail).and_then(|effect| judge.p(&effect.test, share)),
        is_up: difference > 0.0,
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
        kind: kind.name(),
        quantile: if let Kind::Quantile(q) = kind { Some(q) } else { None },
        is_proportion: kind == Kind::Rate,
        base,
        value,
        difference,
        interval: effect.as_ref().map(|effect| effect.interval),
        interval_design: asked.and_then(|effect| judge.interval(&effect.evidence, share)),
        lift: (base.abs() > 0.0).then(|| difference / base.abs()),
        lift_interval: effect.as_ref().and_then(|effect| effect.lift(of.alpha)),
        error: effect.as_ref().map(|effect| effect.evidence.error()),
        p: asked.map(|effect| effect.test.p()),
        p_adjusted: None,
        p_design: None,
        p_design_adjusted: None,
        not_worse: above.and_then(|above| NonInferiority::new(&above, 0.0, of.alpha).ok()),
        chance_to_win: posterior.map(|posterior| posterior.chance_to_win()),
        expected_loss: posterior.map(|posterior| posterior.loss_of_treatment()),
        tail,
        capped: metric.cap.map(|at| Capped { at, units: (!of.is_told).then_some(metric.capped) }),
        lift_evidence: effect.as_ref().and_then(Effect::lift_evidence),
        belief: effect.as_ref().and_then(|effect| belief(of, index, effect)),
        net: effect.as_ref().and_then(|effect| net(of, index, arm, effect)),
        covariate: effect.as_ref().and_then(|effect| {
            let of = effect.adjusted.as_ref()?;
            Some(Covariate { theta: of.theta, variance_reduction: of.variance_reduction, unadjusted: value - base })
        }),
        verdict,
    };
    (comparison, now)
}

/// What past results and this one together say of the lift.
fn belief(of: &Analysis, metric: usize, effect: &Effect) -> Option<Belief> {
    let (learned, sign) = (of.plan.as_ref()?.metrics()[metric].learned?, of.metrics[metric].direction.sign());
    let after = Posterior::new(&effect.lift_evidence()?, Some(learned.prior().ok()?));
    let good = Posterior { mean: sign * after.mean, ..after };
    Some(Belief {
        learned,
        lift: after.mean,
        interval: after.interval(of.alpha),
        chance_to_win: good.chance_to_win(),
        expected_loss: good.loss_of_treatment(),
    })
}

/// What a unit of an arm earns more than one of the control, less what it costs more.
fn net(of: &Analysis, metric: usize, arm: usize, effect: &Effect) -> Option<Net> {
    let plan = of.plan.as_ref()?;
    let worth = plan.metrics()[metric].worth?;
    let cost = plan.arms()[arm].cost - plan.arms()[0].cost;
    let money = |difference: f64| worth * difference - cost;
    let Interval { low, high } = effect.interval;
    Some(Net {
        difference: money(effect.evidence.estimate()),
        interval: Interval { low: money(low), high: money(high) },
    })
}

/// An effect along a direction, and shifted.
pub(super) fn along(effect: &Evidence, sign: f64, shift: f64) -> Result<Evidence, Undefined> {
    Evidence::new(sign * effect.estimate() + shift, effect.error(), effect.units())?.freed(effect.freedom())
}

/// How far a metric is above the worst that its margin allows, in its direction.
fn above_margin(metric: &Metric, effect: &Effect, kind: Kind) -> Result<Evidence, Undefined> {
    let sign = metric.direction.sign();
    match metric.null {
        Null::Zero => Err(Undefined::NoEffect),
        Null::Absolute(margin) => along(&effect.evidence, sign, margin),
        Null::Relative(margin) => {
            // The control's value is an estimate too, also where the margin is a part of it.
            let rest = 1.0 - sign * margin * if effect.arms[0].value() < 0.0 { -1.0 } else { 1.0 };
            let above = along(&effect.above(rest)?, sign, 0.0)?;
            Ok(if kind == Kind::Rate { above.normal() } else { above })
        }
    }
}

/// What the largest values of a metric do in each arm, if it is a mean of which all values are there.
fn tails_of(of: &Analysis, metric: usize) -> Vec<Option<Tail>> {
    let arms = of.arms.len();
    if of.is_told || !of.metrics[metric].has_tail() || of.kind(metric) == Kind::Rate {
        return vec![None; arms];
    }
    let all: Vec<Moments> = of.cells_of(metric).iter().map(|cell| cell.moments).collect();
    tails(&of.values[metric * arms..(metric + 1) * arms], &all, of.cap, of.alpha)
}

/// Below this p of the sample ratio the verdicts are blocked (Fabijan et al., 2019, warn below 0.0005; this is the
/// usual round one).
const BALANCE: f64 = 0.001;
