//! Who is who depends on what was said, not on the order in which it came; and what was put together comes apart again.

use bespoke::decision::Request;
use bespoke::engine::Exposure;
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::identity::{Evidence, Hidden, Link, LinkOutcome, Refusal, Settings};
use bespoke::personalizer::{IngestError, Personalizer};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;
use crate::shop::{at, engine, shop};

fn identify(user: &str, anonymous: &str, time: Timestamp) -> Event {
    let event = Event::new(EventKind::Identified, user, time).id(format!("login {user} {anonymous} {time}"));
    Event { anonymous: Some(anonymous.to_owned()), ..event }
}

fn visit(anonymous: &str, time: Timestamp) -> Event {
    Event::by_visitor(EventKind::PageViewed, anonymous, time).id(format!("visit {anonymous} {time}"))
}

fn known(user: &str, time: Timestamp) -> Event {
    Event::new(EventKind::PageViewed, user, time).id(format!("known {user} {time}"))
}

fn user(id: &str) -> UserKey {
    UserKey::known(id)
}

fn device(id: &str) -> UserKey {
    UserKey::anonymous(id)
}

fn email(id: &str) -> UserKey {
    UserKey::of("email", id)
}

fn seen(shop: &Personalizer, id: UserKey) -> u64 {
    shop.profile(id).map_or(0, |profile| profile.events())
}

#[track_caller]
fn take(shop: &Personalizer, event: &Event) {
    shop.ingest(event, at(9_000)).unwrap();
}

#[derive(Clone, Debug)]
enum Fact {
    Event(Box<Event>),
    Link(Link),
    Unlink(UserKey, UserKey),
}

fn tell(shop: &Personalizer, fact: &Fact) {
    match fact {
        Fact::Event(event) => drop(shop.ingest(event, at(9_000)).unwrap()),
        Fact::Link(link) => drop(shop.link(link, at(9_000))),
        Fact::Unlink(a, b) => drop(shop.unlink(*a, *b, at(9_000))),
    }
}

fn after(facts: &[&Fact]) -> Vec<u8> {
    let shop = shop();
    facts.iter().for_each(|fact| tell(&shop, fact));
    shop.snapshot().unwrap()
}

/// Users who share devices, mail addresses and a loyalty card, and tell so in every way there is.
fn life(dice: &mut Dice, most: usize) -> Vec<Fact> {
    let count = 5 + dice.below(most);
    let mut facts = Vec::new();
    for i in 0..count {
        let time = at(dice.below(300));
        let (who, on) = (format!("u{}", dice.below(3)), format!("d{}", dice.below(4)));
        let mail = format!("m{}@example.com", dice.below(3));
        let event = match dice.below(8) {
            0 | 1 => identify(&who, &on, time),
            2..=4 => visit(&on, time).property("n", i as f64),
            5 => Event { anonymous: Some(on), ..known(&who, time) }.attribute("plan", dice.pick(&["pro", "free"])),
            6 => known(&who, time).also("email", mail).value(5.0, "EUR"),
            _ => {
                let card = ["7", "8"][dice.below(2)];
                let link = Link::new(("email", mail.as_str()), ("card", card), time);
                facts.push(Fact::Link(link.evidence(dice.pick(&[Evidence::Stated, Evidence::Probable]))));
                continue;
            }
        };
        facts.push(Fact::Event(event.id(format!("e{i}")).into()));
    }
    facts
}

#[test]
fn any_order_and_repetition_of_events_and_links_gives_the_same_bytes() {
    for case in 0..400 {
        let mut dice = Dice::new(case);
        let facts = life(&mut dice, 40);
        let mut order: Vec<&Fact> = facts.iter().collect();
        let straight = after(&order);
        for _ in 0..dice.below(15) {
            order.push(order[dice.below(order.len())]);
        }
        dice.shuffle(&mut order);
        if after(&order) != straight {
            explain_difference(&facts, &order, case);
        }
    }
}

#[track_caller]
fn explain_difference(facts: &[Fact], order: &[&Fact], case: u64) {
    let told = |facts: &[&Fact]| {
        let shop = shop();
        facts.iter().for_each(|fact| tell(&shop, fact));
        let ids = (0..3).map(|i| user(&format!("u{i}"))).chain((0..4).map(|i| device(&format!("d{i}"))));
        ids.map(|id| (shop.explain_identity(id).to_string(), shop.profile(id))).collect::<Vec<_>>()
    };
    let (a, b) = (told(&facts.iter().collect::<Vec<_>>()), told(order));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "case {case}");
    }
    assert!(after(order) == after(&facts.iter().collect::<Vec<_>>()), "case {case}: the same people, but other bytes");
}

