//! What fades with time, or with later trials.

use super::*;

/// After one half-life, 40 trials of which 20 paid weigh as 20 with 10, as by hand.
#[test]
fn what_fades_counts_half_after_a_half_life() {
    let day = Span::days(1);
    let mut policy = Tallied::new(2, Thompson::default()).unwrap().fading(HalfLife::Time(day)).unwrap();
    for n in 0..40 {
        policy.expose(&Trial::new(0, now())).unwrap();
        if n % 2 == 0 {
            // The reward comes a day late, and weighs as its trial does.
            policy.learn(&Trial::new(0, now()), Reward::new(1.0).unwrap()).unwrap();
        }
    }
    let mut plain = Tallied::new(2, Thompson::default()).unwrap();
    for n in 0..20 {
        plain.observe(&Trial::new(0, now()), reward(f64::from(u8::from(n % 2 == 0)))).unwrap();
    }
    let later = Turn::new(Arms::first(2), now() + day);
    let (faded, wanted) = (policy.propensities(&later).unwrap(), plain.propensities(&later).unwrap());
    assert!((faded[0] - wanted[0]).abs() < 1e-9, "{faded:?} {wanted:?}");
    let years = Turn::new(Arms::first(2), now() + Span::days(4_000));
    assert!((policy.propensities(&years).unwrap()[0] - 0.5).abs() < 1e-9, "what is forgotten leaves the prior");
    assert!((policy.fewest_remembered().unwrap()).abs() < 1e-12);
    let (mut left, mut right) = (policy.clone(), policy.clone());
    left.observe(&Trial::new(1, now() + day), reward(1.0)).unwrap();
    right.observe(&Trial::new(1, now() - day), reward(1.0)).unwrap();
    let (mut one, mut other) = (left.clone(), right.clone());
    one.merge(&right);
    other.merge(&left);
    let at = Turn::new(Arms::first(2), now() + Span::days(2));
    let (one, other) = (one.propensities(&at).unwrap(), other.propensities(&at).unwrap());
    assert!((one[0] - other[0]).abs() < 1e-12, "{one:?} {other:?}");
}

/// Far ahead, far behind, and hostile times neither overflow nor spoil what was learned.
#[test]
fn any_time_is_borne() {
    for half_life in [HalfLife::Time(Span::seconds(1)), HalfLife::Exposures(10)] {
        let mut policy = Tallied::new(2, Thompson::default()).unwrap().fading(half_life).unwrap();
        for millis in [i64::MIN, i64::MAX, 0, -5, i64::MAX, 1_700_000_000_000, i64::MIN] {
            policy.observe(&Trial::new(0, Timestamp::from_millis(millis)), reward(1.0)).unwrap();
            let mut fresh = Tallied::new(2, Thompson::default()).unwrap().fading(half_life).unwrap();
            fresh.merge(&policy);
            assert_eq!(fresh, policy, "a fresh state is the identity");
            for millis in [i64::MIN, 0, i64::MAX] {
                let shares = policy.propensities(&Turn::new(Arms::first(2), Timestamp::from_millis(millis))).unwrap();
                assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
            }
        }
        (0..5_000).for_each(|_| policy.observe(&Trial::new(1, now()), reward(1.0)).unwrap());
        let back = Tallied::from_bytes(&policy.to_bytes().unwrap()).unwrap();
        assert_eq!(back, policy);
    }
}
