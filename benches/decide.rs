//! What it costs to answer a request: a hundred campaigns on one placement, and a slate of ten from 100,000 items.
//!
//! Beside the mean, it prints the median and the 99th percentile over decisions that all differ: in the person, the
//! person's history and the category that the page asks for.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod shop;

use std::hint::black_box;
use std::time::Duration;

use bespoke::campaign::Strategy;
use bespoke::decision::{Decision, Outcome, Request};
use bespoke::engine::{DecideScratch, Engine, Models};
use bespoke::profile::Profile;
use bespoke::time::Span;
use bespoke::value::Value;
use criterion::{Criterion, criterion_group, criterion_main};
use shop::{Dice, NOW, SHELVES, Shop, department_name, shelf_name};

fn decide(c: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (visits, count) = if is_test { (4_000, 400) } else { (200_000, 120_000) };
    let bench = Bench::new(visits);
    let group = &mut c.benchmark_group("decide");
    for page in [Page::Any, Page::Department, Page::Shelf] {
        let requests = bench.requests(page, 4_096);
        let mut scratch = DecideScratch::default();
        for (n, request) in requests.iter().take(500).enumerate() {
            bench.check(&bench.decide(n, request, &mut scratch));
        }
        let mut next = 0;
        group.bench_function(format!("{}/100000", page.name()), |b| {
            b.iter(|| {
                next = (next + 1) % requests.len();
                bench.decide(next, black_box(&requests[next]), &mut scratch)
            });
        });
        bench.percentiles(page.name(), &bench.requests(page, count / 3), |decision| bench.check(decision));
    }
}

/// The ready-made strategies, each at a placement of its own.
fn ready(c: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let bench = Bench::new(if is_test { 4_000 } else { 200_000 });
    let group = &mut c.benchmark_group("decide");
    let mut dice = Dice(7);
    for name in Strategy::NAMED.into_iter().chain(MIXED.map(|(name, _)| name)) {
        let mut scratch = DecideScratch::default();
        let requests: Vec<Request> = (0..4_096)
            .map(|n| {
                let request = Request::new(format!("ready {name}")).user(format!("user-{n}"));
                match name {
                    "category" => request.context("category", shelf_name(dice.zipf(SHELVES))),
                    "product_similar" | "product_together" => request.context("item", shop::id(dice.zipf(20_000))),
                    "cart" => {
                        let held = (0..3).map(|_| Value::from(shop::id(dice.zipf(20_000)).as_str()));
                        request.context("cart", held.collect::<Vec<_>>())
                    }
                    "search" => {
                        let found = (0..200).map(|_| Value::from(shop::id(dice.zipf(100_000)).as_str()));
                        request.context("results", found.collect::<Vec<_>>())
                    }
                    _ => request,
                }
            })
            .collect();
        let mut next = 0;
        group.bench_function(format!("{name}/100000"), |b| {
            b.iter(|| {
                next = (next + 1) % requests.len();
                bench.decide(next, black_box(&requests[next]), &mut scratch)
            });
        });
        bench.percentiles(name, &requests, |decision| assert!(decision.slate.len() >= 5));
    }
}

/// What the page of a request asks for.
#[derive(Clone, Copy)]
enum Page {
    /// Any item: the home page.
    Any,
    /// One of 20 departments of about 5,000 items.
    Department,
    /// One of 240 shelves of 170 to 11,000 items.
    Shelf,
}

impl Page {
    const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Department => "department",
            Self::Shelf => "shelf",
        }
    }
}

struct Bench {
    engine: Engine,
    models: Models,
    profiles: Vec<Profile>,
}

impl Bench {
    fn new(visits: usize) -> Self {
        let shop = Shop::new(100_000);
        let engine = Engine::from_json(&definitions()).unwrap();
        let models = shop.models(&engine, visits);
        let mut dice = Dice(4);
        let profiles = (0..1_000).map(|n| shop.profile(&engine, 1 + n % 13, &mut dice)).collect();
        Self { engine, models, profiles }
    }

    fn requests(&self, page: Page, count: usize) -> Vec<Request> {
        let mut dice = Dice(5);
        let request = |n: usize| {
            let shelf = dice.zipf(SHELVES);
            let request = Request::new("home").user(format!("user-{n}")).context("weather", "rain");
            match page {
                Page::Any => request,
                Page::Department => request.context("category", department_name(shelf)),
                Page::Shelf => request.context("category", shelf_name(shelf)),
            }
        };
        (0..count).map(request).collect()
    }

    fn decide(&self, n: usize, request: &Request, scratch: &mut DecideScratch) -> Decision {
        let profile = &self.profiles[n % self.profiles.len()];
        self.engine.decide(request, profile, &self.models, NOW + Span::from_millis(n as i64), scratch)
    }

    fn check(&self, decision: &Decision) {
        assert_eq!((decision.slate.len(), decision.verdicts.len()), (10, 100));
        assert_eq!(decision.verdicts[0].outcome, Outcome::Won);
        let outranked = |outcome: &Outcome| matches!(outcome, Outcome::Outranked { .. });
        let outranked = decision.verdicts.iter().filter(|verdict| outranked(&verdict.outcome)).count();
        assert!((20..60).contains(&outranked), "{outranked}");
    }

