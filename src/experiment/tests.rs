//! Comparisons, looks and beliefs against other implementations.

use proptest::prelude::*;

use super::*;
use crate::state::State;
use crate::stats::{Alpha, Beta, Evidence, JointMoments, Moments, Proportion, Undefined, best_rates};

#[track_caller]
fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} is not {wanted:e} to {relative:e}");
}

#[track_caller]
fn all_close(found: &[f64], wanted: &[f64], relative: f64) {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).for_each(|(found, wanted)| close(*found, *wanted, relative));
}

fn alpha(value: f64) -> Alpha {
    Alpha::new(value).unwrap()
}

/// gbstats: `SequentialTwoSidedTTest` and the closed forms of its documentation.
#[test]
fn lifts_are_those_of_growthbook() {
    let (a, b) = (Arm::new(28, 0.5, 0.25).unwrap(), Arm::new(30, 8.0 / 15.0, 56.0 / 225.0).unwrap());
    let lift = relative_lift(&a, &b).unwrap();
    close(lift.error(), 0.271_698_556_897_356_06, 1e-12);
    close(lift.freedom(), 55.707_449_148_622_06, 1e-12);
    close(lift.p(), 0.807_071_683_202_188_8, 1e-12);
    close(lift.normal().p(), 0.806_169_979_111_52, 1e-12);
    let ratio = as_lift(log_ratio(&a, &b).unwrap().interval(Alpha::USUAL));
    all_close(&[ratio.low, ratio.high], &[-0.352_540_090_656_480_73, 0.757_294_561_962_002_6], 1e-12);
    let exact = fieller(&a, &b, Alpha::USUAL).unwrap().unwrap();
    all_close(&[exact.low, exact.high], &[-0.361_582_179_952_242_5, 0.834_137_657_950_256_4], 1e-12);
}

/// A lift of -x is one of x with the sign turned, whatever the sign of the control.
#[test]
fn a_control_below_zero_turns_no_lift_around() {
    let arm = |value| Arm::new(100, value, 4.0).unwrap();
    let up = relative_lift(&arm(-2.0), &arm(-1.0)).unwrap();
    assert!(up.estimate() > 0.0 && (up.estimate() - 0.5).abs() < 1e-15);
    assert_eq!(log_ratio(&arm(-2.0), &arm(-1.0)), Err(Undefined::NotPositive));
}

#[test]
fn what_has_no_answer_has_a_reason() {
    let arm = |units, value, variance| Arm::new(units, value, variance).unwrap();
    assert_eq!(difference(&arm(0, 0.0, 0.0), &arm(9, 1.0, 1.0)), Err(Undefined::EmptyArm));
    assert_eq!(difference(&arm(1, 0.0, 0.0), &arm(9, 1.0, 1.0)), Err(Undefined::OneUnit));
    assert_eq!(difference(&arm(9, 0.0, 0.0), &arm(9, 1.0, 0.0)), Err(Undefined::ZeroVariance));
    assert_eq!(relative_lift(&arm(9, 0.0, 1.0), &arm(9, 1.0, 1.0)), Err(Undefined::ZeroBaseline));
    assert_eq!(Arm::new(9, f64::NAN, 1.0), Err(Undefined::NotFinite));
    assert_eq!(Arm::new(9, 1.0, -1.0), Err(Undefined::NegativeVariance));
    assert_eq!(Arm::quantile(9, 9, 1.0, 2.0, 1.0), Err(Undefined::BoundsOutOfOrder));
    assert_eq!(Balance::new(&[5, 5], &[0.0, 0.0]), Err(Undefined::NoTraffic));
    assert_eq!(Balance::new(&[5, 5], &[1.0, 0.0]), Err(Undefined::OneArm));
    assert_eq!(Balance::new(&[5, 5], &[1.0]), Err(Undefined::LengthMismatch));
    assert_eq!(Balance::new(&[5, 5], &[1.0, -1.0]), Err(Undefined::BadWeight));
    assert_eq!(Balance::new(&[0, 0], &[1.0, 1.0]), Err(Undefined::NoUnits));
    assert_eq!(BucketRange::of(0, 1.0, None), Err(Undefined::NoVariations));
    assert_eq!(BucketRange::of(2, f64::NAN, None), Err(Undefined::NotFinite));
    assert_eq!(Heterogeneity::new(&[]), Err(Undefined::OneArm));
    assert_eq!(post_stratified(&[]), Err(Undefined::NoUnits));
    assert_eq!(AlwaysValid::spread(0.0), Err(Undefined::Parameter));
    assert_eq!(AlwaysValid::planned(0, Alpha::USUAL), Err(Undefined::NoUnits));
    assert_eq!(Boundary::normal_one_sided(100.0, alpha(0.5)), Err(Undefined::Alpha));
    for looks in [&[][..], &[0.5, 0.5], &[0.0, 1.0], &[0.5, f64::NAN], &[1.0, 0.5]] {
        let found = GroupSequential::spending(looks, Spending::Pocock, Alpha::USUAL);
        assert_eq!(found, Err(Undefined::LooksOutOfOrder), "{looks:?}");
    }
    assert_eq!(Rank::of(&[]), Err(Undefined::NoVariations));
    assert_eq!(Rank::of(&[Posterior { mean: 0.0, deviation: 0.0 }]), Err(Undefined::ZeroVariance));
}

