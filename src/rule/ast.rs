//! The one tree behind text, JSON and Rust builders.
//!
//! Trees are kept in one form, so that equal rules compare equal however they were written: a conjunction never
//! holds another conjunction, nor a disjunction a disjunction, and the tests of an event are sorted.

use crate::profile::CounterId;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

use super::computed::Part;
pub(crate) use super::derive::Derive;
use super::error::Location;
use super::geo::Circle;
use super::pattern::Pattern;
use super::portrait::Portrait;
pub(crate) use super::query::{EventQuery, Measure, Sequence, When};

pub use super::session::SessionFact;

/// How deep a rule may nest.
pub const MAX_DEPTH: usize = 64;
/// How long the text of a rule may be: enough for a list of [`MAX_VALUES`] ids to be written back as text.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// How many values a list may have.
pub const MAX_VALUES: usize = 100_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Const(bool),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Segment(String, At),
    Sequence(Box<Sequence>),
    Test(Box<Comparison>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) source: Source,
    pub(crate) test: Test,
    /// Where the value is named.
    pub(crate) at: At,
    /// Where the operator stands.
    pub(crate) op_at: At,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Attribute(String),
    /// An attribute of the person's group of this kind.
    Group {
        kind: String,
        name: String,
    },
    /// What is computed from events, in place of the attribute's name; see [`super::computed`].
    Computed {
        name: String,
        id: CounterId,
        part: Part,
    },
    Context(String),
    Session(SessionFact),
    Event(EventQuery),
    Portrait(Portrait),
    Score(Vec<Points>),
    /// Within [`Test::Each`]: what lies under this dotted name in the element, or the whole element if it is empty.
    Element(String),
    /// Within the tests of an event: a property of it.
    Property(String),
    /// What is derived from the value of an attribute, of the request or of an element.
    Derived(Derive, Box<Self>),
}

impl Source {
    /// What it is, as messages say.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Attribute(_) => "attributes",
            Self::Group { .. } => "groups",
            Self::Computed { .. } => "computed attributes",
            Self::Context(_) => "the request",
            Self::Session(_) => "the session",
            Self::Event(_) => "events",
            Self::Portrait(of) => of.name(),
            Self::Score(_) => "scores",
            Self::Element(_) => "elements of a list",
            Self::Property(_) => "the properties of an event",
            Self::Derived(..) => "derived values",
        }
    }
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    #[default]
    Person,
    /// The element of a list.
    Element,
    /// An event that is to be counted or not.
    Event,
}

/// A part of a scoring rule: so many points where the condition holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Points {
    pub(crate) points: f64,
    pub(crate) rule: Expr,
    /// Where the points stand.
    pub(crate) at: At,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Is(Op, Literal),
    In(Vec<Literal>),
    NotIn(Vec<Literal>),
    Between(Literal, Literal),
    Exists,
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    /// The same with upper and lower case taken as one: of `=`, `!=`, lists of values, and parts of text.
    IgnoringCase(Box<Self>),
    Matches(Pattern),
    /// Every one of these is there.
    All(Vec<Literal>),
    /// One of a list that is defined elsewhere, by its name.
    InList(String),
    NotInList(String),
    /// The order of versions.
    Version(Op, String),
    /// The value is of this kind.
    OfKind(Kind),
    /// The value as a whole, be it a list or an object.
    Same(Value),
    /// Any element of a list, or every element of one that has some, is as the inner expression says.
    Each {
        every: bool,
        inner: Box<Expr>,
    },
    Near(Circle),
    /// The day and month of a date come up within so many days from today.
    Anniversary(u16),
}

impl Test {
    /// Calls `take` with the name of every list that it asks for, and where.
    pub(crate) fn each_list(&self, at: &At, take: &mut dyn FnMut(&str, &At)) {
        match self {
            Self::InList(name) | Self::NotInList(name) => take(name, at),
            Self::Each { inner, .. } => inner.each_list(take),
            _ => {}
        }
    }

