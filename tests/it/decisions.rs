//! What is decided, why, and what it is paid.

use bespoke::catalog::Item;
use bespoke::decision::{Decision, Fallback, Outcome, Request};
use bespoke::engine::{DecideScratch, Engine, Exposure, Models, OpenDecisions};
use bespoke::event::{Event, EventKind};
use bespoke::profile::Profile;
use bespoke::time::{Span, Timestamp};

fn at(minutes: u32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Span::minutes(minutes)
}

fn engine() -> Engine {
    Engine::from_json(
        r#"{
        "placements": ["home", "list", "empty"],
        "campaigns": [
            {"name": "buyers", "placement": "home", "priority": 9, "payload": 1, "audience": "event('purchased')"},
            {"name": "past", "placement": "home", "priority": 8, "payload": 1, "schedule": {"ends": "2026-01-01"}},
            {"name": "learns", "placement": "home", "priority": 5, "variants": [{"name": "a"}, {"name": "b"}],
             "chooser": {"thompson": {}}, "goal": {"event": "clicked", "within": "1h"}},
            {"name": "rest", "placement": "home", "payload": 2},
            {"name": "for you", "placement": "list", "recommend": {"limit": 4, "filters": {"category": "a", "exclude": ["purchased"]}},
             "goal": {"event": "purchased", "within": "1d", "items": "recommended"}}
        ]}"#,
    )
    .unwrap()
}

fn stocked(engine: &Engine) -> Models {
    let mut models = engine.models();
    for i in 0..10 {
        let item = Item::new(format!("i{i}")).category(if i < 6 { "a/b" } else { "c" });
        models.catalog.upsert(item).unwrap();
    }
    models
}

fn decide(
    engine: &Engine,
    models: &Models,
    profile: &Profile,
    placement: &str,
    user: &str,
    now: Timestamp,
) -> Decision {
    engine.decide(&Request::new(placement).user(user), profile, models, now, &mut DecideScratch::default())
}

#[test]
fn the_highest_priority_that_applies_wins_and_the_others_say_why_not() {
    let engine = engine();
    let (models, mut profile) = (stocked(&engine), Profile::default());
    let decision = decide(&engine, &models, &profile, "home", "ann", at(0));
    let told: Vec<String> = decision.verdicts.iter().map(|of| format!("{}: {}", of.campaign, of.outcome)).collect();
    assert_eq!(
        told,
        [
            "learns: won",
            "buyers: not in its audience",
            "past: ended at 2026-01-01T00:00:00Z",
            "rest: outranked by `learns`"
        ]
    );
    engine.apply(&Event::new(EventKind::Purchased, "ann", at(0)), &mut profile, &models.catalog, at(0));
    assert_eq!(decide(&engine, &models, &profile, "home", "ann", at(0)).campaign.as_deref(), Some("buyers"));
    let unknown = decide(&engine, &models, &profile, "hme", "ann", at(0));
    assert_eq!((unknown.fallback, unknown.campaign), (Some(Fallback::UnknownPlacement), None));
    assert_eq!(decide(&engine, &models, &profile, "empty", "ann", at(0)).fallback, Some(Fallback::NoCampaign));
}

#[test]
fn the_catalog_fills_a_slate_within_its_filters() {
    let engine = engine();
    let (models, mut profile) = (stocked(&engine), Profile::default());
    let slate = |profile: &Profile, models: &Models| -> Vec<String> {
        let decision = decide(&engine, models, profile, "list", "ann", at(1));
        decision.slate.iter().map(|ranked| ranked.item.to_string()).collect()
    };
    assert_eq!(slate(&profile, &models).len(), 4);
    for i in 0..3 {
        let bought = Event::new(EventKind::Purchased, "ann", at(0)).item(format!("i{i}"));
        engine.apply(&bought, &mut profile, &models.catalog, at(0));
    }
    let mut left = slate(&profile, &models);
    left.sort();
    assert_eq!(left, ["i3", "i4", "i5"]);
    let nothing = decide(&engine, &engine.models(), &profile, "list", "ann", at(1));
    assert_eq!(nothing.verdicts[0].outcome, Outcome::NoItems);
}

