//! A snapshot is the whole state: what follows a restart is what would have followed without one, and nothing but a
//! whole and undamaged snapshot is taken.

use bespoke::decision::Request;
use bespoke::event::{Event, EventKind};
use bespoke::personalizer::Personalizer;
use bespoke::state::StateError;
use xxhash_rust::xxh3::xxh3_64;

use crate::dice::Dice;
use crate::shop::{Answers, Step, at, busy_shop, engine, event, log, play, shop, user};

#[test]
fn a_restart_in_the_middle_of_a_log_leaves_no_trace() {
    let steps = log(&mut Dice::new(3), 2_500);
    let (whole, mut answers) = (shop(), Answers::new());
    let mut cuts = vec![];
    for (i, part) in steps.chunks(500).enumerate() {
        cuts.push((i * 500, whole.snapshot().unwrap(), answers.clone()));
        play(&whole, &mut answers, part);
    }
    let end = whole.snapshot().unwrap();
    let report = whole.report();
    for (cut, bytes, mut remembered) in cuts {
        let restarted = Personalizer::new(engine());
        restarted.restore(&bytes).unwrap();
        assert_eq!(restarted.snapshot().unwrap(), bytes, "restored at {cut}");
        play(&restarted, &mut remembered, &steps[cut..]);
        assert!(restarted.snapshot().unwrap() == end, "cut at {cut}");
        assert_eq!(remembered, answers, "cut at {cut}");
        assert_eq!(restarted.report(), report, "cut at {cut}");
    }
    assert!(whole.report().campaigns.iter().all(|of| of.variants.iter().any(|of| of.conversions > 0)));
}

