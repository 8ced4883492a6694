//! Questions about events against a naive evaluator that keeps every event forever.
//!
//! Each question is asked twice, as a segment and as its opposite: in both memberships is yes, no, or (in neither)
//! unknown. Whatever is answered must be true; unknown is allowed only beyond what is promised to be exact: more events
//! than are kept, or events ahead of the present. Of amounts beyond 51 events, and of more than 64 distinct values, the
//! answer must be right wherever the stated error cannot change it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bespoke::catalog::Catalog;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::profile::{Counter, Profile};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

#[test]
fn answers_about_events_are_those_of_a_naive_evaluator() {
    let cases: u64 = (0..120).map(run).sum();
    assert!(cases > 100_000, "{cases}");
}

#[test]
#[ignore = "takes as long as it is given"]
fn answers_about_events_are_those_of_a_naive_evaluator_for_hours() {
    let mut cases = 0;
    for seed in 1_000_000..100_000_000 {
        cases += run(seed);
        if seed % 1_000 == 0 {
            println!("{} streams, {cases} answers agree", seed - 1_000_000);
        }
    }
}

const KINDS: [&str; 4] = ["item_viewed", "item_added", "purchased", "page_viewed"];
const START: i64 = 1_767_225_600_000 + 37 * 3_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const GAP: i64 = 1_800_000;
const SPANS: [i64; 8] = [1_000, 60_000, 600_000, HOUR, 5 * HOUR, DAY, 7 * DAY, 90_061_001];

#[derive(Clone, Debug)]
struct Happened {
    kind: usize,
    time: i64,
    color: u64,
    amount: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Ever,
    Within(i64),
    Between(i64, i64),
    Since(i64),
    Session,
    Days(i64, i64),
    Weeks(i64, i64),
}

#[derive(Clone, Copy, Debug)]
struct Of {
    kind: usize,
    color: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Distinct,
    First,
    Last,
    Days,
    Weeks,
}

#[derive(Clone, Debug)]
enum Question {
    Number(Of, When, Measure, &'static str, i64),
    Sequence { steps: Vec<(Of, Option<i64>)>, without: Option<Of>, after: Option<i64>, when: When },
}

fn span(millis: i64) -> Span {
    Span::from_millis(millis)
}

fn offset(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("'{sign}{:02}:{:02}'", minutes.abs() / 60, minutes.abs() % 60)
}

fn print_of(of: Of) -> String {
    let filter = of.color.map(|color| format!(".where(color = 'c{color}')")).unwrap_or_default();
    format!("event('{}'){filter}", KINDS[of.kind])
}

fn print_when(when: When) -> String {
    match when {
        When::Ever => String::new(),
        When::Within(length) => format!(".within({})", span(length)),
        When::Between(from, to) => format!(".between({}, {})", span(from), span(to)),
        When::Since(time) => format!(".since('{}')", Timestamp::from_millis(time)),
        When::Session => ".in_session()".to_owned(),
        When::Days(1, minutes) => format!(".today({})", offset(minutes)),
        When::Days(count, minutes) => format!(".calendar_days({count}, {})", offset(minutes)),
        When::Weeks(count, minutes) => format!(".calendar_weeks({count}, {})", offset(minutes)),
    }
}

fn print(question: &Question) -> String {
    match question {
        Question::Number(of, when, measure, op, number) => {
            let asked = match measure {
                Measure::Count => "count()",
                Measure::Sum => "sum(amount)",
                Measure::Avg => "avg(amount)",
                Measure::Min => "min(amount)",
                Measure::Max => "max(amount)",
                Measure::Distinct => "distinct(color)",
                Measure::First => "first()",
                Measure::Last => "last()",
                Measure::Days => "days()",
                Measure::Weeks => "weeks()",
            };
            let number = match measure {
                Measure::First | Measure::Last => format!("time('{}')", Timestamp::from_millis(*number)),
                _ => number.to_string(),
            };
            format!("{}{}.{asked} {op} {number}", print_of(*of), print_when(*when))
        }
        Question::Sequence { steps, without, after, when } => {
            let mut text = "sequence(".to_owned();
            for (i, (of, limit)) in steps.iter().enumerate() {
                let limit = limit.map(|limit| format!(".within({})", span(limit))).unwrap_or_default();
                write!(text, "{}{}{limit}", if i > 0 { " then " } else { "" }, print_of(*of)).unwrap();
            }
            text.push(')');
            if let Some(of) = without {
                write!(text, ".without({})", print_of(*of)).unwrap();
            }
            if let Some(after) = after {
                write!(text, ".after({})", span(*after)).unwrap();
            }
            text + &print_when(*when)
        }
    }
}

fn is(of: Of, event: &Happened) -> bool {
    event.kind == of.kind && of.color.is_none_or(|color| event.color == color)
}

fn compare(op: &str, a: f64, b: f64) -> bool {
    // The sum of nothing is -0 in Rust.
    let a = a + 0.0;
    match op {
        ">=" => a >= b,
        ">" => a > b,
        "<=" => a <= b,
        "<" => a < b,
        "=" => a.total_cmp(&b).is_eq(),
        _ => !a.total_cmp(&b).is_eq(),
    }
}

fn day(time: i64, minutes: i64) -> i64 {
    (time + minutes * 60_000).div_euclid(DAY)
}

/// The week from Monday; 1970-01-05 was one.
fn week(time: i64, minutes: i64) -> i64 {
    (day(time, minutes) - 4).div_euclid(7)
}

/// What is known of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// It must be this.
    Exactly(bool),
    /// It must not be the opposite, but may be unknown.
    IfAny(bool),
    /// Within the error either is right.
    Nothing,
}

