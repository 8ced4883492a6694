//! The one tree behind text, JSON and Rust builders.
//!
//! Trees are kept in one form, so that equal rules compare equal however they were written: a conjunction never
//! holds another conjunction, nor a disjunction a disjunction, and the tests of an event are sorted.

use crate::time::Timestamp;

use super::error::Location;
pub(crate) use super::query::{EventQuery, Measure, PropertyTest, Sequence, When};

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
    Context(String),
    Affinity { dimension: String, value: String },
    Session(SessionFact),
    Event(EventQuery),
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

/// Something that is known about the running session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionFact {
    /// How many sessions there have been, this one included.
    Count,
    /// How many items or pages were seen in this session.
    Views,
    /// How many events there were in this session.
    Events,
    /// How many seconds lie between its first and its last event.
    Seconds,
    /// Where the person came from the first time.
    FirstSource,
    /// Where the person came from the last time.
    LastSource,
    /// Where this session came from.
    Source,
    /// The device of this session.
    Device,
    /// The channel of this session.
    Channel,
}

impl SessionFact {
    /// Every fact.
    pub const ALL: [Self; 9] = [
        Self::Count,
        Self::Views,
        Self::Events,
        Self::Seconds,
        Self::FirstSource,
        Self::LastSource,
        Self::Source,
        Self::Device,
        Self::Channel,
    ];

    /// The name by which rules call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Views => "views",
            Self::Events => "events",
            Self::Seconds => "seconds",
            Self::FirstSource => "first_source",
            Self::LastSource => "last_source",
            Self::Source => "source",
            Self::Device => "device",
            Self::Channel => "channel",
        }
    }

    /// The fact with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.name() == name)
    }

    /// Whether it is a number; the others are text.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Count | Self::Views | Self::Events | Self::Seconds)
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

    /// The levels of AND, OR and NOT.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(inner) => 1 + inner.depth(),
            _ => 0,
        }
    }
}
