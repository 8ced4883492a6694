//! A plan that is being followed: fixed at the first look, and every look counted.

use serde::{Deserialize, Serialize};

use super::{Design, ExperimentPlan, PlanError, PlanHash};
use crate::experiment::look::{Smallest, look};
use crate::experiment::{Analysis, BalanceWatch, Findings};

/// A registered plan with the looks that were taken under it.
///
/// What the looks found is kept, since a design's p-values are those of all looks together: what was shown once stays
/// shown. A registration is the host's to store; it is small.
///
/// ```
/// use bespoke::experiment::{Analysis, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric, Registration};
/// let plan = |alpha: f64| ExperimentPlan::builder("the new page sells more")
///     .arm(PlannedArm::new("old")).arm(PlannedArm::new("new"))
///     .metric(PlannedMetric::primary("bought", MetricKind::Rate))
///     .alpha(alpha).units(20_000).build();
/// let mut registration = Registration::new(plan(0.05)?);
/// registration.amend(plan(0.01)?)?; // nobody has looked yet
/// let mut analysis = Analysis::planned(registration.plan(), &[]);
/// (0..4_000).try_for_each(|unit| analysis.observe(unit % 2, &[if unit % 5 < 2 { 1.0 } else { 0.0 }], &[]))?;
/// let findings = registration.look(&analysis)?;
/// assert_eq!((findings.basis.look, findings.basis.information()), (1, Some(0.2)));
/// assert!(registration.amend(plan(0.1)?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Registration {
    plan: ExperimentPlan,
    /// The units at each look of a group sequential design; of others the last two.
    looks: Vec<u64>,
    count: u64,
    past: Vec<Smallest>,
    /// None where there is nothing to watch.
    watch: Option<BalanceWatch>,
}

impl Registration {
    /// Registers a plan before its first look.
    #[must_use]
    pub fn new(plan: ExperimentPlan) -> Self {
        let weights: Vec<f64> = plan.arms().iter().map(|arm| arm.weight).collect();
        Self { plan, looks: Vec::new(), count: 0, past: Vec::new(), watch: BalanceWatch::new(&weights).ok() }
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &ExperimentPlan {
        &self.plan
    }

    /// How many looks were taken.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.count
    }

    /// Changes the plan, while nobody has looked.
    ///
    /// # Errors
    /// [`PlanError::Changed`] after the first look, unless it is the same plan.
    pub fn amend(&mut self, plan: ExperimentPlan) -> Result<(), PlanError> {
        if self.count == 0 {
            *self = Self::new(plan);
            return Ok(());
        }
        self.is_same(plan.hash())
    }

    /// Takes a look at all units so far. One that sees as many units as the last is that look again, and one that sees
    /// nobody is none.
    ///
    /// # Errors
    /// [`PlanError::Unplanned`] and [`PlanError::Changed`] for an analysis under no plan or another one,
    /// [`PlanError::FewerUnits`], and [`PlanError::TooManyLooks`].
    pub fn look(&mut self, analysis: &Analysis) -> Result<Findings, PlanError> {
        let plan = analysis.plan.as_ref().ok_or(PlanError::Unplanned)?;
        self.is_same(plan.hash())?;
        let units = analysis.units();
        let before = self.looks.last().copied();
        if let Some(before) = before.filter(|before| units < *before) {
            return Err(PlanError::FewerUnits { found: units, before });
        }
        if units > 0 && before != Some(units) {
            let every = matches!(self.plan.design(), Design::GroupSequential { .. });
            if every && self.looks.len() >= super::build::LOOKS {
                return Err(PlanError::TooManyLooks { found: self.looks.len() + 1, limit: super::build::LOOKS });
            }
            if !every && self.looks.len() >= 2 {
                self.looks.remove(0);
            }
            self.looks.push(units);
            self.count += 1;
        }
        let watched = self.watch.as_mut().and_then(|watch| watch.observe(&analysis.units).ok());
        if self.looks.is_empty() {
            return Ok(analysis.findings());
        }
        let mut findings = look(analysis, &self.looks, watched, &mut self.past);
        findings.basis.look = self.count;
        Ok(findings)
    }

    fn is_same(&self, found: PlanHash) -> Result<(), PlanError> {
        let registered = self.plan.hash();
        if registered == found { Ok(()) } else { Err(PlanError::Changed { registered, found }) }
    }
}

/// The stored form, with the fingerprint that the plan must have.
#[derive(Serialize, Deserialize)]
struct Stored {
    hash: PlanHash,
    plan: ExperimentPlan,
    looks: Vec<u64>,
    count: u64,
    past: Vec<Smallest>,
    watch: Option<BalanceWatch>,
}

impl TryFrom<Stored> for Registration {
    type Error = PlanError;
    fn try_from(stored: Stored) -> Result<Self, PlanError> {
        let Stored { hash, plan, looks, count, past, watch } = stored;
        let new = Self::new(plan);
        new.is_same(hash).map_err(|_| PlanError::Changed { registered: hash, found: new.plan.hash() })?;
        let whole = new.plan.metrics().len() * (new.plan.arms().len() - 1);
        let fits = if count == 0 { looks.is_empty() && past.is_empty() } else { past.len() == whole };
        let rising = looks.windows(2).all(|pair| pair[0] < pair[1]) && looks.len() <= super::build::LOOKS;
        if !(fits && rising && looks.len() as u64 <= count && past.iter().all(Smallest::is_sound)) {
            return Err(PlanError::Stored);
        }
        Ok(Self { looks, count, past, watch, ..new })
    }
}

impl From<Registration> for Stored {
    fn from(of: Registration) -> Self {
        let Registration { plan, looks, count, past, watch } = of;
        Self { hash: plan.hash(), plan, looks, count, past, watch }
    }
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
