//! What changes by time alone, against a search through every millisecond at which anything could.

use super::*;

/// Every time at which an answer can turn: an event comes into view or leaves a window, a bucket of a sum does, a
/// session ends.
fn turns(events: &[Happened], from: i64) -> BTreeSet<i64> {
    let mut turns = BTreeSet::new();
    for of in events {
        turns.extend([of.time, of.time + GAP + 1]);
        for window in WINDOWS {
            let width = bespoke::profile::Counter::bucket_width(bespoke::time::Span::from_millis(window)).millis();
            let bucket = of.time.div_euclid(width) * width;
            turns.extend([of.time + window, bucket, bucket + window, bucket + window + 1]);
        }
    }
    turns.split_off(&(from + 1))
}

fn members(engine: &Engine, profile: &Profile, now: i64) -> BTreeSet<String> {
    engine.memberships(profile, Timestamp::from_millis(now)).map(ToString::to_string).collect()
}

/// A profile that knows nothing of what was settled before.
fn fresh(profile: &Profile) -> Profile {
    Profile::from_bytes(&profile.to_bytes().unwrap()).unwrap()
}

/// How many changes there were.
fn run(seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let ahead = dice.below(3) == 0;
    let mut maker = Maker { dice, ahead, long: false };
    let of = 1 + maker.dice.below(6);
    let names: Vec<String> = (0..of).map(|i| format!("s{i}")).collect();
    let segments: Vec<Expr> = (0..of).map(|i| maker.expr(2, i)).collect();
    let (engine, text) = engine(&segments, &names, &mut maker.dice);
    let (catalog, mut profile) = (catalog(), Profile::default());
    let mut case = Case { seed, text, names, segments, events: Vec::new() };
    let busy = maker.dice.pick(&KINDS);
    let mut now = START;
    for id in 0..1 + maker.dice.below(30) {
        now += maker.step();
        let time = event_time(&mut maker, now, &case.events);
        case.events.push(maker.event(time, busy));
        engine.apply(&record(&case.events[id], id), &mut profile, &catalog, Timestamp::from_millis(now));
    }
    if ahead {
        // Before the newest event: the counts keep to thresholds that leave room for one that has not happened.
        let back = case.events.iter().map(|of| of.time).max().unwrap_or(now) - 1;
        check_members(&case, &engine, &profile, back.min(now), &case.naive(back.min(now)));
    }
    let blank = fresh(&profile);
    let (mut told, mut count) = (now, 0);
    let mut settled = members(&engine, &profile, now);
    for turn in turns(&case.events, now) {
        let (was, is) = (members(&engine, &blank, turn - 1), members(&engine, &blank, turn));
        case.agree("after a long silence", turn, &is, &case.naive(turn));
        let next = engine.next_change(&profile, Timestamp::from_millis(told));
        let told_of = next.as_ref().map(|next| next.time.millis());
        assert!(told_of.is_none_or(|at| at > told), "case {seed}");
        if was == is {
            assert_ne!(told_of, Some(turn), "case {seed}: nothing turns at {turn}\n{}\n{:?}", case.text, case.events);
            continue;
        }
        assert_eq!(told_of, Some(turn), "case {seed}: from {told}\n{}\n{:?}", case.text, case.events);
        let next = next.unwrap();
        let names = |of: &[std::sync::Arc<str>]| of.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(names(&next.entered), &is - &was, "case {seed}");
        assert_eq!(names(&next.left), &was - &is, "case {seed}");
        (told, count) = (turn, count + 1);
        if maker.dice.coin() {
            let changes = engine.refresh(&mut profile, &catalog, Timestamp::from_millis(turn));
            assert_eq!(
                (names(&changes.entered), names(&changes.left)),
                (&is - &settled, &settled - &is),
                "case {seed}"
            );
            settled = is;
        }
    }
    assert_eq!(engine.next_change(&profile, Timestamp::from_millis(told + 400 * 86_400_000)), None);
    count
}

#[test]
fn the_next_change_is_the_first_that_a_search_through_all_times_finds() {
    let changes: usize = (0..1_500).map(run).sum();
    assert!(changes > 300, "{changes}");
}
