//! Estimates against `obp` 0.5.7 (PyPI, the Open Bandit Pipeline, run on numpy 2.4.6 with its unused torch left out), and
//! errors, effective sizes and differences against numpy alone.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::decision::Propensity;
use crate::stats::{Alpha, Undefined};

const ARMS: usize = 3;

/// Forty records of dyadic rewards and predictions, by formulas that the reference script has too.
fn fixture() -> (Log, Target, Predicted) {
    let logged = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]];
    let target = [[0.5, 0.25, 0.25], [0.1, 0.6, 0.3], [0.05, 0.05, 0.9]];
    let record = |i: usize| {
        let arm = (i * 7 + i / 3) % ARMS;
        let reward = if i % 3 == 1 { 0.0 } else { ((i * 5) % 8) as f64 / 8.0 };
        Logged::new(arm, Propensity::new(logged[i % 2][arm]).unwrap(), reward)
    };
    let log = Log::new(ARMS, (0..40).map(record).collect()).unwrap();
    let chances = (0..40).flat_map(|i: usize| target[(i / 4) % 3]).collect();
    let predicted = (0..40 * ARMS).map(|at| ((at / ARMS * 3 + at % ARMS * 5) % 16) as f64 / 16.0).collect();
    let (target, predicted) = (Target::new(&log, chances).unwrap(), Predicted::new(&log, predicted).unwrap());
    (log, target, predicted)
}

fn judge(estimator: Estimator) -> OffPolicy {
    OffPolicy { estimator, guard: Guard::NONE, ..OffPolicy::default() }
}

fn switch(threshold: f64) -> Estimator {
    Estimator::Switch(Threshold::new(threshold).unwrap())
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-12 * wanted.abs(), "{found}, not {wanted}");
}

#[test]
fn estimates_are_those_of_obp_given_the_same_model() {
    let (log, target, predicted) = fixture();
    for (estimator, wanted) in [
        (Estimator::Ips, 0.633_229_166_666_666_6),
        (Estimator::Snips, 0.421_216_740_576_496_66),
        (Estimator::Dm, 0.482_187_500_000_000_05),
        (Estimator::Dr, 0.299_739_583_333_333_34),
        (Estimator::Sndr, 0.360_825_249_445_676_3),
        (switch(0.0), 0.482_187_500_000_000_05),
        (switch(1.0), 0.446_614_583_333_333_3),
        (switch(2.0), 0.343_489_583_333_333_3),
        (switch(f64::INFINITY), 0.299_739_583_333_333_34),
    ] {
        near(judge(estimator).estimate(&log, &target, Some(&predicted)).unwrap().value, wanted);
    }
}

/// From numpy: sums of squares by the formulas of the module's documentation; the effective size by Kish's.
#[test]
fn errors_and_sizes_are_those_of_numpy() {
    let (log, target, predicted) = fixture();
    for (estimator, wanted) in [
        (Estimator::Ips, 0.240_346_273_963_277_04),
        (Estimator::Snips, 0.090_617_848_033_298_07),
        (Estimator::Dr, 0.094_738_627_428_537_66),
        (Estimator::Sndr, 0.071_223_117_913_448_56),
        (Estimator::Dm, 0.094_738_627_428_537_66),
        (switch(1.0), 0.038_758_337_713_594_57),
    ] {
        let found = judge(estimator).estimate(&log, &target, Some(&predicted)).unwrap();
        near(found.error, wanted);
        near(found.effective_size, 14.969_370_529_656_631);
        near(found.largest_weight, 9.0);
        assert_eq!((found.count, found.positives, found.unsupported), (40, 23, 0.0));
        near(0.5 * (found.interval.low + found.interval.high), found.value);
        near(found.interval.high - found.value, wanted * Alpha::USUAL.z());
    }
    let evenly = Target::from_fn(&log, |_| vec![1.0 / 3.0; 3]).unwrap();
    let apart = judge(Estimator::Snips).compare(&log, &evenly, &target, None).unwrap();
    near(apart.difference.estimate(), 0.119_908_893_494_001_63);
    near(apart.difference.error(), 0.044_842_318_092_953_797);
}

fn slates() -> SlateLog {
    let position = |s: usize, l: usize| SlatePosition {
        reward: ((s + 2 * l) % 4) as f64 / 4.0,
        logged: Propensity::new(((s * 3 + l * 2) % 5 + 2) as f64 / 8.0).unwrap(),
        target: ((s * 2 + l * 3) % 7 + 1) as f64 / 8.0,
    };
    SlateLog::new((0..24).map(|s| (0..3).map(|l| position(s, l)).collect()).collect()).unwrap()
}

