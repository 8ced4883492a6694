use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

use super::*;
use crate::bandit::{Policy, Thompson};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn unit(rng: &mut dyn Rng) -> f64 {
    rng.random()
}

fn reward(of: f64) -> Reward {
    Reward::new(of).unwrap()
}

/// Learns so many choices of three arms, of which the features say which pays.
fn taught(steps: usize, seed: u64) -> Contextual {
    let (mut policy, mut rng) = (Contextual::new(3, 2, ContextualSettings::default()).unwrap(), rng(seed));
    for _ in 0..steps {
        let features = [unit(&mut rng), 1e6 + unit(&mut rng)];
        let arm = policy.choose(&features, Arms::first(3), &mut rng).unwrap().unwrap().arm;
        let rate = if arm == 2 {
            0.5
        } else if (features[0] > 0.5) == (arm == 1) {
            0.8
        } else {
            0.2
        };
        let pays = unit(&mut rng) < rate;
        policy.learn(arm, &features, reward(f64::from(u8::from(pays)))).unwrap();
    }
    policy
}

#[test]
fn what_the_features_say_is_found() {
    let policy = taught(2_000, 1);
    assert!(policy.propensities(&[0.95, 1e6 + 0.5], Arms::first(3)).unwrap()[1] > 0.95);
    assert!(policy.propensities(&[0.05, 1e6 + 0.5], Arms::first(3)).unwrap()[0] > 0.95);
}

/// The posterior under given precisions is that of the normal equations, solved here by elimination.
#[test]
fn a_belief_solves_its_normal_equations() {
    let policy = taught(50, 2);
    let (lambda, _) = policy.scaling.diagonals(policy.precisions);
    let mut rng = rng(3);
    let (mut belief, common) = (Belief::new(&lambda, &[0.3, 0.1, -0.2]), [0.3, 0.1, -0.2]);
    let mut matrix = [[0.0; 4]; 3];
    for at in 0..3 {
        matrix[at][at] = lambda[at];
        matrix[at][3] = lambda[at] * common[at];
    }
    for _ in 0..200 {
        let z = [1.0, unit(&mut rng) - 0.5, 2.0 * unit(&mut rng) - 1.0];
        let pays = unit(&mut rng);
        belief.learn(&z, pays);
        for row in 0..3 {
            for column in 0..3 {
                matrix[row][column] += z[row] * z[column];
            }
            matrix[row][3] += z[row] * pays;
        }
    }
    for pivot in 0..3 {
        let by = matrix[pivot][pivot];
        matrix[pivot].iter_mut().for_each(|cell| *cell /= by);
        for row in (0..3).filter(|row| *row != pivot) {
            let factor = matrix[row][pivot];
            let from = matrix[pivot];
            matrix[row].iter_mut().zip(from).for_each(|(cell, of)| *cell -= factor * of);
        }
    }
    for (mean, row) in belief.mean.iter().zip(matrix) {
        assert!((mean - row[3]).abs() < 1e-10, "{mean} {}", row[3]);
    }
}

