//! The model against its formula over the whole log.

use std::collections::BTreeSet;

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

fn small() -> FactorSettings {
    FactorSettings { rank: 3, ..FactorSettings::default() }
}

fn rank(model: &Factor, history: &[u8], accept: &dyn Fn(Symbol) -> bool, pool: Option<&[Symbol]>) -> Vec<Candidate> {
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

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The `x` with `a x = b`, by elimination.
fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    for at in 0..b.len() {
        for below in at + 1..b.len() {
            let share = a[below][at] / a[at][at];
            let row = a[at].clone();
            a[below].iter_mut().zip(&row).for_each(|(cell, from)| *cell -= share * from);
            b[below] -= share * b[at];
        }
    }
    for at in (0..b.len()).rev() {
        let known: f64 = (at + 1..b.len()).map(|k| a[at][k] * b[k]).sum();
        b[at] = (b[at] - known) / a[at][at];
    }
    b
}

/// The normal equations of everybody, as they stand in the paper: every cell in its own right.
fn solve_all(has: &[Vec<bool>], others: &[Vec<f64>], settings: &FactorSettings) -> Vec<Vec<f64>> {
    let rank = settings.rank as usize;
    let solve = |row: &Vec<bool>| {
        let count = row.iter().filter(|has| **has).count();
        let mut a = vec![vec![0.0; rank]; rank];
        let mut b = vec![0.0; rank];
        for (has, other) in row.iter().zip(others) {
            let weight = f64::from(settings.unobserved) + f64::from(u8::from(*has));
            for i in 0..rank {
                (0..rank).for_each(|j| a[i][j] += weight * other[i] * other[j]);
                b[i] += f64::from(u8::from(*has)) * other[i];
            }
        }
        (0..rank).for_each(|i| a[i][i] += hold(settings, count, others.len()));
        eliminate(a, b)
    };
    has.iter().map(solve).collect()
}

/// What is made small, cell by cell.
fn loss(has: &[Vec<bool>], people: &[Vec<f64>], items: &[Vec<f64>], settings: &FactorSettings) -> f64 {
    let mut loss = 0.0;
    for (row, x) in has.iter().zip(people) {
        for (has, y) in row.iter().zip(items) {
            let score = product(x, y);
            let missed = if *has { score - 1.0 } else { 0.0 };
            loss += missed * missed + f64::from(settings.unobserved) * score * score;
        }
        loss += hold(settings, row.iter().filter(|has| **has).count(), items.len()) * product(x, x);
    }
    for (at, y) in items.iter().enumerate() {
        loss += hold(settings, has.iter().filter(|row| row[at]).count(), people.len()) * product(y, y);
    }
    loss
}

fn wide(vectors: &[f32], rank: usize) -> Vec<Vec<f64>> {
    vectors.chunks(rank).map(|vector| vector.iter().map(|cell| f64::from(*cell)).collect()).collect()
}

/// The cells of a log, rows and columns in the model's order.
fn cells(log: &Log) -> Vec<Vec<bool>> {
    let matrix = log.matrix();
    let width = matrix.items.len();
    matrix.rows.rows().map(|row| (0..width).map(|item| row.contains(&(item as u32))).collect()).collect()
}

fn exchanged(has: &[Vec<bool>]) -> Vec<Vec<bool>> {
    (0..has.first().map_or(0, Vec::len)).map(|item| has.iter().map(|row| row[item]).collect()).collect()
}

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::btree_set((0..12_u8, 0..10_u8), 0..50)
}

fn some_pairs() -> Pairs {
    let has = |(user, number): &(u8, u8)| (u32::from(*user) * 7 + u32::from(*number).pow(2)) % 5 < 2;
    (0..30_u8).flat_map(|user| (0..14_u8).map(move |number| (user, number))).filter(has).collect()
}

#[test]
fn rounds_of_full_steps_are_those_of_the_paper() {
    let log = log(&some_pairs());
    let has = cells(&log);
    for scaling in [0.0, 1.0] {
        let settings = FactorSettings { rounds: 1, steps: 12, shrink: 0.05, scaling, ..small() };
        let first = first_vectors(has[0].len() * 3, 3, settings.seed);
        let people = solve_all(&has, &wide(&first, 3), &settings);
        let expected = solve_all(&exchanged(&has), &people, &settings);
        let found = wide(&alternate(&log.matrix().rows, &settings, 1), 3);
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() <= 1e-3 * (1.0 + expected.abs()), "{found} {expected}");
        }
        // Turning the vectors changes no product of two of them.
        let model = Factor::fit(&log, settings, 1).unwrap();
        let symbols = log.matrix().items;
        let turned = |at: usize| model.shelf.vector(model.index[&symbols[at]]);
        for (i, a) in found.iter().enumerate() {
            for (j, b) in found.iter().enumerate() {
                let after: f64 = turned(i).iter().zip(turned(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((product(a, b) - after).abs() <= 1e-5 * (1.0 + after.abs()), "{i} {j}");
            }
        }
    }
}

