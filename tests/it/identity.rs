//! Which person an id means: strangers who become known, devices that change hands, people who want to be forgotten.

use std::sync::atomic::{AtomicUsize, Ordering};

use bespoke::decision::Request;
use bespoke::engine::Exposure;
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::identity::{LinkOutcome, Refusal};
use bespoke::personalizer::{Erased, IngestError, Personalizer};
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;
use crate::shop::{Answers, Step, at, engine, play, shop};

fn visit(anonymous: &str, time: Timestamp) -> Event {
    Event::by_visitor(EventKind::ItemViewed, anonymous, time).item("i1").id(format!("{anonymous} {time}"))
}

fn identify(user: &str, anonymous: &str, time: Timestamp) -> Event {
    Event { anonymous: Some(anonymous.to_owned()), ..Event::new(EventKind::Identified, user, time) }
}

fn alias(user: &str, previous: &str, time: Timestamp) -> Event {
    Event { previous: Some(previous.to_owned()), ..Event::new(EventKind::Aliased, user, time) }
}

#[track_caller]
fn link(shop: &Personalizer, event: &Event) -> Option<LinkOutcome> {
    shop.ingest(event, event.time.max(at(1_000))).unwrap().links.first().cloned()
}

fn joined(from: UserKey, into: UserKey) -> Option<LinkOutcome> {
    Some(LinkOutcome::Joined { from, into })
}

fn shared() -> Option<LinkOutcome> {
    Some(LinkOutcome::Refused { reason: Refusal::Shared, limit: 1 })
}

fn events(shop: &Personalizer, key: UserKey) -> usize {
    shop.profile(key).map_or(0, |profile| profile.history().len())
}

fn segments(shop: &Personalizer, key: UserKey, now: Timestamp) -> Vec<String> {
    shop.memberships(key, now).iter().map(ToString::to_string).collect()
}

fn ann() -> UserKey {
    UserKey::known("ann")
}

fn bob() -> UserKey {
    UserKey::known("bob")
}

fn phone() -> UserKey {
    UserKey::anonymous("phone")
}

#[test]
fn a_stranger_who_becomes_known_brings_history_segments_and_open_decisions() {
    let shop = shop();
    link(&shop, &Event::new(EventKind::Purchased, "ann", at(0)).value(20.0, "EUR"));
    link(&shop, &visit("phone", at(1)));
    link(&shop, &visit("phone", at(2)));
    assert_eq!((shop.people(), shop.resolve(phone())), (2, phone()));
    let decision = shop.decide(&Request::new("home").anonymous("phone"), at(3));
    assert!(!segments(&shop, ann(), at(3)).contains(&"viewers".to_owned()));
    let login = shop.ingest(&identify("ann", "phone", at(4)), at(4)).unwrap();
    assert_eq!((login.links.first().cloned(), login.user), (joined(phone(), ann()), Some(ann())));
    assert!(login.entered.iter().any(|name| &**name == "viewers"), "{login:?}");
    assert_eq!((shop.people(), shop.resolve(phone()), events(&shop, ann())), (1, ann(), 4));
    assert_eq!(shop.profile(phone()), shop.profile(ann()), "either id names the person");
    let all = segments(&shop, ann(), at(4));
    assert!(["viewers", "buyers"].iter().all(|of| all.iter().any(|name| name == of)), "{all:?}");
    let shown = Event::by_visitor(EventKind::Exposed, "phone", at(5)).decision(decision.id);
    assert_eq!(shop.ingest(&shown, at(5)).unwrap().exposure, Some(Exposure::Counted));
    let bought = Event::new(EventKind::Purchased, "ann", at(6)).value(20.0, "EUR");
    assert_eq!(shop.ingest(&bought, at(6)).unwrap().payments[0].decision, decision.id);
    assert_eq!(link(&shop, &identify("ann", "phone", at(7))), None, "known");
    assert_eq!(shop.ingest(&visit("phone", at(8)), at(8)).unwrap().user, Some(ann()));
    assert_eq!(shop.people(), 1);
    let for_phone = shop.decide(&Request::new("home").anonymous("phone"), at(9));
    assert_eq!(for_phone, shop.decide(&Request::new("home").user("ann"), at(9)), "the same person");
}

