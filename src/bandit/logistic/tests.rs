use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

use super::*;
use crate::time::Timestamp;

fn unit(rng: &mut dyn Rng) -> f64 {
    rng.random()
}

fn trial(arm: usize, features: &[f64]) -> Trial<'_> {
    Trial::new(arm, Timestamp::from_millis(0)).features(features)
}

fn turn(arms: usize, features: &[f64]) -> Turn<'_> {
    Turn::new(Arms::first(arms), Timestamp::from_millis(0)).features(features)
}

fn reward(of: f64) -> Reward {
    Reward::new(of).unwrap()
}

/// Trials of one arm whose log-odds are `0.5 + x − 2 w`.
fn rows(count: usize) -> Vec<([f64; 2], f64)> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut row = |_| {
        let features = [2.0 * unit(&mut rng) - 1.0, unit(&mut rng)];
        let pays = unit(&mut rng) < rate(0.5 + features[0] - 2.0 * features[1]);
        (features, f64::from(u8::from(pays)))
    };
    (0..count).map(&mut row).collect()
}

fn taught(rows: &[([f64; 2], f64)]) -> Logistic {
    let mut policy = Logistic::new(1, 2, LogisticThompson::default()).unwrap();
    rows.iter().for_each(|(features, pays)| policy.observe(&trial(0, features), reward(*pays)).unwrap());
    policy
}

/// Of one trial without features that paid, from N(0, 1): `w = σ(−w)`, solved by halving in Python to 0.401058137541547,
/// where `σ (1 − σ)` is 0.24021050785325257.
#[test]
fn one_trial_moves_the_mode_to_that_of_the_posterior() {
    let mut policy = Logistic::new(1, 0, LogisticThompson::default()).unwrap();
    policy.observe(&trial(0, &[]), reward(1.0)).unwrap();
    let (mode, deviation) = policy.predictor(0, &[]).unwrap().unwrap();
    assert!((mode - 0.401_058_137_541_547).abs() < 1e-14);
    assert!((1.0 / (deviation * deviation) - 1.240_210_507_853_252_6).abs() < 1e-12);
    assert_eq!(policy.predictor(1, &[]).unwrap(), None);
}

