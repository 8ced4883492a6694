//! What people say they like lifts what their behaviour shows, and what they turn away from loses.

use bespoke::catalog::{Catalog, Item};
use bespoke::event::{Event, EventKind};
use bespoke::profile::Dimension;
use bespoke::{Engine, Profile, Span, Timestamp};

use crate::dice::Dice;

fn at(hour: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(hour * 3_600_000)
}

fn engine() -> Engine {
    Engine::from_json(r#"{"segments": [{"name": "runners", "rule": "affinity('category', 'shoes/running') >= 0.3"}]}"#)
        .unwrap()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    catalog.upsert(Item::new("hat").category("hats")).unwrap();
    catalog.upsert(Item::new("pacer").category("shoes/running")).unwrap();
    catalog
}

fn category(engine: &Engine) -> Dimension {
    engine.upkeep().dimensions[0]
}

fn apply(engine: &Engine, profile: &mut Profile, event: Event, hour: i64) -> bespoke::engine::Changes {
    engine.apply(&event, profile, &catalog(), at(hour))
}

#[test]
fn a_stated_preference_lifts_the_behaviour_it_belongs_to_until_it_expires() {
    let (engine, mut ann) = (engine(), Profile::default());
    let of = category(&engine);
    for hour in 0..8 {
        apply(&engine, &mut ann, Event::new(EventKind::ItemViewed, "ann", at(hour)).item("hat"), hour);
    }
    apply(&engine, &mut ann, Event::new(EventKind::ItemViewed, "ann", at(8)).item("pacer"), 8);
    // Eight views of hats, one of running shoes, which counts for shoes too: a tenth, but for an eighth's fading.
    let before = ann.affinity(&of, "shoes/running", at(9));
    assert!((before - 0.1).abs() < 0.01, "{before}");
    let said = Event::new(EventKind::PreferenceStated, "ann", at(9)).property("category", "shoes/running");
    let changes = apply(&engine, &mut ann, said.property("for", "2d"), 9);
    assert_eq!(changes.entered.len(), 1);
    // Both now weigh 1 + 8 beside the 8 of hats: 9 of 26.
    let lifted = ann.affinity(&of, "shoes/running", at(10));
    assert!((lifted - 9.0 / 26.0).abs() < 0.01, "{lifted}");
    assert!((lifted - ann.affinity(&of, "shoes/running", at(50))).abs() < 1e-3, "time alone changes no share");
    assert_eq!(ann.interests_in(&of, at(10))[2].0, "hats".into());
    let next = engine.next_change(&ann, at(10)).unwrap();
    assert_eq!((next.time, next.left.len()), (at(9 + 48), 1));
    assert!((ann.affinity(&of, "shoes/running", at(57)) - before).abs() < 1e-6);
}

#[test]
fn a_stated_dislike_takes_the_share_away_and_leaves_the_parents() {
    let (engine, mut ann) = (engine(), Profile::default());
    let of = category(&engine);
    apply(&engine, &mut ann, Event::new(EventKind::ItemViewed, "ann", at(0)).item("pacer"), 0);
    let said = Event::new(EventKind::PreferenceStated, "ann", at(1)).property("category", "shoes/running");
    let changes = apply(&engine, &mut ann, said.property("like", false), 1);
    assert_eq!(changes.left.len(), 1);
    assert!(ann.affinity(&of, "shoes/running", at(2)).abs() < 1e-9);
    assert!((ann.affinity(&of, "shoes", at(2)) - 1.0).abs() < 1e-9);
}

#[test]
fn waving_an_item_away_lowers_its_category_and_the_parents_of_it() {
    let (engine, mut ann) = (engine(), Profile::default());
    let of = category(&engine);
    for (hour, item) in [(0, "hat"), (1, "pacer"), (2, "pacer")] {
        apply(&engine, &mut ann, Event::new(EventKind::ItemAdded, "ann", at(hour)).item(item), hour);
    }
    let before = (ann.affinity(&of, "shoes", at(3)), ann.affinity(&of, "shoes/running", at(3)));
    apply(&engine, &mut ann, Event::new(EventKind::Dismissed, "ann", at(3)).item("pacer"), 3);
    let after = (ann.affinity(&of, "shoes", at(4)), ann.affinity(&of, "shoes/running", at(4)));
    // Two additions of weight 3 less 4 leave 2 each, beside the 3 of hats: from 6/15 to 2/7.
    assert!((before.0 - 0.4).abs() < 0.01 && (before.1 - 0.4).abs() < 0.01, "{before:?}");
    assert!((after.0 - 2.0 / 7.0).abs() < 0.01 && (after.1 - 2.0 / 7.0).abs() < 0.01, "{after:?}");
}

#[test]
fn statements_do_not_depend_on_the_order_of_arrival() {
    let engine = engine();
    let mut bytes = None;
    let mut events: Vec<Event> = (0..12)
        .map(|i| {
            let category = ["hats", "shoes/running", "shoes"][i % 3];
            Event::new(EventKind::PreferenceStated, "ann", at(i as i64 / 2)).property("category", category)
        })
        .enumerate()
        .map(|(i, event)| if i % 5 == 0 { event.property("like", false) } else { event })
        .collect();
    for seed in 0..40 {
        Dice::new(seed).shuffle(&mut events);
        let mut ann = Profile::default();
        for event in events.iter().chain(&events[..3]) {
            apply(&engine, &mut ann, event.clone(), 10);
        }
        let stored = serde_json::to_string(&ann).unwrap();
        assert_eq!(bytes.get_or_insert_with(|| stored.clone()), &stored);
    }
}

/// Only rules about values of which something is known are evaluated; those about one that had to leave are too.
#[test]
fn values_that_leave_for_others_are_noticed() {
    let names: Vec<String> = (0..80).map(|i| format!("b{i}")).collect();
    let rules = names.iter().flat_map(|name| {
        let rule = |measure: &str| format!("affinity('brand', '{name}'){measure}");
        let (share, rank, score) = (rule(" > 0.01"), rule(".rank() <= 20"), rule(".score() >= 0.1"));
        [("share", share), ("rank", rank), ("score", score)].map(|(what, rule)| (format!("{what} {name}"), rule))
    });
    let segments: Vec<_> = rules.map(|(name, rule)| serde_json::json!({"name": name, "rule": rule})).collect();
    let schema = serde_json::json!({"affinities": [{"attribute": "brand", "half_life": "1d"}]});
    let engine = Engine::from_json(&serde_json::json!({"schema": schema, "segments": segments}).to_string()).unwrap();
    // A profile that another engine has settled is settled as a whole.
    let lists = serde_json::json!([{"name": "other", "values": [1]}]);
    let again = serde_json::json!({"schema": schema, "segments": segments, "lists": lists});
    let again = Engine::from_json(&again.to_string()).unwrap();
    let mut catalog = Catalog::new();
    for name in &names {
        catalog.upsert(Item::new(name).brand(name)).unwrap();
    }
    let (mut dice, mut profile, mut left) = (Dice::new(7), Profile::default(), 0);
    for hour in 0..600 {
        let name = &names[dice.below(80)];
        let event = match dice.below(4) {
            0 => Event::new(EventKind::PreferenceStated, "ann", at(hour)).property("brand", name.as_str()),
            1 => Event::new(EventKind::Purchased, "ann", at(hour)).item(name),
            _ => Event::new(EventKind::ItemViewed, "ann", at(hour)).item(name),
        };
        let event = event.id(format!("{hour}")).property("for", "40h");
        left += engine.apply(&event, &mut profile, &catalog, at(hour)).left.len();
        let kept: Vec<String> = engine.memberships(&profile, at(hour)).map(ToString::to_string).collect();
        let anew: Vec<String> = again.memberships(&profile, at(hour)).map(ToString::to_string).collect();
        assert_eq!(kept, anew, "at hour {hour}");
    }
    assert!(left > 200, "{left}");
}
