//! The recommenders against plain formulas over the whole log, and against each other.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::sketch::Popularity;
use crate::state::State;
use crate::time::Span;

/// Who, what (a small number), when (in seconds), how much.
type Log = Vec<(u8, u8, u32, f32)>;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Up to 24 events of three people with seven items over two hours: within one person's window there may be more
/// than sixteen others only if all events are one person's, which is why three take turns.
fn logs() -> impl Strategy<Value = Log> {
    prop::collection::vec((0..3_u8, 0..7_u8, 0..7200_u32, prop::sample::select(vec![1.0_f32, 0.5, 3.0])), 0..24)
        .prop_filter("no more than sixteen others", |log| (0..3).all(|u| log.iter().filter(|e| e.0 == u).count() <= 17))
}

fn relations() -> impl Strategy<Value = Relation> {
    prop::sample::select(&Relation::ALL[..])
}

fn item(number: u8) -> Symbol {
    Symbol::new(&format!("item-{number}"))
}

/// What weighs three is a purchase, what weighs a half is something else.
fn seen(number: u8, time: Timestamp, weight: f32) -> Seen {
    let kind = match weight {
        3.0 => SeenKind::Purchased,
        0.5 => SeenKind::Other,
        _ => SeenKind::Viewed,
    };
    Seen { item: item(number), time, weight, kind }
}

fn at(seconds: u32) -> Timestamp {
    START + Span::seconds(seconds)
}

fn popular(log: &[(u8, u8, u32, f32)]) -> Popular {
    let mut popular = Popular::default();
    for (_, number, time, weight) in log {
        popular.learn(item(*number), *weight, at(*time));
    }
    popular
}

/// Events arrive in the order of the log; each finds those of its person that arrived before, by time.
fn neighbors(log: &[(u8, u8, u32, f32)], settings: NeighborSettings) -> Neighbors {
    let mut neighbors = Neighbors::new(settings).unwrap();
    let mut histories: BTreeMap<u8, Vec<Seen>> = BTreeMap::new();
    for (user, number, time, weight) in log {
        let history = histories.entry(*user).or_default();
        let now = seen(*number, at(*time), *weight);
        neighbors.learn(now, history);
        history.push(now);
        history.sort_by_key(|seen| seen.time);
    }
    neighbors
}

fn history(log: &[(u8, u8, u32, f32)], user: u8) -> Vec<Seen> {
    let mut events: Vec<_> = log.iter().filter(|event| event.0 == user).collect();
    events.sort_by_key(|event| event.2);
    events.iter().map(|(_, number, time, weight)| seen(*number, at(*time), *weight)).collect()
}

fn rank(by: &dyn Recommender, history: &[Seen], limit: usize, accept: &dyn Fn(Symbol) -> bool) -> Vec<Candidate> {
    let mut slate = Vec::new();
    let query = Query { history, now: at(7200), limit, accept, pool: None };
    by.rank(&query, &mut Scratch::default(), &mut slate);
    slate
}

fn items(slate: &[Candidate]) -> Vec<Symbol> {
    slate.iter().map(|candidate| candidate.item).collect()
}

