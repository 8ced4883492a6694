//! Explanations say what the engine answers, and what they say would change an answer changes it.

use super::*;
use bespoke::decision::Request;
use bespoke::rule::{Answer, Branch, Change, Evidence, Explanation};
use bespoke::time::Span;

fn conditions(of: &Explanation) -> Vec<&Explanation> {
    let own = (of.kind == Branch::Condition).then_some(of);
    own.into_iter().chain(of.parts.iter().flat_map(conditions)).collect()
}

/// Kleene's logic over the parts, by hand.
fn combined(of: &Explanation) -> Answer {
    let parts = || of.parts.iter().map(|part| part.answer);
    match of.kind {
        Branch::All => parts().fold(Answer::Yes, |a, b| a & b),
        Branch::Any => parts().fold(Answer::No, |a, b| a | b),
        Branch::Not => !of.parts[0].answer,
        Branch::Segment | Branch::Campaign => of.parts.first().map_or(of.answer, |part| part.answer),
        _ => of.answer,
    }
}

#[track_caller]
fn coherent(of: &Explanation, case: u64) {
    assert_eq!(of.answer, combined(of), "case {case}: {of}");
    of.parts.iter().for_each(|part| coherent(part, case));
}

#[test]
fn explanations_answer_as_the_engine_does_and_hold_as_long_as_they_say() {
    let mut turned = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(7_000_000 + seed);
        let ahead = dice.below(4) == 0;
        let mut maker = Maker { dice, ahead, long: false };
        let of = 1 + maker.dice.below(5);
        let names: Vec<String> = (0..of).map(|i| format!("s{i}")).collect();
        let segments: Vec<Expr> = (0..of).map(|i| maker.expr(3, i)).collect();
        let (engine, _) = engine(&segments, &names, &mut maker.dice);
        let (catalog, mut profile) = (catalog(), Profile::default());
        let busy = maker.dice.pick(&KINDS);
        let (mut now, mut events) = (START, Vec::new());
        for id in 0..maker.dice.below(20) {
            now += maker.step();
            let time = event_time(&mut maker, now, &events);
            events.push(maker.event(time, busy));
            engine.apply(&record(&events[id], id), &mut profile, &catalog, Timestamp::from_millis(now));
        }
        let time = Timestamp::from_millis(now + [0, maker.step()][maker.dice.below(2)]);
        let members: BTreeSet<String> = engine.memberships(&profile, time).map(ToString::to_string).collect();
        for name in &names {
            let why = engine.explain(name, &profile, time).unwrap();
            assert_eq!(why.answer.is_yes(), members.contains(name), "case {seed}: {why}");
            coherent(&why, seed);
            assert!(serde_json::to_string(&why).unwrap().contains("\"answer\""));
            if let Some(until) = why.until {
                assert!(until > time, "case {seed}: {why}");
                let before = engine.explain(name, &profile, until - Span::from_millis(1)).unwrap();
                assert_eq!(before.answer, why.answer, "case {seed}: {why}");
            }
            for (i, condition) in conditions(&why).into_iter().enumerate() {
                let Some(Change::Time { at }) = condition.changes.last() else { continue };
                let then = |at| conditions(&engine.explain(name, &profile, at).unwrap())[i].answer;
                let (then, until) = (then(*at), then(*at - Span::from_millis(1)));
                assert!(then != condition.answer && until == condition.answer, "case {seed}: {condition}");
                turned += 1;
            }
        }
        assert_eq!(engine.explain("nobody", &profile, time), None);
    }
    assert!(turned > 50, "{turned}");
}

