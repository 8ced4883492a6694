//! When events were, compared with the present.

use super::*;

const DAY: Span = Span::days(1);

fn schema() -> Schema {
    Schema { events: vec!["a".into()], ..Schema::default() }
}

/// Whether a rule holds of somebody who did `a` at a time, and until when that lasts.
#[track_caller]
fn holds(text: &str, done: &[Timestamp], now: Timestamp) -> (bool, Timestamp) {
    let mut plan = CounterPlan::default();
    let rule = Rule::parse(text).unwrap();
    assert_eq!(rule.check(&Vocabulary::new(&schema())), [], "{text}");
    assert_eq!(Rule::from_json(&rule.to_json()), Ok(rule.clone()));
    let compiled = rule.compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
    let mut person = Person { now, ..Person::default() };
    let spec = &plan.specs()[0];
    let mut counter = spec.counter();
    for (id, time) in (0..).zip(done) {
        counter.observe(*time, id, 0.0, spec.keep());
    }
    if !done.is_empty() {
        person.counters.insert(spec.id(), counter);
    }
    let truth = compiled.eval(&person);
    assert!(!truth.answer.is_unknown(), "{text}");
    (truth.holds(), truth.until)
}

#[test]
fn the_time_of_an_event_compares_with_the_present_and_says_until_when() {
    let then: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let millisecond = Span::from_millis(1);
    let never = Timestamp::MAX;
    for (text, after, wanted, until) in [
        ("event('a').last() > now() - 30 days", DAY, true, then + Span::days(30)),
        ("event('a').last() >= now() - 30 days", DAY, true, then + Span::days(30) + millisecond),
        ("event('a').last() > now() - 30 days", Span::days(30), false, never),
        ("event('a').first() <= now() - 7 days", DAY, false, then + Span::days(7)),
        ("event('a').first() <= now() - 7 days", Span::days(7), true, never),
        ("event('a').last() BETWEEN now() - 2 days AND now() - 1 day", Span::hours(1), false, then + DAY),
        ("event('a').last() BETWEEN now() - 2 days AND now() - 1 day", DAY, true, then + Span::days(2) + millisecond),
        ("event('a').last() < now() + 1 day", Span::hours(1), true, never),
        // A year after the first of March is the first of March.
        ("event('a').first() ANNIVERSARY WITHIN 7 days", Span::days(365), true, "2027-03-02".parse().unwrap()),
        ("event('a').first() ANNIVERSARY", DAY, false, "2027-03-01".parse().unwrap()),
    ] {
        assert_eq!(holds(text, &[then], then + after), (wanted, until), "{text} after {after}");
    }
}

#[test]
fn the_first_and_the_last_of_several_events_are_told_apart() {
    let then: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let done = [then, then + Span::days(10)];
    let now = then + Span::days(20);
    assert!(!holds("event('a').first() > now() - 15 days", &done, now).0);
    assert!(holds("event('a').last() > now() - 15 days", &done, now).0);
    assert!(holds("event('a').first() < now() - 15 days AND event('a').last() > now() - 15 days", &done, now).0);
}

#[test]
fn what_never_happened_compares_as_missing() {
    for (text, wanted) in [
        ("event('a').last() > now() - 30 days", false),
        ("event('a').last() < now() - 30 days", false),
        ("NOT event('a').last() > now() - 30 days", true),
        ("event('a').last() != now()", true),
        ("event('a').first() ANNIVERSARY", false),
    ] {
        assert_eq!(holds(text, &[], at(0) + Span::days(20_000)), (wanted, Timestamp::MAX), "{text}");
    }
}

#[test]
fn only_times_compare_with_the_present() {
    let check = |text: &str| Rule::parse(text).unwrap().check(&Vocabulary::new(&schema()))[0].to_string();
    assert_eq!(check("event('a').count() > now() - 3 days"), "1:20: `>` needs a time, but `count()` is a number");
    assert_eq!(check("event('a').last() ANY (it = 1)"), "1:19: `ANY` needs a list, but `last()` is a time");
}
