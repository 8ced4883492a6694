//! What experiments found so far, for the plans of those to come: the record that a result leaves, and what it makes one
//! expect.
//!
//! A record holds relative lifts with their errors, by experiment, arm and metric; [`Prior::learned`] turns those of a
//! metric into what is expected of the next one. All results belong into it, those without an effect too: a record of
//! winners expects too much. A further look at an experiment takes the place of the one before. Arms of one experiment
//! share its control, which is left out of account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Findings, Prior, Role, Verdict};
use crate::state::State;
use crate::stats::{Evidence, Undefined};

/// The lifts that experiments found.
///
/// A plan reads the record before its own results are in it; a prior made of what is then seen again counts it twice.
///
/// ```
/// use bespoke::experiment::{Analysis, Design, ExperimentPlan, Learning, MetricKind, PlannedArm, PlannedMetric};
/// let mut learning = Learning::default();
/// for (name, more) in [("banner", 10), ("footer", 0), ("search", 25)] {
///     let mut analysis = Analysis::new(&["old", "new"], &["bought"], &[])?;
///     for unit in 0..2_000 {
///         let did = unit / 2 % 10 < 2 || (unit / 2 < more && unit % 2 == 1);
///         analysis.observe(unit % 2, &[if did { 1.0 } else { 0.0 }], &[])?;
///     }
///     learning.take(name, &analysis.findings());
/// }
/// let learned = learning.of("bought").unwrap();
/// assert!(learned.results == 3 && learned.mean > 0.0 && learned.deviation < 0.15);
/// let plan = ExperimentPlan::builder("a new page sells more")
///     .arm(PlannedArm::new("old")).arm(PlannedArm::new("new"))
///     .metric(PlannedMetric::primary("bought", MetricKind::Rate)).design(Design::AlwaysValid)
///     .learned(&learning).build()?;
/// assert_eq!(plan.metrics()[0].learned, Some(learned));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// By experiment, arm and metric.
    results: BTreeMap<String, BTreeMap<String, BTreeMap<String, Evidence>>>,
}

/// What past results make one expect of a metric's relative lift: a normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// The lift that is expected.
    pub mean: f64,
    /// How far lifts lie from it: a standard deviation above 0.
    pub deviation: f64,
    /// From how many results.
    pub results: u64,
}

impl Learned {
    /// As a prior.
    ///
    /// # Errors
    /// As [`Prior::new`].
    pub fn prior(&self) -> Result<Prior, Undefined> {
        Prior::new(self.mean, self.deviation * self.deviation)
    }
}

impl Learning {
    /// Takes in what an experiment found, in place of what it found before: the lifts of primary and secondary metrics
    /// that have one and whose verdict is not invalid or too early.
    pub fn take(&mut self, experiment: &str, findings: &Findings) {
        for found in &findings.comparisons {
            let is_told = !matches!(found.verdict, Verdict::Invalid(_) | Verdict::TooEarly);
            let (Some(lift), true) = (found.lift_evidence, is_told && found.role != Role::Guardrail) else { continue };
            let arms = self.results.entry(experiment.to_owned()).or_default();
            arms.entry(found.arm.clone()).or_default().insert(found.metric.clone(), lift);
        }
    }

    /// What is expected of a metric; none from fewer than two results.
    #[must_use]
    pub fn of(&self, metric: &str) -> Option<Learned> {
        let arms = self.results.values().flat_map(BTreeMap::values);
        let past: Vec<Evidence> = arms.filter_map(|metrics| metrics.get(metric).copied()).collect();
        let prior = Prior::learned(&past).ok()?;
        Some(Learned { mean: prior.mean(), deviation: prior.deviation(), results: past.len() as u64 })
    }

    /// Forgets an experiment, such as one that was wrong; whether it was there.
    pub fn forget(&mut self, experiment: &str) -> bool {
        self.results.remove(experiment).is_some()
    }

    /// The experiments in the record.
    pub fn experiments(&self) -> impl Iterator<Item = &str> {
        self.results.keys().map(String::as_str)
    }
}

impl State for Learning {
    const KIND: &'static str = "experiment-learning";
    const VERSION: u16 = 1;

