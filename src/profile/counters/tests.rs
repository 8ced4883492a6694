//! The counters of a profile against as many counters that share nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::profile::Kept;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn id(number: u8) -> CounterId {
    CounterId::of(&number.to_string())
}

#[derive(Clone, Debug)]
enum Step {
    /// The counter, the time, the event, and how many times are kept.
    Count(u8, i64, u64, u8),
    Sum(u8, i64, u64),
    Miss(u8, i64),
    Retain(u8),
    Tidy,
    Shrink,
    Store,
    Split,
}

fn steps(counters: u8, times: i64) -> impl Strategy<Value = Vec<Step>> {
    let keep = prop::sample::select(vec![1, 4, 5, 8, 16, 51]);
    let step = prop_oneof![
        60 => (0..counters, 0..times, 0..3_u64, keep).prop_map(|(of, time, event, keep)| Step::Count(of, time, event, keep)),
        6 => (200..220_u8, 0..times, 0..3_u64).prop_map(|(of, time, event)| Step::Sum(of, time, event)),
        2 => (0..counters, 0..times).prop_map(|(of, time)| Step::Miss(of, time)),
        1 => (0..counters).prop_map(Step::Retain),
        1 => Just(Step::Tidy),
        1 => Just(Step::Shrink),
        1 => Just(Step::Store),
        1 => Just(Step::Split),
    ];
    prop::collection::vec(step, 1..600)
}

fn stored(counters: &Counters) -> Vec<u8> {
    postcard::to_allocvec(counters).unwrap()
}

/// What they hold, by counters that share nothing.
#[derive(Default)]
struct Apart(BTreeMap<CounterId, Counter>);

impl Apart {
    fn count(&mut self, id: CounterId, since: Timestamp, time: Timestamp, event: u64, keep: u8) {
        let counter = self.0.entry(id).or_insert_with(|| Counter::new(id, Kept::Times(4), since));
        counter.observe(time, event, 0.0, keep);
    }
}

fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut together, mut apart) = (Counters::default(), Apart::default());
    let grid = crate::profile::Grid::default();
    for (n, step) in steps.iter().enumerate() {
        // A third of the counters begin after the profile.
        let since = |of: u8| if of % 3 == 0 { at(i64::from(of)) } else { Timestamp::MIN };
        match *step {
            Step::Count(of, time, event, keep) => {
                together.count(id(of), || since(of), (at(time), event), keep);
                apart.count(id(of), since(of), at(time), event, keep);
            }
            Step::Sum(of, time, event) => {
                let fresh = || Counter::new(id(of), Kept::Amounts(grid), Timestamp::MIN);
                together.change(id(of), fresh, |counter| counter.observe(at(time), event, 1.0, 0));
                apart.0.entry(id(of)).or_insert_with(fresh).observe(at(time), event, 1.0, 0);
            }
            Step::Miss(of, time) => {
                together.miss_before(id(of), at(time));
                apart.0.entry(id(of)).and_modify(|counter| counter.miss_before(at(time)));
            }
            Step::Retain(of) => {
                let keep = |id: CounterId| id.to_bits() % 7 != u64::from(of % 7);
                together.retain(keep);
                apart.0.retain(|id, _| keep(*id));
            }
            Step::Tidy => together.tidy(),
            Step::Shrink => together.shrink(),
            Step::Store => together = postcard::from_bytes(&stored(&together)).unwrap(),
            Step::Split => {
                // What others have counted comes in whole.
                let (mut more, mut also) = (Counters::default(), Apart::default());
                for step in steps[..n].iter().rev().take(40) {
                    if let Step::Count(of, time, event, keep) = *step {
                        more.count(id(of), || since(of), (at(time + 5), event), keep);
                        also.count(id(of), since(of), at(time + 5), event, keep);
                    }
                }
                together.merge(&more);
                for (id, theirs) in also.0 {
                    apart.0.entry(id).and_modify(|ours| ours.merge(&theirs)).or_insert(theirs);
                }
            }
        }
        if n % 16 == 0 || n + 1 == steps.len() {
            let (ours, theirs): (Vec<_>, Vec<_>) = (together.iter().collect(), apart.0.values().collect());
            prop_assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                prop_assert_eq!(ours, &theirs.reading());
                prop_assert_eq!(&together.find(ours.id()), &Some(*ours));
                prop_assert_eq!(postcard::to_allocvec(ours), postcard::to_allocvec(theirs));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn counters_that_share_events_hold_what_they_would_hold_alone(steps in steps(30, 60)) {
        check(&steps)?;
    }

    /// Times that no event has: before 1970, and after the year 9999.
    #[test]
    fn times_beyond_all_others_are_held_as_they_would_be_alone(
        times in prop::collection::vec((0..4_u8, prop_oneof![any::<i64>(), -9..9_i64, (1_i64 << 48) - 9..1 << 48]), 1..40),
    ) {
        let (mut together, mut apart) = (Counters::default(), Apart::default());
        for (of, time) in times {
            together.count(id(of), || Timestamp::MIN, (at(time), 1), 4);
            apart.count(id(of), Timestamp::MIN, at(time), 1, 4);
        }
        let (ours, theirs): (Vec<_>, Vec<_>) = (together.iter().collect(), apart.0.values().map(Counter::reading).collect());
        prop_assert_eq!(ours, theirs);
    }

    /// More events than the table holds, and more than one counter counts as lost.
    #[test]
    fn counters_that_outgrow_the_table_hold_what_they_would_hold_alone(
        steps in prop_oneof![steps(199, 10_000), steps(2, 100_000)],
    ) {
        check(&steps)?;
    }

    #[test]
    fn once_tidied_the_bytes_do_not_depend_on_the_order(
        events in prop::collection::vec((0..60_u8, 0..400_i64), 1..300),
        order in any::<u64>(),
    ) {
        let mut shuffled = events.clone();
        shuffled.sort_by_key(|(of, time)| crate::hash::combine(&[order, u64::from(*of), *time as u64]));
        let fold = |events: &[(u8, i64)]| {
            let mut counters = Counters::default();
            let known = std::collections::BTreeSet::new();
            events.iter().fold(known, |mut known, (of, time)| {
                // As the history recognises a repetition.
                if known.insert((*of, *time)) {
                    counters.count(id(*of), || Timestamp::MIN, (at(*time), *time as u64), 4);
                }
                known
            });
            counters.tidy();
            counters.shrink();
            counters
        };
        let (a, b) = (fold(&events), fold(&shuffled));
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(stored(&a), stored(&b));
        prop_assert_eq!(a.heap_bytes(), b.heap_bytes());
    }
}

#[test]
fn twenty_counters_of_the_same_three_events_take_350_bytes() {
    let mut counters = Counters::default();
    for event in 0..3_u32 {
        for of in 0..20 {
            counters.count(id(of), || Timestamp::MIN, (at(i64::from(event)), u64::from(event)), 4);
        }
    }
    counters.shrink();
    assert_eq!(counters.heap_bytes(), 20 * 16 + 3 * 10);
    assert_eq!(size_of::<Counters>(), 32);
}

#[test]
fn events_that_have_left_all_counters_make_room_for_others() {
    let mut counters = Counters::default();
    let count = |counters: &mut Counters, n: i64| {
        for of in 0..3 {
            counters.count(id(of), || Timestamp::MIN, (at(n), n as u64), 4);
        }
    };
    (0..20).for_each(|n| count(&mut counters, n));
    let bytes = counters.heap_bytes();
    (20..200).for_each(|n| count(&mut counters, n));
    assert_eq!(counters.heap_bytes(), bytes);
    // Four events, and the first and the last of those that left.
    counters.shrink();
    assert_eq!(counters.heap_bytes(), 3 * 16 + 6 * 10);
}
