//! What it costs to learn from an event and to rank, at 100,000 items.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod shop;

use std::hint::black_box;

use bespoke::hash::Symbol;
use bespoke::recommend::{
    Candidate, Chain, Clicks, Mix, Neighbors, Popular, PopularSettings, Query, Quota, Recommender, Rerank,
    RerankScratch, Scratch, Seen, SeenKind, Source, Tastes, Trending,
};
use bespoke::time::Span;
use criterion::{Criterion, criterion_group, criterion_main};
use shop::{Dice, NOW, Shop, id};

fn recommend(c: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let shop = Shop::new(100_000);
    let (mut popular, mut neighbors) = (Popular::default(), Neighbors::default());
    shop.teach(if is_test { 4_000 } else { 200_000 }, &mut popular, &mut neighbors);
    let clicks = clicks(&shop, if is_test { 1_000 } else { 50_000 });
    learn(c, &shop, &popular, &neighbors, &clicks);
    rank(c, &shop, &popular, &neighbors, &clicks);
    by_taste(c, &shop, &popular);
    rerank(c, &shop);
}

/// What visits of four clicks each teach, one after the other.
fn clicks(shop: &Shop, visits: usize) -> Clicks {
    let (mut clicks, mut dice) = (Clicks::default(), Dice(7));
    for visit in 0..visits {
        let time = NOW - Span::seconds(4 * (visits - visit) as u32);
        let visitor = Symbol::new(&format!("visit-{visit}"));
        let mut history: Vec<Seen> = Vec::new();
        for (n, rank) in shop.visit(4, &mut dice).into_iter().enumerate() {
            let time = time + Span::seconds(n as u32);
            let seen = Seen { item: Symbol::new(&id(rank)), time, weight: 1.0, kind: SeenKind::Viewed };
            clicks.learn(visitor, seen, &history);
            history.push(seen);
        }
    }
    assert_eq!(clicks.sessions().len(), visits);
    clicks
}

fn learn(c: &mut Criterion, shop: &Shop, popular: &Popular, neighbors: &Neighbors, clicks: &Clicks) {
    let histories = histories(shop, 10);
    let (mut popular, mut neighbors) = (popular.clone(), neighbors.clone());
    let (mut time, mut next) = (NOW, 0);
    let mut turn = || {
        next = (next + 1) % histories.len();
        time = time + Span::from_millis(100);
        (histories[next].split_last().unwrap(), time)
    };
    c.bench_function("learn/popular/100000", |b| {
        b.iter(|| {
            let ((seen, _), time) = turn();
            popular.learn(black_box(seen.item), 1.0, time);
        });
    });
    c.bench_function("learn/neighbors/100000", |b| {
        b.iter(|| {
            let ((seen, before), _) = turn();
            neighbors.learn(black_box(*seen), before);
        });
    });
    let mut clicks = clicks.clone();
    c.bench_function("learn/clicks/100000", |b| {
        b.iter(|| {
            let ((seen, before), time) = turn();
            // A visitor for every four clicks.
            let visitor = Symbol::from_bits(time.millis() as u64 / 400);
            clicks.learn(visitor, black_box(Seen { time, ..*seen }), before);
        });
    });
    assert!(popular.len() > 4_000 && neighbors.len() > 4_000 && !clicks.sessions().is_empty());
}

fn rank(c: &mut Criterion, shop: &Shop, popular: &Popular, neighbors: &Neighbors, clicks: &Clicks) {
    let histories = histories(shop, 20);
    let chain = Chain(&[neighbors, popular]);
    let shelf = shop.catalog.holding(bespoke::catalog::Facet::new("category", &shop::shelf_name(SHELF)));
    let shelf: Vec<Symbol> = shelf.iter().map(|slot| shop.catalog.symbol(*slot)).collect();
    let on_shelf = |item: Symbol| shop.catalog.slot(item).is_some_and(|slot| shelf_of(shop, slot));
    let cases: [(&str, &dyn Recommender, Option<&[Symbol]>); 6] = [
        ("popular", popular, None),
        ("popular_of_shelf", popular, Some(&shelf)),
        ("neighbors", neighbors, None),
        ("chain", &chain, None),
        ("sessions", clicks.sessions(), None),
        ("clicks", clicks, None),
    ];
    for (name, recommender, pool) in cases {
        let (mut scratch, mut slate): (_, Vec<Candidate>) = (Scratch::default(), Vec::new());
        let accept: &dyn Fn(Symbol) -> bool = if pool.is_some() { &on_shelf } else { &|_| true };
        let mut next = 0;
        let mut turn = || {
            next = (next + 1) % histories.len();
            slate.clear();
            let query = Query { history: black_box(&histories[next]), now: NOW, limit: 10, accept, pool };
            recommender.rank(&query, &mut scratch, &mut slate);
            slate.len()
        };
        assert_eq!(turn(), 10);
        c.bench_function(&format!("rank/{name}/100000"), |b| b.iter(&mut turn));
    }
}

