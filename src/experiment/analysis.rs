//! A whole experiment analysed: every arm against the control, by metric and by segment.
//!
//! Units are observed one by one, each with its arm, its metrics and its segments. Metrics that are only ever 0 or 1
//! are proportions (pooled z for p, Newcombe's interval); others are means (Welch). The verdicts are those of **one
//! look, at a time fixed before**. p-values are adjusted by Holm over metrics × arms; those of segments by Benjamini
//! and Hochberg. An observation costs O(metrics × segment columns); findings cost O(arms × metrics × segments), and
//! a sort of each metric that is a mean, whose values are kept (8 bytes each) so that its tail can be capped.

use std::collections::BTreeMap;

use super::findings::{Comparison, Findings, Part, Size, Split, Tail};
use super::{Arm, Balance, Heterogeneity, Posterior, Recommendation, Verdict, as_lift, difference, fieller, log_ratio};
use crate::stats::normal_upper_quantile;
use crate::stats::undefined::finite;
use crate::stats::{Adjustment, Alpha, Evidence, Interval, Moments, Proportion, Undefined, adjusted};

/// An experiment being analysed.
///
/// ```
/// use bespoke::experiment::{Analysis, Verdict};
/// let mut analysis = Analysis::new(&["old", "new"], &["bought"], &[])?;
/// for unit in 0..2_000 {
///     let (arm, turn) = (unit % 2, unit / 2 % 10);
///     analysis.observe(arm, &[if turn < 2 + arm { 1.0 } else { 0.0 }], &[])?;
/// }
/// let findings = analysis.findings();
/// assert_eq!(findings.comparisons[0].verdict, Verdict::Superior);
/// assert!((findings.comparisons[0].difference - 0.1).abs() < 1e-12);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Debug)]
pub struct Analysis {
    arms: Vec<String>,
    metrics: Vec<String>,
    units: Vec<u64>,
    weights: Vec<f64>,
    cells: Vec<Cell>,
    values: Vec<Vec<f64>>,
    columns: Vec<Column>,
    alpha: Alpha,
    cap: f64,
    smallest: f64,
}

/// A metric in an arm.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    moments: Moments,
    ones: u64,
    others: u64,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    values: BTreeMap<String, Vec<Cell>>,
}

impl Analysis {
    /// Arms, of which the first is the control; metrics, of which the first is the primary one; and segment columns.
    /// All arms expect the same share of the units.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two arms.
    pub fn new(arms: &[&str], metrics: &[&str], columns: &[&str]) -> Result<Self, Undefined> {
        if arms.len() < 2 {
            return Err(Undefined::OneArm);
        }
        let cells = arms.len() * metrics.len();
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let column = |name: &String| Column { name: name.clone(), values: BTreeMap::new() };
        Ok(Self {
            units: vec![0; arms.len()],
            weights: vec![1.0; arms.len()],
            cells: vec![Cell::default(); cells],
            values: vec![Vec::new(); cells],
            columns: owned(columns).iter().map(column).collect(),
            arms: owned(arms),
            metrics: owned(metrics),
            alpha: Alpha::USUAL,
            cap: 0.999,
            smallest: 0.05,
        })
    }

