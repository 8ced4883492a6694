use super::*;
use crate::catalog::Catalog;
use crate::event::{Event, EventKind};
use crate::hash::{combine, unit};
use crate::time::Span;

const DEFINITIONS: &str = r#"{"segments": [
    {"name": "viewers", "rule": "event('item_viewed').within(7 days).count() >= 2"},
    {"name": "not buyers", "rule": "NOT event('purchased')"},
    {"name": "german viewers", "rule": "country = 'DE' AND segment('viewers') AND plan = 'pro'"},
    {"name": "also viewers", "rule": "event('item_viewed').within(7 days).count() >= 2"},
    {"name": "strangers", "rule": "NOT plan EXISTS"},
    {"name": "martians", "rule": {"country": "MARS"}},
    {"name": "all", "rule": "country != 'MARS'"}
]}"#;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn people(engine: &Engine, count: u64) -> Vec<Profile> {
    let catalog = Catalog::new();
    let one = |person: u64| {
        let draw = |i: u64| unit(combine(&[person, i]));
        let mut profile = Profile::default();
        let mut apply = |event: Event| drop(engine.apply(&event, &mut profile, &catalog, event.time));
        let country = ["DE", "AT", "CH"][(3.0 * draw(0)) as usize];
        let mut event = Event::new(EventKind::Identified, "x", now() - Span::days(20)).attribute("country", country);
        if draw(1) < 0.6 {
            event = event.attribute("plan", if draw(2) < 0.5 { "pro" } else { "free" });
        }
        apply(event);
        for view in 0..(4.0 * draw(3)) as u64 {
            let time = now() - Span::hours((400.0 * draw(10 + view)) as u32);
            apply(Event::new(EventKind::ItemViewed, "x", time).item("a").id(view.to_string()));
        }
        if draw(4) < 0.2 {
            apply(Event::new(EventKind::Purchased, "x", now() - Span::days(1)).item("a").value(9.0, "EUR"));
        }
        profile
    };
    (0..count).map(one).collect()
}

fn is_member(engine: &Engine, profile: &Profile, name: &str) -> bool {
    engine.memberships(profile, now()).any(|of| &**of == name)
}

#[test]
fn sizes_overlaps_and_funnels_are_those_of_counting_one_by_one() {
    let engine = Engine::from_json(DEFINITIONS).unwrap();
    let people = people(&engine, 300);
    let report = Sizes::of(&engine, &people, now(), SizeSettings { overlaps: 99, ..SizeSettings::default() }).report();
    let size = |names: &[&str]| {
        people.iter().filter(|profile| names.iter().all(|name| is_member(&engine, profile, name))).count() as u64
    };
    for segment in &report.segments {
        assert_eq!(segment.people, size(&[&segment.name]), "{}", segment.name);
    }
    let telling: Vec<&str> =
        report.segments.iter().filter(|of| of.people > 0 && of.people < 300).map(|of| &*of.name).collect();
    assert_eq!(telling.len(), 5);
    let mut pairs = 0;
    for (i, a) in telling.iter().enumerate() {
        for b in &telling[i + 1..] {
            let both = size(&[a, b]);
            let found = report.overlaps.iter().find(|of| (&*of.a, &*of.b) == (*a, *b));
            assert_eq!(found.map_or(0, |of| of.both), both, "{a} {b}");
            let Some(found) = found else { continue };
            pairs += 1;
            let (of_a, of_b) = (size(&[a]), size(&[b]));
            assert!((found.jaccard - both as f64 / (of_a + of_b - both) as f64).abs() < 1e-12);
            assert!((found.a_in_b - both as f64 / of_a as f64).abs() < 1e-12);
            assert!((found.b_in_a - both as f64 / of_b as f64).abs() < 1e-12);
        }
    }
    assert_eq!(report.overlaps.len(), pairs);
    // The funnel, with each condition asked by itself.
    let plan = |profile: &Profile| profile.attributes().value("plan").and_then(|value| value.as_text()) == Some("pro");
    let german =
        |profile: &Profile| profile.attributes().value("country").and_then(|value| value.as_text()) == Some("DE");
    let viewer = |profile: &Profile| is_member(&engine, profile, "viewers");
    let parts = &report.segments.iter().find(|of| of.name == "german viewers").unwrap().parts;
    let of = |holds: [bool; 3]| {
        let all = |profile: &&Profile| [german(profile), viewer(profile), plan(profile)] == holds;
        people.iter().filter(all).count() as u64
    };
    let excluded: Vec<u64> = parts.iter().map(|part| part.excludes_alone).collect();
    assert_eq!(excluded, [of([false, true, true]), of([true, false, true]), of([true, true, false])]);
    let full = of([true, true, true]);
    assert_eq!(
        parts.iter().map(|part| part.left).collect::<Vec<_>>(),
        [people.iter().filter(|profile| german(profile)).count() as u64, full + of([true, true, false]), full]
    );
    assert!(parts.iter().all(|part| part.without == full + part.excludes_alone));
}

