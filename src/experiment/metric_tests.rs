//! Metrics of more than one number, from units, from sums and over days. References by numpy 2.4 and scipy 1.17, and of
//! the line statsmodels 0.15, from the same numbers.

use super::*;
use crate::experiment::{Design, MetricKind, Null, Period, PlannedArm, PlannedMetric};

/// Of a unit: arm, day, and spend, spend before, revenue, orders, revenue and orders before, load.
fn unit(i: usize) -> (usize, usize, [f64; 7]) {
    let (arm, a, b) = (i % 2, (i * 37 % 101) as f64, i * 53 % 97);
    let (before, orders) = ((b * b % 29) as f64, 1.0 + (b % 4) as f64);
    let b = b as f64;
    let spend = 2.0 * before + a % 13.0 + 0.7 * arm as f64;
    let revenue = orders * (5.0 + a / 10.0) + arm as f64;
    let orders_before = 1.0 + (b + a) % 3.0;
    let load = (a * 97.0 + b) / 100.0 + 1.5 * arm as f64;
    (arm, i / 2_000, [spend, before, revenue, orders, orders_before * (4.0 + a % 7.0), orders_before, load])
}

fn plan() -> ExperimentPlan {
    let primary = PlannedMetric::primary;
    ExperimentPlan::builder("it sells more")
        .arm(PlannedArm::new("old"))
        .arm(PlannedArm::new("new"))
        .metric(primary("spend", MetricKind::Mean))
        .metric(primary("spend given", MetricKind::Mean).reads("spend").before(&["before"]).null(Null::Relative(0.03)))
        .metric(primary("capped", MetricKind::Mean).reads("spend").capped(60.0))
        .metric(primary("value", MetricKind::Ratio).reads("revenue").over("orders"))
        .metric(primary("value given", MetricKind::Ratio).reads("revenue").over("orders").before(&["rb", "ob"]))
        .metric(PlannedMetric::guardrail("load", MetricKind::Quantile).quantile(0.9).down())
        .design(Design::Fixed)
        .units(12_000)
        .build()
        .unwrap()
}

/// The numbers that the plan asks for.
fn numbers(of: &[f64; 7]) -> [f64; 11] {
    let [spend, before, revenue, orders, revenue_before, orders_before, load] = *of;
    [spend, spend, before, spend, revenue, orders, revenue, orders, revenue_before, orders_before, load]
}

fn analysed(units: core::ops::Range<usize>) -> Analysis {
    let mut analysis = Analysis::planned(&plan(), &["day"]).days("day").unwrap();
    for i in units {
        let (arm, day, of) = unit(i);
        analysis.observe(arm, &numbers(&of), &[&day.to_string()]).unwrap();
    }
    analysis
}

#[track_caller]
fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{found} is not {wanted}");
}

#[test]
fn every_kind_of_metric_is_what_others_compute() {
    let findings = analysed(0..12_000).findings();
    let [plain, given, capped, ratio, ratio_given, quantile] = &findings.comparisons[..] else { unreachable!() };
    close(plain.difference, 0.7025);
    close(given.difference, 0.7094974128118263);
    close(given.error.unwrap(), 0.06740526483909712);
    close(given.p.unwrap() / 8.506511421922813e-26, 1.0);
    let covariate = given.covariate.unwrap();
    close(covariate.theta, 1.9992608033788053);
    close(covariate.variance_reduction, 0.960159949469746);
    close(covariate.unadjusted, 0.7025);
    // How far it is above 97 % of the control, which is an estimate too.
    close(given.not_worse.unwrap().z, 1.7068824516196415 / 0.06640139340741338);
    close(capped.difference, 0.661933333333323);
    assert_eq!(capped.capped.unwrap().units, Some(661));
    assert!(capped.tail.is_none() && plain.tail.is_some());
    close(ratio.base, 10.001683772724226);
    close(ratio.difference, 0.3974376223126619);
    close(ratio.error.unwrap(), 0.05845963386096022);
    close(ratio.p.unwrap() / 1.1072662286010112e-11, 1.0);
    assert!(ratio_given.covariate.is_some() && ratio_given.error.unwrap() < 1.01 * ratio.error.unwrap());
    close(quantile.base, 88.182);
    close(quantile.value, 89.642);
    close(quantile.error.unwrap(), 0.5429247169247533);
    assert_eq!((quantile.kind, quantile.quantile), (MetricKind::Quantile, Some(0.9)));
    let text = findings.to_string();
    assert!(text.contains("covariate: takes away 96.0%") && text.contains("capped at 60.000 as planned (661 units)"));
}