/// Each decision's propensity is the probability of its arm, so its inverse has an expectation of one per arm: over
/// 4,000 decisions the standard error of the sum over two arms near one half is below 0.03; the bound is five.
#[test]
fn propensities_are_the_frequencies_with_which_arms_are_chosen() {
    let engine = engine();
    let (models, profile) = (stocked(&engine), Profile::default());
    let weight = |minute| 1.0 / decide(&engine, &models, &profile, "home", "ann", at(minute)).propensity.value();
    let mean = (0..4_000).map(weight).sum::<f64>() / 4_000.0;
    assert!((mean - 2.0).abs() < 0.15, "{mean}");
    assert_eq!(
        decide(&engine, &models, &profile, "home", "ann", at(7)),
        decide(&engine, &models, &profile, "home", "ann", at(7))
    );
}

#[test]
fn a_reward_pays_the_latest_exposure_once_and_the_better_arm_is_shown_more() {
    let engine = engine();
    let (mut models, profile) = (stocked(&engine), Profile::default());
    let mut of_b = 0;
    for turn in 0..400 {
        let (mut open, now) = (OpenDecisions::default(), at(turn * 10));
        let decision = decide(&engine, &models, &profile, "home", "ann", now);
        open.keep(&decision, &engine);
        let shown = Event { decision: Some(decision.id), ..Event::new(EventKind::Exposed, "ann", now) };
        let click = Event::new(EventKind::Clicked, "ann", now);
        assert!(engine.pay(&click, &mut open, &mut models).is_empty(), "nothing was shown yet");
        assert_eq!(engine.expose(&shown, &mut OpenDecisions::default(), &mut models), Some(Exposure::Unknown));
        assert_eq!(engine.expose(&shown, &mut open, &mut models), Some(Exposure::Counted));
        assert_eq!(engine.expose(&shown, &mut open, &mut models), Some(Exposure::Repeated));
        let is_b = decision.variant.as_deref() == Some("b");
        of_b += u32::from(is_b && turn >= 200);
        let late = Event::new(EventKind::Clicked, "ann", now + Span::hours(2));
        assert!(engine.pay(&late, &mut open, &mut models).is_empty(), "the window is over");
        if is_b {
            assert_eq!(engine.pay(&click, &mut open, &mut models)[0].decision, decision.id);
            assert!(engine.pay(&click, &mut open, &mut models).is_empty(), "paid once");
        }
    }
    assert!(of_b > 180, "{of_b} of 200");
}

#[test]
fn an_exposure_after_a_day_has_expired_and_only_recommended_items_pay() {
    let engine = engine();
    let (mut models, profile, mut open) = (stocked(&engine), Profile::default(), OpenDecisions::default());
    let decision = decide(&engine, &models, &profile, "list", "ann", at(0));
    open.keep(&decision, &engine);
    let shown = |now| Event { decision: Some(decision.id), ..Event::new(EventKind::Exposed, "ann", now) };
    assert_eq!(engine.expose(&shown(at(1441)), &mut open, &mut models), Some(Exposure::Expired));
    assert_eq!(engine.expose(&shown(at(1)), &mut open, &mut models), Some(Exposure::Counted));
    let buy = |item: &str| Event::new(EventKind::Purchased, "ann", at(2)).item(item);
    assert!(engine.pay(&buy("i9"), &mut open, &mut models).is_empty());
    assert_eq!(engine.pay(&buy(&decision.slate[0].item), &mut open, &mut models).len(), 1);
}

/// These values never change without a line under "Value changes" in the CHANGELOG: hosts replay decisions from their
/// logs, and judge other policies by the propensities in them.
#[test]
fn decisions_have_the_values_they_have_always_had() {
    let engine = Engine::from_json(GOLDEN).unwrap();
    let (mut models, profile) = (engine.models(), Profile::default());
    let fresh: Vec<String> = golden(&engine, &models, &profile);
    // Teaches the two bandits: twelve exposures each, of which every fourth pays.
    for turn in 0..12 {
        for placement in ["home", "list"] {
            let (mut open, now) = (OpenDecisions::default(), at(turn));
            let decision = decide(&engine, &models, &profile, placement, "teacher", now);
            open.keep(&decision, &engine);
            engine.expose(
                &Event::new(EventKind::Exposed, "teacher", now).decision(decision.id),
                &mut open,
                &mut models,
            );
            if turn % 4 == 0 {
                engine.pay(&Event::new(EventKind::Clicked, "teacher", now), &mut open, &mut models);
            }
        }
    }
    let taught: Vec<String> = golden(&engine, &models, &profile);
    assert_eq!(fresh, FRESH);
    assert_eq!(taught, TAUGHT);
}

