//! Tests, intervals and aggregates against other implementations.

use super::*;

#[track_caller]
fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} is not {wanted:e}");
}

#[track_caller]
fn near(found: Interval, low: f64, high: f64) {
    close(found.low, low, 1e-9);
    close(found.high, high, 1e-9);
}

/// statsmodels 0.14: `proportions_ztest`, `confint_proportions_2indep` with wald, newcomb and agresti-caffo.
#[test]
fn two_proportions_compare_as_in_statsmodels() {
    let (a, b) = (Proportion::new(14, 28).unwrap(), Proportion::new(16, 30).unwrap());
    close(Proportion::pooled(&a, &b).unwrap().p(), 0.799_604_410_616_579_3, 1e-12);
    let wald = Proportion::unpooled(&a, &b).unwrap();
    close(wald.error(), 0.131_243_543_554_979_22, 1e-12);
    near(wald.interval(Alpha::USUAL), -0.223_899_285_237_839_92, 0.290_565_951_904_506_57);
    let newcombe = Proportion::newcombe(&a, &b, Alpha::USUAL).unwrap();
    near(newcombe, -0.211_031_128_496_109_8, 0.272_434_514_295_178_2);
    let caffo = Proportion::agresti_caffo(&a, &b, Alpha::USUAL).unwrap();
    near(caffo, -0.217_559_810_610_667_2, 0.280_059_810_610_667_2);
}

/// statsmodels 0.14: `proportion_confint(250, 250000)` and `(20, 20)`.
#[test]
fn intervals_of_a_proportion_are_those_of_statsmodels() {
    near(wilson(250, 250_000, Alpha::USUAL).unwrap(), 0.000_883_534_347_657_538_2, 0.001_131_800_520_321_617);
    near(agresti_coull(250, 250_000, Alpha::USUAL).unwrap(), 0.000_883_297_776_263_243_7, 0.001_132_037_091_715_912);
    let all = clopper_pearson(20, 20, Alpha::USUAL).unwrap();
    close(all.low, 0.831_566_529_016_914_6, 1e-12);
    assert_eq!(all.high, 1.0);
    near(Beta::new(20.5, 0.5).unwrap().interval(Alpha::USUAL), 0.883_361_017_095_124_6, 0.999_975_753_521_540_8);
    for interval in [wilson, jeffreys, clopper_pearson, agresti_coull] {
        assert_eq!(interval(0, 0, Alpha::USUAL), Ok(Interval::WHOLE));
        assert_eq!(interval(3, 2, Alpha::USUAL), Err(Undefined::MoreSuccessesThanUnits));
    }
}

/// scipy 1.17: `fisher_exact([[2, 98], [12, 98]])`; the second is what all tables sum to.
#[test]
fn fishers_test_is_that_of_scipy() {
    let p = |x, n, y, m| fisher_exact(&Proportion::new(x, n).unwrap(), &Proportion::new(y, m).unwrap()).unwrap();
    close(p(2, 100, 12, 110), 0.011_454_294_807_761_455, 1e-12);
    close(p(5, 10, 5, 10), 1.0, 1e-12);
    assert_eq!(fisher_exact(&Proportion::default(), &Proportion::default()), Err(Undefined::EmptyArm));
}

/// scipy 1.17: `ttest_ind_from_stats` on 10 numbers with sums 100 and 1002.25, and 105 and 1111.5.
#[test]
fn welchs_test_is_that_of_scipy() {
    let a = Moments::from_sums(10.0, 100.0, 1_002.25).unwrap();
    let b = Moments::from_sums(10.0, 105.0, 1_111.5).unwrap();
    let found = Evidence::of_means(&a, &b).unwrap();
    close(found.freedom(), 13.235_294_117_647_056, 1e-12);
    close(found.p(), 0.180_390_133_645_434_5, 1e-12);
    close(found.p_above(), 0.090_195_066_822_717_25, 1e-12);
    near(found.interval(Alpha::USUAL), -0.262_427_633_644_012, 1.262_427_633_644_012_1);
}

