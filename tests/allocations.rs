//! What the hot paths allocate: `apply` nothing in the steady state, `decide` only what leaves in the answer.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use bespoke::catalog::Item;
use bespoke::decision::{Decision, Ranked, Request};
use bespoke::engine::{DecideScratch, Engine, Models};
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::personalizer::Personalizer;
use bespoke::profile::Profile;
use bespoke::recommend::{
    Collaborative, CollaborativeSettings, Factor, FactorSettings, Log, Query, Recommender, Scratch, Seen, SeenKind,
};
use bespoke::time::{Span, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn engine() -> Engine {
    Engine::from_json(
        r#"{
        "segments": [
            {"name": "lookers", "rule": "event('item_viewed').where(category = 'shoes').within(7 days).count() >= 3"},
            {"name": "often", "rule": "event('item_viewed').within(1 hour).count() >= 10 AND plan = 'pro'"},
            {"name": "spenders", "rule": "event('purchased').within(30 days).sum(value) >= 50"},
            {"name": "fans", "rule": "affinity('category', 'shoes') > 0.3 AND session(views) >= 2"}
        ],
        "placements": ["home", "all", "blend", "chain"],
        "settings": {"popular_segments": ["fans"]},
        "campaigns": [
            {"name": "sale", "placement": "home", "audience": "country = 'FR'", "priority": 2, "payload": {"a": 1}},
            {"name": "pick", "placement": "home", "priority": 1, "recommend": {
                "sources": ["related", "popular"], "limit": 10,
                "filters": {"category": {"context": "category"}, "exclude": ["purchased"]}
            }},
            {"name": "rest", "placement": "home", "audience": "plan = 'pro'", "payload": {"b": 2}},
            {"name": "all", "placement": "all", "recommend": {
                "sources": ["viewed_together", "viewed_then_bought", "similar", "affinity", "trending",
                    "popular_in_category", "popular_in_segment"],
                "limit": 20, "about": "item", "repeat": "first", "diversity": 0.3,
                "filters": {"category": {"context": "category"}, "exclude": ["purchased"]},
                "quotas": [{"attribute": "brand", "most": 3}], "calibrate": {"attribute": "category"},
                "rules": [{"pin": "item-9", "position": 2, "segment": "fans"}, {"bury": {"category": "hats"}}],
                "explore": {"positions": [4], "from": "newest"}
            }},
            {"name": "chain", "placement": "chain", "recommend": {
                "sources": ["next_click", "collaborative", "factor"], "limit": 20
            }},
            {"name": "blend", "placement": "blend", "recommend": {
                "blend": {"related": 1, "bought_together": 1, "next_click": 1, "collaborative": 1, "factor": 1, "recent": 0.5,
                    "popular": 0.1, "popular_in_category": 0.1, "popular_in_segment": 0.1, "trending": 0.1, "similar": 0.1,
                    "affinity": 0.1, "learn": true},
                "limit": 20
            }, "goal": {"event": "item_viewed", "within": "1h"}}
        ]
    }"#,
    )
    .unwrap()
}

fn models(engine: &Engine) -> Models {
    let mut models = engine.models();
    for i in 0..200 {
        let category = if i % 2 == 0 { "shoes" } else { "hats" };
        models.catalog.upsert(Item::new(format!("item-{i}")).category(category).brand("acme").price(9.0)).unwrap();
        let (item, time) = (Symbol::new(&format!("item-{i}")), NOW - Span::minutes(400 - i));
        models.popular.learn(item, 1.0, time);
        let seen = |item, time| Seen { item, time, weight: 1.0, kind: SeenKind::Viewed };
        models.neighbors.learn(seen(item, time), &[seen(Symbol::new("item-0"), time - Span::minutes(1))]);
    }
    models
}

fn viewed(n: u32) -> Event {
    let mut event = Event::new(EventKind::ItemViewed, "ann", NOW + Span::seconds(30 * n))
        .item(format!("item-{}", n % 6))
        .property("color", "red")
        .property("dwell", 12.0);
    event.id = Some(format!("event-{n}"));
    event.device = Some("phone".to_owned());
    event
}

