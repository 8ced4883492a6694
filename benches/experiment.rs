//! What it costs to tally a unit, to compare two arms, and to fit customers.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use bespoke::experiment::{
    AlwaysValid, Analysis, Arm, BalanceWatch, BucketHash, Design, ExperimentPlan, Findings, GroupSequential,
    MetricKind, PlannedArm, PlannedMetric, RateComparison, Registration, Spending, Tally, difference,
};
use bespoke::lifetime::{BgNbd, Purchases};
use bespoke::stats::{Alpha, Beta, JointMoments, Moments, Proportion};
use criterion::{Criterion, criterion_group, criterion_main};

fn tally(c: &mut Criterion) {
    let units: Vec<[f64; 4]> =
        (0..1_024).map(|i| [f64::from(i % 7), 1.0 + f64::from(i % 3), f64::from(i % 5), 2.0]).collect();
    for (name, empty, numbers) in [
        ("rate", Tally::Rate(Proportion::default()), 1),
        ("mean", Tally::Mean(Moments::default()), 1),
        ("mean_given", Tally::MeanGiven(JointMoments::default()), 2),
        ("ratio", Tally::Ratio(JointMoments::default()), 2),
        ("ratio_given", Tally::RatioGiven(JointMoments::default()), 4),
    ] {
        let fold = || {
            let mut tally = empty;
            black_box(&units).iter().for_each(|unit| tally.observe(&unit[..numbers]));
            tally
        };
        assert_eq!(fold().units(), 1_024);
        c.bench_function(&format!("tally/{name}/1024_units"), |b| b.iter(fold));
    }
}

fn compare(c: &mut Criterion) {
    let (a, b) = (Arm::new(44_700, 0.19, 0.154).unwrap(), Arm::new(45_489, 0.182, 0.149).unwrap());
    let watch = AlwaysValid::planned(100_000, Alpha::USUAL).unwrap();
    let effect = difference(&a, &b).unwrap();
    assert!(effect.p() < 0.01 && watch.p(&effect) > effect.p());
    c.bench_function("compare/difference", |bench| bench.iter(|| difference(black_box(&a), black_box(&b))));
    c.bench_function("compare/p_of_student", |bench| bench.iter(|| black_box(&effect).p()));
    c.bench_function("compare/interval_of_student", |bench| bench.iter(|| black_box(&effect).interval(Alpha::USUAL)));
    c.bench_function("compare/always_valid", |bench| bench.iter(|| watch.p(black_box(&effect))));
    let (a, b) = (Beta::new(705.0, 13_395.0).unwrap(), Beta::new(747.0, 13_363.0).unwrap());
    assert!(RateComparison::new(&a, &b).treatment_better > 0.8);
    c.bench_function("compare/beta_posteriors", |bench| {
        bench.iter(|| RateComparison::new(black_box(&a), black_box(&b)))
    });
    let watch = BalanceWatch::new(&[0.5, 0.5]).unwrap();
    c.bench_function("compare/balance_watch", |bench| bench.iter(|| watch.ln_bayes_factor(black_box(&[5_000, 5_210]))));
    c.bench_function("assign/growthbook_v2", |bench| {
        bench.iter(|| BucketHash::GrowthBookV2.bucket(black_box("exp-home-hero"), black_box("user-1")));
    });
    c.bench_function("assign/murmur", |bench| {
        bench.iter(|| BucketHash::Murmur.bucket(black_box("exp-home-hero"), black_box("user-1")));
    });
}

fn plan(c: &mut Criterion) {
    let looks: Vec<f64> = (1..=20).map(|k| f64::from(k) / 20.0).collect();
    let plan = |looks: &[f64]| GroupSequential::spending(looks, Spending::OBrienFleming, Alpha::USUAL).unwrap();
    assert!((plan(&looks).crossing(0.0)[19] - 0.05).abs() < 1e-9);
    c.bench_function("plan/group_sequential/20_looks", |bench| bench.iter(|| plan(black_box(&looks))));
}