/// The scores of the formula at the head of `neighbor.rs`, over all pairs of the log, in plain floating point.
fn plain_scores(log: &[(u8, u8, u32, f32)], history: &[Seen], settings: &NeighborSettings) -> BTreeMap<Symbol, f64> {
    let days = |seconds: u32| (7200.0 - f64::from(seconds)) / 86_400.0;
    let left = |seconds: u32| libm::exp2(-days(seconds) * 86_400_000.0 / settings.half_life.millis() as f64);
    let (mut pairs, mut starts, mut ends) = (BTreeMap::<_, f64>::new(), BTreeMap::new(), BTreeMap::new());
    let kind = |event: &(u8, u8, u32, f32)| seen(event.1, at(event.2), event.3).kind;
    let can_start = |event| settings.from.is_none_or(|from| from == kind(event));
    let can_end = |event| settings.to.is_none_or(|to| to == kind(event));
    for (index, first) in log.iter().enumerate() {
        for (sums, counts) in [(&mut starts, can_start(first)), (&mut ends, can_end(first))] {
            *sums.entry(item(first.1)).or_insert(0.0) += if counts { f64::from(first.3) * left(first.2) } else { 0.0 };
        }
        for (place, second) in log.iter().enumerate().skip(index + 1) {
            let (early, late) = if first.2 <= second.2 { (first, second) } else { (second, first) };
            let gap = late.2 - early.2;
            if first.0 != second.0 || Span::seconds(gap) > settings.window {
                continue;
            }
            // When the second arrives, those before it are known.
            let known = 1 + log[..place].iter().filter(|event| event.0 == first.0).count();
            let share = libm::pow(known as f64, -f64::from(settings.user_damping));
            let interest = share * libm::sqrt(f64::from(first.3) * f64::from(second.3));
            let weight = interest * left(late.2) / (1.0 + f64::from(gap) * 1000.0 / settings.pace.millis() as f64);
            let backward = f64::from(settings.backward);
            let (goes, comes) = (can_start(early) && can_end(late), can_start(late) && can_end(early));
            let (forth, back) = match () {
                () if early.1 == late.1 => (f64::from(u8::from(goes || gap == 0 && comes)), 0.0),
                () if gap == 0 => ((1.0 + backward) / 2.0, (1.0 + backward) / 2.0),
                () => (1.0, backward),
            };
            let (goes, comes) = (goes || early.1 == late.1, comes && early.1 != late.1);
            *pairs.entry((item(early.1), item(late.1))).or_default() += if goes { weight * forth } else { 0.0 };
            *pairs.entry((item(late.1), item(early.1))).or_default() += if comes { weight * back } else { 0.0 };
        }
    }
    let (mut scores, mut done, mut faded) = (BTreeMap::new(), BTreeSet::new(), 1.0);
    for Seen { item: from, weight, .. } in history.iter().rev() {
        if !done.insert(*from) {
            continue;
        }
        for ((_, to), together) in pairs.iter().filter(|((left, _), _)| left == from) {
            let repeat = match settings.repeat {
                Repeat::Allow(factor) if to == from => f64::from(factor),
                Repeat::Forbid if history.iter().any(|seen| seen.item == *to) => 0.0,
                _ => 1.0,
            };
            let popular = |sums: &BTreeMap<_, f64>, item| 1.0 + sums.get(item).copied().unwrap_or(0.0);
            let norm = libm::pow(popular(&starts, from), f64::from(settings.damping))
                * libm::pow(popular(&ends, to), f64::from(settings.target_damping));
            *scores.entry(*to).or_default() += f64::from(*weight) * faded * repeat * together / norm;
        }
        faded *= f64::from(settings.fade);
    }
    scores.retain(|_, score| *score > 0.0);
    scores
}

