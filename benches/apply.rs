//! What it costs to take in an event while many rules are live.
//!
//! Of the rules ten are touched by a view of an item; the others ask about other categories, kinds of event and
//! attributes. The time of one event must not depend on how many of those there are.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod shop;

use std::hint::black_box;
use std::time::Instant;

use bespoke::engine::{Definitions, Engine};
use bespoke::event::Event;
use bespoke::profile::Profile;
use bespoke::rule::Rule;
use bespoke::segment::Segment;
use bespoke::time::Span;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use shop::{Dice, NOW, Shop, identified, purchased, viewed};

fn apply(c: &mut Criterion) {
    let shop = Shop::new(20_000);
    for rules in [100, 1_000, 10_000] {
        let bench = Bench::new(&shop, rules);
        let group = &mut c.benchmark_group("apply");
        bench.time(group, "view", bench.views());
        if rules == 1_000 {
            bench.time(group, "identify", vec![identified(NOW)]);
            bench.time(group, "purchase", vec![purchased(&bench.ranks[..3], NOW)]);
            bench.repeated(group);
            bench.late(group);
        }
    }
}

/// Prints how the time of an event among 10,000 rules of which ten are touched compares with that among 100 of which
/// ten are: in turns, so that what else the machine does falls on both alike.
#[expect(clippy::disallowed_methods, reason = "a bench measures the time")]
fn spread(_: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let rounds = if is_test { 2 } else { 400 };
    let shop = Shop::new(20_000);
    let mut benches = [100, 10_000].map(|rules| (Bench::new(&shop, rules), Vec::new()));
    let mut time = NOW;
    for _ in 0..rounds {
        time = time + Span::minutes(100);
        for (bench, times) in &mut benches {
            let mut events = bench.views();
            let begin = Instant::now();
            for turn in 0..200 {
                let event = &mut events[turn as usize % 5];
                event.time = time + Span::seconds(30 * turn);
                let _ = black_box(bench.engine.apply(event, &mut bench.profile, &shop.catalog, event.time));
            }
            times.push(begin.elapsed());
        }
    }
    let [few, many] = benches.map(|(_, mut times)| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    println!("apply/view: 10,000 rules take {:.2} times as long as 100, at most 1.5 asked", many / few);
    assert!(is_test || many <= 1.5 * few);
}

struct Bench<'a> {
    shop: &'a Shop,
    rules: usize,
    engine: Engine,
    /// Items of one shelf.
    ranks: Vec<usize>,
    profile: Profile,
}

impl<'a> Bench<'a> {
    fn new(shop: &'a Shop, rules: usize) -> Self {
        let engine = Engine::new(Definitions { segments: segments(rules), ..Definitions::default() }).unwrap();
        let ranks = (0..5).map(|n| shop.on_shelf(SHELF, n)).collect();
        let profile = shop.profile(&engine, 12, &mut Dice(3));
        let mut bench = Self { shop, rules, engine, ranks, profile };
        for (i, mut event) in (0..500).zip(bench.views().into_iter().cycle()) {
            event.time = NOW - Span::seconds(30 * (500 - i));
            let _ = bench.engine.apply(&event, &mut bench.profile, &shop.catalog, event.time);
        }
        let profile = &bench.profile;
        assert!(profile.history().len() == 64 && profile.attributes().as_slice().len() == 10);
        assert!(profile.affinities().len() >= 10, "{}", profile.affinities().len());
        let members: Vec<_> = bench.engine.memberships(profile, NOW).collect();
        let touched = members.iter().filter(|name| name.starts_with("touched")).count();
        assert_eq!((touched, members.len()), (10, 10), "{members:?}");
        bench
    }

    fn views(&self) -> Vec<Event> {
        self.ranks.iter().map(|rank| viewed(*rank, NOW)).collect()
    }

    /// Times events in turn, half a minute after each other.
    fn time(&self, group: &mut BenchmarkGroup<'_, WallTime>, case: &str, mut events: Vec<Event>) {
        let mut profile = self.profile.clone();
        let (mut time, mut next) = (NOW, 0);
        group.bench_function(format!("{case}/{}", self.rules), |b| {
            b.iter(|| {
                time = time + Span::seconds(30);
                next = (next + 1) % events.len();
                events[next].time = time;
                let changes = self.engine.apply(black_box(&events[next]), &mut profile, &self.shop.catalog, time);
                assert!(!changes.repeated);
                changes
            });
        });
    }

    fn repeated(&self, group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut profile = self.profile.clone();
        let event = viewed(self.ranks[0], NOW);
        let _ = self.engine.apply(&event, &mut profile, &self.shop.catalog, NOW);
        group.bench_function(format!("repeated/{}", self.rules), |b| {
            b.iter(|| {
                let changes = self.engine.apply(black_box(&event), &mut profile, &self.shop.catalog, NOW);
                assert!(changes.repeated);
            });
        });
    }

    /// Events that come up to half an hour late, in falling order of time, so that each finds its place further back.
    fn late(&self, group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut event = viewed(self.ranks[0], NOW);
        group.bench_function(format!("late/{}", self.rules), |b| {
            b.iter_batched_ref(
                || self.profile.clone(),
                |profile| {
                    for late in 1..=8 {
                        event.time = NOW - Span::from_millis(late * 200_000 + 1);
                        let changes = self.engine.apply(black_box(&event), profile, &self.shop.catalog, NOW);
                        assert!(!changes.repeated);
                    }
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// Rules of which ten concern a view of an item on the shelf.
fn segments(rules: usize) -> Vec<Segment> {
    let (shelf, department) = (shop::shelf_name(SHELF), shop::department_name(SHELF));
    let touched = [
        format!("event('item_viewed').where(category = '{shelf}').within(7 days).count() >= 3"),
        format!("event('item_viewed').where(category = '{department}').within(30 days).count() >= 5"),
        "event('item_viewed').where(color = 'red').count() >= 2".to_owned(),
        "event('item_viewed').within(1 hour).count() >= 3".to_owned(),
        "event('item_viewed').count() >= 20".to_owned(),
        "event('item_viewed').where(price >= 1).within(7 days).count() >= 4 AND plan = 'pro'".to_owned(),
        "event('item_viewed').where(size > 30).within(14 days).count() >= 1 AND NOT plan = 'free'".to_owned(),
        format!("affinity('category', '{department}') > 0.1"),
        "affinity('brand', 'brand-nowhere') < 0.5".to_owned(),
        "session(views) >= 2 AND country = 'DE'".to_owned(),
    ];
    let other = |i: usize| match i % 5 {
        0 => format!("event('item_viewed').where(category = 'elsewhere/{i}').within(7 days).count() >= 2"),
        1 => format!("event('purchased').where(brand = 'nobody-{i}').within(90 days).sum(value) >= 100"),
        2 => format!("tier = 'tier-{i}' AND city = 'city-{i}'"),
        3 => format!("event('item_added').where(category = 'elsewhere/{i}').count() >= 1"),
        _ => format!("event('searched').where(query CONTAINS 'word-{i}').within(1 day).count() >= 1"),
    };
    let touched = touched.into_iter().enumerate().map(|(i, text)| (format!("touched-{i}"), text));
    let others = (0..rules - 10).map(|i| (format!("other-{i}"), other(i)));
    touched.chain(others).map(|(name, text)| Segment::new(name, Rule::parse(&text).unwrap())).collect()
}

/// The shelf on which the person looks around.
const SHELF: usize = 30;

criterion_group!(benches, apply, spread);
criterion_main!(benches);