/// The closed form for a proportion-like metric: the e-values of GrowthBook's and the mSPRT's papers are one boundary.
#[test]
fn always_valid_inference_is_msprt_and_growthbook() {
    let effect = Evidence::new(0.0012, 0.000_25, 1_000).unwrap();
    let watch = AlwaysValid::spread(0.0005).unwrap();
    close(watch.ln_e_value(&effect), 8.411_281_043_782_95, 1e-12);
    close(watch.p(&effect), 0.000_222_344_840_922_746_74, 1e-12);
    close(watch.half_width(&effect, Alpha::USUAL), 0.000_770_597_498_472_273_3, 1e-12);
    // gbstats: SequentialTwoSidedTTest with n = 6461, N* = 5000.
    let effect = Evidence::new(0.503_86, 0.033_86, 6_461).unwrap();
    let watch = AlwaysValid::at(5_000.0, approximate_ratio(Alpha::USUAL)).unwrap();
    close(watch.half_width(&effect, Alpha::USUAL), 0.102_884_202_328_024_96, 1e-12);
    close(watch.p(&effect), 5.175_038_567_029_858e-44, 1e-11);
    let one_sided = AlwaysValid::at(5_000.0, approximate_ratio(alpha(0.1))).unwrap();
    close(one_sided.one_sided_half_width(&effect, Alpha::USUAL), 0.094_134_829_251_768, 1e-12);
    let mut least = SmallestP::default();
    assert_eq!([0.4, 0.6, f64::NAN, 0.2].map(|p| least.observe(p)), [0.4, 0.4, 0.4, 0.2]);
}

#[test]
fn the_optimal_ratio_has_the_lowest_boundary() {
    for a in [0.001, 0.01, 0.05, 0.2] {
        let (a, r) = (alpha(a), optimal_ratio(alpha(a)));
        let here = boundary_z(r, a);
        assert!(boundary_z(0.99 * r, a) > here && boundary_z(1.01 * r, a) > here);
    }
    close(optimal_ratio(alpha(0.01)), 11.756_371_222_495_419, 1e-13); // mpmath's lambertw
}

/// confseq 0.0.11.
#[test]
fn boundaries_are_those_of_confseq() {
    let one_sided = Boundary::normal_one_sided(1_000.0, alpha(0.025)).unwrap();
    let at = |boundary: &Boundary, v: f64| boundary.at(v, alpha(0.025)).unwrap();
    close(at(&one_sided, 250.0), 51.641_252_972_796_664, 1e-9);
    let gamma = Boundary::gamma_exponential(1_000.0, alpha(0.025), 1.0).unwrap();
    for (v, wanted) in [(50.0, 35.680_256_195_178_12), (1e3, 99.050_130_849_434_48), (1e4, 328.427_513_221_925)] {
        close(at(&gamma, v), wanted, 1e-9);
    }
    let stitched = Boundary::stitched(100.0, 1.4, 2.0, 0.0).unwrap();
    close(at(&stitched, 1e6), 4_196.285_690_856_96, 1e-12);
    let found = bernoulli_sequence(&Proportion::new(500, 10_000).unwrap(), 1e4, alpha(0.01), Alpha::USUAL).unwrap();
    all_close(&[found.low, found.high], &[0.042_550_640_520_016_725, 0.058_172_171_470_992_85], 1e-9);
    // A lower boundary at a later time is never below the one before.
    let mut last = 0.0;
    for v in [0.0, 1.0, 10.0, 1e3, 1e6] {
        let here = at(&gamma, v);
        assert!(here.is_finite() && here >= last);
        last = here;
    }
}

