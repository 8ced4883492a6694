//! What an experiment says: a verdict for each comparison, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::Undefined;

/// What a comparison of an arm with the control amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Better than the control.
    Superior,
    /// Worse than the control.
    Inferior,
    /// Neither better nor worse can be shown.
    Inconclusive,
    /// Too few units or events to say anything.
    TooEarly,
    /// The arms did not get the shares that they should have: the numbers stand, but mean nothing.
    Mismatch,
    /// There is no answer, and this is why.
    Undefined(Undefined),
}

impl Verdict {
    /// The verdict in a word or two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Superior => "superior",
            Self::Inferior => "inferior",
            Self::Inconclusive => "inconclusive",
            Self::TooEarly => "too early",
            Self::Mismatch => "invalid: sample ratio",
            Self::Undefined(reason) => reason.name(),
        }
    }
}

/// What to do with an arm, by its first metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recommendation {
    /// Give it to everybody.
    Ship,
    /// Take it away.
    Stop,
    /// Give it to these segments of a column only: the effect differs, and cannot be shown in the others.
    Retarget {
        /// The column.
        column: String,
        /// Its values.
        values: Vec<String>,
    },
    /// Go on until each arm has about so many units: enough to show the smallest effect of interest.
    RunOn {
        /// Units per arm.
        units: u64,
    },
    /// The smallest effect of interest would have shown: there is none that large.
    Drop,
    /// Find out why the shares of the arms are off, or why there is no answer, and begin again.
    Repair,
}

impl fmt::Display for Recommendation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ship => write!(f, "ship"),
            Self::Stop => write!(f, "stop"),
            Self::Retarget { column, values } => write!(f, "retarget to {column} = {}", values.join(", ")),
            Self::RunOn { units } => write!(f, "run on until {units} units per arm"),
            Self::Drop => write!(f, "drop: an effect worth having would have shown"),
            Self::Repair => write!(f, "repair the experiment, and begin again"),
        }
    }
}
