//! Counters against a naive model, and the bounds they keep.

use proptest::prelude::*;

use super::*;
use crate::profile::{Frame, Window};
use crate::truth::Truth;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn fold(events: &[(i64, u64)], keep: u8) -> Counter {
    let mut counter = Counter::count(CounterId::of("x"));
    for (time, event) in events {
        counter.observe(at(*time), *event, 0.0, keep);
    }
    counter
}

#[test]
fn a_counter_takes_24_bytes_and_88_in_its_box_of_which_four_events_are_part() {
    assert_eq!(size_of::<Counter>(), 24);
    assert_eq!(fold(&[(1, 1), (2, 2), (3, 3), (4, 4)], 4).heap_bytes(), 88);
    assert_eq!(fold(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], 8).heap_bytes(), 88 + 6 * 12);
}

#[test]
fn slots_come_in_steps() {
    let steps: Vec<u8> = [0, 3, 4, 7, 8, 31, 32, 50, 900].map(Counter::keep_for).to_vec();
    assert_eq!(steps, [4, 4, 8, 8, 16, 32, 51, 51, 51]);
}

#[test]
fn a_future_event_counts_when_its_time_comes() {
    let counter = fold(&[(10, 1), (20, 2)], 4);
    let now = counter.reading().count_in(&Frame::ever(at(15)));
    assert_eq!((now.value, now.until), (1, at(20)));
    assert_eq!(counter.reading().last_in(&Frame::ever(at(15))).value, Some(at(10)));
    assert_eq!(counter.reading().count_in(&Frame::ever(at(20))).value, 2);
}

#[test]
fn hostile_bytes_do_not_become_a_counter() {
    let slots = smallvec::smallvec![Slot { time: at(2), event: 0 }, Slot { time: at(1), event: 0 }];
    let count = Count { evicted: None, slots, total: 2, keep: 4 };
    let bytes = postcard::to_allocvec(&Storing::Count(CounterId::of("x"), count.read())).unwrap();
    assert!(postcard::from_bytes::<Counter>(&bytes).is_err());
    let good = fold(&[(1, 1), (2, 2)], 4);
    assert_eq!(postcard::from_bytes::<Counter>(&postcard::to_allocvec(&good).unwrap()), Ok(good));
}

fn sums(width: Span) -> Counter {
    let grid = Grid { width, most: 27, offset: 0 };
    Counter::new(CounterId::of("x"), Kept::Amounts(grid), Timestamp::MIN)
}

#[test]
fn a_sum_is_exact_up_to_51_events_and_reads_whole_buckets_beyond() {
    let window = Span::hours(24);
    let width = Counter::bucket_width(window);
    assert_eq!(width, Span::hours(1));
    let mut counter = sums(width);
    counter.observe(at(0) + Span::minutes(30), 1, 5.0, 4);
    counter.observe(at(0) + Span::hours(3), 2, 0.1, 4);
    let now = at(0) + Span::hours(24);
    let sum = |counter: &Counter, now| counter.reading().estimate(Asked::Sum, &Frame::within(Some(window), now));
    let found = sum(&counter, now);
    assert_eq!((found.value, found.is_exact(), found.until), (Some(5.1), true, now + Span::minutes(30)));
    assert_eq!(sum(&counter, found.until).value, Some(0.1));
    // The 51 newest push the two out of the slots and into buckets.
    for second in 0..51 {
        counter.observe(now - Span::hours(1) + Span::seconds(second), 10 + u64::from(second), 1.0, 4);
    }
    let found = sum(&counter, now + Span::minutes(20));
    assert_eq!((found.value, found.low, found.high, found.known), (Some(51.1), 51.1, 56.1, true));
    assert_eq!(counter.reading().estimate(Asked::Sum, &Frame::ever(now)).value, Some(56.1));
    assert_eq!(counter.reading().estimate(Asked::Max, &Frame::ever(now)).value, Some(5.0));
    assert_eq!(counter.reading().estimate(Asked::Mean, &Frame::ever(now)).value, Some(56.1 / 53.0));
}

#[test]
fn distinct_values_are_exact_up_to_64_and_estimated_beyond() {
    let grid = Grid { width: Span::hours(24), most: 10, offset: 0 };
    let mut counter = Counter::new(CounterId::of("x"), Kept::Values(grid), Timestamp::MIN);
    let now = at(0) + Span::days(20);
    let week = Frame::within(Some(Span::days(7)), now);
    for value in 0..64 {
        counter.observe_value(now - Span::hours(value), u64::from(value));
        counter.observe_value(now - Span::hours(value) - Span::days(1), u64::from(value));
    }
    let found = counter.reading().estimate(Asked::Count, &week);
    assert_eq!((found.value, found.is_exact()), (Some(64.0), true));
    for value in 64..1000 {
        counter.observe_value(now - Span::minutes(value), u64::from(value));
    }
    let found = counter.reading().estimate(Asked::Count, &week);
    let value = found.value.unwrap();
    // Four standard errors of 9.2 %.
    assert!((value / 1000.0 - 1.0).abs() < 0.37 && !found.is_exact(), "{found:?}");
    assert!(found.low < 1000.0 && found.high > 1000.0, "{found:?}");
}

