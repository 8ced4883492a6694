//! Why a rule holds or not: the tree of its conditions with what was found, and what would change the answer.
//!
//! An [`Explanation`] is made from the rule as it was written; its answers come from the same compiled conditions and
//! the same logic that decide, so that both always agree. It prints as an indented tree for people, and serialises for
//! tools.

mod change;
mod walk;

use std::fmt;

use serde::Serialize;

use crate::time::Timestamp;
use crate::truth::{Answer, Unknown};
use crate::value::Value;

pub(crate) use walk::{Segments, explain};

/// A rule or a part of it, with its answer and the reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What kind of part it is.
    pub kind: Branch,
    /// The condition in the text form of rules; the name of a segment or campaign; empty for a combination.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether it holds.
    pub answer: Answer,
    /// Where the answer of a segment or campaign that was asked for is unknown, whether the person is in all the same,
    /// as its [`Unknown`] says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included: Option<bool>,
    /// A time before which the answer does not change without an event; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What would change the answer of this condition; empty for what is made of other parts, whose changes
    /// [`Explanation::changes`] collects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

/// What kind of part of an [`Explanation`] something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Branch {
    /// It holds if all its parts do.
    All,
    /// It holds if any of its parts does.
    Any,
    /// It holds if its one part does not.
    Not,
    /// A segment; its part is the segment's rule, unless that was opened before or lies too deep.
    Segment,
    /// A campaign; its part is the audience, if it has one.
    Campaign,
    /// A single condition.
    Condition,
}

/// What was found for a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// There is no such value.
    Missing,
    /// A value.
    Value {
        /// The value.
        value: Value,
        /// When it was set, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        set: Option<Timestamp>,
    },
    /// Events that were counted.
    Events {
        /// How many; at least so many where `missing` says that some may be lost.
        count: u32,
        /// The times of those that are kept, oldest first.
        times: Vec<Timestamp>,
        /// Up to this time events may be missing, since no more times are kept or since nobody asked before.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Timestamp>,
    },
    /// How far a sequence has come.
    Steps {
        /// Its steps in their order. Those with a time were taken: all of them, or the longest beginning that can still
        /// go on.
        steps: Vec<Step>,
        /// When the event that must not come last took back what had been reached.
        #[serde(skip_serializing_if = "Option::is_none")]
        ended: Option<Timestamp>,
        /// Up to this time events may be missing, so that the answer is not known.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Timestamp>,
    },
    /// An amount that was added up.
    Amount {
        /// The sum.
        sum: f64,
        /// Whether it is exactly that of the window.
        exact: bool,
    },
    /// A number about events: a mean, an extreme, different values, days or weeks.
    Estimate {
        /// The number, where there is one.
        value: Option<f64>,
        /// The least that it can be exactly; `None` where nothing bounds it.
        low: Option<f64>,
        /// The most that it can be.
        high: Option<f64>,
        /// Up to this time events may be missing, since nobody asked before.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Timestamp>,
    },
    /// The time of an event.
    Time {
        /// When it was.
        time: Timestamp,
    },
    /// A share of the person's interest, from 0 to 1.
    Share {
        /// The share.
        share: f64,
    },
}

/// A step of a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which event it is, as in `item_viewed where category = 'shoes'`.
    pub event: String,
    /// When it was taken; `None` if it is missing.
    pub time: Option<Timestamp>,
}

/// What would change the answer of a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Further events.
    Events {
        /// How many.
        more: u32,
        /// Which, as in `item_viewed where category = 'shoes'`.
        event: String,
        /// Before when: then the first of those that count leaves the window. `None` where none does, or none counts.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<Timestamp>,
    },
    /// A further amount.
    Amount {
        /// How much.
        more: f64,
        /// Whether it has to be more than that.
        over: bool,
        /// Of which property.
        property: String,
        /// Of which events.
        event: String,
    },
    /// Nothing but time.
    Time {
        /// The first millisecond at which the answer is another one, if nothing happens.
        at: Timestamp,
    },
    /// Another value.
    Value {
        /// What has the value, in the text form of rules.
        of: String,
        /// What it is asked for, in the text form of rules.
        wanted: String,
        /// The value would have to be anything but that.
        unlike: bool,
    },
}

impl Explanation {
    /// The explanation of what decides so about the unknown.
    pub(crate) fn deciding(self, unknown: Unknown) -> Self {
        let included = self.answer.is_unknown().then(|| unknown.admits(self.answer));
        Self { included, ..self }
    }

