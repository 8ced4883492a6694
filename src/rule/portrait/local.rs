//! The time of day and the date where the person is.
//!
//! The crate has no table of time zones: the host says by how much local time is ahead of UTC, in the rule or with
//! the request.

use super::super::ast::{Literal, Test};
use super::super::facts::Scalar;
use super::super::value_test::ValueTest;
use crate::time::{Offset, Span, Timestamp};
use crate::value::Value;

/// A fact about the local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LocalFact {
    /// The hour, from 0 to 23.
    Hour,
    /// The time of day as text, from `00:00` to `23:59`.
    Time,
    /// `night` (from 00:00), `morning` (from 06:00), `afternoon` (from 12:00) or `evening` (from 18:00).
    DayPart,
    /// `monday` to `sunday`.
    Weekday,
    /// The date as text, such as `2026-12-24`.
    Date,
}

impl LocalFact {
    /// Every fact.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Time, Self::DayPart, Self::Weekday, Self::Date];
    /// The parts of a day, from midnight on, each of six hours.
    pub const DAY_PARTS: [&'static str; 4] = ["night", "morning", "afternoon", "evening"];
    /// The days of a week.
    pub const WEEKDAYS: [&'static str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

    /// The name by which rules call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Time => "time",
            Self::DayPart => "day_part",
            Self::Weekday => "weekday",
            Self::Date => "date",
        }
    }

    /// The fact with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.name() == name)
    }

    /// The length of a step and the number of steps after which all begins again.
    const fn cycle(self) -> Option<(i64, i64)> {
        match self {
            Self::Hour => Some((HOUR, 24)),
            Self::Time => Some((MINUTE, 24 * 60)),
            Self::DayPart => Some((6 * HOUR, 4)),
            Self::Weekday => Some((DAY, 7)),
            Self::Date => None,
        }
    }
}

/// A test of a fact about the local time, with its answer for each step of the day or the week.
#[derive(Clone, Debug)]
pub(in crate::rule) enum LocalTest {
    /// The answers, step by step.
    Cycle { step: i64, first: i64, answers: Box<[bool]> },
    /// The days, since 1970, at whose beginning the answer can change; every day if there are none.
    Date { test: ValueTest, days: Box<[i64]> },
}

impl LocalTest {
    pub(super) fn new(fact: LocalFact, asked: &Test, test: ValueTest) -> Self {
        let Some((step, count)) = fact.cycle() else { return Self::Date { test, days: days(asked) } };
        let answer = |i: i64| match fact {
            LocalFact::Hour => test.scalar(Some(Scalar::Number(i as f64))),
            LocalFact::Time => with_time(i, |text| test.scalar(Some(Scalar::Text(text)))),
            LocalFact::DayPart => test.scalar(Some(Scalar::Text(LocalFact::DAY_PARTS[i as usize & 3]))),
            _ => test.scalar(Some(Scalar::Text(LocalFact::WEEKDAYS[i as usize % 7]))),
        };
        // The first day of 1970 was a Thursday.
        let first = if fact == LocalFact::Weekday { 3 } else { 0 };
        Self::Cycle { step, first, answers: (0..count).map(answer).collect() }
    }

    /// The answer at a time, and when it changes.
    pub(super) fn at(&self, now: Timestamp, offset: Offset) -> (bool, Timestamp) {
        let local = offset.local(now);
        match self {
            Self::Cycle { step, first, answers } => {
                let (at, count) = (local.div_euclid(*step), answers.len());
                // A cycle has at most 1,440 steps.
                let place = (at + first).rem_euclid(count as i64) as usize;
                let holds = answers[place];
                let next = (1..count).find(|ahead| answers[(place + ahead) % count] != holds);
                let until = next.map_or(Timestamp::MAX, |ahead| offset.utc((at + ahead as i64).saturating_mul(*step)));
                (holds, until)
            }
            Self::Date { test, days } => {
                let today = local.div_euclid(DAY);
                let answer = |day: i64| with_date(day, |date| test.scalar(date.map(Scalar::Text)));
                let holds = answer(today);
                let flips = |day: &&i64| **day > today && answer(**day) != holds;
                let until = match days.len() {
                    0 => offset.utc((today + 1).saturating_mul(DAY)),
                    _ => days.iter().find(flips).map_or(Timestamp::MAX, |day| offset.utc(day.saturating_mul(DAY))),
                };
                (holds, until)
            }
        }
    }
}

