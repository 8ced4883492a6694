use super::*;
use crate::experiment::{Enrolment, Factorial, Place};

const IDS: usize = 100_000;

fn ids() -> impl Iterator<Item = String> {
    (0..IDS).map(|i| format!("user-{i}"))
}

/// Of 100,000 ids a share p is met within five of its deviations, √(p (1 - p) / 100,000): 0.0079 at a half, which chance
/// alone exceeds about once in two million.
#[track_caller]
fn realised(found: usize, p: f64) {
    let deviation = (p * (1.0 - p) / IDS as f64).sqrt();
    let share = found as f64 / IDS as f64;
    assert!((share - p).abs() <= 5.0 * deviation + 1e-12, "{share} where {p} was claimed");
}

fn name(of: &Allocation, id: &str) -> Option<String> {
    of.arm(id).map(|arm| of.arms()[arm].clone())
}

/// Each change claims a share of moves, none larger than the larger of what arms lose and gain; the ids agree, way by
/// way.
#[test]
fn moves_are_those_that_are_claimed() {
    let steps: [&[(&str, f64)]; 8] = [
        &[("a", 0.05), ("b", 0.05)],
        &[("a", 0.25), ("b", 0.25)],
        &[("a", 0.5), ("b", 0.5)],
        &[("a", 0.2), ("b", 0.8)],
        &[("a", 0.2), ("b", 0.3), ("c", 0.4)],
        &[("c", 0.4), ("a", 0.3)],
        &[("a", 0.1), ("c", 0.0), ("d", 0.9)],
        &[("a", 0.3), ("d", 0.5)],
    ];
    let mut now = Allocation::new("steps", steps[0]).unwrap();
    for shares in &steps[1..] {
        let next = now.reshaped(shares).unwrap();
        let of =
            |of: &Allocation, name: &str| of.arms().iter().position(|a| a == name).map_or(0.0, |arm| of.share(arm));
        let all = ["a", "b", "c", "d"].map(|name| of(&next, name) - of(&now, name));
        let (gained, lost): (f64, f64) =
            (all.iter().map(|by| by.max(0.0)).sum(), all.iter().map(|by| -by.min(0.0)).sum());
        let moves = now.moves(&next);
        assert!((moves.share - gained.max(lost)).abs() < 1e-12, "{moves:?}");
        for (name, share) in *shares {
            assert!((of(&next, name) - share).abs() < 1e-12);
        }
        let pairs: Vec<_> = ids().map(|id| (name(&now, &id), name(&next, &id))).collect();
        realised(pairs.iter().filter(|(from, to)| from != to).count(), moves.share);
        for way in &moves.between {
            realised(pairs.iter().filter(|(from, to)| (from, to) == (&way.from, &way.to)).count(), way.share);
        }
        let listed =
            |from: &Option<String>, to: &Option<String>| moves.between.iter().any(|m| (&m.from, &m.to) == (from, to));
        assert!(pairs.iter().all(|(from, to)| from == to || listed(from, to)));
        now = next;
    }
}

#[test]
fn a_ramp_keeps_everybody_it_has_and_comes_back_the_way_it_went() {
    let start = Allocation::new("ramp", &[("old", 0.01), ("new", 0.01)]).unwrap();
    let mut now = start.clone();
    for share in [0.05, 0.2, 0.35, 0.5] {
        let next = now.reshaped(&[("old", share), ("new", share)]).unwrap();
        assert!(now.moves(&next).between.iter().all(|way| way.from.is_none()), "{share}");
        assert!(ids().take(10_000).all(|id| now.arm(&id).is_none() || now.arm(&id) == next.arm(&id)));
        now = next;
    }
    let back = now.reshaped(&[("old", 0.01), ("new", 0.01)]).unwrap();
    assert!(start.moves(&back).share < 1e-12);
}

#[test]
fn another_salt_deals_anew() {
    let (first, second) = (Allocation::new("one", &[("a", 0.5), ("b", 0.3)]).unwrap(), &[("a", 0.5), ("b", 0.3)]);
    let second = Allocation::new("two", second).unwrap();
    // 1 - (.5² + .3² + .2²)
    assert!((first.moves(&second).share - 0.62).abs() < 1e-12);
    realised(ids().filter(|id| first.arm(id) != second.arm(id)).count(), 0.62);
}

