//! Questions about events other than "at least so many", compiled.

use crate::profile::{Asked, CounterId, Frame, Period, Steps, Window};
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use crate::value::Value;

use super::asked::{self, Lasting};
use super::ast::{EventQuery, Measure, Sequence, When};
use super::facts::{Facts, Scalar};
use super::value_test::ValueTest;

/// A question about events.
#[derive(Clone, Debug)]
pub(super) struct EventNode {
    counter: CounterId,
    window: Window,
    asks: Asks,
}

#[derive(Clone, Debug)]
enum Asks {
    Number(Asked, ValueTest),
    First(ValueTest),
    Last(ValueTest),
    /// When the first was, or the last, compared with the present.
    Moving {
        last: bool,
        asked: Box<asked::Asked>,
    },
    Sequence(Steps),
}

impl EventNode {
    pub(super) fn new(counter: CounterId, query: &EventQuery, test: ValueTest) -> Self {
        let asks = match query.measure {
            Measure::First => Asks::First(test),
            Measure::Last => Asks::Last(test),
            Measure::Count | Measure::Distinct(_) | Measure::Periods(_) => Asks::Number(Asked::Count, test),
            Measure::Sum(_) => Asks::Number(Asked::Sum, test),
            Measure::Mean(_) => Asks::Number(Asked::Mean, test),
            Measure::Min(_) => Asks::Number(Asked::Min, test),
            Measure::Max(_) => Asks::Number(Asked::Max, test),
        };
        Self { counter, window: window_of(query), asks }
    }

    /// A question that compares the time of the first event or the last with the present.
    pub(super) fn moving(counter: CounterId, query: &EventQuery, asked: Box<asked::Asked>) -> Self {
        let asks = Asks::Moving { last: query.measure == Measure::Last, asked };
        Self { counter, window: window_of(query), asks }
    }

    pub(super) fn sequence(counter: CounterId, of: &Sequence) -> Self {
        let asks = Asks::Sequence(steps(of));
        Self { counter, window: of.when.window(), asks }
    }

    pub(super) const fn counter(&self) -> CounterId {
        self.counter
    }

    pub(super) fn eval(&self, facts: &impl Facts) -> Truth {
        let Some(counter) = facts.counter(self.counter) else {
            return absent(self.counter, self.window, facts).unwrap_or_else(|| Truth::always(self.of_nothing()));
        };
        let frame = frame(self.window, facts);
        let time = |time: crate::profile::Windowed<Option<Timestamp>>, test: &ValueTest| {
            // Event times lie between 1970 and 9999, where `f64` holds milliseconds exactly.
            let millis = time.value.map(|time| time.millis() as f64);
            let answer = match millis {
                Some(millis) if !time.exact => test.range(f64::NEG_INFINITY, millis),
                None if !time.exact => Answer::Unknown,
                millis => test.scalar(millis.map(Scalar::Number)).into(),
            };
            Truth { answer, until: time.until }
        };
        match &self.asks {
            Asks::Number(asked, test) => {
                let found = counter.estimate(*asked, &frame);
                let answer = match found.value {
                    Some(value) if found.known => test.scalar(Some(Scalar::Number(value))).into(),
                    None if found.known => test.scalar(None).into(),
                    _ => test.range(found.low, found.high),
                };
                Truth { answer, until: found.until }
            }
            Asks::First(test) => time(counter.first_in(&frame), test),
            Asks::Last(test) => time(counter.last_in(&frame), test),
            Asks::Moving { last, asked } => {
                let time = if *last { counter.last_in(&frame) } else { counter.first_in(&frame) };
                moving(&time, asked, facts.now())
            }
            Asks::Sequence(steps) => counter.sequence(steps, &frame),
        }
    }

    /// What the answer is where nothing has been counted.
    fn of_nothing(&self) -> bool {
        match &self.asks {
            Asks::Number(Asked::Count | Asked::Sum, test) => test.scalar(Some(Scalar::Number(0.0))),
            Asks::Number(Asked::Mean | Asked::Min | Asked::Max, test) | Asks::First(test) | Asks::Last(test) => {
                test.scalar(None)
            }
            Asks::Moving { asked, .. } => asked.ask(None, Timestamp::EPOCH).holds,
            Asks::Sequence(_) => false,
        }
    }
}

/// What is asked of a time and the present. One that is not exact may be any from 1970 on to that.
fn moving(time: &crate::profile::Windowed<Option<Timestamp>>, asked: &asked::Asked, now: Timestamp) -> Truth {
    // Event times lie between 1970 and 9999, where `f64` holds milliseconds exactly.
    let ask = |time: Timestamp| asked.ask(Some(&Value::Number(time.millis() as f64)), now);
    let (answer, until) = match time.value {
        Some(at) if time.exact => {
            let Lasting { holds, until } = ask(at);
            (holds.into(), until)
        }
        None if time.exact => (asked.ask(None, now).holds.into(), Timestamp::MAX),
        Some(at) if asked.is_ordered() => {
            let (low, high) = (ask(Timestamp::EPOCH), ask(at));
            let answer = if low.holds == high.holds { low.holds.into() } else { Answer::Unknown };
            (answer, low.until.min(high.until))
        }
        _ => (Answer::Unknown, Timestamp::MAX),
    };
    Truth { answer, until: until.min(time.until) }
}

/// The steps of a sequence.
pub(super) fn steps(of: &Sequence) -> Steps {
    let limit = |step: &EventQuery| if let When::Within(span) = step.when { Some(span) } else { None };
    Steps { limits: of.steps.iter().skip(1).map(limit).collect(), quiet: of.after }
}

/// The window that a query asks about. Days and weeks are those of the calendar: "within 7 days" is today and the six
/// before.
pub(super) fn window_of(query: &EventQuery) -> Window {
    match (&query.measure, query.when.window()) {
        (Measure::Periods(period), Window::Rolling { from, .. }) => {
            // Checked to be whole days or weeks of at most five years.
            let days = (from.millis() / Span::days(1).millis()) as u32;
            match period {
                Period::Day => Window::Days { count: days, offset: 0 },
                Period::Week => Window::Weeks { count: days / 7, offset: 0 },
            }
        }
        (_, window) => window,
    }
}

/// Where the window lies now.
pub(super) fn frame(window: Window, facts: &impl Facts) -> Frame {
    let session = match window {
        Window::Session => facts.session_start().map(|start| (start, facts.session_until())),
        _ => None,
    };
    window.frame(facts.now(), session)
}

/// The answer of a counter that is not there but may have missed something inside the window; `None` if it has not.
#[inline]
pub(super) fn absent(id: CounterId, window: Window, facts: &impl Facts) -> Option<Truth> {
    let since = facts.absent_since(id);
    if since == crate::time::Timestamp::MIN {
        return None;
    }
    frame(window, facts).missing(since).map(|until| Truth { answer: Answer::Unknown, until })
}