/// R 4: `p.adjust(c(0.9, 0.001, 0.04, 0.0004, 0.3, 0.02), method)`.
#[test]
fn adjusted_p_values_are_those_of_r() {
    let p = [0.9, 0.001, 0.04, 0.0004, 0.3, 0.02];
    let check = |by, wanted: [f64; 6]| {
        adjusted(&p, by).unwrap().into_iter().zip(wanted).for_each(|(found, wanted)| close(found, wanted, 1e-12));
    };
    check(Adjustment::Bonferroni, [1.0, 0.006, 0.24, 0.0024, 1.0, 0.12]);
    check(Adjustment::Holm, [0.9, 0.005, 0.12, 0.0024, 0.6, 0.08]);
    check(Adjustment::Hochberg, [0.9, 0.005, 0.12, 0.0024, 0.6, 0.08]);
    check(Adjustment::FalseDiscovery, [0.9, 0.003, 0.06, 0.0024, 0.36, 0.04]);
    check(Adjustment::FalseDiscoveryAny, [1.0, 0.007_35, 0.147, 0.005_88, 0.882, 0.098]);
    assert_eq!(adjusted(&[0.1, f64::NAN], Adjustment::Holm), Err(Undefined::NanP));
    assert_eq!(adjusted(&[1.5], Adjustment::Sidak), Err(Undefined::OutOfRangeP));
    assert_eq!(adjusted(&[], Adjustment::Holm), Ok(Vec::new()));
    assert_eq!(adjusted_by_weight(&[0.1], &[0.0]), Err(Undefined::BadWeight));
}

/// With no effect anywhere, any discovery is a false one, and the share of runs with one is at most the level.
/// Over 4,000 runs of 20 tests the standard error of 5 % is 0.0034; the bound is five of them.
#[test]
fn where_nothing_is_there_one_run_in_twenty_finds_something() {
    let mut state = 1_u64;
    let mut unit = || {
        state = crate::hash::combine(&[state, 1]);
        crate::hash::unit(state)
    };
    let found = (0..4_000).filter(|_| {
        let p: Vec<f64> = (0..20).map(|_| unit()).collect();
        adjusted(&p, Adjustment::FalseDiscovery).unwrap().iter().any(|q| *q <= 0.05)
    });
    let share = found.count() as f64 / 4_000.0;
    assert!((share - 0.05).abs() < 5.0 * 0.0034, "{share}");
}

/// statsmodels 0.14: `TTestIndPower`, and the formulas by hand in 40 digits.
#[test]
fn sample_sizes_are_those_of_statsmodels() {
    let sizing = |alpha, ratio| Sizing { alpha: Alpha::new(alpha).unwrap(), power: 0.8, ratio };
    close(sizing(0.05, 1.0).unpooled(0.1, 0.12).unwrap(), 3_838.102_190_096_709_4, 1e-12);
    close(sizing(0.05, 1.0).arcsine(0.1, 0.12).unwrap(), 3_834.605_132_347_651, 1e-12);
    close(sizing(0.01, 1.0).pooled(0.5, 0.51).unwrap(), 58_387.563_257_713_14, 1e-12);
    close(sizing(0.1, 2.0).means_exact(0.3).unwrap(), 103.491_169_089_759_15, 1e-6);
    close(sizing(0.05, 1.0).means_exact(1.2).unwrap(), 11.942_257_679_458_52, 1e-6);
    assert_eq!(sizing(0.05, 1.0).pooled(0.1, 0.1), Err(Undefined::NoEffect));
    assert_eq!(sizing(0.05, 1.0).pooled(0.0, 0.1), Err(Undefined::Rate));
    assert_eq!(sizing(0.05, 0.0).means(0.1), Err(Undefined::Parameter));
    assert_eq!(Sizing { power: 1.0, ..Sizing::default() }.means(0.1), Err(Undefined::Power));
    assert_eq!(Sizing::default().means(f64::NAN), Err(Undefined::NotFinite));
    // Effects from the tiny to the huge settle.
    for effect in [1e-6, 0.01, 3.0, 50.0] {
        assert!(sizing(0.05, 1.0).means_exact(effect).unwrap() >= sizing(0.05, 1.0).means(effect).unwrap());
    }
}

