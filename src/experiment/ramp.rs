//! A ramp: a share that rises in steps as long as nothing is harmed.
//!
//! What comes next is a function of the shares now and a report, so that it replays and can be looked at before anything
//! is changed. The report is of the units that came **since the last step**: shares that change within a report look
//! like lost units. Its plan has guardrails and a design that lets one look at any time; a design that looks once says
//! nothing before its end, and the ramp holds until then.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Allocation, AllocationError, Findings, Invalid, Role, Verdict};

/// The steps that an arm's share takes, and what each of them must have shown.
///
/// ```
/// use bespoke::experiment::{Allocation, Analysis, Design, ExperimentPlan, MetricKind, RampStep, PlannedArm, PlannedMetric, Ramp};
/// let ramp = Ramp::new("new", &[0.01, 0.1, 0.5], 500)?;
/// let now = Allocation::new("new-page", &[("old", 0.99), ("new", 0.01)])?;
/// let plan = ExperimentPlan::builder("nothing breaks").design(Design::AlwaysValid)
///     .arm(PlannedArm::new("old").weight(99.0)).arm(PlannedArm::new("new"))
///     .metric(PlannedMetric::primary("bought", MetricKind::Rate))
///     .metric(PlannedMetric::guardrail("failed", MetricKind::Rate).down()).build()?;
/// let mut analysis = Analysis::planned(&plan, &[]);
/// for unit in 0..60_000 {
///     let did = |every| if unit / 100 % every == 0 { 1.0 } else { 0.0 };
///     analysis.observe(usize::from(unit % 100 == 0), &[did(10), did(20)], &[])?;
/// }
/// let RampStep::Advance { to } = ramp.next(&now, &analysis.findings())? else { panic!("nothing is harmed") };
/// assert!((to.share(1) - 0.1).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Ramp {
    arm: String,
    steps: Vec<f64>,
    units: u64,
}

/// What a ramp does next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RampStep {
    /// Takes these shares, the next step.
    Advance {
        /// The shares.
        to: Allocation,
    },
    /// Stays where it is.
    Hold {
        /// Why.
        reason: RampReason,
    },
    /// Takes the arm away.
    RollBack {
        /// The shares without it.
        to: Allocation,
        /// Why.
        reason: RampReason,
    },
}

/// Why a ramp does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RampReason {
    /// A metric is shown to be worse.
    Harm {
        /// The metric.
        metric: String,
        /// Whether it is a guardrail; otherwise it is primary.
        is_guardrail: bool,
    },
    /// Units were lost or counted wrongly, or come from other shares than the report expects.
    SampleRatio,
    /// Nothing can be said of a guardrail yet.
    TooEarly {
        /// The guardrail.
        metric: String,
    },
    /// Fewer units than a step must have.
    FewUnits {
        /// How many the arm has.
        found: u64,
        /// How many it must have.
        wanted: u64,
    },
    /// The report does not tell of the arm.
    Untold,
    /// The last step is taken.
    Done,
}

impl fmt::Display for RampReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Harm { metric, is_guardrail: true } => write!(f, "the guardrail {metric} is harmed"),
            Self::Harm { metric, .. } => write!(f, "{metric} is worse"),
            Self::SampleRatio => write!(f, "the arms have other shares of the units than they should have"),
            Self::TooEarly { metric } => write!(f, "nothing can be said of {metric} yet"),
            Self::FewUnits { found, wanted } => write!(f, "the arm has {found} of {wanted} units"),
            Self::Untold => write!(f, "the report does not tell of the arm"),
            Self::Done => write!(f, "the last step is taken"),
        }
    }
}

impl Ramp {
    /// An arm whose share rises to each of these steps in turn, once the arm has so many units since the last one.
    ///
    /// # Errors
    /// [`AllocationError::Text`] for the arm's name, [`AllocationError::Step`] unless there are from 1 to 1,000 steps
    /// that rise from above 0 to at most 1.
    pub fn new(arm: &str, steps: &[f64], units: u64) -> Result<Self, AllocationError> {
        super::allocation::check_text("arm", arm)?;
        let mut before = 0.0;
        for step in steps {
            if !(*step > before && *step <= 1.0) {
                return Err(AllocationError::Step { found: *step });
            }
            before = *step;
        }
        if steps.is_empty() || steps.len() > STEPS {
            return Err(AllocationError::Step { found: before });
        }
        Ok(Self { arm: arm.to_owned(), steps: steps.to_vec(), units })
    }