/// What goes with what is learned within what happened under one id, so that it does not depend on links.
#[test]
fn what_is_learned_from_people_who_become_known_does_not_depend_on_when() {
    for case in 0..60 {
        let mut dice = Dice::new(1_000 + case);
        let mut facts = Vec::new();
        for i in 0..30 {
            let (who, time) = (dice.below(3), at(dice.below(200)));
            let item = format!("i{}", dice.below(12));
            let event = match dice.below(4) {
                0 => identify(&format!("u{who}"), &format!("d{who}"), time),
                1 => Event::new(EventKind::Purchased, format!("u{who}"), time).item(item).value(3.0, "EUR"),
                _ => Event::by_visitor(EventKind::ItemViewed, format!("d{who}"), time).item(item),
            };
            facts.push(Fact::Event(event.id(format!("e{i}")).into()));
        }
        let mut order: Vec<&Fact> = facts.iter().collect();
        let straight = after(&order);
        dice.shuffle(&mut order);
        assert!(after(&order) == straight, "case {case}");
    }
}

#[test]
fn what_was_joined_comes_apart_to_the_byte() {
    for case in 0..100 {
        let mut dice = Dice::new(2_000 + case);
        let shop = shop();
        let mut events = Vec::new();
        for i in 0..40 {
            let time = at(dice.below(300));
            events.push(match dice.below(3) {
                0 => known("ann", time).value(dice.below(9) as f64, "EUR").id(format!("{i}")),
                1 => known("bob", time).attribute("plan", "pro").id(format!("{i}")),
                _ => visit("laptop", time).property("dwell", 7.0).id(format!("{i}")),
            });
        }
        events.iter().for_each(|event| take(&shop, event));
        let before = [user("ann"), user("bob"), device("laptop")].map(|id| (id, shop.profile(id)));
        let link = Link::new(("user", "ann"), ("anonymous", "laptop"), at(500));
        assert!(matches!(shop.link(&link, at(9_000)), LinkOutcome::Joined { .. }));
        assert_eq!(shop.profile(user("ann")), shop.profile(device("laptop")));
        let whole = shop.profile(user("ann")).unwrap();
        let counted =
            before[0].1.as_ref().map_or(0, |of| of.events()) + before[2].1.as_ref().map_or(0, |of| of.events());
        assert_eq!(whole.events(), counted);
        shop.unlink(user("ann"), device("laptop"), at(9_000));
        for (id, profile) in before {
            let now = shop.profile(id);
            let bytes = |of: &Option<bespoke::Profile>| of.as_ref().map(|of| of.to_bytes().unwrap());
            assert!(bytes(&now) == bytes(&profile), "case {case}: {profile:?}\n{now:?}");
        }
        assert_eq!(shop.link(&link, at(9_000)), LinkOutcome::Refused { reason: Refusal::Revoked, limit: 0 });
    }
}

#[test]
fn an_event_under_either_id_after_joining_goes_back_to_its_own() {
    let shop = shop();
    take(&shop, &known("ann", at(1)));
    take(&shop, &visit("laptop", at(2)));
    take(&shop, &identify("ann", "laptop", at(3)));
    take(&shop, &visit("laptop", at(4)));
    take(&shop, &known("ann", at(5)));
    assert_eq!((seen(&shop, user("ann")), shop.people()), (5, 1));
    shop.unlink(user("ann"), device("laptop"), at(10));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, device("laptop"))), (3, 2));
    take(&shop, &identify("ann", "laptop", at(11)));
    assert_eq!(seen(&shop, user("ann")), 6, "later evidence links them again");
}

#[test]
fn a_late_identification_takes_what_is_already_folded() {
    let shop = shop();
    take(&shop, &identify("ann", "phone", at(0)));
    for minute in [1, 5, 11, 15, 25] {
        take(&shop, &visit("phone", at(minute)));
    }
    assert_eq!(seen(&shop, user("ann")), 6);
    take(&shop, &identify("bob", "phone", at(10)));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (3, 4));
    take(&shop, &identify("ann", "phone", at(20)));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (5, 3));
}

