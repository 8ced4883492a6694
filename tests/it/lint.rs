//! Warnings: what nobody can meet or everybody does is told, and never of what some profile meets or fails.

use bespoke::catalog::Catalog;
use bespoke::config::{Fault, Warning};
use bespoke::engine::{Definitions, Engine};
use bespoke::event::{Event, EventKind};
use bespoke::profile::Profile;
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;

use crate::dice::Dice;

const SCHEMA: &str = r#""schema": {"attributes": {"x": "number", "t": "text", "b": "bool", "d": "time", "l": "list", "u": "object"}, "events": ["a", "c"]}"#;

fn document(segments: &[(&str, &str)]) -> String {
    let segments: Vec<_> =
        segments.iter().map(|(name, rule)| serde_json::json!({"name": name, "rule": rule})).collect();
    format!("{{{SCHEMA}, \"segments\": {}}}", serde_json::json!(segments))
}

fn warnings(segments: &[(&str, &str)]) -> Vec<String> {
    let warnings = Definitions::warnings_of_json(&document(segments)).unwrap();
    warnings.as_slice().iter().map(|problem| format!("{}: {}", problem.place.path, problem.fault)).collect()
}

#[test]
fn what_nobody_can_meet_is_told() {
    for rule in [
        "x = 1 AND x = 2",
        "x > 5 AND x < 3",
        "x BETWEEN 5 AND 3",
        "t = 'a' AND t IN ('b', 'c')",
        "t IN ('a', 'b') AND t NOT IN ('b', 'a')",
        "t = 'a' AND NOT t EXISTS",
        "b = true AND b = false",
        "d > time('2026-02-01') AND d < time('2026-01-01')",
        "event('a').count() >= 3 AND event('a').count() < 2",
        "event('a').count() < 0",
        "event('a').count() BETWEEN 1.2 AND 1.8",
        "event('a').within(7 days).count() >= 3 AND event('a').within(30 days).count() < 2",
        "event('a').within(7 days).count() >= 3 AND NOT event('a')",
        "x > 1 AND (t = 'a' OR x < 5) AND x = 9 AND t = 'b'",
        "event('a').last() < time('2026-01-01') AND event('a').last() > time('2026-02-01')",
        "(x = 1 OR x = 2) AND (x = 3 OR x = 4)",
        "affinity('category', 'a') > 0.5 AND NOT affinity('category', 'a') > 0.5",
        "event('a').where(x = 1 AND NOT x = 1).count() >= 2",
        "sequence(event('c') then event('a').where((x = 1 OR y = 2) AND NOT y = 2 AND NOT x = 1))",
    ] {
        let text = document(&[("s", rule)])
            .replace("\"events\"", "\"affinities\": [{\"attribute\": \"category\"}], \"events\"");
        let told = Definitions::warnings_of_json(&text).unwrap();
        assert!(matches!(told.as_slice()[0].fault, Fault::Warning(Warning::Never { .. })), "{rule}: {told}");
    }
}

#[test]
fn what_excludes_nobody_and_what_only_lists_meet_is_told() {
    for rule in [
        "event('a').count() >= 0",
        "x = 1 OR x != 1",
        "NOT (x > 5 AND x < 3)",
        "t EXISTS OR NOT t EXISTS",
        "event('a').where(x = 1 OR NOT x = 1).count() >= 2",
    ] {
        assert!(warnings(&[("s", rule)])[0].contains("excludes nobody"), "{rule}");
    }
    assert_eq!(
        warnings(&[("s", "l = 'a' AND l = 'b'")]),
        [
            "segments[0].rule: only a list of values can meet `l = 'a' AND l = 'b'`: `l = 'a'` and `l = 'b'` exclude each \
          other; drop one of them, or join them with OR"
        ]
    );
}

#[test]
fn what_only_events_of_several_items_meet_is_told() {
    assert_eq!(
        warnings(&[("s", "event('a').where(color = 'red' AND color = 'blue').count() >= 2")]),
        ["segments[0].rule: only a list of values can meet `event('a').where(color = 'blue' AND color = 'red')`: \
          `color = 'blue'` and `color = 'red'` exclude each other; drop one of them, or join them with OR"]
    );
}

#[test]
fn a_useless_part_is_told_at_its_own_place() {
    let text = document(&[("s", "t = 'a' OR (x > 5 AND x < 3)")]);
    let told = Definitions::warnings_of_json(&text).unwrap();
    let place = &told.as_slice()[0].place;
    assert_eq!((place.line, place.column), (1, text.find("x > 5").unwrap() + 1), "{told}");
    assert_eq!(told.as_slice().len(), 1);
}

