//! Whatever comes in, a profile stays within the bytes that the settings allow, and never gives a wrong answer for it.

use std::fmt::Write as _;

use bespoke::catalog::{Catalog, Item};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::{Engine, Profile, Span, Timestamp};

use crate::dice::Dice;

fn at(second: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(second * 1000)
}

/// Behavioural rules of all kinds, each about an event kind and a property of its own.
fn engine(rules: usize, bytes: usize) -> Engine {
    let mut segments = String::new();
    for i in 0..rules {
        let (kind, colour) = (["item_viewed", "item_added", "purchased", "searched"][i % 4], i / 4 % 500);
        let event = format!("event('{kind}').where(colour = 'c{colour}')");
        let rule = match i % 7 {
            0 => format!("{event}.within({} days).count() >= {}", 1 + i % 90, 1 + i % 50),
            1 => format!("{event}.count() >= {}", 1 + i % 9),
            2 => format!("NOT {event}.within({} days)", 1 + i % 30),
            3 => format!("{event}.within({} days).sum(value) >= {i}", 1 + i % 60),
            4 => format!("{event}.last() > time('2026-02-01')"),
            5 => format!("attribute('a{}') EXISTS AND {event}.within(1 hour)", i % 300),
            _ => format!("affinity('category', 'k{}') > 0.01 AND {event}", i % 60),
        };
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(segments, "{comma}{{\"name\": \"s{i}\", \"rule\": {}}}", serde_json::json!(rule));
    }
    Engine::from_json(&format!(r#"{{"segments": [{segments}], "settings": {{"profile_bytes": {bytes}}}}}"#)).unwrap()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    for i in 0..60 {
        catalog.upsert(Item::new(format!("i{i}")).category(format!("k{i}")).brand(format!("b{i}"))).unwrap();
    }
    catalog
}

/// An event that asks for as much room as it can.
fn hostile(dice: &mut Dice, n: usize) -> Event {
    let kind = dice.pick(&["item_viewed", "item_added", "purchased", "searched"]);
    let kind = if dice.below(9) == 0 { format!("own {n}") } else { kind.to_owned() };
    let mut event = Event::new(EventKind::from(kind.as_str()), "ann", at(dice.below(4_000_000) as i64));
    for _ in 0..dice.below(6) {
        event = event.attribute(format!("a{}", dice.below(400)), "t".repeat(dice.below(1024)));
    }
    let colours: Vec<bespoke::Value> = (0..dice.below(30)).map(|_| format!("c{}", dice.below(500)).into()).collect();
    event = event.property("colour", bespoke::Value::from(colours)).value(dice.below(99) as f64, format!("C{n}"));
    event.items.extend((0..dice.below(20)).map(|_| EventItem::new(format!("i{}", dice.below(60)))));
    event.source = Some("s".repeat(1 + dice.below(500)));
    event.id(format!("e{n}"))
}

#[test]
fn a_hostile_stream_never_takes_a_profile_above_what_is_allowed() {
    for (seed, rules, bytes) in [(1, 10_000, 8192), (2, 200, 2048), (3, 200, 8192), (4, 0, 2048)] {
        let (engine, catalog, dice) = (engine(rules, bytes), catalog(), &mut Dice::new(seed));
        let mut profile = Profile::default();
        for n in 0..if rules > 1_000 { 300 } else { 1_500 } {
            let event = hostile(dice, n);
            let changes = engine.apply(&event, &mut profile, &catalog, at(5_000_000));
            assert!(profile.bytes() <= bytes, "{} bytes after {n} events, seed {seed}", profile.bytes());
            assert!(!changes.entered.iter().any(|name| changes.left.contains(name)));
        }
        assert!(profile.bytes() > bytes / 2, "what is allowed is used: {}", profile.bytes());
        assert!(profile.history().len() > 1 && profile.attributes().as_slice().len() > 1);
    }
}

/// Against a profile with all the room there is: where the small one has an answer, it is the same.
#[test]
fn what_had_to_go_is_unknown_and_never_wrong() {
    let (small, large, catalog) = (engine(350, 2048), engine(350, 1_048_576), catalog());
    let mut differ = 0;
    for seed in 0..6 {
        let dice = &mut Dice::new(seed);
        let (mut a, mut b) = (Profile::default(), Profile::default());
        for n in 0..120 {
            let mut event = hostile(dice, n);
            event.attributes.clear();
            event.items.clear();
            small.apply(&event, &mut a, &catalog, at(5_000_000));
            large.apply(&event, &mut b, &catalog, at(5_000_000));
        }
        let members = |engine: &Engine, profile: &Profile| -> Vec<String> {
            engine.memberships(profile, at(5_000_000)).map(|name| name.to_string()).collect()
        };
        let (known, all) = (members(&small, &a), members(&large, &b));
        // Rules over attributes and affinities read what is gone, not what is unknown.
        let is_of_counters = |name: &&String| name[1..].parse::<usize>().unwrap() % 7 < 5;
        assert!(known.iter().filter(is_of_counters).all(|name| all.contains(name)), "seed {seed}");
        differ += all.len() - known.len();
    }
    assert!(differ > 50, "{differ}");
}

#[test]
fn below_what_is_allowed_any_order_gives_the_same_bytes() {
    let (engine, catalog) = (engine(300, 1_048_576), catalog());
    let dice = &mut Dice::new(9);
    let mut events: Vec<Event> = (0..60).map(|n| hostile(dice, n)).collect();
    for event in &mut events {
        event.currency = Some("EUR".into());
        event.items.truncate(1);
    }
    let mut bytes = None;
    for _ in 0..4 {
        dice.shuffle(&mut events);
        let mut profile = Profile::default();
        for event in &events {
            engine.apply(event, &mut profile, &catalog, at(5_000_000));
        }
        let stored = serde_json::to_string(&profile).unwrap();
        assert!(bytes.get_or_insert_with(|| stored.clone()) == &stored);
    }
}