/// The mode and the curvature of all trials at once, by Newton's steps on the whole likelihood with the normal equations
/// solved by elimination: trial by trial it ends within a quarter of a deviation of it, and as wide to a tenth.
#[test]
fn trial_by_trial_it_comes_near_the_posterior_of_all() {
    let rows = rows(2_000);
    let policy = taught(&rows);
    let mut w = [0.0; 3];
    let mut inverse = [[0.0; 6]; 3];
    for _ in 0..30 {
        let mut matrix = [[0.0; 6]; 3];
        let mut slope = w.map(|w| -w);
        for at in 0..3 {
            matrix[at][at] = 1.0;
            matrix[at][3 + at] = 1.0;
        }
        for ([a, b], pays) in &rows {
            let z = [1.0, *a, *b];
            let p = rate((0..3).map(|at| z[at] * w[at]).sum());
            for row in 0..3 {
                slope[row] += z[row] * (pays - p);
                (0..3).for_each(|column| matrix[row][column] += p * (1.0 - p) * z[row] * z[column]);
            }
        }
        for pivot in 0..3 {
            let by = matrix[pivot][pivot];
            matrix[pivot].iter_mut().for_each(|cell| *cell /= by);
            for row in (0..3).filter(|row| *row != pivot) {
                let (factor, from) = (matrix[row][pivot], matrix[pivot]);
                matrix[row].iter_mut().zip(from).for_each(|(cell, of)| *cell -= factor * of);
            }
        }
        inverse = matrix;
        (0..3).for_each(|row| w[row] += (0..3).map(|column| inverse[row][3 + column] * slope[column]).sum::<f64>());
    }
    for features in [[0.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [0.3, 0.7]] {
        let z = [1.0, features[0], features[1]];
        let wanted: f64 = (0..3).map(|at| z[at] * w[at]).sum();
        let square: f64 = (0..9).map(|at| z[at / 3] * z[at % 3] * inverse[at / 3][3 + at % 3]).sum();
        let (found, deviation) = policy.predictor(0, &features).unwrap().unwrap();
        assert!((found - wanted).abs() < 0.25 * deviation, "{found} {wanted} {deviation}");
        assert!((deviation / square.sqrt() - 1.0).abs() < 0.1, "{deviation} {}", square.sqrt());
    }
}

/// What is kept up is what its precision says, refunds leave nothing behind, and a merge is the product of likelihoods.
#[test]
fn settling_merging_and_taking_back_change_nothing_else() {
    let rows = rows(500);
    let policy = taught(&rows);
    let of = |policy: &Logistic| policy.predictor(0, &[0.4, 0.6]).unwrap().unwrap();
    let close = |a: &Logistic, b: &Logistic| {
        let ((a, b), (c, d)) = (of(a), of(b));
        assert!((a - c).abs() < 1e-10 && (b - d).abs() < 1e-10, "{a} {c} {b} {d}");
    };
    let mut again = policy.clone();
    again.beliefs[0].settle(3);
    close(&policy, &again);
    let first = trial(0, &rows[0].0);
    again.revise(&first, reward(rows[0].1), reward(0.5)).unwrap();
    assert!((of(&policy).0 - of(&again).0).abs() > 1e-6);
    again.revise(&first, reward(0.5), reward(rows[0].1)).unwrap();
    close(&policy, &again);
    let (left, right) = (taught(&rows[..200]), taught(&rows[200..]));
    let (mut a, mut b) = (left.clone(), right.clone());
    a.merge(&right);
    b.merge(&left);
    b.merge(&Logistic::new(1, 2, LogisticThompson::default()).unwrap());
    close(&a, &b);
    assert_eq!(a.tallies(), policy.tallies());
    // By the approximation itself: within a quarter of a deviation.
    assert!((of(&a).0 - of(&policy).0).abs() < 0.25 * of(&policy).1);
    let back: Logistic = serde_json::from_str(&serde_json::to_string(&a).unwrap()).unwrap();
    assert_eq!(back, a);
    let broken = serde_json::to_string(&a).unwrap().replace("\"width\":2", "\"width\":3");
    assert!(serde_json::from_str::<Logistic>(&broken).is_err());
}

/// A share `p` of 200,000 draws has a standard error of √(p (1 − p) / n); the bound is five of them.
#[test]
fn the_stated_propensity_is_how_often_an_arm_is_chosen() {
    let (mut policy, mut rng) =
        (Logistic::new(3, 1, LogisticThompson::default()).unwrap(), Xoshiro256PlusPlus::seed_from_u64(1));
    for n in 0..60 {
        let features = [unit(&mut rng)];
        let pays = unit(&mut rng) < 0.2 + 0.5 * features[0];
        policy.observe(&trial(n % 3, &features), reward(f64::from(u8::from(pays)))).unwrap();
    }
    let stated = policy.propensities(&turn(3, &[0.5])).unwrap();
    assert!((stated.iter().sum::<f64>() - 1.0).abs() < 1e-12 && stated.iter().all(|share| *share > 0.001));
    let mut drawn = [0.0; 3];
    (0..200_000).for_each(|_| drawn[policy.choose(&turn(3, &[0.5]), &mut rng).unwrap().unwrap().arm] += 1.0 / 2e5);
    for (stated, drawn) in stated.iter().zip(drawn) {
        assert!((stated - drawn).abs() < 5.0 * (stated * (1.0 - stated) / 2e5).sqrt(), "{stated} {drawn}");
    }
}

#[test]
fn it_finds_what_the_features_say_and_bears_what_is_hostile() {
    let (mut policy, mut rng) =
        (Logistic::new(2, 1, LogisticThompson::default()).unwrap(), Xoshiro256PlusPlus::seed_from_u64(2));
    for _ in 0..2_000 {
        let features = [2.0 * unit(&mut rng) - 1.0];
        let arm = policy.choose(&turn(2, &features), &mut rng).unwrap().unwrap().arm;
        let rate = if (features[0] > 0.0) == (arm == 1) { 0.3 } else { 0.1 };
        policy.expose(&trial(arm, &features)).unwrap();
        policy.learn(&trial(arm, &features), reward(f64::from(u8::from(unit(&mut rng) < rate)))).unwrap();
    }
    assert!(policy.propensities(&turn(2, &[0.9])).unwrap()[1] > 0.95);
    assert!(policy.propensities(&turn(2, &[-0.9])).unwrap()[0] > 0.95);
    let within = policy.interval(0, Alpha::USUAL).unwrap();
    assert!(within.low > 0.05 && within.high < 0.4, "{within:?}");
    assert!(policy.clone().less_is_better().propensities(&turn(2, &[0.9])).unwrap()[0] > 0.95);
    assert_eq!(
        policy.observe(&trial(0, &[0.0]), reward(2.0)),
        Err(BanditError::RewardRange { policy: "logistic", found: 2.0 })
    );
    assert!(matches!(policy.expose(&trial(0, &[f64::NAN])), Err(BanditError::Feature { at: 0, .. })));
    for n in 0..3_000_u32 {
        let features = [[1e9, -1e9, 0.0, 1e-9][n as usize % 4]];
        policy.observe(&trial(n as usize % 2, &features), reward(f64::from(n % 3 % 2))).unwrap();
        let shares = policy.propensities(&turn(2, &features)).unwrap();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{n}: {shares:?}");
    }
    let arranged = policy.rearranged(&[None, Some(1)]).unwrap();
    assert_eq!(arranged.tallies()[1], policy.tallies()[1]);
}
