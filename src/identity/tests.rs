use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::hash::Symbol;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn key(id: u8) -> UserKey {
    UserKey::of(kind(id), &id.to_string())
}

/// Users, addresses, devices.
const fn kind(id: u8) -> &'static str {
    match id % 4 {
        0 => "user",
        1 => "email",
        _ => "anonymous",
    }
}

fn fact((a, b, time, evidence): (u8, u8, i64, u8)) -> Fact {
    let evidence =
        [Evidence::Stated, Evidence::Identified, Evidence::Together, Evidence::Probable][usize::from(evidence)];
    let of = |id: u8| Symbol::new(kind(id));
    Fact { a: key(a), kind_a: of(a), b: key(b), kind_b: of(b), time: at(time), evidence, expires: Timestamp::MAX }
}

/// All facts in one component, as they come.
fn component(facts: &[(u8, u8, i64, u8)], rules: &Rules) -> Component {
    let mut component = Component::default();
    for one in facts.iter().filter(|(a, b, ..)| a != b) {
        component.insert(&fact(*one), rules);
        component.settle(rules, at(0));
    }
    component
}

/// The people, computed by sets of ids and nothing clever.
fn naive(facts: &[(u8, u8, i64, u8)], ids: usize) -> Vec<BTreeSet<UserKey>> {
    let mut links: BTreeMap<(UserKey, UserKey), (u8, i64)> = BTreeMap::new();
    let mut users = BTreeSet::new();
    for (a, b, time, evidence) in facts.iter().filter(|(a, b, ..)| a != b) {
        users.extend([a, b].into_iter().filter(|id| kind(**id) == "user").map(|id| key(*id)));
        let pair = (key(*a).min(key(*b)), key(*a).max(key(*b)));
        let of = links.entry(pair).or_insert((*evidence, *time));
        *of = (of.0.min(*evidence), of.1.min(*time));
    }
    let mut order: Vec<_> = links.into_iter().map(|(pair, of)| (of, pair)).collect();
    order.sort();
    let mut people: Vec<BTreeSet<UserKey>> = Vec::new();
    for (_, (a, b)) in order {
        let mut set = |id: UserKey| {
            let at = people.iter().position(|of| of.contains(&id));
            at.map_or_else(|| BTreeSet::from([id]), |at| people.remove(at))
        };
        let ours = set(a);
        if ours.contains(&b) {
            people.push(ours);
            continue;
        }
        let theirs = set(b);
        let both: BTreeSet<UserKey> = ours.union(&theirs).copied().collect();
        if both.len() <= ids && both.intersection(&users).count() <= 1 {
            people.push(both);
        } else {
            people.extend([ours, theirs]);
        }
    }
    people.sort();
    people
}

fn people(of: &Component) -> Vec<BTreeSet<UserKey>> {
    let mut by: BTreeMap<UserKey, BTreeSet<UserKey>> = BTreeMap::new();
    for slot in of.slots() {
        by.entry(slot.person).or_default().insert(slot.key);
    }
    let mut people: Vec<_> = by.into_values().collect();
    people.sort();
    people
}

proptest! {
    /// Whatever comes first and however often, the people are those of the definition.
    #[test]
    fn people_are_those_that_joining_in_order_makes(
        facts in prop::collection::vec((0..14_u8, 0..14_u8, 1..40_i64, 0..4_u8), 0..60),
        order in any::<u64>(),
    ) {
        let rules = Rules::new(&Settings { ids: 6, per_kind: [("user".to_owned(), 1)].into(), ..Settings::default() });
        let straight = component(&facts, &rules);
        prop_assert_eq!(people(&straight), naive(&facts, 6));
        let mut shuffled = [facts.clone(), facts.iter().take(9).copied().collect()].concat();
        shuffled.sort_by_key(|of| crate::hash::combine(&[order, u64::from(of.0), u64::from(of.1), of.2 as u64]));
        prop_assert_eq!(component(&shuffled, &rules), straight);
    }

    /// Halves that were known apart make the whole, either way.
    #[test]
    fn two_sets_of_links_unite_to_the_set_of_all(
        facts in prop::collection::vec((0..14_u8, 0..14_u8, 1..40_i64, 0..4_u8), 0..40),
        cut in 0..40_usize,
    ) {
        let rules = Rules::new(&Settings::default());
        let (xs, ys) = facts.split_at(cut.min(facts.len()));
        let whole = component(&facts, &rules);
        for (first, second) in [(xs, ys), (ys, xs)] {
            let mut united = component(first, &rules);
            for one in second.iter().filter(|(a, b, ..)| a != b) {
                united.insert(&fact(*one), &rules);
            }
            united.settle(&rules, at(0));
            prop_assert_eq!(&united, &whole);
        }
    }
}