/// Values from obp (`SlateStandardIPS` and its kin, each with the products it asks for), the rest from numpy.
#[test]
fn slates_are_those_of_obp() {
    for (assumption, plain, normal) in [
        (SlateAssumption::Standard, 1.175_405_092_592_592_5, 1.111_469_847_871_292_5),
        (SlateAssumption::Independent, 1.335_416_666_666_666_5, 1.161_294_690_292_235_6),
        (SlateAssumption::Cascade, 1.210_908_564_814_814_8, 1.107_487_955_958_719_4),
    ] {
        let of = |normalised| slates().estimate(assumption, normalised, Guard::NONE, Alpha::USUAL).unwrap();
        near(of(false).value, plain);
        near(of(true).value, normal);
    }
    let of = |normalised| slates().estimate(SlateAssumption::Cascade, normalised, Guard::NONE, Alpha::USUAL).unwrap();
    near(of(false).error, 0.194_239_442_374_059_24);
    near(of(true).error, 0.101_235_918_178_706_92);
    near(of(true).effective_size, 13.213_410_022_023_73);
    near(of(true).largest_weight, 4.2);
}

/// The value from obp's `ReplayMethod`; it takes the log for uniform, as the floor of one does here by a coin.
#[test]
fn a_replay_is_that_of_obp() {
    let (log, ..) = fixture();
    let third = Propensity::new(1.0 / 3.0).unwrap();
    let mut replay = Replay::new(third, 0);
    for (i, record) in log.records().iter().enumerate() {
        let record = Logged { propensity: third, ..record.clone() };
        let agrees = (i * 2) % ARMS == record.arm;
        assert_eq!(replay.offer(&record, (i * 2) % ARMS), Ok(agrees));
    }
    let found = replay.estimate(Guard::NONE, Alpha::USUAL).unwrap();
    near(found.value, 0.307_692_307_692_307_65);
    assert_eq!((found.accepted, found.offered), (13, 40));
}

#[test]
fn a_log_that_is_not_sound_is_refused() {
    let record = |arm| Logged::new(arm, Propensity::CERTAIN, 1.0);
    let with = |features: &[f64]| Logged { features: features.to_vec(), ..record(0) };
    let log = |records| Log::new(2, records).map(|_| ());
    assert_eq!(Log::new(0, vec![record(0)]).map(|_| ()), Err(OffPolicyError::Arms { found: 0 }));
    assert_eq!(log(vec![record(0), record(2)]), Err(OffPolicyError::NoSuchArm { at: 1, arm: 2, arms: 2 }));
    assert_eq!(log(vec![with(&[1.0]), with(&[])]), Err(OffPolicyError::Features { at: 1, found: 0, wanted: 1 }));
    assert_eq!(log(vec![with(&[0.0; 257])]), Err(OffPolicyError::Features { at: 0, found: 257, wanted: 256 }));
    let found = f64::INFINITY;
    assert_eq!(log(vec![with(&[0.0, found])]), Err(OffPolicyError::Feature { at: 0, feature: 1, found }));
    assert_eq!(log(vec![Logged { reward: found, ..record(0) }]), Err(OffPolicyError::Reward { at: 0, found }));
    let nan = log(vec![Logged { reward: f64::NAN, ..record(0) }]);
    assert!(matches!(nan, Err(OffPolicyError::Reward { at: 0, found }) if found.is_nan()));
    assert!(matches!(log(vec![with(&[f64::NAN])]), Err(OffPolicyError::Feature { .. })));
}

