//! Interest in items, sessions, touches and money are what all events together say, told by a walk over all of them.

use std::collections::BTreeMap;

use bespoke::catalog::Catalog;
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::{Engine, Profile, Span, Timestamp};

use crate::dice::Dice;

fn at(minute: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minute * 60_000)
}

const KINDS: [(EventKind, f64); 6] = [
    (EventKind::ItemViewed, 1.0),
    (EventKind::ItemAdded, 3.0),
    (EventKind::ItemRemoved, -2.0),
    (EventKind::Purchased, 5.0),
    (EventKind::Refunded, -4.0),
    (EventKind::Dismissed, -4.0),
];

/// The minute, the kind by its place in [`KINDS`], the item, the dwell and the source by its place.
type Happened = (i64, usize, String, f64, usize);

#[test]
fn a_walk_over_all_events_tells_the_same() {
    let (engine, catalog) = (Engine::from_json("{}").unwrap(), Catalog::new());
    for seed in 0..300 {
        let dice = &mut Dice::new(seed);
        let mut minutes: Vec<i64> = (0..dice.below(30)).map(|_| dice.below(600) as i64).collect();
        minutes.sort_unstable();
        minutes.dedup();
        let events: Vec<Happened> = minutes
            .into_iter()
            .map(|minute| {
                let dwell = [0.0, 30.0, 300.0][dice.below(3)];
                (minute, dice.below(KINDS.len()), format!("i{}", dice.below(4)), dwell, dice.below(3))
            })
            .collect();
        let mut order: Vec<usize> = (0..events.len()).collect();
        dice.shuffle(&mut order);
        let mut profile = Profile::default();
        for (minute, kind, item, dwell, source) in order.iter().chain(order.first()).map(|i| &events[*i]) {
            let mut event = Event::new(KINDS[*kind].0.clone(), "ann", at(*minute)).item(item.as_str());
            event = event.property("dwell", *dwell).value(2.0, ["EUR", "USD"][minute.unsigned_abs() as usize % 2]);
            event.source = [None, Some("mail"), Some("ads")][*source].map(str::to_owned);
            engine.apply(&event, &mut profile, &catalog, at(700));
        }
        items(&profile, &events);
        sessions(&profile, &events);
        let sources: Vec<(i64, &str)> =
            events.iter().filter(|of| of.4 > 0).map(|of| (of.0, ["", "mail", "ads"][of.4])).collect();
        let touch = |touch: Option<&bespoke::profile::Touch>| touch.map(|touch| (touch.time, touch.source.to_string()));
        let wanted = |of: Option<&(i64, &str)>| of.map(|(minute, source)| (at(*minute), (*source).to_owned()));
        let touches = profile.touches();
        assert_eq!(touch(touches.and_then(|of| of.first.as_ref())), wanted(sources.first()));
        assert_eq!(touch(touches.and_then(|of| of.last.as_ref())), wanted(sources.last()));
        for (parity, currency) in [(0, "EUR"), (1, "USD")] {
            let of = |kind: usize| events.iter().filter(|of| of.0 % 2 == parity && of.1 == kind).count();
            let spent = profile.spent().iter().find(|spent| spent.currency == Symbol::new(currency));
            let (bought, returned) = (of(3), of(4));
            assert_eq!(spent.is_some(), bought + returned > 0);
            let Some(spent) = spent else { continue };
            assert_eq!(spent.purchases as usize, bought);
            assert!((spent.amount.value() - 2.0 * (bought as f64 - returned as f64)).abs() < 1e-9);
        }
    }
}

