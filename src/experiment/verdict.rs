//! What an experiment says: a verdict for each comparison, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::Undefined;

/// What a comparison of an arm with the control amounts to, in the direction in which its metric should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Better than the control.
    Superior,
    /// Worse than the control.
    Inferior,
    /// Not worse than the control by the margin of the plan.
    NonInferior,
    /// None of these can be shown.
    Inconclusive,
    /// Too few units or events to say anything, or a design that does not look yet.
    TooEarly,
    /// The numbers mean nothing, and this is why.
    Invalid(Invalid),
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Invalid {
    /// The arms did not get the shares that they should have: units were lost or counted wrongly.
    SampleRatio,
    /// There is no answer to the question.
    Undefined(Undefined),
}

impl Verdict {
    /// The verdict in a word or two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Superior => "superior",
            Self::Inferior => "inferior",
            Self::NonInferior => "non-inferior",
            Self::Inconclusive => "inconclusive",
            Self::TooEarly => "too early",
            Self::Invalid(Invalid::SampleRatio) => "invalid: sample ratio",
            Self::Invalid(Invalid::Undefined(reason)) => reason.name(),
        }
    }
}

/// What to do with an arm, by all its primary metrics and guardrails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recommendation {
    /// Give it to everybody: it is better, or not worse as planned, in some primary metric and worse in none.
    Ship,
    /// Take it away: it is worse in a primary metric, or harms a guardrail.
    Stop,
    /// Give it to these segments of a column only: it helps them, and the others are shown to have less of it or harm.
    Retarget {
        /// The column.
        column: String,
        /// Its values.
        values: Vec<String>,
    },
    /// It is better in some primary metrics and worse in others: somebody has to say what counts more.
    Weigh {
        /// Metrics in which it is better.
        gains: Vec<String>,
        /// Metrics in which it is worse.
        losses: Vec<String>,
    },
    /// Go on until each arm has about so many units: the end of the plan, or enough to show the smallest effect of
    /// interest.
    RunOn {
        /// Units per arm.
        units: u64,
    },
    /// The plan has come to its end, and was too small for the smallest effect of interest: plan anew with about so
    /// many.
    Replan {
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
            Self::Weigh { gains, losses } => {
                write!(f, "weigh: better in {}, worse in {}", gains.join(", "), losses.join(", "))
            }
            Self::RunOn { units } => write!(f, "run on until {units} units per arm"),
            Self::Replan { units } => write!(f, "plan anew with {units} units per arm: this plan was too small"),
            Self::Drop => write!(f, "drop: an effect worth having would have shown"),
            Self::Repair => write!(f, "repair the experiment, and begin again"),
        }
    }
}