#[test]
fn what_follows_from_other_segments_is_told() {
    let told = warnings(&[
        ("buyers", "event('a').count() >= 2"),
        ("others", "NOT segment('buyers')"),
        ("both", "segment('others') AND event('a').count() > 5"),
        ("again", "event('a').count() >= 2"),
    ]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("segments[2].rule: nobody can meet"), "{told:?}");
    assert!(told[1].starts_with("segments[3].rule: the segment `buyers` has the same rule"), "{told:?}");
}

#[test]
fn sound_rules_are_not_warned_of() {
    for rule in [
        "x > 3 AND x < 5",
        "t != 'a' AND t != 'b'",
        "NOT t = 'a' AND NOT t EXISTS",
        "l = 'a' AND l IN ('a', 'c')",
        "event('a').within(7 days).count() < 2 AND event('a').count() >= 3",
        "event('a').count() >= 3 AND event('c').count() < 2",
        "t > 'a' AND t < 'b'",
        "event('a').where(x = 1).count() >= 1 AND NOT event('a').where(x = 2)",
        "event('a').where(x = 1 OR y = 2 AND NOT x = 1)",
        "TRUE",
        "session(seconds) > 0.2 AND session(seconds) < 0.8",
    ] {
        assert_eq!(warnings(&[("s", rule)]), [""; 0], "{rule}");
    }
}

#[test]
fn a_campaign_that_another_forestalls_is_told() {
    let text = r#"{
  "placements": ["home"],
  "campaigns": [
    {"name": "all", "placement": "home", "priority": 5, "payload": 1, "schedule": {"ends": "2026-06-01"}},
    {"name": "pros", "placement": "home", "priority": 4, "payload": 1, "audience": "plan = 'pro'"},
    {"name": "more pros", "placement": "home", "priority": 3, "payload": 1, "audience": "plan = 'pro' AND age > 3"},
    {"name": "spring", "placement": "home", "priority": 2, "payload": 1, "schedule": {"ends": "2026-05-01"}},
    {"name": "items", "placement": "home", "priority": 1, "recommend": {"sources": ["popular"]}},
    {"name": "rest", "placement": "home", "payload": 1}
  ]
}"#;
    let told = Definitions::warnings_of_json(text).unwrap();
    let told: Vec<String> = told.as_slice().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("6:5: campaigns[2]: it is never shown, since `pros` takes in everybody"), "{told:?}");
    assert!(told[1].starts_with("7:5: campaigns[3]: it is never shown, since `all` takes in"), "{told:?}");
}

fn leaf(dice: &mut Dice) -> String {
    let number = dice.below(3);
    let op = dice.pick(&["=", "!=", "<", "<=", ">", ">="]);
    match dice.below(10) {
        0 | 1 => format!("x {op} {number}"),
        2 => format!("t {} '{}'", dice.pick(&["=", "!="]), dice.pick(&["p", "q"])),
        3 => format!("t {} ('p', 'r')", dice.pick(&["IN", "NOT IN"])),
        4 => format!("{} EXISTS", dice.pick(&["x", "t", "l", "b"])),
        5 => format!("l {} {number}", dice.pick(&["=", "!="])),
        6 => format!("x BETWEEN {} AND {}", dice.below(3), dice.below(3)),
        7 => format!("b = {}", dice.coin()),
        8 => format!("event('a').count() {op} {number}"),
        _ => format!("event('a').within({}).count() {op} {number}", dice.pick(&["1h", "2h"])),
    }
}

fn rule(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.below(4) == 0 {
        return leaf(dice);
    }
    let between = dice.pick(&[" AND ", " AND ", " OR "]);
    let parts: Vec<String> = (0..2).map(|_| rule(dice, depth - 1)).collect();
    let not = if dice.below(5) == 0 { "NOT " } else { "" };
    format!("{not}({})", parts.join(between))
}

fn person(dice: &mut Dice, engine: &Engine, start: Timestamp) -> (Profile, Timestamp) {
    let (mut profile, mut now, catalog) = (Profile::default(), start, Catalog::new());
    let mut said = Event::new(EventKind::Identified, "ann", now);
    let number = |dice: &mut Dice| Value::from(dice.below(5) as f64 / 2.0 - 0.5);
    let list = |dice: &mut Dice| Value::from(vec![number(dice), number(dice)]);
    for name in ["x", "t", "b", "l"] {
        if dice.below(4) > 0 {
            let value = match name {
                "x" => number(dice),
                "t" => Value::from(dice.pick(&["p", "q", "r", ""])),
                "b" => Value::from(dice.coin()),
                _ => list(dice),
            };
            said = said.attribute(name, value);
        }
    }
    engine.apply(&said, &mut profile, &catalog, now);
    for n in 0..dice.below(4) {
        now = now + Span::minutes(dice.below(70) as u32);
        engine.apply(&Event::new("a".into(), "ann", now).id(format!("{n}")), &mut profile, &catalog, now);
    }
    now = now + Span::minutes(dice.below(90) as u32);
    (profile, now)
}