/// Single conditions on counts and sums: as many events as it says turn the answer, and one fewer does not.
#[test]
fn as_many_more_events_as_an_explanation_asks_for_turn_the_answer() {
    let mut turned = [0; 3];
    for seed in 0..3_000 {
        let mut dice = Dice::new(8_000_000 + seed);
        let window = dice.coin().then(|| dice.pick(&["within(1 hour)", "within(7 days)", "within(90 seconds)"]));
        let window = window.map_or(String::new(), |window| format!(".{window}"));
        let color = if dice.coin() { ".where(color = 'red')" } else { "" };
        let (a, b) = (dice.below(7), dice.below(5));
        let test = match dice.below(8) {
            0 => format!("= {a}"),
            1 => format!("!= {a}"),
            2 => format!("BETWEEN {a} AND {}", a + b),
            3 => format!("IN ({a}, {})", a + b),
            4 => format!("> {a}.5"),
            _ => format!("{} {a}", dice.pick(&["<", "<=", ">", ">="])),
        };
        let measure = dice.pick(&["count()", "count()", "sum(value)", "last()"]);
        let test = match measure {
            "last()" => format!("{} time('2026-01-01T01:00:00Z')", dice.pick(&["<", ">"])),
            "sum(value)" => format!("{} {a}", dice.pick(&["<", "<=", ">", ">="])),
            _ => test,
        };
        let window = if measure == "last()" { String::new() } else { window };
        let rule = format!("event('item_viewed'){color}{window}.{measure} {test}");
        let text = serde_json::json!({"segments": [{"name": "s", "rule": rule}]}).to_string();
        let engine = Engine::from_json(&text).unwrap();
        let (catalog, mut profile) = (catalog(), Profile::default());
        let event = |id: usize, time: i64| {
            let red = Event::new(EventKind::ItemViewed, "ann", Timestamp::from_millis(time));
            let mut red = red.id(format!("{id}")).property("color", "red");
            red.value = Some(1.0);
            red
        };
        let mut now = START;
        for id in 0..dice.below(7) {
            now += dice.below(2_000_000) as i64;
            engine.apply(&event(id, now), &mut profile, &catalog, Timestamp::from_millis(now));
        }
        now += dice.below(2_000_000) as i64;
        let why = engine.explain("s", &profile, Timestamp::from_millis(now)).unwrap();
        let after = |more: usize, now: i64| {
            let mut profile = profile.clone();
            for id in 0..more {
                engine.apply(&event(1_000 + id, now), &mut profile, &catalog, Timestamp::from_millis(now));
            }
            let members = engine.memberships(&profile, Timestamp::from_millis(now)).count();
            members == 1
        };
        let was = why.answer.is_yes();
        match why.changes().into_iter().find(|change| !matches!(change, Change::Time { .. })) {
            Some(Change::Events { more, before, event }) => {
                assert_eq!(event, if color.is_empty() { "item_viewed" } else { "item_viewed where color = 'red'" });
                assert_ne!(after(*more as usize, now), was, "{why}");
                assert!((1..*more as usize).all(|fewer| after(fewer, now) == was), "{why}");
                if let Some(before) = before {
                    assert_ne!(after(*more as usize, before.millis() - 1), was, "{why}");
                }
                turned[0] += 1;
            }
            Some(Change::Amount { more, over, .. }) => {
                let least = *more as usize + usize::from(*over);
                assert!(*over || least > 0, "{why}");
                assert_ne!(after(least, now), was, "{why}");
                assert!((1..least).all(|fewer| after(fewer, now) == was), "{why}");
                turned[1] += 1;
            }
            Some(other) => panic!("{other}: {why}"),
            None => {
                assert!((1..60).all(|more| after(more, now) == was), "{rule}\n{why}");
                turned[2] += 1;
            }
        }
    }
    assert!(turned.iter().all(|count| *count > 100), "{turned:?}");
}

#[test]
fn an_audience_is_explained_with_the_request_and_the_segments_it_names() {
    let engine = Engine::from_json(
        r#"{
        "segments": [
            {"name": "keen", "rule": "event('item_viewed').within(7 days).count() >= 2"},
            {"name": "both", "rule": "segment('keen') AND NOT segment('keen')"}
        ],
        "placements": ["home"],
        "campaigns": [
            {"name": "offer", "placement": "home", "payload": 1,
             "audience": "segment('keen') AND context('page') = '/shoes' AND plan IN ('pro', 'team')"},
            {"name": "rest", "placement": "home", "payload": 2}
        ]
    }"#,
    )
    .unwrap();
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut profile = Profile::default();
    engine.apply(&Event::new(EventKind::ItemViewed, "ann", now).id("1"), &mut profile, &Catalog::new(), now);
    let request = Request::new("home").user("ann").context("page", "/shoes");
    let why = engine.explain_campaign("offer", &request, &profile, now).unwrap();
    let wanted = "\
no  campaign offer
  no  all of
    no  segment keen
      no  event('item_viewed').within(1w).count() >= 2
          found 1, at 2026-03-01T12:00:00Z
          would change with 1 more item_viewed before 2026-03-08T12:00:00Z
    yes context('page') = '/shoes'
        found \"/shoes\"
        would change if context('page') was anything but '/shoes'
    no  plan IN ('pro', 'team')
        found none
        would change if plan was IN ('pro', 'team')";
    assert_eq!(why.to_string(), wanted);
    let changes: Vec<String> = why.changes().iter().map(ToString::to_string).collect();
    assert_eq!(changes.len(), 2, "what holds need not change: {changes:?}");
    let json = serde_json::to_value(&why).unwrap();
    assert_eq!(json["parts"][0]["parts"][2]["evidence"], "missing");
    let counted = &json["parts"][0]["parts"][0]["parts"][0];
    assert_eq!(counted["evidence"]["events"]["count"], 1);
    assert_eq!(counted["changes"][0]["events"]["before"], "2026-03-08T12:00:00Z");
    let rest = engine.explain_campaign("rest", &request, &profile, now).unwrap();
    assert_eq!(rest.to_string(), "yes campaign rest, for everybody");
    let both = engine.explain("both", &profile, now).unwrap();
    assert_eq!(both.to_string().matches("event(").count(), 1, "a segment is opened once:\n{both}");
    assert!(matches!(conditions(&both)[0].evidence, Some(Evidence::Events { count: 1, .. })));
}