struct Naive<'a> {
    events: &'a [Happened],
    now: i64,
}

impl Naive<'_> {
    /// After when and until when.
    fn frame(&self, when: When) -> (i64, i64) {
        match when {
            When::Ever => (i64::MIN, self.now),
            When::Within(length) => (self.now - length, self.now),
            When::Between(from, to) => (self.now - from, self.now - to),
            When::Since(time) => (time - 1, self.now),
            When::Session => (self.session().map_or(self.now, |start| start - 1), self.now),
            When::Days(count, minutes) => ((day(self.now, minutes) - count + 1) * DAY - minutes * 60_000 - 1, self.now),
            When::Weeks(count, minutes) => {
                (((week(self.now, minutes) - count + 1) * 7 + 4) * DAY - minutes * 60_000 - 1, self.now)
            }
        }
    }

    fn session(&self) -> Option<i64> {
        let mut times: Vec<i64> = self.events.iter().map(|event| event.time).collect();
        times.sort_unstable();
        let last = *times.last()?;
        let mut start = last;
        for time in times.iter().rev() {
            if start - time > GAP {
                break;
            }
            start = *time;
        }
        (self.now <= last + GAP).then_some(start)
    }

    fn answer(&self, question: &Question) -> Known {
        match question {
            Question::Number(of, when, measure, op, number) => self.number(*of, *when, *measure, op, *number as f64),
            Question::Sequence { steps, without, after, when } => self.sequence(steps, *without, *after, *when),
        }
    }

    fn number(&self, of: Of, when: When, measure: Measure, op: &str, number: f64) -> Known {
        let (start, end) = self.frame(when);
        let matching: Vec<&Happened> = self.events.iter().filter(|event| is(of, event)).collect();
        let from = |start: i64| matching.iter().filter(move |event| event.time > start && event.time <= end);
        let later = matching.iter().filter(|event| event.time > start).count();
        let ahead = matching.iter().filter(|event| event.time > self.now).count();
        let exact = |value: Option<f64>, promised: bool| {
            let answer = value.map_or(op == "!=", |value| compare(op, value, number));
            if promised { Known::Exactly(answer) } else { Known::IfAny(answer) }
        };
        let times = || from(start).map(|event| event.time);
        match measure {
            Measure::Count if number <= 50.0 || matches!(when, When::Ever | When::Since(_)) => {
                let promised = if matches!(when, When::Between(..)) { later <= 51 } else { ahead == 0 || later <= 4 };
                exact(Some(from(start).count() as f64), promised)
            }
            Measure::First => {
                let promised = match when {
                    When::Ever | When::Since(_) => ahead < 4,
                    _ => later <= 51,
                };
                exact(times().min().map(|time| time as f64), promised)
            }
            Measure::Last => {
                exact(times().max().map(|time| time as f64), ahead < 4 && !matches!(when, When::Between(..)))
            }
            Measure::Days | Measure::Weeks => {
                let minutes = if let When::Days(_, minutes) | When::Weeks(_, minutes) = when { minutes } else { 0 };
                let period = |time| if measure == Measure::Days { day(time, minutes) } else { week(time, minutes) };
                let first = match when {
                    When::Ever => i64::MIN,
                    When::Within(length) if measure == Measure::Days => period(self.now) - length / DAY + 1,
                    When::Within(length) => period(self.now) - length / (7 * DAY) + 1,
                    _ => period(start + 1),
                };
                let periods = |end: i64| -> BTreeSet<i64> {
                    let of = matching.iter().map(|event| period(event.time));
                    of.filter(|period| *period >= first && *period <= end).collect()
                };
                // What lies ahead on the same day counts at once.
                exact(Some(periods(period(self.now)).len() as f64), true)
            }
            Measure::Distinct => {
                let colors = |start| from(start).map(|event| event.color).collect::<BTreeSet<u64>>().len() as f64;
                let all: BTreeSet<u64> =
                    matching.iter().filter(|event| event.time > start).map(|event| event.color).collect();
                if all.len() <= 64 && ahead == 0 {
                    return exact(Some(colors(start)), true);
                }
                if ahead > 0 {
                    return Known::Nothing;
                }
                let width = match when {
                    When::Within(length) => Counter::bucket_width(span(length / 8 * 24)).millis(),
                    _ => 0,
                };
                // Five standard errors of 9.2 %.
                let (low, high) = (colors(start + width) * 0.54, colors(start) * 1.46);
                self.between(op, low, high, number)
            }
            Measure::Count | Measure::Sum | Measure::Avg | Measure::Min | Measure::Max => {
                let amounts = |start: i64| -> Vec<f64> {
                    let lifetime = matches!(when, When::Ever | When::Since(_));
                    let inside = matching.iter().filter(|event| event.time > start && (lifetime || event.time <= end));
                    match measure {
                        Measure::Count => inside.map(|_| 1.0).collect(),
                        _ => inside.filter_map(|event| event.amount).map(|amount| amount as f64).collect(),
                    }
                };
                let value = |amounts: &[f64]| match measure {
                    Measure::Avg if amounts.is_empty() => None,
                    Measure::Avg => Some(amounts.iter().sum::<f64>() / amounts.len() as f64),
                    Measure::Min => amounts.iter().copied().min_by(f64::total_cmp),
                    Measure::Max => amounts.iter().copied().max_by(f64::total_cmp),
                    _ => Some(amounts.iter().sum()),
                };
                let all = amounts(start);
                let counted = matching
                    .iter()
                    .filter(|event| event.time > start && (measure == Measure::Count || event.amount.is_some()));
                let aligned = matches!(when, When::Ever | When::Since(_) | When::Days(..) | When::Weeks(..));
                if counted.count() <= 51 || aligned && ahead == 0 {
                    return exact(value(&all), true);
                }
                let width = match when {
                    When::Within(length) | When::Between(length, _) => Counter::bucket_width(span(length)).millis(),
                    _ => 600_000,
                };
                if matches!(when, When::Between(..)) || ahead > 0 || !matches!(measure, Measure::Count | Measure::Sum) {
                    return Known::Nothing;
                }
                let (low, high) = (value(&amounts(start + width)), value(&all));
                self.between(op, low.unwrap_or(0.0), high.unwrap_or(0.0), number)
            }
        }
    }

    #[expect(clippy::unused_self, reason = "reads as what the naive evaluator knows")]
    fn between(&self, op: &str, low: f64, high: f64, number: f64) -> Known {
        let (a, b) = (compare(op, low, number), compare(op, high, number));
        let hit = matches!(op, "=" | "!=") && low <= number && number <= high;
        if a == b && !hit { Known::Exactly(a) } else { Known::Nothing }
    }

    /// Tries every way to take the steps.
    fn sequence(&self, steps: &[(Of, Option<i64>)], without: Option<Of>, after: Option<i64>, when: When) -> Known {
        let (start, end) = self.frame(when);
        let marks = self.events.iter().filter(|event| event.time > start);
        let all = steps.iter().map(|(of, _)| *of).chain(without);
        let marks: usize = marks.map(|event| all.clone().filter(|of| is(*of, event)).count()).sum();
        let times =
            |of: Of| self.events.iter().filter(move |event| is(of, event)).map(|event| event.time).collect::<Vec<_>>();
        let forbidden: Vec<i64> = without.map(times).unwrap_or_default();
        // Each way so far as its start and its end.
        let mut ways: BTreeSet<(i64, i64)> = BTreeSet::new();
        for (i, (of, limit)) in steps.iter().enumerate() {
            let inside: Vec<i64> = times(*of).into_iter().filter(|time| *time > start && *time <= end).collect();
            if i == 0 {
                ways.extend(inside.iter().map(|time| (*time, *time)));
                continue;
            }
            let mut next = BTreeSet::new();
            for (first, last) in &ways {
                for time in inside.iter().filter(|time| **time > *last) {
                    if limit.is_none_or(|limit| time - last <= limit) {
                        next.insert((*first, *time));
                    }
                }
            }
            ways = next;
        }
        let holds = ways.iter().any(|(first, last)| match after {
            None => !forbidden.iter().any(|time| time > first && time < last),
            Some(after) => last + after <= end && !forbidden.iter().any(|time| *time > *first && *time <= last + after),
        });
        if marks <= 64 { Known::Exactly(holds) } else { Known::IfAny(holds) }
    }
}