    /// What comes next, by a report of the units since the last step. The first of these that holds decides: a guardrail
    /// or primary metric that is worse rolls back, also where shares are off, since harm is harm; then shares that are
    /// off, the last step, too few units and guardrails of which nothing can be said hold; else the next step is taken.
    ///
    /// What the arm gains or loses is the first arm's of the report, the control's; others keep theirs.
    ///
    /// # Errors
    /// [`AllocationError::Unknown`] for an arm that the allocation has not, and as [`Allocation::reshaped`], such as
    /// where the control has not enough to give.
    pub fn next(&self, now: &Allocation, report: &Findings) -> Result<RampStep, AllocationError> {
        let place = |name: &str| {
            let at = now.arms().iter().position(|arm| arm == name);
            at.ok_or_else(|| AllocationError::Unknown { name: name.to_owned() })
        };
        let at = place(&self.arm)?;
        let hold = |reason| Ok(RampStep::Hold { reason });
        let [control, ..] = &report.sizes[..] else { return hold(RampReason::Untold) };
        let control = place(&control.arm)?;
        let Some(size) = report.sizes.iter().skip(1).find(|size| size.arm == self.arm) else {
            return hold(RampReason::Untold);
        };
        let to = |share: f64| {
            let moved = share - now.share(at);
            let shares = now.arms().iter().enumerate().map(|(i, name)| match i {
                _ if i == at => (name.as_str(), share),
                // Rounding may leave a trace below zero.
                _ if i == control => (name.as_str(), tidy(now.share(i) - moved)),
                _ => (name.as_str(), now.share(i)),
            });
            now.reshaped(&shares.collect::<Vec<_>>())
        };
        let mine = || report.comparisons.iter().filter(|found| found.arm == self.arm);
        // Harm as the design sees it, whatever the shares: a verdict that they block is no verdict.
        let alpha = report.basis.alpha.value();
        let is_harm = |verdict: Verdict, p: Option<f64>| match verdict {
            Verdict::Inferior => true,
            Verdict::Invalid(Invalid::SampleRatio) => p.is_some_and(|p| p <= alpha),
            _ => false,
        };
        let harmed = mine().find(|found| match found.role {
            Role::Guardrail => is_harm(found.verdict, found.p_design_adjusted),
            Role::Primary => found.verdict == Verdict::Inferior,
            Role::Secondary => false,
        });
        if let Some(found) = harmed {
            let reason = RampReason::Harm { metric: found.metric.clone(), is_guardrail: found.role == Role::Guardrail };
            return Ok(RampStep::RollBack { to: to(0.0)?, reason });
        }
        if mine().any(|found| found.verdict == Verdict::Invalid(Invalid::SampleRatio)) {
            return hold(RampReason::SampleRatio);
        }
        let Some(step) = self.steps.iter().find(|step| **step > now.share(at) + SLIVER) else {
            return hold(RampReason::Done);
        };
        if size.units < self.units {
            return hold(RampReason::FewUnits { found: size.units, wanted: self.units });
        }
        let is_open = |verdict: Verdict| matches!(verdict, Verdict::TooEarly | Verdict::Invalid(_));
        match mine().find(|found| found.role == Role::Guardrail && is_open(found.verdict)) {
            Some(found) => hold(RampReason::TooEarly { metric: found.metric.clone() }),
            None => Ok(RampStep::Advance { to: to(*step)? }),
        }
    }
}

fn tidy(share: f64) -> f64 {
    if share < 0.0 && share > -SLIVER { 0.0 } else { share }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    arm: String,
    steps: Vec<f64>,
    units: u64,
}

impl TryFrom<Stored> for Ramp {
    type Error = AllocationError;
    fn try_from(stored: Stored) -> Result<Self, AllocationError> {
        Self::new(&stored.arm, &stored.steps, stored.units)
    }
}

impl From<Ramp> for Stored {
    fn from(of: Ramp) -> Self {
        Self { arm: of.arm, steps: of.steps, units: of.units }
    }
}