#[test]
fn the_effect_over_days_is_a_weighted_line() {
    let findings = analysed(0..12_000).findings();
    let days = &findings.days[0];
    assert_eq!((days.metric.as_str(), days.column.as_str(), days.periods.len()), ("spend", "day", 6));
    close(days.slope, 0.018984218752163995);
    close(days.error, 0.19763410590714853);
    close(days.misfit_p, 0.9996170656602189);
    let last = days.periods.last().unwrap();
    close(last.total, findings.comparisons[0].difference);
    close(last.total_error, findings.comparisons[0].error.unwrap());
    assert!(findings.splits.is_empty() && !days.is_flagged);
    // An effect of 5 that falls by 1 each day, as dates over the turn of a year; the last day alone has too few units.
    let mut analysis = Analysis::new(&["a", "b"], &["spend"], &["date"]).unwrap().days("date").unwrap();
    let dates = ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-02"];
    for (day, date) in dates.iter().enumerate() {
        for i in 0..if day == 3 { 500 } else { 2_000 } {
            let effect = if i % 2 == 1 { 5.0 - day as f64 } else { 0.0 };
            analysis.observe(i % 2, &[effect + (i / 2 % 10) as f64], &[date]).unwrap();
        }
    }
    let findings = analysis.findings();
    let [days] = &findings.days[..] else { unreachable!() };
    let ends: Vec<(&str, &str)> = days.periods.iter().map(|of| (of.from.as_str(), of.to.as_str())).collect();
    assert_eq!(ends, [(dates[0], dates[0]), (dates[1], dates[1]), (dates[2], dates[3])]);
    assert!((days.slope + 1.0).abs() < 1e-9 && days.is_flagged, "{days:?}");
    assert!(findings.to_string().contains("b / spend changes over days by -1.000"), "{findings}");
}

/// The sums that a warehouse would give, by the definition.
fn sums(units: impl Iterator<Item = Vec<f64>>, many: usize) -> Vec<f64> {
    let mut sums = vec![0.0; many + many * (many + 1) / 2];
    for of in units {
        let mut at = many;
        for i in 0..many {
            sums[i] += of[i];
            for j in 0..=i {
                sums[at] += of[i] * of[j];
                at += 1;
            }
        }
    }
    sums
}

#[test]
fn sums_and_shards_say_what_units_say() {
    let written = plan();
    // All but the quantile, which sums do not know.
    let mut builder = ExperimentPlan::builder("sums").design(Design::Fixed).units(12_000);
    builder = written.arms().iter().fold(builder, |builder, arm| builder.arm(arm.clone()));
    builder = written.metrics()[..5].iter().fold(builder, |builder, metric| builder.metric(metric.clone()));
    let plan = builder.build().unwrap();
    let empty = || Analysis::planned(&plan, &["day"]).days("day").unwrap();
    let (mut whole, mut told, mut shards) = (empty(), empty(), [empty(), empty(), empty()]);
    for i in 0..12_000 {
        let (arm, day, of) = unit(i);
        let (numbers, day) = (&numbers(&of)[..10], day.to_string());
        whole.observe(arm, numbers, &[&day]).unwrap();
        shards[i % 3].observe(arm, numbers, &[&day]).unwrap();
    }
    for (arm, day) in (0..2).flat_map(|arm| (0..6).map(move |day| (arm, day))) {
        let of = |from: usize, many: usize| {
            let mine = (0..12_000).map(unit).filter(|of| (of.0, of.1) == (arm, day));
            let capped = |(at, x): (usize, f64)| if at == 3 { x.min(60.0) } else { x };
            let picked = mine.map(|of| numbers(&of.2).into_iter().enumerate().map(capped).collect::<Vec<_>>());
            sums(picked.map(|all| all[from..from + many].to_vec()), many)
        };
        let all = [of(0, 1), of(1, 2), of(3, 1), of(4, 2), of(6, 4)];
        told.observe_sums(arm, 1_000, &all, &[&day.to_string()]).unwrap();
    }
    let [mut first, second, third] = shards;
    first.merge(&second).unwrap();
    first.merge(&third).unwrap();
    let wanted = whole.findings();
    for found in [told.findings(), first.findings()] {
        for (found, wanted) in found.comparisons.iter().zip(&wanted.comparisons) {
            assert_eq!(found.verdict, wanted.verdict);
            close(found.difference, wanted.difference);
            close(found.error.unwrap(), wanted.error.unwrap());
        }
        assert_eq!(found.days.len(), wanted.days.len());
        for (found, wanted) in found.days.iter().zip(&wanted.days) {
            close(found.slope, wanted.slope);
            assert!(found.periods.iter().map(|of: &Period| of.units).eq(wanted.periods.iter().map(|of| of.units)));
        }
    }
    assert_eq!(first.findings().comparisons[2].capped, wanted.comparisons[2].capped);
    assert_eq!(told.findings().comparisons[2].capped.unwrap().units, None);
    let other = Analysis::new(&["old", "new"], &["spend"], &[]).unwrap();
    assert_eq!((first.merge(&other), first.units()), (Err(Undefined::LengthMismatch), 12_000));
}