fn by_taste(c: &mut Criterion, shop: &Shop, popular: &Popular) {
    let mut lately = Popular::new(PopularSettings { half_life: Span::days(1), ..PopularSettings::default() }).unwrap();
    let mut dice = Dice(8);
    for _ in 0..200_000 {
        lately.learn(Symbol::new(&id(dice.zipf(shop.len()))), 1.0, NOW - Span::minutes(dice.below(2_000) as u32));
    }
    let histories = histories(shop, 20);
    let (mut tastes, mut scratch, mut slate) = (Tastes::default(), Scratch::default(), Vec::<Candidate>::new());
    let mut next = 0;
    let mut turn = |is_trending: bool| {
        next = (next + 1) % histories.len();
        slate.clear();
        let query = Query { history: &histories[next], now: NOW, limit: 10, accept: &|_| true, pool: None };
        if is_trending {
            Trending::new(&lately, popular).rank(&query, &mut scratch, &mut slate);
        } else {
            tastes.clear();
            tastes.add_history(query.history, &shop.catalog);
            tastes.settle(&shop.catalog, Source::Similar).rank(&query, &mut scratch, &mut slate);
        }
        slate.len()
    };
    assert_eq!((turn(true), turn(false)), (10, 10));
    c.bench_function("rank/trending/100000", |b| b.iter(|| turn(true)));
    c.bench_function("rank/similar/100000", |b| b.iter(|| turn(false)));
}

/// Twenty positions from eighty candidates.
fn rerank(c: &mut Criterion, shop: &Shop) {
    let mut dice = Dice(9);
    let candidate = |rank: usize| {
        let item = Symbol::new(&id(rank));
        Candidate { item, score: 1.0, source: Source::Popular, because: None, contribution: 0.0 }
    };
    let slates: Vec<Vec<Candidate>> =
        (0..1_000).map(|_| shop.visit(80, &mut dice).into_iter().map(candidate).collect()).collect();
    let quotas = [Quota { most: Some(2), ..Quota::of("brand") }];
    let own: Vec<_> = (0..8).map(|shelf| (Symbol::new(&shop::shelf_name(shelf)), 1.0 + shelf as f64)).collect();
    let mix = Some(Mix { dimension: Symbol::new("category"), weights: &own, weight: 0.3 });
    let plain = Rerank::new(&shop.catalog);
    let cases = [
        ("diversity", Rerank { diversity: 0.3, ..plain }),
        ("quotas", Rerank { quotas: &quotas, ..plain }),
        ("calibration", Rerank { mix, ..plain }),
        ("all", Rerank { diversity: 0.3, quotas: &quotas, mix, ..plain }),
    ];
    for (name, rerank) in cases {
        let (mut scratch, mut slate, mut next) = (RerankScratch::default(), Vec::new(), 0);
        let mut turn = || {
            next = (next + 1) % slates.len();
            slate.clear();
            slate.extend_from_slice(&slates[next]);
            rerank.arrange(20, &mut scratch, &mut slate);
            slate.len()
        };
        assert_eq!(turn(), 80);
        c.bench_function(&format!("rerank/{name}/80"), |b| b.iter(&mut turn));
    }
}

fn shelf_of(shop: &Shop, slot: u32) -> bool {
    shop.catalog.facets(slot).contains(&bespoke::catalog::Facet::new("category", &shop::shelf_name(SHELF)))
}

/// What 1,000 persons saw within the last minutes.
fn histories(shop: &Shop, views: usize) -> Vec<Vec<Seen>> {
    let mut dice = Dice(6);
    let seen = |(n, rank): (usize, usize)| {
        let time = NOW - Span::seconds(40 * (views - n) as u32);
        Seen { item: Symbol::new(&id(rank)), time, weight: 1.0, kind: SeenKind::Viewed }
    };
    (0..1_000).map(|_| shop.visit(views, &mut dice).into_iter().enumerate().map(seen).collect()).collect()
}

/// A shelf of medium size.
const SHELF: usize = 100;

criterion_group!(benches, recommend);
criterion_main!(benches);
