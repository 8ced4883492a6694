//! The promises of every policy, and the probability of being best against closed forms and mpmath.

use core::convert::Infallible;

use proptest::prelude::*;
use rand::{Rng, TryRng};

use super::*;
use crate::stats::Beta;
use crate::stats::best_rates as best;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix(u64);
impl TryRng for SplitMix {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|n| (n >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ (z >> 31))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        dest.iter_mut().for_each(|byte| *byte = self.next_u64() as u8);
        Ok(())
    }
}

fn rates(parameters: &[(f64, f64)]) -> Vec<Beta> {
    parameters.iter().map(|(a, b)| Beta::new(*a, *b).unwrap()).collect()
}

/// P(B > A) for a whole α of B (Miller, "Formulas for Bayesian A/B testing", 2014, equation 6).
fn miller((a1, b1): (f64, f64), (a2, b2): (f64, f64)) -> f64 {
    let ln_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let term =
        |i: f64| libm::exp(ln_beta(a1 + i, b1 + b2) - libm::log(b2 + i) - ln_beta(1.0 + i, b2) - ln_beta(a1, b1));
    (0..a2 as u32).map(|i| term(f64::from(i))).sum()
}

#[test]
fn two_arms_agree_with_the_closed_form() {
    let arms = [(1.0, 1.0), (3.0, 2.0), (11.0, 91.0), (21.0, 81.0), (131.0, 1_071.0), (1.0, 1_001.0), (501.0, 1.0)];
    for first in arms {
        for second in arms {
            let found = best(&rates(&[first, second]));
            let wanted = miller(first, second);
            // The formula's own log-gammas of a thousand lose some 1e-13 each.
            assert!((found[1] - wanted).abs() < 2e-11, "{first:?} {second:?}: {found:?} {wanted}");
        }
    }
}

/// mpmath 1.3 at 25 digits: twenty-point panels every standard deviation of every arm.
#[test]
fn several_arms_agree_with_mpmath() {
    type Case<'a> = (&'a [(f64, f64)], &'a [f64]);
    let cases: [Case; 4] = [
        (
            &[(1.0, 1.0), (121.0, 1_081.0), (131.0, 1_071.0)],
            &[0.889_128_431_037_155_9, 0.027_402_875_661_365_95, 0.083_468_693_301_478_13],
        ),
        (
            &[(1.0, 1.0), (1_000_001.0, 9_000_001.0), (1_001_001.0, 8_999_001.0)],
            &[0.899_882_171_475_511, 0.022_828_132_469_303_78, 0.077_289_696_055_185_24],
        ),
        (
            &[(0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (20.0, 21.0)],
            &[0.406_191_179_980_282_5, 0.337_551_655_034_854_7, 0.041_146_293_264_438_54, 0.215_110_871_720_303_8],
        ),
        (
            &[(1.0, 1.0), (10.0, 100.0), (11.0, 100.0), (12.0, 100.0), (13.0, 100.0), (14.0, 100.0)],
            &[
                0.854_388_562_059_915_5,
                0.010_264_660_290_124_4,
                0.016_784_905_371_321_72,
                0.025_960_653_993_994_62,
                0.038_304_705_782_487_78,
                0.054_296_512_502_155_96,
            ],
        ),
    ];
    for (parameters, wanted) in cases {
        let found = best(&rates(parameters));
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-10, "{parameters:?}: {found} {wanted}");
        }
    }
}

#[test]
fn identical_arms_are_equally_likely_to_the_last_bit() {
    for k in [2, 3, 10, 64] {
        for arm in [(1.0, 1.0), (0.1, 0.1), (1.0, 1e6), (0.5, 7.0), (1e6, 9e6), (1e12, 1e12)] {
            let found = best(&rates(&vec![arm; k]));
            assert!(found.iter().all(|p| p.to_bits() == found[0].to_bits()), "{k} {arm:?}");
            assert!((found[0] - 1.0 / k as f64).abs() < 1e-15);
        }
    }
}

#[test]
fn mirrored_pairs_of_any_precision_split_evenly() {
    // A symmetric Beta(a, a) is as likely above as below any other symmetric one.
    for (a, b) in [(0.1, 1.0), (0.1, 1e7), (1.0, 1e12), (3.0, 1e5), (1e4, 1e10)] {
        let found = best(&rates(&[(a, a), (b, b)]));
        assert!((found[0] - 0.5).abs() < 1e-10, "{a} {b}: {found:?}");
    }
}