#[test]
fn sums_that_cannot_be_are_refused() {
    let mut analysis = Analysis::planned(&plan(), &["day"]);
    let one = || vec![10.0, 20.0];
    let two = || vec![10.0, 10.0, 20.0, 15.0, 20.0];
    let mut all = vec![one(), two(), one(), two(), vec![1.0; 14], one()];
    assert_eq!(analysis.observe_sums(0, 10, &all, &["0"]), Err(Undefined::QuantileOfSums));
    all[2] = vec![601.0, 40_000.0];
    assert_eq!(analysis.observe_sums(0, 10, &all, &["0"]), Err(Undefined::AboveCap));
    all[1] = one();
    assert_eq!(analysis.observe_sums(0, 10, &all, &["0"]), Err(Undefined::LengthMismatch));
    assert_eq!(analysis.observe(0, &[1.0; 10], &["0"]), Err(Undefined::LengthMismatch));
    assert_eq!(analysis.units(), 0);
    assert!(Analysis::planned(&plan(), &[]).days("day").is_err());
    for text in ["", "soon", "2024-13-01", "2024-00-01", "99999999999", "2024-1", "-", "0-1-1"] {
        analysis.observe(0, &[1.0; 11], &[text]).unwrap();
    }
    assert!(analysis.days("day").unwrap().findings().days.is_empty());
}

/// Nothing happens in 2,000 experiments of 2 × 400 exponential units: at 5 % the share of false alarms of the 90th
/// percentile has a standard error of 0.0049, and the bound is three of them. The error itself is that of the density,
/// `sqrt(q (1 - q) / n) / f`, which is `sqrt(.9 / .1 / n)` here, within a part of a tenth on average.
#[test]
fn quantiles_raise_few_false_alarms() {
    let mut state = 7_u64;
    let mut exponential = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -libm::log1p(-((state >> 11) as f64 / (1_u64 << 53) as f64))
    };
    let kind = Kind::Quantile(0.9);
    let (mut alarms, mut errors) = (0, 0.0);
    for _ in 0..2_000 {
        let mut arms = [Cell::new(kind), Cell::new(kind)];
        arms.iter_mut().for_each(|arm| (0..400).for_each(|_| arm.observe(&[exponential()])));
        let effect = super::super::cell::Effect::between(kind, &arms[0], &arms[1]).unwrap();
        alarms += u32::from(effect.p() < 0.05);
        errors += effect.error() / 2_000.0;
    }
    let share = f64::from(alarms) / 2_000.0;
    assert!(share < 0.05 + 3.0 * 0.0049, "{share}");
    let asymptotic = libm::sqrt(2.0 * 9.0 / 400.0);
    assert!((errors / asymptotic - 1.0).abs() < 0.1, "{errors} {asymptotic}");
}

#[test]
fn a_plan_gives_each_kind_what_it_takes() {
    let wrong = |metric: PlannedMetric| {
        let plan = ExperimentPlan::builder("x").arm(PlannedArm::new("a")).arm(PlannedArm::new("b"));
        plan.metric(metric).design(Design::AlwaysValid).build().unwrap_err().to_string()
    };
    let of = PlannedMetric::primary;
    assert!(wrong(of("m", MetricKind::Ratio)).contains("`metrics[0].over` of a metric of kind `ratio` must be given"));
    assert!(wrong(of("m", MetricKind::Quantile).quantile(1.0)).contains("`metrics[0].quantile` is 1"));
    assert!(wrong(of("m", MetricKind::Rate).before(&["x"])).contains("`metrics[0].before`"));
    assert!(wrong(of("m", MetricKind::Mean).before(&["x", "y"])).contains("left out, or one number"));
    assert!(wrong(of("m", MetricKind::Rate).capped(1.0)).contains("`metrics[0].cap` of a metric of kind `rate`"));
    assert!(wrong(of("m", MetricKind::Mean).capped(f64::NAN)).contains("`metrics[0].cap` is NaN"));
    assert!(wrong(of("m", MetricKind::Mean).reads("")).contains("`metrics[0].reads` has 0 bytes"));
    // As JSON has them.
    let text = r#"{"hypothesis": "x", "arms": [{"name": "a"}, {"name": "b"}], "design": "always_valid", "metrics": [
        {"name": "value", "role": "primary", "kind": "ratio", "reads": "revenue", "over": "orders", "cap": 900},
        {"name": "p95", "role": "guardrail", "kind": "quantile", "reads": "load", "quantile": 0.95, "direction": "down"}
    ]}"#;
    let plan: ExperimentPlan = serde_json::from_str(text).unwrap();
    assert_eq!(plan.numbers(), ["revenue", "orders", "load"]);
    assert_eq!(serde_json::from_str::<ExperimentPlan>(&plan.canonical()).unwrap(), plan);
}