/// Jennison and Turnbull (2000), tables 2.1 and 2.3, and Lan and DeMets' program, to more digits by other quadrature.
#[test]
fn group_sequential_bounds_are_those_of_the_tables() {
    let equal = |looks, shape, a| GroupSequential::equal(looks, shape, alpha(a)).unwrap();
    close(equal(5, Shape::Pocock, 0.05).bounds()[0], 2.413_176_220_060_984, 1e-7);
    close(equal(8, Shape::Pocock, 0.1).bounds()[0], 2.225_311_147_841_412, 1e-7);
    close(equal(5, Shape::OBrienFleming, 0.01).bounds()[4], 2.621_170_568_663_521, 1e-7);
    close(equal(1, Shape::Pocock, 0.05).bounds()[0], 1.959_963_984_540_054, 1e-9);
    let looks = [0.1, 0.35, 0.5, 0.9, 1.0];
    let plan = GroupSequential::spending(&looks, Spending::Pocock, Alpha::USUAL).unwrap();
    all_close(&plan.bounds()[..3], &[2.655_110_047_968_493, 2.386_621_368_169_089, 2.455_639_92], 1e-7);
    let spent: Vec<f64> = looks.iter().map(|t| Spending::Pocock.spent(*t, Alpha::USUAL)).collect();
    all_close(&plan.crossing(0.0), &spent, 1e-9);
    let bounds = [
        2.437_976_688_052_179,
        2.426_813_858_150_538,
        2.410_193_840_271_54,
        2.396_645_400_648_9,
        2.385_984_571_622_677,
    ];
    let plan = GroupSequential::with_bounds(&[0.2, 0.4, 0.6, 0.8, 1.0], &bounds).unwrap();
    close(plan.power(2.801_585_2).power, 0.715_378_420_701_216_8, 1e-7);
    close(plan.inflation(0.8, Alpha::USUAL).unwrap(), 1.212_414_347_514_228_4, 1e-7);
}

/// Looks so close to each other that each blurs little, and looks past the plan.
#[test]
fn awkward_looks_keep_their_error() {
    for looks in [&[0.5, 0.5001, 0.5002, 1.0][..], &[0.01, 0.02, 1.0], &[0.3, 1.0, 1.3], &[0.999, 1.0]] {
        for spending in [Spending::OBrienFleming, Spending::Pocock] {
            let plan = GroupSequential::spending(looks, spending, Alpha::USUAL).unwrap();
            let spent = plan.crossing(0.0).last().copied().unwrap();
            close(spent, 0.05, 1e-8);
            assert!(plan.bounds().iter().all(|bound| *bound > 0.0));
        }
    }
    // What may not be spent cannot be crossed.
    let late = GroupSequential::spending(&[0.3, 1.0, 1.3], Spending::Pocock, Alpha::USUAL).unwrap();
    assert!(late.bounds()[2].is_infinite());
}

/// scipy 1.17: quadrature of the densities.
#[test]
fn beliefs_are_those_of_other_quadrature() {
    let beta = |a, b| Beta::new(a, b).unwrap();
    let found = RateComparison::new(&beta(705.0, 13_395.0), &beta(747.0, 13_363.0));
    close(found.treatment_better, 0.868_268_881_881_077_3, 1e-7);
    let even = RateComparison::new(&beta(1.0, 11.0), &beta(1.0, 11.0));
    close(even.treatment_better, 0.5, 1e-13);
    close(even.loss_of_treatment, 0.039_855_072_463_768_085, 1e-13); // 11/276, by hand
    // The losses differ by the means.
    let gap = found.loss_of_control - found.loss_of_treatment;
    close(gap, 747.0 / 14_110.0 - 705.0 / 14_100.0, 1e-11);
    let ranks = Rank::of(
        &[(3.1, 0.05), (3.0, 0.1), (2.9, 0.02), (2.95, 0.07), (3.05, 0.2)]
            .map(|(mean, deviation)| Posterior { mean, deviation }),
    )
    .unwrap();
    close(ranks[0].best, 0.483_875_269_931_314_7, 1e-11);
    close(ranks[0].second, 0.410_140_795_149_897_2, 1e-11);
}