#[test]
fn joining_tells_only_the_segments_that_it_changes() {
    let shop = shop();
    link(&shop, &Event::new(EventKind::Purchased, "ann", at(0)).value(20.0, "EUR"));
    link(&shop, &Event::by_visitor(EventKind::ItemViewed, "phone", at(1)).item("i1").attribute("plan", "pro"));
    link(&shop, &Event::by_visitor(EventKind::ItemViewed, "laptop", at(2)).item("i1"));
    let told = |event: &Event| {
        let done = shop.ingest(event, event.time).unwrap();
        let names = |of: &[std::sync::Arc<str>]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
        (names(&done.entered), names(&done.left))
    };
    let (entered, left) = told(&identify("ann", "phone", at(3)));
    assert!(entered.contains(&"pros".to_owned()) && !entered.contains(&"buyers".to_owned()), "{entered:?}");
    assert_eq!(left, ["strangers"]);
    let (entered, left) = told(&identify("ann", "laptop", at(4)));
    assert_eq!((entered, left), (vec!["viewers".to_owned(), "here".to_owned()], vec![]));
}

/// What a visitor does before and after the host learns who it is leaves what a known user would have left.
#[test]
fn joining_late_leaves_the_profile_that_joining_early_leaves() {
    let visits: Vec<Event> = (0..20).map(|i| visit("phone", at(i * 7))).collect();
    let login = identify("ann", "phone", at(500)).id("login");
    let run = |order: &[&Event]| {
        let shop = shop();
        order.iter().for_each(|event| drop(shop.ingest(event, at(1_000)).unwrap()));
        shop.snapshot().unwrap()
    };
    let late: Vec<&Event> = visits.iter().chain([&login]).collect();
    let early: Vec<&Event> = [&login].into_iter().chain(&visits).collect();
    let between: Vec<&Event> = visits[..9].iter().chain([&login]).chain(&visits[9..]).collect();
    assert!(run(&late) == run(&early));
    assert!(run(&late) == run(&between));
}

#[test]
fn two_histories_make_the_same_profile_whenever_they_are_joined() {
    let known: Vec<Event> = (0..5)
        .map(|i| Event::new(EventKind::Purchased, "ann", at(i * 40)).value(20.0, "EUR").id(format!("{i}")))
        .collect();
    let visits: Vec<Event> = (0..5).map(|i| visit("phone", at(i * 30))).collect();
    let login = identify("ann", "phone", at(500)).id("login");
    let mut order: Vec<&Event> = known.iter().chain(&visits).chain([&login]).collect();
    let run = |order: &[&Event]| {
        let shop = shop();
        order.iter().for_each(|event| drop(shop.ingest(event, at(1_000)).unwrap()));
        shop.profile(ann()).unwrap()
    };
    let (first, mut dice) = (run(&order), Dice::new(1));
    for _ in 0..20 {
        dice.shuffle(&mut order);
        assert_eq!(run(&order), first);
    }
}

#[test]
fn a_shared_device_goes_to_its_second_user_and_leaves_the_first_what_it_brought() {
    let shop = shop();
    link(&shop, &visit("phone", at(1)));
    assert_eq!(link(&shop, &identify("ann", "phone", at(2))), joined(phone(), ann()));
    link(&shop, &visit("phone", at(3)));
    let before = shop.profile(ann());
    assert_eq!(link(&shop, &identify("bob", "phone", at(10))), shared());
    assert_eq!((shop.profile(ann()), shop.resolve(phone())), (before, bob()));
    link(&shop, &visit("phone", at(11)));
    assert_eq!((events(&shop, ann()), events(&shop, bob())), (3, 2));
    assert_eq!(link(&shop, &identify("ann", "phone", at(9))), None, "late, and overtaken");
    assert_eq!((shop.resolve(phone()), events(&shop, ann())), (bob(), 4), "but still an event of hers");
    assert_eq!(link(&shop, &identify("ann", "phone", at(12))), None, "known, and she is back");
    assert_eq!(shop.resolve(phone()), ann());
}

#[test]
fn two_users_at_the_same_moment_get_the_device_by_key_whoever_comes_first() {
    let winner = |first: &str, second: &str| {
        let shop = shop();
        link(&shop, &identify(first, "phone", at(1)));
        link(&shop, &identify(second, "phone", at(1)));
        shop.resolve(phone())
    };
    assert_eq!(winner("ann", "bob"), winner("bob", "ann"));
}

