//! What rules ask about events: which, when, and what of them.

use crate::event::EventKind;
use crate::profile::{Period, Window};
use crate::time::{Span, Timestamp};

use super::ast::{At, Comparison, Expr, Source, Test};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventQuery {
    pub(crate) kind: EventKind,
    /// All of these hold of an event that counts: expressions over [`Source::Property`], none of them a conjunction.
    pub(crate) tests: Vec<Expr>,
    pub(crate) when: When,
    pub(crate) measure: Measure,
    pub(crate) at: At,
    pub(crate) when_at: At,
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
        self.tests = match settled(Expr::And(self.tests)) {
            Expr::And(parts) => parts,
            Expr::Const(true) => Vec::new(),
            one => vec![one],
        };
        self
    }

    /// Calls `take` with every test of a property.
    pub(crate) fn each_test<'a>(&'a self, take: &mut dyn FnMut(Asked<'a>)) {
        self.tests.iter().for_each(|test| each_test(test, take));
    }

    /// The levels of what is asked of the properties.
    pub(crate) fn depth(&self) -> usize {
        let deepest = self.tests.iter().map(Expr::depth).max().unwrap_or(0);
        deepest + usize::from(self.tests.len() > 1)
    }
}

/// What is asked of a property.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) name: &'a str,
    pub(crate) test: &'a Test,
    pub(crate) at: &'a At,
}

impl<'a> Asked<'a> {
    /// The test of a property that an expression is, if it is one.
    pub(crate) fn of(expr: &'a Expr) -> Option<Self> {
        let Expr::Test(comparison) = expr else { return None };
        match &**comparison {
            Comparison { source: Source::Property(name), test, op_at, .. } => Some(Self { name, test, at: op_at }),
            _ => None,
        }
    }
}

fn each_test<'a>(expr: &'a Expr, take: &mut dyn FnMut(Asked<'a>)) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| each_test(part, take)),
        Expr::Not(inner) => each_test(inner, take),
        leaf => Asked::of(leaf).into_iter().for_each(take),
    }
}

/// The expression with the parts of AND and OR sorted and each there once, and without NOT NOT.
fn settled(expr: Expr) -> Expr {
    let each = |parts: Vec<Expr>| parts.into_iter().map(settled).collect::<Vec<_>>();
    match expr {
        Expr::And(parts) => match Expr::and(each(parts)) {
            Expr::And(parts) => Expr::and(sorted(parts)),
            one => one,
        },
        Expr::Or(parts) => match Expr::or(each(parts)) {
            Expr::Or(parts) => Expr::or(sorted(parts)),
            one => one,
        },
        Expr::Not(inner) => match settled(*inner) {
            Expr::Not(twice) => *twice,
            inner => Expr::Not(Box::new(inner)),
        },
        leaf => leaf,
    }
}

fn sorted(mut parts: Vec<Expr>) -> Vec<Expr> {
    parts.sort_by_cached_key(Expr::to_string);
    parts.dedup();
    parts
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