proptest! {
    /// Sums of the same terms, added in the order of the log and compared one by one.
    #[test]
    fn popular_items_come_in_the_order_of_their_sums(log in logs(), limit in 0..9_usize, odd in any::<bool>()) {
        let mut sums = BTreeMap::<Symbol, Popularity>::new();
        for (_, number, time, weight) in &log {
            sums.entry(item(*number)).or_default().add(f64::from(*weight), at(*time), Span::days(7));
        }
        let accept = |item: Symbol| !odd || item.to_bits() % 2 == 1;
        let mut plain: Vec<_> = sums.into_iter().filter(|(item, _)| accept(*item)).collect();
        plain.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        plain.truncate(limit);
        let plain: Vec<_> = plain.into_iter().map(|(item, _)| item).collect();
        let state = popular(&log);
        prop_assert_eq!(items(&rank(&state, &[], limit, &accept)), plain.clone());
        // The pool holds what may pass, some of it twice, and an item that nobody knows.
        let pool: Vec<_> = (0..8).chain(0..8).map(item).filter(|item| accept(*item)).collect();
        let (mut slate, query) = (Vec::new(), Query {
            history: &[], now: at(7200), limit, accept: &accept, pool: Some(&pool),
        });
        state.rank(&query, &mut Scratch::default(), &mut slate);
        prop_assert_eq!(items(&slate), plain);
    }

    /// Each term is rounded to 1/1024 of an event, and a strength to 24 bits: scores agree to a few thousandths of
    /// the terms added, and where the formula tells two items apart by more than that, so does the ranking.
    #[test]
    fn neighbors_score_as_the_formula_says(
        log in logs(), user in 0..3_u8, limit in 1..9_usize, forbid in any::<bool>(), relation in relations(),
        dampings in [0.0..1.0_f32, 0.0..1.0, 0.0..1.0],
    ) {
        let repeat = if forbid { Repeat::Forbid } else { Repeat::Allow(2.0) };
        let [damping, target_damping, user_damping] = dampings;
        let settings = NeighborSettings { repeat, damping, target_damping, user_damping, ..relation.settings() };
        let history = history(&log, user);
        let plain = plain_scores(&log, &history, &settings);
        let slate = rank(&neighbors(&log, settings), &history, limit, &|_| true);
        let bound = 0.002 * 3.0 * (1 + log.len()) as f64;
        prop_assert_eq!(slate.len(), limit.min(plain.len()));
        for pair in slate.windows(2) {
            prop_assert!(pair[0].score > pair[1].score || pair[0].score >= pair[1].score && pair[0].item < pair[1].item);
        }
        for candidate in &slate {
            prop_assert!((candidate.score - plain[&candidate.item]).abs() < bound, "{:?} {:?}", candidate, plain);
        }
        let chosen: BTreeSet<_> = items(&slate).into_iter().collect();
        let worst = slate.last().map_or(f64::MAX, |candidate| candidate.score);
        for (item, score) in &plain {
            prop_assert!(chosen.contains(item) || *score < worst + 2.0 * bound);
        }
    }

    #[test]
    fn the_order_of_events_changes_no_byte(log in logs(), relation in relations(), shuffled in Just(()).prop_perturb(|(), mut rng| rng.next_u64())) {
        let mut other = log.clone();
        other.sort_by_key(|event| crate::hash::combine(&[shuffled, u64::from(event.1), u64::from(event.2)]));
        prop_assert_eq!(popular(&log).to_bytes().unwrap(), popular(&other).to_bytes().unwrap());
        let settings = NeighborSettings { user_damping: 0.0, ..relation.settings() };
        let (one, two) = (neighbors(&log, settings), neighbors(&other, settings));
        prop_assert_eq!(one.to_bytes().unwrap(), two.to_bytes().unwrap());
        prop_assert_eq!(one, two);
    }

    /// For pairs each person is in one shard; for popularity any cut will do.
    #[test]
    fn shards_merge_to_the_whole(log in logs(), relation in relations(), cut in 0..24_usize) {
        let (left, right) = log.split_at(cut.min(log.len()));
        let mut merged = popular(left);
        merged.merge(&popular(right));
        prop_assert_eq!(&merged, &popular(&log));
        merged.merge(&Popular::default());
        prop_assert_eq!(&merged, &popular(&log));

        let settings = relation.settings();
        let (left, right): (Log, Log) = log.iter().partition(|event| event.0 == 0);
        let mut merged = Neighbors::new(settings).unwrap();
        merged.merge(&neighbors(&left, settings));
        merged.merge(&neighbors(&right, settings));
        prop_assert_eq!(merged.to_bytes().unwrap(), neighbors(&log, settings).to_bytes().unwrap());
        prop_assert_eq!(merged, neighbors(&log, settings));
    }

    #[test]
    fn states_come_back_from_bytes_and_text_as_they_were(log in logs()) {
        let (one, two) = (popular(&log), neighbors(&log, NeighborSettings::default()));
        prop_assert_eq!(&Popular::from_bytes(&one.to_bytes().unwrap()).unwrap(), &one);
        prop_assert_eq!(&Neighbors::from_bytes(&two.to_bytes().unwrap()).unwrap(), &two);
        prop_assert_eq!(&serde_json::from_str::<Popular>(&serde_json::to_string(&one).unwrap()).unwrap(), &one);
        prop_assert_eq!(&serde_json::from_str::<Neighbors>(&serde_json::to_string(&two).unwrap()).unwrap(), &two);
    }

    /// Bytes without the checksum, since whoever forges a state can also compute that.
    #[test]
    fn forged_bytes_are_refused_or_harmless(log in logs(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let forge = |mut bytes: Vec<u8>| {
            let len = bytes.len();
            flips.iter().for_each(|(place, byte)| bytes[place % len] = *byte);
            bytes
        };
        let history = history(&log, 0);
        if let Ok(mut forged) = postcard::from_bytes::<Popular>(&forge(postcard::to_allocvec(&popular(&log)).unwrap())) {
            forged.merge(&popular(&log));
            forged.learn(item(1), 1.0, at(0));
            prop_assert!(rank(&forged, &[], 9, &|_| true).iter().all(|candidate| candidate.score.is_finite()));
        }
        let bytes = postcard::to_allocvec(&neighbors(&log, NeighborSettings::default())).unwrap();
        if let Ok(mut forged) = postcard::from_bytes::<Neighbors>(&forge(bytes)) {
            forged.merge(&neighbors(&log, NeighborSettings::default()));
            forged.learn(seen(1, at(0), 1.0), &history);
            prop_assert!(rank(&forged, &history, 9, &|_| true).iter().all(|candidate| candidate.score.is_finite()));
        }
    }

    /// What every recommender promises, each on its own and in a chain.
    #[test]
    fn slates_are_accepted_distinct_and_no_longer_than_asked(
        log in logs(), user in 0..3_u8, limit in 0..9_usize, held in 0..3_usize,
    ) {
        let (popular, neighbors, recent) = (popular(&log), neighbors(&log, NeighborSettings::default()), Recent::default());
        let (history, all) = (history(&log, user), [&neighbors as &dyn Recommender, &recent, &popular]);
        let mut scratch = Scratch::default();
        for by in [all[0], all[1], all[2], &Chain(&all)] {
            let start: Vec<_> = rank(&popular, &[], held, &|_| true);
            let (mut slate, asked) = (start.clone(), RefCell::new(Vec::new()));
            let accept = |item: Symbol| { asked.borrow_mut().push(item); item != self::item(3) };
            let query = Query { history: &history, now: at(7200), limit, accept: &accept, pool: None };
            by.rank(&query, &mut scratch, &mut slate);
            prop_assert_eq!(&slate[..start.len()], &start[..]);
            prop_assert!(slate.len() <= limit.max(start.len()));
            prop_assert!(slate[start.len()..].iter().all(|candidate| candidate.item != item(3)));
            let distinct: BTreeSet<_> = items(&slate).into_iter().collect();
            prop_assert_eq!(distinct.len(), slate.len());
            prop_assert!(asked.borrow().iter().all(|asked| start.iter().all(|held| held.item != *asked)));
            // The same scratch, used by others in between, gives the same slate.
            let mut again = start.clone();
            by.rank(&query, &mut Scratch::default(), &mut again);
            prop_assert_eq!(slate, again);
            prop_assert!(rank(by, &history, limit, &|_| false).is_empty());
        }
    }
}

#[test]
fn each_relation_learns_its_own_pairs_in_its_own_direction() {
    // Shirts are viewed, then ties bought; socks are bought with ties.
    let (shirt, hat, tie, sock) = (1, 2, 3, 4);
    let log = [(0, shirt, 0, 1.0), (0, hat, 60, 1.0), (0, tie, 120, 3.0), (0, sock, 120, 3.0), (0, shirt, 180, 1.0)];
    let after = |number, relation: Relation| {
        let slate = rank(&neighbors(&log, relation.settings()), &[seen(number, at(200), 1.0)], 9, &|_| true);
        assert!(slate.iter().all(|of| of.source.name() == serde_json::to_value(relation).unwrap()), "{slate:?}");
        let mut found = items(&slate);
        found.sort();
        found
    };
    let sorted = |numbers: &[u8]| {
        let mut items: Vec<_> = numbers.iter().copied().map(item).collect();
        items.sort();
        items
    };
    assert_eq!(after(hat, Relation::ViewedTogether), [item(shirt)]);
    assert_eq!(after(shirt, Relation::ViewedThenBought), sorted(&[tie, sock]));
    // The shirt was viewed after the tie was bought, which is no reason to show it.
    assert_eq!(after(tie, Relation::ViewedThenBought), []);
    assert_eq!(after(tie, Relation::BoughtTogether), [item(sock)]);
    assert_eq!(after(shirt, Relation::BoughtTogether), []);
    assert_eq!(after(tie, Relation::Related), sorted(&[shirt, hat, sock]));
}

#[test]
fn dampings_hold_down_popular_targets_and_busy_people() {
    // Item 1 leads to 2 twice and to 3 once; 2 is reached from everywhere.
    let mut log: Vec<(u8, u8, u32, f32)> = vec![(0, 1, 0, 1.0), (0, 2, 9, 1.0), (1, 1, 0, 1.0), (1, 2, 9, 1.0)];
    log.extend([(2, 1, 0, 1.0), (2, 3, 9, 1.0)]);
    log.extend((10..60).flat_map(|user| [(user, user, 0, 1.0), (user, 2, 9, 1.0)]));
    let first = |settings| rank(&neighbors(&log, settings), &[seen(1, at(99), 1.0)], 1, &|_| true)[0].item;
    let plain = NeighborSettings::default();
    assert_eq!(first(plain), item(2));
    assert_eq!(first(NeighborSettings { target_damping: 0.5, ..plain }), item(3));
    // Item 1 leads to 2 for somebody with many other events, and a second later to 3 for somebody with none.
    let mut log: Vec<(u8, u8, u32, f32)> = (10..25).map(|number| (0, number, u32::from(number), 1.0)).collect();
    log.extend([(0, 1, 5000, 1.0), (0, 2, 5008, 1.0), (1, 1, 5000, 1.0), (1, 3, 5009, 1.0)]);
    let first = |settings| rank(&neighbors(&log, settings), &[seen(1, at(7000), 1.0)], 1, &|_| true)[0].item;
    assert_eq!(first(plain), item(2));
    assert_eq!(first(NeighborSettings { user_damping: 0.5, ..plain }), item(3));
}

#[test]
fn without_history_only_the_popular_is_there() {
    let log = [(0, 1, 0, 1.0), (0, 2, 60, 2.0)];
    let (popular, neighbors) = (popular(&log), neighbors(&log, NeighborSettings::default()));
    assert!(rank(&neighbors, &[], 5, &|_| true).is_empty());
    assert!(rank(&Recent::default(), &[], 5, &|_| true).is_empty());
    let slate = rank(&Chain(&[&neighbors, &Recent::default(), &popular]), &[], 5, &|_| true);
    assert_eq!(items(&slate), [item(2), item(1)]);
    assert!(slate.iter().all(|candidate| candidate.source == Source::Popular && candidate.because.is_none()));
}

#[test]
fn weights_that_are_no_number_or_not_above_zero_change_nothing() {
    let odd = |weight| seen(1, at(0), weight);
    for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0] {
        let (mut popular, mut neighbors) = (Popular::default(), Neighbors::default());
        popular.learn(item(1), weight, at(0));
        neighbors.learn(odd(weight), &[]);
        assert!(popular.is_empty() && neighbors.is_empty());
        neighbors.learn(seen(2, at(1), 1.0), &[odd(weight)]);
        assert_eq!(neighbors.len(), 1);
        assert!(rank(&neighbors, &[odd(weight)], 5, &|_| true).is_empty());
        assert!(rank(&Recent::default(), &[odd(weight)], 5, &|_| true).is_empty());
    }
}

