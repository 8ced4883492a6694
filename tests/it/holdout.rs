//! Who is kept out of campaigns, and what these add against them.

use bespoke::campaign::HOLDOUT;
use bespoke::decision::{Decision, Fallback, Outcome, Request};
use bespoke::engine::{DecideScratch, Engine, Exposure, Models, OpenDecisions};
use bespoke::event::{Event, EventKind};
use bespoke::profile::Profile;
use bespoke::report::Report;
use bespoke::time::{Span, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn engine(settings: &str, campaign: &str) -> Engine {
    let text = r#"{"settings": SETTINGS, "placements": ["home", "side"], "campaigns": [
        {"name": "hello", "placement": "home", "priority": 1, "variants": [{"name": "a", "payload": 1}, {"name": "b", "payload": 2}],
         CAMPAIGN "goal": {"event": "purchased", "within": "1d", "pay": "amount"}},
        {"name": "rest", "placement": "home", "payload": 3},
        {"name": "beside", "placement": "side", "payload": 4}]}"#;
    Engine::from_json(&text.replace("SETTINGS", settings).replace("CAMPAIGN", campaign)).unwrap()
}

fn ask(engine: &Engine, models: &Models, placement: &str, user: &str) -> Decision {
    let request = Request::new(placement).user(user);
    engine.decide(&request, &Profile::default(), models, NOW, &mut DecideScratch::default())
}

/// Decides for somebody, shows it, and lets them buy for so much.
fn visit(engine: &Engine, models: &mut Models, user: &str, spends: impl Fn(&Decision) -> f64) -> Decision {
    let (decision, mut open) = (ask(engine, models, "home", user), OpenDecisions::default());
    open.keep(&decision, engine);
    let shown = Event::new(EventKind::Exposed, user, NOW).decision(decision.id);
    assert_eq!(engine.expose(&shown, &mut open, models), Some(Exposure::Counted));
    let amount = spends(&decision);
    if amount > 0.0 {
        let bought = Event::new(EventKind::Purchased, user, NOW + Span::hours(1)).value(amount, "EUR");
        assert_eq!(engine.pay(&bought, &mut open, models).len(), 1);
    }
    decision
}