fn items(profile: &Profile, events: &[Happened]) {
    let mut by_item: BTreeMap<&str, Vec<&Happened>> = BTreeMap::new();
    for event in events {
        by_item.entry(&event.2).or_default().push(event);
    }
    let mut interests = Vec::new();
    profile.interests(at(700), &mut interests);
    assert_eq!(interests.len(), by_item.len());
    let mut unfinished = Vec::new();
    for (item, of) in by_item {
        let found = interests.iter().find(|interest| interest.item == Symbol::new(item)).unwrap();
        let last = of.last().unwrap();
        assert_eq!((found.last, found.repeats as usize), (at(last.0), of.len()));
        let dwell: f64 = of.iter().map(|event| event.3).sum();
        assert!((found.dwell - dwell).abs() <= 0.05 * dwell, "to five percent: {} for {dwell}", found.dwell);
        let score: f64 = of
            .iter()
            .map(|(minute, kind, _, dwell, _)| {
                let weight = KINDS[*kind].1;
                let stayed = if weight > 0.0 { 1.0 + (dwell / 60.0).min(3.0) } else { 1.0 };
                weight * stayed * libm::exp2(-((700 - minute) as f64) / (7.0 * 1440.0))
            })
            .sum();
        let size: f64 = of.iter().map(|event| KINDS[event.1].1.abs() * 4.0).sum();
        assert!((found.score - score).abs() < 0.03 * size, "{} for {score}", found.score);
        let bought = of.iter().rev().find(|event| event.1 == 3 || event.1 == 4).is_some_and(|event| event.1 == 3);
        assert_eq!((found.bought, found.dismissed), (bought, last.1 == 5));
        if found.score > 0.0 && !bought && last.1 != 5 {
            unfinished.push(found.score);
        }
    }
    unfinished.sort_by(|a, b| b.total_cmp(a));
    let found: Vec<f64> = profile.unfinished(at(700)).iter().map(|interest| interest.score).collect();
    assert_eq!(found, unfinished);
}

fn sessions(profile: &Profile, events: &[Happened]) {
    let mut runs: Vec<Vec<&Happened>> = Vec::new();
    for event in events {
        match runs.last_mut() {
            Some(run) if event.0 - run[run.len() - 1].0 <= 30 => run.push(event),
            _ => runs.push(vec![event]),
        }
    }
    let sessions = profile.sessions();
    assert_eq!(sessions.count as usize, runs.len());
    let Some(run) = runs.last() else { return };
    let views = run.iter().filter(|event| event.1 == 0).count();
    assert_eq!((sessions.events as usize, sessions.views as usize), (run.len(), views));
    assert_eq!((sessions.start, sessions.last), (at(run[0].0), at(run[run.len() - 1].0)));
}

#[test]
fn touches_keep_the_medium_and_the_campaign_of_the_link() {
    let engine = Engine::from_json(
        r#"{"segments": [
            {"name": "mailed", "rule": "session(first_medium) = 'email' AND session(first_campaign) = 'spring'"},
            {"name": "searched", "rule": "session(last_source) = 'search' AND session(medium) = 'cpc'"},
            {"name": "tagged", "rule": "session(last_campaign) EXISTS OR session(campaign) EXISTS"}
        ]}"#,
    )
    .unwrap();
    let (mut profile, start) = (Profile::default(), at(0));
    let apply = |profile: &mut Profile, event: &Event| {
        engine.apply(event, profile, &Catalog::new(), event.time);
        engine.memberships(profile, event.time).map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut visit = Event::new(EventKind::PageViewed, "ann", start).id("1").property("utm_medium", "email");
    visit.source = Some("news".to_owned());
    assert_eq!(apply(&mut profile, &visit.property("utm_campaign", "spring")), ["mailed", "tagged"]);
    let message = r#"{"type": "page", "userId": "ann", "messageId": "2", "timestamp": "2026-03-02T12:00:00Z",
        "context": {"campaign": {"source": "search", "medium": "cpc"}}}"#;
    let read = Event::read(message).unwrap();
    let mut later = read[0].clone();
    later.time = start + Span::days(2);
    assert_eq!(apply(&mut profile, &later), ["mailed", "searched"]);
    let touches = profile.touches().unwrap();
    let tags = |touch: &Option<bespoke::profile::Touch>| {
        let touch = touch.as_ref().unwrap();
        (touch.medium().map(str::to_owned), touch.campaign().map(str::to_owned))
    };
    assert_eq!(tags(&touches.first), (Some("email".into()), Some("spring".into())));
    assert_eq!(tags(&touches.last), (Some("cpc".into()), None));
    // What is too long for a name is none.
    let long = Event::new(EventKind::PageViewed, "ann", start + Span::days(3)).property("utm_medium", "x".repeat(513));
    let long = Event { source: Some("search".to_owned()), ..long };
    assert_eq!(apply(&mut profile, &long), ["mailed"]);
}