#[test]
fn what_comes_after_is_nearer_than_what_came_before() {
    let state = neighbors(&[(0, 1, 0, 1.0), (0, 2, 60, 1.0), (0, 3, 120, 1.0)], NeighborSettings::default());
    let slate = rank(&state, &[seen(2, at(130), 1.0)], 5, &|_| true);
    assert_eq!(items(&slate), [item(3), item(1)]);
    assert!(slate.iter().all(|candidate| candidate.because == Some(item(2))));
}

#[test]
fn the_reason_is_the_item_that_contributed_most() {
    let state =
        neighbors(&[(0, 1, 0, 1.0), (0, 3, 1, 1.0), (1, 2, 0, 1.0), (1, 3, 600, 1.0)], NeighborSettings::default());
    let seen = |number, time| seen(number, at(time), 1.0);
    // The second is later, but was ten minutes away from the third; the first was a second away.
    let slate = rank(&state, &[seen(1, 0), seen(2, 10)], 1, &|_| true);
    assert_eq!((slate[0].item, slate[0].because), (item(3), Some(item(1))));
}

#[test]
fn equal_interest_goes_to_what_was_seen_last() {
    let seen = |number| seen(number, at(5), 1.0);
    let slate = rank(&Recent::default(), &[seen(1), seen(2), seen(3)], 2, &|_| true);
    assert_eq!(items(&slate), [item(3), item(2)]);
}

