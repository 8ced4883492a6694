//! Questions about events against a naive evaluator that keeps every event forever.
//!
//! Each question is asked twice, as a segment and as its opposite: in both memberships is yes, no, or (in neither)
//! unknown. Whatever is answered must be true; unknown is allowed only beyond what is promised to be exact: more events
//! than are kept, or events ahead of the present. Of amounts beyond 51 events, and of more than 64 distinct values, the
//! answer must be right wherever the stated error cannot change it.

mod naive;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bespoke::catalog::Catalog;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::profile::Profile;
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;
use naive::{Known, Naive};

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
    /// When the first or the last was, compared with so long ago.
    Moving(Of, When, Measure, &'static str, i64),
    Sequence {
        steps: Vec<(Of, Option<i64>)>,
        without: Option<Of>,
        after: Option<i64>,
        when: When,
    },
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
        Question::Moving(of, when, measure, op, ago) => {
            let asked = if *measure == Measure::First { "first" } else { "last" };
            format!("{}{}.{asked}() {op} now() - {}", print_of(*of), print_when(*when), span(*ago))
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
                if self.dice.coin() {
                    return Question::Moving(self.of(), self.when(), measure, op, self.dice.pick(&SPANS));
                }
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
pub(crate) fn run(seed: u64) -> u64 {
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
