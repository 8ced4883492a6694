//! Importing the past in bulk ends where ingesting it event by event would have.

use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::personalizer::{IngestError, Personalizer};
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;
use crate::shop::{at, event, shop, user};

fn now() -> Timestamp {
    at(30 * 24 * 60)
}

/// Two people's days, with repetitions, and few enough that no limit bites.
fn events(dice: &mut Dice, links: bool) -> Vec<Event> {
    let mut events: Vec<Event> = (0..600)
        .map(|i| {
            let (person, minute) = (dice.below(40), dice.below(20_000));
            let mut event = event(dice, person, i, at(3_000 + minute));
            event.items.truncate(1);
            if !links {
                event.anonymous = event.anonymous.filter(|_| event.user.is_none());
                event.previous = None;
                if event.kind == EventKind::Aliased {
                    event.kind = EventKind::PageViewed;
                }
            }
            event
        })
        .collect();
    for _ in 0..50 {
        let again = events[dice.below(events.len())].clone();
        events.push(again);
    }
    events
}

#[track_caller]
fn same_bytes(a: &Personalizer, b: &Personalizer, what: &str) {
    assert!(a.snapshot().unwrap() == b.snapshot().unwrap(), "{what}");
}

#[test]
fn an_import_in_any_order_ends_in_the_bytes_of_ingesting_one_by_one() {
    for case in 0..8 {
        let mut dice = Dice::new(case);
        let events = events(&mut dice, false);
        let one_by_one = shop();
        let mut repeated = 0;
        for event in &events {
            repeated += u64::from(one_by_one.ingest(event, now()).unwrap().repeated);
        }
        let mut shuffled = events.clone();
        dice.shuffle(&mut shuffled);
        let half = shuffled.split_off(shuffled.len() / 2);
        let bulk = shop();
        let first = bulk.import(shuffled, now());
        let second = bulk.import(half, now());
        assert_eq!(first.taken + second.taken + repeated, events.len() as u64);
        assert_eq!((first.repeated + second.repeated, first.refused + second.refused), (repeated, 0));
        same_bytes(&one_by_one, &bulk, &format!("case {case}"));
        for person in 0..40 {
            let key = UserKey::known(&user(person));
            assert_eq!(one_by_one.memberships(key, now()), bulk.memberships(key, now()));
        }
    }
}

#[test]
fn links_of_an_import_happen_in_the_order_of_time() {
    for case in 0..8 {
        let mut dice = Dice::new(100 + case);
        let mut events = events(&mut dice, true);
        let bulk = shop();
        bulk.import(events.clone(), now());
        events.sort_by_key(|event| event.time);
        let one_by_one = shop();
        events.iter().for_each(|event| drop(one_by_one.ingest(event, now()).unwrap()));
        for person in 0..40 {
            for key in [UserKey::known(&user(person)), UserKey::anonymous(&format!("d{person}"))] {
                assert_eq!(bulk.resolve(key), one_by_one.resolve(key));
                let seen = |shop: &Personalizer| shop.profile(key).map(|profile| profile.events());
                assert_eq!(seen(&bulk), seen(&one_by_one), "case {case}, person {person}");
            }
        }
    }
}

#[test]
fn threads_import_at_once() {
    let events = events(&mut Dice::new(5), false);
    let whole = shop();
    whole.import(events.clone(), now());
    let shared = shop();
    std::thread::scope(|scope| {
        for part in events.chunks(100) {
            scope.spawn(|| shared.import(part.to_vec(), now()));
        }
    });
    same_bytes(&whole, &shared, "in threads");
}

#[test]
fn what_is_refused_is_told_by_its_place_and_the_rest_goes_on() {
    let shop = shop();
    shop.erase(UserKey::known("gone"), at(100));
    let old = |user: &str, minute| Event::new(EventKind::PageViewed, user, at(minute)).id(format!("{user} {minute}"));
    let events = [
        old("gone", 50),
        old("ann", 10),
        old("gone", 200),
        old("ann", 100 * 24 * 60),
        old("gone", 99),
        Event::new(EventKind::PageViewed, "", at(5)),
    ];
    let imported = shop.import(events, now());
    assert_eq!((imported.taken, imported.refused), (2, 4));
    let places: Vec<u64> = imported.errors.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 3, 4, 5]);
    assert!(matches!(imported.errors[0].1, IngestError::Erased { .. }));
    assert_eq!(shop.profile(UserKey::known("gone")).unwrap().events(), 1);
    let many = (0..300).map(|i| old("gone", i % 90)).collect::<Vec<_>>();
    let imported = shop.import(many, now());
    assert_eq!((imported.refused, imported.errors.len()), (300, 100));
}

#[test]
fn an_import_pays_no_decision() {
    let shop = shop();
    let asked = at(20 * 24 * 60);
    let decision = shop.decide(&bespoke::Request::new("home").user("ann"), asked);
    let shown = Event::new(EventKind::Exposed, "ann", asked).decision(decision.id);
    assert!(shop.ingest(&shown, asked).unwrap().exposure.is_some());
    let order = Event::new(EventKind::Purchased, "ann", asked + Span::minutes(5)).value(50.0, "EUR").id("o1");
    assert_eq!(shop.import([order], now()).taken, 1);
    assert!(shop.report().campaigns.iter().all(|campaign| campaign.variants.iter().all(|of| of.conversions == 0)));
    let order = Event::new(EventKind::Purchased, "ann", asked + Span::minutes(6)).value(50.0, "EUR").id("o2");
    assert_eq!(shop.ingest(&order, now()).unwrap().payments.len(), 1);
}
