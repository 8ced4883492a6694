//! The personalizer keeps what its parts promise: it counts, pays, forgets, makes room and waits for nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bespoke::bandit::Policy;
use bespoke::decision::{Decision, Request};
use bespoke::engine::{Engine, Exposure, OpenDecisions};
use bespoke::event::{Event, EventError, EventItem, EventKind};
use bespoke::id::{DecisionId, UserKey};
use bespoke::personalizer::{IngestError, Ingested, Limits, Personalizer};
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;

use crate::dice::Dice;
use crate::shop::{DEFINITIONS, at, busy_shop, engine, event, shop, user};

#[track_caller]
fn take(shop: &Personalizer, event: &Event) -> Ingested {
    shop.ingest(event, event.time).unwrap()
}

fn viewed(user: &str, time: Timestamp) -> Event {
    Event::new(EventKind::ItemViewed, user, time).item("i1")
}

fn bought(user: &str, time: Timestamp) -> Event {
    Event::new(EventKind::Purchased, user, time).value(20.0, "EUR")
}

fn shown(user: &str, decision: &Decision, time: Timestamp) -> Event {
    Event::new(EventKind::Exposed, user, time).decision(decision.id)
}

fn ask(shop: &Personalizer, placement: &str, user: &str, time: Timestamp) -> Decision {
    shop.decide(&Request::new(placement).user(user), time)
}

fn exposures(shop: &Personalizer, campaign: &str) -> u64 {
    let report = shop.report();
    let of = report.campaigns.iter().find(|of| of.name == campaign).unwrap();
    of.variants.iter().map(|of| of.exposures).sum()
}

#[test]
fn only_the_first_exposure_of_ones_own_open_decision_counts() {
    let shop = shop();
    let decision = ask(&shop, "home", "ann", at(0));
    let said = |event: &Event| take(&shop, event).exposure;
    let unknown = Event::new(EventKind::Exposed, "ann", at(1)).decision(DecisionId::from_bits(1));
    assert_eq!(said(&unknown), Some(Exposure::Unknown));
    assert_eq!(said(&shown("bob", &decision, at(1))), Some(Exposure::Unknown), "somebody else's");
    let early = decision.time - bespoke::event::SKEW - Span::from_millis(1);
    assert_eq!(said(&shown("ann", &decision, early)), Some(Exposure::Expired));
    let over = at(0) + OpenDecisions::LIFETIME + Span::from_millis(1);
    assert_eq!(said(&shown("ann", &decision, over)), Some(Exposure::Expired));
    assert_eq!(exposures(&shop, "learns"), 0);
    let counted = shown("ann", &decision, at(2)).id("once");
    assert_eq!(said(&counted), Some(Exposure::Counted));
    assert_eq!((said(&counted), exposures(&shop, "learns")), (None, 1), "delivered twice");
    assert_eq!(said(&shown("ann", &decision, at(3))), Some(Exposure::Repeated));
    assert_eq!(exposures(&shop, "learns"), 1);
    for i in 0..OpenDecisions::LIMIT {
        ask(&shop, "home", "ann", at(10 + i));
    }
    assert_eq!(said(&shown("ann", &decision, at(50))), Some(Exposure::Unknown), "it has left");
}

#[test]
fn the_last_and_the_earliest_moment_of_an_exposure_still_count() {
    let shop = shop();
    for (user, time) in [("ann", at(0) - bespoke::event::SKEW), ("bob", at(0) + OpenDecisions::LIFETIME)] {
        let decision = ask(&shop, "home", user, at(0));
        assert_eq!(take(&shop, &shown(user, &decision, time)).exposure, Some(Exposure::Counted), "{user}");
    }
}