#[test]
fn targets_and_predictions_that_do_not_fit_are_refused() {
    let (log, target, predicted) = fixture();
    assert_eq!(Target::new(&log, vec![1.0; 7]), Err(OffPolicyError::Length { found: 7, wanted: 120 }));
    assert_eq!(Target::from_fn(&log, |_| vec![1.0]), Err(OffPolicyError::Length { found: 1, wanted: 3 }));
    assert_eq!(Target::deterministic(&log, &[0]), Err(OffPolicyError::Length { found: 1, wanted: 40 }));
    assert_eq!(Target::deterministic(&log, &[3; 40]), Err(OffPolicyError::NoSuchArm { at: 0, arm: 3, arms: 3 }));
    let negative = Target::from_fn(&log, |_| vec![1.0, -0.5, 0.5]);
    assert_eq!(negative, Err(OffPolicyError::Probability { at: 0, arm: 1, found: -0.5 }));
    assert!(matches!(Target::from_fn(&log, |_| vec![f64::NAN; 3]), Err(OffPolicyError::Probability { .. })));
    assert!(matches!(Target::from_fn(&log, |_| vec![0.5; 3]), Err(OffPolicyError::Sum { at: 0, .. })));
    assert_eq!(Predicted::new(&log, vec![0.0]), Err(OffPolicyError::Length { found: 1, wanted: 120 }));
    let (mut rewards, found) = (vec![0.0; 120], f64::INFINITY);
    rewards[4] = found;
    assert_eq!(Predicted::new(&log, rewards), Err(OffPolicyError::Prediction { at: 1, arm: 1, found }));
    for folds in [0, 1, 41] {
        let refused = Predicted::cross_fitted(&log, folds, 0);
        assert_eq!(refused, Err(OffPolicyError::Folds { found: folds, records: 40 }));
    }
    assert!(matches!(Threshold::new(f64::NAN), Err(OffPolicyError::Threshold { .. })));
    // Made for another log.
    let other = Log::new(ARMS, log.records()[..39].to_vec()).unwrap();
    let wrong = Err(OffPolicyError::Length { found: 120, wanted: 117 });
    assert_eq!(judge(Estimator::Ips).estimate(&other, &target, None).map(|_| ()), wrong);
    let fits = Target::from_fn(&other, |_| vec![0.5, 0.5, 0.0]).unwrap();
    assert_eq!(judge(Estimator::Dr).estimate(&other, &fits, Some(&predicted)).map(|_| ()), wrong);
}

#[test]
fn what_the_log_cannot_tell_is_refused() {
    let usual = OffPolicy::default();
    let half = Propensity::new(0.5).unwrap();
    // Even arms, of which the first pays in one record of ten.
    let log = |records: usize| {
        let record = |n: usize| Logged::new(n % 2, half, f64::from(u8::from(n % 20 == 0)));
        Log::new(3, (0..records).map(record).collect()).unwrap()
    };
    let always = |log: &Log, arm| Target::deterministic(log, &vec![arm; log.records().len()]).unwrap();
    let judge = |records, arm| usual.estimate(&log(records), &always(&log(records), arm), None);
    assert_eq!(judge(98, 0), Err(OffPolicyError::TooFewEffective { found: 49.0, needed: 50 }));
    assert_eq!(judge(980, 0), Err(OffPolicyError::TooFewPositive { found: 49, needed: 50 }));
    assert_eq!(judge(1_000, 0).unwrap().positives, 50);
    // Positive rewards of records that the target would not have had do not count.
    assert_eq!(judge(1_000, 1), Err(OffPolicyError::TooFewPositive { found: 0, needed: 50 }));
    // What nobody logged.
    assert_eq!(judge(1_000, 2), Err(OffPolicyError::NoOverlap));
    let mixed = Target::from_fn(&log(1_000), |_| vec![0.5, 0.25, 0.25]).unwrap();
    assert!((usual.estimate(&log(1_000), &mixed, None).unwrap().unsupported - 0.25).abs() < 1e-12);
    // A propensity so small that its weight is infinite.
    let tiny = Logged::new(0, Propensity::new(1e-320).unwrap(), 1.0);
    let tiny = Log::new(1, vec![tiny, Logged::new(0, Propensity::CERTAIN, 0.0)]).unwrap();
    let tiny =
        OffPolicy { guard: Guard::NONE, estimator: Estimator::Ips, ..usual }.estimate(&tiny, &always(&tiny, 0), None);
    assert!(matches!(tiny, Err(OffPolicyError::TooFewEffective { .. })));
    // No difference, no variance.
    let same = usual.compare(&log(1_000), &mixed, &mixed, None);
    assert_eq!(same, Err(OffPolicyError::Undefined(Undefined::ZeroVariance)));
    let flat = Log::new(1, vec![Logged::new(0, Propensity::CERTAIN, 1.0); 100]).unwrap();
    let flat = usual.estimate(&flat, &always(&flat, 0), None);
    assert_eq!(flat, Err(OffPolicyError::Undefined(Undefined::ZeroVariance)));
    let one = Log::new(1, vec![Logged::new(0, Propensity::CERTAIN, 1.0)]).unwrap();
    let alone =
        OffPolicy { guard: Guard::NONE, estimator: Estimator::Dr, ..usual }.estimate(&one, &always(&one, 0), None);
    assert_eq!(alone, Err(OffPolicyError::Folds { found: 5, records: 1 }));
}

