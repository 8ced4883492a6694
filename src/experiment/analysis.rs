//! A whole experiment analysed: every arm against the control, by metric and by segment.
//!
//! Units are observed one by one, each with its arm, its metrics and its segments. Rates (of which every unit has zero
//! or one) are compared by the pooled z and Newcombe's interval, means by Welch's t. What decides are the p-values of
//! the plan's design ([`Design`](super::Design)), which hold at all its looks; without a plan, always-valid ones. Those
//! of one look stand beside them as numbers. Primary metrics × arms are adjusted by Holm, secondary ones and segments
//! by Benjamini and Hochberg, guardrails are asked about harm alone and not adjusted.
//!
//! Ratios, quantiles, covariates and fixed caps are a plan's ([`PlannedMetric`](super::PlannedMetric)). A column may
//! hold the day on which a unit came ([`Analysis::days`]): the effect is then followed over days. Analyses of shards or
//! days merge.
//!
//! An observation costs O(metrics × segment columns); findings cost O(arms × metrics × segments), and some passes over
//! the values of means, which are kept (8 bytes each) so that their tails can be told.

use super::cell::{Cell, Kind};
use super::look::look;
use super::metric::{Column, Content, Metric, empty_cells};
use super::{ExperimentPlan, Findings, Measure};
use crate::stats::undefined::{count, finite};
use crate::stats::{Alpha, Undefined};