fn apply(bandit: &mut Bandit, events: &[(usize, Option<f64>)]) {
    for (arm, reward) in events {
        match reward {
            Some(reward) => bandit.learn(*arm, Reward::new(*reward).unwrap()).unwrap(),
            None => bandit.expose(*arm).unwrap(),
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(usize, Option<f64>)>> {
    prop::collection::vec((0_usize..5, prop::option::of(0.0..=1.0)), 0..60)
}

fn specs() -> impl Strategy<Value = BanditSpec> {
    prop_oneof![
        // Quarters survive being written as decimals by any reader.
        (1_u8..200, 1_u8..200).prop_map(|(a, b)| BanditSpec::Thompson { prior: [a, b].map(|p| f64::from(p) / 4.0) }),
        (0_u8..=64).prop_map(|n| BanditSpec::EpsilonGreedy { epsilon: f64::from(n) / 64.0 }),
    ]
}

proptest! {
    #[test]
    fn merging_is_learning_from_both_and_order_does_not_matter(spec in specs(), xs in events(), ys in events()) {
        let fresh = Bandit::new(&spec, 5).unwrap();
        let (mut first, mut second, mut both, mut reversed) = (fresh.clone(), fresh.clone(), fresh.clone(), fresh.clone());
        apply(&mut first, &xs);
        apply(&mut second, &ys);
        let all: Vec<_> = xs.iter().chain(&ys).copied().collect();
        apply(&mut both, &all);
        apply(&mut reversed, &all.iter().rev().copied().collect::<Vec<_>>());
        // A kept integral must not survive a merge, nor show in the bytes.
        let _ = first.propensities(Arms::first(5));
        first.merge(&second);
        first.merge(&fresh);
        prop_assert_eq!(first.to_bytes().unwrap(), both.to_bytes().unwrap());
        prop_assert_eq!(reversed.to_bytes().unwrap(), both.to_bytes().unwrap());
        prop_assert_eq!(first.propensities(Arms::first(5)), both.propensities(Arms::first(5)));
        let back = Bandit::from_bytes(&both.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&back, &both);
        let back: Bandit = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        prop_assert_eq!(&back, &both);
    }

    #[test]
    fn propensities_are_probabilities_of_what_is_eligible(spec in specs(), xs in events(), mask in 0_u64..64, seed: u64) {
        let mut bandit = Bandit::new(&spec, 5).unwrap();
        apply(&mut bandit, &xs);
        let eligible: Arms = (0..6).filter(|arm| mask >> arm & 1 == 1).collect();
        let found = bandit.propensities(eligible);
        prop_assert!(found.iter().enumerate().all(|(arm, p)| (0.0..=1.0 + 1e-12).contains(p) && (eligible.contains(arm) || p.to_bits() == 0)));
        let sum: f64 = found.iter().sum();
        let any = !eligible.and(Arms::first(5)).is_empty();
        prop_assert!((sum - f64::from(u8::from(any))).abs() < 1e-12);
        let choice = bandit.choose(eligible, &mut SplitMix(seed));
        prop_assert_eq!(choice.is_some(), any);
        if let Some(choice) = choice {
            prop_assert!(eligible.contains(choice.arm));
            prop_assert_eq!(choice.propensity.value().to_bits(), found[choice.arm].min(1.0).to_bits());
        }
    }

    #[test]
    fn any_posteriors_have_probabilities(parameters in prop::collection::vec((-1.0..12.0, -1.0..12.0), 1..12)) {
        let rates: Vec<Beta> = parameters.iter().map(|(a, b)| Beta::nearest(libm::pow(10.0, *a), libm::pow(10.0, *b))).collect();
        let found = best(&rates);
        prop_assert!(found.iter().all(|p| (0.0..=1.0 + 1e-12).contains(p)), "{:?}", found);
        prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// Over 100,000 draws the standard error of a share is at most 0.00158; the bound of 0.0079 is five of them, which an
/// honest policy would exceed about once in two million runs.
#[test]
fn arms_are_chosen_as_often_as_their_propensities_say() {
    let mut bandit = Bandit::new(&BanditSpec::default(), 4).unwrap();
    for arm in [0, 0, 0, 1, 1, 3] {
        bandit.expose(arm).unwrap();
    }
    bandit.learn(1, Reward::new(0.7).unwrap()).unwrap();
    let mut greedy = Bandit::new(&BanditSpec::EpsilonGreedy { epsilon: 0.2 }, 4).unwrap();
    greedy.merge(&bandit);
    for policy in [bandit, greedy] {
        for eligible in [Arms::first(4), [0, 1, 3].into_iter().collect()] {
            let mut rng = SplitMix(3);
            let mut counts = [0_u32; 4];
            for _ in 0..100_000 {
                counts[policy.choose(eligible, &mut rng).unwrap().arm] += 1;
            }
            for (count, wanted) in counts.into_iter().zip(policy.propensities(eligible)) {
                assert!((f64::from(count) / 1e5 - wanted).abs() < 0.0079);
            }
        }
    }
}

/// The same bound: Thompson's own recipe, a draw from each posterior, wins as often as the integral says.
#[test]
fn the_integral_agrees_with_drawing_from_each_posterior() {
    let rates = rates(&[(1.0, 1.0), (3.0, 9.0), (20.0, 41.0), (300.0, 700.0)]);
    let mut rng = SplitMix(11);
    let mut counts = [0_u32; 4];
    for _ in 0..100_000 {
        let draws: Vec<f64> = rates.iter().map(|rate| rate.sample(&mut rng)).collect();
        let winner = (0..4).max_by(|i, j| draws[*i].total_cmp(&draws[*j])).unwrap();
        counts[winner] += 1;
    }
    for (count, wanted) in counts.into_iter().zip(best(&rates)) {
        assert!((f64::from(count) / 1e5 - wanted).abs() < 0.0079);
    }
}

#[test]
fn epsilon_greedy_tries_what_was_never_shown_and_splits_ties() {
    let mut policy = EpsilonGreedy::new(3, 0.3).unwrap();
    assert_eq!(policy.propensities(Arms::first(3)), [0.1 + 0.7 / 3.0; 3]);
    policy.expose(0).unwrap();
    policy.learn(0, Reward::new(1e6).unwrap()).unwrap();
    assert_eq!(policy.propensities(Arms::first(3)), [0.3 / 3.0, 0.3 / 3.0 + 0.7 / 2.0, 0.3 / 3.0 + 0.7 / 2.0]);
    assert_eq!(policy.propensities([0].into_iter().collect()), [1.0, 0.0, 0.0]);
}

#[test]
fn what_cannot_be_right_is_refused() {
    let mut policy = Thompson::new(2, [1.0, 1.0]).unwrap();
    let reward = |r| Reward::new(r).unwrap();
    assert_eq!(policy.expose(2), Err(BanditError::NoSuchArm { arm: 2, arms: 2 }));
    assert_eq!(policy.learn(0, reward(1.5)), Err(BanditError::RewardRange { found: 1.5 }));
    assert_eq!(policy.learn(7, reward(0.5)), Err(BanditError::NoSuchArm { arm: 7, arms: 2 }));
    for bad in [f64::NAN, f64::INFINITY, -1e13] {
        assert!(Reward::new(bad).is_err() && Propensity::new(bad).is_err() && Thompson::new(2, [1.0, bad]).is_err());
        assert!(EpsilonGreedy::new(2, bad).is_err());
    }
    assert!(Propensity::new(0.0).is_err() && Propensity::new(1.0 + 1e-9).is_err());
    assert_eq!(Thompson::new(65, [1.0, 1.0]), Err(BanditError::Arms { found: 65 }));
    assert_eq!(EpsilonGreedy::new(0, 0.1), Err(BanditError::Arms { found: 0 }));
    for stored in [r#"{"prior":[0,1],"tallies":[{"exposures":0,"reward":0}]}"#, r#"{"prior":[1,1],"tallies":[]}"#] {
        assert!(serde_json::from_str::<Thompson>(stored).is_err());
    }
    assert!(serde_json::from_str::<BanditSpec>(r#"{"thompson": {"priors": [1, 1]}}"#).is_err());
    let message = BanditError::NoSuchArm { arm: 7, arms: 2 }.to_string();
    assert_eq!(message, "there is no arm 7: the arms are 0 to 1");
}

#[test]
fn merging_states_of_other_lengths_and_kinds_keeps_what_was_learned() {
    let mut longer = Bandit::new(&BanditSpec::EpsilonGreedy { epsilon: 0.5 }, 3).unwrap();
    longer.expose(2).unwrap();
    longer.learn(2, Reward::new(-4.0).unwrap()).unwrap();
    let mut bandit = Bandit::new(&BanditSpec::default(), 2).unwrap();
    bandit.merge(&longer);
    let report = bandit.report(Alpha::USUAL);
    assert_eq!((report.len(), report[2].exposures, report[2].mean), (3, 1, Some(-4.0)));
    // A reward below nothing leaves the posterior that of a failure.
    assert!(matches!(&bandit, Bandit::Thompson(t) if t.posterior(2) == Some(Beta::new(1.0, 2.0).unwrap())));
    assert!(report[0].interval.unwrap().low < 0.026 && report[0].best.unwrap() > report[2].best.unwrap());
}