#[test]
fn beyond_what_is_kept_a_device_stays_with_whom_it_was_folded_for() {
    let settings = Settings { recent: 0, ..Settings::default() };
    let shop = Personalizer::new(engine()).identities(settings).unwrap();
    take(&shop, &identify("ann", "phone", at(0)));
    for minute in [1, 5, 11] {
        take(&shop, &visit("phone", at(minute)));
    }
    take(&shop, &identify("bob", "phone", at(10)));
    take(&shop, &visit("phone", at(12)));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (4, 2));
}

#[test]
fn what_was_done_on_a_shared_device_can_be_nobodys() {
    let settings = Settings { hidden: Hidden::Shared, ..Settings::default() };
    let shop = Personalizer::new(engine()).identities(settings).unwrap();
    take(&shop, &visit("phone", at(1)));
    take(&shop, &identify("ann", "phone", at(2)));
    take(&shop, &visit("phone", at(3)));
    assert_eq!(seen(&shop, user("ann")), 3);
    take(&shop, &identify("bob", "phone", at(10)));
    take(&shop, &visit("phone", at(11)));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (1, 2));
    let hidden = shop.explain_identity(user("ann")).fragments.iter().filter(|of| of.hidden).count();
    assert_eq!(hidden, 1);
    shop.unlink(user("bob"), device("phone"), at(20));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (4, 1), "and comes back");
}

#[test]
fn two_users_of_one_address_stay_two() {
    let shop = shop();
    for (who, minute) in [("ann", 1), ("bob", 2)] {
        take(&shop, &known(who, at(minute)).also("email", "Home@Example.com "));
    }
    assert_eq!(shop.resolve(email("home@example.com")), user("ann"));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (1, 1));
    let bob = shop.explain_identity(user("bob"));
    assert_eq!(bob.refused[0].refused, Some(Refusal::Unique), "{bob}");
}

#[test]
fn an_earlier_link_that_comes_late_takes_an_address_back() {
    let shop = shop();
    take(&shop, &known("bob", at(2)).also("email", "home@example.com"));
    let late = Link::new(("user", "ann"), ("email", "home@example.com"), at(1)).evidence(Evidence::Together);
    let would = shop.would_link(&late, at(9_000));
    assert_eq!(shop.resolve(email("home@example.com")), user("bob"), "a dry run changes nothing");
    assert!(matches!(&would, LinkOutcome::Repartitioned { moved } if moved[0].into == user("ann")), "{would:?}");
    assert_eq!(shop.link(&late, at(9_000)), would);
    assert_eq!(shop.resolve(email("home@example.com")), user("ann"));
    let settings = Settings { frozen: true, ..Settings::default() };
    let frozen = Personalizer::new(engine()).identities(settings).unwrap();
    take(&frozen, &known("bob", at(2)).also("email", "home@example.com"));
    assert_eq!(frozen.link(&late, at(9_000)), LinkOutcome::Refused { reason: Refusal::Frozen, limit: 0 });
    assert_eq!(frozen.resolve(email("home@example.com")), user("bob"));
}

#[test]
fn values_that_name_nobody_link_nobody() {
    let shop = shop();
    for (who, value) in [("ann", "null"), ("bob", "NULL"), ("cleo", "000-000")] {
        let done = shop.ingest(&known(who, at(1)).also("phone", value), at(2)).unwrap();
        assert_eq!((done.user, &*done.blocked[0].kind, done.links.len()), (Some(user(who)), "phone", 0));
    }
    assert_eq!(shop.people(), 3);
    let nobody = shop.ingest(&Event::by_visitor(EventKind::PageViewed, "undefined", at(1)), at(2)).unwrap_err();
    assert!(matches!(nobody, IngestError::Blocked { .. }), "{nobody}");
    let one = shop.ingest(&Event { user: Some("null".to_owned()), ..visit("phone", at(1)) }, at(2)).unwrap();
    assert_eq!(one.user, Some(device("phone")), "it counts for the ids that are good");
    let before = shop.snapshot().unwrap();
    let link = Link::new(("user", "ann"), ("email", "none"), at(1));
    assert_eq!(shop.link(&link, at(2)), LinkOutcome::Refused { reason: Refusal::Blocked, limit: 0 });
    let empty = Link::new(("user", "ann"), ("email", ""), at(1));
    assert_eq!(shop.link(&empty, at(2)), LinkOutcome::Refused { reason: Refusal::Unsound, limit: 0 });
    shop.decide(&Request::new("home").user("null"), at(3));
    assert!(shop.snapshot().unwrap() == before);
}