    /// The shares that the arms expect, relative to each other.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`], [`Undefined::BadWeight`].
    pub fn weights(mut self, weights: &[f64]) -> Result<Self, Undefined> {
        if weights.len() != self.arms.len() {
            return Err(Undefined::LengthMismatch);
        }
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return Err(Undefined::BadWeight);
        }
        self.weights = weights.to_vec();
        Ok(self)
    }

    /// The two-sided error rate, 0.05 unless given.
    #[must_use]
    pub const fn alpha(mut self, alpha: Alpha) -> Self {
        self.alpha = alpha;
        self
    }

    /// The quantile of all arms together at which means are capped besides, 0.999 unless given.
    ///
    /// # Errors
    /// [`Undefined::Rate`] unless it lies between 0 and 1.
    pub fn cap(mut self, quantile: f64) -> Result<Self, Undefined> {
        if !(quantile > 0.0 && quantile < 1.0) {
            return Err(Undefined::Rate);
        }
        self.cap = quantile;
        Ok(self)
    }

    /// The smallest effect of interest as a share of the control's value, 0.05 unless given.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless it is above zero.
    pub fn smallest(mut self, lift: f64) -> Result<Self, Undefined> {
        self.smallest = crate::stats::undefined::positive(lift)?;
        Ok(self)
    }

    /// Takes in a unit: its arm, a value for each metric, and a segment for each column.
    ///
    /// Of a column, the first [`Analysis::SEGMENTS`] values count each; those that come later are one, `(others)`.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for an arm there is not, or lists of other lengths; [`Undefined::NotFinite`].
    pub fn observe(&mut self, arm: usize, metrics: &[f64], segments: &[&str]) -> Result<(), Undefined> {
        let (arms, many) = (self.arms.len(), self.metrics.len());
        if arm >= arms || metrics.len() != many || segments.len() != self.columns.len() {
            return Err(Undefined::LengthMismatch);
        }
        metrics.iter().try_for_each(|value| finite(*value).map(drop))?;
        self.units[arm] += 1;
        for (metric, value) in metrics.iter().enumerate() {
            self.cells[metric * arms + arm].observe(*value);
            self.values[metric * arms + arm].push(*value);
        }
        for (column, segment) in self.columns.iter_mut().zip(segments) {
            let known = column.values.contains_key(*segment) || column.values.len() < Self::SEGMENTS;
            let segment = if known { segment } else { "(others)" };
            if !column.values.contains_key(segment) {
                column.values.insert(segment.to_owned(), vec![Cell::default(); arms * many]);
            }
            let Some(cells) = column.values.get_mut(segment) else { continue };
            metrics.iter().enumerate().for_each(|(metric, value)| cells[metric * arms + arm].observe(*value));
        }
        Ok(())
    }

    /// How many values of a segment column count each.
    pub const SEGMENTS: usize = 1_000;

    /// What the units say.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let balance = Balance::new(&self.units, &self.weights);
        let sound = balance.as_ref().is_ok_and(|balance| balance.p >= BALANCE);
        let arms = self.arms.len();
        let caps: Vec<Option<Cap>> = (0..self.metrics.len()).map(|metric| self.capped_at(metric)).collect();
        let mut comparisons = Vec::new();
        for arm in 1..arms {
            for (metric, cap) in caps.iter().enumerate() {
                comparisons.push(self.compare(metric, arm, *cap));
            }
        }
        let p: Vec<f64> = comparisons.iter().filter_map(|found| found.p).collect();
        let holm = adjusted(&p, Adjustment::Holm).unwrap_or_default();
        let answered = comparisons.iter_mut().filter(|found| found.p.is_some());
        answered.zip(holm).for_each(|(found, p)| found.p_adjusted = Some(p));
        for found in &mut comparisons {
            found.verdict = match (found.verdict, found.p_adjusted) {
                (Verdict::Undefined(_), _) if sound => continue,
                _ if !sound => Verdict::Mismatch,
                (Verdict::TooEarly, _) => continue,
                (_, Some(p)) if p <= self.alpha.value() && found.difference > 0.0 => Verdict::Superior,
                (_, Some(p)) if p <= self.alpha.value() => Verdict::Inferior,
                _ => Verdict::Inconclusive,
            };
        }
        let splits = self.splits();
        let primary = comparisons.iter().filter(|found| Some(&found.metric) == self.metrics.first());
        let recommendations = primary.map(|found| (found.arm.clone(), self.recommend(found, &splits))).collect();
        Findings {
            sizes: self
                .arms
                .iter()
                .zip(&self.units)
                .map(|(arm, units)| Size { arm: arm.clone(), units: *units })
                .collect(),
            balance: balance.ok(),
            comparisons,
            splits,
            recommendations,
        }
    }

    fn is_proportion(&self, metric: usize) -> bool {
        let arms = self.arms.len();
        self.cells[metric * arms..(metric + 1) * arms].iter().all(|cell| cell.others == 0)
    }

    fn compare(&self, metric: usize, arm: usize, cap: Option<Cap>) -> Comparison {
        let arms = self.arms.len();
        let (a, b) = (self.cells[metric * arms], self.cells[metric * arms + arm]);
        let is_proportion = self.is_proportion(metric);
        let effect = Effect::new(&a, &b, is_proportion, self.alpha);
        let (base, value) = (a.moments.mean(), b.moments.mean());
        let enough = |cell: &Cell| {
            let failures = cell.moments.count() - cell.ones;
            let units = if is_proportion { 100 } else { 500 };
            cell.moments.count() >= units && (!is_proportion || cell.ones.min(failures) >= 5)
        };
        let verdict = match &effect {
            Err(reason) => Verdict::Undefined(*reason),
            Ok(_) if !(enough(&a) && enough(&b)) => Verdict::TooEarly,
            Ok(_) => Verdict::Inconclusive,
        };
        let p = effect.as_ref().ok().map(|effect| effect.p).filter(|_| verdict != Verdict::TooEarly);
        let posterior = effect.as_ref().ok().map(|effect| Posterior::new(&effect.evidence, None));
        let arms_of = |is: bool| (a.arm(is), b.arm(is));
        let (of_a, of_b) = arms_of(is_proportion);
        let lift_interval = log_ratio(&of_a, &of_b)
            .map(|ratio| as_lift(ratio.interval(self.alpha)))
            .ok()
            .or_else(|| fieller(&of_a, &of_b, self.alpha).ok().flatten());
        Comparison {
            arm: self.arms[arm].clone(),
            metric: self.metrics[metric].clone(),
            is_proportion,
            base,
            value,
            difference: value - base,
            interval: effect.as_ref().ok().map(|effect| effect.interval),
            lift: (base.abs() > 0.0).then(|| (value - base) / base.abs()),
            lift_interval,
            error: effect.as_ref().ok().map(|effect| effect.evidence.error()),
            p,
            p_adjusted: None,
            chance_to_win: posterior.map(|posterior| posterior.chance_to_win()),
            expected_loss: posterior.map(|posterior| posterior.loss_of_treatment()),
            tail: cap.and_then(|cap| self.tail(metric, arm, cap)),
            verdict,
        }
    }

    /// Where the values of a metric are capped, if it is a mean.
    fn capped_at(&self, metric: usize) -> Option<Cap> {
        if self.is_proportion(metric) {
            return None;
        }
        let arms = self.arms.len();
        let mut pooled: Vec<f64> = self.values[metric * arms..(metric + 1) * arms].concat();
        pooled.sort_by(f64::total_cmp);
        let at = linear_quantile(&pooled, self.cap)?;
        Some(Cap { at, units: (pooled.len() - pooled.partition_point(|value| *value <= at)) as u64 })
    }

    /// What the largest values do to the gap between the means.
    fn tail(&self, metric: usize, arm: usize, cap: Cap) -> Option<Tail> {
        let arms = self.arms.len();
        let (a, b) = (&self.values[metric * arms], &self.values[metric * arms + arm]);
        let mean = |values: &[f64]| values.iter().copied().collect::<Moments>();
        let far = |values: &[f64]| {
            let center = mean(values).mean();
            let off = |at: &usize| (values[*at] - center).abs();
            (0..values.len()).max_by(|x, y| off(x).total_cmp(&off(y)).then(y.cmp(x)))
        };
        let without = |values: &[f64]| -> Option<(f64, Moments)> {
            let at = far(values)?;
            let left: Moments = values.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, value)| *value).collect();
            Some((mean(values).mean() - left.mean(), left))
        };
        let ((shift_a, less_a), (shift_b, less_b)) = (without(a)?, without(b)?);
        let (all_a, all_b) = (mean(a), mean(b));
        let gap = |a: &Moments, b: &Moments| difference(&Arm::from(a), &Arm::from(b)).ok();
        let (moved_by, left) = if shift_a.abs() >= shift_b.abs() {
            (shift_a.abs(), gap(&less_a, &all_b)?)
        } else {
            (shift_b.abs(), gap(&all_a, &less_b)?)
        };
        let capped = |values: &[f64]| values.iter().map(|value| value.min(cap.at)).collect::<Moments>();
        let capped_effect = gap(&capped(a), &capped(b))?;
        let whole = gap(&all_a, &all_b)?;
        let effect = |found: &Evidence| (found.estimate(), found.interval(self.alpha), found.p());
        Some(Tail {
            moved_by,
            is_heavy: moved_by > HEAVY * whole.error(),
            without: effect(&left).into(),
            cap: cap.at,
            units_capped: cap.units,
            capped: effect(&capped_effect).into(),
        })
    }

    fn splits(&self) -> Vec<Split> {
        let mut splits = Vec::new();
        let arms = self.arms.len();
        for arm in 1..arms {
            for (metric, name) in self.metrics.iter().enumerate() {
                let is_proportion = self.is_proportion(metric);
                for column in &self.columns {
                    let effect = |(value, cells): (&String, &Vec<Cell>)| {
                        let (a, b) = (cells[metric * arms], cells[metric * arms + arm]);
                        let effect = difference(&a.arm(is_proportion), &b.arm(is_proportion)).ok()?.normal();
                        Some((value.clone(), effect))
                    };
                    let (values, effects): (Vec<_>, Vec<_>) = column.values.iter().filter_map(effect).unzip();
                    let Ok(found) = Heterogeneity::new(&effects) else { continue };
                    let z = self.alpha.z();
                    let part = |((segment, effect), shrunk): ((String, &Evidence), &f64)| Part {
                        segment,
                        units: effect.units(),
                        difference: effect.estimate(),
                        interval: Interval {
                            low: effect.estimate() - z * effect.error(),
                            high: effect.estimate() + z * effect.error(),
                        },
                        p: effect.p(),
                        p_adjusted: 1.0,
                        shrunk: *shrunk,
                    };
                    splits.push(Split {
                        arm: self.arms[arm].clone(),
                        metric: name.clone(),
                        column: column.name.clone(),
                        q: found.q,
                        freedom: found.freedom,
                        p: found.p,
                        p_adjusted: 1.0,
                        i_squared: found.i_squared,
                        is_flagged: false,
                        parts: values.into_iter().zip(&effects).zip(&found.shrunk).map(part).collect(),
                    });
                }
            }
        }
        let discovery = |p: Vec<f64>| adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default();
        let by_split = discovery(splits.iter().map(|split| split.p).collect());
        splits.iter_mut().zip(by_split).for_each(|(split, p)| {
            split.p_adjusted = p;
            split.is_flagged = p <= self.alpha.value();
        });
        let by_part = discovery(splits.iter().flat_map(|split| split.parts.iter().map(|part| part.p)).collect());
        splits.iter_mut().flat_map(|split| &mut split.parts).zip(by_part).for_each(|(part, p)| part.p_adjusted = p);
        splits
    }

    fn recommend(&self, found: &Comparison, splits: &[Split]) -> Recommendation {
        let helped = |part: &&Part| part.p_adjusted <= self.alpha.value() && part.difference > 0.0;
        let mine = |split: &&Split| split.is_flagged && split.arm == found.arm && split.metric == found.metric;
        let strongest = splits.iter().filter(mine).min_by(|a, b| a.p.total_cmp(&b.p));
        let retarget = strongest.and_then(|split| {
            let values: Vec<String> = split.parts.iter().filter(helped).map(|part| part.segment.clone()).collect();
            let some = !values.is_empty() && values.len() < split.parts.len();
            some.then(|| Recommendation::Retarget { column: split.column.clone(), values })
        });
        match found.verdict {
            Verdict::Mismatch | Verdict::Undefined(_) => Recommendation::Repair,
            Verdict::Superior => retarget.unwrap_or(Recommendation::Ship),
            Verdict::Inferior => retarget.unwrap_or(Recommendation::Stop),
            Verdict::Inconclusive | Verdict::TooEarly => retarget.unwrap_or_else(|| self.run_on(found)),
        }
    }

    /// Until the smallest effect of interest is found with a power of 0.8, at the error that a unit has had.
    fn run_on(&self, found: &Comparison) -> Recommendation {
        let smallest = self.smallest * found.base.abs();
        let now = self.units.iter().copied().min().unwrap_or(0);
        let (Some(error), true) = (found.error, smallest > 0.0) else { return Recommendation::Repair };
        let errors = (self.alpha.z() + normal_upper_quantile(0.2)) * error / smallest;
        // Casts from `f64` saturate.
        let units = libm::ceil(now as f64 * errors * errors) as u64;
        if units > now { Recommendation::RunOn { units } } else { Recommendation::Drop }
    }
}

