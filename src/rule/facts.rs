//! The one trait that a rule reads through, and the one that counters read events through.

use std::borrow::Cow;

use crate::hash::Symbol;
use crate::id::UserKey;
use crate::profile::{CounterId, Lifecycle, Purchases, Reading, Visits};
use crate::sketch::Decayed;
use crate::time::{Span, Timestamp};
use crate::truth::Answer;
use crate::value::Value;

use super::ast::SessionFact;
use super::computed::Part;

/// A single value, borrowed from wherever it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    /// The value, unless it is nothing, a list or an object.
    #[must_use]
    pub fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => Some(Self::Number(*number)),
            Value::Text(text) => Some(Self::Text(text)),
            Value::Null | Value::List(_) | Value::Object(_) => None,
        }
    }

    /// A key under which equal values meet. Values that share a key by chance are rare: it has 64 bits.
    #[must_use]
    pub fn key(self) -> u64 {
        match self {
            Self::Bool(value) => u64::from(value),
            // Adding zero turns -0 into 0.
            Self::Number(number) => (number + 0.0).to_bits(),
            Self::Text(text) => Symbol::new(text).to_bits(),
        }
    }
}

/// What is known about a person, and about the request if there is one, at one point in time. Whoever knows no more
/// than attributes gives these: without a word on the rest, nothing of it is known.
pub trait Facts {
    /// The present.
    fn now(&self) -> Timestamp;
    /// The profile's attribute of this name.
    fn attribute(&self, name: Symbol) -> Option<&Value>;
    /// Whether the profile has any part of an object of this name, such as `address.city` of `address`.
    fn has_parts(&self, _name: Symbol) -> bool {
        false
    }
    /// When the profile's attribute of this name was set, for explanations.
    fn set_at(&self, _name: Symbol) -> Option<Timestamp> {
        None
    }
    /// The attribute of this name of the person's group of this kind.
    fn group(&self, _kind: Symbol, _name: Symbol) -> Option<&Value> {
        None
    }
    /// Whether there is any part of an object of this name among the attributes of the person's group of this kind.
    fn group_has_parts(&self, _kind: Symbol, _name: Symbol) -> bool {
        false
    }
    /// A part of what is computed under this id from events.
    fn computed(&self, _id: CounterId, _part: Part) -> Option<Cow<'_, Value>> {
        None
    }
    /// The request's attribute of this name; `None` where there is no request.
    fn context(&self, _name: Symbol) -> Option<&Value> {
        None
    }
    /// What the profile's counter with this id says; `None` if it has counted nothing.
    fn counter(&self, _id: CounterId) -> Option<Reading<'_>> {
        None
    }
    /// From when on a counter that is not there is known to have nothing to count; [`Timestamp::MIN`] for ever.
    fn absent_since(&self, id: CounterId) -> Timestamp {
        let _ = id;
        Timestamp::MIN
    }
    /// When the running session began, if one runs.
    fn session_start(&self) -> Option<Timestamp> {
        None
    }
    /// The share, from 0 to 1, of this value in the profile's interest along this dimension. It changes by time
    /// passing alone only as [`Facts::affinity_until`] says.
    fn affinity(&self, _dimension: Symbol, _value: Symbol) -> f64 {
        0.0
    }
    /// Until when the affinities of a dimension stay as they are if nothing happens.
    fn affinity_until(&self, _dimension: Symbol) -> Timestamp {
        Timestamp::MAX
    }
    /// The decayed weight of this value in the profile's interest along this dimension, with its half-life.
    fn affinity_weight(&self, _dimension: Symbol, _value: Symbol) -> Option<(Decayed, Span)> {
        None
    }
    /// The place of this value in the profile's interest along this dimension, from one on. It must not change by
    /// time passing alone.
    fn affinity_rank(&self, _dimension: Symbol, _value: Symbol) -> Option<u32> {
        None
    }
    /// The value in the first place.
    fn affinity_top(&self, _dimension: Symbol) -> Option<Symbol> {
        None
    }
    /// Whose profile it is.
    fn person(&self) -> Option<UserKey> {
        None
    }
    /// When the person was seen, and after how much time stages of the lifecycle change.
    fn visits(&self) -> Option<(Visits, &Lifecycle)> {
        None
    }
    /// What the person has bought.
    fn purchases(&self) -> Option<Purchases<'_>> {
        None
    }
    /// A fact about the running session.
    fn session(&self, _fact: SessionFact) -> Option<Scalar<'_>> {
        None
    }
    /// Until when the session's facts hold if nothing happens.
    fn session_until(&self) -> Timestamp {
        Timestamp::MAX
    }
    /// Whether the person is in the segment with this index, as far as that is known.
    fn segment(&self, _index: usize) -> Answer {
        Answer::No
    }
}

/// What an event says, to the counters that may count it.
pub trait EventFacts {
    /// Whether any of the values that the event, or an item in it, has under this name passes the test.
    fn any(&self, name: Symbol, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool;
    /// The number to add up under this name.
    fn number(&self, name: Symbol) -> Option<f64>;
}