/// The fact at a time, as explanations tell it; `None` for a date outside the years 1 to 9999.
pub(super) fn value(fact: LocalFact, now: Timestamp, offset: Offset) -> Option<Value> {
    let local = offset.local(now);
    let step = |length: i64, count: i64, first: i64| (local.div_euclid(length) + first).rem_euclid(count);
    match fact {
        LocalFact::Hour => Some(Value::Number(step(HOUR, 24, 0) as f64)),
        LocalFact::Time => with_time(step(MINUTE, 24 * 60, 0), |text| Some(text.into())),
        LocalFact::DayPart => Some(LocalFact::DAY_PARTS[step(6 * HOUR, 4, 0) as usize & 3].into()),
        LocalFact::Weekday => Some(LocalFact::WEEKDAYS[step(DAY, 7, 3) as usize % 7].into()),
        LocalFact::Date => with_date(local.div_euclid(DAY), |date| date.map(Value::from)),
    }
}

/// The day of a date such as `2026-12-24`, since 1970.
pub(super) fn day_of(date: &str) -> Option<i64> {
    let time: Timestamp = date.parse().ok().filter(|_| date.len() == 10)?;
    Some(time.millis().div_euclid(DAY))
}

/// Whether text is a time of day such as `09:30`.
pub(super) fn is_time(text: &str) -> bool {
    let Some((hour, minute)) = text.split_once(':') else { return false };
    let below = |text: &str, limit: u8| {
        text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u8>().is_ok_and(|n| n < limit)
    };
    below(hour, 24) && below(minute, 60)
}

/// The days at whose beginning a test of the date can change its answer, in order: those that it names, and those
/// after them. None if it does not name days.
fn days(asked: &Test) -> Box<[i64]> {
    let literals: Vec<&Literal> = match asked {
        Test::Is(_, literal) => vec![literal],
        Test::Between(low, high) => vec![low, high],
        Test::In(values) | Test::NotIn(values) => values.iter().collect(),
        _ => return Box::default(),
    };
    let day = |literal: &&Literal| if let Literal::Text(text) = literal { day_of(text) } else { None };
    let named: Option<Vec<i64>> = literals.iter().map(day).collect();
    let mut days: Vec<i64> = named.unwrap_or_default().into_iter().flat_map(|day| [day, day + 1]).collect();
    days.sort_unstable();
    days.dedup();
    days.into()
}

/// A minute of the day as text.
fn with_time<T>(minute: i64, look: impl FnOnce(&str) -> T) -> T {
    let digit = |n: i64| b'0' + n.rem_euclid(10) as u8;
    let (hour, minute) = (minute / 60, minute % 60);
    let bytes = [digit(hour / 10), digit(hour), b':', digit(minute / 10), digit(minute)];
    look(std::str::from_utf8(&bytes).unwrap_or_default())
}

/// A day since 1970 as a date; `None` outside the years 1 to 9999.
fn with_date<T>(day: i64, look: impl FnOnce(Option<&str>) -> T) -> T {
    let date = day.checked_mul(DAY).and_then(|millis| Timestamp::from_millis(millis).date());
    let Some((year, month, day)) = date else { return look(None) };
    let (month, day) = (i16::from(month), i16::from(day));
    let digit = |n: i16| b'0' + n.rem_euclid(10) as u8;
    let mut bytes = *b"0000-00-00";
    for (at, n) in [
        (0, year / 1000),
        (1, year / 100),
        (2, year / 10),
        (3, year),
        (5, month / 10),
        (6, month),
        (8, day / 10),
        (9, day),
    ] {
        bytes[at] = digit(n);
    }
    look(std::str::from_utf8(&bytes).ok())
}

const MINUTE: i64 = Span::minutes(1).millis();
const HOUR: i64 = Span::hours(1).millis();
const DAY: i64 = Span::days(1).millis();