#[test]
fn a_person_has_no_more_ids_than_allowed() {
    let settings = Settings { ids: 5, ..Settings::default() };
    let shop = Personalizer::new(engine()).identities(settings).unwrap();
    let link = |i: usize| shop.link(&Link::new(("user", "ann"), ("card", format!("c{i}").as_str()), at(i)), at(9_000));
    let done: Vec<LinkOutcome> = (0..8).map(link).collect();
    let refused = LinkOutcome::Refused { reason: Refusal::Ids, limit: 5 };
    assert_eq!(done.iter().filter(|of| **of == refused).count(), 4, "{done:?}");
    let mails = |i: usize| {
        shop.link(&Link::new(("user", "bob"), ("email", format!("{i}@b.example").as_str()), at(i)), at(9_000))
    };
    let settings = Settings { per_kind: [("email".to_owned(), 2)].into(), ..Settings::default() };
    drop((0..3).map(mails).collect::<Vec<_>>());
    let few = Personalizer::new(engine()).identities(settings).unwrap();
    let last = (0..3)
        .map(|i| few.link(&Link::new(("user", "bob"), ("email", format!("{i}@b.example").as_str()), at(i)), at(9_000)))
        .last();
    assert_eq!(last, Some(LinkOutcome::Refused { reason: Refusal::PerKind, limit: 2 }));
}

#[test]
fn an_explanation_leads_from_every_id_to_the_canonical_one() {
    let shop = shop();
    take(&shop, &visit("phone", at(1)));
    take(&shop, &identify("ann", "phone", at(2)));
    take(&shop, &known("ann", at(3)).also("email", "ann@example.com"));
    shop.link(&Link::new(("email", "ann@example.com"), ("card", "7"), at(4)), at(5));
    take(&shop, &identify("bob", "phone", at(6)));
    let card = UserKey::of("card", "7");
    let told = shop.explain_identity(card);
    assert_eq!((told.id, told.person, told.members.len()), (card, user("ann"), 4));
    let of_card = told.members.iter().find(|member| member.id == card).unwrap();
    let evidence: Vec<Evidence> = of_card.chain.iter().map(|step| step.evidence).collect();
    assert_eq!(evidence, [Evidence::Stated, Evidence::Together]);
    assert_eq!(of_card.chain[0].time, Some(at(4)));
    assert_eq!(told.refused.iter().map(|step| step.refused).collect::<Vec<_>>(), [Some(Refusal::Shared)]);
    assert_eq!(told.fragments.iter().map(|of| of.events).sum::<u64>(), 3);
    let text = told.to_string();
    assert!(text.contains("the device is shared with another user"), "{text}");
    let json = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<bespoke::identity::Explanation>(&json).unwrap(), told);
    let stranger = shop.explain_identity(user("nobody"));
    assert_eq!((stranger.person, stranger.members.len(), stranger.fragments.len()), (user("nobody"), 0, 0));
}

#[test]
fn a_probable_match_holds_until_it_expires() {
    let shop = shop();
    take(&shop, &visit("phone", at(1)));
    take(&shop, &visit("laptop", at(2)));
    let guess =
        Link::new(("anonymous", "phone"), ("anonymous", "laptop"), at(3)).evidence(Evidence::Probable).expires(at(100));
    assert!(matches!(shop.link(&guess, at(3)), LinkOutcome::Joined { .. }));
    let both = [device("phone"), device("laptop")];
    assert_eq!(both.map(|id| seen(&shop, id)), [2, 2]);
    shop.ingest(&visit("phone", at(99)), at(99)).unwrap();
    assert_eq!(both.map(|id| seen(&shop, id)), [3, 3]);
    shop.ingest(&visit("phone", at(100)), at(100)).unwrap();
    assert_eq!(both.map(|id| seen(&shop, id)), [3, 1]);
    assert_eq!(shop.link(&guess, at(100)), LinkOutcome::Refused { reason: Refusal::Expired, limit: 0 });
}

