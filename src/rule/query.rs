//! What rules ask about events: which, when, and what of them.

use crate::event::EventKind;
use crate::profile::{Period, Window};
use crate::time::{Span, Timestamp};

use super::ast::{At, Test};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventQuery {
    pub(crate) kind: EventKind,
    pub(crate) tests: Vec<PropertyTest>,
    pub(crate) when: When,
    pub(crate) measure: Measure,
    pub(crate) at: At,
    pub(crate) when_at: At,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PropertyTest {
    pub(crate) name: String,
    pub(crate) test: Test,
    pub(crate) at: At,
}

/// The stretch of time as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum When {
    #[default]
    Ever,
    Within(Span),
    Between(Span, Span),
    Since(Timestamp),
    InSession,
    Days(u32, i32),
    Weeks(u32, i32),
}

impl When {
    /// The stretch as counters read it; what is since a date is ever, of events from then on.
    pub(crate) const fn window(self) -> Window {
        match self {
            Self::Ever | Self::Since(_) => Window::Ever,
            Self::Within(span) => Window::rolling(span),
            Self::Between(from, to) => Window::Rolling { from, to },
            Self::InSession => Window::Session,
            Self::Days(count, offset) => Window::Days { count, offset },
            Self::Weeks(count, offset) => Window::Weeks { count, offset },
        }
    }

    /// The minutes from UTC by which it counts days.
    pub(crate) const fn offset(self) -> i32 {
        match self {
            Self::Days(_, offset) | Self::Weeks(_, offset) => offset,
            _ => 0,
        }
    }
}

/// What of the events is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Count,
    Sum(String),
    Mean(String),
    Min(String),
    Max(String),
    Distinct(String),
    First,
    Last,
    Periods(Period),
}

impl Measure {
    pub(crate) const NAMES: [&'static str; 10] =
        ["count", "sum", "avg", "min", "max", "distinct", "first", "last", "days", "weeks"];

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum(_) => "sum",
            Self::Mean(_) => "avg",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Distinct(_) => "distinct",
            Self::First => "first",
            Self::Last => "last",
            Self::Periods(Period::Day) => "days",
            Self::Periods(Period::Week) => "weeks",
        }
    }

    /// The measure with this name, over a property yet to be named where it needs one.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum(String::new()),
            "avg" => Self::Mean(String::new()),
            "min" => Self::Min(String::new()),
            "max" => Self::Max(String::new()),
            "distinct" => Self::Distinct(String::new()),
            "first" => Self::First,
            "last" => Self::Last,
            "days" => Self::Periods(Period::Day),
            "weeks" => Self::Periods(Period::Week),
            _ => return None,
        })
    }

    pub(crate) const fn property(&self) -> Option<&String> {
        match self {
            Self::Sum(name) | Self::Mean(name) | Self::Min(name) | Self::Max(name) | Self::Distinct(name) => Some(name),
            Self::Count | Self::First | Self::Last | Self::Periods(_) => None,
        }
    }

    pub(crate) const fn property_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Sum(name) | Self::Mean(name) | Self::Min(name) | Self::Max(name) | Self::Distinct(name) => Some(name),
            Self::Count | Self::First | Self::Last | Self::Periods(_) => None,
        }
    }
}

/// One event after the other. Each step is a query without a measure; the window of one after the first says how long
/// after the step before it may come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sequence {
    pub(crate) steps: Vec<EventQuery>,
    pub(crate) without: Option<EventQuery>,
    /// How long after the last step the forbidden event must stay away.
    pub(crate) after: Option<Span>,
    pub(crate) when: When,
    pub(crate) at: At,
}

impl EventQuery {
    pub(crate) const fn new(kind: EventKind, at: At, when_at: At) -> Self {
        Self { kind, tests: Vec::new(), when: When::Ever, measure: Measure::Count, at, when_at }
    }

    /// Sorts the tests, so that the order in which they were written does not matter.
    pub(crate) fn canonical(mut self) -> Self {
        if self.tests.len() > 1 {
            self.tests.sort_by_cached_key(super::print::property_test);
            self.tests.dedup();
        }
        self
    }
}

/// Minutes from UTC as they are written: `+02:00`.
pub(crate) fn read_offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i32| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| plain && *number <= most)
    };
    Some(sign * (number(hours, 14)? * 60 + number(minutes, 59)?))
}

pub(crate) fn write_offset(offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
}
