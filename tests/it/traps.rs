//! The mistakes that systems of this kind are known for, each with a test that they are not made here.

use std::collections::BTreeSet;

use bespoke::catalog::Catalog;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::profile::Profile;
use bespoke::rule::{List, Lists, Rule};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
use bespoke::value::Properties;
use bespoke::{Personalizer, UserKey};
use serde_json::json;

use crate::dice::Dice;

/// An engine with one segment for each rule, named by it.
fn engine(rules: &[&str]) -> Engine {
    let segments: Vec<_> = rules.iter().map(|rule| serde_json::json!({"name": rule, "rule": rule})).collect();
    Engine::from_json(&serde_json::json!({ "segments": segments }).to_string()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn apply(engine: &Engine, profile: &mut Profile, kind: EventKind, time: Timestamp) {
    let event = Event::new(kind, "ann", time).id(time.to_string());
    engine.apply(&event, profile, &Catalog::new(), time);
}

#[track_caller]
fn holds(engine: &Engine, profile: &Profile, rule: &str, now: Timestamp) -> bool {
    assert!(engine.segment(rule).is_some(), "{rule}");
    engine.memberships(profile, now).any(|name| **name == *rule)
}

/// 1: "last 7 days" that covers eight calendar days; the change of clocks; a month of 30 days.
#[test]
fn seven_days_are_168_hours_and_seven_calendar_days_are_seven() {
    const ROLLING: &str = "event('item_viewed').within(7 days)";
    const CALENDAR: &str = "event('item_viewed').calendar_days(7, '+01:00')";
    const DAYS: &str = "event('item_viewed').within(7 days).days() >= 2";
    let engine = engine(&[ROLLING, CALENDAR, DAYS]);
    let mut profile = Profile::default();
    // Clocks in Vienna went forward on the 29th of March 2026; nothing here does.
    let seen = at("2026-03-25T12:00:00Z");
    apply(&engine, &mut profile, EventKind::ItemViewed, seen);
    let end = seen + Span::hours(168);
    assert!(holds(&engine, &profile, ROLLING, end - Span::from_millis(1)));
    assert!(!holds(&engine, &profile, ROLLING, end), "the eighth calendar day has no part in it");
    let midnight = at("2026-03-31T23:00:00Z");
    assert!(holds(&engine, &profile, CALENDAR, midnight - Span::from_millis(1)));
    assert!(!holds(&engine, &profile, CALENDAR, midnight));
    apply(&engine, &mut profile, EventKind::ItemViewed, at("2026-04-01T00:00:00Z"));
    assert!(!holds(&engine, &profile, DAYS, at("2026-04-01T11:00:00Z")), "the 25th is the eighth day");
    assert!(Engine::from_json(r#"{"segments": [{"name": "a", "rule": "event('x').within(1 month)"}]}"#).is_err());
}

/// 2: negation over missing history, at the root, and for `count() = 0` and `< 1`.
#[test]
fn what_was_never_counted_is_neither_there_nor_missing() {
    const NEVER: &str = "NOT event('purchased')";
    const ZERO: &str = "event('purchased').where(value > 10).count() = 0";
    const FEW: &str = "event('purchased').where(value > 10).within(7 days).count() < 1";
    const CHEAP: &str = "event('purchased').within(7 days).sum(value) < 50";
    const SOME: &str = "event('purchased')";
    let old = engine(&["event('item_viewed')"]);
    let start = at("2026-03-01T12:00:00Z");
    let mut profile = Profile::default();
    apply(&old, &mut profile, EventKind::Purchased, start);
    let rules = [NEVER, ZERO, FEW, CHEAP, SOME];
    let new = engine(&rules).succeeding(&old, start + Span::hours(1));
    let now = start + Span::hours(1);
    // Before the first event under the new definitions, and after.
    for settled in [false, true] {
        if settled {
            new.refresh(&mut profile, &Catalog::new(), now);
            assert!(holds(&new, &profile, SOME, now), "the history tells that there was one");
        }
        for rule in [NEVER, ZERO, FEW, CHEAP] {
            assert!(!holds(&new, &profile, rule, now), "{rule}");
        }
        let week = start + Span::days(7);
        for rule in [FEW, CHEAP] {
            assert!(!holds(&new, &profile, rule, week - Span::from_millis(1)), "{rule}");
            assert!(holds(&new, &profile, rule, week), "{rule} is known a week later");
        }
        assert!(!holds(&new, &profile, ZERO, week + Span::days(1000)), "ever is longer than that");
    }
    let next = new.next_change(&profile, now).unwrap();
    assert_eq!((next.time, next.entered.len()), (start + Span::days(7), 2));
    // Somebody who came after is known from the beginning.
    let mut late = Profile::default();
    apply(&new, &mut late, EventKind::ItemViewed, now);
    for rule in [NEVER, ZERO, FEW, CHEAP] {
        assert!(holds(&new, &late, rule, now), "{rule}");
    }
}

#[test]
fn a_restart_keeps_in_mind_what_was_never_counted() {
    const FEW: &str = "event('purchased').where(value > 10).within(7 days).count() < 1";
    let start = at("2026-03-01T12:00:00Z");
    let ann = UserKey::known("ann");
    let first = Personalizer::new(engine(&["event('item_viewed')"]));
    let seen = |shop: &Personalizer, user: &str, time: Timestamp| {
        shop.ingest(&Event::new(EventKind::PageViewed, user, time).id(time.to_string()), time).unwrap();
    };
    seen(&first, "ann", start);
    // New definitions while running, then a restart with the same; and a restart with new definitions.
    first.replace_engine(engine(&[FEW]), start + Span::hours(1));
    let second = Personalizer::new(engine(&[FEW]));
    second.restore(&first.snapshot().unwrap()).unwrap();
    let third = Personalizer::new(engine(&[FEW, "event('searched').within(1 day).sum(hits) < 3"]));
    third.restore(&second.snapshot().unwrap()).unwrap();
    for shop in [&first, &second, &third] {
        let now = start + Span::hours(2);
        assert_eq!(shop.memberships(ann, now).len(), 0);
        seen(shop, "ann", now);
        assert_eq!(shop.memberships(ann, now).len(), 0);
        assert!(!shop.memberships(ann, start + Span::days(8)).is_empty());
        seen(shop, "bob", now);
        assert!(!shop.memberships(UserKey::known("bob"), now).is_empty());
    }
    let again = Personalizer::new(engine(&[FEW]));
    again.restore(&second.snapshot().unwrap()).unwrap();
    assert_eq!(again.snapshot().unwrap(), second.snapshot().unwrap());
}

/// 3: membership that should end without any event, and a window count that must return to zero.
#[test]
fn a_window_empties_by_itself() {
    const ZERO: &str = "event('item_viewed').within(1 hour).count() = 0";
    const LEFT: &str = "sequence(event('item_added')).without(event('purchased')).after(2 hours).within(1 day)";
    let engine = engine(&[ZERO, LEFT]);
    let mut profile = Profile::default();
    let now = at("2026-03-01T12:00:00Z");
    apply(&engine, &mut profile, EventKind::ItemViewed, now);
    apply(&engine, &mut profile, EventKind::ItemAdded, now);
    let turns: Vec<(Timestamp, bool, bool)> =
        std::iter::successors(Some(now), |now| engine.next_change(&profile, *now).map(|next| next.time))
            .map(|now| (now, holds(&engine, &profile, ZERO, now), holds(&engine, &profile, LEFT, now)))
            .collect();
    let hours = |hours| now + Span::hours(hours);
    let wanted = [(now, false, false), (hours(1), true, false), (hours(2), true, true), (hours(24), true, false)];
    assert_eq!(turns, wanted);
    // Bought in time: not left behind. Bought later: that stays so.
    let mut bought = profile.clone();
    apply(&engine, &mut bought, EventKind::Purchased, hours(2));
    assert!(!holds(&engine, &bought, LEFT, hours(3)));
    apply(&engine, &mut profile, EventKind::Purchased, hours(2) + Span::from_millis(1));
    assert!(holds(&engine, &profile, LEFT, hours(3)));
}

/// 9: late, repeated, reordered and future events leave the same state as in order and once.
#[test]
fn any_order_and_any_repetition_leave_the_same_bytes() {
    let rules = [
        "event('item_viewed').within(7 days).count() >= 30",
        "event('item_viewed').within(1 day).count() >= 70",
        "event('item_viewed').within(7 days).avg(price) > 3",
        "event('item_viewed').within(7 days).distinct(color) >= 3",
        "event('item_viewed').within(7 days).days() >= 2",
        "sequence(event('item_viewed') then event('item_added').within(1 hour)).without(event('purchased'))",
        "event('item_added').between(2 days, 1 day).max(price) > 5 OR event('purchased').since('2026-03-02')",
    ];
    let engine = engine(&rules);
    let start = at("2026-03-01T12:00:00Z");
    let mut dice = Dice::new(9);
    let kinds = [EventKind::ItemViewed, EventKind::ItemAdded, EventKind::Purchased];
    let events: Vec<Event> = (0..50_u32)
        .map(|i| {
            let time = start + Span::minutes(40 * i);
            let event = Event::new(kinds[dice.below(3)].clone(), "ann", time).id(format!("{i}"));
            event.property("price", dice.below(9) as f64).property("color", dice.pick(&["red", "blue", "green"]))
        })
        .collect();
    let now = start + Span::days(2);
    let fold = |events: &[Event]| {
        let mut profile = Profile::default();
        for event in events {
            engine.apply(event, &mut profile, &Catalog::new(), now);
        }
        (profile.to_bytes().unwrap(), members(&engine, &profile, now))
    };
    let wanted = fold(&events);
    assert!(!wanted.1.is_empty());
    for _ in 0..20 {
        let mut shuffled: Vec<Event> = events.iter().chain(&events[10..20]).cloned().collect();
        dice.shuffle(&mut shuffled);
        assert_eq!(fold(&shuffled), wanted);
    }
}

fn members(engine: &Engine, profile: &Profile, now: Timestamp) -> BTreeSet<String> {
    engine.memberships(profile, now).map(ToString::to_string).collect()
}

#[track_caller]
fn matches(rule: &str, attributes: serde_json::Value) -> bool {
    let attributes: Properties = serde_json::from_value(attributes).unwrap();
    Rule::parse(rule).unwrap().compile_alone(&Lists::default()).unwrap().matches(&attributes)
}

/// Trap 6: an empty list, group or object must not mean everyone by accident.
#[test]
fn nothing_empty_means_everyone() {
    for text in ["", "plan IN ()", "plan NOT IN ()", "tags ALL ()", "()", "event('purchased').where()"] {
        assert!(Rule::parse(text).is_err(), "{text}");
    }
    for json in [
        json!({}),
        json!({"$and": []}),
        json!({"$or": []}),
        json!({"$nor": []}),
        json!({"$not": {}}),
        json!({"plan": {}}),
        json!({"plan": {"$in": []}}),
        json!({"plan": {"$nin": []}}),
        json!({"tags": {"$elemMatch": {}}}),
        json!({"$context": {}}),
    ] {
        assert!(Rule::from_json(&json).is_err(), "{json}");
    }
    let nobody: [&str; 0] = [];
    assert!(Rule::attribute("plan").one_of(nobody).compile_alone(&Lists::default()).is_err());
    // Of an empty list nothing holds, neither of any element nor of every one.
    for rule in ["tags ANY (it EXISTS)", "tags EVERY (it EXISTS)", "tags ALL ('a')", "tags = 'a'"] {
        assert!(!matches(rule, json!({"tags": []})), "{rule}");
    }
    let problems = Engine::from_json(r#"{"lists": [{"name": "testers", "values": []}]}"#).unwrap_err();
    assert!(problems.to_string().contains("1 to 100,000 values"), "{problems}");
}

/// Trap 7: numbers and text, case, large numbers, not-a-number, minus zero, invalid patterns.
#[test]
fn kinds_case_and_odd_numbers_hold_no_surprise() {
    assert!(!matches("n = 5", json!({"n": "5"})) && !matches("n = '5'", json!({"n": 5})));
    assert!(!matches("n > 4", json!({"n": "5"})) && !matches("n IN (5, 6)", json!({"n": "5"})));
    assert!(matches("js_number(n) > 4", json!({"n": "5"})));
    assert!(!matches("flag = 1", json!({"flag": true})) && !matches("n = true", json!({"n": 1})));
    // Case counts unless it is said not to, and then beyond ASCII too.
    assert!(!matches("city = 'köln'", json!({"city": "KÖLN"})));
    assert!(matches("city = 'köln' IGNORING CASE", json!({"city": "KÖLN"})));
    assert!(matches("city MATCHES '^kö' IGNORING CASE", json!({"city": "KÖLN"})));
    // Whole numbers beyond 2^53 are the nearest number that a double holds.
    assert!(matches("id = 9007199254740993", json!({"id": 9007199254740993_u64})));
    assert!(matches("n = 0 AND n = -0 AND n IN (0, 1) AND n === 0", json!({"n": -0.0})));
    for text in
        ["n = 1e999", "n = NaN", "name MATCHES '('", "name MATCHES '(?=a)'", "name MATCHES '(((((a{99}){99}){99})))'"]
    {
        assert!(Rule::parse(text).is_err(), "{text}");
    }
    assert!(Rule::attribute("n").eq(f64::NAN).compile_alone(&Lists::default()).is_err());
    assert!(Rule::attribute("n").matches("(").compile_alone(&Lists::default()).is_err());
    // A pattern made to explode stays linear: a backtracking engine would need 2^64 steps here.
    let text = format!("{}!", "a".repeat(64));
    assert!(!matches("name MATCHES '^(a|a)*(a|a)*$'", json!({"name": text})));
    assert!(!matches("name MATCHES '^(a+)+$'", json!({"name": text})));
}

/// Trap 8: deep nesting, circles, ten thousand segments, a hundred thousand values.
#[test]
fn size_and_depth_end_in_typed_errors() {
    for deep in ["(", "NOT ", "x ANY (", "size(", "js_text("] {
        assert!(Rule::parse(&deep.repeat(100_000)).is_err(), "{deep}");
    }
    let many: Vec<String> = (0..100_000).map(|i| format!("'u{i}'")).collect();
    let rule = Rule::parse(&format!("id IN ({})", many.join(","))).unwrap();
    let rule = rule.compile_alone(&Lists::default()).unwrap();
    assert!(rule.matches(&[("id".to_owned(), "u99999".into())].into()));
    assert!(!rule.matches(&[("id".to_owned(), "u100000".into())].into()));
    assert!(Rule::parse(&format!("id IN ({},'one')", many.join(","))).is_err());

    let lists = Lists::new(&[List::new("all", (0..100_000).map(|i| format!("u{i}")))]);
    let rule = Rule::parse("id IN LIST 'all'").unwrap().compile_alone(&lists).unwrap();
    assert!(rule.matches(&[("id".to_owned(), "u77".into())].into()));

    // Each refers to ten others; the last ones close a circle.
    let segment = |i: usize| {
        let others = (1..=10).map(|k| format!("segment('s{}')", (i + k) % 10_000));
        json!({"name": format!("s{i}"), "rule": others.collect::<Vec<_>>().join(" OR ")})
    };
    let segments: Vec<_> = (0..10_000).map(segment).collect();
    let problems = Engine::from_json(&json!({"segments": segments}).to_string()).unwrap_err();
    assert!(problems.to_string().contains("in a circle"), "{problems}");
    // As many that refer to nothing: the mistakes that are told are few, and the others cost nothing.
    let unknown = |i: usize| json!({"name": format!("s{i}"), "rule": format!("segment('t{i}')")});
    let segments: Vec<_> = (0..10_000).map(unknown).collect();
    let problems = Engine::from_json(&json!({"segments": segments}).to_string()).unwrap_err();
    assert_eq!(problems.as_slice().len(), 200);
}
