//! The model against its formula over the whole log.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::recommend::{Seen, SeenKind};
use crate::time::Timestamp;

/// Who and what, by small numbers.
type Pairs = BTreeSet<(u8, u8)>;

fn item(number: u8) -> Symbol {
    Symbol::new(&format!("item-{number}"))
}

fn seen(number: u8) -> Seen {
    Seen { item: item(number), time: Timestamp::EPOCH, weight: 1.0, kind: SeenKind::Viewed }
}

fn log<'a>(pairs: impl IntoIterator<Item = &'a (u8, u8)>) -> Log {
    let mut log = Log::default();
    for (user, number) in pairs {
        log.push(Symbol::new(&format!("user-{user}")), seen(*number));
    }
    log
}

/// Sharpened, so that all of the formula counts; without the smoothed part.
fn neighbors_only() -> CollaborativeSettings {
    CollaborativeSettings {
        rank: 0,
        sharpen: 0.75,
        popular: 0.5,
        heavy: 1.0,
        target: 0.25,
        fade: 0.5,
        ..Default::default()
    }
}

fn rank(
    model: &Collaborative,
    history: &[u8],
    accept: &dyn Fn(Symbol) -> bool,
    pool: Option<&[Symbol]>,
) -> Vec<Candidate> {
    let history: Vec<Seen> = history.iter().copied().map(seen).collect();
    let query = Query { history: &history, now: Timestamp::EPOCH, limit: 5, accept, pool };
    let (mut scratch, mut slate) = (Scratch::default(), Vec::new());
    model.rank(&query, &mut scratch, &mut slate);
    // What an answer leaves in the scratch shows nowhere.
    let mut again = Vec::new();
    model.rank(&query, &mut scratch, &mut again);
    assert_eq!(slate, again);
    slate
}

/// Each item's score by the formula at the head of the module.
fn formula(pairs: &Pairs, history: &[u8], settings: &CollaborativeSettings) -> BTreeMap<u8, f64> {
    let having = |number: u8| pairs.iter().filter(|pair| pair.1 == number).count() as f64;
    let mut latest: Vec<u8> = Vec::new();
    for number in history.iter().rev() {
        if !latest.contains(number) && having(*number) > 0.0 {
            latest.push(*number);
        }
    }
    let mut scores = BTreeMap::new();
    for user in pairs.iter().map(|pair| pair.0).collect::<BTreeSet<_>>() {
        let own: Vec<u8> = pairs.iter().filter(|pair| pair.0 == user).map(|pair| pair.1).collect();
        let weight = |place: usize| libm::pow(f64::from(settings.fade), place as f64);
        let sign =
            |(place, number): (usize, &u8)| weight(place) * libm::pow(having(*number), -f64::from(settings.popular));
        let shared: f64 = latest.iter().enumerate().filter(|(_, number)| own.contains(number)).map(sign).sum();
        let likeness = libm::pow(shared, 1.0 + f64::from(settings.sharpen))
            * libm::pow(own.len() as f64, -f64::from(settings.heavy));
        for number in own {
            *scores.entry(number).or_insert(0.0) += likeness * libm::pow(having(number), -f64::from(settings.target));
        }
    }
    scores.retain(|number, score| !history.contains(number) && *score > 0.0);
    scores
}

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::btree_set((0..12_u8, 0..10_u8), 0..50)
}