#[test]
fn the_first_links_in_order_are_kept_whichever_come_first() {
    let rules = Rules::new(&Settings { links: 10, ..Settings::default() });
    let mut facts: Vec<(u8, u8, i64, u8)> = (0..60).map(|i| (1, i * 4 + 2, i64::from(i) + 1, 2)).collect();
    let kept = |facts: &[(u8, u8, i64, u8)]| component(facts, &rules).links().to_vec();
    let first = kept(&facts);
    facts.reverse();
    assert_eq!((kept(&facts), first.len()), (first, 10));
}

#[test]
fn the_canonical_id_is_the_one_that_was_linked_first_and_a_user_before_others() {
    let rules = Rules::new(&Settings::default());
    let (user, mail, phone) = (0, 1, 2);
    let of = component(&[(mail, phone, 5, 2), (user, mail, 9, 2)], &rules);
    assert_eq!(of.person(key(user)), Some(key(mail)), "the address was there before");
    let of = component(&[(mail, phone, 5, 2), (user, mail, 9, 2), (user, phone, 5, 2)], &rules);
    assert_eq!(of.person(key(phone)), Some(key(user)), "at the same time the user goes first");
}

#[test]
fn a_device_goes_to_who_was_identified_last_and_before_that_to_the_first() {
    let rules = Rules::new(&Settings::default());
    let (ann, bob, phone) = (0, 4, 2);
    let of = component(&[(ann, phone, 10, 1), (bob, phone, 20, 1), (ann, phone, 30, 1)], &rules);
    let owner = |time| of.owner(key(phone), at(time));
    assert_eq!([5, 10, 19].map(owner), [key(ann); 3]);
    assert_eq!([20, 29].map(owner), [key(bob); 2]);
    assert_eq!(owner(30), key(ann));
    assert_eq!(of.owner(key(ann), at(25)), key(ann), "a user is nobody's device");
}

#[test]
fn settings_that_cannot_be_say_what_is_wrong() {
    let says = |settings: Settings, wanted: &str| assert_eq!(settings.check().unwrap_err().to_string(), wanted);
    says(Settings { ids: 1, ..Settings::default() }, "`ids` is 1, but must be from 2 to 1000");
    says(Settings { links: 0, ..Settings::default() }, "`links` is 0, but must be from 1 to 5000");
    says(
        Settings { recent: usize::MAX, ..Settings::default() },
        "`recent` is 18446744073709551615, but must be from 0 to 16777216",
    );
    says(
        Settings { per_kind: [("card".to_owned(), 0)].into(), ..Settings::default() },
        "`per_kind.card` is 0, but a kind has a name and a limit from 1 to 1000",
    );
    says(
        Settings { blocked: vec!["*".to_owned()], ..Settings::default() },
        "`blocked` has `*`, which needs text beside the `*` at its ends",
    );
    assert_eq!(Settings::default().check(), Ok(()));
}

#[test]
fn blocked_patterns_match_at_their_open_ends() {
    let blocked = ["kiosk-*", "*@Example.test", "*demo*", "exact"].map(str::to_owned).to_vec();
    let settings = Settings { blocked, ..Settings::default() };
    for value in ["KIOSK-7", "ann@example.test", "my demo id", " Exact "] {
        assert!(settings.blocks(value), "{value}");
    }
    for value in ["my kiosk-7", "ann@example.test.org", "exactly", "-", "1000", "u0"] {
        assert!(!settings.blocks(value), "{value}");
    }
}
