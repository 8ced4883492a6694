//! What past events cost to take in: in bulk, and one by one.
//!
//! Both runs begin with nobody, and end in the same bytes: people may be as large as 25 sums over as many windows make
//! them, since where something has to give way the order of arrival matters. The events of a person come in no order.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod shop;

use std::hint::black_box;

use bespoke::engine::{Definitions, Engine, Settings};
use bespoke::event::Event;
use bespoke::personalizer::Personalizer;
use bespoke::rule::Rule;
use bespoke::segment::Segment;
use bespoke::time::Span;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use shop::{Dice, NOW, Shop, purchased, viewed};

fn import(c: &mut Criterion) {
    let shop = Shop::new(2_000);
    let mut events = events(&shop);
    let group = &mut c.benchmark_group("import");
    group.sample_size(10).throughput(Throughput::Elements(events.len() as u64));
    for order in ["by time", "in no order"] {
        if order == "by time" {
            events.sort_by_key(|event| event.time);
        } else {
            let mut dice = Dice(9);
            (1..events.len()).rev().for_each(|i| events.swap(i, dice.below(i + 1)));
        }
        let bulk = empty(&shop);
        let imported = bulk.import(events.iter().cloned(), NOW);
        assert_eq!((imported.taken, imported.refused), (events.len() as u64, 0));
        let single = empty(&shop);
        events.iter().for_each(|event| drop(single.ingest(event, NOW).unwrap()));
        assert!(bulk.snapshot().unwrap() == single.snapshot().unwrap());
        group.bench_function(format!("bulk/{order}"), |b| {
            let set_up = || (empty(&shop), events.clone());
            b.iter_batched(set_up, |(shop, events)| shop.import(black_box(events), NOW), BatchSize::PerIteration);
        });
        group.bench_function(format!("one by one/{order}"), |b| {
            let set_up = || (empty(&shop), events.clone());
            b.iter_batched(
                set_up,
                |(shop, events)| {
                    for event in black_box(events) {
                        assert!(!shop.ingest(&event, NOW).unwrap().repeated);
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
}

/// Twenty events of each of two thousand people over sixty days.
fn events(shop: &Shop) -> Vec<Event> {
    let mut dice = Dice(5);
    let mut events = Vec::new();
    for person in 0..2_000 {
        for (n, rank) in shop.visit(20, &mut dice).into_iter().enumerate() {
            let time = NOW - Span::minutes(dice.below(60 * 24 * 60) as u32);
            let mut event = if n % 10 == 9 { purchased(&[rank], time) } else { viewed(rank, time) };
            event.user = Some(format!("user-{person}"));
            event.id = Some(format!("{person}-{n}"));
            events.push(event);
        }
    }
    events
}

/// A shop with its catalog, a hundred segments, and nobody in it.
fn empty(shop: &Shop) -> Personalizer {
    let rule = |i: usize| match i % 4 {
        0 => format!("event('item_viewed').within({} days).count() >= {}", 1 + i, 1 + i % 9),
        1 => format!("event('purchased').within({} days).sum(value) >= {i}", 1 + i),
        2 => format!("affinity('category', 'department-{}') > 0.3", i % 20),
        _ => format!("event('item_viewed').where(category = 'department-{}').count() >= 2", i % 20),
    };
    let segments = (0..100).map(|i| Segment::new(format!("s{i}"), Rule::parse(&rule(i)).unwrap())).collect();
    let settings = Settings { profile_bytes: 1 << 16, ..Settings::default() };
    let definitions = Definitions { settings, segments, ..Definitions::default() };
    let personalizer = Personalizer::new(Engine::new(definitions).unwrap());
    for (_, item) in shop.catalog.iter() {
        personalizer.upsert_item(item.clone()).unwrap();
    }
    personalizer
}

criterion_group!(benches, import);
criterion_main!(benches);
