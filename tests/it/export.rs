//! A person can read all that is known about them, by names where anybody knows these.

use bespoke::catalog::Item;
use bespoke::event::{Event, EventKind};
use bespoke::{Engine, Personalizer, Request, Span, Timestamp, UserKey};

use crate::dice::Dice;

const DEFINITIONS: &str = r#"{
    "schema": {
        "attributes": {"plan": {"kind": "text", "history": 3}},
        "channels": ["crm", "web"],
        "groups": {"company": {"seats": "number"}}
    },
    "computed": [{"name": "size", "most_frequent": {"event": "event('purchased')", "property": "size"}}],
    "segments": [{"name": "buyers", "rule": "event('purchased').within(30 days).count() >= 1"}],
    "placements": ["home"],
    "campaigns": [{"name": "hello", "placement": "home", "payload": 1}],
    "settings": {"consent": {"email": false}}
}"#;

fn at(minute: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minute * 60_000)
}

fn shop() -> Personalizer {
    let shop = Personalizer::new(Engine::from_json(DEFINITIONS).unwrap());
    shop.upsert_item(Item::new("pacer").category("shoes/running")).unwrap();
    shop
}

fn events() -> Vec<Event> {
    let ann = |kind, minute| Event { channel: Some("web".into()), ..Event::new(kind, "ann", at(minute)) };
    vec![
        ann(EventKind::Identified, 1).attribute("plan", "free").attribute("shoe_shop", "Wien"),
        Event { anonymous: Some("phone".into()), ..ann(EventKind::Identified, 2).attribute("plan", "pro") },
        Event { source: Some("mail".into()), ..ann(EventKind::ItemViewed, 3).item("pacer").property("dwell", 30.0) },
        ann(EventKind::Purchased, 4).item("pacer").value(99.0, "EUR").property("size", 42.0),
        ann(EventKind::PreferenceStated, 5).property("category", "shoes/running"),
        ann(EventKind::ConsentChanged, 6).property("email", true),
        ann(EventKind::Grouped, 7)
            .property("group_kind", "company")
            .property("group_id", "acme")
            .attribute("seats", 3.0),
        ann(EventKind::from("newsletter opened"), 8),
    ]
}

#[test]
fn all_that_was_said_is_told_by_its_name() {
    let shop = shop();
    for event in events() {
        shop.ingest(&event, at(60)).unwrap();
    }
    let decision = shop.decide(&Request::new("home").user("ann"), at(60));
    let all = shop.export(UserKey::anonymous("phone"), at(60)).unwrap();
    assert_eq!(all["ids"].as_array().unwrap().len(), 1);
    assert_eq!(all["user"], serde_json::json!(UserKey::known("ann")));
    let attribute = |name: &str| all["attributes"].as_array().unwrap().iter().find(|of| of["name"] == name).unwrap();
    assert_eq!((&attribute("plan")["value"], &attribute("plan")["channel"]), (&"pro".into(), &"web".into()));
    assert_eq!(attribute("plan")["time"], serde_json::json!(at(2)));
    assert_eq!(attribute("shoe_shop")["value"], "Wien", "a name that only events brought");
    assert_eq!(all["past"]["plan"][1]["value"], "free");
    assert_eq!(all["computed"]["size"], serde_json::json!({"value": 42, "confidence": 1.0, "count": 1}));
    assert_eq!(all["affinities"][0]["attribute"], "category");
    assert!(["shoes", "shoes/running"].contains(&all["affinities"][0]["value"].as_str().unwrap()));
    assert_eq!(all["preferences"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&all["history"][2]["item"], &all["history"][7]["kind"]),
        (&"pacer".into(), &"newsletter_opened".into())
    );
    assert_eq!((&all["sessions"]["events"], &all["touches"]["last"]["source"]), (&8.into(), &"mail".into()));
    assert_eq!((&all["money"][0]["currency"], &all["money"][0]["amount"]), (&"EUR".into(), &99.0.into()));
    let rule = "event('purchased').within(30d).count() >= 1";
    assert_eq!(all["counters"][0]["asked_by"][0], serde_json::json!({"segment": "buyers", "rule": rule}));
    assert_eq!((&all["segments"][0], &all["consent"][0]["purpose"]), (&"buyers".into(), &"email".into()));
    let company = &all["groups"][0];
    assert_eq!((&company["kind"], &company["id"]), (&"company".into(), &"acme".into()));
    assert_eq!(company["attributes"][0]["value"], 3);
    assert!(all["decisions"].to_string().contains(&decision.id.to_string()));
    assert!(shop.export(UserKey::known("bob"), at(60)).is_none());
    shop.erase(UserKey::known("ann"), at(61));
    assert!(shop.export(UserKey::known("ann"), at(61)).is_none());
}

#[test]
fn the_same_state_gives_the_same_text_also_after_a_snapshot() {
    let mut events = events();
    let mut text = None;
    for seed in 0..10 {
        Dice::new(seed).shuffle(&mut events);
        let shop = shop();
        for event in &events {
            shop.ingest(event, at(60)).unwrap();
        }
        let again = self::shop();
        again.restore(&shop.snapshot().unwrap()).unwrap();
        for shop in [&shop, &again] {
            let all = shop.export(UserKey::known("ann"), at(60)).unwrap().to_string();
            assert_eq!(text.get_or_insert_with(|| all.clone()), &all);
        }
    }
}