#[test]
fn a_decision_made_under_an_old_id_is_shown_and_paid_under_the_new() {
    let shop = shop();
    take(&shop, &visit("phone", at(1)));
    let decision = shop.decide(&Request::new("home").anonymous("phone"), at(2));
    take(&shop, &known("ann", at(3)));
    let own = shop.decide(&Request::new("home").user("ann"), at(3));
    take(&shop, &identify("ann", "phone", at(4)));
    let shown = Event::new(EventKind::Exposed, "ann", at(5)).decision(decision.id);
    assert_eq!(shop.ingest(&shown, at(5)).unwrap().exposure, Some(Exposure::Counted));
    let bought = Event::new(EventKind::Purchased, "ann", at(6)).value(20.0, "EUR");
    assert_eq!(shop.ingest(&bought, at(6)).unwrap().payments[0].decision, decision.id);
    shop.unlink(user("ann"), device("phone"), at(7));
    let again = |who: Event, id| shop.ingest(&who.decision(id).id("again"), at(8)).unwrap().exposure;
    let on_phone = Event::by_visitor(EventKind::Exposed, "phone", at(8));
    assert_eq!(again(on_phone, decision.id), Some(Exposure::Repeated), "its own decision, and what became of it");
    let by_ann = || Event::new(EventKind::Exposed, "ann", at(8));
    assert_eq!(again(by_ann(), own.id), Some(Exposure::Counted));
    assert_eq!(again(by_ann().property("n", 2.0).id("x"), own.id), None, "delivered twice");
}

#[test]
fn the_parts_of_a_person_stay_within_their_cap() {
    let shop = shop();
    for i in 0..90 {
        take(&shop, &visit(&format!("d{i}"), at(i)));
        take(&shop, &identify("ann", &format!("d{i}"), at(i)));
    }
    let told = shop.explain_identity(user("ann"));
    assert_eq!((told.members.len(), told.fragments.len()), (91, 64));
    assert_eq!(told.fragments.iter().map(|of| of.sealed).sum::<u32>(), 91 - 64);
    assert_eq!(seen(&shop, user("ann")), 180);
    take(&shop, &visit("d0", at(500)));
    assert_eq!(seen(&shop, user("ann")), 181, "a sealed id goes on where it is");
    let restarted = Personalizer::new(engine());
    restarted.restore(&shop.snapshot().unwrap()).unwrap();
    assert!(restarted.snapshot().unwrap() == shop.snapshot().unwrap());
    shop.unlink(user("ann"), device("d89"), at(600));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, device("d89"))), (180, 1));
}

#[test]
fn what_the_erased_did_on_a_shared_device_becomes_nobody_elses() {
    let shop = shop();
    take(&shop, &identify("ann", "phone", at(1)));
    take(&shop, &identify("bob", "phone", at(10)));
    take(&shop, &visit("phone", at(11)));
    shop.erase(user("bob"), at(100));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (1, 0));
    let replayed = shop.ingest(&visit("phone", at(11)), at(200)).unwrap_err();
    assert!(matches!(replayed, IngestError::Erased { .. }));
    take(&shop, &visit("phone", at(5)));
    take(&shop, &visit("phone", at(150)));
    assert_eq!((seen(&shop, user("ann")), seen(&shop, user("bob"))), (3, 0), "before and after are ann's");
}

/// Every person who shares an address is looked at in constant time, whatever the order.
#[test]
fn a_million_links_on_one_address_stay_in_limits() {
    let count = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    for step in [1, 7_919] {
        let shop = shop();
        for i in 0..count {
            let i = i * step % count;
            let time = at(0) + Span::seconds(i as u32);
            let event =
                Event::by_visitor(EventKind::PageViewed, format!("d{i}"), time).also("email", "all@example.com");
            shop.ingest(&event, at(100_000)).unwrap();
        }
        let told = shop.explain_identity(email("all@example.com"));
        assert_eq!((told.members.len(), told.members.len() - 1 + told.refused.len()), (100, 500));
        let of_mail = told.members.iter().find(|member| member.id == email("all@example.com")).unwrap();
        assert_eq!(of_mail.dropped as usize, count - 500);
        let first = told.members.iter().filter(|member| member.first < Some(at(0) + Span::seconds(99))).count();
        assert_eq!(first, 100, "the first 99, and the address with them");
        // What was sealed before an earlier link came does not come apart any more.
        let people = (count - 98 - if step == 1 { 0 } else { 400 })..=count - 98;
        assert!(people.contains(&shop.people()), "{}", shop.people());
    }
}

