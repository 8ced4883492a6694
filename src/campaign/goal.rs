//! Which later events pay a decision, how much, and within what time.

use crate::rule::Rule;
use crate::time::Span;

/// What counts as success of a campaign: a definition.
///
/// An event that meets the goal pays the latest exposure of the campaign before it, if that lies within the window
/// and has not been paid.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// The events that count: a rule that is one event with tests on its properties, such as
    /// `event('purchased').where(value >= 50)`.
    pub event: Rule,
    /// How long after the exposure an event still counts.
    pub within: Span,
    /// What the event pays.
    pub pay: Pay,
    /// Whether the event must be about the recommended items.
    pub items: GoalItems,
}

/// What an event that meets a goal pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pay {
    /// One, whatever the event is worth.
    #[default]
    Conversion,
    /// The event's amount of money.
    Amount,
}

/// Which items an event must be about to meet a goal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoalItems {
    /// Any, or none at all.
    #[default]
    Any,
    /// At least one that the decision recommended.
    Recommended,
}
