//! What it costs to choose and to learn, with features and without.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use bespoke::bandit::{Arms, Contextual, ContextualSettings, Policy, Reward, Thompson};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

fn thompson(c: &mut Criterion) {
    for arms in [3, 10] {
        let (mut policy, mut rng) = (Thompson::new(arms, [1.0, 1.0]).unwrap(), rng());
        let mut turn = || {
            let choice = policy.choose(Arms::first(arms), &mut rng).unwrap();
            policy.expose(choice.arm).unwrap();
            let rate = 0.05 + 0.01 * choice.arm as f64;
            policy.learn(choice.arm, pays(rng.random::<f64>() < rate)).unwrap();
            choice.propensity
        };
        assert!((0..1_000).all(|_| turn().value() > 0.0));
        c.bench_function(&format!("choose_and_learn/thompson/{arms}"), |bench| bench.iter(|| black_box(turn())));
    }
}

fn contextual(c: &mut Criterion) {
    for (arms, width) in [(3, 0), (3, 11), (10, 10), (64, 10)] {
        let (mut policy, mut rng) = (Contextual::new(arms, width, ContextualSettings::default()).unwrap(), rng());
        let mut features = vec![0.0; width];
        let eligible = Arms::first(arms);
        for _ in 0..5_000 {
            draw(&mut features, &mut rng);
            let arm = policy.choose(&features, eligible, &mut rng).unwrap().unwrap().arm;
            let rate = 0.1 + 0.5 * features.get(arm % width.max(1)).unwrap_or(&0.2);
            policy.learn(arm, &features, pays(rng.random::<f64>() < rate)).unwrap();
        }
        assert!(policy.count() == 5_000);
        c.bench_function(&format!("choose/contextual/{arms}x{width}"), |bench| {
            bench.iter(|| {
                draw(&mut features, &mut rng);
                black_box(policy.choose(&features, eligible, &mut rng).unwrap())
            });
        });
        let mut arm = 0;
        c.bench_function(&format!("learn/contextual/{arms}x{width}"), |bench| {
            bench.iter(|| {
                draw(&mut features, &mut rng);
                arm = (arm + 1) % arms;
                policy.learn(arm, &features, pays(arm == 0)).unwrap();
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

criterion_group!(benches, thompson, contextual);
criterion_main!(benches);
