//! A whole experiment analysed: every arm against the control, by metric and by segment.
//!
//! Units are observed one by one, each with its arm, its metrics and its segments. Rates (of which every unit has 0 or 1)
//! are compared by the pooled z and Newcombe's interval, means by Welch's t. What decides are the p-values of the plan's
//! design ([`Design`](super::Design)), which hold at all its looks; without a plan, always-valid ones. Those of one look
//! stand beside them as numbers. Primary metrics × arms are adjusted by Holm, secondary ones and segments by Benjamini
//! and Hochberg, guardrails are asked about harm alone and not adjusted.
//!
//! An observation costs O(metrics × segment columns); findings cost O(arms × metrics × segments), and some passes over
//! the values of means, which are kept (8 bytes each) so that their tails can be told.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::look::look;
use super::{Direction, ExperimentPlan, Findings, MetricKind, Null, Role};
use crate::stats::undefined::finite;
use crate::stats::{Alpha, Moments, Undefined};

/// An experiment being analysed.
///
/// Without a plan every metric is a primary one of which more is better, rates are told by their values, and one may look
/// at any time: [`AlwaysValid::unplanned`](super::AlwaysValid::unplanned), tuned for 10,000 units.
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
    pub(super) plan: Option<ExperimentPlan>,
    pub(super) arms: Vec<String>,
    pub(super) metrics: Vec<Metric>,
    pub(super) units: Vec<u64>,
    pub(super) weights: Vec<f64>,
    /// By metric, then by arm.
    pub(super) cells: Vec<Cell>,
    pub(super) values: Vec<Vec<f64>>,
    /// Whether some units came as sums, so that the values are not all.
    pub(super) is_told: bool,
    pub(super) columns: Vec<Column>,
    pub(super) alpha: Alpha,
    pub(super) cap: f64,
    pub(super) smallest: f64,
}

/// A metric as the plan has it.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) direction: Direction,
    pub(super) null: Null,
    /// None where the values tell.
    pub(super) kind: Option<MetricKind>,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) values: BTreeMap<String, Vec<Cell>>,
}