#[test]
fn too_many_items_lose_the_sixteenth_that_is_worth_least() {
    let settings = PopularSettings { capacity: 32, ..PopularSettings::default() };
    let mut state = Popular::new(settings).unwrap();
    for number in 0..33_u8 {
        state.learn(item(number), f32::from(number) + 1.0, START);
    }
    // One too many, and the two of the sixteenth.
    assert_eq!(state.len(), 30);
    for number in 0..33 {
        assert_eq!(state.score(item(number), START) > 0.0, number >= 3, "{number}");
    }
}

#[test]
fn a_full_row_keeps_its_strongest_and_rows_untouched_longest_leave() {
    let settings = NeighborSettings { neighbors: 4, capacity: 16, ..NeighborSettings::default() };
    let mut state = Neighbors::new(settings).unwrap();
    let shoe = [seen(0, at(0), 1.0)];
    for number in 1..6_u8 {
        state.learn(seen(number, at(0), f32::from(number)), &shoe);
    }
    assert_eq!(items(&rank(&state, &shoe, 9, &|_| true)), [item(5), item(4), item(3), item(2)]);
    for number in 6..17_u8 {
        state.learn(seen(number, at(u32::from(number)), 1.0), &[]);
    }
    // Seventeen rows are one too many, and the sixteenth of sixteen is one more.
    assert_eq!(state.len(), 15);
}