/// Far apart, of a handful of trials and of a billion, the two ways to compare agree.
#[test]
fn comparing_two_rates_is_ranking_them() {
    for (a, b) in
        [((0.5, 0.5), (3.0, 0.2)), ((1e8, 9e8), (1.0001e8, 9e8)), ((1.0, 1e6), (30.0, 2.0)), ((0.1, 0.1), (1e6, 1e6))]
    {
        let (a, b) = (Beta::new(a.0, a.1).unwrap(), Beta::new(b.0, b.1).unwrap());
        let found = RateComparison::new(&a, &b);
        assert!((found.treatment_better - best_rates(&[a, b])[1]).abs() < 1e-9, "{a:?} {b:?} {found:?}");
        let gap = found.loss_of_control - found.loss_of_treatment;
        assert!((gap - (b.mean() - a.mean())).abs() < 1e-9, "{a:?} {b:?} {found:?}");
    }
}

/// The Bayes factor by sums of logs over the single units, which is exact for small counts.
#[test]
fn the_watched_balance_is_the_bayes_factor_of_the_units() {
    let watch = BalanceWatch::concentrated(&[0.9, 0.1], 10.0).unwrap();
    close(watch.ln_bayes_factor(&[8_700, 1_300]).unwrap(), 42.436_902_523_455_046, 1e-10);
    let by_units = |counts: [u64; 2]| {
        let (mut ln, mut seen) = (0.0, 0.0);
        for (count, share) in counts.into_iter().zip([0.9, 0.1]) {
            for k in 0..count {
                ln += libm::log((10.0 * share + k as f64) / (10.0 + seen)) - libm::log(share);
                seen += 1.0;
            }
        }
        ln
    };
    for counts in [[0, 0], [3, 0], [0, 7], [90, 10], [880, 120]] {
        assert!((watch.ln_bayes_factor(&counts).unwrap() - by_units(counts)).abs() < 1e-11, "{counts:?}");
    }
}

/// mmh3 5.0 and the published vectors of FNV.
#[test]
fn hashes_are_the_published_ones() {
    let odd = "ünïcödé ✓";
    assert_eq!(fnv1a_32(odd.as_bytes()), 881_058_377);
    assert_eq!(fnv1a_64(b"123"), 5_003_431_119_771_845_851);
    assert_eq!(murmur3_32(odd.as_bytes(), 2_654_435_769), 616_609_342);
    assert_eq!(murmur3_32(b"", 0), 0);
    assert_eq!(murmur3_128(odd.as_bytes(), 2_654_435_769), (9_452_425_310_531_399_415, 4_756_508_094_052_807_720));
    assert_eq!(murmur3_128(b"123", 42), (9_099_535_586_065_658_011, 12_022_648_836_658_578_759));
    // GrowthBook's SDKs.
    assert_eq!(BucketHash::GrowthBookV1.bucket("exp-home-hero", "user-1"), 0.104);
    assert_eq!(BucketHash::GrowthBookV2.bucket("promo", "a b c"), 0.3877);
    assert_eq!(BucketHash::growthbook(3), None);
}

/// Over 30,000 users chi-square with 99 degrees of freedom exceeds 157 once in 5,000 honest runs.
#[test]
fn buckets_of_murmur_are_uniform() {
    let mut counts = vec![0; 100];
    for i in 0..30_000 {
        counts[(BucketHash::Murmur.bucket("seed", &format!("user-{i}")) * 100.0) as usize] += 1;
    }
    let found = Balance::new(&counts, &[1.0; 100]).unwrap();
    assert!(found.chi_square < 157.0, "{}", found.chi_square);
}

