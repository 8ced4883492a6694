//! Nearest sessions, returns, walks and blends against plain formulas, and what they promise.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::state::State;
use crate::time::Span;

/// Who, what (small numbers), when (in seconds).
type Log = Vec<(u8, u8, u32)>;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Up to 40 clicks of four visitors on seven items over eight hours, no two at the same time.
fn logs() -> impl Strategy<Value = Log> {
    prop::collection::btree_map(0..28_800_u32, (0..4_u8, 0..7_u8), 0..40)
        .prop_map(|log| log.into_iter().map(|(time, (who, what))| (who, what, time)).collect())
}

fn item(number: u8) -> Symbol {
    Symbol::new(&format!("item-{number}"))
}

fn who(number: u8) -> Symbol {
    Symbol::new(&format!("who-{number}"))
}

fn at(seconds: u32) -> Timestamp {
    START + Span::seconds(seconds)
}

fn seen(number: u8, seconds: u32) -> Seen {
    Seen { item: item(number), time: at(seconds), weight: 1.0, kind: SeenKind::Viewed }
}

fn sessions(log: &[(u8, u8, u32)], settings: SessionSettings) -> Sessions {
    let mut sessions = Sessions::new(settings).unwrap();
    log.iter().for_each(|(visitor, number, time)| sessions.learn(who(*visitor), item(*number), at(*time), 1.0));
    sessions
}

fn clicks(log: &[(u8, u8, u32)], settings: ClickSettings) -> Clicks {
    let mut clicks = Clicks::new(settings).unwrap();
    let mut histories: BTreeMap<u8, Vec<Seen>> = BTreeMap::new();
    for (visitor, number, time) in log {
        let history = histories.entry(*visitor).or_default();
        clicks.learn(who(*visitor), seen(*number, *time), history);
        history.push(seen(*number, *time));
    }
    clicks
}

fn history(log: &[(u8, u8, u32)], visitor: u8) -> Vec<Seen> {
    log.iter().filter(|click| click.0 == visitor).map(|(_, number, time)| seen(*number, *time)).collect()
}

fn query<'a>(history: &'a [Seen], limit: usize, accept: &'a dyn Fn(Symbol) -> bool) -> Query<'a> {
    Query { history, now: at(30_000), limit, accept, pool: None }
}

fn rank(by: &dyn Recommender, history: &[Seen], limit: usize) -> Vec<Candidate> {
    let mut slate = Vec::new();
    by.rank(&query(history, limit, &|_| true), &mut Scratch::default(), &mut slate);
    slate
}

fn items(slate: &[Candidate]) -> Vec<Symbol> {
    slate.iter().map(|candidate| candidate.item).collect()
}