impl Analysis {
    /// Without a plan: arms, of which the first is the control; metrics; and segment columns. All arms expect the same
    /// share of the units.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two arms.
    pub fn new(arms: &[&str], metrics: &[&str], columns: &[&str]) -> Result<Self, Undefined> {
        if arms.len() < 2 {
            return Err(Undefined::OneArm);
        }
        let metric = |name: &&str| Metric {
            name: (*name).to_owned(),
            role: Role::Primary,
            direction: Direction::Up,
            null: Null::Zero,
            kind: None,
        };
        let arms = arms.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self::empty(arms, metrics.iter().map(metric).collect(), columns))
    }

    /// Under a plan: its arms, metrics, weights, error rate and smallest effect of interest; and segment columns.
    ///
    /// ```
    /// use bespoke::experiment::{Analysis, Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric, Verdict};
    /// let plan = ExperimentPlan::builder("the new page sells more")
    ///     .arm(PlannedArm::new("old")).arm(PlannedArm::new("new"))
    ///     .metric(PlannedMetric::primary("bought", MetricKind::Rate))
    ///     .design(Design::Fixed).units(2_000).build()?;
    /// let mut analysis = Analysis::planned(&plan, &[]);
    /// (0..1_000).try_for_each(|unit| analysis.observe(unit % 2, &[if unit % 5 < 1 + unit % 2 { 1.0 } else { 0.0 }], &[]))?;
    /// assert_eq!(analysis.findings().comparisons[0].verdict, Verdict::TooEarly); // half of the planned units
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn planned(plan: &ExperimentPlan, columns: &[&str]) -> Self {
        let metrics = plan.metrics().iter().map(|metric| Metric {
            name: metric.name.clone(),
            role: metric.role,
            direction: metric.direction,
            null: metric.null,
            kind: Some(metric.kind),
        });
        let arms = plan.arms().iter().map(|arm| arm.name.clone()).collect();
        let mut analysis = Self::empty(arms, metrics.collect(), columns);
        analysis.weights = plan.arms().iter().map(|arm| arm.weight).collect();
        (analysis.alpha, analysis.smallest) = (plan.alpha(), plan.smallest());
        analysis.plan = Some(plan.clone());
        analysis
    }

    fn empty(arms: Vec<String>, metrics: Vec<Metric>, columns: &[&str]) -> Self {
        let cells = arms.len() * metrics.len();
        let column = |name: &&str| Column { name: (*name).to_owned(), values: BTreeMap::new() };
        Self {
            plan: None,
            units: vec![0; arms.len()],
            weights: vec![1.0; arms.len()],
            cells: vec![Cell::default(); cells],
            values: vec![Vec::new(); cells],
            is_told: false,
            columns: columns.iter().map(column).collect(),
            arms,
            metrics,
            alpha: Alpha::USUAL,
            cap: 0.999,
            smallest: 0.05,
        }
    }

    /// The shares that the arms expect, relative to each other; under a plan, the plan's stay.
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
        if self.plan.is_none() {
            self.weights = weights.to_vec();
        }
        Ok(self)
    }

    /// The two-sided error rate, 0.05 unless given; under a plan, the plan's stays.
    #[must_use]
    pub fn alpha(mut self, alpha: Alpha) -> Self {
        if self.plan.is_none() {
            self.alpha = alpha;
        }
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

    /// The smallest effect of interest as a share of the control's value, 0.05 unless given; under a plan, the plan's
    /// stays.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless it is above zero.
    pub fn smallest(mut self, lift: f64) -> Result<Self, Undefined> {
        let lift = crate::stats::undefined::positive(lift)?;
        if self.plan.is_none() {
            self.smallest = lift;
        }
        Ok(self)
    }

    /// Takes in a unit: its arm, a value for each metric, and a segment for each column.
    ///
    /// Of a column, the first [`Analysis::SEGMENTS`] values count each; those that come later are one, `(others)`.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for an arm there is not, or lists of other lengths; [`Undefined::NotFinite`];
    /// [`Undefined::NotZeroOrOne`] for another value of what the plan says is a rate. The unit is then left out whole.
    pub fn observe(&mut self, arm: usize, metrics: &[f64], segments: &[&str]) -> Result<(), Undefined> {
        let (arms, many) = (self.arms.len(), self.metrics.len());
        if arm >= arms || metrics.len() != many || segments.len() != self.columns.len() {
            return Err(Undefined::LengthMismatch);
        }
        for (value, metric) in metrics.iter().zip(&self.metrics) {
            finite(*value)?;
            // Both are exact.
            let is_rate = value.abs().total_cmp(&0.0).is_eq() || value.total_cmp(&1.0).is_eq();
            if metric.kind == Some(MetricKind::Rate) && !is_rate {
                return Err(Undefined::NotZeroOrOne);
            }
        }
        self.units[arm] += 1;
        for (metric, value) in metrics.iter().enumerate() {
            if self.metrics[metric].kind != Some(MetricKind::Rate) {
                self.values[metric * arms + arm].push(*value);
            }
        }
        self.put(arm, segments, &mut |metric, cell| cell.observe(metrics[metric]));
        Ok(())
    }

    /// Takes in many units at once, as a warehouse adds them up: how many, the sum and the sum of squares of each metric,
    /// and the segment that all of them have in each column. The findings are those of the units one by one up to
    /// rounding, but for tails, which sums do not know.
    ///
    /// ```
    /// use bespoke::experiment::Analysis;
    /// let mut analysis = Analysis::new(&["old", "new"], &["bought", "spend"], &[])?;
    /// analysis.observe_sums(0, 1_000, &[[100.0, 100.0], [2_500.0, 90_000.0]], &[])?;
    /// analysis.observe_sums(1, 1_000, &[[130.0, 130.0], [3_100.0, 99_000.0]], &[])?;
    /// let found = &analysis.findings().comparisons;
    /// assert!(found[0].is_proportion && (found[0].difference - 0.03).abs() < 1e-12);
    /// assert!(!found[1].is_proportion && (found[1].difference - 0.6).abs() < 1e-12);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] as [`Analysis::observe`]; what [`Moments::from_sums`] refuses, and
    /// [`Undefined::NotACount`] beyond 2^53 units in all; and
    /// [`Undefined::NotZeroOrOne`] for sums that no zeros and ones have, of what the plan says is a rate. Without a plan
    /// such a metric is a mean. The units are then left out whole.
    pub fn observe_sums(
        &mut self,
        arm: usize,
        units: u64,
        sums: &[[f64; 2]],
        segments: &[&str],
    ) -> Result<(), Undefined> {
        let many = self.metrics.len();
        if arm >= self.arms.len() || sums.len() != many || segments.len() != self.columns.len() {
            return Err(Undefined::LengthMismatch);
        }
        if self.units().saturating_add(units) > MOST_UNITS {
            return Err(Undefined::NotACount);
        }
        let mut told = Vec::with_capacity(many);
        for ([sum, squares], metric) in sums.iter().zip(&self.metrics) {
            // Counts beyond 2^53 are refused there.
            let cell = Cell::of_sums(Moments::from_sums(units as f64, *sum, *squares)?, *sum, *squares);
            if metric.kind == Some(MetricKind::Rate) && !cell.is_rate() {
                return Err(Undefined::NotZeroOrOne);
            }
            told.push(cell);
        }
        self.units[arm] += units;
        self.is_told = true;
        self.put(arm, segments, &mut |metric, cell| cell.merge(&told[metric]));
        Ok(())
    }

    /// Changes the cells of an arm: those of all units, and those of a segment of each column.
    fn put(&mut self, arm: usize, segments: &[&str], change: &mut dyn FnMut(usize, &mut Cell)) {
        let (arms, many) = (self.arms.len(), self.metrics.len());
        (0..many).for_each(|metric| change(metric, &mut self.cells[metric * arms + arm]));
        for (column, segment) in self.columns.iter_mut().zip(segments) {
            let known = column.values.contains_key(*segment) || column.values.len() < Self::SEGMENTS;
            let segment = if known { segment } else { "(others)" };
            if !column.values.contains_key(segment) {
                column.values.insert(segment.to_owned(), vec![Cell::default(); arms * many]);
            }
            let Some(cells) = column.values.get_mut(segment) else { continue };
            (0..many).for_each(|metric| change(metric, &mut cells[metric * arms + arm]));
        }
    }

    /// How many values of a segment column count each.
    pub const SEGMENTS: usize = 1_000;

    /// How many units there are in all arms.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units.iter().sum()
    }

    /// What the units say, at the first look under a plan; further looks are a [`Registration`](super::Registration)'s,
    /// which knows what was seen before.
    #[must_use]
    pub fn findings(&self) -> Findings {
        look(self, &[self.units()], None, &mut Vec::new())
    }

    pub(super) fn is_proportion(&self, metric: usize) -> bool {
        match self.metrics[metric].kind {
            Some(kind) => kind == MetricKind::Rate,
            None => self.cells_of(metric).iter().all(Cell::is_rate),
        }
    }

    /// The cells of a metric, the control's first.
    pub(super) fn cells_of(&self, metric: usize) -> &[Cell] {
        let arms = self.arms.len();
        &self.cells[metric * arms..(metric + 1) * arms]
    }

    /// The part of all units that the control and an arm expect together.
    pub(super) fn share(&self, arm: usize) -> f64 {
        let total: f64 = self.weights.iter().sum();
        if total > 0.0 { (self.weights[0] + self.weights[arm]) / total } else { 1.0 }
    }
}

/// What `f64` counts one by one.
const MOST_UNITS: u64 = 1 << 53;

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