fn profile(engine: &Engine, models: &Models) -> Profile {
    let mut profile = Profile::default();
    let account = Event::new(EventKind::Identified, "ann", NOW).attribute("plan", "pro").attribute("country", "DE");
    let _ = engine.apply(&account, &mut profile, &models.catalog, NOW);
    for n in 1..=200 {
        let event = viewed(n);
        let _ = engine.apply(&event, &mut profile, &models.catalog, event.time);
    }
    profile
}

/// An engine whose models have learned from somebody, and what is known of that person.
fn taught() -> (Engine, Models, Profile) {
    let engine = engine();
    let mut models = models(&engine);
    let mut profile = profile(&engine, &models);
    for n in 501..600 {
        let event = viewed(n);
        let _ = engine.apply(&event, &mut profile, &models.catalog, event.time);
        engine.learn(&event, &profile, &mut models, &mut Vec::new());
    }
    (engine, models, profile)
}

#[test]
fn an_event_allocates_nothing_once_a_profile_has_its_size() {
    let engine = engine();
    let models = models(&engine);
    let mut profile = profile(&engine, &models);
    let events: Vec<Event> = (201..=500).map(viewed).collect();
    let allocated = allocation_counter::measure(|| {
        for event in &events {
            let changes = engine.apply(event, &mut profile, &models.catalog, event.time);
            assert!(!changes.repeated);
        }
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

#[test]
fn waiting_for_what_time_changes_allocates_nothing_on_the_way_of_events() {
    let rules = r#"{"segments": [
        {"name": "here", "rule": "session(views) >= 2"},
        {"name": "keen", "rule": "event('page_viewed').within(7 days).count() >= 3"}
    ]}"#;
    let shop = Personalizer::new(Engine::from_json(rules).unwrap());
    let page = |n: u32| {
        let mut event = viewed(n);
        (event.kind, event.items) = (EventKind::PageViewed, Default::default());
        event
    };
    for n in 1..=200 {
        shop.ingest(&page(n), NOW + Span::seconds(30 * n)).unwrap();
    }
    let events: Vec<Event> = (201..=500).map(page).collect();
    let allocated = allocation_counter::measure(|| {
        for event in &events {
            shop.ingest(event, event.time).unwrap();
        }
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
    assert!(shop.next_due().is_some());
}

/// The pieces that an answer owns: the list of verdicts, the list of items, the id of each item, the id of each item that
/// spoke for one, and what the sources of a blend said for it. Names and payloads are shared with the engine.
fn pieces(decision: &Decision) -> u64 {
    let more = |ranked: &Ranked| u64::from(ranked.because.is_some()) + u64::from(!ranked.parts.is_empty());
    let ids = decision.slate.iter().map(|ranked| 1 + more(ranked));
    u64::from(!decision.verdicts.is_empty()) + u64::from(!decision.slate.is_empty()) + ids.sum::<u64>()
}

#[test]
fn a_strategy_with_everything_allocates_only_what_leaves_in_the_answer() {
    let (engine, models, profile) = taught();
    let mut scratch = DecideScratch::default();
    let now = NOW + Span::hours(6);
    for category in [None, Some("shoes")] {
        let mut request = Request::new("all").user("ann").context("item", "item-5");
        if let Some(category) = category {
            request = request.context("category", category);
        }
        let warm = engine.decide(&request, &profile, &models, now, &mut scratch);
        assert_eq!(warm.slate.len(), 20);
        let mut answer = None;
        let allocated = allocation_counter::measure(|| {
            answer = Some(engine.decide(&request, &profile, &models, now, &mut scratch));
        });
        assert_eq!(answer.as_ref(), Some(&warm));
        let owned = pieces(&warm);
        assert!(allocated.count_total <= owned, "{allocated:?}, {owned} pieces owned");
    }
}

/// Everybody looks at every third item.
fn thirds() -> Log {
    let mut log = Log::default();
    for user in 0..60_u32 {
        let of_user = (0..200_u32).filter(|item| (user + item) % 3 == 0);
        of_user.for_each(|item| {
            let (item, kind) = (Symbol::new(&format!("item-{item}")), SeenKind::Viewed);
            log.push(Symbol::new(&format!("user-{user}")), Seen { item, time: NOW, weight: 1.0, kind });
        });
    }
    log
}

#[test]
fn next_clicks_fitted_models_and_blends_allocate_only_what_leaves_in_the_answer() {
    let (engine, mut models, profile) = taught();
    let _ = models.install(Collaborative::fit(&thirds(), CollaborativeSettings::default(), 1).unwrap());
    let factor = FactorSettings { rank: 8, ..FactorSettings::default() };
    let _ = models.install(Factor::fit(&thirds(), factor, 1).unwrap());
    let mut scratch = DecideScratch::default();
    let now = NOW + Span::hours(6);
    for placement in ["chain", "blend"] {
        let request = Request::new(placement).user("ann");
        let warm = engine.decide(&request, &profile, &models, now, &mut scratch);
        assert_eq!(warm.slate.len(), 20);
        let sources: std::collections::BTreeSet<_> = warm.slate.iter().map(|ranked| ranked.source).collect();
        assert!(sources.len() > 1, "{sources:?}");
        let mut answer = None;
        let allocated = allocation_counter::measure(|| {
            answer = Some(engine.decide(&request, &profile, &models, now, &mut scratch));
        });
        assert_eq!(answer.as_ref(), Some(&warm));
        let owned = pieces(&warm);
        assert!(allocated.count_total <= owned, "{placement}: {allocated:?}, {owned} pieces owned");
    }
}

#[test]
fn a_decision_allocates_only_what_leaves_in_the_answer() {
    let engine = engine();
    let models = models(&engine);
    let profile = profile(&engine, &models);
    let mut scratch = DecideScratch::default();
    for category in [None, Some("shoes"), Some("hats")] {
        let mut request = Request::new("home").user("ann");
        if let Some(category) = category {
            request = request.context("category", category);
        }
        let now = NOW + Span::hours(2);
        let warm = engine.decide(&request, &profile, &models, now, &mut scratch);
        assert_eq!((warm.slate.len(), warm.verdicts.len()), (10, 3));
        let mut answer = None;
        let allocated = allocation_counter::measure(|| {
            answer = Some(engine.decide(&request, &profile, &models, now, &mut scratch));
        });
        assert_eq!(answer.as_ref(), Some(&warm));
        let owned = pieces(&warm);
        assert!(allocated.count_total <= owned, "{allocated:?}, {owned} pieces owned");
    }
}

/// A known user on a device of theirs, as most events come.
#[test]
fn an_event_of_linked_ids_allocates_nothing_in_the_steady_state() {
    let shop = bespoke::Personalizer::new(engine());
    let event = |n: u32| {
        let mut event = Event::new(EventKind::PageViewed, "ann", NOW + Span::seconds(30 * n)).property("color", "red");
        event.anonymous = Some("laptop".to_owned());
        event.ids.insert("email".to_owned(), "ann@example.com".to_owned());
        event.id = Some(format!("event-{n}"));
        event
    };
    let visit = Event::by_visitor(EventKind::PageViewed, "laptop", NOW).id("before");
    let ingest = |event: &Event| shop.ingest(event, event.time).unwrap();
    ingest(&visit);
    (1..=200).map(event).for_each(|event| drop(ingest(&event)));
    assert_eq!(shop.explain_identity(bespoke::UserKey::known("ann")).fragments.len(), 2);
    let events: Vec<Event> = (201..=500).map(event).collect();
    let allocated = allocation_counter::measure(|| {
        for event in &events {
            assert!(!ingest(event).repeated);
        }
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

/// Everything at once: long texts, many attributes with a past, objects in lists, counters that spill, affinities,
/// groups, preferences, consent, computed attributes.
fn crowded(engine: &Engine, models: &Models, events: u32) -> Profile {
    let mut profile = Profile::default();
    for n in 0..events {
        let kind = [EventKind::ItemViewed, EventKind::Purchased, EventKind::ItemAdded][n as usize % 3].clone();
        let mut event = Event::new(kind, "ann", NOW + Span::seconds(n)).item(format!("item-{}", n % 190));
        event.id = Some(format!("event-{n}"));
        event.source = Some("s".repeat(1 + n as usize % 300));
        event = event
            .attribute("plan", format!("{n}").repeat(20))
            .attribute(format!("a{}", n % 50), "x".repeat(n as usize % 700))
            .attribute("nested", vec![bespoke::Value::Object(Box::default()), 1.0.into()])
            .property("size", f64::from(n % 40))
            .value(f64::from(n % 7), format!("C{}", n % 9));
        let _ = engine.apply(&event, &mut profile, &models.catalog, event.time);
        let said = match n % 4 {
            0 => Event::new(EventKind::ConsentChanged, "ann", event.time).property("email", n % 8 == 0),
            1 => Event::new(EventKind::PreferenceStated, "ann", event.time).property("category", format!("c{n}/d")),
            2 => Event::new(EventKind::Grouped, "ann", event.time)
                .property("group_kind", format!("kind{}", n % 12))
                .property("group_id", "g".repeat(1 + n as usize % 500)),
            _ => Event::new(EventKind::from(format!("own {}", n % 40).as_str()), "ann", event.time),
        };
        let _ = engine.apply(&said, &mut profile, &models.catalog, event.time);
    }
    profile
}

#[test]
fn a_profile_holds_no_more_than_it_says_and_says_no_more_than_is_allowed() {
    for (bytes, limit) in [(2048, 2048), (8192, 8192), (1_048_576, 200_000)] {
        let engine = Engine::from_json(&format!(
            r#"{{
            "schema": {{"attributes": {{"plan": {{"kind": "text", "history": 20}}}}}},
            "computed": [
                {{"name": "size", "most_frequent": {{"event": "event('purchased')", "property": "size"}}}},
                {{"name": "sizes", "unique": {{"event": "event('purchased')", "property": "size"}}}}
            ],
            "segments": [
                {{"name": "a", "rule": "event('item_viewed').where(category = 'shoes').within(7 days).count() >= 50"}},
                {{"name": "b", "rule": "event('purchased').within(1 hour).sum(value) >= 3 AND size = 4"}}
            ],
            "settings": {{"profile_bytes": {bytes}, "history": 128, "consent": {{"email": true}}}}
        }}"#
        ))
        .unwrap();
        let models = models(&engine);
        for events in [1, 10, 100, 1000] {
            let mut profile = None;
            let held = allocation_counter::measure(|| profile = Some(crowded(&engine, &models, events)));
            let profile = profile.unwrap();
            let held = usize::try_from(held.bytes_current).unwrap() + size_of::<Profile>();
            assert!(held <= profile.bytes(), "{held} held, {} said, {events} events", profile.bytes());
            assert!(profile.bytes() <= limit, "{} bytes of {limit}, {events} events", profile.bytes());
            // Objects are counted from above; all else to the byte.
            assert!(profile.bytes() < held + 2048, "{held} held, {} said, {events} events", profile.bytes());
        }
    }
}

#[test]
fn a_factor_model_answers_without_allocating_once_its_scratch_has_its_size() {
    let seen =
        |item: u32| Seen { item: Symbol::new(&format!("item-{item}")), time: NOW, weight: 1.0, kind: SeenKind::Viewed };
    let mut log = Log::default();
    for user in 0..60_u32 {
        let whose = Symbol::new(&format!("user-{user}"));
        (0..40).filter(|item| (user + item) % 3 == 0).for_each(|item| log.push(whose, seen(item)));
    }
    let model = Factor::fit(&log, FactorSettings { rank: 8, ..FactorSettings::default() }, 1).unwrap();
    let history: Vec<Seen> = (0..30).step_by(3).map(seen).collect();
    let query = Query { history: &history, now: NOW, limit: 10, accept: &|_| true, pool: None };
    let (mut scratch, mut slate) = (Scratch::default(), Vec::with_capacity(10));
    model.rank(&query, &mut scratch, &mut slate);
    let allocated = allocation_counter::measure(|| {
        for _ in 0..10 {
            slate.clear();
            model.rank(&query, &mut scratch, &mut slate);
        }
    });
    assert!(!slate.is_empty());
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}
