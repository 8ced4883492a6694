//! Campaigns whose variants are the arms of an experiment.

use bespoke::decision::{Decision, Outcome, Request};
use bespoke::engine::{DecideScratch, Engine, Exposure, OpenDecisions};
use bespoke::event::{Event, EventKind};
use bespoke::experiment::{Allocation, BucketHash, BucketRange};
use bespoke::profile::Profile;
use bespoke::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn engine(chooser: &str) -> Result<Engine, String> {
    let text = r#"{"placements": ["home"], "campaigns": [
        {"name": "test", "placement": "home", "priority": 1, "chooser": {"experiment": CHOOSER},
         "variants": [{"name": "old", "payload": 1}, {"name": "new", "payload": 2}]},
        {"name": "rest", "placement": "home", "payload": 3}]}"#;
    Engine::from_json(&text.replace("CHOOSER", chooser)).map_err(|problems| problems.to_string())
}

fn ask(engine: &Engine, request: &Request) -> Decision {
    engine.decide(request, &Profile::default(), &engine.models(), NOW, &mut DecideScratch::default())
}

fn user(id: &str) -> Request {
    Request::new("home").user(id)
}

#[test]
fn a_person_gets_the_arm_that_the_published_hash_gives_and_others_are_left_to_the_rest() {
    let engine = engine(r#"{"salt": "t1", "shares": {"old": 0.1, "new": 0.3}}"#).unwrap();
    // Arms are put side by side in the order of their names.
    let alone = Allocation::new("t1", &[("new", 0.3), ("old", 0.1)]).unwrap();
    let mut counts = [0, 0, 0];
    for i in 0..1_000 {
        let (id, decision) = (i.to_string(), ask(&engine, &user(&i.to_string())));
        match alone.arm(&id).map(|arm| alone.arms()[arm].as_str()) {
            Some(arm) => {
                assert_eq!((decision.campaign.as_deref(), decision.variant.as_deref()), (Some("test"), Some(arm)));
                let expected = if arm == "new" { 0.75 } else { 0.25 };
                assert!((decision.propensity.value() - expected).abs() < 1e-12 && !decision.forced);
                counts[usize::from(arm == "new")] += 1;
            }
            None => {
                assert_eq!(decision.campaign.as_deref(), Some("rest"));
                assert_eq!(decision.verdicts[1].outcome, Outcome::NotInExperiment);
                counts[2] += 1;
            }
        }
    }
    // Standard errors are at most 15.5; bounds are five of them.
    assert!((50..150).contains(&counts[0]) && (223..377).contains(&counts[1]), "{counts:?}");
}

/// The stored form of an enrolment, here by GrowthBook's hash: its documented bucket of `user-1` is 0.0435.
#[test]
fn arms_of_another_system_are_kept() {
    let ranges = [("new", BucketRange { low: 0.0, high: 0.05 }), ("old", BucketRange { low: 0.05, high: 1.0 })];
    let arms = Allocation::of_ranges("exp-home-hero", BucketHash::GrowthBookV2, &ranges).unwrap();
    let enrolment = bespoke::experiment::Enrolment::new("user", arms).unwrap();
    let engine = engine(&serde_json::to_string(&enrolment).unwrap()).unwrap();
    assert_eq!(ask(&engine, &user("user-1")).variant.as_deref(), Some("new"));
}

#[test]
fn the_unit_says_which_id_counts() {
    let arm = |unit: &str, request: &Request| {
        let chooser = r#"{"salt": "t2", "unit": "UNIT", "shares": {"old": 0.5, "new": 0.5}}"#.replace("UNIT", unit);
        ask(&engine(&chooser).unwrap(), request).variant.map(|name| name.to_string())
    };
    let alone = Allocation::new("t2", &[("new", 0.5), ("old", 0.5)]).unwrap();
    let name = |id: &str| alone.arm(id).map(|arm| alone.arms()[arm].clone());
    let all = user("ann").anonymous("cookie").context("account", "acme").context("number", 7);
    assert_eq!(arm("user", &all), name("ann"));
    assert_eq!(arm("anonymous", &all), name("cookie"));
    assert_eq!(arm("account", &all), name("acme"));
    // Without the id nobody is in it.
    for (unit, request) in [("user", Request::new("home").anonymous("x")), ("number", all.clone()), ("none", all)] {
        assert_eq!(arm(unit, &request).as_deref(), Some("default"), "{unit}");
    }
}

#[test]
fn who_is_forced_is_shown_it_and_not_counted() {
    let engine = engine(r#"{"salt": "t3", "shares": {"old": 1, "new": 0}, "forced": {"tester": "new"}}"#).unwrap();
    let (mut models, mut open) = (engine.models(), OpenDecisions::default());
    let decision = ask(&engine, &user("tester"));
    assert!(decision.forced && decision.variant.as_deref() == Some("new"));
    open.keep(&decision, &engine);
    let shown = Event::new(EventKind::Exposed, "tester", NOW).decision(decision.id);
    assert_eq!(engine.expose(&shown, &mut open, &mut models), Some(Exposure::Unknown));
    assert_eq!(models.tally("test", "new").exposures, 0);
    assert_eq!(ask(&engine, &user("ann")).variant.as_deref(), Some("old"));
}

#[test]
fn what_cannot_be_an_experiment_is_told() {
    let told = |chooser: &str| engine(chooser).unwrap_err();
    for (chooser, says) in [
        (r#"{"salt": "t", "shares": {"old": 0.5, "newer": 0.5}}"#, "unknown variant `newer`; did you mean `new`?"),
        (r#"{"salt": "t", "shares": {"old": 0.5}}"#, "a variant `new` without an arm stands where"),
        (r#"{"salt": "t", "shares": {"old": 0.5, "new": 0.6}}"#, "the shares add up to 1.1"),
        (r#"{"salt": "", "shares": {"old": 0.5, "new": 0.5}}"#, "`salt` has 0 bytes"),
        (r#"{"salt": "t", "shares": {"old": 1, "new": 0}, "forced": {"x": "y"}}"#, "there is no arm `y`"),
        (r#"{"salt": "t"}"#, "missing field `shares`"),
        (
            r#"{"unit": "user", "holdout": {"salt": "h", "arms": [{"name": "holdout", "ranges": [{"low": 0, "high": 0.1}]}]},
                "arms": {"salt": "t", "arms": [{"name": "old", "ranges": [{"low": 0, "high": 0.5}]}, {"name": "new", "ranges": []}]}}"#,
            "a holdout of the experiment's own stands where",
        ),
    ] {
        let found = told(chooser);
        assert!(found.contains("campaigns[0].chooser") && found.contains(says), "{chooser}: {found}");
    }
}
