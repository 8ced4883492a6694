//! Times pairs of a choice and a reward beside trashpanda 0.1: `cargo run --release` in this folder.
//!
//! Both are given the same rows of features and the same rule for what pays. In each of 11 rounds each has a turn, so that
//! what else the machine does falls on both alike; the table has the medians. trashpanda samples its posteriors and states
//! no propensity; bespoke computes the probability of every arm and draws from them.

use std::hint::black_box;
use std::time::Instant;

use bespoke::bandit::{Arms, Contextual, LinUcb, Policy, Reward, Tallied, Thompson, Trial, Turn};
use bespoke::time::Timestamp;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_peer::SeedableRng as _;

fn main() {
    println!("{:<40} {:>12} {:>12} {:>7}", "pairs a second, medians of 11 rounds", "trashpanda", "bespoke", "ratio");
    for (arms, width, pairs) in [(10, 10, 10_000), (100, 10, 2_000), (100, 100, 100)] {
        linear(arms, width, pairs);
    }
    for (arms, pairs) in [(10, 30_000), (100, 6_000)] {
        for refresh in [0.0, 0.02, 0.05] {
            thompson(arms, refresh, if refresh > 0.0 { pairs } else { pairs / 30 });
        }
    }
}

fn linear(arms: usize, width: usize, pairs: usize) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let rows: Vec<Vec<f64>> = (0..512).map(|_| (0..width).map(|_| rng.random()).collect()).collect();
    let peer = trashpanda::policies::LinUcb::new(1.0, 1.0, width);
    let mut peer = trashpanda::Bandit::new((0..arms).collect::<Vec<_>>(), peer).expect("the arms are distinct");
    let mut chance = rand_peer::rngs::StdRng::seed_from_u64(1);
    let mut ours = Contextual::new(arms, width, LinUcb::default()).expect("the settings are sound");
    let all = Arms::first(arms);
    let theirs = |at: usize| {
        let row = &rows[at % rows.len()];
        let arm = peer.predict(row, &mut chance).expect("there are arms");
        peer.partial_fit(&[arm], row, &[pays(arm, at)]).expect("the arm is known");
        arm
    };
    let ours = |at: usize| {
        let row = &rows[at % rows.len()];
        let turn = Turn::new(all.clone(), NOW).features(row);
        let arm = ours.choose(&turn, &mut rng).expect("the features fit").expect("there are arms").arm;
        let reward = Reward::new(pays(arm, at)).expect("it is a number");
        ours.observe(&Trial::new(arm, NOW).features(row), reward).expect("the arm is known");
        arm
    };
    compare(&format!("LinUCB, {arms} arms, {width} features"), pairs, theirs, ours);
}

fn thompson(arms: usize, refresh: f64, pairs: usize) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let peer = trashpanda::policies::ThompsonSampling::new();
    let mut peer = trashpanda::Bandit::new((0..arms).collect::<Vec<_>>(), peer).expect("the arms are distinct");
    let mut chance = rand_peer::rngs::StdRng::seed_from_u64(1);
    let scheme = Thompson { refresh, ..Thompson::default() };
    let mut ours = Tallied::new(arms, scheme).expect("the settings are sound");
    let turn = Turn::new(Arms::first(arms), NOW);
    let theirs = |at: usize| {
        let arm = peer.predict_simple(&mut chance).expect("there are arms");
        peer.partial_fit_simple(&[arm], &[pays(arm, at)]).expect("the arm is known");
        arm
    };
    let ours = |at: usize| {
        let arm = ours.choose(&turn, &mut rng).expect("no features are asked for").expect("there are arms").arm;
        let reward = Reward::new(pays(arm, at)).expect("it is a number");
        ours.observe(&Trial::new(arm, NOW), reward).expect("the arm is known");
        arm
    };
    compare(&format!("Thompson of rates, {arms} arms, refresh {refresh}"), pairs, theirs, ours);
}

/// Times both in turns, after a round that does not count.
fn compare(name: &str, pairs: usize, mut theirs: impl FnMut(usize) -> usize, mut ours: impl FnMut(usize) -> usize) {
    let time = |turn: &mut dyn FnMut(usize) -> usize| {
        let began = Instant::now();
        for at in 0..pairs {
            black_box(turn(at));
        }
        pairs as f64 / began.elapsed().as_secs_f64()
    };
    let mut rates: Vec<[f64; 2]> = (0..12).map(|_| [time(&mut theirs), time(&mut ours)]).skip(1).collect();
    let mut median = |of: usize| {
        rates.sort_by(|a, b| a[of].total_cmp(&b[of]));
        rates[rates.len() / 2][of]
    };
    let (theirs, ours) = (median(0), median(1));
    println!("{name:<40} {theirs:>12.0} {ours:>12.0} {:>7.2}", ours / theirs);
}

/// Every third arm pays, and another third every time.
fn pays(arm: usize, at: usize) -> f64 {
    f64::from(u8::from(arm % 3 == at % 3))
}

const NOW: Timestamp = Timestamp::from_millis(0);