#[test]
fn an_alias_joins_the_id_from_before() {
    let shop = shop();
    link(&shop, &visit("old", at(1)));
    link(&shop, &visit("phone", at(1)));
    let event = Event { anonymous: Some("phone".to_owned()), ..alias("ann", "old", at(2)) };
    assert_eq!(link(&shop, &event), joined(UserKey::anonymous("old"), ann()));
    assert_eq!(shop.resolve(UserKey::anonymous("old")), ann());
    assert_eq!(shop.resolve(phone()), phone(), "an alias is about the previous id alone");
    assert_eq!(link(&shop, &alias("ann", "old", at(3))), None);
    assert_eq!(events(&shop, ann()), 3);
    // `previous` says something in an alias only.
    let page = Event { previous: Some("phone".to_owned()), ..Event::new(EventKind::PageViewed, "ann", at(4)) };
    assert_eq!((link(&shop, &page), shop.resolve(phone())), (None, phone()));
}

/// Ann with two devices, a purchase and an open decision.
fn known_ann() -> Personalizer {
    let shop = shop();
    for (device, minute) in [("phone", 1), ("laptop", 2)] {
        link(&shop, &visit(device, at(minute)));
        link(&shop, &identify("ann", device, at(minute + 10)));
    }
    link(&shop, &Event::new(EventKind::Purchased, "ann", at(20)).value(20.0, "EUR"));
    shop
}

#[track_caller]
fn refuses_all_of_ann(shop: &Personalizer, erased: Timestamp) {
    let old = [
        Event::new(EventKind::PageViewed, "ann", erased),
        Event::new(EventKind::PageViewed, "ann", at(0)),
        visit("phone", erased),
        visit("laptop", at(5)),
        identify("ann", "tablet", erased),
        identify("bob", "phone", erased),
        alias("bob", "laptop", erased),
    ];
    let before = shop.snapshot().unwrap();
    for event in old {
        let error = shop.ingest(&event, at(3_000)).unwrap_err();
        assert_eq!(error, IngestError::Erased { time: event.time, erased }, "{event:?}");
        assert!(shop.snapshot().unwrap() == before);
    }
}

#[test]
fn erasing_a_person_leaves_nothing_and_takes_nothing_old_back() {
    for by in [ann(), phone(), UserKey::anonymous("laptop")] {
        let shop = known_ann();
        let decision = shop.decide(&Request::new("home").user("ann"), at(30));
        assert_eq!(shop.erase(by, at(100)), Erased { profile: true, links: 2 });
        assert_eq!((shop.people(), shop.profile(ann()), shop.resolve(phone())), (0, None, phone()));
        assert_eq!(segments(&shop, ann(), at(101)), ["strangers"], "as somebody who is not known");
        refuses_all_of_ann(&shop, at(100));
        let shown = Event::new(EventKind::Exposed, "ann", at(101)).decision(decision.id);
        assert_eq!(shop.ingest(&shown, at(101)).unwrap().exposure, Some(Exposure::Unknown));
        assert_eq!(events(&shop, ann()), 1, "what comes later is taken");
        assert_eq!(link(&shop, &identify("ann", "phone", at(102))), joined(phone(), ann()));
    }
    let nobody = shop();
    assert_eq!(nobody.erase(ann(), at(1)), Erased::default());
}

#[test]
fn the_erased_stay_gone_after_an_older_snapshot_is_restored() {
    let shop = known_ann();
    shop.decide(&Request::new("home").user("ann"), at(30));
    link(&shop, &Event::new(EventKind::PageViewed, "bob", at(40)));
    let older = shop.snapshot().unwrap();
    shop.erase(ann(), at(100));
    let newer = shop.snapshot().unwrap();
    shop.restore(&older).unwrap();
    assert_eq!((shop.profile(ann()), shop.resolve(phone()), shop.people()), (None, phone(), 1));
    refuses_all_of_ann(&shop, at(100));
    assert!(shop.snapshot().unwrap() == newer);
    let restarted = Personalizer::new(engine());
    restarted.restore(&newer).unwrap();
    refuses_all_of_ann(&restarted, at(100));
    link(&restarted, &Event::new(EventKind::PageViewed, "ann", at(101)));
    let back = restarted.snapshot().unwrap();
    shop.restore(&back).unwrap();
    assert_eq!(events(&shop, ann()), 1, "she came back after the erasure");
}

#[test]
fn somebody_erased_who_had_only_asked_stays_gone_after_an_older_snapshot() {
    let shop = shop();
    shop.decide(&Request::new("home").user("ann"), at(30));
    let older = shop.snapshot().unwrap();
    assert!(shop.erase(ann(), at(100)).profile);
    shop.restore(&older).unwrap();
    assert_eq!((shop.profile(ann()), shop.people()), (None, 0));
}

