//! Who is in a segment or an audience that nobody can tell whether they belong to: what the definitions say.

use bespoke::catalog::Catalog;
use bespoke::decision::{Outcome, Request};
use bespoke::engine::{DecideScratch, Definitions};
use bespoke::insight::{SizeSettings, Sizes};
use bespoke::rule::{Answer, Rule, Unknown};
use bespoke::segment::Segment;
use bespoke::{Engine, Event, EventKind, Profile, Span, Timestamp};

/// Somebody who has bought for an amount that nobody has kept, under an engine that asks for the amounts from now on.
fn somebody(definitions: &str, now: Timestamp) -> (Engine, Profile) {
    let old = Engine::from_json(r#"{"segments": []}"#).unwrap();
    let mut profile = Profile::default();
    let bought = Event::new(EventKind::Purchased, "ann", now).value(20.0, "EUR");
    old.apply(&bought, &mut profile, &Catalog::new(), now);
    (Engine::from_json(definitions).unwrap().succeeding(&old, now), profile)
}

fn names<'a>(names: impl IntoIterator<Item = &'a std::sync::Arc<str>>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}

const SPENT: &str = r#"{"segments": [
    {"name": "excluding", "rule": "event('purchased').within(7 days).sum(value) >= 50"},
    {"name": "including", "rule": "event('purchased').within(7 days).sum(value) >= 50", "unknown": "include"},
    {"name": "opposite", "rule": "NOT segment('including')", "unknown": "include"},
    {"name": "referring", "rule": "segment('including')"}
]}"#;

#[test]
fn a_segment_says_whether_the_unknown_are_in_it() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (engine, mut profile) = somebody(SPENT, now);
    // A reference reads the answer: whoever may be in one may be in its opposite, which everybody is in to begin with.
    assert_eq!(names(engine.memberships(&profile, now)), ["including", "opposite"]);
    assert_eq!(names(&engine.refresh(&mut profile, &Catalog::new(), now).entered), ["including"]);
    let explanation = engine.explain("including", &profile, now).unwrap();
    assert_eq!((explanation.answer, explanation.included), (Answer::Unknown, Some(true)));
    assert!(explanation.to_string().starts_with("?   segment including, included while that is unknown"));
    let explanation = engine.explain("excluding", &profile, now).unwrap();
    assert!(explanation.to_string().starts_with("?   segment excluding, left out while that is unknown"));
    // A week later nothing is unknown any more: nothing was spent within it.
    let next = engine.next_change(&profile, now).unwrap();
    assert_eq!(
        (next.time, names(&next.entered), names(&next.left)),
        (now + Span::days(7), vec![], vec!["including".into()])
    );
    let changes = engine.refresh(&mut profile, &Catalog::new(), next.time);
    assert_eq!((names(&changes.entered), names(&changes.left)), (vec![], vec!["including".to_owned()]));
    assert_eq!(names(engine.memberships(&profile, next.time)), ["opposite"]);
    assert_eq!(engine.explain("including", &profile, next.time).unwrap().included, None);
}

#[test]
fn surveys_count_the_unknown_where_they_are_in() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (engine, profile) = somebody(
        r#"{"settings": {"unknown": "include"}, "segments": [
            {"name": "in", "rule": "event('purchased').within(7 days).sum(value) < 50 AND NOT event('wished')"},
            {"name": "out", "rule": "event('purchased').within(7 days).sum(value) < 50", "unknown": "exclude"}
        ]}"#,
        now,
    );
    let report = Sizes::of(&engine, [&profile, &Profile::default()], now, SizeSettings::default()).report();
    let sizes: Vec<_> = report.segments.iter().map(|of| (of.people, of.unknown)).collect();
    assert_eq!(sizes, [(2, 1), (1, 1)]);
    assert_eq!(report.segments[0].parts[0].excludes_alone, 0);
}

#[test]
fn a_campaign_says_whether_it_is_for_the_unknown() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (engine, profile) = somebody(
        r#"{"placements": ["home"], "campaigns": [
            {"name": "a", "placement": "home", "audience": "event('purchased').within(7 days).sum(value) >= 50",
             "payload": 1},
            {"name": "b", "placement": "home", "payload": 2, "audience": "event('purchased').within(7 days).sum(value) >= 50",
             "unknown": "include"}
        ]}"#,
        now,
    );
    let (models, request) = (engine.models(), Request::new("home").user("ann"));
    let decision = engine.decide(&request, &profile, &models, now, &mut DecideScratch::default());
    assert_eq!(decision.campaign.as_deref(), Some("b"));
    assert!(decision.verdicts.iter().any(|of| &*of.campaign == "a" && of.outcome == Outcome::NotInAudience));
    let explanation = engine.explain_campaign("b", &request, &profile, now).unwrap();
    assert_eq!((explanation.answer, explanation.included), (Answer::Unknown, Some(true)));
}

#[test]
fn another_setting_moves_the_unknown_and_tells_so() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (first, mut profile) = somebody(SPENT, now);
    first.refresh(&mut profile, &Catalog::new(), now);
    let mut definitions = Definitions::from_json(SPENT).unwrap();
    definitions.segments.pop();
    definitions.segments.pop();
    definitions.segments[0].unknown = Some(Unknown::Include);
    definitions.segments[1].unknown = None;
    let second = Engine::new(definitions).unwrap().succeeding(&first, now + Span::hours(1));
    let changes = second.refresh(&mut profile, &Catalog::new(), now + Span::hours(1));
    assert_eq!(names(&changes.entered), ["excluding"]);
    assert_eq!(names(&changes.left), ["including"]);
}

#[test]
fn rust_says_it_as_json_does() {
    let rule = Rule::parse("event('purchased').within(7 days).sum(value) >= 50").unwrap();
    let built = Segment::new("including", rule).unknown(Unknown::Include);
    assert_eq!(Definitions::from_json(SPENT).unwrap().segments[1], built);
    let problems = Definitions::from_json(r#"{"segments": [{"name": "a", "rule": "b", "unknown": "includ"}]}"#);
    assert!(problems.unwrap_err().to_string().contains("did you mean `include`?"));
}