#[test]
fn raising_the_coverage_moves_nobody() {
    let of = |coverage| BucketRange::of(3, coverage, Some(&[0.2, 0.5, 0.3])).unwrap();
    for step in 0..1_000 {
        let bucket = f64::from(step) / 1_000.0;
        let before = BucketRange::choose(&of(0.3), bucket);
        assert!(before.is_none() || BucketRange::choose(&of(0.8), bucket) == before);
    }
}

#[test]
fn a_covariate_that_does_not_vary_changes_nothing() {
    let arm = |shift: f64| {
        let mut joint = JointMoments::default();
        (0..50).for_each(|i| joint.observe([f64::from(i % 7) + shift, 1.0]));
        joint
    };
    let found = Adjusted::mean(&arm(0.0), &arm(0.2)).unwrap();
    let plain = difference(&Arm::from(&arm(0.0).moments(0)), &Arm::from(&arm(0.2).moments(0))).unwrap();
    assert_eq!((found.theta, found.difference, found.variance_reduction), (0.0, plain, 0.0));
}

/// Segments without a difference of their own are drawn together, and distinct ones keep theirs.
#[test]
fn noise_between_segments_is_shrunk_away() {
    let segment = |effect, error| Evidence::new(effect, error, 1_000).unwrap();
    let same = Heterogeneity::new(&[segment(0.01, 0.02), segment(0.015, 0.02), segment(0.005, 0.02)]).unwrap();
    assert!(same.between == 0.0 && same.shrunk.iter().all(|effect| (effect - 0.01).abs() < 1e-15));
    let distinct = Heterogeneity::new(&[segment(0.0127, 0.006), segment(0.0716, 0.0065)]).unwrap();
    assert!(distinct.p < 1e-8 && distinct.shrunk[0] < 0.015 && distinct.shrunk[1] > 0.069);
}

proptest! {
    /// Equal up to rounding, whatever the cut: sums of a thousand numbers of this size keep twelve digits.
    #[test]
    fn tallies_of_shards_merge(units in prop::collection::vec((-1e3..1e3_f64, 0.1..9.0_f64), 2..60), cut in 0_usize..60) {
        let cut = cut.min(units.len());
        for empty in [
            Tally::Rate(Proportion::default()),
            Tally::Mean(Moments::default()),
            Tally::MeanGiven(JointMoments::default()),
            Tally::Ratio(JointMoments::default()),
            Tally::RatioGiven(JointMoments::default()),
        ] {
            let fold = |units: &[(f64, f64)]| {
                let mut tally = empty;
                units.iter().for_each(|(x, y)| tally.observe(&[*x, *y, *y, *x + 2e3]));
                tally
            };
            let (mut left, whole) = (fold(&units[..cut]), fold(&units));
            left.merge(&fold(&units[cut..]));
            prop_assert_eq!(left.units(), whole.units());
            let (left, whole) = (left.arm().unwrap(), whole.arm().unwrap());
            prop_assert!((left.value() - whole.value()).abs() <= 1e-9 * (1.0 + whole.value().abs()));
            prop_assert!((left.variance() - whole.variance()).abs() <= 1e-9 * (1.0 + whole.variance()));
        }
    }

    /// Whatever comes in, what comes out is a reason or a number.
    #[test]
    fn no_input_makes_a_nan(units in prop::array::uniform2(0_u64..5), values in prop::array::uniform4(prop::num::f64::ANY)) {
        if let (Ok(a), Ok(b)) = (Arm::new(units[0], values[0], values[1]), Arm::new(units[1], values[2], values[3])) {
            for found in [difference(&a, &b), relative_lift(&a, &b), log_ratio(&a, &b)].into_iter().flatten() {
                prop_assert!(found.estimate().is_finite() && found.error() > 0.0 && !found.p().is_nan());
                prop_assert!(!AlwaysValid::unplanned(Alpha::USUAL).p(&found).is_nan());
            }
        }
    }

    #[test]
    fn a_tally_is_stored_and_read_back(numbers in prop::collection::vec(prop::num::f64::ANY, 0..20)) {
        let mut tally = Tally::MeanGiven(JointMoments::default());
        numbers.iter().for_each(|x| tally.observe(&[x.clamp(-1e100, 1e100), 1.0]));
        let stored = tally.to_bytes().unwrap();
        prop_assert_eq!(Tally::from_bytes(&stored).unwrap(), tally);
    }
}