#[test]
fn a_long_chain_of_segments_is_explained_down_to_a_depth() {
    let rule = |i: usize| if i == 0 { "a = 1".to_owned() } else { format!("segment('s{}')", i - 1) };
    let all: Vec<_> = (0..10_000).map(|i| serde_json::json!({"name": format!("s{i}"), "rule": rule(i)})).collect();
    let engine = Engine::from_json(&serde_json::json!({"segments": all}).to_string()).unwrap();
    let why = engine.explain("s9999", &Profile::default(), Timestamp::EPOCH).unwrap();
    assert_eq!((why.answer, why.to_string().lines().count()), (Answer::No, 18));
}

#[test]
fn what_a_portrait_shows_is_told_as_it_is_found() {
    let definitions = r#"{
        "schema": {"affinities": [{"attribute": "category"}],
            "rfm": {"recency": ["7d", "30d"], "frequency": [2, 5]}},
        "segments": [
            {"name": "hour", "rule": "local(hour, '+02:00') >= 18"},
            {"name": "time", "rule": "local(time, '+00:00') >= '18:00'"},
            {"name": "day", "rule": "local(weekday, '+00:00') = 'monday'"},
            {"name": "part", "rule": "local(day_part, '+00:00') = 'morning'"},
            {"name": "date", "rule": "local(date, '-13:00') = '2026-12-24'"},
            {"name": "often", "rule": "rfm(frequency) >= 3"},
            {"name": "top", "rule": "affinity('category').top() IN ('hats', 'shoes')"},
            {"name": "shown", "rule": "variant('spring') = 'b'"}
        ]}"#;
    let engine = Engine::from_json(definitions).unwrap();
    let mut catalog = catalog();
    catalog.upsert(Item::new("boots").category("shoes")).unwrap();
    // A Sunday.
    let now: Timestamp = "2026-03-01T12:34:00Z".parse().unwrap();
    let mut profile = Profile::default();
    let found =
        |profile: &Profile, name: &str| conditions(&engine.explain(name, profile, now).unwrap())[0].evidence.clone();
    let value = |value: Value| Some(Evidence::Value { value, set: None });
    assert_eq!(found(&profile, "top"), Some(Evidence::Missing));
    assert_eq!(found(&profile, "shown"), Some(Evidence::Missing));
    let bought = Event::new(EventKind::Purchased, "ann", now).id("1").item("boots");
    engine.apply(&bought, &mut profile, &catalog, now);
    assert_eq!(found(&profile, "hour"), value(14.0.into()));
    assert_eq!(found(&profile, "time"), value("12:34".into()));
    assert_eq!(found(&profile, "day"), value("sunday".into()));
    assert_eq!(found(&profile, "part"), value("afternoon".into()));
    assert_eq!(found(&profile, "date"), value("2026-02-28".into()));
    assert_eq!(found(&profile, "often"), value(1.0.into()));
    assert_eq!(found(&profile, "top"), value("shoes".into()));
    let why = engine.explain("part", &profile, now).unwrap().to_string();
    assert!(why.contains("found \"afternoon\"") && why.contains("at 2026-03-02T06:00:00Z with no event"), "{why}");
}