#[test]
fn only_the_nearest_sixteen_make_pairs() {
    let mut state = Neighbors::default();
    let context: Vec<_> = (0..40).map(|n| seen(n, at(u32::from(n) * 10), 1.0)).collect();
    state.learn(seen(99, at(201), 1.0), &context);
    // Itself, and eight on each side.
    assert_eq!(state.len(), 17);
    let slate = rank(&state, &[seen(99, at(201), 1.0)], 40, &|_| true);
    let found: BTreeSet<_> = items(&slate).into_iter().collect();
    assert_eq!(found, (13..29).map(item).collect());
}

#[test]
fn times_and_limits_at_their_extremes_do_no_harm() {
    let (mut popular, mut neighbors) = (Popular::default(), Neighbors::default());
    let times = [Timestamp::MIN, Timestamp::EPOCH, START, Timestamp::MAX];
    let history: Vec<_> = times.iter().map(|time| seen(1, *time, f32::MAX)).collect();
    for time in times {
        popular.learn(item(1), f32::MAX, time);
        popular.learn(item(2), f32::MIN_POSITIVE, time);
        neighbors.learn(seen(2, time, f32::MAX), &history);
    }
    for now in times {
        let mut slate = Vec::new();
        let query = Query { history: &history, now, limit: usize::MAX, accept: &|_| true, pool: None };
        Chain(&[&neighbors, &Recent::default(), &popular]).rank(&query, &mut Scratch::default(), &mut slate);
        assert!(slate.iter().all(|candidate| candidate.score.is_finite()), "{slate:?}");
    }
    assert_eq!(Popular::from_bytes(&popular.to_bytes().unwrap()).unwrap(), popular);
    assert_eq!(Neighbors::from_bytes(&neighbors.to_bytes().unwrap()).unwrap(), neighbors);
}

#[test]
fn a_large_ranking_outgrows_the_scratch_and_stays_right() {
    let history: Vec<_> =
        (0..5000).map(|n| Seen { item: Symbol::from_bits(n), ..seen(0, START, 1.0 + n as f32) }).collect();
    let slate = rank(&Recent::default(), &history, 6000, &|_| true);
    assert_eq!(slate.len(), 5000);
    assert!(slate.iter().zip((0..5000).rev()).all(|(candidate, n)| candidate.item == Symbol::from_bits(n)));
}

