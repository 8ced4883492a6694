//! Campaigns whose bandit looks at features of the person and the request.

use bespoke::Engine;
use bespoke::bandit::Policy;
use bespoke::decision::Request;
use bespoke::event::{Event, EventKind};
use bespoke::personalizer::Personalizer;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

fn at(minutes: u32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Span::minutes(minutes)
}

fn definitions(chooser: &str, features: &str) -> String {
    format!(
        r#"{{"schema": {{"attributes": {{"age": "number", "vip": "bool"}}}},
            "segments": [{{"name": "vips", "rule": "vip = true"}}],
            "placements": ["home"], "campaigns": [{{
                "name": "c", "placement": "home", "variants": [{{"name": "a"}}, {{"name": "b"}}],
                "chooser": {chooser}, "features": {features},
                "goal": {{"event": "purchased", "within": "1h"}}
        }}]}}"#
    )
}

fn engine(chooser: &str, features: &str) -> Engine {
    Engine::from_json(&definitions(chooser, features)).map_err(|problems| problems.to_string()).unwrap()
}

const FEATURES: &str =
    r#"["segment('vips')", {"attribute": "age", "missing": 40}, {"context": "hour", "missing": 12}]"#;

/// Half the people are in the segment; they buy after `b`, the others after `a`.
#[test]
fn a_bandit_finds_which_variant_is_for_whom() {
    let shop = Personalizer::new(engine(r#"{"contextual": {}}"#, FEATURES));
    let mut dice = Dice::new(1);
    let mut right = 0;
    for i in 0..1_200_u32 {
        let (user, vip, now) = (format!("u{i}"), dice.below(2) == 1, at(3 * i));
        let known =
            Event::new(EventKind::Identified, &*user, now).attribute("vip", vip).attribute("age", f64::from(i % 50));
        shop.ingest(&known, now).unwrap();
        let decision = shop.decide(&Request::new("home").user(&*user).context("hour", f64::from(i % 24)), now);
        assert_eq!(decision.features, [f64::from(u8::from(vip)), f64::from(i % 50), f64::from(i % 24)]);
        shop.ingest(&Event::new(EventKind::Exposed, &*user, now).decision(decision.id), now).unwrap();
        let is_right = (decision.variant.as_deref() == Some("b")) == vip;
        right += u32::from(i >= 800 && is_right);
        if is_right && dice.below(10) < 8 {
            let later = now + Span::minutes(2);
            let paid = shop.ingest(&Event::new(EventKind::Purchased, &*user, later).value(10.0, "EUR"), later).unwrap();
            assert_eq!(paid.payments.len(), 1);
        }
    }
    assert!(right > 360, "{right} of 400");
    shop.with_models(|models| {
        let bandit = models.bandit("c").unwrap();
        assert_eq!(
            (bandit.features(), bandit.tallies().iter().map(|tally| tally.exposures()).sum::<u64>()),
            (3, 1_200)
        );
    });
    // A stranger has what is missing, and the same after a restart.
    let decision = shop.decide(&Request::new("home").user("stranger"), at(4_000));
    assert_eq!(decision.features, [0.0, 40.0, 12.0]);
    let again = Personalizer::new(engine(r#"{"contextual": {}}"#, FEATURES));
    again.restore(&shop.snapshot().unwrap()).unwrap();
    assert_eq!(again.decide(&Request::new("home").user("stranger"), at(4_000)), decision);
}

/// An exposure counts as what was said for one that is never paid; a goal within its window pays in its place, one after it
/// does not.
#[test]
fn what_is_not_paid_within_the_window_counts_as_was_said() {
    let shop = Personalizer::new(engine(r#"{"thompson": {}, "unpaid": 0.25}"#, "[]"));
    for (user, later) in [("ann", 10), ("ben", 90), ("cem", 0)] {
        let decision = shop.decide(&Request::new("home").user(user), at(0));
        shop.ingest(&Event::new(EventKind::Exposed, user, at(0)).decision(decision.id), at(0)).unwrap();
        if later > 0 {
            let order = Event::new(EventKind::Purchased, user, at(later)).value(10.0, "EUR");
            shop.ingest(&order, at(later)).unwrap();
        }
    }
    let earned = |shop: &Personalizer| {
        shop.with_models(|models| models.bandit("c").unwrap().tallies().iter().map(|of| of.reward()).sum::<f64>())
    };
    assert!((earned(&shop) - 1.5).abs() < 1e-12, "one was paid, two were not");
    let again = Personalizer::new(engine(r#"{"thompson": {}, "unpaid": 0.25}"#, "[]"));
    again.restore(&shop.snapshot().unwrap()).unwrap();
    assert!((earned(&again) - 1.5).abs() < 1e-12);
}

/// The logistic regression stands behind a campaign like any other policy.
#[test]
fn a_campaign_learns_by_logistic_regression() {
    let features = r#"["segment('vips')"]"#;
    let shop = Personalizer::new(engine(r#"{"logistic": {}}"#, features));
    let mut right = 0;
    for i in 0..600_u32 {
        let (user, vip, now) = (format!("u{i}"), i % 2 == 1, at(3 * i));
        shop.ingest(&Event::new(EventKind::Identified, &*user, now).attribute("vip", vip), now).unwrap();
        let decision = shop.decide(&Request::new("home").user(&*user), now);
        shop.ingest(&Event::new(EventKind::Exposed, &*user, now).decision(decision.id), now).unwrap();
        let is_right = (decision.variant.as_deref() == Some("b")) == vip;
        right += u32::from(i >= 400 && is_right);
        if is_right && i % 5 > 0 {
            let later = now + Span::minutes(2);
            shop.ingest(&Event::new(EventKind::Purchased, &*user, later).value(10.0, "EUR"), later).unwrap();
        }
    }
    assert!(right > 180, "{right} of 200");
    let again = Personalizer::new(engine(r#"{"logistic": {}}"#, features));
    again.restore(&shop.snapshot().unwrap()).unwrap();
    let stranger = Request::new("home").user("stranger");
    assert_eq!(again.decide(&stranger, at(4_000)), shop.decide(&stranger, at(4_000)));
}

/// Numbers that no model can take count as missing.
#[test]
fn what_is_no_number_counts_as_missing() {
    let shop = Personalizer::new(engine(r#"{"contextual": {}}"#, FEATURES));
    for (value, wanted) in [(f64::MAX, 12.0), (-1e9, -1e9), (1e10, 12.0)] {
        let decision = shop.decide(&Request::new("home").user("ann").context("hour", value), at(0));
        assert_eq!(decision.features[2].to_bits(), f64::to_bits(wanted), "{value}");
    }
    let decision = shop.decide(&Request::new("home").user("ann").context("hour", "noon"), at(0));
    assert_eq!(decision.features[2].to_bits(), 12_f64.to_bits());
    let decision = shop.decide(&Request::new("home").user("ann").context("hour", true), at(0));
    assert_eq!(decision.features[2].to_bits(), 1_f64.to_bits());
}

/// A decision from before the features changed pays its variant, and teaches the new model nothing wrong.
#[test]
fn changed_features_begin_anew() {
    let shop = Personalizer::new(engine(r#"{"contextual": {}}"#, FEATURES));
    let open = shop.decide(&Request::new("home").user("ann"), at(0));
    shop.replace_engine(engine(r#"{"contextual": {}}"#, r#"["vip = true"]"#), at(1));
    shop.ingest(&Event::new(EventKind::Exposed, "ann", at(2)).decision(open.id), at(2)).unwrap();
    let order = Event::new(EventKind::Purchased, "ann", at(3)).value(10.0, "EUR");
    assert_eq!(shop.ingest(&order, at(3)).unwrap().payments.len(), 1);
    shop.with_models(|models| {
        assert!(models.bandit("c").unwrap().tallies().iter().all(|tally| tally.exposures() == 0));
        assert_eq!(models.tally("c", open.variant.as_deref().unwrap()).conversions, 1);
    });
}

#[test]
fn mistakes_in_features_are_told_with_their_place() {
    let says = |chooser: &str, features: &str, wanted: &str| {
        let problems = Engine::from_json(&definitions(chooser, features)).unwrap_err().to_string();
        assert!(problems.contains(wanted), "{problems}");
    };
    let contextual = r#"{"contextual": {}}"#;
    says(contextual, r#"["segment('vip')"]"#, "did you mean `vips`?");
    says(contextual, r#"[{"attribute": "aeg"}]"#, "did you mean `age`?");
    says(contextual, r#"[{"attribute": "age", "missing": "x"}]"#, "campaigns[0].features[0].missing");
    says(contextual, r#"[{"attribute": "age", "mising": 1}]"#, "did you mean `missing`?");
    says(contextual, r#"[{}]"#, "campaigns[0].features[0]: `attribute` is missing");
    says(contextual, "[7]", "campaigns[0].features[0]");
    says(r#"{"thompson": {}}"#, r#"["vip = true"]"#, "features that nothing reads stands where a chooser such as");
    says(r#"{"contextual": {"exploration": 99}}"#, "[]", "`exploration` lies from 0.01 to 10, but 99 was given");
    says(r#"{"thompson": {}, "control": {"arm": 2, "share": 0.1}}"#, "[]", "there is no arm 2: the arms are 0 to 1");
    says(r#"{"thompson": {}, "flor": 0.1}"#, "[]", "unknown field `flor`");
}