#[test]
fn events_and_aggregates_of_them_are_one_state() {
    let numbers: Vec<f64> = (0..1_000).map(|i| f64::from(i % 37) * 0.25 + 3.0).collect();
    let mut seen = Moments::default();
    numbers.iter().for_each(|x| seen.observe(*x));
    let told = Moments::from_sums(1e3, numbers.iter().sum(), numbers.iter().map(|x| x * x).sum()).unwrap();
    assert_eq!(seen.count(), told.count());
    close(seen.mean(), told.mean(), 1e-13);
    close(seen.variance(), told.variance(), 1e-12);
    // Far from zero a sum of squares loses the spread; what was observed keeps it.
    let mut far = Moments::default();
    numbers.iter().for_each(|x| far.observe(x + 1e9));
    close(far.variance(), seen.variance(), 1e-6);
}

#[test]
fn merging_is_observing_both() {
    let units: Vec<[f64; 3]> =
        (0..500).map(|i| [f64::from(i % 7), f64::from(i * i % 11), f64::from(i % 5) - 2.0]).collect();
    let fold = |units: &[[f64; 3]]| {
        let mut joint = JointMoments::default();
        units.iter().for_each(|unit| joint.observe(*unit));
        joint
    };
    let whole = fold(&units);
    for cut in [0, 1, 123, 500] {
        let mut merged = fold(&units[..cut]);
        merged.merge(&fold(&units[cut..]));
        assert_eq!(merged.count(), whole.count());
        for i in 0..3 {
            assert!((merged.mean(i) - whole.mean(i)).abs() < 1e-12);
            for j in 0..3 {
                assert!((merged.covariance(i, j) - whole.covariance(i, j)).abs() < 1e-12);
                assert_eq!(merged.covariance(i, j).to_bits(), merged.covariance(j, i).to_bits());
            }
        }
    }
    let stored = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<JointMoments<3>>(&stored).unwrap(), whole);
    assert!(serde_json::from_str::<JointMoments<2>>(&stored).is_err());
}

#[test]
fn hostile_aggregates_are_refused_with_a_reason() {
    assert_eq!(Moments::from_sums(-1.0, 0.0, 0.0), Err(Undefined::NotACount));
    assert_eq!(Moments::from_sums(1.5, 0.0, 0.0), Err(Undefined::NotACount));
    assert_eq!(Moments::from_sums(f64::NAN, 0.0, 0.0), Err(Undefined::NotACount));
    assert_eq!(Moments::from_sums(0.0, 0.0, 0.0), Err(Undefined::EmptyArm));
    assert_eq!(Moments::from_sums(2.0, f64::INFINITY, 0.0), Err(Undefined::NotFinite));
    assert_eq!(Moments::from_sums(2.0, 10.0, 10.0), Err(Undefined::NegativeVariance));
    assert_eq!(Proportion::from_counts(1e300, 1e300), Err(Undefined::NotACount));
    assert_eq!(Proportion::new(2, 1), Err(Undefined::MoreSuccessesThanUnits));
    assert_eq!(Evidence::new(0.1, 0.0, 9), Err(Undefined::ZeroVariance));
    assert_eq!(Evidence::new(f64::NAN, 1.0, 9), Err(Undefined::NotFinite));
    assert_eq!(Alpha::new(1.0), Err(Undefined::Alpha));
    let stored = serde_json::to_string(&Evidence::new(0.1, 0.2, 9).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&stored).unwrap(), Evidence::new(0.1, 0.2, 9).unwrap());
    assert!(serde_json::from_str::<Evidence>(&stored.replace("0.2", "-0.2")).is_err());
}