fn golden(engine: &Engine, models: &Models, profile: &Profile) -> Vec<String> {
    let answer = |(placement, user, minute): (&str, &str, u32)| {
        let decision = decide(engine, models, profile, placement, user, at(minute));
        let arm = decision.variant.unwrap_or_default();
        format!("{placement} {user} {minute}: {} {arm} {:?}", decision.id, decision.propensity.value())
    };
    let of =
        |placement| [("ann", 0), ("ann", 1), ("bob", 0), ("Zoë", 7)].map(|(user, minute)| (placement, user, minute));
    ["home", "list", "side", "plain"].into_iter().flat_map(of).map(answer).collect()
}

const FRESH: [&str; 16] = [
    "home ann 0: ac764b0a58b6c73a c 0.33333333333333337",
    "home ann 1: e1cbba8bddf550a9 b 0.33333333333333337",
    "home bob 0: 5243c1087627da6b b 0.33333333333333337",
    "home Zoë 7: 234456948d88c1e3 b 0.33333333333333337",
    "list ann 0: 9f50ae18f4a52166 b 0.3333333333333333",
    "list ann 1: c1d004de658a77e8 c 0.3333333333333333",
    "list bob 0: 4cfc77a6efcfaf7d a 0.3333333333333333",
    "list Zoë 7: 05d40bf694387d11 a 0.3333333333333333",
    "side ann 0: 995622c60009b24e a 0.25",
    "side ann 1: aad74da98e79188f a 0.25",
    "side bob 0: cca7634d3e554d21 a 0.25",
    "side Zoë 7: 99deb2e5779edaf6 b 0.75",
    "plain ann 0: 1c0718daf3b1b3cb default 1.0",
    "plain ann 1: f737df7335180510 default 1.0",
    "plain bob 0: f1d4035baf967c27 default 1.0",
    "plain Zoë 7: a69d5042cff6de24 default 1.0",
];

const TAUGHT: [&str; 16] = [
    "home ann 0: ac764b0a58b6c73a c 0.20839160839160803",
    "home ann 1: e1cbba8bddf550a9 a 0.583216783216784",
    "home bob 0: 5243c1087627da6b a 0.583216783216784",
    "home Zoë 7: 234456948d88c1e3 b 0.20839160839160803",
    "list ann 0: 9f50ae18f4a52166 a 0.8666666666666667",
    "list ann 1: c1d004de658a77e8 a 0.8666666666666667",
    "list bob 0: 4cfc77a6efcfaf7d a 0.8666666666666667",
    "list Zoë 7: 05d40bf694387d11 a 0.8666666666666667",
    "side ann 0: 995622c60009b24e a 0.25",
    "side ann 1: aad74da98e79188f a 0.25",
    "side bob 0: cca7634d3e554d21 a 0.25",
    "side Zoë 7: 99deb2e5779edaf6 b 0.75",
    "plain ann 0: 1c0718daf3b1b3cb default 1.0",
    "plain ann 1: f737df7335180510 default 1.0",
    "plain bob 0: f1d4035baf967c27 default 1.0",
    "plain Zoë 7: a69d5042cff6de24 default 1.0",
];

const GOLDEN: &str = r#"{
    "placements": ["home", "list", "side", "plain"],
    "campaigns": [
        {"name": "thompson", "placement": "home", "variants": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
         "chooser": {"thompson": {}}, "goal": {"event": "clicked", "within": "1h"}},
        {"name": "greedy", "placement": "list", "variants": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
         "chooser": {"epsilon_greedy": {"epsilon": 0.2}}, "goal": {"event": "clicked", "within": "1h"}},
        {"name": "thirds", "placement": "side", "variants": [{"name": "a"}, {"name": "b"}],
         "chooser": {"split": {"a": 0.25, "b": 0.75}}},
        {"name": "always", "placement": "plain", "payload": "hi"}
    ],
    "settings": {"seed": 42}
}"#;

