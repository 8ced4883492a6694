use super::*;
use crate::experiment::Recommendation;

/// Observes so many units of an arm that did a thing, of so many.
fn tell(analysis: &mut Analysis, arm: usize, (did, all): (u64, u64), segments: &[&str]) {
    for unit in 0..all {
        analysis.observe(arm, &[if unit < did { 1.0 } else { 0.0 }], segments).unwrap();
    }
}

fn near(found: f64, wanted: f64, by: f64) {
    assert!((found - wanted).abs() <= by, "{found}, where {wanted} was wanted");
}

/// Seven-day retention of Cookie Cats, the counts of the published table; the answers by another implementation, to the
/// digits that were given.
#[test]
fn a_later_gate_keeps_fewer_players() {
    let mut analysis = Analysis::new(&["gate_30", "gate_40"], &["retention_7"], &[]).unwrap();
    tell(&mut analysis, 0, (8_502, 44_700), &[]);
    tell(&mut analysis, 1, (8_279, 45_489), &[]);
    let findings = analysis.findings();
    let balance = findings.balance.unwrap();
    near(balance.chi_square, 6.902, 5e-4);
    near(balance.p, 0.0086, 5e-5);
    let found = &findings.comparisons[0];
    near(found.base, 0.19020, 5e-6);
    near(found.difference, -0.00820, 5e-6);
    let interval = found.interval.unwrap();
    near(interval.low, -0.01328, 5e-6);
    near(interval.high, -0.00312, 5e-6);
    near(found.lift.unwrap(), -0.0431, 5e-5);
    near(found.p.unwrap(), 0.00155, 5e-6);
    near(found.chance_to_win.unwrap(), 0.00078, 5e-6);
    near(found.expected_loss.unwrap(), 0.00820, 5e-6);
    assert_eq!((found.verdict, found.sentence().contains("lowers")), (Verdict::Inferior, true));
    assert_eq!(findings.recommendations, [("gate_40".to_owned(), Recommendation::Stop)]);
    assert!(findings.to_string().contains("p 0.00155"), "{findings}");
}

/// Visits of Hillstrom's e-mail campaign by whether somebody bought women's goods, likewise.
#[test]
fn an_effect_in_one_segment_only_is_found_unasked() {
    let mut analysis = Analysis::new(&["none", "womens e-mail"], &["visit"], &["womens"]).unwrap();
    tell(&mut analysis, 0, (484, 4_842), &["0"]);
    tell(&mut analysis, 0, (656, 5_813), &["1"]);
    tell(&mut analysis, 1, (545, 4_839), &["0"]);
    tell(&mut analysis, 1, (1_087, 5_893), &["1"]);
    let findings = analysis.findings();
    near(findings.comparisons[0].difference, 0.0451, 5e-5);
    near(findings.comparisons[0].interval.unwrap().low, 0.0361, 5e-5);
    let split = &findings.splits[0];
    assert!(split.is_flagged && split.freedom == 1);
    near(split.q, 42.4, 0.05);
    near(split.p, 8e-11, 0.5e-11);
    near(split.parts[0].difference, 0.0127, 5e-5);
    near(split.parts[1].difference, 0.0716, 5e-5);
    // The small effect of the others is one too, asked about by itself: p 0.043.
    assert!(split.parts[0].p_adjusted < 0.05);
    assert_eq!(findings.recommendations[0].1, Recommendation::Ship);
}

#[test]
fn an_arm_that_helps_some_only_is_for_them() {
    let mut analysis = Analysis::new(&["old", "new"], &["bought"], &["club"]).unwrap();
    tell(&mut analysis, 0, (500, 5_000), &["no"]);
    tell(&mut analysis, 0, (500, 5_000), &["yes"]);
    tell(&mut analysis, 1, (501, 5_000), &["no"]);
    tell(&mut analysis, 1, (800, 5_000), &["yes"]);
    let findings = analysis.findings();
    assert_eq!(findings.comparisons[0].verdict, Verdict::Superior);
    let only = Recommendation::Retarget { column: "club".to_owned(), values: vec!["yes".to_owned()] };
    assert_eq!(findings.recommendations, [("new".to_owned(), only)]);
}

#[test]
fn lost_units_block_the_verdict_and_leave_the_numbers() {
    let mut analysis = Analysis::new(&["a", "b"], &["bought"], &[]).unwrap();
    tell(&mut analysis, 0, (200, 1_000), &[]);
    tell(&mut analysis, 1, (400, 1_300), &[]);
    let findings = analysis.findings();
    assert_eq!(findings.comparisons[0].verdict, Verdict::Mismatch);
    assert!(findings.comparisons[0].p.is_some());
    assert_eq!(findings.recommendations[0].1, Recommendation::Repair);
    // As planned, there is nothing wrong with it.
    let findings = analysis.weights(&[10.0, 13.0]).unwrap().findings();
    assert_eq!(findings.comparisons[0].verdict, Verdict::Superior);
}

#[test]
fn few_units_and_no_units_are_no_answer() {
    let mut analysis = Analysis::new(&["a", "b"], &["bought"], &["new"]).unwrap();
    assert!(matches!(analysis.findings().comparisons[0].verdict, Verdict::Mismatch | Verdict::Undefined(_)));
    tell(&mut analysis, 0, (3, 60), &["yes"]);
    tell(&mut analysis, 1, (20, 60), &["yes"]);
    let findings = analysis.findings();
    assert_eq!((findings.comparisons[0].verdict, findings.comparisons[0].p), (Verdict::TooEarly, None));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    assert!(matches!(Analysis::new(&["a"], &[], &[]), Err(Undefined::OneArm)));
    let mut analysis = Analysis::new(&["a", "b"], &["spend"], &["new"]).unwrap();
    tell(&mut analysis, 0, (1, 2), &["x"]);
    let before = format!("{analysis:?}");
    for (arm, values, segments) in
        [(2, &[1.0][..], &["x"][..]), (0, &[], &["x"]), (0, &[1.0, 2.0], &["x"]), (0, &[1.0], &[])]
    {
        assert_eq!(analysis.observe(arm, values, segments), Err(Undefined::LengthMismatch));
    }
    for value in [f64::NAN, f64::INFINITY] {
        assert_eq!(analysis.observe(0, &[value], &["x"]), Err(Undefined::NotFinite));
    }
    assert_eq!(before, format!("{analysis:?}"));
    assert!(analysis.clone().weights(&[1.0]).is_err() && analysis.clone().weights(&[1.0, f64::NAN]).is_err());
    assert!(analysis.clone().cap(1.0).is_err() && analysis.smallest(0.0).is_err());
}

/// One unit that spends a thousand times as much as others is named, and the cap takes it off.
#[test]
fn a_heavy_tail_is_told() {
    let mut analysis = Analysis::new(&["a", "b"], &["spend"], &[]).unwrap();
    for unit in 0..2_000_u32 {
        analysis.observe(0, &[f64::from(unit % 4)], &[]).unwrap();
        analysis.observe(1, &[if unit == 7 { 4_000.0 } else { f64::from(unit % 4) }], &[]).unwrap();
    }
    let tail = analysis.findings().comparisons[0].tail.unwrap();
    // Without it the other 1,999 have (3,000 - 3) / 1,999.
    near(tail.moved_by, (3_000.0 - 3.0 + 4_000.0) / 2_000.0 - 2_997.0 / 1_999.0, 1e-12);
    assert!(tail.is_heavy && tail.units_capped == 1);
    near(tail.cap, 3.0, 1e-12);
    near(tail.capped.difference, 0.0, 1e-12);
}