#[test]
fn a_sequence_tells_which_steps_were_taken_when_and_what_is_left() {
    let rule = "sequence(event('item_viewed') then event('item_added').within(1 day) \
        then event('purchased').where(value >= 50).within(2 hours)).without(event('item_removed')).within(7 days)";
    let engine = single(rule);
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut profile = Profile::default();
    let why = |profile: &Profile, now| {
        let why = engine.explain("bought", profile, now).unwrap().to_string();
        why.lines().skip(2).map(str::trim).collect::<Vec<_>>().join("\n")
    };
    let apply = |profile: &mut Profile, kind: EventKind, after| {
        let mut event = Event::new(kind, "ann", start + after);
        event.value = Some(60.0);
        engine.apply(&event, profile, &Catalog::new(), start + after);
    };
    let wanted = "\
found 0 of 3 steps: item_viewed is missing, then item_added is missing, then purchased where value >= 50 is missing
would change with 1 more item_viewed
would change with 1 more item_added
would change with 1 more purchased where value >= 50";
    assert_eq!(why(&profile, start), wanted);
    apply(&mut profile, EventKind::ItemViewed, Span::ZERO);
    apply(&mut profile, EventKind::ItemAdded, Span::hours(1));
    let wanted = "\
found 2 of 3 steps: item_viewed at 2026-03-01T12:00:00Z, then item_added at 2026-03-01T13:00:00Z, then purchased \
where value >= 50 is missing
would change with 1 more purchased where value >= 50 before 2026-03-01T15:00:00.001Z";
    assert_eq!(why(&profile, start + Span::hours(1)), wanted);
    // Too late for the purchase; another item may be added within the day.
    let wanted = "\
found 1 of 3 steps: item_viewed at 2026-03-01T12:00:00Z, then item_added is missing, then purchased where value >= 50 \
is missing
would change with 1 more item_added before 2026-03-02T12:00:00.001Z
would change with 1 more purchased where value >= 50";
    assert_eq!(why(&profile, start + Span::hours(4)), wanted);
    apply(&mut profile, EventKind::ItemRemoved, Span::hours(5));
    let removed = why(&profile, start + Span::hours(5));
    assert!(
        removed.starts_with("found 0 of 3 steps") && removed.contains("ended at 2026-03-01T17:00:00Z"),
        "{removed}"
    );
    for (i, kind) in [EventKind::ItemViewed, EventKind::ItemAdded, EventKind::Purchased].into_iter().enumerate() {
        apply(&mut profile, kind, Span::hours(6 + i as u32));
    }
    let wanted = "\
found 3 of 3 steps: item_viewed at 2026-03-01T18:00:00Z, then item_added at 2026-03-01T19:00:00Z, then purchased where \
value >= 50 at 2026-03-01T20:00:00Z
would change at 2026-03-08T18:00:00Z with no event";
    assert_eq!(why(&profile, start + Span::hours(8)), wanted);
}

fn single(rule: &str) -> Engine {
    Engine::from_json(&serde_json::json!({"segments": [{"name": "bought", "rule": rule}]}).to_string()).unwrap()
}

/// Whoever takes the steps that an explanation names, in their order and in time, is in; and all steps were taken
/// whenever somebody is.
#[test]
fn the_steps_that_an_explanation_asks_for_turn_the_answer() {
    let kinds = [EventKind::ItemViewed, EventKind::ItemAdded, EventKind::Purchased, EventKind::ItemRemoved];
    let mut turned = [0; 4];
    for seed in 0..3_000 {
        let mut dice = Dice::new(9_000_000 + seed);
        let within = |dice: &mut Dice| dice.coin().then(|| dice.pick(&[".within(10 minutes)", ".within(1 hour)"]));
        let limits = [within(&mut dice), within(&mut dice)].map(Option::unwrap_or_default);
        let repeated = if dice.coin() { "item_viewed" } else { "purchased" };
        let mut rule = format!(
            "sequence(event('item_viewed') then event('item_added'){} then event('{repeated}'){})",
            limits[0], limits[1]
        );
        rule += ["", ".without(event('item_removed'))"][dice.below(2)];
        rule += ["", ".within(2 hours)"][dice.below(2)];
        let engine = single(&rule);
        let (mut profile, mut now) = (Profile::default(), START);
        for id in 0..dice.below(12) {
            now += dice.below(1_000_000) as i64;
            let event = Event::new(kinds[dice.below(4)].clone(), "ann", Timestamp::from_millis(now));
            engine.apply(&event.id(format!("{id}")), &mut profile, &Catalog::new(), Timestamp::from_millis(now));
        }
        now += dice.below(2_000_000) as i64;
        let why = engine.explain("bought", &profile, Timestamp::from_millis(now)).unwrap();
        let Some(Evidence::Steps { steps, ended, missing: None }) = &why.parts[0].evidence else { panic!("{why}") };
        let taken = steps.iter().take_while(|step| step.time.is_some()).count();
        assert!(steps[taken..].iter().all(|step| step.time.is_none()), "{why}");
        assert!(steps.windows(2).all(|pair| pair[1].time.is_none() || pair[0].time < pair[1].time), "{why}");
        assert_eq!(why.answer.is_yes(), taken == steps.len(), "{why}");
        turned[taken] += 1;
        let mut time = Timestamp::from_millis(now);
        if let Some(Change::Events { before: Some(before), .. }) = why.parts[0].changes.first() {
            // At the last moment, if nothing is to follow.
            time = if taken + 1 == steps.len() { *before - Span::from_millis(2) } else { time };
            if time + Span::from_millis(8) > *before && taken + 1 < steps.len() {
                continue;
            }
        }
        for step in &steps[taken..] {
            time = time + Span::from_millis(1);
            let event = Event::new(EventKind::from(step.event.as_str()), "ann", time);
            engine.apply(&event.id(time.to_string()), &mut profile, &Catalog::new(), time);
        }
        assert_eq!(engine.memberships(&profile, time).count(), 1, "{rule}\n{ended:?} {why}");
    }
    assert!(turned.iter().all(|count| *count > 50), "{turned:?}");
}
