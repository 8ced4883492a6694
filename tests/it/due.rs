//! Who changes by time alone: each change once, at its exact time, whatever the host does in between.

use std::collections::BTreeMap;

use bespoke::catalog::Catalog;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::personalizer::{Due, Limits, Personalizer};
use bespoke::profile::Profile;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

const ABANDONED: &str = r#"{"name": "left-behind", "rule":
    "event('item_added').within(1 day) AND NOT event('item_added').within(2 hours) AND NOT event('purchased').within(1 day)"}"#;

fn engine(segments: &str) -> Engine {
    Engine::from_json(&format!(r#"{{"segments": [{segments}]}}"#)).unwrap()
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_772_366_400_000 + minutes * 60_000)
}

fn event(kind: EventKind, user: &str, time: Timestamp) -> Event {
    Event::new(kind, user, time).item("ridge")
}

#[track_caller]
fn take(shop: &Personalizer, kind: EventKind, user: &str, minutes: i64) {
    shop.ingest(&event(kind, user, at(minutes)), at(minutes)).unwrap();
}

fn told(due: &[Due]) -> Vec<(i64, UserKey, Vec<String>, Vec<String>)> {
    let names = |of: &[std::sync::Arc<str>]| of.iter().map(ToString::to_string).collect();
    let minutes = |time: Timestamp| (time.millis() - at(0).millis()) / 60_000;
    due.iter().map(|due| (minutes(due.time), due.user, names(&due.entered), names(&due.left))).collect()
}

fn entered(minutes: i64, user: &str, name: &str) -> (i64, UserKey, Vec<String>, Vec<String>) {
    (minutes, UserKey::known(user), vec![name.to_owned()], Vec::new())
}

fn left(minutes: i64, user: &str, name: &str) -> (i64, UserKey, Vec<String>, Vec<String>) {
    (minutes, UserKey::known(user), Vec::new(), vec![name.to_owned()])
}

#[test]
fn a_cart_that_is_left_behind_shows_at_its_time_and_one_that_is_paid_does_not() {
    let shop = Personalizer::new(engine(ABANDONED));
    take(&shop, EventKind::ItemAdded, "ann", 0);
    take(&shop, EventKind::ItemAdded, "bob", 10);
    take(&shop, EventKind::Purchased, "bob", 30);
    take(&shop, EventKind::ItemAdded, "cy", 20);
    take(&shop, EventKind::ItemAdded, "cy", 90);
    assert_eq!(shop.next_due(), Some(at(120)));
    assert_eq!(shop.due(at(119)), []);
    assert_eq!(told(&shop.due(at(120))), [entered(120, "ann", "left-behind")]);
    assert_eq!(shop.memberships(UserKey::known("ann"), at(120)).len(), 1);
    assert_eq!(shop.due(at(120)), [], "each change is told once");
    assert_eq!(told(&shop.due(at(300))), [entered(210, "cy", "left-behind")]);
    let back = shop.ingest(&event(EventKind::ItemAdded, "ann", at(400)), at(400)).unwrap();
    assert_eq!(&*back.left[0], "left-behind");
    take(&shop, EventKind::Purchased, "ann", 410);
    assert_eq!(told(&shop.due(at(10_000))), [left(24 * 60 + 90, "cy", "left-behind")]);
    assert_eq!(shop.next_due(), None, "time changes nothing more");
}

#[test]
fn a_host_that_oversleeps_is_told_every_turn_in_order() {
    let shop = Personalizer::new(engine(ABANDONED));
    take(&shop, EventKind::ItemAdded, "bob", 0);
    take(&shop, EventKind::ItemAdded, "ann", 0);
    take(&shop, EventKind::ItemAdded, "cy", 60);
    let (ann, bob) = (UserKey::known("ann"), UserKey::known("bob"));
    let mut both = [entered(120, "ann", "left-behind"), entered(120, "bob", "left-behind")];
    both.sort();
    assert_eq!(both[0].1, ann.min(bob));
    let gone = [left(1440, "ann", "left-behind"), left(1440, "bob", "left-behind")];
    let mut gone = gone.to_vec();
    gone.sort();
    let mut wanted = both.to_vec();
    wanted.push(entered(180, "cy", "left-behind"));
    wanted.extend(gone);
    wanted.push(left(1500, "cy", "left-behind"));
    assert_eq!(told(&shop.due(at(100_000))), wanted);
}

#[test]
fn what_came_due_while_a_host_was_down_is_told_once_after_the_restore() {
    let shop = Personalizer::new(engine(ABANDONED));
    take(&shop, EventKind::ItemAdded, "ann", 0);
    take(&shop, EventKind::ItemAdded, "bob", 60);
    assert_eq!(told(&shop.due(at(120))), [entered(120, "ann", "left-behind")]);
    let again = Personalizer::new(engine(ABANDONED));
    again.restore(&shop.snapshot().unwrap()).unwrap();
    assert!(again.next_due().is_some_and(|due| due < at(0)), "everybody is looked at once");
    assert_eq!(told(&again.due(at(200))), [entered(200, "bob", "left-behind")]);
    assert_eq!(again.next_due(), Some(at(1440)));
    assert_eq!(told(&again.due(at(2000))), [left(1440, "ann", "left-behind"), left(1500, "bob", "left-behind")]);
}

#[test]
fn a_new_engine_settles_everybody_without_an_event() {
    let shop = Personalizer::new(engine(r#"{"name": "old", "rule": "event('item_added').within(7 days)"}"#));
    take(&shop, EventKind::ItemAdded, "ann", 0);
    shop.replace_engine(engine(ABANDONED), at(1));
    assert_eq!(shop.due(at(60)), []);
    assert_eq!(told(&shop.due(at(500))), [entered(120, "ann", "left-behind")]);
    shop.replace_engine(engine(r#"{"name": "came", "rule": "event('item_added')"}"#), at(500));
    assert_eq!(told(&shop.due(at(600))), [entered(600, "ann", "came")]);
}

#[test]
fn those_who_are_gone_are_not_due() {
    let shop = Personalizer::with_limits(engine(ABANDONED), Limits { people: 64, ..Limits::default() });
    take(&shop, EventKind::ItemAdded, "ann", 0);
    shop.erase(UserKey::known("ann"), at(1));
    assert_eq!(shop.due(at(200)), []);
    for n in 0..2_000 {
        take(&shop, EventKind::ItemAdded, &format!("user {n}"), 300 + n);
    }
    let people = shop.people();
    let due = shop.due(at(300 + 2_000 + 119));
    assert!(due.len() <= people && people <= 64, "{} of {people}", due.len());
    assert!(due.iter().all(|due| shop.profile(due.user).is_some()));
}

#[test]
fn an_anonymous_cart_is_due_for_the_user_it_was_joined_to() {
    let shop = Personalizer::new(engine(ABANDONED));
    let mut visit = event(EventKind::ItemAdded, "x", at(0));
    (visit.user, visit.anonymous) = (None, Some("cookie".to_owned()));
    shop.ingest(&visit, at(0)).unwrap();
    let mut login = Event::new(EventKind::Identified, "ann", at(5));
    login.anonymous = Some("cookie".to_owned());
    shop.ingest(&login, at(5)).unwrap();
    assert_eq!(told(&shop.due(at(200))), [entered(120, "ann", "left-behind")]);
}

const MANY: &str = r#"
    {"name": "a", "rule": "event('item_viewed').within(1 hour).count() >= 2"},
    {"name": "b", "rule": "event('item_viewed').within(3 hours).count() BETWEEN 1 AND 2 AND NOT segment('a')"},
    {"name": "c", "rule": "session(events) >= 2"},
    {"name": "d", "rule": "event('purchased').within(2 hours).sum(value) >= 20"},
    {"name": "e", "rule": "event('purchased').last() EXISTS AND NOT event('purchased').within(90 minutes)"}"#;

/// Every person by themselves, led from change to change.
#[test]
fn due_tells_what_following_each_person_alone_tells() {
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let shop = Personalizer::new(engine(MANY));
        let (alone, catalog) = (engine(MANY), Catalog::new());
        let mut people: BTreeMap<UserKey, (Profile, Timestamp)> = BTreeMap::new();
        let mut now = at(0);
        for n in 0..150 {
            now = now + Span::seconds(dice.below(1200) as u32);
            if dice.below(5) == 0 {
                let mut wanted = Vec::new();
                for (user, (profile, settled)) in &mut people {
                    wanted.extend(follow(&alone, profile, &catalog, *user, *settled, now));
                    *settled = now;
                }
                wanted.sort_by_key(|due| (due.time, due.user));
                assert_eq!(shop.due(now), wanted, "seed {seed}, event {n}");
                assert!(shop.next_due().is_none_or(|due| due > now));
                continue;
            }
            let user = format!("user {}", dice.below(12));
            let kind = [EventKind::ItemViewed, EventKind::Purchased, EventKind::PageViewed][dice.below(3)].clone();
            let mut event = Event::new(kind, &user, now).id(format!("{n}"));
            event.value = Some(15.0);
            let told = shop.ingest(&event, now).unwrap();
            let (profile, settled) = people.entry(UserKey::known(&user)).or_default();
            let changes = alone.apply(&event, profile, &catalog, now);
            *settled = now;
            assert_eq!((told.entered, told.left), (changes.entered, changes.left));
        }
    }
}

fn follow(
    engine: &Engine,
    profile: &mut Profile,
    catalog: &Catalog,
    user: UserKey,
    settled: Timestamp,
    now: Timestamp,
) -> Vec<Due> {
    let mut due = Vec::new();
    let mut from = settled;
    while let Some(next) = engine.next_change(profile, from).filter(|next| next.time <= now) {
        from = next.time;
        let changes = engine.refresh(profile, catalog, next.time);
        assert_eq!((&changes.entered, &changes.left), (&next.entered, &next.left));
        due.push(Due { time: next.time, user, entered: changes.entered, left: changes.left });
    }
    due
}

#[test]
fn a_date_that_comes_up_is_due_without_any_counter() {
    let shop = Personalizer::new(engine(
        r#"{"name": "renews", "rule": "renewal BETWEEN now() AND now() + 7 days"},
           {"name": "old", "rule": "NOT segment('renews') AND renewal < now() - 1 day"}"#,
    ));
    let event = Event::new(EventKind::Identified, "ann", at(0)).attribute("renewal", at(30 * 1440).to_string());
    shop.ingest(&event, at(0)).unwrap();
    let wanted =
        [entered(23 * 1440, "ann", "renews"), left(30 * 1440, "ann", "renews"), entered(31 * 1440, "ann", "old")];
    let due = shop.due(at(100 * 1440));
    let days: Vec<i64> = told(&due).iter().map(|due| due.0 / 1440).collect();
    assert_eq!(days, [23, 30, 31]);
    for (told, wanted) in told(&due).iter().zip(&wanted) {
        assert!((told.0 - wanted.0).abs() <= 1, "{told:?}");
        assert_eq!((&told.1, &told.2, &told.3), (&wanted.1, &wanted.2, &wanted.3));
    }
}

#[test]
fn a_batch_is_bounded_and_the_rest_stays_due() {
    let shop = Personalizer::new(engine(ABANDONED));
    for n in 0..3_000 {
        // Ids of one shard: the shard is the high bits of a key.
        let mut name = String::new();
        for salt in 0.. {
            name = format!("user {n} {salt}");
            if UserKey::known(&name).to_bits() >> 122 == 5 {
                break;
            }
        }
        take(&shop, EventKind::ItemAdded, &name, 0);
    }
    let mut sizes = Vec::new();
    while shop.next_due().is_some_and(|due| due <= at(200)) {
        sizes.push(shop.due(at(200)).len());
    }
    assert_eq!(sizes, [1024, 1024, 952]);
}