#[test]
fn empty_identical_nested_and_general_segments_are_told() {
    let engine = Engine::from_json(DEFINITIONS).unwrap();
    let report = Sizes::of(&engine, &people(&engine, 300), now(), SizeSettings::default()).report();
    let extent = |name: &str| report.segments.iter().find(|of| of.name == name).unwrap().extent;
    assert_eq!([extent("martians"), extent("all")], [Extent::Empty, Extent::Everyone]);
    assert_eq!(extent("viewers"), Extent::TooSmall);
    let relation =
        |a: &str, b: &str| report.overlaps.iter().find(|of| (&*of.a, &*of.b) == (a, b)).map(|of| of.relation);
    assert_eq!(relation("viewers", "also viewers"), Some(Relation::Identical));
    assert_eq!(relation("viewers", "german viewers"), Some(Relation::Around));
    assert_eq!(relation("viewers", "not buyers"), Some(Relation::Partial));
    assert_eq!(report.overlaps[0].relation, Relation::Identical);
    let text = report.to_string();
    assert!(text.contains("the same people") && text.contains("country = 'DE'"), "{text}");
    assert!(text.contains("A segment needs 16,316 people"), "{text}");
}

#[test]
fn surveys_of_parts_add_up() {
    let engine = Engine::from_json(DEFINITIONS).unwrap();
    let people = people(&engine, 200);
    for pairs in [4 << 20, 8] {
        let settings = SizeSettings { pairs, ..SizeSettings::default() };
        let whole = Sizes::of(&engine, &people, now(), settings);
        let mut parts = Sizes::of(&engine, &people[..70], now(), settings);
        parts.merge(&Sizes::of(&engine, &people[70..], now(), settings));
        assert_eq!(parts.report(), whole.report());
    }
}

/// Ten thousand segments of which every person is in forty: 50 million pairs could occur.
#[test]
fn pairs_of_ten_thousand_segments_stay_within_the_limit() {
    let segments: Vec<String> =
        (0..10_000).map(|i| format!(r#"{{"name": "s{i}", "rule": {{"tags": "t{}"}}}}"#, i % 5_000)).collect();
    let engine = Engine::from_json(&format!(r#"{{"segments": [{}]}}"#, segments.join(","))).unwrap();
    let mut sizes = Sizes::new(&engine, now(), SizeSettings { pairs: 20_000, ..SizeSettings::default() });
    let mut people = Vec::new();
    for person in 0..100_u64 {
        let tag = |i: u64| crate::value::Value::from(format!("t{}", combine(&[person, i]) % 5_000).as_str());
        let tags = crate::value::Value::List((0..20).map(tag).collect());
        let mut profile = Profile::default();
        let event = Event::new(EventKind::Identified, "x", now()).attribute("tags", tags);
        engine.apply(&event, &mut profile, &Catalog::new(), now());
        sizes.observe(&profile);
        people.push(engine.memberships(&profile, now()).map(|name| name.to_string()).collect::<Vec<_>>());
    }
    let report = sizes.report();
    assert!(report.missed > 0 && !report.overlaps.is_empty() && report.overlaps.len() <= 40_000);
    for overlap in &report.overlaps {
        let both = people.iter().filter(|of| of.contains(&overlap.a) && of.contains(&overlap.b)).count() as u64;
        assert!(overlap.both <= both && both <= overlap.both + report.missed, "{overlap:?} {both}");
        assert!(overlap.relation != Relation::Identical || overlap.jaccard > 0.999);
    }
}