    /// Prints how long decisions take that all differ. Of each the least of three passes counts, so that what else
    /// the machine does is left out; between two passes over all others lie, so that nothing is warmer than it was.
    #[expect(clippy::disallowed_methods, reason = "a bench measures the time")]
    fn percentiles(&self, name: &str, requests: &[Request], check: impl Fn(&Decision)) {
        let count = requests.len();
        let mut scratch = DecideScratch::default();
        let mut times = vec![Duration::MAX; count];
        for _ in 0..3 {
            for (n, request) in requests.iter().enumerate() {
                let begin = std::time::Instant::now();
                let decision = black_box(self.decide(n, request, &mut scratch));
                times[n] = times[n].min(begin.elapsed());
                check(&decision);
            }
        }
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 1000];
        println!(
            "decide/{}/100000: {count} decisions, p50 {:?}, p90 {:?}, p99 {:?}, p99.9 {:?}",
            name,
            at(500),
            at(900),
            at(990),
            at(999)
        );
    }
}

/// A hundred campaigns on one placement, of all sorts: not in the audience, over, outranked. The one that wins
/// recommends, by a bandit over two variants.
fn definitions() -> String {
    let segments = (0..20).map(|i| {
        let rule = match i % 4 {
            0 => format!("event('item_viewed').within({} days).count() >= {}", 1 + i, 1 + i),
            1 => format!("affinity('category', '{}') > 0.2", department_name(12 * i)),
            2 => "event('purchased').within(30 days).count() >= 1".to_owned(),
            _ => format!("plan = 'pro' AND age > {}", 20 + i),
        };
        serde_json::json!({"name": format!("segment-{i}"), "rule": rule})
    });
    let recommend = |sources: &[&str]| {
        let filters = serde_json::json!({"category": {"context": "category"}, "exclude": ["purchased"]});
        serde_json::json!({"sources": sources, "limit": 10, "filters": filters})
    };
    let campaigns = (0..100).map(|i| {
        let name = format!("campaign-{i:03}");
        let priority = 100 - i;
        if i == 40 {
            let mut campaign = serde_json::json!({"name": name, "placement": "home", "priority": priority});
            campaign["variants"] = serde_json::json!([
                {"name": "goes-with", "recommend": recommend(&["related", "popular"])},
                {"name": "goes-on", "recommend": recommend(&["related", "recent", "popular"])},
            ]);
            campaign["chooser"] = serde_json::json!({"thompson": {}});
            campaign["goal"] = serde_json::json!({"event": "purchased", "within": "7d"});
            return campaign;
        }
        let audience = match i % 5 {
            _ if i < 40 && i % 2 == 0 => format!("country = 'FR' AND segment('segment-{}')", i % 20),
            _ if i < 40 => "context('weather') = 'snow' OR plan IN ('free', 'basic')".to_owned(),
            0 => "country = 'DE' AND NOT plan = 'free'".to_owned(),
            1 => format!("segment('segment-{}') AND session(views) >= 1", i % 20),
            2 => "plan = 'pro' AND language = 'de' AND age BETWEEN 30 AND 50".to_owned(),
            3 => format!("affinity('category', '{}') > 0.3", department_name(i)),
            _ => "context('weather') = 'rain'".to_owned(),
        };
        let payload = serde_json::json!({"banner": format!("banner-{i}.png")});
        let (name, place) = (name, "home");
        serde_json::json!({"name": name, "placement": place, "priority": priority, "audience": audience, "payload": payload})
    });
    let place = |name: &str, recommend: serde_json::Value| {
        let place = format!("ready {name}");
        let goal = serde_json::json!({"event": "purchased", "within": "1d", "items": "recommended"});
        serde_json::json!({"name": place, "placement": place, "recommend": recommend, "goal": goal})
    };
    let ready = Strategy::NAMED.map(|name| place(name, name.into()));
    let mixed = MIXED.map(|(name, recommend)| place(name, serde_json::from_str(recommend).unwrap()));
    let ready: Vec<_> = ready.into_iter().chain(mixed).collect();
    let placements = ready.iter().filter_map(|of| of["placement"].as_str());
    let placements: Vec<&str> = placements.chain(["home"]).collect();
    let definitions = serde_json::json!({
        "segments": segments.collect::<Vec<_>>(),
        "placements": placements,
        "campaigns": campaigns.chain(ready.iter().cloned()).collect::<Vec<_>>(),
    });
    definitions.to_string()
}

/// The same three sources one after the other, alone, and at the same time.
const MIXED: [(&str, &str); 4] = [
    ("chain", r#"{"sources": ["related", "popular"], "limit": 20}"#),
    ("next_click", r#"{"sources": ["next_click", "popular"], "limit": 20}"#),
    ("blend", r#"{"blend": {"related": 1, "next_click": 1, "popular": 0.1}, "sources": [], "limit": 20}"#),
    (
        "learning",
        r#"{"blend": {"related": 1, "next_click": 1, "popular": 0.1, "learn": true}, "sources": [], "limit": 20}"#,
    ),
];

criterion_group!(benches, decide, ready);
criterion_main!(benches);