#[test]
fn days_are_those_of_the_calendar() {
    let mut counter = Counter::new(CounterId::of("x"), Kept::Periods(Period::Day, 0), Timestamp::MIN);
    let now: Timestamp = "2026-03-08T09:00:00Z".parse().unwrap();
    for hours in [0, 1, 24, 30, 24 * 6 + 9, 24 * 6 + 10] {
        counter.observe(now - Span::hours(hours), 0, 0.0, 0);
    }
    let days = |count| counter.reading().estimate(Asked::Count, &Window::Days { count, offset: 0 }.frame(now, None));
    assert_eq!(days(7).value, Some(3.0), "the 8th, 7th, and 2nd of March; the 1st is the eighth day");
    assert_eq!(days(8).value, Some(4.0));
    assert_eq!(days(1).value, Some(1.0));
    assert_eq!(days(1).until, "2026-03-09".parse().unwrap());
}

fn events() -> impl Strategy<Value = Vec<(i64, u64)>> {
    // Few distinct events, so that many are repeated.
    prop::collection::vec((0_i64..400, 0_u64..3), 0..120)
}

proptest! {
    #[test]
    fn counts_are_those_of_a_naive_model(events in events(), window in 1_i64..500, now in 0_i64..500, least in 0_u32..=50) {
        let counter = fold(&events, 51);
        let distinct: std::collections::BTreeSet<_> = events.iter().copied().collect();
        let count = |now: i64| distinct.iter().filter(|(t, _)| *t > now - window && *t <= now).count() as u32;
        // Times further ahead than the clock skew do not come in; the slots may be full of them.
        prop_assume!(distinct.iter().filter(|(t, _)| *t > now).count() == 0 || distinct.len() <= 51);
        let frame = Frame::within(Some(Span::from_millis(window)), at(now));
        let found = counter.reading().count_in(&frame);
        let truth = count(now);
        let fits = if found.exact { found.value == truth } else { found.value <= truth };
        prop_assert!(fits);
        prop_assert!(found.exact || truth > 50 || distinct.len() > 51);
        prop_assert_eq!(found.value.min(51), truth.min(51));
        let Truth { answer, until } = counter.reading().at_least(least, &frame);
        let holds = truth >= least;
        prop_assert_eq!(answer, Answer::from(holds));
        if distinct.len() <= 51 {
            let end = until.millis().min(1000);
            prop_assert!((now..end).all(|t| (count(t) >= least) == holds));
            if least > 0 && until < Timestamp::MAX && distinct.iter().all(|(t, _)| *t <= now) {
                prop_assert_ne!(count(end) >= least, holds);
            }
            let end = found.until.millis().min(1000);
            prop_assert!((now..end).all(|t| count(t) == truth));
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(mut events in events(), keep in 0_u32..60) {
        let keep = Counter::keep_for(keep);
        events.sort_unstable();
        events.dedup();
        let sorted = fold(&events, keep);
        events.reverse();
        prop_assert_eq!(&fold(&events, keep), &sorted);
        let half = events.len() / 2;
        events.rotate_left(half / 2);
        prop_assert_eq!(&fold(&events, keep), &sorted);
        let mut merged = fold(&events[..half], keep);
        merged.merge(&fold(&events[half..], keep));
        if events.is_empty() {
            prop_assert_eq!(merged.reading().count_in(&Frame::ever(at(0))).value, 0);
        } else {
            prop_assert_eq!(&merged, &sorted);
        }
        let bytes = postcard::to_allocvec(&merged).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Counter>(&bytes).unwrap(), merged);
    }

    #[test]
    fn sums_obey_the_law_of_merging(events in prop::collection::vec((0_i64..100_000_000, -100.0_f64..100.0), 0..80), cut in 0_usize..80) {
        let fold = |events: &[(i64, f64)]| {
            let mut sum = sums(Span::minutes(30));
            for (time, amount) in events {
                sum.observe(at(*time), 0, *amount, 4);
            }
            sum
        };
        let cut = cut.min(events.len());
        let mut merged = fold(&events[..cut]);
        merged.merge(&fold(&events[cut..]));
        prop_assert_eq!(&merged, &fold(&events));
        let mut turned = events.clone();
        turned.reverse();
        prop_assert_eq!(fold(&turned), merged);
    }
}
