//! Estimates against `obp` 0.5.7 (PyPI, the Open Bandit Pipeline, run on numpy 2.4.6 with its unused torch left out), and
//! errors, effective sizes and differences against numpy alone.

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