#[test]
fn an_exposure_is_paid_once_and_for_its_own_campaign() {
    let shop = shop();
    let decision = ask(&shop, "home", "ann", at(0));
    assert!(take(&shop, &bought("ann", at(1))).payments.is_empty(), "not shown yet");
    take(&shop, &shown("ann", &decision, at(1)));
    assert!(take(&shop, &bought("bob", at(2))).payments.is_empty(), "somebody else's");
    assert!(take(&shop, &bought("ann", at(0))).payments.is_empty(), "from before");
    let purchase = bought("ann", at(3)).id("order 1");
    let paid = take(&shop, &purchase).payments;
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].decision, &*paid[0].campaign), (decision.id, "learns"));
    assert_eq!((paid[0].reward, paid[0].amount), (1.0, 20.0));
    assert!(take(&shop, &purchase).payments.is_empty(), "delivered twice");
    assert!(take(&shop, &bought("ann", at(4)).id("order 2")).payments.is_empty(), "paid already");
    let variant = decision.variant.unwrap();
    let tally = shop.with_models(|models| models.tally("learns", &variant));
    assert_eq!((tally.exposures, tally.conversions, tally.amount.value()), (1, 1, 20.0));
}

#[test]
fn nobody_gets_an_answer_that_is_not_kept() {
    let shop = shop();
    let before = shop.snapshot().unwrap();
    let decision = shop.decide(&Request::new("home"), at(0));
    assert_eq!(decision.campaign.as_deref(), Some("learns"));
    assert_eq!(shop.decide(&Request::new("home"), at(0)), decision);
    assert_eq!(shop.decide(&Request::new("list"), at(0)).slate.len(), 4);
    assert_eq!(shop.decide(&Request::new("nowhere").user("ann"), at(0)).campaign, None);
    assert_eq!(shop.decide(&Request::new("side").user("ann"), at(0)).campaign, None, "not in its audience");
    assert_eq!((shop.people(), shop.snapshot().unwrap() == before), (0, true));
    ask(&shop, "home", "ann", at(0));
    assert_eq!(shop.people(), 1);
}

#[test]
fn a_refused_event_changes_nothing() {
    let shop = busy_shop(1, 200);
    let now = at(20_000);
    let good = || Event::new(EventKind::ItemViewed, "u1", now);
    let nan = Value::from(f64::NAN);
    let item = |item: EventItem| Event { items: [item].into_iter().collect(), ..good() };
    let many = (0..501).map(|i| EventItem::new(format!("i{i}"))).collect();
    let bad = [
        Event { user: None, ..good() },
        Event { user: Some(String::new()), ..good() },
        Event { anonymous: Some("x".repeat(513)), ..good() },
        Event { time: now + Span::minutes(6), ..good() },
        Event { time: Timestamp::from_millis(-1), ..good() },
        Event { time: Timestamp::MAX, ..good() },
        Event { value: Some(f64::INFINITY), ..good() },
        item(EventItem { quantity: 0.0, ..EventItem::new("i1") }),
        item(EventItem { price: Some(-1.0), ..EventItem::new("i1") }),
        item(EventItem::new("")),
        good().property("x", nan.clone()),
        good().attribute("x", nan),
        good().attribute("", 1.0),
        good().attribute("x", "y".repeat(70_000)),
        Event { items: many, ..good() },
        Event { kind: EventKind::Exposed, ..good() },
        Event { kind: EventKind::Aliased, ..good() },
    ];
    let before = shop.snapshot().unwrap();
    let mut kinds = Vec::new();
    for event in &bad {
        let error = shop.ingest(event, now).unwrap_err();
        let IngestError::Event(error) = error else { panic!("{error}") };
        kinds.push(std::mem::discriminant(&error));
        assert!(shop.snapshot().unwrap() == before, "{error}");
    }
    kinds.dedup();
    let mut all = vec![];
    for kind in kinds {
        if !all.contains(&kind) {
            all.push(kind);
        }
    }
    assert_eq!(all.len(), 10, "one of each EventError");
    assert!(all.contains(&std::mem::discriminant(&EventError::NoPrevious)));
}

