use super::*;

fn two(metric: PlannedMetric) -> PlanBuilder {
    ExperimentPlan::builder("it helps").arm(PlannedArm::new("a")).arm(PlannedArm::new("b")).metric(metric)
}

fn rate(base: f64) -> PlannedMetric {
    PlannedMetric::primary("bought", MetricKind::Rate).expected(base, None)
}

/// By scipy's normal quantiles in the formula of Fleiss, Levin and Paik (statsmodels' `samplesize_proportions_2indep`
/// gives the same), of means statsmodels' `NormalIndPower`: each arm rounded up.
#[test]
fn sizes_are_those_of_others() {
    let fixed = |builder: PlanBuilder| builder.design(Design::Fixed).build().unwrap().units().unwrap();
    assert_eq!(fixed(two(rate(0.05)).smallest(0.1)), 2 * 31_234);
    assert_eq!(fixed(two(PlannedMetric::primary("spend", MetricKind::Mean).expected(20.0, 50.0))), 2 * 39_245);
    // Two metrics and two arms that share a half: alpha over four. The control has 6,958.6, the others half of that.
    let shared = ExperimentPlan::builder("fewer leave")
        .arm(PlannedArm::new("a").weight(2.0))
        .arm(PlannedArm::new("b"))
        .arm(PlannedArm::new("c"))
        .metric(rate(0.1).down())
        .metric(PlannedMetric::primary("left", MetricKind::Rate).down().expected(0.1, None))
        .smallest(0.2);
    assert_eq!(fixed(shared), 6_959 + 2 * 3_480);
    // On one side against a margin: 4,946.05, and 26,068.4 where it is a part of what the control has, 28,808.8 where
    // less is better.
    assert_eq!(fixed(two(rate(0.2).null(Null::Absolute(0.02)))), 2 * 4_947);
    assert_eq!(fixed(two(rate(0.2).null(Null::Relative(0.05))).power(0.9)), 2 * 26_069);
    assert_eq!(fixed(two(rate(0.2).null(Null::Relative(0.05)).down()).power(0.9)), 2 * 28_809);
}

/// Of 62,468 units at one look: Jennison and Turnbull's 1.025 for five looks; the hybrid by scipy,
/// `((z(.98) + z(.8)) / (z(.975) + z(.8)))²` = 1.06807.
#[test]
fn designs_that_look_before_the_end_take_more() {
    let of = |design| two(rate(0.05)).smallest(0.1).design(design).build().unwrap().units().unwrap() as f64 / 62_468.0;
    assert!((of(Design::default()) - 1.025).abs() < 0.003, "{}", of(Design::default()));
    assert!((of(Design::Hybrid { always_valid: 0.2 }) - 1.068_07).abs() < 1e-4);
    let always = of(Design::AlwaysValid);
    assert!(always > 1.5 && always < 2.2, "{always}");
}

#[test]
fn what_a_size_shows_is_what_it_was_computed_for() {
    for design in [Design::Fixed, Design::default(), Design::AlwaysValid, Design::Hybrid { always_valid: 0.2 }] {
        let metric = PlannedMetric::primary("spend", MetricKind::Mean).expected(-20.0, 50.0);
        let plan = two(metric).design(design).smallest(0.03).build().unwrap();
        let found = plan.detectable("spend", plan.units().unwrap()).unwrap();
        // Rounded up units show a little less.
        assert!(found <= 0.03 && found > 0.03 - 1e-5, "{design:?} {found}");
    }
    let plan = two(rate(0.1)).holdout(0.2).units(1_000).build().unwrap();
    assert_eq!((plan.days(100.0), plan.units_within(12.5, 100.0)), (Ok(13.0), Ok(1_000)));
    assert!(plan.days(0.0).is_err() && plan.units_within(f64::NAN, 1.0).is_err());
    assert!(plan.detectable("other", 1_000).is_err() && plan.detectable("bought", 1).is_err());
}

const WRITTEN: &str = r#"{
    "hypothesis": "A later gate keeps players longer",
    "control": "gate_30",
    "arms": [{"name": "gate_40", "cost": 0.5}, {"name": "gate_30"}],
    "metrics": [
        {"name": "retention_7", "role": "primary", "kind": "rate"},
        {"name": "crashes", "role": "guardrail", "kind": "mean", "direction": "down", "null": {"relative": 0.1}}
    ],
    "units": 90000
}"#;