#[test]
fn two_shards_merge_to_what_one_would_have_known() {
    for case in 0..60 {
        let mut dice = Dice::new(3_000 + case);
        let facts = life(&mut dice, 40);
        let ids = || {
            let others = (0..3).map(|i| email(&format!("m{i}@example.com"))).chain([UserKey::of("card", "7")]);
            (0..3).map(|i| user(&format!("u{i}"))).chain(others)
        };
        let people = |shop: &Personalizer| {
            ids().map(|id| (shop.resolve(id), shop.profile(shop.resolve(id)))).collect::<Vec<_>>()
        };
        let (whole, one, other) = (shop(), shop(), shop());
        for fact in &facts {
            // Who was on a device is not known to both, so what was done there without a user id stays out of this.
            let is_visit = matches!(fact, Fact::Event(event) if event.user.is_none());
            if !is_visit {
                tell(&whole, fact);
                tell(if dice.coin() { &one } else { &other }, fact);
            }
        }
        let (first, second) = (one.snapshot().unwrap(), other.snapshot().unwrap());
        one.merge(&second, at(9_000)).unwrap();
        other.merge(&first, at(9_000)).unwrap();
        assert_eq!(people(&one), people(&whole), "case {case}");
        assert_eq!(people(&other), people(&whole), "case {case}, the other way");
        assert!(one.snapshot().unwrap() == other.snapshot().unwrap(), "case {case}");
    }
}

#[test]
fn the_erased_stay_gone_when_shards_merge() {
    let (one, other) = (shop(), shop());
    take(&one, &known("ann", at(1)));
    take(&other, &identify("ann", "phone", at(2)));
    take(&other, &visit("phone", at(3)));
    one.erase(user("ann"), at(100));
    one.merge(&other.snapshot().unwrap(), at(200)).unwrap();
    assert_eq!((seen(&one, user("ann")), one.people()), (0, 0));
    other.merge(&one.snapshot().unwrap(), at(200)).unwrap();
    assert_eq!((seen(&other, user("ann")), other.resolve(device("phone"))), (0, device("phone")));
    let error = other.merge(b"nothing", at(200)).unwrap_err();
    assert_eq!(error, bespoke::state::StateError::NotASnapshot);
}

#[test]
fn threads_end_where_one_thread_ends() {
    let facts: Vec<Fact> = {
        let mut dice = Dice::new(77);
        (0..2).flat_map(|_| life(&mut dice, 40)).enumerate().map(rename).collect()
    };
    let alone = after(&facts.iter().collect::<Vec<_>>());
    for turn in 0..4 {
        let shop = shop();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (shop, facts) = (&shop, &facts);
                scope.spawn(move || {
                    let mut dice = Dice::new(turn * 10 + thread);
                    let mut mine: Vec<&Fact> = facts.iter().skip(thread as usize).step_by(4).collect();
                    dice.shuffle(&mut mine);
                    mine.iter().for_each(|fact| tell(shop, fact));
                    for i in 0..4 {
                        let _ = shop.explain_identity(device(&format!("d{i}")));
                        let _ = shop.decide(&Request::new("nowhere").anonymous(format!("d{i}")), at(9_000));
                    }
                });
            }
        });
        assert!(shop.snapshot().unwrap() == alone, "turn {turn}");
    }
}

/// An event with an id of its own.
fn rename((i, fact): (usize, Fact)) -> Fact {
    match fact {
        Fact::Event(event) => Fact::Event(event.id(format!("t{i}")).into()),
        fact => fact,
    }
}

/// Nothing is lost or left behind while links, erasures, snapshots and events race.
#[test]
fn linking_unlinking_and_erasing_at_once_leaves_no_stray_part() {
    let shop = shop();
    let facts: Vec<Fact> =
        (0..6).flat_map(|seed| life(&mut Dice::new(500 + seed), 80)).enumerate().map(rename).collect();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (shop, facts) = (&shop, &facts);
            scope.spawn(move || {
                let mut dice = Dice::new(thread);
                for fact in facts.iter().skip(thread as usize).step_by(3) {
                    // Refused where somebody was erased in between.
                    match fact {
                        Fact::Event(event) => drop(shop.ingest(event, at(9_000))),
                        fact => tell(shop, fact),
                    }
                    let (who, on) = (user(&format!("u{}", dice.below(3))), device(&format!("d{}", dice.below(4))));
                    match dice.below(12) {
                        0 => tell(shop, &Fact::Unlink(who, on)),
                        1 => drop(shop.erase(who, at(dice.below(200)))),
                        2 => drop(shop.snapshot().unwrap()),
                        _ => {}
                    }
                }
            });
        }
    });
    for id in (0..3).map(|i| user(&format!("u{i}"))) {
        shop.erase(id, at(9_000));
    }
    for id in (0..4).map(|i| device(&format!("d{i}"))).chain((0..3).map(|i| email(&format!("m{i}@example.com")))) {
        shop.erase(id, at(9_000));
    }
    for card in ["7", "8"] {
        shop.erase(UserKey::of("card", card), at(9_000));
    }
    assert_eq!(shop.people(), 0);
}
