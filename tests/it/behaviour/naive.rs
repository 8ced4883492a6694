//! Answers to questions about events from all events that ever were.

use std::collections::BTreeSet;

use bespoke::profile::Counter;

use super::{DAY, GAP, Happened, Measure, Of, Question, When, span};

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
pub(super) enum Known {
    /// It must be this.
    Exactly(bool),
    /// It must not be the opposite, but may be unknown.
    IfAny(bool),
    /// Within the error either is right.
    Nothing,
}

pub(super) struct Naive<'a> {
    pub(super) events: &'a [Happened],
    pub(super) now: i64,
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

    pub(super) fn answer(&self, question: &Question) -> Known {
        match question {
            Question::Number(of, when, measure, op, number) => self.number(*of, *when, *measure, op, *number as f64),
            Question::Moving(of, when, measure, op, ago) => {
                self.number(*of, *when, *measure, op, (self.now - ago) as f64)
            }
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
