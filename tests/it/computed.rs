//! Computed attributes are what their definition says of all events, whatever the order in which these arrive.

use std::collections::BTreeMap;

use bespoke::catalog::Catalog;
use bespoke::event::{Event, EventKind};
use bespoke::{Engine, Profile, Span, Timestamp};

use crate::dice::Dice;

const COMPUTED: &str = r#"
    {"name": "orders", "count": {"event": "event('purchased').within(30 days)"}},
    {"name": "spent", "sum": {"event": "event('purchased')", "property": "value"}},
    {"name": "first_size", "first": {"event": "event('purchased').where(category = 'shoes')", "property": "size"}},
    {"name": "last_size", "last": {"event": "event('purchased').where(category = 'shoes')", "property": "size"}},
    {"name": "size", "most_frequent": {"event": "event('purchased').where(category = 'shoes')", "property": "size"}},
    {"name": "sizes", "unique": {"event": "event('purchased').where(category = 'shoes')", "property": "size", "limit": 2}}
"#;

fn at(minute: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minute * 60_000)
}

/// An engine with a segment for each rule, named by the rule.
fn engine(rules: &[String]) -> Engine {
    let segments: Vec<String> =
        rules.iter().map(|rule| serde_json::json!({"name": rule, "rule": rule}).to_string()).collect();
    Engine::from_json(&format!(r#"{{"computed": [{COMPUTED}], "segments": [{}]}}"#, segments.join(","))).unwrap()
}

#[test]
fn each_is_what_all_events_say_in_any_order_and_however_often_they_come() {
    let sizes = 40..44;
    let mut rules: Vec<String> = Vec::new();
    for name in ["first_size", "last_size", "size", "sizes"] {
        rules.extend(sizes.clone().map(|size| format!("{name} = {size}")));
    }
    rules.extend((0..10).map(|count| format!("orders = {count}")));
    rules.extend((0..10).map(|count| format!("size.count = {count}")));
    rules.extend(["spent >= 25", "size.confidence >= 0.5", "size EXISTS"].map(str::to_owned));
    let engine = engine(&rules);
    for seed in 0..200 {
        let dice = &mut Dice::new(seed);
        let mut events: Vec<(i64, bool, i32)> =
            (0..dice.below(9)).map(|i| (i as i64 * 7, dice.below(3) > 0, 40 + dice.below(4) as i32)).collect();
        let shoes: Vec<(i64, i32)> = events.iter().filter(|of| of.1).map(|of| (of.0, of.2)).collect();
        let mut counts: BTreeMap<i32, (usize, i64)> = BTreeMap::new();
        for (time, size) in &shoes {
            let of = counts.entry(*size).or_default();
            *of = (of.0 + 1, *time);
        }
        let best = counts.iter().max_by_key(|(size, (count, last))| (*count, *last, **size));
        let mut newest: Vec<(i64, i32)> = counts.iter().map(|(size, (_, last))| (*last, *size)).collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut wanted: Vec<String> = Vec::new();
        wanted.extend(shoes.first().map(|(_, size)| format!("first_size = {size}")));
        wanted.extend(shoes.last().map(|(_, size)| format!("last_size = {size}")));
        wanted.extend(newest.iter().take(2).map(|(_, size)| format!("sizes = {size}")));
        wanted.push(format!("orders = {}", events.len()));
        if let Some((size, (count, _))) = best {
            wanted.extend([
                format!("size = {size}"),
                format!("size.count = {}", shoes.len()),
                "size EXISTS".to_owned(),
            ]);
            wanted.extend((2 * count >= shoes.len()).then(|| "size.confidence >= 0.5".to_owned()));
        }
        wanted.extend((events.len() * 5 >= 25).then(|| "spent >= 25".to_owned()));
        wanted.sort();
        dice.shuffle(&mut events);
        let again: Vec<_> = events.iter().copied().filter(|_| dice.coin()).collect();
        let (mut profile, catalog) = (Profile::default(), Catalog::new());
        let mut live: Vec<String> = engine.memberships(&profile, at(0)).map(|name| name.to_string()).collect();
        for (minute, is_shoe, size) in events.iter().chain(&again) {
            let event = Event::new(EventKind::Purchased, "ann", at(*minute))
                .property("category", if *is_shoe { "shoes" } else { "hats" })
                .property("size", f64::from(*size))
                .value(5.0, "EUR");
            let changes = engine.apply(&event, &mut profile, &catalog, at(100));
            live.retain(|name| !changes.left.iter().any(|left| **left == **name));
            live.extend(changes.entered.iter().map(ToString::to_string));
        }
        let mut found: Vec<String> = engine.memberships(&profile, at(100)).map(|name| name.to_string()).collect();
        found.sort();
        live.sort();
        assert_eq!(found, wanted, "seed {seed}: {events:?}");
        assert_eq!(live, wanted, "what was told as it changed, seed {seed}");
        let orders = engine.memberships(&profile, at(60 * 24 * 40)).any(|name| &**name == "orders = 0");
        assert!(orders, "a window that has passed");
    }
}

#[test]
fn a_question_that_a_rule_asks_too_is_counted_once() {
    let rule = "event('purchased').count() >= 1".to_owned();
    let alone = Engine::from_json(&format!(
        r#"{{"segments": [{{"name": "a", "rule": "{rule}"}}, {{"name": "b", "rule": "event('purchased').sum(value) > 1"}}]}}"#
    ));
    assert_eq!(alone.unwrap().counters(), engine(&[rule, "orders > 1 AND spent > 1".to_owned()]).counters());
}

#[test]
fn mistakes_are_found_where_they_stand() {
    let problems = Engine::from_json(
        r#"{
        "schema": {"attributes": {"plan": "text"}},
        "computed": [
            {"name": "plan", "count": {"event": "event('purchased')"}},
            {"name": "a", "most_frequent": {"event": "event('purchased').within(7 days)", "property": "size"}},
            {"name": "b", "first": {"event": "event('purchsed')", "property": "size"}},
            {"name": "c", "last": {"event": "event('purchased')"}},
            {"name": "d", "count": {"event": "event('purchased')"}, "sum": {"event": "event('purchased')"}},
            {"name": "e", "unique": {"event": "event('purchased')", "property": "size", "limit": 0}},
            {"name": "f", "coutn": {"event": "event('purchased')"}}
        ]}"#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "computed[0].name: the attribute `plan` is defined twice",
        "computed[1]: `event('purchased').within(1w).count() >= 1` stands where one event",
        "computed[2]: 1:7: unknown event `purchsed`; did you mean `purchased`?",
        "computed[3].last: `property` is missing",
        "computed[4]: `count` beside `sum` stands where one of",
        "computed[5].unique.limit: 0 stands where a number of values from 1 to 64 should",
        "computed[6].coutn: unknown field `coutn`",
    ] {
        assert!(problems.contains(expected), "{expected}\nis not in\n{problems}");
    }
}
