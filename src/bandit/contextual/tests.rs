use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

use super::*;
use crate::bandit::{Arms, Tallied, Thompson};
use crate::linalg::to_fours;
use crate::state::State;

mod sharing;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn unit(rng: &mut dyn Rng) -> f64 {
    rng.random()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn turn(arms: usize, features: &[f64]) -> Turn<'_> {
    Turn::new(Arms::first(arms), now()).features(features)
}

fn trial(arm: usize, features: &[f64]) -> Trial<'_> {
    Trial::new(arm, now()).features(features)
}

fn reward(of: f64) -> Reward {
    Reward::new(of).unwrap()
}

/// Learns so many choices of three arms, of which the features say which pays.
fn taught(steps: usize, seed: u64) -> Contextual {
    taught_by(Shrunk::default(), steps, seed)
}

fn taught_by(scheme: impl Into<ContextualScheme>, steps: usize, seed: u64) -> Contextual {
    let (mut policy, mut rng) = (Contextual::new(3, 2, scheme).unwrap(), rng(seed));
    for _ in 0..steps {
        let features = [unit(&mut rng), 1e6 + unit(&mut rng)];
        let arm = policy.choose(&turn(3, &features), &mut rng).unwrap().unwrap().arm;
        let rate = if arm == 2 {
            0.5
        } else if (features[0] > 0.5) == (arm == 1) {
            0.8
        } else {
            0.2
        };
        let pays = unit(&mut rng) < rate;
        policy.observe(&trial(arm, &features), reward(f64::from(u8::from(pays)))).unwrap();
    }
    policy
}

#[test]
fn what_the_features_say_is_found() {
    let policy = taught(2_000, 1);
    assert!(policy.propensities(&turn(3, &[0.95, 1e6 + 0.5])).unwrap()[1] > 0.95);
    assert!(policy.propensities(&turn(3, &[0.05, 1e6 + 0.5])).unwrap()[0] > 0.95);
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
        belief.learn(&to_fours(&z), pays);
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
    for (mean, row) in belief.mean.as_flattened().iter().zip(matrix) {
        assert!((mean - row[3]).abs() < 1e-10, "{mean} {}", row[3]);
    }
}

