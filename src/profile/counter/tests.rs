//! Counters against a naive model, and the bounds they keep.

use proptest::prelude::*;

use super::*;

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
fn a_counter_takes_80_bytes_and_its_first_three_events_no_more() {
    assert_eq!(size_of::<Counter>(), 80);
    assert_eq!(Counter::count(CounterId::of("x")).heap_bytes(), 0);
    assert_eq!(fold(&[(1, 1), (2, 2), (3, 3)], 4).heap_bytes(), 0);
    assert_eq!(fold(&[(1, 1), (2, 2), (3, 3), (4, 4)], 4).heap_bytes(), 48);
}

#[test]
fn slots_come_in_steps() {
    let steps: Vec<u8> = [0, 3, 4, 7, 8, 31, 32, 50, 900].map(Counter::keep_for).to_vec();
    assert_eq!(steps, [4, 4, 8, 8, 16, 32, 51, 51, 51]);
}

#[test]
fn a_future_event_counts_when_its_time_comes() {
    let counter = fold(&[(10, 1), (20, 2)], 4);
    let now = counter.count_within(None, at(15));
    assert_eq!((now.value, now.until), (1, at(20)));
    assert_eq!(counter.last_within(None, at(15)).value, Some(at(10)));
    assert_eq!(counter.count_within(None, at(20)).value, 2);
}

#[test]
fn hostile_bytes_do_not_become_a_counter() {
    let slots = smallvec::smallvec![Slot { time: at(2), event: 0 }, Slot { time: at(1), event: 0 }];
    let count = Count { evicted: None, slots, total: 2, keep: 4 };
    let bytes = postcard::to_allocvec(&Storing::Count(CounterId::of("x"), &count)).unwrap();
    assert!(postcard::from_bytes::<Counter>(&bytes).is_err());
    let good = fold(&[(1, 1), (2, 2)], 4);
    assert_eq!(postcard::from_bytes::<Counter>(&postcard::to_allocvec(&good).unwrap()), Ok(good));
}

#[test]
fn a_windowed_sum_forgets_whole_buckets() {
    let window = Span::hours(24);
    let width = Counter::bucket_width(window);
    assert_eq!(width, Span::hours(1));
    let mut counter = Counter::sum(CounterId::of("x"), Some(width));
    counter.observe(at(0) + Span::minutes(30), 1, 5.0, 4);
    counter.observe(at(0) + Span::hours(3), 2, 0.1, 4);
    let now = at(0) + Span::hours(24);
    assert_eq!(counter.sum_within(Some(window), now).value.to_bits(), 5.1_f64.to_bits());
    let until = counter.sum_within(Some(window), now).until;
    let later = counter.sum_within(Some(window), until);
    assert_eq!((later.value.to_bits(), later.exact), (0.1_f64.to_bits(), false));
    assert_eq!(counter.sum_within(None, now).value.to_bits(), 5.1_f64.to_bits());
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
        let window_ = Some(Span::from_millis(window));
        let found = counter.count_within(window_, at(now));
        let truth = count(now);
        let fits = if found.exact { found.value == truth } else { found.value <= truth };
        prop_assert!(fits);
        prop_assert!(found.exact || truth > 50 || distinct.len() > 51);
        prop_assert_eq!(found.value.min(51), truth.min(51));
        let Truth { answer, until } = counter.at_least(least, window_, at(now));
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
            prop_assert_eq!(merged.count_within(None, at(0)).value, 0);
        } else {
            prop_assert_eq!(&merged, &sorted);
        }
        let bytes = postcard::to_allocvec(&merged).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Counter>(&bytes).unwrap(), merged);
    }

    #[test]
    fn sums_obey_the_law_of_merging(events in prop::collection::vec((0_i64..100_000_000, -100.0_f64..100.0), 0..80), cut in 0_usize..80) {
        let fold = |events: &[(i64, f64)]| {
            let mut sum = Counter::sum(CounterId::of("x"), Some(Span::minutes(30)));
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