#[test]
fn a_split_gives_everybody_what_it_gave_whatever_else_changes() {
    let campaign = r#"{"name": "halves", "placement": "home", "variants": [{"name": "a"}, {"name": "b"}],
        "chooser": {"split": {"a": 0.5, "b": 0.5}}}"#;
    let other = r#"{"name": "other", "placement": "list", "priority": 3, "variants": [{"name": "a"}, {"name": "b"}],
        "chooser": {"split": {"a": 0.5, "b": 0.5}}}"#;
    let under = |definitions: String, minute| {
        let engine = Engine::from_json(&definitions).unwrap();
        let (mut models, mut profile) = (engine.models(), Profile::default());
        if minute > 0 {
            let event = Event::new(EventKind::Purchased, "somebody", at(minute)).item("i1");
            models.catalog.upsert(Item::new("i1")).unwrap();
            engine.apply(&event, &mut profile, &models.catalog, at(minute));
        }
        let answer = |placement: &str, i: usize| {
            decide(&engine, &models, &profile, placement, &format!("u{i}"), at(minute)).variant.unwrap().to_string()
        };
        let of = |placement: &str| (0..1_000).map(|i| answer(placement, i)).collect::<Vec<_>>();
        (of("home"), definitions.contains("other").then(|| of("list")))
    };
    let alone = under(format!(r#"{{"placements": ["home"], "campaigns": [{campaign}]}}"#), 0).0;
    let (beside, other) = under(
        format!(
            r#"{{"placements": ["list", "home"], "campaigns": [{other}, {campaign}], "settings": {{"seed": 9}},
                "segments": [{{"name": "buyers", "rule": "event('purchased')"}}]}}"#
        ),
        60,
    );
    assert_eq!(alone, beside);
    // Two splits that are independent agree on half of all people: 500 with a standard error of 15.8; the bound is
    // five of them.
    let agree = alone.iter().zip(other.unwrap()).filter(|(a, b)| **a == *b).count();
    assert!((421..=579).contains(&agree), "{agree}");
    let of_a = alone.iter().filter(|name| *name == "a").count();
    assert!((421..=579).contains(&of_a), "{of_a}");
}

#[test]
fn two_people_with_different_histories_see_different_slates_and_why() {
    let engine = Engine::from_json(
        r#"{"placements": ["list"], "campaigns": [{"name": "for you", "placement": "list", "recommend": {
            "limit": 3, "filters": {"category": {"context": "category"}, "exclude": ["viewed"]}}}]}"#,
    )
    .unwrap();
    let mut models = engine.models();
    for i in 0..12 {
        models.catalog.upsert(Item::new(format!("i{i}")).category(if i < 9 { "shoes" } else { "hats" })).unwrap();
    }
    let view = |profile: &mut Profile, models: &mut Models, item: &str, minute| {
        let event = Event::new(EventKind::ItemViewed, "somebody", at(minute)).item(item);
        engine.apply(&event, profile, &models.catalog, at(minute));
        engine.learn(&event, profile, models, &mut Vec::new());
    };
    // Crowds that go from i0 to i1, i2 and i9, or from i3 to i4 and i5.
    for crowd in 0..20 {
        let trail = if crowd % 2 == 0 { ["i0", "i1", "i2", "i9"] } else { ["i3", "i4", "i5", "i4"] };
        let mut profile = Profile::default();
        for (i, item) in (0..).zip(trail) {
            view(&mut profile, &mut models, item, crowd * 10 + i);
        }
    }
    let slate = |seen: &str| {
        let mut profile = Profile::default();
        let event = Event::new(EventKind::ItemViewed, "somebody", at(300)).item(seen);
        engine.apply(&event, &mut profile, &models.catalog, at(300));
        let request = Request::new("list").user("somebody").context("category", "shoes");
        let ask = || engine.decide(&request, &profile, &models, at(301), &mut DecideScratch::default());
        let decision = ask();
        assert_eq!(decision, ask(), "the same question has the same answer");
        decision.slate
    };
    let (a, b) = (slate("i0"), slate("i3"));
    let items = |slate: &[bespoke::decision::Ranked]| {
        let mut items: Vec<String> = slate.iter().take(2).map(|of| of.item.to_string()).collect();
        items.sort();
        items
    };
    assert_eq!((items(&a), items(&b)), (vec!["i1".to_owned(), "i2".into()], vec!["i4".to_owned(), "i5".into()]));
    for (slate, seen) in [(&a, "i0"), (&b, "i3")] {
        assert!(slate.iter().take(2).all(|of| of.because.as_deref() == Some(seen)), "{slate:?}");
        assert!(
            slate.iter().all(|of| &*of.item != seen && &*of.item != "i9"),
            "seen, or of another category: {slate:?}"
        );
        assert_eq!(slate.len(), 3, "popular items fill the rest");
    }
}