/// 20,000 units, of which each has 25 rates and 25 means, in 10 arms and 100 segments.
fn report(c: &mut Criterion) {
    let arms: Vec<String> = (0..10).map(|arm| format!("arm {arm}")).collect();
    let metrics: Vec<String> = (0..50).map(|metric| format!("metric {metric}")).collect();
    fn refs(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }
    let segments: Vec<String> = (0..100).map(|segment| format!("segment {segment}")).collect();
    let kind = |metric: usize| if metric < 25 { MetricKind::Rate } else { MetricKind::Mean };
    let mut state = 1_u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut fill = |analysis: &mut Analysis| {
        for i in 0..20_000_usize {
            let values: Vec<f64> = (0..50)
                .map(|metric| match kind(metric) {
                    MetricKind::Rate => f64::from(u8::from(unit() < 0.2)),
                    _ => -20.0 * libm::log(1.0 - unit()),
                })
                .collect();
            analysis.observe(i % 10, &values, &[&segments[i / 10 % 100]]).unwrap();
        }
    };
    let mut analysis = Analysis::new(&refs(&arms), &refs(&metrics), &["segment"]).unwrap();
    fill(&mut analysis);
    let findings = analysis.findings();
    assert_eq!((findings.comparisons.len(), findings.splits.len()), (450, 450));
    // Among twenty units in each of two arms now and then nobody does it.
    assert!(findings.splits.iter().all(|split| split.parts.len() >= 95));
    c.bench_function("report/50_metrics_x_10_arms_x_100_segments", |bench| bench.iter(|| analysis.findings()));

    // The fourth of five looks, at 80,000 units: every p is the alpha at which the bound would be where the effect is.
    let mut plan = ExperimentPlan::builder("nothing happens").units(100_000).design(Design::default());
    plan = arms.iter().fold(plan, |plan, arm| plan.arm(PlannedArm::new(arm)));
    let all = metrics.iter().enumerate();
    plan = all.fold(plan, |plan, (at, name)| plan.metric(PlannedMetric::primary(name, kind(at))));
    let plan = plan.build().unwrap();
    let mut registration = Registration::new(plan.clone());
    let mut analysis = Analysis::planned(&plan, &["segment"]);
    for look in 1..=4 {
        fill(&mut analysis);
        assert_eq!(analysis.units(), 20_000 * look);
        if look < 4 {
            registration.look(&analysis).unwrap();
        }
    }
    // Of as many units, one look of the same plan.
    let plain = || analysis.findings();
    let fourth = || registration.clone().look(&analysis).unwrap();
    let best = |of: &dyn Fn() -> Findings| {
        let times = (0..10).map(|_| {
            let start = std::time::Instant::now();
            black_box(of());
            start.elapsed().as_secs_f64()
        });
        times.fold(f64::INFINITY, f64::min)
    };
    println!("report: the 4th look takes {:.2} times what a first look takes", best(&fourth) / best(&plain));
    c.bench_function("report of 80,000 units", |bench| bench.iter(plain));
    c.bench_function("report with a group sequential plan, 4th look", |bench| bench.iter(fourth));
}

fn customers(c: &mut Criterion) {
    // Drawn from the model itself: rates of purchase Gamma(1, 10) a week, chances to leave Beta(1, 3).
    let mut state = 1_u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let customers: Vec<Purchases> = (0..2_000_u32)
        .map(|i| {
            let (rate, leaves) = (-libm::log(unit()) / 10.0, 1.0 - libm::cbrt(unit()));
            let (observed, mut repeats, mut last) = (30.0 + f64::from(i % 9), 0, 0.0);
            loop {
                let next = last - libm::log(unit()) / rate;
                if next > observed {
                    break;
                }
                (repeats, last) = (repeats + 1, next);
                if unit() < leaves {
                    break;
                }
            }
            Purchases::new(repeats, last, observed, 20.0).unwrap()
        })
        .collect();
    let model = BgNbd::fit(&customers).unwrap();
    c.bench_function("customers/fit_bg_nbd/2000", |bench| bench.iter(|| BgNbd::fit(black_box(&customers))));
    c.bench_function("customers/expected/2000", |bench| {
        bench.iter(|| black_box(&customers).iter().map(|one| model.expected(one, 39.0)).sum::<f64>());
    });
}

criterion_group!(benches, tally, compare, plan, report, customers);
criterion_main!(benches);