struct Maker {
    dice: Dice,
    colors: usize,
}

impl Maker {
    fn of(&mut self) -> Of {
        let color = (self.dice.below(3) == 0).then(|| self.dice.below(3) as u64);
        Of { kind: self.dice.below(KINDS.len()), color }
    }

    fn when(&mut self) -> When {
        let minutes = [0, 0, 120, -330][self.dice.below(4)];
        match self.dice.below(10) {
            0 | 1 => When::Ever,
            2 => {
                let (a, b) = (self.dice.pick(&SPANS), self.dice.pick(&SPANS));
                if a == b { When::Within(a) } else { When::Between(a.max(b), a.min(b)) }
            }
            3 => When::Since(START + self.dice.below(48) as i64 * HOUR / 2),
            4 => When::Session,
            5 => When::Days(1 + self.dice.below(3) as i64, minutes),
            6 => When::Weeks(1 + self.dice.below(2) as i64, minutes),
            _ => When::Within(self.dice.pick(&SPANS)),
        }
    }

    fn question(&mut self) -> Question {
        let op = self.dice.pick(&[">=", ">", "<", "<=", "=", "!="]);
        match self.dice.below(13) {
            0..=2 => {
                let most = self.dice.pick(&[3, 3, 8, 50, 90]);
                let number = self.dice.below(most + 1) as i64;
                Question::Number(self.of(), self.when(), Measure::Count, op, number)
            }
            3 | 4 => {
                let measure = self.dice.pick(&[Measure::Sum, Measure::Sum, Measure::Avg, Measure::Min, Measure::Max]);
                let most = if measure == Measure::Sum { 300 } else { 20 };
                Question::Number(self.of(), self.when(), measure, op, self.dice.below(most) as i64)
            }
            5 => {
                let when = loop {
                    let when = self.when();
                    if !matches!(when, When::Between(..)) {
                        break when;
                    }
                };
                let of = Of { color: None, ..self.of() };
                Question::Number(of, when, Measure::Distinct, op, self.dice.below(self.colors + 3) as i64)
            }
            6 | 7 => {
                let measure = if self.dice.coin() { Measure::First } else { Measure::Last };
                let at = START + self.dice.below(48) as i64 * HOUR / 2;
                Question::Number(self.of(), self.when(), measure, self.dice.pick(&["<", ">="]), at)
            }
            8 | 9 => {
                let measure = if self.dice.coin() { Measure::Days } else { Measure::Weeks };
                let when = match self.dice.below(4) {
                    0 => When::Ever,
                    1 if measure == Measure::Days => When::Within((1 + self.dice.below(9) as i64) * DAY),
                    1 => When::Within((1 + self.dice.below(3) as i64) * 7 * DAY),
                    2 => When::Days(1 + self.dice.below(9) as i64, self.dice.pick(&[0, 600, -60])),
                    _ => When::Weeks(1 + self.dice.below(3) as i64, self.dice.pick(&[0, 600, -60])),
                };
                Question::Number(self.of(), when, measure, op, self.dice.below(5) as i64)
            }
            _ => {
                let mut steps = Vec::new();
                for i in 0..1 + self.dice.below(3) {
                    let limit = (i > 0 && self.dice.coin()).then(|| self.dice.pick(&SPANS));
                    steps.push((self.of(), limit));
                }
                let without = (steps.len() == 1 || self.dice.coin()).then(|| self.of());
                let quiet = without.is_some() && (steps.len() == 1 || self.dice.coin());
                let after = quiet.then(|| self.dice.pick(&SPANS));
                Question::Sequence { steps, without, after, when: self.when() }
            }
        }
    }

