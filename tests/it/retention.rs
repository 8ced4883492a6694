//! What is older than the settings say is forgotten, and what was erased in one place stays erased in another.

use bespoke::event::{Event, EventKind};
use bespoke::{Engine, Personalizer, Span, Timestamp, UserKey};

fn shop() -> Personalizer {
    let definitions = r#"{
        "schema": {"attributes": {"plan": {"kind": "text", "history": 5}}},
        "computed": [{"name": "size", "last": {"event": "event('purchased')", "property": "size"}}],
        "segments": [
            {"name": "pro", "rule": "plan = 'pro'"},
            {"name": "buyer", "rule": "event('purchased').count() >= 1"},
            {"name": "size-42", "rule": "size = 42"}
        ],
        "settings": {"retention": {"attributes": "30d", "history": "10d", "counters": "20d", "unseen": "100d"}}
    }"#;
    Personalizer::new(Engine::from_json(definitions).unwrap())
}

fn at(day: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(day * 86_400_000)
}

const ANN: fn() -> UserKey = || UserKey::known("ann");

fn segments(shop: &Personalizer, day: i64) -> Vec<String> {
    shop.memberships(ANN(), at(day)).iter().map(ToString::to_string).collect()
}

#[test]
fn each_kind_of_knowledge_goes_at_its_own_age_and_takes_its_segments_along() {
    let shop = shop();
    let signup = Event::new(EventKind::Identified, "ann", at(0)).attribute("plan", "pro");
    let order = Event::new(EventKind::Purchased, "ann", at(0)).property("size", 42.0);
    for event in [&signup, &order] {
        shop.ingest(event, at(0)).unwrap();
    }
    let bytes = shop.profile(ANN()).unwrap().bytes();
    assert_eq!(shop.retain(at(10)), bespoke::personalizer::Retained::default());
    let gone = shop.retain(at(11));
    assert_eq!((gone.events, gone.counters, gone.attributes), (2, 0, 0));
    assert_eq!(shop.profile(ANN()).unwrap().sessions().count, 1, "sessions stay counted");
    let gone = shop.retain(at(21));
    assert_eq!((gone.counters, gone.changes[0].left.len()), (2, 2), "a counter and what was computed");
    assert_eq!(segments(&shop, 21), ["pro"]);
    let gone = shop.retain(at(31));
    assert_eq!((gone.attributes, &*gone.changes[0].left[0]), (2, "pro"), "the value, and its place in the past");
    assert!(segments(&shop, 31).is_empty() && shop.profile(ANN()).unwrap().bytes() <= bytes);
    assert_eq!((shop.retain(at(100)).people, shop.retain(at(101)).people, shop.people()), (0, 1, 0));
}

#[test]
fn forgetting_twice_forgets_no_more_and_leaves_the_same_bytes() {
    let shop = shop();
    for day in 0..40 {
        let event = Event::new(EventKind::Purchased, format!("user {}", day % 7), at(day));
        shop.ingest(&event.attribute("plan", format!("p{day}")), at(day)).unwrap();
    }
    assert!(shop.retain(at(45)).events > 20);
    let bytes = shop.snapshot().unwrap();
    assert_eq!(shop.retain(at(45)), bespoke::personalizer::Retained::default());
    assert!(shop.snapshot().unwrap() == bytes);
}

#[test]
fn erasure_holds_in_another_process_for_all_ids_and_spares_those_who_came_back() {
    let (here, there) = (shop(), shop());
    let viewed = |day| Event::new(EventKind::PageViewed, "ann", at(day));
    let login = Event { anonymous: Some("phone".into()), ..Event::new(EventKind::Identified, "ann", at(0)) };
    for shop in [&here, &there] {
        shop.ingest(&login, at(0)).unwrap();
    }
    here.erase(ANN(), at(5));
    let list = serde_json::to_string(&here.suppressions()).unwrap();
    assert!(!list.contains("ann") && !list.contains("phone"));
    let list: Vec<bespoke::personalizer::Suppression> = serde_json::from_str(&list).unwrap();
    assert_eq!((list.len(), there.suppress(&list), there.suppress(&list)), (2, 1, 0));
    assert!(there.ingest(&viewed(4), at(9)).is_err());
    assert!(there.ingest(&Event::by_visitor(EventKind::PageViewed, "phone", at(4)), at(9)).is_err());
    there.ingest(&viewed(8), at(9)).unwrap();
    assert_eq!(there.suppress(&list), 0);
    assert_eq!(there.profile(ANN()).unwrap().events(), 1, "what came after the erasure stays");
    let again = shop();
    again.restore(&there.snapshot().unwrap()).unwrap();
    assert_eq!(again.suppressions(), here.suppressions());
}
