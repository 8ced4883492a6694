//! From verdicts to what to do: all primary metrics and guardrails of an arm are read, and the segments.

use super::analysis::Analysis;
use super::findings::{Comparison, Findings, Split};
use super::judge::Judge;
use super::look::along;
use super::metric::Metric;
use super::{Design, Invalid, Null, Recommendation, Role, Verdict, boundary_z, optimal_ratio};
use crate::stats::{Adjustment, Evidence, adjusted, normal_upper_quantile};

/// What to do with an arm.
pub(super) fn recommend(of: &Analysis, findings: &Findings, arm: usize, judge: &Judge) -> Recommendation {
    let mine = |found: &&Comparison| found.arm == of.arms[arm];
    let with = |role: Role| findings.comparisons.iter().filter(mine).filter(move |found| found.role == role);
    let is_invalid = |found: &Comparison| matches!(found.verdict, Verdict::Invalid(_));
    let unsound = with(Role::Primary).any(|found| found.verdict == Verdict::Invalid(Invalid::SampleRatio));
    if unsound || with(Role::Primary).all(is_invalid) {
        return Recommendation::Repair;
    }
    if with(Role::Guardrail).any(|found| found.verdict == Verdict::Inferior) {
        return Recommendation::Stop;
    }
    let is_gain = |found: &&Comparison| matches!(found.verdict, Verdict::Superior | Verdict::NonInferior);
    let names = |found: Vec<&Comparison>| found.iter().map(|found| found.metric.clone()).collect::<Vec<_>>();
    let gains = names(with(Role::Primary).filter(is_gain).collect());
    let losses = names(with(Role::Primary).filter(|found| found.verdict == Verdict::Inferior).collect());
    let metric = |name: &str| of.metrics.iter().find(|metric| metric.name == name);
    let has_margin = |found: &Comparison| metric(&found.metric).is_some_and(|metric| metric.null != Null::Zero);
    // What was to be shown to be not worse and is not yet.
    let mut open = with(Role::Primary).chain(with(Role::Guardrail)).filter(|found| has_margin(found));
    let is_open = open.any(|found| !is_gain(&found));
    match (gains.is_empty(), losses.is_empty()) {
        (false, false) => Recommendation::Weigh { gains, losses },
        (true, false) => retarget(of, findings, arm, judge).unwrap_or(Recommendation::Stop),
        (false, true) if !is_open => retarget(of, findings, arm, judge).unwrap_or(Recommendation::Ship),
        _ => {
            let undecided = with(Role::Primary).chain(with(Role::Guardrail).filter(|found| has_margin(found)));
            let undecided: Vec<&Comparison> = undecided.filter(|found| !is_gain(found) && !is_invalid(found)).collect();
            retarget(of, findings, arm, judge).unwrap_or_else(|| run_on(of, &undecided, arm))
        }
    }
}

/// By the column whose segments differ most in a primary metric, if some are better left out.
fn retarget(of: &Analysis, findings: &Findings, arm: usize, judge: &Judge) -> Option<Recommendation> {
    let mut flagged: Vec<(&Metric, &Split)> = Vec::new();
    for split in findings.splits.iter().filter(|split| split.is_flagged && split.arm == of.arms[arm]) {
        let metric = of.metrics.iter().find(|metric| metric.name == split.metric)?;
        if metric.role == Role::Primary {
            flagged.push((metric, split));
        }
    }
    flagged.sort_by(|(_, a), (_, b)| a.p.total_cmp(&b.p));
    flagged.into_iter().find_map(|(metric, split)| {
        let values = kept(split, metric.direction.sign(), of, of.share(arm), judge)?;
        Some(Recommendation::Retarget { column: split.column.clone(), values })
    })
}