#[test]
fn no_warning_is_given_of_a_rule_that_some_random_person_contradicts() {
    let start: Timestamp = "2026-01-01".parse().unwrap();
    let (mut never, mut always) = (0, 0);
    for seed in 0..2_500 {
        let mut dice = Dice::new(9_000_000 + seed);
        let depth = 1 + dice.below(3);
        let text = document(&[("s", &rule(&mut dice, depth))]);
        let engine = Engine::from_json(&text).unwrap();
        let whole = engine.segment("s").unwrap().rule.to_string();
        let told = Definitions::warnings_of_json(&text).unwrap();
        let mut wanted = None;
        for problem in told.as_slice() {
            match &problem.fault {
                Fault::Warning(Warning::Never { rule, .. }) if *rule == whole => wanted = Some(false),
                Fault::Warning(Warning::Always { rule }) if *rule == whole => wanted = Some(true),
                _ => {}
            }
        }
        let Some(wanted) = wanted else { continue };
        *if wanted { &mut always } else { &mut never } += 1;
        for _ in 0..60 {
            let (profile, now) = person(&mut dice, &engine, start);
            let is_in = engine.memberships(&profile, now).count() == 1;
            assert_eq!(is_in, wanted, "{whole}\n{told}\n{profile:?}");
        }
    }
    assert!(never > 30 && always > 10, "{never} {always}");
}

#[test]
fn counters_take_no_more_than_the_costs_say() {
    let rules = [
        ("often", "event('a').within(30 days).count() >= 50"),
        ("seldom", "event('a').within(7 days).count() >= 2"),
        ("much", "event('a').within(30 days).sum(value) >= 50"),
    ];
    let engine = Engine::from_json(&document(&rules)).unwrap();
    let plain = Engine::from_json(&document(&[])).unwrap();
    let cost = engine.cost();
    let texts: Vec<(&str, usize)> = cost.counters.iter().map(|of| (of.text.as_str(), of.users.len())).collect();
    assert_eq!(texts.len(), 2, "{cost}");
    assert!(texts.contains(&("event('a').count()", 2)), "{cost}");
    assert!(cost.to_string().contains("for segment often, segment seldom"), "{cost}");
    let (start, catalog): (Timestamp, _) = ("2026-01-01".parse().unwrap(), Catalog::new());
    let bytes = |engine: &Engine| {
        let mut profile = Profile::default();
        for n in 0..2_000 {
            let now = start + Span::minutes(n * 30);
            let mut event = Event::new("a".into(), "ann", now).id(format!("{n}"));
            event.value = Some(1.0);
            engine.apply(&event, &mut profile, &catalog, now);
        }
        profile.bytes()
    };
    let counters: usize = cost.counters.iter().map(|of| of.worst_bytes).sum();
    let taken = bytes(&engine) - bytes(&plain);
    // The list of counters may have room for a few more than there are.
    assert!(taken <= counters + 4 * 24 + 64, "{taken} of {counters}");
    assert!(taken >= counters / 2, "{taken} of {counters}");
    let parts: usize = cost.parts.iter().map(|part| part.worst_bytes).sum();
    assert_eq!(cost.worst_bytes(), cost.fixed + counters + cost.history + cost.affinities + parts);
    assert_eq!(cost.worst_bytes_of("segment much") + cost.worst_bytes_of("segment often"), counters);
}

#[test]
fn rules_whose_counters_do_not_fit_into_a_profile_are_told() {
    let rule = |i: usize| format!("event('purchased').where(x = {i}).within(30 days).sum(value) >= 50");
    let document = |count: usize, bytes: usize| {
        let segments: Vec<_> =
            (0..count).map(|i| serde_json::json!({"name": format!("s{i}"), "rule": rule(i)})).collect();
        serde_json::json!({"settings": {"profile_bytes": bytes}, "segments": segments}).to_string()
    };
    let heavy = |text: &str| {
        let told = Definitions::warnings_of_json(text).unwrap();
        told.as_slice().iter().find_map(|problem| match &problem.fault {
            Fault::Warning(Warning::Heavy { enough, .. }) => Some((enough.unwrap(), problem.to_string())),
            _ => None,
        })
    };
    assert_eq!(heavy(&document(1, 8192)), None);
    let (enough, told) = heavy(&document(40, 8192)).unwrap();
    assert!(
        told.starts_with("1:") && told.contains("settings.profile_bytes: what the rules count takes up to"),
        "{told}"
    );
    assert!(told.contains("such as `event('purchased').where(x = "), "{told}");
    assert_eq!(heavy(&document(40, enough)), None, "as much as it says suffices");
    let cost = Engine::from_json(&document(40, 8192)).unwrap().cost();
    assert!(cost.to_string().ends_with("some would be dropped"), "{cost}");
    assert_eq!((cost.allowed, cost.counter_bytes() > cost.counter_room()), (8192, true));
}