    /// Takes in another record: of a result that both have, the one of more units.
    fn merge(&mut self, other: &Self) {
        for (experiment, arms) in &other.results {
            for (arm, metrics) in arms {
                let mine = self.results.entry(experiment.clone()).or_default().entry(arm.clone()).or_default();
                for (metric, theirs) in metrics {
                    // Of as many units, one rule for both sides.
                    let order = |of: &Evidence| (of.units(), of.estimate());
                    let (units, estimate) = order(theirs);
                    let is_later = mine
                        .get(metric)
                        .map(order)
                        .is_none_or(|(ours, at)| units.cmp(&ours).then(estimate.total_cmp(&at)).is_gt());
                    if is_later {
                        mine.insert(metric.clone(), *theirs);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Analysis, Design, ExperimentPlan, MetricKind, PlannedArm, PlannedMetric};

    fn findings(did: [usize; 2], of: usize) -> Findings {
        let mut analysis = Analysis::new(&["a", "b"], &["bought"], &[]).unwrap();
        for (arm, did) in did.into_iter().enumerate() {
            (0..of).for_each(|i| analysis.observe(arm, &[f64::from(u8::from(i < did))], &[]).unwrap());
        }
        analysis.findings()
    }

    fn metric(learned: Option<Learned>) -> PlannedMetric {
        PlannedMetric { learned, ..PlannedMetric::primary("bought", MetricKind::Rate) }.expected(0.1, None)
    }

    fn plan(learned: Option<Learned>) -> ExperimentPlan {
        let plan = ExperimentPlan::builder("x").arm(PlannedArm::new("a")).arm(PlannedArm::new("b"));
        plan.metric(metric(learned)).smallest(0.1).design(Design::Fixed).build().unwrap()
    }

    #[test]
    fn records_of_shards_are_one_record() {
        let (mut whole, mut left, mut right) = (Learning::default(), Learning::default(), Learning::default());
        for (at, did) in [[100, 120], [100, 90], [200, 260], [150, 151]].into_iter().enumerate() {
            let (name, found) = (format!("test {}", at % 3), findings(did, 1_000 + at));
            whole.take(&name, &found);
            (if at % 2 == 0 { &mut left } else { &mut right }).take(&name, &found);
        }
        let (mut both, mut other) = (left.clone(), right.clone());
        both.merge(&right);
        other.merge(&left);
        assert_eq!((&both, &other), (&whole, &whole));
        both.merge(&whole);
        assert_eq!(both, whole);
        assert_eq!(Learning::from_bytes(&whole.to_bytes().unwrap()).unwrap(), whole);
        assert!(whole.of("spend").is_none() && whole.of("bought").unwrap().results == 3);
        assert!(whole.forget("test 1") && !whole.forget("test 1") && whole.experiments().count() == 2);
        whole.take("too early", &findings([3, 4], 50));
        assert_eq!(whole.experiments().count(), 2);
    }

    /// scipy 1.17: the normal posterior of a lift of 0.2 ± its delta error under N(0.02, 0.03²).
    #[test]
    fn a_report_reads_the_prior_of_its_plan() {
        let learned = Learned { mean: 0.02, deviation: 0.03, results: 9 };
        let plan = plan(Some(learned));
        let mut analysis = Analysis::planned(&plan, &[]);
        for (arm, did) in [200, 240].into_iter().enumerate() {
            (0..2_000).for_each(|i| analysis.observe(arm, &[f64::from(u8::from(i < did))], &[]).unwrap());
        }
        let findings = analysis.findings();
        let belief = findings.comparisons[0].belief.unwrap();
        // Of the lift by the delta method: sqrt(.12 × .88 / 2000 / .01 + .1 × .9 / 2000 × 1.44 / .01).
        let error = libm::sqrt(0.12 * 0.88 / 20.0 + 0.09 / 20.0 * 1.44);
        let (precision, before) = (1.0 / (error * error), 1.0 / 0.0009);
        let mean = (0.2 * precision + 0.02 * before) / (precision + before);
        assert!((belief.lift - mean).abs() < 1e-12 && belief.learned == learned, "{belief:?}");
        assert!((belief.chance_to_win - 0.871_658_869_406_665).abs() < 1e-9, "{}", belief.chance_to_win);
        assert!(belief.lift < 0.05 && belief.interval.low < 0.0);
        let text = findings.to_string();
        assert!(text.contains("with what 9 past results say (lift +2.00% ± 3.00%)"), "{text}");
    }

    /// Assurance by simulation: scipy's normal power averaged over 400,000 draws of the prior, with an error below
    /// 0.0006; the plan's units are Fleiss' for the pooled rate, which this power takes at the control's.
    #[test]
    fn a_plan_says_what_its_prior_makes_of_it() {
        let learned = Learned { mean: 0.02, deviation: 0.05, results: 9 };
        let found = plan(Some(learned)).outlook("bought").unwrap();
        // norm.sf((0.1 - 0.02) / 0.05)
        assert!((found.worthwhile - 0.054_799_291_7).abs() < 1e-9, "{found:?}");
        assert!((found.assurance - 0.2123).abs() < 0.003, "{found:?}");
        // What is sure to be the smallest effect of interest has the power that was planned, and a little more, since the
        // arm's larger variance is left out.
        let sure = plan(Some(Learned { mean: 0.1, deviation: 1e-6, results: 9 })).outlook("bought").unwrap();
        assert!((sure.assurance - 0.8).abs() < 0.02, "{sure:?}");
        assert!(plan(None).outlook("bought").is_none() && plan(Some(learned)).outlook("other").is_none());
        let wrong = Learned { deviation: 0.0, ..learned };
        let plan = ExperimentPlan::builder("x").arm(PlannedArm::new("a")).arm(PlannedArm::new("b"));
        let errors = plan.metric(metric(Some(wrong))).build().unwrap_err().to_string();
        assert!(errors.contains("`metrics[0].learned.deviation` is 0"), "{errors}");
    }
}