#[test]
fn slates_and_replays_refuse_what_is_not_sound() {
    let position = |reward, target| SlatePosition { reward, logged: Propensity::CERTAIN, target };
    assert_eq!(SlateLog::new(Vec::new()), Err(OffPolicyError::Empty));
    assert_eq!(SlateLog::new(vec![Vec::new()]), Err(OffPolicyError::EmptySlate { at: 0 }));
    let wrong = |position, found| Err(OffPolicyError::SlateNumber { at: 0, position, found });
    assert_eq!(SlateLog::new(vec![vec![position(f64::INFINITY, 1.0)]]), wrong(0, f64::INFINITY));
    assert_eq!(SlateLog::new(vec![vec![position(0.0, 1.0), position(0.0, 1.5)]]), wrong(1, 1.5));
    assert!(SlateLog::new(vec![vec![position(f64::NAN, 1.0)]]).is_err());
    assert!(SlateLog::new(vec![vec![position(0.0, f64::NAN)]]).is_err());
    let judge = |slates: Vec<Vec<SlatePosition>>| {
        SlateLog::new(slates).unwrap().estimate(SlateAssumption::Cascade, true, Guard::default(), Alpha::USUAL)
    };
    // Below an item that the target would not have shown nothing counts.
    let below = vec![position(1.0, 0.0), position(1.0, 1.0)];
    assert_eq!(judge(vec![below; 90]), Err(OffPolicyError::NoOverlap));
    let short = judge(vec![vec![position(1.0, 1.0)]; 49]);
    assert_eq!(short, Err(OffPolicyError::TooFewEffective { found: 49.0, needed: 50 }));
    let poor = judge(vec![vec![position(0.0, 1.0)]; 60]);
    assert_eq!(poor, Err(OffPolicyError::TooFewPositive { found: 0, needed: 50 }));

    let quarter = Propensity::new(0.25).unwrap();
    let mut replay = Replay::new(quarter, 0);
    let record = |propensity, reward| Logged::new(0, Propensity::new(propensity).unwrap(), reward);
    assert_eq!(replay.offer(&record(0.2, 1.0), 0), Err(OffPolicyError::BelowFloor { found: 0.2, floor: 0.25 }));
    assert!(matches!(replay.offer(&record(0.5, f64::NAN), 0), Err(OffPolicyError::Reward { at: 0, .. })));
    assert_eq!(replay.estimate(Guard::NONE, Alpha::USUAL), Err(OffPolicyError::NoOverlap));
    assert_eq!(replay.offer(&record(0.25, 1.0), 0), Ok(true));
    let few = replay.estimate(Guard::default(), Alpha::USUAL);
    assert_eq!(few, Err(OffPolicyError::TooFewEffective { found: 1.0, needed: 50 }));
}

/// Of 20,000 matches at twice the floor half count: 10,000, with a standard deviation of 71; the bound is five of them.
#[test]
fn a_replay_makes_an_uneven_draw_even() {
    let mut replay = Replay::new(Propensity::new(0.25).unwrap(), 3);
    let record = Logged::new(0, Propensity::new(0.5).unwrap(), 1.0);
    for _ in 0..20_000 {
        replay.offer(&record, 0).unwrap();
    }
    assert!(replay.accepted().abs_diff(10_000) < 354, "{}", replay.accepted());
}

/// Two arms drawn evenly, of which the target takes the one that the feature favours; noise has a deviation of 0.3. The
/// truth is 1, since a pays |x| of mean one, and both estimates have to be within five of their standard errors.
#[test]
fn a_model_of_the_rewards_makes_the_error_smaller() {
    let half = Propensity::new(0.5).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut record = || {
        let (x, arm) = (rng.random_range(-2.0..2.0), rng.random_range(0..2));
        let noise = (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>() - 1.5) * 0.6;
        Logged { features: vec![x], ..Logged::new(arm, half, noise + if arm == 0 { x } else { -x }) }
    };
    let log = Log::new(2, (0..4_000).map(|_| record()).collect()).unwrap();
    let target = Target::from_fn(&log, |record| if record.features[0] > 0.0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] });
    let judge = |estimator| judge(estimator).estimate(&log, target.as_ref().unwrap(), None).unwrap();
    let (plain, modelled) = (judge(Estimator::Snips), judge(Estimator::Sndr));
    assert!((plain.value - 1.0).abs() < 5.0 * plain.error && (modelled.value - 1.0).abs() < 5.0 * modelled.error);
    // The request's own spread stays, that of the arm's rewards goes.
    assert!(modelled.error < 0.85 * plain.error, "{} {}", modelled.error, plain.error);
}
