//! Plans: what is to be shown, by which metrics, how surely and with how many units, written down before the first unit.
//!
//! A verdict means what it says only if all of this was fixed before the data came. A plan is checked as a whole when it
//! is built or read, has a published fingerprint ([`PlanHash`]), and once an experiment was looked at under it, another
//! one is refused.
//!
//! Sizes are those of a single look (Fleiss, Levin and Paik for rates, the normal form for means; Schumi and Wittes for
//! non-inferiority), at alpha over the number of comparisons that decide, times what the design needs more.

mod build;
mod error;
mod hash;
mod levels;
mod parts;
mod registration;
mod size;

pub use build::PlanBuilder;
pub use error::{PlanError, PlanErrors};
pub use hash::PlanHash;
pub(super) use levels::Layout;
pub use parts::{Design, Direction, Expected, Measure, MetricKind, Null, PlannedArm, PlannedMetric, Role};
pub use registration::Registration;
pub use size::Outlook;

use serde::{Deserialize, Serialize};

use crate::stats::Alpha;

/// The plan of an experiment: immutable, and right as a whole.
///
/// ```
/// use bespoke::experiment::{Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};
/// let plan = ExperimentPlan::builder("a shorter form is finished more often")
///     .arm(PlannedArm::new("long"))
///     .arm(PlannedArm::new("short"))
///     .metric(PlannedMetric::primary("finished", MetricKind::Rate).expected(0.1, None))
///     .metric(PlannedMetric::guardrail("complained", MetricKind::Rate).down())
///     .smallest(0.2)
///     .design(Design::Fixed)
///     .build()?;
/// assert_eq!(plan.units(), Some(7_682)); // twice the 3,841 of R's power.prop.test(p1 = .1, p2 = .12, power = .8)
/// assert_eq!(plan.days(500.0)?, 16.0);
/// let again: ExperimentPlan = serde_json::from_str(&serde_json::to_string(&plan)?)?;
/// assert_eq!(again.hash(), plan.hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PlanBuilder", into = "PlanBuilder")]
pub struct ExperimentPlan {
    written: PlanBuilder,
    alpha: Alpha,
    units: Option<u64>,
}

impl ExperimentPlan {
    /// Begins a plan with what is to be shown, in words: what is changed, for whom, and what should come of it.
    pub fn builder(hypothesis: impl Into<String>) -> PlanBuilder {
        PlanBuilder::new(hypothesis.into())
    }

    /// What is to be shown, in words.
    #[must_use]
    pub fn hypothesis(&self) -> &str {
        &self.written.hypothesis
    }
    /// The arms, the control first.
    #[must_use]
    pub fn arms(&self) -> &[PlannedArm] {
        &self.written.arms
    }
    /// The metrics, in the order in which they were written.
    #[must_use]
    pub fn metrics(&self) -> &[PlannedMetric] {
        &self.written.metrics
    }
    /// The numbers of a unit that [`Analysis::observe`](crate::experiment::Analysis::observe) takes, in order: those of
    /// each metric.
    ///
    /// ```
    /// use bespoke::experiment::{Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};
    /// let plan = ExperimentPlan::builder("larger baskets")
    ///     .arm(PlannedArm::new("old")).arm(PlannedArm::new("new"))
    ///     .metric(PlannedMetric::primary("revenue", MetricKind::Ratio).over("orders"))
    ///     .metric(PlannedMetric::secondary("spend", MetricKind::Mean).before(&["spend_before"]).capped(500.0))
    ///     .design(Design::AlwaysValid).build()?;
    /// assert_eq!(plan.numbers(), ["revenue", "orders", "spend", "spend_before"]);
    /// # Ok::<(), bespoke::experiment::PlanErrors>(())
    /// ```
    #[must_use]
    pub fn numbers(&self) -> Vec<&str> {
        self.metrics().iter().flat_map(PlannedMetric::numbers).collect()
    }
    /// How often something is found where nothing is, both sides together.
    #[must_use]
    pub const fn alpha(&self) -> Alpha {
        self.alpha
    }
    /// How likely the smallest effect of interest is found.
    #[must_use]
    pub const fn power(&self) -> f64 {
        self.written.power
    }
    /// The smallest effect of interest, as a part of the control's value.
    #[must_use]
    pub const fn smallest(&self) -> f64 {
        self.written.smallest
    }
    /// When one looks.
    #[must_use]
    pub const fn design(&self) -> Design {
        self.written.design
    }
    /// The share of people whom the experiment does not reach.
    #[must_use]
    pub const fn holdout(&self) -> f64 {
        self.written.holdout
    }
    /// How many units all arms together get: as written, or as computed; none where an always-valid plan says neither.
    #[must_use]
    pub const fn units(&self) -> Option<u64> {
        self.units
    }

    /// How many comparisons decide: primary metrics times arms other than the control.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        let primary = self.metrics().iter().filter(|metric| metric.role == Role::Primary).count();
        primary * (self.arms().len() - 1)
    }

    /// The text whose fingerprint is registered: the plan as compact JSON, every field in the order of its declaration
    /// with what holds where nothing was written, the control first, numbers in their shortest form.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Plain structs of texts and finite numbers always have a JSON form.
        serde_json::to_string(&self.written).unwrap_or_default()
    }

    /// The plan's fingerprint. Changing any part of the plan changes it.
    #[must_use]
    pub fn hash(&self) -> PlanHash {
        PlanHash::of(&self.canonical())
    }
}

impl TryFrom<PlanBuilder> for ExperimentPlan {
    type Error = PlanErrors;
    fn try_from(written: PlanBuilder) -> Result<Self, PlanErrors> {
        written.build()
    }
}

impl From<ExperimentPlan> for PlanBuilder {
    fn from(plan: ExperimentPlan) -> Self {
        plan.written
    }
}

#[cfg(test)]
mod tests;