/// A share of 10^6 draws has a standard error of at most 0.0005; the bound is five of them.
#[test]
fn the_stated_propensity_is_how_often_an_arm_is_drawn() {
    let policy = taught(60, 4);
    let features = [0.5, 1e6 + 0.2];
    let stated = policy.propensities(&features, Arms::first(3)).unwrap();
    assert!(stated.iter().all(|share| *share > 0.001), "{stated:?}");
    assert!((stated.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let (mut drawn, mut rng) = ([0.0; 3], rng(5));
    for _ in 0..1_000_000 {
        drawn[draw(&stated, &mut rng).unwrap().arm] += 1e-6;
    }
    stated.iter().zip(drawn).for_each(|(stated, drawn)| assert!((stated - drawn).abs() < 0.0025, "{stated} {drawn}"));
}

/// Ten arms of 2 to 10 %, five features of noise: the mean regret over 20 runs of 5,000 steps is not above that of
/// Thompson sampling without features by more than two standard errors of the difference (each run's regret deviates by
/// some 30, so the error is about 10).
#[test]
fn features_of_noise_cost_next_to_nothing() {
    let (mut with, mut without) = (0.0, 0.0);
    for run in 0..20 {
        let (mut a, mut b) = (rng(run), rng(run + 100));
        let mut policy = Contextual::new(10, 5, ContextualSettings::default()).unwrap();
        let mut plain = Thompson::new(10, [1.0, 1.0]).unwrap();
        let rate = |arm: usize| 0.02 + 0.08 * ((arm * 7 + run as usize) % 10) as f64 / 9.0;
        for _ in 0..5_000 {
            let features = [0; 5].map(|_: u8| unit(&mut a));
            let arm = policy.choose(&features, Arms::first(10), &mut a).unwrap().unwrap().arm;
            with += (0.1 - rate(arm)) / 20.0;
            let pays = f64::from(u8::from(unit(&mut a) < rate(arm)));
            policy.learn(arm, &features, reward(pays)).unwrap();
        }
        for _ in 0..5_000 {
            let arm = plain.choose(Arms::first(10), &mut b).unwrap().arm;
            without += (0.1 - rate(arm)) / 20.0;
            plain.expose(arm).unwrap();
            if unit(&mut b) < rate(arm) {
                plain.learn(arm, reward(1.0)).unwrap();
            }
        }
    }
    assert!(with < without + 20.0, "{with} {without}");
}

#[test]
fn merged_policies_know_what_both_knew() {
    let (mut a, b) = (taught(400, 6), taught(300, 7));
    let (mut other_way, empty) = (b.clone(), Contextual::new(3, 2, ContextualSettings::default()).unwrap());
    a.merge(&b);
    other_way.merge(&taught(400, 6));
    other_way.merge(&empty);
    assert_eq!((a.count(), other_way.count()), (700, 700));
    for features in [[0.1, 1e6], [0.9, 1e6 + 1.0]] {
        for arm in 0..3 {
            let (x, y) =
                (a.expected(arm, &features).unwrap().unwrap(), other_way.expected(arm, &features).unwrap().unwrap());
            assert!((x.0 - y.0).abs() < 1e-6 && (x.1 - y.1).abs() < 1e-6, "{x:?} {y:?}");
        }
    }
}

#[test]
fn states_come_back_as_they_were() {
    let policy = taught(333, 8);
    let again: Contextual = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
    assert_eq!(policy, again);
    let text = serde_json::to_string(&policy).unwrap();
    let broken = text.replace("\"width\":2", "\"width\":3");
    assert!(serde_json::from_str::<Contextual>(&broken).is_err());
}

#[test]
fn what_cannot_be_learned_from_is_refused_and_changes_nothing() {
    let mut policy = taught(20, 9);
    let before = policy.clone();
    assert_eq!(policy.learn(3, &[0.0, 0.0], reward(1.0)), Err(BanditError::NoSuchArm { arm: 3, arms: 3 }));
    assert_eq!(policy.learn(0, &[0.0], reward(1.0)), Err(BanditError::Features { found: 1, wanted: 2 }));
    assert!(matches!(policy.learn(0, &[0.0, f64::NAN], reward(1.0)), Err(BanditError::Feature { at: 1, .. })));
    assert!(matches!(policy.learn(0, &[f64::INFINITY, 0.0], reward(1.0)), Err(BanditError::Feature { at: 0, .. })));
    assert_eq!(policy, before);
    for settings in [
        ContextualSettings { exploration: f64::NAN, ..ContextualSettings::default() },
        ContextualSettings { floor: 0.4, ..ContextualSettings::default() },
    ] {
        assert!(matches!(Contextual::new(3, 2, settings), Err(BanditError::Setting { .. })));
    }
    assert!(policy.choose(&[0.0, 0.0], Arms::NONE, &mut rng(1)).unwrap().is_none());
}

#[test]
fn arms_of_which_too_little_is_known_come_first() {
    let settings = ContextualSettings { burn_in: 2, floor: 0.1, ..ContextualSettings::default() };
    let mut policy = Contextual::new(3, 0, settings).unwrap();
    (0..5).for_each(|_| policy.learn(0, &[], reward(1.0)).unwrap());
    policy.learn(1, &[], reward(1.0)).unwrap();
    let shares = policy.propensities(&[], Arms::first(3)).unwrap();
    shares.iter().zip([0.1, 0.45, 0.45]).for_each(|(share, wanted)| assert!((share - wanted).abs() < 1e-12));
}

#[test]
fn a_floor_leaves_each_eligible_arm_its_share() {
    let mut policy = taught(2_000, 1);
    policy.settings.floor = 0.05;
    let shares = policy.propensities(&[0.95, 1e6 + 0.5], [0, 1].into_iter().collect()).unwrap();
    assert!(shares[0] >= 0.05 && shares[2].abs() < 1e-300 && (shares[0] + shares[1] - 1.0).abs() < 1e-12);
}

/// Features that are copies of each other, constant, or of wildly different sizes, and rewards of money. One arm pays
/// always the same, which looks certain from the first reward on.
#[test]
fn collinear_and_badly_scaled_features_are_borne() {
    let (mut policy, mut rng) = (Contextual::new(2, 5, ContextualSettings::default()).unwrap(), rng(10));
    for _ in 0..20_000 {
        let x = unit(&mut rng);
        let features = [x, x, 1e9, 1e-9 * x, 1e8 * unit(&mut rng)];
        let arm = policy.choose(&features, Arms::first(2), &mut rng).unwrap().unwrap().arm;
        let pays = if arm == 1 { 1e4 * x } else { 5e3 };
        policy.learn(arm, &features, reward(pays)).unwrap();
    }
    let shares = policy.propensities(&[0.9, 0.9, 1e9, 0.9e-9, 5e7], Arms::first(2)).unwrap();
    assert!(shares[1] > 0.99, "{shares:?}");
}
