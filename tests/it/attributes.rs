//! Attributes are kept as the schema says: newest, oldest or all, with their past, and by the most trusted channel.

use bespoke::catalog::Catalog;
use bespoke::event::{Event, EventKind};
use bespoke::profile::Channel;
use bespoke::state::State;
use bespoke::{Engine, Personalizer, Profile, Span, Timestamp, UserKey, Value};

use crate::dice::Dice;

fn shop() -> Personalizer {
    let definitions = r#"{
        "schema": {
            "attributes": {
                "plan": {"kind": "text", "history": 2},
                "first_channel": {"kind": "text", "keep": "oldest"},
                "tags": {"kind": "list", "keep": "union", "limit": 3},
                "city": "text"
            },
            "channels": ["crm", "app"]
        },
        "segments": [{"name": "tagged", "rule": "tags = 'b' AND plan = 'pro'"}]
    }"#;
    Personalizer::new(Engine::from_json(definitions).unwrap())
}

fn at(minute: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minute * 60_000)
}

fn said(minute: i64, channel: &str, name: &str, value: impl Into<Value>) -> Event {
    let event = Event::new(EventKind::Identified, "ann", at(minute)).attribute(name, value);
    Event { channel: Some(channel.into()), ..event }
}

fn ann(shop: &Personalizer) -> Profile {
    shop.profile(UserKey::known("ann")).unwrap()
}

#[test]
fn any_order_and_repetition_of_writes_ends_in_the_same_attributes() {
    let mut events = vec![
        said(1, "web", "plan", "free"),
        said(1, "crm", "plan", "basic"),
        said(3, "web", "plan", "pro"),
        said(4, "app", "plan", "pro"),
        said(2, "app", "plan", Value::Null),
        said(5, "app", "first_channel", "app"),
        said(2, "web", "first_channel", "web"),
        said(7, "web", "tags", "c"),
        said(1, "web", "tags", vec!["d", "a"]),
        said(1, "crm", "tags", vec!["b", "e"]),
        said(9, "app", "city", "Wien"),
        said(9, "crm", "city", "Graz"),
    ];
    let mut seen = None;
    for seed in 0..40 {
        let dice = &mut Dice::new(seed);
        let again: Vec<Event> = (0..4).map(|_| events[dice.below(events.len())].clone()).collect();
        let shop = shop();
        dice.shuffle(&mut events);
        for event in events.iter().chain(&again) {
            shop.ingest(event, at(60)).unwrap();
        }
        let ann = ann(&shop);
        let value = |name: &str| ann.attributes().value(name).map(ToString::to_string).unwrap_or_default();
        assert_eq!(value("plan"), r#""pro""#);
        assert_eq!(value("first_channel"), r#""web""#);
        assert_eq!(value("tags"), r#"["a", "b", "c"]"#);
        assert_eq!(value("city"), r#""Graz""#, "of two at the same time that of the more trusted channel");
        let past: Vec<(Timestamp, String)> = ann.past("plan").map(|(time, value)| (time, value.to_string())).collect();
        assert_eq!(past, [(at(4), "\"pro\"".to_owned()), (at(2), "null".to_owned())]);
        assert_eq!(shop.memberships(UserKey::known("ann"), at(60)).len(), 1);
        let city = ann.attributes().as_slice().iter().find(|of| of.value == "Graz".into()).unwrap();
        assert_eq!((city.time(), city.channel()), (at(9), Channel::new("crm")));
        let bytes = shop.snapshot().unwrap();
        assert_eq!(seen.get_or_insert_with(|| bytes.clone()), &bytes);
    }
}

#[test]
fn a_value_that_is_too_large_is_told_and_not_kept() {
    let shop = shop();
    let taken = shop.ingest(&said(1, "web", "bio", "x".repeat(1025)), at(1)).unwrap();
    assert_eq!((taken.oversized.len(), ann(&shop).attributes().value("bio")), (1, None));
    let taken = shop.ingest(&said(2, "web", "bio", "x".repeat(1024)), at(2)).unwrap();
    assert!(taken.oversized.is_empty() && ann(&shop).attributes().value("bio").is_some());
}

#[test]
fn mistakes_in_how_attributes_are_kept_are_found_where_they_stand() {
    let problems = Engine::from_json(
        r#"{"schema": {
            "attributes": {
                "a": {"kind": "text", "keep": "newst"},
                "b": {"kind": "text", "keep": "union"},
                "c": {"kind": "list", "history": 65},
                "d": {"keep": "oldest"}
            },
            "channels": ["crm", "crm"]
        },
        "settings": {"profile_bytes": 100, "consent": {"tracking": "no"}}}"#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "schema.attributes.a.keep: unknown way of keeping `newst`; did you mean `newest`?",
        "schema.attributes.b: a union of `b` stands where an attribute of kind `list` should",
        "schema.attributes.c.history: 65 stands where a number of values from 0 to 64 should",
        "schema.attributes.d: `kind` is missing",
        "schema.channels[1]: the channel `crm` is defined twice",
        "settings.profile_bytes: 100 stands where from 2048 to 1048576 bytes should",
        "settings.consent.tracking: a text stands where true or false should",
    ] {
        assert!(problems.contains(expected), "{expected}\nis not in\n{problems}");
    }
}

/// Whether Ann is in each of the segments that ask for her address.
fn told(events: &[&Event], now: Timestamp) -> Vec<String> {
    let definitions = r#"{"segments": [
        {"name": "any", "rule": "address EXISTS"},
        {"name": "none", "rule": "NOT address EXISTS"},
        {"name": "city", "rule": "address.city = 'Graz'"},
        {"name": "zip", "rule": "address.zip EXISTS"},
        {"name": "geo", "rule": "address.geo EXISTS"},
        {"name": "lat", "rule": "address.geo.lat > 40"}
    ]}"#;
    let engine = Engine::from_json(definitions).unwrap();
    let (catalog, mut profile) = (Catalog::new(), Profile::default());
    let mut members: Vec<String> = engine.memberships(&profile, now).map(ToString::to_string).collect();
    for event in events {
        let changes = engine.apply(event, &mut profile, &catalog, now);
        // What is told as entered and left is what the memberships say in the end.
        members.retain(|name| !changes.left.iter().any(|left| **left == **name));
        members.extend(changes.entered.iter().map(ToString::to_string));
    }
    let mut kept: Vec<String> = engine.memberships(&profile, now).map(ToString::to_string).collect();
    kept.sort();
    members.sort();
    assert_eq!(members, kept);
    let bytes = profile.to_bytes().unwrap();
    assert_eq!(Profile::from_bytes(&bytes).unwrap(), profile);
    let json = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
    kept
}