#[test]
fn people_beyond_the_limit_leave_longest_silent_first() {
    // One person for each of the 64 shards.
    let shop = Personalizer::with_limits(engine(), Limits { people: 64, links: 64, ..Limits::default() });
    let shard = |i: usize| UserKey::known(&user(i)).to_bits() >> 122;
    let same: Vec<usize> = (0..2_000).filter(|i| shard(*i) == shard(0)).take(4).collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| user(same[i]));
    let kept = |name: &String| shop.profile(UserKey::known(name)).is_some();
    take(&shop, &viewed(&a, at(10)));
    take(&shop, &viewed(&b, at(20)));
    assert_eq!([&a, &b].map(kept), [false, true]);
    shop.ingest(&viewed(&c, at(15)), at(30)).unwrap();
    assert_eq!([&a, &b, &c].map(kept), [false, true, false], "heard of last, but of what happened before");
    ask(&shop, "home", &d, at(40));
    assert_eq!([&b, &d].map(kept), [false, true], "asking is a sign of life");
    for i in 0..2_000 {
        take(&shop, &viewed(&user(i), at(100 + i)));
    }
    assert_eq!(shop.people(), 64);
    let newest: Vec<usize> = (0..64)
        .map(|of| (0..2_000).rev().find(|i| shard(*i) == of).unwrap())
        .filter(|i| shop.profile(UserKey::known(&user(*i))).is_none())
        .collect();
    assert_eq!(newest, [] as [usize; 0]);
}

