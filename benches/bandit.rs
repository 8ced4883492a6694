//! What it costs to choose and to learn, with features and without.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use bespoke::bandit::{
    Arms, Contextual, LinUcb, Logistic, LogisticThompson, Policy, Reward, Shrunk, Tallied, Thompson, Trial, Turn,
};
use bespoke::time::Timestamp;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

fn thompson(c: &mut Criterion) {
    for arms in [3, 10] {
        let (mut policy, mut rng) = (Tallied::new(arms, Thompson::default()).unwrap(), rng());
        let turn_of = Turn::new(Arms::first(arms), NOW);
        let mut turn = || {
            let choice = policy.choose(&turn_of, &mut rng).unwrap().unwrap();
            let rate = 0.05 + 0.01 * choice.arm as f64;
            policy.observe(&Trial::new(choice.arm, NOW), pays(rng.random::<f64>() < rate)).unwrap();
            choice.propensity
        };
        assert!((0..1_000).all(|_| turn().value() > 0.0));
        c.bench_function(&format!("choose_and_learn/thompson/{arms}"), |bench| bench.iter(|| black_box(turn())));
    }
}

fn contextual(c: &mut Criterion) {
    for (arms, width) in [(3, 0), (3, 11), (10, 10), (64, 10)] {
        let (mut policy, mut rng) = (Contextual::new(arms, width, Shrunk::default()).unwrap(), rng());
        let mut features = vec![0.0; width];
        let turn = |features: &[f64], policy: &Contextual, rng: &mut dyn Rng| {
            policy.choose(&Turn::new(Arms::first(arms), NOW).features(features), rng).unwrap().unwrap()
        };
        for _ in 0..5_000 {
            draw(&mut features, &mut rng);
            let arm = turn(&features, &policy, &mut rng).arm;
            let rate = 0.1 + 0.5 * features.get(arm % width.max(1)).unwrap_or(&0.2);
            let does = pays(rng.random::<f64>() < rate);
            policy.observe(&Trial::new(arm, NOW).features(&features), does).unwrap();
        }
        assert!(policy.count() == 5_000);
        c.bench_function(&format!("choose/contextual/{arms}x{width}"), |bench| {
            bench.iter(|| {
                draw(&mut features, &mut rng);
                black_box(turn(&features, &policy, &mut rng))
            });
        });
        let mut arm = 0;
        c.bench_function(&format!("learn/contextual/{arms}x{width}"), |bench| {
            bench.iter(|| {
                draw(&mut features, &mut rng);
                arm = (arm + 1) % arms;
                policy.observe(&Trial::new(arm, NOW).features(&features), pays(arm == 0)).unwrap();
            });
        });
    }
}

fn classics(c: &mut Criterion) {
    for (arms, width) in [(10, 10), (100, 10), (100, 100)] {
        let policy = Contextual::new(arms, width, LinUcb::default()).unwrap();
        pairs(c, &format!("lin_ucb/{arms}x{width}"), policy, width);
    }
    pairs(c, "logistic/10x10", Logistic::new(10, 10, LogisticThompson::default()).unwrap(), 10);
}

/// Times pairs of a choice and a reward, after twenty trials of each arm.
fn pairs(c: &mut Criterion, name: &str, mut policy: impl Policy, width: usize) {
    let (mut rng, mut features, arms) = (rng(), vec![0.0; width], policy.arms());
    let all = Arms::first(arms);
    for n in 0..20 * arms {
        draw(&mut features, &mut rng);
        policy.observe(&Trial::new(n % arms, NOW).features(&features), pays(n % 3 == 0)).unwrap();
    }
    assert!(policy.tallies().iter().all(|tally| tally.exposures() == 20));
    c.bench_function(&format!("choose_and_learn/{name}"), |bench| {
        bench.iter(|| {
            draw(&mut features, &mut rng);
            let turn = Turn::new(all.clone(), NOW).features(&features);
            let arm = policy.choose(&turn, &mut rng).unwrap().unwrap().arm;
            policy.observe(&Trial::new(arm, NOW).features(&features), pays(arm % 3 == 0)).unwrap();
        });
    });
}

fn draw(features: &mut [f64], rng: &mut dyn Rng) {
    features.iter_mut().for_each(|feature| *feature = rng.random());
}

fn pays(does: bool) -> Reward {
    Reward::new(f64::from(u8::from(does))).unwrap()
}

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(1)
}

const NOW: Timestamp = Timestamp::from_millis(0);

criterion_group!(benches, thompson, contextual, classics);
criterion_main!(benches);