#[test]
fn settings_out_of_range_are_named() {
    let good = NeighborSettings::default();
    let refused = |settings| Neighbors::new(settings).unwrap_err().to_string();
    assert_eq!(
        refused(NeighborSettings { half_life: Span::seconds(1), ..good }),
        "`half_life` is 1s, but must be at least 1m"
    );
    assert_eq!(refused(NeighborSettings { pace: Span::ZERO, ..good }), "`pace` is zero, but must be above it");
    assert_eq!(
        refused(NeighborSettings { fade: 0.0, ..good }),
        "`fade` is 0, but must be a share of at most 1, and not negative or zero"
    );
    assert_eq!(
        refused(NeighborSettings { user_damping: 1.5, ..good }),
        "`user_damping` is 1.5, but must be a share of at most 1, and not negative"
    );
    assert_eq!(
        refused(NeighborSettings { backward: f32::NAN, ..good }),
        "`backward` is NaN, but must be a share of at most 1, and not negative"
    );
    assert_eq!(refused(NeighborSettings { neighbors: 3, ..good }), "`neighbors` is 3, but must be at least 4");
    assert_eq!(refused(NeighborSettings { depth: 257, ..good }), "`depth` is 257, but must be at most 256");
    assert_eq!(
        refused(NeighborSettings { repeat: Repeat::Allow(-1.0), ..good }),
        "`repeat` is -1, but must be finite and not negative"
    );
    let popular = Popular::new(PopularSettings { capacity: 0, ..PopularSettings::default() });
    assert_eq!(popular.unwrap_err().to_string(), "`capacity` is zero, but must be above it");
}

/// JSON, since it is written by hand most easily; compact bytes pass the same door.
#[test]
fn states_that_learning_cannot_lead_to_do_not_decode() {
    let sum = |sum: i64, epoch: i32| format!(r#"{{"sum":{sum},"epoch":{epoch}}}"#);
    let one = sum(1 << 30, 2811);
    let why = |json: &str| serde_json::from_str::<Popular>(json).map(|_| ()).unwrap_err().to_string();
    let popular =
        |sums: &str, capacity: u32| why(&format!(r#"{{"settings":{{"capacity":{capacity}}},"sums":[{sums}]}}"#));
    assert_eq!(popular(&format!(r#"["02",{one}],["01",{one}]"#), 9), RecommendError::Disorder.to_string());
    assert_eq!(popular(&format!(r#"["01",{one}],["01",{one}]"#), 9), RecommendError::Disorder.to_string());
    assert_eq!(popular(&format!(r#"["01",{}]"#, sum(-1, 2811)), 9), RecommendError::Weight.to_string());
    assert_eq!(popular(&format!(r#"["01",{one}],["02",{one}]"#), 1), "2 entries are stored where at most 1 can be");
    assert_eq!(popular("", 0), "`capacity` is zero, but must be above it");

    let why = |json: &str| serde_json::from_str::<Neighbors>(json).map(|_| ()).unwrap_err().to_string();
    // Epochs are thirty days long: 656 began in November 2023.
    let row = |seen: &str, links: &str| {
        let row = format!(r#"{{"item":"01","seen":{seen},"reached":{seen},"touched":"2023-11-20","links":[{links}]}}"#);
        why(&format!(r#"{{"settings":{{}},"rows":[{row}]}}"#))
    };
    let (good, newer) = (sum(1 << 30, 655), sum(1 << 30, 800));
    assert_eq!(row(&newer, ""), RecommendError::Weight.to_string());
    assert_eq!(row(&good, &format!(r#"["02",{newer}]"#)), RecommendError::Weight.to_string());
    assert_eq!(row(&good, &format!(r#"["02",{}]"#, sum(0, 655))), RecommendError::Weight.to_string());
    assert_eq!(row(&good, &format!(r#"["02",{good}],["02",{good}]"#)), RecommendError::Disorder.to_string());
}
