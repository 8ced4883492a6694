//! What it costs to choose and to learn, with features and without.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use bespoke::bandit::{Arms, Contextual, Policy, Reward, Shrunk, Tallied, Thompson, Trial, Turn};
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

criterion_group!(benches, thompson, contextual);
criterion_main!(benches);