#[test]
fn the_loss_falls_with_every_half_round() {
    let log = log(&some_pairs());
    let has = cells(&log);
    let columns = log.matrix().rows.transposed();
    let rows = log.matrix().rows;
    for steps in [1, 3] {
        let settings = FactorSettings { steps, shrink: 0.05, ..small() };
        let mut items = first_vectors(has[0].len() * 3, 3, settings.seed);
        let mut people = vec![0.0; has.len() * 3];
        let mut last = f64::INFINITY;
        for round in 0..20 {
            let turn = |people: &[f32], items: &[f32]| loss(&has, &wide(people, 3), &wide(items, 3), &settings);
            approach(&rows, &items, &mut people, &settings, 2);
            let half = turn(&people, &items);
            approach(&columns, &people, &mut items, &settings, 2);
            let whole = turn(&people, &items);
            // Single precision ends with about six digits.
            assert!(half <= last * (1.0 + 1e-5) && whole <= half * (1.0 + 1e-5), "{round}: {last} {half} {whole}");
            last = whole;
        }
    }
}

proptest! {
    #[test]
    fn a_history_is_solved_for_exactly(pairs in pairs(), history in prop::collection::vec(0..12_u8, 0..6)) {
        let model = Factor::fit(&log(&pairs), FactorSettings { shrink: 0.05, ..small() }, 1).unwrap();
        let items = wide(model.shelf.vectors(), 3);
        let row: Vec<bool> = model.items.iter().map(|of| history.iter().any(|number| item(*number) == *of)).collect();
        let person = solve_all(std::slice::from_ref(&row), &items, &model.settings).remove(0);
        let slate = rank(&model, &history, &|_| true, None);
        let score = |of: Symbol| product(&person, &items[model.index[&of] as usize]);
        for candidate in &slate {
            let expected = score(candidate.item);
            prop_assert!((candidate.score - expected).abs() <= 1e-4 * expected.abs().max(1e-2), "{} {expected}", candidate.score);
            prop_assert!(candidate.because.is_none_or(|of| history.iter().any(|number| item(*number) == of)));
        }
        let least = if slate.len() < 5 { 0.0 } else { slate[4].score };
        let open = model.items.iter().zip(&row).filter(|(_, has)| !**has).map(|(of, _)| score(*of));
        prop_assert!(open.filter(|score| *score > least + 1e-4).count() <= slate.len());
    }

    #[test]
    fn neither_order_nor_threads_nor_repetition_show(pairs in pairs(), mut history in prop::collection::vec(0..10_u8, 1..6)) {
        let model = Factor::fit(&log(&pairs), small(), 1).unwrap();
        let other = Factor::fit(&log(pairs.iter().rev().chain(&pairs)), small(), 3).unwrap();
        prop_assert_eq!(&model, &other);
        let slate = rank(&model, &history, &|_| true, None);
        prop_assert!(slate.iter().all(|candidate| candidate.score.is_finite() && candidate.score > 0.0));
        history.extend_from_within(..);
        history.reverse();
        prop_assert_eq!(slate, rank(&other, &history, &|_| true, None));
    }

    #[test]
    fn a_pool_changes_the_cost_alone(pairs in pairs(), history in prop::collection::vec(0..10_u8, 1..6), odd in any::<bool>()) {
        let model = Factor::fit(&log(&pairs), small(), 1).unwrap();
        // An item twice, and one that nobody knows.
        let pool: Vec<Symbol> = (0..14_u8).filter(|number| (number % 2 == 1) == odd).chain([1, 2]).map(item).collect();
        let accept = |of: Symbol| (0..14_u8).any(|number| (number % 2 == 1) == odd && item(number) == of);
        prop_assert_eq!(rank(&model, &history, &accept, Some(&pool)), rank(&model, &history, &accept, None));
    }
}

