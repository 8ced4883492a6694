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
        open.keep(&decision);
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
    open.keep(&decision);
    let shown = |now| Event { decision: Some(decision.id), ..Event::new(EventKind::Exposed, "ann", now) };
    assert_eq!(engine.expose(&shown(at(1441)), &mut open, &mut models), Some(Exposure::Expired));
    assert_eq!(engine.expose(&shown(at(1)), &mut open, &mut models), Some(Exposure::Counted));
    let buy = |item: &str| Event::new(EventKind::Purchased, "ann", at(2)).item(item);
    assert!(engine.pay(&buy("i9"), &mut open, &mut models).is_empty());
    assert_eq!(engine.pay(&buy(&decision.slate[0].item), &mut open, &mut models).len(), 1);
}