proptest! {
    #[test]
    fn scores_are_those_of_the_formula(pairs in pairs(), history in prop::collection::vec(0..12_u8, 0..6)) {
        let settings = neighbors_only();
        let model = Collaborative::fit(&log(&pairs), settings, 1).unwrap();
        let expected = formula(&pairs, &history, &settings);
        let found = rank(&model, &history, &|_| true, None);
        prop_assert_eq!(found.len(), expected.len().min(5));
        for candidate in &found {
            let (_, score) = expected.iter().find(|(number, _)| item(**number) == candidate.item).unwrap();
            prop_assert!((candidate.score - score).abs() <= 1e-4 * score, "{} {}", candidate.score, score);
            prop_assert!(history.iter().any(|number| Some(item(*number)) == candidate.because));
        }
        let least = found.iter().map(|candidate| candidate.score).fold(f64::INFINITY, f64::min);
        let better = expected.values().filter(|score| **score > least * (1.0 + 1e-4)).count();
        prop_assert!(better <= found.len());
    }

    #[test]
    fn reasons_are_what_the_four_nearest_say(pairs in pairs(), history in prop::collection::vec(0..12_u8, 1..6)) {
        let settings = neighbors_only();
        let model = Collaborative::fit(&log(&pairs), settings, 1).unwrap();
        for candidate in rank(&model, &history, &|_| true, None) {
            let of = (0..12).find(|number| item(*number) == candidate.item).unwrap();
            let Some(amounts) = said(&pairs, &history, of, &settings) else { continue };
            let reason = (0..12).find(|number| Some(item(*number)) == candidate.because).unwrap();
            let most = amounts.values().copied().fold(0.0, f64::max);
            prop_assert!(amounts[&reason] >= most * (1.0 - 1e-4));
            let share = amounts[&reason] / amounts.values().sum::<f64>();
            prop_assert!((candidate.contribution / candidate.score - share).abs() < 1e-4);
        }
    }

    #[test]
    fn neither_order_nor_threads_nor_repetition_show(pairs in pairs(), history in prop::collection::vec(0..10_u8, 1..6)) {
        let settings = CollaborativeSettings { rank: 3, ..CollaborativeSettings::default() };
        let model = Collaborative::fit(&log(&pairs), settings, 1).unwrap();
        let other = Collaborative::fit(&log(pairs.iter().rev().chain(&pairs)), settings, 3).unwrap();
        prop_assert_eq!(&model, &other);
        let slate = rank(&model, &history, &|_| true, None);
        prop_assert!(slate.iter().all(|candidate| candidate.score.is_finite() && candidate.score >= 0.0));
    }

    #[test]
    fn a_pool_changes_the_cost_alone(pairs in pairs(), history in prop::collection::vec(0..10_u8, 1..6), odd in any::<bool>()) {
        let model = Collaborative::fit(&log(&pairs), neighbors_only(), 1).unwrap();
        // An item twice, and one that nobody knows.
        let pool: Vec<Symbol> = (0..14_u8).filter(|number| (number % 2 == 1) == odd).chain([1, 2]).map(item).collect();
        let accept = |of: Symbol| (0..14_u8).any(|number| (number % 2 == 1) == odd && item(number) == of);
        prop_assert_eq!(rank(&model, &history, &accept, Some(&pool)), rank(&model, &history, &accept, None));
    }
}

/// What each item of the history said for an item through the four people likest to it who have the item; nothing
/// where it cannot be told which four these are.
fn said(pairs: &Pairs, history: &[u8], of: u8, settings: &CollaborativeSettings) -> Option<BTreeMap<u8, f64>> {
    let having = |number: u8| pairs.iter().filter(|pair| pair.1 == number).count() as f64;
    let mut latest: Vec<u8> = Vec::new();
    for number in history.iter().rev() {
        if !latest.contains(number) && having(*number) > 0.0 {
            latest.push(*number);
        }
    }
    let mut witnesses: Vec<(f64, BTreeMap<u8, f64>)> = Vec::new();
    for (user, _) in pairs.iter().filter(|pair| pair.1 == of) {
        let own: Vec<u8> = pairs.iter().filter(|pair| pair.0 == *user).map(|pair| pair.1).collect();
        let weight = |place: usize| libm::pow(f64::from(settings.fade), place as f64);
        let sign = |(place, number): (usize, &u8)| {
            (*number, weight(place) * libm::pow(having(*number), -f64::from(settings.popular)))
        };
        let signs: Vec<(u8, f64)> =
            latest.iter().enumerate().filter(|(_, number)| own.contains(number)).map(sign).collect();
        let shared: f64 = signs.iter().map(|(_, sign)| sign).sum();
        let likeness = libm::pow(shared, 1.0 + f64::from(settings.sharpen))
            * libm::pow(own.len() as f64, -f64::from(settings.heavy));
        if shared > 0.0 {
            let parts = signs.iter().map(|(number, sign)| (*number, likeness * sign / shared)).collect();
            witnesses.push((likeness, parts));
        }
    }
    witnesses.sort_by(|a, b| b.0.total_cmp(&a.0));
    if witnesses.len() > 4 && witnesses[4].0 > witnesses[3].0 * (1.0 - 1e-4) {
        return None;
    }
    let mut amounts = BTreeMap::new();
    for (number, amount) in witnesses.iter().take(4).flat_map(|(_, parts)| parts) {
        *amounts.entry(*number).or_insert(0.0) += amount;
    }
    Some(amounts)
}

