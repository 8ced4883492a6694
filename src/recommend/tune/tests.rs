//! Choosing on logs of which the best answer is known.

use super::*;
use crate::hash::Symbol;
use crate::recommend::{Seen, SeenKind};
use crate::time::{Span, Timestamp};

fn push(log: &mut Log, user: u32, item: u32, time: Timestamp) {
    let seen = Seen { item: Symbol::new(&format!("item-{item}")), time, weight: 1.0, kind: SeenKind::Viewed };
    log.push(Symbol::new(&format!("user-{user}")), seen);
}

/// People who have two thirds of one of four groups of items.
fn tastes(time: impl Fn(u32, u32) -> Timestamp) -> Log {
    let mut log = Log::default();
    for user in 0..120 {
        for item in (0..12).filter(|item| (user / 4 * 7 + item * 5) % 3 != 0) {
            push(&mut log, user, user % 4 * 12 + item, time(user, item));
        }
    }
    log
}

fn run(log: &Log, threads: usize, mut trials: u32) -> Tuning {
    tune(log, TuneSettings::default(), threads, &mut || {
        trials = trials.saturating_sub(1);
        trials > 0
    })
    .unwrap()
}

#[test]
fn an_empty_log_keeps_the_default() {
    let tuning = run(&Log::default(), 1, 100);
    assert_eq!((tuning.chosen, tuning.people, tuning.trials.len()), (ModelSettings::default(), 0, 0));
    assert!(!tuning.is_complete && tuning.to_string().ends_with("the default: it stays"));
}

#[test]
fn without_time_nothing_is_tried() {
    let tuning = run(&tastes(|_, _| Timestamp::EPOCH), 1, 1);
    assert_eq!((tuning.chosen, tuning.trials.len(), tuning.is_complete), (ModelSettings::default(), 0, false));
}

#[test]
fn the_host_ends_it() {
    let tuning = run(&tastes(|_, _| Timestamp::EPOCH), 1, 6);
    assert_eq!((tuning.trials.len(), tuning.is_complete), (5, false));
}

#[test]
fn neither_order_nor_threads_show() {
    let log = tastes(|_, _| Timestamp::EPOCH);
    let mut other = Log::default();
    let mut events: Vec<_> = log.iter().collect();
    events.reverse();
    events.into_iter().for_each(|(whose, seen)| other.push(whose, seen));
    let tuning = run(&log, 1, 12);
    assert_eq!(tuning, run(&other, 3, 12));
    // The model that knows tastes is better than the one that does not.
    assert!(tuning.trials[1].gain < 0.0 && tuning.trials[1].settings.name() == "popular");
    let json = serde_json::to_string(&tuning).unwrap();
    assert_eq!(serde_json::from_str::<Tuning>(&json).unwrap(), tuning);
    let text = tuning.to_string();
    assert!(text.starts_with("held back a fifth of each person's items; asked "), "{text}");
    assert_eq!(text.lines().count(), tuning.trials.len() + 4);
}

/// What people turn to next is what is new, whoever they are: the last fifth of all events is about it.
#[test]
fn times_part_a_log() {
    let at = |day: u32| Timestamp::EPOCH + Span::days(day);
    let mut log = tastes(|_, item| at(item));
    for user in 0..120 {
        (0..3).for_each(|item| push(&mut log, user, 100 + item, at(20 + item)));
    }
    let tuning = run(&log, 1, 4);
    assert!(matches!(tuning.split, Split::Time(cut) if cut > at(11)));
    assert_eq!(tuning.people, 120);
}

/// Sessions that each have one day are not parted by time.
#[test]
fn sessions_are_parted_by_hash() {
    let tuning = run(&tastes(|user, _| Timestamp::EPOCH + Span::days(user)), 1, 3);
    assert_eq!(tuning.split, Split::Hash);
}

/// With differences of 0.1 and 0.3 by turns the mean is 0.2; over four of them the standard error is
/// √(0.04 / 3 / 4) = 0.0577.
#[test]
fn a_gain_has_its_standard_error() {
    let scores = [0.3, 9.0, 0.5, 9.0, 0.3, 9.0, 0.5];
    let (gain, error) = paired(&scores, &[0.2; 7], CHOOSE);
    assert!((gain - 0.2).abs() < 1e-12 && (error - 0.057_735).abs() < 1e-6, "{gain} {error}");
    assert!(paired(&scores[..2], &[0.0; 2], CONFIRM).0.abs() < 1e-12);
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |settings| tune(&Log::default(), settings, 1, &mut || true).unwrap_err();
    assert_eq!(refused(TuneSettings { k: 0, ..Default::default() }), RecommendError::Zero { name: "k" });
    assert_eq!(refused(TuneSettings { people: 0, ..Default::default() }), RecommendError::Zero { name: "people" });
}