/// The fingerprint by mmh3 5.3.1 (`hash64(text, 0, signed=False)`) of the text below.
#[test]
fn the_fingerprint_is_published() {
    let plan: ExperimentPlan = serde_json::from_str(WRITTEN).unwrap();
    assert_eq!(plan.arms()[0].name, "gate_30");
    assert_eq!(
        plan.canonical(),
        r#"{"hypothesis":"A later gate keeps players longer","control":"gate_30","arms":[{"name":"gate_30","weight":1.0,"cost":0.0,"intensity":null},{"name":"gate_40","weight":1.0,"cost":0.5,"intensity":null}],"metrics":[{"name":"retention_7","role":"primary","kind":"rate","direction":"up","null":"zero","expected":null},{"name":"crashes","role":"guardrail","kind":"mean","direction":"down","null":{"relative":0.1},"expected":null}],"alpha":0.05,"power":0.8,"smallest":0.05,"design":{"group_sequential":{"looks":5,"spending":"o_brien_fleming"}},"holdout":0.0,"units":90000}"#
    );
    assert_eq!(plan.hash().to_string(), "ffa54c5bb99d3f65cab392e467e61e93");
    // The order of the arms is no change if the control is the same; everything else is.
    let again: ExperimentPlan = serde_json::from_str(&plan.canonical()).unwrap();
    assert_eq!((again.hash(), &again), (plan.hash(), &plan));
    for (part, other) in [
        ("longer", "shorter"),
        ("\"control\": \"gate_30\"", "\"control\": \"gate_40\""),
        ("0.5", "0.25"),
        ("\"kind\": \"rate\"", "\"kind\": \"mean\""),
        ("\"down\"", "\"up\""),
        ("{\"relative\": 0.1}", "{\"absolute\": 0.1}"),
        ("\"guardrail\"", "\"secondary\""),
        ("90000", "90001"),
        ("\"units\"", "\"alpha\": 0.01, \"units\""),
        ("\"units\"", "\"design\": \"fixed\", \"units\""),
    ] {
        let changed: ExperimentPlan = serde_json::from_str(&WRITTEN.replace(part, other)).unwrap();
        assert_ne!(changed.hash(), plan.hash(), "{part}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = ExperimentPlan::builder("")
        .arm(PlannedArm::new("a").weight(0.0))
        .arm(PlannedArm::new("a").cost(f64::NAN))
        .metric(PlannedMetric::secondary("m", MetricKind::Mean).expected(0.0, None).null(Null::Relative(1.0)))
        .control("b")
        .alpha(f64::NAN)
        .power(0.01)
        .smallest(f64::INFINITY)
        .holdout(1.0)
        .units(1)
        .design(Design::GroupSequential { looks: 201, spending: crate::experiment::Spending::Pocock })
        .build()
        .unwrap_err();
    let places: Vec<String> =
        errors.iter().map(|error| error.to_string().split('`').nth(1).unwrap_or_default().to_owned()).collect();
    assert_eq!(
        places,
        [
            "hypothesis",
            "arms[1].name",
            "control",
            "arms[0].weight",
            "arms[1].cost",
            "metrics[0].null.relative",
            "metrics[0].expected.value",
            "metrics[0].expected.deviation",
            "alpha",
            "power",
            "smallest",
            "holdout",
            "design.group_sequential.looks",
            "units",
            "metrics"
        ],
        "{errors}"
    );
}

#[test]
fn a_design_that_ends_needs_an_end() {
    let metric = || PlannedMetric::primary("bought", MetricKind::Rate);
    let errors = two(metric()).build().unwrap_err();
    assert_eq!(errors[..], [PlanError::NoUnits { design: "group_sequential", metric: "bought".to_owned() }]);
    assert_eq!(two(metric()).design(Design::AlwaysValid).build().unwrap().units(), None);
    // A rate cannot rise by a fifth from nine in ten.
    let errors = two(rate(0.9)).smallest(0.2).build().unwrap_err();
    assert!(matches!(errors[0], PlanError::Size { reason: crate::stats::Undefined::Rate, .. }), "{errors}");
    let unknown = serde_json::from_str::<ExperimentPlan>(r#"{"hypothesis": "x", "arms": [], "metrcs": []}"#);
    assert!(unknown.unwrap_err().to_string().contains("unknown field `metrcs`"));
}