#[test]
fn the_withheld_cell_of_a_checkerboard_is_found() {
    let cells = || (0..20_u8).flat_map(|user| (0..12_u8).map(move |number| (user, number)));
    let pairs: Pairs =
        cells().filter(|(user, number)| (user + number) % 2 == 0 && !(*user == 4 && *number == 6)).collect();
    for rank_of in [0, 2] {
        let settings = CollaborativeSettings { rank: rank_of, ..CollaborativeSettings::default() };
        let model = Collaborative::fit(&log(&pairs), settings, 1).unwrap();
        let slate = rank(&model, &[0, 2, 4, 8, 10], &|_| true, None);
        assert_eq!(slate[0].item, item(6));
    }
}

/// Two tastes that share one item only: the smoothed part tells them apart where the neighbours see no difference.
#[test]
fn the_smoothed_part_looks_further_than_neighbors() {
    let mut pairs = Pairs::new();
    for user in 0..12_u8 {
        // A chain: each has two items that follow each other, in one of two rings.
        let ring = user % 2 * 6;
        pairs.extend([(user, ring + user / 2), (user, ring + (user / 2 + 1) % 6)]);
    }
    let fit = |rank| {
        Collaborative::fit(&log(&pairs), CollaborativeSettings { rank, smooth: 4.0, ..Default::default() }, 1).unwrap()
    };
    let slate = rank(&fit(2), &[0], &|_| true, None);
    assert!(slate.iter().all(|candidate| (0..6).any(|number| item(number) == candidate.item)));
    assert_eq!(slate.len(), rank(&fit(0), &[0], &|_| true, None).len());
}

#[test]
fn what_is_refused_keeps_a_slate_full() {
    let pairs: Pairs = (0..10_u8).flat_map(|user| (0..40_u8).map(move |number| (user, number))).collect();
    let model =
        Collaborative::fit(&log(&pairs), CollaborativeSettings { rank: 4, candidates: 2, ..Default::default() }, 1)
            .unwrap();
    let last: BTreeSet<Symbol> = (35..40_u8).map(item).collect();
    assert_eq!(rank(&model, &[0], &|item| last.contains(&item), None).len(), 5);
}

#[test]
fn an_empty_log_recommends_nothing() {
    let model = Collaborative::fit(&Log::default(), CollaborativeSettings::default(), 2).unwrap();
    assert!(model.is_empty() && rank(&model, &[1], &|_| true, None).is_empty());
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |settings| Collaborative::fit(&Log::default(), settings, 1).unwrap_err();
    let sound = CollaborativeSettings::default();
    assert_eq!(refused(CollaborativeSettings { people: 0, ..sound }), RecommendError::Zero { name: "people" });
    let found = f32::INFINITY;
    assert_eq!(
        refused(CollaborativeSettings { heavy: found, ..sound }),
        RecommendError::Exponent { name: "heavy", found }
    );
    assert!(matches!(refused(CollaborativeSettings { target: f32::NAN, ..sound }), RecommendError::Exponent { .. }));
    assert!(matches!(
        refused(CollaborativeSettings { fade: 0.0, ..sound }),
        RecommendError::Share { name: "fade", .. }
    ));
}

#[test]
fn bytes_read_back_as_the_same_model() {
    let pairs: Pairs =
        (0..9_u8).flat_map(|user| (0..7_u8).filter(move |n| (n * user) % 3 != 1).map(move |n| (user, n))).collect();
    let model = Collaborative::fit(&log(&pairs), CollaborativeSettings { rank: 3, ..Default::default() }, 1).unwrap();
    let bytes = model.to_bytes().unwrap();
    assert_eq!(Collaborative::from_bytes(&bytes).unwrap(), model);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(Collaborative::from_bytes(&damaged).is_err());
        assert!(Collaborative::from_bytes(&bytes[..at]).is_err());
    }
}