#[test]
fn writing_frame_by_frame_gives_the_same_bytes() {
    let shop = busy_shop(2, 300);
    let mut written = Vec::new();
    shop.snapshot_to(&mut written).unwrap();
    assert_eq!(written, shop.snapshot().unwrap());
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(shop.snapshot_to(&mut Full).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}

/// Restores bytes that are no snapshot into a shop with a state of its own.
#[track_caller]
fn refused(shop: &Personalizer, bytes: &[u8], what: std::fmt::Arguments<'_>) -> StateError {
    let taken = shop.restore(bytes);
    assert!(taken.is_err(), "{what} was taken");
    taken.unwrap_err()
}

#[test]
fn a_snapshot_cut_short_anywhere_is_refused() {
    let (bytes, shop) = (busy_shop(3, 400).snapshot().unwrap(), busy_shop(4, 50));
    let before = shop.snapshot().unwrap();
    let mut dice = Dice::new(3);
    let lengths = (0..200).chain((0..800).map(|_| dice.below(bytes.len()))).chain(bytes.len() - 200..bytes.len());
    for length in lengths.chain(frames(&bytes).into_iter().map(|frame| frame.start)) {
        let error = refused(&shop, &bytes[..length], format_args!("{length} of {}", bytes.len()));
        assert!(matches!(error, StateError::CutShort { .. }), "{length}: {error:?}");
    }
    assert!(shop.snapshot().unwrap() == before);
    shop.restore(&bytes).unwrap();
    assert!(shop.snapshot().unwrap() == bytes);
}

#[test]
fn a_snapshot_with_one_flipped_bit_is_refused() {
    let (mut bytes, shop) = (busy_shop(5, 400).snapshot().unwrap(), busy_shop(4, 50));
    let before = shop.snapshot().unwrap();
    let mut dice = Dice::new(5);
    let heads: Vec<usize> = frames(&bytes).into_iter().flat_map(|frame| frame.start..frame.start + 30).collect();
    for turn in 0..2_200 {
        // Every tenth hits the head of a frame.
        let place = if turn % 10 == 0 { heads[dice.below(heads.len())] } else { dice.below(bytes.len()) };
        let bit = 1 << dice.below(8);
        bytes[place] ^= bit;
        refused(&shop, &bytes, format_args!("a snapshot with bit {bit:#x} of byte {place} flipped"));
        bytes[place] ^= bit;
    }
    assert!(shop.snapshot().unwrap() == before);
}

#[test]
fn a_snapshot_whose_frames_are_not_all_there_in_order_is_refused() {
    let (bytes, shop) = (busy_shop(6, 400).snapshot().unwrap(), busy_shop(4, 50));
    let before = shop.snapshot().unwrap();
    let all = frames(&bytes);
    assert_eq!(all.len(), 4 + 2 * 64);
    for (i, frame) in all.iter().enumerate() {
        let dropped = [&bytes[..frame.start], &bytes[frame.end..]].concat();
        refused(&shop, &dropped, format_args!("a snapshot without frame {i}"));
        let twice = [&bytes[..frame.end], &bytes[frame.start..]].concat();
        refused(&shop, &twice, format_args!("a snapshot with frame {i} twice"));
    }
    // People and identities of other shards, where they differ.
    for (a, b) in (4..all.len() - 2).map(|i| (&all[i], &all[i + 2])) {
        let swapped =
            [&bytes[..a.start], &bytes[b.clone()], &bytes[a.end..b.start], &bytes[a.clone()], &bytes[b.end..]];
        let swapped = swapped.concat();
        if swapped != bytes {
            refused(&shop, &swapped, format_args!("a snapshot with the frames at {} and {} swapped", a.start, b.start));
        }
    }
    for extra in [&b"x"[..], &bytes[all[0].clone()], &bytes] {
        let error = refused(&shop, &[&bytes[..], extra].concat(), format_args!("{} bytes more", extra.len()));
        assert_eq!(error, StateError::Trailing { bytes: extra.len() });
    }
    assert!(shop.snapshot().unwrap() == before);
}

#[test]
fn a_snapshot_of_something_else_or_of_a_newer_version_is_refused() {
    let (bytes, shop) = (busy_shop(6, 100).snapshot().unwrap(), busy_shop(4, 50));
    let before = shop.snapshot().unwrap();
    assert_eq!(refused(&shop, b"", format_args!("nothing")), StateError::CutShort { wanted: 24, found: 0 });
    assert_eq!(refused(&shop, b"PK\x03\x04", format_args!("an archive")), StateError::NotASnapshot);
    let models = frames(&bytes)[1].clone();
    let error = refused(&shop, &bytes[models], format_args!("models alone"));
    assert!(matches!(error, StateError::WrongKind { wanted: "personalizer", .. }), "{error}");
    for frame in frames(&bytes).into_iter().take(4) {
        let mut newer = bytes.clone();
        newer[frame.start + 4] += 1;
        let sum = checksum(&newer[frame.clone()]);
        newer[frame.start + 16..frame.start + 24].copy_from_slice(&sum.to_le_bytes());
        let error = refused(&shop, &newer, format_args!("a newer snapshot"));
        assert!(matches!(error, StateError::Newer { found: 2, newest: 1, .. }), "{error}");
    }
    assert!(shop.snapshot().unwrap() == before);
}

/// The frames of a snapshot: a head of 24 bytes with the lengths of kind and payload, then these two.
fn frames(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut all, mut start) = (vec![], 0);
    while start < bytes.len() {
        let kind = u16::from_le_bytes(bytes[start + 6..start + 8].try_into().unwrap());
        let payload = u64::from_le_bytes(bytes[start + 8..start + 16].try_into().unwrap());
        let end = start + 24 + usize::from(kind) + payload as usize;
        all.push(start..end);
        start = end;
    }
    all
}

/// The checksum of a frame: XXH3 of those of its head, up to the checksum, and of its body.
fn checksum(frame: &[u8]) -> u64 {
    let parts = [&frame[..16], &frame[24..]].map(|part| xxh3_64(part).to_le_bytes());
    xxh3_64(&parts.concat())
}

