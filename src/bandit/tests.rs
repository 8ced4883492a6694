//! The promises of every policy, and the probability of being best against closed forms and mpmath.

use core::convert::Infallible;

use proptest::prelude::*;
use rand::{Rng, TryRng};

use super::*;
use crate::state::State;
use crate::stats::Beta;
use crate::stats::best_rates as best;
use crate::time::{Span, Timestamp};

mod fading;
mod forgetting;
mod moving;
mod staying;

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

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn turn(eligible: impl IntoIterator<Item = usize>) -> Turn<'static> {
    Turn::new(eligible.into_iter().collect(), now())
}

fn reward(of: f64) -> Reward {
    Reward::new(of).unwrap()
}

fn apply(bandit: &mut Bandit, events: &[(usize, Option<f64>)]) {
    for (arm, pays) in events {
        match pays {
            Some(pays) => bandit.learn(&Trial::new(*arm, now()), reward(*pays)).unwrap(),
            None => bandit.expose(&Trial::new(*arm, now())).unwrap(),
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(usize, Option<f64>)>> {
    prop::collection::vec((0_usize..5, prop::option::of(0.0..=1.0)), 0..60)
}

fn of(scheme: impl Into<Scheme>) -> BanditSpec {
    BanditSpec { policy: PolicySpec::Tallied(scheme.into()), ..BanditSpec::default() }
}

/// One of each kind; quarters survive being written as decimals by any reader.
fn specs() -> impl Strategy<Value = BanditSpec> {
    let quarters = |n: u8| f64::from(n) / 4.0;
    let payoff = prop_oneof![Just(Payoff::Rate), Just(Payoff::Amount), Just(Payoff::Revenue)];
    let scheme = prop_oneof![
        (payoff, 1_u8..200, 1_u8..200, 0_u8..3, 2_u8..=4).prop_map(move |(payoff, a, b, pool, top)| {
            let (prior, pool, top_two) = ([quarters(a), quarters(b)], quarters(pool), quarters(top));
            Scheme::Thompson(Thompson { payoff, prior, pool, top_two, refresh: 0.0 })
        }),
        (0_u8..=64).prop_map(|n| Scheme::EpsilonGreedy(EpsilonGreedy { epsilon: f64::from(n) / 64.0 })),
        (1_u8..=64).prop_map(move |n| Scheme::Softmax(Softmax { temperature: quarters(n) })),
        Just(Scheme::Ucb(Ucb {})),
    ];
    let guards =
        (0_u32..3, 0_u8..8, prop::option::of((0_usize..5, 0_u8..=4))).prop_map(move |(burn_in, floor, control)| {
            let control = control.map(|(arm, share)| Control { arm, share: quarters(share) });
            Guards { burn_in, floor: f64::from(floor) / 64.0, control, budget: None }
        });
    (scheme, prop::bool::ANY, prop_oneof![Just(Guards::default()), guards]).prop_map(
        |(scheme, less_is_better, guards)| BanditSpec {
            policy: PolicySpec::Tallied(scheme),
            half_life: None,
            less_is_better,
            unpaid: None,
            guards,
        },
    )
}

proptest! {
    #[test]
    fn merging_is_learning_from_both_and_order_does_not_matter(spec in specs(), xs in events(), ys in events()) {
        let fresh = Bandit::new(&spec, 5, 0).unwrap();
        let (mut first, mut second, mut both, mut reversed) = (fresh.clone(), fresh.clone(), fresh.clone(), fresh.clone());
        apply(&mut first, &xs);
        apply(&mut second, &ys);
        let all: Vec<_> = xs.iter().chain(&ys).copied().collect();
        apply(&mut both, &all);
        apply(&mut reversed, &all.iter().rev().copied().collect::<Vec<_>>());
        // A kept integral must not survive a merge, nor show in the bytes.
        let _ = first.propensities(&turn(0..5));
        first.merge(&second);
        first.merge(&fresh);
        prop_assert_eq!(first.to_bytes().unwrap(), both.to_bytes().unwrap());
        prop_assert_eq!(reversed.to_bytes().unwrap(), both.to_bytes().unwrap());
        prop_assert_eq!(first.propensities(&turn(0..5)), both.propensities(&turn(0..5)));
        let back = Bandit::from_bytes(&both.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&back, &both);
        let back: Bandit = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        prop_assert_eq!(&back, &both);
        let written: BanditSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        prop_assert_eq!(written, spec);
    }

    #[test]
    fn propensities_are_probabilities_of_what_is_eligible(spec in specs(), xs in events(), mask in 0_u64..64, seed: u64) {
        let mut bandit = Bandit::new(&spec, 5, 0).unwrap();
        apply(&mut bandit, &xs);
        let eligible: Arms = (0..6).filter(|arm| mask >> arm & 1 == 1).collect();
        let asked = Turn::new(eligible.clone(), now());
        let found = bandit.propensities(&asked).unwrap();
        prop_assert!(found.iter().enumerate().all(|(arm, p)| (0.0..=1.0 + 1e-12).contains(p) && (eligible.contains(arm) || p.to_bits() == 0)));
        let sum: f64 = found.iter().sum();
        let any = !eligible.below(5).is_empty();
        prop_assert!((sum - f64::from(u8::from(any))).abs() < 1e-12);
        let choice = bandit.choose(&asked, &mut SplitMix(seed)).unwrap();
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

/// Over 10^6 draws the standard error of a share is at most 0.0005; the bound of 0.0025 is five of them, which an honest
/// policy would exceed about once in two million runs.
#[test]
fn arms_are_chosen_as_often_as_their_propensities_say() {
    let mut bandit = Bandit::new(&BanditSpec::default(), 4, 0).unwrap();
    for arm in [0, 0, 0, 1, 1, 3] {
        bandit.expose(&Trial::new(arm, now())).unwrap();
    }
    bandit.learn(&Trial::new(1, now()), reward(0.7)).unwrap();
    let guards = Guards { burn_in: 2, floor: 0.02, control: Some(Control { arm: 0, share: 0.2 }), budget: None };
    let specs = [
        BanditSpec::default(),
        of(Thompson { top_two: 0.5, ..Thompson::default() }),
        of(Thompson { payoff: Payoff::Amount, ..Thompson::default() }),
        of(Thompson { payoff: Payoff::Revenue, ..Thompson::default() }),
        of(EpsilonGreedy { epsilon: 0.2 }),
        of(Softmax { temperature: 0.3 }),
        of(Ucb {}),
        BanditSpec { guards, ..BanditSpec::default() },
    ];
    for spec in specs {
        let mut policy = Bandit::new(&spec, 4, 0).unwrap();
        policy.merge(&bandit);
        for asked in [turn(0..4), turn([0, 1, 3])] {
            let wanted = policy.propensities(&asked).unwrap();
            let (mut rng, mut same) = (SplitMix(3), SplitMix(3));
            let mut counts = [0_u32; 4];
            for _ in 0..1_000_000 {
                counts[arms::draw(&wanted, &mut rng).unwrap().arm] += 1;
            }
            for (count, wanted) in counts.into_iter().zip(&wanted) {
                assert!((f64::from(count) / 1e6 - wanted).abs() < 0.0025, "{spec:?}");
            }
            // A choice is such a draw.
            let mut rng = SplitMix(3);
            for _ in 0..100 {
                assert_eq!(policy.choose(&asked, &mut rng).unwrap(), arms::draw(&wanted, &mut same));
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
    let mut policy = Tallied::new(3, EpsilonGreedy { epsilon: 0.3 }).unwrap();
    assert_eq!(policy.propensities(&turn(0..3)).unwrap(), [0.1 + 0.7 / 3.0; 3]);
    policy.observe(&Trial::new(0, now()), reward(1e6)).unwrap();
    let shares = policy.propensities(&turn(0..3)).unwrap();
    assert_eq!(shares, [0.3 / 3.0, 0.3 / 3.0 + 0.7 / 2.0, 0.3 / 3.0 + 0.7 / 2.0]);
    assert_eq!(policy.propensities(&turn([0])).unwrap(), [1.0, 0.0, 0.0]);
}

/// Auer, Cesa-Bianchi and Fischer's bound by hand: of 20 trials, 10 with a mean of 0.5 and 10 with one of 0.4 beside 5
/// of the third with 0.6.
#[test]
fn ucb_takes_the_highest_bound() {
    let mut policy = Tallied::new(3, Ucb {}).unwrap();
    for (arm, trials, paid) in [(0, 20, 10), (1, 20, 8), (2, 5, 3)] {
        (0..trials)
            .for_each(|n| policy.observe(&Trial::new(arm, now()), reward(f64::from(u8::from(n < paid)))).unwrap());
    }
    // ln 45 = 3.807; min(¼, p(1 − p) + √(2 · 3.807 / m)) is ¼ for all: 0.5 + 0.218, 0.4 + 0.218, 0.6 + 0.436
    assert_eq!(policy.propensities(&turn(0..3)).unwrap(), [0.0, 0.0, 1.0]);
    (0..95).for_each(|_| policy.expose(&Trial::new(2, now())).unwrap());
    // 0.5 + √(4.942 / 20 / 4) = 0.749, 0.4 + 0.249; 0.03 + √(4.942 / 100 · ¼) = 0.141
    assert_eq!(policy.propensities(&turn(0..3)).unwrap(), [1.0, 0.0, 0.0]);
    assert!(policy.is_deterministic() && policy.fading(HalfLife::Exposures(50)).unwrap().best().is_none());
}

#[test]
fn less_is_better_where_it_is_said() {
    let schemes: [Scheme; 6] = [
        Thompson::default().into(),
        Thompson { payoff: Payoff::Amount, ..Thompson::default() }.into(),
        Thompson { payoff: Payoff::Revenue, ..Thompson::default() }.into(),
        EpsilonGreedy { epsilon: 0.1 }.into(),
        Softmax { temperature: 0.1 }.into(),
        Ucb {}.into(),
    ];
    for scheme in schemes {
        let mut more = Tallied::new(2, scheme).unwrap();
        for n in 0..400 {
            more.observe(&Trial::new(0, now()), reward(f64::from(u8::from(n % 2 == 0)))).unwrap();
            more.observe(&Trial::new(1, now()), reward(f64::from(u8::from(n % 10 == 0)))).unwrap();
        }
        let less = more.clone().less_is_better();
        let shares = |of: &Tallied| of.propensities(&turn(0..2)).unwrap();
        assert!(
            shares(&more)[0] > 0.94 && shares(&less)[1] > 0.94,
            "{scheme:?} {:?} {:?}",
            shares(&more),
            shares(&less)
        );
        assert_eq!(more.interval(0, Alpha::USUAL), less.interval(0, Alpha::USUAL));
    }
}

#[test]
fn what_is_revised_is_as_if_it_had_been_so_at_first() {
    let trial = Trial::new(0, now());
    let mut revised = Tallied::new(2, Thompson { payoff: Payoff::Revenue, ..Thompson::default() }).unwrap();
    let mut plain = revised.clone();
    for (first, last) in [(19.9, 0.0), (5.0, 7.5), (0.0, 3.0)] {
        revised.observe(&trial, reward(first)).unwrap();
        plain.observe(&trial, reward(last)).unwrap();
    }
    for (first, last) in [(5.0, 7.5), (0.0, 3.0), (19.9, 0.0)] {
        revised.revise(&trial, reward(first), reward(last)).unwrap();
    }
    assert_eq!(revised, plain);
    assert_eq!((plain.tallies()[0].paid(), plain.tallies()[0].reward()), (2, 10.5));
}

/// Shares that may lag are those of the time when they were last computed, and stored so.
#[test]
fn shares_may_lag_behind_by_so_many_trials() {
    let mut lags = Tallied::new(3, Thompson { refresh: 0.1, ..Thompson::default() }).unwrap();
    let mut follows = Tallied::new(3, Thompson { refresh: 0.0, ..Thompson::default() }).unwrap();
    let shares = |of: &Tallied| of.propensities(&turn(0..3)).unwrap();
    for n in 0..200 {
        for policy in [&mut lags, &mut follows] {
            policy.observe(&Trial::new(n % 3, now()), reward(f64::from(u8::from(n % 3 == 0 || n % 7 == 0)))).unwrap();
        }
        // Of fewer than 20 trials, a tenth is less than two.
        assert!(n >= 20 || shares(&lags) == shares(&follows), "{n}");
        if n == 150 {
            lags = Tallied::from_bytes(&lags.to_bytes().unwrap()).unwrap();
        }
    }
    let (now, exact) = (shares(&lags), shares(&follows));
    assert!(now != exact && (now[0] - exact[0]).abs() < 0.1, "{now:?} {exact:?}");
    assert_eq!(lags.tallies(), follows.tallies());
    lags.absorb(&[]);
    assert_eq!(shares(&lags), exact, "whoever merges computes anew");
}

/// Thousands of arms, of which one pays.
#[test]
fn thousands_of_arms_are_chosen_among() {
    let mut policy = Tallied::new(3_000, Thompson { pool: 20.0, refresh: 0.0, ..Thompson::default() }).unwrap();
    for arm in 0..3_000 {
        policy.observe(&Trial::new(arm, now()), Reward::NONE).unwrap();
    }
    (0..60).for_each(|_| policy.observe(&Trial::new(2_222, now()), reward(1.0)).unwrap());
    let shares = policy.propensities(&turn(0..3_000)).unwrap();
    assert!(shares[2_222] > 0.99 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}", shares[2_222]);
}

/// A step is a tenth of all choices, and a day.
#[test]
fn shares_move_by_no_more_than_the_budget() {
    let spec: BanditSpec =
        serde_json::from_str(r#"{"thompson": {}, "budget": {"share": 0.1, "every": "1d"}}"#).unwrap();
    let mut bandit = Bandit::new(&spec, 2, 0).unwrap();
    let at = |day: i64| now() + Span::days(day as u32);
    for day in 0..8 {
        let before = bandit.propensities(&Turn::new(Arms::first(2), at(day))).unwrap()[1];
        for _ in 0..50 {
            bandit.observe(&Trial::new(0, at(day)), Reward::NONE).unwrap();
            bandit.observe(&Trial::new(1, at(day)), reward(1.0)).unwrap();
        }
        let after = bandit.propensities(&Turn::new(Arms::first(2), at(day))).unwrap()[1];
        let most = (0.5 + 0.1 * (day + 1) as f64).min(1.0);
        assert!(after <= most + 1e-9 && before <= most + 1e-9 && after > most - 0.01, "{day}: {before} {after}");
    }
}

#[test]
fn a_host_is_warned_of_what_goes_wrong() {
    let spec: BanditSpec = serde_json::from_str(r#"{"ucb": {}, "half_life_exposures": 50}"#).unwrap();
    let mut bandit = Bandit::new(&spec, 2, 0).unwrap();
    assert!(bandit.warnings().is_empty());
    (0..1_000).for_each(|_| bandit.expose(&Trial::new(0, now())).unwrap());
    let texts: Vec<String> = bandit.warnings().iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("only 0.0 rewards of an arm lie within what is remembered"), "{texts:?}");
    assert!(texts[1].starts_with("1000 exposures came between two rewards"), "{texts:?}");
}

#[test]
fn what_cannot_be_right_is_refused() {
    let mut policy = Tallied::new(2, Thompson::default()).unwrap();
    assert_eq!(policy.expose(&Trial::new(2, now())), Err(BanditError::NoSuchArm { arm: 2, arms: 2 }));
    let range = BanditError::RewardRange { policy: "thompson", found: 1.5 };
    assert_eq!(policy.observe(&Trial::new(0, now()), reward(1.5)), Err(range));
    assert_eq!(policy.tallies()[0].exposures(), 0, "nothing is counted then");
    assert_eq!(policy.learn(&Trial::new(7, now()), reward(0.5)), Err(BanditError::NoSuchArm { arm: 7, arms: 2 }));
    for bad in [f64::NAN, f64::INFINITY, -1e13] {
        assert!(Reward::new(bad).is_err() && Propensity::new(bad).is_err());
        let schemes: [Scheme; 5] = [
            Thompson { prior: [1.0, bad], ..Thompson::default() }.into(),
            Thompson { pool: bad, ..Thompson::default() }.into(),
            Thompson { top_two: bad, ..Thompson::default() }.into(),
            EpsilonGreedy { epsilon: bad }.into(),
            Softmax { temperature: bad }.into(),
        ];
        for scheme in schemes {
            assert!(matches!(Tallied::new(2, scheme), Err(BanditError::Setting { .. })), "{scheme:?}");
        }
    }
    assert!(Propensity::new(0.0).is_err() && Propensity::new(1.0 + 1e-9).is_err());
    assert_eq!(Tallied::new(4_097, Thompson::default()), Err(BanditError::Arms { found: 4_097 }));
    assert_eq!(Tallied::new(0, EpsilonGreedy { epsilon: 0.1 }), Err(BanditError::Arms { found: 0 }));
    let text = serde_json::to_string(&policy).unwrap();
    for (from, to) in [("[1.0,1.0]", "[0.0,1.0]"), ("\"tallies\":[{", "\"tallies\":[],\"x\":[{")] {
        assert!(serde_json::from_str::<Tallied>(&text.replace(from, to)).is_err(), "{text}");
    }
    for spec in [
        r#"{"thompson": {"priors": [1, 1]}}"#,
        r#"{"thompson": {}, "ucb": {}}"#,
        r#"{"floor": 0.1}"#,
        r#"{"ucb": {}, "floor": 0.6}"#,
        r#"{"ucb": {}, "half_life": "1d", "half_life_exposures": 100}"#,
        r#"{"ucb": {}, "half_life_exposures": 2}"#,
        r#"{"ucb": {}, "budget": {"share": 0.1, "every": "0s"}}"#,
        r#"{"ucb": {}, "control": {"arm": 0, "share": 1.5}}"#,
    ] {
        assert!(serde_json::from_str::<BanditSpec>(spec).is_err(), "{spec}");
    }
    let control: BanditSpec = serde_json::from_str(r#"{"ucb": {}, "control": {"arm": 9, "share": 0.5}}"#).unwrap();
    assert_eq!(Bandit::new(&control, 2, 0), Err(BanditError::NoSuchArm { arm: 9, arms: 2 }));
}

#[test]
fn merging_states_of_other_lengths_and_kinds_keeps_what_was_learned() {
    let mut longer = Bandit::new(&of(EpsilonGreedy { epsilon: 0.5 }), 3, 0).unwrap();
    longer.observe(&Trial::new(2, now()), reward(-4.0)).unwrap();
    let mut bandit = Bandit::new(&BanditSpec::default(), 2, 0).unwrap();
    bandit.merge(&longer);
    let report = bandit.report(Alpha::USUAL);
    assert_eq!((report.len(), report[2].exposures, report[2].mean), (3, 1, Some(-4.0)));
    // A reward below nothing leaves the posterior that of a failure, Beta(1, 2): 1 − √0.975 and 1 − √0.025.
    let interval = report[2].interval.unwrap();
    assert!(
        (interval.low - (1.0 - 0.975_f64.sqrt())).abs() < 1e-9
            && (interval.high - (1.0 - 0.025_f64.sqrt())).abs() < 1e-9
    );
    assert!(report[0].interval.unwrap().low < 0.026 && report[0].best.unwrap() > report[2].best.unwrap());
}

/// A definition that changes its policy keeps what the arms that stay have shown.
#[test]
fn another_policy_goes_on_from_what_was_learned() {
    let contextual: BanditSpec = serde_json::from_str(r#"{"contextual": {}}"#).unwrap();
    let mut bandit = Bandit::new(&contextual, 2, 1).unwrap();
    for n in 0..50 {
        let features = [f64::from(n % 5)];
        bandit.observe(&Trial::new(n as usize % 2, now()).features(&features), reward(f64::from(n % 2))).unwrap();
    }
    let plain = bandit.rearranged(&BanditSpec::default(), 0, &[Some(1), None]).unwrap();
    assert_eq!((plain.tallies()[0].exposures(), plain.tallies()[1].exposures()), (25, 0));
    let turned = bandit.rearranged(&contextual, 1, &[Some(1), Some(0), None]).unwrap();
    assert_eq!(turned.tallies()[0].reward().to_bits(), 25_f64.to_bits());
    let asked = Turn::new(Arms::first(2), now()).features(&[1.0]);
    let (a, b) = (bandit.propensities(&asked).unwrap(), turned.propensities(&asked).unwrap());
    assert!(a[1] > 0.99 && b[0] > 0.99, "{a:?} {b:?}");
    assert_eq!(bandit.rearranged(&contextual, 2, &[Some(0), Some(1)]).unwrap().tallies()[0].exposures(), 0);
}