/// The formula at the head of `session.rs`, over all visits of the log, without an index.
fn plain_scores(log: &[(u8, u8, u32)], history: &[Seen], settings: &SessionSettings) -> BTreeMap<Symbol, f64> {
    // Visits: who, and the clicks.
    let mut visits: Vec<(u8, Vec<(u8, u32)>)> = Vec::new();
    for (visitor, number, time) in log {
        let open = visits.iter_mut().rev().find(|(other, _)| other == visitor);
        match open.filter(|(_, clicks)| Span::seconds(time - clicks.last().unwrap().1) <= settings.gap) {
            Some((_, clicks)) => clicks.push((*number, *time)),
            None => visits.push((*visitor, vec![(*number, *time)])),
        }
    }
    let mut latest: Vec<(Symbol, i32)> = Vec::new();
    for (back, seen) in (0..).zip(history.iter().rev()) {
        if latest.len() < settings.depth as usize && latest.iter().all(|(item, _)| *item != seen.item) {
            latest.push((seen.item, back));
        }
    }
    let fade = f64::from(settings.fade);
    let mut near: Vec<(f64, Timestamp, Symbol, Vec<Symbol>)> = Vec::new();
    for (visitor, clicks) in visits {
        let items: Vec<_> = clicks.iter().map(|(number, _)| item(*number)).collect();
        let (start, last) = (at(clicks[0].1), at(clicks.last().unwrap().1));
        if history.last().is_some_and(|seen| seen.time == last && items.last() == Some(&seen.item)) {
            continue;
        }
        let shared: f64 = latest
            .iter()
            .filter(|(item, _)| items.contains(item))
            .map(|(_, back)| libm::pow(fade, f64::from(*back)))
            .sum();
        let age = at(30_000).since(last).millis() as f64 / settings.half_life.millis() as f64;
        if shared > 0.0 {
            near.push((shared / (items.len() as f64).sqrt() * libm::exp2(-age), start, who(visitor), items));
        }
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then((b.1, b.2).cmp(&(a.1, a.2))));
    let mut scores = BTreeMap::new();
    for (near, _, _, items) in near.iter().take(settings.neighbors as usize) {
        let (shared, back) = latest.iter().find(|(item, _)| items.contains(item)).unwrap();
        let place = items.iter().rposition(|item| item == shared).unwrap() as i32;
        for (other, item) in (0..).zip(items) {
            let share = match other - place {
                0 => match settings.repeat {
                    Repeat::Allow(factor) => f64::from(factor),
                    _ => 0.0,
                },
                ahead if ahead > 0 => libm::pow(settings.near.into(), f64::from(ahead - 1)),
                behind => f64::from(settings.backward) * libm::pow(settings.near.into(), f64::from(-behind - 1)),
            };
            *scores.entry(*item).or_default() += near * libm::pow(fade, f64::from(*back)) * share;
        }
    }
    if settings.repeat == Repeat::Forbid {
        scores.retain(|item, _| history.iter().all(|seen| seen.item != *item));
    }
    scores.retain(|_, score| *score > 0.0);
    scores
}