/// The segments of a column that an arm is for; none if it is for all of them or cannot be shown to help those.
///
/// A segment is left out only if it is shown to be worse than the control by what is thought of it after all segments
/// were seen, or if its effect is shown to be lower than that of the others (Holm over the column) and is not shown to
/// be good. That its own effect is not shown is no reason: it may be small. Only this column's numbers are read.
fn kept(split: &Split, sign: f64, of: &Analysis, share: f64, judge: &Judge) -> Option<Vec<String>> {
    let weights: Vec<f64> = split.parts.iter().map(|part| 1.0 / (part.error * part.error)).collect();
    let total: f64 = weights.iter().sum();
    let sum: f64 = split.parts.iter().zip(&weights).map(|(part, weight)| weight * part.difference).sum();
    let units: u64 = split.parts.iter().map(|part| part.units).fold(0, u64::saturating_add);
    let lower = split.parts.iter().zip(&weights).map(|(part, weight)| {
        let rest = total - weight;
        let others = (sum - weight * part.difference) / rest;
        let error = libm::sqrt(1.0 / weight + 1.0 / rest);
        let gap = Evidence::new(sign * (others - part.difference), error, units).ok()?;
        // No design's p is below that of one look, which is quicker to tell.
        if gap.p_above() > of.alpha.value() { Some(1.0) } else { judge.p_above(&gap, share) }
    });
    let lower = adjusted(&lower.collect::<Option<Vec<f64>>>()?, Adjustment::Holm).ok()?;
    let is_kept = |at: &usize| {
        let part = &split.parts[*at];
        let squared = part.error * part.error;
        let deviation = libm::sqrt(split.between * squared / (split.between + squared));
        let (thought, reach) = (sign * part.shrunk, of.alpha.z() * deviation);
        let is_bad = thought + reach < 0.0;
        let is_lower = lower[*at] <= of.alpha.value() && thought - reach <= 0.0;
        !(is_bad || is_lower)
    };
    let left: Vec<usize> = (0..split.parts.len()).filter(is_kept).collect();
    if left.is_empty() || left.len() == split.parts.len() {
        return None;
    }
    let over = |what: &dyn Fn(usize) -> f64| left.iter().map(|at| what(*at)).sum::<f64>();
    let weight = over(&|at| weights[at]);
    let units = left.iter().map(|at| split.parts[*at].units).fold(0, u64::saturating_add);
    let mean = over(&|at| weights[at] * split.parts[at].difference) / weight;
    let together = Evidence::new(mean, libm::sqrt(1.0 / weight), units).ok()?;
    let p = judge.p_above(&along(&together, sign, 0.0).ok()?, share)?;
    let values = left.iter().map(|at| split.parts[*at].segment.clone()).collect();
    (p <= of.alpha.tail()).then_some(values)
}

/// Until the smallest effect of interest is found, or a margin excluded, with the power that is wanted.
fn run_on(of: &Analysis, undecided: &[&Comparison], arm: usize) -> Recommendation {
    let least = of.units[0].min(of.units[arm]);
    let planned = of.plan.as_ref().and_then(|plan| plan.units());
    let design = of.plan.as_ref().map_or(Design::AlwaysValid, |plan| plan.design());
    let ends = design != Design::AlwaysValid;
    if let (Some(planned), true) = (planned, ends) {
        if of.units() < planned {
            let total: f64 = of.weights.iter().sum();
            let weight = of.weights[0].min(of.weights[arm]);
            // Casts from `f64` saturate.
            return Recommendation::RunOn { units: libm::ceil(planned as f64 * weight / total) as u64 };
        }
    }
    let power = of.plan.as_ref().map_or(0.8, |plan| plan.power());
    let of_power = normal_upper_quantile(1.0 - power);
    let tuned = planned.map_or(10_000.0, |units| 0.5 * units as f64 * of.share(arm));
    let now = (of.units[0] + of.units[arm]) as f64;
    let mut most: f64 = 0.0;
    for found in undecided {
        let metric = of.metrics.iter().find(|metric| metric.name == found.metric);
        let effect = match metric.map(|metric| metric.null) {
            Some(Null::Absolute(margin)) => margin,
            Some(Null::Relative(margin)) => margin * found.base.abs(),
            _ => of.smallest * found.base.abs(),
        };
        let (Some(error), true) = (found.error, effect > 0.0) else { continue };
        let mut times: f64 = 1.0;
        // What the mixture asks for rises slowly with the units themselves.
        for _ in 0..if ends { 1 } else { 8 } {
            let reach =
                if ends { of.alpha.z() } else { boundary_z(now * times / tuned * optimal_ratio(of.alpha), of.alpha) };
            let root = (reach + of_power) * error / effect;
            times = root * root;
        }
        most = most.max(times);
    }
    // Where nothing is known of an effect, twice as many.
    let times = if most > 0.0 { most } else { 2.0 };
    let units = libm::ceil(least.max(1) as f64 * times) as u64;
    match units > least {
        true if ends => Recommendation::Replan { units },
        true => Recommendation::RunOn { units },
        false => Recommendation::Drop,
    }
}