/// An experiment being analysed.
///
/// Without a plan every metric is a primary one of which more is better, rates are told by their values, and one may
/// look at any time: [`AlwaysValid::unplanned`](super::AlwaysValid::unplanned), tuned for 10,000 units.
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
    /// How many numbers a unit has.
    numbers: usize,
    /// Every value with every conversion.
    pairs: Vec<(usize, usize)>,
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
        let metric = |name: &&str| Metric::told(name);
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
        let metrics = plan.metrics().iter().map(Metric::planned);
        let arms = plan.arms().iter().map(|arm| arm.name.clone()).collect();
        let mut analysis = Self::empty(arms, metrics.collect(), columns);
        let measuring = |measure: Measure| {
            let metrics = plan.metrics().iter().enumerate();
            metrics.filter(move |(_, metric)| metric.measures == Some(measure)).map(|(i, _)| i)
        };
        analysis.pairs = measuring(Measure::Value)
            .flat_map(|value| measuring(Measure::Conversion).map(move |conversion| (value, conversion)))
            .collect();
        analysis.weights = plan.arms().iter().map(|arm| arm.weight).collect();
        (analysis.alpha, analysis.smallest) = (plan.alpha(), plan.smallest());
        analysis.plan = Some(plan.clone());
        analysis
    }

    fn empty(arms: Vec<String>, mut metrics: Vec<Metric>, columns: &[&str]) -> Self {
        let cells = arms.len() * metrics.len();
        let mut numbers = 0;
        for metric in &mut metrics {
            metric.at = numbers;
            numbers += metric.kind.numbers();
        }
        Self {
            numbers,
            pairs: Vec::new(),
            plan: None,
            units: vec![0; arms.len()],
            weights: vec![1.0; arms.len()],
            cells: empty_cells(&metrics, arms.len()),
            values: vec![Vec::new(); cells],
            is_told: false,
            columns: columns.iter().map(|name| Column::new(name)).collect(),
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

    /// Says that a column holds the day on which a unit came: whole numbers, or dates such as `2026-03-01`. The effect
    /// is then followed over days ([`Findings::days`]), and the column is no segment.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for a column there is not.
    pub fn days(self, column: &str) -> Result<Self, Undefined> {
        self.holding(column, Content::Days)
    }

    /// Says that a column holds tiers of a unit's value, such as [`Tiers::names`](super::Tiers::names), from the
    /// lowest: the effect is then also told along them ([`Findings::tiers`]).
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for a column there is not.
    pub fn tiers<S: AsRef<str>>(self, column: &str, names: &[S]) -> Result<Self, Undefined> {
        self.holding(column, Content::Tiers(names.iter().map(|name| name.as_ref().to_owned()).collect()))
    }

    fn holding(mut self, column: &str, content: Content) -> Result<Self, Undefined> {
        let found = self.columns.iter_mut().find(|of| of.name == column).ok_or(Undefined::LengthMismatch)?;
        found.content = content;
        Ok(self)
    }

    /// Takes in a unit: its arm, the numbers of each metric, and a segment for each column. Without a plan a metric has
    /// one number, and under one those of [`ExperimentPlan::numbers`].
    ///
    /// Of a column, the first [`Analysis::SEGMENTS`] values count each; those that come later are one, `(others)`.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for an arm there is not, or lists of other lengths; [`Undefined::NotFinite`];
    /// [`Undefined::NotZeroOrOne`] for another value of what the plan says is a rate. The unit is then left out whole.
    pub fn observe(&mut self, arm: usize, numbers: &[f64], segments: &[&str]) -> Result<(), Undefined> {
        let arms = self.arms.len();
        if arm >= arms || numbers.len() != self.numbers || segments.len() != self.columns.len() {
            return Err(Undefined::LengthMismatch);
        }
        numbers.iter().try_for_each(|number| finite(*number).map(|_| ()))?;
        for metric in self.metrics.iter().filter(|metric| metric.kind == Kind::Rate) {
            let value = numbers[metric.at];
            // Both are exact.
            if !(value.abs().total_cmp(&0.0).is_eq() || value.total_cmp(&1.0).is_eq()) {
                return Err(Undefined::NotZeroOrOne);
            }
        }
        for (value, conversion) in &self.pairs {
            let [has_value, did] = [value, conversion].map(|of| numbers[self.metrics[*of].at].abs() > 0.0);
            if has_value && !did && !self.metrics[*value].beside.contains(conversion) {
                self.metrics[*value].beside.push(*conversion);
            }
        }
        self.units[arm] += 1;
        let mut room = Vec::new();
        let numbers = if self.metrics.iter().any(|metric| metric.cap.is_some()) {
            room.extend_from_slice(numbers);
            for metric in &mut self.metrics {
                let Some(cap) = metric.cap.filter(|cap| numbers[metric.at] > *cap) else { continue };
                room[metric.at] = cap;
                metric.capped += 1;
            }
            room.as_slice()
        } else {
            numbers
        };
        for (index, metric) in self.metrics.iter().enumerate().filter(|(_, metric)| metric.has_tail()) {
            self.values[index * arms + arm].push(numbers[metric.at]);
        }
        self.put(arm, segments, &mut |metric, cell| cell.observe(metric.of(numbers)));
        Ok(())
    }

    /// Takes in many units at once, as a warehouse adds them up: how many, the sums of each metric, and the segment
    /// that all of them have in each column. Of a metric of one number these are its sum and the sum of its squares; of
    /// one with more the sum of each, and then the sums of products of every two, the lower triangle by rows: of a
    /// ratio of `m` and `d` it is `[Σm, Σd, Σmm, Σdm, Σdd]`. Numbers with a cap are capped before they are added up.
    /// The findings are those of the units one by one up to rounding, but for tails, which sums do not know.
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
    /// [`Undefined::LengthMismatch`] as [`Analysis::observe`]; what
    /// [`Moments::from_sums`](crate::stats::Moments::from_sums) refuses, and [`Undefined::NotACount`] beyond 2^53 units
    /// in all; [`Undefined::NotZeroOrOne`] for sums that no zeros and ones have, of what the plan says is a rate
    /// (without a plan such a metric is a mean); [`Undefined::AboveCap`]; and [`Undefined::QuantileOfSums`]. The units
    /// are then left out whole.
    pub fn observe_sums<S: AsRef<[f64]>>(
        &mut self,
        arm: usize,
        units: u64,
        sums: &[S],
        segments: &[&str],
    ) -> Result<(), Undefined> {
        let many = self.metrics.len();
        if arm >= self.arms.len() || sums.len() != many || segments.len() != self.columns.len() {
            return Err(Undefined::LengthMismatch);
        }
        if self.units().saturating_add(units) > MOST_UNITS {
            return Err(Undefined::NotACount);
        }
        // Counts beyond 2^53 are refused.
        let all = units as f64;
        count(all)?;
        let mut told = Vec::with_capacity(many);
        for (sums, metric) in sums.iter().zip(&self.metrics) {
            let cell = Cell::of_sums(metric.kind, all, sums.as_ref())?;
            if metric.kind == Kind::Rate && !cell.is_rate() {
                return Err(Undefined::NotZeroOrOne);
            }
            // A mean of capped numbers may be above the cap by rounding.
            if metric.cap.is_some_and(|cap| cell.moments.mean() > cap + 1e-9 * cap.abs()) {
                return Err(Undefined::AboveCap);
            }
            told.push(cell);
        }
        self.units[arm] += units;
        self.is_told = true;
        let mut told = told.iter().cycle();
        // Each set of cells has one for each metric, in order.
        self.put(arm, segments, &mut |_, cell| told.next().into_iter().for_each(|told| cell.merge(told)));
        Ok(())
    }

    /// Takes in what another analysis of the same arms, metrics and columns has seen: of another shard, or another day.
    /// The findings are those of one that saw all units, up to rounding.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] where arms, metrics, columns or the plan are other ones, and
    /// [`Undefined::NotACount`] beyond 2^53 units in all; nothing is then taken.
    pub fn merge(&mut self, other: &Self) -> Result<(), Undefined> {
        let metrics = self.metrics.iter().zip(&other.metrics);
        let is_same = self.plan == other.plan
            && self.arms == other.arms
            && self.metrics.len() == other.metrics.len()
            && metrics.clone().all(|(ours, theirs)| ours.name == theirs.name)
            && self.columns.len() == other.columns.len()
            && self
                .columns
                .iter()
                .zip(&other.columns)
                .all(|(ours, theirs)| (&ours.name, &ours.content) == (&theirs.name, &theirs.content));
        if !is_same {
            return Err(Undefined::LengthMismatch);
        }
        if self.units().saturating_add(other.units()) > MOST_UNITS {
            return Err(Undefined::NotACount);
        }
        for (ours, theirs) in self.metrics.iter_mut().zip(&other.metrics) {
            ours.capped += theirs.capped;
            ours.beside.extend(&theirs.beside);
            ours.beside.sort_unstable();
            ours.beside.dedup();
        }
        self.units.iter_mut().zip(&other.units).for_each(|(ours, theirs)| *ours += theirs);
        self.cells.iter_mut().zip(&other.cells).for_each(|(ours, theirs)| ours.merge(theirs));
        self.values.iter_mut().zip(&other.values).for_each(|(ours, theirs)| ours.extend(theirs));
        self.is_told |= other.is_told;
        for (ours, theirs) in self.columns.iter_mut().zip(&other.columns) {
            for (segment, cells) in &theirs.values {
                let mine = ours.cells_of(segment, &self.metrics, self.arms.len());
                mine.iter_mut().zip(cells).for_each(|(ours, theirs)| ours.merge(theirs));
            }
        }
        Ok(())
    }

    /// Changes the cells of an arm, by metric: those of all units, and those of a segment of each column.
    fn put(&mut self, arm: usize, segments: &[&str], change: &mut dyn FnMut(&Metric, &mut Cell)) {
        let Self { arms, metrics, cells, columns, .. } = self;
        let mut each = |cells: &mut [Cell]| {
            let mine = cells.iter_mut().skip(arm).step_by(arms.len());
            metrics.iter().zip(mine).for_each(|(metric, cell)| change(metric, cell));
        };
        each(cells);
        for (column, segment) in columns.iter_mut().zip(segments) {
            each(column.cells_of(segment, metrics, arms.len()));
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

    /// Whether some unit has a value without a conversion.
    pub(super) fn is_beside(&self, conversion: usize, value: usize) -> bool {
        self.metrics[value].beside.contains(&conversion)
    }

    /// What a metric is, by its values where nothing else says.
    pub(super) fn kind(&self, metric: usize) -> Kind {
        match self.metrics[metric].kind {
            Kind::Told if self.cells_of(metric).iter().all(Cell::is_rate) => Kind::Rate,
            Kind::Told => Kind::Mean,
            kind => kind,
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
#[path = "metric_tests.rs"]
mod metric_tests;
#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
