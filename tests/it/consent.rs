//! Who withholds consent is not tracked and not personalised, still served, and every order of decisions ends alike.

use bespoke::engine::Exposure;
use bespoke::event::{Event, EventKind};
use bespoke::{Engine, Personalizer, Request, Span, Timestamp, UserKey};

use crate::dice::Dice;

fn shop(consent: &str) -> Personalizer {
    let text = format!(
        r#"{{
            "segments": [{{"name": "keen", "rule": "event('item_viewed').count() >= 1"}}],
            "placements": ["home"],
            "campaigns": [
                {{"name": "again", "placement": "home", "priority": 2, "audience": "segment('keen')", "payload": 1}},
                {{"name": "hello", "placement": "home", "priority": 1, "payload": 2}}
            ],
            "settings": {{"consent": {consent}}}
        }}"#
    );
    Personalizer::new(Engine::from_json(&text).unwrap())
}

fn at(minutes: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minutes * 60_000)
}

fn viewed(minute: i64) -> Event {
    Event::new(EventKind::ItemViewed, "ann", at(minute)).item("i1").id(format!("v{minute}"))
}

fn said(minute: i64, purpose: &str, granted: bool) -> Event {
    Event::new(EventKind::ConsentChanged, "ann", at(minute)).property(purpose, granted)
}

fn events(shop: &Personalizer) -> u64 {
    shop.profile(UserKey::known("ann")).map_or(0, |profile| profile.events())
}

fn home(shop: &Personalizer, minute: i64) -> bespoke::Decision {
    shop.decide(&Request::new("home").user("ann"), at(minute))
}

#[test]
fn of_somebody_who_was_never_asked_nothing_is_kept_where_people_must_opt_in() {
    let shop = shop(r#"{"tracking": false}"#);
    assert!(shop.ingest(&viewed(0), at(0)).unwrap().untracked);
    let decision = home(&shop, 1);
    assert_eq!(decision.campaign.as_deref(), Some("hello"), "still served");
    let shown = Event::new(EventKind::Exposed, "ann", at(1)).decision(decision.id);
    assert_eq!(shop.ingest(&shown, at(1)).unwrap().exposure, None);
    assert_eq!((shop.people(), shop.profile(UserKey::known("ann"))), (0, None));
    let said = shop.ingest(&said(2, "tracking", true), at(2)).unwrap();
    assert!(!said.untracked);
    let taken = shop.ingest(&viewed(3), at(3)).unwrap();
    assert_eq!((taken.untracked, taken.entered.len(), events(&shop)), (false, 1, 2));
    let shown = Event::new(EventKind::Exposed, "ann", at(4)).decision(home(&shop, 4).id);
    assert_eq!(shop.ingest(&shown, at(4)).unwrap().exposure, Some(Exposure::Counted));
}

#[test]
fn a_refusal_is_kept_and_outlasts_a_snapshot() {
    let shop = shop("{}");
    shop.ingest(&viewed(0), at(0)).unwrap();
    assert!(shop.ingest(&said(5, "tracking", false), at(5)).unwrap().untracked);
    assert!(shop.ingest(&viewed(6), at(6)).unwrap().untracked);
    assert!(shop.ingest(&viewed(4), at(6)).unwrap().untracked, "not even what happened before");
    assert_eq!(events(&shop), 1, "what was kept before the refusal stays until it is erased");
    let again = self::shop("{}");
    again.restore(&shop.snapshot().unwrap()).unwrap();
    assert!(again.ingest(&viewed(7), at(7)).unwrap().untracked);
    // A device of the same person, linked later, is bound by it too.
    let login = Event { anonymous: Some("phone".into()), ..Event::new(EventKind::Identified, "ann", at(8)) };
    assert!(again.ingest(&login, at(8)).unwrap().untracked);
    let by_device = Event::by_visitor(EventKind::ItemViewed, "phone", at(9)).item("i1");
    assert!(again.ingest(&by_device, at(9)).unwrap().untracked);
}

#[test]
fn without_consent_to_personalisation_a_decision_is_that_of_an_unknown_person() {
    let shop = shop("{}");
    shop.ingest(&viewed(0), at(0)).unwrap();
    assert_eq!(home(&shop, 1).campaign.as_deref(), Some("again"));
    shop.ingest(&said(2, "personalisation", false), at(2)).unwrap();
    let decision = home(&shop, 3);
    assert_eq!((decision.campaign.as_deref(), decision.impersonal), (Some("hello"), true));
    assert_eq!(shop.memberships(UserKey::known("ann"), at(3)).len(), 1, "tracking goes on");
    shop.ingest(&said(4, "personalisation", true), at(4)).unwrap();
    let decision = home(&shop, 5);
    assert_eq!((decision.campaign.as_deref(), decision.impersonal), (Some("again"), false));
}

#[test]
fn purposes_of_the_hosts_own_follow_the_same_rules_and_mistakes_are_told() {
    let shop = shop(r#"{"email": false}"#);
    let consents = |shop: &Personalizer, purpose: &str| {
        shop.engine().consents(&shop.profile(UserKey::known("ann")).unwrap_or_default(), purpose)
    };
    assert!(!consents(&shop, "email"));
    let taken = shop.ingest(&said(1, "email", true).property("fax", true).property("tracking", "yes"), at(1)).unwrap();
    assert_eq!(taken.mismatched.len(), 2, "an unknown purpose, and an answer that is neither yes nor no");
    assert!(consents(&shop, "email") && !consents(&shop, "fax"));
    shop.ingest(&said(1, "email", false), at(1)).unwrap();
    assert!(!consents(&shop, "email"), "of two answers at the same time the refusal");
}

/// The model keeps every decision: an event counts if the decision in force at its time, and the newest, allow it.
#[test]
fn any_order_of_decisions_before_any_order_of_events_keeps_the_same_events() {
    for seed in 0..60 {
        let dice = &mut Dice::new(seed);
        let opt_in = dice.coin();
        let mut decisions: Vec<(i64, bool)> =
            (0..dice.below(7)).map(|_| (dice.below(20) as i64, dice.coin())).collect();
        let mut by_time = std::collections::BTreeMap::new();
        for (minute, granted) in &decisions {
            *by_time.entry(*minute).or_insert(true) &= *granted;
        }
        let held = |minute: i64| by_time.range(..=minute).next_back().map_or(!opt_in, |(_, granted)| *granted);
        let newest = by_time.last_key_value().map_or(!opt_in, |(_, granted)| *granted);
        // Minutes of decisions are whole, those of views lie between them.
        let kept = (0..20).filter(|minute| newest && held(*minute)).count() as u64;
        let of_decisions = decisions.iter().copied().collect::<std::collections::BTreeSet<_>>();
        let shop = shop(&format!(r#"{{"tracking": {}}}"#, !opt_in));
        dice.shuffle(&mut decisions);
        for (minute, granted) in &decisions {
            shop.ingest(&said(*minute, "tracking", *granted), at(60)).unwrap();
        }
        let before = events(&shop);
        assert!(before <= of_decisions.len() as u64);
        let mut minutes: Vec<i64> = (0..20).collect();
        dice.shuffle(&mut minutes);
        for minute in minutes {
            let mut event = viewed(minute);
            event.time = event.time + Span::seconds(30);
            shop.ingest(&event, at(60)).unwrap();
        }
        assert_eq!(events(&shop) - before, kept, "seed {seed}, {by_time:?}");
    }
}
