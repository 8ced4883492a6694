//! Single trials are forgotten as if they had never been, and what was never paid counts as what was said.

use super::*;
use crate::bandit::{Contextual, ContextualScheme, LinThompson, LinUcb, Logistic, LogisticThompson, Shrunk, SquareCb};

type Row = (usize, i64, [f64; 2], f64);

fn rows() -> Vec<Row> {
    (0..120_u32)
        .map(|n| {
            let features = [f64::from(n % 7), 1e3 + f64::from(n % 5)];
            ((n * n % 3) as usize, i64::from(n) * 3_600_000, features, f64::from(n % 4) / 4.0)
        })
        .collect()
}

fn trial_of(row: &Row) -> (Trial<'_>, Reward) {
    (Trial::new(row.0, Timestamp::from_millis(row.1)).features(&row.2), reward(row.3))
}

/// The policy that learns all and forgets every third again, last first, and the one that never knew those.
fn both_ways<P: Policy + Clone>(fresh: &P) -> (P, P) {
    let (mut forgets, mut never) = (fresh.clone(), fresh.clone());
    let rows = rows();
    for (at, row) in rows.iter().enumerate() {
        let (trial, paid) = trial_of(row);
        forgets.expose(&trial).unwrap();
        forgets.learn(&trial, paid).unwrap();
        if at % 3 != 0 {
            never.observe(&trial, paid).unwrap();
        }
    }
    for row in rows.iter().step_by(3).rev() {
        let (trial, paid) = trial_of(row);
        forgets.forget(&trial, paid).unwrap();
    }
    (forgets, never)
}

#[test]
fn what_is_forgotten_was_never_there_to_the_last_bit() {
    for payoff in [Payoff::Rate, Payoff::Amount] {
        let (forgets, never) = both_ways(&Tallied::new(3, Thompson { payoff, ..Thompson::default() }).unwrap());
        assert_eq!(forgets, never);
        let shares = |of: &Tallied| of.propensities(&turn(0..3)).unwrap();
        let mut anew = never.clone();
        anew.absorb(&[]);
        assert_eq!(shares(&forgets), shares(&anew));
    }
}

#[test]
fn what_fades_in_time_is_forgotten_to_rounding() {
    let half_life = HalfLife::Time(Span::hours(20));
    let fresh = Tallied::new(3, Thompson::default()).unwrap().fading(half_life).unwrap();
    let (forgets, never) = both_ways(&fresh);
    let late = Turn::new(Arms::first(3), Timestamp::from_millis(120 * 3_600_000));
    let (a, b) = (forgets.propensities(&late).unwrap(), never.propensities(&late).unwrap());
    a.iter().zip(&b).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
}

#[test]
fn a_regression_forgets_to_rounding() {
    let half_life = HalfLife::Time(Span::hours(2_000));
    for scheme in
        [LinUcb::default().into(), LinThompson::default().into(), ContextualScheme::SquareCb(SquareCb::default())]
    {
        for fresh in [
            Contextual::new(3, 2, scheme).unwrap(),
            Contextual::new(3, 2, scheme).unwrap().fading(half_life).unwrap(),
            Contextual::new(3, 2, Shrunk::default()).unwrap(),
        ] {
            let (mut forgets, mut never) = both_ways(&fresh);
            assert_eq!((forgets.count(), forgets.tallies()), (never.count(), never.tallies()));
            // The precisions are those of the newest fit; merging with nothing learned fits no more, with a trial does.
            let mut one = fresh.clone();
            let (trial, paid) =
                (Trial::new(1, Timestamp::from_millis(119 * 3_600_000)).features(&[3.0, 1e3]), reward(0.5));
            one.observe(&trial, paid).unwrap();
            (0..3).for_each(|_| [&mut forgets, &mut never].into_iter().for_each(|of| of.merge(&one)));
            for arm in 0..3 {
                let of = |policy: &Contextual| policy.expected(arm, &[2.0, 1_003.0]).unwrap().unwrap();
                let ((a, b), (c, d)) = (of(&forgets), of(&never));
                assert!((a - c).abs() < 1e-6 && (b - d).abs() < 1e-6, "{scheme:?} {arm}: {a} {c} {b} {d}");
            }
        }
    }
}