fn address(minute: i64, json: &str) -> Event {
    said(minute, "web", "address", serde_json::from_str::<Value>(json).unwrap())
}

#[test]
fn an_object_is_there_while_any_part_of_it_is() {
    let graz = address(1, r#"{"city": "Graz", "geo": {"lat": 47.1}}"#);
    let moved = address(2, r#"{"city": null}"#);
    let nowhere = address(3, r#"{"geo": {"lat": null}}"#);
    assert_eq!(told(&[&graz], at(9)), ["any", "city", "geo", "lat"]);
    assert_eq!(told(&[&graz, &moved], at(9)), ["any", "geo", "lat"]);
    assert_eq!(told(&[&graz, &moved, &nowhere], at(9)), ["none"]);
}

#[test]
fn what_is_no_object_any_more_has_no_older_parts() {
    let graz = address(1, r#"{"city": "Graz", "zip": "8010", "geo": {"lat": 47.1}}"#);
    for gone in ["null", "\"Graz, Austria\""] {
        let members = told(&[&graz, &address(2, gone)], at(9));
        assert_eq!(members, if gone == "null" { ["none"] } else { ["any"] }, "{gone}");
        // Of an object within it only the parts of that one go.
        let inner = said(
            2,
            "web",
            "address",
            Value::Object(Box::new([("geo".into(), serde_json::from_str(gone).unwrap())].into())),
        );
        let members = told(&[&graz, &inner], at(9));
        let wanted: &[&str] = if gone == "null" { &["any", "city", "zip"] } else { &["any", "city", "geo", "zip"] };
        assert_eq!(members, wanted, "{gone}");
    }
    // A newer part stays, and so does one of the same time.
    assert_eq!(told(&[&address(3, r#"{"zip": "1"}"#), &address(2, "null"), &graz], at(9)), ["any", "zip"]);
    assert_eq!(told(&[&address(2, r#"{"zip": "1"}"#), &address(2, "null"), &graz], at(9)), ["any", "zip"]);
}

#[test]
fn objects_and_what_replaces_them_may_arrive_in_any_order_and_twice() {
    let mut events = [
        address(1, r#"{"city": "Graz", "zip": "8010", "geo": {"lat": 47.1, "lon": 15.4}}"#),
        address(3, "null"),
        address(2, r#"{"city": "Wien"}"#),
        address(5, r#"{"zip": "4020"}"#),
        address(4, r#"{"geo": "unknown", "city": "Linz"}"#),
        address(6, r#"{"geo": {"lat": 48.3}}"#),
        address(3, r#"{"city": "Enns"}"#),
    ];
    // City: Linz at 4. Zip: 4020 at 5. Within geo, lat is set at 6, and lon is gone since 3.
    let wanted = ["any", "geo", "lat", "zip"];
    let mut seen: Option<Vec<u8>> = None;
    for seed in 0..200 {
        let dice = &mut Dice::new(seed);
        dice.shuffle(&mut events);
        let again: Vec<&Event> = events.iter().take(dice.below(7)).collect();
        let all: Vec<&Event> = events.iter().chain(again.iter().copied()).collect();
        let members = told(&all, at(9));
        assert_eq!(members, wanted);
        // Split over two profiles that meet later, it is the same.
        let engine = Engine::from_json("{}").unwrap();
        let (catalog, mut one, mut other) = (Catalog::new(), Profile::default(), Profile::default());
        for event in &all {
            engine.apply(event, if dice.coin() { &mut one } else { &mut other }, &catalog, at(9));
        }
        one.merge(&other);
        let attributes = serde_json::to_vec(one.attributes()).unwrap();
        assert_eq!(seen.get_or_insert(attributes.clone()), &attributes, "seed {seed}");
        assert_eq!(one.attributes().value("address.city"), Some(&Value::from("Linz")));
        assert_eq!(one.attributes().value("address.geo.lon"), None);
    }
}