/// Chooses so often under one state and request by each scheme. A share `p` of n draws has a standard error of √(p (1 −
/// p) / n); the bound is five of them, which an honest policy exceeds about once in two million looks.
fn chooses_as_stated(draws: u32) {
    for scheme in [Shrunk::default().into(), LinUcb::default().into(), LinThompson::default().into(), square()] {
        let policy = taught_by(scheme, 60, 4);
        let level = Contextual::new(3, 2, scheme).unwrap();
        for (policy, features) in
            [(&policy, [0.5, 1e6 + 0.2]), (&policy, [0.45, 1e6 + 0.9]), (&level, [0.1, 0.2]), (&policy, [0.9, 0.0])]
        {
            let stated = policy.propensities(&turn(3, &features)).unwrap();
            assert!((stated.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let (mut drawn, mut rng) = ([0_u32; 3], rng(5));
            for _ in 0..draws {
                let choice = policy.choose(&turn(3, &features), &mut rng).unwrap().unwrap();
                assert!((choice.propensity.value() - stated[choice.arm]).abs() < 1e-15);
                drawn[choice.arm] += 1;
            }
            for (stated, drawn) in stated.iter().zip(drawn) {
                let (found, n) = (f64::from(drawn) / f64::from(draws), f64::from(draws));
                let error = libm::sqrt(stated * (1.0 - stated).max(0.0) / n);
                assert!((stated - found).abs() <= 5.0 * error + 1e-12, "{scheme:?} {stated} {found}");
            }
        }
    }
}

fn square() -> ContextualScheme {
    SquareCb { gamma: 0.5, ..SquareCb::default() }.into()
}

#[test]
fn the_stated_propensity_is_how_often_an_arm_is_chosen() {
    chooses_as_stated(100_000);
}

/// Some minutes without optimisation: `cargo test --release --lib -- --ignored a_million`.
#[test]
#[ignore = "takes minutes"]
fn a_million_choices_are_as_stated() {
    chooses_as_stated(1_000_000);
}

/// Ten arms of 2 to 10 %, five features of noise: the mean regret over 20 runs of 5,000 steps is not above that of
/// Thompson sampling without features by more than two standard errors of the difference (each run's regret deviates by
/// some 30, so the error is about 10).
#[test]
fn features_of_noise_cost_next_to_nothing() {
    let (mut with, mut without) = (0.0, 0.0);
    for run in 0..20 {
        let (mut a, mut b) = (rng(run), rng(run + 100));
        let mut policy = Contextual::new(10, 5, Shrunk::default()).unwrap();
        let mut plain = Tallied::new(10, Thompson::default()).unwrap();
        let rate = |arm: usize| 0.02 + 0.08 * ((arm * 7 + run as usize) % 10) as f64 / 9.0;
        for _ in 0..5_000 {
            let features = [0; 5].map(|_: u8| unit(&mut a));
            let arm = policy.choose(&turn(10, &features), &mut a).unwrap().unwrap().arm;
            with += (0.1 - rate(arm)) / 20.0;
            let pays = f64::from(u8::from(unit(&mut a) < rate(arm)));
            policy.observe(&trial(arm, &features), reward(pays)).unwrap();
        }
        for _ in 0..5_000 {
            let arm = plain.choose(&turn(10, &[]), &mut b).unwrap().unwrap().arm;
            without += (0.1 - rate(arm)) / 20.0;
            plain.observe(&trial(arm, &[]), reward(f64::from(u8::from(unit(&mut b) < rate(arm))))).unwrap();
        }
    }
    assert!(with < without + 20.0, "{with} {without}");
}

#[test]
fn merged_policies_know_what_both_knew() {
    let (mut a, b) = (taught(400, 6), taught(300, 7));
    let (mut other_way, empty) = (b.clone(), Contextual::new(3, 2, Shrunk::default()).unwrap());
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
    assert_eq!(policy.observe(&trial(3, &[0.0, 0.0]), reward(1.0)), Err(BanditError::NoSuchArm { arm: 3, arms: 3 }));
    assert_eq!(policy.observe(&trial(0, &[0.0]), reward(1.0)), Err(BanditError::Features { found: 1, wanted: 2 }));
    assert!(matches!(
        policy.observe(&trial(0, &[0.0, f64::NAN]), reward(1.0)),
        Err(BanditError::Feature { at: 1, .. })
    ));
    assert!(matches!(
        policy.observe(&trial(0, &[f64::INFINITY, 0.0]), reward(1.0)),
        Err(BanditError::Feature { at: 0, .. })
    ));
    assert_eq!(policy, before);
    for exploration in [f64::NAN, 0.0, 11.0] {
        let scheme = Shrunk { exploration, ..Shrunk::default() };
        assert!(matches!(Contextual::new(3, 2, scheme), Err(BanditError::Setting { .. })));
    }
    let nobody = Turn::new(Arms::default(), now()).features(&[0.0, 0.0]);
    assert!(policy.choose(&nobody, &mut rng(1)).unwrap().is_none());
}

#[test]
fn arms_that_were_never_tried_come_first() {
    let mut policy = Contextual::new(3, 0, Shrunk::default()).unwrap();
    (0..5).for_each(|_| policy.observe(&trial(0, &[]), reward(1.0)).unwrap());
    let shares = policy.propensities(&turn(3, &[])).unwrap();
    shares.iter().zip([0.0, 0.5, 0.5]).for_each(|(share, wanted)| assert!((share - wanted).abs() < 1e-12));
}

/// The ridge regression of each arm by the normal equations, solved by hand for one feature: trials (1, 2), (2, 3), (3,
/// 5) with a ridge of one: [4 6; 6 15] θ = [10; 23], so θ = (12, 32) / 24, and what is left is 38 - 10 · 0.5 - 23 ·
/// 4/3.
#[test]
fn a_set_ridge_is_that_of_its_normal_equations() {
    for scheme in
        [LinUcb::default().into(), LinThompson::default().into(), ContextualScheme::SquareCb(SquareCb::default())]
    {
        let mut policy = Contextual::new(2, 1, scheme).unwrap();
        policy.expose(&trial(0, &[1.0])).unwrap();
        policy.observe(&trial(0, &[2.0]), reward(9.0)).unwrap();
        policy.observe(&trial(0, &[3.0]), reward(5.0)).unwrap();
        policy.learn(&trial(0, &[1.0]), reward(2.0)).unwrap();
        policy.revise(&trial(0, &[2.0]), reward(9.0), reward(3.0)).unwrap();
        let mut again = policy.clone();
        again.fit();
        let rest = 38.0 - 5.0 - 23.0 * 4.0 / 3.0;
        for policy in [&policy, &again] {
            let mean = policy.beliefs[0].mean.as_flattened();
            assert!((mean[0] - 0.5).abs() < 1e-12 && (mean[1] - 4.0 / 3.0).abs() < 1e-12, "{mean:?}");
            assert!((policy.rest - rest).abs() < 1e-12 && (policy.variance - (rest + 1.0) / 4.0).abs() < 1e-12);
        }
        // zᵀ A⁻¹ z at z = (1, 1): (15 − 12 + 4) / 24
        let (mean, deviation) = policy.expected(0, &[1.0]).unwrap().unwrap();
        assert!(
            (mean - 11.0 / 6.0).abs() < 1e-12 && (deviation * deviation / policy.variance - 7.0 / 24.0).abs() < 1e-12
        );
        policy.observe(&trial(1, &[1.0]), reward(0.5)).unwrap();
        let shares = policy.propensities(&turn(2, &[1.0])).unwrap();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12 && shares[0] > shares[1], "{shares:?}");
        assert_eq!(policy.is_deterministic(), shares[0] >= 1.0);
        let back: Contextual = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
        assert_eq!(back, policy);
    }
}

/// A million trials with features of which one is a copy, one the sum of two, one constant, and sizes from 1e-9 to 1e9:
/// what is expected stays within four of its deviations of the truth, as it does over ten million. A sound posterior
/// exceeds that about once in 16,000 looks.
#[test]
fn a_million_trials_leave_no_rounding_behind() {
    let features = |a: f64, b: f64| [a, b, a, 1e9, 1e-9 * b, 1e8 * (a + b)];
    let truth = |arm: usize, a: f64, b: f64| if arm == 0 { 3.0 + 2.0 * a - b } else { 1.0 + b };
    let (mut policy, mut rng) = (Contextual::new(2, 6, Shrunk::default()).unwrap(), rng(1));
    for step in 1..=1_000_000_usize {
        let (a, b, arm) = (unit(&mut rng), unit(&mut rng), step % 2);
        let pays = reward(truth(arm, a, b) + unit(&mut rng) - 0.5);
        policy.observe(&trial(arm, &features(a, b)), pays).unwrap();
        if [1_000, 30_000, 1_000_000].contains(&step) {
            for (arm, a, b) in [(0, 0.1, 0.9), (1, 0.1, 0.9), (0, 0.9, 0.2), (1, 0.5, 0.5)] {
                let (mean, deviation) = policy.expected(arm, &features(a, b)).unwrap().unwrap();
                let off = (mean - truth(arm, a, b)).abs() / deviation;
                assert!(off < 4.0, "{step}: {off}");
            }
        }
    }
}

/// Exposures first and rewards a hundred trials later, some of them revised, give the beliefs that come of learning at
/// once, when all is fitted anew.
#[test]
fn late_rewards_come_to_the_same() {
    let (mut late, mut at_once) =
        (Contextual::new(2, 2, Shrunk::default()).unwrap(), Contextual::new(2, 2, Shrunk::default()).unwrap());
    let rows: Vec<(usize, [f64; 2], f64)> = (0..600)
        .map(|n| (n % 2, [f64::from(n as u32 % 7), f64::from(n as u32 % 3)], f64::from(n as u32 % 5)))
        .collect();
    for (at, (arm, features, pays)) in rows.iter().enumerate() {
        at_once.observe(&trial(*arm, features), reward(*pays)).unwrap();
        late.expose(&trial(*arm, features)).unwrap();
        if let Some((arm, features, pays)) = at.checked_sub(100).map(|at| &rows[at]) {
            late.learn(&trial(*arm, features), reward(*pays + 1.0)).unwrap();
        }
    }
    for (arm, features, pays) in &rows[..500] {
        late.revise(&trial(*arm, features), reward(pays + 1.0), reward(*pays)).unwrap();
    }
    rows[500..].iter().for_each(|(arm, features, pays)| late.learn(&trial(*arm, features), reward(*pays)).unwrap());
    assert_eq!(late.tallies(), at_once.tallies());
    (late.precisions, at_once.precisions) = (Precisions::START, Precisions::START);
    late.fit();
    at_once.fit();
    for arm in 0..2 {
        let of = |policy: &Contextual| policy.expected(arm, &[3.0, 1.0]).unwrap().unwrap();
        let ((a, b), (c, d)) = (of(&late), of(&at_once));
        assert!((a - c).abs() < 1e-9 && (b - d).abs() < 1e-9, "{a} {c} {b} {d}");
    }
}

/// Of the thousand trials after the arms have changed places, what forgets gives most to the arm that is better by then.
#[test]
fn what_forgets_follows_a_change() {
    let follows = |mut policy: Contextual| {
        let (mut rng, mut count) = (rng(11), 0);
        for step in 0..3_000 {
            let arm = policy.choose(&turn(2, &[0.5]), &mut rng).unwrap().unwrap().arm;
            count += u32::from(step >= 2_000 && arm == 1);
            let rate = if (arm == 0) == (step < 2_000) { 0.6 } else { 0.3 };
            let pays = f64::from(u8::from(unit(&mut rng) < rate));
            policy.observe(&trial(arm, &[0.5]), reward(pays)).unwrap();
        }
        count
    };
    let plain = Contextual::new(2, 1, Shrunk::default()).unwrap();
    let forgets = plain.clone().fading(HalfLife::Exposures(200)).unwrap();
    let (plain, forgets) = (follows(plain), follows(forgets));
    assert!(plain < 200 && forgets > 500, "{plain} {forgets}");
}

/// Of two policies with other numbers of arms, of which one has seen a single trial.
#[test]
fn a_merge_that_brings_arms_and_next_to_nothing_else_is_borne() {
    for scheme in [ContextualScheme::Shrunk(Shrunk::default()), LinUcb::default().into()] {
        let (mut two, mut three) = (Contextual::new(2, 1, scheme).unwrap(), Contextual::new(3, 1, scheme).unwrap());
        three.observe(&trial(2, &[1.0]), reward(1.0)).unwrap();
        two.merge(&three);
        let arranged = two.rearranged(&[Some(2), None, Some(0), Some(1)]).unwrap();
        assert_eq!(arranged.tallies()[0].exposures(), 1);
        for mut policy in [two, arranged] {
            let arms = policy.arms();
            (0..3 * arms).for_each(|n| policy.observe(&trial(n % arms, &[0.5]), reward(n as f64)).unwrap());
            let shares = policy.propensities(&turn(arms, &[0.5])).unwrap();
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{scheme:?} {shares:?}");
        }
    }
}

/// Far ahead, far behind and in any order: what is said stays a distribution, and comes back from its stored form.
#[test]
fn any_time_is_borne() {
    for half_life in [HalfLife::Time(crate::time::Span::seconds(1)), HalfLife::Exposures(10)] {
        let mut policy = Contextual::new(2, 1, Shrunk::default()).unwrap().fading(half_life).unwrap();
        for (at, millis) in
            [0, i64::MAX, i64::MIN, -5, i64::MIN, i64::MAX, 1_700_000_000_000, 0].into_iter().enumerate()
        {
            let trial = Trial { arm: at % 2, shown: Timestamp::from_millis(millis), features: &[at as f64] };
            policy.observe(&trial, reward(1.0)).unwrap();
            policy.revise(&trial, reward(1.0), reward(at as f64)).unwrap();
            let mut merged = Contextual::new(2, 1, Shrunk::default()).unwrap().fading(half_life).unwrap();
            merged.merge(&policy);
            for of in [&policy, &merged] {
                let shares = of.propensities(&turn(2, &[0.5])).unwrap();
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{at}: {shares:?}");
                let back: Contextual = serde_json::from_str(&serde_json::to_string(of).unwrap()).unwrap();
                assert_eq!(&back, of);
            }
        }
    }
}

#[test]
fn less_is_better_where_it_is_said() {
    let mut policy = Contextual::new(2, 0, Shrunk::default()).unwrap().less_is_better();
    for n in 0..200 {
        policy.observe(&trial(n % 2, &[]), reward(if n % 2 == 0 { 3.0 } else { 2.0 } + 0.1 * (n % 7) as f64)).unwrap();
    }
    assert!(policy.propensities(&turn(2, &[])).unwrap()[1] > 0.99 && policy.best().unwrap()[1] > 0.99);
    assert!((policy.expected(0, &[]).unwrap().unwrap().0 - 3.3).abs() < 0.05);
    assert!(policy.interval(0, Alpha::USUAL).unwrap().low > 3.0);
}

/// Features that are copies of each other, constant, or of wildly different sizes, and rewards of money. One arm pays
/// always the same, which looks certain from the first reward on.
#[test]
fn collinear_and_badly_scaled_features_are_borne() {
    let (mut policy, mut rng) = (Contextual::new(2, 5, Shrunk::default()).unwrap(), rng(10));
    for _ in 0..20_000 {
        let x = unit(&mut rng);
        let features = [x, x, 1e9, 1e-9 * x, 1e8 * unit(&mut rng)];
        let arm = policy.choose(&turn(2, &features), &mut rng).unwrap().unwrap().arm;
        let pays = if arm == 1 { 1e4 * x } else { 5e3 };
        policy.observe(&trial(arm, &features), reward(pays)).unwrap();
    }
    let shares = policy.propensities(&turn(2, &[0.9, 0.9, 1e9, 0.9e-9, 5e7])).unwrap();
    assert!(shares[1] > 0.99, "{shares:?}");
}