#[test]
fn a_budget_is_kept_at_every_step() {
    let target = [("b", 0.7), ("c", 0.3)];
    let mut now = Allocation::new("budget", &[("a", 0.6), ("b", 0.4)]).unwrap();
    for step in 0..6 {
        let next = now.toward(&target, 0.1).unwrap();
        let moved = now.moves(&next).share;
        assert!(moved <= 0.1 + 1e-12, "{step} {moved}");
        realised(ids().filter(|id| name(&now, id) != name(&next, id)).count(), moved);
        now = next;
    }
    assert_eq!(now.arms(), ["b", "c"]);
    assert!((now.share(0) - 0.7).abs() < 1e-12);
    assert_eq!(now.toward(&target, 0.0), Err(AllocationError::Budget { found: 0.0 }));
}

#[test]
fn groups_exclude_and_holdouts_nest() {
    let group = Allocation::new("group", &[("x", 0.5), ("y", 0.4)]).unwrap();
    let arms = |salt: &str| Allocation::new(salt, &[("old", 0.5), ("new", 0.3)]).unwrap();
    let of = |salt: &str, held: f64| {
        let enrolment = Enrolment::new("user", arms(salt)).unwrap().holdout("held", held).unwrap();
        enrolment.within(group.clone(), salt).unwrap()
    };
    let (x, y, wider) = (of("x", 0.05), of("y", 0.05), of("x", 0.1));
    let (mut both, mut held, mut new) = (0, 0, 0);
    for id in ids() {
        both += usize::from(x.place(&id).arm().is_some() && y.place(&id).arm().is_some());
        held += usize::from(x.place(&id) == Place::Held);
        new += usize::from(x.place(&id) == Place::Arm { arm: 1 });
        assert!(x.place(&id) != Place::Held || (y.place(&id) == Place::Held && wider.place(&id) == Place::Held));
    }
    assert_eq!(both, 0);
    realised(held, 0.05);
    realised(new, 0.95 * 0.5 * 0.3);
    let text = serde_json::to_string(&x).unwrap();
    assert_eq!(serde_json::from_str::<Enrolment>(&text).unwrap(), x);
    assert!(matches!(x.clone().holdout("x", 0.1), Err(AllocationError::SameSalt { .. })));
    assert!(matches!(x.clone().forced("ann", "nw"), Err(AllocationError::Unknown { .. })));
    assert_eq!(x.forced("ann", "new").unwrap().place("ann"), Place::Forced { arm: 1 });
}

/// Six combinations of two and three levels get a sixth each, within five deviations of a sixth: that the levels of two
/// factors are independent.
#[test]
fn factors_are_independent() {
    let design = Factorial::new("page", &[("color", &["red", "blue"]), ("size", &["s", "m", "l"])]).unwrap();
    let mut counts = vec![0; design.cells().len()];
    ids().for_each(|id| counts[design.cell(&id).unwrap()] += 1);
    assert_eq!(counts.len(), 6);
    counts.into_iter().for_each(|count| realised(count, 1.0 / 6.0));
    assert!(Factorial::new("page", &[]).is_err() && Factorial::new("p", &[("a", &["x"]), ("a", &["y"])]).is_err());
}

#[test]
fn hostile_shares_and_ranges_are_refused() {
    for shares in
        [&[("a", f64::NAN)][..], &[("a", -0.1)], &[("a", 1.1)], &[("a", 0.6), ("b", 0.6)], &[("a", 0.1), ("a", 0.1)]]
    {
        assert!(Allocation::new("s", shares).is_err(), "{shares:?}");
    }
    assert!(Allocation::new("", &[("a", 0.1)]).is_err() && Allocation::new("s", &[]).is_err());
    let range = |low, high| BucketRange { low, high };
    for ranges in [
        &[("a", range(0.0, 0.5)), ("b", range(0.4, 0.6))][..],
        &[("a", range(0.5, 0.4))],
        &[("a", range(0.5, 1.1))],
        &[("a", range(f64::NAN, 1.0))],
        &[("a", range(-0.1, 1.0))],
    ] {
        assert!(Allocation::of_ranges("s", BucketHash::GrowthBookV2, ranges).is_err(), "{ranges:?}");
    }
    // As GrowthBook cuts them, and grown from there.
    let cut = BucketRange::of(2, 0.5, None).unwrap();
    let named: Vec<(&str, BucketRange)> = ["a", "b"].into_iter().zip(cut.clone()).collect();
    let allocation = Allocation::of_ranges("s", BucketHash::GrowthBookV2, &named).unwrap();
    for id in ids().take(1_000) {
        assert_eq!(allocation.arm(&id), BucketRange::choose(&cut, BucketHash::GrowthBookV2.bucket("s", &id)));
    }
    let text = serde_json::to_string(&allocation).unwrap();
    assert_eq!(serde_json::from_str::<Allocation>(&text).unwrap(), allocation);
    assert!(serde_json::from_str::<Allocation>(&text.replace("\"b\"", "\"a\"")).is_err());
}