proptest! {
    /// Ages are rounded to 24 bits, and sums are added in another order.
    #[test]
    fn sessions_score_as_the_formula_says(
        log in logs(), visitor in 0..4_u8, forbid in any::<bool>(), neighbors in 1..6_u32, depth in 1..4_u32,
    ) {
        let repeat = if forbid { Repeat::Forbid } else { Repeat::Allow(0.5) };
        let settings = SessionSettings { repeat, neighbors, depth, half_life: Span::hours(4), ..SessionSettings::default() };
        let history = history(&log, visitor);
        let plain = plain_scores(&log, &history, &settings);
        let slate = rank(&sessions(&log, settings), &history, 9);
        // Where two visits are equally near to within rounding, either may be the last that speaks.
        let sum: f64 = plain.values().sum();
        prop_assume!(slate.len() == plain.len());
        for candidate in &slate {
            prop_assert!(plain.contains_key(&candidate.item));
            prop_assert!((candidate.score - plain[&candidate.item]).abs() < 1e-5 * (1.0 + sum), "{slate:?} {plain:?}");
        }
    }

    /// Clicks of one visitor within the gap of each other may come in any order; there is no other state to be in.
    #[test]
    fn the_order_of_clicks_changes_no_byte(log in logs(), seed in any::<u64>()) {
        let settings = SessionSettings { gap: Span::hours(9), ..SessionSettings::default() };
        let mut other = log.clone();
        other.sort_by_key(|click| crate::hash::combine(&[seed, u64::from(click.2)]));
        let (one, two) = (sessions(&log, settings), sessions(&other, settings));
        prop_assert_eq!(one.to_bytes().unwrap(), two.to_bytes().unwrap());
        for visitor in 0..4 {
            let history = history(&log, visitor);
            prop_assert_eq!(rank(&one, &history, 9), rank(&two, &history, 9));
        }
        prop_assert_eq!(one, two);
    }

    /// Each visitor is in one shard.
    #[test]
    fn shards_merge_to_the_whole(log in logs()) {
        let (left, right): (Log, Log) = log.iter().partition(|click| click.0 < 2);
        let (settings, whole) = (SessionSettings::default(), sessions(&log, SessionSettings::default()));
        let mut merged = Sessions::default();
        merged.merge(&sessions(&left, settings));
        merged.merge(&sessions(&right, settings));
        prop_assert_eq!(merged.to_bytes().unwrap(), whole.to_bytes().unwrap());
        for visitor in 0..4 {
            let history = history(&log, visitor);
            prop_assert_eq!(rank(&merged, &history, 9), rank(&whole, &history, 9));
        }
        prop_assert_eq!(merged, whole);

        let mut merged = Clicks::default();
        merged.merge(&clicks(&left, ClickSettings::default()));
        merged.merge(&clicks(&right, ClickSettings::default()));
        prop_assert_eq!(merged.to_bytes().unwrap(), clicks(&log, ClickSettings::default()).to_bytes().unwrap());
    }

    #[test]
    fn states_come_back_from_bytes_and_text_as_they_were(log in logs()) {
        let state = clicks(&log, ClickSettings::default());
        let back = Clicks::from_bytes(&state.to_bytes().unwrap()).unwrap();
        for visitor in 0..4 {
            let history = history(&log, visitor);
            prop_assert_eq!(rank(&back, &history, 9), rank(&state, &history, 9));
        }
        prop_assert_eq!(&back, &state);
        prop_assert_eq!(&serde_json::from_str::<Clicks>(&serde_json::to_string(&state).unwrap()).unwrap(), &state);
    }

    /// Bytes without the checksum, since whoever forges a state can also compute that.
    #[test]
    fn forged_bytes_are_refused_or_harmless(log in logs(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut bytes = postcard::to_allocvec(&clicks(&log, ClickSettings::default())).unwrap();
        let len = bytes.len();
        flips.iter().for_each(|(place, byte)| bytes[place % len] = *byte);
        if let Ok(mut forged) = postcard::from_bytes::<Clicks>(&bytes) {
            let history = history(&log, 0);
            forged.merge(&clicks(&log, ClickSettings::default()));
            forged.learn(who(0), seen(1, 0), &history);
            prop_assert!(rank(&forged, &history, 9).iter().all(|candidate| candidate.score.is_finite()));
        }
    }

    /// As many visits as there is room for are kept, those that ended last, and nothing else of the others.
    #[test]
    fn the_visits_that_ended_first_leave(log in logs(), capacity in 1..5_u32) {
        let settings = SessionSettings { capacity, ..SessionSettings::default() };
        let (kept, all) = (sessions(&log, settings), sessions(&log, SessionSettings::default()));
        prop_assert_eq!(kept.len(), all.len().min(capacity as usize));
        let again = Sessions::from_bytes(&kept.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(again.items(), kept.items());
        prop_assert_eq!(again, kept);
    }

    /// What every recommender promises, alone and blended.
    #[test]
    fn slates_are_accepted_distinct_and_no_longer_than_asked(
        log in logs(), visitor in 0..4_u8, limit in 0..9_usize, held in 0..3_usize, repeat in 0..3_u8,
    ) {
        let repeat = [Repeat::Forbid, Repeat::Allow(0.5), Repeat::First][usize::from(repeat)];
        let clicks = clicks(&log, ClickSettings { repeat, ..ClickSettings::default() });
        let (history, mut popular) = (history(&log, visitor), Popular::default());
        log.iter().for_each(|(_, number, time)| popular.learn(item(*number), 1.0, at(*time)));
        let inner = [Voice { from: &clicks, weight: 1.0, scale: Scale::Best }];
        let inner = Blend::new(&inner);
        let voices = [
            Voice { from: &inner, weight: 0.5, scale: Scale::Share },
            Voice { from: &popular, weight: 1.0, scale: Scale::Plain },
        ];
        let blend = Blend::new(&voices).repeat(repeat);
        let all: [&dyn Recommender; 5] = [clicks.sessions(), clicks.neighbors(), clicks.returns(), &clicks, &blend];
        let mut scratch = Scratch::default();
        for by in all {
            let start = rank(&popular, &[], held);
            let mut slate = start.clone();
            by.rank(&query(&history, limit, &|item| item != self::item(3)), &mut scratch, &mut slate);
            prop_assert_eq!(&slate[..start.len()], &start[..]);
            prop_assert!(slate.len() <= limit.max(start.len()));
            let new = &slate[start.len()..];
            prop_assert!(new.iter().all(|candidate| candidate.item != item(3) && candidate.score.is_finite()));
            prop_assert!(new.windows(2).all(|pair| pair[0].score >= pair[1].score));
            let distinct: BTreeSet<_> = items(&slate).into_iter().collect();
            prop_assert_eq!(distinct.len(), slate.len());
            // The same scratch, used by others in between, gives the same slate.
            let mut again = start.clone();
            by.rank(&query(&history, limit, &|item| item != self::item(3)), &mut Scratch::default(), &mut again);
            prop_assert_eq!(slate, again);
        }
    }

    /// The scores in a slate are the sums of what the voices say.
    #[test]
    fn a_blend_is_the_sum_of_its_parts(log in logs(), visitor in 0..4_u8, first in any::<bool>()) {
        let repeat = if first { Repeat::First } else { Repeat::Allow(2.0) };
        let clicks = clicks(&log, ClickSettings { repeat, ..ClickSettings::default() });
        let history = history(&log, visitor);
        let mut scratch = Scratch::default();
        for candidate in rank(&clicks, &history, 9) {
            let parts = clicks.parts(candidate.item, &query(&history, 9, &|_| true), &mut scratch);
            prop_assert!((parts.iter().map(|part| part.score).sum::<f64>() - candidate.score).abs() < 1e-12);
            let most = parts.iter().map(|part| part.score).fold(0.0, f64::max);
            prop_assert!(parts.iter().any(|part| part.because == candidate.because && part.score >= most));
        }
    }

    /// Two steps from the latest item by the formula at the head of `neighbor.rs`, from links that were asked for.
    #[test]
    fn a_walk_adds_what_two_steps_find(log in logs(), number in 0..7_u8) {
        let direct = NeighborSettings { repeat: Repeat::Allow(0.0), half_life: Span::days(30), ..ClickSettings::default().neighbors };
        let settings = |spread, evenness| ClickSettings {
            neighbors: NeighborSettings { spread, evenness, ..direct }, ..ClickSettings::default()
        };
        let (plain, walked) = (clicks(&log, settings(0.0, 0.0)), clicks(&log, settings(2.0, 0.0)));
        let links = |number: u8| -> BTreeMap<Symbol, f64> {
            rank(plain.neighbors(), &[seen(number, 0)], 9).iter().map(|c| (c.item, c.score)).collect()
        };
        let first = links(number);
        let whole: f64 = first.values().sum();
        let mut scores = first.clone();
        for via in (0..7_u8).filter(|via| first.contains_key(&item(*via))) {
            let second = links(via);
            let total: f64 = second.values().sum();
            for (to, score) in &second {
                *scores.entry(*to).or_default() += 2.0 * whole * first[&item(via)] / whole * score / total;
            }
        }
        let slate = rank(walked.neighbors(), &[seen(number, 0)], 9);
        prop_assert_eq!(slate.len(), scores.len());
        for candidate in &slate {
            let plain = scores[&candidate.item];
            prop_assert!((candidate.score - plain).abs() < 1e-5 * (1.0 + plain), "{} {}", candidate.score, plain);
        }
    }

    /// All times and returns by place, counted over the whole log.
    #[test]
    fn returns_are_counted_by_place(log in logs()) {
        let clicks = clicks(&log, ClickSettings::default());
        let mut counts = BTreeMap::<(usize, usize), (u32, u32)>::new();
        for (index, (visitor, number, _)) in log.iter().enumerate() {
            let before: Vec<u8> = log[..index].iter().filter(|click| click.0 == *visitor).map(|click| click.1).collect();
            let mut latest: Vec<u8> = Vec::new();
            before.iter().rev().for_each(|item| if !latest.contains(item) { latest.push(*item) });
            for (lag, item) in latest.iter().enumerate() {
                let count = before.iter().filter(|other| *other == item).count().min(4);
                let (times, returns) = counts.entry((lag, count)).or_default();
                *times += 1;
                *returns += u32::from(item == number);
            }
        }
        for ((lag, count), (times, returns)) in counts {
            let odds = (f64::from(returns) + 0.5) / (f64::from(times) + 10.0);
            prop_assert!((clicks.returns().odds(lag, count) - odds).abs() < 1e-12);
        }
    }
}

/// People of one colour see three of the five items of that colour; the two that are left must come before all items
/// of the other colour, and do so for whom one item was seen by nobody together with one of the two.
#[test]
fn on_a_checkerboard_the_withheld_items_are_found() {
    let mut log = Log::new();
    for person in 0..20_u8 {
        let (colour, first) = (person % 2, person / 2 % 5);
        let time = u32::from(person) * 3600;
        for step in 0..3_u8 {
            log.push((person, colour + 2 * ((first + step) % 5), time + u32::from(step) * 30));
        }
    }
    let settings = ClickSettings { repeat: Repeat::Forbid, ..ClickSettings::default() };
    let clicks = clicks(&log, settings);
    let forbid = SessionSettings { repeat: Repeat::Forbid, ..SessionSettings::default() };
    let (sessions, mut scratch) = (sessions(&log, forbid), Scratch::default());
    for colour in 0..2_u8 {
        let history = [seen(colour, 80_000), seen(colour + 2, 80_030), seen(colour + 4, 80_060)];
        let wanted: BTreeSet<_> = [item(colour + 6), item(colour + 8)].into();
        for by in [&clicks as &dyn Recommender, &sessions, clicks.neighbors()] {
            let (mut slate, unseen) = (Vec::new(), |item| history.iter().all(|seen| seen.item != item));
            by.rank(&Query { now: at(80_060), ..query(&history, 2, &unseen) }, &mut scratch, &mut slate);
            assert_eq!(items(&slate).into_iter().collect::<BTreeSet<_>>(), wanted);
        }
    }
}

#[test]
fn nothing_learned_is_nothing_proposed() {
    let history = [seen(1, 0)];
    for by in [&Clicks::default() as &dyn Recommender, &Sessions::default(), &Blend::new(&[])] {
        assert!(rank(by, &history, 5).is_empty() || items(&rank(by, &history, 5)) == [item(1)]);
        assert!(rank(by, &[], 5).is_empty());
    }
    // Visits of one click lead nowhere but back.
    let alone =
        sessions(&[(0, 1, 0), (1, 2, 0)], SessionSettings { repeat: Repeat::Forbid, ..SessionSettings::default() });
    assert!(rank(&alone, &[seen(1, 20_000)], 5).is_empty());
}

#[test]
fn ones_own_visit_says_nothing() {
    let log = [(0, 1, 0), (0, 2, 10)];
    let state = sessions(&log, SessionSettings::default());
    assert!(rank(&state, &history(&log, 0), 5).is_empty());
    assert_eq!(rank(&state, &[seen(1, 20)], 5)[0].item, item(2));
}

#[test]
fn a_click_beyond_the_gap_begins_a_visit_and_a_late_one_goes_where_it_belongs() {
    let state = sessions(&[(0, 1, 0), (0, 2, 1800), (0, 3, 3601)], SessionSettings::default());
    assert_eq!((state.len(), state.items()), (2, 3));
    let late = sessions(&[(0, 1, 0), (0, 3, 20), (0, 2, 10)], SessionSettings::default());
    assert_eq!(late, sessions(&[(0, 1, 0), (0, 2, 10), (0, 3, 20)], SessionSettings::default()));
}

#[test]
fn a_huge_visit_keeps_its_latest_clicks() {
    let settings = SessionSettings { length: 4, gap: Span::hours(9), ..SessionSettings::default() };
    let log: Log = (0..200).map(|n| (0, n, u32::from(n) * 100)).collect();
    let mut state = sessions(&log, settings);
    assert_eq!((state.len(), state.items()), (1, 4));
    // A click older than all that is kept does not stay.
    state.learn(who(0), item(250), at(1), 1.0);
    assert_eq!((state.len(), state.items()), (1, 4));
    assert_eq!(Sessions::from_bytes(&state.to_bytes().unwrap()).unwrap(), state);
}

#[test]
fn weights_that_are_no_number_or_not_above_zero_change_nothing() {
    let good = clicks(&[(0, 1, 0), (0, 2, 10)], ClickSettings::default());
    for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0] {
        let mut state = good.clone();
        state.learn(who(1), Seen { weight, ..seen(1, 20) }, &[seen(2, 0)]);
        assert_eq!(state, good);
        assert!(rank(&state, &[Seen { weight, ..seen(1, 20) }], 5).is_empty());
        let voices = [Voice { from: &good, weight, scale: Scale::Share }];
        assert!(rank(&Blend::new(&voices), &[seen(1, 20)], 5).is_empty());
    }
}

#[test]
fn times_at_their_extremes_do_no_harm() {
    let mut state = Clicks::default();
    let times = [Timestamp::MIN, Timestamp::EPOCH, START, Timestamp::MAX];
    let seen: Vec<_> = times
        .iter()
        .map(|time| Seen { item: item(1), time: *time, weight: f32::MAX, kind: SeenKind::Viewed })
        .collect();
    for time in times.iter().rev().chain(&times) {
        state.learn(who(0), Seen { time: *time, weight: f32::MAX, ..self::seen(1, 0) }, &seen);
        state.learn(who(0), Seen { time: *time, weight: f32::MIN_POSITIVE, ..self::seen(2, 0) }, &seen);
    }
    for now in times {
        let mut slate = Vec::new();
        let query = Query { history: &seen, now, limit: usize::MAX, accept: &|_| true, pool: None };
        state.rank(&query, &mut Scratch::default(), &mut slate);
        assert!(slate.iter().all(|candidate| candidate.score.is_finite()), "{slate:?}");
    }
    assert_eq!(Clicks::from_bytes(&state.to_bytes().unwrap()).unwrap(), state);
}

#[test]
fn what_becomes_of_the_history_is_said_explicitly() {
    let log = [(0, 1, 0), (0, 2, 10), (1, 1, 100), (1, 2, 110), (2, 2, 200), (2, 3, 210)];
    let ask = |repeat| {
        let clicks = clicks(&log, ClickSettings { repeat, ..ClickSettings::default() });
        items(&rank(&clicks, &[seen(3, 1000), seen(1, 1010)], 5))
    };
    assert_eq!(ask(Repeat::Allow(1.0))[0], item(2));
    assert_eq!(ask(Repeat::First)[..2], [item(1), item(2)]);
    assert_eq!(ask(Repeat::Forbid), [item(2)]);
    for repeat in [Repeat::First, Repeat::Forbid] {
        let first = SessionSettings { repeat, ..SessionSettings::default() };
        assert_eq!(
            rank(&sessions(&log, first), &[seen(1, 1010)], 5)[0].item,
            item(if repeat == Repeat::First { 1 } else { 2 })
        );
    }
}

#[test]
fn equal_scores_go_to_the_lower_symbol() {
    let (mut one, mut two) = (Popular::default(), Popular::default());
    one.learn(item(1), 2.0, at(0));
    two.learn(item(2), 5.0, at(0));
    let voices = [&one, &two].map(|from| Voice { from, weight: 1.0, scale: Scale::Best });
    let mut wanted = [item(1), item(2)];
    wanted.sort_unstable();
    assert_eq!(items(&rank(&Blend::new(&voices), &[], 5)), wanted);
}

#[test]
fn settings_out_of_range_are_named() {
    let good = SessionSettings::default();
    let refused = |settings| Sessions::new(settings).unwrap_err();
    assert_eq!(refused(SessionSettings { length: 257, ..good }), RecommendError::Length { found: 257 });
    assert_eq!(refused(SessionSettings { depth: 257, ..good }), RecommendError::Depth { found: 257 });
    assert_eq!(refused(SessionSettings { recent: 0, ..good }), RecommendError::Zero { name: "recent" });
    assert_eq!(refused(SessionSettings { near: 0.0, ..good }), RecommendError::Share { name: "near", found: 0.0 });
    assert_eq!(
        refused(SessionSettings { repeat: Repeat::Allow(-1.0), ..good }),
        RecommendError::Repeat { found: -1.0 }
    );
    assert_eq!(
        refused(SessionSettings { half_life: Span::ZERO, ..good }),
        RecommendError::HalfLife { found: Span::ZERO }
    );
    let good = ClickSettings::default();
    assert_eq!(Clicks::new(good), Ok(Clicks::default()));
    let refused = |settings| Clicks::new(settings).unwrap_err();
    assert_eq!(
        refused(ClickSettings { similar: -1.0, ..good }),
        RecommendError::Factor { name: "similar", found: -1.0 }
    );
    let neighbors = NeighborSettings { spread: f32::INFINITY, ..good.neighbors };
    assert_eq!(
        refused(ClickSettings { neighbors, ..good }),
        RecommendError::Factor { name: "spread", found: f32::INFINITY }
    );
}

/// JSON, since it is written by hand most easily; compact bytes pass the same door.
#[test]
fn states_that_learning_cannot_lead_to_do_not_decode() {
    let why = |visits: &str| {
        let json = format!(r#"{{"settings":{{"capacity":2,"length":2}},"visits":[{visits}]}}"#);
        serde_json::from_str::<Sessions>(&json).map(|_| ()).unwrap_err().to_string()
    };
    let visit = |who: &str, clicks: &str| format!(r#"{{"visitor":"{who}","start":"2023-11-20","clicks":[{clicks}]}}"#);
    let (early, late) = (r#"["01","2023-11-21"]"#, r#"["01","2023-11-22"]"#);
    assert_eq!(why(&visit("01", "")), RecommendError::Visit.to_string());
    assert_eq!(why(&visit("01", &format!("{late},{early}"))), RecommendError::Visit.to_string());
    assert_eq!(why(&visit("01", r#"["01","2023-11-19"]"#)), RecommendError::Visit.to_string());
    let (one, two) = (visit("01", early), visit("02", early));
    assert_eq!(why(&format!("{two},{one}")), RecommendError::Disorder.to_string());
    assert_eq!(why(&format!("{one},{one}")), RecommendError::Disorder.to_string());
    assert_eq!(why(&visit("01", &format!("{early},{early},{late}"))), "3 entries are stored where at most 2 can be");
    assert_eq!(why(&[one, two, visit("03", early)].join(",")), "3 entries are stored where at most 2 can be");

    let returns = |pairs: &[(u64, u64)]| {
        let pairs: Vec<_> =
            pairs.iter().map(|(times, returns)| serde_json::json!({"times": times, "returns": returns})).collect();
        serde_json::from_value::<Returns>(pairs.into()).map_err(|error| error.to_string())
    };
    assert_eq!(returns(&[(0, 0); 64]), Ok(Returns::default()));
    assert_eq!(returns(&[(0, 0); 63]), Err(RecommendError::Returns.to_string()));
    assert_eq!(returns(&[(1, 2); 64]), Err(RecommendError::Returns.to_string()));
}