#[test]
fn a_device_that_has_moved_on_does_not_lead_back_to_the_erased() {
    let shop = known_ann();
    let older = shop.snapshot().unwrap();
    link(&shop, &identify("bob", "phone", at(50)));
    shop.erase(ann(), at(100));
    shop.restore(&older).unwrap();
    assert_eq!(shop.resolve(phone()), phone(), "the link to somebody erased is gone too");
    assert_eq!((shop.profile(ann()), shop.people()), (None, 0));
}

/// Also if she brought along what was noted under an id that nobody knew to be hers.
#[test]
fn somebody_who_came_back_is_in_the_snapshots_from_then_on() {
    let shop = known_ann();
    link(&shop, &visit("tablet", at(50)));
    shop.erase(ann(), at(100));
    link(&shop, &identify("ann", "phone", at(101)));
    link(&shop, &identify("ann", "tablet", at(102)));
    assert_eq!((events(&shop, ann()), shop.resolve(phone())), (3, ann()));
    let bytes = shop.snapshot().unwrap();
    shop.restore(&bytes).unwrap();
    assert_eq!((events(&shop, ann()), shop.resolve(phone())), (3, ann()));
    assert!(shop.snapshot().unwrap() == bytes);
}

#[test]
fn a_log_with_strangers_and_logins_survives_a_restart_between_them() {
    let mut steps = vec![];
    for i in 0..60 {
        let (device, user) = (format!("d{}", i % 7), format!("u{}", i % 5));
        steps.push(Step::Event(visit(&device, at(i)).into(), at(i)));
        steps.push(Step::Ask(Request::new("home").anonymous(&device), at(i)));
        if i % 3 == 0 {
            steps.push(Step::Event(identify(&user, &device, at(i) + Span::minutes(1)).into(), at(i + 1)));
        }
    }
    let (whole, mut answers) = (shop(), Answers::new());
    play(&whole, &mut answers, &steps);
    for cut in (0..steps.len()).step_by(13) {
        let (first, mut answers) = (shop(), Answers::new());
        play(&first, &mut answers, &steps[..cut]);
        let second = Personalizer::new(engine());
        second.restore(&first.snapshot().unwrap()).unwrap();
        play(&second, &mut answers, &steps[cut..]);
        assert!(second.snapshot().unwrap() == whole.snapshot().unwrap(), "cut at {cut}");
    }
}

/// Runs two things at once, for each of many people: each pair starts together, the second a little later each time.
fn at_once(first: impl Fn(usize) + Sync, second: impl Fn(usize) + Sync) {
    let arrived = AtomicUsize::new(0);
    let run = |what: &(dyn Fn(usize) + Sync), delay: usize| {
        for i in 0..RACES {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 * (i + 1) {
                std::thread::yield_now();
            }
            (0..i % 64 * delay).for_each(|_| std::hint::spin_loop());
            what(i);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run(&first, 0));
        scope.spawn(|| run(&second, 20));
    });
}

const RACES: usize = 2_000;

#[test]
fn asking_while_one_becomes_known_leaves_one_person() {
    let shop = shop();
    at_once(
        |i| drop(shop.decide(&Request::new("home").anonymous(format!("d{i}")), at(1))),
        |i| {
            link(&shop, &identify(&format!("u{i}"), &format!("d{i}"), at(1)));
        },
    );
    assert_eq!(shop.people(), RACES);
}

#[test]
fn an_old_event_that_arrives_during_an_erasure_brings_nobody_back() {
    let shop = shop();
    let send = |i: usize| {
        let (user, device) = (format!("u{i}"), format!("d{i}"));
        for event in
            [Event::new(EventKind::PageViewed, &user, at(1)), identify(&user, &device, at(1)), visit(&device, at(1))]
        {
            // Taken before the erasure, refused after it. A device that was never linked is a stranger's.
            if shop.ingest(&event, at(1)).is_err() {
                break;
            }
        }
    };
    at_once(send, |i| {
        shop.erase(UserKey::known(&format!("u{i}")), at(100));
    });
    for i in 0..RACES {
        let (user, device) = (UserKey::known(&format!("u{i}")), UserKey::anonymous(&format!("d{i}")));
        assert_eq!((shop.profile(user), shop.resolve(device)), (None, device), "{i}");
    }
}