#[test]
fn only_the_latest_are_looked_at() {
    let fit = |depth| Factor::fit(&log(&some_pairs()), FactorSettings { depth, repeat: true, ..small() }, 1).unwrap();
    assert_eq!(rank(&fit(2), &[4, 1, 3, 1], &|_| true, None), rank(&fit(100), &[3, 1], &|_| true, None));
}

#[test]
fn the_withheld_cell_of_a_checkerboard_is_found() {
    let cells = || (0..20_u8).flat_map(|user| (0..12_u8).map(move |number| (user, number)));
    let pairs: Pairs =
        cells().filter(|(user, number)| (user + number) % 2 == 0 && !(*user == 4 && *number == 6)).collect();
    for rank_of in [2, 64] {
        let settings = FactorSettings { rank: rank_of, ..FactorSettings::default() };
        let model = Factor::fit(&log(&pairs), settings, 1).unwrap();
        let slate = rank(&model, &[0, 2, 4, 8, 10], &|_| true, None);
        assert_eq!(slate[0].item, item(6));
    }
}

#[test]
fn what_is_refused_keeps_a_slate_full() {
    let pairs: Pairs = (0..10_u8).flat_map(|user| (0..60_u8).map(move |number| (user, number))).collect();
    let model = Factor::fit(&log(&pairs), small(), 1).unwrap();
    let few: BTreeSet<Symbol> = rank(&model, &[0], &|_| true, None).iter().map(|candidate| candidate.item).collect();
    let others: Vec<Symbol> = (1..60_u8).map(item).filter(|item| !few.contains(item)).collect();
    let last = &others[others.len() - 5..];
    assert_eq!(rank(&model, &[0], &|item| last.contains(&item), None).len(), 5);
}

#[test]
fn who_has_one_item_or_none_that_is_known_is_answered() {
    let model = Factor::fit(&log(&(0..9_u8).map(|user| (user, user)).collect::<Pairs>()), small(), 1).unwrap();
    assert!(rank(&model, &[3], &|_| true, None).iter().all(|candidate| candidate.score.is_finite()));
    assert!(rank(&model, &[200], &|_| true, None).is_empty());
}

#[test]
fn an_empty_log_recommends_nothing() {
    let model = Factor::fit(&Log::default(), FactorSettings::default(), 2).unwrap();
    assert!(model.is_empty() && rank(&model, &[1], &|_| true, None).is_empty());
    assert_eq!(Factor::from_bytes(&model.to_bytes().unwrap()).unwrap(), model);
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |settings| Factor::fit(&Log::default(), settings, 1).unwrap_err();
    let sound = FactorSettings::default();
    assert_eq!(refused(FactorSettings { rank: 0, ..sound }), RecommendError::Zero { name: "rank" });
    assert_eq!(refused(FactorSettings { rank: 1025, ..sound }), RecommendError::Rank { found: 1025, most: 1024 });
    for found in [0.0, f32::NAN, 1.5] {
        assert!(matches!(
            refused(FactorSettings { unobserved: found, ..sound }),
            RecommendError::Weighting { name: "unobserved", .. }
        ));
    }
    let found = -1.0;
    assert_eq!(
        refused(FactorSettings { scaling: found, ..sound }),
        RecommendError::Exponent { name: "scaling", found }
    );
}

#[test]
fn bytes_read_back_as_the_same_model() {
    let model = Factor::fit(&log(&some_pairs()), small(), 1).unwrap();
    let bytes = model.to_bytes().unwrap();
    assert_eq!(Factor::from_bytes(&bytes).unwrap(), model);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(Factor::from_bytes(&damaged).is_err());
        assert!(Factor::from_bytes(&bytes[..at]).is_err());
    }
    // The frame is whole, yet what is in it is no model.
    let with = |change: &dyn Fn(&mut Vec<f32>)| {
        let mut vectors = model.shelf.vectors().to_vec();
        change(&mut vectors);
        Factor { shelf: Shelf::new(vectors, 3), ..model.clone() }
    };
    let twice = Factor { items: vec![model.items[0]; model.len()], ..model.clone() };
    let negative = Factor { spectrum: vec![-1.0; 3], ..model.clone() };
    for bad in [
        with(&|vectors| vectors.truncate(vectors.len() - 1)),
        with(&|vectors| vectors[0] = f32::INFINITY),
        with(&|vectors| vectors.reverse()),
        twice,
        negative,
    ] {
        assert!(Factor::from_bytes(&bad.to_bytes().unwrap()).is_err());
    }
}