/// Decisions first, since what bandits choose depends on what they have learned so far; then events of forty people,
/// each person's in order.
fn crowd(dice: &mut Dice) -> (Vec<Step>, Vec<Vec<Step>>) {
    let asks: Vec<Step> = (0..40)
        .flat_map(|person| {
            ["home", "list"].map(|placement| Step::Ask(Request::new(placement).user(user(person)), at(1_990 + person)))
        })
        .collect();
    let of = |person: usize| {
        let mut events: Vec<Step> = (0..50)
            .map(|i| {
                let now = at(2_040 + i * 10);
                Step::Event(event(dice, person, person * 100 + i, now).into(), now)
            })
            .collect();
        events.insert(5, Step::Show(user(person), at(2_085)));
        events
    };
    (asks, (0..40).map(of).collect())
}

fn ends(shop: &Personalizer) -> Vec<u8> {
    assert!(shop.with_models(|models| models.tally("for you", "default").conversions) > 0);
    shop.snapshot().unwrap()
}

#[test]
fn how_events_of_different_people_interleave_leaves_no_trace() {
    let mut dice = Dice::new(7);
    let (asks, people) = crowd(&mut dice);
    let by_turns = |order: &[usize]| {
        let (shop, mut answers) = (shop(), Answers::new());
        play(&shop, &mut answers, &asks);
        let mut left: Vec<_> = people.iter().map(|of| of.iter()).collect();
        for person in order {
            play(&shop, &mut answers, std::slice::from_ref(left[*person].next().unwrap()));
        }
        assert!(left.iter().all(|of| of.len() == 0));
        ends(&shop)
    };
    let mut order: Vec<usize> = people.iter().enumerate().flat_map(|(i, of)| vec![i; of.len()]).collect();
    let one_by_one = by_turns(&order);
    for _ in 0..5 {
        dice.shuffle(&mut order);
        assert!(by_turns(&order) == one_by_one);
    }
}

#[test]
fn four_threads_leave_the_state_that_one_leaves() {
    let (asks, people) = crowd(&mut Dice::new(8));
    let run = |threads: usize| {
        let (shop, mut answers) = (shop(), Answers::new());
        play(&shop, &mut answers, &asks);
        std::thread::scope(|scope| {
            for part in people.chunks(people.len() / threads) {
                let (shop, mut answers) = (&shop, answers.clone());
                scope.spawn(move || {
                    for i in 0..part[0].len() {
                        part.iter().for_each(|of| play(shop, &mut answers, &of[i..=i]));
                    }
                });
            }
        });
        ends(&shop)
    };
    let alone = run(1);
    for _ in 0..3 {
        assert!(run(4) == alone);
    }
}

/// What is taken in out of order, and twice, within what the history remembers.
#[test]
fn events_of_known_users_leave_the_same_state_in_any_order() {
    let mut dice = Dice::new(9);
    let of = |i: usize, dice: &mut Dice| Event {
        user: Some(user(i % 10)),
        anonymous: None,
        previous: None,
        kind: [EventKind::ItemViewed, EventKind::Purchased, EventKind::PageViewed][dice.below(3)].clone(),
        ..event(dice, i % 10, i, at(3_000 + i))
    };
    let mut events: Vec<Event> = (0..200).map(|i| of(i, &mut dice)).collect();
    let run = |events: &[Event]| {
        let shop = shop();
        events.iter().for_each(|event| drop(shop.ingest(event, at(4_000)).unwrap()));
        shop.snapshot().unwrap()
    };
    let in_order = run(&events);
    for _ in 0..5 {
        dice.shuffle(&mut events);
        assert!(run(&events) == in_order);
    }
    let again = [events.clone(), events.clone()].concat();
    assert!(run(&again) == in_order);
}

/// People read JSON; what it says is all there is.
#[test]
fn profiles_and_models_survive_json_too() {
    let steps = log(&mut Dice::new(2), 600);
    let (shop, mut answers) = (shop(), Answers::new());
    play(&shop, &mut answers, &steps);
    let profile = shop.profile(bespoke::id::UserKey::known(&user(1))).unwrap();
    let json = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<bespoke::profile::Profile>(&json).unwrap(), profile);
    let models = shop.with_models(Clone::clone);
    let json = serde_json::to_string(&models).unwrap();
    assert_eq!(serde_json::from_str::<bespoke::engine::Models>(&json).unwrap(), models);
}