impl Cell {
    fn observe(&mut self, value: f64) {
        self.moments.observe(value);
        if value.total_cmp(&1.0).is_eq() {
            self.ones += 1;
        } else if value.abs() > 0.0 {
            self.others += 1;
        }
    }

    fn proportion(&self) -> Result<Proportion, Undefined> {
        Proportion::new(self.ones, self.moments.count())
    }

    fn arm(&self, is_proportion: bool) -> Arm {
        match self.proportion() {
            Ok(proportion) if is_proportion => Arm::from(&proportion),
            _ => Arm::from(&self.moments),
        }
    }
}

/// Where a metric is capped, and how many units lie above.
#[derive(Clone, Copy)]
struct Cap {
    at: f64,
    units: u64,
}

/// A difference, its p and its interval, by the convention of its kind of metric.
struct Effect {
    evidence: Evidence,
    p: f64,
    interval: Interval,
}

impl Effect {
    fn new(a: &Cell, b: &Cell, is_proportion: bool, alpha: Alpha) -> Result<Self, Undefined> {
        if is_proportion {
            let (a, b) = (a.proportion()?, b.proportion()?);
            let evidence = Proportion::unpooled(&a, &b)?;
            let p = Proportion::pooled(&a, &b)?.p();
            return Ok(Self { evidence, p, interval: Proportion::newcombe(&a, &b, alpha)? });
        }
        let evidence = difference(&a.arm(false), &b.arm(false))?;
        Ok(Self { evidence, p: evidence.p(), interval: evidence.interval(alpha) })
    }
}

/// Between the two order statistics next to it, as numpy does by default.
fn linear_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let at = q * sorted.len().checked_sub(1)? as f64;
    // The quantile lies in (0, 1), so that both are indices.
    let low = *sorted.get(libm::floor(at) as usize)?;
    let high = *sorted.get(libm::ceil(at) as usize)?;
    Some(low + (high - low) * (at - libm::floor(at)))
}

/// Below this p of the sample ratio the verdicts are blocked (Fabijan et al., 2019, warn below 0.0005; this is the
/// usual round one).
const BALANCE: f64 = 0.001;
/// A tail is heavy if one unit moves the gap by more than so many of its standard errors.
const HEAVY: f64 = 0.5;

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
