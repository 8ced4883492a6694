use crate::experiment::{
    Analysis, Design, ExperimentPlan, MetricKind, PlanBuilder, PlanError, PlannedArm, PlannedMetric, Recommendation,
    Registration, Verdict,
};

fn plan() -> PlanBuilder {
    ExperimentPlan::builder("it sells more")
        .arm(PlannedArm::new("old"))
        .arm(PlannedArm::new("new"))
        .metric(PlannedMetric::primary("bought", MetricKind::Rate))
        .units(8_000)
}

/// So many units in each arm, of which these did it.
fn seen(plan: &ExperimentPlan, units: u32, did: [u32; 2]) -> Analysis {
    let mut analysis = Analysis::planned(plan, &[]);
    for unit in 0..units {
        for (arm, did) in did.into_iter().enumerate() {
            analysis.observe(arm, &[f64::from(u8::from(unit < did))], &[]).unwrap();
        }
    }
    analysis
}

#[test]
fn after_the_first_look_a_plan_stays_as_it_is() {
    let first = plan().build().unwrap();
    let other = plan().alpha(0.1).build().unwrap();
    let mut registration = Registration::new(first.clone());
    let changed = PlanError::Changed { registered: other.hash(), found: first.hash() };
    registration.amend(other.clone()).unwrap();
    assert_eq!(registration.look(&seen(&first, 1_000, [100, 100])), Err(changed));
    assert_eq!(registration.looks(), 0);
    registration.look(&seen(&other, 1_000, [100, 100])).unwrap();
    assert!(registration.amend(first.clone()).is_err() && registration.amend(other.clone()).is_ok());
    assert_eq!(registration.looks(), 1);
    let unplanned = Analysis::new(&["old", "new"], &["bought"], &[]).unwrap();
    assert_eq!(registration.look(&unplanned), Err(PlanError::Unplanned));
    let fewer = PlanError::FewerUnits { found: 1_800, before: 2_000 };
    assert_eq!(registration.look(&seen(&other, 900, [90, 90])), Err(fewer));
    // Stored, it knows its plan.
    let text = serde_json::to_string(&registration).unwrap();
    assert_eq!(serde_json::from_str::<Registration>(&text).unwrap(), registration);
    for (part, wrong) in [("\"alpha\":0.1", "\"alpha\":0.2"), ("\"looks\":[2000]", "\"looks\":[9,9]"), ("[{", "[{}, {")]
    {
        assert!(serde_json::from_str::<Registration>(&text.replacen(part, wrong, 1)).is_err(), "{part}");
    }
}

/// At 1,000 of 8,000 units nothing short of |z| = 5.9 counts; at half of them 2.96 does, and stands when the effect
/// fades.
#[test]
fn what_was_shown_at_a_look_stays_shown() {
    let plan = plan().build().unwrap();
    let mut registration = Registration::new(plan.clone());
    let findings = registration.look(&seen(&plan, 500, [50, 80])).unwrap();
    assert_eq!(findings.comparisons[0].verdict, Verdict::Inconclusive);
    assert_eq!(findings.recommendations[0].1, Recommendation::RunOn { units: 4_000 });
    let findings = registration.look(&seen(&plan, 2_000, [200, 262])).unwrap();
    assert_eq!(findings.comparisons[0].verdict, Verdict::Superior);
    assert_eq!((findings.basis.look, findings.basis.information()), (2, Some(0.5)));
    // The same look again is no further one.
    assert_eq!(registration.look(&seen(&plan, 2_000, [200, 262])).unwrap(), findings);
    let later = registration.look(&seen(&plan, 4_000, [400, 430])).unwrap();
    assert_eq!((later.comparisons[0].verdict, later.basis.look), (Verdict::Superior, 3));
    assert_eq!(later.comparisons[0].p_design, findings.comparisons[0].p_design);
    assert!(later.balance_watched.unwrap() > 0.9);
}

#[test]
fn a_single_look_is_the_one_that_was_planned() {
    let plan = plan().design(Design::Fixed).build().unwrap();
    let mut registration = Registration::new(plan.clone());
    let early = registration.look(&seen(&plan, 2_000, [200, 300])).unwrap();
    assert_eq!((early.comparisons[0].verdict, early.comparisons[0].p_design), (Verdict::TooEarly, None));
    let due = registration.look(&seen(&plan, 4_000, [400, 420])).unwrap();
    assert_eq!(due.comparisons[0].verdict, Verdict::Inconclusive);
    // What comes after it is not asked, however good.
    let after = registration.look(&seen(&plan, 6_000, [600, 900])).unwrap();
    assert_eq!(after.comparisons[0].verdict, Verdict::Inconclusive);
    assert_eq!(after.comparisons[0].p_design, due.comparisons[0].p_design);
    assert!(after.comparisons[0].p.unwrap() < 1e-6);
}

/// Nobody is no look, and looks that all but coincide do not spoil those that follow: at all planned units |z| = 2.3 is
/// enough, since hardly anything was spent before.
#[test]
fn looks_at_nobody_or_at_hardly_more_cost_nothing() {
    let plan = self::plan().units(8_000_000_000_000).build().unwrap();
    let mut registration = Registration::new(plan.clone());
    let none = registration.look(&seen(&plan, 0, [0, 0])).unwrap();
    assert!(matches!(none.comparisons[0].verdict, Verdict::Invalid(_)));
    assert!(registration.looks() == 0 && registration.amend(self::plan().alpha(0.2).build().unwrap()).is_ok());
    let small = self::plan().build().unwrap();
    let mut registration = Registration::new(small.clone());
    registration.look(&seen(&small, 1_000, [100, 100])).unwrap();
    let p = registration.look(&seen(&small, 4_000, [400, 462])).unwrap().comparisons[0].p_design.unwrap();
    assert!(p < 0.05 && p > 0.02, "{p}");
    let mut registration = Registration::new(plan.clone());
    for units in [1_000, 1_001, 1_002] {
        let found = registration.look(&seen(&plan, units, [100, 900])).unwrap();
        assert!(found.comparisons[0].p_design.is_some_and(|p| p <= 1.0), "{units}");
    }
}