    fn step(&mut self, dense: bool) -> i64 {
        match self.dice.below(9) {
            0 => 0,
            1 => 1,
            2 if !dense => self.dice.pick(&SPANS),
            3 if !dense => GAP + self.dice.below(3) as i64 - 1,
            4 => self.dice.below(100) as i64,
            5 | 6 => self.dice.below(60_000) as i64,
            _ => self.dice.below(if dense { 600_000 } else { 3_600_000 }) as i64,
        }
    }
}

fn record(of: &Happened, id: usize) -> Event {
    let kind = EventKind::from(KINDS[of.kind]);
    let event = Event::new(kind, "ann", Timestamp::from_millis(of.time)).id(format!("{id}"));
    let event = event.property("color", format!("c{}", of.color));
    match of.amount {
        Some(amount) => event.property("amount", amount as f64),
        None => event,
    }
}

/// Runs one stream; gives how many answers were compared.
fn run(seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let (heavy, ahead, merged) = (dice.below(4) == 0, dice.below(5) == 0, dice.below(4) == 0);
    let colors = if dice.below(4) == 0 { 120 } else { 4 };
    let mut maker = Maker { dice, colors };
    let questions: Vec<Question> = (0..24).map(|_| maker.question()).collect();
    let of = |(i, question): (usize, &Question)| {
        let text = print(question);
        let opposite = format!("NOT ({text})");
        [
            serde_json::json!({"name": format!("{i}"), "rule": text}),
            serde_json::json!({"name": format!("not {i}"), "rule": opposite}),
        ]
    };
    let segments: Vec<_> = questions.iter().enumerate().flat_map(of).collect();
    let text =
        serde_json::json!({"segments": segments, "settings": {"history": 128, "profile_bytes": 1_048_576}}).to_string();
    let engine = Engine::from_json(&text).unwrap();
    let (catalog, mut profile, mut other) = (Catalog::new(), Profile::default(), Profile::default());
    let (mut events, mut now, mut cases) = (Vec::<Happened>::new(), START, 0);
    let length = if heavy { 120 } else { 1 + maker.dice.below(40) };
    for _ in 0..length {
        now += maker.step(heavy);
        let repeated = !heavy && !merged && !events.is_empty() && maker.dice.below(8) == 0;
        let id = if repeated { maker.dice.below(events.len()) } else { events.len() };
        if !repeated {
            let time = match maker.dice.below(4) {
                0 => now - maker.step(heavy),
                1 if ahead => now + maker.dice.below(300_000) as i64,
                _ => now,
            };
            let kind = if heavy && maker.dice.below(4) > 0 { 0 } else { maker.dice.below(KINDS.len()) };
            let amount = (maker.dice.below(5) > 0).then(|| maker.dice.below(20) as i64);
            events.push(Happened { kind, time, color: maker.dice.below(maker.colors) as u64, amount });
        }
        let into = if merged && maker.dice.coin() { &mut other } else { &mut profile };
        engine.apply(&record(&events[id], id), into, &catalog, Timestamp::from_millis(now));
        if merged {
            continue;
        }
        if maker.dice.below(16) == 0 {
            profile = Profile::from_bytes(&profile.to_bytes().unwrap()).unwrap();
        }
        cases += check(seed, &engine, &questions, &profile, &events, now);
        let later = now + maker.step(false) + maker.dice.pick(&SPANS);
        cases += check(seed, &engine, &questions, &profile, &events, later);
    }
    if merged {
        profile.merge(&other);
        let profile = Profile::from_bytes(&profile.to_bytes().unwrap()).unwrap();
        for _ in 0..40 {
            cases += check(seed, &engine, &questions, &profile, &events, now);
            now += maker.step(false);
        }
    }
    cases
}

#[track_caller]
fn check(seed: u64, engine: &Engine, questions: &[Question], profile: &Profile, events: &[Happened], now: i64) -> u64 {
    let members = engine.memberships(profile, Timestamp::from_millis(now));
    let members: BTreeSet<&str> = members.map(|name| &**name).collect();
    let naive = Naive { events, now };
    for (i, question) in questions.iter().enumerate() {
        let (yes, no) = (members.contains(format!("{i}").as_str()), members.contains(format!("not {i}").as_str()));
        let found = if yes == no { None } else { Some(yes) };
        let fits = match naive.answer(question) {
            Known::Exactly(answer) => found == Some(answer),
            Known::IfAny(answer) => found.is_none_or(|found| found == answer),
            Known::Nothing => true,
        };
        assert!(
            fits && !(yes && no),
            "seed {seed} at {now}: found {found:?}, wanted {:?}\n{}\n{events:?}",
            naive.answer(question),
            print(question)
        );
    }
    questions.len() as u64
}