#[test]
fn links_beyond_the_limit_leave_longest_unused_first() {
    let shop = Personalizer::with_limits(engine(), Limits { people: 100_000, links: 64, ..Limits::default() });
    for i in 0..1_000 {
        let link = Event { anonymous: Some(format!("d{i}")), ..Event::new(EventKind::Identified, user(i), at(i)) };
        take(&shop, &link);
    }
    let known = |i: usize| shop.resolve(UserKey::anonymous(&format!("d{i}"))) == UserKey::known(&user(i));
    let linked: Vec<usize> = (0..1_000).filter(|i| known(*i)).collect();
    assert!((60..=64).contains(&linked.len()) && linked.contains(&999), "{linked:?}");
    assert!(linked.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the oldest have left: {linked:?}");
    assert_eq!(shop.people(), 1_000, "a link that leaves takes nobody along");
}

fn with(from: &str, to: &str) -> Engine {
    assert!(DEFINITIONS.contains(from));
    Engine::from_json(&DEFINITIONS.replace(from, to)).unwrap()
}

#[test]
fn another_engine_settles_changed_segments_at_the_next_touch() {
    let shop = shop();
    let ann = UserKey::known("ann");
    for i in 0..3 {
        take(&shop, &viewed("ann", at(i)).id(format!("{i}")));
    }
    let names = |now| shop.memberships(ann, now).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(names(at(3)).contains(&"viewers".to_owned()));
    shop.replace_engine(
        with(
            r#"{"name": "viewers", "rule": "event('item_viewed').within(1 day).count() >= 2"}"#,
            r#"{"name": "viewers", "rule": "event('item_viewed').within(1 day).count() >= 9"},
           {"name": "fresh", "rule": "event('item_viewed').within(1 hour).count() >= 3"}"#,
        ),
        at(3),
    );
    let after = names(at(4));
    assert!(after.contains(&"fresh".to_owned()) && !after.contains(&"viewers".to_owned()), "{after:?}");
    assert_eq!(ask(&shop, "side", "ann", at(4)).campaign, None, "no viewer any more");
    let changes = take(&shop, &Event::new(EventKind::PageViewed, "ann", at(5)));
    let entered: Vec<&str> = changes.entered.iter().map(|name| &**name).collect();
    assert!(entered.contains(&"fresh"), "{changes:?}");
    assert!(!entered.contains(&"viewers"), "{changes:?}");
    let later = take(&shop, &Event::new(EventKind::PageViewed, "ann", at(6)));
    assert!(later.entered.is_empty() && later.left.is_empty(), "told once: {later:?}");
    let over = take(&shop, &Event::new(EventKind::PageViewed, "ann", at(200)));
    assert!(over.left.iter().any(|name| &**name == "fresh"), "{over:?}");
}

#[test]
fn the_first_event_under_another_engine_tells_only_what_changed() {
    let shop = shop();
    for i in 0..3 {
        take(&shop, &viewed("ann", at(i)).id(format!("{i}")));
    }
    shop.replace_engine(with("within(1 day).count() >= 2", "within(1 day).count() >= 9"), at(3));
    let changes = take(&shop, &Event::new(EventKind::PageViewed, "ann", at(5)));
    assert!(changes.entered.is_empty(), "{changes:?}");
    assert_eq!(changes.left.iter().map(|name| &**name).collect::<Vec<_>>(), ["viewers"], "{changes:?}");
}

#[test]
fn a_bandit_keeps_what_it_knows_of_a_variant_by_its_name() {
    let shop = shop();
    for i in 0..300 {
        let decision = ask(&shop, "home", &user(i), at(i));
        take(&shop, &shown(&user(i), &decision, at(i)));
        if decision.variant.as_deref() == Some("b") {
            assert_eq!(take(&shop, &bought(&user(i), at(i))).payments.len(), 1);
        }
    }
    let known = |shop: &Personalizer| {
        shop.with_models(|models| {
            let tallies = models.bandit("learns").unwrap().tallies().to_vec();
            tallies.iter().map(|of| (of.exposures(), of.reward())).collect::<Vec<_>>()
        })
    };
    let before = known(&shop);
    assert!(before[1].1 > 100.0, "{before:?}");
    let variants = r#"[{"name": "a"}, {"name": "b"}, {"name": "c"}]"#;
    let open = ask(&shop, "home", "zoe", at(400));
    shop.replace_engine(with(variants, r#"[{"name": "b"}, {"name": "new"}, {"name": "a"}]"#), at(401));
    assert_eq!(known(&shop), [before[1], (0, 0.0), before[0]]);
    assert_eq!(open.variant.as_deref(), Some("b"), "almost surely");
    take(&shop, &shown("zoe", &open, at(401)));
    take(&shop, &bought("zoe", at(402)));
    assert_eq!(known(&shop)[0], (before[1].0 + 1, before[1].1 + 1.0), "a decision from before pays its variant");
    shop.replace_engine(with(variants, r#"[{"name": "c"}, {"name": "b"}]"#), at(403));
    assert_eq!(known(&shop)[1], (before[1].0 + 1, before[1].1 + 1.0));
    let of_a = shop.with_models(|models| models.tally("learns", "a"));
    assert_eq!(of_a.exposures, before[0].0, "what is gone stays counted");
    let restored = Personalizer::new(engine());
    restored.restore(&shop.snapshot().unwrap()).unwrap();
    assert_eq!(known(&restored)[1], known(&shop)[1], "a restart under the first definitions");
}

/// The bound is for a hang, not for speed: the work takes well below a second.
#[test]
#[expect(clippy::disallowed_methods, reason = "a bound on real time needs a clock")]
fn readers_and_writers_never_wait_for_each_other_for_long() {
    let (shop, done) = (busy_shop(2, 200), AtomicBool::new(false));
    let start = Instant::now();
    let (sent, ready) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let (shop, done) = (&shop, &done);
        let reader = |number: usize| {
            let sent = sent.clone();
            move || {
                let mut asked = 0;
                while !done.load(Ordering::Relaxed) && start.elapsed() < Duration::from_secs(8) {
                    let request =
                        Request::new(["home", "list", "side"][asked % 3]).anonymous(format!("d{}", asked % 40));
                    assert_eq!(&*shop.decide(&request, at(16_400 + asked)).placement, request.placement);
                    match (asked + number) % 50 {
                        0 => drop(shop.snapshot().unwrap()),
                        1 => drop(shop.report()),
                        2 => drop(shop.erase(UserKey::known(&user(asked % 40)), at(10))),
                        3 => shop.replace_engine(engine(), at(16_400 + asked)),
                        4 => drop(shop.memberships(UserKey::known(&user(3)), at(16_400))),
                        _ => {}
                    }
                    asked += 1;
                }
                sent.send(asked).unwrap();
            }
        };
        for number in 0..3 {
            scope.spawn(reader(number));
        }
        let sent = sent.clone();
        scope.spawn(move || {
            let mut dice = Dice::new(3);
            for i in 0..1_500 {
                let (person, now) = (dice.below(40), at(17_000 + i));
                shop.ingest(&event(&mut dice, person, 10_000 + i, now), now).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            sent.send(1_500).unwrap();
        });
        for _ in 0..4 {
            let count = ready.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| std::process::abort());
            assert!(count > 0);
        }
    });
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}