#[test]
fn the_last_trial_leaves_a_fresh_policy() {
    for scheme in [Shrunk::default().into(), ContextualScheme::LinUcb(LinUcb::default())] {
        let fresh = Contextual::new(2, 2, scheme).unwrap();
        let mut policy = fresh.clone();
        let rows = rows();
        for row in rows.iter().take(5) {
            policy.observe(&Trial { arm: 0, ..trial_of(row).0 }, reward(row.3)).unwrap();
        }
        for row in rows.iter().take(5) {
            policy.forget(&Trial { arm: 0, ..trial_of(row).0 }, reward(row.3)).unwrap();
        }
        assert_eq!((policy.count(), policy.tallies()), (0, fresh.tallies()));
        let shares = policy.propensities(&Turn::new(Arms::first(2), now()).features(&[0.0, 0.0])).unwrap();
        assert!(shares.iter().all(|share| (share - 0.5).abs() < 1e-12));
        let first = trial_of(&rows[0]).0;
        assert_eq!(policy.forget(&first, Reward::NONE), Err(BanditError::NothingToForget { arm: first.arm }));
        policy.observe(&first, reward(1.0)).unwrap();
        assert_eq!(serde_json::from_str::<Contextual>(&serde_json::to_string(&policy).unwrap()).unwrap(), policy);
    }
}

#[test]
fn what_cannot_be_told_apart_is_refused_and_stays() {
    let mut logistic = Logistic::new(1, 2, LogisticThompson::default()).unwrap();
    let mut fades = Tallied::new(1, Thompson::default()).unwrap().fading(HalfLife::Exposures(50)).unwrap();
    let mut regression = Contextual::new(1, 2, LinUcb::default()).unwrap().fading(HalfLife::Exposures(50)).unwrap();
    let trial = Trial::new(0, now()).features(&[1.0, 2.0]);
    let policies: [(&mut dyn Policy, _); 3] =
        [(&mut logistic, "logistic"), (&mut fades, "half_life_exposures"), (&mut regression, "half_life_exposures")];
    for (policy, name) in policies {
        policy.observe(&trial, reward(1.0)).unwrap();
        assert_eq!(policy.forget(&trial, reward(1.0)), Err(BanditError::Unforgettable { policy: name }));
        assert_eq!(policy.tallies()[0].exposures(), 1);
    }
    let mut fresh = Tallied::new(2, Thompson::default()).unwrap();
    assert_eq!(fresh.forget(&trial, Reward::NONE), Err(BanditError::NothingToForget { arm: 0 }));
    assert_eq!(fresh.forget(&Trial::new(2, now()), Reward::NONE), Err(BanditError::NoSuchArm { arm: 2, arms: 2 }));
}

/// Two of five trials pay 3; the others count as 0.5 for ever, which is (6 + 1.5) / 5 in the mean.
#[test]
fn a_trial_that_is_never_paid_counts_as_what_was_said() {
    let spec: BanditSpec = serde_json::from_str(r#"{"thompson": {"payoff": "amount"}, "unpaid": 0.5}"#).unwrap();
    assert_eq!(serde_json::from_str::<BanditSpec>(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
    let mut bandit = Bandit::new(&spec, 1, 0).unwrap();
    let trial = Trial::new(0, now());
    (0..5).for_each(|_| bandit.expose(&trial).unwrap());
    (0..2).for_each(|_| bandit.learn(&trial, reward(3.0)).unwrap());
    assert!((bandit.tallies()[0].reward() - 7.5).abs() < 1e-12 && bandit.tallies()[0].exposures() == 5);
    let mut bandit: Bandit = serde_json::from_str(&serde_json::to_string(&bandit).unwrap()).unwrap();
    bandit.forget(&trial, reward(0.5)).unwrap();
    assert!((bandit.tallies()[0].reward() - 7.0).abs() < 1e-12 && bandit.tallies()[0].exposures() == 4);
    assert!(serde_json::from_str::<BanditSpec>(r#"{"thompson": {}, "unpaid": 2}"#).is_err());
    assert!(serde_json::from_str::<BanditSpec>(r#"{"contextual": {}, "unpaid": -2}"#).is_ok());
}