    /// What would change the answer: the changes of the conditions that decide it. Of a combination that would need
    /// several parts to change all are given.
    #[must_use]
    pub fn changes(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        // Of a conjunction that fails, the parts that hold need not change; likewise of a disjunction that holds.
        let is_settled = |part: &&Self| match self.kind {
            Branch::All => self.answer.is_yes() || !part.answer.is_yes(),
            Branch::Any => !self.answer.is_yes() || part.answer.is_yes(),
            _ => true,
        };
        changes.extend(self.parts.iter().filter(is_settled).flat_map(Self::changes));
        changes
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let answer = match self.answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "?",
        };
        let indent = 2 * depth;
        if depth > 0 {
            f.write_str("\n")?;
        }
        write!(f, "{:indent$}{answer:<4}", "")?;
        match self.kind {
            Branch::All => f.write_str("all of")?,
            Branch::Any => f.write_str("any of")?,
            Branch::Not => f.write_str("not")?,
            Branch::Segment => write!(f, "segment {}", self.text)?,
            Branch::Campaign if self.parts.is_empty() => write!(f, "campaign {}, for everybody", self.text)?,
            Branch::Campaign => write!(f, "campaign {}", self.text)?,
            Branch::Condition => f.write_str(&self.text)?,
        }
        match self.included {
            Some(true) => f.write_str(", included while that is unknown")?,
            Some(false) => f.write_str(", left out while that is unknown")?,
            None => {}
        }
        let inner = indent + 4;
        if let Some(evidence) = &self.evidence {
            write!(f, "\n{:inner$}found {evidence}", "")?;
        }
        for change in &self.changes {
            write!(f, "\n{:inner$}would change {change}", "")?;
        }
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

impl fmt::Display for Explanation {
    /// An indented tree, a line for each part, what was found and what would change it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("none"),
            Self::Value { value, set } => {
                // Values of every kind have a JSON form.
                write!(f, "{}", serde_json::to_string(value).unwrap_or_default())?;
                set.map_or(Ok(()), |set| write!(f, ", set at {set}"))
            }
            Self::Events { count, times, missing } => {
                let least = if missing.is_some() { "at least " } else { "" };
                write!(f, "{least}{count}")?;
                match times.as_slice() {
                    [] => {}
                    [only] => write!(f, ", at {only}")?,
                    [first, .., last] => write!(f, ", from {first} to {last}")?,
                }
                missing.map_or(Ok(()), |missing| write!(f, "; what was up to {missing} is not all known"))
            }
            Self::Steps { steps, ended, missing } => {
                let taken = steps.iter().filter(|step| step.time.is_some()).count();
                write!(f, "{taken} of {} steps", steps.len())?;
                for (i, Step { event, time }) in steps.iter().enumerate() {
                    f.write_str(if i == 0 { ": " } else { ", then " })?;
                    match time {
                        Some(time) => write!(f, "{event} at {time}")?,
                        None => write!(f, "{event} is missing")?,
                    }
                }
                ended.map_or(Ok(()), |ended| write!(f, "; what had been reached ended at {ended}"))?;
                missing.map_or(Ok(()), |missing| write!(f, "; what was up to {missing} is not all known"))
            }
            Self::Amount { sum, exact } => write!(f, "{}{sum}", if *exact { "" } else { "about " }),
            Self::Estimate { value, low, high, missing } => {
                match (value, low, high) {
                    (None, ..) => f.write_str("none")?,
                    (Some(value), Some(low), Some(high)) if low.total_cmp(high).is_eq() => write!(f, "{value}")?,
                    (Some(value), low, high) => {
                        write!(f, "about {value}")?;
                        low.map_or(Ok(()), |low| write!(f, ", from {low}"))?;
                        high.map_or(Ok(()), |high| write!(f, ", up to {high}"))?;
                    }
                }
                missing.map_or(Ok(()), |missing| write!(f, "; what was up to {missing} is not all known"))
            }
            Self::Time { time } => write!(f, "{time}"),
            Self::Share { share } => write!(f, "a share of {share:.3}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events { more, event, before } => {
                write!(f, "with {more} more {event}")?;
                before.map_or(Ok(()), |before| write!(f, " before {before}"))
            }
            Self::Amount { more, over, property, event } => {
                write!(f, "with {}{more} more of {property} in {event}", if *over { "over " } else { "" })
            }
            Self::Time { at } => write!(f, "at {at} with no event"),
            Self::Value { of, wanted, unlike } => {
                let but = if *unlike { "anything but " } else { "" };
                write!(f, "if {of} was {but}{wanted}")
            }
        }
    }
}