    /// The operator as messages name it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Is(op, _) => op.text(),
            Self::In(_) => "IN",
            Self::NotIn(_) => "NOT IN",
            Self::Between(..) => "BETWEEN",
            Self::Exists => "EXISTS",
            Self::Contains(_) => "CONTAINS",
            Self::StartsWith(_) => "STARTS_WITH",
            Self::EndsWith(_) => "ENDS_WITH",
            Self::IgnoringCase(inner) => inner.name(),
            Self::Matches(_) => "MATCHES",
            Self::All(_) => "ALL",
            Self::InList(_) => "IN LIST",
            Self::NotInList(_) => "NOT IN LIST",
            Self::Version(..) => "VERSION",
            Self::OfKind(_) => "IS",
            Self::Same(_) => "===",
            Self::Each { every: false, .. } => "ANY",
            Self::Each { every: true, .. } => "EVERY",
            Self::Near(_) => "WITHIN",
            Self::Anniversary(_) => "ANNIVERSARY",
        }
    }

    /// Whether it can be asked of a single value by itself, which is all that counters of events do.
    pub(crate) fn is_scalar(&self) -> bool {
        let fixed = |literal: &Literal| !matches!(literal, Literal::Now { .. });
        match self {
            Self::Is(_, literal) => fixed(literal),
            Self::In(values) | Self::NotIn(values) => values.iter().all(fixed),
            Self::Between(low, high) => fixed(low) && fixed(high),
            Self::IgnoringCase(inner) => inner.is_scalar(),
            Self::Exists
            | Self::Contains(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Matches(_)
            | Self::Version(..) => true,
            Self::All(_)
            | Self::InList(_)
            | Self::NotInList(_)
            | Self::OfKind(_)
            | Self::Same(_)
            | Self::Each { .. }
            | Self::Near(_)
            | Self::Anniversary(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Op {
    pub(crate) const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Lt => "<",
            Self::Le => "<=",
        }
    }

    /// The name of the order of versions.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Eq => "$veq",
            Self::Ne => "$vne",
            Self::Gt => "$vgt",
            Self::Ge => "$vgte",
            Self::Lt => "$vlt",
            Self::Le => "$vlte",
        }
    }

    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
        }
    }

    pub(crate) const fn json(self) -> &'static str {
        match self {
            Self::Eq => "$eq",
            Self::Ne => "$ne",
            Self::Gt => "$gt",
            Self::Ge => "$gte",
            Self::Lt => "$lt",
            Self::Le => "$lte",
        }
    }
}

/// A value that is written down in a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A point in time.
    Time(Timestamp),
    /// A length of time, for what is counted in time; compares with numbers as seconds.
    Span(Span),
    /// A point in time as far from the present as the span says, `ahead` of it or before it.
    Now {
        /// The distance from the present.
        span: Span,
        /// Whether the time lies ahead; one at the present itself does not.
        ahead: bool,
    },
}

impl Literal {
    /// This long before the present.
    #[must_use]
    pub const fn ago(span: Span) -> Self {
        Self::Now { span, ahead: false }
    }

    /// This long after the present.
    #[must_use]
    pub const fn ahead(span: Span) -> Self {
        Self::Now { span, ahead: !span.is_zero() }
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<f64> for Literal {
    fn from(value: f64) -> Self {
        // Adding zero turns -0 into 0, which is how it is written back.
        Self::Number(value + 0.0)
    }
}
impl From<i32> for Literal {
    fn from(value: i32) -> Self {
        Self::Number(f64::from(value))
    }
}
impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Literal {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<Timestamp> for Literal {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}
impl From<Span> for Literal {
    fn from(value: Span) -> Self {
        Self::Span(value)
    }
}

/// A place that takes no part in comparing trees.
#[derive(Clone, Debug)]
pub(crate) struct At(pub(crate) Location);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Expr {
    pub(crate) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        Self::one_or(flat, true, Self::And)
    }

    pub(crate) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Or(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        Self::one_or(flat, false, Self::Or)
    }

    fn one_or(mut parts: Vec<Self>, empty: bool, many: fn(Vec<Self>) -> Self) -> Self {
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                parts.push(last);
                many(parts)
            }
            (_, None) => Self::Const(empty),
        }
    }

    pub(crate) fn each_list(&self, take: &mut dyn FnMut(&str, &At)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_list(take)),
            Self::Not(inner) => inner.each_list(take),
            Self::Test(comparison) => {
                comparison.test.each_list(&comparison.op_at, take);
                if let Source::Score(parts) = &comparison.source {
                    parts.iter().for_each(|part| part.rule.each_list(take));
                }
            }
            Self::Const(_) | Self::Segment(..) | Self::Sequence(_) => {}
        }
    }

    /// The levels of AND, OR, NOT, of scores, of lists and of the tests of events.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(inner) => 1 + inner.depth(),
            Self::Test(comparison) => match (&comparison.source, &comparison.test) {
                (Source::Score(parts), _) => 1 + parts.iter().map(|part| part.rule.depth()).max().unwrap_or(0),
                (_, Test::Each { inner, .. }) => 1 + inner.depth(),
                (Source::Event(query), _) => query.depth(),
                _ => 0,
            },
            Self::Sequence(of) => of.steps.iter().chain(&of.without).map(EventQuery::depth).max().unwrap_or(0),
            Self::Const(_) | Self::Segment(..) => 0,
        }
    }
}