/// Of 4,000 people 1,000 are held out, of whom a tenth buy, and of the others a fifth. The standard error of the
/// difference is 0.0114; bounds are five of them.
#[test]
fn what_a_campaign_adds_is_told_against_those_who_are_held_out() {
    let engine = engine("{}", r#""chooser": {"split": {"a": 0.5, "b": 0.5}}, "holdout": 0.25,"#);
    let mut models = engine.models();
    let mut out = 0;
    for i in 0..4_000_u32 {
        let is_out = |decision: &Decision| decision.fallback == Some(Fallback::HeldOut);
        let buys = |decision: &Decision| i % if is_out(decision) { 10 } else { 5 } == 0;
        let decision = visit(&engine, &mut models, &i.to_string(), |of| if buys(of) { 20.0 } else { 0.0 });
        let first = &decision.verdicts[0];
        assert_eq!((&*first.campaign, decision.campaign.as_deref()), ("hello", Some("hello")));
        if is_out(&decision) {
            out += 1;
            assert_eq!(decision.variant.as_deref(), Some(HOLDOUT));
            assert!(decision.payload.is_none() && decision.slate.is_empty() && first.outcome == Outcome::HeldOut);
            assert!((decision.propensity.value() - 0.25).abs() < 1e-12);
            assert!(matches!(decision.verdicts[1].outcome, Outcome::Outranked { .. }), "nothing else is shown instead");
        } else {
            assert!(decision.payload.is_some() && (decision.propensity.value() - 0.5).abs() < 1e-12);
        }
    }
    let report = Report::new(&engine, &models);
    let [hello, rest, _] = &report.campaigns[..] else { panic!("{report}") };
    let held_out = hello.holdout.as_ref().unwrap();
    assert_eq!((held_out.exposures, held_out.name.as_str()), (out, HOLDOUT));
    assert_eq!(hello.variants.iter().map(|of| of.exposures).sum::<u64>(), 4_000 - out);
    let lift = hello.lift.as_ref().unwrap();
    let (rate, amount) = (lift.rate.unwrap(), lift.amount.unwrap());
    assert!((rate.each - 0.1).abs() < 0.057 && rate.interval.low > 0.0, "{rate:?}");
    assert!((amount.each - 20.0 * rate.each).abs() < 1e-9 && amount.interval.low > 0.0, "{amount:?}");
    let shown = (4_000 - out) as f64;
    assert!((amount.total - amount.each * shown).abs() < 1e-6 && rate.interval.high < 0.2);
    assert!(rest.holdout.is_none() && rest.lift.is_none());
    let text = report.to_string();
    assert!(text.contains("  holdout") && text.contains("  added: +"), "{text}");
}

#[test]
fn the_share_of_all_is_out_of_every_campaign_and_stays_so() {
    let engine = engine(r#"{"holdout": 0.5}"#, "");
    let models = engine.models();
    let mut out = 0;
    for i in 0..200_u32 {
        let is_out = |placement| {
            let decision = ask(&engine, &models, placement, &i.to_string());
            decision.fallback == Some(Fallback::HeldOut)
        };
        assert_eq!(is_out("home"), is_out("side"));
        out += u32::from(is_out("home"));
    }
    // The standard error is 7.1; the bound is five of them.
    assert!((65..=135).contains(&out), "{out}");
}

#[test]
fn a_bandit_learns_nothing_from_those_who_are_held_out() {
    let engine = engine("{}", r#""chooser": {"epsilon_greedy": {"epsilon": 0.2}}, "holdout": 0.5,"#);
    let mut models = engine.models();
    for i in 0..60_u32 {
        visit(&engine, &mut models, &i.to_string(), |_| 1.0);
    }
    let tally = |variant| models.tally("hello", variant);
    let (shown, out) = (tally("a").exposures + tally("b").exposures, tally(HOLDOUT).exposures);
    assert!(shown > 0 && out > 0 && shown + out == 60 && tally(HOLDOUT).conversions == out);
    // Without the holdout its counts stay, and the bandit keeps its two arms.
    let after = self::engine("{}", r#""chooser": {"epsilon_greedy": {"epsilon": 0.2}},"#);
    let bandit = models.bandit("hello").cloned();
    after.adopt(&mut models);
    assert_eq!((models.tally("hello", HOLDOUT).exposures, models.bandit("hello").cloned()), (out, bandit));
    assert!(ask(&after, &models, "home", "ann").fallback.is_none());
    assert_eq!(Report::new(&after, &models).campaigns[0].holdout.as_ref().map(|of| of.exposures), Some(out));
}

#[test]
fn what_does_not_go_with_a_holdout_is_told() {
    let told = |campaign: &str| {
        let text = r#"{"placements": ["home"], "campaigns": [{"name": "c", "placement": "home", CAMPAIGN}]}"#;
        Engine::from_json(&text.replace("CAMPAIGN", campaign)).unwrap_err().to_string()
    };
    let named = told(r#""holdout": 0.1, "variants": [{"name": "holdout"}]"#);
    assert!(named.contains("variants: a variant `holdout` beside a holdout stands where"), "{named}");
    let items = told(
        r#""holdout": 0.1, "recommend": {}, "goal": {"event": "purchased", "within": "1d", "items": "recommended"}"#,
    );
    assert!(items.contains("goal.items: `recommended` beside a holdout"), "{items}");
    let share = told(r#""holdout": 1.5, "payload": 1"#);
    assert!(share.contains("holdout: 1.5 stands where a share from 0 to 1 should"), "{share}");
    let mut definitions = bespoke::engine::Definitions::default();
    definitions.settings.holdout = f64::NAN;
    assert!(Engine::new(definitions).unwrap_err().to_string().contains("settings.holdout: NaN"));
}