/// The most steps.
const STEPS: usize = 1_000;
/// Shares closer than this are one.
const SLIVER: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Analysis, Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};

    /// Units of the control and the arm, and of each the purchases and failures.
    fn report(units: [usize; 2], bought: [usize; 2], failed: [usize; 2], design: Design) -> Findings {
        let plan = ExperimentPlan::builder("nothing breaks")
            .arm(PlannedArm::new("old").weight(9.0))
            .arm(PlannedArm::new("new"))
            .metric(PlannedMetric::primary("bought", MetricKind::Rate))
            .metric(PlannedMetric::guardrail("failed", MetricKind::Rate).down())
            .design(design)
            .units(1_000_000);
        let mut analysis = Analysis::planned(&plan.build().unwrap(), &[]);
        for arm in 0..2 {
            for i in 0..units[arm] {
                let did = |limit: usize| f64::from(u8::from(i < limit));
                analysis.observe(arm, &[did(bought[arm]), did(failed[arm])], &[]).unwrap();
            }
        }
        analysis.findings()
    }

    #[test]
    fn it_goes_on_until_something_is_harmed() {
        let ramp = Ramp::new("new", &[0.02, 0.1, 0.4], 500).unwrap();
        let now = Allocation::new("x", &[("old", 0.9), ("new", 0.1)]).unwrap();
        let always = Design::AlwaysValid;
        let next = |units, bought, failed| ramp.next(&now, &report(units, bought, failed, always)).unwrap();
        let RampStep::Advance { to } = next([9_000, 1_000], [900, 100], [450, 52]) else { unreachable!() };
        assert!((to.share(1) - 0.4).abs() < 1e-12 && (to.share(0) - 0.6).abs() < 1e-12);
        let back = |metric: &str, is_guardrail| RampReason::Harm { metric: metric.to_owned(), is_guardrail };
        for (bought, failed, wanted) in
            [([900, 100], [450, 120], back("failed", true)), ([900, 30], [450, 50], back("bought", false))]
        {
            let RampStep::RollBack { to, reason } = next([9_000, 1_000], bought, failed) else { unreachable!() };
            assert_eq!(reason, wanted);
            assert!(to.share(1) <= 0.0 && (to.share(0) - 1.0).abs() < 1e-12);
        }
        let held =
            |next: RampStep| if let RampStep::Hold { reason } = next { reason } else { unreachable!("{next:?}") };
        let few = RampReason::FewUnits { found: 400, wanted: 500 };
        assert_eq!(held(next([3_600, 400], [360, 40], [180, 20])), few);
        assert_eq!(held(next([9_000, 1_300], [900, 130], [450, 60])), RampReason::SampleRatio);
        // Lost units do not hide harm.
        assert!(matches!(next([9_000, 1_300], [900, 130], [450, 200]), RampStep::RollBack { .. }));
        let early = RampReason::TooEarly { metric: "failed".to_owned() };
        assert_eq!(held(next([9_000, 1_000], [900, 100], [18, 2])), early);
        let once = report([9_000, 1_000], [900, 100], [450, 50], Design::Fixed);
        assert_eq!(held(ramp.next(&now, &once).unwrap()), early);
        let done = ramp.next(&to, &report([9_000, 1_000], [900, 100], [450, 50], always)).unwrap();
        assert_eq!(held(done), RampReason::Done);
        assert_eq!(RampReason::Done.to_string(), "the last step is taken");
        let text = serde_json::to_string(&ramp).unwrap();
        assert_eq!(serde_json::from_str::<Ramp>(&text).unwrap(), ramp);
        assert!(serde_json::from_str::<Ramp>(&text.replace("0.02", "0.2")).is_err());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for steps in [&[][..], &[0.0], &[0.2, 0.1], &[0.5, 1.1], &[f64::NAN]] {
            assert!(matches!(Ramp::new("new", steps, 1), Err(AllocationError::Step { .. })), "{steps:?}");
        }
        assert!(matches!(Ramp::new("", &[0.5], 1), Err(AllocationError::Text { .. })));
        let ramp = Ramp::new("new", &[0.9], 500).unwrap();
        let found = report([9_000, 1_000], [900, 100], [450, 50], Design::AlwaysValid);
        let other = Allocation::new("x", &[("old", 0.9), ("newer", 0.1)]).unwrap();
        assert!(matches!(ramp.next(&other, &found), Err(AllocationError::Unknown { .. })));
        // A third arm keeps its share, and so the control has too little to give.
        let third = Allocation::new("x", &[("old", 0.4), ("new", 0.1), ("more", 0.5)]).unwrap();
        assert!(matches!(ramp.next(&third, &found), Err(AllocationError::Share { .. })));
        let RampStep::RollBack { to, .. } =
            ramp.next(&third, &report([9_000, 1_000], [900, 100], [450, 200], Design::AlwaysValid)).unwrap()
        else {
            unreachable!()
        };
        assert!((to.share(0) - 0.5).abs() < 1e-12 && (to.share(2) - 0.5).abs() < 1e-12);
        let untold = Ramp::new("more", &[0.9], 500).unwrap().next(&third, &found).unwrap();
        assert_eq!(untold, RampStep::Hold { reason: RampReason::Untold });
    }
}
